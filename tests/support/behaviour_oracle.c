/* Every chain there is, one after the other. Nothing here is clever, on purpose. */
#include "tests/support/behaviour_oracle.h"

#include <assert.h>
#include <string.h>

enum { NONE = WENDI_NO_ROW, STEPS_MAX = 8 };

typedef struct search {
    const wendi_funnel_rule *rule;
    const wendi_user_rows *user;
    const uint32_t *rows;
    uint32_t count;
    bool has_exclude;         /* false: as if no exclude had been given */
    uint32_t held[STEPS_MAX]; /* per step an ordinal of rows[], or NONE */
    /* The best so far: */
    uint32_t level;
    uint32_t best[STEPS_MAX];
    int64_t newest_entry; /* of all chains of that level */
} search;

static int64_t time_of(const search *s, uint32_t ordinal)
{
    return s->user->times[s->rows[ordinal]];
}

static bool matches(const search *s, uint32_t ordinal, uint32_t flag)
{
    return wendi_user_flag(s->user, s->rows[ordinal], flag);
}

static bool matches_any_step(const search *s, uint32_t ordinal)
{
    for (uint32_t step = 0; step < s->rule->step_count; step++) {
        if (matches(s, ordinal, step)) {
            return true;
        }
    }
    return false;
}

static bool entry_counts(const search *s, uint32_t ordinal)
{
    int64_t time = time_of(s, ordinal);
    return (!s->rule->has_since || time >= s->rule->since_us) &&
           (!s->rule->has_until || time < s->rule->until_us);
}

/* May `next` follow `last`, the row of `last_step`? */
static bool may_follow(const search *s, uint32_t last_step, uint32_t last, uint32_t next)
{
    const wendi_funnel_rule *rule = s->rule;
    bool ties_are_free = rule->ordering == WENDI_FUNNEL_LOOSE && !s->has_exclude;
    int64_t gap = time_of(s, next) - time_of(s, last);

    if (gap < 0 || (rule->strict_increase && gap == 0) || (!ties_are_free && next < last)) {
        return false;
    }
    if (rule->has_step_gap && gap > rule->step_gap_us) {
        return false;
    }
    for (uint32_t between = last + 1; between < next; between++) {
        if (rule->ordering == WENDI_FUNNEL_ADJACENT ||
            (rule->ordering == WENDI_FUNNEL_SEQUENCE && matches_any_step(s, between))) {
            return false;
        }
        if (!s->has_exclude) {
            continue;
        }
        if ((rule->exclude != WENDI_NO_FLAG && matches(s, between, rule->exclude)) ||
            (rule->exclude_after[last_step] != WENDI_NO_FLAG &&
             matches(s, between, rule->exclude_after[last_step]))) {
            return false;
        }
    }
    return true;
}

/* Negative when chain a is to be reported rather than b: smaller times step by step, then earlier
 * rows. */
static int compare_chains(const search *s, const uint32_t *a, const uint32_t *b)
{
    for (uint32_t step = 0; step < s->rule->step_count; step++) {
        int64_t time_a = a[step] == NONE ? INT64_MAX : time_of(s, a[step]);
        int64_t time_b = b[step] == NONE ? INT64_MAX : time_of(s, b[step]);
        if (time_a != time_b) {
            return time_a < time_b ? -1 : 1;
        }
    }
    for (uint32_t step = 0; step < s->rule->step_count; step++) {
        if (a[step] != b[step]) {
            return a[step] < b[step] ? -1 : 1;
        }
    }
    return 0;
}

static void consider(search *s, uint32_t level, int64_t entry,
                     int (*compare)(const search *, const uint32_t *, const uint32_t *))
{
    if (level < s->level) {
        return;
    }
    if (level > s->level) {
        s->level = level;
        s->newest_entry = entry;
        memcpy(s->best, s->held, sizeof s->best);
        return;
    }
    if (entry > s->newest_entry) {
        s->newest_entry = entry;
    }
    if (compare(s, s->held, s->best) < 0) {
        memcpy(s->best, s->held, sizeof s->best);
    }
}

static void extend(search *s, uint32_t last_step)
{
    const wendi_funnel_rule *rule = s->rule;
    uint32_t level = 0;

    for (uint32_t step = 0; step < rule->step_count; step++) {
        if (s->held[step] != NONE && !rule->optional[step]) {
            level = step + 1;
        }
    }
    consider(s, level, time_of(s, s->held[0]), compare_chains);
    for (uint32_t step = last_step + 1; step < rule->step_count; step++) {
        for (uint32_t next = 0; next < s->count; next++) {
            bool taken = false;
            for (uint32_t i = 0; i <= last_step; i++) {
                taken = taken || s->held[i] == next;
            }
            if ((!taken || rule->reuse_rows) && matches(s, next, step) &&
                may_follow(s, last_step, s->held[last_step], next) &&
                time_of(s, next) - time_of(s, s->held[0]) <= rule->within_us) {
                s->held[step] = next;
                extend(s, step);
                s->held[step] = NONE;
            }
        }
        if (!rule->optional[step]) {
            break;
        }
    }
}

