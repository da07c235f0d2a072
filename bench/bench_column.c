/*
 * What single values cost: numbers and times from text and back, interning, ordering a dictionary,
 * time zones.
 *
 *   bench_column [shared options]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/harness.h"
#include "engine/base/alloc.h"
#include "engine/base/hash.h"
#include "engine/column/dictionary.h"
#include "engine/column/value.h"

enum { TEXTS = 4096, TEXT_BYTES = 128, STRINGS = 1 << 20 };

typedef struct inputs {
    wendi_string texts[TEXTS];
    char memory[TEXTS][TEXT_BYTES];
} inputs;

static inputs input;
static volatile uint64_t kept; /* so that no result is optimised away */
static wendi_bench bench;

typedef uint64_t (*operation)(uint64_t rounds); /* carries out `rounds` × TEXTS operations */

typedef struct timed {
    operation run;
    uint64_t rounds;
} timed;

static void run_timed(void *context)
{
    const timed *work = context;
    kept += work->run(work->rounds);
}

static void measure(const char *name, operation run, uint64_t rounds, uint64_t operations)
{
    timed work = {run, rounds};
    wendi_bench_case of = {name, run_timed, &work, (double)operations, "values", 0};
    (void)wendi_bench_measure(&bench, &of);
}

/* Fill the inputs by a format over a random number. */
static void fill(void (*write)(char *text, uint64_t chance))
{
    for (uint64_t i = 0; i < TEXTS; i++) {
        write(input.memory[i], wendi_mix64(i + 1));
        input.texts[i] = wendi_string_of(input.memory[i]);
    }
}

static void write_id(char *text, uint64_t chance)
{
    sprintf(text, "%llu", (unsigned long long)(chance % 10000000));
}

static void write_long(char *text, uint64_t chance)
{
    sprintf(text, "%llu", (unsigned long long)(chance >> 1));
}

static void write_price(char *text, uint64_t chance)
{
    sprintf(text, "%llu.%02llu", (unsigned long long)(chance % 1000),
            (unsigned long long)(chance >> 32) % 100);
}

static void write_coordinate(char *text, uint64_t chance)
{
    sprintf(text, "%.17g", (double)(chance >> 11) / 9007199254740992.0 * 180 - 90);
}

static void write_time(char *text, uint64_t chance)
{
    sprintf(text, "2024-%02d-%02dT%02d:%02d:%02d.%03dZ", (int)(chance % 12 + 1),
            (int)(chance >> 8 & 15) + 1, (int)(chance >> 16) % 24 & 15, (int)(chance >> 24 & 31),
            (int)(chance >> 32 & 31), (int)(chance >> 40 & 511));
}

static void write_offset_time(char *text, uint64_t chance)
{
    write_time(text, chance);
    strcpy(text + 23, "+05:30");
}

static void write_uuid(char *text, uint64_t chance)
{
    wendi_buffer out = {0};
    wendi_value value = {.type = wendi_type_of(WENDI_TYPE_UUID),
                         .b16 = {{chance, wendi_mix64(chance)}}};
    if (wendi_value_format(&value, NULL, &out) == WEND_OK) {
        memcpy(text, out.data, out.length);
        text[out.length] = '\0';
    }
    wendi_buffer_free(&out);
}

static void write_address(char *text, uint64_t chance)
{
    sprintf(text, "%d.%d.%d.%d", (int)(chance & 255), (int)(chance >> 8 & 255),
            (int)(chance >> 16 & 255), (int)(chance >> 24 & 255));
}

#define FOR_TEXTS(body)                                                                            \
    uint64_t sum = 0;                                                                              \
    for (uint64_t round = 0; round < rounds; round++) {                                            \
        for (uint32_t i = 0; i < TEXTS; i++) {                                                     \
            body                                                                                   \
        }                                                                                          \
    }                                                                                              \
    return sum

static uint64_t run_i64(uint64_t rounds)
{
    int64_t value = 0;
    FOR_TEXTS(sum += (uint64_t)wendi_parse_i64(input.texts[i], &value, NULL) + (uint64_t)value;);
}

