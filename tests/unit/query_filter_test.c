/*
 * Filters that scans decide on encoded pages, and counts that read no values, against the evaluator: each condition is
 * asked once as WHERE and once as a CASE over all rows, which is computed row by row.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/hash.h"
#include "tests/support/query_fixture.h"

enum { ROWS = 40000, COLUMNS = 8, SEGMENT_ROWS = 17000, CONDITIONS = 120 };

static query_fixture fixture;
static uint64_t state = 7;

static uint32_t below(uint32_t limit)
{
    state += UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)(wendi_mix64(state) % limit);
}

static int make(void **unused)
{
    static const char ddl[] =
        "create table t (u text, ts timestamptz not null, kind text, place text, land text, n integer,"
        " m bigint, price numeric(12,2)) with (user_column='u', time_column='ts')";
    wendi_arena arena = {0};
    const char **cells = wendi_alloc(ROWS * COLUMNS * sizeof(const char *));
    (void)unused;

    for (uint32_t i = 0; i < ROWS; i++) {
        const char **row = cells + i * COLUMNS;
        uint32_t user = below(900);
        uint32_t place = below(20) == 0 ? below(3000) : below(40);
        row[0] = user < 30 ? NULL : wendi_arena_printf(&arena, "user %u", user);
        row[1] = wendi_arena_printf(&arena, "2025-01-%02uT%02u:%02u:00Z", 1 + below(28), below(24), below(60));
        row[2] = below(17) == 0 ? NULL : wendi_arena_printf(&arena, "kind%u", below(3) == 0 ? below(12) : 4);
        row[3] = wendi_arena_printf(&arena, "/p/%u", place);
        row[4] = place % 11 == 3 ? NULL : wendi_arena_printf(&arena, "land%u", below(50) == 0 ? below(9) : place % 7);
        row[5] = wendi_arena_printf(&arena, "%d", (int)below(1000) - 500);
        row[6] = below(3) == 0 ? NULL : wendi_arena_printf(&arena, "%u", user * 1000);
        row[7] = wendi_arena_printf(&arena, "%u.%02u", place % 90, below(3) * 49);
    }
    query_fixture_open(&fixture);
    query_fixture_table(&fixture, ddl, cells, ROWS * COLUMNS, SEGMENT_ROWS, 1);
    wendi_arena_free(&arena);
    wendi_free(cells);
    return 0;
}

static int drop(void **unused)
{
    (void)unused;
    query_fixture_close(&fixture);
    return 0;
}

/* One conjunct; `%u` and `%d` take numbers. */
static void add_conjunct(char *text, size_t room)
{
    static const char *const shapes[] = {
        "kind = 'kind%u'", "kind <> 'kind%u'", "kind in ('kind%u', 'kind4', 'kind9')", "kind is null",
        "kind is not null", "kind not in ('kind%u', 'kind2')", "coalesce(kind, 'none') = 'none'",
        "kind like '%%%u'", "kind >= 'kind%u'", "place like '/p/%u%%'", "place < '/p/%u'", "length(place) = 5",
        "land = 'land%u'", "land is null or land > 'land%u'", "upper(land) <> 'LAND%u'", "n > %u", "n <= %u",
        "n = %u", "n <> %u", "n between -%u and 300", "m is null", "m is not null", "m >= %u000", "m in (%u000, 77000)",
        "price < %u", "price = 0.49", "ts < '2025-01-1%u'", "ts >= '2025-01-1%u 12:00:00Z'", "u = 'user %u'",
        "u > 'user %u'", "u is null", "n + 1 > %u", "n > %u and kind = 'kind4'",
    };
    const char *shape = shapes[below(sizeof shapes / sizeof *shapes)];
    uint32_t number = strstr(shape, "n ") == shape ? below(500) : strchr(shape, 'p') == shape ? below(90) : below(10);
    number = strstr(shape, "u ") == shape ? 30 + below(870) : number;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(text, room, shape, number);
#pragma GCC diagnostic pop
}

static void same(const char *left, const char *right, uint32_t threads)
{
    wendi_buffer a = {0};
    wendi_buffer b = {0};
    query_fixture_run(&fixture, left, threads, &a);
    query_fixture_run(&fixture, right, threads, &b);
    if (strncmp((const char *)a.data, "error", 5) == 0 || strcmp((const char *)a.data, (const char *)b.data) != 0) {
        fail_msg("%s\n%s\n%s\n%s", left, (const char *)a.data, right, (const char *)b.data);
    }
    wendi_buffer_free(&a);
    wendi_buffer_free(&b);
}

static void conditions_mean_what_they_mean(void **unused)
{
    char condition[512];
    char left[2048];
    char right[2048];
    (void)unused;

    for (uint32_t i = 0; i < CONDITIONS; i++) {
        size_t length = 0;
        uint32_t threads = 1 + i % 2;
        for (uint32_t parts = 1 + below(3); parts > 0; parts--) {
            length += (size_t)snprintf(condition + length, sizeof condition - length, length == 0 ? "(" : " and (");
            add_conjunct(condition + length, sizeof condition - length);
            length += strlen(condition + length);
            length += (size_t)snprintf(condition + length, sizeof condition - length, ")");
        }
        snprintf(left, sizeof left, "select count(*), count(*) from t where %s", condition);
        snprintf(right, sizeof right,
                 "select count(*) filter (where %s), coalesce(sum(case when %s then 1 else 0 end), 0) from t", condition,
                 condition);
        same(left, right, threads);
        snprintf(left, sizeof left, "select coalesce(sum(n), 0), count(place), count(land) from t where %s", condition);
        snprintf(right, sizeof right,
                 "select coalesce(sum(n) filter (where %s), 0), count(place) filter (where %s),"
                 " count(land) filter (where %s) from t",
                 condition, condition, condition);
        same(left, right, threads);
        const char *key = i % 3 == 0 ? "kind" : i % 3 == 1 ? "land" : "place";
        snprintf(left, sizeof left, "select %s, count(*) from t where %s group by %s", key, condition, key);
        snprintf(right, sizeof right,
                 "select %s, sum(case when %s then 1 else 0 end) from t group by %s"
                 " having sum(case when %s then 1 else 0 end) > 0",
                 key, condition, key, condition);
        same(left, right, threads);
    }
}

static void groups_without_a_condition(void **unused)
{
    (void)unused;
    same("select kind, count(*) from t group by kind", "select kind, sum(n - n + 1) from t group by kind", 2);
    same("select place, count(*) from t group by place", "select place, sum(n - n + 1) from t group by place", 2);
    same("select distinct land from t", "select land from t group by land having sum(n - n + 1) > 0", 1);
    same("select kind, count(*) from t group by kind order by 2 desc, 1 limit 3",
         "select kind, sum(n - n + 1) from t group by kind order by 2 desc, 1 limit 3", 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conditions_mean_what_they_mean),
        cmocka_unit_test(groups_without_a_condition),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
