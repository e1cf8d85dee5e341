#include "fetch/bundle.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "fetch/package.h"

#define STACK_BYTES ((size_t)1024 * 1024)
/* So long a client that brings nothing keeps the next one from being started: it is the
 * network then that it waits for, not the processor. */
#define STARTING_MS 1000

/* Some bytes of one container came: the sum is shown as the largest item's. */
static void add_progress(struct vanta_bundle *b, struct vanta_container *c,
                         uint64_t bytes)
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

/* Only the fetching thread knows of starting_ms. */
static void has_started(struct vanta_bundle *b, struct vanta_container *c)
{
    if (c->starting_ms != 0)
        vanta_slots_started(&b->call->f->slots);
    c->starting_ms = 0;
}

static void on_package_progress(void *arg, uint64_t bytes)
{
    struct vanta_watched *w = arg;

    has_started(w->bundle, w->container);
    add_progress(w->bundle, w->container, bytes);
}

static void on_package_arriving(void *arg, const char *path)
{
    struct vanta_watched *w = arg;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    has_started(w->bundle, w->container);
    pthread_mutex_lock(&w->bundle->mutex);
    if (w->container->arriving >= 0) {
        /* The one of a batch that did not bring it: who reads it sees in the end that it
         * is another file. */
        if (fd >= 0)
            close(fd);
    } else {
        w->container->arriving = fd;
    }
    pthread_cond_broadcast(&w->bundle->changed);
    pthread_mutex_unlock(&w->bundle->mutex);
}

static bool skip(struct vanta_bundle *b, struct vanta_container *c);

static bool on_package_poll(void *arg)
{
    struct vanta_watched *w = arg;
    struct vanta_container *c = w->container;

    if (c->starting_ms != 0 && vanta_clock_ms() - c->starting_ms > STARTING_MS)
        has_started(w->bundle, c);
    return skip(w->bundle, c);
}

enum vanta_move vanta_container_failure(enum vanta_status status)
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
static void keep(struct vanta_bundle *b, const struct vanta_container *c)
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

static void fetch_package(struct vanta_bundle *b, struct vanta_container *c)
{
    struct vanta_fetcher *f = b->call->f;
    const struct vanta_package *package = vanta_package_of(f, c->locator);
    struct vanta_watched watched = {b, c};
    const struct vanta_package_watch watch = {.progress = on_package_progress,
                                              .arriving = on_package_arriving,
                                              .unwanted = on_package_poll,
                                              .arg = &watched,
                                              .cancel = f->options.cancel};
    char origin[VANTA_URL_ORIGIN_MAX];
    struct vanta_error err = {0};
    enum vanta_status status;
    uint64_t moved = 0;

    if (!package) {
        vanta_fail(&c->error, VANTA_ERR_NOT_FOUND,
                   "%s: the catalog has no digest of this package, so it is not fetched",
                   c->locator->text);
        c->move = VANTA_MOVE_USELESS;
        return;
    }
    status = vanta_package_fetch(package, b->call->partial_dir, &watch, c->path, &moved,
                                 &err);
    if (c->skipped)
        return; /* with what it was skipped for */
    c->error = err;
    vanta_source_origin(f, vanta_bundle_source(b->carrier), origin);
    if (status == VANTA_OK) {
        vanta_hosts_worked(&f->hosts, origin);
        keep(b, c);
        if (moved > 0)
            add_progress(b, c, moved);
        c->move = VANTA_MOVE_DONE;
        return;
    }
    c->move = vanta_container_failure(status);
    if (c->move == VANTA_MOVE_UNREACHED)
        vanta_hosts_failed(&f->hosts, origin, vanta_clock_ms(), &c->error);
}

static void on_container_progress(void *arg, uint64_t bytes, int64_t total,
                                  uint64_t moved)
{
    struct vanta_watched *w = arg;

    (void)bytes;
    (void)total;
    add_progress(w->bundle, w->container, w->container->bytes + moved);
}

/* An archive or part at an address: its digest is not known, so only what the server
 * still vouches for is kept of an earlier call; the members' digests judge in the end. */
static void fetch_address(struct vanta_bundle *b, struct vanta_container *c)
{
    struct vanta_fetcher *f = b->call->f;
    struct vanta_partial *p = &c->partial;
    struct vanta_watched watched = {b, c};
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
    struct vanta_lanes lanes = {.transfer = &t};
    bool known = p->has_journal && strcmp(p->journal.source, t.source) == 0 &&
                 p->journal.validator[0];

    if (vanta_partial_keep(p, known ? &p->journal.have : NULL, -1, &c->error) !=
        VANTA_OK) {
        c->move = VANTA_MOVE_STOP;
        free(text);
        return;
    }
    c->move = vanta_run_transfer(b->call, b->carrier, &lanes, &c->error);
    c->retry_after_ms = t.retry_after_ms;
    c->progressed = t.progressed;
    memcpy(c->path, p->path, sizeof c->path);
    free(text);
}

