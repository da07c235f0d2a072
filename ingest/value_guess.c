/*
 * Guessing a column's type from values that were looked at. Shared by schema inference, which sees every value of
 * a sample, and by the counts of keys without a column, which look at some; so nothing here may depend on how many
 * there were. What is left to others: which keys become columns (infer_column.c), and counting (json_keys.c).
 */
#include "ingest/value_guess.h"

#include <stdio.h>
#include <strings.h>

#include "engine/column/value.h"
#include "engine/expr/table_ddl.h"
#include "engine/sql/sql.h"

enum { GUESS_DECIMALS_MAX = 4, PATH_KEYS_MAX = 64 };

static const char LOG_PATTERN[] = "%d/%b/%Y:%H:%M:%S %z";

/* ---- looking at values ------------------------------------------------------------------------ */

static uint8_t forms_of(wendi_string text, uint8_t possible)
{
    uint8_t forms = 0;
    int64_t us = 0;
    wendi_b16 sixteen;
    if ((possible & WENDI_GUESS_UUID) != 0 && text.length == 36 && wendi_parse_uuid(text, &sixteen, NULL) == WEND_OK) {
        forms |= WENDI_GUESS_UUID;
    }
    if ((possible & WENDI_GUESS_INET) != 0 && wendi_parse_inet(text, &sixteen, NULL) == WEND_OK) {
        forms |= WENDI_GUESS_INET;
    }
    if ((possible & WENDI_GUESS_DATE) != 0 && text.length == 10 && wendi_parse_date(text, &us, NULL) == WEND_OK) {
        forms |= WENDI_GUESS_DATE;
    }
    if (text.length > 10 && (possible & WENDI_GUESS_TIME_ZONED) != 0 &&
        wendi_parse_timestamp(text, NULL, &us, NULL) == WEND_OK) {
        forms |= WENDI_GUESS_TIME_ZONED;
    }
    if (text.length > 10 && (possible & WENDI_GUESS_TIME_ZONELESS) != 0 &&
        wendi_parse_timestamp(text, wendi_timezone_utc(), &us, NULL) == WEND_OK) {
        forms |= WENDI_GUESS_TIME_ZONELESS; /* those with a zone too: then both bits stay */
    }
    if ((possible & WENDI_GUESS_TIME_LOG) != 0 &&
        wendi_parse_timestamp_pattern(text, wendi_string_of(LOG_PATTERN), NULL, &us, NULL) == WEND_OK) {
        forms |= WENDI_GUESS_TIME_LOG;
    }
    return forms;
}

void wendi_value_guess_add_string(wendi_value_guess *guess, wendi_string text)
{
    uint8_t possible = WENDI_GUESS_FORMS & (uint8_t)~guess->not_forms;
    guess->strings++;
    if (possible != 0) {
        guess->not_forms |= possible & (uint8_t)~forms_of(text, possible);
    }
}

void wendi_value_guess_add_number(wendi_value_guess *guess, const wendi_json_number *number)
{
    wendi_string text = {number->data, number->length};
    int64_t value = 0;
    double real = 0;
    bool whole = number->fraction_count == 0 && !number->has_exponent;
    if (whole && wendi_parse_i64(text, &value, NULL) == WEND_OK) {
        guess->least = guess->integers == 0 || value < guess->least ? value : guess->least;
        guess->greatest = guess->integers == 0 || value > guess->greatest ? value : guess->greatest;
        guess->integers++;
        return;
    }
    if (wendi_parse_f64(text, &real, NULL) == WEND_OK) {
        guess->real_least = guess->fractions == 0 || real < guess->real_least ? real : guess->real_least;
        guess->real_greatest = guess->fractions == 0 || real > guess->real_greatest ? real : guess->real_greatest;
    }
    guess->fractions++;
    guess->huge = guess->huge || whole;
    guess->exponent = guess->exponent || number->has_exponent;
    guess->fraction_digits =
        number->fraction_count > guess->fraction_digits ? number->fraction_count : guess->fraction_digits;
}

