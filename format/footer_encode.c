/* Writing what describes a segment. The bytes are given field by field in docs/FORMAT.md. */
#include "format/footer.h"

#include "engine/base/hash.h"
#include "format/magic.h"

uint64_t wendi_footer_seed(const uint8_t *uuid)
{
    wendi_place place = {.row_group = WENDI_PLACE_NONE, .column_id = WENDI_PLACE_NONE, .page = WENDI_PLACE_FOOTER};
    memcpy(place.uuid, uuid, 16);
    return wendi_place_seed(&place);
}

uint64_t wendi_index_seed(const uint8_t *uuid, uint32_t row_group)
{
    wendi_place place = {.row_group = row_group, .column_id = WENDI_PLACE_NONE, .page = WENDI_PLACE_INDEX};
    memcpy(place.uuid, uuid, 16);
    return wendi_place_seed(&place);
}

wend_status wendi_header_encode(const uint8_t *uuid, uint64_t features, wendi_buffer *out)
{
    uint8_t header[WENDI_SEGMENT_HEADER_BYTES] = {0};
    memcpy(header, WENDI_HEADER_MAGIC, 8);
    wendi_store_u32(header + 8, WENDI_SEGMENT_VERSION);
    wendi_store_u32(header + 12, WENDI_SEGMENT_HEADER_BYTES);
    memcpy(header + 16, uuid, 16);
    wendi_store_u64(header + 32, features);
    wendi_store_u64(header + 56, wendi_hash64(header, 56));
    return wendi_buffer_append(out, header, sizeof header);
}

wend_status wendi_trailer_encode(const wendi_trailer *trailer, wendi_buffer *out)
{
    uint8_t bytes[WENDI_TRAILER_BYTES] = {0};
    wendi_store_u64(bytes, trailer->footer_offset);
    wendi_store_u32(bytes + 8, trailer->footer_bytes);
    wendi_store_u32(bytes + 12, WENDI_SEGMENT_VERSION);
    wendi_store_u64(bytes + 16, trailer->footer_checksum);
    wendi_store_u64(bytes + 24, trailer->file_bytes);
    memcpy(bytes + 32, trailer->uuid, 16);
    wendi_store_u64(bytes + 48, wendi_hash64(bytes, 48));
    memcpy(bytes + 56, WENDI_TRAILER_MAGIC, 8);
    return wendi_buffer_append(out, bytes, sizeof bytes);
}

wend_status wendi_page_entry_encode(const wendi_page_entry *entry, wendi_buffer *out)
{
    uint8_t bytes[WENDI_PAGE_ENTRY_BYTES] = {0};
    wendi_store_u64(bytes, entry->offset);
    wendi_store_u32(bytes + 8, entry->bytes);
    wendi_store_u32(bytes + 12, entry->null_count);
    bytes[16] = (uint8_t)((entry->has_min_max ? WENDI_STATISTIC_MIN_MAX : 0) |
                          (entry->has_codes ? WENDI_STATISTIC_CODES : 0) |
                          (entry->has_mask ? WENDI_STATISTIC_MASK : 0) |
                          (entry->first_bytes ? WENDI_STATISTIC_FIRST_BYTES : 0));
    wendi_store_u64(bytes + 24, entry->min);
    wendi_store_u64(bytes + 32, entry->max);
    wendi_store_u64(bytes + 40, entry->mask);
    return wendi_buffer_append(out, bytes, sizeof bytes);
}

/* Put `text` behind the names written so far; its place goes to at[0..3], its length to at[4..7]. */
static wend_status add_name(wendi_buffer *names, wendi_string text, uint8_t *at)
{
    wendi_store_u32(at, (uint32_t)names->length);
    wendi_store_u32(at + 4, text.length);
    return wendi_buffer_append(names, text.data, text.length);
}

static void encode_fixed(const wendi_footer *footer, uint8_t *at)
{
    memcpy(at, WENDI_FOOTER_MAGIC, 8);
    wendi_store_u32(at + 8, WENDI_SEGMENT_VERSION);
    wendi_store_u32(at + 12, footer->column_count);
    wendi_store_u32(at + 16, footer->row_group_count);
    wendi_store_u32(at + 20, footer->origin_count);
    wendi_store_u32(at + 24, footer->user_column);
    wendi_store_u32(at + 28, footer->time_column);
    wendi_store_u64(at + 32, footer->summary.row_count);
    wendi_store_u64(at + 40, (uint64_t)footer->summary.time_min);
    wendi_store_u64(at + 48, (uint64_t)footer->summary.time_max);
    wendi_store_u64(at + 56, footer->summary.user_hash_min);
    wendi_store_u64(at + 64, footer->summary.user_hash_max);
    wendi_store_u64(at + 72, footer->summary.null_user_rows);
    wendi_store_u64(at + 80, footer->features);
    memcpy(at + 96, footer->uuid, 16);
}

