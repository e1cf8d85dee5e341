/* verify.c - hashing a model's files and recording what was found. */
#include "models/verify.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/path.h"
#include "base/text.h"
#include "models/registry_private.h"

struct verification {
    const char *root;
    const struct vanta_catalog *catalog;
    const struct vanta_entry *entry;
    struct vanta_expected expected;
    struct vanta_entry_file *found; /* one for each expected file */
    size_t judged;                  /* files whose digest somebody knows */
    bool missing, wrong;
    vanta_hash_progress *progress;
    void *arg;
    const atomic_bool *cancel;
    struct vanta_verify_result *result;
};

static void say(struct vanta_verify_result *result, const char *fmt, ...)
    VANTA_PRINTF(2, 3);

static void say(struct vanta_verify_result *result, const char *fmt, ...)
{
    char raw[2 * VANTA_PATH_MAX];
    va_list args;

    va_start(args, fmt);
    vsnprintf(raw, sizeof raw, fmt, args);
    va_end(args);
    vanta_text_printable(raw, result->message, sizeof result->message);
}

/* Only the first wrong file is named. */
static void blame(struct verification *v, const struct vanta_expected_file *file,
                  const char *found)
{
    struct vanta_verify_result *r = v->result;

    if (r->bad_file[0])
        return;
    vanta_text_printable(file->path, r->bad_file, sizeof r->bad_file);
    snprintf(r->expected, sizeof r->expected, "%s", file->sha256 ? file->sha256 : "");
    snprintf(r->found, sizeof r->found, "%s", found);
}

static void on_progress(void *arg, uint64_t bytes)
{
    struct verification *v = arg;

    if (v->progress)
        v->progress(v->arg, v->result->bytes_hashed + bytes);
}

static void judge(struct verification *v, const struct vanta_expected_file *file,
                  const struct vanta_entry_file *found)
{
    bool had_blame = v->result->bad_file[0] != '\0';
    const struct vanta_entry *entry = v->entry;
    size_t i;

    if (!file->sha256) {
        if (file->size_bytes < 0 || file->size_bytes == found->size_bytes)
            return;
    } else {
        v->judged++;
        if (strcmp(file->sha256, found->sha256) == 0)
            return;
    }
    v->wrong = true;
    blame(v, file, found->sha256);
    if (had_blame)
        return;
    if (file->size_bytes >= 0 && file->size_bytes != found->size_bytes) {
        say(v->result, "%s: %lld bytes, expected %lld", file->path,
            (long long)found->size_bytes, (long long)file->size_bytes);
        return;
    }
    say(v->result, "%s: its bytes differ from %s", file->path,
        file->published ? "the catalog's" : "those that were registered");
    for (i = 0; file->published && i < entry->n_files; i++)
        if (strcmp(entry->files[i].path, file->path) == 0 && entry->files[i].sha256 &&
            strcmp(entry->files[i].sha256, found->sha256) == 0)
            say(v->result, "%s: the bytes that were registered, which are not the "
                           "catalog's",
                file->path);
}

static enum vanta_status hash_file(struct verification *v, size_t i,
                                   struct vanta_error *err)
{
    const struct vanta_expected_file *file = &v->expected.files[i];
    char path[VANTA_PATH_MAX], hex[VANTA_SHA256_HEX];
    enum vanta_status status;
    uint64_t bytes = 0;

    if (!vanta_path_join(path, v->expected.folder, file->path))
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long", file->path);
    if (!vanta_file_exists(path) || vanta_file_is_dir(path)) {
        if (!v->missing)
            say(v->result, "%s: is not there", file->path);
        v->missing = true;
        v->result->bad_file[0] = '\0'; /* missing goes before wrong */
        blame(v, file, "");
        return VANTA_OK;
    }
    status = vanta_sha256_file(path, hex, &bytes, on_progress, v, v->cancel, err);
    if (status != VANTA_OK)
        return status;
    v->result->bytes_hashed += bytes;
    v->result->files_checked++;
    v->found[i].path = vanta_strdup(file->path);
    v->found[i].size_bytes = (int64_t)bytes;
    v->found[i].sha256 = vanta_strdup(hex);
    if (!v->found[i].path || !v->found[i].sha256)
        return vanta_fail_memory(err);
    if (!v->missing)
        judge(v, file, &v->found[i]);
    return VANTA_OK;
}

