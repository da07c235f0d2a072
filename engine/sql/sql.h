/**
 * Parsing SQL into engine/sql/ast.h, and writing parts of it back.
 *
 * The grammar is PostgreSQL's own (libpg_query); this room is the only one that sees that library.
 * All functions may be called from any number of threads at once, each with an arena of its own.
 */
#ifndef WENDI_SQL_SQL_H
#define WENDI_SQL_SQL_H

#include "engine/base/arena.h"
#include "engine/sql/ast.h"

enum {
    WENDI_SQL_TEXT_BYTES_MAX = 4 << 20, /* a longer text is refused */
    WENDI_SQL_NAME_BYTES_MAX = 63,      /* PostgreSQL's; a longer name is refused, not cut */
    WENDI_SQL_DEPTH_MAX = 256           /* nested expressions, parentheses and subqueries */
};

/**
 * Parse every statement of `text` (`length` bytes, may lack a NUL); they are separated by
 * semicolons, and there may be none.
 *
 * Ownership: `statements_out` and all below live in `arena`; `text` is copied and not kept.
 * Returns:   WEND_INVALID the text is no SQL; WEND_UNSUPPORTED it is, but not wend's (joins, window
 *            functions, INSERT …); both with the byte position and most with a hint what to write
 *            instead; WEND_NOMEM.
 * Cost:      recursion is bounded by WENDI_SQL_DEPTH_MAX; nothing stays on the heap.
 */
wend_status wendi_sql_parse(const char *text, size_t length, wendi_arena *arena,
                            const wendi_sql_statement **statements_out, uint32_t *count_out,
                            wend_error *error);

/** As wendi_sql_parse() for a text that must be exactly one statement, whatever its kind. */
wend_status wendi_sql_parse_one(const char *text, size_t length, wendi_arena *arena,
                                const wendi_sql_statement **statement_out, wend_error *error);

/**
 * One expression alone, such as --where, a CHECK's text or a funnel step. Positions and spans count
 * from the start of `text`.
 */
wend_status wendi_sql_parse_expression(const char *text, size_t length, wendi_arena *arena,
                                       const wendi_sql_expr **expr_out, wend_error *error);

/**
 * The expression as it was written: the slice of `text` (what was given to the parser) when its
 * span is known, else wendi_sql_print_expression(). Inner line breaks stay. NULL when the arena is
 * refused memory.
 */
const char *wendi_sql_expression_text(const wendi_sql_expr *expr, const char *text,
                                      wendi_arena *arena);

/** The expression written anew: lower case, one line, only the parentheses it needs. Parses back to
 * an equal tree. */
wend_status wendi_sql_print_expression(const wendi_sql_expr *expr, wendi_buffer *out);
/** A whole query, one line. */
wend_status wendi_sql_print_select(const wendi_sql_select *select, wendi_buffer *out);
/** Any statement, one line. */
wend_status wendi_sql_print_statement(const wendi_sql_statement *statement, wendi_buffer *out);
/** A type's name with its modifiers. */
wend_status wendi_sql_print_type(const wendi_sql_type *type, wendi_buffer *out);
/** A name, quoted when it is a reserved word or would not be read back as itself. */
wend_status wendi_sql_print_name(wendi_string name, wendi_buffer *out);
/** 'text' with quotes doubled. */
wend_status wendi_sql_print_string(wendi_string text, wendi_buffer *out);

/** The same tree, positions aside: how GROUP BY finds its expressions in the target list. */
bool wendi_sql_expr_equal(const wendi_sql_expr *a, const wendi_sql_expr *b);

/**
 * The name PostgreSQL gives an unnamed output column: a column's or function's name, "case", the
 * type of a cast, "coalesce", … or "?column?".
 */
wendi_string wendi_sql_column_name(const wendi_sql_expr *expr);

/**
 * Append the picture of a position as psql shows it, two lines ended by \n:
 *     LINE 2: select user from events
 *                    ^
 * Long lines are cut around the position with "...". Appends nothing when position is -1 or beyond
 * the text. Columns count code points; tabs are shown as one space.
 */
wend_status wendi_sql_underline(const char *text, int32_t position, wendi_buffer *out);

#endif
