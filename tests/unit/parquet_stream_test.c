/*
 * What of an Arrow stream is easy to get wrong and cannot be provoked from a well-behaved library:
 * a dictionary's memory that is used again for another dictionary, indices and lengths that break
 * Arrow's rules, errors that the stream itself reports.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tools/parquet_export/parquet_export.h"

#define ROWS 8
#define BATCHES_MAX 4

/* A stream of one dictionary column "kind"; what batch `i` holds is up to `prepare`. */
typedef struct test_stream {
    void (*prepare)(struct test_stream *stream, int batch);
    int batch_count;
    int given;
    int fail_at; /* the batch that get_next fails at; -1: none */
    int32_t codes[BATCHES_MAX][ROWS];
    uint8_t valid[BATCHES_MAX][1];
    int32_t offsets[3]; /* one place in memory for every dictionary */
    char bytes[64];
    int32_t other_offsets[3]; /* and another */
    struct ArrowArray dictionary[BATCHES_MAX];
    struct ArrowArray column[BATCHES_MAX];
    struct ArrowArray *children[BATCHES_MAX][1];
    const void *column_buffers[BATCHES_MAX][2];
    const void *dictionary_buffers[BATCHES_MAX][3];
    bool is_used_again; /* a released batch's dictionary gives way to other bytes */
} test_stream;

static const void *no_buffers[] = {NULL};

static void release_schema(struct ArrowSchema *schema)
{
    schema->release = NULL;
}

static int give_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out)
{
    static struct ArrowSchema value = {.format = "u"};
    static struct ArrowSchema column = {
        .format = "i", .name = "kind", .flags = ARROW_FLAG_NULLABLE, .dictionary = &value};
    static struct ArrowSchema *columns[] = {&column};

    (void)stream;
    *out = (struct ArrowSchema){
        .format = "+s", .n_children = 1, .children = columns, .release = release_schema};
    return 0;
}

static void release_batch(struct ArrowArray *array)
{
    test_stream *self = array->private_data;

    if (self->is_used_again) { /* The allocator hands the memory to the next dictionary. */
        memcpy(self->bytes, "gammadelta", 10);
    }
    array->release = NULL;
}

static int give_batch(struct ArrowArrayStream *stream, struct ArrowArray *out)
{
    test_stream *self = stream->private_data;
    int i = self->given;

    *out = (struct ArrowArray){0};
    if (i == self->fail_at) {
        return EINVAL;
    }
    if (i == self->batch_count) {
        return 0;
    }
    self->given++;
    self->valid[i][0] = 0xFF;
    self->dictionary_buffers[i][1] = self->offsets;
    self->dictionary_buffers[i][2] = self->bytes;
    self->dictionary[i] =
        (struct ArrowArray){.length = 2, .n_buffers = 3, .buffers = self->dictionary_buffers[i]};
    self->column_buffers[i][0] = self->valid[i];
    self->column_buffers[i][1] = self->codes[i];
    self->column[i] = (struct ArrowArray){.length = ROWS,
                                          .null_count = -1,
                                          .n_buffers = 2,
                                          .buffers = self->column_buffers[i],
                                          .dictionary = &self->dictionary[i]};
    self->children[i][0] = &self->column[i];
    for (int row = 0; row < ROWS; row++) {
        self->codes[i][row] = row % 2;
    }
    self->prepare(self, i);
    *out = (struct ArrowArray){.length = ROWS,
                               .n_buffers = 1,
                               .buffers = no_buffers,
                               .n_children = 1,
                               .children = self->children[i],
                               .release = release_batch,
                               .private_data = self};
    return 0;
}

static const char *give_error(struct ArrowArrayStream *stream)
{
    (void)stream;
    return "the scan met a bad page";
}

