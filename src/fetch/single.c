#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/platform.h"
#include "base/text.h"
#include "fetch/engine.h"
#include "fetch/sniff.h"

#define COPY_BYTES ((size_t)256 * 1024)
/* Tries in a row without a new byte before other sources get their turn. */
#define TRIES 3

static enum vanta_move give(struct vanta_job *job, enum vanta_move move)
{
    job->move = move;
    return move;
}

/* --- what is there already -------------------------------------------------------- */

enum vanta_status vanta_dest_check(struct vanta_call *call, struct vanta_job *job,
                                   struct vanta_error *err)
{
    struct vanta_fetch_item *item = job->item;
    char hex[VANTA_SHA256_HEX];
    enum vanta_status status;
    uint64_t bytes = 0;
    int64_t size;

    if (vanta_file_is_dir(item->dest)) {
        vanta_fail(err, VANTA_ERR_EXISTS, "%s is a folder; a file must go there",
                   item->dest);
        vanta_hint(err, "move the folder away, then run this again");
        return VANTA_ERR_EXISTS;
    }
    size = vanta_file_size(item->dest);
    if (size < 0 || !item->sha256 || (item->size_bytes >= 0 && size != item->size_bytes))
        return VANTA_ERR_NOT_FOUND;
    status = vanta_sha256_file(item->dest, hex, &bytes, NULL, NULL,
                               call->f->options.cancel, err);
    if (status != VANTA_OK)
        return status;
    if (strcmp(hex, item->sha256) != 0)
        return VANTA_ERR_NOT_FOUND;
    memcpy(item->found_sha256, hex, sizeof hex);
    item->found_bytes = bytes;
    return VANTA_OK;
}

void vanta_run_check(struct vanta_call *call, struct vanta_job *job)
{
    enum vanta_status status = vanta_dest_check(call, job, &job->error);

    if (status == VANTA_OK)
        give(job, VANTA_MOVE_DONE);
    else if (status == VANTA_ERR_CANCELLED || status == VANTA_ERR_EXISTS)
        give(job, VANTA_MOVE_STOP);
    else { /* not there, wrong or unreadable: to be replaced */
        vanta_error_clear(&job->error);
        give(job, vanta_run_reuse(call, job, &job->error));
    }
}

/* --- the end ---------------------------------------------------------------------- */

enum vanta_move vanta_finish(struct vanta_job *job, struct vanta_partial *partial,
                             const char *linked_sha256, struct vanta_error *err)
{
    struct vanta_fetch_item *item = job->item;
    const struct vanta_source *source = &item->sources[job->source];
    const char *expected = item->sha256;
    char hex[VANTA_SHA256_HEX], *text;
    uint64_t bytes;

    if (vanta_partial_hex(partial, hex, err) != VANTA_OK)
        return VANTA_MOVE_STOP;
    bytes = partial->chunks.file_bytes;
    if (!expected && linked_sha256 && linked_sha256[0])
        expected = linked_sha256;
    if (expected && strcmp(hex, expected) != 0) {
        text = vanta_source_text(source);
        vanta_fail(err, VANTA_ERR_DIGEST, "%s: what came has SHA-256 %s, not %s",
                   text ? text : item->label, hex, expected);
        vanta_hint(err, "it is another version or was damaged on the way and was thrown "
                        "away; another source may have the right one");
        free(text);
        vanta_partial_reset(partial, NULL);
        return VANTA_MOVE_USELESS;
    }
    if (item->found_chunks) {
        vanta_chunks_free(item->found_chunks);
        *item->found_chunks = partial->chunks;
        memset(&partial->chunks, 0, sizeof partial->chunks);
    }
    if (vanta_partial_commit(partial, item->dest, err) != VANTA_OK) {
        if (item->found_chunks)
            vanta_chunks_free(item->found_chunks);
        return VANTA_MOVE_STOP;
    }
    memcpy(item->found_sha256, hex, sizeof hex);
    item->found_bytes = bytes;
    item->used = source;
    return VANTA_MOVE_DONE;
}

/* --- from the disk ---------------------------------------------------------------- */

/* The next block of the file behind fd; *len is 0 at its end. A file that cannot be read,
 * or is of another kind, says nothing against other sources. */
static enum vanta_move read_block(int fd, const char *path, bool first,
                                  enum vanta_magic magic, char *block, size_t *len,
                                  struct vanta_error *err)
{
    ssize_t n;

