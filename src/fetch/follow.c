#include "fetch/follow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"

#define READ_BYTES ((size_t)256 * 1024)
/* Up to here a thread would cost more than it saves. */
#define INLINE_BYTES ((uint64_t)1024 * 1024)
#define STACK_BYTES ((size_t)64 * 1024)
#define WAIT_MS 50

static const struct vanta_sha256 start = VANTA_SHA256_START;

static enum vanta_status begin_hashing(struct vanta_follow *f, struct vanta_error *err)
{
    vanta_chunk_hasher_free(&f->hasher);
    memset(&f->hasher, 0, sizeof f->hasher);
    f->whole = start;
    return vanta_chunk_hasher_init(&f->hasher, f->size_bytes, err);
}

enum vanta_status vanta_follow_start(struct vanta_follow *f, int fd, const char *path,
                                     int64_t size_bytes, const struct vanta_chunks *known,
                                     struct vanta_error *err)
{
    enum vanta_status status;

    vanta_follow_stop(f);
    f->fd = fd;
    f->path = path;
    f->size_bytes = size_bytes;
    f->known = known && known->n > 0 && (int64_t)known->file_bytes == size_bytes ? known
                                                                               : NULL;
    f->bad = -1;
    status = begin_hashing(f, err);
    f->active = status == VANTA_OK;
    return status;
}

/* Back to the beginning of the chunk that was just hashed. */
static void rewind_chunk(struct vanta_follow *f, uint64_t chunk)
{
    struct vanta_chunk_hasher *h = &f->hasher;

    if (!h->two) {
        if (begin_hashing(f, NULL) != VANTA_OK)
            f->failed = ENOMEM;
        return;
    }
    h->whole = f->whole;
    h->chunk = start;
    h->bytes = chunk * VANTA_CHUNK_BYTES;
    h->n = (size_t)chunk;
}

/* A chunk is hashed: is it the right one? */
static void judge(struct vanta_follow *f)
{
    struct vanta_chunk_hasher *h = &f->hasher;
    size_t i = (size_t)((h->bytes - 1) / VANTA_CHUNK_BYTES);
    uint8_t digest[32];

    if (i < h->n)
        memcpy(digest, h->digests[i], sizeof digest);
    else
        vanta_sha256_end(&h->chunk, h->pending, h->bytes % VANTA_SHA256_BLOCK, digest);
    if (memcmp(digest, f->known->digests[i], sizeof digest) == 0) {
        f->whole = h->whole;
        return;
    }
    f->bad = (int64_t)i;
    rewind_chunk(f, i);
    f->ready = (uint64_t)i * VANTA_CHUNK_BYTES;
}

static void update(struct vanta_follow *f, const void *data, size_t len)
{
    vanta_chunk_hasher_update(&f->hasher, data, len);
}

/* The last chunk may be shorter; where its digest cannot be had without an end, the
 * file's own judges it. */
static bool at_chunk_end(const struct vanta_follow *f)
{
    const struct vanta_chunk_hasher *h = &f->hasher;

    return f->known && h->bytes > 0 && !h->too_many &&
           (h->bytes % VANTA_CHUNK_BYTES == 0 ||
            (h->two && h->bytes == f->known->file_bytes));
}

/* Reads and hashes one block behind what was hashed; the mutex is held but meanwhile. */
static void hash_block(struct vanta_follow *f, char *block)
{
    uint64_t at = f->hasher.bytes, left = f->ready - at;
    size_t want = left < READ_BYTES ? (size_t)left : READ_BYTES;
    ssize_t n;

    /* Blocks end where chunks do. */
    if (want > VANTA_CHUNK_BYTES - at % VANTA_CHUNK_BYTES)
        want = VANTA_CHUNK_BYTES - at % VANTA_CHUNK_BYTES;
    pthread_mutex_unlock(&f->mutex);
    do
        n = pread(f->fd, block, want, (off_t)at);
    while (n < 0 && errno == EINTR);
    if (n > 0)
        update(f, block, (size_t)n);
    pthread_mutex_lock(&f->mutex);
    if (n <= 0)
        f->failed = n < 0 ? errno : EIO;
    else if (at_chunk_end(f))
        judge(f);
    f->hashed = f->hasher.bytes;
}

