#include "models/remove.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/lock.h"
#include "base/path.h"
#include "base/text.h"
#include "models/chunk_store.h"
#include "models/registry_private.h"

enum removal_kind {
    REMOVE_NOTHING,
    REMOVE_LINK,  /* the model's folder is a symbolic link: it alone goes */
    REMOVE_TREE,  /* the folder is the model's own */
    REMOVE_FILES  /* only what the entry lists, then folders that became empty */
};

/* The model's folder below the root: its path, or what holds its only file. */
static bool inner_folder(const struct vanta_entry *entry, char out[VANTA_PATH_MAX])
{
    const char *file = entry->n_files == 1 ? entry->files[0].path : NULL;

    if (!entry->path || !vanta_path_is_safe(entry->path) ||
        !vanta_format(out, VANTA_PATH_MAX, "%s", entry->path))
        return false;
    if (file && vanta_path_ends_with(out, file))
        out[strlen(out) - strlen(file) - 1] = '\0';
    else if (file && strcmp(out, file) == 0)
        out[0] = '\0';
    return true;
}

static bool is_within(const char *path, const char *folder)
{
    size_t n = strlen(folder);

    return strncmp(path, folder, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

/* Another entry has its path in this folder, or around it. */
static const char *sharer(const struct vanta_registry *registry,
                          const struct vanta_entry *entry, const char *folder)
{
    size_t i;

    for (i = 0; i < registry->n; i++) {
        const struct vanta_entry *other = registry->entries[i];

        if (strcmp(other->id, entry->id) != 0 && other->path &&
            (is_within(other->path, folder) || is_within(folder, other->path)))
            return other->id;
    }
    return NULL;
}

static const char *file_sharer(const char *root, const struct vanta_registry *registry,
                               const struct vanta_entry *entry, const char *path)
{
    char other_path[VANTA_PATH_MAX];
    size_t i, k;

    for (i = 0; i < registry->n; i++) {
        const struct vanta_entry *other = registry->entries[i];

        if (strcmp(other->id, entry->id) == 0)
            continue;
        for (k = 0; k < other->n_files; k++)
            if (vanta_entry_file_path(root, other, k, other_path) &&
                strcmp(other_path, path) == 0)
                return other->id;
        if (other->n_files == 0 && vanta_entry_path(root, other, other_path) &&
            is_within(path, other_path))
            return other->id;
    }
    return NULL;
}

/* Whether a folder of this name may be a model's own: TYPE/ID or deeper, and not ours. */
static bool may_be_own(const struct vanta_entry *entry, const char *folder)
{
    const char *slash = strchr(folder, '/');

    if (!slash || is_within(folder, "registry"))
        return false;
    /* The folder around a single file is the model's when it has the model's name. */
    return entry->n_files != 1 || vanta_streq_nocase(vanta_path_base(folder), entry->id);
}

static enum removal_kind decide(const char *root, const struct vanta_registry *registry,
                                const struct vanta_entry *entry, char folder[VANTA_PATH_MAX],
                                struct vanta_removal *out)
{
    char full[VANTA_PATH_MAX], parent[VANTA_PATH_MAX];
    struct vanta_error err = {0};
    const char *other;

    if (vanta_entry_is_api(entry) || !entry->path)
        return REMOVE_NOTHING;
    if (entry->external) {
        snprintf(out->kept, sizeof out->kept, "its files stay: they are yours, at %.180s",
                 entry->path);
        return REMOVE_NOTHING;
    }
    if (!inner_folder(entry, folder)) {
        snprintf(out->kept, sizeof out->kept, "its path leads out of the models folder");
        return REMOVE_NOTHING;
    }
    if (!may_be_own(entry, folder))
        return entry->n_files > 0 ? REMOVE_FILES : REMOVE_NOTHING;
    if (!vanta_path_parent(parent, folder) || !vanta_path_join(full, root, folder) ||
        vanta_root_holds(root, parent, &err) != VANTA_OK) {
        snprintf(out->kept, sizeof out->kept, "its files stay: %.200s", err.message);
        return REMOVE_NOTHING;
    }
    if (vanta_file_is_link(full)) {
        snprintf(out->kept, sizeof out->kept,
                 "what %.150s leads to stays; only the link goes", folder);
        return REMOVE_LINK;
    }
    other = sharer(registry, entry, folder);
    if (!other)
        return REMOVE_TREE;
    snprintf(out->kept, sizeof out->kept, "files that %s has too stay", other);
    return REMOVE_FILES;
}

/* The path of a listed file, when it may be deleted. */
static bool own_file(const char *root, const struct vanta_registry *registry,
                     const struct vanta_entry *entry, const char *folder, size_t i,
                     char path[VANTA_PATH_MAX], struct vanta_removal *out)
{
    char relative[VANTA_PATH_MAX], parent[VANTA_PATH_MAX];
    const char *other;

    if (!vanta_path_join(relative, folder, entry->files[i].path) ||
        !vanta_path_join(path, root, relative) || !vanta_path_is_safe(relative) ||
        is_within(relative, "registry"))
        return false;
    if (!vanta_path_parent(parent, relative) ||
        (strcmp(parent, ".") != 0 && vanta_root_holds(root, parent, NULL) != VANTA_OK)) {
        snprintf(out->kept, sizeof out->kept, "%.150s stays: it is out of the models folder",
                 relative);
        return false;
    }
    other = file_sharer(root, registry, entry, path);
    if (other)
        snprintf(out->kept, sizeof out->kept, "%.150s stays: %s has it too", relative,
                 other);
    return !other;
}

/* Measures, or deletes. */
static enum vanta_status handle_files(const char *root,
                                      const struct vanta_registry *registry,
                                      const struct vanta_entry *entry, const char *folder,
                                      bool deletes, struct vanta_removal *out,
                                      struct vanta_error *err)
{
    char path[VANTA_PATH_MAX], up[VANTA_PATH_MAX], stop[VANTA_PATH_MAX];
    enum vanta_status status = VANTA_OK;
    struct stat st;
    size_t i;

    if (!vanta_path_join(stop, root, folder))
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long", folder);
    for (i = 0; status == VANTA_OK && i < entry->n_files; i++) {
        if (!own_file(root, registry, entry, folder, i, path, out) ||
            lstat(path, &st) != 0 || S_ISDIR(st.st_mode))
            continue;
        snprintf(out->path, sizeof out->path, "%s", path);
        out->bytes += S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
        if (!deletes)
            continue;
        if (unlink(path) != 0)
            status = vanta_fail_errno(err, errno, "deleting %s", path);
        /* Folders between the file and the model's own go when they are empty. */
        while (vanta_path_parent(up, path) && strlen(up) > strlen(stop) && rmdir(up) == 0)
            memcpy(path, up, sizeof path);
    }
    if (entry->n_files > 1 && !deletes)
        snprintf(out->path, sizeof out->path, "%s", stop);
    if (deletes && strchr(folder, '/'))
        rmdir(stop); /* stays when others have something in it */
    return status;
}

/* The entry, and when it lists no files although its path is one, with that file. */
static struct vanta_entry with_files(const char *root, const struct vanta_entry *entry,
                                     struct vanta_entry_file *only)
{
    struct vanta_entry view = *entry;
    char path[VANTA_PATH_MAX];

    if (entry->n_files > 0 || !vanta_entry_path(root, entry, path) ||
        vanta_file_size(path) < 0)
        return view;
    only->path = view.path + (vanta_path_base(view.path) - view.path);
    view.files = only;
    view.n_files = 1;
    return view;
}

static enum vanta_status handle(const char *root, const struct vanta_registry *registry,
                                const char *id, bool deletes, struct vanta_removal *out,
                                struct vanta_error *err)
{
    const struct vanta_entry *found = vanta_registry_find(registry, id);
    struct vanta_entry_file only = {0};
    struct vanta_entry view, *entry = &view;
    char folder[VANTA_PATH_MAX];
    enum removal_kind kind;

    memset(out, 0, sizeof *out);
    if (!found)
        return vanta_fail(err, VANTA_ERR_NOT_FOUND, "%s is not registered in %s", id, root);
    view = with_files(root, found, &only);
    kind = decide(root, registry, entry, folder, out);
    if (kind == REMOVE_NOTHING)
        return VANTA_OK;
    if (kind == REMOVE_FILES)
        return handle_files(root, registry, entry, folder, deletes, out, err);
    if (!vanta_path_join(out->path, root, folder))
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long", folder);
    if (kind == REMOVE_TREE && vanta_file_is_dir(out->path))
        out->bytes = vanta_dir_bytes(out->path);
    return deletes ? vanta_remove_tree(out->path, err) : VANTA_OK;
}

enum vanta_status vanta_model_removal(const char *root,
                                      const struct vanta_registry *registry,
                                      const char *id, struct vanta_removal *out,
                                      struct vanta_error *err)
{
    return handle(root, registry, id, false, out, err);
}

/* The same lock that setup holds while it makes the model. */
static enum vanta_status lock_model(const char *root, const struct vanta_entry *entry,
                                    struct vanta_lock *lock, struct vanta_error *err)
{
    char dir[VANTA_PATH_MAX], path[VANTA_PATH_MAX];
    enum vanta_status status;

    if (entry->type == VANTA_TYPE_UNKNOWN ||
        !vanta_path_join(dir, root, vanta_type_folder(entry->type)) ||
        !vanta_file_is_dir(dir))
        return VANTA_OK;
    if (!vanta_format(path, sizeof path, "%s/.%s.lock", dir, entry->id))
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long", dir);
    status = vanta_lock_acquire(lock, path, 0, NULL, NULL, NULL, err);
    if (status == VANTA_ERR_BUSY)
        vanta_hint(err, "Another vanta works on %s: wait for it, or end it.", entry->id);
    return status;
}

static enum vanta_status look(void *arg, struct vanta_registry *registry,
                              struct vanta_error *err)
{
    (void)arg;
    (void)registry;
    (void)err;
    return VANTA_OK;
}

static enum vanta_status forget(void *arg, struct vanta_registry *registry,
                                struct vanta_error *err)
{
    (void)err;
    vanta_registry_remove(registry, arg);
    return VANTA_OK;
}

static void sweep_chunks(const char *root, const struct vanta_catalog *catalog)
{
    struct vanta_registry *registry = NULL;

    if (vanta_registry_load(root, catalog, &registry, NULL, NULL) == VANTA_OK &&
        vanta_registry_origin(registry) == VANTA_REGISTRY_CURRENT)
        vanta_chunk_store_sweep(root, registry, catalog);
    vanta_registry_free(registry);
}

enum vanta_status vanta_model_remove(const char *root,
                                     const struct vanta_catalog *catalog, const char *id,
                                     struct vanta_removal *out, struct vanta_error *err)
{
    struct vanta_registry *registry = NULL;
    const struct vanta_entry *entry;
    struct vanta_lock lock = {0};
    enum vanta_status status;

    memset(out, 0, sizeof *out);
    /* Nothing is deleted for a registry that could not be written afterwards. */
    status = vanta_registry_update(root, catalog, look, NULL, err);
    if (status == VANTA_OK)
        status = vanta_registry_load(root, catalog, &registry, NULL, err);
    if (status != VANTA_OK)
        return status;
    entry = vanta_registry_find(registry, id);
    if (!entry)
        status = vanta_fail(err, VANTA_ERR_NOT_FOUND, "%s is not registered in %s", id,
                            root);
    if (status == VANTA_OK)
        status = lock_model(root, entry, &lock, err);
    /* A set-up may have ended while the lock was waited for: what it wrote counts. */
    if (status == VANTA_OK) {
        vanta_registry_free(registry);
        registry = NULL;
        status = vanta_registry_load(root, catalog, &registry, NULL, err);
    }
    entry = status == VANTA_OK ? vanta_registry_find(registry, id) : NULL;
    if (status == VANTA_OK && !entry)
        status = vanta_fail(err, VANTA_ERR_NOT_FOUND, "%s has been removed meanwhile", id);
    if (status == VANTA_OK)
        status = handle(root, registry, id, true, out, err);
    if (status == VANTA_OK)
        status = vanta_registry_update(root, catalog, forget, entry->id, err);
    if (status == VANTA_OK)
        sweep_chunks(root, catalog);
    vanta_lock_release(&lock);
    vanta_registry_free(registry);
    return status;
}
