#include "convert/xtts_config.h"

#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/path.h"

#define CONFIG_BYTES_MAX ((size_t)1 << 20)
#define AUDIO_RESERVED 3 /* of gpt_max_audio_tokens: start, and what training needs */

/* From coqui-tts, TTS/tts/layers/xtts/tokenizer.py (char_limits). */
static const struct {
    char language[6];
    uint16_t characters;
} limits[] = {
    {"en", 250}, {"de", 253}, {"fr", 273}, {"es", 239}, {"it", 213}, {"pt", 203},
    {"pl", 224}, {"zh-cn", 82}, {"ar", 166}, {"cs", 186}, {"ru", 182}, {"nl", 251},
    {"tr", 226}, {"ja", 71}, {"hu", 224}, {"ko", 95}, {"hi", 150},
};

uint32_t vanta_xtts_characters(const char *language)
{
    size_t i;

    for (i = 0; i < sizeof limits / sizeof limits[0]; i++)
        if (strcmp(limits[i].language, language) == 0)
            return limits[i].characters;
    return 250;
}

struct document {
    char path[VANTA_PATH_MAX];
    struct vanta_json_doc doc;
    json_t *root;
};

static enum vanta_status load(struct document *d, const char *dir, const char *name,
                              struct vanta_buf *text, struct vanta_error *err)
{
    enum vanta_status status;

    d->doc.name = d->path;
    if (!vanta_path_join(d->path, dir, name))
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long", dir);
    status = vanta_file_read(d->path, text, err);
    if (status == VANTA_ERR_NOT_FOUND)
        vanta_hint(err, "a folder of XTTS-v2 holds model.pth, config.json, vocab.json and "
                        "speakers_xtts.pth");
    if (status != VANTA_OK)
        return status;
    return vanta_json_load(text->data, text->len, d->path, &d->root, err);
}

/* --- config.json --- */

static enum vanta_status read_sizes(const struct document *d, const json_t *args,
                                    struct vanta_xtts_config *c, struct vanta_error *err)
{
    uint32_t most_text = 0, most_audio = 0;
    const struct {
        const char *key;
        int64_t most;
        uint32_t *out;
    } sizes[] = {
        {"gpt_layers", VANTA_XTTS_BLOCKS_MAX, &c->blocks},
        {"gpt_n_model_channels", VANTA_XTTS_WIDTH_MAX, &c->width},
        {"gpt_n_heads", VANTA_XTTS_WIDTH_MAX, &c->heads},
        {"gpt_number_text_tokens", VANTA_XTTS_VOCABULARY_MAX, &c->text_vocabulary},
        {"gpt_max_text_tokens", VANTA_XTTS_POSITIONS_MAX - 2, &most_text},
        {"gpt_num_audio_tokens", VANTA_XTTS_VOCABULARY_MAX, &c->audio_vocabulary},
        {"gpt_start_audio_token", VANTA_XTTS_VOCABULARY_MAX, &c->audio_start},
        {"gpt_stop_audio_token", VANTA_XTTS_VOCABULARY_MAX, &c->audio_stop},
        {"gpt_max_audio_tokens", VANTA_XTTS_POSITIONS_MAX - 3, &most_audio},
        {"gpt_code_stride_len", 1 << 16, &c->code_stride},
        {"input_sample_rate", 1 << 20, &c->input_hz},
        {"output_sample_rate", 1 << 20, &c->output_hz},
        {"output_hop_length", 1 << 16, &c->hop},
        {"decoder_input_dim", VANTA_XTTS_WIDTH_MAX, &c->vocoder_width},
        {"d_vector_dim", VANTA_XTTS_WIDTH_MAX, &c->speaker_width},
    };
    enum vanta_status status = VANTA_OK;
    size_t i;

    for (i = 0; status == VANTA_OK && i < sizeof sizes / sizeof sizes[0]; i++) {
        int64_t value = 0;

        if (sizes[i].out == &c->text_vocabulary &&
            json_is_null(json_object_get(args, sizes[i].key)))
            continue; /* as in the class: what the vocabulary has */
        status = vanta_json_integer(&d->doc, args, "/model_args", sizes[i].key, true, 1,
                                    sizes[i].most, &value, err);
        *sizes[i].out = (uint32_t)value;
    }
    if (status != VANTA_OK)
        return status;
    c->text_max = most_text;
    c->text_positions = most_text + 2;
    c->audio_positions = most_audio + 3;
    c->audio_max = most_audio - AUDIO_RESERVED;
    if (c->width % c->heads || c->audio_start >= c->audio_vocabulary ||
        c->audio_stop >= c->audio_vocabulary || most_audio <= AUDIO_RESERVED)
        return vanta_json_fail(&d->doc, "", "model_args", err,
                               "its sizes do not fit together");
    return VANTA_OK;
}