static void search_in_order(search *s)
{
    uint32_t first = NONE;

    for (uint32_t ordinal = 0; ordinal < s->count; ordinal++) {
        if (!matches(s, ordinal, 0)) {
            continue;
        }
        first = first == NONE ? ordinal : first;
        if (entry_counts(s, ordinal) && (!s->rule->entry_first || ordinal == first)) {
            s->held[0] = ordinal;
            extend(s, 0);
            s->held[0] = NONE;
        }
    }
}

/* The held rows of an unordered chain by row order; returns how many. */
static uint32_t sorted_rows(const search *s, const uint32_t *held, uint32_t *sorted)
{
    uint32_t count = 0;

    for (uint32_t ordinal = 0; ordinal < s->count; ordinal++) {
        for (uint32_t step = 0; step < s->rule->step_count; step++) {
            if (held[step] == ordinal) {
                sorted[count++] = ordinal;
            }
        }
    }
    return count;
}

/* The smaller span first; then the smallest times and rows in time order, whatever steps they
 * serve. */
static int compare_spans(const search *s, const uint32_t *a, const uint32_t *b)
{
    uint32_t rows_a[STEPS_MAX];
    uint32_t rows_b[STEPS_MAX];
    uint32_t count = sorted_rows(s, a, rows_a);
    int64_t span_a;
    int64_t span_b;

    assert(sorted_rows(s, b, rows_b) == count);
    (void)sorted_rows(s, b, rows_b);
    span_a = time_of(s, rows_a[count - 1]) - time_of(s, rows_a[0]);
    span_b = time_of(s, rows_b[count - 1]) - time_of(s, rows_b[0]);
    if (span_a != span_b) {
        return span_a < span_b ? -1 : 1;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (rows_a[i] != rows_b[i]) {
            return rows_a[i] < rows_b[i] ? -1 : 1;
        }
    }
    return 0;
}

/* Give the steps from `step` on every row or none. */
static void assign(search *s, uint32_t step)
{
    uint32_t sorted[STEPS_MAX];
    uint32_t level;

    if (step < s->rule->step_count) {
        assign(s, step + 1);
        for (uint32_t ordinal = 0; ordinal < s->count; ordinal++) {
            bool taken = false;
            for (uint32_t i = 0; i < step; i++) {
                taken = taken || s->held[i] == ordinal;
            }
            if (matches(s, ordinal, step) && (!taken || s->rule->reuse_rows)) {
                s->held[step] = ordinal;
                assign(s, step + 1);
                s->held[step] = NONE;
            }
        }
        return;
    }
    level = sorted_rows(s, s->held, sorted);
    if (level == 0 || time_of(s, sorted[level - 1]) - time_of(s, sorted[0]) > s->rule->within_us ||
        !entry_counts(s, sorted[0])) {
        return;
    }
    if (s->rule->entry_first) { /* r1 may only be the first row that matches a step */
        for (uint32_t ordinal = 0; ordinal < sorted[0]; ordinal++) {
            if (matches_any_step(s, ordinal)) {
                return;
            }
        }
    }
    consider(s, level, time_of(s, sorted[0]), compare_spans);
}

static void run(search *s, bool has_exclude)
{
    s->has_exclude = has_exclude;
    s->level = 0;
    s->newest_entry = INT64_MIN;
    memset(s->held, 0xff, sizeof s->held);
    memset(s->best, 0xff, sizeof s->best);
    if (s->rule->ordering == WENDI_FUNNEL_ANY) {
        assign(s, 0);
    } else {
        search_in_order(s);
    }
}

void behaviour_oracle_funnel(const wendi_funnel_rule *rule, const wendi_user_rows *user,
                             const uint32_t *rows, uint32_t count, wendi_funnel_chain *chain)
{
    search s = {.rule = rule, .user = user, .rows = rows, .count = count};
    uint32_t sorted[STEPS_MAX];

    assert(rule->step_count <= STEPS_MAX);
    memset(chain, 0, sizeof *chain);
    memset(chain->rows, 0xff, sizeof chain->rows);
    run(&s, rule->has_exclude);
    chain->level = s.level;
    chain->immature = s.level > 0 && s.level < rule->step_count &&
                      s.newest_entry + rule->within_us >= rule->as_of_us;
    if (rule->ordering == WENDI_FUNNEL_ANY) {
        uint32_t held = sorted_rows(&s, s.best, sorted);
        for (uint32_t i = 0; i < held; i++) {
            chain->rows[i] = rows[sorted[i]];
        }
    } else {
        for (uint32_t step = 0; step < rule->step_count; step++) {
            chain->rows[step] = s.best[step] == NONE ? NONE : rows[s.best[step]];
        }
    }
    if (rule->has_exclude) {
        run(&s, false);
        chain->excluded = s.level > chain->level;
    }
}

