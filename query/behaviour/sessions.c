/*
 * sessions(): one row a session, with any aggregates asked for. A session that starts outside of
 * since..until is not listed, but a session that starts inside is whole.
 */
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/sql/sql.h"
#include "query/aggregate.h"
#include "query/behaviour/behaviour.h"
#include "query/behaviour/behaviour_operator.h"

#define SESSIONS_USAGE                                                                             \
    "sessions(table [, gap => interval '30 min', session_key, split => 'day', split_on, node, "    \
    "view, interaction, "                                                                          \
    "name => aggregate(…) …, by, filter, since, until, tz])"

enum { AGGREGATES_MAX = 64, UPDATE_ROWS = WENDI_BATCH_ROWS, FIXED_COLUMNS = 9 };

typedef struct session_aggregate {
    wendi_aggregate of;
    const char *name;
    uint32_t arg_cell;    /* or WENDI_NO_CELL */
    uint32_t filter_flag; /* or WENDI_NO_CELL */
} session_aggregate;

typedef struct sessions_plan {
    wendi_session_rule rule;
    uint32_t node_cell; /* or WENDI_NO_CELL */
    uint32_t view_flag;
    uint32_t interaction_flag;
    uint32_t by_cell;
    session_aggregate aggregates[AGGREGATES_MAX];
    uint32_t aggregate_count;
} sessions_plan;

typedef struct session {
    const wendi_value *user;
    uint32_t slice;
    bool entry_null, exit_null, by_null, bounce;
    int64_t start_us;
    int64_t end_us;
    uint64_t events;
    uint64_t entry;
    uint64_t exit;
    uint64_t by;
    uint64_t views;
    uint64_t interactions;
} session;

typedef struct sessions_worker {
    wendi_arena arena; /* users of listed sessions */
    wendi_arena scratch;
    wendi_buffer sessions; /* session */
    wendi_aggregate_state *states[AGGREGATES_MAX];
    wendi_rows results; /* of the aggregates, a row a session */
    uint32_t next;      /* of the output */
} sessions_worker;

typedef struct sessions_run {
    wendi_behaviour_operator *self;
    sessions_plan *plan;
    wendi_user_stream *stream;
    sessions_worker *workers;
    uint32_t worker_count;
} sessions_run;

/* ---- one user ---- */

static const wendi_value *keep_user(sessions_worker *worker, const wendi_value *user)
{
    wendi_value *kept = wendi_arena_alloc(&worker->arena, sizeof *kept);
    if (kept == NULL) {
        return NULL;
    }
    *kept = *user;
    if (wendi_type_physical(user->type) == WENDI_PHYSICAL_STRING) {
        kept->string.data =
            wendi_arena_copy(&worker->arena, user->string.data, user->string.length);
    }
    return wendi_type_physical(user->type) == WENDI_PHYSICAL_STRING && kept->string.data == NULL
               ? NULL
               : kept;
}

static void add_row(const sessions_plan *plan, const wendi_user_rows *user, uint32_t row,
                    session *of)
{
    bool view = plan->view_flag == WENDI_NO_CELL || wendi_user_flag(user, row, plan->view_flag);
    bool interaction = plan->interaction_flag != WENDI_NO_CELL &&
                       wendi_user_flag(user, row, plan->interaction_flag);
    of->end_us = user->times[row];
    of->events++;
    of->views += view;
    of->interactions += interaction;
    if (plan->node_cell != WENDI_NO_CELL && !user->nulls[plan->node_cell][row]) {
        if (of->entry_null) {
            of->entry = user->cells[plan->node_cell][row];
            of->entry_null = false;
        }
        of->exit = user->cells[plan->node_cell][row];
        of->exit_null = false;
    }
}

/* Gather the user's sessions; numbers[s] becomes the worker's number of session s, or WENDI_NO_CELL
 * when it is not listed. */
