#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "fetch/engine.h"
#include "fetch/package.h"

/* Any answer will do: the question is whether one comes. */
static enum vanta_status ask(struct vanta_fetcher *f, const char *url,
                             struct vanta_error *err)
{
    struct vanta_http_request request = {.url = url,
                                         .head = true,
                                         .no_redirects = true,
                                         .allow_plain = f->options.allow_plain_http};
    struct vanta_http_response *response = malloc(sizeof *response);
    enum vanta_status status;

    if (!response)
        return vanta_fail_memory(err);
    status = vanta_http_perform(f->http, &request, response, err);
    free(response);
    return status;
}

/* Asked once and remembered, in the table that the downloads use too. */
static enum vanta_status probe_origin(struct vanta_fetcher *f, const char *origin,
                                      const char *url, struct vanta_error *err)
{
    struct vanta_error why = {0};
    struct vanta_host host;
    enum vanta_status status = VANTA_OK;
    int64_t now = vanta_clock_ms();

    pthread_mutex_lock(&f->probe_mutex);
    if (vanta_hosts_get(&f->hosts, origin, now, &host)) {
        if (host.down_since_ms != 0) {
            why = host.error;
            status = why.status;
        }
    } else {
        status = ask(f, url, &why);
        if (status == VANTA_OK)
            vanta_hosts_busy(&f->hosts, origin, now); /* known, and nothing against it */
        else if (status != VANTA_ERR_CANCELLED)
            vanta_hosts_failed(&f->hosts, origin, vanta_clock_ms(), &why);
    }
    pthread_mutex_unlock(&f->probe_mutex);
    if (status == VANTA_OK)
        return VANTA_OK;
    vanta_fail(err, status, "%s", why.message);
    vanta_hint(err, "%s", why.hint);
    return status;
}

static enum vanta_status hub_usable(const struct vanta_fetcher *f, struct vanta_error *err)
{
    if (f->options.offline || f->hub.offline)
        return vanta_fail(err, VANTA_ERR_NETWORK, "the hub is not asked in offline mode");
    if (f->hub.error.status == VANTA_OK)
        return VANTA_OK;
    vanta_fail(err, f->hub.error.status, "%s", f->hub.error.message);
    vanta_hint(err, "%s", f->hub.error.hint);
    return f->hub.error.status;
}

static enum vanta_status probe_client(const struct vanta_fetcher *f, const char *index,
                                      struct vanta_error *err)
{
    char path[VANTA_PATH_MAX];

    if (f->options.offline)
        return vanta_fail(err, VANTA_ERR_NETWORK,
                          "package clients are not run in offline mode");
    return vanta_package_client(index, path, NULL, err);
}

enum vanta_status vanta_fetcher_probe(struct vanta_fetcher *f,
                                      const struct vanta_source *source,
                                      struct vanta_error *err)
{
    const struct vanta_locator *l = &source->parts[0];
    char origin[VANTA_URL_ORIGIN_MAX];
    enum vanta_status status;

    if (!(f->options.classes & (unsigned)vanta_source_class(source)))
        return vanta_fail(err, VANTA_ERR_UNSUPPORTED,
                          "sources of the kind \"%s\" are not allowed here",
                          vanta_source_class_name(vanta_source_class(source)));
    vanta_source_origin(f, source, origin);
    switch (l->kind) {
    case VANTA_LOCATOR_HF:
        status = hub_usable(f, err);
        return status == VANTA_OK ? probe_origin(f, origin, f->hub.endpoint, err) : status;
    case VANTA_LOCATOR_URL:
        if (f->options.offline)
            return vanta_fail(err, VANTA_ERR_NETWORK, "%s is not asked in offline mode",
                              origin);
        return probe_origin(f, origin, origin, err);
    case VANTA_LOCATOR_PYPI:
        return probe_client(f, "pypi", err);
    case VANTA_LOCATOR_NPM:
        return probe_client(f, "npm", err);
    case VANTA_LOCATOR_FILE:
        break;
    }
    if (vanta_file_exists(l->path))
        return VANTA_OK;
    return vanta_fail(err, VANTA_ERR_NOT_FOUND, "%s: no such file", l->path);
}

