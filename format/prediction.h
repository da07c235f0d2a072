/**
 * Predictions: a column's values guessed from the codes of at most two other columns, so that
 * only the rows that differ cost anything. docs/FORMAT.md, Predictions, has the bytes and the words.
 *
 * Everything works on numbers m: of text the code in the column's dictionary (0 null), of other types
 * 0 for null and value - base + 1. A residual of 0 says "as predicted", 1..list_count picks from the
 * list of frequent exceptions, the rest is list_count + 1 + m.
 *
 *   find   - which columns are worth predicting from which, on a sample of a row group (writer)
 *   build  - map and list of one column over all its rows, and the residuals
 *   store  - the bytes behind a chunk's dictionary
 *   read   - keys, map and residuals back to values (chunk_predicted.c)
 */
#ifndef WENDI_FORMAT_PREDICTION_H
#define WENDI_FORMAT_PREDICTION_H

#include "engine/base/arena.h"
#include "engine/base/bytes.h"
#include "engine/column/vector.h"
#include "format/page.h"

enum {
    WENDI_PREDICTION_HEADER_BYTES = 64,
    WENDI_PREDICTION_DETERMINANTS_MAX = 2,
    WENDI_PREDICTION_MAP_MAX = 1 << 21,
    WENDI_PREDICTION_LIST_MAX = 65535,
    WENDI_PREDICTION_DEPTH_MAX = 4,
    WENDI_PREDICTION_NONE = 0xffffffffu,
    WENDI_PLACE_PREDICTION = 0xc0000000u
};

/** From which columns, and how: what find decides and the stored header repeats. */
typedef struct wendi_prediction_rule {
    uint32_t determinant_count;
    uint32_t determinants[WENDI_PREDICTION_DETERMINANTS_MAX]; /* column ids when stored, indexes in a writer */
    bool row_before;
} wendi_prediction_rule;

/** Map and list ready for use. Text: `map` and `list` are u32, other types u64. */
typedef struct wendi_prediction {
    wendi_prediction_rule rule; /* column ids */
    int64_t base;
    uint32_t map_count;
    uint32_t list_count;
    uint32_t lane_bytes; /* 4 or 8 */
    uint32_t stored_bytes; /* of map and list; for inspect */
    void *map;           /* owned, like the list, which stands behind it */
    void *list;
} wendi_prediction;

void wendi_prediction_free(wendi_prediction *prediction); /* accepts NULL */

/* ---- store (prediction_store.c) ---- */

/**
 * Append header, map and list, padded to 64. `map` and `list` are u64 numbers; `ids` of the determinants
 * replace the indexes of `rule`.
 */
wend_status wendi_prediction_store(const wendi_prediction_rule *rule, int64_t base, const uint64_t *map,
                                   uint32_t map_count, const uint64_t *list, uint32_t list_count, wendi_place place,
                                   int zstd_level, wendi_buffer *out);
/** Check and decode all `length` bytes. What depends on other columns is the caller's to check. */
wend_status wendi_prediction_load(const uint8_t *bytes, size_t length, uint32_t lane_bytes, wendi_place place,
                                  wendi_prediction **prediction_out, const char **reason);

/* ---- find and build (prediction_find.c, prediction_build.c) ---- */

/**
 * A column of the row group under way as numbers m. Text has `codes`; others `values` (i64 or bits of doubles) and
 * `nulls` (NULL: none). Sixteen-byte columns, constants and text in blocks take no part: neither is set.
 */
typedef struct wendi_prediction_column {
    const uint32_t *codes;
    const int64_t *values;
    const uint8_t *nulls;
    int64_t base;         /* of m */
    uint32_t code_count;  /* as a determinant: codes, null included; 0: cannot be one */
    uint32_t *own_codes;  /* owned by who filled this: codes of integers, made when they determine something */
    bool doubles;         /* values are bits of doubles */
    bool real;            /* of the column type real */
    bool never;           /* may serve as determinant, must not be predicted: the user column */
} wendi_prediction_column;

