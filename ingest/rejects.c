/* Reading rejects back from a table's files. The lines in them are reject_line.c's. */
#include "ingest/rejects.h"

#include "engine/base/compress.h"
#include "engine/base/hash.h"
#include "engine/io/io.h"
#include "engine/table/commit_log.h"

enum { REJECT_FILE_BYTES_MAX = 1 << 30, CHUNK_BYTES = 1 << 18 };

static wend_status unpack(const wendi_buffer *file, const char *path, wendi_buffer *text, wend_error *error)
{
    wendi_decompress_stream *stream = NULL;
    size_t in_at = 0;
    bool frame_done = false;
    bool moved = true;
    wend_status status = WEND_OK;
    text->length = 0;
    WEND_TRY(wendi_decompress_stream_open(&stream, error));
    while (moved) {
        size_t out_at = 0;
        size_t in_before = in_at;
        WEND_TRY(wendi_buffer_reserve(text, CHUNK_BYTES));
        status = wendi_decompress_stream_next(stream, file->data, file->length, &in_at, text->data + text->length,
                                              CHUNK_BYTES, &out_at, &frame_done);
        if (status != WEND_OK) {
            WEND_TRY(wendi_fail(error, status, "%s cannot be decompressed", path));
        }
        text->length += out_at;
        moved = !(frame_done && in_at == file->length) && (out_at != 0 || in_at != in_before);
    }
    if (!frame_done || in_at != file->length) {
        WEND_TRY(wendi_fail(error, WEND_CORRUPT, "%s ends too early", path));
    }
cleanup:
    wendi_decompress_stream_close(stream);
    return status;
}

wend_status wendi_rejects_load(wendi_io *io, const char *folder, const wendi_reject_entry *entry, wendi_buffer *text,
                               wend_error *error)
{
    char path[WENDI_PATH_BYTES];
    wendi_buffer file = {0};
    uint64_t lines = 0;
    wend_status status = WEND_OK;
    WEND_TRY(wendi_table_uuid_path(path, folder, "rejects", entry->uuid, ".ndjson.zst", error));
    WEND_TRY(wendi_io_read_file(io, path, REJECT_FILE_BYTES_MAX, &file, error));
    if (file.length != entry->file_bytes || wendi_hash64(file.data, file.length) != entry->checksum) {
        WEND_TRY(wendi_fail(error, WEND_CORRUPT, "%s is damaged: its checksum is not the one in the log", path));
    }
    WEND_TRY(unpack(&file, path, text, error));
    for (const uint8_t *at = text->data; at != NULL && at < text->data + text->length; lines++) {
        at = memchr(at, '\n', (size_t)(text->data + text->length - at));
        at += at != NULL;
    }
    if (lines != entry->row_count || (lines != 0 && text->data[text->length - 1] != '\n')) {
        WEND_TRY(wendi_fail(error, WEND_CORRUPT, "%s has %llu rejects where the log says %llu", path,
                            (unsigned long long)lines, (unsigned long long)entry->row_count));
    }
cleanup:
    wendi_buffer_free(&file);
    return status;
}

typedef struct reject_reader {
    wendi_io *io;
    wendi_arena arena;
    wendi_buffer text;
    wend_status (*each)(void *context, const wendi_reject_row *row);
    void *context;
} reject_reader;

static wend_status show_lines(reject_reader *reader, const wendi_reject_entry *entry, wend_error *error)
{
    const char *at = (const char *)reader->text.data;
    const char *end = at + reader->text.length;
    wend_status status = WEND_OK;
    for (uint64_t number = 1; at < end; number++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        wendi_reject_row row;
        wendi_arena_reset(&reader->arena);
        status = wendi_reject_parse((wendi_string){at, (uint32_t)(stop - at)}, &reader->arena, &row, error);
        if (status != WEND_OK) {
            char uuid[WENDI_UUID_TEXT_BYTES];
            wendi_error_context(error, "rejects/%s.ndjson.zst, line %llu", wendi_uuid_text(entry->uuid, uuid),
                                (unsigned long long)number);
            return status;
        }
        row.commit = entry->commit;
        WEND_TRY(reader->each(reader->context, &row));
        at = stop + 1;
    }
cleanup:
    return status;
}

wend_status wendi_rejects_read(wendi_table *table, wend_status (*each)(void *context, const wendi_reject_row *row),
                               void *context, wend_error *error)
{
    reject_reader reader = {.each = each, .context = context};
    wendi_snapshot *snapshot = NULL;
    wend_status status = WEND_OK;
    WEND_TRY(wendi_io_open(NULL, &reader.io, error));
    WEND_TRY(wendi_table_snapshot(table, &snapshot, error));
    const wendi_table_state *state = wendi_snapshot_state(snapshot);
    for (uint32_t i = 0; i < state->reject_count; i++) {
        WEND_TRY(wendi_rejects_load(reader.io, wendi_table_folder(table), &state->rejects[i], &reader.text, error));
        WEND_TRY(show_lines(&reader, &state->rejects[i], error));
    }
cleanup:
    if (snapshot != NULL) {
        wendi_snapshot_release(snapshot);
    }
    wendi_io_close(reader.io);
    wendi_arena_free(&reader.arena);
    wendi_buffer_free(&reader.text);
    return status == WEND_END ? WEND_OK : status;
}
