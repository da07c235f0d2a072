/*
 * Opening a segment: trailer and footer in one read when the commit log says where, and what is
 * loaded once for all threads: row group indexes and dictionaries.
 */
#include "format/segment.h"
#include "format/magic.h"

#include <inttypes.h>
#include <stdio.h>

#include "engine/base/alloc.h"
#include "engine/base/hash.h"
#include "format/dictionary_part.h"
#include "format/dictionary_store.h"
#include "format/kernel/kernels.h"

wend_status wendi_segment_damage(const wendi_segment *segment, wend_status status, uint32_t row_group, uint32_t column,
                                 uint32_t page, uint64_t offset, const char *reason, wend_error *error)
{
    char place[256] = "";
    int at = 0;
    if (status == WEND_NOMEM) {
        return wendi_fail_nomem(error, "reading a segment", 0);
    }
    if (row_group != WENDI_PLACE_NONE) {
        at += snprintf(place, sizeof place, ", row group %" PRIu32, row_group);
    }
    if (column != WENDI_PLACE_NONE) {
        const wendi_segment_column *of = &segment->footer.columns[column];
        at += snprintf(place + at, sizeof place - (size_t)at, ", column %" PRIu32 " (%.*s)", of->id,
                       of->name.length < 64 ? (int)of->name.length : 64, of->name.data);
    }
    if (page == WENDI_PLACE_DICTIONARY) {
        snprintf(place + at, sizeof place - (size_t)at, ", dictionary");
    } else if (page == WENDI_PLACE_PREDICTION) {
        snprintf(place + at, sizeof place - (size_t)at, ", prediction");
    } else if (page != WENDI_PLACE_NONE) {
        snprintf(place + at, sizeof place - (size_t)at, ", page %" PRIu32, page);
    }
    return wendi_fail(error, status, "segment %s%s at byte %" PRIu64 ": %s%s", segment->name, place, offset,
                      status == WEND_UNSUPPORTED ? "this version does not know " : "", reason);
}

