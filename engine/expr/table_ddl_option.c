/* OPTIONS of columns and WITH of the table: each value checked, each unknown word answered with the
 * likeliest meant. */
#include "engine/expr/table_ddl_internal.h"

#include <ctype.h>

#include "engine/base/timezone.h"
#include "engine/column/value.h"

enum { EDIT_WORD_MAX = 32 };

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* Levenshtein's distance, row by row; words longer than any of ours are simply far. */
static uint32_t edit_distance(wendi_string a, const char *b)
{
    uint32_t row[EDIT_WORD_MAX + 1];
    uint32_t b_length = (uint32_t)strlen(b);
    if (a.length > EDIT_WORD_MAX || b_length > EDIT_WORD_MAX) {
        return EDIT_WORD_MAX;
    }
    for (uint32_t k = 0; k <= b_length; k++) {
        row[k] = k;
    }
    for (uint32_t i = 1; i <= a.length; i++) {
        uint32_t diagonal = row[0];
        row[0] = i;
        for (uint32_t k = 1; k <= b_length; k++) {
            uint32_t above = row[k];
            uint32_t change = tolower((unsigned char)a.data[i - 1]) != b[k - 1];
            row[k] = least(diagonal + change, least(above, row[k - 1]) + 1);
            diagonal = above;
        }
    }
    return row[b_length];
}

const char *wendi_ddl_suggest(wendi_string word, const char *const *words)
{
    const char *best = NULL;
    uint32_t best_distance = word.length < 3 ? 1
                             : word.length < 6
                                 ? 2
                                 : 3; /* at most one slip in a short word, two in a longer one */
    for (size_t i = 0; words[i] != NULL; i++) {
        uint32_t distance = edit_distance(word, words[i]);
        if (distance < best_distance) {
            best = words[i];
            best_distance = distance;
        }
    }
    return best;
}

static wend_status refuse_unknown(wendi_ddl *ddl, const wendi_sql_option *option, const char *place,
                                  const char *const *words)
{
    char all[256] = "";
    size_t used = 0;
    for (size_t i = 0; words[i] != NULL && used + strlen(words[i]) + 3 < sizeof all; i++) {
        used +=
            (size_t)snprintf(all + used, sizeof all - used, "%s%s", i > 0 ? ", " : "", words[i]);
    }
    wendi_ddl_refuse(ddl, option->span.start, "", "there is no option %.*s of a %s",
                     WENDI_DDL_TEXT(option->name), place);
    const char *near = wendi_ddl_suggest(option->name, words);
    if (near != NULL) {
        wendi_error_hint(ddl->error, "do you mean %s?", near);
    } else {
        wendi_error_hint(ddl->error, "the options of a %s are %s", place, all);
    }
    return WEND_INVALID;
}

/* The index in `words` that the value is, or the refusal that lists them. */
static wend_status choose(wendi_ddl *ddl, const wendi_sql_option *option, const char *const *words,
                          uint8_t *index)
{
    for (uint8_t i = 0; words[i] != NULL; i++) {
        if (wendi_string_equal(option->value, wendi_string_of(words[i]))) {
            *index = i;
            return WEND_OK;
        }
    }
    wendi_ddl_refuse(ddl, option->span.start, "", "%.*s cannot be '%.*s'",
                     WENDI_DDL_TEXT(option->name), WENDI_DDL_TEXT(option->value));
    wendi_error_hint(ddl->error, "write '%s'%s%s%s%s%s", words[0],
                     words[1] != NULL && words[2] != NULL ? ", '" : " or '", words[1],
                     words[2] != NULL ? "' or '" : "", words[2] != NULL ? words[2] : "", "'");
    return WEND_INVALID;
}

static wend_status need_value(wendi_ddl *ddl, const wendi_sql_option *option)
{
    if (option->has_value && option->value.length > 0) {
        return WEND_OK;
    }
    return wendi_ddl_refuse(ddl, option->span.start, "write the value in single quotes behind it",
                            "the option %.*s has no value", WENDI_DDL_TEXT(option->name));
}

/* Does the pattern hold the field %`field`? %% is a percent sign. */
static bool pattern_has(wendi_string pattern, char field)
{
    for (uint32_t i = 0; i + 1 < pattern.length; i++) {
        if (pattern.data[i] == '%') {
            i++;
            if (pattern.data[i] == field) {
                return true;
            }
        }
    }
    return false;
}

