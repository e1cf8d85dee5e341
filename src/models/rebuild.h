/*
 * rebuild.h - a registry that is damaged, lost or out of step, made right again from its
 * history, the files on the disk and the catalog.
 *
 *     struct vanta_rebuild_options options = {.root = root, .catalog = catalog};
 *     struct vanta_rebuild_result result;
 *     status = vanta_registry_rebuild(&options, &result, err);
 *     vanta_rebuild_free(&result);
 *
 * Entries whose files are there stay as they are; those without files are marked, and
 * kept. Model files that no entry has are adopted: below <type folder>/<id>/, or right in
 * the type folder as older scripts put them; by digest as a catalog model's, by path and
 * digest as an earlier registry's, by digest as those of a missing entry that were moved,
 * else by their header as the user's own. Nothing on the disk is changed but the
 * registry, whose damaged file is kept aside. Pickles are adopted as catalog models only.
 * Cost: hashes what it adopts, nothing else. One thread.
 */
#ifndef VANTA_MODELS_REBUILD_H
#define VANTA_MODELS_REBUILD_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/path.h"
#include "models/registry.h"

enum vanta_rebuild_kind {
    VANTA_REBUILD_KEPT,     /* as it was */
    VANTA_REBUILD_RESTORED, /* taken from an earlier registry */
    VANTA_REBUILD_ADOPTED,  /* files that no entry had; registered now */
    VANTA_REBUILD_MOVED,    /* its files were found at another place */
    VANTA_REBUILD_FOUND,    /* was marked missing; is there again */
    VANTA_REBUILD_MISSING,  /* its files are not there; kept and marked */
    VANTA_REBUILD_LEFT      /* no model was made of this file; id is "" */
};

/* "kept", "restored", ... */
const char *vanta_rebuild_kind_name(enum vanta_rebuild_kind kind);

struct vanta_rebuild_item {
    enum vanta_rebuild_kind kind;
    char id[VANTA_ID_MAX + 1];
    char *path;     /* relative to the root (absolute: external); NULL: an API */
    char note[256]; /* why, or what is wrong with it; "" */
    bool changes;   /* the registry's entry becomes another by it */
};

struct vanta_rebuild_result {
    struct vanta_rebuild_item *items;
    size_t n;
    enum vanta_registry_origin origin; /* of the entries that it started from */
    bool damaged;       /* registry.json could not be read */
    char problem[512];  /* why not; "" */
    char aside[4096];   /* where the damaged file is kept now; "" */
    bool changed;       /* the registry is, or with dry_run would be, another one */
};

struct vanta_rebuild_options {
    const char *root;
    const struct vanta_catalog *catalog;
    bool dry_run;
    /* what: the file that is hashed. May be NULL. */
    void (*progress)(void *arg, const char *what, uint64_t bytes, int64_t total);
    void *arg;
    const atomic_bool *cancel; /* may be NULL */
};

/* VANTA_ERR_NOT_FOUND: there is no such root. VANTA_ERR_UNSUPPORTED: the registry is a
 * newer vanta's. VANTA_ERR_CANCELLED. Others: the file system's, and then the registry is
 * as it was. */
enum vanta_status vanta_registry_rebuild(const struct vanta_rebuild_options *options,
                                         struct vanta_rebuild_result *result,
                                         struct vanta_error *err);
void vanta_rebuild_free(struct vanta_rebuild_result *result); /* zeroed is fine */

/* Calls visit with the path (relative to the root) of every file or folder that could be
 * a model and that no entry has; opens and hashes nothing. */
typedef void vanta_orphan_visit(void *arg, const char *relative);
void vanta_registry_orphans(const char *root, const struct vanta_registry *registry,
                            vanta_orphan_visit *visit, void *arg);

#endif
