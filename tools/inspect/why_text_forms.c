/*
 * The forms a chunk of text could have: codes into a dictionary, predicted codes, or blocks of
 * strings. Each is made as the writer makes it, and its bytes are counted.
 */
#include "engine/base/alloc.h"
#include "format/dictionary_store.h"
#include "tools/inspect/why.h"

enum { ZSTD_LEVEL = 1 };

/* The strings of one page in blocks, bytes of the page. */
static wend_status block_page(why_scratch *scratch, const wendi_vector *vector, uint64_t *bytes)
{
    uint32_t count = 0;
    uint8_t *nulls = (uint8_t *)scratch->integers;
    for (uint32_t i = 0; i < vector->row_count; i++) {
        nulls[i] = wendi_vector_is_null(vector, i);
        if (nulls[i] == 0) {
            scratch->strings[count++] = wendi_vector_string(vector, i);
        }
    }
    wendi_page_rows rows = {.row_count = vector->row_count, .value_count = count, .nulls = nulls};
    scratch->out.length = 0;
    scratch->encoder.zstd_level = ZSTD_LEVEL;
    wend_status status = wendi_page_encode_strings(&scratch->encoder, rows, scratch->strings);
    *bytes += scratch->out.length;
    return status;
}

/* Codes of the rows as they are, when the chunk has a dictionary. */
static uint64_t code_page(why_scratch *scratch, const wendi_vector *vector)
{
    for (uint32_t i = 0; i < vector->row_count; i++) {
        /* A constant's code does not matter: constants cost the same whatever they are. */
        scratch->values[i] = vector->form == WENDI_FORM_DICTIONARY ? (int64_t)vector->codes[i] : 0;
    }
    return why_page_bytes(why_best_stream(scratch, scratch->values, vector->row_count));
}

/* A dictionary made of text that has none: codes of all rows, in order, and its stored bytes. */
static wend_status made_dictionary(why_scratch *scratch, const wendi_interner *interner,
                                   uint32_t *codes, uint64_t row_count, uint64_t *bytes,
                                   wend_error *error)
{
    wend_status status = WEND_OK;
    uint32_t entries = interner->entry_count;
    wendi_dictionary *dictionary = NULL;
    uint32_t *remap = wendi_alloc((size_t)entries * sizeof *remap);
    uint32_t *kept = wendi_alloc((size_t)entries * sizeof *kept);
    wendi_place place = {.page = WENDI_PLACE_DICTIONARY};
    if (remap == NULL || kept == NULL) {
        status = wendi_fail_nomem(error, "weighing a dictionary", (size_t)entries * sizeof *remap);
        goto cleanup;
    }
    WEND_TRY(wendi_interner_ordered(interner, NULL, remap, &dictionary, error));
    for (uint32_t i = 0; i + 1 < entries; i++) {
        kept[i] = i + 1;
    }
    scratch->out.length = 0;
    WEND_TRY(wendi_dictionary_store_encode(dictionary, kept, entries - 1, true, place, ZSTD_LEVEL,
                                           &scratch->out));
    *bytes += scratch->out.length;
    for (uint64_t first = 0; first < row_count; first += WENDI_PAGE_ROWS) {
        uint32_t count =
            row_count - first < WENDI_PAGE_ROWS ? (uint32_t)(row_count - first) : WENDI_PAGE_ROWS;
        for (uint32_t i = 0; i < count; i++) {
            scratch->values[i] = remap[codes[first + i]];
        }
        *bytes += why_page_bytes(why_best_stream(scratch, scratch->values, count));
    }
cleanup:
    wendi_dictionary_release(dictionary);
    wendi_free(remap);
    wendi_free(kept);
    return status;
}

static wend_status intern_page(const wendi_vector *vector, wendi_interner *interner,
                               uint32_t *codes)
{
    wend_status status = WEND_OK;
    for (uint32_t i = 0; i < vector->row_count; i++) {
        codes[i] = 0;
        if (!wendi_vector_is_null(vector, i)) {
            WEND_TRY(wendi_interner_code(interner, wendi_vector_string(vector, i), &codes[i]));
        }
    }
cleanup:
    return status;
}

static void count_forms(const chunk_map *map, why_column *column, uint64_t code_bytes,
                        uint64_t made_bytes, uint64_t block_bytes)
{
    why_options *forms = &column->forms;
    uint64_t written = map->page_bytes + map->dictionary_bytes + map->prediction_bytes;
    if (map->dictionary_bytes > 0) {
        uint64_t plain = code_bytes + map->dictionary_bytes;
        if (map->prediction_bytes > 0) {
            why_count(forms, "predicted, dictionary", true, written, written, written);
        }
        why_count(forms, "dictionary", map->prediction_bytes == 0, plain, plain, written);
    } else {
        why_count(forms, "dictionary", false, made_bytes, made_bytes, written);
    }
    why_count(forms, "string blocks", map->dictionary_bytes == 0, block_bytes, block_bytes,
              written);
}

wend_status why_text_forms(why_scratch *scratch, why_column *column, wend_error *error)
{
    wend_status status = WEND_OK;
    const chunk_map *map = scratch->map;
    bool coded = map->dictionary_bytes > 0;
    uint64_t rows = map->zone.row_count;
    uint64_t code_bytes = 0;
    uint64_t block_bytes = 0;
    uint64_t made_bytes = 0;
    wendi_interner interner = {.entry_count = 0};
    uint32_t *codes = coded ? NULL : wendi_alloc((size_t)rows * sizeof *codes);
    if ((!coded && codes == NULL) || wendi_interner_reserve(&interner, 1024) != WEND_OK) {
        status = wendi_fail_nomem(error, "weighing text", (size_t)rows * sizeof *codes);
        goto cleanup;
    }
    for (uint32_t p = 0; p < map->page_count; p++) {
        wendi_vector vector;
        WEND_TRY(wendi_chunk_read(scratch->chunk, p * WENDI_PAGE_ROWS, map->pages[p].row_count,
                                  &vector, error));
        status = block_page(scratch, &vector, &block_bytes);
        if (coded) {
            code_bytes += code_page(scratch, &vector);
        } else if (status == WEND_OK) {
            status = intern_page(&vector, &interner, codes + (size_t)p * WENDI_PAGE_ROWS);
        }
        if (status != WEND_OK) {
            status = wendi_fail_nomem(error, "weighing text", 0);
            goto cleanup;
        }
    }
    if (!coded) {
        WEND_TRY(made_dictionary(scratch, &interner, codes, rows, &made_bytes, error));
    }
    count_forms(map, column, code_bytes, made_bytes, block_bytes);
cleanup:
    wendi_interner_free(&interner);
    wendi_free(codes);
    return status;
}
