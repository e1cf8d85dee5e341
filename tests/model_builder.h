/*
 * model_builder.h - small model files for tests, made in memory.
 *
 * A whole Whisper model in CTranslate2's format with one layer a side, and a tokenizer to
 * go with it. A weight's value follows from its variable's name and its index, and is k /
 * 128 with k from -127 to 127: exact in f32, f16, bf16 and in int8 with a scale of 128,
 * so that all of them have to be converted into the same bytes.
 */
#ifndef TESTS_MODEL_BUILDER_H
#define TESTS_MODEL_BUILDER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "convert/ct2.h"

#define BUILDER_WIDTH 64
#define BUILDER_AUDIO_CTX 6
#define BUILDER_TEXT_CTX 5
#define BUILDER_MELS 80
#define BUILDER_VOCAB 51865
#define BUILDER_TOKENS 50257

static inline void put(struct vanta_buf *b, const void *data, size_t len)
{
    if (!vanta_buf_append(b, data, len))
        abort();
}

static inline void put_le(struct vanta_buf *b, uint64_t value, size_t len)
{
    uint8_t bytes[8];
    size_t i;

    for (i = 0; i < len; i++)
        bytes[i] = (uint8_t)(value >> (8 * i));
    put(b, bytes, len);
}

static inline void put_u8(struct vanta_buf *b, uint64_t v) { put_le(b, v, 1); }
static inline void put_u16(struct vanta_buf *b, uint64_t v) { put_le(b, v, 2); }
static inline void put_u32(struct vanta_buf *b, uint64_t v) { put_le(b, v, 4); }
static inline void put_u64(struct vanta_buf *b, uint64_t v) { put_le(b, v, 8); }

static inline void put_f32(struct vanta_buf *b, float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof bits);
    put_u32(b, bits);
}

/* A string as CTranslate2 has it: its NUL is counted and written. */
static inline void put_ct2_string(struct vanta_buf *b, const char *text)
{
    put_u16(b, strlen(text) + 1);
    put(b, text, strlen(text) + 1);
}

/* One as GGUF has it. */
static inline void put_gguf_string(struct vanta_buf *b, const char *text)
{
    put_u64(b, strlen(text));
    put(b, text, strlen(text));
}

static inline uint64_t weight_seed(const char *variable)
{
    uint64_t seed = 14695981039346656037u;

    for (; *variable; variable++)
        seed = (seed ^ (uint8_t)*variable) * 1099511628211u;
    return seed;
}

/* k of a weight, -127 to 127. */
static inline int weight_k(uint64_t seed, uint64_t index)
{
    return (int)(((seed ^ index * 0x9e3779b97f4a7c15u) >> 32) % 255) - 127;
}

/* Binary16 of k / 128, worked out from the definition. */
static inline uint16_t weight_f16(int k)
{
    unsigned sign = k < 0 ? 0x8000 : 0, left = (unsigned)abs(k), exponent = 15;

    if (left == 0)
        return 0;
    for (left <<= 3; left < 1024; left <<= 1) /* k / 128 = left / 1024 */
        exponent--;
    return (uint16_t)(sign | exponent << 10 | (left & 1023));
}

struct ct2_variable {
    char name[128];
    unsigned type, rank;
    uint32_t shape[10];
    uint64_t zero_from, zero_to; /* elements that are zero */
    int scalar;                  /* value, for rank 0 */
};

struct ct2_options {
    unsigned type; /* of the weights */
    uint32_t vocab, width, mels, layers, revision, version;
    const char *spec;
    const char *alias, *alias_of;
    /* Changes a variable before it is written. */
    void (*tweak)(struct ct2_variable *v, void *arg);
    void *arg;
    const char *extra; /* a variable more, of one element */
};

static const struct ct2_options ct2_defaults = {
    .type = VANTA_CT2_F16,
    .vocab = BUILDER_VOCAB,
    .width = BUILDER_WIDTH,
    .mels = BUILDER_MELS,
    .layers = 1,
    .revision = 3,
    .version = 6,
    .spec = "WhisperSpec",
    .alias = "decoder/projection/weight",
    .alias_of = "decoder/embeddings/weight",
};

struct ct2_builder {
    struct vanta_buf *out;
    const struct ct2_options *options;
    uint32_t count;
};

