/*
 * Patched and masked streams written by hand from docs/FORMAT.md, with whatever widths, counts and places it allows, and
 * not only those that wend's writer chooses: they open, decode to what the document says from every vector on, and are
 * refused when any field says what it may not. And wend's writer at every width there is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine/base/alloc.h"
#include "format/codec/codec.h"
#include "tests/support/segment_fixture.h"

enum { ROWS_MAX = 5000, BODY_MAX = 1 << 19 };

/** A stream under construction, byte by byte. */
typedef struct hand_stream {
    uint8_t bytes[BODY_MAX];
    size_t length;
    uint64_t values[ROWS_MAX];
    uint32_t count;
} hand_stream;

static hand_stream hand;

static void put(uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        hand.bytes[hand.length++] = (uint8_t)(value >> (8 * i));
    }
}

static void pad(void)
{
    while (hand.length % 8 != 0) {
        put(0, 1);
    }
}

/* Put numbers of `width` bits: one string, or in the lanes of a full vector. */
static void put_bits(const uint64_t *numbers, uint32_t count, unsigned width, bool lanes)
{
    const size_t begin = hand.length;
    const unsigned lane = width <= 8 ? 8 : width <= 16 ? 16 : width <= 32 ? 32 : 64;
    const uint32_t lane_count = 1024 / lane;
    hand.length += ((size_t)count * width + 7) / 8;
    memset(hand.bytes + begin, 0, hand.length - begin);
    for (uint32_t i = 0; i < count; i++) {
        for (unsigned bit = 0; bit < width; bit++) {
            size_t at = (size_t)i * width + bit;
            if (lanes) { /* string of a lane, cut into words; word k of all lanes together */
                const uint32_t in_lane = i / lane_count * width + bit;
                at = ((size_t)(in_lane / lane) * lane_count + i % lane_count) * lane + in_lane % lane;
            }
            if (numbers[i] >> bit & 1) {
                hand.bytes[begin + at / 8] = (uint8_t)(hand.bytes[begin + at / 8] | 1u << (at % 8));
            }
        }
    }
}

static uint64_t bits(unsigned width)
{
    return width == 64 ? UINT64_MAX : (UINT64_C(1) << width) - 1;
}

static void begin_stream(uint8_t codec, uint32_t count)
{
    hand.length = 0;
    hand.count = count;
    put(codec, 4);
    put(count, 4);
    put(0, 8);
}

static void end_stream(void)
{
    wendi_store_u32(hand.bytes + 8, (uint32_t)(hand.length - 16));
    pad();
}

/** What one vector of a patched stream is made of. */
typedef struct hand_vector {
    unsigned width;
    unsigned upper_bits;
    uint32_t upper_count;
    uint32_t rows;
    uint64_t base;
    uint64_t numbers[1024]; /* of `width` bits */
    uint64_t uppers[1024];
    uint16_t positions[1024];
} hand_vector;

static hand_vector vectors[ROWS_MAX / 1024 + 1];

static void make_vector(hand_vector *vector, uint32_t rows, unsigned width_max, bool bases, uint64_t *seed)
{
    vector->rows = rows;
    vector->width = (unsigned)random_below(seed, width_max + 1);
    vector->upper_count = random_below(seed, 4) == 0 ? 0 : (uint32_t)random_below(seed, random_below(seed, rows) + 1);
    vector->upper_count = vector->width == 64 ? 0 : vector->upper_count;
    vector->upper_bits = vector->upper_count == 0 ? 0 : 1 + (unsigned)random_below(seed, 64 - vector->width);
    vector->base = bases ? random_next(seed) : 0;
    uint32_t taken = 0;
    for (uint32_t i = 0; i < rows; i++) {
        vector->numbers[i] = random_next(seed) & bits(vector->width);
        if (random_below(seed, rows - i) < vector->upper_count - taken) {
            vector->positions[taken] = (uint16_t)i;
            vector->uppers[taken++] = random_next(seed) & bits(vector->upper_bits);
        }
    }
}

