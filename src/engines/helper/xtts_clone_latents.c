/* The GPT's prefix of a voice: spectrograms of chunks through a conditioning encoder and
 * a perceiver, their mean. All chunks go through a layer together, so that its weights
 * are there once; attention and norms stay within a chunk. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "engines/helper/encoder_kernel.h"
#include "engines/helper/xtts_clone_private.h"
#include "engines/helper/xtts_mel.h"
#include "engines/helper/xtts_share.h"

#define MEL_FFT 2048
#define MEL_WINDOW 1024
#define MEL_HOP 256
#define MEL_TOP_HZ 8000.0F
#define MEL_FLOOR 1e-5F
#define CHUNK_LEAST 0.33 /* seconds: a shorter rest is left out */
#define PERCEIVER_HEAD 64
#define GROUP_EPSILON 1e-5

/* ---- chunks and their spectrograms ---- */

struct chunks {
    size_t count;
    size_t samples;  /* of each but the last */
    size_t total;    /* of all */
    size_t *first;   /* frame of each, and the end behind the last */
};

static enum vanta_status cut(const struct clone_run *run, size_t n, struct chunks *c,
                             struct vanta_error *err)
{
    const struct vanta_xtts_sizes *s = &run->file->sizes;
    size_t most = (size_t)s->input_hz * s->latent_seconds;

    c->total = n < most ? n : most;
    c->samples = (size_t)s->input_hz * s->chunk_seconds;
    c->count = (c->total + c->samples - 1) / c->samples;
    if (c->count > 0 && (double)(c->total - (c->count - 1) * c->samples) <
                            s->input_hz * CHUNK_LEAST) {
        c->count--;
        c->total = c->count * c->samples;
    }
    if (c->count == 0)
        return vanta_fail(err, VANTA_ERR_CHECK, "less than %.2f s of recording",
                          CHUNK_LEAST);
    c->first = malloc((c->count + 1) * sizeof *c->first);
    if (c->first == NULL)
        return vanta_fail_memory(err);
    c->first[0] = 0;
    for (size_t i = 0; i < c->count; i++) {
        size_t left = c->total - i * c->samples;
        left = left < c->samples ? left : c->samples;
        c->first[i + 1] = c->first[i] + 1 + left / MEL_HOP;
    }
    return VANTA_OK;
}

/* Rows of mel bands of all chunks: logarithms, divided by what training measured. */
static enum vanta_status listen(const struct clone_run *run, const struct chunks *c,
                                const float *samples, float *out, struct vanta_error *err)
{
    const struct vanta_xtts_sizes *s = &run->file->sizes;
    float *window = malloc(MEL_WINDOW * sizeof *window), *norms = NULL;
    float *weights = malloc((size_t)s->cond_bands * (MEL_FFT / 2 + 1) * sizeof *weights);
    struct vanta_xtts_mel mel = {MEL_FFT, MEL_WINDOW, MEL_HOP, s->cond_bands, window,
                                 weights};
    enum vanta_status status = clone_vector(run, s->cond_bands, &norms, err, "mel_stats");

    if (status == VANTA_OK && (window == NULL || weights == NULL))
        status = vanta_fail_memory(err);
    if (status == VANTA_OK) {
        vanta_xtts_mel_hann(MEL_WINDOW, window);
        vanta_xtts_mel_triangles(MEL_FFT, s->input_hz, MEL_TOP_HZ, s->cond_bands, weights);
    }
    for (size_t i = 0; status == VANTA_OK && i < c->count; i++) {
        size_t left = c->total - i * c->samples;
        if (!vanta_xtts_mel_run(&mel, samples + i * c->samples,
                                left < c->samples ? left : c->samples,
                                out + c->first[i] * s->cond_bands))
            status = vanta_fail_memory(err);
    }
    for (size_t i = 0; status == VANTA_OK && i < c->first[c->count] * s->cond_bands; i++)
        out[i] = logf(out[i] > MEL_FLOOR ? out[i] : MEL_FLOOR) / norms[i % s->cond_bands];
    free(window);
    free(weights);
    free(norms);
    return status;
}

/* ---- attention ---- */

/* Heads of one chunk: job i is head i % heads of chunk i / heads. Its queries, keys and
 * values lie in rows, `offset` floats from a row's start plus head_step for each head. */
