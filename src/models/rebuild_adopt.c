/* rebuild_adopt.c - an entry for files that have none: whose are they? */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "models/candidate.h"
#include "models/license.h"
#include "models/rebuild_private.h"

static bool set(char **slot, const char *text)
{
    free(*slot);
    *slot = vanta_strdup(text);
    return *slot || !text;
}

struct telling {
    const struct rebuild *r;
    const char *what;
    int64_t total;
};

static void on_hashed(void *arg, uint64_t bytes)
{
    const struct telling *t = arg;

    if (t->r->options->progress)
        t->r->options->progress(t->r->options->arg, t->what, bytes, t->total);
}

/* --- telling who it is --- */

/* An earlier registry's entry of this path with these bytes; with any bytes when hash is
 * NULL. */
static const struct vanta_entry *in_history(const struct rebuild *r, const char *path,
                                            const char *hash)
{
    size_t i, k;

    for (i = 0; i < r->n_history; i++)
        for (k = 0; k < r->history[i]->n; k++) {
            const struct vanta_entry *entry = r->history[i]->entries[k];

            if (entry->path && strcmp(entry->path, path) == 0 &&
                (!hash || (entry->hash && strcmp(entry->hash, hash) == 0)))
                return entry;
        }
    return NULL;
}

/* An entry whose files are gone and were these bytes. */
static struct vanta_entry *missing_of(const struct rebuild *r, const char *hash)
{
    size_t i;

    for (i = 0; i < r->registry->n; i++) {
        struct vanta_entry *entry = r->registry->entries[i];

        if (entry->missing_mark && !entry->external && entry->hash &&
            strcmp(entry->hash, hash) == 0)
            return entry;
    }
    return NULL;
}

static bool id_is_free(const struct rebuild *r, const char *id)
{
    return !vanta_registry_find(r->registry, id) &&
           !(r->options->catalog && vanta_catalog_find(r->options->catalog, id));
}

/* The name's id, with a number when it is another's. */
static bool free_id(const struct rebuild *r, const char *name, char id[VANTA_ID_MAX + 1])
{
    char base[VANTA_ID_MAX + 1];
    int i;

    if (!vanta_id_from_name(name, base))
        snprintf(base, sizeof base, "model");
    snprintf(id, VANTA_ID_MAX + 1, "%s", base);
    for (i = 2; i < 1000 && !id_is_free(r, id); i++)
        snprintf(id, VANTA_ID_MAX + 1, "%.*s-%d", VANTA_ID_MAX - 4, base, i);
    return id_is_free(r, id);
}

/* --- registering in memory --- */

static enum vanta_status put(struct rebuild *r, struct vanta_entry *entry,
                             enum vanta_rebuild_kind kind, const char *note,
                             struct vanta_error *err)
{
    enum vanta_status status = vanta_registry_put(r->registry, entry, err);
    struct vanta_entry *kept;
    char why[256] = "";

    if (status != VANTA_OK)
        return status;
    kept = vanta_registry_edit(r->registry, entry->id);
    kept->missing_mark = false;
    if (vanta_entry_state(r->options->root, kept, r->options->catalog, why) >
        VANTA_STATE_UNVERIFIED)
        why[0] = '\0';
    return rebuild_note(r, kind, kept, NULL, why[0] ? why : note, err);
}

/* What the licence's record beside the files says. */
static void note_license(const struct rebuild *r, const struct vanta_catalog_model *model,
                         const char *relative, struct vanta_entry *entry)
{
    struct vanta_license_answer answer;
    char folder[VANTA_PATH_MAX];

    if (!model->license || !vanta_path_join(folder, r->options->root, relative) ||
        !vanta_license_answered(folder, model->license, NULL, &answer))
        return;
    if (!set(&entry->accepted_digest, answer.digest) ||
        !set(&entry->accepted_date, answer.date)) {
        free(entry->accepted_digest);
        entry->accepted_digest = NULL;
    }
}