static void put_places(const hand_vector *vector)
{
    const size_t bitmap_bytes = (vector->rows + 7) / 8;
    const size_t begin = hand.length;
    if (vector->upper_count == 0) {
        return;
    }
    if (2 * vector->upper_count < bitmap_bytes) {
        for (uint32_t i = 0; i < vector->upper_count; i++) {
            put(vector->positions[i], 2);
        }
    } else {
        memset(hand.bytes + begin, 0, bitmap_bytes);
        hand.length += bitmap_bytes;
        for (uint32_t i = 0; i < vector->upper_count; i++) {
            const uint16_t at = vector->positions[i];
            hand.bytes[begin + at / 8] = (uint8_t)(hand.bytes[begin + at / 8] | 1u << (at % 8));
        }
    }
    put_bits(vector->uppers, vector->upper_count, vector->upper_bits, false);
}

/* What the stream means, as the document says it. */
static void tell_values(bool delta, unsigned m, uint64_t reference, uint64_t divisor)
{
    uint32_t row = 0;
    for (uint32_t v = 0; row < hand.count; v++) {
        const hand_vector *vector = &vectors[v];
        uint64_t quotient = vector->base;
        uint32_t upper = 0;
        for (uint32_t i = 0; i < vector->rows; i++) {
            uint64_t number = vector->numbers[i];
            if (upper < vector->upper_count && vector->positions[upper] == i) {
                number += vector->uppers[upper++] << vector->width;
            }
            if (!delta) {
                quotient = vector->base + number;
            } else if (i > 0) {
                quotient = (quotient + number) & bits(m);
            }
            hand.values[row++] = reference + divisor * quotient;
        }
    }
}

/* With widths of at most 32, what a stream of 32-bit numbers may be. */
static void make_patched(bool delta, uint32_t count, unsigned width_max, uint64_t *seed)
{
    const uint32_t vector_count = (count + 1023) / 1024;
    const uint64_t lane = bits(width_max <= 32 ? 32 : 64);
    const uint64_t reference = random_next(seed) & lane;
    const uint64_t divisor = random_below(seed, 2) == 0 ? 1 : (random_next(seed) & lane) | 1;
    const unsigned m = delta ? 1 + (unsigned)random_below(seed, 64) : 0;
    const unsigned base_bytes = (unsigned)random_below(seed, 9);
    begin_stream(delta ? WENDI_CODEC_PATCHED_DELTA : WENDI_CODEC_PATCHED, count);
    for (uint32_t v = 0; v < vector_count; v++) {
        const uint32_t rows = count - v * 1024 < 1024 ? count - v * 1024 : 1024;
        make_vector(&vectors[v], rows, width_max, base_bytes > 0, seed);
        vectors[v].base &= bits(base_bytes * 8);
        if (delta) {
            vectors[v].base &= bits(m);
            vectors[v].numbers[0] = 0;
            for (uint32_t i = 0; i < vectors[v].upper_count && vectors[v].positions[i] == 0; i++) {
                vectors[v].uppers[i] = 0;
            }
        }
    }
    put(reference, 8);
    put(divisor, 8);
    put(base_bytes, 1);
    put(m, 1);
    put(0, 6);
    for (uint32_t v = 0; v < vector_count; v++) {
        put(vectors[v].width, 1);
    }
    for (uint32_t v = 0; v < vector_count; v++) {
        put(vectors[v].upper_bits, 1);
    }
    for (uint32_t v = 0; v < vector_count; v++) {
        put(vectors[v].upper_count, 2);
    }
    for (uint32_t v = 0; v < vector_count; v++) {
        put(vectors[v].base, base_bytes);
    }
    for (uint32_t v = 0; v < vector_count; v++) {
        put_places(&vectors[v]);
    }
    pad();
    for (uint32_t v = 0; v < vector_count; v++) {
        put_bits(vectors[v].numbers, vectors[v].rows, vectors[v].width, vectors[v].rows == 1024);
    }
    end_stream();
    tell_values(delta, m, reference, divisor);
}

