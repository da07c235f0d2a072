/**
 * What a sample of JSON lines looks like: a tree of keys, each with counts of the kinds of values
 * it had and with what their texts had in common (value_guess.h). Inside of schema inference (infer.h).
 *
 * Memory is bounded: at most WENDI_INFER_NODES_MAX keys and a few hundred distinct values each are
 * told apart. Beyond that an object counts as one whose keys are data.
 */
#ifndef WENDI_INGEST_INFER_TREE_H
#define WENDI_INGEST_INFER_TREE_H

#include "engine/base/arena.h"
#include "engine/base/bytes.h"
#include "ingest/value_guess.h"

enum {
    WENDI_INFER_NODES_MAX = 20000,
    WENDI_INFER_CHILDREN_MAX = 256, /* of one object; the document itself may have more */
    WENDI_INFER_ROOT_CHILDREN_MAX = 1000,
    WENDI_INFER_NONE = 0xffffffffu
};

/** A set of hashes that stops growing at its limit. */
typedef struct wendi_infer_set {
    uint64_t *slots; /* open addressing; 0: free */
    uint32_t slot_count;
    uint32_t count;
    uint32_t count_max;
    bool full;     /* beyond the limit: `count` is a lower bound */
    bool repeated; /* something was added twice */
} wendi_infer_set;

typedef struct wendi_infer_node {
    wendi_string key;
    uint32_t parent;
    uint32_t depth; /* the document is 0 */
    uint32_t first_child;
    uint32_t last_child;
    uint32_t next; /* sibling */
    uint32_t child_count;
    uint64_t odd_children; /* of them by their names: digits only, dots, blanks, very long */
    wendi_value_guess values;
    bool overflow; /* more children than are told apart */
    wendi_infer_set distinct;
} wendi_infer_node;

typedef struct wendi_infer_tree {
    wendi_arena arena;
    wendi_infer_node *nodes; /* 0 is the document */
    uint32_t node_count;
    uint32_t node_capacity;
    uint32_t *table; /* open addressing over (parent, key): node + 1 */
    uint32_t table_size;
    wendi_buffer line;       /* padded copy of the line in hand */
    wendi_buffer scratch;    /* a string without its escapes */
    wendi_infer_set repeats; /* hashes of whole lines */
    uint64_t lines;
    uint64_t broken;
    uint64_t repeated_lines;
} wendi_infer_tree;

wend_status wendi_infer_tree_init(wendi_infer_tree *tree);
void wendi_infer_tree_free(wendi_infer_tree *tree);
/** WEND_NOMEM, else WEND_OK whatever the line is. */
wend_status wendi_infer_tree_line(wendi_infer_tree *tree, const char *line, size_t length);
/** Values other than null. */
uint64_t wendi_infer_present(const wendi_infer_node *node);

#endif