static wend_status encode_columns(const wendi_footer *footer, wendi_buffer *out, wendi_buffer *names)
{
    wend_status status = WEND_OK;
    for (uint32_t c = 0; c < footer->column_count; c++) {
        const wendi_segment_column *column = &footer->columns[c];
        uint8_t bytes[WENDI_FOOTER_COLUMN_BYTES] = {0};
        wendi_store_u32(bytes, column->id);
        bytes[4] = column->type.kind;
        bytes[5] = column->type.precision;
        bytes[6] = column->type.scale;
        wendi_store_u32(bytes + 8, column->type.length_max);
        WEND_TRY(add_name(names, column->name, bytes + 12));
        WEND_TRY(wendi_buffer_append(out, bytes, sizeof bytes));
    }
cleanup:
    return status;
}

static wend_status encode_row_groups(const wendi_footer *footer, wendi_buffer *out)
{
    wend_status status = WEND_OK;
    for (uint32_t g = 0; g < footer->row_group_count; g++) {
        const wendi_row_group_entry *entry = &footer->row_groups[g];
        uint8_t bytes[WENDI_FOOTER_ROW_GROUP_BYTES];
        wendi_store_u64(bytes, entry->index_offset);
        wendi_store_u32(bytes + 8, entry->index_bytes);
        wendi_store_u32(bytes + 12, entry->info.row_count);
        wendi_store_u64(bytes + 16, entry->index_checksum);
        wendi_store_u64(bytes + 24, (uint64_t)entry->info.time_min);
        wendi_store_u64(bytes + 32, (uint64_t)entry->info.time_max);
        wendi_store_u64(bytes + 40, entry->info.user_hash_min);
        wendi_store_u64(bytes + 48, entry->info.user_hash_max);
        wendi_store_u64(bytes + 56, entry->info.null_user_rows);
        WEND_TRY(wendi_buffer_append(out, bytes, sizeof bytes));
    }
cleanup:
    return status;
}

static wend_status encode_chunks(const wendi_footer *footer, wendi_buffer *out, wendi_buffer *names)
{
    wend_status status = WEND_OK;
    for (size_t i = 0; i < (size_t)footer->row_group_count * footer->column_count; i++) {
        const wendi_chunk_entry *chunk = &footer->chunks[i];
        uint8_t bytes[WENDI_FOOTER_CHUNK_BYTES] = {0};
        wendi_store_u64(bytes, chunk->offset);
        wendi_store_u64(bytes + 8, chunk->page_bytes);
        wendi_store_u64(bytes + 16, chunk->dictionary_bytes);
        wendi_store_u32(bytes + 24, chunk->dictionary_entries);
        wendi_store_u32(bytes + 28, chunk->null_count);
        wendi_store_u32(bytes + 32, (chunk->has_min_max ? WENDI_STATISTIC_MIN_MAX : 0u) |
                                        (chunk->ordered ? WENDI_STATISTIC_ORDERED : 0u));
        WEND_TRY(add_name(names, chunk->low, bytes + 36));
        WEND_TRY(add_name(names, chunk->high, bytes + 44));
        wendi_store_u32(bytes + 52, chunk->prediction_bytes);
        wendi_store_u64(bytes + 56, chunk->min);
        wendi_store_u64(bytes + 64, chunk->max);
        WEND_TRY(wendi_buffer_append(out, bytes, sizeof bytes));
    }
cleanup:
    return status;
}

static wend_status encode_origins(const wendi_footer *footer, wendi_buffer *out, wendi_buffer *names)
{
    wend_status status = WEND_OK;
    for (uint32_t i = 0; i < footer->origin_count; i++) {
        const wendi_segment_origin *origin = &footer->origins[i];
        uint8_t bytes[WENDI_FOOTER_ORIGIN_BYTES] = {0};
        WEND_TRY(add_name(names, origin->source, bytes));
        wendi_store_u32(bytes + 8, (uint32_t)origin->partition);
        wendi_store_u64(bytes + 16, (uint64_t)origin->from);
        wendi_store_u64(bytes + 24, (uint64_t)origin->to);
        WEND_TRY(wendi_buffer_append(out, bytes, sizeof bytes));
    }
cleanup:
    return status;
}

wend_status wendi_footer_encode(const wendi_footer *footer, wendi_buffer *out)
{
    wend_status status = WEND_OK;
    wendi_buffer names = {0};
    size_t begin = out->length;
    WEND_TRY(wendi_buffer_append_zero(out, WENDI_FOOTER_HEADER_BYTES));
    WEND_TRY(encode_columns(footer, out, &names));
    WEND_TRY(encode_row_groups(footer, out));
    WEND_TRY(encode_chunks(footer, out, &names));
    WEND_TRY(encode_origins(footer, out, &names));
    WEND_TRY(wendi_buffer_append(out, names.data, names.length));
    encode_fixed(footer, out->data + begin);
    wendi_store_u32(out->data + begin + 112, (uint32_t)names.length);
cleanup:
    wendi_buffer_free(&names);
    return status;
}
