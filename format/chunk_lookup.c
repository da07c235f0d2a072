/*
 * Looking up single strings and single users: from the whole dictionary or the user runs where they are loaded
 * already, else from the few dictionary blocks and pages that the answer lies in.
 */
#include "format/dictionary_part.h"

#include "engine/base/hash.h"

enum { SMALL_DICTIONARY_BYTES = 32768 };

static bool by_hash(const wendi_chunk *chunk)
{
    return chunk->column == chunk->segment->footer.user_column;
}

/* The dictionary if it is loaded as a whole, else NULL. */
static const wendi_dictionary *loaded_dictionary(const wendi_chunk *chunk)
{
    if (chunk->dictionary != NULL) {
        return chunk->dictionary;
    }
    return atomic_load_explicit(&chunk->segment->row_groups[chunk->row_group].dictionaries[chunk->column],
                                memory_order_acquire);
}

bool wendi_chunk_find_is_cheap(const wendi_chunk *chunk)
{
    return chunk->entry->ordered || by_hash(chunk);
}

bool wendi_chunk_dictionary_at_hand(const wendi_chunk *chunk)
{
    return loaded_dictionary(chunk) != NULL || chunk->entry->dictionary_bytes <= SMALL_DICTIONARY_BYTES;
}

/* Search by halves in a whole dictionary that rises by (hash, bytes). */
static uint32_t find_by_hash(const wendi_dictionary *dictionary, wendi_string text)
{
    uint64_t hash = wendi_hash64(text.data, text.length);
    uint32_t low = 1;
    uint32_t high = dictionary->entry_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        wendi_string entry = wendi_dictionary_at(dictionary, middle);
        uint64_t its_hash = wendi_hash64(entry.data, entry.length);
        if (its_hash < hash || (its_hash == hash && wendi_string_compare(entry, text) < 0)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    bool found = low < dictionary->entry_count && wendi_string_equal(wendi_dictionary_at(dictionary, low), text);
    return found ? low : 0;
}

wend_status wendi_chunk_find(wendi_chunk *chunk, wendi_string text, uint32_t *code_out, wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_dictionary_part *part = NULL;
    const wendi_dictionary *whole = loaded_dictionary(chunk);
    *code_out = 0;
    if (whole == NULL && !wendi_chunk_find_is_cheap(chunk)) {
        WEND_TRY(wendi_chunk_dictionary(chunk, &chunk->dictionary, error));
        whole = chunk->dictionary;
    }
    if (whole != NULL) {
        *code_out = by_hash(chunk) ? find_by_hash(whole, text) : wendi_dictionary_find(whole, text);
        return WEND_OK;
    }
    WEND_TRY(wendi_segment_dictionary_part(chunk->segment, chunk->row_group, chunk->column, &part, error));
    WEND_TRY(wendi_dictionary_part_find(chunk->segment, part, text, by_hash(chunk), code_out, error));
cleanup:
    return status;
}

wend_status wendi_chunk_strings(wendi_chunk *chunk, const uint32_t *codes, const uint32_t *rows, uint32_t count,
                                wendi_string *strings, wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_dictionary_part *part = NULL;
    const wendi_dictionary *whole = loaded_dictionary(chunk);
    uint32_t last_code = 0;
    wendi_string last = {"", 0};
    if (whole == NULL) {
        WEND_TRY(wendi_segment_dictionary_part(chunk->segment, chunk->row_group, chunk->column, &part, error));
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t code = codes[rows == NULL ? i : rows[i]];
        if (code != last_code) {
            if (code == 0) {
                last = (wendi_string){"", 0};
            } else if (whole != NULL) {
                last = wendi_dictionary_at(whole, code);
            } else {
                WEND_TRY(wendi_dictionary_part_at(chunk->segment, part, code, &last, error));
            }
            last_code = code;
        }
        strings[i] = last;
    }
cleanup:
    return status;
}

/* ---- users ---- */

/* The first row of a page whose code is at least `code`; null, which is last, counts as the greatest. */
static uint32_t lower_bound(const uint32_t *codes, uint32_t count, uint32_t code)
{
    uint32_t low = 0;
    uint32_t high = count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (codes[middle] != 0 && codes[middle] < code) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/*
 * Codes rise with the rows, so the pages of one are found by their bounds and the rows in them by halves.
 * False in `*known`: some page says nothing of its codes.
 */
static wend_status rows_of_code(wendi_chunk *chunk, uint32_t code, uint32_t *begin, uint32_t *end, bool *known,
                                wend_error *error)
{
    *begin = *end = 0;
    *known = true;
    for (uint32_t page = 0; page < wendi_pages_of(chunk->row_count); page++) {
        const wendi_page_entry *entry = &chunk->pages[page];
        uint32_t first = page * WENDI_PAGE_ROWS;
        uint32_t rows = wendi_chunk_page_rows(chunk, page);
        const uint32_t *codes;
        if (entry->null_count == rows) {
            continue;
        }
        if (!entry->has_codes || !entry->has_min_max) {
            *known = false;
            return WEND_OK;
        }
        if (entry->max < code || entry->min > code) {
            continue;
        }
        wend_status status = wendi_chunk_read_codes(chunk, first, rows, &codes, error);
        if (status != WEND_OK) {
            return status;
        }
        uint32_t low = first + lower_bound(codes, rows, code);
        *begin = *begin == *end ? low : *begin;
        *end = first + lower_bound(codes, rows, code + 1);
        if (*end < *begin) {
            return wendi_chunk_damage(chunk, "users are out of order", error);
        }
    }
    return WEND_OK;
}

static wend_status find_text_user(wendi_segment *segment, uint32_t row_group, wendi_string user, uint32_t *begin,
                                  uint32_t *end, wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_chunk *chunk = NULL;
    uint32_t code = 0;
    const wendi_user_runs *runs = NULL;
    bool known = false;
    *begin = *end = 0;
    WEND_TRY(wendi_chunk_open(segment, row_group, segment->footer.user_column, &chunk, error));
    if (!wendi_chunk_has_dictionary(chunk)) { /* which the runs complain of */
        WEND_TRY(wendi_segment_user_runs(segment, row_group, &runs, error));
    }
    WEND_TRY(wendi_chunk_find(chunk, user, &code, error));
    if (code != 0 && atomic_load(&segment->row_groups[row_group].runs) == NULL) {
        WEND_TRY(rows_of_code(chunk, code, begin, end, &known, error));
    }
    if (code != 0 && !known) {
        WEND_TRY(wendi_segment_user_runs(segment, row_group, &runs, error));
        *begin = runs->first_row[code - 1]; /* run r is code r + 1 */
        *end = runs->first_row[code];
    }
cleanup:
    wendi_chunk_close(chunk);
    return status;
}

wend_status wendi_segment_find_user(wendi_segment *segment, uint32_t row_group, const wendi_value *user,
                                    uint32_t *row_begin, uint32_t *row_end, bool *exact, wend_error *error)
{
    const wendi_user_runs *runs = NULL;
    wendi_type type = segment->footer.columns[segment->footer.user_column].type;
    uint64_t hash = wendi_value_hash(user);
    *exact = wendi_type_physical(type) == WENDI_PHYSICAL_STRING;
    if (*exact) {
        return find_text_user(segment, row_group, user->string, row_begin, row_end, error);
    }
    wend_status status = wendi_segment_user_runs(segment, row_group, &runs, error);
    if (status != WEND_OK) {
        return status;
    }
    uint32_t first = wendi_loaded_runs_lower_bound(segment, runs, hash);
    uint32_t last = first;
    while (last < runs->run_count - runs->null_run && wendi_loaded_run_hash(segment, runs, last) == hash) {
        last++;
    }
    *row_begin = runs->first_row[first];
    *row_end = runs->first_row[last];
    return WEND_OK;
}
