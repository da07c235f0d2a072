/*
 * Scans touch only what the question is about: segments are pruned by the log and opened then,
 * single texts and users are looked up; and the rows are those of the same question asked so that
 * nothing can be skipped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/hash.h"
#include "tests/support/query_fixture.h"

enum { ROWS = 24000, SEGMENT_ROWS = 4000, COLUMNS = 5, TEXT = 48 };

static query_fixture fixture;

static const char ddl[] =
    "CREATE TABLE t (u text, ts timestamptz NOT NULL, page text, kind text, n bigint) "
    "WITH (user_column = 'u', time_column = 'ts')";

static int make_table(void **unused)
{
    (void)unused;
    char(*texts)[TEXT] = calloc((size_t)ROWS * COLUMNS, TEXT);
    const char **cells = calloc((size_t)ROWS * COLUMNS, sizeof *cells);
    if (texts == NULL || cells == NULL) {
        return 1;
    }
    for (uint32_t row = 0; row < ROWS; row++) {
        char(*text)[TEXT] = texts + (size_t)row * COLUMNS;
        uint64_t draw = wendi_mix64(row + 1);
        snprintf(text[0], TEXT, "user-%05llu", (unsigned long long)(draw % 3000));
        snprintf(text[1], TEXT, "2026-01-%02u 00:%02u:%02u", 1 + row / SEGMENT_ROWS, row % 60,
                 row / 60 % 60);
        snprintf(text[2], TEXT, "/page/%llx/%llx", (unsigned long long)((draw >> 20) % 2500),
                 (unsigned long long)wendi_mix64((draw >> 20) % 2500));
        snprintf(text[3], TEXT, "kind%llu", (unsigned long long)((draw >> 40) % 7));
        snprintf(text[4], TEXT, "%u", row);
        for (uint32_t c = 0; c < COLUMNS; c++) {
            bool null =
                (c == 0 && row % 40 == 7) || (c == 2 && row % 9 == 4) || (c == 3 && row % 11 == 3);
            cells[(size_t)row * COLUMNS + c] = null ? NULL : text[c];
        }
    }
    query_fixture_open(&fixture);
    query_fixture_table(&fixture, ddl, cells, ROWS * COLUMNS, SEGMENT_ROWS, 2);
    free(texts);
    free(cells);
    return 0;
}

static int remove_table(void **unused)
{
    (void)unused;
    query_fixture_close(&fixture);
    return 0;
}

/* Run to the end; what the scans counted. */
static wendi_query_counters count(const char *sql)
{
    wendi_query_context context;
    wendi_query *query = NULL;
    wendi_batch batch;
    wend_error error = {.message = ""};
    wend_status status;
    if (wendi_query_context_init(&context, &error) != WEND_OK) {
        fail_msg("%s", error.message);
    }
    context.store = fixture.store;
    status = wendi_query_open(&context, wendi_string_of(sql), &query, &error);
    while (status == WEND_OK) {
        status = wendi_query_next(query, &batch, &error);
    }
    if (status != WEND_END) {
        fail_msg("%s: %s", sql, error.message);
    }
    wendi_query_close(query);
    wendi_query_counters counters = context.counters;
    wendi_query_context_free(&context);
    return counters;
}

static void segments_are_opened_when_rows_may_pass(void **unused)
{
    (void)unused;
    static const struct {
        const char *sql;
        uint32_t skipped, opened;
    } cases[] = {
        {"SELECT count(*) FROM t WHERE ts >= '2026-01-03' AND ts < '2026-01-04'", 5, 1},
        {"SELECT * FROM t WHERE ts > '2026-01-05 12:00' ORDER BY n", 5, 1},
        {"SELECT count(*) FROM t WHERE ts >= '2026-01-02' AND ts < '2026-01-04' AND n >= 0", 4, 2},
        {"SELECT count(*) FROM t WHERE ts < '2025-01-01'", 6, 0},
        {"SELECT count(*) FROM t WHERE false", 6, 0},
        {"SELECT count(*) FROM t WHERE n = 4100", 5, 6}, /* only the footers know of n */
        {"SELECT count(*) FROM t", 0, 6},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        wendi_query_counters counters = count(cases[i].sql);
        if (counters.segments_total != 6 || counters.segments_skipped != cases[i].skipped ||
            counters.segments_opened != cases[i].opened) {
            fail_msg("%s: %lu skipped, %lu opened", cases[i].sql,
                     (unsigned long)counters.segments_skipped,
                     (unsigned long)counters.segments_opened);
        }
    }
}

static void explain_says_what_was_opened(void **unused)
{
    (void)unused;
    wendi_buffer out = {0};
    query_fixture_run(&fixture, "EXPLAIN ANALYZE SELECT count(*) FROM t WHERE n = 4100", 1, &out);
    assert_non_null(strstr((const char *)out.data, "segments 1 of 6 (opened 6)"));
    wendi_buffer_free(&out);
}

/* The same question twice: `asked` may be answered by looking up, `plain` reads and compares every
 * row. */
static void compare(const char *columns, const char *asked, const char *plain)
{
    char sql[512];
    wendi_buffer one = {0}, two = {0};
    snprintf(sql, sizeof sql, "SELECT %s FROM t WHERE %s ORDER BY n", columns, asked);
    query_fixture_run(&fixture, sql, 1, &one);
    snprintf(sql, sizeof sql, "SELECT %s FROM t WHERE %s ORDER BY n", columns, plain);
    query_fixture_run(&fixture, sql, 2, &two);
    if (strcmp((const char *)one.data, (const char *)two.data) != 0) {
        fail_msg("%s: %.200s\nbut %s: %.200s", asked, (const char *)one.data, plain,
                 (const char *)two.data);
    }
    if (strncmp((const char *)one.data, "error", 5) == 0) {
        fail_msg("%s: %s", asked, (const char *)one.data);
    }
    wendi_buffer_free(&one);
    wendi_buffer_free(&two);
}