static void make_masked(uint32_t count, unsigned common_bits, uint64_t *seed)
{
    const uint64_t common = random_next(seed) & bits(common_bits);
    const uint32_t share = (uint32_t)random_below(seed, 11);
    uint32_t exceptions = 0;
    begin_stream(WENDI_CODEC_MASKED, count);
    put(common, 8);
    put(0, 8);
    const size_t bitmap = hand.length;
    memset(hand.bytes + bitmap, 0, (count + 63) / 64 * 8);
    hand.length += (count + 63) / 64 * 8;
    const size_t inner = hand.length;
    static uint64_t others[ROWS_MAX];
    for (uint32_t i = 0; i < count; i++) {
        hand.values[i] = common;
        if (random_below(seed, 10) < share || (i + 1 == count && exceptions == 0)) {
            hand.bytes[bitmap + i / 8] = (uint8_t)(hand.bytes[bitmap + i / 8] | 1u << (i % 8));
            hand.values[i] = others[exceptions++] = random_next(seed); /* may be the common value, too */
        }
    }
    wendi_store_u32(hand.bytes + bitmap - 8, exceptions);
    /* The exceptions as a patched stream whose numbers are all upper parts: width 0, 64 bits above. */
    const uint32_t inner_vectors = (exceptions + 1023) / 1024;
    put(WENDI_CODEC_PATCHED, 4);
    put(exceptions, 4);
    put(0, 8);
    put(0, 8);
    put(1, 8);
    put(0, 8);
    for (uint32_t v = 0; v < inner_vectors; v++) {
        put(0, 1);
    }
    for (uint32_t v = 0; v < inner_vectors; v++) {
        put(64, 1);
    }
    for (uint32_t v = 0; v < inner_vectors; v++) {
        put(exceptions - v * 1024 < 1024 ? exceptions - v * 1024 : 1024, 2);
    }
    for (uint32_t v = 0; v < inner_vectors; v++) {
        const uint32_t rows = exceptions - v * 1024 < 1024 ? exceptions - v * 1024 : 1024;
        for (uint32_t i = 0; i < (rows + 7) / 8; i++) {
            put(rows - i * 8 >= 8 ? 255 : bits(rows % 8), 1);
        }
        put_bits(others + v * 1024, rows, 64, false);
    }
    pad(); /* before the packed vectors, which take no bytes */
    wendi_store_u32(hand.bytes + inner + 8, (uint32_t)(hand.length - inner - 16));
    end_stream();
}

/* Open an exact copy, so that sanitizers see every byte read beyond it. */
static wend_status open_copy(wendi_stream *stream, uint8_t *copy, uint8_t lane_bytes, wendi_arena *arena,
                             const char **reason)
{
    wendi_reader reader = wendi_reader_of(copy, hand.length);
    memcpy(copy, hand.bytes, hand.length);
    wend_status status = wendi_stream_open(stream, &reader, hand.count, lane_bytes, false, arena, reason);
    assert_true(status != WEND_OK || wendi_reader_left(&reader) == 0);
    return status;
}

static void check_hand_stream(uint8_t lane_bytes)
{
    wendi_stream stream;
    wendi_arena arena = {.blocks = NULL};
    const char *reason = NULL;
    uint8_t *copy = wendi_alloc(hand.length);
    uint64_t *out = wendi_alloc_aligned(64, (ROWS_MAX + 1024) * sizeof *out);
    assert_non_null(copy);
    assert_non_null(out);
    if (open_copy(&stream, copy, lane_bytes, &arena, &reason) != WEND_OK) {
        fail_msg("refused: %s", reason);
    }
    for (uint32_t first = 0; first < hand.count; first += 1024) {
        const uint32_t count = hand.count - first;
        for (uint32_t rows = count; rows > 0; rows = rows > 1024 ? 1024 : rows > 70 ? 70 : 0) {
            wendi_stream_decode(&stream, first, rows, out);
            for (uint32_t i = 0; i < rows; i++) {
                const uint64_t got = lane_bytes == 4 ? ((uint32_t *)out)[i] : out[i];
                const uint64_t expected = lane_bytes == 4 ? (uint32_t)hand.values[first + i] : hand.values[first + i];
                assert_true(got == expected);
            }
        }
        int64_t min;
        int64_t max;
        if (lane_bytes == 8 && stream.codec->bounds(&stream, first / 1024, &min, &max)) {
            for (uint32_t i = 0; i < count && i < 1024; i++) {
                assert_true(min <= (int64_t)hand.values[first + i] && (int64_t)hand.values[first + i] <= max);
            }
        }
    }
    wendi_free(out);
    wendi_free(copy);
    wendi_arena_free(&arena);
}

static void what_the_document_allows_decodes(void **state)
{
    (void)state;
    uint64_t seed = 77;
    for (int round = 0; round < 600; round++) {
        const uint32_t count = 1 + (uint32_t)random_below(&seed, round % 8 == 0 ? ROWS_MAX : 1300);
        const unsigned width_max = round % 3 == 0 ? 8 : round % 3 == 1 ? 32 : 64;
        make_patched(round % 2 == 0, count, width_max, &seed);
        check_hand_stream(8);
        if (width_max <= 32) {
            check_hand_stream(4);
        }
        make_masked(count, 64, &seed);
        check_hand_stream(8);
        make_masked(count, 32, &seed);
        check_hand_stream(4);
    }
}

