/* faultd_scenario.c - the ways to misbehave. A scenario gives true when the connection
 * may take another request. */
#include "faultd.h"

#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if defined(__linux__)
#include <linux/sockios.h>
#include <sys/ioctl.h>
#endif
#include <sys/socket.h>
#include <time.h>

void sleep_ms(long ms)
{
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};

    nanosleep(&time, NULL);
}

/* Until what was sent has arrived: a reset drops what has not. */
static void drain(int fd)
{
    int left = 1, tries;

    for (tries = 0; tries < 500 && left > 0; tries++) {
#if defined(__linux__)
        if (ioctl(fd, SIOCOUTQ, &left) != 0)
            left = 0;
#else
        socklen_t len = sizeof left;

        if (getsockopt(fd, SOL_SOCKET, SO_NWRITE, &left, &len) != 0)
            left = 0;
#endif
        sleep_ms(10);
    }
}

static void reset(int fd)
{
    struct linger linger = {1, 0};

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}

/* Until the other side has gone. */
static void hang(int fd)
{
    char byte;

    while (recv(fd, &byte, 1, 0) > 0)
        continue;
}

static bool do_ok(struct exchange *x, struct body *b)
{
    return answer_file(x, b);
}

static bool do_norange(struct exchange *x, struct body *b)
{
    b->flags = NO_RANGES;
    return answer_file(x, b);
}

static bool do_chunked(struct exchange *x, struct body *b)
{
    b->flags = CHUNKED;
    return answer_file(x, b);
}

/* All of the file, but not the end of the answer. */
static bool do_chunkopen(struct exchange *x, struct body *b)
{
    size_t from;

    b->flags = CHUNKED | NO_RANGES;
    answer_header(x, b, &from);
    send_text(x->fd, "%zx\r\n", b->len);
    send_all(x->fd, b->data, b->len);
    return false;
}

static bool do_nolength(struct exchange *x, struct body *b)
{
    b->flags = NO_LENGTH | NO_RANGES;
    return answer_file(x, b);
}

bool answer_reset(struct exchange *x, const struct body *b, long bytes)
{
    if (answer_cut(x, b, bytes))
        return true;
    drain(x->fd);
    reset(x->fd);
    return false;
}

/* reset:BYTES[:TIMES] */
static bool do_reset(struct exchange *x, struct body *b)
{
    if (x->args[1] >= 0 && x->count > (unsigned)x->args[1])
        return answer_file(x, b);
    return answer_reset(x, b, x->args[0]);
}

/* norangereset:BYTES:TIMES */
static bool do_norangereset(struct exchange *x, struct body *b)
{
    b->flags = NO_RANGES;
    return x->count > (unsigned)x->args[1] ? answer_file(x, b) : do_reset(x, b);
}

static bool do_cut(struct exchange *x, struct body *b)
{
    return answer_cut(x, b, x->args[0]);
}

bool answer_stall(struct exchange *x, const struct body *b, long bytes)
{
    if (answer_cut(x, b, bytes))
        return true;
    hang(x->fd);
    return false;
}

static bool do_stall(struct exchange *x, struct body *b)
{
    return answer_stall(x, b, x->args[0]);
}

/* stallonce: only the first request. */
static bool do_stallonce(struct exchange *x, struct body *b)
{
    return x->count > 1 ? answer_file(x, b) : do_stall(x, b);
}

bool answer_slowly(struct exchange *x, const struct body *b)
{
    size_t from, end = answer_end(x, b), step = (size_t)x->args[0];

    if (!answer_header(x, b, &from))
        return true;
    for (; from < end; from += step) {
        size_t n = end - from < step ? end - from : step;

        if (!send_all(x->fd, b->data + from, n))
            return false;
        sleep_ms(x->args[1]);
    }
    return true;
}

static bool do_trickle(struct exchange *x, struct body *b)
{
    return answer_slowly(x, b);
}

static bool do_norangeslow(struct exchange *x, struct body *b)
{
    b->flags = NO_RANGES;
    return answer_slowly(x, b);
}

static bool do_noetagslow(struct exchange *x, struct body *b)
{
    b->flags = NO_ETAG;
    return answer_slowly(x, b);
}

