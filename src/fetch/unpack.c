#include "fetch/bundle.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "fetch/archive.h"

/* What may come out where the catalog does not know the size. */
#define UNKNOWN_BYTES_MAX ((uint64_t)64 * 1024 * 1024 * 1024)
#define NPM_PREFIX "package/"

/* One pass: the parts and what is wanted of them. */
struct pass {
    struct vanta_archive_part *parts;
    struct vanta_watched *waits; /* what the parts' wait works with */
    size_t n_parts;
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
    free(p->waits);
    free(p->members);
    free(p->jobs);
    free(p->partials);
    free(p->wanted);
    free(p->inner);
}

static bool pass_alloc(struct pass *p, size_t n_jobs, size_t n_parts)
{
    p->parts = calloc(n_parts, sizeof *p->parts);
    p->waits = calloc(n_parts, sizeof *p->waits);
    p->members = calloc(n_parts, sizeof *p->members);
    p->jobs = calloc(n_jobs, sizeof *p->jobs);
    p->partials = calloc(n_jobs, sizeof *p->partials);
    p->wanted = calloc(n_jobs, sizeof *p->wanted);
    p->inner = calloc(n_jobs, sizeof *p->inner);
    return p->parts && p->waits && p->members && p->jobs && p->partials && p->wanted &&
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
    struct vanta_watched *w = arg;

    if (vanta_container_await(w->bundle, w->container) == VANTA_MOVE_DONE)
        return VANTA_OK;
    return vanta_fail(err, w->container->error.status, "%s", w->container->error.message);
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
        if (!vanta_bundle_is_package(l) || is_plain_member(s))
            continue;
        if (!member_name(l, p->members[i]))
            return false;
        p->parts[i].member = p->members[i];
        if (!is_cut(s))
            continue;
        p->waits[i] = (struct vanta_watched){b, c};
        p->parts[i].wait = await_part;
        p->parts[i].wait_arg = &p->waits[i];
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

/* One pass for the item and all that come out of the same one. */
static void extract_with(struct vanta_bundle *b, size_t first, bool *pending)
{
    const struct vanta_source *source = vanta_bundle_source(b->jobs[first]);
    struct pass p = {0};
    bool fine = pass_alloc(&p, b->n_jobs, source->n_parts) && pass_parts(b, &p, source);
    size_t k;

    for (k = first; k < b->n_jobs; k++) {
        if (!pending[k] ||
            (k != first && !one_pass(source, vanta_bundle_source(b->jobs[k]))))
            continue;
        pending[k] = false;
        if (fine)
            p.jobs[p.n++] = b->jobs[k];
        else
            vanta_fail_memory(&b->jobs[k]->error);
    }
    if (fine)
        run_pass(b, &p);
    pass_free(&p);
    vanta_bundle_set_over(b, pending);
}

void vanta_bundle_unpack(struct vanta_bundle *b, bool *pending)
{
    size_t i;

    for (i = 0; i < b->n_jobs; i++)
        if (pending[i] && await_item(b, b->jobs[i]))
            extract_with(b, i, pending);
}
