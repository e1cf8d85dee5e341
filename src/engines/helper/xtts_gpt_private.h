/*
 * xtts_gpt_private.h - what the files of the GPT share: its weights and its graphs.
 *
 * xtts_gpt_load.c takes the tensors of a file, xtts_gpt_graph.c writes the graph of some
 * positions, xtts_gpt.c keeps what has been said and runs the graphs.
 */
#ifndef VANTA_ENGINES_HELPER_XTTS_GPT_PRIVATE_H
#define VANTA_ENGINES_HELPER_XTTS_GPT_PRIVATE_H

#include <ggml-alloc.h>
#include <ggml-backend.h>
#include <ggml.h>

#include "engines/helper/xtts_gpt.h"

struct gpt_layer { /* a linear one, or a norm */
    struct ggml_tensor *weight, *bias;
};

struct gpt_block {
    struct gpt_layer attention_norm, qkv, output, feed_norm, up, down;
    struct ggml_tensor *keys, *values; /* {width, positions} */
};

/* Rows of embeddings, which are read one at a time. */
struct gpt_table {
    struct vanta_xtts_tensor rows, positions;
};

/* The graph of `tokens` positions, the last `outputs` of which give results, and which
 * look at the first `keys` places of the cache. */
struct gpt_graph {
    struct ggml_context *context;
    struct ggml_cgraph *graph;
    uint32_t tokens, outputs, keys;
    struct ggml_tensor *rows, *places, *mask; /* what goes in */
    struct ggml_tensor *hidden, *logits;      /* NULL without outputs */
};

struct vanta_xtts_gpt {
    const struct vanta_xtts_file *file;
    struct vanta_xtts_sizes sizes;
    struct gpt_table text, audio;
    struct gpt_block *blocks;
    struct gpt_layer last_norm, final_norm, head;
    struct ggml_context *context;       /* of the weights and the cache */
    ggml_backend_buffer_t weights, cache;
    void *cache_map;
    size_t cache_bytes, weight_bytes, values;
    uint32_t places;                    /* of the cache */

    ggml_backend_t cpu;
    ggml_gallocr_t allocator;
    struct gpt_graph graph;             /* the last one, used again while it fits */
    void *graph_memory;
    size_t graph_bytes;

    float *latents;  /* of the voice whose keys are in the cache */
    bool prepared;   /* they are there */
    float *rows;     /* of positions that are not computed yet */
    uint32_t waiting, done, codes; /* rows; places in use; codes of this sentence */
};

/* Fills sizes, tables, blocks, the weights' context and buffer, and the cache. */
enum vanta_status gpt_load(struct vanta_xtts_gpt *gpt, struct vanta_error *err);

/* Makes gpt->graph fit, and allocates it. */
enum vanta_status gpt_graph_make(struct vanta_xtts_gpt *gpt, uint32_t tokens,
                                 uint32_t outputs, uint32_t keys,
                                 struct vanta_error *err);
size_t gpt_graph_nodes(uint32_t blocks);

#endif
