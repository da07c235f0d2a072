/* Finding partitions and deciding where each begins: see kafka_partition.h. */
#include "ingest/kafka/kafka_partition.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/alloc.h"

enum { METADATA_TIMEOUT_MS = 1000 }; /* of questions in the middle of reading */

void wendi_kafka_source_tell(wendi_kafka_source *source, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (source->notice != NULL) {
        source->notice(source->notice_context, text);
    }
}

void wendi_kafka_source_say(wendi_kafka_source *source, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    wendi_kafka_client_note(&source->client, "%s", text);
    wendi_kafka_source_tell(source, "%s", text);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static wend_status add_topic(wendi_kafka_source *source, const char *name, wend_error *error)
{
    wendi_kafka_topic *topic = &source->topics[source->topic_count];

    if (source->topic_count > 0 &&
        strcmp(source->topics[source->topic_count - 1].name, name) == 0) {
        return wendi_fail(error, WEND_INVALID, "the topic %s is named twice", name);
    }
    topic->name = wendi_strdup(name);
    if (topic->name == NULL) {
        return wendi_fail_nomem(error, "a topic", strlen(name));
    }
    source->topic_count++;
    rd_kafka_topic_conf_t *conf = rd_kafka_default_topic_conf_dup(source->client.handle);
    rd_kafka_topic_conf_set_opaque(conf, topic);
    topic->handle = rd_kafka_topic_new(source->client.handle, name, conf);
    if (topic->handle == NULL) {
        rd_kafka_topic_conf_destroy(conf);
        return wendi_fail(error, WEND_INVALID, "topic %s: %s", name,
                          rd_kafka_err2str(rd_kafka_last_error()));
    }
    return WEND_OK;
}

/* In the order of their names, whatever order they were asked in: it fixes the order of arrival. */
static wend_status add_topics(wendi_kafka_source *source, const wendi_kafka_source_options *options,
                              wend_error *error)
{
    wend_status status = WEND_OK;
    const char **names = wendi_alloc(options->topic_count * sizeof *names);

    source->topics = wendi_alloc_zero(options->topic_count, sizeof *source->topics);
    if (names == NULL || source->topics == NULL) {
        status = wendi_fail_nomem(error, "topics", options->topic_count * sizeof *source->topics);
        goto cleanup;
    }
    memcpy(names, options->topics, options->topic_count * sizeof *names);
    qsort(names, options->topic_count, sizeof *names, compare_names);
    for (uint32_t k = 0; k < options->topic_count; k++) {
        WEND_TRY(add_topic(source, names[k], error));
    }
cleanup:
    wendi_free(names);
    return status;
}

static wend_status reserve(wendi_kafka_source *source, wend_error *error)
{
    if (source->count < source->capacity) {
        return WEND_OK;
    }
    uint32_t capacity = source->capacity == 0 ? 16 : source->capacity * 2;
    wendi_kafka_slot *slots = wendi_realloc(source->slots, capacity * sizeof *slots);
    source->slots = slots != NULL ? slots : source->slots;
    wendi_source_partition *states = wendi_realloc(source->states, capacity * sizeof *states);
    source->states = states != NULL ? states : source->states;
    char **shown = wendi_realloc(source->shown, capacity * sizeof *shown);
    source->shown = shown != NULL ? shown : source->shown;
    if (slots == NULL || states == NULL || shown == NULL) {
        return wendi_fail_nomem(error, "partitions", capacity * (sizeof *slots + sizeof *states));
    }
    source->capacity = capacity;
    return WEND_OK;
}

/* Room in the topic's map for `partition_count` partitions; new ones are not read yet. */
static wend_status widen(wendi_kafka_topic *topic, int32_t partition_count, wend_error *error)
{
    if (partition_count <= topic->partition_count) {
        return WEND_OK;
    }
    uint32_t *grown = wendi_realloc(topic->ordinals, (size_t)partition_count * sizeof *grown);
    if (grown == NULL) {
        return wendi_fail_nomem(error, "partitions", (size_t)partition_count * sizeof *grown);
    }
    for (int32_t k = topic->partition_count; k < partition_count; k++) {
        grown[k] = WENDI_KAFKA_NO_ORDINAL;
    }
    topic->ordinals = grown;
    topic->partition_count = partition_count;
    return WEND_OK;
}

static wend_status add_partition(wendi_kafka_source *source, wendi_kafka_topic *topic,
                                 int32_t partition, wend_error *error)
{
    char text[300];
    wend_status status = reserve(source, error);
    if (status != WEND_OK) {
        return status;
    }
    snprintf(text, sizeof text, "%s[%d]", topic->name, partition);
    char *shown = wendi_strdup(text);
    if (shown == NULL) {
        return wendi_fail_nomem(error, "a partition", sizeof text);
    }
    source->shown[source->count] = shown;
    source->slots[source->count] = (wendi_kafka_slot){.topic = topic,
                                                      .end_wanted = -1,
                                                      .gap_first = -1,
                                                      .gap_end = -1,
                                                      .gone_before = -1,
                                                      .last_taken = WENDI_KAFKA_NO_ORDINAL};
    source->states[source->count] = (wendi_source_partition){.topic = topic->name,
                                                             .partition = partition,
                                                             .shown = shown,
                                                             .end = -1,
                                                             .leader_epoch = -1};
    topic->ordinals[partition] = source->count++;
    return WEND_OK;
}

static bool asked_for(const wendi_kafka_source_options *options, int32_t partition)
{
    for (uint32_t k = 0; options->partitions != NULL && k < options->partition_count; k++) {
        if (options->partitions[k] == partition) {
            return true;
        }
    }
    return options->partitions == NULL;
}

static wend_status add_partitions(wendi_kafka_source *source, wendi_kafka_topic *topic,
                                  const wendi_kafka_source_options *options, wend_error *error)
{
    wend_status status = WEND_OK;
    int32_t count = 0;

    WEND_TRY(wendi_kafka_client_partition_count(&source->client, topic->handle,
                                                source->connect_timeout_ms, &count, error));
    for (uint32_t k = 0; k < options->partition_count && options->partitions != NULL; k++) {
        if (options->partitions[k] < 0 || options->partitions[k] >= count) {
            status = wendi_fail(error, WEND_NOT_FOUND, "topic %s has no partition %d: it has %d",
                                topic->name, options->partitions[k], count);
            goto cleanup;
        }
    }
    WEND_TRY(widen(topic, count, error));
    for (int32_t partition = 0; partition < count && source->group == NULL; partition++) {
        if (asked_for(options, partition)) {
            WEND_TRY(add_partition(source, topic, partition, error));
        }
    }
cleanup:
    return status;
}

/* Answers of a partition that is being made, moved, or whose broker starts. */
static bool is_passing(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION ||
           code == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE ||
           code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
           code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION ||
           code == RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE || code == RD_KAFKA_RESP_ERR__TRANSPORT ||
           code == RD_KAFKA_RESP_ERR__TIMED_OUT;
}

/* Whether to ask again after `code`; waits a little first. Until something works, for as long as
   open() may take; later only briefly, since who asks will ask again. */
static bool ask_again(wendi_kafka_source *source, rd_kafka_resp_err_t code, int64_t deadline_ms)
{
    wend_error refused;
    return is_passing(code) && wendi_kafka_now_ms() < deadline_ms &&
           wendi_kafka_client_serve(&source->client, 100, &refused) == WEND_OK;
}

static int patience_ms(const wendi_kafka_source *source)
{
    return source->opened ? METADATA_TIMEOUT_MS : source->connect_timeout_ms;
}

static wend_status query_marks(wendi_kafka_source *source, uint32_t ordinal, int64_t *low,
                               int64_t *high, wend_error *error)
{
    const wendi_source_partition *state = &source->states[ordinal];
    int64_t deadline_ms = wendi_kafka_now_ms() + patience_ms(source);
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;

    do {
        code = rd_kafka_query_watermark_offsets(source->client.handle, state->topic,
                                                state->partition, low, high, patience_ms(source));
    } while (ask_again(source, code, deadline_ms));
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return wendi_fail(error, WEND_KAFKA, "cannot ask for the offsets of %s: %s", state->shown,
                          rd_kafka_err2str(code));
    }
    return WEND_OK;
}

