/* expected.c - where a model's files are, and what they should be. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/file.h"
#include "base/path.h"
#include "base/text.h"
#include "models/registry_private.h"

bool vanta_path_ends_with(const char *path, const char *file)
{
    size_t len = strlen(path), n = strlen(file);

    return len > n && path[len - n - 1] == '/' && strcmp(path + len - n, file) == 0;
}

bool vanta_entry_path(const char *root, const struct vanta_entry *entry,
                      char out[VANTA_PATH_MAX])
{
    out[0] = '\0';
    if (!entry->path || vanta_entry_is_api(entry))
        return false;
    if (entry->path[0] == '/')
        return vanta_path_absolute(out, entry->path);
    return vanta_path_is_safe(entry->path) && vanta_path_join(out, root, entry->path);
}

/* The folder that files[].path start at: the entry's path itself, or, when the path is
 * that of the model's only file, what is left without it. */
static bool entry_folder(const char *root, const struct vanta_entry *entry,
                         const struct vanta_catalog_model *model,
                         char out[VANTA_PATH_MAX])
{
    const char *file = NULL;
    struct stat st;

    if (!vanta_entry_path(root, entry, out))
        return false;
    if (entry->n_files == 1)
        file = entry->files[0].path;
    else if (entry->n_files == 0 && model && model->n_files == 1)
        file = model->files[0].path;
    if (file && vanta_path_ends_with(out, file)) {
        out[strlen(out) - strlen(file) - 1] = '\0';
        return true;
    }
    /* An old entry without files: a file or a folder, which only the disk can tell. */
    if (entry->n_files == 0 && stat(out, &st) == 0 && S_ISREG(st.st_mode))
        *strrchr(out, '/') = '\0';
    return true;
}

bool vanta_entry_file_path(const char *root, const struct vanta_entry *entry, size_t file,
                           char out[VANTA_PATH_MAX])
{
    char folder[VANTA_PATH_MAX];

    out[0] = '\0';
    return file < entry->n_files && vanta_path_is_safe(entry->files[file].path) &&
           entry_folder(root, entry, NULL, folder) &&
           vanta_path_join(out, folder, entry->files[file].path);
}

bool vanta_model_dir(const char *root, enum vanta_model_type type, const char *id,
                     char out[VANTA_PATH_MAX])
{
    out[0] = '\0';
    return type < VANTA_TYPE_COUNT && vanta_id_is_valid(id) &&
           vanta_path_join3(out, root, vanta_type_folder(type), id);
}

/* As vanta_root_holds; the first known bytes of relative were judged before. st gets what
 * lstat says of the last component (st_mode 0: not there). */
static enum vanta_status holds(const char *root, const char *relative, size_t known,
                               struct stat *st, struct vanta_error *err)
{
    char path[VANTA_PATH_MAX];
    size_t start, i;

    st->st_mode = 0;
    if (!vanta_path_is_safe(relative) || !vanta_path_join(path, root, relative))
        return vanta_fail(err, VANTA_ERR_FORMAT,
                          "the path %s leads out of the models folder", relative);
    /* The names below the root have no "..", so only a symbolic link can lead out; where
     * there is none, nothing has to be resolved. */
    start = strlen(path) - strlen(relative);
    for (i = start + known + (known > 0); i <= start + strlen(relative); i++) {
        char end = path[i];

        if (end != '/' && end != '\0')
            continue;
        path[i] = '\0';
        if (lstat(path, st) != 0) {
            st->st_mode = 0;
            return VANTA_OK; /* not there, so nothing below it either */
        }
        path[i] = end;
        if (S_ISLNK(st->st_mode))
            return vanta_path_inside(root, path, err);
    }
    return VANTA_OK;
}

enum vanta_status vanta_root_holds(const char *root, const char *relative,
                                   struct vanta_error *err)
{
    struct stat st;

    return holds(root, relative, 0, &st, err);
}

const struct vanta_catalog_model *vanta_entry_model(const struct vanta_entry *entry,
                                                    const struct vanta_catalog *catalog)
{
    const struct vanta_catalog_model *model =
        catalog ? vanta_catalog_find(catalog, entry->id) : NULL;

    /* A model that a user added under a short name of the catalog's is not that one. */
    return model && vanta_streq_nocase(model->id, entry->id) ? model : NULL;
}

static const struct vanta_entry_file *entry_file(const struct vanta_entry *entry,
                                                 const char *path)
{
    size_t i;

    for (i = 0; i < entry->n_files; i++)
        if (strcmp(entry->files[i].path, path) == 0)
            return &entry->files[i];
    return NULL;
}

