/*
 * Reading a dictionary: header and index under one checksum, then each block under its own, so that one
 * block can be read without the others. Entries of an ordered dictionary are checked to rise, which front
 * coding makes one comparison an entry.
 */
#include "format/dictionary_store.h"

#include "engine/base/alloc.h"
#include "engine/base/compress.h"
#include "engine/base/hash.h"
#include "format/dictionary_digits.h"
#include "format/dictionary_layout.h"

wendi_dictionary_block wendi_dictionary_index_block(const wendi_dictionary_index *index, uint32_t block)
{
    const uint8_t *at = index->entries + (size_t)block * WENDI_DICTIONARY_INDEX_BYTES;
    return (wendi_dictionary_block){wendi_load_u32(at), wendi_load_u32(at + 4), wendi_load_u32(at + 8),
                                    wendi_load_u32(at + 12), wendi_load_u64(at + 16)};
}

uint32_t wendi_dictionary_index_codes_end(const wendi_dictionary_index *index, uint32_t block)
{
    return block + 1 < index->block_count ? wendi_dictionary_index_block(index, block + 1).first_code
                                          : index->entry_count;
}

size_t wendi_dictionary_index_bytes(const uint8_t *header, size_t length)
{
    if (length < WENDI_DICTIONARY_HEADER_BYTES) {
        return 0;
    }
    uint32_t blocks = wendi_load_u32(header + 12);
    if (blocks > (length - WENDI_DICTIONARY_HEADER_BYTES) / WENDI_DICTIONARY_INDEX_BYTES) {
        return 0;
    }
    return WENDI_DICTIONARY_HEADER_BYTES + (size_t)blocks * WENDI_DICTIONARY_INDEX_BYTES;
}

bool wendi_dictionary_has_forms(const uint8_t *header, size_t length)
{
    return length >= WENDI_DICTIONARY_HEADER_BYTES && (wendi_load_u32(header + 32) & WENDI_DICTIONARY_FORMS) != 0;
}

static const char *read_header(wendi_dictionary_index *index, const uint8_t *bytes, size_t length)
{
    size_t checked = wendi_dictionary_index_bytes(bytes, length);
    if (checked == 0) {
        return length < WENDI_DICTIONARY_HEADER_BYTES ? "dictionary cut short" : "dictionary index beyond its end";
    }
    index->block_count = wendi_load_u32(bytes + 12);
    index->place.page = WENDI_PLACE_DICTIONARY;
    if (wendi_load_u64(bytes) != wendi_hash64_seed(bytes + 8, checked - 8, wendi_place_seed(&index->place))) {
        return "checksum of the dictionary's index does not match";
    }
    index->string_bytes = wendi_load_u64(bytes + 16);
    index->forms = wendi_dictionary_has_forms(bytes, length);
    if (wendi_load_u32(bytes + 8) != index->entry_count || index->string_bytes > UINT32_MAX - 64 ||
        wendi_load_u32(bytes + 24) != index->place.column_id || wendi_load_u32(bytes + 28) != index->place.row_group ||
        (wendi_load_u32(bytes + 32) & ~(uint32_t)WENDI_DICTIONARY_FORMS) != index->ordered || (index->block_count == 0) != (index->entry_count == 1)) {
        return "dictionary header does not fit its index";
    }
    for (size_t i = 36; i < WENDI_DICTIONARY_HEADER_BYTES; i++) {
        if (bytes[i] != 0) {
            return "reserved bytes of a dictionary header are not zero";
        }
    }
    index->entries = bytes + WENDI_DICTIONARY_HEADER_BYTES;
    index->blocks_at = checked;
    return NULL;
}

/* Codes, lengths and sums of all blocks against each other and what is there, before anything is allocated. */
static const char *check_index(wendi_dictionary_index *index, size_t length)
{
    uint64_t stored = 0;
    uint64_t strings = 0;
    for (uint32_t b = 0; b < index->block_count; b++) {
        wendi_dictionary_block block = wendi_dictionary_index_block(index, b);
        uint32_t next = wendi_dictionary_index_codes_end(index, b);
        if ((b == 0 && block.first_code != 1) || next <= block.first_code || next > index->entry_count) {
            return "codes of dictionary blocks do not rise";
        }
        uint32_t most = WENDI_DICTIONARY_BLOCK_STRING_BYTES;
        if (next - block.first_code == 1 && block.raw_bytes > most) {
            most = block.raw_bytes;
        }
        if (block.stored_bytes > block.raw_bytes || block.raw_bytes > wendi_raw_bytes_max(block.stored_bytes) ||
            block.string_bytes > most || (next - block.first_code) > (index->forms ? block.raw_bytes : block.raw_bytes / 2)) {
            return "dictionary block with impossible lengths";
        }
        index->raw_bytes_max = block.raw_bytes > index->raw_bytes_max ? block.raw_bytes : index->raw_bytes_max;
        stored += block.stored_bytes;
        strings += block.string_bytes;
    }
    if (stored > length - index->blocks_at || length - index->blocks_at - stored >= 64 ||
        strings != index->string_bytes) {
        return "dictionary blocks do not fill the dictionary";
    }
    index->blocks_end = index->blocks_at + stored;
    return NULL;
}