/* Compare where the table stands with the log [low, high). */
static wend_status check_range(wendi_kafka_source *source, uint32_t ordinal, int64_t low,
                               int64_t high, wend_error *error)
{
    wendi_kafka_slot *slot = &source->slots[ordinal];
    wendi_source_partition *state = &source->states[ordinal];

    if (state->next > high) {
        wendi_fail(
            error, WEND_CONFLICT,
            "%s: the log ends at offset %" PRId64 ", before offset %" PRId64
            " where the table stands: the topic was deleted and created again, or lost messages",
            state->shown, high, state->next);
        wendi_error_hint(error, "load the new topic into a table of its own");
        return WEND_CONFLICT;
    }
    if (state->next >= low) {
        if (state->next == low && wendi_kafka_slot_verifies(source, ordinal)) {
            slot->gone_before = state->next;
            source->state.unverified_count++;
        }
        slot->verifying = wendi_kafka_slot_verifies(source, ordinal);
        return WEND_OK;
    }
    if (!source->accept_gap) {
        wendi_fail(error, WEND_CONFLICT,
                   "%s: messages %" PRId64 " to %" PRId64 " (%" PRId64
                   ") are gone: the log begins at offset %" PRId64 ", behind offset %" PRId64
                   " where the table stands",
                   state->shown, state->next, low - 1, low - state->next, low, state->next);
        wendi_error_hint(error, "--accept-gap goes on at offset %" PRId64 " and records the gap",
                         low);
        return WEND_CONFLICT;
    }
    wendi_kafka_client_note(&source->client,
                            "%s: gap of %" PRId64 " messages from offset %" PRId64 " accepted",
                            state->shown, low - state->next, state->next);
    state->gap += low - state->next;
    state->next = low;
    state->fingerprint = 0;
    state->leader_epoch = -1;
    slot->verifying = false;
    return WEND_OK;
}

