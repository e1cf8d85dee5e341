#include "fetch/transfer.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"
#include "fetch/retry.h"

#define SHOWN_MAX 512

/* Ends the try from within a callback. */
static enum vanta_status decide(struct vanta_transfer *t, enum vanta_move verdict,
                                enum vanta_status status)
{
    t->decided = true;
    t->verdict = verdict;
    return status;
}

static const char *what(const struct vanta_transfer *t)
{
    return t->source;
}

static enum vanta_status fail_length(struct vanta_transfer *t, int64_t found,
                                     struct vanta_error *err)
{
    vanta_fail(err, VANTA_ERR_SERVER, "%s: the file there has %lld bytes, not %lld",
               what(t), (long long)found, (long long)t->size_bytes);
    vanta_hint(err, "it is another version, or not the file at all; "
                    "another source may have the right one");
    return decide(t, VANTA_MOVE_USELESS, VANTA_ERR_SERVER);
}

/* The hub states the file's digest and size before it sends a byte. */
static enum vanta_status check_linked(struct vanta_transfer *t, struct vanta_error *err)
{
    const struct vanta_http_headers *h = &t->response.headers;

    /* Only the hub's own answers count. */
    if (t->locator->kind != VANTA_LOCATOR_HF || t->direct)
        return VANTA_OK;
    if (t->locator->revision && vanta_hub_is_commit(t->locator->revision) &&
        vanta_hub_is_commit(h->commit) &&
        strcmp(t->locator->revision, h->commit) != 0) {
        vanta_fail(err, VANTA_ERR_DIGEST, "%s: the hub answers with the commit %s", what(t),
                   h->commit);
        vanta_hint(err, "that is another version than was asked for; it was not downloaded");
        return decide(t, VANTA_MOVE_USELESS, VANTA_ERR_DIGEST);
    }
    if (vanta_sha256_is_hex(h->linked_etag)) {
        if (t->sha256 && strcmp(t->sha256, h->linked_etag) != 0) {
            vanta_fail(err, VANTA_ERR_DIGEST,
                       "%s: the hub's file has SHA-256 %s, the expected one is %s",
                       what(t), h->linked_etag, t->sha256);
            vanta_hint(err, "the file was changed on the hub, or the catalog is wrong; "
                            "it was not downloaded");
            return decide(t, VANTA_MOVE_USELESS, VANTA_ERR_DIGEST);
        }
        memcpy(t->linked_sha256, h->linked_etag, sizeof t->linked_sha256);
    }
    if (t->size_bytes >= 0 && h->linked_size >= 0 && h->linked_size != t->size_bytes)
        return fail_length(t, h->linked_size, err);
    return VANTA_OK;
}

/* Start over, next time from byte 0. */
static enum vanta_status start_over(struct vanta_transfer *t, struct vanta_error *err,
                                    const char *reason)
{
    t->from_zero = true;
    vanta_fail(err, VANTA_ERR_SERVER, "%s: %s", what(t), reason);
    return decide(t, VANTA_MOVE_AGAIN, VANTA_ERR_SERVER);
}

static bool same_source(const struct vanta_transfer *t)
{
    const struct vanta_partial *p = t->partial;

    return p->has_journal && strcmp(p->journal.source, t->source) == 0;
}

/* 206: is it the range that was asked for, and of the same file? */
static enum vanta_status check_rest(struct vanta_transfer *t, struct vanta_error *err)
{
    const struct vanta_http_headers *h = &t->response.headers;
    const struct vanta_journal *j = &t->partial->journal;
    const char *validator = vanta_http_headers_validator(h);
    const char *before = t->helper ? t->validator : same_source(t) ? j->validator : "";

