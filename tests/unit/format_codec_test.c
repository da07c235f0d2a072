/*
 * Every registered codec on every shape of numbers: the size it foretells is the size it writes, what
 * it writes decodes to what went in from any vector on, and bounds that it gives for free hold.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine/base/alloc.h"
#include "format/codec/codec.h"
#include "tests/support/segment_fixture.h"

static wendi_stream_scratch *scratch;

static int set_up(void **state)
{
    (void)state;
    return wendi_stream_scratch_new(&scratch) == WEND_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    wendi_stream_scratch_free(scratch);
    return 0;
}

static void fill(int64_t *values, uint32_t count, column_shape shape, uint64_t seed)
{
    int64_t before = 0;
    for (uint32_t i = 0; i < count; i++) {
        values[i] = before = shaped_value(shape, &seed, before, i);
    }
}

static void check_decode(const wendi_stream *stream, const int64_t *values, uint32_t count)
{
    size_t room = ((size_t)count + 1023) / 1024 * 1024;
    uint64_t *out = wendi_alloc_aligned(64, room * sizeof *out);
    for (uint32_t first = 0; first < count; first += first < 4096 ? 1024 : 13312) {
        uint32_t rows = count - first > 5000 ? 5000 : count - first;
        wendi_stream_decode(stream, first, rows, out);
        for (uint32_t i = 0; i < rows; i++) {
            if (stream->lane_bytes == 8 && out[i] != (uint64_t)values[first + i]) {
                fail_msg("%s: value %u differs", stream->codec->name, first + i);
            }
            if (stream->lane_bytes == 4 && ((uint32_t *)out)[i] != (uint32_t)values[first + i]) {
                fail_msg("%s: low half of value %u differs", stream->codec->name, first + i);
            }
        }
    }
    for (uint32_t first = 0; first < count; first += 1024) {
        int64_t min;
        int64_t max;
        if (stream->codec->bounds(stream, first / 1024, &min, &max)) {
            for (uint32_t i = first; i < count && i < first + 1024; i++) {
                assert_true(min <= values[i] && values[i] <= max);
            }
        }
    }
    wendi_free(out);
}

static bool narrow(const int64_t *values, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (values[i] < 0 || values[i] > INT32_MAX / 2) {
            return false;
        }
    }
    return true;
}

/* Narrow values as codes make the same stream, whichever codec it is to be. */
static void check_codes(const int64_t *values, uint32_t count, unsigned forced, const wendi_buffer *expected)
{
    static uint32_t codes[WENDI_STREAM_VALUES_MAX];
    wendi_buffer bytes = {.length = 0};
    for (uint32_t i = 0; i < count; i++) {
        codes[i] = (uint32_t)values[i];
    }
    const wendi_stream_input *input = wendi_stream_analyse_codes(scratch, codes, count);
    assert_int_equal(wendi_stream_encode(input, (wendi_codec_wish){.forced = (uint8_t)forced}, &bytes, NULL), WEND_OK);
    assert_int_equal(bytes.length, expected->length);
    assert_memory_equal(bytes.data, expected->data, bytes.length);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(wendi_stream_values(input)[i], values[i]);
    }
    for (uint32_t i = 0; i < count; i++) {
        assert_true(wendi_stream_quotients(input)[i] * input->divisor + (uint64_t)input->min == (uint64_t)values[i]);
    }
    wendi_buffer_free(&bytes);
}

static uint32_t check_codec(const int64_t *values, uint32_t count, unsigned forced)
{
    const wendi_stream_input *input = wendi_stream_analyse(scratch, values, count);
    const wendi_codec *codec = wendi_codec_find(forced);
    const wendi_codec *used = NULL;
    wendi_buffer bytes = {.length = 0};
    wendi_arena arena = {.blocks = NULL};
    const char *reason = NULL;
    size_t size = codec->size(input);
    assert_int_equal(codec->id, forced);
    if (size == SIZE_MAX) {
        return 0;
    }
    assert_int_equal(wendi_stream_encode(input, (wendi_codec_wish){.forced = (uint8_t)forced}, &bytes, &used), WEND_OK);
    assert_ptr_equal(used, codec);
    assert_int_equal(bytes.length, WENDI_STREAM_HEADER_BYTES + (size + 7) / 8 * 8);
    for (uint8_t lane = narrow(values, count) ? 4 : 8; lane <= 8; lane = (uint8_t)(lane + 4)) {
        wendi_stream stream;
        wendi_reader reader = wendi_reader_of(bytes.data, bytes.length);
        wend_status status = wendi_stream_open(&stream, &reader, count, lane, false, &arena, &reason);
        if (status != WEND_OK) {
            fail_msg("%s: %s", codec->name, reason);
        }
        assert_int_equal(wendi_reader_left(&reader), 0);
        assert_int_equal(stream.encoded_bytes, bytes.length);
        check_decode(&stream, values, count);
    }
    if (narrow(values, count)) {
        check_codes(values, count, forced, &bytes);
    }
    wendi_arena_free(&arena);
    wendi_buffer_free(&bytes);
    return 1;
}

