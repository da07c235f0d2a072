/* Are two trees the same but for where they were written? */
#include "engine/sql/sql.h"

static bool both_equal(const wendi_sql_expr *a, const wendi_sql_expr *b)
{
    return a == b || (a != NULL && b != NULL && wendi_sql_expr_equal(a, b));
}

static bool lists_equal(const wendi_sql_expr *const *a, const wendi_sql_expr *const *b,
                        uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!wendi_sql_expr_equal(a[i], b[i])) {
            return false;
        }
    }
    return true;
}

static bool types_equal(const wendi_sql_type *a, const wendi_sql_type *b)
{
    return wendi_string_equal(a->name, b->name) && a->modifier_count == b->modifier_count &&
           a->array == b->array &&
           memcmp(a->modifiers, b->modifiers, a->modifier_count * sizeof a->modifiers[0]) == 0;
}

static bool orders_equal(const wendi_sql_order *a, const wendi_sql_order *b, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (a[i].descending != b[i].descending || a[i].nulls_first != b[i].nulls_first ||
            !wendi_sql_expr_equal(a[i].expr, b[i].expr)) {
            return false;
        }
    }
    return true;
}

static bool names_equal(const wendi_string *a, const wendi_string *b, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!wendi_string_equal(a[i], b[i])) {
            return false;
        }
    }
    return true;
}

static bool calls_equal(const wendi_sql_call *a, const wendi_sql_call *b)
{
    if (!wendi_string_equal(a->name, b->name) || a->arg_count != b->arg_count ||
        a->star != b->star || a->distinct != b->distinct || a->order_count != b->order_count ||
        a->within_group != b->within_group || (a->arg_names == NULL) != (b->arg_names == NULL)) {
        return false;
    }
    return (a->arg_names == NULL || names_equal(a->arg_names, b->arg_names, a->arg_count)) &&
           lists_equal(a->args, b->args, a->arg_count) &&
           orders_equal(a->order_by, b->order_by, a->order_count) &&
           both_equal(a->filter, b->filter);
}

static bool cases_equal(const wendi_sql_case *a, const wendi_sql_case *b)
{
    return a->when_count == b->when_count && both_equal(a->operand, b->operand) &&
           both_equal(a->otherwise, b->otherwise) &&
           lists_equal(a->conditions, b->conditions, a->when_count) &&
           lists_equal(a->results, b->results, a->when_count);
}

/* Queries compare as they are printed: rare, and one place says what a query consists of. */
static bool selects_equal(const wendi_sql_select *a, const wendi_sql_select *b)
{
    wendi_buffer texts[2] = {{0}, {0}};
    bool equal = wendi_sql_print_select(a, &texts[0]) == WEND_OK &&
                 wendi_sql_print_select(b, &texts[1]) == WEND_OK &&
                 texts[0].length == texts[1].length &&
                 memcmp(texts[0].data, texts[1].data, texts[0].length) == 0;
    wendi_buffer_free(&texts[0]);
    wendi_buffer_free(&texts[1]);
    return equal;
}

bool wendi_sql_expr_equal(const wendi_sql_expr *a, const wendi_sql_expr *b)
{
    if (a->kind != b->kind || a->negated != b->negated || a->flag != b->flag || a->is != b->is ||
        a->arg_count != b->arg_count) {
        return false;
    }
    switch ((wendi_sql_expr_kind)a->kind) {
    case WENDI_SQL_BOOLEAN:
        return a->boolean == b->boolean;
    case WENDI_SQL_INTEGER:
        return a->integer == b->integer;
    case WENDI_SQL_NUMBER:
    case WENDI_SQL_STRING:
        return wendi_string_equal(a->text, b->text);
    case WENDI_SQL_COLUMN:
    case WENDI_SQL_STAR:
        return wendi_string_equal(a->text, b->text) &&
               wendi_string_equal(a->qualifier, b->qualifier);
    case WENDI_SQL_UNARY:
    case WENDI_SQL_BINARY:
        return wendi_string_equal(a->op, b->op) && lists_equal(a->args, b->args, a->arg_count);
    case WENDI_SQL_CAST:
        return types_equal(&a->type, &b->type) && wendi_sql_expr_equal(a->args[0], b->args[0]);
    case WENDI_SQL_CALL:
        return calls_equal(&a->call, &b->call);
    case WENDI_SQL_CASE:
        return cases_equal(&a->case_of, &b->case_of);
    case WENDI_SQL_SUBQUERY:
    case WENDI_SQL_EXISTS:
    case WENDI_SQL_IN_SELECT:
        return lists_equal(a->args, b->args, a->arg_count) && selects_equal(a->select, b->select);
    default:
        return lists_equal(a->args, b->args, a->arg_count);
    }
}
