/*
 * Queries over a table of clickstream shape, made without JSON: rows per second on one core (or as
 * many as asked for), everything in the page cache.
 *
 *   bench_query [shared options]
 *
 * The table is written by the engine's own writer into a temporary folder, which is removed again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/harness.h"
#include "engine/base/alloc.h"
#include "engine/base/hash.h"
#include "engine/column/builder.h"
#include "engine/expr/table_ddl.h"
#include "engine/table/writer.h"
#include "query/query.h"

enum { SEGMENT_ROWS = WENDI_ROW_GROUP_ROWS_MAX, EVENTS_A_SESSION = 8, EVENTS_A_USER = 100 };

static const char ddl[] =
    "create table events (user_id text, ts timestamptz not null, event_type text, page text, "
    "country text,"
    " product integer, price numeric(12,2), ratio double precision, session_id uuid)"
    " with (user_column='user_id', time_column='ts', event_column='event_type')";

static const char *const queries[][2] = {
    {"count", "select count(*) from events"},
    {"group by event type", "select event_type, count(*) from events group by event_type"},
    {"q1 type and country",
     "select count(*) from events where event_type = 'purchase' and country = 'C3'"},
    {"q2 type by hour, users", "select event_type, date_trunc('hour', ts), count(*), "
                               "count(distinct user_id) from events group by 1, 2"},
    {"type by hour",
     "select event_type, date_trunc('hour', ts), count(*) from events group by 1, 2"},
    {"q3 top pages", "select page, count(*) from events where event_type = 'page_view' group by "
                     "page order by 2 desc limit 20"},
    {"q4 daily active users",
     "select date_trunc('day', ts), count(distinct user_id) from events group by 1"},
    {"q10 revenue by product", "select product, sum(price) from events where event_type = "
                               "'purchase' group by product order by 2 desc limit 20"},
    {"sum numeric", "select sum(price) from events"},
    {"sum double", "select sum(ratio) from events"},
    {"q12 distinct sessions", "select count(distinct session_id) from events"},
    {"q13 one user", "select ts, event_type, page from events where user_id = 'u17' order by ts"},
    {"top 10 by time", "select ts, user_id, page from events order by ts desc limit 10"},
};

static void must(wend_status status, const wend_error *error)
{
    if (status != WEND_OK) {
        fprintf(stderr, "%s %s\n", error->message, error->hint);
        exit(1);
    }
}

static uint64_t random_next(uint64_t *state)
{
    *state += UINT64_C(0x9e3779b97f4a7c15);
    return wendi_mix64(*state);
}

static void put(wendi_row_builder *builder, uint32_t column, wendi_value value)
{
    value.type = builder->schema->columns[column].type;
    must(wendi_row_builder_set(builder, column, &value), &(wend_error){.message = "no memory"});
}

static void put_text(wendi_row_builder *builder, uint32_t column, const char *format,
                     uint64_t number)
{
    char text[64];
    int length = snprintf(text, sizeof text, format, (unsigned long long)number);

    put(builder, column, (wendi_value){.string = {text, (uint32_t)length}});
}

static void put_event(wendi_row_builder *builder, uint64_t row, uint64_t rows, uint64_t *state)
{
    static const char *const types[] = {"page_view",    "page_view", "page_view",   "product_view",
                                        "product_view", "search",    "add_to_cart", "login",
                                        "purchase",     "checkout",  "wishlist",    "view_cart"};
    uint64_t user = random_next(state) % (rows / EVENTS_A_USER + 1);
    uint64_t session = wendi_mix64(row / EVENTS_A_SESSION);

    put_text(builder, 0, "u%llu", user);
    put(builder, 1,
        (wendi_value){.i64 = INT64_C(1767225600000000) +
                             (int64_t)(row * UINT64_C(604800000000) / rows)});
    put(builder, 2, (wendi_value){.string = wendi_string_of(types[random_next(state) % 12])});
    put_text(builder, 3, "/product/category/%llu", random_next(state) % 5000);
    put_text(builder, 4, "C%llu", user % 40);
    put(builder, 5, (wendi_value){.i64 = (int64_t)(random_next(state) % 20000)});
    put(builder, 6, (wendi_value){.i64 = (int64_t)(random_next(state) % 100000)});
    put(builder, 7, (wendi_value){.f64 = (double)(random_next(state) % 1000000) / 1e6});
    put(builder, 8, (wendi_value){.b16 = {{session, ~session}}});
    builder->row_count++;
}

static void write_table(const char *store, uint64_t rows)
{
    wend_error error = {0};
    wendi_schema *schema = NULL;
    wendi_table *table = NULL;
    wendi_table_writer *writer = NULL;
    uint64_t state = 1;

    must(wendi_schema_parse(ddl, &schema, &error), &error);
    must(wendi_table_create(store, schema, &error), &error);
    must(wendi_table_open(store, schema->table_name, &table, &error), &error);
    must(wendi_table_writer_open(table, NULL, &writer, &error), &error);
    for (uint64_t first = 0; first < rows; first += SEGMENT_ROWS) {
        uint64_t count = rows - first < SEGMENT_ROWS ? rows - first : SEGMENT_ROWS;
        wendi_row_builder builder = {0};
        wendi_pending_segment *pending = NULL;
        must(wendi_row_builder_init(&builder, wendi_table_writer_schema(writer), (uint32_t)count,
                                    &error),
             &error);
        for (uint64_t row = 0; row < count; row++) {
            put_event(&builder, first + row, rows, &state);
        }
        must(wendi_table_writer_flush(writer, &builder, &pending, &error), &error);
        wendi_commit_request request = {.segments = &pending, .segment_count = 1};
        must(wendi_table_writer_commit(writer, &request, &error), &error);
        wendi_row_builder_free(&builder);
    }
    wendi_table_writer_close(writer);
    wendi_table_close(table);
    wendi_schema_free(schema);
}

typedef struct asked {
    const char *store;
    wendi_thread_pool *pool;
    const char *sql;
} asked;

/* One run, opening included. */
static void run(void *of)
{
    const asked *work = of;
    wend_error error = {0};
    wendi_query_context context;
    wendi_query *query = NULL;
    wendi_batch batch;
    wend_status status;

    must(wendi_query_context_init(&context, &error), &error);
    context.store = work->store;
    context.pool = work->pool;
    must(wendi_query_open(&context, wendi_string_of(work->sql), &query, &error), &error);
    while ((status = wendi_query_next(query, &batch, &error)) == WEND_OK) {
    }
    must(status == WEND_END ? WEND_OK : status, &error);
    wendi_query_close(query);
    wendi_query_context_free(&context);
}

