/**
 * Decoders of Parquet's integer encodings and of Thrift's compact protocol, bit by bit as the
 * specifications read and as slow as that is: what the exporter's encoders are held against.
 */
#ifndef WEND_TEST_PARQUET_NAIVE_H
#define WEND_TEST_PARQUET_NAIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Each returns the bytes consumed, or 0 when the bytes are not a valid encoding of `count` values.
 */
size_t parquet_naive_rle(const uint8_t *data, size_t length, unsigned width, uint32_t *values,
                         size_t count);
/** `is_i32`: values wrap at 32 bits and no miniblock may be wider. */
size_t parquet_naive_delta(const uint8_t *data, size_t length, bool is_i32, int64_t *values,
                           size_t count);

/** Write the struct at `data` as text, such as "{1:5,3:[T,F],5:'a'}"; bytes consumed, 0 if invalid.
 */
size_t parquet_naive_thrift(const uint8_t *data, size_t length, char *text, size_t text_bytes);

#endif
