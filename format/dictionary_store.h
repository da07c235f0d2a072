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

/** A dictionary's header and index, checked; nothing is decoded. Borrows the bytes of the index. */
typedef struct wendi_dictionary_index {
    wendi_place place;
    bool ordered;
    bool forms;           /* blocks begin with a form */
    uint32_t entry_count; /* null included */
    uint32_t block_count;
    uint32_t raw_bytes_max; /* of any block */
    uint64_t string_bytes;
    uint64_t blocks_at; /* where in the dictionary the first block begins, */
    uint64_t blocks_end; /* and the last one ends; zeros follow */
    const uint8_t *entries;
} wendi_dictionary_index;

/** Bytes of header and index, as the 64 bytes of the header claim: never more than `length`; 0 when that cannot be. */
size_t wendi_dictionary_index_bytes(const uint8_t *header, size_t length);
/** Whether the header says that blocks begin with a form; nothing is checked. */
bool wendi_dictionary_has_forms(const uint8_t *header, size_t length);
/**
 * Check header and index of a dictionary of `length` bytes, of which at least wendi_dictionary_index_bytes() are at
 * `bytes`. NULL, or what is wrong.
 */
const char *wendi_dictionary_index_open(const uint8_t *bytes, size_t length, uint32_t entry_count, bool ordered,
                                        wendi_place place, wendi_dictionary_index *index);
wendi_dictionary_block wendi_dictionary_index_block(const wendi_dictionary_index *index, uint32_t block);
/** One behind the last code of a block. */
uint32_t wendi_dictionary_index_codes_end(const wendi_dictionary_index *index, uint32_t block);
/**
 * Check and decode one block, whose bytes are at `stored`. Entry i of it becomes bytes[offsets[i] .. offsets[i + 1]):
 * offsets[0] says where to begin and string_bytes of the block follow, and 16 more may be written over. `before` is
 * the entry in front, or NULL when it is not at hand (then only the order within the block is checked); `raw` has
 * room for raw_bytes_max.
 */
wend_status wendi_dictionary_block_decode(const wendi_dictionary_index *index, uint32_t block, const uint8_t *stored,
                                          const wendi_string *before, uint8_t *raw, uint32_t *offsets, char *bytes,
                                          const char **reason);

/** Check and decode all `length` bytes, which must hold `entry_count` entries (null included). */
wend_status wendi_dictionary_store_decode(const uint8_t *bytes, size_t length, uint32_t entry_count, bool ordered,
                                          wendi_place place, wendi_dictionary **dictionary_out, const char **reason);

#endif
