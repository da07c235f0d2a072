/* Facts about types that need no value: how each is held, compared for equality and called in SQL. */
#include "engine/column/type.h"

#include <assert.h>
#include <stdio.h>

enum { TYPE_NAME_BYTES = 40 };

wendi_physical wendi_type_physical(wendi_type type)
{
    switch ((wendi_type_kind)type.kind) {
    case WENDI_TYPE_REAL:
    case WENDI_TYPE_DOUBLE:
        return WENDI_PHYSICAL_F64;
    case WENDI_TYPE_NUMERIC:
        return type.precision > WENDI_NUMERIC_STORED_PRECISION_MAX ? WENDI_PHYSICAL_B16 : WENDI_PHYSICAL_I64;
    case WENDI_TYPE_UUID:
    case WENDI_TYPE_INET:
    case WENDI_TYPE_INTERVAL:
        return WENDI_PHYSICAL_B16;
    case WENDI_TYPE_TEXT:
    case WENDI_TYPE_JSONB:
        return WENDI_PHYSICAL_STRING;
    case WENDI_TYPE_NULL:
    case WENDI_TYPE_BOOLEAN:
    case WENDI_TYPE_SMALLINT:
    case WENDI_TYPE_INTEGER:
    case WENDI_TYPE_BIGINT:
    case WENDI_TYPE_DATE:
    case WENDI_TYPE_TIMESTAMPTZ:
    case WENDI_TYPE_TIMESTAMP:
        break;
    }
    return WENDI_PHYSICAL_I64;
}

bool wendi_type_equal(wendi_type a, wendi_type b)
{
    return a.kind == b.kind && a.precision == b.precision && a.scale == b.scale && a.length_max == b.length_max;
}

bool wendi_type_is_number(wendi_type type)
{
    return type.kind >= WENDI_TYPE_SMALLINT && type.kind <= WENDI_TYPE_NUMERIC;
}

bool wendi_type_is_integer(wendi_type type)
{
    return type.kind >= WENDI_TYPE_SMALLINT && type.kind <= WENDI_TYPE_BIGINT;
}

const char *wendi_type_name(wendi_type type, char *text)
{
    static const char *const names[WENDI_TYPE_KIND_COUNT] = {
        "unknown", "boolean", "smallint", "integer", "bigint", "real",        "double precision", "numeric",
        "text",    "uuid",    "inet",     "date",    "timestamptz", "jsonb", "timestamp",        "interval"};

    assert(type.kind < WENDI_TYPE_KIND_COUNT);
    if (type.kind == WENDI_TYPE_NUMERIC && type.precision != 0) {
        snprintf(text, TYPE_NAME_BYTES, "numeric(%u,%u)", (unsigned)type.precision, (unsigned)type.scale);
    } else if (type.kind == WENDI_TYPE_TEXT && type.length_max != 0) {
        snprintf(text, TYPE_NAME_BYTES, "varchar(%u)", (unsigned)type.length_max);
    } else {
        snprintf(text, TYPE_NAME_BYTES, "%s", names[type.kind]);
    }
    return text;
}
