/*
 * Reading what describes a segment. The caller has checked the footer's checksum; every count, place
 * and type is checked here all the same, since a checksum says nothing about who computed it.
 */
#include "format/footer.h"

#include "engine/base/hash.h"
#include "format/magic.h"

static wend_status check_features(uint64_t features, const char **reason)
{
    static const char *const names[64] = {
        "feature bit 0", "feature bit 1", "feature bit 2", "feature bit 3", "feature bit 4", "feature bit 5",
        "feature bit 6", "feature bit 7", "feature bit 8", "feature bit 9", "feature bit 10", "feature bit 11",
        "feature bit 12", "feature bit 13", "feature bit 14", "feature bit 15", "feature bit 16", "feature bit 17",
        "feature bit 18", "feature bit 19", "feature bit 20", "feature bit 21", "feature bit 22", "feature bit 23",
        "feature bit 24", "feature bit 25", "feature bit 26", "feature bit 27", "feature bit 28", "feature bit 29",
        "feature bit 30", "feature bit 31", "feature bit 32", "feature bit 33", "feature bit 34", "feature bit 35",
        "feature bit 36", "feature bit 37", "feature bit 38", "feature bit 39", "feature bit 40", "feature bit 41",
        "feature bit 42", "feature bit 43", "feature bit 44", "feature bit 45", "feature bit 46", "feature bit 47",
        "feature bit 48", "feature bit 49", "feature bit 50", "feature bit 51", "feature bit 52", "feature bit 53",
        "feature bit 54", "feature bit 55", "feature bit 56", "feature bit 57", "feature bit 58", "feature bit 59",
        "feature bit 60", "feature bit 61", "feature bit 62", "feature bit 63",
    };
    uint64_t unknown = features & ~WENDI_FEATURES_KNOWN;
    if (unknown == 0) {
        return WEND_OK;
    }
    *reason = names[__builtin_ctzll(unknown)];
    return WEND_UNSUPPORTED;
}

static wend_status check_version(uint32_t version, const char **reason)
{
    if (version == WENDI_SEGMENT_VERSION) {
        return WEND_OK;
    }
    *reason = "a format version other than 1";
    return WEND_UNSUPPORTED;
}

wend_status wendi_header_check(const uint8_t *bytes, const uint8_t *uuid, uint64_t features, const char **reason)
{
    wend_status status = WEND_OK;
    if (memcmp(bytes, WENDI_HEADER_MAGIC, 8) != 0 ||
        wendi_load_u64(bytes + 56) != wendi_hash64(bytes, 56)) {
        *reason = "header checksum does not match";
        return WEND_CORRUPT;
    }
    WEND_TRY(check_version(wendi_load_u32(bytes + 8), reason));
    WEND_TRY(check_features(wendi_load_u64(bytes + 32), reason));
    if (wendi_load_u32(bytes + 12) != WENDI_SEGMENT_HEADER_BYTES || memcmp(bytes + 16, uuid, 16) != 0 ||
        wendi_load_u64(bytes + 48) != 0) {
        *reason = "header does not fit the trailer";
        return WEND_CORRUPT;
    }
    if (wendi_load_u64(bytes + 32) != features) {
        *reason = "header and footer name different features";
        return WEND_CORRUPT;
    }
cleanup:
    return status;
}

wend_status wendi_trailer_decode(const uint8_t *bytes, uint64_t file_bytes, wendi_trailer *trailer, const char **reason)
{
    if (memcmp(bytes + 56, WENDI_TRAILER_MAGIC, 8) != 0) {
        *reason = "no trailer at the file's end: not a segment, or cut short";
        return WEND_CORRUPT;
    }
    if (wendi_load_u64(bytes + 48) != wendi_hash64(bytes, 48)) {
        *reason = "trailer checksum does not match";
        return WEND_CORRUPT;
    }
    trailer->footer_offset = wendi_load_u64(bytes);
    trailer->footer_bytes = wendi_load_u32(bytes + 8);
    trailer->footer_checksum = wendi_load_u64(bytes + 16);
    trailer->file_bytes = wendi_load_u64(bytes + 24);
    memcpy(trailer->uuid, bytes + 32, 16);
    wend_status status = check_version(wendi_load_u32(bytes + 12), reason);
    if (status != WEND_OK) {
        return status;
    }
    uint64_t end = file_bytes - WENDI_TRAILER_BYTES;
    if (trailer->file_bytes != file_bytes || file_bytes % WENDI_FILE_ALIGNMENT != 0 ||
        trailer->footer_offset < WENDI_SEGMENT_HEADER_BYTES || trailer->footer_offset % 64 != 0 ||
        trailer->footer_offset > end || trailer->footer_bytes > end - trailer->footer_offset ||
        trailer->footer_bytes < WENDI_FOOTER_HEADER_BYTES ||
        end - trailer->footer_offset - trailer->footer_bytes >= WENDI_FILE_ALIGNMENT) {
        *reason = "trailer does not fit the file";
        return WEND_CORRUPT;
    }
    return WEND_OK;
}

