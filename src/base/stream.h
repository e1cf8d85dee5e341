/*
 * stream.h - a file's bytes from its first to its last, read while they are worked on.
 *
 * For what takes a file in order: digests. Large files are read by a second thread, so
 * that copying out of the page cache, or the disk, costs the caller's core nothing.
 * Not responsible for what is done with the bytes.
 *
 * The file is read with pread from byte 0; fd's own position is untouched. Memory: 4 MiB.
 */
#ifndef VANTA_BASE_STREAM_H
#define VANTA_BASE_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vanta_error.h"

/* Bytes that leave the page cache as they came: in steps of so many, a step that was not
 * in memory before it was read is given back afterwards. */
#define VANTA_STREAM_STEP ((size_t)4 * 1024 * 1024)

struct vanta_stream_options {
    bool alone;     /* no second thread: the other cores have work of their own */
    bool traceless; /* give back what was not in memory before */
};

/* The next bytes, at most 1 MiB; len 0 once, at the end of the file. Anything but VANTA_OK
 * ends the reading with that status. Called from the caller's thread. */
typedef enum vanta_status vanta_stream_block(void *arg, const uint8_t *data, size_t len,
                                             struct vanta_error *err);

/* name is for messages. options may be NULL. VANTA_ERR_IO ("NAME: reading at byte N"),
 * NO_MEMORY, or what block returned. */
enum vanta_status vanta_stream_file(int fd, const char *name,
                                    const struct vanta_stream_options *options,
                                    vanta_stream_block *block, void *arg,
                                    struct vanta_error *err);

/* pread of all of len, or up to the end of the file: the bytes read, or -errno. */
int64_t vanta_read_at(int fd, void *data, size_t len, uint64_t pos);

/* A step (pos a multiple of VANTA_STREAM_STEP, len within the file) that is about to be read
 * without leaving a trace: whether it has to be given back afterwards. Then the system is
 * told that it is wanted. */
bool vanta_step_begin(int fd, uint64_t pos, size_t len);
void vanta_step_end(int fd, uint64_t pos, size_t len);

#endif
