/*
 * retention(): cohorts by the period of birth, and in which later periods their users came back.
 *
 * A user is one row of bits: bit k says that a return fell into bucket k. Cohorts only add bits up.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "query/behaviour/behaviour.h"
#include "query/behaviour/behaviour_operator.h"

#define RETENTION_USAGE                                                                            \
    "retention(table [, birth => predicate, return_on => predicate, period => "                    \
    "'day'|'week'|'month', periods => 7, "                                                         \
    "buckets => 'calendar'|'rolling', mode => 'on'|'on_or_after', week_start => "                  \
    "'monday'|'sunday', by, filter, "                                                              \
    "since, until, tz, as_of])"

enum { PERIODS_DEFAULT = 7, PERIODS_MAX = 1000 };

typedef enum period_kind { PERIOD_DAY, PERIOD_WEEK, PERIOD_MONTH } period_kind;

typedef struct retention_plan {
    uint32_t birth_flag;  /* or WENDI_NO_CELL: every row */
    uint32_t return_flag; /* likewise */
    uint32_t by_cell;     /* or WENDI_NO_CELL */
    period_kind period;
    int64_t periods;
    bool rolling;
    bool or_after;
    bool sunday;
    const wendi_timezone *zone;
} retention_plan;

typedef struct cohort {
    uint64_t size;
    int64_t last_birth_us;
    uint64_t returned[]; /* periods + 1; [0] is again */
} cohort;

typedef struct retention_worker {
    wendi_keys keys;      /* (by null, by bits, cohort start as a local day) */
    wendi_buffer cohorts; /* cohort *, by key number */
    wendi_arena arena;
    uint8_t *hit; /* periods + 1: buckets of the user at hand */
} retention_worker;

typedef struct retention_run {
    wendi_behaviour_operator *self;
    retention_plan *plan;
    retention_worker *workers;
    uint32_t worker_count;
} retention_run;

/* ---- periods ---- */

/* The local day on which the period that holds `utc_us` begins. */
static int64_t period_start(const retention_plan *plan, int64_t utc_us)
{
    int64_t local = wendi_timezone_to_local(plan->zone, utc_us);
    int64_t shift = plan->period == PERIOD_WEEK && plan->sunday ? WENDI_US_PER_DAY : 0;
    wendi_field field = plan->period == PERIOD_DAY    ? WENDI_FIELD_DAY
                        : plan->period == PERIOD_WEEK ? WENDI_FIELD_WEEK
                                                      : WENDI_FIELD_MONTH;
    int64_t start = wendi_date_trunc(field, local + shift) - shift;
    return start / WENDI_US_PER_DAY - (start % WENDI_US_PER_DAY < 0);
}

static int64_t month_number(int64_t day)
{
    int32_t year;
    int32_t month;
    int32_t of_month;
    wendi_civil_from_days(day, &year, &month, &of_month);
    return (int64_t)year * 12 + month;
}

static wendi_interval periods_long(const retention_plan *plan, int64_t k)
{
    return (wendi_interval){.months = plan->period == PERIOD_MONTH ? (int32_t)k : 0,
                            .days = plan->period == PERIOD_DAY    ? (int32_t)k
                                    : plan->period == PERIOD_WEEK ? (int32_t)(7 * k)
                                                                  : 0};
}

/* The instant at which bucket k of a cohort that starts on local day `start` begins. */
static int64_t calendar_begin(const retention_plan *plan, int64_t start, int64_t k)
{
    return wendi_timezone_to_utc(
        plan->zone, wendi_add_interval(start * WENDI_US_PER_DAY, periods_long(plan, k), 1));
}

static int64_t rolling_begin(const retention_plan *plan, int64_t birth_us, int64_t k)
{
    return wendi_add_interval_zone(birth_us, periods_long(plan, k), 1, plan->zone);
}

static int64_t calendar_bucket(const retention_plan *plan, int64_t birth_start, int64_t us)
{
    int64_t start = period_start(plan, us);
    switch (plan->period) {
    case PERIOD_DAY:
        return start - birth_start;
    case PERIOD_WEEK:
        return (start - birth_start) / 7;
    default:
        return month_number(start) - month_number(birth_start);
    }
}

static int64_t rolling_bucket(const retention_plan *plan, int64_t birth_us, int64_t us)
{
    static const int64_t longest_days[] = {1, 7, 31};
    int64_t k = (us - birth_us) / (longest_days[plan->period] * WENDI_US_PER_DAY);
    while (k > 0 && rolling_begin(plan, birth_us, k) > us) {
        k--; /* a day may have had 25 hours */
    }
    while (rolling_begin(plan, birth_us, k + 1) <= us) {
        k++;
    }
    return k;
}

