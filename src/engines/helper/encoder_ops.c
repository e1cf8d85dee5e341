#include "engines/helper/encoder_ops.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"

#define OPS_PER_LAYER 11 /* seven, and four that quantize */
#define ROWS_JOB 16      /* rows of a job of norms, embeddings and quantizing */
#define QUERIES_JOB 24   /* rows of scores at a time */
#define RESIDENT_MAX ((uint64_t)256 << 20) /* bytes of weights; more is released */
#define TOKENS_JOB_MIN 96 /* below it, packing a panel costs more than it gives */

struct encoder_op {
    const struct vanta_encoder *encoder;
    const struct encoder_linear *linear[3]; /* side by side in the result */
    const struct encoder_norm *norm;
    const struct encoder_layer *done; /* behind this node */
    bool gelu;
    atomic_uint next; /* job */
};

static size_t align64(size_t n)
{
    return (n + 63) & ~(size_t)63;
}

static char *scratch_of(const struct vanta_encoder *encoder, int ith)
{
    return (char *)encoder->scratch + (size_t)ith * encoder->scratch_bytes;
}

/* The next job of this node; false when all are taken, or for a thread that was not
 * counted on. */
static bool next_job(struct encoder_op *op, int ith, unsigned jobs, unsigned *job)
{
    if ((unsigned)ith >= op->encoder->threads)
        return false;
    *job = atomic_fetch_add(&op->next, 1);
    return *job < jobs;
}

/* Rows of the result that job of a node over rows has: first to end. */
static size_t rows_end(const struct ggml_tensor *dst, size_t first)
{
    size_t rows = (size_t)dst->ne[1];

    return rows - first < ROWS_JOB ? rows : first + ROWS_JOB;
}

static unsigned row_jobs(const struct ggml_tensor *dst)
{
    return (unsigned)((dst->ne[1] + ROWS_JOB - 1) / ROWS_JOB);
}

static void add_row(const struct ggml_tensor *table, int32_t row, float *scratch,
                    float *sum)
{
    const char *from = (const char *)table->data + (size_t)row * table->nb[1];
    int64_t d = table->ne[0];
    const float *values = scratch;

    if (table->type == GGML_TYPE_F32)
        values = (const float *)(const void *)from;
    else
        ggml_get_type_traits(table->type)->to_float(from, scratch, d);
    for (int64_t i = 0; i < d; i++)
        sum[i] += values[i];
}

/* src: ids, positions. */
static void run_embed(struct ggml_tensor *dst, int ith, int nth, void *arg)
{
    struct encoder_op *op = arg;
    const struct vanta_encoder *encoder = op->encoder;
    const struct encoder_weights *w = &encoder->weights;
    const int32_t *ids = dst->src[0]->data, *positions = dst->src[1]->data;
    size_t d = encoder->info.dimensions;
    unsigned job;

    (void)nth;
    while (next_job(op, ith, row_jobs(dst), &job)) {
        size_t row = (size_t)job * ROWS_JOB, end = rows_end(dst, row);
        for (; row < end; row++) {
            float *out = (float *)dst->data + row * d;
            float *scratch = (float *)(void *)scratch_of(encoder, ith);

            memset(out, 0, d * sizeof *out);
            add_row(w->tokens, ids[row], scratch, out);
            if (w->types != NULL) /* all tokens are of the first kind */
                add_row(w->types, 0, scratch, out);
            add_row(w->positions, positions[row], scratch, out);
            encoder->kernel->norm(out, d, w->norm.weight->data, w->norm.bias->data,
                                  encoder->epsilon, out);
        }
    }
}

/* The pages of a layer that is done go back to the page cache: a large model then takes
 * the memory of one layer, and the faults when it comes round again cost some percent. */
