/*
 * encoder_fixture.h - small encoders with known weights, written as GGUF, and what they
 * must answer, computed in plain C from the same weights.
 */
#ifndef ENCODER_FIXTURE_H
#define ENCODER_FIXTURE_H

#include <ggml-backend.h>
#include <ggml.h>
#include <gguf.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmocka_all.h"
#include "engines/helper/encoder.h"
#include "scratch.h"

#define TENSORS_MAX 128

struct fixture_tensor {
    char name[96];
    int64_t columns, rows;
    enum ggml_type type;
    float *values; /* as the file has them, in its precision */
};

struct fixture {
    const char *architecture;
    uint32_t layers, dimensions, heads, feed_forward, vocabulary, context, pooling;
    enum ggml_type type; /* of the matrices */
    struct fixture_tensor tensors[TENSORS_MAX];
    size_t n;
    uint32_t random;
    struct gguf_context *gguf; /* keys; a test may change them before it writes */
};

/* Uniform in -1 to 1, the same on every machine. */
static inline float fixture_random(struct fixture *f)
{
    f->random = f->random * 1664525U + 1013904223U;
    return (float)(f->random >> 8) / 8388608.0F - 1.0F;
}

static inline bool fixture_mpnet(const struct fixture *f)
{
    return strcmp(f->architecture, "mpnet") == 0;
}

/* Rounds values to what type holds. */
static inline void fixture_round(enum ggml_type type, float *values, int64_t rows,
                          int64_t columns)
{
    void *raw;

    if (type == GGML_TYPE_F32)
        return;
    raw = malloc(ggml_row_size(type, columns) * (size_t)rows);
    assert_non_null(raw);
    ggml_quantize_chunk(type, values, raw, 0, rows, columns, NULL);
    ggml_get_type_traits(type)->to_float(raw, values, rows * columns);
    free(raw);
}

static inline void fixture_add(struct fixture *f, const char *name, int64_t columns,
                        int64_t rows, enum ggml_type type, float middle, float spread)
{
    struct fixture_tensor *t = &f->tensors[f->n++];

    assert_true(f->n <= TENSORS_MAX);
    snprintf(t->name, sizeof t->name, "%s", name);
    t->columns = columns;
    t->rows = rows;
    t->type = type;
    t->values = malloc((size_t)(columns * rows) * sizeof(float));
    assert_non_null(t->values);
    for (int64_t i = 0; i < columns * rows; i++)
        t->values[i] = middle + spread * fixture_random(f);
    fixture_round(type, t->values, rows, columns);
}

static inline void fixture_add_pair(struct fixture *f, uint32_t layer, const char *name,
                             int64_t columns, int64_t rows)
{
    char full[96];
    bool norm = columns == 0;

    snprintf(full, sizeof full, "blk.%u.%s.weight", layer, name);
    if (norm)
        fixture_add(f, full, rows, 1, GGML_TYPE_F32, 1.0F, 0.3F);
    else
        fixture_add(f, full, columns, rows, f->type, 0, 2.0F / sqrtf((float)columns));
    snprintf(full, sizeof full, "blk.%u.%s.bias", layer, name);
    fixture_add(f, full, rows, 1, GGML_TYPE_F32, 0, 0.2F);
}

static inline void fixture_key(struct fixture *f, const char *name, uint32_t value)
{
    char key[64];

    snprintf(key, sizeof key, "%s.%s", f->architecture, name);
    gguf_set_val_u32(f->gguf, key, value);
}

static inline void fixture_make(struct fixture *f)
{
    int64_t d = f->dimensions;
    char key[64];

    f->n = 0;
    f->random = 7;
    f->gguf = gguf_init_empty();
    gguf_set_val_str(f->gguf, "general.architecture", f->architecture);
    fixture_key(f, "block_count", f->layers);
    fixture_key(f, "embedding_length", f->dimensions);
    fixture_key(f, "feed_forward_length", f->feed_forward);
    fixture_key(f, "attention.head_count", f->heads);
    fixture_key(f, "context_length", f->context);
    fixture_key(f, "pooling_type", f->pooling);
    snprintf(key, sizeof key, "%s.attention.layer_norm_epsilon", f->architecture);
    gguf_set_val_f32(f->gguf, key, 1e-5F);
    snprintf(key, sizeof key, "%s.attention.causal", f->architecture);
    gguf_set_val_bool(f->gguf, key, false);

    fixture_add(f, "token_embd.weight", d, f->vocabulary, f->type, 0, 1);
    fixture_add(f, "position_embd.weight", d, f->context + (fixture_mpnet(f) ? 2 : 0),
                GGML_TYPE_F32, 0, 0.5F);
    if (fixture_mpnet(f))
        fixture_add(f, "attn_rel_b.weight", f->heads, 32, GGML_TYPE_F32, 0, 2);
    else
        fixture_add(f, "token_types.weight", d, 2, GGML_TYPE_F32, 0, 0.5F);
    fixture_add(f, "token_embd_norm.weight", d, 1, GGML_TYPE_F32, 1, 0.3F);
    fixture_add(f, "token_embd_norm.bias", d, 1, GGML_TYPE_F32, 0, 0.2F);
    for (uint32_t n = 0; n < f->layers; n++) {
        fixture_add_pair(f, n, "attn_q", d, d);
        fixture_add_pair(f, n, "attn_k", d, d);
        fixture_add_pair(f, n, "attn_v", d, d);
        fixture_add_pair(f, n, "attn_output", d, d);
        fixture_add_pair(f, n, "attn_output_norm", 0, d);
        fixture_add_pair(f, n, "ffn_up", d, f->feed_forward);
        fixture_add_pair(f, n, "ffn_down", f->feed_forward, d);
        fixture_add_pair(f, n, "layer_output_norm", 0, d);
    }
}

