/*
 * Choosing what to merge into what.
 *
 * Days are gathered into windows of the largest unit that fits; windows with news become spans of
 * their own, the few rows of others share spans between them, so that all spans together cover the
 * whole of time and every row of an input falls into exactly one. Spans that no input straddles are
 * cut apart and become steps. All this begins anew, with more inputs, when a segment that would
 * stay ends up on the wrong side of rows it can tie with
 * (docs/decisions/compaction-keeps-arrival.md).
 */
#include "engine/table/compaction.h"

#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/civil.h"
#include "engine/table/compaction_days.h"
#include "engine/table/row_key.h"

enum {
    WINDOW_ROWS_MIN_DEFAULT = 65536, /* fewer do not make a file of their own */
    SPREAD_DAYS_MAX = 64,
    NEWS_SHARE = 8,       /* a finished file is written again when an eighth as much is new */
    STEP_INPUTS_MAX = 512 /* files that are open at once */
};
#define DAY_US (INT64_C(86400) * 1000000)
#define TARGET_DEFAULT (UINT64_C(1) << 30)
#define MEMORY_DEFAULT (UINT64_C(1) << 30)
#define COMMITS_TOLD_APART_ROWS (UINT64_C(64) << 20)
#define INPUT_BYTES ((uint64_t)1 << 20) /* an open input costs, beside a row group's pages */

typedef enum window_unit { UNIT_MONTH, UNIT_WEEK, UNIT_DAY, UNIT_COUNT } window_unit;

typedef struct window { /* of time, with rows of the chosen inputs */
    int64_t begin_day;
    int64_t end_day;
    uint64_t rows;
    double bytes;
    bool big; /* a span of its own */
} window;

typedef struct span { /* a piece of time that is written apart from others */
    int64_t begin_us;
    int64_t end_us;
    uint64_t rows;
    double bytes;
    bool big;
} span;

typedef struct planning {
    wendi_snapshot *snapshot;
    const wendi_table_state *state;
    const wendi_schema *schema;
    const wendi_compaction_options *options;
    wendi_compaction_plan *plan;
    wendi_arena *arena; /* the plan's */
    uint64_t target_bytes;
    uint64_t window_rows_min;
    uint8_t *chosen;  /* per segment of the state: takes part */
    uint8_t *dropped; /* per segment: some step reads it */
    wendi_days *days; /* per segment, counted once; has_days says whether */
    uint8_t *has_days;
    window_unit unit;
    wendi_buffer windows; /* window each */
    span *spans;
    uint32_t span_count;
    uint32_t job_capacity;
    uint32_t step_capacity;
} planning;

static wend_status nomem(wend_error *error, size_t bytes)
{
    return wendi_fail_nomem(error, "a plan of compaction", bytes);
}

/* ---- windows ---- */

static void window_of(window_unit unit, int64_t day, int64_t *begin, int64_t *end)
{
    int64_t year;
    int32_t month;
    int32_t of_month;
    switch (unit) {
    case UNIT_MONTH:
        wendi_civil_of_days(day, &year, &month, &of_month);
        *begin = wendi_civil_to_days(year, month, 1);
        *end = month == 12 ? wendi_civil_to_days(year + 1, 1, 1)
                           : wendi_civil_to_days(year, month + 1, 1);
        break;
    case UNIT_WEEK: /* from Monday on: 1970-01-05 was one */
        *begin = wendi_floor_div(day - 4, 7) * 7 + 4;
        *end = *begin + 7;
        break;
    default:
        *begin = day;
        *end = day + 1;
    }
}

static wend_status days_of(planning *planner, uint32_t index, const wendi_days **days_out,
                           wend_error *error)
{
    wend_status status = WEND_OK;
    if (!planner->has_days[index]) {
        status = wendi_days_count_segment(&planner->days[index], planner->snapshot, index, error);
        planner->has_days[index] = status == WEND_OK;
    }
    *days_out = &planner->days[index];
    return status;
}

