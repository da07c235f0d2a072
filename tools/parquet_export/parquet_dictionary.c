/*
 * Finding the distinct values of a chunk. Strings are entries of the column's pool already, so only
 * codes are looked at; numbers go through a table of their own. Both stop as soon as a dictionary
 * and its indices would take as many bytes as the values themselves.
 */
#include "tools/parquet_export/parquet_dictionary.h"

#include <stdlib.h>
#include <string.h>

#include "tools/parquet_export/parquet_rle.h"

void parquet_dictionary_free(parquet_dictionary *dictionary)
{
    parquet_free(dictionary->places);
    parquet_free(dictionary->entries);
    parquet_bytes_free(&dictionary->page);
    *dictionary = (parquet_dictionary){0};
}

static bool can_pay(size_t distinct_bytes, uint32_t distinct, size_t value_count,
                    size_t plain_bytes)
{
    unsigned bits = parquet_bits(distinct == 0 ? 0 : distinct - 1);

    return distinct_bytes <= PARQUET_DICTIONARY_BYTES_MAX &&
           distinct_bytes + value_count / 8 * bits < plain_bytes;
}

/* Strings ------------------------------------------------------------------------------------- */

typedef struct keyed_code {
    uint64_t prefix; /* the first eight bytes, big-endian: most comparisons end here */
    uint32_t code;
} keyed_code;

static uint64_t prefix_of(const parquet_entry *entry)
{
    uint64_t prefix = 0;
    uint32_t count = entry->length < 8 ? entry->length : 8;

    for (uint32_t i = 0; i < count; i++) {
        prefix |= (uint64_t)entry->data[i] << (56 - 8 * i);
    }
    return prefix;
}

static int compare_keyed(const void *left, const void *right, void *context)
{
    const keyed_code *a = left;
    const keyed_code *b = right;
    const parquet_entry *entries = context;

    if (a->prefix != b->prefix) {
        return a->prefix < b->prefix ? -1 : 1;
    }
    return parquet_entry_compare(&entries[a->code], &entries[b->code]);
}

/* List the entries that the chunk uses, marking each with its place in the list. */
static wend_status list_used(const parquet_chunk *chunk, parquet_pool *pool, parquet_bytes *used,
                             size_t *distinct_bytes, size_t *plain_bytes)
{
    const uint32_t *codes = parquet_chunk_codes(chunk);
    wend_status status = WEND_OK;
    uint32_t count = 0;

    parquet_pool_begin_round(pool);
    *distinct_bytes = 0;
    *plain_bytes = 0;
    for (size_t i = 0; i < chunk->value_count; i++) {
        size_t bytes = 4 + (size_t)pool->entries[codes[i]].length;

        *plain_bytes += bytes;
        if (pool->marks[codes[i]].round != pool->round) {
            pool->marks[codes[i]] = (parquet_mark){.round = pool->round, .local = count++};
            *distinct_bytes += bytes;
            PARQUET_TRY(parquet_bytes_append(used, &codes[i], sizeof(codes[i])));
        }
    }
cleanup:
    return status;
}

static wend_status sort_used(uint32_t *used, uint32_t count, const parquet_pool *pool)
{
    bool is_sorted = true;
    keyed_code *keyed;

    for (uint32_t i = 1; i < count && is_sorted; i++) {
        is_sorted = parquet_entry_compare(&pool->entries[used[i - 1]], &pool->entries[used[i]]) < 0;
    }
    if (is_sorted) {
        return WEND_OK;
    }
    keyed = parquet_alloc(count * sizeof(*keyed));
    if (keyed == NULL) {
        return WEND_NOMEM;
    }
    for (uint32_t i = 0; i < count; i++) {
        keyed[i] = (keyed_code){.prefix = prefix_of(&pool->entries[used[i]]), .code = used[i]};
    }
    qsort_r(keyed, count, sizeof(*keyed), compare_keyed, pool->entries);
    for (uint32_t i = 0; i < count; i++) {
        used[i] = keyed[i].code;
    }
    parquet_free(keyed);
    return WEND_OK;
}