static wend_status gather_sessions(sessions_run *run, sessions_worker *worker, uint32_t slice,
                                   const wendi_user_rows *user, const uint32_t *session_of,
                                   uint32_t session_count, uint32_t *numbers, wend_error *error)
{
    const sessions_plan *plan = run->plan;
    const wendi_value *kept = NULL;
    session *found = wendi_arena_alloc_zero(&worker->scratch, session_count * sizeof *found);
    if (found == NULL) {
        return wendi_fail_nomem(error, "sessions", session_count * sizeof *found);
    }
    for (uint32_t row = 0; row < user->row_count; row++) {
        session *of = &found[session_of[row]];
        if (of->events == 0) {
            *of = (session){.slice = slice,
                            .start_us = user->times[row],
                            .entry_null = true,
                            .exit_null = true,
                            .by_null = true};
            if (plan->by_cell != WENDI_NO_CELL) {
                of->by = user->cells[plan->by_cell][row];
                of->by_null = user->nulls[plan->by_cell][row] != 0;
            }
        }
        add_row(plan, user, row, of);
    }
    for (uint32_t i = 0; i < session_count; i++) {
        numbers[i] = WENDI_NO_CELL;
        if (!wendi_behaviour_counts(run->self->call, found[i].start_us)) {
            continue;
        }
        kept = kept == NULL ? keep_user(worker, &user->user) : kept;
        numbers[i] = (uint32_t)(worker->sessions.length / sizeof(session));
        found[i].user = kept;
        found[i].bounce = found[i].views == 1 && found[i].interactions == 0;
        if (kept == NULL ||
            wendi_buffer_append(&worker->sessions, &found[i], sizeof found[i]) != WEND_OK) {
            return wendi_fail_nomem(error, "sessions", worker->sessions.length);
        }
    }
    return WEND_OK;
}

/* Feed one aggregate with rows first..first+count-1 of the user. */
static wend_status update_aggregate(sessions_run *run, sessions_worker *worker, uint32_t number,
                                    const wendi_user_rows *user, uint32_t first, uint32_t count,
                                    const uint32_t *groups, wend_error *error)
{
    const session_aggregate *aggregate = &run->plan->aggregates[number];
    wendi_vector arg;
    wend_status status = WEND_OK;
    uint32_t *indices = wendi_arena_alloc(&worker->scratch, count * sizeof *indices + 64);
    if (indices == NULL) {
        return wendi_fail_nomem(error, "sessions", count * sizeof *indices);
    }
    uint32_t selected = 0;
    for (uint32_t i = 0; i < count; i++) {
        bool passes = groups[i] != WENDI_NO_CELL &&
                      (aggregate->filter_flag == WENDI_NO_CELL ||
                       wendi_user_flag(user, first + i, aggregate->filter_flag));
        indices[selected] = i;
        selected += passes;
    }
    if (aggregate->arg_cell != WENDI_NO_CELL) {
        WEND_TRY(wendi_user_cell_vector(run->stream, aggregate->arg_cell, user, first, count,
                                        &worker->scratch, &arg, error));
    }
    wendi_selection selection = {indices, selected};
    WEND_TRY(wendi_aggregate_state_update(worker->states[number], groups, &selection,
                                          aggregate->arg_cell == WENDI_NO_CELL ? NULL : &arg,
                                          error));
cleanup:
    return status;
}

static wend_status update_aggregates(sessions_run *run, sessions_worker *worker,
                                     const wendi_user_rows *user, const uint32_t *session_of,
                                     const uint32_t *numbers, wend_error *error)
{
    uint32_t group_count = (uint32_t)(worker->sessions.length / sizeof(session));
    wend_status status = WEND_OK;
    uint32_t *groups = wendi_arena_alloc(&worker->scratch, user->row_count * sizeof *groups + 64);
    if (groups == NULL) {
        return wendi_fail_nomem(error, "sessions", user->row_count * sizeof *groups);
    }
    for (uint32_t row = 0; row < user->row_count; row++) {
        groups[row] = numbers[session_of[row]];
    }
    for (uint32_t a = 0; a < run->plan->aggregate_count; a++) {
        WEND_TRY(wendi_aggregate_state_grow(worker->states[a], group_count, error));
        for (uint32_t first = 0; first < user->row_count; first += UPDATE_ROWS) {
            uint32_t count =
                user->row_count - first < UPDATE_ROWS ? user->row_count - first : UPDATE_ROWS;
            WEND_TRY(update_aggregate(run, worker, a, user, first, count, groups + first, error));
        }
    }
cleanup:
    return status;
}

