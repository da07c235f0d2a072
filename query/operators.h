/** Making the operators of the engine itself; each takes its inputs over, on failure too. */
#ifndef WENDI_QUERY_OPERATORS_H
#define WENDI_QUERY_OPERATORS_H

#include "query/pipe.h"

/** Builds a plan; `order_free`: groups may come in any order. `row_limit`: no more rows than that
 * are wanted. */
wend_status wendi_build(wendi_query_context *context, wendi_arena *arena, const wendi_plan *plan,
                        bool order_free, uint64_t row_limit, wendi_operator **operator_out,
                        wend_error *error);

/** Reading a table. Its columns are those of the scan; pipes reach the scan itself.
 * operator_scan.c. */
typedef struct wendi_scan_operator {
    wendi_operator head;
    wendi_scan *scan;
    wendi_string table;
    const wendi_schema *schema;
    const uint32_t *columns; /* schema positions by slot */
    bool filtered;
    wendi_scan_reader *reader; /* when pulled */
    uint32_t unit;
    bool started;
} wendi_scan_operator;

extern const wendi_operator_class wendi_scan_operator_class;

wend_status wendi_scan_operator_open(wendi_query_context *context, wendi_arena *arena,
                                     const wendi_plan *plan, const uint32_t *columns,
                                     uint32_t column_count, const wendi_expr *filter,
                                     wendi_scan_operator **operator_out, wend_error *error);
/** The next batch and selection of a pulled scan. */
wend_status wendi_scan_operator_pull(wendi_scan_operator *scan, wendi_batch *batch,
                                     wendi_selection *selection, wend_error *error);

wend_status wendi_project_operator_open(wendi_query_context *context, wendi_arena *arena,
                                        const wendi_plan *plan, wendi_operator **operator_out,
                                        wend_error *error);
wend_status wendi_aggregate_operator_open(wendi_query_context *context, wendi_arena *arena,
                                          const wendi_plan *plan, bool order_free,
                                          wendi_operator **operator_out, wend_error *error);
wend_status wendi_sort_operator_open(wendi_query_context *context, wendi_arena *arena,
                                     const wendi_plan *plan, uint64_t row_limit,
                                     wendi_operator **operator_out, wend_error *error);
wend_status wendi_limit_operator_open(wendi_query_context *context, wendi_arena *arena,
                                      const wendi_plan *plan, wendi_operator **operator_out,
                                      wend_error *error);
wend_status wendi_rows_operator_open(wendi_query_context *context, wendi_arena *arena,
                                     const wendi_plan *plan, wendi_operator **operator_out,
                                     wend_error *error);
wend_status wendi_set_operator_open(wendi_query_context *context, wendi_arena *arena,
                                    const wendi_plan *plan, wendi_operator **operator_out,
                                    wend_error *error);

/** `rows` sorted by keys: a permutation in caller's memory of row_count numbers. operator_sort.c.
 */
wend_status wendi_rows_sort(const wendi_rows *rows, const wendi_sort_key *keys, uint32_t key_count,
                            uint32_t *order, wend_error *error);

#endif
