/*
 * Encoding doubles: as decimals where they were decimals, else as their bits.
 *
 * After ALP (Afroozeh, Kuffo, Boncz: "ALP: Adaptive Lossless floating-Point Compression", 2023), but
 * with a division on decoding: integer / 10^e is correctly rounded, so every double that was written
 * as a decimal of at most 15 digits comes back exactly, without a search for a second factor.
 * What does not (NaN, -0.0, sums of prices) is kept apart bit by bit.
 */
#include "format/page.h"

#include <math.h>

enum { EXPONENT_MAX = 15, SAMPLE = 256, EXCEPTION_SHARE = 16 };

static const double powers[EXPONENT_MAX + 1] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};

static bool to_decimal(double value, double power, bool real, int64_t *integer)
{
    double scaled = value * power;
    if (!(fabs(scaled) < 9007199254740992.0)) {
        return false; /* beyond 2^53, or NaN */
    }
    *integer = (int64_t)(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
    double back = (double)*integer / power;
    if (real) {
        back = (double)(float)back;
    }
    return memcmp(&back, &value, sizeof back) == 0;
}

/* The smallest exponent with the fewest failures among values spread over the page. */
static unsigned choose_exponent(const double *values, uint32_t count, bool real)
{
    uint32_t step = count / SAMPLE + 1;
    uint32_t fewest = UINT32_MAX;
    unsigned best = 0;
    for (unsigned exponent = 0; exponent <= EXPONENT_MAX; exponent++) {
        uint32_t failures = 0;
        int64_t integer;
        for (uint32_t i = 0; i < count; i += step) {
            failures += !to_decimal(values[i], powers[exponent], real, &integer);
        }
        if (failures < fewest) {
            fewest = failures;
            best = exponent;
        }
    }
    return best;
}

/* Integers of all values; exceptions get their neighbour's, which packs well, and a bit in `failed`. */
static uint32_t convert(const double *values, uint32_t count, bool real, double power, int64_t *integers,
                        uint8_t *failed)
{
    uint32_t failures = 0;
    int64_t last = 0;
    memset(failed, 0, count);
    for (uint32_t i = 0; i < count; i++) {
        if (to_decimal(values[i], power, real, &integers[i])) {
            last = integers[i];
        } else {
            integers[i] = last;
            failed[i] = 1;
            failures++;
        }
    }
    return failures;
}

static wend_status append_exceptions(wendi_buffer *out, const double *values, uint32_t count, const uint8_t *failed,
                                     uint32_t failures)
{
    wend_status status = WEND_OK;
    size_t begin;
    WEND_TRY(wendi_buffer_u32(out, failures));
    WEND_TRY(wendi_buffer_u32(out, 0));
    begin = out->length;
    size_t positions_bytes = ((size_t)failures * 2 + 7) / 8 * 8;
    WEND_TRY(wendi_buffer_append_zero(out, positions_bytes + (size_t)failures * 8));
    uint8_t *position = out->data + begin;
    uint8_t *value = position + positions_bytes;
    for (uint32_t i = 0; i < count; i++) {
        if (failed[i] != 0) {
            uint64_t bits;
            memcpy(&bits, &values[i], sizeof bits);
            wendi_store_u16(position, (uint16_t)i);
            wendi_store_u64(value, bits);
            position += 2;
            value += 8;
        }
    }
cleanup:
    return status;
}

static void take_bits(const double *values, uint32_t count, bool real, int64_t *integers)
{
    for (uint32_t i = 0; i < count; i++) {
        if (real) {
            float narrow = (float)values[i];
            uint32_t bits;
            memcpy(&bits, &narrow, sizeof bits);
            integers[i] = (int64_t)bits;
        } else {
            memcpy(&integers[i], &values[i], sizeof integers[i]);
        }
    }
}

wend_status wendi_page_encode_doubles(wendi_page_encoder *encoder, wendi_page_rows rows, const double *values, bool real)
{
    wend_status status = WEND_OK;
    uint8_t *failed = (uint8_t *)encoder->more_integers;
    wendi_page_layout layout = WENDI_LAYOUT_NULL;
    unsigned exponent = 0;
    WEND_TRY(wendi_page_begin(encoder, rows));
    if (rows.value_count > 0) {
        exponent = choose_exponent(values, rows.value_count, real);
        uint32_t failures =
            convert(values, rows.value_count, real, powers[exponent], encoder->integers, failed);
        if (failures <= rows.value_count / EXCEPTION_SHARE) {
            layout = WENDI_LAYOUT_DECIMAL;
            WEND_TRY(wendi_page_stream(encoder, encoder->integers, rows.value_count));
            WEND_TRY(append_exceptions(encoder->out, values, rows.value_count, failed, failures));
        } else {
            layout = real ? WENDI_LAYOUT_FLOAT : WENDI_LAYOUT_DOUBLE;
            exponent = 0;
            take_bits(values, rows.value_count, real, encoder->integers);
            WEND_TRY(wendi_page_stream(encoder, encoder->integers, rows.value_count));
        }
    }
    WEND_TRY(wendi_page_finish(encoder, rows, layout, (uint8_t)exponent, real && layout != WENDI_LAYOUT_NULL));
cleanup:
    return status;
}
