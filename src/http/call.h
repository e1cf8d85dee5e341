/*
 * call.h - one request on its way through its redirects. Inside src/http.
 *
 * Everything that is decided about a single request is here: where it may go, what of its
 * header is taken, what ends it and what is said then. Not responsible for connections and
 * for waiting (http.c).
 *
 *     vanta_http_call_begin(call);                // in the group's multi handle now
 *     if (!vanta_http_call_goes_on(call)) ...     // every moment: cancelled, stalled?
 *     vanta_http_call_answered(call, code);       // libcurl is done with it: ended is set,
 *                                                 // or a redirect is followed
 *
 * Threads: the group's.
 */
#ifndef VANTA_HTTP_CALL_H
#define VANTA_HTTP_CALL_H

#include "http/curl_library.h"
#include "http/http.h"

struct vanta_http_group {
    struct vanta_http *http;
    const struct vanta_http_options *options;
    const struct vanta_curl *curl;
    CURLM *multi;
    CURL *spare; /* of a call that ended; NULL: none */
    struct vanta_http_call *calls;
    struct vanta_http_group *next; /* while nobody uses it */
};

struct vanta_http_call {
    struct vanta_http_group *group;
    const struct vanta_http_options *options;
    const struct vanta_curl *curl;
    const struct vanta_http_request *request;
    struct vanta_http_response *response;
    struct vanta_error *err;
    CURL *easy;
    struct curl_slist *headers;
    struct vanta_http_call *next;
    bool running;  /* libcurl has it */
    bool ended;
    bool reported; /* by vanta_http_group_wait */
    struct vanta_url first, here;
    bool left_origin;
    /* Of the answer that is being read. */
    size_t header_bytes;
    bool header_done;
    bool redirect;
    bool dropped;    /* an unwanted body came too slowly and was left */
    int64_t last_ms; /* when the last byte of use came; 0: not connected yet */
    enum vanta_status stopped; /* by a callback or a rule; VANTA_OK: not */
    char curl_message[CURL_ERROR_SIZE];
};

void vanta_http_call_begin(struct vanta_http_call *x);
void vanta_http_call_answered(struct vanta_http_call *x, CURLcode code);
/* False: stopped says why, or nothing of the body is wanted any more. */
bool vanta_http_call_goes_on(struct vanta_http_call *x);

#endif
