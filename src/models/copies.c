#include "models/copies.h"

#include <jansson.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/path.h"
#include "models/registry.h"

void vanta_copies_init(struct vanta_copies *copies, const char *root,
                       const struct vanta_catalog *catalog)
{
    memset(copies, 0, sizeof *copies);
    copies->root = root;
    copies->catalog = catalog;
    pthread_mutex_init(&copies->mutex, NULL);
}

void vanta_copies_free(struct vanta_copies *copies)
{
    if (!copies->root)
        return;
    vanta_registry_free(copies->registry);
    pthread_mutex_destroy(&copies->mutex);
    copies->root = NULL;
}

/* Each writing of the registry is another file, by rename. */
static void refresh(struct vanta_copies *copies)
{
    char path[VANTA_PATH_MAX];
    struct stat st = {0};
    int64_t stamp[4];

    if (!vanta_path_join(path, copies->root, "registry/registry.json"))
        return;
    stat(path, &st);
    stamp[0] = (int64_t)st.st_ino;
    stamp[1] = (int64_t)st.st_size;
    stamp[2] = (int64_t)st.st_mtime;
    stamp[3] = (int64_t)st.st_ctime;
    if (memcmp(stamp, copies->stamp, sizeof stamp) == 0)
        return;
    memcpy(copies->stamp, stamp, sizeof stamp);
    vanta_registry_free(copies->registry);
    copies->registry = NULL;
    vanta_registry_load(copies->root, copies->catalog, &copies->registry, NULL, NULL);
}

static bool entry_has(const struct vanta_copies *copies, const struct vanta_entry *entry,
                      const char *sha256, int64_t size_bytes, const char *dest,
                      char path[VANTA_PATH_MAX])
{
    size_t i;

    /* What the last verification found wrong is nothing to copy from. */
    if (entry->hash && entry->verified_digest &&
        strcmp(entry->hash, entry->verified_digest) != 0)
        return false;
    for (i = 0; i < entry->n_files; i++) {
        const struct vanta_entry_file *file = &entry->files[i];
        int64_t size;

        if (!file->sha256 || strcmp(file->sha256, sha256) != 0 ||
            !vanta_entry_file_path(copies->root, entry, i, path) ||
            strcmp(path, dest) == 0)
            continue;
        size = vanta_file_size(path);
        if (size >= 0 && (size_bytes < 0 || size == size_bytes))
            return true;
    }
    return false;
}

/* Of what the model was converted from, kept by --keep-source. */
static bool source_has(const struct vanta_copies *copies, const struct vanta_entry *entry,
                       const char *sha256, int64_t size_bytes, const char *dest,
                       char path[VANTA_PATH_MAX])
{
    const json_t *inputs =
        json_object_get(json_object_get(entry->extra, "preparation"), "inputs");
    char model[VANTA_PATH_MAX], folder[VANTA_PATH_MAX];
    const json_t *input;
    size_t i;

    if (!inputs || !vanta_model_dir(copies->root, entry->type, entry->id, model) ||
        !vanta_path_join(folder, model, VANTA_SOURCE_FOLDER))
        return false;
    json_array_foreach(inputs, i, input) {
        const char *name = json_string_value(json_object_get(input, "path"));
        const char *digest = json_string_value(json_object_get(input, "sha256"));
        int64_t size;

        if (!name || !digest || strcmp(digest, sha256) != 0 || !vanta_path_is_safe(name) ||
            !vanta_path_join(path, folder, name) || strcmp(path, dest) == 0)
            continue;
        size = vanta_file_size(path);
        if (size >= 0 && (size_bytes < 0 || size == size_bytes))
            return true;
    }
    return false;
}

bool vanta_copies_find(void *arg, const char *sha256, int64_t size_bytes,
                       const char *dest, char path[VANTA_PATH_MAX])
{
    struct vanta_copies *copies = arg;
    bool found = false;
    size_t i, n;

    pthread_mutex_lock(&copies->mutex);
    refresh(copies);
    n = copies->registry ? vanta_registry_count(copies->registry) : 0;
    for (i = 0; i < n && !found; i++)
        found = entry_has(copies, vanta_registry_at(copies->registry, i), sha256,
                          size_bytes, dest, path) ||
                source_has(copies, vanta_registry_at(copies->registry, i), sha256,
                           size_bytes, dest, path);
    pthread_mutex_unlock(&copies->mutex);
    return found;
}
