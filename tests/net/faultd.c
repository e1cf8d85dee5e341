/*
 * faultd.c - an HTTP server that misbehaves on purpose, for the network tests.
 *
 *     faultd ROOT LOG PORT_FILE
 *
 * Serves the files of ROOT on a free port of the loopback, whose number it writes to
 * PORT_FILE (or on the port that FAULTD_PORT names). The first part of a path says how: /reset:100000/NAME resets the connection
 * after 100,000 bytes of each answer. The table at the end lists all of them, and what
 * stands in for the model hub. Each connection and request is a line of LOG.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define REQUEST_MAX 16384
#define COMMIT "0123456789abcdef0123456789abcdef01234567"

static const char *root;
static FILE *log_file;
static int port;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

/* One request and what is sent for it. */
struct exchange {
    int fd;
    char request[REQUEST_MAX];
    char method[8];
    char path[2048]; /* without the query */
    char query[512];
    char host[256];
    char authorization[256];
    char if_range[256];
    long range_from; /* -1: no Range */
    const char *name; /* file below ROOT; points into path */
    long args[2];     /* of the scenario; -1: not given */
    unsigned count;   /* how often this path was asked for, from 1 */
};

static void sleep_ms(long ms)
{
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};

    nanosleep(&time, NULL);
}

static void write_log(const char *fmt, ...)
{
    va_list args;

    pthread_mutex_lock(&mutex);
    va_start(args, fmt);
    vfprintf(log_file, fmt, args);
    va_end(args);
    fflush(log_file);
    pthread_mutex_unlock(&mutex);
}

static bool send_all(int fd, const void *data, size_t len)
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

static bool send_text(int fd, const char *fmt, ...)
{
    char text[8192];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return send_all(fd, text, strlen(text));
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

static char *load(const char *name, size_t *len)
{
    char path[4096];
    struct stat st;
    char *data;
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", root, name);
    file = strstr(name, "..") ? NULL : fopen(path, "rb");
    if (!file || fstat(fileno(file), &st) != 0 || !S_ISREG(st.st_mode)) {
        if (file)
            fclose(file);
        return NULL;
    }
    data = malloc((size_t)st.st_size + 1);
    *len = data ? fread(data, 1, (size_t)st.st_size, file) : 0;
    fclose(file);
    return data;
}

static void sha256_hex(const char *data, size_t len, char out[65])
{
    unsigned char raw[EVP_MAX_MD_SIZE];
    unsigned n = 0, i;

    EVP_Digest(data, len, raw, &n, EVP_sha256(), NULL);
    for (i = 0; i < n; i++)
        sprintf(out + 2 * i, "%02x", raw[i]);
}

/* --- answers ---------------------------------------------------------------------- */

static const char *reason(int status)
{
    return status < 300 ? "OK" : status < 400 ? "Moved" : "No";
}

static bool answer_empty(struct exchange *x, int status, const char *headers)
{
    return send_text(x->fd, "HTTP/1.1 %d %s\r\nContent-Length: 0\r\n%s\r\n", status,
                     reason(status), headers);
}

static bool answer_text(struct exchange *x, int status, const char *type,
                        const char *headers, const char *body)
{
    return send_text(x->fd,
                     "HTTP/1.1 %d %s\r\nContent-Length: %zu\r\nContent-Type: %s\r\n%s\r\n",
                     status, reason(status), strlen(body), type, headers) &&
           (strcmp(x->method, "HEAD") == 0 || send_all(x->fd, body, strlen(body)));
}

enum { NO_RANGES = 1, NO_ETAG = 2, CHUNKED = 4, NO_LENGTH = 8 };

struct body {
    const char *data;
    size_t len;
    const char *etag;
    unsigned flags;
    long declared_more; /* added to the length that is stated */
    long shift;         /* added to the start that Content-Range states */
};

/* The header of a file's answer; *from gets where the body starts. */
static bool answer_header(struct exchange *x, const struct body *b, size_t *from)
{
    bool ranged = x->range_from > 0 && !(b->flags & NO_RANGES) &&
                  (!x->if_range[0] || strcmp(x->if_range, b->etag) == 0);
    char etag[300] = "", length[300] = "";

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
                 (long)(b->len - *from) + b->declared_more);
    if (ranged)
        return send_text(x->fd,
                         "HTTP/1.1 206 Partial\r\n%s%sContent-Range: bytes "
                         "%ld-%ld/%zu\r\n\r\n",
                         length, etag, (long)*from + b->shift,
                         (long)b->len - 1 + b->shift, b->len + (size_t)b->shift);
    return send_text(x->fd, "HTTP/1.1 200 OK\r\n%s%s%s\r\n", length, etag,
                     b->flags & NO_RANGES ? "" : "Accept-Ranges: bytes\r\n");
}

