/*
 * Encoding a chunk to pages (data pages of version 1, which every reader knows). Choosing by trial
 * needs no guess: what the compressor makes of an encoding is not to be told from its bytes before.
 * A trial ends early once its pages so far are clearly larger than the best way's for those rows.
 *
 * Dictionary indices are tried twice: packed to the bits they need, and widened to whole bytes,
 * where zstd finds the repeats between rows that packing hides.
 */
#include "tools/parquet_export/parquet_pages.h"

#include <string.h>

#include "tools/parquet_export/parquet_metadata.h"
#include "tools/parquet_export/parquet_rle.h"

/* One way to encode a chunk. */
typedef struct page_plan {
    parquet_encoding encoding;
    parquet_compression compression;
    unsigned index_bits; /* RLE_DICTIONARY only */
} page_plan;

/* All that page bodies are made of. */
typedef struct page_source {
    const parquet_chunk *chunk;
    const parquet_pool *pool;
    const parquet_dictionary *dictionary;
} page_source;

static void encoded_reset(parquet_encoded *encoded)
{
    encoded->bytes.length = 0;
    encoded->pages.length = 0;
    encoded->dictionary_page_bytes = 0;
    encoded->uncompressed_bytes = 0;
    encoded->body_bytes = 0;
    encoded->stored_body_bytes = 0;
}

void parquet_page_encoder_free(parquet_page_encoder *encoder)
{
    parquet_bytes_free(&encoder->body);
    parquet_bytes_free(&encoder->packed);
    parquet_bytes_free(&encoder->numbers);
    parquet_bytes_free(&encoder->best.bytes);
    parquet_bytes_free(&encoder->best.pages);
    parquet_bytes_free(&encoder->trial.bytes);
    parquet_bytes_free(&encoder->trial.pages);
    parquet_bytes_free(&encoder->dictionary_page.bytes);
}

/* Definition levels of rows [first, first + count): 1 where there is a value; length in front. */
static wend_status append_levels(parquet_page_encoder *encoder, const parquet_chunk *chunk,
                                 size_t first, size_t count)
{
    wend_status status = WEND_OK;
    size_t at = encoder->body.length;
    uint32_t *levels;
    uint32_t length;

    encoder->numbers.length = 0;
    PARQUET_TRY(parquet_bytes_reserve(&encoder->numbers, count * sizeof(*levels)));
    levels = (uint32_t *)(void *)encoder->numbers.data;
    for (size_t i = 0; i < count; i++) {
        levels[i] = parquet_chunk_is_valid(chunk, first + i);
    }
    PARQUET_TRY(parquet_bytes_reserve(&encoder->body, 4));
    encoder->body.length += 4;
    PARQUET_TRY(parquet_rle_append(&encoder->body, levels, count, 1));
    length = (uint32_t)(encoder->body.length - at - 4);
    memcpy(encoder->body.data + at, &length, 4);
cleanup:
    return status;
}

static wend_status append_booleans(parquet_bytes *body, const uint8_t *values, size_t count)
{
    size_t bytes = (count + 7) / 8;
    wend_status status = parquet_bytes_reserve(body, bytes);

    if (status == WEND_OK) {
        memset(body->data + body->length, 0, bytes);
        for (size_t i = 0; i < count; i++) {
            body->data[body->length + i / 8] |= (uint8_t)(values[i] << (i % 8));
        }
        body->length += bytes;
    }
    return status;
}

static wend_status append_strings(parquet_bytes *body, const page_source *source,
                                  const parquet_page *page, bool with_lengths)
{
    const uint32_t *codes = parquet_chunk_codes(source->chunk) + page->first_value;
    const parquet_entry *entries = source->pool->entries;
    size_t bytes = 0;
    wend_status status;
    uint8_t *end;

    for (size_t i = 0; i < page->value_count; i++) {
        bytes += 4 + (size_t)entries[codes[i]].length;
    }
    status = parquet_bytes_reserve(body, bytes);
    if (status != WEND_OK) {
        return status;
    }
    end = body->data + body->length;
    for (size_t i = 0; i < page->value_count; i++) {
        const parquet_entry *entry = &entries[codes[i]];

        if (with_lengths) {
            memcpy(end, &entry->length, 4);
            end += 4;
        }
        memcpy(end, entry->data, entry->length);
        end += entry->length;
    }
    body->length = (size_t)(end - body->data);
    return WEND_OK;
}

