/* Segments in memory and columns of many shapes; see segment_fixture.h. */
#include "tests/support/segment_fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include "engine/base/alloc.h"
#include "engine/column/value.h"

static wend_status sink_write(void *context, const void *bytes, size_t length, wend_error *error)
{
    segment_bytes *to = context;
    wend_status status = wendi_buffer_append(&to->bytes, bytes, length);
    return status == WEND_OK ? status : wendi_fail_nomem(error, "test sink", length);
}

static wend_status source_read(void *context, uint64_t offset, void *buffer, size_t length, wend_error *error)
{
    segment_bytes *from = context;
    if (from->refuse || offset > from->bytes.length || length > from->bytes.length - offset) {
        return wendi_fail(error, WEND_IO, "read of %zu bytes at %llu refused", length, (unsigned long long)offset);
    }
    from->read_from = from->read_calls == 0 || offset < from->read_from ? offset : from->read_from;
    from->read_to = offset + length > from->read_to ? offset + length : from->read_to;
    from->read_calls++;
    memcpy(buffer, from->bytes.data + offset, length);
    return WEND_OK;
}

wend_status segment_bytes_read_quietly(void *context, uint64_t offset, void *buffer, size_t length, wend_error *error)
{
    const segment_bytes *from = context;
    if (offset > from->bytes.length || length > from->bytes.length - offset) {
        return wendi_fail(error, WEND_IO, "read beyond the end");
    }
    memcpy(buffer, from->bytes.data + offset, length);
    return WEND_OK;
}

wendi_segment_sink segment_bytes_sink(segment_bytes *bytes)
{
    return (wendi_segment_sink){.context = bytes, .write = sink_write};
}

wendi_segment_source segment_bytes_source(segment_bytes *bytes)
{
    return (wendi_segment_source){.context = bytes, .name = "test.wseg", .length = bytes->bytes.length,
                                  .read = source_read};
}

wendi_segment_expected segment_bytes_expected(const wendi_segment_summary *summary, const uint8_t *uuid)
{
    wendi_segment_expected expected = {.file_bytes = summary->file_bytes, .footer_offset = summary->footer_offset,
                                       .footer_checksum = summary->footer_checksum};
    memcpy(expected.uuid, uuid, 16);
    return expected;
}

uint64_t random_next(uint64_t *state)
{
    *state += UINT64_C(0x9e3779b97f4a7c15);
    return wendi_mix64(*state);
}

uint64_t random_below(uint64_t *state, uint64_t limit)
{
    return random_next(state) % limit;
}

int64_t shaped_value(column_shape shape, uint64_t *state, int64_t before, uint32_t row)
{
    uint64_t draw = random_next(state);
    switch (shape) {
    case SHAPE_CONSTANT:
        return 42;
    case SHAPE_SMALL:
        return (int64_t)(draw % 14) - 3;
    case SHAPE_SKEWED:
        return (int64_t)(draw % 100 == 0 ? draw >> 30 : draw % 50);
    case SHAPE_RISING:
        return INT64_C(1700000000000000) + (int64_t)row * 1000;
    case SHAPE_STEPS:
        return before + (draw % 9 == 0 ? -(int64_t)(draw >> 40) : (int64_t)(draw % 90000));
    case SHAPE_RUNS:
        return draw % 20 == 0 ? (int64_t)(draw >> 20) % 100000 : before;
    case SHAPE_RARE:
        return draw % 200 == 0 ? (int64_t)(draw >> 40) : 7;
    case SHAPE_MULTIPLES:
        return ((int64_t)(draw % 100000) - 50000) * 60000000;
    case SHAPE_EXTREME:
        return draw % 5 == 0 ? INT64_MIN : draw % 5 == 1 ? INT64_MAX : (int64_t)draw;
    case SHAPE_FALLS: /* times within users: rising, and back at the next one */
        return draw % 12 == 0 ? (int64_t)(draw >> 20 & 0xfffffff) * 1000 : before + (int64_t)(draw >> 8 & 0xfff) * 1000;
    case SHAPE_MIXED: /* one value in two out of five rows, the others spread widely */
        return draw % 5 < 2 ? 40000 : (int64_t)(draw >> 8 & 0xffff);
    default:
        return (int64_t)draw;
    }
}

static void *make_values(size_t count, size_t each)
{
    return wendi_alloc_zero(count * each + 64, 1);
}

