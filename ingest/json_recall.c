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
        bool taken = is_recalled(&schema->columns[i]) && count < WENDI_RECALL_COLUMNS_MAX;
        recall->columns[i].place = taken ? count++ : WENDI_RECALL_NONE;
    }
    if (schema->user_column != WENDI_NO_COLUMN && is_recalled(&schema->columns[schema->user_column])) {
        recall->user_column = schema->user_column;
    }
    recall->line_codes = (uint32_t)((count + CACHE_LINE_CODES - 1) / CACHE_LINE_CODES * CACHE_LINE_CODES);
    size_t code_count = (size_t)recall->line_codes * WENDI_RECALL_LINES;
    recall->line_memory = wendi_alloc_zero(code_count + CACHE_LINE_CODES, sizeof *recall->line_memory);
    recall->chains = wendi_alloc_zero((size_t)(count + 1) * WENDI_RECALL_CHAIN, sizeof *recall->chains);
    recall->shape = (wendi_recall_shape){.generation = 1};
    memset(recall->day_text, 0xff, sizeof recall->day_text); /* no text is that: its second half has four bytes */
    if (recall->line_memory == NULL || recall->chains == NULL) {
        return WEND_NOMEM;
    }
    uintptr_t into_line = (uintptr_t)recall->line_memory % CACHE_LINE_BYTES;
    recall->lines = recall->line_memory + (into_line == 0 ? 0 : (CACHE_LINE_BYTES - into_line) / sizeof *recall->lines);
    for (uint32_t i = 0; i < schema->column_count; i++) {
        wendi_recall_column *column = &recall->columns[i];
        if (column->place != WENDI_RECALL_NONE) {
            column->chain = recall->chains + (size_t)column->place * WENDI_RECALL_CHAIN;
        }
    }
    return WEND_OK;
}

void wendi_json_recall_free(wendi_json_recall *recall)
{
    wendi_free(recall->columns);
    wendi_free(recall->line_memory);
    wendi_free(recall->chains);
    wendi_free(recall->runs);
    *recall = (wendi_json_recall){0};
}

/* ---- shapes ----------------------------------------------------------------------------------- */

void wendi_json_recall_forget_runs(wendi_json_recall *recall)
{
    if (++recall->shape.generation == 0) { /* only where there was a shape, so there are runs */
        memset(recall->runs, 0, (WENDI_RUN_LINES + 1) * sizeof *recall->runs);
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

/* Of members in use little is seen one by one. */
static bool is_member(const wendi_recall_shape *shape, uint32_t column)
{
    for (uint32_t i = 0; i < shape->member_count && shape->worth.pause == 0; i++) {
        if (shape->columns[i] == column) {
            return true;
        }
    }
    return false;
}

/* May the slot's value be in a run? `shape` is what comes before it. */
static bool may_join(const wendi_json_recall *recall, const wendi_convert_column *plans, const wendi_key_slot *slot,
                     const wendi_recall_shape *shape, uint32_t rows)
{
    if (slot->action != WENDI_KEY_COLUMN || shape->member_count == WENDI_RUN_MEMBERS_MAX) {
        return false;
    }
    bool member = is_member(&recall->shape, slot->column);
    if (!member && recall->columns[slot->column].seen < rows - rows / WENDI_RUN_SEEN_MISSING_MAX) {
        return false;
    }
    if (plans[slot->column].quick == WENDI_QUICK_INET) {
        return !recall->shape.without_address && shape->address == shape->member_count;
    }
    const wendi_recall_column *column = &recall->columns[slot->column];
    return plans[slot->column].quick == WENDI_QUICK_TEXT && column->place != WENDI_RECALL_NONE &&
           slot->column != recall->user_column && (member || column->by_line.rate >= WENDI_RUN_RATE_MIN);
}

static void join(wendi_recall_shape *shape, const wendi_convert_column *plans, uint32_t slot, uint32_t column)
{
    bool is_address = plans[column].quick == WENDI_QUICK_INET;
    bool had_address = shape->address != shape->member_count;
    shape->slots[shape->member_count] = slot;
    shape->columns[shape->member_count] = column;
    shape->member_count++;
    if (!is_address && !had_address) {
        shape->address = shape->member_count;
    }
}

/* The longest row of keys behind the user's, in the order in which the last events had them. */
static void choose(const wendi_json_recall *recall, const wendi_key_tree *tree, const wendi_convert_column *plans,
                   uint32_t rows, wendi_recall_shape *best)
{
    wendi_recall_shape shape = {0};
    bool user_passed = false;
    uint32_t steps = 0;
    for (uint32_t at = tree->nodes[0].first[0]; at != WENDI_KEY_NONE && steps++ < tree->slot_count;
         at = tree->slots[at].next[0]) {
        const wendi_key_slot *slot = &tree->slots[at];
        if (has_slot(&shape, at)) { /* what follows what is learnt pair by pair, and may go in a circle */
            break;
        }
        if (user_passed && may_join(recall, plans, slot, &shape, rows)) {
            join(&shape, plans, at, slot->column);
        } else {
            shape = (wendi_recall_shape){0};
        }
        if (shape.member_count > best->member_count) {
            *best = shape;
        }
        user_passed |= slot->action == WENDI_KEY_COLUMN && slot->column == recall->user_column;
    }
}

static void mark_members(const wendi_recall_shape *shape, wendi_key_tree *tree, bool in_run)
{
    for (uint32_t i = 0; i < shape->member_count; i++) {
        uint8_t part = i == 0 ? WENDI_KEY_FIRST_OF_RUN : WENDI_KEY_IN_RUN;
        tree->slots[shape->slots[i]].in_run = in_run ? part : WENDI_KEY_NOT_IN_RUN;
    }
}

static void judge_shape(wendi_json_recall *recall, wendi_key_tree *tree, const wendi_convert_column *plans,
                        uint32_t rows)
{
    wendi_recall_shape *shape = &recall->shape;
    wendi_recall_shape best = {0};
    bool fails = shape->member_count != 0 && shape->worth.pause != 0;
    if (recall->user_column == WENDI_NO_COLUMN) {
        return;
    }
    if (fails && shape->address != shape->member_count && shape->worth.doublings > 1) {
        shape->without_address = true;
    }
    choose(recall, tree, plans, rows, &best);
    bool same = best.member_count == shape->member_count && memcmp(best.slots, shape->slots, sizeof best.slots) == 0;
    if (same || best.member_count < WENDI_RUN_MEMBERS_MIN || (!fails && best.member_count <= shape->member_count)) {
        return;
    }
    if (recall->runs == NULL) {
        recall->runs = wendi_alloc_zero(WENDI_RUN_LINES + 1, sizeof *recall->runs);
    }
    if (recall->runs == NULL) {
        return; /* then there is no shape: the rows are the same */
    }
    best.generation = shape->generation;
    best.without_address = shape->without_address;
    mark_members(shape, tree, false);
    mark_members(&best, tree, true);
    *shape = best;
    wendi_json_recall_forget_runs(recall);
}

void wendi_json_recall_judge(wendi_json_recall *recall, wendi_key_tree *tree, const wendi_convert_column *plans,
                             uint32_t rows)
{
    judge_shape(recall, tree, plans, rows);
    for (uint32_t i = 0; i < recall->column_count; i++) {
        recall->columns[i].seen = 0;
    }
}
