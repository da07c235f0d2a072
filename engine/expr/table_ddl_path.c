/*
 * Ways into a document as text: $.geo.country, $."odd key".x, alternatives by |, and Kafka's own
 * $topic, $partition, $offset, $key, $timestamp, $headers.name.
 */
#include "engine/expr/table_ddl_internal.h"

enum { KEYS_MAX = 63 }; /* documents nest at most 64 deep */

typedef struct path_text {
    const char *at;
    const char *end;
    int32_t position; /* of the option in the DDL, for errors */
} path_text;

static const struct {
    const char *word;
    wendi_origin origin;
    wendi_type_kind kind;
} ORIGINS[] = {
    {"$topic", WENDI_ORIGIN_TOPIC, WENDI_TYPE_TEXT},
    {"$partition", WENDI_ORIGIN_PARTITION, WENDI_TYPE_INTEGER},
    {"$offset", WENDI_ORIGIN_OFFSET, WENDI_TYPE_BIGINT},
    {"$key", WENDI_ORIGIN_KEY, WENDI_TYPE_TEXT},
    {"$timestamp", WENDI_ORIGIN_TIMESTAMP, WENDI_TYPE_TIMESTAMPTZ},
    {"$headers", WENDI_ORIGIN_HEADER, WENDI_TYPE_TEXT},
};

static bool is_name_byte(char c)
{
    return strchr(".|[]\"'$ \t\r\n", c) == NULL && c != '\0';
}

static void skip_blanks(path_text *text)
{
    while (text->at < text->end &&
           (*text->at == ' ' || *text->at == '\t' || *text->at == '\n' || *text->at == '\r')) {
        text->at++;
    }
}

/* A "quoted key": \" and \\ are escapes, as in JSON. */
static wend_status quoted_key(wendi_ddl *ddl, path_text *text, wendi_string *key)
{
    char *copy = NULL;
    uint32_t length = 0;
    WEND_REQUIRE(*text->at == '"');
    wend_status status = wendi_ddl_memory(ddl, (size_t)(text->end - text->at) + 1, 1, &copy);
    if (status != WEND_OK) {
        return status;
    }
    for (text->at++; text->at < text->end && *text->at != '"'; text->at++) {
        if (*text->at == '\\') {
            text->at++;
            if (text->at == text->end || (*text->at != '"' && *text->at != '\\')) {
                return wendi_ddl_refuse(ddl, text->position,
                                        "inside a quoted key only \\\" and \\\\ are escapes",
                                        "this escape in a path is not known");
            }
        }
        copy[length++] = *text->at;
    }
    if (text->at == text->end) {
        return wendi_ddl_refuse(ddl, text->position, "write $.\"odd key\".next",
                                "a quoted key in the path does not end");
    }
    text->at++;
    *key = (wendi_string){copy, length};
    return WEND_OK;
}

static wend_status read_key(wendi_ddl *ddl, path_text *text, wendi_string *key)
{
    if (text->at < text->end && *text->at == '"') {
        return quoted_key(ddl, text, key);
    }
    const char *begin = text->at;
    while (text->at < text->end && is_name_byte(*text->at)) {
        text->at++;
    }
    if (text->at == begin) {
        return wendi_ddl_refuse(
            ddl, text->position,
            "keys follow dots: $.geo.country; one with blanks, dots or other signs is "
            "quoted: $.\"odd key\"",
            "a key is missing in the path");
    }
    return wendi_ddl_copy(ddl, (wendi_string){begin, (uint32_t)(text->at - begin)}, key);
}

