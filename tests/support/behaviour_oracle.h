/**
 * What docs/SEMANTICS.md says of one user's small history, evaluated by trying everything.
 *
 * Written from that page alone: every chain of rows is built and judged against the definitions,
 * nothing is remembered between chains, nothing is skipped because it could not win. So it is slow,
 * and right for the same reasons as the page. It shares only the structs that carry questions and
 * answers with the engine.
 */
#ifndef TEST_BEHAVIOUR_ORACLE_H
#define TEST_BEHAVIOUR_ORACLE_H

#include "query/behaviour/funnel_match.h"
#include "query/behaviour/session_split.h"

/** The reported chain among the user's rows[0..count-1]. */
void behaviour_oracle_funnel(const wendi_funnel_rule *rule, const wendi_user_rows *user,
                             const uint32_t *rows, uint32_t count, wendi_funnel_chain *chain);
/** The attempts in order, at most `capacity` of them (a history of n rows has at most n); returns
 * how many. */
uint32_t behaviour_oracle_attempts(const wendi_funnel_rule *rule, const wendi_user_rows *user,
                                   const uint32_t *rows, uint32_t count,
                                   wendi_funnel_chain *attempts, uint32_t capacity);
/** session_of[row], numbered by first rows; the day zone, if any, must be UTC. Returns the count.
 */
uint32_t behaviour_oracle_sessions(const wendi_session_rule *rule, const wendi_user_rows *rows,
                                   uint32_t *session_of);

#endif