void wendi_value_guess_keep_example(wendi_value_guess *guess, const char *begin, const char *end)
{
    size_t length = (size_t)(end - begin);
    if (guess->example_bytes != 0 || *begin == 'n') {
        return;
    }
    if (length > WENDI_GUESS_EXAMPLE_BYTES - 1) {
        length = (size_t)(wendi_utf8_check(begin, begin + WENDI_GUESS_EXAMPLE_BYTES - 1) - begin);
    }
    memcpy(guess->example, begin, length);
    guess->example[length] = '\0';
    guess->example_bytes = (uint8_t)length;
}

static wend_status add_text(wendi_value_guess *guess, const char *begin, const char *end, wendi_buffer *scratch)
{
    wendi_json_string string = {begin + 1, (uint32_t)(end - begin - 2), memchr(begin, '\\', (size_t)(end - begin)) != NULL};
    wendi_string text = {string.data, string.length};
    if (string.escaped) {
        scratch->length = 0;
        if (wendi_buffer_reserve(scratch, string.length) != WEND_OK) {
            return WEND_NOMEM;
        }
        text = (wendi_string){(const char *)scratch->data, wendi_json_unescape(string, (char *)scratch->data)};
    }
    wendi_value_guess_add_string(guess, text);
    return WEND_OK;
}

wend_status wendi_value_guess_add(wendi_value_guess *guess, const char *begin, const char *end, wendi_buffer *scratch)
{
    wendi_json_number number;
    wendi_json_error fault;
    wendi_value_guess_keep_example(guess, begin, end);
    switch (*begin) {
    case '{':
        guess->objects++;
        return WEND_OK;
    case '[':
        guess->arrays++;
        return WEND_OK;
    case 't':
    case 'f':
        guess->booleans++;
        return WEND_OK;
    case 'n':
        guess->nulls++;
        return WEND_OK;
    case '"':
        return add_text(guess, begin, end, scratch);
    default:
        if (wendi_json_scan_number(begin, end, &number, &fault) != NULL) {
            wendi_value_guess_add_number(guess, &number);
        }
        return WEND_OK;
    }
}

void wendi_value_guess_widen(wendi_value_guess *guess, uint8_t kinds)
{
    bool number = (kinds & WENDI_VALUE_NUMBER) != 0 && guess->integers + guess->fractions == 0;
    guess->nulls += (kinds & WENDI_VALUE_NULL) != 0 && guess->nulls == 0;
    guess->booleans += (kinds & WENDI_VALUE_BOOLEAN) != 0 && guess->booleans == 0;
    guess->objects += (kinds & WENDI_VALUE_OBJECT) != 0 && guess->objects == 0;
    guess->arrays += (kinds & WENDI_VALUE_ARRAY) != 0 && guess->arrays == 0;
    if ((kinds & WENDI_VALUE_STRING) != 0 && guess->strings == 0) {
        guess->strings = 1;
        guess->not_forms = WENDI_GUESS_FORMS;
    }
    if (number) {
        guess->fractions = 1;
        guess->exponent = true;
    }
}

void wendi_value_guess_merge(wendi_value_guess *into, const wendi_value_guess *from)
{
    if (from->integers != 0) {
        into->least = into->integers == 0 || from->least < into->least ? from->least : into->least;
        into->greatest = into->integers == 0 || from->greatest > into->greatest ? from->greatest : into->greatest;
    }
    if (from->fractions != 0) {
        bool first = into->fractions == 0;
        into->real_least = first || from->real_least < into->real_least ? from->real_least : into->real_least;
        into->real_greatest =
            first || from->real_greatest > into->real_greatest ? from->real_greatest : into->real_greatest;
    }
    into->nulls += from->nulls;
    into->booleans += from->booleans;
    into->integers += from->integers;
    into->fractions += from->fractions;
    into->strings += from->strings;
    into->objects += from->objects;
    into->arrays += from->arrays;
    into->fraction_digits = from->fraction_digits > into->fraction_digits ? from->fraction_digits : into->fraction_digits;
    into->exponent = into->exponent || from->exponent;
    into->huge = into->huge || from->huge;
    into->not_forms |= from->not_forms;
    if (into->example_bytes == 0) {
        memcpy(into->example, from->example, sizeof into->example);
        into->example_bytes = from->example_bytes;
    }
}

