/* Which aggregates there are, what they take and what type they give: PostgreSQL's rules. */
#include <math.h>
#include <string.h>

#include "engine/expr/numeric.h"
#include "query/aggregate.h"

typedef struct aggregate_name {
    const char *name;
    wendi_aggregate_kind kind;
    bool within_group;
} aggregate_name;

static const aggregate_name aggregates[] = {
    {"count", WENDI_AGGREGATE_COUNT, false},
    {"sum", WENDI_AGGREGATE_SUM, false},
    {"avg", WENDI_AGGREGATE_AVG, false},
    {"min", WENDI_AGGREGATE_MIN, false},
    {"max", WENDI_AGGREGATE_MAX, false},
    {"bool_and", WENDI_AGGREGATE_BOOL_AND, false},
    {"every", WENDI_AGGREGATE_BOOL_AND, false},
    {"bool_or", WENDI_AGGREGATE_BOOL_OR, false},
    {"variance", WENDI_AGGREGATE_VAR_SAMP, false},
    {"var_samp", WENDI_AGGREGATE_VAR_SAMP, false},
    {"var_pop", WENDI_AGGREGATE_VAR_POP, false},
    {"stddev", WENDI_AGGREGATE_STDDEV_SAMP, false},
    {"stddev_samp", WENDI_AGGREGATE_STDDEV_SAMP, false},
    {"stddev_pop", WENDI_AGGREGATE_STDDEV_POP, false},
    {"percentile_cont", WENDI_AGGREGATE_PERCENTILE_CONT, true},
    {"percentile_disc", WENDI_AGGREGATE_PERCENTILE_DISC, true},
    {"mode", WENDI_AGGREGATE_MODE, true},
};

/* Known to PostgreSQL or others, and not done here: the second string is what to write instead. */
static const char *const refused[][2] = {
    {"string_agg", "Select the rows themselves, ordered, and join them outside."},
    {"array_agg", "wend has no arrays: select the rows themselves, ordered."},
    {"json_agg", "Select the rows and ask for --format json."},
    {"jsonb_agg", "Select the rows and ask for --format json."},
    {"bit_and", "Write bool_and() over conditions."},
    {"bit_or", "Write bool_or() over conditions."},
    {"corr", "Compute it from sum(x * y), sum(x), sum(y) and count(*)."},
    {"regr_slope", "Compute it from sum(x * y), sum(x), sum(y) and count(*)."},
    {"median", "Write percentile_cont(0.5) WITHIN GROUP (ORDER BY x)."},
    {"approx_count_distinct", "count(DISTINCT x) is exact here."},
    {"any_value", "Write min(x)."},
    {"first", "Write min(x), or use sessions() for the first row of a user."},
    {"last", "Write max(x), or use sessions() for the last row of a user."},
};

static const aggregate_name *find(wendi_string name)
{
    for (size_t i = 0; i < sizeof aggregates / sizeof aggregates[0]; i++) {
        if (wendi_string_equal(name, wendi_string_of(aggregates[i].name))) {
            return &aggregates[i];
        }
    }
    return NULL;
}

static const char *refused_hint(wendi_string name)
{
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        if (wendi_string_equal(name, wendi_string_of(refused[i][0]))) {
            return refused[i][1];
        }
    }
    return NULL;
}

bool wendi_aggregate_named(wendi_string name)
{
    return find(name) != NULL || refused_hint(name) != NULL;
}

static wend_status no_such(const wendi_sql_expr *node, wendi_type type, wend_error *error)
{
    char text[64];

    wendi_fail_at(error, WEND_INVALID, node->position, "function %.*s(%s) does not exist",
                  (int)node->call.name.length, node->call.name.data, wendi_type_name(type, text));
    wendi_error_hint(error, "Cast the argument to a type that the function takes.");
    return WEND_INVALID;
}

static wendi_type sum_type(wendi_type type)
{
    switch (type.kind) {
    case WENDI_TYPE_SMALLINT:
    case WENDI_TYPE_INTEGER:
        return wendi_type_of(WENDI_TYPE_BIGINT);
    case WENDI_TYPE_BIGINT:
        return wendi_numeric_type(WENDI_NUMERIC_PRECISION_MAX, 0);
    case WENDI_TYPE_NUMERIC:
        return wendi_numeric_type(WENDI_NUMERIC_PRECISION_MAX, type.scale);
    default:
        return type;
    }
}

