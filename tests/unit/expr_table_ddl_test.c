/* DDL to schemas and back: canonical text gives an equal schema, added columns keep ids, and every
 * refusal points and hints. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/base/alloc.h"
#include "engine/expr/table_ddl.h"

static const char EVENTS[] =
    "CREATE TABLE events (event_id uuid UNIQUE, user_id text, ts timestamptz OPTIONS (path "
    "'$.event.time | $.\"t.x\".\"a\\\"b\"', format "
    "'%d/%b/%Y:%H:%M:%S', timezone 'Asia/Kolkata') NOT NULL, event_type text, price numeric(12,2) "
    "OPTIONS (round 'half_even') CHECK (price "
    ">= 0), country varchar(2), \"geo.country\" text OPTIONS (on_error 'null'), p bigint options "
    "(path '$partition'), o bigint options (path "
    "'$offset'), h text options (path '$headers.\"x.y\"'), k text options (path '$key'), kt "
    "timestamptz options (path '$timestamp'), topic text "
    "options (path '$topic'), high boolean GENERATED ALWAYS AS (price > 500) STORED, higher "
    "boolean generated always as (high and price > "
    "/* inner */ 900) stored, d date DEFAULT '2024-01-01', n int DEFAULT 5 NOT NULL, f double "
    "precision default 1e300, b bool default false, "
    "addr inet, doc jsonb default '{\"a\": 1}', s smallint, r real default null, dt date options "
    "(format 'epoch_s', timezone 'UTC'), "
    "UNIQUE (user_id, ts), UNIQUE (event_id), UNIQUE (ts, user_id), CHECK (price < 100000 and n > "
    "0), CHECK (n < 10), constraint named CHECK "
    "(s\n > 0)) WITH (user_column='user_id', time_column='ts', event_column='event_type', "
    "order_column = o, retention='400 days', rest = 'keep', "
    "max_future='90 min', unique_rows, duplicate_keys = 'last', unique_window = 1000000)";

static wendi_schema *parse(const char *ddl)
{
    wend_error error;
    wendi_schema *schema = NULL;
    if (wendi_schema_parse(ddl, &schema, &error) != WEND_OK) {
        fail_msg("%s: %s (%d) %s", ddl, error.message, error.position, error.hint);
    }
    return schema;
}

static void assert_text(wendi_string text, const char *expected)
{
    if (!wendi_string_equal(text, wendi_string_of(expected))) {
        fail_msg("<%.*s> is not <%s>", (int)text.length, text.data, expected);
    }
}

static const wendi_column *column(const wendi_schema *schema, const char *name)
{
    uint32_t index = wendi_schema_find(schema, wendi_string_of(name));
    assert_int_not_equal(index, WENDI_NO_COLUMN);
    return &schema->columns[index];
}

static void assert_paths_equal(const wendi_column *a, const wendi_column *b)
{
    assert_int_equal(a->path_count, b->path_count);
    for (uint32_t i = 0; i < a->path_count; i++) {
        assert_int_equal(a->paths[i].key_count, b->paths[i].key_count);
        for (uint32_t k = 0; k < a->paths[i].key_count; k++) {
            assert_true(wendi_string_equal(a->paths[i].keys[k], b->paths[i].keys[k]));
        }
    }
}

static void assert_columns_equal(const wendi_column *a, const wendi_column *b)
{
    assert_int_equal(a->id, b->id);
    assert_true(wendi_string_equal(a->name, b->name) && wendi_type_equal(a->type, b->type));
    assert_true(a->not_null == b->not_null && a->origin == b->origin &&
                a->on_error == b->on_error && a->rounding == b->rounding);
    assert_int_equal(a->time_format, b->time_format);
    assert_true(wendi_string_equal(a->time_pattern, b->time_pattern) &&
                wendi_string_equal(a->timezone, b->timezone));
    assert_true(wendi_string_equal(a->generated, b->generated) && a->has_default == b->has_default);
    assert_true(wendi_string_equal(a->default_value, b->default_value));
    assert_paths_equal(a, b);
}

