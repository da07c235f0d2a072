/* Replay against a naive model, states as values, and checkpoints against the commits they stand
 * for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/support/record_cases.h"
#include "tests/support/segment_fixture.h"

enum { COMMITS = 60, TOPICS = 5 };

/* Make the random record one that can follow `before`: it drops what is there, and moves sources of
 * few names. */
static void fit(wendi_record *record, const wendi_owned_state *before, wendi_arena *arena,
                uint64_t *random)
{
    static const char *const topics[TOPICS] = {"clicks", "orders", "file:a", "file:b", ""};
    uint32_t there = before == NULL ? 0 : before->state.segment_count;
    if (record->dropped_segment_count > there) {
        record->dropped_segment_count = there;
    }
    uint8_t *drops =
        wendi_arena_alloc(arena, record->dropped_segment_count * (size_t)WENDI_UUID_BYTES + 1);
    uint32_t first =
        there == 0 ? 0 : (uint32_t)random_below(random, there - record->dropped_segment_count + 1);
    for (uint32_t i = 0; i < record->dropped_segment_count; i++) {
        memcpy(drops + (size_t)i * WENDI_UUID_BYTES, before->state.segments[first + i].uuid,
               WENDI_UUID_BYTES);
    }
    record->dropped_segments = (const uint8_t(*)[WENDI_UUID_BYTES])(void *)drops;
    wendi_segment_entry *segments =
        wendi_arena_alloc(arena, record->added_segment_count * sizeof *segments + 1);
    for (uint32_t i = 0; i < record->added_segment_count; i++) { /* as ingest adds them: last of all */
        segments[i] = record->added_segments[i];
        segments[i].commit_last = record->version;
    }
    record->added_segments = segments;
    there = before == NULL ? 0 : before->state.key_file_count;
    if (record->dropped_key_file_count > there) {
        record->dropped_key_file_count = there;
    }
    drops = wendi_arena_alloc(arena, record->dropped_key_file_count * (size_t)WENDI_UUID_BYTES + 1);
    first = there == 0 ? 0
                       : (uint32_t)random_below(random, there - record->dropped_key_file_count + 1);
    for (uint32_t i = 0; i < record->dropped_key_file_count; i++) {
        memcpy(drops + (size_t)i * WENDI_UUID_BYTES, before->state.key_files[first + i].uuid,
               WENDI_UUID_BYTES);
    }
    record->dropped_key_files = (const uint8_t(*)[WENDI_UUID_BYTES])(void *)drops;
    there = before == NULL ? 0 : before->state.reject_count;
    if (record->dropped_reject_count > there) {
        record->dropped_reject_count = there;
    }
    drops = wendi_arena_alloc(arena, record->dropped_reject_count * (size_t)WENDI_UUID_BYTES + 1);
    first =
        there == 0 ? 0 : (uint32_t)random_below(random, there - record->dropped_reject_count + 1);
    for (uint32_t i = 0; i < record->dropped_reject_count; i++) {
        memcpy(drops + (size_t)i * WENDI_UUID_BYTES, before->state.rejects[first + i].uuid,
               WENDI_UUID_BYTES);
    }
    record->dropped_rejects = (const uint8_t(*)[WENDI_UUID_BYTES])(void *)drops;
    wendi_source_state *sources =
        wendi_arena_alloc(arena, record->source_count * sizeof *sources + 1);
    for (uint32_t i = 0; i < record->source_count; i++) {
        sources[i] = record->sources[i];
        sources[i].topic = wendi_string_of(topics[random_below(random, TOPICS)]);
    }
    record->sources = sources;
}

static uint32_t count_sources(const wendi_record *records, uint32_t count)
{
    uint32_t distinct = 0;
    for (uint32_t r = 0; r < count; r++) {
        for (uint32_t s = 0; s < records[r].source_count; s++) {
            bool seen = false;
            for (uint32_t q = 0; q <= r && !seen; q++) {
                for (uint32_t t = 0; !seen && t < (q == r ? s : records[q].source_count); t++) {
                    seen = records[q].sources[t].partition == records[r].sources[s].partition &&
                           wendi_string_equal(records[q].sources[t].topic,
                                              records[r].sources[s].topic);
                }
            }
            distinct += !seen;
        }
    }
    return distinct;
}

