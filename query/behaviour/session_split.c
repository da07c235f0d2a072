/*
 * Splitting. Each row joins the open session of its key (rows without a key share one), unless the
 * rule says that a new one begins there.
 */
#include "query/behaviour/session_split.h"

#include <string.h>

#include "engine/base/hash.h"

/* Does a new session begin between neighbouring rows `before` and `row` of one would-be session? */
static bool splits(const wendi_session_rule *rule, const wendi_user_rows *rows, uint32_t before,
                   uint32_t row, bool use_gap, int64_t gap_us)
{
    int64_t from = rows->times[before];
    int64_t to = rows->times[row];
    if (use_gap && (uint64_t)to - (uint64_t)from > (uint64_t)gap_us) {
        return true;
    }
    if (rule->value_cell != WENDI_NO_CELL) {
        const uint64_t *values = rows->cells[rule->value_cell];
        const uint8_t *nulls = rows->nulls[rule->value_cell];
        if (nulls[before] != nulls[row] || (!nulls[row] && values[before] != values[row])) {
            return true;
        }
    }
    return rule->day_zone != NULL &&
           wendi_date_trunc(WENDI_FIELD_DAY, wendi_timezone_to_local(rule->day_zone, from)) !=
               wendi_date_trunc(WENDI_FIELD_DAY, wendi_timezone_to_local(rule->day_zone, to));
}

static uint32_t split_plain(const wendi_session_rule *rule, const wendi_user_rows *rows,
                            uint32_t *session_of)
{
    uint32_t session = 0;
    session_of[0] = 0;
    for (uint32_t row = 1; row < rows->row_count; row++) {
        session += splits(rule, rows, row - 1, row, rule->use_gap, rule->gap_us);
        session_of[row] = session;
    }
    return session + 1;
}

/*
 * last_row is an open-addressing table over rows: for each key (null: one key of its own) the row
 * that came last with it. A user has few keys, so that with a table as large as the rows a probe is
 * short.
 */
static uint32_t find_last(const wendi_user_rows *rows, uint32_t cell, uint32_t row,
                          const uint32_t *last_row, uint32_t *slot)
{
    bool null = rows->nulls[cell][row] != 0;
    uint64_t key = rows->cells[cell][row];
    uint32_t at = (uint32_t)(wendi_mix64(null ? ~UINT64_C(0) : key) % rows->row_count);
    for (; last_row[at] != WENDI_NO_CELL; at = at + 1 == rows->row_count ? 0 : at + 1) {
        uint32_t other = last_row[at];
        if ((rows->nulls[cell][other] != 0) == null && (null || rows->cells[cell][other] == key)) {
            *slot = at;
            return other;
        }
    }
    *slot = at;
    return WENDI_NO_CELL;
}

uint32_t wendi_session_split(const wendi_session_rule *rule, const wendi_user_rows *rows,
                             uint32_t *session_of, uint32_t *open_by_key)
{
    if (rule->key_cell == WENDI_NO_CELL) {
        return split_plain(rule, rows, session_of);
    }
    uint32_t count = 0;
    for (uint32_t row = 0; row < rows->row_count; row++) {
        open_by_key[row] = WENDI_NO_CELL;
    }
    for (uint32_t row = 0; row < rows->row_count; row++) {
        uint32_t slot;
        uint32_t before = find_last(rows, rule->key_cell, row, open_by_key, &slot);
        bool null = rows->nulls[rule->key_cell][row] != 0;
        bool use_gap = rule->use_gap || null;
        int64_t gap_us = rule->use_gap ? rule->gap_us : WENDI_SESSION_GAP_US;
        bool fresh = before == WENDI_NO_CELL || splits(rule, rows, before, row, use_gap, gap_us);
        session_of[row] = fresh ? count++ : session_of[before];
        open_by_key[slot] = row;
    }
    return count;
}

void wendi_session_group(const uint32_t *session_of, uint32_t row_count, uint32_t session_count,
                         uint32_t *starts, uint32_t *list)
{
    memset(starts, 0, ((size_t)session_count + 1) * sizeof *starts);
    for (uint32_t row = 0; row < row_count; row++) {
        starts[session_of[row] + 1]++;
    }
    for (uint32_t session = 1; session <= session_count; session++) {
        starts[session] += starts[session - 1];
    }
    for (uint32_t row = 0; row < row_count; row++) {
        list[starts[session_of[row]]++] = row;
    }
    memmove(starts + 1, starts,
            session_count * sizeof *starts); /* each start had moved to its end */
    starts[0] = 0;
}
