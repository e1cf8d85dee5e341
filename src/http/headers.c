#include "http/headers.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"

#define LINE_MAX_BYTES (VANTA_URL_MAX + 256)

void vanta_http_headers_start(struct vanta_http_headers *h)
{
    memset(h, 0, sizeof *h);
    h->content_length = -1;
    h->range_first = h->range_last = h->range_total = -1;
    h->retry_after_ms = -1;
    h->linked_size = -1;
}

/* Digits at *p, moved past them; -1 when there are none or too many. */
static int64_t take_number(const char **p)
{
    int64_t value = 0;
    int digits = 0;

    for (; **p >= '0' && **p <= '9'; (*p)++, digits++) {
        if (digits >= 18)
            return -1;
        value = value * 10 + (**p - '0');
    }
    return digits ? value : -1;
}

static int64_t whole_number(const char *value)
{
    int64_t number = take_number(&value);

    return *value ? -1 : number;
}

/* Copies a value that fits; one that does not counts as absent. */
static void take_text(char *out, size_t size, const char *value)
{
    if (!vanta_format(out, size, "%s", value))
        out[0] = '\0';
}

bool vanta_http_parse_content_range(const char *value, struct vanta_http_headers *h)
{
    int64_t first = -1, last = -1, total = -1;
    const char *p = value;

    if (strncmp(p, "bytes ", 6) != 0)
        return false;
    p += 6;
    if (*p == '*') {
        p++;
    } else {
        first = take_number(&p);
        if (first < 0 || *p++ != '-')
            return false;
        last = take_number(&p);
        if (last < first)
            return false;
    }
    if (*p++ != '/')
        return false;
    if (strcmp(p, "*") != 0) {
        total = whole_number(p);
        if (total < 0 || last >= total)
            return false;
    }
    h->has_range = true;
    h->range_first = first;
    h->range_last = last;
    h->range_total = total;
    return true;
}

static int64_t wait_ms(int64_t seconds)
{
    if (seconds < 0)
        seconds = 0;
    return seconds > VANTA_HTTP_WAIT_MAX_MS / 1000 ? VANTA_HTTP_WAIT_MAX_MS
                                                   : seconds * 1000;
}

int64_t vanta_http_parse_retry_after(const char *value, int64_t now)
{
    int64_t seconds = whole_number(value);

    if (seconds >= 0)
        return wait_ms(seconds);
    if (!vanta_time_parse_http(value, &seconds))
        return -1;
    return wait_ms(seconds - now);
}

int64_t vanta_http_parse_rate_limit(const char *value)
{
    const char *r = strstr(value, ";r="), *t = strstr(value, ";t=");
    int64_t left, seconds;

    if (!r || !t)
        return -1;
    r += 3;
    t += 3;
    left = take_number(&r);
    seconds = take_number(&t);
    return left == 0 && seconds >= 0 ? wait_ms(seconds) : -1;
}

static void take_content_type(struct vanta_http_headers *h, const char *value)
{
    size_t n = strcspn(value, "; \t"), i;

    if (n >= sizeof h->content_type)
        return;
    for (i = 0; i < n; i++)
        h->content_type[i] = value[i] >= 'A' && value[i] <= 'Z' ? (char)(value[i] + 32)
                                                                : value[i];
    h->content_type[n] = '\0';
}

static void take_linked_etag(struct vanta_http_headers *h, const char *value)
{
    size_t n;

    if (strncmp(value, "W/", 2) == 0)
        value += 2;
    if (*value == '"')
        value++;
    n = strlen(value);
    if (n > 0 && value[n - 1] == '"')
        n--;
    if (n >= sizeof h->linked_etag)
        return;
    memcpy(h->linked_etag, value, n);
    h->linked_etag[n] = '\0';
}

/* <URL>; rel="next", among others: RFC 8288. */
static void take_link(struct vanta_http_headers *h, const char *value)
{
    const char *p = value;

    while ((p = strchr(p, '<'))) {
        const char *end = strchr(p, '>');
        size_t parameters;

        if (!end)
            return;
        parameters = strcspn(end, ",");
        if (parameters > 10 && (size_t)(end - p) - 1 < sizeof h->link_next) {
            char tail[128] = "";

            snprintf(tail, sizeof tail, "%.*s", (int)parameters, end);
            if (strstr(tail, "rel=\"next\"") || strstr(tail, "rel=next")) {
                memcpy(h->link_next, p + 1, (size_t)(end - p) - 1);
                h->link_next[end - p - 1] = '\0';
                return;
            }
        }
        p = end;
    }
}

