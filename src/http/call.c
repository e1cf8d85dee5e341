#include "http/call.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"

#define HEADER_BYTES_MAX ((size_t)64 * 1024)
/* A body nobody wants is read so far, to keep the connection; past it, it is closed. */
#define DROP_BYTES_MAX ((uint64_t)64 * 1024)
#define RECEIVE_BYTES (256L * 1024)
#define SHOWN_MAX 512

/* Ends the request by a rule of ours. */
static void stop(struct vanta_http_call *x, enum vanta_http_failure failure,
                 enum vanta_status status, const char *reason)
{
    char shown[SHOWN_MAX];

    vanta_url_shown(x->response->url, shown, sizeof shown);
    x->response->failure = failure;
    x->stopped = vanta_fail(x->err, status, "%s: %s", shown, reason);
}

static bool is_redirect(const struct vanta_http_call *x)
{
    const struct vanta_http_headers *h = &x->response->headers;

    switch (h->status) {
    case 301:
    case 302:
    case 303:
    case 307:
    case 308:
        return h->location[0] && !x->request->no_redirects && !x->request->post;
    default:
        return false;
    }
}

/* The header of an answer is whole. */
static void header_end(struct vanta_http_call *x)
{
    struct vanta_http_headers *h = &x->response->headers;

    if (h->status < 200) {
        if (h->status < 100)
            stop(x, VANTA_HTTP_PROTOCOL, VANTA_ERR_SERVER, "not an HTTP answer");
        return; /* 100 Continue and the like: another header follows */
    }
    x->header_done = true;
    x->last_ms = vanta_clock_ms();
    x->redirect = is_redirect(x);
    if (h->status < 300 && h->content_encoding[0] &&
        !vanta_streq_nocase(h->content_encoding, "identity")) {
        stop(x, VANTA_HTTP_PROTOCOL, VANTA_ERR_SERVER,
             "the answer is compressed although that was not asked for");
        vanta_hint(x->err, "a proxy on the way may do this; try another source or network");
        return;
    }
    if (!x->request->on_headers)
        return;
    x->stopped =
        x->request->on_headers(x->request->arg, x->response, x->redirect, x->err);
    if (x->stopped != VANTA_OK)
        x->response->failure = VANTA_HTTP_CALLER;
}

/* The hub's fields come with the redirect that leads to the file: kept over the answers
 * of the first origin, never taken from another. */
static void keep_hub_fields(struct vanta_http_call *x, const struct vanta_http_headers *before)
{
    struct vanta_http_headers *h = &x->response->headers;

    memcpy(h->linked_etag, before->linked_etag, sizeof h->linked_etag);
    h->linked_size = before->linked_size;
    memcpy(h->commit, before->commit, sizeof h->commit);
}

static void header_line(struct vanta_http_call *x, const char *line, size_t len)
{
    struct vanta_http_headers *h = &x->response->headers;

    if (len > 5 && memcmp(line, "HTTP/", 5) == 0) {
        struct vanta_http_headers before = *h;

        vanta_http_headers_line(h, line, len);
        keep_hub_fields(x, &before);
        return;
    }
    if (x->left_origin && len > 2 && (line[0] | 0x20) == 'x' && line[1] == '-')
        return;
    vanta_http_headers_line(h, line, len);
}

static size_t on_header(char *line, size_t size, size_t n, void *arg)
{
    struct vanta_http_call *x = arg;
    size_t len = size * n;

    if (x->header_done)
        return len; /* trailers */
    x->header_bytes += len;
    if (x->header_bytes > HEADER_BYTES_MAX) {
        stop(x, VANTA_HTTP_PROTOCOL, VANTA_ERR_LIMIT,
             "the answer's header is longer than 64 KiB");
        return 0;
    }
    if (len <= 2 && (len == 0 || line[0] == '\r' || line[0] == '\n'))
        header_end(x);
    else
        header_line(x, line, len);
    return x->stopped == VANTA_OK ? len : 0;
}

