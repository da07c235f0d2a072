/*
 * Reading keys back, newest commit first. What ingest wrote is of one commit a segment. What was
 * merged holds many, told apart by a column; the commits of such files are counted first and then
 * read some at a time, so that memory is bounded by the window and not by the files.
 */
#include "engine/table/window_rebuild.h"

#include <string.h>

#include "engine/base/alloc.h"
#include "engine/table/row_key.h"
#include "engine/table/segment_columns.h"

enum { KEYS_AT_A_TIME = 1 << 22 };
#define COMMITS_MAX (UINT64_C(1) << 30) /* that a list of numbers is made for */

typedef struct key_reader {
    wendi_snapshot *snapshot;
    const wendi_schema *schema;
    wendi_absent_columns absent;
    wendi_vector *vectors; /* per schema position */
    wendi_hash128 *keys;   /* of one batch */
    uint32_t rules;
} key_reader;

/* Segments that share commits with each other and with no others. */
typedef struct cluster {
    uint32_t begin;
    uint32_t end;
    uint64_t oldest; /* commit of which a row is known */
    uint64_t newest;
    bool unknown;     /* there are rows whose commit is not known any more: older than all others */
    uint64_t *rows;   /* per commit from `oldest` on */
    uint64_t *places; /* per commit of a batch: where its keys begin, then where they end */
} cluster;

/* Called for batches of rows; `commits` is NULL when all are of commit `commit`. */
typedef wend_status (*take_batch)(key_reader *reader, wendi_segment_columns *columns,
                                  uint32_t first, uint32_t count, const wendi_vector *commits,
                                  uint64_t commit, void *context, wend_error *error);

/* ---- walking segments ---- */

static wend_status walk_group(key_reader *reader, wendi_segment *segment, uint32_t group,
                              const wendi_segment_entry *entry, take_batch take, void *context,
                              wend_error *error)
{
    uint32_t rows = wendi_segment_row_group(segment, group)->row_count;
    uint32_t commit_column = wendi_segment_find_column(segment, WENDI_COMMIT_COLUMN_ID);
    wendi_segment_columns columns = {.segment = NULL};
    wendi_chunk *chunk = NULL;
    wend_status status = WEND_OK;
    WEND_TRY(wendi_segment_columns_open(&reader->absent, segment, group, &columns, error));
    if (commit_column != WENDI_NO_COLUMN) {
        WEND_TRY(wendi_chunk_open(segment, group, commit_column, &chunk, error));
    }
    for (uint32_t first = 0; first < rows; first += WENDI_BATCH_ROWS) {
        uint32_t count = rows - first < WENDI_BATCH_ROWS ? rows - first : WENDI_BATCH_ROWS;
        wendi_vector commits;
        if (chunk != NULL) {
            WEND_TRY(wendi_chunk_read(chunk, first, count, &commits, error));
        }
        WEND_TRY(take(reader, &columns, first, count, chunk != NULL ? &commits : NULL,
                      entry->commit_first == entry->commit_last ? entry->commit_last : 0, context,
                      error));
    }
cleanup:
    wendi_chunk_close(chunk);
    wendi_segment_columns_close(&columns);
    return status;
}

/* All rows of segments begin..end-1, the newest segment first. */
static wend_status walk(key_reader *reader, uint32_t begin, uint32_t end, take_batch take,
                        void *context, wend_error *error)
{
    const wendi_table_state *state = wendi_snapshot_state(reader->snapshot);
    for (uint32_t index = end; index > begin; index--) {
        wendi_segment *segment;
        wend_status status = wendi_snapshot_segment(reader->snapshot, index - 1, &segment, error);
        uint32_t groups = status == WEND_OK ? wendi_segment_row_group_count(segment) : 0;
        for (uint32_t group = 0; status == WEND_OK && group < groups; group++) {
            status = walk_group(reader, segment, group, &state->segments[index - 1], take, context,
                                error);
        }
        if (status != WEND_OK) {
            return status;
        }
    }
    return WEND_OK;
}

/* reader->keys[rule * count + row] of a batch. */
static wend_status read_keys(key_reader *reader, wendi_segment_columns *columns, uint32_t first,
                             uint32_t count, wend_error *error)
{
    for (uint32_t i = 0; i < reader->schema->column_count; i++) {
        if (!wendi_row_key_uses(reader->schema, i)) {
            continue;
        }
        wend_status status =
            wendi_segment_columns_read(columns, i, first, count, &reader->vectors[i], error);
        if (status != WEND_OK) {
            return status;
        }
    }
    return wendi_row_keys(reader->schema, reader->vectors, count, reader->keys, error);
}

static bool is_key(wendi_hash128 key)
{
    return (key.low | key.high) != 0;
}

/* ---- one commit ---- */

