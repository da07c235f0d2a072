/**
 * Function calls by name: the entry of the registry whose arguments are nearest to those given, as
 * PostgreSQL resolves overloads, and the few calls that are no functions (COALESCE, NULLIF, now()).
 */
#include <stdio.h>
#include <string.h>

#include "engine/expr/binder_internal.h"
#include "engine/expr/numeric.h"

enum { ARGS_MAX = 64, NO_MATCH = 1000000 };

static const wendi_function *const tables[] = {wendi_math_functions, wendi_text_functions, wendi_pattern_functions,
                                               wendi_time_functions, wendi_json_functions};

/** What a pattern of letters says: how many arguments, and the letter of each. */
typedef struct signature {
    char letters[16];
    uint32_t count;
    uint32_t least;
    bool repeats;
} signature;

static signature read_signature(const char *pattern)
{
    signature result = {.count = 0};
    bool optional = false;

    for (; *pattern != '\0'; pattern++) {
        if (*pattern == '?') {
            optional = true;
            result.least--;
        } else if (*pattern == '*') {
            result.repeats = true;
        } else {
            result.letters[result.count++] = *pattern;
            result.least += !optional;
        }
    }
    return result;
}

static char letter_at(const signature *of, uint32_t arg)
{
    return of->letters[arg < of->count ? arg : of->count - 1];
}

static int number_cost(wendi_type type, char letter)
{
    bool integer = wendi_type_is_integer(type);

    if (letter == 'i') {
        return integer ? 0 : NO_MATCH;
    }
    if (letter == 'n') {
        return type.kind == WENDI_TYPE_NUMERIC ? 0 : integer ? 3 : NO_MATCH;
    }
    return type.kind == WENDI_TYPE_DOUBLE ? 0 : type.kind == WENDI_TYPE_REAL ? 1 : integer ? 2 : 3;
}

/** How far an argument is from what a letter asks for. */
static int cost_of(const wendi_expr *arg, char letter)
{
    static const char kinds[WENDI_TYPE_KIND_COUNT + 1] = "-b-----ntuaDTjSI";
    wendi_type type = arg->type;

    if (letter == 'x') {
        return 5;
    }
    if (wendi_is_unknown(arg)) {
        return letter == 't' ? 1 : 2;
    }
    if (strchr("ind", letter) != NULL) {
        return wendi_type_is_number(type) ? number_cost(type, letter) : NO_MATCH;
    }
    if (kinds[type.kind] == letter) {
        return 0;
    }
    if (letter == 'T' && (type.kind == WENDI_TYPE_DATE || type.kind == WENDI_TYPE_TIMESTAMP)) {
        return 2;
    }
    return letter == 'S' && type.kind == WENDI_TYPE_DATE ? 3 : NO_MATCH;
}

static const wendi_function *best_function(const char *name, size_t name_length, const wendi_expr **args,
                                           uint32_t arg_count, bool *name_known)
{
    const wendi_function *best = NULL;
    int best_cost = NO_MATCH;

    *name_known = false;
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++) {
        for (const wendi_function *f = tables[t]; f->name != NULL; f++) {
            if (strlen(f->name) != name_length || memcmp(f->name, name, name_length) != 0) {
                continue;
            }
            *name_known = true;
            signature wants = read_signature(f->args);
            if (arg_count < wants.least || (arg_count > wants.count && !wants.repeats)) {
                continue;
            }
            int cost = 0;
            for (uint32_t i = 0; i < arg_count && cost < NO_MATCH; i++) {
                cost += cost_of(args[i], letter_at(&wants, i));
            }
            if (cost < best_cost) {
                best_cost = cost;
                best = f;
            }
        }
    }
    return best;
}

