/*
 * What UNIQUE costs: making keys, the window while it grows and when every key that comes sends
 * another one away, and finding repeats that have left it: nothing for a stream, and what loading
 * old data again takes. One thread.
 *
 *   bench_unique [shared options]     --rows: keys of the window (10,000,000)
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/harness.h"
#include "engine/base/alloc.h"
#include "engine/expr/table_ddl.h"
#include "engine/table/row_key.h"
#include "engine/table/table_state.h"
#include "engine/table/unique_window.h"
#include "engine/table/writer.h"

enum { BLOCK = 4096, BATCH = 1 << 19, BATCHES = 6, USERS = 50000 };

/* ---- keys and window ---- */

typedef struct windowed {
    wendi_unique_window *window;
    wendi_hash128 *keys; /* of a block */
    uint8_t *keep;
    uint64_t window_keys;
    uint64_t next; /* number of the next key */
    uint64_t batch;
} windowed;

/* As many keys as a commit has, none of them seen before. */
static void take_batch(void *context)
{
    windowed *work = context;
    uint32_t duplicates;
    work->batch++;
    for (uint32_t first = 0; first < BATCH; first += BLOCK) {
        for (uint32_t i = 0; i < BLOCK; i++, work->next++) {
            work->keys[i] = (wendi_hash128){wendi_mix64(work->next), wendi_mix64(work->next ^ 99)};
        }
        memset(work->keep, 1, BLOCK);
        wendi_bench_must(wendi_unique_window_take(work->window, work->batch, work->keys, 1, BLOCK,
                                                  work->keep, &duplicates, NULL),
                         "the window", NULL);
        if (duplicates != 0) {
            wendi_bench_fail("a new key was taken for an old one");
        }
    }
    wendi_bench_must(
        wendi_unique_window_commit(work->window, work->batch, 1, work->batch, NULL), "a commit",
        NULL);
}

static void fill_window(void *context)
{
    windowed *work = context;
    wendi_unique_window_close(work->window);
    wendi_bench_must(wendi_unique_window_open(work->window_keys, &work->window, NULL), "the window",
                     NULL);
    for (uint64_t keys = 0; keys + BATCH <= work->window_keys; keys += BATCH) {
        take_batch(work);
    }
}

static void measure_window(wendi_bench *bench)
{
    windowed work = {.keys = wendi_alloc(BLOCK * sizeof *work.keys),
                     .keep = wendi_alloc(BLOCK),
                     .window_keys = bench->rows != 0 ? bench->rows
                                    : bench->quick   ? 1000000
                                                     : 10000000};
    wendi_bench_heading(bench, "The window of keys");
    wendi_bench_case growing = {
        "fill an empty window", fill_window, &work,
        (double)(work.window_keys / BATCH * BATCH), "keys", 0};
    wendi_bench_case full = {"a commit of 512 Ki new keys, the window full", take_batch, &work,
                             BATCH, "keys", 0};
    (void)wendi_bench_measure(bench, &growing);
    take_batch(&work);
    (void)wendi_bench_measure(bench, &full);
    wendi_bench_value(bench, "memory of a full window and the keys of a commit under way",
                      (double)wendi_unique_window_bytes(work.window) /
                          (double)wendi_unique_window_keys(work.window),
                      "bytes a key");
    wendi_unique_window_close(work.window);
    wendi_free(work.keys);
    wendi_free(work.keep);
}

/* ---- tables ---- */

typedef struct loading {
    char store[64];
    wendi_table *table;
    wendi_table_writer *writer;
    wendi_row_builder builder;
    wendi_hash128 *keys;
    uint8_t *keep;
    uint64_t number; /* of the next row; equal numbers are equal rows */
    uint64_t repeats;
    wend_error error;
} loading;

static void must(loading *work, wend_status status, const char *what)
{
    wendi_bench_must(status, what, &work->error);
}

/* Rows as they arrive: times rise, some thousand users are there at once. */
static void fill_rows(loading *work)
{
    wendi_row_builder *builder = &work->builder;
    wendi_row_builder_reset(builder);
    for (uint32_t i = 0; i < BATCH; i++, work->number++) {
        uint64_t mixed = wendi_mix64(work->number);
        char text[32];
        wendi_value id = {.type = wendi_type_of(WENDI_TYPE_UUID),
                          .b16 = {{mixed, wendi_mix64(mixed)}}};
        wendi_value user = {.type = wendi_type_of(WENDI_TYPE_TEXT)};
        wendi_value ts = {.type = wendi_type_of(WENDI_TYPE_TIMESTAMPTZ),
                          .i64 = (int64_t)(work->number * 1000 + mixed % 5000)};
        user.string = (wendi_string){
            text, (uint32_t)snprintf(text, sizeof text, "user-%llu",
                                     (unsigned long long)(mixed >> 20) % USERS)};
        must(work, wendi_row_builder_set(builder, 0, &id), "a row");
        must(work, wendi_row_builder_set(builder, 1, &user), "a row");
        must(work, wendi_row_builder_set(builder, 2, &ts), "a row");
        builder->partitions[builder->row_count++] = 0;
    }
}

static void make_keys(void *context)
{
    loading *work = context;
    for (uint32_t first = 0; first < BATCH; first += BLOCK) {
        must(work,
             wendi_row_builder_keys(&work->builder, first, BLOCK,
                                     work->keys + first, &work->error),
             "keys");
    }
}

