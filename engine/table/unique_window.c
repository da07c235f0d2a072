/*
 * The window: a queue of keys in chunks, an index into it, the commits and the batches that its
 * parts belong to.
 *
 * A key's place is its number in the queue; the index keeps the lower 32 bits of it, which is enough
 * while fewer keys lie in the queue. When commits leave, the queue begins later, and the index takes
 * that for their keys' removal. Keys that were withdrawn leave a {0, 0}; when these are an eighth of
 * the queue they are squeezed out.
 */
#include "engine/table/unique_window.h"

#include <string.h>

#include "engine/base/alloc.h"
#include "engine/table/key_index.h"

enum {
    CHUNK_KEYS = 4096,
    SPARE_CHUNKS_MAX = 64,
    AHEAD = 64,       /* rows, from asking for the buckets of their keys to looking these up, */
    NEAR = 8,         /* and from asking for the buckets after those that are full */
    DEAD_SHARE = 8,   /* one in so many may be dead */
    DEAD_MIN = 1024,  /* fewer are not worth moving others */
    LIST_MIN = 16,
    UNDER_WAY = 1 << 20 /* keys that are not committed yet: about so many where there are many */
};
#define FIRST_PLACE (UINT64_C(1) << 40) /* rebuilding goes down from there */
#define QUEUE_MAX ((uint64_t)WENDI_KEY_INDEX_SPAN - 1)

typedef struct key_chunk {
    wendi_hash128 keys[CHUNK_KEYS];
    uint64_t refusers[CHUNK_KEYS / 64]; /* a bit is set when a row was refused because of the key */
} key_chunk;

typedef struct generation { /* the keys of one commit */
    uint64_t version;
    int64_t commit_us;
    uint64_t end; /* it begins where the one before it ends, the first where the queue does */
    uint64_t live;
} generation;

typedef struct taken_batch { /* it begins where the one before it ends */
    uint64_t number;
    uint64_t end;
} taken_batch;

struct wendi_unique_window {
    uint64_t keys_max;
    wendi_key_index index;
    key_chunk **chunks; /* of place p: chunks[p / CHUNK_KEYS & chunk_mask] */
    uint64_t chunk_mask;
    key_chunk *spare[SPARE_CHUNKS_MAX];
    uint32_t spare_count;
    uint64_t chunk_count; /* with the spare ones */
    uint64_t begin; /* places begin..end-1 are in use */
    uint64_t committed; /* places from here on are of no commit */
    uint64_t end;
    uint64_t dead;
    uint64_t first_dead; /* no place before it is dead */
    uint64_t committed_keys; /* live ones of all generations: what the limit is about */
    generation *generations; /* oldest first */
    uint32_t generation_count;
    uint32_t generation_capacity;
    taken_batch *batches; /* not committed, oldest first */
    uint32_t batch_count;
    uint32_t batch_capacity;
};

static bool is_none(wendi_hash128 key)
{
    return (key.low | key.high) == 0;
}

static bool is_same(wendi_hash128 a, wendi_hash128 b)
{
    return a.low == b.low && a.high == b.high;
}

static wend_status nomem(wend_error *error, size_t bytes)
{
    return wendi_fail_nomem(error, "the deduplication window", bytes);
}

/* ---- the queue ---- */

static key_chunk *chunk_of(const wendi_unique_window *window, uint64_t place)
{
    return window->chunks[place / CHUNK_KEYS & window->chunk_mask];
}

static wendi_hash128 *key_at(const wendi_unique_window *window, uint64_t place)
{
    return &chunk_of(window, place)->keys[place % CHUNK_KEYS];
}

/* From the 32 bits that the index has to the place. */
static uint64_t widen(const wendi_unique_window *window, uint32_t short_place)
{
    return window->begin + (uint32_t)(short_place - (uint32_t)window->begin);
}