struct attention {
    const struct clone_run *run;
    size_t heads, head; /* count, channels */
    const float *query, *key, *value;
    size_t query_row, key_row, query_step, key_step;
    size_t queries; /* of a chunk; 0: as many as it has keys, in the same rows */
    const size_t *first;
    float *out; /* rows of heads * head, as the queries */
    atomic_bool failed; /* memory was out */
};

static size_t rounded(size_t n)
{
    return (n + XTTS_PANEL - 1) / XTTS_PANEL * XTTS_PANEL;
}

static void softmax(float *row, size_t n)
{
    const struct vanta_encoder_kernel *kernel = vanta_encoder_kernel_best();
    float most = row[0], sum = 0;

    if (kernel != NULL) {
        kernel->softmax(row, n, 1, NULL);
        return;
    }
    for (size_t i = 1; i < n; i++)
        most = row[i] > most ? row[i] : most;
    for (size_t i = 0; i < n; i++)
        sum += row[i] = expf(row[i] - most);
    for (size_t i = 0; i < n; i++)
        row[i] /= sum;
}

/* The keys as panels of head inputs, the values as panels of one input for each key. */
static void pack(const struct attention *a, const float *key, const float *value,
                 size_t keys, float *key_panels, float *value_panels)
{
    memset(key_panels, 0, rounded(keys) * a->head * sizeof(float));
    memset(value_panels, 0, keys * rounded(a->head) * sizeof(float));
    for (size_t k = 0; k < keys; k++) {
        float *to = key_panels + k / XTTS_PANEL * a->head * XTTS_PANEL + k % XTTS_PANEL;
        for (size_t d = 0; d < a->head; d++) {
            to[d * XTTS_PANEL] = key[k * a->key_row + d];
            value_panels[(d / XTTS_PANEL * keys + k) * XTTS_PANEL + d % XTTS_PANEL] =
                value[k * a->key_row + d];
        }
    }
}

static bool attend(const struct attention *a, size_t chunk, size_t h)
{
    static const float no_bias[XTTS_PANEL];
    size_t keys = a->first[chunk + 1] - a->first[chunk];
    size_t queries = a->queries > 0 ? a->queries : keys, ld = rounded(keys);
    size_t start = a->queries > 0 ? chunk * queries : a->first[chunk];
    float *scores = xtts_floats(queries * ld + ld * a->head + keys * rounded(a->head));
    float *key_panels, *value_panels;
    size_t at = a->first[chunk] * a->key_row + h * a->key_step;
    struct vanta_xtts_conv c = {.taps = 1, .bias = no_bias, .rows = queries};

    if (scores == NULL)
        return false;
    key_panels = scores + queries * ld;
    value_panels = key_panels + ld * a->head;
    pack(a, a->key + at, a->value + at, keys, key_panels, value_panels);
    c.x = a->query + start * a->query_row + h * a->query_step;
    c.row = a->query_row;
    c.inputs = (unsigned)a->head;
    c.scale = 1.0F / sqrtf((float)a->head);
    c.ldo = ld;
    c.columns = XTTS_PANEL;
    for (size_t k = 0; k < keys; k += XTTS_PANEL) {
        c.panel = key_panels + k * a->head;
        c.out = scores + k;
        a->run->kernel->conv(&c);
    }
    for (size_t q = 0; q < queries; q++)
        softmax(scores + q * ld, keys);
    c.x = scores;
    c.row = ld;
    c.inputs = (unsigned)keys;
    c.scale = 1;
    c.ldo = a->heads * a->head;
    for (size_t d = 0; d < a->head; d += XTTS_PANEL) {
        c.panel = value_panels + d * keys;
        c.out = a->out + start * c.ldo + h * a->head + d;
        c.columns = (unsigned)(a->head - d < XTTS_PANEL ? a->head - d : XTTS_PANEL);
        a->run->kernel->conv(&c);
    }
    free(scores);
    return true;
}

static void attend_some(void *user, size_t low, size_t high)
{
    struct attention *a = user;

    for (size_t i = low; i < high; i++)
        if (!attend(a, i / a->heads, i % a->heads))
            a->failed = true;
}

static enum vanta_status attend_all(struct attention *a, size_t chunks,
                                    struct vanta_error *err)
{
    xtts_share(a->run->threads, chunks * a->heads, attend_some, a);
    return a->failed ? vanta_fail_memory(err) : VANTA_OK;
}

/* ---- the conditioning encoder ---- */

