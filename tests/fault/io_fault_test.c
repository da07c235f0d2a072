/*
 * What publishing a file means when things fail: every operation in turn, and power loss at any moment. The
 * last tests leave a step out and must find damage, or the model would prove nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/hash.h"
#include "engine/io/fault_io.h"

enum { FILE_BYTES = 2500000, SMALL_BYTES = 3000, HISTORY_FILES = 12 };

static char base[64];
static wendi_io *inner;

static const char *in_base(const char *name)
{
    static char paths[4][160];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", base, name);
    return path;
}

static void shell(const char *format, const char *argument)
{
    char command[256];
    snprintf(command, sizeof command, format, argument);
    assert_int_equal(system(command), 0);
}

static int begin_group(void **unused)
{
    (void)unused;
    strcpy(base, "/tmp/wend-fault-XXXXXX");
    assert_non_null(mkdtemp(base));
    assert_int_equal(wendi_io_open("posix", &inner, NULL), WEND_OK);
    return 0;
}

static int end_group(void **unused)
{
    (void)unused;
    wendi_io_close(inner);
    shell("rm -r %s", base);
    return 0;
}

static void fresh_root(void)
{
    shell("rm -rf %s/root", base);
    shell("mkdir -p %s/root/tmp", base);
    shell("mkdir -p %s/root/log", base);
}

static void content_of(uint32_t number, uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        bytes[i] = (uint8_t)(1 + wendi_mix64(number * UINT64_C(1000003) + i / 8) % 255);
    }
}

static uint8_t *scratch(void)
{
    static uint8_t bytes[FILE_BYTES];
    return bytes;
}

typedef struct steps {
    bool skip_file_sync;
    bool skip_folder_sync;
} steps;

/* The protocol of docs/FORMAT.md: write elsewhere, sync, rename to a free name, sync the folder. */
static wend_status publish(wendi_io *io, const char *root, uint32_t number, size_t length, steps how, wend_error *error)
{
    char from[160];
    char to[160];
    char folder[160];
    wendi_file *file = NULL;
    wend_status status = WEND_OK;
    snprintf(from, sizeof from, "%s/tmp/%u", root, number);
    snprintf(to, sizeof to, "%s/log/%u", root, number);
    snprintf(folder, sizeof folder, "%s/log", root);
    content_of(number, scratch(), length);

    WEND_TRY(wendi_file_create(io, from, WENDI_CREATE_PLAIN, &file, error));
    WEND_TRY(wendi_file_write(file, scratch(), length, error));
    if (!how.skip_file_sync) {
        WEND_TRY(wendi_file_sync(file, error));
    }
    status = wendi_file_close(file, error);
    file = NULL;
    WEND_TRY(status);
    WEND_TRY(wendi_io_settled(io, from, length, 0, error));
    WEND_TRY(wendi_io_rename_new(io, from, to, error));
    if (!how.skip_folder_sync) {
        WEND_TRY(wendi_io_sync_folder(io, folder, error));
    }
cleanup:
    wendi_file_abandon(file);
    return status;
}

typedef enum found { FOUND_NOTHING, FOUND_WHOLE, FOUND_DAMAGED } found;

static found look_at(const char *root, uint32_t number, size_t length)
{
    char path[160];
    wendi_buffer bytes = {0};
    snprintf(path, sizeof path, "%s/log/%u", root, number);
    wend_status status = wendi_io_read_file(inner, path, SIZE_MAX / 4, &bytes, NULL);
    if (status == WEND_NOT_FOUND) {
        return FOUND_NOTHING;
    }
    content_of(number, scratch(), length);
    bool whole = status == WEND_OK && bytes.length == length && memcmp(bytes.data, scratch(), length) == 0;
    wendi_buffer_free(&bytes);
    return whole ? FOUND_WHOLE : FOUND_DAMAGED;
}

static void every_operation_fails_once(void **unused)
{
    (void)unused;
    for (int variant = 0; variant < 8; variant++) {
        bool ended = false;
        for (int64_t at = 0; !ended; at++) {
            wendi_io *io = NULL;
            wend_error error = {0};
            wendi_fault_plan plan = wendi_fault_plan_none();
            plan.fail_at = at;
            plan.torn = (variant & 1) != 0;
            plan.carried_out = (variant & 2) != 0;
            plan.fail_after_too = (variant & 4) != 0;
            plan.error_code = at % 2 == 0 ? ENOSPC : EIO;
            plan.seed = (uint64_t)at;
            fresh_root();
            assert_int_equal(wendi_fault_io_open(inner, NULL, &plan, &io, &error), WEND_OK);
            wend_status status = publish(io, in_base("root"), 1, FILE_BYTES, (steps){0}, &error);
            found there = look_at(in_base("root"), 1, FILE_BYTES);
            ended = wendi_fault_io_operations(io) <= at;
            if (status == WEND_OK) {
                assert_true(ended);
                assert_int_equal(there, FOUND_WHOLE);
            } else {
                assert_int_equal(status, WEND_IO);
                assert_non_null(strstr(error.message, base));
                assert_non_null(strstr(error.message, strerror(plan.error_code)));
                assert_true(error.hint[0] != '\0');
                assert_int_not_equal(there, FOUND_DAMAGED);
            }
            wendi_io_close(io);
        }
    }
}

