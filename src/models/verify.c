/* verify.c - hashing a model's files and recording what was found. */
#include "models/verify.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/error.h"
#include "base/file.h"
#include "base/path.h"
#include "base/text.h"
#include "models/chunk_store.h"
#include "models/registry_private.h"

/* How often what was found is written to the registry, which takes an fsync. */
#define RECORD_MS 250

struct verification {
    const char *root;
    const struct vanta_catalog *catalog;
    const struct vanta_entry *entry;
    struct vanta_verify_item *item;
    struct vanta_verify_result *result; /* the item's */
    struct vanta_expected expected;
    struct vanta_entry_file *found; /* one for each expected file */
    size_t judged;                  /* files whose digest somebody knows */
    bool missing, wrong;
    size_t first, n_checks; /* its files among all that are hashed */
    size_t left;            /* of them that are not done yet */
    bool ended, to_record;
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
    if (v->missing)
        return;
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

static void miss(struct verification *v, const struct vanta_expected_file *file)
{
    if (!v->missing)
        say(v->result, "%s: is not there", file->path);
    v->missing = true;
    v->result->bad_file[0] = '\0'; /* missing goes before wrong */
    blame(v, file, "");
    if (file->size_bytes > 0) {
        v->result->bytes_wrong += (uint64_t)file->size_bytes;
        v->result->bytes_wrong_files += (uint64_t)file->size_bytes;
    }
}

/* What a wrong file would cost to fetch again, whole and as far as it is wrong. */
static void weigh(struct verification *v, const struct vanta_check *c)
{
    uint64_t bytes = c->size_bytes >= 0 ? (uint64_t)c->size_bytes : c->bytes;

    v->result->bytes_wrong_files += bytes;
    v->result->bytes_wrong += c->wrong ? c->wrong_bytes : bytes;
}

/* A file that was hashed. */
static enum vanta_status take_check(struct verification *v, const struct vanta_check *c,
                                    struct vanta_error *err)
{
    const struct vanta_expected_file *file = c->user;
    struct vanta_entry_file *found = &v->found[file - v->expected.files];
    bool was_wrong = v->wrong;

    if (c->status == VANTA_ERR_NOT_FOUND) { /* since it was looked for */
        miss(v, file);
        return VANTA_OK;
    }
    if (c->status != VANTA_OK) {
        vanta_fail(err, c->status, "%s", c->error.message);
        vanta_hint(err, "%s", c->error.hint);
        return c->status;
    }
    v->result->bytes_hashed += c->hashed_bytes;
    v->result->files_checked++;
    v->result->files_sampled += c->sampled;
    found->path = vanta_strdup(file->path);
    found->size_bytes = (int64_t)c->bytes;
    found->sha256 = vanta_strdup(c->sampled ? c->sha256 : c->found);
    if (!found->path || !found->sha256)
        return vanta_fail_memory(err);
    v->wrong = false;
    judge(v, file, found);
    if (v->wrong)
        weigh(v, c);
    v->wrong |= was_wrong;
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

static enum vanta_status record(struct verification *v, struct vanta_registry *registry,
                                struct vanta_error *err)
{
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
            vanta_hint(err, "vanta setup %s, or vanta verify --repair, brings it anew.", id);
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
    if (r->files_sampled > 0)
        say(r, "unchanged by size, place and date, and %s of it as they should be", size);
    else if (v->expected.unpublished)
        say(r, "%s as registered; nobody has published a digest of them", size);
    else
        say(r, "%s as they should be", size);
    return VANTA_OK;
}

/* Its path leads elsewhere. */
static enum vanta_status refuse(struct verification *v, struct vanta_error *err)
{
    v->result->state = VANTA_STATE_MISSING;
    say(v->result, "%s", err->message);
    err->status = VANTA_ERR_CHECK;
    vanta_wrap(err, "%s", v->entry->id);
    vanta_hint(err, "To keep a model elsewhere: vanta add PATH --link.");
    return VANTA_ERR_CHECK;
}

/* What should be there. */
static enum vanta_status begin(struct verification *v, struct vanta_error *err)
{
    enum vanta_status status =
        vanta_expected_find(v->root, v->entry, v->catalog, &v->expected, err);
    size_t n = v->expected.n;

