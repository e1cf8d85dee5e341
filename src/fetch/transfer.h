/*
 * transfer.h - one request for a file, or a range of it, into its partial file.
 *
 * Judges every answer: what it is, whether it is the range that was asked for, whether it
 * can be the wanted file at all. Not responsible for which range is asked of whom, for when
 * to try again (lanes.c, single.c), nor for the digest at the end.
 *
 *     vanta_transfer_request(&t, &request, url, err);    // what to ask for; t's callbacks
 *     ... vanta_http_call_start, ..._wait, ..._end ...
 *     move = vanta_transfer_judge(&t, status, url, err);
 */
#ifndef VANTA_FETCH_TRANSFER_H
#define VANTA_FETCH_TRANSFER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "fetch/fetch.h"
#include "fetch/hub.h"
#include "fetch/pace.h"
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

/* bytes of the file are there, of total (-1 unknown). */
typedef void vanta_transfer_progress(void *arg, uint64_t bytes, int64_t total,
                                     uint64_t moved);

struct vanta_transfer {
    /* Set by the caller. */
    struct vanta_http *http;
    const struct vanta_hub *hub;
    const struct vanta_locator *locator; /* hf: or URL */
    const char *source;                  /* its text, for the journal and messages */
    struct vanta_partial *partial;       /* open; kept, resumed or reset */
    int64_t size_bytes;                  /* -1: unknown */
    const char *sha256;                  /* NULL: unknown */
    enum vanta_magic magic;
    bool allow_plain;
    struct vanta_pace *pace;             /* NULL: as fast as it goes */
    const atomic_bool *cancel;           /* may be NULL */
    vanta_transfer_progress *progress;
    void *arg;
    /* What came of it; moved_bytes adds up over tries. */
    uint64_t moved_bytes;
    uint64_t kept_bytes;    /* of the file, that were there before and still are */
    int64_t retry_after_ms; /* the server's word; -1: none */
    uint64_t best_bytes;    /* the most that ever were in the partial file */
    bool progressed;        /* some try got beyond what there was */
    bool answered;          /* a whole header came */
    int64_t answered_ms;    /* when */
    char linked_sha256[VANTA_SHA256_HEX]; /* the hub's own word; "" none */
    /* Between tries: the next one starts from byte 0. */
    bool from_zero;
    /* The range: of a helper set by the caller, else by request. It may be cut short while
     * it runs. */
    bool helper;              /* one of several: it takes its range or nothing */
    const char *straight;     /* where the source led before; "" or NULL: ask the source */
    const char *validator;    /* that a helper's answer must have; "": any */
    /* Asked when a helper's answer is fine, before its first byte is read; false: its range
     * is coming by another way, and it ends. NULL: it takes it. */
    bool (*take_over)(void *lanes, const struct vanta_transfer *t);
    void *lanes;
    uint64_t from, end;       /* end UINT64_MAX: the file's */
    uint64_t pos;             /* of the next byte */
    uint64_t asked_end;       /* what the request says, 0: to the end */
    unsigned generation;      /* of the partial file, when it began */
    uint8_t *owners, owner;   /* NULL, or of each chunk who brought it last */
    /* Of the running try. */
    bool direct;            /* it was sent where straight led then */
    bool fresh;             /* the answer is the whole file */
    bool judged;            /* the first bytes were looked at, or need not be */
    int64_t total;          /* that the answer states; -1: it does not */
    bool decided;           /* verdict holds */
    enum vanta_move verdict;
    char first[VANTA_SNIFF_BYTES];
    size_t first_len;
    struct vanta_http_response response;
};

/* Fills the request for the first gap of the file, or of a helper's range. USELESS, STOP:
 * there is none to make. */
enum vanta_move vanta_transfer_request(struct vanta_transfer *t,
                                       struct vanta_http_request *request,
                                       char url[VANTA_URL_MAX], struct vanta_error *err);
/* What came of the request, which ended with status. DONE: its range is there; of one that
 * is no helper's, to the end of the file. On everything else err has the reason, and the
 * partial file what may be gone on with. */
enum vanta_move vanta_transfer_judge(struct vanta_transfer *t, enum vanta_status status,
                                     const char *url, struct vanta_error *err);

#endif
