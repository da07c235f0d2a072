/*
 * The same generated click events parsed to the same typed columns by wend's decoder and by others' parsers
 * (simdjson On-Demand, RapidJSON), one core, taking turns in one run: keys in the producer's order, then shuffled anew in
 * every row. No number is shown before the columns of all sides have equal checksums.
 *
 *   bench_parse_peers [shared options]
 *
 * The peers make codes with wend's own interner, or only copy strings into buffers; see peers/parse_peer.h.
 * A parser that was not there when this was built is said to be left out.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/clickgen/clickgen.h"
#include "bench/harness.h"
#include "bench/peers/parse_peer.h"
#include "engine/base/alloc.h"
#include "engine/expr/table_ddl.h"
#include "ingest/json_decoder.h"

enum { MEMBERS_MAX = 32, SIDES_MAX = 16, STRING_BYTES_A_ROW = 256 };

typedef struct parse_sample {
    char *text; /* messages behind one another, a newline between, padding behind all */
    size_t bytes;
    parse_peer_message *messages;
    wendi_message *ours;
    uint32_t count;
} parse_sample;

/* ---- messages --------------------------------------------------------------------------------- */

static void *must_have(void *memory)
{
    if (memory == NULL) {
        wendi_bench_fail("no memory");
    }
    return memory;
}

static void generate(parse_sample *into, uint32_t count)
{
    wendi_clickgen_options options = {.seed = 7, .event_count = count, .clean = true};
    wendi_clickgen *generator;
    wendi_clickgen_line line;
    wendi_buffer text = {0};
    char space[WENDI_CLICKGEN_LINE_MAX];
    into->messages = must_have(wendi_alloc_zero(count, sizeof *into->messages));
    into->ours = must_have(wendi_alloc_zero(count, sizeof *into->ours));
    wendi_bench_must(wendi_clickgen_open(&options, &generator, NULL), "the generator", NULL);
    while (wendi_clickgen_next(generator, space, &line, NULL) == WEND_OK) {
        into->ours[into->count].position = (int64_t)text.length;
        into->ours[into->count].length = line.length;
        into->messages[into->count++].length = line.length;
        wendi_bench_must(wendi_buffer_append(&text, space, line.length + 1), "the messages", NULL);
    }
    wendi_clickgen_close(generator);
    wendi_bench_must(wendi_buffer_append_zero(&text, PEER_MESSAGE_PADDING), "the messages", NULL);
    into->text = (char *)text.data;
    into->bytes = text.length;
    for (uint32_t i = 0; i < into->count; i++) {
        into->messages[i].text = into->text + into->ours[i].position;
        into->ours[i].payload = into->messages[i].text;
    }
}

/* Where the members of a flat object begin; one more element is where the last one ends. */
static uint32_t split_members(const char *text, uint32_t length, uint32_t *begins)
{
    uint32_t count = 0;
    bool quoted = false;
    begins[count++] = 1;
    for (uint32_t i = 1; i + 1 < length; i++) {
        if (quoted && text[i] == '\\') {
            i++;
        } else if (text[i] == '"') {
            quoted = !quoted;
        } else if (!quoted && text[i] == ',' && count < MEMBERS_MAX) {
            begins[count++] = i + 1;
        }
    }
    begins[count] = length; /* as if a comma stood in the brace's place */
    return count;
}

static void shuffle(parse_sample *rows)
{
    uint64_t seed = 11;
    for (uint32_t r = 0; r < rows->count; r++) {
        uint32_t begins[MEMBERS_MAX + 1];
        uint32_t order[MEMBERS_MAX];
        char copy[WENDI_CLICKGEN_LINE_MAX];
        char *text = rows->messages[r].text;
        uint32_t length = rows->messages[r].length;
        uint32_t count = split_members(text, length, begins);
        memcpy(copy, text, length);
        for (uint32_t i = 0; i < count; i++) {
            seed = wendi_mix64(seed + 0x9e3779b97f4a7c15u);
            uint32_t other = (uint32_t)(seed % (i + 1));
            order[i] = order[other];
            order[other] = i;
        }
        char *at = text + 1;
        for (uint32_t i = 0; i < count; i++) {
            uint32_t bytes = begins[order[i] + 1] - begins[order[i]] - 1;
            memcpy(at, copy + begins[order[i]], bytes);
            at[bytes] = i + 1 < count ? ',' : '}';
            at += bytes + 1;
        }
    }
}