static wend_status check_pattern(wendi_ddl *ddl, const wendi_sql_option *option)
{
    wendi_string fault;
    if (wendi_check_time_pattern(option->value, &fault, NULL) == WEND_OK) {
        return WEND_OK;
    }
    if (fault.length != 0) {
        return wendi_ddl_refuse(ddl, option->span.start,
                                "fields are %Y %m %d %H %M %S %f %z %b %B %e %y %T %D %F %R %j %s %a %A %p %I %%",
                                "the format has a field that is not known: %.*s", WENDI_DDL_TEXT(fault));
    }
    return wendi_ddl_refuse(ddl, option->span.start,
                            "a pattern has at least a year: '%Y-%m-%d %H:%M:%S %z'; or write 'iso', "
                            "'epoch_s', 'epoch_ms', 'epoch_us' or 'epoch_ns'",
                            "'%.*s' is no format of a time", WENDI_DDL_TEXT(option->value));
}

static wend_status set_format(wendi_ddl *ddl, const wendi_sql_option *option, wendi_column *column)
{
    static const char *const words[] = {"iso", "epoch_s", "epoch_ms", "epoch_us", "epoch_ns", NULL};
    if (column->type.kind != WENDI_TYPE_TIMESTAMPTZ && column->type.kind != WENDI_TYPE_DATE) {
        return wendi_ddl_refuse(ddl, option->span.start, "leave it out",
                                "only timestamptz and date columns have a format");
    }
    for (uint8_t i = 0; words[i] != NULL; i++) {
        if (wendi_string_equal(option->value, wendi_string_of(words[i]))) {
            column->time_format = i; /* in the order of wendi_time_format */
            return WEND_OK;
        }
    }
    wend_status status = check_pattern(ddl, option);
    if (status != WEND_OK) {
        return status;
    }
    column->time_format = WENDI_TIME_PATTERN;
    return wendi_ddl_copy(ddl, option->value, &column->time_pattern);
}

static wend_status set_timezone(wendi_ddl *ddl, const wendi_sql_option *option,
                                wendi_column *column)
{
    const wendi_timezone *zone = NULL;
    if (column->type.kind != WENDI_TYPE_TIMESTAMPTZ && column->type.kind != WENDI_TYPE_DATE) {
        return wendi_ddl_refuse(ddl, option->span.start, "leave it out",
                                "only timestamptz and date columns have a timezone");
    }
    if (wendi_timezone_find(option->value, &zone, NULL) != WEND_OK) {
        return wendi_ddl_refuse(
            ddl, option->span.start,
            "write a name such as 'Europe/Berlin' or an offset such as '+05:30'",
            "there is no time zone '%.*s'", WENDI_DDL_TEXT(option->value));
    }
    return wendi_ddl_copy(ddl, option->value, &column->timezone);
}

static wend_status set_rounding(wendi_ddl *ddl, const wendi_sql_option *option,
                                wendi_column *column)
{
    static const char *const words[] = {"reject", "half_even", NULL};
    if (column->type.kind != WENDI_TYPE_NUMERIC) {
        return wendi_ddl_refuse(ddl, option->span.start, "leave it out",
                                "only numeric columns round");
    }
    return choose(ddl, option, words, &column->rounding);
}

static wend_status set_option(wendi_ddl *ddl, const wendi_sql_option *option, wendi_column *column)
{
    static const char *const known[] = {"path", "format", "timezone", "on_error", "round", NULL};
    static const char *const on_error[] = {"reject", "null", NULL};
    wend_status status = need_value(ddl, option);
    if (status != WEND_OK) {
        return status;
    }
    if (wendi_string_equal(option->name, wendi_string_of("path"))) {
        return wendi_ddl_path(ddl, option->value, option->span.start, column);
    }
    if (wendi_string_equal(option->name, wendi_string_of("format"))) {
        return set_format(ddl, option, column);
    }
    if (wendi_string_equal(option->name, wendi_string_of("timezone"))) {
        return set_timezone(ddl, option, column);
    }
    if (wendi_string_equal(option->name, wendi_string_of("on_error"))) {
        return choose(ddl, option, on_error, &column->on_error);
    }
    if (wendi_string_equal(option->name, wendi_string_of("round"))) {
        return set_rounding(ddl, option, column);
    }
    return refuse_unknown(ddl, option, "column", known);
}

