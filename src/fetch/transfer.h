/*
 * transfer.h - one try to bring a file from one address into its partial file.
 *
 * Judges every answer: what it is, whether it goes on from where the file stops, whether
 * it can be the wanted file at all. Not responsible for when to try again, for other
 * sources, nor for the digest at the end (single.c, schedule.c).
 */
#ifndef VANTA_FETCH_TRANSFER_H
#define VANTA_FETCH_TRANSFER_H

#include <stdbool.h>
#include <stdint.h>

#include "fetch/fetch.h"
#include "fetch/hub.h"
#include "fetch/partial.h"
#include "fetch/sniff.h"
#include "http/http.h"

/* What came of a try, and so what comes next. */
enum vanta_move {
    VANTA_MOVE_DONE,
    VANTA_MOVE_USELESS,   /* this source does not have the file: not again */
    VANTA_MOVE_UNREACHED, /* its host was not reached */
    VANTA_MOVE_AGAIN,     /* the same source may do better in a while */
    VANTA_MOVE_STOP       /* no source will do: cancelled, disk full, local error */
};

/* bytes are in the partial file, of total (-1 unknown). */
typedef void vanta_transfer_progress(void *arg, uint64_t bytes, int64_t total,
                                     uint64_t moved);

struct vanta_transfer {
    /* Set by the caller. */
    struct vanta_http *http;
    const struct vanta_hub *hub;
    const struct vanta_locator *locator; /* hf: or URL */
    const char *source;                  /* its text, for the journal and messages */
    struct vanta_partial *partial;       /* open; resumed or reset */
    int64_t size_bytes;                  /* -1: unknown */
    uint64_t stop_at;                    /* only up to there is asked for; 0: all of it */
    const char *sha256;                  /* NULL: unknown */
    enum vanta_magic magic;
    bool allow_plain;
    vanta_transfer_progress *progress;
    void *arg;
    /* What came of it; moved_bytes adds up over tries. */
    uint64_t moved_bytes;
    uint64_t kept_bytes;    /* of the file, that were there before and still are */
    int64_t retry_after_ms; /* the server's word; -1: none */
    uint64_t best_bytes;    /* the most that ever were in the partial file */
    bool progressed;        /* some try got beyond what there was */
    bool answered;          /* a whole header came */
    char linked_sha256[VANTA_SHA256_HEX]; /* the hub's own word; "" none */
    /* Between tries: the next one starts from byte 0. */
    bool from_zero;
    /* Of the running try. */
    bool fresh;             /* the answer is the whole file */
    bool judged;            /* the first bytes were looked at, or need not be */
    int64_t total;          /* that the answer states; -1: it does not */
    bool decided;           /* verdict holds */
    enum vanta_move verdict;
    char first[VANTA_SNIFF_BYTES];
    size_t first_len;
    struct vanta_http_response response;
};

/* On DONE the partial file holds all bytes and its digest is the caller's to check. On
 * everything else err has the reason, and the partial file what may be gone on with. */
enum vanta_move vanta_transfer_try(struct vanta_transfer *t, struct vanta_error *err);

#endif
