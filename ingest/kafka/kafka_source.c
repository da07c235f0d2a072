/*
 * The Kafka source: batches from librdkafka's queue into blocks of messages.
 *
 * Invariants (what is done with each message: kafka_take.c): a partition that holds (after a fault,
 * after a lost connection) gives nothing; it begins again only while no fetched message waits in
 * `pending`, so that none from before can pass for one from after. A fault met after messages were
 * taken is told by the call after the one that hands them out.
 *
 * Built on librdkafka's simple consumer (consume_start_queue): it needs no consumer group, and one
 * partition can be begun again without disturbing the others.
 */
#include "ingest/kafka/kafka_source.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "ingest/kafka/kafka_partition.h"
#include "ingest/kafka/kafka_share.h"
#include "ingest/kafka/kafka_take.h"

enum {
    QUEUE_BYTES_DEFAULT = 512 << 20,
    METADATA_INTERVAL_MS = 60000,
    ERROR_TRIES = 5,
    SERVE_MS = 100,          /* between looks at what is to be tended while nothing comes */
    MARKS_INTERVAL_MS = 250, /* how often `end` is refreshed */
    COMMIT_WAIT_MS = 2000,
    STALL_MS = 5000, /* asked for nothing for so long: nothing was fetched meanwhile */
    FRESH_MS = 5000, /* marks that librdkafka remembers may be from before a new start */
    OBSERVE_INTERVAL_MS = 200,
    MISSING_TELL_MS = 30000, /* between notices of one missing topic */
    IDLE_MS = 20000,         /* a log's end that nothing has come behind for so long */
    ASK_INTERVAL_MS = 1000,  /* between questions for ends by time and for added partitions */
    /* What librdkafka unpacks ahead of us for each processor, some tens of milliseconds' work: with
       more its memory is new time and again, with less we wait for it. */
    AHEAD_MESSAGES = 32768,
    AHEAD_MESSAGES_MAX = 10000000, /* librdkafka's own limit */
    WAKE_MS = 2,      /* at least between two times that it is woken; and where hardly anything */
    WAKE_IDLE_MS = 20 /* ever waits */
};

/* Settings that would break a promise of kafka_source.h. */
static const char *const ours[] = {
    "enable.auto.commit",    "auto.commit.enable",        "enable.auto.offset.store",
    "auto.offset.reset",     "auto.commit.interval.ms",   "enable.partition.eof",
    "offset.store.method",   "group.instance.id",         "partition.assignment.strategy",
    "test.mock.num.brokers", "queued.max.messages.kbytes"};

wend_status wendi_kafka_properties_check(const wendi_kafka_properties *properties,
                                         wend_error *error)
{
    for (size_t k = 0; properties != NULL && k < sizeof ours / sizeof *ours; k++) {
        if (wendi_kafka_properties_get(properties, ours[k]) != NULL) {
            wendi_fail(error, WEND_INVALID,
                       "Kafka setting %s cannot be chosen: offsets belong to the table", ours[k]);
            wendi_error_hint(error, "leave %s out", ours[k]);
            return WEND_INVALID;
        }
    }
    return WEND_OK;
}

static wendi_kafka_source *of(const wendi_source *base)
{
    return (wendi_kafka_source *)((char *)(uintptr_t)base - offsetof(wendi_kafka_source, base));
}

/* ---- between batches ------------------------------------------------------------------------- */

/* While a connection was lost or a topic missing, the topic can have been deleted and made anew:
   compare fingerprints before anything more is taken. Also drops what was fetched and not handed
   out. */
static void doubt_all(wendi_kafka_source *source)
{
    bool missing = source->client.missing_topics != source->missing_topics_seen;
    int64_t now_ms = wendi_kafka_now_ms();
    for (uint32_t k = 0; k < source->count; k++) {
        wendi_kafka_slot *slot = &source->slots[k];
        if (!wendi_kafka_slot_reads(source, k)) {
            continue;
        }
        slot->topic_doubted |= missing;
        if (!slot->holds) {
            slot->holds = true;
            slot->retry_at_ms = now_ms;
        }
    }
}

