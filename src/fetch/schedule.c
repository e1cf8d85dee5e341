#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"
#include "fetch/engine.h"

#define POLL_MS 20
/* Rounds on one source without a new byte, when the caller has other ways. */
#define IMPATIENT_ROUNDS 2

struct work {
    struct vanta_job **jobs; /* RUNNING; the first is the one that was chosen */
    size_t n;
    bool check;
    bool bundle;
};

/* --- sources ---------------------------------------------------------------------- */

void vanta_source_origin(const struct vanta_fetcher *f, const struct vanta_source *source,
                         char out[VANTA_URL_ORIGIN_MAX])
{
    const struct vanta_locator *l = &source->parts[0];
    struct vanta_url url;

    out[0] = '\0';
    switch (l->kind) {
    case VANTA_LOCATOR_HF:
        vanta_format(out, VANTA_URL_ORIGIN_MAX, "%s", f->hub.origin);
        break;
    case VANTA_LOCATOR_URL:
        if (vanta_url_parse(l->path, &url, NULL))
            vanta_url_origin(&url, out);
        break;
    case VANTA_LOCATOR_PYPI:
        vanta_format(out, VANTA_URL_ORIGIN_MAX, "index:pypi");
        break;
    case VANTA_LOCATOR_NPM:
        vanta_format(out, VANTA_URL_ORIGIN_MAX, "index:npm");
        break;
    case VANTA_LOCATOR_FILE:
        break;
    }
}

bool vanta_source_allowed(const struct vanta_fetcher *f,
                          const struct vanta_source *source)
{
    enum vanta_source_class class = vanta_source_class(source);

    if (!(f->options.classes & (unsigned)class))
        return false;
    if (class == VANTA_SOURCE_FILES)
        return true;
    return !f->options.offline && !(class == VANTA_SOURCE_HUB && f->hub.offline);
}

bool vanta_source_is_bundle(const struct vanta_source *source)
{
    return source->inner || source->n_parts > 1 ||
           vanta_source_class(source) == VANTA_SOURCE_PACKAGES;
}

static bool same_container(const struct vanta_locator *a, const struct vanta_locator *b)
{
    if (a->kind != b->kind)
        return false;
    if (a->kind == VANTA_LOCATOR_PYPI || a->kind == VANTA_LOCATOR_NPM)
        return strcmp(a->name, b->name) == 0 && strcmp(a->revision, b->revision) == 0;
    return strcmp(a->text, b->text) == 0;
}

bool vanta_sources_share(const struct vanta_source *a, const struct vanta_source *b)
{
    size_t i, j;

    if (!vanta_source_is_bundle(a) || !vanta_source_is_bundle(b))
        return false;
    for (i = 0; i < a->n_parts; i++)
        for (j = 0; j < b->n_parts; j++)
            if (same_container(&a->parts[i], &b->parts[j]))
                return true;
    return false;
}

/* --- choosing --------------------------------------------------------------------- */

#define GIVE_UP INT64_MAX

/* From when on source s may be tried again; GIVE_UP: never. now: at once, and nothing
 * speaks against it when *clean. */
static int64_t ready_ms(const struct vanta_call *call, const struct vanta_job *job,
                        size_t s, int64_t now, bool *clean)
{
    const struct vanta_fetch_options *o = &call->f->options;
    const struct vanta_try *try = &job->tries[s];
    char origin[VANTA_URL_ORIGIN_MAX];
    struct vanta_host host;
    int64_t ready = now, since = job->progress_ms ? job->progress_ms : now;

    vanta_source_origin(call->f, &job->item->sources[s], origin);
    vanta_hosts_get(&call->f->hosts, origin, now, &host);
    *clean = true;
    if (host.down_since_ms != 0) {
        *clean = false;
        if (!call->patient || now - host.down_since_ms > o->deadline_ms)
            return GIVE_UP;
        ready = host.next_ms > ready ? host.next_ms : ready;
    }
    if (host.busy_until_ms > now) {
        *clean = false;
        if (call->patient ? host.busy_until_ms - since > o->deadline_ms
                          : host.busy_until_ms - now > o->stall_timeout_ms)
            return GIVE_UP;
        ready = host.busy_until_ms > ready ? host.busy_until_ms : ready;
    }
    if (try->tries > 0) {
        *clean = false;
        if (call->patient ? now - since > o->deadline_ms : try->tries >= IMPATIENT_ROUNDS)
            return GIVE_UP;
        ready = try->next_ms > ready ? try->next_ms : ready;
    }
    return ready;
}

