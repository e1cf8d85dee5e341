#include "convert/encoder_config.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/path.h"
#include "base/text.h"
#include "convert/encoder_gguf.h"
#include "convert/tokenizer_json.h"

#define MODULES_MAX 64
#define MPNET_FIRST_POSITION 2 /* behind the one of the padding token, 1 */

/* One document while it is read. */
struct document {
    char path[VANTA_PATH_MAX];
    struct vanta_json_doc doc;
    json_t *root;
};

/* *found false: there is no such file. */
static enum vanta_status load(struct document *d, const char *dir, const char *folder,
                              const char *name, bool *found, struct vanta_error *err)
{
    memset(d, 0, sizeof *d);
    *found = false;
    if (!vanta_path_join3(d->path, dir, folder, name))
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long", dir);
    d->doc.name = d->path;
    if (!vanta_file_exists(d->path))
        return VANTA_OK;
    *found = true;
    return vanta_json_load_file(d->path, VANTA_ENCODER_CONFIG_BYTES_MAX, &d->root, err);
}

static enum vanta_status unsupported(const struct document *d, const char *key,
                                     const char *value, struct vanta_error *err)
{
    return vanta_fail(err, VANTA_ERR_UNSUPPORTED,
                      "%s: %s is %.64s, which the GGUF of a sentence encoder cannot say",
                      d->path, key, value);
}

static enum vanta_status read_count(const struct document *d, const char *key,
                                    bool required, int64_t most, uint32_t *out,
                                    struct vanta_error *err)
{
    int64_t value = *out;
    enum vanta_status status =
        vanta_json_integer(&d->doc, d->root, "", key, required, 1, most, &value, err);

    if (status == VANTA_OK)
        *out = (uint32_t)value;
    return status;
}

static enum vanta_status read_sizes(const struct document *d,
                                    struct vanta_encoder_config *c,
                                    struct vanta_error *err)
{
    const struct {
        const char *key;
        bool required;
        int64_t most;
        uint32_t *out;
    } sizes[] = {
        {"num_hidden_layers", true, VANTA_ENCODER_BLOCKS_MAX, &c->blocks},
        {"hidden_size", true, VANTA_ENCODER_WIDTH_MAX, &c->width},
        {"intermediate_size", true, VANTA_ENCODER_INNER_MAX, &c->inner},
        {"num_attention_heads", true, VANTA_ENCODER_WIDTH_MAX, &c->heads},
        {"vocab_size", true, VANTA_TOKENS_MAX, &c->vocabulary},
        {"max_position_embeddings", true, VANTA_ENCODER_POSITIONS_MAX, &c->positions},
        {"type_vocab_size", !c->mpnet, VANTA_ENCODER_TOKEN_TYPES_MAX, &c->token_types},
        {"relative_attention_num_buckets", false, 1024, &c->buckets},
    };
    enum vanta_status status = VANTA_OK;
    size_t i;

    c->buckets = 32; /* the class's default */
    for (i = 0; status == VANTA_OK && i < sizeof sizes / sizeof sizes[0]; i++)
        status = read_count(d, sizes[i].key, sizes[i].required, sizes[i].most,
                            sizes[i].out, err);
    if (status == VANTA_OK && c->width % c->heads != 0)
        status = vanta_fail(err, VANTA_ERR_FORMAT, "%s: %u dimensions and %u heads",
                            d->path, c->width, c->heads);
    if (status == VANTA_OK && c->mpnet && c->positions <= MPNET_FIRST_POSITION + 2)
        status = vanta_fail(err, VANTA_ERR_FORMAT, "%s: %u positions", d->path,
                            c->positions);
    return status;
}

static enum vanta_status read_epsilon(const struct document *d,
                                      struct vanta_encoder_config *c,
                                      struct vanta_error *err)
{
    const json_t *value = json_object_get(d->root, "layer_norm_eps");
    double epsilon = value ? json_number_value(value) : 1e-12;

