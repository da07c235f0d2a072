/*
 * Deduplication as a whole against a list of all rows: the window, and beyond it repeats found by
 * user and time. Random histories under every kind of UNIQUE and event_id, with ties of users and
 * times, nulls of all kinds, old data loaded again, rows of the next commit taken in before one is
 * written, flushes that commit together, restarts, crashes and compaction in between.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/table/compaction.h"
#include "engine/table/row_key.h"
#include "engine/table/table_state.h"
#include "format/segment_reader.h"
#include "tests/support/segment_fixture.h"
#include "tests/support/table_fixture.h"

enum { BLOCK_MAX = 40, SLOTS = 4096, STORED_MAX = 20000, OPEN_MAX = 2048, RULES_MAX = 2, PARTS = 5 };

typedef struct event {
    int64_t n;  /* of its arrival; with unique_rows of the event */
    int64_t id; /* -1: null, and so for the others but the time */
    int64_t user;
    int64_t time;
    int64_t a;
    int64_t b;
} event;

/* A table's kind, and how the keys of its rows come about. */
typedef struct kind {
    const char *columns;
    const char *options;
    uint32_t rules;
    bool pairs;      /* the second rule: UNIQUE (a, b) */
    bool whole_rows; /* unique_rows */
    bool no_users;
    bool forgets; /* event_id = 'drop': repeats beyond the window are stored */
} kind;