static wend_status append_keys(key_reader *reader, wendi_segment_columns *columns, uint32_t first,
                               uint32_t count, const wendi_vector *commits, uint64_t commit,
                               void *context, wend_error *error)
{
    wendi_buffer *keys = context;
    (void)commits;
    (void)commit;
    wend_status status = read_keys(reader, columns, first, count, error);
    for (uint64_t i = 0; status == WEND_OK && i < (uint64_t)count * reader->rules; i++) {
        if (is_key(reader->keys[i])) {
            status = wendi_buffer_append(keys, &reader->keys[i], sizeof reader->keys[i]);
        }
    }
    return status;
}

static wend_status rebuild_commit(key_reader *reader, const cluster *of,
                                  wendi_unique_window *window, bool *full, wend_error *error)
{
    wendi_buffer keys = {0};
    wend_status status = WEND_OK;
    WEND_TRY(walk(reader, of->begin, of->end, append_keys, &keys, error));
    WEND_TRY(wendi_unique_window_prepend(window, of->newest,
                                         (const wendi_hash128 *)(const void *)keys.data,
                                         keys.length / sizeof(wendi_hash128), full, error));
cleanup:
    wendi_buffer_free(&keys);
    return status;
}

/* ---- many commits in one file ---- */

/* The commit of a row, or 0. */
static uint64_t commit_of(const wendi_vector *commits, uint64_t commit, uint32_t row)
{
    if (commits == NULL) {
        return commit;
    }
    return wendi_vector_is_null(commits, row)
               ? 0
               : (uint64_t)commits->i64[wendi_vector_index(commits, row)];
}

static wend_status count_rows(key_reader *reader, wendi_segment_columns *columns, uint32_t first,
                              uint32_t count, const wendi_vector *commits, uint64_t commit,
                              void *context, wend_error *error)
{
    cluster *of = context;
    (void)reader;
    (void)columns;
    (void)first;
    for (uint32_t row = 0; row < count; row++) {
        uint64_t number = commit_of(commits, commit, row);
        if (number == 0) {
            of->unknown = true;
        } else if (number < of->oldest || number > of->newest) {
            return wendi_fail(error, WEND_CORRUPT,
                              "a row says it is of commit %llu, which its segment does not hold",
                              (unsigned long long)number);
        } else {
            of->rows[number - of->oldest]++;
        }
    }
    return WEND_OK;
}

typedef struct key_batch { /* keys of commits oldest..newest, commit by commit */
    const cluster *of;
    uint64_t oldest;
    uint64_t newest;
    wendi_hash128 *keys;
} key_batch;

static wend_status place_keys(key_reader *reader, wendi_segment_columns *columns, uint32_t first,
                              uint32_t count, const wendi_vector *commits, uint64_t commit,
                              void *context, wend_error *error)
{
    key_batch *batch = context;
    bool any = false;
    for (uint32_t row = 0; row < count && !any; row++) {
        uint64_t number = commit_of(commits, commit, row);
        any = number >= batch->oldest && number <= batch->newest;
    }
    wend_status status = any ? read_keys(reader, columns, first, count, error) : WEND_OK;
    for (uint32_t row = 0; any && status == WEND_OK && row < count; row++) {
        uint64_t number = commit_of(commits, commit, row);
        if (number < batch->oldest || number > batch->newest) {
            continue;
        }
        for (uint32_t rule = 0; rule < reader->rules; rule++) {
            wendi_hash128 key = reader->keys[(size_t)rule * count + row];
            if (is_key(key)) {
                batch->keys[batch->of->places[number - batch->of->oldest]++] = key;
            }
        }
    }
    return status;
}

/* The next commits, from `*newest` down: read their keys and put them in, newest first. */
static wend_status rebuild_batch(key_reader *reader, cluster *of, uint64_t *newest,
                                 wendi_unique_window *window, bool *full, wend_error *error)
{
    uint64_t keys = 0;
    uint64_t oldest = *newest + 1;
    wend_status status = WEND_OK;
    while (
        oldest > of->oldest &&
        (keys == 0 || keys + of->rows[oldest - 1 - of->oldest] * reader->rules <= KEYS_AT_A_TIME)) {
        keys += of->rows[--oldest - of->oldest] * reader->rules;
    }
    key_batch batch = {of, oldest, *newest, wendi_alloc(keys * sizeof *batch.keys)};
    if (batch.keys == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "reading keys", keys * sizeof *batch.keys));
    }
    uint64_t place = 0;
    for (uint64_t commit = oldest; commit <= *newest; commit++) {
        of->places[commit - of->oldest] = place;
        place += of->rows[commit - of->oldest] * reader->rules;
    }
    WEND_TRY(walk(reader, of->begin, of->end, place_keys, &batch, error));
    for (uint64_t commit = *newest + 1; commit-- > oldest && !*full;) {
        place -= of->rows[commit - of->oldest] * reader->rules;
        WEND_TRY(wendi_unique_window_prepend(window, commit, batch.keys + place,
                                             of->places[commit - of->oldest] - place, full, error));
    }
    *newest = oldest - 1;
