/*
 * Header and index are read once, each block when it is touched first. A block is loaded under the part's lock and then
 * found without it; it stays as long as the part.
 */
#include "format/dictionary_part.h"

#include "engine/base/alloc.h"
#include "format/dictionary_store.h"

enum { INDEX_GUESS_BYTES = 8192 };

/** A decoded block: entry i is bytes[offsets[i] .. offsets[i + 1]). One allocation. */
typedef struct loaded_block {
    uint32_t count;
    uint32_t offsets[];
} loaded_block;

struct wendi_dictionary_part {
    pthread_mutex_t lock;
    uint32_t row_group;
    uint32_t column;
    uint64_t offset; /* of the dictionary in the file */
    uint8_t *index_bytes;
    wendi_dictionary_index index;
    uint64_t *block_at; /* in the file */
    _Atomic(loaded_block *) *blocks;
    _Atomic uint64_t memory_bytes;
};

static wend_status damaged(const wendi_segment *segment, const wendi_dictionary_part *part, wend_status status,
                           const char *reason, wend_error *error)
{
    return wendi_segment_damage(segment, status, part->row_group, part->column, WENDI_PLACE_DICTIONARY, part->offset,
                                reason, error);
}

void wendi_dictionary_part_free(wendi_dictionary_part *part)
{
    if (part == NULL) {
        return;
    }
    for (uint32_t b = 0; part->blocks != NULL && b < part->index.block_count; b++) {
        wendi_free(atomic_load(&part->blocks[b]));
    }
    wendi_free(part->blocks);
    wendi_free(part->block_at);
    wendi_free(part->index_bytes);
    pthread_mutex_destroy(&part->lock);
    wendi_free(part);
}

uint64_t wendi_dictionary_part_memory(wendi_dictionary_part *part)
{
    return atomic_load(&part->memory_bytes);
}

/* Header and index: most are short, so they are read in one go. */
static wend_status read_index(wendi_segment *segment, wendi_dictionary_part *part, wend_error *error)
{
    const wendi_chunk_entry *chunk = wendi_segment_chunk(segment, part->row_group, part->column);
    size_t length = (size_t)chunk->dictionary_bytes;
    size_t got = length < INDEX_GUESS_BYTES ? length : INDEX_GUESS_BYTES;
    wendi_place place = {.row_group = part->row_group, .column_id = segment->footer.columns[part->column].id};
    wend_status status = WEND_OK;
    memcpy(place.uuid, segment->footer.uuid, 16);
    WEND_TRY(wendi_segment_read(segment, part->offset, got, &part->index_bytes, error));
    size_t needed = got < 64 ? 0 : wendi_dictionary_index_bytes(part->index_bytes, length);
    if (needed > got) {
        wendi_free(part->index_bytes);
        part->index_bytes = NULL;
        WEND_TRY(wendi_segment_read(segment, part->offset, needed, &part->index_bytes, error));
    }
    const char *reason = needed == 0 ? "dictionary index beyond its end"
                                     : wendi_dictionary_index_open(part->index_bytes, length, chunk->dictionary_entries,
                                                                   chunk->ordered, place, &part->index);
    if (reason == NULL && part->index.forms && (segment->footer.features & WENDI_FEATURE_DICTIONARY_FORMS) == 0) {
        reason = "dictionary of a feature that the footer does not name";
    }
    if (reason != NULL) {
        status = damaged(segment, part, WEND_CORRUPT, reason, error);
    }
cleanup:
    return status;
}

