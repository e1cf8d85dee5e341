#include "convert/output.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/path.h"
#include "base/platform.h"
#include "base/text.h"

/* To the disk in steps, or the fsync at the end waits for all of it. */
#define WRITE_BACK_BYTES ((uint64_t)8 << 20)

/* A ring: the caller fills block number `passed`, the writer is at number `written`; a
 * block is filled again when it has been written and hashed. */
struct vanta_output {
    char *path;
    int fd;
    bool finished;
    uint8_t *blocks[VANTA_OUTPUT_BLOCKS];
    size_t lens[VANTA_OUTPUT_BLOCKS];
    size_t fill; /* bytes in the block in hand */
    uint64_t bytes;
    struct vanta_digest digest; /* this and the next three: the writer's while it runs */
    uint64_t file_bytes, sent_bytes; /* in the file; of them on their way to the disk */
    struct vanta_error error;        /* of the first block that could not be written */

    pthread_t writer;
    bool running;
    pthread_mutex_t mutex; /* guards the rest */
    pthread_cond_t changed;
    uint64_t passed, written;
    bool stop, failed;
};

/* After a failure nothing more is written; the caller is told with its next block. */
static bool write_block(struct vanta_output *o, const uint8_t *block, size_t len)
{
    if (o->error.status != VANTA_OK)
        return false;
    vanta_digest_update(&o->digest, block, len);
    if (vanta_file_write_all(o->fd, block, len, o->path, &o->error) != VANTA_OK)
        return false;
    o->file_bytes += len;
    if (o->file_bytes - o->sent_bytes >= WRITE_BACK_BYTES) {
        vanta_platform_write_back(o->fd, o->sent_bytes, o->file_bytes - o->sent_bytes);
        o->sent_bytes = o->file_bytes;
    }
    return true;
}

static void *writer_main(void *arg)
{
    struct vanta_output *o = arg;

    pthread_mutex_lock(&o->mutex);
    for (;;) {
        size_t at = (size_t)(o->written % VANTA_OUTPUT_BLOCKS);
        bool fine;

        while (o->written == o->passed && !o->stop)
            pthread_cond_wait(&o->changed, &o->mutex);
        if (o->written == o->passed)
            break;
        pthread_mutex_unlock(&o->mutex);
        fine = write_block(o, o->blocks[at], o->lens[at]);
        pthread_mutex_lock(&o->mutex);
        o->written++;
        o->failed = !fine;
        pthread_cond_broadcast(&o->changed);
    }
    pthread_mutex_unlock(&o->mutex);
    return NULL;
}

static enum vanta_status prepare(struct vanta_output *o, const char *path,
                                 struct vanta_error *err)
{
    enum vanta_status status;
    size_t i;

    o->path = vanta_strdup(path);
    for (i = 0; i < VANTA_OUTPUT_BLOCKS; i++)
        if (!(o->blocks[i] = malloc(VANTA_OUTPUT_BLOCK_BYTES)))
            return vanta_fail_memory(err);
    if (!o->path)
        return vanta_fail_memory(err);
    status = vanta_digest_init(&o->digest, VANTA_DIGEST_SHA256, err);
    if (status != VANTA_OK)
        return status;
    o->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (o->fd < 0 && errno == EEXIST) {
        vanta_fail(err, VANTA_ERR_EXISTS, "%s: exists", path);
        vanta_hint(err, "choose another name, or delete it");
        return VANTA_ERR_EXISTS;
    }
    if (o->fd < 0)
        return vanta_fail_errno(err, errno, "creating %s", path);
    /* Held while it is written: nobody takes it for one that a kill left behind. */
    flock(o->fd, LOCK_EX | LOCK_NB);
    /* Without a thread the blocks are written in pass_on. */
    o->running = pthread_create(&o->writer, NULL, writer_main, o) == 0;
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

static enum vanta_status tell(const struct vanta_output *o, struct vanta_error *err)
{
    if (err)
        *err = o->error;
    return o->error.status;
}

/* The block in hand goes to the writer; the next one is free then. */
static enum vanta_status pass_on(struct vanta_output *o, struct vanta_error *err)
{
    size_t at = (size_t)(o->passed % VANTA_OUTPUT_BLOCKS);
    bool failed;

