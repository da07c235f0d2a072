/*
 * Records of the log as bytes: random ones come back equal, damaged ones are refused as damaged
 * whatever byte it is, and hostile content behind a good checksum is refused too.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "engine/base/hash.h"
#include "engine/table/commit_log.h"
#include "tests/support/record_cases.h"
#include "tests/support/segment_fixture.h"

enum { VERSION = 42, FIXED_BYTES = 68 };

static wend_status decode(const wendi_buffer *bytes, size_t length, wendi_record *record,
                          wendi_arena *arena, wend_error *error)
{
    uint64_t checksum;
    /* A copy of its own size, so that a sanitizer sees any read beyond. */
    uint8_t *exact = malloc(length + (length == 0));
    if (length != 0) {
        memcpy(exact, bytes->data, length);
    }
    wend_status status = wendi_record_decode(exact, length, WENDI_RECORD_COMMIT, VERSION, arena,
                                             record, &checksum, error);
    free(exact);
    return status;
}

static void random_records_come_back(void **state)
{
    uint64_t random = 1;
    (void)state;
    for (int round = 0; round < 2000; round++) {
        wendi_arena arena = {0};
        wendi_buffer bytes = {0};
        wendi_record back;
        uint64_t checksum, checksum_back;
        wendi_record_kind kind = round % 3 == 0 ? WENDI_RECORD_CHECKPOINT : WENDI_RECORD_COMMIT;
        uint64_t version = random_next(&random);
        wendi_record record = record_make(&arena, &random, kind, version);
        assert_int_equal(wendi_record_encode(&record, &bytes, &checksum), WEND_OK);
        assert_int_equal(wendi_record_decode(bytes.data, bytes.length, kind, version, &arena, &back,
                                             &checksum_back, NULL),
                         WEND_OK);
        assert_true(records_equal(&record, &back));
        assert_true(checksum == checksum_back);
        /* The name is part of what is checked: as another number or kind it is refused. */
        assert_int_equal(wendi_record_decode(bytes.data, bytes.length, kind, version + 1, &arena,
                                             &back, &checksum_back, NULL),
                         WEND_CORRUPT);
        assert_int_equal(wendi_record_decode(bytes.data, bytes.length,
                                             kind == WENDI_RECORD_COMMIT ? WENDI_RECORD_CHECKPOINT
                                                                         : WENDI_RECORD_COMMIT,
                                             version, &arena, &back, &checksum_back, NULL),
                         WEND_CORRUPT);
        wendi_buffer_free(&bytes);
        wendi_arena_free(&arena);
    }
}

static void any_flip_and_any_cut_is_found(void **state)
{
    uint64_t random = 2;
    (void)state;
    for (int round = 0; round < 20; round++) {
        wendi_arena arena = {0};
        wendi_buffer bytes = {0};
        uint64_t checksum;
        wendi_record back;
        wend_error error;
        wendi_record record = record_make(&arena, &random, WENDI_RECORD_COMMIT, VERSION);
        assert_int_equal(wendi_record_encode(&record, &bytes, &checksum), WEND_OK);
        for (size_t at = 0; at < bytes.length; at++) {
            uint8_t flip = (uint8_t)(1 + random_below(&random, 255));
            bytes.data[at] ^= flip;
            assert_int_equal(decode(&bytes, bytes.length, &back, &arena, &error), WEND_CORRUPT);
            bytes.data[at] ^= flip;
            assert_int_equal(decode(&bytes, at, &back, &arena, &error), WEND_CORRUPT);
        }
        assert_int_equal(wendi_buffer_append_zero(&bytes, 1), WEND_OK);
        assert_int_equal(decode(&bytes, bytes.length, &back, &arena, &error), WEND_CORRUPT);
        wendi_buffer_free(&bytes);
        wendi_arena_free(&arena);
    }
}

/* Put a good checksum behind whatever the bytes say now. */
static void seal(wendi_buffer *bytes)
{
    size_t covered = bytes->length - 8;
    wendi_store_u64(bytes->data + covered, wendi_hash64_seed(bytes->data, covered, VERSION));
}

static void hostile_content_behind_a_good_checksum_is_refused(void **state)
{
    uint64_t random = 3;
    (void)state;
    for (int round = 0; round < 60; round++) {
        wendi_arena arena = {0};
        wendi_buffer bytes = {0};
        uint64_t checksum;
        wendi_record back;
        wend_error error;
        wendi_record record = record_make(&arena, &random, WENDI_RECORD_COMMIT, VERSION);
        assert_int_equal(wendi_record_encode(&record, &bytes, &checksum), WEND_OK);
        for (size_t at = 0; at < bytes.length - 8; at++) {
            uint8_t before = bytes.data[at];
            bytes.data[at] = (uint8_t)random_next(&random);
            seal(&bytes);
            wend_status status = decode(&bytes, bytes.length, &back, &arena, &error);
            assert_true(status == WEND_OK || status == WEND_CORRUPT || status == WEND_UNSUPPORTED);
            if (status == WEND_OK) { /* then it says something, and that comes back again */
                wendi_buffer again = {0};
                assert_int_equal(wendi_record_encode(&back, &again, &checksum), WEND_OK);
                wendi_buffer_free(&again);
            }
            bytes.data[at] = before;
        }
        wendi_buffer_free(&bytes);
        wendi_arena_free(&arena);
    }
}

