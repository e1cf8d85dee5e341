#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/path.h"
#include "base/text.h"
#include "fetch/engine.h"

/* A page has at most 1,000 entries of some 300 bytes. */
#define PAGE_BYTES_MAX ((size_t)4 * 1024 * 1024)
#define PAGES_MAX 100

struct page {
    struct vanta_buf text;
    struct vanta_http_response response;
};

static enum vanta_status on_page(void *arg, const void *data, size_t len,
                                 struct vanta_error *err)
{
    struct page *page = arg;

    if (vanta_buf_append(&page->text, data, len))
        return VANTA_OK;
    return vanta_fail(err, VANTA_ERR_LIMIT, "the hub's answer is larger than 4 MiB");
}

static enum vanta_status get_json(struct vanta_fetcher *f, const char *url,
                                  const char *what, const char *repo, const char *revision,
                                  struct page *page, json_t **out, struct vanta_error *err)
{
    struct vanta_http_request request = {
        .url = url,
        .bearer = f->hub.token[0] ? f->hub.token : NULL,
        .on_body = on_page,
        .arg = page};
    enum vanta_status status;

    page->text.len = 0;
    if (!vanta_slots_take(&f->slots, 0, false, f->options.cancel))
        return vanta_fail(err, VANTA_ERR_CANCELLED, "%s: stopped", what);
    status = vanta_http_perform(f->http, &request, &page->response, err);
    vanta_slots_give(&f->slots);
    if (status != VANTA_OK)
        return status;
    if (page->response.headers.status != 200)
        return vanta_hub_refusal(&f->hub, &page->response.headers, what, repo, revision,
                                 err);
    status = vanta_json_load(page->text.data ? page->text.data : "", page->text.len, what,
                             out, err);
    if (status != VANTA_OK)
        vanta_hint(err, "a network that wants you to log in first may answer so: open any "
                        "page in a browser, then run this again");
    return status;
}

/* ENDPOINT/api/models/REPO/KIND/REVISION + tail */
static enum vanta_status api_url(const struct vanta_hub *hub, const char *repo,
                                 const char *kind, const char *revision, const char *tail,
                                 char url[VANTA_URL_MAX], struct vanta_error *err)
{
    struct vanta_buf text = VANTA_BUF(VANTA_URL_MAX - 1);
    bool ok = vanta_buf_printf(&text, "%s/api/models/", hub->endpoint) &&
              vanta_url_encode(&text, repo, true) &&
              vanta_buf_printf(&text, "/%s/", kind) &&
              vanta_url_encode(&text, revision, false) && vanta_buf_puts(&text, tail);

    if (ok)
        memcpy(url, text.data, text.len + 1);
    vanta_buf_free(&text);
    return ok ? VANTA_OK
              : vanta_fail(err, VANTA_ERR_LIMIT, "%s: its address would be too long", repo);
}

/* A branch can move while its pages are read; a commit cannot. */
static enum vanta_status pin(struct vanta_fetcher *f, const char *what, const char *repo,
                             const char *revision, char commit[41], struct page *page,
                             struct vanta_error *err)
{
    struct vanta_json_doc doc = {what};
    enum vanta_status status;
    const char *sha = NULL;
    char url[VANTA_URL_MAX];
    json_t *json = NULL;

    if (vanta_hub_is_commit(revision)) {
        memcpy(commit, revision, 41);
        return VANTA_OK;
    }
    status = api_url(&f->hub, repo, "revision", revision, "", url, err);
    if (status == VANTA_OK)
        status = get_json(f, url, what, repo, revision, page, &json, err);
    if (status == VANTA_OK && !json_is_object(json))
        status = vanta_json_fail(&doc, "", NULL, err, "must be an object");
    if (status == VANTA_OK)
        status = vanta_json_string(&doc, json, "", "sha", true, &sha, err);
    if (status == VANTA_OK && !vanta_hub_is_commit(sha))
        status = vanta_json_fail(&doc, "", "sha", err, "is not a commit");
    if (status == VANTA_OK)
        memcpy(commit, sha, 41);
    json_decref(json);
    return status;
}

static enum vanta_status visit_entry(const struct vanta_json_doc *doc, const json_t *entry,
                                     size_t index, vanta_hub_visit *visit, void *arg,
                                     struct vanta_error *err)
{
    const char *type = "", *path = NULL, *sha256 = "";
    char where[VANTA_JSON_POINTER_MAX];
    enum vanta_status status;
    const json_t *lfs = NULL;
    int64_t size = -1;

