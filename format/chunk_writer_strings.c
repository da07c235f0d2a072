/*
 * Chunks of strings: codes into a dictionary of the strings that occur, or blocks of bytes where most rows have a
 * string of their own.
 *
 * Whatever form comes in becomes codes first: used entries are counted and renumbered without gaps, in
 * their order, or in that of their first rows where a code hardly comes back once another has begun: then
 * the codes are all but their own position and cost nothing. FLAT vectors are interned.
 */
#include "format/chunk_writer.h"

#include <stdlib.h>

#include "engine/base/alloc.h"
#include "engine/column/value.h"
#include "format/dictionary_store.h"

enum { APPEARANCE_ENTRIES_MIN = 1024 }; /* smaller dictionaries gain nothing from another order */

void wendi_coded_strings_free(wendi_coded_strings *strings)
{
    wendi_free(strings->kept);
    wendi_free(strings->remap);
    wendi_free(strings->own_codes);
    wendi_free(strings->own_stored);
    wendi_dictionary_release(strings->own_dictionary);
    *strings = (wendi_coded_strings){.codes = NULL};
}

/* Rows to codes; rows of the user column come in user order, so appearance is the order to keep. */
static wend_status intern(const wendi_vector *vector, bool keep_order, wendi_coded_strings *strings, wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_interner interner = {.entry_count = 0};
    uint32_t *remap = NULL;
    uint32_t count = strings->constant ? 1 : vector->row_count;
    strings->own_codes = wendi_alloc(((size_t)count + 1) * sizeof *strings->own_codes);
    if (strings->own_codes == NULL) {
        return WEND_NOMEM;
    }
    WEND_TRY(wendi_interner_reserve(&interner, 1024));
    for (uint32_t i = 0; i < count; i++) {
        strings->own_codes[i] = 0;
        if (!wendi_vector_is_null(vector, i)) {
            WEND_TRY(wendi_interner_code(&interner, wendi_vector_string(vector, i), &strings->own_codes[i]));
        }
    }
    if (keep_order) {
        WEND_TRY(wendi_interner_dictionary(&interner, &strings->own_dictionary));
    } else {
        remap = wendi_alloc(interner.entry_count * sizeof *remap);
        if (remap == NULL) {
            status = WEND_NOMEM;
            goto cleanup;
        }
        WEND_TRY(wendi_interner_ordered(&interner, NULL, remap, &strings->own_dictionary, error));
        for (uint32_t i = 0; i < count; i++) {
            strings->own_codes[i] = remap[strings->own_codes[i]];
        }
    }
    strings->codes = strings->own_codes;
    strings->dictionary = strings->own_dictionary;
cleanup:
    wendi_free(remap);
    wendi_interner_free(&interner);
    return status;
}

static bool all_marked(const uint32_t *marks, uint32_t entries)
{
    uint32_t marked = 0;
    for (uint32_t code = 1; code < entries; code++) {
        marked += marks[code];
    }
    return marked == entries - 1;
}

/* Mark the entries that occur; few have all occurred long before the last row. */
static void mark_few(const uint32_t *codes, uint32_t count, uint32_t entries, uint32_t *marks)
{
    for (uint32_t first = 0; first < count && !all_marked(marks, entries); first += WENDI_VECTOR_ROWS) {
        const uint32_t end = count - first < WENDI_VECTOR_ROWS ? count : first + WENDI_VECTOR_ROWS;
        for (uint32_t i = first; i < end; i++) {
            marks[codes[i]] = 1;
        }
    }
}

/* The same of many, and how many runs there are of rows that are not null. */
static uint32_t mark_many(const uint32_t *codes, uint32_t count, uint32_t *marks)
{
    uint32_t runs = 0;
    uint32_t before = 0;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t code = codes[i];
        runs += (uint32_t)(code != before) & (uint32_t)(code != 0);
        marks[code] = 1;
        before = code;
    }
    return runs;
}

/* Mark the entries that occur in remap; returns the runs, 0 where they do not matter. */
static uint32_t mark_entries(wendi_coded_strings *strings, uint32_t count)
{
    const uint32_t entries = strings->dictionary->entry_count;
    uint32_t runs = 0;
    memset(strings->remap, 0, (size_t)entries * sizeof *strings->remap);
    if (entries <= APPEARANCE_ENTRIES_MIN) {
        mark_few(strings->codes, count, entries, strings->remap);
    } else {
        runs = mark_many(strings->codes, count, strings->remap);
    }
    strings->remap[0] = 0;
    return runs;
}