/* ---- users ---- */

static wend_status cohort_of(const retention_plan *plan, retention_worker *worker,
                             const uint64_t *parts, cohort **out, wend_error *error)
{
    uint32_t number;
    wend_status status = wendi_keys_number(&worker->keys, parts, 3, &number, error);
    if (status != WEND_OK) {
        return status;
    }
    if (number == worker->cohorts.length / sizeof *out) {
        cohort *fresh = wendi_arena_alloc_zero(
            &worker->arena, sizeof *fresh + ((size_t)plan->periods + 1) * sizeof(uint64_t));
        if (fresh == NULL ||
            wendi_buffer_append(&worker->cohorts, &fresh, sizeof fresh) != WEND_OK) {
            return wendi_fail_nomem(error, "cohorts", worker->cohorts.length);
        }
        fresh->last_birth_us = INT64_MIN;
    }
    *out = ((cohort **)(void *)worker->cohorts.data)[number];
    return WEND_OK;
}

/* Mark the buckets in which the user returned after the birth row. */
static void mark_returns(const retention_plan *plan, const wendi_user_rows *user, uint32_t birth,
                         int64_t start, uint8_t *hit)
{
    memset(hit, 0, (size_t)plan->periods + 1);
    for (uint32_t row = birth + 1; row < user->row_count; row++) {
        if (plan->return_flag != WENDI_NO_CELL && !wendi_user_flag(user, row, plan->return_flag)) {
            continue;
        }
        int64_t bucket = plan->rolling ? rolling_bucket(plan, user->times[birth], user->times[row])
                                       : calendar_bucket(plan, start, user->times[row]);
        if (plan->or_after && plan->periods > 0 &&
            bucket > plan->periods) { /* bucket 0 counts no later returns */
            bucket = plan->periods;
        }
        if (bucket <= plan->periods) {
            hit[bucket] = 1;
        }
    }
    for (int64_t k = plan->periods; plan->or_after && k > 1; k--) { /* in this one or later */
        hit[k - 1] |= hit[k];
    }
}

static wend_status consume_user(void *context, uint32_t worker_number, uint32_t slice,
                                const wendi_user_rows *user, wend_error *error)
{
    retention_run *run = context;
    const retention_plan *plan = run->plan;
    retention_worker *worker = &run->workers[worker_number];
    cohort *of;
    uint32_t birth = 0;
    (void)slice;
    while (plan->birth_flag != WENDI_NO_CELL && birth < user->row_count &&
           !wendi_user_flag(user, birth, plan->birth_flag)) {
        birth++;
    }
    if (birth == user->row_count || !wendi_behaviour_counts(run->self->call, user->times[birth])) {
        return WEND_OK;
    }
    int64_t start = period_start(plan, user->times[birth]);
    uint64_t parts[3] = {plan->by_cell == WENDI_NO_CELL ? 0 : user->nulls[plan->by_cell][birth],
                         plan->by_cell == WENDI_NO_CELL ? 0 : user->cells[plan->by_cell][birth],
                         (uint64_t)start};
    wend_status status = cohort_of(plan, worker, parts, &of, error);
    if (status != WEND_OK) {
        return status;
    }
    mark_returns(plan, user, birth, start, worker->hit);
    of->size++;
    of->last_birth_us =
        user->times[birth] > of->last_birth_us ? user->times[birth] : of->last_birth_us;
    for (int64_t k = 0; k <= plan->periods; k++) {
        of->returned[k] += worker->hit[k];
    }
    return WEND_OK;
}

/* ---- results ---- */

typedef struct result_cohort {
    wendi_value by;
    int64_t start;
    const cohort *of;
} result_cohort;

static int compare_cohorts(const void *a, const void *b)
{
    const result_cohort *left = a;
    const result_cohort *right = b;
    int order = left->by.null || right->by.null ? (int)left->by.null - (int)right->by.null
                                                : wendi_value_compare(&left->by, &right->by);
    return order != 0 ? order : (left->start > right->start) - (left->start < right->start);
}

