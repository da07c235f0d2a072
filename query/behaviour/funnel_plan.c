/* Binding a funnel's steps and options, and refusing those that contradict each other by name. */
#include "query/behaviour/funnel_plan.h"

#include <string.h>

#include "engine/sql/sql.h"

static wend_status bind_steps(wendi_behaviour_call *base, wendi_funnel_plan *plan,
                              wend_error *error)
{
    if (base->positional_count == 0 || base->positional_count > WENDI_FUNNEL_STEPS_MAX) {
        wendi_fail_at(error, WEND_INVALID, base->call->position,
                      "a funnel has 1 to %d steps, not %u", WENDI_FUNNEL_STEPS_MAX,
                      base->positional_count);
        wendi_error_hint(error, "%s", WENDI_FUNNEL_USAGE);
        return WEND_INVALID;
    }
    plan->rule.step_count = base->positional_count;
    for (uint32_t i = 0; i < base->positional_count; i++) {
        uint32_t flag;
        wend_status status =
            wendi_behaviour_flag(base, base->positional[i], "a funnel's step", &flag, error);
        if (status != WEND_OK) {
            return status;
        }
        WEND_REQUIRE(flag == i); /* the matcher counts on it */
        const char *text =
            wendi_sql_expression_text(base->positional[i], base->call->text, base->call->arena);
        if (text == NULL) {
            return wendi_fail_nomem(error, "a step's name", 0);
        }
        plan->names[i] = wendi_string_of(text);
    }
    return WEND_OK;
}

static wend_status check_step(const wendi_behaviour_call *base, const wendi_sql_expr *node,
                              const char *prefix, uint32_t number, uint32_t least, uint32_t most,
                              wend_error *error)
{
    (void)base;
    if (number >= least && number <= most) {
        return WEND_OK;
    }
    return wendi_fail_at(error, WEND_INVALID, node->position,
                         "%s%u does not fit: it may be %s%u to %s%u here", prefix, number, prefix,
                         least, prefix, most);
}

static wend_status bind_numbered(wendi_behaviour_call *base, wendi_funnel_plan *plan,
                                 wend_error *error)
{
    wendi_funnel_rule *rule = &plan->rule;
    const wendi_sql_expr *node;
    uint32_t number;
    wend_status status = WEND_OK;
    while ((node = wendi_behaviour_numbered(base, "exclude_", &number)) != NULL) {
        WEND_TRY(check_step(base, node, "exclude_", number, 1, rule->step_count - 1, error));
        WEND_TRY(
            wendi_behaviour_flag(base, node, "exclude", &rule->exclude_after[number - 1], error));
        rule->has_exclude = true;
    }
    while ((node = wendi_behaviour_numbered(base, "optional_", &number)) != NULL) {
        WEND_TRY(check_step(base, node, "optional_", number, 2, rule->step_count - 1, error));
        if (node->kind != WENDI_SQL_BOOLEAN) {
            WEND_TRY(wendi_fail_at(error, WEND_INVALID, node->position,
                                   "optional_%u must be true or false", number));
        }
        rule->optional[number - 1] = node->boolean;
        rule->has_optional = rule->has_optional || node->boolean;
    }
    while ((node = wendi_behaviour_numbered(base, "name_", &number)) != NULL) {
        WEND_TRY(check_step(base, node, "name_", number, 1, rule->step_count, error));
        if (node->kind != WENDI_SQL_STRING) {
            WEND_TRY(wendi_fail_at(error, WEND_INVALID, node->position,
                                   "name_%u must be a quoted text", number));
        }
        plan->names[number - 1] = node->text;
    }
cleanup:
    return status;
}

static wend_status refuse(const wendi_behaviour_call *base, const char *one, const char *other,
                          wend_error *error)
{
    wendi_fail_at(error, WEND_INVALID, base->call->position, "a funnel cannot have both %s and %s",
                  one, other);
    wendi_error_hint(error, "leave one of them out");
    return WEND_INVALID;
}

static wend_status check_options(const wendi_behaviour_call *base, const wendi_funnel_plan *plan,
                                 wend_error *error)
{
    const wendi_funnel_rule *rule = &plan->rule;
    if (rule->ordering == WENDI_FUNNEL_ANY) {
        const char *wrong = rule->has_exclude       ? "exclude"
                            : rule->has_step_gap    ? "step_gap"
                            : rule->strict_increase ? "strict_increase"
                            : rule->has_optional    ? "optional steps"
                                                    : NULL;
        if (wrong != NULL) {
            return refuse(base, "ordering => 'any'", wrong, error);
        }
    }
    if (rule->reuse_rows && rule->strict_increase) {
        return refuse(base, "reuse_rows", "strict_increase", error);
    }
    if (plan->count == WENDI_COUNT_ATTEMPTS && rule->ordering != WENDI_FUNNEL_LOOSE) {
        return refuse(base, "count => 'attempts'", "an ordering other than 'loose'", error);
    }
    return WEND_OK;
}

