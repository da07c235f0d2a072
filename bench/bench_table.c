/*
 * From a builder full of generated click events to a segment file: sorting, and the whole flush
 * (sort, ordered dictionaries, encode, write, sync). Events a second are to be read per processor
 * second: one flush uses one thread. What UNIQUE costs: bench_unique.
 *
 *   bench_table [shared options]     --rows at most 1,048,576 (the default)
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/clickgen/clickgen.h"
#include "bench/harness.h"
#include "engine/base/alloc.h"
#include "engine/expr/table_ddl.h"
#include "engine/table/row_order.h"
#include "engine/table/segment_flush.h"
#include "engine/table/writer.h"
#include "ingest/json_decoder.h"

typedef struct flushing {
    wendi_schema *schema;
    wendi_row_builder builder;
    wendi_io *io;
    char folder[64]; /* with tmp/ and seg/ in it */
    wendi_flush_shelf shelf;
    uint64_t file_bytes;
} flushing;

static void fill(flushing *work, uint32_t row_count, uint64_t *text_bytes)
{
    wendi_clickgen_options options = {.seed = 7, .event_count = row_count, .clean = true};
    wendi_clickgen *generator;
    wendi_clickgen_line line;
    wendi_json_decoder *decoder;
    wendi_decode_outcome outcome;
    char text[WENDI_CLICKGEN_LINE_MAX + 64];
    wendi_bench_must(wendi_json_decoder_open(work->schema, &decoder, NULL), "the decoder", NULL);
    wendi_bench_must(wendi_row_builder_init(&work->builder, work->schema, row_count, NULL),
                     "the builder", NULL);
    wendi_bench_must(wendi_clickgen_open(&options, &generator, NULL), "the generator", NULL);
    wendi_json_decoder_set_now(decoder, INT64_C(4102444800) * 1000000);
    while (wendi_clickgen_next(generator, text, &line, NULL) == WEND_OK) {
        wendi_message message = {.payload = text, .length = line.length};
        if (wendi_json_decode(decoder, &message, NULL, &work->builder, &outcome, NULL) != WEND_OK ||
            outcome != WENDI_DECODE_ROW) {
            wendi_bench_fail("%s", wendi_json_decoder_reject(decoder)->reason);
        }
        *text_bytes += line.length + 1;
    }
    wendi_clickgen_close(generator);
    wendi_json_decoder_close(decoder);
}

static void sort_rows(void *context)
{
    flushing *work = context;
    wendi_row_order order = {.row_count = 0};
    wendi_bench_must(wendi_row_order_make(&work->builder, &order, NULL), "sorting", NULL);
    wendi_row_order_free(&order);
}

static void flush_rows(void *context)
{
    flushing *work = context;
    wendi_segment_entry entry;
    wend_error error;
    char path[WENDI_PATH_BYTES];
    wendi_bench_must(wendi_segment_flush(work->io, work->folder, &work->builder, NULL, &work->shelf, 0, &entry,
                                         &error),
                     "flushing", &error);
    work->file_bytes = entry.file_bytes;
    wendi_bench_must(wendi_table_uuid_path(path, work->folder, "seg", entry.uuid, ".wseg", &error),
                     "the path", &error);
    wendi_bench_must(wendi_io_unlink(work->io, path, &error), "removing the segment", &error);
}

static void make_folder(flushing *work)
{
    const char *parent = getenv("TMPDIR");
    char path[96];
    snprintf(work->folder, sizeof work->folder, "%.40s/wend-bench-XXXXXX",
             parent == NULL ? "/tmp" : parent);
    if (mkdtemp(work->folder) == NULL) {
        wendi_bench_fail("no folder in %s", parent == NULL ? "/tmp" : parent);
    }
    static const char *const parts[] = {"tmp", "seg"};
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", work->folder, parts[i]);
        wendi_bench_must(wendi_io_mkdir(work->io, path, NULL), "a folder", NULL);
    }
}

static void remove_folder(const flushing *work)
{
    char path[96];
    static const char *const parts[] = {"/tmp", "/seg", ""};
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s%s", work->folder, parts[i]);
        (void)rmdir(path);
    }
}

int main(int argc, char **argv)
{
    wendi_bench bench;
    flushing work = {0};
    uint64_t text_bytes = 0;
    wend_error error = {.message = ""};
    if (wendi_bench_open(&bench, "bench_table", argc, argv) > 1) {
        wendi_bench_fail("usage: bench_table [--rows N] [--runs N] [--json FILE]");
    }
    uint64_t rows = bench.rows > 0 ? bench.rows : bench.quick ? 100000 : WENDI_ROW_GROUP_ROWS_MAX;
    if (rows > WENDI_ROW_GROUP_ROWS_MAX) {
        wendi_bench_fail("--rows: at most %d", WENDI_ROW_GROUP_ROWS_MAX);
    }
    wendi_bench_must(wendi_schema_parse(wendi_clickgen_ddl(false, WENDI_CLICKGEN_CLICKSTREAM),
                                        &work.schema, &error),
                     "the schema", &error);
    wendi_bench_must(wendi_io_open(NULL, &work.io, &error), "file access", &error);
    make_folder(&work);
    wendi_flush_shelf_init(&work.shelf, 0);
    fill(&work, (uint32_t)rows, &text_bytes);
    wendi_bench_heading(&bench, "Flush: rows in memory to a segment file");
    wendi_bench_case sorting = {"sort rows", sort_rows, &work, (double)rows, "events", 0};
    wendi_bench_case flush = {"flush: sort, encode, write, sync",
                              flush_rows,
                              &work,
                              (double)rows,
                              "events",
                              (double)text_bytes};
    (void)wendi_bench_measure(&bench, &sorting);
    (void)wendi_bench_measure(&bench, &flush);
    wendi_bench_value(&bench, "segment file", (double)work.file_bytes / (double)rows,
                      "bytes an event");
    remove_folder(&work);
    wendi_flush_shelf_free(&work.shelf);
    wendi_row_builder_free(&work.builder);
    wendi_schema_free(work.schema);
    wendi_io_close(work.io);
    wendi_bench_close(&bench);
    return 0;
}
