/**
 * Ingest from Kafka topics: ingest.h with a Kafka source at the table's own offsets.
 */
#ifndef WENDI_INGEST_KAFKA_H
#define WENDI_INGEST_KAFKA_H

#include "ingest/ingest.h"
#include "ingest/kafka/kafka_source.h"

/**
 * Ingest topics into `table` of the store. starts, expected_cluster_id, headers and shards of `kafka` are set from
 * the table and the store here, whatever they hold; all else is the caller's choice.
 *
 * With `kafka->group` the table is one of the shards of that group (shard_claims.h): it shares the topics with the other
 * tables of the store whose ingestors are in the group. WEND_UNSUPPORTED on a mount.
 */
wend_status wendi_ingest_kafka(const char *store, const char *table, const wendi_kafka_source_options *kafka,
                               const wendi_ingest_options *options, wendi_ingest_stats *stats, wend_error *error);
/**
 * What is wrong with `kafka` whatever the table and the cluster hold: WEND_INVALID. To be asked before anything is
 * opened, since a table that is opened for a group is marked as its shard.
 */
wend_status wendi_ingest_kafka_check(const wendi_kafka_source_options *kafka, wend_error *error) WEND_MUST_USE;

#endif
