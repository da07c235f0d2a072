/*
 * funnel() and funnel_users(): chains of every user, counted by step or listed.
 *
 * Each worker has totals of its own, by breakdown value; they are added at the end, so the answer
 * does not depend on which worker had which users. Times to convert are kept one by one, since the
 * median is exact.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "query/behaviour/behaviour.h"
#include "query/behaviour/funnel_plan.h"

typedef struct step_totals {
    uint64_t reached;
    uint64_t dropped;
    uint64_t immature;
    uint64_t excluded;
    wendi_buffer times; /* int64_t microseconds from the chain's step before */
} step_totals;

typedef struct listed_user { /* funnel_users() */
    wendi_value user;
    uint32_t level;
    int64_t times[]; /* step_count; INT64_MIN: not held */
} listed_user;

typedef struct funnel_worker {
    wendi_funnel_scratch scratch;
    wendi_keys keys;     /* breakdown values */
    step_totals *totals; /* [key * step_count + step] */
    uint32_t key_capacity;
    uint32_t *rows; /* scratch: the user's rows, session by session */
    uint32_t *session_of;
    uint32_t *open_by_key;
    uint32_t *starts; /* of sessions in rows */
    uint32_t row_capacity;
    wendi_arena listed_arena;
    wendi_buffer listed;         /* listed_user *, in user order within a slice */
    wendi_buffer listed_slices;  /* uint32_t per listed user */
    const wendi_user_rows *user; /* of the attempt under way */
    uint32_t slice;
} funnel_worker;

typedef struct funnel_run {
    wendi_behaviour_operator *self;
    wendi_funnel_plan *plan;
    bool list;
    funnel_worker *workers;
    uint32_t worker_count;
} funnel_run;

typedef struct attempt_context {
    funnel_run *run;
    funnel_worker *worker;
} attempt_context;

/* ---- counting ---- */

static wend_status totals_of(const funnel_run *run, funnel_worker *worker, uint32_t key,
                             step_totals **totals, wend_error *error)
{
    uint32_t steps = run->plan->rule.step_count;
    if (key >= worker->key_capacity) {
        uint32_t capacity = key * 2 + 16;
        step_totals *grown =
            wendi_realloc(worker->totals, (size_t)capacity * steps * sizeof *grown);
        if (grown == NULL) {
            return wendi_fail_nomem(error, "a funnel's totals",
                                    (size_t)capacity * steps * sizeof *grown);
        }
        memset(grown + (size_t)worker->key_capacity * steps, 0,
               (size_t)(capacity - worker->key_capacity) * steps * sizeof *grown);
        worker->totals = grown;
        worker->key_capacity = capacity;
    }
    *totals = worker->totals + (size_t)key * steps;
    return WEND_OK;
}

/* The last row that the reported chain holds. */
static uint32_t last_row(const wendi_funnel_rule *rule, const wendi_funnel_chain *chain)
{
    uint32_t row = chain->rows[0];
    for (uint32_t step = 1; step < rule->step_count; step++) {
        if (step < chain->level || (rule->ordering != WENDI_FUNNEL_ANY && rule->optional[step])) {
            row = chain->rows[step] != WENDI_NO_ROW ? chain->rows[step] : row;
        }
    }
    return row;
}

/* Greedy chains fill rows only up to their level. */
static bool holds(const wendi_funnel_rule *rule, const wendi_funnel_chain *chain, uint32_t step)
{
    bool listed = step < chain->level || rule->has_optional;
    return listed && chain->rows[step] != WENDI_NO_ROW;
}

static wend_status count_steps(const wendi_funnel_rule *rule, const wendi_user_rows *user,
                               const wendi_funnel_chain *chain, step_totals *totals,
                               wend_error *error)
{
    uint32_t before = WENDI_NO_ROW;
    for (uint32_t step = 0; step < rule->step_count; step++) {
        if (!holds(rule, chain, step)) {
            continue;
        }
        totals[step].reached++;
        if (before != WENDI_NO_ROW) {
            int64_t took = user->times[chain->rows[step]] - user->times[before];
            if (wendi_buffer_append(&totals[step].times, &took, sizeof took) != WEND_OK) {
                return wendi_fail_nomem(error, "a funnel's times", totals[step].times.length);
            }
        }
        before = chain->rows[step];
    }
    step_totals *stopped = &totals[chain->level - 1];
    stopped->excluded += chain->excluded;
    if (chain->level < rule->step_count) {
        stopped->immature += chain->immature;
        stopped->dropped += !chain->immature;
    }
    return WEND_OK;
}

