/*
 * half.h - 16-bit floating point to and from f32: IEEE 754 binary16, and bfloat16.
 *
 * Rounds to nearest, ties to even, as NumPy and PyTorch do; too large becomes infinite;
 * NaN stays NaN.
 */
#ifndef VANTA_CONVERT_HALF_H
#define VANTA_CONVERT_HALF_H

#include <stddef.h>
#include <stdint.h>

float vanta_f16_to_f32(uint16_t half);
uint16_t vanta_f32_to_f16(float value);
float vanta_bf16_to_f32(uint16_t half);

/* vanta_f32_to_f16 of n values: the same bits, several at once. Not for NaN. */
void vanta_f32_to_f16_row(const float *values, uint16_t *halves, size_t n);

#endif
