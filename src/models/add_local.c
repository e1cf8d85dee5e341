/* add_local.c - a file or folder of this machine: copied, moved or linked. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "models/add_private.h"

#define DEPTH_MAX 32

/* Symbolic links in a folder that was named lead nobody knows where: a copy of it would
 * take files along that are not the model's, or not at all. */
static enum vanta_status refuse_links(const char *folder, int depth,
                                      struct vanta_error *err)
{
    enum vanta_status status = VANTA_OK;
    DIR *dir = opendir(folder);
    struct dirent *entry;

    if (!dir)
        return vanta_fail_errno(err, errno, "%s", folder);
    while (status == VANTA_OK && (entry = readdir(dir))) {
        char path[VANTA_PATH_MAX];
        struct stat st;

        if (entry->d_name[0] == '.' || !vanta_path_join(path, folder, entry->d_name) ||
            lstat(path, &st) != 0)
            continue;
        if (S_ISLNK(st.st_mode)) {
            status = vanta_fail(err, VANTA_ERR_UNSUPPORTED,
                                "%s is a symbolic link; only the folder's own files are "
                                "taken",
                                path);
            vanta_hint(err, "Make a copy with the files themselves (cp -RL) and add that.");
        } else if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX) {
            status = refuse_links(path, depth + 1, err);
        }
    }
    closedir(dir);
    return status;
}

/* The file or folder behind links on the way to it. */
static enum vanta_status find_source(struct add *add, char path[VANTA_PATH_MAX],
                                     struct vanta_error *err)
{
    const struct vanta_add_options *o = add->options;
    char *real;
    bool fits;

    if (o->way == VANTA_ADD_MOVE && vanta_file_is_link(add->operand.text)) {
        vanta_fail(err, VANTA_ERR_USAGE, "%s is a symbolic link, which cannot be moved in",
                   add->operand.text);
        vanta_hint(err, "Name what it leads to, or leave --move out.");
        return VANTA_ERR_USAGE;
    }
    real = realpath(add->operand.text, NULL);
    if (!real)
        return vanta_fail_errno(err, errno, "%s", add->operand.text);
    fits = vanta_format(path, VANTA_PATH_MAX, "%s", real);
    free(real);
    if (!fits)
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long",
                          add->operand.text);
    if (o->way != VANTA_ADD_LINK || !vanta_file_exists(o->root) ||
        vanta_path_inside(o->root, path, NULL) != VANTA_OK)
        return VANTA_OK;
    vanta_fail(err, VANTA_ERR_USAGE, "%s lies in the models folder already", path);
    vanta_hint(err, "vanta registry rebuild registers what lies there.");
    return VANTA_ERR_USAGE;
}

static enum vanta_status look(struct add *add, const char *path, struct vanta_error *err)
{
    enum vanta_status status;
    struct stat st;

    if (stat(path, &st) != 0)
        return vanta_fail_errno(err, errno, "%s", path);
    if (S_ISREG(st.st_mode))
        return vanta_candidate_file(path, &add->candidate, err);
    if (!S_ISDIR(st.st_mode))
        return vanta_fail(err, VANTA_ERR_FORMAT, "%s is neither a file nor a folder",
                          path);
    status = refuse_links(path, 0, err);
    return status == VANTA_OK ? vanta_candidate_folder(path, &add->candidate, err)
                              : status;
}

/* A hard link where it can be, so that the original is there until the model is
 * registered, and nothing is lost when this is interrupted; else a copy. */
static enum vanta_status bring_file(const struct add *add, const char *from, const char *to,
                                    struct vanta_error *err)
{
    char parent[VANTA_PATH_MAX];
    enum vanta_status status;

    if (!vanta_path_parent(parent, to))
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long", to);
    status = vanta_dir_make(parent, err);
    if (status != VANTA_OK)
        return status;
    if (add->options->way == VANTA_ADD_MOVE && link(from, to) == 0)
        return VANTA_OK;
    return vanta_file_copy(from, to, err);
}

/* The candidate's files in the staging folder, under their names, or the catalog's name
 * for the one file of a known model; the candidate is then what lies there. */
static enum vanta_status bring(struct add *add, struct vanta_error *err)
{
    struct vanta_candidate *c = &add->candidate;
    enum vanta_status status = vanta_remove_tree(add->staging, err);
    size_t i;

    for (i = 0; status == VANTA_OK && i < c->n_files; i++) {
        const char *name = add->known ? add->known->files[0].path : c->files[i].path;
        char from[VANTA_PATH_MAX], to[VANTA_PATH_MAX];

        if (add->options->cancel && atomic_load(add->options->cancel))
            return vanta_fail(err, VANTA_ERR_CANCELLED, "stopped while %s was copied",
                              c->files[i].path);
        if (!vanta_path_join(from, c->folder, c->files[i].path) ||
            !vanta_path_join(to, add->staging, name))
            return vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long", name);
        if (add->options->progress)
            add->options->progress(add->options->arg, name, 0, c->files[i].size_bytes);
        status = bring_file(add, from, to, err);
    }
    return status;
}

