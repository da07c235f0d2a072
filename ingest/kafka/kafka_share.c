/*
 * The life of a partition that is shared by a group: assigned -> claimed -> placed -> read ->
 * taken away -> drained -> released. See docs/decisions/shards-claim-partitions.md.
 *
 * Invariant: between claim and release nobody else reads the partition; it is released only when
 * all of it that was handed out is committed, or will never be.
 */
#include "ingest/kafka/kafka_share.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "engine/base/alloc.h"

enum {
    CLAIM_INTERVAL_MS = 100, /* between looks at claims that others have */
    PLACE_RETRY_MS = 500,
    TELL_INTERVAL_MS = 10000, /* between notices of one wait */
    GROUP_OFFSET_TIMEOUT_MS = 3000
};

static bool wants(const wendi_kafka_group *group, const wendi_source_partition *state)
{
    for (uint32_t k = 0; k < group->count; k++) {
        if (group->assigned[k].partition == state->partition &&
            strcmp(group->assigned[k].topic, state->topic) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- giving up ------------------------------------------------------------------------------- */

static wend_status start_draining(wendi_kafka_source *source, uint32_t ordinal, wend_error *error)
{
    wendi_source_partition *state = &source->states[ordinal];
    state->draining = true;
    wendi_kafka_source_tell(source,
                            "%s goes to another shard: at offset %" PRId64 ", committed to %" PRId64,
                            state->shown, state->next, source->slots[ordinal].committed_next);
    return wendi_kafka_partition_stop(source, ordinal, error);
}

static void release(wendi_kafka_source *source, uint32_t ordinal)
{
    wendi_kafka_slot *slot = &source->slots[ordinal];
    wendi_source_partition *state = &source->states[ordinal];

    source->shards->release(source->shards->context, slot->claim);
    slot->claim = NULL;
    slot->placed = false;
    slot->holds = slot->range_doubted = slot->topic_doubted = false;
    source->state.missing_partition_count -= slot->topic_missing;
    slot->topic_missing = false;
    source->finished_count -= state->finished;
    state->finished = false;
    state->draining = false;
    state->end = state->next; /* what comes is not our lag */
}

static wend_status give_up(wendi_kafka_source *source, wend_error *error)
{
    for (uint32_t k = 0; k < source->count; k++) {
        wendi_kafka_slot *slot = &source->slots[k];
        wendi_source_partition *state = &source->states[k];
        bool wanted = slot->claim != NULL && wants(source->group, state);
        if (slot->claim == NULL) {
            continue;
        }
        if (!wanted && !state->draining) {
            wend_status status = start_draining(source, k, error);
            if (status != WEND_OK) {
                return status;
            }
        } else if (wanted && state->draining) { /* back before anybody else had it */
            state->draining = false;
            slot->holds = true;
            slot->retry_at_ms = 0;
        }
        if (state->draining && slot->committed_next >= state->next) {
            release(source, k);
        }
    }
    return WEND_OK;
}

/* ---- taking ---------------------------------------------------------------------------------- */

/* When its waiting was told last; 0: it did not wait before. */
static int64_t told_before(const wendi_kafka_source *source, const char *topic, int32_t partition)
{
    for (uint32_t k = 0; k < source->waiting_count; k++) {
        if (source->waiting[k].partition == partition &&
            strcmp(source->waiting[k].topic, topic) == 0) {
            return source->waiting[k].told_ms;
        }
    }
    return 0;
}

static bool is_claimed(wendi_kafka_source *source, const wendi_kafka_topic *topic,
                       int32_t partition)
{
    uint32_t ordinal =
        partition < topic->partition_count ? topic->ordinals[partition] : WENDI_KAFKA_NO_ORDINAL;
    return ordinal != WENDI_KAFKA_NO_ORDINAL && source->slots[ordinal].claim != NULL;
}

/* Say so when it is news, and again from time to time. */
static wendi_kafka_waiting wait_for(const char *topic, int32_t partition,
                                    wendi_kafka_source *source, const wend_error *reason)
{
    int64_t now_ms = wendi_kafka_now_ms();
    wendi_kafka_waiting waits = {topic, partition, told_before(source, topic, partition)};
    if (waits.told_ms == 0 || now_ms - waits.told_ms >= TELL_INTERVAL_MS) {
        wendi_kafka_source_tell(source,
                               "%s[%d] is assigned to this shard, but waits for another: %s", topic,
                               partition, reason->message);
        waits.told_ms = now_ms;
    }
    return waits;
}

/* What one look at the claims of all that is assigned has brought. */
typedef struct claim_round {
    wendi_kafka_start *fresh; /* claimed just now, */
    void **held;              /* by these */
    uint32_t fresh_count;
    wendi_kafka_waiting *waiting;
    uint32_t waiting_count;
} claim_round;

static wend_status try_claims(wendi_kafka_source *source, claim_round *round, wend_error *error)
{
    const wendi_kafka_group *group = source->group;

    for (uint32_t k = 0; k < group->count; k++) {
        wendi_kafka_topic *topic = wendi_kafka_topic_find(source, group->assigned[k].topic);
        int32_t partition = group->assigned[k].partition;
        wend_error reason;
        if (topic == NULL || is_claimed(source, topic, partition)) {
            continue;
        }
        wend_status status = source->shards->claim(source->shards->context, topic->name, partition,
                                                   &round->held[round->fresh_count], &reason);
        if (status == WEND_OK) {
            round->fresh[round->fresh_count++] =
                (wendi_kafka_start){.topic = topic->name, .partition = partition};
        } else if (status == WEND_BUSY) {
            round->waiting[round->waiting_count++] =
                wait_for(topic->name, partition, source, &reason);
        } else {
            if (error != NULL) {
                *error = reason;
            }
            return status;
        }
    }
    return WEND_OK;
}

static const wendi_kafka_start *find_start(const wendi_kafka_start *starts, uint32_t count,
                                           const char *topic, int32_t partition)
{
    for (uint32_t k = 0; k < count; k++) {
        if (starts[k].partition == partition && strcmp(starts[k].topic, topic) == 0) {
            return &starts[k];
        }
    }
    return NULL;
}

/* What was claimed becomes a slot that stands where the shards' tables stand. */
static wend_status take_in(wendi_kafka_source *source, const wendi_kafka_start *start, void *claim,
                           wend_error *error)
{
    uint32_t ordinal = 0;
    wendi_kafka_topic *topic = wendi_kafka_topic_find(source, start->topic);
    wend_status status =
        wendi_kafka_partition_make(source, topic, start->partition, &ordinal, error);
    if (status != WEND_OK) {
        source->shards->release(source->shards->context, claim);
        return status;
    }
    wendi_kafka_slot *slot = &source->slots[ordinal];
    wendi_source_partition *state = &source->states[ordinal];
    assert(slot->claim == NULL && !slot->placed);
    slot->claim = claim;
    slot->retry_at_ms = 0;
    slot->tries = 0;
    slot->gap_first = slot->gap_end = -1;
    slot->at_end = false;
    slot->gone_before = -1;
    state->next = start->next >= 0 ? start->next : 0;
    state->fingerprint = start->fingerprint;
    state->leader_epoch = start->leader_epoch;
    state->gap = start->gap;
    slot->begins_anew = start->next < 0;
    slot->committed_next = state->next;
    return WEND_OK;
}

/* Where the shards stand in what was claimed; and, where it matters, whether they know the topics.
 */
static wend_status look_up(wendi_kafka_source *source, claim_round *round, wend_error *error)
{
    wend_status status = WEND_OK;
    uint32_t count = round->fresh_count;
    wendi_kafka_start *asked = NULL;

    for (uint32_t k = 0; k < source->topic_count; k++) {
        count += (uint32_t)source->topics[k].partition_count;
    }
    asked = wendi_alloc((count + 1) * sizeof *asked);
    if (asked == NULL) {
        return wendi_fail_nomem(error, "positions of shards", count * sizeof *asked);
    }
    count = round->fresh_count;
    memcpy(asked, round->fresh, count * sizeof *asked);
    for (uint32_t k = 0; k < source->topic_count; k++) {
        for (int32_t p = 0; p < source->topics[k].partition_count; p++) {
            if (find_start(round->fresh, round->fresh_count, source->topics[k].name, p) == NULL) {
                asked[count++] =
                    (wendi_kafka_start){.topic = source->topics[k].name, .partition = p};
            }
        }
    }
    WEND_TRY(source->shards->stand(source->shards->context, asked, count, error));
    memcpy(round->fresh, asked, round->fresh_count * sizeof *asked);
    for (uint32_t k = 0; k < count; k++) {
        wendi_kafka_topic_find(source, asked[k].topic)->known |= asked[k].next >= 0;
    }
cleanup:
    wendi_free(asked);
    return status;
}

static wend_status claim_assigned(wendi_kafka_source *source, wend_error *error)
{
    wend_status status = WEND_OK;
    uint32_t count = source->group->count, taken = 0;
    claim_round round = {.fresh = wendi_alloc((count + 1) * sizeof *round.fresh),
                         .held = wendi_alloc_zero(count + 1, sizeof *round.held),
                         .waiting = wendi_alloc((count + 1) * sizeof *round.waiting)};

    if (round.fresh == NULL || round.held == NULL || round.waiting == NULL) {
        status = wendi_fail_nomem(error, "claims", count * sizeof *round.fresh);
        goto cleanup;
    }
    WEND_TRY(try_claims(source, &round, error));
    wendi_free(source->waiting);
    source->waiting = round.waiting;
    source->waiting_count = round.waiting_count;
    round.waiting = NULL;
    if (round.fresh_count > 0) {
        WEND_TRY(look_up(source, &round, error));
    }
    while (taken < round.fresh_count) {
        taken++; /* take_in() keeps the claim or lets go of it */
        WEND_TRY(take_in(source, &round.fresh[taken - 1], round.held[taken - 1], error));
    }
cleanup:
    for (; round.held != NULL && taken < round.fresh_count; taken++) {
        source->shards->release(source->shards->context, round.held[taken]);
    }
    wendi_free(round.fresh);
    wendi_free(round.held);
    wendi_free(round.waiting);
    return status;
}

/*
 * Group offsets are written after ours, so one that is ahead of all our tables tells of a shard
 * whose table we cannot see, and reading on would double what it has.
 */
static wend_status check_group_offset(wendi_kafka_source *source, uint32_t ordinal,
                                      wend_error *error)
{
    const wendi_source_partition *state = &source->states[ordinal];
    int64_t offset = -1;
    wend_status status = wendi_kafka_group_offset(source->group, state->topic, state->partition,
                                                  GROUP_OFFSET_TIMEOUT_MS, &offset, error);
    if (status == WEND_OK && offset > state->next) {
        wendi_fail(
            error, WEND_CONFLICT,
            "%s: the group has committed offset %" PRId64
            ", but the tables of this store hold it only up to %" PRId64
            ": a shard of this group is in another store, or tables were dropped or restored",
            state->shown, offset, state->next);
        wendi_error_hint(error,
                         "all shards of a group share one store; if these tables are all there "
                         "is, delete the group's offsets in Kafka or choose a new group");
        return WEND_CONFLICT;
    }
    return status;
}

static wend_status place(wendi_kafka_source *source, uint32_t ordinal, wend_error *error)
{
    wendi_kafka_slot *slot = &source->slots[ordinal];
    const wendi_source_partition *state = &source->states[ordinal];
    const wendi_kafka_start start = {.topic = state->topic,
                                     .partition = state->partition,
                                     .next = slot->begins_anew ? -1 : state->next,
                                     .fingerprint = state->fingerprint,
                                     .leader_epoch = state->leader_epoch,
                                     .gap = state->gap};
    wend_status status = check_group_offset(source, ordinal, error);
    if (status == WEND_OK) {
        status = wendi_kafka_partition_place(source, ordinal, &start, error);
    }
    if (status != WEND_OK) {
        return status;
    }
    slot->placed = true;
    slot->committed_next = state->next;
    wendi_kafka_source_tell(source, "%s is read by this shard from offset %" PRId64, state->shown,
                           state->next);
    return state->finished ? WEND_OK : wendi_kafka_partition_begin(source, ordinal, error);
}

/* Place what is claimed and not placed yet; a broker that does not answer is asked again. */
static wend_status place_claimed(wendi_kafka_source *source, wend_error *error)
{
    for (uint32_t k = 0; k < source->count; k++) {
        wendi_kafka_slot *slot = &source->slots[k];
        wend_error reason;
        if (slot->claim == NULL || slot->placed || source->states[k].draining ||
            slot->retry_at_ms > wendi_kafka_now_ms()) {
            continue;
        }
        wend_status status = place(source, k, &reason);
        if (status == WEND_KAFKA) {
            slot->retry_at_ms = wendi_kafka_now_ms() + PLACE_RETRY_MS;
            wendi_kafka_client_note(&source->client, "%s", reason.message);
        } else if (status != WEND_OK) {
            if (error != NULL) {
                *error = reason;
            }
            return status;
        }
    }
    return WEND_OK;
}

static void count_states(wendi_kafka_source *source)
{
    wendi_kafka_source_state *state = &source->state;
    state->assigned_count = source->group->count;
    state->waiting_count = source->waiting_count;
    state->claimed_count = state->draining_count = 0;
    for (uint32_t k = 0; k < source->count; k++) {
        state->claimed_count += source->slots[k].claim != NULL;
        state->draining_count += source->states[k].draining;
    }
}

wend_status wendi_kafka_share_tend(wendi_kafka_source *source, wend_error *error)
{
    wend_status status = WEND_OK;
    int64_t now_ms = wendi_kafka_now_ms();

    WEND_TRY(wendi_kafka_group_serve(source->group, error));
    if (source->group->change_count == source->group_changes_seen &&
        now_ms - source->share_at_ms < CLAIM_INTERVAL_MS) {
        return WEND_OK;
    }
    source->group_changes_seen = source->group->change_count;
    source->share_at_ms = now_ms;
    WEND_TRY(give_up(source, error));
    WEND_TRY(claim_assigned(source, error));
    WEND_TRY(place_claimed(source, error));
    count_states(source);
cleanup:
    return status;
}

void wendi_kafka_share_committed(wendi_kafka_source *source,
                                 const wendi_source_partition *partitions, uint32_t count)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count + 1);
    for (uint32_t k = 0; k < count && k < source->count; k++) {
        wendi_kafka_slot *slot = &source->slots[k];
        if (slot->claim == NULL || partitions[k].next <= slot->committed_next) {
            continue; /* another's by now, or nothing new */
        }
        slot->committed_next = partitions[k].next;
        rd_kafka_topic_partition_list_add(list, partitions[k].topic, partitions[k].partition)
            ->offset = partitions[k].next;
    }
    if (list->cnt > 0) {
        wendi_kafka_group_commit(source->group, list);
    }
    rd_kafka_topic_partition_list_destroy(list);
    source->share_at_ms = 0; /* something may be released now */
}

bool wendi_kafka_share_done(const wendi_kafka_source *source)
{
    bool bounded = source->until_caught_up ||
                   (source->until_us > 0 && wendi_kafka_wall_us() >= source->until_us);
    if (!bounded || !source->group->joined || source->waiting_count > 0) {
        return false; /* before the end by time, partitions may still come to us */
    }
    uint32_t claimed = 0;
    for (uint32_t k = 0; k < source->count; k++) {
        bool ours = source->slots[k].claim != NULL && !source->states[k].draining;
        if (ours && !(source->slots[k].placed && source->states[k].finished)) {
            return false;
        }
        claimed += ours;
    }
    return claimed == source->group->count;
}

void wendi_kafka_share_end(wendi_kafka_source *source)
{
    wendi_kafka_group_close(source->group);
    source->group = NULL;
    for (uint32_t k = 0; k < source->count; k++) {
        if (source->slots[k].claim != NULL) {
            source->shards->release(source->shards->context, source->slots[k].claim);
            source->slots[k].claim = NULL;
        }
    }
    wendi_free(source->waiting);
}