static void refuse_lanes(uint8_t lane_bytes, size_t at, uint64_t value, unsigned bytes)
{
    wendi_stream stream;
    wendi_arena arena = {.blocks = NULL};
    const char *reason = NULL;
    uint8_t kept[8];
    uint8_t *copy = wendi_alloc(hand.length);
    assert_non_null(copy);
    memcpy(kept, hand.bytes + at, bytes);
    for (unsigned i = 0; i < bytes; i++) {
        hand.bytes[at + i] = (uint8_t)(value >> (8 * i));
    }
    if (open_copy(&stream, copy, lane_bytes, &arena, &reason) != WEND_CORRUPT) {
        fail_msg("a stream with %llu at %zu is taken", (unsigned long long)value, at);
    }
    assert_non_null(reason);
    memcpy(hand.bytes + at, kept, bytes);
    wendi_free(copy);
    wendi_arena_free(&arena);
}

static void refuse(size_t at, uint64_t value, unsigned bytes)
{
    refuse_lanes(8, at, value, bytes);
}

/* 1 full vector with a bitmap and one of 100 rows with a list. */
static void make_two_vectors(bool delta)
{
    uint64_t seed = 3;
    do {
        make_patched(delta, 1124, 20, &seed);
    } while (vectors[0].upper_count < 100 || vectors[1].upper_count < 3 || vectors[1].upper_count > 5 ||
             vectors[0].upper_bits * vectors[0].upper_count % 8 == 0 || hand.bytes[16 + 16] != 1 ||
             vectors[0].width == 0 || vectors[1].width % 2 == 0 || (delta && hand.bytes[16 + 17] >= 8));
}

static void impossible_patched_streams_are_refused(void **state)
{
    (void)state;
    for (int delta = 0; delta <= 1; delta++) {
        make_two_vectors(delta == 1);
        const size_t body = 16;
        const size_t widths = body + 24;
        const size_t upper_bits = widths + 2;
        const size_t counts = upper_bits + 2;
        const size_t bitmap = counts + 4 + 2;
        const size_t string = bitmap + 128;
        const size_t string_bytes = ((size_t)vectors[0].upper_count * vectors[0].upper_bits + 7) / 8;
        const size_t list = string + string_bytes;
        check_hand_stream(8);
        refuse(4, 1125, 4);                                       /* values */
        refuse(8, wendi_load_u32(hand.bytes + 8) - 8, 4);         /* body bytes */
        refuse(8, wendi_load_u32(hand.bytes + 8) + 8, 4);
        refuse(8, UINT32_MAX, 4);
        refuse(body + 8, 0, 8);                                   /* divisor */
        refuse(body + 16, 9, 1);                                  /* base bytes */
        refuse(body + 16, 255, 1);
        refuse(body + 17, delta ? 0 : 1, 1);                      /* M */
        refuse(body + 17, delta ? 65 : 64, 1);
        for (size_t i = 18; i < 24; i++) {
            refuse(body + i, 1, 1);                               /* zeros */
        }
        refuse(widths, 65, 1);
        refuse(widths, 255, 1);
        refuse(widths, 64, 1);                                    /* with upper bits above 64 */
        refuse(widths + 1, vectors[1].width + 1, 1);              /* another length */
        refuse(upper_bits, 0, 1);                                 /* upper parts of no bits */
        refuse(upper_bits, 65 - vectors[0].width, 1);
        refuse(counts, 0, 2);                                     /* bits for no upper parts */
        refuse(counts, 1025, 2);
        refuse(counts, vectors[0].upper_count + 1, 2);
        refuse(counts + 2, 101, 2);
        refuse(counts + 2, 65535, 2);
        refuse(bitmap, hand.bytes[bitmap] ^ 1u, 1);               /* a bit more or less */
        refuse(list - 1, hand.bytes[list - 1] | 0x80u, 1);        /* behind the last number */
        refuse(list, vectors[1].positions[1], 2);                 /* not rising */
        refuse(list + 2 * (vectors[1].upper_count - 1), 100, 2);  /* not in the vector */
        refuse(list + 2 * (vectors[1].upper_count - 1), 65535, 2);
        const size_t end = body + wendi_load_u32(hand.bytes + 8);
        const size_t packed = end - 128 * vectors[0].width - (100 * vectors[1].width + 7) / 8;
        refuse(end - 1, hand.bytes[end - 1] | 0x80u, 1);          /* behind the last number */
        if (delta == 1) {
            refuse(counts + 4, 255, 1);                           /* a base beyond M bits */
            refuse(packed, hand.bytes[packed] | 1u, 1);           /* a first step that is one */
        }
        refuse_lanes(4, body + 4, 1, 1);                          /* beyond 32 bits: reference, divisor */
        refuse_lanes(4, body + 12, 1, 1);
        refuse_lanes(4, widths, 33, 1);
    }
}

