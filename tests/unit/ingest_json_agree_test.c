/*
 * Whatever the decoder learns must not change what it gives: keys, values, runs of members; by every instruction
 * set. Generated events, with keys in order and shuffled, with members repeated and bytes damaged, and the real
 * streams, through json_sides.h. Rejects count as much as rows.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bench/clickgen/clickgen.h"
#include "engine/base/alloc.h"
#include "engine/base/compress.h"
#include "engine/base/hash.h"
#include "engine/expr/table_ddl.h"
#include "ingest/infer.h"
#include "ingest/json_members.h"
#include "tests/support/ingest_schema.h"
#include "tests/support/json_sides.h"

enum { LINES = 12000, MEMBERS_MAX = 40, LINE_BYTES = 4096 };

static uint64_t draw(uint64_t *seed, uint64_t below)
{
    *seed = wendi_mix64(*seed + 0x9e3779b97f4a7c15u);
    return *seed % below;
}

/* ---- changing a line -------------------------------------------------------------------------- */

/* Where the members of a flat object begin; one more element is where the last one ends, as if by a comma. */
static uint32_t split_members(const char *text, size_t length, size_t *begins)
{
    uint32_t count = 0;
    bool quoted = false;
    begins[count++] = 1;
    for (size_t i = 1; i + 1 < length; i++) {
        if (quoted && text[i] == '\\') {
            i++;
        } else if (text[i] == '"') {
            quoted = !quoted;
        } else if (!quoted && text[i] == ',' && count + 1 < MEMBERS_MAX) {
            begins[count++] = i + 1;
        }
    }
    begins[count] = length;
    return count;
}

/* Members of `text` in another order, one of them twice if asked for, with blanks as a writer may put them. */
static size_t rewrite(uint64_t *seed, char *text, size_t length, bool shuffle, bool repeat, bool blanks)
{
    char out[2 * LINE_BYTES];
    size_t begins[MEMBERS_MAX + 1];
    uint32_t order[MEMBERS_MAX + 1];
    uint32_t count = split_members(text, length, begins);
    size_t at = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t other = shuffle ? (uint32_t)draw(seed, i + 1) : i;
        order[i] = order[other];
        order[other] = i;
    }
    if (repeat) { /* anywhere: within a run, too */
        uint32_t to = (uint32_t)draw(seed, count + 1);
        memmove(order + to + 1, order + to, (count - to) * sizeof *order);
        order[to] = (uint32_t)draw(seed, count);
        count++;
    }
    out[at++] = '{';
    for (uint32_t i = 0; i < count; i++) {
        size_t bytes = begins[order[i] + 1] - begins[order[i]] - 1;
        if (i != 0) {
            out[at++] = ',';
        }
        if (blanks && draw(seed, 2) == 0) {
            out[at++] = ' ';
        }
        memcpy(out + at, text + begins[order[i]], bytes);
        at += bytes;
        if (blanks && draw(seed, 4) == 0) {
            out[at++] = '\n';
        }
    }
    out[at++] = '}';
    memcpy(text, out, at);
    return at;
}

/* Some damage: bytes changed, taken out, put in, doubled; the end cut off; what stands for JSON's own signs. */
static size_t damage(uint64_t *seed, char *text, size_t length)
{
    static const char signs[] = "\"\\,:{}[]0123456789-+.eEtfn u\x01\x1f\x7f\xc3\xa9\xff";
    for (uint64_t times = 1 + draw(seed, 3); times > 0 && length > 2; times--) {
        size_t at = draw(seed, length);
        char sign = draw(seed, 4) == 0 ? (char)draw(seed, 256) : signs[draw(seed, sizeof signs - 1)];
        switch (draw(seed, 6)) {
        case 0:
            length = draw(seed, length);
            break;
        case 1:
            memmove(text + at, text + at + 1, length - at - 1);
            length--;
            break;
        case 2:
            memmove(text + at + 1, text + at, length - at);
            text[at] = sign;
            length++;
            break;
        default:
            text[at] = sign;
            break;
        }
    }
    return length;
}

/* ---- generated events ------------------------------------------------------------------------- */

