/*
 * Reading TZif (RFC 9636), versions 2 to 4: the 64-bit block and the footer. Files come from the system and
 * may be anything, so all reads are bounded and every index is checked before it is kept.
 *
 * The footer's rule is unrolled up to RULE_YEAR_LAST, so that all instants of interest are found in one array.
 */
#include "engine/base/tzif.h"

#include <stdlib.h>

#include "engine/base/alloc.h"
#include "engine/base/civil.h"

enum { TZIF_HEADER_BYTES = 44, TRANSITIONS_MAX = 100000, OFFSET_SECONDS_MAX = 26 * 3600, RULE_YEAR_FIRST = 1800, RULE_YEAR_LAST = 2100 };

/* What the transition times of real files lie within; keeps all arithmetic on seconds far from overflow. */
static const int64_t seconds_max = INT64_C(1) << 59;

typedef struct header {
    uint8_t version;
    uint32_t ut_count, standard_count, leap_count, time_count, type_count, char_count;
} header;

static uint32_t big_u32(wendi_reader *reader)
{
    return __builtin_bswap32(wendi_reader_u32(reader));
}

static wend_status read_header(wendi_reader *reader, header *head)
{
    const uint8_t *magic = wendi_reader_bytes(reader, 4);
    if (magic == NULL || memcmp(magic, "TZif", 4) != 0) {
        return WEND_INVALID;
    }
    head->version = wendi_reader_u8(reader);
    wendi_reader_bytes(reader, 15);
    head->ut_count = big_u32(reader);
    head->standard_count = big_u32(reader);
    head->leap_count = big_u32(reader);
    head->time_count = big_u32(reader);
    head->type_count = big_u32(reader);
    head->char_count = big_u32(reader);
    bool sane = head->time_count <= TRANSITIONS_MAX && head->type_count >= 1 && head->type_count <= 256 &&
                head->char_count <= TRANSITIONS_MAX && head->ut_count <= 256 && head->standard_count <= 256 &&
                head->leap_count <= TRANSITIONS_MAX;
    return !reader->failed && sane ? WEND_OK : WEND_CORRUPT;
}

static size_t block_bytes(const header *head, size_t time_bytes)
{
    return head->time_count * (time_bytes + 1) + head->type_count * (size_t)6 + head->char_count +
           head->leap_count * (time_bytes + 4) + head->standard_count + head->ut_count;
}

/* Room for what the file lists and for two a year of what its rule adds. */
static wend_status allocate(wendi_tz_data *data, uint32_t time_count)
{
    size_t capacity = time_count + 2 * (RULE_YEAR_LAST - RULE_YEAR_FIRST + 1);
    data->transitions = wendi_alloc(capacity * sizeof *data->transitions);
    data->offsets = wendi_alloc((capacity + 1) * sizeof *data->offsets);
    return data->transitions == NULL || data->offsets == NULL ? WEND_NOMEM : WEND_OK;
}

/* Keep a transition only if it moves the clock; new names or flags alone do not concern us. */
static void add_transition(wendi_tz_data *data, int64_t at, int32_t offset)
{
    if (data->offsets[data->transition_count] != offset) {
        data->transitions[data->transition_count++] = at;
        data->offsets[data->transition_count] = offset;
    }
}

static wend_status read_block(wendi_reader *reader, const header *head, wendi_tz_data *data)
{
    wend_status status = WEND_OK;
    int32_t offset_of_type[256];
    const uint8_t *times = wendi_reader_bytes(reader, head->time_count * (size_t)8);
    const uint8_t *types = wendi_reader_bytes(reader, head->time_count);

    for (uint32_t i = 0; i < head->type_count; i++) {
        offset_of_type[i] = (int32_t)big_u32(reader);
        wendi_reader_bytes(reader, 2);
        if (offset_of_type[i] > OFFSET_SECONDS_MAX || offset_of_type[i] < -OFFSET_SECONDS_MAX) {
            return WEND_CORRUPT;
        }
    }
    wendi_reader_bytes(reader, head->char_count + head->leap_count * (size_t)12 + head->standard_count + head->ut_count);
    if (reader->failed) {
        return WEND_CORRUPT;
    }
    if (head->leap_count != 0) {
        return WEND_UNSUPPORTED;
    }
    WEND_TRY(allocate(data, head->time_count));
    data->offsets[0] = offset_of_type[0];
    int64_t before = -seconds_max;
    for (uint32_t i = 0; i < head->time_count; i++) {
        int64_t at = (int64_t)__builtin_bswap64(wendi_load_u64(times + i * (size_t)8));
        if (types[i] >= head->type_count || at >= seconds_max || (i != 0 && at <= before)) {
            return WEND_CORRUPT;
        }
        before = at;
        if (at > -seconds_max) { /* Old files begin with a "big bang" that is no change at all. */
            add_transition(data, at, offset_of_type[types[i]]);
        } else {
            data->offsets[0] = offset_of_type[types[i]];
        }
    }
cleanup:
    return status;
}

