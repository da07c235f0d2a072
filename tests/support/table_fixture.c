/* Events whose every value follows from their number, so that any row read tells whether it is
 * right. */
#include "tests/support/table_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "engine/base/alloc.h"
#include "engine/expr/table_ddl.h"
#include "engine/table/row_key.h"
#include "engine/table/table_state.h"
#include "engine/table/verify.h"
#include "format/segment_reader.h"

enum { COLUMNS = 5 };

void fixture_folder_make(char *folder)
{
    const char *parent = getenv("TMPDIR");
    if (parent == NULL) { /* thousands of small tables: in memory where that can be */
        parent = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    }
    snprintf(folder, 64, "%s/wend-table-XXXXXX", parent);
    assert_non_null(mkdtemp(folder));
}

void fixture_shell(const char *format, ...)
{
    char command[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(command, sizeof command, format, arguments);
    va_end(arguments);
    if (system(command) != 0) {
        fail_msg("failed: %s", command);
    }
}

void fixture_folder_remove(const char *folder)
{
    fixture_shell("rm -rf '%s'", folder);
}

void fixture_create(const char *store, const char *ddl)
{
    wendi_schema *schema = NULL;
    wend_error error = {0};
    if (wendi_schema_parse(ddl, &schema, &error) != WEND_OK ||
        wendi_table_create(store, schema, &error) != WEND_OK) {
        fail_msg("%s: %s", ddl, error.message);
    }
    wendi_schema_free(schema);
}

/* The values of event `id`: null where the type's kind is 0. Text is in `text` (2 x 32 bytes). */
static void event_values(int64_t id, const wendi_schema *schema, wendi_value values[COLUMNS],
                         char text[2][32])
{
    for (uint32_t i = 0; i < COLUMNS; i++) {
        values[i] = (wendi_value){.type = schema->columns[i].type};
    }
    values[0].i64 = id;
    values[1].null = id % 17 == 0;
    values[1].string =
        (wendi_string){text[0], (uint32_t)snprintf(text[0], 32, "user-%lld", (long long)(id % 23))};
    values[2].i64 = INT64_C(1750000000000000) + id * 1000 - (id % 5) * 7000;
    values[3].string = (wendi_string){
        text[1], (uint32_t)snprintf(text[1], 32, "/page/%lld", (long long)(id % 40))};
    values[4].null = id % 3 == 0;
    values[4].i64 = values[4].null ? 0 : id * 100 + 5;
}

wend_status fixture_fill(wendi_row_builder *builder, const wendi_schema *schema, int64_t from,
                         int64_t to)
{
    char text[2][32];
    wendi_value values[COLUMNS];
    wend_status status = WEND_OK;
    WEND_TRY(wendi_row_builder_init(builder, schema, (uint32_t)(to - from) + 1, NULL));
    for (int64_t id = from; id < to; id++) {
        event_values(id, schema, values, text);
        for (uint32_t i = 0; i < schema->column_count; i++) {
            wendi_value none = {.type = schema->columns[i].type, .null = true};
            WEND_TRY(wendi_row_builder_set(builder, i, i < COLUMNS ? &values[i] : &none));
        }
        builder->partitions[builder->row_count++] = 0;
    }
cleanup:
    return status;
}

wend_status fixture_flush(wendi_table_writer *writer, int64_t from, int64_t to,
                          wendi_pending_segment **pending, wend_error *error)
{
    wendi_row_builder builder = {0};
    wend_status status = fixture_fill(&builder, wendi_table_writer_schema(writer), from, to);
    if (status == WEND_OK) {
        status = wendi_table_writer_flush(writer, &builder, pending, error);
    }
    wendi_row_builder_free(&builder);
    return status;
}

wend_status fixture_commit(wendi_table_writer *writer, int64_t from, int64_t to, uint64_t rejects,
                           wend_error *error)
{
    static const char line[] =
        "{\"topic\":\"s\",\"partition\":0,\"offset\":1,\"reason\":\"r\",\"raw\":\"x\"}\n";
    wendi_pending_segment *pending[1];
    wendi_buffer lines = {0};
    wendi_string topic = wendi_string_of("s");
    const wendi_source_state *known =
        wendi_state_source(wendi_table_writer_state(writer), topic, 0);
    wendi_source_state source =
        known == NULL ? (wendi_source_state){.topic = topic, .shown = topic} : *known;
    wend_status status = fixture_flush(writer, from, to, &pending[0], error);
    if (status != WEND_OK) {
        return status;
    }
    source.next = to;
    source.taken += to - from + (int64_t)rejects;
    source.stored += to - from;
    source.rejected += (int64_t)rejects;
    for (uint64_t i = 0; i < rejects; i++) {
        if (wendi_buffer_append(&lines, line, sizeof line - 1) != WEND_OK) {
            wendi_buffer_free(&lines);
            return WEND_NOMEM; /* the pending segment goes with the writer */
        }
    }
    wendi_reject_block block = {lines.data, lines.length, rejects};
    wendi_commit_request request = {.segments = pending,
                                    .segment_count = pending[0] != NULL,
                                    .sources = &source,
                                    .source_count = 1,
                                    .rejects = &block};
    status = wendi_table_writer_commit(writer, &request, error);
    wendi_buffer_free(&lines);
    return status;
}

static void check_row(const wendi_schema *schema, wendi_vector vectors[COLUMNS], uint32_t row,
                      int64_t *sum)
{
    char text[2][32];
    wendi_value values[COLUMNS];
    int64_t id = vectors[0].i64[wendi_vector_index(&vectors[0], row)];
    event_values(id, schema, values, text);
    for (uint32_t i = 0; i < COLUMNS; i++) {
        bool null = wendi_vector_is_null(&vectors[i], row);
        assert_int_equal(null, values[i].null);
        if (!null && wendi_type_physical(values[i].type) == WENDI_PHYSICAL_STRING) {
            assert_true(
                wendi_string_equal(wendi_vector_string(&vectors[i], row), values[i].string));
        } else if (!null) {
            assert_true(vectors[i].i64[wendi_vector_index(&vectors[i], row)] == values[i].i64);
        }
    }
    *sum += id;
}

static wend_status read_group(wendi_segment *segment, const wendi_schema *schema, uint32_t group,
                              uint64_t *count, int64_t *sum, wend_error *error)
{
    wendi_chunk *chunks[COLUMNS] = {NULL};
    wendi_vector vectors[COLUMNS];
    wend_status status = WEND_OK;
    uint32_t rows = wendi_segment_row_group(segment, group)->row_count;
    for (uint32_t i = 0; i < COLUMNS; i++) {
        WEND_TRY(wendi_chunk_open(segment, group,
                                  wendi_segment_find_column(segment, schema->columns[i].id),
                                  &chunks[i], error));
    }
    for (uint32_t first = 0; first < rows; first += WENDI_BATCH_ROWS) {
        uint32_t batch = rows - first < WENDI_BATCH_ROWS ? rows - first : WENDI_BATCH_ROWS;
        for (uint32_t i = 0; i < COLUMNS; i++) {
            WEND_TRY(wendi_chunk_read(chunks[i], first, batch, &vectors[i], error));
        }
        for (uint32_t row = 0; row < batch; row++) {
            check_row(schema, vectors, row, sum);
        }
        *count += batch;
    }
cleanup:
    for (uint32_t i = 0; i < COLUMNS; i++) {
        wendi_chunk_close(chunks[i]);
    }
    return status;
}

wend_status fixture_read(wendi_snapshot *snapshot, uint64_t *count, int64_t *sum, wend_error *error)
{
    const wendi_table_state *state = wendi_snapshot_state(snapshot);
    *count = 0;
    *sum = 0;
    for (uint32_t i = 0; i < state->segment_count; i++) {
        wendi_segment *segment;
        wend_status status = wendi_snapshot_segment(snapshot, i, &segment, error);
        for (uint32_t group = 0;
             status == WEND_OK && group < wendi_segment_row_group_count(segment); group++) {
            status = read_group(segment, wendi_snapshot_schema(snapshot), group, count, sum, error);
        }
        if (status != WEND_OK) {
            return status;
        }
    }
    return WEND_OK;
}

static void tell_fault(void *context, const wendi_table_fault *fault)
{
    (void)context;
    fprintf(stderr, "%s: %s\n", fault->path, fault->message);
}

void fixture_verify(const char *store)
{
    wendi_table_verified verified;
    wend_error error = {0};
    if (wendi_table_verify(store, wendi_string_of("t"), tell_fault, NULL, &verified, &error) !=
        WEND_OK) {
        fail_msg("verify: %s", error.message);
    }
}

wend_status fixture_unique(wendi_table_writer *writer, wendi_row_builder *builder, uint32_t first,
                           uint8_t *keep, uint32_t *duplicate_count, wend_error *error)
{
    size_t rules = wendi_row_key_rules(builder->schema);
    uint32_t count = builder->row_count - first;
    wend_status status = WEND_OK;
    *duplicate_count = 0;
    if (rules == 0 || count == 0) {
        return WEND_OK;
    }
    wendi_hash128 *keys = wendi_alloc(rules * count * sizeof *keys);
    if (keys == NULL) {
        return wendi_fail_nomem(error, "deduplicating rows", rules * count * sizeof *keys);
    }
    WEND_TRY(wendi_row_builder_keys(builder, first, count, keys, error));
    WEND_TRY(wendi_table_writer_unique(writer, builder, keys, count, keep, duplicate_count, error));
cleanup:
    wendi_free(keys);
    return status;
}
