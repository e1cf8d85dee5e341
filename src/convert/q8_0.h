/*
 * q8_0.h - ggml's quantization Q8_0: blocks of 32 values as one f16 scale and 32 bytes.
 *
 * Source: ggml, src/ggml-quants.c (quantize_row_q8_0_ref) and gguf-py/gguf/quants.py: the
 * scale is the largest magnitude / 127, each value is divided by it (by multiplying with
 * its f32 inverse) and rounded to nearest, halves away from zero. Little-endian.
 *
 * The bytes are the same on every machine. Values have to be finite, and no larger than
 * VANTA_Q8_0_VALUE_MAX, or the scale would not fit f16.
 */
#ifndef VANTA_CONVERT_Q8_0_H
#define VANTA_CONVERT_Q8_0_H

#include <stddef.h>
#include <stdint.h>

#define VANTA_Q8_0_BLOCK 32       /* values */
#define VANTA_Q8_0_BLOCK_BYTES 34
#define VANTA_Q8_0_VALUE_MAX 8.0e6f

/* out gets VANTA_Q8_0_BLOCK_BYTES a block. */
void vanta_q8_0_blocks(const float *values, size_t blocks, uint8_t *out);

#endif
