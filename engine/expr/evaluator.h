/**
 * Computing bound expressions over batches, a column at a time.
 *
 * An evaluator belongs to one thread and may serve any number of expressions. It owns the scratch
 * memory (grown to the largest batch seen and then reused), compiled patterns, and the answers it
 * remembers per (expression, dictionary): a predicate or function of one dictionary column is
 * computed once for each entry that some selected row has, and then only codes are looked up.
 *
 * Rows that are not selected are never computed: AND, OR, CASE and COALESCE run a branch only for
 * the rows that need it, so `x <> 0 and 1 / x > 2` divides by no zero. An error (division by zero,
 * a value out of range, invalid text) of any selected row fails the call.
 */
#ifndef WENDI_EXPR_EVALUATOR_H
#define WENDI_EXPR_EVALUATOR_H

#include "engine/column/vector.h"
#include "engine/expr/expr.h"

typedef struct wendi_evaluator wendi_evaluator;

wend_status wendi_evaluator_open(wendi_evaluator **evaluator_out, wend_error *error);
void wendi_evaluator_close(wendi_evaluator *evaluator); /* accepts NULL */

/**
 * Give back every output handed out so far; call once a batch, before the first evaluation over it.
 * The memory is kept. Remembered answers stay.
 */
void wendi_evaluator_reset(wendi_evaluator *evaluator);
/** Forget remembered dictionary answers too. Needed before an expression's arena is freed or reset while
    the evaluator goes on living, since answers are found by the expression's address. */
void wendi_evaluator_forget(wendi_evaluator *evaluator);
/**
 * From now on remember answers until the next reset only and take no references to dictionaries: for batches
 * of row builders, whose dictionaries are views that change in place. Returns what was set before.
 */
bool wendi_evaluator_set_transient(wendi_evaluator *evaluator, bool transient);

/**
 * Compute `expr` for the selected rows of `batch` (`selection` NULL: all of them).
 *
 * Output:    `out` has batch->row_count rows and any form; the value of batch row r stands at row r and is
 *            defined only for selected rows. A column expression gives the batch's own vector.
 * Ownership: borrowed from the evaluator and the batch until wendi_evaluator_reset(); several
 *            outputs may be held at once.
 * Returns:   WEND_INVALID for an error of a row, with its position; WEND_NOMEM.
 * Cost:      no allocation once warm, except for new strings.
 */
wend_status wendi_evaluate(wendi_evaluator *evaluator, const wendi_expr *expr, const wendi_batch *batch,
                           const wendi_selection *selection, wendi_vector *out, wend_error *error);

/**
 * The selected rows for which `predicate` (boolean) is true: null and false drop. `indices_out` has
 * room for the selection's count (and may be the selection's own array); it comes out rising.
 */
wend_status wendi_evaluate_filter(wendi_evaluator *evaluator, const wendi_expr *predicate, const wendi_batch *batch,
                                  const wendi_selection *selection, uint32_t *indices_out, uint32_t *count_out,
                                  wend_error *error);

/**
 * Make an output of wendi_evaluate() that was computed for some rows defined for all: rows with failed[row] !=
 * 0xffffffff become null. It takes a copy of the vector's arrays, with the same lifetime.
 */
wend_status wendi_evaluator_widen(wendi_evaluator *evaluator, wendi_vector *vector, const uint32_t *failed,
                                  uint32_t row_count, wend_error *error);

/** The value of an expression without columns. A string lives until wendi_evaluator_reset(). */
wend_status wendi_evaluate_constant(wendi_evaluator *evaluator, const wendi_expr *expr, wendi_value *value,
                                    wend_error *error);

#endif
