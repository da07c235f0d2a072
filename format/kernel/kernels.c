/*
 * Choosing the table of kernels: the best that this processor runs, or the one that WEND_ISA names.
 * A name that the processor cannot run falls back to scalar, so that a forced run never faults.
 */
#include "format/kernel/kernels.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static const wendi_kernels *table_at(unsigned index)
{
    unsigned found = 0;
    if (index == found) {
        return &wendi_kernels_scalar;
    }
#if defined(__x86_64__)
    /* The features that x86-64-v3 and -v4 add and that the compiler may use in the tables. */
    const int v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
                   __builtin_cpu_supports("fma");
    const int v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                   __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                   __builtin_cpu_supports("avx512vl");
    found += v3 != 0;
    if (v3 && index == found) {
        return &wendi_kernels_avx2;
    }
    found += v4 != 0;
    if (v4 && index == found) {
        return &wendi_kernels_avx512;
    }
#endif
    return NULL;
}

const wendi_kernels *wendi_kernels_at(unsigned index)
{
    return table_at(index);
}

static const wendi_kernels *choose(void)
{
    const char *forced = getenv("WEND_ISA");
    const wendi_kernels *best = &wendi_kernels_scalar;
    for (unsigned index = 0; table_at(index) != NULL; index++) {
        best = table_at(index);
        if (forced != NULL && strcmp(forced, best->name) == 0) {
            return best;
        }
    }
    return forced != NULL && forced[0] != '\0' ? &wendi_kernels_scalar : best;
}

const wendi_kernels *wendi_kernels_get(void)
{
    static _Atomic(const wendi_kernels *) chosen;
    const wendi_kernels *table = atomic_load_explicit(&chosen, memory_order_acquire);
    if (table == NULL) {
        table = choose(); /* Two threads may both choose; they choose the same. */
        atomic_store_explicit(&chosen, table, memory_order_release);
    }
    return table;
}