void vanta_reach_hub(struct vanta_fetcher *f, struct vanta_reach *out)
{
    int64_t start = vanta_clock_ms();
    enum vanta_status status;

    memset(out, 0, sizeof *out);
    vanta_format(out->what, sizeof out->what, "%.250s", f->hub.url.host);
    status = hub_usable(f, &out->error);
    if (status == VANTA_OK)
        status = ask(f, f->hub.endpoint, &out->error);
    out->reached = status == VANTA_OK;
    out->milliseconds = vanta_clock_ms() - start;
}

static void reach_client(struct vanta_fetcher *f, const char *index,
                         struct vanta_reach *out)
{
    int64_t start = vanta_clock_ms();
    char path[VANTA_PATH_MAX] = "", version[64] = "";

    (void)f;
    memset(out, 0, sizeof *out);
    out->reached = vanta_package_client(index, path, version, &out->error) == VANTA_OK;
    out->milliseconds = vanta_clock_ms() - start;
    snprintf(out->what, sizeof out->what, "%.180s%s%.60s", path, version[0] ? " " : "",
             version);
}

void vanta_reach_pip(struct vanta_fetcher *f, struct vanta_reach *out)
{
    reach_client(f, "pypi", out);
}

void vanta_reach_npm(struct vanta_fetcher *f, struct vanta_reach *out)
{
    reach_client(f, "npm", out);
}

/* --- what a source costs ---------------------------------------------------------- */

static bool seen_before(const struct vanta_source *source, size_t part)
{
    size_t i;

    for (i = 0; i < part; i++)
        if (source->parts[i].name && source->parts[part].name &&
            strcmp(source->parts[i].name, source->parts[part].name) == 0 &&
            strcmp(source->parts[i].revision, source->parts[part].revision) == 0)
            return true;
    return false;
}

/* Sum of the packages; those of unknown size count as an even share of the item. */
static uint64_t packages_bytes(const struct vanta_fetcher *f,
                               const struct vanta_fetch_item *item,
                               const struct vanta_source *source, uint64_t *largest)
{
    uint64_t sum = 0;
    size_t i;

    *largest = 0;
    for (i = 0; i < source->n_parts; i++) {
        const struct vanta_package *p = vanta_package_of(f, &source->parts[i]);
        uint64_t bytes = p && p->size_bytes >= 0 ? (uint64_t)p->size_bytes
                         : item->size_bytes > 0
                             ? (uint64_t)item->size_bytes / source->n_parts
                             : 0;

        if (seen_before(source, i))
            continue;
        sum += bytes;
        if (bytes > *largest)
            *largest = bytes;
    }
    return sum;
}

uint64_t vanta_fetch_scratch_bytes(const struct vanta_fetcher *f,
                                   const struct vanta_fetch_item *item,
                                   const struct vanta_source *source)
{
    uint64_t sum, largest, copies;

    switch (vanta_source_class(source)) {
    case VANTA_SOURCE_PACKAGES:
        /* All packages lie there until the file is taken out, and the clients that run
         * side by side make a second copy of theirs at their end. */
        sum = packages_bytes(f, item, source, &largest);
        copies = source->n_parts < f->options.jobs ? source->n_parts : f->options.jobs;
        return sum + (largest * copies < sum ? largest * copies : sum);
    case VANTA_SOURCE_HUB:
    case VANTA_SOURCE_WEB:
        /* The partial file becomes the file; an archive or parts lie beside it. */
        return vanta_source_is_bundle(source) && item->size_bytes > 0
                   ? (uint64_t)item->size_bytes
                   : 0;
    default:
        return 0;
    }
}

uint64_t vanta_fetch_network_bytes(const struct vanta_fetcher *f,
                                   const struct vanta_fetch_item *item,
                                   const struct vanta_source *source)
{
    uint64_t largest;

    switch (vanta_source_class(source)) {
    case VANTA_SOURCE_PACKAGES:
        return packages_bytes(f, item, source, &largest);
    case VANTA_SOURCE_FILES:
        return 0;
    default:
        return item->size_bytes > 0 ? (uint64_t)item->size_bytes : 0;
    }
}
