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

/** A string whose code is looked up when its row is read, by when the cache lines for that have come. */
typedef struct wendi_pending_code {
    wendi_interner *interner;
    wendi_string text; /* in its message */
    uint64_t hash;
    uint32_t *code;
    uint32_t *learnt; /* where in a line the code is remembered */
} wendi_pending_code;

enum { WENDI_PENDING_CODES = 24 /* of further strings of a row the codes are looked up at once */ };

/** All members of the document that begins at `at`, its braces included; the byte behind it, or NULL. */
typedef const char *(*wendi_json_members)(wendi_json_decoder *decoder, const char *at);

const char *wendi_json_members_portable(wendi_json_decoder *decoder, const char *at);
#if defined(__x86_64__)
const char *wendi_json_members_avx2(wendi_json_decoder *decoder, const char *at);
#endif

struct wendi_json_decoder {
    const wendi_schema *schema;
    wendi_json_members take_members; /* of this machine */
    wendi_key_tree tree;
    wendi_convert_column *plans;
    wendi_convert_row row;
    wendi_json_recall recall;
    wendi_pending_code pending[WENDI_PENDING_CODES]; /* of the row being decoded */
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
