#include "fetch/lanes.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"
#include "fetch/retry.h"

#define TICK_MS 50
/* What must be left for a second connection to be worth its beginning. */
#define PARALLEL_BYTES ((uint64_t)4 * 1024 * 1024)
#define SPLIT_BYTES ((uint64_t)512 * 1024)
#define RACE_BYTES ((uint64_t)32 * 1024)
/* Nearby and so fast: the processor is the limit, and one connection costs it least. */
#define NEAR_MS 5
#define FAST_BYTES_PER_SECOND 64e6
#define WINDOW_MS 250
#define FAILURES_MAX 3
/* Less time than this is not worth bytes that come twice. */
#define SLOW_MS 2000
/* With a limit of the speed, a connection for so much of it. */
#define LIMIT_SHARE ((int64_t)256 * 1024)
#define NO_LANE SIZE_MAX

struct source {
    struct vanta_lane_source is;
    char straight[VANTA_URL_MAX]; /* where it led, "" not known */
    char validator[VANTA_HTTP_ETAG_MAX];
    bool off;
    unsigned active, most; /* connections, and how many it bears */
    unsigned failures;     /* in a row */
    int64_t next_ms;
    double rate;           /* bytes a second and connection; 0: not known */
};

struct lane {
    struct vanta_transfer *t; /* the first one's is the caller's */
    struct vanta_http_request request;
    struct vanta_http_call *call; /* NULL: idle */
    struct vanta_error err;
    size_t source;
    size_t raced; /* the lane whose range it has too */
    uint64_t end; /* of what it is to bring; what it was asked for may be more */
    int64_t started_ms, seen_ms;
    uint64_t seen_bytes;
    double rate;
    char url[VANTA_URL_MAX];
};

struct run {
    struct vanta_lanes *l;
    struct vanta_transfer *t;
    struct vanta_partial *p;
    struct vanta_http_group *group;
    struct vanta_error *err;
    struct source *sources;
    size_t n_sources;
    struct lane *lanes[VANTA_LANES_MAX];
    size_t running, target, limit;
    bool ranged;  /* others may help */
    int64_t total;
    int64_t latency_ms; /* from a request to its answer; -1: not known */
    int64_t tick_ms, window_ms;
    uint64_t window_bytes;
    double best_rate; /* of all, with fewer connections */
    unsigned slower, steady; /* windows in a row */
    bool over;
    enum vanta_move move; /* what it comes to */
    uint8_t *owners;
};

static uint64_t end_of(const struct run *r, const struct lane *lane)
{
    uint64_t end = lane->end < lane->t->end ? lane->end : lane->t->end;
    uint64_t total = r->total >= 0 ? (uint64_t)r->total : UINT64_MAX;

    return end < total ? end : total;
}

/* It had no answer of use: its range is again that of the lane it was taken from. */
static void give_back(struct run *r, const struct lane *lane)
{
    size_t i;

    for (i = 0; i < VANTA_LANES_MAX && lane->t->helper; i++)
        if (r->lanes[i] && r->lanes[i] != lane && r->lanes[i]->call &&
            r->lanes[i]->end == lane->t->from)
            r->lanes[i]->end = end_of(r, lane);
}

static void drop(struct run *r, struct lane *lane)
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

static void drop_all(struct run *r)
{
    size_t i;

    for (i = 0; i < VANTA_LANES_MAX; i++)
        if (r->lanes[i] && r->lanes[i]->call)
            drop(r, r->lanes[i]);
}

static void finish(struct run *r, enum vanta_move move)
{
    r->over = true;
    r->move = move;
}

/* --- one lane --------------------------------------------------------------------- */

