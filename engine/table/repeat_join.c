/*
 * Two walks a row group. The first goes through users and times and notes rows of the group whose
 * user and time the flush has too, with the rows of the flush that these are ("hits", in rising
 * order); it reads the user column and, where users match, times. The second reads the columns that
 * keys are made of, only around hits, and compares.
 */
#include "engine/table/repeat_join.h"

#include <string.h>

#include "engine/base/alloc.h"
#include "engine/column/vector_value.h"
#include "engine/table/row_key.h"

enum {
    TIME_ROWS = 2048,    /* decoded at a time */
    KEY_ROWS = 8192,     /* the most that keys are made of at a time */
    STEPS_AHEAD = 8,     /* rows of a run that are looked at before it is searched by halves */
    LOOK_UP_RUNS = 32,   /* so few users are looked up one by one */
    COMPARED_ROWS_MAX = 8 /* more rows of one user and time are found through the index */
};

typedef struct hit {
    uint32_t row;   /* in the row group */
    uint32_t first; /* rows of the flush that have its user and time */
    uint32_t end;
} hit;

typedef struct column_window { /* some rows of a column, decoded */
    uint32_t position;
    uint32_t first;
    uint32_t end;
    wendi_vector vector;
} column_window;

typedef struct join {
    wendi_repeat_rows *rows;
    wendi_segment_columns *columns;
    uint32_t row_count;
    wendi_dictionary *users; /* of text users; entry r + 1 is that of run r */
    column_window user_values;
    column_window times;
    wendi_buffer hits;
} join;

/* ---- columns of the row group ---- */

static wend_status move_window(join *work, column_window *window, uint32_t row, wend_error *error)
{
    uint32_t first = row / WENDI_VECTOR_ROWS * WENDI_VECTOR_ROWS;
    uint32_t page_end = (first / WENDI_PAGE_ROWS + 1) * WENDI_PAGE_ROWS;
    uint32_t end = first + TIME_ROWS < page_end ? first + TIME_ROWS : page_end;
    end = end < work->row_count ? end : work->row_count;
    window->first = window->end = 0;
    wend_status status = wendi_segment_columns_read(work->columns, window->position, first,
                                                    end - first, &window->vector, error);
    if (status == WEND_OK) {
        window->first = first;
        window->end = end;
    }
    return status;
}

static wend_status need_row(join *work, column_window *window, uint32_t row, wend_error *error)
{
    return row >= window->first && row < window->end ? WEND_OK
                                                     : move_window(work, window, row, error);
}

/* The time of a row of the group. Rows without one, of which ingest makes none, stand last in a run. */
static wend_status time_of(join *work, uint32_t row, int64_t *time, bool *null, wend_error *error)
{
    wend_status status = need_row(work, &work->times, row, error);
    if (status == WEND_OK) {
        uint32_t at = row - work->times.first;
        *null = wendi_vector_is_null(&work->times.vector, at);
        *time = *null ? INT64_MAX
                      : work->times.vector.i64[wendi_vector_index(&work->times.vector, at)];
    }
    return status;
}

/* ---- rows of equal user and time ---- */

/* The first row of begin..end-1 that has `time`, a later one or none. Near rows are tried first. */
static wend_status seek(join *work, uint32_t begin, uint32_t end, int64_t time, uint32_t *row,
                        wend_error *error)
{
    uint32_t steps = 0;
    wend_status status = WEND_OK;
    while (begin < end) {
        uint32_t middle = steps < STEPS_AHEAD ? begin : begin + (end - begin) / 2;
        int64_t at = 0;
        bool null = false;
        WEND_TRY(time_of(work, middle, &at, &null, error));
        if (!null && at < time) {
            begin = middle + 1;
        } else {
            end = middle;
        }
        steps++;
    }
    *row = begin;
cleanup:
    return status;
}

