/* Three decoders, one message: all must agree. Messages stand at the end of their memory but for the padding. */
#include "tests/support/json_sides.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/json_members.h"

#define NOW_US (INT64_C(4102444800) * 1000000) /* 2100 */

static _Noreturn void differ(const char *name, const char *what, const char *text, size_t length)
{
    fprintf(stderr, "json_sides: %s: %s differs for\n", name, what);
    fwrite(text, 1, length, stderr);
    fputc('\n', stderr);
    abort();
}

static void require(bool condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "json_sides: %s\n", what);
        abort();
    }
}

static void open_side(json_sides *sides, const char *name, wendi_json_members members, bool predict, uint32_t rows)
{
    json_side *side = &sides->sides[sides->count++];
    side->name = name;
    side->current = 0;
    require(wendi_json_decoder_open(sides->schema, &side->decoder, NULL) == WEND_OK, "no decoder");
    side->decoder->take_members = members;
    wendi_json_decoder_set_prediction(side->decoder, predict);
    wendi_json_decoder_set_now(side->decoder, NOW_US);
    for (uint32_t i = 0; i < JSON_SIDE_BUILDERS; i++) {
        require(wendi_row_builder_init(&side->builders[i], sides->schema, rows, NULL) == WEND_OK, "no builder");
    }
}

void json_sides_open(json_sides *sides, const wendi_schema *schema, uint32_t row_capacity)
{
    sides->schema = schema;
    sides->count = 0;
    open_side(sides, "without prediction", wendi_json_members_portable, false, row_capacity);
    open_side(sides, "portable", wendi_json_members_portable, true, row_capacity);
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2")) {
        open_side(sides, "avx2", wendi_json_members_avx2, true, row_capacity);
    }
#endif
}

void json_sides_close(json_sides *sides)
{
    for (uint32_t i = 0; i < sides->count; i++) {
        for (uint32_t b = 0; b < JSON_SIDE_BUILDERS; b++) {
            wendi_row_builder_free(&sides->sides[i].builders[b]);
        }
        wendi_json_decoder_close(sides->sides[i].decoder);
    }
}

void json_sides_exchange(json_sides *sides, bool empty)
{
    for (uint32_t i = 1; i < sides->count; i++) {
        json_side *side = &sides->sides[i];
        side->current = (side->current + 1) % JSON_SIDE_BUILDERS;
        if (empty) {
            wendi_row_builder_reset(&side->builders[side->current]);
        }
    }
}

static wendi_row_builder *builder_of(json_side *side)
{
    wendi_row_builder *builder = &side->builders[side->current];
    if (builder->row_count == builder->row_capacity) {
        wendi_row_builder_reset(builder);
    }
    return builder;
}

static bool same_value(const wendi_value *a, const wendi_value *b, wendi_physical physical)
{
    if (a->null || b->null) {
        return a->null == b->null;
    }
    switch (physical) {
    case WENDI_PHYSICAL_STRING:
        return wendi_string_equal(a->string, b->string);
    case WENDI_PHYSICAL_B16:
        return memcmp(&a->b16, &b->b16, sizeof a->b16) == 0;
    default:
        return memcmp(&a->i64, &b->i64, sizeof a->i64) == 0;
    }
}

/* The rows that the message gave, column by column: also that null is held as zero, which others rely on. */
static const char *compare_rows(const wendi_row_builder *a, uint32_t a_row, const wendi_row_builder *b, uint32_t b_row)
{
    for (uint32_t i = 0; i < a->column_count; i++) {
        const wendi_column_builder *left = &a->columns[i];
        const wendi_column_builder *right = &b->columns[i];
        wendi_value one = wendi_column_builder_value(left, a_row);
        wendi_value other = wendi_column_builder_value(right, b_row);
        bool zero = !other.null || left->physical == WENDI_PHYSICAL_STRING || left->physical == WENDI_PHYSICAL_B16 ||
                    other.i64 == 0;
        if (!zero || !same_value(&one, &other, (wendi_physical)left->physical)) {
            return a->schema->columns[i].name.data;
        }
    }
    return NULL;
}

static const char *compare_counters(const wendi_json_decoder *a, const wendi_json_decoder *b)
{
    wendi_decoder_counters one = wendi_json_decoder_counters(a);
    wendi_decoder_counters other = wendi_json_decoder_counters(b);
    return one.rows != other.rows                       ? "the count of rows"
           : one.rejected != other.rejected             ? "the count of rejects"
           : one.coerced != other.coerced               ? "the count of coerced values"
           : one.nulled != other.nulled                 ? "the count of nulled values"
           : one.time_cut != other.time_cut             ? "the count of cut times"
           : one.unknown_values != other.unknown_values ? "the count of unknown values"
                                                        : NULL;
}

static const char *compare_rejects(const wendi_reject *a, const wendi_reject *b)
{
    return a->kind != b->kind             ? "the kind of reject"
           : a->column != b->column       ? "the column of the reject"
           : a->fault != b->fault         ? "the fault"
           : a->position != b->position   ? "the position"
           : strcmp(a->reason, b->reason) ? "the reason"
                                          : NULL;
}

wendi_decode_outcome json_sides_decode(json_sides *sides, const char *text, size_t length)
{
    wendi_decode_outcome first = WENDI_DECODE_ROW;
    char *copy = malloc(length + WENDI_MESSAGE_PADDING);
    require(copy != NULL, "no memory");
    memcpy(copy, text, length);
    memset(copy + length, length % 3 == 0 ? '"' : length % 3 == 1 ? '0' : '}', WENDI_MESSAGE_PADDING);
    wendi_message message = {.payload = copy, .length = (uint32_t)length, .timestamp_us = INT64_MIN};
    for (uint32_t i = 0; i < sides->count; i++) {
        json_side *side = &sides->sides[i];
        json_side *general = &sides->sides[0];
        wendi_decode_outcome outcome;
        wendi_row_builder *builder = builder_of(side);
        require(wendi_json_decode(side->decoder, &message, NULL, builder, &outcome, NULL) == WEND_OK, "decode failed");
        first = i == 0 ? outcome : first;
        const char *what = outcome != first ? "the outcome" : compare_counters(general->decoder, side->decoder);
        if (what == NULL && outcome == WENDI_DECODE_ROW) {
            const wendi_row_builder *right = &general->builders[general->current];
            what = compare_rows(right, right->row_count - 1, builder, builder->row_count - 1);
        } else if (what == NULL) {
            what = compare_rejects(wendi_json_decoder_reject(general->decoder), wendi_json_decoder_reject(side->decoder));
        }
        if (what != NULL) {
            differ(side->name, what, text, length);
        }
    }
    free(copy);
    return first;
}
