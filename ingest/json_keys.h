/**
 * The tree of keys that a schema's paths reach through, and what was learnt about keys and their order.
 *
 * A node is an object that paths reach into; node 0 is the document. A slot is one key of a node: declared by
 * paths, or learnt because it was met. Slots know which slots usually follow them and the literal
 * `"key":` that is compared first; all else is found by hash. Duplicates are seen by the slot's
 * bit among those of the row, or by its stamp, which is the number of the row that met it last.
 */
#ifndef WENDI_INGEST_JSON_KEYS_H
#define WENDI_INGEST_JSON_KEYS_H

#include "engine/base/arena.h"
#include "engine/column/schema.h"
#include "ingest/json_decoder.h"

enum {
    WENDI_KEY_LITERAL_WORDS = 4,
    WENDI_KEY_HEADS_BITS = 7,
    WENDI_KEY_HEADS = 1 << WENDI_KEY_HEADS_BITS,
    WENDI_KEY_NONE = 0xffffffffu,
    WENDI_KEY_LEARNT_BYTES_MAX = 128 /* longer unknown keys are not learnt */
};

/** What is to be done with the value under a slot. */
typedef enum wendi_key_action {
    WENDI_KEY_SKIP,    /* unknown: validated and counted */
    WENDI_KEY_COLUMN,  /* one column, converted at once */
    WENDI_KEY_DESCEND, /* an object that paths reach into, and nothing else */
    WENDI_KEY_MIXED    /* several columns, alternatives, or a column and paths beneath it */
} wendi_key_action;

/*
 * What a row has met, in 64 bits: its columns, and two marks. Slots of columns that have no bit, and all that are no
 * column's, share the last one, which is always set, and tell repeats by their stamps.
 */
#define WENDI_KEY_OTHER (UINT64_C(1) << 62)
#define WENDI_KEY_STAMPED (UINT64_C(1) << 63)
enum { WENDI_KEY_BITS = 62 };

typedef struct wendi_key_slot {
    uint64_t literal[WENDI_KEY_LITERAL_WORDS]; /* `"key":`, padded with zeros; all ones when there is none */
    uint64_t mask[WENDI_KEY_LITERAL_WORDS];    /* all zeros then, so that no text matches */
    uint64_t bit;           /* of its column, or WENDI_KEY_STAMPED */
    uint32_t literal_bytes; /* 0: none, since the key is long or needs escapes */
    uint32_t next[2]; /* slots of the same node that followed last time and before; itself, until one did */
    uint32_t builder_offset; /* of the column's builder, in bytes */
    uint32_t column;  /* for WENDI_KEY_COLUMN, else WENDI_NO_COLUMN */
    uint16_t place;   /* of the column's code in a user's line */
    uint8_t action;   /* wendi_key_action */
    uint8_t value;    /* wendi_convert_quick of the column; 0 for other actions */
    uint8_t quick;    /* what the loop over members does: value, or something of json_recall.h in front of it */
    uint32_t stamp;
    uint32_t child;   /* node beneath, or WENDI_KEY_NONE */
    uint32_t first_target; /* list of wendi_key_target, or WENDI_KEY_NONE */
    uint32_t node;
    wendi_string key;
    uint64_t unknown_count; /* values that went nowhere */
    uint8_t unknown_kinds;  /* of them: wendi_value_kind */
    wendi_value_guess *unknown; /* what some of them were like, in the arena; NULL: none was looked at */
} wendi_key_slot;

/** One path of one column: where its value stood in this row. */
typedef struct wendi_key_target {
    uint32_t column;
    uint32_t slot; /* it hangs on */
    uint32_t next_in_slot;
    uint32_t stamp;    /* row that gave it, else there is none */
    bool chosen;       /* the column took it; only for rows that keep what is left over */
    const char *value; /* its first byte */
} wendi_key_target;