const char *wendi_dictionary_index_open(const uint8_t *bytes, size_t length, uint32_t entry_count, bool ordered,
                                        wendi_place place, wendi_dictionary_index *index)
{
    *index = (wendi_dictionary_index){.place = place, .ordered = ordered, .entry_count = entry_count};
    const char *reason = read_header(index, bytes, length);
    return reason == NULL ? check_index(index, length) : reason;
}

/* A varint of more than a byte, of which the first is read; UINT32_MAX when it is too long. */
static uint32_t read_long_varint(const uint8_t **at, const uint8_t *end, uint32_t first)
{
    uint32_t value = first & 127;
    for (unsigned shift = 7; shift < 32 && *at < end; shift += 7) {
        const uint8_t byte = *(*at)++;
        if (shift == 28 && byte > 15) {
            break; /* beyond 32 bits */
        }
        value |= (uint32_t)(byte & 127) << shift;
        if (byte < 128) {
            return value;
        }
    }
    return UINT32_MAX;
}

/* The next varint of those before `end`, at which there is at least one byte; nearly all have one. */
static inline uint32_t read_varint(const uint8_t **at, const uint8_t *end)
{
    const uint32_t byte = *(*at)++;
    return byte < 128 ? byte : read_long_varint(at, end, byte);
}

/* Step over `count` varints: each ends in a byte below 128. NULL when there are fewer. */
static const uint8_t *skip_varints(const uint8_t *at, const uint8_t *end, uint32_t count)
{
    while (end - at >= 8) {
        const uint64_t last = ~wendi_load_u64(at) >> 7 & UINT64_C(0x0101010101010101);
        const uint32_t ended = (uint32_t)(last * UINT64_C(0x0101010101010101) >> 56);
        if (ended >= count) {
            break;
        }
        count -= ended;
        at += 8;
    }
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

/* What a block is decoded into: entry i of it is bytes[offsets[i] .. offsets[i + 1]). */
typedef struct block_decoder {
    const uint8_t *raw;
    const wendi_dictionary_block *block;
    uint32_t *offsets;
    char *bytes;
    bool ordered;
} block_decoder;

enum { PIECE_BYTES = 16 };

/*
 * Copy in pieces of 16 bytes, the last of which may be read and written up to 15 bytes beyond: entries
 * are short, and a copy of known size is cheaper than one that asks. Behind an entry nothing is
 * written yet. Where an entry is copied from the one before, a piece may reach into its own copy, but
 * not with bytes that count.
 */
static inline void copy_pieces(char *to, const void *from, size_t length)
{
    const char *source = from;
    size_t done = 0;
    do {
        char piece[PIECE_BYTES];
        memcpy(piece, source + done, PIECE_BYTES);
        memcpy(to + done, piece, PIECE_BYTES);
        done += PIECE_BYTES;
    } while (done < length);
}

/* Rebuild the entries of one block. `before` is the entry that stands before them, or NULL. */
static const char *decode_entries(const block_decoder *decoder, uint32_t count, const wendi_string *before)
{
    const uint8_t *end = decoder->raw + decoder->block->raw_bytes;
    const uint8_t *shared_at = decoder->raw;
    const uint8_t *lengths_begin = skip_varints(shared_at, end, count);
    const uint8_t *lengths_end = lengths_begin == NULL ? NULL : skip_varints(lengths_begin, end, count);
    const uint8_t *length_at = lengths_begin;
    const uint8_t *suffix = lengths_end;
    char *to = decoder->bytes + decoder->offsets[0];
    char *const limit = to + decoder->block->string_bytes;
    wendi_string last = {"", 0};
    if (suffix == NULL) {
        return "dictionary block cut short";
    }
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t shared = read_varint(&shared_at, lengths_begin);
        const uint32_t length = read_varint(&length_at, lengths_end);
        if (shared > last.length || length > (size_t)(end - suffix) ||
            (uint64_t)shared + length > (size_t)(limit - to)) {
            return "dictionary entry beyond its block";
        }
        if (decoder->ordered && i > 0 && !rises(last.data, last.length, suffix, shared, length)) {
            return "dictionary entries do not rise";
        }
        if (shared > 0) {
            copy_pieces(to, last.data, shared);
        }
        if ((size_t)(end - suffix) >= (size_t)length + PIECE_BYTES) {
            copy_pieces(to + shared, suffix, length);
        } else {
            memcpy(to + shared, suffix, length);
        }
        suffix += length;
        last = (wendi_string){to, shared + length};
        to += shared + length;
        decoder->offsets[i + 1] = (uint32_t)(to - decoder->bytes);
        if (i == 0 && decoder->ordered && before != NULL && wendi_string_compare(*before, last) >= 0) {
            return "dictionary entries do not rise";
        }
    }
    return suffix == end && to == limit ? NULL : "dictionary block has bytes left over";
}

