/*
 * What a sample of a stream says is worth counting.
 *
 * Of every vector some neighbouring values are looked at, and each codec that draws on a histogram is rated by the
 * bits a row that the best of its widths would take. Patching cannot gain on numbers that use their width
 * evenly, nor can steps where values jump about, and most pages are of one of these kinds, or runs.
 */
#include "format/codec/stream_sample.h"

#include "format/codec/bit_string.h"

enum {
    COUNTED_WHOLE = 2048, /* shorter streams are not worth a sample */
    SAMPLED_ROWS = 32,    /* of each vector */
    RUN_ROWS = 4          /* runs of so many rows leave the other codecs behind RLE */
};

/** Histograms over the sample. */
typedef struct width_sample {
    uint32_t count;
    uint32_t unused[65]; /* bits of the vector's width that an offset leaves */
    uint32_t steps[65];
    uint32_t rises[65];
    double offset_bits; /* width of the vectors, on average */
} width_sample;

static void sample_vector(const wendi_stream_input *input, uint32_t v, width_sample *sample)
{
    const wendi_vector_statistics *vector = &input->vectors[v];
    const uint64_t *quotients = input->quotients + (size_t)v * WENDI_VECTOR_ROWS;
    const uint64_t mask = wendi_low_bits(input->quotient_bits);
    const unsigned width = wendi_bit_width(vector->max - vector->min);
    const uint32_t rows = vector->count - 1 < SAMPLED_ROWS ? vector->count - 1 : SAMPLED_ROWS;
    const uint32_t first = vector->count - rows; /* of the last ones, which have steps */
    for (uint32_t i = first; i < vector->count; i++) {
        const uint64_t step = quotients[i] - quotients[i - 1];
        sample->unused[width - wendi_bit_width(quotients[i] - vector->min)]++;
        sample->steps[wendi_bit_width(step << 1 ^ (0 - (step >> 63)))]++;
        sample->rises[wendi_bit_width(step & mask)]++;
    }
    sample->count += rows;
    sample->offset_bits += width * rows;
}

/* Where a row has an upper part or not takes a bit a row, or 16 for each. */
static double place_bits(double share)
{
    return share < 1.0 / 16 ? share * 16 : 1;
}

/* Bits a row that patching takes off the offsets; negative when it would take more. */
static double offset_gain(const width_sample *sample)
{
    double best = -1;
    uint32_t wide = 0; /* offsets that use one of the `upper` bits */
    for (unsigned upper = 1; upper <= 64; upper++) {
        wide += sample->unused[upper - 1];
        const double share = (double)wide / sample->count;
        const double gain = upper * (1 - share) - place_bits(share);
        best = gain > best ? gain : best;
    }
    return best;
}

/* Bits a row at the best width, when each wider number takes `extra` bits more than those above the width. */
static double patched_bits(const uint32_t *counts, uint32_t count, bool upper_only, unsigned extra)
{
    unsigned widest = 64;
    uint32_t above = 0;
    while (widest > 0 && counts[widest] == 0) {
        widest--;
    }
    double best = widest;
    for (unsigned width = widest; width-- > 0;) {
        above += counts[width + 1];
        const double share = (double)above / count;
        const double bits = upper_only ? width + share * (widest - width) + place_bits(share)
                                       : width + share * (widest + extra);
        best = bits < best ? bits : best;
    }
    return best;
}

bool wendi_stream_long_runs(uint32_t run_count, uint32_t count)
{
    return count >= COUNTED_WHOLE && run_count <= count / RUN_ROWS;
}

void wendi_stream_sample(wendi_stream_input *input)
{
    const bool constant = input->quotient_bits == 0;
    width_sample sample = {.count = 0};
    input->has_offsets = input->has_steps = input->has_rises = !constant;
    if (constant || input->count < COUNTED_WHOLE) {
        return;
    }
    for (uint32_t v = 0; v < input->vector_count; v++) {
        sample_vector(input, v, &sample);
    }
    const double gain = offset_gain(&sample);
    const double offsets = sample.offset_bits / sample.count - (gain > 0 ? gain : 0);
    /* Vectors choose a width each, and so gain a little more than the sample as a whole. */
    input->has_offsets = gain > -0.25;
    input->has_rises = patched_bits(sample.rises, sample.count, true, 0) < offsets + 0.5;
    input->has_steps = patched_bits(sample.steps, sample.count, false, 16) < offsets + 0.5;
}
