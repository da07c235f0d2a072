/*
 * Hostile key files with valid checksums: four bytes say the number of commits, eight the number of
 * keys, the rest is what follows the header. Whatever is read must come out as the same bytes
 * again. The mutator makes the counts fit in most of its work.
 */
#include <stdlib.h>

#include "engine/base/alloc.h"
#include "engine/table/key_file.h"
#include "tests/support/fuzz_repair.h"

enum { COUNTS_BYTES = 12, HEADER_BYTES = 64, RUN_BYTES = 16, KEY_BYTES = 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);

/* The header that a writer would give these counts and this body. */
static void make_header(uint8_t *bytes, size_t length, const uint8_t uuid[WENDI_UUID_BYTES],
                        const uint8_t *counts)
{
    uint64_t keys = wendi_load_u64(counts + 4);
    memset(bytes, 0, HEADER_BYTES);
    memcpy(bytes, "WENDKEYS", 8);
    wendi_store_u32(bytes + 8, 1);
    wendi_store_u32(bytes + 12, wendi_load_u32(counts));
    memcpy(bytes + 16, uuid, WENDI_UUID_BYTES);
    wendi_store_u64(bytes + 32, keys);
    wendi_store_u64(bytes + 48,
                    wendi_hash64_seed(bytes + HEADER_BYTES, length - HEADER_BYTES, keys));
    wendi_store_u64(bytes + 56, wendi_hash64(bytes, 56));
}

static void check(const uint8_t *bytes, size_t length, const uint8_t uuid[WENDI_UUID_BYTES])
{
    wendi_arena arena = {0};
    wendi_buffer again = {0};
    wendi_key_run *runs = NULL;
    uint32_t run_count = 0;
    wend_status status =
        wendi_key_file_decode(bytes, length, uuid, &arena, &runs, &run_count, NULL);
    if (status == WEND_OK) {
        if (wendi_key_file_encode(uuid, runs, run_count, &again) != WEND_OK ||
            again.length != length || memcmp(again.data, bytes, length) != 0) {
            abort();
        }
    } else if (status != WEND_CORRUPT && status != WEND_UNSUPPORTED) {
        abort();
    }
    wendi_buffer_free(&again);
    wendi_arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t uuid[WENDI_UUID_BYTES] = {7};
    if (size < COUNTS_BYTES || size > 1 << 20) {
        return 0;
    }
    size_t length = HEADER_BYTES + size - COUNTS_BYTES;
    uint8_t *bytes =
        wendi_alloc(length); /* of its exact size, so that a sanitizer sees any read beyond */
    if (bytes == NULL) {
        return 0;
    }
    memcpy(bytes + HEADER_BYTES, data + COUNTS_BYTES, size - COUNTS_BYTES);
    make_header(bytes, length, uuid, data);
    check(bytes, length, uuid);
    check(data, size, uuid); /* as raw bytes, too */
    wendi_free(bytes);
    return 0;
}

/* As many keys as there is room for, shared out among the commits. */
static size_t mend(uint8_t *data, size_t size)
{
    size_t left = (size - COUNTS_BYTES) / KEY_BYTES * KEY_BYTES;
    uint32_t runs = left == 0 ? 0 : wendi_load_u32(data) % (uint32_t)(left / RUN_BYTES) + 1;
    uint64_t keys = (left - (size_t)runs * RUN_BYTES) / KEY_BYTES;
    uint64_t unplaced = keys;
    wendi_store_u32(data, runs);
    wendi_store_u64(data + 4, keys);
    for (uint32_t i = 0; i < runs; i++) {
        uint8_t *count = data + COUNTS_BYTES + (size_t)i * RUN_BYTES + 8;
        uint64_t most = unplaced > runs - i ? unplaced - (runs - i) + 1 : 1;
        uint64_t own = i + 1 == runs ? unplaced : wendi_load_u64(count) % most + 1;
        wendi_store_u64(count, own);
        unplaced -= own < unplaced ? own : unplaced;
    }
    return COUNTS_BYTES + left;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
    size = mutate_any(data, size, max_size);
    return seed % 4 != 0 && size >= COUNTS_BYTES ? mend(data, size) : size;
}
