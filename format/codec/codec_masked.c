/*
 * MASKED: one common value, a bit a row for those that differ, and their values as a stream. For columns of
 * which many rows are null, or one value has a large share, and the others spread widely. A row costs extra in the
 * choice: codes of few bits stay packed as they are, where filters and counts read them without expanding anything.
 * Body: common value u64, exception count u32, 0 u32, bitmap of whole words, stream of the exceptions.
 */
#include "format/codec/codec.h"

static size_t bitmap_bytes(uint32_t count)
{
    return ((size_t)count + 63) / 64 * 8;
}

static size_t size(const wendi_stream_input *input)
{
    size_t values;
    if (input->exceptions == NULL) {
        return SIZE_MAX;
    }
    wendi_codec_choose(input->exceptions, (wendi_codec_wish){0}, &values);
    return 16 + bitmap_bytes(input->count) + WENDI_STREAM_HEADER_BYTES + (values + 7) / 8 * 8;
}

static wend_status encode(const wendi_stream_input *input, wendi_buffer *out)
{
    wend_status status = WEND_OK;
    WEND_TRY(wendi_buffer_u64(out, (uint64_t)input->common));
    WEND_TRY(wendi_buffer_u32(out, input->exceptions->count));
    WEND_TRY(wendi_buffer_u32(out, 0));
    size_t begin = out->length;
    WEND_TRY(wendi_buffer_append_zero(out, bitmap_bytes(input->count)));
    const int64_t *values = wendi_stream_values(input);
    for (uint32_t first = 0; first < input->count; first += 64) {
        const uint32_t rows = input->count - first < 64 ? input->count - first : 64;
        uint64_t word = 0;
        for (uint32_t i = 0; i < rows; i++) {
            word |= (uint64_t)(values[first + i] != input->common) << i;
        }
        wendi_store_u64(out->data + begin + first / 8, word);
    }
    WEND_TRY(wendi_stream_encode(input->exceptions, (wendi_codec_wish){0}, out, NULL));
cleanup:
    return status;
}

/* Count the exceptions before each vector; false when the bitmap has others than it says. */
static bool count_exceptions(const uint64_t *bitmap, uint32_t rows, uint32_t exceptions, uint32_t *exception_at)
{
    const size_t words = bitmap_bytes(rows) / 8;
    const size_t vector_words = WENDI_VECTOR_ROWS / 64;
    uint32_t found = 0;
    for (size_t i = 0; i < words; i += vector_words) {
        exception_at[i / vector_words] = found;
        found += (uint32_t)wendi_kernels_get()->bitmap_count(bitmap + i,
                                                            words - i < vector_words ? words - i : vector_words);
    }
    return found == exceptions && (rows % 64 == 0 || bitmap[words - 1] >> (rows % 64) == 0);
}

static wend_status open_body(wendi_stream *stream, wendi_reader *body, wendi_arena *arena, const char **reason)
{
    wend_status status = WEND_OK;
    const uint32_t vectors = (stream->count + WENDI_VECTOR_ROWS - 1) / WENDI_VECTOR_ROWS;
    wendi_stream values;
    stream->reference = wendi_reader_u64(body);
    const uint32_t count = wendi_reader_u32(body);
    const uint32_t zero = wendi_reader_u32(body);
    if (body->failed || zero != 0 || count == 0 || count > stream->count ||
        !wendi_stream_holds(stream, stream->reference)) {
        *reason = "impossible common value or number of exceptions";
        return WEND_CORRUPT;
    }
    const void *bitmap = wendi_reader_bytes(body, bitmap_bytes(stream->count));
    if (bitmap == NULL) {
        *reason = "bitmap of exceptions cut short";
        return WEND_CORRUPT;
    }
    uint32_t *exception_at = wendi_arena_alloc(arena, vectors * sizeof *exception_at);
    if (exception_at == NULL) {
        return WEND_NOMEM;
    }
    if (!count_exceptions(bitmap, stream->count, count, exception_at)) {
        *reason = "exceptions do not fit their bitmap";
        return WEND_CORRUPT;
    }
    WEND_TRY(wendi_stream_open(&values, body, count, stream->lane_bytes, true, arena, reason));
    stream->newer = stream->newer || values.newer;
    /* One value more than there are is read, and not used, at the last rows. */
    const size_t room = ((size_t)count + WENDI_VECTOR_ROWS - 1) / WENDI_VECTOR_ROWS * WENDI_VECTOR_ROWS;
    uint8_t *decoded = wendi_arena_alloc(arena, (room + 1) * stream->lane_bytes);
    if (decoded == NULL) {
        return WEND_NOMEM;
    }
    wendi_stream_decode(&values, 0, count, decoded);
    memset(decoded + (size_t)count * stream->lane_bytes, 0, stream->lane_bytes);
    stream->masked.bitmap = bitmap;
    stream->masked.exception_at = exception_at;
    stream->masked.values = decoded;
cleanup:
    return status;
}

static void decode(const wendi_stream *stream, uint32_t first, uint32_t count, void *values)
{
    const uint64_t *bitmap = stream->masked.bitmap + first / 64;
    const uint32_t from = stream->masked.exception_at[first / WENDI_VECTOR_ROWS];
    if (stream->lane_bytes == 4) {
        wendi_kernels_get()->expand_masked_u32(bitmap, (const uint32_t *)stream->masked.values + from, count,
                                               (uint32_t)stream->reference, values);
    } else {
        wendi_kernels_get()->expand_masked_u64(bitmap, (const uint64_t *)stream->masked.values + from, count,
                                               stream->reference, values);
    }
}

/* They would take a look at every value. */
static bool bounds(const wendi_stream *stream, uint32_t vector, int64_t *min, int64_t *max)
{
    (void)stream;
    (void)vector;
    (void)min;
    (void)max;
    return false;
}

const wendi_codec wendi_codec_masked = {
    .id = WENDI_CODEC_MASKED, .nestable = false, .penalty_percent = 2, .penalty_rows = 7, .name = "masked",
    .size = size, .encode = encode, .open = open_body, .decode = decode, .bounds = bounds,
};