uint64_t wendi_value_guess_present(const wendi_value_guess *guess)
{
    return guess->booleans + guess->integers + guess->fractions + guess->strings + guess->objects + guess->arrays;
}

/* ---- what names say --------------------------------------------------------------------------- */

static bool ends_with(wendi_string key, const char *tail)
{
    size_t length = strlen(tail);
    return key.length >= length && strncasecmp(key.data + key.length - length, tail, length) == 0;
}

static bool ends_with_any(wendi_string key, const char *const *tails, size_t count)
{
    bool found = false;
    for (size_t i = 0; i < count && !found; i++) {
        found = ends_with(key, tails[i]);
    }
    return found;
}

/* Is `key` a name that times have, such as ts, created_at, eventTime? */
static bool names_a_time(wendi_string key)
{
    static const char *const tails[] = {"time", "timestamp", "date", "_at", "_ts", "_on", "epoch", "created", "updated"};
    static const char *const words[] = {"t", "ts", "at", "when", "utc"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (key.length == strlen(words[i]) && ends_with(key, words[i])) {
            return true;
        }
    }
    return ends_with_any(key, tails, sizeof tails / sizeof tails[0]) ||
           (key.length > 2 && memcmp(key.data + key.length - 2, "At", 2) == 0);
}

static bool names_money(wendi_string key)
{
    static const char *const tails[] = {"price",    "amount", "cost", "revenue",  "total",
                                        "subtotal", "tax",    "fee",  "discount", "value"};
    return ends_with_any(key, tails, sizeof tails / sizeof tails[0]);
}

static bool names_an_address(wendi_string key)
{
    static const char *const tails[] = {"ip", "addr", "address", "ipv4", "ipv6", "client", "host"};
    return ends_with_any(key, tails, sizeof tails / sizeof tails[0]);
}

/* ---- types ------------------------------------------------------------------------------------ */

/* Numbers of 2001 to 2100 counted in the unit that fits; NULL when they are no times. */
static const char *epoch_of(double least, double greatest, const char **why)
{
    static const struct {
        double unit;
        const char *format;
        const char *why;
    } units[] = {{1, "epoch_s", "numbers that look like seconds since 1970"},
                 {1e3, "epoch_ms", "numbers that look like milliseconds since 1970"},
                 {1e6, "epoch_us", "numbers that look like microseconds since 1970"},
                 {1e9, "epoch_ns", "numbers that look like nanoseconds since 1970"}};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (least >= 978307200.0 * units[i].unit && greatest < 4102444800.0 * units[i].unit) {
            *why = units[i].why;
            return units[i].format;
        }
    }
    return NULL;
}

static void guess_number(const wendi_value_guess *guess, wendi_string key, wendi_arena *arena, wendi_guessed_type *out)
{
    bool whole = guess->fractions == 0;
    double least = guess->integers > 0 ? (double)guess->least : guess->real_least;
    double greatest = guess->integers > 0 ? (double)guess->greatest : guess->real_greatest;
    if (!whole && guess->integers > 0) {
        least = guess->real_least < least ? guess->real_least : least;
        greatest = guess->real_greatest > greatest ? guess->real_greatest : greatest;
    }
    out->time_format = names_a_time(key) && !guess->exponent ? epoch_of(least, greatest, &out->why) : NULL;
    if (out->time_format != NULL) {
        out->type = "timestamptz";
    } else if (whole) {
        out->type = "bigint";
    } else if (guess->huge) {
        out->type = "text";
        out->why = "whole numbers beyond bigint, kept as they are written";
    } else if (names_money(key) && !guess->exponent && guess->fraction_digits <= GUESS_DECIMALS_MAX) {
        out->type = guess->fraction_digits > 2 ? "numeric(18,4)" : "numeric(18,2)";
        out->why = wendi_arena_printf(arena, "decimals with at most %u digits behind the point", guess->fraction_digits);
    } else {
        out->type = "double precision";
    }
}

