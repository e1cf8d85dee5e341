/*
 * half.h - 16-bit floating point: IEEE 754 binary16 and bfloat16 to and from f32.
 *
 * Rounds to nearest, ties to even, as NumPy and PyTorch do; NaN stays NaN.
 */
#ifndef VANTA_CONVERT_HALF_H
#define VANTA_CONVERT_HALF_H

#include <stdint.h>

float vanta_f32_of_f16(uint16_t half);
uint16_t vanta_f16_of_f32(float value);
float vanta_f32_of_bf16(uint16_t half);

#endif