typedef struct click_case {
    const char *name;
    uint32_t shuffled; /* lines of 100 that are so */
    uint32_t repeated;
    uint32_t blanks;
    uint32_t damaged;
    uint32_t exchanged; /* times of 1,000 that builders are exchanged */
    wendi_duplicate_key duplicates;
    bool no_user; /* the table names none: one line for all */
    bool runs;    /* are to be taken */
} click_case;

static const click_case click_cases[] = {
    {.name = "as they come", .exchanged = 1, .runs = true},
    {.name = "some damaged", .damaged = 20, .exchanged = 1, .runs = true},
    {.name = "some with a member twice", .repeated = 30, .exchanged = 1, .runs = true},
    {.name = "the first of two counts", .repeated = 30, .duplicates = WENDI_DUPLICATE_KEY_FIRST, .runs = true},
    {.name = "the last of two counts", .repeated = 30, .duplicates = WENDI_DUPLICATE_KEY_LAST},
    {.name = "shuffled", .shuffled = 100, .damaged = 5, .exchanged = 1},
    {.name = "some shuffled", .shuffled = 20, .repeated = 5, .damaged = 5, .exchanged = 2, .runs = true},
    {.name = "with blanks", .blanks = 50, .damaged = 5},
    {.name = "many blocks", .exchanged = 30},
    {.name = "no user", .damaged = 10, .exchanged = 1, .no_user = true},
};

static void check_clicks(const click_case *of)
{
    wendi_clickgen_options options = {.seed = 5, .event_count = LINES, .span_us = INT64_C(3600) * 1000000};
    wendi_clickgen *generator;
    wendi_clickgen_line line;
    wendi_schema schema;
    json_sides sides;
    uint64_t seed = 77;
    uint32_t rows = 0;
    char text[LINE_BYTES];
    test_schema_clicks(&schema);
    schema.duplicate_keys = (uint8_t)of->duplicates;
    schema.user_column = of->no_user ? WENDI_NO_COLUMN : schema.user_column;
    json_sides_open(&sides, &schema, 5000);
    assert_int_equal(wendi_clickgen_open(&options, &generator, NULL), WEND_OK);
    while (wendi_clickgen_next(generator, text, &line, NULL) == WEND_OK) {
        size_t length = line.length;
        bool shuffled = draw(&seed, 100) < of->shuffled;
        bool repeated = draw(&seed, 100) < of->repeated;
        bool blanks = draw(&seed, 100) < of->blanks;
        if (shuffled || repeated || blanks) {
            length = rewrite(&seed, text, length, shuffled, repeated, blanks);
        }
        if (draw(&seed, 100) < of->damaged) {
            length = damage(&seed, text, length);
        }
        if (draw(&seed, 1000) < of->exchanged) {
            json_sides_exchange(&sides, draw(&seed, 2) == 0);
        }
        rows += json_sides_decode(&sides, text, length) == WENDI_DECODE_ROW;
    }
    const wendi_recall_shape *shape = &sides.sides[sides.count - 1].decoder->recall.shape;
    if (of->runs && (shape->member_count < 6 || shape->worth.rate == 0)) {
        fail_msg("%s: no runs were taken: %u members", of->name, shape->member_count);
    }
    wendi_decoder_counters counters = wendi_json_decoder_counters(sides.sides[sides.count - 1].decoder);
    if (of->shuffled == 100) { /* guesses at keys that fail are left off */
        assert_true(counters.key_hits < counters.key_misses / 10);
    } else if (of->shuffled == 0 && of->repeated == 0) {
        assert_true(counters.key_misses < counters.key_hits / 10);
    }
    print_message("%s: %u rows, %u members a run, %u of a window taken\n", of->name, rows, shape->member_count,
                  shape->worth.rate);
    assert_in_range(rows, LINES / 3, LINES);
    wendi_clickgen_close(generator);
    json_sides_close(&sides);
    wendi_arena_free(&schema.arena);
}

static void generated_events_agree(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof click_cases / sizeof click_cases[0]; i++) {
        check_clicks(&click_cases[i]);
    }
}

/* ---- threads ---------------------------------------------------------------------------------- */

