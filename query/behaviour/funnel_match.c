/*
 * Finding the best chain. Three searches share the places: the greedy one for plain loose funnels,
 * where taking every step as early as possible is never worse; the exhaustive one, with memory, for
 * options under which it may be (step gaps, optional steps, excludes, strict orders); and the one
 * for steps in any order (funnel_any.c).
 *
 * The reported chain has the greatest level, then the smallest times, first step first; a step that
 * is not held counts as later than any time, so that optional steps are held where they can be.
 */
#include "query/behaviour/funnel_match.h"

#include <string.h>

#include "query/behaviour/funnel_place.h"

uint32_t wendi_funnel_previous_required(const wendi_funnel_rule *rule, uint32_t step)
{
    while (step-- > 0) {
        if (!rule->optional[step]) {
            return step;
        }
    }
    return WENDI_NO_ROW;
}

static void start_chain(wendi_funnel_chain *chain)
{
    chain->level = 0;
    chain->immature = false;
    chain->excluded = false;
}

/* ---- greedy: loose, nothing excluded, no gaps, no optional steps ---- */

/* How many steps from `next` on the place can serve; their rows go to rows_out. */
static uint32_t serve_greedily(const wendi_funnel_places *places, uint32_t place, uint32_t next,
                               uint32_t fixed_first, uint32_t *rows_out)
{
    uint32_t steps[WENDI_FUNNEL_STEPS_MAX];
    uint32_t most = places->rule->step_count - next;
    uint32_t count = 0;
    if (places->one_step && most > 1) {
        most = 1;
    }
    while (count < most && wendi_funnel_place_matches(places, place, next + count)) {
        steps[count] = next + count;
        if (!wendi_funnel_place_serves(places, place, steps, count + 1, fixed_first, NULL)) {
            break;
        }
        count++;
    }
    if (count != 0) {
        (void)wendi_funnel_place_serves(places, place, steps, count, fixed_first, rows_out);
    }
    return count;
}

static void match_greedily(const wendi_funnel_places *places, wendi_funnel_chain *best)
{
    const wendi_funnel_rule *rule = places->rule;
    uint32_t rows[WENDI_FUNNEL_STEPS_MAX];
    uint32_t end = places->place_count;
    uint32_t entry = wendi_funnel_next_matching(places, 0, 0);
    for (; entry < end && best->level < rule->step_count;
         entry = wendi_funnel_next_matching(places, entry + 1, 0)) {
        int64_t time = places->places[entry].time;
        if (!wendi_funnel_entry_counts(rule, time)) {
            continue;
        }
        uint32_t fixed = rule->entry_first ? places->first_entry_row : WENDI_NO_ROW;
        uint32_t level = serve_greedily(places, entry, 0, fixed, rows);
        int64_t deadline = wendi_funnel_deadline(rule, time);
        for (uint32_t place = entry; level != 0 && level < rule->step_count;) {
            place = wendi_funnel_next_matching(places, place + 1, level);
            if (place == end || places->places[place].time > deadline) {
                break;
            }
            level += serve_greedily(places, place, level, WENDI_NO_ROW, rows + level);
        }
        if (level > best->level) { /* entries come in time order: the first of a level is the one to
                                      report */
            best->level = level;
            best->immature = false;
            memcpy(best->rows, rows, level * sizeof *rows);
        }
        wendi_funnel_note_immature(rule, level, time, best);
    }
}

/* ---- exhaustive: best continuation from every (step held, place), remembered ---- */

typedef struct continuation {
    uint32_t known;        /* the entry it was computed for, counted from 1 */
    uint32_t level;        /* the last required step reached from here, counted from 1 */
    uint32_t next_place;   /* WENDI_NO_ROW: the chain ends here */
    uint32_t step_count;   /* steps held at next_place */
    const uint32_t *steps; /* in the arena, or a part of search.consecutive */
} continuation;

typedef struct search {
    wendi_arena *arena;
    const wendi_funnel_places *places;
    const wendi_funnel_rule *rule;
    bool use_excludes;
    int64_t deadline;
    uint32_t entry; /* counted from 1 */
    continuation
        *memory; /* [step][place]; what another entry left there is not known to this one */
    uint32_t consecutive[WENDI_FUNNEL_STEPS_MAX]; /* 0, 1, 2, …: most sequences are a part of it */
    bool no_memory;
} search;

static continuation *memory_of(search *of, uint32_t step, uint32_t place)
{
    return &of->memory[(size_t)step * of->places->place_count + place];
}

