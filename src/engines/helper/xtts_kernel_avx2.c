/* The loops of xtts_kernel.h for AVX2. */
#if defined(__x86_64__)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx2,fma")
#endif

#include <immintrin.h>

#define LANES 8
#define TILE_ROWS 6
typedef float vf __attribute__((vector_size(32), aligned(4), may_alias));
#define vfma(a, b, c) ((vf)_mm256_fmadd_ps((__m256)(a), (__m256)(b), (__m256)(c)))
#define vmax(a, b) ((vf)_mm256_max_ps((__m256)(a), (__m256)(b)))

#include "engines/helper/xtts_kernel_body.h"

const struct vanta_xtts_kernel vanta_xtts_kernel_avx2 = {"AVX2", conv, dot, mix, NULL, NULL};

#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
