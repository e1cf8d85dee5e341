/* registry.c - the registry in memory, and its way to the disk and back. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/lock.h"
#include "base/path.h"
#include "base/text.h"
#include "models/registry_private.h"

#define LOCK_WAIT_MS 30000
#define REBUILD_HINT \
    "vanta registry rebuild makes a new one from the history, the files and the catalog."

enum vanta_status vanta_registry_new(struct vanta_registry **out, struct vanta_error *err)
{
    struct vanta_registry *r = calloc(1, sizeof *r);

    if (!r)
        return vanta_fail_memory(err);
    r->index = json_object();
    r->top = json_object();
    r->unread = json_array();
    r->notes = json_array();
    if (!r->index || !r->top || !r->unread || !r->notes) {
        vanta_registry_free(r);
        return vanta_fail_memory(err);
    }
    *out = r;
    return VANTA_OK;
}

void vanta_registry_free(struct vanta_registry *registry)
{
    size_t i;

    if (!registry)
        return;
    for (i = 0; i < registry->n; i++) {
        vanta_entry_free(registry->entries[i]);
        free(registry->entries[i]);
    }
    free(registry->entries);
    json_decref(registry->index);
    json_decref(registry->top);
    json_decref(registry->unread);
    json_decref(registry->notes);
    json_decref(registry->document);
    free(registry);
}

enum vanta_registry_origin vanta_registry_origin(const struct vanta_registry *registry)
{
    return registry->origin;
}

enum vanta_status vanta_registry_note_add(struct vanta_registry *registry,
                                          const char *fmt, ...)
{
    char raw[1024], text[1024];
    va_list args;

    va_start(args, fmt);
    vsnprintf(raw, sizeof raw, fmt, args);
    va_end(args);
    vanta_text_printable(raw, text, sizeof text);
    return json_array_append_new(registry->notes, json_string(text)) == 0
               ? VANTA_OK
               : VANTA_ERR_NO_MEMORY;
}

const char *vanta_registry_note(const struct vanta_registry *registry, size_t index)
{
    return json_string_value(json_array_get(registry->notes, index));
}

size_t vanta_registry_count(const struct vanta_registry *registry)
{
    return registry->n;
}

const struct vanta_entry *vanta_registry_at(const struct vanta_registry *registry,
                                            size_t index)
{
    return index < registry->n ? registry->entries[index] : NULL;
}

/* Ids are ASCII. */
static bool lower_id(char out[VANTA_ID_MAX + 1], const char *id)
{
    size_t i;

    if (!vanta_id_is_valid(id))
        return false;
    for (i = 0; id[i]; i++)
        out[i] = (char)tolower((unsigned char)id[i]);
    out[i] = '\0';
    return true;
}

size_t vanta_registry_position(const struct vanta_registry *registry, const char *id)
{
    char key[VANTA_ID_MAX + 1];
    const json_t *position = lower_id(key, id) ? json_object_get(registry->index, key)
                                               : NULL;

    return position ? (size_t)json_integer_value(position) : SIZE_MAX;
}

static bool index_entry(struct vanta_registry *registry, size_t position)
{
    char key[VANTA_ID_MAX + 1];

    return lower_id(key, registry->entries[position]->id) &&
           json_object_set_new(registry->index, key, json_integer((json_int_t)position)) ==
               0;
}

enum vanta_status vanta_registry_take(struct vanta_registry *registry,
                                      struct vanta_entry *entry, struct vanta_error *err)
{
    enum vanta_status status = VANTA_OK;
    struct vanta_entry *kept = NULL;

    if (registry->n == registry->capacity) {
        size_t capacity = registry->capacity ? registry->capacity * 2 : 32;
        void *grown = realloc(registry->entries, capacity * sizeof *registry->entries);

        if (!grown)
            goto fail;
        registry->entries = grown;
        registry->capacity = capacity;
    }
    if (vanta_registry_position(registry, entry->id) != SIZE_MAX) {
        status = vanta_fail(err, VANTA_ERR_EXISTS, "%s is registered already", entry->id);
        goto fail;
    }
    kept = malloc(sizeof *kept);
    if (!kept)
        goto fail;
    *kept = *entry;
    memset(entry, 0, sizeof *entry);
    registry->entries[registry->n] = kept;
    if (index_entry(registry, registry->n)) {
        registry->n++;
        return VANTA_OK;
    }
    vanta_entry_free(kept);
fail:
    free(kept);
    vanta_entry_free(entry);
    return status == VANTA_OK ? vanta_fail_memory(err) : status;
}

