/* Writing a dictionary: cut into blocks, front-code each, compress it, then fill header and index. */
#include "format/dictionary_store.h"

#include "engine/base/compress.h"
#include "engine/base/hash.h"
#include "format/dictionary_digits.h"
#include "format/dictionary_layout.h"

typedef struct dictionary_encoder {
    const wendi_dictionary *dictionary;
    const uint32_t *codes;
    uint32_t count;
    wendi_place place;
    int zstd_level;
    wendi_buffer index;
    wendi_buffer blocks;
    wendi_buffer shared;   /* of the block under way: lengths shared with the entry before */
    wendi_buffer lengths;  /* lengths of the rest */
    wendi_buffer suffixes; /* the rest */
    wendi_buffer digits;   /* the block in another form, if it has one */
    bool ordered;
    uint32_t block_count;
    uint64_t string_bytes;
} dictionary_encoder;

enum { VARINT_BYTES_MAX = 5 };

static void put_varint(wendi_buffer *out, uint32_t value)
{
    for (; value >= 128; value >>= 7) {
        out->data[out->length++] = (uint8_t)(value | 128);
    }
    out->data[out->length++] = (uint8_t)value;
}

/* Eight bytes at a time: strings can be read 64 bytes beyond their ends. */
static uint32_t shared_prefix(wendi_string a, wendi_string b)
{
    const uint32_t shorter = a.length < b.length ? a.length : b.length;
    for (uint32_t i = 0; i < shorter; i += 8) {
        uint64_t left;
        uint64_t right;
        memcpy(&left, a.data + i, sizeof left);
        memcpy(&right, b.data + i, sizeof right);
        if (left != right) {
            i += (uint32_t)__builtin_ctzll(left ^ right) / 8;
            return i < shorter ? i : shorter;
        }
    }
    return shorter;
}

static wendi_string entry_at(const dictionary_encoder *encoder, uint32_t index)
{
    return wendi_dictionary_at(encoder->dictionary, encoder->codes[index]);
}

/* Front-code entries from `first` on until the block is full; returns the first entry left out. */
static wend_status collect_block(dictionary_encoder *encoder, uint32_t first, uint32_t *end_out,
                                 uint64_t *string_bytes_out)
{
    wend_status status = WEND_OK;
    wendi_string before = {"", 0};
    uint64_t string_bytes = 0;
    uint32_t i = first;
    encoder->shared.length = encoder->lengths.length = encoder->suffixes.length = 0;
    WEND_TRY(wendi_buffer_append_zero(&encoder->shared, 1)); /* form FRONT_CODED */
    for (; i < encoder->count; i++) {
        wendi_string entry = entry_at(encoder, i);
        uint32_t prefix = shared_prefix(before, entry);
        size_t raw = encoder->shared.length + encoder->lengths.length + encoder->suffixes.length;
        if (entry.length > WENDI_STRING_BYTES_MAX) {
            return WEND_INVALID;
        }
        if (i > first && (raw + entry.length - prefix > wendi_block_bytes(encoder->zstd_level) ||
                          string_bytes + entry.length > WENDI_DICTIONARY_BLOCK_STRING_BYTES)) {
            break;
        }
        WEND_TRY(wendi_buffer_reserve(&encoder->shared, VARINT_BYTES_MAX));
        WEND_TRY(wendi_buffer_reserve(&encoder->lengths, VARINT_BYTES_MAX));
        put_varint(&encoder->shared, prefix);
        put_varint(&encoder->lengths, entry.length - prefix);
        WEND_TRY(wendi_buffer_append(&encoder->suffixes, entry.data + prefix, entry.length - prefix));
        string_bytes += entry.length;
        before = entry;
    }
    *end_out = i;
    *string_bytes_out = string_bytes;
cleanup:
    return status;
}

/* Compress `raw` behind the blocks; their length stays, *stored says what was added. */
static wend_status compress_block(dictionary_encoder *encoder, const wendi_buffer *raw, int zstd_level, size_t *stored)
{
    wend_status status = WEND_OK;
    size_t bound = wendi_compress_bound(raw->length);
    WEND_TRY(wendi_buffer_reserve(&encoder->blocks, bound));
    uint8_t *to = encoder->blocks.data + encoder->blocks.length;
    WEND_TRY(wendi_compress(raw->data, raw->length, zstd_level, to, bound, stored));
    if (*stored >= raw->length) {
        memcpy(to, raw->data, raw->length);
        *stored = raw->length;
    }
cleanup:
    return status;
}

/*
 * Front-coded, or as digits where entries are such and that is smaller. Hexadecimal digits in no order are taken
 * to be random: nothing is shared between such entries, and hardly anything is left to compress.
 */
