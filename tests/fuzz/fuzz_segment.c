/*
 * Hostile segments. The first byte says how: even, the bytes are read as they are; odd, every
 * checksum that the bytes give a place to is made right first, so that what is behind them is reached.
 * Whatever comes, opening, reading, runs and verify give a status or rows.
 */
#include <stdlib.h>

#include "engine/base/hash.h"
#include "format/dictionary_layout.h"
#include "format/footer.h"
#include "format/magic.h"
#include "tests/support/segment_fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct repair {
    uint8_t *file;
    uint64_t length;
    uint8_t uuid[16];
    uint64_t footer_offset;
} repair;

static bool inside(const repair *r, uint64_t offset, uint64_t length)
{
    return offset <= r->footer_offset && length <= r->footer_offset - offset;
}

static void repair_page(const repair *r, uint64_t offset, uint64_t length, uint32_t group, uint32_t column_id,
                        uint32_t page)
{
    wendi_place place = {.row_group = group, .column_id = column_id, .page = page};
    if (length >= WENDI_PAGE_HEADER_BYTES && inside(r, offset, length)) {
        memcpy(place.uuid, r->uuid, 16);
        wendi_store_u64(r->file + offset,
                        wendi_hash64_seed(r->file + offset + 8, length - 8, wendi_place_seed(&place)));
    }
}

static void repair_dictionary(const repair *r, uint64_t offset, uint64_t length, uint32_t group, uint32_t column_id)
{
    wendi_place place = {.row_group = group, .column_id = column_id};
    memcpy(place.uuid, r->uuid, 16);
    if (length < WENDI_DICTIONARY_HEADER_BYTES || !inside(r, offset, length)) {
        return;
    }
    uint8_t *header = r->file + offset;
    uint64_t blocks = wendi_load_u32(header + 12);
    uint64_t at = WENDI_DICTIONARY_HEADER_BYTES + blocks * WENDI_DICTIONARY_INDEX_BYTES;
    if (at > length) {
        return;
    }
    uint64_t index_end = at;
    for (uint32_t b = 0; b < blocks; b++) {
        uint8_t *entry = header + WENDI_DICTIONARY_HEADER_BYTES + (size_t)b * WENDI_DICTIONARY_INDEX_BYTES;
        uint64_t stored = wendi_load_u32(entry + 4);
        if (stored > length - at) {
            break;
        }
        place.page = WENDI_PLACE_DICTIONARY + 1 + b;
        wendi_store_u64(entry + 16, wendi_hash64_seed(header + at, stored, wendi_place_seed(&place)));
        at += stored;
    }
    place.page = WENDI_PLACE_DICTIONARY;
    wendi_store_u64(header, wendi_hash64_seed(header + 8, index_end - 8, wendi_place_seed(&place)));
}

static void repair_row_group(const repair *r, uint8_t *footer, uint8_t *entry, const uint8_t *chunks, uint32_t group)
{
    uint32_t columns = wendi_load_u32(footer + 12);
    uint64_t index = wendi_load_u64(entry);
    uint64_t index_bytes = wendi_load_u32(entry + 8);
    uint64_t pages = ((uint64_t)wendi_load_u32(entry + 12) + WENDI_PAGE_ROWS - 1) / WENDI_PAGE_ROWS;
    if (!inside(r, index, index_bytes) || pages * columns * WENDI_PAGE_ENTRY_BYTES > index_bytes) {
        return;
    }
    for (uint32_t c = 0; c < columns; c++) {
        const uint8_t *chunk = chunks + (size_t)c * WENDI_FOOTER_CHUNK_BYTES;
        uint32_t id = wendi_load_u32(footer + WENDI_FOOTER_HEADER_BYTES + (size_t)c * WENDI_FOOTER_COLUMN_BYTES);
        for (uint32_t p = 0; p < pages; p++) {
            const uint8_t *page = r->file + index + (c * pages + p) * WENDI_PAGE_ENTRY_BYTES;
            repair_page(r, wendi_load_u64(page), wendi_load_u32(page + 8), group, id, p);
        }
        repair_dictionary(r, wendi_load_u64(chunk) + wendi_load_u64(chunk + 8), wendi_load_u64(chunk + 16), group, id);
    }
    wendi_store_u64(entry + 16, wendi_hash64_seed(r->file + index, index_bytes, wendi_index_seed(r->uuid, group)));
}

