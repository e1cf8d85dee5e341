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

/* A file gets its journal when so much of it is there. */
#define JOURNAL_BYTES ((uint64_t)256 * 1024)
/* The journal gets a line for so many bytes, and says so often that they are synced. */
#define LINE_BYTES ((uint64_t)8 * 1024 * 1024)
#define SYNC_BYTES ((uint64_t)64 * 1024 * 1024)
/* The least that is worth the reservation of room. */
#define RESERVE_BYTES ((int64_t)1024 * 1024)
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

/* What the journal says is there, as far as the file goes. One that was only written in
 * order, and by a system that still runs, is there to its end. */
static void check_extents(struct vanta_partial *p)
{
    struct vanta_journal *j = &p->journal;

    if (!vanta_extents_remove(&j->have, p->left_bytes, UINT64_MAX) ||
        (j->same_boot && !j->apart && !vanta_extents_add(&j->have, 0, p->left_bytes)))
        vanta_extents_clear(&j->have);
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
    p->size_bytes = -1;
    if (!vanta_format(p->path, sizeof p->path, "%s/%s.part", dir, key) ||
        !vanta_format(p->journal_path, sizeof p->journal_path, "%s/%s.journal", dir, key) ||
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
    if (p->left_bytes > 0) {
        status = vanta_journal_load(p->journal_path, &p->journal, NULL);
        p->has_journal = status == VANTA_OK;
        p->damaged = !p->has_journal && status != VANTA_ERR_NOT_FOUND;
    }
    if (p->has_journal)
        check_extents(p);
    return VANTA_OK;
}

static void end_flush(struct vanta_partial *p)
{
    int failed = vanta_flush_end(&p->flush);

    if (failed)
        p->unsafe = failed;
}

/* Once a sync has failed, those that follow would say that all is fine. */
static enum vanta_status sync_bytes(struct vanta_partial *p, struct vanta_error *err)
{
    if (!p->unsafe && vanta_platform_fsync(p->fd) != 0)
        p->unsafe = errno;
    return p->unsafe ? vanta_fail_errno(err, p->unsafe, "writing %s", p->path) : VANTA_OK;
}

enum vanta_status vanta_partial_keep(struct vanta_partial *p,
                                     const struct vanta_extents *keep, int64_t size_bytes,
                                     struct vanta_error *err)
{
    uint64_t end = keep && keep->n > 0 ? keep->list[keep->n - 1].end : 0;
    struct vanta_extents have = {0};
    size_t i;

    for (i = 0; keep && i < keep->n; i++)
        if (!vanta_extents_add(&have, keep->list[i].first, keep->list[i].end)) {
            vanta_extents_free(&have);
            return vanta_fail_memory(err);
        }
    vanta_follow_stop(&p->follow);
    end_flush(p);
    vanta_chunks_free(&p->chunks);
    vanta_extents_free(&p->have);
    vanta_extents_clear(&p->fresh);
    vanta_journal_end(&p->writer);
    p->size_bytes = size_bytes;
    p->have = have;
    p->have_bytes = vanta_extents_bytes(&have);
    p->bytes = vanta_extents_prefix(&have);
    p->fresh_bytes = p->unsynced_bytes = 0;
    p->apart = have.n > 1 || p->bytes < p->have_bytes;
    p->generation++;
    if (ftruncate(p->fd, (off_t)end) != 0)
        return vanta_fail_errno(err, errno, "%s", p->path);
    if (vanta_follow_start(&p->follow, p->fd, p->path, size_bytes, p->known, err) !=
        VANTA_OK)
        return VANTA_ERR_NO_MEMORY;
    vanta_follow_ready(&p->follow, p->bytes);
    return VANTA_OK;
}

enum vanta_status vanta_partial_resume(struct vanta_partial *p, uint64_t keep_bytes,
                                       int64_t size_bytes, struct vanta_error *err)
{
    struct vanta_extent one = {0, keep_bytes};
    struct vanta_extents keep = {&one, keep_bytes > 0, 1};

    return vanta_partial_keep(p, &keep, size_bytes, err);
}

enum vanta_status vanta_partial_reset(struct vanta_partial *p, struct vanta_error *err)
{
    enum vanta_status status = vanta_partial_keep(p, NULL, p->size_bytes, err);

    if (p->has_journal || p->damaged)
        unlink(p->journal_path);
    p->has_journal = p->damaged = false;
    return status;
}

void vanta_partial_describe(struct vanta_partial *p, const char *source,
                            const char *validator, int64_t size_bytes)
{
    struct vanta_journal *j = &p->journal;

    if (!vanta_format(j->source, sizeof j->source, "%s", source) ||
        !vanta_format(j->validator, sizeof j->validator, "%s", validator ? validator : ""))
        j->validator[0] = '\0';
    j->size_bytes = size_bytes;
    p->has_journal = true;
    if (size_bytes >= RESERVE_BYTES && p->have_bytes == 0)
        vanta_platform_reserve(p->fd, (uint64_t)size_bytes);
}

/* All that is there reaches the disk, and a journal that says so replaces the one before. */
static enum vanta_status save(struct vanta_partial *p, struct vanta_error *err)
{
    struct vanta_journal *j = &p->journal;
    struct vanta_extents before = j->have;
    enum vanta_status status = sync_bytes(p, err);

    if (status != VANTA_OK)
        return status;
    j->have = p->have;
    j->apart = p->apart;
    status = vanta_journal_begin(&p->writer, p->journal_path, j, err);
    j->have = before;
    vanta_extents_clear(&p->fresh);
    p->fresh_bytes = p->unsynced_bytes = 0;
    return status;
}

enum vanta_status vanta_partial_part(struct vanta_partial *p, struct vanta_error *err)
{
    enum vanta_status status = VANTA_OK;

    if (p->apart)
        return VANTA_OK;
    p->apart = true;
    if (p->writer.fd == 0)
        return p->has_journal ? save(p, err) : VANTA_OK;
    status = vanta_journal_add(&p->writer, p->journal_path, "apart", 0, 0, err);
    return status;
}

/* The journal learns what was written, and now and then what is on the disk. */
static enum vanta_status note(struct vanta_partial *p, struct vanta_error *err)
{
    enum vanta_status status = VANTA_OK;
    unsigned synced;
    size_t i;

    if (!p->has_journal)
        return VANTA_OK;
    if (p->writer.fd == 0)
        return p->have_bytes >= JOURNAL_BYTES ? save(p, err) : VANTA_OK;
    if (p->fresh_bytes < LINE_BYTES)
        return VANTA_OK;
    if (!p->unsafe)
        p->unsafe = vanta_flush_failed(&p->flush);
    if (p->unsafe)
        return sync_bytes(p, err);
    for (i = 0; i < p->fresh.n && status == VANTA_OK; i++) {
        const struct vanta_extent *e = &p->fresh.list[i];

        vanta_platform_write_back(p->fd, e->first, e->end - e->first);
        status = vanta_journal_add(&p->writer, p->journal_path, "have", e->first, e->end,
                                   err);
    }
    vanta_extents_clear(&p->fresh);
    p->fresh_bytes = 0;
    if (status == VANTA_OK && vanta_flush_done(&p->flush, &synced))
        status = vanta_journal_add(&p->writer, p->journal_path, "synced", synced, 0, err);
    if (p->unsynced_bytes >= SYNC_BYTES && !vanta_flush_busy(&p->flush)) {
        vanta_flush_ask(&p->flush, p->fd, p->writer.records);
        p->unsynced_bytes = 0;
    }
    return status;
}

static enum vanta_status write_all_at(struct vanta_partial *p, uint64_t pos,
                                      const char *data, size_t len, struct vanta_error *err)
{
    while (len > 0) {
        ssize_t n = pwrite(p->fd, data, len, (off_t)pos);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return vanta_fail_errno(err, n < 0 ? errno : EIO, "writing %s", p->path);
        data += n;
        pos += (uint64_t)n;
        len -= (size_t)n;
    }
    return VANTA_OK;
}

/* The bytes from pos on, none of which is there. */
static enum vanta_status write_new(struct vanta_partial *p, uint64_t pos, const void *data,
                                   size_t len, struct vanta_error *err)
{
    enum vanta_status status = write_all_at(p, pos, data, len, err);

    if (status != VANTA_OK) {
        /* Part of it may have been written: where the size tells what is there, it must. */
        if (!p->apart && ftruncate(p->fd, (off_t)p->bytes) != 0)
            vanta_hint(err, "delete %s", p->path);
        return status;
    }
    if (!vanta_extents_add(&p->have, pos, pos + len) ||
        !vanta_extents_add(&p->fresh, pos, pos + len))
        return vanta_fail_memory(err);
    p->have_bytes += len;
    p->fresh_bytes += len;
    p->unsynced_bytes += len;
    vanta_follow_take(&p->follow, pos, data, len);
    if (pos == p->bytes)
        p->bytes = vanta_extents_prefix(&p->have);
    vanta_follow_ready(&p->follow, p->bytes);
    return note(p, err);
}

enum vanta_status vanta_partial_write_at(struct vanta_partial *p, uint64_t pos,
                                         const void *data, size_t len,
                                         struct vanta_error *err)
{
    enum vanta_status status = VANTA_OK;
    uint64_t end = pos + len;
    struct vanta_extent gap;
    uint64_t from = pos;

    while (status == VANTA_OK && vanta_extents_gap(&p->have, from, end, &gap)) {
        status = write_new(p, gap.first, (const char *)data + (gap.first - pos),
                           (size_t)(gap.end - gap.first), err);
        from = gap.end;
    }
    return status;
}

enum vanta_status vanta_partial_write(struct vanta_partial *p, const void *data,
                                      size_t len, struct vanta_error *err)
{
    return vanta_partial_write_at(p, p->bytes, data, len, err);
}

bool vanta_partial_bad(struct vanta_partial *p, uint64_t *chunk)
{
    uint64_t first, end;

    if (!vanta_follow_bad(&p->follow, chunk))
        return false;
    first = *chunk * VANTA_CHUNK_BYTES;
    end = first + VANTA_CHUNK_BYTES;
    if (!vanta_extents_remove(&p->have, first, end) ||
        !vanta_extents_remove(&p->fresh, first, end))
        return false; /* no memory: the digest of the whole will tell */
    p->have_bytes = vanta_extents_bytes(&p->have);
    p->bytes = vanta_extents_prefix(&p->have);
    if (vanta_partial_part(p, NULL) == VANTA_OK && p->writer.fd)
        vanta_journal_add(&p->writer, p->journal_path, "lost", first, end, NULL);
    return true;
}

enum vanta_status vanta_partial_hex(struct vanta_partial *p, char hex[VANTA_SHA256_HEX],
                                    struct vanta_error *err)
{
    enum vanta_status status;

    hex[0] = '\0';
    /* The disk works while the rest is hashed; commit tells if it fails. */
    end_flush(p);
    if (p->follow.started)
        (void)sync_bytes(p, NULL);
    vanta_chunks_free(&p->chunks);
    status = vanta_follow_end(&p->follow, &p->chunks, err);
    if (status == VANTA_OK)
        vanta_sha256_to_hex(p->chunks.sha256, hex);
    return status;
}

/* What cannot be told from lost writes must not be gone on with: the journal says so, or
 * nothing stays. */
static void give_up_unsynced(struct vanta_partial *p)
{
    if (p->writer.fd && vanta_journal_add(&p->writer, p->journal_path, "unsure", 0, 0,
                                          NULL) == VANTA_OK)
        return;
    unlink(p->path);
    unlink(p->journal_path);
}

static void release(struct vanta_partial *p)
{
    vanta_follow_stop(&p->follow);
    end_flush(p);
    if (p->unsafe)
        give_up_unsynced(p);
    if (p->fd >= 0)
        close(p->fd);
    p->fd = -1;
    vanta_chunks_free(&p->chunks);
    vanta_extents_free(&p->have);
    vanta_extents_free(&p->fresh);
    vanta_journal_free(&p->journal);
    vanta_journal_end(&p->writer);
    if (p->lock.held)
        unlink(p->lock_path); /* while it is held: see vanta_partial_lock */
    vanta_lock_release(&p->lock);
}

enum vanta_status vanta_partial_commit(struct vanta_partial *p, const char *dest,
                                       struct vanta_error *err)
{
    char parent[VANTA_PATH_MAX];
    enum vanta_status status;

    end_flush(p);
    if (!vanta_path_parent(parent, dest))
        status = vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long", dest);
    else
        status = vanta_dir_make(parent, err);
    if (status == VANTA_OK)
        status = sync_bytes(p, err);
    if (status == VANTA_OK)
        status = vanta_file_place(p->path, dest, err);
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
    end_flush(p);
    if (p->fd >= 0 && p->has_journal && p->have_bytes > 0)
        save(p, NULL);
    release(p);
}
