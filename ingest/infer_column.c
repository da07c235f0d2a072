/* From counts to columns: what becomes a column of its own, what stays together as jsonb, and the
 * types. */
#include "ingest/infer_column.h"

#include <stdio.h>
#include <strings.h>

#include "engine/sql/sql.h"

enum { SPARSE_CHILDREN = 32, COLUMN_NAME_CUT = 52 };

/* ---- which keys are columns ---------------------------------------------------------------------
 */

static bool is_only_object(const wendi_infer_node *node)
{
    return node->objects > 0 && wendi_infer_present(node) == node->objects;
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
        met += wendi_infer_present(&tree->nodes[child]) + tree->nodes[child].nulls;
    }
    return met * 10 <
           node->objects * node->child_count; /* each in less than a tenth of the objects */
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

/* The end of a long name, from a dot on if there is one; else its beginning, cut between
 * characters. */
static wendi_string shorten(wendi_string name)
{
    for (uint32_t from = name.length > COLUMN_NAME_CUT ? name.length - COLUMN_NAME_CUT : 0;
         from < name.length; from++) {
        if (from > 0 && name.data[from - 1] == '.') {
            return (wendi_string){name.data + from, name.length - from};
        }
    }
    uint32_t length = COLUMN_NAME_CUT;
    while (length > 0 && ((unsigned char)name.data[length] & 0xc0) == 0x80) {
        length--;
    }
    return (wendi_string){name.data, length};
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
        base = shorten(base);
    }
    column->name = base;
    for (uint32_t number = 2; name_is_taken(columns, column->name); number++) {
        char *text = wendi_arena_printf(
            arena, "%.*s_%u",
            (int)(base.length < COLUMN_NAME_CUT ? base.length : shorten(base).length), base.data,
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

static bool ends_with(wendi_string key, const char *tail)
{
    size_t length = strlen(tail);
    return key.length >= length && strncasecmp(key.data + key.length - length, tail, length) == 0;
}

/* Is `key` a name that times have, such as ts, created_at, eventTime? */
static bool names_a_time(wendi_string key)
{
    static const char *const tails[] = {"time", "timestamp", "date",    "_at",    "_ts",
                                        "_on",  "epoch",     "created", "updated"};
    static const char *const words[] = {"t", "ts", "at", "when", "utc"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (key.length == strlen(words[i]) && strncasecmp(key.data, words[i], key.length) == 0) {
            return true;
        }
    }
    for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
        if (ends_with(key, tails[i])) {
            return true;
        }
    }
    return key.length > 2 && memcmp(key.data + key.length - 2, "At", 2) == 0;
}

static bool names_money(wendi_string key)
{
    static const char *const tails[] = {"price",    "amount", "cost", "revenue",  "total",
                                        "subtotal", "tax",    "fee",  "discount", "value"};
    for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
        if (ends_with(key, tails[i])) {
            return true;
        }
    }
    return false;
}

static bool names_an_address(wendi_string key)
{
    return ends_with(key, "ip") || ends_with(key, "addr") || ends_with(key, "address") ||
           ends_with(key, "ipv4") || ends_with(key, "ipv6") || ends_with(key, "client") ||
           ends_with(key, "host");
}

/* Numbers of 2001 to 2100 counted in the unit that fits; NULL when they are no times. */
static const char *epoch_of(double least, double greatest, const char **why)
{
    static const struct {
        double unit;
        const char *format;
        const char *why;
    } units[] = {{1, "epoch_s", "numbers that look like seconds since 1970"},
                 {1e3, "epoch_ms", "numbers that look like milliseconds since 1970"},
                 {1e6, "epoch_us", "numbers that look like microseconds since 1970"},
                 {1e9, "epoch_ns", "numbers that look like nanoseconds since 1970"}};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (least >= 978307200.0 * units[i].unit && greatest < 4102444800.0 * units[i].unit) {
            *why = units[i].why;
            return units[i].format;
        }
    }
    return NULL;
}

static void guess_number(const wendi_infer_node *node, wendi_arena *arena,
                         wendi_infer_column *column)
{
    bool whole = node->fractions == 0;
    double least = node->integers > 0 ? (double)node->least : node->real_least;
    double greatest = node->integers > 0 ? (double)node->greatest : node->real_greatest;
    if (!whole && node->integers > 0) {
        least = node->real_least < least ? node->real_least : least;
        greatest = node->real_greatest > greatest ? node->real_greatest : greatest;
    }
    column->time_format = names_a_time(node->key) && !node->exponent
                              ? epoch_of(least, greatest, &column->why)
                              : NULL;
    if (column->time_format != NULL) {
        column->type = "timestamptz";
    } else if (whole) {
        column->type = "bigint";
    } else if (node->huge) {
        column->type = "text";
        column->why = "whole numbers beyond bigint, kept as they are written";
    } else if (names_money(node->key) && !node->exponent && node->fraction_digits <= 4) {
        column->type = node->fraction_digits > 2 ? "numeric(18,4)" : "numeric(18,2)";
        column->why = wendi_arena_printf(arena, "decimals with at most %u digits behind the point",
                                         node->fraction_digits);
    } else {
        column->type = "double precision";
    }
}

static void guess_string(const wendi_infer_node *node, wendi_infer_column *column)
{
    column->type = "text";
    if ((node->forms & WENDI_INFER_UUID) != 0) {
        column->type = "uuid";
    } else if ((node->forms & WENDI_INFER_INET) != 0 && names_an_address(node->key)) {
        column->type = "inet";
    } else if ((node->forms & WENDI_INFER_DATE) != 0) {
        column->type = "date";
    } else if ((node->forms & WENDI_INFER_TIME_ZONED) != 0) {
        column->type = "timestamptz";
    } else if ((node->forms & WENDI_INFER_TIME_ZONELESS) != 0) {
        column->type = "timestamptz";
        column->zoneless = true;
        column->why = "the texts name no zone: UTC is a guess";
    } else if ((node->forms & WENDI_INFER_TIME_LOG) != 0) {
        column->type = "timestamptz";
        column->time_format = "%d/%b/%Y:%H:%M:%S %z";
    }
}

static void guess_type(const wendi_infer_tree *tree, wendi_arena *arena, wendi_infer_column *column)
{
    const wendi_infer_node *node = &tree->nodes[column->node];
    uint64_t present = wendi_infer_present(node);
    if (present == 0) {
        column->type = "jsonb";
        column->why = "only null was seen: jsonb takes whatever comes";
    } else if (node->objects > 0 || node->arrays > 0) {
        bool whole = node->objects == present;
        column->type = "jsonb";
        column->why = node->arrays == present              ? "arrays"
                      : whole && node->child_count == 0    ? "empty objects"
                      : whole && has_data_keys(tree, node) ? "an object whose keys look like data"
                      : whole                              ? "a subtree kept whole"
                                                           : "values of several kinds";
    } else if (node->strings == present) {
        guess_string(node, column);
    } else if (node->booleans == present) {
        column->type = "boolean";
    } else if (node->integers + node->fractions == present) {
        guess_number(node, arena, column);
    } else {
        column->type = "text";
        column->why = "values of several kinds, kept as they are written";
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
