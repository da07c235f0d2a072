/** What the files behind wend/wend.h share. */
#ifndef WENDI_API_API_INTERNAL_H
#define WENDI_API_API_INTERNAL_H

#include "engine/base/bytes.h"
#include "engine/table/open_tables.h"
#include "wend/wend.h"

/** A place and the tables that queries opened there; whoever writes opens its table for itself. */
struct wend_store {
    char *path;
    wendi_open_tables *open_tables; /* for queries */
};

/** WEND_INVALID naming `what` when `value` is NULL. */
wend_status wendi_api_argument(const void *value, const char *what, wend_error *error);
/** A heap copy with a NUL. */
char *wendi_api_copy(wendi_string text);

#endif
