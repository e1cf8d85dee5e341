/*
 * repair.h - what a verification found wrong is brought anew.
 *
 * The models of the catalog among the wrong ones are set up again (setup.h), which knows
 * what is wrong: of a file whose chunk digests are known and whose source answers ranges
 * only the damaged chunks are fetched; what a conversion made is converted again, and what
 * came in a package is taken from the package again. Not responsible for models of the
 * user's own: nobody knows where their bytes are to be had.
 *
 *     struct vanta_repair repair;
 *     status = vanta_repair_plan(&options, items, n, &repair, err);
 *     ... vanta_repair_describe(&repair, i, text) for each i < repair.n ...
 *     status = vanta_setup_run(repair.setup, err);      // repair.n > 0
 *     vanta_repair_free(&repair);
 *
 * The items and their entries stay the caller's, and must live as long as the repair.
 */
#ifndef VANTA_MODELS_REPAIR_H
#define VANTA_MODELS_REPAIR_H

#include "models/setup.h"
#include "models/verify.h"

struct vanta_repair {
    struct vanta_setup *setup; /* NULL: there is nothing that can be repaired */
    struct vanta_setup_damage *damage; /* of each item of the set-up */
    const struct vanta_catalog_model **models;
    size_t n;
};

/* Whether the item is wrong and could be repaired. VANTA_ERR_UNSUPPORTED says why not. */
enum vanta_status vanta_repair_possible(const struct vanta_catalog *catalog,
                                        const struct vanta_verify_item *item,
                                        struct vanta_error *err);
/* Plans it, and asks before the first byte what set-up asks: disk, licences. base names root,
 * catalog, listener and the like; its models are not used. What vanta_setup_plan and
 * _preflight return; repair is to be freed either way. */
enum vanta_status vanta_repair_plan(const struct vanta_setup_options *base,
                                    const struct vanta_verify_item *items, size_t n,
                                    struct vanta_repair *out, struct vanta_error *err);
/* What a repair that was killed at its very end left beside models that are right now:
 * deleted, unless another process works on the model. */
void vanta_repair_tidy(const char *root, const struct vanta_verify_item *items, size_t n);
/* One line: how, how much of it, from where. i < repair->n. */
void vanta_repair_describe(const struct vanta_repair *repair, size_t i, char out[512]);
void vanta_repair_free(struct vanta_repair *repair); /* a zeroed one is fine */

#endif
