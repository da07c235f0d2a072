/**
 * From SQL text to a stream of batches.
 *
 * wendi_query_open() parses, binds and plans; reading starts with the first next(). EXPLAIN gives
 * its lines as rows of one text column named "QUERY PLAN".
 */
#ifndef WENDI_QUERY_QUERY_H
#define WENDI_QUERY_QUERY_H

#include "query/operator.h"
#include "wend/arrow.h"

typedef struct wendi_query wendi_query;

/**
 * Plan one SELECT, VALUES-less set operation or EXPLAIN. `context` must outlive the query.
 * Errors of the text carry their byte position.
 */
wend_status wendi_query_open(wendi_query_context *context, wendi_string sql,
                             wendi_query **query_out, wend_error *error);
void wendi_query_close(wendi_query *query); /* accepts NULL */

const wendi_output_column *wendi_query_columns(const wendi_query *query, uint32_t *count);
/**
 * The next rows, borrowed until the next call; WEND_END at the end. `batch->columns` is set to the
 * query's own vectors.
 */
wend_status wendi_query_next(wendi_query *query, wendi_batch *batch, wend_error *error);

/**
 * Export as an Arrow C stream that takes the query over (its release closes it; also on failure). A
 * failing get_next fills `record` (NULL: a record of the stream's own), which get_last_error
 * shows; release calls `released(owner)` (may be NULL) last. arrow_stream.c.
 */
wend_status wendi_query_export(wendi_query *query, wend_error *record,
                               void (*released)(void *owner), void *owner,
                               struct ArrowArrayStream *stream_out, wend_error *error);

#endif
