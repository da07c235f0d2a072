/*
 * What bench_parse_peers.c and the parsers it is compared with share; plain enough for C and C++.
 *
 * Every side turns the same messages into the same twenty columns: UUIDs and addresses of 16 bytes,
 * microseconds, hundredths, small integers as 64-bit ones, and strings either as codes of wend's own interner or
 * copied, one behind the other, into a buffer a column. A value that is null or missing sets its flag.
 */
#ifndef WENDI_BENCH_PARSE_PEER_H
#define WENDI_BENCH_PARSE_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In the order of the DDL and of the generator's keys. */
enum parse_peer_column {
    PEER_EVENT_ID,
    PEER_SESSION_ID,
    PEER_USER_ID,
    PEER_TS,
    PEER_EVENT_TYPE,
    PEER_PAGE,
    PEER_REFERRER,
    PEER_PRODUCT_ID,
    PEER_PRICE,
    PEER_QUANTITY,
    PEER_CURRENCY,
    PEER_PAYMENT_METHOD,
    PEER_IP,
    PEER_USER_AGENT,
    PEER_OS,
    PEER_DEVICE,
    PEER_BROWSER,
    PEER_COUNTRY,
    PEER_CITY,
    PEER_LANGUAGE,
    PEER_COLUMN_COUNT
};

enum { PEER_MESSAGE_PADDING = 64 };

typedef struct parse_peer_message {
    char *text; /* PEER_MESSAGE_PADDING readable bytes lie behind it */
    uint32_t length;
} parse_peer_message;

typedef struct parse_peer_columns {
    uint32_t row_count;
    uint8_t *b16[PEER_COLUMN_COUNT];   /* 16 a row */
    int64_t *i64[PEER_COLUMN_COUNT];
    uint32_t *codes[PEER_COLUMN_COUNT]; /* 0: null */
    uint8_t *nulls[PEER_COLUMN_COUNT];
    void *interners[PEER_COLUMN_COUNT]; /* wendi_interner; used by those that make codes */
    char *bytes[PEER_COLUMN_COUNT];     /* used by those that copy: room for all strings of the column */
    uint32_t *ends[PEER_COLUMN_COUNT];  /* where each row's string ends in bytes; ends[-1] is 0 */
} parse_peer_columns;

typedef enum parse_peer_way {
    PEER_WAY_ORDERED, /* each key is compared with the one that comes next in order first */
    PEER_WAY_HASHED,  /* each key is found by a perfect hash */
    PEER_WAY_LOOKUP   /* the object is asked for each key, whatever the order */
} parse_peer_way;

#ifdef __cplusplus
extern "C" {
#endif

/* Parse all messages into `columns`. Returns NULL, or what went wrong. */
const char *parse_peer_simdjson(const parse_peer_message *messages, uint32_t count, parse_peer_way way, bool copy,
                                parse_peer_columns *columns);
/* The messages lie behind one another, a newline between: one stream of documents. */
const char *parse_peer_simdjson_stream(const parse_peer_message *messages, uint32_t count, bool copy,
                                       parse_peer_columns *columns);
/* Writes to the messages. `validate`: UTF-8 is checked as the others do. */
const char *parse_peer_rapidjson(const parse_peer_message *messages, uint32_t count, parse_peer_way way, bool copy,
                                 bool validate, parse_peer_columns *columns);

#ifdef __cplusplus
}
#endif

#endif
