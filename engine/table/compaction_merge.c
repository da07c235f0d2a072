/*
 * One job: its inputs' row groups as sources, merged row group by row group into one file. What is
 * held at a time is one row group of output, the pages under way of every source that has users
 * there, and those sources' dictionaries.
 */
#include "engine/table/compaction.h"

#include <string.h>

#include "engine/base/alloc.h"
#include "engine/table/merge_columns.h"
#include "engine/table/row_key.h"
#include "engine/table/segment_output.h"
#include "engine/table/table_handle.h"

enum {
    ROWS_MIN = 65536,       /* of a row group, however little memory there is */
    ZSTD_LEVEL_DEFAULT = 12, /* real texts are 1 to 3 % smaller than at 6, for 3 % more time on clicks */
    CHUNK_BYTES = 2048 * 40 /* what an open chunk holds beside its pages */
};
#define MEMORY_DEFAULT ((size_t)1 << 30)

typedef struct merge_run { /* all that one job holds */
    const wendi_compaction_plan *plan;
    const wendi_compaction_job *job;
    const wendi_compaction_options *options;
    wendi_io *io;
    const char *folder;
    const wendi_schema *schema;
    wendi_absent_columns absent;
    wendi_merge_scope scope;
    wendi_merge_source *sources;
    uint32_t source_count;
    uint32_t source_capacity;
    wendi_merge_order *order;
    wendi_merge_rows rows;
    wendi_merge_columns *columns;
    wendi_segment_output output;
    uint64_t row_count;
} merge_run;

static size_t memory_of(const wendi_compaction_options *options)
{
    return options->memory_bytes != 0 ? options->memory_bytes : MEMORY_DEFAULT;
}

/* ---- sources ---- */

static bool ends_in_scope(const merge_run *run, const wendi_segment_entry *entry)
{
    if (entry->time_min > entry->time_max) { /* no row has a time: all go with the first window */
        return run->job->time_begin == INT64_MIN;
    }
    return entry->time_max >= run->job->time_begin &&
           (entry->time_max < run->job->time_end || run->job->time_end == INT64_MAX);
}

/* Describe a row group as a source; false when none of its rows can take part. */
static bool describe_source(const merge_run *run, const wendi_segment *segment,
                            const wendi_segment_entry *entry, uint32_t row_group,
                            wendi_merge_source *source)
{
    const wendi_row_group_info *info = wendi_segment_row_group(segment, row_group);
    const wendi_compaction_job *job = run->job;
    bool users = info->user_hash_min <= info->user_hash_max;
    bool null_users = info->null_user_rows != 0 && job->hash_last == UINT64_MAX;
    bool timed = info->time_min <= info->time_max;
    bool to_end = job->time_end == INT64_MAX;
    bool takes_timeless = ends_in_scope(run, entry);
    uint64_t timeless = 0;
    *source = (wendi_merge_source){.scope = &run->scope,
                                   .entry = entry,
                                   .row_group = row_group,
                                   .row_count = info->row_count,
                                   .takes_timeless = takes_timeless};
    users =
        users && info->user_hash_max >= job->hash_begin && info->user_hash_min <= job->hash_last;
    if (run->schema->time_column != WENDI_NO_COLUMN) {
        uint32_t id = run->schema->columns[run->schema->time_column].id;
        uint32_t column = wendi_segment_find_column(segment, id);
        wendi_zone zone = {.null_count = info->row_count};
        if (column != WENDI_NO_COLUMN) {
            wendi_row_group_zone(segment, row_group, column, &zone);
        }
        timeless = zone.null_count;
        bool inside = !timed || (info->time_min >= job->time_begin &&
                                 (info->time_max < job->time_end || to_end));
        bool outside = !timed || info->time_max < job->time_begin ||
                       (info->time_min >= job->time_end && !to_end);
        if (outside && (timeless == 0 || !takes_timeless)) {
            return false;
        }
        source->narrowed = !inside || (timeless != 0 && !takes_timeless);
    }
    source->null_user = !users;
    source->hash = info->user_hash_min > job->hash_begin ? info->user_hash_min : job->hash_begin;
    return users || null_users;
}