    if ((value && !json_is_number(value)) || !(epsilon > 0 && epsilon <= 0.1))
        return vanta_json_fail(&d->doc, "", "layer_norm_eps", err,
                               "a small number above 0 is wanted");
    c->epsilon = (float)epsilon;
    return VANTA_OK;
}

/* Words that have to be what the graph computes, where they are there. */
static enum vanta_status check_words(const struct document *d, struct vanta_error *err)
{
    static const struct {
        const char *key, *value;
    } words[] = {{"hidden_act", "gelu"}, {"position_embedding_type", "absolute"}};
    enum vanta_status status;
    size_t i;

    for (i = 0; i < sizeof words / sizeof words[0]; i++) {
        const char *word = words[i].value;

        status = vanta_json_string(&d->doc, d->root, "", words[i].key, false, &word, err);
        if (status != VANTA_OK)
            return status;
        if (strcmp(word, words[i].value) != 0)
            return unsupported(d, words[i].key, word, err);
    }
    return VANTA_OK;
}

static enum vanta_status read_config(const char *dir, struct vanta_encoder_config *c,
                                     struct vanta_error *err)
{
    const char *type = NULL;
    struct document d;
    enum vanta_status status;
    bool found, decoder = false;

    status = load(&d, dir, "", "config.json", &found, err);
    if (status == VANTA_OK && !found) {
        vanta_fail(err, VANTA_ERR_NOT_FOUND, "%s: no such file", d.path);
        vanta_hint(err, "a sentence-transformers folder holds config.json and "
                        "model.safetensors");
        return VANTA_ERR_NOT_FOUND;
    }
    if (status == VANTA_OK)
        status = vanta_json_string(&d.doc, d.root, "", "model_type", true, &type, err);
    if (status == VANTA_OK && strcmp(type, "bert") != 0 && strcmp(type, "mpnet") != 0)
        status = vanta_fail(err, VANTA_ERR_UNSUPPORTED,
                            "%s: model_type is %.64s; bert and mpnet can be converted",
                            d.path, type);
    if (status == VANTA_OK) {
        c->mpnet = strcmp(type, "mpnet") == 0;
        status = read_sizes(&d, c, err);
    }
    if (status == VANTA_OK)
        status = read_epsilon(&d, c, err);
    if (status == VANTA_OK)
        status = check_words(&d, err);
    if (status == VANTA_OK)
        status = vanta_json_boolean(&d.doc, d.root, "", "is_decoder", false, &decoder,
                                    err);
    if (status == VANTA_OK && decoder)
        status = unsupported(&d, "is_decoder", "true", err);
    json_decref(d.root);
    return status;
}

/* The flags of older versions, else the one word of newer ones. */
static enum vanta_status read_pooling_modes(const struct document *d,
                                            struct vanta_encoder_config *c,
                                            struct vanta_error *err)
{
    const char *word = NULL, *key;
    json_t *value;
    int modes = 0;
    enum vanta_status status =
        vanta_json_string(&d->doc, d->root, "", "pooling_mode", false, &word, err);

    if (status != VANTA_OK)
        return status;
    json_object_foreach(d->root, key, value) {
        if (!vanta_has_prefix(key, "pooling_mode_") || !json_is_true(value))
            continue;
        modes++;
        word = key + strlen("pooling_mode_");
    }
    if (modes > 1)
        return unsupported(d, "pooling", "of several kinds at once", err);
    if (word && (strcmp(word, "mean_tokens") == 0 || strcmp(word, "mean") == 0))
        c->pooling = VANTA_ENCODER_POOLING_MEAN;
    else if (word && (strcmp(word, "cls_token") == 0 || strcmp(word, "cls") == 0))
        c->pooling = VANTA_ENCODER_POOLING_FIRST;
    else
        return unsupported(d, "pooling", word ? word : "missing", err);
    return VANTA_OK;
}

static enum vanta_status read_pooling(const char *dir, const char *folder,
                                      struct vanta_encoder_config *c,
                                      struct vanta_error *err)
{
    struct document d;
    bool found;
    enum vanta_status status = load(&d, dir, folder, "config.json", &found, err);

