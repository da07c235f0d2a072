/* SQL text to trees: what is accepted prints back as expected, what is not points at the fault and
 * says what to write. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/base/alloc.h"
#include "engine/sql/sql.h"

typedef struct parsed {
    wendi_arena arena;
    wend_error error;
    wend_status status;
    const wendi_sql_statement *statements;
    uint32_t count;
} parsed;

static parsed parse(const char *text)
{
    parsed result = {.error = {.position = -1}};
    result.status = wendi_sql_parse(text, strlen(text), &result.arena, &result.statements,
                                    &result.count, &result.error);
    return result;
}

static char *print_all(const parsed *result)
{
    wendi_buffer out = {0};
    for (uint32_t i = 0; i < result->count; i++) {
        assert_int_equal(wendi_buffer_printf(&out, "%s", i > 0 ? "; " : ""), WEND_OK);
        assert_int_equal(wendi_sql_print_statement(&result->statements[i], &out), WEND_OK);
    }
    assert_int_equal(wendi_buffer_u8(&out, 0), WEND_OK);
    return (char *)out.data;
}

static const char *const GOOD[][2] = {
    {"SELECT 1", "select 1"},
    {"select", "select"},
    {"select -5, - 5.0, -(3), 3000000000, -9223372036854775808, 9223372036854775808, 1e3, .5",
     "select -5, -5.0, -3, 3000000000, -9223372036854775808, 9223372036854775808, 1e3, .5"},
    {"select 'it''s', E'a\\nb', $$x$$, 'a' \n 'b', U&'\\00e4', U&\"\\00e4\", U&'!00e4' uescape '!'",
     "select 'it''s', 'a\nb', 'x', 'ab', 'ä', \"ä\", 'ä'"},
    {"select true, false, null", "select true, false, null"},
    {"select a, t.b, \"User\", \"a\"\"b\", * , t.* from events t",
     "select a, t.b, \"User\", \"a\"\"b\", *, t.* from events as t"},
    {"select a+b*c, (a+b)*c, a-(b-c), a-b-c, -x, - -x, ~a, +a",
     "select a + b * c, (a + b) * c, a - (b - c), a - b - c, -x, -(-x), ~a, +a"},
    {"select 2 ^ 3 ^ 2, a || b || c, a->'b'->>'c', a % 2",
     "select 2 ^ 3 ^ 2, a || b || c, a -> 'b' ->> 'c', a % 2"},
    {"select a ~ 'x', a !~* 'y', a <> b, a != b", "select a ~ 'x', a !~* 'y', a <> b, a <> b"},
    {"select a and b or c and not d", "select a and b or c and not d"},
    {"select (a or b) and (c or d), not (a and b), (a and b) and (c and d)",
     "select (a or b) and (c or d), not (a and b), a and b and c and d"},
    {"select x is null, x is not null, x isnull, x notnull, x is true, x is not false, x is "
     "unknown",
     "select x is null, x is not null, x is null, x is not null, x is true, x is not false, x is "
     "unknown"},
    {"select a is distinct from b, a is not distinct from null",
     "select a is distinct from b, a is not distinct from null"},
    {"select a in (1, 2), a not in ('x'), a between 1 and 2, a not between symmetric 2 and 1",
     "select a in (1, 2), a not in ('x'), a between 1 and 2, a not between symmetric 2 and 1"},
    {"select a like 'x%', a not like 'y', a ilike 'z' escape '!', a not ilike b",
     "select a like 'x%', a not like 'y', a ilike 'z' escape '!', a not ilike b"},
    {"select case when a then 1 when b then 2 else 3 end, case x when 1 then 'a' end",
     "select case when a then 1 when b then 2 else 3 end, case x when 1 then 'a' end"},
    {"select coalesce(a, b), nullif(a, 0), greatest(a, b, c), least(1, 2)",
     "select coalesce(a, b), nullif(a, 0), greatest(a, b, c), least(1, 2)"},
    {"select a::text, cast(a as int), a::numeric(12,2), a::double precision, a::varchar(3), "
     "a::timestamp with time zone, a::bool",
     "select a::text, a::integer, a::numeric(12,2), a::double precision, a::varchar(3), "
     "a::timestamptz, a::boolean"},
    {"select interval '1 hour', timestamptz '2024-01-01', date '2024-01-01', '5'::int, (-5)::text",
     "select interval '1 hour', timestamptz '2024-01-01', date '2024-01-01', '5'::integer, "
     "(-5)::text"},
    {"select count(*), count(distinct a), sum(x) filter (where y > 1), string_agg(a, ',' order by "
     "b desc nulls last)",
     "select count(*), count(distinct a), sum(x) filter (where y > 1), string_agg(a, ',' order by "
     "b desc nulls last)"},
    {"select percentile_cont(0.5) within group (order by x) filter (where z)",
     "select percentile_cont(0.5) within group (order by x) filter (where z)"},
    {"select extract(year from ts), ts at time zone 'UTC', position('a' in b), substring(a from 2 "
     "for 3), substring(a, 2)",
     "select extract('year' from ts), timezone('UTC', ts), position('a' in b), substring(a, 2, 3), "
     "substring(a, 2)"},
    {"select trim(a), trim(leading 'x' from a), trim(trailing from a), overlay(a placing b from 2 "
     "for 1)",
     "select btrim(a), ltrim(a, 'x'), rtrim(a), overlay(a, b, 2, 1)"},
    {"select current_date, current_timestamp, now(), left(a, 2)",
     "select current_date, current_timestamp, now(), left(a, 2)"},
    {"select (select max(x) from t), exists (select 1 from t), a in (select b from t), a not in "
     "(select b from t)",
     "select (select max(x) from t), exists (select 1 from t), a in (select b from t), a not in "
     "(select b from t)"},
    {"select distinct a as x, b y from t where a > 1 group by a, 2, lower(b) having count(*) > 1 "
     "order by x desc, 2 nulls first limit 10 offset 5",
     "select distinct a as x, b as y from t where a > 1 group by a, 2, lower(b) having count(*) > "
     "1 order by x desc, 2 nulls first limit 10 offset 5"},
    {"select a from t group by rollup (a, (b, c)), cube (d), grouping sets ((a), ()), ()",
     "select a from t group by rollup (a, (b, c)), cube (d), grouping sets (a, ()), ()"},
    {"select a from (select b from t) s", "select a from (select b from t) as s"},
    {"select a from (values (1, 'x'), (2, 'y')) as v(a, b)",
     "select a from (values (1, 'x'), (2, 'y')) as v(a, b)"},
    {"select * from funnel(events, event_type='view', event_type='buy', within => interval '1 "
     "hour', by => country)",
     "select * from funnel(events, event_type = 'view', event_type = 'buy', within => interval '1 "
     "hour', by => country)"},
    {"select * from sessions(events, gap := '30 min', revenue => sum(price), buys => count(*) "
     "filter (where e='purchase')) s",
     "select * from sessions(events, gap => '30 min', revenue => sum(price), buys => count(*) "
     "filter (where e = 'purchase')) as s"},
    {"with a as (select 1), b(x) as (select * from a) select * from b",
     "with a as (select 1), b(x) as (select * from a) select * from b"},
    {"select 1 union all select 2 union select 3 except select 4",
     "((select 1 union all select 2) union select 3) except select 4"},
    {"(select 1 order by 1) intersect select 2 limit 1",
     "(select 1 order by 1) intersect select 2 limit 1"},
    {"values (1, 2), (3, 4) order by 1", "values (1, 2), (3, 4) order by 1"},
    {"table events", "select * from events"},
    {"select a from t limit all offset null", "select a from t"},
    {"select a from t fetch first 3 rows only", "select a from t limit 3"},
    {"explain select 1", "explain select 1"},
    {"explain (analyze) select 1", "explain analyze select 1"},
    {"select 1; select 2;;", "select 1; select 2"},
    {" -- nothing\n /* at all */ ; ", ""},
    {"create table if not exists t (a int options (path '$.x', on_error 'null') not null unique "
     "check (a > 0), constraint c check (a < 5), "
     "b text default 'x', g bool generated always as (a > 1) stored, primary key (a, b), unique "
     "(b)) with (user_column = 'b', unique_rows, n = 5, w = keep)",
     "create table if not exists t (a integer options (path '$.x', on_error 'null') not null "
     "unique check (a > 0), b text default 'x', "
     "g boolean generated always as (a > 1) stored, constraint c check (a < 5), primary key (a, "
     "b), unique (b)) with (user_column = 'b', "
     "unique_rows, n = '5', w = 'keep')"},
    {"alter table t add a int, add column b text not null default 'y'",
     "alter table t add column a integer, add column b text not null default 'y'"},
    {"alter table t add column if not exists a int",
     "alter table t add column if not exists a integer"},
    {"drop table if exists t", "drop table if exists t"},
    {"select grouping(a), count(*) from t group by a",
     "select grouping(a), count(*) from t group by a"},
    {"select a12345678901234567890123456789012345678901234567890123456789012",
     "select a12345678901234567890123456789012345678901234567890123456789012"},
    {"select \"left\", \"time\", date, \"order\" from \"from\"",
     "select \"left\", \"time\", date, \"order\" from \"from\""},
};