static wend_status consume_user(void *context, uint32_t worker_number, uint32_t slice,
                                const wendi_user_rows *user, wend_error *error)
{
    sessions_run *run = context;
    sessions_worker *worker = &run->workers[worker_number];
    wend_status status = WEND_OK;
    wendi_arena_reset(&worker->scratch);
    uint32_t *session_of =
        wendi_arena_alloc(&worker->scratch, user->row_count * sizeof *session_of);
    uint32_t *open_by_key =
        wendi_arena_alloc(&worker->scratch, user->row_count * sizeof *open_by_key);
    uint32_t *numbers = wendi_arena_alloc(&worker->scratch, user->row_count * sizeof *numbers);
    if (session_of == NULL || open_by_key == NULL || numbers == NULL) {
        return wendi_fail_nomem(error, "sessions", user->row_count * sizeof *session_of);
    }
    uint32_t count = wendi_session_split(&run->plan->rule, user, session_of, open_by_key);
    WEND_TRY(gather_sessions(run, worker, slice, user, session_of, count, numbers, error));
    if (run->plan->aggregate_count != 0) {
        WEND_TRY(update_aggregates(run, worker, user, session_of, numbers, error));
    }
cleanup:
    return status;
}

/* ---- results ---- */

static wend_status finish_aggregates(sessions_run *run, sessions_worker *worker, wend_error *error)
{
    wendi_type types[AGGREGATES_MAX];
    uint32_t count = run->plan->aggregate_count;
    uint32_t sessions = (uint32_t)(worker->sessions.length / sizeof(session));
    wend_status status = WEND_OK;
    for (uint32_t a = 0; a < count; a++) {
        types[a] = run->plan->aggregates[a].of.type;
    }
    WEND_TRY(wendi_rows_init(&worker->results, run->self->head.context, "sessions", types, count,
                             error));
    WEND_TRY(wendi_rows_reserve(&worker->results, sessions, error));
    for (uint32_t a = 0; a < count; a++) {
        WEND_TRY(wendi_aggregate_state_grow(worker->states[a], sessions, error));
        WEND_TRY(
            wendi_aggregate_state_finish(worker->states[a], sessions, &worker->results, a, error));
    }
    worker->results.row_count = sessions;
cleanup:
    return status;
}

static void put_cell(wendi_row_writer *row, const sessions_run *run, uint32_t cell, uint64_t bits,
                     bool null)
{
    if (cell == WENDI_NO_CELL || null) {
        wendi_put_null(row);
    } else {
        wendi_value value = wendi_user_cell_value(run->stream, cell, bits, false);
        wendi_put(row, &value);
    }
}

static wend_status put_session(sessions_run *run, const sessions_worker *worker, uint32_t number,
                               wend_error *error)
{
    const sessions_plan *plan = run->plan;
    const session *of = (const session *)(const void *)worker->sessions.data + number;
    wendi_row_writer row = wendi_begin_row(&run->self->rows, error);
    if (plan->by_cell != WENDI_NO_CELL) {
        put_cell(&row, run, plan->by_cell, of->by, of->by_null);
    }
    wendi_put(&row, of->user);
    wendi_put_bigint(&row, of->start_us);
    wendi_put_bigint(&row, of->end_us);
    wendi_put_double(&row, (double)(of->end_us - of->start_us) / 1e6);
    wendi_put_bigint(&row, (int64_t)of->events);
    put_cell(&row, run, plan->node_cell, of->entry, of->entry_null);
    put_cell(&row, run, plan->node_cell, of->exit, of->exit_null);
    wendi_put_bigint(&row, of->bounce);
    for (uint32_t a = 0; a < plan->aggregate_count; a++) {
        wendi_value value = wendi_rows_value(&worker->results, number, a);
        wendi_put(&row, &value);
    }
    return wendi_end_row(&row);
}

/* By slices, and so in the order of user hashes, whichever worker had them. */
static wend_status put_sessions(sessions_run *run, wend_error *error)
{
    wend_status status = WEND_OK;
    for (uint32_t slice = 0; slice < wendi_user_stream_slices(run->stream); slice++) {
        for (uint32_t w = 0; w < run->worker_count; w++) {
            sessions_worker *worker = &run->workers[w];
            const session *sessions = (const session *)(const void *)worker->sessions.data;
            uint32_t count = (uint32_t)(worker->sessions.length / sizeof(session));
            while (worker->next < count && sessions[worker->next].slice == slice) {
                WEND_TRY(put_session(run, worker, worker->next++, error));
            }
        }
    }
cleanup:
    return status;
}