static void impossible_masked_streams_are_refused(void **state)
{
    (void)state;
    uint64_t seed = 12;
    make_masked(1000, 32, &seed);
    const size_t body = 16;
    const uint32_t exceptions = wendi_load_u32(hand.bytes + body + 8);
    const size_t bitmap = body + 16;
    const size_t inner = bitmap + 128;
    check_hand_stream(8);
    refuse(body + 8, 0, 4);
    refuse(body + 8, exceptions - 1, 4);
    refuse(body + 8, exceptions + 1, 4);
    refuse(body + 8, 1001, 4);
    refuse(body + 8, UINT32_MAX, 4);
    refuse(body + 12, 1, 4);
    refuse(bitmap, hand.bytes[bitmap] ^ 4u, 1);
    refuse(bitmap + 127, 0x80, 1); /* beyond the rows */
    refuse(inner, WENDI_CODEC_MASKED, 1);
    refuse(inner, WENDI_CODEC_RLE, 1);
    refuse(inner, WENDI_CODEC_SPARSE, 1);
    refuse(inner + 4, exceptions + 1, 4);
    refuse(inner + 8, UINT32_MAX, 4);
    refuse_lanes(4, body + 4, 1, 1); /* a common value beyond 32 bits */
}

/* wend's writer at every width of numbers, with and without outliers, at the lengths where vectors end. */
static void every_width_round_trips(void **state)
{
    (void)state;
    static const uint32_t counts[] = {1, 2, 7, 63, 64, 100, 1023, 1024, 1025, 1100, 2048 + 127};
    static int64_t values[2200];
    wendi_stream_scratch *scratch;
    uint64_t seed = 21;
    uint32_t used[WENDI_CODEC_COUNT] = {0};
    assert_int_equal(wendi_stream_scratch_new(&scratch), WEND_OK);
    for (unsigned width = 0; width <= 64; width++) {
        for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
            for (uint8_t id = WENDI_CODEC_PATCHED; id <= WENDI_CODEC_MASKED; id++) {
                wendi_buffer bytes = {.length = 0};
                const uint64_t often = random_below(&seed, 40) + 1;
                const unsigned narrow = (unsigned)random_below(&seed, width + 1);
                for (uint32_t i = 0; i < counts[c]; i++) {
                    const unsigned now = random_below(&seed, often) == 0 ? width : narrow;
                    hand.values[i] = random_next(&seed) & bits(now);
                    values[i] = (int64_t)hand.values[i];
                }
                const wendi_stream_input *input = wendi_stream_analyse(scratch, values, counts[c]);
                if (wendi_codec_find(id)->size(input) != SIZE_MAX) {
                    used[id]++;
                    assert_int_equal(wendi_stream_encode(input, (wendi_codec_wish){.forced = id}, &bytes, NULL), WEND_OK);
                    assert_int_equal(bytes.data[0], id);
                    hand.length = bytes.length;
                    hand.count = counts[c];
                    memcpy(hand.bytes, bytes.data, bytes.length);
                    check_hand_stream(8);
                    if (width <= 32) {
                        check_hand_stream(4);
                    }
                }
                wendi_buffer_free(&bytes);
            }
        }
    }
    for (uint8_t id = WENDI_CODEC_PATCHED; id <= WENDI_CODEC_MASKED; id++) {
        assert_true(used[id] > 100);
    }
    wendi_stream_scratch_free(scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_document_allows_decodes),
        cmocka_unit_test(impossible_patched_streams_are_refused),
        cmocka_unit_test(impossible_masked_streams_are_refused),
        cmocka_unit_test(every_width_round_trips),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