static inline uint64_t wendi_prediction_number(const wendi_prediction_column *column, uint32_t row)
{
    if (column->codes != NULL) {
        return column->codes[row];
    }
    if (column->nulls != NULL && column->nulls[row] != 0) {
        return 0;
    }
    return (uint64_t)column->values[row] - (uint64_t)column->base + 1;
}

/** What find says of one column. */
typedef struct wendi_prediction_choice {
    bool predicted;
    wendi_prediction_rule rule; /* determinants are indexes of columns */
    double saving;              /* bytes of the row group, estimated */
    double map_bytes;           /* of these estimates, what map and list were thought to take */
} wendi_prediction_choice;

/**
 * What was found for earlier row groups of the same columns, so that the next one only has to weigh it again. Any
 * thread, several at once. One memory is for one list of columns.
 */
typedef struct wendi_prediction_memory wendi_prediction_memory;
wend_status wendi_prediction_memory_new(wendi_prediction_memory **memory_out);
void wendi_prediction_memory_free(wendi_prediction_memory *memory); /* accepts NULL */
/** Copy what is remembered, savings as they would be with `row_count` rows: false when there is nothing, or nothing for so many columns and about so many rows (a factor of four). */
bool wendi_prediction_memory_recall(wendi_prediction_memory *memory, uint32_t count, uint32_t row_count,
                                    wendi_prediction_choice *choices);
/** Keep `choices` instead, unless what is known is better; left out when memory is refused. */
void wendi_prediction_memory_keep(wendi_prediction_memory *memory, const wendi_prediction_choice *choices,
                                  uint32_t count, uint32_t row_count);

/**
 * Decide for each of `count` columns over `row_count` rows. Looks at 16 vectors of rows and weighs exact
 * sizes of what the page encoder would make of them with and without prediction. With a `memory` (may be NULL)
 * the rules of before are weighed first, and nothing else is looked for while they save what they did.
 * Cost: about a millisecond a column, whatever row_count is; a quarter of it when the memory serves.
 */
wend_status wendi_prediction_find(const wendi_prediction_column *columns, uint32_t count, uint32_t row_count,
                                  int zstd_level, wendi_prediction_memory *memory, wendi_prediction_choice *choices);

/** Map, list and residuals of one column. Buffers are the builder's, reused from column to column. */
typedef struct wendi_prediction_built {
    uint64_t *map;
    uint32_t map_count;
    uint64_t *list;
    uint32_t list_count;
    const int64_t *residuals; /* row_count; NULL of text, */
    const uint32_t *code_residuals; /* which has these */
} wendi_prediction_built;
typedef struct wendi_prediction_builder wendi_prediction_builder;
/** For qsort() of uint64_t. */
int wendi_prediction_by_number(const void *a, const void *b);
wend_status wendi_prediction_builder_new(wendi_prediction_builder **builder_out);
void wendi_prediction_builder_free(wendi_prediction_builder *builder); /* accepts NULL */
/** The result is valid until the next call. */
wend_status wendi_prediction_build(wendi_prediction_builder *builder, const wendi_prediction_column *columns,
                                   uint32_t column, const wendi_prediction_rule *rule, uint32_t row_count,
                                   const wendi_prediction_built **built_out);

/** Keys of rows first..first+count-1 (`first` a multiple of 1024) from the determinants' codes of just these rows. */
static inline void wendi_prediction_keys(const wendi_prediction_rule *rule, const uint32_t *first_codes,
                                         const uint32_t *second_codes, uint32_t second_entries, uint32_t count,
                                         uint32_t *keys)
{
    for (uint32_t begin = 0; begin < count; begin += WENDI_VECTOR_ROWS) {
        uint32_t rows = count - begin < WENDI_VECTOR_ROWS ? count - begin : WENDI_VECTOR_ROWS;
        uint32_t lag = rule->row_before;
        if (lag != 0) {
            keys[begin] = 0;
        }
        for (uint32_t i = lag; i < rows; i++) {
            keys[begin + i] = second_codes == NULL
                                  ? first_codes[begin + i - lag]
                                  : first_codes[begin + i - lag] * second_entries + second_codes[begin + i - lag];
        }
    }
}

#endif
