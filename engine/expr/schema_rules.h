/**
 * The CHECK and GENERATED rules of a schema, bound once and applied to batches at ingest.
 *
 * Rules are bound over the schema's own columns: slot = position. They may use only what depends on
 * the row alone: now() and its kin are refused; the session's zone is UTC. A generated column may
 * use stored columns and generated columns that stand before it.
 */
#ifndef WENDI_EXPR_SCHEMA_RULES_H
#define WENDI_EXPR_SCHEMA_RULES_H

#include "engine/column/schema.h"
#include "engine/expr/evaluator.h"

enum { WENDI_CHECK_PASSED = 0xffffffffu };

typedef struct wendi_schema_rules {
    wendi_arena arena;
    wendi_session session;
    const wendi_schema *schema; /* borrowed */
    const wendi_expr **checks;  /* one a schema->checks */
    const wendi_expr **generated; /* one a column; NULL: not generated. Casts to the column's type are in it */
    uint32_t generated_count;
} wendi_schema_rules;

/**
 * Parse, bind and validate every rule: CHECKs are boolean, GENERATED ones assignable to their column.
 * WEND_INVALID names the rule; position counts within the rule's own SQL text, which the hint repeats.
 * Immutable afterwards: threads may share it, each with its own evaluator.
 */
wend_status wendi_schema_rules_open(const wendi_schema *schema, wendi_schema_rules **rules_out, wend_error *error);
void wendi_schema_rules_close(wendi_schema_rules *rules); /* accepts NULL */

/**
 * Compute the generated columns and judge the rows of `batch`, whose columns stand in schema order.
 *
 * Generated columns of the batch are replaced by their computed vectors (what they held does not
 * matter), in schema order; then `failed_check` gets for every row the index of the first CHECK that
 * is false (null passes, as in SQL) or WENDI_CHECK_PASSED. A row whose generated value or CHECK
 * cannot be computed (division by zero, out of range) fails too: `failed_check` is then
 * check_count + position of the generated column, or the CHECK's index; `row_errors` (may be NULL)
 * is called for each such row with the reason. Its generated values are null.
 *
 * Ownership: the vectors are borrowed from `evaluator` until it is reset.
 * Cost:      a column at a time; a batch with a row that cannot be computed is done again by halves.
 */
wend_status wendi_schema_rules_apply(const wendi_schema_rules *rules, wendi_evaluator *evaluator, wendi_batch *batch,
                                     uint32_t *failed_check,
                                     void (*row_errors)(void *context, uint32_t row, const char *reason),
                                     void *context, wend_error *error);

#endif