static void fetch_local(struct vanta_container *c)
{
    if (vanta_format(c->path, sizeof c->path, "%s", c->locator->path) &&
        vanta_file_size(c->path) >= 0) {
        c->move = VANTA_MOVE_DONE;
        return;
    }
    vanta_fail(&c->error, VANTA_ERR_NOT_FOUND, "%s: no such file", c->locator->path);
    c->move = VANTA_MOVE_USELESS;
}

static void fetch_container(struct vanta_bundle *b, struct vanta_container *c)
{
    if (c->locator->kind == VANTA_LOCATOR_HF || c->locator->kind == VANTA_LOCATOR_URL) {
        fetch_address(b, c); /* takes its slot for each try */
        return;
    }
    if (!vanta_slots_take(&b->call->f->slots, b->call->bytes,
                          vanta_bundle_is_package(c->locator),
                          b->call->f->options.cancel)) {
        vanta_fail(&c->error, VANTA_ERR_CANCELLED, "stopped");
        c->move = VANTA_MOVE_STOP;
        return;
    }
    if (vanta_bundle_is_package(c->locator)) {
        c->starting_ms = vanta_clock_ms();
        if (!skip(b, c)) /* since it waited */
            fetch_package(b, c);
        has_started(b, c);
    } else {
        fetch_local(c);
    }
    vanta_slots_give(&b->call->f->slots);
}

/* A container of the source that came to an end which no other one can make good. */
static const struct vanta_container *lost(struct vanta_bundle *b,
                                          const struct vanta_source *source)
{
    char key[VANTA_SHA256_HEX];
    const struct vanta_container *c;
    size_t i;

    for (i = 0; i < source->n_parts; i++) {
        if (vanta_container_key(&source->parts[i], key, NULL) != VANTA_OK)
            continue;
        c = vanta_container_find(b, key);
        if (c && c->ended && !c->skipped &&
            (c->move == VANTA_MOVE_USELESS || c->move == VANTA_MOVE_STOP))
            return c;
    }
    return NULL;
}

static bool needs(const struct vanta_source *source, const struct vanta_container *c)
{
    char key[VANTA_SHA256_HEX];
    size_t i;

    for (i = 0; i < source->n_parts; i++)
        if (vanta_container_key(&source->parts[i], key, NULL) != VANTA_OK ||
            strcmp(key, c->key) == 0)
            return true;
    return false;
}

/* Ends a container that is not worth its bytes: each item that needs it is over, or has
 * lost another one. False: it is. */