static wend_status add_source(merge_run *run, const wendi_merge_source *source, wend_error *error)
{
    if (run->source_count == run->source_capacity) {
        uint32_t capacity = run->source_capacity * 2 + 16;
        wendi_merge_source *sources = wendi_realloc(run->sources, capacity * sizeof *sources);
        if (sources == NULL) {
            return wendi_fail_nomem(error, "the sources of a merge", capacity * sizeof *sources);
        }
        run->sources = sources;
        run->source_capacity = capacity;
    }
    run->sources[run->source_count++] = *source;
    return WEND_OK;
}

/* The row groups of one input, told apart by its footer alone. */
static wend_status add_input(merge_run *run, const wendi_segment_entry *entry, wend_error *error)
{
    wendi_merge_source opened = {.scope = &run->scope, .entry = entry};
    wend_status status = wendi_merge_source_look(&opened, error);
    uint32_t groups = status == WEND_OK ? wendi_segment_row_group_count(opened.segment) : 0;
    for (uint32_t group = 0; status == WEND_OK && group < groups; group++) {
        wendi_merge_source source;
        if (describe_source(run, opened.segment, entry, group, &source)) {
            status = add_source(run, &source, error);
        }
    }
    wendi_merge_source_close(&opened);
    return status;
}

/* ---- writing ---- */

/* The one place where what is written by merges is chosen. */
static wend_status open_output(merge_run *run, bool with_commits, wend_error *error)
{
    const wendi_schema *schema = run->schema;
    uint32_t count = schema->column_count + (with_commits ? 1 : 0);
    wendi_segment_column *columns = wendi_alloc_zero(count, sizeof *columns);
    if (columns == NULL) {
        return wendi_fail_nomem(error, "a segment's columns", count * sizeof *columns);
    }
    for (uint32_t i = 0; i < schema->column_count; i++) {
        columns[i] = (wendi_segment_column){.id = schema->columns[i].id,
                                            .type = schema->columns[i].type,
                                            .name = schema->columns[i].name};
    }
    if (with_commits) {
        columns[schema->column_count] = (wendi_segment_column){.id = WENDI_COMMIT_COLUMN_ID,
                                                               .type = wendi_type_of(WENDI_TYPE_BIGINT),
                                                               .name = wendi_string_of("_commit")};
    }
    wendi_segment_writer_options options = {.columns = columns,
                                            .column_count = count,
                                            .apart_count = with_commits ? 1 : 0,
                                            .user_column = schema->user_column,
                                            .time_column = schema->time_column,
                                            .zstd_level = run->options->zstd_level != 0
                                                              ? run->options->zstd_level
                                                              : ZSTD_LEVEL_DEFAULT};
    wend_status status =
        wendi_segment_output_open(run->io, run->folder, &options, &run->output, error);
    wendi_free(columns);
    return status;
}

/* Where to cut `count` places from `first` on in two: behind a user near the middle if there is
 * one. */
static uint32_t half_of(const wendi_merge_rows *rows, uint32_t first, uint32_t count)
{
    uint32_t middle = first + count / 2;
    for (uint32_t at = middle; at > first; at--) {
        if (rows->users[at - 1] != rows->users[at]) {
            return at - first;
        }
    }
    for (uint32_t at = middle; at < first + count; at++) {
        if (rows->users[at - 1] != rows->users[at]) {
            return at - first;
        }
    }
    return count / 2;
}

/* Write places first.. of the rows as one row group, or as several when their texts are too long.
 */
static wend_status write_rows(merge_run *run, uint32_t first, uint32_t count, wend_error *error)
{
    uint32_t end = first + count;
    while (first < end) {
        const wendi_vector *vectors;
        bool too_wide = true;
        uint32_t part = count < end - first ? count : end - first;
        wend_status status = wendi_merge_columns_gather(run->columns, &run->rows, first, part,
                                                        &vectors, &too_wide, error);
        if (status == WEND_OK && too_wide) {
            count = half_of(&run->rows, first, part);
            continue;
        }
        if (status == WEND_OK) {
            status = wendi_segment_writer_row_group(run->output.writer, vectors, part, error);
        }
        if (status != WEND_OK) {
            return status;
        }
        run->row_count += part;
        first += part;
        count = end - first;
    }
    return WEND_OK;
}