/* The page of entries in order; their marks become their places. */
static wend_status place_used(parquet_dictionary *dictionary, parquet_pool *pool,
                              size_t distinct_bytes)
{
    wend_status status = parquet_bytes_reserve(&dictionary->page, distinct_bytes);

    for (uint32_t i = 0; status == WEND_OK && i < dictionary->count; i++) {
        const parquet_entry *entry = &pool->entries[dictionary->entries[i]];

        pool->marks[dictionary->entries[i]].local = i;
        status = parquet_bytes_append(&dictionary->page, &entry->length, 4);
        if (status == WEND_OK) {
            status = parquet_bytes_append(&dictionary->page, entry->data, entry->length);
        }
    }
    return status;
}

static wend_status build_of_strings(parquet_dictionary *dictionary, const parquet_chunk *chunk,
                                    parquet_pool *pool, size_t *plain_bytes)
{
    const uint32_t *codes = parquet_chunk_codes(chunk);
    wend_status status = WEND_OK;
    parquet_bytes used = {0};
    size_t distinct_bytes = 0;

    PARQUET_TRY(list_used(chunk, pool, &used, &distinct_bytes, plain_bytes));
    dictionary->count = (uint32_t)(used.length / sizeof(uint32_t));
    if (!can_pay(distinct_bytes, dictionary->count, chunk->value_count, *plain_bytes)) {
        goto cleanup;
    }
    dictionary->entries = (uint32_t *)(void *)used.data;
    used = (parquet_bytes){0};
    PARQUET_TRY(sort_used(dictionary->entries, dictionary->count, pool));
    PARQUET_TRY(place_used(dictionary, pool, distinct_bytes));
    dictionary->places = parquet_alloc(chunk->value_count * sizeof(*dictionary->places));
    if (dictionary->places == NULL) {
        status = WEND_NOMEM;
        goto cleanup;
    }
    for (size_t i = 0; i < chunk->value_count; i++) {
        dictionary->places[i] = pool->marks[codes[i]].local;
    }
    dictionary->is_usable = true;
cleanup:
    parquet_bytes_free(&used);
    return status;
}

/* Numbers and fixed-width bytes --------------------------------------------------------------- */

typedef struct distinct_table {
    const parquet_column *column;
    size_t width;
    parquet_bytes values; /* the distinct ones, in order of first sight */
    uint32_t count;
    uint32_t *slots;
    size_t slot_count;
} distinct_table;

/* The same bytes give the same hash; wider values fold eight bytes a step. */
static uint64_t hash_value(const uint8_t *value, size_t width)
{
    uint64_t hash = 0;

    for (size_t at = 0; at < width; at += 8) {
        uint64_t word = 0;

        memcpy(&word, value + at, width - at < 8 ? width - at : 8);
        hash = (hash ^ word) * 0x9E3779B97F4A7C15u;
        hash ^= hash >> 29;
    }
    return (hash * 0xD6E8FEB86659FD93u) >> 32;
}

static wend_status grow_table(distinct_table *table)
{
    size_t slot_count = table->slot_count == 0 ? 1024 : table->slot_count * 2;
    uint32_t *slots = parquet_alloc(slot_count * sizeof(*slots));

    if (slots == NULL) {
        return WEND_NOMEM;
    }
    memset(slots, 0xFF, slot_count * sizeof(*slots));
    for (uint32_t i = 0; i < table->count; i++) {
        size_t at =
            hash_value(table->values.data + i * table->width, table->width) & (slot_count - 1);

        while (slots[at] != UINT32_MAX) {
            at = (at + 1) & (slot_count - 1);
        }
        slots[at] = i;
    }
    parquet_free(table->slots);
    table->slots = slots;
    table->slot_count = slot_count;
    return WEND_OK;
}

static wend_status find_or_add(distinct_table *table, const uint8_t *value, uint32_t *place)
{
    wend_status status = WEND_OK;
    size_t at;

    if (((size_t)table->count + 1) * 2 > table->slot_count) {
        PARQUET_TRY(grow_table(table));
    }
    at = hash_value(value, table->width) & (table->slot_count - 1);
    while (table->slots[at] != UINT32_MAX) {
        if (memcmp(table->values.data + table->slots[at] * table->width, value, table->width) ==
            0) {
            *place = table->slots[at];
            return WEND_OK;
        }
        at = (at + 1) & (table->slot_count - 1);
    }
    PARQUET_TRY(parquet_bytes_append(&table->values, value, table->width));
    table->slots[at] = table->count;
    *place = table->count++;
cleanup:
    return status;
}