/* The first offset whose message has that time or a later one; `none` when there is no such
 * message. */
static wend_status offset_at_time(wendi_kafka_source *source, uint32_t ordinal, int64_t time_us,
                                  int64_t none, int64_t *offset, wend_error *error)
{
    const wendi_source_partition *state = &source->states[ordinal];
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *entry =
        rd_kafka_topic_partition_list_add(list, state->topic, state->partition);
    int64_t deadline_ms = wendi_kafka_now_ms() + patience_ms(source);
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
    wend_status status = WEND_OK;

    do {
        entry->offset = (time_us + 999) / 1000;
        entry->err = RD_KAFKA_RESP_ERR_NO_ERROR;
        code = rd_kafka_offsets_for_times(source->client.handle, list, patience_ms(source));
        code = code != RD_KAFKA_RESP_ERR_NO_ERROR ? code : entry->err;
    } while (ask_again(source, code, deadline_ms));
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        status = wendi_fail(error, WEND_KAFKA, "cannot ask %s for a time: %s", state->shown,
                            rd_kafka_err2str(code));
    } else {
        *offset = entry->offset >= 0 ? entry->offset : none;
    }
    rd_kafka_topic_partition_list_destroy(list);
    return status;
}

static const wendi_kafka_start *find_start(const wendi_kafka_source_options *options,
                                           const wendi_source_partition *state)
{
    for (uint32_t k = 0; k < options->start_count; k++) {
        if (options->starts[k].partition == state->partition &&
            strcmp(options->starts[k].topic, state->topic) == 0) {
            return &options->starts[k];
        }
    }
    return NULL;
}

