/**
 * Reporting errors inside the engine: fill the record once, where the fault is known best, and
 * let the status travel up. A layer above may add its own place with wendi_error_context().
 */
#ifndef WENDI_BASE_STATUS_H
#define WENDI_BASE_STATUS_H

#include "wend/status.h"

/**
 * Fill `error` (may be NULL) with a message and return `status`, so that a caller writes
 * `return wendi_fail(error, WEND_IO, "cannot open %s: %s", path, strerror(errno));`.
 * Position becomes -1 and the hint empty.
 */
wend_status wendi_fail(wend_error *error, wend_status status, const char *format, ...) WEND_PRINTF(3, 4);

/** As wendi_fail(), with the byte position in the SQL text that is at fault. */
wend_status wendi_fail_at(wend_error *error, wend_status status, int32_t position, const char *format, ...) WEND_PRINTF(4, 5);

/** Set the hint ("write … instead") of an error already filled. NULL is accepted. */
void wendi_error_hint(wend_error *error, const char *format, ...) WEND_PRINTF(2, 3);

/** Put "context: " before the message of an error already filled. NULL is accepted. */
void wendi_error_context(wend_error *error, const char *format, ...) WEND_PRINTF(2, 3);

/** WEND_NOMEM with a plain message naming `what` and the bytes asked for. */
wend_status wendi_fail_nomem(wend_error *error, const char *what, size_t bytes);

/** Run a call; on anything but WEND_OK keep its status in the local `status` and go to `cleanup`. */
#define WEND_TRY(call)              \
    do {                            \
        status = (call);            \
        if (status != WEND_OK) {    \
            goto cleanup;           \
        }                           \
    } while (0)

/** An invariant whose breach would corrupt stored data: checked in release too, ends the process. */
#define WEND_REQUIRE(condition) \
    ((condition) ? (void)0 : wendi_require_failed(#condition, __FILE__, __LINE__))
void wendi_require_failed(const char *condition, const char *file, int line) __attribute__((noreturn));

#endif