static inline void ct2_emit(struct ct2_builder *b, struct ct2_variable v)
{
    static const unsigned sizes[] = {4, 1, 2, 4, 2, 2};
    uint64_t n = 1, seed = weight_seed(v.name), i; /* renamed, it keeps its values */
    unsigned size;
    uint8_t *at;

    if (b->options->tweak)
        b->options->tweak(&v, b->options->arg);
    for (i = 0; i < v.rank; i++)
        n *= v.shape[i];
    put_ct2_string(b->out, v.name);
    put_u8(b->out, v.rank);
    for (i = 0; i < v.rank; i++)
        put_u32(b->out, v.shape[i]);
    put_u8(b->out, v.type);
    put_u32(b->out, n * (v.type < 6 ? sizes[v.type] : 1));
    size = v.type < 6 ? sizes[v.type] : 1;
    if (!vanta_buf_reserve(b->out, (size_t)n * size))
        abort();
    at = (uint8_t *)b->out->data + b->out->len;
    b->out->len += n * size;
    for (i = 0; i < n; i++) {
        int k = i >= v.zero_from && i < v.zero_to ? 0 : weight_k(seed, i);
        uint32_t bits = (uint32_t)(v.rank == 0 ? v.scalar : k), part;
        float value = (float)k / 128;

        if (v.rank != 0 && (v.type == VANTA_CT2_F32 || v.type == VANTA_CT2_BF16))
            memcpy(&bits, &value, sizeof bits);
        if (v.rank != 0 && v.type == VANTA_CT2_BF16)
            bits >>= 16;
        if (v.rank != 0 && v.type == VANTA_CT2_F16)
            bits = weight_f16(k);
        for (part = 0; part < size; part++)
            *at++ = (uint8_t)(bits >> (8 * part));
    }
    b->count++;
}

/* A variable of up to three dimensions (0: none). int8 is for matrices only, and brings
 * its scales. */
static inline void ct2_weight(struct ct2_builder *b, const char *side, int layer,
                              const char *name, uint32_t rows, uint32_t cols,
                              uint32_t depth, uint64_t zero_from, uint64_t zero_to)
{
    struct ct2_variable v = {.type = b->options->type,
                             .rank = 1u + (cols > 0) + (depth > 0),
                             .shape = {rows, cols, depth},
                             .zero_from = zero_from,
                             .zero_to = zero_to};
    uint32_t i;

    if (layer < 0)
        snprintf(v.name, sizeof v.name, "%s/%s", side, name);
    else
        snprintf(v.name, sizeof v.name, "%s/layer_%d/%s", side, layer, name);
    if (v.type == VANTA_CT2_I8 && (!cols || strstr(name, "encodings")))
        v.type = VANTA_CT2_F32;
    ct2_emit(b, v);
    if (v.type != VANTA_CT2_I8)
        return;
    put_u16(b->out, strlen(v.name) + 7);
    put(b->out, v.name, strlen(v.name));
    put(b->out, "_scale", 7);
    put_u8(b->out, 1);
    put_u32(b->out, rows);
    put_u8(b->out, VANTA_CT2_F32);
    put_u32(b->out, 4ull * rows);
    for (i = 0; i < rows; i++)
        put_f32(b->out, 128);
    b->count++;
}

static inline void ct2_attention(struct ct2_builder *b, const char *side, int layer,
                                 const char *name, bool cross)
{
    uint32_t d = b->options->width;
    char full[64];

#define PART(part, rows, cols, from, to)                                                 \
    (snprintf(full, sizeof full, "%s/" part, name),                                      \
     ct2_weight(b, side, layer, full, rows, cols, 0, from, to))
    PART("layer_norm/beta", d, 0, 0, 0);
    PART("layer_norm/gamma", d, 0, 0, 0);
    if (cross) {
        PART("linear_0/bias", d, 0, 0, 0);
        PART("linear_0/weight", d, d, 0, 0);
        PART("linear_1/bias", 2 * d, 0, 0, d);
        PART("linear_1/weight", 2 * d, d, 0, 0);
        PART("linear_2/bias", d, 0, 0, 0);
        PART("linear_2/weight", d, d, 0, 0);
    } else {
        PART("linear_0/bias", 3 * d, 0, d, 2 * d);
        PART("linear_0/weight", 3 * d, d, 0, 0);
        PART("linear_1/bias", d, 0, 0, 0);
        PART("linear_1/weight", d, d, 0, 0);
    }
#undef PART
}

static inline void ct2_side(struct ct2_builder *b, const char *side, bool decoder)
{
    struct ct2_variable heads = {.type = VANTA_CT2_I16};
    uint32_t d = b->options->width;
    int i;

    for (i = 0; i < (int)b->options->layers; i++) {
        if (decoder)
            ct2_attention(b, side, i, "attention", true);
        ct2_weight(b, side, i, "ffn/layer_norm/beta", d, 0, 0, 0, 0);
        ct2_weight(b, side, i, "ffn/layer_norm/gamma", d, 0, 0, 0, 0);
        ct2_weight(b, side, i, "ffn/linear_0/bias", 4 * d, 0, 0, 0, 0);
        ct2_weight(b, side, i, "ffn/linear_0/weight", 4 * d, d, 0, 0, 0);
        ct2_weight(b, side, i, "ffn/linear_1/bias", d, 0, 0, 0, 0);
        ct2_weight(b, side, i, "ffn/linear_1/weight", d, 4 * d, 0, 0, 0);
        ct2_attention(b, side, i, "self_attention", false);
    }
    ct2_weight(b, side, -1, "layer_norm/beta", d, 0, 0, 0, 0);
    ct2_weight(b, side, -1, "layer_norm/gamma", d, 0, 0, 0, 0);
    snprintf(heads.name, sizeof heads.name, "%s/num_heads", side);
    heads.scalar = (int)(d / 64);
    ct2_emit(b, heads);
    ct2_weight(b, side, -1, "position_encodings/encodings",
               decoder ? BUILDER_TEXT_CTX : BUILDER_AUDIO_CTX, d, 0, 0, 0);
}