static void assert_schemas_equal(const wendi_schema *a, const wendi_schema *b)
{
    assert_true(wendi_string_equal(a->ddl, b->ddl) &&
                wendi_string_equal(a->table_name, b->table_name));
    assert_true(a->column_count == b->column_count && a->next_column_id == b->next_column_id);
    for (uint32_t i = 0; i < a->column_count; i++) {
        assert_columns_equal(&a->columns[i], &b->columns[i]);
    }
    assert_true(a->check_count == b->check_count && a->unique_count == b->unique_count &&
                a->unique_rows == b->unique_rows);
    for (uint32_t i = 0; i < a->check_count; i++) {
        assert_true(wendi_string_equal(a->checks[i].name, b->checks[i].name));
        assert_true(wendi_string_equal(a->checks[i].expression, b->checks[i].expression));
    }
    for (uint32_t i = 0; i < a->unique_count; i++) {
        assert_int_equal(a->uniques[i].column_count, b->uniques[i].column_count);
        assert_memory_equal(a->uniques[i].columns, b->uniques[i].columns,
                            a->uniques[i].column_count * sizeof(uint32_t));
    }
    assert_true(a->user_column == b->user_column && a->time_column == b->time_column &&
                a->event_column == b->event_column && a->order_column == b->order_column);
    assert_true(a->retention_us == b->retention_us && a->max_future_us == b->max_future_us &&
                a->duplicate_keys == b->duplicate_keys &&
                a->event_id_policy == b->event_id_policy && a->rest_policy == b->rest_policy &&
                a->rest_column == b->rest_column && a->id_column == b->id_column &&
                a->unique_window_keys == b->unique_window_keys);
}

static void a_schema_is_what_was_written(void **state)
{
    (void)state;
    wendi_schema *schema = parse(EVENTS);
    assert_text(schema->table_name, "events");
    assert_int_equal(schema->column_count, 25); /* _rest is one */
    assert_int_equal(schema->next_column_id, 26);
    const wendi_column *ts = column(schema, "ts");
    assert_int_equal(ts->id, 3);
    assert_int_equal(ts->type.kind, WENDI_TYPE_TIMESTAMPTZ);
    assert_int_equal(ts->time_format, WENDI_TIME_PATTERN);
    assert_text(ts->timezone, "Asia/Kolkata");
    assert_int_equal(ts->path_count, 2);
    assert_text(ts->paths[0].keys[1], "time");
    assert_text(ts->paths[1].keys[0], "t.x");
    assert_text(ts->paths[1].keys[1], "a\"b");
    assert_int_equal(column(schema, "geo.country")->paths[0].key_count, 2);
    assert_int_equal(column(schema, "geo.country")->on_error, WENDI_ON_ERROR_NULL);
    assert_int_equal(column(schema, "country")->type.length_max, 2);
    assert_int_equal(column(schema, "price")->rounding, WENDI_ROUND_HALF_EVEN);
    assert_int_equal(column(schema, "p")->origin, WENDI_ORIGIN_PARTITION);
    assert_int_equal(column(schema, "h")->origin, WENDI_ORIGIN_HEADER);
    assert_text(column(schema, "h")->paths[0].keys[0], "x.y");
    assert_int_equal(column(schema, "high")->origin, WENDI_ORIGIN_GENERATED);
    assert_text(column(schema, "high")->generated, "price > 500");
    assert_text(column(schema, "d")->default_value, "2024-01-01");
    assert_false(column(schema, "r")->has_default);
    assert_int_equal(schema->unique_count,
                     2); /* (user_id, ts) and (ts, user_id) are one rule, event_id came twice */
    assert_int_equal(schema->uniques[0].column_count, 1);
    assert_int_equal(schema->check_count, 4);
    assert_text(schema->checks[0].name, "events_check");
    assert_text(schema->checks[1].name, "events_check1");
    assert_text(schema->checks[2].name, "named");
    assert_text(schema->checks[2].expression, "s > 0");
    assert_text(schema->checks[3].name, "events_price_check");
    assert_int_equal(schema->retention_us, INT64_C(400) * 86400000000);
    assert_int_equal(schema->max_future_us, INT64_C(5400000000));
    assert_int_equal(schema->duplicate_keys, WENDI_DUPLICATE_KEY_LAST);
    assert_int_equal(schema->unique_window_keys, 1000000);
    assert_text(schema->columns[schema->order_column].name, "o");
    wendi_schema_free(schema);
}