static void good_statements_print_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof GOOD / sizeof GOOD[0]; i++) {
        parsed first = parse(GOOD[i][0]);
        if (first.status != WEND_OK) {
            fail_msg("%s: %s", GOOD[i][0], first.error.message);
        }
        char *printed = print_all(&first);
        assert_string_equal(printed, GOOD[i][1]);
        parsed again = parse(printed);
        assert_int_equal(again.status, WEND_OK);
        char *twice = print_all(&again);
        assert_string_equal(twice, printed);
        wendi_free(printed);
        wendi_free(twice);
        wendi_arena_free(&first.arena);
        wendi_arena_free(&again.arena);
    }
}

/* ---- spans --------------------------------------------------------------------------------------
 */

static uint32_t spans_checked;

static void check_select(const wendi_sql_select *select, const char *text);

/* The bytes of a node's span, parsed alone, are the node again. */
static void check_span(const wendi_sql_expr *expr, const char *text)
{
    wendi_arena arena = {0};
    wend_error error;
    const wendi_sql_expr *alone = NULL;
    const char *slice = text + expr->span.start;
    size_t length = (size_t)(expr->span.end - expr->span.start);
    bool keyword = expr->kind == WENDI_SQL_STRING && *slice != '\'' && *slice != '$' &&
                   slice[1] != '\'' && slice[1] != '&';

    if (expr->kind == WENDI_SQL_STAR && expr->span.start < 0) {
        return; /* TABLE t is SELECT * FROM t without its star */
    }
    if (expr->span.start < 0 || expr->position < expr->span.start ||
        expr->position >= expr->span.end) {
        fail_msg("%s: position %d in span %d..%d, kind %d", text, expr->position, expr->span.start,
                 expr->span.end, expr->kind);
    }
    if (expr->kind != WENDI_SQL_STAR &&
        !keyword) { /* the year of extract(year from t) is a name only there */
        if (wendi_sql_parse_expression(slice, length, &arena, &alone, &error) != WEND_OK ||
            !wendi_sql_expr_equal(alone, expr)) {
            fail_msg("%s: the span <%.*s> is not its node", text, (int)length, slice);
        }
        spans_checked++;
    }
    wendi_arena_free(&arena);
    for (uint32_t i = 0; i < expr->arg_count; i++) {
        check_span(expr->args[i], text);
    }
    if (expr->kind == WENDI_SQL_CASE) {
        for (uint32_t i = 0; i < expr->case_of.when_count; i++) {
            check_span(expr->case_of.conditions[i], text);
            check_span(expr->case_of.results[i], text);
        }
    } else if (expr->kind == WENDI_SQL_SUBQUERY || expr->kind == WENDI_SQL_EXISTS ||
               expr->kind == WENDI_SQL_IN_SELECT) {
        check_select(expr->select, text);
    }
}

