/*
 * Reading slices: which runs of which row groups lie in a hash range, evaluating flags and cells
 * over their batches, and keeping the rows that passed.
 */
#include "query/behaviour/user_stream.h"

#include <string.h>

#include "engine/base/alloc.h"
#include "query/behaviour/user_slice.h"

enum { SLICES_MAX = 65536 };

uint32_t wendi_user_stream_slice_rows = 1 << 18;

typedef struct slice_worker { /* what one thread has for itself */
    wendi_scan_reader *reader;
    wendi_user_slice slice;
} slice_worker;

struct wendi_user_stream {
    wendi_query_context *context;
    wendi_user_stream_options options;
    wendi_slice_layout layout;
    wendi_scan *scan;
    uint32_t time_slot;
    uint32_t user_slot;
    uint32_t order_slot;
    uint32_t slice_count;
    uint32_t worker_count;
    slice_worker *workers;
    wendi_value_ids *ids; /* per cell, then the order column's */
    _Atomic uint64_t null_users;
    _Atomic uint64_t null_times;
    wendi_user_consumer consume;
    void *consume_context;
};

/* ---- opening ---- */

static wend_status check_roles(const wendi_schema *schema, wend_error *error)
{
    bool no_user = schema->user_column == WENDI_NO_COLUMN;
    if (!no_user && schema->time_column != WENDI_NO_COLUMN) {
        return WEND_OK;
    }
    wendi_fail(error, WEND_INVALID, "the table %.*s has no %s column",
               (int)schema->table_name.length, schema->table_name.data, no_user ? "user" : "time");
    wendi_error_hint(error, "create it with WITH (user_column = '…', time_column = '…')");
    return WEND_INVALID;
}

static uint32_t count_slices(const wendi_user_stream *stream)
{
    uint64_t wanted = wendi_scan_row_count(stream->scan) / wendi_user_stream_slice_rows + 1;
    uint64_t slices = 1;
    while (slices < wanted && slices < SLICES_MAX) {
        slices *= 2;
    }
    return (uint32_t)slices;
}

static wend_status open_workers(wendi_user_stream *stream, wend_error *error)
{
    stream->worker_count = wendi_thread_pool_workers(stream->context->pool);
    stream->workers = wendi_alloc_zero(stream->worker_count, sizeof *stream->workers);
    if (stream->workers == NULL) {
        return wendi_fail_nomem(error, "a stream of users",
                                stream->worker_count * sizeof *stream->workers);
    }
    for (uint32_t i = 0; i < stream->worker_count; i++) {
        wendi_user_slice_init(&stream->workers[i].slice, &stream->layout);
        wend_status status =
            wendi_scan_reader_open(stream->scan, &stream->workers[i].reader, error);
        if (status != WEND_OK) {
            return status;
        }
    }
    return WEND_OK;
}

static wend_status open_ids(wendi_user_stream *stream, wend_error *error)
{
    uint32_t count = stream->options.cell_count + 1;
    stream->ids = wendi_alloc_zero(count, sizeof *stream->ids);
    if (stream->ids == NULL) {
        return wendi_fail_nomem(error, "a stream of users", count * sizeof *stream->ids);
    }
    for (uint32_t i = 0; i < count; i++) {
        pthread_mutex_init(&stream->ids[i].lock, NULL);
    }
    return WEND_OK;
}