    if (o->fill == 0)
        return VANTA_OK;
    o->lens[at] = o->fill;
    o->fill = 0;
    pthread_mutex_lock(&o->mutex);
    o->passed++;
    if (!o->running) {
        o->failed = !write_block(o, o->blocks[at], o->lens[at]);
        o->written++;
    }
    pthread_cond_broadcast(&o->changed);
    while (o->passed - o->written > VANTA_OUTPUT_BLOCKS - 1)
        pthread_cond_wait(&o->changed, &o->mutex);
    failed = o->failed;
    pthread_mutex_unlock(&o->mutex);
    return failed ? tell(o, err) : VANTA_OK;
}

uint8_t *vanta_output_room(struct vanta_output *o, size_t *room)
{
    *room = VANTA_OUTPUT_BLOCK_BYTES - o->fill;
    return o->blocks[o->passed % VANTA_OUTPUT_BLOCKS] + o->fill;
}

enum vanta_status vanta_output_filled(struct vanta_output *o, size_t n,
                                      struct vanta_error *err)
{
    o->fill += n;
    o->bytes += n;
    return o->fill == VANTA_OUTPUT_BLOCK_BYTES ? pass_on(o, err) : VANTA_OK;
}

enum vanta_status vanta_output_write(struct vanta_output *o, const void *data, size_t len,
                                     struct vanta_error *err)
{
    enum vanta_status status = VANTA_OK;
    const uint8_t *from = data;

    while (status == VANTA_OK && len > 0) {
        size_t room, n;
        uint8_t *to = vanta_output_room(o, &room);

        n = len < room ? len : room;
        memcpy(to, from, n);
        from += n;
        len -= n;
        status = vanta_output_filled(o, n, err);
    }
    return status;
}

enum vanta_status vanta_output_u32(struct vanta_output *o, uint32_t value,
                                   struct vanta_error *err)
{
    const uint8_t bytes[4] = {(uint8_t)value, (uint8_t)(value >> 8),
                              (uint8_t)(value >> 16), (uint8_t)(value >> 24)};

    return vanta_output_write(o, bytes, sizeof bytes, err);
}

uint64_t vanta_output_bytes(const struct vanta_output *o)
{
    return o->bytes;
}

/* All blocks that were passed on are written then. */
static void end_writer(struct vanta_output *o)
{
    if (!o->running)
        return;
    pthread_mutex_lock(&o->mutex);
    o->stop = true;
    pthread_cond_broadcast(&o->changed);
    pthread_mutex_unlock(&o->mutex);
    pthread_join(o->writer, NULL);
    o->running = false;
}

enum vanta_status vanta_output_finish(struct vanta_output *o,
                                      struct vanta_convert_result *result,
                                      struct vanta_error *err)
{
    enum vanta_status status = pass_on(o, err);

    end_writer(o);
    if (status != VANTA_OK)
        return status;
    if (o->error.status != VANTA_OK)
        return tell(o, err);
    if (vanta_platform_fsync(o->fd) != 0)
        return vanta_fail_errno(err, errno, "writing %s to the disk", o->path);
    vanta_digest_hex(&o->digest, result->sha256);
    result->size_bytes = o->bytes;
    o->finished = true;
    return VANTA_OK;
}

void vanta_output_close(struct vanta_output *o)
{
    size_t i;

    if (!o)
        return;
    end_writer(o);
    if (o->fd >= 0) {
        close(o->fd);
        if (!o->finished)
            unlink(o->path);
    }
    vanta_digest_free(&o->digest);
    pthread_cond_destroy(&o->changed);
    pthread_mutex_destroy(&o->mutex);
    for (i = 0; i < VANTA_OUTPUT_BLOCKS; i++)
        free(o->blocks[i]);
    free(o->path);
    free(o);
}

enum vanta_status vanta_output_check_disk(const char *path, uint64_t bytes,
                                          struct vanta_error *err)
{
    char parent[VANTA_PATH_MAX], wanted[VANTA_SIZE_TEXT_MAX], there[VANTA_SIZE_TEXT_MAX];
    uint64_t available;
    enum vanta_status status;

    if (!vanta_path_parent(parent, path))
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long", path);
    status = vanta_disk_free(parent, &available, err);
    if (status != VANTA_OK || available >= bytes)
        return status;
    vanta_fail(err, VANTA_ERR_NO_SPACE, "%s: takes %s, and %s is free", path,
               vanta_size_text(bytes, wanted), vanta_size_text(available, there));
    vanta_hint(err, "make room there, or choose a place on another disk");
    return VANTA_ERR_NO_SPACE;
}

enum vanta_status vanta_output_begin(const char *path, uint64_t total_bytes,
                                     const void *head, size_t head_bytes,
                                     struct vanta_output **out, struct vanta_error *err)
{
    enum vanta_status status = vanta_output_check_disk(path, total_bytes, err);

    if (status == VANTA_OK)
        status = vanta_output_open(path, out, err);
    return status == VANTA_OK ? vanta_output_write(*out, head, head_bytes, err) : status;
}

enum vanta_status vanta_output_complete(struct vanta_output *o, uint64_t total_bytes,
                                        struct vanta_convert_result *result,
                                        struct vanta_error *err)
{
    if (o->bytes != total_bytes)
        return vanta_fail(err, VANTA_ERR_INTERNAL, "%s: %llu bytes instead of %llu",
                          o->path, (unsigned long long)o->bytes,
                          (unsigned long long)total_bytes);
    return vanta_output_finish(o, result, err);
}
