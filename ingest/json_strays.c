/* Open addressing over stamped slots; at most half of them are the current row's. */
#include "ingest/json_strays.h"

#include "engine/base/alloc.h"

enum { SLOT_COUNT_MIN = 64 };

static wendi_json_stray *probe(wendi_json_stray *slots, uint32_t slot_count, wendi_hash128 hash, uint32_t node,
                               uint32_t stamp)
{
    uint32_t at = (uint32_t)hash.low & (slot_count - 1);
    for (;; at = (at + 1) & (slot_count - 1)) {
        wendi_json_stray *slot = &slots[at];
        bool same = slot->hash.low == hash.low && slot->hash.high == hash.high && slot->node == node;
        if (slot->stamp != stamp || same) {
            return slot;
        }
    }
}

static wend_status grow(wendi_json_strays *strays, uint32_t stamp)
{
    uint32_t slot_count = strays->slot_count == 0 ? SLOT_COUNT_MIN : 2 * strays->slot_count;
    wendi_json_stray *slots = wendi_alloc_zero(slot_count, sizeof *slots);
    if (slots == NULL) {
        return WEND_NOMEM;
    }
    for (uint32_t i = 0; i < strays->slot_count; i++) {
        const wendi_json_stray *old = &strays->slots[i];
        if (old->stamp == stamp) {
            *probe(slots, slot_count, old->hash, old->node, stamp) = *old;
        }
    }
    wendi_free(strays->slots);
    strays->slots = slots;
    strays->slot_count = slot_count;
    return WEND_OK;
}

wend_status wendi_json_strays_add(wendi_json_strays *strays, uint32_t node, uint32_t stamp, wendi_string key, bool *seen)
{
    if (strays->stamp != stamp) {
        strays->stamp = stamp;
        strays->used = 0;
    }
    if (2 * (strays->used + 1) > strays->slot_count) {
        wend_status status = grow(strays, stamp);
        if (status != WEND_OK) {
            return status;
        }
    }
    wendi_hash128 hash = wendi_hash128_of(key.data, key.length);
    wendi_json_stray *slot = probe(strays->slots, strays->slot_count, hash, node, stamp);
    *seen = slot->stamp == stamp;
    if (!*seen) {
        *slot = (wendi_json_stray){hash, stamp, node};
        strays->used++;
    }
    return WEND_OK;
}

void wendi_json_strays_reset(wendi_json_strays *strays)
{
    for (uint32_t i = 0; i < strays->slot_count; i++) {
        strays->slots[i].stamp = 0;
    }
    strays->stamp = 0;
}

void wendi_json_strays_free(wendi_json_strays *strays)
{
    wendi_free(strays->slots);
    *strays = (wendi_json_strays){0};
}
