/**
 * Shards: several tables of one store that share Kafka topics by a consumer group, so that every
 * message is in exactly one of them.
 *
 * The *claim* on a partition is a lock file of the store, held from before the partition's position
 * is looked up until the last commit with messages of it is done; it ends with the process. So
 * while one process holds it nobody else can have begun to read, however late the group learns that
 * a member is gone, and whoever takes it next finds in the tables' logs all that was ever committed
 * of the partition. Where to begin is the greatest position in the logs of all tables of the group.
 * docs/decisions/shards-claim-partitions.md says why.
 *
 * Which tables belong together is written into each (file GROUP in its folder) before it reads
 * anything. A table of the store that has read one of the topics without belonging to any group
 * would leave in doubt whose events those are: that is refused. Locks of a mount hold on one host
 * only, so a group on one is refused.
 *
 * Files: STORE/.claims/<group>/<topic>-<partition>, STORE/<table>/GROUP. One thread at a time.
 */
#ifndef WENDI_INGEST_SHARD_CLAIMS_H
#define WENDI_INGEST_SHARD_CLAIMS_H

#include "engine/table/table.h"
#include "ingest/kafka/kafka_source.h"

typedef struct wendi_shard_claims wendi_shard_claims;

/**
 * Enter `table` into `group`. The caller holds the table's writer.
 * Returns: WEND_OK; WEND_UNSUPPORTED the store is on a mount; WEND_INVALID the group's name;
 * WEND_CONFLICT the table is a shard of another group; WEND_IO, WEND_NOMEM.
 */
wend_status wendi_shard_claims_open(const char *store, const char *table, const char *group,
                                    wendi_shard_claims **claims_out,
                                    wend_error *error) WEND_MUST_USE;
/** Every claim must be released before (the source does it when it is closed). Accepts NULL. */
void wendi_shard_claims_close(wendi_shard_claims *claims);
/** The calls that the Kafka source makes; lives as long as `claims`. */
const wendi_kafka_shards *wendi_shard_claims_calls(wendi_shard_claims *claims);
/**
 * Forget which group `table` belongs to. The caller holds the table's writer, and the table has read nothing, so that
 * no shard's position rests on it.
 */
wend_status wendi_shard_claims_leave(const char *store, const char *table,
                                     wend_error *error) WEND_MUST_USE;
/** WEND_CONFLICT when `table` belongs to a group: without it it would repeat what other shards
 * have. */
wend_status wendi_shard_claims_check_alone(const char *store, const char *table,
                                           wend_error *error) WEND_MUST_USE;

#endif
