/* The window's set of keys and its list of commits, oldest first. */
#include "engine/table/unique_window.h"

#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/bytes.h"

enum { SLOTS_MIN = 1024 };

typedef struct generation { /* the keys of one commit */
    uint64_t version;
    wendi_buffer keys; /* wendi_hash128 */
} generation;

struct wendi_unique_window {
    uint64_t keys_max;
    wendi_hash128 *slots;
    uint64_t slot_count; /* power of two */
    uint64_t key_count;
    generation *generations; /* oldest first */
    uint32_t generation_count;
    uint32_t generation_capacity;
    uint64_t committed_keys; /* of all generations: what the limit is about */
};

static bool is_free(wendi_hash128 key)
{
    return (key.low | key.high) == 0;
}

static uint64_t find_slot(const wendi_unique_window *window, wendi_hash128 key)
{
    uint64_t mask = window->slot_count - 1;
    uint64_t slot = key.low & mask;
    while (!is_free(window->slots[slot]) &&
           (window->slots[slot].low != key.low || window->slots[slot].high != key.high)) {
        slot = (slot + 1) & mask;
    }
    return slot;
}

static wend_status grow(wendi_unique_window *window, wend_error *error)
{
    if (window->key_count * 10 < window->slot_count * 7) {
        return WEND_OK;
    }
    wendi_unique_window larger = *window;
    larger.slot_count = window->slot_count * 2;
    larger.slots = wendi_alloc_zero(larger.slot_count, sizeof *larger.slots);
    if (larger.slots == NULL) {
        return wendi_fail_nomem(error, "the deduplication window",
                                larger.slot_count * sizeof *larger.slots);
    }
    for (uint64_t slot = 0; slot < window->slot_count; slot++) {
        if (!is_free(window->slots[slot])) {
            larger.slots[find_slot(&larger, window->slots[slot])] = window->slots[slot];
        }
    }
    wendi_free(window->slots);
    *window = larger;
    return WEND_OK;
}

static wend_status insert(wendi_unique_window *window, wendi_hash128 key, bool *added,
                          wend_error *error)
{
    wend_status status = grow(window, error);
    *added = false;
    if (status == WEND_OK) {
        uint64_t slot = find_slot(window, key);
        if (is_free(window->slots[slot])) {
            window->slots[slot] = key;
            window->key_count++;
            *added = true;
        }
    }
    return status;
}

static void remove_key(wendi_unique_window *window, wendi_hash128 key)
{
    uint64_t mask = window->slot_count - 1;
    uint64_t hole = find_slot(window, key);
    if (is_free(window->slots[hole])) {
        return;
    }
    window->key_count--;
    for (uint64_t slot = (hole + 1) & mask; !is_free(window->slots[slot]);
         slot = (slot + 1) & mask) {
        uint64_t home = window->slots[slot].low & mask;
        if (((slot - home) & mask) >=
            ((slot - hole) & mask)) { /* its home is at or before the hole */
            window->slots[hole] = window->slots[slot];
            hole = slot;
        }
    }
    window->slots[hole] = (wendi_hash128){0, 0};
}

wend_status wendi_unique_window_open(uint64_t keys_max, wendi_unique_window **window_out,
                                     wend_error *error)
{
    wendi_unique_window *window = wendi_alloc_zero(1, sizeof *window);
    *window_out = window;
    if (window == NULL) {
        return wendi_fail_nomem(error, "the deduplication window", sizeof *window);
    }
    window->keys_max = keys_max;
    window->slot_count = SLOTS_MIN;
    window->slots = wendi_alloc_zero(SLOTS_MIN, sizeof *window->slots);
    if (window->slots == NULL) {
        wendi_free(window);
        *window_out = NULL;
        return wendi_fail_nomem(error, "the deduplication window",
                                SLOTS_MIN * sizeof(wendi_hash128));
    }
    return WEND_OK;
}

void wendi_unique_window_close(wendi_unique_window *window)
{
    if (window == NULL) {
        return;
    }
    for (uint32_t i = 0; i < window->generation_count; i++) {
        wendi_buffer_free(&window->generations[i].keys);
    }
    wendi_free(window->generations);
    wendi_free(window->slots);
    wendi_free(window);
}

bool wendi_unique_window_holds(const wendi_unique_window *window, wendi_hash128 key)
{
    return !is_free(key) && !is_free(window->slots[find_slot(window, key)]);
}