static wend_status compress_smaller(dictionary_encoder *encoder, uint32_t first, uint32_t count,
                                    const wendi_buffer **raw, size_t *stored)
{
    wend_status status = WEND_OK;
    size_t front_coded = 0;
    wendi_buffer *digits = &encoder->digits;
    WEND_TRY(wendi_dictionary_digits_encode(encoder->dictionary, encoder->codes + first, count, encoder->ordered,
                                            digits));
    *raw = digits;
    if (digits->length > 0 && digits->data[0] == WENDI_DICTIONARY_HEXADECIMAL && !encoder->ordered) {
        WEND_TRY(compress_block(encoder, digits, 1, stored));
        goto cleanup;
    }
    *raw = &encoder->shared;
    WEND_TRY(compress_block(encoder, *raw, encoder->zstd_level, &front_coded));
    *stored = front_coded;
    if (digits->length > 0) {
        WEND_TRY(compress_block(encoder, digits, encoder->zstd_level, stored));
        if (*stored <= front_coded) {
            *raw = digits;
        } else {
            WEND_TRY(compress_block(encoder, *raw, encoder->zstd_level, stored));
        }
    }
cleanup:
    return status;
}

static wend_status store_block(dictionary_encoder *encoder, uint32_t first, uint32_t count, uint64_t string_bytes)
{
    wend_status status = WEND_OK;
    const wendi_buffer *raw = NULL;
    size_t stored = 0;
    WEND_TRY(wendi_buffer_append(&encoder->shared, encoder->lengths.data, encoder->lengths.length));
    WEND_TRY(wendi_buffer_append(&encoder->shared, encoder->suffixes.data, encoder->suffixes.length));
    WEND_TRY(compress_smaller(encoder, first, count, &raw, &stored));
    const uint8_t *to = encoder->blocks.data + encoder->blocks.length;
    encoder->blocks.length += stored;
    encoder->place.page = WENDI_PLACE_DICTIONARY + 1 + encoder->block_count;
    WEND_TRY(wendi_buffer_u32(&encoder->index, first + 1));
    WEND_TRY(wendi_buffer_u32(&encoder->index, (uint32_t)stored));
    WEND_TRY(wendi_buffer_u32(&encoder->index, (uint32_t)raw->length));
    WEND_TRY(wendi_buffer_u32(&encoder->index, (uint32_t)string_bytes));
    WEND_TRY(wendi_buffer_u64(&encoder->index, wendi_hash64_seed(to, stored, wendi_place_seed(&encoder->place))));
    encoder->block_count++;
    encoder->string_bytes += string_bytes;
cleanup:
    return status;
}

static void fill_header(const dictionary_encoder *encoder, bool ordered, uint8_t *header)
{
    wendi_place place = encoder->place;
    place.page = WENDI_PLACE_DICTIONARY;
    wendi_store_u32(header + 8, encoder->count + 1);
    wendi_store_u32(header + 12, encoder->block_count);
    wendi_store_u64(header + 16, encoder->string_bytes);
    wendi_store_u32(header + 24, place.column_id);
    wendi_store_u32(header + 28, place.row_group);
    wendi_store_u32(header + 32, (ordered ? WENDI_DICTIONARY_ORDERED : 0u) | WENDI_DICTIONARY_FORMS);
    wendi_store_u64(header, wendi_hash64_seed(header + 8, WENDI_DICTIONARY_HEADER_BYTES - 8 + encoder->index.length,
                                              wendi_place_seed(&place)));
}

wend_status wendi_dictionary_store_encode(const wendi_dictionary *dictionary, const uint32_t *codes, uint32_t count,
                                          bool ordered, wendi_place place, int zstd_level, wendi_buffer *out)
{
    wend_status status = WEND_OK;
    size_t begin = out->length;
    dictionary_encoder encoder = {.dictionary = dictionary, .codes = codes, .count = count, .place = place,
                                  .zstd_level = zstd_level, .ordered = ordered};
    for (uint32_t first = 0; first < count;) {
        uint32_t end;
        uint64_t string_bytes;
        WEND_TRY(collect_block(&encoder, first, &end, &string_bytes));
        WEND_TRY(store_block(&encoder, first, end - first, string_bytes));
        first = end;
    }
    if (encoder.string_bytes > UINT32_MAX - 64) {
        status = WEND_INVALID;
        goto cleanup;
    }
    WEND_TRY(wendi_buffer_append_zero(out, WENDI_DICTIONARY_HEADER_BYTES));
    WEND_TRY(wendi_buffer_append(out, encoder.index.data, encoder.index.length));
    fill_header(&encoder, ordered, out->data + begin);
    WEND_TRY(wendi_buffer_append(out, encoder.blocks.data, encoder.blocks.length));
    WEND_TRY(wendi_buffer_append_zero(out, (64 - out->length % 64) % 64));
cleanup:
    wendi_buffer_free(&encoder.index);
    wendi_buffer_free(&encoder.blocks);
    wendi_buffer_free(&encoder.shared);
    wendi_buffer_free(&encoder.lengths);
    wendi_buffer_free(&encoder.suffixes);
    wendi_buffer_free(&encoder.digits);
    return status;
}
