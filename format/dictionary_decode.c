/*
 * Reading a dictionary: header and index under one checksum, then each block under its own. Entries
 * of an ordered dictionary are checked to rise, which front coding makes one comparison an entry.
 */
#include "format/dictionary_store.h"

#include "engine/base/alloc.h"
#include "engine/base/compress.h"
#include "engine/base/hash.h"
#include "format/dictionary_layout.h"

typedef struct dictionary_decoder {
    wendi_place place;
    bool ordered;
    uint32_t entry_count;
    uint32_t block_count;
    uint64_t string_bytes;
    const uint8_t *index;
    const uint8_t *blocks;
    size_t blocks_length;
    uint32_t *offsets;
    char *bytes;
    uint64_t filled; /* of bytes */
    uint8_t *raw;    /* one block */
    size_t raw_capacity;
} dictionary_decoder;

static wendi_dictionary_block block_at(const dictionary_decoder *decoder, uint32_t block)
{
    const uint8_t *at = decoder->index + (size_t)block * WENDI_DICTIONARY_INDEX_BYTES;
    return (wendi_dictionary_block){wendi_load_u32(at), wendi_load_u32(at + 4), wendi_load_u32(at + 8),
                                    wendi_load_u32(at + 12), wendi_load_u64(at + 16)};
}

static const char *read_header(dictionary_decoder *decoder, const uint8_t *bytes, size_t length)
{
    if (length < WENDI_DICTIONARY_HEADER_BYTES) {
        return "dictionary cut short";
    }
    decoder->block_count = wendi_load_u32(bytes + 12);
    if (decoder->block_count > (length - WENDI_DICTIONARY_HEADER_BYTES) / WENDI_DICTIONARY_INDEX_BYTES) {
        return "dictionary index beyond its end";
    }
    size_t checked = WENDI_DICTIONARY_HEADER_BYTES + (size_t)decoder->block_count * WENDI_DICTIONARY_INDEX_BYTES;
    decoder->place.page = WENDI_PLACE_DICTIONARY;
    if (wendi_load_u64(bytes) != wendi_hash64_seed(bytes + 8, checked - 8, wendi_place_seed(&decoder->place))) {
        return "checksum of the dictionary's index does not match";
    }
    decoder->string_bytes = wendi_load_u64(bytes + 16);
    if (wendi_load_u32(bytes + 8) != decoder->entry_count || decoder->string_bytes > UINT32_MAX - 64 ||
        wendi_load_u32(bytes + 24) != decoder->place.column_id ||
        wendi_load_u32(bytes + 28) != decoder->place.row_group || wendi_load_u32(bytes + 32) != decoder->ordered ||
        (decoder->block_count == 0) != (decoder->entry_count == 1)) {
        return "dictionary header does not fit its index";
    }
    for (size_t i = 36; i < WENDI_DICTIONARY_HEADER_BYTES; i++) {
        if (bytes[i] != 0) {
            return "reserved bytes of a dictionary header are not zero";
        }
    }
    decoder->index = bytes + WENDI_DICTIONARY_HEADER_BYTES;
    decoder->blocks = bytes + checked;
    decoder->blocks_length = length - checked;
    return NULL;
}

/* Codes, lengths and sums of all blocks against each other and what is there, before anything is allocated. */
static const char *check_index(dictionary_decoder *decoder)
{
    uint64_t stored = 0;
    uint64_t strings = 0;
    for (uint32_t b = 0; b < decoder->block_count; b++) {
        wendi_dictionary_block block = block_at(decoder, b);
        uint32_t next = b + 1 < decoder->block_count ? block_at(decoder, b + 1).first_code : decoder->entry_count;
        if ((b == 0 && block.first_code != 1) || next <= block.first_code || next > decoder->entry_count) {
            return "codes of dictionary blocks do not rise";
        }
        uint32_t most = next - block.first_code == 1 ? block.raw_bytes : WENDI_DICTIONARY_BLOCK_STRING_BYTES;
        if (block.stored_bytes > block.raw_bytes || block.raw_bytes > wendi_raw_bytes_max(block.stored_bytes) ||
            block.string_bytes > most || (next - block.first_code) > block.raw_bytes / 2) {
            return "dictionary block with impossible lengths";
        }
        decoder->raw_capacity = block.raw_bytes > decoder->raw_capacity ? block.raw_bytes : decoder->raw_capacity;
        stored += block.stored_bytes;
        strings += block.string_bytes;
    }
    if (stored > decoder->blocks_length || decoder->blocks_length - stored >= 64 || strings != decoder->string_bytes) {
        return "dictionary blocks do not fill the dictionary";
    }
    for (size_t i = stored; i < decoder->blocks_length; i++) {
        if (decoder->blocks[i] != 0) {
            return "padding of a dictionary is not zero";
        }
    }
    return NULL;
}

static uint32_t read_varint(wendi_reader *reader)
{
    uint32_t value = 0;
    for (unsigned shift = 0; shift < 35; shift += 7) {
        uint8_t byte = wendi_reader_u8(reader);
        value |= (uint32_t)(byte & 127) << (shift < 32 ? shift : 0);
        if (byte < 128) {
            return value;
        }
    }
    reader->failed = true;
    return 0;
}

/* Step over `count` varints. */
static const uint8_t *skip_varints(const uint8_t *at, const uint8_t *end, uint32_t count)
{
    while (count > 0 && at < end) {
        count -= *at++ < 128;
    }
    return count == 0 ? at : NULL;
}

