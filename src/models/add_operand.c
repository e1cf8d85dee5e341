/* add_operand.c - what is to be added, from what was typed or pasted. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "fetch/hub.h"
#include "fetch/source.h"
#include "models/add_private.h"

#define PARTS_MAX 5 /* ORG/REPO/KIND/REVISION/PATH */

static int hex_value(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Percent-decoding in place. False: malformed, or a NUL in it. */
static bool decode(char *text)
{
    char *out = text;

    for (; *text; text++) {
        char c = *text;

        if (c == '%') {
            int high = hex_value(text[1]), low = high < 0 ? -1 : hex_value(text[2]);

            if (low < 0 || high * 16 + low == 0)
                return false;
            c = (char)(high * 16 + low);
            text += 2;
        }
        *out++ = c;
    }
    *out = '\0';
    return true;
}

/* The notation's own reading decides what may be a repository and a revision. */
static enum vanta_status check_hub(struct add_operand *out, struct vanta_error *err)
{
    struct vanta_source source = {0};
    struct vanta_error why = {0};
    char text[1024], revision[3 * VANTA_REVISION_MAX];

    if (!out->revision[0])
        snprintf(out->revision, sizeof out->revision, "main");
    out->kind = ADD_HUB;
    if (vanta_source_revision_text(out->revision, revision, sizeof revision) &&
        vanta_format(text, sizeof text, "hf:%s@%s/x", out->repo, revision) &&
        vanta_source_parse(text, &source, &why) == VANTA_OK) {
        vanta_source_free(&source);
        return VANTA_OK;
    }
    vanta_fail(err, VANTA_ERR_USAGE, "hf:%s@%s is no repository of the hub", out->repo,
               out->revision);
    vanta_hint(err, "It is written hf:ORG/REPO, hf:ORG/REPO:Q4_K_M or "
                    "hf:ORG/REPO@REVISION:FILE.");
    return VANTA_ERR_USAGE;
}

/* Takes text up to one of the characters of ends (or its end); NULL when too long. */
static const char *take(const char *text, const char *ends, char *out, size_t size)
{
    size_t len = strcspn(text, ends);

    return vanta_format(out, size, "%.*s", (int)len, text) ? text + len : NULL;
}

/* ORG/REPO[@REVISION][:FILE, QUANTIZATION or FOLDER/]; a path behind a slash too. */
static enum vanta_status parse_hf(const char *text, struct add_operand *out,
                                  struct vanta_error *err)
{
    const char *slash = strchr(text, '/'), *p = slash;
    char name[200];

    if (p)
        p = take(slash + 1, "/@:", name, sizeof name);
    if (p && !vanta_format(out->repo, sizeof out->repo, "%.*s/%s", (int)(slash - text),
                           text, name))
        p = NULL;
    if (p && *p == '@') {
        size_t len = vanta_source_revision(p + 1, out->revision);

        p = len > 0 ? p + 1 + len : NULL;
    }
    if (p && *p)
        p = take(p + 1, "", out->selector, sizeof out->selector);
    if (p)
        return check_hub(out, err);
    vanta_fail(err, VANTA_ERR_USAGE, "hf:%s is no repository of the hub", text);
    vanta_hint(err, "It is written hf:ORG/REPO, hf:ORG/REPO:Q4_K_M or "
                    "hf:ORG/REPO@REVISION:FILE.");
    return VANTA_ERR_USAGE;
}

/* Up to ? or #. */
static bool path_only(const char *text, char out[VANTA_PATH_MAX])
{
    return vanta_format(out, VANTA_PATH_MAX, "%.*s", (int)strcspn(text, "?#"), text);
}

/* The path of a page of the hub, behind its host, as it is encoded; false: the address
 * is another's. */
static bool hub_page_path(const char *text, char out[VANTA_PATH_MAX])
{
    static const char *const hosts[] = {"huggingface.co/", "www.huggingface.co/",
                                        "hf.co/"};
    struct vanta_hub hub;
    size_t i, n;

    vanta_hub_read(&hub, NULL, NULL);
    n = strlen(hub.endpoint);
    if (hub.error.status == VANTA_OK && strncmp(text, hub.endpoint, n) == 0 &&
        text[n] == '/')
        return path_only(text + n + 1, out);
    for (i = 0; i < 2; i++)
        if (vanta_has_prefix(text, i ? "http://" : "https://"))
            text += strlen(i ? "http://" : "https://");
    for (i = 0; i < sizeof hosts / sizeof hosts[0]; i++)
        if (vanta_has_prefix(text, hosts[i]))
            return path_only(text + strlen(hosts[i]), out);
    return false;
}

/* The parts are split before they are decoded: a slash within a revision is encoded, or
 * it is one of the hub's own names with plain ones. 0: malformed. */
static size_t split(char *path, char *parts[PARTS_MAX])
{
    char revision[VANTA_REVISION_MAX];
    size_t n = 0, len, i;

    while (*path && n < PARTS_MAX) {
        parts[n++] = path;
        if (n == PARTS_MAX)
            break;
        len = n == 4 ? vanta_source_revision(path, revision) : 0;
        path += len > 0 ? len : strcspn(path, "/");
        if (*path)
            *path++ = '\0';
    }
    for (i = 0; i < n; i++)
        if (!decode(parts[i]))
            return 0;
    return n;
}

static enum vanta_status refuse_page(const char *text, struct vanta_error *err)
{
    vanta_fail(err, VANTA_ERR_USAGE, "%s is no page of a model or of its files", text);
    vanta_hint(err, "Open the model's own page and paste its address, or write "
                    "hf:ORG/REPO.");
    return VANTA_ERR_USAGE;
}

/* ORG/REPO, ORG/REPO/tree/REVISION[/FOLDER], ORG/REPO/blob|resolve|raw/REVISION/FILE. */
static enum vanta_status parse_page(const char *text, char *path,
                                    struct add_operand *out, struct vanta_error *err)
{
    static const char *const others[] = {"datasets", "spaces", "collections", "docs",
                                         "models",   "papers", "api",         "settings"};
    char *parts[PARTS_MAX] = {0};
    size_t n = split(path, parts), i;
    bool tree = n > 2 && strcmp(parts[2], "tree") == 0;
    bool file = n > 2 && (strcmp(parts[2], "blob") == 0 ||
                          strcmp(parts[2], "resolve") == 0 ||
                          strcmp(parts[2], "raw") == 0);

    for (i = 0; n > 0 && i < sizeof others / sizeof others[0]; i++)
        if (strcmp(parts[0], others[i]) == 0)
            return refuse_page(text, err);
    if (n < 2 || (n > 2 && !tree && !file) || (file && n < 5) || (tree && n < 4))
        return refuse_page(text, err);
    if (!vanta_format(out->repo, sizeof out->repo, "%s/%s", parts[0], parts[1]) ||
        (n > 3 && !vanta_format(out->revision, sizeof out->revision, "%s", parts[3])))
        return refuse_page(text, err);
    if (n > 4) {
        size_t len = strlen(parts[4]);

        while (len > 0 && parts[4][len - 1] == '/')
            parts[4][--len] = '\0';
        if (len == 0)
            return check_hub(out, err);
        if (!vanta_format(out->selector, sizeof out->selector, tree ? "%s/" : "%s",
                          parts[4]))
            return refuse_page(text, err);
    }
    return check_hub(out, err);
}

static enum vanta_status parse_url(const char *text, bool has_digest,
                                   struct add_operand *out, struct vanta_error *err)
{
    char path[VANTA_PATH_MAX];
    struct vanta_url url;
    const char *why = "";

    out->kind = ADD_URL;
    if (!vanta_url_parse(text, &url, &why)) {
        vanta_fail(err, VANTA_ERR_USAGE, "%.500s is no usable address: %s", text, why);
        return VANTA_ERR_USAGE;
    }
    if (!url.https && !has_digest) {
        vanta_fail(err, VANTA_ERR_USAGE,
                   "%.500s is plain http: anyone on the way could send other bytes", text);
        vanta_hint(err, "Use its https address, or say what the file must be with "
                        "--sha256.");
        return VANTA_ERR_USAGE;
    }
    if (!path_only(text + url.path, path) || !decode(path))
        return vanta_fail(err, VANTA_ERR_USAGE, "%.500s has a malformed path", text);
    if (!vanta_path_is_safe(vanta_path_base(path)) || vanta_path_base(path)[0] == '.') {
        vanta_fail(err, VANTA_ERR_USAGE, "%.500s does not end in a file's name", text);
        vanta_hint(err, "Name the address of the model file itself.");
        return VANTA_ERR_USAGE;
    }
    if (vanta_format(out->name, sizeof out->name, "%s", vanta_path_base(path)) &&
        vanta_format(out->text, sizeof out->text, "%.*s", (int)strcspn(text, "#"), text))
        return VANTA_OK;
    return vanta_fail(err, VANTA_ERR_USAGE, "%.500s: the address is too long", text);
}

static enum vanta_status parse_local(const char *what, struct add_operand *out,
                                     struct vanta_error *err)
{
    const char *slash = strchr(what, '/');

    out->kind = ADD_LOCAL;
    if (!vanta_path_absolute(out->text, what))
        return vanta_fail(err, VANTA_ERR_USAGE, "%.500s: the path is too long", what);
    if (vanta_file_exists(out->text))
        return VANTA_OK;
    if (vanta_file_is_link(out->text))
        return vanta_fail(err, VANTA_ERR_NOT_FOUND,
                          "%s is a symbolic link to something that is not there", what);
    vanta_fail(err, VANTA_ERR_NOT_FOUND, "there is no file or folder %s", what);
    if (slash && slash != what && !strchr(slash + 1, '/'))
        vanta_hint(err, "If a repository of the model hub is meant: hf:%s", what);
    return VANTA_ERR_NOT_FOUND;
}

enum vanta_status add_operand_parse(const char *what, bool has_digest,
                                    struct add_operand *out, struct vanta_error *err)
{
    char page[VANTA_PATH_MAX];

    memset(out, 0, sizeof *out);
    if (!*what)
        return vanta_fail(err, VANTA_ERR_USAGE, "nothing was named to be added");
    if (vanta_has_prefix(what, "hf:"))
        return parse_hf(what + 3 + (strncmp(what + 3, "//", 2) == 0 ? 2 : 0), out, err);
    if (vanta_has_prefix(what, "file:"))
        return parse_local(what + 5 + (strncmp(what + 5, "///", 3) == 0 ? 2 : 0), out,
                           err);
    if (!vanta_file_exists(what) && hub_page_path(what, page))
        return parse_page(what, page, out, err);
    if (vanta_has_prefix(what, "https://") || vanta_has_prefix(what, "http://"))
        return parse_url(what, has_digest, out, err);
    if (vanta_has_prefix(what, "pkg:") || vanta_has_prefix(what, "oci:") ||
        strstr(what, "://")) {
        vanta_fail(err, VANTA_ERR_USAGE, "%.500s: this kind of source cannot be added",
                   what);
        vanta_hint(err, "A file, a folder, a https address or hf:ORG/REPO can; a package "
                        "needs an entry in a catalog file (vanta catalog check).");
        return VANTA_ERR_USAGE;
    }
    return parse_local(what, out, err);
}
