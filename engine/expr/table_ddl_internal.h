/**
 * What the table_ddl_*.c files share: one schema in the making and the statement it is made from.
 *
 * When a column is added, the statement's columns come from two texts (the table's DDL, then the
 * ALTER); only the second can hold errors, since the first was accepted before, so positions need
 * no mark.
 */
#ifndef WENDI_EXPR_TABLE_DDL_INTERNAL_H
#define WENDI_EXPR_TABLE_DDL_INTERNAL_H

#include <stdio.h>

#include "engine/column/calendar.h"
#include "engine/expr/table_ddl.h"
#include "engine/sql/sql.h"

typedef struct wendi_ddl {
    wendi_schema *schema;
    const wendi_sql_statement *statement;
    uint32_t added_from; /* columns from here on are written in added_text */
    const char *added_text;
    wendi_rest_policy rest; /* where the statement says nothing of it */
    uint8_t *generated_from; /* per column: a GENERATED expression uses it */
    wendi_arena scratch; /* for binding only */
    wend_error *error;
} wendi_ddl;

#define WENDI_DDL_TEXT(string) (int)(string).length, (string).data

/** Copy into the schema's arena, NUL-terminated. */
wend_status wendi_ddl_copy(wendi_ddl *ddl, wendi_string text, wendi_string *out);
/** Zeroed memory in the schema's arena for `count` items. */
wend_status wendi_ddl_memory(wendi_ddl *ddl, size_t count, size_t bytes_each, void *out);
/** WEND_INVALID at `position`, with a hint when it is not empty. */
wend_status wendi_ddl_refuse(wendi_ddl *ddl, int32_t position, const char *hint, const char *format,
                             ...) WEND_PRINTF(4, 5);
/** The word of the NULL-ended list that `word` was perhaps meant to be, or NULL. */
const char *wendi_ddl_suggest(wendi_string word, const char *const *words);
/** Column `name`, or WEND_INVALID at `position` saying what is meant by `what`. */
wend_status wendi_ddl_find(wendi_ddl *ddl, wendi_string name, int32_t position, const char *what,
                           uint32_t *column);

/** table_ddl_path.c: the value of OPTIONS (path '…'), and the way that a column's name means by
 * itself. */
wend_status wendi_ddl_path(wendi_ddl *ddl, wendi_string text, int32_t position,
                           wendi_column *column);
wend_status wendi_ddl_default_path(wendi_ddl *ddl, int32_t position, wendi_column *column);
bool wendi_ddl_path_is_default(const wendi_column *column);

/** table_ddl_option.c: OPTIONS of a column; WITH of the table, once all columns are there. What it
 * says of `rest` is asked for before that, as the column _rest may be used in rules. */
wend_status wendi_ddl_rest_option(wendi_ddl *ddl);
wend_status wendi_ddl_column_options(wendi_ddl *ddl, const wendi_sql_column_def *node,
                                     wendi_column *column);
wend_status wendi_ddl_table_options(wendi_ddl *ddl);

/** table_ddl_rule.c: constraints of column `index`, then those of the table; each expression is
 * bound once. */
wend_status wendi_ddl_column_rules(wendi_ddl *ddl, uint32_t index);
wend_status wendi_ddl_rules(wendi_ddl *ddl);

#endif
