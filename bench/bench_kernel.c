/*
 * Kernels alone, on one core: unpacking, steps, runs, decimals, filters and counts on codes, and the
 * loading of dictionaries, for every instruction set that this machine runs (or the one that
 * WEND_ISA names), with what its caches and memory give measured beside them.
 *
 * Packed pages of 65,536 values stand in L2. Each vector is decoded into L1, as scans do, unless the
 * case says that a whole page is written.
 *
 *   bench_kernel [shared options]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/harness.h"
#include "engine/base/alloc.h"
#include "engine/base/hash.h"
#include "engine/column/vector.h"
#include "format/dictionary_store.h"
#include "format/kernel/kernels.h"

enum {
    VECTOR = WENDI_KERNEL_VALUES,
    PAGE = WENDI_PAGE_ROWS,
    VECTORS = PAGE / VECTOR,
    EVENT_TYPES = 14,
    MEMORY_BYTES = 256 << 20
};

/* Everything the cases work on; each uses its part. */
typedef struct kernel_work {
    const wendi_kernels *kernels;
    unsigned width;
    uint8_t *packed;  /* VECTORS vectors of `width` bits, in L2 */
    uint64_t *vector; /* room of one vector, in L1 */
    uint64_t *page;   /* room of a page */
    uint64_t *source; /* a page of values */
    uint32_t *ends;
    uint32_t run_rows;
    uint32_t counts[256];
    uint64_t set[1024];
    uint64_t bitmap[VECTOR / 64];
    uint8_t *memory;
    size_t memory_bytes;
    wendi_buffer stored; /* a dictionary at rest */
    uint32_t entry_count;
} kernel_work;

static volatile uint64_t kept; /* so that no result is optimised away */

static uint64_t random_next(uint64_t *state)
{
    *state += UINT64_C(0x9e3779b97f4a7c15);
    return wendi_mix64(*state);
}

static const uint8_t *vector_at(const kernel_work *work, unsigned vector)
{
    return work->packed + (size_t)vector * 128 * work->width;
}

/* ---- memory ---------------------------------------------------------------------------------- */

static void read_memory(void *context)
{
    kernel_work *work = context;
    kept += work->kernels->max_u32((const uint32_t *)(void *)work->memory, work->memory_bytes / 4);
}

static void copy_memory(void *context)
{
    kernel_work *work = context;
    memcpy(work->memory, work->memory + work->memory_bytes / 2, work->memory_bytes / 2);
    kept += work->memory[work->memory_bytes / 4];
}

static void fill_memory(void *context)
{
    kernel_work *work = context;
    work->kernels->fill_u64((uint64_t *)(void *)work->memory, work->memory_bytes / 8, kept);
}

static void bench_memory(wendi_bench *bench, kernel_work *work)
{
    static const struct {
        const char *name;
        size_t bytes;
    } places[] = {{"L1, 16 KiB", 16 << 10}, {"L2, 512 KiB", 512 << 10}, {"memory, 256 MiB", MEMORY_BYTES}};
    wendi_bench_heading(bench, "Caches and memory");
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        char name[64];
        double bytes = (double)places[i].bytes;
        work->memory_bytes = places[i].bytes;
        snprintf(name, sizeof name, "read %s", places[i].name);
        (void)wendi_bench_measure(bench, &(wendi_bench_case){name, read_memory, work, bytes, "bytes", bytes});
        snprintf(name, sizeof name, "write %s", places[i].name);
        (void)wendi_bench_measure(bench, &(wendi_bench_case){name, fill_memory, work, bytes, "bytes", bytes});
        snprintf(name, sizeof name, "copy within %s", places[i].name);
        (void)wendi_bench_measure(bench, &(wendi_bench_case){name, copy_memory, work, bytes / 2, "bytes", bytes / 2});
    }
}

/* ---- unpacking ------------------------------------------------------------------------------- */