static wend_status read_keys(wendi_ddl *ddl, path_text *text, wendi_path *path)
{
    wendi_string keys[KEYS_MAX];
    uint32_t count = 0;
    wend_status status = WEND_OK;
    while (text->at < text->end && *text->at == '.') {
        text->at++;
        if (count == KEYS_MAX) {
            return wendi_ddl_refuse(ddl, text->position, "take the subtree as jsonb",
                                    "a path has at most %d keys", KEYS_MAX);
        }
        WEND_TRY(read_key(ddl, text, &keys[count++]));
    }
    if (count == 0) {
        return wendi_ddl_refuse(ddl, text->position, "write $.key, or $.outer.inner",
                                "the path names no key");
    }
    if (text->at < text->end && *text->at == '[') {
        return wendi_ddl_refuse(
            ddl, text->position,
            "keep the array as jsonb; an element of it is x -> 0 in a query or a "
            "GENERATED column",
            "a path goes through objects only, not into arrays");
    }
    WEND_TRY(wendi_ddl_memory(ddl, count, sizeof *path->keys, &path->keys));
    memcpy(path->keys, keys, count * sizeof *keys);
    path->key_count = count;
cleanup:
    return status;
}

static wend_status read_json_paths(wendi_ddl *ddl, path_text *text, wendi_column *column)
{
    wend_status status = WEND_OK;
    uint32_t most = 1;
    for (const char *c = text->at; c < text->end; c++) {
        most += *c == '|';
    }
    WEND_TRY(wendi_ddl_memory(ddl, most, sizeof *column->paths, &column->paths));
    for (;;) {
        skip_blanks(text);
        if (text->at == text->end || *text->at != '$') {
            return wendi_ddl_refuse(ddl, text->position,
                                    "a path begins at the document's root: $.geo.country",
                                    "this is not a path");
        }
        text->at++;
        WEND_TRY(read_keys(ddl, text, &column->paths[column->path_count++]));
        skip_blanks(text);
        if (text->at == text->end) {
            break;
        }
        if (*text->at != '|') {
            return wendi_ddl_refuse(
                ddl, text->position, "keys follow dots, alternatives follow |: $.event.time|$.time",
                "the path does not go on like this: %.*s", (int)(text->end - text->at), text->at);
        }
        text->at++;
    }
    column->origin = WENDI_ORIGIN_JSON;
cleanup:
    return status;
}

static wend_status read_origin(wendi_ddl *ddl, path_text *text, int which, wendi_column *column)
{
    char have[40];
    char want[40];
    wend_status status = WEND_OK;
    wendi_type type = wendi_type_of(ORIGINS[which].kind);
    text->at += strlen(ORIGINS[which].word);
    column->origin = (uint8_t)ORIGINS[which].origin;
    if (ORIGINS[which].origin == WENDI_ORIGIN_HEADER) {
        WEND_TRY(wendi_ddl_memory(ddl, 1, sizeof *column->paths, &column->paths));
        WEND_TRY(read_keys(ddl, text, column->paths));
        column->path_count = 1;
        if (column->paths[0].key_count != 1) {
            return wendi_ddl_refuse(ddl, text->position,
                                    "a name with dots is quoted: $.headers.\"a.b\"",
                                    "a header has one name");
        }
    }
    skip_blanks(text);
    if (text->at != text->end) {
        return wendi_ddl_refuse(
            ddl, text->position,
            "take it into a column of its own and join them by GENERATED ALWAYS AS "
            "(coalesce(a, b)) STORED",
            "%s stands alone in a path", ORIGINS[which].word);
    }
    bool wider =
        ORIGINS[which].origin == WENDI_ORIGIN_PARTITION && column->type.kind == WENDI_TYPE_BIGINT;
    if (column->type.kind != type.kind && !wider) {
        return wendi_ddl_refuse(ddl, text->position, "convert it in a GENERATED column",
                                "%s is %s, not %s", ORIGINS[which].word,
                                wendi_type_name(type, want), wendi_type_name(column->type, have));
    }
cleanup:
    return status;
}

/* $topic and its kin: the index in ORIGINS, or -1. */
static int origin_of(const path_text *text)
{
    size_t left = (size_t)(text->end - text->at);
    for (int i = 0; i < (int)(sizeof ORIGINS / sizeof ORIGINS[0]); i++) {
        size_t length = strlen(ORIGINS[i].word);
        if (left >= length && memcmp(text->at, ORIGINS[i].word, length) == 0 &&
            (left == length || !is_name_byte(text->at[length]))) {
            return i;
        }
    }
    return -1;
}

