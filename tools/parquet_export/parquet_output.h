/**
 * The target of an export on disk: made under a temporary name, put in place as a whole, or not.
 *
 * The temporary, ".<name>.wend-tmp" beside the target, is locked (flock) for as long as the export
 * runs; one left behind by a killed export is unlocked, and the next export to that target takes
 * it over. A directory carries "_wend_export", which lists the files that are ours; readers of
 * Parquet pass over names that begin with "_" or ".".
 */
#ifndef PARQUET_OUTPUT_H
#define PARQUET_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/parquet_export/parquet_export.h"
#include "tools/parquet_export/parquet_memory.h"

typedef struct parquet_output parquet_output;

/** Resolve the target, refuse what is not ours to replace, and make and lock the temporary. */
WEND_MUST_USE wend_status parquet_output_open(parquet_output **output_out,
                                              const parquet_export_options *options,
                                              wend_error *error);
bool parquet_output_is_directory(const parquet_output *output);

/**
 * The path (the caller's to free) at which to write part `number` of the folder "" or "a=1/b=2",
 * which is made; of a file target there is one part.
 */
WEND_MUST_USE wend_status parquet_output_part(parquet_output *output, const char *folder,
                                              int64_t number, char **path_out, wend_error *error);

/** Sync what holds the parts and put all in the target's place. */
WEND_MUST_USE wend_status parquet_output_publish(parquet_output *output, wend_error *error);

/** Remove the temporary if it was not published; accepts NULL. */
void parquet_output_close(parquet_output *output);

#endif
