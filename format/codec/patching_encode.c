/*
 * Patched codecs, encoding: the width of each vector that makes it smallest, the exact size that
 * gives, and the bytes. size and encode both go through make_plan(), so they cannot disagree. Body, see
 * docs/FORMAT.md:
 *   reference u64, divisor u64, base bytes, bits of a quotient, 6 zeros, then widths, bits of upper parts,
 *   counts of upper parts, bases; per vector where its upper parts belong and they themselves; padding to 8;
 *   packed vectors.
 */
#include "format/codec/patching.h"

#include "format/codec/bit_string.h"
#include "format/codec/packing.h"

enum { FIXED_BYTES = 24, ARRAY_BYTES = 4 /* of a vector, besides its base */ };

typedef struct patch_plan {
    uint8_t widths[WENDI_STREAM_VECTORS_MAX];
    uint8_t upper_bits[WENDI_STREAM_VECTORS_MAX];
    uint16_t upper_counts[WENDI_STREAM_VECTORS_MAX];
    uint32_t upper_count; /* in all vectors */
    uint8_t base_bytes;
    size_t fixed_bytes; /* before the packed vectors, padded */
    size_t bytes;
} patch_plan;

static uint64_t base_of(wendi_patching patching, const wendi_vector_statistics *vector)
{
    return patching.rises ? vector->first : vector->min;
}

/* Choose the vector's width; returns the bytes of its upper parts, and adds what is packed to *packed. */
static size_t plan_vector(wendi_patching patching, const wendi_vector_statistics *vector, patch_plan *plan,
                          uint32_t v, size_t *packed)
{
    const uint16_t *bits = patching.rises ? vector->rise_bits : vector->offset_bits;
    unsigned widest = 64;
    uint32_t above = 0;
    size_t best_upper = 0;
    while (widest > 0 && bits[widest] == 0) {
        widest--;
    }
    size_t best_packed = wendi_packed_bytes(vector->count, widest);
    plan->widths[v] = (uint8_t)widest;
    plan->upper_bits[v] = 0;
    plan->upper_counts[v] = 0;
    for (unsigned width = widest; width-- > 0;) {
        above += bits[width + 1];
        size_t upper = wendi_patch_list_bytes(above, vector->count) + wendi_bit_string_bytes(above, widest - width);
        size_t bytes = wendi_packed_bytes(vector->count, width);
        if (bytes + upper < best_packed + best_upper) {
            best_packed = bytes;
            best_upper = upper;
            plan->widths[v] = (uint8_t)width;
            plan->upper_bits[v] = (uint8_t)(widest - width);
            plan->upper_counts[v] = (uint16_t)above;
        }
    }
    *packed += best_packed;
    return best_upper;
}

static patch_plan make_plan(wendi_patching patching, const wendi_stream_input *input)
{
    patch_plan plan = {.upper_count = 0};
    uint64_t base_max = 0;
    size_t packed = 0;
    size_t fixed = FIXED_BYTES;
    for (uint32_t v = 0; v < input->vector_count; v++) {
        const uint64_t base = base_of(patching, &input->vectors[v]);
        base_max = base > base_max ? base : base_max;
        fixed += plan_vector(patching, &input->vectors[v], &plan, v, &packed);
        plan.upper_count += plan.upper_counts[v];
    }
    plan.base_bytes = (uint8_t)((wendi_bit_width(base_max) + 7) / 8);
    fixed += (size_t)input->vector_count * (ARRAY_BYTES + plan.base_bytes);
    plan.fixed_bytes = (fixed + 7) / 8 * 8;
    plan.bytes = plan.fixed_bytes + packed;
    return plan;
}

/* Without upper parts, offsets are FOR's; rises still differ from DELTA's steps. A constant has no bits to wrap at. */
size_t wendi_patching_size(wendi_patching patching, const wendi_stream_input *input)
{
    if (patching.rises ? !input->has_rises : !input->has_offsets) {
        return SIZE_MAX;
    }
    patch_plan plan = make_plan(patching, input);
    return !patching.rises && plan.upper_count == 0 ? SIZE_MAX : plan.bytes;
}