/* The body of a redirect, of an error, or one that nobody asked for. */
static bool is_unwanted(const struct vanta_http_call *x)
{
    return x->redirect || !x->request->on_body ||
           (x->response->headers.status >= 300 && !x->request->error_body);
}

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
    struct vanta_http_call *x = arg;
    size_t len = size * n;

    x->response->body_bytes += len;
    if (is_unwanted(x))
        return x->response->body_bytes <= DROP_BYTES_MAX ? len : 0;
    x->stopped = x->request->on_body(x->request->arg, data, len, x->err);
    x->last_ms = vanta_clock_ms(); /* the caller may have held it back */
    if (x->stopped == VANTA_OK)
        return len;
    x->response->failure = VANTA_HTTP_CALLER;
    return 0;
}

/* May this URL be opened? Sets x->here. */
static bool admit(struct vanta_http_call *x)
{
    const char *why = NULL;
    bool was_https = x->here.https;
    char reason[160];

    if (!vanta_url_parse(x->response->url, &x->here, &why)) {
        vanta_format(reason, sizeof reason, "%s: %s",
                     x->response->redirects ? "redirected to an address that is not used"
                                            : "this address cannot be used",
                     why);
        stop(x, VANTA_HTTP_PROTOCOL,
             x->response->redirects ? VANTA_ERR_SERVER : VANTA_ERR_USAGE, reason);
        return false;
    }
    if (x->response->redirects == 0)
        x->first = x->here;
    else if (was_https && !x->here.https) {
        stop(x, VANTA_HTTP_PROTOCOL, VANTA_ERR_SERVER,
             "redirected from https to http, which is not followed");
        return false;
    }
    if (!vanta_url_same_origin(&x->first, &x->here))
        x->left_origin = true;
    if (!x->here.https && !x->request->allow_plain && !vanta_url_is_loopback(&x->here)) {
        stop(x, VANTA_HTTP_PROTOCOL, VANTA_ERR_USAGE,
             "plain http is used for this machine only");
        vanta_hint(x->err, "use an https address, or state the file's SHA-256 with it");
        return false;
    }
    return true;
}

static bool add_header(struct vanta_http_call *x, struct curl_slist **list, const char *name,
                       const char *value)
{
    struct curl_slist *longer = NULL;
    char *text = vanta_strf("%s: %s", name, value);

    if (text)
        longer = x->curl->slist_append(*list, text);
    free(text);
    if (longer)
        *list = longer;
    return longer != NULL;
}

/* What the caller wants in the header besides; no "Expect", which only costs a round. */
static bool own_lines(struct vanta_http_call *x, struct curl_slist **list)
{
    const struct vanta_http_request *r = x->request;
    struct curl_slist *longer;
    size_t i;

    if (r->post && !(longer = x->curl->slist_append(*list, "Expect:")))
        return false;
    if (r->post)
        *list = longer;
    for (i = 0; r->lines && r->lines[i] && !x->left_origin; i++) {
        longer = x->curl->slist_append(*list, r->lines[i]);
        if (!longer)
            return false;
        *list = longer;
    }
    return true;
}

static bool is_ranged(const struct vanta_http_request *r)
{
    return r->range_from > 0 || r->range_end > 0;
}

static bool request_headers(struct vanta_http_call *x, struct curl_slist **list)
{
    const struct vanta_http_request *r = x->request;

    if (!add_header(x, list, "Accept-Encoding", "identity") || !own_lines(x, list))
        return false;
    if (r->bearer && !x->left_origin) {
        char *value = vanta_strf("Bearer %s", r->bearer);
        bool ok = value && add_header(x, list, "Authorization", value);

        free(value);
        if (!ok)
            return false;
    }
    return !is_ranged(r) || !r->if_range ||
           add_header(x, list, "If-Range", r->if_range);
}