static void check_select(const wendi_sql_select *select, const char *text)
{
    for (uint32_t i = 0; i < select->target_count; i++) {
        check_span(select->targets[i].expr, text);
    }
    if (select->where != NULL) {
        check_span(select->where, text);
    }
    if (select->from != NULL && select->from->select != NULL) {
        assert_int_equal(strncmp(text + select->from->select->span.start, "select", 6) == 0 ||
                             strncmp(text + select->from->select->span.start, "values", 6) == 0,
                         1);
        check_select(select->from->select, text);
    }
    if (select->from != NULL && select->from->call != NULL) {
        check_span(select->from->call, text);
    }
    if (select->left != NULL) {
        check_select(select->left, text);
        check_select(select->right, text);
    }
}

static void spans_parse_back(void **state)
{
    (void)state;
    spans_checked = 0;
    for (size_t i = 0; i < sizeof GOOD / sizeof GOOD[0]; i++) {
        parsed result = parse(GOOD[i][0]);
        for (uint32_t k = 0; k < result.count; k++) {
            if (result.statements[k].select != NULL) {
                check_select(result.statements[k].select, result.statements[k].text);
            }
        }
        wendi_arena_free(&result.arena);
    }
    assert_true(spans_checked > 250);
}

static void brackets_belong_to_whole(void **state)
{
    (void)state;
    const char *text =
        "select ((a + b)) * (c), ((d)) is null, not ((e)), ( f ) :: text, (g or h) and (i)";
    static const char *const slices[] = {"((a + b)) * (c)", "((d)) is null", "not ((e))",
                                         "( f ) :: text", "(g or h) and (i)"};
    parsed result = parse(text);
    assert_int_equal(result.status, WEND_OK);
    for (size_t i = 0; i < 5; i++) {
        const char *slice = wendi_sql_expression_text(result.statements->select->targets[i].expr,
                                                      text, &result.arena);
        assert_string_equal(slice, slices[i]);
    }
    wendi_arena_free(&result.arena);
}

