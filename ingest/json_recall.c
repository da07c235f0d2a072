/* The tables of json_recall.h; how they are used is in json_members_body.h. */
#include "ingest/json_recall.h"

#include <string.h>

#include "engine/base/alloc.h"

enum { CACHE_LINE_BYTES = 64, CACHE_LINE_CODES = CACHE_LINE_BYTES / sizeof(uint32_t) };

static bool is_recalled(const wendi_column *column)
{
    return column->origin == WENDI_ORIGIN_JSON && column->type.kind == WENDI_TYPE_TEXT;
}

wend_status wendi_json_recall_init(wendi_json_recall *recall, const wendi_schema *schema)
{
    uint16_t count = 0;
    *recall = (wendi_json_recall){.user_column = WENDI_NO_COLUMN, .column_count = schema->column_count};
    recall->columns = wendi_alloc_zero(schema->column_count, sizeof *recall->columns);
    if (recall->columns == NULL) {
        return WEND_NOMEM;
    }
    for (uint32_t i = 0; i < schema->column_count; i++) {
        wendi_recall_column *column = &recall->columns[i];
        column->recalled = is_recalled(&schema->columns[i]) && count < WENDI_RECALL_COLUMNS_MAX;
        column->guessed = column->recalled;
        count = (uint16_t)(count + column->recalled);
    }
    uint16_t place = 0;
    for (uint32_t i = 0; i < schema->column_count; i++) {
        recall->columns[i].place = (uint16_t)(recall->columns[i].recalled ? place++ : count + 1);
    }
    recall->run_place = count;
    if (schema->user_column != WENDI_NO_COLUMN && is_recalled(&schema->columns[schema->user_column])) {
        recall->user_column = schema->user_column;
    }
    recall->line_codes = (uint32_t)((count + 1 + CACHE_LINE_CODES) / CACHE_LINE_CODES * CACHE_LINE_CODES);
    size_t code_count = (size_t)recall->line_codes * (WENDI_RECALL_LINES + 1);
    recall->line_memory = wendi_alloc_zero(code_count + CACHE_LINE_CODES, sizeof *recall->line_memory);
    recall->shape = (wendi_recall_shape){.generation = 1};
    memset(recall->day_text, 0xff, sizeof recall->day_text); /* no text is that: its second half has four bytes */
    if (recall->line_memory == NULL) {
        return WEND_NOMEM;
    }
    uintptr_t into_line = (uintptr_t)recall->line_memory % CACHE_LINE_BYTES;
    recall->lines = recall->line_memory + (into_line == 0 ? 0 : (CACHE_LINE_BYTES - into_line) / sizeof *recall->lines);
    return WEND_OK;
}

void wendi_json_recall_free(wendi_json_recall *recall)
{
    wendi_free(recall->columns);
    wendi_free(recall->line_memory);
    wendi_free(recall->runs);
    *recall = (wendi_json_recall){0};
}

/* ---- shapes ----------------------------------------------------------------------------------- */

void wendi_json_recall_forget_runs(wendi_json_recall *recall)
{
    if (++recall->shape.generation == 0) { /* only where there was a shape, so there are runs */
        memset(recall->runs, 0, (WENDI_RUNS + 1) * sizeof *recall->runs);
        recall->shape.generation = 1;
    }
}

static bool has_slot(const wendi_recall_shape *shape, uint32_t slot)
{
    for (uint32_t i = 0; i < shape->member_count; i++) {
        if (shape->slots[i] == slot) {
            return true;
        }
    }
    return false;
}

static bool is_member(const wendi_recall_shape *shape, uint32_t column)
{
    for (uint32_t i = 0; i < shape->member_count; i++) {
        if (shape->columns[i] == column) {
            return true;
        }
    }
    return false;
}

/* May the slot's value be in a run? `shape` is what comes before it. */
static bool may_join(const wendi_json_recall *recall, const wendi_row_builder *builder, const wendi_key_slot *slot,
                     const wendi_recall_shape *shape, uint32_t rows)
{
    if (slot->bit == WENDI_KEY_STAMPED || slot->value != WENDI_QUICK_TEXT || shape->member_count == WENDI_RUN_MEMBERS_MAX ||
        builder->columns[slot->column].interner.entry_count > WENDI_RUN_ENTRIES_MAX) {
        return false;
    }
    const wendi_recall_column *column = &recall->columns[slot->column];
    uint32_t looked_at = rows / WENDI_RECALL_ROWS_SEEN;
    if (column->seen < looked_at - looked_at / WENDI_RUN_SEEN_MISSING_MAX) {
        return false;
    }
    /* Of members in use little is guessed one by one. */
    bool taken = is_member(&recall->shape, slot->column) && recall->shape.worth.pause == 0;
    return column->recalled && (taken || column->rate >= WENDI_RUN_RATE_MIN);
}

static void join(wendi_recall_shape *shape, const wendi_key_slot *slot, uint32_t index)
{
    shape->slots[shape->member_count] = index;
    shape->columns[shape->member_count] = slot->column;
    shape->bits |= slot->bit;
    shape->member_count++;
}

