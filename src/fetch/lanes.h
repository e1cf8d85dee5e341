/*
 * lanes.h - one file over several connections, and from several sources, at once.
 *
 * The first request is the whole file (or its first gap), and judges what it is. Once its
 * answer is fine and a good part is left, others take ranges: halves of what the slowest
 * has before it. Their number grows while that makes the whole faster, and shrinks when it
 * gets slower or the server refuses them (429, 503). Each range goes to the source that is
 * fastest now; at the end, what one is slow with is raced by another, and the loser
 * dropped. One whose range is to be halved keeps all of it until the other's answer has
 * come: a server that gives no ranges, or lies about them, costs nothing; and where it has
 * come to that half by then, it keeps that too. A server without ranges keeps its one
 * stream, and so does a fast one nearby, where a second connection costs more than it
 * brings.
 *
 *     struct vanta_lanes l = {.transfer = &t, ...};
 *     move = vanta_lanes_try(&l, err);       // again after a while, on AGAIN
 *
 * With known chunk digests (vanta_partial.known) a wrong chunk is fetched anew, from
 * another source where there is one, and its source not asked any more.
 * Not responsible for delays between tries and for what follows from a failure (single.c).
 * Threads: the calling one moves all of it.
 */
#ifndef VANTA_FETCH_LANES_H
#define VANTA_FETCH_LANES_H

#include <stdatomic.h>

#include "fetch/transfer.h"

#define VANTA_LANES_MAX 32
#define VANTA_LANES_AUTO 16
#define VANTA_LANE_SOURCES_MAX 8

struct vanta_lane_source {
    const struct vanta_locator *locator; /* hf: or URL */
    const char *text;
};

struct vanta_lanes {
    struct vanta_transfer *transfer; /* of the first source; what came of it is there */
    /* Others that have the same file; only where its SHA-256 is known. */
    struct vanta_lane_source others[VANTA_LANE_SOURCES_MAX];
    size_t n_others;
    unsigned connections; /* at most; 0: VANTA_LANES_AUTO */
    atomic_uint *in_use;  /* connections of all files, or NULL: then no others are opened */
    /* Over all tries: */
    unsigned wrong;       /* chunks that came wrong, */
    uint64_t wrong_chunk; /* the last of them, */
    size_t wrong_source;  /* and who brought it */
    bool alone;           /* the first source gives no ranges to go by */
};

/* One try. DONE: all bytes are in the partial file, and its digest is the caller's to
 * check. Else as vanta_transfer_judge. */
enum vanta_move vanta_lanes_try(struct vanta_lanes *l, struct vanta_error *err);

#endif