static wend_status list_chain(const wendi_funnel_rule *rule, funnel_worker *worker,
                              const wendi_user_rows *user, const wendi_funnel_chain *chain,
                              wend_error *error)
{
    listed_user *listed = wendi_arena_alloc(&worker->listed_arena,
                                            sizeof *listed + rule->step_count * sizeof(int64_t));
    if (listed == NULL) {
        return wendi_fail_nomem(error, "the list of users", sizeof *listed);
    }
    listed->user = user->user;
    listed->level = chain->level;
    if (wendi_type_physical(user->user.type) == WENDI_PHYSICAL_STRING) {
        listed->user.string.data = wendi_arena_copy(&worker->listed_arena, user->user.string.data,
                                                    user->user.string.length);
        if (listed->user.string.data == NULL) {
            return wendi_fail_nomem(error, "the list of users", user->user.string.length);
        }
    }
    for (uint32_t step = 0; step < rule->step_count; step++) {
        listed->times[step] = holds(rule, chain, step) ? user->times[chain->rows[step]] : INT64_MIN;
    }
    if (wendi_buffer_append(&worker->listed, &listed, sizeof listed) != WEND_OK ||
        wendi_buffer_append(&worker->listed_slices, &worker->slice, sizeof worker->slice) !=
            WEND_OK) {
        return wendi_fail_nomem(error, "the list of users", worker->listed.length);
    }
    return WEND_OK;
}

static wend_status take_chain(const funnel_run *run, funnel_worker *worker,
                              const wendi_user_rows *user, const wendi_funnel_chain *chain,
                              wend_error *error)
{
    const wendi_funnel_plan *plan = run->plan;
    uint64_t parts[2] = {0, 0};
    uint32_t key;
    step_totals *totals;
    wend_status status = WEND_OK;
    if (chain->level == 0) {
        return WEND_OK;
    }
    if (run->list) {
        return list_chain(&plan->rule, worker, user, chain, error);
    }
    if (plan->has_by) {
        uint32_t row = plan->at_last ? last_row(&plan->rule, chain) : chain->rows[0];
        parts[0] = user->nulls[plan->by_cell][row];
        parts[1] = user->cells[plan->by_cell][row];
    }
    WEND_TRY(wendi_keys_number(&worker->keys, parts, 2, &key, error));
    WEND_TRY(totals_of(run, worker, key, &totals, error));
    WEND_TRY(count_steps(&plan->rule, user, chain, totals, error));
cleanup:
    return status;
}

static wend_status take_attempt(void *context, const wendi_funnel_chain *chain, wend_error *error)
{
    attempt_context *attempt = context;
    return take_chain(attempt->run, attempt->worker, attempt->worker->user, chain, error);
}

/* ---- one user ---- */

static wend_status grow_rows(funnel_worker *worker, uint32_t count, wend_error *error)
{
    if (count <= worker->row_capacity) {
        return WEND_OK;
    }
    uint32_t capacity = count + count / 2;
    size_t bytes = ((size_t)capacity * 4 + 1) * sizeof(uint32_t);
    uint32_t *rows = wendi_realloc(worker->rows, bytes);
    if (rows == NULL) {
        return wendi_fail_nomem(error, "a user's rows", bytes);
    }
    worker->rows = rows;
    worker->session_of = rows + capacity;
    worker->open_by_key = rows + 2 * (size_t)capacity;
    worker->starts = rows + 3 * (size_t)capacity;
    worker->row_capacity = capacity;
    return WEND_OK;
}

static wend_status match_rows(funnel_run *run, funnel_worker *worker, const wendi_user_rows *user,
                              const uint32_t *rows, uint32_t count, wend_error *error)
{
    wendi_funnel_chain chain;
    wend_status status =
        wendi_funnel_match(&worker->scratch, &run->plan->rule, user, rows, count, &chain, error);
    return status == WEND_OK ? take_chain(run, worker, user, &chain, error) : status;
}

