/* Gathering is two stores a member; the order of paths is found once for rows with the same keys. */
#include "ingest/json_rest.h"

#include <stdlib.h>

#include "engine/base/alloc.h"
#include "ingest/rejects.h"

enum { MEMBERS_MIN = 64, MEMBERS_KEPT = 1 << 16 };

void wendi_json_rest_free(wendi_json_rest *rest)
{
    wendi_free(rest->members);
    wendi_free(rest->slots);
    wendi_free(rest->order);
    wendi_free(rest->known_slots);
    wendi_arena_free(&rest->keys);
    wendi_buffer_free(&rest->text);
    *rest = (wendi_json_rest){0};
}

void wendi_json_rest_begin(wendi_json_rest *rest)
{
    rest->member_count = 0;
    wendi_arena_reset(&rest->keys);
    if (rest->member_capacity > MEMBERS_KEPT) { /* one monstrous event shall not hold memory for ever */
        wendi_json_rest_free(rest);
    }
}

/* ---- gathering -------------------------------------------------------------------------------- */

static wend_status grow(wendi_json_rest *rest)
{
    uint32_t capacity = rest->member_capacity == 0 ? MEMBERS_MIN : 2 * rest->member_capacity;
    wendi_rest_member *members = wendi_realloc(rest->members, capacity * sizeof *members);
    if (members == NULL) {
        return WEND_NOMEM;
    }
    rest->members = members;
    uint32_t **const arrays[] = {&rest->slots, &rest->order, &rest->known_slots};
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) {
        uint32_t *array = wendi_realloc(*arrays[i], capacity * sizeof *array);
        if (array == NULL) {
            return WEND_NOMEM;
        }
        *arrays[i] = array;
    }
    rest->member_capacity = capacity;
    return WEND_OK;
}

static wend_status add(wendi_json_rest *rest, const wendi_rest_member *member)
{
    if (rest->member_count == rest->member_capacity) {
        wend_status status = grow(rest);
        if (status != WEND_OK) {
            return status;
        }
    }
    rest->slots[rest->member_count] = member->slot;
    rest->members[rest->member_count++] = *member;
    return WEND_OK;
}

wend_status wendi_json_rest_add(wendi_json_rest *rest, const wendi_key_tree *tree, uint32_t slot, const char *begin,
                                const char *end)
{
    wendi_rest_member member = {
        .node = tree->slots[slot].node, .slot = slot, .value = begin, .value_bytes = (uint32_t)(end - begin)};
    return add(rest, &member);
}

wend_status wendi_json_rest_add_stray(wendi_json_rest *rest, uint32_t node, wendi_string key, const char *begin,
                                      const char *end)
{
    const char *copy = wendi_arena_copy(&rest->keys, key.data, key.length);
    wendi_rest_member member = {.node = node,
                                .slot = WENDI_KEY_NONE,
                                .key = {copy, key.length},
                                .value = begin,
                                .value_bytes = (uint32_t)(end - begin)};
    return copy == NULL ? WEND_NOMEM : add(rest, &member);
}

/* Is `node` the object `top` or in it? */
static bool is_within(const wendi_key_tree *tree, uint32_t node, uint32_t top)
{
    while (node != top && node != 0) {
        node = tree->slots[tree->nodes[node].slot].node;
    }
    return node == top;
}

void wendi_json_rest_forget(wendi_json_rest *rest, const wendi_key_tree *tree, uint32_t slot)
{
    uint32_t kept = 0;
    uint32_t child = tree->slots[slot].child;
    for (uint32_t i = 0; i < rest->member_count; i++) {
        const wendi_rest_member *member = &rest->members[i];
        if (member->slot == slot || (child != WENDI_KEY_NONE && is_within(tree, member->node, child))) {
            continue;
        }
        rest->slots[kept] = member->slot;
        rest->members[kept++] = *member;
    }
    rest->member_count = kept;
}

/* ---- order ------------------------------------------------------------------------------------ */

typedef struct rest_sorting {
    const wendi_json_rest *rest;
    const wendi_key_tree *tree;
} rest_sorting;

static wendi_string key_of(const wendi_key_tree *tree, const wendi_rest_member *member)
{
    return member->slot != WENDI_KEY_NONE ? tree->slots[member->slot].key : member->key;
}

/* The keys from the document down to the member; how many. */
static uint32_t path_of(const wendi_key_tree *tree, const wendi_rest_member *member,
                        wendi_string path[WENDI_JSON_DEPTH_MAX + 1])
{
    wendi_string upwards[WENDI_JSON_DEPTH_MAX + 1];
    uint32_t count = 0;
    upwards[count++] = key_of(tree, member);
    for (uint32_t node = member->node; node != 0; node = tree->slots[tree->nodes[node].slot].node) {
        upwards[count++] = tree->slots[tree->nodes[node].slot].key;
    }
    for (uint32_t i = 0; i < count; i++) {
        path[i] = upwards[count - 1 - i];
    }
    return count;
}

