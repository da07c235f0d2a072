/*
 * paths() and top_paths(): what sessions (or users) step through.
 *
 * Two passes over the users: the first counts how often each node stands at each step, which
 * decides who becomes "(other)"; the second counts edges or whole paths with that decided. Nodes
 * are ids of the stream's value table; their texts are looked at only for ties and for the result.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "query/behaviour/behaviour.h"
#include "query/behaviour/behaviour_operator.h"

#define PATHS_USAGE                                                                                \
    "paths(table [, node => expression, steps => 5, per => 'session'|'user', start_at, end_at, "   \
    "collapse, top => 20, "                                                                        \
    "gap, session_key, split, split_on, by, filter, since, until, tz]); top_paths likewise"

enum { STEPS_DEFAULT = 5, STEPS_MAX = 64, TOP_DEFAULT = 20 };

/* Ends and stand-ins, as node ids that no value has. */
static const uint64_t node_other = UINT64_MAX;
static const uint64_t node_exit = UINT64_MAX - 1;
static const uint64_t node_end = UINT64_MAX - 2;
static const uint64_t node_more = UINT64_MAX - 3;

typedef struct paths_plan {
    wendi_session_rule rule;
    bool per_user;
    bool whole_paths; /* top_paths() */
    bool collapse;
    uint32_t node_cell;
    uint32_t by_cell;    /* or WENDI_NO_CELL */
    uint32_t start_flag; /* or WENDI_NO_CELL */
    uint32_t end_flag;
    int64_t steps;
    int64_t top;
} paths_plan;

typedef struct count_pair {
    uint64_t sessions;
    uint64_t users;
    uint64_t last_user; /* number of the user that counted last, from 1 */
} count_pair;

typedef struct paths_worker {
    wendi_arena scratch;
    wendi_keys nodes;         /* (step, node) */
    wendi_buffer node_counts; /* uint64_t */
    wendi_interner
        items; /* edges or paths, each as little-endian words: by null, by bits, then the rest */
    wendi_buffer item_counts; /* count_pair */
    uint64_t user_number;
} paths_worker;

typedef struct paths_run {
    wendi_behaviour_operator *self;
    paths_plan *plan;
    wendi_user_stream *stream;
    paths_worker *workers;
    uint32_t worker_count;
    bool second;     /* pass */
    wendi_keys kept; /* (step, node) that stay themselves */
} paths_run;

typedef struct path { /* of one session */
    uint64_t by_null;
    uint64_t by_bits;
    uint64_t end;
    uint32_t length;
    uint64_t nodes[STEPS_MAX];
} path;

/* ---- one path ---- */

/* The rows list[from..to) that the cuts keep; false: the path does not start. */
static bool cut(const paths_plan *plan, const wendi_user_rows *user, const uint32_t *list,
                uint32_t count, uint32_t *from, uint32_t *to, bool *ended)
{
    *from = 0;
    *to = count;
    *ended = false;
    if (plan->start_flag != WENDI_NO_CELL) {
        while (*from < count && !wendi_user_flag(user, list[*from], plan->start_flag)) {
            (*from)++;
        }
        if (*from == count) {
            return false;
        }
    }
    uint32_t after = plan->start_flag != WENDI_NO_CELL ? *from + 1 : *from;
    for (uint32_t i = after; plan->end_flag != WENDI_NO_CELL && i < count && !*ended; i++) {
        if (wendi_user_flag(user, list[i], plan->end_flag)) {
            *to = i + 1;
            *ended = true;
        }
    }
    return true;
}

/* Cut, collapse, K. False: the session has no node. */
static bool make_path(const paths_plan *plan, const wendi_user_rows *user, const uint32_t *list,
                      uint32_t count, path *out)
{
    uint32_t from;
    uint32_t to;
    bool ended;
    if (!cut(plan, user, list, count, &from, &to, &ended)) {
        return false;
    }
    const uint64_t *nodes = user->cells[plan->node_cell];
    const uint8_t *nulls = user->nulls[plan->node_cell];
    uint64_t last = 0;
    out->length = 0;
    out->end = ended ? node_end : node_exit;
    for (uint32_t i = from; i < to; i++) {
        uint64_t node = nodes[list[i]];
        if (nulls[list[i]] || (plan->collapse && out->length != 0 && node == last)) {
            continue;
        }
        if (out->length == plan->steps) {
            out->end = node_more;
            break;
        }
        out->nodes[out->length++] = node;
        last = node;
    }
    out->by_null = plan->by_cell == WENDI_NO_CELL ? 0 : user->nulls[plan->by_cell][list[0]];
    out->by_bits = plan->by_cell == WENDI_NO_CELL ? 0 : user->cells[plan->by_cell][list[0]];
    return out->length != 0;
}

