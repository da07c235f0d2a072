/*
 * Opening: a table of very many small segments, from its log to every footer, and one query that
 * needs one of them. What is measured is warm: the page cache has every file, the process nothing.
 * Then a scan of every column of a larger segment: what checksums cost, and what pages kept save.
 *
 *   bench_open [shared options]      --rows: segments, 2,000 unless said, of 100 events each
 */
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/clickgen/clickgen.h"
#include "bench/harness.h"
#include "engine/expr/table_ddl.h"
#include "engine/table/open_tables.h"
#include "engine/table/writer.h"
#include "format/segment.h"
#include "ingest/json_decoder.h"
#include "query/query.h"
#include "query/scan.h"

enum { EVENTS_A_SEGMENT = 100, SEGMENTS_A_COMMIT = 100 };

typedef struct opening {
    const char *store;
    wendi_schema *schema;
    uint32_t segment_count;
    uint32_t segment_rows;
    int64_t middle_us; /* a time that one segment has */
    uint64_t memory_bytes;
    uint64_t reads;
    uint64_t total; /* counters of the query */
    uint64_t skipped;
    uint64_t opened;
} opening;

static void fill(wendi_clickgen *generator, wendi_json_decoder *decoder, wendi_row_builder *builder,
                 uint32_t row_count)
{
    char text[WENDI_CLICKGEN_LINE_MAX + 64];
    wendi_clickgen_line line;
    wendi_decode_outcome outcome;

    while (builder->row_count < row_count &&
           wendi_clickgen_next(generator, text, &line, NULL) == WEND_OK) {
        wendi_message message = {.payload = text, .length = line.length};
        if (wendi_json_decode(decoder, &message, NULL, builder, &outcome, NULL) != WEND_OK ||
            outcome != WENDI_DECODE_ROW) {
            wendi_bench_fail("%s", wendi_json_decoder_reject(decoder)->reason);
        }
    }
}

static void write_segments(const opening *work, wendi_table_writer *writer)
{
    wendi_clickgen_options options = {.seed = 7,
                                      .event_count =
                                          (uint64_t)work->segment_count * work->segment_rows,
                                      .clean = true};
    wendi_clickgen *generator;
    wendi_json_decoder *decoder;
    wendi_pending_segment *pending[SEGMENTS_A_COMMIT];
    wend_error error = {.message = ""};

    wendi_bench_must(wendi_clickgen_open(&options, &generator, &error), "the generator", &error);
    wendi_bench_must(wendi_json_decoder_open(work->schema, &decoder, &error), "the decoder",
                     &error);
    wendi_json_decoder_set_now(decoder, INT64_C(4102444800) * 1000000);
    for (uint32_t first = 0; first < work->segment_count; first += SEGMENTS_A_COMMIT) {
        uint32_t count = work->segment_count - first;
        count = count < SEGMENTS_A_COMMIT ? count : SEGMENTS_A_COMMIT;
        for (uint32_t i = 0; i < count; i++) {
            wendi_row_builder builder = {0};
            wendi_bench_must(
                wendi_row_builder_init(&builder, work->schema, work->segment_rows, &error),
                "the builder", &error);
            fill(generator, decoder, &builder, work->segment_rows);
            wendi_bench_must(wendi_table_writer_flush(writer, &builder, &pending[i], &error),
                             "flushing", &error);
            wendi_row_builder_free(&builder);
        }
        wendi_commit_request request = {.segments = pending, .segment_count = count};
        wendi_bench_must(wendi_table_writer_commit(writer, &request, &error), "a commit", &error);
    }
    wendi_json_decoder_close(decoder);
    wendi_clickgen_close(generator);
}

static void write_table(opening *work)
{
    wendi_table *table = NULL;
    wendi_table_writer *writer = NULL;
    wend_error error = {.message = ""};

    wendi_bench_must(wendi_table_create(work->store, work->schema, &error), "the table", &error);
    wendi_bench_must(wendi_table_open(work->store, work->schema->table_name, &table, &error),
                     "the table", &error);
    wendi_bench_must(wendi_table_writer_open(table, NULL, &writer, &error), "the writer", &error);
    write_segments(work, writer);
    const wendi_table_state *state = wendi_table_writer_state(writer);
    const wendi_segment_entry *middle = &state->segments[state->segment_count / 2];
    work->middle_us = middle->time_max;
    wendi_table_writer_close(writer);
    wendi_table_close(table);
}