static bool do_short(struct exchange *x, struct body *b)
{
    b->len -= (size_t)x->args[0];
    return answer_file(x, b);
}

static bool do_chunkshort(struct exchange *x, struct body *b)
{
    b->flags = CHUNKED | NO_RANGES;
    return do_short(x, b);
}

/* long: the file and more, stated; chunklong: not stated, without an end. */
static bool do_long(struct exchange *x, struct body *b)
{
    char *more = calloc(1, b->len + (size_t)x->args[0]);
    bool again;

    memcpy(more, b->data, b->len);
    b->data = more;
    b->len += (size_t)x->args[0];
    again = answer_file(x, b);
    free(more);
    return again;
}

static bool do_chunklong(struct exchange *x, struct body *b)
{
    char block[4096] = {0};

    if (!send_text(x->fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%zx\r\n",
                   b->len) ||
        !send_all(x->fd, b->data, b->len) || !send_text(x->fd, "\r\n"))
        return false;
    while (send_text(x->fd, "1000\r\n") && send_all(x->fd, block, sizeof block) &&
           send_text(x->fd, "\r\n"))
        continue;
    return false;
}

static bool do_wrong(struct exchange *x, struct body *b)
{
    char *copy = malloc(b->len);
    bool again;

    memcpy(copy, b->data, b->len);
    copy[b->len / 2] ^= 1;
    b->data = copy;
    b->etag = "\"wrong\"";
    again = answer_file(x, b);
    free(copy);
    return again;
}

bool answer_html(struct exchange *x, struct body *b)
{
    (void)b;
    return answer_text(x, 200, "text/html; charset=utf-8", "",
                       "\n<!DOCTYPE html><html><head><title>Cafe\x1b[31m Network"
                       "</title></head><body>Please sign in</body></html>");
}

static bool do_lfs(struct exchange *x, struct body *b)
{
    (void)b;
    return answer_text(x, 200, "text/plain", "",
                       "version https://git-lfs.github.com/spec/v1\n"
                       "oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca"
                       "24d17e2393\nsize 12345\n");
}

static bool do_status(struct exchange *x, struct body *b)
{
    char wait[64] = "";

    (void)b;
    if (x->args[1] >= 0)
        snprintf(wait, sizeof wait, "Retry-After: %ld\r\n", x->args[1]);
    return answer_empty(x, (int)x->args[0], wait);
}

/* flaky:CODE:TIMES */
static bool do_flaky(struct exchange *x, struct body *b)
{
    return x->count > (unsigned)x->args[1] ? answer_file(x, b)
                                           : answer_empty(x, (int)x->args[0], "");
}

/* busy:SECONDS - 429 with Retry-After, once; limited: as the hub says it. */
static bool do_busy(struct exchange *x, struct body *b)
{
    char wait[64];

    snprintf(wait, sizeof wait, "Retry-After: %ld\r\n", x->args[0]);
    return x->count > 1 ? answer_file(x, b) : answer_empty(x, 429, wait);
}

static bool do_limited(struct exchange *x, struct body *b)
{
    char wait[64];

    snprintf(wait, sizeof wait, "RateLimit: \"resolvers\";r=0;t=%ld\r\n", x->args[0]);
    return x->count > 1 ? answer_file(x, b) : answer_empty(x, 429, wait);
}

static bool do_no416(struct exchange *x, struct body *b)
{
    if (x->range_from > 0)
        return answer_empty(x, 416, "Content-Range: bytes */1\r\n");
    return answer_file(x, b);
}

bool answer_redirect(struct exchange *x, int status, const char *fmt, ...)
{
    char location[4096], header[4200];
    va_list args;

    va_start(args, fmt);
    vsnprintf(location, sizeof location, fmt, args);
    va_end(args);
    snprintf(header, sizeof header, "Location: %s\r\n", location);
    return answer_empty(x, status, header);
}

/* redirect:N/REST: N times, then REST. */
static bool do_redirect(struct exchange *x, struct body *b)
{
    (void)b;
    if (x->args[0] > 1)
        return answer_redirect(x, 302, "/redirect:%ld/%s", x->args[0] - 1, x->name);
    return answer_redirect(x, 302, "/%s", x->name);
}

