/* Walking sample lines into the tree of keys. A line is validated as a whole first, so the walk
 * itself meets no fault. */
#include "ingest/infer_tree.h"

#include "engine/base/alloc.h"
#include "engine/base/hash.h"
#include "ingest/json_scan.h"

enum {
    PADDING_BYTES = 64,
    DISTINCT_MAX = 512,         /* of ordinary values: enough to tell a few kinds from many */
    DISTINCT_IDS_MAX = 1 << 18, /* of ids: enough to believe that they are unique */
    DISTINCT_LINES_MAX = 1 << 20,
    DISTINCT_DEPTH_MAX = 2
};

/* ---- sets of hashes ----------------------------------------------------------------------------
 */

static void set_put(uint64_t *slots, uint32_t slot_count, uint64_t hash)
{
    uint32_t at = (uint32_t)hash & (slot_count - 1);
    while (slots[at] != 0 && slots[at] != hash) {
        at = (at + 1) & (slot_count - 1);
    }
    slots[at] = hash;
}

static wend_status set_grow(wendi_infer_set *set)
{
    uint32_t slot_count = set->slot_count == 0 ? 16 : 2 * set->slot_count;
    uint64_t *slots = wendi_alloc_zero(slot_count, sizeof *slots);
    if (slots == NULL) {
        return WEND_NOMEM;
    }
    for (uint32_t i = 0; i < set->slot_count; i++) {
        if (set->slots[i] != 0) {
            set_put(slots, slot_count, set->slots[i]);
        }
    }
    wendi_free(set->slots);
    set->slots = slots;
    set->slot_count = slot_count;
    return WEND_OK;
}

static wend_status set_add(wendi_infer_set *set, uint64_t hash, bool *repeated)
{
    hash = hash == 0 ? 1 : hash;
    *repeated = false;
    if (2 * (set->count + 1) > set->slot_count && !set->full && set_grow(set) != WEND_OK) {
        return WEND_NOMEM;
    }
    uint32_t at = (uint32_t)hash & (set->slot_count - 1);
    while (set->slots[at] != 0 && set->slots[at] != hash) {
        at = (at + 1) & (set->slot_count - 1);
    }
    if (set->slots[at] == hash) {
        *repeated = true;
        set->repeated = true;
    } else if (set->count == set->count_max) {
        set->full = true;
    } else {
        set->slots[at] = hash;
        set->count++;
    }
    return WEND_OK;
}

/* ---- nodes -------------------------------------------------------------------------------------
 */

