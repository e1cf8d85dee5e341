#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "fetch/archive.h"
#include "fetch/engine.h"
#include "fetch/package.h"

/*
 * A bundle is a set of items whose bytes come out of the same downloads: containers
 * (packages, archives, parts of either). Each container is brought once, side by side
 * within the fetcher's slots; then each archive is passed over once, and every wanted
 * member streams into its item's partial file. A file that is cut over several packages
 * is put together while its later parts are still on their way.
 *
 * Locks, always in this order and each kind sorted by name: containers, then items. An
 * item that is fetched alone holds its own lock only, so no circle can form.
 */

#define STACK_BYTES ((size_t)1024 * 1024)
/* What may come out where the catalog does not know the size. */
#define UNKNOWN_BYTES_MAX ((uint64_t)64 * 1024 * 1024 * 1024)
#define NPM_PREFIX "package/"

struct container {
    const struct vanta_locator *locator;
    char key[VANTA_SHA256_HEX];
    char path[VANTA_PATH_MAX];      /* of its file, once it is there */
    char lock_path[VANTA_PATH_MAX]; /* packages */
    struct vanta_lock lock;         /* packages */
    struct vanta_partial partial;   /* addresses */
    uint64_t bytes;                 /* that have come, for progress */
    size_t rank;                    /* in the order in which items need it */
    bool started, ended;
    bool skipped;                   /* ended, since no item could use it any more */
    enum vanta_move move;           /* once it has ended */
    struct vanta_error error;
    int64_t retry_after_ms;
    bool progressed;
};

struct bundle {
    struct vanta_call *call;
    struct vanta_job **jobs;
    size_t n_jobs;
    struct vanta_job *carrier; /* the largest: progress and moved bytes are its */
    struct container *containers;
    size_t n;
    uint64_t moved_before;     /* the carrier's, in earlier rounds */
    bool waited;
    bool *over;                /* of each job: it needs no container any more */
    pthread_mutex_t mutex;     /* guards over, containers' state, carrier's figures */
    pthread_cond_t ended;      /* a container has */
    pthread_t threads[VANTA_SOURCE_PARTS_MAX];
    size_t n_threads;
};

static bool is_package(const struct vanta_locator *l)
{
    return l->kind == VANTA_LOCATOR_PYPI || l->kind == VANTA_LOCATOR_NPM;
}

static const struct vanta_source *source_of(const struct vanta_job *job)
{
    return &job->item->sources[job->source];
}

/* --- containers ------------------------------------------------------------------- */

static enum vanta_status container_key(const struct vanta_locator *l,
                                       char key[VANTA_SHA256_HEX],
                                       struct vanta_error *err)
{
    enum vanta_status status;
    char *text = is_package(l)
                     ? vanta_strf("%s %s@%s", l->kind == VANTA_LOCATOR_NPM ? "npm" : "pypi",
                                  l->name, l->revision)
                     : vanta_strdup(l->text);

    if (!text)
        return vanta_fail_memory(err);
    status = vanta_sha256_buffer(text, strlen(text), key, err);
    free(text);
    return status;
}

static struct container *find(struct bundle *b, const char *key)
{
    size_t i;

    for (i = 0; i < b->n; i++)
        if (strcmp(b->containers[i].key, key) == 0)
            return &b->containers[i];
    return NULL;
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct container *)a)->key, ((const struct container *)b)->key);
}

static enum vanta_status collect(struct bundle *b, struct vanta_error *err)
{
    size_t i, k, most = 0;
    enum vanta_status status;
    char key[VANTA_SHA256_HEX];

    for (i = 0; i < b->n_jobs; i++)
        most += source_of(b->jobs[i])->n_parts;
    b->containers = calloc(most, sizeof *b->containers);
    if (!b->containers)
        return vanta_fail_memory(err);
    for (i = 0; i < b->n_jobs; i++) {
        const struct vanta_source *source = source_of(b->jobs[i]);

        for (k = 0; k < source->n_parts; k++) {
            status = container_key(&source->parts[k], key, err);
            if (status != VANTA_OK)
                return status;
            if (find(b, key))
                continue;
            memcpy(b->containers[b->n].key, key, sizeof key);
            b->containers[b->n].locator = &source->parts[k];
            b->containers[b->n].move = VANTA_MOVE_STOP;
            b->containers[b->n].rank = b->n;
            b->n++;
        }
    }
    qsort(b->containers, b->n, sizeof *b->containers, by_key);
    return VANTA_OK;
}

