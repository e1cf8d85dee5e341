#include "convert/q8_0.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "convert/half.h"

static float largest(const float *values)
{
    float most = 0;
    int i;

    for (i = 0; i < VANTA_Q8_0_BLOCK; i++) {
        float size = fabsf(values[i]);

        most = size > most ? size : most;
    }
    return most;
}

static void quantize_block(const float *values, uint8_t *out)
{
    /* A subnormal scale is zero as f16, and its inverse need not be finite. */
    float scale = largest(values) / 127, inverse = scale >= FLT_MIN ? 1 / scale : 0;
    uint16_t half = vanta_f32_to_f16(scale);
    int i;

    out[0] = (uint8_t)half;
    out[1] = (uint8_t)(half >> 8);
    for (i = 0; i < VANTA_Q8_0_BLOCK; i++) {
        float value = values[i] * inverse;
        int32_t whole = (int32_t)value;
        float rest = value - (float)whole; /* exact */

        /* roundf, which compilers call once a value instead of making vectors. */
        whole += (rest >= 0.5f) - (rest <= -0.5f);
        out[2 + i] = (uint8_t)(int8_t)whole;
    }
}

void vanta_q8_0_blocks(const float *values, size_t blocks, uint8_t *out)
{
    size_t i;

    for (i = 0; i < blocks; i++)
        quantize_block(values + i * VANTA_Q8_0_BLOCK, out + i * VANTA_Q8_0_BLOCK_BYTES);
}
