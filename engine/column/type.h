/**
 * The types of SQL values, and how each is held in memory.
 *
 * There are many types but only four ways to hold one, so that operators are written four times
 * and not fifteen: a 64-bit integer, a double, sixteen bytes, or a string. What an integer means
 * (days, microseconds, a scaled decimal) is the type's business.
 */
#ifndef WENDI_COLUMN_TYPE_H
#define WENDI_COLUMN_TYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum wendi_type_kind { /* stored in segments and commits: never renumber */
    WENDI_TYPE_NULL = 0,   /* the type of a bare NULL before it meets another type */
    WENDI_TYPE_BOOLEAN = 1,
    WENDI_TYPE_SMALLINT = 2,
    WENDI_TYPE_INTEGER = 3,
    WENDI_TYPE_BIGINT = 4,
    WENDI_TYPE_REAL = 5,
    WENDI_TYPE_DOUBLE = 6,
    WENDI_TYPE_NUMERIC = 7,     /* int64 scaled by 10^scale when precision <= 18, else 128-bit */
    WENDI_TYPE_TEXT = 8,        /* text and varchar(n) */
    WENDI_TYPE_UUID = 9,        /* 16 bytes, big-endian as written */
    WENDI_TYPE_INET = 10,       /* 16 bytes + prefix: see wendi_inet in value.h */
    WENDI_TYPE_DATE = 11,       /* days since 1970-01-01 */
    WENDI_TYPE_TIMESTAMPTZ = 12, /* microseconds since 1970-01-01 00:00 UTC */
    WENDI_TYPE_JSONB = 13,      /* text of a valid JSON value, kept as it was written */
    WENDI_TYPE_TIMESTAMP = 14,  /* microseconds of a wall clock; expressions only */
    WENDI_TYPE_INTERVAL = 15    /* months, days, microseconds; expressions only */
} wendi_type_kind;

enum { WENDI_TYPE_KIND_COUNT = 16, WENDI_NUMERIC_STORED_PRECISION_MAX = 18, WENDI_NUMERIC_PRECISION_MAX = 38 };

typedef enum wendi_physical {
    WENDI_PHYSICAL_I64,    /* boolean (0/1), integers, date, timestamps, numeric with precision <= 18 */
    WENDI_PHYSICAL_F64,    /* real (rounded to float precision), double */
    WENDI_PHYSICAL_B16,    /* uuid, inet, interval, numeric with precision > 18 (wendi_int128) */
    WENDI_PHYSICAL_STRING  /* text, jsonb */
} wendi_physical;

typedef struct wendi_type {
    uint8_t kind;        /* wendi_type_kind */
    uint8_t precision;   /* numeric: digits in all, 1..38 */
    uint8_t scale;       /* numeric: digits behind the point, <= precision */
    uint8_t hash_of;     /* bigint: the kind whose values it has the hashes of (hash64 in SQL); else 0. No part of equality */
    uint32_t length_max; /* varchar(n): characters (code points); 0: no limit */
} wendi_type;

/** Sixteen bytes of anything, moved as a whole. */
typedef struct wendi_b16 {
    uint64_t word[2];
} wendi_b16;

/** PostgreSQL's interval: three parts that are added in turn (months, then days, then microseconds). */
typedef struct wendi_interval {
    int32_t months;
    int32_t days;
    int64_t microseconds;
} wendi_interval;

_Static_assert(sizeof(wendi_interval) == sizeof(wendi_b16), "an interval is held as sixteen bytes");

__extension__ typedef __int128 wendi_int128;
__extension__ typedef unsigned __int128 wendi_uint128;

wendi_physical wendi_type_physical(wendi_type type);
bool wendi_type_equal(wendi_type a, wendi_type b);
bool wendi_type_is_number(wendi_type type);   /* smallint … double, numeric */
bool wendi_type_is_integer(wendi_type type);  /* smallint, integer, bigint */
/** The SQL name, such as "numeric(12,2)", into `text` (at least 40 bytes); returns `text`. */
const char *wendi_type_name(wendi_type type, char *text);

static inline wendi_type wendi_type_of(wendi_type_kind kind)
{
    return (wendi_type){.kind = (uint8_t)kind};
}

#endif
