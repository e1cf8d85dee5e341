/* recipe.c - reading a recipe, and the material of the tests. */
#include "models/recipe.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "convert/half.h"

static const struct vanta_json_doc recipe_doc = {"the test recipe"};

static enum vanta_status read_bound(const json_t *test, const char *key, double *out,
                                    struct vanta_error *err)
{
    const json_t *value = json_object_get(test, key);

    if (!value)
        return VANTA_OK;
    if (!json_is_number(value) || !(json_number_value(value) >= 0))
        return vanta_json_fail(&recipe_doc, "", key, err, "must be a number from 0 on");
    *out = json_number_value(value);
    return VANTA_OK;
}

static enum vanta_status read_kind(const json_t *test, struct vanta_recipe *out,
                                   struct vanta_error *err)
{
    static const char *const kinds[] = {"transcribe", "questions", "embed", "speak"};
    const char *kind = NULL;
    size_t i;
    enum vanta_status status =
        vanta_json_string(&recipe_doc, test, "", "kind", true, &kind, err);

    if (status != VANTA_OK)
        return status;
    for (i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(kind, kinds[i]) == 0) {
            out->kind = (enum vanta_recipe_kind)i;
            return VANTA_OK;
        }
    return vanta_json_fail(&recipe_doc, "", "kind", err,
                           "\"%s\" is no kind of test that this vanta has", kind);
}

static enum vanta_status read_prompt(const json_t *test, struct vanta_recipe *out,
                                     struct vanta_error *err)
{
    const char *prompt = NULL;
    enum vanta_status status =
        vanta_json_string(&recipe_doc, test, "", "prompt", false, &prompt, err);

    if (status == VANTA_OK)
        status = vanta_json_string(&recipe_doc, test, "", "format", false, &out->format,
                                   err);
    if (status != VANTA_OK || !prompt)
        return status;
    out->prompt_open = false;
    if (strcmp(prompt, "completion") == 0)
        out->prompt = VANTA_PROMPT_PLAIN;
    else if (strcmp(prompt, "chat-template") == 0)
        out->prompt = VANTA_PROMPT_CHAT_TEMPLATE;
    else if (strcmp(prompt, "literal") == 0 && out->format)
        out->prompt = VANTA_PROMPT_LITERAL;
    else
        return vanta_json_fail(&recipe_doc, "", "prompt", err,
                               "must be completion, chat-template, or literal with a "
                               "format");
    return VANTA_OK;
}

static enum vanta_recipe_kind kind_of(enum vanta_model_type type)
{
    switch (type) {
    case VANTA_TYPE_WHISPER:
        return VANTA_RECIPE_TRANSCRIBE;
    case VANTA_TYPE_LLM:
        return VANTA_RECIPE_QUESTIONS;
    case VANTA_TYPE_EMBEDDING:
        return VANTA_RECIPE_EMBED;
    default:
        return VANTA_RECIPE_SPEAK;
    }
}

enum vanta_status vanta_recipe_read(const struct vanta_catalog_model *model,
                                    enum vanta_model_type type, struct vanta_recipe *out,
                                    struct vanta_error *err)
{
    const json_t *test = model ? model->test : NULL;
    enum vanta_status status = VANTA_OK;

    *out = (struct vanta_recipe){.kind = kind_of(type),
                                 .by_type = !test,
                                 .word_error_rate_max = -1,
                                 .prompt_open = true,
                                 .perplexity_max = -1,
                                 .cosine_min = -1};
    if (!test)
        return VANTA_OK;
    status = read_kind(test, out, err);
    if (status == VANTA_OK && out->kind != kind_of(type))
        status = vanta_json_fail(&recipe_doc, "", "kind", err,
                                 "is not for a model of type %s", vanta_type_name(type));
    if (status == VANTA_OK)
        status = read_bound(test, "word_error_rate_max", &out->word_error_rate_max, err);
    if (status == VANTA_OK)
        status = read_bound(test, "perplexity_max", &out->perplexity_max, err);
    if (status == VANTA_OK)
        status = read_bound(test, "cosine_min", &out->cosine_min, err);
    if (status == VANTA_OK)
        status = read_prompt(test, out, err);
    if (status == VANTA_OK)
        status = vanta_json_integer(&recipe_doc, test, "", "dimensions", false, 1, 65536,
                                    &out->dimensions, err);
    if (status == VANTA_OK)
        status = vanta_json_array(&recipe_doc, test, "", "references", false, 64,
                                  &out->references, err);
    return status;
}

/* --- the material --- */

const struct vanta_catalog_data *vanta_recipe_data(const char *name)
{
    const struct vanta_catalog_data *file;

    for (file = vanta_recipe_files; file->name; file++)
        if (strcmp(file->name, name) == 0)
            return file;
    return NULL;
}

enum vanta_status vanta_recipe_json(const char *name, json_t **out,
                                    struct vanta_error *err)
{
    const struct vanta_catalog_data *file = vanta_recipe_data(name);

    if (!file)
        return vanta_fail(err, VANTA_ERR_INTERNAL, "%s is not part of this program", name);
    return vanta_json_load(file->data, file->len, name, out, err);
}

static int base64_value(char c)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(digits, c) : NULL;

    return at ? (int)(at - digits) : -1;
}

/* Pairs of bytes as they come out of the text; padding ends it. */
static bool read_base64(const char *text, float *out, size_t most, size_t *n)
{
    uint32_t bits = 0;
    unsigned n_bits = 0, n_bytes = 0, low = 0;

    for (*n = 0; *text && *text != '='; text++) {
        int value = base64_value(*text);

        if (value < 0)
            return false;
        bits = (bits << 6 | (uint32_t)value) & 0xFFFFFFu;
        n_bits += 6;
        if (n_bits < 8)
            continue;
        n_bits -= 8;
        if (n_bytes++ % 2 == 0) {
            low = bits >> n_bits & 0xFFu;
            continue;
        }
        if (*n >= most)
            return false;
        out[(*n)++] = vanta_f16_to_f32((uint16_t)(low | (bits >> n_bits & 0xFFu) << 8));
    }
    return n_bytes % 2 == 0;
}

enum vanta_status vanta_recipe_vector(const json_t *vector, float *out, size_t *n,
                                      struct vanta_error *err)
{
    size_t most = *n, i;
    bool right = false;

    if (json_is_string(vector)) {
        right = read_base64(json_string_value(vector), out, most, n);
    } else if (json_is_array(vector) && json_array_size(vector) <= most) {
        *n = json_array_size(vector);
        for (i = 0; i < *n && json_is_number(json_array_get(vector, i)); i++)
            out[i] = (float)json_number_value(json_array_get(vector, i));
        right = i == *n;
    }
    for (i = 0; right && i < *n; i++)
        right = isfinite(out[i]);
    if (!right || *n == 0)
        return vanta_json_fail(&recipe_doc, "/references", "vector", err,
                               "must be base64 of 16-bit floats, or numbers");
    return VANTA_OK;
}
