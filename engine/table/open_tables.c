/*
 * A list of open tables under one mutex, which is not held while logs are read. A table that can no
 * longer be found leaves the list and is closed by whoever releases it last.
 */
#include "engine/table/open_tables.h"

#include <pthread.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/table/table_handle.h"

struct wendi_open_table {
    wendi_open_table *next;
    wendi_table *table;
    char *name;
    uint32_t references; /* users, and one while it is in the list */
    bool listed;
};

struct wendi_open_tables {
    char *store;
    wendi_io *io;
    wendi_segment_cache *cache;
    pthread_mutex_t lock;
    wendi_open_table *first;
};

wend_status wendi_open_tables_new(const char *store, const wendi_segment_cache_limits *limits,
                                  wendi_open_tables **tables_out, wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_open_tables *tables = wendi_alloc_zero(1, sizeof *tables);
    *tables_out = NULL;
    if (tables == NULL) {
        return wendi_fail_nomem(error, "a store", sizeof *tables);
    }
    pthread_mutex_init(&tables->lock, NULL);
    tables->store = wendi_strdup(store);
    if (tables->store == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "a store", strlen(store)));
    }
    WEND_TRY(wendi_io_open(NULL, &tables->io, error));
    WEND_TRY(wendi_segment_cache_open(limits, &tables->cache, error));
    *tables_out = tables;
    tables = NULL;
cleanup:
    wendi_open_tables_free(tables);
    return status;
}

static void close_entry(wendi_open_table *entry)
{
    wendi_table_close(entry->table);
    wendi_free(entry->name);
    wendi_free(entry);
}

void wendi_open_tables_free(wendi_open_tables *tables)
{
    if (tables == NULL) {
        return;
    }
    while (tables->first != NULL) {
        wendi_open_table *entry = tables->first;
        tables->first = entry->next;
        WEND_REQUIRE(entry->references == 1);
        close_entry(entry);
    }
    wendi_segment_cache_close(tables->cache);
    wendi_io_close(tables->io);
    wendi_free(tables->store);
    pthread_mutex_destroy(&tables->lock);
    wendi_free(tables);
}

/* The listed table of that name with a reference for the caller, or NULL; the lock is held. */
static wendi_open_table *find(wendi_open_tables *tables, wendi_string name)
{
    for (wendi_open_table *entry = tables->first; entry != NULL; entry = entry->next) {
        if (wendi_string_equal(wendi_string_of(entry->name), name)) {
            entry->references++;
            return entry;
        }
    }
    return NULL;
}

static wend_status open_entry(wendi_open_tables *tables, wendi_string name,
                              wendi_open_table **entry_out, wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_open_table *entry = wendi_alloc_zero(1, sizeof *entry);
    *entry_out = NULL;
    if (entry == NULL || (entry->name = wendi_alloc((size_t)name.length + 1)) == NULL) {
        wendi_free(entry);
        return wendi_fail_nomem(error, "an open table", sizeof *entry + name.length);
    }
    memcpy(entry->name, name.data, name.length);
    entry->name[name.length] = '\0';
    status = wendi_table_open_cached(tables->io, tables->cache, tables->store, name, &entry->table,
                                     error);
    if (status != WEND_OK) {
        close_entry(entry);
        return status;
    }
    *entry_out = entry;
    return WEND_OK;
}

/* The open table of that name, opened if need be, with a reference for the caller. */
static wend_status acquire_entry(wendi_open_tables *tables, wendi_string name, bool *opened,
                                 wendi_open_table **entry_out, wend_error *error)
{
    wendi_open_table *mine = NULL;
    *opened = false;
    pthread_mutex_lock(&tables->lock);
    *entry_out = find(tables, name);
    pthread_mutex_unlock(&tables->lock);
    if (*entry_out != NULL) {
        return WEND_OK;
    }
    wend_status status = open_entry(tables, name, &mine, error);
    if (status != WEND_OK) {
        return status;
    }
    *opened = true;
    pthread_mutex_lock(&tables->lock);
    *entry_out = find(tables, name); /* another thread may have been faster */
    if (*entry_out == NULL) {
        mine->listed = true;
        mine->references = 2;
        mine->next = tables->first;
        tables->first = mine;
        *entry_out = mine;
        mine = NULL;
    }
    pthread_mutex_unlock(&tables->lock);
    if (mine != NULL) {
        close_entry(mine);
    }
    return WEND_OK;
}

void wendi_open_tables_release(wendi_open_tables *tables, wendi_open_table *entry)
{
    pthread_mutex_lock(&tables->lock);
    WEND_REQUIRE(entry->references > 0);
    bool last = --entry->references == 0;
    pthread_mutex_unlock(&tables->lock);
    if (last) {
        close_entry(entry);
    }
}

/* Out of the list, so that the next one who asks opens it anew. */
static void unlist(wendi_open_tables *tables, wendi_open_table *entry)
{
    pthread_mutex_lock(&tables->lock);
    if (entry->listed) {
        wendi_open_table **link = &tables->first;
        while (*link != entry) {
            link = &(*link)->next;
        }
        *link = entry->next;
        entry->listed = false;
        entry->references--; /* the caller still has one */
    }
    pthread_mutex_unlock(&tables->lock);
}

wend_status wendi_open_tables_acquire(wendi_open_tables *tables, wendi_string name,
                                      wendi_open_table **table_out, wendi_snapshot **snapshot_out,
                                      wend_error *error)
{
    bool opened;
    *table_out = NULL;
    *snapshot_out = NULL;
    for (;;) {
        wendi_open_table *entry;
        wend_status status = acquire_entry(tables, name, &opened, &entry, error);
        if (status != WEND_OK) {
            return status;
        }
        status = wendi_table_snapshot(entry->table, snapshot_out, error);
        if (status == WEND_OK) {
            *table_out = entry;
            return WEND_OK;
        }
        unlist(tables, entry);
        wendi_open_tables_release(tables, entry);
        if (opened) { /* else what was known of it may be of no use any more: open it anew, once */
            return status;
        }
    }
}

wendi_segment_cache_use wendi_open_tables_use(wendi_open_tables *tables)
{
    return wendi_segment_cache_use_now(tables->cache);
}