static uint32_t row_capacity(const merge_run *run)
{
    uint64_t rows = memory_of(run->options) / 2 / wendi_merge_columns_row_bytes(run->schema);
    uint64_t most =
        run->options->row_group_rows != 0 ? run->options->row_group_rows : WENDI_ROW_GROUP_ROWS_MAX;
    rows = rows < ROWS_MIN ? ROWS_MIN : rows;
    most = most > WENDI_ROW_GROUP_ROWS_MAX ? WENDI_ROW_GROUP_ROWS_MAX : most;
    return (uint32_t)(rows < most ? rows : most);
}

/* May all chunks stay open from row group to row group? Their pages are read once then. */
static bool may_keep_open(const merge_run *run)
{
    uint64_t bytes = (uint64_t)run->source_count * run->schema->column_count * CHUNK_BYTES;
    for (uint32_t i = 0; i < run->job->input_count; i++) {
        bytes += run->job->inputs[i]->file_bytes;
    }
    return bytes < memory_of(run->options) / 5 * 2;
}

static wend_status merge_rows(merge_run *run, bool with_commits, wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_merge_columns_options options = {.sources = run->sources,
                                           .source_count = run->source_count,
                                           .schema = run->schema,
                                           .row_capacity = row_capacity(run),
                                           .with_commits = with_commits,
                                           .commit_floor = run->plan->commit_floor,
                                           .text_bytes_max = memory_of(run->options) / 8,
                                           .keep_open = may_keep_open(run)};
    WEND_TRY(wendi_merge_order_open(run->sources, run->source_count, &run->order, error));
    WEND_TRY(wendi_merge_rows_init(&run->rows, options.row_capacity, error));
    WEND_TRY(wendi_merge_columns_open(&options, &run->columns, error));
    for (;;) {
        status = wendi_merge_order_next(run->order, &run->rows, wendi_merge_columns_source_closed,
                                        run->columns, error);
        if (status == WEND_END) {
            return WEND_OK;
        }
        WEND_TRY(status);
        if (run->output.writer == NULL) {
            WEND_TRY(open_output(run, with_commits, error));
        }
        WEND_TRY(write_rows(run, 0, run->rows.count, error));
    }
cleanup:
    return status;
}

static void merge_run_close(merge_run *run)
{
    wendi_merge_columns_close(run->columns);
    wendi_merge_rows_free(&run->rows);
    wendi_merge_order_close(run->order);
    for (uint32_t i = 0; i < run->source_count; i++) {
        wendi_merge_source_close(&run->sources[i]);
    }
    wendi_free(run->sources);
    wendi_segment_output_close(&run->output);
    wendi_absent_columns_close(&run->absent);
}

wend_status wendi_compaction_merge(const wendi_compaction_plan *plan, uint32_t job,
                                   const wendi_compaction_options *options,
                                   wendi_segment_entry *entry, wend_error *error)
{
    const wendi_table *table = plan->snapshot->table;
    merge_run run = {.plan = plan,
                     .job = &plan->jobs[job],
                     .options = options,
                     .io = table->io,
                     .folder = table->folder,
                     .schema = wendi_snapshot_schema(plan->snapshot)};
    wend_status status = WEND_OK;
    bool with_commits = wendi_row_key_rules(run.schema) != 0;

    memset(entry, 0, sizeof *entry);
    WEND_TRY(wendi_absent_columns_open(run.schema, &run.absent, error));
    run.scope = (wendi_merge_scope){.io = run.io,
                                    .folder = run.folder,
                                    .absent = &run.absent,
                                    .time_begin = run.job->time_begin,
                                    .time_end = run.job->time_end,
                                    .hash_begin = run.job->hash_begin,
                                    .hash_last = run.job->hash_last};
    for (uint32_t i = 0; i < run.job->input_count; i++) {
        WEND_TRY(add_input(&run, run.job->inputs[i], error));
    }
    WEND_TRY(merge_rows(&run, with_commits, error));
    if (run.row_count != 0) {
        WEND_TRY(wendi_segment_output_finish(&run.output, entry, error));
    }
    entry->level = run.job->level;
    entry->commit_first = UINT64_MAX;
    for (uint32_t i = 0; i < run.job->input_count; i++) {
        const wendi_segment_entry *input = run.job->inputs[i];
        entry->commit_first =
            input->commit_first < entry->commit_first ? input->commit_first : entry->commit_first;
        entry->commit_last =
            input->commit_last > entry->commit_last ? input->commit_last : entry->commit_last;
    }
cleanup:
    merge_run_close(&run);
    return status;
}