/* The catalog's model, with its files below folder; path is the entry's. found NULL: they
 * are not (all) right. */
static enum vanta_status put_known(struct rebuild *r,
                                   const struct vanta_catalog_model *model,
                                   const char *folder, const char *path,
                                   const char *verified, const char *note,
                                   struct vanta_error *err)
{
    struct vanta_entry entry;
    const struct vanta_entry *former = in_history(r, path, NULL);
    char now[VANTA_TIME_TEXT_MAX];
    enum vanta_status status = vanta_entry_from_catalog(model, NULL, 0, &entry, err);
    bool ok;

    if (status != VANTA_OK)
        return status;
    vanta_time_now(now);
    ok = set(&entry.path, path) && set(&entry.preparation, "adopted");
    if (ok && verified)
        ok = set(&entry.verified_at, now) && set(&entry.verified_digest, verified);
    if (ok && former && former->source && vanta_streq_nocase(former->id, model->id)) {
        ok = set(&entry.source, former->source) &&
             set(&entry.preparation, former->preparation) &&
             set(&entry.date_added, former->date_added);
        entry.preparation_version = former->preparation_version;
    }
    note_license(r, model, folder, &entry);
    status = ok ? put(r, &entry, VANTA_REBUILD_ADOPTED, note, err)
                : vanta_fail_memory(err);
    vanta_entry_free(&entry);
    return status;
}

/* A hashed candidate that is nobody's in the catalog; name: what an id is made of. */
static enum vanta_status put_own(struct rebuild *r, const struct vanta_candidate *c,
                                 enum vanta_model_type type, const char *path,
                                 const char *name, struct vanta_error *err)
{
    char hash[VANTA_SHA256_HEX], id[VANTA_ID_MAX + 1], note[256];
    const struct vanta_entry *former;
    struct vanta_entry *moved, entry = {0};
    enum vanta_status status = vanta_files_hash(c->files, c->n_files, hash, err);

    if (status != VANTA_OK)
        return status;
    moved = missing_of(r, hash);
    if (moved) {
        snprintf(note, sizeof note, "was at %.230s", moved->path);
        moved->missing_mark = false;
        if (!set(&moved->path, path))
            return vanta_fail_memory(err);
        return rebuild_note(r, VANTA_REBUILD_MOVED, moved, NULL, note, err);
    }
    former = in_history(r, path, hash);
    if (former && id_is_free(r, former->id)) {
        status = vanta_entry_copy(former, &entry, err);
        if (status != VANTA_OK)
            return status;
        status = put(r, &entry, VANTA_REBUILD_RESTORED, "as an earlier registry had it",
                     err);
        vanta_entry_free(&entry);
        return status;
    }
    if (!free_id(r, name, id))
        return rebuild_note(r, VANTA_REBUILD_LEFT, NULL, path, "no id is free for it", err);
    status = vanta_candidate_entry(c, id, type, &entry, err);
    if (status != VANTA_OK)
        return status;
    if (set(&entry.path, path) && set(&entry.preparation, "adopted"))
        status = put(r, &entry, VANTA_REBUILD_ADOPTED,
                     c->left_out[0] ? "its pickles were left out" : "", err);
    else
        status = vanta_fail_memory(err);
    vanta_entry_free(&entry);
    return status;
}

/* --- candidates --- */

static enum vanta_status leave(struct rebuild *r, const char *path,
                               const struct vanta_error *why, struct vanta_error *err)
{
    return rebuild_note(r, VANTA_REBUILD_LEFT, NULL, path, why->message, err);
}

/* Inspected and not refused: hashed, compared, registered. relative: the file or folder. */
static enum vanta_status adopt_candidate(struct rebuild *r, struct vanta_candidate *c,
                                         enum vanta_model_type type, const char *relative,
                                         struct vanta_error *err)
{
    struct telling t = {r, relative, (int64_t)c->bytes};
    const struct vanta_catalog_model *known;
    struct vanta_error why = {0};
    char path[VANTA_PATH_MAX], folder[VANTA_PATH_MAX], note[256];
    enum vanta_status status;

