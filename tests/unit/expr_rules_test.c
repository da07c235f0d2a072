/**
 * What is built upon expressions: CHECK and GENERATED rules over builders' batches, ranges for
 * pruning against brute force, dictionaries whose unused entries must not matter, and exact decimals.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/column/builder.h"
#include "engine/expr/binder.h"
#include "engine/expr/numeric.h"
#include "engine/expr/prune.h"
#include "engine/expr/schema_rules.h"
#include "engine/expr/table_ddl.h"
#include "engine/sql/sql.h"

static uint64_t random_state = 1;

static uint32_t random_below(uint32_t limit)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((random_state >> 33) % limit);
}

/* Rules. */

static const char ddl[] = "create table events (user_id text, ts timestamptz not null, price numeric(12,2) check (price >= 0), "
                          "quantity integer check (100 / quantity > 1), country text, "
                          "total numeric(14,2) generated always as (price * quantity) stored, "
                          "land text generated always as (lower(country)) stored, "
                          "big boolean generated always as (total > 500) stored, check (country <> 'XX')) "
                          "with (user_column='user_id', time_column='ts')";

static uint32_t reasons_seen;

static void count_reason(void *context, uint32_t row, const char *reason)
{
    (void)context;
    (void)row;
    reasons_seen += strstr(reason, "division by zero") != NULL;
}

static void set_text(wendi_row_builder *builder, uint32_t column, const char *text)
{
    const wendi_value value = {.type = wendi_type_of(WENDI_TYPE_TEXT), .null = text == NULL, .string = wendi_string_of(text == NULL ? "" : text)};
    assert_int_equal(wendi_row_builder_set(builder, column, &value), WEND_OK);
}

static void set_i64(wendi_row_builder *builder, uint32_t column, bool null, int64_t number)
{
    const wendi_value value = {.type = builder->schema->columns[column].type, .null = null, .i64 = null ? 0 : number};
    assert_int_equal(wendi_row_builder_set(builder, column, &value), WEND_OK);
}

static void add_row(wendi_row_builder *builder, bool no_price, int64_t cents, int64_t quantity, const char *country)
{
    set_text(builder, 0, "u");
    set_i64(builder, 1, false, 0);
    set_i64(builder, 2, no_price, cents);
    set_i64(builder, 3, quantity < -1000, quantity);
    set_text(builder, 4, country);
    for (uint32_t c = 5; c < 8; c++) {
        const wendi_value null = {.type = builder->schema->columns[c].type, .null = true};
        assert_int_equal(wendi_row_builder_set(builder, c, &null), WEND_OK);
    }
    builder->row_count++;
}

static void test_rules(void **state)
{
    wendi_schema *schema;
    wendi_schema_rules *rules;
    wendi_evaluator *evaluator;
    wendi_row_builder builder;
    wendi_vector columns[8];
    uint32_t failed[8];
    wend_error error = {.message = ""};

    (void)state;
    if (wendi_schema_parse(ddl, &schema, &error) != WEND_OK) {
        fail_msg("%s", error.message);
    }
    assert_int_equal(wendi_schema_rules_open(schema, &rules, &error), WEND_OK);
    assert_int_equal(rules->generated_count, 3);
    assert_int_equal(wendi_evaluator_open(&evaluator, &error), WEND_OK);
    assert_int_equal(wendi_row_builder_init(&builder, schema, 64, &error), WEND_OK);
    for (int round = 0; round < 2; round++) { /* the second time other strings stand behind the same view */
        wendi_row_builder_reset(&builder);
        add_row(&builder, false, 10000, 6, round == 0 ? "IN" : "FR");
        add_row(&builder, false, -1, 1, "DE");
        add_row(&builder, true, 0, 2, NULL);
        add_row(&builder, false, 100, 0, "DE");
        add_row(&builder, false, 100, -5000, "XX");
        add_row(&builder, false, 100, 90, "DE");
        wendi_row_builder_vectors(&builder, 0, 6, columns);
        wendi_batch batch = {6, 8, columns};
        reasons_seen = 0;
        assert_int_equal(wendi_schema_rules_apply(rules, evaluator, &batch, failed, count_reason, NULL, &error), WEND_OK);
        assert_int_equal(failed[0], WENDI_CHECK_PASSED);
        assert_true(failed[1] < schema->check_count);
        assert_int_equal(failed[2], WENDI_CHECK_PASSED);
        assert_true(failed[3] < schema->check_count);
        assert_true(failed[4] < schema->check_count);
        assert_true(failed[5] < schema->check_count); /* 100 / 90 is 1 among integers */
        assert_int_equal(reasons_seen, 1);
        assert_int_equal(columns[5].i64[0], 60000);
        assert_true(wendi_vector_is_null(&columns[5], 2));
        assert_true(wendi_string_equal(wendi_vector_string(&columns[6], 0), wendi_string_of(round == 0 ? "in" : "fr")));
        assert_true(wendi_vector_is_null(&columns[6], 2));
        assert_int_equal(columns[7].i64[0], 1);
        assert_true(wendi_vector_is_null(&columns[7], 2));
        wendi_evaluator_reset(evaluator);
    }
    wendi_row_builder_free(&builder);
    wendi_evaluator_close(evaluator);
    wendi_schema_rules_close(rules);
    wendi_schema_free(schema);
}