static void guess_string(const wendi_value_guess *guess, wendi_string key, wendi_guessed_type *out)
{
    uint8_t forms = WENDI_GUESS_FORMS & (uint8_t)~guess->not_forms;
    out->type = "text";
    if ((forms & WENDI_GUESS_UUID) != 0) {
        out->type = "uuid";
    } else if ((forms & WENDI_GUESS_INET) != 0 && names_an_address(key)) {
        out->type = "inet";
    } else if ((forms & WENDI_GUESS_DATE) != 0) {
        out->type = "date";
    } else if ((forms & WENDI_GUESS_TIME_ZONED) != 0) {
        out->type = "timestamptz";
    } else if ((forms & WENDI_GUESS_TIME_ZONELESS) != 0) {
        out->type = "timestamptz";
        out->zoneless = true;
        out->why = "the texts name no zone: UTC is a guess";
    } else if ((forms & WENDI_GUESS_TIME_LOG) != 0) {
        out->type = "timestamptz";
        out->time_format = LOG_PATTERN;
    }
}

wendi_guessed_type wendi_value_guess_type(const wendi_value_guess *guess, wendi_string key, wendi_arena *arena)
{
    uint64_t present = wendi_value_guess_present(guess);
    wendi_guessed_type out = {.type = "jsonb"};
    if (present == 0) {
        out.why = "only null was seen: jsonb takes whatever comes";
    } else if (guess->objects > 0 || guess->arrays > 0) {
        out.why = guess->arrays == present ? "arrays" : guess->objects == present ? "objects" : "values of several kinds";
    } else if (guess->strings == present) {
        guess_string(guess, key, &out);
    } else if (guess->booleans == present) {
        out.type = "boolean";
    } else if (guess->integers + guess->fractions == present) {
        guess_number(guess, key, arena, &out);
    } else {
        out.type = "text";
        out.why = "values of several kinds, kept as they are written";
    }
    return out;
}

/* ---- ALTER TABLE ------------------------------------------------------------------------------ */

/* The steps of a path as wendi_path_write() writes it; 0 when it is none. */
static uint32_t split_path(wendi_string path, wendi_arena *arena, wendi_string keys[PATH_KEYS_MAX])
{
    const char *at = path.data + 1;
    const char *end = path.data + path.length;
    uint32_t count = 0;
    while (path.length > 1 && at < end && *at == '.' && count < PATH_KEYS_MAX) {
        bool quoted = at + 1 < end && at[1] == '"';
        char *key = wendi_arena_alloc(arena, (size_t)(end - at) + 1);
        uint32_t length = 0;
        if (key == NULL) {
            return 0;
        }
        for (at += quoted ? 2 : 1; at < end && *at != (quoted ? '"' : '.'); at++) {
            at += quoted && *at == '\\' && at + 1 < end;
            key[length++] = *at;
        }
        at += quoted && at < end;
        keys[count++] = (wendi_string){key, length};
    }
    return at == end ? count : 0;
}

wend_status wendi_value_guess_last_key(wendi_string path, wendi_arena *arena, wendi_string *key)
{
    wendi_string keys[PATH_KEYS_MAX];
    uint32_t count = split_path(path, arena, keys);
    *key = count != 0 ? keys[count - 1] : wendi_string_of("");
    return WEND_OK;
}

/* The end of a long name, from a dot on if there is one; else its beginning, cut between characters. */
wendi_string wendi_value_guess_shorten(wendi_string name)
{
    for (uint32_t from = name.length > WENDI_GUESS_COLUMN_NAME_BYTES ? name.length - WENDI_GUESS_COLUMN_NAME_BYTES : 0;
         from < name.length; from++) {
        if (from > 0 && name.data[from - 1] == '.') {
            return (wendi_string){name.data + from, name.length - from};
        }
    }
    uint32_t length = WENDI_GUESS_COLUMN_NAME_BYTES < name.length ? WENDI_GUESS_COLUMN_NAME_BYTES : name.length;
    while (length > 0 && length < name.length && ((unsigned char)name.data[length] & 0xc0) == 0x80) {
        length--;
    }
    return (wendi_string){name.data, length};
}

