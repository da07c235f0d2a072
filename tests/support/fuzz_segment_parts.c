/*
 * The mutator of segments: changes one part of the file (a page, a dictionary, a prediction, an
 * index, the footer) and leaves the others, so that the file still hangs together.
 */
#include "engine/base/hash.h"
#include "format/footer.h"
#include "tests/support/fuzz_repair.h"

/** A part of the file to change. */
typedef struct part {
    uint64_t offset;
    uint64_t bytes;
    enum { PART_PAGE, PART_DICTIONARY, PART_PREDICTION, PART_PLAIN } kind;
    uint32_t entries; /* dictionaries */
    bool ordered;
} part;

static part part_of_chunk(const uint8_t *chunk, const uint8_t *entries, uint64_t pages,
                          uint32_t draw)
{
    uint64_t at = wendi_load_u64(chunk) + wendi_load_u64(chunk + 8);
    if (draw % 4 == 0 && wendi_load_u64(chunk + 16) > 0) {
        return (part){at, wendi_load_u64(chunk + 16), PART_DICTIONARY, wendi_load_u32(chunk + 24),
                      (wendi_load_u32(chunk + 32) & 8) != 0};
    }
    if (draw % 4 == 1 && wendi_load_u32(chunk + 52) > 0) {
        return (part){at + wendi_load_u64(chunk + 16), wendi_load_u32(chunk + 52), PART_PREDICTION,
                      0, false};
    }
    const uint8_t *entry = entries + (size_t)(draw / 4 % pages) * WENDI_PAGE_ENTRY_BYTES;
    return (part){wendi_load_u64(entry), wendi_load_u32(entry + 8), PART_PAGE, 0, false};
}

/* Some part of the file, by chance; false where the file says nothing that could be followed. */
static bool choose_part(const uint8_t *file, size_t length, uint32_t draw, part *to)
{
    const uint8_t *trailer = file + length - WENDI_TRAILER_BYTES;
    uint64_t footer_at = wendi_load_u64(trailer);
    uint64_t footer_bytes = wendi_load_u32(trailer + 8);
    if (footer_at > length - WENDI_TRAILER_BYTES ||
        footer_bytes > length - WENDI_TRAILER_BYTES - footer_at ||
        footer_bytes < WENDI_FOOTER_HEADER_BYTES) {
        return false;
    }
    const uint8_t *footer = file + footer_at;
    uint64_t columns = wendi_load_u32(footer + 12);
    uint64_t groups = wendi_load_u32(footer + 16);
    uint64_t groups_at = WENDI_FOOTER_HEADER_BYTES + columns * WENDI_FOOTER_COLUMN_BYTES;
    uint64_t chunks_at = groups_at + groups * WENDI_FOOTER_ROW_GROUP_BYTES;
    if (draw % 16 == 0 || columns == 0 || groups == 0 || columns > 999 || groups > 999 ||
        chunks_at + columns * groups * WENDI_FOOTER_CHUNK_BYTES > footer_bytes) {
        *to = (part){footer_at, footer_bytes, PART_PLAIN, 0, false};
        return true;
    }
    uint64_t g = draw / 16 % groups;
    uint64_t c = draw / 256 % columns;
    const uint8_t *group = footer + groups_at + g * WENDI_FOOTER_ROW_GROUP_BYTES;
    uint64_t index = wendi_load_u64(group);
    uint64_t index_bytes = wendi_load_u32(group + 8);
    uint64_t pages = ((uint64_t)wendi_load_u32(group + 12) + WENDI_PAGE_ROWS - 1) / WENDI_PAGE_ROWS;
    if (index > length || index_bytes > length - index || pages == 0 ||
        columns * pages * WENDI_PAGE_ENTRY_BYTES > index_bytes) {
        return false;
    }
    if (draw % 16 == 1) {
        *to = (part){index, index_bytes, PART_PLAIN, 0, false};
        return true;
    }
    *to = part_of_chunk(footer + chunks_at + (g * columns + c) * WENDI_FOOTER_CHUNK_BYTES,
                        file + index + c * pages * WENDI_PAGE_ENTRY_BYTES, pages, draw / 65536);
    return true;
}

static void mutate_part(uint8_t *file, const part *at, bool mend)
{
    uint8_t *bytes = file + at->offset;
    uint32_t rows = at->kind == PART_PAGE ? wendi_load_u32(bytes + 12) : 0;
    mutate_within(bytes, at->bytes);
    if (!mend) {
        return;
    }
    if (at->kind == PART_PAGE && at->bytes % 64 == 0) {
        wendi_store_u32(bytes + 12, rows - 1); /* mending makes it one more, below a page's most */
        mend_page(bytes, at->bytes);
    } else if (at->kind == PART_DICTIONARY) {
        mend_dictionary(bytes, at->bytes, at->entries, at->ordered);
    } else if (at->kind == PART_PREDICTION) {
        mend_prediction(bytes, at->bytes);
    }
}

size_t mutate_segment(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    size_t length = size > 0 ? (size - 1) / WENDI_FILE_ALIGNMENT * WENDI_FILE_ALIGNMENT : 0;
    uint32_t draw = (uint32_t)wendi_mix64(seed);
    part at;
    if (seed % 16 == 0 || length == 0 || !choose_part(data + 1, length, draw, &at) ||
        at.offset > length || at.bytes > length - at.offset || at.bytes < 64) {
        return mutate_any(data, size, max_size);
    }
    mutate_part(data + 1, &at, seed % 4 != 0);
    data[0] = (uint8_t)(data[0] | 1);
    return 1 + length;
}
