/*
 * Reading a chunk: pages are read ahead in a window of some 256 KiB, opened one at a time, and decoded
 * vector by vector into the chunk's own buffers. Forms: see wendi_chunk_read().
 */
#include "format/segment.h"

#include "engine/base/alloc.h"

enum { WINDOW_BYTES = 256 * 1024 };

wend_status wendi_chunk_open(wendi_segment *segment, uint32_t row_group, uint32_t column, wendi_chunk **chunk_out,
                             wend_error *error)
{
    const wendi_page_entry *pages;
    *chunk_out = NULL;
    wend_status status = wendi_segment_pages(segment, row_group, &pages, error);
    if (status != WEND_OK) {
        return status;
    }
    wendi_chunk *chunk = wendi_alloc_zero(1, sizeof *chunk);
    if (chunk == NULL) {
        return wendi_fail_nomem(error, "a column chunk", sizeof *chunk);
    }
    chunk->segment = segment;
    chunk->row_group = row_group;
    chunk->column = column;
    chunk->entry = wendi_segment_chunk(segment, row_group, column);
    chunk->row_count = segment->footer.row_groups[row_group].info.row_count;
    chunk->pages = pages + (size_t)column * wendi_pages_of(chunk->row_count);
    chunk->page_number = WENDI_PLACE_NONE;
    wendi_arena_init(&chunk->page_arena, 4096);
    *chunk_out = chunk;
    return WEND_OK;
}

void wendi_chunk_close(wendi_chunk *chunk)
{
    if (chunk == NULL) {
        return;
    }
    wendi_chunk_close_determinants(chunk);
    wendi_free(chunk->window);
    wendi_free(chunk->values);
    wendi_free(chunk->dense);
    wendi_free(chunk->more_dense);
    wendi_free(chunk->nulls);
    wendi_arena_free(&chunk->page_arena);
    wendi_free(chunk);
}

wend_status wendi_chunk_damage(const wendi_chunk *chunk, const char *reason, wend_error *error)
{
    return wendi_segment_damage(chunk->segment, WEND_CORRUPT, chunk->row_group, chunk->column, chunk->page_number,
                                chunk->pages[chunk->page_number].offset, reason, error);
}

uint32_t wendi_chunk_page_rows(const wendi_chunk *chunk, uint32_t page)
{
    uint32_t left = chunk->row_count - page * WENDI_PAGE_ROWS;
    return left < WENDI_PAGE_ROWS ? left : WENDI_PAGE_ROWS;
}

void wendi_chunk_will_need(const wendi_chunk *chunk, bool dictionary)
{
    const wendi_segment *segment = chunk->segment;
    uint64_t begin = chunk->entry->offset;
    uint64_t length = chunk->entry->page_bytes;
    const wendi_row_group_state *state = &segment->row_groups[chunk->row_group];
    if (segment->will_need == NULL) {
        return;
    }
    if (wendi_kept_page_is(segment, chunk->row_group, chunk->column, 0)) {
        begin += length; /* the others of the chunk most probably are, too */
        length = 0;
    }
    if (dictionary && atomic_load_explicit(&state->dictionaries[chunk->column], memory_order_relaxed) == NULL) {
        length += chunk->entry->dictionary_bytes;
    }
    if (length > 0) {
        segment->will_need(segment->will_need_context, begin, length);
    }
}

