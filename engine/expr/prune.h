/**
 * What a predicate says about single columns, for skipping stored data by its minima and maxima.
 *
 * The predicate is cut at its ANDs; each conjunct that compares one column with constants becomes
 * a range. Rows outside any range cannot satisfy the predicate; rows inside may still fail it.
 */
#ifndef WENDI_EXPR_PRUNE_H
#define WENDI_EXPR_PRUNE_H

#include "engine/expr/expr.h"

typedef enum wendi_range_kind {
    WENDI_RANGE_BETWEEN,  /* low and/or high; equality has both the same */
    WENDI_RANGE_IN,       /* one of `values`; low and high are their least and greatest */
    WENDI_RANGE_NOT_EQUAL,/* every value except `low` (useful when a page holds one value) */
    WENDI_RANGE_IS_NULL,
    WENDI_RANGE_NOT_NULL,
    WENDI_RANGE_NEVER     /* the conjunct is false or null for every row */
} wendi_range_kind;

/**
 * One column's bound. Except for IS_NULL no null satisfies it. Constants have the column's type
 * (numerics its scale) and are borrowed from the expression or the arena.
 */
typedef struct wendi_range {
    wendi_range_kind kind;
    uint32_t slot; /* WENDI_EXPR_NO_SLOT for NEVER */
    const wendi_value *low;  /* NULL: unbounded */
    const wendi_value *high;
    bool low_inclusive;
    bool high_inclusive;
    const wendi_value *values; /* IN: sorted, no repeats */
    uint32_t value_count;
    bool exact; /* the range says all that the conjunct says: within it every row satisfies the conjunct */
} wendi_range;

/** The conjuncts of `expr` (itself when it is no AND); at most `max` are written, the number of all is returned. */
uint32_t wendi_expr_conjuncts(const wendi_expr *expr, const wendi_expr **conjuncts, uint32_t max);
/**
 * The range of one conjunct; false when it is not of a known shape (then it prunes nothing). Known:
 * column op constant in either order, IN, IS [NOT] NULL, a boolean column, LIKE 'prefix%', and ORs of
 * equalities of one column.
 */
bool wendi_expr_range(const wendi_expr *conjunct, wendi_arena *arena, wendi_range *range);
/** May a run of non-null values between `least` and `greatest` (of the column's type) hold a row in range? */
bool wendi_range_overlaps(const wendi_range *range, const wendi_value *least, const wendi_value *greatest,
                          bool has_null);

#endif
