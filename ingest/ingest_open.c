/* Ingest by name: the table opened, the source made from where the table stands. */
#include <stdio.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "ingest/ingest_kafka.h"
#include "ingest/shard_claims.h"

static const size_t queue_bytes_max = (size_t)512 << 20;

/* The state's strings have no NUL at their end, sources want one. */
static char *copy_string(wendi_arena *arena, wendi_string text)
{
    return wendi_arena_copy(arena, text.data, text.length);
}

/* ---- files ------------------------------------------------------------------------------------ */

static wend_status open_files(void *context, const wendi_table_state *state, wendi_source **source_out,
                              wendi_string *cluster_id, wend_error *error)
{
    wendi_file_source_options options = *(const wendi_file_source_options *)context;
    wendi_arena arena = {0};
    uint32_t count = 0;
    wend_status status = WEND_OK;
    (void)cluster_id;
    wendi_file_start *starts = wendi_arena_alloc(&arena, (state->source_count + 1) * sizeof *starts);
    for (uint32_t i = 0; i < state->source_count && starts != NULL; i++) {
        const wendi_source_state *known = &state->sources[i];
        if (known->topic.length > 0 && memchr(known->topic.data, ':', known->topic.length) != NULL) {
            starts[count].topic = copy_string(&arena, known->topic);
            starts[count].next = known->next;
            starts[count].fingerprint = known->fingerprint;
            starts = starts[count].topic != NULL ? starts : NULL;
            count++;
        }
    }
    if (starts == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "the known files", state->source_count * sizeof *starts));
    }
    options.starts = starts;
    options.start_count = count;
    WEND_TRY(wendi_file_source_open(&options, source_out, error));
cleanup:
    wendi_arena_free(&arena);
    return status;
}

wend_status wendi_ingest_files(const char *store, const char *table, const wendi_file_source_options *files,
                               const wendi_ingest_options *options, wendi_ingest_stats *stats, wend_error *error)
{
    wendi_table *opened = NULL;
    wendi_file_source_options copy = *files;
    wend_status status = WEND_OK;
    WEND_TRY(wendi_table_open(store, wendi_string_of(table), &opened, error));
    WEND_TRY(wendi_ingest_run(opened, open_files, &copy, options, stats, error));
cleanup:
    if (opened != NULL) {
        wendi_table_close(opened);
    }
    return status;
}

/* ---- Kafka ------------------------------------------------------------------------------------ */

static bool asked_for(const wendi_kafka_source_options *kafka, wendi_string topic)
{
    for (uint32_t i = 0; i < kafka->topic_count; i++) {
        if (wendi_string_equal(topic, wendi_string_of(kafka->topics[i]))) {
            return true;
        }
    }
    return false;
}

static bool names_twice(const wendi_kafka_source_options *kafka, uint32_t at)
{
    for (uint32_t i = 0; i < at; i++) {
        if (strcmp(kafka->topics[i], kafka->topics[at]) == 0) {
            return true;
        }
    }
    return false;
}

static const char *property(const wendi_kafka_source_options *kafka, const char *key)
{
    return kafka->properties != NULL ? wendi_kafka_properties_get(kafka->properties, key) : NULL;
}

static wend_status check_group(const wendi_kafka_source_options *kafka, wend_error *error)
{
    const char *group = property(kafka, "group.id");
    if (kafka->group != NULL && kafka->partitions != NULL) {
        wendi_fail(error, WEND_INVALID, "a group assigns the partitions: they cannot be named too");
        wendi_error_hint(error, "leave --group or --partitions out");
        return WEND_INVALID;
    }
    return kafka->group != NULL && group != NULL && strcmp(group, kafka->group) != 0
               ? wendi_fail(error, WEND_INVALID, "two groups are named: %s and group.id=%s", kafka->group, group)
               : WEND_OK;
}

wend_status wendi_ingest_kafka_check(const wendi_kafka_source_options *kafka, wend_error *error)
{
    wend_status status = WEND_OK;
    if (kafka->brokers == NULL && property(kafka, "bootstrap.servers") == NULL &&
        property(kafka, "metadata.broker.list") == NULL) {
        wendi_fail(error, WEND_INVALID, "no Kafka brokers were named");
        wendi_error_hint(error, "--brokers HOST:PORT, or bootstrap.servers in the properties");
        return WEND_INVALID;
    }
    for (uint32_t i = 0; i < kafka->topic_count; i++) {
        if (names_twice(kafka, i)) {
            return wendi_fail(error, WEND_INVALID, "the topic %s is named twice", kafka->topics[i]);
        }
    }
    WEND_TRY(check_group(kafka, error));
    status = wendi_kafka_properties_check(kafka->properties, error);
cleanup:
    return status;
}