static wend_status load_part(wendi_segment *segment, uint32_t row_group, uint32_t column,
                             wendi_dictionary_part **part_out, wend_error *error)
{
    const wendi_chunk_entry *chunk = wendi_segment_chunk(segment, row_group, column);
    wend_status status = WEND_OK;
    wendi_dictionary_part *part = wendi_alloc_zero(1, sizeof *part);
    if (part == NULL) {
        return wendi_fail_nomem(error, "part of a dictionary", sizeof *part);
    }
    pthread_mutex_init(&part->lock, NULL);
    part->row_group = row_group;
    part->column = column;
    part->offset = chunk->offset + chunk->page_bytes;
    WEND_TRY(read_index(segment, part, error));
    uint32_t count = part->index.block_count;
    part->block_at = wendi_alloc((count + UINT64_C(1)) * sizeof *part->block_at);
    part->blocks = wendi_alloc_zero(count + UINT64_C(1), sizeof *part->blocks);
    if (part->block_at == NULL || part->blocks == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "part of a dictionary", count * sizeof *part->block_at));
    }
    uint64_t at = part->offset + part->index.blocks_at;
    for (uint32_t b = 0; b < count; b++) {
        part->block_at[b] = at;
        at += wendi_dictionary_index_block(&part->index, b).stored_bytes;
    }
    atomic_init(&part->memory_bytes, sizeof *part + part->index.blocks_at + count * UINT64_C(16));
    (void)wendi_segment_hold(segment, part->memory_bytes, true);
    *part_out = part;
    part = NULL;
cleanup:
    wendi_dictionary_part_free(part);
    return status;
}

wend_status wendi_segment_dictionary_part(wendi_segment *segment, uint32_t row_group, uint32_t column,
                                          wendi_dictionary_part **part_out, wend_error *error)
{
    wendi_row_group_state *state = &segment->row_groups[row_group];
    wendi_dictionary_part *part = atomic_load_explicit(&state->dictionary_parts[column], memory_order_acquire);
    wend_status status = WEND_OK;
    if (part == NULL) {
        pthread_mutex_lock(&state->lock);
        part = atomic_load_explicit(&state->dictionary_parts[column], memory_order_acquire);
        if (part == NULL) {
            status = load_part(segment, row_group, column, &part, error);
            atomic_store_explicit(&state->dictionary_parts[column], part, memory_order_release);
        }
        pthread_mutex_unlock(&state->lock);
    }
    atomic_store_explicit(&state->dictionary_rounds[column],
                          atomic_load_explicit(&segment->round, memory_order_relaxed), memory_order_relaxed);
    *part_out = part;
    return status;
}

static wend_status decode_block(wendi_segment *segment, wendi_dictionary_part *part, uint32_t b, loaded_block **out,
                                wend_error *error)
{
    wend_status status = WEND_OK;
    const char *reason = NULL;
    wendi_dictionary_block block = wendi_dictionary_index_block(&part->index, b);
    uint32_t count = wendi_dictionary_index_codes_end(&part->index, b) - block.first_code;
    size_t offsets_bytes = (count + UINT64_C(1)) * sizeof(uint32_t);
    size_t size = sizeof(loaded_block) + offsets_bytes + block.string_bytes + 64;
    uint8_t *stored = NULL;
    uint8_t *raw = wendi_alloc(part->index.raw_bytes_max);
    loaded_block *loaded = wendi_alloc(size);
    if (raw == NULL || loaded == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "a block of a dictionary", size));
    }
    loaded->count = count;
    loaded->offsets[0] = 0;
    WEND_TRY(wendi_segment_read(segment, part->block_at[b], block.stored_bytes, &stored, error));
    char *bytes = (char *)(loaded->offsets + count + 1);
    memset(bytes + block.string_bytes, 0, 64);
    status = wendi_dictionary_block_decode(&part->index, b, stored, NULL, raw, loaded->offsets, bytes, &reason);
    if (status != WEND_OK) {
        WEND_TRY(damaged(segment, part, status, reason, error));
    }
    atomic_fetch_add(&part->memory_bytes, size);
    (void)wendi_segment_hold(segment, size, true);
    *out = loaded;
    loaded = NULL;
cleanup:
    wendi_free(raw);
    wendi_free(stored);
    wendi_free(loaded);
    return status;
}

static wend_status load_block(wendi_segment *segment, wendi_dictionary_part *part, uint32_t b,
                              const loaded_block **block_out, wend_error *error)
{
    loaded_block *block = atomic_load_explicit(&part->blocks[b], memory_order_acquire);
    wend_status status = WEND_OK;
    if (block == NULL) {
        pthread_mutex_lock(&part->lock);
        block = atomic_load_explicit(&part->blocks[b], memory_order_acquire);
        if (block == NULL) {
            status = decode_block(segment, part, b, &block, error);
            atomic_store_explicit(&part->blocks[b], block, memory_order_release);
        }
        pthread_mutex_unlock(&part->lock);
    }
    *block_out = block;
    return status;
}

