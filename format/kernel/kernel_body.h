/*
 * The text of all kernels; included once by each table_<isa>.c, which is compiled with that set's
 * flags. See kernels.h for what each one means and for the packed layout.
 *
 * Plain loops over fixed lanes, so that the compiler finds the vectors. Where a benchmark
 * (bench/bench_kernel.c) shows that it does not, the loop has a twin in intrinsics under #if; every
 * such block has the plain one in its #else, and table_scalar.c sets WENDI_KERNEL_PLAIN to take
 * only those.
 */
#include "format/kernel/kernel_vector.h"
#include "format/kernel/kernel_pack.h"
#include "format/kernel/kernel_sequence.h"
#include "format/kernel/kernel_select.h"
#include "format/kernel/kernel_bitmap.h"
#include "format/kernel/kernel_convert.h"
#include "format/kernel/kernel_patch.h"
#include "format/kernel/kernel_statistics.h"
#include "format/kernel/kernel_predict.h"

#define WENDI_KERNEL_TABLE(symbol, isa)                                                           \
    const wendi_kernels symbol = {                                                                \
        .name = isa,                                                                              \
        .pack_u64 = pack_u64,                                                                     \
        .unpack_u64 = unpack_u64,                                                                 \
        .unpack_u32 = unpack_u32,                                                                 \
        .unpack_u16 = unpack_u16,                                                                 \
        .unpack_u8 = unpack_u8,                                                                   \
        .unpack_steps_u64 = unpack_steps_u64,                                                     \
        .unpack_steps_u32 = unpack_steps_u32,                                                     \
        .multiply_add_u64 = multiply_add_u64,                                                     \
        .multiply_add_u32 = multiply_add_u32,                                                     \
        .unzigzag_u64 = unzigzag_u64,                                                             \
        .unzigzag_u32 = unzigzag_u32,                                                             \
        .prefix_sum_u64 = prefix_sum_u64,                                                         \
        .prefix_sum_u32 = prefix_sum_u32,                                                         \
        .fill_u64 = fill_u64,                                                                     \
        .fill_u32 = fill_u32,                                                                     \
        .expand_runs_u64 = expand_runs_u64,                                                       \
        .expand_runs_u32 = expand_runs_u32,                                                       \
        .min_max_i64 = min_max_i64,                                                               \
        .min_max_present_i64 = min_max_present_i64,                                               \
        .max_u32 = max_u32,                                                                       \
        .changes_u64 = changes_u64,                                                               \
        .changes_u32 = changes_u32,                                                               \
        .widen_u32 = widen_u32,                                                                   \
        .add_lane_u32 = add_lane_u32,                                                             \
        .take_lane_u32 = take_lane_u32,                                                           \
        .decimal_f64 = decimal_f64,                                                               \
        .float_bits_f64 = float_bits_f64,                                                         \
        .join_b16 = join_b16,                                                                     \
        .expand_nulls_u64 = expand_nulls_u64,                                                     \
        .wrap_multiply_add_u64 = wrap_multiply_add_u64,                                           \
        .wrap_multiply_add_u32 = wrap_multiply_add_u32,                                           \
        .expand_masked_u64 = expand_masked_u64,                                                   \
        .expand_masked_u32 = expand_masked_u32,                                                   \
        .unpack_string_u64 = unpack_string_u64,                                                   \
        .unpack_string_u32 = unpack_string_u32,                                                   \
        .add_masked_u64 = add_masked_u64,                                                         \
        .add_masked_u32 = add_masked_u32,                                                         \
        .join_uuid4 = join_uuid4,                                                                 \
        .pair_keys_u32 = pair_keys_u32,                                                           \
        .offset_codes_u32 = offset_codes_u32,                                                     \
        .predict_u32 = predict_u32,                                                               \
        .predict_u64 = predict_u64,                                                               \
        .numbers_to_values_u64 = numbers_to_values_u64,                                           \
        .step_bounds_u64 = step_bounds_u64,                                                       \
        .offset_widths_u64 = offset_widths_u64,                                                   \
        .step_widths_u64 = step_widths_u64,                                                       \
        .rise_widths_u64 = rise_widths_u64,                                                       \
        .equal_u64 = equal_u64,                                                                   \
        .collect_runs_u64 = collect_runs_u64,                                                     \
        .collect_runs_u32 = collect_runs_u32,                                                     \
        .code_bounds_u32 = code_bounds_u32,                                                       \
        .code_mask_u32 = code_mask_u32,                                                           \
        .indivisible_u64 = indivisible_u64,                                                       \
        .divide_exactly_u64 = divide_exactly_u64,                                                 \
        .select_range_u8 = select_range_u8,                                                       \
        .select_range_u16 = select_range_u16,                                                     \
        .select_range_u32 = select_range_u32,                                                     \
        .select_range_i64 = select_range_i64,                                                     \
        .select_set_u8 = select_set_u8,                                                           \
        .select_set_u16 = select_set_u16,                                                         \
        .select_set_u32 = select_set_u32,                                                         \
        .bitmap_and = bitmap_and,                                                                 \
        .bitmap_or = bitmap_or,                                                                   \
        .bitmap_and_not = bitmap_and_not,                                                         \
        .bitmap_spread = bitmap_spread,                                                           \
        .bitmap_count = bitmap_count,                                                             \
        .bitmap_rows_u16 = bitmap_rows_u16,                                                       \
        .bitmap_rows_u32 = bitmap_rows_u32,                                                       \
        .histogram_u8 = histogram_u8,                                                             \
    }
