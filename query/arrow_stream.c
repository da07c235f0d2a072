/* A query as an Arrow C stream. */
#include <errno.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "query/arrow_export.h"
#include "query/query.h"

typedef struct query_stream {
    wendi_query *query;
    wendi_arrow_builder *builder;
    wendi_batch held; /* a batch that did not fit into the last array */
    bool holding;
    bool ended;
    wend_error *error; /* the caller's record, or `own` */
    wend_error own;
    void (*released)(void *owner);
    void *owner;
} query_stream;

static int errno_of(wend_status status)
{
    switch (status) {
    case WEND_OK:
        return 0;
    case WEND_NOMEM:
        return ENOMEM;
    case WEND_CANCELLED:
        return ECANCELED;
    case WEND_CORRUPT:
    case WEND_IO:
        return EIO;
    case WEND_UNSUPPORTED:
        return ENOTSUP;
    case WEND_NOT_FOUND:
        return ENOENT;
    default:
        return EINVAL;
    }
}

static int stream_schema(struct ArrowArrayStream *self, struct ArrowSchema *out)
{
    query_stream *stream = self->private_data;
    uint32_t count = 0;
    const wendi_output_column *columns = wendi_query_columns(stream->query, &count);

    return errno_of(wendi_arrow_schema(columns, count, out, stream->error));
}

static wend_status fill(query_stream *stream)
{
    wend_status status = WEND_OK;

    while (!stream->ended) {
        if (!stream->holding) {
            status = wendi_query_next(stream->query, &stream->held, stream->error);
            if (status == WEND_END) {
                stream->ended = true;
                break;
            }
            WEND_TRY(status);
            stream->holding = true;
        }
        if (!wendi_arrow_builder_accepts(stream->builder, &stream->held)) {
            break;
        }
        WEND_TRY(wendi_arrow_builder_append(stream->builder, &stream->held, stream->error));
        stream->holding = false;
    }
    status = WEND_OK;
cleanup:
    return status;
}

static int stream_next(struct ArrowArrayStream *self, struct ArrowArray *out)
{
    query_stream *stream = self->private_data;

    memset(out, 0, sizeof *out);
    wend_status status = fill(stream);
    if (status == WEND_OK && wendi_arrow_builder_rows(stream->builder) > 0) {
        status = wendi_arrow_builder_finish(stream->builder, out, stream->error);
    }
    return errno_of(status);
}

static const char *stream_error(struct ArrowArrayStream *self)
{
    query_stream *stream = self->private_data;
    return stream->error->message[0] == '\0' ? NULL : stream->error->message;
}

static void stream_release(struct ArrowArrayStream *self)
{
    query_stream *stream = self->private_data;

    wendi_query_close(stream->query);
    wendi_arrow_builder_close(stream->builder);
    if (stream->released != NULL) {
        stream->released(stream->owner);
    }
    wendi_free(stream);
    self->release = NULL;
}

wend_status wendi_query_export(wendi_query *query, wend_error *record,
                               void (*released)(void *owner), void *owner,
                               struct ArrowArrayStream *stream_out, wend_error *error)
{
    wend_status status = WEND_OK;
    uint32_t count = 0;
    const wendi_output_column *columns = wendi_query_columns(query, &count);
    query_stream *stream = wendi_alloc_zero(1, sizeof *stream);

    memset(stream_out, 0, sizeof *stream_out);
    if (stream == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "an Arrow stream", sizeof *stream));
    }
    WEND_TRY(wendi_arrow_builder_open(columns, count, &stream->builder, error));
    stream->query = query;
    stream->released = released;
    stream->owner = owner;
    stream->error = record == NULL ? &stream->own : record;
    *stream_out =
        (struct ArrowArrayStream){stream_schema, stream_next, stream_error, stream_release, stream};
    query = NULL;
    stream = NULL;
cleanup:
    wendi_query_close(query);
    wendi_free(stream);
    return status;
}