static bool has_work(const struct vanta_follow *f)
{
    return !f->failed && f->bad < 0 && f->ready > f->hashed;
}

static void *follow(void *arg)
{
    struct vanta_follow *f = arg;
    char *block = malloc(READ_BYTES);

    pthread_mutex_lock(&f->mutex);
    if (!block)
        f->failed = ENOMEM;
    while (!f->stop) {
        if (has_work(f)) {
            hash_block(f, block);
            continue;
        }
        pthread_cond_broadcast(&f->changed);
        pthread_cond_wait(&f->changed, &f->mutex);
    }
    pthread_mutex_unlock(&f->mutex);
    free(block);
    return NULL;
}

static void start_thread(struct vanta_follow *f)
{
    pthread_attr_t attributes;

    pthread_mutex_init(&f->mutex, NULL);
    pthread_cond_init(&f->changed, NULL);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    f->stop = false;
    f->started = pthread_create(&f->thread, &attributes, follow, f) == 0;
    pthread_attr_destroy(&attributes);
    if (f->started)
        return;
    pthread_mutex_destroy(&f->mutex);
    pthread_cond_destroy(&f->changed);
    f->failed = EAGAIN;
}

void vanta_follow_take(struct vanta_follow *f, uint64_t pos, const void *data, size_t len)
{
    if (!f->active || f->started || pos != f->hasher.bytes || pos + len > INLINE_BYTES)
        return;
    update(f, data, len);
    f->ready = f->hashed = f->hasher.bytes;
}

void vanta_follow_ready(struct vanta_follow *f, uint64_t bytes)
{
    if (!f->active || (!f->started && bytes <= f->hashed))
        return;
    if (!f->started)
        start_thread(f);
    if (!f->started)
        return;
    pthread_mutex_lock(&f->mutex);
    if (f->bad < 0 && bytes > f->ready) {
        f->ready = bytes;
        pthread_cond_broadcast(&f->changed);
    }
    pthread_mutex_unlock(&f->mutex);
}

bool vanta_follow_bad(struct vanta_follow *f, uint64_t *chunk)
{
    bool found = false;

    if (!f->started || !f->active)
        return false;
    pthread_mutex_lock(&f->mutex);
    if (f->bad >= 0) {
        *chunk = (uint64_t)f->bad;
        f->bad = -1;
        found = true;
    }
    pthread_mutex_unlock(&f->mutex);
    return found;
}

void vanta_follow_unknow(struct vanta_follow *f)
{
    if (!f->started)
        return;
    pthread_mutex_lock(&f->mutex);
    f->known = NULL;
    pthread_mutex_unlock(&f->mutex);
}

void vanta_follow_wait(struct vanta_follow *f, const atomic_bool *cancel)
{
    struct timespec until;

    if (!f->started)
        return;
    pthread_mutex_lock(&f->mutex);
    while (has_work(f) && !(cancel && atomic_load(cancel))) {
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += WAIT_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        pthread_cond_timedwait(&f->changed, &f->mutex, &until);
    }
    pthread_mutex_unlock(&f->mutex);
}

static void join(struct vanta_follow *f)
{
    if (!f->started)
        return;
    pthread_mutex_lock(&f->mutex);
    f->stop = true;
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->mutex);
    pthread_join(f->thread, NULL);
    pthread_mutex_destroy(&f->mutex);
    pthread_cond_destroy(&f->changed);
    f->started = false;
}

enum vanta_status vanta_follow_end(struct vanta_follow *f, struct vanta_chunks *chunks,
                                   struct vanta_error *err)
{
    enum vanta_status status;

    memset(chunks, 0, sizeof *chunks);
    vanta_follow_wait(f, NULL);
    join(f);
    if (!f->active)
        status = vanta_fail_memory(err);
    else if (f->failed)
        status = vanta_fail_errno(err, f->failed, "reading back %s", f->path);
    else
        status = vanta_chunk_hasher_final(&f->hasher, chunks, err);
    vanta_follow_stop(f);
    return status;
}

void vanta_follow_stop(struct vanta_follow *f)
{
    join(f);
    vanta_chunk_hasher_free(&f->hasher);
    memset(f, 0, sizeof *f);
}
