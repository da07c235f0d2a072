/* Text and numbers in HTML; see html_page.h. */
#include <inttypes.h>
#include <stdlib.h>

#include "engine/base/alloc.h"
#include "tools/inspect/html_page.h"
#include "tools/inspect/json_text.h"

const char *const html_part_classes[PART_COUNT] = {"values", "nulls", "dict",
                                                   "pred",   "head",  "pad"};

/* One character: what HTML or a browser could take for something else goes by number. */
static void put_character(const uint8_t *at, size_t length, FILE *out)
{
    if (length == 0 || at[0] < 32 || at[0] == 127) {
        fputs("&#65533;", out);
    } else if (strchr("<>&\"'`", at[0]) != NULL) {
        fprintf(out, "&#%u;", at[0]);
    } else {
        fwrite(at, 1, length, out);
    }
}

void html_cut(wendi_string text, uint32_t characters, FILE *out)
{
    const uint8_t *bytes = (const uint8_t *)text.data;
    uint32_t shown = 0;
    for (uint32_t i = 0; i < text.length; shown++) {
        if (shown + 1 >= characters && i + 1 < text.length) {
            fputs("\u2026", out);
            return;
        }
        size_t length = utf8_length(bytes + i, text.length - i);
        put_character(bytes + i, length, out);
        i += length == 0 ? 1 : (uint32_t)length;
    }
}

void html_string(wendi_string text, FILE *out)
{
    html_cut(text, UINT32_MAX, out);
}

void html_text(const char *text, FILE *out)
{
    html_string(wendi_string_of(text), out);
}

const char *html_number(uint64_t number, char text[32])
{
    char digits[24];
    int count = snprintf(digits, sizeof digits, "%" PRIu64, number);
    char *to = text;
    for (int i = 0; i < count; i++) {
        if (i > 0 && (count - i) % 3 == 0) {
            *to++ = ',';
        }
        *to++ = digits[i];
    }
    *to = '\0';
    return text;
}

const char *html_size(uint64_t bytes, char text[32])
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    double size = (double)bytes;
    int unit = 0;
    while (size >= 999.5 && unit < 4) {
        size /= 1000;
        unit++;
    }
    snprintf(text, 32,
             unit == 0 || size >= 99.95 ? "%.0f %s"
             : size >= 9.995            ? "%.1f %s"
                                        : "%.2f %s",
             size, units[unit]);
    return text;
}

static const map_total *sorting; /* qsort has no context, and pages are made by one thread */

static int compare_columns(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a;
    uint32_t right = *(const uint32_t *)b;
    uint64_t left_bytes = column_total_bytes(&sorting->columns[left]);
    uint64_t right_bytes = column_total_bytes(&sorting->columns[right]);
    return left_bytes != right_bytes ? (left_bytes < right_bytes) - (left_bytes > right_bytes)
                                     : (left > right) - (left < right);
}

uint32_t *html_by_size(const map_total *total)
{
    uint32_t *order = wendi_alloc(total->column_count * sizeof *order);
    if (order == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < total->column_count; i++) {
        order[i] = i;
    }
    sorting = total;
    qsort(order, total->column_count, sizeof *order, compare_columns);
    return order;
}
