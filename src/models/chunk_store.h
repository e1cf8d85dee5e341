/*
 * chunk_store.h - the chunk digests of a models folder: ROOT/registry/chunks/<sha256>.
 *
 * What a chunk file is and why it is believed is told in base/chunks.h. Not responsible
 * for making them. All of it is a help and no truth: what cannot be read is as if it were
 * not there, and nothing fails because it cannot be written.
 */
#ifndef VANTA_MODELS_CHUNK_STORE_H
#define VANTA_MODELS_CHUNK_STORE_H

#include "base/chunks.h"
#include "base/path.h"
#include "models/registry.h"

/* The folder; false: the path is too long. */
bool vanta_chunk_store(const char *root, char out[VANTA_PATH_MAX]);
/* The chunks of the file with this digest; false, and out zeroed, when they are not known.
 * The caller frees. */
bool vanta_chunk_store_load(const char *root, const char *sha256, struct vanta_chunks *out);
void vanta_chunk_store_save(const char *root, const struct vanta_chunks *chunks);
/* Deletes the chunk files of what no entry has, as it is registered and as the catalog has
 * it. Other names in the folder stay. */
void vanta_chunk_store_sweep(const char *root, const struct vanta_registry *registry,
                             const struct vanta_catalog *catalog);

#endif
