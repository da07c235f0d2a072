/*
 * The export itself: options checked, schema bound, batches cut into slices, slices staged and
 * shared out to writers, memory kept within its limits, the result put in place.
 *
 * Limits are looked at after every slice of at most PARQUET_SLICE_ROWS rows. One file's buffers and
 * pools together stay within row_group_bytes; with partitions each writer's buffers do, and all of
 * them with the pools they share stay within buffer_bytes.
 */
#include "tools/parquet_export/parquet_export.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "tools/parquet_export/parquet_output.h"
#include "tools/parquet_export/parquet_path.h"
#include "tools/parquet_export/parquet_router.h"
#include "tools/parquet_export/parquet_writer.h"

#define PROGRESS_INTERVAL_NS 250000000
/* A slice's plain strings at most: it comes on top of what is buffered. */
#define SLICE_STRING_BYTES ((int64_t)4 << 20)

typedef struct export_run {
    const parquet_export_options *options;
    struct ArrowArrayStream *stream;
    wend_error *error;
    parquet_schema schema;
    parquet_stage *all_stages; /* of every column of the schema */
    size_t all_stage_count;
    parquet_stage **partition_stages;
    size_t partition_stage_count;
    parquet_router *router; /* NULL: not partitioned */
    parquet_writer_context context;
    parquet_bytes writers; /* an array of parquet_writer; a folder's number is its place */
    uint32_t order[PARQUET_SLICE_ROWS]; /* rows of a slice, by writer */
    parquet_export_stats stats;
    int64_t last_progress_ns;
} export_run;

/* Options ------------------------------------------------------------------------------------- */

void parquet_export_options_init(parquet_export_options *options)
{
    *options = (parquet_export_options){
        .compression = PARQUET_COMPRESSION_ZSTD,
        .zstd_level = 3,
        .row_group_rows = 1048576,
        .row_group_bytes = (int64_t)128 << 20,
        .page_rows = 131072,
        .page_bytes = (int64_t)1 << 20,
        .buffer_bytes = (int64_t)512 << 20,
        .partition_count_max = 20000,
        .page_checksums = true,
    };
}

bool parquet_compression_from_name(const char *name, parquet_compression *compression)
{
    static const char *const names[] = {[PARQUET_COMPRESSION_ZSTD] = "zstd",
                                        [PARQUET_COMPRESSION_SNAPPY] = "snappy",
                                        [PARQUET_COMPRESSION_NONE] = "none"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(name, names[i]) == 0) {
            *compression = (parquet_compression)i;
            return true;
        }
    }
    return false;
}

typedef struct option_range {
    const char *name;
    int64_t value;
    int64_t least;
    int64_t most;
} option_range;

static wend_status check_options(const parquet_export_options *options, wend_error *error)
{
    const option_range ranges[] = {
        {"compression", (int64_t)options->compression, 0, PARQUET_COMPRESSION_NONE},
        {"target", (int64_t)options->target, 0, PARQUET_TARGET_DIRECTORY},
        {"the zstd level", options->zstd_level, 1, 22},
        {"rows of a row group", options->row_group_rows, 1, INT32_MAX},
        {"bytes of a row group", options->row_group_bytes, 64 << 10, (int64_t)1 << 40},
        {"rows of a page", options->page_rows, 1, INT32_MAX},
        {"bytes of a page", options->page_bytes, 1 << 10, 1 << 30},
        {"bytes of a file", options->file_bytes, 0, INT64_MAX},
        {"bytes of all buffers", options->buffer_bytes, options->row_group_bytes, INT64_MAX},
        {"the number of partitions", options->partition_count_max, 1, INT32_MAX},
    };

    if (options->output == NULL || options->output[0] == '\0') {
        return parquet_fail(error, WEND_INVALID, "no file or directory to export to was named");
    }
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        if (ranges[i].value < ranges[i].least || ranges[i].value > ranges[i].most) {
            return parquet_fail(error, WEND_INVALID,
                                "%s: %" PRId64 " is not within %" PRId64 " to %" PRId64,
                                ranges[i].name, ranges[i].value, ranges[i].least, ranges[i].most);
        }
    }
    if (options->partition_by_count > 0 && options->target == PARQUET_TARGET_FILE) {
        parquet_fail(error, WEND_INVALID, "one file cannot be partitioned");
        parquet_hint(error, "name a directory");
        return WEND_INVALID;
    }
    return WEND_OK;
}