typedef struct wendi_key_node {
    uint32_t first[2]; /* as wendi_key_slot.next, for the first key; WENDI_KEY_NONE */
    uint32_t slot;     /* the slot above; WENDI_KEY_NONE for the document */
    uint32_t *table;   /* open addressing: slot + 1, 0 free */
    uint32_t table_mask;
    uint32_t slot_count;
    uint32_t heads[WENDI_KEY_HEADS]; /* slot + 1 by the first bytes of keys that have a literal; 0: none, or one that shares them */
    bool covered; /* a jsonb column takes the object as a whole: nothing in it is left over */
} wendi_key_node;

typedef struct wendi_key_tree {
    wendi_arena arena;
    wendi_key_slot *slots;
    uint32_t slot_count;
    uint32_t slot_capacity;
    wendi_key_node *nodes;
    uint32_t node_count;
    wendi_key_target *targets;
    uint32_t target_count;
    uint32_t *column_targets; /* per column: its first target, in order of preference; column_count + 1 of them */
    uint32_t learnt_count;
    uint64_t stray_count; /* values of unknown keys that are not learnt */
} wendi_key_tree;

/** `defer`: every column is decided at the row's end (a later duplicate may replace a value). */
wend_status wendi_key_tree_init(wendi_key_tree *tree, const wendi_schema *schema, bool defer, wend_error *error);
void wendi_key_tree_free(wendi_key_tree *tree);

/** The slot of `key` in `node`, or WENDI_KEY_NONE. */
uint32_t wendi_key_find(const wendi_key_tree *tree, uint32_t node, wendi_string key);
/** Learn an unknown key; WENDI_KEY_NONE when there are too many or memory is refused. May move the slots. */
uint32_t wendi_key_learn(wendi_key_tree *tree, uint32_t node, wendi_string key);
/** Forget what this row saw beneath `node`, because a later duplicate replaces it. */
void wendi_key_forget(wendi_key_tree *tree, uint32_t node);
/** All stamps to 0: when the row numbers begin anew. */
void wendi_key_reset_stamps(wendi_key_tree *tree);
/**
 * Count a value under `slot` that no column takes, which stands at begin..end of the message. It is looked at now and
 * then (value_guess.h), so this costs next to nothing. Where memory is refused it is only counted.
 */
void wendi_key_note_unknown(wendi_key_tree *tree, wendi_key_slot *slot, const char *begin, const char *end,
                            wendi_buffer *scratch);
/** The most frequent unknown keys, at most `capacity`, the most frequent first; returns how many. */
uint32_t wendi_key_unknown(const wendi_key_tree *tree, wendi_unknown_key *keys, uint32_t capacity);

/** Whether the slot's literal stands at `at`. 32 bytes may be read; where the text ends is the caller's business. */
static inline bool wendi_key_matches(const wendi_key_slot *slot, const char *at)
{
    uint64_t words[WENDI_KEY_LITERAL_WORDS];
    memcpy(words, at, sizeof words);
    uint64_t differ = ((words[0] & slot->mask[0]) ^ slot->literal[0]) | ((words[1] & slot->mask[1]) ^ slot->literal[1]) |
                      ((words[2] & slot->mask[2]) ^ slot->literal[2]) | ((words[3] & slot->mask[3]) ^ slot->literal[3]);
    return differ == 0;
}

/** Where a key is looked for among its node's heads; `at` is its opening quote, and nine bytes may be read. */
static inline uint32_t wendi_key_head(const char *at)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t head = wendi_load_u64(at + 1);
    uint64_t quotes = head ^ ones * '"';
    quotes = (quotes - ones) & ~quotes & ones << 7; /* its lowest bit is the first quote's */
    head &= quotes ^ (quotes - 1);                  /* all bits if there is none */
    return (uint32_t)(head * UINT64_C(0x9e3779b97f4a7c15) >> (64 - WENDI_KEY_HEADS_BITS));
}

#endif
