/*
 * follow.h - hashes a file in its order behind those who write it.
 *
 * What is told to be ready is read back from the page cache, where it still is, by a second
 * thread, and hashed while more arrives: when the last byte is there, so is the digest, and
 * the chunks' with it. A small file is hashed where it is written, without a thread. Where
 * the chunks' digests are known, each is compared as it passes; the first bad one stops the
 * hashing before it, until that chunk was brought again.
 *
 *     vanta_follow_start(&f, fd, path, size_bytes, known, err);
 *     vanta_follow_take(&f, data, len);      // in order, and in hand: maybe hashed at once
 *     vanta_follow_ready(&f, bytes);         // so many from 0 on are written
 *     if (vanta_follow_bad(&f, &chunk)) ...  // its bytes are to be written again, then
 *     vanta_follow_ready(&f, bytes);         //     told as ready again
 *     vanta_follow_end(&f, &chunks, err);    // waits for the rest, gives the digests
 *
 * Not responsible for writing (partial.h). fd and path must live until end or stop. Threads:
 * one caller beside its own. Cost: one read of the page cache a byte; 256 KiB.
 */
#ifndef VANTA_FETCH_FOLLOW_H
#define VANTA_FETCH_FOLLOW_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/chunks.h"
#include "vanta_error.h"

struct vanta_follow {
    bool active;  /* a digest can come of it */
    bool started; /* the thread runs */
    int fd;
    const char *path;
    int64_t size_bytes;
    const struct vanta_chunks *known;
    pthread_t thread;
    pthread_mutex_t mutex; /* guards what follows, while the thread runs */
    pthread_cond_t changed;
    uint64_t ready, hashed;
    bool stop;
    int64_t bad;    /* the chunk; -1: none */
    int failed;     /* errno of reading */
    /* Of the thread, or of the caller where there is none. */
    struct vanta_chunk_hasher hasher;
    struct vanta_sha256 whole; /* at the last chunk's end */
};

/* known (may be NULL) must live until end or stop. */
enum vanta_status vanta_follow_start(struct vanta_follow *f, int fd, const char *path,
                                     int64_t size_bytes, const struct vanta_chunks *known,
                                     struct vanta_error *err);
void vanta_follow_take(struct vanta_follow *f, uint64_t pos, const void *data, size_t len);
void vanta_follow_ready(struct vanta_follow *f, uint64_t bytes);
/* Whether a bad chunk was found since the last time; ready counts up to it at most now. */
bool vanta_follow_bad(struct vanta_follow *f, uint64_t *chunk);
/* known is not believed any more. */
void vanta_follow_unknow(struct vanta_follow *f);
/* Waits until all that is ready is hashed, or a bad chunk was found, or *cancel is set. */
void vanta_follow_wait(struct vanta_follow *f, const atomic_bool *cancel);
/* Waits likewise and gives the digests; chunks is the caller's to free. The struct is
 * stopped then. VANTA_ERR_IO: what was written cannot be read. */
enum vanta_status vanta_follow_end(struct vanta_follow *f, struct vanta_chunks *chunks,
                                   struct vanta_error *err);
void vanta_follow_stop(struct vanta_follow *f); /* zeroed: fine */

#endif
