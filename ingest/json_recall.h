/**
 * What values came last with what: guesses at the code of a string column's next value, so that most values cost a
 * comparison with one entry of the dictionary instead of a hash, a probe and a comparison.
 *
 * Much of an event is a function of its user: device, browser, place, language. So each user's code has a
 * *line*, which holds for every string column the code that came last with that user. Columns that stand before
 * the user, and tables without one, go by the *chain*: what followed last on the code of the string column before.
 * Both are tables of fixed size, indexed by the lower bits of a code.
 *
 * A guess is never believed: whoever uses it compares all bytes of the entry with those of the message. So
 * nothing here has to be told when dictionaries are emptied, exchanged or shared; guesses then fail for a while,
 * and are learnt anew. A column whose guesses mostly fail is not guessed for some hundreds of values, then thousands.
 *
 * Members whose values nearly always come again stand side by side in most events, so a user has a *run* too: the
 * text of such members from the first value to the last, and what it came to. If it stands there again, one
 * comparison takes them all. Which keys make a run (its *shape*) is learnt from the order of keys and from how
 * often the guesses by line were right. A run holds codes that are not compared again, so it counts only for the
 * dictionaries it was made with: wendi_interner.epoch.
 */
#ifndef WENDI_INGEST_JSON_RECALL_H
#define WENDI_INGEST_JSON_RECALL_H

#include <stdbool.h>
#include <stdint.h>

#include "ingest/json_convert.h"
#include "ingest/json_keys.h"

enum {
    WENDI_RECALL_NONE = 0xffff,   /* a column that is not guessed */
    WENDI_RECALL_COLUMNS_MAX = 48, /* of further string columns nothing is kept */
    WENDI_RECALL_LINES = 8192,
    WENDI_RECALL_CHAIN = 1024,
    WENDI_RECALL_WINDOW = 256,  /* guesses after which it is judged whether they pay */
    WENDI_RECALL_HITS_MIN = 96, /* of them must have been right, or else the next values are not guessed */
    WENDI_RECALL_PAUSE = 512,   /* so many at first, up to 16 times as many */
    WENDI_RECALL_PAUSE_DOUBLINGS = 4,
    WENDI_RUN_LINES = 4096,
    WENDI_RUN_MEMBERS_MIN = 3,
    WENDI_RUN_MEMBERS_MAX = 16,
    WENDI_RUN_RATE_MIN = 192, /* of a window's guesses that were right, for a column to be in a run */
    WENDI_RUN_SEEN_MISSING_MAX = 4, /* one in so many rows may lack a column that is in a run */
    WENDI_RUN_TEXT_BYTES = 424
};

/** Whether the guesses of one column in one way pay. */
typedef struct wendi_recall_worth {
    uint16_t tries;
    uint16_t hits;
    uint16_t pause; /* values still not to be guessed */
    uint16_t rate;  /* hits of the last whole window */
    uint16_t doublings;
} wendi_recall_worth;

typedef struct wendi_recall_column {
    wendi_recall_worth by_line;
    wendi_recall_worth by_chain;
    uint32_t *chain; /* WENDI_RECALL_CHAIN codes, by the code of the string before */
    uint32_t seen;   /* values taken one by one since the last judgement */
    uint16_t place;  /* in a line; WENDI_RECALL_NONE */
} wendi_recall_column;

/** The members of one user's last event from one value to another, and what they came to. */
typedef struct wendi_recall_run {
    uint32_t generation; /* of the shape that it was made by */
    uint32_t text_bytes;
    uint32_t codes[WENDI_RUN_MEMBERS_MAX]; /* of the strings */
    wendi_b16 address;                     /* of the one address among them */
    char text[WENDI_RUN_TEXT_BYTES];
} wendi_recall_run;

/** Which keys, in which order, make a run. */
typedef struct wendi_recall_shape {
    uint32_t generation; /* runs of another one do not count; 0 is never one */
    uint32_t member_count; /* 0: there is no shape */
    uint32_t slots[WENDI_RUN_MEMBERS_MAX];
    uint32_t columns[WENDI_RUN_MEMBERS_MAX];
    uint64_t epochs[WENDI_RUN_MEMBERS_MAX]; /* of the strings' dictionaries */
    uint32_t address;                       /* which member is an address; member_count: none */
    bool without_address;                   /* addresses were tried, and did not pay */
    wendi_recall_worth worth;
} wendi_recall_shape;

typedef struct wendi_json_recall {
    wendi_recall_column *columns; /* one a column of the schema */
    uint32_t column_count;
    uint32_t *lines;              /* WENDI_RECALL_LINES times line_codes, within line_memory */
    uint32_t *line_memory;
    uint32_t *chains;
    uint32_t line_codes; /* a multiple of 16: a line begins with a cache line */
    uint32_t user_column; /* WENDI_NO_COLUMN where it is no string from JSON */
    wendi_recall_shape shape;
    wendi_recall_run *runs; /* WENDI_RUN_LINES of them, by the user's code, and one more as padding; NULL: no shape yet */
    uint64_t day_text[2][2]; /* the beginnings "2026-03-02T" of times seen last, eight bytes and three */
    int64_t day_us[2];
} wendi_json_recall;

/** WEND_NOMEM. Cost: some 0.6 MiB for 20 columns, two more once runs are found; of which is touched what is used. */
wend_status wendi_json_recall_init(wendi_json_recall *recall, const wendi_schema *schema);
void wendi_json_recall_free(wendi_json_recall *recall);
/**
 * `rows` after the last time: look for a longer shape, or another one if it does not pay. Looks at every key of the document.
 * `tree` knows their order and is told which ones are of a run, `plans` knows how values are written.
 */
void wendi_json_recall_judge(wendi_json_recall *recall, wendi_key_tree *tree, const wendi_convert_column *plans,
                             uint32_t rows);
/** Runs made so far no longer count. */
void wendi_json_recall_forget_runs(wendi_json_recall *recall);

/** May this way be tried for the next value? */
static inline bool wendi_recall_pays(wendi_recall_worth *worth)
{
    if (worth->pause != 0) {
        worth->pause--;
        return false;
    }
    if (worth->tries++ == WENDI_RECALL_WINDOW) {
        bool pays = worth->hits >= WENDI_RECALL_HITS_MIN;
        uint32_t doublings = worth->doublings;
        worth->pause = (uint16_t)(pays ? 0 : WENDI_RECALL_PAUSE << doublings);
        worth->doublings = (uint16_t)(pays ? 0 : doublings + (doublings < WENDI_RECALL_PAUSE_DOUBLINGS));
        worth->rate = worth->hits;
        worth->tries = 0;
        worth->hits = 0;
    }
    return true;
}

static inline wendi_recall_run *wendi_recall_run_of(const wendi_json_recall *recall, uint32_t code)
{
    return &recall->runs[code & (WENDI_RUN_LINES - 1)];
}

/** The line of a user's code. */
static inline uint32_t *wendi_recall_line(const wendi_json_recall *recall, uint32_t code)
{
    return recall->lines + (size_t)(code & (WENDI_RECALL_LINES - 1)) * recall->line_codes;
}

#endif
