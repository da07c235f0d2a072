/* Stores in temporary folders, written through the table's own writer. */
#include "tests/support/query_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/column/builder.h"
#include "engine/expr/schema_rules.h"
#include "engine/expr/table_ddl.h"
#include "engine/table/writer.h"

#define MUST(call)                                                                                 \
    do {                                                                                           \
        wend_error error_ = {0};                                                                   \
        if ((call) != WEND_OK) {                                                                   \
            fprintf(stderr, "%s:%d: %s: %s %s\n", __FILE__, __LINE__, #call, error_.message,       \
                    error_.hint);                                                                  \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

void query_fixture_open(query_fixture *fixture)
{
    const char *folder = getenv("TMPDIR");

    snprintf(fixture->store, sizeof fixture->store, "%s/wend-query-XXXXXX",
             folder == NULL ? "/tmp" : folder);
    if (mkdtemp(fixture->store) == NULL) {
        perror("mkdtemp");
        abort();
    }
}

void query_fixture_close(query_fixture *fixture)
{
    char command[96];

    snprintf(command, sizeof command, "rm -rf '%s'", fixture->store);
    if (system(command) != 0) {
        fprintf(stderr, "could not remove %s\n", fixture->store);
    }
}

static void set_row(wendi_row_builder *builder, const char *const *cells)
{
    for (uint32_t i = 0; i < builder->column_count; i++) {
        wendi_value value = {.type = builder->schema->columns[i].type, .null = cells[i] == NULL};
        const char *reason = "";
        if (!value.null && wendi_value_parse(value.type, wendi_string_of(cells[i]),
                                             wendi_timezone_utc(), &value, &reason) != WEND_OK) {
            fprintf(stderr, "%s: %s\n", cells[i], reason);
            abort();
        }
        MUST(wendi_row_builder_set(builder, i, &value));
    }
    builder->row_count++;
}

/* Generated columns get their values as ingest would give them. */
static void generate(const wendi_schema *schema, wendi_row_builder *builder)
{
    wendi_schema_rules *rules = NULL;
    wendi_evaluator *evaluator = NULL;
    wendi_vector *vectors = wendi_alloc_zero(builder->column_count, sizeof *vectors);
    uint32_t *failed = wendi_alloc(builder->row_count * sizeof *failed + 1);

    MUST(wendi_schema_rules_open(schema, &rules, &error_));
    MUST(wendi_evaluator_open(&evaluator, &error_));
    for (uint32_t first = 0; first < builder->row_count; first += WENDI_BATCH_ROWS) {
        uint32_t count = builder->row_count - first < WENDI_BATCH_ROWS ? builder->row_count - first
                                                                       : WENDI_BATCH_ROWS;
        wendi_row_builder_vectors(builder, first, count, vectors);
        wendi_batch batch = {count, builder->column_count, vectors};
        wendi_evaluator_reset(evaluator);
        MUST(wendi_schema_rules_apply(rules, evaluator, &batch, failed, NULL, NULL, &error_));
        uint32_t rows = builder->row_count;
        for (uint32_t column = 0; column < builder->column_count; column++) {
            if (rules->generated[column] == NULL) {
                continue;
            }
            for (uint32_t row = 0; row < count; row++) {
                const wendi_vector *vector = &vectors[column];
                wendi_value value = {.type = vector->type,
                                     .null = wendi_vector_is_null(vector, row)};
                uint32_t at = wendi_vector_index(vector, row);
                wendi_physical physical = wendi_type_physical(vector->type);
                if (physical == WENDI_PHYSICAL_STRING) {
                    value.string = wendi_vector_string(vector, row);
                } else if (physical == WENDI_PHYSICAL_B16) {
                    value.b16 = vector->b16[at];
                } else {
                    value.i64 = vector->i64[at];
                }
                builder->row_count = first + row;
                MUST(wendi_row_builder_set(builder, column, &value));
            }
        }
        builder->row_count = rows;
    }
    wendi_evaluator_close(evaluator);
    wendi_schema_rules_close(rules);
    wendi_free(vectors);
    wendi_free(failed);
}

void query_fixture_table(const query_fixture *fixture, const char *ddl, const char *const *cells,
                         uint32_t cell_count, uint32_t segment_rows, uint32_t commit_segments)
{
    wendi_schema *schema = NULL;
    wendi_table *table = NULL;
    wendi_table_writer *writer = NULL;
    wendi_pending_segment *pending[64];
    uint32_t pending_count = 0;
    uint32_t row_count;

    MUST(wendi_schema_parse(ddl, &schema, &error_));
    MUST(wendi_table_create(fixture->store, schema, &error_));
    MUST(wendi_table_open(fixture->store, schema->table_name, &table, &error_));
    MUST(wendi_table_writer_open(table, NULL, &writer, &error_));
    row_count = cell_count / schema->column_count;
    for (uint32_t first = 0; first < row_count; first += segment_rows) {
        uint32_t count = row_count - first < segment_rows ? row_count - first : segment_rows;
        wendi_row_builder builder = {0};
        MUST(wendi_row_builder_init(&builder, wendi_table_writer_schema(writer), count, &error_));
        for (uint32_t row = 0; row < count; row++) {
            set_row(&builder, cells + (size_t)(first + row) * schema->column_count);
        }
        generate(wendi_table_writer_schema(writer), &builder);
        MUST(wendi_table_writer_flush(writer, &builder, &pending[pending_count], &error_));
        pending_count++;
        wendi_row_builder_free(&builder);
        if (pending_count == commit_segments || first + count == row_count) {
            wendi_commit_request request = {.segments = pending, .segment_count = pending_count};
            MUST(wendi_table_writer_commit(writer, &request, &error_));
            pending_count = 0;
        }
    }
    wendi_table_writer_close(writer);
    wendi_table_close(table);
    wendi_schema_free(schema);
}

static void print_value(const wendi_vector *vector, uint32_t row, wendi_buffer *out)
{
    wendi_value value = {.type = vector->type, .null = wendi_vector_is_null(vector, row)};
    uint32_t at = wendi_vector_index(vector, row);
    wendi_physical physical = wendi_type_physical(vector->type);

    if (value.null) {
        MUST(wendi_buffer_printf(out, "∅"));
        return;
    }
    if (physical == WENDI_PHYSICAL_STRING) {
        value.string = wendi_vector_string(vector, row);
    } else if (physical == WENDI_PHYSICAL_B16) {
        value.b16 = vector->b16[at];
    } else {
        value.i64 = vector->i64[at];
    }
    MUST(wendi_value_format(&value, wendi_timezone_utc(), out));
}

static wend_status run(wendi_query_context *context, const char *sql, wendi_buffer *out,
                       wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_query *query = NULL;
    wendi_batch batch;

    WEND_TRY(wendi_query_open(context, wendi_string_of(sql), &query, error));
    for (;;) {
        status = wendi_query_next(query, &batch, error);
        if (status == WEND_END) {
            status = WEND_OK;
            break;
        }
        WEND_TRY(status);
        for (uint32_t row = 0; row < batch.row_count; row++) {
            for (uint32_t column = 0; column < batch.column_count; column++) {
                MUST(column == 0 ? WEND_OK : wendi_buffer_u8(out, '|'));
                print_value(&batch.columns[column], row, out);
            }
            MUST(wendi_buffer_u8(out, '\n'));
        }
    }
cleanup:
    wendi_query_close(query);
    return status;
}

void query_fixture_run(const query_fixture *fixture, const char *sql, uint32_t thread_count,
                       wendi_buffer *out)
{
    wendi_query_context context;
    wendi_thread_pool *pool = NULL;
    wend_error error = {0};

    MUST(wendi_query_context_init(&context, &error_));
    context.store = fixture->store;
    context.session.now_us = INT64_C(1750000000000000);
    if (thread_count > 1) {
        MUST(wendi_thread_pool_open(thread_count, &pool, &error_));
        context.pool = pool;
    }
    if (run(&context, sql, out, &error) != WEND_OK) {
        MUST(wendi_buffer_printf(out, "error: %s", error.message));
    }
    MUST(wendi_buffer_u8(out, '\0'));
    wendi_query_context_free(&context);
    wendi_thread_pool_close(pool);
}