static wend_status absorb(const retention_run *run, retention_worker *all,
                          const retention_worker *from, wend_error *error)
{
    for (uint32_t i = 0; i < wendi_keys_count(&from->keys); i++) {
        uint64_t parts[3];
        cohort *sum;
        const cohort *more = ((cohort *const *)(const void *)from->cohorts.data)[i];
        for (uint32_t part = 0; part < 3; part++) {
            parts[part] = wendi_keys_part(&from->keys, i, part);
        }
        wend_status status = cohort_of(run->plan, all, parts, &sum, error);
        if (status != WEND_OK) {
            return status;
        }
        sum->size += more->size;
        sum->last_birth_us =
            more->last_birth_us > sum->last_birth_us ? more->last_birth_us : sum->last_birth_us;
        for (int64_t k = 0; k <= run->plan->periods; k++) {
            sum->returned[k] += more->returned[k];
        }
    }
    return WEND_OK;
}

static wend_status put_cohort(const retention_run *run, const result_cohort *result,
                              int64_t as_of_us, bool history_cut, wend_error *error)
{
    const retention_plan *plan = run->plan;
    const cohort *of = result->of;
    wend_status status = WEND_OK;
    for (int64_t k = 0; status == WEND_OK && k <= plan->periods; k++) {
        int64_t end = plan->rolling ? rolling_begin(plan, of->last_birth_us, k + 1)
                                    : calendar_begin(plan, result->start, k + 1);
        uint64_t users = k == 0 ? of->size : of->returned[k];
        wendi_row_writer row = wendi_begin_row(&run->self->rows, error);
        if (plan->by_cell != WENDI_NO_CELL) {
            wendi_put(&row, &result->by);
        }
        wendi_put_bigint(&row, result->start);
        wendi_put_bigint(&row, (int64_t)of->size);
        wendi_put_bigint(&row, k);
        wendi_put_bigint(&row, (int64_t)users);
        if (k == 0) {
            wendi_put_bigint(&row, (int64_t)of->returned[0]);
        } else {
            wendi_put_null(&row);
        }
        wendi_put_double(&row, (double)users / (double)of->size);
        wendi_put_bigint(&row, end <= as_of_us);
        wendi_put_bigint(&row, history_cut);
        status = wendi_end_row(&row);
    }
    return status;
}

static wend_status put_cohorts(const retention_run *run, const wendi_user_stream *stream,
                               wend_error *error)
{
    const retention_worker *all = &run->workers[0];
    uint32_t count = wendi_keys_count(&all->keys);
    int64_t oldest = wendi_user_stream_oldest(stream);
    int64_t first_period = oldest == INT64_MAX ? INT64_MAX : period_start(run->plan, oldest);
    int64_t as_of_us = wendi_behaviour_as_of(run->self->call, stream);
    wend_status status = WEND_OK;
    result_cohort *results = wendi_alloc((count + 1) * sizeof *results);
    if (results == NULL) {
        return wendi_fail_nomem(error, "cohorts", count * sizeof *results);
    }
    for (uint32_t i = 0; i < count; i++) {
        results[i] = (result_cohort){.by = {.null = true},
                                     .start = (int64_t)wendi_keys_part(&all->keys, i, 2),
                                     .of = ((cohort *const *)(const void *)all->cohorts.data)[i]};
        if (run->plan->by_cell != WENDI_NO_CELL) {
            results[i].by =
                wendi_user_cell_value(stream, run->plan->by_cell, wendi_keys_part(&all->keys, i, 1),
                                      wendi_keys_part(&all->keys, i, 0) != 0);
        }
    }
    qsort(results, count, sizeof *results, compare_cohorts);
    for (uint32_t i = 0; status == WEND_OK && i < count; i++) {
        status = put_cohort(run, &results[i], as_of_us, results[i].start == first_period, error);
    }
    wendi_free(results);
    return status;
}

static wend_status compute(wendi_behaviour_operator *self, wend_error *error)
{
    retention_run run = {.self = self, .plan = self->plan};
    wendi_user_stream *stream = NULL;
    wend_status status = WEND_OK;
    WEND_TRY(wendi_behaviour_stream(self->call, &stream, error));
    run.worker_count = wendi_user_stream_workers(stream);
    run.workers = wendi_alloc_zero(run.worker_count, sizeof *run.workers);
    if (run.workers == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "retention", run.worker_count * sizeof *run.workers));
    }
    for (uint32_t w = 0; w < run.worker_count; w++) {
        run.workers[w].hit =
            wendi_arena_alloc(&run.workers[w].arena, (size_t)run.plan->periods + 1);
        if (run.workers[w].hit == NULL) {
            WEND_TRY(wendi_fail_nomem(error, "retention", (size_t)run.plan->periods + 1));
        }
    }
    WEND_TRY(wendi_user_stream_run(stream, consume_user, &run, error));
    for (uint32_t w = 1; w < run.worker_count; w++) {
        WEND_TRY(absorb(&run, &run.workers[0], &run.workers[w], error));
    }
    WEND_TRY(put_cohorts(&run, stream, error));
    WEND_TRY(wendi_behaviour_notes(self->call, stream, error));
