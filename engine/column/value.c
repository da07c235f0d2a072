/* Comparing and hashing single values. The hash is part of the stored order. */
#include "engine/column/value.h"

#include <math.h>

#include "engine/base/hash.h"

static const uint8_t ipv4_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static int compare_f64(double a, double b)
{
    if (isnan(a) || isnan(b)) {
        return isnan(a) - isnan(b) == 0 ? 0 : isnan(a) ? 1 : -1;
    }
    return (a > b) - (a < b);
}

static int compare_i128(wendi_int128 a, wendi_int128 b)
{
    return (a > b) - (a < b);
}

static int sign_of(int order)
{
    return (order > 0) - (order < 0);
}

static int compare_inet(const wendi_b16 *a, const wendi_b16 *b)
{
    bool is_ipv6_a = memcmp(a, ipv4_prefix, sizeof ipv4_prefix) != 0;
    bool is_ipv6_b = memcmp(b, ipv4_prefix, sizeof ipv4_prefix) != 0;
    return is_ipv6_a != is_ipv6_b ? is_ipv6_a - is_ipv6_b : sign_of(memcmp(a, b, sizeof *a));
}

static int compare_b16(const wendi_value *a, const wendi_value *b)
{
    switch ((wendi_type_kind)a->type.kind) {
    case WENDI_TYPE_INTERVAL:
        return compare_i128(wendi_interval_us(a->interval), wendi_interval_us(b->interval));
    case WENDI_TYPE_NUMERIC:
        return compare_i128(a->i128, b->i128);
    case WENDI_TYPE_INET:
        return compare_inet(&a->b16, &b->b16);
    default:
        return sign_of(memcmp(&a->b16, &b->b16, sizeof a->b16));
    }
}

int wendi_value_compare(const wendi_value *a, const wendi_value *b)
{
    switch (wendi_type_physical(a->type)) {
    case WENDI_PHYSICAL_I64:
        return (a->i64 > b->i64) - (a->i64 < b->i64);
    case WENDI_PHYSICAL_F64:
        return compare_f64(a->f64, b->f64);
    case WENDI_PHYSICAL_B16:
        return compare_b16(a, b);
    case WENDI_PHYSICAL_STRING:
        break;
    }
    return sign_of(wendi_string_compare(a->string, b->string));
}

uint64_t wendi_value_hash(const wendi_value *value)
{
    uint8_t bytes[sizeof(wendi_b16)];
    uint64_t word;
    switch (wendi_type_physical(value->type)) {
    case WENDI_PHYSICAL_I64:
        wendi_store_u64(bytes, (uint64_t)value->i64);
        return wendi_hash64(bytes, sizeof word);
    case WENDI_PHYSICAL_F64: {
        /* Equal values hash alike: one zero, one NaN. */
        double number = value->f64 == 0 ? 0 : isnan(value->f64) ? (double)NAN : value->f64;
        memcpy(&word, &number, sizeof word);
        wendi_store_u64(bytes, word);
        return wendi_hash64(bytes, sizeof word);
    }
    case WENDI_PHYSICAL_B16:
        return wendi_hash64(&value->b16, sizeof value->b16);
    case WENDI_PHYSICAL_STRING:
        break;
    }
    return wendi_hash64(value->string.data, value->string.length);
}