    if (c->guess != VANTA_TYPE_UNKNOWN && vanta_candidate_agrees(c, type, NULL) != VANTA_OK)
        type = c->guess;
    if (vanta_candidate_agrees(c, type, &why) != VANTA_OK)
        return leave(r, relative, &why, err);
    status = vanta_candidate_hash(c, on_hashed, &t, r->options->cancel, &why);
    if (status == VANTA_ERR_CANCELLED)
        return vanta_fail(err, status, "%s", why.message);
    if (status != VANTA_OK)
        return leave(r, relative, &why, err);
    /* A folder of one file is that file, wherever in it the file lies. */
    vanta_format(path, sizeof path, "%s", relative);
    if (c->n_files == 1 && strcmp(vanta_path_base(relative),
                                  vanta_path_base(c->files[0].path)) != 0 &&
        !vanta_path_join(path, relative, c->files[0].path))
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long", relative);
    known = vanta_candidate_known(c, r->options->catalog, NULL, NULL, NULL);
    if (!known || !vanta_path_ends_with(path, known->files[0].path))
        return put_own(r, c, type, path, vanta_path_base(relative), err);
    if (!vanta_registry_find(r->registry, known->id))
        return vanta_path_parent(folder, path)
                   ? put_known(r, known, folder, path, c->files[0].sha256, "", err)
                   : VANTA_OK;
    if (missing_of(r, c->files[0].sha256))
        return put_own(r, c, type, path, vanta_path_base(relative), err);
    snprintf(note, sizeof note, "a second copy of %.64s", known->id);
    return rebuild_note(r, VANTA_REBUILD_LEFT, NULL, path, note, err);
}

static enum vanta_status adopt_file(struct rebuild *r, enum vanta_model_type type,
                                    const char *relative, struct vanta_error *err)
{
    struct vanta_candidate c;
    struct vanta_error why = {0};
    char full[VANTA_PATH_MAX];
    enum vanta_status status;

    if (!vanta_path_join(full, r->options->root, relative))
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long", relative);
    if (vanta_candidate_file(full, &c, &why) != VANTA_OK)
        /* Notes and lists that lie beside models are nobody's business. */
        return rebuild_is_weights_name(relative) ? leave(r, relative, &why, err)
                                                 : VANTA_OK;
    status = adopt_candidate(r, &c, type, relative, err);
    vanta_candidate_free(&c);
    return status;
}

/* Each model file of a folder that has several. */
struct each {
    struct rebuild *r;
    enum vanta_model_type type;
    const char *relative;
};

static enum vanta_status on_each(void *arg, const char *below, uint64_t bytes,
                                 struct vanta_error *err)
{
    const struct each *e = arg;
    char path[VANTA_PATH_MAX];

    (void)bytes;
    if (!rebuild_is_weights_name(below) || !vanta_path_join(path, e->relative, below))
        return VANTA_OK;
    return adopt_file(e->r, e->type, path, err);
}

static enum vanta_status adopt_folder(struct rebuild *r, enum vanta_model_type type,
                                      const char *relative, struct vanta_error *err)
{
    struct each each = {r, type, relative};
    struct vanta_candidate c;
    struct vanta_error why = {0};
    char full[VANTA_PATH_MAX];
    enum vanta_status status;

    if (!vanta_path_join(full, r->options->root, relative))
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long", relative);
    status = vanta_candidate_folder(full, &c, &why);
    if (status == VANTA_ERR_USAGE)
        return vanta_dir_walk(full, on_each, &each, err);
    if (status == VANTA_ERR_NOT_FOUND)
        return VANTA_OK; /* nothing in it that could be a model */
    if (status != VANTA_OK)
        return leave(r, relative, &why, err);
    status = adopt_candidate(r, &c, type, relative, err);
    vanta_candidate_free(&c);
    return status;
}

/* --- folders that bear a catalog model's name --- */

/* How many of the model's files are there, and whether these are right: hash gets the
 * model's, "" when not all are. */