/* A worker of a pipeline: its own decoder and builder, the schema shared. */
static void *decode_alone(void *schema)
{
    json_sides sides;
    wendi_clickgen_options options = {.seed = 8, .event_count = LINES / 4, .span_us = INT64_C(600) * 1000000};
    wendi_clickgen *generator = NULL;
    wendi_clickgen_line line;
    char text[LINE_BYTES];
    size_t rows = 0;
    json_sides_open(&sides, schema, 500);
    if (wendi_clickgen_open(&options, &generator, NULL) == WEND_OK) {
        while (wendi_clickgen_next(generator, text, &line, NULL) == WEND_OK) {
            rows += json_sides_decode(&sides, text, line.length) == WENDI_DECODE_ROW;
        }
    }
    wendi_clickgen_close(generator);
    json_sides_close(&sides);
    return (void *)(uintptr_t)rows;
}

static void decoders_share_nothing(void **state)
{
    pthread_t threads[3];
    wendi_schema schema;
    uintptr_t rows[3];
    (void)state;
    test_schema_clicks(&schema);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, decode_alone, &schema), 0);
    }
    for (size_t i = 0; i < 3; i++) {
        void *result;
        assert_int_equal(pthread_join(threads[i], &result), 0);
        rows[i] = (uintptr_t)result;
    }
    assert_true(rows[0] > LINES / 5 && rows[1] == rows[0] && rows[2] == rows[0]);
    wendi_arena_free(&schema.arena);
}

/* ---- forms of single values -------------------------------------------------------------------- */

static const test_column form_columns[] = {
    {.name = "t", .type = TEST_TYPE(WENDI_TYPE_TEXT)},       {.name = "u", .type = TEST_TYPE(WENDI_TYPE_UUID)},
    {.name = "ip", .type = TEST_TYPE(WENDI_TYPE_INET)},      {.name = "ts", .type = TEST_TYPE(WENDI_TYPE_TIMESTAMPTZ)},
    {.name = "s", .type = TEST_TYPE(WENDI_TYPE_SMALLINT)},   {.name = "n", .type = TEST_NUMERIC(6, 2)},
    {.name = "d", .type = TEST_TYPE(WENDI_TYPE_DOUBLE)},     {.name = "b", .type = TEST_TYPE(WENDI_TYPE_BIGINT)},
    {.name = "soft", .type = TEST_NUMERIC(5, 1), .on_error = WENDI_ON_ERROR_NULL},
    {.name = "_rest", .type = TEST_TYPE(WENDI_TYPE_JSONB), .origin = WENDI_ORIGIN_REST},
};
enum { FORM_COLUMNS = sizeof form_columns / sizeof form_columns[0], FORM_CASES = 60000 };

/* Digits, with zeros in front now and then. */
static size_t put_digits(uint64_t *seed, char *out, uint64_t length_max)
{
    size_t length = draw(seed, length_max + 1);
    for (size_t i = 0; i < length; i++) {
        out[i] = i < 2 && draw(seed, 6) == 0 ? '0' : (char)('0' + draw(seed, 10));
    }
    return length;
}

static size_t put_number(uint64_t *seed, char *out)
{
    static const char *const ends[] = {"", "", "", "", "e2", "E-1", "e", ".", "x"};
    size_t length = 0;
    if (draw(seed, 6) == 0) {
        out[length++] = draw(seed, 4) == 0 ? '+' : '-';
    }
    length += put_digits(seed, out + length, draw(seed, 3) == 0 ? 20 : 9);
    if (draw(seed, 2) == 0) {
        out[length++] = '.';
        length += put_digits(seed, out + length, draw(seed, 3) == 0 ? 12 : 4);
    }
    return length + (size_t)sprintf(out + length, "%s", ends[draw(seed, sizeof ends / sizeof ends[0])]);
}

static size_t put_address(uint64_t *seed, char *out)
{
    size_t length = 0;
    uint64_t parts = draw(seed, 12) == 0 ? 1 + draw(seed, 6) : 4;
    for (uint64_t i = 0; i < parts; i++) {
        uint64_t part = draw(seed, 8) == 0 ? 250 + draw(seed, 12) : draw(seed, 256);
        length += (size_t)sprintf(out + length, draw(seed, 20) == 0 ? "%s0%u" : "%s%u", i == 0 ? "" : ".", (unsigned)part);
    }
    return draw(seed, 20) == 0 ? (size_t)sprintf(out, "2001:db8::%x", (unsigned)draw(seed, 65536)) : length;
}