wend_status wendi_user_stream_open(wendi_query_context *context,
                                   const wendi_user_stream_options *options,
                                   wendi_user_stream **stream_out, wend_error *error)
{
    const wendi_schema *schema = wendi_snapshot_schema(options->snapshot);
    wend_status status = WEND_OK;
    wendi_user_stream *stream = wendi_alloc_zero(1, sizeof *stream);
    *stream_out = NULL;
    if (stream == NULL) {
        return wendi_fail_nomem(error, "a stream of users", sizeof *stream);
    }
    stream->context = context;
    stream->options = *options;
    WEND_TRY(check_roles(schema, error));
    stream->time_slot = wendi_table_scope_slot(options->scope, schema->time_column);
    stream->user_slot = wendi_table_scope_slot(options->scope, schema->user_column);
    stream->layout = (wendi_slice_layout){.flag_words = options->flag_count / 64 + 1,
                                          .cell_count = options->cell_count};
    if (schema->order_column != WENDI_NO_COLUMN) {
        stream->order_slot = wendi_table_scope_slot(options->scope, schema->order_column);
        stream->layout.has_order = true;
        stream->layout.order_type = schema->columns[schema->order_column].type;
        if (wendi_type_physical(stream->layout.order_type) > WENDI_PHYSICAL_F64) {
            WEND_TRY(
                wendi_fail(error, WEND_UNSUPPORTED, "the order column must be a number or a time"));
        }
    }
    wendi_scan_options scan = {.columns = options->scope->columns,
                               .column_count = options->scope->column_count,
                               .filter = options->filter,
                               .whole_row_groups = true};
    WEND_TRY(wendi_scan_open(context, options->snapshot, &scan, &stream->scan, error));
    stream->slice_count = count_slices(stream);
    WEND_TRY(open_ids(stream, error));
    WEND_TRY(open_workers(stream, error));
    *stream_out = stream;
    stream = NULL;
cleanup:
    wendi_user_stream_close(stream);
    return status;
}

void wendi_user_stream_close(wendi_user_stream *stream)
{
    if (stream == NULL) {
        return;
    }
    for (uint32_t i = 0; stream->workers != NULL && i < stream->worker_count; i++) {
        wendi_scan_reader_close(stream->workers[i].reader);
        wendi_user_slice_free(&stream->workers[i].slice);
    }
    for (uint32_t i = 0; stream->ids != NULL && i <= stream->options.cell_count; i++) {
        wendi_interner_free(&stream->ids[i].interner);
        pthread_mutex_destroy(&stream->ids[i].lock);
    }
    wendi_scan_close(stream->scan);
    wendi_free(stream->workers);
    wendi_free(stream->ids);
    wendi_free(stream);
}

/* ---- from vectors to cells ---- */

typedef struct kept_rows { /* the rows of a batch that stay: `from` rises; row i goes to target + i
                            */
    const uint32_t *from;
    uint32_t count;
    uint32_t target;
} kept_rows;

static wend_status intern(wendi_value_ids *ids, wendi_string text, uint64_t *id, wend_error *error)
{
    uint32_t code;
    wend_status status = wendi_interner_code(&ids->interner, text, &code);
    *id = code;
    return status == WEND_OK
               ? WEND_OK
               : wendi_fail_nomem(error, "distinct values", ids->interner.bytes.length);
}

/* Codes of one batch to ids: each code that occurs is interned once. */
static wend_status dictionary_cells(wendi_value_ids *ids, const wendi_vector *vector,
                                    const kept_rows *kept, uint64_t *cells, uint8_t *nulls,
                                    wendi_arena *arena, wend_error *error)
{
    uint32_t entries = vector->dictionary->entry_count;
    bool table_pays = entries <= 4 * kept->count;
    uint64_t *table =
        table_pays ? wendi_arena_alloc_zero(arena, (size_t)entries * sizeof *table) : NULL;
    wend_status status = WEND_OK;
    pthread_mutex_lock(&ids->lock);
    for (uint32_t i = 0; status == WEND_OK && i < kept->count; i++) {
        uint32_t code = vector->codes[kept->from[i]];
        uint64_t id = code != 0 && table != NULL ? table[code] : 0;
        nulls[i] = code == 0;
        if (code != 0 && id == 0) {
            status = intern(ids, wendi_dictionary_at(vector->dictionary, code), &id, error);
            if (table != NULL) {
                table[code] = id;
            }
        }
        cells[i] = id;
    }
    pthread_mutex_unlock(&ids->lock);
    return status;
}

static wend_status interned_cells(wendi_value_ids *ids, const wendi_vector *vector,
                                  const kept_rows *kept, uint64_t *cells, uint8_t *nulls,
                                  wend_error *error)
{
    bool text = wendi_type_physical(vector->type) == WENDI_PHYSICAL_STRING;
    wend_status status = WEND_OK;
    pthread_mutex_lock(&ids->lock);
    for (uint32_t i = 0; status == WEND_OK && i < kept->count; i++) {
        uint32_t row = kept->from[i];
        uint32_t index = wendi_vector_index(vector, row);
        nulls[i] = wendi_vector_is_null(vector, row);
        cells[i] = 0;
        if (!nulls[i]) {
            wendi_string bytes =
                text ? vector->strings[index]
                     : (wendi_string){(const char *)&vector->b16[index], sizeof(wendi_b16)};
            status = intern(ids, bytes, &cells[i], error);
        }
    }
    pthread_mutex_unlock(&ids->lock);
    return status;
}

