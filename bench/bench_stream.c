/*
 * Streams of integers as pages hold them, decoded a vector at a time into L1 on one core: what each
 * codec that applies costs on columns shaped like a clickstream's, and which one the writer chooses.
 *
 *   bench_stream [shared options]
 */
#include <stdio.h>
#include <string.h>

#include "bench/harness.h"
#include "engine/base/alloc.h"
#include "engine/base/hash.h"
#include "format/codec/codec.h"

enum { ROWS = WENDI_STREAM_VALUES_MAX };

typedef struct decoding {
    wendi_stream stream;
    uint64_t *vector; /* room of one */
} decoding;

static volatile uint64_t kept; /* so that no result is optimised away */

static uint64_t random_next(uint64_t *state)
{
    *state += UINT64_C(0x9e3779b97f4a7c15);
    return wendi_mix64(*state);
}

static void decode(void *context)
{
    decoding *work = context;
    for (uint32_t row = 0; row < ROWS; row += WENDI_VECTOR_ROWS) {
        wendi_stream_decode(&work->stream, row, WENDI_VECTOR_ROWS, work->vector);
        kept += work->vector[row / WENDI_VECTOR_ROWS];
    }
}

/* ---- columns ----------------------------------------------------------------------------------- */

/* Microseconds of whole milliseconds within sessions of about `session` events, in the order of users. */
static int64_t user_time(uint64_t *seed, int64_t before, uint32_t session)
{
    const uint64_t draw = random_next(seed);
    if (draw % session == 0) {
        return INT64_C(1700000000000000) + (int64_t)((draw >> 8) % 86400000) * 1000;
    }
    return before + (int64_t)((draw >> 8) % 90000) * 1000;
}

static int64_t arrival_time(uint64_t *seed, int64_t before, uint32_t row)
{
    return (row == 0 ? INT64_C(1700000000000000) : before) + (int64_t)(random_next(seed) % 30) * 1000;
}

static int64_t skewed_code(uint64_t *seed, int64_t before, uint32_t entries)
{
    const uint64_t draw = random_next(seed);
    (void)before;
    return (int64_t)((draw >> 32) % entries * ((draw & 0xffff) + 1) >> 16);
}

static int64_t code_in_runs(uint64_t *seed, int64_t before, uint32_t run)
{
    const uint64_t draw = random_next(seed);
    return draw % run != 0 ? before : (int64_t)(draw >> 8) % 3000;
}

static int64_t mostly_zero(uint64_t *seed, int64_t before, uint32_t share)
{
    const uint64_t draw = random_next(seed);
    (void)before;
    return draw % share != 0 ? 0 : (int64_t)(draw >> 8) % 100000;
}

static const struct {
    const char *name;
    int64_t (*next)(uint64_t *seed, int64_t before, uint32_t shape);
    uint32_t shape;
    uint8_t lane_bytes;
} columns[] = {
    {"times in arrival order", arrival_time, 1, 8},    {"times of users, 8 events each", user_time, 8, 8},
    {"times of users, 100 events each", user_time, 100, 8}, {"codes of 14", skewed_code, 14, 4},
    {"codes of 5,000", skewed_code, 5000, 4},          {"codes in runs of 8", code_in_runs, 8, 4},
    {"codes in runs of 100", code_in_runs, 100, 4},    {"prices, 1 of 10 rows", mostly_zero, 10, 8},
};

/* ---- measuring --------------------------------------------------------------------------------- */

static void bench_codec(wendi_bench *bench, const wendi_stream_input *input, const wendi_codec_candidate *candidate,
                        uint8_t lane_bytes, decoding *work)
{
    wendi_buffer bytes = {0};
    wendi_arena arena;
    const char *reason = "";
    char name[64];
    wendi_arena_init(&arena, 65536);
    wendi_bench_must(wendi_stream_encode(input, (wendi_codec_wish){.forced = candidate->id}, &bytes, NULL),
                     "encoding a stream", NULL);
    wendi_reader reader = wendi_reader_of(bytes.data, bytes.length);
    wendi_bench_must(wendi_stream_open(&work->stream, &reader, ROWS, lane_bytes, false, &arena, &reason), reason, NULL);
    snprintf(name, sizeof name, "%s%s, %.2f bytes a row", candidate->name, candidate->chosen ? " (chosen)" : "",
             (double)bytes.length / ROWS);
    (void)wendi_bench_measure(bench, &(wendi_bench_case){name, decode, work, ROWS, "values", ROWS * (double)lane_bytes});
    wendi_arena_free(&arena);
    wendi_buffer_free(&bytes);
}

static void bench_column(wendi_bench *bench, size_t column, wendi_stream_scratch *scratch, int64_t *values,
                         decoding *work)
{
    wendi_codec_candidate candidates[WENDI_CODEC_COUNT];
    uint64_t seed = column;
    int64_t value = 0;
    for (uint32_t row = 0; row < ROWS; row++) {
        const uint32_t shape = columns[column].next == arrival_time ? row : columns[column].shape;
        value = columns[column].next(&seed, value, shape);
        values[row] = value;
    }
    wendi_bench_heading(bench, columns[column].name);
    const wendi_stream_input *input = wendi_stream_analyse(scratch, values, ROWS);
    const uint32_t count = wendi_codec_candidates(input, (wendi_codec_wish){0}, candidates);
    for (uint32_t i = 0; i < count; i++) {
        if (candidates[i].applies && candidates[i].bytes < ROWS * 8) {
            bench_codec(bench, input, &candidates[i], columns[column].lane_bytes, work);
        }
    }
}

int main(int argc, char **argv)
{
    wendi_bench bench;
    decoding work = {.vector = NULL};
    wendi_stream_scratch *scratch;
    wend_error error;
    if (wendi_bench_open(&bench, "bench_stream", argc, argv) > 1) {
        wendi_bench_fail("usage: bench_stream [--runs N] [--json FILE]");
    }
    wendi_bench_must(wendi_kernels_check(&error), "choosing kernels", &error);
    wendi_bench_must(wendi_stream_scratch_new(&scratch), "memory for statistics", NULL);
    wendi_bench_machine(&bench);
    int64_t *values = wendi_alloc_aligned(64, ROWS * sizeof *values);
    work.vector = wendi_alloc_aligned(64, WENDI_VECTOR_ROWS * sizeof *work.vector);
    for (size_t column = 0; column < sizeof columns / sizeof *columns; column++) {
        bench_column(&bench, column, scratch, values, &work);
    }
    wendi_free(values);
    wendi_free(work.vector);
    wendi_stream_scratch_free(scratch);
    wendi_bench_close(&bench);
    return 0;
}
