#include "fetch/fetch.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "fetch/engine.h"

#define JOBS_DEFAULT 4
#define JOBS_MAX 64
#define DEADLINE_MS 120000
#define TELL_EVERY_MS 100
/* Enough for what a try keeps on its stack, where the system's default is smaller. */
#define STACK_BYTES ((size_t)1024 * 1024)

/* --- the fetcher ------------------------------------------------------------------ */

enum vanta_status vanta_fetcher_new(const struct vanta_fetch_options *options,
                                    struct vanta_fetcher **out, struct vanta_error *err)
{
    struct vanta_fetcher *f = calloc(1, sizeof *f);
    struct vanta_http_options http = {.connect_timeout_ms = options->connect_timeout_ms,
                                      .stall_timeout_ms = options->stall_timeout_ms,
                                      .cancel = options->cancel};
    enum vanta_status status;

    if (!f)
        return vanta_fail_memory(err);
    f->options = *options;
    if (f->options.jobs == 0)
        f->options.jobs = JOBS_DEFAULT;
    if (f->options.jobs > JOBS_MAX)
        f->options.jobs = JOBS_MAX;
    if (f->options.classes == 0)
        f->options.classes = VANTA_SOURCE_ALL;
    if (f->options.connect_timeout_ms <= 0)
        f->options.connect_timeout_ms = 10000;
    if (f->options.stall_timeout_ms <= 0)
        f->options.stall_timeout_ms = 30000;
    if (f->options.deadline_ms <= 0)
        f->options.deadline_ms = DEADLINE_MS;
    /* One second where the time limits are the usual ones; shorter with shorter ones. */
    f->base_ms = f->options.connect_timeout_ms / 10 + 1;
    status = vanta_http_new(&http, &f->http, err);
    if (status != VANTA_OK) {
        free(f);
        return status;
    }
    vanta_hub_read(&f->hub, options->hf_endpoint, options->hf_token);
    vanta_hosts_init(&f->hosts, f->base_ms);
    pthread_mutex_init(&f->talk, NULL);
    vanta_slots_init(&f->slots, f->options.jobs, 0);
    vanta_reuse_init(&f->reuse);
    vanta_pace_init(&f->pace, options->limit_rate_bytes);
    atomic_init(&f->connections, 0);
    pthread_mutex_init(&f->probe_mutex, NULL);
    *out = f;
    return VANTA_OK;
}

void vanta_fetcher_free(struct vanta_fetcher *f)
{
    if (!f)
        return;
    vanta_http_free(f->http);
    vanta_hosts_free(&f->hosts);
    pthread_mutex_destroy(&f->talk);
    vanta_slots_free(&f->slots);
    vanta_reuse_free(&f->reuse);
    vanta_pace_free(&f->pace);
    pthread_mutex_destroy(&f->probe_mutex);
    free(f);
}

bool vanta_cancelled(const struct vanta_fetcher *f)
{
    return f->options.cancel && atomic_load(f->options.cancel);
}

const struct vanta_package *vanta_package_of(const struct vanta_fetcher *f,
                                             const struct vanta_locator *locator)
{
    const char *index = locator->kind == VANTA_LOCATOR_NPM ? "npm" : "pypi";
    size_t i;

    for (i = 0; i < f->options.n_packages; i++) {
        const struct vanta_package *p = &f->options.packages[i];

        if (strcmp(p->index, index) == 0 && strcmp(p->name, locator->name) == 0 &&
            strcmp(p->version, locator->revision) == 0)
            return p;
    }
    return NULL;
}

/* --- telling ---------------------------------------------------------------------- */

static void tell(struct vanta_call *call, const struct vanta_job *job,
                 struct vanta_fetch_event *event)
{
    const struct vanta_fetch_options *o = &call->f->options;
    const struct vanta_fetch_item *item = job->item;
    const struct vanta_source *source = NULL;
    char *text;

    if (!o->listener)
        return;
    /* An item's outcome is another thread's to write until it is DONE. */
    if (event->kind == VANTA_FETCH_DONE)
        source = item->used;
    else if (job->source < item->n_sources)
        source = &item->sources[job->source];
    if (job->copied)
        text = vanta_strdup(job->copied);
    else
        text = source ? vanta_source_text(source) : NULL;
    event->item = item;
    event->source = text;
    /* A notice may come from a thread that brings another part of the item. */
    if (event->kind != VANTA_FETCH_NOTICE) {
        event->bytes_moved = item->moved_bytes;
        event->bytes_resumed = item->resumed_bytes;
        event->bytes_reused = item->reused_bytes;
    }
    pthread_mutex_lock(&call->f->talk);
    o->listener(o->listener_arg, event);
    pthread_mutex_unlock(&call->f->talk);
    free(text);
}