static enum vanta_status compare(struct rebuild *r, const struct vanta_catalog_model *model,
                                 const char *relative, size_t *present,
                                 char hash[VANTA_SHA256_HEX], struct vanta_error *err)
{
    struct vanta_entry entry;
    enum vanta_status status = VANTA_OK;
    bool right = true;
    size_t i;

    *present = 0;
    hash[0] = '\0';
    for (i = 0; i < model->n_files; i++) {
        const struct vanta_catalog_file *file = &model->files[i];
        struct telling t = {r, file->path, file->size_bytes};
        char path[VANTA_PATH_MAX], full[VANTA_PATH_MAX], found[VANTA_SHA256_HEX];
        int64_t size;

        if (!vanta_path_join(path, relative, file->path) ||
            !vanta_path_join(full, r->options->root, path) ||
            (size = vanta_file_size(full)) < 0 ||
            vanta_root_holds(r->options->root, path, NULL) != VANTA_OK) {
            right = false;
            continue;
        }
        ++*present;
        right = right && file->sha256 && (file->size_bytes < 0 || file->size_bytes == size);
        if (!right)
            continue;
        status = vanta_sha256_file(full, found, NULL, on_hashed, &t, r->options->cancel,
                                   err);
        if (status != VANTA_OK)
            return status;
        right = strcmp(found, file->sha256) == 0;
    }
    if (!right || vanta_entry_from_catalog(model, NULL, 0, &entry, NULL) != VANTA_OK)
        return VANTA_OK;
    if (entry.hash)
        memcpy(hash, entry.hash, VANTA_SHA256_HEX);
    vanta_entry_free(&entry);
    return VANTA_OK;
}

/* true: the folder was dealt with. */
static bool adopt_named(struct rebuild *r, enum vanta_model_type type, const char *relative,
                        enum vanta_status *status, struct vanta_error *err)
{
    const char *name = vanta_path_base(relative);
    const struct vanta_catalog_model *model =
        r->options->catalog ? vanta_catalog_find(r->options->catalog, name) : NULL;
    const struct vanta_entry *entry =
        model ? vanta_registry_find(r->registry, model->id) : NULL;
    char path[VANTA_PATH_MAX], hash[VANTA_SHA256_HEX];
    size_t present;

    *status = VANTA_OK;
    if (!model || model->type != type || model->n_files == 0 ||
        (entry && !entry->missing_mark))
        return false;
    *status = compare(r, model, relative, &present, hash, err);
    if (*status != VANTA_OK)
        return true;
    if (present == 0)
        return false;
    if (model->n_files == 1 ? !vanta_path_join(path, relative, model->files[0].path)
                            : !vanta_format(path, sizeof path, "%s", relative)) {
        *status = vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long", relative);
        return true;
    }
    *status = put_known(r, model, relative, path, hash[0] ? hash : NULL,
                        hash[0] ? "" : "its files are not all right", err);
    return true;
}

enum vanta_status rebuild_adopt(void *arg, enum vanta_model_type type,
                                enum rebuild_thing thing, const char *relative,
                                struct vanta_error *err)
{
    struct rebuild *r = arg;
    enum vanta_status status;

    if (r->options->cancel && atomic_load(r->options->cancel))
        return vanta_fail(err, VANTA_ERR_CANCELLED, "stopped at %s; nothing was changed",
                          relative);
    if (!vanta_path_is_safe(relative))
        return rebuild_note(r, VANTA_REBUILD_LEFT, NULL, relative,
                            "its name has characters that cannot be kept: rename it", err);
    if (thing == REBUILD_LINK)
        return rebuild_note(r, VANTA_REBUILD_LEFT, NULL, relative,
                            "a symbolic link: vanta add --link registers what it leads to",
                            err);
    if (thing == REBUILD_FILE)
        return adopt_file(r, type, relative, err);
    if (adopt_named(r, type, relative, &status, err))
        return status;
    return adopt_folder(r, type, relative, err);
}
