/* The way of a segment's bytes to the disk, for flushes and for merges. */
#include "engine/table/segment_output.h"

#include <string.h>

enum { SETTLE_MS = 60000 };

static wend_status write_to_file(void *context, const void *bytes, size_t length, wend_error *error)
{
    return wendi_file_write(context, bytes, length, error);
}

static wend_status temporary_path(const wendi_segment_output *output, char path[WENDI_PATH_BYTES],
                                  wend_error *error)
{
    return wendi_table_uuid_path(path, output->folder, "tmp", output->uuid, ".wseg", error);
}

wend_status wendi_segment_output_open(wendi_io *io, const char *folder,
                                      const wendi_segment_writer_options *options,
                                      wendi_segment_output *output, wend_error *error)
{
    char path[WENDI_PATH_BYTES];
    wendi_segment_writer_options own = *options;
    wend_status status = WEND_OK;

    *output = (wendi_segment_output){.io = io, .folder = folder};
    wendi_uuid_make(output->uuid);
    memcpy(own.uuid, output->uuid, WENDI_UUID_BYTES);
    WEND_TRY(temporary_path(output, path, error));
    WEND_TRY(wendi_file_create(io, path, WENDI_CREATE_PLAIN, &output->file, error));
    output->created = true;
    wendi_segment_sink sink = {output->file, write_to_file};
    WEND_TRY(wendi_segment_writer_open(&sink, &own, &output->writer, error));
cleanup:
    if (status != WEND_OK) {
        wendi_segment_output_close(output);
    }
    return status;
}

static wend_status publish(const wendi_segment_output *output, uint64_t file_bytes,
                           wend_error *error)
{
    char from[WENDI_PATH_BYTES];
    char to[WENDI_PATH_BYTES];
    char seg_folder[WENDI_PATH_BYTES];
    wend_status status = WEND_OK;
    WEND_TRY(temporary_path(output, from, error));
    WEND_TRY(wendi_table_uuid_path(to, output->folder, "seg", output->uuid, ".wseg", error));
    WEND_TRY(wendi_table_path(seg_folder, output->folder, "seg", "", error));
    WEND_TRY(wendi_io_settled(output->io, from, file_bytes, SETTLE_MS, error));
    WEND_TRY(wendi_io_rename_new(output->io, from, to, error));
    WEND_TRY(wendi_io_sync_folder(output->io, seg_folder, error));
cleanup:
    return status;
}

wend_status wendi_segment_output_finish(wendi_segment_output *output, wendi_segment_entry *entry,
                                        wend_error *error)
{
    wendi_segment_summary summary;
    wend_status status = WEND_OK;
    WEND_TRY(wendi_segment_writer_finish(output->writer, &summary, error));
    WEND_TRY(wendi_file_sync(output->file, error));
    status = wendi_file_close(output->file, error);
    output->file = NULL;
    WEND_TRY(status);
    WEND_TRY(publish(output, summary.file_bytes, error));
    output->created = false;
    *entry = (wendi_segment_entry){.file_bytes = summary.file_bytes,
                                   .footer_offset = summary.footer_offset,
                                   .footer_checksum = summary.footer_checksum,
                                   .row_count = summary.row_count,
                                   .time_min = summary.time_min,
                                   .time_max = summary.time_max,
                                   .user_hash_min = summary.user_hash_min,
                                   .user_hash_max = summary.user_hash_max,
                                   .null_user_rows = summary.null_user_rows};
    memcpy(entry->uuid, output->uuid, WENDI_UUID_BYTES);
cleanup:
    return status;
}

void wendi_segment_output_close(wendi_segment_output *output)
{
    char path[WENDI_PATH_BYTES];
    wend_error ignored;
    wendi_segment_writer_close(output->writer);
    wendi_file_abandon(output->file);
    if (output->created && temporary_path(output, path, &ignored) == WEND_OK) {
        (void)wendi_io_unlink(output->io, path, &ignored);
    }
    memset(output, 0, sizeof *output);
}

void wendi_segment_output_remove(wendi_io *io, const char *folder,
                                 const uint8_t uuid[WENDI_UUID_BYTES])
{
    char path[WENDI_PATH_BYTES];
    wend_error ignored;
    if (wendi_table_uuid_path(path, folder, "seg", uuid, ".wseg", &ignored) == WEND_OK) {
        (void)wendi_io_unlink(io, path, &ignored);
    }
}