/* ---- refusals -----------------------------------------------------------------------------------
 */

typedef struct bad_case {
    const char *text;
    const char *at; /* the error points at the last place where this stands; NULL: at the end */
    wend_status status;
    const char *message; /* a part of it */
    const char *hint;
} bad_case;

static const bad_case BAD[] = {
    {"select user from t", "user", WEND_UNSUPPORTED, "bare user", "\"user\" in double quotes"},
    {"select a from f(events, order => 'x')", "order", WEND_INVALID,
     "syntax error at or near \"order\"", "\"order\""},
    {"select a from f(events, user => 'x')", "=>", WEND_INVALID, "syntax error", "\"user\""},
    {"select 'äöü', x y z from t", "z", WEND_INVALID, "syntax error at or near \"z\"", ""},
    {"select a, from t", "from", WEND_INVALID, "syntax error", "comma before FROM"},
    {"select f(a,) from t", ") from", WEND_INVALID, "syntax error", "comma before the bracket"},
    {"select a from t group by", NULL, WEND_INVALID, "end of input", "missing at the end"},
    {"select 'abc", "'abc", WEND_INVALID, "unterminated quoted string", "end the string"},
    {"select \"abc", "\"abc", WEND_INVALID, "unterminated quoted identifier", "double quote"},
    {"select `a` from t", "from", WEND_INVALID, "syntax error", "double quotes"},
    {"select a == b", "==", WEND_UNSUPPORTED, "no operator ==", "write ="},
    {"select a && b", "&&", WEND_UNSUPPORTED, "no operator &&", "AND"},
    {"select a from t limit 1, 2", "limit 1, 2", WEND_INVALID, "LIMIT #,#", "OFFSET"},
    {"select a from t join u on true", "u on", WEND_UNSUPPORTED, "joins", "one table"},
    {"select a from t, u", "u", WEND_UNSUPPORTED, "joins", "one table"},
    {"select sum(a) over () from t", "sum", WEND_UNSUPPORTED, "window functions", "GROUP BY"},
    {"select a from s.t", "s.t", WEND_UNSUPPORTED, "schemas", "-d DIR"},
    {"select a.b.c from t", "a.b.c", WEND_UNSUPPORTED, "more than two parts", "\"geo.country\""},
    {"select distinct on (a) b from t", "a)", WEND_UNSUPPORTED, "DISTINCT ON", "group by"},
    {"select a[1] from t", "a[1]", WEND_UNSUPPORTED, "subscripts", "->"},
    {"select array[1]", "array", WEND_UNSUPPORTED, "arrays", "IN"},
    {"select a = any('{1}') from t", "=", WEND_UNSUPPORTED, "ANY", "IN"},
    {"select $1", "$1", WEND_UNSUPPORTED, "parameters", "value itself"},
    {"select a collate \"C\" from t", "collate", WEND_UNSUPPORTED, "COLLATE", "bytes"},
    {"select a similar to 'x' from t", "similar", WEND_UNSUPPORTED, "SIMILAR TO", "LIKE"},
    {"select interval '1' hour", "interval", WEND_UNSUPPORTED, "interval", "unit in the text"},
    {"select current_user", "current_user", WEND_UNSUPPORTED, "users", "double quotes"},
    {"select @ -5", "@", WEND_UNSUPPORTED, "operator @", "abs(x)"},
    {"select b'101'", "b'101'", WEND_UNSUPPORTED, "bit strings", "string"},
    {"select (1, 2)", "(1", WEND_UNSUPPORTED, "rows", "one by one"},
    {"select a from t for update", NULL, WEND_UNSUPPORTED, "FOR UPDATE", "leave it out"},
    {"select a into b from t", "b from", WEND_UNSUPPORTED, "SELECT INTO", "export"},
    {"with recursive r as (select 1) select * from r", "with", WEND_UNSUPPORTED, "RECURSIVE", ""},
    {"select a from t tablesample system (1)", "t tablesample", WEND_UNSUPPORTED, "TABLESAMPLE",
     ""},
    {"select a from t order by a fetch first 1 rows with ties", "1 rows", WEND_UNSUPPORTED,
     "WITH TIES", "LIMIT"},
    {"values (1, 2), (3)", "3)", WEND_INVALID, "as many values", ""},
    {"select 1; insert into t values (1)", "insert", WEND_UNSUPPORTED, "INSERT", "wend ingest"},
    {"update t set a = 1", "update", WEND_UNSUPPORTED, "UPDATE", "GENERATED"},
    {"delete from t", "delete", WEND_UNSUPPORTED, "DELETE", "WHERE"},
    {"create view v as select 1", "create", WEND_UNSUPPORTED, "VIEW", "WITH"},
    {"begin", "begin", WEND_UNSUPPORTED, "transaction", ""},
    {"grant select on t to u", "grant", WEND_UNSUPPORTED, "grant", "SELECT"},
    {"explain (format json) select 1", "format", WEND_UNSUPPORTED, "format", "EXPLAIN ANALYZE"},
    {"explain delete from t", "explain", WEND_UNSUPPORTED, "DELETE", ""},
    {"create table t (a int path 'x')", "path", WEND_INVALID, "syntax error", "OPTIONS"},
    {"create table t (a int not null options (path 'x'))", "options", WEND_INVALID, "syntax error",
     "right after the column's type"},
    {"create table t (user text)", "user", WEND_INVALID, "syntax error", "\"user\""},
    {"create temp table t (a int)", "t (", WEND_UNSUPPORTED, "temporary", "CREATE TABLE"},
    {"create table t (a int references b)", "references", WEND_UNSUPPORTED, "foreign keys", ""},
    {"create table t (a int generated by default as identity)", "generated", WEND_UNSUPPORTED,
     "identity", "$offset"},
    {"create table t (like u)", "u)", WEND_UNSUPPORTED, "LIKE", "describe"},
    {"create table t (a int) partition by range (a)", "partition", WEND_UNSUPPORTED, "PARTITION BY",
     ""},
    {"alter table t drop column a", "t drop", WEND_UNSUPPORTED, "ALTER", "ADD COLUMN"},
    {"drop table a, b", "a,", WEND_UNSUPPORTED, "one table", "one by one"},
    {"drop view v", "drop", WEND_UNSUPPORTED, "DROP", "DROP TABLE"},
    {"select a12345678901234567890123456789012345678901234567890123456789012x", "a1234",
     WEND_INVALID, "63 bytes", "shorter"},
    {"select \xff", "\xff", WEND_INVALID, "UTF-8", ""},
};