static bool in_doubt(const wendi_kafka_source *source)
{
    return source->client.lost_connections != source->lost_connections_seen ||
           source->client.missing_topics != source->missing_topics_seen ||
           source->watch.stop_count != source->stops_seen;
}

/* A topic that is gone may come back, or be made anew, which the fingerprint then tells. */
static void wait_for_topic(wendi_kafka_source *source, uint32_t ordinal, const char *reason)
{
    wendi_kafka_slot *slot = &source->slots[ordinal];
    int64_t now_ms = wendi_kafka_now_ms();

    slot->retry_at_ms = now_ms + 1000;
    source->state.missing_partition_count += !slot->topic_missing;
    if (!slot->topic_missing || now_ms - slot->told_at_ms >= MISSING_TELL_MS) {
        wendi_kafka_source_say(source, "%s: %s: it was deleted while it was read; waiting for it",
                               source->states[ordinal].shown, reason);
        slot->told_at_ms = now_ms;
    }
    slot->topic_missing = true;
}

/* Answer what is doubted about a partition; an unanswered question costs a try, as any fault does.
 */
static wend_status settle_doubts(wendi_kafka_source *source, uint32_t ordinal, bool *put_off,
                                 wend_error *error)
{
    wendi_kafka_slot *slot = &source->slots[ordinal];
    wend_error reason;
    wend_status status = WEND_OK;

    if (slot->topic_doubted) {
        status = wendi_kafka_partition_look_for_topic(source, ordinal, &reason);
        if (status == WEND_NOT_FOUND && slot->end_wanted < 0) {
            wait_for_topic(source, ordinal, reason.message);
            *put_off = true;
            return WEND_OK;
        }
        source->state.missing_partition_count -= slot->topic_missing && status == WEND_OK;
        slot->topic_missing &= status != WEND_OK;
    }
    if (status == WEND_OK && slot->range_doubted) {
        status = wendi_kafka_partition_settle_range(source, ordinal, &reason);
    }
    if (status == WEND_KAFKA || status == WEND_NOT_FOUND) {
        slot->holds = false;
        *put_off = true;
        return wendi_kafka_hold(source, ordinal, reason.message, error);
    }
    if (status != WEND_OK && error != NULL) {
        *error = reason;
    }
    return status;
}

static wend_status begin_again(wendi_kafka_source *source, uint32_t ordinal, wend_error *error)
{
    wendi_kafka_slot *slot = &source->slots[ordinal];
    bool put_off = false;

    slot->verifying = wendi_kafka_slot_verifies(source, ordinal);
    wend_status status = settle_doubts(source, ordinal, &put_off, error);
    if (status != WEND_OK || put_off) {
        return status;
    }
    return wendi_kafka_partition_begin(source, ordinal, error);
}

static wend_status begin_held_again(wendi_kafka_source *source, wend_error *error)
{
    int64_t now_ms = wendi_kafka_now_ms();
    for (uint32_t k = 0; k < source->count; k++) {
        wendi_kafka_slot *slot = &source->slots[k];
        if (slot->holds && slot->retry_at_ms <= now_ms && wendi_kafka_slot_reads(source, k)) {
            wend_status status = begin_again(source, k, error);
            if (status != WEND_OK) {
                return status;
            }
        }
    }
    return WEND_OK;
}

/* A topic that was made anew with just as many messages as we have taken sends nothing that could
 * tell. */
static void doubt_idle(wendi_kafka_source *source, int64_t now_ms)
{
    for (uint32_t k = 0; k < source->count; k++) {
        wendi_kafka_slot *slot = &source->slots[k];
        if (slot->at_end && !slot->holds && wendi_kafka_slot_reads(source, k) &&
            wendi_kafka_slot_verifies(source, k) && now_ms - slot->heard_at_ms >= IDLE_MS &&
            now_ms - slot->begun_at_ms >= IDLE_MS) {
            slot->holds = true;
            slot->retry_at_ms = 0;
        }
    }
}

