/**
 * Scalar SQL against answers known from PostgreSQL's documentation and behaviour: one line an
 * expression. The session is in Europe/Berlin at 2024-03-15 12:00 UTC, so that zones and now() show.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "engine/expr/binder.h"
#include "engine/expr/evaluator.h"
#include "engine/sql/sql.h"

typedef struct known {
    const char *sql;
    const char *expected; /* text form; NULL: null */
} known;

typedef struct refused {
    const char *sql;
    const char *message; /* a part of it */
    int position;
} refused;

static wendi_session session;
static wendi_evaluator *evaluator;

static wend_status compute(const char *sql, wendi_arena *arena, wendi_buffer *out, bool *null, wend_error *error)
{
    const wendi_scope scope = {.session = &session};
    const wendi_sql_expr *tree;
    const wendi_expr *bound;
    wendi_value value;
    wend_status status = WEND_OK;

    memset(error, 0, sizeof *error);
    WEND_TRY(wendi_sql_parse_expression(sql, strlen(sql), arena, &tree, error));
    WEND_TRY(wendi_bind(tree, &scope, arena, &bound, error));
    WEND_TRY(wendi_evaluate_constant(evaluator, bound, &value, error));
    *null = value.null;
    out->length = 0;
    WEND_TRY(wendi_value_format(&value, session.zone, out));
    WEND_TRY(wendi_buffer_append(out, "", 1));
cleanup:
    wendi_evaluator_forget(evaluator);
    return status;
}

static void expect_all(const known *cases, size_t count)
{
    wendi_arena arena = {.blocks = NULL};
    wendi_buffer text = {.data = NULL};
    wend_error error;
    int wrong = 0;

    for (size_t i = 0; i < count; i++) {
        bool null = false;
        wend_status status = compute(cases[i].sql, &arena, &text, &null, &error);
        if (status != WEND_OK) {
            print_error("%s: %s (%d)\n", cases[i].sql, error.message, error.position);
            wrong++;
        } else if (null != (cases[i].expected == NULL) || (!null && strcmp((char *)text.data, cases[i].expected) != 0)) {
            print_error("%s: %s, expected %s\n", cases[i].sql, null ? "NULL" : (char *)text.data,
                        cases[i].expected == NULL ? "NULL" : cases[i].expected);
            wrong++;
        }
        wendi_arena_reset(&arena);
    }
    wendi_arena_free(&arena);
    wendi_buffer_free(&text);
    assert_int_equal(wrong, 0);
}

#define EXPECT(cases) expect_all(cases, sizeof(cases) / sizeof *(cases))

static void test_logic(void **state)
{
    static const known cases[] = {
        {"true and null", NULL}, {"false and null", "false"}, {"null and false", "false"}, {"true or null", "true"},
        {"null or false", NULL}, {"not null", NULL}, {"not true", "false"}, {"null = null", NULL}, {"1 = null", NULL},
        {"null is null", "true"}, {"1 is null", "false"}, {"1 is not null", "true"},
        {"(1 = null) is unknown", "true"}, {"true is true", "true"}, {"(null::boolean) is true", "false"},
        {"(null::boolean) is not true", "true"}, {"false is false", "true"}, {"1 is distinct from 1", "false"},
        {"1 is distinct from null", "true"}, {"null::int is distinct from null", "false"},
        {"null::int is not distinct from null", "true"}, {"'a' is distinct from 'b'", "true"},
        {"1 in (1, 2)", "true"}, {"3 in (1, 2)", "false"}, {"3 in (1, null)", NULL}, {"1 in (1, null)", "true"},
        {"3 not in (1, null)", NULL}, {"1 not in (1, null)", "false"}, {"'b' in ('a', 'b', 'c')", "true"},
        {"2.0 in (1, 2)", "true"}, {"2 in (1.5, 2.0)", "true"}, {"2 between 1 and 3", "true"},
        {"2 between 3 and 1", "false"}, {"2 between symmetric 3 and 1", "true"}, {"2 not between 1 and 3", "false"},
        {"4 not between symmetric 3 and 1", "true"}, {"null between 1 and 2", NULL},
        {"case when 1 = 2 then 'a' when 2 = 2 then 'b' else 'c' end", "b"}, {"case 3 when 1 then 'a' end", NULL},
        {"case 1 when 1 then 2 else 2.5 end", "2.0"}, {"case when true then 1 else 1 / 0 end", "1"},
        {"case when null then 1 else 2 end", "2"}, {"coalesce(null, null, 3)", "3"}, {"coalesce(1, 1 / 0)", "1"},
        {"coalesce(null)", NULL}, {"nullif(1, 1)", NULL}, {"nullif(1, 2)", "1"}, {"nullif('a', 'b')", "a"},
        {"greatest(1, 3, 2)", "3"}, {"least(1, null, 2)", "1"}, {"greatest(null, null::int)", NULL},
        {"greatest('a', 'b')", "b"}, {"greatest(1, 2.5)", "2.5"}, {"false and 1 / 0 = 1", "false"},
        {"true or 1 / 0 = 1", "true"}, {"'t'::boolean", "true"}, {"'no'::boolean", "false"}, {"1::boolean", "true"},
        {"true::int", "1"}, {"true = 'yes'", "true"}, {"true::text", "true"}, {"true > false", "true"},
    };
    (void)state;
    EXPECT(cases);
}

