/**
 * SQL text as a typed tree: what the binder (engine/expr) and the planner (query) read.
 *
 * The tree is wend's own: nobody above this room sees the parser library. It says what was written,
 * not what it means: names are unresolved, types are names, ordinals are plain integers. Every
 * node carries the bytes of the statement text it came from, so that any later error can be
 * underlined. Special syntax is normalised away (see wendi_sql_call), and what wend does not do at
 * all (joins, window functions, INSERT …) is refused here, with its position and what to write
 * instead, so no reader of the tree meets it.
 *
 * Everything lives in the arena given to the parser, the text itself too, and never changes.
 * Identifiers are folded to lower case unless they were quoted, as in PostgreSQL.
 */
#ifndef WENDI_SQL_AST_H
#define WENDI_SQL_AST_H

#include "engine/base/bytes.h"

typedef struct wendi_sql_expr wendi_sql_expr;
typedef struct wendi_sql_select wendi_sql_select;

/** Bytes [start, end) of the text given to wendi_sql_parse(); both -1 when the node was not written
 * out. */
typedef struct wendi_sql_span {
    int32_t start;
    int32_t end;
} wendi_sql_span;

typedef enum wendi_sql_expr_kind {
    WENDI_SQL_NULL,    /* NULL */
    WENDI_SQL_BOOLEAN, /* `boolean` */
    WENDI_SQL_INTEGER, /* `integer`; a minus sign in front of a literal is already in it */
    WENDI_SQL_NUMBER,  /* `text`: a point, an exponent, or beyond int64; its sign is in it too */
    WENDI_SQL_STRING,  /* `text`, without quotes and escapes */
    WENDI_SQL_COLUMN,  /* `text`, and `qualifier` when written t.c */
    WENDI_SQL_STAR,    /* * or `qualifier`.*: in a target list only */
    WENDI_SQL_UNARY,   /* `op` (- + ~) args[0] */
    WENDI_SQL_BINARY,  /* args[0] `op` args[1]: + - * / % ^ || = <> < <= > >= ~ ~* !~ !~* -> ->> & |
                          # << >> @> … */
    WENDI_SQL_AND,     /* two or more args (nested ANDs are one node) */
    WENDI_SQL_OR,      /* likewise */
    WENDI_SQL_NOT,     /* args[0] */
    WENDI_SQL_IS,      /* args[0] IS [NOT: negated] `is` */
    WENDI_SQL_DISTINCT, /* args[0] IS [NOT: negated] DISTINCT FROM args[1] */
    WENDI_SQL_IN,       /* args[0] [NOT: negated] IN (args[1], …) */
    WENDI_SQL_BETWEEN,  /* args[0] [NOT: negated] BETWEEN [SYMMETRIC: flag] args[1] AND args[2] */
    WENDI_SQL_LIKE,     /* args[0] [NOT: negated] LIKE [ILIKE: flag] args[1] [ESCAPE args[2]] */
    WENDI_SQL_CASE,     /* `case_of` */
    WENDI_SQL_CAST,     /* args[0] to `type`: CAST, ::, and typed literals such as interval '1 hour'
                           (args[0] a STRING) */
    WENDI_SQL_CALL, /* `call`; args are its arguments again, so that walkers need no special case */
    WENDI_SQL_SUBQUERY, /* (select): one value */
    WENDI_SQL_EXISTS,   /* EXISTS (select) */
    WENDI_SQL_IN_SELECT /* args[0] [NOT: negated] IN (select) */
} wendi_sql_expr_kind;

typedef enum wendi_sql_is {
    WENDI_SQL_IS_NULL,
    WENDI_SQL_IS_TRUE,
    WENDI_SQL_IS_FALSE,
    WENDI_SQL_IS_UNKNOWN
} wendi_sql_is;

/**
 * A type's name, made canonical: int, int4, integer are "integer"; likewise "smallint", "bigint",
 * "real", "double precision", "numeric", "boolean", "varchar", "char", "timestamptz", "timestamp",
 * "time", "timetz", "interval"; every other name as written, folded. wendi_type_from_sql() in
 * engine/expr/table_ddl.h resolves it.
 */
typedef struct wendi_sql_type {
    wendi_sql_span span;
    wendi_string name;
    int32_t modifiers[2]; /* numeric(p,s), varchar(n) */
    uint32_t modifier_count;
    bool array; /* text[]; nothing of wend's is one, kept for the error */
} wendi_sql_type;

typedef struct wendi_sql_order {
    wendi_sql_span span;
    const wendi_sql_expr
        *expr; /* an INTEGER is an ordinal, a bare COLUMN may be an alias: the planner decides */
    bool descending;
    bool nulls_first; /* resolved: the default is last when ascending, first when descending */
} wendi_sql_order;

