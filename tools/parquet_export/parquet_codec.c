/*
 * Page compression and checksums. One zstd context serves the whole export, since making one costs
 * more than compressing a small page.
 */
#include "tools/parquet_export/parquet_codec.h"

#include <pthread.h>
#include <snappy-c.h>
#include <string.h>
#include <zstd.h>

struct parquet_codec {
    ZSTD_CCtx *zstd;
};

static wend_status set_up(parquet_codec *codec, int32_t zstd_level, wend_error *error)
{
    size_t code;

    codec->zstd = ZSTD_createCCtx();
    if (codec->zstd == NULL) {
        return WEND_NOMEM;
    }
    code = ZSTD_CCtx_setParameter(codec->zstd, ZSTD_c_compressionLevel, zstd_level);
    if (ZSTD_isError(code)) {
        return parquet_fail(error, WEND_INVALID, "zstd level %d: %s", zstd_level,
                            ZSTD_getErrorName(code));
    }
    return WEND_OK;
}

wend_status parquet_codec_open(parquet_codec **codec_out, int32_t zstd_level, wend_error *error)
{
    parquet_codec *codec = parquet_alloc_zero(1, sizeof(*codec));
    wend_status status;

    *codec_out = NULL;
    if (codec == NULL) {
        return WEND_NOMEM;
    }
    status = set_up(codec, zstd_level, error);
    if (status != WEND_OK) {
        parquet_codec_close(codec);
        return status;
    }
    *codec_out = codec;
    return WEND_OK;
}

void parquet_codec_close(parquet_codec *codec)
{
    if (codec != NULL) {
        ZSTD_freeCCtx(codec->zstd);
        parquet_free(codec);
    }
}

static wend_status append_zstd(parquet_codec *codec, const void *data, size_t count,
                               parquet_bytes *out, wend_error *error)
{
    size_t bound = ZSTD_compressBound(count);
    wend_status status = parquet_bytes_reserve(out, bound);
    size_t written;

    if (status != WEND_OK) {
        return status;
    }
    written = ZSTD_compress2(codec->zstd, out->data + out->length, bound, data, count);
    if (ZSTD_isError(written)) {
        return parquet_fail(error, WEND_NOMEM, "zstd could not compress a page of %zu bytes: %s",
                            count, ZSTD_getErrorName(written));
    }
    out->length += written;
    return WEND_OK;
}

static wend_status append_snappy(const void *data, size_t count, parquet_bytes *out,
                                 wend_error *error)
{
    size_t written = snappy_max_compressed_length(count);
    wend_status status = parquet_bytes_reserve(out, written);

    if (status != WEND_OK) {
        return status;
    }
    if (snappy_compress(data, count, (char *)out->data + out->length, &written) != SNAPPY_OK) {
        return parquet_fail(error, WEND_NOMEM, "snappy could not compress a page of %zu bytes",
                            count);
    }
    out->length += written;
    return WEND_OK;
}

wend_status parquet_codec_append(parquet_codec *codec, parquet_compression compression,
                                 const void *data, size_t count, parquet_bytes *out,
                                 wend_error *error)
{
    switch (compression) {
    case PARQUET_COMPRESSION_ZSTD:
        return append_zstd(codec, data, count, out, error);
    case PARQUET_COMPRESSION_SNAPPY:
        return append_snappy(data, count, out, error);
    case PARQUET_COMPRESSION_NONE:
        break;
    }
    return parquet_bytes_append(out, data, count);
}

/* Eight bytes a step ("slicing by 8", Kounavis and Berry 2005): table k is k zero bytes further. */
static uint32_t crc_tables[8][256];
static pthread_once_t crc_once = PTHREAD_ONCE_INIT;

static void crc_set_up(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;

        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xEDB88320u : 0);
        }
        crc_tables[0][i] = crc;
    }
    for (int k = 1; k < 8; k++) {
        for (uint32_t i = 0; i < 256; i++) {
            uint32_t before = crc_tables[k - 1][i];

            crc_tables[k][i] = (before >> 8) ^ crc_tables[0][before & 0xFF];
        }
    }
}

uint32_t parquet_crc32(const void *data, size_t count)
{
    const uint8_t *bytes = data;
    uint32_t crc = 0xFFFFFFFFu;

    (void)pthread_once(&crc_once, crc_set_up);
    for (; count >= 8; count -= 8, bytes += 8) {
        crc ^= (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
               (uint32_t)bytes[3] << 24;
        crc = crc_tables[7][crc & 0xFF] ^ crc_tables[6][crc >> 8 & 0xFF] ^
              crc_tables[5][crc >> 16 & 0xFF] ^ crc_tables[4][crc >> 24] ^ crc_tables[3][bytes[4]] ^
              crc_tables[2][bytes[5]] ^ crc_tables[1][bytes[6]] ^ crc_tables[0][bytes[7]];
    }
    for (; count > 0; count--, bytes++) {
        crc = (crc >> 8) ^ crc_tables[0][(crc ^ *bytes) & 0xFF];
    }
    return ~crc;
}
