/* The graph of GPT-2 over some positions: norms before each part, attention over the
 * cache, and two norms before the head. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "engines/helper/xtts_gpt_private.h"

size_t gpt_graph_nodes(uint32_t blocks)
{
    return (size_t)blocks * 32 + 32;
}

static struct ggml_tensor *linear(struct ggml_context *c, const struct gpt_layer *layer,
                                  struct ggml_tensor *x)
{
    return ggml_add(c, ggml_mul_mat(c, layer->weight, x), layer->bias);
}

static struct ggml_tensor *norm(const struct vanta_xtts_gpt *gpt,
                                const struct gpt_layer *layer, struct ggml_tensor *x)
{
    struct ggml_context *c = gpt->graph.context;

    x = ggml_norm(c, x, gpt->sizes.epsilon);
    return ggml_add(c, ggml_mul(c, x, layer->weight), layer->bias);
}

/* A third of a projection, head by head: {head, tokens, heads}. */
static struct ggml_tensor *queries(const struct vanta_xtts_gpt *gpt,
                                   struct ggml_tensor *qkv)
{
    size_t head = gpt->sizes.width / gpt->sizes.heads;
    struct ggml_context *c = gpt->graph.context;

    return ggml_permute(c,
                        ggml_view_3d(c, qkv, (int64_t)head, gpt->sizes.heads,
                                     qkv->ne[1], head * sizeof(float), qkv->nb[1], 0),
                        0, 2, 1, 3);
}

/* The places of a cache that are looked at, head by head: {head, keys, heads}. */
static struct ggml_tensor *seen(const struct vanta_xtts_gpt *gpt,
                                struct ggml_tensor *cache)
{
    size_t head = gpt->sizes.width / gpt->sizes.heads;

    return ggml_view_3d(gpt->graph.context, cache, (int64_t)head, gpt->graph.keys,
                        gpt->sizes.heads, cache->nb[1],
                        head * ggml_type_size(cache->type), 0);
}

static void remember(const struct vanta_xtts_gpt *gpt, struct ggml_tensor *cache,
                     struct ggml_tensor *qkv, unsigned third)
{
    const struct gpt_graph *g = &gpt->graph;
    struct ggml_tensor *rows =
        ggml_view_2d(g->context, qkv, gpt->sizes.width, g->tokens, qkv->nb[1],
                     third * (size_t)gpt->sizes.width * sizeof(float));

    /* Into the graph at once: what reads the cache has to come after it. */
    ggml_build_forward_expand(g->graph,
                              ggml_set_rows(g->context, cache, rows, g->places));
}

static struct ggml_tensor *attend(const struct vanta_xtts_gpt *gpt,
                                  const struct gpt_block *block, struct ggml_tensor *x)
{
    float scale = 1 / sqrtf((float)gpt->sizes.width / (float)gpt->sizes.heads);
    const struct gpt_graph *g = &gpt->graph;
    struct ggml_tensor *qkv = linear(g->context, &block->qkv, x);

    remember(gpt, block->keys, qkv, 1);
    remember(gpt, block->values, qkv, 2);
    x = ggml_flash_attn_ext(g->context, queries(gpt, qkv), seen(gpt, block->keys),
                            seen(gpt, block->values), g->mask, scale, 0, 0);
    x = ggml_reshape_2d(g->context, x, gpt->sizes.width, g->tokens);
    return linear(g->context, &block->output, x);
}

static struct ggml_tensor *run_block(const struct vanta_xtts_gpt *gpt,
                                     const struct gpt_block *block, struct ggml_tensor *x)
{
    struct ggml_context *c = gpt->graph.context;
    struct ggml_tensor *y;

    x = ggml_add(c, x, attend(gpt, block, norm(gpt, &block->attention_norm, x)));
    y = linear(c, &block->up, norm(gpt, &block->feed_norm, x));
    return ggml_add(c, x, linear(c, &block->down, ggml_gelu(c, y)));
}

static struct ggml_tensor *input(struct ggml_context *c, enum ggml_type type, int64_t n,
                                 int64_t rows)
{
    struct ggml_tensor *t = ggml_new_tensor_2d(c, type, n, rows);

    ggml_set_input(t);
    return t;
}

static void write_graph(struct vanta_xtts_gpt *gpt)
{
    struct gpt_graph *g = &gpt->graph;
    struct ggml_tensor *x;

    g->rows = input(g->context, GGML_TYPE_F32, gpt->sizes.width, g->tokens);
    g->places = input(g->context, GGML_TYPE_I64, g->tokens, 1);
    g->mask = input(g->context, GGML_TYPE_F16, g->keys, g->tokens);
    x = g->rows;
    for (uint32_t n = 0; n < gpt->sizes.blocks; n++)
        x = run_block(gpt, &gpt->blocks[n], x);
    g->hidden = g->logits = NULL;
    if (g->outputs == 0) {
        ggml_build_forward_expand(g->graph, x);
        return;
    }
    if (g->outputs < g->tokens)
        x = ggml_view_2d(g->context, x, x->ne[0], g->outputs, x->nb[1],
                         (g->tokens - g->outputs) * x->nb[1]);
    g->hidden = norm(gpt, &gpt->final_norm, norm(gpt, &gpt->last_norm, x));
    g->logits = linear(g->context, &gpt->head, g->hidden);
    ggml_set_output(g->hidden);
    ggml_set_output(g->logits);
    ggml_build_forward_expand(g->graph, g->logits);
}

enum vanta_status gpt_graph_make(struct vanta_xtts_gpt *gpt, uint32_t tokens,
                                 uint32_t outputs, uint32_t keys, struct vanta_error *err)
{
    struct ggml_init_params params = {.mem_size = gpt->graph_bytes,
                                      .mem_buffer = gpt->graph_memory,
                                      .no_alloc = true};
    struct gpt_graph *g = &gpt->graph;

    if (g->context != NULL && g->tokens == tokens && g->outputs == outputs &&
        g->keys == keys)
        return VANTA_OK;
    ggml_free(g->context);
    *g = (struct gpt_graph){.context = ggml_init(params), .tokens = tokens,
                            .outputs = outputs, .keys = keys};
    if (g->context == NULL)
        return vanta_fail_memory(err);
    g->graph = ggml_new_graph_custom(g->context, gpt_graph_nodes(gpt->sizes.blocks),
                                     false);
    write_graph(gpt);
    if (ggml_gallocr_alloc_graph(gpt->allocator, g->graph))
        return VANTA_OK;
    ggml_free(g->context);
    g->context = NULL;
    return vanta_fail_memory(err);
}
