/*
 * What to do with each thing that librdkafka gave: see kafka_take.h.
 *
 * Invariants: a message is handed out only if its offset is at least its partition's `next`, and
 * moves `next` behind it; a partition that holds gives nothing.
 */
#include "ingest/kafka/kafka_take.h"

#include <inttypes.h>
#include <stdio.h>

#include "ingest/kafka/kafka_message.h"

enum {
    RETRY_MS = 200,
    SILENCE_MS = 250,        /* five times what a broker that has nothing waits with its answer */
    FRAME_BYTES = 5
};

/* ---- faults ---------------------------------------------------------------------------------- */

/* Take nothing more of the partition until it has begun again at our own offset. */
wend_status wendi_kafka_hold(wendi_kafka_source *source, uint32_t ordinal, const char *reason,
                             wend_error *error)
{
    wendi_kafka_slot *slot = &source->slots[ordinal];
    const wendi_source_partition *state = &source->states[ordinal];

    if (slot->holds) {
        return WEND_OK; /* More of the fault that it holds for. */
    }
    slot->holds = true;
    wendi_kafka_source_say(source, "%s at offset %" PRId64 ": %s", state->shown, state->next,
                           reason);
    if (slot->tries >= source->tries_max) {
        wendi_fail(error, WEND_KAFKA,
                   "%s cannot be read behind offset %" PRId64 " (tried %u times): %s", state->shown,
                   state->next, slot->tries + 1, reason);
        wendi_error_hint(
            error,
            "everything before that offset is safe; once the broker serves it again, start again");
        return WEND_KAFKA;
    }
    slot->retry_at_ms =
        wendi_kafka_now_ms() + ((int64_t)RETRY_MS << (slot->tries < 5 ? slot->tries : 5));
    slot->tries++;
    source->state.retry_count++;
    return WEND_OK;
}

/* The log's end was met at `offset`. */
static wend_status reach_end(wendi_kafka_source *source, uint32_t ordinal, int64_t offset,
                             wend_error *error)
{
    wendi_kafka_slot *slot = &source->slots[ordinal];
    const wendi_source_partition *state = &source->states[ordinal];

    if (slot->holds) {
        return WEND_OK;
    }
    if (offset >= 0 && offset < state->next) {
        slot->range_doubted = true;
        return wendi_kafka_hold(source, ordinal, "the log ends before our offset", error);
    }
    if (offset >= 0 && offset < slot->end_wanted) {
        slot->range_doubted = true;
        return wendi_kafka_hold(source, ordinal, "the log ends before the end that it had", error);
    }
    if (slot->verifying) {
        slot->verifying = false; /* Compacted away, or cut off by the retention. */
        slot->gone_before = state->next;
        source->state.unverified_count++;
    }
    slot->tries = 0;
    slot->gap_first = slot->gap_end = -1;
    slot->at_end = true;
    slot->heard_at_ms = source->fetched_at_ms;
    wendi_kafka_client_works(&source->client);
    if (slot->end_wanted >= 0) { /* `next` may be less: control records come last */
        wendi_kafka_partition_finish(source, ordinal);
    }
    return WEND_OK;
}

static wend_status take_fault(wendi_kafka_source *source, uint32_t ordinal,
                              const rd_kafka_message_t *from, wend_error *error)
{
    wendi_kafka_slot *slot = &source->slots[ordinal];

    if (from->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        return reach_end(source, ordinal, from->offset, error);
    }
    if (!slot->holds && (from->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET ||
                         from->err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE)) {
        slot->range_doubted = true;
    }
    const char *detail = rd_kafka_message_errstr(from);
    return wendi_kafka_hold(source, ordinal, detail != NULL ? detail : rd_kafka_err2str(from->err),
                            error);
}

/* The first message after a start: ours, gone, or another topic's under the same name?
   `*ours_again` says that it is the one we have already. */
static wend_status verify(wendi_kafka_source *source, const wendi_message *message,
                          bool *ours_again, wend_error *error)
{
    wendi_kafka_slot *slot = &source->slots[message->partition];
    const wendi_source_partition *state = &source->states[message->partition];

    *ours_again = message->position == state->next - 1;
    if (message->position < state->next - 1) {
        return WEND_OK; /* The caller finds it out of order. */
    }
    slot->verifying = false;
    if (!*ours_again) {
        slot->gone_before = state->next;
        source->state.unverified_count++;
        return WEND_OK;
    }
    if (wendi_kafka_fingerprint(message) != state->fingerprint) {
        wendi_fail(
            error, WEND_CONFLICT,
            "%s: the message at offset %" PRId64
            " is not the one that the table has taken: the topic was deleted and created again",
            state->shown, message->position);
        wendi_error_hint(error, "load the new topic into a table of its own");
        return WEND_CONFLICT;
    }
    source->state.verified_count++;
    return WEND_OK;
}

