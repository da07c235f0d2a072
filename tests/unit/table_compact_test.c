/*
 * Compaction against what the table was before: over random tables, commits, schema changes and
 * options, the rows put in order (user, time, order column, then the place in the table) are the
 * same before and after, value for value; files verify; the window of UNIQUE is the same key for
 * key; windows, hash ranges and many inputs come out as planned.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "engine/base/alloc.h"
#include "engine/column/vector_value.h"
#include "engine/expr/table_ddl.h"
#include "engine/table/compaction.h"
#include "engine/table/segment_columns.h"
#include "engine/table/table_state.h"
#include "engine/table/unique_window.h"
#include "engine/table/window_rebuild.h"
#include "tests/support/segment_fixture.h"
#include "tests/support/table_fixture.h"

static char store[64];
static wendi_table *table;
static wendi_table_writer *writer;
static wend_error error;

static void must(wend_status status)
{
    if (status != WEND_OK) {
        fail_msg("%s: %s (%s)", wend_status_name(status), error.message, error.hint);
    }
}

static int begin(void **state)
{
    (void)state;
    fixture_folder_make(store);
    table = NULL;
    writer = NULL;
    return 0;
}

static void close_all(void)
{
    wendi_table_writer_close(writer);
    wendi_table_close(table);
    writer = NULL;
    table = NULL;
}

static int end(void **state)
{
    (void)state;
    close_all();
    fixture_folder_remove(store);
    return 0;
}

static void open_all(void)
{
    must(wendi_table_open(store, wendi_string_of("t"), &table, &error));
    must(wendi_table_writer_open(table, NULL, &writer, &error));
}

/* ---- random tables ---- */

static const char *const ddls[] = {
    "CREATE TABLE t (id bigint UNIQUE, user_id text, ts timestamptz NOT NULL, page text, token "
    "text, "
    "amount numeric(12,2), score double precision, mark uuid, seq integer, flag boolean) "
    "WITH (user_column='user_id', time_column='ts')",
    "CREATE TABLE t (id bigint, user_id text, ts timestamptz NOT NULL, page text, token text, "
    "amount numeric(12,2), score double precision, mark uuid, seq integer, flag boolean) "
    "WITH (user_column='user_id', time_column='ts', order_column='seq')",
    "CREATE TABLE t (id bigint, user_id bigint, ts timestamptz NOT NULL, page text, token jsonb) "
    "WITH (user_column='user_id', time_column='ts', unique_rows=true)",
    "CREATE TABLE t (id bigint, user_id uuid, ts timestamptz NOT NULL, page text, token text, "
    "seq text) WITH (user_column='user_id', time_column='ts', order_column='token')",
    "CREATE TABLE t (id bigint, user_id double precision, ts timestamptz NOT NULL, page text) "
    "WITH (user_column='user_id', time_column='ts')",
    "CREATE TABLE t (id bigint UNIQUE, ts timestamptz NOT NULL, page text) "
    "WITH (time_column='ts')",
    "CREATE TABLE t (id bigint, user_id text, page text) WITH (user_column='user_id')",
    "CREATE TABLE t (id bigint, page text, token text)",
};
enum { DDL_COUNT = sizeof ddls / sizeof *ddls };

static const char *const alters[] = {
    "ALTER TABLE t ADD COLUMN source text DEFAULT 'web'",
    "ALTER TABLE t ADD COLUMN weight bigint",
    "ALTER TABLE t ADD COLUMN loud text GENERATED ALWAYS AS (upper(page)) STORED",
    "ALTER TABLE t ADD COLUMN twice bigint GENERATED ALWAYS AS (id * 2) STORED",
};

#define DAY_US (INT64_C(86400) * 1000000)

typedef struct shape { /* of the rows of one table */
    uint64_t random;
    int64_t next_id;
    uint64_t users;
    int64_t span_days;
    int64_t grain_us; /* coarse times make ties */
} shape;

