/** Ranges of single columns out of a predicate: see prune.h. */
#include "engine/expr/prune.h"

#include <stdlib.h>
#include <string.h>

#include "engine/expr/function.h"

uint32_t wendi_expr_conjuncts(const wendi_expr *expr, const wendi_expr **conjuncts, uint32_t max)
{
    uint32_t count = 0;

    if (expr->kind != WENDI_EXPR_AND) {
        if (max > 0) {
            conjuncts[0] = expr;
        }
        return 1;
    }
    for (uint32_t i = 0; i < expr->arg_count; i++) {
        uint32_t room = count < max ? max - count : 0;
        count += wendi_expr_conjuncts(expr->args[i], room > 0 ? conjuncts + count : NULL, room);
    }
    return count;
}

/** The constant as a value of the column's type; NULL when it is held in another way or at another scale. */
static const wendi_value *as_column_value(const wendi_value *value, wendi_type type, wendi_arena *arena)
{
    if (wendi_type_physical(value->type) != wendi_type_physical(type) || value->type.scale != type.scale) {
        return NULL;
    }
    wendi_value *copy = wendi_arena_alloc(arena, sizeof *copy);
    if (copy != NULL) {
        *copy = *value;
        copy->type = type;
    }
    return copy;
}

static bool never(wendi_range *range)
{
    *range = (wendi_range){.kind = WENDI_RANGE_NEVER, .slot = WENDI_EXPR_NO_SLOT, .exact = true};
    return true;
}

static bool equal_to(const wendi_expr *column, const wendi_value *value, wendi_range *range)
{
    *range = (wendi_range){.kind = WENDI_RANGE_BETWEEN, .slot = column->slot, .low = value, .high = value,
                           .low_inclusive = true, .high_inclusive = true, .exact = true};
    return true;
}

static bool comparison(const wendi_expr *expr, wendi_arena *arena, wendi_range *range)
{
    bool swapped = expr->args[0]->kind == WENDI_EXPR_CONSTANT;
    const wendi_expr *column = expr->args[swapped];
    const wendi_expr *constant = expr->args[!swapped];

    if (column->kind != WENDI_EXPR_COLUMN || constant->kind != WENDI_EXPR_CONSTANT) {
        return false;
    }
    if (constant->constant.null) {
        return never(range);
    }
    const wendi_value *value = as_column_value(&constant->constant, column->type, arena);
    if (value == NULL) {
        return false;
    }
    const char *op = expr->function->name;
    if (strcmp(op, "=") == 0) {
        return equal_to(column, value, range);
    }
    *range = (wendi_range){.kind = WENDI_RANGE_BETWEEN, .slot = column->slot, .exact = true};
    if (strcmp(op, "<>") == 0) {
        range->kind = WENDI_RANGE_NOT_EQUAL;
        range->low = value;
        return true;
    }
    bool inclusive = op[1] == '=';
    if ((op[0] == '<') != swapped) {
        range->high = value;
        range->high_inclusive = inclusive;
    } else {
        range->low = value;
        range->low_inclusive = inclusive;
    }
    return true;
}

static bool in_list(const wendi_expr *column, const wendi_value *values, uint32_t count, wendi_range *range)
{
    if (count == 0) {
        return never(range);
    }
    *range = (wendi_range){.kind = WENDI_RANGE_IN, .slot = column->slot, .low = &values[0], .high = &values[count - 1],
                           .low_inclusive = true, .high_inclusive = true, .values = values, .value_count = count,
                           .exact = true};
    return true;
}

static bool membership(const wendi_expr *expr, wendi_range *range)
{
    const wendi_expr *column = expr->args[0];

    if (column->kind != WENDI_EXPR_COLUMN) {
        return false;
    }
    if (expr->negated) {
        return expr->list_null ? never(range) : false;
    }
    return in_list(column, expr->list, expr->list_count, range);
}

static int compare_values(const void *a, const void *b)
{
    return wendi_value_compare(a, b);
}

/** x = 1 or x = 2 or x in (3, 4): one column and constants only. */
static bool disjunction(const wendi_expr *expr, wendi_arena *arena, wendi_range *range)
{
    const wendi_expr *column = NULL;
    uint32_t count = 0;
    uint32_t distinct = 0;

    wendi_range *parts = wendi_arena_alloc(arena, expr->arg_count * sizeof *parts);
    if (parts == NULL || expr->single_slot >= WENDI_EXPR_SEVERAL_SLOTS) {
        return false;
    }
    for (uint32_t i = 0; i < expr->arg_count; i++) {
        if (!wendi_expr_range(expr->args[i], arena, &parts[i])) {
            return false;
        }
        bool point = parts[i].kind == WENDI_RANGE_IN ||
                     (parts[i].kind == WENDI_RANGE_BETWEEN && parts[i].low != NULL && parts[i].low == parts[i].high);
        if (!point && parts[i].kind != WENDI_RANGE_NEVER) {
            return false;
        }
        count += parts[i].kind == WENDI_RANGE_NEVER ? 0 : parts[i].kind == WENDI_RANGE_IN ? parts[i].value_count : 1;
        column = parts[i].kind == WENDI_RANGE_NEVER || column != NULL ? column : expr->args[i];
    }
    if (count == 0) {
        return never(range);
    }
    wendi_value *values = wendi_arena_alloc(arena, count * sizeof *values);
    if (values == NULL) {
        return false;
    }
    count = 0;
    for (uint32_t i = 0; i < expr->arg_count; i++) {
        if (parts[i].kind == WENDI_RANGE_IN) {
            memcpy(values + count, parts[i].values, parts[i].value_count * sizeof *values);
            count += parts[i].value_count;
        } else if (parts[i].kind == WENDI_RANGE_BETWEEN) {
            values[count++] = *parts[i].low;
        }
    }
    qsort(values, count, sizeof *values, compare_values);
    for (uint32_t i = 0; i < count; i++) {
        if (distinct == 0 || wendi_value_compare(&values[distinct - 1], &values[i]) != 0) {
            values[distinct++] = values[i];
        }
    }
    wendi_expr stand_in = {.slot = expr->single_slot};
    return in_list(&stand_in, values, distinct, range);
}