/* Bring the page's bytes into the window, and the pages behind it while there is room. */
static wend_status fill_window(wendi_chunk *chunk, const wendi_page_entry *entry, wend_error *error)
{
    uint64_t end = chunk->entry->offset + chunk->entry->page_bytes;
    size_t length = entry->bytes > WINDOW_BYTES ? entry->bytes : WINDOW_BYTES;
    if (entry->offset >= chunk->window_offset &&
        entry->offset + entry->bytes <= chunk->window_offset + chunk->window_bytes) {
        return WEND_OK;
    }
    length = length < end - entry->offset ? length : (size_t)(end - entry->offset);
    chunk->window_bytes = 0;
    if (length > chunk->window_capacity) {
        wendi_free(chunk->window);
        chunk->window_capacity = 0;
        chunk->window = wendi_alloc_aligned(64, length + 64);
        if (chunk->window == NULL) {
            return wendi_fail_nomem(error, "a page", length);
        }
        chunk->window_capacity = length;
    }
    if (entry->offset + length < end && chunk->segment->will_need != NULL) { /* the next one, while this one is used */
        uint64_t next = end - entry->offset - length;
        chunk->segment->will_need(chunk->segment->will_need_context, entry->offset + length,
                                  next < WINDOW_BYTES ? next : WINDOW_BYTES);
    }
    wend_status status =
        chunk->segment->source.read(chunk->segment->source.context, entry->offset, chunk->window, length, error);
    if (status == WEND_OK) {
        memset(chunk->window + length, 0, 64);
        chunk->window_offset = entry->offset;
        chunk->window_bytes = length;
    }
    return status;
}

bool wendi_page_checks_off;

/* The page's bytes, checked, in the window. Without `*reason` the failure is told already. */
static wend_status read_page(wendi_chunk *chunk, uint32_t page, const wendi_place *place, const uint8_t **bytes,
                             const char **reason, wend_error *error)
{
    const wendi_page_entry *entry = &chunk->pages[page];
    wend_status status = fill_window(chunk, entry, error);
    if (status != WEND_OK) {
        return status;
    }
    *bytes = chunk->window + (entry->offset - chunk->window_offset);
    *reason = wendi_page_checks_off ? NULL : wendi_page_check(*bytes, entry->bytes, place);
    if (*reason != NULL) {
        return WEND_CORRUPT;
    }
    wendi_kept_page_offer(chunk->segment, chunk->row_group, chunk->column, page, *bytes, entry->bytes);
    return WEND_OK;
}

static bool layout_fits(const wendi_chunk *chunk, uint8_t layout)
{
    wendi_type type = chunk->segment->footer.columns[chunk->column].type;
    const bool real = type.kind == WENDI_TYPE_REAL && (layout == WENDI_LAYOUT_DECIMAL || layout == WENDI_LAYOUT_FLOAT);
    if (layout != WENDI_LAYOUT_PREDICTED && chunk->page.real != real) {
        return false;
    }
    if (layout == WENDI_LAYOUT_PREDICTED) {
        bool codes = wendi_type_physical(type) == WENDI_PHYSICAL_STRING;
        return chunk->entry->prediction_bytes != 0 && chunk->column != chunk->segment->footer.user_column &&
               chunk->page.real == codes && codes == (chunk->entry->dictionary_entries != 0) &&
               wendi_type_physical(type) != WENDI_PHYSICAL_B16;
    }
    switch (wendi_type_physical(type)) {
    case WENDI_PHYSICAL_I64:
        return layout == WENDI_LAYOUT_INTEGER || layout == WENDI_LAYOUT_NULL;
    case WENDI_PHYSICAL_F64:
        return layout == WENDI_LAYOUT_DECIMAL || layout == WENDI_LAYOUT_NULL ||
               layout == (type.kind == WENDI_TYPE_REAL ? WENDI_LAYOUT_FLOAT : WENDI_LAYOUT_DOUBLE);
    case WENDI_PHYSICAL_B16:
        return layout == WENDI_LAYOUT_RAW16 || layout == WENDI_LAYOUT_SPLIT16 || layout == WENDI_LAYOUT_NULL ||
               (layout == WENDI_LAYOUT_UUID4 && type.kind == WENDI_TYPE_UUID);
    case WENDI_PHYSICAL_STRING:
        if (chunk->entry->dictionary_entries != 0) {
            return layout == WENDI_LAYOUT_CODES;
        }
        return layout == WENDI_LAYOUT_STRINGS || layout == WENDI_LAYOUT_NULL;
    }
    return false;
}

/* The page has nothing that came with a feature which the footer does not name. */
static bool features_fit(const wendi_chunk *chunk)
{
    const wendi_page *page = &chunk->page;
    uint64_t needed = page->layout == WENDI_LAYOUT_UUID4       ? WENDI_FEATURE_UUID4
                      : page->layout == WENDI_LAYOUT_PREDICTED ? WENDI_FEATURE_PREDICTED
                                                               : 0;
    needed |= page->streams[0].newer || page->streams[1].newer ? WENDI_FEATURE_PATCHED : 0;
    return (needed & ~chunk->segment->footer.features) == 0;
}

