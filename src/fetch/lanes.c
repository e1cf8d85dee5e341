#include "fetch/lanes_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"
#include "fetch/retry.h"

/* What must be left for a second connection to be worth its beginning. */
#define PARALLEL_BYTES ((uint64_t)4 * 1024 * 1024)
#define FAILURES_MAX 3
/* With a limit of the speed, a connection for so much of it. */
#define LIMIT_SHARE ((int64_t)256 * 1024)

/* It had no answer of use: its range is again that of the lane it was taken from. */
static void give_back(struct vanta_lane_run *r, const struct vanta_lane *lane)
{
    size_t i;

    for (i = 0; i < VANTA_LANES_MAX && lane->t->helper; i++)
        if (r->lanes[i] && r->lanes[i] != lane && r->lanes[i]->call &&
            r->lanes[i]->end == lane->t->from)
            r->lanes[i]->end = vanta_lane_end(r, lane);
}

static void drop(struct vanta_lane_run *r, struct vanta_lane *lane)
{
    vanta_http_call_end(lane->call);
    lane->call = NULL;
    r->running--;
    r->sources[lane->source].active--;
    if (lane->t->helper)
        atomic_fetch_sub(r->l->in_use, 1);
    if (!lane->t->judged)
        give_back(r, lane);
}

static void drop_all(struct vanta_lane_run *r)
{
    size_t i;

    for (i = 0; i < VANTA_LANES_MAX; i++)
        if (r->lanes[i] && r->lanes[i]->call)
            drop(r, r->lanes[i]);
}

static void finish(struct vanta_lane_run *r, enum vanta_move move)
{
    r->over = true;
    r->move = move;
}

/* --- one lane --------------------------------------------------------------------- */

static bool start(struct vanta_lane_run *r, struct vanta_lane *lane)
{
    enum vanta_move move;

    vanta_error_clear(&lane->err);
    move = vanta_transfer_request(lane->t, &lane->request, lane->url, &lane->err);

    if (move == VANTA_MOVE_DONE) {
        lane->call = vanta_http_call_start(r->group, &lane->request, &lane->t->response,
                                           &lane->err);
        if (!lane->call)
            move = VANTA_MOVE_STOP;
    }
    if (move != VANTA_MOVE_DONE) {
        *r->err = lane->err;
        if (lane->t->helper && move != VANTA_MOVE_STOP)
            r->sources[lane->source].off = true;
        else
            finish(r, move);
        return false;
    }
    lane->raced = VANTA_LANE_NONE;
    lane->end = UINT64_MAX;
    lane->started_ms = lane->seen_ms = vanta_clock_ms();
    lane->seen_bytes = lane->t->moved_bytes;
    lane->rate = 0;
    r->sources[lane->source].active++;
    r->running++;
    if (lane->t->helper)
        atomic_fetch_add(r->l->in_use, 1);
    return true;
}

/* What a source's answer teaches for the next ranges. */
static void learn(struct vanta_lane_run *r, const struct vanta_lane *lane)
{
    const struct vanta_http_response *a = &lane->t->response;
    const char *validator = vanta_http_headers_validator(&a->headers);
    struct vanta_lane_account *s = &r->sources[lane->source];
    struct vanta_url first, last;

    if (!s->validator[0] && validator)
        vanta_format(s->validator, sizeof s->validator, "%s", validator);
    if (!s->straight[0] && a->redirects > 0 && vanta_url_parse(lane->url, &first, NULL) &&
        vanta_url_parse(a->url, &last, NULL) && !vanta_url_same_origin(&first, &last))
        vanta_format(s->straight, sizeof s->straight, "%s", a->url);
}

/* A lane's range is its own once its answer is fine: who would run into it is cut short,
 * before anything of it is read, so that its bytes come once. Where one has run into it
 * already, that one goes on with all of it. */
