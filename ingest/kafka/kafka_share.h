/**
 * What the group wants against what we may: claims taken, waited for, drained and released.
 * Private to this folder.
 */
#ifndef WENDI_KAFKA_SHARE_H
#define WENDI_KAFKA_SHARE_H

#include "ingest/kafka/kafka_partition.h"

/**
 * Bring what is read in line with what the group has assigned: take claims, begin what was claimed,
 * stop what was taken away, release what is committed. Only while no fetched message waits.
 */
wend_status wendi_kafka_share_tend(wendi_kafka_source *source, wend_error *error) WEND_MUST_USE;
/** Keep what the table has committed, `count` positions by ordinal, and tell the group. */
void wendi_kafka_share_committed(wendi_kafka_source *source,
                                 const wendi_source_partition *partitions, uint32_t count);
/** Whether a bounded run has read all that is assigned to it. */
bool wendi_kafka_share_done(const wendi_kafka_source *source);
/** Let go of everything; nothing more will be committed. */
void wendi_kafka_share_end(wendi_kafka_source *source);

#endif
