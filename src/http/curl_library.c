#include "http/curl_library.h"

#include <pthread.h>

#include "base/error.h"
#include "base/library.h"

static struct vanta_curl table;
static struct vanta_error load_error;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static const char *const names[] = {
    VANTA_CURL_LIBRARY,
#ifdef __APPLE__
    "/opt/homebrew/opt/curl/lib/libcurl.4.dylib",
    "/usr/local/opt/curl/lib/libcurl.4.dylib",
    "/usr/lib/libcurl.4.dylib",
#else
    "libcurl.so.4",
    "libcurl-gnutls.so.4",
    "libcurl.so",
#endif
    NULL,
};

static const struct vanta_library_symbol symbols[] = {
    {"curl_global_init", &table.global_init},
    {"curl_easy_init", &table.easy_init},
    {"curl_easy_cleanup", &table.easy_cleanup},
    {"curl_easy_reset", &table.easy_reset},
    {"curl_easy_setopt", &table.easy_set},
    {"curl_easy_getinfo", &table.easy_get},
    {"curl_easy_strerror", &table.easy_strerror},
    {"curl_multi_init", &table.multi_init},
    {"curl_multi_setopt", &table.multi_set},
    {"curl_multi_cleanup", &table.multi_cleanup},
    {"curl_multi_add_handle", &table.multi_add},
    {"curl_multi_remove_handle", &table.multi_remove},
    {"curl_multi_perform", &table.multi_perform},
    {"curl_multi_poll", &table.multi_poll},
    {"curl_multi_info_read", &table.multi_info},
    {"curl_slist_append", &table.slist_append},
    {"curl_slist_free_all", &table.slist_free},
    {"curl_url", &table.url},
    {"curl_url_cleanup", &table.url_cleanup},
    {"curl_url_set", &table.url_set},
    {"curl_url_get", &table.url_get},
    {"curl_free", &table.free},
};

static void load(void)
{
    if (vanta_library_load(names, "libcurl", symbols, sizeof symbols / sizeof symbols[0],
                           &load_error) != VANTA_OK)
        return;
    if (table.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        vanta_fail(&load_error, VANTA_ERR_TOOL, "libcurl could not start");
}

enum vanta_status vanta_curl_get(const struct vanta_curl **out, struct vanta_error *err)
{
    pthread_once(&once, load);
    if (load_error.status == VANTA_OK) {
        *out = &table;
        return VANTA_OK;
    }
    vanta_fail(err, load_error.status, "%s", load_error.message);
    vanta_hint(err, "%s", load_error.hint);
    return load_error.status;
}