/* Group norm of a chunk's rows, in place: a group is channels side by side, at all times. */
static void group_norm(float *rows, size_t n, size_t width, size_t groups,
                       const float *weight, const float *bias)
{
    size_t size = width / groups;

    for (size_t g = 0; g < groups; g++) {
        double sum = 0, squares = 0, mean, scale;

        for (size_t t = 0; t < n; t++)
            for (size_t c = g * size; c < (g + 1) * size; c++)
                sum += (double)rows[t * width + c];
        mean = sum / (double)(n * size);
        for (size_t t = 0; t < n; t++)
            for (size_t c = g * size; c < (g + 1) * size; c++) {
                double d = (double)rows[t * width + c] - mean;
                squares += d * d;
            }
        scale = 1 / sqrt(squares / (double)(n * size) + GROUP_EPSILON);
        for (size_t t = 0; t < n; t++)
            for (size_t c = g * size; c < (g + 1) * size; c++)
                rows[t * width + c] =
                    (float)(((double)rows[t * width + c] - mean) * scale) * weight[c] +
                    bias[c];
    }
}

/* What a pass over the chunks works in. */
struct listening {
    const struct clone_run *run;
    struct chunks chunks;
    size_t frames;
    float *mel, *rows, *wide, *mixed; /* width bands, D, 3 D, D */
};

/* A layer's weights, its work, and away with them. */
__attribute__((format(printf, 6, 7))) static enum vanta_status
layer(const struct clone_run *run, uint32_t inputs, uint32_t outputs,
      const struct vanta_xtts_conv *conv, struct vanta_error *err, const char *format, ...)
{
    struct xtts_weights w = {0};
    enum vanta_status status = clone_check(run, err);
    char name[64];
    va_list args;

    va_start(args, format);
    vsnprintf(name, sizeof name, format, args);
    va_end(args);
    if (status == VANTA_OK)
        status = xtts_weights_load(run->file, 1, inputs, outputs, &w, err, "%s", name);
    if (status == VANTA_OK)
        clone_layer(run, &w, conv);
    xtts_weights_free(&w);
    return status;
}

static enum vanta_status condition_block(struct listening *l, uint32_t n,
                                         struct vanta_error *err)
{
    const struct vanta_xtts_sizes *s = &l->run->file->sizes;
    uint32_t d = s->width, head = s->width / s->heads;
    struct attention a = {.run = l->run, .heads = s->heads, .head = head,
                          .query = l->wide, .key = l->wide + head,
                          .value = l->wide + 2 * (size_t)head, .query_row = 3 * (size_t)d,
                          .key_row = 3 * (size_t)d, .query_step = 3 * (size_t)head,
                          .key_step = 3 * (size_t)head, .first = l->chunks.first,
                          .out = l->mixed};
    float *weight = NULL, *bias = NULL;
    enum vanta_status status =
        clone_vector(l->run, d, &weight, err, "cond.%u.norm.weight", n);

    if (status == VANTA_OK)
        status = clone_vector(l->run, d, &bias, err, "cond.%u.norm.bias", n);
    for (size_t i = 0; status == VANTA_OK && i < l->chunks.count; i++)
        group_norm(l->rows + l->chunks.first[i] * d,
                   l->chunks.first[i + 1] - l->chunks.first[i], d, s->cond_groups, weight,
                   bias);
    free(weight);
    free(bias);
    if (status == VANTA_OK)
        status = layer(l->run, d, 3 * d,
                       &(struct vanta_xtts_conv){.x = l->rows, .row = d, .scale = 1,
                                                 .out = l->wide, .rows = l->frames,
                                                 .ldo = 3 * (size_t)d},
                       err, "cond.%u.qkv", n);
    if (status == VANTA_OK)
        status = attend_all(&a, l->chunks.count, err);
    /* What is added to is the norm's result, not its input. */
    if (status == VANTA_OK)
        status = layer(l->run, d, d,
                       &(struct vanta_xtts_conv){.x = l->mixed, .row = d, .scale = 1,
                                                 .residual = l->rows, .out = l->rows,
                                                 .rows = l->frames, .ldo = d},
                       err, "cond.%u.proj", n);
    return status;
}

static enum vanta_status condition(struct listening *l, struct vanta_error *err)
{
    const struct vanta_xtts_sizes *s = &l->run->file->sizes;
    enum vanta_status status =
        layer(l->run, s->cond_bands, s->width,
              &(struct vanta_xtts_conv){.x = l->mel, .row = s->cond_bands, .scale = 1,
                                        .out = l->rows, .rows = l->frames,
                                        .ldo = s->width},
              err, "cond.init");

