/* The kernels compiled for x86-64-v4 (AVX-512 F, BW, CD, DQ, VL); flags in cmake/Rooms.cmake. */
#if defined(__x86_64__)
#include "format/kernel/kernel_body.h"

WENDI_KERNEL_TABLE(wendi_kernels_avx512, "avx512");
#else
typedef int wendi_no_kernels_here; /* an empty unit is not C */
#endif