/* ---- columns ---------------------------------------------------------------------------------- */

typedef struct parse_side {
    const char *name;
    const char *(*run)(struct parse_side *of);
    const parse_sample *rows;
    char *scratch; /* a copy of the text, for who writes to it */
    parse_peer_message *messages;
    parse_peer_way way;
    bool copy;
    bool validate;
    bool in_place;
    wendi_json_decoder *decoder;
    wendi_row_builder builder; /* the peers write to its arrays, too */
    parse_peer_columns columns;
    double seconds[WENDI_BENCH_RUNS_MAX];
} parse_side;

static void open_columns(parse_side *of, const wendi_schema *schema)
{
    uint32_t rows = of->rows->count;
    parse_peer_columns *columns = &of->columns;
    wendi_bench_must(wendi_row_builder_init(&of->builder, schema, rows, NULL), "the builder", NULL);
    for (uint32_t i = 0; i < PEER_COLUMN_COUNT; i++) {
        wendi_column_builder *column = &of->builder.columns[i];
        columns->nulls[i] = column->nulls;
        switch ((wendi_physical)column->physical) {
        case WENDI_PHYSICAL_I64:
            columns->i64[i] = column->i64;
            break;
        case WENDI_PHYSICAL_B16:
            columns->b16[i] = (uint8_t *)column->b16;
            break;
        case WENDI_PHYSICAL_STRING:
            columns->codes[i] = column->codes;
            columns->interners[i] = &column->interner;
            if (of->copy) {
                columns->nulls[i] = must_have(wendi_alloc_zero(rows, 1));
                columns->ends[i] = must_have(wendi_alloc_zero(rows, sizeof *columns->ends[i]));
                columns->bytes[i] = must_have(wendi_alloc(rows * (size_t)STRING_BYTES_A_ROW));
            }
            break;
        default:
            wendi_bench_fail("a column of a kind that no peer writes");
        }
    }
}

static void close_columns(parse_side *of)
{
    for (uint32_t i = 0; i < PEER_COLUMN_COUNT && of->copy; i++) {
        if (of->columns.codes[i] != NULL) {
            wendi_free(of->columns.nulls[i]);
            wendi_free(of->columns.ends[i]);
            wendi_free(of->columns.bytes[i]);
        }
    }
    wendi_row_builder_free(&of->builder);
    wendi_json_decoder_close(of->decoder);
    wendi_free(of->scratch);
    wendi_free(of->messages);
}

static wendi_string string_at(const parse_side *of, uint32_t column, uint32_t row)
{
    const parse_peer_columns *columns = &of->columns;
    if (of->copy) {
        uint32_t begin = row == 0 ? 0 : columns->ends[column][row - 1];
        return (wendi_string){columns->bytes[column] + begin, columns->ends[column][row] - begin};
    }
    return wendi_interner_at(&of->builder.columns[column].interner, columns->codes[column][row]);
}

/* Of values, not of how they are held: codes count as their strings. */
static uint64_t checksum(const parse_side *of, uint32_t column)
{
    const parse_peer_columns *columns = &of->columns;
    bool string = columns->codes[column] != NULL;
    uint64_t sum = column;
    for (uint32_t row = 0; row < columns->row_count; row++) {
        bool null = string && !of->copy ? columns->codes[column][row] == 0 : columns->nulls[column][row] != 0;
        uint64_t value = 1;
        if (null) {
            value = 0;
        } else if (string) {
            wendi_string text = string_at(of, column, row);
            value = wendi_hash64_seed(text.data, text.length, 2);
        } else if (columns->b16[column] != NULL) {
            value = wendi_hash64_seed(columns->b16[column] + 16 * (size_t)row, 16, 3);
        } else {
            value = wendi_hash64_seed(&columns->i64[column][row], sizeof(int64_t), 4);
        }
        sum = wendi_mix64(sum * 3 + value);
    }
    return sum;
}

/* ---- sides ------------------------------------------------------------------------------------ */

static const char *run_wend(parse_side *of)
{
    wendi_decode_outcome outcome;
    for (uint32_t i = 0; i < of->rows->count; i++) {
        if (wendi_json_decode(of->decoder, &of->rows->ours[i], NULL, &of->builder, &outcome, NULL) != WEND_OK ||
            outcome != WENDI_DECODE_ROW) {
            return wendi_json_decoder_reject(of->decoder)->reason;
        }
    }
    of->columns.row_count = of->builder.row_count;
    return NULL;
}

