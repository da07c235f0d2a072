/*
 * Making places, and matching steps to distinct rows by augmenting paths (Kuhn's algorithm): a
 * place rarely has more than a handful of rows.
 */
#include "query/behaviour/funnel_place.h"

#include <string.h>

static bool row_matters(const wendi_funnel_rule *rule, const wendi_user_rows *user, uint32_t row)
{
    for (uint32_t step = 0; step < rule->step_count; step++) {
        if (wendi_user_flag(user, row, step)) {
            return true;
        }
    }
    return false;
}

wend_status wendi_funnel_places_make(wendi_arena *arena, const wendi_funnel_rule *rule,
                                     const wendi_user_rows *user, const uint32_t *rows,
                                     uint32_t count, bool by_time, bool all_rows,
                                     wendi_funnel_places *places, wend_error *error)
{
    *places = (wendi_funnel_places){
        .rule = rule,
        .user = user,
        .rows = rows,
        .first_entry_row = WENDI_NO_ROW,
        .one_step = rule->strict_increase,
        .relevant = wendi_arena_alloc(arena, count * sizeof(uint32_t)),
        .ordinals = wendi_arena_alloc(arena, count * sizeof(uint32_t)),
        .places = wendi_arena_alloc(arena, count * sizeof(wendi_funnel_place))};
    if (places->relevant == NULL || places->ordinals == NULL || places->places == NULL) {
        return wendi_fail_nomem(error, "matching a funnel", count * sizeof(wendi_funnel_place));
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = rows[i];
        if (!all_rows && !row_matters(rule, user, row)) {
            continue;
        }
        if (places->first_entry_row == WENDI_NO_ROW && wendi_user_flag(user, row, 0)) {
            places->first_entry_row = row;
        }
        places->relevant[kept] = row;
        places->ordinals[kept] = i;
        wendi_funnel_place *last =
            places->place_count == 0 ? NULL : &places->places[places->place_count - 1];
        if (by_time && last != NULL && last->time == user->times[row]) {
            last->end++;
        } else {
            places->places[places->place_count++] =
                (wendi_funnel_place){user->times[row], kept, kept + 1};
        }
        kept++;
    }
    return WEND_OK;
}

wend_status wendi_funnel_places_index(wendi_arena *arena, wendi_funnel_places *places,
                                      wend_error *error)
{
    size_t width = (size_t)places->place_count + 1;
    size_t bytes = places->rule->step_count * width * sizeof(uint32_t);
    places->next_matching = wendi_arena_alloc(arena, bytes);
    if (places->next_matching == NULL) {
        return wendi_fail_nomem(error, "matching a funnel", bytes);
    }
    for (uint32_t step = 0; step < places->rule->step_count; step++) {
        uint32_t *next = places->next_matching + step * width;
        next[places->place_count] = places->place_count;
        for (uint32_t place = places->place_count; place-- > 0;) {
            next[place] = wendi_funnel_place_matches(places, place, step) ? place : next[place + 1];
        }
    }
    return WEND_OK;
}

bool wendi_funnel_place_matches(const wendi_funnel_places *places, uint32_t place, uint32_t step)
{
    for (uint32_t i = places->places[place].begin; i < places->places[place].end; i++) {
        if (wendi_user_flag(places->user, places->relevant[i], step)) {
            return true;
        }
    }
    return false;
}

/* Steps 0..count-1 of the request, each to a row of the place; row_of[step] is an index into
 * relevant[]. */
typedef struct matching {
    const wendi_funnel_places *places;
    const wendi_funnel_place *place;
    const uint32_t *steps;
    uint32_t count;
    uint32_t row_of[WENDI_FUNNEL_STEPS_MAX];
    uint32_t locked; /* steps below it keep their rows */
    bool tried[WENDI_FUNNEL_STEPS_MAX];
} matching;

static uint32_t holder(const matching *match, uint32_t row)
{
    for (uint32_t i = 0; i < match->count; i++) {
        if (match->row_of[i] == row) {
            return i;
        }
    }
    return WENDI_NO_ROW;
}

static bool augment(matching *match, uint32_t step)
{
    if (match->tried[step]) {
        return false;
    }
    match->tried[step] = true;
    for (uint32_t row = match->place->begin; row < match->place->end; row++) {
        if (!wendi_user_flag(match->places->user, match->places->relevant[row],
                             match->steps[step])) {
            continue;
        }
        uint32_t other = holder(match, row);
        if (other == WENDI_NO_ROW ||
            (other >= match->locked && other != step && augment(match, other))) {
            match->row_of[step] = row;
            return true;
        }
    }
    return false;
}

/* Complete the matching for steps locked..count-1. */
static bool complete(matching *match)
{
    for (uint32_t step = match->locked; step < match->count; step++) {
        match->row_of[step] = WENDI_NO_ROW;
    }
    for (uint32_t step = match->locked; step < match->count; step++) {
        memset(match->tried, 0, match->count * sizeof *match->tried);
        if (!augment(match, step)) {
            return false;
        }
    }
    return true;
}

/* Among all matchings take the one whose rows are earliest, step by step. */
static void earliest(matching *match)
{
    for (uint32_t step = match->locked; step < match->count; step++) {
        for (uint32_t row = match->place->begin; row < match->place->end; row++) {
            uint32_t other = holder(match, row);
            if (!wendi_user_flag(match->places->user, match->places->relevant[row],
                                 match->steps[step]) ||
                (other != WENDI_NO_ROW && other < step)) {
                continue;
            }
            match->row_of[step] = row;
            match->locked = step + 1;
            if (complete(match)) {
                break;
            }
        }
    }
}

static bool serves_reusing(const wendi_funnel_places *places, const wendi_funnel_place *place,
                           const uint32_t *steps, uint32_t count, uint32_t fixed_first,
                           uint32_t *rows_out)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t found = WENDI_NO_ROW;
        for (uint32_t at = place->begin; at < place->end && found == WENDI_NO_ROW; at++) {
            uint32_t row = places->relevant[at];
            bool allowed = i != 0 || fixed_first == WENDI_NO_ROW || row == fixed_first;
            found = allowed && wendi_user_flag(places->user, row, steps[i]) ? row : WENDI_NO_ROW;
        }
        if (found == WENDI_NO_ROW) {
            return false;
        }
        if (rows_out != NULL) {
            rows_out[i] = found;
        }
    }
    return true;
}

bool wendi_funnel_place_serves(const wendi_funnel_places *places, uint32_t place_number,
                               const uint32_t *steps, uint32_t count, uint32_t fixed_first,
                               uint32_t *rows_out)
{
    const wendi_funnel_place *place = &places->places[place_number];
    if (places->rule->reuse_rows || count == 1) {
        return serves_reusing(places, place, steps, count, fixed_first, rows_out);
    }
    if (count > place->end - place->begin) {
        return false;
    }
    matching match = {.places = places, .place = place, .steps = steps, .count = count};
    memset(match.row_of, 0xff, sizeof match.row_of);
    if (fixed_first != WENDI_NO_ROW) {
        for (uint32_t at = place->begin; at < place->end; at++) {
            match.row_of[0] = places->relevant[at] == fixed_first ? at : match.row_of[0];
        }
        match.locked = 1;
        if (match.row_of[0] == WENDI_NO_ROW ||
            !wendi_user_flag(places->user, fixed_first, steps[0])) {
            return false;
        }
    }
    if (!complete(&match)) {
        return false;
    }
    if (rows_out != NULL) {
        earliest(&match);
        for (uint32_t i = 0; i < count; i++) {
            rows_out[i] = places->relevant[match.row_of[i]];
        }
    }
    return true;
}