static bool take_over(void *arg, const struct vanta_transfer *t)
{
    struct vanta_lane_run *r = arg;
    struct vanta_lane *other;
    struct vanta_extent gap;
    size_t raced = VANTA_LANE_NONE, i;

    for (i = 0; i < VANTA_LANES_MAX; i++)
        if (r->lanes[i] && r->lanes[i]->t == t) {
            raced = r->lanes[i]->raced;
            learn(r, r->lanes[i]);
        }
    if (t->generation != r->p->generation ||
        !vanta_extents_gap(&r->p->have, t->from, t->end, &gap) ||
        (raced == VANTA_LANE_NONE && gap.first > t->from))
        return false;
    for (i = 0; i < VANTA_LANES_MAX; i++) {
        other = r->lanes[i];
        if (other && other->call && other->t != t && i != raced &&
            other->t->pos <= t->from && other->t->end > t->from)
            other->t->end = t->from;
    }
    return true;
}

static struct vanta_lane *idle_lane(struct vanta_lane_run *r)
{
    size_t i;

    /* The first one's transfer judges whole files; ranges are for the others. */
    for (i = 1; i < VANTA_LANES_MAX; i++) {
        struct vanta_lane *lane = r->lanes[i];

        if (lane && lane->call)
            continue;
        if (!lane) {
            lane = calloc(1, sizeof *lane);
            if (lane)
                lane->t = calloc(1, sizeof *lane->t);
            if (lane && !lane->t) {
                free(lane);
                lane = NULL;
            }
            r->lanes[i] = lane;
        }
        return lane;
    }
    return NULL;
}

/* A range for a lane of its own. */
static struct vanta_lane *help(struct vanta_lane_run *r, size_t source, uint64_t from,
                               uint64_t end)
{
    const struct vanta_transfer *t = r->t;
    struct vanta_lane_account *s = &r->sources[source];
    struct vanta_lane *lane = idle_lane(r);

    if (!lane)
        return NULL;
    if (vanta_partial_part(r->p, r->err) != VANTA_OK) {
        finish(r, VANTA_MOVE_STOP);
        return NULL;
    }
    *lane->t = (struct vanta_transfer){.http = t->http,
                                       .hub = t->hub,
                                       .locator = s->is.locator,
                                       .source = s->is.text,
                                       .partial = t->partial,
                                       .size_bytes = r->total,
                                       .sha256 = t->sha256,
                                       .magic = t->magic,
                                       .allow_plain = t->allow_plain,
                                       .pace = t->pace,
                                       .cancel = t->cancel,
                                       .progress = t->progress,
                                       .arg = t->arg,
                                       .helper = true,
                                       .straight = s->straight,
                                       .validator = s->validator,
                                       .take_over = take_over,
                                       .lanes = r,
                                       .from = from,
                                       .end = end,
                                       .owners = r->owners,
                                       .owner = (uint8_t)(source + 1)};
    lane->source = source;
    return start(r, lane) ? lane : NULL;
}

/* Bytes and time of a lane since the last look. */
static void measure(struct vanta_lane_run *r, struct vanta_lane *lane, int64_t now)
{
    struct vanta_lane_account *s = &r->sources[lane->source];
    int64_t ms = now - lane->seen_ms;
    double rate;

    if (ms < VANTA_LANE_TICK_MS)
        return;
    rate = (double)(lane->t->moved_bytes - lane->seen_bytes) * 1000 / (double)ms;
    lane->rate = lane->rate > 0 ? lane->rate * 0.7 + rate * 0.3 : rate;
    if (lane->rate > 0)
        s->rate = s->rate > 0 ? s->rate * 0.9 + lane->rate * 0.1 : lane->rate;
    lane->seen_ms = now;
    lane->seen_bytes = lane->t->moved_bytes;
}

/* --- what came of one ------------------------------------------------------------- */

/* A range was not brought: its source gets a pause, fewer connections, or none. */
static void blame(struct vanta_lane_run *r, struct vanta_lane *lane, enum vanta_move move)
{
    struct vanta_lane_account *s = &r->sources[lane->source];
    int status = lane->t->response.headers.status;
    int64_t now = vanta_clock_ms(), delay;
    bool expired = lane->t->direct && status >= 400 && status < 500 && status != 429;

    if (lane->t->pos > lane->t->from)
        s->failures = 0;
    if (expired && strcmp(s->straight, lane->url) != 0)
        return; /* as one that had this address too has found before */
    delay = vanta_retry_delay_ms(500, s->failures, vanta_retry_random());
    if (lane->t->retry_after_ms > delay)
        delay = lane->t->retry_after_ms;
    s->failures++;
    s->next_ms = now + delay;
    if (status == 429 || status == 503) {
        s->most = s->active > 0 ? s->active : 1;
        s->failures = 0;
        if (r->running > 0 && r->target > r->running)
            r->target = r->running;
    } else if (expired) {
        s->straight[0] = '\0'; /* the source gives another */
        s->next_ms = now;
    } else if (move == VANTA_MOVE_USELESS || lane->t->from_zero) {
        s->most = 1; /* no ranges, or other ones: what runs may go on */
        s->off = lane->source > 0;
        r->l->alone |= lane->source == 0;
    }
    if (s->failures > FAILURES_MAX)
        s->off = true;
}

