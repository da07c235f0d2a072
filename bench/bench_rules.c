/*
 * Nanoseconds per event of the rules at the door: CHECK and GENERATED of a schema over decoded click events, in the
 * batches that ingest judges at once. Each kind of rule alone, then all together.
 *
 *   bench_rules [shared options]
 */
#include <stdio.h>
#include <string.h>

#include "bench/clickgen/clickgen.h"
#include "bench/harness.h"
#include "engine/base/alloc.h"
#include "engine/expr/schema_rules.h"
#include "engine/expr/table_ddl.h"
#include "ingest/json_decoder.h"

enum { BATCH_ROWS = 4096, DDL_BYTES = 8192 };

static const struct {
    const char *name;
    const char *rules; /* put before the statement's closing bracket */
} CASES[] = {
    {"the table's own: price >= 0, quantity > 0", ""},
    {"a number's range", ", CHECK (price BETWEEN 0 AND 100000)"},
    {"one of ten texts", ", CHECK (country IN ('DE','FR','US','GB','IT','ES','NL','PL','SE','AT'))"},
    {"a pattern", ", CHECK (page LIKE '/%')"},
    {"a text's length", ", CHECK (length(user_agent) < 500)"},
    {"two columns", ", CHECK (price IS NULL OR currency IS NOT NULL)"},
    {"a time's range", ", CHECK (ts >= timestamptz '2020-01-01 00:00:00+00')"},
    {"generated: a product", ", total numeric(14,2) GENERATED ALWAYS AS (price * quantity) STORED"},
    {"generated: a day", ", day date GENERATED ALWAYS AS (ts::date) STORED"},
    {"generated: lower case", ", lowered text GENERATED ALWAYS AS (lower(city)) STORED"},
    {"generated: a choice", ", paid boolean GENERATED ALWAYS AS (CASE WHEN price > 0 THEN true ELSE false END) STORED"},
    {"all of them",
     ", CHECK (price BETWEEN 0 AND 100000), CHECK (country IN ('DE','FR','US','GB','IT','ES','NL','PL','SE','AT')), "
     "CHECK (page LIKE '/%'), CHECK (length(user_agent) < 500), CHECK (price IS NULL OR currency IS NOT NULL), "
     "CHECK (ts >= timestamptz '2020-01-01 00:00:00+00'), "
     "total numeric(14,2) GENERATED ALWAYS AS (price * quantity) STORED, day date GENERATED ALWAYS AS (ts::date) STORED, "
     "lowered text GENERATED ALWAYS AS (lower(city)) STORED, "
     "paid boolean GENERATED ALWAYS AS (CASE WHEN price > 0 THEN true ELSE false END) STORED"},
};

typedef struct judging {
    wendi_schema *schema;
    wendi_row_builder builder;
    wendi_schema_rules *rules;
    wendi_evaluator *evaluator;
    wendi_vector *vectors;
    uint32_t failed[BATCH_ROWS];
    uint64_t failed_count;
} judging;

static void decode_events(judging *work, uint32_t count)
{
    wendi_clickgen_options options = {.seed = 7, .event_count = count, .clean = true};
    wendi_clickgen *generator;
    wendi_clickgen_line line;
    wendi_json_decoder *decoder;
    char space[WENDI_CLICKGEN_LINE_MAX + WENDI_MESSAGE_PADDING];
    wendi_decode_outcome outcome;
    wendi_bench_must(wendi_json_decoder_open(work->schema, &decoder, NULL), "the decoder", NULL);
    wendi_bench_must(wendi_row_builder_init(&work->builder, work->schema, count, NULL), "the builder", NULL);
    wendi_bench_must(wendi_clickgen_open(&options, &generator, NULL), "the generator", NULL);
    wendi_json_decoder_set_now(decoder, INT64_C(4102444800) * 1000000);
    while (wendi_clickgen_next(generator, space, &line, NULL) == WEND_OK) {
        wendi_message message = {.payload = space, .length = line.length, .timestamp_us = INT64_MIN};
        wendi_bench_must(wendi_json_decode(decoder, &message, NULL, &work->builder, &outcome, NULL), "an event", NULL);
        if (outcome != WENDI_DECODE_ROW) {
            wendi_bench_fail("%s", wendi_json_decoder_reject(decoder)->reason);
        }
    }
    wendi_clickgen_close(generator);
    wendi_json_decoder_close(decoder);
}

