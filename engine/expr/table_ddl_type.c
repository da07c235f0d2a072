/* What the names of types mean, and what to write instead of those that wend does not have. */
#include "engine/expr/table_ddl_internal.h"

typedef struct type_name {
    const char *name;
    wendi_type_kind kind;
} type_name;

static const type_name TYPES[] = {
    {"boolean", WENDI_TYPE_BOOLEAN},
    {"smallint", WENDI_TYPE_SMALLINT},
    {"integer", WENDI_TYPE_INTEGER},
    {"bigint", WENDI_TYPE_BIGINT},
    {"real", WENDI_TYPE_REAL},
    {"double precision", WENDI_TYPE_DOUBLE},
    {"numeric", WENDI_TYPE_NUMERIC},
    {"text", WENDI_TYPE_TEXT},
    {"varchar", WENDI_TYPE_TEXT},
    {"uuid", WENDI_TYPE_UUID},
    {"inet", WENDI_TYPE_INET},
    {"date", WENDI_TYPE_DATE},
    {"timestamptz", WENDI_TYPE_TIMESTAMPTZ},
    {"jsonb", WENDI_TYPE_JSONB},
    {"timestamp", WENDI_TYPE_TIMESTAMP},
    {"interval", WENDI_TYPE_INTERVAL},
};

/* Names from PostgreSQL and elsewhere, each with what to write. */
static const char *const INSTEAD[][2] = {
    {"timestamp", "timestamptz; for times without a zone add OPTIONS (timezone 'Europe/Berlin')"},
    {"datetime", "timestamptz; for times without a zone add OPTIONS (timezone 'Europe/Berlin')"},
    {"interval", "bigint or double precision, in seconds"},
    {"time", "text, or a timestamptz column"},
    {"timetz", "text, or a timestamptz column"},
    {"serial", "bigint, with a number that the events bring; $offset numbers Kafka's messages"},
    {"bigserial", "bigint, with a number that the events bring; $offset numbers Kafka's messages"},
    {"smallserial",
     "bigint, with a number that the events bring; $offset numbers Kafka's messages"},
    {"bytea", "text (for bytes in base64 or hex, as JSON carries them)"},
    {"json", "jsonb"},
    {"hstore", "jsonb"},
    {"xml", "text"},
    {"money", "numeric(18,2)"},
    {"char", "text or varchar(n)"},
    {"name", "text"},
    {"string", "text"},
    {"cidr", "inet, for single addresses, or text"},
    {"macaddr", "text"},
    {"point", "two columns of double precision"},
    {"double", "double precision"},
    {"tinyint", "smallint"},
    {"int1", "smallint"},
    {"int16", "smallint"},
    {"int32", "integer"},
    {"int64", "bigint"},
    {"long", "bigint"},
    {"uint8", "smallint"},
    {"uint16", "integer"},
    {"uint32", "bigint"},
    {"uint64", "numeric(18,0) or text: it may exceed bigint"},
    {"float32", "real"},
    {"float64", "double precision"},
    {"number", "bigint, double precision or numeric(p,s)"},
    {"map", "jsonb"},
    {"struct", "jsonb"},
    {"record", "jsonb"},
    {"object", "jsonb"},
    {"array", "jsonb"},
};

static const char *const KNOWN_NAMES[] = {"boolean", "smallint", "integer",     "bigint", "real",
                                          "numeric", "text",     "varchar",     "uuid",   "inet",
                                          "date",    "jsonb",    "timestamptz", NULL};

static wend_status refuse(const wendi_sql_type *type, wend_status status, wend_error *error,
                          const char *hint)
{
    wendi_fail_at(error, status, type->span.start, "there is no type %.*s%s",
                  WENDI_DDL_TEXT(type->name), type->array ? "[]" : "");
    if (hint != NULL) {
        wendi_error_hint(error, "write %s", hint);
    }
    return status;
}

static wend_status refuse_unknown(const wendi_sql_type *type, wend_error *error)
{
    for (size_t i = 0; i < sizeof INSTEAD / sizeof INSTEAD[0]; i++) {
        if (wendi_string_equal(type->name, wendi_string_of(INSTEAD[i][0]))) {
            return refuse(type, WEND_UNSUPPORTED, error, INSTEAD[i][1]);
        }
    }
    const char *near = wendi_ddl_suggest(type->name, KNOWN_NAMES);
    wend_status status = refuse(type, WEND_INVALID, error, near);
    if (near == NULL) {
        wendi_error_hint(error, "types are boolean, smallint, integer, bigint, real, double "
                                "precision, numeric(p,s), text, "
                                "varchar(n), uuid, inet, date, timestamptz and jsonb");
    }
    return status;
}

