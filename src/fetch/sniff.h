/*
 * sniff.h - are the first bytes those of the file, or of something in its place?
 *
 * Names what a server sent instead: an HTML or login page, a Git LFS pointer, an error
 * document, a file of another format. Judges only; takes no bytes and keeps nothing.
 */
#ifndef VANTA_FETCH_SNIFF_H
#define VANTA_FETCH_SNIFF_H

#include <stddef.h>

#include "fetch/fetch.h"
#include "vanta_error.h"

/* So many first bytes are looked at; fewer only where the file is that short. */
#define VANTA_SNIFF_BYTES 1024

/* from is the URL or path for messages, content_type the server's word ("" none).
 * VANTA_OK; VANTA_ERR_SERVER: something in its place; VANTA_ERR_FORMAT: another format. */
enum vanta_status vanta_sniff(const void *data, size_t len, enum vanta_magic magic,
                              const char *content_type, const char *from,
                              struct vanta_error *err);

#endif
