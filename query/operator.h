/**
 * Operators: what a plan becomes. Each gives batches of named, typed columns when asked.
 *
 * An operator is pulled by one thread at a time; inside next() it may use the context's pool (pools
 * do not nest: an operator pulls its inputs outside of its own parallel parts). Operators own their
 * inputs. What an operator gives never depends on the number of threads.
 */
#ifndef WENDI_QUERY_OPERATOR_H
#define WENDI_QUERY_OPERATOR_H

#include "engine/column/vector.h"
#include "query/context.h"

typedef struct wendi_output_column {
    wendi_string name; /* lives as long as the operator */
    wendi_type type;
    /** Every batch has this column in DICTIONARY form, and batches of one row group share the
     * dictionary. */
    bool dictionary;
    bool hidden; /* no part of *: only who names it gets it */
} wendi_output_column;

typedef struct wendi_operator wendi_operator;

typedef struct wendi_operator_class {
    const char *name; /* as EXPLAIN shows it: "Aggregate", "Funnel" */
    /**
     * The next rows: at least one, at most WENDI_PAGE_ROWS. The caller gives a batch with room for
     * column_count vectors in batch->columns; the vectors are borrowed until the next call or
     * close. WEND_END: no more. After any other failure only close is allowed.
     */
    wend_status (*next)(wendi_operator *self, wendi_batch *batch, wend_error *error);
    /** Append what EXPLAIN says after the name, such as " by country"; no newline. May be NULL. */
    wend_status (*describe)(const wendi_operator *self, wendi_buffer *out);
    /** Free everything, inputs included. */
    void (*close)(wendi_operator *self);
} wendi_operator_class;

enum { WENDI_OPERATOR_INPUTS_MAX = 2 };

/** The head of every operator's own struct. */
struct wendi_operator {
    const wendi_operator_class *class_of;
    wendi_query_context *context;
    const wendi_output_column *columns;
    uint32_t column_count;
    wendi_operator *inputs[WENDI_OPERATOR_INPUTS_MAX];
    uint32_t input_count;
    /* What EXPLAIN ANALYZE shows; kept by wendi_operator_next(). */
    uint64_t rows_out;
    int64_t spent_us; /* inputs included */
};

/** next() with accounting and a check for cancellation. Use this, not class_of->next. */
wend_status wendi_operator_next(wendi_operator *operator_of, wendi_batch *batch, wend_error *error);
void wendi_operator_close(wendi_operator *operator_of); /* accepts NULL */

#endif
