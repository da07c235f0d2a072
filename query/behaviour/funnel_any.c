/*
 * The best chain through steps in any order: the span that holds the most steps, and of those the
 * shortest.
 *
 * Spans begin at a row that matches a step; each is filled in one pass.
 */
#include <string.h>

#include "query/behaviour/funnel_place.h"

typedef struct any_matching { /* rows of a span to steps; a place is one row here */
    const wendi_funnel_places *places;
    uint32_t row_of[WENDI_FUNNEL_STEPS_MAX]; /* place, or WENDI_NO_ROW */
    bool tried[WENDI_FUNNEL_STEPS_MAX];
} any_matching;

/* Give the row a step, moving rows that have one already to other steps where that helps. */
static bool augment_any(any_matching *match, uint32_t at)
{
    const wendi_funnel_rule *rule = match->places->rule;
    for (uint32_t step = 0; step < rule->step_count; step++) {
        if (match->tried[step] || !wendi_funnel_place_matches(match->places, at, step)) {
            continue;
        }
        match->tried[step] = true;
        if (match->row_of[step] == WENDI_NO_ROW || augment_any(match, match->row_of[step])) {
            match->row_of[step] = at;
            return true;
        }
    }
    return false;
}

/* How many more steps are matched with this row; with reuse_rows it serves all that are still free.
 */
static uint32_t add_row(any_matching *match, uint32_t at)
{
    const wendi_funnel_rule *rule = match->places->rule;
    uint32_t filled = 0;
    if (!rule->reuse_rows) {
        memset(match->tried, 0, rule->step_count * sizeof *match->tried);
        return augment_any(match, at);
    }
    for (uint32_t step = 0; step < rule->step_count; step++) {
        if (match->row_of[step] == WENDI_NO_ROW &&
            wendi_funnel_place_matches(match->places, at, step)) {
            match->row_of[step] = at;
            filled++;
        }
    }
    return filled;
}

/*
 * The most steps that rows of the span from `begin` match; *last is the row that completes them.
 * Sets of rows that can have steps of their own are the independent sets of a (transversal)
 * matroid: taking every row that still fits, in row order, gives a largest one, the earliest, in
 * the shortest span. Of each step the first step_count rows are enough: if all of them found no
 * place, or found one each, a later one finds none.
 */
static uint32_t match_span(any_matching *match, uint32_t begin, uint32_t *last)
{
    const wendi_funnel_places *places = match->places;
    uint32_t step_count = places->rule->step_count;
    int64_t deadline = wendi_funnel_deadline(places->rule, places->places[begin].time);
    uint32_t cursor[WENDI_FUNNEL_STEPS_MAX]; /* the next row of each step */
    uint32_t seen[WENDI_FUNNEL_STEPS_MAX] = {0};
    uint32_t level = 0;
    memset(match->row_of, 0xff, sizeof match->row_of);
    for (uint32_t step = 0; step < step_count; step++) {
        cursor[step] = wendi_funnel_next_matching(places, begin, step);
    }
    while (level < step_count) {
        uint32_t at = places->place_count;
        for (uint32_t step = 0; step < step_count; step++) {
            at = cursor[step] < at ? cursor[step] : at;
        }
        if (at == places->place_count || places->places[at].time > deadline) {
            break;
        }
        uint32_t added = add_row(match, at);
        *last = added != 0 ? at : *last;
        level += added;
        for (uint32_t step = 0; step < step_count; step++) {
            if (cursor[step] == at) {
                bool more = ++seen[step] < step_count;
                cursor[step] =
                    more ? wendi_funnel_next_matching(places, at + 1, step) : places->place_count;
            }
        }
    }
    return level;
}

/* The rows of a matching, in row order. */
static void take_span(const any_matching *match, wendi_funnel_chain *chain)
{
    uint32_t count = 0;
    for (uint32_t step = 0; step < match->places->rule->step_count; step++) {
        if (match->row_of[step] == WENDI_NO_ROW) {
            continue;
        }
        uint32_t row = match->places->relevant[match->row_of[step]];
        uint32_t at = count++;
        while (at > 0 && chain->rows[at - 1] > row) {
            chain->rows[at] = chain->rows[at - 1];
            at--;
        }
        chain->rows[at] = row;
    }
}

void wendi_funnel_match_any(const wendi_funnel_places *places, wendi_funnel_chain *best)
{
    const wendi_funnel_rule *rule = places->rule;
    any_matching match = {.places = places};
    uint32_t entries = rule->entry_first ? 1 : places->place_count;
    int64_t best_length = INT64_MAX;
    for (uint32_t begin = 0; begin < entries; begin++) {
        int64_t start = places->places[begin].time;
        bool tie = begin > 0 &&
                   places->places[begin - 1].time == start; /* the span before holds this one */
        if (tie || !wendi_funnel_entry_counts(rule, start)) {
            continue;
        }
        uint32_t last = begin;
        uint32_t level = match_span(&match, begin, &last);
        int64_t length = places->places[last].time - start;
        if (level > best->level || (level == best->level && length < best_length)) {
            best->immature = level == best->level && best->immature;
            best->level = level;
            best_length = length;
            take_span(&match, best);
        }
        wendi_funnel_note_immature(rule, level, start, best);
    }
}