static bool skip(struct vanta_bundle *b, struct vanta_container *c)
{
    const struct vanta_container *cause = NULL, *one;
    size_t i;

    pthread_mutex_lock(&b->mutex);
    for (i = 0; i < b->n_jobs; i++) {
        const struct vanta_source *source = vanta_bundle_source(b->jobs[i]);

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
static struct vanta_container *start_next(struct vanta_bundle *b)
{
    struct vanta_container *next = NULL;
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

static void end_container(struct vanta_bundle *b, struct vanta_container *c)
{
    pthread_mutex_lock(&b->mutex);
    c->ended = true;
    pthread_cond_broadcast(&b->changed);
    pthread_mutex_unlock(&b->mutex);
}

/* --- several packages with one client ---------------------------------------------- */

static void on_package_came(void *arg, const char *path, uint64_t moved)
{
    struct vanta_watched *w = arg;
    struct vanta_bundle *b = w->bundle;
    struct vanta_container *c = w->container;
    char origin[VANTA_URL_ORIGIN_MAX];

    vanta_format(c->path, sizeof c->path, "%s", path);
    vanta_source_origin(b->call->f, vanta_bundle_source(b->carrier), origin);
    vanta_hosts_worked(&b->call->f->hosts, origin);
    keep(b, c);
    add_progress(b, c, moved);
    c->skipped = false;
    c->move = VANTA_MOVE_DONE;
    end_container(b, c);
}

/* The packages of the next line that nobody has started, in the order in which items need
 * them: every n_lines-th of all. They are the caller's then. */
static size_t take_line(struct vanta_bundle *b, struct vanta_watched *line)
{
    size_t rank, i, n = 0, packages = 0;

    pthread_mutex_lock(&b->mutex);
    for (rank = 0; b->next_line < b->n_lines && rank < b->n; rank++) {
        for (i = 0; b->containers[i].rank != rank; i++)
            continue;
        if (!vanta_bundle_is_package(b->containers[i].locator) ||
            packages++ % b->n_lines != b->next_line)
            continue;
        b->containers[i].started = true;
        line[n++] = (struct vanta_watched){b, &b->containers[i]};
    }
    b->next_line++;
    pthread_mutex_unlock(&b->mutex);
    return n;
}

/* Brings what can be brought with one client. */
static void fetch_batch(struct vanta_bundle *b, struct vanta_watched *line, size_t n)
{
    const struct vanta_package *packages[VANTA_SOURCE_PARTS_MAX];
    struct vanta_package_watch watches[VANTA_SOURCE_PARTS_MAX];
    struct vanta_fetcher *f = b->call->f;
    size_t i, known = 0;

    for (i = 0; i < n && i < VANTA_SOURCE_PARTS_MAX; i++) {
        packages[known] = vanta_package_of(f, line[i].container->locator);
        watches[known] = (struct vanta_package_watch){.progress = on_package_progress,
                                                      .arriving = on_package_arriving,
                                                      .came = on_package_came,
                                                      .unwanted = on_package_poll,
                                                      .arg = &line[i],
                                                      .cancel = f->options.cancel};
        known += packages[known] != NULL;
    }
    if (known < 2 ||
        !vanta_slots_take(&f->slots, b->call->bytes, true, f->options.cancel))
        return;
    line[0].container->starting_ms = vanta_clock_ms();
    vanta_package_fetch_batch(packages, watches, known, b->call->partial_dir);
    has_started(b, line[0].container);
    vanta_slots_give(&f->slots);
}

/* Those that the batch did not bring come, or fail, one by one; but an index that is not
 * reached for one is not asked for the next. */
static void fetch_line(struct vanta_bundle *b)
{
    struct vanta_watched *line = calloc(b->n, sizeof *line);
    const struct vanta_container *unreached = NULL;
    size_t i, n = line ? take_line(b, line) : 0;

    if (n > 1)
        fetch_batch(b, line, n);
    for (i = 0; i < n; i++) {
        struct vanta_container *c = line[i].container;

        if (c->ended)
            continue;
        if (unreached) {
            c->error = unreached->error;
            c->move = unreached->move;
        } else if (!skip(b, c)) {
            fetch_container(b, c);
        }
        if (c->move == VANTA_MOVE_UNREACHED)
            unreached = c;
        end_container(b, c);
    }
    free(line);
}

static void *fetch_worker(void *arg)
{
    struct vanta_bundle *b = arg;
    struct vanta_container *c;

    fetch_line(b);
    while ((c = start_next(b))) {
        if (!skip(b, c))
            fetch_container(b, c);
        end_container(b, c);
    }
    return NULL;
}

/* As many as may be brought side by side, but no more than it helps; 0: there are not too
 * many packages to be brought each for itself. */
static size_t count_lines(const struct vanta_bundle *b)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    size_t lines = processors > 2 ? (size_t)processors : 2, packages = 0, i;

    if (lines > b->call->f->options.jobs)
        lines = b->call->f->options.jobs;
    for (i = 0; i < b->n; i++)
        packages += vanta_bundle_is_package(b->containers[i].locator);
    return packages > lines ? lines : 0;
}

/* The slots are the fetcher's, so more threads than slots would only wait. Where no
 * thread can be had, all are fetched here. */
void vanta_bundle_fetch(struct vanta_bundle *b)
{
    size_t want = b->n < b->call->f->options.jobs ? b->n : b->call->f->options.jobs;
    pthread_attr_t attributes;

    b->n_lines = count_lines(b);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    while (b->n_threads < want && b->n_threads < VANTA_SOURCE_PARTS_MAX &&
           pthread_create(&b->threads[b->n_threads], &attributes, fetch_worker, b) == 0)
        b->n_threads++;
    pthread_attr_destroy(&attributes);
    if (b->n_threads == 0)
        fetch_worker(b);
}

void vanta_bundle_join(struct vanta_bundle *b)
{
    while (b->n_threads > 0)
        pthread_join(b->threads[--b->n_threads], NULL);
}

/* Waits for one container's end. */
enum vanta_move vanta_container_await(struct vanta_bundle *b, struct vanta_container *c)
{
    pthread_mutex_lock(&b->mutex);
    while (!c->ended)
        pthread_cond_wait(&b->changed, &b->mutex);
    pthread_mutex_unlock(&b->mutex);
    return c->move;
}

bool vanta_container_await_bytes(struct vanta_bundle *b, struct vanta_container *c,
                                 int *fd)
{
    bool comes;

    pthread_mutex_lock(&b->mutex);
    while (!c->ended && c->arriving < 0)
        pthread_cond_wait(&b->changed, &b->mutex);
    comes = !c->ended || c->move == VANTA_MOVE_DONE;
    if (comes && c->arriving < 0) /* it was there, or came in one piece */
        c->arriving = open(c->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    *fd = c->arriving;
    pthread_mutex_unlock(&b->mutex);
    return comes && *fd >= 0;
}

bool vanta_container_has_ended(struct vanta_bundle *b, struct vanta_container *c)
{
    bool ended;

    pthread_mutex_lock(&b->mutex);
    ended = c->ended;
    pthread_mutex_unlock(&b->mutex);
    return ended;
}
