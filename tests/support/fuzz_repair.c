/* Making hostile bytes hold together where it does not matter; see fuzz_repair.h. */
#include "tests/support/fuzz_repair.h"

#include "engine/base/hash.h"
#include "format/dictionary_layout.h"
#include "format/footer.h"
#include "format/magic.h"
#include "format/prediction.h"

void repair_page(uint8_t *bytes, size_t length, const wendi_place *place)
{
    wendi_store_u32(bytes + 24, place->column_id);
    wendi_store_u32(bytes + 28, place->row_group);
    wendi_store_u32(bytes + 32, place->page);
    wendi_store_u64(bytes, wendi_hash64_seed(bytes + 8, length - 8, wendi_place_seed(place)));
}

void repair_dictionary(uint8_t *bytes, size_t length, wendi_place place)
{
    if (length < WENDI_DICTIONARY_HEADER_BYTES) {
        return;
    }
    uint64_t blocks = wendi_load_u32(bytes + 12);
    uint64_t at = WENDI_DICTIONARY_HEADER_BYTES + blocks * WENDI_DICTIONARY_INDEX_BYTES;
    uint64_t index_end = at;
    if (at > length) {
        return;
    }
    for (uint32_t b = 0; b < blocks; b++) {
        uint8_t *entry =
            bytes + WENDI_DICTIONARY_HEADER_BYTES + (size_t)b * WENDI_DICTIONARY_INDEX_BYTES;
        uint64_t stored = wendi_load_u32(entry + 4);
        if (stored > length - at) {
            break;
        }
        place.page = WENDI_PLACE_DICTIONARY + 1 + b;
        wendi_store_u64(entry + 16,
                        wendi_hash64_seed(bytes + at, stored, wendi_place_seed(&place)));
        at += stored;
    }
    place.page = WENDI_PLACE_DICTIONARY;
    wendi_store_u32(bytes + 24, place.column_id);
    wendi_store_u32(bytes + 28, place.row_group);
    wendi_store_u64(bytes, wendi_hash64_seed(bytes + 8, index_end - 8, wendi_place_seed(&place)));
}

void repair_prediction(uint8_t *bytes, size_t length, wendi_place place)
{
    if (length < WENDI_PREDICTION_HEADER_BYTES) {
        return;
    }
    place.page = WENDI_PLACE_PREDICTION;
    wendi_store_u32(bytes + 8, place.column_id);
    wendi_store_u32(bytes + 12, place.row_group);
    wendi_store_u64(bytes, wendi_hash64_seed(bytes + 8, length - 8, wendi_place_seed(&place)));
}

/* ---- segments ---- */

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

static void repair_chunk(const repair *r, const uint8_t *chunk, const uint8_t *entries,
                         uint64_t pages, wendi_place place)
{
    uint64_t dictionary = wendi_load_u64(chunk) + wendi_load_u64(chunk + 8);
    uint64_t dictionary_bytes = wendi_load_u64(chunk + 16);
    uint64_t prediction_bytes = wendi_load_u32(chunk + 52);
    for (uint32_t p = 0; p < pages; p++) {
        uint64_t offset = wendi_load_u64(entries + (size_t)p * WENDI_PAGE_ENTRY_BYTES);
        uint64_t bytes = wendi_load_u32(entries + (size_t)p * WENDI_PAGE_ENTRY_BYTES + 8);
        place.page = p;
        if (bytes >= WENDI_PAGE_HEADER_BYTES && inside(r, offset, bytes)) {
            repair_page(r->file + offset, bytes, &place);
        }
    }
    if (dictionary_bytes > 0 && inside(r, dictionary, dictionary_bytes)) {
        repair_dictionary(r->file + dictionary, dictionary_bytes, place);
    }
    if (prediction_bytes > 0 && inside(r, dictionary, dictionary_bytes) &&
        inside(r, dictionary + dictionary_bytes, prediction_bytes)) {
        repair_prediction(r->file + dictionary + dictionary_bytes, prediction_bytes, place);
    }
}

