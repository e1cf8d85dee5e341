/*
 * encoder_kernel.h - the inner loops of the encoder, once for each kind of processor.
 *
 * ggml's own operators serve every device; on x86-64 with AVX2 or AVX-512 these loops
 * are faster, because bias, GELU and the residual are added while a tile of the product
 * is in registers, and because the product is summed across tokens, not along the row.
 *
 * A panel holds ENCODER_PANEL rows of a weight (outputs) so that the values of one input
 * for all of them lie side by side; rows that are missing are zero. It is packed for one
 * batch and thrown away, so the weights stay mapped in the file's own layout.
 *
 * Weights of 8 and 16 bits may also be multiplied in whole numbers, at twice the rate:
 * each block of 32 inputs of an output as integers (those of q8_0 as they are, f16 and
 * bf16 as 12 bits) with a scale, each row of activations as int16 with a scale. A block's
 * sum is exact: 2047 * 32767 * 32 < 2^31. Such a panel has for each block 16 x 32 pairs
 * of int16, then 32 f32 scales.
 *
 * Nothing is checked here: sizes and alignment are the callers'. Panels are aligned to
 * 64 bytes. No state; any thread.
 */
#ifndef VANTA_ENGINES_HELPER_ENCODER_KERNEL_H
#define VANTA_ENGINES_HELPER_ENCODER_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ENCODER_PANEL 32
#define ENCODER_BLOCK 32 /* inputs that share a scale in q8_0 */
#define ENCODER_BLOCK_BYTES 34
/* Bytes of a block of a panel of whole numbers, and of a row of activations for it. */
#define ENCODER_WHOLE_BLOCK (ENCODER_PANEL * (2 * ENCODER_BLOCK + 4))
#define ENCODER_WHOLE_ROW(inputs) (2 * (size_t)(inputs) + 64)

enum encoder_element { ENCODER_F32, ENCODER_F16, ENCODER_BF16, ENCODER_Q8_0 };

/* What happens to a tile of the product before it is stored. */
struct encoder_finish {
    const float *bias;     /* of the panel's columns; NULL: none */
    const float *residual; /* laid out as out; NULL: none */
    bool gelu;
};

struct vanta_encoder_kernel {
    const char *name;

    /* count (1 to 32) rows of inputs values each -> inputs x 32 floats. */
    void (*pack)(enum encoder_element element, const void *rows, size_t row_bytes,
                 unsigned count, unsigned inputs, float *panel);
    /* out[r][c] = x[r] . panel column c, finished, for c < columns. ld: floats. */
    void (*multiply)(const float *x, size_t ldx, size_t rows, const float *panel,
                     unsigned inputs, const struct encoder_finish *finish, float *out,
                     size_t ldo, unsigned columns);

    /* The same in whole numbers, for all elements but f32; inputs is a multiple of 32.
     * NULL where it would not be faster. x has rows of ENCODER_WHOLE_ROW. */
    void (*pack_whole)(enum encoder_element element, const void *rows, size_t row_bytes,
                       unsigned count, unsigned inputs, void *panel);
    void (*quantize)(const float *x, unsigned inputs, void *out);
    void (*multiply_whole)(const void *x, size_t rows, const void *panel, unsigned inputs,
                           const struct encoder_finish *finish, float *out, size_t ldo,
                           unsigned columns);

    /* row = softmax(row * scale + bias), bias may be NULL. */
    void (*softmax)(float *row, size_t n, float scale, const float *bias);
    /* out = (x - mean) / sqrt(variance + epsilon) * weight + bias; out may be x. */
    void (*norm)(const float *x, size_t n, const float *weight, const float *bias,
                 float epsilon, float *out);
};

/* The best this processor can run; NULL: use ggml's operators. */
const struct vanta_encoder_kernel *vanta_encoder_kernel_best(void);

#if defined(__x86_64__)
extern const struct vanta_encoder_kernel vanta_encoder_kernel_avx2;
extern const struct vanta_encoder_kernel vanta_encoder_kernel_avx512;
#endif

#endif