/* Add a day's rows to its window; windows rise. */
static wend_status add_to_window(wendi_buffer *windows, window_unit unit, const wendi_day *day)
{
    window *list = (window *)(void *)windows->data;
    uint32_t count = (uint32_t)(windows->length / sizeof *list);
    uint32_t at = count;
    while (at > 0 && list[at - 1].begin_day > day->day) {
        at--;
    }
    if (at == 0 || list[at - 1].end_day <= day->day) {
        window fresh = {.rows = 0};
        window_of(unit, day->day, &fresh.begin_day, &fresh.end_day);
        if (wendi_buffer_append(windows, &fresh, sizeof fresh) != WEND_OK) {
            return WEND_NOMEM;
        }
        list = (window *)(void *)windows->data;
        memmove(list + at + 1, list + at, (count - at) * sizeof *list);
        list[at++] = fresh;
    }
    list[at - 1].rows += day->rows;
    list[at - 1].bytes += day->bytes;
    return WEND_OK;
}

/* A segment that may stay is not read: its rows are spread over the days between its ends. */
static wend_status spread(planning *planner, window_unit unit, const wendi_segment_entry *entry,
                          wend_error *error)
{
    int64_t first = wendi_day_of(entry->time_min);
    int64_t days =
        entry->time_min <= entry->time_max ? wendi_day_of(entry->time_max) - first + 1 : 1;
    int64_t parts = days < SPREAD_DAYS_MAX ? days : SPREAD_DAYS_MAX;
    for (int64_t part = 0; part < parts; part++) {
        wendi_day day = {.day = first + days / parts * part,
                         .rows = entry->row_count / (uint64_t)parts,
                         .bytes = (double)entry->file_bytes / (double)parts};
        if (add_to_window(&planner->windows, unit, &day) != WEND_OK) {
            return nomem(error, planner->windows.length);
        }
    }
    return WEND_OK;
}

/* The windows of the chosen segments, and with `all` roughly of the others. */
static wend_status make_windows(planning *planner, window_unit unit, bool all, wend_error *error)
{
    planner->windows.length = 0;
    for (uint32_t i = 0; i < planner->state->segment_count; i++) {
        const wendi_days *days;
        if (!planner->chosen[i]) {
            wend_status status =
                all ? spread(planner, unit, &planner->state->segments[i], error) : WEND_OK;
            if (status != WEND_OK) {
                return status;
            }
            continue;
        }
        wend_status status = days_of(planner, i, &days, error);
        if (status != WEND_OK) {
            return status;
        }
        for (uint32_t d = 0; d < wendi_days_count(days); d++) {
            if (add_to_window(&planner->windows, unit, &wendi_days_list(days)[d]) != WEND_OK) {
                return nomem(error, planner->windows.length);
            }
        }
    }
    return WEND_OK;
}

/* The largest unit of which every window fits a file, and that is a tenth of the retention at most.
 */
static wend_status choose_unit(planning *planner, wend_error *error)
{
    static const int64_t longest_days[UNIT_COUNT] = {31, 7, 1};
    for (planner->unit = UNIT_MONTH; planner->unit < UNIT_DAY; planner->unit++) {
        bool fits = planner->schema->retention_us == 0 ||
                    longest_days[planner->unit] <= planner->schema->retention_us / 10 / DAY_US;
        wend_status status = make_windows(planner, planner->unit, true, error);
        if (status != WEND_OK) {
            return status;
        }
        const window *list = (const window *)(const void *)planner->windows.data;
        for (size_t i = 0; fits && i < planner->windows.length / sizeof *list; i++) {
            fits = list[i].bytes <= (double)planner->target_bytes;
        }
        if (fits) {
            break;
        }
    }
    return WEND_OK;
}

static int64_t time_of_day(int64_t day)
{
    return day > INT64_MAX / DAY_US   ? INT64_MAX
           : day < INT64_MIN / DAY_US ? INT64_MIN
                                      : day * DAY_US;
}

