/**
 * The inside of the evaluator, shared by the files evaluator*.c only.
 *
 * Computing yields operands: a vector and the scratch buffers that carry it. Whoever gets an
 * operand releases it; a buffer shared by two operands counts both. Operands handed to the outside
 * hold their buffers until the evaluator is reset.
 */
#ifndef WENDI_EXPR_EVALUATOR_INTERNAL_H
#define WENDI_EXPR_EVALUATOR_INTERNAL_H

#include <regex.h>

#include "engine/expr/evaluator.h"
#include "engine/expr/function.h"

enum { WENDI_NO_BUFFER = -1 };

typedef struct wendi_scratch {
    void *data;
    size_t bytes;
    uint32_t references;
    bool held; /* handed out: stays until reset */
} wendi_scratch;

typedef struct wendi_operand {
    wendi_vector vector;
    int32_t data_buffer;
    int32_t null_buffer;
} wendi_operand;

/** A compiled regular expression, by its text and case rule. */
typedef struct wendi_pattern {
    char *text;
    uint32_t length;
    bool ignore_case;
    uint64_t used_at;
    regex_t regex;
} wendi_pattern;

/** What one expression gives for the entries of one dictionary. */
typedef struct wendi_memo {
    const wendi_expr *expr;
    wendi_dictionary *dictionary;
    uint64_t used_at;
    size_t bytes;
    bool owns_reference;
    bool complete;      /* every entry is known */
    bool interval;      /* boolean, ordered dictionary: true for codes first .. first+span-1, or outside when negated */
    bool negated;
    uint32_t first;
    uint32_t span;
    uint8_t *state;     /* a code: WENDI_MEMO_… */
    void *values;       /* a code: by physical type; booleans have their state alone */
    wendi_dictionary *mapped; /* strings, when complete: the distinct results, owned */
    uint32_t *codes;    /* code of the dictionary to code of `mapped` */
    wendi_arena strings;
} wendi_memo;

enum { WENDI_MEMO_FALSE = 0, WENDI_MEMO_TRUE = 1, WENDI_MEMO_VALUE = 1, WENDI_MEMO_NULL = 2, WENDI_MEMO_UNKNOWN = 3 };
enum { WENDI_MEMO_MAX = 128, WENDI_PATTERN_MAX = 32 };
#define WENDI_MEMO_BYTES_MAX ((size_t)64 << 20)

struct wendi_evaluator {
    wendi_scratch *buffers;
    uint32_t buffer_count;
    uint32_t buffer_capacity;
    wendi_arena strings; /* results since the last reset */
    wendi_memo *memos[WENDI_MEMO_MAX];
    uint32_t memo_count;
    wendi_memo **retired; /* evicted, but outputs may still point into them */
    uint32_t retired_count;
    uint32_t retired_capacity;
    wendi_pattern *patterns[WENDI_PATTERN_MAX];
    uint32_t pattern_count;
    wendi_vector *stand_ins; /* columns of the batch that dictionary entries are computed in */
    uint32_t stand_in_capacity;
    bool transient; /* nothing is remembered beyond a reset, and dictionaries are not referenced */
    uint64_t clock; /* for used_at */
};

/** What one top-level call works on. */
typedef struct wendi_frame {
    wendi_evaluator *evaluator;
    const wendi_batch *batch;
    wend_error *error;
} wendi_frame;

/** A buffer of at least `bytes` (+64), one reference; its address is stored in `data`. */
wend_status wendi_scratch_acquire(const wendi_frame *frame, size_t bytes, int32_t *buffer, void **data);
void wendi_scratch_release(wendi_evaluator *evaluator, int32_t buffer);
void wendi_operand_release(wendi_evaluator *evaluator, wendi_operand *operand);
/** Room for rows of `type` (FLAT, no nulls yet). `data` is writable. */
wend_status wendi_operand_new(const wendi_frame *frame, wendi_type type, uint32_t row_count, wendi_operand *operand,
                              void **data);
/** Give it an array of nulls, zero-filled for `row_count` rows. */
wend_status wendi_operand_add_nulls(const wendi_frame *frame, wendi_operand *operand, uint8_t **nulls);
size_t wendi_physical_bytes(wendi_type type);
/** A CONSTANT view of `value`, which must live as long as the operand. */
wendi_vector wendi_constant_vector(const wendi_value *value, uint32_t row_count);

wend_status wendi_compute(const wendi_frame *frame, const wendi_expr *expr, const wendi_selection *rows,
                          wendi_operand *out);
wend_status wendi_compute_call(const wendi_frame *frame, const wendi_expr *expr, const wendi_selection *rows,
                               wendi_operand *out);
/** Run `function` on operands that are there already. */
wend_status wendi_run_function(const wendi_frame *frame, const wendi_expr *expr, const wendi_function *function,
                               const wendi_operand *args, uint32_t arg_count, const wendi_selection *rows,
                               wendi_operand *out);
wend_status wendi_compute_logic(const wendi_frame *frame, const wendi_expr *expr, const wendi_selection *rows,
                                wendi_operand *out);
wend_status wendi_compute_choice(const wendi_frame *frame, const wendi_expr *expr, const wendi_selection *rows,
                                 wendi_operand *out);
wend_status wendi_compute_in(const wendi_frame *frame, const wendi_expr *expr, const wendi_selection *rows,
                             wendi_operand *out);
/** Rows for which `expr` is true (filter_out may be rows' own array). */
wend_status wendi_filter_rows(const wendi_frame *frame, const wendi_expr *expr, const wendi_selection *rows,
                              uint32_t *indices_out, uint32_t *count_out);

/** Is `expr` a function of one column that is a dictionary in this batch? */
bool wendi_by_dictionary(const wendi_frame *frame, const wendi_expr *expr, const wendi_selection *rows);
wend_status wendi_compute_by_dictionary(const wendi_frame *frame, const wendi_expr *expr, const wendi_selection *rows,
                                        wendi_operand *out);
wend_status wendi_filter_by_dictionary(const wendi_frame *frame, const wendi_expr *expr, const wendi_selection *rows,
                                       uint32_t *indices_out, uint32_t *count_out);
void wendi_memo_free(wendi_memo *memo);

/** The compiled form of an extended regular expression, kept by the evaluator. */
wend_status wendi_pattern_compiled(const wendi_call *call, wendi_string text, bool ignore_case, const regex_t **regex);

static inline uint32_t wendi_row_at(const wendi_selection *rows, uint32_t k)
{
    return rows->indices == NULL ? k : rows->indices[k];
}

#endif
