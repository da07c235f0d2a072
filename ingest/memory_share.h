/**
 * How much memory ingest takes when nobody says: a quarter of the machine, at most 4 GiB.
 */
#ifndef WENDI_INGEST_MEMORY_SHARE_H
#define WENDI_INGEST_MEMORY_SHARE_H

#include <stddef.h>

/** The machine is what the kernel has, or what the process's control group allows when that is less. */
size_t wendi_memory_share(void);

#endif