    do
        n = read(fd, block, COPY_BYTES);
    while (n < 0 && errno == EINTR);
    if (n < 0) {
        vanta_fail_errno(err, errno, "reading %s", path);
        vanta_hint(err, "the disk or share that it lies on may be damaged: "
                        "name another source");
        return VANTA_MOVE_USELESS;
    }
    *len = (size_t)n;
    if (first && vanta_sniff(block, *len < VANTA_SNIFF_BYTES ? *len : VANTA_SNIFF_BYTES,
                             magic, "", path, err) != VANTA_OK)
        return VANTA_MOVE_USELESS;
    return VANTA_MOVE_DONE;
}

static enum vanta_move copy_blocks(struct vanta_call *call, struct vanta_job *job, int fd,
                                   const char *path, struct vanta_partial *partial,
                                   struct vanta_error *err)
{
    enum vanta_move move = VANTA_MOVE_DONE;
    char *block = malloc(COPY_BYTES);
    bool first = true;
    size_t len = 1;

    if (!block) {
        vanta_fail_memory(err);
        return VANTA_MOVE_STOP;
    }
    while (move == VANTA_MOVE_DONE && len > 0) {
        if (vanta_cancelled(call->f)) {
            vanta_fail(err, VANTA_ERR_CANCELLED, "%s: stopped", path);
            move = VANTA_MOVE_STOP;
            break;
        }
        move = read_block(fd, path, first, job->item->magic, block, &len, err);
        first = false;
        if (move == VANTA_MOVE_DONE && len > 0 &&
            vanta_partial_write(partial, block, len, err) != VANTA_OK)
            move = VANTA_MOVE_STOP;
        if (move == VANTA_MOVE_DONE)
            vanta_tell_progress(call, job, partial->bytes, job->item->size_bytes);
    }
    free(block);
    return move;
}

/* Copies a local file; its digest judges it like any other source. */
static enum vanta_move copy_local(struct vanta_call *call, struct vanta_job *job,
                                  const char *path, struct vanta_partial *partial,
                                  struct vanta_error *err)
{
    struct vanta_fetch_item *item = job->item;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    enum vanta_move move = VANTA_MOVE_STOP;
    struct stat st;

    if (fd < 0) {
        vanta_fail_errno(err, errno, "%s", path);
        return VANTA_MOVE_USELESS;
    }
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        vanta_fail(err, VANTA_ERR_FORMAT, "%s: not a file", path);
        return VANTA_MOVE_USELESS;
    }
    if (item->size_bytes >= 0 && st.st_size != item->size_bytes) {
        close(fd);
        vanta_fail(err, VANTA_ERR_DIGEST, "%s: it has %lld bytes, not %lld", path,
                   (long long)st.st_size, (long long)item->size_bytes);
        return VANTA_MOVE_USELESS;
    }
    if (!vanta_slots_take(&call->f->slots, call->bytes, false,
                          call->f->options.cancel)) {
        close(fd);
        vanta_fail(err, VANTA_ERR_CANCELLED, "%s: stopped", path);
        return VANTA_MOVE_STOP;
    }
    vanta_tell_start(call, job);
    vanta_platform_read_ahead(fd);
    if (vanta_partial_reset(partial, err) == VANTA_OK)
        move = copy_blocks(call, job, fd, path, partial, err);
    vanta_slots_give(&call->f->slots);
    close(fd);
    return move;
}

/* --- from the network ------------------------------------------------------------- */

struct progress {
    struct vanta_call *call;
    struct vanta_job *job;
};

static void on_progress(void *arg, uint64_t bytes, int64_t total, uint64_t moved)
{
    struct progress *p = arg;

    p->job->item->moved_bytes += moved;
    if (!atomic_exchange(&p->job->moving, true))
        vanta_tell_start(p->call, p->job);
    vanta_tell_progress(p->call, p->job, bytes, total);
}

enum vanta_move vanta_run_transfer(struct vanta_call *call, const struct vanta_job *job,
                                   struct vanta_lanes *lanes, struct vanta_error *err)
{
    struct vanta_fetcher *f = call->f;
    struct vanta_transfer *t = lanes->transfer;
    char origin[VANTA_URL_ORIGIN_MAX];
    enum vanta_move move;
    unsigned tries = 0;