static const char *const MORE[] = {
    "create table t (a int)",
    "create table \"Odd name\" (\"user\" text, \"a\"\"b\" int options (path '$.\"\"'), \"x.y\" "
    "text options (path '$.\"x.y\"'))",
    "create table t (a bigint default -9223372036854775808, b numeric(18,18), c numeric(5), d text "
    "default '', e timestamptz default "
    "'2024-01-01 10:00+02', f real default -0.5, g uuid default "
    "'00000000-0000-0000-0000-000000000001', h numeric(5,2) default 1.5)",
    "create table t (ts timestamptz options (format 'epoch_ns') not null, id text primary key) "
    "with (time_column = ts, event_id = 'hash', "
    "retention = '1.5 seconds', max_future = 0)",
    "create table t (a text, b text generated always as (upper(a) || 'x''y') stored not null "
    "unique, c text, check (b <> a or c is null))",
};

static void canonical_ddl_gives_an_equal_schema(void **state)
{
    (void)state;
    for (size_t i = 0; i <= sizeof MORE / sizeof MORE[0]; i++) {
        wendi_schema *schema = parse(i == 0 ? EVENTS : MORE[i - 1]);
        wendi_schema *again = parse(schema->ddl.data);
        assert_schemas_equal(schema, again);
        wendi_schema_free(schema);
        wendi_schema_free(again);
    }
}

static void canonical_ddl_reads_well(void **state)
{
    (void)state;
    wendi_schema *schema = parse("create table t (ts timestamp with time zone not null, \"user\" "
                                 "varchar(10) unique check (\"user\" <> ''), "
                                 "n int default 3 check (n > 0)) with (time_column = 'ts', "
                                 "user_column = 'user', retention = '36 hours')");
    assert_text(schema->ddl, "CREATE TABLE t (\n"
                             "    ts timestamptz NOT NULL,\n"
                             "    \"user\" varchar(10) UNIQUE,\n"
                             "    n integer DEFAULT 3,\n"
                             "    CONSTRAINT t_user_check CHECK (\"user\" <> ''),\n"
                             "    CONSTRAINT t_n_check CHECK (n > 0)\n"
                             ") WITH (\n"
                             "    user_column = 'user',\n"
                             "    time_column = 'ts',\n"
                             "    retention = '36 hours'\n"
                             ");\n");
    wendi_schema_free(schema);
}

static void added_columns_keep_ids(void **state)
{
    (void)state;
    static const uint32_t ids[] = {4, 2, 9};
    wend_error error;
    wendi_schema *schema = NULL;
    wendi_schema *wider = NULL;
    wendi_schema *same = NULL;
    assert_int_equal(
        wendi_schema_parse_with_ids("create table t (a int, b text unique, c text check (c <> b))",
                                    ids, 3, 12, &schema, &error),
        WEND_OK);
    assert_int_equal(schema->columns[2].id, 9);
    assert_int_equal(
        wendi_schema_alter(
            schema,
            "alter table t add x text default 'q' not null check (x <> a::text), add column y int "
            "generated always as (a + 1) stored",
            &wider, &error),
        WEND_OK);
    assert_int_equal(wider->column_count, 5);
    assert_int_equal(wider->columns[0].id, 4);
    assert_int_equal(wider->columns[2].id, 9);
    assert_int_equal(wider->columns[3].id, 12);
    assert_int_equal(wider->columns[4].id, 13);
    assert_int_equal(wider->next_column_id, 14);
    assert_int_equal(wider->unique_count, 1);
    assert_text(wider->checks[0].expression, "c <> b");
    assert_text(wider->checks[1].expression, "x <> a::text");
    assert_text(wider->columns[4].generated, "a + 1");
    assert_int_equal(wendi_schema_alter(wider, "alter table t add column if not exists x text",
                                             &same, &error),
                     WEND_OK);
    assert_schemas_equal(wider, same);
    wendi_schema_free(schema);
    wendi_schema_free(wider);
    wendi_schema_free(same);
}

