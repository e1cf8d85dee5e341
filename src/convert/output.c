#include "convert/output.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/path.h"
#include "base/platform.h"

#define BLOCK_BYTES ((size_t)1024 * 1024)

/* Two blocks: one is filled by the caller while the other is hashed and written. */
struct vanta_output {
    char path[VANTA_PATH_MAX];
    int fd;
    bool finished;
    struct vanta_digest digest;
    uint64_t bytes;
    uint8_t *blocks[2];
    size_t fill; /* bytes in the caller's block */
    int filling; /* which block the caller fills */

    pthread_mutex_t mutex;
    pthread_cond_t changed;
    pthread_t writer;
    bool started, stop;
    size_t pending; /* bytes in the writer's block; 0: it is idle */
    struct vanta_error failed;
};

static void *writer_main(void *arg)
{
    struct vanta_output *o = arg;

    pthread_mutex_lock(&o->mutex);
    for (;;) {
        const uint8_t *block;
        size_t len;

        while (!o->pending && !o->stop)
            pthread_cond_wait(&o->changed, &o->mutex);
        if (!o->pending)
            break;
        block = o->blocks[!o->filling];
        len = o->pending;
        pthread_mutex_unlock(&o->mutex);
        vanta_file_write_all(o->fd, block, len, o->path, &o->failed);
        vanta_digest_update(&o->digest, block, len);
        pthread_mutex_lock(&o->mutex);
        o->pending = 0;
        pthread_cond_broadcast(&o->changed);
    }
    pthread_mutex_unlock(&o->mutex);
    return NULL;
}

static enum vanta_status prepare(struct vanta_output *o, const char *path,
                                 struct vanta_error *err)
{
    enum vanta_status status;

    if (strlen(path) >= sizeof o->path)
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long", path);
    memcpy(o->path, path, strlen(path) + 1);
    o->blocks[0] = malloc(BLOCK_BYTES);
    o->blocks[1] = malloc(BLOCK_BYTES);
    if (!o->blocks[0] || !o->blocks[1])
        return vanta_fail_memory(err);
    status = vanta_digest_init(&o->digest, VANTA_DIGEST_SHA256, err);
    if (status != VANTA_OK)
        return status;
    o->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (o->fd < 0)
        return errno == EEXIST
                   ? vanta_fail(err, VANTA_ERR_EXISTS, "%s exists already", path)
                   : vanta_fail_errno(err, errno, "%s", path);
    if (pthread_create(&o->writer, NULL, writer_main, o) != 0)
        return vanta_fail(err, VANTA_ERR_NO_MEMORY, "no thread could be started");
    o->started = true;
    return VANTA_OK;
}

enum vanta_status vanta_output_open(const char *path, struct vanta_output **out,
                                    struct vanta_error *err)
{
    struct vanta_output *o = calloc(1, sizeof *o);
    enum vanta_status status;

    if (!o)
        return vanta_fail_memory(err);
    o->fd = -1;
    pthread_mutex_init(&o->mutex, NULL);
    pthread_cond_init(&o->changed, NULL);
    status = prepare(o, path, err);
    if (status != VANTA_OK) {
        vanta_output_close(o);
        return status;
    }
    *out = o;
    return VANTA_OK;
}

/* Waits until the writer has nothing in hand; then its error, if any, may be read. */
static enum vanta_status settle(struct vanta_output *o, struct vanta_error *err)
{
    pthread_mutex_lock(&o->mutex);
    while (o->pending)
        pthread_cond_wait(&o->changed, &o->mutex);
    pthread_mutex_unlock(&o->mutex);
    if (o->failed.status != VANTA_OK && err && err->status == VANTA_OK)
        *err = o->failed;
    return o->failed.status;
}

static enum vanta_status hand_over(struct vanta_output *o, struct vanta_error *err)
{
    enum vanta_status status = settle(o, err);

    if (status != VANTA_OK || o->fill == 0)
        return status;
    pthread_mutex_lock(&o->mutex);
    o->filling = !o->filling;
    o->pending = o->fill;
    o->fill = 0;
    pthread_cond_broadcast(&o->changed);
    pthread_mutex_unlock(&o->mutex);
    return VANTA_OK;
}

enum vanta_status vanta_output_write(struct vanta_output *o, const void *data, size_t len,
                                     struct vanta_error *err)
{
    const uint8_t *p = data;

    while (len > 0) {
        size_t room = BLOCK_BYTES - o->fill, part = len < room ? len : room;

        memcpy(o->blocks[o->filling] + o->fill, p, part);
        o->fill += part;
        o->bytes += part;
        p += part;
        len -= part;
        if (o->fill == BLOCK_BYTES) {
            enum vanta_status status = hand_over(o, err);

            if (status != VANTA_OK)
                return status;
        }
    }
    return VANTA_OK;
}

enum vanta_status vanta_output_u32(struct vanta_output *o, uint32_t value,
                                   struct vanta_error *err)
{
    uint8_t bytes[4] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16),
                        (uint8_t)(value >> 24)};

    return vanta_output_write(o, bytes, sizeof bytes, err);
}

uint64_t vanta_output_bytes(const struct vanta_output *o)
{
    return o->bytes;
}

enum vanta_status vanta_output_finish(struct vanta_output *o,
                                      struct vanta_convert_result *result,
                                      struct vanta_error *err)
{
    enum vanta_status status = hand_over(o, err);

    if (status == VANTA_OK)
        status = settle(o, err);
    if (status == VANTA_OK && vanta_platform_fsync(o->fd) != 0)
        status = vanta_fail_errno(err, errno, "writing %s", o->path);
    if (status != VANTA_OK)
        return status;
    vanta_digest_hex(&o->digest, result->sha256);
    result->size_bytes = o->bytes;
    o->finished = true;
    return VANTA_OK;
}

void vanta_output_close(struct vanta_output *o)
{
    if (!o)
        return;
    if (o->started) {
        pthread_mutex_lock(&o->mutex);
        o->stop = true;
        pthread_cond_broadcast(&o->changed);
        pthread_mutex_unlock(&o->mutex);
        pthread_join(o->writer, NULL);
    }
    if (o->fd >= 0) {
        close(o->fd);
        if (!o->finished)
            unlink(o->path);
    }
    vanta_digest_free(&o->digest);
    pthread_cond_destroy(&o->changed);
    pthread_mutex_destroy(&o->mutex);
    free(o->blocks[0]);
    free(o->blocks[1]);
    free(o);
}
