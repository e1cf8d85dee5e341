/* doctor_models.c - the registry, the models, and what interrupted work has left. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/file.h"
#include "base/path.h"
#include "base/text.h"
#include "models/doctor_private.h"
#include "models/rebuild.h"

/* --- the registry --- */

static void say_damaged(struct doctor *d, const struct vanta_error *why)
{
    doctor_say(d, VANTA_CHECK_FAIL, "registry", "%s", why->message);
    doctor_remedy(d, "%s", why->status == VANTA_ERR_FORMAT
                               ? "vanta registry rebuild makes a new one from the history, "
                                 "the files and the catalog; the damaged file is kept."
                               : why->hint);
}

struct orphans {
    size_t n;
    char first[256];
};

static void on_orphan(void *arg, const char *relative)
{
    struct orphans *o = arg;

    if (o->n++ == 0)
        vanta_text_printable(relative, o->first, sizeof o->first);
}

static void check_orphans(struct doctor *d)
{
    struct orphans o = {0, ""};

    vanta_registry_orphans(d->options->root, d->registry, on_orphan, &o);
    if (o.n == 0)
        return;
    if (o.n == 1)
        doctor_say(d, VANTA_CHECK_WARN, "registry", "%s is a model that no entry has",
                   o.first);
    else
        doctor_say(d, VANTA_CHECK_WARN, "registry",
                   "%zu files or folders are models that no entry has: %s, ...", o.n,
                   o.first);
    doctor_remedy(d, "vanta registry rebuild registers them.");
}

void doctor_registry(struct doctor *d)
{
    const struct vanta_doctor_options *o = d->options;
    struct vanta_error problem = {0}, err = {0};
    const char *note;
    size_t i;

    if (!o->root || !vanta_file_is_dir(o->root))
        return;
    if (vanta_registry_load(o->root, o->catalog, &d->registry, &problem, &err) !=
        VANTA_OK) {
        d->registry = NULL;
        say_damaged(d, &err);
        return;
    }
    switch (vanta_registry_origin(d->registry)) {
    case VANTA_REGISTRY_NONE:
        doctor_say(d, VANTA_CHECK_OK, "registry", "none yet");
        break;
    case VANTA_REGISTRY_CURRENT:
        doctor_say(d, VANTA_CHECK_OK, "registry", "%zu models",
                   vanta_registry_count(d->registry));
        break;
    case VANTA_REGISTRY_UPGRADED:
        doctor_say(d, VANTA_CHECK_WARN, "registry", "%zu models, in an older form",
                   vanta_registry_count(d->registry));
        doctor_remedy(d, "vanta registry rebuild writes it in today's form; so does the "
                         "next change.");
        break;
    case VANTA_REGISTRY_HISTORY_FILE:
        say_damaged(d, &problem);
        break;
    }
    for (i = 0; (note = vanta_registry_note(d->registry, i)) != NULL; i++)
        doctor_say(d, VANTA_CHECK_WARN, "registry", "%s", note);
    check_orphans(d);
}

/* --- the models --- */

static const char *repair_of(enum vanta_state state)
{
    switch (state) {
    case VANTA_STATE_MISSING:
    case VANTA_STATE_CORRUPT:
        return "vanta setup %s brings it again (a model of your own: vanta remove, then "
               "vanta add).";
    case VANTA_STATE_UNVERIFIED:
        return "vanta verify %s hashes it.";
    default:
        return NULL;
    }
}

static void check_entries(struct doctor *d, bool usable[VANTA_TYPE_COUNT],
                          bool keyless[VANTA_TYPE_COUNT])
{
    const struct vanta_doctor_options *o = d->options;
    size_t i;

    for (i = 0; d->registry && i < vanta_registry_count(d->registry); i++) {
        const struct vanta_entry *entry = vanta_registry_at(d->registry, i);
        char why[256];
        enum vanta_state state = vanta_entry_state(o->root, entry, o->catalog, why);
        const char *repair = repair_of(state);

        if (repair) {
            doctor_say(d, VANTA_CHECK_WARN, "model", "%s is %s: %s", entry->id,
                       vanta_state_name(state), why);
            doctor_remedy(d, repair, entry->id);
        }
        if (entry->type == VANTA_TYPE_UNKNOWN) {
            doctor_say(d, VANTA_CHECK_WARN, "model", "%s has the type %s, which is none of "
                       "ours", entry->id, entry->type_text);
            continue;
        }
        usable[entry->type] |= state >= VANTA_STATE_UNTESTED;
        keyless[entry->type] |= state == VANTA_STATE_NEEDS_KEY;
    }
}