/* The whole model.bin. */
static inline void build_ct2(struct vanta_buf *out, const struct ct2_options *options)
{
    struct ct2_builder b = {.out = out, .options = options};
    struct ct2_variable setting = {.name = "decoder/alignment_layer",
                                   .type = VANTA_CT2_I16,
                                   .scalar = -1};
    size_t count_at;
    uint32_t i;

    put_u32(out, options->version);
    put_ct2_string(out, options->spec);
    put_u32(out, options->revision);
    count_at = out->len;
    put_u32(out, 0);
    ct2_emit(&b, setting);
    ct2_weight(&b, "decoder", -1, "embeddings/weight", options->vocab, options->width, 0,
               0, 0);
    ct2_side(&b, "decoder", true);
    ct2_weight(&b, "encoder", -1, "conv1/bias", options->width, 0, 0, 0, 0);
    ct2_weight(&b, "encoder", -1, "conv1/weight", options->width, options->mels, 3, 0, 0);
    ct2_weight(&b, "encoder", -1, "conv2/bias", options->width, 0, 0, 0, 0);
    ct2_weight(&b, "encoder", -1, "conv2/weight", options->width, options->width, 3, 0,
               0);
    ct2_side(&b, "encoder", false);
    if (options->extra)
        ct2_weight(&b, "extra", -1, options->extra, 1, 0, 0, 0, 0);
    for (i = 0; i < 4; i++)
        out->data[count_at + i] = (char)(b.count >> (8 * i));
    put_u32(out, options->alias ? 1 : 0);
    if (options->alias) {
        put_ct2_string(out, options->alias);
        put_ct2_string(out, options->alias_of);
    }
}

/* The bytes of a token: one byte each for the first 256, then text, the last empty. */
static inline size_t token_text(unsigned id, char out[16])
{
    if (id < 256) {
        out[0] = (char)id;
        return 1;
    }
    if (id == BUILDER_TOKENS - 1)
        return 0;
    return (size_t)snprintf(out, 16, "t%u", id);
}

/* GPT-2's character for a byte, in UTF-8 or as an escape. */
static inline void put_character(struct vanta_buf *b, unsigned byte)
{
    unsigned code = byte, i;
    char text[16];

    if (byte < 0x21 || (byte > 0x7e && byte < 0xa1) || byte == 0xad)
        for (code = 0x100, i = 0; i < byte; i++)
            code += i < 0x21 || (i > 0x7e && i < 0xa1) || i == 0xad;
    if (code == '"' || code == '\\' || byte % 5 == 0)
        snprintf(text, sizeof text, "\\u%04x", code);
    else if (code < 0x80)
        snprintf(text, sizeof text, "%c", (char)code);
    else
        snprintf(text, sizeof text, "%c%c", (char)(0xc0 | code >> 6),
                 (char)(0x80 | (code & 0x3f)));
    put(b, text, strlen(text));
}

static inline void put_token(struct vanta_buf *b, unsigned id)
{
    char text[16];
    size_t len = token_text(id, text), i;

    put(b, "\"", 1);
    for (i = 0; i < len; i++)
        put_character(b, (uint8_t)text[i]);
    put(b, "\"", 1);
}

/* tokenizer.json, or (list) vocabulary.json; special tokens behind the n first. */
static inline void build_tokenizer(struct vanta_buf *out, unsigned n, bool list)
{
    unsigned i;

    vanta_buf_puts(out, list ? "[" : "{\"version\": \"1.0\", \"truncation\": null, "
                                     "\"added_tokens\": [{\"id\": 50257, \"content\": "
                                     "\"<|endoftext|>\"}],\n \"model\": {\"type\": "
                                     "\"BPE\", \"dropout\": 0.5e-1, \"vocab\": {");
    for (i = 0; i < n; i++) {
        if (i)
            vanta_buf_puts(out, ", ");
        put_token(out, i);
        if (!list)
            vanta_buf_printf(out, ": %u", i);
    }
    vanta_buf_puts(out, list ? ", \"<|endoftext|>\"]\n"
                             : ", \"<|endoftext|>\": 50257}, \"merges\": [[\"a\", "
                               "\"b\"], \"c d\"]}}\n");
}

static inline void write_file(const char *dir, const char *name,
                              const struct vanta_buf *data)
{
    char path[4096];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    file = fopen(path, "wb");
    if (!file || fwrite(data->data, 1, data->len, file) != data->len || fclose(file) != 0) {
        perror(path);
        abort();
    }
}

#endif
