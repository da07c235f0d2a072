/*
 * Hostile dictionaries with valid checksums: the first four bytes are the number of entries that the
 * footer would name, the fifth says whether they are ordered, the rest is the dictionary.
 */
#include <stdlib.h>

#include "engine/base/alloc.h"
#include "engine/base/hash.h"
#include "format/dictionary_layout.h"
#include "format/dictionary_store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Make the checksums hold of whatever the index says. */
static void repair(uint8_t *bytes, size_t length, wendi_place place)
{
    uint64_t blocks = wendi_load_u32(bytes + 12);
    uint64_t at = WENDI_DICTIONARY_HEADER_BYTES + blocks * WENDI_DICTIONARY_INDEX_BYTES;
    uint64_t index_end = at;
    if (at > length) {
        return;
    }
    for (uint32_t b = 0; b < blocks; b++) {
        uint8_t *entry = bytes + WENDI_DICTIONARY_HEADER_BYTES + (size_t)b * WENDI_DICTIONARY_INDEX_BYTES;
        uint64_t stored = wendi_load_u32(entry + 4);
        if (stored > length - at) {
            break;
        }
        place.page = WENDI_PLACE_DICTIONARY + 1 + b;
        wendi_store_u64(entry + 16, wendi_hash64_seed(bytes + at, stored, wendi_place_seed(&place)));
        at += stored;
    }
    place.page = WENDI_PLACE_DICTIONARY;
    wendi_store_u32(bytes + 24, place.column_id);
    wendi_store_u32(bytes + 28, place.row_group);
    wendi_store_u64(bytes, wendi_hash64_seed(bytes + 8, index_end - 8, wendi_place_seed(&place)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wendi_place place = {.row_group = 1, .column_id = 2};
    wendi_dictionary *dictionary = NULL;
    const char *reason = NULL;
    if (size < 5 + WENDI_DICTIONARY_HEADER_BYTES || size > 1 << 20) {
        return 0;
    }
    size_t length = size - 5;
    uint8_t *bytes = wendi_alloc(length);
    if (bytes == NULL) {
        return 0;
    }
    memcpy(bytes, data + 5, length);
    repair(bytes, length, place);
    wend_status status = wendi_dictionary_store_decode(bytes, length, wendi_load_u32(data), data[4] % 2 == 1, place,
                                                       &dictionary, &reason);
    for (uint32_t code = 0; status == WEND_OK && code < dictionary->entry_count; code++) {
        wendi_string text = wendi_dictionary_at(dictionary, code);
        if (text.length > 0 && wendi_hash64(text.data, text.length) == 1) {
            abort(); /* never: keeps the bytes read */
        }
    }
    wendi_dictionary_release(dictionary);
    wendi_free(bytes);
    return 0;
}
