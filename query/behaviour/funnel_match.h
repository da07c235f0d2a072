/**
 * One user's (or session's) best chain through a funnel: the meaning of docs/SEMANTICS.md, Funnel,
 * without any table, query or output around it.
 *
 * Flag i of the rows says whether a row matches step i (counted from 0).
 */
#ifndef WENDI_BEHAVIOUR_FUNNEL_MATCH_H
#define WENDI_BEHAVIOUR_FUNNEL_MATCH_H

#include "query/behaviour/user_stream.h"

enum { WENDI_FUNNEL_STEPS_MAX = 256, WENDI_NO_FLAG = 0xffffffffu, WENDI_NO_ROW = 0xffffffffu };

typedef enum wendi_funnel_ordering {
    WENDI_FUNNEL_LOOSE,
    WENDI_FUNNEL_SEQUENCE, /* no row that matches any step between two of the chain */
    WENDI_FUNNEL_ADJACENT, /* no row at all between them */
    WENDI_FUNNEL_ANY       /* steps in any order */
} wendi_funnel_ordering;

typedef struct wendi_funnel_rule {
    uint32_t step_count;
    wendi_funnel_ordering ordering;
    bool strict_increase;
    bool reuse_rows;
    bool entry_first; /* entry => 'first' */
    bool has_step_gap;
    int64_t within_us;
    int64_t step_gap_us;
    bool optional[WENDI_FUNNEL_STEPS_MAX];
    bool has_optional;
    uint32_t exclude;                               /* flag, or WENDI_NO_FLAG */
    uint32_t exclude_after[WENDI_FUNNEL_STEPS_MAX]; /* exclude_i: flag for the rows after step i */
    bool has_exclude;
    bool has_since, has_until; /* which entries count */
    int64_t since_us, until_us;
    int64_t as_of_us;
} wendi_funnel_rule;

/** The reported chain. */
typedef struct wendi_funnel_chain {
    uint32_t level; /* 0: no entry; else the last required step reached, counted from 1 (any: the
                       steps matched) */
    bool immature;  /* level < step_count and a chain of this level may still grow at as_of */
    bool excluded;  /* the level would be higher without the excludes */
    uint32_t rows[WENDI_FUNNEL_STEPS_MAX]; /* per step the user's row, or WENDI_NO_ROW; any: per
                                              place in time order */
} wendi_funnel_chain;

/** Scratch of one thread, reused between users. Zero-filled is a valid empty one. */
typedef struct wendi_funnel_scratch {
    wendi_arena arena;
} wendi_funnel_scratch;

/**
 * The best chain over rows[0..count-1] (rising row numbers of `user`). WEND_NOMEM only.
 * Cost: plain loose funnels O(entries x rows in the window); the other options up to its square.
 */
wend_status wendi_funnel_match(wendi_funnel_scratch *scratch, const wendi_funnel_rule *rule,
                               const wendi_user_rows *user, const uint32_t *rows, uint32_t count,
                               wendi_funnel_chain *chain, wend_error *error);

/** count => 'attempts': calls `attempt` for each attempt in order. */
wend_status wendi_funnel_attempts(const wendi_funnel_rule *rule, const wendi_user_rows *user,
                                  const uint32_t *rows, uint32_t count,
                                  wend_status (*attempt)(void *context,
                                                         const wendi_funnel_chain *chain,
                                                         wend_error *error),
                                  void *context, wend_error *error);

/** The rule's optional steps left out: the required step before step `step` (both from 0), or
 * WENDI_NO_ROW. */
uint32_t wendi_funnel_previous_required(const wendi_funnel_rule *rule, uint32_t step);

#endif
