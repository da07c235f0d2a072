/*
 * The runs of users of a row group, found in the user column itself: its codes are numbered in the
 * order of the rows, so every run is one code, one more than the run before.
 */
#include "format/segment.h"

#include <math.h>
#include <string.h>

#include "engine/base/alloc.h"

/** Runs being collected; `key` is the last user seen. */
typedef struct run_collector {
    wendi_buffer first_row; /* u32 each */
    wendi_buffer keys;      /* wendi_b16 each, unless the users are codes */
    wendi_b16 key;
    bool null;
    bool coded;
    uint32_t run_count;
} run_collector;

void wendi_loaded_runs_free(wendi_loaded_runs *runs)
{
    if (runs != NULL) {
        wendi_free(runs->first_row);
        wendi_free(runs->keys);
        wendi_free(runs);
    }
}

/* One more row, or run of rows, of one user; WEND_CORRUPT when it cannot follow on the last. */
static wend_status add_user(run_collector *collector, uint32_t row, wendi_b16 key, bool null)
{
    wend_status status = WEND_OK;
    if (collector->run_count > 0 && null == collector->null && memcmp(&key, &collector->key, sizeof key) == 0) {
        return WEND_OK;
    }
    if (collector->run_count > 0 && collector->null) {
        return WEND_CORRUPT; /* rows without a user are last */
    }
    if (collector->coded && !null && key.word[0] != collector->run_count + 1) {
        return WEND_CORRUPT;
    }
    WEND_TRY(wendi_buffer_append(&collector->first_row, &row, sizeof row));
    if (!collector->coded) {
        WEND_TRY(wendi_buffer_append(&collector->keys, &key, sizeof key));
    }
    collector->key = key;
    collector->null = null;
    collector->run_count++;
cleanup:
    return status;
}

static wend_status add_codes(run_collector *collector, wendi_chunk *chunk, uint32_t first, uint32_t count,
                             wend_error *error)
{
    wend_status status = WEND_OK;
    const wendi_stream *stream = &chunk->page.streams[0];
    uint32_t page_first = first / WENDI_PAGE_ROWS * WENDI_PAGE_ROWS;
    const uint32_t *codes = chunk->values;
    if (stream->codec->id == WENDI_CODEC_RLE) {
        codes = stream->runs.values;
        for (uint32_t r = 0; r < stream->runs.run_count && status == WEND_OK; r++) {
            uint32_t row = page_first + (r == 0 ? 0 : stream->runs.ends[r - 1]);
            status = add_user(collector, row, (wendi_b16){{codes[r], 0}}, codes[r] == 0);
        }
    } else {
        WEND_TRY(wendi_chunk_reserve(chunk, count, error));
        wendi_stream_decode(stream, 0, count, chunk->values);
        codes = chunk->values;
        for (uint32_t i = 0; i < count && status == WEND_OK; i++) {
            status = add_user(collector, first + i, (wendi_b16){{codes[i], 0}}, codes[i] == 0);
        }
    }
cleanup:
    return status;
}

/* Runs are told apart by bits, users by value: -0 and 0 are one user, and so are all NaNs. */
static uint64_t one_spelling(double number)
{
    double spelt = number == 0 ? 0 : isnan(number) ? (double)NAN : number;
    uint64_t word;
    memcpy(&word, &spelt, sizeof word);
    return word;
}

static wend_status add_values(run_collector *collector, wendi_chunk *chunk, uint32_t first, uint32_t count,
                              wend_error *error)
{
    wendi_vector vector;
    wend_status status = WEND_OK;
    WEND_TRY(wendi_chunk_read(chunk, first, count, &vector, error));
    wendi_physical physical = wendi_type_physical(vector.type);
    for (uint32_t i = 0; i < (vector.form == WENDI_FORM_CONSTANT ? 1 : count); i++) {
        wendi_b16 key = physical == WENDI_PHYSICAL_B16   ? vector.b16[i]
                        : physical == WENDI_PHYSICAL_F64 ? (wendi_b16){{one_spelling(vector.f64[i]), 0}}
                                                         : (wendi_b16){{(uint64_t)vector.i64[i], 0}};
        WEND_TRY(add_user(collector, first + i, key, wendi_vector_is_null(&vector, i)));
    }
cleanup:
    return status;
}

static wend_status collect(run_collector *collector, wendi_chunk *chunk, wend_error *error)
{
    for (uint32_t page = 0; page < wendi_pages_of(chunk->row_count); page++) {
        uint32_t first = page * WENDI_PAGE_ROWS;
        uint32_t rows = wendi_chunk_page_rows(chunk, page);
        wend_status status = wendi_chunk_load_page(chunk, page, error);
        if (status != WEND_OK) {
            return status;
        }
        status = collector->coded ? add_codes(collector, chunk, first, rows, error)
                                  : add_values(collector, chunk, first, rows, error);
        if (status == WEND_CORRUPT) {
            return wendi_chunk_damage(chunk, "users are out of order", error);
        }
        if (status != WEND_OK) {
            return status;
        }
    }
    return WEND_OK;
}

