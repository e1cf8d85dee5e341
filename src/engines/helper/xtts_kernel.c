/* The loops of xtts_kernel.h for processors without loops of their own, NEON among them:
 * vectors of four floats, which every compiler has an answer to. */
#include "engines/helper/xtts_kernel.h"

#if defined(__ARM_NEON) && defined(__ARM_FEATURE_FMA)
#include <arm_neon.h>
#endif

#define LANES 4
typedef float vf __attribute__((vector_size(16), aligned(4), may_alias));
typedef int32_t vi __attribute__((vector_size(16), aligned(4), may_alias));

#if defined(__ARM_NEON) && defined(__ARM_FEATURE_FMA)
#define TILE_ROWS 12
#define PLAIN_NAME "NEON"
#define vfma(a, b, c) \
    ((vf)vfmaq_f32((float32x4_t)(c), (float32x4_t)(a), (float32x4_t)(b)))
#define vmax(a, b) ((vf)vmaxq_f32((float32x4_t)(a), (float32x4_t)(b)))
#else
#define TILE_ROWS 6
#define PLAIN_NAME "plain"
#define vfma(a, b, c) ((a) * (b) + (c))
static inline vf vmax(vf a, vf b)
{
    vi larger = a > b;

    return (vf)((larger & (vi)a) | (~larger & (vi)b));
}
#endif

#include "engines/helper/xtts_kernel_body.h"

const struct vanta_xtts_kernel vanta_xtts_kernel_plain = {PLAIN_NAME, conv, dot, mix, NULL, NULL};

const struct vanta_xtts_kernel *vanta_xtts_kernel_best(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni"))
        return &vanta_xtts_kernel_avx512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return &vanta_xtts_kernel_avx2;
#endif
    return &vanta_xtts_kernel_plain;
}
