/*
 * fit.h - do the models of an assistant fit into this machine's memory together?
 *
 * A voice assistant keeps one model of each type loaded at once. What a model takes is
 * what the engine reported when it was tested here (weights, KV cache at the context used,
 * compute buffers), else what the catalog says, else the bytes of its files with an
 * allowance; each helper process takes VANTA_FIT_PROCESS_BYTES more. The system keeps
 * an eighth of the memory, at most 2 GiB, for itself.
 *
 *     struct vanta_fit fit;
 *     vanta_fit_of(parts, n, catalog, registry, machine, &fit);
 *
 * Judges; never refuses. Opens no file. Thread-safe.
 */
#ifndef VANTA_MODELS_FIT_H
#define VANTA_MODELS_FIT_H

#include "base/platform.h"
#include "models/registry.h"

#define VANTA_FIT_PROCESS_BYTES ((uint64_t)48 * 1024 * 1024)
#define VANTA_FIT_PARTS_MAX 16

struct vanta_fit_part {
    const char *id;
    enum vanta_model_type type;
    uint64_t bytes;
    bool measured; /* reported by an engine */
};

struct vanta_fit {
    struct vanta_fit_part parts[VANTA_FIT_PARTS_MAX];
    size_t n;
    uint64_t needed, available;
    bool fits;
    bool all_measured;
    char advice[256]; /* "" when it fits: which smaller models would */
};

/* Of an entry with its receipts; model (may be NULL) is the catalog's. */
uint64_t vanta_fit_bytes(const struct vanta_entry *entry,
                         const struct vanta_catalog_model *model, bool *measured);

/* Adds a model to a set that vanta_fit_judge then judges; APIs take nothing. */
void vanta_fit_add(struct vanta_fit *fit, const struct vanta_entry *entry,
                   const struct vanta_catalog_model *model);
void vanta_fit_judge(struct vanta_fit *fit, const struct vanta_catalog *catalog,
                     const struct vanta_machine *machine);

/* The assistant's set of a registry: of each type the largest model that is there. */
void vanta_fit_registry(const char *root, const struct vanta_registry *registry,
                        const struct vanta_catalog *catalog,
                        const struct vanta_machine *machine, struct vanta_fit *fit);

#endif