static wend_status append_plain(parquet_page_encoder *encoder, const page_source *source,
                                const parquet_page *page)
{
    const parquet_column *column = source->chunk->column;
    const uint8_t *values = source->chunk->values.data;

    if (page->value_count == 0) {
        return WEND_OK;
    }
    if (column->physical == PARQUET_BYTE_ARRAY) {
        return append_strings(&encoder->body, source, page, true);
    }
    values += page->first_value * column->slot_bytes;
    if (column->physical == PARQUET_BOOLEAN) {
        return append_booleans(&encoder->body, values, page->value_count);
    }
    return parquet_bytes_append(&encoder->body, values, page->value_count * column->slot_bytes);
}

static wend_status append_delta_lengths(parquet_page_encoder *encoder, const page_source *source,
                                        const parquet_page *page)
{
    const uint32_t *codes = parquet_chunk_codes(source->chunk) + page->first_value;
    wend_status status = WEND_OK;
    int32_t *lengths;

    encoder->numbers.length = 0;
    PARQUET_TRY(parquet_bytes_reserve(&encoder->numbers, page->value_count * sizeof(*lengths)));
    lengths = (int32_t *)(void *)encoder->numbers.data;
    for (size_t i = 0; i < page->value_count; i++) {
        lengths[i] = (int32_t)source->pool->entries[codes[i]].length;
    }
    PARQUET_TRY(parquet_delta_append_i32(&encoder->body, lengths, page->value_count));
    PARQUET_TRY(append_strings(&encoder->body, source, page, false));
cleanup:
    return status;
}

static uint32_t shared_prefix(const parquet_entry *a, const parquet_entry *b)
{
    uint32_t most = a->length < b->length ? a->length : b->length;
    uint32_t shared = 0;

    while (shared < most && a->data[shared] == b->data[shared]) {
        shared++;
    }
    return shared;
}

/* DELTA_BYTE_ARRAY: what each string shares with the one before, then the rest of each. */
static wend_status append_front_coded(parquet_page_encoder *encoder, const page_source *source,
                                      const parquet_page *page)
{
    const uint32_t *codes = parquet_chunk_codes(source->chunk) + page->first_value;
    const parquet_entry *entries = source->pool->entries;
    wend_status status = WEND_OK;
    int32_t *prefixes;
    int32_t *rests;

    encoder->numbers.length = 0;
    PARQUET_TRY(parquet_bytes_reserve(&encoder->numbers, 2 * page->value_count * sizeof(*rests)));
    prefixes = (int32_t *)(void *)encoder->numbers.data;
    rests = prefixes + page->value_count;
    for (size_t i = 0; i < page->value_count; i++) {
        prefixes[i] =
            i == 0 ? 0 : (int32_t)shared_prefix(&entries[codes[i - 1]], &entries[codes[i]]);
        rests[i] = (int32_t)entries[codes[i]].length - prefixes[i];
    }
    PARQUET_TRY(parquet_delta_append_i32(&encoder->body, prefixes, page->value_count));
    PARQUET_TRY(parquet_delta_append_i32(&encoder->body, rests, page->value_count));
    for (size_t i = 0; i < page->value_count; i++) {
        PARQUET_TRY(parquet_bytes_append(&encoder->body, entries[codes[i]].data + prefixes[i],
                                         (size_t)rests[i]));
    }
cleanup:
    return status;
}

static wend_status append_delta(parquet_page_encoder *encoder, const page_source *source,
                                const parquet_page *page)
{
    const void *values =
        source->chunk->values.data + page->first_value * source->chunk->column->slot_bytes;

    if (source->chunk->column->physical == PARQUET_INT32) {
        return parquet_delta_append_i32(&encoder->body, values, page->value_count);
    }
    return parquet_delta_append_i64(&encoder->body, values, page->value_count);
}