/* The first request brought what it asked for: the file, or its first gap. */
static void first_over(struct vanta_lane_run *r, struct vanta_lane *lane)
{
    if (r->total < 0)
        r->total = r->t->size_bytes >= 0 ? r->t->size_bytes : r->t->total;
    if (r->total < 0)
        finish(r, VANTA_MOVE_DONE);
    else if (!r->ranged && r->p->have_bytes < (uint64_t)r->total)
        start(r, lane);
}

static void over(struct vanta_lane_run *r, struct vanta_lane *lane)
{
    enum vanta_status status = vanta_http_call_end(lane->call);
    struct vanta_transfer *t = lane->t;
    enum vanta_move move;
    bool whole;

    lane->call = NULL;
    r->running--;
    r->sources[lane->source].active--;
    if (t->helper)
        atomic_fetch_sub(r->l->in_use, 1);
    move = vanta_transfer_judge(t, status, lane->url, &lane->err);
    if (t->judged)
        learn(r, lane);
    else
        give_back(r, lane);
    if (move == VANTA_MOVE_DONE) {
        r->sources[lane->source].failures = 0;
        if (!t->helper)
            first_over(r, lane);
        return;
    }
    if (t->helper) {
        r->t->answered |= t->answered;
        if (r->running == 0)
            r->t->retry_after_ms = t->retry_after_ms;
    }
    *r->err = lane->err; /* what is said in the end is the last failure */
    /* A source that only gives whole files is asked for that. */
    r->move = t->helper && move == VANTA_MOVE_USELESS ? VANTA_MOVE_AGAIN : move;
    /* Behind the last byte only the end of the answer was missing: the digest judges. */
    whole = move == VANTA_MOVE_AGAIN && r->t->sha256 && r->total >= 0 &&
            r->p->have_bytes >= (uint64_t)r->total;
    if (move == VANTA_MOVE_STOP ||
        (!t->helper && (t->from_zero || (r->running == 0 && !whole))))
        finish(r, move);
    else
        blame(r, lane, move);
}

/* --- wrong chunks ----------------------------------------------------------------- */

static bool has_another(const struct vanta_lane_run *r, size_t source)
{
    size_t i;

    for (i = 0; i < r->n_sources; i++)
        if (i != source && !r->sources[i].off)
            return true;
    return false;
}

static void distrust(struct vanta_lane_run *r, size_t source, uint64_t chunk)
{
    struct vanta_lane_account *s = &r->sources[source];
    struct vanta_lanes *l = r->l;
    bool again = l->wrong++ > 0 && l->wrong_chunk == chunk;
    size_t i;

    if (again && l->wrong_source != source) {
        /* Two say the same against the digests: those are of another file. */
        vanta_follow_unknow(&r->p->follow);
        for (i = 0; i < r->n_sources; i++)
            r->sources[i].off = false;
        return;
    }
    l->wrong_chunk = chunk;
    l->wrong_source = source;
    if (l->wrong < 2 && !has_another(r, source))
        return;
    s->off = true;
    for (i = 0; i < VANTA_LANES_MAX; i++)
        if (r->lanes[i] && r->lanes[i]->call && r->lanes[i]->source == source)
            drop(r, r->lanes[i]);
    if (has_another(r, source))
        return;
    vanta_error_clear(r->err);
    vanta_fail(r->err, VANTA_ERR_DIGEST, "%s: chunk %llu of what came is wrong", s->is.text,
               (unsigned long long)chunk);
    vanta_hint(r->err, "it is another version or was damaged on the way and was thrown "
                       "away; another source may have the right one");
    finish(r, VANTA_MOVE_USELESS);
}

