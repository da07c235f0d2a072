/*
 * Streams of integers, both ways. Even first byte: hostile bytes behind a header that is made right, so that the
 * codecs see them; what opens decodes the same as a whole and vector by vector, within the bounds it gives. Odd: the
 * bytes are numbers, and every codec that applies gives back what went in, in the bytes it foretold.
 */
#include <stdlib.h>

#include "engine/base/alloc.h"
#include "format/codec/codec.h"
#include "tests/support/heap_bound.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { VALUES_MAX = 9000 }; /* a sample is taken of more than 8192; runs stay short */

static _Alignas(64) uint64_t whole[WENDI_STREAM_VALUES_MAX];
static _Alignas(64) uint64_t part[WENDI_VECTOR_ROWS];
static int64_t numbers[WENDI_STREAM_VALUES_MAX];
static wendi_stream_scratch *scratch;

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void check_vectors(const wendi_stream *stream)
{
    const size_t lane = stream->lane_bytes;
    wendi_stream_decode(stream, 0, stream->count, whole);
    for (uint32_t first = 0; first < stream->count; first += WENDI_VECTOR_ROWS) {
        const uint32_t left = stream->count - first;
        const uint32_t rows = left < WENDI_VECTOR_ROWS ? left : WENDI_VECTOR_ROWS;
        int64_t min;
        int64_t max;
        wendi_stream_decode(stream, first, rows, part);
        require(memcmp(part, (const uint8_t *)whole + first * lane, rows * lane) == 0);
        if (lane == 8 && stream->codec->bounds(stream, first / WENDI_VECTOR_ROWS, &min, &max)) {
            for (uint32_t i = 0; i < rows; i++) {
                require(min <= (int64_t)part[i] && (int64_t)part[i] <= max);
            }
        }
    }
}

/* Bytes: 0, lane, values u16, codec, body. */
static void read_hostile(const uint8_t *data, size_t size)
{
    wendi_stream stream;
    wendi_arena arena = {.blocks = NULL};
    const char *reason = NULL;
    const size_t body_bytes = size - 5;
    const size_t length = WENDI_STREAM_HEADER_BYTES + (body_bytes + 7) / 8 * 8;
    const uint32_t count = 1 + (uint32_t)wendi_load_u16(data + 2) % (VALUES_MAX / 2);
    uint8_t *bytes = wendi_alloc_aligned(64, length);
    if (bytes == NULL) {
        return;
    }
    memset(bytes, 0, length);
    bytes[0] = data[4];
    wendi_store_u32(bytes + 4, count);
    wendi_store_u32(bytes + 8, (uint32_t)body_bytes);
    memcpy(bytes + WENDI_STREAM_HEADER_BYTES, data + 5, body_bytes);
    wendi_reader reader = wendi_reader_of(bytes, length);
    wend_status status = wendi_stream_open(&stream, &reader, count, data[1] % 2 == 0 ? 8 : 4, false, &arena, &reason);
    require(status == WEND_OK || reason != NULL);
    if (status == WEND_OK) {
        check_vectors(&stream);
    }
    wendi_arena_free(&arena);
    wendi_free(bytes);
}

static void check_codec(const wendi_stream_input *input, uint8_t id)
{
    wendi_stream stream;
    wendi_arena arena = {.blocks = NULL};
    wendi_buffer bytes = {.length = 0};
    const char *reason = NULL;
    const size_t body_bytes = wendi_codec_find(id)->size(input);
    if (body_bytes == SIZE_MAX) {
        return;
    }
    require(wendi_stream_encode(input, (wendi_codec_wish){.forced = id}, &bytes, NULL) == WEND_OK);
    require(bytes.length == WENDI_STREAM_HEADER_BYTES + (body_bytes + 7) / 8 * 8 && bytes.data[0] == id);
    wendi_reader reader = wendi_reader_of(bytes.data, bytes.length);
    require(wendi_stream_open(&stream, &reader, input->count, 8, false, &arena, &reason) == WEND_OK);
    check_vectors(&stream);
    require(memcmp(whole, input->values, input->count * sizeof *input->values) == 0);
    wendi_arena_free(&arena);
    wendi_buffer_free(&bytes);
}

/*
 * Bytes: 1 (or 65: of a longer stream), shift, factor, then numbers of 1 to 8 bytes: the first byte of each says how many (its lower three bits),
 * whether it is a step (bit 3) and how often it comes (the upper four bits, squared).
 */
static void write_numbers(const uint8_t *data, size_t size)
{
    const unsigned shift = data[1] % 64;
    const uint64_t factor = 1 + (uint64_t)data[2];
    const uint32_t most = (data[0] & 64) != 0 ? VALUES_MAX : VALUES_MAX / 8;
    uint64_t value = 0;
    uint32_t count = 0;
    for (size_t at = 3; at < size && count < most;) {
        const uint8_t head = data[at++];
        const uint32_t times = 1 + (uint32_t)(head >> 4) * (head >> 4);
        uint64_t number = 0;
        for (unsigned i = 0; i <= head % 8u && at < size; i++) {
            number |= (uint64_t)data[at++] << (8 * i);
        }
        for (uint32_t i = 0; i < times && count < most; i++) {
            value = (head & 8) != 0 ? value + number : number;
            numbers[count++] = (int64_t)((value * factor) << shift);
        }
    }
    if (count == 0 || (scratch == NULL && wendi_stream_scratch_new(&scratch) != WEND_OK)) {
        return;
    }
    const wendi_stream_input *input = wendi_stream_analyse(scratch, numbers, count);
    for (uint8_t id = 1; id < WENDI_CODEC_COUNT; id++) {
        check_codec(input, id);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 6 || size > 1 << 20) {
        return 0;
    }
    heap_bound_begin(heap_bound_of(size));
    if (data[0] % 2 == 0) {
        read_hostile(data, size);
    } else {
        write_numbers(data, size);
    }
    (void)heap_bound_end();
    return 0;
}
