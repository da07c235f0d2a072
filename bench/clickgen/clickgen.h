/**
 * A seeded generator of a web shop's clickstream, dirt included, with the truth about every line.
 *
 * The stream is a function of the options alone: the same options give the same bytes on every
 * machine (integers, IEEE basic operations and square roots only). Lines come in the order in
 * which a collector would have received them: by time, with some that arrive late, some sent
 * twice and some cut short. A session walks from landing to search or product, cart, checkout and
 * purchase, losing people at each step; users come back on some days and not on others.
 *
 * Shape: 20 keys and about 566 bytes a line, 12 event types, 5,000 pages, 20,000 products, 3,000
 * user agents, about 10 users for 1,000 events and 8.3 events a session. Half-way through the
 * stream the site starts sending keys that nobody declared (`app_version`, `experiment`).
 *
 * Used by tests, benchmarks and `wend produce`; knows neither files nor Kafka.
 */
#ifndef WENDI_CLICKGEN_H
#define WENDI_CLICKGEN_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/base/status.h"

enum {
    WENDI_CLICKGEN_LINE_MAX = 1536, /* bytes of space that wendi_clickgen_next() may write */
    WENDI_CLICKGEN_KEY_MAX = 24
};

/** Topics of the --shop shape; without it every line is of the first. */
typedef enum wendi_clickgen_topic {
    WENDI_CLICKGEN_CLICKSTREAM,  /* clickstream_raw: the events of the plain shape */
    WENDI_CLICKGEN_USER_EVENTS,  /* user_events: sign-ups and log-ins, nested attributes */
    WENDI_CLICKGEN_TRANSACTIONS, /* transactions: one a purchase, nested payment */
    WENDI_CLICKGEN_TOPIC_COUNT
} wendi_clickgen_topic;

/** What is true of a line; a line may be several of these, but never cut short and a repeat. */
enum {
    WENDI_CLICKGEN_TRUNCATED = 1, /* cut short: no valid JSON; the event is nowhere else */
    WENDI_CLICKGEN_DUPLICATE = 2, /* byte for byte a line that came before */
    WENDI_CLICKGEN_NULL_USER = 4, /* "user_id":null */
    WENDI_CLICKGEN_LATE = 8,      /* a minute to two days behind the lines around it */
    WENDI_CLICKGEN_DISORDER = 16, /* seconds behind the lines around it */
    WENDI_CLICKGEN_NEW_KEYS = 32  /* carries keys beyond the declared ones */
};

typedef enum wendi_clickgen_event_type {
    WENDI_CLICKGEN_PAGE_VIEW,
    WENDI_CLICKGEN_SEARCH,
    WENDI_CLICKGEN_CATEGORY_VIEW,
    WENDI_CLICKGEN_PRODUCT_VIEW,
    WENDI_CLICKGEN_WISHLIST,
    WENDI_CLICKGEN_ADD_TO_CART,
    WENDI_CLICKGEN_REMOVE_FROM_CART,
    WENDI_CLICKGEN_VIEW_CART,
    WENDI_CLICKGEN_CHECKOUT,
    WENDI_CLICKGEN_PAYMENT,
    WENDI_CLICKGEN_PURCHASE,
    WENDI_CLICKGEN_LOGIN,
    WENDI_CLICKGEN_EVENT_TYPE_COUNT
} wendi_clickgen_event_type;

/** Zero-filled but for event_count is a valid choice: seed 0, the default dirt, a week of time. */
typedef struct wendi_clickgen_options {
    uint64_t seed;
    uint64_t event_count; /* lines in all, dirt included; at least 1 */
    bool shop;            /* three topics instead of one */
    bool clean;           /* no dirt: nothing cut, repeated, late, without user; no new keys */
    int64_t start_us;     /* time of the first session; 0: 2026-03-02T00:00:00Z */
    int64_t span_us;      /* time that event_count lines cover; 0: seven days */
    bool warm;            /* begin in the middle of running sessions, for short live streams */
} wendi_clickgen_options;

/** One line and the truth about it. */
typedef struct wendi_clickgen_line {
    uint32_t length; /* bytes without the '\n' that follows them */
    uint32_t flags;  /* WENDI_CLICKGEN_TRUNCATED … */
    wendi_clickgen_topic topic;
    wendi_clickgen_event_type event_type;
    uint64_t user;          /* number of the user, also when the line says null */
    uint64_t session_low;   /* the 64 random bits of session_id */
    uint64_t event_id_high; /* the UUID, first eight bytes and last eight, big-endian; for */
    uint64_t event_id_low;  /* transactions the transaction_id */
    int64_t ts_us;          /* the event's own time, whole milliseconds */
    int64_t sent_us;        /* when the collector received it: never falls from line to line */
    uint32_t key_length;    /* message key: user_id, or session_id when the user is null */
    char key[WENDI_CLICKGEN_KEY_MAX];
} wendi_clickgen_line;

typedef struct wendi_clickgen wendi_clickgen;

/**
 * Start a stream. The caller owns `*generator_out` and closes it. One thread at a time.
 * Returns WEND_OK, WEND_INVALID (no events asked for, a time out of range) or WEND_NOMEM.
 * Cost: about 4 MiB and 3 ms; memory grows only with the sessions that run at once.
 */
wend_status wendi_clickgen_open(const wendi_clickgen_options *options,
                                wendi_clickgen **generator_out, wend_error *error) WEND_MUST_USE;

/**
 * Write the next line and a '\n' to `space` (at least WENDI_CLICKGEN_LINE_MAX bytes; what lies
 * behind the '\n' may be overwritten) and say in `line` what it is.
 * Returns WEND_OK, WEND_END after event_count lines, WEND_NOMEM.
 */
wend_status wendi_clickgen_next(wendi_clickgen *generator, char *space, wendi_clickgen_line *line,
                                wend_error *error) WEND_MUST_USE;

/** Accepts NULL. */
void wendi_clickgen_close(wendi_clickgen *generator);

/**
 * The CREATE TABLE statement that fits a topic's lines: table `events` for the plain shape,
 * `clickstream_raw`, `user_events` and `transactions` for --shop. Constant text, ends with ";\n".
 */
const char *wendi_clickgen_ddl(bool shop, wendi_clickgen_topic topic);
/** "clickstream_raw", "user_events", "transactions". */
const char *wendi_clickgen_topic_name(wendi_clickgen_topic topic);
/** "page_view", … as the lines say it. */
const char *wendi_clickgen_event_type_name(wendi_clickgen_event_type type);

#endif