void vanta_tell_start(struct vanta_call *call, struct vanta_job *job)
{
    struct vanta_fetch_event event = {.kind = VANTA_FETCH_START,
                                      .bytes = job->item->resumed_bytes,
                                      .bytes_total = job->item->size_bytes};

    tell(call, job, &event);
}

void vanta_tell_progress(struct vanta_call *call, struct vanta_job *job, uint64_t bytes,
                         int64_t total)
{
    struct vanta_fetch_event event = {
        .kind = VANTA_FETCH_PROGRESS, .bytes = bytes, .bytes_total = total};
    int64_t now = vanta_clock_ms();

    if (job->told_ms != 0 && now - job->told_ms < TELL_EVERY_MS)
        return;
    job->told_ms = now;
    tell(call, job, &event);
}

void vanta_tell_notice(struct vanta_call *call, const struct vanta_job *job,
                       const char *fmt, ...)
{
    struct vanta_fetch_event event = {.kind = VANTA_FETCH_NOTICE, .bytes_total = -1};
    char text[VANTA_ERROR_MESSAGE_MAX + 256], shown[VANTA_ERROR_MESSAGE_MAX + 256];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    vanta_text_printable(text, shown, sizeof shown);
    event.message = shown;
    tell(call, job, &event);
}

void vanta_tell_done(struct vanta_call *call, const struct vanta_job *job)
{
    struct vanta_fetch_event event = {.kind = VANTA_FETCH_DONE,
                                      .bytes = job->item->found_bytes,
                                      .bytes_total = job->item->size_bytes};

    tell(call, job, &event);
}

void vanta_tell_waiting(void *arg, const char *path, long owner)
{
    struct vanta_waiting *w = arg;

    (void)path;
    if (!w->waited && owner != (long)getpid())
        vanta_tell_notice(w->call, w->job,
                          "%s: waiting for process %ld, which is fetching the same",
                          w->job->item->label, owner);
    w->waited = true;
}

/* --- a call ----------------------------------------------------------------------- */

/* Files of the same bytes share a partial file, whatever their sources and places; where
 * the digest is not known, the destination names it. */
static enum vanta_status name_key(struct vanta_job *job, struct vanta_error *err)
{
    const struct vanta_fetch_item *item = job->item;

    if (!item->sha256)
        return vanta_sha256_buffer(item->dest, strlen(item->dest), job->key, err);
    vanta_format(job->key, sizeof job->key, "%s", item->sha256);
    return VANTA_OK;
}

/* Without a digest there is no judge but the source itself: see fetch.h. */
static enum vanta_status check_unpinned(const struct vanta_fetch_item *item,
                                        struct vanta_error *err)
{
    const struct vanta_source *s = item->sources;
    bool fine = item->n_sources > 0 && s->n_parts == 1 && !s->inner &&
                ((s->parts[0].kind == VANTA_LOCATOR_HF &&
                  vanta_hub_is_commit(s->parts[0].revision)) ||
                 (s->parts[0].kind == VANTA_LOCATOR_URL &&
                  (vanta_has_prefix(s->parts[0].path, "https://") ||
                   vanta_has_prefix(s->parts[0].path, "http://"))));

    if (fine)
        return VANTA_OK;
    vanta_fail(err, VANTA_ERR_UNSUPPORTED,
               "its SHA-256 is not known, and its source cannot vouch for it");
    vanta_hint(err, "state the file's SHA-256, or name it by https or as "
                    "hf:ORG/REPO@COMMIT/PATH with the commit's 40 digits");
    return VANTA_ERR_UNSUPPORTED;
}

static enum vanta_status check_item(const struct vanta_fetch_item *item,
                                    struct vanta_error *err)
{
    if (!item->dest || item->dest[0] != '/')
        return vanta_fail(err, VANTA_ERR_INTERNAL, "no absolute destination");
    if (item->sha256 && !vanta_sha256_is_hex(item->sha256))
        return vanta_fail(err, VANTA_ERR_USAGE, "\"%.80s\" is not a SHA-256 in hex",
                          item->sha256);
    if (item->n_sources == 0)
        return vanta_fail(err, VANTA_ERR_NOT_FOUND, "no source is known for it");
    return item->sha256 ? VANTA_OK : check_unpinned(item, err);
}

static enum vanta_status job_init(struct vanta_call *call, struct vanta_job *job,
                                  struct vanta_fetch_item *item, struct vanta_error *err)
{
    enum vanta_status status;