static bool start(struct run *r, struct lane *lane)
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
    lane->raced = NO_LANE;
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
static void learn(struct run *r, const struct lane *lane)
{
    const struct vanta_http_response *a = &lane->t->response;
    const char *validator = vanta_http_headers_validator(&a->headers);
    struct source *s = &r->sources[lane->source];
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
    struct run *r = arg;
    struct lane *other;
    struct vanta_extent gap;
    size_t raced = NO_LANE, i;

    for (i = 0; i < VANTA_LANES_MAX; i++)
        if (r->lanes[i] && r->lanes[i]->t == t) {
            raced = r->lanes[i]->raced;
            learn(r, r->lanes[i]);
        }
    if (t->generation != r->p->generation ||
        !vanta_extents_gap(&r->p->have, t->from, t->end, &gap) ||
        (raced == NO_LANE && gap.first > t->from))
        return false;
    for (i = 0; i < VANTA_LANES_MAX; i++) {
        other = r->lanes[i];
        if (other && other->call && other->t != t && i != raced &&
            other->t->pos <= t->from && other->t->end > t->from)
            other->t->end = t->from;
    }
    return true;
}

static struct lane *idle_lane(struct run *r)
{
    size_t i;

    /* The first one's transfer judges whole files; ranges are for the others. */
    for (i = 1; i < VANTA_LANES_MAX; i++) {
        struct lane *lane = r->lanes[i];

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
static struct lane *help(struct run *r, size_t source, uint64_t from, uint64_t end)
{
    const struct vanta_transfer *t = r->t;
    struct source *s = &r->sources[source];
    struct lane *lane = idle_lane(r);

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
static void measure(struct run *r, struct lane *lane, int64_t now)
{
    struct source *s = &r->sources[lane->source];
    int64_t ms = now - lane->seen_ms;
    double rate;

    if (ms < TICK_MS)
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
static void blame(struct run *r, struct lane *lane, enum vanta_move move)
{
    struct source *s = &r->sources[lane->source];
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
static void first_over(struct run *r, struct lane *lane)
{
    if (r->total < 0)
        r->total = r->t->size_bytes >= 0 ? r->t->size_bytes : r->t->total;
    if (r->total < 0)
        finish(r, VANTA_MOVE_DONE);
    else if (!r->ranged && r->p->have_bytes < (uint64_t)r->total)
        start(r, lane);
}

static void over(struct run *r, struct lane *lane)
{
    enum vanta_status status = vanta_http_call_end(lane->call);
    struct vanta_transfer *t = lane->t;
    enum vanta_move move;

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
    if (move == VANTA_MOVE_STOP || (!t->helper && (t->from_zero || r->running == 0)))
        finish(r, move);
    else
        blame(r, lane, move);
}

/* --- wrong chunks ----------------------------------------------------------------- */

static bool has_another(const struct run *r, size_t source)
{
    size_t i;

    for (i = 0; i < r->n_sources; i++)
        if (i != source && !r->sources[i].off)
            return true;
    return false;
}

static void distrust(struct run *r, size_t source, uint64_t chunk)
{
    struct source *s = &r->sources[source];
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

static void check_chunks(struct run *r)
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

/* --- who takes what --------------------------------------------------------------- */

static bool may_take(const struct run *r, size_t source, int64_t now)
{
    const struct source *s = &r->sources[source];

    return !s->off && s->active < s->most && now >= s->next_ms;
}

/* The fastest source that has room; one that is not known yet gets a try. */
static size_t pick_source(const struct run *r, int64_t now)
{
    size_t best = NO_LANE, i;

    for (i = 0; i < r->n_sources; i++) {
        const struct source *s = &r->sources[i];

        if (!may_take(r, i, now) || (s->rate <= 0 && s->active > 0 && best != NO_LANE))
            continue;
        if (best == NO_LANE || (s->rate <= 0 && s->active == 0) ||
            s->rate > r->sources[best].rate)
            best = i;
    }
    return best;
}

/* The first bytes that are neither there nor on their way. */
static bool find_gap(struct run *r, struct vanta_extent *gap)
{
    struct vanta_extents taken = {0};
    bool ok = true, found = false;
    size_t i;

    for (i = 0; i < r->p->have.n && ok; i++)
        ok = vanta_extents_add(&taken, r->p->have.list[i].first, r->p->have.list[i].end);
    for (i = 0; i < VANTA_LANES_MAX && ok; i++)
        if (r->lanes[i] && r->lanes[i]->call)
            ok = vanta_extents_add(&taken, r->lanes[i]->t->pos, end_of(r, r->lanes[i]));
    if (ok)
        found = vanta_extents_gap(&taken, 0, (uint64_t)r->total, gap);
    vanta_extents_free(&taken);
    return found;
}

static double left_ms(const struct run *r, const struct lane *lane)
{
    double bytes = (double)(end_of(r, lane) - lane->t->pos);

    return lane->rate > 0 ? bytes * 1000 / lane->rate : 1e12;
}

static bool is_raced(const struct run *r, size_t lane)
{
    size_t i;

    for (i = 0; i < VANTA_LANES_MAX; i++)
        if (r->lanes[i] && r->lanes[i]->call &&
            (r->lanes[i]->raced == lane || (i == lane && r->lanes[i]->raced != NO_LANE)))
            return true;
    return false;
}

/* The lane with the most before it, in bytes to be split, or in time to be raced. */
static size_t slowest(const struct run *r, bool race)
{
    size_t best = NO_LANE, i;

    for (i = 0; i < VANTA_LANES_MAX; i++) {
        const struct lane *lane = r->lanes[i];
        uint64_t left;

        if (!lane || !lane->call || lane->t->pos >= end_of(r, lane) ||
            (race ? is_raced(r, i) : false))
            continue;
        left = end_of(r, lane) - lane->t->pos;
        if (left < (race ? RACE_BYTES : 2 * SPLIT_BYTES))
            continue;
        if (best == NO_LANE ||
            (race ? left_ms(r, lane) > left_ms(r, r->lanes[best])
                  : left > end_of(r, r->lanes[best]) - r->lanes[best]->t->pos))
            best = i;
    }
    return best;
}

/* A lane that is much slower than its like, at the end, when nothing else is left. */
static bool worth_a_race(const struct run *r, const struct lane *lane, size_t source,
                         int64_t now)
{
    double mine = (double)(end_of(r, lane) - lane->t->pos) * 1000;
    double usual = r->sources[source].rate > 0 ? r->sources[source].rate : 1e6;

    return now - lane->started_ms > 4 * TICK_MS + 2 * r->latency_ms &&
           left_ms(r, lane) > SLOW_MS &&
           left_ms(r, lane) > 2 * (mine / usual + (double)r->latency_ms) + WINDOW_MS;
}

/* What a lane has before it is halved only where that saves more than the beginning of
 * another request costs; before it has shown its speed, nobody knows. */
static bool worth_a_split(const struct run *r, const struct lane *lane, int64_t now)
{
    double rate = lane->rate > 0 ? lane->rate : r->sources[lane->source].rate;
    uint64_t bytes = end_of(r, lane) - lane->t->pos;
    double left;

    if (rate <= 0 && now - lane->started_ms <= 1000 + 2 * r->latency_ms)
        return false;
    left = rate > 0 ? (double)bytes * 1000 / rate : 1e12;
    return left > 2.0 * (double)r->latency_ms + WINDOW_MS &&
           (left > SLOW_MS || bytes > VANTA_CHUNK_BYTES);
}

/* Gives one more lane work; false: there is none. */
static bool assign(struct run *r, int64_t now)
{
    size_t source = pick_source(r, now), i;
    struct vanta_extent gap;
    struct lane *lane;

    if (source == NO_LANE)
        return false;
    if (find_gap(r, &gap))
        return help(r, source, gap.first, gap.end) != NULL;
    i = slowest(r, false);
    if (i != NO_LANE && worth_a_split(r, r->lanes[i], now)) {
        uint64_t end = end_of(r, r->lanes[i]), middle;

        middle = r->lanes[i]->t->pos + (end - r->lanes[i]->t->pos) / 2;
        middle = middle / 65536 * 65536;
        lane = middle > r->lanes[i]->t->pos ? help(r, source, middle, end) : NULL;
        if (!lane)
            return false;
        r->lanes[i]->end = middle;
        return true;
    }
    i = slowest(r, true);
    if (i == NO_LANE || !worth_a_race(r, r->lanes[i], source, now))
        return false;
    lane = help(r, source, r->lanes[i]->t->pos, end_of(r, r->lanes[i]));
    if (lane)
        lane->raced = i;
    return lane != NULL;
}

/* --- how many --------------------------------------------------------------------- */

/* The first answer is fine: may others help, and how many at once? */
static void open_up(struct run *r, int64_t now)
{
    struct lane *first = r->lanes[0];
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

static void adapt(struct run *r, int64_t now)
{
    int64_t window = 4 * r->latency_ms > WINDOW_MS ? 4 * r->latency_ms : WINDOW_MS;
    double rate;

    if (now - r->window_ms < window)
        return;
    rate = r->p->have_bytes > r->window_bytes
               ? (double)(r->p->have_bytes - r->window_bytes) * 1000 /
                     (double)(now - r->window_ms)
               : 0;
    r->window_ms = now;
    r->window_bytes = r->p->have_bytes;
    if (r->latency_ms <= NEAR_MS && rate > FAST_BYTES_PER_SECOND)
        return;
    /* Now and then more are tried although the last ones did not help: links change. */
    if (r->running >= r->target && (rate > r->best_rate * 1.1 || ++r->steady >= 4)) {
        r->best_rate = rate;
        r->slower = r->steady = 0;
        r->target = r->target * 2 < r->limit ? r->target * 2 : r->limit;
    } else if (rate < r->best_rate * 0.5 && ++r->slower >= 4) {
        r->best_rate = rate;
        r->slower = r->steady = 0;
        r->target = r->target > 2 ? r->target * 3 / 4 : 1;
    }
}

/* Who has lost a race, or whose range came by another way, is dropped. */
static void drop_losers(struct run *r)
{
    struct vanta_extent gap;
    size_t i;

    for (i = 0; i < VANTA_LANES_MAX; i++) {
        struct lane *lane = r->lanes[i];

        if (lane && lane->call && lane->t->generation == r->p->generation &&
            lane->t->judged && lane->t->pos < end_of(r, lane) &&
            !vanta_extents_gap(&r->p->have, lane->t->pos, end_of(r, lane), &gap))
            drop(r, lane);
    }
}

static void manage(struct run *r)
{
    int64_t now = vanta_clock_ms();
    size_t i;

    if (now < r->tick_ms && r->running > 0)
        return;
    r->tick_ms = now + TICK_MS;
    for (i = 0; i < VANTA_LANES_MAX; i++)
        if (r->lanes[i] && r->lanes[i]->call)
            measure(r, r->lanes[i], now);
    if (!r->ranged || r->latency_ms < 0)
        open_up(r, now);
    /* A chunk may turn out wrong before the first answer, which says what there is. */
    if (!r->ranged || (r->lanes[0]->call && !r->t->judged))
        return;
    drop_losers(r);
    adapt(r, now);
    while (!r->over && r->running < r->target &&
           (r->l->connections > 0 || atomic_load(r->l->in_use) < VANTA_LANES_AUTO ||
            r->running == 0) &&
           assign(r, now))
        continue;
}

/* --- a try ------------------------------------------------------------------------ */

/* All that was asked for; one that was cut short may hang before what is not its. */
static bool has_answer(const struct run *r, const struct vanta_transfer *t)
{
    return t->pos >= (t->asked_end > 0 ? t->asked_end : (uint64_t)r->total);
}

static bool is_complete(struct run *r)
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

static bool prepare(struct run *r)
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

static void move_bytes(struct run *r)
{
    struct vanta_http_call *call;
    size_t i;

    start(r, r->lanes[0]);
    while (!r->over && r->running > 0) {
        call = vanta_http_group_wait(r->group, TICK_MS);
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
    struct run r = {.l = l,
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