wendi_page_entry wendi_page_entry_decode(const uint8_t *bytes)
{
    wendi_page_entry entry = {
        .offset = wendi_load_u64(bytes),
        .bytes = wendi_load_u32(bytes + 8),
        .null_count = wendi_load_u32(bytes + 12),
        .has_min_max = (bytes[16] & WENDI_STATISTIC_MIN_MAX) != 0,
        .has_codes = (bytes[16] & WENDI_STATISTIC_CODES) != 0,
        .has_mask = (bytes[16] & WENDI_STATISTIC_MASK) != 0,
        .first_bytes = (bytes[16] & WENDI_STATISTIC_FIRST_BYTES) != 0,
        .min = wendi_load_u64(bytes + 24),
        .max = wendi_load_u64(bytes + 32),
        .mask = wendi_load_u64(bytes + 40),
    };
    wendi_store_u64((uint8_t *)entry.first[0], __builtin_bswap64(entry.min));
    wendi_store_u64((uint8_t *)entry.first[1], __builtin_bswap64(entry.max + 1)); /* 0: nothing is above */
    return entry;
}

/* A view of the names region by the place and length stored at `at`; NULL data when it is outside. */
static wendi_string name_at(wendi_string names, const uint8_t *at)
{
    uint32_t begin = wendi_load_u32(at);
    uint32_t length = wendi_load_u32(at + 4);
    if (begin > names.length || length > names.length - begin) {
        return (wendi_string){NULL, 0};
    }
    return (wendi_string){names.data + begin, length};
}

static bool type_stored(wendi_type type)
{
    switch (type.kind) {
    case WENDI_TYPE_BOOLEAN:
    case WENDI_TYPE_SMALLINT:
    case WENDI_TYPE_INTEGER:
    case WENDI_TYPE_BIGINT:
    case WENDI_TYPE_REAL:
    case WENDI_TYPE_DOUBLE:
    case WENDI_TYPE_TEXT:
    case WENDI_TYPE_UUID:
    case WENDI_TYPE_INET:
    case WENDI_TYPE_DATE:
    case WENDI_TYPE_TIMESTAMPTZ:
    case WENDI_TYPE_JSONB:
        return true;
    case WENDI_TYPE_NUMERIC:
        return type.precision >= 1 && type.precision <= WENDI_NUMERIC_STORED_PRECISION_MAX &&
               type.scale <= type.precision;
    default:
        return false;
    }
}

static const char *decode_columns(const uint8_t *at, wendi_string names, wendi_footer *footer)
{
    for (uint32_t c = 0; c < footer->column_count; c++, at += WENDI_FOOTER_COLUMN_BYTES) {
        wendi_segment_column *column = &footer->columns[c];
        column->id = wendi_load_u32(at);
        column->type = (wendi_type){.kind = at[4], .precision = at[5], .scale = at[6],
                                    .length_max = wendi_load_u32(at + 8)};
        column->name = name_at(names, at + 12);
        if (column->name.data == NULL || !type_stored(column->type) || at[7] != 0 || wendi_load_u32(at + 20) != 0) {
            return "column of an impossible type or name";
        }
        for (uint32_t before = 0; before < c; before++) {
            if (footer->columns[before].id == column->id) {
                return "two columns with one id";
            }
        }
    }
    return NULL;
}

