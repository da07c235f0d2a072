/*
 * Pages that stay in memory: checked once, then read by any thread without a system call, a copy or a checksum.
 *
 * A page is kept when it is read for the second time and the segment's holder has room, so that one pass over much
 * data takes no memory and one-off queries pay nothing. What is kept goes only when nobody uses the segment.
 */
#include "format/segment.h"

#include "engine/base/alloc.h"

struct wendi_kept_page {
    _Atomic uint32_t round; /* of its last use */
    uint32_t bytes;
    _Alignas(64) uint8_t data[]; /* and 64 zero bytes */
};

/* Stands in a slot whose page was read once. */
static wendi_kept_page seen_once;

static size_t kept_bytes(uint32_t bytes)
{
    return sizeof(wendi_kept_page) + bytes + 64;
}

static _Atomic(wendi_kept_page *) *slot_of(const wendi_segment *segment, uint32_t row_group, uint32_t column,
                                           uint32_t page)
{
    const wendi_row_group_state *state = &segment->row_groups[row_group];
    uint32_t per_chunk = wendi_pages_of(segment->footer.row_groups[row_group].info.row_count);
    return &state->kept[(size_t)column * per_chunk + page];
}

bool wendi_kept_page_is(const wendi_segment *segment, uint32_t row_group, uint32_t column, uint32_t page)
{
    const wendi_kept_page *kept =
        atomic_load_explicit(slot_of(segment, row_group, column, page), memory_order_relaxed);
    return kept != NULL && kept != &seen_once;
}

const uint8_t *wendi_kept_page_find(wendi_segment *segment, uint32_t row_group, uint32_t column, uint32_t page)
{
    wendi_kept_page *kept = atomic_load_explicit(slot_of(segment, row_group, column, page), memory_order_acquire);
    if (kept == NULL || kept == &seen_once) {
        return NULL;
    }
    uint32_t round = atomic_load_explicit(&segment->round, memory_order_relaxed);
    if (atomic_load_explicit(&kept->round, memory_order_relaxed) != round) {
        atomic_store_explicit(&kept->round, round, memory_order_relaxed);
    }
    return kept->data;
}

void wendi_kept_page_offer(wendi_segment *segment, uint32_t row_group, uint32_t column, uint32_t page,
                           const uint8_t *bytes, uint32_t length)
{
    _Atomic(wendi_kept_page *) *slot = slot_of(segment, row_group, column, page);
    wendi_kept_page *before = NULL;
    if (segment->hold == NULL || atomic_compare_exchange_strong(slot, &before, &seen_once) || before != &seen_once) {
        return; /* read for the first time, or another thread keeps it already */
    }
    size_t size = kept_bytes(length);
    if (!wendi_segment_hold(segment, size, false)) {
        return;
    }
    wendi_kept_page *kept = wendi_alloc_aligned(64, size);
    if (kept == NULL) { /* nothing depends on it */
        wendi_segment_give_back(segment, size);
        return;
    }
    atomic_init(&kept->round, atomic_load_explicit(&segment->round, memory_order_relaxed));
    kept->bytes = length;
    memcpy(kept->data, bytes, length);
    memset(kept->data + length, 0, 64);
    if (!atomic_compare_exchange_strong(slot, &before, kept)) {
        wendi_free(kept);
        wendi_segment_give_back(segment, size);
    }
}

uint64_t wendi_kept_pages_trim(wendi_segment *segment, uint32_t row_group, uint32_t before_round)
{
    wendi_row_group_state *state = &segment->row_groups[row_group];
    size_t count = (size_t)wendi_pages_of(segment->footer.row_groups[row_group].info.row_count) *
                   segment->footer.column_count;
    uint64_t freed = 0;
    for (size_t i = 0; state->kept != NULL && i < count; i++) {
        wendi_kept_page *kept = atomic_load(&state->kept[i]);
        if (kept != NULL && kept != &seen_once && atomic_load(&kept->round) < before_round) {
            atomic_store(&state->kept[i], NULL);
            freed += kept_bytes(kept->bytes);
            wendi_free(kept);
        }
    }
    return freed;
}