static enum vanta_status lock_one(struct bundle *b, struct container *c,
                                  struct vanta_waiting *waiting, struct vanta_error *err)
{
    const char *dir = b->call->partial_dir;
    const atomic_bool *cancel = b->call->f->options.cancel;

    if (c->locator->kind == VANTA_LOCATOR_FILE)
        return VANTA_OK;
    if (!is_package(c->locator))
        return vanta_partial_open(&c->partial, dir, c->key, cancel, vanta_tell_waiting,
                                  waiting, err);
    if (!vanta_format(c->lock_path, sizeof c->lock_path, "%s/%s.lock", dir, c->key))
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long", dir);
    return vanta_partial_lock(&c->lock, dir, c->lock_path, -1, cancel, vanta_tell_waiting,
                              waiting, err);
}

static enum vanta_status lock_all(struct bundle *b, struct vanta_error *err)
{
    struct vanta_waiting waiting = {b->call, b->carrier, false};
    enum vanta_status status = VANTA_OK;
    size_t i;

    for (i = 0; i < b->n && status == VANTA_OK; i++)
        status = lock_one(b, &b->containers[i], &waiting, err);
    b->waited = waiting.waited;
    return status;
}

/* --- bringing containers ---------------------------------------------------------- */

/* Some bytes of one container came: the sum is shown as the largest item's. */
static void add_progress(struct bundle *b, struct container *c, uint64_t bytes)
{
    struct vanta_job *job = b->carrier;
    uint64_t sum = b->moved_before, shown;
    size_t i;

    pthread_mutex_lock(&b->mutex);
    c->bytes = bytes;
    for (i = 0; i < b->n; i++)
        sum += b->containers[i].bytes;
    job->item->moved_bytes = sum;
    for (i = 0; i < b->n_jobs; i++) {
        if (atomic_exchange(&b->jobs[i]->moving, true))
            continue;
        vanta_tell_start(b->call, b->jobs[i]);
    }
    shown = job->item->size_bytes >= 0 && sum > (uint64_t)job->item->size_bytes
                ? (uint64_t)job->item->size_bytes
                : sum;
    vanta_tell_progress(b->call, job, shown, job->item->size_bytes);
    pthread_mutex_unlock(&b->mutex);
}

struct watched {
    struct bundle *bundle;
    struct container *container;
};

static void on_package_progress(void *arg, uint64_t bytes)
{
    struct watched *w = arg;

    add_progress(w->bundle, w->container, bytes);
}

static enum vanta_move package_failure(enum vanta_status status)
{
    switch (status) {
    case VANTA_ERR_NETWORK:
        return VANTA_MOVE_UNREACHED;
    case VANTA_ERR_SERVER:
    case VANTA_ERR_BUSY:
        return VANTA_MOVE_AGAIN;
    case VANTA_ERR_NO_SPACE:
    case VANTA_ERR_NO_MEMORY:
    case VANTA_ERR_CANCELLED:
    case VANTA_ERR_IO:
    case VANTA_ERR_INTERNAL:
        return VANTA_MOVE_STOP;
    default:
        return VANTA_MOVE_USELESS;
    }
}

/* Remembers the file for the sweep at the call's end. */
static void keep(struct bundle *b, const struct container *c)
{
    struct vanta_kept *kept = calloc(1, sizeof *kept);

    if (!kept)
        return; /* then it stays, and doctor finds it */
    memcpy(kept->path, c->path, sizeof kept->path);
    memcpy(kept->lock_path, c->lock_path, sizeof kept->lock_path);
    pthread_mutex_lock(&b->call->mutex);
    kept->next = b->call->kept;
    b->call->kept = kept;
    pthread_mutex_unlock(&b->call->mutex);
}