/* Bytes of finished files that are not chosen and have rows of the window. */
static double finished_bytes(const planning *planner, const window *of)
{
    double bytes = 0;
    for (uint32_t i = 0; i < planner->state->segment_count; i++) {
        const wendi_segment_entry *entry = &planner->state->segments[i];
        if (!planner->chosen[i] && wendi_day_of(entry->time_max) >= of->begin_day &&
            wendi_day_of(entry->time_min) < of->end_day) {
            bytes += (double)entry->file_bytes;
        }
    }
    return bytes;
}

/* Take the window's finished files in. */
static void choose_finished(planning *planner, const window *of, bool *more)
{
    for (uint32_t i = 0; i < planner->state->segment_count; i++) {
        const wendi_segment_entry *entry = &planner->state->segments[i];
        if (!planner->chosen[i] && wendi_day_of(entry->time_max) >= of->begin_day &&
            wendi_day_of(entry->time_min) < of->end_day) {
            planner->chosen[i] = 1;
            *more = true;
        }
    }
}

/* Many rows, or large ones. */
static bool is_large(const planning *planner, const window *of)
{
    return of->rows >= planner->window_rows_min || of->bytes >= (double)planner->target_bytes;
}

/* Decide which windows become files of their own, until their finished files bring in no more. */
static wend_status judge_windows(planning *planner, wend_error *error)
{
    bool more = true;
    while (more) {
        wend_status status = make_windows(planner, planner->unit, false, error);
        if (status != WEND_OK) {
            return status;
        }
        more = false;
        window *list = (window *)(void *)planner->windows.data;
        for (size_t i = 0; i < planner->windows.length / sizeof *list; i++) {
            double finished = finished_bytes(planner, &list[i]);
            bool news = finished == 0 || list[i].bytes * NEWS_SHARE >= finished;
            list[i].big = news && is_large(planner, &list[i]);
            list[i].big |= planner->options->all;
            if (list[i].big && finished > 0) {
                choose_finished(planner, &list[i], &more);
            }
        }
    }
    return WEND_OK;
}

/* ---- spans ---- */

static wend_status make_spans(planning *planner, wend_error *error)
{
    const window *list = (const window *)(const void *)planner->windows.data;
    uint32_t count = (uint32_t)(planner->windows.length / sizeof *list);
    planner->spans = wendi_arena_alloc_zero(planner->arena, (count + 1) * sizeof *planner->spans);
    if (planner->spans == NULL) {
        return nomem(error, count * sizeof *planner->spans);
    }
    planner->span_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        span *last = planner->span_count > 0 ? &planner->spans[planner->span_count - 1] : NULL;
        bool big = list[i].big && is_large(planner, &list[i]);
        if (last == NULL || last->big || big) {
            /* A span ends where the next begins: nothing lies between them, whatever comes there.
             */
            int64_t begin = last == NULL ? INT64_MIN : time_of_day(list[i].begin_day);
            if (last != NULL) {
                last->end_us = begin;
            }
            last = &planner->spans[planner->span_count++];
            *last = (span){.begin_us = begin, .big = big};
        }
        last->end_us = INT64_MAX;
        last->rows += list[i].rows;
        last->bytes += list[i].bytes;
    }
    return WEND_OK;
}

static bool in_span(const span *of, const wendi_segment_entry *entry)
{
    if (entry->time_min > entry->time_max) {
        return of->begin_us == INT64_MIN;
    }
    return entry->time_max >= of->begin_us &&
           (entry->time_min < of->end_us || of->end_us == INT64_MAX);
}

/* Does an input have rows on both sides of the boundary before span `index`? */
static bool straddled(const planning *planner, uint32_t index)
{
    for (uint32_t i = 0; i < planner->state->segment_count; i++) {
        const wendi_segment_entry *entry = &planner->state->segments[i];
        if (planner->chosen[i] && entry->time_min <= entry->time_max &&
            entry->time_min < planner->spans[index].begin_us &&
            entry->time_max >= planner->spans[index].begin_us) {
            return true;
        }
    }
    return false;
}

