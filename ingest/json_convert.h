/**
 * From one JSON value to one typed value of a builder's column, by the rules of json_decoder.h.
 *
 * Inside of the decoder: what is compiled once per column, and the state of the row being written.
 */
#ifndef WENDI_INGEST_JSON_CONVERT_H
#define WENDI_INGEST_JSON_CONVERT_H

#include "ingest/json_decoder.h"
#include "ingest/json_scan.h"

typedef enum wendi_convert_kind {
    WENDI_CONVERT_TEXT,
    WENDI_CONVERT_INTEGER,
    WENDI_CONVERT_NUMERIC,
    WENDI_CONVERT_REAL,
    WENDI_CONVERT_DOUBLE,
    WENDI_CONVERT_BOOLEAN,
    WENDI_CONVERT_UUID,
    WENDI_CONVERT_INET,
    WENDI_CONVERT_DATE,
    WENDI_CONVERT_TIME,    /* text: ISO or a pattern */
    WENDI_CONVERT_EPOCH,   /* a number since 1970 */
    WENDI_CONVERT_JSONB
} wendi_convert_kind;

/** Values that json_members_body.h takes itself when they are written in the usual way. */
typedef enum wendi_convert_quick {
    WENDI_QUICK_NONE,  /* not a column */
    WENDI_QUICK_OTHER, /* a column of which only nulls are */
    WENDI_QUICK_RUN,      /* of slots: the first member of a run, */
    WENDI_QUICK_RUN_LAST, /* its last one, */
    WENDI_QUICK_GUESSED,  /* a text that is guessed before it is looked up, */
    WENDI_QUICK_USER,     /* and one that tells who the event is of */
    WENDI_QUICK_TEXT,
    WENDI_QUICK_UUID,
    WENDI_QUICK_INET,
    WENDI_QUICK_TIME,
    WENDI_QUICK_INTEGER,
    WENDI_QUICK_NUMERIC,
    WENDI_QUICK_DOUBLE
} wendi_convert_quick;

typedef struct wendi_convert_column {
    uint8_t kind;  /* wendi_convert_kind */
    uint8_t quick; /* wendi_convert_quick */
    bool null_on_error;
    bool keeps_unfit; /* what null_on_error makes null goes to _rest */
    bool half_even;
    bool is_date; /* an epoch or a pattern gives a day */
    bool judged;  /* the table's time column: max_future and retention apply */
    uint8_t epoch_digits; /* decimals of the epoch's unit that make a microsecond: 6, 3, 0, or 9 for ns */
    wendi_type type;
    int64_t low; /* integers: the type's range */
    int64_t high;
    const wendi_timezone *zone; /* for texts without an offset; NULL refuses them */
    wendi_string pattern;       /* empty: ISO */
    wendi_value default_value;  /* what a missing key gives */
} wendi_convert_column;

/** The row being written. `message_begin` makes positions; bits are one a column. */
typedef struct wendi_convert_row {
    wendi_row_builder *builder;
    uint32_t row;
    const char *message_begin;
    const char *message_end;
    uint64_t *given;  /* columns that have a value or null for this row */
    uint64_t *nulls;  /* columns that are null */
    int64_t time_low; /* bounds for the time column */
    int64_t time_high;
    wendi_buffer scratch; /* unescaped text */
    wendi_decoder_counters *counters;
    wendi_reject *reject;
    const wendi_schema *schema;
    bool out_of_memory;
} wendi_convert_row;

wend_status wendi_convert_column_init(wendi_convert_column *plan, const wendi_schema *schema, uint32_t column,
                                      wend_error *error);

/**
 * Convert the value at `at`, nested inside `depth` brackets, into `column` of the row. Gives the byte behind it, or
 * NULL: the row is refused (reject is filled), or row->out_of_memory is set.
 */
const char *wendi_convert_value(wendi_convert_row *row, const wendi_convert_column *plan, uint32_t column, const char *at,
                                uint32_t depth);
/** Set a column from a whole text, as a JSON string would; for keys, headers and topics. */
bool wendi_convert_text(wendi_convert_row *row, const wendi_convert_column *plan, uint32_t column, wendi_string text);
void wendi_convert_null(wendi_convert_row *row, uint32_t column);
/** A missing key: the default, or null. */
bool wendi_convert_missing(wendi_convert_row *row, const wendi_convert_column *plan, uint32_t column);
/** An integer that comes from elsewhere: partition, offset, microseconds. */
bool wendi_convert_i64(wendi_convert_row *row, const wendi_convert_column *plan, uint32_t column, int64_t value);
/** Refuse the row for what `error` says of its JSON; gives NULL. */
const char *wendi_convert_fault(wendi_convert_row *row, const wendi_json_error *error);

static inline void wendi_convert_mark(uint64_t *bits, uint32_t column)
{
    bits[column >> 6] |= UINT64_C(1) << (column & 63);
}

/** Null into the builder; the row's bits are the caller's business. */
static inline void wendi_convert_set_null(const wendi_convert_row *row, uint32_t column)
{
    const wendi_column_builder *into = &row->builder->columns[column];
    switch ((wendi_physical)into->physical) {
    case WENDI_PHYSICAL_STRING:
        into->codes[row->row] = 0;
        return;
    case WENDI_PHYSICAL_B16:
        into->b16[row->row] = (wendi_b16){{0, 0}};
        break;
    default: /* eight bytes of zeros are 0 and 0.0 */
        into->i64[row->row] = 0;
        break;
    }
    into->nulls[row->row] = 1;
}

#endif