static void fill_value(shape *of, const wendi_column *column, wendi_value *value, char text[64])
{
    uint64_t *random = &of->random;
    *value = (wendi_value){.type = column->type};
    wendi_string name = column->name;
    bool user = wendi_string_equal(name, wendi_string_of("user_id"));
    uint64_t number = user ? random_below(random, of->users) : random_below(random, 30);
    if (wendi_string_equal(name, wendi_string_of("id"))) {
        value->i64 = of->next_id++;
        return;
    }
    if (wendi_string_equal(name, wendi_string_of("ts"))) {
        int64_t times = of->span_days * DAY_US / of->grain_us;
        value->i64 = INT64_C(1767312000000000) +
                     (int64_t)random_below(random, (uint64_t)times) * of->grain_us;
        return;
    }
    value->null = random_below(random, 9) == 0;
    switch (wendi_type_physical(column->type)) {
    case WENDI_PHYSICAL_STRING:
        if (wendi_string_equal(name, wendi_string_of("token"))) {
            number = random_next(random) >> random_below(random, 60);
        }
        value->string = (wendi_string){
            text, (uint32_t)snprintf(
                      text, 64, column->type.kind == WENDI_TYPE_JSONB ? "{\"a\":%llu}" : "v-%llu",
                      (unsigned long long)number)};
        break;
    case WENDI_PHYSICAL_F64:
        value->f64 = number == 3 ? -0.0 : number == 4 ? 0.0 : (double)number / 4;
        break;
    case WENDI_PHYSICAL_B16:
        value->b16 = (wendi_b16){{number, 77}};
        break;
    default:
        value->i64 =
            column->type.kind == WENDI_TYPE_BOOLEAN ? (int64_t)(number % 2) : (int64_t)number;
    }
    if (value->null) {
        value->b16 = (wendi_b16){{0, 0}};
    }
}

/* Rows of one flush; generated columns as ingest would compute them. */
static wendi_pending_segment *flush_rows(shape *of, uint32_t count)
{
    const wendi_schema *schema = wendi_table_writer_schema(writer);
    wendi_row_builder builder = {0};
    wendi_pending_segment *pending;
    char text[64];
    must(wendi_row_builder_init(&builder, schema, count + 1, &error));
    for (uint32_t row = 0; row < count; row++) {
        wendi_string page = {"", 0};
        char page_text[64];
        int64_t id = of->next_id;
        for (uint32_t i = 0; i < schema->column_count; i++) {
            wendi_value value;
            fill_value(of, &schema->columns[i], &value, text);
            if (wendi_string_equal(schema->columns[i].name, wendi_string_of("page"))) {
                page = (wendi_string){page_text, value.null ? 0 : value.string.length};
                memcpy(page_text, text, sizeof text);
            } else if (wendi_string_equal(schema->columns[i].name, wendi_string_of("loud"))) {
                value.null = page.length == 0;
                page_text[0] = 'V';
                value.string = page;
            } else if (wendi_string_equal(schema->columns[i].name, wendi_string_of("twice"))) {
                value.null = false;
                value.i64 = id * 2;
            }
            must(wendi_row_builder_set(&builder, i, &value));
        }
        builder.partitions[builder.row_count++] = (uint32_t)random_below(&of->random, 2);
    }
    must(wendi_table_writer_flush(writer, &builder, &pending, &error));
    wendi_row_builder_free(&builder);
    return pending;
}

static void commit_rows(shape *of, uint32_t segments, uint32_t rows_max)
{
    wendi_pending_segment *pending[4];
    uint32_t count = 0;
    for (uint32_t i = 0; i < segments; i++) {
        pending[count] = flush_rows(of, 1 + (uint32_t)random_below(&of->random, rows_max));
        count += pending[count] != NULL;
    }
    wendi_commit_request request = {.segments = pending, .segment_count = count};
    must(wendi_table_writer_commit(writer, &request, &error));
}