/* Whether the table has read any partition of the topic. */
static bool knows_topic(const wendi_kafka_source_options *options, const char *name)
{
    for (uint32_t k = 0; k < options->start_count; k++) {
        if (strcmp(options->starts[k].topic, name) == 0) {
            return true;
        }
    }
    return false;
}

/* The partition ends before offset `end`, for this run. */
static void bound(wendi_kafka_source *source, uint32_t ordinal, int64_t end)
{
    wendi_kafka_slot *slot = &source->slots[ordinal];
    if (slot->end_wanted < 0 || end < slot->end_wanted) {
        slot->end_wanted = end;
    }
    if (source->states[ordinal].next >= slot->end_wanted && !slot->verifying) {
        wendi_kafka_partition_finish(source, ordinal);
    }
}

/* Where this run's end is known, given the log's stable end. An end by time that no message has
   reached yet is found while reading, or once the clock has passed it. */
static wend_status decide_end(wendi_kafka_source *source, uint32_t ordinal, int64_t high,
                              wend_error *error)
{
    if (source->until_us > 0) {
        int64_t at = -1;
        wend_status status = offset_at_time(source, ordinal, source->until_us, -1, &at, error);
        if (status != WEND_OK) {
            return status;
        }
        if (at >= 0 && at < high) { /* not hidden by an open transaction */
            bound(source, ordinal, at);
        } else if (wendi_kafka_wall_us() >= source->until_us) {
            bound(source, ordinal, high);
        }
    }
    if (source->until_caught_up) {
        bound(source, ordinal, high);
    }
    return WEND_OK;
}

wend_status wendi_kafka_partition_place(wendi_kafka_source *source, uint32_t ordinal,
                                        const wendi_kafka_start *start, wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_source_partition *state = &source->states[ordinal];
    int64_t low = 0, high = 0;

    source->slots[ordinal].end_wanted = -1;
    source->slots[ordinal].verifying = false;
    WEND_TRY(query_marks(source, ordinal, &low, &high, error));
    state->end = high;
    if (start != NULL && start->next >= 0) {
        state->next = start->next;
        state->fingerprint = start->fingerprint;
        state->leader_epoch = start->leader_epoch;
        state->gap = start->gap;
        WEND_TRY(check_range(source, ordinal, low, high, error));
    } else if (source->slots[ordinal].topic->known && source->from != WENDI_KAFKA_FROM_EARLIEST) {
        state->next = low; /* added since the topic was read last: all of it is new */
        wendi_kafka_source_tell(
            source, "%s is new since the topic was read last: from its beginning", state->shown);
    } else if (source->from == WENDI_KAFKA_FROM_TIME) {
        WEND_TRY(offset_at_time(source, ordinal, source->from_us, high, &state->next, error));
    } else {
        state->next = source->from == WENDI_KAFKA_FROM_LATEST ? high : low;
    }
    WEND_TRY(decide_end(source, ordinal, high, error));
cleanup:
    return status;
}

void wendi_kafka_partitions_settle_until(wendi_kafka_source *source)
{
    for (uint32_t k = 0; k < source->count; k++) {
        int64_t low = 0, high = 0;
        wend_error unanswered;
        if (!wendi_kafka_slot_reads(source, k) || source->slots[k].end_wanted >= 0 ||
            source->slots[k].holds) {
            continue;
        }
        if (query_marks(source, k, &low, &high, &unanswered) != WEND_OK ||
            decide_end(source, k, high, &unanswered) != WEND_OK) {
            wendi_kafka_client_note(&source->client, "%s", unanswered.message);
            return; /* Next time. */
        }
    }
}

void wendi_kafka_partition_finish(wendi_kafka_source *source, uint32_t ordinal)
{
    assert(source->slots[ordinal].claim != NULL || source->group == NULL);
    source->finished_count += !source->states[ordinal].finished;
    source->states[ordinal].finished = true;
}