/* Have the chunk of a place at either end of the queue. */
static wend_status need_chunk(wendi_unique_window *window, uint64_t place, wend_error *error)
{
    bool there = place >= window->begin ? place % CHUNK_KEYS != 0 : window->begin % CHUNK_KEYS != 0;
    if (there) {
        return WEND_OK;
    }
    uint64_t first = (place < window->begin ? place : window->begin) / CHUNK_KEYS;
    uint64_t last = (place >= window->end ? place : window->end) / CHUNK_KEYS;
    if (last - first >= window->chunk_mask + 1) {
        uint64_t count = (window->chunk_mask + 1) * 2;
        key_chunk **chunks = wendi_alloc_zero((size_t)count, sizeof *chunks);
        if (chunks == NULL) {
            return nomem(error, (size_t)count * sizeof *chunks);
        }
        uint64_t used_end = (window->end + CHUNK_KEYS - 1) / CHUNK_KEYS;
        for (uint64_t i = window->begin / CHUNK_KEYS; i < used_end; i++) {
            chunks[i & (count - 1)] = window->chunks[i & window->chunk_mask];
        }
        wendi_free(window->chunks);
        window->chunks = chunks;
        window->chunk_mask = count - 1;
    }
    key_chunk **at = &window->chunks[place / CHUNK_KEYS & window->chunk_mask];
    if (*at == NULL) {
        if (window->spare_count > 0) {
            *at = window->spare[--window->spare_count];
        } else {
            *at = wendi_alloc(sizeof **at);
            if (*at == NULL) {
                return nomem(error, sizeof **at);
            }
            window->chunk_count++;
        }
        memset((*at)->refusers, 0, sizeof (*at)->refusers);
    }
    return WEND_OK;
}

/* Give back the chunks from the one of `from` to the one before that of `to`. */
static void give_chunks(wendi_unique_window *window, uint64_t from, uint64_t to)
{
    for (uint64_t i = from / CHUNK_KEYS; i < to / CHUNK_KEYS; i++) {
        key_chunk **at = &window->chunks[i & window->chunk_mask];
        if (*at == NULL) {
            continue;
        }
        if (window->spare_count < SPARE_CHUNKS_MAX) {
            window->spare[window->spare_count++] = *at;
        } else {
            wendi_free(*at);
            window->chunk_count--;
        }
        *at = NULL;
    }
}

/* The place of a key, or UINT64_MAX. */
static uint64_t find(const wendi_unique_window *window, wendi_hash128 key)
{
    wendi_key_probe probe = wendi_key_index_probe(&window->index, key);
    uint32_t short_place;
    while (wendi_key_index_next(&probe, &short_place)) {
        uint64_t place = widen(window, short_place);
        if (place < window->end && is_same(*key_at(window, place), key)) {
            return place;
        }
    }
    return UINT64_MAX;
}

bool wendi_unique_window_holds(const wendi_unique_window *window, wendi_hash128 key)
{
    return !is_none(key) && find(window, key) != UINT64_MAX;
}

/* ---- life ---- */

wend_status wendi_unique_window_open(uint64_t keys_max, wendi_unique_window **window_out,
                                     wend_error *error)
{
    wendi_unique_window *window = wendi_alloc_zero(1, sizeof *window);
    *window_out = NULL;
    if (window == NULL) {
        return nomem(error, sizeof *window);
    }
    window->chunks = wendi_alloc_zero(2, sizeof *window->chunks);
    if (window->chunks == NULL) {
        wendi_free(window);
        return nomem(error, sizeof *window);
    }
    window->keys_max = keys_max;
    window->index.keys_expected =
        keys_max < QUEUE_MAX - UNDER_WAY ? keys_max + UNDER_WAY : QUEUE_MAX;
    window->chunk_mask = 1;
    window->begin = window->committed = window->end = window->first_dead = FIRST_PLACE;
    *window_out = window;
    return WEND_OK;
}

