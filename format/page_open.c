/*
 * Opening a page: checksum first, then the header against its place, then every structure that
 * decoding relies on.
 */
#include "format/page.h"

#include "engine/base/hash.h"

const char *wendi_page_check(const uint8_t *bytes, size_t length, const wendi_place *place)
{
    if (length < WENDI_PAGE_HEADER_BYTES || length % WENDI_PAGE_ALIGNMENT != 0) {
        return "page of impossible length";
    }
    if (wendi_load_u64(bytes) != wendi_hash64_seed(bytes + 8, length - 8, wendi_place_seed(place))) {
        return "checksum does not match";
    }
    return NULL;
}

static const char *read_header(wendi_page *page, const uint8_t *bytes, size_t length, const wendi_place *place,
                               uint32_t row_count, size_t *payload_bytes)
{
    *payload_bytes = wendi_load_u32(bytes + 8);
    page->row_count = wendi_load_u32(bytes + 12);
    page->value_count = wendi_load_u32(bytes + 16);
    page->layout = bytes[20];
    page->null_form = bytes[21];
    page->exponent = bytes[22];
    page->real = bytes[23] != 0;
    if (wendi_load_u32(bytes + 24) != place->column_id || wendi_load_u32(bytes + 28) != place->row_group ||
        wendi_load_u32(bytes + 32) != place->page) {
        return "page belongs elsewhere";
    }
    for (size_t i = 36; i < WENDI_PAGE_HEADER_BYTES; i++) {
        if (bytes[i] != 0) {
            return "reserved bytes of a page header are not zero";
        }
    }
    if (*payload_bytes > length - WENDI_PAGE_HEADER_BYTES ||
        length - WENDI_PAGE_HEADER_BYTES - *payload_bytes >= WENDI_PAGE_ALIGNMENT) {
        return "payload does not fit the page";
    }
    for (size_t i = WENDI_PAGE_HEADER_BYTES + *payload_bytes; i < length; i++) {
        if (bytes[i] != 0) {
            return "padding of a page is not zero";
        }
    }
    if (page->row_count != row_count || page->value_count > page->row_count || bytes[23] > 1 || page->exponent > 15 ||
        page->layout >= WENDI_LAYOUT_COUNT || (page->exponent != 0 && page->layout != WENDI_LAYOUT_DECIMAL)) {
        return "page header does not fit its index";
    }
    return NULL;
}

/* Count the values before each vector of rows, which also checks the bitmap. */
static const char *read_nulls(wendi_page *page, wendi_reader *reader)
{
    uint32_t vectors = (page->row_count + WENDI_VECTOR_ROWS - 1) / WENDI_VECTOR_ROWS;
    if (page->null_form != WENDI_NULLS_BITMAP) {
        uint32_t values = page->null_form == WENDI_NULLS_NONE ? page->row_count : 0;
        bool known = page->null_form == WENDI_NULLS_NONE || page->null_form == WENDI_NULLS_ALL;
        return known && values == page->value_count ? NULL : "null count does not fit the page";
    }
    size_t bytes = ((size_t)page->row_count + 63) / 64 * 8;
    page->null_bitmap = wendi_reader_bytes(reader, bytes);
    if (page->null_bitmap == NULL) {
        return "null bitmap cut short";
    }
    uint32_t values = 0;
    for (uint32_t v = 0; v < vectors; v++) {
        uint32_t rows = page->row_count - v * WENDI_VECTOR_ROWS;
        size_t end = (size_t)v * 128 + 128 < bytes ? (size_t)v * 128 + 128 : bytes;
        uint32_t nulls = 0;
        for (size_t i = (size_t)v * 128; i < end; i += 8) {
            nulls += (uint32_t)__builtin_popcountll(wendi_load_u64(page->null_bitmap + i));
        }
        rows = rows < WENDI_VECTOR_ROWS ? rows : WENDI_VECTOR_ROWS;
        if (nulls > rows) {
            return "null bitmap reaches beyond the rows";
        }
        page->value_at[v] = values;
        values += rows - nulls;
    }
    page->value_at[vectors] = values;
    for (uint32_t row = page->row_count; row < bytes * 8; row++) {
        if (page->null_bitmap[row / 8] >> (row % 8) & 1) {
            return "null bitmap reaches beyond the rows";
        }
    }
    return values == page->value_count && values != 0 && values != page->row_count ? NULL
                                                                                  : "null count does not fit the page";
}

