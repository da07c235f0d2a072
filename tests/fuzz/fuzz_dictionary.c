/*
 * Hostile dictionaries: the first four bytes are the number of entries that the footer would name,
 * the fifth says whether they are ordered, the rest is the dictionary: once as it is, once with its
 * checksums made right. What decodes must have as many entries as were named, in order when it says
 * so, and one block must decode without the others to the same strings.
 */
#include <stdlib.h>

#include "engine/base/alloc.h"
#include "format/dictionary_store.h"
#include "tests/support/fuzz_repair.h"
#include "tests/support/heap_bound.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);

enum { HEAD = 5, HEADER = 64, INPUT_MAX = 1 << 20 };

static const wendi_place place = {.row_group = 1, .column_id = 2};

/* The last block by itself. */
static void decode_last(const uint8_t *bytes, size_t length, uint32_t entries,
                        const wendi_dictionary *whole)
{
    wendi_dictionary_index index;
    const char *reason =
        wendi_dictionary_index_open(bytes, length, entries, whole->ordered, place, &index);
    if (reason != NULL || index.block_count == 0) {
        if (reason != NULL) {
            abort(); /* the whole was decoded through it */
        }
        return;
    }
    wendi_dictionary_block last = wendi_dictionary_index_block(&index, index.block_count - 1);
    uint32_t count = entries - last.first_code;
    uint32_t *offsets = wendi_alloc_zero((size_t)count + 1, sizeof *offsets);
    char *strings = wendi_alloc((size_t)last.string_bytes + 64);
    uint8_t *raw = wendi_alloc(index.raw_bytes_max);
    if (offsets != NULL && strings != NULL && raw != NULL) {
        const uint8_t *stored = bytes + index.blocks_end - last.stored_bytes;
        if (wendi_dictionary_block_decode(&index, index.block_count - 1, stored, NULL, raw, offsets,
                                          strings, &reason) != WEND_OK) {
            abort();
        }
        for (uint32_t i = 0; i < count; i++) {
            wendi_string alone = {strings + offsets[i], offsets[i + 1] - offsets[i]};
            if (!wendi_string_equal(alone, wendi_dictionary_at(whole, last.first_code + i))) {
                abort();
            }
        }
    }
    wendi_free(offsets);
    wendi_free(strings);
    wendi_free(raw);
}

static void decode(const uint8_t *bytes, size_t length, uint32_t entries, bool ordered)
{
    wendi_dictionary *dictionary = NULL;
    const char *reason = NULL;
    wend_status status =
        wendi_dictionary_store_decode(bytes, length, entries, ordered, place, &dictionary, &reason);
    if (status == WEND_OK) {
        if (dictionary->entry_count != entries) {
            abort();
        }
        for (uint32_t code = 2; ordered && code < entries; code++) {
            if (wendi_string_compare(wendi_dictionary_at(dictionary, code - 1),
                                     wendi_dictionary_at(dictionary, code)) >= 0) {
                abort();
            }
        }
        decode_last(bytes, length, entries, dictionary);
    }
    wendi_dictionary_release(dictionary);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < HEAD + HEADER || size > INPUT_MAX) {
        return 0;
    }
    size_t length = size - HEAD;
    uint32_t entries = wendi_load_u32(data);
    uint8_t *bytes = wendi_alloc(length); /* of its exact size */
    if (bytes == NULL) {
        return 0;
    }
    memcpy(bytes, data + HEAD, length);
    heap_bound_begin(heap_bound_of(length));
    decode(bytes, length, entries, data[4] % 2 == 1);
    repair_dictionary(bytes, length, place);
    decode(bytes, length, entries, data[4] % 2 == 1);
    (void)heap_bound_end();
    wendi_free(bytes);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
    size = mutate_any(data, size, max_size);
    if (seed % 4 != 0 && size >= HEAD + HEADER) {
        uint32_t entries = wendi_load_u32(data);
        if (entries == 0 || entries > 1 << 20) {
            entries = entries % 1000 + 1;
            wendi_store_u32(data, entries);
        }
        mend_dictionary(data + HEAD, size - HEAD, entries, data[4] % 2 == 1);
    }
    return size;
}