static void test_numbers(void **state)
{
    static const known cases[] = {
        {"1 + 1", "2"}, {"7 / 2", "3"}, {"-7 / 2", "-3"}, {"-7 % 3", "-1"}, {"7 % -3", "1"}, {"5 - 7", "-2"},
        {"2 * 3.5", "7.0"}, {"1.5 + 1.25", "2.75"}, {"1.10 * 1.10", "1.2100"}, {"0.1 + 0.2", "0.3"}, {"1.0 / 3", "0.33333333333333333333"},
        {"2.0 / 3", "0.66666666666666666667"}, {"-2.0 / 3", "-0.66666666666666666667"}, {"10.5 % 3", "1.5"},
        {"1.5::double precision + 1", "2.5"}, {"0.1::float8 + 0.2::float8", "0.30000000000000004"}, {"1e2 + 1", "101"},
        {"2147483647::bigint + 1", "2147483648"}, {"9223372036854775807", "9223372036854775807"},
        {"9223372036854775808", "9223372036854775808"}, {"9223372036854775808 - 1", "9223372036854775807"},
        {"-9223372036854775808", "-9223372036854775808"}, {"123456789012345678 * 1000000.5", "123456850740740184172839.0"},
        {"99999999999999999999 * 99999999999.5", "9999999999949999999900000000000.5"},
        {"2.5::int", "3"}, {"3.5::int", "4"}, {"-2.5::int", "-3"}, {"2.5::float8::int", "2"}, {"3.5::float8::int", "4"},
        {"-0.5::float8::int", "0"}, {"2.5::numeric(1,0)", "3"}, {"-2.5::numeric(1,0)", "-3"}, {"12.345::numeric(5,2)", "12.35"},
        {"'12.345'::numeric(5,2)", "12.35"}, {"'12.345'::numeric", "12.345"}, {"' 42 '::int", "42"}, {"'1e3'::numeric", "1000"},
        {"1::numeric(5,2)", "1.00"}, {"0.1::real", "0.1"}, {"0.1::real::double precision", "0.10000000149011612"},
        {"'NaN'::float8 = 'NaN'::float8", "true"}, {"'NaN'::float8 > 'Infinity'::float8", "true"}, {"1 < 'NaN'::float8", "true"},
        {"1 = 1.0", "true"}, {"1.0 = 1.00", "true"}, {"1 < 1.5", "true"}, {"2.5 > 2::float8", "true"}, {"- 5", "-5"}, {"-(-5)", "5"},
        {"-(1.5)", "-1.5"}, {"abs(-3)", "3"}, {"abs(-3.5)", "3.5"}, {"abs(-3.5::float8)", "3.5"}, {"sign(-2.5)", "-1"}, {"sign(0::float8)", "0"},
        {"round(2.5)", "3"}, {"round(-2.5)", "-3"}, {"round(2.5::float8)", "2"}, {"round(2.345, 2)", "2.35"}, {"round(1234.5, -2)", "1200"},
        {"round(1.5, 3)", "1.500"}, {"round(2.675::float8, 2)", "2.67"}, {"trunc(2.99)", "2"}, {"trunc(-2.99)", "-2"}, {"trunc(42.4382, 2)", "42.43"},
        {"ceil(-42.8)", "-42"}, {"ceil(42.2)", "43"}, {"ceiling(1.0)", "1"}, {"floor(-42.8)", "-43"}, {"floor(42.8)", "42"}, {"floor(-1.5::float8)", "-2"},
        {"mod(9, 4)", "1"}, {"mod(-9, 4)", "-1"}, {"mod(9.5, 4)", "1.5"}, {"power(9, 3)", "729"}, {"2 ^ 3", "8"}, {"sqrt(2)", "1.4142135623730951"},
        {"round(cbrt(27)::numeric, 6)", "3.000000"}, {"ln(1)", "0"}, {"log(100)", "2"}, {"log(2, 64)", "6"}, {"exp(0)", "1"}, {"pi()", "3.141592653589793"},
        {"degrees(pi())", "180"}, {"null + 1", NULL}, {"abs(null)", NULL}, {"1 + '2'", "3"}, {"'2' * 1.5", "3.0"},
        {"100 * 3 / 7", "42"}, {"100.0 * 3 / 7", "42.85714285714285714286"}, {"32767::smallint + 1", "32768"}, {"1::smallint + 1::smallint", "2"},
    };
    (void)state;
    EXPECT(cases);
}