#ifdef WEND_BENCH_SIMDJSON
static const char *run_simdjson(parse_side *of)
{
    return parse_peer_simdjson(of->messages, of->rows->count, of->way, of->copy, &of->columns);
}

static const char *run_simdjson_stream(parse_side *of)
{
    return parse_peer_simdjson_stream(of->messages, of->rows->count, of->copy, &of->columns);
}
#endif

#ifdef WEND_BENCH_RAPIDJSON
static const char *run_rapidjson(parse_side *of)
{
    return parse_peer_rapidjson(of->messages, of->rows->count, of->way, of->copy, of->validate, &of->columns);
}
#endif

static const parse_side ordered_sides[] = {
    {.name = "wend", .run = run_wend},
#ifdef WEND_BENCH_SIMDJSON
    {.name = "simdjson, codes", .run = run_simdjson, .way = PEER_WAY_ORDERED},
    {.name = "simdjson, copies", .run = run_simdjson, .way = PEER_WAY_ORDERED, .copy = true},
    {.name = "simdjson, a stream of documents, codes", .run = run_simdjson_stream},
    {.name = "simdjson, a stream of documents, copies", .run = run_simdjson_stream, .copy = true},
#endif
#ifdef WEND_BENCH_RAPIDJSON
    {.name = "RapidJSON, codes", .run = run_rapidjson, .validate = true, .in_place = true},
    {.name = "RapidJSON, copies", .run = run_rapidjson, .copy = true, .validate = true, .in_place = true},
    {.name = "RapidJSON, UTF-8 not checked, copies", .run = run_rapidjson, .copy = true, .in_place = true},
#endif
};

static const parse_side shuffled_sides[] = {
    {.name = "wend, shuffled", .run = run_wend},
#ifdef WEND_BENCH_SIMDJSON
    {.name = "simdjson, keys hashed, codes", .run = run_simdjson, .way = PEER_WAY_HASHED},
    {.name = "simdjson, keys hashed, copies", .run = run_simdjson, .way = PEER_WAY_HASHED, .copy = true},
    {.name = "simdjson, find_field_unordered, codes", .run = run_simdjson, .way = PEER_WAY_LOOKUP},
    {.name = "simdjson, find_field_unordered, copies", .run = run_simdjson, .way = PEER_WAY_LOOKUP, .copy = true},
#endif
#ifdef WEND_BENCH_RAPIDJSON
    {.name = "RapidJSON, keys hashed, codes", .run = run_rapidjson, .way = PEER_WAY_HASHED, .validate = true,
     .in_place = true},
#endif
};

static void open_side(parse_side *of, const parse_sample *rows, const wendi_schema *schema)
{
    of->rows = rows;
    of->messages = must_have(wendi_alloc_zero(rows->count, sizeof *of->messages));
    memcpy(of->messages, rows->messages, rows->count * sizeof *of->messages);
    if (of->in_place) {
        of->scratch = must_have(wendi_alloc(rows->bytes));
        for (uint32_t i = 0; i < rows->count; i++) {
            of->messages[i].text = of->scratch + (rows->messages[i].text - rows->text);
        }
    }
    open_columns(of, schema);
    wendi_bench_must(wendi_json_decoder_open(schema, &of->decoder, NULL), "the decoder", NULL);
    wendi_json_decoder_set_now(of->decoder, INT64_C(4102444800) * 1000000);
}

