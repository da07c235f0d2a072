/*
 * Nanoseconds per event of decoding generated click events into a row builder: as they come, with
 * keys in shuffled order, with prediction off, and with what no column takes kept. Rows are decoded
 * again and again from memory, in rounds.
 *
 *   bench_ingest_parse [shared options]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/clickgen/clickgen.h"
#include "bench/harness.h"
#include "engine/base/alloc.h"
#include "engine/expr/table_ddl.h"
#include "ingest/json_decoder.h"

typedef struct parse_sample {
    wendi_buffer text;
    wendi_message *messages;
    uint32_t count;
} parse_sample;

static void generate(parse_sample *sample, uint32_t count)
{
    wendi_clickgen_options options = {.seed = 7, .event_count = count, .clean = true};
    wendi_clickgen *generator;
    wendi_clickgen_line line;
    char space[WENDI_CLICKGEN_LINE_MAX];
    sample->messages = wendi_alloc_zero(count, sizeof *sample->messages);
    if (sample->messages == NULL || wendi_clickgen_open(&options, &generator, NULL) != WEND_OK) {
        wendi_bench_fail("no generator");
    }
    while (wendi_clickgen_next(generator, space, &line, NULL) == WEND_OK) {
        sample->messages[sample->count].position = (int64_t)sample->text.length;
        sample->messages[sample->count++].length = line.length;
        if (wendi_buffer_append(&sample->text, space, line.length + 1) != WEND_OK) {
            wendi_bench_fail("no memory");
        }
    }
    wendi_clickgen_close(generator);
    for (uint32_t i = 0; i < sample->count; i++) {
        sample->messages[i].payload =
            (const char *)sample->text.data + sample->messages[i].position;
    }
}

/* Every third line gets two neighbouring members swapped. */
static void swap_members(parse_sample *sample)
{
    char *text = (char *)sample->text.data;
    for (uint32_t i = 0; i < sample->count; i += 3) {
        char *line = text + sample->messages[i].position;
        char *end = line + sample->messages[i].length;
        char *first = memchr(line, ',', (size_t)(end - line));
        char *second = first == NULL ? NULL : memchr(first + 1, ',', (size_t)(end - first - 1));
        char *third = second == NULL ? NULL : memchr(second + 1, ',', (size_t)(end - second - 1));
        char copy[WENDI_CLICKGEN_LINE_MAX];
        if (third != NULL) {
            size_t left = (size_t)(second - first);
            size_t right = (size_t)(third - second);
            memcpy(copy, first, left);
            memmove(first, second, right);
            memcpy(first + right, copy, left);
        }
    }
}

typedef struct decoding {
    const parse_sample *sample;
    wendi_json_decoder *decoder;
    wendi_row_builder builder;
} decoding;

static void decode_all(void *context)
{
    decoding *work = context;
    wendi_decode_outcome outcome;
    wendi_row_builder_reset(&work->builder);
    for (uint32_t i = 0; i < work->sample->count; i++) {
        if (wendi_json_decode(work->decoder, &work->sample->messages[i], NULL, &work->builder,
                              &outcome, NULL) != WEND_OK ||
            outcome != WENDI_DECODE_ROW) {
            wendi_bench_fail("%s", wendi_json_decoder_reject(work->decoder)->reason);
        }
    }
}

static void run(wendi_bench *bench, const char *name, const wendi_schema *schema,
                const parse_sample *sample, bool predict)
{
    decoding work = {.sample = sample};
    char share[128];
    wendi_bench_must(wendi_json_decoder_open(schema, &work.decoder, NULL), "the decoder", NULL);
    wendi_bench_must(wendi_row_builder_init(&work.builder, schema, sample->count, NULL),
                     "the builder", NULL);
    wendi_json_decoder_set_prediction(work.decoder, predict);
    wendi_json_decoder_set_now(work.decoder, INT64_C(4102444800) * 1000000);
    wendi_bench_case of = {name,          decode_all, &work,
                           sample->count, "events",   (double)sample->text.length};
    (void)wendi_bench_measure(bench, &of);
    wendi_decoder_counters counters = wendi_json_decoder_counters(work.decoder);
    snprintf(share, sizeof share, "%s: keys as predicted", name);
    wendi_bench_value(
        bench, share,
        100.0 * (double)counters.key_hits / (double)(counters.key_hits + counters.key_misses), "%");
    wendi_row_builder_free(&work.builder);
    wendi_json_decoder_close(work.decoder);
}

/* The same table, which keeps what no column takes. */
static void parse_keeping(wendi_schema **schema, wend_error *error)
{
    static const char dropping[] = "rest='drop'";
    char ddl[2048];
    snprintf(ddl, sizeof ddl, "%s", wendi_clickgen_ddl(false, WENDI_CLICKGEN_CLICKSTREAM));
    char *at = strstr(ddl, dropping);
    if (at == NULL) {
        wendi_bench_fail("the generator's DDL says nothing of rest");
    }
    memcpy(at, "rest='keep'", sizeof dropping - 1);
    wendi_bench_must(wendi_schema_parse(ddl, schema, error), "the schema", error);
}

int main(int argc, char **argv)
{
    wendi_bench bench;
    parse_sample sample = {0};
    wendi_schema *schema;
    wendi_schema *keeping;
    wend_error error = {.message = ""};
    if (wendi_bench_open(&bench, "bench_ingest_parse", argc, argv) > 1) {
        wendi_bench_fail("usage: bench_ingest_parse [--rows N] [--runs N] [--json FILE]");
    }
    uint64_t count = bench.rows > 0 ? bench.rows : 100000;
    if (count > WENDI_ROW_GROUP_ROWS_MAX) {
        wendi_bench_fail("--rows: at most %d", WENDI_ROW_GROUP_ROWS_MAX);
    }
    wendi_bench_must(
        wendi_schema_parse(wendi_clickgen_ddl(false, WENDI_CLICKGEN_CLICKSTREAM), &schema, &error),
        "the schema", &error);
    parse_keeping(&keeping, &error);
    generate(&sample, (uint32_t)count);
    wendi_bench_heading(&bench, "Parser: JSON text to typed rows");
    run(&bench, "as they come", schema, &sample, true);
    run(&bench, "without prediction", schema, &sample, false);
    run(&bench, "as they come, the rest kept", keeping, &sample, true);
    swap_members(&sample);
    run(&bench, "a third with swapped keys", schema, &sample, true);
    wendi_schema_free(schema);
    wendi_schema_free(keeping);
    wendi_buffer_free(&sample.text);
    wendi_free(sample.messages);
    wendi_bench_close(&bench);
    return 0;
}