/* What the options say together. */
static wend_status check_options(wendi_ddl *ddl, const wendi_sql_column_def *node,
                                 const wendi_column *column)
{
    int32_t position = node->option_count > 0 ? node->options[0].span.start : node->span.start;
    bool pattern = column->time_format == WENDI_TIME_PATTERN;
    bool zoned = pattern &&
                 (pattern_has(column->time_pattern, 'z') || pattern_has(column->time_pattern, 's'));
    bool epoch = column->time_format != WENDI_TIME_ISO && !pattern;
    if (pattern && !zoned && column->timezone.length == 0 &&
        column->type.kind == WENDI_TYPE_TIMESTAMPTZ) {
        return wendi_ddl_refuse(ddl, position,
                                "add timezone 'Europe/Berlin' (or 'UTC'), or %z to the format if "
                                "the text has an offset",
                                "times of this format have no zone");
    }
    if (epoch && column->timezone.length > 0 && column->type.kind == WENDI_TYPE_TIMESTAMPTZ) {
        return wendi_ddl_refuse(ddl, position, "leave timezone out: counts since 1970 are in UTC",
                                "an epoch has no time zone");
    }
    if (column->origin == WENDI_ORIGIN_JSON) {
        return WEND_OK;
    }
    bool bytes = column->origin == WENDI_ORIGIN_KEY || column->origin == WENDI_ORIGIN_HEADER;
    for (uint32_t i = 0; i < node->option_count; i++) { /* keys and headers may be no text */
        wendi_string name = node->options[i].name;
        if (!wendi_string_equal(name, wendi_string_of("path")) &&
            !(bytes && wendi_string_equal(name, wendi_string_of("on_error")))) {
            return wendi_ddl_refuse(
                ddl, node->options[i].span.start, "leave the other options out",
                "a value that comes from Kafka's message itself takes no further options%s",
                bytes ? " than on_error" : "");
        }
    }
    return WEND_OK;
}

wend_status wendi_ddl_column_options(wendi_ddl *ddl, const wendi_sql_column_def *node,
                                     wendi_column *column)
{
    wend_status status = WEND_OK;
    for (uint32_t i = 0; i < node->option_count; i++) {
        for (uint32_t k = 0; k < i; k++) {
            if (wendi_string_equal(node->options[i].name, node->options[k].name)) {
                return wendi_ddl_refuse(ddl, node->options[i].span.start, "keep one of them",
                                        "the option %.*s stands here twice",
                                        WENDI_DDL_TEXT(node->options[i].name));
            }
        }
        WEND_TRY(set_option(ddl, &node->options[i], column));
    }
    if (column->origin == WENDI_ORIGIN_JSON && column->path_count == 0) {
        WEND_TRY(wendi_ddl_default_path(ddl, node->span.start, column));
    }
    WEND_TRY(check_options(ddl, node, column));
cleanup:
    return status;
}

static wend_status set_role(wendi_ddl *ddl, const wendi_sql_option *option, uint32_t *role)
{
    wend_status status =
        wendi_ddl_find(ddl, option->value, option->span.start, option->name.data, role);
    if (status == WEND_OK && ddl->schema->columns[*role].type.kind == WENDI_TYPE_JSONB) {
        return wendi_ddl_refuse(ddl, option->span.start,
                                "take the member that counts into a column of its own",
                                "a jsonb column cannot be the %.*s", WENDI_DDL_TEXT(option->name));
    }
    return status;
}

static wend_status check_time_column(wendi_ddl *ddl, const wendi_sql_option *option)
{
    char name[40];
    const wendi_column *column = &ddl->schema->columns[ddl->schema->time_column];
    if (column->type.kind != WENDI_TYPE_TIMESTAMPTZ) {
        return wendi_ddl_refuse(
            ddl, option->span.start,
            "make it timestamptz, with OPTIONS (format 'epoch_ms') and the like for numbers",
            "the time_column must be timestamptz, and %.*s is %s", WENDI_DDL_TEXT(column->name),
            wendi_type_name(column->type, name));
    }
    if (!column->not_null) {
        return wendi_ddl_refuse(
            ddl, option->span.start,
            "add NOT NULL to the column: events without a time are then rejected and kept apart",
            "the time_column %.*s must be NOT NULL", WENDI_DDL_TEXT(column->name));
    }
    return WEND_OK;
}

/* A length of time with a fixed number of microseconds; months have none. */
static wend_status read_duration(wendi_ddl *ddl, const wendi_sql_option *option, int64_t *us)
{
    wendi_interval interval;
    const char *reason = NULL;
    if (wendi_parse_interval(option->value, &interval, &reason) != WEND_OK) {
        return wendi_ddl_refuse(ddl, option->span.start,
                                "write for example '400 days' or '12 hours'", "%.*s: %s",
                                WENDI_DDL_TEXT(option->name), reason);
    }
    if (interval.months != 0) {
        return wendi_ddl_refuse(ddl, option->span.start, "write days: '30 days', '365 days'",
                                "months and years have no fixed length");
    }
    wendi_int128 total = wendi_interval_us(interval);
    if (total < 0 || total > INT64_MAX) {
        return wendi_ddl_refuse(ddl, option->span.start, "write for example '400 days'",
                                "%.*s is out of range", WENDI_DDL_TEXT(option->name));
    }
    *us = (int64_t)total;
    return WEND_OK;
}

