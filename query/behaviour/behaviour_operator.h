/**
 * The operator that every behavioural function becomes: all rows are computed at the first next()
 * and then given page by page.
 */
#ifndef WENDI_BEHAVIOUR_BEHAVIOUR_OPERATOR_H
#define WENDI_BEHAVIOUR_BEHAVIOUR_OPERATOR_H

#include "query/behaviour/behaviour_call.h"
#include "query/behaviour/session_split.h"
#include "query/rows.h"

typedef struct wendi_behaviour_operator wendi_behaviour_operator;

struct wendi_behaviour_operator {
    wendi_operator head;
    wendi_behaviour_call *call;
    void *plan; /* the function's own, in the call's arena */
    wend_status (*compute)(wendi_behaviour_operator *self, wend_error *error); /* fills `rows` */
    wendi_rows rows;
    uint32_t given;
    bool computed;
};

typedef struct wendi_result_column {
    const char *name;
    wendi_type type;
} wendi_result_column;

/** The user column's name (in the arena) and type; fails when the table has none. */
wend_status wendi_behaviour_user_column(const wendi_behaviour_call *base,
                                        wendi_result_column *column, wend_error *error);

/** `class_of` has wendi_behaviour_next() and wendi_behaviour_close(). Names are copied. */
wend_status wendi_behaviour_operator_open(const wendi_operator_class *class_of,
                                          wendi_behaviour_call *call, void *plan,
                                          wend_status (*compute)(wendi_behaviour_operator *self,
                                                                 wend_error *error),
                                          const wendi_result_column *columns, uint32_t column_count,
                                          wendi_operator **operator_out, wend_error *error);
wend_status wendi_behaviour_next(wendi_operator *self, wendi_batch *batch, wend_error *error);
void wendi_behaviour_close(wendi_operator *self);

/** Writing result rows: begin_row(), then one put for each column in order. The first failure
 * sticks. */
typedef struct wendi_row_writer {
    wendi_rows *rows;
    uint32_t column;
    wend_status status;
    wend_error *error;
} wendi_row_writer;
wendi_row_writer wendi_begin_row(wendi_rows *rows, wend_error *error);
void wendi_put(wendi_row_writer *writer,
               const wendi_value *value); /* its type's physical form must be the column's */
void wendi_put_bigint(wendi_row_writer *writer, int64_t value);
void wendi_put_double(wendi_row_writer *writer, double value);
void wendi_put_null(wendi_row_writer *writer);
void wendi_put_text(wendi_row_writer *writer, wendi_string text);
/** The row is complete. */
wend_status wendi_end_row(wendi_row_writer *writer);

/** session_gap / session_key / split / split_on, or gap … for sessions(): `prefix` is "session_" or
 * "". */
wend_status wendi_behaviour_sessions(wendi_behaviour_call *base, const char *prefix,
                                     wendi_session_rule *rule, wend_error *error);

/** Totals by value: a key of (null, bits) to a dense number, in order of first appearance. */
typedef struct wendi_keys {
    wendi_interner interner;
} wendi_keys;
wend_status wendi_keys_number(wendi_keys *keys, const uint64_t *parts, uint32_t part_count,
                              uint32_t *number, wend_error *error);
uint32_t wendi_keys_count(const wendi_keys *keys);
/** Part `part` of the key with this number. */
uint64_t wendi_keys_part(const wendi_keys *keys, uint32_t number, uint32_t part);
void wendi_keys_free(wendi_keys *keys);

#endif