static void rules_are_changed_and_nothing_that_is_stored(void **state)
{
    static const struct {
        const char *alter;
        wend_status status;
        const char *ddl; /* what the statement holds then, or does not (with a leading '!') */
    } cases[] = {
        {"alter table t drop constraint t_price_check", WEND_OK, "!CHECK (price > 0)"},
        {"alter table t drop constraint t_price_check, drop constraint sane", WEND_OK, "!CHECK"},
        {"alter table t drop constraint sane", WEND_OK, "CONSTRAINT t_price_check CHECK (price > 0)"},
        {"alter table t drop constraint if exists nothing", WEND_OK, "CONSTRAINT sane"},
        {"alter table t alter column b drop not null", WEND_OK, "b text,"},
        {"alter table t alter column b drop not null, alter b options (on_error 'null')", WEND_OK,
         "b text OPTIONS (on_error 'null')"},
        {"alter table t alter column ts options (set format 'epoch_ms')", WEND_OK, "OPTIONS (format 'epoch_ms')"},
        {"alter table t set (max_future = '30 days')", WEND_OK, "max_future = '30 days'"},
        {"alter table t set (max_future = '30 days', duplicate_keys = 'last')", WEND_OK, "duplicate_keys = 'last'"},
        {"alter table t drop constraint nothing", WEND_NOT_FOUND, NULL},
        {"alter table t drop constraint t_id_key", WEND_NOT_FOUND, NULL},
        {"alter table t alter column nothing drop not null", WEND_NOT_FOUND, NULL},
        {"alter table t alter column ts drop not null", WEND_INVALID, NULL},
        {"alter table t set (time_column = 'b')", WEND_UNSUPPORTED, NULL},
        {"alter table t set (rest = 'drop')", WEND_UNSUPPORTED, NULL},
        {"alter table t alter column b options (on_error 'perhaps')", WEND_INVALID, NULL},
        {"alter table t alter column b options (drop on_error)", WEND_UNSUPPORTED, NULL},
        {"alter table t add column x int, drop constraint sane", WEND_UNSUPPORTED, NULL},
        {"alter table t drop column b", WEND_UNSUPPORTED, NULL},
        {"alter table t alter column b type bigint", WEND_UNSUPPORTED, NULL},
        {"alter table u drop constraint sane", WEND_NOT_FOUND, NULL},
    };
    wendi_schema *schema = parse("create table t (ts timestamptz not null, id text unique, price int check (price > 0), "
                                 "b text not null, constraint sane check (price < 10)) with (time_column = 'ts')");
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        wendi_schema *changed = NULL;
        wend_error error;
        wend_status status = wendi_schema_alter(schema, cases[i].alter, &changed, &error);
        if (status != cases[i].status) {
            fail_msg("%s: %d, %s", cases[i].alter, status, status == WEND_OK ? "" : error.message);
        }
        if (status != WEND_OK) {
            assert_null(changed);
            continue;
        }
        bool absent = cases[i].ddl[0] == '!';
        if ((memmem(changed->ddl.data, changed->ddl.length, cases[i].ddl + absent, strlen(cases[i].ddl + absent)) ==
             NULL) != absent) {
            fail_msg("%s: %.*s", cases[i].alter, (int)changed->ddl.length, changed->ddl.data);
        }
        assert_int_equal(changed->column_count, schema->column_count);
        for (uint32_t c = 0; c < schema->column_count; c++) {
            assert_int_equal(changed->columns[c].id, schema->columns[c].id);
        }
        wendi_schema_free(changed);
    }
    wendi_schema_free(schema);
}

/* What is stored of an event: `_rest` behind the statement's columns, the id as its policy says. */
static void what_is_left_over_has_a_column(void **state)
{
    (void)state;
    static const uint32_t ids[] = {3, 7, 5};
    wend_error error;
    wendi_schema *schema = parse("create table t (a int, b text) with (rest = 'keep')");
    wendi_schema *wider = NULL;
    assert_int_equal(schema->column_count, 3);
    assert_int_equal(schema->rest_column, 2);
    assert_int_equal(column(schema, "_rest")->type.kind, WENDI_TYPE_JSONB);
    assert_int_equal(column(schema, "_rest")->origin, WENDI_ORIGIN_REST);
    assert_int_equal(schema->next_column_id, 4);
    assert_text(schema->ddl, "CREATE TABLE t (\n    a integer,\n    b text\n) WITH (\n    rest = 'keep'\n);\n");
    wendi_schema_free(schema);
    assert_int_equal(wendi_schema_parse_with_ids("create table t (a int, b text) with (rest = 'keep')",
                                                 ids, 3, 9, &schema, &error),
                     WEND_OK);
    assert_int_equal(wendi_schema_alter(
                         schema, "alter table t add c text generated always as (_rest->>'c') stored", &wider,
                         &error),
                     WEND_OK);
    assert_int_equal(wider->columns[2].id, 9);
    assert_int_equal(wider->rest_column, 3);
    assert_int_equal(wider->columns[3].id, 5);
    assert_int_equal(wider->next_column_id, 10);
    wendi_schema_free(schema);
    wendi_schema_free(wider);
    schema = parse("create table t (_rest int) with (rest = 'drop')"); /* a name like others then */
    assert_int_equal(schema->rest_column, WENDI_NO_COLUMN);
    wendi_schema_free(schema);
    assert_int_equal(wendi_schema_parse_with_ids("create table t (a int)", ids, 1, 4, &schema, &error), WEND_OK);
    assert_int_equal(schema->rest_policy, WENDI_REST_DROP); /* stored before there was a choice */
    assert_int_equal(schema->column_count, 1);
    wendi_schema_free(schema);
}