#define DEFINE_UNPACK(bits)                                                                       \
    static void unpack_u##bits(void *context)                                                     \
    {                                                                                             \
        kernel_work *work = context;                                                              \
        for (unsigned v = 0; v < VECTORS; v++) {                                                  \
            work->kernels->unpack_u##bits(vector_at(work, v), work->width, (uint##bits##_t)v,     \
                                          (uint##bits##_t *)(void *)work->vector);                \
            kept += work->vector[v];                                                              \
        }                                                                                         \
    }
DEFINE_UNPACK(8)
DEFINE_UNPACK(16)
DEFINE_UNPACK(32)
DEFINE_UNPACK(64)

static void unpack_page_u32(void *context)
{
    kernel_work *work = context;
    for (unsigned v = 0; v < VECTORS; v++) {
        work->kernels->unpack_u32(vector_at(work, v), work->width, v,
                                  (uint32_t *)(void *)work->page + (size_t)v * VECTOR);
    }
    kept += work->page[0];
}

static void unpack_steps_u64(void *context)
{
    kernel_work *work = context;
    for (unsigned v = 0; v < VECTORS; v++) {
        work->kernels->unpack_steps_u64(vector_at(work, v), work->width, 3, v, 1000, work->vector);
        kept += work->vector[v];
    }
}

static void unpack_scaled_u64(void *context)
{
    kernel_work *work = context;
    for (unsigned v = 0; v < VECTORS; v++) {
        work->kernels->unpack_u64(vector_at(work, v), work->width, 3, work->vector);
        work->kernels->multiply_add_u64(work->vector, VECTOR, 1000, v);
        kept += work->vector[v];
    }
}

/* A page of numbers below `limit` (0: 2^width), packed at `width`. */
static void fill_page(kernel_work *work, unsigned width, uint64_t limit)
{
    uint64_t seed = width;
    uint64_t mask = width == 64 ? UINT64_MAX : (UINT64_C(1) << width) - 1;
    work->width = width;
    for (unsigned v = 0; v < VECTORS; v++) {
        for (unsigned i = 0; i < VECTOR; i++) {
            uint64_t draw = random_next(&seed);
            work->vector[i] = limit > 0 ? draw % limit : draw & mask;
        }
        work->kernels->pack_u64(work->vector, width, work->packed + (size_t)v * 128 * width);
    }
}

static void measure(wendi_bench *bench, kernel_work *work, const char *name, void (*run)(void *), double bytes)
{
    (void)wendi_bench_measure(bench, &(wendi_bench_case){name, run, work, PAGE, "values", bytes});
}

static void bench_unpack(wendi_bench *bench, kernel_work *work)
{
    static const struct {
        const char *what;
        void (*run)(void *);
        unsigned bits;
        uint8_t widths[8];
    } kinds[] = {
        {"unpack %u bits to u8", unpack_u8, 8, {1, 3, 4, 7, 8}},
        {"unpack %u bits to u16", unpack_u16, 16, {4, 9, 12, 15}},
        {"unpack %u bits to u32", unpack_u32, 32, {1, 4, 8, 12, 17, 20, 24, 31}},
        {"unpack %u bits to u32, whole page", unpack_page_u32, 32, {4, 12, 17, 24}},
        {"unpack %u bits to u64", unpack_u64, 64, {7, 14, 20, 31, 41}},
        {"unpack %u bits times divisor to u64", unpack_scaled_u64, 64, {14, 20, 41}},
        {"delta times of %u bits: unpack, sum, divisor to u64", unpack_steps_u64, 64, {7, 14, 20, 31, 41}},
    };
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        for (unsigned w = 0; w < 8 && kinds[k].widths[w] != 0; w++) {
            char name[96];
            snprintf(name, sizeof name, kinds[k].what, (unsigned)kinds[k].widths[w]);
            fill_page(work, kinds[k].widths[w], 0);
            measure(bench, work, name, kinds[k].run, PAGE * kinds[k].bits / 8.0);
        }
    }
}

/* ---- runs and conversions -------------------------------------------------------------------- */