/* Number the entries that are marked 1, 2, 3, ... in their order: remap[old] = new, kept[new - 1] = old. */
static void number_in_order(wendi_coded_strings *strings)
{
    const uint32_t entries = strings->dictionary->entry_count;
    uint32_t kept = 0;
    for (uint32_t code = 1; code < entries; code++) {
        strings->kept[kept] = code;
        kept += strings->remap[code];
        strings->remap[code] = strings->remap[code] != 0 ? kept : 0;
    }
    strings->kept_count = kept;
}

static void number_by_appearance(wendi_coded_strings *strings, uint32_t count)
{
    memset(strings->remap, 0, (size_t)strings->dictionary->entry_count * sizeof *strings->remap);
    strings->kept_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t code = strings->codes[i];
        if (code != 0 && strings->remap[code] == 0) {
            strings->kept[strings->kept_count++] = code;
            strings->remap[code] = strings->kept_count;
        }
    }
    strings->ordered = false;
}

static int by_text(const void *a, const void *b, void *context)
{
    const wendi_coded_strings *strings = context;
    return wendi_string_compare(wendi_dictionary_at(strings->dictionary, *(const uint32_t *)a),
                                wendi_dictionary_at(strings->dictionary, *(const uint32_t *)b));
}

/* Entries that came in no order are put into theirs. */
static void put_in_order(wendi_coded_strings *strings)
{
    qsort_r(strings->kept, strings->kept_count, sizeof *strings->kept, by_text, strings);
    for (uint32_t i = 0; i < strings->kept_count; i++) {
        strings->remap[strings->kept[i]] = i + 1;
    }
}

/* Hardly a code comes back once another has begun: there are few more runs than entries. */
static bool mostly_new(const wendi_coded_strings *strings, uint32_t runs)
{
    return strings->kept_count >= APPEARANCE_ENTRIES_MIN && runs <= strings->kept_count + strings->kept_count / 8;
}

/* Worth a dictionary: values repeat, or the column must have one because its codes are the runs of users. */
static bool wants_dictionary(const wendi_coded_strings *strings, uint32_t row_count, bool keep_order)
{
    if (strings->kept_count == 0) {
        return keep_order; /* all null */
    }
    return keep_order || (uint64_t)strings->kept_count * 10 <= (uint64_t)row_count * 6 || strings->kept_count <= 64;
}

/* The stored code of each row: what came in where nothing was renumbered. */
static wend_status store_codes(wendi_coded_strings *strings, uint32_t row_count)
{
    bool same = strings->kept_count + 1 == strings->dictionary->entry_count;
    for (uint32_t i = 0; i < strings->kept_count && same; i++) {
        same = strings->kept[i] == i + 1;
    }
    if (same) {
        strings->stored = strings->codes;
        return WEND_OK;
    }
    strings->own_stored = wendi_alloc((size_t)row_count * sizeof *strings->own_stored);
    if (strings->own_stored == NULL) {
        return WEND_NOMEM;
    }
    for (uint32_t i = 0; i < row_count; i++) {
        strings->own_stored[i] = strings->remap[strings->codes[i]];
    }
    strings->stored = strings->own_stored;
    return WEND_OK;
}

wend_status wendi_chunk_code_strings(const wendi_vector *vector, bool keep_order, wendi_coded_strings *strings,
                                     wend_error *error)
{
    wend_status status = WEND_OK;
    strings->constant = vector->form == WENDI_FORM_CONSTANT;
    strings->ordered = !keep_order;
    bool rises = true;
    if (vector->form == WENDI_FORM_DICTIONARY) {
        strings->codes = vector->codes;
        strings->dictionary = vector->dictionary;
        rises = keep_order || vector->dictionary->ordered;
    } else {
        WEND_TRY(intern(vector, keep_order, strings, error));
    }
    uint32_t count = strings->constant ? 1 : vector->row_count;
    uint32_t entries = strings->dictionary->entry_count;
    strings->kept = wendi_alloc((size_t)entries * sizeof *strings->kept);
    strings->remap = wendi_alloc((size_t)entries * sizeof *strings->remap);
    if (strings->kept == NULL || strings->remap == NULL) {
        return WEND_NOMEM;
    }
    const uint32_t runs = mark_entries(strings, count);
    number_in_order(strings);
    strings->coded = wants_dictionary(strings, vector->row_count, keep_order);
    if (!strings->coded) {
        strings->ordered = rises;
    } else if (!keep_order && mostly_new(strings, runs)) {
        number_by_appearance(strings, count);
    } else if (!rises) {
        put_in_order(strings);
    }
    if (strings->coded && !strings->constant) {
        status = store_codes(strings, vector->row_count);
    }
cleanup:
    return status;
}

