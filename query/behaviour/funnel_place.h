/**
 * Places: what a chain steps on. Inside of the funnel matcher only.
 *
 * Where rows of equal time may be taken either way round, a place is all rows of one time; else it
 * is one row. Only rows that can matter become places. The fill function says which steps a place
 * can serve at once: distinct rows for distinct steps (a matching), or one row for all with
 * reuse_rows.
 */
#ifndef WENDI_BEHAVIOUR_FUNNEL_PLACE_H
#define WENDI_BEHAVIOUR_FUNNEL_PLACE_H

#include "query/behaviour/funnel_match.h"

typedef struct wendi_funnel_place {
    int64_t time;
    uint32_t begin; /* into relevant[] */
    uint32_t end;
} wendi_funnel_place;

typedef struct wendi_funnel_places {
    const wendi_funnel_rule *rule;
    const wendi_user_rows *user;
    const uint32_t *rows; /* all rows given */
    uint32_t *relevant;   /* row numbers */
    uint32_t *ordinals;   /* relevant[i] is rows[ordinals[i]] */
    wendi_funnel_place *places;
    uint32_t place_count;
    uint32_t first_entry_row; /* the first row matching step 0, or WENDI_NO_ROW */
    bool one_step;            /* a place serves one step only (strict_increase) */
    uint32_t *next_matching;  /* [step * (place_count + 1) + place], or NULL: see
                                 wendi_funnel_places_index() */
} wendi_funnel_places;

/** `by_time`: rows of equal time are one place. `all_rows`: every row becomes one (adjacent). */
wend_status wendi_funnel_places_make(wendi_arena *arena, const wendi_funnel_rule *rule,
                                     const wendi_user_rows *user, const uint32_t *rows,
                                     uint32_t count, bool by_time, bool all_rows,
                                     wendi_funnel_places *places, wend_error *error);
/**
 * Make wendi_funnel_next_matching() work. It lets a search jump to where a step can be taken, so
 * that users with very many rows cost what their steps cost and not what their rows do.
 */
wend_status wendi_funnel_places_index(wendi_arena *arena, wendi_funnel_places *places,
                                      wend_error *error);
/** The first place at or behind `place` with a row that matches the step; place_count: none. */
static inline uint32_t wendi_funnel_next_matching(const wendi_funnel_places *places, uint32_t place,
                                                  uint32_t step)
{
    return places->next_matching[(size_t)step * (places->place_count + 1) + place];
}
/** Does some row of the place match the step? */
bool wendi_funnel_place_matches(const wendi_funnel_places *places, uint32_t place, uint32_t step);
/**
 * Can the place serve steps[0..count-1] at once? Then rows_out (may be NULL) gets a row for each,
 * the earliest rows first. `fixed_first` (or WENDI_NO_ROW) must be the row of steps[0].
 */
bool wendi_funnel_place_serves(const wendi_funnel_places *places, uint32_t place,
                               const uint32_t *steps, uint32_t count, uint32_t fixed_first,
                               uint32_t *rows_out);

/** Steps in any order; `places` are single rows, indexed. */
void wendi_funnel_match_any(const wendi_funnel_places *places, wendi_funnel_chain *best);

/* ---- what all searches ask of an entry's time ---- */

static inline bool wendi_funnel_entry_counts(const wendi_funnel_rule *rule, int64_t time)
{
    return (!rule->has_since || time >= rule->since_us) &&
           (!rule->has_until || time < rule->until_us);
}

/* t + W without overflow. */
static inline int64_t wendi_funnel_deadline(const wendi_funnel_rule *rule, int64_t time)
{
    int64_t deadline;
    return __builtin_add_overflow(time, rule->within_us, &deadline) ? INT64_MAX : deadline;
}

static inline void wendi_funnel_note_immature(const wendi_funnel_rule *rule, uint32_t level,
                                              int64_t entry_time, wendi_funnel_chain *best)
{
    if (level != 0 && level == best->level && level < rule->step_count &&
        wendi_funnel_deadline(rule, entry_time) >= rule->as_of_us) {
        best->immature = true;
    }
}

#endif
