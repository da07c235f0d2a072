/**
 * A segment file on its way: written under tmp/, made durable, given its final name under seg/.
 *
 *   open -> wendi_segment_writer_row_group(output.writer, …)* -> finish -> close
 */
#ifndef WENDI_TABLE_SEGMENT_OUTPUT_H
#define WENDI_TABLE_SEGMENT_OUTPUT_H

#include "engine/table/commit_log.h"
#include "format/segment_writer.h"

typedef struct wendi_segment_output {
    wendi_io *io;                 /* borrowed */
    const char *folder;           /* the table's; borrowed */
    wendi_segment_writer *writer; /* row groups go here */
    wendi_file *file;
    uint8_t uuid[WENDI_UUID_BYTES];
    bool created; /* there may be a file under tmp/ */
} wendi_segment_output;

/** Makes the file; `options` is complete but for the uuid. After a failure nothing is open. */
wend_status wendi_segment_output_open(wendi_io *io, const char *folder,
                                      const wendi_segment_writer_options *options,
                                      wendi_segment_output *output, wend_error *error);
/** Write the footer, sync, publish. `entry` is filled but for commit numbers, ordinal and level. */
wend_status wendi_segment_output_finish(wendi_segment_output *output, wendi_segment_entry *entry,
                                        wend_error *error);
/** Removes what was not finished. Zero-filled is fine. */
void wendi_segment_output_close(wendi_segment_output *output);
/** Remove a finished file that no commit names; what cannot be removed is swept later. */
void wendi_segment_output_remove(wendi_io *io, const char *folder,
                                 const uint8_t uuid[WENDI_UUID_BYTES]);

#endif