static wend_status match_sessions(funnel_run *run, funnel_worker *worker,
                                  const wendi_user_rows *user, wend_error *error)
{
    uint32_t sessions =
        wendi_session_split(&run->plan->sessions, user, worker->session_of, worker->open_by_key);
    wend_status status = WEND_OK;
    wendi_session_group(worker->session_of, user->row_count, sessions, worker->starts,
                        worker->rows);
    for (uint32_t session = 0; status == WEND_OK && session < sessions; session++) {
        uint32_t begin = worker->starts[session];
        status = match_rows(run, worker, user, worker->rows + begin,
                            worker->starts[session + 1] - begin, error);
    }
    return status;
}

static bool enters(const wendi_user_rows *user)
{
    for (uint32_t row = 0; row < user->row_count; row++) {
        if (wendi_user_flag(user, row, 0)) {
            return true;
        }
    }
    return false;
}

static wend_status consume_user(void *context, uint32_t worker_number, uint32_t slice,
                                const wendi_user_rows *user, wend_error *error)
{
    funnel_run *run = context;
    funnel_worker *worker = &run->workers[worker_number];
    wend_status status = WEND_OK;
    if (run->plan->rule.ordering != WENDI_FUNNEL_ANY && !enters(user)) {
        return WEND_OK;
    }
    worker->user = user;
    worker->slice = slice;
    WEND_TRY(grow_rows(worker, user->row_count, error));
    if (run->plan->count == WENDI_COUNT_SESSIONS) {
        return match_sessions(run, worker, user, error);
    }
    for (uint32_t row = 0; row < user->row_count; row++) {
        worker->rows[row] = row;
    }
    if (run->plan->count == WENDI_COUNT_ATTEMPTS) {
        attempt_context attempt = {run, worker};
        return wendi_funnel_attempts(&run->plan->rule, user, worker->rows, user->row_count,
                                     take_attempt, &attempt, error);
    }
    WEND_TRY(match_rows(run, worker, user, worker->rows, user->row_count, error));
cleanup:
    return status;
}

/* ---- results ---- */

static int compare_times(const void *a, const void *b)
{
    int64_t left;
    int64_t right;
    memcpy(&left, a, sizeof left);
    memcpy(&right, b, sizeof right);
    return (left > right) - (left < right);
}

/* percentile_cont: linear between the two nearest of the sorted times. In seconds. */
static double percentile(const int64_t *times, size_t count, double fraction)
{
    double at = fraction * (double)(count - 1);
    size_t low = (size_t)at;
    size_t high = low + 1 < count ? low + 1 : low;
    double between = at - (double)low;
    return ((double)times[low] + between * (double)(times[high] - times[low])) / 1e6;
}

static void put_times(wendi_row_writer *row, step_totals *totals)
{
    size_t count = totals->times.length / sizeof(int64_t);
    int64_t *times = (int64_t *)(void *)totals->times.data;
    if (count == 0) {
        for (int i = 0; i < 4; i++) {
            wendi_put_null(row);
        }
        return;
    }
    wendi_int128 sum = 0;
    qsort(times, count, sizeof *times, compare_times);
    for (size_t i = 0; i < count; i++) {
        sum += times[i];
    }
    wendi_put_double(row, (double)times[0] / 1e6);
    wendi_put_double(row, percentile(times, count, 0.5));
    wendi_put_double(row, (double)sum / (double)count / 1e6);
    wendi_put_double(row, percentile(times, count, 0.9));
}

static void put_ratio(wendi_row_writer *row, uint64_t part, uint64_t whole)
{
    if (whole == 0) {
        wendi_put_null(row);
    } else {
        wendi_put_double(row, (double)part / (double)whole);
    }
}

