/**
 * Rejects: what was refused, why, and all that it came with, as lines of JSON.
 *
 *   {"topic":"clicks","partition":3,"offset":1234,"key":"u7","reason":"…","raw":"the message as it was"}
 *
 * docs/FORMAT.md, "Reject files", lists the members. Each commit that refused something names one file of such
 * lines, compressed with zstd (table: rejects/<uuid>.ndjson.zst).
 */
#ifndef WENDI_INGEST_REJECTS_H
#define WENDI_INGEST_REJECTS_H

#include "engine/table/table.h"
#include "ingest/json_decoder.h"

/** Append one line for `message`. On WEND_NOMEM nothing was appended. */
wend_status wendi_reject_render(const wendi_message *message, const wendi_source_partition *origin, const char *reason,
                                wendi_buffer *out);

/** The same of a row that came with typed values: its payload is an object of column names and values. */
wend_status wendi_reject_render_typed(const wendi_message *row, const wendi_source_partition *origin, const char *reason,
                                      wendi_buffer *out);

/** Append `text` (valid UTF-8) as a JSON string with its quotes. */
wend_status wendi_reject_quote(const char *text, size_t length, wendi_buffer *out);

/** One reject as read back; strings are borrowed for the call. `raw` is the message's own bytes. */
typedef struct wendi_reject_row {
    uint64_t commit;
    wendi_string topic;
    int32_t partition;
    int64_t offset;
    wendi_string reason;
    wendi_string raw;
    wendi_string path;     /* what a file was called then; empty: a topic */
    bool typed;            /* `raw` has typed values by column name */
    wendi_message message; /* to be decoded again: payload (padded), position, timestamp, key, headers */
    wendi_string line;     /* the line of JSON itself, without '\n' */
} wendi_reject_row;

/**
 * Call `each` for every reject of `table`, oldest first, until it returns anything but WEND_OK (WEND_END stops and
 * gives WEND_OK). Files are checked against the checksum in the log before a line of them is shown.
 * Returns: WEND_CORRUPT naming the file; WEND_IO; WEND_NOMEM; what `each` returned.
 */
wend_status wendi_rejects_read(wendi_table *table, wend_status (*each)(void *context, const wendi_reject_row *row),
                               void *context, wend_error *error);
/**
 * Put the lines of one reject file into `text` (emptied first), each ended by '\n', checked against the log's entry
 * and decompressed. WEND_CORRUPT names the file; WEND_IO; WEND_NOMEM.
 */
wend_status wendi_rejects_load(wendi_io *io, const char *folder, const wendi_reject_entry *entry, wendi_buffer *text,
                               wend_error *error);
/** One line of a reject file; `arena` gets unescaped strings. WEND_CORRUPT when it is not such a line. */
wend_status wendi_reject_parse(wendi_string line, wendi_arena *arena, wendi_reject_row *row, wend_error *error);

#endif
