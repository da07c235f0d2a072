/**
 * A pipe: a source of rows, a filter and the expressions somebody wants of the rows that pass.
 *
 * Projections and filters of a plan never become operators of their own: a pipe peels them off and
 * substitutes them into its expressions, down to the source. Over a table the filter goes into the
 * scan and the pipe can be run by all threads at once, one morsel each; over any other operator it
 * is pulled.
 */
#ifndef WENDI_QUERY_PIPE_H
#define WENDI_QUERY_PIPE_H

#include "query/plan.h"
#include "query/scan.h"

typedef struct wendi_pipe wendi_pipe;

/**
 * Takes a batch of outputs; rows that are not selected are undefined. Called by several threads at
 * once with different `worker`s; vectors live for the call. `place` rises with the source's rows:
 * it orders what workers collected, however they shared the morsels.
 */
typedef wend_status (*wendi_pipe_sink)(void *context, uint32_t worker, uint64_t place,
                                       const wendi_batch *outputs, const wendi_selection *selection,
                                       wend_error *error);

/**
 * `outputs` are over the columns of `plan` and live in `arena`, as the pipe does. `order_free`: the
 * reader does not care for the order of groups. Builds what lies below.
 */
wend_status wendi_pipe_open(wendi_query_context *context, wendi_arena *arena,
                            const wendi_plan *plan, const wendi_expr *const *outputs,
                            uint32_t output_count, bool order_free, wendi_pipe **pipe_out,
                            wend_error *error);
void wendi_pipe_close(wendi_pipe *pipe); /* accepts NULL; its source is closed too */

/** How many workers run() may use: sinks keep that many states. */
uint32_t wendi_pipe_workers(const wendi_pipe *pipe);
/** Push every row through `sink`. */
wend_status wendi_pipe_run(wendi_pipe *pipe, wendi_pipe_sink sink, void *context,
                           wend_error *error);
/** Takes what a range of the scan counts to, as a sink takes a batch. */
typedef wend_status (*wendi_pipe_counter)(void *context, uint32_t worker,
                                          const wendi_scan_counts *counts, wend_error *error);
/**
 * As run(), but ranges of a scan that can be counted without reading values go to `counter` instead, see
 * wendi_scan_reader_count(). `output`: the text column whose codes are counted; UINT32_MAX: rows alone.
 */
wend_status wendi_pipe_run_counting(wendi_pipe *pipe, uint32_t output, wendi_pipe_counter counter,
                                    wendi_pipe_sink sink, void *context, wend_error *error);
/** Or pull batches one by one, in order; at least one row is selected. */
wend_status wendi_pipe_next(wendi_pipe *pipe, wendi_batch *outputs, wendi_selection *selection,
                            wend_error *error);

/** Is output i a text column with a dictionary in every row group? Then see
 * wendi_pipe_dictionary(). */
bool wendi_pipe_has_dictionary(wendi_pipe *pipe, uint32_t output);
/** Of the batch pulled last. */
wend_status wendi_pipe_dictionary(wendi_pipe *pipe, uint32_t output,
                                  wendi_dictionary **dictionary_out, wend_error *error);
/** The operator rows come from, for EXPLAIN; owned by the pipe. */
wendi_operator *wendi_pipe_source(wendi_pipe *pipe);
/** The scan when the pipe reads a table, else NULL. */
wendi_scan *wendi_pipe_scan(wendi_pipe *pipe);
/** Output i as an expression over the scan's slots or the source's columns. */
const wendi_expr *wendi_pipe_output(const wendi_pipe *pipe, uint32_t output);
/** Does a filter lie between the source and the outputs? */
bool wendi_pipe_filtered(const wendi_pipe *pipe);

#endif
