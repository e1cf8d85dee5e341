/*
 * encoder_private.h - what the files of the encoder share: its weights and its state.
 *
 * encoder_load.c checks a GGUF and makes the tensors, encoder_graph.c writes the graph of
 * one batch, encoder_ops.c has the CPU's own nodes of it, encoder.c sorts, runs, pools.
 */
#ifndef VANTA_ENGINES_HELPER_ENCODER_PRIVATE_H
#define VANTA_ENGINES_HELPER_ENCODER_PRIVATE_H

#include <ggml-backend.h>
#include <ggml.h>

#include "engines/helper/encoder.h"
#include "engines/helper/encoder_kernel.h"

#define ENCODER_HEAD_MAX 512 /* dimensions of one attention head */
#define ENCODER_BUCKETS 32   /* of MPNet's relative positions */
#define ENCODER_GROUPS_MAX 32 /* lengths in one batch */

struct encoder_linear {
    struct ggml_tensor *weight; /* [inputs, outputs] */
    struct ggml_tensor *bias;   /* [outputs] */
};

struct encoder_norm {
    struct ggml_tensor *weight, *bias;
};

struct encoder_layer {
    struct encoder_linear q, k, v, o, up, down;
    struct encoder_norm attention_norm, output_norm;
};

struct encoder_weights {
    struct ggml_tensor *tokens;    /* [dimensions, vocabulary] */
    struct ggml_tensor *positions; /* [dimensions, rows] */
    struct ggml_tensor *types;     /* [dimensions, kinds]; NULL: the model has none */
    struct ggml_tensor *relative;  /* [heads, ENCODER_BUCKETS]; NULL: none */
    struct encoder_norm norm;
    struct encoder_layer *layers;
};

/* Sentences of one length that stand together in a batch. */
struct encoder_group {
    uint32_t tokens;    /* of each sentence */
    uint32_t sentences;
    uint32_t first;     /* token of the batch */
    struct ggml_tensor *bias; /* of the graph at hand: f32 [tokens, tokens, heads] */
};

/* One batch: sentences packed one after the other, the longest first. */
struct encoder_batch {
    uint32_t tokens, sentences, groups;
    struct encoder_group *group; /* room for one each sentence */
    uint32_t *length, *first;    /* of each sentence: tokens, first token */
    int32_t *ids, *positions;    /* of each token */
};

/* A node of the CPU's own graph; see encoder_ops.c. */
struct encoder_op;

struct vanta_encoder {
    struct vanta_encoder_info info;
    uint32_t feed_forward, position_first; /* the position of a sentence's first token */
    uint32_t batch_tokens, threads;
    float epsilon;
    bool pool_first, normalize; /* first token's state, not the mean; to unit length */

    void *map; /* the file; NULL once its weights are on a device */
    size_t map_bytes;
    struct ggml_context *context; /* of the weights' tensors */
    ggml_backend_buffer_t buffer; /* they lie in */
    struct encoder_weights weights;

    ggml_backend_t device, cpu; /* device: the GPU, or NULL */
    ggml_backend_sched_t sched;
    void *graph_memory; /* of the tensors and the graph of one batch */
    size_t graph_memory_bytes;
    size_t graph_nodes;

    const struct vanta_encoder_kernel *kernel; /* NULL: ggml's own operators */
    struct encoder_op *ops;                    /* of the graph at hand */
    size_t op_count;
    float *relative;  /* bias of each head and distance, see encoder_ops.c */
    bool release;     /* give a layer's pages back behind it */
    void *scratch;    /* of the threads */
    size_t scratch_bytes; /* of each */

    struct encoder_batch batch;
};

/* What one graph reads and gives. */
struct encoder_graph {
    struct ggml_context *context;
    struct ggml_cgraph *graph;
    struct ggml_tensor *ids, *positions;        /* i32 [tokens] */
    struct ggml_tensor *hidden;                 /* f32 [dimensions, tokens] */
};

/* Fills info, weights, map, context, buffer. device and cpu are set before. A failure
 * leaves what encoder_weights_free takes, which is called after the buffer is freed. */
enum vanta_status encoder_weights_load(struct vanta_encoder *encoder, const char *path,
                                       struct vanta_error *err);

void encoder_weights_free(struct vanta_encoder *encoder);

/* Writes the graph of encoder->batch into graph_memory. */
enum vanta_status encoder_graph_build(struct vanta_encoder *encoder,
                                      struct encoder_graph *graph,
                                      struct vanta_error *err);
/* Gives the graph its inputs, once it is allocated. */
enum vanta_status encoder_graph_feed(struct vanta_encoder *encoder,
                                     const struct encoder_graph *graph,
                                     struct vanta_error *err);

/* The bucket of MPNet's table for the distance key - query. */
uint32_t encoder_bucket(int32_t distance);

#endif
