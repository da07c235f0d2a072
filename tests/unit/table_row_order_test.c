/*
 * The one sort order against a plain stable comparison sort, for every type a user or order column
 * may have: nulls, ties, long runs, times that jump, partitions.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "engine/base/alloc.h"
#include "engine/column/value.h"
#include "engine/expr/table_ddl.h"
#include "engine/table/row_order.h"
#include "tests/support/segment_fixture.h"

static const char *const types[] = {
    "text",    "varchar(40)",      "uuid", "inet", "bigint",      "integer",      "smallint",
    "boolean", "double precision", "real", "date", "timestamptz", "numeric(12,2)"};
enum { TYPES = sizeof types / sizeof types[0], NO_ROLE = -1 };

static wendi_schema *make_schema(int user, bool with_time, int order)
{
    char ddl[512];
    wendi_schema *schema = NULL;
    wend_error error = {0};
    snprintf(ddl, sizeof ddl,
             "CREATE TABLE t (u %s, ts timestamptz NOT NULL, o %s, seq bigint) WITH (%s%s%s%s%s)",
             user == NO_ROLE ? "text" : types[user], order == NO_ROLE ? "text" : types[order],
             user == NO_ROLE ? "" : "user_column='u'", user != NO_ROLE && with_time ? ", " : "",
             with_time ? "time_column='ts'" : "",
             order != NO_ROLE && (user != NO_ROLE || with_time) ? ", " : "",
             order == NO_ROLE ? "" : "order_column='o'");
    if (user == NO_ROLE && !with_time && order == NO_ROLE) {
        snprintf(ddl, sizeof ddl, "CREATE TABLE t (u text, ts timestamptz, o text, seq bigint)");
    }
    if (wendi_schema_parse(ddl, &schema, &error) != WEND_OK) {
        fail_msg("%s: %s", ddl, error.message);
    }
    return schema;
}

static wendi_value random_value(wendi_type type, uint64_t *random, uint64_t distinct,
                                int null_percent, char *text)
{
    wendi_value value = {.type = type};
    uint64_t pick = random_below(random, distinct);
    if ((int)random_below(random, 100) < null_percent) {
        value.null = true;
        return value;
    }
    switch (wendi_type_physical(type)) {
    case WENDI_PHYSICAL_STRING:
        value.string =
            (wendi_string){text, (uint32_t)snprintf(text, 32, "%.*s%llu", (int)(pick % 7), "prefix",
                                                    (unsigned long long)pick)};
        break;
    case WENDI_PHYSICAL_F64:
        value.f64 = (double)pick * 0.25 - 8; /* exact as real too */
        break;
    case WENDI_PHYSICAL_B16:
        if (type.kind == WENDI_TYPE_INET) {
            const char *reason = "";
            snprintf(text, 32, "10.%llu.%llu.%llu", (unsigned long long)(pick >> 16 & 255),
                     (unsigned long long)(pick >> 8 & 255), (unsigned long long)(pick & 255));
            assert_int_equal(wendi_value_parse(type, wendi_string_of(text), wendi_timezone_utc(),
                                               &value, &reason),
                             WEND_OK);
        } else {
            value.b16.word[0] = wendi_mix64(pick + 1);
            value.b16.word[1] = pick;
        }
        break;
    default:
        value.i64 = type.kind == WENDI_TYPE_BOOLEAN ? (int64_t)(pick & 1)
                                                    : (int64_t)pick - (int64_t)(distinct / 2);
        break;
    }
    return value;
}

static wendi_value value_at(const wendi_row_builder *builder, uint32_t column, uint32_t row)
{
    const wendi_column_builder *from = &builder->columns[column];
    wendi_value value = {.type = from->type};
    if (from->physical == WENDI_PHYSICAL_STRING) {
        value.null = from->codes[row] == 0;
        if (!value.null) {
            value.string = wendi_interner_at(&from->interner, from->codes[row]);
        }
        return value;
    }
    value.null = from->nulls[row] != 0;
    if (from->physical == WENDI_PHYSICAL_B16) {
        value.b16 = from->b16[row];
    } else {
        value.i64 = from->i64[row];
    }
    return value;
}

static const wendi_row_builder *sorted; /* by naive_compare() */

static int compare_column(uint32_t column, uint32_t a, uint32_t b, bool hashed)
{
    if (column == WENDI_NO_COLUMN) {
        return 0;
    }
    wendi_value left = value_at(sorted, column, a);
    wendi_value right = value_at(sorted, column, b);
    if (left.null || right.null) {
        return (int)left.null - (int)right.null;
    }
    if (hashed) {
        uint64_t x = wendi_value_hash(&left);
        uint64_t y = wendi_value_hash(&right);
        if (x != y) {
            return x < y ? -1 : 1;
        }
    }
    return wendi_value_compare(&left, &right);
}

static int naive_compare(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left;
    uint32_t b = *(const uint32_t *)right;
    int order = compare_column(sorted->schema->user_column, a, b, true);
    order = order != 0 ? order : compare_column(sorted->schema->time_column, a, b, false);
    order = order != 0 ? order : compare_column(sorted->schema->order_column, a, b, false);
    if (order == 0 && sorted->partitions[a] != sorted->partitions[b]) {
        order = sorted->partitions[a] < sorted->partitions[b] ? -1 : 1;
    }
    return order != 0 ? order : (a > b) - (a < b);
}

/* Ranks and codes of a text user column say the same as the rows. */
static void check_users(const wendi_row_builder *builder, const wendi_row_order *order)
{
    const wendi_column_builder *user = &builder->columns[builder->schema->user_column];
    uint32_t rank = 0;
    for (uint32_t i = 0; i < order->row_count; i++) {
        uint32_t code = user->codes[order->rows[i]];
        if (code == 0) {
            continue;
        }
        if (order->user_rank[code] != rank) {
            rank++;
        }
        assert_int_equal(order->user_rank[code], rank);
        assert_int_equal(order->user_codes[rank], code);
    }
    assert_int_equal(order->user_count, rank);
}