static wend_status vector_cells(wendi_value_ids *ids, const wendi_vector *vector,
                                const kept_rows *kept, uint64_t *cells, uint8_t *nulls,
                                wendi_arena *arena, wend_error *error)
{
    cells += kept->target;
    nulls += kept->target;
    if (vector->form == WENDI_FORM_DICTIONARY) {
        return dictionary_cells(ids, vector, kept, cells, nulls, arena, error);
    }
    if (vector->type.kind == WENDI_TYPE_NULL) {
        memset(cells, 0, kept->count * sizeof *cells);
        memset(nulls, 1, kept->count);
        return WEND_OK;
    }
    if (wendi_type_physical(vector->type) > WENDI_PHYSICAL_F64) {
        return interned_cells(ids, vector, kept, cells, nulls, error);
    }
    for (uint32_t i = 0; i < kept->count; i++) { /* integers and doubles: the same eight bytes */
        uint32_t row = kept->from[i];
        nulls[i] = wendi_vector_is_null(vector, row);
        cells[i] = nulls[i] ? 0 : (uint64_t)vector->i64[wendi_vector_index(vector, row)];
    }
    return WEND_OK;
}

/* ---- reading a range of rows of one row group ---- */

typedef struct range_reader {
    wendi_user_stream *stream;
    slice_worker *worker;
    wendi_slice_source *source;
    const wendi_user_runs *runs;
    const uint64_t *hashes;
    uint32_t run;  /* of the last kept row */
    bool run_open; /* a run of the source was begun for it */
} range_reader;

static wendi_value user_of(const wendi_vector *vector, uint32_t row)
{
    wendi_value user = {.type = vector->type};
    uint32_t index = wendi_vector_index(vector, row);
    switch (wendi_type_physical(vector->type)) {
    case WENDI_PHYSICAL_I64:
        user.i64 = vector->i64[index];
        break;
    case WENDI_PHYSICAL_F64:
        user.f64 = vector->f64[index];
        break;
    case WENDI_PHYSICAL_B16:
        user.b16 = vector->b16[index];
        break;
    default:
        user.string = wendi_vector_string(vector, row);
        break;
    }
    return user;
}

/* Times and users of the kept rows, which says where runs begin; flags start at 0. */
static wend_status keep_rows(range_reader *range, const wendi_batch *batch, const kept_rows *kept,
                             uint32_t first_row, wend_error *error)
{
    const wendi_user_stream *stream = range->stream;
    const wendi_vector *times = &batch->columns[stream->time_slot];
    const wendi_vector *users = &batch->columns[stream->user_slot];
    wendi_slice_source *source = range->source;
    for (uint32_t i = 0; i < kept->count; i++) {
        uint32_t row = kept->from[i];
        uint32_t run = range->run;
        while (range->runs->first_row[run + 1] <= first_row + row) {
            run++;
        }
        if (!range->run_open || run != range->run) {
            wendi_value user = user_of(users, row);
            wend_status status = wendi_slice_source_run(&range->worker->slice, source,
                                                        range->hashes[run], &user, error);
            if (status != WEND_OK) {
                return status;
            }
            range->run = run;
            range->run_open = true;
        }
        source->times[source->row_count++] = times->i64[wendi_vector_index(times, row)];
    }
    memset(source->flags + (size_t)kept->target * stream->layout.flag_words, 0,
           (size_t)kept->count * stream->layout.flag_words * sizeof(uint64_t));
    return WEND_OK;
}