static void release_layer(const struct encoder_layer *layer)
{
    const struct encoder_linear *linear[] = {&layer->q, &layer->k,  &layer->v,
                                             &layer->o, &layer->up, &layer->down};
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

    for (size_t i = 0; i < sizeof linear / sizeof *linear; i++) {
        uintptr_t start = (uintptr_t)linear[i]->weight->data;
        uintptr_t end = (start + ggml_nbytes(linear[i]->weight)) / page * page;
        start = (start + page - 1) / page * page;
        if (start < end)
            madvise((void *)start, end - start, MADV_DONTNEED);
    }
}

/* src: x. */
static void run_norm(struct ggml_tensor *dst, int ith, int nth, void *arg)
{
    struct encoder_op *op = arg;
    const struct vanta_encoder *encoder = op->encoder;
    size_t d = (size_t)dst->ne[0];
    unsigned job;

    (void)nth;
    if (ith == 0 && op->done != NULL && encoder->release)
        release_layer(op->done);
    while (next_job(op, ith, row_jobs(dst), &job)) {
        size_t row = (size_t)job * ROWS_JOB, end = rows_end(dst, row);
        for (; row < end; row++)
            encoder->kernel->norm((const float *)dst->src[0]->data + row * d, d,
                                  op->norm->weight->data, op->norm->bias->data,
                                  encoder->epsilon, (float *)dst->data + row * d);
    }
}

/* src: x. The result has rows of ENCODER_WHOLE_ROW. */
static void run_quantize(struct ggml_tensor *dst, int ith, int nth, void *arg)
{
    struct encoder_op *op = arg;
    const struct ggml_tensor *x = dst->src[0];
    unsigned job;

    (void)nth;
    while (next_job(op, ith, row_jobs(dst), &job)) {
        size_t row = (size_t)job * ROWS_JOB, end = rows_end(dst, row);
        for (; row < end; row++)
            op->encoder->kernel->quantize(
                (const float *)x->data + row * (size_t)x->ne[0], (unsigned)x->ne[0],
                (char *)dst->data + row * dst->nb[1]);
    }
}

static enum encoder_element element_of(enum ggml_type type)
{
    return type == GGML_TYPE_F16    ? ENCODER_F16
           : type == GGML_TYPE_BF16 ? ENCODER_BF16
           : type == GGML_TYPE_Q8_0 ? ENCODER_Q8_0
                                    : ENCODER_F32;
}

/* Whether this weight is multiplied in whole numbers. f32 is not: it is exact. */
static bool in_whole(const struct vanta_encoder *encoder, const struct ggml_tensor *w)
{
    return encoder->kernel->multiply_whole != NULL && w->type != GGML_TYPE_F32 &&
           w->ne[0] % ENCODER_BLOCK == 0;
}

/* One panel of one weight over tokens first to end. */
static void run_panel(struct ggml_tensor *dst, const struct encoder_op *op, int ith,
                      unsigned part, unsigned column, size_t first, size_t end)
{
    const struct vanta_encoder_kernel *kernel = op->encoder->kernel;
    const struct ggml_tensor *w = op->linear[part]->weight, *x = dst->src[0];
    const struct ggml_tensor *residual = dst->src[1];
    unsigned inputs = (unsigned)w->ne[0], outputs = (unsigned)w->ne[1];
    unsigned left = outputs - column;
    unsigned columns = left < ENCODER_PANEL ? left : ENCODER_PANEL;
    const char *rows = (const char *)w->data + column * w->nb[1];
    size_t ldo = (size_t)dst->ne[0];
    size_t at = first * ldo + (size_t)part * outputs + column;
    void *panel = scratch_of(op->encoder, ith);
    struct encoder_finish finish = {
        .bias = (const float *)op->linear[part]->bias->data + column,
        .residual = residual != NULL ? (const float *)residual->data + at : NULL,
        .gelu = op->gelu};

    if (in_whole(op->encoder, w)) {
        kernel->pack_whole(element_of(w->type), rows, w->nb[1], columns, inputs, panel);
        kernel->multiply_whole((const char *)x->data + first * x->nb[1], end - first,
                               panel, inputs, &finish, (float *)dst->data + at, ldo,
                               columns);
    } else {
        kernel->pack(element_of(w->type), rows, w->nb[1], columns, inputs, panel);
        kernel->multiply((const float *)x->data + first * inputs, inputs, end - first,
                         panel, inputs, &finish, (float *)dst->data + at, ldo, columns);
    }
}

