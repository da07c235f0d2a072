/*
 * The one pass over a stream's values that all size estimates draw on: bounds, divisor, runs, the
 * common value, and per vector the widths of offsets and steps, where stream_sample.h says they may pay.
 *
 * Sorted by user, most columns are runs of a few rows at least. Of those the runs alone are looked at, which say the
 * same about every vector as its rows would.
 *
 * Streams inside a stream (run values, run lengths, exceptions) are analysed the same way, once and one
 * level deep. All memory is in the scratch, allocated once and large enough for a page.
 */
#include "format/codec/codec.h"

#include "engine/base/alloc.h"
#include "format/codec/bit_string.h"
#include "format/codec/stream_sample.h"

enum { SUB_INPUTS = 4, RUNS_MIN_LENGTH = 2, SAMPLE_VALUES = 512, SAMPLE_SLOTS = 1024 };

/** Arrays for one input: quotients and vector statistics. */
typedef struct input_memory {
    wendi_stream_input input;
    uint64_t quotients[WENDI_STREAM_VALUES_MAX];
    wendi_vector_statistics vectors[WENDI_STREAM_VECTORS_MAX];
} input_memory;

struct wendi_stream_scratch {
    input_memory inputs[SUB_INPUTS]; /* the stream, run values, run lengths, exceptions */
    int64_t values[WENDI_STREAM_VALUES_MAX]; /* of codes */
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

static uint64_t greatest_common_divisor(uint64_t a, uint64_t b)
{
    while (b != 0) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/** What exact division by odd << shift takes: see the kernels. */
typedef struct exact_divisor {
    uint64_t divisor;
    uint64_t inverse; /* of the odd part, mod 2^64 */
    unsigned shift;
} exact_divisor;

static exact_divisor exact_divisor_of(uint64_t divisor)
{
    exact_divisor exact = {.divisor = divisor, .shift = (unsigned)__builtin_ctzll(divisor)};
    const uint64_t odd = divisor >> exact.shift;
    exact.inverse = odd; /* right in three bits; each step of Newton's doubles them */
    for (unsigned right = 3; right < 64; right *= 2) {
        exact.inverse *= 2 - odd * exact.inverse;
    }
    return exact;
}

/* The greatest divisor of all differences. Spans beyond 63 bits would wrap when steps are taken: 1 then. */
static exact_divisor common_divisor(const int64_t *values, uint32_t count, uint64_t min, uint64_t span)
{
    const wendi_kernels *kernels = wendi_kernels_get();
    if (span == 0 || span > INT64_MAX) {
        return exact_divisor_of(1);
    }
    exact_divisor exact = exact_divisor_of(span);
    for (uint32_t i = 0; i < count && exact.divisor != 1; i++) {
        i += (uint32_t)kernels->indivisible_u64((const uint64_t *)values + i, count - i, min, exact.inverse, exact.shift,
                                                UINT64_MAX / exact.divisor);
        if (i < count) {
            exact = exact_divisor_of(greatest_common_divisor(exact.divisor, (uint64_t)values[i] - min));
        }
    }
    return exact;
}

/* Count the widths that the codecs draw on, as far as the sample says that they may pay. */
static void count_widths(const wendi_stream_input *input, uint32_t v)
{
    const wendi_kernels *kernels = wendi_kernels_get();
    const uint64_t *quotients = input->quotients + (size_t)v * WENDI_VECTOR_ROWS;
    wendi_vector_statistics *vector = &input->vectors[v];
    if (input->has_offsets) {
        kernels->offset_widths_u64(quotients, vector->count, vector->min, vector->offset_bits);
    }
    if (input->has_steps) {
        vector->step_bits[0]++; /* The first value has no step inside the vector. */
        kernels->step_widths_u64(quotients, vector->count, vector->step_bits);
    }
    if (input->has_rises) {
        vector->rise_bits[0]++;
        kernels->rise_widths_u64(quotients, vector->count, wendi_low_bits(input->quotient_bits), vector->rise_bits);
    }
}

static const wendi_stream_input *analyse(input_memory *memory, const int64_t *values, uint32_t count, bool nested)
{
    const wendi_kernels *kernels = wendi_kernels_get();
    wendi_stream_input *input = &memory->input;
    *input = (wendi_stream_input){.values = values, .quotients = memory->quotients, .space = memory->quotients,
                                  .count = count, .nested = nested, .vectors = memory->vectors};
    kernels->min_max_i64(values, count, &input->min, &input->max);
    const uint64_t span = (uint64_t)input->max - (uint64_t)input->min;
    const exact_divisor exact = common_divisor(values, count, (uint64_t)input->min, span);
    input->divisor = exact.divisor;
    input->quotient_bits = (uint8_t)wendi_bit_width(span / exact.divisor);
    input->vector_count = (count + WENDI_VECTOR_ROWS - 1) / WENDI_VECTOR_ROWS;
    kernels->divide_exactly_u64((const uint64_t *)values, count, (uint64_t)input->min, exact.inverse, exact.shift,
                                memory->quotients);
    for (uint32_t v = 0; v < input->vector_count; v++) {
        const uint64_t *quotients = memory->quotients + (size_t)v * WENDI_VECTOR_ROWS;
        wendi_vector_statistics *vector = &memory->vectors[v];
        const uint32_t left = count - v * WENDI_VECTOR_ROWS;
        *vector = (wendi_vector_statistics){.first = quotients[0],
                                            .count = left < WENDI_VECTOR_ROWS ? left : WENDI_VECTOR_ROWS};
        kernels->step_bounds_u64(quotients, vector->count, &vector->min, &vector->max, &vector->step_min,
                                 &vector->step_max);
        if (vector->count == 1) {
            vector->step_min = vector->step_max = 0;
        }
    }
    wendi_stream_sample(input);
    for (uint32_t v = 0; v < input->vector_count; v++) {
        count_widths(input, v);
    }
    return input;
}

/* Ends become lengths. */
static void take_lengths(wendi_stream_scratch *scratch, size_t run)
{
    while (--run > 0) {
        scratch->run_lengths[run] -= scratch->run_lengths[run - 1];
    }
}

static void analyse_runs(wendi_stream_scratch *scratch, wendi_stream_input *input, uint32_t run_count)
{
    input->run_count = run_count;
    input->run_values = analyse(&scratch->inputs[1], scratch->run_values, run_count, true);
    input->run_lengths = analyse(&scratch->inputs[2], scratch->run_lengths, run_count, true);
}

/* A run's number for each of its rows. */
static void spread(const wendi_stream_input *lengths, const uint64_t *numbers, uint64_t *rows)
{
    for (uint32_t run = 0; run < lengths->count; run++) {
        const uint64_t number = numbers[run];
        for (uint64_t *end = rows + lengths->values[run]; rows < end; rows++) {
            *rows = number;
        }
    }
}

const int64_t *wendi_stream_values(const wendi_stream_input *input)
{
    if (input->values != NULL) {
        return input->values;
    }
    spread(input->run_lengths, (const uint64_t *)input->run_values->values, input->space);
    return (const int64_t *)input->space;
}

const uint64_t *wendi_stream_quotients(const wendi_stream_input *input)
{
    if (input->quotients != NULL) {
        return input->quotients;
    }
    spread(input->run_lengths, input->run_values->quotients, input->space);
    return input->space;
}

/** Where a walk through the rows by runs stands. */
typedef struct run_walk {
    const uint64_t *quotients; /* of the runs */
    const int64_t *lengths;
    uint32_t run_count;
    uint32_t run;
    uint32_t end; /* row behind the run */
} run_walk;

static void next_run(run_walk *walk)
{
    if (++walk->run < walk->run_count) {
        walk->end += (uint32_t)walk->lengths[walk->run];
    }
}

/* Statistics of the vector of rows first..end-1, the first of which is of the walk's run. */
static void vector_by_runs(run_walk *walk, uint32_t first, uint32_t end, wendi_vector_statistics *vector)
{
    uint64_t before = walk->quotients[walk->run];
    bool repeats = false;
    *vector = (wendi_vector_statistics){.first = before, .min = before, .max = before, .count = end - first,
                                        .step_min = INT64_MAX, .step_max = INT64_MIN};
    for (uint32_t at = first;;) {
        const uint32_t stop = walk->end < end ? walk->end : end;
        repeats |= stop - at > 1;
        at = stop;
        if (walk->end == stop) {
            next_run(walk);
        }
        if (at == end) {
            break;
        }
        const uint64_t now = walk->quotients[walk->run];
        const int64_t step = (int64_t)(now - before);
        vector->min = now < vector->min ? now : vector->min;
        vector->max = now > vector->max ? now : vector->max;
        vector->step_min = step < vector->step_min ? step : vector->step_min;
        vector->step_max = step > vector->step_max ? step : vector->step_max;
        before = now;
    }
    if (repeats || vector->count == 1) {
        vector->step_min = vector->step_min < 0 ? vector->step_min : 0;
        vector->step_max = vector->step_max > 0 ? vector->step_max : 0;
    }
}

/* The statistics of `count` rows whose runs were collected. */
static void analyse_by_runs(wendi_stream_scratch *scratch, uint32_t run_count, uint32_t count)
{
    wendi_stream_input *input = &scratch->inputs[0].input;
    *input = (wendi_stream_input){.space = scratch->inputs[0].quotients, .count = count,
                                  .vectors = scratch->inputs[0].vectors,
                                  .vector_count = (count + WENDI_VECTOR_ROWS - 1) / WENDI_VECTOR_ROWS};
    take_lengths(scratch, run_count);
    analyse_runs(scratch, input, run_count);
    input->min = input->run_values->min;
    input->max = input->run_values->max;
    input->divisor = input->run_values->divisor;
    input->quotient_bits = input->run_values->quotient_bits;
    run_walk walk = {.quotients = input->run_values->quotients, .lengths = scratch->run_lengths,
                     .run_count = run_count, .end = (uint32_t)scratch->run_lengths[0]};
    for (uint32_t v = 0; v < input->vector_count; v++) {
        const uint32_t first = v * WENDI_VECTOR_ROWS;
        const uint32_t left = count - first;
        vector_by_runs(&walk, first, first + (left < WENDI_VECTOR_ROWS ? left : WENDI_VECTOR_ROWS), &input->vectors[v]);
    }
}

/* Values of `sample` rows that are spread over all of them. */
static void sample_values(const wendi_stream_input *input, uint32_t sample, int64_t *values)
{
    if (input->values != NULL) {
        for (uint32_t i = 0; i < sample; i++) {
            values[i] = input->values[(uint64_t)i * input->count / sample];
        }
        return;
    }
    uint32_t run = 0;
    uint64_t end = (uint64_t)input->run_lengths->values[0];
    for (uint32_t i = 0; i < sample; i++) {
        const uint64_t row = (uint64_t)i * input->count / sample;
        while (row >= end) {
            end += (uint64_t)input->run_lengths->values[++run];
        }
        values[i] = input->run_values->values[run];
    }
}

/*
 * The most frequent value of a sample, or any of a few that are about as frequent. It is taken where it makes up a
 * twentieth of the rows, which the sample hardly misses.
 */
static int64_t frequent_value(const wendi_stream_input *input)
{
    struct {
        int64_t value;
        uint32_t hits;
    } slots[SAMPLE_SLOTS] = {{0, 0}};
    int64_t values[SAMPLE_VALUES];
    const uint32_t sample = input->count < SAMPLE_VALUES ? input->count : SAMPLE_VALUES;
    uint32_t best = 0;
    sample_values(input, sample, values);
    int64_t frequent = 0;
    for (uint32_t i = 0; i < sample; i++) {
        const int64_t value = values[i];
        uint32_t at = (uint32_t)((uint64_t)value * UINT64_C(0x9e3779b97f4a7c15) >> 32) % SAMPLE_SLOTS;
        while (slots[at].hits != 0 && slots[at].value != value) {
            at = (at + 1) % SAMPLE_SLOTS;
        }
        slots[at].value = value;
        if (++slots[at].hits > best) {
            best = slots[at].hits;
            frequent = value;
        }
    }
    return frequent;
}

/* How many rows have the value. */
static uint32_t count_equal(const wendi_stream_input *input, int64_t value)
{
    uint64_t equal = 0;
    if (input->values != NULL) {
        return (uint32_t)wendi_kernels_get()->equal_u64((const uint64_t *)input->values, input->count, (uint64_t)value);
    }
    for (uint32_t run = 0; run < input->run_count; run++) {
        equal += input->run_values->values[run] == value ? (uint64_t)input->run_lengths->values[run] : 0;
    }
    return (uint32_t)equal;
}

/* Bits that FOR takes for a row, in sum over the page. */
static uint64_t packed_bits(const wendi_stream_input *input)
{
    uint64_t bits = 0;
    for (uint32_t v = 0; v < input->vector_count; v++) {
        bits += (uint64_t)wendi_bit_width(input->vectors[v].max - input->vectors[v].min) * input->vectors[v].count;
    }
    return bits;
}

/*
 * Taking the common value out saves its packed bits, more or less, for a bit a row or 16 an exception. Among long runs
 * only rare exceptions pay.
 */
static bool exceptions_may_pay(const wendi_stream_input *input, uint32_t equal)
{
    if (equal < input->count / 20 || equal == input->count) {
        return false;
    }
    return equal >= input->count / 4 * 3 ||
           (input->run_count > input->count / 16 &&
            packed_bits(input) / input->count * equal >= input->count / 8 * 7);
}

static void collect_exceptions(wendi_stream_scratch *scratch, const wendi_stream_input *input)
{
    uint32_t found = 0;
    if (input->values != NULL) {
        for (uint32_t i = 0; i < input->count; i++) {
            scratch->exceptions[found] = input->values[i];
            scratch->exception_positions[found] = (uint16_t)i;
            found += input->values[i] != input->common;
        }
        return;
    }
    uint32_t row = 0;
    for (uint32_t run = 0; run < input->run_count; run++) {
        const int64_t value = input->run_values->values[run];
        const uint32_t end = row + (uint32_t)input->run_lengths->values[run];
        for (; value != input->common && row < end; row++) {
            scratch->exceptions[found] = value;
            scratch->exception_positions[found++] = (uint16_t)row;
        }
        row = end;
    }
}

static const wendi_stream_input *analyse_exceptions(wendi_stream_scratch *scratch)
{
    wendi_stream_input *input = &scratch->inputs[0].input;
    if (input->min == input->max) {
        return input;
    }
    input->common = frequent_value(input);
    const uint32_t equal = count_equal(input, input->common);
    if (exceptions_may_pay(input, equal)) {
        const uint32_t others = input->count - equal;
        collect_exceptions(scratch, input);
        input->exceptions = analyse(&scratch->inputs[3], scratch->exceptions, others, true);
        input->exception_positions = others <= input->count / 4 ? scratch->exception_positions : NULL;
    }
    return input;
}

static const wendi_stream_input *analyse_rows(wendi_stream_scratch *scratch, const int64_t *values, uint32_t count,
                                              uint32_t run_count)
{
    wendi_stream_input *input = &scratch->inputs[0].input;
    analyse(&scratch->inputs[0], values, count, false);
    input->run_count = run_count;
    if (input->min != input->max && run_count <= count / RUNS_MIN_LENGTH) {
        (void)wendi_kernels_get()->collect_runs_u64((const uint64_t *)values, count, (uint64_t *)scratch->run_values,
                                                    (uint64_t *)scratch->run_lengths);
        take_lengths(scratch, run_count);
        analyse_runs(scratch, input, run_count);
    }
    return analyse_exceptions(scratch);
}

const wendi_stream_input *wendi_stream_analyse(wendi_stream_scratch *scratch, const int64_t *values, uint32_t count)
{
    const wendi_kernels *kernels = wendi_kernels_get();
    const uint32_t run_count = (uint32_t)kernels->changes_u64((const uint64_t *)values, count) + 1;
    if (!wendi_stream_long_runs(run_count, count)) {
        return analyse_rows(scratch, values, count, run_count);
    }
    (void)kernels->collect_runs_u64((const uint64_t *)values, count, (uint64_t *)scratch->run_values,
                                    (uint64_t *)scratch->run_lengths);
    analyse_by_runs(scratch, run_count, count);
    return analyse_exceptions(scratch);
}

const wendi_stream_input *wendi_stream_analyse_codes(wendi_stream_scratch *scratch, const uint32_t *codes,
                                                     uint32_t count)
{
    const wendi_kernels *kernels = wendi_kernels_get();
    const uint32_t run_count = (uint32_t)kernels->changes_u32(codes, count) + 1;
    if (!wendi_stream_long_runs(run_count, count)) {
        kernels->widen_u32(codes, count, (uint64_t *)scratch->values);
        return analyse_rows(scratch, scratch->values, count, run_count);
    }
    (void)kernels->collect_runs_u32(codes, count, (uint64_t *)scratch->run_values, (uint64_t *)scratch->run_lengths);
    analyse_by_runs(scratch, run_count, count);
    return analyse_exceptions(scratch);
}