static bool rises(const char *before, uint32_t before_length, const uint8_t *suffix, uint32_t shared,
                  uint32_t suffix_length)
{
    if (shared == before_length) {
        return suffix_length > 0;
    }
    return suffix_length > 0 && suffix[0] > (uint8_t)before[shared];
}

/* Rebuild the entries of one block behind those already there. */
static const char *decode_entries(dictionary_decoder *decoder, const wendi_dictionary_block *block, uint32_t count)
{
    const uint8_t *end = decoder->raw + block->raw_bytes;
    const uint8_t *lengths_at = skip_varints(decoder->raw, end, count);
    const uint8_t *suffix = lengths_at == NULL ? NULL : skip_varints(lengths_at, end, count);
    uint64_t limit = decoder->filled + block->string_bytes;
    if (suffix == NULL) {
        return "dictionary block cut short";
    }
    wendi_reader shared_reader = wendi_reader_of(decoder->raw, (size_t)(lengths_at - decoder->raw));
    wendi_reader length_reader = wendi_reader_of(lengths_at, (size_t)(suffix - lengths_at));
    for (uint32_t i = 0; i < count; i++) {
        uint32_t code = block->first_code + i;
        uint32_t shared = read_varint(&shared_reader);
        uint32_t length = read_varint(&length_reader);
        const char *before = decoder->bytes + decoder->offsets[code - 1];
        uint32_t before_length = decoder->offsets[code] - decoder->offsets[code - 1];
        if (shared_reader.failed || length_reader.failed || (i == 0 ? shared != 0 : shared > before_length) ||
            length > (size_t)(end - suffix) || (uint64_t)shared + length > limit - decoder->filled) {
            return "dictionary entry beyond its block";
        }
        if (decoder->ordered && code > 1 && i > 0 && !rises(before, before_length, suffix, shared, length)) {
            return "dictionary entries do not rise";
        }
        char *to = decoder->bytes + decoder->filled;
        memcpy(to, before, shared);
        memcpy(to + shared, suffix, length);
        if (decoder->ordered && code > 1 && i == 0 &&
            wendi_string_compare((wendi_string){before, before_length}, (wendi_string){to, length}) >= 0) {
            return "dictionary entries do not rise";
        }
        suffix += length;
        decoder->filled += shared + length;
        decoder->offsets[code + 1] = (uint32_t)decoder->filled;
    }
    return suffix == end && decoder->filled == limit ? NULL : "dictionary block has bytes left over";
}

static wend_status decode_block(dictionary_decoder *decoder, uint32_t b, const uint8_t *stored, const char **reason)
{
    wendi_dictionary_block block = block_at(decoder, b);
    uint32_t next = b + 1 < decoder->block_count ? block_at(decoder, b + 1).first_code : decoder->entry_count;
    decoder->place.page = WENDI_PLACE_DICTIONARY + 1 + b;
    if (wendi_hash64_seed(stored, block.stored_bytes, wendi_place_seed(&decoder->place)) != block.checksum) {
        *reason = "checksum of a dictionary block does not match";
        return WEND_CORRUPT;
    }
    if (block.stored_bytes == block.raw_bytes) {
        memcpy(decoder->raw, stored, block.raw_bytes);
    } else {
        wend_status status = wendi_decompress(stored, block.stored_bytes, decoder->raw, block.raw_bytes);
        if (status != WEND_OK) {
            *reason = "dictionary block does not decompress";
            return status;
        }
    }
    *reason = decode_entries(decoder, &block, next - block.first_code);
    return *reason == NULL ? WEND_OK : WEND_CORRUPT;
}

static wend_status decode_blocks(dictionary_decoder *decoder, const char **reason)
{
    const uint8_t *stored = decoder->blocks;
    decoder->offsets[0] = decoder->offsets[1] = 0;
    for (uint32_t b = 0; b < decoder->block_count; b++) {
        wend_status status = decode_block(decoder, b, stored, reason);
        if (status != WEND_OK) {
            return status;
        }
        stored += block_at(decoder, b).stored_bytes;
    }
    memset(decoder->bytes + decoder->string_bytes, 0, 64);
    return WEND_OK;
}

wend_status wendi_dictionary_store_decode(const uint8_t *bytes, size_t length, uint32_t entry_count, bool ordered,
                                          wendi_place place, wendi_dictionary **dictionary_out, const char **reason)
{
    wend_status status = WEND_OK;
    dictionary_decoder decoder = {.place = place, .ordered = ordered, .entry_count = entry_count};
    *dictionary_out = NULL;
    *reason = read_header(&decoder, bytes, length);
    if (*reason == NULL) {
        *reason = check_index(&decoder);
    }
    if (*reason != NULL) {
        return WEND_CORRUPT;
    }
    decoder.offsets = wendi_alloc(((size_t)entry_count + 1) * sizeof *decoder.offsets);
    decoder.bytes = wendi_alloc(decoder.string_bytes + 64);
    decoder.raw = wendi_alloc(decoder.raw_capacity);
    if (decoder.offsets == NULL || decoder.bytes == NULL || decoder.raw == NULL) {
        status = WEND_NOMEM;
        goto cleanup;
    }
    WEND_TRY(decode_blocks(&decoder, reason));
    *dictionary_out = wendi_dictionary_new(entry_count, decoder.offsets, decoder.bytes, ordered);
    decoder.offsets = NULL; /* taken over, whether it worked or not */
    decoder.bytes = NULL;
    status = *dictionary_out == NULL ? WEND_NOMEM : WEND_OK;
cleanup:
    wendi_free(decoder.offsets);
    wendi_free(decoder.bytes);
    wendi_free(decoder.raw);
    return status;
}
