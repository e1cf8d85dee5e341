/* rebuild_scan.c - which files in the type folders no entry has. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "models/candidate.h"
#include "models/rebuild_private.h"

bool rebuild_is_weights_name(const char *path)
{
    static const char *const endings[] = {".gguf", ".bin", ".safetensors"};
    size_t i;

    for (i = 0; i < sizeof endings / sizeof endings[0]; i++)
        if (vanta_has_suffix(path, endings[i]))
            return true;
    return vanta_name_is_pickle(path);
}

static bool is_within(const char *path, const char *folder)
{
    size_t n = strlen(folder);

    return strncmp(path, folder, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

enum claim { CLAIM_NONE, CLAIM_PART, CLAIM_WHOLE };

/* PART: an entry has something below relative. */
static enum claim claim_of(const struct vanta_registry *registry, const char *relative)
{
    enum claim claim = CLAIM_NONE;
    size_t i;

    for (i = 0; i < registry->n; i++) {
        const struct vanta_entry *entry = registry->entries[i];

        if (!entry->path || entry->external)
            continue;
        if (is_within(relative, entry->path))
            return CLAIM_WHOLE;
        if (is_within(entry->path, relative))
            claim = CLAIM_PART;
    }
    return claim;
}

struct scan {
    const char *root;
    const struct vanta_registry *registry;
    rebuild_visit *visit;
    void *arg;
    enum vanta_model_type type;
    const char *below; /* the folder that is walked, relative to the root */
};

static enum vanta_status on_inner_file(void *arg, const char *relative, uint64_t bytes,
                                       struct vanta_error *err)
{
    const struct scan *s = arg;
    char path[VANTA_PATH_MAX];

    (void)bytes;
    if (!rebuild_is_weights_name(relative) || !vanta_path_join(path, s->below, relative) ||
        claim_of(s->registry, path) != CLAIM_NONE)
        return VANTA_OK;
    return s->visit(s->arg, s->type, REBUILD_FILE, path, err);
}

static enum vanta_status scan_folder(struct scan *s, const char *relative,
                                     struct vanta_error *err)
{
    char full[VANTA_PATH_MAX];

    switch (claim_of(s->registry, relative)) {
    case CLAIM_WHOLE:
        return VANTA_OK;
    case CLAIM_NONE:
        return s->visit(s->arg, s->type, REBUILD_FOLDER, relative, err);
    case CLAIM_PART:
        break;
    }
    s->below = relative;
    if (!vanta_path_join(full, s->root, relative))
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long", relative);
    return vanta_dir_walk(full, on_inner_file, s, err);
}

static enum vanta_status scan_name(struct scan *s, const char *folder, const char *name,
                                   struct vanta_error *err)
{
    char relative[VANTA_PATH_MAX], full[VANTA_PATH_MAX];
    struct stat st;

    if (!vanta_path_join(relative, folder, name) ||
        !vanta_path_join(full, s->root, relative) || lstat(full, &st) != 0)
        return VANTA_OK;
    if (S_ISDIR(st.st_mode))
        return strchr(name, '@') ? VANTA_OK : scan_folder(s, relative, err);
    if (claim_of(s->registry, relative) != CLAIM_NONE)
        return VANTA_OK;
    if (S_ISLNK(st.st_mode))
        return s->visit(s->arg, s->type, REBUILD_LINK, relative, err);
    if (S_ISREG(st.st_mode))
        return s->visit(s->arg, s->type, REBUILD_FILE, relative, err);
    return VANTA_OK;
}

static int is_shown(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static enum vanta_status scan_type(struct scan *s, struct vanta_error *err)
{
    const char *folder = vanta_type_folder(s->type);
    enum vanta_status status = VANTA_OK;
    struct dirent **names = NULL;
    char full[VANTA_PATH_MAX];
    int n, i;

    if (!vanta_path_join(full, s->root, folder))
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long", s->root);
    if (vanta_file_is_link(full) && vanta_root_holds(s->root, folder, NULL) != VANTA_OK)
        return s->visit(s->arg, s->type, REBUILD_LINK, folder, err);
    n = scandir(full, &names, is_shown, by_bytes);
    if (n < 0)
        return errno == ENOENT || errno == ENOTDIR
                   ? VANTA_OK
                   : vanta_fail_errno(err, errno, "%s", full);
    for (i = 0; i < n; i++) {
        if (status == VANTA_OK)
            status = scan_name(s, folder, names[i]->d_name, err);
        free(names[i]);
    }
    free(names);
    return status;
}

enum vanta_status rebuild_scan(const char *root, const struct vanta_registry *registry,
                               rebuild_visit *visit, void *arg, struct vanta_error *err)
{
    struct scan s = {root, registry, visit, arg, VANTA_TYPE_UNKNOWN, NULL};
    enum vanta_status status = VANTA_OK;
    int type;

    for (type = 0; status == VANTA_OK && type < VANTA_TYPE_COUNT; type++) {
        s.type = (enum vanta_model_type)type;
        status = scan_type(&s, err);
    }
    return status;
}

/* --- for doctor --- */

struct orphans {
    const char *root;
    vanta_orphan_visit *visit;
    void *arg;
};

static enum vanta_status on_any_weights(void *arg, const char *relative, uint64_t bytes,
                                        struct vanta_error *err)
{
    (void)bytes;
    (void)err;
    *(bool *)arg |= rebuild_is_weights_name(relative);
    return VANTA_OK;
}

static enum vanta_status on_orphan(void *arg, enum vanta_model_type type,
                                   enum rebuild_thing thing, const char *relative,
                                   struct vanta_error *err)
{
    const struct orphans *o = arg;
    char full[VANTA_PATH_MAX];
    bool weights = false;

    (void)type;
    (void)err;
    if (thing == REBUILD_FILE)
        weights = rebuild_is_weights_name(relative);
    else if (thing == REBUILD_FOLDER && vanta_path_join(full, o->root, relative))
        vanta_dir_walk(full, on_any_weights, &weights, NULL);
    if (weights)
        o->visit(o->arg, relative);
    return VANTA_OK;
}

void vanta_registry_orphans(const char *root, const struct vanta_registry *registry,
                            vanta_orphan_visit *visit, void *arg)
{
    struct orphans o = {root, visit, arg};

    rebuild_scan(root, registry, on_orphan, &o, NULL);
}