    vanta_json_pointer_index(where, "", index);
    if (!json_is_object(entry))
        return vanta_json_fail(doc, where, NULL, err, "must be an object");
    status = vanta_json_string(doc, entry, where, "type", true, &type, err);
    if (status != VANTA_OK || strcmp(type, "file") != 0)
        return status;
    status = vanta_json_string(doc, entry, where, "path", true, &path, err);
    if (status == VANTA_OK)
        status = vanta_json_integer(doc, entry, where, "size", false, 0, INT64_MAX, &size,
                                    err);
    if (status == VANTA_OK)
        status = vanta_json_object(doc, entry, where, "lfs", false, &lfs, err);
    if (status == VANTA_OK && lfs)
        status = vanta_json_string(doc, lfs, where, "oid", false, &sha256, err);
    if (status != VANTA_OK)
        return status;
    /* A name that could not be kept under is nobody's model file. */
    if (!vanta_path_is_safe(path))
        return VANTA_OK;
    return visit(arg, path, size, vanta_sha256_is_hex(sha256) ? sha256 : "", err);
}

static enum vanta_status visit_page(const struct vanta_json_doc *doc, const json_t *json,
                                    vanta_hub_visit *visit, void *arg,
                                    struct vanta_error *err)
{
    enum vanta_status status = VANTA_OK;
    size_t i;

    if (!json_is_array(json))
        return vanta_json_fail(doc, "", NULL, err, "must be an array");
    for (i = 0; i < json_array_size(json) && status == VANTA_OK; i++)
        status = visit_entry(doc, json_array_get(json, i), i, visit, arg, err);
    return status;
}

/* The next page's address; it must be the hub's own, since the token goes with it. */
static enum vanta_status next_page(const struct vanta_hub *hub, const struct page *page,
                                   const char *what, char url[VANTA_URL_MAX],
                                   struct vanta_error *err)
{
    const char *next = page->response.headers.link_next;
    struct vanta_url parsed;

    if (next[0] == '/' && next[1] != '/')
        vanta_format(url, VANTA_URL_MAX, "%s%s", hub->origin, next);
    else
        vanta_format(url, VANTA_URL_MAX, "%s", next);
    if (!url[0])
        return VANTA_OK;
    if (!vanta_url_parse(url, &parsed, NULL) || !vanta_url_same_origin(&parsed, &hub->url))
        return vanta_fail(err, VANTA_ERR_SERVER,
                          "%s: the hub names another server for the next page", what);
    return VANTA_OK;
}

static enum vanta_status list_pages(struct vanta_fetcher *f, const char *what,
                                    const char *repo, const char *commit,
                                    struct page *page, vanta_hub_visit *visit, void *arg,
                                    struct vanta_error *err)
{
    struct vanta_json_doc doc = {what};
    char url[VANTA_URL_MAX];
    enum vanta_status status;
    int pages;

    status = api_url(&f->hub, repo, "tree", commit, "?recursive=true", url, err);
    for (pages = 0; status == VANTA_OK && url[0]; pages++) {
        json_t *json = NULL;

        if (pages == PAGES_MAX)
            return vanta_fail(err, VANTA_ERR_LIMIT, "%s: more than %d pages of files",
                              what, PAGES_MAX);
        status = get_json(f, url, what, repo, commit, page, &json, err);
        if (status == VANTA_OK)
            status = visit_page(&doc, json, visit, arg, err);
        json_decref(json);
        if (status == VANTA_OK)
            status = next_page(&f->hub, page, what, url, err);
    }
    return status;
}

enum vanta_status vanta_hub_list(struct vanta_fetcher *f, const char *repo,
                                 const char *revision, char commit[41],
                                 vanta_hub_visit *visit, void *arg,
                                 struct vanta_error *err)
{
    struct page *page;
    enum vanta_status status;
    char what[256];

    vanta_format(what, sizeof what, "hf:%.200s", repo);
    if (f->options.offline || f->hub.offline) {
        vanta_fail(err, VANTA_ERR_NETWORK, "%s: its files must be asked for, and this is "
                                           "offline mode",
                   what);
        vanta_hint(err, "run this again without --offline and without HF_HUB_OFFLINE");
        return VANTA_ERR_NETWORK;
    }
    if (f->hub.error.status != VANTA_OK) {
        vanta_fail(err, f->hub.error.status, "%s", f->hub.error.message);
        vanta_hint(err, "%s", f->hub.error.hint);
        return f->hub.error.status;
    }
    page = calloc(1, sizeof *page);
    if (!page)
        return vanta_fail_memory(err);
    page->text.max = PAGE_BYTES_MAX;
    status = pin(f, what, repo, revision, commit, page, err);
    if (status == VANTA_OK)
        status = list_pages(f, what, repo, commit, page, visit, arg, err);
    vanta_buf_free(&page->text);
    free(page);
    return status;
}
