/**
 * Columns guessed from the tree of keys: which keys become columns, of what type, and why. Inside
 * of schema inference (infer.h).
 */
#ifndef WENDI_INGEST_INFER_COLUMN_H
#define WENDI_INGEST_INFER_COLUMN_H

#include "ingest/infer_tree.h"

typedef struct wendi_infer_column {
    uint32_t node;
    wendi_string name;
    wendi_guessed_type guess; /* its `why`: a clause for the comment, or NULL */
    bool explicit_path;       /* the name alone does not lead there */
    bool not_null;
    bool unique;
} wendi_infer_column;

typedef struct wendi_infer_columns {
    wendi_infer_column *items; /* in the arena, in the order of first appearance */
    uint32_t count;
    uint32_t user_column; /* indices, or WENDI_INFER_NONE */
    uint32_t time_column;
    uint32_t event_column;
} wendi_infer_columns;

/** All of it lives in `arena`. WEND_NOMEM. */
wend_status wendi_infer_guess_columns(const wendi_infer_tree *tree, uint32_t columns_max,
                                      wendi_arena *arena, wendi_infer_columns *out);
/** infer_role.c: which column says when, who and what; sets NOT NULL and UNIQUE where that is
 * clear. */
void wendi_infer_guess_roles(const wendi_infer_tree *tree, wendi_infer_columns *columns);
#endif
