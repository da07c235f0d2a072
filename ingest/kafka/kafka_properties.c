/*
 * Parsing of librdkafka settings. Knows nothing of which settings exist: librdkafka judges them
 * when a client is opened (kafka_client.c). Errors name keys, files and lines, never values.
 */
#include "ingest/kafka/kafka_properties.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/alloc.h"

enum { FILE_BYTES_MAX = 1 << 20 };

static wendi_kafka_property *find(const wendi_kafka_properties *properties, const char *key)
{
    for (uint32_t k = 0; k < properties->count; k++) {
        if (strcmp(properties->entries[k].key, key) == 0) {
            return &properties->entries[k];
        }
    }
    return NULL;
}

const char *wendi_kafka_properties_get(const wendi_kafka_properties *properties, const char *key)
{
    const wendi_kafka_property *entry = find(properties, key);
    return entry == NULL ? NULL : entry->value;
}

/* What librdkafka documents as sensitive, and every name that sounds like it. */
bool wendi_kafka_property_is_secret(const char *key)
{
    static const char *const signs[] = {
        "password", "secret", "token", "jaas", "key.pem", "oauthbearer.config", "credential"};
    for (size_t k = 0; k < sizeof signs / sizeof *signs; k++) {
        if (strstr(key, signs[k]) != NULL) {
            return true;
        }
    }
    return false;
}

/* Overwrites, so that a freed secret does not lie about in the heap. */
static void forget(char *text)
{
    if (text != NULL) {
        volatile char *at = text;
        for (size_t k = strlen(text); k > 0; k--) {
            *at++ = 0;
        }
        wendi_free(text);
    }
}

wend_status wendi_kafka_properties_set(wendi_kafka_properties *properties, const char *key,
                                       const char *value, wend_error *error)
{
    char *copy = wendi_strdup(value);
    wendi_kafka_property *entry = find(properties, key);
    char *name = entry == NULL ? wendi_strdup(key) : NULL;

    if (copy == NULL || (entry == NULL && name == NULL)) {
        goto refused;
    }
    if (entry != NULL) {
        forget(entry->value);
        entry->value = copy;
        return WEND_OK;
    }
    if (properties->count == properties->capacity) {
        uint32_t capacity = properties->capacity == 0 ? 8 : properties->capacity * 2;
        wendi_kafka_property *grown = wendi_realloc(properties->entries, capacity * sizeof *grown);
        if (grown == NULL) {
            goto refused;
        }
        properties->entries = grown;
        properties->capacity = capacity;
    }
    properties->entries[properties->count++] = (wendi_kafka_property){name, copy};
    return WEND_OK;
refused:
    forget(copy);
    wendi_free(name);
    return wendi_fail_nomem(error, "Kafka settings", strlen(key) + strlen(value));
}

/* Append the value of the variable whose name follows "${" at *at; leaves *at behind its '}'. */
static wend_status expand_variable(wendi_buffer *out, const char **at, const char *end,
                                   const char *key, wend_error *error)
{
    char name[128];
    const char *first = *at + 2;
    const char *close = memchr(first, '}', (size_t)(end - first));

    if (close == NULL || close == first || (size_t)(close - first) >= sizeof name) {
        wendi_fail(error, WEND_INVALID,
                   "Kafka setting %s: '${' without the name of a variable and '}'", key);
        wendi_error_hint(error, "write \\${ for a literal ${");
        return WEND_INVALID;
    }
    memcpy(name, first, (size_t)(close - first));
    name[close - first] = 0;
    const char *value = getenv(name);
    if (value == NULL) {
        wendi_fail(error, WEND_INVALID, "Kafka setting %s: the environment variable %s is not set",
                   key, name);
        wendi_error_hint(error, "export %s, or write \\${ for a literal ${", name);
        return WEND_INVALID;
    }
    *at = close + 1;
    return wendi_buffer_append(out, value, strlen(value));
}

static wend_status expand(wendi_buffer *out, const char *at, const char *end, const char *key,
                          wend_error *error)
{
    wend_status status = WEND_OK;
    while (at < end && status == WEND_OK) {
        if (end - at >= 3 && memcmp(at, "\\${", 3) == 0) {
            status = wendi_buffer_append(out, "${", 2);
            at += 3;
        } else if (end - at >= 2 && at[0] == '$' && at[1] == '{') {
            status = expand_variable(out, &at, end, key, error);
        } else {
            status = wendi_buffer_u8(out, (uint8_t)*at++);
        }
    }
    return status;
}