/* As curl's own command does; libcurl itself does not look. */
static void set_ca(struct vanta_http_call *x)
{
    const char *file = getenv("CURL_CA_BUNDLE"), *dir = getenv("SSL_CERT_DIR");

    if (!file || !*file)
        file = getenv("SSL_CERT_FILE");
    if (file && *file)
        x->curl->easy_set(x->easy, CURLOPT_CAINFO, file);
    if (dir && *dir)
        x->curl->easy_set(x->easy, CURLOPT_CAPATH, dir);
}

static bool prepare(struct vanta_http_call *x, struct curl_slist *headers)
{
    CURLcode (*set)(CURL *, CURLoption, ...) = x->curl->easy_set;
    const struct vanta_http_options *o = x->options;
    CURL *e = x->easy;
    char range[48];
    bool ok;

    x->curl->easy_reset(e);
    ok = set(e, CURLOPT_URL, x->response->url) == CURLE_OK &&
         set(e, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
         set(e, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
         set(e, CURLOPT_HTTPHEADER, headers) == CURLE_OK &&
         set(e, CURLOPT_HEADERFUNCTION, on_header) == CURLE_OK &&
         set(e, CURLOPT_HEADERDATA, x) == CURLE_OK &&
         set(e, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
         set(e, CURLOPT_WRITEDATA, x) == CURLE_OK &&
         set(e, CURLOPT_CONNECTTIMEOUT_MS, (long)o->connect_timeout_ms) == CURLE_OK &&
         set(e, CURLOPT_PRIVATE, x) == CURLE_OK &&
         set(e, CURLOPT_NOSIGNAL, 1L) == CURLE_OK;
    set(e, CURLOPT_ERRORBUFFER, x->curl_message);
    set(e, CURLOPT_USERAGENT, "vanta/" VANTA_VERSION);
    set(e, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    set(e, CURLOPT_BUFFERSIZE, RECEIVE_BYTES);
    set(e, CURLOPT_TCP_KEEPALIVE, 1L);
    /* What is meant for this machine, a token in plain http too, is no proxy's business. */
    if (vanta_url_is_loopback(&x->here))
        set(e, CURLOPT_NOPROXY, "*");
    set_ca(x);
    if (x->request->head)
        set(e, CURLOPT_NOBODY, 1L);
    if (x->request->post)
        ok = ok && set(e, CURLOPT_POST, 1L) == CURLE_OK &&
             set(e, CURLOPT_POSTFIELDS, x->request->post) == CURLE_OK &&
             set(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)x->request->post_bytes) ==
                 CURLE_OK;
    if (is_ranged(x->request)) {
        vanta_format(range, sizeof range, "%llu-",
                     (unsigned long long)x->request->range_from);
        if (x->request->range_end > 0)
            vanta_format(range + strlen(range), sizeof range - strlen(range), "%llu",
                         (unsigned long long)x->request->range_end - 1);
        ok = ok && set(e, CURLOPT_RANGE, range) == CURLE_OK;
    }
    return ok;
}

static const char *advice_of(enum vanta_http_failure failure)
{
    switch (failure) {
    case VANTA_HTTP_NO_NAME:
        return "check the network and its name server; behind a proxy, set https_proxy";
    case VANTA_HTTP_REFUSED:
    case VANTA_HTTP_NO_CONNECT:
        return "check the network; behind a proxy or firewall, see that https_proxy is set "
               "and right";
    case VANTA_HTTP_UNTRUSTED:
        return "a proxy or virus scanner may be reading TLS here: set CURL_CA_BUNDLE or "
               "SSL_CERT_FILE to a file with its CA certificate, and check the clock";
    case VANTA_HTTP_TLS:
        return "something on the way may not speak TLS: check proxy and firewall";
    case VANTA_HTTP_RESET:
    case VANTA_HTTP_STALLED:
        return "run the same command again: it goes on where it stopped";
    default:
        return NULL;
    }
}

static bool is_connected(struct vanta_http_call *x)
{
    curl_off_t us = 0;

    return x->curl->easy_get(x->easy, CURLINFO_PRETRANSFER_TIME_T, &us) ==
               CURLE_OK &&
           us > 0;
}

/* Cancelled or stalled? Time counts from the connection on; connecting has its own
 * limit. Lines of a header do not count as life: a server that drips them would never
 * end. */
bool vanta_http_call_goes_on(struct vanta_http_call *x)
{
    const struct vanta_http_options *o = x->options;
    int64_t now = vanta_clock_ms();
    char reason[96], time[VANTA_SIZE_TEXT_MAX];

    if (o->cancel && atomic_load(o->cancel)) {
        stop(x, VANTA_HTTP_LOCAL, VANTA_ERR_CANCELLED, "stopped");
        return false;
    }
    if (x->last_ms == 0 && is_connected(x))
        x->last_ms = now;
    if (x->last_ms == 0 || now - x->last_ms <= o->stall_timeout_ms)
        return true;
    if (x->header_done && is_unwanted(x)) {
        x->dropped = true;
        return false;
    }
    vanta_format(reason, sizeof reason, "%s for %s",
                 x->header_done ? "the server sent nothing" : "the server did not answer",
                 vanta_duration_text(o->stall_timeout_ms, time));
    stop(x, VANTA_HTTP_STALLED, VANTA_ERR_NETWORK, reason);
    vanta_hint(x->err, "%s", advice_of(VANTA_HTTP_STALLED));
    return false;
}

static enum vanta_http_failure failure_of(CURLcode code, bool connected)
{
    switch (code) {
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
        return VANTA_HTTP_NO_NAME;
    case CURLE_COULDNT_CONNECT:
    case CURLE_PROXY:
        return VANTA_HTTP_REFUSED;
    case CURLE_OPERATION_TIMEDOUT:
        return connected ? VANTA_HTTP_STALLED : VANTA_HTTP_NO_CONNECT;
    case CURLE_SSL_CONNECT_ERROR:
        return VANTA_HTTP_TLS;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
        return VANTA_HTTP_UNTRUSTED;
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
        /* A proxy that refuses the tunnel ends here too, before any connection. */
        return connected ? VANTA_HTTP_RESET : VANTA_HTTP_REFUSED;
    case CURLE_OUT_OF_MEMORY:
    case CURLE_FAILED_INIT:
        return VANTA_HTTP_LOCAL;
    default:
        return VANTA_HTTP_PROTOCOL;
    }
}

static enum vanta_status fail_transfer(struct vanta_http_call *x, CURLcode code)
{
    const char *reason = x->curl_message[0] ? x->curl_message
                                            : x->curl->easy_strerror(code);
    enum vanta_http_failure failure = failure_of(code, is_connected(x));
    const char *advice = advice_of(failure);
    enum vanta_status status = failure == VANTA_HTTP_LOCAL      ? VANTA_ERR_NO_MEMORY
                               : failure == VANTA_HTTP_PROTOCOL ? VANTA_ERR_SERVER
                                                                : VANTA_ERR_NETWORK;
    char shown[SHOWN_MAX];
    long errnum = 0;

    vanta_url_shown(x->response->url, shown, sizeof shown);
    x->response->failure = failure;
    switch (failure) {
    case VANTA_HTTP_NO_NAME:
        vanta_fail(x->err, status, "%s: the name cannot be resolved (%s)", shown, reason);
        break;
    case VANTA_HTTP_REFUSED:
        x->curl->easy_get(x->easy, CURLINFO_OS_ERRNO, &errnum);
        vanta_fail(x->err, status, "%s: no connection (%s)", shown,
                   errnum ? strerror((int)errnum) : reason);
        break;
    case VANTA_HTTP_UNTRUSTED:
        if (code == CURLE_SSL_CACERT_BADFILE) {
            vanta_fail(x->err, status, "%s: there are no certificates to trust (%s)", shown,
                       reason);
            advice = "let CURL_CA_BUNDLE or SSL_CERT_FILE name a file of certificates, or "
                     "unset them and install the system's (ca-certificates)";
            break;
        }
        vanta_fail(x->err, status, "%s: the server's certificate cannot be trusted (%s)",
                   shown, reason);
        break;
    case VANTA_HTTP_RESET:
        vanta_fail(x->err, status, "%s: the connection broke after %llu bytes (%s)", shown,
                   (unsigned long long)x->response->body_bytes, reason);
        break;
    default:
        vanta_fail(x->err, status, "%s: %s", shown, reason);
    }
    if (advice)
        vanta_hint(x->err, "%s", advice);
    return status;
}

/* Turns response->url into where the redirect leads. */
static enum vanta_status follow(struct vanta_http_call *x)
{
    const struct vanta_curl *curl = x->curl;
    enum vanta_status status = VANTA_OK;
    CURLU *url = curl->url();
    char *text = NULL;

    if (!url)
        return vanta_fail_memory(x->err);
    if (curl->url_set(url, CURLUPART_URL, x->response->url, 0) != CURLUE_OK ||
        curl->url_set(url, CURLUPART_URL, x->response->headers.location,
                      CURLU_URLENCODE) != CURLUE_OK ||
        curl->url_get(url, CURLUPART_URL, &text, 0) != CURLUE_OK ||
        strlen(text) >= sizeof x->response->url) {
        stop(x, VANTA_HTTP_PROTOCOL, VANTA_ERR_SERVER,
             "redirected to something that is not an http or https address");
        status = x->stopped;
    } else {
        memcpy(x->response->url, text, strlen(text) + 1);
    }
    curl->free(text);
    curl->url_cleanup(url);
    return status;
}

/* Sends one request: the first, or the next of its redirects. */
static void begin(struct vanta_http_call *x)
{
    if (!admit(x))
        return;
    x->header_bytes = 0;
    x->header_done = x->redirect = x->dropped = false;
    x->last_ms = 0;
    x->curl_message[0] = '\0';
    x->response->body_bytes = 0;
    if (request_headers(x, &x->headers) && prepare(x, x->headers) &&
        x->curl->multi_add(x->group->multi, x->easy) == CURLM_OK) {
        x->running = true;
        return;
    }
    x->response->failure = VANTA_HTTP_LOCAL;
    x->stopped = vanta_fail(x->err, VANTA_ERR_TOOL, "libcurl refused the request");
}

static void forget_headers(struct vanta_http_call *x)
{
    x->curl->easy_set(x->easy, CURLOPT_HTTPHEADER, NULL);
    x->curl->slist_free(x->headers);
    x->headers = NULL;
}

void vanta_http_call_begin(struct vanta_http_call *x)
{
    begin(x);
    if (!x->running) {
        forget_headers(x);
        x->ended = true;
    }
}

void vanta_http_call_answered(struct vanta_http_call *x, CURLcode code)
{
    x->curl->multi_remove(x->group->multi, x->easy);
    x->running = false;
    forget_headers(x);
    x->ended = true;
    if (x->stopped != VANTA_OK)
        return;
    /* A body that nobody wants and is too long to read was cut by on_body. */
    if (code != CURLE_OK && !x->dropped && !(code == CURLE_WRITE_ERROR && x->header_done)) {
        x->stopped = fail_transfer(x, code);
        return;
    }
    if (!x->redirect)
        return;
    if (x->response->redirects == VANTA_HTTP_REDIRECTS_MAX) {
        stop(x, VANTA_HTTP_PROTOCOL, VANTA_ERR_LIMIT,
             "redirected more than 10 times: the server sends requests in a circle");
        return;
    }
    x->response->redirects++;
    if (follow(x) != VANTA_OK)
        return;
    x->ended = false;
    vanta_http_call_begin(x);
}