/* ---- counting ---- */

static wend_status count_nodes(paths_worker *worker, const path *of, wend_error *error)
{
    for (uint32_t step = 0; step < of->length; step++) {
        uint64_t parts[2] = {step, of->nodes[step]};
        uint32_t number;
        wend_status status = wendi_keys_number(&worker->nodes, parts, 2, &number, error);
        if (status != WEND_OK) {
            return status;
        }
        if (number == worker->node_counts.length / sizeof(uint64_t) &&
            wendi_buffer_append_zero(&worker->node_counts, sizeof(uint64_t)) != WEND_OK) {
            return wendi_fail_nomem(error, "counting nodes", worker->node_counts.length);
        }
        ((uint64_t *)(void *)worker->node_counts.data)[number]++;
    }
    return WEND_OK;
}

static wend_status count_item(paths_worker *worker, const uint64_t *words, uint32_t word_count,
                              wend_error *error)
{
    uint8_t bytes[(STEPS_MAX + 3) * 8];
    uint32_t code;
    for (uint32_t i = 0; i < word_count; i++) {
        wendi_store_u64(bytes + (size_t)i * 8, words[i]);
    }
    if (wendi_interner_code(&worker->items, (wendi_string){(const char *)bytes, word_count * 8},
                            &code) != WEND_OK) {
        return wendi_fail_nomem(error, "counting paths", worker->items.bytes.length);
    }
    if (code - 1 == worker->item_counts.length / sizeof(count_pair) &&
        wendi_buffer_append_zero(&worker->item_counts, sizeof(count_pair)) != WEND_OK) {
        return wendi_fail_nomem(error, "counting paths", worker->item_counts.length);
    }
    count_pair *pair = (count_pair *)(void *)worker->item_counts.data + code - 1;
    pair->sessions++;
    pair->users += pair->last_user != worker->user_number;
    pair->last_user = worker->user_number;
    return WEND_OK;
}

static bool is_kept(const paths_run *run, uint32_t step, uint64_t node)
{
    uint8_t bytes[16];
    wendi_store_u64(bytes, step);
    wendi_store_u64(bytes + 8, node);
    return wendi_interner_find(&run->kept.interner,
                               (wendi_string){(const char *)bytes, sizeof bytes}) != 0;
}

static wend_status count_path(const paths_run *run, paths_worker *worker, path *of,
                              wend_error *error)
{
    wend_status status = WEND_OK;
    for (uint32_t step = 0; step < of->length; step++) {
        of->nodes[step] = is_kept(run, step, of->nodes[step]) ? of->nodes[step] : node_other;
    }
    if (run->plan->whole_paths) {
        uint64_t words[STEPS_MAX + 3] = {of->by_null, of->by_bits};
        memcpy(words + 2, of->nodes, of->length * sizeof *words);
        words[of->length + 2] = of->end;
        return count_item(worker, words, of->length + 3, error);
    }
    for (uint32_t step = 0; status == WEND_OK && step < of->length; step++) {
        uint64_t target = step + 1 < of->length ? of->nodes[step + 1] : of->end;
        uint64_t words[5] = {of->by_null, of->by_bits, step, of->nodes[step], target};
        status = count_item(worker, words, 5, error);
    }
    return status;
}

static wend_status take_rows(paths_run *run, paths_worker *worker, const wendi_user_rows *user,
                             const uint32_t *list, uint32_t count, wend_error *error)
{
    path found;
    if (!wendi_behaviour_counts(run->self->call, user->times[list[0]]) ||
        !make_path(run->plan, user, list, count, &found)) {
        return WEND_OK;
    }
    return run->second ? count_path(run, worker, &found, error)
                       : count_nodes(worker, &found, error);
}