/* Processor time of one run from an empty batch; fresh text for who writes to it is not counted. */
static double run_once(parse_side *of)
{
    struct timespec begin;
    struct timespec end;
    wendi_row_builder_reset(&of->builder);
    if (of->in_place) {
        memcpy(of->scratch, of->rows->text, of->rows->bytes);
    }
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
    const char *fault = of->run(of);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
    if (fault != NULL) {
        wendi_bench_fail("%s: %s", of->name, fault);
    }
    return (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
}

static void require_equal(parse_side *sides, size_t count, const wendi_schema *schema)
{
    for (size_t s = 0; s < count; s++) {
        (void)run_once(&sides[s]);
        if (sides[s].columns.row_count != sides[0].columns.row_count) {
            wendi_bench_fail("%s: %u rows instead of %u", sides[s].name, sides[s].columns.row_count,
                             sides[0].columns.row_count);
        }
        for (uint32_t i = 0; i < PEER_COLUMN_COUNT; i++) {
            if (checksum(&sides[s], i) != checksum(&sides[0], i)) {
                wendi_bench_fail("%s: other values in column %.*s", sides[s].name, (int)schema->columns[i].name.length,
                                 schema->columns[i].name.data);
            }
        }
    }
}

static int by_seconds(const void *left, const void *right)
{
    const double *a = left;
    const double *b = right;
    return (*a > *b) - (*a < *b);
}

static void show(wendi_bench *bench, parse_side *sides, size_t count)
{
    char name[128];
    double ours = 0;
    for (size_t s = 0; s < count; s++) {
        qsort(sides[s].seconds, bench->runs, sizeof sides[s].seconds[0], by_seconds);
        double nanoseconds = sides[s].seconds[bench->runs / 2] * 1e9 / sides[s].rows->count;
        ours = s == 0 ? nanoseconds : ours;
        wendi_bench_value(bench, sides[s].name, nanoseconds, "ns an event");
    }
    for (size_t s = 1; s < count; s++) {
        snprintf(name, sizeof name, "%s / wend", sides[s].name);
        wendi_bench_value(bench, name, sides[s].seconds[bench->runs / 2] * 1e9 / sides[s].rows->count / ours, "×");
    }
}

static void compare(wendi_bench *bench, const parse_sample *rows, const wendi_schema *schema, const parse_side *templates,
                    size_t count)
{
    parse_side *sides = must_have(wendi_alloc_zero(count, sizeof *sides));
    for (size_t s = 0; s < count; s++) {
        sides[s] = templates[s];
        open_side(&sides[s], rows, schema);
    }
    require_equal(sides, count, schema);
    for (uint32_t r = 0; r < bench->runs; r++) {
        for (size_t i = 0; i < count; i++) { /* there and back, so that none has always the same neighbour */
            size_t s = r % 2 == 0 ? i : count - 1 - i;
            sides[s].seconds[r] = run_once(&sides[s]);
        }
    }
    show(bench, sides, count);
    for (size_t s = 0; s < count; s++) {
        close_columns(&sides[s]);
    }
    wendi_free(sides);
}

int main(int argc, char **argv)
{
    wendi_bench bench;
    parse_sample rows = {0};
    wendi_schema *schema;
    wend_error error = {.message = ""};
    if (wendi_bench_open(&bench, "bench_parse_peers", argc, argv) > 1) {
        wendi_bench_fail("usage: bench_parse_peers [--rows N] [--runs N] [--json FILE]");
    }
    uint64_t count = bench.rows > 0 ? bench.rows : 100000;
    if (count > WENDI_ROW_GROUP_ROWS_MAX) {
        wendi_bench_fail("--rows: at most %d", WENDI_ROW_GROUP_ROWS_MAX);
    }
    wendi_bench_must(wendi_schema_parse(wendi_clickgen_ddl(false, WENDI_CLICKGEN_CLICKSTREAM), &schema, &error),
                     "the schema", &error);
    if (schema->column_count < PEER_COLUMN_COUNT) {
        wendi_bench_fail("the generator's DDL has fewer columns than the peers write");
    }
#ifndef WEND_BENCH_SIMDJSON
    fprintf(stderr, "bench_parse_peers: simdjson was not found when this was built (libsimdjson-dev); left out\n");
#endif
#ifndef WEND_BENCH_RAPIDJSON
    fprintf(stderr, "bench_parse_peers: RapidJSON was not found when this was built (rapidjson-dev); left out\n");
#endif
    generate(&rows, (uint32_t)count);
    wendi_bench_heading(&bench, "Parsers: the same events to the same typed columns, one core");
    compare(&bench, &rows, schema, ordered_sides, sizeof ordered_sides / sizeof ordered_sides[0]);
    shuffle(&rows);
    wendi_bench_heading(&bench, "The same, keys shuffled in every row");
    compare(&bench, &rows, schema, shuffled_sides, sizeof shuffled_sides / sizeof shuffled_sides[0]);
    wendi_schema_free(schema);
    wendi_free(rows.text);
    wendi_free(rows.messages);
    wendi_free(rows.ours);
    wendi_bench_close(&bench);
    return 0;
}
