/** A bound funnel call, shared by funnel() and funnel_users(). */
#ifndef WENDI_BEHAVIOUR_FUNNEL_PLAN_H
#define WENDI_BEHAVIOUR_FUNNEL_PLAN_H

#include "query/behaviour/behaviour_operator.h"
#include "query/behaviour/funnel_match.h"

typedef enum wendi_funnel_count {
    WENDI_COUNT_USERS,
    WENDI_COUNT_SESSIONS,
    WENDI_COUNT_ATTEMPTS
} wendi_funnel_count;

typedef struct wendi_funnel_plan {
    wendi_funnel_rule rule;
    wendi_funnel_count count;
    wendi_session_rule sessions;
    wendi_string
        names[WENDI_FUNNEL_STEPS_MAX]; /* name_i, or the predicate's text; any: "any k of n" */
    bool has_by;
    uint32_t by_cell;
    bool at_last;
} wendi_funnel_plan;

#define WENDI_FUNNEL_USAGE                                                                         \
    "funnel(table, step, step, …, within => interval '1 hour' [, ordering => "                   \
    "'loose'|'sequence'|'adjacent'|'any', "                                                        \
    "strict_increase, reuse_rows, step_gap, exclude, exclude_i, optional_i, name_i, entry => "     \
    "'best'|'first', "                                                                             \
    "count => 'users'|'sessions'|'attempts', session_gap, session_key, by, at => 'first'|'last', " \
    "filter, since, "                                                                              \
    "until, tz, as_of])"

wend_status wendi_funnel_plan_make(wendi_behaviour_call *base, wendi_funnel_plan **plan_out,
                                   wend_error *error);

#endif
