/**
 * Vectors and batches: what scans, expressions and operators pass on.
 *
 * A vector is a view of `row_count` values of one type. Who made it owns the memory and says how
 * long it lives; a vector never frees. A batch is a row of vectors of equal length.
 */
#ifndef WENDI_COLUMN_VECTOR_H
#define WENDI_COLUMN_VECTOR_H

#include "engine/base/bytes.h"
#include "engine/column/dictionary.h"
#include "engine/column/type.h"

enum {
    WENDI_VECTOR_ROWS = 1024,       /* the unit of decoding: pages hold 64 of them */
    WENDI_PAGE_ROWS = 65536,        /* rows of a page, and the most a batch may have */
    WENDI_ROW_GROUP_ROWS_MAX = 1048576,
    WENDI_BATCH_ROWS = 8192         /* what scans give by default: a column of it fits in L2 */
};

typedef enum wendi_form {
    WENDI_FORM_FLAT,      /* values per row in i64, f64, b16 or strings, by physical type */
    WENDI_FORM_CONSTANT,  /* one value (index 0) stands for every row */
    WENDI_FORM_DICTIONARY /* strings only: codes per row into `dictionary`; null is code 0 */
} wendi_form;

/**
 * `nulls`: one byte a row, 1 = null, or NULL when no row is null. FLAT: row_count bytes.
 * CONSTANT: one byte. DICTIONARY: always NULL, code 0 says it. The value of a null row is 0
 * (0.0, zero bytes, length 0) in FLAT form, so that kernels may compute on it without a fault.
 * All arrays are aligned to 64 and may be read up to 64 bytes beyond their end.
 */
typedef struct wendi_vector {
    wendi_type type;
    uint8_t form; /* wendi_form */
    uint32_t row_count;
    const uint8_t *nulls;
    union {
        const int64_t *i64;
        const double *f64;
        const wendi_b16 *b16;
        const wendi_string *strings;
        const uint32_t *codes;
        const void *data;
    };
    wendi_dictionary *dictionary; /* DICTIONARY form; borrowed */
} wendi_vector;

/** A batch of at most WENDI_PAGE_ROWS rows. */
typedef struct wendi_batch {
    uint32_t row_count;
    uint32_t column_count;
    wendi_vector *columns;
} wendi_batch;

/** Rows that take part: `indices` rise; NULL means all of 0..count-1. */
typedef struct wendi_selection {
    const uint32_t *indices;
    uint32_t count;
} wendi_selection;

static inline bool wendi_vector_is_null(const wendi_vector *vector, uint32_t row)
{
    if (vector->form == WENDI_FORM_DICTIONARY) {
        return vector->codes[row] == 0;
    }
    return vector->nulls != NULL && vector->nulls[vector->form == WENDI_FORM_CONSTANT ? 0 : row] != 0;
}

/** The index at which row `row`'s value stands in the arrays: 0 for CONSTANT. */
static inline uint32_t wendi_vector_index(const wendi_vector *vector, uint32_t row)
{
    return vector->form == WENDI_FORM_CONSTANT ? 0 : row;
}

/** The string of a row of a STRING vector of any form; length 0 for null. */
static inline wendi_string wendi_vector_string(const wendi_vector *vector, uint32_t row)
{
    if (vector->form == WENDI_FORM_DICTIONARY) {
        return wendi_dictionary_at(vector->dictionary, vector->codes[row]);
    }
    return vector->strings[wendi_vector_index(vector, row)];
}

#endif
