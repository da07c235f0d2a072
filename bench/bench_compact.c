/*
 * Compaction: a hundred segments as ingest commits them, of generated click events in the order
 * they come, merged into one. Events a second are to be read per processor second: one merge uses
 * one thread. Peak memory is that of a process that does nothing else.
 *
 *   bench_compact [shared options] [--keep FOLDER] [--level N]
 *
 *     --rows N       events in all (default 10,000,000; --quick: 1,000,000)
 *     --keep FOLDER  make the segments there, or find them there from an earlier run
 *     --level N      zstd's level (default: compaction's own)
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/clickgen/clickgen.h"
#include "bench/harness.h"
#include "engine/base/alloc.h"
#include "engine/expr/table_ddl.h"
#include "engine/table/compaction.h"
#include "ingest/json_decoder.h"

enum { SEGMENTS = 100, PATH_BYTES = 256 };

typedef struct compacting {
    char base[PATH_BYTES]; /* a store that every run begins from */
    char work[PATH_BYTES];
    wendi_compaction_options options;
    uint64_t rows;
    double bytes_before;
    double bytes_after;
} compacting;

static void shell(const char *format, const char *first, const char *second)
{
    char command[3 * PATH_BYTES];
    snprintf(command, sizeof command, format, first, second);
    if (system(command) != 0) {
        wendi_bench_fail("failed: %s", command);
    }
}

/* The generator's table without UNIQUE: repeats stay, as peers keep them. */
static wendi_schema *click_schema(void)
{
    char ddl[4096];
    wendi_schema *schema;
    wend_error error = {.message = ""};
    snprintf(ddl, sizeof ddl, "%s", wendi_clickgen_ddl(false, WENDI_CLICKGEN_CLICKSTREAM));
    char *unique = strstr(ddl, " UNIQUE");
    if (unique != NULL) {
        memset(unique, ' ', strlen(" UNIQUE"));
    }
    wendi_bench_must(wendi_schema_parse(ddl, &schema, &error), "the schema", &error);
    return schema;
}

/* The next `count` good lines as rows of the builder; false when the stream has ended. */
static bool fill(wendi_row_builder *builder, wendi_clickgen *generator, wendi_json_decoder *decoder,
                 uint64_t count)
{
    char text[WENDI_CLICKGEN_LINE_MAX + 64];
    wendi_clickgen_line line;
    wendi_decode_outcome outcome;
    wendi_row_builder_reset(builder);
    while (builder->row_count < count) {
        if (wendi_clickgen_next(generator, text, &line, NULL) != WEND_OK) {
            return false;
        }
        wendi_message message = {.payload = text, .length = line.length};
        wendi_bench_must(wendi_json_decode(decoder, &message, NULL, builder, &outcome, NULL),
                         "decoding", NULL);
    }
    return true;
}

static void commit(wendi_table_writer *writer, wendi_row_builder *builder)
{
    wendi_pending_segment *pending;
    wend_error error = {.message = ""};
    wendi_bench_must(wendi_table_writer_flush(writer, builder, &pending, &error), "a flush",
                     &error);
    wendi_commit_request request = {.segments = &pending, .segment_count = pending != NULL};
    wendi_bench_must(wendi_table_writer_commit(writer, &request, &error), "a commit", &error);
}

static void make_table(const compacting *work)
{
    wendi_clickgen_options options = {.seed = 7, .event_count = work->rows};
    uint64_t each = (work->rows + SEGMENTS - 1) / SEGMENTS;
    wendi_schema *schema = click_schema();
    wendi_table *table;
    wendi_table_writer *writer;
    wendi_clickgen *generator;
    wendi_json_decoder *decoder;
    wendi_row_builder builder;
    wend_error error = {.message = ""};
    bool more = true;
    wendi_bench_must(wendi_table_create(work->base, schema, &error), "the table", &error);
    wendi_bench_must(wendi_table_open(work->base, wendi_string_of("events"), &table, &error),
                     "the table", &error);
    wendi_bench_must(wendi_table_writer_open(table, NULL, &writer, &error), "the writer", &error);
    wendi_bench_must(wendi_json_decoder_open(schema, &decoder, NULL), "the decoder", NULL);
    wendi_bench_must(wendi_row_builder_init(&builder, schema, (uint32_t)each, NULL), "the builder",
                     NULL);
    wendi_bench_must(wendi_clickgen_open(&options, &generator, NULL), "the generator", NULL);
    wendi_json_decoder_set_now(decoder, INT64_C(4102444800) * 1000000);
    while (more) {
        more = fill(&builder, generator, decoder, each);
        commit(writer, &builder);
    }
    wendi_clickgen_close(generator);
    wendi_row_builder_free(&builder);
    wendi_json_decoder_close(decoder);
    wendi_table_writer_close(writer);
    wendi_table_close(table);
    wendi_schema_free(schema);
}