typedef struct kafka_opening {
    wendi_kafka_source_options options;
    const char *store;
    const char *table;
    wendi_shard_claims *claims; /* of a group; outlives the source */
    wendi_arena arena; /* lives as long as the run: the cluster's id is borrowed from the source */
} kafka_opening;

/*
 * Under the table's lock: enter the group that is asked for, or see that the table belongs to none. One that has read
 * nothing holds nothing of its old group: a start that failed (a wrong name, no broker) binds it to nothing.
 */
static wend_status open_shard(kafka_opening *opening, bool unread, wend_error *error)
{
    wendi_kafka_source_options *options = &opening->options;
    if (unread) {
        wend_status left = wendi_shard_claims_leave(opening->store, opening->table, error);
        if (left != WEND_OK) {
            return left;
        }
    }
    if (options->group == NULL) {
        return wendi_shard_claims_check_alone(opening->store, opening->table, error);
    }
    wend_status status = wendi_shard_claims_open(opening->store, opening->table, options->group, &opening->claims, error);
    options->shards = status == WEND_OK ? wendi_shard_claims_calls(opening->claims) : NULL;
    return status;
}

static wend_status open_kafka(void *context, const wendi_table_state *state, wendi_source **source_out,
                              wendi_string *cluster_id, wend_error *error)
{
    kafka_opening *opening = context;
    wendi_kafka_source_options *options = &opening->options;
    uint32_t count = 0;
    wend_status status = open_shard(opening, state->source_count == 0, error);
    if (status != WEND_OK) {
        return status;
    }
    wendi_kafka_start *starts = wendi_arena_alloc(&opening->arena, (state->source_count + 1) * sizeof *starts);
    for (uint32_t i = 0; i < state->source_count && starts != NULL; i++) {
        const wendi_source_state *known = &state->sources[i];
        if (asked_for(options, known->topic)) {
            starts[count] = (wendi_kafka_start){.topic = copy_string(&opening->arena, known->topic),
                                                .partition = known->partition,
                                                .next = known->next,
                                                .fingerprint = known->fingerprint,
                                                .leader_epoch = known->leader_epoch,
                                                .gap = known->gap};
            starts = starts[count].topic != NULL ? starts : NULL;
            count++;
        }
    }
    if (starts == NULL) {
        return wendi_fail_nomem(error, "the known partitions", state->source_count * sizeof *starts);
    }
    options->starts = starts;
    options->start_count = count;
    options->expected_cluster_id = NULL;
    if (state->cluster_id.length != 0) {
        options->expected_cluster_id = copy_string(&opening->arena, state->cluster_id);
    }
    status = wendi_kafka_source_open(options, source_out, error);
    if (status == WEND_OK) {
        *cluster_id = wendi_string_of(wendi_kafka_source_cluster_id(*source_out));
    }
    return status;
}

/*
 * librdkafka's queue comes on top of the memory limit. It shall hold about a second of fast traffic, since librdkafka
 * looks again only after up to a second once it was full; with little memory a sawtooth is the lesser evil.
 */
static void bound_queue(wendi_kafka_source_options *kafka, const wendi_ingest_options *options)
{
    size_t limit = options != NULL ? options->memory_limit_bytes : 0;
    if (kafka->queue_bytes == 0 && limit != 0) {
        kafka->queue_bytes = limit / 2 < queue_bytes_max ? limit / 2 : queue_bytes_max;
    }
}

wend_status wendi_ingest_kafka(const char *store, const char *table, const wendi_kafka_source_options *kafka,
                               const wendi_ingest_options *options, wendi_ingest_stats *stats, wend_error *error)
{
    wendi_table *opened = NULL;
    kafka_opening opening = {.options = *kafka, .store = store, .table = table};
    wend_status status = WEND_OK;
    bound_queue(&opening.options, options);
    WEND_TRY(wendi_table_open(store, wendi_string_of(table), &opened, error));
    WEND_TRY(wendi_ingest_run(opened, open_kafka, &opening, options, stats, error));
cleanup:
    wendi_shard_claims_close(opening.claims);
    if (opened != NULL) {
        wendi_table_close(opened);
    }
    wendi_arena_free(&opening.arena);
    return status;
}