/* Keys that are names are words; keys that are data are numbers, addresses, sentences. */
static bool is_odd_key(wendi_string key)
{
    uint32_t digits = 0;
    for (uint32_t i = 0; i < key.length; i++) {
        unsigned char c = (unsigned char)key.data[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-' ||
                    c == '$' || c == '@';
        digits += c >= '0' && c <= '9';
        if (!word && !(c >= '0' && c <= '9')) {
            return true;
        }
    }
    return digits == key.length || key.length > 40 || (key.length > 20 && 2 * digits > key.length);
}

static bool names_an_id(wendi_string key)
{
    return key.length >= 2 && (key.data[key.length - 1] | 32) == 'd' &&
           ((key.data[key.length - 2] | 32) == 'i' || (key.data[key.length - 2] | 32) == 'u');
}

static uint32_t *find_slot(const wendi_infer_tree *tree, uint32_t parent, wendi_string key)
{
    uint64_t hash = wendi_hash64(key.data, key.length) + parent * UINT64_C(0x9e3779b97f4a7c15);
    uint32_t at = (uint32_t)(hash ^ hash >> 32) & (tree->table_size - 1);
    while (tree->table[at] != 0) {
        const wendi_infer_node *node = &tree->nodes[tree->table[at] - 1];
        if (node->parent == parent && wendi_string_equal(node->key, key)) {
            break;
        }
        at = (at + 1) & (tree->table_size - 1);
    }
    return &tree->table[at];
}

static wend_status add_node(wendi_infer_tree *tree, uint32_t parent, wendi_string key,
                            uint32_t *added)
{
    if (tree->node_count == tree->node_capacity) {
        uint32_t capacity = tree->node_capacity == 0 ? 64 : 2 * tree->node_capacity;
        wendi_infer_node *nodes = wendi_realloc(tree->nodes, capacity * sizeof *nodes);
        if (nodes == NULL) {
            return WEND_NOMEM;
        }
        tree->nodes = nodes;
        tree->node_capacity = capacity;
    }
    char *copy = wendi_arena_copy(&tree->arena, key.data, key.length);
    if (copy == NULL) {
        return WEND_NOMEM;
    }
    *added = tree->node_count++;
    wendi_infer_node *node = &tree->nodes[*added];
    *node = (wendi_infer_node){.key = {copy, key.length},
                               .parent = parent,
                               .first_child = WENDI_INFER_NONE,
                               .last_child = WENDI_INFER_NONE,
                               .next = WENDI_INFER_NONE,
                               .distinct.count_max =
                                   names_an_id(key) ? DISTINCT_IDS_MAX : DISTINCT_MAX};
    if (parent != WENDI_INFER_NONE) {
        wendi_infer_node *above = &tree->nodes[parent];
        node->depth = above->depth + 1;
        above->child_count++;
        above->odd_children += is_odd_key(key);
        if (above->last_child == WENDI_INFER_NONE) {
            above->first_child = *added;
        } else {
            tree->nodes[above->last_child].next = *added;
        }
        above->last_child = *added;
    }
    return WEND_OK;
}

/* The node of `key` in `parent`; NONE when it is one too many. */
static wend_status child_of(wendi_infer_tree *tree, uint32_t parent, wendi_string key,
                            uint32_t *child)
{
    uint32_t *slot = find_slot(tree, parent, key);
    uint32_t most = parent == 0 ? WENDI_INFER_ROOT_CHILDREN_MAX : WENDI_INFER_CHILDREN_MAX;
    if (*slot != 0) {
        *child = *slot - 1;
        return WEND_OK;
    }
    if (tree->nodes[parent].child_count >= most || tree->node_count >= WENDI_INFER_NODES_MAX ||
        memchr(key.data, '\0', key.length) != NULL) { /* SQL text cannot hold a zero byte */
        tree->nodes[parent].overflow = true;
        *child = WENDI_INFER_NONE;
        return WEND_OK;
    }
    wend_status status = add_node(tree, parent, key, child);
    if (status == WEND_OK) {
        *slot = *child + 1;
    }
    return status;
}

/* ---- values ------------------------------------------------------------------------------------
 */

static wend_status note_distinct(wendi_infer_node *node, wendi_string text)
{
    bool repeated = false;
    if (node->depth > DISTINCT_DEPTH_MAX) {
        return WEND_OK;
    }
    return set_add(&node->distinct, wendi_hash64(text.data, text.length), &repeated);
}

static wend_status plain_text(wendi_infer_tree *tree, wendi_json_string string, wendi_string *text)
{
    *text = (wendi_string){string.data, string.length};
    if (!string.escaped) {
        return WEND_OK;
    }
    tree->scratch.length = 0;
    if (wendi_buffer_reserve(&tree->scratch, string.length) != WEND_OK) {
        return WEND_NOMEM;
    }
    text->data = (const char *)tree->scratch.data;
    text->length = wendi_json_unescape(string, (char *)tree->scratch.data);
    return WEND_OK;
}

static wend_status note_string(wendi_infer_tree *tree, uint32_t index, wendi_json_string string)
{
    wendi_string text;
    wendi_infer_node *node = &tree->nodes[index];
    wend_status status = plain_text(tree, string, &text);
    if (status != WEND_OK) {
        return status;
    }
    wendi_value_guess_add_string(&node->values, text);
    return note_distinct(node, text);
}

static wend_status note_number(wendi_infer_node *node, const wendi_json_number *number)
{
    wendi_value_guess_add_number(&node->values, number);
    return note_distinct(node, (wendi_string){number->data, number->length});
}

static wend_status walk_value(wendi_infer_tree *tree, uint32_t index, const char *at,
                              const char *end, const char **behind);

/* `at` is behind the opening brace. Recursion is bounded by the validator: 64 levels. */
static wend_status walk_object(wendi_infer_tree *tree, uint32_t index, const char *at,
                               const char *end, const char **behind)
{
    wendi_json_error fault;
    wend_status status = WEND_OK;
    tree->nodes[index].values.objects++;
    at = wendi_json_blanks(at, end);
    while (*at != '}') {
        wendi_json_string key = {0};
        wendi_string name;
        uint32_t child = WENDI_INFER_NONE;
        at = wendi_json_scan_string(at + 1, end, &key, &fault);
        WEND_REQUIRE(at != NULL);
        WEND_TRY(plain_text(tree, key, &name));
        WEND_TRY(child_of(tree, index, name, &child));
        at = wendi_json_blanks(wendi_json_blanks(at, end) + 1, end); /* the colon */
        if (child == WENDI_INFER_NONE) {
            at = wendi_json_skip(at, end, 0, &fault);
            WEND_REQUIRE(at != NULL);
        } else {
            WEND_TRY(walk_value(tree, child, at, end, &at));
        }
        at = wendi_json_blanks(at, end);
        if (*at == ',') {
            at = wendi_json_blanks(at + 1, end);
        }
    }
    *behind = at + 1;
cleanup:
    return status;
}

static wend_status walk_value(wendi_infer_tree *tree, uint32_t index, const char *at,
                              const char *end, const char **behind)
{
    wendi_json_error fault;
    wendi_json_string string = {0};
    wendi_json_number number = {0};
    wendi_infer_node *node = &tree->nodes[index];
    wend_status status = WEND_OK;
    switch (*at) {
    case '{':
        status = walk_object(tree, index, at + 1, end, behind);
        if (status == WEND_OK) { /* which may have moved the nodes */
            wendi_value_guess_keep_example(&tree->nodes[index].values, at, *behind);
        }
        return status;
    case '"':
        *behind = wendi_json_scan_string(at + 1, end, &string, &fault);
        status = note_string(tree, index, string);
        break;
    case '[':
        node->values.arrays++;
        *behind = wendi_json_skip(at, end, 0, &fault);
        break;
    case 't':
    case 'f':
        node->values.booleans++;
        *behind = at + (*at == 't' ? 4 : 5);
        break;
    case 'n':
        node->values.nulls++;
        *behind = at + 4;
        break;
    default:
        *behind = wendi_json_scan_number(at, end, &number, &fault);
        status = note_number(node, &number);
        break;
    }
    WEND_REQUIRE(*behind != NULL); /* the line was validated */
    wendi_value_guess_keep_example(&node->values, at, *behind);
    return status;
}

wend_status wendi_infer_tree_line(wendi_infer_tree *tree, const char *line, size_t length)
{
    wend_status status = WEND_OK;
    bool repeated = false;
    const char *behind = NULL;
    tree->line.length = 0;
    WEND_TRY(wendi_buffer_append(&tree->line, line, length));
    WEND_TRY(wendi_buffer_append_zero(&tree->line, PADDING_BYTES));
    const char *text = (const char *)tree->line.data;
    const char *begin = wendi_json_blanks(text, text + length);
    if (begin == text + length) {
        return WEND_OK; /* blank lines are no events */
    }
    tree->lines++;
    if (*begin != '{' || wendi_json_validate(text, length, NULL) != WENDI_JSON_GOOD) {
        tree->broken++;
        return WEND_OK;
    }
    WEND_TRY(set_add(&tree->repeats, wendi_hash64(text, length), &repeated));
    tree->repeated_lines += repeated;
    WEND_TRY(walk_object(tree, 0, begin + 1, text + length, &behind));
cleanup:
    return status;
}

wend_status wendi_infer_tree_init(wendi_infer_tree *tree)
{
    uint32_t root = 0;
    *tree = (wendi_infer_tree){.table_size = 65536, .repeats.count_max = DISTINCT_LINES_MAX};
    _Static_assert(2 * WENDI_INFER_NODES_MAX < 65536, "the table always has free slots");
    tree->table = wendi_alloc_zero(tree->table_size, sizeof *tree->table);
    if (tree->table == NULL) {
        return WEND_NOMEM;
    }
    return add_node(tree, WENDI_INFER_NONE, wendi_string_of(""), &root);
}

void wendi_infer_tree_free(wendi_infer_tree *tree)
{
    for (uint32_t i = 0; i < tree->node_count; i++) {
        wendi_free(tree->nodes[i].distinct.slots);
    }
    wendi_free(tree->nodes);
    wendi_free(tree->table);
    wendi_free(tree->repeats.slots);
    wendi_buffer_free(&tree->line);
    wendi_buffer_free(&tree->scratch);
    wendi_arena_free(&tree->arena);
}

uint64_t wendi_infer_present(const wendi_infer_node *node)
{
    return wendi_value_guess_present(&node->values);
}
