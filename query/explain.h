/** EXPLAIN: a tree of operators as lines of text. */
#ifndef WENDI_QUERY_EXPLAIN_H
#define WENDI_QUERY_EXPLAIN_H

#include "query/operator.h"

/**
 * An operator whose rows are the lines of `root`'s tree, in one text column "QUERY PLAN". Takes
 * `root` over, on failure too. With `analyze` root is first run to its end, and rows and times are
 * shown.
 */
wend_status wendi_explain_open(wendi_query_context *context, wendi_operator *root, bool analyze,
                               wendi_operator **operator_out, wend_error *error);

#endif