/* How a history of publishing went, cut off at some operation, and what is left of it. */
static void run_history(uint64_t seed, steps how, uint32_t *missing, uint32_t *damaged)
{
    wendi_io *io = NULL;
    wend_error error = {0};
    wendi_fault_plan plan = wendi_fault_plan_none();
    wend_status statuses[HISTORY_FILES];
    plan.power_lost_at = (int64_t)(wendi_mix64(seed) % (HISTORY_FILES * 8));
    fresh_root();
    assert_int_equal(wendi_fault_io_open(inner, in_base("root"), &plan, &io, &error), WEND_OK);
    for (uint32_t i = 0; i < HISTORY_FILES; i++) {
        size_t length = SMALL_BYTES + i * 611;
        statuses[i] = publish(io, in_base("root"), i, length, how, &error);
        assert_true(statuses[i] == WEND_OK || statuses[i] == WEND_IO);
    }
    for (uint64_t outcome = 0; outcome < 4; outcome++) {
        shell("rm -rf %s/after", base);
        assert_int_equal(wendi_fault_io_power_loss(io, in_base("after"), seed * 10 + outcome, &error), WEND_OK);
        for (uint32_t i = 0; i < HISTORY_FILES; i++) {
            found there = look_at(in_base("after"), i, SMALL_BYTES + i * 611);
            *damaged += there == FOUND_DAMAGED;
            *missing += there == FOUND_NOTHING && statuses[i] == WEND_OK;
        }
    }
    wendi_io_close(io);
}

static void what_was_published_survives_power_loss(void **unused)
{
    (void)unused;
    uint32_t missing = 0;
    uint32_t damaged = 0;
    for (uint64_t seed = 0; seed < 60; seed++) {
        run_history(seed, (steps){0}, &missing, &damaged);
    }
    assert_int_equal(missing, 0);
    assert_int_equal(damaged, 0);
}

static void a_forgotten_file_sync_is_seen(void **unused)
{
    (void)unused;
    uint32_t missing = 0;
    uint32_t damaged = 0;
    for (uint64_t seed = 0; seed < 10; seed++) {
        run_history(seed, (steps){.skip_file_sync = true}, &missing, &damaged);
    }
    assert_true(damaged > 0);
}

static void a_forgotten_folder_sync_is_seen(void **unused)
{
    (void)unused;
    uint32_t missing = 0;
    uint32_t damaged = 0;
    for (uint64_t seed = 0; seed < 10; seed++) {
        run_history(seed, (steps){.skip_folder_sync = true}, &missing, &damaged);
    }
    assert_true(missing > 0);
    assert_int_equal(damaged, 0);
}

/* After a sync that failed the kernel has forgotten what was dirty: nothing later may make the file good again. */
static void a_failed_sync_kills_the_file(void **unused)
{
    (void)unused;
    wendi_io *io = NULL;
    wend_error error = {0};
    wendi_file *file = NULL;
    wendi_fault_plan plan = wendi_fault_plan_none();
    plan.kinds = WENDI_FAULT_SYNC;
    plan.fail_at = 0;
    fresh_root();
    assert_int_equal(wendi_fault_io_open(inner, in_base("root"), &plan, &io, &error), WEND_OK);
    assert_int_equal(wendi_file_create(io, in_base("root/tmp/f"), WENDI_CREATE_PLAIN, &file, &error), WEND_OK);
    assert_int_equal(wendi_file_write(file, "abc", 3, &error), WEND_OK);
    assert_int_equal(wendi_file_sync(file, &error), WEND_IO);
    assert_int_equal(wendi_file_sync(file, &error), WEND_IO);
    assert_int_equal(wendi_file_write(file, "abc", 3, &error), WEND_IO);
    assert_int_equal(wendi_fault_io_operations(io), 1); /* not asked again */
    assert_int_equal(wendi_file_close(file, &error), WEND_IO);
    wendi_io_close(io);
}

/* A mount's close may be the first to say that the upload failed. */
static void a_failed_close_is_told(void **unused)
{
    (void)unused;
    wendi_io *io = NULL;
    wend_error error = {0};
    wendi_fault_plan plan = wendi_fault_plan_none();
    plan.kinds = WENDI_FAULT_CLOSE;
    plan.fail_at = 0;
    plan.like_mount = true;
    fresh_root();
    assert_int_equal(wendi_fault_io_open(inner, NULL, &plan, &io, &error), WEND_OK);
    assert_int_equal(publish(io, in_base("root"), 3, SMALL_BYTES, (steps){0}, &error), WEND_IO);
    assert_int_equal(look_at(in_base("root"), 3, SMALL_BYTES), FOUND_NOTHING);
    assert_int_equal(publish(io, in_base("root"), 4, SMALL_BYTES, (steps){0}, &error), WEND_OK);
    assert_int_equal(look_at(in_base("root"), 4, SMALL_BYTES), FOUND_WHOLE);
    wendi_io_close(io);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_operation_fails_once),
        cmocka_unit_test(what_was_published_survives_power_loss),
        cmocka_unit_test(a_forgotten_file_sync_is_seen),
        cmocka_unit_test(a_forgotten_folder_sync_is_seen),
        cmocka_unit_test(a_failed_sync_kills_the_file),
        cmocka_unit_test(a_failed_close_is_told),
    };
    return cmocka_run_group_tests(tests, begin_group, end_group);
}