/* ---- steps and jobs ---- */

static wend_status grow(planning *planner, void **list, uint32_t *capacity, uint32_t count,
                        size_t each, wend_error *error)
{
    if (count < *capacity) {
        return WEND_OK;
    }
    uint32_t larger = *capacity * 2 + 8;
    void *copy = wendi_arena_alloc_zero(planner->arena, larger * each);
    if (copy == NULL) {
        return nomem(error, larger * each);
    }
    if (count != 0) {
        memcpy(copy, *list, count * each);
    }
    *list = copy;
    *capacity = larger;
    return WEND_OK;
}

static wend_status add_job(planning *planner, const wendi_compaction_job *job, wend_error *error)
{
    void *list = planner->plan->jobs;
    wend_status status =
        grow(planner, &list, &planner->job_capacity, planner->plan->job_count, sizeof *job, error);
    planner->plan->jobs = list;
    if (status == WEND_OK) {
        planner->plan->jobs[planner->plan->job_count++] = *job;
    }
    return status;
}

/* A step that drops the inputs listed by index; jobs follow. */
static wend_status add_step(planning *planner, const uint32_t *inputs, uint32_t count,
                            wendi_compaction_step **step_out, wend_error *error)
{
    wendi_compaction_plan *plan = planner->plan;
    void *list = plan->steps;
    wendi_compaction_step step = {
        .inputs = wendi_arena_alloc(planner->arena, count * sizeof *step.inputs),
        .input_count = count,
        .first_job = plan->job_count};
    wend_status status =
        grow(planner, &list, &planner->step_capacity, plan->step_count, sizeof step, error);
    plan->steps = list;
    if (status != WEND_OK || step.inputs == NULL) {
        return status != WEND_OK ? status : nomem(error, count * sizeof *step.inputs);
    }
    for (uint32_t i = 0; i < count; i++) {
        step.inputs[i] = &planner->state->segments[inputs[i]];
        step.input_rows += step.inputs[i]->row_count;
        step.input_bytes += step.inputs[i]->file_bytes;
        planner->dropped[inputs[i]] = 1;
    }
    plan->steps[plan->step_count] = step;
    *step_out = &plan->steps[plan->step_count++];
    return WEND_OK;
}

/* What an input holds in memory: pages of one row group; of all where there are no users, since
 * their rows merge by time alone. */
static uint64_t input_cost(const planning *planner, uint32_t index)
{
    const wendi_segment_entry *entry = &planner->state->segments[index];
    uint64_t groups = entry->row_count / WENDI_ROW_GROUP_ROWS_MAX + 1;
    bool users = planner->schema->user_column != WENDI_NO_COLUMN;
    return (users ? 1 : groups) * INPUT_BYTES + entry->file_bytes / (users ? groups : 1);
}

static uint64_t memory_for_inputs(const planning *planner)
{
    size_t bytes = planner->options->memory_bytes;
    return (bytes != 0 ? bytes : MEMORY_DEFAULT) / 2;
}

/* How many inputs from `begin` on are merged together: as many as memory and files allow, none that
 * is finished, and never part of a commit, since the file will stand where a commit ends. */
static uint32_t group_length(const planning *planner, const uint32_t *inputs, uint32_t begin,
                             uint32_t count)
{
    const wendi_segment_entry *segments = planner->state->segments;
    uint64_t cost = 0;
    uint32_t length = 0; /* that the group may have */
    for (uint32_t end = begin;
         end < count && segments[inputs[end]].level != WENDI_LEVEL_FINISHED;) {
        bool room = end - begin < STEP_INPUTS_MAX && cost <= memory_for_inputs(planner);
        if (length > 1 && !room) {
            break;
        }
        cost += input_cost(planner, inputs[end++]);
        if (end == count ||
            segments[inputs[end]].commit_last != segments[inputs[end - 1]].commit_last) {
            length = end - begin;
        }
    }
    return length;
}