/* Codes of a page: of a constant, `space` full of it. */
static const uint32_t *page_codes(const wendi_coded_strings *strings, uint32_t first, uint32_t count, uint32_t *space)
{
    if (!strings->constant) {
        return strings->stored + first;
    }
    wendi_kernels_get()->fill_u32(space, count, strings->remap[strings->codes[0]]);
    return space;
}

static wend_status write_code_page(wendi_chunk_writer *writer, const wendi_coded_strings *strings,
                                   const uint32_t *residuals, uint32_t first, uint32_t count, wendi_page_entry *page,
                                   wendi_chunk_entry *entry)
{
    const wendi_kernels *kernels = wendi_kernels_get();
    const uint32_t *codes = page_codes(strings, first, count, (uint32_t *)writer->encoder.integers);
    uint32_t nulls;
    uint32_t min;
    uint32_t max;
    kernels->code_bounds_u32(codes, count, &nulls, &min, &max);
    page->has_codes = true;
    page->has_min_max = max > 0;
    page->has_mask = strings->kept_count < 64;
    page->mask = page->has_mask ? kernels->code_mask_u32(codes, count) : 0;
    page->min = max > 0 ? min : 0;
    page->max = max;
    wendi_page_rows rows = {.row_count = count, .value_count = count - nulls};
    wend_status status =
        residuals != NULL ? wendi_page_encode_codes(&writer->encoder, count, residuals + first, true)
                          : wendi_page_encode_codes(&writer->encoder, count, codes, false);
    wendi_chunk_writer_end_page(writer, rows, page, entry);
    return status;
}

static void add_first_bytes(wendi_page_entry *page, wendi_string text)
{
    uint64_t first = wendi_first_bytes(text.data, text.length);
    page->min = !page->has_min_max || first < page->min ? first : page->min;
    page->max = !page->has_min_max || first > page->max ? first : page->max;
    page->has_min_max = page->first_bytes = true;
}

static wend_status write_block_page(wendi_chunk_writer *writer, const wendi_coded_strings *strings, uint32_t first,
                                    uint32_t count, wendi_page_entry *page, wendi_chunk_entry *entry)
{
    wendi_page_rows rows = {.row_count = count, .nulls = writer->nulls};
    for (uint32_t i = 0; i < count; i++) {
        uint32_t code = strings->codes[strings->constant ? 0 : first + i];
        writer->nulls[i] = code == 0;
        writer->strings[rows.value_count] = wendi_dictionary_at(strings->dictionary, code);
        if (code != 0) {
            add_first_bytes(page, writer->strings[rows.value_count++]);
        }
    }
    wend_status status = wendi_page_encode_strings(&writer->encoder, rows, writer->strings);
    wendi_chunk_writer_end_page(writer, rows, page, entry);
    return status;
}

/* The greatest bytes that are surely not below `text`, at most WENDI_BOUND_BYTES; false when there are none. */
static bool cut_high(char *text, uint32_t *length)
{
    while (*length > 0 && (uint8_t)text[*length - 1] == 0xff) {
        (*length)--;
    }
    if (*length == 0) {
        return false;
    }
    text[*length - 1] = (char)((uint8_t)text[*length - 1] + 1);
    return true;
}

static wend_status store_bounds(wendi_string low, wendi_string high, wendi_arena *arena, wendi_chunk_entry *entry)
{
    uint32_t low_length = low.length < WENDI_BOUND_BYTES ? low.length : WENDI_BOUND_BYTES;
    uint32_t high_length = high.length < WENDI_BOUND_BYTES ? high.length : WENDI_BOUND_BYTES;
    char *low_copy = wendi_arena_copy(arena, low.data, low_length);
    char *high_copy = wendi_arena_copy(arena, high.data, high_length);
    if (low_copy == NULL || high_copy == NULL) {
        return WEND_NOMEM;
    }
    if (high_length < high.length && !cut_high(high_copy, &high_length)) {
        return WEND_OK; /* 64 times 0xff: say nothing */
    }
    entry->has_min_max = true;
    entry->low = (wendi_string){low_copy, low_length};
    entry->high = (wendi_string){high_copy, high_length};
    return WEND_OK;
}