/** A generated value that cannot be computed rejects its own row only. */
static void test_generated_failure(void **state)
{
    wendi_schema *schema;
    wendi_schema_rules *rules;
    wendi_evaluator *evaluator;
    wendi_row_builder builder;
    wendi_vector columns[3];
    uint32_t failed[100];
    wend_error error = {.message = ""};

    (void)state;
    assert_int_equal(wendi_schema_parse("create table t (ts timestamptz not null, a integer, b smallint generated always as "
                                        "(a * 1000) stored) with (time_column='ts')",
                                        &schema, &error),
                     WEND_OK);
    assert_int_equal(wendi_schema_rules_open(schema, &rules, &error), WEND_OK);
    assert_int_equal(wendi_evaluator_open(&evaluator, &error), WEND_OK);
    assert_int_equal(wendi_row_builder_init(&builder, schema, 100, &error), WEND_OK);
    for (int i = 0; i < 100; i++) {
        set_i64(&builder, 0, false, 0);
        set_i64(&builder, 1, false, i);
        set_i64(&builder, 2, true, 0);
        builder.row_count++;
    }
    wendi_row_builder_vectors(&builder, 0, 100, columns);
    wendi_batch batch = {100, 3, columns};
    assert_int_equal(wendi_schema_rules_apply(rules, evaluator, &batch, failed, NULL, NULL, &error), WEND_OK);
    for (uint32_t i = 0; i < 100; i++) {
        assert_int_equal(failed[i], i <= 32 ? WENDI_CHECK_PASSED : schema->check_count + 2);
        assert_int_equal(wendi_vector_is_null(&columns[2], i), i > 32);
        assert_int_equal(columns[2].i64[i], i <= 32 ? (int64_t)i * 1000 : 0);
    }
    wendi_row_builder_free(&builder);
    wendi_evaluator_close(evaluator);
    wendi_schema_rules_close(rules);
    wendi_schema_free(schema);
}