static wend_status bind_sessions(wendi_behaviour_call *base, wendi_funnel_plan *plan,
                                 wend_error *error)
{
    static const char *const counts[] = {"users", "sessions", "attempts", NULL};
    static const char *const session_options[] = {"session_gap", "session_key", "split",
                                                  "split_on"};
    uint32_t count = 0;
    wend_status status = wendi_behaviour_word(base, "count", counts, &count, error);
    plan->count = (wendi_funnel_count)count;
    if (status != WEND_OK || plan->count == WENDI_COUNT_SESSIONS) {
        return status == WEND_OK
                   ? wendi_behaviour_sessions(base, "session_", &plan->sessions, error)
                   : status;
    }
    for (size_t i = 0; i < sizeof session_options / sizeof session_options[0]; i++) {
        const wendi_sql_expr *node = wendi_behaviour_option(base, session_options[i]);
        if (node != NULL) {
            wendi_fail_at(error, WEND_INVALID, node->position,
                          "%s says nothing without count => 'sessions'", session_options[i]);
            return WEND_INVALID;
        }
    }
    return WEND_OK;
}

wend_status wendi_funnel_plan_make(wendi_behaviour_call *base, wendi_funnel_plan **plan_out,
                                   wend_error *error)
{
    static const char *const orderings[] = {"loose", "sequence", "adjacent", "any", NULL};
    static const char *const entries[] = {"best", "first", NULL};
    static const char *const ends[] = {"first", "last", NULL};
    uint32_t ordering = 0;
    uint32_t entry = 0;
    uint32_t at = 0;
    bool given;
    wend_status status = WEND_OK;
    wendi_funnel_plan *plan = wendi_arena_alloc_zero(base->call->arena, sizeof *plan);
    if (plan == NULL) {
        return wendi_fail_nomem(error, "a funnel", sizeof *plan);
    }
    wendi_funnel_rule *rule = &plan->rule;
    rule->exclude = WENDI_NO_FLAG;
    memset(rule->exclude_after, 0xff, sizeof rule->exclude_after);
    WEND_TRY(bind_steps(base, plan, error));
    WEND_TRY(wendi_behaviour_interval(base, "within", &rule->within_us, &given, error));
    if (!given) {
        wendi_fail_at(error, WEND_INVALID, base->call->position,
                      "a funnel needs within: how long a chain may take");
        wendi_error_hint(error, "add within => interval '1 hour'");
        WEND_TRY(WEND_INVALID);
    }
    WEND_TRY(
        wendi_behaviour_interval(base, "step_gap", &rule->step_gap_us, &rule->has_step_gap, error));
    WEND_TRY(wendi_behaviour_word(base, "ordering", orderings, &ordering, error));
    WEND_TRY(wendi_behaviour_word(base, "entry", entries, &entry, error));
    WEND_TRY(wendi_behaviour_boolean(base, "strict_increase", &rule->strict_increase, error));
    WEND_TRY(wendi_behaviour_boolean(base, "reuse_rows", &rule->reuse_rows, error));
    rule->ordering = (wendi_funnel_ordering)ordering;
    rule->entry_first = entry == 1;
    const wendi_sql_expr *exclude = wendi_behaviour_option(base, "exclude");
    if (exclude != NULL) {
        WEND_TRY(wendi_behaviour_flag(base, exclude, "exclude", &rule->exclude, error));
        rule->has_exclude = true;
    }
    WEND_TRY(bind_numbered(base, plan, error));
    WEND_TRY(bind_sessions(base, plan, error));
    WEND_TRY(wendi_behaviour_word(base, "at", ends, &at, error));
    plan->at_last = at == 1;
    plan->has_by = base->by != NULL;
    if (plan->has_by) {
        WEND_TRY(wendi_behaviour_cell_of(base, base->by, &plan->by_cell, error));
    }
    rule->has_since = base->has_since;
    rule->has_until = base->has_until;
    rule->since_us = base->since_us;
    rule->until_us = base->until_us;
    WEND_TRY(check_options(base, plan, error));
    *plan_out = plan;
cleanup:
    return status;
}
