/*
 * chunks.h - a file's digest together with the digests of its chunks of 4 MiB.
 *
 * With them a large file is checked by all cores at once, and of a damaged one only the
 * damaged chunks are fetched again. Here they are made, in one pass over the file, and kept
 * in files. Not responsible for what a digest should be (verify.h) nor for where files
 * come from (fetch.h).
 *
 *     struct vanta_chunk_hasher h = {0};
 *     struct vanta_chunks chunks = {0};
 *     status = vanta_chunk_hasher_init(&h, size_bytes, err);
 *     vanta_chunk_hasher_update(&h, data, len);       // the file's bytes in their order
 *     status = vanta_chunk_hasher_final(&h, &chunks, err);
 *     ... compare chunks.sha256 with the digest that judges the file, and only then ...
 *     status = vanta_chunks_save(folder, &chunks, err);
 *     vanta_chunks_free(&chunks);
 *     vanta_chunk_hasher_free(&h);
 *
 * Trust: chunk digests prove nothing about a file by themselves. They are a statement of
 * whoever hashed the whole file, found sha256, and wrote them down; a chunk file is looked
 * up by the digest that judges the file, and before a file is called wrong because of one
 * the whole file is hashed. There is no way to save a hasher and go on with it in another
 * process: the bytes on the disk may have changed since, and are hashed anew.
 *
 * The chunk file, FOLDER/<sha256 of the whole file>, little-endian:
 *      0   8  "VANTACHK"
 *      8   4  version, 1
 *     12   4  chunk size in bytes, 4,194,304
 *     16   8  file size in bytes
 *     24  32  SHA-256 of the whole file
 *     56   8  inode, where the file with these bytes was last seen; 0: not known
 *     64   8  its time of modification, nanoseconds since 1970
 *     72  32  for each chunk: its SHA-256; all but the last chunk have the chunk size
 *      +  32  SHA-256 of all the bytes before
 *
 * Statuses: NO_MEMORY, IO, NO_SPACE, NOT_FOUND, FORMAT, LIMIT. Threads: one per struct.
 * Cost: with SHA instructions about 1.05 times a single SHA-256 by libcrypto, else two.
 */
#ifndef VANTA_BASE_CHUNKS_H
#define VANTA_BASE_CHUNKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/sha256.h"
#include "vanta_error.h"

#define VANTA_CHUNK_BYTES ((size_t)4 * 1024 * 1024)
/* Files up to 1 TiB; of larger ones no chunks are kept. 8 MiB of digests. */
#define VANTA_CHUNKS_MAX ((size_t)256 * 1024)

struct vanta_chunks {
    uint64_t file_bytes;
    uint8_t sha256[32];     /* of the whole file */
    size_t n;               /* vanta_chunk_count(file_bytes) */
    uint8_t (*digests)[32]; /* NULL when n is 0 */
    /* Where a file with these bytes was seen after they were found right. A hint for a
     * quick look, never a proof. */
    uint64_t seen_inode; /* 0: nowhere */
    int64_t seen_mtime_ns;
};

struct stat;
/* Nanoseconds since 1970. */
int64_t vanta_mtime_ns(const struct stat *st);

/* Zeroed chunks may be freed; leaves them zeroed. */
void vanta_chunks_free(struct vanta_chunks *chunks);
/* Chunks of a file of so many bytes: none of an empty one. */
uint64_t vanta_chunk_count(uint64_t file_bytes);
/* Bytes of chunk i < vanta_chunk_count(file_bytes). */
size_t vanta_chunk_bytes(uint64_t file_bytes, uint64_t i);

/* The digest of one chunk, or of any buffer. */
enum vanta_status vanta_chunk_digest(const void *data, size_t len, uint8_t out[32],
                                     struct vanta_error *err);

/* --- in one pass --- */

struct vanta_chunk_hasher {
    uint64_t bytes;         /* taken so far */
    uint8_t (*digests)[32]; /* of the bytes / VANTA_CHUNK_BYTES chunks that are complete */
    size_t n, capacity;
    bool too_many;          /* more than VANTA_CHUNKS_MAX: none are kept */
    enum vanta_status status;
    /* With the processor's instructions: */
    bool two;
    struct vanta_sha256 whole, chunk;
    uint8_t pending[VANTA_SHA256_BLOCK]; /* bytes % 64 that are no block yet */
    /* Without: */
    struct vanta_digest whole_digest, chunk_digest;
};

/* file_bytes: what is expected (memory for its digests is taken now), or -1. */
enum vanta_status vanta_chunk_hasher_init(struct vanta_chunk_hasher *h, int64_t file_bytes,
                                          struct vanta_error *err);
/* For tests: as on a processor without the instructions. */
enum vanta_status vanta_chunk_hasher_init_plain(struct vanta_chunk_hasher *h,
                                                struct vanta_error *err);
/* The next bytes of the file. What fails (memory) is told by final. */
void vanta_chunk_hasher_update(struct vanta_chunk_hasher *h, const void *data, size_t len);
/* Ends it, and out owns the digests; h is as freed. A file with too many chunks has its
 * sha256 and n 0. */
enum vanta_status vanta_chunk_hasher_final(struct vanta_chunk_hasher *h,
                                           struct vanta_chunks *out,
                                           struct vanta_error *err);
void vanta_chunk_hasher_free(struct vanta_chunk_hasher *h);

/* --- in files --- */

/* Reads the text of a chunk file; sha256 (may be NULL) is the digest it must be about.
 * VANTA_ERR_FORMAT: damaged, of another version, or about another file. */
enum vanta_status vanta_chunks_parse(const void *data, size_t len, const char *name,
                                     const uint8_t sha256[32], struct vanta_chunks *out,
                                     struct vanta_error *err);
/* VANTA_ERR_NOT_FOUND: there is none about sha256. A symbolic link is refused. */
enum vanta_status vanta_chunks_load(const char *folder, const uint8_t sha256[32],
                                    struct vanta_chunks *out, struct vanta_error *err);
/* Notes where the file with these bytes lies; a path that is not there leaves it open. */
void vanta_chunks_seen(struct vanta_chunks *chunks, const char *path);
/* Replaces what is there; the folder is created. A single chunk says no more than the
 * file's digest does, and is not kept: VANTA_OK, and nothing is written. */
enum vanta_status vanta_chunks_save(const char *folder, const struct vanta_chunks *chunks,
                                    struct vanta_error *err);
/* Deletes the one about sha256, which turned out wrong; where that fails it stays. */
void vanta_chunks_forget(const char *folder, const uint8_t sha256[32]);

#endif