    if (status == VANTA_ERR_FORMAT)
        return refuse(v, err);
    if (status != VANTA_OK)
        return status;
    if (n == 0 && v->entry->path) {
        char path[VANTA_PATH_MAX];

        v->missing = !vanta_entry_path(v->root, v->entry, path) || !vanta_file_exists(path);
        if (v->missing)
            say(v->result, "%s: is not there", v->entry->path);
    }
    v->found = calloc(n ? n : 1, sizeof *v->found);
    return v->found ? VANTA_OK : vanta_fail_memory(err);
}

/* After its last file. */
static enum vanta_status end(struct verification *v, const struct vanta_check *checks,
                             struct vanta_error *err)
{
    enum vanta_status status = VANTA_OK;
    bool sampled;
    size_t i;

    for (i = 0; i < v->n_checks; i++) { /* in the order of their paths */
        enum vanta_status file = take_check(v, &checks[v->first + i], err);

        status = status == VANTA_OK ? file : status;
    }
    if (status != VANTA_OK)
        return status;
    sampled = v->result->files_sampled > 0 && !v->missing && !v->wrong;
    status = conclude(v, err);
    v->result->state = v->missing ? VANTA_STATE_MISSING
                       : v->wrong ? VANTA_STATE_CORRUPT
                                  : vanta_entry_state(v->root, v->entry, v->catalog, NULL);
    v->to_record = status != VANTA_ERR_UNSUPPORTED && !sampled;
    return status;
}

static void verification_free(struct verification *v)
{
    size_t i;

    for (i = 0; v->found && i < v->expected.n; i++) {
        free(v->found[i].path);
        free(v->found[i].sha256);
    }
    free(v->found);
    vanta_expected_free(&v->expected);
}

/* --- all models --- */

struct verifying {
    const struct vanta_verify_options *options;
    struct verification *all;
    size_t n;
    struct vanta_check *checks;
    size_t *owners; /* of each check: its model */
    size_t n_checks;
    size_t to_record; /* models that ended and are not recorded */
    int64_t start_ms, recorded_ms;
};

static enum vanta_status record_all(void *arg, struct vanta_registry *registry,
                                    struct vanta_error *err)
{
    enum vanta_status status = VANTA_OK;
    struct verifying *all = arg;
    size_t i;

    for (i = 0; i < all->n && status == VANTA_OK; i++)
        if (all->all[i].ended && all->all[i].to_record)
            status = record(&all->all[i], registry, err);
    return status;
}

/* Records what has ended since, and hands it over. */
static void flush(struct verifying *all)
{
    const struct vanta_verify_options *o = all->options;
    struct vanta_error err = {0};
    size_t i;

    if (all->to_record > 0)
        vanta_registry_update(o->root, o->catalog, record_all, all, &err);
    all->to_record = 0;
    all->recorded_ms = vanta_clock_ms();
    for (i = 0; i < all->n; i++) {
        struct verification *v = &all->all[i];

        if (!v->ended)
            continue;
        if (v->to_record)
            v->result->record = err;
        v->ended = v->to_record = false;
        if (o->done)
            o->done(o->arg, v->item);
    }
}

static void end_model(struct verifying *all, struct verification *v)
{
    struct vanta_verify_item *item = v->item;

    if (item->status == VANTA_OK)
        item->status = vanta_entry_is_api(v->entry) ? verify_api(v, &item->error)
                                                    : end(v, all->checks, &item->error);
    item->milliseconds = vanta_clock_ms() - all->start_ms;
    v->ended = true;
    all->to_record += v->to_record;
}

static void on_checked(void *arg, struct vanta_check *check)
{
    struct verifying *all = arg;
    struct verification *v = &all->all[all->owners[check - all->checks]];

    if (--v->left == 0)
        end_model(all, v);
}

static void on_progress(void *arg, uint64_t bytes, uint64_t total)
{
    struct verifying *all = arg;

    if (all->options->progress)
        all->options->progress(all->options->arg, bytes, total);
    if (vanta_clock_ms() - all->recorded_ms >= RECORD_MS)
        flush(all);
}

/* A quick look says something only about what was once found right. */
static bool may_be_quick(const struct verifying *all, const struct vanta_entry *entry)
{
    return all->options->quick && entry->hash && entry->verified_digest &&
           strcmp(entry->hash, entry->verified_digest) == 0;
}

static enum vanta_status add_check(struct verifying *all, struct verification *v,
                                   const struct vanta_expected_file *file,
                                   struct vanta_error *err)
{
    char path[VANTA_PATH_MAX], *kept;

