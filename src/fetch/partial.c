#include "fetch/partial.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/platform.h"
#include "base/text.h"

#define READ_BYTES ((size_t)256 * 1024)
/* The first journal is written early, the next ones each time so much is on the disk. */
#define FIRST_SAVE_BYTES ((uint64_t)256 * 1024)
#define SAVE_BYTES ((uint64_t)32 * 1024 * 1024)
#define LOCK_TRIES 1000

/* Is the locked file still the one that the path names? */
static bool is_current(const struct vanta_lock *lock, const char *path)
{
    struct stat held, named;

    return fstat(lock->fd, &held) == 0 && stat(path, &named) == 0 &&
           held.st_ino == named.st_ino && held.st_dev == named.st_dev;
}

enum vanta_status vanta_partial_lock(struct vanta_lock *lock, const char *dir,
                                     const char *path, int64_t wait_ms,
                                     const atomic_bool *cancel,
                                     vanta_lock_waiting *waiting, void *arg,
                                     struct vanta_error *err)
{
    enum vanta_status status = VANTA_OK;
    struct vanta_error again;
    int tries;

    /* The one who is done deletes the lock file, and the folder when it is empty: then
     * what was locked here is no file's lock any more, and the wait starts over. */
    for (tries = 0; tries < LOCK_TRIES; tries++) {
        vanta_error_clear(&again);
        status = vanta_dir_make(dir, err);
        if (status != VANTA_OK)
            return status;
        status = vanta_lock_acquire(lock, path, wait_ms, cancel, waiting, arg, &again);
        if (status == VANTA_OK && is_current(lock, path))
            return VANTA_OK;
        vanta_lock_release(lock);
        if (status != VANTA_OK && status != VANTA_ERR_NOT_FOUND)
            break;
    }
    vanta_fail(err, status == VANTA_OK ? VANTA_ERR_BUSY : status, "%s",
               status == VANTA_OK ? path : again.message);
    vanta_hint(err, "%s", again.hint);
    return status == VANTA_OK ? VANTA_ERR_BUSY : status;
}

enum vanta_status vanta_partial_open(struct vanta_partial *p, const char *dir,
                                     const char *key, const atomic_bool *cancel,
                                     vanta_lock_waiting *waiting, void *arg,
                                     struct vanta_error *err)
{
    enum vanta_status status;
    struct stat st;

