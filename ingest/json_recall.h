/**
 * What values came last with what: guesses at the code of a string column's next value, so that most values cost a
 * comparison with one entry of the dictionary instead of a hash, a probe and a comparison.
 *
 * Much of an event is a function of its user: device, browser, place, language. So each user's code has a
 * *line*, which holds for every string column the code that came last with that user. What stands before the user,
 * and tables without one, have one line for all. Lines are a table of fixed size, indexed by the lower bits of a code.
 *
 * A guess is never believed: whoever uses it compares all bytes of the entry with those of the message. So
 * nothing here has to be told when dictionaries are emptied, exchanged or shared; guesses then fail for a while,
 * and are learnt anew. A column whose guesses mostly fail is not guessed for some hundreds of rows, then thousands.
 *
 * Members whose values nearly always come again stand side by side in most events, and together have few values, so
 * they make a *run*: the text of such members from the first value to the last, and what it came to. A line knows the
 * run that came last with its user. If it stands there again, one comparison takes all its members. Users share runs,
 * so what is compared with lies in a near cache. Which keys make a run (its *shape*) is learnt from the order of keys,
 * from how often the guesses by line were right and from how many entries dictionaries have. A run holds codes that are
 * not compared again, so it counts only for the dictionaries it was made with: wendi_interner.epoch.
 */
#ifndef WENDI_INGEST_JSON_RECALL_H
#define WENDI_INGEST_JSON_RECALL_H

#include <stdbool.h>
#include <stdint.h>

#include "ingest/json_convert.h"
#include "ingest/json_keys.h"

enum {
    WENDI_RECALL_COLUMNS_MAX = 48, /* of further string columns nothing is kept */
    WENDI_RECALL_LINES = 8192,
    WENDI_RECALL_WINDOW = 256,  /* guesses of which rates are told */
    WENDI_RECALL_TRIES_MIN = 64, /* fewer are not judged */
    WENDI_RECALL_HITS_MIN = 96, /* of a window must have been right, or else the next values are not guessed */
    WENDI_RECALL_PAUSE = 2,     /* for so many judgements at first, up to 16 times as many */
    WENDI_RECALL_PAUSE_DOUBLINGS = 4,
    WENDI_RECALL_ROWS_SEEN = 8, /* one row in so many is looked at for which columns it has */
    WENDI_RUNS = 1024, /* a power of two */
    WENDI_RUN_MEMBERS_MIN = 3,
    WENDI_RUN_MEMBERS_MAX = 16,
    WENDI_RUN_RATE_MIN = 192,     /* of a window's guesses that were right, for a column to be in a run */
    WENDI_RUN_ENTRIES_MAX = 1024, /* and that its dictionary may have */
    WENDI_RUN_SEEN_MISSING_MAX = 4, /* one in so many rows may lack a column that is in a run */
    WENDI_RUN_PAUSE = 512, /* runs that are not tried when they mostly failed */
    WENDI_RUN_TEXT_BYTES = 312
};

/** The guesses of one column, and whether they pay. */
typedef struct wendi_recall_column {
    uint32_t hits;  /* since the last judgement */
    uint32_t misses;
    uint32_t seen;  /* values in the rows that were looked at since */
    uint16_t place; /* in a line; that of columns which have none is nobody's */
    uint16_t rate;  /* hits a window, as judged last */
    bool recalled;  /* has a place of its own */
    bool guessed;
    uint8_t pause; /* judgements still to pass until it is guessed again */
    uint8_t doublings;
} wendi_recall_column;

/** Whether runs pay. */
typedef struct wendi_recall_worth {
    uint16_t tries;
    uint16_t hits;
    uint16_t pause; /* rows still not to be tried */
    uint16_t rate;  /* hits of the last whole window */
    uint16_t doublings;
} wendi_recall_worth;