/* Key files in the order of their commits, without those that a later record drops. */
static void compare_key_files(const wendi_owned_state *state, const wendi_record *records,
                              uint32_t count)
{
    uint32_t file = 0;
    for (uint32_t r = 0; r < count; r++) {
        for (uint32_t i = 0; i < records[r].key_file_count; i++) {
            const wendi_key_entry *entry = &records[r].key_files[i];
            bool dropped = false;
            for (uint32_t later = r + 1; later < count; later++) {
                for (uint32_t d = 0; d < records[later].dropped_key_file_count; d++) {
                    dropped |= memcmp(records[later].dropped_key_files[d], entry->uuid,
                                      WENDI_UUID_BYTES) == 0;
                }
            }
            if (!dropped) {
                assert_true(file < state->state.key_file_count);
                assert_memory_equal(state->state.key_files[file].uuid, entry->uuid,
                                    WENDI_UUID_BYTES);
                assert_true(state->state.key_files[file].key_count == entry->key_count);
                file++;
            }
        }
    }
    assert_int_equal(state->state.key_file_count, file);
}

/* What the naive model knows: the last word on each source, and all segments and rejects in order but those
 * dropped. */
static void compare_with_naive(const wendi_owned_state *state, const wendi_record *records,
                               uint32_t count)
{
    uint32_t segment = 0;
    uint32_t reject = 0;
    for (uint32_t r = 0; r < count; r++) {
        for (uint32_t i = 0; i < records[r].added_segment_count; i++) {
            bool dropped = false;
            for (uint32_t later = r + 1; later < count; later++) {
                for (uint32_t d = 0; d < records[later].dropped_segment_count; d++) {
                    dropped |= memcmp(records[later].dropped_segments[d],
                                      records[r].added_segments[i].uuid, WENDI_UUID_BYTES) == 0;
                }
            }
            if (!dropped) {
                assert_memory_equal(state->state.segments[segment].uuid,
                                    records[r].added_segments[i].uuid, WENDI_UUID_BYTES);
                segment++;
            }
        }
        for (uint32_t i = 0; i < records[r].reject_count; i++) {
            bool dropped = false;
            for (uint32_t later = r + 1; later < count; later++) {
                for (uint32_t d = 0; d < records[later].dropped_reject_count; d++) {
                    dropped |= memcmp(records[later].dropped_rejects[d],
                                      records[r].rejects[i].uuid, WENDI_UUID_BYTES) == 0;
                }
            }
            if (!dropped) {
                assert_memory_equal(state->state.rejects[reject++].uuid,
                                    records[r].rejects[i].uuid, WENDI_UUID_BYTES);
            }
        }
        for (uint32_t i = 0; i < records[r].source_count; i++) {
            const wendi_source_state *source = &records[r].sources[i];
            const wendi_source_state *last = source;
            for (uint32_t later = r; later < count; later++) {
                for (uint32_t s = later == r ? i + 1 : 0; s < records[later].source_count; s++) {
                    const wendi_source_state *moved = &records[later].sources[s];
                    last = moved->partition == source->partition &&
                                   wendi_string_equal(moved->topic, source->topic)
                               ? moved
                               : last;
                }
            }
            const wendi_source_state *known =
                wendi_state_source(&state->state, source->topic, source->partition);
            assert_non_null(known);
            assert_true(known->next == last->next && known->taken == last->taken &&
                        wendi_string_equal(known->shown, last->shown));
        }
    }
    assert_int_equal(state->state.segment_count, segment);
    assert_int_equal(state->state.reject_count, reject);
    compare_key_files(state, records, count);
    assert_int_equal(state->state.source_count, count_sources(records, count));
}

/* Through bytes: what a reader of the checkpoint gets. */
static void through_checkpoint(const wendi_owned_state *from, wendi_owned_state *to)
{
    wendi_arena arena = {0};
    wendi_buffer bytes = {0};
    uint64_t checksum;
    wendi_record back;
    wendi_record checkpoint = wendi_state_checkpoint(from);
    assert_int_equal(wendi_record_encode(&checkpoint, &bytes, &checksum), WEND_OK);
    assert_int_equal(wendi_record_decode(bytes.data, bytes.length, WENDI_RECORD_CHECKPOINT,
                                         from->state.version, &arena, &back, &checksum, NULL),
                     WEND_OK);
    assert_int_equal(wendi_state_apply(NULL, &back, checksum, to, NULL), WEND_OK);
    wendi_buffer_free(&bytes);
    wendi_arena_free(&arena);
}

