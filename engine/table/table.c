/*
 * Opening tables and pinning snapshots. The table keeps the newest snapshot it has seen; asking for
 * one reads only the log records that came since.
 */
#include "engine/table/table.h"

#include <string.h>

#include "engine/base/alloc.h"
#include "engine/expr/table_ddl.h"
#include "engine/table/table_handle.h"

static void shared_schema_release(wendi_shared_schema *shared)
{
    if (shared != NULL && atomic_fetch_sub(&shared->references, 1) == 1) {
        wendi_schema_free(shared->schema);
        wendi_free(shared);
    }
}

static bool same_schema(const wendi_schema_record *a, const wendi_schema_record *b)
{
    return wendi_string_equal(a->ddl, b->ddl) && a->next_column_id == b->next_column_id &&
           a->column_count == b->column_count &&
           memcmp(a->column_ids, b->column_ids, a->column_count * sizeof *a->column_ids) == 0;
}

static wend_status make_schema(const wendi_owned_state *owned, const wendi_snapshot *previous,
                               wendi_shared_schema **shared_out, wend_error *error)
{
    if (previous != NULL && same_schema(&owned->schema, &previous->owned.schema)) {
        atomic_fetch_add(&previous->shared->references, 1);
        *shared_out = previous->shared;
        return WEND_OK;
    }
    wendi_shared_schema *shared = wendi_alloc_zero(1, sizeof *shared);
    if (shared == NULL) {
        return wendi_fail_nomem(error, "a schema", sizeof *shared);
    }
    atomic_init(&shared->references, 1);
    wend_status status = wendi_schema_parse_with_ids(
        owned->schema.ddl.data, owned->schema.column_ids, owned->schema.column_count,
        owned->schema.next_column_id, &shared->schema, error);
    if (status != WEND_OK) {
        wendi_free(shared);
        return status;
    }
    *shared_out = shared;
    return WEND_OK;
}

wend_status wendi_snapshot_make(wendi_table *table, wendi_owned_state *owned,
                                const wendi_snapshot *previous, wendi_snapshot **snapshot_out,
                                wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_snapshot *snapshot = wendi_alloc_zero(1, sizeof *snapshot);
    *snapshot_out = NULL;
    if (snapshot == NULL) {
        wendi_state_free(owned);
        return wendi_fail_nomem(error, "a snapshot", sizeof *snapshot);
    }
    atomic_init(&snapshot->references, 1);
    snapshot->table = table;
    snapshot->owned = *owned;
    memset(owned, 0, sizeof *owned);
    WEND_TRY(make_schema(&snapshot->owned, previous, &snapshot->shared, error));
    snapshot->segments =
        wendi_alloc_zero(snapshot->owned.state.segment_count, sizeof *snapshot->segments);
    if (snapshot->segments == NULL) {
        WEND_TRY(wendi_fail_nomem(
            error, "a snapshot", snapshot->owned.state.segment_count * sizeof *snapshot->segments));
    }
    *snapshot_out = snapshot;
    snapshot = NULL;
cleanup:
    wendi_snapshot_release(snapshot);
    return status;
}

wendi_snapshot *wendi_snapshot_acquire(wendi_snapshot *snapshot)
{
    atomic_fetch_add(&snapshot->references, 1);
    return snapshot;
}

void wendi_snapshot_release(wendi_snapshot *snapshot)
{
    if (snapshot == NULL || atomic_fetch_sub(&snapshot->references, 1) != 1) {
        return;
    }
    for (uint32_t i = 0; snapshot->segments != NULL && i < snapshot->owned.state.segment_count;
         i++) {
        wendi_cached_segment *cached = atomic_load(&snapshot->segments[i]);
        if (cached != NULL) {
            wendi_segment_cache_release(snapshot->table->cache, cached);
        }
    }
    wendi_free(snapshot->segments);
    shared_schema_release(snapshot->shared);
    wendi_state_free(&snapshot->owned);
    wendi_free(snapshot);
}

const wendi_schema *wendi_snapshot_schema(const wendi_snapshot *snapshot)
{
    return wendi_schema_reading(snapshot->shared->schema);
}

const wendi_schema *wendi_snapshot_arrival_schema(const wendi_snapshot *snapshot)
{
    return snapshot->shared->schema;
}

const wendi_table_state *wendi_snapshot_state(const wendi_snapshot *snapshot)
{
    return &snapshot->owned.state;
}

wend_status wendi_snapshot_segment(wendi_snapshot *snapshot, uint32_t index,
                                   wendi_segment **segment_out, wend_error *error)
{
    wendi_cached_segment *cached = atomic_load(&snapshot->segments[index]);
    if (cached == NULL) {
        wendi_segment_cache *cache = snapshot->table->cache;
        wendi_cached_segment *mine;
        wend_status status = wendi_segment_cache_acquire(
            cache, &snapshot->owned.state.segments[index], &mine, error);
        if (status != WEND_OK) {
            return status;
        }
        if (atomic_compare_exchange_strong(&snapshot->segments[index], &cached, mine)) {
            cached = mine;
        } else {
            wendi_segment_cache_release(cache, mine);
        }
    }
    *segment_out = wendi_cached_segment_of(cached);
    return WEND_OK;
}

void wendi_table_set_newest(wendi_table *table, wendi_snapshot *snapshot)
{
    wendi_snapshot *older =
        snapshot; /* two threads may follow the log at once: the farther one stays */
    pthread_mutex_lock(&table->lock);
    if (snapshot->owned.state.version >= table->newest->owned.state.version) {
        older = table->newest;
        table->newest = snapshot;
    }
    pthread_mutex_unlock(&table->lock);
    wendi_snapshot_release(older);
}

