/* Building the key tree from a schema, finding and learning keys, and naming what no column takes. */
#include "ingest/json_keys.h"

#include <stdio.h>
#include <stdlib.h>

#include "engine/base/alloc.h"
#include "engine/base/hash.h"
#include "engine/expr/table_ddl.h"

enum { TABLE_SLOTS_MIN = 16, SLOT_CAPACITY_MIN = 64 };

/* ---- slots and nodes -------------------------------------------------------------------------- */

static wend_status grow_table(wendi_key_tree *tree, wendi_key_node *node)
{
    uint32_t size = node->table == NULL ? TABLE_SLOTS_MIN : 2 * (node->table_mask + 1);
    uint32_t *table = wendi_alloc_zero(size, sizeof *table);
    if (table == NULL) {
        return WEND_NOMEM;
    }
    for (uint32_t i = 0; node->table != NULL && i <= node->table_mask; i++) {
        if (node->table[i] != 0) {
            wendi_string key = tree->slots[node->table[i] - 1].key;
            uint32_t at = (uint32_t)wendi_hash64(key.data, key.length) & (size - 1);
            while (table[at] != 0) {
                at = (at + 1) & (size - 1);
            }
            table[at] = node->table[i];
        }
    }
    wendi_free(node->table);
    node->table = table;
    node->table_mask = size - 1;
    return WEND_OK;
}

static bool needs_escape(wendi_string key)
{
    for (uint32_t i = 0; i < key.length; i++) {
        if ((unsigned char)key.data[i] < 0x20 || key.data[i] == '"' || key.data[i] == '\\') {
            return true;
        }
    }
    return false;
}

static void set_literal(wendi_key_slot *slot)
{
    char text[WENDI_KEY_LITERAL_WORDS * sizeof(uint64_t)] = {0};
    char mask[sizeof text] = {0};
    if (slot->key.length + 3 > sizeof text || needs_escape(slot->key)) {
        memset(slot->literal, 0xff, sizeof slot->literal);
        return;
    }
    slot->literal_bytes = slot->key.length + 3;
    text[0] = '"';
    memcpy(text + 1, slot->key.data, slot->key.length);
    text[slot->key.length + 1] = '"';
    text[slot->key.length + 2] = ':';
    memset(mask, 0xff, slot->literal_bytes);
    memcpy(slot->literal, text, sizeof text);
    memcpy(slot->mask, mask, sizeof mask);
}

static wend_status grow_slots(wendi_key_tree *tree)
{
    uint32_t capacity = tree->slot_capacity == 0 ? SLOT_CAPACITY_MIN : 2 * tree->slot_capacity;
    wendi_key_slot *slots = wendi_realloc(tree->slots, capacity * sizeof *slots);
    if (slots == NULL) {
        return WEND_NOMEM;
    }
    tree->slots = slots;
    tree->slot_capacity = capacity;
    return WEND_OK;
}

static wend_status add_slot(wendi_key_tree *tree, uint32_t node_index, wendi_string key, uint32_t *added)
{
    wendi_key_node *node = &tree->nodes[node_index];
    wend_status status = WEND_OK;
    if (tree->slot_count == tree->slot_capacity) {
        WEND_TRY(grow_slots(tree));
    }
    if (node->table == NULL || 2 * (node->slot_count + 1) > node->table_mask) {
        WEND_TRY(grow_table(tree, node));
    }
    char *copy = wendi_arena_copy(&tree->arena, key.data, key.length);
    if (copy == NULL) {
        return WEND_NOMEM;
    }
    wendi_key_slot *slot = &tree->slots[tree->slot_count];
    *slot = (wendi_key_slot){.node = node_index,
                             .key = {copy, key.length},
                             .next = {tree->slot_count, tree->slot_count},
                             .column = WENDI_NO_COLUMN,
                             .bit = WENDI_KEY_STAMPED,
                             .child = WENDI_KEY_NONE,
                             .first_target = WENDI_KEY_NONE,
                             .action = WENDI_KEY_SKIP};
    set_literal(slot);
    uint32_t at = (uint32_t)wendi_hash64(key.data, key.length) & node->table_mask;
    while (node->table[at] != 0) {
        at = (at + 1) & node->table_mask;
    }
    *added = tree->slot_count++;
    if (slot->literal_bytes != 0) {
        uint32_t *head = &node->heads[wendi_key_head((const char *)slot->literal)];
        *head = *head == 0 ? *added + 1 : *head;
    }
    node->table[at] = *added + 1;
    node->slot_count++;
cleanup:
    return status;
}

