#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "engines/helper/encoder_ops.h"
#include "engines/helper/encoder_private.h"

/* T5's buckets for both directions, 32 of them up to a distance of 128, in whole numbers:
 * 8 + floor(8 * log(n / 8) / log(16)) rises where n * n reaches 64 * 2^k. */
uint32_t encoder_bucket(int32_t distance)
{
    uint32_t n = (uint32_t)(distance < 0 ? -distance : distance);
    uint32_t bucket = n;

    if (n >= 8) {
        bucket = 8;
        for (uint64_t edge = 128; bucket < 15 && (uint64_t)n * n >= edge; edge *= 2)
            bucket++;
    }
    return distance > 0 ? ENCODER_BUCKETS / 2 + bucket : bucket;
}

static struct ggml_tensor *linear(struct ggml_context *c, const struct encoder_linear *l,
                                  struct ggml_tensor *x)
{
    return ggml_add(c, ggml_mul_mat(c, l->weight, x), l->bias);
}

static struct ggml_tensor *norm(struct ggml_context *c, const struct encoder_norm *n,
                                struct ggml_tensor *x, float epsilon)
{
    return ggml_add(c, ggml_mul(c, ggml_norm(c, x, epsilon), n->weight), n->bias);
}

/* Attention within the sentences of one group: [dimensions, tokens of the group]. */
static struct ggml_tensor *attend(const struct vanta_encoder *encoder,
                                  struct ggml_context *c,
                                  const struct encoder_group *group,
                                  struct ggml_tensor *const qkv[3])
{
    int64_t heads = encoder->info.heads, d = encoder->info.dimensions;
    int64_t hd = d / heads, n = group->tokens, s = group->sentences;
    size_t row = (size_t)d * sizeof(float);
    struct ggml_tensor *part[3], *scores, *mixed;

    for (int i = 0; i < 3; i++) {
        part[i] = ggml_view_4d(c, qkv[i], hd, heads, n, s, (size_t)hd * sizeof(float),
                               row, row * (size_t)n, row * group->first);
        part[i] = i < 2 ? ggml_permute(c, part[i], 0, 2, 1, 3)  /* [hd, n, heads, s] */
                        : ggml_permute(c, part[i], 1, 2, 0, 3); /* [n, hd, heads, s] */
        part[i] = ggml_cont(c, part[i]);
    }
    scores = ggml_mul_mat(c, part[1], part[0]); /* [keys, queries, heads, s] */
    scores = ggml_soft_max_ext(c, scores, group->bias, 1.0F / sqrtf((float)hd), 0.0F);
    mixed = ggml_mul_mat(c, part[2], scores); /* [hd, queries, heads, s] */
    mixed = ggml_cont(c, ggml_permute(c, mixed, 0, 2, 1, 3));
    return ggml_reshape_2d(c, mixed, d, n * s);
}

/* The layers in ggml's own operators, for every device. */
static struct ggml_tensor *build_plain(struct vanta_encoder *encoder,
                                       struct encoder_graph *g)
{
    struct ggml_context *c = g->context;
    const struct encoder_weights *w = &encoder->weights;
    struct encoder_batch *batch = &encoder->batch;
    float epsilon = encoder->epsilon;
    struct ggml_tensor *x;

    for (uint32_t i = 0; w->relative != NULL && i < batch->groups; i++) {
        struct encoder_group *group = &batch->group[i];
        group->bias = ggml_new_tensor_3d(c, GGML_TYPE_F32, group->tokens, group->tokens,
                                         encoder->info.heads);
        ggml_set_input(group->bias);
    }
    x = ggml_add(c, ggml_get_rows(c, w->tokens, g->ids),
                 ggml_get_rows(c, w->positions, g->positions));
    if (w->types != NULL) /* all tokens are of the first kind */
        x = ggml_add(c, x, ggml_view_1d(c, w->types, encoder->info.dimensions, 0));
    x = norm(c, &w->norm, x, epsilon);
    for (uint32_t n = 0; n < encoder->info.layers; n++) {
        const struct encoder_layer *layer = &w->layers[n];
        struct ggml_tensor *qkv[3] = {linear(c, &layer->q, x), linear(c, &layer->k, x),
                                      linear(c, &layer->v, x)};
        struct ggml_tensor *y = attend(encoder, c, &batch->group[0], qkv);

        for (uint32_t i = 1; i < batch->groups; i++)
            y = ggml_concat(c, y, attend(encoder, c, &batch->group[i], qkv), 1);
        x = norm(c, &layer->attention_norm, ggml_add(c, linear(c, &layer->o, y), x),
                 epsilon);
        y = linear(c, &layer->down, ggml_gelu_erf(c, linear(c, &layer->up, x)));
        x = norm(c, &layer->output_norm, ggml_add(c, y, x), epsilon);
    }
    return x;
}

enum vanta_status encoder_graph_build(struct vanta_encoder *encoder,
                                      struct encoder_graph *g, struct vanta_error *err)
{
    struct ggml_init_params params = {.mem_size = encoder->graph_memory_bytes,
                                      .mem_buffer = encoder->graph_memory,
                                      .no_alloc = true};

    memset(g, 0, sizeof *g);
    g->context = ggml_init(params);
    if (g->context == NULL)
        return vanta_fail_memory(err);
    g->graph = ggml_new_graph_custom(g->context, encoder->graph_nodes, false);
    g->ids = ggml_new_tensor_1d(g->context, GGML_TYPE_I32, encoder->batch.tokens);
    g->positions = ggml_new_tensor_1d(g->context, GGML_TYPE_I32, encoder->batch.tokens);
    ggml_set_input(g->ids);
    ggml_set_input(g->positions);
    g->hidden = encoder->kernel != NULL ? encoder_ops_build(encoder, g)
                                        : build_plain(encoder, g);
    ggml_set_output(g->hidden);
    ggml_build_forward_expand(g->graph, g->hidden);
    return VANTA_OK;
}

static enum vanta_status feed_bias(struct vanta_encoder *encoder,
                                   struct encoder_group *group, struct vanta_error *err)
{
    uint32_t n = group->tokens, heads = encoder->info.heads, at = 0;
    uint32_t most = encoder->info.max_tokens;
    float *values = malloc((size_t)n * n * heads * sizeof *values);

    if (values == NULL)
        return vanta_fail_memory(err);
    for (uint32_t head = 0; head < heads; head++) {
        const float *bias = encoder->relative + (size_t)head * (2 * most - 1) + most - 1;
        for (uint32_t query = 0; query < n; query++)
            for (uint32_t key = 0; key < n; key++)
                values[at++] = bias[(int64_t)key - (int64_t)query];
    }
    ggml_backend_tensor_set(group->bias, values, 0, ggml_nbytes(group->bias));
    free(values);
    return VANTA_OK;
}

enum vanta_status encoder_graph_feed(struct vanta_encoder *encoder,
                                     const struct encoder_graph *g,
                                     struct vanta_error *err)
{
    struct encoder_batch *batch = &encoder->batch;
    enum vanta_status status = VANTA_OK;

    ggml_backend_tensor_set(g->ids, batch->ids, 0, ggml_nbytes(g->ids));
    ggml_backend_tensor_set(g->positions, batch->positions, 0, ggml_nbytes(g->positions));
    for (uint32_t i = 0; status == VANTA_OK && i < batch->groups; i++)
        if (batch->group[i].bias != NULL)
            status = feed_bias(encoder, &batch->group[i], err);
    return status;
}