static void name_segment(wendi_segment *segment, const uint8_t *uuid)
{
    if (segment->source.name != NULL) {
        snprintf(segment->name, sizeof segment->name, "%s", segment->source.name);
        return;
    }
    char *to = segment->name;
    for (int i = 0; i < 16; i++) {
        to += sprintf(to, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", uuid[i]);
    }
}

wend_status wendi_segment_read(const wendi_segment *segment, uint64_t offset, size_t length, uint8_t **bytes_out,
                               wend_error *error)
{
    uint8_t *bytes = wendi_alloc_aligned(64, length + 64);
    if (bytes == NULL) {
        return wendi_fail_nomem(error, "reading a segment", length);
    }
    memset(bytes + length, 0, 64);
    wend_status status = segment->source.read(segment->source.context, offset, bytes, length, error);
    if (status != WEND_OK) {
        wendi_free(bytes);
        return status;
    }
    *bytes_out = bytes;
    return WEND_OK;
}

/* Footer, zeros and trailer, `length` bytes from `offset` to the end of the file. */
static wend_status read_tail(wendi_segment *segment, const uint8_t *bytes, uint64_t offset, size_t length,
                             const wendi_segment_expected *expected, wend_error *error)
{
    wendi_trailer trailer;
    const char *reason = NULL;
    uint64_t trailer_at = segment->source.length - WENDI_TRAILER_BYTES;
    wend_status status =
        wendi_trailer_decode(bytes + length - WENDI_TRAILER_BYTES, segment->source.length, &trailer, &reason);
    if (status == WEND_OK && trailer.footer_offset != offset) {
        status = WEND_CORRUPT;
        reason = "the footer is not where the commit log says";
    }
    if (status == WEND_OK && expected != NULL &&
        (memcmp(expected->uuid, trailer.uuid, 16) != 0 || expected->footer_checksum != trailer.footer_checksum)) {
        status = WEND_CORRUPT;
        reason = "this is another file than the commit log says";
    }
    if (status != WEND_OK) {
        return wendi_segment_damage(segment, status, WENDI_PLACE_NONE, WENDI_PLACE_NONE, WENDI_PLACE_NONE, trailer_at,
                                    reason, error);
    }
    name_segment(segment, trailer.uuid);
    if (wendi_hash64_seed(bytes, trailer.footer_bytes, wendi_footer_seed(trailer.uuid)) != trailer.footer_checksum) {
        status = WEND_CORRUPT;
        reason = "checksum of the footer does not match";
    } else {
        status = wendi_footer_decode(bytes, &trailer, &segment->arena, &segment->footer, &reason);
    }
    for (size_t i = trailer.footer_bytes; status == WEND_OK && i < length - WENDI_TRAILER_BYTES; i++) {
        if (bytes[i] != 0) {
            status = WEND_CORRUPT;
            reason = "padding behind the footer is not zero";
        }
    }
    return status == WEND_OK ? WEND_OK
                             : wendi_segment_damage(segment, status, WENDI_PLACE_NONE, WENDI_PLACE_NONE,
                                                    WENDI_PLACE_NONE, offset, reason, error);
}

/* Where the footer begins, from the log or from the trailer. */
static wend_status find_footer(const wendi_segment *segment, const wendi_segment_expected *expected, uint64_t *offset,
                               wend_error *error)
{
    uint8_t *bytes = NULL;
    wendi_trailer trailer;
    const char *reason = NULL;
    uint64_t length = segment->source.length;
    if (length < WENDI_FILE_ALIGNMENT || (expected != NULL && expected->file_bytes != length)) {
        return wendi_fail(error, WEND_CORRUPT, "segment %s: the file has %" PRIu64 " bytes, not the %" PRIu64 " %s",
                          segment->name, length, expected != NULL ? expected->file_bytes : (uint64_t)WENDI_FILE_ALIGNMENT,
                          expected != NULL ? "that were committed" : "of the smallest segment");
    }
    if (expected != NULL) {
        *offset = expected->footer_offset;
        if (*offset > length - WENDI_TRAILER_BYTES - WENDI_FOOTER_HEADER_BYTES) {
            return wendi_fail(error, WEND_CORRUPT, "segment %s: the commit log places its footer outside the file",
                              segment->name);
        }
        return WEND_OK;
    }
    wend_status status = wendi_segment_read(segment, length - WENDI_TRAILER_BYTES, WENDI_TRAILER_BYTES, &bytes, error);
    if (status != WEND_OK) {
        return status;
    }
    status = wendi_trailer_decode(bytes, length, &trailer, &reason);
    wendi_free(bytes);
    *offset = trailer.footer_offset;
    return status == WEND_OK ? WEND_OK
                             : wendi_segment_damage(segment, status, WENDI_PLACE_NONE, WENDI_PLACE_NONE,
                                                    WENDI_PLACE_NONE, length - WENDI_TRAILER_BYTES, reason, error);
}

static wend_status make_states(wendi_segment *segment)
{
    const wendi_footer *footer = &segment->footer;
    segment->row_groups = wendi_alloc_zero(footer->row_group_count, sizeof *segment->row_groups);
    if (segment->row_groups == NULL) {
        return WEND_NOMEM;
    }
    for (uint32_t g = 0; g < footer->row_group_count; g++) {
        wendi_row_group_state *state = &segment->row_groups[g];
        pthread_mutex_init(&state->lock, NULL);
        segment->lock_count++;
        state->dictionaries = wendi_alloc_zero(footer->column_count, sizeof *state->dictionaries);
        state->dictionary_rounds = wendi_alloc_zero(footer->column_count, sizeof *state->dictionary_rounds);
        state->dictionary_parts = wendi_alloc_zero(footer->column_count, sizeof *state->dictionary_parts);
        state->predictions = wendi_alloc_zero(footer->column_count, sizeof *state->predictions);
        if (state->dictionaries == NULL || state->dictionary_rounds == NULL || state->dictionary_parts == NULL ||
            state->predictions == NULL) {
            return WEND_NOMEM;
        }
    }
    uint64_t chunks = (uint64_t)footer->row_group_count * footer->column_count;
    atomic_init(&segment->held_bytes,
                sizeof *segment + segment->source.length - footer->summary.footer_offset +
                    footer->row_group_count * sizeof *segment->row_groups +
                    chunks * (3 * sizeof(void *) + sizeof(uint32_t) + sizeof *footer->chunks));
    return WEND_OK;
}

wend_status wendi_segment_open(const wendi_segment_source *source, const wendi_segment_expected *expected,
                               wendi_segment **segment_out, wend_error *error)
{
    wend_status status = WEND_OK;
    uint8_t *bytes = NULL;
    uint64_t offset = 0;
    static const uint8_t no_uuid[16];
    wendi_segment *segment = wendi_alloc_zero(1, sizeof *segment);
    *segment_out = NULL;
    if (segment == NULL) {
        return wendi_fail_nomem(error, "a segment", sizeof *segment);
    }
    segment->source = *source;
    wendi_arena_init(&segment->arena, 4096);
    name_segment(segment, expected != NULL ? expected->uuid : no_uuid);
    WEND_TRY(wendi_kernels_check(error)); /* what is read will be decoded */
    WEND_TRY(find_footer(segment, expected, &offset, error));
    size_t length = (size_t)(source->length - offset);
    WEND_TRY(wendi_segment_read(segment, offset, length, &bytes, error));
    WEND_TRY(read_tail(segment, bytes, offset, length, expected, error));
    if (make_states(segment) != WEND_OK) {
        status = wendi_fail_nomem(error, "a segment", 0);
        goto cleanup;
    }
    *segment_out = segment;
    segment = NULL;
cleanup:
    wendi_free(bytes);
    wendi_segment_close(segment);
    return status;
}

void wendi_segment_close(wendi_segment *segment)
{
    if (segment == NULL) {
        return;
    }
    for (uint32_t g = 0; g < segment->lock_count; g++) {
        wendi_row_group_state *state = &segment->row_groups[g];
        for (uint32_t c = 0; state->dictionaries != NULL && c < segment->footer.column_count; c++) {
            wendi_dictionary_release(atomic_load(&state->dictionaries[c]));
        }
        for (uint32_t c = 0; state->dictionary_parts != NULL && c < segment->footer.column_count; c++) {
            wendi_dictionary_part_free(atomic_load(&state->dictionary_parts[c]));
        }
        wendi_free(state->dictionary_parts);
        for (uint32_t c = 0; state->predictions != NULL && c < segment->footer.column_count; c++) {
            wendi_prediction_free(atomic_load(&state->predictions[c]));
        }
        wendi_free(state->predictions);
        (void)wendi_kept_pages_trim(segment, g, UINT32_MAX);
        wendi_free(state->kept);
        wendi_free(atomic_load(&state->pages));
        wendi_free(atomic_load(&state->hashes));
        wendi_loaded_runs_free(atomic_load(&state->runs));
        wendi_free(state->dictionary_rounds);
        wendi_free(state->dictionaries);
        pthread_mutex_destroy(&state->lock);
    }
    wendi_free(segment->row_groups);
    wendi_arena_free(&segment->arena);
    wendi_free(segment);
}

/* ---- memory ---- */

bool wendi_segment_hold(wendi_segment *segment, uint64_t bytes, bool needed)
{
    if (segment->hold != NULL && !segment->hold(segment->hold_context, bytes, needed)) {
        return false;
    }
    atomic_fetch_add_explicit(&segment->held_bytes, bytes, memory_order_relaxed);
    return true;
}

void wendi_segment_give_back(wendi_segment *segment, uint64_t bytes)
{
    atomic_fetch_sub_explicit(&segment->held_bytes, bytes, memory_order_relaxed);
    if (segment->hold != NULL) {
        segment->hold(segment->hold_context, 0 - bytes, true);
    }
}

void wendi_segment_count_memory(wendi_segment *segment, void *context,
                                bool (*hold)(void *context, uint64_t bytes, bool needed))
{
    segment->hold = hold;
    segment->hold_context = context;
    (void)hold(context, atomic_load(&segment->held_bytes), true);
}

void wendi_segment_read_ahead(wendi_segment *segment, void *context,
                              void (*will_need)(void *context, uint64_t offset, uint64_t length))
{
    segment->will_need = will_need;
    segment->will_need_context = context;
}

uint64_t wendi_segment_memory(const wendi_segment *segment)
{
    return atomic_load(&segment->held_bytes);
}

void wendi_segment_set_round(wendi_segment *segment, uint32_t round)
{
    atomic_store_explicit(&segment->round, round, memory_order_relaxed);
}

static uint64_t dictionary_memory(const wendi_dictionary *dictionary)
{
    return sizeof *dictionary + ((uint64_t)dictionary->entry_count + 1) * sizeof *dictionary->offsets +
           dictionary->offsets[dictionary->entry_count] + 64;
}

uint64_t wendi_segment_trim(wendi_segment *segment, uint32_t before_round)
{
    uint64_t freed = 0;
    for (uint32_t g = 0; g < segment->footer.row_group_count; g++) {
        wendi_row_group_state *state = &segment->row_groups[g];
        freed += wendi_kept_pages_trim(segment, g, before_round);
        for (uint32_t c = 0; c < segment->footer.column_count; c++) {
            if (atomic_load(&state->dictionary_rounds[c]) >= before_round) {
                continue;
            }
            wendi_dictionary *dictionary = atomic_exchange(&state->dictionaries[c], NULL);
            wendi_dictionary_part *part = atomic_exchange(&state->dictionary_parts[c], NULL);
            freed += dictionary != NULL ? dictionary_memory(dictionary) : 0;
            freed += part != NULL ? wendi_dictionary_part_memory(part) : 0;
            wendi_dictionary_release(dictionary);
            wendi_dictionary_part_free(part);
        }
        if (atomic_load(&state->users_round) < before_round) {
            freed += wendi_row_group_forget_users(segment, g);
        }
    }
    atomic_fetch_sub(&segment->held_bytes, freed);
    return freed;
}

/* ---- row group indexes ---- */

enum { MASK_ENTRIES_MAX = 64 };

/*
 * Can pages of the chunk have these statistics? With a dictionary they are of codes; of sixteen-byte values and of
 * strings in blocks first bytes are kept; of other types the values.
 */
static bool statistics_fit(const wendi_segment *segment, const wendi_chunk_entry *chunk, uint32_t column, uint8_t of)
{
    wendi_physical physical = wendi_type_physical(segment->footer.columns[column].type);
    const bool bytes = physical == WENDI_PHYSICAL_B16 || physical == WENDI_PHYSICAL_STRING;
    const bool bounds = (of & WENDI_STATISTIC_MIN_MAX) != 0;
    if (chunk->dictionary_entries != 0) {
        const bool mask = (of & WENDI_STATISTIC_MASK) != 0;
        return (of & WENDI_STATISTIC_FIRST_BYTES) == 0 && (!bounds || (of & WENDI_STATISTIC_CODES) != 0) &&
               (!mask || chunk->dictionary_entries <= MASK_ENTRIES_MAX);
    }
    if (!bounds) {
        return of == 0;
    }
    return bytes ? of == (WENDI_STATISTIC_MIN_MAX | WENDI_STATISTIC_FIRST_BYTES) &&
                       (segment->footer.features & WENDI_FEATURE_FIRST_BYTES) != 0
                 : of == WENDI_STATISTIC_MIN_MAX;
}

/* The pages of each chunk follow on each other and fill it. */
static const char *decode_pages(const wendi_segment *segment, uint32_t row_group, const uint8_t *bytes,
                                wendi_page_entry *pages)
{
    const wendi_footer *footer = &segment->footer;
    uint32_t row_count = footer->row_groups[row_group].info.row_count;
    uint32_t per_chunk = wendi_pages_of(row_count);
    size_t used = (size_t)per_chunk * footer->column_count * WENDI_PAGE_ENTRY_BYTES;
    for (uint32_t c = 0; c < footer->column_count; c++) {
        const wendi_chunk_entry *chunk = wendi_segment_chunk(segment, row_group, c);
        uint64_t at = chunk->offset;
        uint64_t end = chunk->offset + chunk->page_bytes;
        for (uint32_t p = 0; p < per_chunk; p++, pages++, bytes += WENDI_PAGE_ENTRY_BYTES) {
            uint32_t rows = p + 1 < per_chunk ? WENDI_PAGE_ROWS : row_count - p * WENDI_PAGE_ROWS;
            *pages = wendi_page_entry_decode(bytes);
            if ((bytes[16] & ~15) != 0 || wendi_load_u64(bytes + 16) >> 8 != 0) {
                return "reserved bytes of a page entry are not zero";
            }
            if (!statistics_fit(segment, chunk, c, bytes[16])) {
                return "statistics of a page that its column does not have";
            }
            if (pages->offset != at || pages->bytes % 64 != 0 || pages->bytes < WENDI_PAGE_HEADER_BYTES ||
                pages->bytes > end - at || pages->null_count > rows) {
                return "pages do not fill their column chunk";
            }
            at += pages->bytes;
        }
        if (at != end) {
            return "pages do not fill their column chunk";
        }
    }
    for (size_t i = used; i < footer->row_groups[row_group].index_bytes; i++, bytes++) {
        if (*bytes != 0) {
            return "padding of a row group index is not zero";
        }
    }
    return NULL;
}

static wend_status load_pages(wendi_segment *segment, uint32_t row_group, wendi_page_entry **pages_out,
                              wend_error *error)
{
    wend_status status = WEND_OK;
    const wendi_row_group_entry *entry = &segment->footer.row_groups[row_group];
    size_t count = (size_t)wendi_pages_of(entry->info.row_count) * segment->footer.column_count;
    uint8_t *bytes = NULL;
    const char *reason = NULL;
    wendi_page_entry *pages = NULL;
    WEND_TRY(wendi_segment_read(segment, entry->index_offset, entry->index_bytes, &bytes, error));
    if (wendi_hash64_seed(bytes, entry->index_bytes, wendi_index_seed(segment->footer.uuid, row_group)) !=
        entry->index_checksum) {
        reason = "checksum of the row group's index does not match";
    } else {
        pages = wendi_alloc(count * sizeof *pages);
        if (pages == NULL) {
            status = wendi_fail_nomem(error, "a row group index", count * sizeof *pages);
            goto cleanup;
        }
        reason = decode_pages(segment, row_group, bytes, pages);
    }
    if (reason != NULL) {
        status = wendi_segment_damage(segment, WEND_CORRUPT, row_group, WENDI_PLACE_NONE, WENDI_PLACE_NONE,
                                      entry->index_offset, reason, error);
        goto cleanup;
    }
    *pages_out = pages;
    pages = NULL;
cleanup:
    wendi_free(pages);
    wendi_free(bytes);
    return status;
}

/* Places for the pages that will be kept, of a row group whose index was read. */
static wend_status make_kept(wendi_segment *segment, uint32_t row_group, wend_error *error)
{
    wendi_row_group_state *state = &segment->row_groups[row_group];
    size_t count = (size_t)wendi_pages_of(segment->footer.row_groups[row_group].info.row_count) *
                   segment->footer.column_count;
    state->kept = wendi_alloc_zero(count, sizeof *state->kept);
    if (state->kept == NULL) {
        return wendi_fail_nomem(error, "a row group index", count * sizeof *state->kept);
    }
    (void)wendi_segment_hold(segment, count * (sizeof(wendi_page_entry) + sizeof *state->kept), true);
    return WEND_OK;
}

wend_status wendi_segment_pages(wendi_segment *segment, uint32_t row_group, const wendi_page_entry **pages_out,
                                wend_error *error)
{
    wendi_row_group_state *state = &segment->row_groups[row_group];
    wendi_page_entry *pages = atomic_load_explicit(&state->pages, memory_order_acquire);
    wend_status status = WEND_OK;
    if (pages == NULL) {
        pthread_mutex_lock(&state->lock);
        pages = atomic_load_explicit(&state->pages, memory_order_acquire);
        if (pages == NULL) {
            status = load_pages(segment, row_group, &pages, error);
            if (status == WEND_OK) {
                status = make_kept(segment, row_group, error);
            }
            if (status != WEND_OK) {
                wendi_free(pages);
                pages = NULL;
            }
            atomic_store_explicit(&state->pages, pages, memory_order_release);
        }
        pthread_mutex_unlock(&state->lock);
    }
    *pages_out = pages;
    return status;
}

static wend_status load_dictionary(wendi_segment *segment, uint32_t row_group, uint32_t column,
                                   wendi_dictionary **dictionary_out, wend_error *error)
{
    const wendi_chunk_entry *chunk = wendi_segment_chunk(segment, row_group, column);
    uint64_t offset = chunk->offset + chunk->page_bytes;
    uint8_t *bytes = NULL;
    const char *reason = NULL;
    wendi_place place = {.row_group = row_group, .column_id = segment->footer.columns[column].id};
    memcpy(place.uuid, segment->footer.uuid, 16);
    wend_status status = wendi_segment_read(segment, offset, (size_t)chunk->dictionary_bytes, &bytes, error);
    if (status != WEND_OK) {
        return status;
    }
    if (wendi_dictionary_has_forms(bytes, (size_t)chunk->dictionary_bytes) &&
        (segment->footer.features & WENDI_FEATURE_DICTIONARY_FORMS) == 0) {
        reason = "dictionary of a feature that the footer does not name";
        status = WEND_CORRUPT;
    } else {
        status = wendi_dictionary_store_decode(bytes, (size_t)chunk->dictionary_bytes, chunk->dictionary_entries,
                                               chunk->ordered, place, dictionary_out, &reason);
    }
    wendi_free(bytes);
    return status == WEND_OK ? WEND_OK
                             : wendi_segment_damage(segment, status, row_group, column, WENDI_PLACE_DICTIONARY, offset,
                                                    reason, error);
}

wend_status wendi_segment_dictionary(wendi_segment *segment, uint32_t row_group, uint32_t column,
                                     wendi_dictionary **dictionary_out, wend_error *error)
{
    wendi_row_group_state *state = &segment->row_groups[row_group];
    wendi_dictionary *dictionary = atomic_load_explicit(&state->dictionaries[column], memory_order_acquire);
    wend_status status = WEND_OK;
    if (dictionary == NULL && wendi_segment_chunk(segment, row_group, column)->dictionary_bytes != 0) {
        pthread_mutex_lock(&state->lock);
        dictionary = atomic_load_explicit(&state->dictionaries[column], memory_order_acquire);
        if (dictionary == NULL) {
            status = load_dictionary(segment, row_group, column, &dictionary, error);
            if (status == WEND_OK) {
                (void)wendi_segment_hold(segment, dictionary_memory(dictionary), true);
            }
            atomic_store_explicit(&state->dictionaries[column], dictionary, memory_order_release);
        }
        pthread_mutex_unlock(&state->lock);
    }
    atomic_store_explicit(&state->dictionary_rounds[column],
                          atomic_load_explicit(&segment->round, memory_order_relaxed), memory_order_relaxed);
    *dictionary_out = dictionary;
    return status;
}
