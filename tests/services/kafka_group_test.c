/*
 * Do shards of a consumer group share topics so that each message is taken by exactly one of them,
 * whichever of them stalls, leaves or dies when? The tables are a model here (positions and the
 * messages committed with them), the claims too; so every step can be judged. Against
 * librdkafka's mock cluster, or the real broker that WEND_TEST_BROKERS names.
 * WEND_TEST_SEED chooses the random history.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "ingest/kafka/mock_broker.h"
#include "tests/support/kafka_feed.h"

enum { SHARDS = 3, PARTITIONS = 6, GROWN = 8, MESSAGES = 12000, SLICE = 60 };

static wendi_mock_broker *broker;
static const char *servers;
static int topic_number;
static char topic_name[64], group_name[64];

/* One table of the model. */
typedef struct shard {
    struct world *world;
    uint32_t number;
    wendi_source *source;
    wendi_kafka_shards calls;
    wendi_message_block block;
    int64_t next[GROWN], gap[GROWN]; /* committed; -1: this table has never read it */
    uint64_t fingerprint[GROWN];
    uint32_t *pending; /* numbers taken and not committed */
    uint32_t pending_count;
    uint32_t claim_count;
    int stalled; /* rounds during which it is not asked */
    bool drained_seen;
} shard;

typedef struct world {
    wendi_test_feed feed;
    shard shards[SHARDS];
    int owner[GROWN]; /* of each partition's claim; -1: free */
    uint8_t seen[MESSAGES + 1];
    uint64_t committed, repeated, bad, busy_count, notice_count;
    uint64_t produced;
} world;

static wend_status claim(void *context, const char *topic, int32_t partition, void **claim_out,
                         wend_error *error)
{
    shard *self = context;
    assert_string_equal(topic, self->world->feed.topic);
    assert_in_range(partition, 0, GROWN - 1);
    if (self->world->owner[partition] >= 0) {
        assert_int_not_equal(self->world->owner[partition], (int)self->number);
        self->world->busy_count++;
        snprintf(error->message, sizeof error->message, "shard %d has it",
                 self->world->owner[partition]);
        return error->status = WEND_BUSY;
    }
    self->world->owner[partition] = (int)self->number;
    self->claim_count++;
    *claim_out = &self->world->owner[partition];
    return WEND_OK;
}

static void release(void *context, void *held)
{
    shard *self = context;
    int *owner = held;
    assert_int_equal(*owner, (int)self->number);
    *owner = -1;
    self->claim_count--;
}

static wend_status stand(void *context, wendi_kafka_start *starts, uint32_t count,
                         wend_error *error)
{
    shard *self = context;
    (void)error;
    for (uint32_t k = 0; k < count; k++) {
        starts[k].next = -1;
        starts[k].fingerprint = 0;
        for (uint32_t s = 0; s < SHARDS; s++) {
            const shard *other = &self->world->shards[s];
            if (other->next[starts[k].partition] > starts[k].next) {
                starts[k].next = other->next[starts[k].partition];
                starts[k].fingerprint = other->fingerprint[starts[k].partition];
            }
        }
        starts[k].gap = self->gap[starts[k].partition];
    }
    return WEND_OK;
}

static void count_notice(void *context, const char *text)
{
    world *all = context;
    (void)text;
    all->notice_count++;
}

static void start(shard *self, const wendi_kafka_source_options *more)
{
    wendi_kafka_properties properties = {0};
    wendi_kafka_source_options options = {.metadata_interval_ms = 500};
    if (more != NULL) {
        options = *more;
    }
    assert_int_equal(wendi_kafka_properties_set(&properties, "session.timeout.ms", "6000", NULL),
                     WEND_OK);
    assert_int_equal(wendi_kafka_properties_set(&properties, "heartbeat.interval.ms", "200", NULL),
                     WEND_OK);
    assert_int_equal(wendi_kafka_properties_set(&properties, "max.poll.interval.ms", "7000", NULL),
                     WEND_OK);
    self->calls = (wendi_kafka_shards){self, claim, release, stand};
    options.group = group_name;
    options.shards = &self->calls;
    options.properties = &properties;
    options.notice = count_notice;
    options.notice_context = self->world;
    self->source = wendi_test_source_open(&self->world->feed, &options);
    self->pending_count = 0;
    wendi_kafka_properties_free(&properties);
}

/* With `commit` an orderly end, without it a death: what was not committed is forgotten. */
static void end(shard *self, bool commit);

