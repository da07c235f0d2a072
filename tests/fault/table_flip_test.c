/*
 * Every single byte of a table's files, damaged in turn: verify finds it and names the file; every
 * query gives what it gave before or fails as damaged, naming the file; with skip_corrupt it says
 * what it left out. All bytes of a small table, a sample of a larger one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <fcntl.h>

#include "engine/table/commit_log.h"
#include "engine/table/verify.h"
#include "ingest/rejects.h"
#include "tests/support/segment_fixture.h"
#include "tests/support/table_fixture.h"
#include "wend/wend.h"

enum { FILES_MAX = 32, QUERIES = 3, ANSWER_BYTES = 256 };

static const char *const queries[QUERIES] = {
    "select count(*) from t",
    "select sum(id), count(distinct user_id) from t",
    "select min(page), max(amount), min(ts) from t where page <> '/page/7'",
};

typedef struct answer {
    wend_status status;
    size_t note_count;
    char text[ANSWER_BYTES];
    wend_error error;
} answer;

typedef struct damaged_table {
    char store[64];
    char files[FILES_MAX][128]; /* within the table's folder */
    uint32_t file_count;
    answer before[QUERIES];
} damaged_table;

/* ---- asking -----------------------------------------------------------------------------------
 */

static void print_cell(const struct ArrowSchema *schema, const struct ArrowArray *array,
                       int64_t row, char *text)
{
    size_t used = strlen(text);
    char *at = text + used;
    size_t left = ANSWER_BYTES - used;
    const uint8_t *valid = array->buffers[0];
    row += array->offset;
    if (valid != NULL && array->null_count != 0 && (valid[row / 8] >> (row % 8) & 1) == 0) {
        snprintf(at, left, "null|");
    } else if (strcmp(schema->format, "u") == 0) {
        const int32_t *offsets = array->buffers[1];
        snprintf(at, left, "%.*s|", (int)(offsets[row + 1] - offsets[row]),
                 (const char *)array->buffers[2] + offsets[row]);
    } else if (schema->format[0] == 'd') {
        const uint64_t *words = (const uint64_t *)array->buffers[1] + 2 * row;
        snprintf(at, left, "%llx.%llx|", (unsigned long long)words[1],
                 (unsigned long long)words[0]);
    } else {
        assert_true(strcmp(schema->format, "l") == 0 || schema->format[0] == 't');
        snprintf(at, left, "%lld|", (long long)((const int64_t *)array->buffers[1])[row]);
    }
}

static wend_status drain(wend_query *query, char *text, wend_error *error)
{
    struct ArrowArrayStream stream;
    struct ArrowSchema schema;
    struct ArrowArray array;
    wend_status status = wend_query_stream(query, &stream, error);
    if (status != WEND_OK) {
        return status;
    }
    assert_int_equal(stream.get_schema(&stream, &schema), 0);
    while (status == WEND_OK) {
        if (stream.get_next(&stream, &array) != 0) {
            *error = *wend_query_error(query);
            status = error->status;
            break;
        }
        if (array.release == NULL) {
            break;
        }
        for (int64_t row = 0; row < array.length; row++) {
            for (int64_t column = 0; column < array.n_children; column++) {
                print_cell(schema.children[column], array.children[column], row, text);
            }
        }
        array.release(&array);
    }
    schema.release(&schema);
    stream.release(&stream);
    return status;
}

static void ask(const char *store_path, const char *sql, bool skip_corrupt, answer *to)
{
    wend_store *store = NULL;
    wend_query *query = NULL;
    wend_query_options options;
    memset(to, 0, sizeof *to);
    wend_query_options_init(&options);
    options.thread_count = 1;
    options.skip_corrupt = skip_corrupt;
    to->status = wend_store_open(store_path, false, &store, &to->error);
    if (to->status == WEND_OK) {
        to->status = wend_query_open(store, sql, &options, &query, &to->error);
    }
    if (to->status == WEND_OK) {
        to->status = drain(query, to->text, &to->error);
        to->note_count = wend_query_note_count(query);
    }
    wend_query_close(query);
    wend_store_close(store);
}

/* ---- tables -----------------------------------------------------------------------------------
 */

static void list_files(damaged_table *table)
{
    static const char *const parts[] = {"log", "seg", "rejects"};
    table->file_count = 0;
    for (size_t part = 0; part < sizeof parts / sizeof parts[0]; part++) {
        char folder[160];
        snprintf(folder, sizeof folder, "%s/t/%s", table->store, parts[part]);
        DIR *dir = opendir(folder);
        assert_non_null(dir);
        for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
            if (entry->d_name[0] != '.') {
                assert_true(table->file_count < FILES_MAX);
                snprintf(table->files[table->file_count++], sizeof table->files[0], "%s/%.100s",
                         parts[part], entry->d_name);
            }
        }
        closedir(dir);
    }
}