/* avg() of whole and exact numbers is numeric with a quotient's scale; of doubles a double. */
static wendi_type avg_type(wendi_type type)
{
    if (type.kind == WENDI_TYPE_REAL || type.kind == WENDI_TYPE_DOUBLE) {
        return wendi_type_of(WENDI_TYPE_DOUBLE);
    }
    uint32_t scale = type.kind == WENDI_TYPE_NUMERIC && type.scale > WENDI_NUMERIC_QUOTIENT_SCALE
                         ? type.scale
                         : (uint32_t)WENDI_NUMERIC_QUOTIENT_SCALE;
    return wendi_numeric_type(WENDI_NUMERIC_PRECISION_MAX, scale);
}

static wend_status to_double(const wendi_scope *scope, wendi_arena *arena,
                             wendi_aggregate *aggregate, wend_error *error)
{
    return wendi_bind_cast(aggregate->arg, wendi_type_of(WENDI_TYPE_DOUBLE), WENDI_CAST_EXPLICIT,
                           scope->session, arena, &aggregate->arg, error);
}

static wend_status choose_type(const wendi_sql_expr *node, const wendi_scope *scope,
                               wendi_arena *arena, wendi_aggregate *aggregate, wend_error *error)
{
    wendi_type type =
        aggregate->arg == NULL ? wendi_type_of(WENDI_TYPE_NULL) : aggregate->arg->type;
    bool number = wendi_type_is_number(type);

    switch (aggregate->kind) {
    case WENDI_AGGREGATE_COUNT_ROWS:
    case WENDI_AGGREGATE_COUNT:
        aggregate->type = wendi_type_of(WENDI_TYPE_BIGINT);
        return WEND_OK;
    case WENDI_AGGREGATE_SUM:
        aggregate->type = sum_type(type);
        return number ? WEND_OK : no_such(node, type, error);
    case WENDI_AGGREGATE_AVG:
        aggregate->type = avg_type(type);
        return number ? WEND_OK : no_such(node, type, error);
    case WENDI_AGGREGATE_MIN:
    case WENDI_AGGREGATE_MAX:
        aggregate->type = type;
        return type.kind == WENDI_TYPE_BOOLEAN || type.kind == WENDI_TYPE_JSONB
                   ? no_such(node, type, error)
                   : WEND_OK;
    case WENDI_AGGREGATE_BOOL_AND:
    case WENDI_AGGREGATE_BOOL_OR:
        aggregate->type = type;
        return type.kind == WENDI_TYPE_BOOLEAN ? WEND_OK : no_such(node, type, error);
    case WENDI_AGGREGATE_PERCENTILE_CONT:
        aggregate->type = wendi_type_of(WENDI_TYPE_DOUBLE);
        return number ? to_double(scope, arena, aggregate, error) : no_such(node, type, error);
    case WENDI_AGGREGATE_PERCENTILE_DISC:
    case WENDI_AGGREGATE_MODE:
        aggregate->type = type;
        return WEND_OK;
    default:
        aggregate->type = wendi_type_of(WENDI_TYPE_DOUBLE);
        return number ? to_double(scope, arena, aggregate, error) : no_such(node, type, error);
    }
}

static wend_status bind_fraction(const wendi_sql_expr *node, const wendi_scope *scope,
                                 wendi_arena *arena, wendi_aggregate *aggregate, wend_error *error)
{
    wend_status status = WEND_OK;
    const wendi_expr *fraction = NULL;
    const wendi_sql_expr *arg = node->call.args[0];

    WEND_TRY(wendi_bind(arg, scope, arena, &fraction, error));
    WEND_TRY(wendi_bind_cast(fraction, wendi_type_of(WENDI_TYPE_DOUBLE), WENDI_CAST_EXPLICIT,
                             scope->session, arena, &fraction, error));
    const wendi_value *value = wendi_expr_value(fraction);
    if (value == NULL || value->null) {
        wendi_fail_at(error, WEND_UNSUPPORTED, arg->position,
                      "the fraction of %s must be a constant", aggregate->name);
        return WEND_UNSUPPORTED;
    }
    if (!(value->f64 >= 0.0 && value->f64 <= 1.0)) {
        return wendi_fail_at(error, WEND_INVALID, arg->position,
                             "percentile value %g is not between 0 and 1", value->f64);
    }
    aggregate->fraction = value->f64;
cleanup:
    return status;
}