static wend_status check_file_limit(const export_run *run)
{
    if (run->options->file_bytes > 0 && !parquet_output_is_directory(run->context.output)) {
        parquet_fail(run->error, WEND_INVALID,
                     "a limit to the bytes of a file makes several files, and "
                     "\"%s\" is one",
                     run->options->output);
        parquet_hint(run->error, "name a directory: end it with /");
        return WEND_INVALID;
    }
    return WEND_OK;
}

/* The stream ---------------------------------------------------------------------------------- */

static wend_status fail_stream(const export_run *run, int code)
{
    const char *message = run->stream->get_last_error(run->stream);
    wend_status status = code == EINVAL      ? WEND_INVALID
                         : code == ENOMEM    ? WEND_NOMEM
                         : code == ENOSYS    ? WEND_UNSUPPORTED
                         : code == ENOTSUP   ? WEND_UNSUPPORTED
                         : code == ECANCELED ? WEND_CANCELLED
                                             : WEND_IO;

    return parquet_fail(run->error, status, "%s",
                        message != NULL && message[0] != '\0' ? message : strerror(code));
}

static wend_status bind_schema(export_run *run)
{
    struct ArrowSchema schema = {0};
    wend_status status;
    int code = run->stream->get_schema(run->stream, &schema);

    if (code != 0) {
        return fail_stream(run, code);
    }
    status = parquet_schema_bind(&run->schema, &schema, run->error);
    schema.release(&schema);
    return status;
}

/* Names that are no columns, and those that are, for a person to choose from. */
static wend_status fail_unknown(const export_run *run)
{
    parquet_bytes text = {0};
    wend_status status = WEND_OK;

    for (size_t i = 0; i < run->options->partition_by_count; i++) {
        const char *name = run->options->partition_by[i];

        if (parquet_schema_find(&run->schema, name) < 0) {
            PARQUET_TRY(parquet_bytes_append(&text, text.length == 0 ? "\"" : ", \"",
                                             text.length == 0 ? 1 : 3));
            PARQUET_TRY(parquet_bytes_append(&text, name, strlen(name)));
            PARQUET_TRY(parquet_bytes_append(&text, "\"", 1));
        }
    }
    if (text.length == 0) {
        return WEND_OK;
    }
    PARQUET_TRY(parquet_bytes_append(&text, "; the columns are ", 18));
    for (size_t i = 0; i < run->schema.column_count; i++) {
        PARQUET_TRY(parquet_bytes_append(&text, ", ", i == 0 ? 0 : 2));
        PARQUET_TRY(parquet_bytes_append(&text, run->schema.columns[i].name,
                                         strlen(run->schema.columns[i].name)));
    }
    status = parquet_fail(run->error, WEND_NOT_FOUND, "no such column to partition by: %.*s",
                          (int)text.length, (const char *)text.data);
cleanup:
    parquet_bytes_free(&text);
    return status;
}

static bool is_partition_column(const export_run *run, size_t column)
{
    for (size_t i = 0; i < run->options->partition_by_count; i++) {
        if (strcmp(run->options->partition_by[i], run->schema.columns[column].name) == 0) {
            return true;
        }
    }
    return false;
}