static const kind kinds[] = {
    {"id text UNIQUE, user_id text", "user_column = 'user_id'", 1, false, false, false, false},
    {"id uuid UNIQUE, user_id bigint", "user_column = 'user_id'", 1, false, false, false, false},
    {"id bigint UNIQUE, user_id text", "", 1, false, false, true, false},
    {"id text UNIQUE, user_id double precision", "user_column = 'user_id'", 1, false, false, false,
     false},
    {"id text UNIQUE, user_id text, UNIQUE (a, b)", "user_column = 'user_id'", 2, true, false,
     false, false},
    {"id text, user_id text", "user_column = 'user_id', unique_rows = true", 1, false, true, false,
     false},
    {"id text UNIQUE, user_id text", "user_column = 'user_id', event_id = 'hash'", 1, false, false,
     false, false},
    {"id uuid UNIQUE, user_id uuid", "user_column = 'user_id', event_id = 'hash'", 1, false, false,
     false, false},
    {"id text UNIQUE, user_id text", "user_column = 'user_id', event_id = 'drop'", 1, false, false,
     false, true},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

typedef struct taken_row {
    event of;
    uint32_t partition;
    bool refused[RULES_MAX]; /* another row was, for the sake of this key */
} taken_row;

typedef struct open_rows { /* of one builder */
    taken_row rows[OPEN_MAX];
    uint32_t count;
    bool flushed;
    wendi_pending_segment *pending;
} open_rows;

typedef struct stored_row {
    event of;
    uint64_t version;
} stored_row;

typedef struct history {
    const kind *of;
    char store[64];
    wendi_table *table;
    wendi_table_writer *writer;
    wendi_row_builder builders[2];
    wendi_row_builder lanes[2];
    uint32_t slots[2]; /* used by lanes */
    bool laned;
    uint64_t users;
    open_rows open[2];
    uint32_t older; /* the builder that is committed first */
    stored_row stored[STORED_MAX];
    uint32_t stored_count;
    uint64_t window_first; /* the oldest commit whose keys the window holds */
    uint64_t window_keys;
    uint64_t merged;
    uint64_t random;
    int64_t arrivals;
} history;

static wend_error error;
static uint64_t repeats_met;

static void must(wend_status status)
{
    if (status != WEND_OK) {
        fail_msg("%s: %s (%s)", wend_status_name(status), error.message, error.hint);
    }
}

/* ---- events ---- */

static int64_t pick(uint64_t number, uint64_t salt, uint64_t limit, uint64_t null_in)
{
    uint64_t mixed = wendi_mix64(number * 31 + salt);
    return null_in != 0 && mixed % null_in == 0 ? -1 : (int64_t)(mixed / 64 % limit);
}

static event make_event(const history *self, int64_t number)
{
    event made = {.n = self->of->whole_rows ? number : self->arrivals,
                  .id = pick((uint64_t)number, 1, 900, 14),
                  .user = pick((uint64_t)number, 2, self->users, self->users == 1 ? 0 : 9),
                  .time = number / 12 + pick((uint64_t)number, 3, 3, 0),
                  .a = pick((uint64_t)number, 4, 25, 9),
                  .b = pick((uint64_t)number, 5, 40, 9)};
    return made;
}

/* A row's key under a rule as a number; 0: none. */
static int64_t key_of(const kind *of, const event *row, uint32_t rule)
{
    if (of->whole_rows) {
        return row->n + 1;
    }
    if (rule == 1) {
        return row->a < 0 || row->b < 0 ? 0 : row->a * 1000 + row->b + 1;
    }
    return row->id + 1;
}

static bool same_place(const kind *of, const event *a, const event *b)
{
    return a->time == b->time && (of->no_users || a->user == b->user);
}

static void set_value(wendi_row_builder *into, uint32_t column, int64_t number, const char *prefix)
{
    char text[40];
    wendi_value value = {.type = into->schema->columns[column].type, .null = number < 0};
    switch (wendi_type_physical(value.type)) {
    case WENDI_PHYSICAL_I64:
        value.i64 = number;
        break;
    case WENDI_PHYSICAL_F64:
        value.f64 = (double)number / 4;
        break;
    case WENDI_PHYSICAL_B16:
        value.b16 = (wendi_b16){{wendi_mix64((uint64_t)number), (uint64_t)number}};
        break;
    case WENDI_PHYSICAL_STRING:
        value.string = (wendi_string){
            text, (uint32_t)snprintf(text, sizeof text, "%s-%lld", prefix, (long long)number)};
        break;
    }
    must(wendi_row_builder_set(into, column, &value));
}

static void append_event(wendi_row_builder *into, const event *row, uint32_t partition)
{
    set_value(into, 0, row->n, "n");
    set_value(into, 1, row->id, "event");
    set_value(into, 2, row->user, "user");
    set_value(into, 3, row->time * 1000000, "t");
    set_value(into, 4, row->a, "a");
    set_value(into, 5, row->b, "b");
    into->partitions[into->row_count++] = partition;
}

/* ---- the naive answer ---- */

/* Is the key held by the window or by a row under way? Notes rows that others are refused for. */
static bool naive_held(history *self, const event *row)
{
    bool held = false;
    for (uint32_t rule = 0; rule < self->of->rules; rule++) {
        int64_t key = key_of(self->of, row, rule);
        for (uint32_t i = self->stored_count;
             key != 0 && i > 0 && self->stored[i - 1].version >= self->window_first; i--) {
            held |= key_of(self->of, &self->stored[i - 1].of, rule) == key;
        }
        for (uint32_t b = 0; key != 0 && b < 2; b++) {
            for (uint32_t i = 0; i < self->open[b].count; i++) {
                if (key_of(self->of, &self->open[b].rows[i].of, rule) == key) {
                    self->open[b].rows[i].refused[rule] = true;
                    held = true;
                }
            }
        }
    }
    return held;
}

/* Does a stored row have the row's user, time and a key? */
static bool naive_repeat(const history *self, const taken_row *row)
{
    bool any = false;
    bool needed = false;
    for (uint32_t rule = 0; rule < self->of->rules; rule++) {
        int64_t key = key_of(self->of, &row->of, rule);
        bool found = false;
        for (uint32_t i = 0; key != 0 && !self->of->forgets && i < self->stored_count; i++) {
            found |= key_of(self->of, &self->stored[i].of, rule) == key &&
                     same_place(self->of, &self->stored[i].of, &row->of);
        }
        any |= found;
        needed |= key != 0 && !found && row->refused[rule];
    }
    return any && !needed;
}

static uint64_t keys_in(const kind *of, const event *row)
{
    uint64_t count = 0;
    for (uint32_t rule = 0; rule < of->rules; rule++) {
        count += key_of(of, row, rule) != 0;
    }
    return count;
}

/* The window holds the newest commits whose keys fit. */
static void naive_window(history *self)
{
    uint64_t keys = 0;
    uint64_t first = UINT64_MAX;
    for (uint32_t end = self->stored_count; end > 0;) {
        uint64_t version = self->stored[end - 1].version;
        uint64_t more = 0;
        while (end > 0 && self->stored[end - 1].version == version) {
            more += keys_in(self->of, &self->stored[--end].of);
        }
        if (keys != 0 && keys + more > self->window_keys) {
            break;
        }
        keys += more;
        first = version;
    }
    self->window_first = first;
}

/* ---- the table ---- */

static void open_history(history *self)
{
    must(wendi_table_open(self->store, wendi_string_of("t"), &self->table, &error));
    must(wendi_table_writer_open(self->table, NULL, &self->writer, &error));
    for (int i = 0; i < 2; i++) {
        must(wendi_row_builder_init(&self->builders[i], wendi_table_writer_schema(self->writer),
                                    SLOTS, &error));
        if (self->laned) {
            must(wendi_row_builder_lane(&self->builders[i], &self->lanes[i], &error));
        }
        self->slots[i] = 0;
        self->open[i].count = 0;
        self->open[i].flushed = false;
    }
    self->merged = 0;
}

static void close_history(history *self)
{
    for (int i = 0; i < 2; i++) {
        if (self->laned) {
            wendi_row_builder_free(&self->lanes[i]);
        }
        wendi_row_builder_free(&self->builders[i]);
    }
    wendi_table_writer_close(self->writer);
    wendi_table_close(self->table);
}

/* A block of events into builder `b`: some newer than all, some of old data in its order, some any. */
static void take_block(history *self, uint32_t b, int64_t newest)
{
    wendi_row_builder *builder = &self->builders[b];
    wendi_row_builder *into = self->laned ? &self->lanes[b] : builder;
    uint32_t count = 1 + (uint32_t)random_below(&self->random, BLOCK_MAX);
    uint32_t first = self->laned ? self->slots[b] : builder->row_count;
    uint8_t keep[BLOCK_MAX];
    event rows[BLOCK_MAX];
    uint32_t partitions[BLOCK_MAX];
    wendi_hash128 keys[BLOCK_MAX * RULES_MAX];
    uint32_t duplicates;
    uint32_t expected = 0;
    int64_t from = (int64_t)random_below(&self->random, (uint64_t)newest + 1);
    bool again = random_below(&self->random, 3) == 0;
    if (self->laned) {
        wendi_row_lane_begin(into, first, count);
    }
    for (uint32_t i = 0; i < count; i++) {
        bool any = random_below(&self->random, 6) == 0;
        int64_t number = any ? (int64_t)random_below(&self->random, (uint64_t)newest + 1)
                             : (again ? from : newest) + i;
        self->arrivals++;
        rows[i] = make_event(self, number);
        partitions[i] = (uint32_t)random_below(&self->random, PARTS);
        append_event(into, &rows[i], partitions[i]);
        keep[i] = random_below(&self->random, 15) != 0;
    }
    assert_int_equal(wendi_row_key_rules(wendi_table_writer_schema(self->writer)), self->of->rules);
    must(wendi_row_builder_keys(into, first, count, keys, &error));
    uint8_t asked[BLOCK_MAX];
    memcpy(asked, keep, count);
    must(wendi_table_writer_unique(self->writer, builder, keys, count, keep, &duplicates,
                                        &error));
    for (uint32_t i = 0; i < count; i++) {
        bool held = asked[i] && naive_held(self, &rows[i]);
        assert_int_equal(keep[i], asked[i] && !held);
        expected += held;
        if (keep[i]) {
            self->open[b].rows[self->open[b].count++] =
                (taken_row){.of = rows[i], .partition = partitions[i]};
        }
    }
    assert_int_equal(duplicates, expected);
    wendi_row_builder_keep(into, first, keep);
    if (self->laned) {
        must(wendi_row_builder_strip(
            builder, (wendi_row_strip){.first = first, .count = into->row_count - first}, &error));
        self->slots[b] += count;
    }
}

/* What the flush must leave out goes from the list of rows; counted by partition. */
static void flush_rows(history *self, uint32_t b)
{
    open_rows *open = &self->open[b];
    uint32_t left_out[PARTS] = {0};
    bool drop[OPEN_MAX];
    uint32_t kept = 0;
    uint32_t count = 0;
    for (uint32_t i = 0; i < open->count; i++) {
        drop[i] = naive_repeat(self, &open->rows[i]);
    }
    for (uint32_t i = 0; i < open->count; i++) {
        left_out[open->rows[i].partition] += drop[i];
        repeats_met += drop[i];
        if (!drop[i]) {
            open->rows[kept++] = open->rows[i];
        }
    }
    bool any = open->count != 0;
    open->count = kept;
    if (self->laned) {
        must(wendi_row_builder_unify(&self->builders[b], &self->lanes[b], 1, &error));
    }
    must(wendi_table_writer_flush(self->writer, &self->builders[b], &open->pending, &error));
    wendi_row_builder_reset(&self->builders[b]);
    self->slots[b] = 0;
    open->flushed = true;
    assert_int_equal(open->pending != NULL, any);
    if (any) {
        const wendi_segment_repeats *repeats = wendi_pending_segment_repeats(open->pending, &count);
        assert_int_equal(wendi_pending_segment_rows(open->pending), kept);
        assert_int_equal(repeats != NULL, count != 0);
        for (uint32_t i = 0; i < count; i++) {
            assert_true(i == 0 || repeats[i - 1].partition < repeats[i].partition);
            assert_int_equal(repeats[i].row_count, left_out[repeats[i].partition]);
            self->merged += repeats[i].row_count;
            left_out[repeats[i].partition] = 0;
        }
    }
    for (uint32_t part = 0; part < PARTS; part++) {
        assert_int_equal(left_out[part], 0);
    }
}

static void commit_rows(history *self, const uint32_t *builders, uint32_t count)
{
    wendi_string topic = wendi_string_of("s");
    const wendi_source_state *known =
        wendi_state_source(wendi_table_writer_state(self->writer), topic, 0);
    wendi_source_state source =
        known == NULL ? (wendi_source_state){.topic = topic, .shown = topic} : *known;
    wendi_pending_segment *segments[2];
    wendi_commit_request request = {.segments = segments, .sources = &source, .source_count = 1};
    source.next++;
    for (uint32_t i = 0; i < count; i++) {
        if (self->open[builders[i]].pending != NULL) {
            segments[request.segment_count++] = self->open[builders[i]].pending;
        }
    }
    must(wendi_table_writer_commit(self->writer, &request, &error));
    uint64_t version = wendi_table_writer_state(self->writer)->version;
    for (uint32_t i = 0; i < count; i++) {
        open_rows *open = &self->open[builders[i]];
        for (uint32_t row = 0; row < open->count; row++) {
            assert_true(self->stored_count < STORED_MAX);
            self->stored[self->stored_count++] = (stored_row){open->rows[row].of, version};
        }
        open->count = 0;
        open->flushed = false;
        open->pending = NULL;
    }
    naive_window(self);
}

/* The table's rows are those of the list. */
static void check_rows(history *self)
{
    wendi_snapshot *snapshot;
    uint64_t sums[3] = {0};
    uint64_t expected[3] = {0};
    must(wendi_table_snapshot(self->table, &snapshot, &error));
    const wendi_table_state *state = wendi_snapshot_state(snapshot);
    uint32_t id = wendi_snapshot_schema(snapshot)->columns[0].id;
    for (uint32_t i = 0; i < state->segment_count; i++) {
        wendi_segment *segment;
        must(wendi_snapshot_segment(snapshot, i, &segment, &error));
        assert_true(state->segments[i].row_count > 0);
        for (uint32_t group = 0; group < wendi_segment_row_group_count(segment); group++) {
            uint32_t rows = wendi_segment_row_group(segment, group)->row_count;
            wendi_chunk *chunk;
            wendi_vector vector;
            must(wendi_chunk_open(segment, group, wendi_segment_find_column(segment, id), &chunk,
                                  &error));
            must(wendi_chunk_read(chunk, 0, rows, &vector, &error));
            for (uint32_t row = 0; row < rows; row++) {
                uint64_t n = (uint64_t)vector.i64[wendi_vector_index(&vector, row)];
                sums[0]++;
                sums[1] += n;
                sums[2] += wendi_mix64(n);
            }
            wendi_chunk_close(chunk);
        }
    }
    for (uint32_t i = 0; i < self->stored_count; i++) {
        expected[0]++;
        expected[1] += (uint64_t)self->stored[i].of.n;
        expected[2] += wendi_mix64((uint64_t)self->stored[i].of.n);
    }
    assert_memory_equal(sums, expected, sizeof sums);
    wendi_snapshot_release(snapshot);
}

static void check_report(history *self)
{
    wendi_unique_report report = wendi_table_writer_unique_report(self->writer);
    uint64_t keys = 0;
    uint64_t oldest = 0;
    for (uint32_t i = self->stored_count;
         i > 0 && self->stored[i - 1].version >= self->window_first; i--) {
        uint64_t more = keys_in(self->of, &self->stored[i - 1].of);
        keys += more;
        oldest = more != 0 ? self->stored[i - 1].version : oldest;
    }
    for (uint32_t b = 0; b < 2; b++) {
        for (uint32_t i = 0; i < self->open[b].count; i++) {
            keys += keys_in(self->of, &self->open[b].rows[i].of);
        }
    }
    assert_int_equal(report.keys, keys);
    assert_int_equal(report.keys_max, self->window_keys);
    assert_int_equal(report.oldest_commit, oldest);
    assert_int_equal(report.oldest_us > 0, oldest != 0);
    assert_true(report.memory_bytes > 0);
}

static void compact(history *self)
{
    wendi_compaction_options options = {
        .target_file_bytes = random_below(&self->random, 2) == 0 ? 0 : 8192,
        .zstd_level = 1,
        .all = random_below(&self->random, 3) == 0,
        .window_rows_min = 1 + (uint32_t)random_below(&self->random, 200),
        .row_group_rows =
            random_below(&self->random, 2) == 0 ? 0 : 1 + (uint32_t)random_below(&self->random, 300)};
    must(wendi_table_writer_compact(self->writer, &options, NULL, NULL, &error));
}

/* Everything that was stored comes again: nothing is stored. */
static void load_again(history *self)
{
    uint32_t stored = self->stored_count;
    for (uint32_t first = 0; first < stored && !self->of->forgets; first += BLOCK_MAX) {
        uint32_t count = stored - first < BLOCK_MAX ? stored - first : BLOCK_MAX;
        wendi_row_builder *builder = &self->builders[0];
        wendi_row_builder own;
        uint8_t keep[BLOCK_MAX];
        uint32_t duplicates;
        uint32_t keyless = 0;
        (void)builder;
        must(wendi_row_builder_init(&own, wendi_table_writer_schema(self->writer), BLOCK_MAX,
                                    &error));
        for (uint32_t i = 0; i < count; i++) {
            append_event(&own, &self->stored[first + i].of, 0);
            keep[i] = keys_in(self->of, &self->stored[first + i].of) != 0;
            keyless += keep[i] == 0;
        }
        wendi_row_builder_keep(&own, 0, keep); /* rows without a key are new each time */
        memset(keep, 1, sizeof keep);
        must(fixture_unique(self->writer, &own, 0, keep, &duplicates, &error));
        wendi_row_builder_keep(&own, 0, keep);
        must(wendi_table_writer_flush(self->writer, &own, &self->open[0].pending, &error));
        if (self->open[0].pending != NULL) {
            uint32_t partitions;
            const wendi_segment_repeats *repeats =
                wendi_pending_segment_repeats(self->open[0].pending, &partitions);
            assert_int_equal(wendi_pending_segment_rows(self->open[0].pending), 0);
            assert_int_equal(partitions, 1);
            assert_int_equal(repeats[0].row_count + duplicates + keyless, count);
            self->merged += repeats[0].row_count;
            commit_rows(self, &(uint32_t){0}, 1);
        } else {
            assert_int_equal(duplicates + keyless, count);
        }
        wendi_row_builder_free(&own);
    }
    assert_int_equal(self->stored_count, stored);
    assert_int_equal(wendi_table_writer_unique_report(self->writer).repeats_merged, self->merged);
    check_report(self);
    check_rows(self);
}

static void turn(history *self, int64_t newest)
{
    uint32_t older = self->older;
    uint32_t younger = 1 - older;
    for (uint64_t blocks = random_below(&self->random, 4); blocks > 0 && !self->open[older].flushed;
         blocks--) {
        take_block(self, older, newest);
    }
    if (random_below(&self->random, 2) == 0) { /* of the commit after */
        take_block(self, younger, newest);
    }
    check_report(self);
    flush_rows(self, older);
    if (random_below(&self->random, 2) == 0) {
        take_block(self, younger, newest);
    }
    if (random_below(&self->random, 4) == 0) { /* two flushes, one commit */
        flush_rows(self, younger);
        commit_rows(self, (const uint32_t[]){older, younger}, 2);
    } else {
        commit_rows(self, &older, 1);
        self->older = younger;
    }
    check_report(self);
}

static void live(uint32_t which, uint64_t seed, uint32_t turns)
{
    history *self = calloc(1, sizeof *self);
    char ddl[400];
    int64_t newest = 0;
    self->of = &kinds[which];
    self->random = seed;
    self->users = (const uint64_t[]){1, 6, 120}[random_below(&self->random, 3)];
    self->laned = random_below(&self->random, 2) == 0;
    self->window_keys = 1 + random_below(&self->random, random_below(&self->random, 2) ? 60 : 400);
    self->window_first = UINT64_MAX;
    fixture_folder_make(self->store);
    snprintf(ddl, sizeof ddl,
             "CREATE TABLE t (n bigint, %.*s, ts timestamptz NOT NULL, a integer, b text%s) WITH (time_column = "
             "'ts', %s%sunique_window = %llu)",
             (int)(strstr(self->of->columns, ", UNIQUE") != NULL
                       ? strstr(self->of->columns, ", UNIQUE") - self->of->columns
                       : (long)strlen(self->of->columns)),
             self->of->columns, self->of->pairs ? ", UNIQUE (a, b)" : "", self->of->options,
             self->of->options[0] != 0 ? ", " : "", (unsigned long long)self->window_keys);
    fixture_create(self->store, ddl);
    open_history(self);
    for (uint32_t i = 0; i < turns; i++) {
        newest += (int64_t)random_below(&self->random, 60);
        turn(self, newest);
        if (random_below(&self->random, 8) == 0) { /* what is under way is lost */
            close_history(self);
            open_history(self);
            check_report(self);
        }
        if (random_below(&self->random, 15) == 0) {
            compact(self);
            check_rows(self);
        }
    }
    check_rows(self);
    close_history(self);
    open_history(self);
    load_again(self);
    compact(self);
    load_again(self);
    close_history(self);
    fixture_verify(self->store);
    fixture_folder_remove(self->store);
    free(self);
}

static void random_histories_store_what_the_list_says(void **state)
{
    const char *rounds = getenv("WEND_TEST_ROUNDS");
    (void)state;
    for (uint32_t round = 0; round < (rounds != NULL ? (uint32_t)atoi(rounds) : 3); round++) {
        for (uint32_t which = 0; which < KINDS; which++) {
            live(which, 1000 * (round + 1) + which, 60);
        }
    }
    assert_true(repeats_met > 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_histories_store_what_the_list_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