/* A name that the path would be found by, or one that OPTIONS (path …) has to explain (`*explained`). */
static wend_status choose_name(const wendi_string *keys, uint32_t key_count, const wendi_schema *schema, wendi_arena *arena,
                               wendi_string *name, bool *explained)
{
    wendi_buffer joined = {0};
    wend_status status = WEND_OK;
    *explained = key_count == 0;
    for (uint32_t i = 0; i < key_count; i++) {
        *explained |= keys[i].length == 0 || memchr(keys[i].data, '.', keys[i].length) != NULL;
        WEND_TRY(i == 0 ? WEND_OK : wendi_buffer_u8(&joined, '.'));
        WEND_TRY(wendi_buffer_append(&joined, keys[i].data, keys[i].length));
    }
    WEND_TRY(joined.length == 0 ? wendi_buffer_u8(&joined, '_') : WEND_OK);
    wendi_string base = {wendi_arena_copy(arena, (const char *)joined.data, joined.length), (uint32_t)joined.length};
    if (base.data == NULL) {
        WEND_TRY(WEND_NOMEM);
    }
    if (base.length > WENDI_SQL_NAME_BYTES_MAX) {
        base = wendi_value_guess_shorten(base);
        *explained = true;
    }
    *name = base;
    for (uint32_t number = 2; schema != NULL && wendi_schema_find(schema, *name) != WENDI_NO_COLUMN; number++) {
        wendi_string stem = base.length < WENDI_GUESS_COLUMN_NAME_BYTES ? base : wendi_value_guess_shorten(base);
        char *numbered = wendi_arena_printf(arena, "%.*s_%u", (int)stem.length, stem.data, number);
        if (numbered == NULL) {
            WEND_TRY(WEND_NOMEM);
        }
        *name = wendi_string_of(numbered);
        *explained = true;
    }
cleanup:
    wendi_buffer_free(&joined);
    return status;
}

wend_status wendi_value_guess_ddl(const wendi_value_guess *guess, wendi_string path, wendi_string table,
                                  const wendi_schema *schema, wendi_buffer *out)
{
    wendi_string keys[PATH_KEYS_MAX];
    wendi_arena arena = {0};
    wendi_string name;
    bool explained;
    const char *before = " OPTIONS (";
    wend_status status = WEND_OK;
    uint32_t key_count = split_path(path, &arena, keys);
    wendi_string last = key_count != 0 ? keys[key_count - 1] : wendi_string_of("");
    wendi_guessed_type type = wendi_value_guess_type(guess, last, &arena);
    WEND_TRY(choose_name(keys, key_count, schema, &arena, &name, &explained));
    WEND_TRY(wendi_buffer_printf(out, "ALTER TABLE "));
    WEND_TRY(wendi_sql_print_name(table, out));
    WEND_TRY(wendi_buffer_printf(out, " ADD COLUMN "));
    WEND_TRY(wendi_sql_print_name(name, out));
    WEND_TRY(wendi_buffer_printf(out, " %s", type.type));
    if (explained) {
        WEND_TRY(wendi_buffer_printf(out, "%spath ", before));
        WEND_TRY(wendi_sql_print_string(path, out));
        before = ", ";
    }
    if (type.time_format != NULL) {
        WEND_TRY(wendi_buffer_printf(out, "%sformat '%s'", before, type.time_format));
        before = ", ";
    }
    if (type.zoneless) {
        WEND_TRY(wendi_buffer_printf(out, "%stimezone 'UTC'", before));
        before = ", ";
    }
    WEND_TRY(wendi_buffer_printf(out, before[0] == ',' ? ");" : ";"));
cleanup:
    wendi_arena_free(&arena);
    return status;
}