/* The source this item should take, and from when on; GIVE_UP when none is left. The
 * first against which nothing speaks, else the one that is ready soonest. */
static int64_t best_source(const struct vanta_call *call, const struct vanta_job *job,
                           int64_t now, size_t *source)
{
    int64_t best = GIVE_UP;
    size_t s;

    for (s = 0; s < job->n_sources; s++) {
        bool clean;
        int64_t ready;

        if (job->tries[s].exhausted ||
            !vanta_source_allowed(call->f, &job->item->sources[s]))
            continue;
        ready = ready_ms(call, job, s, now, &clean);
        if (ready != GIVE_UP && clean) {
            *source = s;
            return now;
        }
        if (ready < best) {
            best = ready;
            *source = s;
        }
    }
    return best;
}

static bool key_is_running(const struct vanta_call *call, const char *key)
{
    size_t i;

    for (i = 0; i < call->n; i++)
        if (call->jobs[i].state == VANTA_JOB_RUNNING &&
            strcmp(call->jobs[i].key, key) == 0)
            return true;
    return false;
}

/* Whether another item, on its way with another source or still being checked, may soon
 * want this bundle too: waiting for it saves a second pass. One that has got bytes works,
 * and is not waited for. */
static bool sibling_may_join(const struct vanta_call *call,
                             const struct vanta_source *bundle)
{
    size_t i, s;

    for (i = 0; i < call->n; i++) {
        const struct vanta_job *job = &call->jobs[i];

        if (job->state != VANTA_JOB_CHECK &&
            (job->state != VANTA_JOB_RUNNING || atomic_load(&job->moving)))
            continue;
        for (s = 0; s < job->n_sources; s++)
            if (!job->tries[s].exhausted &&
                vanta_source_allowed(call->f, &job->item->sources[s]) &&
                vanta_sources_share(bundle, &job->item->sources[s]))
                return true;
    }
    return false;
}

static bool shares_with(const struct work *work, const struct vanta_source *source)
{
    size_t i;

    for (i = 0; i < work->n; i++)
        if (vanta_sources_share(&work->jobs[i]->item->sources[work->jobs[i]->source],
                                source))
            return true;
    return false;
}

static void take(struct vanta_call *call, struct work *work, struct vanta_job *job,
                 size_t source, int64_t now)
{
    job->source = source;
    job->state = VANTA_JOB_RUNNING;
    job->tries[source].tried = true;
    job->progressed = false;
    job->retry_after_ms = -1;
    atomic_store(&job->moving, false);
    vanta_error_clear(&job->error);
    if (job->progress_ms == 0)
        job->progress_ms = now;
    call->running++;
    work->jobs[work->n++] = job;
}

/* All items that would take a source out of the same packages or archives, also by way
 * of each other. */
static void gather(struct vanta_call *call, struct work *work, int64_t now)
{
    bool grew = true;
    size_t i, source = 0;

    while (grew) {
        grew = false;
        for (i = 0; i < call->n; i++) {
            struct vanta_job *job = &call->jobs[i];

            if (job->state != VANTA_JOB_PENDING || key_is_running(call, job->key) ||
                best_source(call, job, now, &source) == GIVE_UP ||
                !shares_with(work, &job->item->sources[source]))
                continue;
            take(call, work, job, source, now);
            grew = true;
        }
    }
}

