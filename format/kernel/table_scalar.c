/* The kernels compiled for the build's own target: the meaning of all other tables; flags in cmake/Rooms.cmake. */

#include "format/kernel/kernel_body.h"

WENDI_KERNEL_TABLE(wendi_kernels_scalar, "scalar");

