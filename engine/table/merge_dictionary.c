/* Gathering entries in an interner, and putting them in order a row group at a time. */
#include "engine/table/merge_dictionary.h"

#include <string.h>

#include "engine/base/alloc.h"

enum {
    KEPT_ENTRIES_MAX = 1 << 16, /* more are gathered anew for each row group */
    WALK_FACTOR = 4             /* so many gathered entries for one of a source are walked over */
};

typedef struct source_map { /* per code of a source's dictionary: the gathered code, 0: not yet */
    uint32_t *codes;
    uint32_t entry_count;
} source_map;

struct wendi_merge_dictionary {
    wendi_interner interner;
    source_map *maps;
    uint32_t source_count;
    wendi_dictionary *finished; /* of the first finished_count gathered entries, in order */
    uint32_t *order;           /* gathered code to ordered code */
    uint32_t finished_count;
    uint32_t *rising; /* gathered codes by their texts; covers the first rising_count of them */
    uint32_t *rising_scratch;
    uint32_t rising_count;
    uint32_t rising_capacity;
    bool unordered; /* a source's dictionary is: then it would not be worth ordering this one */
    bool full;      /* begin anew before the next row group */
};

wend_status wendi_merge_dictionary_open(uint32_t source_count,
                                        wendi_merge_dictionary **dictionary_out, wend_error *error)
{
    wendi_merge_dictionary *dictionary = wendi_alloc_zero(1, sizeof *dictionary);
    *dictionary_out = NULL;
    if (dictionary == NULL) {
        return wendi_fail_nomem(error, "a merged dictionary", sizeof *dictionary);
    }
    dictionary->source_count = source_count;
    dictionary->maps = wendi_alloc_zero(source_count, sizeof *dictionary->maps);
    if (dictionary->maps == NULL ||
        wendi_interner_reserve(&dictionary->interner, 1024) != WEND_OK) {
        wendi_merge_dictionary_close(dictionary);
        return wendi_fail_nomem(error, "a merged dictionary", source_count * sizeof(source_map));
    }
    *dictionary_out = dictionary;
    return WEND_OK;
}

void wendi_merge_dictionary_close(wendi_merge_dictionary *dictionary)
{
    if (dictionary == NULL) {
        return;
    }
    for (uint32_t i = 0; dictionary->maps != NULL && i < dictionary->source_count; i++) {
        wendi_free(dictionary->maps[i].codes);
    }
    wendi_interner_free(&dictionary->interner);
    wendi_dictionary_release(dictionary->finished);
    wendi_free(dictionary->order);
    wendi_free(dictionary->rising);
    wendi_free(dictionary->rising_scratch);
    wendi_free(dictionary->maps);
    wendi_free(dictionary);
}

void wendi_merge_dictionary_forget(wendi_merge_dictionary *dictionary, uint32_t source)
{
    wendi_free(dictionary->maps[source].codes);
    dictionary->maps[source] = (source_map){NULL, 0};
}

static wend_status too_many(const wendi_merge_dictionary *dictionary, wend_error *error)
{
    return wendi_fail_nomem(error, "a merged dictionary", dictionary->interner.bytes.length);
}

/* A row group that gathered much is over: forget it. */
static wend_status begin_anew(wendi_merge_dictionary *dictionary, wend_error *error)
{
    if (!dictionary->full) {
        return WEND_OK;
    }
    dictionary->full = false;
    for (uint32_t i = 0; i < dictionary->source_count; i++) {
        if (dictionary->maps[i].codes != NULL) {
            memset(dictionary->maps[i].codes, 0,
                   dictionary->maps[i].entry_count * sizeof *dictionary->maps[i].codes);
        }
    }
    wendi_interner_reset(&dictionary->interner);
    dictionary->rising_count = 0;
    wendi_dictionary_release(dictionary->finished);
    dictionary->finished = NULL;
    dictionary->finished_count = 0;
    return wendi_interner_reserve(&dictionary->interner, 1024) == WEND_OK
               ? WEND_OK
               : too_many(dictionary, error);
}

/* ---- a source's whole dictionary at once ---- */

static wend_status reserve_rising(wendi_merge_dictionary *dictionary, uint32_t count,
                                  wend_error *error)
{
    if (count <= dictionary->rising_capacity) {
        return WEND_OK;
    }
    uint32_t capacity = count + count / 2;
    uint32_t *rising = wendi_realloc(dictionary->rising, capacity * sizeof *rising);
    dictionary->rising = rising != NULL ? rising : dictionary->rising;
    uint32_t *scratch = wendi_realloc(dictionary->rising_scratch, capacity * sizeof *scratch);
    dictionary->rising_scratch = scratch != NULL ? scratch : dictionary->rising_scratch;
    if (rising == NULL || scratch == NULL) {
        return too_many(dictionary, error);
    }
    dictionary->rising_capacity = capacity;
    return WEND_OK;
}

/* Both lists rise, so walking them side by side finds what they share without hashing a text. It
 * pays where sources have much the same texts, such as pages and agents. */
static bool walking_pays(const wendi_merge_dictionary *dictionary, const wendi_dictionary *from)
{
    uint32_t gathered = dictionary->interner.entry_count - 1;
    return from->ordered && from->entry_count <= KEPT_ENTRIES_MAX &&
           dictionary->rising_count == gathered && gathered / WALK_FACTOR <= from->entry_count;
}

