/** Where one user's rows are cut into sessions. Pure: rows in, borders out. */
#ifndef WENDI_BEHAVIOUR_SESSION_SPLIT_H
#define WENDI_BEHAVIOUR_SESSION_SPLIT_H

#include "query/behaviour/user_stream.h"

enum { WENDI_NO_CELL = 0xffffffffu };
#define WENDI_SESSION_GAP_US (INT64_C(30) * 60 * 1000000)

typedef struct wendi_session_rule {
    bool use_gap; /* split where neighbours are more than gap_us apart */
    int64_t gap_us;
    uint32_t key_cell;              /* session_key, or WENDI_NO_CELL */
    uint32_t value_cell;            /* split_on, or WENDI_NO_CELL */
    const wendi_timezone *day_zone; /* split at midnight there; NULL: not */
} wendi_session_rule;

/**
 * Sessions of a user: session_of[row] numbers them 0.. in the order of their first rows; returns
 * their count. Without a key sessions are consecutive rows. With one, rows of a value are a session
 * wherever they stand, and rows without a value fall back to the gap among themselves (the default
 * gap when no gap is used). `session_of` and `open_by_key` have row_count elements; the latter is
 * scratch. Source: docs/SEMANTICS.md, Sessions.
 */
uint32_t wendi_session_split(const wendi_session_rule *rule, const wendi_user_rows *rows,
                             uint32_t *session_of, uint32_t *open_by_key);

/**
 * The rows of each session, rising: list[starts[s]] to list[starts[s + 1] - 1]. `starts` has
 * session_count + 1 elements, `list` row_count.
 */
void wendi_session_group(const uint32_t *session_of, uint32_t row_count, uint32_t session_count,
                         uint32_t *starts, uint32_t *list);

#endif