static wend_status consume_user(void *context, uint32_t worker_number, uint32_t slice,
                                const wendi_user_rows *user, wend_error *error)
{
    paths_run *run = context;
    paths_worker *worker = &run->workers[worker_number];
    wend_status status = WEND_OK;
    (void)slice;
    wendi_arena_reset(&worker->scratch);
    worker->user_number++;
    size_t bytes = user->row_count * sizeof(uint32_t);
    uint32_t *session_of = wendi_arena_alloc_zero(&worker->scratch, bytes);
    uint32_t *open_by_key = wendi_arena_alloc(&worker->scratch, bytes);
    uint32_t *list = wendi_arena_alloc(&worker->scratch, bytes);
    uint32_t *starts = wendi_arena_alloc(&worker->scratch, bytes + sizeof *starts);
    if (session_of == NULL || open_by_key == NULL || list == NULL || starts == NULL) {
        return wendi_fail_nomem(error, "paths", bytes);
    }
    uint32_t sessions = run->plan->per_user
                            ? 1
                            : wendi_session_split(&run->plan->rule, user, session_of, open_by_key);
    wendi_session_group(session_of, user->row_count, sessions, starts, list);
    for (uint32_t session = 0; status == WEND_OK && session < sessions; session++) {
        uint32_t begin = starts[session];
        status = take_rows(run, worker, user, list + begin, starts[session + 1] - begin, error);
    }
    return status;
}

/* ---- who stays, who is (other) ---- */

static wend_status node_text(const paths_run *run, uint64_t node, wendi_arena *arena,
                             wendi_string *text, wend_error *error)
{
    wendi_buffer buffer = {0};
    wend_status status = WEND_OK;
    const char *marker = node == node_other  ? "(other)"
                         : node == node_exit ? "(exit)"
                         : node == node_end  ? "(end)"
                         : node == node_more ? "(more)"
                                             : NULL;
    if (marker != NULL) {
        *text = wendi_string_of(marker);
        return WEND_OK;
    }
    wendi_value value = wendi_user_cell_value(run->stream, run->plan->node_cell, node, false);
    if (wendi_type_physical(value.type) == WENDI_PHYSICAL_STRING) {
        *text = value.string;
        return WEND_OK;
    }
    if (wendi_value_format(&value, run->self->call->session.zone, &buffer) != WEND_OK ||
        (text->data = wendi_arena_copy(arena, (const char *)buffer.data, buffer.length)) == NULL) {
        status = wendi_fail_nomem(error, "a node's text", buffer.length);
    }
    text->length = (uint32_t)buffer.length;
    wendi_buffer_free(&buffer);
    return status;
}

typedef struct ranked_node {
    uint32_t step;
    uint64_t node;
    uint64_t count;
    wendi_string text;
} ranked_node;

static int compare_nodes(const void *a, const void *b)
{
    const ranked_node *left = a;
    const ranked_node *right = b;
    if (left->step != right->step) {
        return left->step < right->step ? -1 : 1;
    }
    if (left->count != right->count) {
        return left->count > right->count ? -1 : 1;
    }
    return wendi_string_compare(left->text, right->text);
}

static wend_status sum_nodes(paths_run *run, wendi_keys *all, wendi_buffer *counts,
                             wend_error *error)
{
    for (uint32_t w = 0; w < run->worker_count; w++) {
        const paths_worker *worker = &run->workers[w];
        for (uint32_t i = 0; i < wendi_keys_count(&worker->nodes); i++) {
            uint64_t parts[2] = {wendi_keys_part(&worker->nodes, i, 0),
                                 wendi_keys_part(&worker->nodes, i, 1)};
            uint32_t number;
            wend_status status = wendi_keys_number(all, parts, 2, &number, error);
            if (status != WEND_OK) {
                return status;
            }
            if (number == counts->length / sizeof(uint64_t) &&
                wendi_buffer_append_zero(counts, sizeof(uint64_t)) != WEND_OK) {
                return wendi_fail_nomem(error, "counting nodes", counts->length);
            }
            ((uint64_t *)(void *)counts->data)[number] +=
                ((const uint64_t *)(const void *)worker->node_counts.data)[i];
        }
    }
    return WEND_OK;
}