/* What must happen now and then; only while `pending` is empty. */
static wend_status tend(wendi_kafka_source *source, wend_error *error)
{
    wend_status status = WEND_OK;
    int64_t now_ms = 0;

    assert(source->pending_at == source->pending_count);
    WEND_TRY(wendi_kafka_client_serve(&source->client, 0, error));
    if (in_doubt(source)) {
        doubt_all(source);
        source->lost_connections_seen = source->client.lost_connections;
        source->missing_topics_seen = source->client.missing_topics;
        source->stops_seen = source->watch.stop_count;
    }
    if (source->group != NULL) {
        WEND_TRY(wendi_kafka_share_tend(source, error));
    }
    now_ms = wendi_kafka_now_ms();
    if (now_ms - source->idle_at_ms >= ASK_INTERVAL_MS) {
        source->idle_at_ms = now_ms;
        doubt_idle(source, now_ms);
    }
    WEND_TRY(begin_held_again(source, error));
    if (source->until_us > 0 && now_ms - source->until_at_ms >= ASK_INTERVAL_MS) {
        source->until_at_ms = now_ms;
        if (wendi_kafka_wall_us() >= source->until_us) {
            wendi_kafka_partitions_settle_until(source);
        }
    }
    if (!source->until_caught_up && source->group == NULL &&
        now_ms - source->metadata_at_ms >= source->metadata_interval_ms) {
        source->metadata_at_ms = now_ms;
        WEND_TRY(wendi_kafka_partitions_look_for_growth(source, error));
    } else if (source->unplaced_count > 0 && now_ms - source->added_at_ms >= ASK_INTERVAL_MS) {
        source->added_at_ms = now_ms;
        WEND_TRY(wendi_kafka_partitions_begin_added(source, error));
    }
cleanup:
    return status;
}

static bool is_done(const wendi_kafka_source *source)
{
    return source->group != NULL ? wendi_kafka_share_done(source)
                                 : source->finished_count == source->count;
}

/* About as many as a block takes: librdkafka's part of a message is used while a cache still has it. */
static size_t wanted_count(const wendi_kafka_source *source)
{
    const wendi_kafka_source_state *state = &source->state;
    uint64_t mean_bytes = state->message_count != 0 ? state->payload_bytes / state->message_count + 1 : 1;
    uint64_t count = WENDI_KAFKA_BLOCK_BYTES / mean_bytes + 1;
    return count < WENDI_MESSAGE_BLOCK_MAX ? count : WENDI_MESSAGE_BLOCK_MAX;
}

/* librdkafka's threads stop fetching when their queue is full, and are to go on when half of it is
 * taken. The queue's limits need not be known for that, only how much has waited in it. */
static void wake_at_half(wendi_kafka_source *source, size_t taken, size_t wanted)
{
    uint64_t left = rd_kafka_queue_length(source->queue);
    if (source->most_waiting < left + taken) {
        source->most_waiting = left + taken;
    }
    int least_ms = source->most_waiting > wanted ? WAKE_MS : WAKE_IDLE_MS;
    if (2 * left <= source->most_waiting && source->most_waiting != 0 &&
        source->fetched_at_ms - source->woken_at_ms >= least_ms) {
        wendi_kafka_client_wake(&source->client);
        source->woken_at_ms = source->fetched_at_ms;
        source->most_waiting = left;
    }
}