static wendi_type type_of_letter(char letter, wendi_type given)
{
    switch (letter) {
    case 'b':
        return wendi_type_of(WENDI_TYPE_BOOLEAN);
    case 'i':
        return wendi_type_is_integer(given) ? given : wendi_type_of(WENDI_TYPE_BIGINT);
    case '4':
        return wendi_type_of(WENDI_TYPE_INTEGER);
    case 'd':
        return wendi_type_of(WENDI_TYPE_DOUBLE);
    case 'n':
        return wendi_type_is_integer(given) || given.kind == WENDI_TYPE_NUMERIC ? wendi_numeric_type_for(given)
                                                                                : wendi_type_of(WENDI_TYPE_NUMERIC);
    case 'u':
        return wendi_type_of(WENDI_TYPE_UUID);
    case 'a':
        return wendi_type_of(WENDI_TYPE_INET);
    case 'D':
        return wendi_type_of(WENDI_TYPE_DATE);
    case 'T':
        return wendi_type_of(WENDI_TYPE_TIMESTAMPTZ);
    case 'S':
        return wendi_type_of(WENDI_TYPE_TIMESTAMP);
    case 'I':
        return wendi_type_of(WENDI_TYPE_INTERVAL);
    case 'j':
        return wendi_type_of(WENDI_TYPE_JSONB);
    default:
        return wendi_type_of(WENDI_TYPE_TEXT);
    }
}

static wendi_type result_type(const wendi_function *function, const wendi_expr **args, uint32_t arg_count)
{
    if (function->result == NULL) {
        return function->result_type(args, arg_count);
    }
    char letter = function->result[0];
    if (letter >= '1' && letter <= '3') {
        return args[letter - '1']->type;
    }
    return type_of_letter(letter, wendi_type_of(WENDI_TYPE_BIGINT));
}

static wend_status no_function(const wendi_binder *binder, const char *name, size_t name_length, const wendi_expr **args,
                               uint32_t arg_count, bool name_known, int32_t position)
{
    char types[256] = "";
    size_t length = 0;

    for (uint32_t i = 0; i < arg_count && length < sizeof types - 50; i++) {
        char type[40];
        const char *type_name = wendi_is_unknown(args[i]) ? "unknown" : wendi_type_name(args[i]->type, type);
        length += (size_t)snprintf(types + length, sizeof types - length, "%s%s", i == 0 ? "" : ", ", type_name);
    }
    wend_status status = wendi_fail_at(binder->error, WEND_NOT_FOUND, position, "function %.*s(%s) does not exist",
                                       (int)name_length, name, types);
    wendi_error_hint(binder->error, "%s",
                     name_known ? "the name is right, the arguments are not: cast them, or see docs/SQL.md for what it takes"
                                : "docs/SQL.md lists the functions");
    return status;
}

static wend_status apply(wendi_binder *binder, const char *name, size_t name_length, const wendi_expr **args,
                         uint32_t arg_count, int32_t position, const wendi_expr **expr_out)
{
    bool name_known;
    const wendi_function *function = best_function(name, name_length, args, arg_count, &name_known);
    const wendi_expr *cast[ARGS_MAX];
    wend_status status = WEND_OK;

    if (function == NULL) {
        return no_function(binder, name, name_length, args, arg_count, name_known, position);
    }
    signature wants = read_signature(function->args);
    for (uint32_t i = 0; i < arg_count; i++) {
        char letter = letter_at(&wants, i);
        cast[i] = args[i];
        if (letter != 'x') {
            WEND_TRY(wendi_binder_cast(binder, args[i], type_of_letter(letter, args[i]->type), WENDI_CAST_IMPLICIT,
                                       args[i]->position, &cast[i]));
        } else if (wendi_is_unknown(args[i])) {
            WEND_TRY(wendi_binder_cast(binder, args[i], wendi_type_of(WENDI_TYPE_TEXT), WENDI_CAST_IMPLICIT,
                                       args[i]->position, &cast[i]));
        }
    }
    wendi_expr *call = wendi_expr_call(binder->arena, function, result_type(function, cast, arg_count), position,
                                       binder->session, cast, arg_count);
    if (call == NULL) {
        return wendi_binder_nomem(binder);
    }
    if (function->check != NULL) {
        WEND_TRY(function->check(call, binder->error));
    }
    WEND_TRY(wendi_binder_finish(binder, call, expr_out));
cleanup:
    return status;
}

