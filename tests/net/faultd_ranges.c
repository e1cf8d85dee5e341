/* faultd_ranges.c - ways to misbehave that only show where several ranges of a file are
 * asked for at once. The whole file is always answered slowly and well. */
#include "faultd.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static unsigned active;
static unsigned tokens;

static bool is(const struct exchange *x, const char *word)
{
    size_t n = strlen(word);

    return strncmp(x->path + 5, word, n) == 0 && x->path[5 + n] == ':';
}

/* Four at once are one too many. */
static bool three(struct exchange *x, struct body *b)
{
    bool fine;

    pthread_mutex_lock(&mutex);
    fine = active < 3;
    active += fine;
    pthread_mutex_unlock(&mutex);
    if (!fine) {
        write_log("REFUSED\n");
        return answer_empty(x, 429, "Retry-After: 1\r\n");
    }
    fine = answer_slowly(x, b);
    pthread_mutex_lock(&mutex);
    active--;
    pthread_mutex_unlock(&mutex);
    return fine;
}

/* Another version of the file, whatever If-Range says. */
static bool changed(struct exchange *x, struct body *b)
{
    char other[2100];
    const char *data;
    size_t len;
    bool again;

    snprintf(other, sizeof other, "%s.v2", x->name);
    data = load(other, &len);
    if (!data)
        return answer_empty(x, 404, "");
    b->data = data;
    b->len = len;
    b->etag = "\"v2\"";
    x->if_range[0] = '\0';
    again = answer_slowly(x, b);
    unload(data, len);
    return again;
}

/* A range that is not the file's beginning. */
static bool misbehave(struct exchange *x, struct body *b)
{
    if (is(x, "lie"))
        b->shift = 7;
    if (is(x, "length"))
        b->declared_more = 1000; /* then the connection ends */
    if (is(x, "open"))
        x->range_last = -1;
    if (is(x, "reset"))
        return answer_reset(x, b, 300000);
    if (is(x, "cut"))
        return answer_cut(x, b, 300000);
    if (is(x, "html"))
        return answer_html(x, b);
    if (is(x, "gzip"))
        return answer_gzip(x, b);
    if (is(x, "flood"))
        return answer_flood(x, b);
    if (is(x, "slowheaders"))
        return answer_slow_headers(x, b);
    if (is(x, "blind"))
        b->flags = NO_ETAG;
    if (is(x, "changed") || is(x, "blind"))
        return changed(x, b);
    if (is(x, "untold")) { /* a part of what was asked for, of who knows what */
        b->flags = NO_TOTAL;
        x->range_last = x->range_from + 999;
    }
    if (is(x, "late"))
        usleep(600 * 1000); /* the first stream has come to it by then */
    if (is(x, "500") && x->count % 2 == 0)
        return answer_empty(x, 500, "");
    if (is(x, "stall") && x->count == 2)
        return answer_stall(x, b, 1000);
    return answer_slowly(x, b) && !is(x, "length");
}

bool answer_ranges(struct exchange *x, struct body *b)
{
    if (is(x, "three"))
        return three(x, b);
    if (is(x, "norange"))
        b->flags = NO_RANGES;
    if (is(x, "noetag"))
        b->flags = NO_ETAG;
    return x->range_from > 0 ? misbehave(x, b) : answer_slowly(x, b);
}

/* wrongat:OFFSET[:MS] - one byte is wrong. */
bool answer_wrong_at(struct exchange *x, struct body *b)
{
    char *copy = malloc(b->len);
    bool again;

    memcpy(copy, b->data, b->len);
    copy[x->args[0]] ^= 1;
    b->data = copy;
    x->args[0] = 65536;
    again = x->args[1] > 0 ? answer_slowly(x, b) : answer_file(x, b);
    free(copy);
    return again;
}

/* toexpire:TIMES - leads to another host's address that is good for so many requests;
 * toexpireall:TIMES - so is the first one, and all its ranges are cut: those who had them
 * learn of its end at once. Later ones stay good. */
bool answer_to_expire(struct exchange *x, struct body *b)
{
    unsigned token;

    (void)b;
    pthread_mutex_lock(&mutex);
    token = ++tokens;
    pthread_mutex_unlock(&mutex);
    return answer_redirect(x, 302, "http://localhost:%d/%s:%u:%ld/%s", faultd_port,
                           strstr(x->path, "all:") ? "expiresall" : "expires", token,
                           x->args[0], x->name);
}

/* Cut when as many as args[1] have been asked for at this address. */
static bool cut_together(struct exchange *x, const struct body *b, unsigned times)
{
    size_t from, end = answer_end(x, b), step = (size_t)x->args[0];

    if (!answer_header(x, b, &from))
        return true;
    for (; from + step < end && asked(x->path) < times; from += step) {
        if (!send_all(x->fd, b->data + from, step))
            return false;
        sleep_ms(x->args[1]);
    }
    return false;
}

bool answer_expires(struct exchange *x, struct body *b)
{
    unsigned times = (unsigned)x->args[1];
    bool all = strstr(x->path, "all:"), first = x->args[0] == 1;

    if (x->count > times && (first || !all))
        return answer_empty(x, 403, "");
    x->args[0] = 32768;
    x->args[1] = 10;
    if (all)
        return x->range_from > 0 && first ? cut_together(x, b, times) : answer_slowly(x, b);
    /* What was begun is cut now and then, so that an address is wanted again. */
    return x->range_from > 0 && x->count % 3 == 0 ? answer_cut(x, b, 200000)
                                                  : answer_slowly(x, b);
}