static wend_status fetch(wendi_kafka_source *source, int timeout_ms, wend_error *error)
{
    size_t wanted = wanted_count(source);
    ssize_t got = rd_kafka_consume_batch_queue(source->queue, 0, source->pending, wanted);
    if (got == 0 && timeout_ms > 0) {
        wendi_kafka_watch_wait(&source->watch, timeout_ms);
        got = rd_kafka_consume_batch_queue(source->queue, 0, source->pending, wanted);
    }
    source->fetched_at_ms = wendi_kafka_now_ms();
    source->pending_at = 0;
    source->pending_count = got > 0 ? (uint32_t)got : 0;
    wake_at_half(source, source->pending_count, wanted);
    return got >= 0 ? WEND_OK
                    : wendi_fail(error, WEND_KAFKA, "cannot take messages: %s",
                                 rd_kafka_err2str(rd_kafka_last_error()));
}

static wend_status fill(wendi_kafka_source *source, wendi_message_block *block, int timeout_ms,
                        wend_error *error)
{
    wend_status status = WEND_OK;
    int64_t deadline_ms = wendi_kafka_now_ms() + timeout_ms;

    do {
        if (source->pending_at == source->pending_count) {
            WEND_TRY(tend(source, error));
            if (is_done(source)) {
                return WEND_END;
            }
            int64_t left_ms = deadline_ms - wendi_kafka_now_ms();
            WEND_TRY(fetch(source,
                           left_ms < 0          ? 0
                           : left_ms < SERVE_MS ? (int)left_ms
                                                : SERVE_MS,
                           error));
            WEND_TRY(wendi_kafka_client_serve(&source->client, 0, error));
            if (in_doubt(source)) {
                doubt_all(source); /* Fetched while the connection broke: read again, compared. */
            }
        }
        WEND_TRY(wendi_kafka_take_pending(source, block, error));
    } while (block->count == 0 && wendi_kafka_now_ms() < deadline_ms);
cleanup:
    return status;
}

/* ---- the source's calls ---------------------------------------------------------------------- */

static void let_observe(wendi_kafka_source *source, int64_t now_ms)
{
    wendi_kafka_source_state state;
    if (source->observe != NULL && now_ms - source->observed_at_ms >= OBSERVE_INTERVAL_MS) {
        source->observed_at_ms = now_ms;
        wendi_kafka_source_state_of(&source->base, &state);
        source->observe(source->observe_context, &state);
    }
}

static wend_status source_next(wendi_source *self, wendi_message_block *block, int timeout_ms,
                               wend_error *error)
{
    wendi_kafka_source *source = of(self);

    int64_t now_ms = wendi_kafka_now_ms();

    let_observe(source, now_ms);
    wendi_message_block_reset(block);
    if (source->failure == WEND_OK) {
        if (now_ms - source->asked_at_ms >= STALL_MS) {
            doubt_all(source); /* a full queue fetches nothing, and nothing fetched tells nothing */
        }
        source->asked_at_ms = now_ms;
        source->failure = fill(source, block, timeout_ms, &source->failure_error);
        wendi_kafka_take_seal(source, block);
        if (block->count > 0 || source->failure == WEND_OK) {
            if (source->failure == WEND_END) {
                source->failure = WEND_OK;
            }
            return WEND_OK;
        }
    }
    if (source->failure != WEND_END && error != NULL) {
        *error = source->failure_error;
    }
    return source->failure;
}

/* End marks as the broker told them with the last fetches; no request is made. */
static void refresh_marks(wendi_kafka_source *source)
{
    int64_t now_ms = wendi_kafka_now_ms();
    if (source->until_caught_up || now_ms - source->marks_at_ms < MARKS_INTERVAL_MS) {
        return;
    }
    source->marks_at_ms = now_ms;
    for (uint32_t k = 0; k < source->count; k++) {
        wendi_source_partition *state = &source->states[k];
        wendi_kafka_slot *slot = &source->slots[k];
        int64_t low = -1, high = -1;
        if (!wendi_kafka_slot_reads(source, k)) {
            continue;
        }
        rd_kafka_get_watermark_offsets(source->client.handle, state->topic, state->partition, &low,
                                       &high);
        state->end = high > state->end ? high : state->end;
        if (high >= 0 && high < state->next && !slot->holds &&
            now_ms - slot->begun_at_ms >= FRESH_MS) {
            slot->range_doubted = slot->holds = true; /* the log has become shorter */
            slot->retry_at_ms = now_ms;
        }
    }
}