static bool answer_file(struct exchange *x, const struct body *b)
{
    size_t from, len;

    if (!answer_header(x, b, &from))
        return true; /* 416: the connection may go on */
    if (strcmp(x->method, "HEAD") == 0)
        return true;
    len = b->len - from;
    if (b->flags & CHUNKED)
        return send_text(x->fd, "%zx\r\n", len) && send_all(x->fd, b->data + from, len) &&
               send_text(x->fd, "\r\n0\r\n\r\n");
    return send_all(x->fd, b->data + from, len) && !(b->flags & NO_LENGTH);
}

/* Sends only so many bytes of the body; false when that was not all. */
static bool answer_cut(struct exchange *x, const struct body *b, long bytes)
{
    size_t from, len;

    if (!answer_header(x, b, &from))
        return true;
    len = b->len - from;
    if ((size_t)bytes >= len)
        return send_all(x->fd, b->data + from, len);
    send_all(x->fd, b->data + from, (size_t)bytes);
    return false;
}

/* --- scenarios: true when the connection may take another request ------------------ */

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

static bool do_nolength(struct exchange *x, struct body *b)
{
    b->flags = NO_LENGTH | NO_RANGES;
    return answer_file(x, b);
}

static bool do_reset(struct exchange *x, struct body *b)
{
    if (answer_cut(x, b, x->args[0]))
        return true;
    sleep_ms(30); /* what was sent should arrive */
    reset(x->fd);
    return false;
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

static bool do_stall(struct exchange *x, struct body *b)
{
    if (answer_cut(x, b, x->args[0]))
        return true;
    hang(x->fd);
    return false;
}

/* stallonce: only the first request. */
static bool do_stallonce(struct exchange *x, struct body *b)
{
    return x->count > 1 ? answer_file(x, b) : do_stall(x, b);
}

static bool do_trickle(struct exchange *x, struct body *b)
{
    size_t from, step = (size_t)x->args[0];

    if (!answer_header(x, b, &from))
        return true;
    for (; from < b->len; from += step) {
        size_t n = b->len - from < step ? b->len - from : step;

        if (!send_all(x->fd, b->data + from, n))
            return false;
        sleep_ms(x->args[1]);
    }
    return true;
}

static bool do_noetagslow(struct exchange *x, struct body *b)
{
    b->flags = NO_ETAG;
    return do_trickle(x, b);
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

static bool do_html(struct exchange *x, struct body *b)
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

static bool redirect(struct exchange *x, int status, const char *fmt, ...)
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
        return redirect(x, 302, "/redirect:%ld/%s", x->args[0] - 1, x->name);
    return redirect(x, 302, "/%s", x->name);
}

static bool do_loop(struct exchange *x, struct body *b)
{
    (void)b;
    return redirect(x, 301, "%s", x->path);
}

/* To another origin: the same server by its other name. */
static bool do_elsewhere(struct exchange *x, struct body *b)
{
    (void)b;
    return redirect(x, 302, "http://%s:%d/%s",
                    strncmp(x->host, "localhost", 9) == 0 ? "127.0.0.1" : "localhost",
                    port, x->name);
}

static bool do_tofile(struct exchange *x, struct body *b)
{
    (void)b;
    return redirect(x, 302, "file:///etc/passwd");
}

static bool do_toremote(struct exchange *x, struct body *b)
{
    (void)b;
    return redirect(x, 302, "http://192.0.2.1/%s", x->name);
}

/* changed:N - reset after N bytes of version 1, then NAME.v2 with its own ETag;
 * changedblind: as a server that ignores If-Range. */
static bool do_changed(struct exchange *x, struct body *b)
{
    char other[2100];
    size_t len;
    char *data;
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
    free(data);
    return again;
}

static bool do_changedblind(struct exchange *x, struct body *b)
{
    x->if_range[0] = '\0';
    return do_changed(x, b);
}

static bool do_gzip(struct exchange *x, struct body *b)
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

static bool do_flood(struct exchange *x, struct body *b)
{
    int i;

    (void)b;
    send_text(x->fd, "HTTP/1.1 200 OK\r\n");
    for (i = 0; i < 100000; i++)
        if (!send_text(x->fd, "X-Flood-%d: %0100d\r\n", i, i))
            return false;
    return false;
}

static bool do_slowheaders(struct exchange *x, struct body *b)
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

/* --- the model hub ---------------------------------------------------------------- */

static bool hub_refuse(struct exchange *x, int status, const char *code,
                       const char *message)
{
    char headers[600] = "";

    if (code)
        snprintf(headers, sizeof headers, "X-Error-Code: %s\r\nX-Error-Message: %s\r\n",
                 code, message);
    else if (message)
        snprintf(headers, sizeof headers, "X-Error-Message: %s\r\n", message);
    return answer_text(x, status, "text/plain", headers, message ? message : "no");
}

static bool hub_file(struct exchange *x, const char *org, const char *file)
{
    char digest[65], headers[1200];
    size_t len;
    char *data;

    if (strcmp(org, "small") == 0)
        return answer_empty(x, 307, "Location: /ok/config.json?x=1\r\nX-Repo-Commit: " COMMIT
                                    "\r\nX-Linked-Etag: \"d0\"\r\n");
    data = load(file, &len);
    if (!data)
        return hub_refuse(x, 404, "EntryNotFound", "Entry not found");
    sha256_hex(data, len, digest);
    free(data);
    if (strcmp(org, "stale") == 0)
        memset(digest, '0', 64);
    snprintf(headers, sizeof headers,
             "Location: http://localhost:%d/%s/%s?Signature=SECRET\r\nX-Repo-Commit: " COMMIT
             "\r\nX-Linked-Etag: \"%s\"\r\nX-Linked-Size: %zu\r\nETag: \"%s\"\r\n",
             port,
             strcmp(org, "expired") == 0 ? "status:403"
             : strcmp(org, "slow") == 0  ? "trickle:50000:20"
                                         : "ok",
             file, digest, len, digest);
    return answer_empty(x, 302, headers);
}

static bool hub_resolve(struct exchange *x, const char *org, const char *file)
{
    if (strcmp(org, "gated") == 0 && strcmp(x->authorization, "Bearer hf_good") != 0)
        return hub_refuse(x, x->authorization[0] ? 403 : 401, "GatedRepo",
                          "Access to model is restricted");
    if (strcmp(org, "disabled") == 0)
        return hub_refuse(x, 403, NULL, "Access to this resource is disabled.");
    if (strcmp(org, "private") == 0)
        return hub_refuse(x, 401, NULL, "Invalid username or password.");
    if (strcmp(org, "norev") == 0)
        return hub_refuse(x, 404, "RevisionNotFound", "Invalid rev id");
    if (strcmp(x->authorization, "Bearer hf_bad") == 0)
        return hub_refuse(x, 401, NULL, "Invalid credentials in Authorization header");
    return hub_file(x, org, file);
}

/* The organization "listed" has what listing.json of ROOT says. */
static bool answer_listing(struct exchange *x)
{
    size_t len;
    char *data = load("listing.json", &len);
    bool more;

    if (!data)
        return hub_refuse(x, 404, "RepoNotFound", "no listing.json");
    data[len] = '\0';
    more = answer_text(x, 200, "application/json", "", data);
    free(data);
    return more;
}

/* /api/models/ORG/REPO/{revision,tree}/REV */
static bool hub_api(struct exchange *x)
{
    char org[64] = "", link[2200] = "";

    sscanf(x->path, "/api/models/%63[^/]", org);
    if (strcmp(org, "norepo") == 0)
        return hub_refuse(x, 401, "RepoNotFound", "Invalid username or password.");
    if (strcmp(org, "broken") == 0)
        return answer_text(x, 200, "application/json", "", "[{\"type\": \"file\", ");
    if (strcmp(org, "listed") == 0 && strstr(x->path, "/tree/"))
        return answer_listing(x);
    if (strstr(x->path, "/revision/"))
        return answer_text(x, 200, "application/json", "", "{\"sha\": \"" COMMIT "\"}");
    if (strstr(x->query, "cursor=2"))
        return answer_text(x, 200, "application/json", "",
                           "[{\"type\":\"file\",\"path\":\"sub/config.json\",\"size\":2,"
                           "\"oid\":\"44136fa355b3678a1146ad16f7e8649e94fb4fc2\"},"
                           "{\"type\":\"file\",\"path\":\"../evil\",\"size\":2}]");
    snprintf(link, sizeof link,
             "Link: <http://%s:%d%s?recursive=true&cursor=2>; rel=\"next\"\r\n",
             strcmp(org, "evil") == 0 ? "localhost" : "127.0.0.1", port, x->path);
    return answer_text(x, 200, "application/json", link,
                       "[{\"type\":\"directory\",\"path\":\"sub\",\"size\":0},"
                       "{\"type\":\"file\",\"path\":\"model.gguf\",\"size\":491400032,"
                       "\"lfs\":{\"oid\":\"74a4da8c9fdbcd15bd1f6d01d621410d31c6fc00986f5e"
                       "b687824e7b93d7a9db\",\"size\":491400032}}]");
}

/* --- requests --------------------------------------------------------------------- */

static const struct {
    const char *name;
    bool (*run)(struct exchange *x, struct body *b);
    bool no_file;
} scenarios[] = {
    {"ok", do_ok, false},
    {"norange", do_norange, false},
    {"chunked", do_chunked, false},
    {"nolength", do_nolength, false},
    {"reset", do_reset, false},           /* :BYTES */
    {"norangereset", do_norangereset, false}, /* :BYTES:TIMES */
    {"cut", do_cut, false},               /* :BYTES, a clean end too early */
    {"stall", do_stall, false},           /* :BYTES */
    {"stallonce", do_stallonce, false},   /* :BYTES */
    {"trickle", do_trickle, false},       /* :BYTES:MS */
    {"noetagslow", do_noetagslow, false}, /* :BYTES:MS */
    {"short", do_short, false},           /* :BYTES, honestly stated */
    {"chunkshort", do_chunkshort, false}, /* :BYTES */
    {"long", do_long, false},             /* :BYTES, honestly stated */
    {"chunklong", do_chunklong, false},   /* without end */
    {"wrong", do_wrong, false},
    {"html", do_html, true},
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
    {"gzip", do_gzip, false},
    {"lierange", do_lierange, false}, /* :BYTES */
    {"part", do_part, false},
    {"flood", do_flood, true},
    {"slowheaders", do_slowheaders, true},
    {"silent", do_silent, true},
    {"garbage", do_garbage, true},
};

static unsigned count_path(const char *path)
{
    static struct {
        char path[2048];
        unsigned count;
    } seen[256];
    unsigned count = 1;
    size_t i;

    pthread_mutex_lock(&mutex);
    for (i = 0; i < 255 && seen[i].path[0]; i++)
        if (strncmp(seen[i].path, path, sizeof seen[i].path - 1) == 0)
            break;
    snprintf(seen[i].path, sizeof seen[i].path, "%s", path);
    count = ++seen[i].count;
    pthread_mutex_unlock(&mutex);
    return count;
}

static bool serve_scenario(struct exchange *x)
{
    char word[64] = "";
    size_t i;

    x->args[0] = x->args[1] = -1;
    sscanf(x->path, "/%63[a-z0-9]:%ld:%ld", word, &x->args[0], &x->args[1]);
    x->name = strchr(x->path + 1, '/');
    for (i = 0; x->name && i < sizeof scenarios / sizeof scenarios[0]; i++) {
        struct body body = {.etag = "\"v1\""};
        char *data = NULL;
        bool again;

        if (strcmp(scenarios[i].name, word) != 0)
            continue;
        x->name++;
        if (!scenarios[i].no_file && !(data = load(x->name, &body.len)))
            return answer_empty(x, 404, "");
        body.data = data;
        again = scenarios[i].run(x, &body);
        free(data);
        return again;
    }
    return answer_empty(x, 404, "");
}

static bool serve(struct exchange *x)
{
    char org[64] = "";
    const char *resolve = strstr(x->path, "/resolve/"), *file;

    if (strncmp(x->path, "/api/models/", 12) == 0)
        return hub_api(x);
    if (resolve && sscanf(x->path, "/%63[^/]", org) == 1) {
        file = strchr(resolve + 9, '/');
        return file ? hub_resolve(x, org, file + 1) : answer_empty(x, 404, "");
    }
    if (strcmp(x->path, "/") == 0)
        return answer_empty(x, 200, "");
    return serve_scenario(x);
}

static void take_header(const char *line, const char *name, char *out, size_t size)
{
    size_t n = strlen(name);

    if (strncasecmp(line, name, n) == 0)
        snprintf(out, size, "%s", line + n);
}

static bool parse(struct exchange *x)
{
    char target[2048] = "", range[64] = "", *line, *save = NULL, *query;

    if (sscanf(x->request, "%7s %2047s", x->method, target) != 2)
        return false;
    query = strchr(target, '?');
    if (query) {
        *query = '\0';
        snprintf(x->query, sizeof x->query, "%s", query + 1);
    }
    snprintf(x->path, sizeof x->path, "%s", target);
    x->range_from = -1;
    for (line = strtok_r(x->request, "\r\n", &save); line;
         line = strtok_r(NULL, "\r\n", &save)) {
        take_header(line, "Host: ", x->host, sizeof x->host);
        take_header(line, "Authorization: ", x->authorization, sizeof x->authorization);
        take_header(line, "If-Range: ", x->if_range, sizeof x->if_range);
        take_header(line, "Range: bytes=", range, sizeof range);
    }
    if (range[0])
        x->range_from = strtol(range, NULL, 10);
    return true;
}

/* One request of a connection; false: no more of them. */
static bool serve_one(int fd)
{
    struct exchange *x = calloc(1, sizeof *x);
    size_t len = 0;
    bool again = false;

    x->fd = fd;
    while (len + 1 < sizeof x->request && !strstr(x->request, "\r\n\r\n")) {
        ssize_t n = recv(fd, x->request + len, 1, 0);

        if (n <= 0) {
            free(x);
            return false;
        }
        len += (size_t)n;
    }
    if (parse(x)) {
        x->count = count_path(x->path);
        write_log("%s %s%s%s host=%s range=%ld if-range=%s auth=%s\n", x->method, x->path,
                  x->query[0] ? "?" : "", x->query, x->host, x->range_from,
                  x->if_range[0] ? x->if_range : "-",
                  x->authorization[0] ? x->authorization : "-");
        again = serve(x);
    }
    free(x);
    return again;
}

static void *connection(void *arg)
{
    int fd = (int)(long)arg;

    write_log("CONNECTION\n");
    while (serve_one(fd))
        continue;
    close(fd);
    return NULL;
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof address;
    int server = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    FILE *file;

    if (argc != 4 || !(log_file = fopen(argv[2], "a"))) {
        fprintf(stderr, "usage: faultd ROOT LOG PORT_FILE\n");
        return 2;
    }
    root = argv[1];
    signal(SIGPIPE, SIG_IGN);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (getenv("FAULTD_PORT")) {
        setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        address.sin_port = htons((unsigned short)atoi(getenv("FAULTD_PORT")));
    }
    if (bind(server, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(server, 64) != 0 ||
        getsockname(server, (struct sockaddr *)&address, &len) != 0) {
        perror("faultd");
        return 1;
    }
    port = ntohs(address.sin_port);
    file = fopen(argv[3], "w");
    if (!file || fprintf(file, "%d\n", port) < 0 || fclose(file) != 0) {
        perror(argv[3]);
        return 1;
    }
    for (;;) {
        int fd = accept(server, NULL, NULL);
        pthread_t thread;

        if (fd < 0)
            continue;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        if (pthread_create(&thread, NULL, connection, (void *)(long)fd) == 0)
            pthread_detach(thread);
        else
            close(fd);
    }
}
