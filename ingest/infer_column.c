/* From counts to columns: what becomes a column of its own, what stays together as jsonb, and the
 * types. */
#include "ingest/infer_column.h"

#include "engine/sql/sql.h"

enum { SPARSE_CHILDREN = 32 };

/* ---- which keys are columns ---------------------------------------------------------------------
 */

static bool is_only_object(const wendi_infer_node *node)
{
    return node->values.objects > 0 && wendi_infer_present(node) == node->values.objects;
}

/* Do the keys of this object look like data: hosts, ids, dates, or ever new ones? */
static bool has_data_keys(const wendi_infer_tree *tree, const wendi_infer_node *node)
{
    uint64_t met = 0;
    if (node->overflow || 2 * node->odd_children > node->child_count) {
        return true;
    }
    if (node->child_count < SPARSE_CHILDREN) {
        return false;
    }
    for (uint32_t child = node->first_child; child != WENDI_INFER_NONE;
         child = tree->nodes[child].next) {
        met += wendi_infer_present(&tree->nodes[child]) + tree->nodes[child].values.nulls;
    }
    return met * 10 <
           node->values.objects * node->child_count; /* each in less than a tenth of the objects */
}

static bool can_flatten(const wendi_infer_tree *tree, uint32_t index)
{
    const wendi_infer_node *node = &tree->nodes[index];
    return index == 0 ||
           (is_only_object(node) && node->child_count > 0 && !has_data_keys(tree, node));
}

/* Columns that the subtree gives now; folded[i]: object i stays whole. */
static uint32_t count_columns(const wendi_infer_tree *tree, const uint8_t *folded, uint32_t index)
{
    uint32_t count = 0;
    if (folded[index]) {
        return 1;
    }
    for (uint32_t child = tree->nodes[index].first_child; child != WENDI_INFER_NONE;
         child = tree->nodes[child].next) {
        count += count_columns(tree, folded, child);
    }
    return count;
}

/* Is every object above still flattened? Only then does the node count. */
static bool is_reached(const wendi_infer_tree *tree, const uint8_t *folded, uint32_t index)
{
    for (uint32_t at = tree->nodes[index].parent; at != WENDI_INFER_NONE;
         at = tree->nodes[at].parent) {
        if (folded[at]) {
            return false;
        }
    }
    return true;
}

/* Fold the deepest objects, the widest first, until the columns are few enough. */
static void fold_objects(const wendi_infer_tree *tree, uint32_t columns_max, uint8_t *folded)
{
    for (uint32_t i = 0; i < tree->node_count; i++) {
        folded[i] = !can_flatten(tree, i);
    }
    uint32_t count = count_columns(tree, folded, 0);
    while (count > columns_max) {
        uint32_t best = WENDI_INFER_NONE;
        uint32_t best_width = 0;
        for (uint32_t i = 1; i < tree->node_count; i++) {
            if (folded[i] || !is_reached(tree, folded, i)) {
                continue;
            }
            uint32_t width = count_columns(tree, folded, i);
            bool deeper =
                best == WENDI_INFER_NONE || tree->nodes[i].depth > tree->nodes[best].depth;
            if (deeper || (tree->nodes[i].depth == tree->nodes[best].depth && width > best_width)) {
                best = i;
                best_width = width;
            }
        }
        if (best == WENDI_INFER_NONE) {
            return; /* the document itself is this wide */
        }
        folded[best] = 1;
        count -= best_width - 1;
    }
}

/* ---- names -------------------------------------------------------------------------------------
 */

/* The keys from the root, joined by dots. */
static wend_status join_keys(const wendi_infer_tree *tree, uint32_t index, wendi_arena *arena,
                             wendi_string *out)
{
    size_t length = 0;
    for (uint32_t at = index; at != 0; at = tree->nodes[at].parent) {
        length += tree->nodes[at].key.length + 1;
    }
    char *text = wendi_arena_alloc(arena, length + 1);
    if (text == NULL) {
        return WEND_NOMEM;
    }
    char *end = text + length;
    for (uint32_t at = index; at != 0; at = tree->nodes[at].parent) {
        wendi_string key = tree->nodes[at].key;
        end -= key.length;
        memcpy(end, key.data, key.length);
        if (end > text + 1) {
            *--end = '.';
        }
    }
    *out = (wendi_string){end, (uint32_t)(text + length - end)};
    return WEND_OK;
}