static wend_status read_footer(wendi_reader *reader, wendi_tz_rule *rule)
{
    if (wendi_reader_u8(reader) != '\n') {
        return WEND_CORRUPT;
    }
    const uint8_t *end = memchr(reader->at, '\n', wendi_reader_left(reader));
    if (end == NULL) {
        return WEND_CORRUPT;
    }
    wendi_string text = {(const char *)reader->at, (uint32_t)(end - reader->at)};
    return wendi_tz_rule_parse(text, rule) ? WEND_OK : WEND_CORRUPT;
}

/*
 * Write the rule's changes down behind the file's own, up to RULE_YEAR_LAST. Where the file lists none the rule
 * holds for all time, past too, and is asked each time.
 */
static void unroll_rule(wendi_tz_data *data)
{
    int64_t year;
    int32_t month;
    int32_t day;
    if (!data->rule.daylight || data->transition_count == 0) {
        return;
    }
    int64_t last = data->transitions[data->transition_count - 1];
    wendi_civil_of_days(wendi_floor_div(last, 86400), &year, &month, &day);
    year = year <= RULE_YEAR_FIRST ? RULE_YEAR_FIRST + 1 : year;
    for (year -= 1; year <= RULE_YEAR_LAST; year++) {
        int64_t changes[2];
        wendi_tz_rule_year(&data->rule, year, &changes[0], &changes[1]);
        if (changes[0] > changes[1]) {
            int64_t swap = changes[0];
            changes[0] = changes[1];
            changes[1] = swap;
        }
        for (int i = 0; i < 2; i++) {
            if (changes[i] > last) {
                add_transition(data, changes[i], wendi_tz_rule_offset(&data->rule, changes[i]));
                last = changes[i];
            }
        }
    }
}

static wend_status index_buckets(wendi_tz_data *data)
{
    if (data->transition_count == 0) {
        return WEND_OK;
    }
    int64_t first = data->transitions[0];
    int64_t span = data->transitions[data->transition_count - 1] - first;
    if (span >> WENDI_TZ_BUCKET_BITS > TRANSITIONS_MAX) {
        return WEND_CORRUPT;
    }
    data->bucket_base = first;
    data->bucket_count = (uint32_t)(span >> WENDI_TZ_BUCKET_BITS) + 1;
    data->buckets = wendi_alloc(data->bucket_count * sizeof *data->buckets);
    if (data->buckets == NULL) {
        return WEND_NOMEM;
    }
    uint32_t passed = 0;
    for (uint32_t b = 0; b < data->bucket_count; b++) {
        int64_t begin = first + ((int64_t)b << WENDI_TZ_BUCKET_BITS);
        while (passed < data->transition_count && data->transitions[passed] <= begin) {
            passed++;
        }
        data->buckets[b] = passed;
    }
    return WEND_OK;
}

wend_status wendi_tzif_parse(const void *bytes, size_t length, wendi_tz_data *data)
{
    wend_status status = WEND_OK;
    wendi_reader reader = wendi_reader_of(bytes, length);
    header head;

    *data = (wendi_tz_data){0};
    WEND_TRY(read_header(&reader, &head));
    if (head.version < '2') {
        return WEND_UNSUPPORTED;
    }
    wendi_reader_bytes(&reader, block_bytes(&head, 4));
    WEND_TRY(reader.failed ? WEND_CORRUPT : read_header(&reader, &head));
    WEND_TRY(read_block(&reader, &head, data));
    WEND_TRY(read_footer(&reader, &data->rule));
    unroll_rule(data);
    WEND_TRY(index_buckets(data));
cleanup:
    if (status != WEND_OK) {
        wendi_tzif_free(data);
    }
    return status;
}

void wendi_tzif_free(wendi_tz_data *data)
{
    wendi_free(data->transitions);
    wendi_free(data->offsets);
    wendi_free(data->buckets);
    *data = (wendi_tz_data){0};
}