static wend_status check_shape(const wendi_sql_expr *node, const aggregate_name *entry,
                               wend_error *error)
{
    const wendi_sql_call *call = &node->call;
    const char *name = entry->name;
    uint32_t expected = entry->kind == WENDI_AGGREGATE_MODE ? 0 : 1;

    if (entry->within_group != call->within_group) {
        wendi_fail_at(error, WEND_INVALID, node->position,
                      entry->within_group ? "%s needs WITHIN GROUP (ORDER BY …)"
                                          : "%s does not take WITHIN GROUP",
                      name);
        return WEND_INVALID;
    }
    if (call->star && entry->kind != WENDI_AGGREGATE_COUNT) {
        return wendi_fail_at(error, WEND_INVALID, node->position, "%s(*) does not exist", name);
    }
    if (!call->star && call->arg_count != expected) {
        return wendi_fail_at(error, WEND_INVALID, node->position, "%s takes %u argument%s, not %u",
                             name, expected, expected == 1 ? "" : "s", call->arg_count);
    }
    if (call->arg_names != NULL) {
        return wendi_fail_at(error, WEND_INVALID, node->position, "%s takes no named arguments",
                             name);
    }
    if (entry->within_group && call->order_count != 1) {
        return wendi_fail_at(error, WEND_UNSUPPORTED, node->position,
                             "%s orders by exactly one expression", name);
    }
    if (entry->within_group && call->distinct) {
        return wendi_fail_at(error, WEND_INVALID, node->position,
                             "DISTINCT cannot be used with WITHIN GROUP");
    }
    return WEND_OK;
}

wend_status wendi_aggregate_bind(const wendi_sql_expr *node, const wendi_scope *scope,
                                 wendi_arena *arena, wendi_aggregate *aggregate, wend_error *error)
{
    wend_status status = WEND_OK;
    const wendi_sql_call *call = &node->call;
    const aggregate_name *entry = find(call->name);

    if (entry == NULL) {
        wendi_fail_at(error, WEND_UNSUPPORTED, node->position, "wend has no aggregate %.*s()",
                      (int)call->name.length, call->name.data);
        wendi_error_hint(error, "%s", refused_hint(call->name));
        return WEND_UNSUPPORTED;
    }
    WEND_TRY(check_shape(node, entry, error));
    *aggregate =
        (wendi_aggregate){.kind = entry->kind, .name = entry->name, .distinct = call->distinct};
    if (call->star) {
        aggregate->kind = WENDI_AGGREGATE_COUNT_ROWS;
    } else if (entry->within_group) {
        WEND_TRY(wendi_bind(call->order_by[0].expr, scope, arena, &aggregate->arg, error));
        aggregate->descending = call->order_by[0].descending;
        if (entry->kind != WENDI_AGGREGATE_MODE) {
            WEND_TRY(bind_fraction(node, scope, arena, aggregate, error));
        }
    } else {
        WEND_TRY(wendi_bind(call->args[0], scope, arena, &aggregate->arg, error));
    }
    if (aggregate->arg != NULL && aggregate->arg->type.kind == WENDI_TYPE_NULL) {
        WEND_TRY(wendi_bind_cast(aggregate->arg, wendi_type_of(WENDI_TYPE_TEXT),
                                 WENDI_CAST_EXPLICIT, scope->session, arena, &aggregate->arg,
                                 error));
    }
    WEND_TRY(choose_type(node, scope, arena, aggregate, error));
    if (aggregate->kind >= WENDI_AGGREGATE_MIN && aggregate->kind <= WENDI_AGGREGATE_BOOL_OR) {
        aggregate->distinct = false; /* Repeats change neither the least nor the greatest. */
    }
    if (call->filter != NULL) {
        WEND_TRY(
            wendi_bind_condition(call->filter, scope, "FILTER", arena, &aggregate->filter, error));
    }
cleanup:
    return status;
}

static bool maybe_equal(const wendi_expr *a, const wendi_expr *b)
{
    return a == b || (a != NULL && b != NULL && wendi_expr_equal(a, b));
}

bool wendi_aggregate_equal(const wendi_aggregate *a, const wendi_aggregate *b)
{
    return a->kind == b->kind && a->distinct == b->distinct && a->descending == b->descending &&
           memcmp(&a->fraction, &b->fraction, sizeof a->fraction) == 0 &&
           maybe_equal(a->arg, b->arg) && maybe_equal(a->filter, b->filter);
}
