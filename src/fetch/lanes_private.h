/*
 * lanes_private.h - what lanes.c and lanes_choose.c share. Not for other files.
 *
 * lanes.c starts requests, takes what comes of them and keeps the sources' accounts.
 * lanes_choose.c only reads those: which range is asked of whom next, and how many
 * connections are worth having. So the choice has no effect but its answer:
 *
 *     vanta_lanes_adapt(run, now);              // run->target
 *     while (run->running < run->target && vanta_lanes_choose(run, now, &choice))
 *         ... ask choice.source for [choice.from, choice.end) ...
 *
 * Nothing is chosen before the first answer (run->total is known then). Memory: one list of
 * extents a choice; where there is none, nothing is chosen. Threads: the run's only one.
 */
#ifndef VANTA_FETCH_LANES_PRIVATE_H
#define VANTA_FETCH_LANES_PRIVATE_H

#include "fetch/lanes.h"

#define VANTA_LANE_TICK_MS 50 /* between two looks at speed and ranges */
#define VANTA_LANE_NONE SIZE_MAX

/* What is known of a source. */
struct vanta_lane_account {
    struct vanta_lane_source is;
    char straight[VANTA_URL_MAX]; /* where it led, "" not known */
    char validator[VANTA_HTTP_ETAG_MAX];
    bool off;
    unsigned active, most; /* connections, and how many it bears */
    unsigned failures;     /* in a row */
    int64_t next_ms;
    double rate;           /* bytes a second and connection; 0: not known */
};

/* A request, and the range that it is to bring. */
struct vanta_lane {
    struct vanta_transfer *t; /* the first one's is the caller's */
    struct vanta_http_request request;
    struct vanta_http_call *call; /* NULL: idle */
    struct vanta_error err;
    size_t source; /* its place among the run's */
    size_t raced; /* the lane whose range it has too */
    uint64_t end; /* of what it is to bring; what it was asked for may be more */
    int64_t started_ms, seen_ms;
    uint64_t seen_bytes;
    double rate;
    char url[VANTA_URL_MAX];
};

/* One try. */
struct vanta_lane_run {
    struct vanta_lanes *l;
    struct vanta_transfer *t;
    struct vanta_partial *p;
    struct vanta_http_group *group;
    struct vanta_error *err;
    struct vanta_lane_account *sources;
    size_t n_sources;
    struct vanta_lane *lanes[VANTA_LANES_MAX];
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

struct vanta_lane_choice {
    size_t source;
    uint64_t from, end;
    size_t halved; /* the lane that keeps what lies before from, or VANTA_LANE_NONE */
    size_t raced;  /* the lane that goes on with all of it, or VANTA_LANE_NONE */
};

/* Behind the last byte that the lane is to bring, as far as that is known. */
uint64_t vanta_lane_end(const struct vanta_lane_run *r, const struct vanta_lane *lane);

/* False: no source may be asked now, or no range is worth a request. */
bool vanta_lanes_choose(const struct vanta_lane_run *r, int64_t now,
                        struct vanta_lane_choice *out);
/* Sets the run's target by what the last ones brought. */
void vanta_lanes_adapt(struct vanta_lane_run *r, int64_t now);

#endif
