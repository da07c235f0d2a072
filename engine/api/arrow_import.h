/** Reading values out of Arrow arrays that a caller handed in. */
#ifndef WENDI_API_ARROW_IMPORT_H
#define WENDI_API_ARROW_IMPORT_H

#include "engine/column/value.h"
#include "wend/arrow.h"

/** One field of a struct array, checked against the column it goes to. Borrows schema and array. */
typedef struct wendi_arrow_field {
    const struct ArrowSchema *schema;
    const struct ArrowArray *array;
    wendi_type type; /* of the column */
    char layout;     /* first letter of the values' format; of the dictionary's values when coded */
    bool coded;      /* dictionary-encoded: index_format says how wide indices are */
    char index_format;
    bool text;          /* values are text to be parsed, unless the column is text */
    int64_t row_offset; /* of the struct around it */
} wendi_arrow_field;

/**
 * Check that values of `schema` can go into a column of `type`. WEND_INVALID names the field and
 * what the column wants.
 */
wend_status wendi_arrow_field_open(const struct ArrowSchema *schema, const struct ArrowArray *array,
                                   int64_t row_offset, wendi_type type, wendi_arrow_field *field,
                                   wend_error *error);
/** The value of a row; strings are borrowed from the array. WEND_INVALID sets `*reason`. */
wend_status wendi_arrow_field_value(const wendi_arrow_field *field, int64_t row, wendi_value *value,
                                    const char **reason);

#endif