static wend_status append_indices(parquet_page_encoder *encoder, const page_source *source,
                                  const parquet_page *page, unsigned bits)
{
    uint8_t width = (uint8_t)bits;
    wend_status status = parquet_bytes_append(&encoder->body, &width, 1);

    if (status == WEND_OK) {
        status = parquet_rle_append(&encoder->body, source->dictionary->places + page->first_value,
                                    page->value_count, bits);
    }
    return status;
}

static wend_status append_values(parquet_page_encoder *encoder, const page_source *source,
                                 const page_plan *plan, const parquet_page *page)
{
    switch (plan->encoding) {
    case PARQUET_RLE_DICTIONARY:
        return append_indices(encoder, source, page, plan->index_bits);
    case PARQUET_DELTA_BINARY_PACKED:
        return append_delta(encoder, source, page);
    case PARQUET_DELTA_LENGTH_BYTE_ARRAY:
        return append_delta_lengths(encoder, source, page);
    case PARQUET_DELTA_BYTE_ARRAY:
        return append_front_coded(encoder, source, page);
    default:
        return append_plain(encoder, source, page);
    }
}

/* Compress `encoder->body`, put the header in front, and append both to the chunk's bytes. */
static wend_status finish_page(parquet_page_encoder *encoder, const page_plan *plan,
                               parquet_page_head *head, parquet_encoded *out, wend_error *error)
{
    wend_status status = WEND_OK;
    const parquet_bytes *stored = &encoder->body;
    size_t before = out->bytes.length;
    size_t header_bytes;

    if (plan->compression != PARQUET_COMPRESSION_NONE) {
        encoder->packed.length = 0;
        PARQUET_TRY(parquet_codec_append(encoder->codec, plan->compression, encoder->body.data,
                                         encoder->body.length, &encoder->packed, error));
        stored = &encoder->packed;
    }
    if (stored->length > INT32_MAX || encoder->body.length > INT32_MAX) {
        status =
            parquet_fail(error, WEND_UNSUPPORTED, "a page of %zu bytes; Parquet's limit is 2 GiB",
                         encoder->body.length);
        goto cleanup;
    }
    head->uncompressed_bytes = encoder->body.length;
    head->stored_bytes = stored->length;
    head->has_checksum = encoder->options->page_checksums;
    head->checksum = head->has_checksum ? parquet_crc32(stored->data, stored->length) : 0;
    PARQUET_TRY(parquet_metadata_page_header(head, &out->bytes));
    header_bytes = out->bytes.length - before;
    PARQUET_TRY(parquet_bytes_append(&out->bytes, stored->data, stored->length));
    out->uncompressed_bytes += (int64_t)(header_bytes + encoder->body.length);
    out->body_bytes += (int64_t)encoder->body.length;
    out->stored_body_bytes += (int64_t)stored->length;
cleanup:
    return status;
}

/* Rows that the page beginning at `page->first_row` holds, by both limits. */
static void measure_page(const parquet_page_encoder *encoder, const page_source *source,
                         const page_plan *plan, parquet_page *page)
{
    const parquet_chunk *chunk = source->chunk;
    bool is_string = chunk->column->physical == PARQUET_BYTE_ARRAY;
    size_t rows_max = (size_t)encoder->options->page_rows;
    size_t bits_max = (size_t)encoder->options->page_bytes * 8;
    size_t value_bits = plan->encoding == PARQUET_RLE_DICTIONARY ? plan->index_bits
                        : chunk->column->physical == PARQUET_BOOLEAN
                            ? 1
                            : chunk->column->slot_bytes * 8;
    size_t bits = 0;

    page->row_count = 0;
    page->value_count = 0;
    while (page->first_row + page->row_count < chunk->row_count && page->row_count < rows_max) {
        if (parquet_chunk_is_valid(chunk, page->first_row + page->row_count)) {
            size_t value = page->first_value + page->value_count;

            if (is_string && plan->encoding != PARQUET_RLE_DICTIONARY) {
                value_bits =
                    8 *
                    (4 + (size_t)source->pool->entries[parquet_chunk_codes(chunk)[value]].length);
            }
            if (page->row_count > 0 && bits + value_bits > bits_max) {
                break;
            }
            bits += value_bits;
            page->value_count++;
        }
        page->row_count++;
    }
}