void wendi_unique_window_close(wendi_unique_window *window)
{
    if (window == NULL) {
        return;
    }
    for (uint64_t i = 0; i <= window->chunk_mask; i++) {
        wendi_free(window->chunks[i]);
    }
    while (window->spare_count > 0) {
        wendi_free(window->spare[--window->spare_count]);
    }
    wendi_key_index_free(&window->index);
    wendi_free(window->chunks);
    wendi_free(window->generations);
    wendi_free(window->batches);
    wendi_free(window);
}

/* ---- rows come in ---- */

/* Have all that one more key at `place`, at either end of the queue, needs. */
static wend_status prepare(wendi_unique_window *window, wendi_hash128 key, uint64_t place,
                           wend_error *error)
{
    if (window->end - window->begin >= QUEUE_MAX) {
        wendi_fail(error, WEND_UNSUPPORTED,
                   "the deduplication window would hold more than 2 thousand million keys");
        wendi_error_hint(error, "let unique_window be smaller");
        return WEND_UNSUPPORTED;
    }
    wend_status status = need_chunk(window, place, error);
    if (status == WEND_OK && wendi_key_index_reserve(&window->index, key) != WEND_OK) {
        status = nomem(error, window->index.bytes / WENDI_KEY_INDEX_PARTS);
    }
    return status;
}

static wend_status append(wendi_unique_window *window, wendi_hash128 key, wend_error *error)
{
    wend_status status = prepare(window, key, window->end, error);
    if (status == WEND_OK) {
        wendi_key_index_insert(&window->index, key, (uint32_t)window->end);
        *key_at(window, window->end) = key;
        window->end++;
    }
    return status;
}

static wend_status append_front(wendi_unique_window *window, wendi_hash128 key, wend_error *error)
{
    wend_status status = prepare(window, key, window->begin - 1, error);
    if (status == WEND_OK) {
        window->begin--;
        window->index.begin = (uint32_t)window->begin;
        wendi_key_index_insert(&window->index, key, (uint32_t)window->begin);
        *key_at(window, window->begin) = key;
    }
    return status;
}

/* The batch's record, which is the newest. */
static wend_status need_batch(wendi_unique_window *window, uint64_t number, wend_error *error)
{
    if (window->batch_count > 0) {
        uint64_t newest = window->batches[window->batch_count - 1].number;
        WEND_REQUIRE(number >= newest);
        if (number == newest) {
            return WEND_OK;
        }
    }
    if (window->batch_count == window->batch_capacity) {
        uint32_t capacity = window->batch_capacity * 2 + LIST_MIN;
        taken_batch *batches = wendi_realloc(window->batches, capacity * sizeof *batches);
        if (batches == NULL) {
            return nomem(error, capacity * sizeof *batches);
        }
        window->batches = batches;
        window->batch_capacity = capacity;
    }
    window->batches[window->batch_count++] = (taken_batch){number, window->end};
    return WEND_OK;
}

/* Whether the window holds one of the row's keys; what it is refused for is noted. */
static bool is_held(wendi_unique_window *window, const wendi_hash128 *keys, uint32_t rules,
                    size_t stride)
{
    bool held = false;
    for (uint32_t rule = 0; rule < rules; rule++) {
        wendi_hash128 key = keys[rule * stride];
        uint64_t place = is_none(key) ? UINT64_MAX : find(window, key);
        if (place != UINT64_MAX) {
            chunk_of(window, place)->refusers[place % CHUNK_KEYS / 64] |= UINT64_C(1) << place % 64;
            held = true;
        }
    }
    return held;
}

/* A row's keys enter, all of them after all were asked for. */
static wend_status enter(wendi_unique_window *window, const wendi_hash128 *keys, uint32_t rules,
                         size_t stride, wend_error *error)
{
    wend_status status = WEND_OK;
    for (uint32_t rule = 0; rule < rules && status == WEND_OK; rule++) {
        if (!is_none(keys[rule * stride])) {
            status = append(window, keys[rule * stride], error);
        }
    }
    return status;
}

/* A row goes through three stages, some rows apart, so that memory has time to come: its buckets are
 * asked for; then, where these are full, those after them; then it is looked up. */
