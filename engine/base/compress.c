/*
 * The only file that sees libzstd.
 *
 * One-shot calls use a context per thread, made at its first call and freed at its end: making one
 * costs more than compressing a page. The contexts' memory is the library's own.
 */
#include "engine/base/compress.h"

#include <pthread.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "engine/base/alloc.h"

typedef struct contexts {
    ZSTD_CCtx *compress;
    ZSTD_DCtx *decompress;
} contexts;

struct wendi_decompress_stream {
    ZSTD_DCtx *context;
};

static pthread_key_t contexts_key;
static pthread_once_t contexts_once = PTHREAD_ONCE_INIT;
static int contexts_key_refused;

static void free_contexts(void *memory)
{
    contexts *own = memory;
    ZSTD_freeCCtx(own->compress);
    ZSTD_freeDCtx(own->decompress);
    wendi_free(own);
}

static void make_key(void)
{
    contexts_key_refused = pthread_key_create(&contexts_key, free_contexts);
}

static contexts *own_contexts(void)
{
    if (pthread_once(&contexts_once, make_key) != 0 || contexts_key_refused != 0) {
        return NULL;
    }
    contexts *own = pthread_getspecific(contexts_key);
    if (own == NULL) {
        own = wendi_alloc_zero(1, sizeof *own);
        if (own != NULL && pthread_setspecific(contexts_key, own) != 0) {
            wendi_free(own);
            own = NULL;
        }
    }
    return own;
}

size_t wendi_compress_bound(size_t length)
{
    return ZSTD_compressBound(length);
}

wend_status wendi_compress(const void *bytes, size_t length, int level, void *out, size_t capacity, size_t *out_length)
{
    contexts *own = own_contexts();
    if (own != NULL && own->compress == NULL) {
        own->compress = ZSTD_createCCtx();
    }
    if (own == NULL || own->compress == NULL) {
        return WEND_NOMEM;
    }
    size_t made = ZSTD_compressCCtx(own->compress, out, capacity, bytes, length, level);
    if (ZSTD_isError(made)) {
        return ZSTD_getErrorCode(made) == ZSTD_error_memory_allocation ? WEND_NOMEM : WEND_INVALID;
    }
    *out_length = made;
    return WEND_OK;
}

static wend_status status_of(size_t result)
{
    if (!ZSTD_isError(result)) {
        return WEND_OK;
    }
    return ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation ? WEND_NOMEM : WEND_CORRUPT;
}

wend_status wendi_decompress(const void *bytes, size_t length, void *out, size_t out_length)
{
    contexts *own = own_contexts();
    if (own != NULL && own->decompress == NULL) {
        own->decompress = ZSTD_createDCtx();
    }
    if (own == NULL || own->decompress == NULL) {
        return WEND_NOMEM;
    }
    size_t made = ZSTD_decompressDCtx(own->decompress, out, out_length, bytes, length);
    wend_status status = status_of(made);
    return status == WEND_OK && made != out_length ? WEND_CORRUPT : status;
}

wend_status wendi_decompress_stream_open(wendi_decompress_stream **stream_out, wend_error *error)
{
    *stream_out = NULL;
    wendi_decompress_stream *stream = wendi_alloc(sizeof *stream);
    if (stream == NULL) {
        return wendi_fail_nomem(error, "decompressing", sizeof *stream);
    }
    stream->context = ZSTD_createDCtx();
    if (stream->context == NULL) {
        wendi_free(stream);
        return wendi_fail_nomem(error, "decompressing", ZSTD_DStreamOutSize());
    }
    *stream_out = stream;
    return WEND_OK;
}

wend_status wendi_decompress_stream_next(wendi_decompress_stream *stream, const void *in, size_t in_length, size_t *in_at,
                                         void *out, size_t capacity, size_t *out_at, bool *frame_done)
{
    ZSTD_inBuffer input = {in, in_length, *in_at};
    ZSTD_outBuffer output = {out, capacity, *out_at};
    size_t left = ZSTD_decompressStream(stream->context, &output, &input);
    *in_at = input.pos;
    *out_at = output.pos;
    *frame_done = left == 0;
    return status_of(left);
}

void wendi_decompress_stream_close(wendi_decompress_stream *stream)
{
    if (stream != NULL) {
        ZSTD_freeDCtx(stream->context);
        wendi_free(stream);
    }
}
