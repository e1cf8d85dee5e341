/* The loops of xtts_kernel.h for AVX-512. */
#if defined(__x86_64__)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx2,fma"))), \
                             apply_to = function)
#else
#pragma GCC target("avx512f,avx2,fma")
#pragma GCC target("prefer-vector-width=512")
#endif

#include <immintrin.h>

#define LANES 16
#define TILE_ROWS 12
typedef float vf __attribute__((vector_size(64), aligned(4), may_alias));
#define vfma(a, b, c) ((vf)_mm512_fmadd_ps((__m512)(a), (__m512)(b), (__m512)(c)))
#define vmax(a, b) ((vf)_mm512_max_ps((__m512)(a), (__m512)(b)))

#include "engines/helper/xtts_kernel_body.h"

const struct vanta_xtts_kernel vanta_xtts_kernel_avx512 = {"AVX-512", conv, dot, mix};

#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