    for (uint32_t n = 0; status == VANTA_OK && n < s->cond_blocks; n++)
        status = condition_block(l, n, err);
    return status;
}

/* ---- the perceiver ---- */

/* latents rows for each chunk, and what they look at: themselves, then the frames. */
struct perceiving {
    const struct listening *l;
    size_t rows, context_rows, inner; /* inner: floats of all its heads */
    size_t *first; /* context row of each chunk, and the end */
    float *x, *context, *query, *keys, *mixed, *wide;
};

static void gather(const struct perceiving *p)
{
    const struct vanta_xtts_sizes *s = &p->l->run->file->sizes;
    const struct chunks *c = &p->l->chunks;
    size_t own = (size_t)s->latents * s->width;

    for (size_t i = 0; i < c->count; i++) {
        float *to = p->context + p->first[i] * s->width;
        memcpy(to, p->x + i * own, own * sizeof *to);
        memcpy(to + own, p->l->rows + c->first[i] * s->width,
               (c->first[i + 1] - c->first[i]) * s->width * sizeof *to);
    }
}

static enum vanta_status perceiver_attention(const struct perceiving *p, uint32_t n,
                                             struct vanta_error *err)
{
    const struct clone_run *run = p->l->run;
    const struct vanta_xtts_sizes *s = &run->file->sizes;
    uint32_t d = s->width, inner = (uint32_t)p->inner;
    struct attention a = {.run = run, .heads = s->perceiver_heads, .head = PERCEIVER_HEAD,
                          .query = p->query, .key = p->keys, .value = p->keys + inner,
                          .query_row = inner, .key_row = 2 * (size_t)inner,
                          .query_step = PERCEIVER_HEAD, .key_step = PERCEIVER_HEAD,
                          .queries = s->latents, .first = p->first, .out = p->mixed};
    enum vanta_status status;

    gather(p);
    status = layer(run, d, inner,
                   &(struct vanta_xtts_conv){.x = p->x, .row = d, .scale = 1,
                                             .out = p->query, .rows = p->rows,
                                             .ldo = inner},
                   err, "perceiver.%u.q", n);
    if (status == VANTA_OK)
        status = layer(run, d, 2 * inner,
                       &(struct vanta_xtts_conv){.x = p->context, .row = d, .scale = 1,
                                                 .out = p->keys, .rows = p->context_rows,
                                                 .ldo = 2 * (size_t)inner},
                       err, "perceiver.%u.kv", n);
    if (status == VANTA_OK)
        status = attend_all(&a, p->l->chunks.count, err);
    if (status == VANTA_OK)
        status = layer(run, inner, d,
                       &(struct vanta_xtts_conv){.x = p->mixed, .row = inner, .scale = 1,
                                                 .residual = p->x, .out = p->x,
                                                 .rows = p->rows, .ldo = d},
                       err, "perceiver.%u.out", n);
    return status;
}

static enum vanta_status perceiver_feed_forward(const struct perceiving *p, uint32_t n,
                                                struct vanta_error *err)
{
    const struct clone_run *run = p->l->run;
    uint32_t d = run->file->sizes.width, g = run->file->sizes.perceiver_feed_forward;
    enum vanta_status status =
        layer(run, d, 2 * g,
              &(struct vanta_xtts_conv){.x = p->x, .row = d, .scale = 1, .out = p->wide,
                                        .rows = p->rows, .ldo = 2 * (size_t)g},
              err, "perceiver.%u.ffn_up", n);

    for (size_t r = 0; status == VANTA_OK && r < p->rows; r++) {
        float *row = p->wide + r * 2 * g;
        for (uint32_t i = 0; i < g; i++) {
            float gate = row[g + i];
            row[i] *= 0.5F * gate * (1 + erff(gate * 0.707106781F));
        }
    }
    if (status == VANTA_OK)
        status = layer(run, g, d,
                       &(struct vanta_xtts_conv){.x = p->wide, .row = 2 * (size_t)g,
                                                 .scale = 1, .residual = p->x,
                                                 .out = p->x, .rows = p->rows, .ldo = d},
                       err, "perceiver.%u.ffn_down", n);
    return status;
}