/* --- recording --- */

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool replace_text(char **out, const char *text)
{
    char *copy = vanta_strdup(text);

    if (!copy && text)
        return false;
    free(*out);
    *out = copy;
    return true;
}

static bool take_files(struct verification *v, struct vanta_entry *entry)
{
    char text[VANTA_SIZE_TEXT_MAX];
    size_t i;

    for (i = 0; i < entry->n_files; i++) {
        free(entry->files[i].path);
        free(entry->files[i].sha256);
    }
    free(entry->files);
    entry->files = v->found;
    entry->n_files = v->expected.n;
    v->found = NULL;
    entry->size_bytes = 0;
    for (i = 0; i < entry->n_files; i++)
        entry->size_bytes += entry->files[i].size_bytes;
    return replace_text(&entry->size,
                        vanta_size_text((uint64_t)entry->size_bytes, text));
}

/* An older entry of a model of one file may have the folder as its path, and the other
 * way round: the path follows the files. */
static bool follow_files(struct vanta_entry *entry, const char *folder, const char *root)
{
    const char *relative = folder + strlen(root);
    char path[VANTA_PATH_MAX];

    if (entry->external)
        return true;
    relative += strspn(relative, "/");
    if (entry->n_files == 1 && !vanta_path_join(path, relative, entry->files[0].path))
        return false;
    return replace_text(&entry->path, entry->n_files == 1 ? path : relative);
}

static enum vanta_status record(void *arg, struct vanta_registry *registry,
                                struct vanta_error *err)
{
    struct verification *v = arg;
    struct vanta_entry *now = vanta_registry_edit(registry, v->entry->id);
    char at[VANTA_TIME_TEXT_MAX], digest[VANTA_SHA256_HEX];
    bool ok = true;

    /* Another process may have replaced or removed it since: then what was found is not
     * about that entry. */
    if (!now || !same_text(now->path, v->entry->path) ||
        !same_text(now->hash, v->entry->hash))
        return VANTA_OK;
    now->missing_mark = false;
    if (v->missing) {
        now->missing_mark = v->entry->missing_mark;
        ok = replace_text(&now->verified_at, NULL) &&
             replace_text(&now->verified_digest, NULL);
        return ok ? VANTA_OK : vanta_fail_memory(err);
    }
    if (vanta_files_hash(v->found, v->expected.n, digest, err) != VANTA_OK)
        return err ? err->status : VANTA_ERR_DIGEST;
    vanta_time_now(at);
    ok = replace_text(&now->verified_at, at) &&
         replace_text(&now->verified_digest, digest);
    if (ok && !v->wrong)
        ok = take_files(v, now) && replace_text(&now->hash, digest) &&
             follow_files(now, v->expected.folder, v->root);
    if (ok && !v->wrong)
        v->result->state = vanta_entry_state(v->root, now, v->catalog, NULL);
    return ok ? VANTA_OK : vanta_fail_memory(err);
}

/* --- the parts of the answer --- */

static enum vanta_status verify_api(struct verification *v, struct vanta_error *err)
{
    const struct vanta_catalog_model *model = vanta_entry_model(v->entry, v->catalog);
    const json_t *parameters = json_object_get(v->entry->extra, "parameters");
    const char *provider = json_string_value(json_object_get(parameters, "provider"));
    char why[256];

    v->result->state = vanta_entry_state(v->root, v->entry, v->catalog, why);
    if (!provider && model)
        provider = model->provider;
    if (!provider || !*provider) {
        say(v->result, "the entry names no provider");
        vanta_fail(err, VANTA_ERR_CHECK, "%s: the entry names no provider", v->entry->id);
        vanta_hint(err, "vanta setup %s writes it anew.", v->entry->id);
        return VANTA_ERR_CHECK;
    }
    if (v->result->state == VANTA_STATE_NEEDS_KEY)
        say(v->result, "configured; %s, so it is off until then", why);
    else
        say(v->result, "configured, and its key is set");
    return VANTA_OK;
}