static wend_status open_workers(sessions_run *run, wend_error *error)
{
    run->worker_count = wendi_user_stream_workers(run->stream);
    run->workers = wendi_alloc_zero(run->worker_count, sizeof *run->workers);
    if (run->workers == NULL) {
        return wendi_fail_nomem(error, "sessions", run->worker_count * sizeof *run->workers);
    }
    for (uint32_t w = 0; w < run->worker_count; w++) {
        for (uint32_t a = 0; a < run->plan->aggregate_count; a++) {
            wend_status status =
                wendi_aggregate_state_open(run->self->head.context, &run->plan->aggregates[a].of,
                                           &run->workers[w].states[a], error);
            if (status != WEND_OK) {
                return status;
            }
        }
    }
    return WEND_OK;
}

static void close_workers(sessions_run *run)
{
    for (uint32_t w = 0; run->workers != NULL && w < run->worker_count; w++) {
        sessions_worker *worker = &run->workers[w];
        for (uint32_t a = 0; a < run->plan->aggregate_count; a++) {
            wendi_aggregate_state_close(worker->states[a]);
        }
        wendi_rows_free(&worker->results);
        wendi_buffer_free(&worker->sessions);
        wendi_arena_free(&worker->arena);
        wendi_arena_free(&worker->scratch);
    }
    wendi_free(run->workers);
}

static wend_status compute(wendi_behaviour_operator *self, wend_error *error)
{
    sessions_run run = {.self = self, .plan = self->plan};
    wend_status status = WEND_OK;
    WEND_TRY(wendi_behaviour_stream(self->call, &run.stream, error));
    WEND_TRY(open_workers(&run, error));
    WEND_TRY(wendi_user_stream_run(run.stream, consume_user, &run, error));
    for (uint32_t w = 0; w < run.worker_count && run.plan->aggregate_count != 0; w++) {
        WEND_TRY(finish_aggregates(&run, &run.workers[w], error));
    }
    WEND_TRY(put_sessions(&run, error));
    WEND_TRY(wendi_behaviour_notes(self->call, run.stream, error));
cleanup:
    close_workers(&run);
    wendi_user_stream_close(run.stream);
    return status;
}

/* ---- binding ---- */

static wend_status bind_aggregate(wendi_behaviour_call *base, sessions_plan *plan, uint32_t arg,
                                  wend_error *error)
{
    const wendi_sql_call *call = base->call->call;
    const wendi_sql_expr *node = call->args[arg];
    session_aggregate *aggregate = &plan->aggregates[plan->aggregate_count];
    wend_status status = WEND_OK;
    if (plan->aggregate_count == AGGREGATES_MAX) {
        return wendi_fail_at(error, WEND_INVALID, node->position, "more than %d aggregates",
                             AGGREGATES_MAX);
    }
    WEND_TRY(
        wendi_aggregate_bind(node, &base->scope.scope, base->call->arena, &aggregate->of, error));
    aggregate->name =
        wendi_arena_copy(base->call->arena, call->arg_names[arg].data, call->arg_names[arg].length);
    aggregate->arg_cell = WENDI_NO_CELL;
    aggregate->filter_flag = WENDI_NO_CELL;
    if (aggregate->name == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "sessions", call->arg_names[arg].length));
    }
    if (aggregate->of.arg != NULL) {
        WEND_TRY(wendi_behaviour_cell_of(base, aggregate->of.arg, &aggregate->arg_cell, error));
    }
    if (aggregate->of.filter != NULL) {
        WEND_TRY(
            wendi_behaviour_flag_of(base, aggregate->of.filter, &aggregate->filter_flag, error));
    }
    plan->aggregate_count++;
    base->asked[arg] = 1;
cleanup:
    return status;
}

static wend_status bind_aggregates(wendi_behaviour_call *base, sessions_plan *plan,
                                   wend_error *error)
{
    const wendi_sql_call *call = base->call->call;
    wend_status status = WEND_OK;
    for (uint32_t i = 1; status == WEND_OK && call->arg_names != NULL && i < call->arg_count; i++) {
        const wendi_sql_expr *node = call->args[i];
        if (!base->asked[i] && node->kind == WENDI_SQL_CALL &&
            wendi_aggregate_named(node->call.name)) {
            status = bind_aggregate(base, plan, i, error);
        }
    }
    return status;
}

