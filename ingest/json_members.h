/**
 * The decoder's state, and its loop over the members of an object, which is compiled once for each instruction set.
 *
 * The loop (json_members_body.h) knows a quick way for what is usual: keys that follow as learnt, values that
 * are written as nearly all are. It takes that way only where it gives what the general way gives, and changes
 * nothing before it is sure; everything else, and every fault, is left to the general way in
 * json_decoder.c and json_convert.c.
 */
#ifndef WENDI_INGEST_JSON_MEMBERS_H
#define WENDI_INGEST_JSON_MEMBERS_H

#include "ingest/json_convert.h"
#include "ingest/json_keys.h"
#include "ingest/json_recall.h"
#include "ingest/json_rest.h"
#include "ingest/json_strays.h"

enum { WENDI_KEY_STRAY = 0xfffffffeu /* an unknown key that is not learnt */ };

/** An object that is open: where to go on when the one inside it ends. */
typedef struct wendi_json_frame {
    uint32_t node;
    uint32_t last; /* slot of the last key, WENDI_KEY_NONE before the first */
} wendi_json_frame;

enum {
    WENDI_AHEAD_COLUMNS = 3,
    WENDI_AHEAD_FIRST = 6,        /* a message is looked at so many before its turn, */
    WENDI_AHEAD_SECOND = 3,       /* and again */
    WENDI_AHEAD_MESSAGES = 8,     /* a power of two */
    WENDI_AHEAD_BYTES = 192,      /* of a message, in which such a column's key begins */
    WENDI_AHEAD_ENTRIES_MIN = 512 /* of dictionaries that no near cache holds */
};

/** A string of a message that is to be decoded soon, and its hash in the column's interner. */
typedef struct wendi_json_ahead {
    const char *begin; /* NULL: not where it was expected */
    uint64_t hash;
    uint64_t seed; /* of the interner */
    uint32_t length;
} wendi_json_ahead;

/**
 * Columns whose dictionaries are too large for caches, and whose values stand at the same byte of every message, as the
 * identifiers in front of an event mostly do: they are hashed and looked up before their message is decoded.
 */
typedef struct wendi_json_lookout {
    uint32_t slots[WENDI_AHEAD_COLUMNS];
    uint32_t offsets[WENDI_AHEAD_COLUMNS]; /* of the keys' quotes in the message */
    uint32_t column_count;
    const wendi_message *messages; /* that are to be decoded, as announced */
    uint32_t message_count;
    uint32_t decoded;
    wendi_json_ahead texts[WENDI_AHEAD_MESSAGES + 1][WENDI_AHEAD_COLUMNS]; /* the last are none */
    const wendi_json_ahead *now; /* those of the message being decoded */
} wendi_json_lookout;

/** A string whose code is looked up some time after it was met, when the cache lines for that have come. */
typedef struct wendi_pending_code {
    wendi_interner *interner;
    wendi_string text; /* in its message */
    uint64_t hash;
    uint32_t *code;
    uint32_t *learnt; /* where in a line the code is remembered */
} wendi_pending_code;

enum {
    WENDI_PENDING_CODES = 24, /* of further strings of a row the codes are looked up at once */
    WENDI_PENDING_ENTRIES = 1, /* so many rows later their entries are asked for, */
    WENDI_PENDING_LAST = 3,    /* and looked up */
    WENDI_PENDING_ROWS = 4     /* a power of two */
};

/** What a row still lacks. */
typedef struct wendi_pending {
    uint32_t code_count;
    wendi_pending_code codes[WENDI_PENDING_CODES];
    uint32_t row;
    uint32_t *line; /* that is to learn the row's run; NULL: none is */
    const char *run_begin;
    const char *run_last;
    const char *end; /* of the message */
} wendi_pending;

/** What is compiled once for each instruction set. */
typedef struct wendi_json_loops {
    /** All members of the document that begins at `at`, its braces included; the byte behind it, or NULL. */
    const char *(*take_members)(wendi_json_decoder *decoder, const char *at);
    /** The row is good: look up what the oldest of those that wait lacks, or, with `all`, what all lack. False: no memory. */
    bool (*settle)(wendi_json_decoder *decoder, bool all);
    /** Look at announced message `message` for the first time, if there is one, and at one before it for the second. */
    void (*look_ahead)(wendi_json_decoder *decoder, const wendi_row_builder *builder, uint32_t message);
} wendi_json_loops;

extern const wendi_json_loops wendi_json_portable;
#if defined(__x86_64__)
extern const wendi_json_loops wendi_json_avx2;
#endif

struct wendi_json_decoder {
    const wendi_schema *schema;
    const wendi_json_loops *loops; /* of this machine */
    wendi_key_tree tree;
    wendi_convert_column *plans;
    wendi_convert_row row;
    wendi_json_recall recall;
    wendi_json_lookout lookout;
    wendi_pending pending[WENDI_PENDING_ROWS]; /* of the row being decoded and of those before, in turns */
    uint32_t turn;
    wendi_json_strays strays;
    wendi_json_rest rest;
    wendi_string stray; /* the key just read, where it has no slot */
    bool stray_seen;    /* and this object had it before */
    wendi_reject reject;
    wendi_decoder_counters counters;
    uint64_t *json_columns;     /* bits: columns whose value comes from JSON */
    uint64_t *default_columns;  /* bits: columns with a DEFAULT that is not null */
    uint64_t *not_null_columns; /* bits: NOT NULL and not generated */
    uint64_t *bits;             /* the memory of all bit sets */
    uint32_t word_count;
    uint32_t *origin_columns; /* columns from Kafka */
    uint32_t origin_column_count;
    uint32_t *late_columns; /* columns decided at the row's end */
    uint32_t late_column_count;
    uint32_t stamp; /* number of the row; never 0 */
    bool defer;
    bool keeps_rest; /* the table has the column _rest */
    bool predict;      /* false: the general way only */
    bool guesses_keys; /* false while keys come in no order that could be learnt */
    uint32_t judged_rows; /* since it was judged last whether keys are to be guessed */
    uint32_t judged_at;   /* that many rows make the next judgement due */
    uint64_t judged_hits; /* the counters at that time */
    uint64_t judged_misses;
    wendi_duplicate_key duplicates;
};

/* The general way, for the loop. All give NULL when the row is refused or memory is. */

const char *wendi_json_fault_here(wendi_json_decoder *decoder, const char *at);
/** Read a key as it stands, find its slot or learn it, and remember that it followed the last one. */
const char *wendi_json_read_key(wendi_json_decoder *decoder, wendi_json_frame *frame, const char *at, uint32_t *slot);
/**
 * Take the value of `slot` at `at`. `*opened`: it is an object to be gone into, and the byte given is the
 * one behind its brace.
 */
const char *wendi_json_take_value(wendi_json_decoder *decoder, uint32_t slot, uint32_t node, const char *at,
                                  uint32_t depth, bool *opened);
const char *wendi_json_skip_value(wendi_json_decoder *decoder, const char *at, uint32_t depth);
/** This row had the key before: what to do with its second value. `*skip`: pass it over. False: the row is refused. */
bool wendi_json_meet_again(wendi_json_decoder *decoder, const wendi_key_slot *slot, const char *at, bool *skip);

/** What usually follows the frame's last key. */
static inline uint32_t *wendi_json_expected(wendi_key_tree *tree, const wendi_json_frame *frame)
{
    return frame->last != WENDI_KEY_NONE ? tree->slots[frame->last].next : tree->nodes[frame->node].first;
}

#endif
