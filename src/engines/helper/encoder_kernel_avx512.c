/* The loops of encoder_kernel.h for AVX-512 with VNNI. */
#if defined(__x86_64__)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target( \
    "avx512f,avx512bw,avx512vl,avx512vnni,avx2,fma,f16c"))), apply_to = function)
#else
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512vnni,avx2,fma,f16c")
#pragma GCC target("prefer-vector-width=512")
#endif

#define LANES 16
#define TILE_ROWS 12
#define TILE_ROWS_WHOLE 6 /* each row takes twice the registers */
#define vfma(a, b, c) \
    ((vf)_mm512_fmadd_ps((__m512)(a), (__m512)(b), (__m512)(c)))
#define vmax(a, b) ((vf)_mm512_max_ps((__m512)(a), (__m512)(b)))

#include "engines/helper/encoder_kernel_body.h"

/* 32 values of a row as int16; returns their scale. */
INLINE float whole_block(enum encoder_element element, const char *row, unsigned b,
                         __m512i *out)
{
    __m512 low, high;
    float most;

    if (element == ENCODER_Q8_0) {
        const char *block = row + (size_t)b * ENCODER_BLOCK_BYTES;
        *out = _mm512_cvtepi8_epi16(_mm256_loadu_si256((const void *)(block + 2)));
        return load1(ENCODER_F16, block, 0);
    }
    row += (size_t)b * ENCODER_BLOCK * 2;
    if (element == ENCODER_F16) {
        low = _mm512_cvtph_ps(_mm256_loadu_si256((const void *)row));
        high = _mm512_cvtph_ps(_mm256_loadu_si256((const void *)(row + 32)));
    } else {
        low = _mm512_castsi512_ps(_mm512_slli_epi32(
            _mm512_cvtepu16_epi32(_mm256_loadu_si256((const void *)row)), 16));
        high = _mm512_castsi512_ps(_mm512_slli_epi32(
            _mm512_cvtepu16_epi32(_mm256_loadu_si256((const void *)(row + 32))), 16));
    }
    most = _mm512_reduce_max_ps(_mm512_max_ps(_mm512_abs_ps(low), _mm512_abs_ps(high)));
    /* Not a number times zero: damaged weights must show in the result. */
    if (!isfinite(_mm512_reduce_add_ps(_mm512_mul_ps(_mm512_setzero_ps(),
                                                     _mm512_add_ps(low, high)))))
        most = NAN;
    low = _mm512_mul_ps(low, _mm512_set1_ps(most > 0 ? 2047.0F / most : 0));
    high = _mm512_mul_ps(high, _mm512_set1_ps(most > 0 ? 2047.0F / most : 0));
    *out = _mm512_inserti64x4(
        _mm512_castsi256_si512(_mm512_cvtsepi32_epi16(_mm512_cvtps_epi32(low))),
        _mm512_cvtsepi32_epi16(_mm512_cvtps_epi32(high)), 1);
    return most / 2047.0F;
}

INLINE void pack_whole_rows(enum encoder_element element, const char *rows,
                            size_t row_bytes, unsigned count, unsigned inputs,
                            char *panel)
{
    for (unsigned b = 0; b < inputs / ENCODER_BLOCK; b++, panel += ENCODER_WHOLE_BLOCK) {
        float *scales = (float *)(void *)(panel + 2 * ENCODER_BLOCK * ENCODER_PANEL);

        for (unsigned r = 0; r < ENCODER_PANEL; r += 4) {
            __m512i row[4];
            for (unsigned i = 0; i < 4; i++) {
                row[i] = _mm512_setzero_si512();
                scales[r + i] = 0;
                if (r + i < count)
                    scales[r + i] =
                        whole_block(element, rows + (r + i) * row_bytes, b, &row[i]);
            }
            for (int quarter = 0; quarter < 4; quarter++) {
                const float *from = (const float *)(const void *)row + 4 * quarter;
                float *to = (float *)(void *)panel + 4 * quarter * ENCODER_PANEL + r;
                __m128 v0 = _mm_loadu_ps(from), v1 = _mm_loadu_ps(from + 16);
                __m128 v2 = _mm_loadu_ps(from + 32), v3 = _mm_loadu_ps(from + 48);
                _MM_TRANSPOSE4_PS(v0, v1, v2, v3);
                _mm_storeu_ps(to, v0);
                _mm_storeu_ps(to + ENCODER_PANEL, v1);
                _mm_storeu_ps(to + 2 * ENCODER_PANEL, v2);
                _mm_storeu_ps(to + 3 * ENCODER_PANEL, v3);
            }
        }
    }
}

static void pack_whole(enum encoder_element element, const void *rows, size_t row_bytes,
                       unsigned count, unsigned inputs, void *panel)
{
    if (element == ENCODER_Q8_0)
        pack_whole_rows(ENCODER_Q8_0, rows, row_bytes, count, inputs, panel);
    else if (element == ENCODER_F16)
        pack_whole_rows(ENCODER_F16, rows, row_bytes, count, inputs, panel);
    else
        pack_whole_rows(ENCODER_BF16, rows, row_bytes, count, inputs, panel);
}