bool vanta_entry_has_alias(const struct vanta_entry *entry, const char *id)
{
    const json_t *aliases = json_object_get(entry->extra, "aliases");
    size_t i;

    for (i = 0; i < json_array_size(aliases); i++) {
        const char *alias = json_string_value(json_array_get(aliases, i));

        if (alias && vanta_streq_nocase(alias, id))
            return true;
    }
    return false;
}

static size_t find(const struct vanta_registry *registry, const char *id)
{
    const struct vanta_catalog_model *model;
    size_t k = vanta_registry_position(registry, id), i;

    if (k != SIZE_MAX)
        return k;
    for (i = 0; i < registry->n; i++)
        if (vanta_entry_has_alias(registry->entries[i], id))
            return i;
    model = registry->catalog ? vanta_catalog_find(registry->catalog, id) : NULL;
    if (!model)
        return SIZE_MAX;
    k = vanta_registry_position(registry, model->id);
    for (i = 0; k == SIZE_MAX && i < model->n_aliases; i++)
        k = vanta_registry_position(registry, model->aliases[i]);
    return k;
}

const struct vanta_entry *vanta_registry_find(const struct vanta_registry *registry,
                                              const char *id)
{
    size_t k = find(registry, id);

    return k == SIZE_MAX ? NULL : registry->entries[k];
}

const char *vanta_registry_nearest(const struct vanta_registry *registry,
                                   const char *name)
{
    const char **ids = calloc(registry->n ? registry->n : 1, sizeof *ids), *nearest;
    size_t i;

    if (!ids)
        return NULL;
    for (i = 0; i < registry->n; i++)
        ids[i] = registry->entries[i]->id;
    nearest = vanta_nearest(name, ids, registry->n);
    free(ids);
    return nearest;
}

/* --- editing --- */

static enum vanta_status check_entry(const struct vanta_entry *entry,
                                     struct vanta_error *err)
{
    size_t i;

    if (!entry->id || !vanta_id_is_valid(entry->id))
        return vanta_fail(err, VANTA_ERR_USAGE, "%s is not a model's id",
                          entry->id ? entry->id : "nothing");
    if (entry->path && entry->path[0] != '/' && !vanta_path_is_safe(entry->path))
        return vanta_fail(err, VANTA_ERR_USAGE, "%s: the path %s cannot be registered",
                          entry->id, entry->path);
    if (entry->hash && !vanta_sha256_is_hex(entry->hash))
        return vanta_fail(err, VANTA_ERR_USAGE, "%s: %s is not a SHA-256", entry->id,
                          entry->hash);
    for (i = 0; i < entry->n_files; i++)
        if (!entry->files[i].path || !vanta_path_is_safe(entry->files[i].path))
            return vanta_fail(err, VANTA_ERR_USAGE,
                              "%s: the file's path %s cannot be registered", entry->id,
                              entry->files[i].path ? entry->files[i].path : "(none)");
    return VANTA_OK;
}

/* Receipts, aliases and what people wrote stay with the id. */
static enum vanta_status inherit(struct vanta_entry *entry,
                                 const struct vanta_entry *former,
                                 struct vanta_error *err)
{
    json_t *mine = entry->extra, *theirs = json_deep_copy(former->extra), *value;
    const char *key;

    if (!entry->date_added)
        entry->date_added = vanta_strdup(former->date_added);
    if (!entry->date_added || !theirs) {
        json_decref(theirs);
        return vanta_fail_memory(err);
    }
    json_object_foreach(theirs, key, value) {
        json_t *own = json_object_get(mine, key);

        if (json_is_object(own) && json_is_object(value))
            json_object_update_missing(own, value);
        else if (!own || (json_is_array(own) && json_array_size(own) == 0))
            json_object_set(mine, key, value);
    }
    json_decref(theirs);
    return VANTA_OK;
}

