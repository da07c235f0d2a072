/*
 * A table of opened segments under one mutex; files are opened and closed outside of it. Segments
 * that nobody uses stand in a list from the least to the most recently used one.
 *
 * Memory is counted by the segments themselves (hold_memory), so that what a running query loads
 * counts at once; it is only given back here, when a segment is let go or acquired.
 */
#include "engine/table/segment_cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/hash.h"
#include "engine/table/file_pool.h"

enum { BUCKETS_MIN = 64, MEMORY_SHARE = 8, ROUNDS_KEPT = 8 };
#define MEMORY_DEFAULT_BYTES (UINT64_C(256) << 20) /* where the system does not say what there is  \
                                                    */

struct wendi_cached_segment {
    wendi_cached_segment *next;  /* of its bucket */
    wendi_cached_segment *older; /* unused ones only */
    wendi_cached_segment *newer;
    uint8_t uuid[WENDI_UUID_BYTES];
    uint32_t references;
    uint32_t round; /* of its last use */
    wendi_segment_cache *cache;
    wendi_segment_home *home;
    wendi_pooled_file *file;
    wendi_segment *segment;
    char name[WENDI_UUID_TEXT_BYTES + 16];
};

struct wendi_segment_cache {
    wendi_file_pool *files;
    pthread_mutex_t lock;
    wendi_cached_segment **buckets;
    uint32_t bucket_count; /* a power of two */
    uint32_t segment_count;
    wendi_cached_segment *oldest; /* unused */
    wendi_cached_segment *newest;
    uint64_t memory_max;
    _Atomic uint64_t memory_bytes;
    _Atomic uint32_t round;
    atomic_bool refused; /* something that was wanted again found no room */
};

/* ---- limits ---- */

static wend_status memory_limit(uint64_t *bytes, wend_error *error)
{
    const char *text = getenv("WEND_CACHE_BYTES");
    if (text != NULL && text[0] != '\0') {
        char *end = NULL;
        unsigned long long number = strtoull(text, &end, 10);
        if (text[0] < '0' || text[0] > '9' || *end != '\0') {
            wendi_fail(error, WEND_INVALID,
                       "WEND_CACHE_BYTES is \"%.40s\", which is no number of bytes", text);
            wendi_error_hint(
                error, "give plain digits, such as 268435456; 0 keeps nothing between queries");
            return WEND_INVALID;
        }
        *bytes = number == 0 ? 1 : number;
        return WEND_OK;
    }
    long pages = sysconf(_SC_PHYS_PAGES);
    long page_bytes = sysconf(_SC_PAGESIZE);
    *bytes = pages > 0 && page_bytes > 0 ? (uint64_t)pages * (uint64_t)page_bytes / MEMORY_SHARE
                                         : MEMORY_DEFAULT_BYTES;
    return WEND_OK;
}

wend_status wendi_segment_cache_open(const wendi_segment_cache_limits *limits,
                                     wendi_segment_cache **cache_out, wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_segment_cache *cache = wendi_alloc_zero(1, sizeof *cache);
    *cache_out = NULL;
    if (cache == NULL) {
        return wendi_fail_nomem(error, "the segment cache", sizeof *cache);
    }
    pthread_mutex_init(&cache->lock, NULL);
    cache->memory_max = limits != NULL ? limits->memory_bytes : 0;
    if (cache->memory_max == 0) {
        WEND_TRY(memory_limit(&cache->memory_max, error));
    }
    cache->buckets = wendi_alloc_zero(BUCKETS_MIN, sizeof(wendi_cached_segment *));
    if (cache->buckets == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "the segment cache",
                                  BUCKETS_MIN * sizeof(wendi_cached_segment *)));
    }
    cache->bucket_count = BUCKETS_MIN;
    WEND_TRY(wendi_file_pool_open(limits != NULL ? limits->files : 0, &cache->files, error));
    *cache_out = cache;
    cache = NULL;
cleanup:
    wendi_segment_cache_close(cache);
    return status;
}

/* ---- one segment ---- */

/* Its memory counts no more: it will be closed at once. */
static void uncount(wendi_cached_segment *cached)
{
    atomic_fetch_sub(&cached->cache->memory_bytes, wendi_segment_memory(cached->segment));
}