wendi_kafka_topic *wendi_kafka_topic_find(wendi_kafka_source *source, const char *name)
{
    for (uint32_t k = 0; k < source->topic_count; k++) {
        if (strcmp(source->topics[k].name, name) == 0) {
            return &source->topics[k];
        }
    }
    return NULL;
}

wend_status wendi_kafka_partition_make(wendi_kafka_source *source, wendi_kafka_topic *topic,
                                       int32_t partition, uint32_t *ordinal, wend_error *error)
{
    wend_status status = widen(topic, partition + 1, error);
    if (status == WEND_OK && topic->ordinals[partition] == WENDI_KAFKA_NO_ORDINAL) {
        status = add_partition(source, topic, partition, error);
    }
    *ordinal = status == WEND_OK ? topic->ordinals[partition] : WENDI_KAFKA_NO_ORDINAL;
    return status;
}

wend_status wendi_kafka_partitions_find(wendi_kafka_source *source,
                                        const wendi_kafka_source_options *options,
                                        wend_error *error)
{
    wend_status status = WEND_OK;

    WEND_TRY(add_topics(source, options, error));
    for (uint32_t k = 0; k < source->topic_count; k++) {
        WEND_TRY(add_partitions(source, &source->topics[k], options, error));
    }
    for (uint32_t ordinal = 0; ordinal < source->count; ordinal++) {
        wendi_kafka_topic *topic = source->slots[ordinal].topic;
        const wendi_kafka_start *start = find_start(options, &source->states[ordinal]);
        topic->known = options->partitions == NULL && knows_topic(options, topic->name);
        WEND_TRY(wendi_kafka_partition_place(source, ordinal, start, error));
        source->slots[ordinal].placed = true;
    }
cleanup:
    return status;
}

/* Also drops what librdkafka has fetched already. */
wend_status wendi_kafka_partition_stop(wendi_kafka_source *source, uint32_t ordinal,
                                       wend_error *error)
{
    wendi_kafka_slot *slot = &source->slots[ordinal];
    const wendi_source_partition *state = &source->states[ordinal];

    if (!slot->started) {
        return WEND_OK;
    }
    slot->started = false;
    if (rd_kafka_consume_stop(slot->topic->handle, state->partition) != 0) {
        return wendi_fail(error, WEND_KAFKA, "cannot stop reading %s: %s", state->shown,
                          rd_kafka_err2str(rd_kafka_last_error()));
    }
    return WEND_OK;
}

wend_status wendi_kafka_partition_begin(wendi_kafka_source *source, uint32_t ordinal,
                                        wend_error *error)
{
    wendi_kafka_slot *slot = &source->slots[ordinal];
    const wendi_source_partition *state = &source->states[ordinal];

    wend_status status = wendi_kafka_partition_stop(source, ordinal, error);
    if (status != WEND_OK) {
        return status;
    }
    int64_t offset = slot->verifying ? state->next - 1 : state->next;
    if (rd_kafka_consume_start_queue(slot->topic->handle, state->partition, offset,
                                     source->queue) != 0) {
        return wendi_fail(error, WEND_KAFKA, "cannot read %s from offset %" PRId64 ": %s",
                          state->shown, offset, rd_kafka_err2str(rd_kafka_last_error()));
    }
    slot->started = true;
    slot->holds = false;
    slot->begun_at_ms = wendi_kafka_now_ms();
    return WEND_OK;
}

wend_status wendi_kafka_partition_settle_range(wendi_kafka_source *source, uint32_t ordinal,
                                               wend_error *error)
{
    wend_status status = WEND_OK;
    int64_t low = 0, high = 0;

    WEND_TRY(query_marks(source, ordinal, &low, &high, error));
    source->slots[ordinal].range_doubted = false;
    WEND_TRY(check_range(source, ordinal, low, high, error));
cleanup:
    return status;
}

