#include "models/add.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "models/add_private.h"

void add_notice(const struct add *add, const char *fmt, ...)
{
    char raw[1024], text[1024];
    va_list args;

    if (!add->options->notice)
        return;
    va_start(args, fmt);
    vsnprintf(raw, sizeof raw, fmt, args);
    va_end(args);
    vanta_text_printable(raw, text, sizeof text);
    add->options->notice(add->options->arg, text);
}

void add_on_hashed(void *arg, uint64_t bytes)
{
    const struct add *add = arg;

    if (add->options->progress)
        add->options->progress(add->options->arg, "hashing", bytes,
                               (int64_t)add->candidate.bytes);
}

/* --- id and type --- */

/* An id that the registry has is free only when nothing is left of its model. */
static enum vanta_status check_registered(struct add *add,
                                          const struct vanta_registry *registry,
                                          struct vanta_error *err)
{
    const struct vanta_entry *entry = vanta_registry_find(registry, add->id);
    const struct vanta_add_options *o = add->options;

    if (!entry)
        return VANTA_OK;
    if (vanta_streq_nocase(entry->id, add->id) && entry->path && !entry->external &&
        vanta_entry_state(o->root, entry, o->catalog, NULL) == VANTA_STATE_MISSING)
        add->replaces = true; /* and stays so when our files lie in its place */
    if (vanta_streq_nocase(entry->id, add->id) && add->replaces)
        return VANTA_OK;
    if (vanta_streq_nocase(entry->id, add->id))
        vanta_fail(err, VANTA_ERR_EXISTS, "a model %s is registered already", entry->id);
    else
        vanta_fail(err, VANTA_ERR_EXISTS, "%s is another name of the registered model %s",
                   add->id, entry->id);
    vanta_hint(err, "Choose another id with --id, or take that one away first: vanta "
                    "remove %s",
               entry->id);
    return VANTA_ERR_EXISTS;
}

static enum vanta_status check_catalog(const struct add *add, struct vanta_error *err)
{
    const struct vanta_catalog_model *model =
        add->options->catalog ? vanta_catalog_find(add->options->catalog, add->id) : NULL;

    if (!model || model == add->known)
        return VANTA_OK;
    vanta_fail(err, VANTA_ERR_EXISTS,
               "%s is the catalog's name for %s, and these are other bytes", add->id,
               model->name);
    vanta_hint(err, "Choose another id with --id, or have the catalog's model with: vanta "
                    "setup %s",
               model->id);
    return VANTA_ERR_EXISTS;
}

enum vanta_status add_settle_id(struct add *add, const char *name,
                                struct vanta_error *err)
{
    const struct vanta_add_options *o = add->options;
    struct vanta_registry *registry = NULL;
    enum vanta_status status;

    if (o->id) {
        snprintf(add->id, sizeof add->id, "%s", o->id);
        if (add->known && !vanta_streq_nocase(add->known->id, o->id))
            add->known = NULL; /* under another id it is the user's own */
    } else if (add->known) {
        snprintf(add->id, sizeof add->id, "%s", add->known->id);
    } else if (!vanta_id_from_name(name, add->id)) {
        vanta_fail(err, VANTA_ERR_USAGE, "no id can be made of the name \"%s\"", name);
        vanta_hint(err, "Choose one with --id.");
        return VANTA_ERR_USAGE;
    }
    status = check_catalog(add, err);
    if (status == VANTA_OK)
        status = vanta_registry_load(o->root, o->catalog, &registry, NULL, err);
    if (status == VANTA_OK)
        status = check_registered(add, registry, err);
    vanta_registry_free(registry);
    return status;
}

enum vanta_status add_settle_type(struct add *add, struct vanta_error *err)
{
    const struct vanta_candidate *c = &add->candidate;