static void fetch_package(struct bundle *b, struct container *c)
{
    struct vanta_fetcher *f = b->call->f;
    const struct vanta_package *package = vanta_package_of(f, c->locator);
    struct watched watched = {b, c};
    char origin[VANTA_URL_ORIGIN_MAX];
    enum vanta_status status;
    uint64_t moved = 0;

    if (!package) {
        vanta_fail(&c->error, VANTA_ERR_NOT_FOUND,
                   "%s: the catalog has no digest of this package, so it is not fetched",
                   c->locator->text);
        c->move = VANTA_MOVE_USELESS;
        return;
    }
    status = vanta_package_fetch(package, b->call->partial_dir, on_package_progress,
                                 &watched, f->options.cancel, c->path, &moved, &c->error);
    vanta_source_origin(f, source_of(b->carrier), origin);
    if (status == VANTA_OK) {
        vanta_hosts_worked(&f->hosts, origin);
        keep(b, c);
        if (moved > 0)
            add_progress(b, c, moved);
        c->move = VANTA_MOVE_DONE;
        return;
    }
    c->move = package_failure(status);
    if (c->move == VANTA_MOVE_UNREACHED)
        vanta_hosts_failed(&f->hosts, origin, vanta_clock_ms(), &c->error);
}

static void on_container_progress(void *arg, uint64_t bytes, int64_t total,
                                  uint64_t moved)
{
    struct watched *w = arg;

    (void)bytes;
    (void)total;
    add_progress(w->bundle, w->container, w->container->bytes + moved);
}

/* An archive or part at an address: its digest is not known, so only what the server
 * still vouches for is kept of an earlier call; the members' digests judge in the end. */
static void fetch_address(struct bundle *b, struct container *c)
{
    struct vanta_fetcher *f = b->call->f;
    struct vanta_partial *p = &c->partial;
    struct watched watched = {b, c};
    struct vanta_source alone = {.parts = (struct vanta_locator *)(uintptr_t)c->locator,
                                 .n_parts = 1};
    char *text = vanta_source_text(&alone); /* without an address's query */
    struct vanta_transfer t = {.http = f->http,
                               .hub = &f->hub,
                               .locator = c->locator,
                               .source = text ? text : "",
                               .partial = p,
                               .size_bytes = -1,
                               .magic = VANTA_MAGIC_ANY,
                               .progress = on_container_progress,
                               .arg = &watched,
                               .retry_after_ms = -1};
    uint64_t left = p->left_bytes;
    bool known = p->has_journal && strcmp(p->journal.source, t.source) == 0 &&
                 p->journal.validator[0];

    if (left > (uint64_t)p->journal.synced_bytes)
        left = (uint64_t)p->journal.synced_bytes;
    if (vanta_partial_resume(p, known ? left : 0, f->options.cancel, &c->error) !=
        VANTA_OK) {
        c->move = VANTA_MOVE_STOP;
        free(text);
        return;
    }
    c->move = vanta_run_transfer(b->call, b->carrier, &t, &c->error);
    c->retry_after_ms = t.retry_after_ms;
    c->progressed = t.progressed;
    memcpy(c->path, p->path, sizeof c->path);
    free(text);
}

static void fetch_local(struct container *c)
{
    if (vanta_format(c->path, sizeof c->path, "%s", c->locator->path) &&
        vanta_file_size(c->path) >= 0) {
        c->move = VANTA_MOVE_DONE;
        return;
    }
    vanta_fail(&c->error, VANTA_ERR_NOT_FOUND, "%s: no such file", c->locator->path);
    c->move = VANTA_MOVE_USELESS;
}

static void fetch_container(struct bundle *b, struct container *c)
{
    if (c->locator->kind == VANTA_LOCATOR_HF || c->locator->kind == VANTA_LOCATOR_URL) {
        fetch_address(b, c); /* takes its slot for each try */
        return;
    }
    if (!vanta_slot_take(b->call->f)) {
        vanta_fail(&c->error, VANTA_ERR_CANCELLED, "stopped");
        c->move = VANTA_MOVE_STOP;
        return;
    }
    if (is_package(c->locator))
        fetch_package(b, c);
    else
        fetch_local(c);
    vanta_slot_give(b->call->f);
}

/* A container of the source that came to an end which no other one can make good. */
static const struct container *lost(struct bundle *b, const struct vanta_source *source)
{
    char key[VANTA_SHA256_HEX];
    const struct container *c;
    size_t i;

    for (i = 0; i < source->n_parts; i++) {
        if (container_key(&source->parts[i], key, NULL) != VANTA_OK)
            continue;
        c = find(b, key);
        if (c && c->ended && !c->skipped &&
            (c->move == VANTA_MOVE_USELESS || c->move == VANTA_MOVE_STOP))
            return c;
    }
    return NULL;
}

