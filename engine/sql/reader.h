/**
 * What the files of this room share while one text becomes a tree: the tokens of the text, and the
 * conversions of the parser library's nodes. Only files of this room include it.
 *
 * The library says where a node's operator or name stands, never where the node ends. Ends come
 * from the tokens: the last token of the last part, widened until brackets pair up.
 */
#ifndef WENDI_SQL_READER_H
#define WENDI_SQL_READER_H

#include <pg_query.h>
#include <pg_query/pg_query.pb-c.h>

#include "engine/sql/sql.h"

/* Brackets that only group count among tokens and vanish in the tree, so tokens may nest deeper. */
enum { WENDI_SQL_NO_TOKEN = -1, WENDI_SQL_TOKEN_DEPTH_MAX = 2 * WENDI_SQL_DEPTH_MAX };

/** `match` is the other bracket of ( ) [ ] CASE END, `parent` the innermost bracket open around it.
 */
typedef struct wendi_sql_token {
    int32_t start;
    int32_t end;
    int32_t match;
    int32_t parent;
    bool keyword;
    bool reserved; /* a keyword that cannot be a bare column name */
} wendi_sql_token;

/** Positions in tokens and nodes count from `text`; what goes into the tree has `shift` taken off.
 */
typedef struct wendi_sql_reader {
    const char *text; /* NUL-terminated, in the arena */
    int32_t length;
    int32_t shift; /* bytes of a wrapper in front of the caller's text */
    int32_t tail;  /* and behind it */
    uint32_t depth;
    wendi_arena *arena;
    wendi_sql_token *tokens;
    int32_t token_count;
    wend_error *error;
} wendi_sql_reader;

/** Leave the calling function with its status unless the call succeeds; the arena owns all partial
 * work. */
#define WENDI_SQL_PASS(call)                                                                       \
    do {                                                                                           \
        wend_status passed_status_ = (call);                                                       \
        if (passed_status_ != WEND_OK) {                                                           \
            return passed_status_;                                                                 \
        }                                                                                          \
    } while (0)

/* sql_tokens.c */

/** The library's messages are unpacked on our heap. */
ProtobufCAllocator wendi_sql_allocator(void);

/** Cut the text into tokens and pair brackets; WEND_INVALID for what is no token, and for nesting
 * too deep to parse. */
wend_status wendi_sql_tokenize(wendi_sql_reader *reader);
/** The token that holds byte `position` or, between tokens, the next one; NO_TOKEN behind the last.
 */
int32_t wendi_sql_token_at(const wendi_sql_reader *reader, int32_t position);
/** Is token `index` (any value) the word or symbol `lower`, whatever its case? */
bool wendi_sql_token_is(const wendi_sql_reader *reader, int32_t index, const char *lower);
/** Behind the brackets that open at `index`, or index + 1 when none do. */
int32_t wendi_sql_token_skip(const wendi_sql_reader *reader, int32_t index);
/** The span of tokens first..last, widened until the brackets between pair up. */
wendi_sql_span wendi_sql_token_span(const wendi_sql_reader *reader, int32_t first, int32_t last);
/** A span of the tree back as tokens; NO_TOKEN in both when it has none. */
void wendi_sql_span_tokens(const wendi_sql_reader *reader, wendi_sql_span span, int32_t *first,
                           int32_t *last);
/** The smallest span of both. Either may be unknown. */
wendi_sql_span wendi_sql_span_union(wendi_sql_span a, wendi_sql_span b);
/** May the lower-case word stand without quotes as a column's (or a function's) name? */
bool wendi_sql_is_free_word(const char *word, bool function);
/** A node's location as a position of the tree, -1 when it has none. */
int32_t wendi_sql_place(const wendi_sql_reader *reader, int32_t location);

/* sql_refuse.c */

/** Turn the library's refusal into ours, with hints for frequent slips. */
wend_status wendi_sql_syntax_error(wendi_sql_reader *reader, const PgQueryError *fault);
/** WEND_UNSUPPORTED at a node's location (-1: nowhere) with a hint (may be NULL). */
wend_status wendi_sql_refuse(wendi_sql_reader *reader, int32_t location, const char *hint,
                             const char *format, ...) WEND_PRINTF(4, 5);
