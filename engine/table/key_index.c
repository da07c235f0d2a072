/* Inserting, removing and growing; looking up is in the header, since it is done for every row. */
#include "engine/table/key_index.h"

#include <string.h>

#include "engine/base/alloc.h"

enum { SLOTS_MIN = 16 };

static uint64_t slot_of(uint32_t tag, uint32_t place)
{
    return (uint64_t)tag << 32 | place;
}

/* The first free slot from the tag's home on. */
static void put(wendi_key_part *part, uint64_t slot)
{
    uint32_t at = wendi_key_home(part, (uint32_t)(slot >> 32));
    while (part->slots[at] != 0) {
        at = at + 1 == part->slot_count ? 0 : at + 1;
    }
    part->slots[at] = slot;
}

static wend_status grow(wendi_key_index *index, wendi_key_part *part)
{
    uint64_t slot_count = part->slot_count == 0 ? SLOTS_MIN : part->slot_count + (uint64_t)part->slot_count / 4;
    if (slot_count > UINT32_MAX) {
        return WEND_NOMEM;
    }
    wendi_key_part larger = {.slots = wendi_alloc_zero((size_t)slot_count, sizeof *larger.slots),
                             .slot_count = (uint32_t)slot_count,
                             .used = part->used};
    if (larger.slots == NULL) {
        return WEND_NOMEM;
    }
    for (uint32_t i = 0; i < part->slot_count; i++) {
        if (part->slots[i] != 0) {
            put(&larger, part->slots[i]);
        }
    }
    index->bytes += (slot_count - part->slot_count) * sizeof *part->slots;
    wendi_free(part->slots);
    *part = larger;
    return WEND_OK;
}

wend_status wendi_key_index_reserve(wendi_key_index *index, wendi_hash128 key)
{
    wendi_key_part *part = wendi_key_part_of(index, key);
    return ((uint64_t)part->used + 1) * 4 > (uint64_t)part->slot_count * 3 ? grow(index, part)
                                                                           : WEND_OK;
}

void wendi_key_index_insert(wendi_key_index *index, wendi_hash128 key, uint32_t place)
{
    wendi_key_part *part = wendi_key_part_of(index, key);
    WEND_REQUIRE(part->used + 1 < part->slot_count);
    put(part, slot_of(wendi_key_tag(key), place));
    part->used++;
}

/* Where the pair is. */
static uint32_t find(const wendi_key_part *part, wendi_hash128 key, uint32_t place)
{
    uint32_t tag = wendi_key_tag(key);
    uint64_t wanted = slot_of(tag, place);
    WEND_REQUIRE(part->slot_count != 0);
    uint32_t at = wendi_key_home(part, tag);
    while (part->slots[at] != wanted) {
        WEND_REQUIRE(part->slots[at] != 0);
        at = at + 1 == part->slot_count ? 0 : at + 1;
    }
    return at;
}

/* How far `to` lies behind `from`, going round. */
static uint32_t distance(const wendi_key_part *part, uint32_t from, uint32_t to)
{
    return to >= from ? to - from : to + (part->slot_count - from);
}

void wendi_key_index_remove(wendi_key_index *index, wendi_hash128 key, uint32_t place)
{
    wendi_key_part *part = wendi_key_part_of(index, key);
    uint32_t hole = find(part, key, place);
    uint32_t at = hole;
    for (;;) {
        at = at + 1 == part->slot_count ? 0 : at + 1;
        uint64_t slot = part->slots[at];
        if (slot == 0) {
            break;
        }
        uint32_t home = wendi_key_home(part, (uint32_t)(slot >> 32));
        if (distance(part, home, at) >= distance(part, hole, at)) { /* home is not behind the hole */
            part->slots[hole] = slot;
            hole = at;
        }
    }
    part->slots[hole] = 0;
    part->used--;
}

void wendi_key_index_move(wendi_key_index *index, wendi_hash128 key, uint32_t from, uint32_t to)
{
    wendi_key_part *part = wendi_key_part_of(index, key);
    part->slots[find(part, key, from)] = slot_of(wendi_key_tag(key), to);
}

void wendi_key_index_free(wendi_key_index *index)
{
    for (uint32_t i = 0; i < WENDI_KEY_INDEX_PARTS; i++) {
        wendi_free(index->parts[i].slots);
    }
    memset(index, 0, sizeof *index);
}
