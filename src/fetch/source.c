#include "fetch/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/path.h"
#include "base/text.h"
#include "http/url.h"

#define SOURCE_TEXT_MAX 4096
#define NAME_MAX_BYTES 128
#define REVISION_MAX_BYTES (VANTA_REVISION_MAX - 1)

#define DIGITS "0123456789"
#define SMALL "abcdefghijklmnopqrstuvwxyz"
#define LARGE "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define ALNUM DIGITS SMALL LARGE

static enum vanta_status refuse(struct vanta_error *err, const char *text,
                                const char *why)
{
    return vanta_fail(err, VANTA_ERR_FORMAT, "source \"%.300s\": %s", text, why);
}

/* len bytes, all of them from set, the first a letter or digit. */
static bool is_word(const char *text, size_t len, const char *set, size_t max)
{
    size_t i;

    if (len == 0 || len > max || !strchr(ALNUM, text[0]))
        return false;
    for (i = 0; i < len; i++)
        if (!strchr(set, text[i]))
            return false;
    return true;
}

/* One part of ORG/REPO: no "..", no "--", as the hub has it. */
static bool is_repo_part(const char *text, size_t len)
{
    size_t i;

    if (!is_word(text, len, ALNUM "._-", 96) || text[len - 1] == '.' ||
        text[len - 1] == '-')
        return false;
    for (i = 1; i < len; i++)
        if (text[i] == text[i - 1] && (text[i] == '.' || text[i] == '-'))
            return false;
    return true;
}

/* Whether all copies that this kind has were made. */
static enum vanta_status check_copies(const struct vanta_locator *l,
                                      struct vanta_error *err)
{
    bool named = l->kind != VANTA_LOCATOR_URL && l->kind != VANTA_LOCATOR_FILE;

    return l->path && (!named || (l->name && l->revision)) ? VANTA_OK
                                                           : vanta_fail_memory(err);
}

/* The hub's own names with slashes; one word follows. 0: text is none of them. */
static size_t ref_prefix(const char *text)
{
    static const char *const prefixes[] = {"refs/pr/", "refs/convert/"};
    size_t i, len;

    for (i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        len = strlen(prefixes[i]);
        if (strncmp(text, prefixes[i], len) == 0)
            return len;
    }
    return 0;
}

/* Each part between slashes as a name of its own: no "..", no empty one. */
static bool is_revision(const char *revision)
{
    size_t prefix = ref_prefix(revision), len;

    if (prefix == strlen("refs/pr/") &&
        strspn(revision + prefix, DIGITS) != strlen(revision + prefix))
        return false;
    for (;; revision += len + 1) {
        len = strcspn(revision, "/");
        if (!is_word(revision, len, ALNUM "._-", REVISION_MAX_BYTES))
            return false;
        if (!revision[len])
            return true;
    }
}

size_t vanta_source_revision(const char *text, char out[VANTA_REVISION_MAX])
{
    size_t start = ref_prefix(text), end = start + strcspn(text + start, "/:"), i, n = 0;

    for (i = 0; i < end; i++) {
        char c = text[i];

        if (c == '%') {
            if (text[i + 1] != '2' || (text[i + 2] != 'F' && text[i + 2] != 'f'))
                return 0;
            c = '/';
            i += 2;
        }
        if (n + 1 >= VANTA_REVISION_MAX)
            return 0;
        out[n++] = c;
    }
    out[n] = '\0';
    return is_revision(out) ? end : 0;
}

bool vanta_source_revision_text(const char *revision, char *out, size_t size)
{
    size_t keep = ref_prefix(revision), i, n = 0;

    for (i = 0; revision[i]; i++) {
        bool slash = revision[i] == '/' && i >= keep;

        if (n + (slash ? 3 : 1) >= size)
            return false;
        memcpy(out + n, slash ? "%2F" : &revision[i], slash ? 3 : 1);
        n += slash ? 3 : 1;
    }
    out[n] = '\0';
    return true;
}

/* hf:ORG/REPO@REVISION/PATH, p behind "hf:". */
static enum vanta_status parse_hf(const char *text, const char *p,
                                  struct vanta_locator *out, struct vanta_error *err)
{
    const char *at = strchr(p, '@'), *org_end = strchr(p, '/');
    char revision[VANTA_REVISION_MAX];
    size_t len;

