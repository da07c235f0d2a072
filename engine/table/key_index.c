/* Inserting, removing and growing; looking up is in the header, since it is done for every row. */
#include "engine/table/key_index.h"

#include <string.h>

#include "engine/base/alloc.h"

enum { SLOTS_MIN = 16 };

static uint64_t slot_of(uint32_t tag, uint32_t place)
{
    return (uint64_t)tag << 32 | place;
}

/* The first slot from the tag's home on that is free, or whose place is gone. */
static void put(const wendi_key_index *index, wendi_key_part *part, uint64_t slot)
{
    uint32_t at = wendi_key_home(part, (uint32_t)(slot >> 32));
    while (part->slots[at] != 0 && !wendi_key_slot_gone(index, part->slots[at])) {
        at = at + 1 == part->slot_count ? 0 : at + 1;
    }
    part->used += part->slots[at] == 0;
    part->slots[at] = slot;
}

/* Leave out the slots that are gone. Behind one, up to the next free one, the others are put anew,
 * which puts them no later than where they stood; those before it stay. */
static void sweep(const wendi_key_index *index, wendi_key_part *part)
{
    uint32_t used = part->used;
    uint32_t at = 0;
    bool moving = false;
    while (part->slots[at] != 0) {
        at++;
    }
    for (uint32_t i = 0; i < part->slot_count; i++) {
        uint64_t slot = part->slots[at];
        if (slot == 0) {
            moving = false;
        } else if (wendi_key_slot_gone(index, slot)) {
            part->slots[at] = 0;
            used--;
            moving = true;
        } else if (moving) {
            part->slots[at] = 0;
            put(index, part, slot);
        }
        at = at + 1 == part->slot_count ? 0 : at + 1;
    }
    part->used = used;
}

/* The next size of a table: half as large again, but what the keys expected need is met, and beyond
 * that it grows by little. */
static uint64_t next_size(const wendi_key_index *index, const wendi_key_part *part)
{
    uint64_t expected = index->keys_expected / WENDI_KEY_INDEX_PARTS * 10 / 7;
    uint64_t next = part->slot_count + (uint64_t)part->slot_count / 2;
    if (part->slot_count < SLOTS_MIN) {
        return SLOTS_MIN;
    }
    if (expected != 0 && part->slot_count >= expected) {
        return part->slot_count + (uint64_t)part->slot_count / 8;
    }
    return expected != 0 && next + next / 4 >= expected ? expected : next;
}

/* Most slots come in the order of their homes: then each goes home, or behind the one before it,
 * since from its home to there all are taken. */
static void copy_slots(const wendi_key_index *index, const wendi_key_part *from, wendi_key_part *to)
{
    uint32_t last_home = 0;
    uint32_t next = 0;
    for (uint32_t i = 0; i < from->slot_count; i++) {
        uint64_t slot = from->slots[i];
        if (slot == 0) {
            continue;
        }
        uint32_t home = wendi_key_home(to, (uint32_t)(slot >> 32));
        uint32_t at = home > next ? home : next;
        while (at < to->slot_count && to->slots[at] != 0) { /* by one that came out of order */
            at++;
        }
        if (home < last_home || at >= to->slot_count) {
            put(index, to, slot);
            continue;
        }
        to->slots[at] = slot;
        to->used++;
        last_home = home;
        next = at + 1;
    }
}

static wend_status grow(wendi_key_index *index, wendi_key_part *part)
{
    uint64_t slot_count = next_size(index, part);
    if (slot_count > UINT32_MAX) {
        return WEND_NOMEM;
    }
    wendi_key_part larger = {.slots = wendi_alloc_zero((size_t)slot_count, sizeof *larger.slots),
                             .slot_count = (uint32_t)slot_count};
    if (larger.slots == NULL) {
        return WEND_NOMEM;
    }
    copy_slots(index, part, &larger);
    index->bytes += (slot_count - part->slot_count) * sizeof *part->slots;
    wendi_free(part->slots);
    *part = larger;
    return WEND_OK;
}

/* Up to four fifths of a table are used; when seven tenths are by places that are there, it grows. */
static wend_status make_room(wendi_key_index *index, wendi_key_part *part)
{
    if (part->slot_count != 0) {
        sweep(index, part);
    }
    return (uint64_t)part->used * 10 >= (uint64_t)part->slot_count * 7 ? grow(index, part) : WEND_OK;
}

wend_status wendi_key_index_reserve(wendi_key_index *index, wendi_hash128 key)
{
    wendi_key_part *part = wendi_key_part_of(index, key);
    bool full = ((uint64_t)part->used + 1) * 5 > (uint64_t)part->slot_count * 4;
    return full ? make_room(index, part) : WEND_OK;
}

void wendi_key_index_insert(wendi_key_index *index, wendi_hash128 key, uint32_t place)
{
    wendi_key_part *part = wendi_key_part_of(index, key);
    WEND_REQUIRE(part->used + 1 < part->slot_count);
    put(index, part, slot_of(wendi_key_tag(key), place));
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
