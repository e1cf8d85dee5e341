/* faultd_hub.c - what stands in for the model hub. The organization's name says how. */
#include "faultd.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMMIT "0123456789abcdef0123456789abcdef01234567"

static void sha256_hex(const char *data, size_t len, char out[65])
{
    unsigned char raw[EVP_MAX_MD_SIZE];
    unsigned n = 0, i;

    EVP_Digest(data, len, raw, &n, EVP_sha256(), NULL);
    for (i = 0; i < n; i++)
        sprintf(out + 2 * i, "%02x", raw[i]);
}

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
    const char *data;

    if (strcmp(org, "small") == 0)
        return answer_empty(x, 307, "Location: /ok/config.json?x=1\r\nX-Repo-Commit: " COMMIT
                                    "\r\nX-Linked-Etag: \"d0\"\r\n");
    data = load(file, &len);
    if (!data)
        return hub_refuse(x, 404, "EntryNotFound", "Entry not found");
    sha256_hex(data, len, digest);
    unload(data, len);
    if (strcmp(org, "stale") == 0)
        memset(digest, '0', 64);
    snprintf(headers, sizeof headers,
             "Location: http://localhost:%d/%s/%s?Signature=SECRET\r\nX-Repo-Commit: " COMMIT
             "\r\nX-Linked-Etag: \"%s\"\r\nX-Linked-Size: %zu\r\nETag: \"%s\"\r\n",
             faultd_port,
             strcmp(org, "expired") == 0 ? "status:403"
             : strcmp(org, "slow") == 0  ? "trickle:50000:20"
             : strcmp(org, "single") == 0 ? "norangeslow:50000:20"
             : strcmp(org, "norange") == 0 ? "norange"
                                         : "ok",
             file, digest, len, digest);
    return answer_empty(x, 302, headers);
}

bool hub_resolve(struct exchange *x, const char *org, const char *file)
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
    const char *data = load("listing.json", &len);
    char *text;
    bool more;

    if (!data)
        return hub_refuse(x, 404, "RepoNotFound", "no listing.json");
    text = strndup(data, len);
    unload(data, len);
    more = answer_text(x, 200, "application/json", "", text);
    free(text);
    return more;
}

bool hub_api(struct exchange *x)
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
             strcmp(org, "evil") == 0 ? "localhost" : "127.0.0.1", faultd_port, x->path);
    return answer_text(x, 200, "application/json", link,
                       "[{\"type\":\"directory\",\"path\":\"sub\",\"size\":0},"
                       "{\"type\":\"file\",\"path\":\"model.gguf\",\"size\":491400032,"
                       "\"lfs\":{\"oid\":\"74a4da8c9fdbcd15bd1f6d01d621410d31c6fc00986f5e"
                       "b687824e7b93d7a9db\",\"size\":491400032}}]");
}
