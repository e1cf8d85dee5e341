/*
 * whisper_convert.c - faster-whisper (CTranslate2) weights to whisper.cpp's file.
 *
 * Source of the layout: whisper.cpp, models/convert-pt-to-ggml.py, whose output for
 * OpenAI's checkpoint this reproduces byte for byte: its order of tensors, its types (f16
 * for two and more dimensions; f32 for vectors, positional embeddings and the two
 * convolution biases), its extents.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/error.h"
#include "base/file.h"
#include "base/path.h"
#include "base/platform.h"
#include "base/text.h"
#include "convert/convert.h"
#include "convert/ct2.h"
#include "convert/half.h"
#include "convert/mel.h"
#include "convert/output.h"
#include "convert/tokenizer_json.h"
#include "convert/whisper_ggml.h"

#define NAME_MAX_BYTES 96
#define BLOCK_ELEMENTS ((size_t)64 * 1024)
#define HEAD_WIDTH 64 /* of every Whisper model */
#define LAYERS_MAX 1024
/* Byte-level tokens of both vocabularies; what comes behind them whisper.cpp adds. */
#define TEXT_TOKENS 50257

struct conversion {
    struct vanta_cursor cursor;
    struct vanta_ct2 model;
    struct vanta_output *out;
    const char *name; /* of model.bin, for messages */
    uint32_t width, audio_layers, text_layers;
    uint8_t *raw;     /* BLOCK_ELEMENTS of the source's type */
    float *values;
    uint16_t *halves;
    uint64_t total_bytes;
    vanta_convert_progress *progress;
    void *arg;
    const atomic_bool *cancel;
};

/* A run of rows of one CTranslate2 variable and the tensor it becomes. */
struct piece {
    const char *from;          /* variable's name */
    uint64_t part, parts;      /* of rows: the part-th of equally many */
    const char *to;            /* tensor's name */
    bool as_f32, column;       /* column: extents [1, n] for a vector of n */
};

static const struct vanta_ct2_variable *need(struct conversion *k, const char *name,
                                             struct vanta_error *err)
{
    const struct vanta_ct2_variable *v = vanta_ct2_find(&k->model, name);

    if (!v)
        vanta_fail(err, VANTA_ERR_FORMAT, "%s: the variable %s is missing", k->name,
                   name);
    return v;
}

/* int8 weights carry one scale a row in NAME_scale. */
static const struct vanta_ct2_variable *scale_of(struct conversion *k,
                                                 const struct vanta_ct2_variable *v,
                                                 struct vanta_error *err)
{
    const struct vanta_ct2_variable *scale;
    char name[600];

    snprintf(name, sizeof name, "%s_scale", v->name);
    scale = need(k, name, err);
    if (scale && (scale->type != VANTA_CT2_F32 || scale->elements != v->shape[0])) {
        vanta_fail(err, VANTA_ERR_FORMAT, "%s: %s does not fit its weights", k->name,
                   name);
        return NULL;
    }
    return scale;
}

