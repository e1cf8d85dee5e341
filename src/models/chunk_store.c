#include "models/chunk_store.h"

#include <dirent.h>
#include <string.h>
#include <unistd.h>

#include "models/registry_private.h"

bool vanta_chunk_store(const char *root, char out[VANTA_PATH_MAX])
{
    return vanta_path_join(out, root, "registry/chunks");
}

bool vanta_chunk_store_load(const char *root, const char *sha256, struct vanta_chunks *out)
{
    char folder[VANTA_PATH_MAX];
    uint8_t digest[32];

    memset(out, 0, sizeof *out);
    return sha256 && vanta_sha256_from_hex(sha256, digest) &&
           vanta_chunk_store(root, folder) &&
           vanta_chunks_load(folder, digest, out, NULL) == VANTA_OK;
}

void vanta_chunk_store_save(const char *root, const struct vanta_chunks *chunks)
{
    char folder[VANTA_PATH_MAX];

    if (vanta_chunk_store(root, folder))
        vanta_chunks_save(folder, chunks, NULL);
}

static bool is_text(const char *a, const char *b)
{
    return a && strcmp(a, b) == 0;
}

static bool entry_has(const struct vanta_entry *entry, const struct vanta_catalog *catalog,
                      const char *sha256)
{
    const struct vanta_catalog_model *model = vanta_entry_model(entry, catalog);
    size_t i;

    for (i = 0; i < entry->n_files; i++)
        if (is_text(entry->files[i].sha256, sha256))
            return true;
    for (i = 0; model && i < model->n_files; i++)
        if (is_text(model->files[i].sha256, sha256))
            return true;
    return is_text(entry->hash, sha256);
}

void vanta_chunk_store_sweep(const char *root, const struct vanta_registry *registry,
                             const struct vanta_catalog *catalog)
{
    char folder[VANTA_PATH_MAX], path[VANTA_PATH_MAX];
    DIR *dir = vanta_chunk_store(root, folder) ? opendir(folder) : NULL;
    size_t i, n = vanta_registry_count(registry);
    struct dirent *file;

    while (dir && (file = readdir(dir)) != NULL) {
        if (!vanta_sha256_is_hex(file->d_name))
            continue;
        for (i = 0; i < n; i++)
            if (entry_has(vanta_registry_at(registry, i), catalog, file->d_name))
                break;
        if (i == n && vanta_path_join(path, folder, file->d_name))
            unlink(path);
    }
    if (dir)
        closedir(dir);
    rmdir(folder); /* stays while something is in it */
}