/* Hand the collected arrays over; the collector's buffers become empty. */
static wend_status finish_runs(run_collector *collector, uint32_t row_count, wendi_loaded_runs *loaded)
{
    wend_status status = wendi_buffer_append(&collector->first_row, &row_count, sizeof row_count);
    if (status != WEND_OK) {
        return status;
    }
    loaded->first_row = (uint32_t *)(void *)collector->first_row.data;
    loaded->keys = (wendi_b16 *)(void *)collector->keys.data;
    collector->first_row = (wendi_buffer){NULL, 0, 0};
    collector->keys = (wendi_buffer){NULL, 0, 0};
    loaded->runs = (wendi_user_runs){.run_count = collector->run_count, .null_run = collector->null,
                                     .first_row = loaded->first_row};
    return WEND_OK;
}

static wend_status load_runs(wendi_segment *segment, uint32_t row_group, wendi_loaded_runs **runs_out,
                             wend_error *error)
{
    wend_status status = WEND_OK;
    uint32_t column = segment->footer.user_column;
    run_collector collector = {.null = true};
    wendi_chunk *chunk = NULL;
    wendi_loaded_runs *loaded = wendi_alloc_zero(1, sizeof *loaded);
    if (loaded == NULL) {
        return wendi_fail_nomem(error, "user runs", sizeof *loaded);
    }
    if (column == WENDI_NO_COLUMN) {
        WEND_TRY(add_user(&collector, 0, (wendi_b16){{0, 0}}, true));
    } else {
        collector.coded = wendi_type_physical(segment->footer.columns[column].type) == WENDI_PHYSICAL_STRING;
        WEND_TRY(wendi_chunk_open(segment, row_group, column, &chunk, error));
        if (collector.coded && !wendi_chunk_has_dictionary(chunk)) {
            status = wendi_segment_damage(segment, WEND_CORRUPT, row_group, column, WENDI_PLACE_NONE,
                                          chunk->entry->offset, "the user column has no dictionary", error);
            goto cleanup;
        }
        WEND_TRY(collect(&collector, chunk, error));
        if (collector.coded && collector.run_count - collector.null + 1 != chunk->entry->dictionary_entries) {
            status = wendi_segment_damage(segment, WEND_CORRUPT, row_group, column, WENDI_PLACE_DICTIONARY,
                                          chunk->entry->offset, "the user dictionary does not fit the runs", error);
            goto cleanup;
        }
    }
    WEND_TRY(finish_runs(&collector, segment->footer.row_groups[row_group].info.row_count, loaded));
    *runs_out = loaded;
    loaded = NULL;
cleanup:
    wendi_chunk_close(chunk);
    wendi_buffer_free(&collector.first_row);
    wendi_buffer_free(&collector.keys);
    wendi_loaded_runs_free(loaded);
    return status == WEND_NOMEM ? wendi_fail_nomem(error, "user runs", 0) : status;
}

static uint64_t runs_memory(const wendi_loaded_runs *loaded)
{
    uint64_t a_run = sizeof *loaded->first_row + (loaded->keys != NULL ? sizeof *loaded->keys : 0);
    return sizeof *loaded + (loaded->runs.run_count + UINT64_C(1)) * a_run;
}

static void mark_used(wendi_segment *segment, uint32_t row_group)
{
    atomic_store_explicit(&segment->row_groups[row_group].users_round,
                          atomic_load_explicit(&segment->round, memory_order_relaxed), memory_order_relaxed);
}

uint64_t wendi_row_group_forget_users(wendi_segment *segment, uint32_t row_group)
{
    wendi_row_group_state *state = &segment->row_groups[row_group];
    wendi_loaded_runs *runs = atomic_exchange(&state->runs, NULL);
    uint64_t *hashes = atomic_exchange(&state->hashes, NULL);
    uint64_t freed = runs != NULL ? runs_memory(runs) : 0;
    if (hashes != NULL) { /* never without the runs */
        freed += runs->runs.run_count * sizeof *hashes;
    }
    wendi_loaded_runs_free(runs);
    wendi_free(hashes);
    return freed;
}