static enum vanta_status read_floats(struct conversion *k,
                                     const struct vanta_ct2_variable *v, uint64_t first,
                                     size_t n, struct vanta_error *err)
{
    size_t bytes = vanta_ct2_type_bytes(v->type), i;
    enum vanta_status status;

    status = vanta_cursor_seek(&k->cursor, v->data_pos + first * bytes, err);
    if (status == VANTA_OK)
        status = vanta_cursor_bytes(&k->cursor, k->raw, n * bytes, err);
    if (status != VANTA_OK)
        return status;
    for (i = 0; i < n; i++) {
        const uint8_t *p = k->raw + i * bytes;
        uint32_t bits = p[0];

        if (bytes > 1)
            bits |= (uint32_t)p[1] << 8;
        if (bytes > 2)
            bits |= (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
        switch (v->type) {
        case VANTA_CT2_F32:
            memcpy(&k->values[i], &bits, sizeof bits);
            break;
        case VANTA_CT2_F16:
            k->values[i] = vanta_f32_of_f16((uint16_t)bits);
            break;
        case VANTA_CT2_BF16:
            k->values[i] = vanta_f32_of_bf16((uint16_t)bits);
            break;
        case VANTA_CT2_I8:
            k->values[i] = (float)(int8_t)bits;
            break;
        default:
            return vanta_fail(err, VANTA_ERR_UNSUPPORTED,
                              "%s: %s is stored as %s; f32, f16, bf16 and i8 are read",
                              k->name, v->name, vanta_ct2_type_name(v->type));
        }
    }
    return VANTA_OK;
}

static enum vanta_status unscale(struct conversion *k, const struct vanta_ct2_variable *v,
                                 uint64_t first, size_t n, struct vanta_error *err)
{
    const struct vanta_ct2_variable *scale = scale_of(k, v, err);
    uint64_t row_elements = v->elements / (v->shape[0] ? v->shape[0] : 1);
    enum vanta_status status = scale ? VANTA_OK : VANTA_ERR_FORMAT;
    uint64_t row = UINT64_MAX;
    float factor = 1;
    size_t i;

    for (i = 0; status == VANTA_OK && i < n; i++) {
        if ((first + i) / row_elements != row) {
            row = (first + i) / row_elements;
            status = vanta_cursor_seek(&k->cursor, scale->data_pos + row * 4, err);
            if (status == VANTA_OK)
                status = vanta_cursor_f32(&k->cursor, &factor, err);
            if (status == VANTA_OK && !(factor > 0 || factor < 0))
                status = vanta_fail(err, VANTA_ERR_FORMAT, "%s: a scale of %s is zero",
                                    k->name, v->name);
        }
        k->values[i] /= factor;
    }
    return status;
}

static enum vanta_status write_f32(struct conversion *k, size_t n,
                                   struct vanta_error *err)
{
    size_t i;

    /* In place: an element is read before its four bytes are written. */
    for (i = 0; i < n; i++) {
        uint8_t *p = (uint8_t *)&k->values[i];
        uint32_t bits;

        memcpy(&bits, p, sizeof bits);
        p[0] = (uint8_t)bits;
        p[1] = (uint8_t)(bits >> 8);
        p[2] = (uint8_t)(bits >> 16);
        p[3] = (uint8_t)(bits >> 24);
    }
    return vanta_output_write(k->out, k->values, n * 4, err);
}

static enum vanta_status write_f16(struct conversion *k, size_t n,
                                   struct vanta_error *err)
{
    size_t i;

    for (i = 0; i < n; i++) {
        uint16_t half = vanta_f16_of_f32(k->values[i]);
        uint8_t *p = (uint8_t *)&k->halves[i];

        p[0] = (uint8_t)half;
        p[1] = (uint8_t)(half >> 8);
    }
    return vanta_output_write(k->out, k->halves, n * 2, err);
}

/* n elements from first on; f16 to f16 is a copy of the bytes. */
static enum vanta_status write_block(struct conversion *k,
                                     const struct vanta_ct2_variable *v, uint64_t first,
                                     size_t n, bool as_f32, struct vanta_error *err)
{
    enum vanta_status status;

    if (v->type == VANTA_CT2_F16 && !as_f32) {
        status = vanta_cursor_seek(&k->cursor, v->data_pos + first * 2, err);
        if (status == VANTA_OK)
            status = vanta_cursor_bytes(&k->cursor, k->raw, n * 2, err);
        return status == VANTA_OK ? vanta_output_write(k->out, k->raw, n * 2, err)
                                  : status;
    }
    status = read_floats(k, v, first, n, err);
    if (status == VANTA_OK && v->type == VANTA_CT2_I8)
        status = unscale(k, v, first, n, err);
    if (status != VANTA_OK)
        return status;
    return as_f32 ? write_f32(k, n, err) : write_f16(k, n, err);
}

static enum vanta_status write_tensor_header(struct conversion *k,
                                             const struct vanta_ct2_variable *v,
                                             const struct piece *piece, uint64_t rows,
                                             struct vanta_error *err)
{
    uint32_t rank = piece->column ? 2 : (uint32_t)v->rank, name_len, i;
    enum vanta_status status = vanta_output_u32(k->out, rank, err);

    name_len = (uint32_t)strlen(piece->to);
    if (status == VANTA_OK)
        status = vanta_output_u32(k->out, name_len, err);
    if (status == VANTA_OK)
        status = vanta_output_u32(k->out, piece->as_f32 ? 0 : 1, err);
    if (status == VANTA_OK && piece->column)
        status = vanta_output_u32(k->out, 1, err);
    for (i = (uint32_t)v->rank; status == VANTA_OK && i > 0; i--)
        status = vanta_output_u32(k->out,
                                  (uint32_t)(i == 1 ? rows : v->shape[i - 1]), err);
    return status == VANTA_OK ? vanta_output_write(k->out, piece->to, name_len, err)
                              : status;
}

static enum vanta_status write_piece(struct conversion *k, const struct piece *piece,
                                     struct vanta_error *err)
{
    const struct vanta_ct2_variable *v = need(k, piece->from, err);
    uint64_t rows, row_elements, first, end;
    enum vanta_status status;

    if (!v)
        return VANTA_ERR_FORMAT;
    if (v->rank == 0 || v->shape[0] == 0 || v->shape[0] % piece->parts != 0)
        return vanta_fail(err, VANTA_ERR_FORMAT, "%s: %s does not divide into %llu",
                          k->name, v->name, (unsigned long long)piece->parts);
    rows = v->shape[0] / piece->parts;
    row_elements = v->elements / v->shape[0];
    status = write_tensor_header(k, v, piece, rows, err);
    first = piece->part * rows * row_elements;
    end = first + rows * row_elements;
    while (status == VANTA_OK && first < end) {
        size_t n = end - first < BLOCK_ELEMENTS ? (size_t)(end - first) : BLOCK_ELEMENTS;

        if (k->cancel && atomic_load(k->cancel))
            return vanta_fail(err, VANTA_ERR_CANCELLED, "the conversion was stopped");
        status = write_block(k, v, first, n, piece->as_f32, err);
        first += n;
    }
    if (status == VANTA_OK && k->progress)
        k->progress(k->arg, vanta_output_bytes(k->out), k->total_bytes);
    return status;
}

/* Whisper's key projection has no bias: in the stacked bias its part has to be zero. */
static enum vanta_status check_key_bias(struct conversion *k, const char *from,
                                        uint64_t part, uint64_t parts,
                                        struct vanta_error *err)
{
    const struct vanta_ct2_variable *v = need(k, from, err);
    uint64_t n, i;
    enum vanta_status status;

    if (!v)
        return VANTA_ERR_FORMAT;
    n = v->elements / parts;
    if (v->rank != 1 || n > BLOCK_ELEMENTS)
        return vanta_fail(err, VANTA_ERR_FORMAT, "%s: %s is no bias", k->name, from);
    status = read_floats(k, v, part * n, (size_t)n, err);
    for (i = 0; status == VANTA_OK && i < n; i++)
        if (k->values[i] < 0 || k->values[i] > 0)
            status = vanta_fail(err, VANTA_ERR_UNSUPPORTED,
                                "%s: the key part of %s is not zero: these are no "
                                "weights of Whisper",
                                k->name, from);
    return status;
}

struct mapping {
    const char *from;     /* below the layer */
    const char *to;       /* below the block */
    uint64_t part, parts; /* 0 parts: the key's bias, to be checked and dropped */
    bool vector;
    uint64_t key_part, key_parts;
};

static const struct mapping feed_forward[] = {
    {"ffn/layer_norm/gamma", "mlp_ln.weight", 0, 1, true, 0, 0},
    {"ffn/layer_norm/beta", "mlp_ln.bias", 0, 1, true, 0, 0},
    {"ffn/linear_0/weight", "mlp.0.weight", 0, 1, false, 0, 0},
    {"ffn/linear_0/bias", "mlp.0.bias", 0, 1, true, 0, 0},
    {"ffn/linear_1/weight", "mlp.2.weight", 0, 1, false, 0, 0},
    {"ffn/linear_1/bias", "mlp.2.bias", 0, 1, true, 0, 0},
};

static const struct mapping self_attention[] = {
    {"self_attention/layer_norm/gamma", "attn_ln.weight", 0, 1, true, 0, 0},
    {"self_attention/layer_norm/beta", "attn_ln.bias", 0, 1, true, 0, 0},
    {"self_attention/linear_0/weight", "attn.query.weight", 0, 3, false, 0, 0},
    {"self_attention/linear_0/bias", "attn.query.bias", 0, 3, true, 0, 0},
    {"self_attention/linear_0/weight", "attn.key.weight", 1, 3, false, 0, 0},
    {"self_attention/linear_0/bias", NULL, 0, 0, true, 1, 3},
    {"self_attention/linear_0/weight", "attn.value.weight", 2, 3, false, 0, 0},
    {"self_attention/linear_0/bias", "attn.value.bias", 2, 3, true, 0, 0},
    {"self_attention/linear_1/weight", "attn.out.weight", 0, 1, false, 0, 0},
    {"self_attention/linear_1/bias", "attn.out.bias", 0, 1, true, 0, 0},
};

static const struct mapping cross_attention[] = {
    {"attention/layer_norm/gamma", "cross_attn_ln.weight", 0, 1, true, 0, 0},
    {"attention/layer_norm/beta", "cross_attn_ln.bias", 0, 1, true, 0, 0},
    {"attention/linear_0/weight", "cross_attn.query.weight", 0, 1, false, 0, 0},
    {"attention/linear_0/bias", "cross_attn.query.bias", 0, 1, true, 0, 0},
    {"attention/linear_1/weight", "cross_attn.key.weight", 0, 2, false, 0, 0},
    {"attention/linear_1/bias", NULL, 0, 0, true, 0, 2},
    {"attention/linear_1/weight", "cross_attn.value.weight", 1, 2, false, 0, 0},
    {"attention/linear_1/bias", "cross_attn.value.bias", 1, 2, true, 0, 0},
    {"attention/linear_2/weight", "cross_attn.out.weight", 0, 1, false, 0, 0},
    {"attention/linear_2/bias", "cross_attn.out.bias", 0, 1, true, 0, 0},
};

static enum vanta_status write_group(struct conversion *k, const char *side,
                                     uint32_t layer, const struct mapping *group,
                                     size_t n, struct vanta_error *err)
{
    enum vanta_status status = VANTA_OK;
    size_t i;

    for (i = 0; status == VANTA_OK && i < n; i++) {
        const struct mapping *m = &group[i];
        char from[NAME_MAX_BYTES], to[NAME_MAX_BYTES];

        snprintf(from, sizeof from, "%s/layer_%u/%s", side, layer, m->from);
        if (!m->to) {
            status = check_key_bias(k, from, m->key_part, m->key_parts, err);
            continue;
        }
        snprintf(to, sizeof to, "%s.blocks.%u.%s", side, layer, m->to);
        status = write_piece(
            k, &(struct piece){from, m->part, m->parts, to, m->vector, false}, err);
    }
    return status;
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static enum vanta_status write_layers(struct conversion *k, const char *side,
                                      uint32_t layers, bool cross,
                                      struct vanta_error *err)
{
    enum vanta_status status = VANTA_OK;
    uint32_t i;

    for (i = 0; status == VANTA_OK && i < layers; i++) {
        status = write_group(k, side, i, feed_forward, COUNT(feed_forward), err);
        if (status == VANTA_OK)
            status = write_group(k, side, i, self_attention, COUNT(self_attention), err);
        if (status == VANTA_OK && cross)
            status =
                write_group(k, side, i, cross_attention, COUNT(cross_attention), err);
    }
    return status;
}

static enum vanta_status write_pieces(struct conversion *k, const struct piece *pieces,
                                      size_t n, struct vanta_error *err)
{
    enum vanta_status status = VANTA_OK;
    size_t i;

    for (i = 0; status == VANTA_OK && i < n; i++)
        status = write_piece(k, &pieces[i], err);
    return status;
}

static enum vanta_status write_tensors(struct conversion *k, struct vanta_error *err)
{
    static const struct piece first[] = {
        {"decoder/position_encodings/encodings", 0, 1, "decoder.positional_embedding",
         true, false},
        {"encoder/position_encodings/encodings", 0, 1, "encoder.positional_embedding",
         true, false},
        {"decoder/embeddings/weight", 0, 1, "decoder.token_embedding.weight", false,
         false},
    };
    static const struct piece between[] = {
        {"decoder/layer_norm/gamma", 0, 1, "decoder.ln.weight", true, false},
        {"decoder/layer_norm/beta", 0, 1, "decoder.ln.bias", true, false},
        {"encoder/conv1/weight", 0, 1, "encoder.conv1.weight", false, false},
        {"encoder/conv1/bias", 0, 1, "encoder.conv1.bias", true, true},
        {"encoder/conv2/weight", 0, 1, "encoder.conv2.weight", false, false},
        {"encoder/conv2/bias", 0, 1, "encoder.conv2.bias", true, true},
    };
    static const struct piece last[] = {
        {"encoder/layer_norm/gamma", 0, 1, "encoder.ln_post.weight", true, false},
        {"encoder/layer_norm/beta", 0, 1, "encoder.ln_post.bias", true, false},
    };
    enum vanta_status status = write_pieces(k, first, COUNT(first), err);

    if (status == VANTA_OK)
        status = write_layers(k, "decoder", k->text_layers, true, err);
    if (status == VANTA_OK)
        status = write_pieces(k, between, COUNT(between), err);
    if (status == VANTA_OK)
        status = write_layers(k, "encoder", k->audio_layers, false, err);
    return status == VANTA_OK ? write_pieces(k, last, COUNT(last), err) : status;
}

static uint32_t count_layers(const struct vanta_ct2 *model, const char *side)
{
    char name[NAME_MAX_BYTES];
    uint32_t n = 0;

    for (; n < LAYERS_MAX; n++) {
        snprintf(name, sizeof name, "%s/layer_%u/ffn/linear_0/weight", side, n);
        if (!vanta_ct2_find(model, name))
            break;
    }
    return n;
}

static enum vanta_status write_filters(struct conversion *k, uint32_t bands,
                                       struct vanta_error *err)
{
    size_t n = (size_t)bands * VANTA_MEL_BINS;
    enum vanta_status status = vanta_output_u32(k->out, bands, err);

    if (status == VANTA_OK)
        status = vanta_output_u32(k->out, VANTA_MEL_BINS, err);
    if (status != VANTA_OK)
        return status;
    vanta_mel_filters(bands, k->values); /* 128 x 201 is below BLOCK_ELEMENTS */
    return write_f32(k, n, err);
}

static enum vanta_status write_header(struct conversion *k, uint32_t *vocab,
                                      struct vanta_error *err)
{
    const struct vanta_ct2_variable *tokens, *audio, *text, *conv;
    enum vanta_status status;
    uint32_t fields[12];
    size_t i;

    tokens = need(k, "decoder/embeddings/weight", err);
    audio = need(k, "encoder/position_encodings/encodings", err);
    text = need(k, "decoder/position_encodings/encodings", err);
    conv = need(k, "encoder/conv1/weight", err);
    if (!tokens || !audio || !text || !conv)
        return VANTA_ERR_FORMAT;
    k->audio_layers = count_layers(&k->model, "encoder");
    k->text_layers = count_layers(&k->model, "decoder");
    k->width = (uint32_t)audio->shape[1];
    if (tokens->rank != 2 || audio->rank != 2 || text->rank != 2 || conv->rank != 3 ||
        k->width == 0 || k->width % HEAD_WIDTH || text->shape[1] != k->width ||
        tokens->shape[1] != k->width || !k->audio_layers || !k->text_layers)
        return vanta_fail(err, VANTA_ERR_FORMAT,
                          "%s: the shapes are not those of a Whisper model", k->name);
    if (conv->shape[1] != 80 && conv->shape[1] != 128)
        return vanta_fail(err, VANTA_ERR_UNSUPPORTED,
                          "%s: %llu mel bands; Whisper models have 80 or 128", k->name,
                          (unsigned long long)conv->shape[1]);
    if (tokens->shape[0] <= TEXT_TOKENS)
        return vanta_fail(err, VANTA_ERR_FORMAT, "%s: a vocabulary of only %llu tokens",
                          k->name, (unsigned long long)tokens->shape[0]);
    *vocab = (uint32_t)tokens->shape[0];
    fields[0] = VANTA_WHISPER_GGML_MAGIC;
    fields[1] = *vocab;
    fields[2] = (uint32_t)audio->shape[0];
    fields[3] = k->width;
    fields[4] = k->width / HEAD_WIDTH;
    fields[5] = k->audio_layers;
    fields[6] = (uint32_t)text->shape[0];
    fields[7] = k->width;
    fields[8] = k->width / HEAD_WIDTH;
    fields[9] = k->text_layers;
    fields[10] = (uint32_t)conv->shape[1];
    fields[11] = 1; /* f16 */
    status = VANTA_OK;
    for (i = 0; status == VANTA_OK && i < COUNT(fields); i++)
        status = vanta_output_u32(k->out, fields[i], err);
    return status == VANTA_OK ? write_filters(k, fields[10], err) : status;
}

/* tokenizer.json if it is there, else vocabulary.json. */
static enum vanta_status write_vocabulary(struct conversion *k, const char *dir,
                                          struct vanta_error *err)
{
    struct vanta_buf text = VANTA_BUF(VANTA_VOCABULARY_BYTES_MAX);
    struct vanta_vocabulary vocabulary = {0};
    char path[VANTA_PATH_MAX];
    enum vanta_status status;
    size_t i;

    if (!vanta_path_join(path, dir, "tokenizer.json") || !vanta_file_exists(path))
        vanta_path_join(path, dir, "vocabulary.json");
    status = vanta_file_read(path, &text, err);
    if (status == VANTA_OK)
        status = vanta_vocabulary_read(text.data ? text.data : "", text.len, path,
                                       TEXT_TOKENS, &vocabulary, err);
    vanta_buf_free(&text);
    if (status == VANTA_OK)
        status = vanta_output_u32(k->out, TEXT_TOKENS, err);
    for (i = 0; status == VANTA_OK && i < vocabulary.n; i++) {
        uint32_t len = vocabulary.offsets[i + 1] - vocabulary.offsets[i];

        status = vanta_output_u32(k->out, len, err);
        if (status == VANTA_OK)
            status = vanta_output_write(k->out,
                                        vocabulary.bytes + vocabulary.offsets[i], len,
                                        err);
    }
    vanta_vocabulary_free(&vocabulary);
    return status;
}

static enum vanta_status check_spec(struct conversion *k, struct vanta_error *err)
{
    if (strcmp(k->model.spec, "WhisperSpec") != 0)
        return vanta_fail(err, VANTA_ERR_UNSUPPORTED,
                          "%s: a CTranslate2 model of kind %s; WhisperSpec is wanted",
                          k->name, k->model.spec);
    if (k->model.revision != 3)
        return vanta_fail(err, VANTA_ERR_UNSUPPORTED,
                          "%s: WhisperSpec revision %u; revision 3 is read", k->name,
                          k->model.revision);
    return VANTA_OK;
}

static enum vanta_status convert(struct conversion *k, int fd, const char *dir,
                                 const char *target, struct vanta_convert_result *result,
                                 struct vanta_error *err)
{
    enum vanta_status status = vanta_cursor_file(&k->cursor, fd, k->name, err);
    uint32_t vocab;

    if (status == VANTA_OK)
        status = vanta_ct2_read(&k->cursor, &k->model, err);
    if (status == VANTA_OK)
        status = check_spec(k, err);
    k->total_bytes = k->cursor.size; /* near enough for a bar: both are f16 */
    k->raw = malloc(BLOCK_ELEMENTS * 4);
    k->values = malloc(BLOCK_ELEMENTS * sizeof *k->values);
    k->halves = malloc(BLOCK_ELEMENTS * sizeof *k->halves);
    if (status == VANTA_OK && (!k->raw || !k->values || !k->halves))
        status = vanta_fail_memory(err);
    if (status == VANTA_OK)
        status = vanta_output_open(target, &k->out, err);
    if (status == VANTA_OK)
        status = write_header(k, &vocab, err);
    if (status == VANTA_OK)
        status = write_vocabulary(k, dir, err);
    if (status == VANTA_OK)
        status = write_tensors(k, err);
    if (status == VANTA_OK)
        status = vanta_output_finish(k->out, result, err);
    return status;
}

enum vanta_status vanta_convert_ct2_whisper(const char *dir, const char *target,
                                            vanta_convert_progress *progress, void *arg,
                                            const atomic_bool *cancel,
                                            struct vanta_convert_result *out,
                                            struct vanta_error *err)
{
    struct conversion k = {
        .progress = progress, .arg = arg, .cancel = cancel, .cursor = {.fd = -1}};
    char path[VANTA_PATH_MAX];
    enum vanta_status status;
    int fd;

    if (!vanta_path_join(path, dir, "model.bin"))
        return vanta_fail(err, VANTA_ERR_LIMIT, "%s: the path is too long", dir);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return vanta_fail_errno(err, errno, "%s", path);
    vanta_platform_read_ahead(fd);
    k.name = path;
    status = convert(&k, fd, dir, target, out, err);
    vanta_output_close(k.out);
    vanta_ct2_free(&k.model);
    vanta_cursor_close(&k.cursor);
    free(k.raw);
    free(k.values);
    free(k.halves);
    close(fd);
    return status;
}