static wend_status check_partition_columns(const export_run *run)
{
    wend_status status = fail_unknown(run);

    if (status != WEND_OK) {
        return status;
    }
    for (size_t i = 0; i < run->options->partition_by_count; i++) {
        const char *name = run->options->partition_by[i];
        int64_t column = parquet_schema_find(&run->schema, name);

        for (size_t k = 0; k < i; k++) {
            if (strcmp(run->options->partition_by[k], name) == 0) {
                return parquet_fail(run->error, WEND_INVALID,
                                    "the partition column \"%s\" is named twice", name);
            }
        }
        if (!parquet_path_can_name(&run->schema.columns[column])) {
            parquet_fail(run->error, WEND_UNSUPPORTED,
                         "the partition column \"%s\" holds bytes, which "
                         "cannot name folders",
                         name);
            parquet_hint(run->error, "cast it to text, for example by encode(%s, 'hex')", name);
            return WEND_UNSUPPORTED;
        }
    }
    if (run->options->partition_by_count == run->schema.column_count) {
        return parquet_fail(run->error, WEND_INVALID,
                            "every column is a partition column: nothing is "
                            "left for the files");
    }
    return WEND_OK;
}

static wend_status open_stages(export_run *run)
{
    size_t count = run->schema.column_count;
    size_t written = 0;
    wend_status status = WEND_OK;

    run->all_stages = parquet_alloc_zero(count, sizeof(*run->all_stages));
    run->partition_stages = parquet_alloc_zero(count, sizeof(parquet_stage *));
    run->context.stages = parquet_alloc_zero(count, sizeof(parquet_stage *));
    run->context.columns = parquet_alloc_zero(count, sizeof(parquet_column *));
    if (run->all_stages == NULL || run->partition_stages == NULL || run->context.stages == NULL ||
        run->context.columns == NULL) {
        return WEND_NOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        PARQUET_TRY(parquet_stage_open(&run->all_stages[i], &run->schema.columns[i]));
        run->all_stage_count++;
        if (!is_partition_column(run, i)) {
            run->context.stages[written] = &run->all_stages[i];
            run->context.columns[written++] = &run->schema.columns[i];
        }
    }
    run->context.column_count = written;
    for (size_t i = 0; i < run->options->partition_by_count; i++) {
        int64_t column = parquet_schema_find(&run->schema, run->options->partition_by[i]);

        run->partition_stages[run->partition_stage_count++] = &run->all_stages[column];
    }
    if (run->partition_stage_count > 0) {
        PARQUET_TRY(parquet_router_open(&run->router, run->partition_stages,
                                        run->partition_stage_count,
                                        run->options->partition_count_max));
    }
cleanup:
    return status;
}

/* Writers and their memory -------------------------------------------------------------------- */

static size_t writer_count(const export_run *run)
{
    return run->writers.length / sizeof(parquet_writer);
}

static parquet_writer *writer_at(const export_run *run, size_t at)
{
    return (parquet_writer *)(void *)run->writers.data + at;
}

static wend_status add_writer(export_run *run, const uint8_t *folder, size_t folder_length)
{
    parquet_writer writer;
    wend_status status = parquet_writer_open(&writer, &run->context, folder, folder_length);

    if (status == WEND_OK) {
        status = parquet_bytes_append(&run->writers, &writer, sizeof(writer));
        if (status != WEND_OK) {
            parquet_writer_close(&writer, &run->context);
        }
    }
    return status;
}

static size_t pool_bytes(const export_run *run)
{
    size_t bytes = 0;

    for (size_t i = 0; i < run->context.column_count; i++) {
        bytes += run->context.stages[i]->pool.byte_count;
    }
    return bytes;
}

static size_t buffered_bytes(const export_run *run)
{
    size_t bytes = pool_bytes(run);

    for (size_t i = 0; i < writer_count(run); i++) {
        bytes += writer_at(run, i)->buffered_bytes;
    }
    return bytes;
}

static void reset_pools(export_run *run)
{
    for (size_t i = 0; i < run->context.column_count; i++) {
        parquet_pool_reset(&run->context.stages[i]->pool);
    }
}

static wend_status flush_all(export_run *run)
{
    wend_status status = WEND_OK;

    for (size_t i = 0; i < writer_count(run); i++) {
        PARQUET_TRY(parquet_writer_flush(writer_at(run, i), &run->context, run->error));
    }
    reset_pools(run);
cleanup:
    return status;
}

static parquet_writer *largest_writer(const export_run *run)
{
    parquet_writer *largest = writer_at(run, 0);

    for (size_t i = 1; i < writer_count(run); i++) {
        if (writer_at(run, i)->buffered_bytes > largest->buffered_bytes) {
            largest = writer_at(run, i);
        }
    }
    return largest;
}