static uint64_t run_f64(uint64_t rounds)
{
    double value = 0;
    FOR_TEXTS(sum +=
              (uint64_t)wendi_parse_f64(input.texts[i], &value, NULL) + (uint64_t)(int64_t)value;);
}

static uint64_t run_strtod(uint64_t rounds)
{
    FOR_TEXTS(sum += (uint64_t)(int64_t)strtod(input.memory[i], NULL););
}

static uint64_t run_numeric(uint64_t rounds)
{
    wendi_int128 value = 0;
    FOR_TEXTS(sum += (uint64_t)wendi_parse_numeric(input.texts[i], 12, 2, false, &value, NULL) +
                     (uint64_t)value;);
}

static uint64_t run_timestamp(uint64_t rounds)
{
    int64_t value = 0;
    FOR_TEXTS(sum += (uint64_t)wendi_parse_timestamp(input.texts[i], NULL, &value, NULL) +
                     (uint64_t)value;);
}

static uint64_t run_uuid(uint64_t rounds)
{
    wendi_b16 value = {{0, 0}};
    FOR_TEXTS(sum += (uint64_t)wendi_parse_uuid(input.texts[i], &value, NULL) + value.word[0];);
}

static uint64_t run_inet(uint64_t rounds)
{
    wendi_b16 value = {{0, 0}};
    FOR_TEXTS(sum += (uint64_t)wendi_parse_inet(input.texts[i], &value, NULL) + value.word[1];);
}

static const wendi_timezone *zone;
static int64_t times[TEXTS];

static uint64_t run_to_local(uint64_t rounds)
{
    FOR_TEXTS(sum += (uint64_t)wendi_timezone_to_local(zone, times[i]););
}

static uint64_t run_to_utc(uint64_t rounds)
{
    FOR_TEXTS(sum += (uint64_t)wendi_timezone_to_utc(zone, times[i]););
}

static uint64_t run_trunc_month(uint64_t rounds)
{
    FOR_TEXTS(sum += (uint64_t)wendi_date_trunc(WENDI_FIELD_MONTH, times[i]););
}

static wendi_buffer printed;
static wendi_value values[TEXTS];

static uint64_t run_format(uint64_t rounds)
{
    FOR_TEXTS(printed.length = 0;
              sum += (uint64_t)wendi_value_format(&values[i], NULL, &printed) + printed.length;);
}

/* ---- interning ------------------------------------------------------------------------------ */

static wendi_string *strings;
static uint32_t string_count;
static wendi_interner interner;

static void make_strings(uint32_t distinct, const char *format)
{
    static char *memory;
    memory = realloc(memory, (size_t)distinct * TEXT_BYTES);
    strings = realloc(strings, STRINGS * sizeof *strings);
    for (uint32_t i = 0; i < distinct; i++) {
        snprintf(memory + (size_t)i * TEXT_BYTES, TEXT_BYTES, format,
                 (unsigned)(wendi_mix64(i) >> 32));
    }
    for (uint32_t i = 0; i < STRINGS; i++) {
        strings[i] = wendi_string_of(memory + wendi_mix64(i * 3) % distinct * TEXT_BYTES);
    }
    string_count = STRINGS;
    wendi_interner_free(&interner);
}

static uint64_t run_intern(uint64_t rounds)
{
    uint64_t sum = 0;
    uint32_t code = 0;
    for (uint64_t round = 0; round < rounds; round++) {
        for (uint32_t i = 0; i < string_count; i++) {
            sum += (uint64_t)wendi_interner_code(&interner, strings[i], &code) + code;
        }
    }
    return sum;
}

static uint64_t run_intern_fresh(uint64_t rounds)
{
    wendi_interner_reset(&interner);
    return run_intern(rounds);
}