    job->item = item;
    job->n_sources = item->sha256 || item->n_sources == 0 ? item->n_sources : 1;
    item->status = VANTA_ERR_INTERNAL;
    vanta_error_clear(&item->error);
    item->found_sha256[0] = '\0';
    item->found_bytes = item->moved_bytes = item->resumed_bytes = 0;
    item->reused_bytes = 0;
    if (item->found_chunks)
        vanta_chunks_free(item->found_chunks);
    item->used = NULL;
    job->tries = calloc(job->n_sources ? job->n_sources : 1, sizeof *job->tries);
    if (!job->tries)
        return vanta_fail_memory(err);
    if (check_item(item, &item->error) != VANTA_OK) {
        item->status = item->error.status;
        vanta_wrap(&item->error, "%s", item->label);
        job->state = VANTA_JOB_FINISHED;
        vanta_tell_done(call, job);
        return VANTA_OK;
    }
    status = name_key(job, err);
    if (status != VANTA_OK)
        return status;
    job->state = VANTA_JOB_CHECK;
    call->unfinished++;
    return VANTA_OK;
}

static void *worker(void *call)
{
    vanta_schedule_work(call);
    return NULL;
}

static void run_threads(struct vanta_call *call)
{
    pthread_t threads[JOBS_MAX];
    size_t want = call->unfinished < call->f->options.jobs ? call->unfinished
                                                           : call->f->options.jobs;
    size_t n = 0;
    pthread_attr_t attributes;

    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    /* This thread works too; fewer threads than wanted only take longer. */
    while (n + 1 < want &&
           pthread_create(&threads[n], &attributes, worker, call) == 0)
        n++;
    vanta_schedule_work(call);
    while (n > 0)
        pthread_join(threads[--n], NULL);
    pthread_attr_destroy(&attributes);
}

/* Whether an item before this one is there, in the same folder. */
static bool has_neighbor(const struct vanta_call *call, size_t i, const char *parent)
{
    char other[VANTA_PATH_MAX];

    while (i-- > 0)
        if (call->jobs[i].item->status == VANTA_OK &&
            vanta_path_parent(other, call->jobs[i].item->dest) && strcmp(other, parent) == 0)
            return true;
    return false;
}

/* The files' bytes are on the disk. That their names are, too, is seen to once for a
 * folder; also where an earlier call, which may have been killed, has given them. */
static void sync_names(struct vanta_call *call)
{
    char parent[VANTA_PATH_MAX];
    size_t i;

    for (i = 0; i < call->n; i++) {
        struct vanta_fetch_item *item = call->jobs[i].item;

        if (item->status != VANTA_OK || !vanta_path_parent(parent, item->dest) ||
            has_neighbor(call, i, parent))
            continue;
        item->status = vanta_dir_sync(parent, &item->error);
        if (item->status != VANTA_OK)
            vanta_wrap(&item->error, "%s", item->label);
    }
}

static enum vanta_status first_failure(struct vanta_call *call, struct vanta_error *err)
{
    size_t i;

    for (i = 0; i < call->n; i++) {
        const struct vanta_fetch_item *item = call->jobs[i].item;

        if (item->status == VANTA_OK)
            continue;
        if (err && err->status == VANTA_OK)
            *err = item->error;
        return item->status;
    }
    return VANTA_OK;
}

enum vanta_status vanta_fetch_files(struct vanta_fetcher *f,
                                    struct vanta_fetch_item *items, size_t n,
                                    const char *partial_dir, bool patient,
                                    struct vanta_error *err)
{
    struct vanta_call call = {
        .f = f, .n = n, .partial_dir = partial_dir, .patient = patient};
    enum vanta_status status = VANTA_OK;
    size_t i;

    call.jobs = calloc(n ? n : 1, sizeof *call.jobs);
    if (!call.jobs)
        return vanta_fail_memory(err);
    pthread_mutex_init(&call.mutex, NULL);
    pthread_cond_init(&call.changed, NULL);
    for (i = 0; i < n; i++)
        call.bytes += items[i].size_bytes > 0 ? (uint64_t)items[i].size_bytes : 0;
    for (i = 0; i < n && status == VANTA_OK; i++)
        status = job_init(&call, &call.jobs[i], &items[i], err);
    if (status == VANTA_OK) {
        if (call.unfinished > 0)
            run_threads(&call);
        sync_names(&call);
        status = first_failure(&call, err);
        vanta_bundle_sweep(&call, status == VANTA_OK);
        rmdir(partial_dir); /* succeeds when it is empty */
    }
    for (i = 0; i < n; i++)
        free(call.jobs[i].tries);
    free(call.jobs);
    pthread_cond_destroy(&call.changed);
    pthread_mutex_destroy(&call.mutex);
    return status;
}
