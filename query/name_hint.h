/** "Do you mean …?": the nearest of the names that there are to one that there is not. */
#ifndef WENDI_QUERY_NAME_HINT_H
#define WENDI_QUERY_NAME_HINT_H

#include "engine/base/bytes.h"
#include "engine/base/status.h"
#include "engine/column/schema.h"

typedef struct wendi_name_hint {
    wendi_string wanted;  /* set by the caller, the rest zero */
    wendi_string nearest; /* borrowed from what was offered; length 0: none is near */
    uint32_t edits;       /* between the two */
} wendi_name_hint;

/** Consider one more name. Cost: the product of the two lengths. */
void wendi_name_hint_offer(wendi_name_hint *hint, wendi_string name);
/** Give the error (may be NULL) a hint when a name was near enough. */
void wendi_name_hint_tell(const wendi_name_hint *hint, wend_error *error);
/** The column that the table knows but does not store (event_id = 'drop'): fills the error; else WEND_OK. */
wend_status wendi_name_dropped(const wendi_schema *schema, wendi_string name, int32_t position,
                               wend_error *error);

#endif
