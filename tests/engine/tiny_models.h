/* tiny_models.h - models small enough to be made in a test: a language model of one layer
 * with a vocabulary of bytes, and the beginning of a Whisper file. */
#ifndef VANTA_TESTS_TINY_MODELS_H
#define VANTA_TESTS_TINY_MODELS_H

#include <ggml.h>
#include <gguf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TINY_WIDTH 32
#define TINY_INNER 64
#define TINY_VOCABULARY 259 /* unknown, begin, end, and the bytes */

/* Numbers without a pattern, of a size that keeps activations finite. */
static inline float tiny_value(void)
{
    static uint32_t state = 1;

    state = state * 1664525u + 1013904223u;
    return ((float)(state >> 8) / 8388608.0f - 1.0f) * 0.1f;
}

static inline void tiny_tensor(struct ggml_context *ctx, struct gguf_context *file,
                               const char *name, int64_t width, int64_t rows)
{
    struct ggml_tensor *t = rows ? ggml_new_tensor_2d(ctx, GGML_TYPE_F32, width, rows)
                                 : ggml_new_tensor_1d(ctx, GGML_TYPE_F32, width);
    float *data = ggml_get_data_f32(t);
    int64_t i;

    for (i = 0; i < ggml_nelements(t); i++)
        data[i] = rows ? tiny_value() : 1.0f;
    ggml_set_name(t, name);
    gguf_add_tensor(file, t);
}

static inline void tiny_vocabulary(struct gguf_context *file)
{
    static char names[TINY_VOCABULARY][8];
    const char *tokens[TINY_VOCABULARY];
    float scores[TINY_VOCABULARY] = {0};
    int32_t types[TINY_VOCABULARY];
    int i;

    for (i = 0; i < TINY_VOCABULARY; i++) {
        snprintf(names[i], sizeof names[i], "<0x%02X>", i < 3 ? 0 : i - 3);
        tokens[i] = names[i];
        types[i] = 6; /* byte */
    }
    tokens[0] = "<unk>";
    tokens[1] = "<s>";
    tokens[2] = "</s>";
    types[0] = 2;
    types[1] = types[2] = 3;
    gguf_set_val_str(file, "tokenizer.ggml.model", "llama");
    gguf_set_arr_str(file, "tokenizer.ggml.tokens", tokens, TINY_VOCABULARY);
    gguf_set_arr_data(file, "tokenizer.ggml.scores", GGUF_TYPE_FLOAT32, scores,
                      TINY_VOCABULARY);
    gguf_set_arr_data(file, "tokenizer.ggml.token_type", GGUF_TYPE_INT32, types,
                      TINY_VOCABULARY);
    gguf_set_val_u32(file, "tokenizer.ggml.bos_token_id", 1);
    gguf_set_val_u32(file, "tokenizer.ggml.eos_token_id", 2);
}

static inline bool tiny_llama(const char *path)
{
    struct ggml_context *ctx =
        ggml_init((struct ggml_init_params){.mem_size = (size_t)4 << 20});
    struct gguf_context *file = gguf_init_empty();
    bool ok;

    gguf_set_val_str(file, "general.architecture", "llama");
    gguf_set_val_u32(file, "llama.context_length", 4096);
    gguf_set_val_u32(file, "llama.embedding_length", TINY_WIDTH);
    gguf_set_val_u32(file, "llama.block_count", 1);
    gguf_set_val_u32(file, "llama.feed_forward_length", TINY_INNER);
    gguf_set_val_u32(file, "llama.attention.head_count", 2);
    gguf_set_val_f32(file, "llama.attention.layer_norm_rms_epsilon", 1e-5f);
    tiny_vocabulary(file);
    tiny_tensor(ctx, file, "token_embd.weight", TINY_WIDTH, TINY_VOCABULARY);
    tiny_tensor(ctx, file, "output_norm.weight", TINY_WIDTH, 0);
    tiny_tensor(ctx, file, "output.weight", TINY_WIDTH, TINY_VOCABULARY);
    tiny_tensor(ctx, file, "blk.0.attn_norm.weight", TINY_WIDTH, 0);
    tiny_tensor(ctx, file, "blk.0.attn_q.weight", TINY_WIDTH, TINY_WIDTH);
    tiny_tensor(ctx, file, "blk.0.attn_k.weight", TINY_WIDTH, TINY_WIDTH);
    tiny_tensor(ctx, file, "blk.0.attn_v.weight", TINY_WIDTH, TINY_WIDTH);
    tiny_tensor(ctx, file, "blk.0.attn_output.weight", TINY_WIDTH, TINY_WIDTH);
    tiny_tensor(ctx, file, "blk.0.ffn_norm.weight", TINY_WIDTH, 0);
    tiny_tensor(ctx, file, "blk.0.ffn_gate.weight", TINY_WIDTH, TINY_INNER);
    tiny_tensor(ctx, file, "blk.0.ffn_up.weight", TINY_WIDTH, TINY_INNER);
    tiny_tensor(ctx, file, "blk.0.ffn_down.weight", TINY_INNER, TINY_WIDTH);
    ok = gguf_write_to_file(file, path, false);
    gguf_free(file);
    ggml_free(ctx);
    return ok;
}

