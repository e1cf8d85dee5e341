/* The loops of encoder_kernel.h for AVX2. */
#if defined(__x86_64__)
#if defined(__clang__)
#pragma clang attribute push( \
    __attribute__((target("avx2,fma,f16c"))), apply_to = function)
#else
#pragma GCC target("avx2,fma,f16c")
#endif

#define LANES 8
#define TILE_ROWS 6
#define vfma(a, b, c) ((vf)_mm256_fmadd_ps((__m256)(a), (__m256)(b), (__m256)(c)))
#define vmax(a, b) ((vf)_mm256_max_ps((__m256)(a), (__m256)(b)))

#include "engines/helper/encoder_kernel_body.h"

/* AVX2 multiplies whole numbers no faster than floats. */
const struct vanta_encoder_kernel vanta_encoder_kernel_avx2 = {
    .name = "AVX2",
    .pack = pack,
    .multiply = multiply,
    .softmax = softmax,
    .norm = norm,
};

#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