/* src: x (or x quantized), what is added to the product or nothing. */
static void run_linear(struct ggml_tensor *dst, int ith, int nth, void *arg)
{
    struct encoder_op *op = arg;
    size_t tokens = (size_t)dst->ne[1], share, chunks = 1;
    unsigned parts = op->linear[1] != NULL ? 3 : 1, job;
    unsigned outputs = (unsigned)op->linear[0]->weight->ne[1];
    unsigned panels = (outputs + ENCODER_PANEL - 1) / ENCODER_PANEL;

    /* Enough jobs for all threads, but none so small that packing outweighs it. */
    while ((size_t)panels * parts * chunks < 4 * (size_t)nth &&
           tokens / (chunks + 1) >= TOKENS_JOB_MIN)
        chunks++;
    share = (tokens + chunks - 1) / chunks;
    while (next_job(op, ith, (unsigned)(panels * parts * chunks), &job)) {
        size_t first = job / (panels * parts) * share;
        size_t end = first + share < tokens ? first + share : tokens;
        unsigned panel = job % (panels * parts);

        if (first < tokens)
            run_panel(dst, op, ith, panel / panels, panel % panels * ENCODER_PANEL,
                      first, end);
    }
}

/* A thread's scratch for attention over n tokens. */
struct attention {
    size_t n, padded, hd;
    float *keys, *values, *scores; /* panels of keys, panels of value columns, rows */
};

static size_t padded(size_t n)
{
    return (n + ENCODER_PANEL - 1) / ENCODER_PANEL * ENCODER_PANEL;
}

static size_t keys_bytes(size_t n, size_t hd)
{
    return align64(padded(n) * hd * sizeof(float));
}

static size_t values_bytes(size_t n, size_t hd)
{
    return align64(padded(hd) * n * sizeof(float));
}

static size_t attention_bytes(size_t n, size_t hd)
{
    return keys_bytes(n, hd) + values_bytes(n, hd) +
           align64(QUERIES_JOB * padded(n) * sizeof(float));
}

static struct attention attention_layout(size_t n, size_t hd, char *scratch)
{
    struct attention a = {.n = n, .padded = padded(n), .hd = hd};

    a.keys = (float *)(void *)scratch;
    a.values = (float *)(void *)(scratch + keys_bytes(n, hd));
    a.scores = (float *)(void *)(scratch + keys_bytes(n, hd) + values_bytes(n, hd));
    return a;
}

/* Columns column.. of the head's values as a panel: n x 32, zero where there is none. */
static void pack_values(const struct attention *a, const float *v, size_t ld,
                        size_t column)
{
    float *to = a->values + column * a->n;
    size_t columns = a->hd - column < ENCODER_PANEL ? a->hd - column : ENCODER_PANEL;

    for (size_t t = 0; t < a->n; t++, to += ENCODER_PANEL, v += ld) {
        memcpy(to, v + column, columns * sizeof *to);
        memset(to + columns, 0, (ENCODER_PANEL - columns) * sizeof *to);
    }
}

