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
 * and are learnt anew. A column whose guesses mostly fail is not guessed for some thousand values.
 */
#ifndef WENDI_INGEST_JSON_RECALL_H
#define WENDI_INGEST_JSON_RECALL_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/column/schema.h"

enum {
    WENDI_RECALL_NONE = 0xffff,   /* a column that is not guessed */
    WENDI_RECALL_COLUMNS_MAX = 48, /* of further string columns nothing is kept */
    WENDI_RECALL_LINES = 8192,
    WENDI_RECALL_CHAIN = 1024,
    WENDI_RECALL_WINDOW = 256,  /* guesses after which it is judged whether they pay */
    WENDI_RECALL_HITS_MIN = 64, /* of them must have been right, or else the next values are not guessed */
    WENDI_RECALL_PAUSE = 4096
};

/** Whether the guesses of one column in one way pay. */
typedef struct wendi_recall_worth {
    uint16_t tries;
    uint16_t hits;
    uint16_t pause; /* values still not to be guessed */
} wendi_recall_worth;

typedef struct wendi_recall_column {
    wendi_recall_worth by_line;
    wendi_recall_worth by_chain;
    uint32_t *chain; /* WENDI_RECALL_CHAIN codes, by the code of the string before */
    uint16_t place;  /* in a line; WENDI_RECALL_NONE */
} wendi_recall_column;

typedef struct wendi_json_recall {
    wendi_recall_column *columns; /* one a column of the schema */
    uint32_t *lines;              /* WENDI_RECALL_LINES times line_codes */
    uint32_t *chains;
    uint32_t line_codes; /* a multiple of 16: a line begins with a cache line */
    uint32_t user_column; /* WENDI_NO_COLUMN where it is no string from JSON */
    uint64_t day_text[2][2]; /* the beginnings "2026-03-02T" of times seen last, eight bytes and three */
    int64_t day_us[2];
} wendi_json_recall;

/** WEND_NOMEM. Cost: up to 2.5 MiB, of which is touched what is used. */
wend_status wendi_json_recall_init(wendi_json_recall *recall, const wendi_schema *schema);
void wendi_json_recall_free(wendi_json_recall *recall);

/** May this way be tried for the next value? */
static inline bool wendi_recall_pays(wendi_recall_worth *worth)
{
    if (worth->pause != 0) {
        worth->pause--;
        return false;
    }
    if (worth->tries++ == WENDI_RECALL_WINDOW) {
        worth->pause = worth->hits < WENDI_RECALL_HITS_MIN ? WENDI_RECALL_PAUSE : 0;
        worth->tries = 0;
        worth->hits = 0;
    }
    return true;
}

/** The line of a user's code. */
static inline uint32_t *wendi_recall_line(const wendi_json_recall *recall, uint32_t code)
{
    return recall->lines + (size_t)(code & (WENDI_RECALL_LINES - 1)) * recall->line_codes;
}

#endif
