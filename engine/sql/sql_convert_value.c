/* Literals and type names. */
#include "engine/sql/reader.h"

#include <errno.h>
#include <stdlib.h>

static bool is_text_token(const wendi_sql_reader *reader, int32_t index)
{
    const wendi_sql_token *token = &reader->tokens[index];
    return token->end > token->start && reader->text[token->end - 1] == '\'';
}

/* The tokens of a literal. A minus that the grammar folded into a number stands in front, perhaps
 * with brackets between. */
static wendi_sql_span constant_span(const wendi_sql_reader *reader, int32_t location)
{
    int32_t first = wendi_sql_token_at(reader, location);
    int32_t last = first;
    while (wendi_sql_token_is(reader, last, "-") || wendi_sql_token_is(reader, last, "(")) {
        last++;
    }
    /* 'a' -- comment, line break -- 'b' is one literal in several tokens. */
    while (last >= 0 && last + 1 < reader->token_count && is_text_token(reader, last)) {
        int32_t next = last + (wendi_sql_token_is(reader, last + 1, "uescape") ? 2 : 1);
        if (next >= reader->token_count || reader->text[reader->tokens[next].start] != '\'') {
            break;
        }
        last = next;
    }
    return wendi_sql_token_span(reader, first, last);
}

/* Digits without point or exponent that fit are integers; the library keeps only 32 bits as such.
 */
static wend_status convert_number(wendi_sql_reader *reader, const char *digits, int32_t location,
                                  wendi_sql_expr *expr)
{
    char *end = NULL;
    if (strspn(digits, "-0123456789") == strlen(digits)) {
        errno = 0;
        long long value = strtoll(digits, &end, 10);
        if (errno == 0 && *end == '\0') {
            expr->kind = WENDI_SQL_INTEGER;
            expr->integer = value;
            return WEND_OK;
        }
    }
    if (strspn(digits, "-+.0123456789eE") != strlen(digits)) {
        return wendi_sql_refuse(reader, location, "write the number in decimal digits",
                                "the number %s is not supported", digits);
    }
    expr->kind = WENDI_SQL_NUMBER;
    return wendi_sql_copy(reader, digits, &expr->text);
}

wend_status wendi_sql_convert_constant(wendi_sql_reader *reader, const PgQuery__AConst *node,
                                       const wendi_sql_expr **out)
{
    wendi_sql_expr *expr = NULL;
    WENDI_SQL_PASS(wendi_sql_new_expr(reader, WENDI_SQL_NULL, node->location, 0, &expr));
    expr->span = constant_span(reader, node->location);
    *out = expr;
    if (node->isnull) {
        return WEND_OK;
    }
    switch (node->val_case) {
    case PG_QUERY__A__CONST__VAL_IVAL:
        expr->kind = WENDI_SQL_INTEGER;
        expr->integer = node->ival->ival;
        return WEND_OK;
    case PG_QUERY__A__CONST__VAL_FVAL:
        return convert_number(reader, node->fval->fval, node->location, expr);
    case PG_QUERY__A__CONST__VAL_BOOLVAL:
        expr->kind = WENDI_SQL_BOOLEAN;
        expr->boolean = node->boolval->boolval;
        return WEND_OK;
    case PG_QUERY__A__CONST__VAL_SVAL:
        expr->kind = WENDI_SQL_STRING;
        return wendi_sql_copy(reader, node->sval->sval, &expr->text);
    case PG_QUERY__A__CONST__VAL_BSVAL:
    default:
        return wendi_sql_refuse(reader, node->location, "write a string or a number",
                                "bit strings are not supported");
    }
}

/* The grammar's internal names (and the common short ones) to the one name a type has in the tree.
 */
