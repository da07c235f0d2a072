/*
 * Counts and lengths of mutated parts brought into agreement, so that mutations are not spent on
 * the first comparison that refuses them. What is mended stays hostile everywhere else.
 */
#include "format/dictionary_layout.h"
#include "format/prediction.h"
#include "tests/support/fuzz_repair.h"

/* Weak: only libFuzzer has it, and calls what uses it. */
__attribute__((weak)) size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

size_t mutate_any(uint8_t *data, size_t size, size_t max_size)
{
    return LLVMFuzzerMutate(data, size, max_size);
}

void mutate_within(uint8_t *data, size_t size)
{
    size_t now = size > 0 ? mutate_any(data, size, size) : 0;
    if (now < size) {
        memset(data + now, 0, size - now);
    }
}

size_t mend_stream(uint8_t *at, size_t left, uint32_t count)
{
    if (left < WENDI_STREAM_HEADER_BYTES) {
        return left;
    }
    size_t room = (left - WENDI_STREAM_HEADER_BYTES) / 8 * 8;
    size_t body = wendi_load_u32(at + 8);
    if (body > room) {
        body = room;
    }
    at[0] = at[0] % WENDI_CODEC_COUNT;
    at[1] = 0;
    wendi_store_u16(at + 2, 0);
    wendi_store_u32(at + 4, count);
    wendi_store_u32(at + 8, (uint32_t)body);
    wendi_store_u32(at + 12, 0);
    size_t padding = (8 - body % 8) % 8;
    memset(at + WENDI_STREAM_HEADER_BYTES + body, 0, padding);
    return WENDI_STREAM_HEADER_BYTES + body + padding;
}

/* The null bitmap decides how many values there are. */
static uint32_t mend_nulls(uint8_t *bytes, size_t payload, uint32_t rows, size_t *used)
{
    size_t bitmap_bytes = ((size_t)rows + 63) / 64 * 8;
    uint32_t values = rows;
    bytes[21] %= 3;
    *used = 0;
    if (bytes[20] == WENDI_LAYOUT_NULL || bytes[21] == WENDI_NULLS_ALL) {
        bytes[20] = WENDI_LAYOUT_NULL;
        bytes[21] = WENDI_NULLS_ALL;
        return 0;
    }
    if (bytes[20] == WENDI_LAYOUT_CODES || bytes[20] == WENDI_LAYOUT_PREDICTED ||
        bitmap_bytes > payload) {
        bytes[21] = WENDI_NULLS_NONE;
    }
    if (bytes[21] == WENDI_NULLS_NONE) {
        return rows;
    }
    uint8_t *bitmap = bytes + WENDI_PAGE_HEADER_BYTES;
    for (size_t row = rows; row < bitmap_bytes * 8; row++) {
        bitmap[row / 8] = (uint8_t)(bitmap[row / 8] & ~(1u << row % 8));
    }
    for (uint32_t row = 0; row < rows; row++) {
        values -= bitmap[row / 8] >> (row % 8) & 1;
    }
    *used = bitmap_bytes;
    return values;
}

void mend_page(uint8_t *bytes, size_t length)
{
    size_t payload = length - WENDI_PAGE_HEADER_BYTES;
    size_t padding = payload >= 64 ? wendi_load_u32(bytes + 8) % 64
                                   : 0; /* the fuzzer's choice, not its length */
    uint32_t rows = wendi_load_u32(bytes + 12) % WENDI_PAGE_ROWS + 1;
    size_t used;
    payload -= padding;
    memset(bytes + WENDI_PAGE_HEADER_BYTES + payload, 0, padding);
    memset(bytes + 36, 0, WENDI_PAGE_HEADER_BYTES - 36);
    wendi_store_u32(bytes + 8, (uint32_t)payload);
    wendi_store_u32(bytes + 12, rows);
    bytes[20] = bytes[20] % WENDI_LAYOUT_COUNT;
    bytes[22] &= 15;
    bytes[23] &= 1;
    uint32_t values = mend_nulls(bytes, payload, rows, &used);
    wendi_store_u32(bytes + 16, values);
    uint8_t layout = bytes[20];
    if (layout == WENDI_LAYOUT_NULL || layout == WENDI_LAYOUT_RAW16) {
        return;
    }
    uint8_t *stream = bytes + WENDI_PAGE_HEADER_BYTES + used;
    size_t first = mend_stream(stream, payload - used, values);
    if (layout == WENDI_LAYOUT_SPLIT16 || layout == WENDI_LAYOUT_UUID4) {
        (void)mend_stream(stream + first, payload - used - first, values);
    }
}