static wend_status read_flags(range_reader *range, const wendi_batch *batch,
                              const wendi_selection *selection, const kept_rows *kept,
                              wend_error *error)
{
    const wendi_user_stream *stream = range->stream;
    uint32_t words = stream->layout.flag_words;
    wendi_evaluator *evaluator = wendi_scan_reader_evaluator(range->worker->reader);
    for (uint32_t f = 0; f < stream->options.flag_count; f++) {
        wendi_vector truth;
        wend_status status =
            wendi_evaluate(evaluator, stream->options.flags[f], batch, selection, &truth, error);
        if (status != WEND_OK) {
            return status;
        }
        if (truth.type.kind == WENDI_TYPE_NULL) {
            continue;
        }
        uint64_t *flags = range->source->flags + (size_t)kept->target * words + f / 64;
        for (uint32_t i = 0; i < kept->count; i++) {
            uint32_t row = kept->from[i];
            uint64_t is = !wendi_vector_is_null(&truth, row) &&
                          truth.i64[wendi_vector_index(&truth, row)] != 0;
            flags[(size_t)i * words] |= is << (f % 64);
        }
    }
    return WEND_OK;
}

static wend_status read_cells(range_reader *range, const wendi_batch *batch,
                              const wendi_selection *selection, const kept_rows *kept,
                              wend_error *error)
{
    wendi_user_stream *stream = range->stream;
    wendi_evaluator *evaluator = wendi_scan_reader_evaluator(range->worker->reader);
    wendi_arena *arena = &range->worker->slice.arena;
    wend_status status = WEND_OK;
    for (uint32_t c = 0; status == WEND_OK && c < stream->options.cell_count; c++) {
        wendi_vector vector;
        status =
            wendi_evaluate(evaluator, stream->options.cells[c], batch, selection, &vector, error);
        if (status == WEND_OK) {
            status = vector_cells(&stream->ids[c], &vector, kept, range->source->cells[c],
                                  range->source->nulls[c], arena, error);
        }
    }
    uint32_t order = stream->options.cell_count;
    if (status == WEND_OK && stream->layout.has_order) {
        status =
            vector_cells(&stream->ids[order], &batch->columns[stream->order_slot], kept,
                         range->source->cells[order], range->source->nulls[order], arena, error);
    }
    return status;
}

/* The selected rows that have a time; `kept` has room for the batch. */
static uint32_t with_time(wendi_user_stream *stream, const wendi_batch *batch,
                          const wendi_selection *selection, uint32_t *kept)
{
    const wendi_vector *times = &batch->columns[stream->time_slot];
    uint32_t count = 0;
    for (uint32_t i = 0; i < selection->count; i++) {
        uint32_t row = selection->indices == NULL ? i : selection->indices[i];
        kept[count] = row;
        count += !wendi_vector_is_null(times, row);
    }
    atomic_fetch_add(&stream->null_times, selection->count - count);
    return count;
}

static wend_status read_range(range_reader *range, const wendi_scan_unit *unit, wend_error *error)
{
    wendi_user_stream *stream = range->stream;
    wendi_scan_reader *reader = range->worker->reader;
    uint32_t *from =
        wendi_arena_alloc(&range->worker->slice.arena, WENDI_BATCH_ROWS * sizeof *from);
    wend_status status = WEND_OK;
    if (from == NULL) {
        return wendi_fail_nomem(error, "a slice of users", WENDI_BATCH_ROWS * sizeof *from);
    }
    WEND_TRY(wendi_scan_reader_start(reader, unit, error));
    for (;;) {
        wendi_batch batch;
        wendi_selection selection;
        uint32_t first_row;
        status = wendi_scan_reader_next(reader, &batch, &selection, &first_row, error);
        if (status == WEND_END) {
            return WEND_OK;
        }
        WEND_TRY(status);
        WEND_TRY(wendi_query_check(stream->context, error));
        kept_rows kept = {from, with_time(stream, &batch, &selection, from),
                          range->source->row_count};
        wendi_selection rows = {from, kept.count};
        WEND_TRY(keep_rows(range, &batch, &kept, first_row, error));
        WEND_TRY(read_flags(range, &batch, &rows, &kept, error));
        WEND_TRY(read_cells(range, &batch, &rows, &kept, error));
    }
cleanup:
    return status;
}