    add->type = add->options->type;
    if (add->type == VANTA_TYPE_UNKNOWN)
        add->type = c->guess;
    if (add->type == VANTA_TYPE_UNKNOWN) {
        vanta_fail(err, VANTA_ERR_USAGE, "%s does not say what kind of model it is",
                   c->files[c->main].path);
        vanta_hint(err, "Say it with --type whisper, llm, embedding or tts.");
        return VANTA_ERR_USAGE;
    }
    return vanta_candidate_agrees(c, add->type, err);
}

enum vanta_status add_check_digest(const struct add *add, struct vanta_error *err)
{
    const struct vanta_candidate *c = &add->candidate;
    const char *wanted = add->options->sha256;

    if (!wanted)
        return VANTA_OK;
    if (c->n_files != 1)
        return vanta_fail(err, VANTA_ERR_USAGE,
                          "--sha256 is of one file, and this model has %zu", c->n_files);
    if (strcmp(c->files[0].sha256, wanted) == 0)
        return VANTA_OK;
    vanta_fail(err, VANTA_ERR_DIGEST, "%s has the digest %s, not %s", c->files[0].path,
               c->files[0].sha256, wanted);
    vanta_hint(err, "It is another file than the one that was meant, or it is damaged: it "
                    "was not added.");
    return VANTA_ERR_DIGEST;
}

/* --- folders --- */

static enum vanta_status check_room(const struct add *add, uint64_t bytes,
                                    struct vanta_error *err)
{
    char needed[VANTA_SIZE_TEXT_MAX], have[VANTA_SIZE_TEXT_MAX];
    uint64_t room = 0;

    if (bytes == 0 || vanta_disk_free(add->options->root, &room, NULL) != VANTA_OK ||
        room >= bytes)
        return VANTA_OK;
    vanta_fail(err, VANTA_ERR_NO_SPACE, "%s: %s are needed on the disk and %s are free",
               add->options->root, vanta_size_text(bytes, needed),
               vanta_size_text(room, have));
    if (add->operand.kind == ADD_LOCAL)
        vanta_hint(err, "With --link the model stays where it is, with --move it is not "
                        "there twice.");
    else
        vanta_hint(err, "Free some disk space, take a smaller quantization, or choose "
                        "another folder with --models-dir.");
    return VANTA_ERR_NO_SPACE;
}

enum vanta_status add_open(struct add *add, uint64_t bytes, struct vanta_error *err)
{
    const char *root = add->options->root;
    char lock[VANTA_PATH_MAX];
    enum vanta_status status;

    if (!vanta_path_join(add->type_dir, root, vanta_type_folder(add->type)) ||
        !vanta_model_dir(root, add->type, add->id, add->final) ||
        !vanta_format(lock, sizeof lock, "%s/.%s.lock", add->type_dir, add->id) ||
        !vanta_format(add->partial, sizeof add->partial, "%s/.%s.partial", add->type_dir,
                      add->id) ||
        !vanta_path_join(add->staging, add->partial, "added"))
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long", root);
    status = vanta_path_inside(root, add->final, err);
    if (status != VANTA_OK) {
        vanta_hint(err, "Models are only written inside the models folder: replace the "
                        "link by a folder, or choose the other place with --models-dir.");
        return status;
    }
    status = check_room(add, bytes, err);
    if (status == VANTA_OK)
        status = vanta_dir_make(add->type_dir, err);
    if (status == VANTA_OK)
        status = vanta_lock_acquire(&add->lock, lock, 0, NULL, NULL, NULL, err);
    if (status == VANTA_ERR_BUSY)
        vanta_hint(err, "Another vanta works on %s: wait for it, or choose another --id.",
                   add->id);
    if (status != VANTA_OK)
        return status;
    rmdir(add->final); /* an empty one is in nobody's way */
    if (!vanta_file_exists(add->final) && !vanta_file_is_link(add->final))
        return VANTA_OK;
    vanta_fail(err, VANTA_ERR_EXISTS, "%s is there already, and is not registered",
               add->final);
    vanta_hint(err, "vanta registry rebuild registers what lies there; or choose another "
                    "id with --id.");
    return VANTA_ERR_EXISTS;
}

/* --- the entry --- */