/* One head of one sentence. qkv: its first row's query; rows of ld floats. */
static void attend(const struct vanta_encoder *encoder, const struct attention *a,
                   const float *q, size_t ld, const float *bias, float *out, size_t d)
{
    const struct vanta_encoder_kernel *kernel = encoder->kernel;
    const float *k = q + d, *v = q + 2 * d;
    float scale = 1.0F / sqrtf((float)a->hd);
    struct encoder_finish finish = {0};

    for (size_t key = 0; key < a->n; key += ENCODER_PANEL) {
        size_t count = a->n - key < ENCODER_PANEL ? a->n - key : ENCODER_PANEL;
        kernel->pack(ENCODER_F32, k + key * ld, ld * sizeof *k, (unsigned)count,
                     (unsigned)a->hd, a->keys + key * a->hd);
    }
    for (size_t column = 0; column < a->hd; column += ENCODER_PANEL)
        pack_values(a, v, ld, column);
    for (size_t first = 0; first < a->n; first += QUERIES_JOB) {
        size_t rows = a->n - first < QUERIES_JOB ? a->n - first : QUERIES_JOB;
        for (size_t key = 0; key < a->n; key += ENCODER_PANEL)
            kernel->multiply(q + first * ld, ld, rows, a->keys + key * a->hd,
                             (unsigned)a->hd, &finish, a->scores + key, a->padded,
                             ENCODER_PANEL);
        for (size_t i = 0; i < rows; i++)
            kernel->softmax(a->scores + i * a->padded, a->n, scale,
                            bias != NULL ? bias - (first + i) : NULL);
        for (size_t column = 0; column < a->hd; column += ENCODER_PANEL)
            kernel->multiply(a->scores, a->padded, rows, a->values + column * a->n,
                             (unsigned)a->n, &finish, out + first * d + column, d,
                             (unsigned)(a->hd - column < ENCODER_PANEL ? a->hd - column
                                                                       : ENCODER_PANEL));
    }
}

/* src: queries, keys and values side by side. A job is one head of one sentence. */
static void run_attention(struct ggml_tensor *dst, int ith, int nth, void *arg)
{
    struct encoder_op *op = arg;
    const struct vanta_encoder *encoder = op->encoder;
    const struct encoder_batch *batch = &encoder->batch;
    size_t d = encoder->info.dimensions, heads = encoder->info.heads, hd = d / heads;
    size_t reach = 2 * (size_t)encoder->info.max_tokens - 1;
    unsigned job;

    (void)nth;
    while (next_job(op, ith, (unsigned)(batch->sentences * heads), &job)) {
        size_t sentence = job / heads, head = job % heads;
        size_t first = batch->first[sentence];
        struct attention a = attention_layout(batch->length[sentence], hd,
                                              scratch_of(encoder, ith));

        attend(encoder, &a, (const float *)dst->src[0]->data + first * 3 * d + head * hd,
               3 * d, encoder->relative != NULL ? encoder->relative + head * reach +
                                                      encoder->info.max_tokens - 1 : NULL,
               (float *)dst->data + first * d + head * hd, d);
    }
}

static struct ggml_tensor *add_node(struct vanta_encoder *encoder, struct ggml_context *c,
                                    enum ggml_type type, size_t row, ggml_custom_op_t run,
                                    struct ggml_tensor *a, struct ggml_tensor *b,
                                    const struct encoder_op *what)
{
    struct encoder_op *op = &encoder->ops[encoder->op_count++];
    struct ggml_tensor *src[2] = {a, b};

    op->encoder = encoder;
    memcpy(op->linear, what->linear, sizeof op->linear);
    op->norm = what->norm;
    op->done = what->done;
    op->gelu = what->gelu;
    atomic_init(&op->next, 0);
    return ggml_custom_4d(c, type, (int64_t)row, encoder->batch.tokens, 1, 1, src,
                          b != NULL ? 2 : 1, run, GGML_N_TASKS_MAX, op);
}