/* Rows without a user pass the filter or not like others, but only their number is wanted. */
static wend_status count_null_users(wendi_user_stream *stream, slice_worker *worker,
                                    const wendi_scan_unit *unit, wend_error *error)
{
    wend_status status = wendi_scan_reader_start(worker->reader, unit, error);
    while (status == WEND_OK) {
        wendi_batch batch;
        wendi_selection selection;
        uint32_t first_row;
        status = wendi_scan_reader_next(worker->reader, &batch, &selection, &first_row, error);
        if (status == WEND_OK) {
            atomic_fetch_add(&stream->null_users, selection.count);
        }
    }
    return status == WEND_END ? WEND_OK : status;
}

/* ---- slices ---- */

/* The first hash of slice `number`; slice_count is a power of two, so slices are equal in width. */
static uint64_t slice_begin(const wendi_user_stream *stream, uint32_t number)
{
    return stream->slice_count == 1 ? 0 : (UINT64_MAX / stream->slice_count + 1) * number;
}

static wend_status read_unit(wendi_user_stream *stream, slice_worker *worker, uint32_t number,
                             const wendi_scan_unit *unit, wend_error *error)
{
    wendi_segment *segment = wendi_scan_segment(stream->scan, unit->segment);
    const wendi_user_runs *runs;
    const uint64_t *hashes;
    bool last_slice = number + 1 == stream->slice_count;
    wend_status status = WEND_OK;
    WEND_TRY(wendi_segment_user_runs(segment, unit->row_group, &runs, error));
    WEND_TRY(wendi_segment_user_hashes(segment, unit->row_group, &hashes, error));
    uint32_t user_runs = runs->run_count - (runs->null_run ? 1u : 0u);
    uint32_t first = wendi_user_runs_lower_bound(runs, hashes, slice_begin(stream, number));
    uint32_t end = last_slice
                       ? user_runs
                       : wendi_user_runs_lower_bound(runs, hashes, slice_begin(stream, number + 1));
    if (first < end) {
        range_reader range = {
            .stream = stream, .worker = worker, .runs = runs, .hashes = hashes, .run = first};
        wendi_scan_unit part = {unit->segment, unit->row_group, runs->first_row[first],
                                runs->first_row[end]};
        WEND_TRY(wendi_user_slice_source(&worker->slice, part.row_end - part.row_begin,
                                         &range.source, error));
        WEND_TRY(read_range(&range, &part, error));
    }
    if (last_slice && runs->null_run) {
        wendi_scan_unit part = {unit->segment, unit->row_group, runs->first_row[user_runs],
                                runs->first_row[user_runs + 1]};
        WEND_TRY(count_null_users(stream, worker, &part, error));
    }
cleanup:
    return status;
}

static wend_status run_slice(void *context, uint32_t worker_number, uint32_t number,
                             wend_error *error)
{
    wendi_user_stream *stream = context;
    slice_worker *worker = &stream->workers[worker_number];
    uint32_t unit_count;
    const wendi_scan_unit *units = wendi_scan_units(stream->scan, &unit_count);
    uint64_t reserved = 0;
    wend_status status = WEND_OK;
    wendi_user_slice_reset(&worker->slice);
    for (uint32_t i = 0; i < unit_count; i++) {
        WEND_TRY(read_unit(stream, worker, number, &units[i], error));
    }
    WEND_TRY(wendi_query_reserve(stream->context, worker->slice.arena.used_bytes,
                                 "users of one slice", error));
    reserved = worker->slice.arena.used_bytes;
    WEND_TRY(wendi_user_slice_merge(&worker->slice, stream->consume, stream->consume_context,
                                    worker_number, number, error));
cleanup:
    wendi_query_unreserve(stream->context, reserved);
    return status;
}

wend_status wendi_user_stream_run(wendi_user_stream *stream, wendi_user_consumer consume,
                                  void *context, wend_error *error)
{
    stream->consume = consume;
    stream->consume_context = context;
    atomic_store(&stream->null_users, 0);
    atomic_store(&stream->null_times, 0);
    return wendi_thread_pool_run(stream->context->pool, stream->slice_count, run_slice, stream,
                                 error);
}

/* ---- what is known afterwards ---- */

uint32_t wendi_user_stream_workers(const wendi_user_stream *stream)
{
    return stream->worker_count;
}

uint32_t wendi_user_stream_slices(const wendi_user_stream *stream)
{
    return stream->slice_count;
}