/** WEND_UNSUPPORTED for a statement of a kind that wend does not have. */
wend_status wendi_sql_refuse_statement(wendi_sql_reader *reader, const PgQuery__Node *node,
                                       int32_t location);
/** The least location anywhere below a message of the library, or -1. */
int32_t wendi_sql_first_location(const ProtobufCMessage *message);

/* sql_convert_*.c: each fills *out (in the arena) or reports. */

/** Every recursive conversion runs between these two. */
wend_status wendi_sql_descend(wendi_sql_reader *reader, int32_t location);
void wendi_sql_ascend(wendi_sql_reader *reader);
wend_status wendi_sql_memory(wendi_sql_reader *reader, size_t count, size_t bytes_each, void *out);
wend_status wendi_sql_copy(wendi_sql_reader *reader, const char *text, wendi_string *out);
wend_status wendi_sql_new_expr(wendi_sql_reader *reader, wendi_sql_expr_kind kind, int32_t location,
                               uint32_t arg_count, wendi_sql_expr **out);
wend_status wendi_sql_convert_expr(wendi_sql_reader *reader, const PgQuery__Node *node,
                                   const wendi_sql_expr **out);
wend_status wendi_sql_convert_type(wendi_sql_reader *reader, const PgQuery__TypeName *node,
                                   wendi_sql_type *out);
wend_status wendi_sql_convert_constant(wendi_sql_reader *reader, const PgQuery__AConst *node,
                                       const wendi_sql_expr **out);
wend_status wendi_sql_convert_call(wendi_sql_reader *reader, const PgQuery__FuncCall *node,
                                   const wendi_sql_expr **out);
/** A call made from syntax of its own, such as COALESCE (…), with `first` as the token of its word.
 */
wend_status wendi_sql_convert_special_call(wendi_sql_reader *reader, const char *name,
                                           PgQuery__Node *const *args, size_t arg_count,
                                           int32_t location, const wendi_sql_expr **out);
wend_status wendi_sql_convert_value_function(wendi_sql_reader *reader,
                                             const PgQuery__SQLValueFunction *node,
                                             const wendi_sql_expr **out);
wend_status wendi_sql_convert_sublink(wendi_sql_reader *reader, const PgQuery__SubLink *node,
                                      const wendi_sql_expr **out);
wend_status wendi_sql_convert_order(wendi_sql_reader *reader, PgQuery__Node *const *nodes,
                                    size_t count, const wendi_sql_order **out);
wend_status wendi_sql_convert_select(wendi_sql_reader *reader, const PgQuery__SelectStmt *node,
                                     wendi_sql_span span, const wendi_sql_select **out);
wend_status wendi_sql_convert_from(wendi_sql_reader *reader, PgQuery__Node *const *nodes,
                                   size_t count, const wendi_sql_from **out);
wend_status wendi_sql_convert_create(wendi_sql_reader *reader, const PgQuery__CreateStmt *node,
                                     wendi_sql_statement *statement);
wend_status wendi_sql_convert_alter(wendi_sql_reader *reader, const PgQuery__AlterTableStmt *node,
                                    wendi_sql_statement *statement);
wend_status wendi_sql_convert_drop(wendi_sql_reader *reader, const PgQuery__DropStmt *node,
                                   wendi_sql_statement *statement);
/** The table a RangeVar names; refuses schemas, catalogs and ONLY. */
wend_status wendi_sql_convert_table_name(wendi_sql_reader *reader, const PgQuery__RangeVar *node,
                                         wendi_string *name, wendi_sql_span *span);

/* sql_name.c */

wend_status wendi_sql_print_quoted(wendi_string name, wendi_buffer *out);
/** As wendi_sql_print_name() where the grammar expects a function: more keywords may stand bare. */
wend_status wendi_sql_print_function_name(wendi_string name, wendi_buffer *out);

/* sql_print.c and sql_print_statement.c */

/** In brackets unless it binds as tightly as an operator such as ||: where the grammar takes a
 * b_expr. */
wend_status wendi_sql_print_operand(const wendi_sql_expr *expr, wendi_buffer *out);
wend_status wendi_sql_print_call(const wendi_sql_call *call, wendi_buffer *out);

#endif
