#include "engines/helper/encoder_kernel.h"

const struct vanta_encoder_kernel *vanta_encoder_kernel_best(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni"))
        return &vanta_encoder_kernel_avx512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return &vanta_encoder_kernel_avx2;
#endif
    return 0;
}