static void test_text(void **state)
{
    static const known cases[] = {
        {"'a' || 'b'", "ab"}, {"'a' || 1", "a1"}, {"1.50 || 'x'", "1.50x"}, {"'a' || null", NULL}, {"concat('a', null, 1, true)", "a1t"},
        {"concat_ws(',', 'a', null, 'b')", "a,b"}, {"concat_ws(null, 'a')", NULL}, {"length('héllo')", "5"}, {"octet_length('héllo')", "6"},
        {"char_length('')", "0"}, {"lower('ÀBC Éß')", "àbc éß"}, {"upper('straße é')", "STRAßE É"}, {"initcap('hi THOMAS')", "Hi Thomas"},
        {"trim('  x ')", "x"}, {"trim(both 'xyz' from 'yxTomxx')", "Tom"}, {"trim(leading 'x' from 'xxa')", "a"}, {"trim(trailing from 'a  ')", "a"},
        {"ltrim('zzzytest', 'xyz')", "test"}, {"rtrim('testxxzx', 'xyz')", "test"}, {"btrim('xyxtrimyyx', 'xyz')", "trim"},
        {"substring('Thomas' from 2 for 3)", "hom"}, {"substring('Thomas', 3)", "omas"}, {"substr('alphabet', 3, 2)", "ph"}, {"substring('abc', -1, 3)", "a"},
        {"substring('héllo', 2, 1)", "é"}, {"substring('abc', 10)", ""}, {"left('abcde', 2)", "ab"}, {"left('abcde', -2)", "abc"}, {"right('abcde', 2)", "de"},
        {"right('abcde', -2)", "cde"}, {"position('om' in 'Thomas')", "3"}, {"strpos('high', 'ig')", "2"}, {"strpos('é!', '!')", "2"}, {"strpos('a', 'z')", "0"},
        {"replace('abcdefabcdef', 'cd', 'XX')", "abXXefabXXef"}, {"replace('aaa', 'a', '')", ""}, {"replace('abc', '', 'x')", "abc"},
        {"split_part('abc~@~def~@~ghi', '~@~', 2)", "def"}, {"split_part('abc,def,ghi,jkl', ',', -2)", "ghi"}, {"split_part('a,b', ',', 5)", ""}, {"split_part('a,b', ',', -5)", ""},
        {"reverse('abcdé')", "édcba"}, {"repeat('Pg', 4)", "PgPgPgPg"}, {"repeat('x', -1)", ""}, {"lpad('hi', 5, 'xy')", "xyxhi"}, {"lpad('hello', 2)", "he"},
        {"rpad('hi', 5, 'xy')", "hixyx"}, {"rpad('é', 3, '*')", "é**"}, {"starts_with('alphabet', 'alph')", "true"}, {"ends_with('alphabet', 'bet')", "true"},
        {"translate('12345', '143', 'ax')", "a2x5"}, {"overlay('Txxxxas' placing 'hom' from 2 for 4)", "Thomas"}, {"ascii('x')", "120"}, {"chr(8364)", "€"},
        {"'abc' like 'a%'", "true"}, {"'abc' like '_b_'", "true"}, {"'abc' like 'c'", "false"}, {"'abc' like '%b%'", "true"}, {"'abc' like '%c'", "true"},
        {"'a%c' like 'a\\%c'", "true"}, {"'abc' like 'a\\%c'", "false"}, {"'a_c' like 'a#_c' escape '#'", "true"}, {"'abc' not like 'a%'", "false"},
        {"'é' like '_'", "true"}, {"'aXbXc' like 'a%b%c'", "true"}, {"'' like '%'", "true"}, {"'' like '_'", "false"}, {"null like 'a'", NULL},
        {"'ABC' ilike 'a%'", "true"}, {"'ÉTÉ' ilike 'été'", "true"}, {"'abc' not ilike 'A_C'", "false"}, {"'mississippi' like '%iss%ip%'", "true"},
        {"'thomas' ~ 't.*ma'", "true"}, {"'thomas' ~* 'T.*ma'", "true"}, {"'thomas' !~ 't.*max'", "true"}, {"'thomas' !~* 'T.*ma'", "false"},
        {"'a1' ~ '^\\w\\d$'", "true"}, {"'x.y' ~ 'x[\\.]y'", "true"}, {"'abab' ~ '^(?:ab)+$'", "true"}, {"regexp_replace('Thomas', '.[mN]a.', 'M')", "ThM"},
        {"regexp_replace('foobarbaz', 'b(..)', 'X\\1Y', 'g')", "fooXarYXazY"}, {"regexp_replace('abc', 'x*', '-', 'g')", "-a-b-c-"},
        {"regexp_like('Hello World', 'world$', 'i')", "true"}, {"regexp_substr('abc123d', '[0-9]+')", "123"}, {"regexp_substr('abc', '[0-9]+')", NULL},
        {"'abcdef'::varchar(3)", "abc"}, {"12::text", "12"}, {"'a' < 'b'", "true"}, {"'B' < 'a'", "true"}, {"'abc' = 'abc'", "true"}, {"hash64('a') = hash64('a')", "true"},
    };
    (void)state;
    EXPECT(cases);
}

