/*
 * encoder_kernel_pack.h - rows of weights to panels of floats (encoder_kernel.h); a part
 * of encoder_kernel_body.h, compiled for each kind of processor with it.
 */
#include <immintrin.h>
#include <string.h>

#include "engines/helper/encoder_kernel.h"

#define INLINE static inline __attribute__((always_inline))

/* 4 values of a row, whatever their type, as floats. */
INLINE __m128 load4(enum encoder_element element, const char *row, unsigned k)
{
    if (element == ENCODER_F16)
        return _mm_cvtph_ps(_mm_loadl_epi64((const __m128i *)(row + 2 * (size_t)k)));
    if (element == ENCODER_BF16)
        return _mm_castsi128_ps(_mm_slli_epi32(
            _mm_cvtepu16_epi32(_mm_loadl_epi64((const __m128i *)(row + 2 * (size_t)k))),
            16));
    if (element == ENCODER_Q8_0) {
        const char *block = row + (size_t)(k / ENCODER_BLOCK) * ENCODER_BLOCK_BYTES;
        uint16_t scale;
        int32_t four;
        memcpy(&scale, block, sizeof scale);
        memcpy(&four, block + 2 + k % ENCODER_BLOCK, sizeof four);
        return _mm_mul_ps(_mm_cvtepi32_ps(_mm_cvtepi8_epi32(_mm_cvtsi32_si128(four))),
                          _mm_set1_ps(_cvtsh_ss(scale)));
    }
    return _mm_loadu_ps((const float *)row + k);
}

INLINE float load1(enum encoder_element element, const char *row, unsigned k)
{
    uint16_t half;
    uint32_t bits;
    float value;

    if (element == ENCODER_F32) {
        memcpy(&value, row + 4 * (size_t)k, sizeof value);
        return value;
    }
    if (element == ENCODER_Q8_0) {
        const char *block = row + (size_t)(k / ENCODER_BLOCK) * ENCODER_BLOCK_BYTES;
        memcpy(&half, block, sizeof half);
        return _cvtsh_ss(half) * (float)(signed char)block[2 + k % ENCODER_BLOCK];
    }
    memcpy(&half, row + 2 * (size_t)k, sizeof half);
    if (element == ENCODER_F16)
        return _cvtsh_ss(half);
    bits = (uint32_t)half << 16;
    memcpy(&value, &bits, sizeof value);
    return value;
}

INLINE void pack_rows(enum encoder_element element, const char *rows, size_t row_bytes,
                      unsigned count, unsigned inputs, float *panel)
{
    unsigned r = 0, whole = inputs & ~3U;

    for (; r + 4 <= count; r += 4) {
        const char *row = rows + r * row_bytes;
        for (unsigned k = 0; k < whole; k += 4) {
            float *to = panel + (size_t)k * ENCODER_PANEL + r;
            __m128 a = load4(element, row, k), b = load4(element, row + row_bytes, k);
            __m128 c = load4(element, row + 2 * row_bytes, k);
            __m128 d = load4(element, row + 3 * row_bytes, k);
            _MM_TRANSPOSE4_PS(a, b, c, d);
            _mm_storeu_ps(to, a);
            _mm_storeu_ps(to + ENCODER_PANEL, b);
            _mm_storeu_ps(to + 2 * ENCODER_PANEL, c);
            _mm_storeu_ps(to + 3 * ENCODER_PANEL, d);
        }
        for (unsigned i = r; i < r + 4; i++)
            for (unsigned k = whole; k < inputs; k++)
                panel[(size_t)k * ENCODER_PANEL + i] =
                    load1(element, rows + i * row_bytes, k);
    }
    for (; r < count; r++)
        for (unsigned k = 0; k < inputs; k++)
            panel[(size_t)k * ENCODER_PANEL + r] =
                load1(element, rows + r * row_bytes, k);
    for (; r < ENCODER_PANEL; r++)
        for (unsigned k = 0; k < inputs; k++)
            panel[(size_t)k * ENCODER_PANEL + r] = 0;
}

static void pack(enum encoder_element element, const void *rows, size_t row_bytes,
                 unsigned count, unsigned inputs, float *panel)
{
    if (element == ENCODER_F32)
        pack_rows(ENCODER_F32, rows, row_bytes, count, inputs, panel);
    else if (element == ENCODER_F16)
        pack_rows(ENCODER_F16, rows, row_bytes, count, inputs, panel);
    else if (element == ENCODER_Q8_0)
        pack_rows(ENCODER_Q8_0, rows, row_bytes, count, inputs, panel);
    else
        pack_rows(ENCODER_BF16, rows, row_bytes, count, inputs, panel);
}