static void every_codec_round_trips(void **state)
{
    (void)state;
    static const uint32_t counts[] = {1, 2, 100, 1023, 1024, 1025, 3000, 65535, 65536};
    static int64_t values[WENDI_STREAM_VALUES_MAX];
    uint32_t used[WENDI_CODEC_COUNT] = {0};
    for (column_shape shape = 0; shape < SHAPE_COUNT; shape++) {
        for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
            fill(values, counts[c], shape, shape * 100 + c);
            for (unsigned id = 1; id < WENDI_CODEC_COUNT; id++) {
                used[id] += check_codec(values, counts[c], id);
            }
        }
    }
    for (unsigned id = 1; id < WENDI_CODEC_COUNT; id++) {
        assert_true(used[id] > 0);
    }
}

/* Random mixtures: lengths, widths, outliers, runs, multiples - whatever the shapes above do not do. */
static void random_streams_round_trip(void **state)
{
    (void)state;
    static int64_t values[WENDI_STREAM_VALUES_MAX];
    uint64_t seed = 2024;
    for (int round = 0; round < 300; round++) {
        uint32_t count = 1 + (uint32_t)random_below(&seed, round % 10 == 0 ? 65536 : 4000);
        unsigned bits = (unsigned)random_below(&seed, 64);
        uint64_t stay = random_below(&seed, 100);
        int64_t factor = round % 3 == 0 ? (int64_t)random_below(&seed, 1000000) + 1 : 1;
        int64_t base = (int64_t)random_next(&seed);
        int64_t last = 0;
        for (uint32_t i = 0; i < count; i++) {
            if (random_below(&seed, 100) >= stay) {
                last = (int64_t)((random_next(&seed) & ((UINT64_C(1) << bits) - 1)) * (uint64_t)factor);
            }
            values[i] = (int64_t)((uint64_t)base + (uint64_t)last);
        }
        for (unsigned id = 1; id < WENDI_CODEC_COUNT; id++) {
            check_codec(values, count, id);
        }
    }
}

/* Statistics that come from runs are those of the rows, vector by vector. */
static void check_statistics(const wendi_stream_input *input, const int64_t *values, uint32_t count)
{
    assert_int_equal(input->vector_count, (count + WENDI_VECTOR_ROWS - 1) / WENDI_VECTOR_ROWS);
    for (uint32_t v = 0; v < input->vector_count; v++) {
        const wendi_vector_statistics *vector = &input->vectors[v];
        const int64_t *of = values + (size_t)v * WENDI_VECTOR_ROWS;
        const uint32_t rows = count - v * WENDI_VECTOR_ROWS < WENDI_VECTOR_ROWS ? count - v * WENDI_VECTOR_ROWS : WENDI_VECTOR_ROWS;
        const int64_t divisor = (int64_t)input->divisor;
        int64_t min = of[0];
        int64_t max = of[0];
        int64_t step_min = rows > 1 ? INT64_MAX : 0;
        int64_t step_max = rows > 1 ? INT64_MIN : 0;
        for (uint32_t i = 1; i < rows; i++) {
            const int64_t step = (of[i] - of[i - 1]) / divisor;
            min = of[i] < min ? of[i] : min;
            max = of[i] > max ? of[i] : max;
            step_min = step < step_min ? step : step_min;
            step_max = step > step_max ? step : step_max;
        }
        assert_int_equal(vector->count, rows);
        assert_int_equal(vector->first, (of[0] - input->min) / divisor);
        assert_int_equal(vector->min, (min - input->min) / divisor);
        assert_int_equal(vector->max, (max - input->min) / divisor);
        assert_int_equal(vector->step_min, step_min);
        assert_int_equal(vector->step_max, step_max);
    }
}

static void long_runs_say_what_rows_would(void **state)
{
    (void)state;
    static int64_t values[WENDI_STREAM_VALUES_MAX];
    uint64_t seed = 77;
    for (int round = 0; round < 200; round++) {
        const uint32_t count = 8000 + (uint32_t)random_below(&seed, WENDI_STREAM_VALUES_MAX - 8000 + 1);
        const uint64_t often = 1 + random_below(&seed, round % 4 == 0 ? 5000 : 12);
        const int64_t factor = 1 + (int64_t)random_below(&seed, 3) * 250;
        const int64_t base = (int64_t)random_below(&seed, 1000000) - 500000;
        const uint64_t distinct = 1 + random_below(&seed, 1000);
        for (uint32_t i = 0; i < count; i++) {
            values[i] = i == 0 || random_below(&seed, often) == 0
                            ? base + factor * (int64_t)random_below(&seed, distinct)
                            : values[i - 1];
        }
        check_statistics(wendi_stream_analyse(scratch, values, count), values, count);
    }
}