/* With partitions: give memory back until there is room again, the largest row groups first; all
 * of them when it is the shared pools that fill it, since they can only be emptied together. */
static wend_status keep_within_buffer(export_run *run)
{
    size_t limit = (size_t)run->options->buffer_bytes;
    size_t held = buffered_bytes(run);
    wend_status status = WEND_OK;

    if (held <= limit) {
        return WEND_OK;
    }
    if (pool_bytes(run) > limit / 2) {
        return flush_all(run);
    }
    while (held > limit / 4 * 3) {
        parquet_writer *largest = largest_writer(run);

        if (largest->row_count == 0) {
            return flush_all(run);
        }
        held -= largest->buffered_bytes;
        PARQUET_TRY(parquet_writer_flush(largest, &run->context, run->error));
    }
cleanup:
    return status;
}

/* Slices -------------------------------------------------------------------------------------- */

/* Bytes of the plain strings in a range of rows, from their offsets alone; rows may be any. */
static int64_t string_bytes(const export_run *run, const struct ArrowArray *batch, int64_t start,
                            int64_t count)
{
    int64_t bytes = 0;

    for (size_t i = 0; i < run->schema.column_count; i++) {
        const parquet_column *column = &run->schema.columns[i];
        const struct ArrowArray *array = batch->children[i];
        int64_t first = array->offset + batch->offset + start;

        if (column->has_dictionary || array->null_count == array->length) {
            continue;
        }
        if (column->arrow == PARQUET_ARROW_BYTES) {
            const int32_t *offsets = array->buffers[1];

            bytes += (int64_t)offsets[first + count] - offsets[first];
        } else if (column->arrow == PARQUET_ARROW_LARGE_BYTES) {
            const int64_t *offsets = array->buffers[1];

            bytes += offsets[first + count] - offsets[first];
        }
    }
    return bytes;
}

static int64_t slice_rows(const export_run *run, const struct ArrowArray *batch, int64_t start)
{
    int64_t count = batch->length - start;

    count = count > PARQUET_SLICE_ROWS ? PARQUET_SLICE_ROWS : count;
    if (run->router == NULL) {
        int64_t room = run->options->row_group_rows - (int64_t)writer_at(run, 0)->row_count;

        count = count > room ? room : count;
    }
    while (count > 1 && string_bytes(run, batch, start, count) > SLICE_STRING_BYTES) {
        count /= 2;
    }
    return count;
}

/* Rows into the one writer there is. */
static wend_status take_slice(export_run *run, size_t count)
{
    parquet_writer *writer = writer_at(run, 0);
    wend_status status = WEND_OK;

    PARQUET_TRY(parquet_writer_append(writer, &run->context, NULL, count));
    if ((int64_t)writer->row_count >= run->options->row_group_rows ||
        (int64_t)buffered_bytes(run) >= run->options->row_group_bytes) {
        PARQUET_TRY(flush_all(run));
    }
cleanup:
    return status;
}

static wend_status append_to_folder(export_run *run, parquet_writer *writer)
{
    const uint32_t *rows = run->order + writer->slice_start;
    size_t left = writer->slice_count;
    wend_status status = WEND_OK;

    while (left > 0) {
        size_t room = (size_t)run->options->row_group_rows - writer->row_count;
        size_t count = left < room ? left : room;

        PARQUET_TRY(parquet_writer_append(writer, &run->context, rows, count));
        rows += count;
        left -= count;
        if (writer->row_count == (size_t)run->options->row_group_rows ||
            (int64_t)writer->buffered_bytes >= run->options->row_group_bytes) {
            PARQUET_TRY(parquet_writer_flush(writer, &run->context, run->error));
        }
    }
    writer->slice_count = 0;
cleanup:
    return status;
}

