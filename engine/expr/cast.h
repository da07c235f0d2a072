/** Casts from text, shared by literals at binding and columns at run time. */
#ifndef WENDI_EXPR_CAST_H
#define WENDI_EXPR_CAST_H

#include "engine/column/value.h"
#include "engine/expr/function.h"

/** The value of `text` as `type`, spaces around it allowed; strings are borrowed. A `*reason` may be NULL. */
wend_status wendi_cast_text(wendi_type type, wendi_string text, const wendi_timezone *zone, wendi_value *value,
                            const char **reason);
/** PostgreSQL's sentence for a refusal. */
void wendi_cast_text_message(wendi_type type, wendi_string text, const char *reason, char *message, size_t bytes);
/** Text into varchar(n) of a column: refused when too long, where an explicit cast cuts. */
const wendi_function *wendi_cast_assigned_text(void);

#endif