static void check_chunks(struct vanta_lane_run *r)
{
    uint64_t chunk;

    while (r->owners && !r->over && vanta_partial_bad(r->p, &chunk)) {
        uint8_t owner = r->owners[chunk];

        r->ranged = true; /* the first request's stream will not come by again */
        r->owners[chunk] = 0;
        if (owner > 0) /* else it was there before: it is just fetched */
            distrust(r, owner - 1u, chunk);
    }
}

/* --- how many --------------------------------------------------------------------- */

/* The first answer is fine: may others help, and how many at once? */
static void open_up(struct vanta_lane_run *r, int64_t now)
{
    struct vanta_lane *first = r->lanes[0];
    const struct vanta_transfer *t = r->t;

    if (!t->judged || !first->call)
        return;
    if (r->latency_ms < 0)
        r->latency_ms = t->answered_ms - first->started_ms;
    learn(r, first);
    r->total = t->size_bytes >= 0 ? t->size_bytes : t->total;
    if (r->total < 0 || !r->l->in_use || r->limit < 2 ||
        (!t->sha256 && !r->sources[0].validator[0]) ||
        (uint64_t)r->total - r->p->have_bytes < PARALLEL_BYTES)
        return;
    r->ranged = true;
    r->window_ms = now;
    r->window_bytes = r->p->have_bytes;
    /* Far away every connection is slow to get going: several from the start. */
    r->target = r->latency_ms > 80 ? 16 : r->latency_ms > 20 ? 4 : 1;
    if (r->target > r->limit)
        r->target = r->limit;
}

/* Gives one more lane work; false: there is none. */
static bool assign(struct vanta_lane_run *r, int64_t now)
{
    struct vanta_lane_choice choice;
    struct vanta_lane *lane;

    if (!vanta_lanes_choose(r, now, &choice))
        return false;
    lane = help(r, choice.source, choice.from, choice.end);
    if (!lane)
        return false;
    lane->raced = choice.raced;
    if (choice.halved != VANTA_LANE_NONE)
        r->lanes[choice.halved]->end = choice.from;
    return true;
}

/* Who has lost a race, or whose range came by another way, is dropped. */
static void drop_losers(struct vanta_lane_run *r)
{
    struct vanta_extent gap;
    size_t i;

    for (i = 0; i < VANTA_LANES_MAX; i++) {
        struct vanta_lane *lane = r->lanes[i];

        if (lane && lane->call && lane->t->generation == r->p->generation &&
            lane->t->judged && lane->t->pos < vanta_lane_end(r, lane) &&
            !vanta_extents_gap(&r->p->have, lane->t->pos, vanta_lane_end(r, lane), &gap))
            drop(r, lane);
    }
}

static void manage(struct vanta_lane_run *r)
{
    int64_t now = vanta_clock_ms();
    size_t i;

    if (now < r->tick_ms && r->running > 0)
        return;
    r->tick_ms = now + VANTA_LANE_TICK_MS;
    for (i = 0; i < VANTA_LANES_MAX; i++)
        if (r->lanes[i] && r->lanes[i]->call)
            measure(r, r->lanes[i], now);
    if (!r->ranged || r->latency_ms < 0)
        open_up(r, now);
    /* A chunk may turn out wrong before the first answer, which says what there is. */
    if (!r->ranged || (r->lanes[0]->call && !r->t->judged))
        return;
    drop_losers(r);
    vanta_lanes_adapt(r, now);
    while (!r->over && r->running < r->target &&
           (r->l->connections > 0 || atomic_load(r->l->in_use) < VANTA_LANES_AUTO ||
            r->running == 0) &&
           assign(r, now))
        continue;
}

/* --- a try ------------------------------------------------------------------------ */

/* All that was asked for; one that was cut short may hang before what is not its. */
static bool has_answer(const struct vanta_lane_run *r, const struct vanta_transfer *t)
{
    return t->pos >= (t->asked_end > 0 ? t->asked_end : (uint64_t)r->total);
}

