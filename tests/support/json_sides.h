/**
 * The same messages through the decoder in every way that it has: without prediction, which is the
 * meaning, and with it, by each instruction set that this machine runs. Any difference in rows, reasons
 * or counters ends the process with both shown.
 *
 * The predicting sides write to two builders each, exchanged and emptied when asked to, as blocks of a pipeline are.
 */
#ifndef WEND_TESTS_JSON_SIDES_H
#define WEND_TESTS_JSON_SIDES_H

#include "ingest/json_decoder.h"

enum { JSON_SIDES_MAX = 3, JSON_SIDE_BUILDERS = 2 };

typedef struct json_side {
    const char *name;
    wendi_json_decoder *decoder;
    wendi_row_builder builders[JSON_SIDE_BUILDERS];
    uint32_t current;
} json_side;

typedef struct json_sides {
    const wendi_schema *schema;
    uint32_t count;
    json_side sides[JSON_SIDES_MAX]; /* [0] does not predict */
} json_sides;

/** `row_capacity`: builders are emptied by themselves when they are full. */
void json_sides_open(json_sides *sides, const wendi_schema *schema, uint32_t row_capacity);
void json_sides_close(json_sides *sides);
/** Decode one message; any bytes. */
wendi_decode_outcome json_sides_decode(json_sides *sides, const char *text, size_t length);
/** The predicting sides go on in their other builder; `empty`: which forgets its rows and strings first. */
void json_sides_exchange(json_sides *sides, bool empty);

#endif
