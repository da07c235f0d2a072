/*
 * Hostile pages: once as they are, once with place and checksum made right. Every stream and string
 * in what opens is decoded. The mutator mends counts and lengths in most of its work, so that it
 * reaches what is behind them.
 */
#include <stdlib.h>

#include "engine/base/alloc.h"
#include "tests/support/fuzz_repair.h"
#include "tests/support/heap_bound.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);

enum { STEP = 8192, INPUT_MAX = 1 << 20 };

static void decode_stream(const wendi_stream *stream)
{
    size_t room =
        ((size_t)stream->count + WENDI_VECTOR_ROWS - 1) / WENDI_VECTOR_ROWS * WENDI_VECTOR_ROWS;
    uint64_t *values = wendi_alloc_aligned(64, room * sizeof *values);
    if (stream->codec == NULL || values == NULL) {
        wendi_free(values);
        return;
    }
    for (uint32_t first = 0; first < stream->count; first += STEP) {
        uint32_t count = stream->count - first < STEP ? stream->count - first : STEP;
        int64_t min;
        int64_t max;
        wendi_stream_decode(stream, first, count, values);
        (void)stream->codec->bounds(stream, first / WENDI_VECTOR_ROWS, &min, &max);
    }
    wendi_free(values);
}

static void open_page(const uint8_t *bytes, size_t length, const wendi_place *place)
{
    wendi_arena arena = {.blocks = NULL};
    wendi_page page;
    const char *reason = NULL;
    uint32_t rows = wendi_load_u32(bytes + 12);
    if (rows >= 1 && rows <= WENDI_PAGE_ROWS &&
        wendi_page_open(&page, bytes, length, place, rows, &arena, &reason) == WEND_OK) {
        decode_stream(&page.streams[0]);
        decode_stream(&page.streams[1]);
        if (page.layout == WENDI_LAYOUT_STRINGS) {
            (void)wendi_page_load_strings(&page, page.value_count / 2,
                                          page.value_count - page.value_count / 2, &reason);
            (void)wendi_page_load_strings(&page, 0, page.value_count, &reason);
        }
    }
    wendi_arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wendi_place place = {.row_group = 1, .column_id = 2, .page = 3};
    size_t length = size / WENDI_PAGE_ALIGNMENT * WENDI_PAGE_ALIGNMENT;
    if (length < WENDI_PAGE_HEADER_BYTES || length > INPUT_MAX) {
        return 0;
    }
    uint8_t *bytes = wendi_alloc_aligned(64, length + 64);
    if (bytes == NULL) {
        return 0;
    }
    memcpy(bytes, data, length);
    memset(bytes + length, 0, 64);
    heap_bound_begin(heap_bound_of(length));
    open_page(bytes, length, &place);
    repair_page(bytes, length, &place);
    open_page(bytes, length, &place);
    (void)heap_bound_end();
    wendi_free(bytes);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
    return mutate_page(data, size, max_size, seed);
}