static wend_status bind_plan(wendi_behaviour_call *base, sessions_plan *plan, wend_error *error)
{
    wend_status status = WEND_OK;
    plan->node_cell = WENDI_NO_CELL;
    plan->by_cell = WENDI_NO_CELL;
    WEND_TRY(wendi_behaviour_sessions(base, "", &plan->rule, error));
    WEND_TRY(wendi_behaviour_node(base, &plan->node_cell, error));
    WEND_TRY(wendi_behaviour_optional_flag(base, "view", &plan->view_flag, error));
    WEND_TRY(wendi_behaviour_optional_flag(base, "interaction", &plan->interaction_flag, error));
    if (base->by != NULL) {
        WEND_TRY(wendi_behaviour_cell_of(base, base->by, &plan->by_cell, error));
    }
    WEND_TRY(bind_aggregates(base, plan, error));
    WEND_TRY(wendi_behaviour_end(base, SESSIONS_USAGE, error));
cleanup:
    return status;
}

static wend_status describe(const wendi_operator *head, wendi_buffer *out)
{
    const wendi_behaviour_operator *self = (const wendi_behaviour_operator *)head;
    const sessions_plan *plan = self->plan;
    return plan->rule.use_gap
               ? wendi_buffer_printf(out, " by gap of %lld s",
                                     (long long)(plan->rule.gap_us / WENDI_US_PER_SECOND))
               : wendi_buffer_printf(out, " by key");
}

static const wendi_operator_class sessions_class = {"Sessions", wendi_behaviour_next, describe,
                                                    wendi_behaviour_close};

static wend_status bind_sessions(const wendi_table_call *call, wendi_operator **operator_out,
                                 wend_error *error)
{
    wendi_result_column columns[FIXED_COLUMNS + AGGREGATES_MAX];
    wendi_behaviour_call *base;
    uint32_t count = 0;
    wend_status status = WEND_OK;
    sessions_plan *plan = wendi_arena_alloc_zero(call->arena, sizeof *plan);
    if (plan == NULL) {
        return wendi_fail_nomem(error, "sessions", sizeof *plan);
    }
    WEND_TRY(wendi_behaviour_begin(call, &base, error));
    WEND_TRY(wendi_behaviour_no_positional(base, SESSIONS_USAGE, error));
    WEND_TRY(bind_plan(base, plan, error));
    wendi_type node = plan->node_cell == WENDI_NO_CELL ? wendi_type_of(WENDI_TYPE_TEXT)
                                                       : base->cells[plan->node_cell]->type;
    if (base->by != NULL) {
        columns[count++] = (wendi_result_column){"by", base->by->type};
    }
    WEND_TRY(wendi_behaviour_user_column(base, &columns[count++], error));
    columns[count++] = (wendi_result_column){"start_time", wendi_type_of(WENDI_TYPE_TIMESTAMPTZ)};
    columns[count++] = (wendi_result_column){"end_time", wendi_type_of(WENDI_TYPE_TIMESTAMPTZ)};
    columns[count++] = (wendi_result_column){"duration_s", wendi_type_of(WENDI_TYPE_DOUBLE)};
    columns[count++] = (wendi_result_column){"events", wendi_type_of(WENDI_TYPE_BIGINT)};
    columns[count++] = (wendi_result_column){"entry_node", node};
    columns[count++] = (wendi_result_column){"exit_node", node};
    columns[count++] = (wendi_result_column){"bounce", wendi_type_of(WENDI_TYPE_BOOLEAN)};
    for (uint32_t a = 0; a < plan->aggregate_count; a++) {
        columns[count++] =
            (wendi_result_column){plan->aggregates[a].name, plan->aggregates[a].of.type};
    }
    WEND_TRY(wendi_behaviour_operator_open(&sessions_class, base, plan, compute, columns, count,
                                           operator_out, error));
cleanup:
    return status;
}

const wendi_table_function wendi_function_sessions = {"sessions", SESSIONS_USAGE, bind_sessions};
