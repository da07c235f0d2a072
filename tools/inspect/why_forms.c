/*
 * The forms a chunk of numbers could have: predicted or plain; doubles as decimals or as bits;
 * sixteen bytes raw, split, or as packed version-4 UUIDs. Text is in why_text_forms.c.
 */
#include <math.h>

#include "tools/inspect/why.h"

enum { EXPONENT_MAX = 15, SAMPLE = 256 };

static uint64_t null_bytes_of(const page_map *page)
{
    uint64_t nulls = page->null_count;
    return nulls == 0 || nulls == page->row_count ? 0 : ((uint64_t)page->row_count + 63) / 64 * 8;
}

static wend_status read_page(why_scratch *scratch, uint32_t p, wendi_vector *vector,
                             wend_error *error)
{
    return wendi_chunk_read(scratch->chunk, p * WENDI_PAGE_ROWS, scratch->map->pages[p].row_count,
                            vector, error);
}

/* Values of 8 bytes that are not null, behind each other. */
static uint32_t gather(const wendi_vector *vector, int64_t *values)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < vector->row_count; i++) {
        values[count] = vector->i64[wendi_vector_index(vector, i)];
        count += !wendi_vector_is_null(vector, i);
    }
    return count;
}

static bool to_decimal(double value, double power, bool real, int64_t *integer)
{
    double scaled = value * power;
    if (!(fabs(scaled) < 9007199254740992.0)) {
        return false; /* beyond 2^53, or NaN */
    }
    *integer = llround(scaled);
    double back = (double)*integer / power;
    back = real ? (double)(float)back : back;
    return memcmp(&back, &value, sizeof back) == 0;
}

/* The power of ten under which the fewest of some values are no decimals. */
static double choose_power(const double *values, uint32_t count, bool real)
{
    uint32_t fewest = UINT32_MAX;
    double best = 1;
    double power = 1;
    for (int exponent = 0; exponent <= EXPONENT_MAX; exponent++, power *= 10) {
        uint32_t failures = 0;
        int64_t integer;
        for (uint32_t i = 0; i < count; i += count / SAMPLE + 1) {
            failures += !to_decimal(values[i], power, real, &integer);
        }
        if (failures < fewest) {
            fewest = failures;
            best = power;
        }
    }
    return best;
}

void why_double_page(why_scratch *scratch, const double *values, uint32_t count, bool real,
                     uint64_t null_bytes, uint64_t *decimal_bytes, uint64_t *bits_bytes)
{
    double power = choose_power(values, count, real);
    uint64_t exceptions = 0;
    int64_t last = 0;
    for (uint32_t i = 0; i < count; i++) {
        int64_t integer;
        if (to_decimal(values[i], power, real, &integer)) {
            last = integer;
        } else {
            exceptions++;
        }
        scratch->integers[i] = last;
    }
    *decimal_bytes =
        why_page_bytes(null_bytes + why_best_stream(scratch, scratch->integers, count) + 8 +
                       (exceptions * 2 + 7) / 8 * 8 + exceptions * 8);
    for (uint32_t i = 0; i < count; i++) {
        float narrow = (float)values[i];
        uint32_t bits = 0;
        memcpy(&bits, &narrow, sizeof bits);
        scratch->integers[i] = (int64_t)bits;
        if (!real) {
            memcpy(&scratch->integers[i], &values[i], sizeof scratch->integers[i]);
        }
    }
    *bits_bytes = why_page_bytes(null_bytes + why_best_stream(scratch, scratch->integers, count));
}

/* Whole chunks in forms: what each takes in sum. */
typedef struct form_sums {
    uint64_t plain; /* integers, or the better of decimals and bits of each page */
    uint64_t decimal;
    uint64_t bits;
    uint64_t raw;
    uint64_t split;
    uint64_t packed;
    bool all_version_4;
} form_sums;

static void add_eight(why_scratch *scratch, const page_map *page, const wendi_vector *vector,
                      form_sums *sums)
{
    uint64_t nulls = null_bytes_of(page);
    uint32_t count = gather(vector, scratch->values);
    if (count == 0) {
        sums->plain += WENDI_PAGE_HEADER_BYTES;
        sums->decimal += WENDI_PAGE_HEADER_BYTES;
        sums->bits += WENDI_PAGE_HEADER_BYTES;
    } else if (wendi_type_physical(vector->type) == WENDI_PHYSICAL_I64) {
        sums->plain += why_page_bytes(nulls + why_best_stream(scratch, scratch->values, count));
    } else {
        uint64_t decimal;
        uint64_t bits;
        why_double_page(scratch, (const double *)scratch->values, count,
                        vector->type.kind == WENDI_TYPE_REAL, nulls, &decimal, &bits);
        sums->decimal += decimal;
        sums->bits += bits;
        sums->plain += decimal < bits ? decimal : bits;
    }
}