cleanup:
    for (uint32_t w = 0; run.workers != NULL && w < run.worker_count; w++) {
        wendi_keys_free(&run.workers[w].keys);
        wendi_buffer_free(&run.workers[w].cohorts);
        wendi_arena_free(&run.workers[w].arena);
    }
    wendi_free(run.workers);
    wendi_user_stream_close(stream);
    return status;
}

/* ---- binding ---- */

static wend_status bind_plan(wendi_behaviour_call *base, retention_plan *plan, wend_error *error)
{
    static const char *const period_words[] = {"day", "week", "month", NULL};
    static const char *const bucket_words[] = {"calendar", "rolling", NULL};
    static const char *const mode_words[] = {"on", "on_or_after", NULL};
    static const char *const week_words[] = {"monday", "sunday", NULL};
    uint32_t period = 0;
    uint32_t buckets = 0;
    uint32_t mode = 0;
    uint32_t week = 0;
    wend_status status = WEND_OK;
    plan->periods = PERIODS_DEFAULT;
    plan->by_cell = WENDI_NO_CELL;
    WEND_TRY(wendi_behaviour_no_positional(base, RETENTION_USAGE, error));
    WEND_TRY(wendi_behaviour_optional_flag(base, "birth", &plan->birth_flag, error));
    WEND_TRY(wendi_behaviour_optional_flag(base, "return_on", &plan->return_flag, error));
    WEND_TRY(wendi_behaviour_word(base, "period", period_words, &period, error));
    WEND_TRY(wendi_behaviour_integer(base, "periods", 0, PERIODS_MAX, &plan->periods, error));
    WEND_TRY(wendi_behaviour_word(base, "buckets", bucket_words, &buckets, error));
    WEND_TRY(wendi_behaviour_word(base, "mode", mode_words, &mode, error));
    WEND_TRY(wendi_behaviour_word(base, "week_start", week_words, &week, error));
    plan->period = (period_kind)period;
    plan->rolling = buckets == 1;
    plan->or_after = mode == 1;
    plan->sunday = week == 1;
    plan->zone = base->session.zone;
    if (base->by != NULL) {
        WEND_TRY(wendi_behaviour_cell_of(base, base->by, &plan->by_cell, error));
    }
    WEND_TRY(wendi_behaviour_end(base, RETENTION_USAGE, error));
cleanup:
    return status;
}

static const wendi_operator_class retention_class = {"Retention", wendi_behaviour_next, NULL,
                                                     wendi_behaviour_close};

static wend_status bind_retention(const wendi_table_call *call, wendi_operator **operator_out,
                                  wend_error *error)
{
    wendi_type bigint = wendi_type_of(WENDI_TYPE_BIGINT);
    wendi_type boolean = wendi_type_of(WENDI_TYPE_BOOLEAN);
    wendi_result_column columns[] = {{"by", bigint},
                                     {"cohort", wendi_type_of(WENDI_TYPE_DATE)},
                                     {"size", bigint},
                                     {"period", bigint},
                                     {"users", bigint},
                                     {"again", bigint},
                                     {"rate", wendi_type_of(WENDI_TYPE_DOUBLE)},
                                     {"complete", boolean},
                                     {"history_cut", boolean}};
    wendi_behaviour_call *base;
    wend_status status = WEND_OK;
    retention_plan *plan = wendi_arena_alloc_zero(call->arena, sizeof *plan);
    if (plan == NULL) {
        return wendi_fail_nomem(error, "retention", sizeof *plan);
    }
    WEND_TRY(wendi_behaviour_begin(call, &base, error));
    WEND_TRY(bind_plan(base, plan, error));
    uint32_t skip = base->by == NULL ? 1 : 0;
    columns[0].type = base->by == NULL ? bigint : base->by->type;
    WEND_TRY(wendi_behaviour_operator_open(&retention_class, base, plan, compute, columns + skip,
                                           (uint32_t)(sizeof columns / sizeof columns[0]) - skip,
                                           operator_out, error));
cleanup:
    return status;
}

const wendi_table_function wendi_function_retention = {"retention", RETENTION_USAGE,
                                                       bind_retention};
