/**
 * Dictionaries at rest: entries front-coded in blocks, each block compressed and checksummed.
 *
 * Stands behind the pages of its chunk: a 64-byte header, an index of blocks (24 bytes each), the
 * blocks, zeros to a multiple of 64. See docs/FORMAT.md.
 */
#ifndef WENDI_FORMAT_DICTIONARY_STORE_H
#define WENDI_FORMAT_DICTIONARY_STORE_H

#include "format/page.h"

/**
 * Append entries codes[0..count-1] of `dictionary` as codes 1..count. `place.page` is ignored.
 * WEND_INVALID: a string is longer than WENDI_STRING_BYTES_MAX, or all together than 4 GiB.
 */
wend_status wendi_dictionary_store_encode(const wendi_dictionary *dictionary, const uint32_t *codes, uint32_t count,
                                          bool ordered, wendi_place place, int zstd_level, wendi_buffer *out);

/** A block as its index says; for inspect. */
typedef struct wendi_dictionary_block {
    uint32_t first_code;
    uint32_t stored_bytes;
    uint32_t raw_bytes;
    uint32_t string_bytes;
    uint64_t checksum;
} wendi_dictionary_block;

/** Check and decode all `length` bytes, which must hold `entry_count` entries (null included). */
wend_status wendi_dictionary_store_decode(const uint8_t *bytes, size_t length, uint32_t entry_count, bool ordered,
                                          wendi_place place, wendi_dictionary **dictionary_out, const char **reason);

#endif
