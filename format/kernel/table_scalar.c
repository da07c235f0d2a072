/* The plain loops compiled for the build's own target: the meaning of all other tables. */
#define WENDI_KERNEL_PLAIN 1

#include "format/kernel/kernel_body.h"

WENDI_KERNEL_TABLE(wendi_kernels_scalar, "scalar");