    if (status == VANTA_OK && !found)
        status = vanta_fail(err, VANTA_ERR_NOT_FOUND, "%s: no such file", d.path);
    if (status == VANTA_OK && !json_is_object(d.root))
        status = vanta_json_fail(&d.doc, "", NULL, err, "an object is wanted");
    if (status == VANTA_OK)
        status = read_pooling_modes(&d, c, err);
    json_decref(d.root);
    return status;
}

static enum vanta_status read_module(const char *dir, const struct document *d, size_t i,
                                     struct vanta_encoder_config *c,
                                     struct vanta_error *err)
{
    const json_t *module = json_array_get(d->root, i);
    const char *type = NULL, *path = NULL;
    char where[VANTA_JSON_POINTER_MAX];
    enum vanta_status status = VANTA_OK;

    if (!vanta_json_pointer_index(where, "", i))
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: nested too deeply", d->path);
    status = vanta_json_string(&d->doc, module, where, "type", true, &type, err);
    if (status == VANTA_OK)
        status = vanta_json_string(&d->doc, module, where, "path", true, &path, err);
    if (status != VANTA_OK)
        return status;
    if (vanta_has_suffix(type, ".Normalize")) {
        c->normalize = true;
        return VANTA_OK;
    }
    if (vanta_has_suffix(type, ".Transformer") && i == 0 && path[0] == '\0')
        return VANTA_OK;
    if (!vanta_has_suffix(type, ".Pooling") || i != 1)
        return unsupported(d, "a module", type, err);
    if (!vanta_path_is_safe(path))
        return vanta_json_fail(&d->doc, where, "path", err, "leads out of the folder");
    return read_pooling(dir, path, c, err);
}

static enum vanta_status read_modules(const char *dir, struct vanta_encoder_config *c,
                                      struct vanta_error *err)
{
    struct document d;
    bool found;
    enum vanta_status status = load(&d, dir, "", "modules.json", &found, err);
    size_t i, n;

    c->pooling = VANTA_ENCODER_POOLING_MEAN; /* what a folder without modules gets */
    if (status != VANTA_OK || !found)
        return status;
    n = json_array_size(d.root);
    if (n == 0 || n > MODULES_MAX)
        status = vanta_fail(err, VANTA_ERR_FORMAT, "%s: is no list of modules", d.path);
    for (i = 0; status == VANTA_OK && i < n; i++)
        status = read_module(dir, &d, i, c, err);
    json_decref(d.root);
    return status;
}

static enum vanta_status read_limits(const char *dir, struct vanta_encoder_config *c,
                                     struct vanta_error *err)
{
    int64_t most;
    struct document d;
    bool found;
    enum vanta_status status =
        load(&d, dir, "", "sentence_bert_config.json", &found, err);

    c->context = c->positions - (c->mpnet ? MPNET_FIRST_POSITION : 0);
    c->max_tokens = c->context;
    if (status != VANTA_OK || !found)
        return status;
    most = c->context;
    if (!json_is_null(json_object_get(d.root, "max_seq_length")))
        status = vanta_json_integer(&d.doc, d.root, "", "max_seq_length", false, 2,
                                    1 << 20, &most, err);
    if (status == VANTA_OK)
        status = vanta_json_boolean(&d.doc, d.root, "", "do_lower_case", false,
                                    &c->lowercase_first, err);
    if (most < c->context)
        c->max_tokens = (uint32_t)most;
    json_decref(d.root);
    return status;
}

enum vanta_status vanta_encoder_config_read(const char *dir,
                                            struct vanta_encoder_config *out,
                                            struct vanta_error *err)
{
    enum vanta_status status;

    memset(out, 0, sizeof *out);
    status = read_config(dir, out, err);
    if (status == VANTA_OK)
        status = read_modules(dir, out, err);
    if (status == VANTA_OK)
        status = read_limits(dir, out, err);
    if (status != VANTA_OK)
        memset(out, 0, sizeof *out);
    return status;
}
