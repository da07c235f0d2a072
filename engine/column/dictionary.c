/*
 * Immutable dictionaries: made once from two arrays, shared by reference count, searched.
 * How they come to be is the interner's business and the format's.
 */
#include "engine/column/dictionary.h"

#include <assert.h>

#include "engine/base/alloc.h"

wendi_dictionary *wendi_dictionary_new(uint32_t entry_count, uint32_t *offsets, char *bytes, bool ordered)
{
    assert(entry_count >= 1 && offsets != NULL && bytes != NULL);
    assert(offsets[0] == 0 && offsets[1] == 0);

    wendi_dictionary *dictionary = wendi_alloc(sizeof *dictionary);
    if (dictionary == NULL) {
        wendi_free(offsets);
        wendi_free(bytes);
        return NULL;
    }
    atomic_init(&dictionary->references, 1);
    dictionary->entry_count = entry_count;
    dictionary->ordered = ordered;
    dictionary->offsets = offsets;
    dictionary->bytes = bytes;
    return dictionary;
}

wendi_dictionary *wendi_dictionary_acquire(wendi_dictionary *dictionary)
{
    uint32_t before = atomic_fetch_add_explicit(&dictionary->references, 1, memory_order_relaxed);
    assert(before != 0);
    (void)before;
    return dictionary;
}

void wendi_dictionary_release(wendi_dictionary *dictionary)
{
    /* Release so that every reader's loads come before the free, acquire so that the freeing thread sees them. */
    if (dictionary != NULL && atomic_fetch_sub_explicit(&dictionary->references, 1, memory_order_acq_rel) == 1) {
        wendi_free(dictionary->offsets);
        wendi_free(dictionary->bytes);
        wendi_free(dictionary);
    }
}

uint32_t wendi_dictionary_lower_bound(const wendi_dictionary *dictionary, wendi_string text)
{
    assert(dictionary->ordered);
    uint32_t low = 1;
    uint32_t high = dictionary->entry_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (wendi_string_compare(wendi_dictionary_at(dictionary, middle), text) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

uint32_t wendi_dictionary_find(const wendi_dictionary *dictionary, wendi_string text)
{
    uint32_t code = 1;
    if (dictionary->ordered) {
        code = wendi_dictionary_lower_bound(dictionary, text);
        bool found = code < dictionary->entry_count && wendi_string_equal(wendi_dictionary_at(dictionary, code), text);
        return found ? code : 0;
    }
    for (; code < dictionary->entry_count; code++) {
        if (wendi_string_equal(wendi_dictionary_at(dictionary, code), text)) {
            return code;
        }
    }
    return 0;
}