static void close_cached(wendi_cached_segment *cached)
{
    wendi_segment_close(cached->segment);
    wendi_pooled_file_free(cached->file);
    wendi_free(cached);
}

static wend_status read_cached(void *context, uint64_t offset, void *buffer, size_t length,
                               wend_error *error)
{
    wendi_cached_segment *cached = context;
    atomic_fetch_add_explicit(&cached->home->reads, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&cached->home->bytes_read, length, memory_order_relaxed);
    return wendi_pooled_file_read(cached->file, offset, buffer, length, error);
}

static void will_need(void *context, uint64_t offset, uint64_t length)
{
    wendi_cached_segment *cached = context;
    wendi_pooled_file_will_need(cached->file, offset, length);
}

/* What must be there is counted even beyond the limit; what only may be there is refused then. */
static bool hold_memory(void *context, uint64_t bytes, bool needed)
{
    wendi_segment_cache *cache = ((wendi_cached_segment *)context)->cache;
    uint64_t held = atomic_fetch_add(&cache->memory_bytes, bytes) + bytes;
    if (needed || held <= cache->memory_max) {
        return true;
    }
    atomic_fetch_sub(&cache->memory_bytes, bytes);
    atomic_store_explicit(&cache->refused, true, memory_order_relaxed);
    return false;
}

static wend_status open_cached(wendi_segment_cache *cache, wendi_segment_home *home,
                               const wendi_segment_entry *entry, wendi_cached_segment **cached_out,
                               wend_error *error)
{
    char uuid[WENDI_UUID_TEXT_BYTES];
    wend_status status = WEND_OK;
    wendi_cached_segment *cached = wendi_alloc_zero(1, sizeof *cached);
    if (cached == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "an open segment", sizeof *cached));
    }
    cached->cache = cache;
    cached->home = home;
    cached->references = 1;
    memcpy(cached->uuid, entry->uuid, WENDI_UUID_BYTES);
    memcpy(cached->name, "seg/", 4);
    memcpy(cached->name + 4, wendi_uuid_text(entry->uuid, uuid), WENDI_UUID_TEXT_BYTES - 1);
    memcpy(cached->name + 4 + WENDI_UUID_TEXT_BYTES - 1, ".wseg", 6);
    WEND_TRY(
        wendi_pooled_file_new(cache->files, home->io, home->folder, entry, &cached->file, error));
    wendi_segment_source source = {cached, cached->name, entry->file_bytes, read_cached};
    wendi_segment_expected expected = {.file_bytes = entry->file_bytes,
                                       .footer_offset = entry->footer_offset,
                                       .footer_checksum = entry->footer_checksum};
    memcpy(expected.uuid, entry->uuid, WENDI_UUID_BYTES);
    WEND_TRY(wendi_segment_open(&source, &expected, &cached->segment, error));
    wendi_segment_count_memory(cached->segment, cached, hold_memory);
    wendi_segment_read_ahead(cached->segment, cached, will_need);
    atomic_fetch_add(&home->segments_opened, 1);
    *cached_out = cached;
    cached = NULL;
cleanup:
    if (cached != NULL) {
        close_cached(cached);
    }
    return status;
}

/* ---- the table and the list; the lock is held ---- */

static uint32_t bucket_of(const wendi_segment_cache *cache, const wendi_segment_home *home,
                          const uint8_t *uuid)
{
    return (uint32_t)wendi_mix64(wendi_load_u64(uuid) ^ (uint64_t)(uintptr_t)home) &
           (cache->bucket_count - 1);
}

static wendi_cached_segment **find(wendi_segment_cache *cache, const wendi_segment_home *home,
                                   const uint8_t uuid[WENDI_UUID_BYTES])
{
    wendi_cached_segment **link = &cache->buckets[bucket_of(cache, home, uuid)];
    while (*link != NULL &&
           ((*link)->home != home || memcmp((*link)->uuid, uuid, WENDI_UUID_BYTES) != 0)) {
        link = &(*link)->next;
    }
    return link;
}