/* ---- what a table says ---- */

typedef struct seen_row {
    bool null_user;
    uint64_t hash;
    wendi_value user;
    wendi_value time;
    wendi_value order;
    char *text; /* all values */
    uint32_t place;
} seen_row;

typedef struct seen_table {
    seen_row *rows;
    uint32_t count;
    wendi_arena arena;
} seen_table;

static void keep_value(seen_table *seen, wendi_value *value)
{
    if (!value->null && wendi_type_physical(value->type) == WENDI_PHYSICAL_STRING) {
        value->string.data =
            wendi_arena_copy(&seen->arena, value->string.data, value->string.length);
    }
}

static void see_rows(seen_table *seen, const wendi_schema *schema, const wendi_vector *vectors,
                     uint32_t count)
{
    wendi_buffer text = {0};
    for (uint32_t row = 0; row < count; row++) {
        seen_row *out = &seen->rows[seen->count];
        *out = (seen_row){.null_user = true, .place = seen->count++};
        text.length = 0;
        for (uint32_t i = 0; i < schema->column_count; i++) {
            wendi_value value = wendi_vector_value(&vectors[i], row);
            must(wendi_buffer_printf(&text, "%s|", value.null ? "NULL" : ""));
            must(wendi_value_format(&value, wendi_timezone_utc(), &text));
            if (i == schema->user_column) {
                out->user = value;
                out->null_user = value.null;
                out->hash = value.null ? 0 : wendi_value_hash(&value);
                keep_value(seen, &out->user);
            } else if (i == schema->time_column) {
                out->time = value;
            }
            if (i == schema->order_column) {
                out->order = value;
                keep_value(seen, &out->order);
            }
        }
        out->text = wendi_arena_copy(&seen->arena, (const char *)text.data, text.length);
    }
    wendi_buffer_free(&text);
}

static int compare_values(const wendi_value *a, const wendi_value *b)
{
    if (a->null || b->null) {
        return (int)a->null - (int)b->null;
    }
    return a->type.kind == 0 ? 0 : wendi_value_compare(a, b);
}

static int compare_seen(const void *left, const void *right)
{
    const seen_row *a = left;
    const seen_row *b = right;
    if (a->null_user != b->null_user) {
        return (int)a->null_user - (int)b->null_user;
    }
    if (a->hash != b->hash) {
        return a->hash < b->hash ? -1 : 1;
    }
    int order = a->null_user ? 0 : compare_values(&a->user, &b->user);
    order = order != 0 ? order : compare_values(&a->time, &b->time);
    order = order != 0 ? order : compare_values(&a->order, &b->order);
    return order != 0 ? order : (a->place > b->place) - (a->place < b->place);
}

/* Rows of each segment must come in order already. */
static void check_sorted(const seen_table *seen, uint32_t begin_row)
{
    for (uint32_t i = begin_row + 1; i < seen->count; i++) {
        assert_true(compare_seen(&seen->rows[i - 1], &seen->rows[i]) < 0);
    }
}