static enum vanta_status read_real(const struct document *d, const char *key, double most,
                                   float *out, struct vanta_error *err)
{
    const json_t *value = json_object_get(d->root, key);

    if (!value)
        return VANTA_OK;
    if (!json_is_number(value) || !(json_number_value(value) > 0) ||
        json_number_value(value) > most)
        return vanta_json_fail(&d->doc, "", key, err,
                               "a number above 0, and at most %g, is wanted", most);
    *out = (float)json_number_value(value);
    return VANTA_OK;
}

/* What there is a default for: coqui-tts, TTS/tts/configs/xtts_config.py, as the
 * published model sets it. */
static enum vanta_status read_settings(const struct document *d,
                                       struct vanta_xtts_config *c,
                                       struct vanta_error *err)
{
    const struct {
        const char *key;
        uint32_t value, *out;
    } whole[] = {{"top_k", 50, &c->top_k},
                 {"gpt_cond_len", 30, &c->latent_seconds},
                 {"gpt_cond_chunk_len", 4, &c->chunk_seconds},
                 {"max_ref_len", 30, &c->reference_seconds}};
    enum vanta_status status;
    size_t i;

    c->temperature = 0.75f;
    c->top_p = 0.85f;
    c->repetition_penalty = 5.0f;
    status = read_real(d, "temperature", 100, &c->temperature, err);
    if (status == VANTA_OK)
        status = read_real(d, "top_p", 1, &c->top_p, err);
    if (status == VANTA_OK)
        status = read_real(d, "repetition_penalty", 100, &c->repetition_penalty, err);
    for (i = 0; status == VANTA_OK && i < sizeof whole / sizeof whole[0]; i++) {
        int64_t value = whole[i].value;

        status = vanta_json_integer(&d->doc, d->root, "", whole[i].key, false, 1,
                                    VANTA_XTTS_VOCABULARY_MAX, &value, err);
        *whole[i].out = (uint32_t)value;
    }
    if (status == VANTA_OK)
        status = vanta_json_boolean(&d->doc, d->root, "", "sound_norm_refs", false,
                                    &c->normalize, err);
    return status;
}

static enum vanta_status read_languages(const struct document *d,
                                        struct vanta_xtts_config *c,
                                        struct vanta_error *err)
{
    enum vanta_status status =
        vanta_json_array(&d->doc, d->root, "", "languages", true,
                         VANTA_XTTS_LANGUAGES_MAX, &c->languages, err);
    size_t i;

    for (i = 0; status == VANTA_OK && i < json_array_size(c->languages); i++)
        if (!json_is_string(json_array_get(c->languages, i)))
            status = vanta_json_fail(&d->doc, "", "languages", err,
                                     "names of languages are wanted");
    return status;
}

static enum vanta_status read_config(const char *dir, struct vanta_xtts_config *c,
                                     struct vanta_error *err)
{
    struct vanta_buf text = VANTA_BUF(CONFIG_BYTES_MAX);
    const char *model = "";
    const json_t *args = NULL;
    bool perceiver = false;
    struct document d = {.root = NULL};
    enum vanta_status status = load(&d, dir, "config.json", &text, err);

    vanta_buf_free(&text);
    c->root = d.root;
    if (status == VANTA_OK)
        status = vanta_json_string(&d.doc, d.root, "", "model", false, &model, err);
    if (status == VANTA_OK && strcmp(model, "xtts") != 0)
        return vanta_fail(err, VANTA_ERR_UNSUPPORTED, "%s: its model is no XTTS", d.path);
    if (status == VANTA_OK)
        status = vanta_json_object(&d.doc, d.root, "", "model_args", true, &args, err);
    if (status == VANTA_OK)
        status = vanta_json_boolean(&d.doc, args, "/model_args",
                                    "gpt_use_perceiver_resampler", false, &perceiver, err);
    if (status == VANTA_OK && !perceiver)
        return vanta_fail(err, VANTA_ERR_UNSUPPORTED,
                          "%s: version 1 of XTTS, which has no perceiver; version 2 can be "
                          "converted", d.path);
    if (status == VANTA_OK)
        status = read_sizes(&d, args, c, err);
    if (status == VANTA_OK)
        status = read_settings(&d, c, err);
    return status == VANTA_OK ? read_languages(&d, c, err) : status;
}

