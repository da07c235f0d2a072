/* Copying messages out of librdkafka's buffers, and the hash that knows one again. */
#include "ingest/kafka/kafka_message.h"

#include <string.h>

#include "engine/base/hash.h"

/* Offset and time are part of it: an application that replays its messages into a new topic makes
   the same payloads at the same offsets, but not at the same time. Never 0. */
uint64_t wendi_kafka_fingerprint(const wendi_message *message)
{
    uint8_t head[24];
    wendi_store_u64(head, (uint64_t)message->position);
    wendi_store_u64(head + 8, (uint64_t)message->timestamp_us);
    wendi_store_u64(head + 16, (uint64_t)message->length << 2 | (message->payload != NULL) << 1 |
                                   message->key_present);
    uint64_t hash = wendi_hash64(head, sizeof head);
    if (message->key_present) {
        hash = wendi_hash64_seed(message->key.data, message->key.length, hash);
    }
    if (message->payload != NULL) {
        hash = wendi_hash64_seed(message->payload, message->length, hash);
    }
    return hash != 0 ? hash : 1;
}

static int64_t timestamp_us_of(const rd_kafka_message_t *from)
{
    rd_kafka_timestamp_type_t type;
    int64_t ms = rd_kafka_message_timestamp(from, &type);
    bool usable =
        type != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE && ms > INT64_MIN / 1000 && ms < INT64_MAX / 1000;
    return usable ? ms * 1000 : INT64_MIN;
}

/* The message as ours, its bytes still librdkafka's. */
wendi_message wendi_kafka_message_borrow(const rd_kafka_message_t *from, uint32_t ordinal)
{
    return (wendi_message){.payload = from->payload,
                           .length = (uint32_t)from->len,
                           .partition = ordinal,
                           .position = from->offset,
                           .next = from->offset + 1,
                           .timestamp_us = timestamp_us_of(from),
                           .key_present = from->key != NULL,
                           .key = {from->key, (uint32_t)from->key_len}};
}

static bool copy_headers(wendi_message_block *block, const rd_kafka_message_t *from,
                         wendi_message *message)
{
    rd_kafka_headers_t *headers = NULL;
    if (rd_kafka_message_headers(from, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return true;
    }
    size_t count = rd_kafka_header_cnt(headers);
    wendi_message_header *copies = wendi_arena_alloc(&block->arena, (count + 1) * sizeof *copies);
    if (copies == NULL) {
        return false;
    }
    for (size_t k = 0; k < count; k++) {
        const char *name = NULL;
        const void *value = NULL;
        size_t length = 0;
        rd_kafka_header_get_all(headers, k, &name, &value, &length);
        char *name_copy = wendi_arena_copy(&block->arena, name, strlen(name));
        char *value_copy = value == NULL ? NULL : wendi_arena_copy(&block->arena, value, length);
        if (name_copy == NULL || (value != NULL && value_copy == NULL)) {
            return false;
        }
        copies[k] =
            (wendi_message_header){wendi_string_of(name_copy), {value_copy, (uint32_t)length}};
    }
    message->headers = copies;
    message->header_count = (uint32_t)count;
    return true;
}

wend_status wendi_kafka_message_keep(wendi_message_block *block, const rd_kafka_message_t *from,
                                     bool headers, wendi_message *message, wend_error *error)
{
    bool kept = true;
    if (message->payload != NULL) {
        char *space = wendi_message_block_space(block, message->length);
        kept = space != NULL;
        if (kept) {
            memcpy(space, message->payload, message->length);
            message->payload = space;
        }
    }
    if (kept && message->key_present) {
        char *space = wendi_message_block_space(block, message->key.length);
        kept = space != NULL;
        if (kept && message->key.length != 0) {
            memcpy(space, message->key.data, message->key.length);
        }
        message->key.data = space;
    }
    if (kept && headers) {
        kept = copy_headers(block, from, message);
    }
    if (!kept) {
        return wendi_fail_nomem(error, "a Kafka message", message->length);
    }
    block->messages[block->count++] = *message;
    block->payload_bytes += message->length;
    return WEND_OK;
}