/** The members of an event from one value to another, and what they came to. */
typedef struct wendi_recall_run {
    uint32_t generation; /* of the shape that it was made by */
    uint32_t text_bytes;
    uint32_t codes[WENDI_RUN_MEMBERS_MAX];
    char text[WENDI_RUN_TEXT_BYTES];
} wendi_recall_run;

/** Which keys, in which order, make a run. */
typedef struct wendi_recall_shape {
    uint32_t generation; /* runs of another one do not count; 0 is never one */
    uint32_t member_count; /* 0: there is no shape */
    uint32_t slots[WENDI_RUN_MEMBERS_MAX];
    uint32_t columns[WENDI_RUN_MEMBERS_MAX];
    uint64_t bits; /* of the columns */
    uint64_t epochs[WENDI_RUN_MEMBERS_MAX]; /* of their dictionaries */
    wendi_recall_worth worth;
} wendi_recall_shape;

typedef struct wendi_json_recall {
    wendi_recall_column *columns; /* one a column of the schema */
    uint32_t column_count;
    uint32_t *lines;              /* WENDI_RECALL_LINES and that of no user, line_codes each, within line_memory */
    uint32_t *line_memory;
    uint32_t line_codes; /* a multiple of 16: a line begins with a cache line */
    uint32_t user_column; /* WENDI_NO_COLUMN where it is no string from JSON */
    wendi_recall_shape shape;
    uint32_t run_place;  /* in a line: which run came last; 0: none */
    wendi_recall_run *runs; /* WENDI_RUNS of them, by their codes, none at 0, and one more as padding; NULL: no shape yet */
    uint64_t day_text[2][2]; /* the beginnings "2026-03-02T" of times seen last, eight bytes and three */
    int64_t day_us[2];
} wendi_json_recall;

/** WEND_NOMEM. Cost: some 0.6 MiB for 20 columns, 0.4 more once runs are found; of which is touched what is used. */
wend_status wendi_json_recall_init(wendi_json_recall *recall, const wendi_schema *schema);
void wendi_json_recall_free(wendi_json_recall *recall);
/**
 * `rows` after the last time: which columns are to be guessed, and is there a longer shape, or another one if it does
 * not pay? Looks at every key. `tree` knows their order and is told how each is to be taken,
 * `builder` how many entries dictionaries have.
 */
void wendi_json_recall_judge(wendi_json_recall *recall, wendi_key_tree *tree, const wendi_row_builder *builder,
                             uint32_t rows);
/** Tell `tree` how each key is to be taken. */
void wendi_json_recall_mark(const wendi_json_recall *recall, wendi_key_tree *tree);
/** Runs made so far no longer count. */
void wendi_json_recall_forget_runs(wendi_json_recall *recall);

/** May a run be tried now? */
static inline bool wendi_recall_pays(wendi_recall_worth *worth)
{
    if (worth->pause != 0) {
        worth->pause--;
        return false;
    }
    if (worth->tries++ == WENDI_RECALL_WINDOW) {
        bool pays = worth->hits >= WENDI_RECALL_HITS_MIN;
        uint32_t doublings = worth->doublings;
        worth->pause = (uint16_t)(pays ? 0 : WENDI_RUN_PAUSE << doublings);
        worth->doublings = (uint16_t)(pays ? 0 : doublings + (doublings < WENDI_RECALL_PAUSE_DOUBLINGS));
        worth->rate = worth->hits;
        worth->tries = 0;
        worth->hits = 0;
    }
    return true;
}

/** The line of whoever is not known. */
static inline uint32_t *wendi_recall_nobody(const wendi_json_recall *recall)
{
    return recall->lines + (size_t)WENDI_RECALL_LINES * recall->line_codes;
}

/** The line of a user's code. */
static inline uint32_t *wendi_recall_line(const wendi_json_recall *recall, uint32_t code)
{
    return recall->lines + (size_t)(code & (WENDI_RECALL_LINES - 1)) * recall->line_codes;
}

#endif
