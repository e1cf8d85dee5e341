/* faultd_answer.c - answers as a good server gives them, and parts of them. */
#include "faultd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

const char *faultd_root;

/* An empty file: there is nothing to map. */
#define NOTHING ((void *)"")

const char *load(const char *name, size_t *len)
{
    char path[4096];
    struct stat st;
    void *data = MAP_FAILED;
    int fd;

    snprintf(path, sizeof path, "%s/%s", faultd_root, name);
    fd = strstr(name, "..") ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        *len = (size_t)st.st_size;
        data = *len > 0 ? mmap(NULL, *len, PROT_READ, MAP_PRIVATE, fd, 0) : NOTHING;
    }
    close(fd);
    return data == MAP_FAILED ? NULL : data;
}

void unload(const char *data, size_t len)
{
    if (len > 0)
        munmap((void *)data, len);
}

bool send_all(int fd, const void *data, size_t len)
{
    const char *p = data;

    while (len > 0) {
        ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        p += n;
        len -= (size_t)n;
    }
    return true;
}

bool send_text(int fd, const char *fmt, ...)
{
    char text[8192];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return send_all(fd, text, strlen(text));
}

static const char *reason(int status)
{
    return status < 300 ? "OK" : status < 400 ? "Moved" : "No";
}

bool answer_empty(struct exchange *x, int status, const char *headers)
{
    return send_text(x->fd, "HTTP/1.1 %d %s\r\nContent-Length: 0\r\n%s\r\n", status,
                     reason(status), headers);
}

bool answer_text(struct exchange *x, int status, const char *type,
                        const char *headers, const char *body)
{
    return send_text(x->fd,
                     "HTTP/1.1 %d %s\r\nContent-Length: %zu\r\nContent-Type: %s\r\n%s\r\n",
                     status, reason(status), strlen(body), type, headers) &&
           (strcmp(x->method, "HEAD") == 0 || send_all(x->fd, body, strlen(body)));
}

static bool is_ranged(const struct exchange *x, const struct body *b)
{
    return (x->range_from > 0 || x->range_last >= 0) && !(b->flags & NO_RANGES) &&
           (!x->if_range[0] || strcmp(x->if_range, b->etag) == 0);
}

size_t answer_end(const struct exchange *x, const struct body *b)
{
    return is_ranged(x, b) && x->range_last >= 0 && (size_t)x->range_last < b->len
               ? (size_t)x->range_last + 1
               : b->len;
}

bool answer_header(struct exchange *x, const struct body *b, size_t *from)
{
    bool ranged = is_ranged(x, b);
    size_t end = answer_end(x, b);
    char etag[300] = "", length[300] = "", total[32] = "*";

    *from = ranged ? (size_t)x->range_from : 0;
    if (!(b->flags & NO_ETAG))
        snprintf(etag, sizeof etag, "ETag: %s\r\n", b->etag);
    if (ranged && *from >= b->len)
        return send_text(x->fd,
                         "HTTP/1.1 416 No\r\nContent-Range: bytes */%zu\r\n"
                         "Content-Length: 0\r\n\r\n",
                         b->len) &&
               false;
    if (b->flags & CHUNKED)
        snprintf(length, sizeof length, "Transfer-Encoding: chunked\r\n");
    else if (!(b->flags & NO_LENGTH))
        snprintf(length, sizeof length, "Content-Length: %ld\r\n",
                 (long)(end - *from) + b->declared_more);
    if (!(b->flags & NO_TOTAL))
        snprintf(total, sizeof total, "%zu", b->len + (size_t)b->shift);
    if (ranged)
        return send_text(x->fd,
                         "HTTP/1.1 206 Partial\r\n%s%sContent-Range: bytes "
                         "%ld-%ld/%s\r\n\r\n",
                         length, etag, (long)*from + b->shift,
                         (long)end - 1 + b->shift, total);
    return send_text(x->fd, "HTTP/1.1 200 OK\r\n%s%s%s\r\n", length, etag,
                     b->flags & NO_RANGES ? "" : "Accept-Ranges: bytes\r\n");
}

bool answer_file(struct exchange *x, const struct body *b)
{
    size_t from, len;

    if (!answer_header(x, b, &from))
        return true; /* 416: the connection may go on */
    if (strcmp(x->method, "HEAD") == 0)
        return true;
    len = answer_end(x, b) - from;
    if (b->flags & CHUNKED)
        return send_text(x->fd, "%zx\r\n", len) && send_all(x->fd, b->data + from, len) &&
               send_text(x->fd, "\r\n0\r\n\r\n");
    return send_all(x->fd, b->data + from, len) && !(b->flags & NO_LENGTH);
}

bool answer_cut(struct exchange *x, const struct body *b, long bytes)
{
    size_t from, len;

    if (!answer_header(x, b, &from))
        return true;
    len = answer_end(x, b) - from;
    if ((size_t)bytes >= len)
        return send_all(x->fd, b->data + from, len);
    send_all(x->fd, b->data + from, (size_t)bytes);
    return false;
}