static void readers_see_the_id_as_it_is_stored(void **state)
{
    (void)state;
    wend_error error;
    wendi_schema *wider = NULL;
    wendi_schema *schema = parse("create table t (id uuid unique default '00000000-0000-0000-0000-000000000001', "
                                 "u text, ts timestamptz not null check (id is not null)) with "
                                 "(user_column = 'u', time_column = 'ts', event_id = 'hash')");
    const wendi_schema *seen = wendi_schema_reading(schema);
    assert_int_equal(schema->columns[0].type.kind, WENDI_TYPE_UUID);
    assert_int_equal(seen->columns[0].type.kind, WENDI_TYPE_BIGINT);
    assert_int_equal(seen->columns[0].type.hash_of, WENDI_TYPE_UUID);
    assert_false(seen->columns[0].has_default);
    assert_int_equal(seen->check_count, 0);
    assert_int_equal(seen->user_column, 1);
    assert_int_equal(seen->dropped_name.length, 0);
    wendi_schema_free(schema);
    schema = parse("create table t (id uuid unique, u text, ts timestamptz not null) with (user_column = 'u', "
                   "time_column = 'ts', event_id = 'drop', rest = 'keep')");
    seen = wendi_schema_reading(schema);
    assert_int_equal(schema->column_count, 4);
    assert_int_equal(seen->column_count, 3);
    assert_text(seen->dropped_name, "id");
    assert_true(seen->user_column == 0 && seen->time_column == 1 && seen->rest_column == 2);
    assert_int_equal(seen->columns[0].id, 2);
    assert_int_equal(wendi_schema_alter(schema, "alter table t add x int generated always as (length(id::text)) "
                                                     "stored",
                                             &wider, &error),
                     WEND_INVALID);
    assert_non_null(strstr(error.message, "GENERATED column is made of id"));
    assert_int_equal(wendi_schema_alter(schema, "alter table t add x int", &wider, &error), WEND_OK);
    seen = wendi_schema_reading(wider);
    assert_int_equal(seen->column_count, 4);
    assert_int_equal(seen->columns[2].id, 5);
    assert_int_equal(seen->columns[3].id, 4);
    wendi_schema_free(wider);
    wendi_schema_free(schema);
    schema = parse("create table t (a int unique)");
    assert_ptr_equal(wendi_schema_reading(schema), schema);
    wendi_schema_free(schema);
}

static void ids_must_fit(void **state)
{
    (void)state;
    static const uint32_t bad[][2] = {{1, 1}, {0, 2}, {1, 5}};
    wendi_schema *schema = NULL;
    wend_error error;
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(wendi_schema_parse_with_ids("create table t (a int, b int)", bad[i], 2, 5,
                                                     &schema, &error),
                         WEND_CORRUPT);
    }
    assert_int_equal(
        wendi_schema_parse_with_ids("create table t (a int, b int)", bad[0], 1, 5, &schema, &error),
        WEND_CORRUPT);
    assert_int_equal(
        wendi_schema_parse_with_ids("create tabl t (a int, b int)", bad[2], 2, 9, &schema, &error),
        WEND_CORRUPT);
    assert_int_equal(error.status, WEND_CORRUPT);
    assert_null(schema);
}

typedef struct bad_case {
    const char *ddl; /* with § before the byte at fault */
    const char *message;
    const char *hint;
} bad_case;

