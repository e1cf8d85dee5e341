/* The loops of xtts_kernel.h for AVX-512 with VNNI. */
#if defined(__x86_64__)
#if defined(__clang__)
#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni,avx2,fma"))), \
    apply_to = function)
#else
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512vnni,avx2,fma")
#pragma GCC target("prefer-vector-width=512")
#endif

#include <immintrin.h>

#define LANES 16
#define TILE_ROWS 12
typedef float vf __attribute__((vector_size(64), aligned(4), may_alias));
#define vfma(a, b, c) ((vf)_mm512_fmadd_ps((__m512)(a), (__m512)(b), (__m512)(c)))
#define vmax(a, b) ((vf)_mm512_max_ps((__m512)(a), (__m512)(b)))

#include "engines/helper/xtts_kernel_body.h"

#define TILE_ROWS_WHOLE 6 /* each row takes twice the registers */

INLINE void tile_whole(int rows, const struct vanta_xtts_conv *c, size_t r)
{
    const int16_t *panel = c->whole_panel;
    vf sum[TILE_ROWS_WHOLE][2];

#pragma GCC unroll 6
    for (int i = 0; i < rows; i++)
        sum[i][0] = sum[i][1] = (vf){0};
    for (unsigned t = 0; t < c->taps; t++) {
        size_t first = r + t * c->dilation;
        const int16_t *x = c->whole + first * c->inputs;
        __m512i whole[TILE_ROWS_WHOLE][2];

#pragma GCC unroll 6
        for (int i = 0; i < rows; i++)
            whole[i][0] = whole[i][1] = _mm512_setzero_si512();
        for (unsigned k = 0; k < c->inputs; k += 2, panel += 2 * XTTS_PANEL) {
            __m512i w0 = _mm512_loadu_si512(panel);
            __m512i w1 = _mm512_loadu_si512(panel + XTTS_PANEL);
#pragma GCC unroll 6
            for (int i = 0; i < rows; i++) {
                int32_t pair;
                __m512i value;
                memcpy(&pair, x + (size_t)i * c->inputs + k, sizeof pair);
                value = _mm512_set1_epi32(pair);
                whole[i][0] = _mm512_dpwssd_epi32(whole[i][0], value, w0);
                whole[i][1] = _mm512_dpwssd_epi32(whole[i][1], value, w1);
            }
        }
#pragma GCC unroll 6
        for (int i = 0; i < rows; i++)
            for (int v = 0; v < 2; v++)
                sum[i][v] = vfma((vf)_mm512_cvtepi32_ps(whole[i][v]),
                                 vall(c->scales[first + (size_t)i]), sum[i][v]);
    }
#pragma GCC unroll 6
    for (int i = 0; i < rows; i++) {
        for (int v = 0; v < 2; v++)
            sum[i][v] *= vload(c->weight_scales + v * LANES);
        store_row(sum[i], c, (r + (size_t)i) * c->ldo, 0);
    }
}

static void conv_whole(const struct vanta_xtts_conv *c)
{
    size_t r = 0;

    for (; r + TILE_ROWS_WHOLE <= c->rows; r += TILE_ROWS_WHOLE)
        tile_whole(TILE_ROWS_WHOLE, c, r);
    for (; r + 2 <= c->rows; r += 2)
        tile_whole(2, c, r);
    for (; r < c->rows; r++)
        tile_whole(1, c, r);
}

static void quantize(const float *x, size_t rows, size_t n, int32_t most, int16_t *out,
                     float *scales)
{
    for (size_t r = 0; r < rows; r++, x += n, out += n) {
        __m512 top = _mm512_setzero_ps(), broken = top, by;
        float largest;

        for (size_t i = 0; i < n; i += LANES) {
            __mmask16 part = n - i < LANES ? (__mmask16)((1U << (n - i)) - 1) : 0xffff;
            __m512 v = _mm512_maskz_loadu_ps(part, x + i);
            top = _mm512_max_ps(top, _mm512_abs_ps(v));
            broken = _mm512_fmadd_ps(v, _mm512_setzero_ps(), broken);
        }
        largest = _mm512_reduce_max_ps(top);
        /* Zero, or not a number, as one of them is none. */
        scales[r] = largest / (float)most + _mm512_reduce_add_ps(broken);
        by = _mm512_set1_ps(largest > 0 ? (float)most / largest : 0);
        for (size_t i = 0; i < n; i += LANES) {
            __mmask16 part = n - i < LANES ? (__mmask16)((1U << (n - i)) - 1) : 0xffff;
            __m512 v = _mm512_mul_ps(_mm512_maskz_loadu_ps(part, x + i), by);
            _mm512_mask_cvtsepi32_storeu_epi16(out + i, part, _mm512_cvtps_epi32(v));
        }
    }
}

const struct vanta_xtts_kernel vanta_xtts_kernel_avx512 = {
    "AVX-512", conv, dot, mix, conv_whole, quantize};

#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
