/* Queries of the public API. */
#include <stdatomic.h>
#include <string.h>

#include "engine/api/api_internal.h"
#include "engine/base/alloc.h"
#include "engine/base/status.h"
#include "query/behaviour/behaviour.h"
#include "query/query.h"
#include "query/table_function.h"

struct wend_query {
    wendi_query_context context;
    bool context_ready;
    wendi_thread_pool *pool;
    wendi_query *query; /* NULL once the stream has it */
    _Atomic int cancelled;
    wend_error error; /* of the stream */
    bool streamed;
};

WEND_API void wend_query_options_init(wend_query_options *options)
{
    *options = (wend_query_options){0};
}

static wend_status apply_options(wend_query *query, const wend_query_options *options,
                                 wend_error *error)
{
    wend_status status = WEND_OK;
    wend_query_options defaults;

    if (options == NULL) {
        wend_query_options_init(&defaults);
        options = &defaults;
    }
    uint32_t threads = options->thread_count == 0 ? wendi_cpu_count() : options->thread_count;
    if (threads > 1) {
        WEND_TRY(wendi_thread_pool_open(threads, &query->pool, error));
    }
    query->context.pool = query->pool;
    query->context.memory.limit_bytes = options->memory_bytes;
    query->context.skip_corrupt = options->skip_corrupt;
    query->context.cancelled = &query->cancelled;
    if (options->time_zone != NULL) {
        WEND_TRY(wendi_timezone_find(wendi_string_of(options->time_zone),
                                     &query->context.session.zone, error));
    }
cleanup:
    return status;
}

static wend_status open_query(wend_store *store, const char *sql,
                              const wend_query_options *options, wend_query **query_out,
                              wend_error *error)
{
    wend_status status = WEND_OK;
    wend_query *query = NULL;

    query = wendi_alloc_zero(1, sizeof *query);
    if (query == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "a query", sizeof *query));
    }
    WEND_TRY(wendi_query_context_init(&query->context, error));
    query->context_ready = true;
    query->context.open_tables = store->open_tables;
    query->context.functions = wendi_behaviour_functions;
    query->context.function_count = wendi_behaviour_function_count;
    WEND_TRY(apply_options(query, options, error));
    WEND_TRY(wendi_query_open(&query->context, wendi_string_of(sql), &query->query, error));
    *query_out = query;
    query = NULL;
cleanup:
    wend_query_close(query);
    return status;
}

WEND_API wend_status wend_query_open(wend_store *store, const char *sql,
                                     const wend_query_options *options, wend_query **query_out,
                                     wend_error *error)
{
    wend_status status = WEND_OK;
    wend_query *query = NULL;

    WEND_TRY(wendi_api_argument(query_out, "query_out", error));
    *query_out = NULL;
    WEND_TRY(wendi_api_argument(store, "store", error));
    WEND_TRY(wendi_api_argument(sql, "sql", error));
    status = open_query(store, sql, options, &query, error);
    if (status == WEND_CONFLICT) { /* a segment went while we looked: what the log says now is right */
        status = open_query(store, sql, options, &query, error);
    }
    WEND_TRY(status);
    *query_out = query;
    query = NULL;
cleanup:
    wend_query_close(query);
    return status;
}

WEND_API wend_status wend_query_stream(wend_query *query, struct ArrowArrayStream *stream_out,
                                       wend_error *error)
{
    wend_status status = WEND_OK;

    WEND_TRY(wendi_api_argument(stream_out, "stream_out", error));
    memset(stream_out, 0, sizeof *stream_out);
    WEND_TRY(wendi_api_argument(query, "query", error));
    if (query->streamed) {
        WEND_TRY(wendi_fail(error, WEND_INVALID, "the query's stream was taken already"));
    }
    query->streamed = true;
    wendi_query *taken = query->query;
    query->query = NULL;
    WEND_TRY(wendi_query_export(taken, &query->error, NULL, NULL, stream_out, error));
cleanup:
    return status;
}

WEND_API const wend_error *wend_query_error(const wend_query *query)
{
    return &query->error;
}

WEND_API size_t wend_query_note_count(const wend_query *query)
{
    return query->context.notes.count;
}

WEND_API const char *wend_query_note(const wend_query *query, size_t index)
{
    return index < query->context.notes.count ? query->context.notes.texts[index].data : NULL;
}

WEND_API uint64_t wend_query_peak_bytes(const wend_query *query)
{
    return atomic_load(&query->context.memory.peak_bytes);
}

WEND_API void wend_query_cancel(wend_query *query)
{
    atomic_store_explicit(&query->cancelled, 1, memory_order_relaxed);
}

WEND_API void wend_query_close(wend_query *query)
{
    if (query == NULL) {
        return;
    }
    wendi_query_close(query->query);
    if (query->context_ready) {
        wendi_query_context_free(&query->context);
    }
    wendi_thread_pool_close(query->pool);
    wendi_free(query);
}
