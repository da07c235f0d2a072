/*
 * Opening tables and pinning snapshots. The table keeps the newest snapshot it has seen; asking for
 * one reads only the log records that came since.
 */
#include "engine/table/table.h"

#include <string.h>

#include "engine/base/alloc.h"
#include "engine/expr/table_ddl.h"
#include "engine/table/table_handle.h"
#include "format/kernel/kernels.h"

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

static wend_status make_segments(wendi_snapshot *snapshot, wend_error *error)
{
    size_t count = snapshot->owned.state.segment_count;
    snapshot->segments = wendi_alloc_zero(count, sizeof *snapshot->segments);
    return snapshot->segments != NULL
               ? WEND_OK
               : wendi_fail_nomem(error, "a snapshot", count * sizeof *snapshot->segments);
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
    WEND_TRY(make_segments(snapshot, error));
    *snapshot_out = snapshot;
    snapshot = NULL;
cleanup:
    wendi_snapshot_release(snapshot);
    return status;
}

wend_status wendi_snapshot_view(wendi_snapshot *of, wendi_snapshot **view_out, wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_snapshot *view = wendi_alloc_zero(1, sizeof *view);
    *view_out = NULL;
    if (view == NULL) {
        return wendi_fail_nomem(error, "a snapshot", sizeof *view);
    }
    atomic_init(&view->references, 1);
    view->table = of->table;
    view->base = wendi_snapshot_acquire(of);
    view->owned = of->owned;
    view->shared = of->shared;
    WEND_TRY(make_segments(view, error));
    *view_out = view;
    view = NULL;
cleanup:
    wendi_snapshot_release(view);
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
    bool any = false;
    for (uint32_t i = 0; snapshot->segments != NULL && i < snapshot->owned.state.segment_count;
         i++) {
        wendi_cached_segment *cached = atomic_load(&snapshot->segments[i]);
        if (cached != NULL) {
            wendi_segment_cache_release(snapshot->table->cache, cached);
            any = true;
        }
    }
    if (any) {
        wendi_segment_cache_make_room(snapshot->table->cache);
    }
    wendi_free(snapshot->segments);
    if (snapshot->base != NULL) {
        wendi_snapshot_release(snapshot->base);
    } else {
        shared_schema_release(snapshot->shared);
        wendi_state_free(&snapshot->owned);
    }
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

static bool names_segment(const wendi_table_state *state, const uint8_t uuid[WENDI_UUID_BYTES])
{
    for (uint32_t i = 0; i < state->segment_count; i++) {
        if (memcmp(state->segments[i].uuid, uuid, WENDI_UUID_BYTES) == 0) {
            return true;
        }
    }
    return false;
}

/* A segment could not be opened: if the log, read again, does not name it any more, it was merged
 * away and nothing is damaged, only the snapshot is too old. */
static wend_status tell_if_dropped(const wendi_snapshot *snapshot, uint32_t index,
                                   wend_status status, wend_error *error)
{
    wendi_snapshot *newest = NULL;
    char uuid[WENDI_UUID_TEXT_BYTES];
    wend_error ignored;
    if (status != WEND_CORRUPT ||
        wendi_table_snapshot(snapshot->table, &newest, &ignored) != WEND_OK) {
        return status;
    }
    const wendi_segment_entry *entry = &snapshot->owned.state.segments[index];
    if (!names_segment(wendi_snapshot_state(newest), entry->uuid)) {
        status = wendi_fail(error, WEND_CONFLICT,
                            "%s: segment %s of commit %llu was merged away and is gone",
                            snapshot->table->folder, wendi_uuid_text(entry->uuid, uuid),
                            (unsigned long long)snapshot->owned.state.version);
        wendi_error_hint(error, "ask again: the newest commit has the same rows in other segments");
    }
    wendi_snapshot_release(newest);
    return status;
}

wend_status wendi_snapshot_segment(wendi_snapshot *snapshot, uint32_t index,
                                   wendi_segment **segment_out, wend_error *error)
{
    wendi_cached_segment *cached = atomic_load(&snapshot->segments[index]);
    if (cached == NULL) {
        wendi_segment_cache *cache = snapshot->table->cache;
        wendi_cached_segment *mine;
        wend_status status = wendi_segment_cache_acquire(
            cache, &snapshot->table->home, &snapshot->owned.state.segments[index], &mine, error);
        if (status != WEND_OK) {
            return tell_if_dropped(snapshot, index, status, error);
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

/* Two threads may follow the log at once: the farther one stays. But what followed on the newest
 * replaces it, also with a lower version: then another table stands under the name. */
static void step_newest(wendi_table *table, const wendi_snapshot *from, wendi_snapshot *snapshot)
{
    wendi_snapshot *older = snapshot;
    pthread_mutex_lock(&table->lock);
    if (table->newest == from ||
        snapshot->owned.state.version >= table->newest->owned.state.version) {
        older = table->newest;
        table->newest = snapshot;
    }
    pthread_mutex_unlock(&table->lock);
    wendi_snapshot_release(older);
}

void wendi_table_set_newest(wendi_table *table, wendi_snapshot *snapshot)
{
    step_newest(table, NULL, snapshot);
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
    return wendi_table_open_cached(io, NULL, store, name, table_out, error);
}

wend_status wendi_table_open_cached(wendi_io *io, wendi_segment_cache *cache, const char *store,
                                    wendi_string name, wendi_table **table_out, wend_error *error)
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
    WEND_TRY(wendi_kernels_check(error));
    WEND_TRY(wendi_table_find_folder(store, name, table->folder, error));
    WEND_TRY(wendi_table_path(log_folder, table->folder, "log", "", error));
    status = wendi_io_stat(io, log_folder, &info, error);
    WEND_TRY(status == WEND_NOT_FOUND ? tell_missing(io, store, name, error) : status);
    table->home.io = io;
    table->home.folder = table->folder;
    table->cache = cache;
    if (cache == NULL) {
        WEND_TRY(wendi_segment_cache_open(NULL, &table->cache, error));
        table->owns_cache = true;
    }
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
    if (table->owns_cache) {
        wendi_segment_cache_close(table->cache);
    } else if (table->cache != NULL) {
        wendi_segment_cache_forget(table->cache, &table->home);
    }
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
    const wendi_segment_home *home = &table->home;
    return (wendi_table_counters){.segments_opened = atomic_load(&home->segments_opened),
                                  .bytes_read = atomic_load(&home->bytes_read),
                                  .reads = atomic_load(&home->reads)};
}

/* Is the commit that `known` ends with still what stands in the log? WEND_NOT_FOUND: no longer
 * there. */
static wend_status still_there(wendi_table *table, const wendi_snapshot *known, bool *same,
                               wend_error *error)
{
    wendi_arena arena = {0};
    wendi_record record;
    uint64_t checksum = 0;
    wend_status status =
        wendi_log_read(table->io, table->folder, WENDI_RECORD_COMMIT, known->owned.state.version,
                       &arena, &record, &checksum, error);
    *same = status == WEND_OK && checksum == known->owned.head_checksum;
    wendi_arena_free(&arena);
    return status;
}

/*
 * Commits newer than `known`. The log may have ceased to be what it was: a checkpoint swept the
 * commits between an old view and its end, or another table stands under the name. Then it is read
 * anew.
 */
static wend_status follow(wendi_table *table, const wendi_snapshot *known, wendi_owned_state *next,
                          bool *changed, wend_error *error)
{
    wend_error why = {0};
    bool same;
    wend_status followed =
        wendi_log_follow(table->io, table->folder, &known->owned, next, changed, &why);
    if (followed == WEND_OK && *changed) {
        return WEND_OK;
    }
    wend_status status = still_there(table, known, &same, error);
    if (status == WEND_OK && same) {
        if (followed != WEND_OK && error != NULL) {
            *error = why;
        }
        return followed;
    }
    if (status != WEND_OK && status != WEND_NOT_FOUND) {
        return wendi_fail(error, status, "%s/log: commit %llu cannot be read any more",
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
        step_newest(table, known, wendi_snapshot_acquire(fresh));
        wendi_snapshot_release(known);
        known = fresh;
    }
    wendi_segment_cache_next_round(table->cache);
    WEND_TRY(wendi_snapshot_view(known, snapshot_out, error));
cleanup:
    wendi_snapshot_release(known);
    return status;
}