/* More buckets, so that they stay short. Without memory for them they only get longer. */
static void grow(wendi_segment_cache *cache)
{
    uint32_t count = cache->bucket_count * 2;
    wendi_cached_segment **fewer = cache->buckets;
    wendi_cached_segment **more = wendi_alloc_zero(count, sizeof(wendi_cached_segment *));
    if (more == NULL) {
        return;
    }
    uint32_t fewer_count = cache->bucket_count;
    cache->buckets = more;
    cache->bucket_count = count;
    for (uint32_t bucket = 0; bucket < fewer_count; bucket++) {
        while (fewer[bucket] != NULL) {
            wendi_cached_segment *cached = fewer[bucket];
            fewer[bucket] = cached->next;
            uint32_t to = bucket_of(cache, cached->home, cached->uuid);
            cached->next = more[to];
            more[to] = cached;
        }
    }
    wendi_free(fewer);
}

static void add(wendi_segment_cache *cache, wendi_cached_segment *cached)
{
    if (cache->segment_count >= cache->bucket_count) {
        grow(cache);
    }
    wendi_cached_segment **link = find(cache, cached->home, cached->uuid);
    *link = cached;
    cache->segment_count++;
}

static void unlink_unused(wendi_segment_cache *cache, wendi_cached_segment *cached)
{
    *(cached->older != NULL ? &cached->older->newer : &cache->oldest) = cached->newer;
    *(cached->newer != NULL ? &cached->newer->older : &cache->newest) = cached->older;
    cached->older = cached->newer = NULL;
}

static void link_unused(wendi_segment_cache *cache, wendi_cached_segment *cached)
{
    cached->older = cache->newest;
    *(cache->newest != NULL ? &cache->newest->newer : &cache->oldest) = cached;
    cache->newest = cached;
}

/* Out of the cache, for the caller to close; nobody uses it. */
static void take_out(wendi_segment_cache *cache, wendi_cached_segment *cached)
{
    unlink_unused(cache, cached);
    *find(cache, cached->home, cached->uuid) = cached->next;
    cache->segment_count--;
    uncount(cached);
}

static void mark_used(wendi_segment_cache *cache, wendi_cached_segment *cached)
{
    cached->round = atomic_load(&cache->round);
    wendi_segment_set_round(cached->segment, cached->round);
}

/* Takes a reference of an entry that is there. */
static wendi_cached_segment *take(wendi_segment_cache *cache, const wendi_segment_home *home,
                                  const uint8_t uuid[WENDI_UUID_BYTES])
{
    wendi_cached_segment *cached = *find(cache, home, uuid);
    if (cached != NULL) {
        if (cached->references++ == 0) {
            unlink_unused(cache, cached);
        }
        mark_used(cache, cached);
    }
    return cached;
}

static void trim_unused(wendi_segment_cache *cache, uint32_t before_round, uint64_t target)
{
    for (wendi_cached_segment *cached = cache->oldest;
         cached != NULL && atomic_load(&cache->memory_bytes) > target; cached = cached->newer) {
        atomic_fetch_sub(&cache->memory_bytes, wendi_segment_trim(cached->segment, before_round));
    }
}

/* Parts not used since `before_round`, then segments not used since, each time the oldest first,
 * until `target` is met. Segments to close go to `*gone`. */
static void drop_stale(wendi_segment_cache *cache, uint32_t before_round, uint64_t target,
                       wendi_cached_segment **gone)
{
    trim_unused(cache, before_round, target);
    while (cache->oldest != NULL && cache->oldest->round < before_round &&
           atomic_load(&cache->memory_bytes) > target) {
        wendi_cached_segment *cached = cache->oldest;
        take_out(cache, cached);
        cached->next = *gone;
        *gone = cached;
    }
}

/*
 * What nobody uses and has no room any more. Room was wanted in vain: what is stale makes some.
 * Beyond the limit: what the last queries did not use goes before what they did. A list of segments
 * to close.
 */
static wendi_cached_segment *take_surplus(wendi_segment_cache *cache)
{
    wendi_cached_segment *gone = NULL;
    uint32_t round = atomic_load(&cache->round);
    if (atomic_exchange(&cache->refused, false)) {
        drop_stale(cache, round > ROUNDS_KEPT ? round - ROUNDS_KEPT : 0, cache->memory_max / 4 * 3,
                   &gone);
    }
    if (atomic_load(&cache->memory_bytes) > cache->memory_max) {
        drop_stale(cache, round, cache->memory_max, &gone);
        drop_stale(cache, UINT32_MAX, cache->memory_max, &gone);
    }
    return gone;
}