static void add_sixteen(why_scratch *scratch, const page_map *page, const wendi_vector *vector,
                        form_sums *sums)
{
    uint64_t nulls = null_bytes_of(page);
    uint32_t count = 0;
    bool version_4 = true;
    for (uint32_t i = 0; i < vector->row_count; i++) {
        const wendi_b16 *value = &vector->b16[wendi_vector_index(vector, i)];
        uint64_t upper = __builtin_bswap64(value->word[0]);
        uint64_t lower = __builtin_bswap64(value->word[1]);
        scratch->values[count] = (int64_t)upper;
        scratch->integers[count] = (int64_t)lower;
        bool null = wendi_vector_is_null(vector, i);
        version_4 = version_4 && (null || ((upper >> 12 & 15) == 4 && lower >> 62 == 2));
        count += !null;
    }
    if (count == 0) {
        sums->raw += WENDI_PAGE_HEADER_BYTES;
        sums->split += WENDI_PAGE_HEADER_BYTES;
        sums->packed += WENDI_PAGE_HEADER_BYTES;
        return;
    }
    sums->raw += why_page_bytes(nulls + (uint64_t)count * 16);
    sums->split += why_page_bytes(nulls + why_best_stream(scratch, scratch->values, count) +
                                  why_best_stream(scratch, scratch->integers, count));
    sums->all_version_4 = sums->all_version_4 && version_4;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t upper = (uint64_t)scratch->values[i];
        scratch->values[i] = (int64_t)(upper >> 16 << 12 | (upper & 0xfff));
        scratch->integers[i] = (int64_t)((uint64_t)scratch->integers[i] & (UINT64_MAX >> 2));
    }
    sums->packed += why_page_bytes(nulls + why_best_stream(scratch, scratch->values, count) +
                                   why_best_stream(scratch, scratch->integers, count));
}

/* Whether all pages with values have the layout. */
static bool is_layout(const chunk_map *map, uint8_t layout)
{
    bool found = false;
    for (uint32_t p = 0; p < map->page_count; p++) {
        found = found || map->pages[p].layout == layout;
        if (map->pages[p].layout != layout && map->pages[p].layout != WENDI_LAYOUT_NULL) {
            return false;
        }
    }
    return found;
}

static void count_forms(const why_scratch *scratch, why_column *column, const form_sums *sums)
{
    const chunk_map *map = scratch->map;
    uint64_t written = map->page_bytes + map->prediction_bytes;
    why_options *forms = &column->forms;
    if (map->prediction_bytes > 0) {
        why_count(forms, "predicted", true, written, written, written);
        why_count(forms, "plain", false, sums->plain, sums->plain, written);
    }
    switch (wendi_type_physical(scratch->type)) {
    case WENDI_PHYSICAL_F64:
        why_count(forms, "decimals", is_layout(map, WENDI_LAYOUT_DECIMAL), sums->decimal,
                  sums->decimal, written);
        why_count(forms, "bits",
                  is_layout(map, WENDI_LAYOUT_DOUBLE) || is_layout(map, WENDI_LAYOUT_FLOAT),
                  sums->bits, sums->bits, written);
        break;
    case WENDI_PHYSICAL_B16:
        why_count(forms, "16 bytes each", is_layout(map, WENDI_LAYOUT_RAW16), sums->raw, sums->raw,
                  written);
        why_count(forms, "two streams", is_layout(map, WENDI_LAYOUT_SPLIT16), sums->split,
                  sums->split, written);
        if (sums->all_version_4) {
            why_count(forms, "packed version-4 UUIDs", is_layout(map, WENDI_LAYOUT_UUID4),
                      sums->packed, sums->packed, written);
        }
        break;
    default:
        break;
    }
}

wend_status why_forms(why_scratch *scratch, why_column *column, wend_error *error)
{
    wend_status status = WEND_OK;
    form_sums sums = {.all_version_4 = scratch->type.kind == WENDI_TYPE_UUID};
    wendi_physical physical = wendi_type_physical(scratch->type);
    if (physical == WENDI_PHYSICAL_STRING) {
        return why_text_forms(scratch, column, error);
    }
    if (physical == WENDI_PHYSICAL_I64 && scratch->map->prediction_bytes == 0) {
        return WEND_OK; /* There is one form, and its codecs were weighed. */
    }
    for (uint32_t p = 0; p < scratch->map->page_count; p++) {
        wendi_vector vector;
        WEND_TRY(read_page(scratch, p, &vector, error));
        if (physical == WENDI_PHYSICAL_B16) {
            add_sixteen(scratch, &scratch->map->pages[p], &vector, &sums);
        } else {
            add_eight(scratch, &scratch->map->pages[p], &vector, &sums);
        }
    }
    count_forms(scratch, column, &sums);
cleanup:
    return status;
}