/* The page is the same for every width of indices: made once a chunk, then copied. */
static wend_status encode_dictionary_page(parquet_page_encoder *encoder, const page_source *source,
                                          const page_plan *plan, parquet_encoded *out,
                                          wend_error *error)
{
    parquet_page_head head = {.is_dictionary = true, .value_count = source->dictionary->count};
    parquet_encoded *made = &encoder->dictionary_page;
    wend_status status = WEND_OK;

    if (made->bytes.length == 0 || made->compression != plan->compression) {
        encoded_reset(made);
        made->compression = plan->compression;
        encoder->body.length = 0;
        PARQUET_TRY(parquet_bytes_append(&encoder->body, source->dictionary->page.data,
                                         source->dictionary->page.length));
        PARQUET_TRY(finish_page(encoder, plan, &head, made, error));
    }
    PARQUET_TRY(parquet_bytes_append(&out->bytes, made->bytes.data, made->bytes.length));
    out->uncompressed_bytes += made->uncompressed_bytes;
    out->body_bytes += made->body_bytes;
    out->stored_body_bytes += made->stored_body_bytes;
    out->dictionary_page_bytes = out->bytes.length;
cleanup:
    return status;
}

static wend_status encode_data_page(parquet_page_encoder *encoder, const page_source *source,
                                    const page_plan *plan, parquet_page *page, parquet_encoded *out,
                                    wend_error *error)
{
    parquet_page_head head = {.value_count = page->row_count, .encoding = plan->encoding};
    wend_status status = WEND_OK;

    encoder->body.length = 0;
    if (source->chunk->column->is_nullable) {
        PARQUET_TRY(append_levels(encoder, source->chunk, page->first_row, page->row_count));
    }
    PARQUET_TRY(append_values(encoder, source, plan, page));
    page->offset = out->bytes.length;
    PARQUET_TRY(finish_page(encoder, plan, &head, out, error));
    page->byte_count = out->bytes.length - page->offset;
    PARQUET_TRY(parquet_bytes_append(&out->pages, page, sizeof(*page)));
cleanup:
    return status;
}

/* Bytes that `encoded` takes for its rows before `row`: whole pages, a share of the page that `row`
 * is on, and of the dictionary a share too. */
static double bytes_before(const parquet_encoded *encoded, size_t row, size_t row_count)
{
    double bytes = (double)encoded->dictionary_page_bytes * (double)row / (double)row_count;

    for (size_t i = 0; i < parquet_encoded_page_count(encoded); i++) {
        const parquet_page *page = parquet_encoded_page(encoded, i);

        if (page->first_row + page->row_count <= row) {
            bytes += (double)page->byte_count;
        } else if (page->first_row < row) {
            bytes += (double)page->byte_count * (double)(row - page->first_row) /
                     (double)page->row_count;
        }
    }
    return bytes;
}

/* Whether `trial`, which got as far as `row`, will not end up smaller than `best`. */
static bool is_hopeless(const parquet_encoded *trial, const parquet_encoded *best, size_t row,
                        size_t row_count)
{
    return row < row_count && row >= row_count / 8 &&
           bytes_before(trial, row, row_count) > 1.08 * bytes_before(best, row, row_count);
}

/* Encode all of the chunk into `out`; with a `best` to beat, stop (`is_whole` false) when it
 * cannot. */
static wend_status encode_plan(parquet_page_encoder *encoder, const page_source *source,
                               const page_plan *plan, const parquet_encoded *best,
                               parquet_encoded *out, bool *is_whole, wend_error *error)
{
    size_t row_count = source->chunk->row_count;
    wend_status status = WEND_OK;
    parquet_page page = {0};

    *is_whole = false;
    encoded_reset(out);
    out->encoding = plan->encoding;
    out->compression = plan->compression;
    if (plan->encoding == PARQUET_RLE_DICTIONARY) {
        PARQUET_TRY(encode_dictionary_page(encoder, source, plan, out, error));
    }
    while (page.first_row < row_count) {
        measure_page(encoder, source, plan, &page);
        PARQUET_TRY(encode_data_page(encoder, source, plan, &page, out, error));
        page.first_row += page.row_count;
        page.first_value += page.value_count;
        if (best != NULL && is_hopeless(out, best, page.first_row, row_count)) {
            goto cleanup;
        }
    }
    *is_whole = true;
cleanup:
    return status;
}

