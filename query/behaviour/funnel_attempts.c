/*
 * Attempts: one open at a time, in one pass. A row beyond the window ends the attempt and may
 * itself open the next; so may the row after the one that completed it.
 */
#include <string.h>

#include "query/behaviour/funnel_match.h"

typedef struct open_attempt {
    wendi_funnel_chain chain;
    bool is_open;
    bool use_excludes;
    bool blocked;  /* an excluding row came: no further step can be taken, but the window still runs
                    */
    uint32_t next; /* the step that is waited for */
    uint32_t last_row;
} open_attempt;

static bool counts(const wendi_funnel_rule *rule, int64_t time)
{
    return (!rule->has_since || time >= rule->since_us) &&
           (!rule->has_until || time < rule->until_us);
}

static void take_step(const wendi_funnel_rule *rule, open_attempt *open, uint32_t step,
                      uint32_t row)
{
    open->chain.rows[step] = row;
    open->next = step + 1;
    open->last_row = row;
    if (!rule->optional[step]) {
        open->chain.level = step + 1;
    }
}

/* The step that this row serves for the open attempt: the next one, or one behind optional ones;
 * else step_count. */
static uint32_t step_served(const wendi_funnel_rule *rule, const wendi_user_rows *user,
                            const open_attempt *open, uint32_t row)
{
    for (uint32_t step = open->next; step < rule->step_count; step++) {
        if (wendi_user_flag(user, row, step)) {
            return step;
        }
        if (!rule->optional[step]) {
            break;
        }
    }
    return rule->step_count;
}

static void offer_row(const wendi_funnel_rule *rule, const wendi_user_rows *user,
                      open_attempt *open, uint32_t row)
{
    bool first = true;
    for (;;) {
        uint32_t step = step_served(rule, user, open, row);
        bool late = rule->strict_increase && user->times[row] <= user->times[open->last_row];
        bool far = rule->has_step_gap &&
                   user->times[row] - user->times[open->last_row] > rule->step_gap_us;
        if (step == rule->step_count || (row != open->last_row && (late || far)) ||
            (!first && !rule->reuse_rows)) {
            return;
        }
        take_step(rule, open, step, row);
        first = false;
    }
}

static bool row_excludes(const wendi_funnel_rule *rule, const wendi_user_rows *user,
                         const open_attempt *open, uint32_t row)
{
    uint32_t after = rule->exclude_after[open->next - 1];
    return (rule->exclude != WENDI_NO_FLAG && wendi_user_flag(user, row, rule->exclude)) ||
           (after != WENDI_NO_FLAG && wendi_user_flag(user, row, after));
}

/* Take what the row gives; blocked when it lies between two steps and excludes. */
static void pass_row(const wendi_funnel_rule *rule, const wendi_user_rows *user, open_attempt *open,
                     uint32_t row)
{
    if (!open->blocked) {
        uint32_t held = open->next;
        offer_row(rule, user, open, row);
        open->blocked = open->use_excludes && open->next == held && held < rule->step_count &&
                        row_excludes(rule, user, open, row);
    }
}

static void begin(const wendi_funnel_rule *rule, const wendi_user_rows *user, open_attempt *open,
                  uint32_t row, bool use_excludes)
{
    memset(open, 0, sizeof *open);
    memset(open->chain.rows, 0xff, rule->step_count * sizeof *open->chain.rows);
    open->is_open = true;
    open->use_excludes = use_excludes;
    take_step(rule, open, 0, row);
    if (rule->reuse_rows) {
        offer_row(rule, user, open, row);
    }
}

static wend_status finish(const wendi_funnel_rule *rule, const wendi_user_rows *user,
                          open_attempt *open, const open_attempt *without,
                          wend_status (*attempt)(void *context, const wendi_funnel_chain *chain,
                                                 wend_error *error),
                          void *context, wend_error *error)
{
    int64_t begun = user->times[open->chain.rows[0]];
    int64_t end;
    bool endless = __builtin_add_overflow(begun, rule->within_us, &end);
    open->chain.immature =
        open->chain.level < rule->step_count && (endless || end >= rule->as_of_us);
    open->chain.excluded = rule->has_exclude && without->chain.level > open->chain.level;
    open->is_open = false;
    return counts(rule, begun) ? attempt(context, &open->chain, error) : WEND_OK;
}

wend_status wendi_funnel_attempts(const wendi_funnel_rule *rule, const wendi_user_rows *user,
                                  const uint32_t *rows, uint32_t count,
                                  wend_status (*attempt)(void *context,
                                                         const wendi_funnel_chain *chain,
                                                         wend_error *error),
                                  void *context, wend_error *error)
{
    open_attempt open = {.is_open = false};
    open_attempt without; /* the same attempt if nothing were excluded */
    bool opened_once = false;
    wend_status status = WEND_OK;
    for (uint32_t i = 0; i < count && status == WEND_OK; i++) {
        uint32_t row = rows[i];
        if (open.is_open && (uint64_t)user->times[row] - (uint64_t)user->times[open.chain.rows[0]] >
                                (uint64_t)rule->within_us) {
            status = finish(rule, user, &open, &without, attempt, context, error);
        }
        if (open.is_open) {
            pass_row(rule, user, &open, row);
            if (rule->has_exclude) {
                pass_row(rule, user, &without, row);
            }
        } else if (wendi_user_flag(user, row, 0) && !(rule->entry_first && opened_once)) {
            begin(rule, user, &open, row, rule->has_exclude);
            begin(rule, user, &without, row, false);
            opened_once = true;
        }
        if (status == WEND_OK && open.is_open && open.chain.level == rule->step_count) {
            status = finish(rule, user, &open, &without, attempt, context, error);
        }
    }
    return status == WEND_OK && open.is_open
               ? finish(rule, user, &open, &without, attempt, context, error)
               : status;
}