    if (!h->has_range || h->range_first != (int64_t)t->from)
        return start_over(t, err, "the server sent another part than the one asked for");
    /* Where no digest judges the whole, a part that does not say what it is a part of may
     * be of another version, or not all that is left. */
    if (!t->sha256 && (!validator || h->range_total < 0))
        return start_over(t, err, "the server does not say what file it sent a part of");
    if (before[0] && validator && strcmp(before, validator) != 0)
        return start_over(t, err, "the file was changed on the server meanwhile");
    if (h->range_total >= 0 && t->size_bytes >= 0 && h->range_total != t->size_bytes)
        return fail_length(t, h->range_total, err);
    if (h->range_total >= 0 && same_source(t) && j->size_bytes >= 0 &&
        j->size_bytes != h->range_total)
        return start_over(t, err, "the file was changed on the server meanwhile");
    if (h->content_length >= 0 &&
        h->content_length != h->range_last - h->range_first + 1)
        return start_over(t, err, "the server contradicts itself about the length");
    t->total = h->range_total;
    if (t->helper && t->take_over && !t->take_over(t->lanes, t))
        return decide(t, VANTA_MOVE_DONE, VANTA_ERR_CANCELLED);
    t->judged = true;
    if (t->helper)
        return VANTA_OK;
    t->kept_bytes = t->partial->have_bytes;
    vanta_partial_describe(t->partial, t->source, validator,
                           t->total >= 0 ? t->total : t->size_bytes);
    return VANTA_OK;
}

/* What a helper may be answered: its range of the same file, or the reason why not. */
static enum vanta_status check_helper(struct vanta_transfer *t, struct vanta_error *err)
{
    int status = t->response.headers.status;

    if (status == 206)
        return check_rest(t, err);
    if (status != 200)
        return VANTA_OK;
    vanta_fail(err, VANTA_ERR_SERVER, "%s: the server does not give parts of the file",
               what(t));
    return decide(t, VANTA_MOVE_USELESS, VANTA_ERR_SERVER);
}

/* 206 to a request for the whole file: what came may be any part of it, and no digest
 * would tell. */
static enum vanta_status refuse_part(struct vanta_transfer *t, struct vanta_error *err)
{
    vanta_fail(err, VANTA_ERR_SERVER,
               "%s: the server sent a part (206) where the whole file was asked for",
               what(t));
    vanta_hint(err, "state the file's SHA-256 with it, or take another source");
    return decide(t, VANTA_MOVE_USELESS, VANTA_ERR_SERVER);
}

static enum vanta_status on_headers(void *arg, const struct vanta_http_response *r,
                                    bool redirect, struct vanta_error *err)
{
    struct vanta_transfer *t = arg;
    enum vanta_status status = check_linked(t, err);

    if (status != VANTA_OK || redirect)
        return status;
    t->answered = true;
    t->answered_ms = vanta_clock_ms();
    if (t->helper)
        return check_helper(t, err);
    if (r->headers.status == 206 && (t->from > 0 || t->asked_end > 0))
        return check_rest(t, err);
    if (r->headers.status == 206 && !t->sha256)
        return refuse_part(t, err);
    if (r->headers.status == 200 || r->headers.status == 206) {
        t->fresh = true;
        t->total = r->headers.content_length;
    }
    return VANTA_OK;
}

static enum vanta_status keep_bytes(struct vanta_transfer *t, const void *data,
                                    size_t len, struct vanta_error *err)
{
    int64_t limit = t->size_bytes >= 0 ? t->size_bytes : t->total;
    size_t wanted = t->end - t->pos < len ? (size_t)(t->end - t->pos) : len;
    enum vanta_status status;

    if (limit >= 0 && len > (uint64_t)limit - t->pos) {
        vanta_fail(err, VANTA_ERR_LIMIT, "%s: the server sends more than the %lld bytes "
                                         "that the file has",
                   what(t), (long long)limit);
        vanta_hint(err, "it is another version, or not the file at all; "
                        "another source may have the right one");
        t->from_zero = true;
        return decide(t, VANTA_MOVE_USELESS, VANTA_ERR_LIMIT);
    }
    /* Another one may have begun the file anew meanwhile. */
    if (t->generation != t->partial->generation)
        return decide(t, VANTA_MOVE_AGAIN, VANTA_ERR_CANCELLED);
    status = vanta_partial_write_at(t->partial, t->pos, data, wanted, err);
    if (status != VANTA_OK)
        return decide(t, VANTA_MOVE_STOP, status);
    if (t->owners && wanted > 0) {
        t->owners[t->pos / VANTA_CHUNK_BYTES] = t->owner;
        t->owners[(t->pos + wanted - 1) / VANTA_CHUNK_BYTES] = t->owner;
    }
    t->pos += wanted;
    t->moved_bytes += len;
    if (t->partial->have_bytes > t->best_bytes) {
        t->best_bytes = t->partial->have_bytes;
        t->progressed = true;
    }
    if (t->progress)
        t->progress(t->arg, t->partial->have_bytes, limit, len);
    if (t->pace)
        vanta_pace_take(t->pace, len, t->cancel);
    /* Cut short, or given more than was asked for: the rest is not for this one. */
    return t->pos < t->end || (t->pos == t->asked_end && wanted == len)
               ? VANTA_OK
               : decide(t, VANTA_MOVE_DONE, VANTA_ERR_CANCELLED);
}

