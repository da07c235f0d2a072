/**
 * What the values of one JSON key were like, and the column type that fits them: shared by `wend infer` and by
 * the candidates for ALTER TABLE … ADD COLUMN that ingest and `_rest` give.
 *
 * Values are looked at one by one or only some of them (sampled); nothing of them is kept but counts, bounds, what
 * their texts had in common, and one example. Plain memory: copying is assignment, and there is nothing to free.
 *
 * What is guessed is what will hold for the values to come, so types are wide: whole numbers are bigint (stored as
 * narrow as they are), text is text unless every value agrees on more. One thread at a time.
 */
#ifndef WENDI_INGEST_VALUE_GUESS_H
#define WENDI_INGEST_VALUE_GUESS_H

#include "engine/base/arena.h"
#include "engine/base/bytes.h"
#include "engine/base/status.h"
#include "engine/column/schema.h"
#include "ingest/json_scan.h"

enum {
    WENDI_GUESS_EXAMPLE_BYTES = 48,
    WENDI_GUESS_SAMPLE_FIRST = 256,     /* so many values of a key are looked at */
    WENDI_GUESS_SAMPLE_EVERY_LOG2 = 8,  /* and of those behind them one in 2^n */
    WENDI_GUESS_COLUMN_NAME_BYTES = 52  /* names of columns that are made from long paths are cut to this */
};

/** What all strings were so far. */
typedef enum wendi_guess_form {
    WENDI_GUESS_UUID = 1,
    WENDI_GUESS_INET = 2,
    WENDI_GUESS_DATE = 4,
    WENDI_GUESS_TIME_ZONED = 8,     /* ISO with an offset */
    WENDI_GUESS_TIME_ZONELESS = 16, /* ISO without */
    WENDI_GUESS_TIME_LOG = 32,      /* 10/Oct/2000:13:55:36 -0700 */
    WENDI_GUESS_FORMS = 63
} wendi_guess_form;

/** Zero-filled is a valid one that has seen nothing. */
typedef struct wendi_value_guess {
    uint64_t nulls;
    uint64_t booleans;
    uint64_t integers;  /* whole numbers that fit 64 bits */
    uint64_t fractions; /* all other numbers */
    uint64_t strings;
    uint64_t objects;
    uint64_t arrays;
    int64_t least; /* of the integers, if there are any */
    int64_t greatest;
    double real_least; /* of the fractions, if there are any */
    double real_greatest;
    uint32_t fraction_digits; /* most digits behind the point */
    bool exponent;
    bool huge;             /* a whole number beyond 64 bits */
    uint8_t not_forms;     /* wendi_guess_form: what some string is not */
    uint8_t example_bytes; /* 0: none yet */
    char example[WENDI_GUESS_EXAMPLE_BYTES]; /* the first value that is not null, as JSON, cut between characters */
} wendi_value_guess;

/** A type as DDL writes it. Texts are static or in the arena given. */
typedef struct wendi_guessed_type {
    const char *type;        /* as SQL writes it */
    const char *time_format; /* OPTIONS (format …), or NULL */
    bool zoneless;           /* OPTIONS (timezone 'UTC'): a guess that should be owned up to */
    const char *why;         /* a clause for a comment, or NULL */
} wendi_guessed_type;

/** Kinds of JSON values as bits, told by their first byte: so much is known of every value, looked at or not. */
typedef enum wendi_value_kind {
    WENDI_VALUE_NULL = 1,
    WENDI_VALUE_BOOLEAN = 2,
    WENDI_VALUE_NUMBER = 4,
    WENDI_VALUE_STRING = 8,
    WENDI_VALUE_OBJECT = 16,
    WENDI_VALUE_ARRAY = 32
} wendi_value_kind;

/** `byte` begins a valid value. */
static inline uint8_t wendi_value_kind_of(char byte)
{
    return byte == '"'                   ? WENDI_VALUE_STRING
           : byte == '{'                 ? WENDI_VALUE_OBJECT
           : byte == '['                 ? WENDI_VALUE_ARRAY
           : byte == 'n'                 ? WENDI_VALUE_NULL
           : byte == 't' || byte == 'f' ? WENDI_VALUE_BOOLEAN
                                         : WENDI_VALUE_NUMBER;
}

/** Is the `nth` value (from 1) of a key among those to look at? */
static inline bool wendi_value_guess_samples(uint64_t nth)
{
    return nth <= WENDI_GUESS_SAMPLE_FIRST || (nth & ((1u << WENDI_GUESS_SAMPLE_EVERY_LOG2) - 1)) == 0;
}

/** Look at the valid JSON value at begin..end, without blanks around it. `scratch` is used for escaped strings. WEND_NOMEM. */
wend_status wendi_value_guess_add(wendi_value_guess *guess, const char *begin, const char *end, wendi_buffer *scratch);
/** The parts of it, for who has parsed the value already. `text` is what the string means. */
void wendi_value_guess_keep_example(wendi_value_guess *guess, const char *begin, const char *end);
void wendi_value_guess_add_string(wendi_value_guess *guess, wendi_string text);
void wendi_value_guess_add_number(wendi_value_guess *guess, const wendi_json_number *number);

/** There were values of these kinds (wendi_value_kind bits), too; of those that were not looked at nothing else is known. */
void wendi_value_guess_widen(wendi_value_guess *guess, uint8_t kinds);
/** As if `into` had seen the values of `from`, too. */
void wendi_value_guess_merge(wendi_value_guess *into, const wendi_value_guess *from);

/** Values other than null. */
uint64_t wendi_value_guess_present(const wendi_value_guess *guess);

/** The type for a column of such values; `key` (the last one of the path) says more: price, created_at, ip. */
wendi_guessed_type wendi_value_guess_type(const wendi_value_guess *guess, wendi_string key, wendi_arena *arena);

/**
 * Append `ALTER TABLE table ADD COLUMN name type [OPTIONS (…)];` for the values at `path`, which is written as in
 * OPTIONS (path …) and whole. The name is the path's steps joined by dots; where that is no name, too long, or the
 * name of a column of `schema` (may be NULL), it is changed and OPTIONS (path …) says where the values are. WEND_NOMEM.
 */
wend_status wendi_value_guess_ddl(const wendi_value_guess *guess, wendi_string path, wendi_string table,
                                  const wendi_schema *schema, wendi_buffer *out);
/** What is kept of a name that is too long: its end from a dot on, else its beginning, cut between characters. */
wendi_string wendi_value_guess_shorten(wendi_string name);
/** The last step of such a path, in `arena` when it had to be unquoted. */
wend_status wendi_value_guess_last_key(wendi_string path, wendi_arena *arena, wendi_string *key);

#endif