/* The last required step at or before `step`, counted from 1. */
static uint32_t level_at(const wendi_funnel_rule *rule, uint32_t step)
{
    return rule->optional[step] ? wendi_funnel_previous_required(rule, step) + 1 : step + 1;
}

/* Compare what follows two continuations, step by step from `step` on: smaller times, then earlier
 * rows come first. */
static int compare_continuations(search *of, uint32_t step, const continuation *a,
                                 const continuation *b)
{
    uint32_t a_at = 0;
    uint32_t b_at = 0;
    int tie = 0; /* by the first places that differ; only looked at when all times are equal */
    for (; step < of->rule->step_count; step++) {
        bool a_has = a->next_place != WENDI_NO_ROW && a->steps[a_at] == step;
        bool b_has = b->next_place != WENDI_NO_ROW && b->steps[b_at] == step;
        if (a_has != b_has) {
            return a_has ? -1 : 1;
        }
        if (!a_has) {
            continue;
        }
        int64_t a_time = of->places->places[a->next_place].time;
        int64_t b_time = of->places->places[b->next_place].time;
        if (a_time != b_time) {
            return a_time < b_time ? -1 : 1;
        }
        tie = tie != 0 ? tie : (a->next_place > b->next_place) - (a->next_place < b->next_place);
        if (++a_at == a->step_count) {
            a = memory_of(of, step, a->next_place);
            a_at = 0;
        }
        if (++b_at == b->step_count) {
            b = memory_of(of, step, b->next_place);
            b_at = 0;
        }
    }
    return tie;
}

static const continuation *continue_from(search *of, uint32_t step, uint32_t place);

/* Candidates at one place: every sequence of steps, optional ones held or skipped, that it can
 * serve. */
typedef struct candidates {
    search *of;
    uint32_t place;
    uint32_t fixed_first;
    uint32_t steps[WENDI_FUNNEL_STEPS_MAX];
    uint32_t count;
    uint32_t from; /* compare_continuations() begins here */
    continuation *best;
} candidates;

static const uint32_t *keep_steps(candidates *at)
{
    if (at->steps[at->count - 1] - at->steps[0] == at->count - 1) {
        return at->of->consecutive + at->steps[0];
    }
    uint32_t *kept = wendi_arena_alloc(at->of->arena, at->count * sizeof *kept);
    if (kept == NULL) {
        at->of->no_memory = true;
        return NULL;
    }
    return memcpy(kept, at->steps, at->count * sizeof *kept);
}

static void offer(candidates *at)
{
    uint32_t last = at->steps[at->count - 1];
    continuation offered = {.known = at->of->entry,
                            .next_place = at->place,
                            .step_count = at->count,
                            .steps = at->steps};
    const continuation *rest = continue_from(at->of, last, at->place);
    offered.level = rest->level;
    bool better = offered.level > at->best->level ||
                  (offered.level == at->best->level &&
                   compare_continuations(at->of, at->from, &offered, at->best) < 0);
    if (!better) {
        return;
    }
    offered.steps = keep_steps(at);
    if (offered.steps != NULL) {
        *at->best = offered;
    }
}

/* Try each step that may come next; after a required one there is no further choice. */
static void extend(candidates *at, uint32_t next)
{
    const wendi_funnel_rule *rule = at->of->rule;
    for (uint32_t step = next; step < rule->step_count && !at->of->no_memory; step++) {
        at->steps[at->count] = step;
        if (wendi_funnel_place_matches(at->of->places, at->place, step) &&
            wendi_funnel_place_serves(at->of->places, at->place, at->steps, at->count + 1,
                                      at->fixed_first, NULL)) {
            at->count++;
            offer(at);
            if (!at->of->places->one_step) {
                extend(at, step + 1);
            }
            at->count--;
        }
        if (!rule->optional[step]) {
            break;
        }
    }
}

static bool row_excludes(const search *of, uint32_t step, uint32_t ordinal)
{
    const wendi_funnel_rule *rule = of->rule;
    uint32_t row = of->places->rows[ordinal];
    return (rule->exclude != WENDI_NO_FLAG &&
            wendi_user_flag(of->places->user, row, rule->exclude)) ||
           (rule->exclude_after[step] != WENDI_NO_FLAG &&
            wendi_user_flag(of->places->user, row, rule->exclude_after[step]));
}