size_t mutate_page(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    enum { ROWS_OFTEN = 2100 }; /* few rows are faster to decode, and as hostile */
    size = mutate_any(data, size, max_size);
    size_t length = size / WENDI_PAGE_ALIGNMENT * WENDI_PAGE_ALIGNMENT;
    if (seed % 4 == 0 || length < WENDI_PAGE_HEADER_BYTES) {
        return size;
    }
    if (seed % 16 != 1) {
        wendi_store_u32(data + 12, wendi_load_u32(data + 12) % ROWS_OFTEN);
    }
    mend_page(data, length);
    return length;
}

void mend_dictionary(uint8_t *bytes, size_t length, uint32_t entries, bool ordered)
{
    if (length < WENDI_DICTIONARY_HEADER_BYTES) {
        return;
    }
    size_t most = (length - WENDI_DICTIONARY_HEADER_BYTES) / WENDI_DICTIONARY_INDEX_BYTES;
    uint32_t blocks = wendi_load_u32(bytes + 12);
    uint64_t strings = 0;
    blocks = blocks > most ? (uint32_t)most : blocks;
    size_t left =
        length - WENDI_DICTIONARY_HEADER_BYTES - (size_t)blocks * WENDI_DICTIONARY_INDEX_BYTES;
    for (uint32_t b = 0; b < blocks; b++) {
        uint8_t *at =
            bytes + WENDI_DICTIONARY_HEADER_BYTES + (size_t)b * WENDI_DICTIONARY_INDEX_BYTES;
        uint32_t stored = wendi_load_u32(at + 4);
        stored = stored > left || b + 1 == blocks ? (uint32_t)left : stored;
        if (stored % 2 == 1 || wendi_load_u32(at + 8) < stored) {
            wendi_store_u32(at + 8, stored); /* raw, so that what is mutated is not behind zstd */
        }
        if (b == 0) {
            wendi_store_u32(at, 1);
        }
        wendi_store_u32(at + 4, stored);
        left -= stored;
        strings += wendi_load_u32(at + 12);
    }
    wendi_store_u32(bytes + 8, entries);
    wendi_store_u32(bytes + 12, blocks);
    wendi_store_u64(bytes + 16, strings);
    wendi_store_u32(bytes + 32,
                    (wendi_load_u32(bytes + 32) & WENDI_DICTIONARY_FORMS) | (ordered ? 1 : 0));
    memset(bytes + 36, 0, WENDI_DICTIONARY_HEADER_BYTES - 36);
}

void mend_prediction(uint8_t *bytes, size_t length)
{
    if (length < WENDI_PREDICTION_HEADER_BYTES) {
        return;
    }
    size_t left = length - WENDI_PREDICTION_HEADER_BYTES;
    size_t stored = wendi_load_u32(bytes + 44);
    uint32_t count = bytes[16] % 3;
    bytes[16] = (uint8_t)count;
    bytes[17] &= 1;
    bytes[18] = (uint8_t)(bytes[18] % 8 + 1);
    bytes[19] = 0;
    for (uint32_t d = count; d < 2; d++) {
        wendi_store_u32(bytes + 20 + 4 * d, WENDI_PREDICTION_NONE);
    }
    size_t numbers = left / bytes[18];
    if (stored % 2 == 0 && numbers > 0) { /* raw: as many numbers as there is room for */
        uint32_t list = wendi_load_u32(bytes + 40) % (uint32_t)numbers;
        wendi_store_u32(bytes + 28, (uint32_t)numbers - list);
        wendi_store_u32(bytes + 40, list);
        stored = numbers * bytes[18];
    }
    if (stored > left || left - stored >= 64) {
        stored = left;
    }
    wendi_store_u32(bytes + 44, (uint32_t)stored);
    memset(bytes + 48, 0, WENDI_PREDICTION_HEADER_BYTES - 48);
    memset(bytes + WENDI_PREDICTION_HEADER_BYTES + stored, 0, left - stored);
}
