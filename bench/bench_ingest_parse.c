/*
 * Nanoseconds per event of decoding generated click events into a row builder: as they come, with keys in
 * shuffled order, and with prediction off. Rows are decoded again and again from memory, in rounds.
 *
 *   bench_ingest_parse [events] [rounds]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/clickgen/clickgen.h"
#include "engine/base/alloc.h"
#include "engine/base/clock.h"
#include "engine/expr/table_ddl.h"
#include "ingest/json_decoder.h"

typedef struct parse_sample {
    wendi_buffer text;
    wendi_message *messages;
    uint32_t count;
} parse_sample;

static void fail(const char *what)
{
    fprintf(stderr, "bench_ingest_parse: %s\n", what);
    exit(1);
}

static void generate(parse_sample *sample, uint32_t count)
{
    wendi_clickgen_options options = {.seed = 7, .event_count = count, .clean = true};
    wendi_clickgen *generator;
    wendi_clickgen_line line;
    char space[WENDI_CLICKGEN_LINE_MAX];
    sample->messages = wendi_alloc_zero(count, sizeof *sample->messages);
    if (sample->messages == NULL || wendi_clickgen_open(&options, &generator, NULL) != WEND_OK) {
        fail("no generator");
    }
    while (wendi_clickgen_next(generator, space, &line, NULL) == WEND_OK) {
        sample->messages[sample->count].position = (int64_t)sample->text.length;
        sample->messages[sample->count++].length = line.length;
        if (wendi_buffer_append(&sample->text, space, line.length + 1) != WEND_OK) {
            fail("no memory");
        }
    }
    wendi_clickgen_close(generator);
    for (uint32_t i = 0; i < sample->count; i++) {
        sample->messages[i].payload = (const char *)sample->text.data + sample->messages[i].position;
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

static void run(const char *name, const wendi_schema *schema, const parse_sample *sample, uint32_t rounds, bool predict)
{
    wendi_json_decoder *decoder;
    wendi_row_builder builder;
    wendi_decode_outcome outcome;
    if (wendi_json_decoder_open(schema, &decoder, NULL) != WEND_OK ||
        wendi_row_builder_init(&builder, schema, sample->count, NULL) != WEND_OK) {
        fail("no decoder");
    }
    wendi_json_decoder_set_prediction(decoder, predict);
    wendi_json_decoder_set_now(decoder, INT64_C(4102444800) * 1000000);
    double best = 1e18;
    for (uint32_t round = 0; round < rounds; round++) {
        wendi_row_builder_reset(&builder);
        int64_t begin = wendi_clock_monotonic_us();
        for (uint32_t i = 0; i < sample->count; i++) {
            if (wendi_json_decode(decoder, &sample->messages[i], NULL, &builder, &outcome, NULL) != WEND_OK ||
                outcome != WENDI_DECODE_ROW) {
                fail(wendi_json_decoder_reject(decoder)->reason);
            }
        }
        double ns = (double)(wendi_clock_monotonic_us() - begin) * 1000 / sample->count;
        best = ns < best ? ns : best;
    }
    double bytes = (double)sample->text.length / sample->count;
    wendi_decoder_counters counters = wendi_json_decoder_counters(decoder);
    printf("%-28s %7.1f ns/event  %6.2f GB/s  %5.2f %% of keys as predicted\n", name, best, bytes / best,
           100.0 * (double)counters.key_hits / (double)(counters.key_hits + counters.key_misses));
    wendi_row_builder_free(&builder);
    wendi_json_decoder_close(decoder);
}

int main(int argc, char **argv)
{
    uint32_t count = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 100000;
    uint32_t rounds = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 5;
    parse_sample sample = {0};
    wendi_schema *schema;
    wend_error error;
    if (count == 0 || count > WENDI_ROW_GROUP_ROWS_MAX) {
        fail("events: 1 to 1048576");
    }
    if (wendi_schema_parse(wendi_clickgen_ddl(false, WENDI_CLICKGEN_CLICKSTREAM), &schema, &error) != WEND_OK) {
        fail(error.message);
    }
    generate(&sample, count);
    printf("%u events of %.1f bytes\n", sample.count, (double)sample.text.length / sample.count);
    run("as they come", schema, &sample, rounds, true);
    run("without prediction", schema, &sample, rounds, false);
    swap_members(&sample);
    run("a third with swapped keys", schema, &sample, rounds, true);
    wendi_schema_free(schema);
    wendi_buffer_free(&sample.text);
    wendi_free(sample.messages);
    return 0;
}
