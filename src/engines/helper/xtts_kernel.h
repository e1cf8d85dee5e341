/*
 * xtts_kernel.h - the one inner loop of XTTS's convolutions, once for each kind of
 * processor.
 *
 * Activations lie by time: a row holds all channels of one moment. A convolution is then a
 * product whose left side is read in place: the inputs of a tap are whole rows, so nothing
 * is unrolled into columns (im2col), and what follows (bias, residual, the mean of blocks,
 * leaky ReLU) happens while a tile of the result is in registers. A tap need not be a
 * row: linear layers have one tap, 2-D convolutions one for each row of the kernel (its
 * columns are inputs that lie side by side), transposed ones two for each phase.
 *
 * A panel holds XTTS_PANEL outputs so that the weights of one input for all of them lie
 * side by side: taps x inputs x XTTS_PANEL floats; outputs that are missing are zero.
 *
 * A result depends on its own inputs alone, never on where in a tile it falls: each is
 * one chain of sums in the order tap, input. That is what makes speech the same however
 * it is cut into chunks.
 *
 * Nothing is checked here: sizes and alignment are the callers'. No state; any thread.
 */
#ifndef VANTA_ENGINES_HELPER_XTTS_KERNEL_H
#define VANTA_ENGINES_HELPER_XTTS_KERNEL_H

#include <stddef.h>
#include <stdint.h>

#define XTTS_PANEL 32

/* Sums may also be made of whole numbers, at twice the rate: a row of inputs as int16 with
 * a scale, an output's weights as 12 bits with a scale. A tap's sum is exact: a row's
 * numbers are no larger than xtts_whole_most, of which so many products fit in 32 bits.
 * Such a panel has for each tap and two inputs XTTS_PANEL pairs of int16; inputs is even. */
#define XTTS_WHOLE_WEIGHT 2047

static inline int32_t xtts_whole_most(uint32_t inputs)
{
    int64_t most = INT32_MAX / ((int64_t)XTTS_WHOLE_WEIGHT * inputs);

    return (int32_t)(most < INT16_MAX ? most : INT16_MAX);
}

/* One panel over rows of output:
 *     v = scale * (sum + bias + residual + add);  out = v;  leaky = max(v, slope * v) */
struct vanta_xtts_conv {
    const float *x;   /* tap 0 of row 0 */
    size_t row, tap;  /* floats from a row's inputs to the next one's, from tap to tap */
    unsigned taps, inputs;
    const float *panel;
    const float *bias;            /* XTTS_PANEL floats */
    const float *residual, *add;  /* NULL: none; laid out as out */
    float scale, slope;           /* slope: 0 to 1 */
    float *out, *leaky;           /* one of them may be NULL, or be residual or add */
    /* For conv_whole, instead of x, row, tap and panel: */
    const int16_t *whole;         /* rows of inputs; row r's tap t is row r + t * dilation */
    const float *scales;          /* of those rows */
    size_t dilation;
    const int16_t *whole_panel;
    const float *weight_scales;   /* XTTS_PANEL of them */
    size_t rows, ldo;             /* ldo: floats from an output row to the next */
    unsigned columns;             /* of the panel, 1 to XTTS_PANEL */
};

struct vanta_xtts_kernel {
    const char *name;
    void (*conv)(const struct vanta_xtts_conv *c);
    /* The sum of x[i] * y[i], in an order that n alone decides. */
    float (*dot)(const float *x, const float *y, size_t n);
    /* out = a * (1 - part) + b * part, element by element; out may be either. */
    void (*mix)(const float *a, const float *b, float part, size_t n, float *out);

    /* NULL where whole numbers are not faster. */
    void (*conv_whole)(const struct vanta_xtts_conv *c);
    /* rows of n floats as whole numbers up to most; a row with a value that is no number
     * gets a scale that is none. */
    void (*quantize)(const float *x, size_t rows, size_t n, int32_t most, int16_t *out,
                     float *scales);
};

/* The best this processor can run. */
const struct vanta_xtts_kernel *vanta_xtts_kernel_best(void);

extern const struct vanta_xtts_kernel vanta_xtts_kernel_plain;
#if defined(__x86_64__)
extern const struct vanta_xtts_kernel vanta_xtts_kernel_avx2;
extern const struct vanta_xtts_kernel vanta_xtts_kernel_avx512;
#endif

#endif