static inline void fixture_free(struct fixture *f)
{
    for (size_t i = 0; i < f->n; i++)
        free(f->tensors[i].values);
    gguf_free(f->gguf);
    f->n = 0;
}

static inline struct fixture_tensor *fixture_find(struct fixture *f, const char *name)
{
    for (size_t i = 0; i < f->n; i++)
        if (strcmp(f->tensors[i].name, name) == 0)
            return &f->tensors[i];
    fail_msg("no tensor %s", name);
    return NULL;
}

/* Writes the file; tensors whose name is empty are left out. */
static inline void fixture_write(struct fixture *f, const char *path)
{
    struct ggml_init_params params = {.mem_size = 64U << 20};
    struct ggml_context *context = ggml_init(params);

    assert_non_null(context);
    for (size_t i = 0; i < f->n; i++) {
        struct fixture_tensor *t = &f->tensors[i];
        struct ggml_tensor *tensor;

        if (t->name[0] == '\0')
            continue;
        tensor = ggml_new_tensor_2d(context, t->type, t->columns, t->rows);
        ggml_set_name(tensor, t->name);
        if (t->type == GGML_TYPE_F32)
            memcpy(tensor->data, t->values, ggml_nbytes(tensor));
        else if (t->type == GGML_TYPE_I32)
            memset(tensor->data, 0, ggml_nbytes(tensor));
        else
            ggml_quantize_chunk(t->type, t->values, tensor->data, 0, t->rows, t->columns,
                                NULL);
        gguf_add_tensor(f->gguf, tensor);
    }
    assert_true(gguf_write_to_file(f->gguf, path, false));
    ggml_free(context);
}

/* ---- the reference: one sentence, in double, from the definition ---- */

static inline void reference_norm(struct fixture *f, const char *name, double *x)
{
    uint32_t d = f->dimensions;
    double mean = 0, variance = 0;
    char full[96];
    const float *weight, *bias;

    snprintf(full, sizeof full, "%s.weight", name);
    weight = fixture_find(f, full)->values;
    snprintf(full, sizeof full, "%s.bias", name);
    bias = fixture_find(f, full)->values;
    for (uint32_t i = 0; i < d; i++)
        mean += x[i] / d;
    for (uint32_t i = 0; i < d; i++)
        variance += (x[i] - mean) * (x[i] - mean) / d;
    for (uint32_t i = 0; i < d; i++)
        x[i] = (x[i] - mean) / sqrt(variance + 1e-5) * (double)weight[i] + (double)bias[i];
}

static inline void reference_linear(struct fixture *f, uint32_t layer, const char *name,
                             const double *x, double *out)
{
    char full[96];
    const struct fixture_tensor *weight;
    const float *bias;

    snprintf(full, sizeof full, "blk.%u.%s.bias", layer, name);
    bias = fixture_find(f, full)->values;
    snprintf(full, sizeof full, "blk.%u.%s.weight", layer, name);
    weight = fixture_find(f, full);
    for (int64_t row = 0; row < weight->rows; row++) {
        out[row] = (double)bias[row];
        for (int64_t i = 0; i < weight->columns; i++)
            out[row] += x[i] * (double)weight->values[row * weight->columns + i];
    }
}

/* The bucket by its definition, with logarithms. */
static inline uint32_t reference_bucket(int distance)
{
    int n = abs(distance), bucket = n;

    if (n >= 8)
        bucket = 8 + (int)floor(log((double)n / 8) / log(16.0) * 8 + 1e-9);
    if (bucket > 15)
        bucket = 15;
    return (uint32_t)(distance > 0 ? 16 + bucket : bucket);
}