static seen_table see_table(wendi_snapshot *snapshot)
{
    const wendi_table_state *state = wendi_snapshot_state(snapshot);
    const wendi_schema *schema = wendi_snapshot_schema(snapshot);
    wendi_absent_columns absent;
    uint64_t total = 0;
    seen_table seen = {0};
    wendi_vector vectors[20];
    for (uint32_t i = 0; i < state->segment_count; i++) {
        total += state->segments[i].row_count;
    }
    seen.rows = calloc(total + 1, sizeof *seen.rows);
    must(wendi_absent_columns_open(schema, &absent, &error));
    for (uint32_t i = 0; i < state->segment_count; i++) {
        wendi_segment *segment;
        uint32_t begin_row = seen.count;
        must(wendi_snapshot_segment(snapshot, i, &segment, &error));
        for (uint32_t group = 0; group < wendi_segment_row_group_count(segment); group++) {
            wendi_segment_columns columns;
            uint32_t rows = wendi_segment_row_group(segment, group)->row_count;
            must(wendi_segment_columns_open(&absent, segment, group, &columns, &error));
            for (uint32_t first = 0; first < rows; first += WENDI_VECTOR_ROWS) {
                uint32_t count =
                    rows - first < WENDI_VECTOR_ROWS ? rows - first : WENDI_VECTOR_ROWS;
                /* Generated vectors live until the next generated one: two are read one by one. */
                wendi_segment_columns more;
                must(wendi_segment_columns_open(&absent, segment, group, &more, &error));
                for (uint32_t c = 0; c < schema->column_count; c++) {
                    bool second =
                        wendi_string_equal(schema->columns[c].name, wendi_string_of("twice"));
                    must(wendi_segment_columns_read(second ? &more : &columns, c, first, count,
                                                    &vectors[c], &error));
                }
                see_rows(&seen, schema, vectors, count);
                wendi_segment_columns_close(&more);
            }
            wendi_segment_columns_close(&columns);
        }
        check_sorted(&seen, begin_row);
    }
    wendi_absent_columns_close(&absent);
    qsort(seen.rows, seen.count, sizeof *seen.rows, compare_seen);
    return seen;
}

static void free_seen(seen_table *seen)
{
    free(seen->rows);
    wendi_arena_free(&seen->arena);
}

static void check_same(const seen_table *before, const seen_table *after)
{
    assert_int_equal(before->count, after->count);
    for (uint32_t i = 0; i < before->count; i++) {
        if (strcmp(before->rows[i].text, after->rows[i].text) != 0) {
            fail_msg("row %u of %u: %s became %s", i, before->count, before->rows[i].text,
                     after->rows[i].text);
        }
    }
}

/* ---- the window ---- */

enum { WINDOW_VERSIONS = 4096 };

/* How the window of at most `keys_max` keys looks when it is read back: its size and reach, and by
 * shrinking it, how many keys each commit brought. */
static void see_window(wendi_snapshot *snapshot, uint64_t keys_max, uint64_t *keys,
                       uint64_t *oldest)
{
    wendi_unique_window *window;
    must(wendi_unique_window_open(keys_max, &window, &error));
    must(wendi_window_rebuild(snapshot, window, &error));
    *keys = wendi_unique_window_keys(window);
    *oldest = wendi_unique_window_oldest(window);
    wendi_unique_window_close(window);
}

static wendi_snapshot *newest(void)
{
    wendi_snapshot *snapshot;
    must(wendi_table_snapshot(table, &snapshot, &error));
    return snapshot;
}

/* What steps of all tables came to: a test that never met one of these would prove little. */
static struct {
    uint32_t steps;
    uint32_t partial;
    uint32_t finished;
    uint32_t mixed;
    uint32_t ranges;
    uint32_t windows;
} met;

static void count_step(void *context, const wendi_compaction_result *result)
{
    (void)context;
    met.steps++;
    met.partial += result->plan->partial;
    for (uint32_t i = 0; i < result->output_count; i++) {
        met.finished += result->outputs[i].level == WENDI_LEVEL_FINISHED;
        met.mixed += result->outputs[i].level == WENDI_LEVEL_MERGED;
    }
    for (uint32_t i = 0; i < result->step->job_count; i++) {
        const wendi_compaction_job *job = &result->plan->jobs[result->step->first_job + i];
        met.ranges += job->hash_begin != 0;
        met.windows += job->time_begin != INT64_MIN;
    }
}

