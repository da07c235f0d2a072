/** Reading values of Arrow arrays as text: the one place of the program that knows Arrow's layouts.
 */
#ifndef WEND_CLI_ARROW_TEXT_H
#define WEND_CLI_ARROW_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/base/bytes.h"
#include "engine/base/timezone.h"
#include "wend/arrow.h"

typedef enum cli_value_kind {
    CLI_VALUE_TEXT,
    CLI_VALUE_NUMBER,
    CLI_VALUE_BOOLEAN,
    CLI_VALUE_JSON
} cli_value_kind;

/** How a column's values read; decides alignment and quoting. */
cli_value_kind cli_column_kind(const struct ArrowSchema *schema);
bool cli_is_null(const struct ArrowArray *array, int64_t row);
/**
 * Append the value at `row` as PostgreSQL prints it (timestamps in `zone`); null appends nothing.
 * WEND_UNSUPPORTED for an Arrow type that wend's results do not have.
 */
wend_status cli_append_value(const struct ArrowSchema *schema, const struct ArrowArray *array,
                             int64_t row, const wendi_timezone *zone, wendi_buffer *out);
/** An integer of any width (and boolean, date, timestamp), for arithmetic in reports. */
int64_t cli_integer(const struct ArrowSchema *schema, const struct ArrowArray *array, int64_t row);

#endif