static void compact(void *context)
{
    compacting *work = context;
    wendi_writer_options options = {.takes_no_rows = true};
    wendi_table *table;
    wendi_table_writer *writer;
    wend_error error = {.message = ""};
    shell("rm -rf '%s'%s", work->work, "");
    shell("cp -al '%s' '%s'", work->base, work->work); /* files are never written again */
    wendi_bench_must(wendi_table_open(work->work, wendi_string_of("events"), &table, &error),
                     "the table", &error);
    wendi_bench_must(wendi_table_writer_open(table, &options, &writer, &error), "the writer",
                     &error);
    wendi_bench_must(wendi_table_writer_compact(writer, &work->options, NULL, NULL, &error),
                     "compaction", &error);
    wendi_table_writer_close(writer);
    wendi_table_close(table);
}

static double table_bytes(const char *store, uint32_t *segments, uint64_t *rows)
{
    wendi_table *table;
    wendi_snapshot *snapshot;
    wend_error error = {.message = ""};
    double bytes = 0;
    wendi_bench_must(wendi_table_open(store, wendi_string_of("events"), &table, &error),
                     "the table", &error);
    wendi_bench_must(wendi_table_snapshot(table, &snapshot, &error), "the table", &error);
    const wendi_table_state *state = wendi_snapshot_state(snapshot);
    *segments = state->segment_count;
    *rows = 0;
    for (uint32_t i = 0; i < state->segment_count; i++) {
        bytes += (double)state->segments[i].file_bytes;
        *rows += state->segments[i].row_count;
    }
    wendi_snapshot_release(snapshot);
    wendi_table_close(table);
    return bytes;
}

static void read_options(compacting *work, const char **keep, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--keep") == 0 && i + 1 < argc) {
            *keep = argv[++i];
        } else if (strcmp(argv[i], "--level") == 0 && i + 1 < argc) {
            work->options.zstd_level = atoi(argv[++i]);
        } else {
            wendi_bench_fail("usage: bench_compact [--rows N] [--runs N] [--json FILE] "
                             "[--keep FOLDER] [--level N]");
        }
    }
}

int main(int argc, char **argv)
{
    wendi_bench bench;
    compacting work = {.rows = 0};
    const char *keep = NULL;
    const char *parent = getenv("TMPDIR");
    char folder[PATH_BYTES / 2];
    uint32_t segments;
    uint64_t rows;
    argc = wendi_bench_open(&bench, "bench_compact", argc, argv);
    read_options(&work, &keep, argc, argv);
    work.rows = bench.rows > 0 ? bench.rows : bench.quick ? 1000000 : 10000000;
    snprintf(folder, sizeof folder, "%.100s/wend-compact-XXXXXX", parent == NULL ? "/tmp" : parent);
    if (keep != NULL) {
        snprintf(folder, sizeof folder, "%.100s", keep);
        shell("mkdir -p '%s'%s", folder, "");
    } else if (mkdtemp(folder) == NULL) {
        wendi_bench_fail("no folder in %s", parent == NULL ? "/tmp" : parent);
    }
    snprintf(work.base, sizeof work.base, "%s/base", folder);
    snprintf(work.work, sizeof work.work, "%s/work", folder);
    if (access(work.base, F_OK) != 0) {
        make_table(&work);
    }
    work.bytes_before = table_bytes(work.base, &segments, &rows);
    char name[96];
    snprintf(name, sizeof name, "compact %u segments into one", segments);
    wendi_bench_heading(&bench, "Compaction: segments as committed to files of whole windows");
    wendi_bench_case merging = {name, compact, &work, (double)rows, "events", work.bytes_before};
    (void)wendi_bench_measure_child(&bench, &merging);
    work.bytes_after = table_bytes(work.work, &segments, &rows);
    wendi_bench_value(&bench, "segments after", segments, "files");
    wendi_bench_value(&bench, "before", work.bytes_before / (double)rows, "bytes an event");
    wendi_bench_value(&bench, "after", work.bytes_after / (double)rows, "bytes an event");
    shell("rm -rf '%s' '%s'", work.work, keep == NULL ? folder : work.work);
    wendi_bench_close(&bench);
    return 0;
}