static wendi_string entry_of(const loaded_block *block, uint32_t i)
{
    const char *bytes = (const char *)(block->offsets + block->count + 1);
    return (wendi_string){bytes + block->offsets[i], block->offsets[i + 1] - block->offsets[i]};
}

/* The block that has a code: the last one that does not begin behind it. */
static uint32_t block_of(const wendi_dictionary_index *index, uint32_t code)
{
    uint32_t low = 0;
    uint32_t high = index->block_count;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (wendi_dictionary_index_block(index, middle).first_code <= code) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

wend_status wendi_dictionary_part_at(wendi_segment *segment, wendi_dictionary_part *part, uint32_t code,
                                     wendi_string *string_out, wend_error *error)
{
    const loaded_block *block;
    uint32_t b = block_of(&part->index, code);
    wend_status status = load_block(segment, part, b, &block, error);
    if (status == WEND_OK) {
        *string_out = entry_of(block, code - wendi_dictionary_index_block(&part->index, b).first_code);
    }
    return status;
}

/* ---- searching ---- */

typedef struct sought {
    wendi_string text;
    bool by_hash;
    uint64_t hash;
} sought;

static int compare(wendi_string entry, const sought *of)
{
    if (of->by_hash) {
        uint64_t hash = wendi_hash64(entry.data, entry.length);
        if (hash != of->hash) {
            return hash < of->hash ? -1 : 1;
        }
    }
    return wendi_string_compare(entry, of->text);
}

/* Where to look first. Hashes are spread evenly between the row group's least and greatest. */
static uint32_t first_guess(const wendi_segment *segment, const wendi_dictionary_part *part, const sought *of)
{
    const wendi_row_group_info *info = wendi_segment_row_group(segment, part->row_group);
    uint32_t blocks = part->index.block_count;
    if (!of->by_hash || info->user_hash_min >= info->user_hash_max || of->hash <= info->user_hash_min ||
        of->hash >= info->user_hash_max) {
        return blocks / 2;
    }
    double share = (double)(of->hash - info->user_hash_min) / (double)(info->user_hash_max - info->user_hash_min);
    uint32_t guess = (uint32_t)(share * blocks);
    return guess < blocks ? guess : blocks - 1;
}

/* The only block that can have it: from a guess outwards, then by halves. */
static wend_status find_block(wendi_segment *segment, wendi_dictionary_part *part, const sought *of, uint32_t *b_out,
                              wend_error *error)
{
    uint32_t low = 0;
    uint32_t high = part->index.block_count;
    uint32_t next = first_guess(segment, part, of);
    bool below = false; /* a block that begins at or before it was seen, */
    bool above = false; /* and one that begins behind it */
    for (uint32_t step = 1; high - low > 1; step *= 2) {
        const loaded_block *block;
        next = next <= low ? low + 1 : next >= high ? high - 1 : next;
        wend_status status = load_block(segment, part, next, &block, error);
        if (status != WEND_OK) {
            return status;
        }
        if (compare(entry_of(block, 0), of) <= 0) {
            low = next;
            below = true;
        } else {
            high = next;
            above = true;
        }
        next = below && above ? low + (high - low) / 2 : below ? low + step : high > step ? high - step : 0;
    }
    *b_out = low;
    return WEND_OK;
}

wend_status wendi_dictionary_part_find(wendi_segment *segment, wendi_dictionary_part *part, wendi_string text,
                                       bool by_hash, uint32_t *code_out, wend_error *error)
{
    sought of = {text, by_hash, by_hash ? wendi_hash64(text.data, text.length) : 0};
    const loaded_block *block;
    uint32_t b = 0;
    wend_status status = WEND_OK;
    *code_out = 0;
    if (part->index.block_count == 0) {
        return WEND_OK;
    }
    WEND_TRY(find_block(segment, part, &of, &b, error));
    WEND_TRY(load_block(segment, part, b, &block, error));
    uint32_t low = 0;
    uint32_t high = block->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = compare(entry_of(block, middle), &of);
        if (order == 0) {
            *code_out = wendi_dictionary_index_block(&part->index, b).first_code + middle;
            break;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
cleanup:
    return status;
}