cleanup:
    wendi_free(batch.keys);
    return status;
}

/* The oldest commit that the cluster's segments name: what their statistics say, if they do. */
static wend_status find_oldest(key_reader *reader, cluster *of, wend_error *error)
{
    const wendi_table_state *state = wendi_snapshot_state(reader->snapshot);
    of->oldest = of->newest;
    for (uint32_t i = of->begin; i < of->end; i++) {
        const wendi_segment_entry *entry = &state->segments[i];
        uint64_t oldest = entry->commit_first;
        if (entry->commit_first != entry->commit_last) {
            wendi_segment *segment;
            wendi_zone zone = {.row_count = 0};
            wend_status status = wendi_snapshot_segment(reader->snapshot, i, &segment, error);
            if (status != WEND_OK) {
                return status;
            }
            uint32_t column = wendi_segment_find_column(segment, WENDI_COMMIT_COLUMN_ID);
            if (column != WENDI_NO_COLUMN) {
                wendi_segment_zone(segment, column, &zone);
            }
            oldest = zone.has_min_max && (uint64_t)zone.min.i64 > oldest ? (uint64_t)zone.min.i64
                     : zone.has_min_max                                  ? oldest
                                                                         : of->newest;
        }
        of->oldest = oldest < of->oldest ? oldest : of->oldest;
    }
    return WEND_OK;
}

static wend_status rebuild_merged(key_reader *reader, cluster *of, wendi_unique_window *window,
                                  bool *full, wend_error *error)
{
    wend_status status = WEND_OK;
    WEND_TRY(find_oldest(reader, of, error));
    uint64_t commits = of->newest - of->oldest + 1;
    if (of->oldest == 0) {
        WEND_TRY(wendi_fail(error, WEND_CORRUPT, "a segment says it holds rows of commit 0"));
    }
    if (commits > COMMITS_MAX) {
        WEND_TRY(wendi_fail_nomem(error, "a list of commits", commits * sizeof *of->rows));
    }
    of->rows = wendi_alloc_zero(commits, sizeof *of->rows);
    of->places = wendi_alloc_zero(commits, sizeof *of->places);
    if (of->rows == NULL || of->places == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "a list of commits", commits * sizeof *of->rows));
    }
    WEND_TRY(walk(reader, of->begin, of->end, count_rows, of, error));
    for (uint64_t newest = of->newest; newest >= of->oldest && !*full;) {
        WEND_TRY(rebuild_batch(reader, of, &newest, window, full, error));
    }
    *full |= of->unknown; /* what is older than those rows must not come in either */
cleanup:
    wendi_free(of->rows);
    wendi_free(of->places);
    return status;
}

/* ---- all of it ---- */

static cluster cluster_before(const wendi_table_state *state, uint32_t end)
{
    cluster of = {.begin = end - 1, .end = end, .newest = state->segments[end - 1].commit_last};
    uint64_t first = state->segments[end - 1].commit_first;
    while (of.begin > 0 && state->segments[of.begin - 1].commit_last >= first) {
        of.begin--;
        first = state->segments[of.begin].commit_first < first
                    ? state->segments[of.begin].commit_first
                    : first;
    }
    of.oldest = first;
    return of;
}

wend_status wendi_window_rebuild(wendi_snapshot *snapshot, wendi_unique_window *window,
                                 wend_error *error)
{
    const wendi_table_state *state = wendi_snapshot_state(snapshot);
    const wendi_schema *schema = wendi_snapshot_schema(snapshot);
    uint32_t rules = wendi_row_key_rules(schema);
    bool full = false;
    wend_status status = WEND_OK;
    key_reader reader = {
        .snapshot = snapshot,
        .schema = schema,
        .vectors = wendi_alloc_zero(schema->column_count, sizeof(wendi_vector)),
        .keys = wendi_alloc((size_t)WENDI_BATCH_ROWS * (rules + 1) * sizeof(wendi_hash128)),
        .rules = rules};
    if (reader.vectors == NULL || reader.keys == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "reading keys",
                                  (size_t)WENDI_BATCH_ROWS * rules * sizeof(wendi_hash128)));
    }
    WEND_TRY(wendi_absent_columns_open(schema, &reader.absent, error));
    for (uint32_t end = state->segment_count; end > 0 && !full;) {
        cluster of = cluster_before(state, end);
        WEND_TRY(of.oldest == of.newest ? rebuild_commit(&reader, &of, window, &full, error)
                                        : rebuild_merged(&reader, &of, window, &full, error));
        end = of.begin;
    }
cleanup:
    wendi_absent_columns_close(&reader.absent);
    wendi_free(reader.vectors);
    wendi_free(reader.keys);
    return status;
}
