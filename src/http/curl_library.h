/*
 * curl_library.h - libcurl, loaded when the first request is made.
 *
 * Only its headers are needed to build. The table is filled once and then read-only, so
 * any thread may use it. The functions are libcurl's own (man 3 curl_easy_perform ...).
 */
#ifndef VANTA_HTTP_CURL_LIBRARY_H
#define VANTA_HTTP_CURL_LIBRARY_H

#include <curl/curl.h>

#include "vanta_error.h"

struct vanta_curl {
    CURLcode (*global_init)(long flags);
    CURL *(*easy_init)(void);
    void (*easy_cleanup)(CURL *easy);
    void (*easy_reset)(CURL *easy);
    CURLcode (*easy_set)(CURL *easy, CURLoption option, ...);
    CURLcode (*easy_get)(CURL *easy, CURLINFO info, ...);
    const char *(*easy_strerror)(CURLcode code);
    CURLM *(*multi_init)(void);
    CURLMcode (*multi_set)(CURLM *multi, CURLMoption option, ...);
    CURLMcode (*multi_cleanup)(CURLM *multi);
    CURLMcode (*multi_add)(CURLM *multi, CURL *easy);
    CURLMcode (*multi_remove)(CURLM *multi, CURL *easy);
    CURLMcode (*multi_perform)(CURLM *multi, int *running);
    CURLMcode (*multi_poll)(CURLM *multi, struct curl_waitfd *extra, unsigned n,
                            int timeout_ms, int *ready);
    CURLMsg *(*multi_info)(CURLM *multi, int *left);
    struct curl_slist *(*slist_append)(struct curl_slist *list, const char *text);
    void (*slist_free)(struct curl_slist *list);
    CURLU *(*url)(void);
    void (*url_cleanup)(CURLU *url);
    CURLUcode (*url_set)(CURLU *url, CURLUPart part, const char *text, unsigned flags);
    CURLUcode (*url_get)(const CURLU *url, CURLUPart part, char **text, unsigned flags);
    void (*free)(void *memory);
};

/* Loads on the first call. VANTA_ERR_TOOL when libcurl is missing or too old. */
enum vanta_status vanta_curl_get(const struct vanta_curl **out, struct vanta_error *err);

#endif