wend_status wendi_unique_window_take(wendi_unique_window *window, uint64_t batch,
                                     const wendi_hash128 *keys, uint32_t rules, uint32_t count,
                                     uint8_t *keep, uint32_t *duplicate_count, wend_error *error)
{
    wend_status status = WEND_OK;
    *duplicate_count = 0;
    WEND_TRY(need_batch(window, batch, error));
    for (uint32_t step = 0; step < count + AHEAD; step++) {
        for (uint32_t rule = 0; rule < rules && step < count; rule++) {
            const wendi_key_bucket *bucket =
                wendi_key_index_bucket(&window->index, keys[(size_t)rule * count + step]);
            if (bucket != NULL) {
                __builtin_prefetch(bucket->tags, 1);
                __builtin_prefetch(bucket->places, 1);
            }
        }
        uint32_t near = step - (AHEAD - NEAR);
        for (uint32_t rule = 0; rule < rules && near < count; rule++) {
            const wendi_key_bucket *bucket =
                wendi_key_index_bucket(&window->index, keys[(size_t)rule * count + near]);
            if (bucket != NULL) {
                __builtin_prefetch(bucket + (bucket->tags[WENDI_KEY_LANES - 1] != 0), 1);
            }
        }
        uint32_t row = step - AHEAD;
        if (row >= count || keep[row] == 0) {
            continue;
        }
        if (is_held(window, keys + row, rules, count)) {
            keep[row] = 0;
            (*duplicate_count)++;
        } else {
            WEND_TRY(enter(window, keys + row, rules, count, error));
        }
    }
    window->batches[window->batch_count - 1].end = window->end;
cleanup:
    return status;
}

/* ---- rows that are not stored after all ---- */

bool wendi_unique_window_withdraw(wendi_unique_window *window, const wendi_hash128 *keys,
                                  const uint8_t *stored, uint32_t rules)
{
    for (uint32_t rule = 0; rule < rules; rule++) {
        if (stored[rule] != 0 || is_none(keys[rule])) {
            continue;
        }
        uint64_t place = find(window, keys[rule]);
        if (place != UINT64_MAX &&
            (chunk_of(window, place)->refusers[place % CHUNK_KEYS / 64] >> place % 64 & 1) != 0) {
            return false;
        }
    }
    for (uint32_t rule = 0; rule < rules; rule++) {
        uint64_t place = is_none(keys[rule]) ? UINT64_MAX : find(window, keys[rule]);
        if (place == UINT64_MAX || place < window->committed) { /* of a row never asked about */
            continue;
        }
        wendi_key_index_remove(&window->index, keys[rule], (uint32_t)place);
        *key_at(window, place) = (wendi_hash128){0, 0};
        window->first_dead = window->dead == 0 || place < window->first_dead ? place
                                                                            : window->first_dead;
        window->dead++;
    }
    return true;
}

/* Borders that `from` has come to lie at `to` now. */
static void move_borders(wendi_unique_window *window, uint64_t from, uint64_t to,
                         uint32_t *generations, uint32_t *batches)
{
    for (; *generations < window->generation_count &&
           window->generations[*generations].end <= from;
         (*generations)++) {
        uint64_t *end = &window->generations[*generations].end;
        *end = *end < to ? *end : to;
    }
    for (; *batches < window->batch_count && window->batches[*batches].end <= from; (*batches)++) {
        uint64_t *end = &window->batches[*batches].end;
        *end = *end < to ? *end : to;
    }
    if (window->committed == from) {
        window->committed = to;
    }
}

static void move_key(wendi_unique_window *window, wendi_hash128 key, uint64_t from, uint64_t to)
{
    uint64_t refuser = chunk_of(window, from)->refusers[from % CHUNK_KEYS / 64] >> from % 64 & 1;
    uint64_t *word = &chunk_of(window, to)->refusers[to % CHUNK_KEYS / 64];
    *word = (*word & ~(UINT64_C(1) << to % 64)) | refuser << to % 64;
    wendi_key_index_move(&window->index, key, (uint32_t)from, (uint32_t)to);
    *key_at(window, to) = key;
}

