/**
 * Loops of kernels over two operands of which one may be a constant. The three shapes are written
 * out so that the compiler sees plain arrays and turns the dense ones into vector instructions.
 *
 * Including files are compiled for speed: these loops are most of what a filter or a projection costs.
 */
#ifndef WENDI_EXPR_KERNEL_LOOPS_H
#define WENDI_EXPR_KERNEL_LOOPS_H

#if defined(__GNUC__) && !defined(__clang__) && defined(__OPTIMIZE__)
#pragma GCC optimize("O3")
#endif

#include "engine/expr/function.h"

/** BODY(row, index of a, index of b) for every row of the call. */
#define WENDI_LOOP_2(call, BODY)                                                                   \
    do {                                                                                           \
        const uint32_t loop_count = (call)->rows.count;                                            \
        const uint32_t *const loop_rows = (call)->rows.indices;                                    \
        const bool a_one = (call)->args[0].form == WENDI_FORM_CONSTANT;                            \
        const bool b_one = (call)->args[1].form == WENDI_FORM_CONSTANT;                            \
        if (loop_rows == NULL && !a_one && !b_one) {                                               \
            for (uint32_t row = 0; row < loop_count; row++) {                                      \
                BODY(row, row, row)                                                                \
            }                                                                                      \
        } else if (loop_rows == NULL && !a_one) {                                                  \
            for (uint32_t row = 0; row < loop_count; row++) {                                      \
                BODY(row, row, 0)                                                                  \
            }                                                                                      \
        } else if (loop_rows == NULL && !b_one) {                                                  \
            for (uint32_t row = 0; row < loop_count; row++) {                                      \
                BODY(row, 0, row)                                                                  \
            }                                                                                      \
        } else {                                                                                   \
            for (uint32_t k = 0; k < loop_count; k++) {                                            \
                const uint32_t row = loop_rows == NULL ? k : loop_rows[k];                         \
                BODY(row, a_one ? 0 : row, b_one ? 0 : row)                                        \
            }                                                                                      \
        }                                                                                          \
    } while (0)

/** BODY(row, index of a) for every row of the call. */
#define WENDI_LOOP_1(call, BODY)                                                                   \
    do {                                                                                           \
        const uint32_t loop_count = (call)->rows.count;                                            \
        const uint32_t *const loop_rows = (call)->rows.indices;                                    \
        if (loop_rows == NULL) {                                                                   \
            for (uint32_t row = 0; row < loop_count; row++) {                                      \
                BODY(row)                                                                          \
            }                                                                                      \
        } else {                                                                                   \
            for (uint32_t k = 0; k < loop_count; k++) {                                            \
                const uint32_t row = loop_rows[k];                                                 \
                BODY(row)                                                                          \
            }                                                                                      \
        }                                                                                          \
    } while (0)

#endif
