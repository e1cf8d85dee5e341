/*
 * http.h - GET, HEAD and POST over HTTP(S), with redirects, tokens and time limits under
 * rules.
 *
 * Not responsible for retries, files or digests (fetch.h). Over libcurl, which is loaded
 * by the first request; proxies come from the environment as libcurl reads it, CA files
 * from CURL_CA_BUNDLE, SSL_CERT_FILE and SSL_CERT_DIR, else the system's.
 *
 *     struct vanta_http *http;
 *     vanta_http_new(&options, &http, err);
 *     status = vanta_http_perform(http, &request, &response, err);   // as often as wanted
 *     vanta_http_free(http);
 *
 * Rules: at most 10 redirects, never from https to http; plain http only to loopback
 * unless the request allows it; the token goes to the first URL's origin (scheme, host,
 * port) and is gone for good once a redirect left it, and so are the request's own header
 * lines. The redirect of a POST is never followed. At most 64 KiB of header an answer. A
 * compressed answer is refused: bytes are compared and resumed as they are.
 *
 * Messages name the URL without its query, where signed addresses carry secrets.
 * Threads: one vanta_http may be used by many; connections are kept and reused.
 */
#ifndef VANTA_HTTP_HTTP_H
#define VANTA_HTTP_HTTP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "http/headers.h"
#include "vanta_error.h"

#define VANTA_HTTP_REDIRECTS_MAX 10

struct vanta_http;

struct vanta_http_options {
    int64_t connect_timeout_ms; /* name, connection and TLS; 0: 10,000 */
    int64_t stall_timeout_ms;   /* no byte for so long, or no whole header; 0: 30,000 */
    const atomic_bool *cancel;  /* may be NULL */
};

/* Why no whole answer came. */
enum vanta_http_failure {
    VANTA_HTTP_FINE = 0,
    VANTA_HTTP_NO_NAME,    /* the host's name, or the proxy's, is not known */
    VANTA_HTTP_REFUSED,    /* no connection: refused, no route */
    VANTA_HTTP_NO_CONNECT, /* no connection in time */
    VANTA_HTTP_TLS,        /* the TLS handshake broke */
    VANTA_HTTP_UNTRUSTED,  /* the certificate is not one to trust: interception? */
    VANTA_HTTP_RESET,      /* the connection broke */
    VANTA_HTTP_STALLED,    /* nothing came for too long */
    VANTA_HTTP_PROTOCOL,   /* not an answer that may be used; trying again is no use */
    VANTA_HTTP_CALLER,     /* a callback ended it; its status is returned */
    VANTA_HTTP_LOCAL       /* cancelled, memory, no libcurl */
};

struct vanta_http_response {
    struct vanta_http_headers headers; /* of the last answer; X- fields also of earlier
                                          ones from the first URL's origin */
    char url[VANTA_URL_MAX];           /* that answered last */
    unsigned redirects;
    enum vanta_http_failure failure;
    uint64_t body_bytes;               /* of the last answer, that came */
};

/* Called when an answer's header is whole, before its body: for each redirect and for the
 * final answer. Anything but VANTA_OK ends the request with that status. */
typedef enum vanta_status vanta_http_on_headers(void *arg,
                                                const struct vanta_http_response *r,
                                                bool redirect, struct vanta_error *err);
/* The final answer's body, where its status is 200 to 299 (with error_body: whatever its
 * status). */
typedef enum vanta_status vanta_http_on_body(void *arg, const void *data, size_t len,
                                             struct vanta_error *err);

struct vanta_http_request {
    const char *url;
    bool head;
    bool no_redirects;      /* a redirect is the final answer */
    bool allow_plain;       /* http:// to any host */
    const char *bearer;     /* token; NULL: none */
    uint64_t range_from;    /* > 0: only the bytes from there on */
    uint64_t range_end;     /* > 0: and not those from there on */
    const char *if_range;   /* with a range: a validator; NULL: none */
    const void *post;       /* a POST with this body; NULL: none */
    size_t post_bytes;
    const char *const *lines; /* more of the header, "Name: value", ends with NULL; the
                                 caller has seen to it that none has a line break */
    bool error_body;        /* on_body gets the body of an error, too */
    vanta_http_on_headers *on_headers; /* may be NULL */
    vanta_http_on_body *on_body;       /* may be NULL: the body is dropped */
    void *arg;
};

enum vanta_status vanta_http_new(const struct vanta_http_options *options,
                                 struct vanta_http **out, struct vanta_error *err);
void vanta_http_free(struct vanta_http *http); /* NULL is fine */

/* VANTA_OK: a whole final answer came, whatever its status number. Else response->failure
 * says why not: VANTA_ERR_NETWORK, VANTA_ERR_SERVER (protocol), VANTA_ERR_LIMIT (header
 * or redirects), VANTA_ERR_USAGE (the URL), VANTA_ERR_CANCELLED, NO_MEMORY, TOOL, or what
 * a callback gave. */
enum vanta_status vanta_http_perform(struct vanta_http *http,
                                     const struct vanta_http_request *request,
                                     struct vanta_http_response *response,
                                     struct vanta_error *err);

/* --- several requests side by side, on one thread ---
 *
 *     vanta_http_group_open(http, &group, err);
 *     call = vanta_http_call_start(group, &request, &response, err);  // as often as wanted
 *     while ((ended = vanta_http_group_wait(group, 100)) ...)
 *         status = vanta_http_call_end(ended);
 *     vanta_http_group_close(group);
 *
 * The same rules as for perform, which is one call of a group. Calls that run at one time
 * have connections of their own, over HTTP/2 too; they are kept for later calls.
 * Callbacks run within wait and may not start or end calls. A group belongs to one thread
 * at a time. */

struct vanta_http_group;
struct vanta_http_call;

enum vanta_status vanta_http_group_open(struct vanta_http *http,
                                        struct vanta_http_group **out,
                                        struct vanta_error *err);
/* Ends what still runs. NULL is fine. */
void vanta_http_group_close(struct vanta_http_group *group);
/* request, response and err must live until the call was ended. NULL: no memory, or the
 * address is too long. Everything else is told by wait and end. */
struct vanta_http_call *vanta_http_call_start(struct vanta_http_group *group,
                                              const struct vanta_http_request *request,
                                              struct vanta_http_response *response,
                                              struct vanta_error *err);
/* Moves bytes until a call has ended, once at most for each, or the time is over (NULL).
 * With a call that waits for nothing it returns at once. */
struct vanta_http_call *vanta_http_group_wait(struct vanta_http_group *group,
                                              int timeout_ms);
/* What perform would have returned; a call that still runs is dropped, its connection
 * with it (VANTA_ERR_CANCELLED, and err untouched). Frees the call. */
enum vanta_status vanta_http_call_end(struct vanta_http_call *call);

#endif