static uint8_t *store_arrays(wendi_patching patching, const wendi_stream_input *input, const patch_plan *plan,
                             uint8_t *at)
{
    at = wendi_store_bytes(at, (uint64_t)input->min, 8);
    at = wendi_store_bytes(at, input->divisor, 8);
    at = wendi_store_bytes(at, plan->base_bytes, 1);
    at = wendi_store_bytes(at, patching.rises ? input->quotient_bits : 0, 7);
    memcpy(at, plan->widths, input->vector_count);
    at += input->vector_count;
    memcpy(at, plan->upper_bits, input->vector_count);
    at += input->vector_count;
    for (uint32_t v = 0; v < input->vector_count; v++) {
        at = wendi_store_bytes(at, plan->upper_counts[v], 2);
    }
    for (uint32_t v = 0; v < input->vector_count; v++) {
        at = wendi_store_bytes(at, base_of(patching, &input->vectors[v]), plan->base_bytes);
    }
    return at;
}

/* The numbers of vector v, 1024 of them (zeros behind the last). */
static void numbers_of(wendi_patching patching, const wendi_stream_input *input, uint32_t v, uint64_t *numbers)
{
    const wendi_vector_statistics *vector = &input->vectors[v];
    const uint64_t *quotients = wendi_stream_quotients(input) + (size_t)v * WENDI_VECTOR_ROWS;
    const uint32_t count = vector->count;
    if (patching.rises) {
        const uint64_t mask = wendi_low_bits(input->quotient_bits);
        numbers[0] = 0;
        for (uint32_t i = 1; i < count; i++) {
            numbers[i] = (quotients[i] - quotients[i - 1]) & mask;
        }
    } else {
        const uint64_t min = vector->min;
        for (uint32_t i = 0; i < count; i++) {
            numbers[i] = quotients[i] - min;
        }
    }
    memset(numbers + count, 0, (WENDI_VECTOR_ROWS - count) * sizeof *numbers);
}

/*
 * Cut the upper parts off the numbers of vector v and store them; returns the place behind them. What is found is
 * written over until the next is, so that no branch waits for the numbers.
 */
static uint8_t *take_uppers(const patch_plan *plan, uint32_t v, uint32_t rows, uint64_t *numbers, uint8_t *at)
{
    const unsigned width = plan->widths[v];
    const uint32_t count = plan->upper_counts[v];
    const uint64_t mask = wendi_low_bits(width);
    uint64_t uppers[WENDI_VECTOR_ROWS + 1];
    uint16_t positions[WENDI_VECTOR_ROWS + 1];
    uint32_t found = 0;
    if (count == 0) {
        return at;
    }
    for (uint32_t i = 0; i < rows; i++) {
        const uint64_t upper = numbers[i] >> width; /* The width is below 64 where there are upper parts. */
        uppers[found] = upper;
        positions[found] = (uint16_t)i;
        found += upper != 0;
        numbers[i] &= mask;
    }
    WEND_REQUIRE(found == count);
    if (wendi_patch_is_list(count, rows)) {
        for (uint32_t i = 0; i < count; i++) {
            wendi_store_u16(at + (size_t)i * 2, positions[i]);
        }
    } else {
        for (uint32_t i = 0; i < count; i++) {
            at[positions[i] / 8] = (uint8_t)(at[positions[i] / 8] | 1u << (positions[i] % 8));
        }
    }
    return wendi_bit_string_write(uppers, count, plan->upper_bits[v], at + wendi_patch_list_bytes(count, rows));
}

wend_status wendi_patching_encode(wendi_patching patching, const wendi_stream_input *input, wendi_buffer *out)
{
    patch_plan plan = make_plan(patching, input);
    size_t begin = out->length;
    _Alignas(64) uint64_t numbers[WENDI_VECTOR_ROWS];
    wend_status status = wendi_buffer_append_zero(out, plan.bytes);
    if (status != WEND_OK) {
        return status;
    }
    uint8_t *upper = store_arrays(patching, input, &plan, out->data + begin);
    uint8_t *packed = out->data + begin + plan.fixed_bytes;
    for (uint32_t v = 0; v < input->vector_count; v++) {
        const uint32_t rows = input->vectors[v].count;
        numbers_of(patching, input, v, numbers);
        upper = take_uppers(&plan, v, rows, numbers, upper);
        packed = wendi_pack_vector(numbers, rows, plan.widths[v], packed);
    }
    WEND_REQUIRE(packed == out->data + begin + plan.bytes && upper <= out->data + begin + plan.fixed_bytes);
    return WEND_OK;
}
