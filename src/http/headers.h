/*
 * headers.h - what the lines of an HTTP answer say, and nothing else of it.
 *
 * Pure text work: no libcurl, no allocation. Lines come from outside and are hostile:
 * values that do not parse or do not fit count as absent.
 *
 *     struct vanta_http_headers h;
 *     vanta_http_headers_start(&h);
 *     vanta_http_headers_line(&h, line, len);     // each line, the status line first
 *
 * Sources: RFC 9110 (fields), RFC 8288 (Link), the RateLimit draft as the model hub sends
 * it ("resolvers";r=0;t=55), and the hub's X- fields.
 */
#ifndef VANTA_HTTP_HEADERS_H
#define VANTA_HTTP_HEADERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/url.h"

#define VANTA_HTTP_ETAG_MAX 256
#define VANTA_HTTP_WAIT_MAX_MS ((int64_t)24 * 3600 * 1000)

struct vanta_http_headers {
    int status;             /* 0: none seen */
    int version;            /* major */
    int64_t content_length; /* -1: not said */
    bool chunked;
    bool has_range;         /* Content-Range was there and well formed */
    int64_t range_first;    /* -1 where only the total is said */
    int64_t range_last;
    int64_t range_total;    /* -1: "*" */
    int64_t retry_after_ms; /* -1: not said */
    char etag[VANTA_HTTP_ETAG_MAX]; /* with its quotes and W/ */
    char last_modified[64];
    char content_type[128]; /* lower case, without parameters */
    char content_encoding[64];
    char location[VANTA_URL_MAX];
    char link_next[VANTA_URL_MAX];
    char request_id[128]; /* X-Request-Id: the server's own name of the request */
    /* Of the model hub. */
    char linked_etag[VANTA_HTTP_ETAG_MAX]; /* without quotes and W/ */
    int64_t linked_size;                   /* -1: not said */
    char commit[65];
    char error_code[64];
    char error_message[256];
};

void vanta_http_headers_start(struct vanta_http_headers *h);
/* One line, with or without its line end. A status line starts anew. */
void vanta_http_headers_line(struct vanta_http_headers *h, const char *line, size_t len);

/* May stand in If-Range: a strong ETag, else Last-Modified; NULL when there is neither. */
const char *vanta_http_headers_validator(const struct vanta_http_headers *h);

/* The pieces, for tests. */
bool vanta_http_parse_content_range(const char *value, struct vanta_http_headers *h);
/* Seconds or an HTTP date, against now (seconds since 1970); -1 when it is neither. */
int64_t vanta_http_parse_retry_after(const char *value, int64_t now);
/* Milliseconds until requests are allowed again; -1 when some are left, or unreadable. */
int64_t vanta_http_parse_rate_limit(const char *value);

#endif