static void judge_all(void *context)
{
    judging *work = context;
    work->failed_count = 0;
    for (uint32_t first = 0; first < work->builder.row_count; first += BATCH_ROWS) {
        uint32_t left = work->builder.row_count - first;
        wendi_batch batch = {.row_count = left < BATCH_ROWS ? left : BATCH_ROWS,
                             .column_count = work->schema->column_count,
                             .columns = work->vectors};
        wendi_row_builder_vectors(&work->builder, first, batch.row_count, work->vectors);
        wendi_evaluator_reset(work->evaluator);
        wendi_bench_must(wendi_schema_rules_apply(work->rules, work->evaluator, &batch, work->failed, NULL, NULL, NULL),
                         "the rules", NULL);
        for (uint32_t i = 0; i < batch.row_count; i++) {
            work->failed_count += work->failed[i] != WENDI_CHECK_PASSED;
        }
    }
}

static void run_case(wendi_bench *bench, const char *name, const char *rules, uint32_t count)
{
    static judging work;
    char ddl[DDL_BYTES];
    char share[128];
    wend_error error = {.message = ""};
    const char *own = wendi_clickgen_ddl(false, WENDI_CLICKGEN_CLICKSTREAM);
    const char *close = strstr(own, ") WITH");
    if (close == NULL) {
        wendi_bench_fail("the generator's DDL has no WITH");
    }
    snprintf(ddl, sizeof ddl, "%.*s%s%s", (int)(close - own), own, rules, close);
    work = (judging){.failed_count = 0};
    wendi_bench_must(wendi_schema_parse(ddl, &work.schema, &error), name, &error);
    wendi_bench_must(wendi_schema_rules_open(work.schema, &work.rules, &error), name, &error);
    wendi_bench_must(wendi_evaluator_open(&work.evaluator, &error), name, &error);
    work.vectors = wendi_alloc_zero(work.schema->column_count, sizeof *work.vectors);
    if (work.vectors == NULL) {
        wendi_bench_fail("no memory");
    }
    decode_events(&work, count);
    wendi_bench_case of = {name, judge_all, &work, work.builder.row_count, "events", 0};
    (void)wendi_bench_measure(bench, &of);
    snprintf(share, sizeof share, "%s: refused", name);
    if (work.failed_count != 0) {
        wendi_bench_value(bench, share, 100.0 * (double)work.failed_count / (double)work.builder.row_count, "%");
    }
    wendi_evaluator_close(work.evaluator);
    wendi_schema_rules_close(work.rules);
    wendi_row_builder_free(&work.builder);
    wendi_free(work.vectors);
    wendi_schema_free(work.schema);
}

int main(int argc, char **argv)
{
    wendi_bench bench;
    if (wendi_bench_open(&bench, "bench_rules", argc, argv) > 1) {
        wendi_bench_fail("usage: bench_rules [--rows N] [--runs N] [--json FILE]");
    }
    uint64_t count = bench.rows > 0 ? bench.rows : 100000;
    if (count > WENDI_ROW_GROUP_ROWS_MAX) {
        wendi_bench_fail("--rows: at most %d", WENDI_ROW_GROUP_ROWS_MAX);
    }
    wendi_bench_heading(&bench, "Rules at the door: CHECK and GENERATED, 4096 events at once");
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        run_case(&bench, CASES[i].name, CASES[i].rules, (uint32_t)count);
    }
    wendi_bench_close(&bench);
    return 0;
}