/** Rules that must be refused, put in place of good ones: the schema's parser would refuse them before. */
static void test_rules_refused(void **state)
{
    static const struct {
        bool check; /* else the generated column b */
        const char *rule;
        const char *message;
        int position;
    } cases[] = {
        {true, "a + 1", "check t_check: argument of CHECK must be type boolean", 2},
        {true, "nope > 1", "column \"nope\" does not exist", 0},
        {true, "ts < now()", "not immutable", -2},
        {true, "a >", "", -2},
        {false, "extract(hour from now())::integer", "generated column b: generation expression is not immutable", -2},
        {false, "c + 1", "cannot use generated column \"c\" in the expression of \"b\"", 0},
        {false, "b + 1", "cannot use generated column \"b\"", 0},
        {false, "a > 1", "cannot cast type boolean to integer", -2},
        {false, "ts", "cannot cast type timestamptz to integer", 0},
        {false, "count(*)", "aggregate functions are not allowed", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wendi_schema *schema = NULL;
        wendi_schema_rules *rules = NULL;
        wend_error error = {.message = ""};
        assert_int_equal(wendi_schema_parse("create table t (ts timestamptz not null, a integer, b integer generated always as (a) stored, "
                                            "c integer generated always as (b) stored, constraint t_check check (a > 1)) with (time_column='ts')",
                                            &schema, &error),
                         WEND_OK);
        if (cases[i].check) {
            schema->checks[0].expression = wendi_string_of(cases[i].rule);
        } else {
            schema->columns[2].generated = wendi_string_of(cases[i].rule);
        }
        wend_status status = wendi_schema_rules_open(schema, &rules, &error);
        if (status == WEND_OK || strstr(error.message, cases[i].message) == NULL || strstr(error.hint, cases[i].rule) == NULL ||
            (cases[i].position != -2 && error.position != cases[i].position)) {
            fail_msg("%s: %s (%s) at %d, expected %s", cases[i].rule, error.message, error.hint, error.position, cases[i].message);
        }
        wendi_schema_rules_close(rules);
        wendi_schema_free(schema);
    }
}

/* Pruning. */

static const wendi_type_kind prune_kinds[4] = {WENDI_TYPE_INTEGER, WENDI_TYPE_TEXT, WENDI_TYPE_DOUBLE, WENDI_TYPE_BOOLEAN};

static wend_status resolve(void *context, wendi_string qualifier, wendi_string name, int32_t position, uint32_t *slot,
                           wendi_type *type, wend_error *error)
{
    (void)context;
    (void)qualifier;
    (void)position;
    (void)error;
    *slot = (uint32_t)(name.data[1] - '0');
    *type = wendi_type_of(prune_kinds[*slot]);
    return WEND_OK;
}

static const char *const page_texts[] = {"", "a", "ab", "abc", "b", "zz"};

/** Eight rows of the four columns, and the least and greatest of each. */
typedef struct page {
    wendi_vector columns[4];
    int64_t integers[8 + 8];
    wendi_string strings[8 + 8];
    double doubles[8 + 8];
    int64_t booleans[8 + 8];
    uint8_t nulls[4][8 + 64];
} page;

static wendi_value value_of(const wendi_vector *vector, uint32_t row)
{
    wendi_value value = {.type = vector->type, .null = wendi_vector_is_null(vector, row)};

    if (vector->type.kind == WENDI_TYPE_TEXT) {
        value.string = vector->strings[row];
    } else {
        value.i64 = vector->i64[row]; /* a double's bytes as well */
    }
    return value;
}

static void fill_page(page *p)
{
    int64_t base = random_below(8);
    uint32_t text_base = random_below(5);

    for (uint32_t row = 0; row < 8; row++) {
        for (int c = 0; c < 4; c++) {
            p->nulls[c][row] = random_below(5) == 0;
        }
        p->integers[row] = p->nulls[0][row] ? 0 : base + random_below(2);
        p->strings[row] = p->nulls[1][row] ? (wendi_string){"", 0} : wendi_string_of(page_texts[text_base + random_below(2)]);
        p->doubles[row] = p->nulls[2][row] ? 0 : (double)base / 2;
        p->booleans[row] = !p->nulls[3][row] && base % 2;
    }
    p->columns[0] = (wendi_vector){.row_count = 8, .nulls = p->nulls[0], .i64 = p->integers};
    p->columns[1] = (wendi_vector){.row_count = 8, .nulls = p->nulls[1], .strings = p->strings};
    p->columns[2] = (wendi_vector){.row_count = 8, .nulls = p->nulls[2], .f64 = p->doubles};
    p->columns[3] = (wendi_vector){.row_count = 8, .nulls = p->nulls[3], .i64 = p->booleans};
    for (int c = 0; c < 4; c++) {
        p->columns[c].type = wendi_type_of(prune_kinds[c]);
    }
}

static bool page_overlaps(const page *p, const wendi_range *range)
{
    wendi_value least = {.null = true};
    wendi_value greatest = {.null = true};
    bool has_null = false;

    if (range->kind == WENDI_RANGE_NEVER) {
        return wendi_range_overlaps(range, NULL, NULL, true);
    }
    for (uint32_t row = 0; row < 8; row++) {
        wendi_value value = value_of(&p->columns[range->slot], row);
        has_null |= value.null;
        if (value.null) {
            continue;
        }
        least = least.null || wendi_value_compare(&value, &least) < 0 ? value : least;
        greatest = greatest.null || wendi_value_compare(&value, &greatest) > 0 ? value : greatest;
    }
    return wendi_range_overlaps(range, least.null ? NULL : &least, greatest.null ? NULL : &greatest, has_null);
}

static void test_pruning(void **state)
{
    static const char *const predicates[] = {
        "c0 = 3", "3 < c0", "c0 >= 3 and c0 < 5", "c0 between 2 and 4", "c0 in (1, 5, 9)", "c0 <> 4", "c0 is null", "c0 is not null",
        "c0 = 1 or c0 = 6", "c0 in (1, 2) or c0 = 7", "c0 = null", "c0 in (2, null)", "c0 not in (2, null)", "c1 = 'ab'", "c1 > 'ab'", "'ab' >= c1",
        "c1 like 'ab%'", "c1 like 'a_c'", "c1 like 'b'", "c1 like '%'", "c1 in ('a', 'zz')", "c2 > 1.5", "c2 = 2", "c2 <= 0.5", "c3", "not c3", "c3 is true",
        "c3 is false", "c3 = true", "false", "true", "c0 > 2 and c1 < 'b' and c2 < 3", "c0 = 2 or c1 = 'a'", "c0 + 0 = 3", "c0 > 100000000000", "c0 > 2.5", "c1 not like 'a%'"};
    const wendi_session session = {wendi_timezone_utc(), 0};
    const wendi_scope scope = {.column = resolve, .session = &session};
    wendi_arena arena = {.blocks = NULL};
    wendi_evaluator *evaluator;
    wend_error error;
    uint32_t pruned = 0;

    (void)state;
    assert_int_equal(wendi_evaluator_open(&evaluator, &error), WEND_OK);
    for (int round = 0; round < 20000; round++) {
        const char *sql = predicates[random_below(sizeof predicates / sizeof *predicates)];
        const wendi_sql_expr *tree;
        const wendi_expr *bound;
        const wendi_expr *conjuncts[8];
        uint32_t indices[8];
        uint32_t matches;
        page p;
        assert_int_equal(wendi_sql_parse_expression(sql, strlen(sql), &arena, &tree, &error), WEND_OK);
        assert_int_equal(wendi_bind_condition(tree, &scope, "WHERE", &arena, &bound, &error), WEND_OK);
        fill_page(&p);
        wendi_batch batch = {8, 4, p.columns};
        uint32_t count = wendi_expr_conjuncts(bound, conjuncts, 8);
        assert_true(count <= 8);
        for (uint32_t i = 0; i < count; i++) {
            wendi_range range;
            assert_int_equal(wendi_evaluate_filter(evaluator, conjuncts[i], &batch, NULL, indices, &matches, &error), WEND_OK);
            if (!wendi_expr_range(conjuncts[i], &arena, &range)) {
                continue;
            }
            bool may = page_overlaps(&p, &range);
            pruned += !may;
            if (!may && matches > 0) {
                fail_msg("%s is pruned but %u rows match", sql, matches);
            }
            for (uint32_t row = 0; range.exact && range.slot != WENDI_EXPR_NO_SLOT && row < 8; row++) {
                wendi_value value = value_of(&p.columns[range.slot], row);
                bool in = wendi_range_overlaps(&range, value.null ? NULL : &value, value.null ? NULL : &value, value.null);
                bool is = false;
                for (uint32_t k = 0; k < matches; k++) {
                    is |= indices[k] == row;
                }
                if (in != is) {
                    fail_msg("%s: the range says %d of row %u, the filter %d", sql, in, row, is);
                }
            }
        }
        wendi_evaluator_forget(evaluator);
        wendi_arena_reset(&arena);
    }
    assert_true(pruned > 2000);
    wendi_evaluator_close(evaluator);
    wendi_arena_free(&arena);
}

/* Dictionaries. */

/** Numbers as text, 5,000 of them, the last one broken; ordered by construction. */
static wendi_dictionary *number_dictionary(void)
{
    uint32_t *offsets = wendi_alloc_zero(5003, sizeof *offsets);
    char *bytes = wendi_alloc_zero(1, 5002 * 8);
    uint32_t length = 0;

    for (uint32_t code = 1; code <= 5001; code++) {
        offsets[code] = length;
        length += (uint32_t)sprintf(bytes + length, code == 5001 ? "broken" : "%05u", code);
    }
    offsets[5002] = length;
    return wendi_dictionary_new(5002, offsets, bytes, true);
}

static void test_unused_entries(void **state)
{
    const wendi_session session = {wendi_timezone_utc(), 0};
    const wendi_scope scope = {.column = resolve, .session = &session};
    wendi_arena arena = {.blocks = NULL};
    wendi_dictionary *dictionary = number_dictionary();
    wendi_evaluator *evaluator;
    uint32_t codes[100 + 16];
    wendi_vector columns[2] = {{.type = wendi_type_of(WENDI_TYPE_INTEGER)},
                               {.type = wendi_type_of(WENDI_TYPE_TEXT), .form = WENDI_FORM_DICTIONARY, .row_count = 100, .codes = codes, .dictionary = dictionary}};
    wendi_batch batch = {100, 2, columns};
    const wendi_sql_expr *tree;
    const wendi_expr *number;
    const wendi_expr *padded;
    wendi_vector out;
    wend_error error;

    (void)state;
    assert_int_equal(wendi_evaluator_open(&evaluator, &error), WEND_OK);
    assert_int_equal(wendi_sql_parse_expression("c1::integer", 11, &arena, &tree, &error), WEND_OK);
    assert_int_equal(wendi_bind(tree, &scope, &arena, &number, &error), WEND_OK);
    assert_int_equal(wendi_sql_parse_expression("left(c1, 3)", 11, &arena, &tree, &error), WEND_OK);
    assert_int_equal(wendi_bind(tree, &scope, &arena, &padded, &error), WEND_OK);
    for (uint32_t batch_number = 0; batch_number < 60; batch_number++) {
        for (uint32_t row = 0; row < 100; row++) {
            codes[row] = row % 7 == 0 ? 0 : 1 + (batch_number * 83 + row) % 5000;
        }
        assert_int_equal(wendi_evaluate(evaluator, number, &batch, NULL, &out, &error), WEND_OK);
        for (uint32_t row = 0; row < 100; row++) {
            assert_int_equal(wendi_vector_is_null(&out, row), codes[row] == 0);
            assert_int_equal(out.i64[row], codes[row]);
        }
        assert_int_equal(wendi_evaluate(evaluator, padded, &batch, NULL, &out, &error), WEND_OK);
        for (uint32_t row = 0; row < 100; row++) {
            wendi_string entry = wendi_dictionary_at(dictionary, codes[row]);
            entry.length = entry.length > 3 ? 3 : entry.length;
            assert_true(wendi_string_equal(wendi_vector_string(&out, row), entry));
        }
        wendi_evaluator_reset(evaluator);
    }
    codes[50] = 5001;
    assert_int_equal(wendi_evaluate(evaluator, number, &batch, NULL, &out, &error), WEND_INVALID);
    assert_string_equal(error.message, "invalid input syntax for type integer: \"broken\"");
    const uint32_t others[2] = {49, 51};
    const wendi_selection without = {others, 2};
    assert_int_equal(wendi_evaluate(evaluator, number, &batch, &without, &out, &error), WEND_OK);
    assert_int_equal(out.i64[51], codes[51]);
    wendi_evaluator_close(evaluator);
    assert_int_equal(dictionary->references, 1);
    wendi_dictionary_release(dictionary);
    wendi_arena_free(&arena);
}

/* Decimals. */

static wendi_int128 random_number(uint32_t digits)
{
    wendi_int128 value = 0;

    for (uint32_t i = random_below(digits) + 1; i > 0; i--) {
        value = value * 10 + random_below(10);
    }
    return random_below(2) ? value : -value;
}

/** Products and quotients against each other: (a·b)/b = a exactly, and a quotient is off by at most half a unit. */
static void test_decimals(void **state)
{
    (void)state;
    for (int round = 0; round < 200000; round++) {
        wendi_int128 a = random_number(18);
        wendi_int128 b = random_number(18);
        wendi_int128 product;
        wendi_int128 back;
        assert_true(wendi_numeric_multiply(a, 4, b, 6, 10, &product));
        assert_true(product == a * b);
        if (b != 0) {
            assert_true(wendi_numeric_divide(product, 10, b, 6, 4, &back));
            assert_true(back == a);
            wendi_int128 c = random_number(9);
            c = c == 0 ? 1 : c;
            assert_true(wendi_numeric_divide(a, 2, c, 3, 12, &back)); /* a·10^13 / c */
            wendi_int128 off = a * wendi_power_of_ten(13) - back * c;
            off = off < 0 ? -off : off;
            assert_true(2 * off <= (c < 0 ? -c : c));
        }
        /* 256 bits on the way: (a·b)·(10^16) at scale 0 comes back by dividing. */
        wendi_int128 wide = random_number(36);
        if (wendi_numeric_multiply(wide, 20, wendi_power_of_ten(20), 20, 20, &product)) {
            assert_true(product == wide);
        }
        double number = wendi_numeric_to_double(a, 3);
        char text[64];
        snprintf(text, sizeof text, "%llde-3", (long long)a);
        assert_true(number == strtod(text, NULL));
    }
    wendi_int128 result;
    wendi_int128 most = wendi_power_of_ten(38) - 1 + 0;
    assert_false(wendi_numeric_multiply(most, 0, 10, 0, 0, &result));
    assert_true(wendi_numeric_divide(most, 0, most, 0, 20, &result) && result == wendi_power_of_ten(20));
    assert_false(wendi_numeric_divide(most, 0, 1, 0, 20, &result));
    assert_true(wendi_numeric_rescale(-15, 1, 0, &result) && result == -2);
    assert_true(wendi_numeric_rescale(-14, 1, 0, &result) && result == -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rules),          cmocka_unit_test(test_generated_failure),
                                       cmocka_unit_test(test_rules_refused),  cmocka_unit_test(test_pruning),
                                       cmocka_unit_test(test_unused_entries), cmocka_unit_test(test_decimals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