static void repair_row_group(const repair *r, const uint8_t *footer, uint8_t *entry,
                             const uint8_t *chunks, uint32_t group)
{
    uint32_t columns = wendi_load_u32(footer + 12);
    uint64_t index = wendi_load_u64(entry);
    uint64_t index_bytes = wendi_load_u32(entry + 8);
    uint64_t pages = ((uint64_t)wendi_load_u32(entry + 12) + WENDI_PAGE_ROWS - 1) / WENDI_PAGE_ROWS;
    if (!inside(r, index, index_bytes) || pages * columns * WENDI_PAGE_ENTRY_BYTES > index_bytes) {
        return;
    }
    for (uint32_t c = 0; c < columns; c++) {
        wendi_place place = {.row_group = group};
        const uint8_t *column =
            footer + WENDI_FOOTER_HEADER_BYTES + (size_t)c * WENDI_FOOTER_COLUMN_BYTES;
        memcpy(place.uuid, r->uuid, 16);
        place.column_id = wendi_load_u32(column);
        repair_chunk(r, chunks + (size_t)c * WENDI_FOOTER_CHUNK_BYTES,
                     r->file + index + c * pages * WENDI_PAGE_ENTRY_BYTES, pages, place);
    }
    wendi_store_u64(entry + 16, wendi_hash64_seed(r->file + index, index_bytes,
                                                  wendi_index_seed(r->uuid, group)));
}

static void repair_row_groups(const repair *r, uint8_t *footer, uint64_t footer_bytes)
{
    uint64_t columns = wendi_load_u32(footer + 12);
    uint64_t groups = wendi_load_u32(footer + 16);
    uint64_t chunks_at = WENDI_FOOTER_HEADER_BYTES + columns * WENDI_FOOTER_COLUMN_BYTES +
                         groups * WENDI_FOOTER_ROW_GROUP_BYTES;
    if (columns >= 1000 || groups >= 1000 ||
        chunks_at + columns * groups * WENDI_FOOTER_CHUNK_BYTES > footer_bytes) {
        return;
    }
    for (uint32_t g = 0; g < groups; g++) {
        uint8_t *entry = footer + WENDI_FOOTER_HEADER_BYTES + columns * WENDI_FOOTER_COLUMN_BYTES +
                         (size_t)g * WENDI_FOOTER_ROW_GROUP_BYTES;
        repair_row_group(r, footer, entry,
                         footer + chunks_at + g * columns * WENDI_FOOTER_CHUNK_BYTES, g);
    }
}

void repair_segment(uint8_t *file, size_t length)
{
    repair r = {.file = file, .length = length};
    uint8_t *trailer = file + length - WENDI_TRAILER_BYTES;
    uint64_t footer_bytes = wendi_load_u32(trailer + 8);
    r.footer_offset = wendi_load_u64(trailer);
    memcpy(r.uuid, trailer + 32, 16);
    if (r.footer_offset <= length - WENDI_TRAILER_BYTES &&
        footer_bytes >= WENDI_FOOTER_HEADER_BYTES &&
        footer_bytes <= length - WENDI_TRAILER_BYTES - r.footer_offset) {
        uint8_t *footer = file + r.footer_offset;
        memcpy(footer + 96, r.uuid, 16);
        repair_row_groups(&r, footer, footer_bytes);
        wendi_store_u64(trailer + 16,
                        wendi_hash64_seed(footer, footer_bytes, wendi_footer_seed(r.uuid)));
        memcpy(file + 32, footer + 80, 16); /* features, in the header too */
    }
    wendi_store_u64(trailer + 24, length);
    wendi_store_u64(trailer + 48, wendi_hash64(trailer, 48));
    memcpy(trailer + 56, WENDI_TRAILER_MAGIC, 8);
    memcpy(file + 16, r.uuid, 16);
    wendi_store_u64(file + 56, wendi_hash64(file, 56));
}
