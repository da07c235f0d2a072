/*
 * Pages of near-unique strings: a stream of lengths, then the bytes in blocks, each
 * compressed on its own so that few rows decompress little.
 *
 * Payload behind the bitmap: stream of lengths; block count u32, 0 u32; per block {first value u32,
 * stored bytes u32}; then the blocks. A block whose stored bytes equal its raw bytes is not compressed.
 */
#include "format/page.h"

#include "engine/base/alloc.h"
#include "engine/base/compress.h"

/* Values of the block that begins at `first`: as many as fit, at least one. */
static uint32_t block_end(const wendi_string *values, uint32_t first, uint32_t count, size_t room, size_t *raw_bytes)
{
    uint32_t end = first;
    size_t bytes = 0;
    do {
        bytes += values[end].length;
        end++;
    } while (end < count && bytes + values[end].length <= room);
    *raw_bytes = bytes;
    return end;
}

static uint32_t count_blocks(const wendi_string *values, uint32_t count, size_t room)
{
    uint32_t blocks = 0;
    size_t raw;
    for (uint32_t first = 0; first < count; first = block_end(values, first, count, room, &raw)) {
        blocks++;
    }
    return blocks;
}

static wend_status append_block(wendi_buffer *out, wendi_buffer *raw, int level, uint32_t *stored_bytes)
{
    wend_status status = WEND_OK;
    size_t bound = wendi_compress_bound(raw->length);
    size_t compressed = 0;
    *stored_bytes = (uint32_t)raw->length;
    WEND_TRY(wendi_buffer_reserve(out, bound > raw->length ? bound : raw->length));
    if (raw->length > 0) {
        WEND_TRY(wendi_compress(raw->data, raw->length, level, out->data + out->length, bound, &compressed));
    }
    if (compressed < raw->length) {
        *stored_bytes = (uint32_t)compressed;
        out->length += compressed;
    } else {
        WEND_TRY(wendi_buffer_append(out, raw->data, raw->length));
    }
cleanup:
    return status;
}

static wend_status append_blocks(wendi_page_encoder *encoder, const wendi_string *values, uint32_t count)
{
    wend_status status = WEND_OK;
    wendi_buffer raw = {0};
    size_t room = wendi_block_bytes(encoder->zstd_level);
    uint32_t blocks = count_blocks(values, count, room);
    WEND_TRY(wendi_buffer_u32(encoder->out, blocks));
    WEND_TRY(wendi_buffer_u32(encoder->out, 0));
    size_t index_at = encoder->out->length;
    WEND_TRY(wendi_buffer_append_zero(encoder->out, (size_t)blocks * 8));
    for (uint32_t first = 0; first < count; index_at += 8) {
        size_t raw_bytes;
        uint32_t stored;
        uint32_t end = block_end(values, first, count, room, &raw_bytes);
        raw.length = 0;
        WEND_TRY(wendi_buffer_reserve(&raw, raw_bytes));
        for (uint32_t i = first; i < end; i++) {
            WEND_TRY(wendi_buffer_append(&raw, values[i].data, values[i].length));
        }
        WEND_TRY(append_block(encoder->out, &raw, encoder->zstd_level, &stored));
        wendi_store_u32(encoder->out->data + index_at, first);
        wendi_store_u32(encoder->out->data + index_at + 4, stored);
        first = end;
    }
cleanup:
    wendi_buffer_free(&raw);
    return status;
}

wend_status wendi_page_encode_strings(wendi_page_encoder *encoder, wendi_page_rows rows, const wendi_string *values)
{
    wend_status status = WEND_OK;
    WEND_TRY(wendi_page_begin(encoder, rows));
    if (rows.value_count > 0) {
        for (uint32_t i = 0; i < rows.value_count; i++) {
            encoder->integers[i] = values[i].length;
        }
        WEND_TRY(wendi_page_stream(encoder, encoder->integers, rows.value_count));
        WEND_TRY(append_blocks(encoder, values, rows.value_count));
    }
    WEND_TRY(wendi_page_finish(encoder, rows, rows.value_count > 0 ? WENDI_LAYOUT_STRINGS : WENDI_LAYOUT_NULL, 0, false));
cleanup:
    return status;
}

