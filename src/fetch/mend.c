/* mend.c - of a damaged file the good chunks are taken, and the bad ones fetched. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/stream.h"
#include "fetch/engine.h"

bool vanta_can_mend(const struct vanta_fetch_item *item)
{
    const struct vanta_chunks *c = item->chunks;
    uint8_t digest[VANTA_SHA256_BYTES];

    return c && c->n > 1 && item->sha256 && vanta_sha256_from_hex(item->sha256, digest) &&
           memcmp(digest, c->sha256, sizeof digest) == 0 &&
           (item->size_bytes < 0 || (uint64_t)item->size_bytes == c->file_bytes) &&
           access(item->dest, R_OK) == 0;
}

/* Whether chunk i of the damaged file, read into block, is the right one. */
static bool is_good(int fd, const struct vanta_chunks *c, uint64_t i, void *block)
{
    size_t len = vanta_chunk_bytes(c->file_bytes, i);
    uint8_t digest[VANTA_SHA256_BYTES];

    return vanta_read_at(fd, block, len, i * VANTA_CHUNK_BYTES) == (int64_t)len &&
           vanta_chunk_digest(block, len, digest, NULL) == VANTA_OK &&
           memcmp(digest, c->digests[i], sizeof digest) == 0;
}

static enum vanta_move mend(struct vanta_call *call, struct vanta_job *job,
                            struct vanta_transfer *t, int fd, void *block,
                            struct vanta_error *err)
{
    const struct vanta_chunks *c = job->item->chunks;
    struct vanta_partial *partial = t->partial;
    enum vanta_move move = VANTA_MOVE_DONE;

    while (partial->bytes < c->file_bytes && move == VANTA_MOVE_DONE) {
        uint64_t i = partial->bytes / VANTA_CHUNK_BYTES;
        size_t len = vanta_chunk_bytes(c->file_bytes, i);

        if (vanta_cancelled(call->f)) {
            vanta_fail(err, VANTA_ERR_CANCELLED, "%s: stopped", job->item->label);
            return VANTA_MOVE_STOP;
        }
        if (partial->bytes % VANTA_CHUNK_BYTES == 0 && is_good(fd, c, i, block)) {
            if (vanta_partial_write(partial, block, len, err) != VANTA_OK)
                return VANTA_MOVE_STOP;
            job->item->reused_bytes += len;
            vanta_tell_progress(call, job, partial->bytes, (int64_t)c->file_bytes);
            continue;
        }
        t->stop_at = i * VANTA_CHUNK_BYTES + len;
        move = vanta_run_transfer(call, job, t, err);
        if (move == VANTA_MOVE_DONE && t->fresh) { /* a server without ranges sent all */
            job->item->reused_bytes = 0;
            break;
        }
    }
    t->stop_at = 0;
    return move;
}

enum vanta_move vanta_run_mend(struct vanta_call *call, struct vanta_job *job,
                               struct vanta_transfer *t, struct vanta_error *err)
{
    int fd = open(job->item->dest, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    void *block = malloc(VANTA_CHUNK_BYTES);
    enum vanta_move move = VANTA_MOVE_STOP;

    if (!block)
        vanta_fail_memory(err);
    else if (fd < 0)
        move = vanta_run_transfer(call, job, t, err);
    else
        move = mend(call, job, t, fd, block, err);
    if (fd >= 0)
        close(fd);
    free(block);
    return move;
}
