#include "fetch/hub.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/path.h"
#include "base/text.h"

#define PUBLIC_ENDPOINT "https://huggingface.co"
#define TOKEN_FILE_MAX 4096

static const char *variable(const char *name)
{
    const char *value = getenv(name);

    return value && *value ? value : NULL;
}

/* As the hub's own client reads its switches. */
static bool is_on(const char *name)
{
    const char *value = variable(name);

    return value &&
           (strcmp(value, "1") == 0 || vanta_streq_nocase(value, "on") ||
            vanta_streq_nocase(value, "yes") || vanta_streq_nocase(value, "true"));
}

static void read_endpoint(struct vanta_hub *hub, const char *given)
{
    const char *text = given && *given ? given : variable("HF_ENDPOINT");
    const char *why = NULL;
    size_t n;

    if (!text)
        text = PUBLIC_ENDPOINT;
    n = strlen(text);
    while (n > 0 && text[n - 1] == '/')
        n--;
    if (n >= sizeof hub->endpoint)
        n = 0;
    memcpy(hub->endpoint, text, n);
    hub->endpoint[n] = '\0';
    if (!vanta_url_parse(hub->endpoint, &hub->url, &why))
        vanta_fail(&hub->error, VANTA_ERR_USAGE,
                   "the hub's address in HF_ENDPOINT cannot be used: %s", why);
    else if (strpbrk(hub->endpoint, "?#"))
        vanta_fail(&hub->error, VANTA_ERR_USAGE,
                   "the hub's address in HF_ENDPOINT has a query or fragment");
    else if (!hub->url.https && !vanta_url_is_loopback(&hub->url))
        vanta_fail(&hub->error, VANTA_ERR_USAGE,
                   "HF_ENDPOINT is plain http, which is used for this machine only");
    vanta_hint(&hub->error, "set HF_ENDPOINT to an https address, or unset it");
    if (hub->error.status == VANTA_OK) {
        hub->error.hint[0] = '\0';
        vanta_url_origin(&hub->url, hub->origin);
    }
}

/* It becomes part of a header: visible characters only. */
static void take_token(struct vanta_hub *hub, const char *text, const char *from)
{
    size_t n = strspn(text, " \t\r\n"), len, i;

    text += n;
    len = strlen(text);
    while (len > 0 && strchr(" \t\r\n", text[len - 1]))
        len--;
    for (i = 0; i < len; i++)
        if (text[i] <= ' ' || text[i] > '~')
            break;
    if (i < len || len >= sizeof hub->token) {
        vanta_fail(&hub->error, VANTA_ERR_AUTH, "%s holds something that is no token",
                   from);
        vanta_hint(&hub->error, "set it to the token alone, or unset it");
        return;
    }
    memcpy(hub->token, text, len);
    hub->token[len] = '\0';
    if (len > 0)
        hub->token_from = from;
}

static bool token_file(char path[VANTA_PATH_MAX])
{
    const char *given = variable("HF_TOKEN_PATH"), *home = variable("HF_HOME");
    char cache[VANTA_PATH_MAX];

    if (given)
        return vanta_format(path, VANTA_PATH_MAX, "%s", given);
    if (home)
        return vanta_path_join(path, home, "token");
    return vanta_path_xdg_cache(cache) &&
           vanta_path_join(path, cache, "huggingface/token");
}

static void read_token(struct vanta_hub *hub, const char *given)
{
    struct vanta_buf text = VANTA_BUF(TOKEN_FILE_MAX);
    char path[VANTA_PATH_MAX];

    if (given && *given) {
        take_token(hub, given, "the given token");
        return;
    }
    if (is_on("HF_HUB_DISABLE_IMPLICIT_TOKEN"))
        return;
    if (variable("HF_TOKEN"))
        take_token(hub, variable("HF_TOKEN"), "HF_TOKEN");
    else if (variable("HUGGING_FACE_HUB_TOKEN"))
        take_token(hub, variable("HUGGING_FACE_HUB_TOKEN"), "HUGGING_FACE_HUB_TOKEN");
    else if (token_file(path) && vanta_file_read(path, &text, NULL) == VANTA_OK &&
             text.data)
        take_token(hub, text.data, "the token file");
    vanta_buf_free(&text);
}

void vanta_hub_read(struct vanta_hub *hub, const char *endpoint, const char *token)
{
    memset(hub, 0, sizeof *hub);
    hub->token_from = "";
    hub->offline = is_on("HF_HUB_OFFLINE");
    read_endpoint(hub, endpoint);
    if (hub->error.status == VANTA_OK)
        read_token(hub, token);
}