/* Rows of the group from *row on whose time is that of rows first..end-1 of the flush. */
static wend_status note_hits(join *work, uint32_t *row, uint32_t row_end, uint32_t first,
                             uint32_t end, wend_error *error)
{
    int64_t time = work->rows->times[first];
    wend_status status = WEND_OK;
    WEND_TRY(seek(work, *row, row_end, time, row, error));
    for (; *row < row_end; (*row)++) {
        int64_t at = 0;
        bool null = false;
        hit found = {*row, first, end};
        WEND_TRY(time_of(work, *row, &at, &null, error));
        if (null || at != time) {
            break;
        }
        if (wendi_buffer_append(&work->hits, &found, sizeof found) != WEND_OK) {
            WEND_TRY(wendi_fail_nomem(error, "finding repeats", work->hits.length));
        }
    }
cleanup:
    return status;
}

/* A user's rows in the flush and in the row group. */
static wend_status join_run(join *work, uint32_t run, uint32_t row, uint32_t row_end,
                            wend_error *error)
{
    const int64_t *times = work->rows->times;
    uint32_t first = work->rows->runs[run].first;
    uint32_t run_end = work->rows->runs[run + 1].first;
    wend_status status = WEND_OK;
    while (first < run_end && row < row_end) {
        uint32_t end = first + 1;
        while (end < run_end && times[end] == times[first]) {
            end++;
        }
        WEND_TRY(note_hits(work, &row, row_end, first, end, error));
        first = end;
    }
cleanup:
    return status;
}

/* ---- users that both have ---- */

static wendi_value user_of_run(const wendi_repeat_rows *rows, uint32_t run)
{
    return wendi_column_builder_value(&rows->builder->columns[rows->schema->user_column],
                                      rows->rows[rows->runs[run].first]);
}

static wend_status compare_users(join *work, uint32_t run, const wendi_user_runs *stored,
                                 uint32_t stored_run, int *order, wend_error *error)
{
    wendi_value ours = user_of_run(work->rows, run);
    if (work->users != NULL) {
        *order = wendi_string_compare(ours.string,
                                      wendi_dictionary_at(work->users, stored_run + 1));
        return WEND_OK;
    }
    uint32_t row = stored->first_row[stored_run];
    wend_status status = need_row(work, &work->user_values, row, error);
    if (status == WEND_OK) {
        wendi_value theirs =
            wendi_vector_value(&work->user_values.vector, row - work->user_values.first);
        *order = wendi_value_compare(&ours, &theirs);
    }
    return status;
}

/* Walk through both lists of users, which are in one order. */
static wend_status join_users(join *work, uint32_t run, uint32_t run_end, wend_error *error)
{
    wendi_segment *segment = work->columns->segment;
    const wendi_user_runs *stored = NULL;
    const uint64_t *hashes = NULL;
    wendi_chunk *chunk = NULL;
    wend_status status = WEND_OK;
    WEND_TRY(wendi_segment_user_runs(segment, work->columns->row_group, &stored, error));
    WEND_TRY(wendi_segment_user_hashes(segment, work->columns->row_group, &hashes, error));
    WEND_TRY(wendi_segment_columns_chunk(work->columns, work->rows->schema->user_column, &chunk,
                                         error));
    WEND_TRY(wendi_chunk_dictionary(chunk, &work->users, error));
    uint32_t stored_end = stored->run_count - stored->null_run;
    uint32_t at = wendi_user_runs_lower_bound(stored, hashes, work->rows->runs[run].hash);
    while (run < run_end && at < stored_end) {
        uint64_t hash = work->rows->runs[run].hash;
        int order = (hash > hashes[at]) - (hash < hashes[at]);
        if (order == 0) {
            WEND_TRY(compare_users(work, run, stored, at, &order, error));
        }
        if (order == 0) {
            WEND_TRY(
                join_run(work, run, stored->first_row[at], stored->first_row[at + 1], error));
        }
        run += order <= 0;
        at += order >= 0;
    }
cleanup:
    return status;
}

/* Look up each of a few users, all of them text. */
static wend_status find_users(join *work, uint32_t run, uint32_t run_end, wend_error *error)
{
    wend_status status = WEND_OK;
    for (; run < run_end; run++) {
        wendi_value user = user_of_run(work->rows, run);
        uint32_t begin = 0;
        uint32_t end = 0;
        bool exact = false;
        WEND_TRY(wendi_segment_find_user(work->columns->segment, work->columns->row_group, &user,
                                         &begin, &end, &exact, error));
        WEND_REQUIRE(exact);
        WEND_TRY(join_run(work, run, begin, end, error));
    }
cleanup:
    return status;
}