static uint64_t run_order(uint64_t rounds)
{
    uint64_t sum = 0;
    uint32_t *remap = malloc(interner.entry_count * sizeof *remap);
    for (uint64_t round = 0; round < rounds; round++) {
        wendi_dictionary *dictionary = NULL;
        sum +=
            (uint64_t)wendi_interner_ordered(&interner, NULL, remap, &dictionary, NULL) + remap[1];
        wendi_dictionary_release(dictionary);
    }
    free(remap);
    return sum;
}

static void measure_interning(void)
{
    static const struct {
        const char *name;
        uint32_t distinct;
        const char *format;
    } cases[] = {{"14 event types", 14, "type_%.2u"},
                 {"3,000 user agents", 3000,
                  "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/%u.0 Safari/537.36"},
                 {"60,000 URLs", 60000, "https://shop.example/product/%u?ref=mail"},
                 {"300,000 users", 300000, "u%u"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char name[64];
        make_strings(cases[i].distinct, cases[i].format);
        snprintf(name, sizeof name, "intern, %s, known", cases[i].name);
        measure(name, run_intern, 1, STRINGS);
        snprintf(name, sizeof name, "intern, %s, from empty", cases[i].name);
        measure(name, run_intern_fresh, 1, STRINGS);
        snprintf(name, sizeof name, "order, %s, an entry", cases[i].name);
        measure(name, run_order, 1, interner.entry_count);
    }
    wendi_interner_free(&interner);
}

static void measure_texts(const char *name, void (*write)(char *, uint64_t), operation run)
{
    fill(write);
    measure(name, run, 50, UINT64_C(50) * TEXTS);
}

int main(int argc, char **argv)
{
    if (wendi_bench_open(&bench, "bench_column", argc, argv) > 1) {
        wendi_bench_fail("usage: bench_column [--runs N] [--json FILE]");
    }
    wendi_bench_heading(&bench, "Single values");
    measure_texts("integer of 7 digits", write_id, run_i64);
    measure_texts("integer of 19 digits", write_long, run_i64);
    measure_texts("double, a price", write_price, run_f64);
    measure_texts("double, 17 digits", write_coordinate, run_f64);
    measure_texts("double, 17 digits, strtod", write_coordinate, run_strtod);
    measure_texts("numeric(12,2)", write_price, run_numeric);
    measure_texts("timestamp, Z", write_time, run_timestamp);
    measure_texts("timestamp, +05:30", write_offset_time, run_timestamp);
    measure_texts("uuid", write_uuid, run_uuid);
    measure_texts("inet", write_address, run_inet);
    for (uint32_t i = 0; i < TEXTS; i++) {
        times[i] = INT64_C(1600000000000000) + (int64_t)(wendi_mix64(i) % 200000000000000);
        values[i] = (wendi_value){.type = wendi_type_of(WENDI_TYPE_DOUBLE),
                                  .f64 = (double)(wendi_mix64(i) % 100000) / 100};
    }
    if (wendi_timezone_find(wendi_string_of("Europe/Berlin"), &zone, NULL) == WEND_OK) {
        measure("time zone, to local", run_to_local, 50, UINT64_C(50) * TEXTS);
        measure("time zone, to UTC", run_to_utc, 50, UINT64_C(50) * TEXTS);
    }
    measure("date_trunc month", run_trunc_month, 50, UINT64_C(50) * TEXTS);
    measure("print a price (double)", run_format, 20, UINT64_C(20) * TEXTS);
    for (uint32_t i = 0; i < TEXTS; i++) {
        values[i].f64 = (double)(wendi_mix64(i) >> 11) / 9007199254740992.0;
    }
    measure("print a double of 17 digits", run_format, 5, UINT64_C(5) * TEXTS);
    for (uint32_t i = 0; i < TEXTS; i++) {
        values[i] = (wendi_value){.type = wendi_type_of(WENDI_TYPE_TIMESTAMPTZ), .i64 = times[i]};
    }
    measure("print a timestamp", run_format, 20, UINT64_C(20) * TEXTS);
    measure_interning();
    free(strings);
    wendi_buffer_free(&printed);
    wendi_bench_close(&bench);
    return 0;
}