static wend_status choose_kept(paths_run *run, wend_error *error)
{
    wendi_keys all = {0};
    wendi_buffer counts = {0};
    wendi_arena arena = {0};
    wend_status status = WEND_OK;
    WEND_TRY(sum_nodes(run, &all, &counts, error));
    uint32_t node_count = wendi_keys_count(&all);
    ranked_node *ranked = wendi_arena_alloc(&arena, (node_count + 1) * sizeof *ranked);
    if (ranked == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "ranking nodes", node_count * sizeof *ranked));
    }
    for (uint32_t i = 0; i < node_count; i++) {
        ranked[i] = (ranked_node){.step = (uint32_t)wendi_keys_part(&all, i, 0),
                                  .node = wendi_keys_part(&all, i, 1),
                                  .count = ((const uint64_t *)(const void *)counts.data)[i]};
        WEND_TRY(node_text(run, ranked[i].node, &arena, &ranked[i].text, error));
    }
    qsort(ranked, node_count, sizeof *ranked, compare_nodes);
    for (uint32_t i = 0, rank = 0; i < node_count; i++) {
        rank = i > 0 && ranked[i].step == ranked[i - 1].step ? rank + 1 : 0;
        if (rank < run->plan->top) {
            uint64_t parts[2] = {ranked[i].step, ranked[i].node};
            uint32_t number;
            WEND_TRY(wendi_keys_number(&run->kept, parts, 2, &number, error));
        }
    }
cleanup:
    wendi_arena_free(&arena);
    wendi_buffer_free(&counts);
    wendi_keys_free(&all);
    return status;
}

/* ---- results ---- */

typedef struct result_item {
    wendi_value by;
    uint64_t step;
    wendi_string source; /* or the whole path */
    wendi_string target;
    uint64_t sessions;
    uint64_t users;
    uint64_t by_sessions; /* all sessions of this by value */
} result_item;

static int compare_values(const wendi_value *a, const wendi_value *b)
{
    if (a->null || b->null) {
        return (int)a->null - (int)b->null;
    }
    return wendi_value_compare(a, b);
}

static int compare_items(const void *a, const void *b)
{
    const result_item *left = a;
    const result_item *right = b;
    int order = compare_values(&left->by, &right->by);
    if (order == 0 && left->step != right->step) {
        order = left->step < right->step ? -1 : 1;
    }
    if (order == 0 && left->sessions != right->sessions) {
        order = left->sessions > right->sessions ? -1 : 1;
    }
    order = order != 0 ? order : wendi_string_compare(left->source, right->source);
    return order != 0 ? order : wendi_string_compare(left->target, right->target);
}

static wend_status absorb_items(paths_run *run, wend_error *error)
{
    paths_worker *all = &run->workers[0];
    for (uint32_t w = 1; w < run->worker_count; w++) {
        const paths_worker *worker = &run->workers[w];
        for (uint32_t code = 1; code < worker->items.entry_count; code++) {
            uint32_t into;
            if (wendi_interner_code(&all->items, wendi_interner_at(&worker->items, code), &into) !=
                    WEND_OK ||
                (into - 1 == all->item_counts.length / sizeof(count_pair) &&
                 wendi_buffer_append_zero(&all->item_counts, sizeof(count_pair)) != WEND_OK)) {
                return wendi_fail_nomem(error, "counting paths", all->items.bytes.length);
            }
            const count_pair *more =
                (const count_pair *)(const void *)worker->item_counts.data + code - 1;
            count_pair *sum = (count_pair *)(void *)all->item_counts.data + into - 1;
            sum->sessions += more->sessions; /* a user is one worker's, so users add up too */
            sum->users += more->users;
        }
    }
    return WEND_OK;
}

static wend_status path_text(const paths_run *run, wendi_string words, wendi_arena *arena,
                             wendi_string *text, wend_error *error)
{
    wendi_buffer buffer = {0};
    wend_status status = WEND_OK;
    for (uint32_t at = 16; at < words.length; at += 8) {
        wendi_string node;
        WEND_TRY(node_text(run, wendi_load_u64(words.data + at), arena, &node, error));
        if ((at > 16 && wendi_buffer_append(&buffer, " > ", 3) != WEND_OK) ||
            wendi_buffer_append(&buffer, node.data, node.length) != WEND_OK) {
            WEND_TRY(wendi_fail_nomem(error, "a path's text", buffer.length));
        }
    }
    text->data = wendi_arena_copy(arena, (const char *)buffer.data, buffer.length);
    text->length = (uint32_t)buffer.length;
    status = text->data == NULL ? wendi_fail_nomem(error, "a path's text", buffer.length) : WEND_OK;
cleanup:
    wendi_buffer_free(&buffer);
    return status;
}