    vanta_source_origin(f, &job->item->sources[job->source], origin);
    if (t->best_bytes < t->partial->have_bytes)
        t->best_bytes = t->partial->have_bytes;
    t->pace = &f->pace;
    t->cancel = f->options.cancel;
    lanes->connections = f->options.connections;
    lanes->in_use = &f->connections;
    for (;;) {
        uint64_t best = t->best_bytes;

        if (!vanta_slots_take(&f->slots, call->bytes, false, f->options.cancel)) {
            vanta_fail(err, VANTA_ERR_CANCELLED, "%s: stopped", job->item->label);
            return VANTA_MOVE_STOP;
        }
        move = vanta_lanes_try(lanes, err);
        vanta_slots_give(&f->slots);
        /* Not every byte is progress: a server without ranges that always breaks off
         * sends the same ones again. */
        if (t->best_bytes > best)
            tries = 0;
        if (t->answered)
            vanta_hosts_worked(&f->hosts, origin);
        if (move != VANTA_MOVE_AGAIN || t->retry_after_ms >= 0 || ++tries >= TRIES)
            break;
        vanta_tell_notice(call, job, "%s: %s; trying again", job->item->label,
                          err->message);
        vanta_error_clear(err);
        if (!vanta_clock_sleep_ms(
                vanta_retry_delay_ms(f->base_ms, tries - 1, vanta_retry_random()),
                f->options.cancel)) {
            vanta_fail(err, VANTA_ERR_CANCELLED, "%s: stopped", job->item->label);
            return VANTA_MOVE_STOP;
        }
    }
    if (move == VANTA_MOVE_UNREACHED)
        vanta_hosts_failed(&f->hosts, origin, vanta_clock_ms(), err);
    if (move != VANTA_MOVE_DONE && t->from_zero)
        vanta_partial_reset(t->partial, NULL);
    return move;
}

/* Other addresses of the same bytes, for the lanes; texts are to be freed. */
static void add_others(struct vanta_call *call, const struct vanta_job *job,
                       struct vanta_lanes *lanes)
{
    const struct vanta_fetch_item *item = job->item;
    char origin[VANTA_URL_ORIGIN_MAX];
    struct vanta_host host;
    size_t s;

    for (s = 0; s < job->n_sources && lanes->n_others < VANTA_LANE_SOURCES_MAX; s++) {
        const struct vanta_source *source = &item->sources[s];
        enum vanta_locator_kind kind = source->parts[0].kind;
        char *text;

        if (s == job->source || job->tries[s].exhausted ||
            vanta_source_is_bundle(source) || !vanta_source_allowed(call->f, source) ||
            (kind != VANTA_LOCATOR_HF && kind != VANTA_LOCATOR_URL))
            continue;
        vanta_source_origin(call->f, source, origin);
        vanta_hosts_get(&call->f->hosts, origin, vanta_clock_ms(), &host);
        text = host.down_since_ms == 0 ? vanta_source_text(source) : NULL;
        if (text)
            lanes->others[lanes->n_others++] =
                (struct vanta_lane_source){&source->parts[0], text};
    }
}

/* All there already, as far as can be said: an earlier call was stopped just before the
 * end. Known chunks that are wrong are not there. */
static bool is_whole(const struct vanta_fetch_item *item, struct vanta_partial *partial,
                     const atomic_bool *cancel)
{
    uint64_t chunk;

    if (item->size_bytes <= 0 || partial->have_bytes != (uint64_t)item->size_bytes)
        return false;
    if (partial->known)
        vanta_follow_wait(&partial->follow, cancel);
    return !vanta_partial_bad(partial, &chunk);
}

static enum vanta_move bring(struct vanta_call *call, struct vanta_job *job,
                             struct vanta_lanes *lanes, struct vanta_error *err)
{
    struct vanta_fetch_item *item = job->item;
    struct vanta_transfer *t = lanes->transfer;
    uint64_t before = t->partial->have_bytes;
    enum vanta_move move = VANTA_MOVE_DONE;

