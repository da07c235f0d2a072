/*
 * Hostile segments. The first byte says how: even, the bytes are read as they are; odd, every
 * checksum that the bytes give a place to is made right first, so that what is behind them is
 * reached. Whatever comes, opening, reading, runs, lookups and verify give a status or rows. What
 * reads without a fault reads twice the same, and what is looked up in a part of a dictionary is
 * what all of it has.
 */
#include <stdlib.h>

#include "engine/base/hash.h"
#include "format/segment.h"
#include "tests/support/fuzz_repair.h"
#include "tests/support/heap_bound.h"
#include "tests/support/segment_fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);

enum { GROUPS = 4, STEP = 4096, LOOKUPS = 5, INPUT_MAX = 1 << 20 };

/* Take a value of every row, so that what was decoded is really there. */
static uint64_t touch(const wendi_vector *vector, uint64_t sum)
{
    for (uint32_t i = 0; i < vector->row_count; i++) {
        if (wendi_type_physical(vector->type) == WENDI_PHYSICAL_STRING) {
            wendi_string text = wendi_vector_string(vector, i);
            sum = sum * 31 + (text.length > 0 ? (uint8_t)text.data[text.length - 1] : 0) +
                  text.length;
        } else if (wendi_type_physical(vector->type) == WENDI_PHYSICAL_B16) {
            const wendi_b16 *value = &vector->b16[wendi_vector_index(vector, i)];
            sum = sum * 31 + value->word[0] + value->word[1];
        } else {
            sum = sum * 31 + (uint64_t)vector->i64[wendi_vector_index(vector, i)];
        }
        sum = sum * 31 + wendi_vector_is_null(vector, i);
    }
    return sum;
}

/* Rows of the chunk, some thousands at a time; false at the first fault. */
static bool read_chunk(wendi_segment *segment, uint32_t group, uint32_t column, uint64_t *sum)
{
    wendi_chunk *chunk;
    uint32_t rows = wendi_segment_row_group(segment, group)->row_count;
    bool whole = true;
    if (wendi_chunk_open(segment, group, column, &chunk, NULL) != WEND_OK) {
        return false;
    }
    for (uint32_t first = 0; first < rows && whole; first += STEP) {
        wendi_vector vector;
        wendi_zone zone;
        uint32_t count = rows - first < STEP ? rows - first : STEP;
        wendi_chunk_page_zone(chunk, first / WENDI_PAGE_ROWS, &zone);
        whole = wendi_chunk_read(chunk, first, count, &vector, NULL) == WEND_OK;
        if (whole) { /* Rows cost nothing to claim: do not go on for a million of them. */
            *sum = touch(&vector, *sum);
            (void)wendi_chunk_vector_zone(chunk, first, &zone, NULL);
        }
    }
    wendi_chunk_close(chunk);
    return whole;
}

/* Strings of a few codes before the whole dictionary is loaded, and searches for them, against the
 * whole. */
static void look_up(wendi_segment *segment, uint32_t group, uint32_t column)
{
    wendi_chunk *chunk;
    wendi_dictionary *whole;
    uint32_t codes[LOOKUPS];
    uint32_t found[LOOKUPS];
    wendi_string strings[LOOKUPS];
    if (wendi_chunk_open(segment, group, column, &chunk, NULL) != WEND_OK) {
        return;
    }
    uint32_t entries = wendi_segment_chunk(segment, group, column)->dictionary_entries;
    for (uint32_t i = 0; i < LOOKUPS && entries > 0; i++) {
        codes[i] = (uint32_t)((uint64_t)i * (entries - 1) / (LOOKUPS - 1));
    }
    wendi_chunk_will_need(chunk, true);
    bool known = wendi_chunk_has_dictionary(chunk) && wendi_chunk_find_is_cheap(chunk) &&
                 wendi_chunk_strings(chunk, codes, NULL, LOOKUPS, strings, NULL) == WEND_OK;
    for (uint32_t i = 0; i < LOOKUPS && known; i++) {
        known =
            wendi_chunk_find(chunk, strings[i], &found[i], NULL) == WEND_OK && found[i] < entries;
    }
    if (known && wendi_chunk_dictionary(chunk, &whole, NULL) == WEND_OK) {
        for (uint32_t i = 0; i < LOOKUPS; i++) {
            if (codes[i] != 0 &&
                (!wendi_string_equal(strings[i], wendi_dictionary_at(whole, codes[i])) ||
                 (whole->ordered && found[i] != codes[i]))) {
                abort();
            }
        }
    }
    wendi_chunk_close(chunk);
}