static bool needs(const struct vanta_source *source, const struct container *c)
{
    char key[VANTA_SHA256_HEX];
    size_t i;

    for (i = 0; i < source->n_parts; i++)
        if (container_key(&source->parts[i], key, NULL) != VANTA_OK ||
            strcmp(key, c->key) == 0)
            return true;
    return false;
}

/* Ends a container that is not worth its bytes: each item that needs it is over, or has
 * lost another one. False: it is. */
static bool skip(struct bundle *b, struct container *c)
{
    const struct container *cause = NULL, *one;
    size_t i;

    pthread_mutex_lock(&b->mutex);
    for (i = 0; i < b->n_jobs; i++) {
        const struct vanta_source *source = source_of(b->jobs[i]);

        if (b->over[i] || !needs(source, c))
            continue;
        one = lost(b, source);
        if (!one)
            break;
        cause = one;
    }
    c->skipped = i == b->n_jobs;
    if (c->skipped && cause) {
        c->error = cause->error; /* for a pass that waits for it */
        c->move = cause->move;
    }
    pthread_mutex_unlock(&b->mutex);
    return c->skipped;
}

/* The first that nobody has started, in the order in which items need them. */
static struct container *start_next(struct bundle *b)
{
    struct container *next = NULL;
    size_t i;

    pthread_mutex_lock(&b->mutex);
    for (i = 0; i < b->n; i++)
        if (!b->containers[i].started && (!next || b->containers[i].rank < next->rank))
            next = &b->containers[i];
    if (next)
        next->started = true;
    pthread_mutex_unlock(&b->mutex);
    return next;
}

static void *fetch_worker(void *arg)
{
    struct bundle *b = arg;
    struct container *c;

    while ((c = start_next(b))) {
        if (!skip(b, c))
            fetch_container(b, c);
        pthread_mutex_lock(&b->mutex);
        c->ended = true;
        pthread_cond_broadcast(&b->ended);
        pthread_mutex_unlock(&b->mutex);
    }
    return NULL;
}

/* The slots are the fetcher's, so more threads than slots would only wait. Where no
 * thread can be had, all are fetched here. */
static void fetch_start(struct bundle *b)
{
    size_t want = b->n < b->call->f->options.jobs ? b->n : b->call->f->options.jobs;
    pthread_attr_t attributes;

    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    while (b->n_threads < want && b->n_threads < VANTA_SOURCE_PARTS_MAX &&
           pthread_create(&b->threads[b->n_threads], &attributes, fetch_worker, b) == 0)
        b->n_threads++;
    pthread_attr_destroy(&attributes);
    if (b->n_threads == 0)
        fetch_worker(b);
}

static void fetch_join(struct bundle *b)
{
    while (b->n_threads > 0)
        pthread_join(b->threads[--b->n_threads], NULL);
}

/* Waits for one container's end. */
static enum vanta_move fetch_await(struct bundle *b, struct container *c)
{
    pthread_mutex_lock(&b->mutex);
    while (!c->ended)
        pthread_cond_wait(&b->ended, &b->mutex);
    pthread_mutex_unlock(&b->mutex);
    return c->move;
}

/* --- taking members out ----------------------------------------------------------- */

/* One pass: the parts and what is wanted of them. */
struct pass {
    struct vanta_archive_part *parts;
    struct watched *waits; /* what the parts' wait works with */
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
    return s->n_parts == 1 && !s->inner && is_package(&s->parts[0]);
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
    return p->parts && p->waits && p->members && p->jobs && p->partials && p->wanted && p->inner;
}

/* A file cut over several packages: its parts can be taken as they come. */
static bool is_cut(const struct vanta_source *s)
{
    size_t i;

    for (i = 0; i < s->n_parts; i++)
        if (!is_package(&s->parts[i]))
            return false;
    return s->n_parts > 1 && !s->inner;
}

static enum vanta_status await_part(void *arg, struct vanta_error *err)
{
    struct watched *w = arg;

    if (fetch_await(w->bundle, w->container) == VANTA_MOVE_DONE)
        return VANTA_OK;
    return vanta_fail(err, w->container->error.status, "%s", w->container->error.message);
}