static wend_status map_all(wendi_merge_dictionary *dictionary, uint32_t *map,
                           const wendi_dictionary *from, wend_error *error)
{
    uint32_t known = dictionary->rising_count;
    uint32_t at = 0;
    uint32_t out = 0;
    wend_status status = reserve_rising(dictionary, known + from->entry_count, error);
    if (status != WEND_OK) {
        return status;
    }
    const uint32_t *rising = dictionary->rising;
    uint32_t *merged = dictionary->rising_scratch;
    for (uint32_t code = 1; code < from->entry_count; code++) {
        wendi_string text = wendi_dictionary_at(from, code);
        int order = -1;
        while (at < known &&
               (order = wendi_string_compare(wendi_interner_at(&dictionary->interner, rising[at]),
                                             text)) < 0) {
            merged[out++] = rising[at++];
        }
        if (at < known && order == 0) {
            map[code] = rising[at++];
        } else if (wendi_interner_code(&dictionary->interner, text, &map[code]) != WEND_OK) {
            return too_many(dictionary, error);
        }
        merged[out++] = map[code];
    }
    while (at < known) {
        merged[out++] = rising[at++];
    }
    dictionary->rising_scratch = dictionary->rising;
    dictionary->rising = merged;
    dictionary->rising_count = out;
    return WEND_OK;
}

wend_status wendi_merge_dictionary_map(wendi_merge_dictionary *dictionary, uint32_t source,
                                       const wendi_dictionary *from, const uint32_t *codes,
                                       uint32_t count, const uint32_t *places, uint32_t *to,
                                       wend_error *error)
{
    source_map *map = &dictionary->maps[source];
    wend_status status = begin_anew(dictionary, error);
    if (status != WEND_OK) {
        return status;
    }
    if (map->codes == NULL) {
        map->codes = wendi_alloc_zero(from->entry_count, sizeof *map->codes);
        map->entry_count = from->entry_count;
        if (map->codes == NULL) {
            return too_many(dictionary, error);
        }
        if (walking_pays(dictionary, from)) {
            status = map_all(dictionary, map->codes, from, error);
            if (status != WEND_OK) {
                return status;
            }
        }
    }
    WEND_REQUIRE(map->entry_count == from->entry_count);
    dictionary->unordered = dictionary->unordered || !from->ordered;
    uint32_t *known = map->codes;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t code = codes[i];
        uint32_t gathered = known[code];
        if (gathered == 0 && code != 0) {
            if (wendi_interner_code(&dictionary->interner, wendi_dictionary_at(from, code),
                                    &gathered) != WEND_OK) {
                return too_many(dictionary, error);
            }
            known[code] = gathered;
        }
        to[places[i]] = gathered;
    }
    return WEND_OK;
}

wend_status wendi_merge_dictionary_code(wendi_merge_dictionary *dictionary,
                                        const wendi_string *text, uint32_t *code, wend_error *error)
{
    wend_status status = begin_anew(dictionary, error);
    *code = 0;
    if (status == WEND_OK && text != NULL &&
        wendi_interner_code(&dictionary->interner, *text, code) != WEND_OK) {
        status = too_many(dictionary, error);
    }
    return status;
}

/* Put what was gathered in order, unless nothing came since the last time. */
static wend_status put_in_order(wendi_merge_dictionary *dictionary, wend_error *error)
{
    uint32_t entries = dictionary->interner.entry_count;
    if (dictionary->finished != NULL && dictionary->finished_count == entries) {
        return WEND_OK;
    }
    wendi_dictionary_release(dictionary->finished);
    wendi_free(dictionary->order);
    dictionary->finished = NULL;
    dictionary->finished_count = 0;
    dictionary->order = wendi_alloc((size_t)entries * sizeof *dictionary->order);
    if (dictionary->order == NULL) {
        return too_many(dictionary, error);
    }
    wend_status status = wendi_interner_ordered(&dictionary->interner, NULL, dictionary->order,
                                                &dictionary->finished, error);
    dictionary->finished_count = status == WEND_OK ? entries : 0;
    return status;
}

/* What was gathered, as it came: the writer of sessions and the like numbers them by their first rows anyway. */
static wend_status keep_order(wendi_merge_dictionary *dictionary, wend_error *error)
{
    wendi_dictionary_release(dictionary->finished);
    dictionary->finished = NULL;
    dictionary->finished_count = 0;
    return wendi_interner_dictionary(&dictionary->interner, &dictionary->finished) == WEND_OK
               ? WEND_OK
               : too_many(dictionary, error);
}

wend_status wendi_merge_dictionary_finish(wendi_merge_dictionary *dictionary, uint32_t *codes,
                                          uint32_t count, wendi_dictionary **finished_out,
                                          wend_error *error)
{
    wend_status status =
        dictionary->unordered ? keep_order(dictionary, error) : put_in_order(dictionary, error);
    if (status != WEND_OK) {
        return status;
    }
    const uint32_t *order = dictionary->order;
    for (uint32_t i = 0; !dictionary->unordered && i < count; i++) {
        codes[i] = order[codes[i]];
    }
    *finished_out = dictionary->finished;
    dictionary->full = dictionary->interner.entry_count > KEPT_ENTRIES_MAX;
    return WEND_OK;
}