/* Too many inputs for one merge: merge neighbours into fewer first. */
static wend_status add_partial_steps(planning *planner, const uint32_t *inputs, uint32_t count,
                                     wend_error *error)
{
    wend_status status = WEND_OK;
    for (uint32_t begin = 0; begin < count;) {
        uint32_t length = group_length(planner, inputs, begin, count);
        if (length > 1 && length < count) {
            wendi_compaction_step *step;
            WEND_TRY(add_step(planner, inputs + begin, length, &step, error));
            wendi_compaction_job job = {.inputs = step->inputs,
                                        .input_count = step->input_count,
                                        .time_begin = INT64_MIN,
                                        .time_end = INT64_MAX,
                                        .hash_begin = 0,
                                        .hash_last = UINT64_MAX,
                                        .level = WENDI_LEVEL_MERGED,
                                        .estimated_rows = step->input_rows,
                                        .estimated_bytes = step->input_bytes};
            step->job_count = 1;
            planner->plan->partial = true;
            WEND_TRY(add_job(planner, &job, error));
        }
        begin += length > 1 ? length : 1;
    }
cleanup:
    return status;
}

/* The files of one span: one, or as many ranges of hashes as it takes to keep each below the
 * target. */
static wend_status add_span_jobs(planning *planner, wendi_compaction_step *step, const span *of,
                                 wend_error *error)
{
    const wendi_segment_entry **inputs =
        wendi_arena_alloc(planner->arena, step->input_count * sizeof *inputs);
    uint64_t parts = of->big ? (uint64_t)(of->bytes / (double)planner->target_bytes) + 1 : 1;
    uint32_t count = 0;
    if (inputs == NULL) {
        return nomem(error, step->input_count * sizeof *inputs);
    }
    parts = planner->schema->user_column == WENDI_NO_COLUMN ? 1 : parts;
    for (uint32_t i = 0; i < step->input_count; i++) {
        if (in_span(of, step->inputs[i])) {
            inputs[count++] = step->inputs[i];
        }
    }
    for (uint64_t part = 0; part < parts; part++) {
        uint64_t width = UINT64_MAX / parts;
        wendi_compaction_job job = {.inputs = inputs,
                                    .input_count = count,
                                    .time_begin = of->begin_us,
                                    .time_end = of->end_us,
                                    .hash_begin = part * width,
                                    .hash_last =
                                        part + 1 == parts ? UINT64_MAX : (part + 1) * width - 1,
                                    .level = of->big ? WENDI_LEVEL_FINISHED : WENDI_LEVEL_MERGED,
                                    .estimated_rows = of->rows / parts,
                                    .estimated_bytes = (uint64_t)(of->bytes / (double)parts)};
        wend_status status = add_job(planner, &job, error);
        if (status != WEND_OK) {
            return status;
        }
        step->job_count++;
    }
    return WEND_OK;
}

/* Would writing these inputs again change nothing worth having? */
static bool settled(const planning *planner, const uint32_t *inputs, uint32_t count)
{
    const wendi_segment_entry *segments = planner->state->segments;
    if (count == 1) {
        return segments[inputs[0]].level != WENDI_LEVEL_INGESTED;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (segments[inputs[i]].level != WENDI_LEVEL_FINISHED) {
            return false;
        }
    }
    return true;
}

/* Spans first..end-1, which belong together: no input reaches beyond them. */
static wend_status add_component(planning *planner, uint32_t first, uint32_t end, uint32_t *inputs,
                                 wend_error *error)
{
    uint32_t count = 0;
    uint64_t cost = 0;
    wend_status status = WEND_OK;
    for (uint32_t i = 0; i < planner->state->segment_count; i++) {
        bool within = false;
        for (uint32_t s = first; planner->chosen[i] && s < end && !within; s++) {
            within = in_span(&planner->spans[s], &planner->state->segments[i]);
        }
        if (within) {
            inputs[count++] = i;
            cost += input_cost(planner, i);
        }
    }
    if (count == 0 || (end - first == 1 && settled(planner, inputs, count))) {
        return WEND_OK;
    }
    if (count > STEP_INPUTS_MAX || cost > memory_for_inputs(planner)) {
        uint32_t steps = planner->plan->step_count;
        WEND_TRY(add_partial_steps(planner, inputs, count, error));
        if (planner->plan->step_count > steps) {
            return WEND_OK;
        }
    }
    wendi_compaction_step *step;
    WEND_TRY(add_step(planner, inputs, count, &step, error));
    for (uint32_t s = first; s < end; s++) {
        WEND_TRY(add_span_jobs(planner, step, &planner->spans[s], error));
    }
cleanup:
    return status;
}