enum vanta_status vanta_hub_file_url(const struct vanta_hub *hub,
                                     const struct vanta_locator *locator,
                                     char url[VANTA_URL_MAX], struct vanta_error *err)
{
    struct vanta_buf text = VANTA_BUF(VANTA_URL_MAX - 1);
    bool ok = vanta_buf_printf(&text, "%s/", hub->endpoint) &&
              vanta_buf_puts(&text, locator->name) && vanta_buf_puts(&text, "/resolve/") &&
              vanta_url_encode(&text, locator->revision, false) &&
              vanta_buf_puts(&text, "/") && vanta_url_encode(&text, locator->path, true);

    if (ok)
        memcpy(url, text.data, text.len + 1);
    vanta_buf_free(&text);
    return ok ? VANTA_OK
              : vanta_fail(err, VANTA_ERR_LIMIT, "%s: its address would be too long",
                           locator->text);
}

void vanta_hub_page(const struct vanta_hub *hub, const char *repo, char *out, size_t size)
{
    vanta_format(out, size, "%s/%s", hub->endpoint, repo);
}

bool vanta_hub_is_commit(const char *revision)
{
    return strspn(revision, "0123456789abcdef") == 40 && revision[40] == '\0';
}

static enum vanta_status refuse_gated(const struct vanta_hub *hub, const char *what,
                                      const char *page, struct vanta_error *err)
{
    if (hub->token[0]) {
        vanta_fail(err, VANTA_ERR_AUTH,
                   "%s: the repository is gated, and the token from %s has no access to it",
                   what, hub->token_from);
        vanta_hint(err,
                   "ask for access at %s with the account the token belongs to, "
                   "and give the token the right to read gated repositories",
                   page);
    } else {
        vanta_fail(err, VANTA_ERR_AUTH,
                   "%s: the repository is gated: its owner asks who downloads", what);
        vanta_hint(err, "accept the terms at %s, then set HF_TOKEN to a token of that "
                        "account (%s/settings/tokens)",
                   page, hub->endpoint);
    }
    return VANTA_ERR_AUTH;
}

static enum vanta_status refuse_token(const struct vanta_hub *hub, const char *what,
                                      struct vanta_error *err)
{
    vanta_fail(err, VANTA_ERR_AUTH, "%s: the hub does not know the token from %s", what,
               hub->token_from[0] ? hub->token_from : "the request");
    vanta_hint(err, "renew the token at %s/settings/tokens, or unset it: "
                    "public models need none",
               hub->endpoint);
    return VANTA_ERR_AUTH;
}

static enum vanta_status refuse_unknown_repo(const struct vanta_hub *hub,
                                             const char *what, const char *repo,
                                             const char *page, struct vanta_error *err)
{
    vanta_fail(err, hub->token[0] ? VANTA_ERR_NOT_FOUND : VANTA_ERR_AUTH,
               "%s: the hub shows no repository %s: there is none, or it is private", what,
               repo);
    vanta_hint(err, "check the name at %s; for a private one set HF_TOKEN", page);
    return hub->token[0] ? VANTA_ERR_NOT_FOUND : VANTA_ERR_AUTH;
}

enum vanta_status vanta_hub_refusal(const struct vanta_hub *hub,
                                    const struct vanta_http_headers *h, const char *what,
                                    const char *repo, const char *revision,
                                    struct vanta_error *err)
{
    bool auth = h->status == 401 || h->status == 403;
    char page[700];

    vanta_hub_page(hub, repo, page, sizeof page);
    if (strcmp(h->error_code, "GatedRepo") == 0)
        return refuse_gated(hub, what, page, err);
    if (strstr(h->error_message, "access to this resource is disabled") ||
        strstr(h->error_message, "Access to this resource is disabled")) {
        vanta_fail(err, VANTA_ERR_SERVER, "%s: the hub has disabled this repository",
                   what);
        vanta_hint(err, "see %s for why; take another model or source", page);
        return VANTA_ERR_SERVER;
    }
    if (strstr(h->error_message, "Invalid credentials in Authorization"))
        return refuse_token(hub, what, err);
    if (strcmp(h->error_code, "EntryNotFound") == 0) {
        vanta_fail(err, VANTA_ERR_NOT_FOUND, "%s: the repository has no such file", what);
        vanta_hint(err, "see %s/tree/%s for what it has", page, revision);
        return VANTA_ERR_NOT_FOUND;
    }
    if (strcmp(h->error_code, "RevisionNotFound") == 0) {
        vanta_fail(err, VANTA_ERR_NOT_FOUND, "%s: the repository has no revision %s", what,
                   revision);
        vanta_hint(err, "see %s/commits/main for what it has", page);
        return VANTA_ERR_NOT_FOUND;
    }
    if (strcmp(h->error_code, "RepoNotFound") == 0 || auth)
        return refuse_unknown_repo(hub, what, repo, page, err);
    if (h->status == 404 || h->status == 410)
        return vanta_fail(err, VANTA_ERR_NOT_FOUND, "%s: the hub has no such file (%d)",
                          what, h->status);
    return vanta_fail(err, VANTA_ERR_SERVER, "%s: the hub answered %d%s%s", what,
                      h->status, h->error_message[0] ? ": " : "", h->error_message);
}