/* Times and users of the segment are those of its row groups together. */
static bool summary_holds(const wendi_footer *footer)
{
    wendi_segment_summary all = {.time_min = INT64_MAX, .time_max = INT64_MIN, .user_hash_min = UINT64_MAX};
    const wendi_segment_summary *said = &footer->summary;
    for (uint32_t g = 0; g < footer->row_group_count; g++) {
        const wendi_row_group_info *info = &footer->row_groups[g].info;
        all.null_user_rows += info->null_user_rows;
        if (info->time_min <= info->time_max) {
            all.time_min = info->time_min < all.time_min ? info->time_min : all.time_min;
            all.time_max = info->time_max > all.time_max ? info->time_max : all.time_max;
        }
        if (info->user_hash_min <= info->user_hash_max) {
            all.user_hash_min = info->user_hash_min < all.user_hash_min ? info->user_hash_min : all.user_hash_min;
            all.user_hash_max = info->user_hash_max > all.user_hash_max ? info->user_hash_max : all.user_hash_max;
        }
    }
    const bool times = all.time_min <= all.time_max ? said->time_min == all.time_min && said->time_max == all.time_max
                                                    : said->time_min > said->time_max;
    const bool users = all.user_hash_min <= all.user_hash_max
                           ? said->user_hash_min == all.user_hash_min && said->user_hash_max == all.user_hash_max
                           : said->user_hash_min > said->user_hash_max;
    return times && users && said->null_user_rows == all.null_user_rows;
}

static const char *decode_row_groups(const uint8_t *at, uint64_t footer_offset, wendi_footer *footer)
{
    uint64_t rows = 0;
    for (uint32_t g = 0; g < footer->row_group_count; g++, at += WENDI_FOOTER_ROW_GROUP_BYTES) {
        wendi_row_group_entry *entry = &footer->row_groups[g];
        entry->index_offset = wendi_load_u64(at);
        entry->index_bytes = wendi_load_u32(at + 8);
        entry->index_checksum = wendi_load_u64(at + 16);
        entry->info = (wendi_row_group_info){
            .first_row = rows,
            .row_count = wendi_load_u32(at + 12),
            .time_min = (int64_t)wendi_load_u64(at + 24),
            .time_max = (int64_t)wendi_load_u64(at + 32),
            .user_hash_min = wendi_load_u64(at + 40),
            .user_hash_max = wendi_load_u64(at + 48),
            .null_user_rows = wendi_load_u64(at + 56),
        };
        rows += entry->info.row_count;
        if (entry->info.row_count == 0 || entry->info.row_count > WENDI_ROW_GROUP_ROWS_MAX ||
            entry->info.null_user_rows > entry->info.row_count) {
            return "row group with an impossible number of rows";
        }
        uint64_t pages = (uint64_t)wendi_pages_of(entry->info.row_count) * footer->column_count;
        if (entry->index_offset % 64 != 0 || entry->index_offset > footer_offset ||
            entry->index_bytes > footer_offset - entry->index_offset ||
            entry->index_bytes != (pages * WENDI_PAGE_ENTRY_BYTES + 63) / 64 * 64) {
            return "row group index outside the file";
        }
    }
    if (rows != footer->summary.row_count) {
        return "row counts do not add up";
    }
    return summary_holds(footer) ? NULL : "times or users of the segment are not those of its row groups";
}