static enum vanta_status conclude(struct verification *v, struct vanta_error *err)
{
    const char *id = v->entry->id;
    struct vanta_verify_result *r = v->result;
    char size[VANTA_SIZE_TEXT_MAX];

    if (v->missing || v->wrong) {
        vanta_fail(err, VANTA_ERR_CHECK, "%s: %s", id, r->message);
        if (v->expected.model && !v->entry->external)
            vanta_hint(err, "vanta setup %s fetches it again.", id);
        else
            vanta_hint(err, "Put the right file back, or vanta remove %s.", id);
        return VANTA_ERR_CHECK;
    }
    if (v->judged == 0) {
        say(r, "nothing says what its bytes should be");
        vanta_fail(err, VANTA_ERR_UNSUPPORTED,
                   "%s: neither the catalog nor the registry has a digest of its files", id);
        vanta_hint(err, "vanta add registers a model with the digests of its files.");
        return VANTA_ERR_UNSUPPORTED;
    }
    vanta_size_text(r->bytes_hashed, size);
    if (v->expected.unpublished)
        say(r, "%s as registered; nobody has published a digest of them", size);
    else
        say(r, "%s as they should be", size);
    return VANTA_OK;
}

static enum vanta_status verify_files(struct verification *v, struct vanta_error *err)
{
    enum vanta_status status =
        vanta_expected_find(v->root, v->entry, v->catalog, &v->expected, err);
    size_t i, n;

    if (status == VANTA_ERR_FORMAT) { /* the path leads elsewhere */
        v->result->state = VANTA_STATE_MISSING;
        say(v->result, "%s", err ? err->message : "its path leads out of the models folder");
        if (err) {
            err->status = VANTA_ERR_CHECK;
            vanta_wrap(err, "%s", v->entry->id);
            vanta_hint(err, "To keep a model elsewhere: vanta add PATH --link.");
        }
        return VANTA_ERR_CHECK;
    }
    if (status != VANTA_OK)
        return status;
    n = v->expected.n;
    if (n == 0 && v->entry->path) {
        char path[VANTA_PATH_MAX];

        v->missing = !vanta_entry_path(v->root, v->entry, path) || !vanta_file_exists(path);
        if (v->missing)
            say(v->result, "%s: is not there", v->entry->path);
    }
    v->found = calloc(n ? n : 1, sizeof *v->found);
    if (!v->found)
        return vanta_fail_memory(err);
    for (i = 0; status == VANTA_OK && i < n; i++)
        status = hash_file(v, i, err);
    if (status != VANTA_OK)
        return status;
    status = conclude(v, err);
    v->result->state = v->missing ? VANTA_STATE_MISSING
                       : v->wrong ? VANTA_STATE_CORRUPT
                                  : vanta_entry_state(v->root, v->entry, v->catalog, NULL);
    if (status != VANTA_ERR_UNSUPPORTED)
        vanta_registry_update(v->root, v->catalog, record, v, &v->result->record);
    return status;
}

enum vanta_status vanta_verify_model(const char *root, const struct vanta_catalog *catalog,
                                     const struct vanta_entry *entry,
                                     vanta_hash_progress *progress, void *arg,
                                     const atomic_bool *cancel,
                                     struct vanta_verify_result *result,
                                     struct vanta_error *err)
{
    struct verification v = {.root = root,
                             .catalog = catalog,
                             .entry = entry,
                             .progress = progress,
                             .arg = arg,
                             .cancel = cancel,
                             .result = result};
    enum vanta_status status;
    size_t i, n;

    memset(result, 0, sizeof *result);
    status = vanta_entry_is_api(entry) ? verify_api(&v, err) : verify_files(&v, err);
    n = v.expected.n;
    for (i = 0; v.found && i < n; i++) {
        free(v.found[i].path);
        free(v.found[i].sha256);
    }
    free(v.found);
    vanta_expected_free(&v.expected);
    return status;
}
