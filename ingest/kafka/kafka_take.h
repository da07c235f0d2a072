/**
 * Messages, ends and faults, one after the other, as librdkafka gave them: judged, and handed out
 * or held against their partition. Private to this folder.
 */
#ifndef WENDI_KAFKA_TAKE_H
#define WENDI_KAFKA_TAKE_H

#include "ingest/kafka/kafka_partition.h"

enum {
    WENDI_KAFKA_BLOCK_BYTES = 512 << 10 /* of payloads: a cache has them when they are decoded */
};

/** Take nothing more of the partition until it has begun again at our own offset. WEND_KAFKA once
 * it has failed too often. */
wend_status wendi_kafka_hold(wendi_kafka_source *source, uint32_t ordinal, const char *reason,
                             wend_error *error) WEND_MUST_USE;
/** Move what is pending into the block, as much as it holds. */
wend_status wendi_kafka_take_pending(wendi_kafka_source *source, wendi_message_block *block,
                                     wend_error *error) WEND_MUST_USE;
/** The block goes out: remember its last messages' fingerprints, and count. */
void wendi_kafka_take_seal(wendi_kafka_source *source, const wendi_message_block *block);

#endif
