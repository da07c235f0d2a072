/**
 * The one writer of a table for rows that a program hands in: JSON lines or typed rows.
 *
 * Same decoder, rules, deduplication and rejects as `wend ingest`, on the caller's thread. Rows are
 * kept in memory until the builder is full, then flushed to segments that nobody sees until
 * wendi_appender_commit(). After any failure only close() is meaningful, and the caller goes on
 * from wendi_appender_position() of a new appender.
 */
#ifndef WENDI_INGEST_APPENDER_H
#define WENDI_INGEST_APPENDER_H

#include "engine/column/builder.h"
#include "engine/table/table.h"

typedef struct wendi_appender wendi_appender;

/** Since open(): taken = stored + rejected + deduplicated. */
typedef struct wendi_appender_counts {
    int64_t taken;
    int64_t stored;
    int64_t rejected;
    int64_t deduplicated;
} wendi_appender_counts;

typedef struct wendi_appender_options {
    uint32_t flush_rows; /* 0: 1,048,576 */
    int zstd_level;      /* 0: default */
    size_t unique_window_bytes;
} wendi_appender_options;

/** Takes the table's lock (WEND_BUSY names the holder). `source` names the rows' origin; `options` may be NULL. */
wend_status wendi_appender_open(wendi_table *table, const char *source, const wendi_appender_options *options,
                                wendi_appender **appender_out, wend_error *error);
/** The position given to the last commit of this source, or 0. */
int64_t wendi_appender_position(const wendi_appender *appender);
/** The schema that typed rows must have; it may change at commit(), when another command altered the table. */
const wendi_schema *wendi_appender_schema(const wendi_appender *appender);
wendi_appender_counts wendi_appender_counts_now(const wendi_appender *appender);

/** Complete lines only, each a JSON object; blank lines are skipped. Refused lines do not fail the call. */
wend_status wendi_appender_json(wendi_appender *appender, const char *lines, size_t length, wend_error *error);

/**
 * Typed rows, at most `count_max` of 65536 at once: the builder with room for them. The caller appends rows (and sets
 * columns that it has no value for to null or their default; GENERATED ones to null), then calls settle(), or puts
 * row_count back to what it was.
 */
wend_status wendi_appender_rows(wendi_appender *appender, uint32_t count_max, wendi_row_builder **builder_out,
                                wend_error *error);
/** Judge the rows appended since rows(): NOT NULL, GENERATED, CHECK, UNIQUE. */
wend_status wendi_appender_settle(wendi_appender *appender, wend_error *error);

/** Flush and publish, atomically with `position` (not below the last: WEND_CONFLICT). */
wend_status wendi_appender_commit(wendi_appender *appender, int64_t position, wend_error *error);
/** What was not committed is dropped. Accepts NULL. */
void wendi_appender_close(wendi_appender *appender);

#endif
