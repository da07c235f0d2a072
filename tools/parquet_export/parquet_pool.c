/*
 * The pool: entries in an array, their bytes in blocks that never move, and a table of codes with
 * linear probing kept at most half full.
 */
#include "tools/parquet_export/parquet_pool.h"

#include <string.h>

#define BLOCK_BYTES_MIN 4096
#define BLOCK_BYTES_MAX ((size_t)1 << 20)
#define SLOTS_MIN 64

struct parquet_pool_block {
    struct parquet_pool_block *next;
    size_t used;
    size_t capacity;
    uint8_t data[];
};

static uint64_t load_tail(const uint8_t *bytes, uint32_t count)
{
    uint64_t word = 0;

    memcpy(&word, bytes, count);
    return word;
}

/* Multiply and fold, eight bytes a step; the table only needs spread, not strength. */
static uint32_t hash_bytes(const uint8_t *bytes, uint32_t length)
{
    const uint64_t factor = 0x9E3779B97F4A7C15u;
    uint64_t hash = length * factor;
    uint32_t left = length;

    for (; left >= 8; left -= 8, bytes += 8) {
        uint64_t word;

        memcpy(&word, bytes, 8);
        hash = (hash ^ word) * factor;
        hash ^= hash >> 32;
    }
    if (left > 0) {
        hash = (hash ^ load_tail(bytes, left)) * factor;
        hash ^= hash >> 32;
    }
    hash *= 0xD6E8FEB86659FD93u;
    return (uint32_t)(hash >> 32);
}

static uint64_t slot_of(uint32_t hash, uint32_t code)
{
    return (uint64_t)hash << 32 | code;
}

static wend_status grow_slots(parquet_pool *pool)
{
    size_t count = pool->slot_count == 0 ? SLOTS_MIN : pool->slot_count * 2;
    uint64_t *slots = parquet_alloc(count * sizeof(*slots));

    if (slots == NULL) {
        return WEND_NOMEM;
    }
    memset(slots, 0xFF, count * sizeof(*slots));
    for (uint32_t code = 0; code < pool->count; code++) {
        size_t at = pool->entries[code].hash & (count - 1);

        while ((uint32_t)slots[at] != PARQUET_POOL_NONE) {
            at = (at + 1) & (count - 1);
        }
        slots[at] = slot_of(pool->entries[code].hash, code);
    }
    pool->byte_count += (count - pool->slot_count) * sizeof(*slots);
    parquet_free(pool->slots);
    pool->slots = slots;
    pool->slot_count = count;
    return WEND_OK;
}

static wend_status grow_entries(parquet_pool *pool)
{
    uint32_t capacity = pool->capacity == 0 ? 32 : pool->capacity * 2;
    parquet_entry *entries;
    parquet_mark *marks;

    if (pool->capacity >= PARQUET_POOL_NONE / 2) {
        return WEND_NOMEM;
    }
    entries = parquet_realloc(pool->entries, capacity * sizeof(*entries));
    if (entries == NULL) {
        return WEND_NOMEM;
    }
    pool->entries = entries;
    marks = parquet_realloc(pool->marks, capacity * sizeof(*marks));
    if (marks == NULL) {
        return WEND_NOMEM;
    }
    pool->marks = marks;
    pool->byte_count += (capacity - pool->capacity) * (sizeof(*entries) + sizeof(*marks));
    pool->capacity = capacity;
    return WEND_OK;
}

/* Keep a copy; blocks double up to a size, so that a thousand small pools stay small. */
static wend_status keep_bytes(parquet_pool *pool, const void *data, uint32_t length,
                              const uint8_t **kept)
{
    struct parquet_pool_block *block = pool->blocks;
    size_t capacity = block == NULL ? BLOCK_BYTES_MIN : block->capacity * 2;

    if (block == NULL || block->capacity - block->used < length) {
        capacity = capacity > BLOCK_BYTES_MAX ? BLOCK_BYTES_MAX : capacity;
        capacity = capacity < length ? length : capacity;
        block = parquet_alloc(sizeof(*block) + capacity);
        if (block == NULL) {
            return WEND_NOMEM;
        }
        block->next = pool->blocks;
        block->used = 0;
        block->capacity = capacity;
        pool->blocks = block;
        pool->byte_count += sizeof(*block) + capacity;
    }
    *kept = block->data + block->used;
    if (length > 0) {
        memcpy(block->data + block->used, data, length);
    }
    block->used += length;
    return WEND_OK;
}

wend_status parquet_pool_intern(parquet_pool *pool, const void *data, uint32_t length,
                                uint32_t *code)
{
    wend_status status = WEND_OK;
    uint32_t hash = hash_bytes(data, length);
    size_t at;
    const uint8_t *kept;

    if (((size_t)pool->count + 1) * 2 > pool->slot_count) {
        PARQUET_TRY(grow_slots(pool));
    }
    for (at = hash & (pool->slot_count - 1); (uint32_t)pool->slots[at] != PARQUET_POOL_NONE;
         at = (at + 1) & (pool->slot_count - 1)) {
        uint32_t found = (uint32_t)pool->slots[at];

        if (pool->slots[at] >> 32 == hash && pool->entries[found].length == length &&
            (length == 0 || memcmp(pool->entries[found].data, data, length) == 0)) {
            *code = found;
            return WEND_OK;
        }
    }
    if (pool->count == pool->capacity) {
        PARQUET_TRY(grow_entries(pool));
    }
    PARQUET_TRY(keep_bytes(pool, data, length, &kept));
    pool->entries[pool->count] = (parquet_entry){.data = kept, .length = length, .hash = hash};
    pool->marks[pool->count] = (parquet_mark){0};
    pool->slots[at] = slot_of(hash, pool->count);
    *code = pool->count++;
cleanup:
    return status;
}

void parquet_pool_begin_round(parquet_pool *pool)
{
    pool->round++;
    if (pool->round == 0) { /* It wrapped: old marks could look like new ones. */
        memset(pool->marks, 0, pool->count * sizeof(*pool->marks));
        pool->round = 1;
    }
}

void parquet_pool_reset(parquet_pool *pool)
{
    uint64_t generation = pool->generation + 1;

    while (pool->blocks != NULL) {
        struct parquet_pool_block *next = pool->blocks->next;

        parquet_free(pool->blocks);
        pool->blocks = next;
    }
    parquet_free(pool->entries);
    parquet_free(pool->marks);
    parquet_free(pool->slots);
    *pool = (parquet_pool){.generation = generation};
}

int parquet_entry_compare(const parquet_entry *a, const parquet_entry *b)
{
    uint32_t shorter = a->length < b->length ? a->length : b->length;
    int order = shorter == 0 ? 0 : memcmp(a->data, b->data, shorter);

    return order != 0 ? order : (a->length > b->length) - (a->length < b->length);
}