/* --- vocab.json --- */

static bool is_type(const json_t *object, const char *type)
{
    const char *found = json_string_value(json_object_get(object, "type"));

    return found && strcmp(found, type) == 0;
}

/* Ids of model.vocab and added_tokens; the two that stand around a text are among them. */
static bool count_tokens(const json_t *root, struct vanta_xtts_config *c)
{
    const json_t *vocabulary = json_object_get(json_object_get(root, "model"), "vocab");
    const json_t *start = json_object_get(vocabulary, "[START]");
    const json_t *stop = json_object_get(vocabulary, "[STOP]");
    const json_t *added = json_object_get(root, "added_tokens"), *id;
    const char *key;
    size_t i;

    json_object_foreach((json_t *)vocabulary, key, id) {
        json_int_t value = json_integer_value(id);

        if (!json_is_integer(id) || value < 0 || value >= VANTA_XTTS_VOCABULARY_MAX)
            return false;
        c->tokens = (size_t)value >= c->tokens ? (size_t)value + 1 : c->tokens;
    }
    json_array_foreach(added, i, id) {
        const json_t *number = json_object_get(id, "id");
        json_int_t value = json_integer_value(number);
        const char *content = json_string_value(json_object_get(id, "content"));

        if (!json_is_integer(number) || value < 0 || !content ||
            value >= VANTA_XTTS_VOCABULARY_MAX)
            return false;
        c->tokens = (size_t)value >= c->tokens ? (size_t)value + 1 : c->tokens;
        start = !start && strcmp(content, "[START]") == 0 ? number : start;
        stop = !stop && strcmp(content, "[STOP]") == 0 ? number : stop;
    }
    c->text_start = (uint32_t)json_integer_value(start);
    c->text_stop = (uint32_t)json_integer_value(stop);
    return start && stop;
}

static enum vanta_status read_vocabulary(const char *dir, struct vanta_xtts_config *c,
                                         struct vanta_error *err)
{
    struct document d = {.root = NULL};
    const json_t *model, *normalizer;
    enum vanta_status status;

    c->vocabulary = VANTA_BUF(VANTA_XTTS_VOCABULARY_BYTES_MAX);
    status = load(&d, dir, "vocab.json", &c->vocabulary, err);
    if (status != VANTA_OK)
        return status;
    model = json_object_get(d.root, "model");
    normalizer = json_object_get(d.root, "normalizer");
    if (!is_type(model, "BPE") ||
        !is_type(json_object_get(d.root, "pre_tokenizer"), "Whitespace") ||
        (normalizer && !json_is_null(normalizer)) ||
        !json_is_array(json_object_get(model, "merges")))
        status = vanta_fail(err, VANTA_ERR_UNSUPPORTED,
                            "%s: another tokenizer than XTTS has (BPE between spaces)",
                            d.path);
    else if (!count_tokens(d.root, c))
        status = vanta_fail(err, VANTA_ERR_FORMAT,
                            "%s: its tokens have no usable numbers, or [START] or [STOP] "
                            "is missing", d.path);
    else if (c->text_vocabulary == 0)
        c->text_vocabulary = (uint32_t)c->tokens;
    else if (c->tokens > c->text_vocabulary)
        status = vanta_fail(err, VANTA_ERR_FORMAT,
                            "%s: %zu tokens, and config.json says %u", d.path, c->tokens,
                            c->text_vocabulary);
    json_decref(d.root);
    return status;
}

enum vanta_status vanta_xtts_config_read(const char *dir, struct vanta_xtts_config *out,
                                         struct vanta_error *err)
{
    enum vanta_status status;

    memset(out, 0, sizeof *out);
    status = read_config(dir, out, err);
    if (status == VANTA_OK)
        status = read_vocabulary(dir, out, err);
    if (status != VANTA_OK)
        vanta_xtts_config_free(out);
    return status;
}

void vanta_xtts_config_free(struct vanta_xtts_config *config)
{
    json_decref(config->root);
    vanta_buf_free(&config->vocabulary);
    memset(config, 0, sizeof *config);
}