enum vanta_status vanta_registry_put(struct vanta_registry *registry,
                                     const struct vanta_entry *entry,
                                     struct vanta_error *err)
{
    enum vanta_status status = check_entry(entry, err);
    size_t k = status == VANTA_OK ? vanta_registry_position(registry, entry->id) : 0;
    char now[VANTA_TIME_TEXT_MAX];
    struct vanta_entry copy;

    if (status == VANTA_OK)
        status = vanta_entry_copy(entry, &copy, err);
    if (status != VANTA_OK)
        return status;
    if (!copy.extra)
        copy.extra = json_object();
    if (k != SIZE_MAX)
        status = inherit(&copy, registry->entries[k], err);
    vanta_time_now(now);
    if (!copy.date_added)
        copy.date_added = vanta_strdup(now);
    if (status == VANTA_OK)
        status = vanta_entry_complete(&copy, err);
    if (status != VANTA_OK) {
        vanta_entry_free(&copy);
        return status;
    }
    if (k == SIZE_MAX)
        return vanta_registry_take(registry, &copy, err);
    vanta_entry_free(registry->entries[k]);
    *registry->entries[k] = copy;
    return VANTA_OK;
}

bool vanta_registry_remove(struct vanta_registry *registry, const char *id)
{
    size_t k = find(registry, id), i;

    if (k == SIZE_MAX)
        return false;
    vanta_entry_free(registry->entries[k]);
    free(registry->entries[k]);
    registry->n--;
    memmove(&registry->entries[k], &registry->entries[k + 1],
            (registry->n - k) * sizeof *registry->entries);
    json_object_clear(registry->index);
    for (i = 0; i < registry->n; i++)
        index_entry(registry, i);
    return true;
}

struct vanta_entry *vanta_registry_edit(struct vanta_registry *registry, const char *id)
{
    size_t k = find(registry, id);

    return k == SIZE_MAX ? NULL : registry->entries[k];
}

/* --- the disk --- */

struct places {
    char dir[VANTA_PATH_MAX], file[VANTA_PATH_MAX], schema[VANTA_PATH_MAX];
    char lock[VANTA_PATH_MAX];
};

static enum vanta_status find_places(const char *root, struct places *p,
                                     struct vanta_error *err)
{
    if (vanta_path_join(p->dir, root, "registry") &&
        vanta_path_join(p->file, p->dir, "registry.json") &&
        vanta_path_join(p->schema, p->dir, "schema.json") &&
        vanta_path_join(p->lock, p->dir, "registry.lock"))
        return VANTA_OK;
    return vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long", root);
}

/* Reads and parses registry.json; text gets its bytes. VANTA_ERR_FORMAT: damaged (too
 * large counts as that). A file that is not there gives an empty registry. */
static enum vanta_status read_current(const char *root, const struct places *p,
                                      const struct vanta_catalog *catalog,
                                      struct vanta_buf *text, struct vanta_registry **out,
                                      struct vanta_error *err)
{
    enum vanta_status status;

    if (!vanta_file_exists(p->file) && errno == ENOENT && !vanta_file_is_link(p->file)) {
        status = vanta_registry_new(out, err);
        if (status == VANTA_OK)
            (*out)->catalog = catalog;
        return status;
    }
    status = vanta_file_read(p->file, text, err);
    if (status == VANTA_ERR_LIMIT) {
        if (err)
            err->status = VANTA_ERR_FORMAT;
        status = VANTA_ERR_FORMAT;
    } else if (status == VANTA_OK) {
        status = vanta_registry_parse(text->data ? text->data : "", text->len, p->file,
                                      root, catalog, out, err);
    }
    if (status == VANTA_ERR_FORMAT)
        vanta_hint(err, REBUILD_HINT);
    return status;
}