static void test_time(void **state)
{
    static const known cases[] = {
        {"date '2001-09-28' + 7", "2001-10-05"}, {"date '2001-10-01' - date '2001-09-28'", "3"}, {"date '2001-09-28' + interval '1 hour'", "2001-09-28 01:00:00"},
        {"timestamp '2001-09-28 01:00' + interval '23 hours'", "2001-09-29 00:00:00"}, {"interval '1 day' + interval '1 hour'", "1 day 01:00:00"},
        {"date '2001-10-01' - interval '1 day'", "2001-09-30 00:00:00"}, {"timestamp '2001-09-29 03:00' - timestamp '2001-07-27 12:00'", "63 days 15:00:00"},
        {"900 * interval '1 second'", "00:15:00"}, {"21 * interval '1 day'", "21 days"}, {"3.5 * interval '1 hour'", "03:30:00"}, {"interval '1 hour' / 1.5", "00:40:00"},
        {"interval '1 month' * 1.5", "1 mon 15 days"}, {"timestamp '2024-01-31 00:00' + interval '1 month'", "2024-02-29 00:00:00"}, {"- interval '23 hours'", "-23:00:00"},
        {"timestamptz '2024-03-30 12:00+01' + interval '1 day'", "2024-03-31 12:00:00+02"}, {"timestamptz '2024-03-30 12:00+01' + interval '24 hours'", "2024-03-31 13:00:00+02"},
        {"timestamptz '2024-03-31 03:00+02' - timestamptz '2024-03-30 03:00+01'", "23:00:00"}, {"timestamptz '2024-01-01 12:00' = timestamptz '2024-01-01 11:00Z'", "true"},
        {"date_trunc('hour', timestamp '2001-02-16 20:38:40')", "2001-02-16 20:00:00"}, {"date_trunc('year', timestamp '2001-02-16 20:38:40')", "2001-01-01 00:00:00"},
        {"date_trunc('week', timestamp '2024-03-15 10:00')", "2024-03-11 00:00:00"}, {"date_trunc('quarter', timestamp '2024-05-15 10:00')", "2024-04-01 00:00:00"},
        {"date_trunc('month', timestamptz '2024-03-31 22:30Z')", "2024-04-01 00:00:00+02"}, {"date_trunc('day', timestamptz '2024-03-31 10:00+02')", "2024-03-31 00:00:00+01"},
        {"date_trunc('day', timestamptz '2001-02-16 20:38:40+00', 'Australia/Sydney')", "2001-02-16 14:00:00+01"}, {"date_trunc('hour', timestamptz '2024-10-27 02:30+01')", "2024-10-27 02:00:00+01"},
        {"date_trunc('hour', timestamptz '2024-10-27 02:30+02')", "2024-10-27 02:00:00+02"}, {"date_trunc('day', date '2024-03-15')", "2024-03-15 00:00:00+01"},
        {"date_bin(interval '15 minutes', timestamp '2020-02-11 15:44:17', timestamp '2001-01-01')", "2020-02-11 15:30:00"},
        {"date_bin(interval '15 minutes', timestamp '2020-02-11 15:44:17', timestamp '2001-01-01 00:02:30')", "2020-02-11 15:32:30"},
        {"extract(year from timestamp '2001-02-16 20:38:40')", "2001"}, {"extract(dow from timestamp '2001-02-16 20:38:40')", "5"}, {"extract(doy from timestamp '2001-02-16 20:38:40')", "47"},
        {"extract(week from date '2005-01-01')", "53"}, {"extract(isoyear from date '2006-01-01')", "2005"}, {"extract(isodow from timestamp '2001-02-18 20:38:40')", "7"},
        {"extract(century from timestamp '2000-12-16 12:21:13')", "20"}, {"extract(century from timestamp '2001-02-16 20:38:40')", "21"}, {"extract(decade from timestamp '2001-02-16 20:38:40')", "200"},
        {"extract(second from timestamp '2001-02-16 20:38:40.12')", "40.120000"}, {"extract(milliseconds from timestamp '2001-02-16 20:38:28.5')", "28500.000"}, {"extract(microseconds from timestamp '2001-02-16 20:38:28.5')", "28500000"},
        {"extract(epoch from timestamptz '2001-02-16 20:38:40.12-08')", "982384720.120000"}, {"extract(epoch from interval '5 days 3 hours')", "442800.000000"}, {"extract(quarter from date '2024-12-01')", "4"},
        {"extract(hour from timestamptz '2024-01-01 12:00Z')", "13"}, {"extract(timezone from timestamptz '2024-07-01 12:00Z')", "7200"}, {"date_part('hour', timestamp '2001-02-16 20:38:40')", "20"},
        {"date_part('day', interval '40 days 12 hours')", "40"}, {"extract(julian from date '2006-01-01')", "2453737"},
        {"timestamp '2001-02-16 20:38:40' at time zone 'America/Denver'", "2001-02-17 04:38:40+01"}, {"timestamptz '2001-02-16 20:38:40-05' at time zone 'America/Denver'", "2001-02-16 18:38:40"},
        {"now()", "2024-03-15 13:00:00+01"}, {"current_timestamp = now()", "true"}, {"current_date", "2024-03-15"}, {"localtimestamp", "2024-03-15 13:00:00"}, {"now() - interval '1 day'", "2024-03-14 13:00:00+01"},
        {"now() + '1 day'", "2024-03-16 13:00:00+01"}, {"now() - '2024-03-14 12:00Z'", "1 day"}, {"to_timestamp(1284352323.5)", "2010-09-13 06:32:03.5+02"},
        {"make_date(2013, 7, 15)", "2013-07-15"}, {"age(timestamp '2001-04-10', timestamp '1957-06-13')", "43 years 9 mons 27 days"},
        {"to_char(timestamp '2002-04-20 17:31:12.66', 'HH12:MI:SS')", "05:31:12"}, {"to_char(timestamp '2024-03-05 17:31:12.66', 'YYYY-MM-DD HH24:MI:SS.MS US')", "2024-03-05 17:31:12.660 660000"},
        {"to_char(timestamp '2024-03-05 17:31:12', 'FMDay, FMDD FMMonth YYYY \"at\" FMHH12 AM')", "Tuesday, 5 March 2024 at 5 PM"}, {"to_char(timestamp '2024-03-05', 'DAY|Dy|dy|MON|Q|WW|IW|ID|DDD|FMDDth')", "TUESDAY  |Tue|tue|MAR|1|10|10|2|065|5th"},
        {"to_char(date '2024-03-05', 'IYYY-\"W\"IW')", "2024-W10"}, {"to_char(timestamptz '2024-07-01 10:00Z', 'HH24:MI OF')", "12:00 +02"},
        {"'2024-01-01'::date = '2024-01-01 00:00'::timestamp", "true"}, {"'2024-01-01'::date < now()", "true"}, {"timestamptz '2024-01-01 23:30Z'::date", "2024-01-02"}, {"date '2024-07-01'::timestamptz", "2024-07-01 00:00:00+02"},
        {"date(timestamptz '2024-01-01 23:30Z')", "2024-01-02"}, {"interval '1 month' = interval '30 days'", "true"}, {"interval '1 day' > interval '23 hours'", "true"}, {"null::timestamptz - interval '1 day'", NULL},
        {"date '1970-01-01' + 2145042905", "5874897-12-31"},
        {"'2024-01-01' < date '2024-01-02'", "true"}, {"timestamptz '2024-01-01 00:00Z' between '2024-01-01' and '2024-01-02'", "true"},
    };
    (void)state;
    EXPECT(cases);
}