/* Rows to the length sqrt(width) times gamma, then the mean over the chunks. */
static enum vanta_status perceiver_end(const struct perceiving *p, float *latents,
                                       struct vanta_error *err)
{
    const struct vanta_xtts_sizes *s = &p->l->run->file->sizes;
    size_t d = s->width, own = s->latents * d, chunks = p->l->chunks.count;
    float *gamma = NULL;
    enum vanta_status status =
        clone_vector(p->l->run, s->width, &gamma, err, "perceiver.norm.weight");

    for (size_t i = 0; status == VANTA_OK && i < own; i++)
        latents[i] = 0;
    for (size_t r = 0; status == VANTA_OK && r < p->rows; r++) {
        const float *row = p->x + r * d;
        double sum = 0, scale;

        for (size_t i = 0; i < d; i++)
            sum += (double)row[i] * (double)row[i];
        scale = sqrt((double)d) / fmax(sqrt(sum), 1e-12) / (double)chunks;
        for (size_t i = 0; i < d; i++)
            latents[r % s->latents * d + i] += (float)((double)row[i] * scale) * gamma[i];
    }
    free(gamma);
    return status;
}

static enum vanta_status perceiver_start(struct perceiving *p, struct vanta_error *err)
{
    const struct vanta_xtts_sizes *s = &p->l->run->file->sizes;
    size_t chunks = p->l->chunks.count, own = (size_t)s->latents * s->width;
    float *start = NULL;
    enum vanta_status status;

    p->inner = (size_t)s->perceiver_heads * PERCEIVER_HEAD;
    p->rows = chunks * s->latents;
    p->context_rows = p->rows + p->l->frames;
    p->first = malloc((chunks + 1) * sizeof *p->first);
    p->x = xtts_floats(p->rows * s->width);
    p->context = xtts_floats(p->context_rows * s->width);
    p->query = xtts_floats(p->rows * p->inner);
    p->keys = xtts_floats(p->context_rows * 2 * p->inner);
    p->mixed = xtts_floats(p->rows * p->inner);
    p->wide = xtts_floats(p->rows * 2 * s->perceiver_feed_forward);
    if (p->first == NULL || p->x == NULL || p->context == NULL || p->query == NULL ||
        p->keys == NULL || p->mixed == NULL || p->wide == NULL)
        return vanta_fail_memory(err);
    for (size_t i = 0; i <= chunks; i++)
        p->first[i] = p->l->chunks.first[i] + i * s->latents;
    status = clone_matrix(p->l->run, s->width, s->latents, &start, err,
                          "perceiver.latents");
    for (size_t i = 0; status == VANTA_OK && i < chunks; i++)
        memcpy(p->x + i * own, start, own * sizeof *start);
    free(start);
    return status;
}

static enum vanta_status perceive(const struct listening *l, float *latents,
                                  struct vanta_error *err)
{
    struct perceiving p = {.l = l};
    enum vanta_status status = perceiver_start(&p, err);

    for (uint32_t n = 0; n < l->run->file->sizes.perceiver_blocks; n++) {
        if (status == VANTA_OK)
            status = perceiver_attention(&p, n, err);
        if (status == VANTA_OK)
            status = perceiver_feed_forward(&p, n, err);
    }
    if (status == VANTA_OK)
        status = perceiver_end(&p, latents, err);
    free(p.first);
    free(p.x);
    free(p.context);
    free(p.query);
    free(p.keys);
    free(p.mixed);
    free(p.wide);
    return status;
}

enum vanta_status clone_latents(const struct clone_run *run, const float *samples,
                                size_t n, float *latents, struct vanta_error *err)
{
    const struct vanta_xtts_sizes *s = &run->file->sizes;
    struct listening l = {.run = run};
    enum vanta_status status = cut(run, n, &l.chunks, err);

    if (status == VANTA_OK) {
        l.frames = l.chunks.first[l.chunks.count];
        l.mel = xtts_floats(l.frames * s->cond_bands);
        l.rows = xtts_floats(l.frames * s->width);
        l.wide = xtts_floats(l.frames * 3 * s->width);
        l.mixed = xtts_floats(l.frames * s->width);
        if (l.mel == NULL || l.rows == NULL || l.wide == NULL || l.mixed == NULL)
            status = vanta_fail_memory(err);
    }
    if (status == VANTA_OK)
        status = listen(run, &l.chunks, samples, l.mel, err);
    if (status == VANTA_OK)
        status = condition(&l, err);
    if (status == VANTA_OK)
        status = perceive(&l, latents, err);
    free(l.chunks.first);
    free(l.mel);
    free(l.rows);
    free(l.wide);
    free(l.mixed);
    return status;
}