static wend_status set_retention(wendi_ddl *ddl, const wendi_sql_option *option)
{
    wend_status status = read_duration(ddl, option, &ddl->schema->retention_us);
    if (status == WEND_OK && ddl->schema->retention_us == 0) {
        return wendi_ddl_refuse(ddl, option->span.start,
                                "leave the option out to keep rows for ever",
                                "a retention of nothing keeps nothing");
    }
    return status;
}

static wend_status set_flag(wendi_ddl *ddl, const wendi_sql_option *option, bool *flag)
{
    int64_t value = 1;
    if (option->has_value && wendi_parse_boolean(option->value, &value, NULL) != WEND_OK) {
        return wendi_ddl_refuse(ddl, option->span.start, "write true or false",
                                "%.*s cannot be '%.*s'", WENDI_DDL_TEXT(option->name),
                                WENDI_DDL_TEXT(option->value));
    }
    *flag = value != 0;
    return WEND_OK;
}

static wend_status set_window(wendi_ddl *ddl, const wendi_sql_option *option)
{
    int64_t keys = 0;
    if (wendi_parse_i64(option->value, &keys, NULL) != WEND_OK || keys <= 0) {
        return wendi_ddl_refuse(ddl, option->span.start,
                                "write the number of keys to remember, such as 10000000",
                                "unique_window cannot be '%.*s'", WENDI_DDL_TEXT(option->value));
    }
    ddl->schema->unique_window_keys = (uint64_t)keys;
    return WEND_OK;
}

static wend_status set_table_option(wendi_ddl *ddl, const wendi_sql_option *option)
{
    static const char *const known[] = {
        "user_column", "time_column",    "event_column", "order_column",  "retention", "max_future",
        "unique_rows", "duplicate_keys", "event_id",     "unique_window", "rest",      NULL};
    static const char *const duplicates[] = {"reject", "first", "last", NULL};
    static const char *const policies[] = {"keep", "hash", "drop", NULL};
    wendi_schema *schema = ddl->schema;
    size_t which = 0;
    while (known[which] != NULL &&
           !wendi_string_equal(option->name, wendi_string_of(known[which]))) {
        which++;
    }
    if (which != 6) { /* unique_rows may stand alone */
        wend_status status = known[which] == NULL ? WEND_OK : need_value(ddl, option);
        if (status != WEND_OK) {
            return status;
        }
    }
    switch (which) {
    case 0:
        return set_role(ddl, option, &schema->user_column);
    case 1:
        return set_role(ddl, option, &schema->time_column);
    case 2:
        return set_role(ddl, option, &schema->event_column);
    case 3:
        return set_role(ddl, option, &schema->order_column);
    case 4:
        return set_retention(ddl, option);
    case 5:
        return read_duration(ddl, option, &schema->max_future_us);
    case 6:
        return set_flag(ddl, option, &schema->unique_rows);
    case 7:
        return choose(ddl, option, duplicates, &schema->duplicate_keys);
    case 8:
        return choose(ddl, option, policies, &schema->event_id_policy);
    case 9:
        return set_window(ddl, option);
    case 10:
        return WEND_OK; /* wendi_ddl_rest_option() has seen to it */
    default:
        return refuse_unknown(ddl, option, "table", known);
    }
}

static const wendi_sql_option *find_option(const wendi_ddl *ddl, const char *name)
{
    for (uint32_t i = 0; i < ddl->statement->option_count; i++) {
        if (wendi_string_equal(ddl->statement->options[i].name, wendi_string_of(name))) {
            return &ddl->statement->options[i];
        }
    }
    return NULL;
}

wend_status wendi_ddl_rest_option(wendi_ddl *ddl)
{
    static const char *const words[] = {"keep", "drop", NULL};
    const wendi_sql_option *option = find_option(ddl, "rest");
    uint8_t word = 0;
    wend_status status = WEND_OK;
    ddl->schema->rest_policy = (uint8_t)ddl->rest;
    if (option != NULL) {
        WEND_TRY(need_value(ddl, option));
        WEND_TRY(choose(ddl, option, words, &word));
        ddl->schema->rest_policy = word == 0 ? WENDI_REST_KEEP : WENDI_REST_DROP;
    }
cleanup:
    return status;
}