/** LIKE 'prefix%…': from the prefix up to the least text that is above all that begin with it. */
static bool prefix(const wendi_expr *expr, wendi_arena *arena, wendi_range *range)
{
    const wendi_expr *column = expr->args[0];
    const wendi_value *pattern = wendi_expr_value(expr->args[1]);
    uint32_t length = 0;

    if (column->kind != WENDI_EXPR_COLUMN || pattern == NULL || expr->arg_count != 2) {
        return false;
    }
    if (pattern->null) {
        return never(range);
    }
    while (length < pattern->string.length && strchr("%_\\", pattern->string.data[length]) == NULL) {
        length++;
    }
    wendi_value *values = wendi_arena_alloc(arena, 2 * sizeof *values);
    char *next = wendi_arena_copy(arena, pattern->string.data, length);
    if (length == 0 || values == NULL || next == NULL) {
        return false;
    }
    values[0] = (wendi_value){.type = column->type, .string = {pattern->string.data, length}};
    if (length == pattern->string.length) {
        return equal_to(column, &values[0], range);
    }
    uint32_t next_length = length;
    while (next_length > 0 && (uint8_t)next[next_length - 1] == 0xff) {
        next_length--;
    }
    *range = (wendi_range){.kind = WENDI_RANGE_BETWEEN, .slot = column->slot, .low = &values[0], .low_inclusive = true};
    range->exact = length + 1 == pattern->string.length && pattern->string.data[length] == '%';
    if (next_length > 0) {
        next[next_length - 1]++;
        values[1] = (wendi_value){.type = column->type, .string = {next, next_length}};
        range->high = &values[1];
    }
    return true;
}

static bool boolean_is(const wendi_expr *column, bool value, wendi_arena *arena, wendi_range *range)
{
    wendi_value *constant = wendi_arena_alloc_zero(arena, sizeof *constant);

    if (column->kind != WENDI_EXPR_COLUMN || constant == NULL) {
        return false;
    }
    constant->type = column->type;
    constant->i64 = value;
    return equal_to(column, constant, range);
}

bool wendi_expr_range(const wendi_expr *conjunct, wendi_arena *arena, wendi_range *range)
{
    switch ((wendi_expr_kind)conjunct->kind) {
    case WENDI_EXPR_CONSTANT:
        return conjunct->constant.null || conjunct->constant.i64 == 0 ? never(range) : false;
    case WENDI_EXPR_COLUMN:
        return boolean_is(conjunct, true, arena, range);
    case WENDI_EXPR_NOT:
        return boolean_is(conjunct->args[0], false, arena, range);
    case WENDI_EXPR_IS_BOOLEAN:
        return !conjunct->negated && boolean_is(conjunct->args[0], conjunct->constant.i64 != 0, arena, range);
    case WENDI_EXPR_IS_NULL:
        if (conjunct->args[0]->kind != WENDI_EXPR_COLUMN) {
            return false;
        }
        *range = (wendi_range){.kind = conjunct->negated ? WENDI_RANGE_NOT_NULL : WENDI_RANGE_IS_NULL,
                               .slot = conjunct->args[0]->slot, .exact = true};
        return true;
    case WENDI_EXPR_IN:
        return membership(conjunct, range);
    case WENDI_EXPR_OR:
        return disjunction(conjunct, arena, range);
    case WENDI_EXPR_CALL:
        if (conjunct->function->select != NULL) {
            return comparison(conjunct, arena, range);
        }
        return strcmp(conjunct->function->name, "~~") == 0 && prefix(conjunct, arena, range);
    default:
        return false;
    }
}

static bool any_between(const wendi_range *range, const wendi_value *least, const wendi_value *greatest)
{
    uint32_t low = 0;
    uint32_t high = range->value_count;

    while (low < high) { /* the first value that is not below `least` */
        uint32_t middle = low + (high - low) / 2;
        if (wendi_value_compare(&range->values[middle], least) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < range->value_count && wendi_value_compare(&range->values[low], greatest) <= 0;
}

bool wendi_range_overlaps(const wendi_range *range, const wendi_value *least, const wendi_value *greatest,
                          bool has_null)
{
    if (range->kind == WENDI_RANGE_NEVER) {
        return false;
    }
    if (range->kind == WENDI_RANGE_IS_NULL) {
        return has_null;
    }
    if (least == NULL || greatest == NULL) {
        return false; /* nothing but nulls */
    }
    switch (range->kind) {
    case WENDI_RANGE_NOT_EQUAL:
        return wendi_value_compare(least, range->low) != 0 || wendi_value_compare(greatest, range->low) != 0;
    case WENDI_RANGE_IN:
        return any_between(range, least, greatest);
    case WENDI_RANGE_BETWEEN:
        break;
    default:
        return true;
    }
    if (range->low != NULL) {
        int order = wendi_value_compare(greatest, range->low);
        if (order < 0 || (order == 0 && !range->low_inclusive)) {
            return false;
        }
    }
    if (range->high != NULL) {
        int order = wendi_value_compare(least, range->high);
        if (order > 0 || (order == 0 && !range->high_inclusive)) {
            return false;
        }
    }
    return true;
}
