#include "models/rebuild.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "models/rebuild_private.h"

const char *vanta_rebuild_kind_name(enum vanta_rebuild_kind kind)
{
    static const char *const names[] = {
        [VANTA_REBUILD_KEPT] = "kept",       [VANTA_REBUILD_RESTORED] = "restored",
        [VANTA_REBUILD_ADOPTED] = "adopted", [VANTA_REBUILD_MOVED] = "moved",
        [VANTA_REBUILD_FOUND] = "found",     [VANTA_REBUILD_MISSING] = "missing",
        [VANTA_REBUILD_LEFT] = "left"};

    return names[kind];
}

void vanta_rebuild_free(struct vanta_rebuild_result *result)
{
    size_t i;

    for (i = 0; i < result->n; i++)
        free(result->items[i].path);
    free(result->items);
    memset(result, 0, sizeof *result);
}

enum vanta_status rebuild_note(struct rebuild *r, enum vanta_rebuild_kind kind,
                               const struct vanta_entry *entry, const char *path,
                               const char *note, struct vanta_error *err)
{
    struct vanta_rebuild_result *result = r->result;
    struct vanta_rebuild_item *item;

    if (result->n % 32 == 0) {
        void *grown = realloc(result->items, (result->n + 32) * sizeof *result->items);

        if (!grown)
            return vanta_fail_memory(err);
        result->items = grown;
    }
    item = &result->items[result->n];
    memset(item, 0, sizeof *item);
    item->kind = kind;
    item->changes = kind != VANTA_REBUILD_KEPT && kind != VANTA_REBUILD_LEFT;
    vanta_text_printable(note, item->note, sizeof item->note);
    if (entry) {
        snprintf(item->id, sizeof item->id, "%s", entry->id);
        path = entry->path;
    }
    item->path = vanta_strdup(path);
    if (path && !item->path)
        return vanta_fail_memory(err);
    result->n++;
    return VANTA_OK;
}

/* --- where it starts from --- */

static int is_history(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && vanta_has_suffix(entry->d_name, ".json");
}

static int newest_first(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*b)->d_name, (*a)->d_name);
}

/* Those that can be read; what cannot is passed over. */
static enum vanta_status read_history(struct rebuild *r, struct vanta_error *err)
{
    char dir[VANTA_PATH_MAX], path[VANTA_PATH_MAX];
    struct dirent **names = NULL;
    int n, i;

    if (!vanta_path_join(dir, r->options->root, "registry/history"))
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long",
                          r->options->root);
    n = scandir(dir, &names, is_history, newest_first);
    r->history = calloc(n > 0 ? (size_t)n : 1, sizeof *r->history);
    for (i = 0; i < n; i++) {
        struct vanta_buf text = VANTA_BUF(VANTA_REGISTRY_BYTES_MAX);

        if (r->history && vanta_path_join(path, dir, names[i]->d_name) &&
            vanta_file_read(path, &text, NULL) == VANTA_OK && text.data &&
            vanta_registry_parse(text.data, text.len, path, r->options->root,
                                 r->options->catalog, &r->history[r->n_history],
                                 NULL) == VANTA_OK)
            r->n_history++;
        vanta_buf_free(&text);
        free(names[i]);
    }
    free(names);
    return r->history ? VANTA_OK : vanta_fail_memory(err);
}

/* The current registry; a damaged or lost one's newest history; else an empty one. */
static enum vanta_status start(struct rebuild *r, struct vanta_error *err)
{
    struct vanta_rebuild_result *result = r->result;
    const struct vanta_rebuild_options *o = r->options;
    struct vanta_error problem = {0}, why = {0};
    enum vanta_status status =
        vanta_registry_load(o->root, o->catalog, &r->registry, &problem, &why);

    if (status == VANTA_ERR_FORMAT) {
        problem = why;
        status = vanta_registry_new(&r->registry, err);
        if (status != VANTA_OK)
            return status;
        r->registry->catalog = o->catalog;
    } else if (status != VANTA_OK) {
        vanta_fail(err, status, "%s", why.message);
        vanta_hint(err, "%s", why.hint);
        return status;
    }
    result->damaged = problem.status != VANTA_OK;
    snprintf(result->problem, sizeof result->problem, "%.511s", problem.message);
    result->origin = vanta_registry_origin(r->registry);
    if (result->origin == VANTA_REGISTRY_NONE && !result->damaged && r->n_history > 0) {
        vanta_registry_free(r->registry); /* the file was lost, its history not */
        r->registry = r->history[0];
        r->n_history--;
        memmove(&r->history[0], &r->history[1], r->n_history * sizeof *r->history);
        result->origin = VANTA_REGISTRY_HISTORY_FILE;
    }
    return VANTA_OK;
}

/* --- the entries that are there --- */

static enum vanta_status judge(struct rebuild *r, struct vanta_entry *entry,
                               struct vanta_error *err)
{
    enum vanta_rebuild_kind kind = VANTA_REBUILD_KEPT;
    char why[256] = "";
    enum vanta_state state =
        vanta_entry_state(r->options->root, entry, r->options->catalog, why);