/* The whole file begins: only now, when its first bytes look right, is what was there
 * before given up. */
static enum vanta_status judge_first(struct vanta_transfer *t, struct vanta_error *err)
{
    const struct vanta_http_headers *h = &t->response.headers;
    enum vanta_status status;

    t->judged = true;
    status = vanta_sniff(t->first, t->first_len, t->magic, h->content_type, what(t), err);
    if (status != VANTA_OK)
        return decide(t, VANTA_MOVE_USELESS, status);
    if (t->total >= 0 && t->size_bytes >= 0 && t->total != t->size_bytes)
        return fail_length(t, t->total, err);
    t->kept_bytes = 0;
    status = vanta_partial_reset(t->partial, err);
    if (status != VANTA_OK)
        return decide(t, VANTA_MOVE_STOP, status);
    t->generation = t->partial->generation;
    t->from = t->pos = t->asked_end = 0;
    t->end = UINT64_MAX;
    vanta_partial_describe(t->partial, t->source, vanta_http_headers_validator(h),
                           t->total >= 0 ? t->total : t->size_bytes);
    return t->first_len ? keep_bytes(t, t->first, t->first_len, err) : VANTA_OK;
}

static enum vanta_status on_body(void *arg, const void *data, size_t len,
                                 struct vanta_error *err)
{
    struct vanta_transfer *t = arg;
    enum vanta_status status;
    size_t take;

    if (!t->fresh && !t->judged)
        return VANTA_OK; /* 204 and the like: judged when it is over */
    if (!t->judged) {
        take = sizeof t->first - t->first_len;
        if (take > len)
            take = len;
        memcpy(t->first + t->first_len, data, take);
        t->first_len += take;
        if (t->first_len < sizeof t->first)
            return VANTA_OK;
        status = judge_first(t, err);
        if (status != VANTA_OK)
            return status;
        data = (const char *)data + take;
        len -= take;
    }
    return len ? keep_bytes(t, data, len, err) : VANTA_OK;
}

/* The answer came to its end: is that the end of what was asked for? */
static enum vanta_move check_end(struct vanta_transfer *t, struct vanta_error *err)
{
    const struct vanta_http_headers *h = &t->response.headers;
    int64_t expected = t->size_bytes >= 0 ? t->size_bytes : t->total;
    bool delimited = h->content_length >= 0 || h->chunked || h->version >= 2;

    if (!t->judged && judge_first(t, err) != VANTA_OK)
        return t->verdict;
    if (t->end != UINT64_MAX)
        expected = (int64_t)t->end;
    if (expected < 0 && !delimited && !t->sha256) {
        vanta_fail(err, VANTA_ERR_SERVER,
                   "%s: the server does not say how long the file is, and its digest is "
                   "not known: a cut could not be noticed",
                   what(t));
        vanta_hint(err, "state the file's SHA-256 with it");
        return VANTA_MOVE_USELESS;
    }
    if (expected < 0 || (int64_t)t->pos >= expected)
        return VANTA_MOVE_DONE;
    if (delimited && t->fresh) {
        t->from_zero = true; /* what came is not the beginning of the file */
        fail_length(t, (int64_t)t->pos, err);
        return VANTA_MOVE_USELESS;
    }
    vanta_fail(err, VANTA_ERR_NETWORK, "%s: the server stopped after %llu of %lld bytes",
               what(t), (unsigned long long)t->pos, (long long)expected);
    vanta_hint(err, "run the same command again: it goes on where it stopped");
    return VANTA_MOVE_AGAIN;
}