/* Take in the builder's rows, without keys made of them. */
static void take_rows(loading *work)
{
    for (uint32_t first = 0; first < BATCH; first += BLOCK) {
        uint32_t duplicates;
        memset(work->keep, 1, BLOCK);
        must(work,
             wendi_table_writer_unique(work->writer, &work->builder, work->keys + first, BLOCK,
                                            work->keep, &duplicates, &work->error),
             "the window");
        if (duplicates != 0) {
            wendi_bench_fail("the window is larger than it was asked to be");
        }
    }
}

static void commit_rows(loading *work)
{
    wendi_pending_segment *pending = NULL;
    wendi_string topic = wendi_string_of("s");
    wendi_source_state source = {.topic = topic, .shown = topic};
    wendi_commit_request request = {
        .segments = &pending, .segment_count = 1, .sources = &source, .source_count = 1};
    uint32_t count;
    must(work, wendi_table_writer_flush(work->writer, &work->builder, &pending, &work->error),
         "a flush");
    const wendi_segment_repeats *repeats = wendi_pending_segment_repeats(pending, &count);
    work->repeats += count != 0 ? repeats[0].row_count : 0;
    must(work, wendi_table_writer_commit(work->writer, &request, &work->error), "a commit");
}

static void load(void *context)
{
    loading *work = context;
    make_keys(work);
    take_rows(work);
    commit_rows(work);
}

/* New rows, or the oldest again. */
static void load_new(void *context)
{
    fill_rows(context);
    load(context);
}

static void load_again(void *context)
{
    loading *work = context;
    uint64_t number = work->number;
    uint64_t repeats = work->repeats;
    work->number = number % 3 * BATCH; /* one of the oldest batches */
    fill_rows(work);
    load(work);
    work->number = number + 1;
    if (work->repeats != repeats + BATCH) {
        wendi_bench_fail("%llu repeats were not found", (unsigned long long)(repeats + BATCH - work->repeats));
    }
}

static void open_table(loading *work, uint64_t window)
{
    const char *parent = getenv("TMPDIR");
    wendi_schema *schema;
    char ddl[300];
    snprintf(work->store, sizeof work->store, "%.40s/wend-bench-XXXXXX",
             parent == NULL ? "/tmp" : parent);
    if (mkdtemp(work->store) == NULL) {
        wendi_bench_fail("no folder in %s", parent == NULL ? "/tmp" : parent);
    }
    snprintf(ddl, sizeof ddl,
             "CREATE TABLE t (id uuid UNIQUE, user_id text, ts timestamptz NOT NULL) WITH "
             "(user_column = 'user_id', time_column = 'ts', unique_window = %llu)",
             (unsigned long long)window);
    must(work, wendi_schema_parse(ddl, &schema, &work->error), "the schema");
    must(work, wendi_table_create(work->store, schema, &work->error), "the table");
    wendi_schema_free(schema);
    must(work, wendi_table_open(work->store, wendi_string_of("t"), &work->table, &work->error),
         "the table");
    must(work, wendi_table_writer_open(work->table, NULL, &work->writer, &work->error),
         "the writer");
    must(work,
         wendi_row_builder_init(&work->builder, wendi_table_writer_schema(work->writer), BATCH,
                                &work->error),
         "rows");
}

static void close_table(loading *work)
{
    wendi_row_builder_free(&work->builder);
    wendi_table_writer_close(work->writer);
    wendi_table_close(work->table);
    must(work, wendi_table_drop(work->store, wendi_string_of("t"), &work->error), "dropping");
    (void)remove(work->store);
}

static void measure_table(wendi_bench *bench)
{
    loading work = {.keys = wendi_alloc(BATCH * sizeof *work.keys), .keep = wendi_alloc(BLOCK)};
    open_table(&work, BATCH); /* a window of one commit: all others have left it */
    fill_rows(&work);
    wendi_bench_heading(bench, "Keys of rows");
    wendi_bench_case keys = {"UNIQUE on a uuid", make_keys, &work, BATCH, "rows", 0};
    (void)wendi_bench_measure(bench, &keys);
    work.number = 0; /* these were not stored */
    wendi_bench_heading(bench, "A table whose older commits have left the window");
    for (uint32_t i = 0; i < BATCHES; i++) {
        load_new(&work);
    }
    wendi_bench_case fresh = {"rows made, keys, window, flush, commit: new rows", load_new, &work,
                              BATCH, "rows", 0};
    wendi_bench_case again = {"the same: rows of old segments, all found", load_again, &work, BATCH,
                              "rows", 0};
    wendi_bench_case rows = {"of that: rows made", (void (*)(void *))fill_rows, &work, BATCH, "rows",
                             0};
    (void)wendi_bench_measure(bench, &fresh);
    work.number = BATCH * BATCHES;
    (void)wendi_bench_measure(bench, &again);
    (void)wendi_bench_measure(bench, &rows);
    close_table(&work);
    wendi_free(work.keys);
    wendi_free(work.keep);
}

int main(int argc, char **argv)
{
    wendi_bench bench;
    if (wendi_bench_open(&bench, "bench_unique", argc, argv) > 1) {
        wendi_bench_fail("usage: bench_unique [--rows N] [--runs N] [--json FILE]");
    }
    measure_window(&bench);
    measure_table(&bench);
    wendi_bench_close(&bench);
    return 0;
}