static wend_status add_components(planning *planner, wend_error *error)
{
    wend_status status = WEND_OK;
    uint32_t *inputs =
        wendi_arena_alloc(planner->arena, (planner->state->segment_count + 1) * sizeof *inputs);
    if (inputs == NULL) {
        return nomem(error, planner->state->segment_count * sizeof *inputs);
    }
    for (uint32_t first = 0; first < planner->span_count;) {
        uint32_t end = first + 1;
        while (end < planner->span_count && straddled(planner, end)) {
            end++;
        }
        WEND_TRY(add_component(planner, first, end, inputs, error));
        first = end;
    }
cleanup:
    return status;
}

/* ---- order of arrival ---- */

static bool overlap(const wendi_segment_entry *a, const wendi_segment_entry *b,
                    const wendi_compaction_job *job)
{
    bool timed = a->time_min <= a->time_max && b->time_min <= b->time_max;
    int64_t begin = a->time_min > b->time_min ? a->time_min : b->time_min;
    int64_t end = a->time_max < b->time_max ? a->time_max : b->time_max;
    begin = begin > job->time_begin ? begin : job->time_begin;
    bool in_time =
        !timed || (begin <= end && (begin < job->time_end || job->time_end == INT64_MAX));
    uint64_t low = a->user_hash_min > b->user_hash_min ? a->user_hash_min : b->user_hash_min;
    uint64_t high = a->user_hash_max < b->user_hash_max ? a->user_hash_max : b->user_hash_max;
    low = low > job->hash_begin ? low : job->hash_begin;
    high = high < job->hash_last ? high : job->hash_last;
    bool nobody = a->null_user_rows != 0 && b->null_user_rows != 0 && job->hash_last == UINT64_MAX;
    return in_time && (low <= high || nobody);
}

/* Does segment `stays`, which no step reads, keep its place before or behind all rows it can tie
 * with? The list is in the order of last commits, and of equal ones the older segment is first. */
static bool keeps_place(const planning *planner, uint32_t stays, const wendi_compaction_job *job)
{
    const wendi_segment_entry *segments = planner->state->segments;
    uint64_t commit_last = 0;
    for (uint32_t i = 0; i < job->input_count; i++) {
        commit_last =
            job->inputs[i]->commit_last > commit_last ? job->inputs[i]->commit_last : commit_last;
    }
    bool before = segments[stays].commit_last <= commit_last;
    for (uint32_t i = 0; i < job->input_count; i++) {
        bool was_before = &segments[stays] < job->inputs[i];
        if (was_before != before && overlap(&segments[stays], job->inputs[i], job)) {
            return false;
        }
    }
    return true;
}

/* Choose every segment that would come to stand wrongly; `*more` when there was one. */
static void check_order(planning *planner, bool *more)
{
    *more = false;
    for (uint32_t i = 0; i < planner->state->segment_count; i++) {
        for (uint32_t j = 0; j < planner->plan->job_count && !planner->dropped[i]; j++) {
            if (!planner->chosen[i] && !keeps_place(planner, i, &planner->plan->jobs[j])) {
                planner->chosen[i] = 1;
                *more = true;
            }
        }
    }
}

/* ---- all of it ---- */