wend_status wendi_ddl_path(wendi_ddl *ddl, wendi_string value, int32_t position,
                           wendi_column *column)
{
    path_text text = {value.data, value.data + value.length, position};
    column->path_count = 0;
    skip_blanks(&text);
    int origin = origin_of(&text);
    if (origin >= 0) {
        return read_origin(ddl, &text, origin, column);
    }
    if (text.end - text.at > 1 && text.at[0] == '$' && is_name_byte(text.at[1])) {
        return wendi_ddl_refuse(
            ddl, position,
            "a key follows a dot: $.key; Kafka gives $topic, $partition, $offset, $key, "
            "$timestamp and $headers.name",
            "there is no %.*s", (int)(text.end - text.at), text.at);
    }
    return read_json_paths(ddl, &text, column);
}

/* Keys of a name: its parts between dots. */
static uint32_t name_keys(wendi_string name, wendi_string *keys)
{
    uint32_t count = 0;
    uint32_t begin = 0;
    for (uint32_t i = 0; i <= name.length; i++) {
        if (i == name.length || name.data[i] == '.') {
            if (i == begin || count == KEYS_MAX) {
                return 0;
            }
            keys[count++] = (wendi_string){name.data + begin, i - begin};
            begin = i + 1;
        }
    }
    return count;
}

wend_status wendi_ddl_default_path(wendi_ddl *ddl, int32_t position, wendi_column *column)
{
    wendi_string keys[KEYS_MAX];
    wend_status status = WEND_OK;
    uint32_t count = name_keys(column->name, keys);
    if (count == 0) {
        return wendi_ddl_refuse(ddl, position, "say where its values are: OPTIONS (path '$.key')",
                                "the column's name gives no path into the JSON");
    }
    WEND_TRY(wendi_ddl_memory(ddl, 1, sizeof *column->paths, &column->paths));
    WEND_TRY(wendi_ddl_memory(ddl, count, sizeof *keys, &column->paths[0].keys));
    memcpy(column->paths[0].keys, keys,
           count * sizeof *keys); /* they lie in the name, which is the schema's */
    column->paths[0].key_count = count;
    column->path_count = 1;
cleanup:
    return status;
}

bool wendi_ddl_path_is_default(const wendi_column *column)
{
    wendi_string keys[KEYS_MAX];
    uint32_t count = name_keys(column->name, keys);
    if (column->origin != WENDI_ORIGIN_JSON || column->path_count != 1 ||
        column->paths[0].key_count != count) {
        return column->origin == WENDI_ORIGIN_GENERATED;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!wendi_string_equal(keys[i], column->paths[0].keys[i])) {
            return false;
        }
    }
    return true;
}

static wend_status write_key(wendi_string key, wendi_buffer *out)
{
    wend_status status = WEND_OK;
    bool bare = key.length > 0;
    for (uint32_t i = 0; i < key.length; i++) {
        bare = bare && is_name_byte(key.data[i]) && key.data[i] != '\\';
    }
    if (bare) {
        return wendi_buffer_append(out, key.data, key.length);
    }
    WEND_TRY(wendi_buffer_u8(out, '"'));
    for (uint32_t i = 0; i < key.length; i++) {
        if (key.data[i] == '"' || key.data[i] == '\\') {
            WEND_TRY(wendi_buffer_u8(out, '\\'));
        }
        WEND_TRY(wendi_buffer_u8(out, (uint8_t)key.data[i]));
    }
    WEND_TRY(wendi_buffer_u8(out, '"'));
cleanup:
    return status;
}

wend_status wendi_path_write(const wendi_path *path, wendi_buffer *out)
{
    wend_status status = WEND_OK;
    WEND_TRY(wendi_buffer_u8(out, '$'));
    for (uint32_t i = 0; i < path->key_count; i++) {
        WEND_TRY(wendi_buffer_u8(out, '.'));
        WEND_TRY(write_key(path->keys[i], out));
    }
cleanup:
    return status;
}