/* --- ends ------------------------------------------------------------------------- */

static void finish_job(struct vanta_call *call, struct vanta_job *job)
{
    job->state = VANTA_JOB_FINISHED;
    call->unfinished--;
    vanta_tell_done(call, job);
}

/* The more a status tells the user, the higher: of several failed sources' reasons that
 * one decides. An unreachable network tells least, since other sources were there. */
static int weight(enum vanta_status status)
{
    switch (status) {
    case VANTA_ERR_DIGEST:
        return 6;
    case VANTA_ERR_AUTH:
        return 5;
    case VANTA_ERR_NOT_FOUND:
    case VANTA_ERR_FORMAT:
    case VANTA_ERR_LIMIT:
        return 4;
    case VANTA_ERR_SERVER:
        return 3;
    case VANTA_ERR_TOOL:
        return 2;
    default:
        return 1;
    }
}

/* The reason why source s was given up: its own, or its host's. False: never tried. */
static bool reason_of(const struct vanta_call *call, const struct vanta_job *job, size_t s,
                      struct vanta_error *out)
{
    char origin[VANTA_URL_ORIGIN_MAX];
    struct vanta_host host;

    *out = job->tries[s].error;
    if (out->status != VANTA_OK)
        return true;
    if (!vanta_source_allowed(call->f, &job->item->sources[s]))
        return false;
    vanta_source_origin(call->f, &job->item->sources[s], origin);
    if (!vanta_hosts_get(&call->f->hosts, origin, vanta_clock_ms(), &host) ||
        host.error.status == VANTA_OK)
        return false;
    *out = host.error;
    return true;
}

static void fail_unused(const struct vanta_call *call, struct vanta_fetch_item *item)
{
    bool offline = call->f->options.offline || call->f->hub.offline;

    vanta_fail(&item->error, offline ? VANTA_ERR_NETWORK : VANTA_ERR_UNSUPPORTED,
               "%s: %s", item->label,
               offline ? "it must be fetched, and this is offline mode"
                       : "the kinds of sources that are allowed do not have it");
    vanta_hint(&item->error,
               offline ? "run this again without --offline and without HF_HUB_OFFLINE"
                       : "allow more of them with --source, or unset VANTA_SOURCES");
}

/* No source is left: the item's error tells of all that were tried. */
static void give_up(struct vanta_call *call, struct vanta_job *job)
{
    struct vanta_fetch_item *item = job->item;
    struct vanta_buf text = VANTA_BUF(VANTA_ERROR_MESSAGE_MAX * 4);
    struct vanta_error *chosen = calloc(2, sizeof *chosen);
    struct vanta_error *one = chosen ? chosen + 1 : NULL;
    size_t s, n = 0;

    for (s = 0; chosen && s < job->n_sources; s++) {
        if (!reason_of(call, job, s, one))
            continue;
        /* Each source gets its share of the room. */
        vanta_buf_printf(&text, "%s%.*s", n ? "; " : "",
                         (int)(VANTA_ERROR_MESSAGE_MAX / (job->n_sources + 1)) - 2,
                         one->message);
        if (n++ == 0 || weight(one->status) > weight(chosen->status))
            *chosen = *one;
    }
    if (n == 0)
        fail_unused(call, item);
    else if (n == 1)
        vanta_fail(&item->error, chosen->status, "%s: %s", item->label, chosen->message);
    else
        vanta_fail(&item->error, chosen->status, "%s: no source gave it: %s", item->label,
                   text.data ? text.data : chosen->message);
    if (n > 0 && chosen->hint[0])
        vanta_hint(&item->error, "%s", chosen->hint);
    item->status = item->error.status;
    free(chosen);
    vanta_buf_free(&text);
    finish_job(call, job);
}

