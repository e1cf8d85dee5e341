/*
 * url.h - the parts of a URL that decisions rest on: scheme, host, port.
 *
 * One strict reading of http and https URLs, used for what may be opened and where a
 * token may go. What a lenient parser could read in another way (user names, backslashes,
 * control characters, odd hosts) is refused. Not a general URL library: relative
 * references are resolved by libcurl (http.h) and judged here afterwards.
 * Nothing allocates but vanta_url_encode. Source: RFC 3986.
 */
#ifndef VANTA_HTTP_URL_H
#define VANTA_HTTP_URL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

#define VANTA_URL_MAX 4096 /* bytes with the NUL; signed addresses run to 2 KB */
#define VANTA_URL_HOST_MAX 256
#define VANTA_URL_ORIGIN_MAX (VANTA_URL_HOST_MAX + 16)

struct vanta_url {
    bool https;
    char host[VANTA_URL_HOST_MAX]; /* lower case; an IPv6 address in its brackets */
    unsigned port;
    size_t path; /* where the path starts in the text; at its end when it has none */
};

/* False when text is not an http or https URL of the strict form; *why then has the
 * reason. Only visible ASCII is taken. */
bool vanta_url_parse(const char *text, struct vanta_url *out, const char **why);

/* Same scheme, host and port. */
bool vanta_url_same_origin(const struct vanta_url *a, const struct vanta_url *b);
/* localhost, 127.0.0.0/8, [::1]. */
bool vanta_url_is_loopback(const struct vanta_url *url);
/* "https://host", with ":port" where it is not the scheme's own. */
void vanta_url_origin(const struct vanta_url *url, char out[VANTA_URL_ORIGIN_MAX]);

/* For messages: without query and fragment (signed addresses carry secrets there). */
void vanta_url_shown(const char *text, char *out, size_t size);

/* Appends text percent-encoded: all but letters, digits, "-._~" and, with keep_slash,
 * '/'. False: memory or the cap. */
bool vanta_url_encode(struct vanta_buf *out, const char *text, bool keep_slash);

#endif