wendi_value wendi_user_stream_value(const wendi_user_stream *stream, uint32_t cell, uint64_t id)
{
    wendi_value value = {.type = stream->options.cells[cell]->type};
    wendi_string bytes = wendi_interner_at(&stream->ids[cell].interner, (uint32_t)id);
    if (wendi_type_physical(value.type) == WENDI_PHYSICAL_STRING) {
        value.string = bytes;
    } else {
        memcpy(&value.b16, bytes.data, sizeof value.b16);
    }
    return value;
}

wendi_value wendi_user_cell_value(const wendi_user_stream *stream, uint32_t cell, uint64_t bits,
                                  bool null)
{
    wendi_value value = {.type = stream->options.cells[cell]->type, .null = null};
    if (null || value.type.kind == WENDI_TYPE_NULL) {
        value.null = true;
    } else if (wendi_type_physical(value.type) > WENDI_PHYSICAL_F64) {
        value = wendi_user_stream_value(stream, cell, bits);
    } else {
        memcpy(&value.i64, &bits, sizeof value.i64);
    }
    return value;
}

wend_status wendi_user_cell_vector(wendi_user_stream *stream, uint32_t cell,
                                   const wendi_user_rows *rows, uint32_t first, uint32_t count,
                                   wendi_arena *arena, wendi_vector *vector, wend_error *error)
{
    wendi_type type = stream->options.cells[cell]->type;
    const uint64_t *cells = rows->cells[cell] + first;
    *vector = (wendi_vector){.type = type,
                             .form = WENDI_FORM_FLAT,
                             .row_count = count,
                             .nulls = rows->nulls[cell] + first,
                             .data = cells};
    if (wendi_type_physical(type) <= WENDI_PHYSICAL_F64) {
        return WEND_OK;
    }
    bool text = wendi_type_physical(type) == WENDI_PHYSICAL_STRING;
    wendi_b16 *values = wendi_arena_alloc_zero(arena, count * sizeof *values + 64);
    if (values == NULL) {
        return wendi_fail_nomem(error, "values of a session", count * sizeof *values);
    }
    wendi_value_ids *ids = &stream->ids[cell];
    wend_status status = WEND_OK;
    pthread_mutex_lock(&ids->lock);
    for (uint32_t i = 0; status == WEND_OK && i < count; i++) {
        wendi_string bytes = vector->nulls[i]
                                 ? (wendi_string){"", 0}
                                 : wendi_interner_at(&ids->interner, (uint32_t)cells[i]);
        char *copy = wendi_arena_copy(arena, bytes.data, bytes.length);
        if (copy == NULL) {
            status = wendi_fail_nomem(error, "values of a session", bytes.length);
        } else if (text) {
            wendi_string value = {copy, bytes.length};
            memcpy(&values[i], &value, sizeof value);
        } else if (bytes.length == sizeof *values) {
            memcpy(&values[i], copy, sizeof *values);
        }
    }
    pthread_mutex_unlock(&ids->lock);
    vector->data = values;
    return status;
}

uint64_t wendi_user_stream_null_users(const wendi_user_stream *stream)
{
    return atomic_load(&stream->null_users);
}

uint64_t wendi_user_stream_null_times(const wendi_user_stream *stream)
{
    return atomic_load(&stream->null_times);
}

int64_t wendi_user_stream_newest(const wendi_user_stream *stream)
{
    const wendi_table_state *state = wendi_snapshot_state(stream->options.snapshot);
    int64_t newest = INT64_MIN;
    for (uint32_t i = 0; i < state->segment_count; i++) {
        const wendi_segment_entry *entry = &state->segments[i];
        newest = entry->time_min <= entry->time_max && entry->time_max > newest ? entry->time_max
                                                                                : newest;
    }
    return newest;
}

int64_t wendi_user_stream_oldest(const wendi_user_stream *stream)
{
    const wendi_table_state *state = wendi_snapshot_state(stream->options.snapshot);
    int64_t oldest = INT64_MAX;
    for (uint32_t i = 0; i < state->segment_count; i++) {
        const wendi_segment_entry *entry = &state->segments[i];
        oldest = entry->time_min <= entry->time_max && entry->time_min < oldest ? entry->time_min
                                                                                : oldest;
    }
    return oldest;
}
