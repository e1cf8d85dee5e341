/* registry_history.c - earlier registries, kept for the day the current one is damaged.
 *
 * history/NNNNNNNN-DATE.json, numbered upwards, so that their order does not hang on the
 * clock. Each change of the inventory adds the new state (and the former one, when that
 * is not the newest kept): the newest is then the inventory as it is now. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/path.h"
#include "base/text.h"
#include "models/registry_private.h"

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

bool vanta_registry_same_inventory(const struct vanta_registry *a,
                                   const struct vanta_registry *b)
{
    size_t i;

    if (a->n != b->n)
        return false;
    for (i = 0; i < a->n; i++) {
        size_t k = vanta_registry_position(b, a->entries[i]->id);

        if (k == SIZE_MAX || !same_text(a->entries[i]->path, b->entries[k]->path) ||
            !same_text(a->entries[i]->hash, b->entries[k]->hash))
            return false;
    }
    return true;
}

static int is_kept(const struct dirent *entry)
{
    const char *name = entry->d_name;

    return strspn(name, "0123456789") == 8 && name[8] == '-' &&
           vanta_has_suffix(name, ".json");
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* The names in order, oldest first; 0 when there are none. */
static size_t list_kept(const char *dir, struct dirent ***names)
{
    int n;

    *names = NULL;
    n = scandir(dir, names, is_kept, by_name);
    return n > 0 ? (size_t)n : 0;
}

static void free_names(struct dirent **names, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        free(names[i]);
    free(names);
}

static enum vanta_status read_kept(const char *root, const char *dir, const char *name,
                                   const struct vanta_catalog *catalog,
                                   struct vanta_registry **out, struct vanta_error *err)
{
    struct vanta_buf text = VANTA_BUF(VANTA_REGISTRY_BYTES_MAX);
    char path[VANTA_PATH_MAX];
    enum vanta_status status;

    if (!vanta_path_join(path, dir, name))
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long", dir);
    status = vanta_file_read(path, &text, err);
    if (status == VANTA_OK)
        status = vanta_registry_parse(text.data ? text.data : "", text.len, path, root,
                                      catalog, out, err);
    vanta_buf_free(&text);
    return status;
}

static enum vanta_status add(const char *dir, const char *text, size_t len,
                             struct vanta_error *err)
{
    struct dirent **names;
    size_t n = list_kept(dir, &names);
    unsigned long number = n > 0 ? strtoul(names[n - 1]->d_name, NULL, 10) + 1 : 1;
    char path[VANTA_PATH_MAX], now[VANTA_TIME_TEXT_MAX];
    enum vanta_status status;
    char *p, *q;

    free_names(names, n);
    vanta_time_now(now);
    /* Colons are not for file names everywhere. */
    for (p = q = now; *p; p++)
        if (*p != ':')
            *q++ = *p;
    *q = '\0';
    if (!vanta_format(path, sizeof path, "%s/%08lu-%s.json", dir, number % 100000000, now))
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long", dir);
    status = vanta_file_replace(path, text, len, err);
    return status;
}

static void prune(const char *dir)
{
    struct dirent **names;
    size_t n = list_kept(dir, &names), i;
    char path[VANTA_PATH_MAX];

    for (i = 0; i + VANTA_REGISTRY_HISTORY < n; i++)
        if (vanta_path_join(path, dir, names[i]->d_name))
            vanta_remove_tree(path, NULL); /* one too many does no harm */
    free_names(names, n);
}

/* Whether the newest kept one has the inventory of text. */
static bool newest_has(const char *root, const char *dir, const char *text, size_t len)
{
    struct vanta_registry *kept = NULL, *given = NULL;
    struct dirent **names;
    size_t n = list_kept(dir, &names);
    bool same = n > 0 &&
                read_kept(root, dir, names[n - 1]->d_name, NULL, &kept, NULL) ==
                    VANTA_OK &&
                kept->origin == VANTA_REGISTRY_CURRENT &&
                vanta_registry_parse(text, len, "", root, NULL, &given, NULL) ==
                    VANTA_OK &&
                given->origin == VANTA_REGISTRY_CURRENT &&
                vanta_registry_same_inventory(kept, given);

    vanta_registry_free(kept);
    vanta_registry_free(given);
    free_names(names, n);
    return same;
}

enum vanta_status vanta_history_keep(const char *root, const char *former,
                                     size_t former_len, const char *current,
                                     size_t current_len, struct vanta_error *err)
{
    char dir[VANTA_PATH_MAX];
    enum vanta_status status;

    if (!vanta_path_join(dir, root, "registry/history"))
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long", root);
    status = vanta_dir_make(dir, err);
    if (status == VANTA_OK && former && !newest_has(root, dir, former, former_len))
        status = add(dir, former, former_len, err);
    if (status == VANTA_OK && current)
        status = add(dir, current, current_len, err);
    if (status == VANTA_OK)
        prune(dir);
    return status;
}

enum vanta_status vanta_history_newest(const char *root,
                                       const struct vanta_catalog *catalog,
                                       struct vanta_registry **out,
                                       struct vanta_error *err)
{
    enum vanta_status status = VANTA_ERR_NOT_FOUND;
    char dir[VANTA_PATH_MAX];
    struct dirent **names;
    size_t n;

    if (!vanta_path_join(dir, root, "registry/history"))
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long", root);
    n = list_kept(dir, &names);
    while (n > 0 && status != VANTA_OK) {
        status = read_kept(root, dir, names[n - 1]->d_name, catalog, out, NULL);
        free(names[--n]);
    }
    free_names(names, n);
    if (status == VANTA_OK)
        return VANTA_OK;
    return vanta_fail(err, VANTA_ERR_NOT_FOUND, "%s: no earlier registry can be read", dir);
}