    if (state == VANTA_STATE_MISSING) {
        if (entry->missing_mark)
            return rebuild_note(r, VANTA_REBUILD_KEPT, entry, NULL, why, err);
        entry->missing_mark = true;
        return rebuild_note(r, VANTA_REBUILD_MISSING, entry, NULL, why, err);
    }
    if (entry->missing_mark)
        kind = VANTA_REBUILD_FOUND;
    else if (r->result->origin == VANTA_REGISTRY_HISTORY_FILE)
        kind = VANTA_REBUILD_RESTORED;
    entry->missing_mark = false;
    if (state > VANTA_STATE_UNVERIFIED)
        why[0] = '\0';
    return rebuild_note(r, kind, entry, NULL, why, err);
}

/* An entry that was marked missing and then found elsewhere is told once. */
static void drop_superseded(struct vanta_rebuild_result *result)
{
    size_t i, k;

    for (i = 0; i < result->n; i++) {
        if (result->items[i].kind != VANTA_REBUILD_MOVED &&
            result->items[i].kind != VANTA_REBUILD_ADOPTED)
            continue;
        for (k = 0; k < i; k++)
            if (vanta_streq_nocase(result->items[k].id, result->items[i].id)) {
                free(result->items[k].path);
                memmove(&result->items[k], &result->items[k + 1],
                        (result->n - k - 1) * sizeof *result->items);
                result->n--;
                i--;
                break;
            }
    }
}

/* --- writing --- */

/* Onto the registry as it is now: what others changed since stays. */
static enum vanta_status apply(void *arg, struct vanta_registry *registry,
                               struct vanta_error *err)
{
    const struct rebuild *r = arg;
    enum vanta_status status = VANTA_OK;
    size_t i;

    for (i = 0; status == VANTA_OK && i < r->result->n; i++) {
        const struct vanta_rebuild_item *item = &r->result->items[i];
        const struct vanta_entry *mine;
        struct vanta_entry *theirs;

        if (!item->changes)
            continue;
        mine = vanta_registry_find(r->registry, item->id);
        theirs = vanta_registry_edit(registry, item->id);
        if (item->kind == VANTA_REBUILD_MISSING || item->kind == VANTA_REBUILD_FOUND) {
            if (theirs)
                theirs->missing_mark = mine->missing_mark;
        } else {
            status = vanta_registry_put(registry, mine, err);
        }
    }
    return status;
}

/* The newest file of that kind, which is the one that was just made. */
static void find_aside(const char *root, char out[4096])
{
    char dir[VANTA_PATH_MAX], path[VANTA_PATH_MAX];
    struct dirent *entry;
    struct stat st, best = {0};
    DIR *d = vanta_path_join(dir, root, "registry") ? opendir(dir) : NULL;

    out[0] = '\0';
    while (d && (entry = readdir(d)))
        if (vanta_has_prefix(entry->d_name, "registry.json.damaged-") &&
            vanta_path_join(path, dir, entry->d_name) && stat(path, &st) == 0 &&
            (!out[0] || st.st_ctime >= best.st_ctime)) {
            best = st;
            memcpy(out, path, sizeof path);
        }
    if (d)
        closedir(d);
}

static enum vanta_status write_out(struct rebuild *r, struct vanta_error *err)
{
    const struct vanta_rebuild_options *o = r->options;
    enum vanta_registry_origin origin = r->result->origin;
    enum vanta_status status;

    if (o->dry_run || !r->result->changed)
        return VANTA_OK;
    if (!r->result->damaged &&
        (origin == VANTA_REGISTRY_CURRENT || origin == VANTA_REGISTRY_UPGRADED))
        return vanta_registry_update(o->root, o->catalog, apply, r, err);
    status = vanta_registry_replace(o->root, r->registry, err);
    if (status == VANTA_OK && r->result->damaged)
        find_aside(o->root, r->result->aside);
    return status;
}

static enum vanta_status rebuild(struct rebuild *r, struct vanta_error *err)
{
    enum vanta_status status = read_history(r, err);
    size_t i, n;

    if (status == VANTA_OK)
        status = start(r, err);
    n = status == VANTA_OK ? r->registry->n : 0;
    for (i = 0; status == VANTA_OK && i < n; i++)
        status = judge(r, r->registry->entries[i], err);
    if (status == VANTA_OK)
        status = rebuild_scan(r->options->root, r->registry, rebuild_adopt, r, err);
    if (status != VANTA_OK)
        return status;
    drop_superseded(r->result);
    r->result->changed = r->result->damaged ||
                         r->result->origin == VANTA_REGISTRY_UPGRADED ||
                         r->result->origin == VANTA_REGISTRY_HISTORY_FILE;
    for (i = 0; i < r->result->n; i++)
        r->result->changed |= r->result->items[i].changes;
    return write_out(r, err);
}

enum vanta_status vanta_registry_rebuild(const struct vanta_rebuild_options *options,
                                         struct vanta_rebuild_result *result,
                                         struct vanta_error *err)
{
    struct rebuild r = {.options = options, .result = result};
    enum vanta_status status;
    size_t i;

    memset(result, 0, sizeof *result);
    if (!vanta_file_is_dir(options->root)) {
        vanta_fail(err, VANTA_ERR_NOT_FOUND, "there is no models folder %s",
                   options->root);
        vanta_hint(err, "vanta setup makes one; --models-dir names another.");
        return VANTA_ERR_NOT_FOUND;
    }
    status = rebuild(&r, err);
    vanta_registry_free(r.registry);
    for (i = 0; i < r.n_history; i++)
        vanta_registry_free(r.history[i]);
    free(r.history);
    if (status != VANTA_OK)
        vanta_rebuild_free(result);
    return status;
}