static const char *read_exceptions(wendi_page *page, wendi_reader *reader)
{
    page->exception_count = wendi_reader_u32(reader);
    uint32_t zero = wendi_reader_u32(reader);
    if (reader->failed || zero != 0 || page->exception_count > page->value_count) {
        return "impossible number of exceptions";
    }
    size_t positions_bytes = ((size_t)page->exception_count * 2 + 7) / 8 * 8;
    page->exception_positions = wendi_reader_bytes(reader, positions_bytes);
    page->exception_values = wendi_reader_bytes(reader, (size_t)page->exception_count * 8);
    if (reader->failed) {
        return "exceptions cut short";
    }
    uint32_t least = 0;
    for (uint32_t i = 0; i < page->exception_count; i++) {
        uint32_t position = wendi_load_u16(page->exception_positions + (size_t)i * 2);
        if (position < least || position >= page->value_count) {
            return "positions of exceptions do not rise within the page";
        }
        least = position + 1;
    }
    for (size_t i = (size_t)page->exception_count * 2; i < positions_bytes; i++) {
        if (page->exception_positions[i] != 0) {
            return "padding of positions of exceptions is not zero";
        }
    }
    return NULL;
}

static wend_status open_layout(wendi_page *page, wendi_reader *reader, wendi_arena *arena, const char **reason)
{
    wend_status status = WEND_OK;
    bool narrow = page->layout == WENDI_LAYOUT_CODES || page->layout == WENDI_LAYOUT_STRINGS ||
                  (page->layout == WENDI_LAYOUT_PREDICTED && page->real);
    uint8_t lane = narrow ? 4 : 8;
    if ((page->layout == WENDI_LAYOUT_NULL) != (page->value_count == 0)) {
        *reason = "layout does not fit the nulls";
        return WEND_CORRUPT;
    }
    if ((page->layout == WENDI_LAYOUT_CODES || page->layout == WENDI_LAYOUT_PREDICTED) &&
        page->null_form != WENDI_NULLS_NONE) {
        *reason = "codes with a null bitmap";
        return WEND_CORRUPT;
    }
    if (page->layout == WENDI_LAYOUT_RAW16) {
        page->raw = wendi_reader_bytes(reader, (size_t)page->value_count * 16);
    } else if (page->layout != WENDI_LAYOUT_NULL) {
        WEND_TRY(wendi_stream_open(&page->streams[0], reader, page->value_count, lane, false, arena, reason));
    }
    if (page->layout == WENDI_LAYOUT_SPLIT16 || page->layout == WENDI_LAYOUT_UUID4) {
        WEND_TRY(wendi_stream_open(&page->streams[1], reader, page->value_count, lane, false, arena, reason));
    } else if (page->layout == WENDI_LAYOUT_STRINGS) {
        WEND_TRY(wendi_page_open_strings(page, reader, arena, reason));
    } else if (page->layout == WENDI_LAYOUT_DECIMAL) {
        *reason = read_exceptions(page, reader);
    }
    if (*reason == NULL && (reader->failed || wendi_reader_left(reader) != 0)) {
        *reason = "page payload of the wrong length";
    }
    status = *reason == NULL ? WEND_OK : WEND_CORRUPT;
cleanup:
    return status;
}

wend_status wendi_page_open(wendi_page *page, const uint8_t *bytes, size_t length, const wendi_place *place,
                            uint32_t row_count, wendi_arena *arena, const char **reason)
{
    *reason = wendi_page_check(bytes, length, place);
    return *reason != NULL ? WEND_CORRUPT
                           : wendi_page_open_checked(page, bytes, length, place, row_count, arena, reason);
}

wend_status wendi_page_open_checked(wendi_page *page, const uint8_t *bytes, size_t length, const wendi_place *place,
                                    uint32_t row_count, wendi_arena *arena, const char **reason)
{
    size_t payload_bytes = 0;
    memset(page, 0, sizeof *page);
    *reason = read_header(page, bytes, length, place, row_count, &payload_bytes);
    if (*reason != NULL) {
        return WEND_CORRUPT;
    }
    wendi_reader reader = wendi_reader_of(bytes + WENDI_PAGE_HEADER_BYTES, payload_bytes);
    *reason = read_nulls(page, &reader);
    if (*reason != NULL) {
        return WEND_CORRUPT;
    }
    return open_layout(page, &reader, arena, reason);
}
