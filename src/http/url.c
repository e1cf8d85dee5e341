#include "http/url.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define DIGITS "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyz"

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* Copies the host that starts at p; returns what follows it, NULL when it is odd. */
static const char *parse_host(const char *p, char host[VANTA_URL_HOST_MAX])
{
    bool ipv6 = *p == '[';
    size_t n = 0, dots;

    for (; *p && !strchr("/?#", *p) && (ipv6 || *p != ':'); p++) {
        if (n + 1 >= VANTA_URL_HOST_MAX)
            return NULL;
        host[n++] = lower(*p);
        if (ipv6 && *p == ']') {
            p++;
            break;
        }
    }
    host[n] = '\0';
    if (ipv6)
        return n > 3 && host[n - 1] == ']' &&
                       strspn(host + 1, DIGITS "abcdef:.") == n - 2
                   ? p
                   : NULL;
    dots = strspn(host, DIGITS LETTERS "._-");
    return n > 0 && dots == n && host[0] != '.' && host[0] != '-' && !strstr(host, "..")
               ? p
               : NULL;
}

static const char *parse_port(const char *p, unsigned *port)
{
    size_t digits = strspn(++p, DIGITS), i;

    if (digits == 0 || digits > 5)
        return NULL;
    *port = 0;
    for (i = 0; i < digits; i++)
        *port = *port * 10 + (unsigned)(p[i] - '0');
    return *port > 0 && *port <= 65535 ? p + digits : NULL;
}

static bool refuse(const char **why, const char *reason)
{
    if (why)
        *why = reason;
    return false;
}

bool vanta_url_parse(const char *text, struct vanta_url *out, const char **why)
{
    const char *p = text, *c, *end;

    memset(out, 0, sizeof *out);
    if (strlen(text) >= VANTA_URL_MAX)
        return refuse(why, "it is too long");
    for (c = text; *c; c++)
        if (*c <= ' ' || *c > '~' || *c == '\\')
            return refuse(why, "it has a character that must be percent-encoded");
    if (strncmp(p, "https://", 8) == 0)
        out->https = true;
    else if (strncmp(p, "http://", 7) != 0)
        return refuse(why, "it does not start with https://");
    p += out->https ? 8 : 7;
    out->port = out->https ? 443 : 80;
    end = p + strcspn(p, "/?#");
    if (memchr(p, '@', (size_t)(end - p)))
        return refuse(why, "a user name or password in the address is not taken");
    p = parse_host(p, out->host);
    if (!p)
        return refuse(why, "its host is not a name or address");
    if (*p == ':' && !(p = parse_port(p, &out->port)))
        return refuse(why, "its port is not a number from 1 to 65535");
    if (p != end)
        return refuse(why, "its host is not a name or address");
    out->path = (size_t)(p - text);
    return true;
}

bool vanta_url_same_origin(const struct vanta_url *a, const struct vanta_url *b)
{
    return a->https == b->https && a->port == b->port && strcmp(a->host, b->host) == 0;
}

bool vanta_url_is_loopback(const struct vanta_url *url)
{
    struct in_addr address;

    if (strcmp(url->host, "localhost") == 0 || strcmp(url->host, "[::1]") == 0)
        return true;
    return inet_pton(AF_INET, url->host, &address) == 1 &&
           ntohl(address.s_addr) >> 24 == 127;
}

void vanta_url_origin(const struct vanta_url *url, char out[VANTA_URL_ORIGIN_MAX])
{
    const char *scheme = url->https ? "https" : "http";

    if (url->port == (url->https ? 443U : 80U))
        snprintf(out, VANTA_URL_ORIGIN_MAX, "%s://%s", scheme, url->host);
    else
        snprintf(out, VANTA_URL_ORIGIN_MAX, "%s://%s:%u", scheme, url->host, url->port);
}

void vanta_url_shown(const char *text, char *out, size_t size)
{
    size_t n = strcspn(text, "?#");

    if (n >= size)
        n = size - 1;
    memcpy(out, text, n);
    out[n] = '\0';
}

bool vanta_url_encode(struct vanta_buf *out, const char *text, bool keep_slash)
{
    const unsigned char *p = (const unsigned char *)text;

    for (; *p; p++) {
        char c = (char)*p;
        bool plain = (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') ||
                     strchr("-._~", c) || (keep_slash && c == '/');

        if (plain ? !vanta_buf_append(out, &c, 1) : !vanta_buf_printf(out, "%%%02X", *p))
            return false;
    }
    return true;
}
