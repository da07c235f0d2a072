/* The trials of store_faults.h: what fails is decided here, what it means by the test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "engine/base/alloc.h"
#include "tests/support/store_faults.h"
#include "tests/support/table_fixture.h"

enum { PATH_TEXT_BYTES = 96 };

void store_faults_begin(store_faults *faults)
{
    fixture_folder_make(faults->folder);
    assert_int_equal(wendi_io_open("posix", &faults->inner, NULL), WEND_OK);
}

void store_faults_end(store_faults *faults)
{
    wendi_io_close(faults->inner);
    fixture_folder_remove(faults->folder);
}

const char *store_faults_base(const store_faults *faults)
{
    static char store[PATH_TEXT_BYTES];
    snprintf(store, sizeof store, "%s/base", faults->folder);
    return store;
}

const char *store_faults_fresh(const store_faults *faults)
{
    static char store[PATH_TEXT_BYTES];
    snprintf(store, sizeof store, "%s/work", faults->folder);
    fixture_shell("rm -rf '%s' && cp -r '%s' '%s'", store, store_faults_base(faults), store);
    return store;
}

/* A run that nothing disturbs: how many operations it makes. */
static int64_t count_operations(const store_faults *faults)
{
    wendi_io *io;
    wend_error error = {0};
    int64_t acknowledged = 0;
    const char *store = store_faults_fresh(faults);
    wendi_fault_plan plan = wendi_fault_plan_none();
    assert_int_equal(wendi_fault_io_open(faults->inner, NULL, &plan, &io, NULL), WEND_OK);
    if (faults->work(io, store, &acknowledged, &error) != WEND_OK) {
        fail_msg("undisturbed: %s", error.message);
    }
    int64_t operations = wendi_fault_io_operations(io);
    wendi_io_close(io);
    faults->recover(store, acknowledged);
    assert_true(operations > faults->operations_min);
    return operations;
}

void store_faults_fail_each(const store_faults *faults, wendi_fault_plan plan)
{
    int64_t operations = count_operations(faults);
    for (int64_t at = 0; at < operations; at++) {
        wendi_io *io;
        int64_t acknowledged = 0;
        wend_error error = {0};
        const char *store = store_faults_fresh(faults);
        plan.fail_at = at;
        plan.seed = (uint64_t)at;
        assert_int_equal(wendi_fault_io_open(faults->inner, NULL, &plan, &io, NULL), WEND_OK);
        wend_status status = faults->work(io, store, &acknowledged, &error);
        wendi_io_close(io);
        if (status == WEND_CORRUPT || (status != WEND_OK && error.message[0] == '\0')) {
            fail_msg("operation %lld: %s: %s", (long long)at, wend_status_name(status),
                     error.message);
        }
        if (faults->check != NULL) {
            faults->check(store, status);
        }
        faults->recover(store, acknowledged);
    }
}

void store_faults_lose_power(const store_faults *faults, uint32_t losses)
{
    char after[PATH_TEXT_BYTES];
    int64_t operations = count_operations(faults);
    snprintf(after, sizeof after, "%s/after", faults->folder);
    for (int64_t at = 0; at <= operations; at++) {
        wendi_io *io;
        int64_t acknowledged = 0;
        const char *store = store_faults_fresh(faults);
        wendi_fault_plan plan = {.fail_at = -1, .power_lost_at = at, .seed = (uint64_t)at};
        assert_int_equal(wendi_fault_io_open(faults->inner, store, &plan, &io, NULL), WEND_OK);
        (void)!faults->work(io, store, &acknowledged, NULL);
        for (uint64_t loss = 0; loss < losses; loss++) {
            wend_error error = {0};
            fixture_shell("rm -rf '%s'", after);
            if (wendi_fault_io_power_loss(io, after, loss * 1000 + (uint64_t)at, &error) !=
                WEND_OK) {
                fail_msg("%s", error.message);
            }
            faults->recover(after, acknowledged);
        }
        wendi_io_close(io);
    }
}

void store_faults_refuse_memory(const store_faults *faults, int64_t all, int64_t stride)
{
    wend_status status = WEND_NOMEM;
    for (int64_t calls = 0; status != WEND_OK; calls += calls < all ? 1 : stride) {
        int64_t acknowledged = 0;
        wend_error error = {0};
        const char *store = store_faults_fresh(faults);
        wendi_alloc_refuse_at(calls);
        status = faults->work(faults->inner, store, &acknowledged, &error);
        wendi_alloc_refuse_at(-1);
        if (status != WEND_OK && status != WEND_NOMEM && status != WEND_IO) {
            fail_msg("call %lld: %s: %s", (long long)calls, wend_status_name(status),
                     error.message);
        }
        faults->recover(store, acknowledged);
        assert_true(status != WEND_OK || calls > faults->calls_min);
    }
}