static const char *decode_chunk(const uint8_t *at, wendi_string names, uint64_t footer_offset,
                                const wendi_segment_column *column, wendi_chunk_entry *chunk)
{
    uint32_t flags = wendi_load_u32(at + 32);
    *chunk = (wendi_chunk_entry){
        .offset = wendi_load_u64(at),
        .page_bytes = wendi_load_u64(at + 8),
        .dictionary_bytes = wendi_load_u64(at + 16),
        .dictionary_entries = wendi_load_u32(at + 24),
        .prediction_bytes = wendi_load_u32(at + 52),
        .null_count = wendi_load_u32(at + 28),
        .has_min_max = (flags & WENDI_STATISTIC_MIN_MAX) != 0,
        .ordered = (flags & WENDI_STATISTIC_ORDERED) != 0,
        .low = name_at(names, at + 36),
        .high = name_at(names, at + 44),
        .min = wendi_load_u64(at + 56),
        .max = wendi_load_u64(at + 64),
    };
    wendi_physical physical = wendi_type_physical(column->type);
    if (chunk->offset % 64 != 0 || chunk->page_bytes % 64 != 0 || chunk->dictionary_bytes % 64 != 0 ||
        chunk->offset > footer_offset || chunk->page_bytes > footer_offset - chunk->offset ||
        chunk->dictionary_bytes > footer_offset - chunk->offset - chunk->page_bytes ||
        chunk->prediction_bytes % 64 != 0 ||
        chunk->prediction_bytes > footer_offset - chunk->offset - chunk->page_bytes - chunk->dictionary_bytes) {
        return "column chunk outside the file";
    }
    if (chunk->low.data == NULL || chunk->high.data == NULL ||
        (flags & ~(uint32_t)(WENDI_STATISTIC_MIN_MAX | WENDI_STATISTIC_ORDERED)) != 0 ||
        (chunk->has_min_max && physical == WENDI_PHYSICAL_B16 && (chunk->low.length != 16 || chunk->high.length != 16))) {
        return "bounds of a column chunk outside the footer";
    }
    if ((chunk->dictionary_bytes != 0) != (chunk->dictionary_entries != 0) ||
        (chunk->ordered && chunk->dictionary_bytes == 0) ||
        (chunk->dictionary_bytes != 0 && physical != WENDI_PHYSICAL_STRING)) {
        return "column chunk with an impossible dictionary";
    }
    return NULL;
}

static const char *check_chunk_features(const wendi_footer *footer, uint32_t column, const wendi_chunk_entry *chunk)
{
    const bool unordered = chunk->dictionary_bytes != 0 && !chunk->ordered && column != footer->user_column;
    const bool predicted = chunk->prediction_bytes != 0;
    if ((unordered && (footer->features & WENDI_FEATURE_DICTIONARY_ORDERS) == 0) ||
        (predicted && (footer->features & WENDI_FEATURE_PREDICTED) == 0)) {
        return "column chunk of a feature that the footer does not name";
    }
    if (predicted && (column == footer->user_column ||
                      wendi_type_physical(footer->columns[column].type) == WENDI_PHYSICAL_B16)) {
        return "a prediction of a column that cannot be predicted";
    }
    return NULL;
}

static const char *decode_chunks(const uint8_t *at, wendi_string names, uint64_t footer_offset, wendi_footer *footer)
{
    for (uint32_t g = 0; g < footer->row_group_count; g++) {
        for (uint32_t c = 0; c < footer->column_count; c++, at += WENDI_FOOTER_CHUNK_BYTES) {
            wendi_chunk_entry *chunk = &footer->chunks[(size_t)g * footer->column_count + c];
            const char *reason = decode_chunk(at, names, footer_offset, &footer->columns[c], chunk);
            if (reason != NULL) {
                return reason;
            }
            if (chunk->null_count > footer->row_groups[g].info.row_count) {
                return "column chunk with more nulls than rows";
            }
            reason = check_chunk_features(footer, c, chunk);
            if (reason != NULL) {
                return reason;
            }
        }
    }
    return NULL;
}

static const char *decode_origins(const uint8_t *at, wendi_string names, wendi_footer *footer)
{
    for (uint32_t i = 0; i < footer->origin_count; i++, at += WENDI_FOOTER_ORIGIN_BYTES) {
        footer->origins[i] = (wendi_segment_origin){
            .source = name_at(names, at),
            .partition = (int32_t)wendi_load_u32(at + 8),
            .from = (int64_t)wendi_load_u64(at + 16),
            .to = (int64_t)wendi_load_u64(at + 24),
        };
        if (footer->origins[i].source.data == NULL || wendi_load_u32(at + 12) != 0) {
            return "origin outside the footer";
        }
    }
    return NULL;
}