/* wendi_first_bytes() of a dictionary's entry, behind which 64 bytes can be read. */
static uint64_t first_bytes(wendi_string entry)
{
    const uint64_t word = __builtin_bswap64(wendi_load_u64(entry.data));
    return entry.length >= 8 ? word : entry.length == 0 ? 0 : word & UINT64_MAX << (64 - 8 * entry.length);
}

static wend_status take_bounds(const wendi_coded_strings *strings, wendi_arena *arena,
                               wendi_chunk_entry *entry)
{
    if (strings->kept_count == 0) {
        return WEND_OK;
    }
    wendi_string low = wendi_dictionary_at(strings->dictionary, strings->kept[0]);
    wendi_string high = wendi_dictionary_at(strings->dictionary, strings->kept[strings->kept_count - 1]);
    uint64_t low_first = first_bytes(low);
    uint64_t high_first = first_bytes(high);
    for (uint32_t i = 0; !strings->ordered && i < strings->kept_count; i++) {
        wendi_string text = wendi_dictionary_at(strings->dictionary, strings->kept[i]);
        const uint64_t first = first_bytes(text); /* hardly ever equal */
        if (first <= low_first && wendi_string_compare(text, low) < 0) {
            low = text;
            low_first = first;
        }
        if (first >= high_first && wendi_string_compare(text, high) > 0) {
            high = text;
            high_first = first;
        }
    }
    return store_bounds(low, high, arena, entry);
}

/*
 * Readers find the users by their codes alone, so what is about to be written must be in order: rows take
 * the codes 1, 2, 3, ... one run each, rows without a user last, and hashes rise. A writer that breaks this
 * would lose users silently.
 */
static void require_user_order(const wendi_coded_strings *strings, uint32_t row_count)
{
    uint32_t before = 0;
    bool null = false;
    uint64_t hash = 0;
    for (uint32_t i = 0; i < (strings->constant ? 1 : row_count); i++) {
        uint32_t code = strings->remap[strings->codes[i]];
        WEND_REQUIRE(code == 0 || (!null && code - before <= 1));
        null = code == 0;
        before = code != 0 ? code : before;
    }
    for (uint32_t i = 0; i < strings->kept_count; i++) {
        wendi_value user = {.type = wendi_type_of(WENDI_TYPE_TEXT),
                            .string = wendi_dictionary_at(strings->dictionary, strings->kept[i])};
        uint64_t next = wendi_value_hash(&user);
        WEND_REQUIRE(next >= hash);
        hash = next;
    }
}

wend_status wendi_chunk_write_strings(wendi_chunk_writer *writer, const wendi_chunk_input *input,
                                      const uint32_t *residuals, wendi_arena *arena, wendi_chunk_entry *entry,
                                      wendi_page_entry *pages)
{
    wend_status status = WEND_OK;
    const wendi_coded_strings *strings = &input->strings;
    uint32_t row_count = input->vector->row_count;
    wendi_buffer *out = writer->encoder.out;
    if (input->keep_order) {
        require_user_order(strings, row_count);
    }
    WEND_TRY(take_bounds(strings, arena, entry));
    for (uint32_t first = 0; first < row_count; first += WENDI_PAGE_ROWS, pages++) {
        uint32_t left = row_count - first;
        uint32_t count = left < WENDI_PAGE_ROWS ? left : WENDI_PAGE_ROWS;
        wendi_chunk_writer_begin_page(writer, first / WENDI_PAGE_ROWS, pages);
        WEND_TRY(strings->coded ? write_code_page(writer, strings, residuals, first, count, pages, entry)
                                : write_block_page(writer, strings, first, count, pages, entry));
    }
    if (strings->coded) {
        size_t begin = out->length;
        WEND_TRY(wendi_dictionary_store_encode(strings->dictionary, strings->kept, strings->kept_count,
                                               strings->ordered, writer->encoder.place, writer->encoder.zstd_level,
                                               out));
        entry->dictionary_bytes = out->length - begin;
        entry->dictionary_entries = strings->kept_count + 1;
        entry->ordered = strings->ordered;
    }
cleanup:
    return status;
}