static bool set(char **slot, const char *text)
{
    free(*slot);
    *slot = vanta_strdup(text);
    return *slot != NULL;
}

static enum vanta_status make_entry(struct add *add, const char *path,
                                    struct vanta_entry *entry, struct vanta_error *err)
{
    const struct vanta_add_options *o = add->options;
    struct vanta_candidate *c = &add->candidate;
    enum vanta_status status = vanta_candidate_entry(c, add->id, add->type, entry, err);
    struct vanta_entry of_catalog;
    bool ok;

    if (status == VANTA_OK && add->known) {
        status = vanta_entry_from_catalog(add->known, c->files, c->n_files, &of_catalog,
                                          err);
        if (status != VANTA_OK) {
            vanta_entry_free(entry);
            return status;
        }
        ok = set(&of_catalog.verified_at, entry->verified_at) &&
             set(&of_catalog.verified_digest, entry->verified_digest);
        vanta_entry_free(entry);
        *entry = of_catalog;
    } else {
        ok = status == VANTA_OK && (!o->license || set(&entry->license, o->license));
    }
    if (status != VANTA_OK)
        return status;
    entry->external = path[0] == '/';
    entry->preparation_version = 1;
    if (ok && set(&entry->path, path) && (!o->name || set(&entry->name, o->name)) &&
        (add->known || !add->version[0] || set(&entry->version, add->version)) &&
        set(&entry->preparation, "added") && set(&entry->source, add->source))
        return VANTA_OK;
    vanta_entry_free(entry);
    return vanta_fail_memory(err);
}

struct registering {
    struct add *add;
    const struct vanta_entry *entry;
};

/* Under the registry's lock: another process may have been faster. */
static enum vanta_status put_entry(void *arg, struct vanta_registry *registry,
                                   struct vanta_error *err)
{
    struct registering *r = arg;
    enum vanta_status status = check_registered(r->add, registry, err);
    struct vanta_entry *former;

    if (status != VANTA_OK)
        return status;
    former = vanta_registry_edit(registry, r->add->id);
    if (former)
        former->missing_mark = false;
    return vanta_registry_put(registry, r->entry, err);
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* After an update that failed: whether registry.json has the entry all the same (its folder
 * or its history could not be written), or cannot be asked. */
static bool may_stand(const struct add *add, const struct vanta_entry *entry)
{
    const struct vanta_add_options *o = add->options;
    struct vanta_registry *registry = NULL;
    struct vanta_error problem = {0};
    const struct vanta_entry *found;
    bool stands = true;

    if (vanta_registry_load(o->root, o->catalog, &registry, &problem, NULL) == VANTA_OK &&
        problem.status == VANTA_OK) {
        found = vanta_registry_find(registry, add->id);
        stands = found && same_text(found->path, entry->path) &&
                 same_text(found->hash, entry->hash);
    }
    vanta_registry_free(registry);
    return stands;
}

enum vanta_status add_register(struct add *add, const char *path, struct vanta_error *err)
{
    const struct vanta_add_options *o = add->options;
    struct vanta_entry entry = {0};
    struct registering r = {add, &entry};
    struct vanta_registry *registry = NULL;
    const struct vanta_entry *registered;
    enum vanta_status status = make_entry(add, path, &entry, err);

    if (status == VANTA_OK)
        status = vanta_registry_update(o->root, o->catalog, put_entry, &r, err);
    if (status != VANTA_OK) {
        /* An entry without its files would be worse than one whose history is missing. */
        if (add->placed && may_stand(add, &entry)) {
            add->placed = false;
            vanta_hint(err, "The files are in %s, and may be registered already: vanta "
                            "verify %s looks at them.",
                       add->final, add->id);
        }
        vanta_entry_free(&entry);
        return status;
    }
    add->result->known = add->known != NULL;
    /* As it was written, with what was filled in; it is registered in any case. */
    vanta_registry_load(o->root, o->catalog, &registry, NULL, NULL);
    registered = registry ? vanta_registry_find(registry, add->id) : NULL;
    if (registered &&
        vanta_entry_copy(registered, &add->result->entry, NULL) == VANTA_OK)
        vanta_entry_free(&entry);
    else
        add->result->entry = entry;
    vanta_registry_free(registry);
    return VANTA_OK;
}

enum vanta_status add_finish(struct add *add, struct vanta_error *err)
{
    const struct vanta_candidate *c = &add->candidate;
    char path[VANTA_PATH_MAX], folder[VANTA_PATH_MAX];
    enum vanta_status status = vanta_file_move(add->staging, add->final, false, err);

