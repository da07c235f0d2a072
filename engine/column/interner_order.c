/*
 * From an interner to an ordered dictionary: a bytewise sort of the entries and the map of old to new codes.
 *
 * The sort looks at eight bytes of every string at a time, held beside the code as one big-endian
 * integer, so that most comparisons never leave the array being sorted. Equal integers are sorted
 * again by their next eight bytes; beyond SORT_LEVELS_MAX levels (long common beginnings, such as URLs of one
 * campaign) whole strings are compared, which bounds the recursion whatever the input.
 */
#include <assert.h>

#include "engine/base/alloc.h"
#include "engine/column/dictionary.h"

enum { SORT_LEVELS_MAX = 24, RADIX_FROM = 1024, INSERTION_BELOW = 16, DICTIONARY_PADDING = 64 };

typedef struct sort_item {
    uint64_t prefix; /* bytes level*8 .. level*8+7, zero padded, big-endian */
    uint32_t code;
    uint32_t left; /* bytes of the string from level*8 on, so that "a" and "a\0" can be told apart */
} sort_item;

typedef struct sorter {
    const wendi_interner *interner;
    sort_item *items;
    sort_item *scratch; /* as long as items */
} sorter;

static void load_prefix(const wendi_interner *interner, sort_item *item, uint32_t level)
{
    wendi_string text = wendi_interner_at(interner, item->code);
    uint64_t word = 0;
    uint32_t at = level * 8;
    item->left = text.length > at ? text.length - at : 0;
    /* The buffer is readable 64 bytes past its end, so eight can always be loaded. */
    memcpy(&word, text.data + (item->left != 0 ? at : 0), sizeof word);
    word = __builtin_bswap64(word);
    uint32_t have = item->left < 8 ? item->left : 8;
    item->prefix = have == 0 ? 0 : word & (UINT64_MAX << (64 - 8 * have));
}

/* By prefix, then by length as far as it shows within these eight bytes. */
static int compare_prefix(const sort_item *a, const sort_item *b)
{
    if (a->prefix != b->prefix) {
        return a->prefix < b->prefix ? -1 : 1;
    }
    uint32_t left_a = a->left < 9 ? a->left : 9;
    uint32_t left_b = b->left < 9 ? b->left : 9;
    return (left_a > left_b) - (left_a < left_b);
}

static int compare_whole(const wendi_interner *interner, const sort_item *a, const sort_item *b)
{
    return wendi_string_compare(wendi_interner_at(interner, a->code), wendi_interner_at(interner, b->code));
}

static int compare(const sorter *sort, bool whole, const sort_item *a, const sort_item *b)
{
    return whole ? compare_whole(sort->interner, a, b) : compare_prefix(a, b);
}

static void insertion_sort(const sorter *sort, bool whole, uint32_t begin, uint32_t end)
{
    for (uint32_t i = begin + 1; i < end; i++) {
        sort_item item = sort->items[i];
        uint32_t at = i;
        for (; at > begin && compare(sort, whole, &item, &sort->items[at - 1]) < 0; at--) {
            sort->items[at] = sort->items[at - 1];
        }
        sort->items[at] = item;
    }
}

static void merge_sort(const sorter *sort, bool whole, uint32_t begin, uint32_t end)
{
    if (end - begin < INSERTION_BELOW) {
        insertion_sort(sort, whole, begin, end);
        return;
    }
    uint32_t middle = begin + (end - begin) / 2;
    merge_sort(sort, whole, begin, middle);
    merge_sort(sort, whole, middle, end);
    memcpy(sort->scratch + begin, sort->items + begin, (middle - begin) * sizeof *sort->items);
    uint32_t left = begin;
    uint32_t right = middle;
    for (uint32_t out = begin; left < middle; out++) {
        if (right < end && compare(sort, whole, &sort->items[right], &sort->scratch[left]) < 0) {
            sort->items[out] = sort->items[right++];
        } else {
            sort->items[out] = sort->scratch[left++];
        }
    }
}

/* Least significant byte first; a byte that is the same in all items costs nothing. */
static void radix_sort(const sorter *sort, uint32_t begin, uint32_t end)
{
    uint32_t counts[9][256] = {{0}};
    sort_item *from = sort->items + begin;
    sort_item *to = sort->scratch + begin;
    uint32_t count = end - begin;

    for (uint32_t i = 0; i < count; i++) {
        counts[0][from[i].left < 9 ? from[i].left : 9]++;
        for (uint32_t byte = 0; byte < 8; byte++) {
            counts[byte + 1][from[i].prefix >> 8 * byte & 255]++;
        }
    }
    for (uint32_t pass = 0; pass < 9; pass++) {
        uint32_t *starts = counts[pass];
        uint32_t sum = 0;
        bool constant = false;
        for (uint32_t value = 0; value < 256; value++) {
            uint32_t here = starts[value];
            constant |= here == count;
            starts[value] = sum;
            sum += here;
        }
        if (constant) {
            continue;
        }
        for (uint32_t i = 0; i < count; i++) {
            uint32_t left = from[i].left < 9 ? from[i].left : 9;
            uint32_t value = pass == 0 ? left : (uint32_t)(from[i].prefix >> 8 * (pass - 1) & 255);
            to[starts[value]++] = from[i];
        }
        sort_item *swap = from;
        from = to;
        to = swap;
    }
    if (from != sort->items + begin) {
        memcpy(sort->items + begin, from, count * sizeof *from);
    }
}