static void test_json_and_others(void **state)
{
    static const known cases[] = {
        {"'{\"a\":{\"b\":\"foo\"}}'::jsonb -> 'a'", "{\"b\":\"foo\"}"}, {"'{\"a\":{\"b\":\"foo\"}}'::jsonb -> 'a' ->> 'b'", "foo"}, {"'[1,2,3]'::jsonb -> 2", "3"}, {"'[1,2,3]'::jsonb ->> -1", "3"},
        {"'[1,[2,3],4]'::jsonb -> 1 ->> 0", "2"}, {"'{\"a\":null}'::jsonb ->> 'a'", NULL}, {"'{\"a\":null}'::jsonb -> 'a'", "null"}, {"'{\"a\":1}'::jsonb -> 'b'", NULL}, {"'{\"a\":1,\"a\":2}'::jsonb ->> 'a'", "2"},
        {"'{\"k\\u0041\":\"x\\n\\u00e9\\ud83d\\ude00\"}'::jsonb ->> 'kA'", "x\né😀"}, {"'{\"a\":12.5}'::jsonb ->> 'a'", "12.5"}, {"('{\"a\":12}'::jsonb -> 'a')::int", "12"}, {"('{\"a\":2.5}'::jsonb -> 'a')::int", "3"},
        {"('{\"a\":true}'::jsonb -> 'a')::boolean", "true"}, {"jsonb_typeof('[1]'::jsonb)", "array"}, {"jsonb_array_length('[1, 2, \"a,b\"]'::jsonb)", "3"}, {"'[]'::jsonb -> 0", NULL}, {"'{\"a\":\"}\",\"b\":7}'::jsonb ->> 'b'", "7"},
        {"'550E8400-e29b-41d4-a716-446655440000'::uuid", "550e8400-e29b-41d4-a716-446655440000"}, {"'550e8400-e29b-41d4-a716-446655440000'::uuid = '550E8400-E29B-41D4-A716-446655440000'", "true"},
        {"'10.0.0.2'::inet > '10.0.0.1'::inet", "true"}, {"'10.0.0.2'::inet < '::1'::inet", "true"}, {"host('10.0.0.2'::inet)", "10.0.0.2"}, {"family('::1'::inet)", "6"}, {"family('1.2.3.4'::inet)", "4"},
    };
    (void)state;
    EXPECT(cases);
}