/* Move the live keys behind the first dead one together, and all borders with them. */
static void squeeze(wendi_unique_window *window)
{
    uint64_t to = window->first_dead;
    uint32_t generations = 0;
    uint32_t batches = 0;
    for (uint64_t from = window->first_dead; from < window->end; from++) {
        move_borders(window, from, to, &generations, &batches);
        if (from + AHEAD < window->end) {
            __builtin_prefetch(
                wendi_key_index_bucket(&window->index, *key_at(window, from + AHEAD)));
        }
        wendi_hash128 key = *key_at(window, from);
        if (!is_none(key)) {
            if (from != to) {
                move_key(window, key, from, to);
            }
            to++;
        }
    }
    move_borders(window, window->end, to, &generations, &batches);
    for (uint64_t place = to; place % CHUNK_KEYS != 0 && place < window->end; place++) {
        chunk_of(window, place)->refusers[place % CHUNK_KEYS / 64] &= ~(UINT64_C(1) << place % 64);
    }
    give_chunks(window, to + CHUNK_KEYS - 1, window->end + CHUNK_KEYS - 1);
    window->end = to;
    window->dead = 0;
}

/* ---- commits ---- */

static wend_status make_room(wendi_unique_window *window, wend_error *error)
{
    if (window->generation_count < window->generation_capacity) {
        return WEND_OK;
    }
    uint32_t capacity = window->generation_capacity * 2 + LIST_MIN;
    generation *generations = wendi_realloc(window->generations, capacity * sizeof *generations);
    if (generations == NULL) {
        return nomem(error, capacity * sizeof *generations);
    }
    window->generations = generations;
    window->generation_capacity = capacity;
    return WEND_OK;
}

/* The queue begins at `begin` from now on. */
static void cut_front(wendi_unique_window *window, uint64_t begin)
{
    give_chunks(window, window->begin, begin);
    window->begin = begin;
    window->index.begin = (uint32_t)begin;
    window->first_dead = window->first_dead < begin ? begin : window->first_dead;
}

static void drop_oldest(wendi_unique_window *window)
{
    generation oldest = window->generations[0];
    window->dead -= oldest.end - window->begin - oldest.live;
    cut_front(window, oldest.end);
    window->committed_keys -= oldest.live;
    window->generation_count--;
    memmove(window->generations, window->generations + 1,
            window->generation_count * sizeof *window->generations);
}

/* Where batches up to `batch` end, and how many they are. */
static uint64_t end_of_batches(const wendi_unique_window *window, uint64_t batch, uint32_t *count)
{
    uint64_t end = window->committed;
    for (*count = 0; *count < window->batch_count && window->batches[*count].number <= batch;
         (*count)++) {
        end = window->batches[*count].end;
    }
    return end;
}

/* Copy the live keys of places begin..end-1 to `keys`, unless it is NULL, and count them. */
static uint64_t copy_live(const wendi_unique_window *window, uint64_t begin, uint64_t end,
                          wendi_hash128 *keys)
{
    uint64_t count = 0;
    for (uint64_t place = begin; place < end; place++) {
        wendi_hash128 key = *key_at(window, place);
        if (!is_none(key)) {
            if (keys != NULL) {
                keys[count] = key;
            }
            count++;
        }
    }
    return count;
}

