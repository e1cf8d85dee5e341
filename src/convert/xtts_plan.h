/*
 * xtts_plan.h - which tensors of an XTTS checkpoint become which tensor of the GGUF.
 *
 * Judges the whole checkpoint from its pickle: each tensor that the model has is there with
 * a shape that fits all others, as numbers. Sizes that only shapes tell are put into the
 * configuration. Names may stand behind "xtts." (fine-tuned models), and weight norm may
 * have its old names (weight_g, weight_v). What else a checkpoint holds is passed over.
 * xtts_layout.h has names and types.
 *
 *     status = vanta_xtts_plan_make(&file, &config, weights, &plan, err);
 *     for (i = 0; i < plan.n; i++) ... plan.pieces[i] ...     // in the order of the data
 *     vanta_xtts_plan_free(&plan);
 *
 * Statuses: VANTA_ERR_FORMAT, UNSUPPORTED, LIMIT, NO_MEMORY. Reads no data.
 */
#ifndef VANTA_CONVERT_XTTS_PLAN_H
#define VANTA_CONVERT_XTTS_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include "convert/torch_file.h"
#include "convert/xtts_config.h"
#include "convert/xtts_gguf.h"
#include "vanta_error.h"

#define VANTA_XTTS_TENSOR_NAME_MAX 64 /* ggml's own limit */

enum vanta_xtts_how {
    VANTA_XTTS_COPY,
    VANTA_XTTS_TRANSPOSE,  /* of a matrix */
    VANTA_XTTS_FOLD,       /* weight norm: sources are v and g */
    VANTA_XTTS_FOLD_UP,    /* weight norm, {in, out, kernel} to {out, kernel, in} */
    VANTA_XTTS_NORM_SCALE, /* a batch norm: sources are weight, variance */
    VANTA_XTTS_NORM_SHIFT, /* bias, variance, weight, mean */
    VANTA_XTTS_LATENTS,    /* of all speakers */
    VANTA_XTTS_EMBEDDINGS
};

struct vanta_xtts_piece {
    char name[VANTA_XTTS_TENSOR_NAME_MAX]; /* in the GGUF */
    enum vanta_xtts_how how;
    const struct vanta_torch_tensor *from[4];
    uint32_t type; /* ggml's: 0 f32, 1 f16, 8 q8_0 */
    unsigned rank;
    uint64_t extents[4]; /* from the innermost outwards */
    uint64_t elements;
    uint64_t bytes; /* in the GGUF */
};

struct vanta_xtts_plan {
    struct vanta_xtts_piece *pieces;
    size_t n;
};

/* speakers is NULL when there are none; its tensors are NAME.gpt_cond_latent and
 * NAME.speaker_embedding, one behind the other. */
enum vanta_status vanta_xtts_plan_make(const struct vanta_torch_file *file,
                                       const struct vanta_torch_file *speakers,
                                       struct vanta_xtts_config *config,
                                       enum vanta_encoder_weights weights,
                                       struct vanta_xtts_plan *out,
                                       struct vanta_error *err);
void vanta_xtts_plan_free(struct vanta_xtts_plan *plan);

#endif
