#include "cli/setup_fit.h"

#include <stdio.h>
#include <string.h>

#include "base/platform.h"
#include "base/text.h"

static bool takes_part(const struct vanta_setup_item *item)
{
    return item->model->n_files > 0 && item->outcome != VANTA_OUTCOME_FAILED &&
           item->outcome != VANTA_OUTCOME_SKIPPED &&
           item->outcome != VANTA_OUTCOME_PENDING;
}

bool setup_fit(const struct session *session, struct vanta_setup *setup,
               struct vanta_fit *fit)
{
    const struct vanta_setup_item *largest[VANTA_TYPE_COUNT] = {NULL}, *items;
    uint64_t most[VANTA_TYPE_COUNT] = {0}, bytes;
    struct vanta_registry *registry = NULL;
    struct vanta_machine machine;
    size_t i, n;
    bool measured;

    memset(fit, 0, sizeof *fit);
    if (vanta_registry_load(session->root, session->catalog, &registry, NULL, NULL) !=
        VANTA_OK)
        return false;
    items = vanta_setup_items(setup, &n);
    for (i = 0; i < n; i++) {
        const struct vanta_catalog_model *model = items[i].model;

        if (!takes_part(&items[i]))
            continue;
        bytes = vanta_fit_bytes(vanta_registry_find(registry, model->id), model,
                                &measured);
        if (!largest[model->type] || bytes > most[model->type]) {
            most[model->type] = bytes;
            largest[model->type] = &items[i];
        }
    }
    for (i = 0; i < VANTA_TYPE_COUNT; i++)
        if (largest[i]) {
            size_t at = fit->n;

            vanta_fit_add(fit, vanta_registry_find(registry, largest[i]->model->id),
                          largest[i]->model);
            if (fit->n > at) /* the registry's goes with it */
                fit->parts[at].id = largest[i]->model->id;
        }
    vanta_registry_free(registry);
    vanta_machine_read(&machine);
    vanta_fit_judge(fit, session->catalog, &machine);
    return fit->n > 0;
}

void setup_fit_print(const struct vanta_fit *fit, bool quiet)
{
    char needed[VANTA_SIZE_TEXT_MAX], have[VANTA_SIZE_TEXT_MAX];
    const char *how = fit->all_measured ? "" : ", as estimated before their test";

    vanta_size_text(fit->needed, needed);
    vanta_size_text(fit->available, have);
    if (fit->fits && !quiet)
        printf("\nmemory: %s for %s%s; %s can be had\n", needed,
               fit->n == 1 ? "this model" : "these models loaded together", how, have);
    if (fit->fits)
        return;
    fflush(stdout);
    warn("the models do not fit into memory together: they need %s%s, and %s can be had",
         needed, how, have);
    fprintf(stderr, "  %s\n", fit->advice);
}

json_t *setup_fit_json(const struct vanta_fit *fit)
{
    json_t *models = json_array();
    size_t i;

    for (i = 0; i < fit->n; i++)
        json_array_append_new(models, json_pack("{s:s, s:I, s:b}", "model",
                                                fit->parts[i].id, "bytes",
                                                (json_int_t)fit->parts[i].bytes,
                                                "measured", fit->parts[i].measured));
    return json_pack("{s:I, s:I, s:b, s:b, s:s?, s:o}", "needed_bytes",
                     (json_int_t)fit->needed, "available_bytes",
                     (json_int_t)fit->available, "fits", fit->fits, "measured",
                     fit->all_measured, "advice", fit->fits ? NULL : fit->advice, "models",
                     models);
}
