/** What the files behind wend/wend.h share. */
#ifndef WENDI_API_API_INTERNAL_H
#define WENDI_API_API_INTERNAL_H

#include "engine/base/bytes.h"
#include "wend/wend.h"

/** A store is only a place: tables are opened by whoever needs them. Immutable once open. */
struct wend_store {
    char *path;
};

/** WEND_INVALID naming `what` when `value` is NULL. */
wend_status wendi_api_argument(const void *value, const char *what, wend_error *error);
/** A heap copy with a NUL. */
char *wendi_api_copy(wendi_string text);

#endif