static uint64_t heap_bytes(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static void open_log(void *of)
{
    const opening *work = of;
    wendi_table *table = NULL;
    wend_error error = {.message = ""};

    wendi_bench_must(wendi_table_open(work->store, work->schema->table_name, &table, &error),
                     "the table", &error);
    wendi_table_close(table);
}

static void open_all(void *of)
{
    opening *work = of;
    wendi_table *table = NULL;
    wendi_snapshot *snapshot = NULL;
    wendi_segment *segment = NULL;
    wend_error error = {.message = ""};

    wendi_bench_must(wendi_table_open(work->store, work->schema->table_name, &table, &error),
                     "the table", &error);
    wendi_bench_must(wendi_table_snapshot(table, &snapshot, &error), "a snapshot", &error);
    uint64_t before = heap_bytes();
    for (uint32_t i = 0; i < work->segment_count; i++) {
        wendi_bench_must(wendi_snapshot_segment(snapshot, i, &segment, &error), "a segment",
                         &error);
    }
    work->memory_bytes = heap_bytes() - before;
    work->reads = wendi_table_counters_now(table).reads;
    wendi_snapshot_release(snapshot);
    wendi_table_close(table);
}

static void ask(opening *work, const char *sql)
{
    wend_error error = {.message = ""};
    wendi_query_context context;
    wendi_query *query = NULL;
    wendi_batch batch;
    wend_status status;

    wendi_bench_must(wendi_query_context_init(&context, &error), "a query", &error);
    context.store = work->store;
    wendi_bench_must(wendi_query_open(&context, wendi_string_of(sql), &query, &error), "a query",
                     &error);
    while ((status = wendi_query_next(query, &batch, &error)) == WEND_OK) {
    }
    wendi_bench_must(status == WEND_END ? WEND_OK : status, "a query", &error);
    wendi_query_close(query);
    work->total = context.counters.segments_total;
    work->skipped = context.counters.segments_skipped;
    work->opened = context.counters.segments_opened;
    wendi_query_context_free(&context);
}

static void ask_one(void *of)
{
    opening *work = of;
    char sql[256];

    snprintf(sql, sizeof sql,
             "SELECT count(*) FROM %.*s WHERE ts >= to_timestamp(%" PRId64
             ".%06d) AND ts <= to_timestamp(%" PRId64 ".%06d)",
             (int)work->schema->table_name.length, work->schema->table_name.data,
             work->middle_us / 1000000, (int)(work->middle_us % 1000000), work->middle_us / 1000000,
             (int)(work->middle_us % 1000000));
    ask(work, sql);
}

static void ask_all(void *of)
{
    opening *work = of;
    char sql[256];

    snprintf(sql, sizeof sql, "SELECT event_type, count(*) FROM %.*s GROUP BY event_type",
             (int)work->schema->table_name.length, work->schema->table_name.data);
    ask(work, sql);
}

/* ---- a scan of all columns ---- */

typedef struct scanning {
    wendi_open_tables *tables;
    wendi_string table;
    bool checks_off;
    uint64_t row_count;
} scanning;

static void scan_all(void *of)
{
    scanning *work = of;
    wendi_query_context context;
    wendi_snapshot *snapshot = NULL;
    wendi_scan *scan = NULL;
    wendi_scan_reader *reader = NULL;
    wendi_batch batch;
    wendi_selection selection;
    uint32_t columns[64];
    uint32_t unit_count = 0;
    uint32_t first_row;
    wend_status status = WEND_OK;
    wend_error error = {.message = ""};

    wendi_page_checks_off = work->checks_off;
    wendi_bench_must(wendi_query_context_init(&context, &error), "a query", &error);
    context.open_tables = work->tables;
    wendi_bench_must(wendi_query_snapshot(&context, work->table, &snapshot, &error), "a snapshot",
                     &error);
    wendi_scan_options options = {.columns = columns,
                                  .column_count = wendi_snapshot_schema(snapshot)->column_count};
    for (uint32_t c = 0; c < options.column_count; c++) {
        columns[c] = c;
    }
    wendi_bench_must(wendi_scan_open(&context, snapshot, &options, &scan, &error), "a scan",
                     &error);
    wendi_bench_must(wendi_scan_reader_open(scan, &reader, &error), "a reader", &error);
    const wendi_scan_unit *units = wendi_scan_units(scan, &unit_count);
    work->row_count = 0;
    for (uint32_t u = 0; u < unit_count; u++) {
        wendi_bench_must(wendi_scan_reader_start(reader, &units[u], &error), "a unit", &error);
        while ((status = wendi_scan_reader_next(reader, &batch, &selection, &first_row, &error)) ==
               WEND_OK) {
            work->row_count += selection.count;
        }
        wendi_bench_must(status == WEND_END ? WEND_OK : status, "a batch", &error);
    }
    wendi_scan_reader_close(reader);
    wendi_scan_close(scan);
    wendi_query_context_free(&context);
    wendi_page_checks_off = false;
}

static void bench_scan(wendi_bench *bench, const opening *many)
{
    static const wendi_segment_cache_limits nothing = {1, 0};
    static const wendi_segment_cache_limits much = {UINT64_C(1) << 30, 0};
    opening work = {.store = many->store, .schema = many->schema, .segment_count = 1};
    scanning plain = {.table = many->schema->table_name};
    scanning unchecked = {.table = many->schema->table_name, .checks_off = true};
    scanning kept = {.table = many->schema->table_name};
    wend_error error = {.message = ""};

    work.segment_rows = bench->quick ? 100000 : WENDI_ROW_GROUP_ROWS_MAX;
    wendi_bench_must(wendi_table_drop(work.store, work.schema->table_name, &error), "the table",
                     &error);
    write_table(&work);
    wendi_bench_must(wendi_open_tables_new(work.store, &nothing, &plain.tables, &error),
                     "the store", &error);
    unchecked.tables = plain.tables;
    wendi_bench_must(wendi_open_tables_new(work.store, &much, &kept.tables, &error), "the store",
                     &error);
    wendi_bench_heading(bench, "A scan of all columns, every value decoded, one thread");
    double rows = work.segment_rows;
    wendi_bench_case checked_case = {"pages checked", scan_all, &plain, rows, "rows", 0};
    wendi_bench_case unchecked_case = {"pages not checked", scan_all, &unchecked, rows, "rows", 0};
    wendi_bench_case kept_case = {"pages and dictionaries kept", scan_all, &kept, rows, "rows", 0};
    (void)wendi_bench_compare(bench, &unchecked_case, &checked_case);
    (void)wendi_bench_measure(bench, &kept_case);
    wendi_open_tables_free(plain.tables);
    wendi_open_tables_free(kept.tables);
}

int main(int argc, char **argv)
{
    wendi_bench bench;
    opening work = {0};
    char store[64];
    char command[80];
    char heading[80];
    const char *parent = getenv("TMPDIR");
    wend_error error = {.message = ""};

    if (wendi_bench_open(&bench, "bench_open", argc, argv) > 1) {
        wendi_bench_fail("usage: bench_open [--rows SEGMENTS] [--runs N] [--json FILE]");
    }
    work.segment_count = bench.rows > 0 ? (uint32_t)bench.rows : bench.quick ? 200 : 2000;
    snprintf(store, sizeof store, "%.40s/wend-bench-XXXXXX", parent == NULL ? "/tmp" : parent);
    if (mkdtemp(store) == NULL) {
        wendi_bench_fail("no folder in %s", parent == NULL ? "/tmp" : parent);
    }
    work.store = store;
    work.segment_rows = EVENTS_A_SEGMENT;
    wendi_bench_must(wendi_schema_parse(wendi_clickgen_ddl(false, WENDI_CLICKGEN_CLICKSTREAM),
                                        &work.schema, &error),
                     "the schema", &error);
    write_table(&work);
    snprintf(heading, sizeof heading, "Opening a table of %u segments", work.segment_count);
    wendi_bench_heading(&bench, heading);
    wendi_bench_case log = {"the log", open_log, &work, work.segment_count, "segments", 0};
    wendi_bench_case all = {"log and all footers", open_all,   &work,
                            work.segment_count,    "segments", 0};
    wendi_bench_case one = {"a query of one segment", ask_one,    &work,
                            work.segment_count,       "segments", 0};
    wendi_bench_case every = {"a query of all segments", ask_all,    &work,
                              work.segment_count,        "segments", 0};
    (void)wendi_bench_measure(&bench, &log);
    (void)wendi_bench_measure(&bench, &all);
    wendi_bench_value(&bench, "memory of an open segment",
                      (double)work.memory_bytes / work.segment_count, "bytes");
    wendi_bench_value(&bench, "reads to open a segment", (double)work.reads / work.segment_count,
                      "reads");
    (void)wendi_bench_measure(&bench, &one);
    wendi_bench_value(&bench, "segments it opened", (double)work.opened, "segments");
    wendi_bench_value(&bench, "segments it left out", (double)work.skipped, "segments");
    (void)wendi_bench_measure(&bench, &every);
    bench_scan(&bench, &work);
    wendi_schema_free(work.schema);
    wendi_bench_close(&bench);
    snprintf(command, sizeof command, "rm -rf %s", store);
    return system(command) == 0 ? 0 : 1;
}