/* ---- a batch --------------------------------------------------------------------------------- */

static uint32_t ordinal_of(const rd_kafka_message_t *from)
{
    const wendi_kafka_topic *topic = from->rkt == NULL ? NULL : rd_kafka_topic_opaque(from->rkt);
    bool known = topic != NULL && from->partition >= 0 && from->partition < topic->partition_count;
    return known ? topic->ordinals[from->partition] : WENDI_KAFKA_NO_ORDINAL;
}

/*
 * Offsets were left out before this message. Transactions and compaction do that, and so does a
 * batch whose offset was damaged on its way, which no checksum covers. The broker says the same
 * again only of the former: read again what is much more than was confirmed before. `*confirmed`
 * says to go on.
 */
static wend_status judge_gap(wendi_kafka_source *source, uint32_t ordinal, int64_t offset,
                             bool *confirmed, wend_error *error)
{
    wendi_kafka_slot *slot = &source->slots[ordinal];
    int64_t next = source->states[ordinal].next;
    int64_t gap = offset - next;

    *confirmed =
        gap <= 2 * slot->gap_largest || (slot->gap_first == next && slot->gap_end == offset);
    if (*confirmed) {
        slot->gap_largest = gap > slot->gap_largest ? gap : slot->gap_largest;
        slot->gap_first = slot->gap_end = -1;
        return WEND_OK;
    }
    bool differs = slot->gap_first == next;
    slot->gap_first = next;
    slot->gap_end = offset;
    if (differs) { /* twice, and not the same: a fault like any other */
        return wendi_kafka_hold(source, ordinal,
                                "the broker tells of different gaps in the offsets", error);
    }
    slot->holds = true;
    slot->retry_at_ms = 0;
    return WEND_OK;
}

/* Take off what stands before the JSON, or say why the message is refused. Returns its bytes. */
static uint32_t unframe(const wendi_kafka_source *source, wendi_message *message)
{
    bool framed = message->length >= FRAME_BYTES && message->payload[0] == 0;

    if (source->framing == WENDI_KAFKA_FRAMING_NONE) {
        if (framed) {
            message->refused = "looks like schema-registry framing (a zero byte and the four of a "
                               "schema's id): --framing confluent-json takes it off";
        }
        return 0;
    }
    if (!framed) {
        message->refused =
            "no schema-registry framing (a zero byte and the four of a schema's id), "
            "which --framing confluent-json expects";
        return 0;
    }
    message->payload += FRAME_BYTES;
    message->length -= FRAME_BYTES;
    return FRAME_BYTES;
}

/* Hand the message out. */
static wend_status give(wendi_kafka_source *source, wendi_message_block *block,
                        const rd_kafka_message_t *from, wendi_message *message, wend_error *error)
{
    wendi_kafka_slot *slot = &source->slots[message->partition];
    wendi_source_partition *state = &source->states[message->partition];
    bool headers = atomic_load_explicit(&source->headers, memory_order_relaxed);
    wend_status status = wendi_kafka_message_keep(block, from, headers, message, error);

    if (status != WEND_OK) {
        return status;
    }
    slot->last_taken = block->count - 1;
    slot->last_frame_bytes = 0;
    if (message->payload != NULL) {
        slot->last_frame_bytes = unframe(source, &block->messages[block->count - 1]);
    } else {
        source->state.tombstone_count++;
    }
    state->next = message->next;
    slot->tries = 0; /* a message compared again is no progress */
#if RD_KAFKA_VERSION >= 0x020100ff
    state->leader_epoch = rd_kafka_message_leader_epoch(from);
#endif
    return WEND_OK;
}

/*
 * The log's end was read, then nothing came for longer than a broker waits with an empty answer.
 * Perhaps there was nothing; perhaps no answer reached us, and the topic was made anew meanwhile.
 * What comes now is the first that it would show in.
 */
static bool was_silent(const wendi_kafka_source *source, uint32_t ordinal)
{
    const wendi_kafka_slot *slot = &source->slots[ordinal];
    return slot->at_end && source->states[ordinal].fingerprint != 0 &&
           source->fetched_at_ms - slot->heard_at_ms > SILENCE_MS;
}