static int32_t place_of(const bad_case *bad)
{
    int32_t found = -1;
    if (bad->at == NULL) {
        return (int32_t)strlen(bad->text);
    }
    for (const char *at = bad->text; (at = strstr(at, bad->at)) != NULL; at++) {
        found = (int32_t)(at - bad->text);
        if (strlen(bad->at) > 1) {
            break; /* single letters mean their last place */
        }
    }
    return found;
}

static void bad_statements_point_and_hint(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        parsed result = parse(BAD[i].text);
        bool nowhere = strstr(BAD[i].text, "for update") !=
                       NULL; /* its lock clause has no place in the library's tree */
        if (result.status != BAD[i].status ||
            strstr(result.error.message, BAD[i].message) == NULL ||
            strstr(result.error.hint, BAD[i].hint) == NULL ||
            (!nowhere && result.error.position != place_of(&BAD[i]))) {
            fail_msg("%s: status %s at %d (not %d): %s | %s", BAD[i].text,
                     wend_status_name(result.status), result.error.position, place_of(&BAD[i]),
                     result.error.message, result.error.hint);
        }
        assert_int_equal(result.error.status, result.status);
        wendi_arena_free(&result.arena);
    }
}

static void lone_expressions(void **state)
{
    (void)state;
    static const char *const good[][2] = {
        {"a > 1 -- why", "a > 1"},    {"  (a)  ", "a"},
        {"x in (1,2)", "x in (1,2)"}, {"exists (select 1)", "exists (select 1)"},
        {"(select 1)", "(select 1)"}, {" ((select 1)) ", "((select 1))"}};
    static const char *const bad[] = {"",    "a +",    "a, b", "a) + (b",  "1) from t where (2",
                                      "a)",  "a as b", "*",    "select 1", "a; b",
                                      "-- x"};
    wendi_arena arena = {0};
    wend_error error;
    const wendi_sql_expr *expr = NULL;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(
            wendi_sql_parse_expression(good[i][0], strlen(good[i][0]), &arena, &expr, &error),
            WEND_OK);
        assert_string_equal(wendi_sql_expression_text(expr, good[i][0], &arena), good[i][1]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        size_t length = strlen(bad[i]);
        if (wendi_sql_parse_expression(bad[i], length, &arena, &expr, &error) == WEND_OK) {
            fail_msg("taken for an expression: %s", bad[i]);
        }
        assert_true(error.position >= 0 && error.position <= (int32_t)length);
    }
    wendi_arena_free(&arena);
}