/* The longest row of keys behind the user's, or of all where there is no user, in the order of the last events. */
static void choose(const wendi_json_recall *recall, const wendi_key_tree *tree, const wendi_row_builder *builder,
                   uint32_t rows, wendi_recall_shape *best)
{
    wendi_recall_shape shape = {0};
    bool user_passed = recall->user_column == WENDI_NO_COLUMN;
    uint32_t steps = 0;
    for (uint32_t at = tree->nodes[0].first[0]; at != WENDI_KEY_NONE && steps++ < tree->slot_count;
         at = tree->slots[at].next[0]) {
        const wendi_key_slot *slot = &tree->slots[at];
        if (has_slot(&shape, at)) { /* what follows what is learnt pair by pair, and may go in a circle */
            break;
        }
        if (user_passed && may_join(recall, builder, slot, &shape, rows)) {
            join(&shape, slot, at);
        } else {
            shape = (wendi_recall_shape){0};
        }
        if (shape.member_count > best->member_count) {
            *best = shape;
        }
        user_passed |= slot->action == WENDI_KEY_COLUMN && slot->column == recall->user_column;
    }
}

static bool has_outgrown(const wendi_recall_shape *shape, const wendi_row_builder *builder)
{
    bool outgrown = false;
    for (uint32_t i = 0; i < shape->member_count; i++) {
        outgrown |= builder->columns[shape->columns[i]].interner.entry_count > WENDI_RUN_ENTRIES_MAX;
    }
    return outgrown;
}

/* Is there a new one? */
static bool judge_shape(wendi_json_recall *recall, const wendi_key_tree *tree, const wendi_row_builder *builder,
                        uint32_t rows)
{
    wendi_recall_shape *shape = &recall->shape;
    wendi_recall_shape best = {0};
    choose(recall, tree, builder, rows, &best);
    bool fails = (shape->member_count != 0 && shape->worth.pause != 0) || has_outgrown(shape, builder);
    bool same = best.member_count == shape->member_count && memcmp(best.slots, shape->slots, sizeof best.slots) == 0;
    if (same || best.member_count < WENDI_RUN_MEMBERS_MIN || (!fails && best.member_count <= shape->member_count)) {
        return false;
    }
    if (recall->runs == NULL) {
        recall->runs = wendi_alloc_zero(WENDI_RUNS + 1, sizeof *recall->runs);
    }
    if (recall->runs == NULL) {
        return false; /* then there is no shape: the rows are the same */
    }
    best.generation = shape->generation;
    *shape = best;
    wendi_json_recall_forget_runs(recall);
    return true;
}

/* ---- guesses ---------------------------------------------------------------------------------- */

/* Is it to be guessed from now on, where it was not, or the other way round? */
static bool judge_column(wendi_recall_column *column)
{
    uint32_t tries = column->hits + column->misses;
    if (!column->recalled || (column->guessed && tries < WENDI_RECALL_TRIES_MIN)) {
        return false;
    }
    if (!column->guessed) {
        column->guessed = --column->pause == 0;
        return column->guessed;
    }
    column->rate = (uint16_t)(column->hits * WENDI_RECALL_WINDOW / tries);
    column->guessed = column->rate >= WENDI_RECALL_HITS_MIN;
    column->pause = (uint8_t)(WENDI_RECALL_PAUSE << column->doublings);
    column->doublings = (uint8_t)(column->guessed ? 0 : column->doublings + (column->doublings < WENDI_RECALL_PAUSE_DOUBLINGS));
    column->hits = 0;
    column->misses = 0;
    return !column->guessed;
}

void wendi_json_recall_mark(const wendi_json_recall *recall, wendi_key_tree *tree)
{
    const wendi_recall_shape *shape = &recall->shape;
    for (uint32_t i = 0; i < tree->slot_count; i++) {
        wendi_key_slot *slot = &tree->slots[i];
        bool guessed = slot->value == WENDI_QUICK_TEXT && recall->columns[slot->column].guessed;
        slot->quick = guessed ? WENDI_QUICK_GUESSED : slot->value;
    }
    if (shape->member_count != 0) {
        tree->slots[shape->slots[0]].quick = WENDI_QUICK_RUN;
        tree->slots[shape->slots[shape->member_count - 1]].quick = WENDI_QUICK_RUN_LAST;
    }
}

void wendi_json_recall_judge(wendi_json_recall *recall, wendi_key_tree *tree, const wendi_row_builder *builder,
                             uint32_t rows)
{
    bool changed = false;
    for (uint32_t i = 0; i < recall->column_count; i++) {
        changed |= judge_column(&recall->columns[i]);
    }
    changed |= judge_shape(recall, tree, builder, rows);
    if (changed) {
        wendi_json_recall_mark(recall, tree);
    }
    for (uint32_t i = 0; i < recall->column_count; i++) {
        recall->columns[i].seen = 0;
    }
}
