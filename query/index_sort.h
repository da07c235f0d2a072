/** A stable merge sort of row numbers, for orders that need a context to compare. */
#ifndef WENDI_QUERY_INDEX_SORT_H
#define WENDI_QUERY_INDEX_SORT_H

#include "engine/base/status.h"

/** Negative, 0 or positive, as rows a and b are ordered. */
typedef int (*wendi_index_compare)(const void *context, uint32_t a, uint32_t b);

/** Sort `indices` in place; equal rows keep their order. Needs count * 4 bytes of scratch:
 * WEND_NOMEM. */
wend_status wendi_index_sort(uint32_t *indices, uint32_t count, wendi_index_compare compare,
                             const void *context, wend_error *error);

#endif