/* The column that event_id is about may be known by its keys alone: nothing else may need its
 * values. */
static wend_status check_id_column(wendi_ddl *ddl, const wendi_sql_option *option)
{
    wendi_schema *schema = ddl->schema;
    uint32_t position = schema->uniques[0].columns[0];
    const wendi_column *column = &schema->columns[position];
    const uint32_t roles[] = {schema->user_column, schema->time_column, schema->event_column,
                              schema->order_column};
    char type[40];
    if (schema->unique_rows) {
        return wendi_ddl_refuse(ddl, option->span.start, "keep one of both",
                                "unique_rows needs whole rows, and event_id = '%.*s' does not "
                                "store %.*s",
                                WENDI_DDL_TEXT(option->value), WENDI_DDL_TEXT(column->name));
    }
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
        if (roles[i] == position) {
            return wendi_ddl_refuse(
                ddl, option->span.start, "leave event_id out, or give the role to another column",
                "%.*s is needed as it is, as the user, time, event or order column",
                WENDI_DDL_TEXT(column->name));
        }
    }
    if (ddl->generated_from[position]) {
        return wendi_ddl_refuse(
            ddl, option->span.start, "leave event_id out, or derive the column from others",
            "a GENERATED column is made of %.*s, which is not stored as it arrives",
            WENDI_DDL_TEXT(column->name));
    }
    bool wide = column->type.kind == WENDI_TYPE_UUID || column->type.kind == WENDI_TYPE_TEXT ||
                column->type.kind == WENDI_TYPE_INET;
    if (schema->event_id_policy == WENDI_EVENT_ID_HASH && !wide) {
        return wendi_ddl_refuse(ddl, option->span.start, "leave event_id out, or write 'drop'",
                                "a hash has eight bytes, and %.*s is %s, which needs no more",
                                WENDI_DDL_TEXT(column->name), wendi_type_name(column->type, type));
    }
    schema->id_column = position;
    return WEND_OK;
}

/* What the options need of each other. */
static wend_status check_table_options(wendi_ddl *ddl)
{
    static const char *const timed[] = {"retention", "max_future"};
    const wendi_schema *schema = ddl->schema;
    const wendi_sql_option *option = find_option(ddl, "time_column");
    if (option != NULL) {
        wend_status status = check_time_column(ddl, option);
        if (status != WEND_OK) {
            return status;
        }
    }
    for (size_t i = 0; i < sizeof timed / sizeof timed[0]; i++) {
        option = find_option(ddl, timed[i]);
        if (option != NULL && schema->time_column == WENDI_NO_COLUMN) {
            return wendi_ddl_refuse(ddl, option->span.start, "add time_column = '…' to WITH",
                                    "%s needs a time_column", timed[i]);
        }
    }
    option = find_option(ddl, "unique_window");
    if (option != NULL && schema->unique_count == 0 && !schema->unique_rows) {
        return wendi_ddl_refuse(ddl, option->span.start,
                                "add UNIQUE to a column, or unique_rows = true",
                                "unique_window has no meaning in a table without UNIQUE");
    }
    option = find_option(ddl, "event_id");
    bool one_id = schema->unique_count == 1 && schema->uniques[0].column_count == 1;
    if (option != NULL && schema->event_id_policy != WENDI_EVENT_ID_KEEP && !one_id) {
        return wendi_ddl_refuse(ddl, option->span.start, "make the event's id UNIQUE",
                                "event_id = '%.*s' needs exactly one column that is UNIQUE alone",
                                WENDI_DDL_TEXT(option->value));
    }
    bool keep = option == NULL || schema->event_id_policy == WENDI_EVENT_ID_KEEP;
    return keep ? WEND_OK : check_id_column(ddl, option);
}

wend_status wendi_ddl_table_options(wendi_ddl *ddl)
{
    wend_status status = WEND_OK;
    const wendi_sql_statement *statement = ddl->statement;
    for (uint32_t i = 0; i < statement->option_count; i++) {
        const wendi_sql_option *option = &statement->options[i];
        if (find_option(ddl, option->name.data) != option) {
            return wendi_ddl_refuse(ddl, option->span.start, "keep one of them",
                                    "the option %.*s stands here twice",
                                    WENDI_DDL_TEXT(option->name));
        }
        WEND_TRY(set_table_option(ddl, option));
    }
    WEND_TRY(check_table_options(ddl));
cleanup:
    return status;
}
