/* Which columns say when, who and what: by their names first, then by how many events have them. */
#include "ingest/infer_column.h"

#include <strings.h>

enum { NAME_BYTES = 64, UNIQUE_LINES_MIN = 20 };

/* Likeliest first. Names are compared without case, dots and underscores: user.id, userId and
 * user_id are one. */
static const char *const TIME_NAMES[] = {
    "eventtimestamp", "eventtime", "timestamp",  "@timestamp", "ts",
    "time",           "t",         "occurredat", "createdat",  "datetime",
    "date",           "at",        "when",       "servertime", "receivedat"};
static const char *const USER_NAMES[] = {
    "userid",    "userpseudoid", "uid",        "visitorid", "anonymousid", "distinctid",
    "clientid",  "deviceid",     "customerid", "accountid", "memberid",    "profileid",
    "personid",  "actorid",      "user",       "visitor",   "username",    "useremail",
    "userlogin", "actorlogin",   "actor",      "cookieid"};
static const char *const EVENT_NAMES[] = {"eventtype", "eventname",   "event",    "type",
                                          "action",    "eventaction", "activity", "verb"};
static const char *const EVENT_ID_NAMES[] = {"eventid",  "eventuuid", "messageid",
                                             "insertid", "clickid",   "hitid"};

static void flatten_name(wendi_string name, char out[NAME_BYTES])
{
    uint32_t length = 0;
    for (uint32_t i = 0; i < name.length && length + 1 < NAME_BYTES; i++) {
        if (name.data[i] != '.' && name.data[i] != '_' && name.data[i] != '-') {
            out[length++] = name.data[i];
        }
    }
    out[length] = '\0';
}

/* The place of a column's name in a list, or the list's length. */
static size_t rank_of(wendi_string name, const char *const *names, size_t count)
{
    char flat[NAME_BYTES];
    flatten_name(name, flat);
    for (size_t i = 0; i < count; i++) {
        if (strcasecmp(flat, names[i]) == 0) {
            return i;
        }
    }
    return count;
}

static bool is_type(const wendi_infer_column *column, const char *type)
{
    return strcmp(column->guess.type, type) == 0;
}

static bool in_most_lines(const wendi_infer_tree *tree, const wendi_infer_node *node)
{
    return 2 * wendi_infer_present(node) >= tree->lines - tree->broken;
}

/* Best by name, then by presence, then by depth and order; a time column may have any name. */
static uint32_t guess_time(const wendi_infer_tree *tree, const wendi_infer_columns *columns)
{
    enum { COUNT = sizeof TIME_NAMES / sizeof TIME_NAMES[0] };
    uint32_t best = WENDI_INFER_NONE;
    size_t best_rank = 0;
    for (uint32_t i = 0; i < columns->count; i++) {
        const wendi_infer_node *node = &tree->nodes[columns->items[i].node];
        size_t rank = rank_of(columns->items[i].name, TIME_NAMES, COUNT) + 100 * node->depth;
        if (!is_type(&columns->items[i], "timestamptz") || !in_most_lines(tree, node)) {
            continue;
        }
        if (best == WENDI_INFER_NONE || rank < best_rank) {
            best = i;
            best_rank = rank;
        }
    }
    return best;
}

static uint32_t guess_named(const wendi_infer_tree *tree, const wendi_infer_columns *columns,
                            const char *const *names, size_t count, uint32_t depth_max)
{
    uint32_t best = WENDI_INFER_NONE;
    size_t best_rank = count;
    for (uint32_t i = 0; i < columns->count; i++) {
        const wendi_infer_column *column = &columns->items[i];
        const wendi_infer_node *node = &tree->nodes[column->node];
        bool fits = is_type(column, "text") || is_type(column, "bigint") ||
                    is_type(column, "uuid") || is_type(column, "inet");
        size_t rank = rank_of(column->name, names, count);
        if (fits && rank < best_rank && node->depth <= depth_max && in_most_lines(tree, node)) {
            best = i;
            best_rank = rank;
        }
    }
    return best;
}

static void guess_unique(const wendi_infer_tree *tree, wendi_infer_columns *columns)
{
    enum { COUNT = sizeof EVENT_ID_NAMES / sizeof EVENT_ID_NAMES[0] };
    uint64_t events = tree->lines - tree->broken;
    for (uint32_t i = 0; i < columns->count; i++) {
        wendi_infer_column *column = &columns->items[i];
        const wendi_infer_node *node = &tree->nodes[column->node];
        bool scalar =
            is_type(column, "text") || is_type(column, "bigint") || is_type(column, "uuid");
        bool id = node->key.length >= 2 &&
                  strncasecmp(node->key.data + node->key.length - 2, "id", 2) == 0;
        bool event_id = rank_of(column->name, EVENT_ID_NAMES, COUNT) < COUNT;
        if (!scalar || (!id && !event_id) || node->depth != 1 ||
            wendi_infer_present(node) != events || node->distinct.repeated ||
            events < UNIQUE_LINES_MIN) {
            continue;
        }
        column->unique = event_id;
        column->guess.why = event_id ? "no value repeats"
                               : "no value repeats: add UNIQUE if it identifies the event";
    }
}

void wendi_infer_guess_roles(const wendi_infer_tree *tree, wendi_infer_columns *columns)
{
    columns->time_column = guess_time(tree, columns);
    columns->user_column =
        guess_named(tree, columns, USER_NAMES, sizeof USER_NAMES / sizeof USER_NAMES[0], 2);
    columns->event_column =
        guess_named(tree, columns, EVENT_NAMES, sizeof EVENT_NAMES / sizeof EVENT_NAMES[0], 2);
    if (columns->time_column != WENDI_INFER_NONE) {
        columns->items[columns->time_column].not_null = true;
    }
    guess_unique(tree, columns);
}