/* By path; an object as a whole comes before what lies in it. Equal ones by arrival. */
static int compare_members(const void *left, const void *right, void *context)
{
    const rest_sorting *sorting = context;
    uint32_t i = *(const uint32_t *)left;
    uint32_t k = *(const uint32_t *)right;
    const wendi_rest_member *a = &sorting->rest->members[i];
    const wendi_rest_member *b = &sorting->rest->members[k];
    int order = 0;
    if (a->node == b->node) {
        order = wendi_string_compare(key_of(sorting->tree, a), key_of(sorting->tree, b));
    } else {
        wendi_string path_a[WENDI_JSON_DEPTH_MAX + 1];
        wendi_string path_b[WENDI_JSON_DEPTH_MAX + 1];
        uint32_t length_a = path_of(sorting->tree, a, path_a);
        uint32_t length_b = path_of(sorting->tree, b, path_b);
        for (uint32_t at = 0; order == 0 && at < length_a && at < length_b; at++) {
            order = wendi_string_compare(path_a[at], path_b[at]);
        }
        order = order != 0 ? order : (length_a > length_b) - (length_a < length_b);
    }
    return order != 0 ? order : (i > k) - (i < k);
}

static void sort_members(wendi_json_rest *rest, const wendi_key_tree *tree)
{
    rest_sorting sorting = {rest, tree};
    size_t bytes = rest->member_count * sizeof *rest->slots;
    if (rest->known && rest->known_count == rest->member_count && memcmp(rest->known_slots, rest->slots, bytes) == 0) {
        return;
    }
    rest->known = true;
    for (uint32_t i = 0; i < rest->member_count; i++) {
        rest->order[i] = i;
        rest->known &= rest->slots[i] != WENDI_KEY_NONE; /* whose keys are the row's own */
    }
    qsort_r(rest->order, rest->member_count, sizeof *rest->order, compare_members, &sorting);
    memcpy(rest->known_slots, rest->slots, bytes);
    rest->known_count = rest->member_count;
}

/* ---- writing ---------------------------------------------------------------------------------- */

static wend_status write_key(wendi_buffer *out, const wendi_key_tree *tree, uint32_t slot, wendi_string key)
{
    wend_status status = WEND_OK;
    if (out->data[out->length - 1] != '{') {
        WEND_TRY(wendi_buffer_u8(out, ','));
    }
    if (slot != WENDI_KEY_NONE && tree->slots[slot].literal_bytes != 0) {
        return wendi_buffer_append(out, tree->slots[slot].literal, tree->slots[slot].literal_bytes);
    }
    WEND_TRY(wendi_reject_quote(key.data, key.length, out));
    WEND_TRY(wendi_buffer_u8(out, ':'));
cleanup:
    return status;
}

/* From the object that is open to `node`: close those that it is not in, open those that it is in. */
static wend_status go_to(wendi_buffer *out, const wendi_key_tree *tree, uint32_t *open, uint32_t node)
{
    uint32_t down[WENDI_JSON_DEPTH_MAX];
    uint32_t count = 0;
    wend_status status = WEND_OK;
    while (!is_within(tree, node, *open)) {
        WEND_TRY(wendi_buffer_u8(out, '}'));
        *open = tree->slots[tree->nodes[*open].slot].node;
    }
    for (uint32_t at = node; at != *open; at = tree->slots[tree->nodes[at].slot].node) {
        down[count++] = tree->nodes[at].slot;
    }
    while (count > 0) {
        uint32_t slot = down[--count];
        WEND_TRY(write_key(out, tree, slot, tree->slots[slot].key));
        WEND_TRY(wendi_buffer_u8(out, '{'));
    }
    *open = node;
cleanup:
    return status;
}

/* Does the next member in order have the same path, and came later? */
static bool is_replaced(const wendi_json_rest *rest, const wendi_key_tree *tree, uint32_t at)
{
    if (at + 1 == rest->member_count) {
        return false;
    }
    const wendi_rest_member *member = &rest->members[rest->order[at]];
    const wendi_rest_member *next = &rest->members[rest->order[at + 1]];
    return member->node == next->node && wendi_string_equal(key_of(tree, member), key_of(tree, next));
}

wend_status wendi_json_rest_write(wendi_json_rest *rest, const wendi_key_tree *tree, wendi_string *text)
{
    wendi_buffer *out = &rest->text;
    uint32_t open = 0;
    uint32_t whole = WENDI_KEY_NONE; /* the object that was written as a whole last */
    wend_status status = WEND_OK;
    sort_members(rest, tree);
    out->length = 0;
    WEND_TRY(wendi_buffer_u8(out, '{'));
    for (uint32_t i = 0; i < rest->member_count; i++) {
        const wendi_rest_member *member = &rest->members[rest->order[i]];
        if (is_replaced(rest, tree, i) || (whole != WENDI_KEY_NONE && is_within(tree, member->node, whole))) {
            continue;
        }
        WEND_TRY(go_to(out, tree, &open, member->node));
        WEND_TRY(write_key(out, tree, member->slot, key_of(tree, member)));
        WEND_TRY(wendi_buffer_append(out, member->value, member->value_bytes));
        whole = member->slot != WENDI_KEY_NONE ? tree->slots[member->slot].child : WENDI_KEY_NONE;
    }
    WEND_TRY(go_to(out, tree, &open, 0));
    WEND_TRY(wendi_buffer_u8(out, '}'));
    *text = (wendi_string){(const char *)out->data, (uint32_t)out->length};
cleanup:
    return status;
}