    if (status != VANTA_OK)
        return status;
    add->placed = true;
    /* Nothing of use is in there now; after the entry a kill could leave it for good. */
    vanta_remove_tree(add->partial, NULL);
    vanta_format(folder, sizeof folder, "%s/%s", vanta_type_folder(add->type), add->id);
    if (c->n_files == 1 ? !vanta_path_join(path, folder, c->files[0].path)
                        : !vanta_format(path, sizeof path, "%s", folder))
        status = vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long", folder);
    if (status == VANTA_OK)
        status = add_register(add, path, err);
    return status;
}

/* --- all of it --- */

static enum vanta_status check_options(const struct vanta_add_options *o,
                                       struct vanta_error *err)
{
    if (o->id && !vanta_id_is_valid(o->id)) {
        vanta_fail(err, VANTA_ERR_USAGE, "\"%s\" cannot be an id", o->id);
        vanta_hint(err, "An id has letters, digits, '.', '_' and '-', starts with a letter "
                        "or digit, and is at most %d long.",
                   VANTA_ID_MAX);
        return VANTA_ERR_USAGE;
    }
    if (o->sha256 && !vanta_sha256_is_hex(o->sha256))
        return vanta_fail(err, VANTA_ERR_USAGE,
                          "\"%s\" is no SHA-256: 64 digits of 0-9 and a-f are", o->sha256);
    return VANTA_OK;
}

/* A registry that cannot be written to is better known before a long copy. */
static enum vanta_status check_registry(const struct vanta_add_options *o,
                                        struct vanta_error *err)
{
    struct vanta_registry *registry = NULL;
    struct vanta_error problem = {0};
    enum vanta_status status = vanta_registry_load(o->root, o->catalog, &registry,
                                                   &problem, err);

    vanta_registry_free(registry);
    if (status != VANTA_OK || problem.status == VANTA_OK)
        return status;
    vanta_fail(err, problem.status, "%s", problem.message);
    vanta_hint(err, "vanta registry rebuild makes it whole; then add the model.");
    return problem.status;
}

enum vanta_status vanta_model_add(const struct vanta_add_options *options,
                                  struct vanta_add_result *result,
                                  struct vanta_error *err)
{
    struct add *add = calloc(1, sizeof *add);
    enum vanta_status status;

    memset(result, 0, sizeof *result);
    if (!add)
        return vanta_fail_memory(err);
    add->options = options;
    add->result = result;
    status = check_options(options, err);
    if (status == VANTA_OK)
        status = add_operand_parse(options->what, options->sha256 != NULL, &add->operand,
                                   err);
    if (status == VANTA_OK)
        status = check_registry(options, err);
    if (status == VANTA_OK && add->operand.kind != ADD_LOCAL &&
        options->way != VANTA_ADD_COPY)
        status = vanta_fail(err, VANTA_ERR_USAGE,
                            "--move and --link are for files of this machine");
    if (status == VANTA_OK)
        status = add->operand.kind == ADD_LOCAL ? add_local(add, err)
                                                : add_remote(add, err);
    vanta_lock_release(&add->lock);
    vanta_candidate_free(&add->candidate);
    free(add);
    return status;
}

void vanta_add_result_free(struct vanta_add_result *result)
{
    size_t i;

    vanta_entry_free(&result->entry);
    for (i = 0; i < result->n_choices; i++)
        free(result->choices[i].text);
    free(result->choices);
    memset(result, 0, sizeof *result);
}
