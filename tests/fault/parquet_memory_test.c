/*
 * What if memory is refused at the n-th call of an export? Every call is refused once, from a
 * stream with dictionaries, strings, nulls and decimals, into a file, a directory and Hive folders:
 * each time the answer is WEND_NOMEM, the target is what it was and (under ASan) nothing leaks.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tools/parquet_export/parquet_export.h"
#include "tools/parquet_export/parquet_memory.h"

#define ROWS 64
#define BATCHES 3
#define COLUMNS 4

/* One fixed batch, handed out again and again; nothing of it is ever allocated. */
static int32_t code_values[ROWS];
static int32_t entry_offsets[5] = {0, 4, 9, 9, 12};
static int32_t text_offsets[ROWS + 1];
static char text_bytes[ROWS * 8];
static uint8_t valid_bits[ROWS / 8];
static int64_t number_values[ROWS];
static __int128 decimal_values[ROWS];

static const void *code_buffers[] = {valid_bits, code_values};
static const void *entry_buffers[] = {NULL, entry_offsets, "viewclickbuy"};
static const void *text_buffers[] = {NULL, text_offsets, text_bytes};
static const void *number_buffers[] = {NULL, number_values};
static const void *decimal_buffers[] = {valid_bits, decimal_values};
static const void *no_buffers[] = {NULL};

static struct ArrowArray entries = {.length = 4, .n_buffers = 3, .buffers = entry_buffers};
static struct ArrowArray column_arrays[COLUMNS] = {
    {.length = ROWS,
     .null_count = -1,
     .n_buffers = 2,
     .buffers = code_buffers,
     .dictionary = &entries},
    {.length = ROWS, .n_buffers = 3, .buffers = text_buffers},
    {.length = ROWS, .n_buffers = 2, .buffers = number_buffers},
    {.length = ROWS, .null_count = -1, .n_buffers = 2, .buffers = decimal_buffers},
};
static struct ArrowArray *column_array_list[COLUMNS] = {&column_arrays[0], &column_arrays[1],
                                                        &column_arrays[2], &column_arrays[3]};
static struct ArrowSchema entry_schema = {.format = "u", .name = ""};
static struct ArrowSchema column_schemas[COLUMNS] = {
    {.format = "i", .name = "kind", .flags = ARROW_FLAG_NULLABLE, .dictionary = &entry_schema},
    {.format = "u", .name = "text"},
    {.format = "tsu:UTC", .name = "ts"},
    {.format = "d:22,3", .name = "price", .flags = ARROW_FLAG_NULLABLE},
};
static struct ArrowSchema *column_schema_list[COLUMNS] = {&column_schemas[0], &column_schemas[1],
                                                          &column_schemas[2], &column_schemas[3]};

static int batches_given;
static int structs_held;

static void release_schema(struct ArrowSchema *schema)
{
    schema->release = NULL;
    structs_held--;
}

static void release_array(struct ArrowArray *array)
{
    array->release = NULL;
    structs_held--;
}

static int give_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out)
{
    (void)stream;
    *out = (struct ArrowSchema){.format = "+s",
                                .name = "",
                                .n_children = COLUMNS,
                                .children = column_schema_list,
                                .release = release_schema};
    structs_held++;
    return 0;
}

static int give_batch(struct ArrowArrayStream *stream, struct ArrowArray *out)
{
    (void)stream;
    *out = (struct ArrowArray){0};
    if (batches_given++ < BATCHES) {
        *out = (struct ArrowArray){.length = ROWS,
                                   .n_buffers = 1,
                                   .buffers = no_buffers,
                                   .n_children = COLUMNS,
                                   .children = column_array_list,
                                   .release = release_array};
        structs_held++;
    }
    return 0;
}

static const char *give_no_error(struct ArrowArrayStream *stream)
{
    (void)stream;
    return NULL;
}

static void release_stream(struct ArrowArrayStream *stream)
{
    stream->release = NULL;
}

static void fill_batch(void)
{
    for (int i = 0; i < ROWS; i++) {
        code_values[i] = i % 4;
        number_values[i] = 1767225600000000 + 1000 * i;
        decimal_values[i] = (__int128)i * 1000000007 * (i % 2 == 0 ? 1 : -1);
        text_offsets[i + 1] =
            text_offsets[i] + sprintf(text_bytes + text_offsets[i], "row%d", i % 37);
    }
    memset(valid_bits, 0xEF, sizeof(valid_bits));
}

static char folder[256];

static int entries_in(const char *path)
{
    DIR *dir = opendir(path);
    int count = 0;

    assert_non_null(dir);
    while (readdir(dir) != NULL) {
        count++;
    }
    (void)closedir(dir);
    return count - 2;
}

static wend_status run(const char *output, const char *const *by, size_t by_count,
                       wend_error *error)
{
    struct ArrowArrayStream stream = {.get_schema = give_schema,
                                      .get_next = give_batch,
                                      .get_last_error = give_no_error,
                                      .release = release_stream};
    parquet_export_options options;
    parquet_export_stats stats;
    wend_status status;

    batches_given = 0;
    structs_held = 0;
    parquet_export_options_init(&options);
    options.output = output;
    options.row_group_rows = 100;
    options.page_rows = 20;
    options.partition_by = by;
    options.partition_by_count = by_count;
    status = parquet_export(&stream, &options, &stats, error);
    if (status == WEND_OK) {
        assert_int_equal(stats.row_count, ROWS * BATCHES);
    }
    stream.release(&stream);
    assert_int_equal(structs_held, 0);
    return status;
}

/* Refuse the first call, then the second, and so on until one export needs no more. */
static int refuse_each_call(const char *output, const char *const *by, size_t by_count, int before)
{
    int64_t calls = 0;
    wend_status status;

    do {
        wend_error error;

        parquet_alloc_refuse_at(calls);
        status = run(output, by, by_count, &error);
        parquet_alloc_refuse_at(-1);
        if (status != WEND_OK) {
            assert_int_equal(status, WEND_NOMEM);
            assert_int_equal(error.status, WEND_NOMEM);
            assert_true(strlen(error.message) > 0);
            assert_int_equal(entries_in(folder), before); /* neither target nor temporary */
        }
        calls++;
    } while (status != WEND_OK && calls < 100000);
    assert_int_equal(status, WEND_OK);
    assert_int_equal(entries_in(folder), before + 1);
    return (int)calls;
}

static void test_every_call_refused(void **state)
{
    static const char *const by[] = {"kind"};
    char path[512];

    (void)state;
    (void)snprintf(path, sizeof(path), "%s/out.parquet", folder);
    assert_true(refuse_each_call(path, NULL, 0, 0) > 100);
    (void)snprintf(path, sizeof(path), "%s/parts/", folder);
    assert_true(refuse_each_call(path, NULL, 0, 1) > 100);
    (void)snprintf(path, sizeof(path), "%s/hive", folder);
    assert_true(refuse_each_call(path, by, 1, 2) > 100);
    assert_int_equal(entries_in(path),
                     1 + 4); /* the listing; three kinds, and null with the empty */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_call_refused)};
    const char *base = getenv("TMPDIR");
    char command[512];
    int failed;

    (void)snprintf(folder, sizeof(folder), "%s/wend-parquet-XXXXXX", base == NULL ? "/tmp" : base);
    if (mkdtemp(folder) == NULL) {
        return 1;
    }
    fill_batch();
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    (void)snprintf(command, sizeof(command), "rm -r '%s'", folder);
    return system(command) != 0 || failed;
}