static wend_status numeric_digits(const wendi_sql_type *type, bool stored, wendi_type *out,
                                  wend_error *error)
{
    int32_t most = stored ? WENDI_NUMERIC_STORED_PRECISION_MAX : WENDI_NUMERIC_PRECISION_MAX;
    if (type->modifier_count == 0) {
        if (!stored) {
            return WEND_OK; /* as the value has it */
        }
        wendi_fail_at(error, WEND_INVALID, type->span.start, "a numeric column needs its digits");
        wendi_error_hint(
            error,
            "write numeric(18,s) with s digits behind the point, such as numeric(12,2) for money");
        return WEND_INVALID;
    }
    int32_t precision = type->modifiers[0];
    int32_t scale = type->modifier_count > 1 ? type->modifiers[1] : 0;
    if (precision < 1 || precision > most) {
        wendi_fail_at(error, WEND_INVALID, type->span.start, "numeric has 1 to %d digits%s, not %d",
                      most, stored ? " in a table" : "", precision);
        wendi_error_hint(error, stored ? "write numeric(18,s); beyond that double precision (about "
                                         "15 digits) or text keep the value"
                                       : "write numeric(38,s)");
        return WEND_INVALID;
    }
    if (scale < 0 || scale > precision) {
        wendi_fail_at(error, WEND_INVALID, type->span.start,
                      "the digits behind the point are 0 to %d here, not %d", precision, scale);
        wendi_error_hint(error,
                         "in numeric(p,s) p counts all digits: numeric(12,2) holds 9999999999.99");
        return WEND_INVALID;
    }
    out->precision = (uint8_t)precision;
    out->scale = (uint8_t)scale;
    return WEND_OK;
}

static wend_status varchar_length(const wendi_sql_type *type, wendi_type *out, wend_error *error)
{
    if (type->modifier_count > 0) {
        if (type->modifiers[0] < 1 || type->modifiers[0] > 10485760) {
            return wendi_fail_at(error, WEND_INVALID, type->span.start,
                                 "varchar(n) takes 1 to 10485760 characters, not %d",
                                 type->modifiers[0]);
        }
        out->length_max = (uint32_t)type->modifiers[0];
    }
    return WEND_OK;
}

static wend_status resolve(const wendi_sql_type *type, const type_name *known, bool stored,
                           wendi_type *out, wend_error *error)
{
    *out = wendi_type_of(known->kind);
    if (known->kind == WENDI_TYPE_NUMERIC) {
        return numeric_digits(type, stored, out, error);
    }
    if (strcmp(known->name, "varchar") == 0) {
        return varchar_length(type, out, error);
    }
    if (type->modifier_count > 0) {
        wendi_fail_at(error, WEND_INVALID, type->span.start, "%s takes no number in brackets",
                      known->name);
        wendi_error_hint(error, "%s",
                         known->kind == WENDI_TYPE_TEXT ? "write varchar(n)"
                         : known->kind == WENDI_TYPE_TIMESTAMPTZ
                             ? "times are kept to the microsecond: write timestamptz"
                             : "write the type alone");
        return WEND_INVALID;
    }
    return WEND_OK;
}

wend_status wendi_type_from_sql(const wendi_sql_type *type, bool stored, wendi_type *type_out,
                                wend_error *error)
{
    if (type->array) {
        return refuse(type, WEND_UNSUPPORTED, error, "jsonb, which keeps an array as it came");
    }
    for (size_t i = 0; i < sizeof TYPES / sizeof TYPES[0]; i++) {
        bool transient =
            TYPES[i].kind == WENDI_TYPE_TIMESTAMP || TYPES[i].kind == WENDI_TYPE_INTERVAL;
        if (wendi_string_equal(type->name, wendi_string_of(TYPES[i].name)) &&
            !(stored && transient)) {
            return resolve(type, &TYPES[i], stored, type_out, error);
        }
    }
    return refuse_unknown(type, error);
}