static void close_list(wendi_cached_segment *list)
{
    while (list != NULL) {
        wendi_cached_segment *cached = list;
        list = cached->next;
        close_cached(cached);
    }
}

/* ---- for everybody ---- */

wend_status wendi_segment_cache_acquire(wendi_segment_cache *cache, wendi_segment_home *home,
                                        const wendi_segment_entry *entry,
                                        wendi_cached_segment **cached_out, wend_error *error)
{
    pthread_mutex_lock(&cache->lock);
    *cached_out = take(cache, home, entry->uuid);
    pthread_mutex_unlock(&cache->lock);
    if (*cached_out != NULL) {
        return WEND_OK;
    }
    wendi_cached_segment *opened = NULL;
    wend_status status = open_cached(cache, home, entry, &opened, error);
    if (status != WEND_OK) {
        return status;
    }
    pthread_mutex_lock(&cache->lock);
    *cached_out = take(cache, home, entry->uuid); /* another thread may have been faster */
    if (*cached_out == NULL) {
        add(cache, opened);
        mark_used(cache, opened);
        *cached_out = opened;
        opened = NULL;
    }
    pthread_mutex_unlock(&cache->lock);
    if (opened != NULL) {
        uncount(opened);
        close_cached(opened);
    }
    return WEND_OK;
}

void wendi_segment_cache_release(wendi_segment_cache *cache, wendi_cached_segment *cached)
{
    pthread_mutex_lock(&cache->lock);
    WEND_REQUIRE(cached->references > 0);
    if (--cached->references == 0) {
        link_unused(cache, cached);
    }
    pthread_mutex_unlock(&cache->lock);
}

void wendi_segment_cache_make_room(wendi_segment_cache *cache)
{
    wendi_cached_segment *gone = NULL;
    pthread_mutex_lock(&cache->lock);
    gone = take_surplus(cache);
    pthread_mutex_unlock(&cache->lock);
    close_list(gone);
}

void wendi_segment_cache_forget(wendi_segment_cache *cache, wendi_segment_home *home)
{
    wendi_cached_segment *gone = NULL;
    pthread_mutex_lock(&cache->lock);
    for (uint32_t bucket = 0; bucket < cache->bucket_count; bucket++) {
        wendi_cached_segment **link = &cache->buckets[bucket];
        while (*link != NULL) {
            wendi_cached_segment *cached = *link;
            if (cached->home != home) {
                link = &cached->next;
                continue;
            }
            WEND_REQUIRE(cached->references == 0);
            take_out(cache, cached); /* which links around it */
            cached->next = gone;
            gone = cached;
        }
    }
    pthread_mutex_unlock(&cache->lock);
    close_list(gone);
}

void wendi_segment_cache_close(wendi_segment_cache *cache)
{
    if (cache == NULL) {
        return;
    }
    for (uint32_t bucket = 0; cache->buckets != NULL && bucket < cache->bucket_count; bucket++) {
        for (const wendi_cached_segment *cached = cache->buckets[bucket]; cached != NULL;
             cached = cached->next) {
            WEND_REQUIRE(cached->references == 0);
        }
        close_list(cache->buckets[bucket]);
    }
    wendi_free(cache->buckets);
    wendi_file_pool_close(cache->files);
    pthread_mutex_destroy(&cache->lock);
    wendi_free(cache);
}

void wendi_segment_cache_next_round(wendi_segment_cache *cache)
{
    atomic_fetch_add(&cache->round, 1);
}

wendi_segment *wendi_cached_segment_of(const wendi_cached_segment *cached)
{
    return cached->segment;
}

wendi_segment_cache_use wendi_segment_cache_use_now(wendi_segment_cache *cache)
{
    pthread_mutex_lock(&cache->lock);
    wendi_segment_cache_use use = {.segments = cache->segment_count,
                                   .memory_bytes = atomic_load(&cache->memory_bytes),
                                   .memory_limit_bytes = cache->memory_max};
    pthread_mutex_unlock(&cache->lock);
    use.files = wendi_file_pool_count(cache->files);
    return use;
}