static void replay_equals_checkpoint_and_model(void **state)
{
    uint64_t random = 7;
    (void)state;
    for (int round = 0; round < 30; round++) {
        wendi_arena arena = {0};
        wendi_record records[COMMITS];
        wendi_owned_state states[COMMITS];
        for (uint32_t i = 0; i < COMMITS; i++) {
            const wendi_owned_state *before = i == 0 ? NULL : &states[i - 1];
            records[i] = record_make(&arena, &random, WENDI_RECORD_COMMIT, i + 1);
            fit(&records[i], before, &arena, &random);
            assert_int_equal(wendi_state_apply(before, &records[i], 1000 + i, &states[i], NULL),
                             WEND_OK);
            assert_int_equal(states[i].state.version, i + 1);
            assert_int_equal(states[i].head_checksum, 1000 + i);
        }
        for (uint32_t i = 0; i < COMMITS;
             i++) { /* older states were not touched by what came after */
            compare_with_naive(&states[i], records, i + 1);
        }
        /* A checkpoint anywhere, and the commits after it, give the same end. */
        uint32_t at = (uint32_t)random_below(&random, COMMITS);
        wendi_owned_state current;
        through_checkpoint(&states[at], &current);
        assert_true(states_equal(&current, &states[at]));
        assert_true(current.head_checksum == states[at].head_checksum);
        for (uint32_t i = at + 1; i < COMMITS; i++) {
            wendi_owned_state next;
            assert_int_equal(wendi_state_apply(&current, &records[i], 1000 + i, &next, NULL),
                             WEND_OK);
            wendi_state_free(&current);
            current = next;
            assert_true(states_equal(&current, &states[i]));
        }
        wendi_state_free(&current);
        for (uint32_t i = 0; i < COMMITS; i++) {
            wendi_state_free(&states[i]);
        }
        wendi_arena_free(&arena);
    }
}

static void dropping_what_is_not_there_is_damage(void **state)
{
    wendi_owned_state next;
    wend_error error;
    static const uint8_t drops[2][WENDI_UUID_BYTES] = {{1}, {1}};
    wendi_record keys = {.kind = WENDI_RECORD_COMMIT,
                         .version = 2,
                         .dropped_key_files = drops,
                         .dropped_key_file_count = 1};
    wendi_record rejects = {.kind = WENDI_RECORD_COMMIT,
                            .version = 2,
                            .dropped_rejects = drops,
                            .dropped_reject_count = 1};
    wendi_segment_entry there = {.uuid = {1}};
    wendi_record first = {.kind = WENDI_RECORD_COMMIT,
                          .version = 1,
                          .added_segments = &there,
                          .added_segment_count = 1};
    wendi_record second = {.kind = WENDI_RECORD_COMMIT,
                           .version = 2,
                           .dropped_segments = drops,
                           .dropped_segment_count = 2};
    wendi_owned_state one;
    (void)state;
    assert_int_equal(wendi_state_apply(NULL, &second, 1, &next, &error), WEND_CORRUPT);
    assert_int_equal(wendi_state_apply(NULL, &first, 1, &one, &error), WEND_OK);
    assert_int_equal(wendi_state_apply(&one, &second, 2, &next, &error),
                     WEND_CORRUPT); /* once is once */
    assert_int_equal(wendi_state_apply(&one, &keys, 2, &next, &error), WEND_CORRUPT);
    assert_int_equal(wendi_state_apply(&one, &rejects, 2, &next, &error), WEND_CORRUPT);
    second.dropped_segment_count = 1;
    assert_int_equal(wendi_state_apply(&one, &second, 2, &next, &error), WEND_OK);
    assert_int_equal(next.state.segment_count, 0);
    wendi_state_free(&next);
    wendi_state_free(&one);
}

static void uuids_are_version_four_and_differ(void **state)
{
    uint8_t a[WENDI_UUID_BYTES], b[WENDI_UUID_BYTES];
    char text[WENDI_UUID_TEXT_BYTES];
    static const uint8_t known[WENDI_UUID_BYTES] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
                                                    0,    1,    2,    3,    4,    5,    6,    0xff};
    (void)state;
    wendi_uuid_make(a);
    wendi_uuid_make(b);
    assert_true(memcmp(a, b, sizeof a) != 0);
    assert_int_equal(a[6] >> 4, 4);
    assert_int_equal(a[8] >> 6, 2);
    assert_string_equal(wendi_uuid_text(known, text), "01234567-89ab-cdef-0001-0203040506ff");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replay_equals_checkpoint_and_model),
        cmocka_unit_test(dropping_what_is_not_there_is_damage),
        cmocka_unit_test(uuids_are_version_four_and_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