/* Give every writer that the slice has rows for its stretch of `order`. */
static void lay_out_slice(export_run *run, size_t count)
{
    const uint32_t *targets = run->router->targets;
    uint32_t next = 0;

    for (size_t row = 0; row < count; row++) {
        writer_at(run, targets[row])->slice_count++;
    }
    for (size_t row = 0; row < count; row++) {
        parquet_writer *writer = writer_at(run, targets[row]);

        if (writer->slice_count != 0) { /* Its first row: reserve the stretch, then count again. */
            writer->slice_start = next;
            next += writer->slice_count;
            writer->slice_count = 0;
        }
    }
    for (size_t row = 0; row < count; row++) {
        parquet_writer *writer = writer_at(run, targets[row]);

        run->order[writer->slice_start + writer->slice_count++] = (uint32_t)row;
    }
}

/* Rows to the writers of their folders; a writer's rows keep their order. */
static wend_status share_slice(export_run *run, size_t count)
{
    const uint32_t *targets = run->router->targets;
    wend_status status = WEND_OK;

    PARQUET_TRY(parquet_router_route(run->router, count, run->error));
    while (writer_count(run) < run->router->folders.count) {
        const parquet_entry *folder = &run->router->folders.entries[writer_count(run)];

        PARQUET_TRY(add_writer(run, folder->data, folder->length));
        run->stats.partition_count++;
    }
    lay_out_slice(run, count);
    for (size_t row = 0; row < count; row++) {
        PARQUET_TRY(append_to_folder(run, writer_at(run, targets[row])));
    }
    run->stats.empty_as_null_row_count = run->router->empty_as_null_row_count;
    PARQUET_TRY(keep_within_buffer(run));
cleanup:
    return status;
}

