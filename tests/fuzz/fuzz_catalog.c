/* A catalog file from outside: any bytes are refused or make a catalog that holds. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "models/catalog.h"

static void touch(const char *text)
{
    if (text && strlen(text) > ((size_t)16 << 20))
        abort();
}

static void touch_files(const struct vanta_catalog_file *files, size_t n)
{
    size_t i, k;

    for (i = 0; i < n; i++) {
        touch(files[i].path);
        touch(files[i].sha256);
        if (files[i].path[0] == '/' || strstr(files[i].path, "../"))
            abort();
        for (k = 0; k < files[i].n_sources; k++)
            free(vanta_source_text(&files[i].sources[k]));
    }
}

static void touch_model(const struct vanta_catalog *catalog,
                        const struct vanta_catalog_model *m)
{
    size_t i;

    if (m->type >= VANTA_TYPE_COUNT || !m->license ||
        vanta_catalog_find(catalog, m->id) != m)
        abort();
    for (i = 0; i < m->n_aliases; i++)
        if (vanta_catalog_find(catalog, m->aliases[i]) != m)
            abort();
    touch(m->name);
    touch(m->description);
    touch(m->hardware.min_ram);
    touch_files(m->files, m->n_files);
    for (i = 0; i < m->n_preparations; i++)
        touch_files(m->preparations[i].inputs, m->preparations[i].n_inputs);
    if (vanta_catalog_model_bytes(m) > (int64_t)16 << 40)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vanta_catalog *catalog;
    struct vanta_error err = {0};
    size_t i, k;

    if (vanta_catalog_load_text(&catalog, (const char *)data, size, "fuzz.json", &err) !=
        VANTA_OK) {
        if (!err.message[0])
            abort();
        return 0;
    }
    for (i = 0; i < vanta_catalog_count(catalog); i++)
        touch_model(catalog, vanta_catalog_at(catalog, i));
    for (i = 0; i < vanta_catalog_profile_count(catalog); i++) {
        const struct vanta_profile *p = vanta_catalog_profile_at(catalog, i);

        for (k = 0; k < p->n_slots; k++)
            if (p->slots[k].n_alternatives == 0 ||
                p->slots[k].alternatives[0]->type != p->slots[k].type)
                abort();
    }
    vanta_catalog_free(catalog);
    return 0;
}
