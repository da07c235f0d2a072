/* A list of opened segments under one mutex; files are opened outside of it. */
#include "engine/table/segment_cache.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "engine/base/alloc.h"

enum { UNUSED_MAX = 256, BUCKETS = 1024 };

struct wendi_cached_segment {
    wendi_cached_segment *next; /* of its bucket */
    uint8_t uuid[WENDI_UUID_BYTES];
    uint32_t references;
    wendi_segment_cache *cache;
    wendi_file *file;
    wendi_segment *segment;
    char name[WENDI_UUID_TEXT_BYTES + 16];
};

struct wendi_segment_cache {
    wendi_io *io;
    const char *folder;
    pthread_mutex_t lock;
    wendi_cached_segment *buckets[BUCKETS];
    uint32_t unused_count;
    _Atomic uint64_t segments_opened;
    _Atomic uint64_t bytes_read;
    _Atomic uint64_t reads;
};

wend_status wendi_segment_cache_open(wendi_io *io, const char *folder,
                                     wendi_segment_cache **cache_out, wend_error *error)
{
    wendi_segment_cache *cache = wendi_alloc_zero(1, sizeof *cache);
    *cache_out = cache;
    if (cache == NULL) {
        return wendi_fail_nomem(error, "the segment cache", sizeof *cache);
    }
    cache->io = io;
    cache->folder = folder;
    pthread_mutex_init(&cache->lock, NULL);
    return WEND_OK;
}

static void close_cached(wendi_cached_segment *cached)
{
    wendi_segment_close(cached->segment);
    wendi_file_abandon(cached->file);
    wendi_free(cached);
}

void wendi_segment_cache_close(wendi_segment_cache *cache)
{
    if (cache == NULL) {
        return;
    }
    for (uint32_t bucket = 0; bucket < BUCKETS; bucket++) {
        while (cache->buckets[bucket] != NULL) {
            wendi_cached_segment *cached = cache->buckets[bucket];
            cache->buckets[bucket] = cached->next;
            WEND_REQUIRE(cached->references == 0);
            close_cached(cached);
        }
    }
    pthread_mutex_destroy(&cache->lock);
    wendi_free(cache);
}

static wend_status read_cached(void *context, uint64_t offset, void *buffer, size_t length,
                               wend_error *error)
{
    wendi_cached_segment *cached = context;
    atomic_fetch_add_explicit(&cached->cache->reads, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&cached->cache->bytes_read, length, memory_order_relaxed);
    return wendi_file_read_at(cached->file, offset, buffer, length, error);
}

static wend_status open_cached(wendi_segment_cache *cache, const wendi_segment_entry *entry,
                               wendi_cached_segment **cached_out, wend_error *error)
{
    char path[WENDI_PATH_BYTES];
    char uuid[WENDI_UUID_TEXT_BYTES];
    wend_status status = WEND_OK;
    wendi_cached_segment *cached = wendi_alloc_zero(1, sizeof *cached);
    if (cached == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "an open segment", sizeof *cached));
    }
    cached->cache = cache;
    cached->references = 1;
    memcpy(cached->uuid, entry->uuid, WENDI_UUID_BYTES);
    memcpy(cached->name, "seg/", 4);
    memcpy(cached->name + 4, wendi_uuid_text(entry->uuid, uuid), WENDI_UUID_TEXT_BYTES - 1);
    memcpy(cached->name + 4 + WENDI_UUID_TEXT_BYTES - 1, ".wseg", 6);
    WEND_TRY(wendi_table_uuid_path(path, cache->folder, "seg", entry->uuid, ".wseg", error));
    status = wendi_file_open(cache->io, path, &cached->file, error);
    if (status == WEND_NOT_FOUND) {
        status = wendi_fail(error, WEND_CORRUPT, "%s is named by the log but missing", path);
    }
    WEND_TRY(status);
    wendi_segment_source source = {cached, cached->name, wendi_file_bytes(cached->file),
                                   read_cached};
    wendi_segment_expected expected = {.file_bytes = entry->file_bytes,
                                       .footer_offset = entry->footer_offset,
                                       .footer_checksum = entry->footer_checksum};
    memcpy(expected.uuid, entry->uuid, WENDI_UUID_BYTES);
    WEND_TRY(wendi_segment_open(&source, &expected, &cached->segment, error));
    atomic_fetch_add(&cache->segments_opened, 1);
    *cached_out = cached;
    cached = NULL;
cleanup:
    if (cached != NULL) {
        close_cached(cached);
    }
    return status;
}

static wendi_cached_segment **find(wendi_segment_cache *cache, const uint8_t uuid[WENDI_UUID_BYTES])
{
    uint32_t bucket = wendi_load_u32(uuid) % BUCKETS;
    wendi_cached_segment **link = &cache->buckets[bucket];
    while (*link != NULL && memcmp((*link)->uuid, uuid, WENDI_UUID_BYTES) != 0) {
        link = &(*link)->next;
    }
    return link;
}

/* Takes a reference of an entry that is there; the lock is held. */
static wendi_cached_segment *take(wendi_segment_cache *cache, const uint8_t uuid[WENDI_UUID_BYTES])
{
    wendi_cached_segment *cached = *find(cache, uuid);
    if (cached != NULL && cached->references++ == 0) {
        cache->unused_count--;
    }
    return cached;
}

wend_status wendi_segment_cache_acquire(wendi_segment_cache *cache,
                                        const wendi_segment_entry *entry,
                                        wendi_cached_segment **cached_out, wend_error *error)
{
    pthread_mutex_lock(&cache->lock);
    *cached_out = take(cache, entry->uuid);
    pthread_mutex_unlock(&cache->lock);
    if (*cached_out != NULL) {
        return WEND_OK;
    }
    wendi_cached_segment *opened;
    wend_status status = open_cached(cache, entry, &opened, error);
    if (status != WEND_OK) {
        return status;
    }
    pthread_mutex_lock(&cache->lock);
    *cached_out = take(cache, entry->uuid); /* another thread may have been faster */
    if (*cached_out == NULL) {
        wendi_cached_segment **link = find(cache, entry->uuid);
        *link = opened;
        *cached_out = opened;
        opened = NULL;
    }
    pthread_mutex_unlock(&cache->lock);
    if (opened != NULL) {
        close_cached(opened);
    }
    return WEND_OK;
}

void wendi_segment_cache_release(wendi_segment_cache *cache, wendi_cached_segment *cached)
{
    wendi_cached_segment *gone = NULL;
    pthread_mutex_lock(&cache->lock);
    WEND_REQUIRE(cached->references > 0);
    if (--cached->references == 0) {
        if (cache->unused_count >= UNUSED_MAX) {
            *find(cache, cached->uuid) = cached->next;
            gone = cached;
        } else {
            cache->unused_count++;
        }
    }
    pthread_mutex_unlock(&cache->lock);
    if (gone != NULL) {
        close_cached(gone);
    }
}

wendi_segment *wendi_cached_segment_of(const wendi_cached_segment *cached)
{
    return cached->segment;
}

wendi_table_counters wendi_segment_cache_counters(const wendi_segment_cache *cache)
{
    return (wendi_table_counters){.segments_opened = atomic_load(&cache->segments_opened),
                                  .bytes_read = atomic_load(&cache->bytes_read),
                                  .reads = atomic_load(&cache->reads)};
}