wend_status wendi_chunk_load_page(wendi_chunk *chunk, uint32_t page, wend_error *error)
{
    const wendi_page_entry *entry = &chunk->pages[page];
    const char *reason = NULL;
    if (chunk->page_number == page) {
        return WEND_OK;
    }
    chunk->page_number = WENDI_PLACE_NONE;
    wendi_arena_reset(&chunk->page_arena);
    wendi_place place = {.row_group = chunk->row_group, .column_id = chunk->segment->footer.columns[chunk->column].id,
                         .page = page};
    memcpy(place.uuid, chunk->segment->footer.uuid, 16);
    const uint8_t *bytes = wendi_kept_page_find(chunk->segment, chunk->row_group, chunk->column, page);
    wend_status status = WEND_OK;
    if (bytes == NULL) {
        status = read_page(chunk, page, &place, &bytes, &reason, error);
        if (status != WEND_OK && reason == NULL) {
            return status;
        }
    }
    if (status == WEND_OK) {
        status = wendi_page_open_checked(&chunk->page, bytes, entry->bytes, &place, wendi_chunk_page_rows(chunk, page),
                                         &chunk->page_arena, &reason);
    }
    if (status == WEND_OK && !layout_fits(chunk, chunk->page.layout)) {
        status = WEND_CORRUPT;
        reason = "page layout does not fit the column's type";
    }
    if (status == WEND_OK && !features_fit(chunk)) {
        status = WEND_CORRUPT;
        reason = "page of a feature that the footer does not name";
    }
    if (status != WEND_OK) {
        return wendi_segment_damage(chunk->segment, status, chunk->row_group, chunk->column, page, entry->offset,
                                    reason, error);
    }
    chunk->page_number = page;
    return WEND_OK;
}

wend_status wendi_chunk_reserve(wendi_chunk *chunk, uint32_t count, wend_error *error)
{
    size_t room = ((size_t)count + WENDI_VECTOR_ROWS - 1) / WENDI_VECTOR_ROWS * WENDI_VECTOR_ROWS;
    if (room <= chunk->room) {
        return WEND_OK;
    }
    wendi_free(chunk->values);
    wendi_free(chunk->dense);
    wendi_free(chunk->more_dense);
    wendi_free(chunk->nulls);
    chunk->room = 0;
    chunk->values = wendi_alloc_aligned(64, room * sizeof(wendi_string) + 64);
    chunk->dense = wendi_alloc_aligned(64, (room + 2 * WENDI_VECTOR_ROWS) * sizeof *chunk->dense + 64);
    chunk->more_dense = wendi_alloc_aligned(64, (room + 2 * WENDI_VECTOR_ROWS) * sizeof *chunk->more_dense + 64);
    chunk->nulls = wendi_alloc_aligned(64, room + 64);
    if (chunk->values == NULL || chunk->dense == NULL || chunk->more_dense == NULL || chunk->nulls == NULL) {
        return wendi_fail_nomem(error, "the values of a page", room * 33);
    }
    chunk->room = (uint32_t)room;
    return WEND_OK;
}

bool wendi_chunk_has_dictionary(const wendi_chunk *chunk)
{
    return chunk->entry->dictionary_entries != 0;
}

wend_status wendi_chunk_dictionary(wendi_chunk *chunk, wendi_dictionary **dictionary_out, wend_error *error)
{
    wend_status status = WEND_OK;
    if (chunk->dictionary == NULL) {
        status = wendi_segment_dictionary(chunk->segment, chunk->row_group, chunk->column, &chunk->dictionary, error);
    }
    *dictionary_out = chunk->dictionary;
    return status;
}

bool wendi_chunk_codes_hold(const wendi_chunk *chunk, const uint32_t *codes, uint32_t count)
{
    return wendi_kernels_get()->max_u32(codes, count) < chunk->entry->dictionary_entries;
}