int main(int argc, char **argv)
{
    wendi_bench bench;
    char store[] = "/tmp/wend-bench-XXXXXX";
    char command[64];
    char heading[64];
    wendi_thread_pool *pool = NULL;
    wend_error error = {0};

    if (wendi_bench_open(&bench, "bench_query", argc, argv) > 1) {
        wendi_bench_fail("usage: bench_query [--rows N] [--threads N] [--runs N] [--json FILE]");
    }
    uint64_t rows = bench.rows > 0 ? bench.rows : 4000000;
    if (mkdtemp(store) == NULL) {
        perror("mkdtemp");
        return 1;
    }
    write_table(store, rows);
    if (bench.threads > 1) {
        must(wendi_thread_pool_open(bench.threads, &pool, &error), &error);
    }
    snprintf(heading, sizeof heading, "Queries over %llu made-up rows, %u thread%s",
             (unsigned long long)rows, bench.threads, bench.threads == 1 ? "" : "s");
    wendi_bench_heading(&bench, heading);
    for (size_t q = 0; q < sizeof queries / sizeof queries[0]; q++) {
        asked work = {store, pool, queries[q][1]};
        wendi_bench_case of = {queries[q][0], run, &work, (double)rows, "rows", 0};
        (void)wendi_bench_measure(&bench, &of);
    }
    wendi_thread_pool_close(pool);
    wendi_bench_close(&bench);
    snprintf(command, sizeof command, "rm -rf %s", store);
    return system(command) == 0 ? 0 : 1;
}