static wend_status ask(shard *self, wend_error *error)
{
    world *all = self->world;
    wend_status status = self->source->next(self->source, &self->block, 20, error);
    uint32_t count = 0;
    const wendi_source_partition *partitions = self->source->partitions(self->source, &count);
    for (uint32_t k = 0; status == WEND_OK && k < self->block.count; k++) {
        const wendi_message *message = &self->block.messages[k];
        assert_true(message->partition < count);
        assert_int_equal(all->owner[partitions[message->partition].partition], (int)self->number);
        uint64_t number = wendi_test_feed_number(&all->feed, message);
        all->bad += number >= MESSAGES;
        self->pending[self->pending_count++] = (uint32_t)(number < MESSAGES ? number : MESSAGES);
        assert_true(self->pending_count < MESSAGES);
    }
    for (uint32_t k = 0; k < count; k++) {
        self->drained_seen |= partitions[k].draining;
    }
    return status;
}

static void commit(shard *self)
{
    world *all = self->world;
    uint32_t count = 0;
    const wendi_source_partition *partitions = self->source->partitions(self->source, &count);
    for (uint32_t k = 0; k < count; k++) {
        int32_t p = partitions[k].partition;
        if (partitions[k].next == 0 && self->next[p] < 0) {
            continue; /* as the pipeline does */
        }
        assert_true(partitions[k].next >= self->next[p]); /* a writer refuses to go back */
        self->next[p] = partitions[k].next;
        self->fingerprint[p] = partitions[k].fingerprint;
        self->gap[p] = partitions[k].gap;
    }
    for (uint32_t k = 0; k < self->pending_count; k++) {
        all->repeated += all->seen[self->pending[k]];
        all->committed += !all->seen[self->pending[k]];
        all->seen[self->pending[k]] = 1;
    }
    self->pending_count = 0;
    self->source->committed(self->source, partitions, count);
}

static void end(shard *self, bool orderly)
{
    if (orderly) {
        commit(self);
    }
    self->source->close(self->source);
    self->source = NULL;
    self->pending_count = 0;
    assert_int_equal(self->claim_count, 0);
}

static world *new_world(void)
{
    world *all = calloc(1, sizeof *all);
    snprintf(topic_name, sizeof topic_name, "shared-%d-%d", (int)getpid(), ++topic_number);
    snprintf(group_name, sizeof group_name, "group-%d-%d", (int)getpid(), topic_number);
    all->feed = (wendi_test_feed){
        .brokers = servers, .topic = topic_name, .payload_bytes = 120, .partition = -1};
    if (broker != NULL) {
        assert_int_equal(wendi_mock_broker_create_topic(broker, topic_name, PARTITIONS, NULL),
                         WEND_OK);
    } else {
        all->feed.create_partition_count = PARTITIONS;
        wendi_test_feed_send(&all->feed, 0, 0);
        all->feed.create_partition_count = 0;
    }
    for (uint32_t s = 0; s < SHARDS; s++) {
        shard *self = &all->shards[s];
        self->world = all;
        self->number = s;
        self->pending = calloc(MESSAGES + 1, sizeof *self->pending);
        assert_int_equal(wendi_message_block_init(&self->block, NULL), WEND_OK);
        for (int p = 0; p < GROWN; p++) {
            self->next[p] = -1;
        }
    }
    for (int p = 0; p < GROWN; p++) {
        all->owner[p] = -1;
    }
    return all;
}

static void free_world(world *all)
{
    for (uint32_t s = 0; s < SHARDS; s++) {
        if (all->shards[s].source != NULL) {
            end(&all->shards[s], false);
        }
        free(all->shards[s].pending);
        wendi_message_block_free(&all->shards[s].block);
    }
    free(all);
}

static void produce(world *all, uint64_t count)
{
    uint64_t stop = all->produced + count < MESSAGES ? all->produced + count : MESSAGES;
    if (stop > all->produced) {
        wendi_test_feed_send(&all->feed, all->produced, stop);
    }
    all->produced = stop;
}

/* Ask every live shard in turn, committing now and then, until all is committed. */
static void run_until(world *all, uint64_t committed, int rounds)
{
    for (int round = 0; all->committed < committed && round < rounds; round++) {
        for (uint32_t s = 0; s < SHARDS; s++) {
            wend_error error = {.message = ""};
            if (all->shards[s].source == NULL) {
                continue;
            }
            if (ask(&all->shards[s], &error) != WEND_OK) {
                fail_msg("shard %u: %s (%s)", s, error.message, error.hint);
            }
            if (round % 3 == 2) {
                commit(&all->shards[s]);
            }
        }
    }
    assert_int_equal(all->committed, committed);
    assert_int_equal(all->repeated + all->bad, 0);
}