static size_t put_time(uint64_t *seed, char *out)
{
    static const char *const ends[] = {"Z", "Z", "Z", "Z", "", "z", "+05:30", "-00:00", "+16:00", " Z", "Z "};
    int length = sprintf(out, "%04u-%02u-%02u%c%02u:%02u:%02u", (unsigned)(1968 + draw(seed, 4) * 30 + draw(seed, 3)),
                         (unsigned)draw(seed, 14), (unsigned)draw(seed, 33), "TTT t"[draw(seed, 5)], (unsigned)draw(seed, 26),
                         (unsigned)(draw(seed, 3) == 0 ? 58 + draw(seed, 4) : draw(seed, 60)),
                         (unsigned)(draw(seed, 3) == 0 ? 58 + draw(seed, 4) : draw(seed, 60)));
    if (draw(seed, 3) != 0) {
        out[length++] = '.';
        length += (int)put_digits(seed, out + length, 9);
    }
    return (size_t)(length + sprintf(out + length, "%s", ends[draw(seed, sizeof ends / sizeof ends[0])]));
}

static size_t put_uuid(uint64_t *seed, char *out)
{
    static const char digits[] = "0123456789abcdefABCDEF";
    for (size_t i = 0; i < 36; i++) {
        out[i] = i == 8 || i == 13 || i == 18 || i == 23 ? '-' : digits[draw(seed, sizeof digits - 1)];
    }
    if (draw(seed, 4) == 0) {
        out[draw(seed, 36)] = "-gG@`/:\"\\ {}\x7f"[draw(seed, 13)];
    }
    return 36 - (draw(seed, 30) == 0);
}

/* A text of any length about those at which loops turn, now and then with something in it that is not plain. */
static size_t put_text(uint64_t *seed, char *out)
{
    static const char *const odd[] = {"\\n", "\\u00e9", "\xc3\xa9", "\xff", "\x01", "\\", "\"", "\xed\xa0\x80"};
    size_t length = draw(seed, 3) == 0 ? 30 + draw(seed, 6) : draw(seed, 5) == 0 ? 62 + draw(seed, 5) : draw(seed, 24);
    for (size_t i = 0; i < length; i++) {
        out[i] = (char)('a' + draw(seed, 3));
    }
    if (draw(seed, 3) == 0) {
        const char *put = odd[draw(seed, sizeof odd / sizeof odd[0])];
        size_t at = draw(seed, length + 1);
        size_t bytes = strlen(put);
        memmove(out + at + bytes, out + at, length - at);
        memcpy(out + at, put, bytes);
        length += bytes;
    }
    return length;
}

static size_t put_value(uint64_t *seed, uint32_t column, char *out)
{
    bool number = column >= 4;
    char quote = (draw(seed, 30) == 0) == number ? '"' : '\0';
    size_t length = 0;
    if (draw(seed, 20) == 0) {
        static const char *const words[] = {"null", "true", "nul", "nulll", "[]", "{}", "null ", "-", ""};
        return (size_t)sprintf(out, "%s", words[draw(seed, sizeof words / sizeof words[0])]);
    }
    if (quote != '\0') {
        out[length++] = quote;
    }
    switch (column) {
    case 0:
        length += put_text(seed, out + length);
        break;
    case 1:
        length += put_uuid(seed, out + length);
        break;
    case 2:
        length += put_address(seed, out + length);
        break;
    case 3:
        length += put_time(seed, out + length);
        break;
    default:
        length += put_number(seed, out + length);
        break;
    }
    if (quote != '\0') {
        out[length++] = quote;
    }
    return length;
}

