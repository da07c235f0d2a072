/* A small table of reason texts. Rejects are rare, and those of one reason come together. */
#include "ingest/intake_reasons.h"

#include <stdio.h>
#include <stdlib.h>

static void reason_text(const wendi_reject *reject, wendi_string rule, char text[WENDI_INGEST_REASON_BYTES])
{
    static const char *const forms[WENDI_REJECT_KIND_COUNT] = {
        [WENDI_REJECT_NOT_OBJECT] = "a JSON value that is no object",
        [WENDI_REJECT_TOO_LONG] = "message too long",
        [WENDI_REJECT_DUPLICATE_KEY] = "duplicate key",
        [WENDI_REJECT_TYPE] = "wrong type for column %.*s",
        [WENDI_REJECT_VALUE] = "wrong value for column %.*s",
        [WENDI_REJECT_NOT_NULL] = "null in column %.*s, which is NOT NULL",
        [WENDI_REJECT_FUTURE] = "time in column %.*s is later than now and max_future allow",
        [WENDI_REJECT_EXPIRED] = "time in column %.*s is older than the table's retention",
        [WENDI_REJECT_CHECK] = "CHECK %.*s is false",
        [WENDI_REJECT_GENERATED] = "%.*s cannot be computed",
        [WENDI_REJECT_FRAMING] = "schema-registry framing missing or not expected (see --framing)",
    };
    const char *form = reject->kind == WENDI_REJECT_JSON ? wendi_json_fault_text(reject->fault) : forms[reject->kind];
    const char *name = strstr(form, "%.*s");
    int before = name == NULL ? (int)strlen(form) : (int)(name - form);
    snprintf(text, WENDI_INGEST_REASON_BYTES, "%.*s%.*s%s", before, form, name == NULL ? 0 : (int)rule.length,
             name == NULL ? "" : rule.data, name == NULL ? "" : name + 4);
}

static void add(wendi_intake_reasons *reasons, const char text[WENDI_INGEST_REASON_BYTES], uint64_t count)
{
    if (reasons->last < reasons->count && strcmp(reasons->entries[reasons->last].text, text) == 0) {
        reasons->entries[reasons->last].count += count;
        return;
    }
    for (uint32_t i = 0; i < reasons->count; i++) {
        if (strcmp(reasons->entries[i].text, text) == 0) {
            reasons->entries[i].count += count;
            reasons->last = i;
            return;
        }
    }
    if (reasons->count == WENDI_INGEST_REASONS_MAX - 1) {
        reasons->others += count;
        return;
    }
    memcpy(reasons->entries[reasons->count].text, text, WENDI_INGEST_REASON_BYTES);
    reasons->entries[reasons->count].count = count;
    reasons->last = reasons->count++;
}

void wendi_intake_reasons_add(wendi_intake_reasons *reasons, const wendi_reject *reject, wendi_string rule)
{
    char text[WENDI_INGEST_REASON_BYTES];
    reason_text(reject, rule, text);
    add(reasons, text, 1);
}

void wendi_intake_reasons_reset(wendi_intake_reasons *reasons)
{
    reasons->count = 0;
    reasons->last = 0;
    reasons->others = 0;
}

void wendi_intake_reasons_merge(wendi_intake_reasons *into, const wendi_intake_reasons *more)
{
    for (uint32_t i = 0; i < more->count; i++) {
        add(into, more->entries[i].text, more->entries[i].count);
    }
    into->others += more->others;
}

static int by_count(const void *left, const void *right)
{
    const wendi_ingest_reason *a = left;
    const wendi_ingest_reason *b = right;
    return a->count != b->count ? (a->count < b->count ? 1 : -1) : strcmp(a->text, b->text);
}

uint32_t wendi_intake_reasons_list(const wendi_intake_reasons *reasons, wendi_ingest_reason list[WENDI_INGEST_REASONS_MAX])
{
    uint32_t count = reasons->count;
    memcpy(list, reasons->entries, count * sizeof *list);
    qsort(list, count, sizeof *list, by_count);
    if (reasons->others != 0) {
        snprintf(list[count].text, sizeof list[count].text, "other reasons");
        list[count++].count = reasons->others;
    }
    return count;
}
