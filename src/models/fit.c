/* fit.c - sums of footprints, and what would be smaller. */
#include "models/fit.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "models/registry_private.h"

#define ALLOWANCE_BYTES ((uint64_t)150 * 1000 * 1000) /* as the catalog's figures have */
#define RESERVE_MAX ((uint64_t)2 * 1024 * 1024 * 1024)

static uint64_t figure(const json_t *figures, const char *name)
{
    double value = json_number_value(json_object_get(figures, name));

    return value > 0 && value < 1e15 ? (uint64_t)value : 0;
}

uint64_t vanta_fit_bytes(const struct vanta_entry *entry,
                         const struct vanta_catalog_model *model, bool *measured)
{
    const json_t *tests = entry ? json_object_get(entry->extra, "tests") : NULL;
    size_t i = json_array_size(tests);
    uint64_t bytes = 0;

    while (i-- > 0 && bytes == 0) {
        const json_t *receipt = json_array_get(tests, i);
        const json_t *figures = json_object_get(receipt, "figures");
        const char *digest = json_string_value(json_object_get(receipt, "digest"));

        if (digest && entry->hash && strcmp(digest, entry->hash) == 0)
            bytes = figure(figures, "weights_bytes") + figure(figures, "kv_cache_bytes") +
                    figure(figures, "compute_bytes");
    }
    *measured = bytes > 0;
    if (bytes > 0)
        return bytes;
    if (model && model->hardware.memory_bytes > 0)
        return model->hardware.memory_bytes;
    return entry && entry->size_bytes > 0 ? (uint64_t)entry->size_bytes + ALLOWANCE_BYTES
                                          : 0;
}

void vanta_fit_add(struct vanta_fit *fit, const struct vanta_entry *entry,
                   const struct vanta_catalog_model *model)
{
    struct vanta_fit_part part = {.id = entry ? entry->id : model->id,
                                  .type = entry ? entry->type : model->type};

    part.bytes = vanta_fit_bytes(entry, model, &part.measured);
    if (part.bytes == 0 || fit->n == VANTA_FIT_PARTS_MAX)
        return;
    part.bytes += VANTA_FIT_PROCESS_BYTES;
    fit->parts[fit->n++] = part;
}

/* The largest catalog model of the type that takes less than bytes; NULL: none. */
static const struct vanta_catalog_model *smaller(const struct vanta_catalog *catalog,
                                                 enum vanta_model_type type,
                                                 uint64_t bytes)
{
    const struct vanta_catalog_model *best = NULL, *m;
    size_t i;

    for (i = 0; catalog && i < vanta_catalog_count(catalog); i++) {
        m = vanta_catalog_at(catalog, i);
        if (m->type != type || m->hardware.memory_bytes == 0 ||
            m->hardware.memory_bytes + VANTA_FIT_PROCESS_BYTES >= bytes)
            continue;
        if (!best || m->hardware.memory_bytes > best->hardware.memory_bytes)
            best = m;
    }
    return best;
}

/* Replaces the part that is largest and has something smaller, again and again, until all
 * fit; false when that cannot be. */
static bool shrink(struct vanta_fit *fit, const struct vanta_catalog *catalog,
                   const struct vanta_catalog_model *taken[VANTA_FIT_PARTS_MAX])
{
    uint64_t bytes[VANTA_FIT_PARTS_MAX], sum = fit->needed;
    size_t i;

    for (i = 0; i < fit->n; i++)
        bytes[i] = fit->parts[i].bytes;
    while (sum > fit->available) {
        const struct vanta_catalog_model *m, *best = NULL;
        size_t at = 0;

        for (i = 0; i < fit->n; i++) {
            m = smaller(catalog, fit->parts[i].type, bytes[i]);
            if (m && (!best || bytes[i] > bytes[at])) {
                best = m;
                at = i;
            }
        }
        if (!best)
            return false;
        sum -= bytes[at];
        bytes[at] = best->hardware.memory_bytes + VANTA_FIT_PROCESS_BYTES;
        sum += bytes[at];
        taken[at] = best;
    }
    return true;
}

void vanta_fit_judge(struct vanta_fit *fit, const struct vanta_catalog *catalog,
                     const struct vanta_machine *machine)
{
    const struct vanta_catalog_model *taken[VANTA_FIT_PARTS_MAX] = {NULL};
    uint64_t reserve = machine->ram_usable / 8;
    size_t i, len = 0;

    fit->available =
        machine->ram_usable - (reserve < RESERVE_MAX ? reserve : RESERVE_MAX);
    fit->needed = 0;
    fit->all_measured = true;
    fit->advice[0] = '\0';
    for (i = 0; i < fit->n; i++) {
        fit->needed += fit->parts[i].bytes;
        fit->all_measured &= fit->parts[i].measured;
    }
    fit->fits = fit->needed <= fit->available;
    if (fit->fits)
        return;
    if (!shrink(fit, catalog, taken)) {
        snprintf(fit->advice, sizeof fit->advice,
                 "No set of the catalog's models fits; use one model at a time.");
        return;
    }
    for (i = 0; i < fit->n && len < sizeof fit->advice; i++)
        if (taken[i])
            len += (size_t)snprintf(fit->advice + len, sizeof fit->advice - len,
                                    "%s%s in place of %s", len ? ", " : "", taken[i]->id,
                                    fit->parts[i].id);
    if (len < sizeof fit->advice)
        snprintf(fit->advice + len, sizeof fit->advice - len, " would fit.");
}

void vanta_fit_registry(const char *root, const struct vanta_registry *registry,
                        const struct vanta_catalog *catalog,
                        const struct vanta_machine *machine, struct vanta_fit *fit)
{
    const struct vanta_entry *largest[VANTA_TYPE_COUNT] = {NULL};
    uint64_t most[VANTA_TYPE_COUNT] = {0};
    size_t i;
    bool measured;

    memset(fit, 0, sizeof *fit);
    for (i = 0; i < vanta_registry_count(registry); i++) {
        const struct vanta_entry *entry = vanta_registry_at(registry, i);
        uint64_t bytes;

        if (entry->type >= VANTA_TYPE_COUNT || vanta_entry_is_api(entry) ||
            vanta_entry_state(root, entry, catalog, NULL) == VANTA_STATE_MISSING)
            continue;
        bytes = vanta_fit_bytes(entry, vanta_entry_model(entry, catalog), &measured);
        if (bytes > most[entry->type]) {
            most[entry->type] = bytes;
            largest[entry->type] = entry;
        }
    }
    for (i = 0; i < VANTA_TYPE_COUNT; i++)
        if (largest[i])
            vanta_fit_add(fit, largest[i], vanta_entry_model(largest[i], catalog));
    vanta_fit_judge(fit, catalog, machine);
}
