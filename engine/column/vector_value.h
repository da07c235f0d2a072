/** One row of a vector as a value: for what works a row at a time. Kernels read the arrays themselves. */
#ifndef WENDI_COLUMN_VECTOR_VALUE_H
#define WENDI_COLUMN_VECTOR_VALUE_H

#include "engine/column/value.h"
#include "engine/column/vector.h"

/** Row `row` of a vector of any form; of a null only type and null are set. Strings are borrowed from the vector. */
static inline wendi_value wendi_vector_value(const wendi_vector *vector, uint32_t row)
{
    uint32_t index = wendi_vector_index(vector, row);
    wendi_value value = {.type = vector->type, .null = wendi_vector_is_null(vector, row)};
    if (value.null) {
        return value;
    }
    switch (wendi_type_physical(vector->type)) {
    case WENDI_PHYSICAL_I64:
        value.i64 = vector->i64[index];
        break;
    case WENDI_PHYSICAL_F64:
        value.f64 = vector->f64[index];
        break;
    case WENDI_PHYSICAL_B16:
        value.b16 = vector->b16[index];
        break;
    case WENDI_PHYSICAL_STRING:
        value.string = wendi_vector_string(vector, row);
        break;
    }
    return value;
}

#endif
