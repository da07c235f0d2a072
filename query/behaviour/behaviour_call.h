/**
 * Reading a behavioural table function's arguments: funnel(events, step, …, within => interval '1
 * hour').
 *
 * The options that all of them share (filter, since, until, tz, by, as_of) are read by begin();
 * each function asks for its own by name; end() refuses what nobody asked for, so no option is ever
 * ignored.
 */
#ifndef WENDI_BEHAVIOUR_BEHAVIOUR_CALL_H
#define WENDI_BEHAVIOUR_BEHAVIOUR_CALL_H

#include "query/behaviour/user_stream.h"

enum { WENDI_BEHAVIOUR_EXPRESSIONS_MAX = 512 };

typedef struct wendi_behaviour_call {
    const wendi_table_call *call;      /* a copy in the arena */
    const wendi_sql_expr **positional; /* behind the table's name */
    uint32_t positional_count;
    uint8_t *asked; /* per argument */
    wendi_snapshot *snapshot;
    const wendi_schema *schema;
    wendi_table_scope scope;
    wendi_session session;    /* the query's, with the report time zone */
    const wendi_expr *filter; /* or NULL */
    const wendi_expr *by;     /* or NULL */
    bool has_since, has_until, has_as_of;
    int64_t since_us, until_us, as_of_us;
    /* What the stream is to compute of each row; functions add to them. */
    const wendi_expr *flags[WENDI_BEHAVIOUR_EXPRESSIONS_MAX];
    uint32_t flag_count;
    const wendi_expr *cells[WENDI_BEHAVIOUR_EXPRESSIONS_MAX];
    uint32_t cell_count;
} wendi_behaviour_call;

/** `base` lies in call->arena: bound expressions point at its session. */
wend_status wendi_behaviour_begin(const wendi_table_call *call, wendi_behaviour_call **base_out,
                                  wend_error *error);
/** The value of the named argument, or NULL when it was not given. */
const wendi_sql_expr *wendi_behaviour_option(wendi_behaviour_call *base, const char *name);
/** The same for `<prefix><number>`, such as optional_2: the first one not asked for yet. `*number`
 * is what stands behind. */
const wendi_sql_expr *wendi_behaviour_numbered(wendi_behaviour_call *base, const char *prefix,
                                               uint32_t *number);
/** Every argument must have been asked for; `usage` is shown otherwise. */
wend_status wendi_behaviour_end(wendi_behaviour_call *base, const char *usage, wend_error *error);

/** Bind a predicate over the table and have the stream compute it: its flag's number. */
wend_status wendi_behaviour_flag(wendi_behaviour_call *base, const wendi_sql_expr *node,
                                 const char *clause, uint32_t *flag, wend_error *error);
/** The flag of the predicate option `name`; *flag is 0xffffffff when it was not given. */
wend_status wendi_behaviour_optional_flag(wendi_behaviour_call *base, const char *name,
                                          uint32_t *flag, wend_error *error);
wend_status wendi_behaviour_flag_of(wendi_behaviour_call *base, const wendi_expr *predicate,
                                    uint32_t *flag, wend_error *error);
/** Bind any expression and have the stream compute it: its cell's number. */
wend_status wendi_behaviour_cell(wendi_behaviour_call *base, const wendi_sql_expr *node,
                                 uint32_t *cell, wend_error *error);
wend_status wendi_behaviour_cell_of(wendi_behaviour_call *base, const wendi_expr *expr,
                                    uint32_t *cell, wend_error *error);

/** The cell of option `node`, by default the table's event column; WENDI_NO_CELL (0xffffffff) when
 * there is neither. */
wend_status wendi_behaviour_node(wendi_behaviour_call *base, uint32_t *cell, wend_error *error);
/** Fails at the first argument without a name, if there is one behind the table. */
wend_status wendi_behaviour_no_positional(const wendi_behaviour_call *base, const char *usage,
                                          wend_error *error);

/** Constant options; NULL nodes leave *out as it is. Wrong ones fail at their position, naming the
 * option. */
wend_status wendi_behaviour_word(wendi_behaviour_call *base, const char *name,
                                 const char *const *words, uint32_t *index, wend_error *error);
wend_status wendi_behaviour_boolean(wendi_behaviour_call *base, const char *name, bool *out,
                                    wend_error *error);
wend_status wendi_behaviour_integer(wendi_behaviour_call *base, const char *name, int64_t min,
                                    int64_t max, int64_t *out, wend_error *error);
/** A positive interval without months, in microseconds; *given says whether it was there. */
wend_status wendi_behaviour_interval(wendi_behaviour_call *base, const char *name, int64_t *out,
                                     bool *given, wend_error *error);

/** Open the stream that computes base's flags and cells. */
wend_status wendi_behaviour_stream(wendi_behaviour_call *base, wendi_user_stream **stream_out,
                                   wend_error *error);
/** as_of as given, else the earlier of the newest stored time and the commit's time. */
int64_t wendi_behaviour_as_of(const wendi_behaviour_call *base, const wendi_user_stream *stream);
/** Whether an entry, session start or birth at this time counts. */
static inline bool wendi_behaviour_counts(const wendi_behaviour_call *base, int64_t us)
{
    return (!base->has_since || us >= base->since_us) && (!base->has_until || us < base->until_us);
}
/** Add the note about rows without a user or time, if there were any. */
wend_status wendi_behaviour_notes(const wendi_behaviour_call *base, const wendi_user_stream *stream,
                                  wend_error *error);

#endif