static wend_status put_steps(funnel_run *run, step_totals *totals, const wendi_value *by,
                             wend_error *error)
{
    const wendi_funnel_plan *plan = run->plan;
    const wendi_funnel_rule *rule = &plan->rule;
    wend_status status = WEND_OK;
    for (uint32_t step = 0; status == WEND_OK && step < rule->step_count; step++) {
        wendi_row_writer row = wendi_begin_row(&run->self->rows, error);
        uint32_t before = wendi_funnel_previous_required(rule, step);
        char any[64];
        snprintf(any, sizeof any, "any %u of %u", step + 1, rule->step_count);
        if (plan->has_by) {
            wendi_put(&row, by);
        }
        wendi_put_bigint(&row, step + 1);
        wendi_put_text(&row, rule->ordering == WENDI_FUNNEL_ANY ? wendi_string_of(any)
                                                                : plan->names[step]);
        wendi_put_bigint(&row, (int64_t)totals[step].reached);
        put_ratio(&row, totals[step].reached, totals[0].reached);
        put_ratio(&row, totals[step].reached,
                  before == WENDI_NO_ROW ? totals[step].reached : totals[before].reached);
        wendi_put_bigint(&row, (int64_t)totals[step].dropped);
        wendi_put_bigint(&row, (int64_t)totals[step].immature);
        wendi_put_bigint(&row, (int64_t)totals[step].excluded);
        put_times(&row, &totals[step]);
        status = wendi_end_row(&row);
    }
    return status;
}

static wend_status absorb(const funnel_run *run, funnel_worker *into, const funnel_worker *from,
                          wend_error *error)
{
    uint32_t steps = run->plan->rule.step_count;
    for (uint32_t key = 0; key < wendi_keys_count(&from->keys); key++) {
        uint64_t parts[2] = {wendi_keys_part(&from->keys, key, 0),
                             wendi_keys_part(&from->keys, key, 1)};
        uint32_t number;
        step_totals *totals;
        wend_status status = wendi_keys_number(&into->keys, parts, 2, &number, error);
        status = status == WEND_OK ? totals_of(run, into, number, &totals, error) : status;
        for (uint32_t step = 0; status == WEND_OK && step < steps; step++) {
            const step_totals *more = &from->totals[(size_t)key * steps + step];
            totals[step].reached += more->reached;
            totals[step].dropped += more->dropped;
            totals[step].immature += more->immature;
            totals[step].excluded += more->excluded;
            if (wendi_buffer_append(&totals[step].times, more->times.data, more->times.length) !=
                WEND_OK) {
                status = wendi_fail_nomem(error, "a funnel's times", more->times.length);
            }
        }
        if (status != WEND_OK) {
            return status;
        }
    }
    return WEND_OK;
}

typedef struct by_group {
    wendi_value value;
    uint32_t key;
} by_group;

static int compare_groups(const void *a, const void *b)
{
    const by_group *left = a;
    const by_group *right = b;
    if (left->value.null || right->value.null) {
        return (int)left->value.null - (int)right->value.null;
    }
    return wendi_value_compare(&left->value, &right->value);
}

static wend_status put_groups(funnel_run *run, const wendi_user_stream *stream, wend_error *error)
{
    funnel_worker *all = &run->workers[0];
    uint32_t steps = run->plan->rule.step_count;
    uint32_t count = wendi_keys_count(&all->keys);
    wend_status status = WEND_OK;
    by_group *groups = wendi_alloc((count + 1) * sizeof *groups);
    if (groups == NULL) {
        return wendi_fail_nomem(error, "a funnel's groups", count * sizeof *groups);
    }
    for (uint32_t key = 0; key < count; key++) {
        groups[key].key = key;
        groups[key].value = run->plan->has_by
                                ? wendi_user_cell_value(stream, run->plan->by_cell,
                                                        wendi_keys_part(&all->keys, key, 1),
                                                        wendi_keys_part(&all->keys, key, 0) != 0)
                                : (wendi_value){.null = true};
    }
    qsort(groups, count, sizeof *groups, compare_groups);
    for (uint32_t i = 0; status == WEND_OK && i < count; i++) {
        status =
            put_steps(run, &all->totals[(size_t)groups[i].key * steps], &groups[i].value, error);
    }
    if (status == WEND_OK && count == 0 &&
        !run->plan->has_by) { /* nobody entered: say so step by step */
        step_totals *none = wendi_alloc_zero(steps, sizeof *none);
        status = none == NULL ? wendi_fail_nomem(error, "a funnel's totals", steps * sizeof *none)
                              : put_steps(run, none, NULL, error);
        wendi_free(none);
    }
    wendi_free(groups);
    return status;
}

