/* Accounting round every operator's next(). */
#include "query/operator.h"

#include <assert.h>

#include "engine/base/clock.h"

wend_status wendi_operator_next(wendi_operator *operator_of, wendi_batch *batch, wend_error *error)
{
    int64_t begin_us = wendi_clock_monotonic_us();
    wend_status status = wendi_query_check(operator_of->context, error);

    if (status == WEND_OK) {
        status = operator_of->class_of->next(operator_of, batch, error);
    }
    operator_of->spent_us += wendi_clock_monotonic_us() - begin_us;
    if (status == WEND_OK) {
        assert(batch->row_count > 0 && batch->row_count <= WENDI_PAGE_ROWS);
        assert(batch->column_count == operator_of->column_count);
        operator_of->rows_out += batch->row_count;
    }
    return status;
}

void wendi_operator_close(wendi_operator *operator_of)
{
    if (operator_of != NULL) {
        operator_of->class_of->close(operator_of);
    }
}