static void forms_of_values_agree(void **state)
{
    wendi_schema schema;
    json_sides sides;
    uint64_t seed = 9;
    uint32_t rows = 0;
    char text[1024];
    (void)state;
    test_schema_make(&schema, form_columns, FORM_COLUMNS);
    schema.rest_column = FORM_COLUMNS - 1;
    schema.user_column = 0;
    json_sides_open(&sides, &schema, 5000);
    for (uint32_t i = 0; i < FORM_CASES; i++) {
        uint32_t column = i % (FORM_COLUMNS - 1);
        size_t length = (size_t)sprintf(text, "{\"%s\":", form_columns[column].name);
        length += put_value(&seed, column, text + length);
        length += (size_t)sprintf(text + length, "%s", draw(&seed, 4) == 0 ? "" : draw(&seed, 2) == 0 ? ",\"x\":1}" : "}");
        rows += json_sides_decode(&sides, text, length) == WENDI_DECODE_ROW;
    }
    print_message("%d values, %u of them good\n", FORM_CASES, rows);
    assert_in_range(rows, FORM_CASES / 5, FORM_CASES * 4 / 5);
    json_sides_close(&sides);
    wendi_arena_free(&schema.arena);
}

/* ---- what a run must not swallow ----------------------------------------------------------------- */

static const test_column stray_columns[] = {
    {.name = "user", .type = TEST_TYPE(WENDI_TYPE_TEXT)}, {.name = "a", .type = TEST_TYPE(WENDI_TYPE_TEXT)},
    {.name = "b", .type = TEST_TYPE(WENDI_TYPE_TEXT)},    {.name = "c", .type = TEST_TYPE(WENDI_TYPE_TEXT)},
    {.name = "d", .type = TEST_TYPE(WENDI_TYPE_TEXT)},
    {.name = "_rest", .type = TEST_TYPE(WENDI_TYPE_JSONB), .origin = WENDI_ORIGIN_REST},
};
enum { STRAY_COLUMNS = sizeof stray_columns / sizeof stray_columns[0] };

/* A key too long to be learnt stands among the members of a run: its value goes to _rest every time. */
static void strays_within_runs_agree(void **state)
{
    wendi_schema schema;
    json_sides sides;
    char key[WENDI_KEY_LEARNT_BYTES_MAX + 2];
    char text[1024];
    (void)state;
    memset(key, 'k', sizeof key - 1);
    key[sizeof key - 1] = '\0';
    test_schema_make(&schema, stray_columns, STRAY_COLUMNS);
    schema.rest_column = STRAY_COLUMNS - 1;
    schema.user_column = 0;
    json_sides_open(&sides, &schema, 5000);
    for (uint32_t i = 0; i < 3000; i++) {
        size_t length = (size_t)sprintf(text, "{\"user\":\"u%u\",\"a\":\"a%u\",\"b\":\"b\",", i % 4, i % 4);
        if (i % 64 < 48) {
            length += (size_t)sprintf(text + length, "\"%s\":1,", key);
        }
        length += (size_t)sprintf(text + length, "\"c\":\"c\",\"d\":\"d\"}");
        assert_int_equal(json_sides_decode(&sides, text, length), WENDI_DECODE_ROW);
    }
    assert_true(sides.sides[sides.count - 1].decoder->recall.shape.member_count >= WENDI_RUN_MEMBERS_MIN);
    json_sides_close(&sides);
    wendi_arena_free(&schema.arena);
}

/* Where no day was seen yet, bytes of zero are no day either. */
static void no_day_is_known_before_the_first(void **state)
{
    static const char text[] = "{\"ts\":\"\0\0\0\0\0\0\0\0\0\0\00012:00:00Z\"}";
    wendi_schema schema;
    json_sides sides;
    (void)state;
    test_schema_make(&schema, form_columns, FORM_COLUMNS);
    schema.rest_column = FORM_COLUMNS - 1;
    json_sides_open(&sides, &schema, 16);
    assert_int_equal(json_sides_decode(&sides, text, sizeof text - 1), WENDI_DECODE_REJECTED);
    json_sides_close(&sides);
    wendi_arena_free(&schema.arena);
}

/* ---- real streams ----------------------------------------------------------------------------- */