static const bad_case BAD[] = {
    {"create table t (a §timestamp)", "no type timestamp", "timestamptz"},
    {"create table t (a §serial)", "no type serial", "bigint"},
    {"create table t (a §bytea)", "no type bytea", "text"},
    {"create table t (a §json)", "no type json", "jsonb"},
    {"create table t (a §char(3))", "no type char", "varchar(n)"},
    {"create table t (a §interval)", "no type interval", "seconds"},
    {"create table t (a §int[])", "no type integer[]", "jsonb"},
    {"create table t (a §strng)", "no type strng", "types are"},
    {"create table t (a §bigit)", "no type bigit", "write bigint"},
    {"create table t (a §uint64)", "no type uint64", "numeric(18,0)"},
    {"create table t (a §numeric)", "needs its digits", "numeric(18,s)"},
    {"create table t (a §numeric(19,2))", "1 to 18 digits", "double precision"},
    {"create table t (a §numeric(5,6))", "behind the point", "numeric(12,2)"},
    {"create table t (a §text(5))", "no number in brackets", "varchar(n)"},
    {"create table t (a §timestamptz(3))", "no number in brackets", "microsecond"},
    {"create table t (a §varchar(0))", "varchar(n) takes", ""},
    {"create table t (a int, §a text)", "stands here twice", "path"},
    {"create table §t ()", "at least one column", "name the columns"},
    {"create table §t (a int generated always as (1) stored)", "at least one column", ""},
    {"create table t (a text options (§pth 'x'))", "no option pth of a column", "path"},
    {"create table t (a text options (§frobnicate 'x'))", "no option frobnicate", "path, format"},
    {"create table t (a text options (path '$.a', §path '$.b'))", "stands here twice",
     "one of them"},
    {"create table t (a text options (§path 'a'))", "not a path", "$.geo.country"},
    {"create table t (a text options (§path '$'))", "names no key", "$.key"},
    {"create table t (a text options (§path '$..a'))", "key is missing", "quoted"},
    {"create table t (a text options (§path '$.a[0]'))", "not into arrays", "jsonb"},
    {"create table t (a text options (§path '$.\"a'))", "does not end", ""},
    {"create table t (a text options (§path '$.a b'))", "does not go on", "|"},
    {"create table t (a text options (§path '$.a|'))", "not a path", ""},
    {"create table t (a text options (§path '$tpic'))", "no $tpic", "$topic"},
    {"create table t (a int options (§path '$topic'))", "$topic is text, not integer", "GENERATED"},
    {"create table t (a text options (§path '$topic|$.a'))", "stands alone", "coalesce"},
    {"create table t (a text options (§path '$headers'))", "names no key", ""},
    {"create table t (a text options (path '$topic', §on_error 'null'))", "no further options", ""},
    {"create table t (a text options (§format 'iso'))", "only timestamptz and date",
     "leave it out"},
    {"create table t (a timestamptz options (§format 'rfc'))", "no format of a time", "epoch_ms"},
    {"create table t (a timestamptz options (§format '%Y-%q'))", "not known: %q", "%Y"},
    {"create table t (a timestamptz options (§format '%Y-%'))", "not known: %", "%Y"},
    {"create table t (a timestamptz options (§format '%H:%M'))", "no format of a time", "at least a year"},
    {"create table t (a timestamptz options (§format '%Y-%m-%d'))", "have no zone", "timezone"},
    {"create table t (a timestamptz options (§format 'epoch_s', timezone 'UTC'))", "no time zone",
     "leave timezone out"},
    {"create table t (a timestamptz options (§timezone 'Mars/Phobos'))", "no time zone",
     "Europe/Berlin"},
    {"create table t (a int options (§timezone 'UTC'))", "only timestamptz", ""},
    {"create table t (a int options (§round 'half_even'))", "only numeric", ""},
    {"create table t (a numeric(5,2) options (§round 'up'))", "cannot be 'up'",
     "'reject' or 'half_even'"},
    {"create table t (a int options (§on_error 'ignore'))", "cannot be 'ignore'",
     "'reject' or 'null'"},
    {"create table t (a int options (§on_error 'null') not null)", "contradict", "drop NOT NULL"},
    {"create table t (§\".a\" int)", "gives no path", "OPTIONS (path"},
    {"create table t (a int null §not null)", "NULL and NOT NULL", ""},
    {"create table t (a int default §now())", "cannot cast", ""},
    {"create table t (a timestamptz default §now())", "now()", "$timestamp"},
    {"create table t (a int default §'x')", "the default of type integer", ""},
    {"create table t (a int, b int default §a)", "no column can be used here", ""},
    {"create table t (a int default 1 §default 2)", "twice in one column", ""},
    {"create table t (b int, a int default 1 §generated always as (b) stored)", "no DEFAULT",
     "one of both"},
    {"create table t (b int, a int options (§path '$.x') generated always as (b) stored)",
     "takes no OPTIONS", ""},
    {"create table t (b int, a int generated always as (§c) stored)",
     "GENERATED names the column c", ""},
    {"create table t (b int, a int generated always as (§d) stored, d int generated always as (b) "
     "stored)",
     "not before this column", "stand before"},
    {"create table t (price int, a int generated always as (§prize) stored)",
     "names the column prize", "price"},
    {"create table t (b int, a int generated always as (§a + 1) stored)", "not before this column",
     ""},
    {"create table t (a text check (§a))", "must be type boolean", ""},
    {"create table t (a text, check (§q > 1))", "CHECK names the column q", ""},
    {"create table t (a timestamptz check (a §< now()))", "now() and its kin", ""},
    {"create table t (a int, constraint c check (a > 1), §constraint c check (a > 2))",
     "two constraints named c", ""},
    {"create table t (a int primary key, b int §primary key)", "one PRIMARY KEY", "UNIQUE"},
    {"create table t (a jsonb §unique)", "jsonb column cannot be UNIQUE", ""},
    {"create table t (a int, unique (a, §b))", "UNIQUE names the column b", ""},
    {"create table t (a int, b int, unique (a, b, §a))", "a stands twice in UNIQUE", "once"},
    {"create table t (a text) with (§user_colum = 'a')", "no option user_colum of a table",
     "user_column"},
    {"create table t (a text) with (§user_column = 'b')", "names the column b", ""},
    {"create table t (a text) with (§user_column)", "has no value", ""},
    {"create table t (a jsonb) with (§user_column = 'a')", "cannot be the user_column", ""},
    {"create table t (a text) with (§time_column = 'a')", "must be timestamptz, and a is text",
     "epoch_ms"},
    {"create table t (a timestamptz) with (§time_column = 'a')", "must be NOT NULL", "NOT NULL"},
    {"create table t (a text) with (user_column = 'a', §user_column = 'a')", "stands here twice",
     ""},
    {"create table t (a text) with (§retention = '5 days')", "needs a time_column", "time_column"},
    {"create table t (a timestamptz not null) with (time_column = a, §retention = '1 month')",
     "no fixed length", "30 days"},
    {"create table t (a timestamptz not null) with (time_column = a, §retention = 'soon')",
     "retention", "400 days"},
    {"create table t (a timestamptz not null) with (time_column = a, §retention = '0 days')",
     "keeps nothing", ""},
    {"create table t (a timestamptz not null) with (time_column = a, §max_future = '-1 day')",
     "out of range", ""},
    {"create table t (a text) with (§unique_rows = 'maybe')", "cannot be 'maybe'", "true or false"},
    {"create table t (a text) with (§duplicate_keys = 'all')", "cannot be 'all'",
     "'reject', 'first' or 'last'"},
    {"create table t (a text) with (§unique_window = 10)", "without UNIQUE", ""},
    {"create table t (a text unique) with (§unique_window = '-3')", "cannot be '-3'", ""},
    {"create table t (a text) with (§event_id = 'hash')", "exactly one column", "UNIQUE"},
    {"create table t (a text unique) with (§event_id = 'hsh')", "cannot be 'hsh'", "'keep', 'hash' or 'drop'"},
    {"create table t (a int unique) with (§event_id = 'hash')", "a is integer", "'drop'"},
    {"create table t (a text unique) with (unique_rows, §event_id = 'drop')", "needs whole rows", "one of both"},
    {"create table t (a text unique) with (user_column = a, §event_id = 'hash')", "needed as it is", "role"},
    {"create table t (a text unique, b text generated always as (a || 'x') stored) with (§event_id = 'drop')",
     "made of a", "from others"},
    {"create table t (a text, §_rest text) with (rest = 'keep')", "_rest is the column", "rest = 'drop'"},
    {"create table t (a text) with (§rest = 'maybe')", "cannot be 'maybe'", "'keep' or 'drop'"},
    {"create table t (a text) with (§rest)", "has no value", ""},
    {"§select 1", "CREATE TABLE is expected", ""},
    {"create table t (a int); §create table u (a int)", "one statement", ""},
};

