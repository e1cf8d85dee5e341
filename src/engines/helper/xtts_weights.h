/*
 * xtts_weights.h - weights of a convolution or a linear layer as panels (xtts_kernel.h).
 *
 * They are copied out of the file, whose pages need not stay then. What is made is freed
 * with xtts_weights_free, which takes a zeroed struct, and one that was not made for want
 * of memory, too. VANTA_ERR_NO_MEMORY, and what vanta_xtts_tensor says.
 */
#ifndef VANTA_ENGINES_HELPER_XTTS_WEIGHTS_H
#define VANTA_ENGINES_HELPER_XTTS_WEIGHTS_H

#include "engines/helper/xtts_file.h"
#include "engines/helper/xtts_kernel.h"

struct xtts_weights {
    uint32_t taps, inputs, outputs;
    float *panels; /* outputs / XTTS_PANEL of them, rounded up */
    int16_t *whole; /* the same as whole numbers, or NULL; panels is NULL then */
    float *scales;  /* of whole's outputs */
    float *bias;   /* for all their columns; zeros where the layer has none */
};

/* All zeros. */
enum vanta_status xtts_weights_make(uint32_t taps, uint32_t inputs, uint32_t outputs,
                                    struct xtts_weights *out, struct vanta_error *err);

/* Tensor NAME.weight of extents {taps, inputs, outputs}, or {inputs, outputs} when there
 * is one tap, f32 or f16; and, with a bias, NAME.bias {outputs}. */
__attribute__((format(printf, 7, 8))) enum vanta_status
xtts_weights_load(const struct vanta_xtts_file *file, uint32_t taps, uint32_t inputs,
                  uint32_t outputs, struct xtts_weights *out, struct vanta_error *err,
                  const char *format, ...);

/* Makes the weights whole numbers (xtts_kernel.h); inputs is even. */
enum vanta_status xtts_weights_round(struct xtts_weights *w, struct vanta_error *err);

void xtts_weights_free(struct xtts_weights *w);

/* Where the weight of an output, a tap and an input is. */
static inline float *xtts_weight(const struct xtts_weights *w, uint32_t output,
                                 uint32_t tap, uint32_t input)
{
    size_t panel = output / XTTS_PANEL;

    return w->panels + ((panel * w->taps + tap) * w->inputs + input) * XTTS_PANEL +
           output % XTTS_PANEL;
}

/* Runs every panel over conv's rows. conv has x, row, tap, rows, ldo, scale, slope, and
 * what there is of residual, add, out and leaky; bias replaces the layer's own when it is
 * not NULL. For weights that are whole numbers it has whole, scales and dilation instead of
 * x, row and tap. */
void xtts_weights_run(const struct xtts_weights *w, const struct vanta_xtts_kernel *kernel,
                      struct vanta_xtts_conv conv);

/* Memory for count floats, aligned to 64 bytes, for free(); NULL when there is none. */
float *xtts_floats(size_t count);

#endif