/* Strings of the shape's numbers; near-unique shapes give near-unique strings. */
static uint32_t render(char *to, int64_t value)
{
    if (value % 5 == 1) { /* longer than the bounds that footers keep */
        return (uint32_t)sprintf(to, "https://shop.example/%0*lld/end-%lld", 70, (long long)(value % 13), (long long)value);
    }
    int length = value % 7 == 0 ? sprintf(to, "%.*s", (int)((uint64_t)value % 3), "xy")
                                : sprintf(to, "https://shop.example/%lld/item?id=%lld", (long long)(value % 97),
                                          (long long)value);
    return (uint32_t)length;
}

static int compare_strings(const void *a, const void *b)
{
    return wendi_string_compare(*(const wendi_string *)a, *(const wendi_string *)b);
}

static wendi_dictionary *dictionary_of(wendi_string *sorted, uint32_t count, bool ordered)
{
    uint32_t *offsets = wendi_alloc(((size_t)count + 2) * sizeof *offsets);
    size_t bytes = 0;
    for (uint32_t i = 0; i < count; i++) {
        bytes += sorted[i].length;
    }
    char *text = wendi_alloc(bytes + 64);
    memset(text, 0, bytes + 64);
    offsets[0] = offsets[1] = 0;
    for (uint32_t i = 0; i < count; i++) {
        memcpy(text + offsets[i + 1], sorted[i].data, sorted[i].length);
        offsets[i + 2] = offsets[i + 1] + sorted[i].length;
    }
    return wendi_dictionary_new(count + 1, offsets, text, ordered);
}

static void code_strings(column_data *column, const wendi_string *strings, uint32_t row_count)
{
    wendi_string *sorted = wendi_alloc(((size_t)row_count + 1) * sizeof *sorted);
    uint32_t *codes = make_values(row_count, sizeof *codes);
    uint32_t count = 0;
    memcpy(sorted, strings, row_count * sizeof *sorted);
    sorted[row_count] = wendi_string_of("zz an entry that no row uses");
    qsort(sorted, (size_t)row_count + 1, sizeof *sorted, compare_strings);
    for (uint32_t i = 0; i <= row_count; i++) {
        if (i == 0 || compare_strings(&sorted[i], &sorted[count - 1]) != 0) {
            sorted[count++] = sorted[i];
        }
    }
    column->dictionary = dictionary_of(sorted, count, true);
    for (uint32_t i = 0; i < row_count; i++) {
        bool null = column->nulls != NULL && column->nulls[i] != 0;
        codes[i] = null ? 0 : wendi_dictionary_find(column->dictionary, strings[i]);
    }
    wendi_free(sorted);
    wendi_free(column->nulls);
    column->nulls = NULL;
    column->values = codes;
    column->vector.form = WENDI_FORM_DICTIONARY;
    column->vector.dictionary = column->dictionary;
    column->vector.nulls = NULL;
    column->vector.codes = codes;
}

static void make_strings(column_data *column, column_shape shape, uint32_t row_count, bool coded, uint64_t *state)
{
    wendi_string *strings = make_values(row_count, sizeof *strings);
    int64_t before = 0;
    size_t at = 0;
    column->bytes = wendi_alloc((size_t)row_count * 160 + 64);
    for (uint32_t i = 0; i < row_count; i++) {
        before = shaped_value(shape, state, before, i);
        bool null = column->nulls != NULL && column->nulls[i] != 0;
        strings[i] = (wendi_string){column->bytes + at, null ? 0 : render(column->bytes + at, before)};
        at += strings[i].length;
    }
    if (coded) {
        code_strings(column, strings, row_count);
        wendi_free(strings);
    } else {
        column->values = strings;
        column->vector.strings = strings;
    }
}

/* A UUID of version 4 for mixed shapes, else a value that rises or falls with the number. */
static wendi_b16 b16_of(wendi_type type, column_shape shape, int64_t number, uint64_t *state)
{
    wendi_b16 value = {{shape == SHAPE_RANDOM ? random_next(state) : 0, __builtin_bswap64((uint64_t)number)}};
    if (shape == SHAPE_MIXED && type.kind == WENDI_TYPE_UUID) {
        value.word[0] = __builtin_bswap64((random_next(state) & ~UINT64_C(0xf000)) | 0x4000);
        value.word[1] = __builtin_bswap64((random_next(state) & UINT64_MAX >> 2) | UINT64_C(1) << 63);
    }
    return value;
}