    t->kept_bytes = before;
    if (!is_whole(item, t->partial, t->cancel))
        move = vanta_run_transfer(call, job, lanes, err);
    job->progressed = t->progressed;
    job->retry_after_ms = t->retry_after_ms;
    if (t->kept_bytes < before) { /* begun anew, or a chunk of it was wrong */
        if (item->reused_bytes > t->kept_bytes)
            item->reused_bytes = t->kept_bytes;
        item->resumed_bytes = t->kept_bytes - item->reused_bytes;
    }
    if (move != VANTA_MOVE_DONE)
        return move;
    before = item->reused_bytes + item->resumed_bytes;
    move = vanta_finish(job, t->partial, t->linked_sha256, err);
    if (move != VANTA_MOVE_USELESS || before == 0)
        return move;
    /* The bytes from before may be the wrong ones: the source gets a try of its own. */
    vanta_tell_notice(call, job, "%s: the part that was there before was not right; "
                                 "starting from the beginning",
                      item->label);
    vanta_error_clear(err);
    item->reused_bytes = item->resumed_bytes = 0;
    move = vanta_run_transfer(call, job, lanes, err);
    return move == VANTA_MOVE_DONE ? vanta_finish(job, t->partial, t->linked_sha256, err)
                                   : move;
}

static enum vanta_move fetch_address(struct vanta_call *call, struct vanta_job *job,
                                     struct vanta_partial *partial, const char *text,
                                     struct vanta_error *err)
{
    struct vanta_fetch_item *item = job->item;
    struct progress progress = {call, job};
    struct vanta_transfer t = {.http = call->f->http,
                               .hub = &call->f->hub,
                               .locator = &item->sources[job->source].parts[0],
                               .source = text,
                               .partial = partial,
                               .size_bytes = item->size_bytes,
                               .sha256 = item->sha256,
                               .magic = item->magic,
                               .allow_plain = call->f->options.allow_plain_http,
                               .cancel = call->f->options.cancel,
                               .progress = on_progress,
                               .arg = &progress,
                               .retry_after_ms = -1};
    struct vanta_lanes lanes = {.transfer = &t};
    enum vanta_move move;
    size_t i;

    if (vanta_salvage(call, job, partial, text, &item->reused_bytes, err) != VANTA_OK)
        return VANTA_MOVE_STOP;
    item->resumed_bytes = partial->have_bytes - item->reused_bytes;
    if (item->sha256)
        add_others(call, job, &lanes);
    move = bring(call, job, &lanes, err);
    for (i = 0; i < lanes.n_others; i++)
        free((char *)(uintptr_t)lanes.others[i].text);
    return move;
}

static enum vanta_move run_locked(struct vanta_call *call, struct vanta_job *job,
                                  struct vanta_partial *partial, struct vanta_error *err)
{
    const struct vanta_source *source = &job->item->sources[job->source];
    /* The same bytes may have come for another item meanwhile. */
    enum vanta_move move = vanta_run_reuse(call, job, err);
    char *text;

    if (move != VANTA_MOVE_USELESS)
        return move;
    if (source->parts[0].kind == VANTA_LOCATOR_FILE) {
        move = copy_local(call, job, source->parts[0].path, partial, err);
        return move == VANTA_MOVE_DONE ? vanta_finish(job, partial, NULL, err) : move;
    }
    text = vanta_source_text(source);
    if (!text) {
        vanta_fail_memory(err);
        return VANTA_MOVE_STOP;
    }
    move = fetch_address(call, job, partial, text, err);
    free(text);
    return move;
}

void vanta_run_single(struct vanta_call *call, struct vanta_job *job)
{
    struct vanta_waiting waiting = {call, job, false};
    struct vanta_partial *partial = malloc(sizeof *partial);
    enum vanta_move move = VANTA_MOVE_STOP;

    if (!partial) {
        vanta_fail_memory(&job->error);
        give(job, VANTA_MOVE_STOP);
        return;
    }
    if (vanta_partial_open(partial, call->partial_dir, job->key, call->f->options.cancel,
                           vanta_tell_waiting, &waiting, &job->error) != VANTA_OK)
        goto out;
    /* The one that was waited for may have brought this very file. */
    if (waiting.waited && vanta_dest_check(call, job, NULL) == VANTA_OK)
        move = VANTA_MOVE_DONE;
    else
        move = run_locked(call, job, partial, &job->error);
    if (move == VANTA_MOVE_DONE)
        vanta_partial_discard(partial);
    else
        vanta_partial_close(partial); /* a later call goes on with it */
out:
    free(partial);
    give(job, move);
}