    memset(p, 0, sizeof *p);
    p->fd = -1;
    if (!vanta_format(p->path, sizeof p->path, "%s/%s.part", dir, key) ||
        !vanta_format(p->journal_path, sizeof p->journal_path, "%s/%s.json", dir, key) ||
        !vanta_format(p->lock_path, sizeof p->lock_path, "%s/%s.lock", dir, key))
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long", dir);
    status = vanta_partial_lock(&p->lock, dir, p->lock_path, -1, cancel, waiting, arg, err);
    if (status != VANTA_OK)
        return status;
    p->fd = open(p->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666);
    if (p->fd < 0 || fstat(p->fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        status = vanta_fail_errno(err, p->fd < 0 ? errno : EINVAL, "%s", p->path);
        vanta_partial_close(p);
        return status;
    }
    p->left_bytes = (uint64_t)st.st_size;
    p->has_journal =
        p->left_bytes > 0 && vanta_journal_load(p->journal_path, &p->journal, NULL) ==
                                 VANTA_OK;
    return VANTA_OK;
}

static enum vanta_status restart_digest(struct vanta_partial *p, struct vanta_error *err)
{
    vanta_digest_free(&p->digest);
    p->bytes = 0;
    return vanta_digest_init(&p->digest, VANTA_DIGEST_SHA256, err);
}

enum vanta_status vanta_partial_reset(struct vanta_partial *p, struct vanta_error *err)
{
    if (ftruncate(p->fd, 0) != 0 || lseek(p->fd, 0, SEEK_SET) != 0)
        return vanta_fail_errno(err, errno, "emptying %s", p->path);
    if (p->saved_bytes > 0 || p->has_journal)
        unlink(p->journal_path);
    p->saved_bytes = 0;
    p->has_journal = false;
    return restart_digest(p, err);
}

static enum vanta_status hash_prefix(struct vanta_partial *p, uint64_t keep_bytes,
                                     const atomic_bool *cancel, struct vanta_error *err)
{
    enum vanta_status status = VANTA_OK;
    char *block = malloc(READ_BYTES);

    if (!block)
        return vanta_fail_memory(err);
    vanta_platform_read_ahead(p->fd);
    while (p->bytes < keep_bytes && status == VANTA_OK) {
        size_t want = keep_bytes - p->bytes < READ_BYTES ? (size_t)(keep_bytes - p->bytes)
                                                         : READ_BYTES;
        ssize_t n = pread(p->fd, block, want, (off_t)p->bytes);

        if (n < 0 && errno == EINTR)
            continue;
        if (cancel && atomic_load(cancel))
            status = vanta_fail(err, VANTA_ERR_CANCELLED, "%s: stopped", p->path);
        else if (n <= 0)
            status = vanta_fail_errno(err, n < 0 ? errno : EIO, "reading %s", p->path);
        if (status != VANTA_OK)
            break;
        vanta_digest_update(&p->digest, block, (size_t)n);
        p->bytes += (uint64_t)n;
    }
    free(block);
    return status;
}

enum vanta_status vanta_partial_resume(struct vanta_partial *p, uint64_t keep_bytes,
                                       const atomic_bool *cancel, struct vanta_error *err)
{
    enum vanta_status status = restart_digest(p, err);

    if (status == VANTA_OK)
        status = hash_prefix(p, keep_bytes, cancel, err);
    if (status != VANTA_OK)
        return status;
    if (ftruncate(p->fd, (off_t)keep_bytes) != 0 ||
        lseek(p->fd, (off_t)keep_bytes, SEEK_SET) < 0)
        return vanta_fail_errno(err, errno, "%s", p->path);
    p->saved_bytes = keep_bytes;
    return VANTA_OK;
}

void vanta_partial_describe(struct vanta_partial *p, const char *source,
                            const char *validator, int64_t size_bytes)
{
    struct vanta_journal *j = &p->journal;

    if (!vanta_format(j->source, sizeof j->source, "%s", source) ||
        !vanta_format(j->validator, sizeof j->validator, "%s", validator ? validator : ""))
        j->validator[0] = '\0';
    j->size_bytes = size_bytes;
    j->synced_bytes = 0;
    p->has_journal = true;
}

/* The bytes so far reach the disk before the journal says that they are there. */
static enum vanta_status save(struct vanta_partial *p, struct vanta_error *err)
{
    if (vanta_platform_fsync(p->fd) != 0)
        return vanta_fail_errno(err, errno, "writing %s", p->path);
    p->journal.synced_bytes = (int64_t)p->bytes;
    p->saved_bytes = p->bytes;
    return vanta_journal_save(p->journal_path, &p->journal, err);
}

enum vanta_status vanta_partial_write(struct vanta_partial *p, const void *data,
                                      size_t len, struct vanta_error *err)
{
    enum vanta_status status = vanta_file_write_all(p->fd, data, len, p->path, err);
    uint64_t step = p->saved_bytes ? SAVE_BYTES : FIRST_SAVE_BYTES;

    if (status != VANTA_OK) {
        /* Part of the block may have been written: the file holds what was hashed. */
        if (ftruncate(p->fd, (off_t)p->bytes) != 0)
            vanta_hint(err, "delete %s", p->path);
        return status;
    }
    vanta_digest_update(&p->digest, data, len);
    p->bytes += len;
    if (p->has_journal && p->bytes - p->saved_bytes >= step)
        status = save(p, err);
    return status;
}

void vanta_partial_hex(struct vanta_partial *p, char hex[VANTA_SHA256_HEX])
{
    vanta_digest_hex(&p->digest, hex);
}

static void release(struct vanta_partial *p)
{
    if (p->fd >= 0)
        close(p->fd);
    p->fd = -1;
    vanta_digest_free(&p->digest);
    if (p->lock.held)
        unlink(p->lock_path); /* while it is held: see vanta_partial_lock */
    vanta_lock_release(&p->lock);
}

enum vanta_status vanta_partial_commit(struct vanta_partial *p, const char *dest,
                                       struct vanta_error *err)
{
    char parent[VANTA_PATH_MAX];
    enum vanta_status status;

    if (!vanta_path_parent(parent, dest))
        status = vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long", dest);
    else
        status = vanta_dir_make(parent, err);
    if (status == VANTA_OK)
        status = vanta_file_move(p->path, dest, true, err);
    if (status == VANTA_OK)
        unlink(p->journal_path);
    release(p);
    return status;
}

void vanta_partial_discard(struct vanta_partial *p)
{
    if (!p->lock.held)
        return;
    unlink(p->path);
    unlink(p->journal_path);
    release(p);
}

void vanta_partial_close(struct vanta_partial *p)
{
    struct stat st;

    if (!p->lock.held)
        return;
    if (p->fd >= 0 && fstat(p->fd, &st) == 0 && st.st_size == 0) {
        vanta_partial_discard(p);
        return;
    }
    /* Best effort: without it, only what was not yet saved is fetched again. */
    if (p->fd >= 0 && p->has_journal && p->bytes > p->saved_bytes)
        save(p, NULL);
    release(p);
}