    if (!at)
        return refuse(err, text, "no @REVISION behind hf:ORG/REPO");
    if (!org_end || org_end > at || !is_repo_part(p, (size_t)(org_end - p)) ||
        !is_repo_part(org_end + 1, (size_t)(at - org_end) - 1))
        return refuse(err, text, "what stands before the @ is not ORG/REPO");
    if (!strchr(at, '/'))
        return refuse(err, text, "no /PATH behind the revision");
    len = vanta_source_revision(at + 1, revision);
    if (len == 0 || at[1 + len] == ':')
        return refuse(err, text, "the revision is not a commit, branch or tag name "
                                 "(a slash in one is written %2F)");
    if (at[1 + len] != '/')
        return refuse(err, text, "no /PATH behind the revision");
    if (!vanta_path_is_safe(at + 1 + len + 1))
        return refuse(err, text, "its path is not a plain relative one");
    out->kind = VANTA_LOCATOR_HF;
    out->name = vanta_strndup(p, (size_t)(at - p));
    out->revision = vanta_strdup(revision);
    out->path = vanta_strdup(at + 1 + len + 1);
    return check_copies(out, err);
}

/* PEP 503: lower case, and each run of "-", "_", "." is one "-". */
static char *normalize_pypi(const char *name, size_t len)
{
    char *out = malloc(len + 1);
    size_t i, n = 0;

    if (!out)
        return NULL;
    for (i = 0; i < len; i++) {
        char c = name[i];

        if (strchr("-_.", c)) {
            if (n > 0 && out[n - 1] == '-')
                continue;
            c = '-';
        }
        out[n++] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
    }
    out[n] = '\0';
    return out;
}

/* NAME or @SCOPE/NAME. */
static bool is_npm_name(const char *name, size_t len)
{
    const char *slash;
    size_t scope;

    if (len > 0 && name[0] == '@') {
        slash = memchr(name, '/', len);
        if (!slash)
            return false;
        scope = (size_t)(slash - name) - 1;
        if (!is_word(name + 1, scope, DIGITS SMALL "._-", NAME_MAX_BYTES))
            return false;
        len -= scope + 2;
        name = slash + 1;
    }
    return is_word(name, len, DIGITS SMALL "._-", NAME_MAX_BYTES);
}

/* NAME@VERSION#MEMBER, p at the name. */
static enum vanta_status parse_package(const char *text, const char *p, bool npm,
                                       struct vanta_locator *out,
                                       struct vanta_error *err)
{
    const char *hash = strchr(p, '#'), *at;
    size_t name_len, version_len;

    if (!hash)
        return refuse(err, text, "no #MEMBER behind the package's version");
    at = hash;
    while (at > p && *at != '@')
        at--;
    if (at == p)
        return refuse(err, text, "no @VERSION behind the package's name");
    name_len = (size_t)(at - p);
    version_len = (size_t)(hash - at) - 1;
    if (npm ? !is_npm_name(p, name_len)
            : !is_word(p, name_len, ALNUM "._-", NAME_MAX_BYTES) ||
                  !strchr(ALNUM, at[-1]))
        return refuse(err, text, "this cannot be a package's name");
    if (!is_word(at + 1, version_len, ALNUM ".+!_-", REVISION_MAX_BYTES))
        return refuse(err, text, "this cannot be a package's version");
    if (!vanta_path_is_safe(hash + 1))
        return refuse(err, text, "its member is not a plain relative path");
    out->kind = npm ? VANTA_LOCATOR_NPM : VANTA_LOCATOR_PYPI;
    out->name = npm ? vanta_strndup(p, name_len) : normalize_pypi(p, name_len);
    out->revision = vanta_strndup(at + 1, version_len);
    out->path = vanta_strdup(hash + 1);
    return check_copies(out, err);
}

static enum vanta_status parse_url(const char *text, struct vanta_locator *out,
                                   struct vanta_error *err)
{
    struct vanta_url url;
    const char *why = NULL;
    char reason[200];

    if (!vanta_url_parse(text, &url, &why)) {
        vanta_format(reason, sizeof reason, "not a usable address: %s", why);
        return refuse(err, text, reason);
    }
    if (strchr(text, '#'))
        return refuse(err, text, "an address of a file has no #fragment");
    if (text[url.path] != '/' || strchr("?", text[url.path + 1]))
        return refuse(err, text, "no /PATH behind the host");
    out->kind = VANTA_LOCATOR_URL;
    out->path = vanta_strdup(text);
    return check_copies(out, err);
}

/* file:/ABSOLUTE/PATH, and file:///ABSOLUTE/PATH; p behind "file:". */
static enum vanta_status parse_file(const char *text, const char *p,
                                    struct vanta_locator *out, struct vanta_error *err)
{
    if (strncmp(p, "///", 3) == 0)
        p += 2;
    if (p[0] != '/' || p[1] == '/')
        return refuse(err, text, "a file's path must be absolute, as in file:/PATH");
    if (!vanta_path_is_safe(p + 1))
        return refuse(err, text, "its path is not a plain one");
    out->kind = VANTA_LOCATOR_FILE;
    out->path = vanta_strdup(p);
    return check_copies(out, err);
}

