/*
 * encoder_ops.h - the encoder's graph for a CPU that has kernels of its own.
 *
 * The nodes are ggml custom operators, so ggml's threads, memory and cancel serve them as
 * any other; five for each layer. Threads take jobs (a panel of outputs, a head of a
 * sentence, some rows) from a counter of the node until none is left.
 */
#ifndef VANTA_ENGINES_HELPER_ENCODER_OPS_H
#define VANTA_ENGINES_HELPER_ENCODER_OPS_H

#include "engines/helper/encoder_private.h"

/* Chooses encoder->kernel and makes what it needs; it stays NULL on a GPU and on
 * processors without one. */
enum vanta_status encoder_ops_open(struct vanta_encoder *encoder,
                                   struct vanta_error *err);
void encoder_ops_close(struct vanta_encoder *encoder);

/* The hidden state behind the last layer, from graph->ids and graph->positions. */
struct ggml_tensor *encoder_ops_build(struct vanta_encoder *encoder,
                                      struct encoder_graph *graph);

#endif