/*
 * The attempt that the row at `opening` opens, as far as it came; returns the ordinal behind its
 * last row. Each step takes the first later row (with reuse_rows: the same row or a later one) that
 * matches; if that row comes too late for step_gap, or behind a row that excludes, no step is taken
 * any more.
 */
static uint32_t attempt_from(search *s, uint32_t opening, bool has_exclude,
                             wendi_funnel_chain *attempt)
{
    const wendi_funnel_rule *rule = s->rule;
    uint32_t last = opening;
    uint32_t last_step = 0;
    uint32_t end = opening + 1;

    memset(attempt, 0, sizeof *attempt);
    memset(attempt->rows, 0xff, sizeof attempt->rows);
    attempt->rows[0] = s->rows[opening];
    attempt->level = 1;
    s->has_exclude = has_exclude;
    for (uint32_t at = opening; at < s->count && attempt->level < rule->step_count; at++) {
        if (time_of(s, at) - time_of(s, opening) > rule->within_us) {
            return at;
        }
        for (bool again = at != opening || rule->reuse_rows; again;) {
            uint32_t step = last_step + 1;
            again = false;
            while (step < rule->step_count && !matches(s, at, step) && rule->optional[step]) {
                step++;
            }
            if (step < rule->step_count && matches(s, at, step) &&
                may_follow(s, last_step, last, at)) {
                attempt->rows[step] = s->rows[at];
                attempt->level = rule->optional[step] ? attempt->level : step + 1;
                last = at;
                last_step = step;
                again = rule->reuse_rows;
            }
        }
        end = at + 1;
    }
    return end;
}

uint32_t behaviour_oracle_attempts(const wendi_funnel_rule *rule, const wendi_user_rows *user,
                                   const uint32_t *rows, uint32_t count,
                                   wendi_funnel_chain *attempts, uint32_t capacity)
{
    search s = {.rule = rule, .user = user, .rows = rows, .count = count};
    uint32_t found = 0;

    for (uint32_t at = 0; at < count;) {
        wendi_funnel_chain attempt;
        wendi_funnel_chain without;
        if (!matches(&s, at, 0)) {
            at++;
            continue;
        }
        (void)attempt_from(&s, at, false, &without);
        uint32_t next = attempt_from(&s, at, rule->has_exclude, &attempt);
        attempt.immature =
            attempt.level < rule->step_count && time_of(&s, at) + rule->within_us >= rule->as_of_us;
        attempt.excluded = without.level > attempt.level;
        if (entry_counts(&s, at)) {
            assert(found < capacity);
            attempts[found++] = attempt;
        }
        if (rule->entry_first) {
            break;
        }
        at = next; /* behind the completing row; or the row beyond the window, which may open the
                      next */
    }
    (void)capacity;
    return found;
}

/* Are two rows of one kind: the same key, or both without? Without a key column all rows are. */
static bool same_cell(const wendi_user_rows *rows, uint32_t cell, uint32_t a, uint32_t b)
{
    bool null_a = rows->nulls[cell][a] != 0;
    bool null_b = rows->nulls[cell][b] != 0;
    return null_a == null_b && (null_a || rows->cells[cell][a] == rows->cells[cell][b]);
}

static int64_t utc_day(int64_t time)
{
    int64_t day_us = INT64_C(86400) * 1000000;
    return time >= 0 ? time / day_us : -((-time + day_us - 1) / day_us);
}

/* Does a session end between these two, neighbours among the rows of their kind? */
static bool splits(const wendi_session_rule *rule, const wendi_user_rows *rows, uint32_t before,
                   uint32_t after)
{
    bool keyed = rule->key_cell != WENDI_NO_CELL && rows->nulls[rule->key_cell][after] == 0;
    int64_t gap = rule->use_gap ? rule->gap_us : WENDI_SESSION_GAP_US;

    if ((rule->use_gap || !keyed) && rows->times[after] - rows->times[before] > gap) {
        return true;
    }
    if (rule->day_zone != NULL && utc_day(rows->times[before]) != utc_day(rows->times[after])) {
        return true;
    }
    return rule->value_cell != WENDI_NO_CELL && !same_cell(rows, rule->value_cell, before, after);
}

uint32_t behaviour_oracle_sessions(const wendi_session_rule *rule, const wendi_user_rows *rows,
                                   uint32_t *session_of)
{
    uint32_t count = 0;

    for (uint32_t row = 0; row < rows->row_count; row++) {
        uint32_t before = row;
        while (before-- > 0) {
            if (rule->key_cell == WENDI_NO_CELL || same_cell(rows, rule->key_cell, before, row)) {
                break;
            }
        }
        if (before == UINT32_MAX || splits(rule, rows, before, row)) {
            session_of[row] = count++;
        } else {
            session_of[row] = session_of[before];
        }
    }
    return count;
}