/* Slices of the workers, in order of the hash ranges: the order of users whatever thread had them.
 */
static wend_status put_list(funnel_run *run, const wendi_user_stream *stream, wend_error *error)
{
    wend_status status = WEND_OK;
    uint32_t steps = run->plan->rule.step_count;
    size_t *next = wendi_alloc_zero(run->worker_count, sizeof *next);
    if (next == NULL) {
        return wendi_fail_nomem(error, "the list of users", run->worker_count * sizeof *next);
    }
    for (uint32_t slice = 0; slice < wendi_user_stream_slices(stream); slice++) {
        for (uint32_t w = 0; status == WEND_OK && w < run->worker_count; w++) {
            const funnel_worker *worker = &run->workers[w];
            const uint32_t *slices = (const uint32_t *)(const void *)worker->listed_slices.data;
            listed_user *const *listed = (listed_user *const *)(const void *)worker->listed.data;
            while (status == WEND_OK && next[w] < worker->listed.length / sizeof *listed &&
                   slices[next[w]] == slice) {
                const listed_user *one = listed[next[w]++];
                wendi_row_writer row = wendi_begin_row(&run->self->rows, error);
                wendi_put(&row, &one->user);
                wendi_put_bigint(&row, one->level);
                for (uint32_t step = 0; step < steps; step++) {
                    if (one->times[step] == INT64_MIN) {
                        wendi_put_null(&row);
                    } else {
                        wendi_put_bigint(&row, one->times[step]);
                    }
                }
                status = wendi_end_row(&row);
            }
        }
    }
    wendi_free(next);
    return status;
}

static void free_workers(funnel_run *run)
{
    uint32_t steps = run->plan->rule.step_count;
    for (uint32_t w = 0; run->workers != NULL && w < run->worker_count; w++) {
        funnel_worker *worker = &run->workers[w];
        for (size_t i = 0; i < (size_t)worker->key_capacity * steps; i++) {
            wendi_buffer_free(&worker->totals[i].times);
        }
        wendi_free(worker->totals);
        wendi_free(worker->rows);
        wendi_keys_free(&worker->keys);
        wendi_arena_free(&worker->scratch.arena);
        wendi_arena_free(&worker->listed_arena);
        wendi_buffer_free(&worker->listed);
        wendi_buffer_free(&worker->listed_slices);
    }
    wendi_free(run->workers);
}

static wend_status compute(wendi_behaviour_operator *self, bool list, wend_error *error)
{
    funnel_run run = {.self = self, .plan = self->plan, .list = list};
    wendi_user_stream *stream = NULL;
    wend_status status = WEND_OK;
    WEND_TRY(wendi_behaviour_stream(self->call, &stream, error));
    run.plan->rule.as_of_us = wendi_behaviour_as_of(self->call, stream);
    run.worker_count = wendi_user_stream_workers(stream);
    run.workers = wendi_alloc_zero(run.worker_count, sizeof *run.workers);
    if (run.workers == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "a funnel", run.worker_count * sizeof *run.workers));
    }
    WEND_TRY(wendi_user_stream_run(stream, consume_user, &run, error));
    if (list) {
        WEND_TRY(put_list(&run, stream, error));
    } else {
        for (uint32_t w = 1; w < run.worker_count; w++) {
            WEND_TRY(absorb(&run, &run.workers[0], &run.workers[w], error));
        }
        WEND_TRY(put_groups(&run, stream, error));
    }
    WEND_TRY(wendi_behaviour_notes(self->call, stream, error));
cleanup:
    free_workers(&run);
    wendi_user_stream_close(stream);
    return status;
}

static wend_status compute_funnel(wendi_behaviour_operator *self, wend_error *error)
{
    return compute(self, false, error);
}

static wend_status compute_list(wendi_behaviour_operator *self, wend_error *error)
{
    return compute(self, true, error);
}

