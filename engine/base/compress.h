/**
 * Zstandard (RFC 8878) in one shot. The only door to libzstd inside the engine.
 */
#ifndef WENDI_BASE_COMPRESS_H
#define WENDI_BASE_COMPRESS_H

#include "engine/base/bytes.h"

/** The most bytes that `length` bytes may compress to. */
size_t wendi_compress_bound(size_t length);
/** Compress into `out` (capacity at least the bound); thread safe (a context per thread, freed with it). */
wend_status wendi_compress(const void *bytes, size_t length, int level, void *out, size_t capacity, size_t *out_length);
/** Decompress exactly `out_length` bytes; WEND_CORRUPT when the frame is bad or has another size, WEND_NOMEM. */
wend_status wendi_decompress(const void *bytes, size_t length, void *out, size_t out_length);

/** A stream that decompresses a file's bytes bit by bit (several frames follow on each other). */
typedef struct wendi_decompress_stream wendi_decompress_stream;
wend_status wendi_decompress_stream_open(wendi_decompress_stream **stream_out, wend_error *error);
/** Consume from in[*in_at..in_length), fill out[*out_at..capacity). `*frame_done`: a frame ended exactly here. */
wend_status wendi_decompress_stream_next(wendi_decompress_stream *stream, const void *in, size_t in_length, size_t *in_at,
                                         void *out, size_t capacity, size_t *out_at, bool *frame_done);
void wendi_decompress_stream_close(wendi_decompress_stream *stream);

#endif
