/*
 * Hostile pages with valid checksums: the bytes are a page whose length, place and checksum are made
 * right; every stream and string in it that opens is decoded.
 */
#include <stdlib.h>

#include "engine/base/alloc.h"
#include "engine/base/hash.h"
#include "format/page.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decode_stream(const wendi_stream *stream)
{
    size_t room = ((size_t)stream->count + WENDI_VECTOR_ROWS - 1) / WENDI_VECTOR_ROWS * WENDI_VECTOR_ROWS;
    uint64_t *values = wendi_alloc_aligned(64, room * sizeof *values);
    if (stream->codec == NULL || values == NULL) {
        wendi_free(values);
        return;
    }
    for (uint32_t first = 0; first < stream->count; first += 8192) {
        uint32_t count = stream->count - first < 8192 ? stream->count - first : 8192;
        int64_t min;
        int64_t max;
        wendi_stream_decode(stream, first, count, values);
        (void)stream->codec->bounds(stream, first / WENDI_VECTOR_ROWS, &min, &max);
    }
    wendi_free(values);
}

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
    if (bytes == NULL) {
        return 0;
    }
    memcpy(bytes, data, length);
    memset(bytes + length, 0, 64);
    wendi_store_u32(bytes + 24, place.column_id);
    wendi_store_u32(bytes + 28, place.row_group);
    wendi_store_u32(bytes + 32, place.page);
    wendi_store_u64(bytes, wendi_hash64_seed(bytes + 8, length - 8, wendi_place_seed(&place)));
    uint32_t rows = wendi_load_u32(bytes + 12);
    if (rows >= 1 && rows <= WENDI_PAGE_ROWS &&
        wendi_page_open(&page, bytes, length, &place, rows, &arena, &reason) == WEND_OK) {
        decode_stream(&page.streams[0]);
        decode_stream(&page.streams[1]);
        if (page.layout == WENDI_LAYOUT_STRINGS) {
            (void)wendi_page_load_strings(&page, page.value_count / 2, page.value_count - page.value_count / 2, &reason);
            (void)wendi_page_load_strings(&page, 0, page.value_count, &reason);
        }
    }
    wendi_arena_free(&arena);
    wendi_free(bytes);
    return 0;
}