static uint64_t commit_floor(const planning *planner)
{
    const wendi_table_state *state = planner->state;
    uint64_t wanted = 2 * planner->schema->unique_window_keys;
    uint64_t rows = 0;
    uint64_t floor = UINT64_MAX;
    wanted = wanted > COMMITS_TOLD_APART_ROWS ? wanted : COMMITS_TOLD_APART_ROWS;
    for (uint32_t i = state->segment_count; i > 0 && rows < wanted; i--) {
        rows += state->segments[i - 1].row_count;
        floor = state->segments[i - 1].commit_first < floor ? state->segments[i - 1].commit_first
                                                            : floor;
    }
    return floor;
}

static wend_status plan_once(planning *planner, bool *more, wend_error *error)
{
    wend_status status = WEND_OK;
    planner->plan->steps = NULL;
    planner->plan->jobs = NULL;
    planner->plan->step_count = planner->plan->job_count = 0;
    planner->step_capacity = planner->job_capacity = 0;
    planner->plan->partial = false;
    memset(planner->dropped, 0, planner->state->segment_count);
    WEND_TRY(judge_windows(planner, error));
    WEND_TRY(make_spans(planner, error));
    WEND_TRY(add_components(planner, error));
    check_order(planner, more);
cleanup:
    return status;
}

static wend_status plan_all(planning *planner, wend_error *error)
{
    uint32_t count = planner->state->segment_count;
    wend_status status = WEND_OK;
    bool more = true;
    bool any = false;
    planner->chosen = wendi_arena_alloc_zero(planner->arena, count + 1u);
    planner->dropped = wendi_arena_alloc_zero(planner->arena, count + 1u);
    planner->has_days = wendi_arena_alloc_zero(planner->arena, count + 1u);
    planner->days = wendi_arena_alloc_zero(planner->arena, (count + 1u) * sizeof *planner->days);
    if (planner->chosen == NULL || planner->dropped == NULL || planner->has_days == NULL ||
        planner->days == NULL) {
        planner->days = NULL;
        WEND_TRY(nomem(error, count * sizeof *planner->days));
    }
    for (uint32_t i = 0; i < count; i++) {
        planner->chosen[i] = planner->state->segments[i].level < WENDI_LEVEL_FINISHED;
        any |= planner->chosen[i] != 0;
    }
    if (!any) {
        return WEND_OK;
    }
    WEND_TRY(choose_unit(planner, error));
    while (more) {
        WEND_TRY(plan_once(planner, &more, error));
    }
cleanup:
    return status;
}

wend_status wendi_compaction_plan_make(wendi_snapshot *snapshot,
                                       const wendi_compaction_options *options,
                                       wendi_compaction_plan **plan_out, wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_compaction_plan *plan = wendi_alloc_zero(1, sizeof *plan);
    *plan_out = NULL;
    if (plan == NULL) {
        return nomem(error, sizeof *plan);
    }
    plan->snapshot = wendi_snapshot_acquire(snapshot);
    planning planner = {.snapshot = snapshot,
                        .state = wendi_snapshot_state(snapshot),
                        .schema = wendi_snapshot_schema(snapshot),
                        .options = options,
                        .plan = plan,
                        .arena = &plan->arena,
                        .target_bytes = options->target_file_bytes != 0 ? options->target_file_bytes
                                                                        : TARGET_DEFAULT,
                        .window_rows_min = options->window_rows_min != 0 ? options->window_rows_min
                                                                         : WINDOW_ROWS_MIN_DEFAULT};
    plan->commit_floor = commit_floor(&planner);
    WEND_TRY(plan_all(&planner, error));
    *plan_out = plan;
    plan = NULL;
cleanup:
    for (uint32_t i = 0; planner.days != NULL && i < planner.state->segment_count; i++) {
        wendi_days_free(&planner.days[i]);
    }
    wendi_buffer_free(&planner.windows);
    wendi_compaction_plan_free(plan);
    return status;
}

void wendi_compaction_plan_free(wendi_compaction_plan *plan)
{
    if (plan != NULL) {
        wendi_snapshot_release(plan->snapshot);
        wendi_arena_free(&plan->arena);
        wendi_free(plan);
    }
}
