/*
 * recipe.h - how a model is tested, and what is expected of it.
 *
 * A catalog model's recipe stands in the catalog (docs/catalog.md); any other model gets
 * one by its type, without expected figures: it has to load, run and give sane output.
 * The material (recorded speech, questions, a text, sentences) is part of the program.
 * A bound that nobody has calibrated is absent; its figure then warns and never fails.
 *
 *     struct vanta_recipe recipe;
 *     vanta_recipe_read(model, entry->type, &recipe, err);
 *
 * Everything in a recipe is borrowed from the catalog or static. One that cannot be read
 * is VANTA_ERR_FORMAT with the key. Cost: no file is read.
 */
#ifndef VANTA_MODELS_RECIPE_H
#define VANTA_MODELS_RECIPE_H

#include <jansson.h>
#include <stdbool.h>

#include "engines/engine.h"
#include "models/catalog.h"
#include "models/catalog_data.h"

/* The version of the tests themselves: receipts of another one do not count. */
#define VANTA_RECIPE_VERSION 1

enum vanta_recipe_kind {
    VANTA_RECIPE_TRANSCRIBE,
    VANTA_RECIPE_QUESTIONS,
    VANTA_RECIPE_EMBED,
    VANTA_RECIPE_SPEAK
};

struct vanta_recipe {
    enum vanta_recipe_kind kind;
    bool by_type; /* no recipe of its own */
    double word_error_rate_max; /* TRANSCRIBE, SPEAK; negative: not calibrated */
    enum vanta_prompt_form prompt; /* QUESTIONS */
    bool prompt_open;              /* the chat template if there is one, else plain */
    const char *format;            /* of a literal prompt */
    double perplexity_max;         /* negative: not calibrated */
    int64_t dimensions;            /* EMBED; 0: any */
    double cosine_min;             /* negative: not calibrated */
    const json_t *references; /* array of {text, vector}; NULL: none */
};

enum vanta_status vanta_recipe_read(const struct vanta_catalog_model *model,
                                    enum vanta_model_type type, struct vanta_recipe *out,
                                    struct vanta_error *err);

/* --- the material --- */

/* The embedded files of src/models/recipes, by name; NULL: none of that name. */
const struct vanta_catalog_data *vanta_recipe_data(const char *name);
extern const struct vanta_catalog_data vanta_recipe_files[]; /* ends with a NULL name */

/* A JSON one of them; json_decref it. */
enum vanta_status vanta_recipe_json(const char *name, json_t **out,
                                    struct vanta_error *err);

/* The vector of a reference: an array of numbers, or a text of base64 with f16 in little
 * endian. n values at most; *n gets how many. */
enum vanta_status vanta_recipe_vector(const json_t *vector, float *out, size_t *n,
                                      struct vanta_error *err);

#endif
