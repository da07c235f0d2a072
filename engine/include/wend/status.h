/**
 * Status values and the error record that every call of the library reports with.
 *
 * A status says what kind of thing went wrong and so what a program can do about it; the error
 * record says to a person what, where, why and what to do. Nothing is thrown, printed or aborted.
 */
#ifndef WEND_STATUS_H
#define WEND_STATUS_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define WEND_API __attribute__((visibility("default")))
#define WEND_MUST_USE __attribute__((warn_unused_result))
#define WEND_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define WEND_API
#define WEND_MUST_USE
#define WEND_PRINTF(text, first)
#endif

typedef enum wend_status {
    WEND_OK = 0,
    WEND_END,         /* no more rows, bytes or messages: not a fault */
    WEND_INVALID,     /* what the caller asked for or passed is wrong: SQL, DDL, options, arguments */
    WEND_NOT_FOUND,   /* the table, column, file or function does not exist */
    WEND_EXISTS,      /* it is there already */
    WEND_BUSY,        /* another process holds the table's lock */
    WEND_FENCED,      /* we were the writer and another took over: stop writing */
    WEND_CONFLICT,    /* the offsets or the cluster do not continue what the table holds */
    WEND_CORRUPT,     /* stored bytes fail a checksum or a bound: damaged data */
    WEND_IO,          /* the operating system refused a read, write, sync or rename */
    WEND_KAFKA,       /* the broker or the client library reported a fault */
    WEND_NOMEM,       /* memory was refused, or a stated limit of memory was met */
    WEND_UNSUPPORTED, /* valid, but this version does not do it */
    WEND_CANCELLED    /* the caller asked to stop */
} wend_status;

#define WEND_ERROR_MESSAGE_BYTES 1024
#define WEND_ERROR_HINT_BYTES 512

/**
 * What went wrong, for a person. The caller owns it; a call fills it only when it fails.
 * Every call accepts NULL. Text is NUL-terminated UTF-8 and cut to fit.
 */
typedef struct wend_error {
    wend_status status;
    int32_t position; /* byte offset into the SQL text the call was given, -1 when none applies */
    char message[WEND_ERROR_MESSAGE_BYTES]; /* what and where, one line */
    char hint[WEND_ERROR_HINT_BYTES];       /* what to do instead; may be empty */
} wend_error;

/** A short constant name of a status, such as "corrupt"; never NULL. */
WEND_API const char *wend_status_name(wend_status status);

#endif