    if (!vanta_path_join(path, v->expected.folder, file->path))
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long", file->path);
    if (!vanta_file_exists(path) || vanta_file_is_dir(path)) {
        miss(v, file);
        return VANTA_OK;
    }
    kept = vanta_strdup(path);
    if (!kept)
        return vanta_fail_memory(err);
    all->owners[all->n_checks] = (size_t)(v - all->all);
    all->checks[all->n_checks++] =
        (struct vanta_check){.path = kept,
                             .sha256 = file->sha256,
                             .size_bytes = file->size_bytes,
                             .quick = may_be_quick(all, v->entry),
                             .user = (void *)file};
    v->n_checks++;
    return VANTA_OK;
}

static bool make_room(struct verifying *all)
{
    size_t i, most = 1;

    for (i = 0; i < all->n; i++)
        most += all->all[i].expected.n;
    all->checks = calloc(most, sizeof *all->checks);
    all->owners = calloc(most, sizeof *all->owners);
    return all->checks && all->owners;
}

static void list_files(struct verifying *all)
{
    bool room = make_room(all);
    size_t i, k;

    for (i = 0; i < all->n; i++) {
        struct verification *v = &all->all[i];
        struct vanta_verify_item *item = v->item;

        if (!room && item->status == VANTA_OK)
            item->status = vanta_fail_memory(&item->error);
        v->first = all->n_checks;
        for (k = 0; item->status == VANTA_OK && k < v->expected.n; k++)
            item->status = add_check(all, v, &v->expected.files[k], &item->error);
        v->left = v->n_checks;
        if (v->left == 0)
            end_model(all, v);
    }
}

static void check_all(struct verifying *all)
{
    const struct vanta_verify_options *o = all->options;
    char chunks[VANTA_PATH_MAX];
    bool kept = vanta_chunk_store(o->root, chunks);
    struct vanta_check_options how = {.chunks_folder = kept ? chunks : NULL,
                                      .jobs = o->jobs,
                                      .whole = o->whole,
                                      .traceless = o->traceless,
                                      .progress = on_progress,
                                      .done = on_checked,
                                      .arg = all,
                                      .cancel = o->cancel};
    size_t i;

    vanta_check_files(all->checks, all->n_checks, &how);
    flush(all);
    for (i = 0; i < all->n_checks; i++) {
        free((void *)all->checks[i].path);
        vanta_check_free(&all->checks[i]);
    }
}

void vanta_verify_models(const struct vanta_verify_options *options,
                         struct vanta_verify_item *items, size_t n)
{
    struct verifying all = {.options = options, .n = n, .start_ms = vanta_clock_ms()};
    size_t i;

    all.recorded_ms = all.start_ms;
    all.all = calloc(n ? n : 1, sizeof *all.all);
    for (i = 0; i < n; i++) {
        struct vanta_verify_item *item = &items[i];

        item->status = VANTA_OK;
        vanta_error_clear(&item->error);
        memset(&item->result, 0, sizeof item->result);
        if (!all.all) {
            item->status = vanta_fail_memory(&item->error);
            continue;
        }
        all.all[i] = (struct verification){.root = options->root,
                                           .catalog = options->catalog,
                                           .entry = item->entry,
                                           .item = item,
                                           .result = &item->result};
        if (!vanta_entry_is_api(item->entry))
            item->status = begin(&all.all[i], &item->error);
    }
    if (all.all) {
        list_files(&all);
        check_all(&all);
    }
    for (i = 0; all.all && i < n; i++)
        verification_free(&all.all[i]);
    free(all.all);
    free(all.checks);
    free(all.owners);
}

struct single {
    vanta_hash_progress *progress;
    void *arg;
};

static void tell_single(void *arg, uint64_t bytes, uint64_t total)
{
    struct single *single = arg;

    (void)total;
    if (single->progress)
        single->progress(single->arg, bytes);
}

enum vanta_status vanta_verify_model(const char *root, const struct vanta_catalog *catalog,
                                     const struct vanta_entry *entry,
                                     vanta_hash_progress *progress, void *arg,
                                     const atomic_bool *cancel,
                                     struct vanta_verify_result *result,
                                     struct vanta_error *err)
{
    struct single single = {progress, arg};
    struct vanta_verify_options options = {.root = root,
                                           .catalog = catalog,
                                           .progress = tell_single,
                                           .arg = &single,
                                           .cancel = cancel};
    struct vanta_verify_item item = {.entry = entry};

    vanta_verify_models(&options, &item, 1);
    *result = item.result;
    if (item.status != VANTA_OK && err)
        *err = item.error;
    return item.status;
}