/* ---- keys ---- */

/* Values of builder rows as a flat vector; `memory` has room for `count` strings. */
static void gather(const wendi_column_builder *column, const uint32_t *rows, uint32_t count,
                   void *memory, uint8_t *nulls, wendi_vector *vector)
{
    *vector = (wendi_vector){.type = column->type,
                             .form = WENDI_FORM_FLAT,
                             .row_count = count,
                             .nulls = nulls,
                             .data = memory};
    for (uint32_t i = 0; i < count; i++) {
        nulls[i] = wendi_column_builder_is_null(column, rows[i]);
        wendi_value value = wendi_column_builder_value(column, rows[i]);
        switch ((wendi_physical)column->physical) {
        case WENDI_PHYSICAL_I64:
            ((int64_t *)memory)[i] = value.i64;
            break;
        case WENDI_PHYSICAL_F64:
            ((double *)memory)[i] = value.f64;
            break;
        case WENDI_PHYSICAL_B16:
            ((wendi_b16 *)memory)[i] = value.b16;
            break;
        case WENDI_PHYSICAL_STRING:
            ((wendi_string *)memory)[i] = value.string;
            break;
        }
    }
}

/* The window's keys of at most KEY_ROWS rows. */
static wend_status some_window_keys(const wendi_row_builder *builder, const uint32_t *rows,
                                    uint32_t count, wendi_hash128 *keys, wend_error *error)
{
    const wendi_schema *schema = builder->schema;
    const size_t each = sizeof(wendi_b16); /* no value is larger, a view of text neither */
    uint32_t used = 0;
    wend_status status = WEND_OK;
    for (uint32_t i = 0; i < schema->column_count; i++) {
        used += wendi_row_key_uses(schema, i);
    }
    wendi_vector *vectors = wendi_alloc_zero(schema->column_count, sizeof *vectors);
    char *memory = wendi_alloc_aligned(64, (size_t)used * (KEY_ROWS * each + KEY_ROWS + 64) + 64);
    if (vectors == NULL || memory == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "finding repeats", used * (KEY_ROWS * each)));
    }
    char *at = memory;
    for (uint32_t i = 0; i < schema->column_count; i++) {
        if (wendi_row_key_uses(schema, i)) {
            gather(&builder->columns[i], rows, count, at, (uint8_t *)at + KEY_ROWS * each,
                   &vectors[i]);
            at += KEY_ROWS * each + KEY_ROWS + 64;
        }
    }
    WEND_TRY(wendi_row_keys(schema, vectors, count, keys, error));
cleanup:
    wendi_free(memory);
    wendi_free(vectors);
    return status;
}

wend_status wendi_repeat_window_keys(const wendi_row_builder *builder, const uint32_t *rows,
                                     uint32_t count, wendi_hash128 *keys, wend_error *error)
{
    uint32_t rules = wendi_row_key_rules(builder->schema);
    wend_status status = WEND_OK;
    wendi_hash128 *some = wendi_alloc((size_t)rules * KEY_ROWS * sizeof *some);
    if (some == NULL) {
        return wendi_fail_nomem(error, "finding repeats", rules * KEY_ROWS * sizeof *some);
    }
    for (uint32_t first = 0; first < count; first += KEY_ROWS) {
        uint32_t rest = count - first;
        uint32_t now = rest < KEY_ROWS ? rest : KEY_ROWS;
        WEND_TRY(some_window_keys(builder, rows + first, now, some, error));
        for (uint32_t rule = 0; rule < rules; rule++) {
            memcpy(keys + (size_t)rule * count + first, some + (size_t)rule * now,
                   now * sizeof *keys);
        }
    }
cleanup:
    wendi_free(some);
    return status;
}

/* The key under event_id = 'hash', of which segments store this hash. */
static wendi_hash128 stored_hash_key(uint64_t hash)
{
    return (wendi_hash128){wendi_mix64(hash), hash | 1};
}