/* ---- names and pictures
 * -------------------------------------------------------------------------- */

static void output_names_follow_postgresql(void **state)
{
    (void)state;
    static const char *const cases[][2] = {{"a", "a"},
                                           {"t.a", "a"},
                                           {"count(*)", "count"},
                                           {"a + 1", "?column?"},
                                           {"1", "?column?"},
                                           {"a::int", "a"},
                                           {"1::int", "int4"},
                                           {"'x'::varchar", "varchar"},
                                           {"interval '1 h'", "interval"},
                                           {"case when a then b end", "case"},
                                           {"case when a then 1 else b end", "b"},
                                           {"coalesce(a, b)", "coalesce"},
                                           {"nullif(a, b)", "nullif"},
                                           {"greatest(a)", "greatest"},
                                           {"extract(year from a)", "extract"},
                                           {"current_date", "current_date"},
                                           {"(select a from t)", "a"},
                                           {"(select a as z from t)", "z"},
                                           {"exists (select 1)", "exists"},
                                           {"a is null", "?column?"},
                                           {"not a", "?column?"},
                                           {"trim(a)", "btrim"},
                                           {"a at time zone 'UTC'", "timezone"},
                                           {"true", "?column?"},
                                           {"a::boolean::text", "a"},
                                           {"(a + 1)::bool", "bool"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[128];
        snprintf(text, sizeof text, "select %s", cases[i][0]);
        parsed result = parse(text);
        assert_int_equal(result.status, WEND_OK);
        wendi_string name = result.statements->select->targets[0].name;
        if (!wendi_string_equal(name, wendi_string_of(cases[i][1]))) {
            fail_msg("%s is named %.*s", cases[i][0], (int)name.length, name.data);
        }
        wendi_arena_free(&result.arena);
    }
}

static char *underlined(const char *text, int32_t position)
{
    wendi_buffer out = {0};
    assert_int_equal(wendi_sql_underline(text, position, &out), WEND_OK);
    assert_int_equal(wendi_buffer_u8(&out, 0), WEND_OK);
    return (char *)out.data;
}

static void underlines(void **state)
{
    (void)state;
    char wide[400];
    char *picture = underlined("select 1,\n  'ä', user", 18);
    assert_string_equal(picture, "LINE 2:   'ä', user\n               ^\n");
    wendi_free(picture);
    picture = underlined("select", 6);
    assert_string_equal(picture, "LINE 1: select\n              ^\n");
    wendi_free(picture);
    picture = underlined("select", 7);
    assert_string_equal(picture, "");
    wendi_free(picture);
    picture = underlined("select", -1);
    assert_string_equal(picture, "");
    wendi_free(picture);
    memset(wide, 'x', sizeof wide - 1);
    wide[sizeof wide - 1] = '\0';
    wide[200] = '#';
    picture = underlined(wide, 200);
    char *line_end = strchr(picture, '\n');
    assert_non_null(line_end);
    assert_true(strncmp(picture, "LINE 1: ...x", 12) == 0 && strncmp(line_end - 4, "x...", 4) == 0);
    char *caret = strchr(picture, '^');
    assert_int_equal(caret - (line_end + 1), strchr(picture, '#') - picture);
    wendi_free(picture);
}

/* ---- limits
 * -------------------------------------------------------------------------------------- */

static char *repeat(const char *before, const char *middle, uint32_t times, const char *after)
{
    size_t bytes = strlen(before) + times * strlen(middle) + strlen(after) + 1;
    char *text = malloc(bytes);
    char *at = text + sprintf(text, "%s", before);
    for (uint32_t i = 0; i < times; i++) {
        at = stpcpy(at, middle);
    }
    strcpy(at, after);
    return text;
}

static wend_status status_of(char *text)
{
    parsed result = parse(text);
    wendi_arena_free(&result.arena);
    free(text);
    return result.status;
}

static void depth_is_bounded(void **state)
{
    (void)state;
    static const struct {
        const char *before, *middle, *after;
    } chains[] = {{"select 1", "+1", ""},
                  {"select ", "not ", "true"},
                  {"select ", "- ", "x"},
                  {"select 1", " union all select 1", ""},
                  {"select 1", "::text", ""},
                  {"select a", " is null", ""},
                  {"select a", "||(b)", ""},
                  {"select a", " at time zone 'x'", ""},
                  {"select a from b", " join c on true", ""},
                  {"select 1", " between 2 and 3", ""},
                  {"select a", " isnull", ""},
                  {"select a", " operator(pg_catalog.+) 1", ""},
                  {"select a", " collate x", ""}};
    for (size_t i = 0; i < sizeof chains / sizeof chains[0]; i++) {
        assert_int_not_equal(
            status_of(repeat(chains[i].before, chains[i].middle, 100000, chains[i].after)),
            WEND_OK);
    }
    static const uint32_t counts[] = {600, 100000};
    for (size_t i = 0; i < 2; i++) {
        uint32_t count = counts[i];
        char *open = repeat("select ", "(", count, "");
        char *text = repeat(open, "x", 1, "");
        char *closed = repeat(text, ")", count, "");
        free(open);
        free(text);
        assert_int_equal(status_of(closed), WEND_INVALID);
    }
    assert_int_equal(status_of(repeat("select 1", "+1", 200, "")), WEND_OK);
    assert_int_equal(status_of(repeat("select a", " and b", 20000, "")), WEND_OK);
    assert_int_equal(status_of(repeat("select a in (1", ", 1", 20000, ")")), WEND_OK);
    assert_int_equal(status_of(repeat("select case", " when a+1 then b+1", 5000, " end")), WEND_OK);
    assert_int_equal(status_of(repeat("select ", "case when a then ", 300, "x")), WEND_INVALID);
}

static void odd_bytes_are_refused(void **state)
{
    (void)state;
    parsed result = {0};
    result.status = wendi_sql_parse("select 1\0, 2", 12, &result.arena, &result.statements,
                                    &result.count, &result.error);
    assert_int_equal(result.status, WEND_INVALID);
    assert_int_equal(result.error.position, 8);
    static const char *const bad[] = {"select '\xc0\x80'", "select '\xed\xa0\x80'",
                                      "select '\xf4\x90\x80\x80'", "select '\xe2\x82"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        result.status = wendi_sql_parse(bad[i], strlen(bad[i]), &result.arena, &result.statements,
                                        &result.count, &result.error);
        assert_int_equal(result.status, WEND_INVALID);
        assert_int_equal(result.error.position, 8);
    }
    char *large = malloc((size_t)WENDI_SQL_TEXT_BYTES_MAX + 1);
    memset(large, ' ', (size_t)WENDI_SQL_TEXT_BYTES_MAX + 1);
    result.status = wendi_sql_parse(large, (size_t)WENDI_SQL_TEXT_BYTES_MAX + 1, &result.arena,
                                    &result.statements, &result.count, NULL);
    assert_int_equal(result.status, WEND_INVALID);
    free(large);
    wendi_arena_free(&result.arena);
}

/* ---- threads and refused memory
 * ------------------------------------------------------------------ */

static void *parse_many(void *unused)
{
    (void)unused;
    for (uint32_t round = 0; round < 20; round++) {
        for (size_t i = 0; i < sizeof GOOD / sizeof GOOD[0]; i++) {
            parsed result = parse(GOOD[i][0]);
            if (result.status != WEND_OK) {
                return &spans_checked;
            }
            wendi_arena_free(&result.arena);
        }
        for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
            parsed result = parse(BAD[i].text);
            wendi_arena_free(&result.arena);
        }
    }
    return NULL;
}

static void threads_parse_at_once(void **state)
{
    (void)state;
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, parse_many, NULL), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        void *failed = NULL;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
}

static void refused_memory_is_reported(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof GOOD / sizeof GOOD[0]; i += 7) {
        wend_status status = WEND_NOMEM;
        for (int64_t calls = 0; status != WEND_OK; calls++) {
            wendi_alloc_refuse_at(calls);
            parsed result = parse(GOOD[i][0]);
            wendi_alloc_refuse_at(-1);
            status = result.status;
            assert_true(status == WEND_OK || status == WEND_NOMEM);
            wendi_arena_free(&result.arena);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_statements_print_back),
        cmocka_unit_test(spans_parse_back),
        cmocka_unit_test(brackets_belong_to_whole),
        cmocka_unit_test(bad_statements_point_and_hint),
        cmocka_unit_test(lone_expressions),
        cmocka_unit_test(output_names_follow_postgresql),
        cmocka_unit_test(underlines),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(odd_bytes_are_refused),
        cmocka_unit_test(threads_parse_at_once),
        cmocka_unit_test(refused_memory_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
