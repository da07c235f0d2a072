/**
 * Expressions when memory is refused: every allocation of binding and evaluating in turn. Nothing but
 * WEND_NOMEM may come of it, no leak (under ASan), and the evaluator must work again afterwards. Then
 * threads share one bound expression (for TSan).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/expr/binder.h"
#include "engine/expr/evaluator.h"
#include "engine/sql/sql.h"

enum { ROWS = 64, THREADS = 3 };

static const char *const expressions[] = {
    "lower(s) || '!'", "s in ('a', 'b', 'zz') or length(s) > 2", "case when n > 3 then s else upper(s) end", "s ~ '^[a-c]+$' and s <> 'c'",
    "regexp_replace(s, 'a', 'bb', 'g')", "concat(s, n, 1.5)", "coalesce(nullif(s, 'a'), n::text)", "n between 1 and 2 + 3", "date '2024-01-01' + n",
    "greatest(n, 1, 2, 3, 4, 5, 6, 7, 8, 9)", "replace(s, 'b', 'xyz')", "s ilike 'A%'"};

static const wendi_session session_template = {NULL, 0};
static uint32_t codes[ROWS + 16];
static int64_t numbers[ROWS + 8];
static wendi_dictionary *dictionary;

static wend_status resolve(void *context, wendi_string qualifier, wendi_string name, int32_t position, uint32_t *slot,
                           wendi_type *type, wend_error *error)
{
    (void)context;
    (void)qualifier;
    (void)position;
    (void)error;
    *slot = name.data[0] == 's';
    *type = wendi_type_of(*slot ? WENDI_TYPE_TEXT : WENDI_TYPE_INTEGER);
    return WEND_OK;
}

static void columns_of(wendi_vector *columns)
{
    columns[0] = (wendi_vector){.type = wendi_type_of(WENDI_TYPE_INTEGER), .row_count = ROWS, .i64 = numbers};
    columns[1] = (wendi_vector){.type = wendi_type_of(WENDI_TYPE_TEXT), .form = WENDI_FORM_DICTIONARY, .row_count = ROWS, .codes = codes,
                                .dictionary = dictionary};
}

static wend_status bind(const char *sql, const wendi_session *session, wendi_arena *arena, const wendi_expr **bound)
{
    const wendi_scope scope = {.column = resolve, .session = session};
    const wendi_sql_expr *tree;
    wend_status status = WEND_OK;

    WEND_TRY(wendi_sql_parse_expression(sql, strlen(sql), arena, &tree, NULL));
    WEND_TRY(wendi_bind(tree, &scope, arena, bound, NULL));
cleanup:
    return status;
}

static wend_status run(wendi_evaluator *evaluator, const wendi_expr *bound)
{
    wendi_vector columns[2];
    wendi_batch batch = {ROWS, 2, columns};
    uint32_t indices[ROWS];
    uint32_t count;
    wendi_vector out;

    columns_of(columns);
    wend_status status = wendi_evaluate(evaluator, bound, &batch, NULL, &out, NULL);
    if (status == WEND_OK && bound->type.kind == WENDI_TYPE_BOOLEAN) {
        status = wendi_evaluate_filter(evaluator, bound, &batch, NULL, indices, &count, NULL);
    }
    wendi_evaluator_reset(evaluator);
    return status;
}

static wend_status all_of(const char *sql, const wendi_session *session)
{
    wendi_arena arena = {.blocks = NULL};
    wendi_evaluator *evaluator = NULL;
    const wendi_expr *bound;
    wend_status status = WEND_OK;

    WEND_TRY(bind(sql, session, &arena, &bound));
    WEND_TRY(wendi_evaluator_open(&evaluator, NULL));
    status = run(evaluator, bound);
    if (status == WEND_NOMEM) { /* the same evaluator once more, with memory */
        wendi_alloc_refuse_at(-1);
        assert_int_equal(run(evaluator, bound), WEND_OK);
    }
cleanup:
    wendi_evaluator_close(evaluator);
    wendi_arena_free(&arena);
    return status;
}

static void test_refused_memory(void **state)
{
    wendi_session session = session_template;
    uint32_t refused = 0;

    (void)state;
    session.zone = wendi_timezone_utc();
    for (size_t i = 0; i < sizeof expressions / sizeof *expressions; i++) {
        wend_status status = WEND_NOMEM;
        for (int64_t calls = 0; status == WEND_NOMEM; calls++) {
            wendi_alloc_refuse_at(calls);
            status = all_of(expressions[i], &session);
            wendi_alloc_refuse_at(-1);
            refused += status == WEND_NOMEM;
            assert_true(calls < 2000);
        }
        if (status != WEND_OK) {
            fail_msg("%s: %s", expressions[i], wend_status_name(status));
        }
        assert_int_equal(dictionary->references, 1);
    }
    assert_true(refused > 50);
}

static const wendi_expr *shared[sizeof expressions / sizeof *expressions];

static void *run_all(void *context)
{
    wendi_evaluator *evaluator;

    (void)context;
    if (wendi_evaluator_open(&evaluator, NULL) != WEND_OK) {
        return NULL;
    }
    for (int round = 0; round < 50; round++) {
        for (size_t i = 0; i < sizeof expressions / sizeof *expressions; i++) {
            if (run(evaluator, shared[i]) != WEND_OK) {
                wendi_evaluator_close(evaluator);
                return NULL;
            }
        }
    }
    wendi_evaluator_close(evaluator);
    return shared;
}

static void test_threads_share_expressions(void **state)
{
    wendi_session session = {wendi_timezone_utc(), 0};
    wendi_arena arena = {.blocks = NULL};
    pthread_t threads[THREADS];

    (void)state;
    for (size_t i = 0; i < sizeof expressions / sizeof *expressions; i++) {
        assert_int_equal(bind(expressions[i], &session, &arena, &shared[i]), WEND_OK);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, run_all, NULL), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        void *outcome;
        assert_int_equal(pthread_join(threads[i], &outcome), 0);
        assert_non_null(outcome);
    }
    assert_int_equal(dictionary->references, 1);
    wendi_arena_free(&arena);
}

static int make_columns(void **state)
{
    uint32_t *offsets = wendi_alloc_zero(6, sizeof *offsets);
    char *bytes = wendi_alloc_zero(1, 64 + 8);

    (void)state;
    memcpy(bytes, "aBcabcz", 7); /* a, B, c, abcz */
    const uint32_t ends[6] = {0, 0, 1, 2, 3, 7};
    memcpy(offsets, ends, sizeof ends);
    dictionary = wendi_dictionary_new(5, offsets, bytes, false);
    for (uint32_t row = 0; row < ROWS; row++) {
        codes[row] = row % 5;
        numbers[row] = row % 7;
    }
    return dictionary == NULL ? -1 : 0;
}

static int free_columns(void **state)
{
    (void)state;
    wendi_dictionary_release(dictionary);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_refused_memory), cmocka_unit_test(test_threads_share_expressions)};
    return cmocka_run_group_tests(tests, make_columns, free_columns);
}
