/*
 * encoder_plan.h - which tensor of model.safetensors becomes which tensor of the GGUF.
 *
 * Judges the whole file from its header: every tensor that the configuration calls for is
 * there once, with its shape, in f32, f16 or bf16; nothing is there that has no place.
 * encoder_gguf.h has the names and the types.
 *
 *     status = vanta_encoder_plan_make(&cursor, &config, weights, &plan, err);
 *     for (i = 0; i < plan.n; i++) ... plan.pieces[i] ...     // in the order of the data
 *     vanta_encoder_plan_free(&plan);
 *
 * Statuses: VANTA_ERR_FORMAT, UNSUPPORTED, LIMIT, IO, NO_MEMORY. Reads headers only.
 */
#ifndef VANTA_CONVERT_ENCODER_PLAN_H
#define VANTA_CONVERT_ENCODER_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include "base/cursor.h"
#include "convert/encoder_config.h"
#include "convert/encoder_gguf.h"
#include "vanta_error.h"

#define VANTA_ENCODER_TENSOR_NAME_MAX 64 /* ggml's own limit */

enum vanta_encoder_from {
    VANTA_ENCODER_FROM_F32,
    VANTA_ENCODER_FROM_F16,
    VANTA_ENCODER_FROM_BF16
};

struct vanta_encoder_piece {
    char name[VANTA_ENCODER_TENSOR_NAME_MAX]; /* in the GGUF */
    enum vanta_encoder_from from;
    uint32_t type; /* ggml's: 0 f32, 1 f16, 8 q8_0 */
    unsigned rank;
    uint64_t extents[2]; /* from the innermost outwards */
    uint64_t elements;
    uint64_t data_pos; /* in model.safetensors */
    uint64_t bytes;    /* in the GGUF */
};

struct vanta_encoder_plan {
    struct vanta_encoder_piece *pieces;
    size_t n;
};

/* c stands at the start of model.safetensors. *out is zeroed on failure. */
enum vanta_status vanta_encoder_plan_make(struct vanta_cursor *c,
                                          const struct vanta_encoder_config *config,
                                          enum vanta_encoder_weights weights,
                                          struct vanta_encoder_plan *out,
                                          struct vanta_error *err);
void vanta_encoder_plan_free(struct vanta_encoder_plan *plan);

#endif