uint32_t wendi_key_find(const wendi_key_tree *tree, uint32_t node_index, wendi_string key)
{
    const wendi_key_node *node = &tree->nodes[node_index];
    if (node->table == NULL) {
        return WENDI_KEY_NONE;
    }
    uint32_t at = (uint32_t)wendi_hash64(key.data, key.length) & node->table_mask;
    for (; node->table[at] != 0; at = (at + 1) & node->table_mask) {
        if (wendi_string_equal(tree->slots[node->table[at] - 1].key, key)) {
            return node->table[at] - 1;
        }
    }
    return WENDI_KEY_NONE;
}

uint32_t wendi_key_learn(wendi_key_tree *tree, uint32_t node, wendi_string key)
{
    uint32_t slot = WENDI_KEY_NONE;
    if (tree->learnt_count >= WENDI_UNKNOWN_KEYS_MAX || key.length > WENDI_KEY_LEARNT_BYTES_MAX ||
        add_slot(tree, node, key, &slot) != WEND_OK) {
        return WENDI_KEY_NONE;
    }
    tree->learnt_count++;
    return slot;
}

/* ---- from the schema -------------------------------------------------------------------------- */

static uint32_t add_node(wendi_key_tree *tree, uint32_t slot)
{
    tree->nodes[tree->node_count] = (wendi_key_node){.first = {WENDI_KEY_NONE, WENDI_KEY_NONE}, .slot = slot};
    return tree->node_count++;
}

static wend_status add_path(wendi_key_tree *tree, const wendi_path *path, uint32_t target)
{
    uint32_t node = 0;
    for (uint32_t i = 0; i < path->key_count; i++) {
        uint32_t slot = wendi_key_find(tree, node, path->keys[i]);
        if (slot == WENDI_KEY_NONE) {
            wend_status status = add_slot(tree, node, path->keys[i], &slot);
            if (status != WEND_OK) {
                return status;
            }
        }
        if (i + 1 == path->key_count) {
            tree->targets[target].slot = slot;
            tree->targets[target].next_in_slot = tree->slots[slot].first_target;
            tree->slots[slot].first_target = target;
            return WEND_OK;
        }
        if (tree->slots[slot].child == WENDI_KEY_NONE) {
            tree->slots[slot].child = add_node(tree, slot);
        }
        node = tree->slots[slot].child;
    }
    return WEND_OK;
}

/* What every slot does follows from what hangs on it. */
static void set_actions(wendi_key_tree *tree, const wendi_schema *schema, bool defer)
{
    for (uint32_t i = 0; i < tree->slot_count; i++) {
        wendi_key_slot *slot = &tree->slots[i];
        uint32_t target = slot->first_target;
        if (target == WENDI_KEY_NONE) {
            slot->action = WENDI_KEY_DESCEND;
            continue;
        }
        uint32_t column = tree->targets[target].column;
        bool alone = tree->targets[target].next_in_slot == WENDI_KEY_NONE && slot->child == WENDI_KEY_NONE;
        bool plain = alone && !defer && schema->columns[column].path_count == 1;
        slot->action = plain ? WENDI_KEY_COLUMN : WENDI_KEY_MIXED;
        slot->column = plain ? column : WENDI_NO_COLUMN;
    }
}