static void quantize(const float *x, unsigned inputs, void *out)
{
    __m512 most = _mm512_setzero_ps(), broken = most, inverse;
    char *values = out;
    float top, scale;

    for (unsigned i = 0; i < inputs; i += LANES) {
        __m512 v = _mm512_loadu_ps(x + i);
        most = _mm512_max_ps(most, _mm512_abs_ps(v));
        broken = _mm512_fmadd_ps(v, _mm512_setzero_ps(), broken);
    }
    top = _mm512_reduce_max_ps(most);
    scale = top / 32767.0F;
    if (!isfinite(_mm512_reduce_add_ps(broken)))
        scale = NAN; /* which every product then is */
    inverse = _mm512_set1_ps(top > 0 ? 32767.0F / top : 0);
    for (unsigned i = 0; i < inputs; i += LANES)
        _mm256_storeu_si256(
            (void *)(values + 2 * (size_t)i),
            _mm512_cvtsepi32_epi16(_mm512_cvtps_epi32(
                _mm512_mul_ps(_mm512_loadu_ps(x + i), inverse))));
    memcpy(values + 2 * (size_t)inputs, &scale, sizeof scale);
}

INLINE void tile_whole(int rows, const char *x, const char *panel, unsigned inputs,
                       const struct encoder_finish *finish, float *out, size_t row,
                       size_t ldo, unsigned columns)
{
    size_t ldx = ENCODER_WHOLE_ROW(inputs);
    vf sum[TILE_ROWS_WHOLE][2];

#pragma GCC unroll 6
    for (int r = 0; r < rows; r++)
        sum[r][0] = sum[r][1] = (vf){0};
    for (unsigned b = 0; b < inputs / ENCODER_BLOCK; b++, panel += ENCODER_WHOLE_BLOCK) {
        const float *scales =
            (const float *)(const void *)(panel + 2 * ENCODER_BLOCK * ENCODER_PANEL);
        const char *w = panel, *from = x + 2 * (size_t)b * ENCODER_BLOCK;
        __m512i whole[TILE_ROWS_WHOLE][2];
        vf s0, s1;

#pragma GCC unroll 6
        for (int r = 0; r < rows; r++)
            whole[r][0] = whole[r][1] = _mm512_setzero_si512();
        for (int k = 0; k < ENCODER_BLOCK; k += 2, w += 4 * ENCODER_PANEL, from += 4) {
            __m512i w0 = _mm512_loadu_si512(w), w1 = _mm512_loadu_si512(w + 64);
#pragma GCC unroll 6
            for (int r = 0; r < rows; r++) {
                int32_t pair;
                __m512i value;
                memcpy(&pair, from + (size_t)r * ldx, sizeof pair);
                value = _mm512_set1_epi32(pair);
                whole[r][0] = _mm512_dpwssd_epi32(whole[r][0], value, w0);
                whole[r][1] = _mm512_dpwssd_epi32(whole[r][1], value, w1);
            }
        }
        s0 = vload(scales);
        s1 = vload(scales + LANES);
#pragma GCC unroll 6
        for (int r = 0; r < rows; r++) {
            sum[r][0] = vfma(_mm512_cvtepi32_ps(whole[r][0]), s0, sum[r][0]);
            sum[r][1] = vfma(_mm512_cvtepi32_ps(whole[r][1]), s1, sum[r][1]);
        }
    }
#pragma GCC unroll 6
    for (int r = 0; r < rows; r++) {
        float scale;
        memcpy(&scale, x + (size_t)r * ldx + 2 * (size_t)inputs, sizeof scale);
        sum[r][0] *= scale;
        sum[r][1] *= scale;
        store_row(sum[r], finish, 0, (row + (size_t)r) * ldo, out, columns);
    }
}

static void multiply_whole(const void *x, size_t rows, const void *panel, unsigned inputs,
                           const struct encoder_finish *finish, float *out, size_t ldo,
                           unsigned columns)
{
    size_t ldx = ENCODER_WHOLE_ROW(inputs), r = 0;

#define TILE(n) \
    tile_whole(n, (const char *)x + r * ldx, panel, inputs, finish, out, r, ldo, columns)
    for (; r + TILE_ROWS_WHOLE <= rows; r += TILE_ROWS_WHOLE)
        TILE(TILE_ROWS_WHOLE);
    for (; r + 2 <= rows; r += 2)
        TILE(2);
    for (; r < rows; r++)
        TILE(1);
#undef TILE
}

const struct vanta_encoder_kernel vanta_encoder_kernel_avx512 = {
    .name = "AVX-512",
    .pack = pack,
    .multiply = multiply,
    .pack_whole = pack_whole,
    .quantize = quantize,
    .multiply_whole = multiply_whole,
    .softmax = softmax,
    .norm = norm,
};

#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