static wend_status run(test_stream *self, uint8_t *file, size_t *file_bytes, wend_error *error)
{
    struct ArrowArrayStream stream = {.get_schema = give_schema,
                                      .get_next = give_batch,
                                      .get_last_error = give_error,
                                      .private_data = self};
    parquet_export_options options;
    char folder[] = "/tmp/wend-stream-XXXXXX";
    char path[64];
    wend_status status;
    FILE *written;

    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/x.parquet", folder);
    memcpy(self->offsets, (int32_t[]){0, 5, 9}, sizeof(self->offsets));
    memcpy(self->bytes, "alphabeta", 9);
    parquet_export_options_init(&options);
    options.output = path;
    options.compression = PARQUET_COMPRESSION_NONE;
    status = parquet_export(&stream, &options, NULL, error);
    written = fopen(path, "rb");
    assert_true((written != NULL) == (status == WEND_OK));
    if (written != NULL) {
        *file_bytes = fread(file, 1, *file_bytes, written);
        (void)fclose(written);
        (void)unlink(path);
    }
    assert_int_equal(rmdir(folder), 0); /* nothing else is left */
    return status;
}

static size_t times(const uint8_t *file, size_t file_bytes, const char *text)
{
    size_t count = 0;
    const uint8_t *at = file;

    while ((at = memmem(at, (size_t)(file + file_bytes - at), text, strlen(text))) != NULL) {
        count++;
        at++;
    }
    return count;
}

/* Batch 1 is null throughout, so that no code of its dictionary (elsewhere) is looked at; then the
 * first one's memory is another dictionary's. */
static void prepare_reuse(test_stream *self, int batch)
{
    if (batch == 1) {
        self->valid[1][0] = 0;
        self->dictionary_buffers[1][1] = self->other_offsets;
        self->is_used_again = true;
    }
    if (batch == 2) {
        memcpy(self->bytes, "gammadelta", 10);
        memcpy(self->offsets, (int32_t[]){0, 5, 10}, sizeof(self->offsets));
    }
}

static void test_reused_memory_is_another_dictionary(void **state)
{
    test_stream stream = {.prepare = prepare_reuse, .batch_count = 3, .fail_at = -1};
    uint8_t file[4096];
    size_t file_bytes = sizeof(file);
    wend_error error;

    (void)state;
    assert_int_equal(run(&stream, file, &file_bytes, &error), WEND_OK);
    assert_true(times(file, file_bytes, "alpha") >= 1);
    assert_true(times(file, file_bytes, "beta") >= 1);
    assert_true(times(file, file_bytes, "gamma") >= 1);
    assert_true(times(file, file_bytes, "delta") >= 1);
}

static void prepare_bad_index(test_stream *self, int batch)
{
    self->codes[batch][3] = batch == 1 ? 2 : 0;
}

static void prepare_negative_index(test_stream *self, int batch)
{
    self->codes[batch][3] = -1;
}

static void prepare_hidden_bad_index(test_stream *self, int batch)
{
    self->codes[batch][3] = 1 << 30; /* Under a null, any bytes are allowed. */
    self->valid[batch][0] = 0xF7;
}

static void prepare_bad_offsets(test_stream *self, int batch)
{
    (void)batch;
    self->offsets[1] = 5;
    self->offsets[2] = 1;
}

static void prepare_short_column(test_stream *self, int batch)
{
    self->column[batch].length = ROWS - 1;
}

static void prepare_nothing(test_stream *self, int batch)
{
    (void)self;
    (void)batch;
}

static void expect(void (*prepare)(test_stream *, int), int fail_at, wend_status status,
                   const char *words)
{
    test_stream stream = {.prepare = prepare, .batch_count = 2, .fail_at = fail_at};
    uint8_t file[4096];
    size_t file_bytes = sizeof(file);
    wend_error error;

    assert_int_equal(run(&stream, file, &file_bytes, &error), status);
    assert_int_equal(error.status, status);
    if (strstr(error.message, words) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", error.message, words);
    }
}

static void test_broken_streams(void **state)
{
    (void)state;
    expect(prepare_bad_index, -1, WEND_CORRUPT,
           "column \"kind\", row 11: dictionary index 2 is outside the 2 entries");
    expect(prepare_negative_index, -1, WEND_CORRUPT, "row 3: dictionary index -1 is outside");
    expect(prepare_hidden_bad_index, -1, WEND_OK, "");
    expect(prepare_bad_offsets, -1, WEND_CORRUPT, "a string from byte 5 to byte 1");
    expect(prepare_short_column, -1, WEND_CORRUPT, "has 7 rows in a batch of 8");
    expect(prepare_nothing, 1, WEND_INVALID, "the scan met a bad page");
    expect(prepare_nothing, -1, WEND_OK, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reused_memory_is_another_dictionary),
        cmocka_unit_test(test_broken_streams),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
