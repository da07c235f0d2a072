/**
 * The board of a run: what each table's pipeline said of itself last, for everybody who tells it
 * on.
 *
 * Pipelines and sources write their own entry from their own threads; metrics, live status, log and
 * service notification read copies. Nobody waits for more than a copy to be made.
 */
#ifndef WENDI_RUN_BOARD_H
#define WENDI_RUN_BOARD_H

#include "ingest/ingest.h"
#include "ingest/kafka/kafka_source.h"

enum { WENDI_RUN_NOTICE_BYTES = 512 };

typedef enum wendi_run_phase {
    WENDI_RUN_OPENING, /* lock, window of keys, source: no numbers yet */
    WENDI_RUN_READING,
    WENDI_RUN_DRAINING, /* asked to stop */
    WENDI_RUN_DONE,
    WENDI_RUN_FAILED
} wendi_run_phase;
const char *wendi_run_phase_name(wendi_run_phase phase); /* "opening", … */

/** A copy of one entry; arrays and strings are in the arena it was read into. */
typedef struct wendi_run_view {
    const char *table;
    wendi_run_phase phase;
    int64_t started_us; /* wall time */
    int64_t updated_us; /* wall time of the numbers; 0: there are none yet */
    /* Monotonic: when the pipeline was last seen to get on, or to have nothing to do. */
    int64_t moved_us;
    double events_per_s; /* over about the last ten seconds */
    double bytes_per_s;
    wendi_ingest_stats stats;
    bool kafka_known;
    wendi_kafka_source_state kafka;
    wend_status outcome; /* DONE, FAILED */
    const char *message; /* FAILED: why; else "" */
} wendi_run_view;

typedef struct wendi_run_board wendi_run_board;

/** One entry for each of `tables`, whose names are copied. The caller closes `*board_out`. */
wend_status wendi_run_board_open(const char *const *tables, uint32_t table_count,
                                 wendi_run_board **board_out, wend_error *error);
void wendi_run_board_close(wendi_run_board *board); /* accepts NULL */
uint32_t wendi_run_board_count(const wendi_run_board *board);

/** New numbers of a table. When memory for the partitions is refused the others are told without.
 */
void wendi_run_board_tell(wendi_run_board *board, uint32_t table, const wendi_ingest_stats *stats);
void wendi_run_board_tell_kafka(wendi_run_board *board, uint32_t table,
                                const wendi_kafka_source_state *state);
/** Something that the log should say once; kept until it is taken, the newest 16 of a table. */
void wendi_run_board_notice(wendi_run_board *board, uint32_t table, const char *text);
/** Take the oldest notice; false: there is none. */
bool wendi_run_board_take_notice(wendi_run_board *board, uint32_t table,
                                 char text[WENDI_RUN_NOTICE_BYTES]);
/** The run was asked to stop. */
void wendi_run_board_drain(wendi_run_board *board);
/** A table's run is over; `error` (filled unless WEND_OK) and the final numbers are copied. */
void wendi_run_board_end(wendi_run_board *board, uint32_t table, wend_status outcome,
                         const wend_error *error, const wendi_ingest_stats *stats);

/** Copy an entry. Returns WEND_OK or WEND_NOMEM. Any thread. */
wend_status wendi_run_board_read(wendi_run_board *board, uint32_t table, wendi_arena *arena,
                                 wendi_run_view *view) WEND_MUST_USE;
/**
 * Does the pipeline get on? It does while it opens (that has an end, and the service manager its
 * own limit for it), once it is over, and when within `patience_us` anything was counted, or all
 * that was read is committed: having nothing to do is no fault, holding messages and doing nothing
 * is.
 */
bool wendi_run_view_gets_on(const wendi_run_view *view, int64_t monotonic_us, int64_t patience_us);
/** What a partition has waiting, in messages or bytes; -1 unknown. */
int64_t wendi_run_partition_lag(const wendi_ingest_partition *partition);

#endif