static enum vanta_status parse_locator(const char *text, struct vanta_locator *out,
                                       struct vanta_error *err)
{
    enum vanta_status status;

    if (strlen(text) >= SOURCE_TEXT_MAX)
        return refuse(err, text, "it is too long");
    if (vanta_has_prefix(text, "hf:"))
        status = parse_hf(text, text + 3, out, err);
    else if (vanta_has_prefix(text, "https://") || vanta_has_prefix(text, "http://"))
        status = parse_url(text, out, err);
    else if (vanta_has_prefix(text, "file:"))
        status = parse_file(text, text + 5, out, err);
    else if (vanta_has_prefix(text, "pkg:pypi/"))
        status = parse_package(text, text + 9, false, out, err);
    else if (vanta_has_prefix(text, "pkg:npm/"))
        status = parse_package(text, text + 8, true, out, err);
    else
        status = refuse(err, text,
                        "it starts with none of hf:, https:, file:, pkg:pypi/, pkg:npm/");
    if (status == VANTA_OK && !(out->text = vanta_strdup(text)))
        status = vanta_fail_memory(err);
    return status;
}

enum vanta_status vanta_source_parse_parts(const char *const *texts, size_t n,
                                           const char *inner, struct vanta_source *out,
                                           struct vanta_error *err)
{
    enum vanta_status status = VANTA_OK;
    size_t i;

    memset(out, 0, sizeof *out);
    if (n == 0 || n > VANTA_SOURCE_PARTS_MAX)
        return vanta_fail(err, VANTA_ERR_FORMAT, "a source of %zu parts; from 1 to %d", n,
                          VANTA_SOURCE_PARTS_MAX);
    if (inner && !vanta_path_is_safe(inner))
        return refuse(err, inner, "the inner member is not a plain relative path");
    out->parts = calloc(n, sizeof *out->parts);
    if (!out->parts || (inner && !(out->inner = vanta_strdup(inner))))
        status = vanta_fail_memory(err);
    for (i = 0; i < n && status == VANTA_OK; i++) {
        out->n_parts = i + 1;
        if (strstr(texts[i], "!/"))
            status = refuse(err, texts[i], "a part of a list cannot have !/INNER");
        else
            status = parse_locator(texts[i], &out->parts[i], err);
        if (status == VANTA_OK && out->parts[i].kind != out->parts[0].kind)
            status = refuse(err, texts[i], "the parts of a list must be of one kind");
    }
    if (status != VANTA_OK)
        vanta_source_free(out);
    return status;
}

enum vanta_status vanta_source_parse(const char *text, struct vanta_source *out,
                                     struct vanta_error *err)
{
    const char *mark = strstr(text, "!/"), *one[1];
    enum vanta_status status;
    char *outer;

    memset(out, 0, sizeof *out);
    if (mark && strstr(mark + 2, "!/"))
        return refuse(err, text, "an archive within an archive is not taken");
    outer = mark ? vanta_strndup(text, (size_t)(mark - text)) : vanta_strdup(text);
    if (!outer)
        return vanta_fail_memory(err);
    one[0] = outer;
    status = vanta_source_parse_parts(one, 1, mark ? mark + 2 : NULL, out, err);
    free(outer);
    return status;
}

void vanta_source_free(struct vanta_source *source)
{
    size_t i;

    for (i = 0; i < source->n_parts; i++) {
        free(source->parts[i].text);
        free(source->parts[i].name);
        free(source->parts[i].revision);
        free(source->parts[i].path);
    }
    free(source->parts);
    free(source->inner);
    memset(source, 0, sizeof *source);
}

static bool copy_text(const char *from, char **out)
{
    *out = vanta_strdup(from);
    return *out || !from;
}

enum vanta_status vanta_source_copy(const struct vanta_source *from,
                                    struct vanta_source *out, struct vanta_error *err)
{
    bool ok;
    size_t i;

    memset(out, 0, sizeof *out);
    out->parts = calloc(from->n_parts ? from->n_parts : 1, sizeof *out->parts);
    ok = out->parts && copy_text(from->inner, &out->inner);
    for (i = 0; ok && i < from->n_parts; i++) {
        const struct vanta_locator *a = &from->parts[i];
        struct vanta_locator *b = &out->parts[i];

        out->n_parts = i + 1;
        b->kind = a->kind;
        ok = copy_text(a->text, &b->text) && copy_text(a->name, &b->name) &&
             copy_text(a->revision, &b->revision) && copy_text(a->path, &b->path);
    }
    if (ok)
        return VANTA_OK;
    vanta_source_free(out);
    return vanta_fail_memory(err);
}