static wend_status tell_missing(wendi_io *io, const char *store, wendi_string table,
                                wend_error *error)
{
    wendi_arena arena = {0};
    wendi_buffer list = {0};
    wendi_string *names = NULL;
    uint32_t count = 0;
    if (wendi_table_list_io(io, store, &arena, &names, &count, NULL) == WEND_OK) {
        for (uint32_t i = 0; i < count && i < 20; i++) {
            (void)wendi_buffer_printf(&list, "%s%.*s", i == 0 ? "" : ", ", (int)names[i].length,
                                      names[i].data);
        }
    }
    wendi_fail(error, WEND_NOT_FOUND, "there is no table %.*s in %s", (int)table.length, table.data,
               store);
    if (list.length != 0) {
        wendi_error_hint(error, "there are: %.*s", (int)list.length, (const char *)list.data);
    } else {
        wendi_error_hint(error, "the store has no tables; `wend create` makes one, -d DIR or "
                                "WEND_DIR names another store");
    }
    wendi_buffer_free(&list);
    wendi_arena_free(&arena);
    return WEND_NOT_FOUND;
}

static wend_status load_newest(wendi_table *table, wend_error *error)
{
    wendi_owned_state owned;
    wend_status status = wendi_log_load(table->io, table->folder, &owned, error);
    return status == WEND_OK ? wendi_snapshot_make(table, &owned, NULL, &table->newest, error)
                             : status;
}

wend_status wendi_table_open(const char *store, wendi_string name, wendi_table **table_out,
                             wend_error *error)
{
    wendi_io *io = NULL;
    wend_status status = wendi_io_open(NULL, &io, error);
    *table_out = NULL;
    if (status == WEND_OK) {
        status = wendi_table_open_io(io, store, name, table_out, error);
    }
    if (status == WEND_OK) {
        (*table_out)->owns_io = true;
    } else {
        wendi_io_close(io);
    }
    return status;
}

wend_status wendi_table_open_io(wendi_io *io, const char *store, wendi_string name,
                                wendi_table **table_out, wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_io_info info;
    char log_folder[WENDI_PATH_BYTES];
    wendi_table *table = wendi_alloc_zero(1, sizeof *table);
    *table_out = NULL;
    if (table == NULL) {
        return wendi_fail_nomem(error, "a table", sizeof *table);
    }
    pthread_mutex_init(&table->lock, NULL);
    table->io = io;
    WEND_TRY(wendi_table_find_folder(store, name, table->folder, error));
    WEND_TRY(wendi_table_path(log_folder, table->folder, "log", "", error));
    status = wendi_io_stat(io, log_folder, &info, error);
    WEND_TRY(status == WEND_NOT_FOUND ? tell_missing(io, store, name, error) : status);
    WEND_TRY(wendi_segment_cache_open(table->io, table->folder, &table->cache, error));
    WEND_TRY(load_newest(table, error));
    *table_out = table;
    table = NULL;
cleanup:
    wendi_table_close(table);
    return status;
}

void wendi_table_close(wendi_table *table)
{
    if (table == NULL) {
        return;
    }
    wendi_snapshot_release(table->newest);
    wendi_segment_cache_close(table->cache);
    if (table->owns_io) {
        wendi_io_close(table->io);
    }
    pthread_mutex_destroy(&table->lock);
    wendi_free(table);
}

const char *wendi_table_folder(const wendi_table *table)
{
    return table->folder;
}

const char *wendi_table_io_name(const wendi_table *table)
{
    return wendi_io_backend_name(table->io);
}

wendi_table_counters wendi_table_counters_now(const wendi_table *table)
{
    return wendi_segment_cache_counters(table->cache);
}

/* A checkpoint may have swept the commits between an old view and the log's end: then read it all
 * anew. */
static wend_status follow(wendi_table *table, const wendi_snapshot *known, wendi_owned_state *next,
                          bool *changed, wend_error *error)
{
    wend_status status =
        wendi_log_follow(table->io, table->folder, &known->owned, next, changed, error);
    if (status != WEND_OK || *changed) {
        return status;
    }
    wendi_arena arena = {0};
    wendi_record record;
    uint64_t checksum;
    status = wendi_log_read(table->io, table->folder, WENDI_RECORD_COMMIT,
                            known->owned.state.version, &arena, &record, &checksum, NULL);
    wendi_arena_free(&arena);
    if (status != WEND_NOT_FOUND) {
        return status == WEND_OK
                   ? WEND_OK
                   : wendi_fail(error, status, "%s/log: commit %llu cannot be read any more",
                                table->folder, (unsigned long long)known->owned.state.version);
    }
    status = wendi_log_load(table->io, table->folder, next, error);
    *changed = status == WEND_OK;
    return status;
}

wend_status wendi_table_snapshot(wendi_table *table, wendi_snapshot **snapshot_out,
                                 wend_error *error)
{
    wendi_owned_state next;
    wendi_snapshot *fresh = NULL;
    bool changed = false;
    wend_status status = WEND_OK;
    *snapshot_out = NULL;
    pthread_mutex_lock(&table->lock);
    wendi_snapshot *known = wendi_snapshot_acquire(table->newest);
    pthread_mutex_unlock(&table->lock);
    WEND_TRY(follow(table, known, &next, &changed, error));
    if (changed) {
        WEND_TRY(wendi_snapshot_make(table, &next, known, &fresh, error));
        wendi_table_set_newest(table, wendi_snapshot_acquire(fresh));
        *snapshot_out = fresh;
    } else {
        *snapshot_out = known;
        known = NULL;
    }
cleanup:
    wendi_snapshot_release(known);
    return status;
}