/* --- the structures of a GGUF: where each of them starts --- */

struct places {
    size_t at[4096], n;
};

static inline void place(struct places *p, size_t at)
{
    if (p->n < sizeof p->at / sizeof p->at[0])
        p->at[p->n++] = at;
}

static inline uint64_t little(const unsigned char *bytes, size_t at, int n)
{
    uint64_t value = 0;
    int i;

    for (i = 0; i < n; i++)
        value |= (uint64_t)bytes[at + (size_t)i] << 8 * i;
    return value;
}

static inline size_t gguf_string(const unsigned char *bytes, size_t at, struct places *p)
{
    place(p, at);
    place(p, at + 8);
    return at + 8 + (size_t)little(bytes, at, 8);
}

static inline size_t gguf_value(const unsigned char *bytes, size_t at, uint32_t type,
                                struct places *p)
{
    static const size_t sizes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
    uint64_t n, i;

    place(p, at);
    if (type == 8)
        return gguf_string(bytes, at, p);
    if (type != 9)
        return at + sizes[type];
    type = (uint32_t)little(bytes, at, 4);
    n = little(bytes, at + 4, 8);
    place(p, at + 4);
    place(p, at + 12);
    if (type != 8)
        return at + 12 + (size_t)n * sizes[type];
    at += 12;
    for (i = 0; i < n; i++) {
        struct places some = {.n = 0};

        /* Of a long array the first elements and every hundredth. */
        at = gguf_string(bytes, at, i < 3 || i % 100 == 0 ? p : &some);
    }
    return at;
}

/* Of a GGUF file. */
static inline void gguf_places(const unsigned char *bytes, struct places *p)
{
    uint64_t tensors = little(bytes, 8, 8), pairs = little(bytes, 16, 8), i, k, dims;
    size_t at = 24;

    for (k = 0; k < 24; k += 4)
        place(p, (size_t)k);
    for (i = 0; i < pairs; i++) {
        at = gguf_string(bytes, at, p);
        place(p, at);
        at = gguf_value(bytes, at + 4, (uint32_t)little(bytes, at, 4), p);
    }
    for (i = 0; i < tensors; i++) {
        at = gguf_string(bytes, at, p);
        place(p, at);
        dims = little(bytes, at, 4);
        at += 4;
        for (k = 0; k < dims + 2; k++) { /* dimensions, type and offset */
            place(p, at);
            at += k == dims ? 4 : 8;
        }
    }
    place(p, at);
}

/* --- Whisper --- */

static inline void put_u32(FILE *file, uint32_t value)
{
    unsigned char bytes[4] = {(unsigned char)value, (unsigned char)(value >> 8),
                              (unsigned char)(value >> 16),
                              (unsigned char)(value >> 24)};

    fwrite(bytes, 1, 4, file);
}

/* Header, filters, vocabulary and the first tensors of a model as whisper-tiny is; the
 * rest is missing. p gets where its structures start. */
static inline bool whisper_beginning(const char *path, struct places *p)
{
    static const uint32_t hparams[] = {51864, 1500, 384, 6, 4, 448, 384, 6, 4, 80, 1};
    static const struct {
        const char *name;
        uint32_t dims[2];
    } tensors[] = {{"encoder.positional_embedding", {384, 16}},
                   {"decoder.positional_embedding", {384, 448}}};
    FILE *file = fopen(path, "wb");
    size_t i, k;

    if (!file)
        return false;
    place(p, 0);
    put_u32(file, 0x67676d6c);
    for (i = 0; i < sizeof hparams / sizeof hparams[0]; i++) {
        place(p, (size_t)ftell(file));
        put_u32(file, hparams[i]);
    }
    place(p, (size_t)ftell(file));
    put_u32(file, 80);
    place(p, (size_t)ftell(file));
    put_u32(file, 201);
    place(p, (size_t)ftell(file));
    for (i = 0; i < 80 * 201; i++)
        put_u32(file, 0);
    place(p, (size_t)ftell(file));
    put_u32(file, 300);
    for (i = 0; i < 300; i++) {
        if (i < 3 || i % 100 == 0)
            place(p, (size_t)ftell(file));
        put_u32(file, 4);
        if (i < 3)
            place(p, (size_t)ftell(file));
        fprintf(file, "t%03zu", i);
    }
    for (i = 0; i < sizeof tensors / sizeof tensors[0]; i++) {
        for (k = 0; k < 5; k++) {
            const uint32_t head[] = {2, (uint32_t)strlen(tensors[i].name), 0,
                                     tensors[i].dims[0], tensors[i].dims[1]};

            place(p, (size_t)ftell(file));
            put_u32(file, head[k]);
        }
        place(p, (size_t)ftell(file));
        fputs(tensors[i].name, file);
        place(p, (size_t)ftell(file));
        for (k = 0; k < (size_t)tensors[i].dims[0] * tensors[i].dims[1]; k++)
            put_u32(file, 0);
    }
    return fclose(file) == 0;
}

#endif
