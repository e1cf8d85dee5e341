#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/platform.h"
#include "base/stream.h"
#include "fetch/engine.h"

/* A file that chunks are taken from. */
struct giver {
    int fd;
    uint64_t bytes;
    bool copy; /* into the partial file; else it is that */
};

static bool knows_chunks(const struct vanta_fetch_item *item)
{
    char hex[VANTA_SHA256_HEX];

    if (!item->chunks || item->chunks->n == 0 || !item->sha256 || item->size_bytes < 0 ||
        item->chunks->file_bytes != (uint64_t)item->size_bytes)
        return false;
    vanta_sha256_to_hex(item->chunks->sha256, hex);
    return strcmp(hex, item->sha256) == 0;
}

static bool write_at(int fd, const char *block, size_t len, uint64_t pos)
{
    while (len > 0) {
        ssize_t n = pwrite(fd, block, len, (off_t)pos);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        block += n;
        len -= (size_t)n;
        pos += (uint64_t)n;
    }
    return true;
}

/* Adds the giver's good chunks to keep. One that cannot be read is as good as bad, and
 * one that cannot be written (a full disk) is fetched, where that is told. */
static enum vanta_status take_chunks(struct vanta_call *call,
                                     const struct vanta_fetch_item *item,
                                     const struct giver *giver, int to,
                                     struct vanta_extents *keep, uint64_t *taken,
                                     struct vanta_error *err)
{
    const struct vanta_chunks *chunks = item->chunks;
    enum vanta_status status = VANTA_OK;
    char *block = malloc(VANTA_CHUNK_BYTES);
    struct vanta_extent gap;
    uint8_t digest[32];
    size_t i;

    if (!block)
        return vanta_fail_memory(err);
    vanta_platform_read_ahead(giver->fd);
    for (i = 0; i < chunks->n && status == VANTA_OK; i++) {
        uint64_t pos = (uint64_t)i * VANTA_CHUNK_BYTES;
        size_t len = vanta_chunk_bytes(chunks->file_bytes, i);

        if (vanta_cancelled(call->f))
            status = vanta_fail(err, VANTA_ERR_CANCELLED, "%s: stopped", item->label);
        if (status != VANTA_OK || pos + len > giver->bytes ||
            !vanta_extents_gap(keep, pos, pos + len, &gap) ||
            vanta_read_at(giver->fd, block, len, pos) != (int64_t)len)
            continue;
        status = vanta_chunk_digest(block, len, digest, err);
        if (status != VANTA_OK || memcmp(digest, chunks->digests[i], sizeof digest) != 0 ||
            (giver->copy && !write_at(to, block, len, pos)))
            continue;
        if (!vanta_extents_add(keep, pos, pos + len))
            status = vanta_fail_memory(err);
        *taken += len;
    }
    free(block);
    return status;
}

/* What the journal vouches for. A known digest judges the whole in the end; without one,
 * only the same source's own bytes that a validator still vouches for are kept. A file that
 * never had a journal was only written in order, and needs a digest to judge it. */
static enum vanta_status take_own(const struct vanta_fetch_item *item,
                                  const struct vanta_partial *p, const char *source,
                                  struct vanta_extents *keep, struct vanta_error *err)
{
    const struct vanta_journal *j = &p->journal;
    bool fits = item->size_bytes < 0 || p->left_bytes <= (uint64_t)item->size_bytes;
    bool ok = true;
    size_t i;

    if (!fits || (!item->sha256 && (!p->has_journal || !j->validator[0] ||
                                    strcmp(j->source, source) != 0)))
        return VANTA_OK;
    for (i = 0; p->has_journal && i < j->have.n && ok; i++)
        ok = vanta_extents_add(keep, j->have.list[i].first, j->have.list[i].end);
    if (!p->has_journal && !p->damaged && !knows_chunks(item))
        ok = vanta_extents_add(keep, 0, p->left_bytes);
    return ok ? VANTA_OK : vanta_fail_memory(err);
}

static enum vanta_status take_dest(struct vanta_call *call,
                                   const struct vanta_fetch_item *item,
                                   const struct vanta_partial *p,
                                   struct vanta_extents *keep, uint64_t *reused,
                                   struct vanta_error *err)
{
    int fd = open(item->dest, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    enum vanta_status status = VANTA_OK;
    struct giver dest = {.fd = fd, .copy = true};
    struct stat st;

    if (fd < 0)
        return VANTA_OK;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        dest.bytes = (uint64_t)st.st_size;
        status = take_chunks(call, item, &dest, p->fd, keep, reused, err);
    }
    close(fd);
    return status;
}

enum vanta_status vanta_salvage(struct vanta_call *call, const struct vanta_job *job,
                                struct vanta_partial *partial, const char *source,
                                uint64_t *reused, struct vanta_error *err)
{
    const struct vanta_fetch_item *item = job->item;
    struct giver own = {.fd = partial->fd, .bytes = partial->left_bytes};
    struct vanta_extents keep = {0};
    enum vanta_status status = take_own(item, partial, source, &keep, err);
    uint64_t taken = 0;

    *reused = 0;
    if (status == VANTA_OK && knows_chunks(item)) {
        partial->known = item->chunks;
        if (!partial->has_journal)
            status = take_chunks(call, item, &own, -1, &keep, &taken, err);
        if (status == VANTA_OK)
            status = take_dest(call, item, partial, &keep, reused, err);
    }
    if (status == VANTA_OK)
        status = vanta_partial_keep(partial, &keep, item->size_bytes, err);
    vanta_extents_free(&keep);
    return status;
}
