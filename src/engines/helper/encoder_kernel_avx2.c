/* The loops of encoder_kernel.h for AVX2. */
#if defined(__x86_64__)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#else
#pragma GCC target("avx2,fma,f16c")
#endif

#define LANES 8
#define TILE_ROWS 6
#define TILE_ROWS_Q8 3
#define Q8_OFFSET 0
#define KERNEL(name) name##_avx2
#define KERNEL_NAME "AVX2"
#define vfma(a, b, c) ((vf)_mm256_fmadd_ps((__m256)(a), (__m256)(b), (__m256)(c)))
#define vmax(a, b) ((vf)_mm256_max_ps((__m256)(a), (__m256)(b)))
/* maddubs wants one side without signs, and pairs below 2^15: |x| and w with x's sign. */
#define vdot8(sum, w, x) \
    ((sum) + (vi)_mm256_madd_epi16( \
                 _mm256_maddubs_epi16(_mm256_abs_epi8((__m256i)(x)), \
                                      _mm256_sign_epi8((__m256i)(w), (__m256i)(x))), \
                 _mm256_set1_epi16(1)))
#define vset4(p) ((vi)_mm256_set1_epi32(*(const int32_t *)(const void *)(p)))

#include "engines/helper/encoder_kernel_body.h"

#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