/* The text without its mark, and where the mark stood. */
static char *unmark(const char *marked, int32_t *position)
{
    const char *mark = strstr(marked, "§");
    char *text = malloc(strlen(marked) + 1);
    *position = (int32_t)(mark - marked);
    memcpy(text, marked, (size_t)*position);
    strcpy(text + *position, mark + strlen("§"));
    return text;
}

static void refusals_point_and_hint(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        wend_error error = {.message = ""};
        wendi_schema *schema = NULL;
        int32_t position = 0;
        char *ddl = unmark(BAD[i].ddl, &position);
        wend_status status = wendi_schema_parse(ddl, &schema, &error);
        if (status == WEND_OK || strstr(error.message, BAD[i].message) == NULL ||
            strstr(error.hint, BAD[i].hint) == NULL || error.position != position ||
            error.status != status) {
            fail_msg("%s: %s at %d (not %d): %s | %s", ddl, wend_status_name(status),
                     error.position, position, error.message, error.hint);
        }
        assert_null(schema);
        assert_int_equal(wendi_schema_parse(ddl, &schema, NULL), status);
        free(ddl);
    }
}

static const struct {
    const char *alter;
    wend_status status;
    const char *message;
} BAD_ALTER[] = {
    {"alter table t add §x int not null", WEND_INVALID, "needs a DEFAULT"},
    {"alter table §u add x int", WEND_NOT_FOUND, "alters u"},
    {"alter table t add §a int", WEND_EXISTS, "of this name"},
    {"alter table t add x int §unique", WEND_UNSUPPORTED, "cannot be UNIQUE"},
    {"alter table t add x int, add §x text", WEND_INVALID, "stands here twice"},
    {"alter table t add x int check (§z > 1)", WEND_INVALID, "names the column z"},
    {"alter table t add x §serial", WEND_UNSUPPORTED, "no type serial"},
    {"§drop table t", WEND_INVALID, "ALTER TABLE is expected"},
};