static const char *canonical_type(const char *name)
{
    static const char *const pairs[][2] = {
        {"bool", "boolean"}, {"int2", "smallint"},   {"int4", "integer"},
        {"int8", "bigint"},  {"float4", "real"},     {"float8", "double precision"},
        {"bpchar", "char"},  {"decimal", "numeric"}, {"int", "integer"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        if (strcmp(name, pairs[i][0]) == 0) {
            return pairs[i][1];
        }
    }
    return name;
}

/* The last token of a type's name that begins at `first`: some are several words. */
static int32_t type_end(const wendi_sql_reader *reader, int32_t first)
{
    int32_t next = first + 1;
    if (wendi_sql_token_is(reader, first, "double")) {
        next++;
    } else if (wendi_sql_token_is(reader, first, "national")) {
        next++;
    }
    while (wendi_sql_token_is(reader, next, "varying") ||
           wendi_sql_token_is(reader, next, "character")) {
        next++;
    }
    while (wendi_sql_token_is(reader, next, ".")) {
        next += 2;
    }
    if (wendi_sql_token_is(reader, next, "(")) {
        next = wendi_sql_token_skip(reader, next);
    }
    bool zoned = wendi_sql_token_is(reader, next + 1, "time") &&
                 wendi_sql_token_is(reader, next + 2, "zone");
    if (zoned &&
        (wendi_sql_token_is(reader, next, "with") || wendi_sql_token_is(reader, next, "without"))) {
        next += 3;
    }
    while (wendi_sql_token_is(reader, next, "[")) {
        next = wendi_sql_token_skip(reader, next);
    }
    return (next < reader->token_count ? next : reader->token_count) - 1;
}

/*
 * How many modifiers the grammar has for a type of its own, so that what is read can be printed:
 * under another spelling (int2, bpchar, "time") it takes any. Other types: as many as there is room
 * for.
 */
static uint32_t most_modifiers(wendi_string type, bool *negative)
{
    static const struct {
        const char *name;
        uint32_t most;
    } own[] = {{"boolean", 0}, {"smallint", 0},         {"integer", 0}, {"bigint", 0},
               {"real", 0},    {"double precision", 0}, {"varchar", 1}, {"char", 1},
               {"time", 1},    {"timestamp", 1}};
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
        if (wendi_string_equal(type, wendi_string_of(own[i].name))) {
            *negative = false;
            return own[i].most;
        }
    }
    *negative = true;
    return 2;
}

static wend_status convert_modifiers(wendi_sql_reader *reader, const PgQuery__TypeName *node,
                                     wendi_sql_type *out)
{
    bool negative;
    const uint32_t most = most_modifiers(out->name, &negative);
    for (size_t i = 0; i < node->n_typmods; i++) {
        const PgQuery__Node *item = node->typmods[i];
        bool number = item->node_case == PG_QUERY__NODE__NODE_A_CONST &&
                      item->a_const->val_case == PG_QUERY__A__CONST__VAL_IVAL;
        if (!number || i >= most || (item->a_const->ival->ival < 0 && !negative)) {
            return wendi_sql_refuse(reader, node->location,
                                    "write whole numbers, as in numeric(12,2) or varchar(40)",
                                    "these modifiers of a type are not supported");
        }
        out->modifiers[out->modifier_count++] = item->a_const->ival->ival;
    }
    if (out->modifier_count == 1 && wendi_string_equal(out->name, wendi_string_of("char"))) {
        /* Plain char is char(1) in the library's tree; only what was written counts here. */
        int32_t token = wendi_sql_token_at(reader, node->location);
        out->modifier_count = wendi_sql_token_is(reader, type_end(reader, token), ")") ? 1 : 0;
    }
    return WEND_OK;
}

wend_status wendi_sql_convert_type(wendi_sql_reader *reader, const PgQuery__TypeName *node,
                                   wendi_sql_type *out)
{
    if (node->setof || node->pct_type || node->n_names == 0) {
        return wendi_sql_refuse(reader, node->location, NULL,
                                "this form of a type is not supported");
    }
    const char *name = node->names[node->n_names - 1]->string->sval;
    if (node->n_names > 2 ||
        (node->n_names == 2 && strcmp(node->names[0]->string->sval, "pg_catalog") != 0)) {
        return wendi_sql_refuse(reader, node->location, "write the type alone",
                                "a type in a schema is not supported");
    }
    WENDI_SQL_PASS(wendi_sql_copy(reader, canonical_type(name), &out->name));
    out->array = node->n_array_bounds > 0;
    int32_t first = wendi_sql_token_at(reader, node->location);
    if (first != WENDI_SQL_NO_TOKEN) {
        out->span = wendi_sql_token_span(reader, first, type_end(reader, first));
    }
    if (strcmp(name, "interval") == 0 && node->n_typmods > 0) {
        return wendi_sql_refuse(reader, node->location,
                                "put the unit in the text: interval '90 minutes'",
                                "an interval with fields or a precision is not supported");
    }
    return convert_modifiers(reader, node, out);
}
