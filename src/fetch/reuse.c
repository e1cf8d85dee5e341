/* reuse.c - bytes that are on this disk already are copied, not fetched. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/chunks.h"
#include "base/error.h"
#include "base/file.h"
#include "base/platform.h"
#include "base/text.h"
#include "fetch/engine.h"

#define BLOCK_BYTES ((size_t)256 * 1024)
/* So often the kernel is told to begin writing: the fsync in the end has less to do. */
#define WRITE_BACK_BYTES ((uint64_t)8 * 1024 * 1024)

/* What the fetcher knows of a key: whether a thread is at work on it, and where its bytes
 * lie once they have come. */
struct vanta_known {
    char key[VANTA_KEY_MAX];
    bool busy;
    char *path;
    struct vanta_known *next;
};

void vanta_reuse_init(struct vanta_reuse *reuse)
{
    pthread_mutex_init(&reuse->mutex, NULL);
    reuse->known = NULL;
}

void vanta_reuse_free(struct vanta_reuse *reuse)
{
    struct vanta_known *k, *next;

    for (k = reuse->known; k; k = next) {
        next = k->next;
        free(k->path);
        free(k);
    }
    pthread_mutex_destroy(&reuse->mutex);
}

/* With the mutex held. The one that was made last is wanted first. */
static struct vanta_known *find(const struct vanta_reuse *reuse, const char *key)
{
    struct vanta_known *k;

    for (k = reuse->known; k && strcmp(k->key, key) != 0; k = k->next)
        continue;
    return k;
}

bool vanta_key_claim(struct vanta_reuse *reuse, const char *key)
{
    struct vanta_known *k;
    bool mine;

    pthread_mutex_lock(&reuse->mutex);
    k = find(reuse, key);
    mine = !k || !k->busy;
    if (!k && (k = calloc(1, sizeof *k))) {
        vanta_format(k->key, sizeof k->key, "%s", key);
        k->next = reuse->known;
        reuse->known = k;
    }
    if (k) /* else memory is out, and the same bytes may be fetched twice */
        k->busy = true;
    pthread_mutex_unlock(&reuse->mutex);
    return mine;
}

void vanta_key_release(struct vanta_reuse *reuse, const char *key, const char *path)
{
    struct vanta_known *k;

    pthread_mutex_lock(&reuse->mutex);
    k = find(reuse, key);
    if (k) {
        k->busy = false;
        if (path) {
            free(k->path);
            k->path = vanta_strdup(path);
        }
    }
    pthread_mutex_unlock(&reuse->mutex);
}

/* What this fetcher has brought itself; else what the caller knows. */
static bool find_copy(struct vanta_fetcher *f, const struct vanta_job *job,
                      char path[VANTA_PATH_MAX])
{
    const struct vanta_fetch_item *item = job->item;
    const struct vanta_known *k;
    bool found;

    if (!item->sha256)
        return false;
    pthread_mutex_lock(&f->reuse.mutex);
    k = find(&f->reuse, job->key);
    found = k && k->path && strcmp(k->path, item->dest) != 0 &&
            vanta_file_exists(k->path) && vanta_format(path, VANTA_PATH_MAX, "%s", k->path);
    pthread_mutex_unlock(&f->reuse.mutex);
    return found || (f->options.find_copy &&
                     f->options.find_copy(f->options.find_copy_arg, item->sha256,
                                          item->size_bytes, item->dest, path));
}

/* --- copying ---------------------------------------------------------------------- */

struct copy {
    struct vanta_call *call;
    struct vanta_job *job;
    const char *from, *to;
    int in, out;
    bool cloned; /* to has the bytes already */
    struct vanta_chunk_hasher hasher;
};

/* One block; *len is 0 at the end. VANTA_ERR_NOT_FOUND: the file that is copied cannot be
 * read, which says nothing against other sources. */
static enum vanta_status take_block(struct copy *c, void *block, size_t *len,
                                    struct vanta_error *err)
{
    ssize_t n;

    do
        n = read(c->cloned ? c->out : c->in, block, BLOCK_BYTES);
    while (n < 0 && errno == EINTR);
    *len = n > 0 ? (size_t)n : 0;
    if (vanta_cancelled(c->call->f))
        return vanta_fail(err, VANTA_ERR_CANCELLED, "%s: stopped", c->to);
    if (n < 0)
        return vanta_fail(err, VANTA_ERR_NOT_FOUND, "reading %s: %s", c->from,
                          strerror(errno));
    vanta_chunk_hasher_update(&c->hasher, block, *len);
    return c->cloned ? VANTA_OK : vanta_file_write_all(c->out, block, *len, c->to, err);
}

static enum vanta_status pour(struct copy *c, struct vanta_error *err)
{
    char *block = malloc(BLOCK_BYTES);
    enum vanta_status status = VANTA_OK;
    uint64_t bytes = 0, begun = 0;
    size_t len = 1;

