/*
 * Threads share one segment: dictionaries, indexes and user runs are loaded once, whoever comes first,
 * and everybody gets the same ones. Run under ThreadSanitizer this also proves that there is no race.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>

#include "tests/support/segment_cases.h"

enum { THREADS = 4 };

typedef struct worker {
    pthread_t thread;
    wendi_segment *segment;
    wendi_dictionary *dictionary;
    const wendi_user_runs *runs;
    const uint64_t *hashes;
    uint64_t sum;
    wend_status status;
} worker;

static void *work(void *context)
{
    worker *self = context;
    wendi_chunk *chunk;
    wendi_vector vector;
    for (uint32_t c = 0; c < wendi_segment_column_count(self->segment) && self->status == WEND_OK; c++) {
        self->status = wendi_chunk_open(self->segment, 0, c, &chunk, NULL);
        if (self->status != WEND_OK) {
            break;
        }
        self->status = wendi_chunk_read(chunk, 0, wendi_segment_row_group(self->segment, 0)->row_count, &vector, NULL);
        for (uint32_t i = 0; self->status == WEND_OK && i < vector.row_count; i++) {
            self->sum += wendi_vector_is_null(&vector, i);
        }
        if (self->status == WEND_OK && c == 2) {
            self->status = wendi_chunk_dictionary(chunk, &self->dictionary, NULL);
        }
        wendi_chunk_close(chunk);
    }
    if (self->status == WEND_OK) {
        self->status = wendi_segment_user_hashes(self->segment, 0, &self->hashes, NULL);
    }
    if (self->status == WEND_OK) {
        self->status = wendi_segment_user_runs(self->segment, 0, &self->runs, NULL);
    }
    return NULL;
}

static void threads_share_what_is_loaded(void **state)
{
    (void)state;
    for (int round = 0; round < 50; round++) {
        segment_bytes file = {.read_calls = 0};
        worker workers[THREADS] = {{.sum = 0}};
        wendi_segment *segment;
        segment_case_write(&segment_cases[4], &file);
        /* Reads count into the fixture, so each thread would race there: give them a plain source. */
        wendi_segment_source source = segment_bytes_source(&file);
        source.read = segment_bytes_read_quietly;
        assert_int_equal(wendi_segment_open(&source, NULL, &segment, NULL), WEND_OK);
        for (int t = 0; t < THREADS; t++) {
            workers[t].segment = segment;
            assert_int_equal(pthread_create(&workers[t].thread, NULL, work, &workers[t]), 0);
        }
        for (int t = 0; t < THREADS; t++) {
            pthread_join(workers[t].thread, NULL);
            assert_int_equal(workers[t].status, WEND_OK);
            assert_ptr_equal(workers[t].dictionary, workers[0].dictionary);
            assert_ptr_equal(workers[t].runs, workers[0].runs);
            assert_ptr_equal(workers[t].hashes, workers[0].hashes);
            assert_int_equal(workers[t].sum, workers[0].sum);
        }
        wendi_segment_close(segment);
        wendi_buffer_free(&file.bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(threads_share_what_is_loaded)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