static bool pass_parts(struct bundle *b, struct pass *p, const struct vanta_source *s)
{
    char key[VANTA_SHA256_HEX];
    size_t i;

    p->n_parts = s->n_parts;
    for (i = 0; i < s->n_parts; i++) {
        const struct vanta_locator *l = &s->parts[i];
        struct container *c;

        if (container_key(l, key, NULL) != VANTA_OK || !(c = find(b, key)))
            return false;
        p->parts[i].path = c->path;
        if (!is_package(l) || is_plain_member(s))
            continue;
        if (!member_name(l, p->members[i]))
            return false;
        p->parts[i].member = p->members[i];
        if (!is_cut(s))
            continue;
        p->waits[i] = (struct watched){b, c};
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
static enum vanta_status pass_open(struct bundle *b, struct pass *p,
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
        const struct vanta_source *s = source_of(p->jobs[i]);
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
        char *text = vanta_source_text(source_of(job));

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
    job->move = package_failure(status);
    /* Where another item's fault ended the pass before this one's turn, it has lost
     * nothing but time. */
    if (status == VANTA_ERR_LIMIT && w->status == VANTA_ERR_NOT_FOUND)
        job->move = VANTA_MOVE_AGAIN;
}

static void run_pass(struct bundle *b, struct pass *p)
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
static const struct container *missing(struct bundle *b, const struct vanta_job *job)
{
    const struct vanta_source *s = source_of(job);
    char key[VANTA_SHA256_HEX];
    const struct container *c;
    size_t i;

    for (i = 0; i < s->n_parts; i++) {
        if (container_key(&s->parts[i], key, NULL) != VANTA_OK)
            continue;
        c = find(b, key);
        if (c && c->move != VANTA_MOVE_DONE && !c->skipped)
            return c;
    }
    return NULL;
}

/* Another source's bytes lie there, to be gone on with: a pass throws them away. */
static bool has_bytes(const struct bundle *b, const struct vanta_job *job)
{
    char path[VANTA_PATH_MAX];

    return vanta_format(path, sizeof path, "%s/%s.part", b->call->partial_dir, job->key) &&
           vanta_file_size(path) > 0;
}

/* Waits for what the item needs before its pass can start: all of it, or of a cut file
 * the first part, so that an index that cannot be reached costs no partial file. */
static bool await_item(struct bundle *b, const struct vanta_job *job)
{
    const struct vanta_source *s = source_of(job);
    size_t i, n = is_cut(s) && !has_bytes(b, job) ? 1 : s->n_parts;
    char key[VANTA_SHA256_HEX];

    for (i = 0; i < n; i++) {
        struct container *c;

        if (container_key(&s->parts[i], key, NULL) != VANTA_OK || !(c = find(b, key)) ||
            fetch_await(b, c) != VANTA_MOVE_DONE)
            return false;
    }
    return true;
}

/* Items that are done, or that had their pass. */
static void set_over(struct bundle *b, const bool *pending)
{
    size_t i;

    pthread_mutex_lock(&b->mutex);
    for (i = 0; i < b->n_jobs; i++)
        b->over[i] = !pending[i];
    pthread_mutex_unlock(&b->mutex);
}

/* One pass for the item and all that come out of the same one. */
static void extract_with(struct bundle *b, size_t first, bool *pending)
{
    const struct vanta_source *source = source_of(b->jobs[first]);
    struct pass p = {0};
    bool fine = pass_alloc(&p, b->n_jobs, source->n_parts) && pass_parts(b, &p, source);
    size_t k;

    for (k = first; k < b->n_jobs; k++) {
        if (!pending[k] || (k != first && !one_pass(source, source_of(b->jobs[k]))))
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
    set_over(b, pending);
}

static void extract(struct bundle *b, bool *pending)
{
    size_t i;

    for (i = 0; i < b->n_jobs; i++)
        if (pending[i] && await_item(b, b->jobs[i]))
            extract_with(b, i, pending);
}

/* --- the whole -------------------------------------------------------------------- */

static void fail_all(struct bundle *b, const struct vanta_error *why)
{
    size_t i;

    for (i = 0; i < b->n_jobs; i++) {
        b->jobs[i]->move = VANTA_MOVE_STOP;
        b->jobs[i]->error = *why;
    }
}

/* Items for which a container did not come end as that container did. */
static void blame_containers(struct bundle *b)
{
    size_t i;

    for (i = 0; i < b->n_jobs; i++) {
        struct vanta_job *job = b->jobs[i];
        const struct container *c = job->move == VANTA_MOVE_DONE ? NULL : missing(b, job);

        if (!c)
            continue;
        job->move = c->move;
        job->error = c->error;
        job->retry_after_ms = c->retry_after_ms;
        job->progressed = c->progressed;
    }
}

/* Containers at addresses are no longer needed once every item has its end; packages are
 * left to the sweep, since other items may want them. */
static void release(struct bundle *b)
{
    bool again = false;
    size_t i;

    for (i = 0; i < b->n_jobs; i++)
        again = again || b->jobs[i]->move == VANTA_MOVE_AGAIN ||
                b->jobs[i]->move == VANTA_MOVE_STOP ||
                b->jobs[i]->move == VANTA_MOVE_UNREACHED;
    for (i = 0; i < b->n; i++) {
        struct container *c = &b->containers[i];

        if (c->lock.held) {
            unlink(c->lock_path); /* while it is held: see vanta_partial_lock */
            vanta_lock_release(&c->lock);
        }
        if (again)
            vanta_partial_close(&c->partial);
        else
            vanta_partial_discard(&c->partial);
    }
    free(b->containers);
}

static void choose_carrier(struct bundle *b)
{
    size_t i;

    b->carrier = b->jobs[0];
    for (i = 1; i < b->n_jobs; i++)
        if (b->jobs[i]->item->size_bytes > b->carrier->item->size_bytes)
            b->carrier = b->jobs[i];
    b->moved_before = b->carrier->item->moved_bytes;
}

static void check_dests(struct bundle *b)
{
    size_t i;

    for (i = 0; i < b->n_jobs; i++)
        if (vanta_dest_check(b->call, b->jobs[i], NULL) == VANTA_OK)
            b->jobs[i]->move = VANTA_MOVE_DONE;
}

static bool all_done(const struct bundle *b)
{
    size_t i;

    for (i = 0; i < b->n_jobs; i++)
        if (b->jobs[i]->move != VANTA_MOVE_DONE)
            return false;
    return true;
}

void vanta_run_bundle(struct vanta_call *call, struct vanta_job **jobs, size_t n)
{
    struct bundle b = {.call = call, .jobs = jobs, .n_jobs = n};
    bool *pending = calloc(n, sizeof *pending);
    struct vanta_error err = {0};
    enum vanta_status status;
    size_t i;

    b.over = calloc(n, sizeof *b.over);
    status = pending && b.over ? VANTA_OK : vanta_fail_memory(&err);
    pthread_mutex_init(&b.mutex, NULL);
    pthread_cond_init(&b.ended, NULL);
    choose_carrier(&b);
    for (i = 0; i < n; i++)
        jobs[i]->move = VANTA_MOVE_STOP;
    if (status == VANTA_OK)
        status = collect(&b, &err);
    if (status == VANTA_OK)
        status = lock_all(&b, &err);
    if (status != VANTA_OK) {
        fail_all(&b, &err);
    } else {
        if (b.waited)
            check_dests(&b);
        if (!all_done(&b)) {
            for (i = 0; i < n; i++)
                pending[i] = jobs[i]->move != VANTA_MOVE_DONE;
            set_over(&b, pending);
            fetch_start(&b);
            extract(&b, pending);
            fetch_join(&b);
            blame_containers(&b);
        }
    }
    release(&b);
    pthread_cond_destroy(&b.ended);
    pthread_mutex_destroy(&b.mutex);
    free(b.over);
    free(pending);
}

void vanta_bundle_sweep(struct vanta_call *call, bool all)
{
    struct vanta_kept *kept, *next;
    char parent[VANTA_PATH_MAX];

    for (kept = call->kept; kept; kept = next) {
        struct vanta_lock lock = {0};

        next = kept->next;
        /* Another process that has the lock wants the package: it deletes it. */
        if (all && vanta_partial_lock(&lock, call->partial_dir, kept->lock_path, 0, NULL,
                                      NULL, NULL, NULL) == VANTA_OK) {
            unlink(kept->path);
            unlink(kept->lock_path);
            vanta_lock_release(&lock);
            if (vanta_path_parent(parent, kept->path))
                rmdir(parent);
        }
        free(kept);
    }
    call->kept = NULL;
}