wend_status wendi_binder_apply(wendi_binder *binder, const char *name, const wendi_expr **args, uint32_t arg_count,
                               int32_t position, const wendi_expr **expr_out)
{
    return apply(binder, name, strlen(name), args, arg_count, position, expr_out);
}

static bool named(wendi_string name, const char *is)
{
    return wendi_string_equal(name, wendi_string_of(is));
}

static bool one_of(wendi_string name, const char *const *names)
{
    for (; *names != NULL; names++) {
        if (named(name, *names)) {
            return true;
        }
    }
    return false;
}

/** now() and its kin: constants of the statement, marked so that CHECK and GENERATED can refuse them. */
static wend_status bind_now(wendi_binder *binder, wendi_string name, int32_t position, bool *handled,
                            const wendi_expr **expr_out)
{
    static const char *const instants[] = {"now", "current_timestamp", "transaction_timestamp", "statement_timestamp",
                                           "clock_timestamp", NULL};
    wendi_value now = {.type = wendi_type_of(WENDI_TYPE_TIMESTAMPTZ)};
    bool instant = one_of(name, instants);
    bool date = named(name, "current_date");
    wend_status status = WEND_OK;

    *handled = instant || date || named(name, "localtimestamp");
    if (!*handled) {
        return WEND_OK;
    }
    now.i64 = binder->session->now_us;
    wendi_expr *constant = wendi_expr_constant_at(binder->arena, &now, position);
    if (constant == NULL) {
        return wendi_binder_nomem(binder);
    }
    constant->flags |= WENDI_EXPR_NOW;
    *expr_out = constant;
    if (!instant) {
        wendi_type type = wendi_type_of(date ? WENDI_TYPE_DATE : WENDI_TYPE_TIMESTAMP);
        WEND_TRY(wendi_binder_cast(binder, constant, type, WENDI_CAST_EXPLICIT, position, expr_out));
    }
cleanup:
    return status;
}

static wend_status bind_coalesce(wendi_binder *binder, const wendi_expr **args, uint32_t count, int32_t position,
                                 const wendi_expr **expr_out)
{
    wend_status status = WEND_OK;
    wendi_type type;

    WEND_TRY(wendi_binder_unify(binder, args, count, "COALESCE", &type));
    WEND_TRY(wendi_binder_finish(binder, wendi_expr_node(binder->arena, WENDI_EXPR_COALESCE, type, position, args, count),
                                 expr_out));
cleanup:
    return status;
}

static wend_status bind_extreme(wendi_binder *binder, bool greatest, const wendi_expr **args, uint32_t count,
                                int32_t position, const wendi_expr **expr_out)
{
    wend_status status = WEND_OK;
    wendi_type type;

    WEND_TRY(wendi_binder_unify(binder, args, count, greatest ? "GREATEST" : "LEAST", &type));
    if (type.kind == WENDI_TYPE_JSONB) {
        return wendi_binder_compare(binder, ">", args[0], args[0], position, expr_out); /* says why not */
    }
    WEND_TRY(wendi_binder_finish(binder,
                                 wendi_expr_call(binder->arena, wendi_extreme_function(greatest, type), type, position,
                                                 binder->session, args, count),
                                 expr_out));
cleanup:
    return status;
}