/* Quantizes x first where the weights want it. */
static struct ggml_tensor *add_linear(struct vanta_encoder *encoder,
                                      struct ggml_context *c, struct ggml_tensor *x,
                                      struct ggml_tensor *residual,
                                      const struct encoder_op *what)
{
    const struct ggml_tensor *w = what->linear[0]->weight;
    size_t outputs = (size_t)w->ne[1] * (what->linear[1] != NULL ? 3 : 1);

    if (in_whole(encoder, w))
        x = add_node(encoder, c, GGML_TYPE_I8, ENCODER_WHOLE_ROW(w->ne[0]), run_quantize,
                     x, NULL, &(struct encoder_op){.gelu = false});
    return add_node(encoder, c, GGML_TYPE_F32, outputs, run_linear, x, residual, what);
}

struct ggml_tensor *encoder_ops_build(struct vanta_encoder *encoder,
                                      struct encoder_graph *g)
{
    struct ggml_context *c = g->context;
    size_t d = encoder->info.dimensions;
    struct ggml_tensor *x, *y;

    encoder->op_count = 0;
    x = add_node(encoder, c, GGML_TYPE_F32, d, run_embed, g->ids, g->positions,
                 &(struct encoder_op){.gelu = false});
    for (uint32_t n = 0; n < encoder->info.layers; n++) {
        const struct encoder_layer *layer = &encoder->weights.layers[n];

        y = add_linear(encoder, c, x, NULL,
                       &(struct encoder_op){.linear = {&layer->q, &layer->k, &layer->v}});
        y = add_node(encoder, c, GGML_TYPE_F32, d, run_attention, y, NULL,
                     &(struct encoder_op){.gelu = false});
        y = add_linear(encoder, c, y, x, &(struct encoder_op){.linear = {&layer->o}});
        x = add_node(encoder, c, GGML_TYPE_F32, d, run_norm, y, NULL,
                     &(struct encoder_op){.norm = &layer->attention_norm});
        y = add_linear(encoder, c, x, NULL,
                       &(struct encoder_op){.linear = {&layer->up}, .gelu = true});
        y = add_linear(encoder, c, y, x, &(struct encoder_op){.linear = {&layer->down}});
        x = add_node(encoder, c, GGML_TYPE_F32, d, run_norm, y, NULL,
                     &(struct encoder_op){.norm = &layer->output_norm, .done = layer});
    }
    return x;
}

/* Queries, keys and values are one node, so their weights must be of one type. */
static bool types_agree(const struct vanta_encoder *encoder)
{
    for (uint32_t n = 0; n < encoder->info.layers; n++) {
        const struct encoder_layer *layer = &encoder->weights.layers[n];
        if (layer->q.weight->type != layer->k.weight->type ||
            layer->q.weight->type != layer->v.weight->type)
            return false;
    }
    return true;
}

enum vanta_status encoder_ops_open(struct vanta_encoder *encoder,
                                   struct vanta_error *err)
{
    size_t d = encoder->info.dimensions, widest = d, attention;

    if (encoder->device != NULL || !types_agree(encoder))
        return VANTA_OK;
    encoder->kernel = vanta_encoder_kernel_best();
    if (encoder->kernel == NULL)
        return VANTA_OK;
    encoder->release = encoder->info.weight_bytes > RESIDENT_MAX;
    if (widest < encoder->feed_forward)
        widest = encoder->feed_forward;
    /* A panel (of floats, the larger kind), or a head's attention in the longest text. */
    encoder->scratch_bytes = align64(widest * ENCODER_PANEL * sizeof(float));
    attention = attention_bytes(encoder->info.max_tokens, d / encoder->info.heads);
    if (encoder->scratch_bytes < attention)
        encoder->scratch_bytes = attention;
    encoder->ops =
        calloc(encoder->info.layers * OPS_PER_LAYER + 1, sizeof *encoder->ops);
    if (encoder->ops == NULL ||
        posix_memalign(&encoder->scratch, 64,
                       encoder->scratch_bytes * encoder->threads) != 0) {
        encoder->scratch = NULL;
        return vanta_fail_memory(err);
    }
    return VANTA_OK;
}

void encoder_ops_close(struct vanta_encoder *encoder)
{
    free(encoder->ops);
    free(encoder->scratch);
}
