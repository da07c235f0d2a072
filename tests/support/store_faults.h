/**
 * Work on a store while things fail: every file operation in turn, power loss at any moment, memory refused at any call.
 *
 * The test makes FOLDER/base once, and says what the work is and what must hold after it. Each trial begins with a
 * copy of it. Whatever happened, recover() sees the store with good file access, and what was acknowledged.
 */
#ifndef TEST_STORE_FAULTS_H
#define TEST_STORE_FAULTS_H

#include "engine/io/fault_io.h"

typedef struct store_faults {
    /** Do the work; *acknowledged (0 before) is what the test counts: steps, rows, or whether all was done. */
    wend_status (*work)(wendi_io *io, const char *store, int64_t *acknowledged, wend_error *error);
    /** End the test unless the store is whole and has what was acknowledged; then do what is left of the work. */
    void (*recover)(const char *store, int64_t acknowledged);
    /** Called before recover() when an operation failed, with what the work returned. May be NULL. */
    void (*check)(const char *store, wend_status status);
    int64_t operations_min; /* an undisturbed run makes at least so many: the test is about something */
    int64_t calls_min;      /* and calls for memory */
    char folder[64];        /* set by begin(), as is `inner` */
    wendi_io *inner;        /* good file access */
} store_faults;

/** Make the folder, where the test puts its store under the name that store_faults_base() gives. */
void store_faults_begin(store_faults *faults);
void store_faults_end(store_faults *faults);
/** The path of the store that trials begin with; a static buffer. */
const char *store_faults_base(const store_faults *faults);
/** A copy of it for a trial; a static buffer, good until the next one. */
const char *store_faults_fresh(const store_faults *faults);

/** Each operation fails once, as `plan` says; .fail_at and .seed are set here. */
void store_faults_fail_each(const store_faults *faults, wendi_fault_plan plan);
/** Power is lost at each operation; `losses` ways in which what was not durable is left. */
void store_faults_lose_power(const store_faults *faults, uint32_t losses);
/** Memory is refused at each call (the first `all` of them; then at every `stride`th). */
void store_faults_refuse_memory(const store_faults *faults, int64_t all, int64_t stride);

#endif