/* Compact with random options and compare. */
static void compact_and_compare(shape *of, bool reopen)
{
    static const uint64_t windows[] = {1, 7, 40, 200, 1000, 100000};
    enum { WINDOWS = sizeof windows / sizeof *windows };
    uint64_t keys[WINDOWS];
    uint64_t oldest[WINDOWS];
    uint64_t *random = &of->random;
    wendi_snapshot *snapshot = newest();
    wendi_compaction_options options = {
        .target_file_bytes =
            random_below(random, 2) == 0 ? 0 : 4096 * (1 + random_below(random, 30)),
        .memory_bytes = random_below(random, 3) == 0 ? (4 + random_below(random, 8)) << 20 : 0,
        .zstd_level = (int)random_below(random, 7),
        .all = random_below(random, 4) == 0,
        .window_rows_min = 1 + (uint32_t)random_below(random, 300),
        .row_group_rows =
            random_below(random, 2) == 0 ? 0 : 1 + (uint32_t)random_below(random, 500)};
    bool unique = wendi_snapshot_schema(snapshot)->unique_count != 0 ||
                  wendi_snapshot_schema(snapshot)->unique_rows;
    seen_table before = see_table(snapshot);
    for (uint32_t i = 0; unique && i < WINDOWS; i++) {
        see_window(snapshot, windows[i], &keys[i], &oldest[i]);
    }
    must(wendi_table_writer_compact(writer, &options, count_step, NULL, &error));
    if (reopen) {
        wendi_snapshot_release(snapshot);
        close_all();
        open_all();
        snapshot = newest();
    }
    wendi_snapshot *after_snapshot = newest();
    seen_table after = see_table(after_snapshot);
    check_same(&before, &after);
    for (uint32_t i = 0; unique && i < WINDOWS; i++) {
        uint64_t keys_after;
        uint64_t oldest_after;
        see_window(after_snapshot, windows[i], &keys_after, &oldest_after);
        assert_int_equal(keys_after, keys[i]);
        assert_int_equal(oldest_after, oldest[i]);
    }
    if (!reopen) { /* the snapshot from before still reads what it read */
        seen_table again = see_table(snapshot);
        check_same(&before, &again);
        free_seen(&again);
    }
    free_seen(&before);
    free_seen(&after);
    wendi_snapshot_release(snapshot);
    wendi_snapshot_release(after_snapshot);
    fixture_verify(store);
}

static void random_tables_say_the_same(void **state)
{
    (void)state;
    for (uint32_t round = 0; round < 160; round++) {
        char folder[64];
        shape of = {.random = 1000 + round};
        of.users = 1 + random_below(&of.random, 60);
        of.span_days = 1 + (int64_t)random_below(&of.random, 40);
        of.grain_us = random_below(&of.random, 2) == 0 ? DAY_US / 4 : 1000;
        memcpy(folder, store, sizeof folder);
        fixture_folder_make(store);
        fixture_create(store, ddls[round % DDL_COUNT]);
        open_all();
        uint32_t phases = 1 + (uint32_t)random_below(&of.random, 4);
        for (uint32_t phase = 0; phase < phases; phase++) {
            uint32_t commits = 1 + (uint32_t)random_below(&of.random, 12);
            for (uint32_t i = 0; i < commits; i++) {
                commit_rows(&of, 1 + (uint32_t)random_below(&of.random, 3),
                            1 + (uint32_t)random_below(&of.random, 120));
            }
            if (random_below(&of.random, 3) == 0) {
                wendi_string sql = wendi_string_of(
                    alters[random_below(&of.random, sizeof alters / sizeof *alters)]);
                wend_status altered = wendi_table_writer_alter(writer, sql, &error);
                assert_true(altered == WEND_OK || altered == WEND_EXISTS);
            }
            compact_and_compare(&of, random_below(&of.random, 2) == 0);
        }
        close_all();
        fixture_folder_remove(store);
        memcpy(store, folder, sizeof folder);
    }
    assert_true(met.steps > 100 && met.partial > 10 && met.finished > 100 && met.mixed > 20 &&
                met.ranges > 50 && met.windows > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(random_tables_say_the_same, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