static wend_status report_progress(export_run *run)
{
    struct timespec now;
    int64_t now_ns;

    if (run->options->on_progress == NULL) {
        return WEND_OK;
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    now_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
    if (now_ns - run->last_progress_ns < PROGRESS_INTERVAL_NS) {
        return WEND_OK;
    }
    run->last_progress_ns = now_ns;
    if (run->options->on_progress(run->options->progress_context, &run->stats) != 0) {
        return parquet_fail(run->error, WEND_CANCELLED, "the export was cancelled");
    }
    return WEND_OK;
}

/* Batches ------------------------------------------------------------------------------------- */

static wend_status check_batch(const export_run *run, const struct ArrowArray *batch)
{
    if (batch->length < 0 || batch->offset < 0 ||
        batch->n_children != (int64_t)run->schema.column_count) {
        return parquet_fail(run->error, WEND_CORRUPT,
                            "a batch of %" PRId64 " rows and %" PRId64
                            " columns; the schema has %zu",
                            batch->length, batch->n_children, run->schema.column_count);
    }
    if (batch->null_count > 0) {
        return parquet_fail(run->error, WEND_UNSUPPORTED,
                            "a batch has rows that are null as a whole");
    }
    for (size_t i = 0; i < run->schema.column_count; i++) {
        const struct ArrowArray *array = batch->children[i];

        if (array->length < batch->offset + batch->length || array->offset < 0) {
            return parquet_fail(run->error, WEND_CORRUPT,
                                "column \"%s\" has %" PRId64 " rows in a batch "
                                "of %" PRId64,
                                run->schema.columns[i].name, array->length, batch->length);
        }
    }
    return WEND_OK;
}

static wend_status begin_batch(export_run *run, const struct ArrowArray *batch)
{
    wend_status status = check_batch(run, batch);

    for (size_t i = 0; status == WEND_OK && i < run->schema.column_count; i++) {
        status = parquet_stage_begin_batch(&run->all_stages[i], batch->children[i]);
    }
    return status;
}

static wend_status export_batch(export_run *run, const struct ArrowArray *batch)
{
    wend_status status = WEND_OK;
    int64_t start = 0;

    while (start < batch->length) {
        int64_t count = slice_rows(run, batch, start);

        for (size_t i = 0; i < run->schema.column_count; i++) {
            PARQUET_TRY(parquet_stage_load(&run->all_stages[i], batch->children[i],
                                           batch->offset + start, (size_t)count,
                                           run->stats.row_count, run->error));
        }
        if (run->router == NULL) {
            PARQUET_TRY(take_slice(run, (size_t)count));
        } else {
            PARQUET_TRY(share_slice(run, (size_t)count));
        }
        run->stats.row_count += count;
        start += count;
        PARQUET_TRY(report_progress(run));
    }
cleanup:
    return status;
}

/* The batch before is released only when the next one's dictionaries were compared with its own. */
static wend_status export_batches(export_run *run)
{
    struct ArrowArray before = {0};
    struct ArrowArray batch = {0};
    wend_status status = WEND_OK;

    for (;;) {
        int code = run->stream->get_next(run->stream, &batch);

        if (code != 0) {
            batch.release = NULL;
            status = fail_stream(run, code);
            goto cleanup;
        }
        if (batch.release == NULL) {
            break;
        }
        PARQUET_TRY(begin_batch(run, &batch));
        if (before.release != NULL) {
            before.release(&before);
        }
        before = batch;
        batch.release = NULL;
        PARQUET_TRY(export_batch(run, &before));
    }
cleanup:
    if (before.release != NULL) {
        before.release(&before);
    }
    if (batch.release != NULL) {
        batch.release(&batch);
    }
    return status;
}

/* The whole ----------------------------------------------------------------------------------- */

static wend_status run_export(export_run *run)
{
    const parquet_export_options *options = run->options;
    wend_status status = WEND_OK;

    PARQUET_TRY(check_options(options, run->error));
    PARQUET_TRY(bind_schema(run));
    PARQUET_TRY(check_partition_columns(run));
    PARQUET_TRY(parquet_output_open(&run->context.output, options, run->error));
    PARQUET_TRY(check_file_limit(run));
    PARQUET_TRY(parquet_codec_open(&run->context.encoder.codec, options->zstd_level, run->error));
    PARQUET_TRY(open_stages(run));
    if (run->router == NULL) {
        PARQUET_TRY(add_writer(run, (const uint8_t *)"", 0));
    }
    PARQUET_TRY(export_batches(run));
    for (size_t i = 0; i < writer_count(run); i++) {
        PARQUET_TRY(parquet_writer_finish(writer_at(run, i), &run->context, run->error));
    }
    PARQUET_TRY(parquet_output_publish(run->context.output, run->error));
cleanup:
    return status;
}

static void close_run(export_run *run)
{
    for (size_t i = 0; i < writer_count(run); i++) {
        parquet_writer_close(writer_at(run, i), &run->context);
    }
    parquet_bytes_free(&run->writers);
    parquet_router_close(run->router);
    for (size_t i = 0; i < run->all_stage_count; i++) {
        parquet_stage_close(&run->all_stages[i]);
    }
    parquet_free(run->all_stages);
    parquet_free(run->partition_stages);
    parquet_free(run->context.stages);
    parquet_free(run->context.columns);
    parquet_page_encoder_free(&run->context.encoder);
    parquet_codec_close(run->context.encoder.codec);
    parquet_output_close(run->context.output);
    parquet_schema_free(&run->schema);
    parquet_free(run);
}

wend_status parquet_export(struct ArrowArrayStream *stream, const parquet_export_options *options,
                           parquet_export_stats *stats, wend_error *error)
{
    export_run *run = parquet_alloc_zero(1, sizeof(*run));
    wend_status status;

    if (error != NULL) {
        *error = (wend_error){.status = WEND_OK, .position = -1};
    }
    if (stats != NULL) {
        *stats = (parquet_export_stats){0};
    }
    if (run == NULL) {
        return parquet_fail(error, WEND_NOMEM, "no memory for an export");
    }
    run->options = options;
    run->stream = stream;
    run->error = error;
    run->context.options = options;
    run->context.encoder.options = options;
    run->context.stats = &run->stats;
    status = run_export(run);
    if (status == WEND_NOMEM && error != NULL && error->message[0] == '\0') {
        parquet_fail(error, WEND_NOMEM, "memory was refused after %" PRId64 " rows of the export",
                     run->stats.row_count);
        parquet_hint(error, "smaller row groups need less");
    }
    if (stats != NULL) {
        *stats = run->stats;
    }
    close_run(run);
    return status;
}