/* Two commits of `rows` events around a checkpoint, the older one with rejects, and the log before
 * it dropped as after its time. */
static void make_table(damaged_table *made, int64_t rows)
{
    wendi_table *table;
    wendi_table_writer *writer;
    wend_error error = {0};
    fixture_folder_make(made->store);
    fixture_create(made->store, TABLE_FIXTURE_DDL);
    assert_int_equal(wendi_table_open(made->store, wendi_string_of("t"), &table, NULL), WEND_OK);
    assert_int_equal(wendi_table_writer_open(table, NULL, &writer, NULL), WEND_OK);
    assert_int_equal(fixture_commit(writer, 0, rows, 3, &error), WEND_OK);
    wendi_commit_request nothing = {0};
    while (wendi_table_writer_state(writer)->version < 64) {
        assert_int_equal(wendi_table_writer_commit(writer, &nothing, NULL), WEND_OK);
    }
    assert_int_equal(fixture_commit(writer, rows, 2 * rows, 0, &error), WEND_OK);
    assert_int_equal(wendi_table_writer_commit(writer, &nothing, NULL), WEND_OK);
    wendi_table_writer_close(writer);
    wendi_table_close(table);
    fixture_shell(
        "cd '%s/t/log' && rm 000000000000000000[0-5]*.commit 0000000000000000006[0-2].commit",
        made->store);
    fixture_verify(made->store);
    list_files(made);
    for (int i = 0; i < QUERIES; i++) {
        ask(made->store, queries[i], false, &made->before[i]);
        if (made->before[i].status != WEND_OK) {
            fail_msg("%s: %s", queries[i], made->before[i].error.message);
        }
    }
}

/* ---- damage -----------------------------------------------------------------------------------
 */

typedef struct findings {
    const char *file;
    uint64_t at_file; /* faults that name the damaged file */
    uint64_t elsewhere;
} findings;

static void note_fault(void *context, const wendi_table_fault *fault)
{
    findings *found = context;
    *(strcmp(fault->path, found->file) == 0 ? &found->at_file : &found->elsewhere) += 1;
    assert_true(strlen(fault->message) > 8);
}

static void check_verify(const damaged_table *table, const char *file, uint64_t at)
{
    wendi_table_verified verified;
    findings found = {.file = file};
    wend_error error;
    wend_status status = wendi_table_verify(table->store, wendi_string_of("t"), note_fault, &found,
                                            &verified, &error);
    if (status != WEND_CORRUPT || found.at_file == 0) {
        fail_msg("verify does not find byte %llu of %s (%s)", (unsigned long long)at, file,
                 wend_status_name(status));
    }
    if (found.elsewhere != 0 &&
        strncmp(file, "log/", 4) != 0) { /* a broken chain may show at its next link too */
        fail_msg("verify blames other files for byte %llu of %s", (unsigned long long)at, file);
    }
}

static void check_query(const damaged_table *table, int number, const char *file, uint64_t at,
                        uint64_t *failures)
{
    answer now;
    ask(table->store, queries[number], false, &now);
    if (now.status == WEND_OK) {
        if (strcmp(now.text, table->before[number].text) != 0) {
            fail_msg("byte %llu of %s changed the answer of %s: %s", (unsigned long long)at, file,
                     queries[number], now.text);
        }
        return;
    }
    const char *name = strrchr(file, '/') + 1;
    if (now.status != WEND_CORRUPT || strstr(now.error.message, name) == NULL) {
        fail_msg("byte %llu of %s: %s: %s", (unsigned long long)at, file,
                 wend_status_name(now.status), now.error.message);
    }
    failures[number]++;
    if (strncmp(file, "seg/", 4) == 0) {
        ask(table->store, queries[number], true, &now);
        if (now.status != WEND_OK || now.note_count == 0) {
            fail_msg("byte %llu of %s with skip_corrupt: %s, %zu notes: %s", (unsigned long long)at,
                     file, wend_status_name(now.status), now.note_count, now.error.message);
        }
    }
}

static wend_status ignore_row(void *context, const wendi_reject_row *row)
{
    (void)row;
    ++*(uint64_t *)context;
    return WEND_OK;
}