wend_status wendi_segment_user_runs(wendi_segment *segment, uint32_t row_group, const wendi_user_runs **runs_out,
                                    wend_error *error)
{
    wendi_row_group_state *state = &segment->row_groups[row_group];
    wendi_loaded_runs *runs = atomic_load_explicit(&state->runs, memory_order_acquire);
    *runs_out = NULL;
    if (runs == NULL) {
        /* Loaded outside the lock, which opening the chunk takes; of two threads the first wins. */
        wendi_loaded_runs *mine = NULL;
        wend_status status = load_runs(segment, row_group, &mine, error);
        if (status != WEND_OK) {
            return status;
        }
        if (atomic_compare_exchange_strong(&state->runs, &runs, mine)) {
            runs = mine;
            (void)wendi_segment_hold(segment, runs_memory(mine), true);
        } else {
            wendi_loaded_runs_free(mine);
        }
    }
    mark_used(segment, row_group);
    *runs_out = &runs->runs;
    return WEND_OK;
}

static uint64_t key_hash(wendi_type type, wendi_b16 key)
{
    wendi_value value = {.type = type};
    if (wendi_type_physical(type) == WENDI_PHYSICAL_B16) {
        value.b16 = key;
    } else {
        value.i64 = (int64_t)key.word[0]; /* a double shares its place */
    }
    return wendi_value_hash(&value);
}

static wend_status compute_hashes(wendi_segment *segment, uint32_t row_group, const wendi_loaded_runs *loaded,
                                  uint64_t *hashes, wend_error *error)
{
    uint32_t column = segment->footer.user_column;
    uint32_t users = loaded->runs.run_count - loaded->runs.null_run;
    wendi_dictionary *dictionary = NULL;
    wend_status status = WEND_OK;
    if (column != WENDI_NO_COLUMN) {
        WEND_TRY(wendi_segment_dictionary(segment, row_group, column, &dictionary, error));
    }
    for (uint32_t r = 0; r < users; r++) {
        wendi_type type = segment->footer.columns[column].type;
        wendi_value value = {.type = type};
        if (dictionary != NULL) {
            value.string = wendi_dictionary_at(dictionary, r + 1);
        }
        hashes[r] = dictionary != NULL ? wendi_value_hash(&value) : key_hash(type, loaded->keys[r]);
        if (r > 0 && hashes[r] < hashes[r - 1]) {
            return wendi_segment_damage(segment, WEND_CORRUPT, row_group, column, WENDI_PLACE_NONE,
                                        wendi_segment_chunk(segment, row_group, column)->offset,
                                        "users are out of order", error);
        }
    }
    if (loaded->runs.null_run) {
        hashes[users] = UINT64_MAX;
    }
cleanup:
    return status;
}

wend_status wendi_segment_user_hashes(wendi_segment *segment, uint32_t row_group, const uint64_t **hashes_out,
                                      wend_error *error)
{
    wendi_row_group_state *state = &segment->row_groups[row_group];
    const wendi_user_runs *runs;
    uint64_t *hashes = atomic_load_explicit(&state->hashes, memory_order_acquire);
    *hashes_out = NULL;
    if (hashes == NULL) {
        wend_status status = wendi_segment_user_runs(segment, row_group, &runs, error);
        if (status != WEND_OK) {
            return status;
        }
        uint64_t *mine = wendi_alloc(runs->run_count * sizeof *mine);
        if (mine == NULL) {
            return wendi_fail_nomem(error, "user hashes", runs->run_count * sizeof *mine);
        }
        status = compute_hashes(segment, row_group, (const wendi_loaded_runs *)(const void *)runs, mine, error);
        if (status != WEND_OK || !atomic_compare_exchange_strong(&state->hashes, &hashes, mine)) {
            wendi_free(mine);
        } else {
            hashes = mine;
            (void)wendi_segment_hold(segment, runs->run_count * sizeof *mine, true);
        }
        if (status != WEND_OK) {
            return status;
        }
    }
    mark_used(segment, row_group);
    *hashes_out = hashes;
    return WEND_OK;
}

uint32_t wendi_user_runs_lower_bound(const wendi_user_runs *runs, const uint64_t *hashes, uint64_t hash)
{
    uint32_t low = 0;
    uint32_t high = runs->run_count - runs->null_run;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (hashes[middle] >= hash) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

uint64_t wendi_loaded_run_hash(const wendi_segment *segment, const wendi_user_runs *runs, uint32_t run)
{
    const wendi_loaded_runs *loaded = (const wendi_loaded_runs *)(const void *)runs;
    return key_hash(segment->footer.columns[segment->footer.user_column].type, loaded->keys[run]);
}

uint32_t wendi_loaded_runs_lower_bound(const wendi_segment *segment, const wendi_user_runs *runs, uint64_t hash)
{
    uint32_t low = 0;
    uint32_t high = runs->run_count - runs->null_run;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (wendi_loaded_run_hash(segment, runs, middle) >= hash) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}