/* Whether the run ends before this message. */
static bool is_behind_end(const wendi_kafka_source *source, const wendi_kafka_slot *slot,
                          const wendi_message *message)
{
    return (slot->end_wanted >= 0 && message->position >= slot->end_wanted) ||
           (source->until_us > 0 && message->timestamp_us >= source->until_us);
}

static wend_status take_message(wendi_kafka_source *source, wendi_message_block *block,
                                const rd_kafka_message_t *from, uint32_t ordinal, wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_kafka_slot *slot = &source->slots[ordinal];
    const wendi_source_partition *state = &source->states[ordinal];
    wendi_message message = wendi_kafka_message_borrow(from, ordinal);
    bool ours_again = false;

    if (slot->holds || !wendi_kafka_slot_reads(source, ordinal)) {
        return WEND_OK;
    }
    if (from->len > UINT32_MAX - WENDI_MESSAGE_PADDING || from->key_len > UINT32_MAX) {
        return wendi_fail(error, WEND_UNSUPPORTED,
                          "%s: the message at offset %" PRId64 " is larger than 4 GiB",
                          state->shown, from->offset);
    }
    if (slot->verifying) {
        WEND_TRY(verify(source, &message, &ours_again, error));
    } else if (was_silent(source, ordinal)) {
        slot->holds = true;
        slot->retry_at_ms = 0;
        slot->at_end = false;
        return WEND_OK;
    }
    slot->heard_at_ms = source->fetched_at_ms;
    slot->at_end = false;
    if (!ours_again && from->offset < state->next) {
        return wendi_kafka_hold(source, ordinal, "the broker sent an earlier offset again", error);
    }
    if (!ours_again && from->offset > state->next) {
        bool confirmed = false;
        status = judge_gap(source, ordinal, from->offset, &confirmed, error);
        if (status != WEND_OK || !confirmed) {
            return status;
        }
    }
    bool behind_end = !ours_again && is_behind_end(source, slot, &message);
    if (!ours_again && !behind_end) {
        WEND_TRY(give(source, block, from, &message, error));
    }
    if (behind_end || (slot->end_wanted >= 0 && state->next >= slot->end_wanted)) {
        wendi_kafka_partition_finish(source, ordinal);
    }
cleanup:
    return status;
}

static wend_status take(wendi_kafka_source *source, wendi_message_block *block,
                        const rd_kafka_message_t *from, wend_error *error)
{
    uint32_t ordinal = ordinal_of(from);
    if (ordinal == WENDI_KAFKA_NO_ORDINAL) {
        if (from->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
            wendi_kafka_client_note(&source->client, "%s", rd_kafka_message_errstr(from));
        }
        return WEND_OK;
    }
    return from->err == RD_KAFKA_RESP_ERR_NO_ERROR
               ? take_message(source, block, from, ordinal, error)
               : take_fault(source, ordinal, from, error);
}

/* Move what librdkafka gave into the block, as much as it holds. */
wend_status wendi_kafka_take_pending(wendi_kafka_source *source, wendi_message_block *block,
                                     wend_error *error)
{
    wend_status status = WEND_OK;
    while (status == WEND_OK && source->pending_at < source->pending_count &&
           block->count < WENDI_MESSAGE_BLOCK_MAX) {
        rd_kafka_message_t *from = source->pending[source->pending_at];
        if (block->count > 0 && block->payload_bytes + from->len > WENDI_KAFKA_BLOCK_BYTES) {
            break;
        }
        source->pending_at++;
        status = take(source, block, from, error);
        rd_kafka_message_destroy(from);
    }
    return status;
}

void wendi_kafka_take_seal(wendi_kafka_source *source, const wendi_message_block *block)
{
    for (uint32_t k = 0; k < source->count; k++) {
        wendi_kafka_slot *slot = &source->slots[k];
        if (slot->last_taken != WENDI_KAFKA_NO_ORDINAL) {
            wendi_message last = block->messages[slot->last_taken];
            last.payload -= last.payload != NULL ? slot->last_frame_bytes : 0;
            last.length += slot->last_frame_bytes; /* as the broker has it */
            source->states[k].fingerprint = wendi_kafka_fingerprint(&last);
            slot->last_taken = WENDI_KAFKA_NO_ORDINAL;
        }
    }
    if (block->count > 0) {
        wendi_kafka_client_works(&source->client);
    }
    source->state.message_count += block->count;
    source->state.payload_bytes += block->payload_bytes;
}
