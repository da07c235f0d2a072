/**
 * Users one after the other, each with all rows in row order: what sessions, funnels, paths and
 * retention are computed from.
 *
 * The space of user hashes is cut into slices; a slice is read from every row group that has users
 * in it, expressions are evaluated there batch by batch (on dictionary codes where there are some),
 * and only their results are merged by (time, order column, commit, row) for each user. So there is
 * no sort and no shuffle of the table, memory is bounded by the slice, and slices run in parallel.
 * Rows without a user or without a time are in nobody's rows; they are counted.
 */
#ifndef WENDI_BEHAVIOUR_USER_STREAM_H
#define WENDI_BEHAVIOUR_USER_STREAM_H

#include "format/segment_reader.h"
#include "query/scan.h"
#include "query/table_function.h"

/**
 * What to know of every row, beside its time: flags (is the predicate true?) and cells (a value
 * each). Expressions are over the scope's slots. Everything is borrowed for the stream's life.
 */
typedef struct wendi_user_stream_options {
    wendi_snapshot *snapshot;
    wendi_table_scope
        *scope; /* of the bound expressions; time, user and order columns are added to it */
    const wendi_expr *filter; /* rows that do not pass do not exist; or NULL */
    const wendi_expr *const *flags;
    uint32_t flag_count;
    const wendi_expr *const *cells;
    uint32_t cell_count;
} wendi_user_stream_options;

/**
 * One user's rows. Arrays live for the call. A cell holds an integer as it is, a double's bits, or
 * for strings and sixteen-byte values an id: equal ids are equal values
 * (wendi_user_stream_value()).
 */
typedef struct wendi_user_rows {
    wendi_value user;
    uint32_t row_count; /* at least 1 */
    const int64_t *times;
    const uint64_t *flags; /* flag_words a row: bit f % 64 of word f / 64 */
    uint32_t flag_words;
    const uint64_t *const *cells; /* [cell][row] */
    const uint8_t *const *nulls;  /* [cell][row] */
} wendi_user_rows;

static inline bool wendi_user_flag(const wendi_user_rows *rows, uint32_t row, uint32_t flag)
{
    return (rows->flags[(size_t)row * rows->flag_words + flag / 64] >> (flag % 64) & 1) != 0;
}

typedef struct wendi_user_stream wendi_user_stream;

/** How many rows a slice has, about. Only tests change it, before any stream is open: to get many
 * slices of few rows. */
extern uint32_t wendi_user_stream_slice_rows;

wend_status wendi_user_stream_open(wendi_query_context *context,
                                   const wendi_user_stream_options *options,
                                   wendi_user_stream **stream_out, wend_error *error);
void wendi_user_stream_close(wendi_user_stream *stream); /* accepts NULL */

/**
 * Called once a user, users of a slice in (hash, user) order, slices on any worker in any order.
 * `worker` is below wendi_user_stream_workers(), so that each has its own totals; `slice` numbers
 * hash ranges upwards.
 */
typedef wend_status (*wendi_user_consumer)(void *context, uint32_t worker, uint32_t slice,
                                           const wendi_user_rows *rows, wend_error *error);
uint32_t wendi_user_stream_workers(const wendi_user_stream *stream);
uint32_t wendi_user_stream_slices(const wendi_user_stream *stream);
/** May be run again, for a second pass. */
wend_status wendi_user_stream_run(wendi_user_stream *stream, wendi_user_consumer consume,
                                  void *context, wend_error *error);

/** The value of a cell whose type is a string or sixteen bytes, once run() is over; borrowed from
 * the stream. */
wendi_value wendi_user_stream_value(const wendi_user_stream *stream, uint32_t cell, uint64_t id);
/** Any cell's value by its type, once run() is over. */
wendi_value wendi_user_cell_value(const wendi_user_stream *stream, uint32_t cell, uint64_t bits,
                                  bool null);

/**
 * Cells as a vector again, while run() is under way: rows first..first+count-1 of a user's cell, in
 * its type. Memory is `arena`'s. For strings this takes a lock and copies; for others the vector
 * views the cells.
 */
wend_status wendi_user_cell_vector(wendi_user_stream *stream, uint32_t cell,
                                   const wendi_user_rows *rows, uint32_t first, uint32_t count,
                                   wendi_arena *arena, wendi_vector *vector, wend_error *error);

/** Rows that passed the filter but have no user, or no time, and so are in no answer. Complete
 * after run(). */
uint64_t wendi_user_stream_null_users(const wendi_user_stream *stream);
uint64_t wendi_user_stream_null_times(const wendi_user_stream *stream);
/** The newest time stored in the snapshot (INT64_MIN: no rows), whatever the filter. */
int64_t wendi_user_stream_newest(const wendi_user_stream *stream);
/** The oldest time stored (INT64_MAX: no rows). */
int64_t wendi_user_stream_oldest(const wendi_user_stream *stream);

#endif