/**
 * A function call: scalar, aggregate or, in FROM, a table function. Names are lower case.
 *
 * Special syntax arrives as plain calls: COALESCE, NULLIF, GREATEST, LEAST by these names;
 * EXTRACT(f FROM x) as extract('f', x); x AT TIME ZONE z as timezone(z, x); POSITION(a IN b) as
 * position(b, a): the string comes first; SUBSTRING(x FROM i FOR n) as substring(x, i, n); TRIM as
 * btrim, ltrim or rtrim(x[, characters]); OVERLAY as overlay(x, y, from[, for]);
 * CURRENT_DATE, CURRENT_TIMESTAMP, LOCALTIMESTAMP … as calls of these names without arguments.
 */
typedef struct wendi_sql_call {
    wendi_string name;
    wendi_sql_span name_span;
    const wendi_sql_expr **args;
    const wendi_string
        *arg_names; /* NULL when no argument is named; else one each, empty: positional */
    uint32_t arg_count;
    bool star;     /* count(*): no args */
    bool distinct; /* count(DISTINCT x) */
    const wendi_sql_order
        *order_by; /* string_agg(x, ',' ORDER BY y), or WITHIN GROUP's when within_group */
    uint32_t order_count;
    bool within_group;
    const wendi_sql_expr *filter; /* FILTER (WHERE …), or NULL */
} wendi_sql_call;

typedef struct wendi_sql_case {
    const wendi_sql_expr *operand; /* CASE x WHEN …; NULL for the searched form */
    const wendi_sql_expr **conditions;
    const wendi_sql_expr **results;
    uint32_t when_count;
    const wendi_sql_expr *otherwise; /* ELSE, or NULL */
} wendi_sql_case;

struct wendi_sql_expr {
    uint8_t kind; /* wendi_sql_expr_kind */
    uint8_t is;   /* wendi_sql_is */
    bool negated;
    bool flag;        /* SYMMETRIC, ILIKE */
    int32_t position; /* where an error of this node points: the operator, the name, the literal */
    wendi_sql_span span; /* all of it, enclosing parentheses not included */
    const wendi_sql_expr **args;
    uint32_t arg_count;
    union {
        bool boolean;
        int64_t integer;
        struct {
            wendi_string text;
            wendi_string qualifier;
        };
        wendi_string op;
        wendi_sql_type type;
        wendi_sql_call call;
        wendi_sql_case case_of;
        const wendi_sql_select *select;
    };
};

typedef struct wendi_sql_target {
    wendi_sql_span span;
    const wendi_sql_expr *expr; /* may be a STAR */
    wendi_string alias;         /* as written; empty: none */
    wendi_string name; /* the output column's name as PostgreSQL gives it; empty for a STAR */
} wendi_sql_target;

typedef enum wendi_sql_from_kind {
    WENDI_SQL_FROM_TABLE,
    WENDI_SQL_FROM_SELECT,
    WENDI_SQL_FROM_CALL
} wendi_sql_from_kind;

/** The one item of FROM. A table's name may be that of a common table expression. */
typedef struct wendi_sql_from {
    uint8_t kind; /* wendi_sql_from_kind */
    wendi_sql_span span;
    wendi_string name;                  /* TABLE; a CALL's function name */
    wendi_string alias;                 /* empty: none */
    const wendi_string *column_aliases; /* AS t(a, b) */
    uint32_t column_alias_count;
    const wendi_sql_select *select; /* SELECT */
    const wendi_sql_expr
        *call; /* CALL: an expression of kind CALL; its first argument names the table */
} wendi_sql_from;

typedef enum wendi_sql_group_kind {
    WENDI_SQL_GROUP_EXPR,  /* `expr`: an INTEGER is an ordinal, a bare COLUMN may be an alias */
    WENDI_SQL_GROUP_EMPTY, /* () */
    WENDI_SQL_GROUP_LIST,  /* (a, b) inside ROLLUP, CUBE or GROUPING SETS: items are EXPRs */
    WENDI_SQL_GROUP_ROLLUP,
    WENDI_SQL_GROUP_CUBE,
    WENDI_SQL_GROUP_SETS
} wendi_sql_group_kind;

typedef struct wendi_sql_group {
    uint8_t kind; /* wendi_sql_group_kind */
    wendi_sql_span span;
    const wendi_sql_expr *expr;
    const struct wendi_sql_group *items;
    uint32_t item_count;
} wendi_sql_group;

typedef struct wendi_sql_with {
    wendi_sql_span span;
    wendi_string name;
    const wendi_string *column_names;
    uint32_t column_name_count;
    const wendi_sql_select *select;
} wendi_sql_with;

typedef enum wendi_sql_select_kind {
    WENDI_SQL_SELECT_PLAIN,
    WENDI_SQL_SELECT_VALUES, /* value_rows of value_columns each, row after row in `values` */
    WENDI_SQL_SELECT_UNION,  /* the last three: left and right, and the trailing clauses below */
    WENDI_SQL_SELECT_INTERSECT,
    WENDI_SQL_SELECT_EXCEPT
} wendi_sql_select_kind;