static void take_status(struct vanta_http_headers *h, const char *line)
{
    int major = 0, minor = 0, status = 0;

    vanta_http_headers_start(h);
    if (sscanf(line, "HTTP/%1d.%1d %3d", &major, &minor, &status) == 3 ||
        sscanf(line, "HTTP/%1d %3d", &major, &status) == 2) {
        h->version = major;
        h->status = status;
    }
}

static void take_wait(struct vanta_http_headers *h, int64_t ms)
{
    if (ms > h->retry_after_ms)
        h->retry_after_ms = ms;
}

static void take_field(struct vanta_http_headers *h, const char *name, const char *value)
{
    if (vanta_streq_nocase(name, "content-length"))
        h->content_length = whole_number(value);
    else if (vanta_streq_nocase(name, "transfer-encoding"))
        h->chunked = strstr(value, "chunked") != NULL;
    else if (vanta_streq_nocase(name, "content-range"))
        vanta_http_parse_content_range(value, h);
    else if (vanta_streq_nocase(name, "etag"))
        take_text(h->etag, sizeof h->etag, value);
    else if (vanta_streq_nocase(name, "last-modified"))
        take_text(h->last_modified, sizeof h->last_modified, value);
    else if (vanta_streq_nocase(name, "content-type"))
        take_content_type(h, value);
    else if (vanta_streq_nocase(name, "content-encoding"))
        take_text(h->content_encoding, sizeof h->content_encoding, value);
    else if (vanta_streq_nocase(name, "location"))
        take_text(h->location, sizeof h->location, value);
    else if (vanta_streq_nocase(name, "link"))
        take_link(h, value);
    else if (vanta_streq_nocase(name, "retry-after"))
        take_wait(h, vanta_http_parse_retry_after(value, (int64_t)time(NULL)));
    else if (vanta_streq_nocase(name, "ratelimit"))
        take_wait(h, vanta_http_parse_rate_limit(value));
    else if (vanta_streq_nocase(name, "x-request-id"))
        vanta_text_printable(value, h->request_id, sizeof h->request_id);
    else if (vanta_streq_nocase(name, "x-linked-etag"))
        take_linked_etag(h, value);
    else if (vanta_streq_nocase(name, "x-linked-size"))
        h->linked_size = whole_number(value);
    else if (vanta_streq_nocase(name, "x-repo-commit"))
        take_text(h->commit, sizeof h->commit, value);
    else if (vanta_streq_nocase(name, "x-error-code"))
        take_text(h->error_code, sizeof h->error_code, value);
    else if (vanta_streq_nocase(name, "x-error-message"))
        vanta_text_printable(value, h->error_message, sizeof h->error_message);
}

void vanta_http_headers_line(struct vanta_http_headers *h, const char *line, size_t len)
{
    char text[LINE_MAX_BYTES];
    char *colon, *value;

    while (len > 0 && strchr("\r\n \t", line[len - 1]))
        len--;
    if (len == 0 || len >= sizeof text || memchr(line, '\0', len))
        return;
    memcpy(text, line, len);
    text[len] = '\0';
    if (strncmp(text, "HTTP/", 5) == 0) {
        take_status(h, text);
        return;
    }
    colon = strchr(text, ':');
    if (!colon)
        return;
    *colon = '\0';
    value = colon + 1;
    value += strspn(value, " \t");
    take_field(h, text, value);
}

/* It is sent back in a request and kept in a journal: visible ASCII only. */
static bool is_visible(const char *text)
{
    for (; *text; text++)
        if (*text < ' ' || *text > '~')
            return false;
    return true;
}

const char *vanta_http_headers_validator(const struct vanta_http_headers *h)
{
    if (h->etag[0] == '"' && is_visible(h->etag))
        return h->etag;
    return h->last_modified[0] && is_visible(h->last_modified) ? h->last_modified : NULL;
}