static void expect_catalog_file(const struct vanta_entry *entry,
                                const struct vanta_catalog_file *file,
                                struct vanta_expected *e)
{
    struct vanta_expected_file *f = &e->files[e->n++];
    const struct vanta_entry_file *own = entry_file(entry, file->path);

    /* A file that the user keeps elsewhere may have another name. */
    if (!own && entry->external && entry->n_files == 1 && e->model->n_files == 1)
        own = &entry->files[0];
    f->path = own ? own->path : file->path;
    f->published = file->sha256 != NULL;
    f->sha256 = file->sha256 ? file->sha256 : own ? own->sha256 : NULL;
    f->size_bytes = file->size_bytes >= 0 ? file->size_bytes : own ? own->size_bytes : -1;
    e->unpublished |= !f->published && !(own && own->sha256 && entry->preparation &&
                                         vanta_catalog_makes(e->model, entry->preparation));
}

static bool is_expected(const struct vanta_expected *e, const char *path)
{
    size_t i;

    for (i = 0; i < e->n; i++)
        if (strcmp(e->files[i].path, path) == 0)
            return true;
    return false;
}

static int by_path(const void *a, const void *b)
{
    const struct vanta_expected_file *left = a, *right = b;

    return strcmp(left->path, right->path);
}

/* What of the folder is below the root. */
static const char *below_root(const char *root, const char *folder)
{
    size_t n = strlen(root), skip = n > 0 && root[n - 1] == '/' ? n : n + 1;

    return strlen(folder) > skip ? folder + skip : "";
}

/* Refuses what leads out, and sees what is there on the way. */
static enum vanta_status check_path(const char *root, const char *folder,
                                    struct vanta_expected_file *file,
                                    struct vanta_error *err)
{
    char relative[VANTA_PATH_MAX];
    enum vanta_status status;
    struct stat st;

    if (!vanta_path_join(relative, folder, file->path))
        return vanta_fail(err, VANTA_ERR_FORMAT, "%s: the path is too long", file->path);
    status = holds(root, relative, strlen(folder), &st, err);
    if (S_ISREG(st.st_mode))
        file->found_bytes = st.st_size;
    return status;
}

static enum vanta_status check_paths(const char *root, const struct vanta_entry *entry,
                                     struct vanta_expected *e, struct vanta_error *err)
{
    const char *folder = below_root(root, e->folder);
    enum vanta_status status = VANTA_OK;
    struct stat st;
    size_t i;

    if (!entry->external && *folder)
        status = holds(root, folder, 0, &st, err);
    for (i = 0; status == VANTA_OK && i < e->n; i++) {
        e->files[i].found_bytes = -1;
        if (!vanta_path_is_safe(e->files[i].path))
            status = vanta_fail(err, VANTA_ERR_FORMAT,
                                "the path %s leads out of the model's folder",
                                e->files[i].path);
        else if (!entry->external)
            status = check_path(root, folder, &e->files[i], err);
    }
    return status;
}

enum vanta_status vanta_expected_find(const char *root, const struct vanta_entry *entry,
                                      const struct vanta_catalog *catalog,
                                      struct vanta_expected *out, struct vanta_error *err)
{
    enum vanta_status status = VANTA_OK;
    size_t i, most;

    memset(out, 0, sizeof *out);
    out->model = vanta_entry_model(entry, catalog);
    if (vanta_entry_is_api(entry))
        return VANTA_OK;
    if (!entry->path)
        return vanta_fail(err, VANTA_ERR_FORMAT, "the entry names no path");
    if (!entry->external && entry->n_files == 0)
        status = vanta_root_holds(root, entry->path, err);
    if (status == VANTA_OK && !entry_folder(root, entry, out->model, out->folder))
        status = vanta_fail(err, VANTA_ERR_FORMAT,
                            "the path %s leads out of the models folder", entry->path);
    if (status != VANTA_OK)
        return status;
    most = entry->n_files + (out->model ? out->model->n_files : 0);
    out->files = calloc(most ? most : 1, sizeof *out->files);
    if (!out->files)
        return vanta_fail_memory(err);
    for (i = 0; out->model && i < out->model->n_files; i++)
        expect_catalog_file(entry, &out->model->files[i], out);
    for (i = 0; i < entry->n_files; i++)
        if (!is_expected(out, entry->files[i].path))
            out->files[out->n++] = (struct vanta_expected_file){
                entry->files[i].path, entry->files[i].sha256, entry->files[i].size_bytes,
                -1, false};
    qsort(out->files, out->n, sizeof *out->files, by_path);
    status = check_paths(root, entry, out, err);
    if (status != VANTA_OK)
        vanta_expected_free(out);
    return status;
}

void vanta_expected_free(struct vanta_expected *expected)
{
    free(expected->files);
    expected->files = NULL;
    expected->n = 0;
}
