/*
 * Packed codecs, encoding: parameters of each vector, the exact size they give, and the bytes.
 *
 * size and encode both go through plan(), so they cannot disagree. Body, see docs/FORMAT.md:
 *   reference u64, divisor u64, step reference u64, base bytes, step bytes, exception bytes, 0,
 *   exception count u32, then widths, bases, steps, exception counts, positions, exception values,
 *   padding to 8, packed vectors.
 */
#include "format/codec/packing.h"

#include "format/codec/bit_string.h"

typedef struct packing_plan {
    uint8_t widths[WENDI_STREAM_VECTORS_MAX];
    uint16_t exceptions[WENDI_STREAM_VECTORS_MAX];
    int64_t step_reference;
    uint32_t exception_count;
    uint8_t base_bytes;
    uint8_t step_bytes;
    uint8_t exception_bytes;
    bool no_bases;      /* all bases are 0, and take no bytes */
    size_t fixed_bytes; /* before the packed vectors, padded */
    size_t bytes;
} packing_plan;

static uint8_t bytes_for(uint64_t value)
{
    return (uint8_t)((wendi_bit_width(value) + 7) / 8);
}

static unsigned widest(const uint16_t *bits)
{
    unsigned width = 64;
    while (width > 0 && bits[width] == 0) {
        width--;
    }
    return width;
}

/* The width that makes the vector smallest when each wider number costs a position and a value. */
static void best_width(const uint16_t *bits, uint32_t count, uint8_t exception_bytes, packing_plan *plan, uint32_t v)
{
    unsigned width = widest(bits);
    size_t best = wendi_packed_bytes(count, width);
    uint32_t above = 0;
    plan->widths[v] = (uint8_t)width;
    plan->exceptions[v] = 0;
    while (width > 0) {
        above += bits[width];
        width--;
        size_t bytes = wendi_packed_bytes(count, width) + above * (size_t)(2 + exception_bytes);
        if (bytes < best) {
            best = bytes;
            plan->widths[v] = (uint8_t)width;
            plan->exceptions[v] = (uint16_t)above;
        }
    }
}

static const uint16_t *bits_of(wendi_packing packing, const wendi_vector_statistics *vector)
{
    return packing.steps ? vector->step_bits : vector->offset_bits;
}

/* A vector without steps (one value) takes the reference, so that it does not widen the others. */
static int64_t step_base(const wendi_vector_statistics *vector, int64_t step_reference)
{
    return vector->count > 1 ? vector->step_min : step_reference;
}

static void plan_references(wendi_packing packing, const wendi_stream_input *input, packing_plan *plan)
{
    uint64_t base_max = 0;
    uint64_t step_base_max = 0;
    unsigned exception_bits = 0;
    plan->step_reference = input->vectors[0].step_min;
    for (uint32_t v = 1; v < input->vector_count; v++) {
        const wendi_vector_statistics *vector = &input->vectors[v];
        if (vector->count > 1 && vector->step_min < plan->step_reference) {
            plan->step_reference = vector->step_min;
        }
    }
    for (uint32_t v = 0; v < input->vector_count; v++) {
        const wendi_vector_statistics *vector = &input->vectors[v];
        uint64_t base = packing.steps ? vector->first : vector->min;
        uint64_t step = (uint64_t)step_base(vector, plan->step_reference) - (uint64_t)plan->step_reference;
        unsigned bits = widest(bits_of(packing, vector));
        base_max = base > base_max ? base : base_max;
        step_base_max = step > step_base_max ? step : step_base_max;
        exception_bits = bits > exception_bits ? bits : exception_bits;
    }
    plan->base_bytes = bytes_for(base_max);
    plan->exception_bytes = packing.patched ? (uint8_t)((exception_bits + 7) / 8) : 0;
    plan->step_bytes = packing.steps && !packing.patched ? bytes_for(step_base_max) : 0;
    if (!packing.steps || packing.patched) {
        plan->step_reference = 0;
    }
}

static void plan_vectors(wendi_packing packing, const wendi_stream_input *input, packing_plan *plan)
{
    size_t packed = 0;
    for (uint32_t v = 0; v < input->vector_count; v++) {
        const wendi_vector_statistics *vector = &input->vectors[v];
        if (packing.patched) {
            best_width(bits_of(packing, vector), vector->count, plan->exception_bytes, plan, v);
        } else if (packing.steps) {
            uint64_t range = (uint64_t)vector->step_max - (uint64_t)step_base(vector, vector->step_max);
            plan->widths[v] = (uint8_t)(vector->count > 1 ? wendi_bit_width(range) : 0);
        } else {
            plan->widths[v] = (uint8_t)wendi_bit_width(vector->max - (plan->no_bases ? 0 : vector->min));
        }
        plan->exception_count += plan->exceptions[v];
        packed += wendi_packed_bytes(vector->count, plan->widths[v]);
    }
    size_t fixed = 32 + (size_t)input->vector_count * (1 + plan->base_bytes + plan->step_bytes);
    if (packing.patched) {
        fixed += (size_t)input->vector_count * 2 + (size_t)plan->exception_count * (2 + plan->exception_bytes);
    }
    plan->fixed_bytes = (fixed + 7) / 8 * 8;
    plan->bytes = plan->fixed_bytes + packed;
}