/* 416: nothing from there on. Either all is there, or the file is another one. */
static enum vanta_move check_no_rest(struct vanta_transfer *t, struct vanta_error *err)
{
    const struct vanta_http_headers *h = &t->response.headers;
    const struct vanta_partial *p = t->partial;

    if (t->from > 0 && h->has_range && h->range_total == (int64_t)t->from &&
        p->bytes == t->from && p->have_bytes == t->from &&
        (t->size_bytes < 0 || t->size_bytes == h->range_total))
        return VANTA_MOVE_DONE;
    start_over(t, err, t->from > 0 ? "the file there is shorter than what was fetched before"
                                   : "the server answered 416 to a request without a range");
    return t->from > 0 ? VANTA_MOVE_AGAIN : VANTA_MOVE_USELESS;
}

static bool answered_elsewhere(const struct vanta_transfer *t, const char *first_url)
{
    struct vanta_url first, last;

    return vanta_url_parse(first_url, &first, NULL) &&
           vanta_url_parse(t->response.url, &last, NULL) &&
           !vanta_url_same_origin(&first, &last);
}

/* An answer that is neither 2xx nor 416. */
static enum vanta_move refusal(struct vanta_transfer *t, const char *first_url,
                               struct vanta_error *err)
{
    const struct vanta_http_headers *h = &t->response.headers;
    bool elsewhere = t->direct || answered_elsewhere(t, first_url);
    char time[VANTA_SIZE_TEXT_MAX];

    if (h->status == 511) {
        vanta_fail(err, VANTA_ERR_SERVER, "%s: the network wants you to log in first",
                   what(t));
        vanta_hint(err, "open any page in a browser, then run this again");
        return VANTA_MOVE_USELESS;
    }
    if (vanta_retry_status(h->status)) {
        t->retry_after_ms = h->retry_after_ms;
        if (h->retry_after_ms >= 0)
            vanta_fail(err, VANTA_ERR_SERVER,
                       "%s: the server answered %d and asks to come back in %s", what(t),
                       h->status, vanta_duration_text(h->retry_after_ms, time));
        else
            vanta_fail(err, VANTA_ERR_SERVER, "%s: the server answered %d", what(t),
                       h->status);
        vanta_hint(err, h->status == 429 ? "it limits how much one user may ask for: try "
                                           "again later, or set HF_TOKEN for the hub"
                                         : "that is the server's trouble: try again later");
        return VANTA_MOVE_AGAIN;
    }
    if (elsewhere && (h->status == 401 || h->status == 403 || h->status == 404 ||
                      (t->direct && h->status == 410))) {
        vanta_fail(err, VANTA_ERR_SERVER,
                   "%s: the address it led to was refused (%d); it may have expired",
                   what(t), h->status);
        return VANTA_MOVE_AGAIN;
    }
    if (t->locator->kind == VANTA_LOCATOR_HF && !elsewhere) {
        vanta_hub_refusal(t->hub, h, what(t), t->locator->name, t->locator->revision, err);
        return VANTA_MOVE_USELESS;
    }
    if (h->status == 401 || h->status == 403) {
        vanta_fail(err, VANTA_ERR_AUTH, "%s: the server refuses access (%d)", what(t),
                   h->status);
        vanta_hint(err, "the address may have expired, or the file is not public");
    } else if (h->status == 404 || h->status == 410) {
        vanta_fail(err, VANTA_ERR_NOT_FOUND, "%s: there is no such file (%d)", what(t),
                   h->status);
        vanta_hint(err, "check the address");
    } else {
        vanta_fail(err, VANTA_ERR_SERVER, "%s: the server answered %d", what(t), h->status);
    }
    return VANTA_MOVE_USELESS;
}

