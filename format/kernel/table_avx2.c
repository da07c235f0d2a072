/* The kernels compiled for x86-64-v3 (AVX2, BMI2, FMA); flags in cmake/Rooms.cmake. */
#if defined(__x86_64__)
#include "format/kernel/kernel_body.h"

WENDI_KERNEL_TABLE(wendi_kernels_avx2, "avx2");
#else
typedef int wendi_no_kernels_here; /* an empty unit is not C */
#endif