enum vanta_status vanta_registry_load(const char *root,
                                      const struct vanta_catalog *catalog,
                                      struct vanta_registry **out,
                                      struct vanta_error *problem,
                                      struct vanta_error *err)
{
    struct vanta_buf text = VANTA_BUF(VANTA_REGISTRY_BYTES_MAX);
    struct vanta_error damage = {0};
    enum vanta_status status;
    struct places p;

    status = find_places(root, &p, err);
    if (status != VANTA_OK)
        return status;
    status = read_current(root, &p, catalog, &text, out, &damage);
    vanta_buf_free(&text);
    if (status == VANTA_ERR_FORMAT &&
        vanta_history_newest(root, catalog, out, NULL) == VANTA_OK) {
        (*out)->origin = VANTA_REGISTRY_HISTORY_FILE;
        if (problem)
            *problem = damage;
        return VANTA_OK;
    }
    if (status != VANTA_OK && err && err->status == VANTA_OK)
        *err = damage;
    return status;
}

/* Temporary files of writers that were killed; whoever holds the lock may delete them. */
static void sweep(const char *dir)
{
    struct dirent *entry;
    char path[VANTA_PATH_MAX];
    DIR *d = opendir(dir);

    while (d && (entry = readdir(d)))
        if ((vanta_has_prefix(entry->d_name, ".registry.json.tmp-") ||
             vanta_has_prefix(entry->d_name, ".schema.json.tmp-")) &&
            vanta_path_join(path, dir, entry->d_name))
            unlink(path);
    if (d)
        closedir(d);
}

static enum vanta_status write_schema(const struct places *p, struct vanta_error *err)
{
    struct vanta_buf text = VANTA_BUF((size_t)1024 * 1024);
    bool same = vanta_file_read(p->schema, &text, NULL) == VANTA_OK &&
                text.len == vanta_registry_schema[0].len &&
                memcmp(text.data, vanta_registry_schema[0].data, text.len) == 0;

    vanta_buf_free(&text);
    return same ? VANTA_OK
                : vanta_file_replace(p->schema, vanta_registry_schema[0].data,
                                     vanta_registry_schema[0].len, err);
}

static enum vanta_status open_for_writing(const char *root, struct places *p,
                                          struct vanta_lock *lock,
                                          struct vanta_error *err)
{
    enum vanta_status status = find_places(root, p, err);

    if (status == VANTA_OK)
        status = vanta_dir_make(p->dir, err);
    if (status == VANTA_OK)
        status = vanta_lock_acquire(lock, p->lock, LOCK_WAIT_MS, NULL, NULL, NULL, err);
    if (status == VANTA_ERR_BUSY)
        vanta_hint(err, "Wait for that process, or end it.");
    /* A rename would replace a file that was made read-only on purpose. */
    if (status == VANTA_OK && vanta_file_exists(p->file) && access(p->file, W_OK) != 0)
        status = vanta_fail_errno(err, errno, "writing %s", p->file);
    if (status == VANTA_ERR_IO)
        vanta_hint(err, "The registry must be writable for this user; or choose another "
                        "models folder with --models-dir.");
    if (status == VANTA_OK)
        sweep(p->dir);
    return status;
}

/* former: what registry.json held, NULL when there was none worth keeping. */
static enum vanta_status write_current(const char *root, const struct places *p,
                                       const struct vanta_buf *former,
                                       const struct vanta_buf *text, bool inventory,
                                       struct vanta_error *err)
{
    enum vanta_status status = write_schema(p, err);

    if (status == VANTA_OK && inventory && former)
        status = vanta_history_keep(root, former->data, former->len, NULL, 0, err);
    if (status == VANTA_OK)
        status = vanta_file_replace(p->file, text->data, text->len, err);
    if (status == VANTA_OK && inventory)
        status = vanta_history_keep(root, NULL, 0, text->data, text->len, err);
    return status;
}

/* Whether the new text has another inventory than the old one. */
static bool inventory_changed(const char *root, const struct vanta_buf *old,
                              const struct vanta_registry *now)
{
    struct vanta_registry *before = NULL;
    bool changed = !old->data ||
                   vanta_registry_parse(old->data, old->len, "", root, NULL, &before,
                                        NULL) != VANTA_OK ||
                   before->origin != VANTA_REGISTRY_CURRENT ||
                   !vanta_registry_same_inventory(before, now);

    vanta_registry_free(before);
    return changed;
}

