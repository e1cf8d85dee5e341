/*
 * remove.h - taking a model away: its files, then its registry entry.
 *
 * In this order, so that an interrupted removal leaves an entry that says "missing", and
 * the same command finishes it. What stays: files outside the root (an external model,
 * or what a symbolic link leads to), and files that another entry has too.
 * Not responsible for asking.
 */
#ifndef VANTA_MODELS_REMOVE_H
#define VANTA_MODELS_REMOVE_H

#include <stdbool.h>
#include <stdint.h>

#include "models/registry.h"

struct vanta_removal {
    char path[4096];      /* what would be deleted, or was; "" when nothing is */
    uint64_t bytes;       /* of it */
    char kept[256];       /* what stays and why, one line; "" when nothing does */
};

/* What vanta_model_remove would do; changes nothing. */
enum vanta_status vanta_model_removal(const char *root,
                                      const struct vanta_registry *registry,
                                      const char *id, struct vanta_removal *out,
                                      struct vanta_error *err);

/* VANTA_ERR_NOT_FOUND: no such entry. VANTA_ERR_BUSY: another process works on the model.
 * After another failure files may be gone and the entry still there. */
enum vanta_status vanta_model_remove(const char *root,
                                     const struct vanta_catalog *catalog, const char *id,
                                     struct vanta_removal *out, struct vanta_error *err);

#endif
