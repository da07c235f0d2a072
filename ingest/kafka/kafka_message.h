/** One message on its way from librdkafka into a block. Private to this folder. */
#ifndef WENDI_KAFKA_MESSAGE_H
#define WENDI_KAFKA_MESSAGE_H

#include <librdkafka/rdkafka.h>

#include "ingest/message.h"

/** A hash by which a message is known again when it is read a second time; never 0. */
uint64_t wendi_kafka_fingerprint(const wendi_message *message);
/** `from` in our terms; payload and key are still librdkafka's, headers are left out. */
wendi_message wendi_kafka_message_borrow(const rd_kafka_message_t *from, uint32_t ordinal);
/**
 * Copy what `message` (borrowed from `from`) points to into the block's arena and append it, so
 * that `from` can be destroyed: one kept message would pin a whole fetch response. WEND_NOMEM.
 */
wend_status wendi_kafka_message_keep(wendi_message_block *block, const rd_kafka_message_t *from,
                                     bool headers, wendi_message *message,
                                     wend_error *error) WEND_MUST_USE;

#endif