static bool do_loop(struct exchange *x, struct body *b)
{
    (void)b;
    return answer_redirect(x, 301, "%s", x->path);
}

/* To another origin: the same server by its other name. */
static bool do_elsewhere(struct exchange *x, struct body *b)
{
    (void)b;
    return answer_redirect(x, 302, "http://%s:%d/%s",
                    strncmp(x->host, "localhost", 9) == 0 ? "127.0.0.1" : "localhost",
                    faultd_port, x->name);
}

static bool do_tofile(struct exchange *x, struct body *b)
{
    (void)b;
    return answer_redirect(x, 302, "file:///etc/passwd");
}

static bool do_toremote(struct exchange *x, struct body *b)
{
    (void)b;
    return answer_redirect(x, 302, "http://192.0.2.1/%s", x->name);
}

/* changed:N - reset after N bytes of version 1, then NAME.v2 with its own ETag;
 * changedblind: as a server that ignores If-Range. */
static bool do_changed(struct exchange *x, struct body *b)
{
    char other[2100];
    size_t len;
    const char *data;
    bool again;

    if (x->count == 1)
        return do_reset(x, b);
    snprintf(other, sizeof other, "%s.v2", x->name);
    data = load(other, &len);
    if (!data)
        return answer_empty(x, 404, "");
    b->data = data;
    b->len = len;
    b->etag = "\"v2\"";
    again = answer_file(x, b);
    unload(data, len);
    return again;
}

static bool do_changedblind(struct exchange *x, struct body *b)
{
    x->if_range[0] = '\0';
    return do_changed(x, b);
}

bool answer_gzip(struct exchange *x, struct body *b)
{
    return send_text(x->fd,
                     "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: "
                     "%zu\r\n\r\n",
                     b->len) &&
           send_all(x->fd, b->data, b->len);
}

/* lierange: states a start other than the one that was asked for, when it was. */
static bool do_lierange(struct exchange *x, struct body *b)
{
    if (x->count == 1)
        return do_reset(x, b);
    b->shift = 7;
    x->if_range[0] = '\0';
    return answer_file(x, b);
}

/* part: the first half as 206, whatever was asked for. */
static bool do_part(struct exchange *x, struct body *b)
{
    size_t len = b->len / 2;

    return send_text(x->fd,
                     "HTTP/1.1 206 Partial\r\nContent-Length: %zu\r\nETag: %s\r\n"
                     "Content-Range: bytes 0-%zu/%zu\r\n\r\n",
                     len, b->etag, len - 1, b->len) &&
           send_all(x->fd, b->data, len);
}

bool answer_flood(struct exchange *x, struct body *b)
{
    int i;

    (void)b;
    send_text(x->fd, "HTTP/1.1 200 OK\r\n");
    for (i = 0; i < 100000; i++)
        if (!send_text(x->fd, "X-Flood-%d: %0100d\r\n", i, i))
            return false;
    return false;
}

bool answer_slow_headers(struct exchange *x, struct body *b)
{
    int i = 0;

    (void)b;
    send_text(x->fd, "HTTP/1.1 200 OK\r\n");
    while (send_text(x->fd, "X-Slow-%d: 1\r\n", i++))
        sleep_ms(20);
    return false;
}

static bool do_silent(struct exchange *x, struct body *b)
{
    (void)b;
    hang(x->fd);
    return false;
}

static bool do_garbage(struct exchange *x, struct body *b)
{
    (void)b;
    send_text(x->fd, "SSH-2.0-OpenSSH_9.2\r\n");
    return false;
}

