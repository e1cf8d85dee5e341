/* encoder_file.c - finds a sentence encoder's GGUF, or makes one. */
#include "models/encoder_file.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "convert/encoder_gguf.h"

static bool find_gguf(const char *root, const struct vanta_entry *entry,
                      char path[VANTA_PATH_MAX])
{
    size_t i;

    for (i = 0; i < entry->n_files; i++)
        if (vanta_has_suffix(entry->files[i].path, ".gguf"))
            return vanta_entry_file_path(root, entry, i, path) && vanta_file_exists(path);
    return false;
}

static enum vanta_status make(const char *root, const struct vanta_entry *entry,
                              const char *folder, const atomic_bool *cancel,
                              struct vanta_encoder_file *out, struct vanta_error *err)
{
    struct vanta_encoder_source source = {.name = entry->id, .license = entry->license};
    struct vanta_convert_result made;
    char dir[VANTA_PATH_MAX], name[128];
    enum vanta_status status;

    if (!vanta_format(name, sizeof name, ".%s.%ld.gguf", entry->id, (long)getpid()) ||
        !vanta_path_join(dir, root, vanta_type_folder(VANTA_TYPE_EMBEDDING)) ||
        !vanta_path_join(out->path, dir, name))
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long", root);
    status = vanta_dir_make(dir, err);
    if (status == VANTA_OK)
        status = vanta_remove_tree(out->path, err); /* of a process that had our number */
    if (status == VANTA_OK)
        status = vanta_encoder_gguf(folder, out->path, VANTA_ENCODER_WEIGHTS_F16, &source,
                                    NULL, NULL, cancel, &made, err);
    out->temporary = status == VANTA_OK;
    return status;
}

enum vanta_status vanta_encoder_file_find(const char *root,
                                          const struct vanta_entry *entry,
                                          const atomic_bool *cancel,
                                          struct vanta_encoder_file *out,
                                          struct vanta_error *err)
{
    char path[VANTA_PATH_MAX];

    memset(out, 0, sizeof *out);
    if (find_gguf(root, entry, out->path))
        return VANTA_OK;
    if (!vanta_entry_path(root, entry, path) || !vanta_file_exists(path))
        return vanta_fail(err, VANTA_ERR_NOT_FOUND, "%s: its files are not there",
                          entry->id);
    if (vanta_file_is_dir(path))
        return make(root, entry, path, cancel, out, err);
    if (vanta_has_suffix(path, ".gguf")) {
        memcpy(out->path, path, sizeof path);
        return VANTA_OK;
    }
    return vanta_fail(err, VANTA_ERR_UNSUPPORTED,
                      "%s: neither a GGUF nor a sentence encoder's folder", path);
}

void vanta_encoder_file_release(struct vanta_encoder_file *file)
{
    if (file->temporary)
        unlink(file->path);
    memset(file, 0, sizeof *file);
}