static bool is_complete(struct vanta_lane_run *r)
{
    size_t i;

    if (r->over || r->total < 0 || r->p->have_bytes < (uint64_t)r->total)
        return false;
    /* A request that has all of its answer is let end: its connection can be used again. */
    for (i = 0; i < VANTA_LANES_MAX; i++)
        if (r->lanes[i] && r->lanes[i]->call && has_answer(r, r->lanes[i]->t))
            return false;
    if (r->owners)
        vanta_follow_wait(&r->p->follow, r->t->cancel);
    check_chunks(r);
    return !r->over && r->p->have_bytes >= (uint64_t)r->total;
}

static bool prepare(struct vanta_lane_run *r)
{
    struct vanta_lanes *l = r->l;
    int64_t speed = r->t->pace ? r->t->pace->bytes_per_second : 0;
    size_t i;

    r->total = r->t->size_bytes;
    r->n_sources = 1 + (r->t->sha256 ? l->n_others : 0);
    r->sources = calloc(r->n_sources, sizeof *r->sources);
    r->lanes[0] = calloc(1, sizeof *r->lanes[0]);
    if (!r->sources || !r->lanes[0])
        return false;
    r->limit = l->connections ? l->connections : VANTA_LANES_AUTO;
    if (r->limit > VANTA_LANES_MAX)
        r->limit = VANTA_LANES_MAX;
    if (l->alone)
        r->limit = 1;
    if (speed > 0 && (int64_t)r->limit > speed / LIMIT_SHARE)
        r->limit = speed < 2 * LIMIT_SHARE ? 1 : (size_t)(speed / LIMIT_SHARE);
    r->sources[0].is = (struct vanta_lane_source){r->t->locator, r->t->source};
    for (i = 0; i < r->n_sources; i++) {
        r->sources[i].most = VANTA_LANES_MAX;
        if (i > 0)
            r->sources[i].is = l->others[i - 1];
    }
    if (r->p->follow.known)
        r->owners = calloc(r->p->follow.known->n, 1);
    r->lanes[0]->t = r->t;
    r->t->helper = false;
    r->t->owners = r->owners;
    r->t->owner = 1;
    return true;
}

static void move_bytes(struct vanta_lane_run *r)
{
    struct vanta_http_call *call;
    size_t i;

    start(r, r->lanes[0]);
    while (!r->over && r->running > 0) {
        call = vanta_http_group_wait(r->group, VANTA_LANE_TICK_MS);
        for (i = 0; call && i < VANTA_LANES_MAX; i++)
            if (r->lanes[i] && r->lanes[i]->call == call) {
                over(r, r->lanes[i]);
                break;
            }
        check_chunks(r);
        if (is_complete(r))
            finish(r, VANTA_MOVE_DONE);
        if (!r->over)
            manage(r);
    }
    drop_all(r);
}

enum vanta_move vanta_lanes_try(struct vanta_lanes *l, struct vanta_error *err)
{
    struct vanta_error own = {0};
    struct vanta_lane_run r = {.l = l,
                    .t = l->transfer,
                    .p = l->transfer->partial,
                    .err = err ? err : &own,
                    .target = 1,
                    .latency_ms = -1,
                    .move = VANTA_MOVE_AGAIN};
    size_t i;

    if (!prepare(&r)) {
        vanta_fail_memory(r.err);
        r.move = VANTA_MOVE_STOP;
    } else if (vanta_http_group_open(r.t->http, &r.group, r.err) != VANTA_OK) {
        r.move = VANTA_MOVE_STOP;
    } else {
        move_bytes(&r);
        vanta_http_group_close(r.group);
        if (r.move == VANTA_MOVE_AGAIN && r.err->status == VANTA_OK)
            vanta_fail(r.err, VANTA_ERR_NETWORK, "%s: a part of the file is missing yet",
                       r.t->source);
    }
    if (r.move == VANTA_MOVE_DONE)
        vanta_error_clear(r.err);
    if (r.p->have_bytes > r.t->best_bytes) {
        r.t->best_bytes = r.p->have_bytes;
        r.t->progressed = true;
    }
    for (i = 0; i < VANTA_LANES_MAX; i++)
        if (r.lanes[i]) {
            if (i > 0)
                free(r.lanes[i]->t);
            free(r.lanes[i]);
        }
    r.t->owners = NULL;
    free(r.sources);
    free(r.owners);
    return r.move;
}