static void stop_job(struct vanta_call *call, struct vanta_job *job)
{
    struct vanta_fetch_item *item = job->item;

    item->error = job->error;
    vanta_wrap(&item->error, "%s", item->label);
    item->status = item->error.status;
    finish_job(call, job);
}

/* Says what failed and what comes next, where something does. */
static void tell_failure(struct vanta_call *call, struct vanta_job *job, int64_t now)
{
    char time[VANTA_SIZE_TEXT_MAX], *text;
    size_t next = 0;
    int64_t ready = best_source(call, job, now, &next);

    if (ready == GIVE_UP)
        return;
    text = vanta_source_text(&job->item->sources[next]);
    if (next != job->source)
        vanta_tell_notice(call, job, "%s: %s; next source: %s", job->item->label,
                          job->error.message, text ? text : "");
    else
        vanta_tell_notice(call, job, "%s: %s; trying again in %s", job->item->label,
                          job->error.message,
                          vanta_duration_text(ready > now ? ready - now : 0, time));
    free(text);
}

/* Whatever is not done has a reason; without one an item would end as fine. */
static void name_reason(struct vanta_job *job)
{
    if (job->move != VANTA_MOVE_DONE && job->error.status == VANTA_OK)
        vanta_fail(&job->error, VANTA_ERR_INTERNAL, "it ended without a stated reason");
}

/* What follows from a run. */
static void settle(struct vanta_call *call, struct vanta_job *job)
{
    struct vanta_try *try = &job->tries[job->source];
    int64_t now = vanta_clock_ms();
    char origin[VANTA_URL_ORIGIN_MAX];

    name_reason(job);
    if (job->progressed) {
        job->progress_ms = now;
        try->tries = 0;
    }
    if (job->move == VANTA_MOVE_DONE) {
        job->item->status = VANTA_OK;
        finish_job(call, job);
        return;
    }
    if (job->move == VANTA_MOVE_STOP) {
        stop_job(call, job);
        return;
    }
    job->state = VANTA_JOB_PENDING;
    try->error = job->error;
    if (job->move == VANTA_MOVE_USELESS)
        try->exhausted = true;
    if (job->move == VANTA_MOVE_AGAIN || job->move == VANTA_MOVE_UNREACHED) {
        try->next_ms = now + vanta_retry_delay_ms(call->f->base_ms, try->tries,
                                                  vanta_retry_random());
        try->tries++;
        if (job->retry_after_ms > 0) {
            vanta_source_origin(call->f, &job->item->sources[job->source], origin);
            vanta_hosts_busy(&call->f->hosts, origin, now + job->retry_after_ms);
        }
    }
    tell_failure(call, job, now);
}

static void settle_check(struct vanta_call *call, struct vanta_job *job)
{
    if (job->move == VANTA_MOVE_DONE) {
        job->item->status = VANTA_OK;
        finish_job(call, job);
    } else if (job->move == VANTA_MOVE_STOP) {
        name_reason(job);
        stop_job(call, job);
    } else {
        job->state = VANTA_JOB_PENDING;
    }
}

/* --- the loop --------------------------------------------------------------------- */

static bool pick_check(struct vanta_call *call, struct work *work, bool *wait)
{
    size_t i;

    for (i = 0; i < call->n; i++) {
        struct vanta_job *job = &call->jobs[i];

        if (job->state != VANTA_JOB_CHECK || key_is_running(call, job->key))
            continue;
        if (!vanta_key_claim(&call->f->reuse, job->key)) {
            *wait = true;
            continue;
        }
        job->state = VANTA_JOB_RUNNING;
        atomic_store(&job->moving, false);
        vanta_error_clear(&job->error);
        call->running++;
        work->jobs[work->n++] = job;
        work->check = true;
        return true;
    }
    return false;
}