/* Make all checksums hold, from the pages up to the trailer. */
static void repair_file(uint8_t *file, uint64_t length)
{
    repair r = {.file = file, .length = length};
    uint8_t *trailer = file + length - WENDI_TRAILER_BYTES;
    uint64_t footer_bytes = wendi_load_u32(trailer + 8);
    r.footer_offset = wendi_load_u64(trailer);
    memcpy(r.uuid, trailer + 32, 16);
    if (r.footer_offset <= length - WENDI_TRAILER_BYTES && footer_bytes >= WENDI_FOOTER_HEADER_BYTES &&
        footer_bytes <= length - WENDI_TRAILER_BYTES - r.footer_offset) {
        uint8_t *footer = file + r.footer_offset;
        uint64_t columns = wendi_load_u32(footer + 12);
        uint64_t groups = wendi_load_u32(footer + 16);
        uint64_t chunks_at = WENDI_FOOTER_HEADER_BYTES + columns * WENDI_FOOTER_COLUMN_BYTES +
                             groups * WENDI_FOOTER_ROW_GROUP_BYTES;
        if (columns < 1000 && groups < 1000 &&
            chunks_at + columns * groups * WENDI_FOOTER_CHUNK_BYTES <= footer_bytes) {
            for (uint32_t g = 0; g < groups; g++) {
                uint8_t *entry = footer + WENDI_FOOTER_HEADER_BYTES + columns * WENDI_FOOTER_COLUMN_BYTES +
                                 (size_t)g * WENDI_FOOTER_ROW_GROUP_BYTES;
                repair_row_group(&r, footer, entry, footer + chunks_at + g * columns * WENDI_FOOTER_CHUNK_BYTES, g);
            }
        }
        wendi_store_u64(trailer + 16, wendi_hash64_seed(footer, footer_bytes, wendi_footer_seed(r.uuid)));
    }
    wendi_store_u64(trailer + 24, length);
    wendi_store_u64(trailer + 48, wendi_hash64(trailer, 48));
    memcpy(trailer + 56, WENDI_TRAILER_MAGIC, 8);
    wendi_store_u64(file + 56, wendi_hash64(file, 56));
}

/* Take a value of every row, so that what was decoded is really there. */
static void touch(const wendi_vector *vector)
{
    volatile uint64_t sum = 0;
    for (uint32_t i = 0; i < vector->row_count; i++) {
        if (wendi_type_physical(vector->type) == WENDI_PHYSICAL_STRING) {
            wendi_string text = wendi_vector_string(vector, i);
            sum = sum + (text.length > 0 ? (uint8_t)text.data[text.length - 1] : 0);
        } else {
            sum = sum + (uint64_t)vector->i64[wendi_vector_index(vector, i)];
        }
        sum = sum + wendi_vector_is_null(vector, i);
    }
}

static void read_chunk(wendi_segment *segment, uint32_t group, uint32_t column)
{
    wendi_chunk *chunk;
    uint32_t rows = wendi_segment_row_group(segment, group)->row_count;
    if (wendi_chunk_open(segment, group, column, &chunk, NULL) != WEND_OK) {
        return;
    }
    for (uint32_t first = 0; first < rows; first += 4096) {
        wendi_vector vector;
        wendi_zone zone;
        uint32_t count = rows - first < 4096 ? rows - first : 4096;
        wendi_chunk_page_zone(chunk, first / WENDI_PAGE_ROWS, &zone);
        if (wendi_chunk_read(chunk, first, count, &vector, NULL) != WEND_OK) {
            break; /* Rows cost nothing to claim: do not go on for a million of them. */
        }
        touch(&vector);
        (void)wendi_chunk_vector_zone(chunk, first, &zone, NULL);
    }
    wendi_chunk_close(chunk);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    segment_bytes file = {.read_calls = 0};
    wendi_segment *segment;
    wendi_segment_verified verified;
    size_t length = size > 0 ? (size - 1) / WENDI_FILE_ALIGNMENT * WENDI_FILE_ALIGNMENT : 0;
    if (length == 0 || length > 1 << 20 || wendi_buffer_append(&file.bytes, data + 1, length) != WEND_OK) {
        return 0;
    }
    if (data[0] % 2 == 1) {
        repair_file(file.bytes.data, length);
    }
    wendi_segment_source source = segment_bytes_source(&file);
    if (wendi_segment_open(&source, NULL, &segment, NULL) == WEND_OK) {
        const uint64_t *hashes;
        for (uint32_t g = 0; g < wendi_segment_row_group_count(segment) && g < 4; g++) {
            for (uint32_t c = 0; c < wendi_segment_column_count(segment); c++) {
                wendi_zone zone;
                wendi_segment_zone(segment, c, &zone);
                read_chunk(segment, g, c);
            }
            (void)wendi_segment_user_hashes(segment, g, &hashes, NULL);
        }
        wendi_segment_close(segment);
    }
    (void)wendi_segment_verify(&source, NULL, NULL, NULL, &verified, NULL);
    wendi_buffer_free(&file.bytes);
    return 0;
}
