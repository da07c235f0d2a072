/* Candidates for ALTER TABLE … ADD COLUMN: columns guessed from a tree of keys, with the statements that make them. */
#include "ingest/candidates.h"

#include <stdlib.h>

#include "engine/base/alloc.h"
#include "engine/expr/table_ddl.h"
#include "ingest/infer_column.h"

enum { COLUMNS_MAX = 1000, DEPTH_MAX = 64 };

struct wendi_candidates {
    const wendi_schema *schema;
    wendi_infer_tree tree;
};

/* A candidate while they are being sorted. */
typedef struct ranked {
    uint32_t node;
    uint64_t count;
} ranked;

wend_status wendi_candidates_open(const wendi_schema *schema, wendi_candidates **candidates_out, wend_error *error)
{
    wendi_candidates *candidates = wendi_alloc_zero(1, sizeof *candidates);
    *candidates_out = candidates;
    if (candidates == NULL || wendi_infer_tree_init(&candidates->tree) != WEND_OK) {
        wendi_candidates_close(candidates);
        *candidates_out = NULL;
        return wendi_fail_nomem(error, "candidates for columns", sizeof *candidates);
    }
    candidates->schema = schema;
    return WEND_OK;
}

wend_status wendi_candidates_add(wendi_candidates *candidates, wendi_string document, wend_error *error)
{
    wend_status status = wendi_infer_tree_line(&candidates->tree, document.data, document.length);
    return status == WEND_OK ? status : wendi_fail_nomem(error, "candidates for columns", document.length);
}

static int by_count(const void *left, const void *right)
{
    const ranked *a = left;
    const ranked *b = right;
    return a->count != b->count ? (a->count < b->count ? 1 : -1) : a->node < b->node ? -1 : a->node > b->node;
}

static wend_status path_of(const wendi_infer_tree *tree, uint32_t node, wendi_buffer *out)
{
    wendi_string keys[DEPTH_MAX];
    uint32_t count = tree->nodes[node].depth;
    for (uint32_t at = node; at != 0; at = tree->nodes[at].parent) {
        keys[tree->nodes[at].depth - 1] = tree->nodes[at].key;
    }
    return wendi_path_write(&(wendi_path){keys, count}, out);
}

/* Does a column take the values there? Rows that were stored before it came keep them in _rest. */
static bool has_column(const wendi_schema *schema, const wendi_infer_tree *tree, uint32_t node)
{
    for (uint32_t c = 0; c < schema->column_count; c++) {
        const wendi_column *column = &schema->columns[c];
        for (uint32_t p = 0; column->origin == WENDI_ORIGIN_JSON && p < column->path_count; p++) {
            const wendi_path *path = &column->paths[p];
            uint32_t at = node;
            uint32_t left = path->key_count == tree->nodes[node].depth ? path->key_count : 0;
            bool same = left != 0;
            for (; same && left > 0; at = tree->nodes[at].parent) {
                same = wendi_string_equal(path->keys[--left], tree->nodes[at].key);
            }
            if (same) {
                return true;
            }
        }
    }
    return false;
}

static wend_status show_one(const wendi_candidates *candidates, const ranked *which, wendi_buffer *path, wendi_buffer *ddl,
                            wendi_arena *arena, wendi_candidate *out)
{
    const wendi_schema *schema = candidates->schema;
    const wendi_infer_node *node = &candidates->tree.nodes[which->node];
    wend_status status = WEND_OK;
    path->length = 0;
    ddl->length = 0;
    wendi_arena_reset(arena);
    WEND_TRY(path_of(&candidates->tree, which->node, path));
    out->path = (wendi_string){(const char *)path->data, (uint32_t)path->length};
    WEND_TRY(wendi_buffer_u8(path, '\0'));
    out->path.data = (const char *)path->data;
    WEND_TRY(wendi_value_guess_ddl(&node->values, out->path, schema->table_name, schema, ddl));
    WEND_TRY(wendi_buffer_u8(ddl, '\0'));
    out->ddl = (wendi_string){(const char *)ddl->data, (uint32_t)ddl->length - 1};
    out->count = which->count;
    out->type = wendi_value_guess_type(&node->values, node->key, arena).type;
    out->example = node->values.example;
cleanup:
    return status;
}

wend_status wendi_candidates_show(wendi_candidates *candidates, bool (*each)(void *context, const wendi_candidate *candidate),
                                  void *context, wend_error *error)
{
    const wendi_infer_tree *tree = &candidates->tree;
    wendi_infer_columns columns;
    wendi_arena arena = {0};
    wendi_arena scratch = {0};
    wendi_buffer path = {0};
    wendi_buffer ddl = {0};
    wend_status status = WEND_OK;
    WEND_TRY(wendi_infer_guess_columns(tree, COLUMNS_MAX, &arena, &columns));
    ranked *order = wendi_arena_alloc(&arena, (columns.count + 1) * sizeof *order);
    if (order == NULL) {
        WEND_TRY(WEND_NOMEM);
    }
    for (uint32_t i = 0; i < columns.count; i++) {
        const wendi_infer_node *node = &tree->nodes[columns.items[i].node];
        order[i] = (ranked){columns.items[i].node, wendi_infer_present(node) + node->values.nulls};
    }
    qsort(order, columns.count, sizeof *order, by_count);
    for (uint32_t i = 0; i < columns.count; i++) {
        wendi_candidate candidate;
        if (has_column(candidates->schema, tree, order[i].node)) {
            continue;
        }
        WEND_TRY(show_one(candidates, &order[i], &path, &ddl, &scratch, &candidate));
        if (!each(context, &candidate)) {
            break;
        }
    }
cleanup:
    if (status != WEND_OK) {
        wendi_fail_nomem(error, "candidates for columns", 0);
    }
    wendi_arena_free(&arena);
    wendi_arena_free(&scratch);
    wendi_buffer_free(&path);
    wendi_buffer_free(&ddl);
    return status;
}

void wendi_candidates_close(wendi_candidates *candidates)
{
    if (candidates != NULL) {
        wendi_infer_tree_free(&candidates->tree);
        wendi_free(candidates);
    }
}