static const char *decode_fixed(const uint8_t *at, const wendi_trailer *trailer, wendi_footer *footer)
{
    footer->column_count = wendi_load_u32(at + 12);
    footer->row_group_count = wendi_load_u32(at + 16);
    footer->origin_count = wendi_load_u32(at + 20);
    footer->user_column = wendi_load_u32(at + 24);
    footer->time_column = wendi_load_u32(at + 28);
    footer->summary = (wendi_segment_summary){
        .file_bytes = trailer->file_bytes,
        .footer_offset = trailer->footer_offset,
        .footer_checksum = trailer->footer_checksum,
        .row_count = wendi_load_u64(at + 32),
        .time_min = (int64_t)wendi_load_u64(at + 40),
        .time_max = (int64_t)wendi_load_u64(at + 48),
        .user_hash_min = wendi_load_u64(at + 56),
        .user_hash_max = wendi_load_u64(at + 64),
        .null_user_rows = wendi_load_u64(at + 72),
    };
    memcpy(footer->uuid, at + 96, 16);
    uint64_t chunks = (uint64_t)footer->row_group_count * footer->column_count;
    uint64_t bytes = WENDI_FOOTER_HEADER_BYTES + (uint64_t)footer->column_count * WENDI_FOOTER_COLUMN_BYTES +
                     (uint64_t)footer->row_group_count * WENDI_FOOTER_ROW_GROUP_BYTES +
                     (uint64_t)footer->origin_count * WENDI_FOOTER_ORIGIN_BYTES + wendi_load_u32(at + 112);
    if (chunks > trailer->footer_bytes / WENDI_FOOTER_CHUNK_BYTES ||
        bytes + chunks * WENDI_FOOTER_CHUNK_BYTES != trailer->footer_bytes) {
        return "footer counts do not fit its length";
    }
    if (memcmp(at, WENDI_FOOTER_MAGIC, 8) != 0 || memcmp(footer->uuid, trailer->uuid, 16) != 0 ||
        wendi_load_u32(at + 116) != 0 || wendi_load_u64(at + 120) != 0 ||
        (footer->user_column != WENDI_NO_COLUMN && footer->user_column >= footer->column_count) ||
        (footer->time_column != WENDI_NO_COLUMN && footer->time_column >= footer->column_count)) {
        return "footer does not fit the trailer";
    }
    return NULL;
}

wend_status wendi_footer_decode(const uint8_t *bytes, const wendi_trailer *trailer, wendi_arena *arena,
                                wendi_footer *footer, const char **reason)
{
    wend_status status = WEND_OK;
    *footer = (wendi_footer){.features = wendi_load_u64(bytes + 80)};
    WEND_TRY(check_version(wendi_load_u32(bytes + 8), reason));
    WEND_TRY(check_features(footer->features, reason));
    *reason = decode_fixed(bytes, trailer, footer);
    if (*reason != NULL) {
        return WEND_CORRUPT;
    }
    uint32_t names_bytes = wendi_load_u32(bytes + 112);
    size_t chunks = (size_t)footer->row_group_count * footer->column_count;
    footer->columns = wendi_arena_alloc(arena, footer->column_count * sizeof *footer->columns);
    footer->row_groups = wendi_arena_alloc(arena, footer->row_group_count * sizeof *footer->row_groups);
    footer->chunks = wendi_arena_alloc(arena, chunks * sizeof *footer->chunks);
    footer->origins = wendi_arena_alloc(arena, footer->origin_count * sizeof *footer->origins);
    char *names_copy = wendi_arena_copy(arena, (const char *)bytes + trailer->footer_bytes - names_bytes, names_bytes);
    if (footer->columns == NULL || footer->row_groups == NULL || footer->chunks == NULL || footer->origins == NULL ||
        names_copy == NULL) {
        return WEND_NOMEM;
    }
    wendi_string names = {names_copy, names_bytes};
    const uint8_t *columns = bytes + WENDI_FOOTER_HEADER_BYTES;
    const uint8_t *row_groups = columns + (size_t)footer->column_count * WENDI_FOOTER_COLUMN_BYTES;
    const uint8_t *chunks_at = row_groups + (size_t)footer->row_group_count * WENDI_FOOTER_ROW_GROUP_BYTES;
    const uint8_t *origins = chunks_at + chunks * WENDI_FOOTER_CHUNK_BYTES;
    if ((*reason = decode_columns(columns, names, footer)) != NULL ||
        (*reason = decode_row_groups(row_groups, trailer->footer_offset, footer)) != NULL ||
        (*reason = decode_chunks(chunks_at, names, trailer->footer_offset, footer)) != NULL ||
        (*reason = decode_origins(origins, names, footer)) != NULL) {
        status = WEND_CORRUPT;
    }
cleanup:
    return status;
}