struct wendi_sql_select {
    uint8_t kind; /* wendi_sql_select_kind */
    bool all;     /* UNION ALL, INTERSECT ALL, EXCEPT ALL */
    bool distinct;
    wendi_sql_span span; /* of an arm of a set operation: its first word only */
    const wendi_sql_target *targets;
    uint32_t target_count;
    const wendi_sql_from *from; /* NULL: no FROM */
    const wendi_sql_expr *where;
    const wendi_sql_group *group_by;
    uint32_t group_count;
    const wendi_sql_expr *having;
    const wendi_sql_expr **values;
    uint32_t value_rows;
    uint32_t value_columns;
    const wendi_sql_select *left;
    const wendi_sql_select *right;
    /* Of every kind: */
    const wendi_sql_with *with; /* in order; each sees those before it */
    uint32_t with_count;
    const wendi_sql_order *order_by;
    uint32_t order_count;
    const wendi_sql_expr *limit; /* NULL: none (LIMIT ALL too) */
    const wendi_sql_expr *offset;
};

/** name = value in WITH (…) or OPTIONS (…). Values are text whatever was written: true, 7, 'x',
 * word. */
typedef struct wendi_sql_option {
    wendi_sql_span span;
    wendi_string name;
    wendi_string value;
    bool has_value; /* WITH (unique_rows) alone has none */
} wendi_sql_option;

typedef enum wendi_sql_constraint_kind {
    WENDI_SQL_NOT_NULL,
    WENDI_SQL_NULLABLE, /* an explicit NULL */
    WENDI_SQL_CHECK,    /* expr */
    WENDI_SQL_UNIQUE,   /* columns; none for a column's own */
    WENDI_SQL_PRIMARY_KEY,
    WENDI_SQL_DEFAULT,  /* expr */
    WENDI_SQL_GENERATED /* expr */
} wendi_sql_constraint_kind;

typedef struct wendi_sql_constraint {
    uint8_t kind; /* wendi_sql_constraint_kind */
    wendi_sql_span span;
    wendi_string name; /* CONSTRAINT name; empty: none */
    const wendi_sql_expr *expr;
    const wendi_string *columns;
    const wendi_sql_span *column_spans;
    uint32_t column_count;
} wendi_sql_constraint;

typedef struct wendi_sql_column_def {
    wendi_sql_span span;
    wendi_string name;
    wendi_sql_type type;
    const wendi_sql_option *options;
    uint32_t option_count;
    const wendi_sql_constraint *constraints;
    uint32_t constraint_count;
} wendi_sql_column_def;

/** ALTER TABLE that changes which events are taken, and no column. */
typedef enum wendi_sql_change_kind {
    WENDI_SQL_DROP_CONSTRAINT,  /* DROP CONSTRAINT [IF EXISTS] name */
    WENDI_SQL_DROP_NOT_NULL,    /* ALTER COLUMN name DROP NOT NULL */
    WENDI_SQL_COLUMN_OPTIONS,   /* ALTER COLUMN name OPTIONS ([ADD | SET] option value, …) */
    WENDI_SQL_TABLE_OPTIONS     /* SET (option = value, …) */
} wendi_sql_change_kind;

typedef struct wendi_sql_change {
    uint8_t kind; /* wendi_sql_change_kind */
    wendi_string name;
    bool if_exists;
    const wendi_sql_option *options;
    uint32_t option_count;
} wendi_sql_change;

typedef enum wendi_sql_statement_kind {
    WENDI_SQL_STATEMENT_SELECT,       /* select */
    WENDI_SQL_STATEMENT_EXPLAIN,      /* select, analyze */
    WENDI_SQL_STATEMENT_CREATE_TABLE, /* table, if_exists = IF NOT EXISTS, columns, constraints,
                                         options */
    WENDI_SQL_STATEMENT_ADD_COLUMN,   /* table, if_exists = IF NOT EXISTS, columns: one or more */
    WENDI_SQL_STATEMENT_ALTER_RULES,  /* table, changes: one or more */
    WENDI_SQL_STATEMENT_DROP_TABLE    /* table, if_exists */
} wendi_sql_statement_kind;

typedef struct wendi_sql_statement {
    uint8_t kind;        /* wendi_sql_statement_kind */
    wendi_sql_span span; /* without the semicolon */
    const char *text;    /* the whole text given to the parser; spans count from here */
    const wendi_sql_select *select;
    bool analyze;
    bool if_exists;
    wendi_string table;
    wendi_sql_span table_span;
    const wendi_sql_column_def *columns;
    uint32_t column_count;
    const wendi_sql_constraint *constraints; /* of the table; those of columns stand with them */
    uint32_t constraint_count;
    const wendi_sql_option *options;
    uint32_t option_count;
    const wendi_sql_change *changes;
    uint32_t change_count;
} wendi_sql_statement;

#endif
