#include "http/http.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "http/call.h"

#define POLL_MS 100

struct vanta_http {
    struct vanta_http_options options;
    pthread_mutex_t mutex; /* guards idle */
    struct vanta_http_group *idle;
};

enum vanta_status vanta_http_new(const struct vanta_http_options *options,
                                 struct vanta_http **out, struct vanta_error *err)
{
    struct vanta_http *http = calloc(1, sizeof *http);

    if (!http)
        return vanta_fail_memory(err);
    http->options = *options;
    if (http->options.connect_timeout_ms <= 0)
        http->options.connect_timeout_ms = 10000;
    if (http->options.stall_timeout_ms <= 0)
        http->options.stall_timeout_ms = 30000;
    pthread_mutex_init(&http->mutex, NULL);
    *out = http;
    return VANTA_OK;
}

static void group_free(struct vanta_http_group *group)
{
    if (group->spare)
        group->curl->easy_cleanup(group->spare);
    if (group->multi)
        group->curl->multi_cleanup(group->multi);
    free(group);
}

void vanta_http_free(struct vanta_http *http)
{
    struct vanta_http_group *group, *next;

    if (!http)
        return;
    for (group = http->idle; group; group = next) {
        next = group->next;
        group_free(group);
    }
    pthread_mutex_destroy(&http->mutex);
    free(http);
}

enum vanta_status vanta_http_group_open(struct vanta_http *http,
                                        struct vanta_http_group **out,
                                        struct vanta_error *err)
{
    const struct vanta_curl *curl;
    struct vanta_http_group *group;
    enum vanta_status status = vanta_curl_get(&curl, err);

    *out = NULL;
    if (status != VANTA_OK)
        return status;
    pthread_mutex_lock(&http->mutex);
    group = http->idle;
    if (group)
        http->idle = group->next;
    pthread_mutex_unlock(&http->mutex);
    if (!group) {
        group = calloc(1, sizeof *group);
        if (!group)
            return vanta_fail_memory(err);
        group->http = http;
        group->options = &http->options;
        group->curl = curl;
        group->multi = curl->multi_init();
        if (!group->multi) {
            free(group);
            return vanta_fail_memory(err);
        }
        /* Side by side means connections of their own, over HTTP/2 too: what several
         * streams gain over a line that loses packets, they lose again when one
         * connection's loss holds back all of them. */
        curl->multi_set(group->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    }
    *out = group;
    return VANTA_OK;
}

void vanta_http_group_close(struct vanta_http_group *group)
{
    if (!group)
        return;
    while (group->calls)
        vanta_http_call_end(group->calls);
    pthread_mutex_lock(&group->http->mutex);
    group->next = group->http->idle;
    group->http->idle = group;
    pthread_mutex_unlock(&group->http->mutex);
}

struct vanta_http_call *vanta_http_call_start(struct vanta_http_group *group,
                                              const struct vanta_http_request *request,
                                              struct vanta_http_response *response,
                                              struct vanta_error *err)
{
    struct vanta_http_call *x;

    memset(response, 0, sizeof *response);
    vanta_http_headers_start(&response->headers);
    response->failure = VANTA_HTTP_LOCAL;
    if (!vanta_format(response->url, sizeof response->url, "%s", request->url)) {
        vanta_fail(err, VANTA_ERR_USAGE, "an address of more than %d bytes",
                   VANTA_URL_MAX - 1);
        return NULL;
    }
    x = calloc(1, sizeof *x);
    if (x)
        x->easy = group->spare ? group->spare : group->curl->easy_init();
    if (!x || !x->easy) {
        free(x);
        vanta_fail_memory(err);
        return NULL;
    }
    group->spare = NULL;
    x->group = group;
    x->options = group->options;
    x->curl = group->curl;
    x->request = request;
    x->response = response;
    x->err = err;
    x->next = group->calls;
    group->calls = x;
    response->failure = VANTA_HTTP_FINE;
    vanta_http_call_begin(x);
    return x;
}

/* Lets libcurl work, and ends what is over. */
static void step(struct vanta_http_group *group)
{
    const struct vanta_curl *curl = group->curl;
    struct vanta_http_call *x;
    CURLMsg *done;
    int running, left;

    if (curl->multi_perform(group->multi, &running) != CURLM_OK)
        for (x = group->calls; x; x = x->next)
            if (x->running)
                vanta_http_call_answered(x, CURLE_FAILED_INIT);
    while ((done = curl->multi_info(group->multi, &left))) {
        CURLcode code = done->data.result;
        char *call = NULL;

        if (done->msg != CURLMSG_DONE ||
            curl->easy_get(done->easy_handle, CURLINFO_PRIVATE, &call) != CURLE_OK || !call)
            continue;
        vanta_http_call_answered((struct vanta_http_call *)(void *)call, code);
    }
    for (x = group->calls; x; x = x->next)
        if (x->running && !vanta_http_call_goes_on(x))
            vanta_http_call_answered(x, CURLE_ABORTED_BY_CALLBACK);
}

static struct vanta_http_call *find_ended(struct vanta_http_group *group)
{
    struct vanta_http_call *x;

    for (x = group->calls; x; x = x->next)
        if (x->ended && !x->reported) {
            x->reported = true;
            return x;
        }
    return NULL;
}

struct vanta_http_call *vanta_http_group_wait(struct vanta_http_group *group,
                                              int timeout_ms)
{
    int64_t quarter_ms = group->options->stall_timeout_ms / 4 + 1;
    struct vanta_http_call *x;

    if (timeout_ms > quarter_ms)
        timeout_ms = (int)quarter_ms;
    x = find_ended(group);
    if (x)
        return x;
    step(group);
    x = find_ended(group);
    if (x || !group->calls)
        return x;
    group->curl->multi_poll(group->multi, NULL, 0, timeout_ms, NULL);
    step(group);
    return find_ended(group);
}

enum vanta_status vanta_http_call_end(struct vanta_http_call *x)
{
    struct vanta_http_group *group = x->group;
    struct vanta_http_call **p = &group->calls;
    enum vanta_status status;

    if (!x->ended) {
        x->stopped = VANTA_ERR_CANCELLED;
        x->response->failure = VANTA_HTTP_CALLER;
        vanta_http_call_answered(x, CURLE_ABORTED_BY_CALLBACK);
    }
    status = x->stopped;
    while (*p != x)
        p = &(*p)->next;
    *p = x->next;
    if (group->spare)
        group->curl->easy_cleanup(x->easy);
    else
        group->spare = x->easy;
    free(x);
    return status;
}

enum vanta_status vanta_http_perform(struct vanta_http *http,
                                     const struct vanta_http_request *request,
                                     struct vanta_http_response *response,
                                     struct vanta_error *err)
{
    struct vanta_http_group *group;
    struct vanta_http_call *call;
    enum vanta_status status;

    memset(response, 0, sizeof *response);
    vanta_http_headers_start(&response->headers);
    response->failure = VANTA_HTTP_LOCAL;
    status = vanta_http_group_open(http, &group, err);
    if (status != VANTA_OK)
        return status;
    call = vanta_http_call_start(group, request, response, err);
    if (call) {
        while (!vanta_http_group_wait(group, POLL_MS))
            continue;
        status = vanta_http_call_end(call);
    } else {
        status = err ? err->status : VANTA_ERR_NO_MEMORY;
    }
    vanta_http_group_close(group);
    return status;
}
