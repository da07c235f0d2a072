/**
 * Judging JSON texts (RFC 8259) without keeping anything of them.
 *
 * Iterative, nested at most 64 deep, strict UTF-8, no byte order mark, no lone surrogates in \u
 * escapes, exactly one value. The decoder skips what no column takes with the same functions.
 */
#ifndef WENDI_INGEST_JSON_VALIDATE_H
#define WENDI_INGEST_JSON_VALIDATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WENDI_JSON_DEPTH_MAX = 64 };

/** What is wrong with a text; the names are stable, since rejects and scripts quote them. */
typedef enum wendi_json_fault {
    WENDI_JSON_GOOD = 0,
    WENDI_JSON_TRUNCATED,    /* the text ends inside a value */
    WENDI_JSON_UNEXPECTED,   /* a byte that cannot stand here */
    WENDI_JSON_TRAILING,     /* bytes behind the value, such as a second document */
    WENDI_JSON_BOM,          /* begins with a byte order mark */
    WENDI_JSON_DEPTH,        /* nested deeper than 64 */
    WENDI_JSON_UTF8,         /* bytes that are not UTF-8 */
    WENDI_JSON_SURROGATE,    /* \ud800 … without its other half */
    WENDI_JSON_CONTROL,      /* a raw control character in a string */
    WENDI_JSON_ESCAPE,       /* a backslash that escapes nothing known */
    WENDI_JSON_NUMBER,       /* not a JSON number: leading zero, bare point, plus sign */
    WENDI_JSON_EMPTY         /* nothing but blanks */
} wendi_json_fault;

/** "ends inside a value" … */
const char *wendi_json_fault_text(wendi_json_fault fault);

/**
 * Judge one document of any kind. 64 bytes behind `length` must be readable (their content does not
 * matter). `*position` (may be NULL) is the byte at fault.
 */
wendi_json_fault wendi_json_validate(const char *text, size_t length, size_t *position);

#endif
