/** Small tables of numbered events for tests of the table: made, filled, read back, compared. */
#ifndef TEST_TABLE_FIXTURE_H
#define TEST_TABLE_FIXTURE_H

#include "engine/table/writer.h"

#define TABLE_FIXTURE_DDL                                                                          \
    "CREATE TABLE t (id bigint UNIQUE, user_id text, ts timestamptz NOT NULL, page text, amount "  \
    "numeric(12,2)) "                                                                              \
    "WITH (user_column='user_id', time_column='ts')"

/** A new folder under $TMPDIR, else /dev/shm or /tmp; `folder` has 64 bytes. */
void fixture_folder_make(char *folder);
void fixture_folder_remove(const char *folder);
/** Run a shell command made like printf; the test ends when it fails. */
void fixture_shell(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** Create the table of `ddl` in the store. */
void fixture_create(const char *store, const char *ddl);
/** A builder with the events from <= id < to; every value follows from the id. Columns beyond the
 * fixture's five are null. */
wend_status fixture_fill(wendi_row_builder *builder, const wendi_schema *schema, int64_t from,
                         int64_t to);
/** Flush events from..to-1 as one pending segment. */
wend_status fixture_flush(wendi_table_writer *writer, int64_t from, int64_t to,
                          wendi_pending_segment **pending, wend_error *error);
/** Flush and commit them, moving source "s" to `to`; `rejects` rows are rejected besides. */
wend_status fixture_commit(wendi_table_writer *writer, int64_t from, int64_t to, uint64_t rejects,
                           wend_error *error);
/** Deduplicate rows first..row_count-1 of the builder, as ingest does with each block. */
wend_status fixture_unique(wendi_table_writer *writer, wendi_row_builder *builder, uint32_t first,
                           uint8_t *keep, uint32_t *duplicate_count, wend_error *error);
/**
 * Read all rows of the snapshot and check each against its id. `*sum` is the sum of the ids,
 * `*count` the number of rows. A value that is wrong ends the test.
 */
wend_status fixture_read(wendi_snapshot *snapshot, uint64_t *count, int64_t *sum,
                         wend_error *error);
/** Verify the table and end the test on any fault. */
void fixture_verify(const char *store);

#endif