wend_status wendi_kafka_partition_look_for_topic(wendi_kafka_source *source, uint32_t ordinal,
                                                 wend_error *error)
{
    const wendi_source_partition *state = &source->states[ordinal];
    wend_status status = WEND_OK;
    int32_t count = 0;

    WEND_TRY(wendi_kafka_client_partition_count(
        &source->client, source->slots[ordinal].topic->handle, METADATA_TIMEOUT_MS, &count, error));
    if (state->partition >= count) {
        status =
            wendi_fail(error, WEND_NOT_FOUND, "%s no longer exists: the topic has %d partitions",
                       state->shown, count);
        goto cleanup;
    }
    source->slots[ordinal].topic_doubted = false;
cleanup:
    return status;
}

/* A partition that is new to a running source is read from its very beginning. */
static wend_status follow(wendi_kafka_source *source, wendi_kafka_topic *topic, int32_t count,
                          wend_error *error)
{
    wend_status status = WEND_OK;
    int32_t first = topic->partition_count;

    WEND_TRY(widen(topic, count, error));
    for (int32_t partition = first; partition < count; partition++) {
        uint32_t ordinal = source->count;
        WEND_TRY(add_partition(source, topic, partition, error));
        wendi_kafka_source_tell(source, "%s is new and read too", source->states[ordinal].shown);
    }
cleanup:
    return status;
}

wend_status wendi_kafka_partitions_begin_added(wendi_kafka_source *source, wend_error *error)
{
    source->unplaced_count = 0;
    for (uint32_t k = 0; k < source->count; k++) {
        wendi_kafka_slot *slot = &source->slots[k];
        wendi_source_partition *state = &source->states[k];
        int64_t low = 0, high = 0;
        wend_error unanswered;
        if (slot->placed) {
            continue;
        }
        wend_status answered = query_marks(source, k, &low, &high, &unanswered);
        if (answered == WEND_OK) {
            state->next = low;
            state->end = high;
            answered = decide_end(source, k, high, &unanswered);
        }
        if (answered != WEND_OK) {
            wendi_kafka_client_note(&source->client, "%s", unanswered.message);
            source->unplaced_count++; /* Next time. */
            continue;
        }
        slot->placed = true;
        wend_status status =
            state->finished ? WEND_OK : wendi_kafka_partition_begin(source, k, error);
        if (status != WEND_OK) {
            return status;
        }
    }
    return WEND_OK;
}

wend_status wendi_kafka_partitions_look_for_growth(wendi_kafka_source *source, wend_error *error)
{
    uint32_t unread_count = 0;

    for (uint32_t k = 0; k < source->topic_count; k++) {
        wendi_kafka_topic *topic = &source->topics[k];
        int32_t count = 0;
        wend_error unanswered;
        if (wendi_kafka_client_partition_count(&source->client, topic->handle, METADATA_TIMEOUT_MS,
                                               &count, &unanswered) != WEND_OK) {
            wendi_kafka_client_note(&source->client, "%s", unanswered.message);
            return WEND_OK; /* Next time. */
        }
        if (count > topic->partition_count && source->follow_growth) {
            wend_status status = follow(source, topic, count, error);
            if (status != WEND_OK) {
                return status;
            }
        }
        unread_count +=
            count > topic->partition_count ? (uint32_t)(count - topic->partition_count) : 0;
    }
    source->state.unread_partition_count = unread_count;
    return wendi_kafka_partitions_begin_added(source, error);
}

void wendi_kafka_partitions_free(wendi_kafka_source *source)
{
    for (uint32_t k = 0; k < source->count; k++) {
        if (source->slots[k].started) {
            rd_kafka_consume_stop(source->slots[k].topic->handle, source->states[k].partition);
        }
        wendi_free(source->shown[k]);
    }
    for (uint32_t k = 0; k < source->topic_count; k++) {
        if (source->topics[k].handle != NULL) {
            rd_kafka_topic_destroy(source->topics[k].handle);
        }
        wendi_free(source->topics[k].name);
        wendi_free(source->topics[k].ordinals);
    }
    wendi_free(source->topics);
    wendi_free(source->slots);
    wendi_free(source->states);
    wendi_free(source->shown);
}