/* No whole answer came. */
static enum vanta_move failure(struct vanta_transfer *t)
{
    switch (t->response.failure) {
    case VANTA_HTTP_NO_NAME:
    case VANTA_HTTP_REFUSED:
    case VANTA_HTTP_NO_CONNECT:
    case VANTA_HTTP_TLS:
        return VANTA_MOVE_UNREACHED;
    case VANTA_HTTP_STALLED:
        /* A host that takes connections and says nothing is as good as none. */
        return t->answered ? VANTA_MOVE_AGAIN : VANTA_MOVE_UNREACHED;
    case VANTA_HTTP_RESET:
        return VANTA_MOVE_AGAIN;
    case VANTA_HTTP_UNTRUSTED:
    case VANTA_HTTP_PROTOCOL:
        return VANTA_MOVE_USELESS;
    case VANTA_HTTP_CALLER:
        return t->decided ? t->verdict : VANTA_MOVE_STOP;
    case VANTA_HTTP_LOCAL:
    case VANTA_HTTP_FINE:
        break;
    }
    return VANTA_MOVE_STOP;
}

static enum vanta_status address(const struct vanta_transfer *t, char url[VANTA_URL_MAX],
                                 struct vanta_error *err)
{
    if (t->locator->kind == VANTA_LOCATOR_URL)
        return vanta_format(url, VANTA_URL_MAX, "%s", t->locator->path)
                   ? VANTA_OK
                   : vanta_fail(err, VANTA_ERR_LIMIT, "%s: too long", what(t));
    if (t->hub->error.status != VANTA_OK) {
        vanta_fail(err, t->hub->error.status, "%s", t->hub->error.message);
        vanta_hint(err, "%s", t->hub->error.hint);
        return t->hub->error.status;
    }
    return vanta_hub_file_url(t->hub, t->locator, url, err);
}

static void clear_try(struct vanta_transfer *t)
{
    t->retry_after_ms = -1;
    t->answered = t->fresh = t->judged = t->decided = false;
    t->total = -1;
    t->first_len = 0;
}

/* The first gap: where the size is known it has an end, and else lies behind all. */
static void choose_range(struct vanta_transfer *t)
{
    const struct vanta_partial *p = t->partial;
    struct vanta_extent gap = {p->bytes, UINT64_MAX};

    vanta_extents_gap(&p->have, p->bytes, UINT64_MAX, &gap);
    t->from = gap.first;
    t->end = gap.end;
}

enum vanta_move vanta_transfer_request(struct vanta_transfer *t,
                                       struct vanta_http_request *request,
                                       char url[VANTA_URL_MAX], struct vanta_error *err)
{
    bool hub = t->locator->kind == VANTA_LOCATOR_HF;
    enum vanta_status status = VANTA_OK;
    const char *validator;

    clear_try(t);
    t->direct = t->helper && t->straight && t->straight[0];
    if (t->direct)
        vanta_format(url, VANTA_URL_MAX, "%s", t->straight);
    else
        status = address(t, url, err);
    if (status != VANTA_OK)
        return VANTA_MOVE_USELESS;
    /* Also when an earlier reset could not begin the hashing anew. */
    if (!t->helper) {
        if ((t->from_zero || !t->partial->follow.active) &&
            vanta_partial_reset(t->partial, err) != VANTA_OK)
            return VANTA_MOVE_STOP;
        t->from_zero = false;
        choose_range(t);
    }
    t->pos = t->from;
    t->asked_end = t->end == UINT64_MAX ? 0 : t->end;
    t->generation = t->partial->generation;
    validator = t->helper ? t->validator : same_source(t) ? t->partial->journal.validator
                                                          : "";
    *request = (struct vanta_http_request){
        .url = url,
        .allow_plain = t->allow_plain && t->sha256,
        .bearer = hub && !t->direct && t->hub->token[0] ? t->hub->token : NULL,
        .range_from = t->from,
        .range_end = t->asked_end,
        .if_range = validator[0] ? validator : NULL,
        .on_headers = on_headers,
        .on_body = on_body,
        .arg = t};
    return VANTA_MOVE_DONE;
}

enum vanta_move vanta_transfer_judge(struct vanta_transfer *t, enum vanta_status status,
                                     const char *url, struct vanta_error *err)
{
    if (status != VANTA_OK)
        return failure(t);
    switch (t->response.headers.status) {
    case 200:
    case 206:
        return check_end(t, err);
    case 416:
        return check_no_rest(t, err);
    default:
        return refusal(t, url, err);
    }
}