enum vanta_status vanta_registry_update(const char *root,
                                        const struct vanta_catalog *catalog,
                                        vanta_registry_change *change, void *arg,
                                        struct vanta_error *err)
{
    struct vanta_buf old = VANTA_BUF(VANTA_REGISTRY_BYTES_MAX);
    struct vanta_buf text = VANTA_BUF(VANTA_REGISTRY_BYTES_MAX);
    struct vanta_registry *registry = NULL;
    struct vanta_lock lock = {0};
    enum vanta_status status;
    struct places p;

    status = open_for_writing(root, &p, &lock, err);
    if (status == VANTA_OK)
        status = read_current(root, &p, catalog, &old, &registry, err);
    if (status == VANTA_OK)
        status = change(arg, registry, err);
    if (status == VANTA_OK)
        status = vanta_registry_text(registry, &text, err);
    if (status == VANTA_OK &&
        !(old.len == text.len && memcmp(old.data, text.data, text.len) == 0))
        status = write_current(root, &p, old.data ? &old : NULL, &text,
                               inventory_changed(root, &old, registry), err);
    vanta_lock_release(&lock);
    vanta_registry_free(registry);
    vanta_buf_free(&old);
    vanta_buf_free(&text);
    return status;
}

/* A second name for the damaged file, so that the replacement stays one rename. */
static enum vanta_status keep_damaged(const struct places *p, struct vanta_error *err)
{
    char now[VANTA_TIME_TEXT_MAX], aside[VANTA_PATH_MAX];
    unsigned i;

    vanta_time_now(now);
    now[strcspn(now, "T")] = '\0';
    for (i = 0; i < 1000; i++) {
        if (!vanta_format(aside, sizeof aside, i ? "%s.damaged-%s-%u" : "%s.damaged-%s",
                          p->file, now, i))
            return vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long", p->file);
        if (link(p->file, aside) == 0)
            return VANTA_OK;
        if (errno != EEXIST)
            return vanta_file_copy(p->file, aside, err);
    }
    return vanta_fail(err, VANTA_ERR_EXISTS, "%s.damaged-%s: there are too many", p->file,
                      now);
}

enum vanta_status vanta_registry_replace(const char *root, struct vanta_registry *registry,
                                         struct vanta_error *err)
{
    struct vanta_buf old = VANTA_BUF(VANTA_REGISTRY_BYTES_MAX);
    struct vanta_buf text = VANTA_BUF(VANTA_REGISTRY_BYTES_MAX);
    struct vanta_registry *former = NULL;
    struct vanta_lock lock = {0};
    enum vanta_status status;
    struct places p;

    status = open_for_writing(root, &p, &lock, err);
    if (status == VANTA_OK)
        status = read_current(root, &p, NULL, &old, &former, err);
    if (status == VANTA_ERR_FORMAT) {
        if (err)
            vanta_error_clear(err);
        vanta_buf_free(&old);
        status = keep_damaged(&p, err);
    } else if (status == VANTA_OK && former && former->n > 0 &&
               (registry->origin == VANTA_REGISTRY_NONE ||
                registry->origin == VANTA_REGISTRY_HISTORY_FILE)) {
        /* What was damaged or gone when the caller looked is right again. */
        vanta_fail(err, VANTA_ERR_BUSY,
                   "%s: another process has written the registry meanwhile", p.file);
        vanta_hint(err, "run the same command again: it starts from what is there now");
        status = VANTA_ERR_BUSY;
    }
    if (status == VANTA_OK)
        status = vanta_registry_text(registry, &text, err);
    if (status == VANTA_OK &&
        !(old.data && old.len == text.len && memcmp(old.data, text.data, text.len) == 0))
        status = write_current(root, &p, old.data ? &old : NULL, &text,
                               inventory_changed(root, &old, registry), err);
    vanta_lock_release(&lock);
    vanta_registry_free(former);
    vanta_buf_free(&old);
    vanta_buf_free(&text);
    return status;
}