/* Sort items begin..end, whose strings agree on their first level*8 bytes. */
static void sort_level(const sorter *sort, uint32_t begin, uint32_t end, uint32_t level)
{
    if (level == SORT_LEVELS_MAX) {
        merge_sort(sort, true, begin, end);
        return;
    }
    for (uint32_t i = begin; i < end; i++) {
        load_prefix(sort->interner, &sort->items[i], level);
    }
    if (end - begin < RADIX_FROM) {
        merge_sort(sort, false, begin, end);
    } else {
        radix_sort(sort, begin, end);
    }
    for (uint32_t i = begin; i < end;) {
        uint32_t group = i + 1;
        while (group < end && compare_prefix(&sort->items[i], &sort->items[group]) == 0) {
            group++;
        }
        if (group - i > 1) { /* equal so far, and distinct, so all of them go on */
            sort_level(sort, i, group, level + 1);
        }
        i = group;
    }
}

/* Copy the sorted entries into a dictionary's arrays and note where each went. */
static wend_status gather(const sorter *sort, uint32_t count, uint32_t *remap, wendi_dictionary **dictionary_out)
{
    size_t total = 0;
    for (uint32_t i = 0; i < count; i++) {
        total += wendi_interner_at(sort->interner, sort->items[i].code).length;
    }
    uint32_t *offsets = wendi_alloc(((size_t)count + 2) * sizeof *offsets);
    char *bytes = wendi_alloc(total + DICTIONARY_PADDING);
    if (offsets == NULL || bytes == NULL) {
        wendi_free(offsets);
        wendi_free(bytes);
        return WEND_NOMEM;
    }
    uint32_t at = 0;
    offsets[0] = 0;
    offsets[1] = 0;
    for (uint32_t i = 0; i < count; i++) {
        wendi_string text = wendi_interner_at(sort->interner, sort->items[i].code);
        memcpy(bytes + at, text.data, text.length);
        at += text.length;
        offsets[i + 2] = at;
        remap[sort->items[i].code] = i + 1;
    }
    memset(bytes + at, 0, DICTIONARY_PADDING);
    *dictionary_out = wendi_dictionary_new(count + 1, offsets, bytes, true);
    return *dictionary_out == NULL ? WEND_NOMEM : WEND_OK;
}

wend_status wendi_interner_ordered(const wendi_interner *interner, const uint8_t *used, uint32_t *remap,
                                   wendi_dictionary **dictionary_out, wend_error *error)
{
    wend_status status = WEND_OK;
    uint32_t count = 0;
    size_t bytes = 2 * (size_t)interner->entry_count * sizeof(sort_item);
    sorter sort = {.interner = interner};

    *dictionary_out = NULL;
    sort.items = wendi_alloc(bytes);
    if (sort.items == NULL) {
        return wendi_fail_nomem(error, "sorting a dictionary", bytes);
    }
    sort.scratch = sort.items + interner->entry_count;
    for (uint32_t code = 0; code < interner->entry_count; code++) {
        remap[code] = 0;
        if (code != 0 && (used == NULL || used[code] != 0)) {
            sort.items[count++].code = code;
        }
    }
    if (count > 1) {
        sort_level(&sort, 0, count, 0);
    }
    status = gather(&sort, count, remap, dictionary_out);
    if (status != WEND_OK) {
        wendi_fail_nomem(error, "an ordered dictionary", interner->bytes.length);
    }
    wendi_free(sort.items);
    return status;
}

wend_status wendi_interner_dictionary(const wendi_interner *interner, wendi_dictionary **dictionary_out)
{
    uint32_t entries = interner->entry_count;
    size_t length = interner->offsets[entries];
    uint32_t *offsets = wendi_alloc(((size_t)entries + 1) * sizeof *offsets);
    char *bytes = wendi_alloc(length + DICTIONARY_PADDING);

    *dictionary_out = NULL;
    if (offsets == NULL || bytes == NULL) {
        wendi_free(offsets);
        wendi_free(bytes);
        return WEND_NOMEM;
    }
    memcpy(offsets, interner->offsets, ((size_t)entries + 1) * sizeof *offsets);
    if (length > 0) {
        memcpy(bytes, interner->bytes.data, length);
    }
    memset(bytes + length, 0, DICTIONARY_PADDING);
    *dictionary_out = wendi_dictionary_new(entries, offsets, bytes, false);
    return *dictionary_out == NULL ? WEND_NOMEM : WEND_OK;
}
