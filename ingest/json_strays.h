/**
 * Keys of the row at hand that are not learnt, so that a second one of them is noticed.
 *
 * A hash set, emptied by the next row's number instead of by clearing. Two
 * different keys count as equal only if 128 bits of hash agree, so no bytes are kept.
 */
#ifndef WENDI_INGEST_JSON_STRAYS_H
#define WENDI_INGEST_JSON_STRAYS_H

#include <stdbool.h>

#include "engine/base/bytes.h"
#include "engine/base/hash.h"

typedef struct wendi_json_stray {
    wendi_hash128 hash;
    uint32_t stamp; /* row; any other than the current one: free */
    uint32_t node;
} wendi_json_stray;

/** Zero-filled is a valid empty one. */
typedef struct wendi_json_strays {
    wendi_json_stray *slots;
    uint32_t slot_count; /* a power of two, or 0 */
    uint32_t used;
    uint32_t stamp;
} wendi_json_strays;

/** Add the key of an object of row `stamp`; `*seen` says whether that row had it there. WEND_NOMEM. */
wend_status wendi_json_strays_add(wendi_json_strays *strays, uint32_t node, uint32_t stamp, wendi_string key, bool *seen);
void wendi_json_strays_reset(wendi_json_strays *strays);
void wendi_json_strays_free(wendi_json_strays *strays);

#endif