wend_status wendi_repeat_keys(wendi_repeat_rows *rows, wend_error *error)
{
    if (rows->keys != NULL) {
        return WEND_OK;
    }
    size_t bytes = (size_t)rows->rules * rows->count * sizeof *rows->keys;
    rows->keys = wendi_alloc(bytes);
    if (rows->keys == NULL) {
        return wendi_fail_nomem(error, "finding repeats", bytes);
    }
    if (rows->schema->id_column == WENDI_NO_COLUMN) {
        return wendi_repeat_window_keys(rows->builder, rows->rows, rows->count, rows->keys, error);
    }
    const wendi_column_builder *id = &rows->builder->columns[rows->schema->id_column];
    for (uint32_t i = 0; i < rows->count; i++) {
        wendi_value value = wendi_column_builder_value(id, rows->rows[i]);
        rows->keys[i] = value.null ? (wendi_hash128){0, 0}
                                   : stored_hash_key(wendi_value_hash(&value));
    }
    return WEND_OK;
}

static bool is_key(wendi_hash128 key)
{
    return (key.low | key.high) != 0;
}

static wend_status index_keys(wendi_repeat_rows *rows, wend_error *error)
{
    if (rows->indexed) {
        return WEND_OK;
    }
    for (uint32_t i = 0; i < rows->rules * rows->count; i++) {
        if (!is_key(rows->keys[i])) {
            continue;
        }
        if (wendi_key_index_reserve(&rows->index, rows->keys[i]) != WEND_OK) {
            return wendi_fail_nomem(error, "finding repeats", rows->index.bytes);
        }
        wendi_key_index_insert(&rows->index, rows->keys[i], i);
    }
    rows->indexed = true;
    return WEND_OK;
}

/* A stored row has `key` under `rule`: which of the rows that have its user and time has it too? */
static wend_status compare_key(wendi_repeat_rows *rows, uint32_t rule, const hit *of,
                               wendi_hash128 key, wend_error *error)
{
    const wendi_hash128 *keys = rows->keys + (size_t)rule * rows->count;
    uint8_t *found = rows->found + (size_t)rule * rows->count;
    uint32_t base = rule * rows->count;
    uint32_t place;
    if (of->end - of->first <= COMPARED_ROWS_MAX) {
        for (uint32_t i = of->first; i < of->end; i++) {
            if (keys[i].low == key.low && keys[i].high == key.high) {
                found[i] = 1;
            }
        }
        return WEND_OK;
    }
    wend_status status = index_keys(rows, error);
    wendi_key_probe probe = wendi_key_index_probe(&rows->index, key);
    while (status == WEND_OK && wendi_key_index_next(&probe, &place)) {
        uint32_t i = place - base;
        if (place >= base && i >= of->first && i < of->end && keys[i].low == key.low &&
            keys[i].high == key.high) {
            found[i] = 1;
        }
    }
    return status;
}

/* ---- the second walk ---- */

typedef struct stored_keys { /* room for the keys of KEY_ROWS rows of the group */
    wendi_vector *vectors;
    wendi_hash128 *keys;
} stored_keys;

/* keys[rule * count + row] of rows of the group. */
static wend_status read_keys(join *work, stored_keys *room, uint32_t first, uint32_t count,
                             wend_error *error)
{
    const wendi_schema *schema = work->rows->schema;
    uint32_t id = schema->id_column;
    wend_status status = WEND_OK;
    if (id != WENDI_NO_COLUMN) {
        wendi_vector *hashes = &room->vectors[id];
        WEND_TRY(wendi_segment_columns_read(work->columns, id, first, count, hashes, error));
        for (uint32_t i = 0; i < count; i++) {
            room->keys[i] =
                wendi_vector_is_null(hashes, i)
                    ? (wendi_hash128){0, 0}
                    : stored_hash_key((uint64_t)hashes->i64[wendi_vector_index(hashes, i)]);
        }
        return WEND_OK;
    }
    for (uint32_t i = 0; i < schema->column_count; i++) {
        if (wendi_row_key_uses(schema, i)) {
            WEND_TRY(wendi_segment_columns_read(work->columns, i, first, count, &room->vectors[i],
                                                error));
        }
    }
    WEND_TRY(wendi_row_keys(schema, room->vectors, count, room->keys, error));
cleanup:
    return status;
}

