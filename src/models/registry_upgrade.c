/* registry_upgrade.c - entries as the guide's scripts wrote them, in today's terms.
 *
 * They had absolute paths, times without a zone, ids that begin with the type, and for a
 * folder the SHA-256 of its config.json alone. Nothing is hashed here: what the old hash
 * cannot say stays unknown until the model is verified. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/error.h"
#include "base/file.h"
#include "base/path.h"
#include "base/text.h"
#include "models/registry_private.h"

static bool print_utc(time_t time, char out[VANTA_TIME_TEXT_MAX])
{
    struct tm utc;

    return gmtime_r(&time, &utc) &&
           strftime(out, VANTA_TIME_TEXT_MAX, "%Y-%m-%dT%H:%M:%SZ", &utc) > 0;
}

bool vanta_time_normalize(const char *text, char out[VANTA_TIME_TEXT_MAX])
{
    struct tm local = {.tm_isdst = -1};
    int64_t seconds;
    time_t time;
    int used = 0;

    if (vanta_time_parse_rfc3339(text, &seconds))
        return vanta_format(out, VANTA_TIME_TEXT_MAX, "%s", text) ||
               print_utc((time_t)seconds, out);
    if (sscanf(text, "%4d-%2d-%2d%*1[T ]%2d:%2d:%2d%n", &local.tm_year, &local.tm_mon,
               &local.tm_mday, &local.tm_hour, &local.tm_min, &local.tm_sec, &used) < 6 ||
        used == 0)
        return false;
    text += used;
    if (*text == '.')
        text += 1 + strspn(text + 1, "0123456789");
    if (*text || local.tm_year < 1970 || local.tm_year > 9999)
        return false;
    local.tm_year -= 1900;
    local.tm_mon -= 1;
    time = mktime(&local);
    return time != (time_t)-1 && print_utc(time, out);
}

/* What of path is below root (by its text, or with root's links resolved), or NULL. */
static const char *below(const char *root, const char *path)
{
    char real[VANTA_PATH_MAX], *resolved;
    size_t n = strlen(root);

    if (strncmp(path, root, n) == 0 && path[n] == '/')
        return path + n + 1;
    resolved = realpath(root, NULL);
    if (!resolved)
        return NULL;
    n = vanta_format(real, sizeof real, "%s", resolved) ? strlen(real) : 0;
    free(resolved);
    return n > 0 && strncmp(path, real, n) == 0 && path[n] == '/' ? path + n + 1 : NULL;
}

/* The tail of an absolute path of a root that has moved since: what follows the last
 * "/models/", when that is here and the old place is gone. */
static const char *moved(const char *root, const char *path)
{
    const char *tail = NULL, *p = path;
    char here[VANTA_PATH_MAX];

    while ((p = strstr(p, "/models/")))
        tail = p += strlen("/models/");
    return tail && !vanta_file_exists(path) && vanta_path_join(here, root, tail) &&
                   vanta_file_exists(here)
               ? tail
               : NULL;
}

static const char *inner_path(const char *root, const char *path)
{
    char here[VANTA_PATH_MAX];
    const char *inner;

    if (path[0] == '/') {
        inner = below(root, path);
        return inner ? inner : moved(root, path);
    }
    /* Relative to the clone rather than to its models folder. */
    if (vanta_has_prefix(path, "models/") && vanta_path_join(here, root, path) &&
        !vanta_file_exists(here))
        return path + strlen("models/");
    return NULL;
}

static enum vanta_status localize_path(const char *root, struct vanta_entry *entry,
                                       struct vanta_error *err)
{
    char clean[VANTA_PATH_MAX], *copy;
    const char *inner;

    if (!entry->path)
        return VANTA_OK;
    if (entry->path[0] == '/' && vanta_path_absolute(clean, entry->path)) {
        inner = inner_path(root, clean);
        copy = vanta_strdup(inner ? inner : clean);
    } else {
        inner = inner_path(root, entry->path);
        copy = vanta_strdup(inner ? inner : entry->path);
    }
    if (!copy)
        return vanta_fail_memory(err);
    free(entry->path);
    entry->path = copy;
    return VANTA_OK;
}

/* Whether the path is a folder: by the disk, or, when it is gone, by its name. */
static bool is_folder(const char *root, const struct vanta_entry *entry)
{
    char full[VANTA_PATH_MAX];
    const char *dot;
    struct stat st;

    if (vanta_entry_path(root, entry, full) && stat(full, &st) == 0)
        return S_ISDIR(st.st_mode);
    dot = strrchr(vanta_path_base(entry->path), '.');
    return !dot || !(strcmp(dot, ".gguf") == 0 || strcmp(dot, ".bin") == 0 ||
                     strcmp(dot, ".pt") == 0 || strcmp(dot, ".safetensors") == 0);
}

/* The hash of a file is what it always was; a folder's said too little to be kept as the
 * hash, and is put by. */
static enum vanta_status upgrade_hash(const char *root, struct vanta_entry *entry,
                                      struct vanta_error *err)
{
    json_t *metadata;

    if (!entry->hash || !entry->path || entry->n_files > 0)
        return VANTA_OK;
    if (!is_folder(root, entry)) {
        entry->files = calloc(1, sizeof *entry->files);
        if (!entry->files)
            return vanta_fail_memory(err);
        entry->n_files = 1;
        entry->files[0].path = vanta_strdup(vanta_path_base(entry->path));
        entry->files[0].size_bytes = -1;
        entry->files[0].sha256 = vanta_strdup(entry->hash);
        return entry->files[0].path && entry->files[0].sha256 ? VANTA_OK
                                                              : vanta_fail_memory(err);
    }
    metadata = json_object_get(entry->extra, "metadata");
    if (json_is_object(metadata))
        json_object_set_new(metadata, "former_hash", json_string(entry->hash));
    free(entry->hash);
    entry->hash = NULL;
    return VANTA_OK;
}

static enum vanta_status upgrade_id(const struct vanta_catalog *catalog,
                                    struct vanta_entry *entry, struct vanta_error *err)
{
    const struct vanta_catalog_model *model =
        catalog ? vanta_catalog_find(catalog, entry->id) : NULL;
    json_t *aliases = json_object_get(entry->extra, "aliases");
    char *id;

    /* A short name of another type's model would be a coincidence. */
    if (!model || strcmp(model->id, entry->id) == 0 || model->type != entry->type)
        return VANTA_OK;
    id = vanta_strdup(model->id);
    if (!id)
        return vanta_fail_memory(err);
    if (!json_is_array(aliases)) {
        aliases = json_array();
        json_object_set_new(entry->extra, "aliases", aliases);
    }
    if (!vanta_entry_has_alias(entry, entry->id))
        json_array_append_new(aliases, json_string(entry->id));
    free(entry->id);
    entry->id = id;
    return VANTA_OK;
}

enum vanta_status vanta_entry_upgrade(const char *root,
                                      const struct vanta_catalog *catalog,
                                      struct vanta_entry *entry, struct vanta_error *err)
{
    enum vanta_status status = localize_path(root, entry, err);

    if (status == VANTA_OK)
        status = upgrade_hash(root, entry, err);
    if (status == VANTA_OK)
        status = upgrade_id(catalog, entry, err);
    return status;
}