/* ---- binding ---- */

static wend_status describe(const wendi_operator *head, wendi_buffer *out)
{
    const wendi_behaviour_operator *self = (const wendi_behaviour_operator *)head;
    const wendi_funnel_plan *plan = self->plan;
    return wendi_buffer_printf(out, " of %u steps", plan->rule.step_count);
}

static const wendi_operator_class funnel_class = {"Funnel", wendi_behaviour_next, describe,
                                                  wendi_behaviour_close};
static const wendi_operator_class funnel_users_class = {"Funnel users", wendi_behaviour_next,
                                                        describe, wendi_behaviour_close};

static wend_status bind_funnel(const wendi_table_call *call, wendi_operator **operator_out,
                               wend_error *error)
{
    wendi_behaviour_call *base;
    wendi_funnel_plan *plan;
    wend_status status = WEND_OK;
    WEND_TRY(wendi_behaviour_begin(call, &base, error));
    WEND_TRY(wendi_funnel_plan_make(base, &plan, error));
    WEND_TRY(wendi_behaviour_end(base, WENDI_FUNNEL_USAGE, error));
    const char *counted = plan->count == WENDI_COUNT_USERS      ? "users"
                          : plan->count == WENDI_COUNT_SESSIONS ? "sessions"
                                                                : "attempts";
    wendi_type bigint = wendi_type_of(WENDI_TYPE_BIGINT);
    wendi_type number = wendi_type_of(WENDI_TYPE_DOUBLE);
    wendi_type text = wendi_type_of(WENDI_TYPE_TEXT);
    wendi_result_column columns[] = {{"by", plan->has_by ? base->by->type : text},
                                     {"step", bigint},
                                     {"name", text},
                                     {counted, bigint},
                                     {"of_first", number},
                                     {"of_previous", number},
                                     {"dropped", bigint},
                                     {"immature", bigint},
                                     {"excluded", bigint},
                                     {"min_s", number},
                                     {"median_s", number},
                                     {"mean_s", number},
                                     {"p90_s", number}};
    uint32_t skip = plan->has_by ? 0 : 1;
    WEND_TRY(wendi_behaviour_operator_open(
        &funnel_class, base, plan, compute_funnel, columns + skip,
        (uint32_t)(sizeof columns / sizeof columns[0]) - skip, operator_out, error));
cleanup:
    return status;
}

static wend_status bind_funnel_users(const wendi_table_call *call, wendi_operator **operator_out,
                                     wend_error *error)
{
    wendi_behaviour_call *base;
    wendi_funnel_plan *plan;
    wendi_result_column columns[WENDI_FUNNEL_STEPS_MAX + 2];
    char names[WENDI_FUNNEL_STEPS_MAX][16];
    wend_status status = WEND_OK;
    WEND_TRY(wendi_behaviour_begin(call, &base, error));
    WEND_TRY(wendi_funnel_plan_make(base, &plan, error));
    WEND_TRY(wendi_behaviour_end(base, WENDI_FUNNEL_USAGE, error));
    if (plan->has_by) {
        WEND_TRY(wendi_fail_at(error, WEND_INVALID, call->position, "funnel_users takes no by"));
    }
    WEND_TRY(wendi_behaviour_user_column(base, &columns[0], error));
    columns[1] = (wendi_result_column){"level", wendi_type_of(WENDI_TYPE_BIGINT)};
    for (uint32_t step = 0; step < plan->rule.step_count; step++) {
        snprintf(names[step], sizeof names[step], "t%u", step + 1);
        columns[step + 2] =
            (wendi_result_column){names[step], wendi_type_of(WENDI_TYPE_TIMESTAMPTZ)};
    }
    WEND_TRY(wendi_behaviour_operator_open(&funnel_users_class, base, plan, compute_list, columns,
                                           plan->rule.step_count + 2, operator_out, error));
cleanup:
    return status;
}

const wendi_table_function wendi_function_funnel = {"funnel", WENDI_FUNNEL_USAGE, bind_funnel};
const wendi_table_function wendi_function_funnel_users = {"funnel_users", WENDI_FUNNEL_USAGE,
                                                          bind_funnel_users};