/* Entries made of digits come without the comparisons that front coding has on the way. */
static const char *check_order(const block_decoder *decoder, uint32_t count, const wendi_string *before)
{
    wendi_string last = before == NULL ? (wendi_string){"", 0} : *before;
    for (uint32_t i = 0; i < count && decoder->ordered; i++) {
        const uint32_t *at = decoder->offsets + i;
        wendi_string entry = {decoder->bytes + at[0], at[1] - at[0]};
        if ((i > 0 || before != NULL) && wendi_string_compare(last, entry) >= 0) {
            return "dictionary entries do not rise";
        }
        last = entry;
    }
    return NULL;
}

/* A block that begins with its form. */
static const char *decode_form(block_decoder *decoder, wendi_dictionary_block *block, uint32_t count,
                               const wendi_string *before)
{
    if (block->raw_bytes > 0 && decoder->raw[0] == WENDI_DICTIONARY_FRONT_CODED) {
        decoder->raw++;
        block->raw_bytes--;
        return decode_entries(decoder, count, before);
    }
    const char *reason = wendi_dictionary_digits_decode(decoder->raw, block->raw_bytes, count, decoder->ordered,
                                                        block->string_bytes, decoder->offsets, decoder->bytes);
    return reason == NULL ? check_order(decoder, count, before) : reason;
}

wend_status wendi_dictionary_block_decode(const wendi_dictionary_index *index, uint32_t b, const uint8_t *stored,
                                          const wendi_string *before, uint8_t *raw, uint32_t *offsets, char *bytes,
                                          const char **reason)
{
    wendi_dictionary_block block = wendi_dictionary_index_block(index, b);
    wendi_place place = index->place;
    place.page = WENDI_PLACE_DICTIONARY + 1 + b;
    if (wendi_hash64_seed(stored, block.stored_bytes, wendi_place_seed(&place)) != block.checksum) {
        *reason = "checksum of a dictionary block does not match";
        return WEND_CORRUPT;
    }
    block_decoder decoder = {stored, &block, offsets, bytes, index->ordered};
    if (block.stored_bytes != block.raw_bytes) {
        wend_status status = wendi_decompress(stored, block.stored_bytes, raw, block.raw_bytes);
        if (status != WEND_OK) {
            *reason = "dictionary block does not decompress";
            return status;
        }
        decoder.raw = raw;
    }
    uint32_t count = wendi_dictionary_index_codes_end(index, b) - block.first_code;
    *reason = index->forms ? decode_form(&decoder, &block, count, before) : decode_entries(&decoder, count, before);
    return *reason == NULL ? WEND_OK : WEND_CORRUPT;
}

/* All blocks on end. */
static wend_status decode_blocks(const wendi_dictionary_index *index, const uint8_t *stored, uint8_t *raw,
                                 uint32_t *offsets, char *bytes, const char **reason)
{
    offsets[0] = offsets[1] = 0;
    for (uint32_t b = 0; b < index->block_count; b++) {
        wendi_dictionary_block block = wendi_dictionary_index_block(index, b);
        uint32_t *first = offsets + block.first_code;
        wendi_string before = {bytes + first[-1], first[0] - first[-1]};
        wend_status status =
            wendi_dictionary_block_decode(index, b, stored, b > 0 ? &before : NULL, raw, first, bytes, reason);
        if (status != WEND_OK) {
            return status;
        }
        stored += block.stored_bytes;
    }
    memset(bytes + index->string_bytes, 0, 64);
    return WEND_OK;
}

wend_status wendi_dictionary_store_decode(const uint8_t *bytes, size_t length, uint32_t entry_count, bool ordered,
                                          wendi_place place, wendi_dictionary **dictionary_out, const char **reason)
{
    wend_status status = WEND_OK;
    wendi_dictionary_index index;
    *dictionary_out = NULL;
    *reason = wendi_dictionary_index_open(bytes, length, entry_count, ordered, place, &index);
    for (size_t i = index.blocks_end; *reason == NULL && i < length; i++) {
        *reason = bytes[i] != 0 ? "padding of a dictionary is not zero" : NULL;
    }
    if (*reason != NULL) {
        return WEND_CORRUPT;
    }
    uint32_t *offsets = wendi_alloc(((size_t)entry_count + 1) * sizeof *offsets);
    char *strings = wendi_alloc(index.string_bytes + 64);
    uint8_t *raw = wendi_alloc(index.raw_bytes_max);
    if (offsets == NULL || strings == NULL || raw == NULL) {
        status = WEND_NOMEM;
        goto cleanup;
    }
    WEND_TRY(decode_blocks(&index, bytes + index.blocks_at, raw, offsets, strings, reason));
    *dictionary_out = wendi_dictionary_new(entry_count, offsets, strings, ordered);
    offsets = NULL; /* taken over, whether it worked or not */
    strings = NULL;
    status = *dictionary_out == NULL ? WEND_NOMEM : WEND_OK;
cleanup:
    wendi_free(offsets);
    wendi_free(strings);
    wendi_free(raw);
    return status;
}
