/*
 * check.h - whether files have the bytes they should have, asked of all cores.
 *
 * Files without known chunk digests are hashed whole, in order, several at a time and the
 * biggest first, and the digests of their chunks are recorded when the whole one is right.
 * Large files with recorded chunk digests are hashed chunk by chunk by all cores: equal
 * chunks mean an equal file, for the digests were made together with the whole file's (see
 * chunks.h). When a chunk differs the whole file is hashed before it is called wrong; a
 * chunk file that turns out to have lied is replaced. Not responsible for what a digest
 * should be, nor for whether a path may be opened.
 *
 *     struct vanta_check files[2] = {{.path = a, .sha256 = hex, .size_bytes = -1}, ...};
 *     struct vanta_check_options options = {.chunks_folder = folder};
 *     vanta_check_files(files, 2, &options);      // each file has its own status
 *     vanta_check_free(&files[0]); ...
 *
 * A file that is written to or replaced meanwhile is neither right nor wrong: BUSY.
 * Each file's status: VANTA_OK (its digest is known: see right), NOT_FOUND, IO, FORMAT (not
 * a regular file), BUSY, CANCELLED, NO_MEMORY. One file's failure leaves the others alone.
 *
 * Threads: the callbacks come from the calling thread, one at a time. Memory: some MiB for
 * each thread, and 32 bytes for each chunk of the files in work.
 */
#ifndef VANTA_BASE_CHECK_H
#define VANTA_BASE_CHECK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/chunks.h"
#include "vanta_error.h"

struct vanta_check {
    /* What is asked; the caller's. */
    const char *path;    /* a final symbolic link is followed */
    const char *sha256;  /* that it should have, as hex; NULL: it is only hashed */
    int64_t size_bytes;  /* that it should have; -1: unknown */
    bool quick; /* a file that lies where it was seen, unwritten to, is only sampled */
    void *user;

    /* What came of it. */
    enum vanta_status status;
    struct vanta_error error;
    bool right;          /* sha256 was given, and the file has it */
    bool sampled;        /* as far as the chunks say that were looked at */
    char found[VANTA_SHA256_HEX]; /* its digest; "" when it was sampled */
    uint64_t bytes;      /* its size */
    uint64_t hashed_bytes;
    /* When it is wrong and its chunk digests were known: which of its chunks are. */
    uint8_t *wrong;      /* one byte for each chunk that should be there; NULL: unknown */
    size_t n_chunks, n_wrong;
    uint64_t wrong_bytes;
    bool chunks_lied;    /* a chunk file was wrong, and is replaced, or deleted with
                            a file that is wrong itself */
};

struct vanta_check_options {
    const char *chunks_folder; /* NULL: chunk digests are neither used nor recorded */
    bool whole;                /* they are not believed, only compared and recorded */
    unsigned jobs;             /* threads; 0: one for each core */
    bool traceless;            /* what was not in memory before is not kept there */
    /* So many bytes of all files' total are hashed; the total may grow. At most ten times
     * a second, and at the end. May be NULL. */
    void (*progress)(void *arg, uint64_t bytes, uint64_t total);
    void (*done)(void *arg, struct vanta_check *file); /* may be NULL */
    void *arg;
    const atomic_bool *cancel; /* may be NULL */
};

/* Returns when all are done. */
void vanta_check_files(struct vanta_check *files, size_t n,
                       const struct vanta_check_options *options);
void vanta_check_free(struct vanta_check *file); /* a zeroed one is fine */

#endif
