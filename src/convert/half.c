#include "convert/half.h"

#include <string.h>

#define ROW_STEP 64 /* a loop of known length, in one width: all compilers make vectors */

static float float_of(uint32_t bits)
{
    float value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

float vanta_f16_to_f32(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000) << 16;
    uint32_t exponent = half >> 10 & 0x1f, fraction = half & 0x3ff;

    if (exponent == 0x1f)
        return float_of(sign | 0x7f800000 | fraction << 13);
    if (exponent != 0)
        return float_of(sign | (exponent + 127 - 15) << 23 | fraction << 13);
    if (fraction == 0)
        return float_of(sign);
    /* Subnormal here, normal in f32: the leading one goes where f32 implies it. */
    for (exponent = 127 - 15 + 1; !(fraction & 0x400); exponent--)
        fraction <<= 1;
    return float_of(sign | exponent << 23 | (fraction & 0x3ff) << 13);
}

/* Shifts right, rounding to nearest, ties to even. shift is 1 to 31. */
static uint32_t round_shift(uint32_t value, uint32_t shift)
{
    uint32_t kept = value >> shift, lost = value & ((1u << shift) - 1);
    uint32_t middle = 1u << (shift - 1);

    return kept + (lost > middle || (lost == middle && (kept & 1)));
}

uint16_t vanta_f32_to_f16(float value)
{
    uint32_t bits, sign, rest;

    memcpy(&bits, &value, sizeof bits);
    sign = bits >> 16 & 0x8000;
    rest = bits & 0x7fffffff;
    if (rest > 0x7f800000)
        return (uint16_t)(sign | 0x7e00 | (rest >> 13 & 0x1ff));
    if (rest >= 0x47800000) /* 2^16 and up */
        return (uint16_t)(sign | 0x7c00);
    if (rest >= 0x38800000) /* 2^-14 and up: normal; a carry reaches the exponent */
        return (uint16_t)(sign | round_shift(rest - ((127 - 15) << 23), 13));
    if (rest < 0x33000000) /* less than half of the smallest */
        return (uint16_t)sign;
    return (uint16_t)(sign |
                      round_shift((rest & 0x7fffff) | 0x800000, 126 - (rest >> 23)));
}

float vanta_bf16_to_f32(uint16_t half)
{
    return float_of((uint32_t)half << 16);
}

/* Without branches, so that the compiler makes vectors of it. Normal results: the exponent
 * is moved and the rounding added in integers. Subnormal ones: adding one half to the
 * value makes the addition round at the place of the smallest subnormal. */
static int32_t row_element(float value)
{
    int32_t bits, rest, normal, small, is_small;
    float shifted;

    memcpy(&bits, &value, sizeof bits);
    rest = bits & 0x7fffffff;
    normal = (rest - ((127 - 15) << 23) + 0xfff + (rest >> 13 & 1)) >> 13;
    normal = rest >= 0x47800000 ? 0x7c00 : normal;
    memcpy(&shifted, &rest, sizeof shifted);
    shifted += 0.5f;
    memcpy(&small, &shifted, sizeof small);
    small -= 0x3f000000;
    is_small = -(rest < 0x38800000); /* a choice would become a branch around the addition */
    return (bits >> 16 & 0x8000) | (small & is_small) | (normal & ~is_small);
}

void vanta_f32_to_f16_row(const float *values, uint16_t *halves, size_t n)
{
    int32_t wide[ROW_STEP];
    size_t i, j;

    for (i = 0; i + ROW_STEP <= n; i += ROW_STEP) {
        for (j = 0; j < ROW_STEP; j++)
            wide[j] = row_element(values[i + j]);
        for (j = 0; j < ROW_STEP; j++)
            halves[i + j] = (uint16_t)wide[j];
    }
    for (; i < n; i++)
        halves[i] = (uint16_t)row_element(values[i]);
}
