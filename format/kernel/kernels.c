/*
 * Choosing the table of kernels: the best that this processor and its system run, or the one that
 * WEND_ISA names.
 */
#include "format/kernel/kernels.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "engine/base/status.h"

#if defined(__x86_64__)
/* What of x86-64-v3 the compilers' own question below has no name for in all their versions. */
static bool has_small_features(void)
{
    unsigned a;
    unsigned b;
    unsigned c;
    unsigned d;
    if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & bit_MOVBE) == 0 || (c & bit_F16C) == 0) {
        return false;
    }
    return __get_cpuid(0x80000001, &a, &b, &c, &d) != 0 && (c & bit_LZCNT) != 0;
}

/*
 * The features that x86-64-v3 and -v4 add and that a compiler may use in the tables. GCC's and
 * clang's answers include that the system saves the wider registers (OSXSAVE, XCR0).
 */
static bool runs_v3(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
           __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("fma") &&
           __builtin_cpu_supports("popcnt") && has_small_features();
}

static bool runs_v4(void)
{
    return runs_v3() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
}
#endif

static bool runs_always(void)
{
    return true;
}

/* All tables of this build, the better behind the worse. */
static const struct {
    const wendi_kernels *table;
    bool (*runs)(void);
} tables[] = {
    {&wendi_kernels_scalar, runs_always},
#if defined(__x86_64__)
    {&wendi_kernels_avx2, runs_v3},
    {&wendi_kernels_avx512, runs_v4},
#elif defined(__aarch64__)
    {&wendi_kernels_neon, runs_always}, /* part of the architecture */
#endif
};
enum { TABLES = sizeof tables / sizeof *tables };

const wendi_kernels *wendi_kernels_at(unsigned index)
{
    for (unsigned i = 0; i < TABLES; i++) {
        if (tables[i].runs() && index-- == 0) {
            return tables[i].table;
        }
    }
    return NULL;
}

static const wendi_kernels *table_of_name(const char *name)
{
    const wendi_kernels *table;
    for (unsigned index = 0; (table = wendi_kernels_at(index)) != NULL; index++) {
        if (strcmp(table->name, name) == 0) {
            return table;
        }
    }
    return NULL;
}

static const char *forced_name(void)
{
    const char *name = getenv("WEND_ISA");
    return name != NULL && name[0] != '\0' ? name : NULL;
}

static const wendi_kernels *choose(void)
{
    const char *forced = forced_name();
    const wendi_kernels *best = &wendi_kernels_scalar;
    const wendi_kernels *table;
    if (forced != NULL) {
        table = table_of_name(forced);
        return table != NULL ? table : &wendi_kernels_scalar;
    }
    for (unsigned index = 0; (table = wendi_kernels_at(index)) != NULL; index++) {
        best = table;
    }
    return best;
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

wend_status wendi_kernels_check(wend_error *error)
{
    const char *forced = forced_name();
    char runnable[64] = "";
    const wendi_kernels *table;
    if (forced == NULL || table_of_name(forced) != NULL) {
        return WEND_OK;
    }
    for (unsigned index = 0; (table = wendi_kernels_at(index)) != NULL; index++) {
        strcat(runnable, index == 0 ? "" : ", ");
        strcat(runnable, table->name);
    }
    wendi_fail(error, WEND_INVALID, "WEND_ISA=%s names no instruction set that this machine and build can run", forced);
    wendi_error_hint(error, "unset WEND_ISA, or set it to one of: %s", runnable);
    return WEND_INVALID;
}