static bool keep_smaller(parquet_page_encoder *encoder)
{
    parquet_encoded better = encoder->trial;

    if (better.bytes.length >= encoder->best.bytes.length) {
        return false;
    }
    encoder->trial = encoder->best;
    encoder->best = better;
    return true;
}

/* List the plans worth trying, the most promising first: the better it is, the sooner others end.
 */
static size_t list_plans(const parquet_page_encoder *encoder, const page_source *source,
                         size_t plain_bytes, page_plan plans[8])
{
    parquet_physical physical = source->chunk->column->physical;
    parquet_compression compression = encoder->options->compression;
    bool is_plain_hopeless = false;
    size_t count = 0;

    if (source->chunk->value_count > 0 && source->dictionary->is_usable) {
        unsigned bits = parquet_bits(source->dictionary->count - 1);
        size_t whole = source->dictionary->page.length + source->chunk->value_count / 8 * bits;

        bits = bits == 0 ? 1 : bits;
        plans[count++] = (page_plan){PARQUET_RLE_DICTIONARY, compression, bits};
        if (bits % 8 != 0 && compression != PARQUET_COMPRESSION_NONE) {
            plans[count++] = (page_plan){PARQUET_RLE_DICTIONARY, compression, (bits + 7) / 8 * 8};
        }
        /* No compressor makes up for that, and long strings cost the most time. */
        is_plain_hopeless = physical == PARQUET_BYTE_ARRAY && whole < plain_bytes / 8;
    }
    if (source->chunk->value_count > 0 &&
        (physical == PARQUET_INT32 || physical == PARQUET_INT64)) {
        plans[count++] = (page_plan){PARQUET_DELTA_BINARY_PACKED, compression, 0};
    }
    if (source->chunk->value_count > 0 && physical == PARQUET_BYTE_ARRAY && !is_plain_hopeless) {
        plans[count++] = (page_plan){PARQUET_DELTA_LENGTH_BYTE_ARRAY, compression, 0};
        plans[count++] = (page_plan){PARQUET_DELTA_BYTE_ARRAY, compression, 0};
    }
    if (!is_plain_hopeless) {
        plans[count++] = (page_plan){PARQUET_PLAIN, compression, 0};
    }
    return count;
}

wend_status parquet_pages_encode(parquet_page_encoder *encoder, const parquet_chunk *chunk,
                                 const parquet_pool *pool, const parquet_dictionary *dictionary,
                                 size_t plain_bytes, wend_error *error)
{
    page_source source = {.chunk = chunk, .pool = pool, .dictionary = dictionary};
    page_plan plans[8];
    size_t plan_count = list_plans(encoder, &source, plain_bytes, plans);
    size_t best = 0;
    bool is_whole = false;
    wend_status status = WEND_OK;

    encoded_reset(&encoder->dictionary_page);
    PARQUET_TRY(encode_plan(encoder, &source, &plans[0], NULL, &encoder->best, &is_whole, error));
    for (size_t i = 1; i < plan_count; i++) {
        PARQUET_TRY(encode_plan(encoder, &source, &plans[i], &encoder->best, &encoder->trial,
                                &is_whole, error));
        best = is_whole && keep_smaller(encoder) ? i : best;
    }
    if (plans[best].compression != PARQUET_COMPRESSION_NONE &&
        encoder->best.stored_body_bytes >= encoder->best.body_bytes) {
        plans[best].compression = PARQUET_COMPRESSION_NONE; /* random bytes: spare the reader */
        PARQUET_TRY(
            encode_plan(encoder, &source, &plans[best], NULL, &encoder->trial, &is_whole, error));
        (void)keep_smaller(encoder);
    }
cleanup:
    return status;
}