/* May a chain that holds `step` at `place` go on at `next`? `*stop`: nor at any later one. */
static bool may_follow(const search *of, uint32_t step, uint32_t place, uint32_t next, bool *stop)
{
    const wendi_funnel_place *from = &of->places->places[place];
    const wendi_funnel_place *to = &of->places->places[next];
    *stop = to->time > of->deadline ||
            (of->rule->has_step_gap && to->time - from->time > of->rule->step_gap_us) ||
            ((of->rule->ordering == WENDI_FUNNEL_SEQUENCE ||
              of->rule->ordering == WENDI_FUNNEL_ADJACENT) &&
             next > place + 1);
    if (!*stop && of->use_excludes && of->rule->has_exclude) {
        uint32_t begin =
            of->places
                ->ordinals[next == place + 1 ? from->begin : of->places->places[next - 1].begin];
        uint32_t first = next == place + 1
                             ? begin + 1
                             : begin; /* the place before was not between its own neighbours */
        for (uint32_t ordinal = first; ordinal < of->places->ordinals[to->begin] && !*stop;
             ordinal++) {
            *stop = row_excludes(of, step, ordinal);
        }
    }
    return !*stop && (!of->rule->strict_increase || to->time > from->time);
}

/*
 * A level that no chain from here can exceed: what could be reached if nothing but order and the
 * deadline held. Only known where the places are indexed; without, every place is followed by one
 * other at most.
 */
static uint32_t most_level(const search *of, uint32_t step, uint32_t place)
{
    const wendi_funnel_places *places = of->places;
    uint32_t level = level_at(of->rule, step);
    uint32_t at = place + 1;
    for (uint32_t next = step + 1; next < of->rule->step_count && places->next_matching != NULL;
         next++) {
        if (of->rule->optional[next]) {
            continue;
        }
        at = wendi_funnel_next_matching(places, at, next);
        if (at == places->place_count || places->places[at].time > of->deadline) {
            break;
        }
        level = next + 1;
    }
    return level;
}

/* Is there, within the deadline, a row for any step that may come next? */
static bool may_continue(const search *of, uint32_t step, uint32_t place)
{
    const wendi_funnel_places *places = of->places;
    bool may = places->next_matching == NULL;
    for (uint32_t next = step + 1; next < of->rule->step_count && !may; next++) {
        uint32_t at = wendi_funnel_next_matching(places, place + 1, next);
        may = at < places->place_count && places->places[at].time <= of->deadline;
        if (!of->rule->optional[next]) {
            break;
        }
    }
    return may;
}

static const continuation *continue_from(search *of, uint32_t step, uint32_t place)
{
    continuation *here = memory_of(of, step, place);
    if (here->known == of->entry) {
        return here;
    }
    candidates at = {.of = of, .from = step + 1, .fixed_first = WENDI_NO_ROW, .best = here};
    *here = (continuation){
        .known = of->entry, .level = level_at(of->rule, step), .next_place = WENDI_NO_ROW};
    const wendi_funnel_place *places = of->places->places;
    uint32_t most = most_level(of, step, place);
    bool stop = !may_continue(of, step, place);
    for (uint32_t next = place + 1;
         step + 1 < of->rule->step_count && next < of->places->place_count && !stop; next++) {
        bool holds_next = here->next_place != WENDI_NO_ROW && here->steps[0] == step + 1;
        if (holds_next && here->level == most &&
            places[next].time > places[here->next_place].time) {
            break; /* nothing more to reach, and later for it */
        }
        if (may_follow(of, step, place, next, &stop)) {
            at.place = next;
            extend(&at, step + 1);
        }
    }
    return here;
}

/* Write the rows of the chain that begins with `entry` at its place. */
static void take_chain(search *of, const continuation *entry, uint32_t fixed_first,
                       wendi_funnel_chain *chain)
{
    uint32_t rows[WENDI_FUNNEL_STEPS_MAX];
    memset(chain->rows, 0xff, of->rule->step_count * sizeof *chain->rows);
    while (entry->next_place != WENDI_NO_ROW) {
        (void)wendi_funnel_place_serves(of->places, entry->next_place, entry->steps,
                                        entry->step_count, fixed_first, rows);
        for (uint32_t i = 0; i < entry->step_count; i++) {
            chain->rows[entry->steps[i]] = rows[i];
        }
        entry = memory_of(of, entry->steps[entry->step_count - 1], entry->next_place);
        fixed_first = WENDI_NO_ROW;
    }
}

static bool smaller_times(const wendi_user_rows *user, uint32_t step_count,
                          const wendi_funnel_chain *a, const wendi_funnel_chain *b)
{
    for (uint32_t step = 0; step < step_count; step++) {
        bool a_has = a->rows[step] != WENDI_NO_ROW;
        bool b_has = b->rows[step] != WENDI_NO_ROW;
        if (a_has != b_has) {
            return a_has;
        }
        if (a_has && user->times[a->rows[step]] != user->times[b->rows[step]]) {
            return user->times[a->rows[step]] < user->times[b->rows[step]];
        }
    }
    return false;
}