static void the_choice_is_the_cheapest_that_applies(void **state)
{
    (void)state;
    static int64_t values[WENDI_STREAM_VALUES_MAX];
    static const struct {
        column_shape shape;
        wendi_codec_id codec;
    } choices[] = {{SHAPE_CONSTANT, WENDI_CODEC_CONSTANT}, {SHAPE_SMALL, WENDI_CODEC_FOR},
                   {SHAPE_SKEWED, WENDI_CODEC_PATCHED},    {SHAPE_RISING, WENDI_CODEC_DELTA},
                   {SHAPE_RUNS, WENDI_CODEC_RLE},          {SHAPE_FALLS, WENDI_CODEC_PATCHED_DELTA},
                   {SHAPE_MIXED, WENDI_CODEC_MASKED}};
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
        wendi_codec_candidate candidates[WENDI_CODEC_COUNT];
        size_t bytes;
        uint32_t chosen = 0;
        fill(values, 65536, choices[i].shape, 3);
        const wendi_stream_input *input = wendi_stream_analyse(scratch, values, 65536);
        const wendi_codec *codec = wendi_codec_choose(input, (wendi_codec_wish){0}, &bytes);
        assert_string_equal(codec->name, wendi_codec_find(choices[i].codec)->name);
        uint32_t count = wendi_codec_candidates(input, (wendi_codec_wish){0}, candidates);
        assert_int_equal(count, WENDI_CODEC_COUNT - 1);
        for (uint32_t c = 0; c < count; c++) {
            const wendi_codec_candidate *other = &candidates[c];
            assert_int_equal(other->id, c + 1);
            assert_int_equal(other->applies ? other->bytes : SIZE_MAX, wendi_codec_find(other->id)->size(input));
            assert_int_equal(other->chosen, other->id == codec->id);
            assert_true(!other->chosen || other->bytes == bytes);
            assert_true(!other->applies || other->cost >= candidates[codec->id - 1].cost);
            chosen += other->chosen;
        }
        assert_int_equal(chosen, 1);
    }
}

/* What the page before was encoded with stays for two hundredths of the size, and not for more. */
static void the_choice_keeps_to_the_page_before(void **state)
{
    (void)state;
    static int64_t values[WENDI_STREAM_VALUES_MAX];
    uint32_t kept = 0;
    uint32_t left = 0;
    for (column_shape shape = 0; shape < SHAPE_COUNT; shape++) {
        wendi_codec_candidate free_choice[WENDI_CODEC_COUNT];
        fill(values, 30000, shape, 7);
        const wendi_stream_input *input = wendi_stream_analyse(scratch, values, 30000);
        size_t bytes;
        const wendi_codec *best = wendi_codec_choose(input, (wendi_codec_wish){0}, &bytes);
        (void)wendi_codec_candidates(input, (wendi_codec_wish){0}, free_choice);
        for (uint8_t id = 1; id < WENDI_CODEC_COUNT; id++) {
            const wendi_codec *now = wendi_codec_choose(input, (wendi_codec_wish){.previous = id}, &bytes);
            assert_true(now->id == id || now->id == best->id);
            if (now->id == id && id != best->id) {
                assert_true(free_choice[id - 1].cost * 98 / 100 <= free_choice[best->id - 1].cost + 1);
                kept++;
            }
            left += now->id != id && free_choice[id - 1].applies;
        }
    }
    assert_true(left > 0);
    (void)kept;
}

/* Any change of a valid stream is refused or decodes to something: run under ASan this is the proof. */
static void damaged_streams_do_no_harm(void **state)
{
    (void)state;
    static int64_t values[3000];
    static uint64_t out[4096];
    uint64_t seed = 99;
    for (column_shape shape = 0; shape < SHAPE_COUNT; shape++) {
        fill(values, 3000, shape, shape);
        for (unsigned id = 1; id < WENDI_CODEC_COUNT; id++) {
            wendi_buffer bytes = {.length = 0};
            const wendi_stream_input *input = wendi_stream_analyse(scratch, values, 3000);
            assert_int_equal(wendi_stream_encode(input, (wendi_codec_wish){.forced = (uint8_t)id}, &bytes, NULL), WEND_OK);
            for (int round = 0; round < 400; round++) {
                size_t at = random_below(&seed, bytes.length < 200 || round % 2 == 0 ? bytes.length : 200);
                uint8_t kept = bytes.data[at];
                wendi_arena arena = {.blocks = NULL};
                wendi_stream stream;
                const char *reason = NULL;
                bytes.data[at] = (uint8_t)random_next(&seed);
                wendi_reader reader = wendi_reader_of(bytes.data, bytes.length);
                wend_status status =
                    wendi_stream_open(&stream, &reader, 3000, round % 3 == 0 ? 4 : 8, false, &arena, &reason);
                if (status == WEND_OK) {
                    wendi_stream_decode(&stream, 1024, 1976, out);
                } else {
                    assert_int_equal(status, WEND_CORRUPT);
                    assert_non_null(reason);
                }
                bytes.data[at] = kept;
                wendi_arena_free(&arena);
            }
            wendi_buffer_free(&bytes);
        }
    }
}