static packing_plan make_plan(wendi_packing packing, const wendi_stream_input *input)
{
    packing_plan plan = {.exception_count = 0};
    plan_references(packing, input, &plan);
    plan_vectors(packing, input, &plan);
    if (!packing.steps && !packing.patched && plan.base_bytes > 0) {
        /* Where vectors spread as widely from zero, as random numbers do, bases are bytes for nothing. */
        packing_plan other = {.no_bases = true};
        plan_vectors(packing, input, &other);
        plan = other.bytes <= plan.bytes ? other : plan;
    }
    return plan;
}

size_t wendi_packing_size(wendi_packing packing, const wendi_stream_input *input)
{
    if (packing.patched && (packing.steps ? !input->has_steps : !input->has_offsets)) {
        return SIZE_MAX;
    }
    packing_plan plan = make_plan(packing, input);
    return packing.patched && plan.exception_count == 0 ? SIZE_MAX : plan.bytes;
}

/* The numbers of vector v that are to be packed, 1024 of them (zeros behind the last). */
static void numbers_of(wendi_packing packing, const wendi_vector_statistics *vector, const packing_plan *plan,
                       const uint64_t *quotients, uint64_t *numbers)
{
    const uint32_t count = vector->count;
    const uint64_t base = packing.steps    ? (uint64_t)step_base(vector, plan->step_reference)
                          : plan->no_bases ? 0
                                           : vector->min;
    uint32_t i = 0;
    if (packing.steps) {
        numbers[i++] = 0;
    }
    for (; i < count; i++) {
        if (!packing.steps) {
            numbers[i] = quotients[i] - base;
        } else if (packing.patched) {
            int64_t step = (int64_t)(quotients[i] - quotients[i - 1]);
            numbers[i] = (uint64_t)step << 1 ^ (uint64_t)(step >> 63);
        } else {
            numbers[i] = quotients[i] - quotients[i - 1] - base;
        }
    }
    memset(numbers + count, 0, (WENDI_VECTOR_ROWS - count) * sizeof *numbers);
}

/* Take numbers wider than `width` out into the exception arrays and leave 0 in their place. */
static void take_exceptions(uint64_t *numbers, uint32_t count, unsigned width, unsigned exception_bytes,
                            uint8_t **positions, uint8_t **values)
{
    for (uint32_t i = 0; i < count; i++) {
        if (wendi_bit_width(numbers[i]) > width) {
            *positions = wendi_store_bytes(*positions, i, 2);
            *values = wendi_store_bytes(*values, numbers[i], exception_bytes);
            numbers[i] = 0;
        }
    }
}

uint8_t *wendi_pack_vector(const uint64_t *numbers, uint32_t count, unsigned width, uint8_t *out)
{
    if (count == WENDI_VECTOR_ROWS) {
        wendi_kernels_get()->pack_u64(numbers, width, out);
    } else {
        (void)wendi_bit_string_write(numbers, count, width, out);
    }
    return out + wendi_packed_bytes(count, width);
}

static uint8_t *store_arrays(wendi_packing packing, const wendi_stream_input *input, const packing_plan *plan, uint8_t *at)
{
    at = wendi_store_bytes(at, (uint64_t)input->min, 8);
    at = wendi_store_bytes(at, input->divisor, 8);
    at = wendi_store_bytes(at, (uint64_t)plan->step_reference, 8);
    at = wendi_store_bytes(at, plan->base_bytes, 1);
    at = wendi_store_bytes(at, plan->step_bytes, 1);
    at = wendi_store_bytes(at, plan->exception_bytes, 2);
    at = wendi_store_bytes(at, plan->exception_count, 4);
    memcpy(at, plan->widths, input->vector_count);
    at += input->vector_count;
    for (uint32_t v = 0; v < input->vector_count; v++) {
        at = wendi_store_bytes(at, packing.steps ? input->vectors[v].first : input->vectors[v].min, plan->base_bytes);
    }
    for (uint32_t v = 0; v < input->vector_count && plan->step_bytes > 0; v++) {
        int64_t base = step_base(&input->vectors[v], plan->step_reference);
        at = wendi_store_bytes(at, (uint64_t)base - (uint64_t)plan->step_reference, plan->step_bytes);
    }
    for (uint32_t v = 0; v < input->vector_count && packing.patched; v++) {
        at = wendi_store_bytes(at, plan->exceptions[v], 2);
    }
    return at;
}

wend_status wendi_packing_encode(wendi_packing packing, const wendi_stream_input *input, wendi_buffer *out)
{
    packing_plan plan = make_plan(packing, input);
    size_t begin = out->length;
    _Alignas(64) uint64_t numbers[WENDI_VECTOR_ROWS];
    wend_status status = wendi_buffer_append_zero(out, plan.bytes);
    if (status != WEND_OK) {
        return status;
    }
    uint8_t *positions = store_arrays(packing, input, &plan, out->data + begin);
    uint8_t *exceptions = positions + (size_t)plan.exception_count * 2;
    uint8_t *packed = out->data + begin + plan.fixed_bytes;
    const uint64_t *quotients = wendi_stream_quotients(input);
    for (uint32_t v = 0; v < input->vector_count; v++) {
        uint32_t count = input->vectors[v].count;
        numbers_of(packing, &input->vectors[v], &plan, quotients + (size_t)v * WENDI_VECTOR_ROWS, numbers);
        if (packing.patched) {
            take_exceptions(numbers, count, plan.widths[v], plan.exception_bytes, &positions, &exceptions);
        }
        packed = wendi_pack_vector(numbers, count, plan.widths[v], packed);
    }
    WEND_REQUIRE(packed == out->data + begin + plan.bytes);
    return WEND_OK;
}