static const wendi_source_partition *source_partitions(wendi_source *self, uint32_t *count)
{
    wendi_kafka_source *source = of(self);
    refresh_marks(source);
    *count = source->count;
    return source->states;
}

static void source_want_headers(wendi_source *self, bool wanted)
{
    atomic_store_explicit(&of(self)->headers, wanted, memory_order_relaxed);
}

static void source_committed(wendi_source *self, const wendi_source_partition *partitions,
                             uint32_t count)
{
    wendi_kafka_source *source = of(self);
    if (source->group != NULL) {
        wendi_kafka_share_committed(source, partitions, count);
        return;
    }
    if (!source->commits_group || count == 0) {
        return;
    }
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
    for (uint32_t k = 0; k < count; k++) {
        rd_kafka_topic_partition_list_add(list, partitions[k].topic, partitions[k].partition)
            ->offset = partitions[k].next;
    }
    rd_kafka_resp_err_t code = rd_kafka_commit(source->client.handle, list, 1);
    source->commits_under_way += code == RD_KAFKA_RESP_ERR_NO_ERROR;
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        wendi_kafka_client_note(&source->client, "group offsets: %s", rd_kafka_err2str(code));
    }
    rd_kafka_topic_partition_list_destroy(list);
}

static void on_commit(rd_kafka_t *handle, rd_kafka_resp_err_t code,
                      rd_kafka_topic_partition_list_t *offsets, void *opaque)
{
    wendi_kafka_source *source = opaque;
    (void)handle, (void)offsets;
    source->commits_under_way -= source->commits_under_way > 0;
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        wendi_kafka_client_note(&source->client, "group offsets: %s", rd_kafka_err2str(code));
    }
}

static void source_close(wendi_source *self)
{
    wendi_kafka_source *source = of(self);

    for (; source->pending_at < source->pending_count; source->pending_at++) {
        rd_kafka_message_destroy(source->pending[source->pending_at]);
    }
    if (source->client.handle != NULL) {
        int64_t deadline_ms = wendi_kafka_now_ms() + COMMIT_WAIT_MS;
        while (source->commits_under_way > 0 && wendi_kafka_now_ms() < deadline_ms) {
            rd_kafka_poll(source->client.handle, 50);
        }
    }
    if (source->group != NULL) {
        wendi_kafka_share_end(source);
    }
    wendi_kafka_watch_close(&source->watch);
    wendi_kafka_partitions_free(source);
    if (source->queue != NULL) {
        rd_kafka_queue_destroy(source->queue);
    }
    wendi_kafka_client_close(&source->client);
    wendi_free(source->pending);
    wendi_free(source->cluster_id);
    wendi_free(source);
}

static wend_status learn_cluster(wendi_kafka_source *source, const char *expected,
                                 wend_error *error)
{
    char *id = rd_kafka_clusterid(source->client.handle, source->connect_timeout_ms);
    source->cluster_id = wendi_strdup(id != NULL ? id : "");
    if (id != NULL) {
        rd_kafka_mem_free(source->client.handle, id);
    }
    if (source->cluster_id == NULL) {
        return wendi_fail_nomem(error, "the cluster id", 64);
    }
    if (expected != NULL && expected[0] != 0 && strcmp(expected, source->cluster_id) != 0) {
        wendi_fail(error, WEND_CONFLICT,
                   "this is cluster \"%s\", but the table was loaded from cluster \"%s\"",
                   source->cluster_id, expected);
        wendi_error_hint(error, "check --brokers; offsets of one cluster mean nothing in another");
        return WEND_CONFLICT;
    }
    return WEND_OK;
}

static void configure(rd_kafka_conf_t *conf)
{
    rd_kafka_conf_set_offset_commit_cb(conf, on_commit);
}