static void search_entry(search *of, uint32_t entry, wendi_funnel_chain *best)
{
    const wendi_funnel_places *places = of->places;
    continuation start = {.next_place = WENDI_NO_ROW};
    candidates at = {.of = of,
                     .place = entry,
                     .best = &start,
                     .fixed_first = of->rule->entry_first ? places->first_entry_row : WENDI_NO_ROW};
    of->entry = entry + 1;
    of->deadline = wendi_funnel_deadline(of->rule, places->places[entry].time);
    extend(&at, 0);
    if (start.level == 0 || start.level < best->level) {
        return;
    }
    wendi_funnel_chain chain;
    start_chain(&chain);
    chain.level = start.level;
    take_chain(of, &start, at.fixed_first, &chain);
    if (chain.level > best->level ||
        smaller_times(places->user, of->rule->step_count, &chain, best)) {
        chain.immature = chain.level == best->level && best->immature;
        chain.excluded = best->excluded;
        *best = chain;
    }
    wendi_funnel_note_immature(of->rule, chain.level, places->places[entry].time, best);
}

static wend_status match_exhaustively(wendi_arena *arena, const wendi_funnel_places *places,
                                      bool use_excludes, wendi_funnel_chain *best,
                                      wend_error *error)
{
    search of = {.arena = arena,
                 .places = places,
                 .rule = places->rule,
                 .use_excludes = use_excludes,
                 .memory =
                     wendi_arena_alloc_zero(arena, (size_t)places->rule->step_count *
                                                       places->place_count * sizeof(continuation))};
    of.no_memory = of.memory == NULL;
    for (uint32_t step = 0; step < places->rule->step_count; step++) {
        of.consecutive[step] = step;
    }
    for (uint32_t entry = 0; entry < places->place_count && !of.no_memory; entry++) {
        if (best->level == of.rule->step_count &&
            places->places[entry].time > places->user->times[best->rows[0]]) {
            break; /* complete, and whatever follows begins later */
        }
        if (wendi_funnel_entry_counts(of.rule, places->places[entry].time) &&
            wendi_funnel_place_matches(places, entry, 0)) {
            search_entry(&of, entry, best);
        }
    }
    return of.no_memory ? wendi_fail_nomem(error, "matching a funnel",
                                           places->place_count * sizeof(continuation))
                        : WEND_OK;
}

/* ---- entry points ---- */

static wend_status match_once(wendi_funnel_scratch *scratch, const wendi_funnel_rule *rule,
                              const wendi_user_rows *user, const uint32_t *rows, uint32_t count,
                              bool use_excludes, wendi_funnel_chain *chain, wend_error *error)
{
    wendi_funnel_places places;
    bool excluding = use_excludes && rule->has_exclude;
    bool loose = rule->ordering == WENDI_FUNNEL_LOOSE;
    bool any = rule->ordering == WENDI_FUNNEL_ANY;
    wend_status status =
        wendi_funnel_places_make(&scratch->arena, rule, user, rows, count, loose && !excluding,
                                 rule->ordering == WENDI_FUNNEL_ADJACENT, &places, error);
    start_chain(chain);
    if (status == WEND_OK && (loose || any)) {
        status = wendi_funnel_places_index(&scratch->arena, &places, error);
    }
    if (status != WEND_OK || places.place_count == 0) {
        return status;
    }
    if (any) {
        wendi_funnel_match_any(&places, chain);
    } else if (loose && !excluding && !rule->has_step_gap && !rule->has_optional) {
        match_greedily(&places, chain);
    } else {
        status = match_exhaustively(&scratch->arena, &places, excluding, chain, error);
    }
    return status;
}

wend_status wendi_funnel_match(wendi_funnel_scratch *scratch, const wendi_funnel_rule *rule,
                               const wendi_user_rows *user, const uint32_t *rows, uint32_t count,
                               wendi_funnel_chain *chain, wend_error *error)
{
    wendi_arena_reset(&scratch->arena);
    wend_status status = match_once(scratch, rule, user, rows, count, true, chain, error);
    if (status == WEND_OK && rule->has_exclude) {
        wendi_funnel_chain without;
        status = match_once(scratch, rule, user, rows, count, false, &without, error);
        chain->excluded = status == WEND_OK && without.level > chain->level;
    }
    return status;
}
