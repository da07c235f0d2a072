/*
 * The one pass over a stream's values that all size estimates draw on: bounds, divisor, runs, the
 * common value, and per vector the widths of offsets and steps.
 *
 * Streams inside a stream (run values, run lengths, exceptions) are analysed the same way, once and one
 * level deep. All memory is in the scratch, allocated once and large enough for a page.
 */
#include "format/codec/codec.h"

#include "engine/base/alloc.h"

enum { SUB_INPUTS = 4, RUNS_MIN_LENGTH = 2 };

/** Arrays for one input: quotients and vector statistics. */
typedef struct input_memory {
    wendi_stream_input input;
    uint64_t quotients[WENDI_STREAM_VALUES_MAX];
    wendi_vector_statistics vectors[WENDI_STREAM_VECTORS_MAX];
} input_memory;

struct wendi_stream_scratch {
    input_memory inputs[SUB_INPUTS]; /* the stream, run values, run lengths, exceptions */
    int64_t run_values[WENDI_STREAM_VALUES_MAX];
    int64_t run_lengths[WENDI_STREAM_VALUES_MAX];
    int64_t exceptions[WENDI_STREAM_VALUES_MAX];
    uint16_t exception_positions[WENDI_STREAM_VALUES_MAX];
};

wend_status wendi_stream_scratch_new(wendi_stream_scratch **scratch_out)
{
    *scratch_out = wendi_alloc_aligned(64, sizeof **scratch_out);
    return *scratch_out == NULL ? WEND_NOMEM : WEND_OK;
}

void wendi_stream_scratch_free(wendi_stream_scratch *scratch)
{
    wendi_free(scratch);
}

static unsigned bit_width(uint64_t value)
{
    return value == 0 ? 0 : 64 - (unsigned)__builtin_clzll(value);
}

static uint64_t greatest_common_divisor(uint64_t a, uint64_t b)
{
    while (b != 0) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* The greatest divisor of all differences. Spans beyond 63 bits would wrap when steps are taken: 1 then. */
static uint64_t common_divisor(const int64_t *values, uint32_t count, uint64_t min, uint64_t span)
{
    uint64_t divisor = span;
    if (span == 0 || span > INT64_MAX) {
        return 1;
    }
    for (uint32_t i = 0; i < count && divisor != 1; i++) {
        uint64_t difference = (uint64_t)values[i] - min;
        if (difference % divisor != 0) {
            divisor = greatest_common_divisor(divisor, difference);
        }
    }
    return divisor;
}

static void divide(const int64_t *values, uint32_t count, uint64_t min, uint64_t divisor, uint64_t *quotients)
{
    if (divisor == 1) {
        for (uint32_t i = 0; i < count; i++) {
            quotients[i] = (uint64_t)values[i] - min;
        }
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        quotients[i] = ((uint64_t)values[i] - min) / divisor;
    }
}

static void analyse_vector(const uint64_t *quotients, uint32_t count, wendi_vector_statistics *vector)
{
    uint64_t min = quotients[0];
    uint64_t max = quotients[0];
    for (uint32_t i = 1; i < count; i++) {
        min = quotients[i] < min ? quotients[i] : min;
        max = quotients[i] > max ? quotients[i] : max;
    }
    *vector = (wendi_vector_statistics){.first = quotients[0], .min = min, .max = max, .count = count};
    vector->offset_bits[bit_width(quotients[0] - min)]++;
    vector->step_bits[0]++; /* The first value has no step inside the vector. */
    if (count > 1) {
        vector->step_min = INT64_MAX;
        vector->step_max = INT64_MIN;
    }
    for (uint32_t i = 1; i < count; i++) {
        int64_t step = (int64_t)(quotients[i] - quotients[i - 1]);
        uint64_t zigzag = (uint64_t)step << 1 ^ (uint64_t)(step >> 63);
        vector->step_min = step < vector->step_min ? step : vector->step_min;
        vector->step_max = step > vector->step_max ? step : vector->step_max;
        vector->offset_bits[bit_width(quotients[i] - min)]++;
        vector->step_bits[bit_width(zigzag)]++;
    }
}

static const wendi_stream_input *analyse(input_memory *memory, const int64_t *values, uint32_t count, bool nested)
{
    const wendi_kernels *kernels = wendi_kernels_get();
    wendi_stream_input *input = &memory->input;
    *input = (wendi_stream_input){.values = values, .quotients = memory->quotients, .count = count, .nested = nested,
                                  .vectors = memory->vectors};
    kernels->min_max_i64(values, count, &input->min, &input->max);
    input->run_count = (uint32_t)kernels->changes_u64((const uint64_t *)values, count) + 1;
    input->divisor = common_divisor(values, count, (uint64_t)input->min, (uint64_t)input->max - (uint64_t)input->min);
    divide(values, count, (uint64_t)input->min, input->divisor, memory->quotients);
    input->vector_count = (count + WENDI_VECTOR_ROWS - 1) / WENDI_VECTOR_ROWS;
    for (uint32_t v = 0; v < input->vector_count; v++) {
        uint32_t first = v * WENDI_VECTOR_ROWS;
        uint32_t rows = count - first < WENDI_VECTOR_ROWS ? count - first : WENDI_VECTOR_ROWS;
        analyse_vector(memory->quotients + first, rows, &memory->vectors[v]);
    }
    return input;
}

static void collect_runs(wendi_stream_scratch *scratch, const int64_t *values, uint32_t count)
{
    uint32_t run = 0;
    uint32_t begin = 0;
    for (uint32_t i = 1; i <= count; i++) {
        if (i == count || values[i] != values[begin]) {
            scratch->run_values[run] = values[begin];
            scratch->run_lengths[run] = i - begin;
            run++;
            begin = i;
        }
    }
}

/* The value that more than half of the rows have, if there is one (Boyer and Moore's vote). */
static int64_t majority(const int64_t *values, uint32_t count)
{
    int64_t candidate = values[0];
    uint32_t votes = 0;
    for (uint32_t i = 0; i < count; i++) {
        candidate = votes == 0 ? values[i] : candidate;
        votes = values[i] == candidate ? votes + 1 : votes - 1;
    }
    return candidate;
}

static uint32_t collect_exceptions(wendi_stream_scratch *scratch, const int64_t *values, uint32_t count, int64_t common)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < count; i++) {
        scratch->exceptions[found] = values[i];
        scratch->exception_positions[found] = (uint16_t)i;
        found += values[i] != common;
        if (found > count / 4) {
            return count;
        }
    }
    return found;
}

const wendi_stream_input *wendi_stream_analyse(wendi_stream_scratch *scratch, const int64_t *values, uint32_t count)
{
    wendi_stream_input *input = &scratch->inputs[0].input;
    analyse(&scratch->inputs[0], values, count, false);
    if (input->min == input->max) {
        return input;
    }
    if (input->run_count <= count / RUNS_MIN_LENGTH) {
        collect_runs(scratch, values, count);
        input->run_values = analyse(&scratch->inputs[1], scratch->run_values, input->run_count, true);
        input->run_lengths = analyse(&scratch->inputs[2], scratch->run_lengths, input->run_count, true);
    }
    input->common = majority(values, count);
    uint32_t exceptions = collect_exceptions(scratch, values, count, input->common);
    if (exceptions > 0 && exceptions <= count / 4) {
        input->exceptions = analyse(&scratch->inputs[3], scratch->exceptions, exceptions, true);
        input->exception_positions = scratch->exception_positions;
    }
    return input;
}
