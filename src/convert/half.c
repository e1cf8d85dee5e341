#include "convert/half.h"

#include <string.h>

static float f32_of_bits(uint32_t bits)
{
    float value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

float vanta_f32_of_f16(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = half >> 10 & 31;
    uint32_t fraction = half & 0x3ff;

    if (exponent == 31)
        return f32_of_bits(sign | 0x7f800000 | fraction << 13);
    if (exponent)
        return f32_of_bits(sign | (exponent + 112) << 23 | fraction << 13);
    if (!fraction)
        return f32_of_bits(sign);
    /* Subnormal: shift until the leading one is where f32 has it implied. */
    for (exponent = 113; !(fraction & 0x400); exponent--)
        fraction <<= 1;
    return f32_of_bits(sign | exponent << 23 | (fraction & 0x3ff) << 13);
}

uint16_t vanta_f16_of_f32(float value)
{
    uint32_t bits, sign, rest, shift, half, lost;

    memcpy(&bits, &value, sizeof bits);
    sign = bits >> 16 & 0x8000;
    rest = bits & 0x7fffffff;
    if (rest > 0x7f800000)
        return (uint16_t)(sign | 0x7e00);
    if (rest >= 0x477ff000) /* rounds past 65504 */
        return (uint16_t)(sign | 0x7c00);
    if (rest >= 0x38800000) { /* normal */
        half = (rest - 0x38000000) >> 13;
        lost = rest & 0x1fff;
        shift = 13;
    } else if (rest >= 0x33000000) { /* subnormal */
        uint32_t fraction = (rest & 0x7fffff) | 0x800000;

        shift = 126 - (rest >> 23);
        half = fraction >> shift;
        lost = fraction & ((1u << shift) - 1);
    } else {
        return (uint16_t)sign;
    }
    if (lost > 1u << (shift - 1) || (lost == 1u << (shift - 1) && (half & 1)))
        half++;
    return (uint16_t)(sign | half);
}

float vanta_f32_of_bf16(uint16_t half)
{
    return f32_of_bits((uint32_t)half << 16);
}