static void check_rejects(const damaged_table *table, const char *file)
{
    wendi_table *opened;
    uint64_t rows = 0;
    wend_error error;
    assert_int_equal(wendi_table_open(table->store, wendi_string_of("t"), &opened, &error),
                     WEND_OK);
    assert_int_equal(wendi_rejects_read(opened, ignore_row, &rows, &error), WEND_CORRUPT);
    assert_int_equal(rows, 0);
    assert_non_null(strstr(error.message, strrchr(file, '/') + 1));
    wendi_table_close(opened);
}

/* Damage each `step`-th byte of a file (at random places within each step); asks one query a flip,
 * in turn. */
static uint64_t damage_file(const damaged_table *table, uint32_t index, uint64_t step,
                            uint64_t *random, uint64_t *failures)
{
    const char *file = table->files[index];
    char path[256];
    struct stat info;
    uint64_t flips = 0;
    snprintf(path, sizeof path, "%s/t/%s", table->store, file);
    int descriptor = open(path, O_RDWR);
    assert_true(descriptor >= 0);
    assert_int_equal(fstat(descriptor, &info), 0);
    for (uint64_t begin = 0; begin < (uint64_t)info.st_size; begin += step) {
        uint64_t at = begin + random_below(random, step);
        uint8_t byte, flipped;
        if (at >= (uint64_t)info.st_size) {
            break;
        }
        assert_int_equal(pread(descriptor, &byte, 1, (off_t)at), 1);
        flipped = byte ^ (uint8_t)(1 + random_below(random, 255));
        assert_int_equal(pwrite(descriptor, &flipped, 1, (off_t)at), 1);
        check_verify(table, file, at);
        if (strncmp(file, "rejects/", 8) == 0) {
            check_rejects(table, file);
        }
        check_query(table, (int)(flips % QUERIES), file, at, failures);
        assert_int_equal(pwrite(descriptor, &byte, 1, (off_t)at), 1);
        flips++;
    }
    close(descriptor);
    return flips;
}

static void damage_table(int64_t rows, uint64_t step, uint64_t log_step, uint64_t seed)
{
    damaged_table table;
    uint64_t random = seed;
    uint64_t flips = 0;
    uint64_t failures[QUERIES] = {0};
    make_table(&table, rows);
    for (uint32_t i = 0; i < table.file_count; i++) {
        flips += damage_file(&table, i, strncmp(table.files[i], "seg/", 4) == 0 ? step : log_step,
                             &random, failures);
    }
    fixture_verify(table.store); /* all is put back */
    for (int i = 0; i < QUERIES; i++) {
        answer after;
        ask(table.store, queries[i], false, &after);
        assert_string_equal(after.text, table.before[i].text);
        assert_true(failures[i] > 0 &&
                    failures[i] < flips / QUERIES); /* some read the byte, some do not */
    }
    print_message("%llu flips, failed queries: %llu, %llu, %llu\n", (unsigned long long)flips,
                  (unsigned long long)failures[0], (unsigned long long)failures[1],
                  (unsigned long long)failures[2]);
    fixture_folder_remove(table.store);
}

static void every_byte_of_a_small_table(void **state)
{
    (void)state;
    damage_table(60, 1, 1, 5);
}

static void sampled_bytes_of_a_larger_table(void **state)
{
    (void)state;
    damage_table(40000, 2001, 7, 6);
}

/* Files that are gone or cut short are damage too. */
static void missing_and_short_files_are_damage(void **state)
{
    damaged_table table;
    (void)state;
    make_table(&table, 60);
    for (uint32_t i = 0; i < table.file_count; i++) {
        wendi_table_verified verified;
        const char *file = table.files[i];
        findings found = {.file = file};
        wend_error error;
        bool old_log = strstr(file, "63.commit") != NULL || strstr(file, "64.") != NULL ||
                       strstr(file, "66.commit") != NULL;
        fixture_shell("cp '%s/t/%s' '%s/kept' && truncate -s -1 '%s/t/%s'", table.store, file,
                      table.store, table.store, file);
        check_verify(&table, file, 0);
        fixture_shell("rm '%s/t/%s'", table.store, file);
        wend_status status = wendi_table_verify(table.store, wendi_string_of("t"), note_fault,
                                                &found, &verified, &error);
        if (!old_log && (status != WEND_CORRUPT ||
                         found.at_file == 0)) { /* the log's two ends cannot be missed */
            fail_msg("verify does not miss %s", file);
        }
        fixture_shell("mv '%s/kept' '%s/t/%s'", table.store, table.store, file);
    }
    fixture_verify(table.store);
    fixture_folder_remove(table.store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_of_a_small_table),
        cmocka_unit_test(sampled_bytes_of_a_larger_table),
        cmocka_unit_test(missing_and_short_files_are_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