static void looking_up_finds_the_same_rows(void **unused)
{
    (void)unused;
    char asked[256];
    char plain[256];
    for (uint32_t i = 0; i < 60; i++) {
        uint64_t draw = wendi_mix64(i * 977 + 1);
        uint32_t user = i == 59 ? 99999 : (uint32_t)(draw % 3000);
        uint64_t page = i % 7 == 6 ? 9999 : (draw >> 20) % 2500;
        char path[TEXT];
        snprintf(path, sizeof path, "/page/%llx/%llx", (unsigned long long)page,
                 (unsigned long long)wendi_mix64(page));
        snprintf(asked, sizeof asked, "u = 'user-%05u'", user);
        snprintf(plain, sizeof plain, "u || '' = 'user-%05u'", user);
        compare("*", asked, plain);
        compare("n, page, kind", asked, plain);
        snprintf(asked, sizeof asked, "page = '%s'", path);
        snprintf(plain, sizeof plain, "page || '' = '%s'", path);
        compare("*", asked, plain);
        compare("n, u, page", asked, plain);
        snprintf(asked, sizeof asked, "page = '%s' AND kind = 'kind%u' AND u > 'user-01'", path,
                 i % 8);
        snprintf(plain, sizeof plain,
                 "page || '' = '%s' AND kind || '' = 'kind%u' AND u || '' > 'user-01'", path,
                 i % 8);
        compare("u, kind, page, n", asked, plain);
        snprintf(asked, sizeof asked, "u = 'user-%05u' AND kind = 'kind%u'", user, i % 7);
        snprintf(plain, sizeof plain, "u || '' = 'user-%05u' AND kind || '' = 'kind%u'", user,
                 i % 7);
        compare("*", asked, plain);
        snprintf(asked, sizeof asked,
                 "kind = 'kind%u' AND length(page) > %u AND page = '%s' AND page <> kind", i % 7, i,
                 path);
        snprintf(
            plain, sizeof plain,
            "kind || '' = 'kind%u' AND length(page) > %u AND page || '' = '%s' AND page <> kind",
            i % 7, i, path);
        compare("*, page || kind", asked, plain);
        snprintf(asked, sizeof asked, "u = 'user-%05u' AND u = 'user-%05u'", user, user + i % 2);
        snprintf(plain, sizeof plain, "u || '' = 'user-%05u' AND u || '' = 'user-%05u'", user,
                 user + i % 2);
        compare("*", asked, plain);
    }
    compare("n", "kind = 'kind3' AND page = '/page/none'", "false");
    compare("*", "u = 'user-00001' OR page = '/x'", "u || '' = 'user-00001' OR page || '' = '/x'");
    compare("n, u", "NOT (page = '/x') AND n < 900", "NOT (page || '' = '/x') AND n < 900");
}

static void groups_are_the_same(void **unused)
{
    (void)unused;
    static const char *const asked[] = {
        "SELECT kind, count(*), min(page) FROM t WHERE %s GROUP BY kind ORDER BY 1",
        "SELECT u, page, count(*) FROM t WHERE %s GROUP BY u, page ORDER BY 1, 2",
        "SELECT count(DISTINCT page), max(u), min(kind) FROM t WHERE %s",
        "SELECT page, kind FROM t WHERE %s ORDER BY page, kind, n LIMIT 5",
    };
    for (uint32_t user = 0; user < 40; user++) {
        for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
            char where[64];
            char one_sql[512];
            char two_sql[512];
            wendi_buffer one = {0}, two = {0};
            snprintf(where, sizeof where, "u = 'user-%05u'", user * 61);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
            snprintf(one_sql, sizeof one_sql, asked[i], where);
            snprintf(where, sizeof where, "u || '' = 'user-%05u'", user * 61);
            snprintf(two_sql, sizeof two_sql, asked[i], where);
#pragma GCC diagnostic pop
            query_fixture_run(&fixture, one_sql, 1, &one);
            query_fixture_run(&fixture, two_sql, 1, &two);
            assert_string_equal((const char *)one.data, (const char *)two.data);
            wendi_buffer_free(&one);
            wendi_buffer_free(&two);
        }
    }
}

static void a_text_that_is_nowhere_reads_no_rows(void **unused)
{
    (void)unused;
    wendi_query_counters counters = count("SELECT * FROM t WHERE page = '/page/9/none'");
    assert_int_equal(counters.row_groups_total, counters.row_groups_skipped);
    assert_int_equal(counters.rows_scanned, 0);
    counters = count("SELECT * FROM t WHERE u = 'user-00042x'");
    assert_int_equal(counters.rows_scanned, 0);
    counters = count("SELECT * FROM t WHERE u = 'user-00042'");
    assert_true(counters.rows_scanned > 0);
    assert_int_equal(counters.rows_scanned, counters.rows_passed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(segments_are_opened_when_rows_may_pass),
        cmocka_unit_test(explain_says_what_was_opened),
        cmocka_unit_test(looking_up_finds_the_same_rows),
        cmocka_unit_test(groups_are_the_same),
        cmocka_unit_test(a_text_that_is_nowhere_reads_no_rows),
    };
    return cmocka_run_group_tests(tests, make_table, remove_table);
}
