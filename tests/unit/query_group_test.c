/*
 * Grouping against a naive evaluator, over random rows, on several thread counts and layouts: the
 * text of every answer must be that of the naive one, byte for byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/hash.h"
#include "tests/support/query_fixture.h"

enum { ROWS = 5000, COLUMNS = 4, KEYS = 9, VALUES = 40 };

typedef struct naive_row {
    int key;   /* -1: null */
    int user;  /* -1: null */
    int value; /* INT32_MIN: null */
} naive_row;

typedef struct naive_group {
    bool seen;
    int64_t rows, values, sum, least, greatest;
    bool met[VALUES];
} naive_group;

static uint64_t next(uint64_t *state)
{
    *state += UINT64_C(0x9e3779b97f4a7c15);
    return wendi_mix64(*state);
}

static void make_rows(naive_row *rows, const char **cells, wendi_arena *arena)
{
    uint64_t state = 42;

    for (int i = 0; i < ROWS; i++) {
        rows[i].key = (int)(next(&state) % (KEYS + 1)) - 1;
        rows[i].user = (int)(next(&state) % 50) - 1;
        rows[i].value = next(&state) % 7 == 0 ? INT32_MIN : (int)(next(&state) % VALUES) - 20;
        cells[i * COLUMNS] =
            rows[i].user < 0 ? NULL : wendi_arena_printf(arena, "user %d", rows[i].user);
        cells[i * COLUMNS + 1] =
            wendi_arena_printf(arena, "2025-01-%02dT%02d:00:00Z", 1 + (int)(next(&state) % 28),
                               (int)(next(&state) % 24));
        cells[i * COLUMNS + 2] =
            rows[i].key < 0 ? NULL : wendi_arena_printf(arena, "key%d", rows[i].key);
        cells[i * COLUMNS + 3] =
            rows[i].value == INT32_MIN ? NULL : wendi_arena_printf(arena, "%d", rows[i].value);
    }
}

static void add(naive_group *group, int value)
{
    group->seen = true;
    group->rows++;
    if (value == INT32_MIN) {
        return;
    }
    group->least = group->values == 0 || value < group->least ? value : group->least;
    group->greatest = group->values == 0 || value > group->greatest ? value : group->greatest;
    group->values++;
    group->sum += value;
    group->met[value + 20] = true;
}

static int distinct(const naive_group *group)
{
    int count = 0;
    for (int i = 0; i < VALUES; i++) {
        count += group->met[i];
    }
    return count;
}

static void print_group(const naive_group *group, wendi_buffer *out)
{
    if (group->values == 0) {
        wendi_buffer_printf(out, "|%" PRId64 "|0|∅|∅|∅|0\n", group->rows);
    } else {
        wendi_buffer_printf(
            out, "|%" PRId64 "|%" PRId64 "|%" PRId64 "|%" PRId64 "|%" PRId64 "|%d\n", group->rows,
            group->values, group->sum, group->least, group->greatest, distinct(group));
    }
}

/* Keys rise, null last: key0 … key8, ∅. */
static void naive_by_key(const naive_row *rows, int value_below, wendi_buffer *out)
{
    naive_group groups[KEYS + 1];

    memset(groups, 0, sizeof groups);
    for (int i = 0; i < ROWS; i++) {
        if (value_below == INT32_MAX ||
            (rows[i].value != INT32_MIN && rows[i].value < value_below)) {
            add(&groups[rows[i].key < 0 ? KEYS : rows[i].key], rows[i].value);
        }
    }
    for (int key = 0; key <= KEYS; key++) {
        if (groups[key].seen) {
            key == KEYS ? wendi_buffer_printf(out, "∅") : wendi_buffer_printf(out, "key%d", key);
            print_group(&groups[key], out);
        }
    }
    wendi_buffer_u8(out, '\0');
}

/* By key and the value's parity: two keys go through the general table. */
static void naive_by_two(const naive_row *rows, wendi_buffer *out)
{
    naive_group groups[KEYS + 1][4];

    memset(groups, 0, sizeof groups);
    for (int i = 0; i < ROWS; i++) {
        int parity = rows[i].value == INT32_MIN ? 3 : rows[i].value % 2 + 1;
        add(&groups[rows[i].key < 0 ? KEYS : rows[i].key][parity], rows[i].value);
    }
    for (int key = 0; key <= KEYS; key++) {
        for (int parity = 0; parity < 4; parity++) {
            if (groups[key][parity].seen) {
                key == KEYS ? wendi_buffer_printf(out, "∅")
                            : wendi_buffer_printf(out, "key%d", key);
                parity == 3 ? wendi_buffer_printf(out, "|∅")
                            : wendi_buffer_printf(out, "|%d", parity - 1);
                print_group(&groups[key][parity], out);
            }
        }
    }
    wendi_buffer_u8(out, '\0');
}

static void check(const query_fixture *stores, uint32_t store_count, const char *sql,
                  const wendi_buffer *expected)
{
    for (uint32_t s = 0; s < store_count; s++) {
        for (uint32_t threads = 1; threads <= 4; threads *= 2) {
            wendi_buffer got = {0};
            query_fixture_run(&stores[s], sql, threads, &got);
            assert_string_equal((const char *)got.data, (const char *)expected->data);
            wendi_buffer_free(&got);
        }
    }
}

static void groups_equal_the_naive_ones(void **unused)
{
    static const char ddl[] = "create table t (u text, ts timestamptz not null, k text, v integer)"
                              " with (user_column='u', time_column='ts')";
    static const uint32_t segment_rows[] = {ROWS, 1300, 97};
    query_fixture stores[3];
    wendi_arena arena = {0};
    naive_row *rows = wendi_alloc(ROWS * sizeof *rows);
    const char **cells = wendi_alloc(ROWS * COLUMNS * sizeof(const char *));
    wendi_buffer expected = {0};
    (void)unused;

    make_rows(rows, cells, &arena);
    for (int i = 0; i < 3; i++) {
        query_fixture_open(&stores[i]);
        query_fixture_table(&stores[i], ddl, cells, ROWS * COLUMNS, segment_rows[i], 3);
    }
    naive_by_key(rows, INT32_MAX, &expected);
    check(
        stores, 3,
        "select k, count(*), count(v), sum(v), min(v), max(v), count(distinct v) from t group by k",
        &expected);
    expected.length = 0;
    naive_by_key(rows, 3, &expected);
    check(stores, 3,
          "select k, count(*), count(v), sum(v), min(v), max(v), count(distinct v) from t where v "
          "< 3 group by k order by k",
          &expected);
    expected.length = 0;
    naive_by_two(rows, &expected);
    check(stores, 3,
          "select k, v % 2, count(*), count(v), sum(v), min(v), max(v), count(distinct v) from t "
          "group by k, 2",
          &expected);
    for (int i = 0; i < 3; i++) {
        query_fixture_close(&stores[i]);
    }
    wendi_buffer_free(&expected);
    wendi_arena_free(&arena);
    wendi_free(rows);
    wendi_free(cells);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(groups_equal_the_naive_ones)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