/* Numbers by value, bytes by bytes; only compression cares, so floats may go by their bits. */
static int compare_distinct(const void *left, const void *right, void *context)
{
    const distinct_table *table = context;
    const uint8_t *a = table->values.data + *(const uint32_t *)left * table->width;
    const uint8_t *b = table->values.data + *(const uint32_t *)right * table->width;

    if (table->column->physical == PARQUET_FIXED) {
        return memcmp(a, b, table->width);
    }
    if (table->width == 4) {
        int32_t x;
        int32_t y;

        memcpy(&x, a, 4);
        memcpy(&y, b, 4);
        return (x > y) - (x < y);
    } else {
        int64_t x;
        int64_t y;

        memcpy(&x, a, 8);
        memcpy(&y, b, 8);
        return (x > y) - (x < y);
    }
}

/* Put the distinct values in order and renumber the places. */
static wend_status order_distinct(parquet_dictionary *dictionary, distinct_table *table,
                                  size_t value_count)
{
    wend_status status = WEND_OK;
    uint32_t *order = parquet_alloc(table->count * sizeof(*order));
    uint32_t *rank = parquet_alloc(table->count * sizeof(*rank));

    if (order == NULL || rank == NULL) {
        status = WEND_NOMEM;
        goto cleanup;
    }
    for (uint32_t i = 0; i < table->count; i++) {
        order[i] = i;
    }
    qsort_r(order, table->count, sizeof(*order), compare_distinct, table);
    PARQUET_TRY(parquet_bytes_reserve(&dictionary->page, table->values.length));
    for (uint32_t i = 0; i < table->count; i++) {
        rank[order[i]] = i;
        PARQUET_TRY(parquet_bytes_append(
            &dictionary->page, table->values.data + order[i] * table->width, table->width));
    }
    for (size_t i = 0; i < value_count; i++) {
        dictionary->places[i] = rank[dictionary->places[i]];
    }
cleanup:
    parquet_free(order);
    parquet_free(rank);
    return status;
}

static wend_status build_of_fixed(parquet_dictionary *dictionary, const parquet_chunk *chunk)
{
    wend_status status = WEND_OK;
    size_t width = chunk->column->slot_bytes;
    size_t plain_bytes = chunk->value_count * width;
    distinct_table table = {.column = chunk->column, .width = width};

    dictionary->places = parquet_alloc(chunk->value_count * sizeof(*dictionary->places));
    if (dictionary->places == NULL) {
        return WEND_NOMEM;
    }
    for (size_t i = 0; i < chunk->value_count; i++) {
        uint32_t before = table.count;

        PARQUET_TRY(find_or_add(&table, chunk->values.data + i * width, &dictionary->places[i]));
        if (table.count != before &&
            !can_pay(table.values.length, table.count, chunk->value_count, plain_bytes)) {
            goto cleanup;
        }
    }
    PARQUET_TRY(order_distinct(dictionary, &table, chunk->value_count));
    dictionary->count = table.count;
    dictionary->is_usable = true;
cleanup:
    parquet_free(table.slots);
    parquet_bytes_free(&table.values);
    return status;
}

wend_status parquet_dictionary_build(parquet_dictionary *dictionary, const parquet_chunk *chunk,
                                     parquet_pool *pool, size_t *plain_bytes)
{
    wend_status status = WEND_OK;

    *dictionary = (parquet_dictionary){0};
    *plain_bytes = chunk->value_count * chunk->column->slot_bytes;
    if (chunk->value_count == 0 || chunk->column->physical == PARQUET_BOOLEAN) {
        return WEND_OK;
    }
    if (chunk->column->physical == PARQUET_BYTE_ARRAY) {
        status = build_of_strings(dictionary, chunk, pool, plain_bytes);
    } else {
        status = build_of_fixed(dictionary, chunk);
    }
    if (status != WEND_OK || !dictionary->is_usable) {
        parquet_dictionary_free(dictionary);
    }
    return status;
}
