/*
 * rebuild_private.h - what the files behind rebuild.h share; not for other modules.
 *
 * rebuild_scan.c finds files that no entry has, rebuild_adopt.c makes entries of them,
 * rebuild.c judges the entries that are there and writes the outcome.
 */
#ifndef VANTA_MODELS_REBUILD_PRIVATE_H
#define VANTA_MODELS_REBUILD_PRIVATE_H

#include "models/rebuild.h"
#include "models/registry_private.h"

struct rebuild {
    const struct vanta_rebuild_options *options;
    struct vanta_rebuild_result *result;
    struct vanta_registry *registry;  /* what it started from, edited on the way */
    struct vanta_registry **history;  /* earlier ones that can be read, newest first */
    size_t n_history;
};

/* Adds an item; entry NULL: path alone. */
enum vanta_status rebuild_note(struct rebuild *r, enum vanta_rebuild_kind kind,
                               const struct vanta_entry *entry, const char *path,
                               const char *note, struct vanta_error *err);

/* --- rebuild_scan.c --- */

enum rebuild_thing { REBUILD_FILE, REBUILD_FOLDER, REBUILD_LINK };

/* relative to the root. */
typedef enum vanta_status rebuild_visit(void *arg, enum vanta_model_type type,
                                        enum rebuild_thing thing, const char *relative,
                                        struct vanta_error *err);

/* Every file and folder of the type folders that no entry of registry has, in byte order.
 * Of a folder that entries have in part, the model files that none has. Hidden names and
 * kept versions (ID@VERSION) are passed over. registry may change during the walk. */
enum vanta_status rebuild_scan(const char *root, const struct vanta_registry *registry,
                               rebuild_visit *visit, void *arg, struct vanta_error *err);
/* Whether a file of this name is meant to hold weights. */
bool rebuild_is_weights_name(const char *path);

/* --- rebuild_adopt.c --- */

/* A rebuild_visit with a struct rebuild as arg. */
enum vanta_status rebuild_adopt(void *arg, enum vanta_model_type type,
                                enum rebuild_thing thing, const char *relative,
                                struct vanta_error *err);

#endif