/** nullif(a, b): CASE WHEN a = b THEN NULL ELSE a END, of a's type as written. */
static wend_status bind_nullif(wendi_binder *binder, const wendi_expr **args, int32_t position,
                               const wendi_expr **expr_out)
{
    wend_status status = WEND_OK;
    const wendi_expr *parts[3];

    if (wendi_is_unknown(args[0])) {
        wendi_type type = wendi_is_unknown(args[1]) ? wendi_type_of(WENDI_TYPE_TEXT) : args[1]->type;
        WEND_TRY(wendi_binder_cast(binder, args[0], type, WENDI_CAST_IMPLICIT, position, &args[0]));
    }
    wendi_value null = {.type = args[0]->type, .null = true};
    WEND_TRY(wendi_binder_compare(binder, "=", args[0], args[1], position, &parts[0]));
    parts[1] = wendi_expr_constant_at(binder->arena, &null, position);
    parts[2] = args[0];
    if (parts[1] == NULL) {
        return wendi_binder_nomem(binder);
    }
    WEND_TRY(wendi_binder_finish(
        binder, wendi_expr_node(binder->arena, WENDI_EXPR_CASE, args[0]->type, position, parts, 3), expr_out));
cleanup:
    return status;
}

static wend_status refuse_modifiers(const wendi_binder *binder, const wendi_sql_expr *node)
{
    static const char *const aggregates[] = {"count", "sum", "min", "max", "avg", "bool_and", "bool_or", "every",
                                             "string_agg", "array_agg", "percentile_cont", "percentile_disc", "mode",
                                             "stddev", "stddev_samp", "stddev_pop", "variance", "var_samp", "var_pop",
                                             "approx_count_distinct", "any_value", NULL};
    const wendi_sql_call *call = &node->call;

    if (one_of(call->name, aggregates)) {
        wend_status status = wendi_fail_at(binder->error, WEND_INVALID, node->position,
                                           "aggregate functions are not allowed here: %.*s", (int)call->name.length,
                                           call->name.data);
        wendi_error_hint(binder->error, "use it in the select list, HAVING or ORDER BY of a query");
        return status;
    }
    if (call->star || call->distinct || call->order_count > 0 || call->within_group || call->filter != NULL) {
        return wendi_fail_at(binder->error, WEND_INVALID, node->position,
                             "%s specified, but %.*s is not an aggregate function",
                             call->star ? "*" : call->distinct ? "DISTINCT" : call->filter != NULL ? "FILTER" : "ORDER BY",
                             (int)call->name.length, call->name.data);
    }
    for (uint32_t i = 0; call->arg_names != NULL && i < call->arg_count; i++) {
        if (call->arg_names[i].length > 0) {
            return wendi_fail_at(binder->error, WEND_INVALID, node->position,
                                 "%.*s takes no named arguments", (int)call->name.length, call->name.data);
        }
    }
    return call->arg_count > ARGS_MAX ? wendi_fail_at(binder->error, WEND_UNSUPPORTED, node->position,
                                                      "more than %d arguments", ARGS_MAX)
                                      : WEND_OK;
}

wend_status wendi_binder_call(wendi_binder *binder, const wendi_sql_expr *node, const wendi_expr **expr_out)
{
    const wendi_sql_call *call = &node->call;
    const wendi_expr *args[ARGS_MAX];
    wend_status status = WEND_OK;
    bool handled = false;

    WEND_TRY(refuse_modifiers(binder, node));
    for (uint32_t i = 0; i < call->arg_count; i++) {
        WEND_TRY(wendi_binder_expr(binder, call->args[i], &args[i]));
    }
    if (call->arg_count == 0) {
        WEND_TRY(bind_now(binder, call->name, node->position, &handled, expr_out));
        if (handled) {
            return WEND_OK;
        }
    } else if (named(call->name, "coalesce")) {
        return bind_coalesce(binder, args, call->arg_count, node->position, expr_out);
    } else if (named(call->name, "greatest") || named(call->name, "least")) {
        return bind_extreme(binder, named(call->name, "greatest"), args, call->arg_count, node->position, expr_out);
    } else if (call->arg_count == 2 && named(call->name, "nullif")) {
        return bind_nullif(binder, args, node->position, expr_out);
    }
    return apply(binder, call->name.data, call->name.length, args, call->arg_count, node->position, expr_out);
cleanup:
    return status;
}