/* Finds work; work->n is 0 when there is none now. *wait: something may be ready soon. */
static void pick(struct vanta_call *call, struct work *work, bool *wait)
{
    int64_t now = vanta_clock_ms(), ready;
    char origin[VANTA_URL_ORIGIN_MAX];
    size_t i, source = 0;

    *wait = false;
    work->n = 0;
    work->check = work->bundle = false;
    if (pick_check(call, work, wait))
        return;
    for (i = 0; i < call->n; i++) {
        struct vanta_job *job = &call->jobs[i];

        if (job->state != VANTA_JOB_PENDING || key_is_running(call, job->key))
            continue;
        ready = best_source(call, job, now, &source);
        if (ready == GIVE_UP) {
            give_up(call, job);
            continue;
        }
        *wait = true;
        if (ready > now)
            continue;
        work->bundle = vanta_source_is_bundle(&job->item->sources[source]);
        if (work->bundle && sibling_may_join(call, &job->item->sources[source]))
            continue;
        if (!work->bundle && !vanta_key_claim(&call->f->reuse, job->key))
            continue;
        vanta_source_origin(call->f, &job->item->sources[source], origin);
        if (!vanta_hosts_try(&call->f->hosts, origin, now)) {
            if (!work->bundle)
                vanta_key_release(&call->f->reuse, job->key, NULL);
            continue;
        }
        take(call, work, job, source, now);
        if (work->bundle)
            gather(call, work, now);
        return;
    }
}

/* Ends each job that does not run. status: VANTA_ERR_CANCELLED or VANTA_ERR_NO_MEMORY. */
static void stop_waiting(struct vanta_call *call, enum vanta_status status)
{
    size_t i;

    for (i = 0; i < call->n; i++) {
        struct vanta_job *job = &call->jobs[i];

        if (job->state != VANTA_JOB_CHECK && job->state != VANTA_JOB_PENDING)
            continue;
        vanta_error_clear(&job->error);
        if (status == VANTA_ERR_NO_MEMORY)
            vanta_fail_memory(&job->error);
        else
            vanta_fail(&job->error, status, "stopped");
        stop_job(call, job);
    }
}

static void run(struct vanta_call *call, struct work *work)
{
    struct vanta_job *job = work->jobs[0];

    if (work->bundle) {
        vanta_run_bundle(call, work->jobs, work->n);
        return;
    }
    if (work->check)
        vanta_run_check(call, job);
    else
        vanta_run_single(call, job);
    vanta_key_release(&call->f->reuse, job->key,
                      job->move == VANTA_MOVE_DONE ? job->item->dest : NULL);
}

void vanta_schedule_work(struct vanta_call *call)
{
    struct work work = {.jobs = calloc(call->n, sizeof(struct vanta_job *))};
    bool wait;
    size_t i;

    pthread_mutex_lock(&call->mutex);
    if (!work.jobs)
        stop_waiting(call, VANTA_ERR_NO_MEMORY);
    while (call->unfinished > 0 && work.jobs) {
        if (vanta_cancelled(call->f))
            stop_waiting(call, VANTA_ERR_CANCELLED);
        pick(call, &work, &wait);
        if (work.n > 0) {
            pthread_mutex_unlock(&call->mutex);
            run(call, &work);
            pthread_mutex_lock(&call->mutex);
            call->running -= work.n;
            for (i = 0; i < work.n; i++) {
                if (work.check)
                    settle_check(call, work.jobs[i]);
                else
                    settle(call, work.jobs[i]);
            }
            pthread_cond_broadcast(&call->changed);
        } else if (call->unfinished > 0 && wait) {
            pthread_mutex_unlock(&call->mutex);
            vanta_clock_sleep_ms(POLL_MS, NULL);
            pthread_mutex_lock(&call->mutex);
        } else if (call->unfinished > 0 && call->running > 0) {
            pthread_cond_wait(&call->changed, &call->mutex);
        }
    }
    pthread_cond_broadcast(&call->changed);
    pthread_mutex_unlock(&call->mutex);
    free(work.jobs);
}