static wend_status read_item(const paths_run *run, uint32_t code, wendi_arena *arena,
                             result_item *item, wend_error *error)
{
    const paths_worker *all = &run->workers[0];
    wendi_string words = wendi_interner_at(&all->items, code);
    const count_pair *counts = (const count_pair *)(const void *)all->item_counts.data + code - 1;
    wend_status status = WEND_OK;
    *item =
        (result_item){.by = {.null = true}, .sessions = counts->sessions, .users = counts->users};
    if (run->plan->by_cell != WENDI_NO_CELL) {
        item->by =
            wendi_user_cell_value(run->stream, run->plan->by_cell, wendi_load_u64(words.data + 8),
                                  wendi_load_u64(words.data) != 0);
    }
    if (run->plan->whole_paths) {
        return path_text(run, words, arena, &item->source, error);
    }
    item->step = wendi_load_u64(words.data + 16);
    WEND_TRY(node_text(run, wendi_load_u64(words.data + 24), arena, &item->source, error));
    WEND_TRY(node_text(run, wendi_load_u64(words.data + 32), arena, &item->target, error));
cleanup:
    return status;
}

/* Items are sorted by their breakdown value: sum the sessions of each stretch. */
static void sum_by(result_item *items, uint32_t count)
{
    for (uint32_t begin = 0, end = 0; begin < count; begin = end) {
        uint64_t sum = 0;
        while (end < count && compare_values(&items[begin].by, &items[end].by) == 0) {
            sum += items[end++].sessions;
        }
        for (uint32_t i = begin; i < end; i++) {
            items[i].by_sessions = sum;
        }
    }
}

static wend_status put_items(paths_run *run, wend_error *error)
{
    wendi_arena arena = {0};
    uint32_t entries = run->workers[0].items.entry_count;
    uint32_t count = entries == 0 ? 0 : entries - 1;
    wend_status status = WEND_OK;
    result_item *items = wendi_alloc((count + 1) * sizeof *items);
    if (items == NULL) {
        return wendi_fail_nomem(error, "paths", count * sizeof *items);
    }
    for (uint32_t i = 0; i < count; i++) {
        WEND_TRY(read_item(run, i + 1, &arena, &items[i], error));
    }
    qsort(items, count, sizeof *items, compare_items);
    sum_by(items, count);
    for (uint32_t i = 0; i < count; i++) {
        wendi_row_writer row = wendi_begin_row(&run->self->rows, error);
        if (run->plan->by_cell != WENDI_NO_CELL) {
            wendi_put(&row, &items[i].by);
        }
        if (run->plan->whole_paths) {
            wendi_put_text(&row, items[i].source);
            wendi_put_bigint(&row, (int64_t)items[i].sessions);
            wendi_put_double(&row, (double)items[i].sessions / (double)items[i].by_sessions);
        } else {
            wendi_put_bigint(&row, (int64_t)items[i].step + 1);
            wendi_put_text(&row, items[i].source);
            wendi_put_text(&row, items[i].target);
            wendi_put_bigint(&row, (int64_t)items[i].sessions);
            wendi_put_bigint(&row, (int64_t)items[i].users);
        }
        WEND_TRY(wendi_end_row(&row));
    }
cleanup:
    wendi_free(items);
    wendi_arena_free(&arena);
    return status;
}

static void close_run(paths_run *run)
{
    for (uint32_t w = 0; run->workers != NULL && w < run->worker_count; w++) {
        paths_worker *worker = &run->workers[w];
        wendi_arena_free(&worker->scratch);
        wendi_keys_free(&worker->nodes);
        wendi_buffer_free(&worker->node_counts);
        wendi_interner_free(&worker->items);
        wendi_buffer_free(&worker->item_counts);
    }
    wendi_free(run->workers);
    wendi_keys_free(&run->kept);
    wendi_user_stream_close(run->stream);
}

static wend_status compute(wendi_behaviour_operator *self, wend_error *error)
{
    paths_run run = {.self = self, .plan = self->plan};
    wend_status status = WEND_OK;
    WEND_TRY(wendi_behaviour_stream(self->call, &run.stream, error));
    run.worker_count = wendi_user_stream_workers(run.stream);
    run.workers = wendi_alloc_zero(run.worker_count, sizeof *run.workers);
    if (run.workers == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "paths", run.worker_count * sizeof *run.workers));
    }
    WEND_TRY(wendi_user_stream_run(run.stream, consume_user, &run, error));
    WEND_TRY(choose_kept(&run, error));
    run.second = true;
    WEND_TRY(wendi_user_stream_run(run.stream, consume_user, &run, error));
    WEND_TRY(absorb_items(&run, error));
    WEND_TRY(put_items(&run, error));
    WEND_TRY(wendi_behaviour_notes(self->call, run.stream, error));
cleanup:
    close_run(&run);
    return status;
}

