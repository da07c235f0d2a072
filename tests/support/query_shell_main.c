/*
 * A shell for tests written in Python: statements in, rows as JSON out, by the internal API alone,
 * so that neither the command line nor ingest stands between a test and the engine.
 *
 *   query_shell [threads]
 *
 * Standard input holds messages ended by NUL:
 *   "D" DDL                            create the table; it is empty until rows are given
 *   "R" segment_rows '\n' cells…       its rows: each cell ended by \x1f, \x1e stands for null
 *   "Q" SQL                            run; one line of JSON is the answer:
 *        {"columns":[{"name":…,"type":…},…],"rows":[[text or null,…],…],"notes":[…]}
 *        {"error":message,"position":…,"hint":…}
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/column/value.h"
#include "query/behaviour/behaviour.h"
#include "query/behaviour/user_stream.h"
#include "tests/support/query_fixture.h"

static void print_json(const char *text, size_t length)
{
    putchar('"');
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '"' || c == '\\') {
            printf("\\%c", c);
        } else if (c < 0x20) {
            printf("\\u%04x", c);
        } else {
            putchar(c);
        }
    }
    putchar('"');
}

static void print_value(const wendi_vector *vector, uint32_t row)
{
    wendi_value value = {.type = vector->type, .null = wendi_vector_is_null(vector, row)};
    uint32_t at = wendi_vector_index(vector, row);
    wendi_buffer text = {0};

    if (value.null) {
        printf("null");
        return;
    }
    switch (wendi_type_physical(vector->type)) {
    case WENDI_PHYSICAL_STRING:
        value.string = wendi_vector_string(vector, row);
        break;
    case WENDI_PHYSICAL_B16:
        value.b16 = vector->b16[at];
        break;
    default:
        value.i64 = vector->i64[at];
    }
    if (wendi_value_format(&value, wendi_timezone_utc(), &text) != WEND_OK) {
        abort();
    }
    print_json((const char *)text.data, text.length);
    wendi_buffer_free(&text);
}

static wend_status print_rows(wendi_query_context *context, const char *sql, wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_query *query = NULL;
    wendi_batch batch;
    uint32_t count = 0;
    bool first = true;
    char name[64];

    WEND_TRY(wendi_query_open(context, wendi_string_of(sql), &query, error));
    const wendi_output_column *columns = wendi_query_columns(query, &count);
    /* The first rows are computed before anything is printed: an answer is either rows or an error. */
    status = wendi_query_next(query, &batch, error);
    if (status != WEND_END) {
        WEND_TRY(status);
    }
    printf("{\"columns\":[");
    for (uint32_t i = 0; i < count; i++) {
        printf("%s{\"name\":", i == 0 ? "" : ",");
        print_json(columns[i].name.data, columns[i].name.length);
        printf(",\"type\":\"%s\"}", wendi_type_name(columns[i].type, name));
    }
    printf("],\"rows\":[");
    while (status == WEND_OK) {
        for (uint32_t row = 0; row < batch.row_count; row++) {
            printf("%s[", first ? "" : ",");
            first = false;
            for (uint32_t i = 0; i < count; i++) {
                printf("%s", i == 0 ? "" : ",");
                print_value(&batch.columns[i], row);
            }
            printf("]");
        }
        status = wendi_query_next(query, &batch, error);
    }
    if (status != WEND_END) {
        /* An error behind rows that were printed: the reader sees both. */
        printf("],\"late_error\":");
        print_json(error->message, strlen(error->message));
        printf(",\"notes\":[");
    } else {
        printf("],\"notes\":[");
    }
    status = WEND_OK;
    for (uint32_t i = 0; i < context->notes.count; i++) {
        printf("%s", i == 0 ? "" : ",");
        print_json(context->notes.texts[i].data, context->notes.texts[i].length);
    }
    printf("]}\n");
cleanup:
    wendi_query_close(query);
    return status;
}

static void run(const query_fixture *fixture, const char *sql, wendi_thread_pool *pool)
{
    wendi_query_context context;
    wend_error error = {0};

    if (wendi_query_context_init(&context, &error) != WEND_OK) {
        abort();
    }
    context.store = fixture->store;
    context.pool = pool;
    context.functions = wendi_behaviour_functions;
    context.function_count = wendi_behaviour_function_count;
    context.session.now_us = INT64_C(1750000000000000);
    if (print_rows(&context, sql, &error) != WEND_OK) {
        printf("{\"error\":");
        print_json(error.message, strlen(error.message));
        printf(",\"position\":%d,\"hint\":", error.position);
        print_json(error.hint, strlen(error.hint));
        printf("}\n");
    }
    fflush(stdout);
    wendi_query_context_free(&context);
}

/* Cells of an "R" message in place; their number is returned. */
static uint32_t split_cells(char *text, const char **cells)
{
    uint32_t count = 0;

    for (char *end = strchr(text, '\x1f'); end != NULL; end = strchr(text, '\x1f')) {
        *end = '\0';
        cells[count++] = strcmp(text, "\x1e") == 0 ? NULL : text;
        text = end + 1;
    }
    return count;
}

static void load(const query_fixture *fixture, const char *ddl, char *message)
{
    char *end = NULL;
    uint32_t segment_rows = (uint32_t)strtoul(message, &end, 10);
    const char **cells = wendi_alloc((strlen(message) + 1) * sizeof(const char *));

    if (*end != '\n' || cells == NULL) {
        abort();
    }
    uint32_t count = split_cells(end + 1, cells);
    query_fixture_table(fixture, ddl, cells, count, segment_rows, 2);
    printf("{\"cells\":%u}\n", count);
    fflush(stdout);
    wendi_free(cells);
}

int main(int argc, char **argv)
{
    query_fixture fixture;
    char *line = NULL;
    char *ddl = NULL;
    size_t capacity = 0;
    wendi_thread_pool *pool = NULL;
    wend_error error = {0};

    if (argc > 1 && wendi_thread_pool_open((uint32_t)atoi(argv[1]), &pool, &error) != WEND_OK) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    if (getenv("WEND_TEST_SLICE_ROWS") != NULL) {
        wendi_user_stream_slice_rows = (uint32_t)atoi(getenv("WEND_TEST_SLICE_ROWS"));
    }
    query_fixture_open(&fixture);
    while (getdelim(&line, &capacity, '\0', stdin) > 0) {
        if (line[0] == 'D') {
            free(ddl);
            ddl = strdup(line + 1);
        } else if (line[0] == 'R' && ddl != NULL) {
            load(&fixture, ddl, line + 1);
        } else if (line[0] == 'Q') {
            run(&fixture, line + 1, pool);
        }
    }
    query_fixture_close(&fixture);
    wendi_thread_pool_close(pool);
    free(line);
    free(ddl);
    return 0;
}