static inline void reference_attention(struct fixture *f, const double *q, const double *k,
                                const double *v, uint32_t n, double *out)
{
    uint32_t d = f->dimensions, hd = d / f->heads;
    double *score = malloc(n * sizeof *score);
    const float *table =
        fixture_mpnet(f) ? fixture_find(f, "attn_rel_b.weight")->values : NULL;

    assert_non_null(score);
    memset(out, 0, (size_t)n * d * sizeof *out);
    for (uint32_t head = 0; head < f->heads; head++)
        for (uint32_t query = 0; query < n; query++) {
            double most = -INFINITY, sum = 0;
            for (uint32_t key = 0; key < n; key++) {
                score[key] = 0;
                for (uint32_t i = 0; i < hd; i++)
                    score[key] += q[query * d + head * hd + i] *
                                  k[key * d + head * hd + i] / sqrt(hd);
                if (table != NULL)
                    score[key] += (double)
                        table[reference_bucket((int)key - (int)query) * f->heads + head];
                most = fmax(most, score[key]);
            }
            for (uint32_t key = 0; key < n; key++)
                sum += score[key] = exp(score[key] - most);
            for (uint32_t key = 0; key < n; key++)
                for (uint32_t i = 0; i < hd; i++)
                    out[query * d + head * hd + i] +=
                        score[key] / sum * v[key * d + head * hd + i];
        }
    free(score);
}

static inline void reference_layer(struct fixture *f, uint32_t layer, double *x, uint32_t n)
{
    uint32_t d = f->dimensions;
    double *q = calloc((size_t)n * d * 4, sizeof *q), *k = q + (size_t)n * d;
    double *v = k + (size_t)n * d, *mixed = v + (size_t)n * d;
    double *wide = calloc(f->feed_forward + d, sizeof *wide), *y = wide + f->feed_forward;
    char name[64];

    assert_true(q != NULL && wide != NULL);
    for (uint32_t t = 0; t < n; t++) {
        reference_linear(f, layer, "attn_q", x + t * d, q + t * d);
        reference_linear(f, layer, "attn_k", x + t * d, k + t * d);
        reference_linear(f, layer, "attn_v", x + t * d, v + t * d);
    }
    reference_attention(f, q, k, v, n, mixed);
    for (uint32_t t = 0; t < n; t++) {
        reference_linear(f, layer, "attn_output", mixed + t * d, y);
        for (uint32_t i = 0; i < d; i++)
            x[t * d + i] += y[i];
        snprintf(name, sizeof name, "blk.%u.attn_output_norm", layer);
        reference_norm(f, name, x + t * d);
        reference_linear(f, layer, "ffn_up", x + t * d, wide);
        for (uint32_t i = 0; i < f->feed_forward; i++)
            wide[i] = wide[i] / 2 * (1 + erf(wide[i] / sqrt(2.0)));
        reference_linear(f, layer, "ffn_down", wide, y);
        for (uint32_t i = 0; i < d; i++)
            x[t * d + i] += y[i];
        snprintf(name, sizeof name, "blk.%u.layer_output_norm", layer);
        reference_norm(f, name, x + t * d);
    }
    free(q);
    free(wide);
}

static inline void fixture_reference(struct fixture *f, const int32_t *ids, uint32_t n,
                              bool normalize, double *out)
{
    uint32_t d = f->dimensions, skip = fixture_mpnet(f) ? 2 : 0;
    double *x = calloc((size_t)n * d, sizeof *x), square = 0;

    assert_non_null(x);
    for (uint32_t t = 0; t < n; t++) {
        for (uint32_t i = 0; i < d; i++) {
            x[t * d + i] =
                (double)fixture_find(f, "token_embd.weight")->values[(uint32_t)ids[t] * d + i] +
                (double)fixture_find(f, "position_embd.weight")->values[(t + skip) * d + i];
            if (!fixture_mpnet(f))
                x[t * d + i] += (double)fixture_find(f, "token_types.weight")->values[i];
        }
        reference_norm(f, "token_embd_norm", x + t * d);
    }
    for (uint32_t layer = 0; layer < f->layers; layer++)
        reference_layer(f, layer, x, n);
    for (uint32_t i = 0; i < d; i++) {
        out[i] = 0;
        for (uint32_t t = 0; t < (f->pooling == 2 ? 1 : n); t++)
            out[i] += x[t * d + i] / (f->pooling == 2 ? 1 : n);
        square += out[i] * out[i];
    }
    for (uint32_t i = 0; normalize && i < d; i++)
        out[i] /= sqrt(square);
    free(x);
}

static inline double fixture_cosine(const float *a, const double *b, uint32_t d)
{
    double ab = 0, aa = 0, bb = 0;

    for (uint32_t i = 0; i < d; i++) {
        ab += (double)a[i] * b[i];
        aa += (double)a[i] * (double)a[i];
        bb += b[i] * b[i];
    }
    return ab / sqrt(aa * bb);
}

#endif