static const struct {
    const char *name;
    bool (*run)(struct exchange *x, struct body *b);
    bool no_file;
} scenarios[] = {
    {"ok", do_ok, false},
    {"norange", do_norange, false},
    /* Slow, so that ranges are asked for, and wrong where they are: :BYTES:MS */
    {"manynorange", answer_ranges, false},
    {"manylie", answer_ranges, false},
    {"manyreset", answer_ranges, false},
    {"manycut", answer_ranges, false},
    {"manyopen", answer_ranges, false},
    {"manyhtml", answer_ranges, false},
    {"many500", answer_ranges, false},
    {"manygzip", answer_ranges, false},
    {"manychanged", answer_ranges, false},
    {"manyblind", answer_ranges, false},
    {"manyuntold", answer_ranges, false},
    {"manystall", answer_ranges, false},
    {"manylate", answer_ranges, false},
    {"manyflood", answer_ranges, false},
    {"manyslowheaders", answer_ranges, false},
    {"manylength", answer_ranges, false},
    {"manythree", answer_ranges, false},
    {"manynoetag", answer_ranges, false},
    {"wrongat", answer_wrong_at, false},      /* :OFFSET[:MS] */
    {"toexpire", answer_to_expire, false},    /* :TIMES */
    {"expires", answer_expires, false},       /* :TOKEN:TIMES */
    {"toexpireall", answer_to_expire, false}, /* :TIMES */
    {"expiresall", answer_expires, false},    /* :TOKEN:TIMES */
    {"chunked", do_chunked, false},
    {"chunkopen", do_chunkopen, false},
    {"nolength", do_nolength, false},
    {"reset", do_reset, false},           /* :BYTES[:TIMES] */
    {"norangereset", do_norangereset, false}, /* :BYTES:TIMES */
    {"cut", do_cut, false},               /* :BYTES, a clean end too early */
    {"stall", do_stall, false},           /* :BYTES */
    {"stallonce", do_stallonce, false},   /* :BYTES */
    {"trickle", do_trickle, false},       /* :BYTES:MS */
    {"noetagslow", do_noetagslow, false}, /* :BYTES:MS */
    {"norangeslow", do_norangeslow, false}, /* :BYTES:MS */
    {"short", do_short, false},           /* :BYTES, honestly stated */
    {"chunkshort", do_chunkshort, false}, /* :BYTES */
    {"long", do_long, false},             /* :BYTES, honestly stated */
    {"chunklong", do_chunklong, false},   /* without end */
    {"wrong", do_wrong, false},
    {"html", answer_html, true},
    {"lfs", do_lfs, true},
    {"status", do_status, true},    /* :CODE[:RETRY_AFTER] */
    {"flaky", do_flaky, false},     /* :CODE:TIMES */
    {"busy", do_busy, false},       /* :SECONDS */
    {"limited", do_limited, false}, /* :SECONDS */
    {"no416", do_no416, false},
    {"redirect", do_redirect, true}, /* :TIMES/REST */
    {"loop", do_loop, true},
    {"elsewhere", do_elsewhere, true}, /* /REST */
    {"tofile", do_tofile, true},
    {"toremote", do_toremote, true},
    {"changed", do_changed, false},           /* :BYTES */
    {"changedblind", do_changedblind, false}, /* :BYTES */
    {"gzip", answer_gzip, false},
    {"lierange", do_lierange, false}, /* :BYTES */
    {"part", do_part, false},
    {"flood", answer_flood, true},
    {"slowheaders", answer_slow_headers, true},
    {"silent", do_silent, true},
    {"garbage", do_garbage, true},
};

bool serve_scenario(struct exchange *x)
{
    char word[64] = "";
    size_t i;

    x->args[0] = x->args[1] = -1;
    sscanf(x->path, "/%63[a-z0-9]:%ld:%ld", word, &x->args[0], &x->args[1]);
    x->name = strchr(x->path + 1, '/');
    for (i = 0; x->name && i < sizeof scenarios / sizeof scenarios[0]; i++) {
        struct body body = {.etag = "\"v1\""};
        const char *data = NULL;
        size_t len = 0;
        bool again;

        if (strcmp(scenarios[i].name, word) != 0)
            continue;
        x->name++;
        if (!scenarios[i].no_file && !(data = load(x->name, &len)))
            return answer_empty(x, 404, "");
        body.data = data;
        body.len = len;
        again = scenarios[i].run(x, &body);
        unload(data, len);
        return again;
    }
    return answer_empty(x, 404, "");
}
