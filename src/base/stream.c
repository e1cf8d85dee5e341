/* stream.c - a ring of blocks between a reading thread and a working one. */
#include "base/stream.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/platform.h"

/* Some blocks are read while one is worked on. Measured over 1 GiB in the page cache,
 * blocks of 64 to 256 KiB cost 10 to 20 percent more time on a busy machine, for the
 * threads hand over more often; larger ones gain nothing. */
#define BLOCK_BYTES ((size_t)1024 * 1024)
#define BLOCKS 4
#define TWO_THREADS_FROM_BYTES ((off_t)8 * 1024 * 1024)
/* Of a step that was not in memory the system's own reading ahead may have brought the
 * beginning when its turn comes. */
#define ABSENT(cached, len) ((cached) < (len) / 8 + 1)

int64_t vanta_read_at(int fd, void *data, size_t len, uint64_t pos)
{
    size_t done = 0;

    while (done < len) {
        ssize_t n = pread(fd, (char *)data + done, len - done, (off_t)(pos + done));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        done += (size_t)n;
    }
    return (int64_t)done;
}

bool vanta_step_begin(int fd, uint64_t pos, size_t len)
{
    if (!ABSENT(vanta_platform_cached_bytes(fd, pos, len), len))
        return false;
    vanta_platform_want(fd, pos, len);
    return true;
}

void vanta_step_end(int fd, uint64_t pos, size_t len)
{
    vanta_platform_forget(fd, pos, len);
}

/* The file, read block by block. */
struct source {
    int fd;
    uint64_t pos, size; /* size: when it was opened */
    bool traceless;
    bool absent, next_absent; /* the step that pos is in, and the one behind it */
};

/* What lies behind the end would count as not in memory. */
static size_t step_bytes(const struct source *s, uint64_t step)
{
    uint64_t left = s->size > step ? s->size - step : 0;

    return left < VANTA_STREAM_STEP ? (size_t)left : VANTA_STREAM_STEP;
}

/* One step ahead, so that the disk is never waited for by itself. */
static void next_step(struct source *s, uint64_t step)
{
    uint64_t next = step + VANTA_STREAM_STEP;

    s->absent = s->next_absent;
    if (step == 0 && s->size > 0)
        s->absent = vanta_step_begin(s->fd, step, step_bytes(s, step));
    s->next_absent = next < s->size && vanta_step_begin(s->fd, next, step_bytes(s, next));
}

static int64_t next_block(struct source *s, uint8_t *block)
{
    uint64_t step = s->pos - s->pos % VANTA_STREAM_STEP;
    int64_t len;

    if (s->traceless && s->pos == step)
        next_step(s, step);
    len = vanta_read_at(s->fd, block, BLOCK_BYTES, s->pos);
    if (len > 0)
        s->pos += (uint64_t)len;
    if (s->absent && (len < (int64_t)BLOCK_BYTES || s->pos % VANTA_STREAM_STEP == 0)) {
        vanta_step_end(s->fd, step, step_bytes(s, step));
        s->absent = false;
    }
    return len;
}

/* What takes the blocks. */
struct sink {
    vanta_stream_block *block;
    void *arg;
    const char *name;
    uint64_t pos;
};

static enum vanta_status give(struct sink *sink, const uint8_t *block, int64_t len,
                              struct vanta_error *err)
{
    if (len < 0)
        return vanta_fail_errno(err, (int)-len, "%s: reading at byte %llu", sink->name,
                                (unsigned long long)sink->pos);
    sink->pos += (uint64_t)len;
    return sink->block(sink->arg, block, (size_t)len, err);
}

static enum vanta_status on_one_thread(struct source *source, struct sink *sink,
                                       uint8_t *block, struct vanta_error *err)
{
    enum vanta_status status;
    int64_t len;

    do {
        len = next_block(source, block);
        status = give(sink, block, len, err);
    } while (status == VANTA_OK && len > 0);
    return status;
}

struct ring {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    uint8_t *blocks;
    int64_t lengths[BLOCKS]; /* as vanta_read_at returns them; <= 0: the last one */
    unsigned filled, taken;  /* counts since the start */
    bool stop;
    struct source source;
};

static void *reader_main(void *arg)
{
    struct ring *r = arg;
    int64_t len = 1;

    while (len > 0) {
        unsigned slot;
        bool stop;

        pthread_mutex_lock(&r->mutex);
        while (!r->stop && r->filled - r->taken == BLOCKS)
            pthread_cond_wait(&r->changed, &r->mutex);
        slot = r->filled % BLOCKS;
        stop = r->stop;
        pthread_mutex_unlock(&r->mutex);
        if (stop)
            break;
        len = next_block(&r->source, r->blocks + slot * BLOCK_BYTES);
        pthread_mutex_lock(&r->mutex);
        r->lengths[slot] = len;
        r->filled++;
        pthread_cond_signal(&r->changed);
        pthread_mutex_unlock(&r->mutex);
    }
    return NULL;
}

static enum vanta_status on_two_threads(struct ring *r, struct sink *sink,
                                        struct vanta_error *err)
{
    enum vanta_status status = VANTA_OK;
    int64_t len = 1;

    while (status == VANTA_OK && len > 0) {
        unsigned slot;

        pthread_mutex_lock(&r->mutex);
        while (r->filled == r->taken)
            pthread_cond_wait(&r->changed, &r->mutex);
        slot = r->taken % BLOCKS;
        len = r->lengths[slot];
        pthread_mutex_unlock(&r->mutex);
        status = give(sink, r->blocks + slot * BLOCK_BYTES, len, err);
        pthread_mutex_lock(&r->mutex);
        r->taken++;
        r->stop = status != VANTA_OK;
        pthread_cond_signal(&r->changed);
        pthread_mutex_unlock(&r->mutex);
    }
    return status;
}

enum vanta_status vanta_stream_file(int fd, const char *name,
                                    const struct vanta_stream_options *options,
                                    vanta_stream_block *block, void *arg,
                                    struct vanta_error *err)
{
    struct sink sink = {block, arg, name, 0};
    struct ring ring = {.source = {.fd = fd, .traceless = options && options->traceless}};
    enum vanta_status status;
    pthread_t reader;
    struct stat st;

    if (fstat(fd, &st) != 0)
        return vanta_fail_errno(err, errno, "%s", name);
    ring.source.size = (uint64_t)st.st_size;
    ring.blocks = malloc(BLOCK_BYTES * BLOCKS);
    if (!ring.blocks)
        return vanta_fail_memory(err);
    pthread_mutex_init(&ring.mutex, NULL);
    pthread_cond_init(&ring.changed, NULL);
    if (st.st_size >= TWO_THREADS_FROM_BYTES && !(options && options->alone) &&
        pthread_create(&reader, NULL, reader_main, &ring) == 0) {
        status = on_two_threads(&ring, &sink, err);
        pthread_join(reader, NULL);
    } else {
        status = on_one_thread(&ring.source, &sink, ring.blocks, err);
    }
    pthread_cond_destroy(&ring.changed);
    pthread_mutex_destroy(&ring.mutex);
    free(ring.blocks);
    return status;
}
