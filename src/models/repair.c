#include "models/repair.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "models/registry_private.h"
#include "models/tidy.h"

void vanta_repair_tidy(const char *root, const struct vanta_verify_item *items, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        if (items[i].status == VANTA_OK && items[i].entry->path)
            vanta_model_tidy(root, items[i].entry->type, items[i].entry->id);
}

enum vanta_status vanta_repair_possible(const struct vanta_catalog *catalog,
                                        const struct vanta_verify_item *item,
                                        struct vanta_error *err)
{
    const struct vanta_entry *entry = item->entry;

    if (item->status != VANTA_ERR_CHECK)
        return VANTA_ERR_UNSUPPORTED;
    if (entry->external) {
        vanta_fail(err, VANTA_ERR_UNSUPPORTED,
                   "%s: its files are yours, outside the models folder, and are not changed",
                   entry->id);
        vanta_hint(err, "Put the right file back, or vanta remove %s.", entry->id);
        return VANTA_ERR_UNSUPPORTED;
    }
    if (!vanta_entry_model(entry, catalog)) {
        vanta_fail(err, VANTA_ERR_UNSUPPORTED,
                   "%s: it is not in the catalog, so that nothing says where its files can "
                   "be had",
                   entry->id);
        if (entry->source)
            vanta_hint(err, "It came from %s: vanta remove %s, then vanta add it again.",
                       entry->source, entry->id);
        else
            vanta_hint(err, "Put the right file back, or vanta remove %s.", entry->id);
        return VANTA_ERR_UNSUPPORTED;
    }
    return VANTA_OK;
}

enum vanta_status vanta_repair_plan(const struct vanta_setup_options *base,
                                    const struct vanta_verify_item *items, size_t n,
                                    struct vanta_repair *out, struct vanta_error *err)
{
    struct vanta_setup_options options = *base;
    enum vanta_status status;
    size_t i;

    memset(out, 0, sizeof *out);
    out->damage = calloc(n + 1, sizeof *out->damage);
    out->models = calloc(n + 1, sizeof *out->models);
    if (!out->damage || !out->models)
        return vanta_fail_memory(err);
    for (i = 0; i < n; i++) {
        const struct vanta_verify_result *r = &items[i].result;

        if (vanta_repair_possible(base->catalog, &items[i], NULL) != VANTA_OK)
            continue;
        out->models[out->n] = vanta_entry_model(items[i].entry, base->catalog);
        out->damage[out->n] = (struct vanta_setup_damage){
            out->models[out->n], r->bytes_wrong, r->bytes_wrong_files};
        out->n++;
    }
    if (out->n == 0)
        return VANTA_OK;
    options.models = out->models;
    options.n_models = out->n;
    options.profile = NULL;
    options.types = 0;
    options.damage = out->damage;
    options.n_damage = out->n;
    options.force = true; /* they were here, however little memory there is */
    status = vanta_setup_new(&options, &out->setup, err);
    if (status == VANTA_OK)
        status = vanta_setup_plan(out->setup, err);
    if (status == VANTA_OK)
        status = vanta_setup_preflight(out->setup, err);
    return status;
}

void vanta_repair_describe(const struct vanta_repair *repair, size_t i, char out[512])
{
    size_t n;
    const struct vanta_setup_item *item = &vanta_setup_items(repair->setup, &n)[i];
    const struct vanta_preparation *p = item->preparation;
    char network[VANTA_SIZE_TEXT_MAX], whole[VANTA_SIZE_TEXT_MAX];
    const char *source = item->source ? item->source : "its source";
    uint64_t wrong = repair->damage[i].bytes_wrong_files;

    vanta_size_text(item->network_bytes, network);
    vanta_size_text(wrong, whole);
    if (item->error.status != VANTA_OK)
        vanta_format(out, 512, "cannot be repaired: %.400s", item->error.message);
    else if (!p)
        vanta_format(out, 512, "is looked at again");
    else if (p->kind != VANTA_PREPARATION_FETCH)
        vanta_format(out, 512, "converted again, with %s from %.300s", network, source);
    else if (vanta_has_prefix(source, "pkg:"))
        vanta_format(out, 512, "taken from its package again, %s from %.300s", network,
                     source);
    else if (item->network_bytes < wrong)
        vanta_format(out, 512, "the damaged chunks of it are fetched again, %s of %s, from "
                     "%.300s", network, whole, source);
    else
        vanta_format(out, 512, "fetched again, %s from %.300s", network, source);
}

void vanta_repair_free(struct vanta_repair *repair)
{
    vanta_setup_free(repair->setup);
    free(repair->damage);
    free(repair->models);
    memset(repair, 0, sizeof *repair);
}