static uint32_t claims_of(world *all, uint32_t s)
{
    wendi_kafka_source_state seen;
    wendi_kafka_source_state_of(all->shards[s].source, &seen);
    assert_int_equal(seen.claimed_count, all->shards[s].claim_count);
    return seen.claimed_count;
}

static void a_second_shard_gets_its_share(void **state)
{
    (void)state;
    world *all = new_world();
    start(&all->shards[0], NULL);
    produce(all, 1000);
    run_until(all, 1000, 1000);
    assert_int_equal(claims_of(all, 0), PARTITIONS);

    start(&all->shards[1], NULL);
    for (int round = 0; round < 200 && all->shards[1].claim_count < PARTITIONS / 2; round++) {
        produce(all, 10);
        run_until(all, all->produced, 1000);
    }
    assert_int_equal(claims_of(all, 0), PARTITIONS / 2);
    assert_int_equal(claims_of(all, 1), PARTITIONS / 2);
    produce(all, 1000);
    run_until(all, all->produced, 1000);
    assert_true(all->notice_count > 0);

    end(&all->shards[0], true);
    produce(all, 1000);
    run_until(all, all->produced, 1000);
    assert_int_equal(claims_of(all, 1), PARTITIONS);
    wendi_kafka_source_state seen;
    wendi_kafka_source_state_of(all->shards[1].source, &seen);
    assert_true(seen.verified_count >= PARTITIONS); /* by the fingerprints of the other's table */
    free_world(all);
}

/* What was handed out and is not committed keeps the partition. */
static void a_partition_is_kept_until_it_is_committed(void **state)
{
    (void)state;
    world *all = new_world();
    shard *first = &all->shards[0], *second = &all->shards[1];
    wend_error error = {.message = ""};

    start(first, NULL);
    produce(all, 600);
    for (int round = 0; round < 500 && first->pending_count < 600; round++) {
        assert_int_equal(ask(first, &error), WEND_OK);
    }
    assert_int_equal(first->pending_count, 600);
    start(second, NULL);
    for (int round = 0; round < 400; round++) { /* eight seconds: beyond every timeout */
        assert_int_equal(ask(first, &error), WEND_OK);
        assert_int_equal(ask(second, &error), WEND_OK);
    }
    assert_int_equal(second->claim_count, 0);
    assert_int_equal(second->pending_count, 0);
    assert_true(first->drained_seen);
    wendi_kafka_source_state seen;
    wendi_kafka_source_state_of(first->source, &seen);
    assert_int_equal(seen.draining_count, PARTITIONS / 2);
    wendi_kafka_source_state_of(second->source, &seen);
    assert_int_equal(seen.waiting_count, PARTITIONS / 2);
    commit(first);
    for (int round = 0; round < 100 && second->claim_count == 0; round++) {
        assert_int_equal(ask(first, &error), WEND_OK);
        assert_int_equal(ask(second, &error), WEND_OK);
    }
    assert_int_equal(second->claim_count, PARTITIONS / 2);
    produce(all, 600);
    run_until(all, 1200, 1000);
    free_world(all);
}

/* A shard that sleeps is put out of the group, but has its claims: nobody reads what it holds. */
static void a_sleeper_keeps_its_claims(void **state)
{
    (void)state;
    world *all = new_world();
    shard *sleeper = &all->shards[0], *other = &all->shards[1];
    wend_error error = {.message = ""};

    start(sleeper, NULL);
    start(other, NULL);
    produce(all, 600);
    run_until(all, 600, 2000);
    for (int round = 0; round < 500 && (sleeper->claim_count < PARTITIONS / 2 ||
                                        other->claim_count < PARTITIONS / 2);
         round++) {
        commit(sleeper);
        commit(other);
        assert_int_equal(ask(sleeper, &error), WEND_OK);
        assert_int_equal(ask(other, &error), WEND_OK);
    }
    assert_int_equal(sleeper->claim_count, PARTITIONS / 2);
    produce(all, 600);
    for (int round = 0; round < 50; round++) {
        assert_int_equal(ask(sleeper, &error), WEND_OK);
        assert_int_equal(ask(other, &error), WEND_OK);
    }
    wendi_kafka_source_state seen = {.waiting_count = 0};
    for (int round = 0; round < 1500 && seen.waiting_count == 0; round++) {
        assert_int_equal(ask(other, &error), WEND_OK); /* until max.poll.interval.ms is over */
        wendi_kafka_source_state_of(other->source, &seen);
    }
    assert_int_equal(seen.waiting_count, PARTITIONS / 2);
    assert_int_equal(other->claim_count, PARTITIONS / 2);
    produce(all, 600);
    run_until(all, 1800, 1000); /* it wakes, commits, gives up, and both go on */
    free_world(all);
}