static wendi_buffer read_stream(const char *name)
{
    const char *shared = getenv("WEND_TEST_SHARED");
    wendi_buffer packed = {0};
    wendi_buffer plain = {0};
    wendi_decompress_stream *stream = NULL;
    char piece[65536];
    size_t at = 0;
    bool done = false;
    snprintf(piece, sizeof piece, "%s/data/%s.ndjson.zst", shared != NULL ? shared : "../shared", name);
    FILE *file = fopen(piece, "rb");
    if (file == NULL) {
        return plain;
    }
    for (size_t got; (got = fread(piece, 1, sizeof piece, file)) != 0;) {
        assert_int_equal(wendi_buffer_append(&packed, piece, got), WEND_OK);
    }
    fclose(file);
    assert_int_equal(wendi_decompress_stream_open(&stream, NULL), WEND_OK);
    while (at < packed.length || !done) {
        size_t got = 0;
        assert_int_equal(wendi_decompress_stream_next(stream, packed.data, packed.length, &at, piece, sizeof piece, &got,
                                                      &done),
                         WEND_OK);
        assert_int_equal(wendi_buffer_append(&plain, piece, got), WEND_OK);
    }
    wendi_decompress_stream_close(stream);
    wendi_buffer_free(&packed);
    return plain;
}

/* The next line of `text` from `*at` on. */
static wendi_string next_line(const wendi_buffer *text, size_t *at)
{
    const char *begin = (const char *)text->data + *at;
    const char *end = memchr(begin, '\n', text->length - *at);
    size_t length = end != NULL ? (size_t)(end - begin) : text->length - *at;
    *at += length + (end != NULL);
    return (wendi_string){begin, (uint32_t)length};
}

static wendi_schema *infer_schema(const wendi_buffer *text)
{
    wendi_infer_options options = {.table = wendi_string_of("events")};
    wendi_infer *infer;
    wendi_buffer ddl = {0};
    wendi_schema *schema;
    assert_int_equal(wendi_infer_open(&options, &infer, NULL), WEND_OK);
    for (size_t at = 0; at < text->length;) {
        wendi_string line = next_line(text, &at);
        assert_int_equal(wendi_infer_line(infer, line.data, line.length), WEND_OK);
    }
    assert_int_equal(wendi_infer_write(infer, &ddl, NULL), WEND_OK);
    assert_int_equal(wendi_buffer_u8(&ddl, 0), WEND_OK);
    assert_int_equal(wendi_schema_parse((const char *)ddl.data, &schema, NULL), WEND_OK);
    wendi_buffer_free(&ddl);
    wendi_infer_close(infer);
    return schema;
}

static void check_stream(const char *name, const wendi_buffer *text, uint32_t lines_max)
{
    wendi_schema *schema = infer_schema(text);
    json_sides sides;
    uint64_t seed = 3;
    uint32_t rows = 0;
    uint32_t lines = 0;
    char *copy = malloc(1 << 20);
    assert_non_null(copy);
    json_sides_open(&sides, schema, 3000);
    for (size_t at = 0; at < text->length && lines < lines_max; lines++) {
        wendi_string line = next_line(text, &at);
        size_t length = line.length;
        if (length > (1 << 20) - 8) {
            continue;
        }
        memcpy(copy, line.data, length);
        if (draw(&seed, 20) == 0) {
            length = damage(&seed, copy, length);
        }
        if (draw(&seed, 1000) == 0) {
            json_sides_exchange(&sides, draw(&seed, 2) == 0);
        }
        rows += json_sides_decode(&sides, copy, length) == WENDI_DECODE_ROW;
    }
    print_message("%s: %u lines, %u rows, %u columns\n", name, lines, rows, schema->column_count);
    assert_true(rows > lines / 2);
    json_sides_close(&sides);
    wendi_schema_free(schema);
    free(copy);
}

static void real_streams_agree(void **state)
{
    static const char *const names[] = {"github-events", "mobile-app", "nginx-plus", "usagov-clicks", "wikipedia-edits"};
    uint32_t found = 0;
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        wendi_buffer text = read_stream(names[i]);
        if (text.length == 0) {
            print_message("%s is not there: left out\n", names[i]);
            continue;
        }
        found++;
        check_stream(names[i], &text, 15000);
        wendi_buffer_free(&text);
    }
    if (found == 0) {
        skip();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(generated_events_agree),
        cmocka_unit_test(decoders_share_nothing),
        cmocka_unit_test(forms_of_values_agree),
        cmocka_unit_test(strays_within_runs_agree),
        cmocka_unit_test(no_day_is_known_before_the_first),
        cmocka_unit_test(real_streams_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