enum vanta_source_class vanta_source_class(const struct vanta_source *source)
{
    switch (source->n_parts ? source->parts[0].kind : VANTA_LOCATOR_URL) {
    case VANTA_LOCATOR_HF:
        return VANTA_SOURCE_HUB;
    case VANTA_LOCATOR_FILE:
        return VANTA_SOURCE_FILES;
    case VANTA_LOCATOR_PYPI:
    case VANTA_LOCATOR_NPM:
        return VANTA_SOURCE_PACKAGES;
    case VANTA_LOCATOR_URL:
    default:
        return VANTA_SOURCE_WEB;
    }
}

static const struct {
    enum vanta_source_class class;
    const char *name;
} classes_by_name[] = {
    {VANTA_SOURCE_HUB, "hub"},     {VANTA_SOURCE_WEB, "web"},
    {VANTA_SOURCE_FILES, "files"}, {VANTA_SOURCE_PACKAGES, "packages"},
    {VANTA_SOURCE_ALL, "all"},     {VANTA_SOURCE_MIRROR, "mirror"},
};
#define N_CLASSES (sizeof classes_by_name / sizeof classes_by_name[0])

const char *vanta_source_class_name(enum vanta_source_class c)
{
    size_t i;

    for (i = 0; i < N_CLASSES; i++)
        if (classes_by_name[i].class == c)
            return classes_by_name[i].name;
    return "unknown";
}

static enum vanta_status class_of_name(const char *name, unsigned *class,
                                       struct vanta_error *err)
{
    const char *names[N_CLASSES], *nearest;
    size_t i;

    for (i = 0; i < N_CLASSES; i++) {
        names[i] = classes_by_name[i].name;
        if (vanta_streq_nocase(name, names[i])) {
            *class = (unsigned)classes_by_name[i].class;
            return VANTA_OK;
        }
    }
    nearest = vanta_nearest(name, names, N_CLASSES);
    vanta_fail(err, VANTA_ERR_USAGE, "\"%.60s\" is not a kind of source%s%s%s", name,
               nearest ? "; did you mean " : "", nearest ? nearest : "",
               nearest ? "?" : "");
    vanta_hint(err, "the kinds are hub, web, packages, files and mirror; "
                    "!hub means all but the hub");
    return VANTA_ERR_USAGE;
}

enum vanta_status vanta_source_classes_parse(const char *text, unsigned *classes,
                                             struct vanta_error *err)
{
    enum vanta_status status = VANTA_OK;
    unsigned set, class = 0;
    char *copy = vanta_strdup(text), *word, *save = NULL;

    if (!copy)
        return vanta_fail_memory(err);
    /* A list that starts with "all but" starts from all. */
    set = text[strspn(text, ", ")] == '!' ? (unsigned)VANTA_SOURCE_ALL : 0;
    for (word = strtok_r(copy, ", ", &save); word && status == VANTA_OK;
         word = strtok_r(NULL, ", ", &save)) {
        bool but = word[0] == '!';

        status = class_of_name(word + but, &class, err);
        if (status == VANTA_OK)
            set = but ? set & ~class : set | class;
    }
    free(copy);
    if (status != VANTA_OK)
        return status;
    if (set == 0) {
        vanta_fail(err, VANTA_ERR_USAGE, "\"%.60s\" leaves no kind of source", text);
        vanta_hint(err, "the kinds are hub, web, packages, files and mirror; "
                        "!hub means all but the hub");
        return VANTA_ERR_USAGE;
    }
    *classes = set;
    return VANTA_OK;
}

char *vanta_source_text(const struct vanta_source *source)
{
    const char *inner = source->inner ? source->inner : "";
    const char *mark = source->inner ? "!/" : "", *text;
    size_t len;

    if (source->n_parts == 0)
        return vanta_strdup("");
    text = source->parts[0].text;
    /* An address's query may be a signature: it is for the server only. */
    len = source->parts[0].kind == VANTA_LOCATOR_URL ? strcspn(text, "?") : strlen(text);
    if (source->n_parts == 1)
        return vanta_strf("%.*s%s%s", (int)len, text, mark, inner);
    /* The members of the parts are of no interest; the packages' name is. */
    if (vanta_source_class(source) == VANTA_SOURCE_PACKAGES)
        len = strcspn(text, "#");
    return vanta_strf("%.*s (%zu parts)%s%s", (int)len, text, source->n_parts, mark,
                      inner);
}