/* The hits from `begin` on that are read together: close to each other and within one page. */
static uint32_t hits_together(const hit *hits, uint32_t begin, uint32_t count)
{
    uint32_t first = hits[begin].row / WENDI_VECTOR_ROWS * WENDI_VECTOR_ROWS;
    uint32_t limit = (first / WENDI_PAGE_ROWS + 1) * WENDI_PAGE_ROWS;
    limit = limit < first + KEY_ROWS ? limit : first + KEY_ROWS;
    uint32_t end = begin + 1;
    while (end < count && hits[end].row < limit &&
           hits[end].row / WENDI_VECTOR_ROWS <= hits[end - 1].row / WENDI_VECTOR_ROWS + 1) {
        end++;
    }
    return end;
}

static wend_status compare_hits(join *work, wend_error *error)
{
    wendi_repeat_rows *rows = work->rows;
    const hit *hits = (const hit *)(const void *)work->hits.data;
    uint32_t count = (uint32_t)(work->hits.length / sizeof *hits);
    wend_status status = WEND_OK;
    stored_keys room = {
        .vectors = wendi_alloc_zero(rows->schema->column_count, sizeof *room.vectors),
        .keys = wendi_alloc((size_t)rows->rules * KEY_ROWS * sizeof *room.keys)};
    if (room.vectors == NULL || room.keys == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "finding repeats", rows->rules * KEY_ROWS));
    }
    WEND_TRY(wendi_repeat_keys(rows, error));
    for (uint32_t begin = 0; begin < count;) {
        uint32_t end = hits_together(hits, begin, count);
        uint32_t first = hits[begin].row / WENDI_VECTOR_ROWS * WENDI_VECTOR_ROWS;
        uint32_t last = (hits[end - 1].row / WENDI_VECTOR_ROWS + 1) * WENDI_VECTOR_ROWS;
        uint32_t now = (last < work->row_count ? last : work->row_count) - first;
        WEND_TRY(read_keys(work, &room, first, now, error));
        for (; begin < end; begin++) {
            for (uint32_t rule = 0; rule < rows->rules; rule++) {
                wendi_hash128 key = room.keys[(size_t)rule * now + (hits[begin].row - first)];
                if (is_key(key)) {
                    WEND_TRY(compare_key(rows, rule, &hits[begin], key, error));
                }
            }
        }
    }
cleanup:
    wendi_free(room.vectors);
    wendi_free(room.keys);
    return status;
}

wend_status wendi_repeat_join(wendi_repeat_rows *rows, uint32_t run_begin, uint32_t run_end,
                              wendi_segment_columns *columns, wend_error *error)
{
    const wendi_schema *schema = rows->schema;
    const wendi_row_group_info *group =
        wendi_segment_row_group(columns->segment, columns->row_group);
    join work = {.rows = rows,
                 .columns = columns,
                 .row_count = group->row_count,
                 .user_values = {.position = schema->user_column},
                 .times = {.position = schema->time_column}};
    uint32_t users_end = rows->null_run && run_end == rows->run_count ? run_end - 1 : run_end;
    wend_status status = WEND_OK;
    if (run_begin < users_end) {
        bool text =
            wendi_type_physical(schema->columns[schema->user_column].type) == WENDI_PHYSICAL_STRING;
        WEND_TRY(text && users_end - run_begin <= LOOK_UP_RUNS
                     ? find_users(&work, run_begin, users_end, error)
                     : join_users(&work, run_begin, users_end, error));
    }
    if (users_end < run_end) { /* rows without a user are the last ones; without users, all */
        uint32_t without = schema->user_column == WENDI_NO_COLUMN
                               ? group->row_count
                               : (uint32_t)group->null_user_rows;
        WEND_TRY(join_run(&work, users_end, group->row_count - without, group->row_count, error));
    }
    if (work.hits.length != 0) {
        WEND_TRY(compare_hits(&work, error));
    }
cleanup:
    wendi_buffer_free(&work.hits);
    return status;
}