static void a_bounded_group_ends(void **state)
{
    (void)state;
    world *all = new_world();
    const wendi_kafka_source_options bounded = {.until_caught_up = true};
    produce(all, 3000);
    start(&all->shards[0], &bounded);
    start(&all->shards[1], &bounded);
    for (int round = 0; round < 1000 && (all->shards[0].source || all->shards[1].source); round++) {
        for (uint32_t s = 0; s < 2; s++) {
            wend_error error = {.message = ""};
            if (all->shards[s].source == NULL) {
                continue;
            }
            wend_status status = ask(&all->shards[s], &error);
            if (status == WEND_END) {
                end(&all->shards[s], true);
            } else if (status != WEND_OK) {
                fail_msg("%s", error.message);
            }
            if (round % 5 == 4 && all->shards[s].source != NULL) {
                commit(&all->shards[s]);
            }
        }
    }
    assert_null(all->shards[0].source);
    assert_null(all->shards[1].source);
    assert_int_equal(all->committed, 3000);
    assert_int_equal(all->repeated, 0);
    free_world(all);
}

/* Tables that do not hold what the group's offsets say: some shard's table is not in sight. */
static void offsets_ahead_of_all_tables_are_a_conflict(void **state)
{
    (void)state;
    world *all = new_world();
    start(&all->shards[0], NULL);
    produce(all, 600);
    run_until(all, 600, 1000);
    end(&all->shards[0], true);
    for (int p = 0; p < GROWN; p++) {
        all->shards[0].next[p] = -1;
    }
    start(&all->shards[1], NULL);
    wend_error error = {.message = ""};
    wend_status status = WEND_OK;
    for (int round = 0; round < 500 && status == WEND_OK; round++) {
        status = ask(&all->shards[1], &error);
        assert_int_equal(all->shards[1].pending_count, 0);
    }
    assert_int_equal(status, WEND_CONFLICT);
    assert_non_null(strstr(error.message, "another store"));
    free_world(all);
}

static void random_step(world *all, int kill_share)
{
    shard *self = &all->shards[rand() % SHARDS];
    int dice = rand() % 100;
    if (self->source == NULL) {
        if (dice < 30) {
            start(self, NULL);
        }
    } else if (dice < kill_share) {
        end(self, false);
    } else if (dice < kill_share + 2) {
        end(self, true);
    } else if (dice < kill_share + 4) {
        self->stalled = 20 + rand() % 150;
    } else if (dice < 40) {
        commit(self);
    }
}

static void any_history_is_exact(void **state)
{
    (void)state;
    const char *given = getenv("WEND_TEST_SEED");
    unsigned seed = given != NULL ? (unsigned)strtoul(given, NULL, 10) : 20261121;
    print_message("seed %u\n", seed);
    srand(seed);
    world *all = new_world();
    for (int round = 0; all->produced < MESSAGES - 2000; round++) {
        produce(all, (uint64_t)(rand() % SLICE));
        for (int k = 0; k < 3; k++) {
            random_step(all, 4);
        }
        for (uint32_t s = 0; s < SHARDS; s++) {
            wend_error error = {.message = ""};
            shard *self = &all->shards[s];
            if (self->source != NULL && self->stalled > 0) {
                self->stalled--;
            } else if (self->source != NULL && ask(self, &error) != WEND_OK) {
                fail_msg("shard %u: %s (%s)", s, error.message, error.hint);
            }
        }
        assert_int_equal(all->repeated + all->bad, 0);
    }
    for (uint32_t s = 0; s < SHARDS; s++) {
        if (all->shards[s].source == NULL) {
            start(&all->shards[s], NULL);
        }
    }
    run_until(all, all->produced, 3000);
    print_message("%" PRIu64 " messages, %" PRIu64 " claims refused, %" PRIu64 " notices\n",
                  all->committed, all->busy_count, all->notice_count);
    free_world(all);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_second_shard_gets_its_share),
        cmocka_unit_test(a_partition_is_kept_until_it_is_committed),
        cmocka_unit_test(a_sleeper_keeps_its_claims),
        cmocka_unit_test(a_bounded_group_ends),
        cmocka_unit_test(offsets_ahead_of_all_tables_are_a_conflict),
        cmocka_unit_test(any_history_is_exact),
    };
    servers = getenv("WEND_TEST_BROKERS");
    if (servers == NULL) {
        if (wendi_mock_broker_open(1, &broker, NULL) != WEND_OK) {
            return 1;
        }
        servers = wendi_mock_broker_servers(broker);
    }
    if (argc > 1) {
        cmocka_set_test_filter(argv[1]);
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    wendi_mock_broker_close(broker);
    return failed;
}