static void bad_alters_point(void **state)
{
    (void)state;
    wendi_schema *schema = parse("create table t (a int, b text)");
    for (size_t i = 0; i < sizeof BAD_ALTER / sizeof BAD_ALTER[0]; i++) {
        wend_error error = {.message = ""};
        wendi_schema *wider = NULL;
        int32_t position = 0;
        char *alter = unmark(BAD_ALTER[i].alter, &position);
        wend_status status = wendi_schema_alter(schema, alter, &wider, &error);
        if (status != BAD_ALTER[i].status || error.position != position ||
            strstr(error.message, BAD_ALTER[i].message) == NULL) {
            fail_msg("%s: %s at %d (not %d): %s", alter, wend_status_name(status), error.position,
                     position, error.message);
        }
        assert_null(wider);
        free(alter);
    }
    wendi_schema_free(schema);
}

static void refused_memory_is_reported(void **state)
{
    (void)state;
    wend_status status = WEND_NOMEM;
    for (int64_t calls = 0; status != WEND_OK; calls++) {
        wendi_schema *schema = NULL;
        wend_error error;
        wendi_alloc_refuse_at(calls);
        status = wendi_schema_parse(EVENTS, &schema, &error);
        wendi_alloc_refuse_at(-1);
        assert_true(status == WEND_OK ? schema != NULL : schema == NULL);
        if (status != WEND_OK && status != WEND_NOMEM) {
            fail_msg("after %d calls: %s", (int)calls, error.message);
        }
        wendi_schema_free(schema);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_schema_is_what_was_written),
        cmocka_unit_test(canonical_ddl_gives_an_equal_schema),
        cmocka_unit_test(canonical_ddl_reads_well),
        cmocka_unit_test(added_columns_keep_ids),
        cmocka_unit_test(rules_are_changed_and_nothing_that_is_stored),
        cmocka_unit_test(what_is_left_over_has_a_column),
        cmocka_unit_test(readers_see_the_id_as_it_is_stored),
        cmocka_unit_test(ids_must_fit),
        cmocka_unit_test(refusals_point_and_hint),
        cmocka_unit_test(bad_alters_point),
        cmocka_unit_test(refused_memory_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