static wend_status place_strings(wendi_page *page, wendi_arena *arena, const char **reason)
{
    size_t room = ((size_t)page->value_count + WENDI_VECTOR_ROWS) / WENDI_VECTOR_ROWS * WENDI_VECTOR_ROWS;
    uint32_t *lengths = wendi_arena_alloc(arena, room * sizeof *lengths);
    page->string_at = wendi_arena_alloc(arena, ((size_t)page->value_count + 1) * sizeof *page->string_at);
    if (lengths == NULL || page->string_at == NULL) {
        return WEND_NOMEM;
    }
    wendi_stream_decode(&page->streams[0], 0, page->value_count, lengths);
    uint64_t at = 0;
    for (uint32_t i = 0; i < page->value_count; i++) {
        page->string_at[i] = at;
        if (lengths[i] > WENDI_STRING_BYTES_MAX) {
            *reason = "string longer than can be";
            return WEND_CORRUPT;
        }
        at += lengths[i];
    }
    page->string_at[page->value_count] = at;
    return WEND_OK;
}

static uint64_t block_raw_bytes(const wendi_page *page, uint32_t block)
{
    uint32_t next = block + 1 < page->block_count ? page->blocks[block + 1].first_value : page->value_count;
    return page->string_at[next] - page->string_at[page->blocks[block].first_value];
}

static const char *read_blocks(wendi_page *page, wendi_reader *reader)
{
    for (uint32_t b = 0; b < page->block_count; b++) {
        wendi_string_block *block = &page->blocks[b];
        block->first_value = wendi_reader_u32(reader);
        block->stored_bytes = wendi_reader_u32(reader);
        block->decoded = false;
        bool rises = b == 0 ? block->first_value == 0 : block->first_value > page->blocks[b - 1].first_value;
        if (reader->failed || !rises || block->first_value >= page->value_count) {
            return "blocks of strings out of order";
        }
        block->raw_at = page->string_at[block->first_value];
    }
    for (uint32_t b = 0; b < page->block_count; b++) {
        wendi_string_block *block = &page->blocks[b];
        uint64_t raw = block_raw_bytes(page, b);
        block->stored = wendi_reader_bytes(reader, block->stored_bytes);
        if (reader->failed || block->stored_bytes > raw || raw > wendi_raw_bytes_max(block->stored_bytes)) {
            return "block of strings with impossible lengths";
        }
    }
    return NULL;
}

wend_status wendi_page_open_strings(wendi_page *page, wendi_reader *reader, wendi_arena *arena, const char **reason)
{
    wend_status status = WEND_OK;
    WEND_TRY(place_strings(page, arena, reason));
    page->block_count = wendi_reader_u32(reader);
    uint32_t zero = wendi_reader_u32(reader);
    if (reader->failed || zero != 0 || page->block_count == 0 || page->block_count > page->value_count) {
        *reason = "impossible number of string blocks";
        return WEND_CORRUPT;
    }
    page->blocks = wendi_arena_alloc(arena, (size_t)page->block_count * sizeof *page->blocks);
    if (page->blocks == NULL) {
        return WEND_NOMEM;
    }
    *reason = read_blocks(page, reader);
    if (*reason != NULL) {
        return WEND_CORRUPT;
    }
    page->string_bytes = wendi_arena_alloc(arena, page->string_at[page->value_count] + 64);
    status = page->string_bytes == NULL ? WEND_NOMEM : WEND_OK;
cleanup:
    return status;
}

static wend_status load_block(wendi_page *page, uint32_t index, const char **reason)
{
    wendi_string_block *block = &page->blocks[index];
    uint64_t raw = block_raw_bytes(page, index);
    char *to = page->string_bytes + block->raw_at;
    if (block->stored_bytes == raw) {
        memcpy(to, block->stored, raw);
    } else {
        wend_status status = wendi_decompress(block->stored, block->stored_bytes, to, raw);
        if (status != WEND_OK) {
            *reason = "block of strings does not decompress";
            return status;
        }
    }
    block->decoded = true;
    return WEND_OK;
}

wend_status wendi_page_load_strings(wendi_page *page, uint32_t first, uint32_t count, const char **reason)
{
    for (uint32_t b = 0; b < page->block_count; b++) {
        uint32_t next = b + 1 < page->block_count ? page->blocks[b + 1].first_value : page->value_count;
        if (page->blocks[b].decoded || next <= first || page->blocks[b].first_value >= first + count) {
            continue;
        }
        wend_status status = load_block(page, b, reason);
        if (status != WEND_OK) {
            return status;
        }
    }
    return WEND_OK;
}