static bool is_plain_path(const wendi_infer_tree *tree, uint32_t index)
{
    for (uint32_t at = index; at != 0; at = tree->nodes[at].parent) {
        wendi_string key = tree->nodes[at].key;
        if (key.length == 0 || memchr(key.data, '.', key.length) != NULL) {
            return false;
        }
    }
    return true;
}

static bool name_is_taken(const wendi_infer_columns *columns, wendi_string name)
{
    for (uint32_t i = 0; i < columns->count; i++) {
        if (wendi_string_equal(columns->items[i].name, name)) {
            return true;
        }
    }
    return false;
}

/* A name for the column: the path, shortened to what SQL allows and numbered until it is alone. */
static wend_status choose_name(const wendi_infer_tree *tree, const wendi_infer_columns *columns,
                               wendi_arena *arena, wendi_infer_column *column)
{
    wend_status status = WEND_OK;
    wendi_string full;
    WEND_TRY(join_keys(tree, column->node, arena, &full));
    wendi_string base = full.length == 0 ? wendi_string_of("_") : full;
    if (base.length > WENDI_SQL_NAME_BYTES_MAX) {
        base = wendi_value_guess_shorten(base);
    }
    column->name = base;
    for (uint32_t number = 2; name_is_taken(columns, column->name); number++) {
        char *text = wendi_arena_printf(
            arena, "%.*s_%u",
            (int)(base.length < WENDI_GUESS_COLUMN_NAME_BYTES ? base.length : wendi_value_guess_shorten(base).length), base.data,
            number);
        if (text == NULL) {
            return WEND_NOMEM;
        }
        column->name = wendi_string_of(text);
    }
    column->explicit_path =
        !wendi_string_equal(column->name, full) || !is_plain_path(tree, column->node);
cleanup:
    return status;
}

/* ---- types -------------------------------------------------------------------------------------
 */

/* What values.why says of objects, said better: here their keys are known. */
static const char *why_whole(const wendi_infer_tree *tree, const wendi_infer_node *node)
{
    return node->child_count == 0       ? "empty objects"
           : has_data_keys(tree, node) ? "an object whose keys look like data"
                                       : "a subtree kept whole";
}

static void guess_type(const wendi_infer_tree *tree, wendi_arena *arena, wendi_infer_column *column)
{
    const wendi_infer_node *node = &tree->nodes[column->node];
    column->guess = wendi_value_guess_type(&node->values, node->key, arena);
    if (is_only_object(node)) {
        column->guess.why = why_whole(tree, node);
    }
}

static wend_status add_columns(const wendi_infer_tree *tree, const uint8_t *folded, uint32_t index,
                               wendi_arena *arena, wendi_infer_columns *out)
{
    wend_status status = WEND_OK;
    if (folded[index]) {
        wendi_infer_column *column = &out->items[out->count];
        *column = (wendi_infer_column){.node = index};
        WEND_TRY(choose_name(tree, out, arena, column));
        guess_type(tree, arena, column);
        out->count++;
        return WEND_OK;
    }
    for (uint32_t child = tree->nodes[index].first_child; child != WENDI_INFER_NONE;
         child = tree->nodes[child].next) {
        WEND_TRY(add_columns(tree, folded, child, arena, out));
    }
cleanup:
    return status;
}

wend_status wendi_infer_guess_columns(const wendi_infer_tree *tree, uint32_t columns_max,
                                      wendi_arena *arena, wendi_infer_columns *out)
{
    uint8_t *folded = wendi_arena_alloc_zero(arena, tree->node_count);
    *out = (wendi_infer_columns){.user_column = WENDI_INFER_NONE,
                                 .time_column = WENDI_INFER_NONE,
                                 .event_column = WENDI_INFER_NONE};
    if (folded == NULL) {
        return WEND_NOMEM;
    }
    fold_objects(tree, columns_max, folded);
    out->items = wendi_arena_alloc_zero(arena, ((size_t)count_columns(tree, folded, 0) + 1) *
                                                   sizeof *out->items);
    if (out->items == NULL) {
        return WEND_NOMEM;
    }
    return add_columns(tree, folded, 0, arena, out);
}
