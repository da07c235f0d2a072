/*
 * What a chunk has behind its pages: the dictionary's blocks with their forms, and the prediction.
 * Blocks are decompressed only to see the byte that says their form.
 */
#include "engine/base/alloc.h"
#include "engine/base/compress.h"
#include "engine/base/hash.h"
#include "format/dictionary_layout.h"
#include "format/dictionary_store.h"
#include "tools/inspect/segment_map.h"

const char *const dictionary_form_names[DICTIONARY_FORMS] = {"front coded", "hexadecimal",
                                                             "decimal"};

enum {
    DICTIONARY_FLAGS = 32,
    DICTIONARY_FLAG_FORMS = 2,
    PREDICTION_HEADER_BYTES = 64,
    PREDICTION_PLACE = 0xc0000000u
};

static const char *block_form(const wendi_dictionary_block *block, const uint8_t *stored,
                              uint8_t *raw, unsigned *form)
{
    const uint8_t *bytes = stored;
    if (block->raw_bytes == 0 || block->raw_bytes > wendi_raw_bytes_max(block->stored_bytes)) {
        return "block of impossible length";
    }
    if (block->stored_bytes != block->raw_bytes) {
        if (wendi_decompress(stored, block->stored_bytes, raw, block->raw_bytes) != WEND_OK) {
            return "block does not decompress";
        }
        bytes = raw;
    }
    *form = bytes[0];
    return *form < DICTIONARY_FORMS ? NULL : "block of an unknown form";
}

static const char *count_forms(const wendi_dictionary_index *index, const uint8_t *bytes,
                               bool forms, uint8_t *raw, dictionary_map *to)
{
    const uint8_t *stored = bytes + index->blocks_at;
    for (uint32_t b = 0; b < index->block_count; b++) {
        wendi_dictionary_block block = wendi_dictionary_index_block(index, b);
        unsigned form = 0;
        const char *reason = forms ? block_form(&block, stored, raw, &form) : NULL;
        if (reason != NULL) {
            return reason;
        }
        to->forms[form]++;
        to->stored_bytes += block.stored_bytes;
        to->raw_bytes += block.raw_bytes;
        stored += block.stored_bytes;
    }
    return NULL;
}

static wendi_place place_of(const wendi_segment *segment, uint32_t group, uint32_t column,
                            uint32_t page)
{
    wendi_place place = {
        .row_group = group, .column_id = segment->footer.columns[column].id, .page = page};
    memcpy(place.uuid, segment->footer.uuid, sizeof place.uuid);
    return place;
}

wend_status map_dictionary(const wendi_segment *segment, uint32_t group, uint32_t column,
                           chunk_map *chunk, wend_error *error)
{
    wend_status status = WEND_OK;
    const wendi_chunk_entry *entry = wendi_segment_chunk(segment, group, column);
    uint64_t offset = chunk->offset + chunk->page_bytes;
    size_t length = (size_t)chunk->dictionary_bytes;
    wendi_dictionary_index index;
    uint8_t *raw = NULL;
    uint8_t *bytes = NULL;
    WEND_TRY(map_read(segment, offset, length, &bytes, error));
    const char *reason = wendi_dictionary_index_open(
        bytes, length, entry->dictionary_entries, entry->ordered,
        place_of(segment, group, column, WENDI_PLACE_DICTIONARY), &index);
    if (reason == NULL) {
        bool forms = (wendi_load_u32(bytes + DICTIONARY_FLAGS) & DICTIONARY_FLAG_FORMS) != 0;
        raw = wendi_alloc(forms ? index.raw_bytes_max : 1);
        if (raw == NULL) {
            status = wendi_fail_nomem(error, "a map", index.raw_bytes_max);
            goto cleanup;
        }
        chunk->dictionary = (dictionary_map){.block_count = index.block_count,
                                             .ordered = index.ordered,
                                             .index_bytes = (uint32_t)index.blocks_at,
                                             .string_bytes = index.string_bytes};
        reason = count_forms(&index, bytes, forms, raw, &chunk->dictionary);
    }
    if (reason != NULL) {
        status = wendi_segment_damage(segment, WEND_CORRUPT, group, column, WENDI_PLACE_DICTIONARY,
                                      offset, reason, error);
        goto cleanup;
    }
    chunk->parts[PART_DICTIONARY] += index.blocks_end;
    chunk->parts[PART_PADDING] += length - index.blocks_end;
cleanup:
    wendi_free(raw);
    wendi_free(bytes);
    return status;
}

wend_status map_prediction(const wendi_segment *segment, uint32_t group, uint32_t column,
                           chunk_map *chunk, wend_error *error)
{
    wend_status status = WEND_OK;
    uint64_t offset = chunk->offset + chunk->page_bytes + chunk->dictionary_bytes;
    size_t length = (size_t)chunk->prediction_bytes;
    wendi_place place = place_of(segment, group, column, PREDICTION_PLACE);
    uint8_t *bytes = NULL;
    WEND_TRY(map_read(segment, offset, length, &bytes, error));
    uint32_t stored = length < PREDICTION_HEADER_BYTES ? 0 : wendi_load_u32(bytes + 44);
    if (length < PREDICTION_HEADER_BYTES || stored > length - PREDICTION_HEADER_BYTES ||
        wendi_load_u64(bytes) !=
            wendi_hash64_seed(bytes + 8, length - 8, wendi_place_seed(&place))) {
        status = wendi_segment_damage(segment, WEND_CORRUPT, group, column, PREDICTION_PLACE,
                                      offset, "checksum of the prediction does not match", error);
        goto cleanup;
    }
    chunk->prediction =
        (prediction_map){.determinant_count = bytes[16],
                         .row_before = bytes[17] != 0,
                         .number_bytes = bytes[18],
                         .determinants = {wendi_load_u32(bytes + 20), wendi_load_u32(bytes + 24)},
                         .map_count = wendi_load_u32(bytes + 28),
                         .list_count = wendi_load_u32(bytes + 40),
                         .stored_bytes = stored};
    chunk->parts[PART_PREDICTION] += PREDICTION_HEADER_BYTES + stored;
    chunk->parts[PART_PADDING] += length - PREDICTION_HEADER_BYTES - stored;
cleanup:
    wendi_free(bytes);
    return status;
}