/* Whether a stream with `bytes` changed at `at` is refused, and taken again when it is not. */
static void check_refused(wendi_buffer *stream_bytes, uint32_t count, uint8_t lane_bytes, size_t at, uint8_t byte)
{
    for (int changed = 0; changed <= 1; changed++) {
        wendi_stream stream;
        wendi_arena arena = {.blocks = NULL};
        const char *reason = NULL;
        uint8_t kept = stream_bytes->data[at];
        stream_bytes->data[at] = changed ? byte : kept;
        wendi_reader reader = wendi_reader_of(stream_bytes->data, stream_bytes->length);
        wend_status status = wendi_stream_open(&stream, &reader, count, lane_bytes, false, &arena, &reason);
        stream_bytes->data[at] = kept;
        if (status != (changed ? WEND_CORRUPT : WEND_OK)) {
            fail_msg("codec %u, byte %zu: %s", stream_bytes->data[0], at, reason == NULL ? "taken" : reason);
        }
        wendi_arena_free(&arena);
    }
}

/* Fields that only other codecs have, bits where no number is, first steps, and what 32 bits cannot hold. */
static void what_says_nothing_is_zero(void **state)
{
    (void)state;
    enum { COUNT = 1029, BODY = WENDI_STREAM_HEADER_BYTES, STEP_REFERENCE = 16, STEP_BYTES = 25, EXCEPTION_BYTES = 26 };
    static int64_t values[COUNT];
    for (uint32_t i = 0; i < COUNT; i++) {
        values[i] = i % 64 == 3 ? 99991 : 7 + (int64_t)(i * i % 5);
    }
    for (uint8_t id = WENDI_CODEC_CONSTANT; id <= WENDI_CODEC_SPARSE; id++) {
        wendi_buffer bytes = {.length = 0};
        const bool constant = id == WENDI_CODEC_CONSTANT;
        const wendi_stream_input *input = wendi_stream_analyse(scratch, values, constant ? 1 : COUNT);
        if (wendi_codec_find(id)->size(input) == SIZE_MAX) {
            continue;
        }
        assert_int_equal(wendi_stream_encode(input, (wendi_codec_wish){.forced = id}, &bytes, NULL), WEND_OK);
        assert_int_equal(bytes.data[0], id);
        if (id != WENDI_CODEC_RLE) { /* reference, value or common value */
            check_refused(&bytes, input->count, 4, BODY + 4, 1);
        }
        if (id >= WENDI_CODEC_FOR && id <= WENDI_CODEC_PDELTA) {
            const uint32_t body_bytes = wendi_load_u32(bytes.data + 8);
            const size_t end = BODY + body_bytes;
            const uint8_t *widths = bytes.data + BODY + 32;
            const size_t packed = end - 128u * widths[0] - (5u * widths[1] + 7) / 8;
            check_refused(&bytes, input->count, 4, BODY + 12, 1);
            if (id != WENDI_CODEC_DELTA) {
                check_refused(&bytes, input->count, 8, BODY + STEP_REFERENCE, 1);
                check_refused(&bytes, input->count, 8, BODY + STEP_BYTES, 1);
            }
            if (id == WENDI_CODEC_FOR || id == WENDI_CODEC_DELTA) {
                check_refused(&bytes, input->count, 8, BODY + EXCEPTION_BYTES, 1);
            }
            if (5 * widths[1] % 8 != 0) {
                check_refused(&bytes, input->count, 8, end - 1, bytes.data[end - 1] | 0x80);
            }
            if ((id == WENDI_CODEC_DELTA || id == WENDI_CODEC_PDELTA) && widths[0] > 0) {
                check_refused(&bytes, input->count, 8, packed, bytes.data[packed] | 1);
            }
        }
        wendi_buffer_free(&bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_codec_round_trips),
        cmocka_unit_test(random_streams_round_trip),
        cmocka_unit_test(long_runs_say_what_rows_would),
        cmocka_unit_test(the_choice_is_the_cheapest_that_applies),
        cmocka_unit_test(the_choice_keeps_to_the_page_before),
        cmocka_unit_test(damaged_streams_do_no_harm),
        cmocka_unit_test(what_says_nothing_is_zero),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