wend_status wendi_unique_window_add(wendi_unique_window *window, wendi_hash128 key,
                                    wendi_buffer *gathered, bool *added, wend_error *error)
{
    if (is_free(key)) { /* the one key of 2^128 that is no key, or a row without one */
        *added = true;
        return WEND_OK;
    }
    wend_status status = wendi_buffer_reserve(gathered, sizeof key);
    if (status != WEND_OK) {
        return wendi_fail_nomem(error, "the deduplication window", gathered->length);
    }
    status = insert(window, key, added, error);
    if (status == WEND_OK && *added) {
        status = wendi_buffer_append(gathered, &key, sizeof key);
    }
    return status;
}

static uint64_t generation_keys(const generation *one)
{
    return one->keys.length / sizeof(wendi_hash128);
}

static void drop_oldest(wendi_unique_window *window)
{
    generation *oldest = &window->generations[0];
    for (uint64_t i = 0; i < generation_keys(oldest); i++) {
        wendi_hash128 key;
        memcpy(&key, oldest->keys.data + i * sizeof key, sizeof key);
        remove_key(window, key);
    }
    window->committed_keys -= generation_keys(oldest);
    wendi_buffer_free(&oldest->keys);
    window->generation_count--;
    memmove(window->generations, window->generations + 1,
            window->generation_count * sizeof *window->generations);
}

static wend_status make_room(wendi_unique_window *window, wend_error *error)
{
    if (window->generation_count < window->generation_capacity) {
        return WEND_OK;
    }
    uint32_t capacity = window->generation_capacity * 2 + 16;
    generation *generations = wendi_realloc(window->generations, capacity * sizeof *generations);
    if (generations == NULL) {
        return wendi_fail_nomem(error, "the deduplication window", capacity * sizeof *generations);
    }
    window->generations = generations;
    window->generation_capacity = capacity;
    return WEND_OK;
}

wend_status wendi_unique_window_commit(wendi_unique_window *window, uint64_t version,
                                       wendi_buffer *gathered, wend_error *error)
{
    if (gathered->length == 0) {
        return WEND_OK;
    }
    wend_status status = make_room(window, error);
    if (status != WEND_OK) {
        return status;
    }
    generation newest = {.version = version, .keys = *gathered};
    *gathered = (wendi_buffer){0};
    window->committed_keys += generation_keys(&newest);
    window->generations[window->generation_count++] = newest;
    while (window->committed_keys > window->keys_max && window->generation_count > 1) {
        drop_oldest(window);
    }
    return WEND_OK;
}

wend_status wendi_unique_window_prepend(wendi_unique_window *window, uint64_t version,
                                        const wendi_hash128 *keys, uint64_t key_count, bool *full,
                                        wend_error *error)
{
    *full = window->generation_count > 0 &&
            window->committed_keys + key_count > window->keys_max;
    if (*full || key_count == 0) {
        return WEND_OK;
    }
    generation oldest = {.version = version};
    wend_status status = make_room(window, error);
    if (status != WEND_OK) {
        return status;
    }
    for (uint64_t i = 0; status == WEND_OK && i < key_count; i++) {
        bool added;
        status = insert(window, keys[i], &added, error);
        if (status == WEND_OK && added) {
            status = wendi_buffer_append(&oldest.keys, &keys[i], sizeof keys[i]);
            if (status != WEND_OK) {
                wendi_fail_nomem(error, "the deduplication window", oldest.keys.length);
            }
        }
    }
    memmove(window->generations + 1, window->generations,
            window->generation_count * sizeof *window->generations);
    window->generations[0] = oldest;
    window->generation_count++;
    window->committed_keys += generation_keys(&oldest);
    return status;
}

uint32_t wendi_unique_window_commits(const wendi_unique_window *window)
{
    return window->generation_count;
}

const wendi_hash128 *wendi_unique_window_of(const wendi_unique_window *window, uint32_t index,
                                            uint64_t *version, uint64_t *key_count)
{
    const generation *one = &window->generations[index];
    *version = one->version;
    *key_count = generation_keys(one);
    return (const wendi_hash128 *)(const void *)one->keys.data;
}

uint64_t wendi_unique_window_keys(const wendi_unique_window *window)
{
    return window->key_count;
}

uint64_t wendi_unique_window_bytes(const wendi_unique_window *window)
{
    return window->slot_count * sizeof *window->slots + window->key_count * sizeof(wendi_hash128);
}

uint64_t wendi_unique_window_oldest(const wendi_unique_window *window)
{
    return window->generation_count == 0 ? 0 : window->generations[0].version;
}