/* Take the text [at, end) as key=value, blanks around both dropped. */
static wend_status add_text(wendi_kafka_properties *properties, const char *at, const char *end,
                            wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_buffer value = {0};
    char key[256];
    const char *equals = memchr(at, '=', (size_t)(end - at));
    const char *key_end = equals;

    if (equals == NULL) {
        wendi_fail(error, WEND_INVALID, "a Kafka setting has no '='");
        wendi_error_hint(error, "write key=value, for example security.protocol=sasl_ssl");
        return WEND_INVALID;
    }
    while (at < key_end && isspace((unsigned char)*at)) {
        at++;
    }
    while (key_end > at && isspace((unsigned char)key_end[-1])) {
        key_end--;
    }
    if (key_end == at || (size_t)(key_end - at) >= sizeof key) {
        return wendi_fail(error, WEND_INVALID, "a Kafka setting has no name before '='");
    }
    memcpy(key, at, (size_t)(key_end - at));
    key[key_end - at] = 0;
    for (at = equals + 1; at < end && isspace((unsigned char)*at); at++) {
    }
    while (end > at && isspace((unsigned char)end[-1])) {
        end--;
    }
    WEND_TRY(expand(&value, at, end, key, error));
    WEND_TRY(wendi_buffer_u8(&value, 0));
    WEND_TRY(wendi_kafka_properties_set(properties, key, (const char *)value.data, error));
cleanup:
    if (value.data != NULL) {
        value.data[value.length > 0 ? value.length - 1 : 0] = 0;
        memset(value.data, 0, value.length);
    }
    wendi_buffer_free(&value);
    return status;
}

wend_status wendi_kafka_properties_add(wendi_kafka_properties *properties, const char *text,
                                       wend_error *error)
{
    return add_text(properties, text, text + strlen(text), error);
}

static wend_status parse_file(wendi_kafka_properties *properties, const char *path,
                              const char *text, size_t length, wend_error *error)
{
    const char *at = text, *end = text + length;
    for (int line = 1; at < end; line++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *line_end = newline == NULL ? end : newline;
        const char *first = at;
        while (first < line_end && isspace((unsigned char)*first)) {
            first++;
        }
        if (first < line_end && *first != '#' && *first != '!') {
            wend_status status = WEND_OK;
            if (memchr(first, 0, (size_t)(line_end - first)) != NULL) {
                status = wendi_fail(error, WEND_INVALID, "a Kafka setting holds a NUL byte");
            } else {
                status = add_text(properties, first, line_end, error);
            }
            if (status != WEND_OK) {
                wendi_error_context(error, "%s:%d", path, line);
                return status;
            }
        }
        at = line_end + 1;
    }
    return WEND_OK;
}

wend_status wendi_kafka_properties_read(wendi_kafka_properties *properties, const char *path,
                                        wend_error *error)
{
    wend_status status = WEND_OK;
    FILE *file = fopen(path, "re");
    char *text = NULL;

    if (file == NULL) {
        return wendi_fail(error, errno == ENOENT ? WEND_NOT_FOUND : WEND_IO,
                          "cannot open the Kafka settings %s: %s", path, strerror(errno));
    }
    text = wendi_alloc(FILE_BYTES_MAX + 1);
    if (text == NULL) {
        status = wendi_fail_nomem(error, "Kafka settings", FILE_BYTES_MAX);
        goto cleanup;
    }
    size_t length = fread(text, 1, FILE_BYTES_MAX + 1, file);
    if (ferror(file)) {
        status = wendi_fail(error, WEND_IO, "cannot read the Kafka settings %s: %s", path,
                            strerror(errno));
        goto cleanup;
    }
    if (length > FILE_BYTES_MAX) {
        status =
            wendi_fail(error, WEND_INVALID, "the Kafka settings %s are larger than 1 MiB", path);
        goto cleanup;
    }
    status = parse_file(properties, path, text, length, error);
    memset(text, 0, length);
cleanup:
    wendi_free(text);
    fclose(file);
    return status;
}

wend_status wendi_kafka_properties_show(const wendi_kafka_properties *properties, wendi_buffer *out)
{
    for (uint32_t k = 0; k < properties->count; k++) {
        const wendi_kafka_property *entry = &properties->entries[k];
        const char *shown = wendi_kafka_property_is_secret(entry->key) ? "******" : entry->value;
        wend_status status = wendi_buffer_printf(out, "%s=%s\n", entry->key, shown);
        if (status != WEND_OK) {
            return status;
        }
    }
    return WEND_OK;
}

void wendi_kafka_properties_free(wendi_kafka_properties *properties)
{
    for (uint32_t k = 0; k < properties->count; k++) {
        wendi_free(properties->entries[k].key);
        forget(properties->entries[k].value);
    }
    wendi_free(properties->entries);
    *properties = (wendi_kafka_properties){0};
}
