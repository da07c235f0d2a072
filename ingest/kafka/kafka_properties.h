/**
 * Settings for librdkafka as people write them: `-X key=value` and `-F kafka.properties`.
 *
 * `${NAME}` is replaced by the environment variable NAME (unset: an error); `\${` is a literal
 * `${`. Later settings of a key replace earlier ones. Values of keys that hold secrets (passwords,
 * private keys, tokens) are never printed, neither by wendi_kafka_properties_show() nor in errors.
 */
#ifndef WENDI_KAFKA_PROPERTIES_H
#define WENDI_KAFKA_PROPERTIES_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/base/bytes.h"

typedef struct wendi_kafka_property {
    char *key;
    char *value;
} wendi_kafka_property;

/** Zero-filled is a valid empty set. It owns its entries. One thread at a time. */
typedef struct wendi_kafka_properties {
    wendi_kafka_property *entries;
    uint32_t count;
    uint32_t capacity;
} wendi_kafka_properties;

/** Take one "key=value". WEND_INVALID: no '=', empty key, unset variable; WEND_NOMEM. */
wend_status wendi_kafka_properties_add(wendi_kafka_properties *properties, const char *text,
                                       wend_error *error) WEND_MUST_USE;
/** Take key and value as they are: no expansion. */
wend_status wendi_kafka_properties_set(wendi_kafka_properties *properties, const char *key,
                                       const char *value, wend_error *error) WEND_MUST_USE;
/**
 * Read a file of `key=value` lines; blank lines and lines that begin with '#' or '!' are skipped.
 * WEND_NOT_FOUND, WEND_IO, WEND_INVALID (file and line named), WEND_NOMEM.
 */
wend_status wendi_kafka_properties_read(wendi_kafka_properties *properties, const char *path,
                                        wend_error *error) WEND_MUST_USE;
/** The value of `key`, or NULL. Borrowed until the set changes. */
const char *wendi_kafka_properties_get(const wendi_kafka_properties *properties, const char *key);
/** Whether values of `key` must not be shown. */
bool wendi_kafka_property_is_secret(const char *key);
/** Append "key=value\n" for each entry, "******" for the value of a secret. */
wend_status wendi_kafka_properties_show(const wendi_kafka_properties *properties,
                                        wendi_buffer *out);
void wendi_kafka_properties_free(wendi_kafka_properties *properties);

#endif
