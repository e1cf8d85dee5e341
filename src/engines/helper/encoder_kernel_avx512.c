/* The loops of encoder_kernel.h for AVX-512 with VNNI. */
#if defined(__x86_64__)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target( \
    "avx512f,avx512bw,avx512vl,avx512vnni,avx2,fma,f16c"))), apply_to = function)
#else
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512vnni,avx2,fma,f16c,prefer-vector-width=512")
#endif

#define LANES 16
#define TILE_ROWS 12
#define TILE_ROWS_Q8 6
#define Q8_OFFSET 128
#define KERNEL(name) name##_avx512
#define KERNEL_NAME "AVX-512"
#define vfma(a, b, c) \
    ((vf)_mm512_fmadd_ps((__m512)(a), (__m512)(b), (__m512)(c)))
#define vmax(a, b) ((vf)_mm512_max_ps((__m512)(a), (__m512)(b)))
#define vdot8(sum, w, x) \
    ((vi)_mm512_dpbusd_epi32((__m512i)(sum), (__m512i)(x), (__m512i)(w)))
#define vset4(p) ((vi)_mm512_set1_epi32(*(const int32_t *)(const void *)(p)))

#include "engines/helper/encoder_kernel_body.h"

#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