static void test_refusals(void **state)
{
    static const refused cases[] = {
        {"1 / 0", "division by zero", 2}, {"1.5 / 0", "division by zero", 4}, {"1 % 0", "division by zero", 2}, {"1::float8 / 0", "division by zero", 10},
        {"date '1970-01-01' + 2145042906", "date out of range", -2},
        {"2147483647 + 1", "integer out of range", 11}, {"9223372036854775807 + 1", "bigint out of range", 20}, {"32767::smallint + 1::smallint", "smallint out of range", 16},
        {"-2147483648 * -1", "integer out of range", 12}, {"abs((-2147483648)::int)", "integer out of range", 0}, {"70000::smallint", "smallint out of range", 5},
        {"'abc'::int", "invalid input syntax for type integer: \"abc\"", 0}, {"'99999999999'::int", "value \"99999999999\" is out of range for type integer", 0},
        {"1 + 'abc'", "invalid input syntax for type integer", 4}, {"date '2024-13-01'", "date", -2}, {"'x'::uuid", "invalid input syntax for type uuid", 0}, {"'{'::jsonb", "invalid input syntax for type jsonb", 0},
        {"1234.5::numeric(5,2)", "numeric field overflow", 6}, {"99999999999999999999999999999999999999 + 1", "numeric overflow", 39}, {"1 + true", "operator does not exist: integer + boolean", 2},
        {"'a'::text = 1", "operator does not exist: text = integer", 10}, {"'a' + 'b'", "operator does not exist", 4}, {"1 and true", "argument of AND must be type boolean, not type integer", 0},
        {"not 'x'::text", "argument of NOT must be type boolean", 4}, {"nosuch(1)", "function nosuch(integer) does not exist", 0}, {"lower(1)", "function lower(integer) does not exist", 0},
        {"count(1)", "aggregate functions are not allowed here", 0}, {"x", "no column can be used here", 0}, {"case when 1 then 2 end", "argument of CASE/WHEN must be type boolean", 10},
        {"case when true then 1 else now() end", "CASE types integer and timestamptz cannot be matched", 27}, {"coalesce(1, true)", "COALESCE types integer and boolean cannot be matched", 12},
        {"true::date", "cannot cast type boolean to date", 4}, {"sqrt(-1)", "cannot take square root of a negative number", 0}, {"ln(0)", "cannot take logarithm of zero", 0}, {"date_trunc('fortnight', now())", "unit \"fortnight\" not recognized", 11},
        {"now() at time zone 'Mars/Base'", "Mars/Base", 19}, {"'a' ~ '['", "invalid regular expression", 6}, {"'a' ~ 'a*?'", "lazy quantifier", 6}, {"'a' like 'a\\'", "LIKE pattern must not end with escape character", 4},
        {"date_bin(interval '1 month', now(), now())", "timestamps cannot be binned into intervals containing months or years", 0}, {"split_part('a', ',', 0)", "field position must not be zero", 0},
        {"substring('abc', 1, -1)", "negative substring length not allowed", 0}, {"'{}'::jsonb = '{}'::jsonb", "jsonb values cannot be compared", 12}, {"1 @> 2", "operator @> is not supported", 2}, {"make_date(2023, 2, 29)", "date field value out of range", 0},
        {"1e30::int", "integer out of range", 4}, {"'NaN'::float8::int", "integer out of range", 13}, {"1e30::float8 ^ 9 * 1e30::float8 ^ 9", "value out of range: overflow", -2}, {"sum(1) filter (where true)", "aggregate functions are not allowed", 0},
        {"lower(distinct 'a')", "DISTINCT specified, but lower is not an aggregate function", 0}, {"extract(hour from date '2024-01-01')", "unit \"hour\" not supported for type date", 0},
    };
    wendi_arena arena = {.blocks = NULL};
    wendi_buffer text = {.data = NULL};
    int wrong = 0;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wend_error error;
        bool null;
        wend_status status = compute(cases[i].sql, &arena, &text, &null, &error);
        if (status == WEND_OK || strstr(error.message, cases[i].message) == NULL ||
            (cases[i].position != -2 && error.position != cases[i].position)) {
            print_error("%s: %s at %d, expected %s at %d\n", cases[i].sql, status == WEND_OK ? (char *)text.data : error.message,
                        error.position, cases[i].message, cases[i].position);
            wrong++;
        }
        wendi_arena_reset(&arena);
    }
    wendi_arena_free(&arena);
    wendi_buffer_free(&text);
    assert_int_equal(wrong, 0);
}

static int open_session(void **state)
{
    wend_error error;

    (void)state;
    session.now_us = INT64_C(1710504000000000);
    return wendi_timezone_find(wendi_string_of("Europe/Berlin"), &session.zone, &error) == WEND_OK &&
                   wendi_evaluator_open(&evaluator, &error) == WEND_OK
               ? 0
               : -1;
}

static int close_session(void **state)
{
    (void)state;
    wendi_evaluator_close(evaluator);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_logic),          cmocka_unit_test(test_numbers), cmocka_unit_test(test_text), cmocka_unit_test(test_time),
        cmocka_unit_test(test_json_and_others), cmocka_unit_test(test_refusals)};
    return cmocka_run_group_tests(tests, open_session, close_session);
}
