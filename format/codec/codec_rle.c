/*
 * RLE: run values and run lengths, each a stream of its own that is packed again.
 * Body: run count u32, 0 u32, stream of values, stream of lengths. The lengths add up to the count.
 */
#include "format/codec/codec.h"

static size_t size(const wendi_stream_input *input)
{
    size_t values;
    size_t lengths;
    if (input->run_values == NULL || input->min == input->max) {
        return SIZE_MAX;
    }
    wendi_codec_choose(input->run_values, (wendi_codec_wish){0}, &values);
    wendi_codec_choose(input->run_lengths, (wendi_codec_wish){0}, &lengths);
    return 8 + 2 * WENDI_STREAM_HEADER_BYTES + (values + 7) / 8 * 8 + (lengths + 7) / 8 * 8;
}

static wend_status encode(const wendi_stream_input *input, wendi_buffer *out)
{
    wend_status status = WEND_OK;
    WEND_TRY(wendi_buffer_u32(out, input->run_count));
    WEND_TRY(wendi_buffer_u32(out, 0));
    WEND_TRY(wendi_stream_encode(input->run_values, (wendi_codec_wish){0}, out, NULL));
    WEND_TRY(wendi_stream_encode(input->run_lengths, (wendi_codec_wish){0}, out, NULL));
cleanup:
    return status;
}

static size_t rounded(uint32_t count)
{
    return ((size_t)count + WENDI_VECTOR_ROWS - 1) / WENDI_VECTOR_ROWS * WENDI_VECTOR_ROWS;
}

/* Lengths become ends, in place. */
static bool add_up(uint32_t *lengths, uint32_t run_count, uint32_t count)
{
    uint32_t end = 0;
    for (uint32_t i = 0; i < run_count; i++) {
        if (lengths[i] == 0 || lengths[i] > count - end) {
            return false;
        }
        end += lengths[i];
        lengths[i] = end;
    }
    return end == count;
}

static wend_status open_body(wendi_stream *stream, wendi_reader *body, wendi_arena *arena, const char **reason)
{
    wend_status status = WEND_OK;
    wendi_stream values;
    wendi_stream lengths;
    uint32_t run_count = wendi_reader_u32(body);
    uint32_t zero = wendi_reader_u32(body);
    if (body->failed || zero != 0 || run_count == 0 || run_count > stream->count) {
        *reason = "impossible number of runs";
        return WEND_CORRUPT;
    }
    WEND_TRY(wendi_stream_open(&values, body, run_count, stream->lane_bytes, true, arena, reason));
    WEND_TRY(wendi_stream_open(&lengths, body, run_count, 4, true, arena, reason));
    stream->newer = values.newer || lengths.newer;
    void *run_values = wendi_arena_alloc(arena, rounded(run_count) * stream->lane_bytes);
    uint32_t *ends = wendi_arena_alloc(arena, rounded(run_count) * sizeof *ends);
    if (run_values == NULL || ends == NULL) {
        return WEND_NOMEM;
    }
    wendi_stream_decode(&values, 0, run_count, run_values);
    wendi_stream_decode(&lengths, 0, run_count, ends);
    if (!add_up(ends, run_count, stream->count)) {
        *reason = "run lengths do not add up to the rows";
        return WEND_CORRUPT;
    }
    stream->runs.run_count = run_count;
    stream->runs.values = run_values;
    stream->runs.ends = ends;
cleanup:
    return status;
}

/* The run that holds row `row`. */
static uint32_t find_run(const wendi_stream *stream, uint32_t row)
{
    uint32_t low = 0;
    uint32_t high = stream->runs.run_count - 1;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (stream->runs.ends[middle] > row) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

static void decode(const wendi_stream *stream, uint32_t first, uint32_t count, void *values)
{
    uint32_t run = find_run(stream, first);
    if (stream->lane_bytes == 4) {
        wendi_kernels_get()->expand_runs_u32(stream->runs.values, stream->runs.ends, run, first, first + count, values);
    } else {
        wendi_kernels_get()->expand_runs_u64(stream->runs.values, stream->runs.ends, run, first, first + count, values);
    }
}

static int64_t run_value(const wendi_stream *stream, uint32_t run)
{
    return stream->lane_bytes == 4 ? (int64_t)((const uint32_t *)stream->runs.values)[run]
                                   : ((const int64_t *)stream->runs.values)[run];
}

static bool bounds(const wendi_stream *stream, uint32_t vector, int64_t *min, int64_t *max)
{
    uint32_t first = vector * WENDI_VECTOR_ROWS;
    uint32_t last = stream->count - first > WENDI_VECTOR_ROWS ? first + WENDI_VECTOR_ROWS - 1 : stream->count - 1;
    uint32_t run = find_run(stream, first);
    *min = *max = run_value(stream, run);
    while (stream->runs.ends[run] <= last) {
        int64_t value = run_value(stream, ++run);
        *min = value < *min ? value : *min;
        *max = value > *max ? value : *max;
    }
    return true;
}

const wendi_codec wendi_codec_rle = {
    .id = WENDI_CODEC_RLE, .nestable = false, .penalty_percent = 2, .name = "rle",
    .size = size, .encode = encode, .open = open_body, .decode = decode, .bounds = bounds,
};