wend_status wendi_unique_window_commit(wendi_unique_window *window, uint64_t version,
                                       int64_t commit_us, uint64_t batch, wend_error *error)
{
    uint32_t batches;
    uint64_t end = end_of_batches(window, batch, &batches);
    wend_status status = make_room(window, error);
    if (status != WEND_OK) {
        return status;
    }
    uint64_t live = window->dead == 0 ? end - window->committed
                                      : copy_live(window, window->committed, end, NULL);
    window->batch_count -= batches;
    if (batches > 0) {
        memmove(window->batches, window->batches + batches,
                window->batch_count * sizeof *window->batches);
    }
    window->committed = end;
    if (live > 0) {
        window->generations[window->generation_count++] =
            (generation){version, commit_us, end, live};
        window->committed_keys += live;
    } else if (window->generation_count == 0) {
        window->dead -= end - window->begin;
        cut_front(window, end);
    }
    while (window->committed_keys > window->keys_max && window->generation_count > 1) {
        drop_oldest(window);
    }
    if (window->dead >= DEAD_MIN && window->dead * DEAD_SHARE > window->end - window->begin) {
        squeeze(window);
    }
    return WEND_OK;
}

wend_status wendi_unique_window_prepend(wendi_unique_window *window, uint64_t version,
                                        const wendi_hash128 *keys, uint64_t key_count, bool *full,
                                        wend_error *error)
{
    uint64_t end = window->begin;
    wend_status status = WEND_OK;
    WEND_REQUIRE(window->batch_count == 0 && window->dead == 0);
    *full =
        window->generation_count > 0 && window->committed_keys + key_count > window->keys_max;
    if (*full || key_count == 0) {
        return WEND_OK;
    }
    WEND_TRY(make_room(window, error));
    for (uint64_t i = key_count; i > 0; i--) {
        wendi_hash128 key = keys[i - 1];
        if (i > AHEAD) {
            __builtin_prefetch(wendi_key_index_bucket(&window->index, keys[i - 1 - AHEAD]));
        }
        if (!is_none(key) && find(window, key) == UINT64_MAX) {
            WEND_TRY(append_front(window, key, error));
        }
    }
    uint64_t live = end - window->begin;
    if (live > 0) {
        memmove(window->generations + 1, window->generations,
                window->generation_count * sizeof *window->generations);
        window->generations[0] = (generation){version, 0, end, live};
        window->generation_count++;
        window->committed_keys += live;
    }
cleanup:
    return status;
}

/* ---- what is held ---- */

uint32_t wendi_unique_window_commits(const wendi_unique_window *window)
{
    return window->generation_count;
}

wendi_window_commit wendi_unique_window_at(const wendi_unique_window *window, uint32_t index)
{
    const generation *one = &window->generations[index];
    return (wendi_window_commit){one->version, one->commit_us, one->live};
}

void wendi_unique_window_set_time(wendi_unique_window *window, uint32_t index, int64_t commit_us)
{
    window->generations[index].commit_us = commit_us;
}

void wendi_unique_window_copy(const wendi_unique_window *window, uint32_t index,
                              wendi_hash128 *keys)
{
    uint64_t begin = index == 0 ? window->begin : window->generations[index - 1].end;
    copy_live(window, begin, window->generations[index].end, keys);
}

uint64_t wendi_unique_window_pending(const wendi_unique_window *window, uint64_t batch)
{
    uint32_t batches;
    return copy_live(window, window->committed, end_of_batches(window, batch, &batches), NULL);
}

void wendi_unique_window_copy_pending(const wendi_unique_window *window, uint64_t batch,
                                      wendi_hash128 *keys)
{
    uint32_t batches;
    copy_live(window, window->committed, end_of_batches(window, batch, &batches), keys);
}

uint64_t wendi_unique_window_keys(const wendi_unique_window *window)
{
    return window->end - window->begin - window->dead;
}

uint64_t wendi_unique_window_keys_max(const wendi_unique_window *window)
{
    return window->keys_max;
}

uint64_t wendi_unique_window_bytes(const wendi_unique_window *window)
{
    return sizeof *window + window->chunk_count * sizeof(key_chunk) + window->index.bytes +
           (window->chunk_mask + 1) * sizeof *window->chunks;
}

uint64_t wendi_unique_window_oldest(const wendi_unique_window *window)
{
    return window->generation_count == 0 ? 0 : window->generations[0].version;
}