/* Nodes stand behind those they lie in. */
static void set_covered(wendi_key_tree *tree, const wendi_schema *schema)
{
    for (uint32_t i = 1; i < tree->node_count; i++) {
        const wendi_key_slot *above = &tree->slots[tree->nodes[i].slot];
        bool covered = tree->nodes[above->node].covered;
        for (uint32_t t = above->first_target; t != WENDI_KEY_NONE; t = tree->targets[t].next_in_slot) {
            covered |= schema->columns[tree->targets[t].column].type.kind == WENDI_TYPE_JSONB;
        }
        tree->nodes[i].covered = covered;
    }
}

wend_status wendi_key_tree_init(wendi_key_tree *tree, const wendi_schema *schema, bool defer, wend_error *error)
{
    uint32_t target_count = 0;
    size_t key_count = 1;
    wend_status status = WEND_OK;
    *tree = (wendi_key_tree){0};
    for (uint32_t i = 0; i < schema->column_count; i++) {
        bool from_json = schema->columns[i].origin == WENDI_ORIGIN_JSON;
        target_count += from_json ? schema->columns[i].path_count : 0;
        for (uint32_t k = 0; from_json && k < schema->columns[i].path_count; k++) {
            key_count += schema->columns[i].paths[k].key_count;
        }
    }
    tree->nodes = wendi_alloc_zero(key_count, sizeof *tree->nodes);
    tree->targets = wendi_alloc_zero(target_count, sizeof *tree->targets);
    tree->column_targets = wendi_alloc_zero(schema->column_count + 1, sizeof *tree->column_targets);
    if (tree->nodes == NULL || tree->targets == NULL || tree->column_targets == NULL) {
        WEND_TRY(WEND_NOMEM);
    }
    add_node(tree, WENDI_KEY_NONE);
    for (uint32_t i = 0; i < schema->column_count; i++) {
        const wendi_column *column = &schema->columns[i];
        tree->column_targets[i] = tree->target_count;
        for (uint32_t k = 0; column->origin == WENDI_ORIGIN_JSON && k < column->path_count; k++) {
            tree->targets[tree->target_count].column = i;
            WEND_TRY(add_path(tree, &column->paths[k], tree->target_count++));
        }
    }
    tree->column_targets[schema->column_count] = tree->target_count;
    set_actions(tree, schema, defer);
    set_covered(tree, schema);
cleanup:
    if (status != WEND_OK) {
        wendi_key_tree_free(tree);
        wendi_fail_nomem(error, "the keys of a table", key_count * sizeof(wendi_key_slot));
    }
    return status;
}

void wendi_key_tree_free(wendi_key_tree *tree)
{
    for (uint32_t i = 0; i < tree->node_count; i++) {
        wendi_free(tree->nodes[i].table);
    }
    wendi_free(tree->nodes);
    wendi_free(tree->slots);
    wendi_free(tree->targets);
    wendi_free(tree->column_targets);
    wendi_arena_free(&tree->arena);
    *tree = (wendi_key_tree){0};
}

/* ---- rows ------------------------------------------------------------------------------------- */

/* Node numbers rise with depth, so one pass over the slots meets every parent before its children. */
void wendi_key_forget(wendi_key_tree *tree, uint32_t top)
{
    for (uint32_t i = 0; i < tree->slot_count; i++) {
        wendi_key_slot *slot = &tree->slots[i];
        uint32_t node = slot->node;
        while (node != top && node != 0) {
            node = tree->slots[tree->nodes[node].slot].node;
        }
        if (node == top) {
            slot->stamp = 0;
            for (uint32_t t = slot->first_target; t != WENDI_KEY_NONE; t = tree->targets[t].next_in_slot) {
                tree->targets[t].stamp = 0;
            }
        }
    }
}

void wendi_key_reset_stamps(wendi_key_tree *tree)
{
    for (uint32_t i = 0; i < tree->slot_count; i++) {
        tree->slots[i].stamp = 0;
    }
    for (uint32_t i = 0; i < tree->target_count; i++) {
        tree->targets[i].stamp = 0;
    }
}

