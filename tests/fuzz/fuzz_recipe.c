/* A test recipe of a user's catalog: any JSON is refused or makes one that can be used. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "models/recipe.h"

#define ROOM 64

static void check_references(const struct vanta_recipe *r)
{
    size_t i, k;

    for (i = 0; i < json_array_size(r->references); i++) {
        const json_t *one = json_array_get(r->references, i);
        float found[ROOM + 1];
        size_t n = ROOM;

        found[ROOM] = 7;
        if (vanta_recipe_vector(json_object_get(one, "vector"), found, &n, NULL) !=
            VANTA_OK)
            n = 0;
        if (n > ROOM || found[ROOM] != 7)
            abort();
        for (k = 0; k < n; k++)
            if (!isfinite(found[k]))
                abort();
    }
}

static void check(const struct vanta_recipe *r, int type)
{
    if ((int)r->kind != type || r->by_type || isnan(r->word_error_rate_max) ||
        isnan(r->perplexity_max) || isnan(r->cosine_min) || r->dimensions < 0 ||
        r->dimensions > 65536)
        abort();
    if (!r->prompt_open && r->prompt == VANTA_PROMPT_LITERAL && !r->format)
        abort();
    check_references(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *json = NULL;
    int type;

    if (vanta_json_load((const char *)data, size, "fuzz.json", &json, NULL) != VANTA_OK)
        return 0;
    /* Kinds stand in the order of types. */
    for (type = 0; type < VANTA_TYPE_COUNT; type++) {
        struct vanta_catalog_model model = {.id = "x", .type = (enum vanta_model_type)type,
                                            .test = json};
        struct vanta_recipe recipe;
        struct vanta_error err = {0};

        if (vanta_recipe_read(&model, model.type, &recipe, &err) == VANTA_OK)
            check(&recipe, type);
        else if (!err.message[0])
            abort();
    }
    json_decref(json);
    return 0;
}