/* The rows of the row group's first and last user that its zone map knows, and of one that hardly
 * is there. */
static void find_users(wendi_segment *segment, uint32_t group)
{
    uint32_t column = wendi_segment_user_column(segment);
    uint32_t rows = wendi_segment_row_group(segment, group)->row_count;
    wendi_zone zone;
    if (column == WENDI_NO_COLUMN) {
        return;
    }
    wendi_row_group_zone(segment, group, column, &zone);
    const wendi_value other = {.type = wendi_segment_column_at(segment, column)->type,
                               .string = {"u", 1}};
    const wendi_value *users[] = {&zone.min, &zone.max, &other};
    for (int i = zone.has_min_max ? 0 : 2; i < 3; i++) {
        uint32_t begin;
        uint32_t end;
        bool exact;
        if (wendi_segment_find_user(segment, group, users[i], &begin, &end, &exact, NULL) ==
                WEND_OK &&
            (begin > end || end > rows)) {
            abort();
        }
    }
}

static void read_segment(wendi_segment *segment)
{
    const uint64_t *hashes;
    for (uint32_t g = 0; g < wendi_segment_row_group_count(segment) && g < GROUPS; g++) {
        for (uint32_t c = 0; c < wendi_segment_column_count(segment); c++) {
            wendi_zone zone;
            uint64_t first = 0;
            uint64_t second = 0;
            wendi_segment_zone(segment, c, &zone);
            look_up(segment, g, c);
            if (read_chunk(segment, g, c, &first) &&
                (!read_chunk(segment, g, c, &second) || first != second)) {
                abort();
            }
        }
        find_users(segment, g);
        (void)wendi_segment_user_hashes(segment, g, &hashes, NULL);
        find_users(segment, g);
    }
}

/* Grants everything: pages are kept when they are read again. */
static bool hold(void *context, uint64_t bytes, bool needed)
{
    (void)needed;
    *(uint64_t *)context += bytes;
    return true;
}

/* Nothing is fetched ahead, but what would be must lie within the file. */
static void will_need(void *context, uint64_t offset, uint64_t length)
{
    uint64_t file_bytes = *(uint64_t *)context;
    if (offset > file_bytes || length > file_bytes - offset) {
        abort();
    }
}

static void read_file(const wendi_segment_source *source)
{
    wendi_segment *segment;
    wendi_segment_verified verified;
    uint64_t held = 0;
    uint64_t length = source->length;
    if (wendi_segment_open(source, NULL, &segment, NULL) == WEND_OK) {
        wendi_segment_count_memory(segment, &held, hold);
        wendi_segment_read_ahead(segment, &length, will_need);
        read_segment(segment);
        if (held != wendi_segment_memory(segment) ||
            wendi_segment_trim(segment, UINT32_MAX) > held) {
            abort();
        }
        wendi_segment_close(segment);
    }
    (void)wendi_segment_verify(source, NULL, NULL, NULL, &verified, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    segment_bytes file = {.read_calls = 0};
    size_t length = size > 0 ? (size - 1) / WENDI_FILE_ALIGNMENT * WENDI_FILE_ALIGNMENT : 0;
    if (length == 0 || length > INPUT_MAX ||
        wendi_buffer_append(&file.bytes, data + 1, length) != WEND_OK) {
        return 0;
    }
    if (data[0] % 2 == 1) {
        repair_segment(file.bytes.data, length);
    }
    wendi_segment_source source = segment_bytes_source(&file);
    heap_bound_begin(heap_bound_of(length));
    read_file(&source);
    (void)heap_bound_end();
    wendi_buffer_free(&file.bytes);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
    return mutate_segment(data, size, max_size, seed);
}