static void make_numbers(column_data *column, column_shape shape, uint32_t row_count, uint64_t *state)
{
    wendi_type type = column->vector.type;
    wendi_physical physical = wendi_type_physical(type);
    int64_t before = 0;
    column->values = make_values(row_count, 16);
    for (uint32_t i = 0; i < row_count; i++) {
        before = shaped_value(shape, state, before, i);
        if (column->nulls != NULL && column->nulls[i] != 0) {
            continue;
        }
        if (physical == WENDI_PHYSICAL_I64) {
            ((int64_t *)column->values)[i] = type.kind == WENDI_TYPE_BOOLEAN ? before & 1
                                             : type.kind == WENDI_TYPE_DATE  ? (int32_t)before
                                                                             : before;
        } else if (physical == WENDI_PHYSICAL_F64) {
            double value = (double)before / (shape == SHAPE_RANDOM ? 7.0 : 100.0);
            value = (shape == SHAPE_EXTREME && i % 3 == 0) || (shape == SHAPE_RARE && i % 97 == 5) ? -0.0 : value;
            value = shape == SHAPE_EXTREME && i % 31 == 0 ? 0.0 / (double)(i & 0) : value;
            ((double *)column->values)[i] = type.kind == WENDI_TYPE_REAL ? (double)(float)value : value;
        } else {
            ((wendi_b16 *)column->values)[i] = b16_of(type, shape, before, state);
        }
    }
    column->vector.data = column->values;
}

column_data column_make(wendi_type type, column_shape shape, uint32_t row_count, uint32_t null_percent, bool coded,
                        uint64_t seed)
{
    uint64_t state = seed;
    column_data column = {.vector = {.type = type, .form = WENDI_FORM_FLAT, .row_count = row_count}};
    if (null_percent > 0) {
        column.nulls = make_values(row_count, 1);
        for (uint32_t i = 0; i < row_count; i++) {
            column.nulls[i] = random_below(&state, 100) < null_percent;
        }
        column.vector.nulls = column.nulls;
    }
    if (wendi_type_physical(type) == WENDI_PHYSICAL_STRING) {
        make_strings(&column, shape, row_count, coded, &state);
    } else {
        make_numbers(&column, shape, row_count, &state);
    }
    return column;
}

static uint64_t hash_of(wendi_string text)
{
    wendi_value value = {.type = wendi_type_of(WENDI_TYPE_TEXT), .string = text};
    return wendi_value_hash(&value);
}

static int compare_users(const void *a, const void *b)
{
    uint64_t left = hash_of(*(const wendi_string *)a);
    uint64_t right = hash_of(*(const wendi_string *)b);
    return left != right ? (left > right) - (left < right) : compare_strings(a, b);
}

column_data column_make_users(uint32_t row_count, uint32_t users, uint32_t null_rows, uint64_t seed)
{
    uint64_t state = seed;
    column_data column = {.vector = {.type = wendi_type_of(WENDI_TYPE_TEXT), .form = WENDI_FORM_DICTIONARY,
                                     .row_count = row_count}};
    char *text = wendi_alloc((size_t)users * 16);
    wendi_string *names = wendi_alloc((size_t)users * sizeof *names);
    uint32_t *codes = make_values(row_count, sizeof *codes);
    for (uint32_t i = 0; i < users; i++) {
        names[i] = (wendi_string){text + (size_t)i * 16, (uint32_t)sprintf(text + (size_t)i * 16, "user%u", i)};
    }
    qsort(names, users, sizeof *names, compare_users);
    column.dictionary = dictionary_of(names, users, false);
    uint32_t known = row_count - null_rows;
    for (uint32_t i = 0; i < known; i++) {
        uint64_t share = (uint64_t)i * users / (known == 0 ? 1 : known);
        codes[i] = (uint32_t)share + 1;
        if (i > 0 && random_below(&state, 4) == 0) {
            codes[i] = codes[i - 1] > codes[i] ? codes[i - 1] : codes[i];
        }
    }
    column.values = codes;
    column.vector.codes = codes;
    column.vector.dictionary = column.dictionary;
    wendi_free(names);
    wendi_free(text);
    return column;
}

void column_free(column_data *column)
{
    wendi_free(column->values);
    wendi_free(column->nulls);
    wendi_free(column->bytes);
    wendi_dictionary_release(column->dictionary);
}

bool rows_equal(const wendi_vector *left, uint32_t a, const wendi_vector *right, uint32_t b)
{
    bool null = wendi_vector_is_null(left, a);
    if (null != wendi_vector_is_null(right, b)) {
        return false;
    }
    if (wendi_type_physical(left->type) == WENDI_PHYSICAL_STRING) {
        return null || wendi_string_equal(wendi_vector_string(left, a), wendi_vector_string(right, b));
    }
    size_t each = wendi_type_physical(left->type) == WENDI_PHYSICAL_B16 ? 16 : 8;
    const uint8_t *one = (const uint8_t *)left->data + wendi_vector_index(left, a) * each;
    const uint8_t *other = (const uint8_t *)right->data + wendi_vector_index(right, b) * each;
    return memcmp(one, other, each) == 0; /* null rows are 0 in both */
}