#define DEFINE_EXPAND(bits)                                                                       \
    static void expand_runs_u##bits(void *context)                                                \
    {                                                                                             \
        kernel_work *work = context;                                                              \
        uint32_t run = 0;                                                                         \
        for (uint32_t row = 0; row < PAGE; row += VECTOR) {                                       \
            while (work->ends[run] <= row) {                                                      \
                run++;                                                                            \
            }                                                                                     \
            work->kernels->expand_runs_u##bits((const uint##bits##_t *)(const void *)work->source,\
                                               work->ends, run, row, row + VECTOR,                \
                                               (uint##bits##_t *)(void *)work->vector);           \
            kept += work->vector[row / VECTOR];                                                   \
        }                                                                                         \
    }
DEFINE_EXPAND(32)
DEFINE_EXPAND(64)

static void bench_runs(wendi_bench *bench, kernel_work *work)
{
    static const uint32_t means[] = {2, 4, 8, 16, 64, 512};
    for (size_t m = 0; m < sizeof means / sizeof *means; m++) {
        uint64_t seed = m;
        uint32_t end = 0;
        char name[64];
        for (uint32_t run = 0; end < PAGE; run++) {
            end += 1 + (uint32_t)(random_next(&seed) % (2 * means[m] - 1));
            work->ends[run] = end < PAGE ? end : PAGE;
        }
        snprintf(name, sizeof name, "expand runs of %u rows to u32", means[m]);
        measure(bench, work, name, expand_runs_u32, PAGE * 4.0);
        snprintf(name, sizeof name, "expand runs of %u rows to u64", means[m]);
        measure(bench, work, name, expand_runs_u64, PAGE * 8.0);
    }
}

static void decimals(void *context)
{
    kernel_work *work = context;
    for (unsigned v = 0; v < VECTORS; v++) {
        work->kernels->decimal_f64((const int64_t *)work->source + (size_t)v * VECTOR, VECTOR, 100.0,
                                   (double *)(void *)work->vector);
        kept += work->vector[v];
    }
}

/* One row of eight is null. */
static void nulls(void *context)
{
    kernel_work *work = context;
    const uint8_t *bitmap = (const uint8_t *)work->bitmap;
    for (unsigned v = 0; v < VECTORS; v++) {
        kept += work->kernels->expand_nulls_u64(bitmap, work->source + (size_t)v * 512, VECTOR, (uint8_t *)work->page,
                                                work->vector);
    }
}

static void bounds(void *context)
{
    kernel_work *work = context;
    int64_t min;
    int64_t max;
    work->kernels->min_max_i64((const int64_t *)work->source, PAGE, &min, &max);
    kept += (uint64_t)(min + max);
}

static void changes(void *context)
{
    kernel_work *work = context;
    kept += work->kernels->changes_u64(work->source, PAGE);
}

static void bench_convert(wendi_bench *bench, kernel_work *work)
{
    uint64_t seed = 3;
    for (unsigned i = 0; i < PAGE; i++) {
        work->source[i] = random_next(&seed) % 10000000;
    }
    measure(bench, work, "decimals: i64 / 100 to double", decimals, PAGE * 8.0);
    for (unsigned i = 0; i < VECTOR / 64; i++) {
        work->bitmap[i] = random_next(&seed) & random_next(&seed) & random_next(&seed);
    }
    measure(bench, work, "values spread over rows, 1 of 8 null", nulls, PAGE * 8.0);
    measure(bench, work, "least and greatest of i64", bounds, PAGE * 8.0);
    measure(bench, work, "changes of u64", changes, PAGE * 8.0);
}

/* ---- filters and counts ---------------------------------------------------------------------- */

/* count(*) where event_type in (4 of 14), from packed pages. */
static void count_in_set(void *context)
{
    kernel_work *work = context;
    const wendi_kernels *kernels = work->kernels;
    size_t rows = 0;
    for (unsigned v = 0; v < VECTORS; v++) {
        kernels->unpack_u8(vector_at(work, v), work->width, 0, (uint8_t *)work->vector);
        kernels->select_set_u8((const uint8_t *)work->vector, VECTOR, work->set, 1 << work->width, work->bitmap);
        rows += kernels->bitmap_count(work->bitmap, VECTOR / 64);
    }
    kept += rows;
}

static void count_in_range_u16(void *context)
{
    kernel_work *work = context;
    const wendi_kernels *kernels = work->kernels;
    size_t rows = 0;
    for (unsigned v = 0; v < VECTORS; v++) {
        kernels->unpack_u16(vector_at(work, v), work->width, 0, (uint16_t *)(void *)work->vector);
        kernels->select_range_u16((const uint16_t *)(void *)work->vector, VECTOR, 100, 400, work->bitmap);
        rows += kernels->bitmap_count(work->bitmap, VECTOR / 64);
    }
    kept += rows;
}

static void count_in_set_u16(void *context)
{
    kernel_work *work = context;
    const wendi_kernels *kernels = work->kernels;
    size_t rows = 0;
    for (unsigned v = 0; v < VECTORS; v++) {
        kernels->unpack_u16(vector_at(work, v), work->width, 0, (uint16_t *)(void *)work->vector);
        kernels->select_set_u16((const uint16_t *)(void *)work->vector, VECTOR, work->set, 1 << work->width,
                                work->bitmap);
        rows += kernels->bitmap_count(work->bitmap, VECTOR / 64);
    }
    kept += rows;
}

static void count_in_set_u32(void *context)
{
    kernel_work *work = context;
    const wendi_kernels *kernels = work->kernels;
    size_t rows = 0;
    for (unsigned v = 0; v < VECTORS; v++) {
        kernels->unpack_u32(vector_at(work, v), work->width, 0, (uint32_t *)(void *)work->vector);
        kernels->select_set_u32((const uint32_t *)(void *)work->vector, VECTOR, work->set, 1 << work->width,
                                work->bitmap);
        rows += kernels->bitmap_count(work->bitmap, VECTOR / 64);
    }
    kept += rows;
}

static void select_times(void *context)
{
    kernel_work *work = context;
    size_t rows = 0;
    for (unsigned v = 0; v < VECTORS; v++) {
        work->kernels->select_range_i64((const int64_t *)work->source + (size_t)v * VECTOR, VECTOR, 1000, 5000000,
                                        work->bitmap);
        rows += work->kernels->bitmap_count(work->bitmap, VECTOR / 64);
    }
    kept += rows;
}

static void group_codes(void *context)
{
    kernel_work *work = context;
    for (unsigned v = 0; v < VECTORS; v++) {
        work->kernels->unpack_u8(vector_at(work, v), work->width, 0, (uint8_t *)work->vector);
        work->kernels->histogram_u8((const uint8_t *)work->vector, VECTOR, NULL, 1 << work->width, work->counts);
    }
    kept += work->counts[3];
}

static void group_selected_codes(void *context)
{
    kernel_work *work = context;
    for (unsigned v = 0; v < VECTORS; v++) {
        work->kernels->unpack_u8(vector_at(work, v), work->width, 0, (uint8_t *)work->vector);
        work->kernels->histogram_u8((const uint8_t *)work->vector, VECTOR, work->bitmap, 1 << work->width,
                                    work->counts);
    }
    kept += work->counts[3];
}

static void list_rows_u16(void *context)
{
    kernel_work *work = context;
    for (unsigned v = 0; v < VECTORS; v++) {
        kept += work->kernels->bitmap_rows_u16(work->bitmap, VECTOR / 64, 0, (uint16_t *)(void *)work->vector);
    }
}

static void list_rows_u32(void *context)
{
    kernel_work *work = context;
    for (unsigned v = 0; v < VECTORS; v++) {
        kept += work->kernels->bitmap_rows_u32(work->bitmap, VECTOR / 64, v, (uint32_t *)(void *)work->vector);
    }
}

static void bench_filters(wendi_bench *bench, kernel_work *work)
{
    uint64_t seed = 5;
    memset(work->set, 0, sizeof work->set);
    work->set[0] = 1 << 1 | 1 << 4 | 1 << 5 | 1 << 11;
    fill_page(work, 4, EVENT_TYPES);
    measure(bench, work, "count where type in (4 of 14), packed", count_in_set, PAGE / 2.0);
    measure(bench, work, "count group by type of 14, packed", group_codes, PAGE / 2.0);
    fill_page(work, 6, 50);
    measure(bench, work, "count where code in (of 50), packed", count_in_set, PAGE * 6 / 8.0);
    measure(bench, work, "count group by code of 50, packed", group_codes, PAGE * 6 / 8.0);
    fill_page(work, 8, 200);
    measure(bench, work, "count where code in (of 200), packed", count_in_set, PAGE);
    measure(bench, work, "count group by code of 200, packed", group_codes, PAGE);
    fill_page(work, 12, 4000);
    measure(bench, work, "count where code of 4,000 in range, packed", count_in_range_u16, PAGE * 12 / 8.0);
    measure(bench, work, "count where code in (of 4,000), packed", count_in_set_u16, PAGE * 12 / 8.0);
    fill_page(work, 16, 60000);
    measure(bench, work, "count where code in (of 60,000), packed, u32", count_in_set_u32, PAGE * 2.0);
    measure(bench, work, "count where i64 in range", select_times, PAGE * 8.0);
    for (unsigned share = 2; share <= 32; share *= 4) {
        char name[64];
        memset(work->bitmap, 0, sizeof work->bitmap);
        for (unsigned i = 0; i < VECTOR; i++) {
            work->bitmap[i / 64] |= (uint64_t)(random_next(&seed) % share == 0) << (i % 64);
        }
        snprintf(name, sizeof name, "rows of a bitmap, 1 of %u set, u16", share);
        measure(bench, work, name, list_rows_u16, 0);
        snprintf(name, sizeof name, "rows of a bitmap, 1 of %u set, u32", share);
        measure(bench, work, name, list_rows_u32, 0);
        fill_page(work, 4, EVENT_TYPES);
        snprintf(name, sizeof name, "count group by type, 1 of %u rows, packed", share);
        measure(bench, work, name, group_selected_codes, 0);
    }
}

/* ---- dictionaries ---------------------------------------------------------------------------- */

static void load_dictionary(void *context)
{
    kernel_work *work = context;
    wendi_dictionary *dictionary;
    const char *reason;
    wend_status status = wendi_dictionary_store_decode(work->stored.data, work->stored.length, work->entry_count, true,
                                                       (wendi_place){0}, &dictionary, &reason);
    wendi_bench_must(status, reason, NULL);
    wendi_dictionary_release(dictionary);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Entry `i` of a kind of column. */
static void make_name(unsigned kind, uint32_t i, uint64_t *seed, char *name, size_t size)
{
    static const char *const shops[] = {"shop", "www", "m", "eu"};
    static const char *const words[] = {"shoes", "garden", "winter", "jacket", "outlet", "kitchen", "red", "cotton"};
    const uint64_t draw = random_next(seed);
    if (kind == 0) {
        snprintf(name, size, "https://shop.example/product/%08u/reviews", i);
    } else if (kind == 1) {
        snprintf(name, size, "https://%s.example/%s/%s-%s-%u?ref=%x", shops[draw % 4], words[draw >> 2 & 7],
                 words[draw >> 5 & 7], words[draw >> 8 & 7], (unsigned)(draw >> 12 & 0xffff),
                 (unsigned)(draw >> 32 & 0xffffff));
    } else if (kind == 2) {
        snprintf(name, size,
                 "Mozilla/5.0 (Linux; Android %u; SM-%c%03u) AppleWebKit/537.%u (KHTML, like Gecko) "
                 "Chrome/%u.0.%u.%u Mobile Safari/537.%u",
                 (unsigned)(draw % 6 + 9), (char)('A' + (draw >> 4) % 26), (unsigned)(draw >> 10 & 1023),
                 (unsigned)(draw >> 20 & 31), (unsigned)(draw >> 25 & 63) + 80, (unsigned)(draw >> 31 & 4095),
                 (unsigned)(draw >> 43 & 127), (unsigned)(draw >> 20 & 31));
    } else {
        snprintf(name, size, "%c%u %s", (char)('A' + draw % 26), (unsigned)(draw >> 8 & 0xfffff),
                 words[draw >> 5 & 7]);
    }
}

/* A dictionary of `count` sorted names at rest. */
static uint64_t store_names(kernel_work *work, unsigned kind, uint32_t count)
{
    uint64_t seed = kind;
    char **names = wendi_alloc(count * sizeof *names);
    uint32_t *offsets = wendi_alloc((count + 2) * sizeof *offsets);
    uint32_t *codes = wendi_alloc(count * sizeof *codes);
    char *bytes = wendi_alloc((size_t)count * 256 + 64);
    uint32_t entries = 0;
    for (uint32_t i = 0; i < count; i++) {
        names[i] = wendi_alloc(256);
        make_name(kind, i, &seed, names[i], 256);
    }
    qsort(names, count, sizeof *names, compare_names);
    offsets[0] = offsets[1] = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (i == 0 || strcmp(names[i], names[i - 1]) != 0) {
            size_t length = strlen(names[i]);
            codes[entries] = entries + 1;
            memcpy(bytes + offsets[entries + 1], names[i], length);
            offsets[entries + 2] = offsets[entries + 1] + (uint32_t)length;
            entries++;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        wendi_free(names[i]);
    }
    wendi_free(names);
    uint64_t string_bytes = offsets[entries + 1];
    wendi_dictionary *dictionary = wendi_dictionary_new(entries + 1, offsets, bytes, true);
    work->stored.length = 0;
    work->entry_count = entries + 1;
    wendi_bench_must(wendi_dictionary_store_encode(dictionary, codes, entries, true, (wendi_place){0}, 3, &work->stored),
                     "storing a dictionary", NULL);
    wendi_dictionary_release(dictionary);
    wendi_free(codes);
    return string_bytes;
}

static void bench_dictionaries(wendi_bench *bench, kernel_work *work)
{
    static const char *const kinds[] = {"60,000 numbered URLs", "60,000 URLs", "3,000 user agents",
                                        "60,000 short names"};
    static const uint32_t counts[] = {60000, 60000, 3000, 60000};
    wendi_bench_heading(bench, "Dictionaries from stored bytes; GB of strings");
    for (unsigned kind = 0; kind < 4; kind++) {
        double bytes = (double)store_names(work, kind, counts[kind]);
        wendi_bench_case load = {kinds[kind], load_dictionary, work, work->entry_count - 1, "strings", bytes};
        (void)wendi_bench_measure(bench, &load);
        wendi_bench_value(bench, "stored", (double)work->stored.length / bytes, "bytes a byte of string");
    }
    wendi_buffer_free(&work->stored);
}

static void bench_table(wendi_bench *bench, const wendi_kernels *kernels, kernel_work *work)
{
    char heading[64];
    work->kernels = kernels;
    snprintf(heading, sizeof heading, "Kernels, %s", kernels->name);
    wendi_bench_heading(bench, heading);
    bench_unpack(bench, work);
    bench_runs(bench, work);
    bench_convert(bench, work);
    bench_filters(bench, work);
}

int main(int argc, char **argv)
{
    wendi_bench bench;
    kernel_work work = {.width = 0};
    wend_error error;
    const char *forced = getenv("WEND_ISA");
    if (wendi_bench_open(&bench, "bench_kernel", argc, argv) > 1) {
        wendi_bench_fail("usage: bench_kernel [--runs N] [--json FILE]");
    }
    wendi_bench_must(wendi_kernels_check(&error), "choosing kernels", &error);
    work.kernels = wendi_kernels_get();
    work.packed = wendi_alloc_aligned(64, VECTORS * 128 * 64);
    work.vector = wendi_alloc_aligned(64, VECTOR * sizeof *work.vector);
    work.page = wendi_alloc_aligned(64, PAGE * sizeof *work.page);
    work.source = wendi_alloc_aligned(64, PAGE * sizeof *work.source);
    work.ends = wendi_alloc_aligned(64, PAGE * sizeof *work.ends);
    work.memory = wendi_alloc_aligned(64, MEMORY_BYTES);
    memset(work.memory, 1, MEMORY_BYTES);
    memset(work.page, 0, PAGE * sizeof *work.page);
    memset(work.source, 0, PAGE * sizeof *work.source);
    wendi_bench_machine(&bench);
    bench_memory(&bench, &work);
    bench_dictionaries(&bench, &work);
    const wendi_kernels *table;
    for (unsigned index = 0; (table = wendi_kernels_at(index)) != NULL; index++) {
        if (forced == NULL || forced[0] == '\0' || table == work.kernels) {
            bench_table(&bench, table, &work);
        }
    }
    wendi_free(work.packed);
    wendi_free(work.vector);
    wendi_free(work.page);
    wendi_free(work.source);
    wendi_free(work.ends);
    wendi_free(work.memory);
    wendi_bench_close(&bench);
    return 0;
}