/* ---- unknown keys ----------------------------------------------------------------------------- */

void wendi_key_note_unknown(wendi_key_tree *tree, wendi_key_slot *slot, const char *begin, const char *end,
                            wendi_buffer *scratch)
{
    slot->unknown_count++;
    slot->unknown_kinds |= wendi_value_kind_of(*begin);
    if (!wendi_value_guess_samples(slot->unknown_count)) {
        return;
    }
    if (slot->unknown == NULL) {
        slot->unknown = wendi_arena_alloc_zero(&tree->arena, sizeof *slot->unknown);
    }
    if (slot->unknown != NULL) { /* an example that is not seen for want of memory is no loss */
        (void)!wendi_value_guess_add(slot->unknown, begin, end, scratch);
    }
}

/* $.a."b c" into key->path; what does not fit is cut between characters. */
static void key_path(const wendi_key_tree *tree, uint32_t slot, wendi_unknown_key *key)
{
    wendi_string keys[WENDI_JSON_DEPTH_MAX];
    uint32_t count = 0;
    wendi_buffer text = {0};
    for (uint32_t at = slot; at != WENDI_KEY_NONE && count < WENDI_JSON_DEPTH_MAX; at = tree->nodes[tree->slots[at].node].slot) {
        count++;
    }
    uint32_t step = count;
    for (uint32_t at = slot; step > 0; at = tree->nodes[tree->slots[at].node].slot) {
        keys[--step] = tree->slots[at].key;
    }
    bool written = wendi_path_write(&(wendi_path){keys, count}, &text) == WEND_OK;
    key->cut = !written || text.length >= sizeof key->path;
    size_t length = key->cut ? sizeof key->path - 1 : text.length;
    length = text.length < length ? text.length : length;
    length = length == 0 ? 0 : (size_t)(wendi_utf8_check((const char *)text.data, (const char *)text.data + length) -
                                        (const char *)text.data);
    if (length != 0) {
        memcpy(key->path, text.data, length);
    }
    key->path[length] = '\0';
    wendi_buffer_free(&text);
}

static int by_count(const void *left, const void *right)
{
    const wendi_unknown_key *a = left;
    const wendi_unknown_key *b = right;
    return a->count != b->count ? (a->count < b->count ? 1 : -1) : strcmp(a->path, b->path);
}

/* Where the next key may be written: among few the next place, among many that of the least frequent, if it is less. */
static wendi_unknown_key *place_for(wendi_unknown_key *keys, uint32_t *count, uint32_t capacity, uint64_t times)
{
    uint32_t at = *count;
    if (*count < capacity) {
        return &keys[(*count)++];
    }
    at = 0;
    for (uint32_t i = 1; i < capacity; i++) {
        at = keys[i].count < keys[at].count ? i : at;
    }
    return keys[at].count < times ? &keys[at] : NULL;
}

uint32_t wendi_key_unknown(const wendi_key_tree *tree, wendi_unknown_key *keys, uint32_t capacity)
{
    uint32_t count = 0;
    if (capacity == 0) {
        return 0;
    }
    for (uint32_t i = 0; i < tree->slot_count; i++) {
        const wendi_key_slot *slot = &tree->slots[i];
        wendi_unknown_key *key =
            slot->unknown_count != 0 ? place_for(keys, &count, capacity, slot->unknown_count) : NULL;
        if (key != NULL) {
            key_path(tree, i, key);
            key->count = slot->unknown_count;
            key->guess = slot->unknown != NULL ? *slot->unknown : (wendi_value_guess){0};
            wendi_value_guess_widen(&key->guess, slot->unknown_kinds);
        }
    }
    wendi_unknown_key *others = tree->stray_count != 0 ? place_for(keys, &count, capacity, tree->stray_count) : NULL;
    if (others != NULL) {
        *others = (wendi_unknown_key){.path = "(further keys)", .cut = true, .count = tree->stray_count};
    }
    qsort(keys, count, sizeof *keys, by_count);
    return count;
}