static void check(int user, bool with_time, int order_type, uint32_t rows, uint64_t users,
                  uint64_t times, int null_percent, uint64_t *random)
{
    wendi_schema *schema = make_schema(user, with_time, order_type);
    wendi_row_builder builder = {0};
    wendi_row_order order = {.row_count = 0};
    uint32_t *expected = malloc(rows * sizeof *expected);
    char text[32];
    assert_int_equal(wendi_row_builder_init(&builder, schema, rows, NULL), WEND_OK);
    for (uint32_t row = 0; row < rows; row++) {
        wendi_value values[4] = {
            random_value(schema->columns[0].type, random, users, null_percent, text)};
        assert_int_equal(wendi_row_builder_set(&builder, 0, &values[0]), WEND_OK);
        values[1] = random_value(schema->columns[1].type, random, times, null_percent, text);
        values[1].i64 += random_below(random, 2) * row; /* half of them rise */
        assert_int_equal(wendi_row_builder_set(&builder, 1, &values[1]), WEND_OK);
        values[2] = random_value(schema->columns[2].type, random, 5, null_percent, text);
        assert_int_equal(wendi_row_builder_set(&builder, 2, &values[2]), WEND_OK);
        values[3] = (wendi_value){.type = schema->columns[3].type, .i64 = row};
        assert_int_equal(wendi_row_builder_set(&builder, 3, &values[3]), WEND_OK);
        builder.partitions[row] = (uint32_t)random_below(random, 3);
        expected[row] = row;
        builder.row_count++;
    }
    sorted = &builder;
    qsort(expected, rows, sizeof *expected, naive_compare);
    assert_int_equal(wendi_row_order_make(&builder, &order, NULL), WEND_OK);
    assert_int_equal(order.row_count, rows);
    for (uint32_t i = 0; i < rows; i++) {
        if (order.rows[i] != expected[i]) {
            fail_msg("user %d time %d order %d rows %u: place %u has row %u, wanted %u", user,
                     with_time, order_type, rows, i, order.rows[i], expected[i]);
        }
    }
    if (schema->user_column != WENDI_NO_COLUMN &&
        builder.columns[0].physical == WENDI_PHYSICAL_STRING) {
        check_users(&builder, &order);
    }
    wendi_row_order_free(&order);
    wendi_row_builder_free(&builder);
    wendi_schema_free(schema);
    free(expected);
}

static void every_user_and_order_type(void **state)
{
    uint64_t random = 11;
    (void)state;
    for (int user = NO_ROLE; user < TYPES; user++) {
        for (int order = NO_ROLE; order < TYPES; order++) {
            check(user, true, order, 1 + (uint32_t)random_below(&random, 400),
                  1 + random_below(&random, 60), 1 + random_below(&random, 50),
                  (int)random_below(&random, 40), &random);
            check(user, false, order, 1 + (uint32_t)random_below(&random, 100), 3, 1, 20, &random);
        }
    }
}

static void long_runs_and_many_users(void **state)
{
    uint64_t random = 12;
    (void)state;
    static const struct {
        uint32_t rows;
        uint64_t users;
        uint64_t times;
        int nulls;
    } shapes[] = {
        {20000, 1, 1000000, 1}, {20000, 1, 1, 0}, {20000, 3, 50, 5}, {30000, 100000, 1000000, 0},
        {1, 1, 1, 0},           {33, 1, 100, 0},  {64, 1, 100, 0},   {65, 1, 3, 0},
        {5000, 10, 1000, 100}};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        for (int user = 0; user < TYPES; user += 4) {
            check(user, true, NO_ROLE, shapes[i].rows, shapes[i].users, shapes[i].times,
                  shapes[i].nulls, &random);
            check(user, true, 4, shapes[i].rows, shapes[i].users, shapes[i].times, shapes[i].nulls,
                  &random);
        }
    }
}

static void refused_memory_leaves_nothing(void **state)
{
    wendi_schema *schema = make_schema(0, true, NO_ROLE);
    wendi_row_builder builder = {0};
    wend_error error;
    uint64_t random = 13;
    char text[32];
    (void)state;
    assert_int_equal(wendi_row_builder_init(&builder, schema, 50, NULL), WEND_OK);
    for (uint32_t row = 0; row < 50; row++) {
        wendi_value user = random_value(schema->columns[0].type, &random, 9, 10, text);
        wendi_value none = {.null = true};
        assert_int_equal(wendi_row_builder_set(&builder, 0, &user), WEND_OK);
        for (uint32_t column = 1; column < 4; column++) {
            none.type = schema->columns[column].type;
            assert_int_equal(wendi_row_builder_set(&builder, column, &none), WEND_OK);
        }
        builder.row_count++;
    }
    for (int64_t calls = 0;; calls++) {
        wendi_row_order order = {.row_count = 0};
        wendi_alloc_refuse_at(calls);
        wend_status status = wendi_row_order_make(&builder, &order, &error);
        wendi_alloc_refuse_at(-1);
        wendi_row_order_free(&order); /* harmless after a failure */
        if (status == WEND_OK) {
            assert_true(calls > 3);
            break;
        }
        assert_int_equal(status, WEND_NOMEM);
    }
    wendi_row_builder_free(&builder);
    wendi_schema_free(schema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_user_and_order_type),
        cmocka_unit_test(long_runs_and_many_users),
        cmocka_unit_test(refused_memory_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
