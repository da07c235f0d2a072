/* The kernels compiled for aarch64, whose every processor has NEON; flags in cmake/Rooms.cmake. */
#if defined(__aarch64__)
#include "format/kernel/kernel_body.h"

WENDI_KERNEL_TABLE(wendi_kernels_neon, "neon");
#else
typedef int wendi_no_kernels_here; /* an empty unit is not C */
#endif