static void fixed_part(wendi_buffer *bytes, uint32_t format, uint32_t kind)
{
    assert_int_equal(wendi_buffer_append(bytes, "UWENDLOG", 8), WEND_OK);
    assert_int_equal(wendi_buffer_u32(bytes, format), WEND_OK);
    assert_int_equal(wendi_buffer_u32(bytes, kind), WEND_OK);
    assert_int_equal(wendi_buffer_u64(bytes, VERSION), WEND_OK);
    assert_int_equal(wendi_buffer_append_zero(bytes, FIXED_BYTES - 24), WEND_OK);
}

static wend_status decode_sealed(wendi_buffer *bytes, wend_error *error)
{
    wendi_arena arena = {0};
    wendi_record record;
    assert_int_equal(wendi_buffer_append_zero(bytes, 8), WEND_OK);
    seal(bytes);
    wend_status status = decode(bytes, bytes->length, &record, &arena, error);
    wendi_arena_free(&arena);
    wendi_buffer_free(bytes);
    return status;
}

static void what_a_newer_version_writes_is_unsupported(void **state)
{
    wendi_buffer bytes = {0};
    wend_error error;
    (void)state;
    fixed_part(&bytes, 2, WENDI_RECORD_COMMIT);
    assert_int_equal(decode_sealed(&bytes, &error), WEND_UNSUPPORTED);
    fixed_part(&bytes, 1, WENDI_RECORD_COMMIT);
    assert_int_equal(wendi_buffer_u32(&bytes, 99), WEND_OK); /* an action of no known kind */
    assert_int_equal(wendi_buffer_u32(&bytes, 0), WEND_OK);
    assert_int_equal(decode_sealed(&bytes, &error), WEND_UNSUPPORTED);
    assert_non_null(strstr(error.message, "99"));
    fixed_part(&bytes, 1, 0x101); /* not kind 1 in its low byte */
    assert_int_equal(decode_sealed(&bytes, &error), WEND_CORRUPT);
    fixed_part(&bytes, 1, WENDI_RECORD_COMMIT);
    assert_int_equal(decode_sealed(&bytes, &error), WEND_OK);
}

static void huge_counts_and_lengths_allocate_nothing(void **state)
{
    wend_error error;
    (void)state;
    for (uint32_t kind = 1; kind <= 5; kind++) {
        wendi_buffer bytes = {0};
        fixed_part(&bytes, 1, WENDI_RECORD_COMMIT);
        assert_int_equal(wendi_buffer_u32(&bytes, kind), WEND_OK);
        assert_int_equal(wendi_buffer_u32(&bytes, 16), WEND_OK);
        for (int i = 0; i < 4; i++) {
            assert_int_equal(wendi_buffer_u32(&bytes, i == 0 && kind == 1 ? 0 : UINT32_MAX),
                             WEND_OK);
        }
        wend_status status = decode_sealed(&bytes, &error);
        assert_int_equal(status,
                         kind == 3 ? WEND_OK : WEND_CORRUPT); /* 16 bytes are a good uuid to drop */
    }
}

static void names_of_the_log_are_parsed_exactly(void **state)
{
    wendi_record_kind kind;
    uint64_t version;
    (void)state;
    assert_true(
        wendi_log_name_parse(wendi_string_of("00000000000000000042.commit"), &kind, &version));
    assert_int_equal(kind, WENDI_RECORD_COMMIT);
    assert_int_equal(version, 42);
    assert_true(
        wendi_log_name_parse(wendi_string_of("00000000000000000064.checkpoint"), &kind, &version));
    assert_int_equal(kind, WENDI_RECORD_CHECKPOINT);
    static const char *const others[] = {"",
                                         "42.commit",
                                         "00000000000000000042.commit~",
                                         "00000000000000000042",
                                         "LOCK",
                                         "0000000000000000004x.commit",
                                         "00000000000000000042.",
                                         "000000000000000000042.commit",
                                         "00000000000000000042.commi",
                                         "99999999999999999999.commit"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_false(wendi_log_name_parse(wendi_string_of(others[i]), &kind, &version));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_records_come_back),
        cmocka_unit_test(any_flip_and_any_cut_is_found),
        cmocka_unit_test(hostile_content_behind_a_good_checksum_is_refused),
        cmocka_unit_test(what_a_newer_version_writes_is_unsupported),
        cmocka_unit_test(huge_counts_and_lengths_allocate_nothing),
        cmocka_unit_test(names_of_the_log_are_parsed_exactly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