static enum vanta_status adopt_staged(struct add *add, struct vanta_error *err)
{
    struct vanta_candidate *c = &add->candidate;
    char *name = NULL;

    if (add->known) {
        name = vanta_strdup(add->known->files[0].path);
        if (!name)
            return vanta_fail_memory(err);
        free(c->files[0].path);
        c->files[0].path = name;
    }
    memcpy(c->folder, add->staging, sizeof c->folder);
    return vanta_candidate_hash(c, add_on_hashed, add, add->options->cancel, err);
}

/* The originals of a model that is registered: each file, then folders left empty. */
static void delete_originals(const struct add *add, const char *folder,
                             char *const *paths, size_t n)
{
    char path[VANTA_PATH_MAX], up[VANTA_PATH_MAX];
    size_t i;

    for (i = 0; i < n; i++) {
        if (!vanta_path_join(path, folder, paths[i]))
            continue;
        if (unlink(path) != 0)
            add_notice(add, "%s could not be deleted: %s", path, strerror(errno));
        if (n == 1)
            continue; /* a single file's folder is not the model's */
        while (vanta_path_parent(up, path) && strlen(up) >= strlen(folder) &&
               rmdir(up) == 0)
            memcpy(path, up, sizeof path);
    }
}

static char **copy_paths(const struct vanta_candidate *c)
{
    char **paths = calloc(c->n_files, sizeof *paths);
    size_t i;

    for (i = 0; paths && i < c->n_files; i++)
        paths[i] = vanta_strdup(c->files[i].path);
    return paths;
}

static void free_paths(char **paths, size_t n)
{
    size_t i;

    for (i = 0; paths && i < n; i++)
        free(paths[i]);
    free(paths);
}

static enum vanta_status bring_in(struct add *add, struct vanta_error *err)
{
    struct vanta_candidate *c = &add->candidate;
    bool moves = add->options->way == VANTA_ADD_MOVE;
    char folder[VANTA_PATH_MAX], **paths = copy_paths(c);
    size_t n = c->n_files;
    enum vanta_status status;

    if (!paths)
        return vanta_fail_memory(err);
    memcpy(folder, c->folder, sizeof folder);
    /* A move within a file system needs no room; across, the copy will say. */
    status = add_open(add, moves ? 0 : c->bytes, err);
    if (status != VANTA_OK)
        goto out;
    status = bring(add, err);
    if (status == VANTA_OK)
        status = adopt_staged(add, err);
    if (status == VANTA_OK)
        status = add_check_digest(add, err);
    if (status == VANTA_OK)
        status = add_finish(add, err);
    if (status == VANTA_OK && moves)
        delete_originals(add, folder, paths, n);
    if (status != VANTA_OK) {
        /* The originals are where they were; what was made of them goes again. */
        vanta_remove_tree(add->staging, NULL);
        rmdir(add->partial);
        if (add->placed)
            vanta_remove_tree(add->final, NULL);
    }
out:
    free_paths(paths, n);
    return status;
}

static enum vanta_status link_in(struct add *add, const char *path,
                                 struct vanta_error *err)
{
    enum vanta_status status = vanta_candidate_hash(&add->candidate, add_on_hashed, add,
                                                    add->options->cancel, err);

    if (status == VANTA_OK)
        status = add_check_digest(add, err);
    return status == VANTA_OK ? add_register(add, path, err) : status;
}

enum vanta_status add_local(struct add *add, struct vanta_error *err)
{
    struct vanta_candidate *c = &add->candidate;
    const struct vanta_add_options *o = add->options;
    char path[VANTA_PATH_MAX];
    enum vanta_status status = find_source(add, path, err);

    if (status == VANTA_OK)
        status = look(add, path, err);
    if (status == VANTA_OK)
        status = add_settle_type(add, err);
    if (status != VANTA_OK)
        return status;
    if (c->left_out[0])
        add_notice(add, "left out, since no engine here reads them: %s", c->left_out);
    add->known = vanta_candidate_known(c, o->catalog, add_on_hashed, add, o->cancel);
    if (add->known && add->known->type != add->type)
        add->known = NULL;
    status = add_settle_id(add, vanta_path_base(path), err);
    if (status != VANTA_OK)
        return status;
    vanta_format(add->source, sizeof add->source, "file:%.4000s", path);
    return o->way == VANTA_ADD_LINK ? link_in(add, path, err) : bring_in(add, err);
}
