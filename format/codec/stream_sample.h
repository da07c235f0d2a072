/** What a sample of a stream says is worth counting. Internal to the statistics. */
#ifndef WENDI_FORMAT_CODEC_STREAM_SAMPLE_H
#define WENDI_FORMAT_CODEC_STREAM_SAMPLE_H

#include "format/codec/codec.h"

/** Runs of so many rows leave all codecs behind RLE that draw on histograms: none is counted, whatever a sample says. */
bool wendi_stream_long_runs(uint32_t run_count, uint32_t count);

/**
 * Set has_offsets, has_steps and has_rises of `input`, whose vectors have their bounds and nothing counted. A codec
 * whose numbers are not counted does not apply: the choice loses what a sample of a few thousand numbers may miss, and
 * saves most of the time that statistics take. Short streams are counted whole.
 */
void wendi_stream_sample(wendi_stream_input *input);

#endif