void doctor_models(struct doctor *d)
{
    static const char *const what[] = {"speech recognition", "answers",
                                       "sentence embeddings", "speech output"};
    bool usable[VANTA_TYPE_COUNT] = {false}, keyless[VANTA_TYPE_COUNT] = {false};
    int type;

    check_entries(d, usable, keyless);
    for (type = 0; type < VANTA_TYPE_COUNT; type++) {
        const char *name = vanta_type_name((enum vanta_model_type)type);

        if (usable[type]) {
            doctor_say(d, VANTA_CHECK_OK, name, "a model for %s is there", what[type]);
            continue;
        }
        if (keyless[type]) {
            doctor_say(d, VANTA_CHECK_WARN, name, "no %s until a key is set",
                       what[type]);
            doctor_remedy(d, "vanta list names the model, vanta info ID the key.");
            continue;
        }
        doctor_say(d, VANTA_CHECK_WARN, name, "no model for %s is there", what[type]);
        doctor_remedy(d, "vanta setup %s", name);
    }
}

/* --- leftovers --- */

static uint64_t bytes_of(const char *path)
{
    return vanta_file_is_dir(path) ? vanta_dir_bytes(path)
                                   : (uint64_t)(vanta_file_size(path) > 0
                                                    ? vanta_file_size(path)
                                                    : 0);
}

/* ".NAME.tmp-PID-N", as base/file.h names them. */
static bool is_temporary(const char *name)
{
    const char *mark = name[0] == '.' ? strstr(name, ".tmp-") : NULL, *p;

    if (!mark)
        return false;
    p = mark + 5 + strspn(mark + 5, "0123456789");
    return p > mark + 5 && *p == '-' && p[1] &&
           strspn(p + 1, "0123456789") == strlen(p + 1);
}

static void check_name(struct doctor *d, const char *folder, const char *name)
{
    char path[VANTA_PATH_MAX], size[VANTA_SIZE_TEXT_MAX];
    bool partial = name[0] == '.' && vanta_has_suffix(name, ".partial");

    if (!vanta_path_join(path, folder, name))
        return;
    if (partial) {
        doctor_say(d, VANTA_CHECK_WARN, "leftover", "%s: %s of an unfinished download",
                   path, vanta_size_text(bytes_of(path), size));
        doctor_remedy(d, "The same setup or add goes on with it; or, when none runs, "
                         "delete it: rm -r '%s'",
                      path);
    } else if (is_temporary(name)) {
        doctor_say(d, VANTA_CHECK_WARN, "leftover", "%s: %s that a killed vanta left", path,
                   vanta_size_text(bytes_of(path), size));
        doctor_remedy(d, "When no vanta runs, delete it: rm '%s'", path);
    } else if (vanta_has_prefix(name, "registry.json.damaged-")) {
        doctor_say(d, VANTA_CHECK_WARN, "leftover", "%s: a damaged registry, kept aside",
                   path);
        doctor_remedy(d, "When nothing is missed, delete it: rm '%s'", path);
    }
}

/* The folder itself, and for temporary files what lies one below. */
static void check_folder(struct doctor *d, const char *folder, int depth)
{
    struct dirent *entry;
    DIR *dir = opendir(folder);

    while (dir && (entry = readdir(dir))) {
        char path[VANTA_PATH_MAX];

        check_name(d, folder, entry->d_name);
        if (depth > 0 && entry->d_name[0] != '.' &&
            vanta_path_join(path, folder, entry->d_name) && !vanta_file_is_link(path) &&
            vanta_file_is_dir(path))
            check_folder(d, path, depth - 1);
    }
    if (dir)
        closedir(dir);
}

void doctor_leftovers(struct doctor *d)
{
    char path[VANTA_PATH_MAX];
    int type;

    if (!d->options->root)
        return;
    for (type = 0; type <= VANTA_TYPE_COUNT; type++) {
        const char *name = type == VANTA_TYPE_COUNT
                               ? "registry"
                               : vanta_type_folder((enum vanta_model_type)type);

        if (vanta_path_join(path, d->options->root, name) &&
            vanta_path_inside(d->options->root, path, NULL) == VANTA_OK)
            check_folder(d, path, 1);
    }
}
