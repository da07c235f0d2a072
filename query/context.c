/* What a query has in common with itself: limits, notes and pinned snapshots. */
#include "query/context.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/clock.h"

wend_status wendi_query_context_init(wendi_query_context *context, wend_error *error)
{
    memset(context, 0, sizeof *context);
    context->session.zone = wendi_timezone_utc();
    context->session.now_us = wendi_clock_wall_us();
    if (pthread_mutex_init(&context->notes.mutex, NULL) != 0) {
        return wendi_fail(error, WEND_NOMEM, "cannot make a lock for a query");
    }
    return WEND_OK;
}

static void table_close(wendi_query_context *context, wendi_query_table *table)
{
    wendi_snapshot_release(table->snapshot);
    wendi_table_close(table->table);
    if (table->open != NULL) {
        wendi_open_tables_release(context->open_tables, table->open);
    }
    wendi_free((void *)(uintptr_t)table->name.data);
}

void wendi_query_context_free(wendi_query_context *context)
{
    for (uint32_t i = 0; i < context->table_count; i++) {
        table_close(context, &context->tables[i]);
    }
    wendi_free(context->tables);
    wendi_free(context->notes.texts);
    wendi_arena_free(&context->notes.arena);
    pthread_mutex_destroy(&context->notes.mutex);
    memset(context, 0, sizeof *context);
}

static wend_status table_slot(wendi_query_context *context, wendi_string name,
                              wendi_query_table **slot_out, wend_error *error)
{
    if (context->table_count == context->table_capacity) {
        uint32_t capacity = context->table_capacity == 0 ? 4 : context->table_capacity * 2;
        wendi_query_table *tables = wendi_realloc(context->tables, capacity * sizeof *tables);
        if (tables == NULL) {
            return wendi_fail_nomem(error, "a query's tables", capacity * sizeof *tables);
        }
        context->tables = tables;
        context->table_capacity = capacity;
    }
    char *copy = wendi_alloc((size_t)name.length + 1);
    if (copy == NULL) {
        return wendi_fail_nomem(error, "a table's name", name.length);
    }
    memcpy(copy, name.data, name.length);
    copy[name.length] = '\0';
    *slot_out = &context->tables[context->table_count];
    **slot_out = (wendi_query_table){.name = {copy, name.length}};
    context->table_count++;
    return WEND_OK;
}

static const wendi_query_table *table_find(const wendi_query_context *context, wendi_string name)
{
    for (uint32_t i = 0; i < context->table_count; i++) {
        if (wendi_string_equal(context->tables[i].name, name)) {
            return &context->tables[i];
        }
    }
    return NULL;
}

/* Table and snapshot for `slot`, which owns what was opened, also on failure. */
static wend_status open_table(wendi_query_context *context, wendi_string name,
                              wendi_query_table *slot, wend_error *error)
{
    if (context->open_tables != NULL) {
        return wendi_open_tables_acquire(context->open_tables, name, &slot->open, &slot->snapshot,
                                         error);
    }
    if (context->store == NULL) {
        return wendi_fail(error, WEND_NOT_FOUND, "table \"%.*s\" does not exist", (int)name.length,
                          name.data);
    }
    wend_status status = wendi_table_open(context->store, name, &slot->table, error);
    return status == WEND_OK ? wendi_table_snapshot(slot->table, &slot->snapshot, error) : status;
}

wend_status wendi_query_snapshot(wendi_query_context *context, wendi_string name,
                                 wendi_snapshot **snapshot_out, wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_query_table *slot = NULL;
    const wendi_query_table *known = table_find(context, name);

    *snapshot_out = NULL;
    if (known != NULL) {
        *snapshot_out = known->snapshot;
        return WEND_OK;
    }
    WEND_TRY(table_slot(context, name, &slot, error));
    status = open_table(context, name, slot, error);
    if (status != WEND_OK) {
        table_close(context, slot);
        context->table_count--; /* the slot is the last one */
        return status;
    }
    *snapshot_out = slot->snapshot;
cleanup:
    return status;
}

wend_status wendi_query_check(const wendi_query_context *context, wend_error *error)
{
    if (context->cancelled != NULL &&
        atomic_load_explicit(context->cancelled, memory_order_relaxed) != 0) {
        return wendi_fail(error, WEND_CANCELLED, "the query was cancelled");
    }
    return WEND_OK;
}

wend_status wendi_query_reserve(wendi_query_context *context, uint64_t bytes, const char *what,
                                wend_error *error)
{
    wendi_query_memory *memory = &context->memory;
    uint64_t used = atomic_fetch_add(&memory->used_bytes, bytes) + bytes;
    uint64_t peak = atomic_load(&memory->peak_bytes);

    while (used > peak && !atomic_compare_exchange_weak(&memory->peak_bytes, &peak, used)) {
    }
    if (memory->limit_bytes != 0 && used > memory->limit_bytes) {
        atomic_fetch_sub(&memory->used_bytes, bytes);
        wendi_fail(error, WEND_NOMEM,
                   "%s needs %" PRIu64 " bytes more, beyond the query's limit of %" PRIu64 " bytes",
                   what, bytes, memory->limit_bytes);
        wendi_error_hint(error,
                         "Raise the memory limit, or narrow the query by WHERE or fewer groups.");
        return WEND_NOMEM;
    }
    return WEND_OK;
}

void wendi_query_unreserve(wendi_query_context *context, uint64_t bytes)
{
    atomic_fetch_sub(&context->memory.used_bytes, bytes);
}

static wend_status note_add(wendi_query_notes *notes, const char *text, wend_error *error)
{
    size_t length = strlen(text);

    for (uint32_t i = 0; i < notes->count; i++) {
        if (notes->texts[i].length == length && memcmp(notes->texts[i].data, text, length) == 0) {
            return WEND_OK;
        }
    }
    if (notes->count == notes->capacity) {
        uint32_t capacity = notes->capacity == 0 ? 8 : notes->capacity * 2;
        wendi_string *texts = wendi_realloc(notes->texts, capacity * sizeof *texts);
        if (texts == NULL) {
            return wendi_fail_nomem(error, "a query's notes", capacity * sizeof *texts);
        }
        notes->texts = texts;
        notes->capacity = capacity;
    }
    char *copy = wendi_arena_copy(&notes->arena, text, length);
    if (copy == NULL) {
        return wendi_fail_nomem(error, "a query's note", length);
    }
    notes->texts[notes->count++] = (wendi_string){copy, (uint32_t)length};
    return WEND_OK;
}

wend_status wendi_query_note(wendi_query_context *context, wend_error *error, const char *format,
                             ...)
{
    char text[1024];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    pthread_mutex_lock(&context->notes.mutex);
    wend_status status = note_add(&context->notes, text, error);
    pthread_mutex_unlock(&context->notes.mutex);
    return status;
}
