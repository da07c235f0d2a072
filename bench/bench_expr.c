/**
 * Cost of scalar expressions, in nanoseconds a row over pages of 64 Ki rows: filters on integers
 * and dictionary codes, checked arithmetic, and truncation of times. One thread.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/harness.h"
#include "engine/base/alloc.h"
#include "engine/column/calendar.h"
#include "engine/expr/binder.h"
#include "engine/expr/evaluator.h"
#include "engine/sql/sql.h"

enum { ROWS = WENDI_PAGE_ROWS, PAGES = 16, COLUMNS = 5, ENTRIES = 5000 };

static const struct {
    const char *name;
    wendi_type type;
} columns_of[COLUMNS] = {{"quantity", {.kind = WENDI_TYPE_INTEGER}},
                         {"price", {.kind = WENDI_TYPE_NUMERIC, .precision = 12, .scale = 2}},
                         {"ts", {.kind = WENDI_TYPE_TIMESTAMPTZ}},
                         {"score", {.kind = WENDI_TYPE_DOUBLE}},
                         {"page", {.kind = WENDI_TYPE_TEXT}}};

static wend_status resolve(void *context, wendi_string qualifier, wendi_string name,
                           int32_t position, uint32_t *slot, wendi_type *type, wend_error *error)
{
    (void)context;
    (void)qualifier;
    for (uint32_t i = 0; i < COLUMNS; i++) {
        if (wendi_string_equal(name, wendi_string_of(columns_of[i].name))) {
            *slot = i;
            *type = columns_of[i].type;
            return WEND_OK;
        }
    }
    return wendi_fail_at(error, WEND_NOT_FOUND, position, "no such column");
}

static wendi_dictionary *pages(void)
{
    uint32_t *offsets = wendi_alloc_zero(ENTRIES + 2, sizeof *offsets);
    char *bytes = wendi_alloc_zero(ENTRIES + 1, 24);
    uint32_t length = 0;

    if (offsets == NULL || bytes == NULL) {
        abort();
    }
    for (uint32_t code = 1; code <= ENTRIES; code++) {
        offsets[code] = length;
        length += (uint32_t)sprintf(bytes + length, "/catalogue/%05u", code);
    }
    offsets[ENTRIES + 1] = length;
    return wendi_dictionary_new(ENTRIES + 1, offsets, bytes, true);
}

static void fill(wendi_vector *columns)
{
    int64_t *quantity = wendi_alloc_aligned(64, ROWS * 8 + 64);
    int64_t *price = wendi_alloc_aligned(64, ROWS * 8 + 64);
    int64_t *ts = wendi_alloc_aligned(64, ROWS * 8 + 64);
    double *score = wendi_alloc_aligned(64, ROWS * 8 + 64);
    uint32_t *page = wendi_alloc_aligned(64, ROWS * 4 + 64);
    uint64_t state = 1;

    if (quantity == NULL || price == NULL || ts == NULL || score == NULL || page == NULL) {
        abort();
    }
    for (uint32_t row = 0; row < ROWS; row++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        quantity[row] = (int64_t)(state >> 40) % 100;
        price[row] = (int64_t)(state >> 33) % 100000;
        ts[row] = INT64_C(1704067200000000) + (int64_t)row * 37000000 + (int64_t)(state >> 44);
        score[row] = (double)(state >> 11) / 9e15;
        page[row] = 1 + (uint32_t)(state >> 35) % ENTRIES;
    }
    columns[0] = (wendi_vector){.row_count = ROWS, .i64 = quantity};
    columns[1] = (wendi_vector){.row_count = ROWS, .i64 = price};
    columns[2] = (wendi_vector){.row_count = ROWS, .i64 = ts};
    columns[3] = (wendi_vector){.row_count = ROWS, .f64 = score};
    columns[4] = (wendi_vector){
        .row_count = ROWS, .form = WENDI_FORM_DICTIONARY, .codes = page, .dictionary = pages()};
    for (int c = 0; c < COLUMNS; c++) {
        columns[c].type = columns_of[c].type;
    }
}

typedef struct evaluation {
    wendi_evaluator *evaluator;
    const wendi_expr *bound;
    const wendi_batch *batch;
} evaluation;

static void evaluate(void *context)
{
    static uint32_t indices[ROWS];
    const evaluation *work = context;
    wend_error error = {.message = ""};
    uint32_t count = 0;
    for (int page = 0; page < PAGES; page++) {
        wendi_vector out;
        wend_status status =
            work->bound->type.kind == WENDI_TYPE_BOOLEAN
                ? wendi_evaluate_filter(work->evaluator, work->bound, work->batch, NULL, indices,
                                        &count, &error)
                : wendi_evaluate(work->evaluator, work->bound, work->batch, NULL, &out, &error);
        wendi_bench_must(status, "evaluating", &error);
        wendi_evaluator_reset(work->evaluator);
    }
}

static void measure(wendi_bench *bench, const char *sql, const char *zone,
                    wendi_evaluator *evaluator, const wendi_batch *batch)
{
    wendi_session session = {wendi_timezone_utc(), 0};
    const wendi_scope scope = {.column = resolve, .session = &session};
    wendi_arena arena = {.blocks = NULL};
    const wendi_sql_expr *tree;
    evaluation work = {evaluator, NULL, batch};
    wend_error error = {.message = ""};
    char name[128];

    wendi_bench_must(wendi_timezone_find(wendi_string_of(zone), &session.zone, &error), zone,
                     &error);
    wendi_bench_must(wendi_sql_parse_expression(sql, strlen(sql), &arena, &tree, &error), sql,
                     &error);
    wendi_bench_must(wendi_bind(tree, &scope, &arena, &work.bound, &error), sql, &error);
    snprintf(name, sizeof name, "%s%s%s", sql, strcmp(zone, "UTC") == 0 ? "" : " at ",
             strcmp(zone, "UTC") == 0 ? "" : zone);
    wendi_bench_case of = {name, evaluate, &work, (double)PAGES * ROWS, "rows", 0};
    (void)wendi_bench_measure(bench, &of);
    wendi_evaluator_forget(evaluator);
    wendi_arena_free(&arena);
}

int main(int argc, char **argv)
{
    static const char *const expressions[] = {"quantity > 50",
                                              "quantity = 7",
                                              "quantity between 10 and 20",
                                              "quantity > 50 and price > 500",
                                              "quantity > 90 or score > 0.5",
                                              "price > 500",
                                              "score < 0.5",
                                              "page = '/catalogue/00042'",
                                              "page >= '/catalogue/04000'",
                                              "page like '%42%'",
                                              "page in ('/catalogue/00001', '/catalogue/00777')",
                                              "quantity + 1",
                                              "price * quantity",
                                              "price / (quantity + 1)",
                                              "score * 2 + 1",
                                              "case when quantity > 50 then price else 0 end",
                                              "lower(page)",
                                              "length(page)",
                                              "date_trunc('hour', ts)",
                                              "date_trunc('day', ts)",
                                              "date_trunc('month', ts)",
                                              "extract(hour from ts)",
                                              "ts >= '2024-01-10'",
                                              "ts::date"};
    wendi_vector columns[COLUMNS];
    wendi_batch batch = {ROWS, COLUMNS, columns};
    wendi_evaluator *evaluator;
    wendi_bench bench;

    if (wendi_bench_open(&bench, "bench_expr", argc, argv) > 1) {
        wendi_bench_fail("usage: bench_expr [--runs N] [--json FILE]");
    }
    wendi_bench_heading(&bench, "Expressions over pages of 64 Ki rows");
    fill(columns);
    if (wendi_evaluator_open(&evaluator, NULL) != WEND_OK) {
        return 1;
    }
    for (size_t i = 0; i < sizeof expressions / sizeof *expressions; i++) {
        measure(&bench, expressions[i], "UTC", evaluator, &batch);
    }
    measure(&bench, "date_trunc('hour', ts)", "Europe/Berlin", evaluator, &batch);
    measure(&bench, "date_trunc('day', ts)", "Europe/Berlin", evaluator, &batch);
    wendi_evaluator_close(evaluator);
    wendi_dictionary_release(columns[4].dictionary);
    for (int c = 0; c < 4; c++) {
        free((void *)(uintptr_t)columns[c].data);
    }
    free((void *)(uintptr_t)columns[4].codes);
    wendi_bench_close(&bench);
    return 0;
}