static long messages_ahead(void)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    long count = AHEAD_MESSAGES * (processors > 0 ? processors : 1);
    return count < AHEAD_MESSAGES_MAX ? count : AHEAD_MESSAGES_MAX;
}

static wend_status connect_client(wendi_kafka_source *source,
                                  const wendi_kafka_source_options *options, wend_error *error)
{
    char queue_kib[32], queue_messages[32];
    const wendi_kafka_setting defaults[] = {
        {"client.id", "wend", false},
        {"check.crcs", "true", false},
        {"isolation.level", "read_committed", false},
        {"socket.nagle.disable", "true", false},
        {"fetch.wait.max.ms", "50", false},
        {"fetch.queue.backoff.ms", "5", true}, /* from 2.2; before, wake_at_half() */
        {"queued.min.messages", queue_messages, false},
        {"reconnect.backoff.max.ms", "2000", false},
        {NULL, NULL, false}};
    const wendi_kafka_setting fixed[] = {{"enable.auto.commit", "false", false},
                                         {"enable.auto.offset.store", "false", false},
                                         {"auto.offset.reset", "error", false},
                                         {"enable.partition.eof", "true", false},
                                         {"queued.max.messages.kbytes", queue_kib, false},
                                         {NULL, NULL, false}};
    size_t queue_bytes = options->queue_bytes != 0 ? options->queue_bytes : QUEUE_BYTES_DEFAULT;

    snprintf(queue_messages, sizeof queue_messages, "%ld", messages_ahead());
    snprintf(queue_kib, sizeof queue_kib, "%zu",
             queue_bytes / 1024 > 2097151 ? 2097151 : queue_bytes / 1024 + 1);
    return wendi_kafka_client_open(&source->client, RD_KAFKA_CONSUMER, options->brokers,
                                   options->properties, defaults, fixed, configure, error);
}

static wend_status check_group(const wendi_kafka_source_options *options, wend_error *error)
{
    const char *named = options->properties != NULL
                            ? wendi_kafka_properties_get(options->properties, "group.id")
                            : NULL;
    assert(options->shards != NULL);
    if (options->partitions != NULL) {
        return wendi_fail(error, WEND_INVALID,
                          "a group assigns the partitions: they cannot be named too");
    }
    if (named != NULL && strcmp(named, options->group) != 0) {
        return wendi_fail(error, WEND_INVALID, "two groups are named: %s and group.id=%s",
                          options->group, named);
    }
    return WEND_OK;
}

static wend_status check_options(const wendi_kafka_source_options *options, wend_error *error)
{
    if (!wendi_kafka_brokers_named(options->brokers, options->properties)) {
        return wendi_fail(error, WEND_INVALID, "no Kafka brokers were named");
    }
    if (options->topic_count == 0) {
        return wendi_fail(error, WEND_INVALID, "no Kafka topic was named");
    }
    if (options->partitions != NULL && options->follow_growth) {
        return wendi_fail(error, WEND_INVALID, "a fixed list of partitions cannot grow");
    }
    if (options->framing != WENDI_KAFKA_FRAMING_NONE &&
        options->framing != WENDI_KAFKA_FRAMING_CONFLUENT_JSON) {
        return wendi_fail(error, WEND_INVALID, "no such framing");
    }
    wend_status status = options->group != NULL ? check_group(options, error) : WEND_OK;
    return status == WEND_OK ? wendi_kafka_properties_check(options->properties, error) : status;
}

static int or_default(int value, int standard)
{
    return value > 0 ? value : standard;
}

/* The setting that librdkafka has for it counts for ours, too. */
static int metadata_interval(const wendi_kafka_source_options *options)
{
    const char *given =
        options->properties == NULL
            ? NULL
            : wendi_kafka_properties_get(options->properties, "topic.metadata.refresh.interval.ms");
    int chosen = options->metadata_interval_ms;
    chosen = chosen > 0 || given == NULL ? chosen : atoi(given);
    return or_default(chosen, METADATA_INTERVAL_MS);
}

