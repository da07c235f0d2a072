/*
 * The canary: fuzz_page with a bug planted behind the checksum. It must be found, else fuzzing is
 * not looking where it should: a table of nine powers is read at the page's exponent, which may be
 * up to 15. tests/fault/fuzz_canary_test.sh builds and runs it and fails when it survives.
 */
#include "engine/base/alloc.h"
#include "engine/base/hash.h"
#include "tests/support/fuzz_repair.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);

enum { POWERS = 9 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wendi_place place = {.row_group = 1, .column_id = 2, .page = 3};
    wendi_arena arena = {.blocks = NULL};
    wendi_page page;
    const char *reason = NULL;
    size_t length = size / WENDI_PAGE_ALIGNMENT * WENDI_PAGE_ALIGNMENT;
    if (length < WENDI_PAGE_HEADER_BYTES || length > 1 << 20) {
        return 0;
    }
    uint8_t *bytes = wendi_alloc_aligned(64, length + 64);
    volatile double *powers = wendi_alloc_zero(POWERS, sizeof *powers);
    memcpy(bytes, data, length);
    memset(bytes + length, 0, 64);
    wendi_store_u32(bytes + 24, place.column_id);
    wendi_store_u32(bytes + 28, place.row_group);
    wendi_store_u32(bytes + 32, place.page);
    wendi_store_u64(bytes, wendi_hash64_seed(bytes + 8, length - 8, wendi_place_seed(&place)));
    uint32_t rows = wendi_load_u32(bytes + 12);
    if (rows >= 1 && rows <= WENDI_PAGE_ROWS &&
        wendi_page_open(&page, bytes, length, &place, rows, &arena, &reason) == WEND_OK &&
        page.layout == WENDI_LAYOUT_DECIMAL) {
        (void)powers[page.exponent]; /* the bug */
    }
    wendi_arena_free(&arena);
    wendi_free((void *)(uintptr_t)powers);
    wendi_free(bytes);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
    return mutate_page(data, size, max_size, seed);
}
