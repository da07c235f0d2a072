/*
 * Writing a file: magic, row groups each followed by its page index, footer, footer length, magic.
 * The specification leaves the place of the page index free; right behind its row group it need not
 * be kept in memory until the end.
 */
#include "tools/parquet_export/parquet_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define MAGIC "PAR1"
#define MAGIC_BYTES 4

static wend_status open_file(const parquet_file *file, int flags, int *fd, wend_error *error)
{
    do {
        *fd = open(file->path, O_WRONLY | O_CLOEXEC | flags, 0666);
    } while (*fd < 0 && errno == EINTR);
    if (*fd < 0) {
        return parquet_fail(error, WEND_IO, "cannot open %s: %s", file->path, strerror(errno));
    }
    return WEND_OK;
}

/* Close; a failure after good writes is a failure to keep them. */
static wend_status close_file(const parquet_file *file, int fd, wend_status status,
                              wend_error *error)
{
    if (fd >= 0 && close(fd) != 0 && errno != EINTR && status == WEND_OK) {
        status = parquet_fail(error, WEND_IO, "cannot close %s: %s", file->path, strerror(errno));
    }
    return status;
}

static wend_status write_bytes(parquet_file *file, int fd, const void *data, size_t count,
                               wend_error *error)
{
    const uint8_t *bytes = data;

    while (count > 0) {
        ssize_t written = pwrite(fd, bytes, count, file->length);

        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return parquet_fail(error, WEND_IO, "cannot write %s at byte %lld: %s", file->path,
                                (long long)file->length,
                                written < 0 ? strerror(errno) : "nothing was taken");
        }
        bytes += written;
        count -= (size_t)written;
        file->length += written;
    }
    return WEND_OK;
}

wend_status parquet_file_begin(parquet_file *file, char *path, wend_error *error)
{
    wend_status status = WEND_OK;
    int fd = -1;

    *file = (parquet_file){.path = path};
    PARQUET_TRY(open_file(file, O_CREAT | O_TRUNC, &fd, error));
    PARQUET_TRY(write_bytes(file, fd, MAGIC, MAGIC_BYTES, error));
cleanup:
    return close_file(file, fd, status, error);
}

static wend_status append_chunk(parquet_file *file, int fd, parquet_page_encoder *encoder,
                                const parquet_file_column *column, parquet_chunk_record *record,
                                wend_error *error)
{
    parquet_dictionary dictionary = {0};
    wend_status status = WEND_OK;
    size_t plain_bytes = 0;

    PARQUET_TRY(parquet_dictionary_build(&dictionary, column->chunk, column->pool, &plain_bytes));
    PARQUET_TRY(parquet_pages_encode(encoder, column->chunk, column->pool, &dictionary, plain_bytes,
                                     error));
    record->offset = file->length;
    PARQUET_TRY(
        parquet_metadata_record(record, &encoder->best, column->chunk, column->pool, &dictionary));
    PARQUET_TRY(write_bytes(file, fd, encoder->best.bytes.data, encoder->best.bytes.length, error));
cleanup:
    parquet_dictionary_free(&dictionary);
    return status;
}

/* All column indexes together, then all offset indexes: readers fetch each kind in one read. */
static wend_status append_page_index(parquet_file *file, int fd, parquet_chunk_record *records,
                                     size_t column_count, wend_error *error)
{
    wend_status status = WEND_OK;

    for (size_t i = 0; i < column_count; i++) {
        records[i].column_index_offset = file->length;
        PARQUET_TRY(write_bytes(file, fd, records[i].column_index.data,
                                records[i].column_index.length, error));
    }
    for (size_t i = 0; i < column_count; i++) {
        records[i].offset_index_offset = file->length;
        PARQUET_TRY(write_bytes(file, fd, records[i].offset_index.data,
                                records[i].offset_index.length, error));
    }
cleanup:
    return status;
}

wend_status parquet_file_append(parquet_file *file, parquet_page_encoder *encoder,
                                const parquet_file_column *columns, size_t column_count,
                                int64_t row_count, wend_error *error)
{
    parquet_chunk_record *records = parquet_alloc_zero(column_count, sizeof(*records));
    wend_status status = WEND_OK;
    int fd = -1;

    if (records == NULL) {
        return WEND_NOMEM;
    }
    PARQUET_TRY(open_file(file, 0, &fd, error));
    for (size_t i = 0; i < column_count; i++) {
        PARQUET_TRY(append_chunk(file, fd, encoder, &columns[i], &records[i], error));
    }
    PARQUET_TRY(append_page_index(file, fd, records, column_count, error));
    PARQUET_TRY(parquet_metadata_row_group(records, column_count, row_count,
                                           (int64_t)file->row_group_count, &file->row_groups));
    file->row_group_count++;
    file->row_count += row_count;
cleanup:
    for (size_t i = 0; i < column_count; i++) {
        parquet_chunk_record_free(&records[i]);
    }
    parquet_free(records);
    return close_file(file, fd, status, error);
}

wend_status parquet_file_finish(parquet_file *file, const parquet_column *const *columns,
                                size_t column_count, wend_error *error)
{
    wend_status status = WEND_OK;
    parquet_bytes footer = {0};
    uint32_t footer_bytes;
    int fd = -1;

    PARQUET_TRY(parquet_metadata_footer(columns, column_count, file->row_count, &file->row_groups,
                                        file->row_group_count, &footer));
    if (footer.length > INT32_MAX) {
        status = parquet_fail(error, WEND_UNSUPPORTED,
                              "the footer of %s would have %zu bytes; "
                              "Parquet's limit is 2 GiB",
                              file->path, footer.length);
        parquet_hint(error, "set a limit to the bytes of a file, or larger row groups");
        goto cleanup;
    }
    footer_bytes = (uint32_t)footer.length;
    PARQUET_TRY(parquet_bytes_append(&footer, &footer_bytes, 4));
    PARQUET_TRY(parquet_bytes_append(&footer, MAGIC, MAGIC_BYTES));
    PARQUET_TRY(open_file(file, 0, &fd, error));
    PARQUET_TRY(write_bytes(file, fd, footer.data, footer.length, error));
    if (fsync(fd) != 0) {
        status = parquet_fail(error, WEND_IO, "cannot sync %s: %s", file->path, strerror(errno));
        goto cleanup;
    }
cleanup:
    status = close_file(file, fd, status, error);
    parquet_bytes_free(&footer);
    parquet_file_abandon(file);
    return status;
}

void parquet_file_abandon(parquet_file *file)
{
    parquet_free(file->path);
    file->path = NULL;
    parquet_bytes_free(&file->row_groups);
}
