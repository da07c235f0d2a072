/* Candidates for columns: a query over _rest, whose values go to schema inference. */
#include "wend/ingest.h"

#include <string.h>

#include "engine/api/api_internal.h"
#include "engine/api/arrow_import.h"
#include "engine/base/alloc.h"
#include "engine/sql/sql.h"
#include "engine/table/table.h"
#include "ingest/candidates.h"

#define ROWS_DEFAULT UINT64_C(1000000)

/* ---- which rows ------------------------------------------------------------------------------- */

/* The time from which segments that together have enough rows, the newest first, have all of theirs; INT64_MIN: from the
 * beginning. */
static int64_t newest_from(const wendi_table_state *state, uint64_t rows_wanted)
{
    int64_t from = INT64_MAX;
    for (uint64_t rows = 0; rows < rows_wanted;) {
        const wendi_segment_entry *newest = NULL;
        for (uint32_t i = 0; i < state->segment_count; i++) {
            const wendi_segment_entry *entry = &state->segments[i];
            bool timed = entry->time_min <= entry->time_max && entry->time_min < from;
            newest = timed && (newest == NULL || entry->time_min > newest->time_min) ? entry : newest;
        }
        if (newest == NULL) {
            return INT64_MIN;
        }
        from = newest->time_min;
        rows = 0;
        for (uint32_t i = 0; i < state->segment_count; i++) {
            rows += state->segments[i].time_min >= from ? state->segments[i].row_count : 0;
        }
    }
    return from;
}

static wend_status write_query(const wendi_schema *schema, const wendi_table_state *state, uint64_t row_count_max,
                               wendi_buffer *sql, wend_error *error)
{
    int64_t from = newest_from(state, row_count_max);
    wend_status status = WEND_OK;
    WEND_TRY(wendi_buffer_printf(sql, "SELECT " WENDI_REST_NAME " FROM "));
    WEND_TRY(wendi_sql_print_name(schema->table_name, sql));
    if (schema->time_column != WENDI_NO_COLUMN && from != INT64_MIN) {
        wendi_value time = {.type = wendi_type_of(WENDI_TYPE_TIMESTAMPTZ), .i64 = from};
        WEND_TRY(wendi_buffer_printf(sql, " WHERE "));
        WEND_TRY(wendi_sql_print_name(schema->columns[schema->time_column].name, sql));
        WEND_TRY(wendi_buffer_printf(sql, " >= timestamptz '"));
        WEND_TRY(wendi_value_format(&time, wendi_timezone_utc(), sql));
        WEND_TRY(wendi_buffer_printf(sql, "'"));
    }
    WEND_TRY(wendi_buffer_printf(sql, " LIMIT %llu", (unsigned long long)row_count_max));
    WEND_TRY(wendi_buffer_u8(sql, '\0'));
cleanup:
    return status == WEND_OK ? status : wendi_fail_nomem(error, "a query", sql->length);
}

/* ---- reading them ----------------------------------------------------------------------------- */

static wend_status take_batch(const struct ArrowSchema *schema, const struct ArrowArray *batch, wendi_candidates *candidates,
                              wend_error *error)
{
    wendi_arrow_field field;
    wend_status status = WEND_OK;
    WEND_TRY(wendi_arrow_field_open(schema->children[0], batch->children[0], batch->offset, wendi_type_of(WENDI_TYPE_JSONB),
                                    &field, error));
    for (int64_t row = 0; row < batch->length; row++) {
        wendi_value value;
        const char *reason = "";
        status = wendi_arrow_field_value(&field, row, &value, &reason);
        if (status != WEND_OK) {
            WEND_TRY(wendi_fail(error, status, "%s", reason));
        }
        if (!value.null) {
            WEND_TRY(wendi_candidates_add(candidates, value.string, error));
        }
    }
cleanup:
    return status;
}

static wend_status read_rows(wend_store *store, const char *sql, wendi_candidates *candidates, uint64_t *row_count,
                             wend_error *error)
{
    wend_query *query = NULL;
    struct ArrowArrayStream stream = {0};
    struct ArrowSchema schema = {0};
    struct ArrowArray batch = {0};
    wend_status status = WEND_OK;
    WEND_TRY(wend_query_open(store, sql, NULL, &query, error));
    WEND_TRY(wend_query_stream(query, &stream, error));
    int code = stream.get_schema(&stream, &schema);
    while (code == 0) {
        code = stream.get_next(&stream, &batch);
        if (code != 0 || batch.release == NULL) {
            break;
        }
        *row_count += (uint64_t)batch.length;
        WEND_TRY(take_batch(&schema, &batch, candidates, error));
        batch.release(&batch);
    }
    if (code != 0) {
        const wend_error *why = wend_query_error(query);
        status = why->status;
        if (error != NULL) {
            *error = *why;
        }
    }
cleanup:
    if (batch.release != NULL) {
        batch.release(&batch);
    }
    if (schema.release != NULL) {
        schema.release(&schema);
    }
    if (stream.release != NULL) {
        stream.release(&stream);
    }
    wend_query_close(query);
    return status;
}

typedef struct candidate_bridge {
    bool (*each)(void *context, const wend_candidate *candidate);
    void *context;
    uint64_t row_count;
} candidate_bridge;

static bool forward(void *context, const wendi_candidate *found)
{
    const candidate_bridge *bridge = context;
    wend_candidate candidate = {.path = found->path.data,
                                .count = found->count,
                                .row_count = bridge->row_count,
                                .type = found->type,
                                .example = found->example,
                                .ddl = found->ddl.data};
    return bridge->each(bridge->context, &candidate);
}

wend_status wend_table_candidates(wend_store *store, const char *table, uint64_t row_count_max,
                                  bool (*each)(void *context, const wend_candidate *candidate), void *context,
                                  wend_error *error)
{
    candidate_bridge bridge = {each, context, 0};
    wendi_table *opened = NULL;
    wendi_snapshot *snapshot = NULL;
    wendi_candidates *candidates = NULL;
    wendi_buffer sql = {0};
    wend_status status = WEND_OK;
    WEND_TRY(wendi_api_argument(store, "store", error));
    WEND_TRY(wendi_api_argument(table, "table", error));
    WEND_TRY(wendi_table_open(store->path, wendi_string_of(table), &opened, error));
    WEND_TRY(wendi_table_snapshot(opened, &snapshot, error));
    const wendi_schema *schema = wendi_snapshot_arrival_schema(snapshot);
    if (schema->rest_column == WENDI_NO_COLUMN) {
        wendi_fail(error, WEND_INVALID, "%s keeps no " WENDI_REST_NAME, table);
        wendi_error_hint(error, "its statement says rest = 'drop': the numbers of an ingest list keys without a column");
        WEND_TRY(WEND_INVALID);
    }
    WEND_TRY(wendi_candidates_open(schema, &candidates, error));
    WEND_TRY(write_query(schema, wendi_snapshot_state(snapshot), row_count_max != 0 ? row_count_max : ROWS_DEFAULT, &sql, error));
    WEND_TRY(read_rows(store, (const char *)sql.data, candidates, &bridge.row_count, error));
    WEND_TRY(wendi_candidates_show(candidates, forward, &bridge, error));
cleanup:
    wendi_candidates_close(candidates);
    if (snapshot != NULL) {
        wendi_snapshot_release(snapshot);
    }
    wendi_table_close(opened);
    wendi_buffer_free(&sql);
    return status;
}