/* ---- binding ---- */

static wend_status bind_plan(wendi_behaviour_call *base, paths_plan *plan, wend_error *error)
{
    static const char *const pers[] = {"session", "user", NULL};
    uint32_t per = 0;
    wend_status status = WEND_OK;
    plan->collapse = true;
    plan->steps = STEPS_DEFAULT;
    plan->top = TOP_DEFAULT;
    plan->by_cell = WENDI_NO_CELL;
    WEND_TRY(wendi_behaviour_no_positional(base, PATHS_USAGE, error));
    WEND_TRY(wendi_behaviour_node(base, &plan->node_cell, error));
    if (plan->node_cell == WENDI_NO_CELL) {
        wendi_fail_at(error, WEND_INVALID, base->call->position,
                      "paths need a node, since the table has no event column");
        wendi_error_hint(error, "add node => page");
        WEND_TRY(WEND_INVALID);
    }
    WEND_TRY(wendi_behaviour_word(base, "per", pers, &per, error));
    plan->per_user = per == 1;
    if (!plan->per_user) {
        WEND_TRY(wendi_behaviour_sessions(base, "", &plan->rule, error));
    }
    WEND_TRY(wendi_behaviour_integer(base, "steps", 1, STEPS_MAX, &plan->steps, error));
    WEND_TRY(wendi_behaviour_integer(base, "top", 1, INT32_MAX, &plan->top, error));
    WEND_TRY(wendi_behaviour_boolean(base, "collapse", &plan->collapse, error));
    WEND_TRY(wendi_behaviour_optional_flag(base, "start_at", &plan->start_flag, error));
    WEND_TRY(wendi_behaviour_optional_flag(base, "end_at", &plan->end_flag, error));
    if (base->by != NULL) {
        WEND_TRY(wendi_behaviour_cell_of(base, base->by, &plan->by_cell, error));
    }
    WEND_TRY(wendi_behaviour_end(base, PATHS_USAGE, error));
cleanup:
    return status;
}

static const wendi_operator_class paths_class = {"Paths", wendi_behaviour_next, NULL,
                                                 wendi_behaviour_close};
static const wendi_operator_class top_paths_class = {"Top paths", wendi_behaviour_next, NULL,
                                                     wendi_behaviour_close};

static wend_status bind(const wendi_table_call *call, bool whole_paths,
                        wendi_operator **operator_out, wend_error *error)
{
    wendi_type text = wendi_type_of(WENDI_TYPE_TEXT);
    wendi_type bigint = wendi_type_of(WENDI_TYPE_BIGINT);
    wendi_result_column edges[] = {{"by", text},     {"step", bigint},     {"source", text},
                                   {"target", text}, {"sessions", bigint}, {"users", bigint}};
    wendi_result_column whole[] = {{"by", text},
                                   {"path", text},
                                   {"sessions", bigint},
                                   {"share", wendi_type_of(WENDI_TYPE_DOUBLE)}};
    wendi_result_column *columns = whole_paths ? whole : edges;
    uint32_t count = whole_paths ? 4 : 6;
    wendi_behaviour_call *base;
    wend_status status = WEND_OK;
    paths_plan *plan = wendi_arena_alloc_zero(call->arena, sizeof *plan);
    if (plan == NULL) {
        return wendi_fail_nomem(error, "paths", sizeof *plan);
    }
    plan->whole_paths = whole_paths;
    WEND_TRY(wendi_behaviour_begin(call, &base, error));
    WEND_TRY(bind_plan(base, plan, error));
    uint32_t skip = base->by == NULL ? 1 : 0;
    columns[0].type = base->by == NULL ? text : base->by->type;
    WEND_TRY(wendi_behaviour_operator_open(whole_paths ? &top_paths_class : &paths_class, base,
                                           plan, compute, columns + skip, count - skip,
                                           operator_out, error));
cleanup:
    return status;
}

static wend_status bind_paths(const wendi_table_call *call, wendi_operator **operator_out,
                              wend_error *error)
{
    return bind(call, false, operator_out, error);
}

static wend_status bind_top_paths(const wendi_table_call *call, wendi_operator **operator_out,
                                  wend_error *error)
{
    return bind(call, true, operator_out, error);
}

const wendi_table_function wendi_function_paths = {"paths", PATHS_USAGE, bind_paths};
const wendi_table_function wendi_function_top_paths = {"top_paths", PATHS_USAGE, bind_top_paths};
