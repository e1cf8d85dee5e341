/* lanes_choose.c - which range is asked of whom next, and by how many. */
#include "fetch/lanes_private.h"

#define SPLIT_BYTES ((uint64_t)512 * 1024)
#define SPLIT_ALIGN ((uint64_t)64 * 1024)
#define RACE_BYTES ((uint64_t)32 * 1024)
/* Nearby and so fast: the processor is the limit, and one connection costs it least. */
#define NEAR_MS 5
#define FAST_BYTES_PER_SECOND 64e6
#define WINDOW_MS 250
/* Less time than this is not worth bytes that come twice. */
#define SLOW_MS 2000

uint64_t vanta_lane_end(const struct vanta_lane_run *r, const struct vanta_lane *lane)
{
    uint64_t end = lane->end < lane->t->end ? lane->end : lane->t->end;
    uint64_t total = r->total >= 0 ? (uint64_t)r->total : UINT64_MAX;

    return end < total ? end : total;
}

/* --- who takes what --------------------------------------------------------------- */

static bool may_take(const struct vanta_lane_run *r, size_t source, int64_t now)
{
    const struct vanta_lane_account *s = &r->sources[source];

    return !s->off && s->active < s->most && now >= s->next_ms;
}

/* The fastest source that has room; one that is not known yet gets a try. */
static size_t pick_source(const struct vanta_lane_run *r, int64_t now)
{
    size_t best = VANTA_LANE_NONE, i;

    for (i = 0; i < r->n_sources; i++) {
        const struct vanta_lane_account *s = &r->sources[i];

        if (!may_take(r, i, now) ||
            (s->rate <= 0 && s->active > 0 && best != VANTA_LANE_NONE))
            continue;
        if (best == VANTA_LANE_NONE || (s->rate <= 0 && s->active == 0) ||
            s->rate > r->sources[best].rate)
            best = i;
    }
    return best;
}

/* The first bytes that are neither there nor on their way. */
static bool find_gap(const struct vanta_lane_run *r, struct vanta_extent *gap)
{
    struct vanta_extents taken = {0};
    bool ok = true, found = false;
    size_t i;

    for (i = 0; i < r->p->have.n && ok; i++)
        ok = vanta_extents_add(&taken, r->p->have.list[i].first, r->p->have.list[i].end);
    for (i = 0; i < VANTA_LANES_MAX && ok; i++)
        if (r->lanes[i] && r->lanes[i]->call)
            ok = vanta_extents_add(&taken, r->lanes[i]->t->pos,
                                   vanta_lane_end(r, r->lanes[i]));
    if (ok)
        found = vanta_extents_gap(&taken, 0, (uint64_t)r->total, gap);
    vanta_extents_free(&taken);
    return found;
}

static double left_ms(const struct vanta_lane_run *r, const struct vanta_lane *lane)
{
    double bytes = (double)(vanta_lane_end(r, lane) - lane->t->pos);

    return lane->rate > 0 ? bytes * 1000 / lane->rate : 1e12;
}

static bool is_raced(const struct vanta_lane_run *r, size_t lane)
{
    size_t i;

    for (i = 0; i < VANTA_LANES_MAX; i++)
        if (r->lanes[i] && r->lanes[i]->call &&
            (r->lanes[i]->raced == lane ||
             (i == lane && r->lanes[i]->raced != VANTA_LANE_NONE)))
            return true;
    return false;
}

/* The lane with the most before it, in bytes to be split, or in time to be raced. */
static size_t slowest(const struct vanta_lane_run *r, bool race)
{
    size_t best = VANTA_LANE_NONE, i;

    for (i = 0; i < VANTA_LANES_MAX; i++) {
        const struct vanta_lane *lane = r->lanes[i];
        uint64_t left;

        if (!lane || !lane->call || lane->t->pos >= vanta_lane_end(r, lane) ||
            (race ? is_raced(r, i) : false))
            continue;
        left = vanta_lane_end(r, lane) - lane->t->pos;
        if (left < (race ? RACE_BYTES : 2 * SPLIT_BYTES))
            continue;
        if (best == VANTA_LANE_NONE ||
            (race ? left_ms(r, lane) > left_ms(r, r->lanes[best])
                  : left > vanta_lane_end(r, r->lanes[best]) - r->lanes[best]->t->pos))
            best = i;
    }
    return best;
}

/* A lane that is much slower than its like, at the end, when nothing else is left. */
static bool worth_a_race(const struct vanta_lane_run *r, const struct vanta_lane *lane,
                         size_t source, int64_t now)
{
    double mine = (double)(vanta_lane_end(r, lane) - lane->t->pos) * 1000;
    double usual = r->sources[source].rate > 0 ? r->sources[source].rate : 1e6;

    return now - lane->started_ms > 4 * VANTA_LANE_TICK_MS + 2 * r->latency_ms &&
           left_ms(r, lane) > SLOW_MS &&
           left_ms(r, lane) > 2 * (mine / usual + (double)r->latency_ms) + WINDOW_MS;
}

/* What a lane has before it is halved only where that saves more than the beginning of
 * another request costs; before it has shown its speed, nobody knows. */
static bool worth_a_split(const struct vanta_lane_run *r, const struct vanta_lane *lane,
                          int64_t now)
{
    double rate = lane->rate > 0 ? lane->rate : r->sources[lane->source].rate;
    uint64_t bytes = vanta_lane_end(r, lane) - lane->t->pos;
    double left;

    if (rate <= 0 && now - lane->started_ms <= 1000 + 2 * r->latency_ms)
        return false;
    left = rate > 0 ? (double)bytes * 1000 / rate : 1e12;
    return left > 2.0 * (double)r->latency_ms + WINDOW_MS &&
           (left > SLOW_MS || bytes > VANTA_CHUNK_BYTES);
}

/* The slowest's second half; it goes on to its end until that is answered. */
static bool choose_half(const struct vanta_lane_run *r, size_t i,
                        struct vanta_lane_choice *out)
{
    const struct vanta_lane *lane = r->lanes[i];

    out->end = vanta_lane_end(r, lane);
    out->from = lane->t->pos + (out->end - lane->t->pos) / 2;
    out->from = out->from / SPLIT_ALIGN * SPLIT_ALIGN;
    out->halved = i;
    return out->from > lane->t->pos;
}

static bool choose_race(const struct vanta_lane_run *r, int64_t now,
                        struct vanta_lane_choice *out)
{
    size_t i = slowest(r, true);

    if (i == VANTA_LANE_NONE || !worth_a_race(r, r->lanes[i], out->source, now))
        return false;
    out->from = r->lanes[i]->t->pos;
    out->end = vanta_lane_end(r, r->lanes[i]);
    out->halved = VANTA_LANE_NONE;
    out->raced = i;
    return true;
}

bool vanta_lanes_choose(const struct vanta_lane_run *r, int64_t now,
                        struct vanta_lane_choice *out)
{
    struct vanta_extent gap;
    size_t i;

    *out = (struct vanta_lane_choice){.source = pick_source(r, now),
                                      .halved = VANTA_LANE_NONE,
                                      .raced = VANTA_LANE_NONE};
    if (out->source == VANTA_LANE_NONE)
        return false;
    if (find_gap(r, &gap)) {
        out->from = gap.first;
        out->end = gap.end;
        return true;
    }
    i = slowest(r, false);
    return i != VANTA_LANE_NONE && worth_a_split(r, r->lanes[i], now)
               ? choose_half(r, i, out)
               : choose_race(r, now, out);
}

/* --- how many --------------------------------------------------------------------- */

void vanta_lanes_adapt(struct vanta_lane_run *r, int64_t now)
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
