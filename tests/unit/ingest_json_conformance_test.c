/*
 * The JSONTestSuite (https://github.com/nst/JSONTestSuite): every y_ document is accepted, every n_ one
 * refused; i_ ones may go either way but must not hurt. Each document is also judged as the value of an
 * unknown key and inside a jsonb column, where the decoder must agree with the validator.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/base/alloc.h"
#include "ingest/json_decoder.h"
#include "tests/support/ingest_schema.h"

enum { PATH_BYTES = 4096 };

static char folder[] = "/tmp/wend-json-suite-XXXXXX";

static int unpack(void **state)
{
    const char *shared = getenv("WEND_TEST_SHARED");
    char command[PATH_BYTES];
    char archive[PATH_BYTES / 2];
    (void)state;
    snprintf(archive, sizeof archive, "%s/conformance/json-test-suite.tar.zst", shared != NULL ? shared : "../shared");
    if (access(archive, R_OK) != 0) {
        printf("skipped: no %s (set WEND_TEST_SHARED)\n", archive);
        exit(77);
    }
    assert_non_null(mkdtemp(folder));
    snprintf(command, sizeof command, "zstd -dqc '%s' | tar -x -C '%s'", archive, folder);
    if (system(command) != 0) {
        printf("skipped: zstd or tar are not to be had\n");
        exit(77);
    }
    return 0;
}

static int clean(void **state)
{
    char command[PATH_BYTES];
    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

static char *slurp(const char *path, size_t *length)
{
    FILE *file = fopen(path, "rb");
    struct stat info;
    assert_non_null(file);
    assert_int_equal(fstat(fileno(file), &info), 0);
    char *text = calloc(1, (size_t)info.st_size + WENDI_MESSAGE_PADDING);
    *length = fread(text, 1, (size_t)info.st_size, file);
    fclose(file);
    return text;
}

/* The document as the value of a key that a column takes raw, and of one that none takes. */
static bool decodes_inside(wendi_json_decoder *decoder, wendi_row_builder *builder, const char *key, const char *text,
                           size_t length)
{
    char *document = calloc(1, length + 64 + WENDI_MESSAGE_PADDING);
    int head = sprintf(document, "{\"%s\":", key);
    memcpy(document + head, text, length);
    document[(size_t)head + length] = '}';
    wendi_message message = {.payload = document, .length = (uint32_t)(head + 1) + (uint32_t)length};
    wendi_decode_outcome outcome;
    wendi_row_builder_reset(builder);
    assert_int_equal(wendi_json_decode(decoder, &message, NULL, builder, &outcome, NULL), WEND_OK);
    if (outcome == WENDI_DECODE_REJECTED) {
        assert_true(strlen(wendi_json_decoder_reject(decoder)->reason) > 5);
    }
    free(document);
    return outcome == WENDI_DECODE_ROW;
}

static void judge(const char *path, const char *name, int counts[3], wendi_json_decoder *decoder,
                  wendi_row_builder *builder)
{
    size_t length = 0;
    char *text = slurp(path, &length);
    size_t position = 0;
    wendi_json_fault fault = wendi_json_validate(text, length, &position);
    assert_true(position <= length);
    if (name[0] == 'y' && fault != WENDI_JSON_GOOD) {
        fail_msg("%s was refused: %s at %zu", name, wendi_json_fault_text(fault), position);
    }
    if (name[0] == 'n' && fault == WENDI_JSON_GOOD) {
        fail_msg("%s was accepted", name);
    }
    counts[name[0] == 'y' ? 0 : name[0] == 'n' ? 1 : 2]++;
    bool nested_too_deep = false; /* one level more when inside */
    for (size_t i = 0; i < length && name[0] != 'y'; i++) {
        nested_too_deep |= i > 60 && (text[i] == '[' || text[i] == '{');
    }
    bool closes_itself = name[0] == 'n' && memchr(text, '}', length) != NULL;
    if (!nested_too_deep && !closes_itself && fault != WENDI_JSON_EMPTY) {
        assert_int_equal(decodes_inside(decoder, builder, "raw", text, length), fault == WENDI_JSON_GOOD);
        assert_int_equal(decodes_inside(decoder, builder, "other", text, length), fault == WENDI_JSON_GOOD);
    }
    free(text);
}

static void test_suite(void **state)
{
    static const test_column columns[] = {{.name = "raw", .type = {.kind = WENDI_TYPE_JSONB}}};
    wendi_schema schema;
    wendi_json_decoder *decoder;
    wendi_row_builder builder;
    int counts[3] = {0, 0, 0};
    (void)state;
    test_schema_make(&schema, columns, 1);
    assert_int_equal(wendi_json_decoder_open(&schema, &decoder, NULL), WEND_OK);
    assert_int_equal(wendi_row_builder_init(&builder, &schema, 4, NULL), WEND_OK);

    char pattern[PATH_BYTES];
    char line[PATH_BYTES];
    snprintf(pattern, sizeof pattern, "find '%s' -name '[yni]_*.json' | sort", folder);
    FILE *list = popen(pattern, "r");
    assert_non_null(list);
    while (fgets(line, sizeof line, list) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        judge(line, strrchr(line, '/') + 1, counts, decoder, &builder);
    }
    pclose(list);
    printf("%d accepted, %d refused, %d either way\n", counts[0], counts[1], counts[2]);
    assert_int_equal(counts[0], 95);
    assert_int_equal(counts[1], 188);
    wendi_row_builder_free(&builder);
    wendi_json_decoder_close(decoder);
    wendi_arena_free(&schema.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_suite)};
    return cmocka_run_group_tests(tests, unpack, clean);
}
