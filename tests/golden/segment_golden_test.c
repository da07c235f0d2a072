/*
 * Segments written by earlier versions still read, and give what they gave: each tests/golden/segments/
 * <name>.wseg against <name>.txt. Files are never replaced; a change of the format adds new ones beside
 * them. Files that ask for what this version does not know are refused by name.
 *
 * WEND_GOLDEN_WRITE=<folder> writes today's files and texts there instead.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "engine/base/hash.h"
#include "format/footer.h"
#include "tests/support/segment_cases.h"

static void path_of(char *path, size_t bytes, const char *name, const char *suffix)
{
    const char *source = getenv("WEND_TEST_SOURCE");
    snprintf(path, bytes, "%s/tests/golden/segments/%s.%s", source != NULL ? source : ".", name, suffix);
}

static void read_whole(const char *path, wendi_buffer *bytes)
{
    FILE *file = fopen(path, "rb");
    char block[4096];
    size_t got;
    if (file == NULL) {
        fail_msg("%s is missing", path);
    }
    while ((got = fread(block, 1, sizeof block, file)) > 0) {
        assert_int_equal(wendi_buffer_append(bytes, block, got), WEND_OK);
    }
    fclose(file);
}

static void write_whole(const char *folder, const char *name, const char *suffix, const wendi_buffer *bytes)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s.%s", folder, name, suffix);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes->data, 1, bytes->length, file), bytes->length);
    fclose(file);
}

static void write_case(const segment_case *which, const char *folder)
{
    segment_bytes file = {.read_calls = 0};
    wendi_buffer text = {.length = 0};
    wend_error error;
    segment_case_write(which, &file);
    wendi_segment_source source = segment_bytes_source(&file);
    assert_int_equal(segment_dump(&source, &text, &error), WEND_OK);
    write_whole(folder, which->name, "wseg", &file.bytes);
    write_whole(folder, which->name, "txt", &text);
    wendi_buffer_free(&file.bytes);
    wendi_buffer_free(&text);
}

static void read_case(const segment_case *which)
{
    segment_bytes file = {.read_calls = 0};
    wendi_buffer expected = {.length = 0};
    wendi_buffer text = {.length = 0};
    wendi_segment_verified verified;
    wend_error error = {.message = ""};
    char path[1024];
    path_of(path, sizeof path, which->name, "wseg");
    read_whole(path, &file.bytes);
    path_of(path, sizeof path, which->name, "txt");
    read_whole(path, &expected);
    wendi_segment_source source = segment_bytes_source(&file);
    if (wendi_segment_verify(&source, NULL, NULL, NULL, &verified, &error) != WEND_OK) {
        fail_msg("%s: %s", which->name, error.message);
    }
    if (segment_dump(&source, &text, &error) != WEND_OK) {
        fail_msg("%s: %s", which->name, error.message);
    }
    assert_int_equal(text.length, expected.length);
    assert_memory_equal(text.data, expected.data, text.length);
    wendi_buffer_free(&file.bytes);
    wendi_buffer_free(&expected);
    wendi_buffer_free(&text);
}

static void old_files_read(void **state)
{
    (void)state;
    const char *folder = getenv("WEND_GOLDEN_WRITE");
    for (uint32_t i = 0; i < segment_case_count; i++) {
        if (folder != NULL) {
            write_case(&segment_cases[i], folder);
        } else {
            read_case(&segment_cases[i]);
        }
    }
}

/* Change a field of the footer and make all checksums hold again. */
static void restamp(segment_bytes *file)
{
    uint8_t *trailer = file->bytes.data + file->bytes.length - WENDI_TRAILER_BYTES;
    const uint8_t *footer = file->bytes.data + wendi_load_u64(trailer);
    wendi_store_u64(trailer + 16, wendi_hash64_seed(footer, wendi_load_u32(trailer + 8), wendi_footer_seed(trailer + 32)));
    wendi_store_u64(trailer + 48, wendi_hash64(trailer, 48));
}

static void unknown_features_are_refused_by_name(void **state)
{
    (void)state;
    segment_bytes file = {.read_calls = 0};
    wendi_segment *segment;
    wend_error error;
    segment_case_write(&segment_cases[1], &file);
    uint8_t *trailer = file.bytes.data + file.bytes.length - WENDI_TRAILER_BYTES;
    uint8_t *footer = file.bytes.data + wendi_load_u64(trailer);
    wendi_segment_source source = segment_bytes_source(&file);

    wendi_store_u64(footer + 80, UINT64_C(1) << 37);
    restamp(&file);
    assert_int_equal(wendi_segment_open(&source, NULL, &segment, &error), WEND_UNSUPPORTED);
    assert_non_null(strstr(error.message, "feature bit 37"));

    wendi_store_u64(footer + 80, 0);
    wendi_store_u64(footer + 88, UINT64_C(1) << 37); /* compatible: ignored */
    restamp(&file);
    assert_int_equal(wendi_segment_open(&source, NULL, &segment, &error), WEND_OK);
    wendi_segment_close(segment);

    wendi_store_u32(footer + 8, 2);
    restamp(&file);
    assert_int_equal(wendi_segment_open(&source, NULL, &segment, &error), WEND_UNSUPPORTED);
    assert_non_null(strstr(error.message, "version"));
    wendi_buffer_free(&file.bytes);
}

static void note_features(void *context, const wendi_segment_fault *fault)
{
    *(bool *)context = fault->status == WEND_CORRUPT && strstr(fault->message, "different features") != NULL;
}

/* Header and footer name the same features, which are all that are known. */
static void features_agree(void **state)
{
    (void)state;
    segment_bytes file = {.read_calls = 0};
    wendi_segment_verified verified;
    wend_error error;
    segment_case_write(&segment_cases[1], &file);
    wendi_segment_source source = segment_bytes_source(&file);
    const uint8_t *trailer = file.bytes.data + file.bytes.length - WENDI_TRAILER_BYTES;
    assert_int_equal(wendi_load_u64(file.bytes.data + 32), WENDI_FEATURES_KNOWN);
    assert_int_equal(wendi_load_u64(file.bytes.data + wendi_load_u64(trailer) + 80), WENDI_FEATURES_KNOWN);
    assert_int_equal(wendi_segment_verify(&source, NULL, NULL, NULL, &verified, &error), WEND_OK);

    wendi_store_u64(file.bytes.data + 32, WENDI_FEATURE_UUID4);
    wendi_store_u64(file.bytes.data + 56, wendi_hash64(file.bytes.data, 56));
    bool told = false;
    assert_int_equal(wendi_segment_verify(&source, NULL, note_features, &told, &verified, &error), WEND_CORRUPT);
    assert_true(told);
    wendi_buffer_free(&file.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(old_files_read),
        cmocka_unit_test(unknown_features_are_refused_by_name),
        cmocka_unit_test(features_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