static wend_status join(wendi_kafka_source *source, const wendi_kafka_source_options *options,
                        wend_error *error)
{
    if (options->group == NULL) {
        return WEND_OK;
    }
    return wendi_kafka_group_open(options->group, options->brokers, options->properties,
                                  options->topics, options->topic_count,
                                  source->metadata_interval_ms, &source->group, error);
}

wend_status wendi_kafka_source_open(const wendi_kafka_source_options *options,
                                    wendi_source **source_out, wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_kafka_source *source = NULL;

    *source_out = NULL;
    WEND_TRY(check_options(options, error));
    source = wendi_alloc_zero(1, sizeof *source);
    if (source == NULL) {
        return wendi_fail_nomem(error, "a Kafka source", sizeof *source);
    }
    source->base = (wendi_source){.next = source_next,
                                  .partitions = source_partitions,
                                  .committed = source_committed,
                                  .close = source_close,
                                  .want_headers = source_want_headers};
    source->until_caught_up = options->until_caught_up;
    source->accept_gap = options->accept_gap;
    atomic_store(&source->headers, options->headers);
    source->follow_growth = options->follow_growth;
    source->from = options->from;
    source->from_us = options->from_us;
    source->until_us = options->until_us;
    source->framing = options->framing;
    source->notice = options->notice;
    source->notice_context = options->notice_context;
    source->observe = options->observe;
    source->observe_context = options->observe_context;
    source->shards = options->shards;
    source->connect_timeout_ms =
        or_default(options->connect_timeout_ms, WENDI_KAFKA_CONNECT_TIMEOUT_MS);
    source->metadata_interval_ms = metadata_interval(options);
    source->tries_max = options->error_tries_max > 0 ? options->error_tries_max : ERROR_TRIES;
    source->commits_group = options->properties != NULL &&
                            wendi_kafka_properties_get(options->properties, "group.id") != NULL;
    source->pending = wendi_alloc(WENDI_MESSAGE_BLOCK_MAX * sizeof *source->pending);
    if (source->pending == NULL) {
        status = wendi_fail_nomem(error, "a Kafka source",
                                  WENDI_MESSAGE_BLOCK_MAX * sizeof *source->pending);
        goto cleanup;
    }
    WEND_TRY(connect_client(source, options, error));
    source->queue = rd_kafka_queue_new(source->client.handle);
    WEND_TRY(wendi_kafka_watch_open(&source->watch, source->queue, error));
    WEND_TRY(join(source, options, error));
    WEND_TRY(wendi_kafka_partitions_find(source, options, error));
    WEND_TRY(learn_cluster(source, options->expected_cluster_id, error));
    rd_kafka_poll(source->client.handle, 0);
    source->lost_connections_seen = source->client.lost_connections;
    source->missing_topics_seen = source->client.missing_topics;
    source->metadata_at_ms = source->asked_at_ms = wendi_kafka_now_ms();
    for (uint32_t k = 0; k < source->count; k++) {
        if (!source->states[k].finished) {
            WEND_TRY(wendi_kafka_partition_begin(source, k, error));
        }
    }
    source->opened = true;
    *source_out = &source->base;
    source = NULL;
cleanup:
    if (source != NULL) {
        source_close(&source->base);
    }
    return status;
}

const char *wendi_kafka_source_cluster_id(const wendi_source *source)
{
    return of(source)->cluster_id;
}

void wendi_kafka_source_state_of(wendi_source *self, wendi_kafka_source_state *state)
{
    wendi_kafka_source *source = of(self);

    refresh_marks(source);
    *state = source->state;
    state->brokers_down = source->client.brokers_down;
    state->lag = 0;
    for (uint32_t k = 0; k < source->count; k++) {
        int64_t lag = source->states[k].end - source->states[k].next;
        state->lag += lag > 0 && !source->states[k].finished ? lag : 0;
    }
    wendi_kafka_client_last_error(&source->client, state->last_error, sizeof state->last_error);
}