    if (!block)
        return vanta_fail_memory(err);
    vanta_platform_read_ahead(c->cloned ? c->out : c->in);
    while (status == VANTA_OK && len > 0) {
        status = take_block(c, block, &len, err);
        bytes += len;
        if (bytes - begun >= WRITE_BACK_BYTES) {
            vanta_platform_write_back(c->out, begun, bytes - begun);
            begun = bytes;
        }
        vanta_tell_progress(c->call, c->job, bytes, c->job->item->size_bytes);
    }
    free(block);
    return status;
}

static enum vanta_status judge(struct copy *c, struct vanta_error *err)
{
    struct vanta_fetch_item *item = c->job->item;
    struct vanta_chunks chunks = {0};
    enum vanta_status status = vanta_chunk_hasher_final(&c->hasher, &chunks, err);
    char hex[VANTA_SHA256_HEX];

    if (status != VANTA_OK)
        return status;
    vanta_sha256_to_hex(chunks.sha256, hex);
    if (strcmp(hex, item->sha256) != 0) {
        vanta_chunks_free(&chunks);
        return vanta_fail(err, VANTA_ERR_DIGEST, "%s has SHA-256 %s, not %s", c->from, hex,
                          item->sha256);
    }
    status = vanta_file_place(c->to, item->dest, err);
    if (status == VANTA_OK) {
        memcpy(item->found_sha256, hex, sizeof hex);
        item->found_bytes = item->reused_bytes = chunks.file_bytes;
    }
    if (status == VANTA_OK && item->found_chunks)
        *item->found_chunks = chunks;
    else
        vanta_chunks_free(&chunks);
    return status;
}

/* A reflink costs no space and shares nothing that an edit of one file would do to the
 * other: unlike a hard link, which is never made for that reason. */
static enum vanta_status make_copy(struct copy *c, struct vanta_error *err)
{
    enum vanta_status status;

    vanta_file_sweep(c->job->item->dest); /* what a killed copying left */
    c->out = open(c->to, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (c->out < 0)
        return vanta_fail_errno(err, errno, "%s", c->to);
    status = vanta_chunk_hasher_init(&c->hasher, c->job->item->size_bytes, err);
    if (status == VANTA_OK) {
        c->cloned = vanta_platform_clone(c->in, c->out);
        status = pour(c, err);
    }
    if (status == VANTA_OK && vanta_platform_fsync(c->out) != 0)
        status = vanta_fail_errno(err, errno, "writing %s", c->to);
    close(c->out);
    if (status == VANTA_OK)
        status = judge(c, err);
    if (status != VANTA_OK)
        unlink(c->to);
    vanta_chunk_hasher_free(&c->hasher);
    return status;
}

static enum vanta_status copy_from(struct vanta_call *call, struct vanta_job *job,
                                   const char *from, struct vanta_error *err)
{
    struct copy c = {.call = call, .job = job, .from = from};
    struct vanta_fetch_item *item = job->item;
    char to[VANTA_PATH_MAX], parent[VANTA_PATH_MAX];
    enum vanta_status status;
    struct stat st;

    c.in = open(from, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (c.in < 0 || fstat(c.in, &st) != 0 || !S_ISREG(st.st_mode) ||
        (item->size_bytes >= 0 && st.st_size != item->size_bytes)) {
        if (c.in >= 0)
            close(c.in);
        return VANTA_ERR_NOT_FOUND;
    }
    c.to = to;
    if (!vanta_path_parent(parent, item->dest) || !vanta_file_temporary(to, item->dest))
        status = vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long", item->dest);
    else
        status = vanta_dir_make(parent, err);
    if (status == VANTA_OK) {
        vanta_tell_start(call, job);
        status = make_copy(&c, err);
    }
    close(c.in);
    return status;
}

enum vanta_move vanta_run_reuse(struct vanta_call *call, struct vanta_job *job,
                                struct vanta_error *err)
{
    char from[VANTA_PATH_MAX];
    enum vanta_status status;

    if (!find_copy(call->f, job, from))
        return VANTA_MOVE_USELESS;
    job->copied = from;
    status = copy_from(call, job, from, err);
    job->copied = NULL;
    if (status == VANTA_OK)
        return VANTA_MOVE_DONE;
    if (status != VANTA_ERR_DIGEST && status != VANTA_ERR_NOT_FOUND)
        return VANTA_MOVE_STOP;
    if (status == VANTA_ERR_DIGEST)
        vanta_tell_notice(call, job, "%s: %s, which should be the same, is not; vanta "
                          "verify tells more", job->item->label, from);
    vanta_error_clear(err);
    return VANTA_MOVE_USELESS;
}
