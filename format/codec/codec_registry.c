/*
 * All codecs, the choice among them, and the header that stands before a stream's body:
 * codec id u8, 0 u8, 0 u16, value count u32, body bytes u32, 0 u32; the body is padded to 8 with zeros.
 */
#include "format/codec/codec.h"

/* What another codec must save before a chunk's pages change theirs: readers like pages that are alike. */
enum { STAY_PERCENT = 2 };
enum { DENSE_SHARE = 4 };

static const wendi_codec *const codecs[WENDI_CODEC_COUNT] = {
    [WENDI_CODEC_CONSTANT] = &wendi_codec_constant,
    [WENDI_CODEC_FOR] = &wendi_codec_for,
    [WENDI_CODEC_PFOR] = &wendi_codec_pfor,
    [WENDI_CODEC_DELTA] = &wendi_codec_delta,
    [WENDI_CODEC_PDELTA] = &wendi_codec_pdelta,
    [WENDI_CODEC_RLE] = &wendi_codec_rle,
    [WENDI_CODEC_SPARSE] = &wendi_codec_sparse,
    [WENDI_CODEC_PATCHED] = &wendi_codec_patched,
    [WENDI_CODEC_PATCHED_DELTA] = &wendi_codec_patched_delta,
    [WENDI_CODEC_MASKED] = &wendi_codec_masked,
};

const wendi_codec *wendi_codec_find(unsigned id)
{
    return id < WENDI_CODEC_COUNT ? codecs[id] : NULL;
}

uint32_t wendi_codec_candidates(const wendi_stream_input *input, wendi_codec_wish wish,
                                wendi_codec_candidate *candidates)
{
    uint32_t count = 0;
    uint32_t best = 0;
    /* Filters and groups work on packed narrow codes as they are: that stays worth its price. */
    bool narrow = !input->nested && (uint64_t)input->max - (uint64_t)input->min < 256;
    for (unsigned id = 1; id < WENDI_CODEC_COUNT; id++) {
        const wendi_codec *codec = codecs[id];
        wendi_codec_candidate *candidate = &candidates[count];
        size_t bytes = input->nested && !codec->nestable ? SIZE_MAX : codec->size(input);
        *candidate = (wendi_codec_candidate){.id = codec->id, .name = codec->name, .applies = bytes != SIZE_MAX};
        if (candidate->applies) {
            candidate->bytes = bytes;
            size_t slower = bytes * codec->penalty_percent / 100;
            slower += codec->penalty_rows != 0 ? input->count / codec->penalty_rows : 0;
            candidate->cost = bytes + (wish.dense && !narrow ? slower / DENSE_SHARE : slower);
            candidate->cost -= id == wish.previous ? candidate->cost * STAY_PERCENT / 100 : 0;
            candidate->cost = id == wish.forced ? 0 : candidate->cost;
            if (!candidates[best].applies || candidate->cost < candidates[best].cost) {
                best = count;
            }
        }
        count++;
    }
    candidates[best].chosen = true; /* FOR applies to everything. */
    return count;
}

const wendi_codec *wendi_codec_choose(const wendi_stream_input *input, wendi_codec_wish wish, size_t *body_bytes)
{
    wendi_codec_candidate candidates[WENDI_CODEC_COUNT];
    uint32_t count = wendi_codec_candidates(input, wish, candidates);
    uint32_t at = 0;
    while (at + 1 < count && !candidates[at].chosen) {
        at++;
    }
    *body_bytes = candidates[at].bytes;
    return codecs[candidates[at].id];
}

wend_status wendi_stream_encode(const wendi_stream_input *input, wendi_codec_wish wish, wendi_buffer *out,
                                const wendi_codec **codec_out)
{
    wend_status status = WEND_OK;
    size_t body_bytes = 0;
    const wendi_codec *codec = wendi_codec_choose(input, wish, &body_bytes);
    size_t begin = out->length;
    WEND_TRY(wendi_buffer_append_zero(out, WENDI_STREAM_HEADER_BYTES));
    out->data[begin] = codec->id;
    wendi_store_u32(out->data + begin + 4, input->count);
    wendi_store_u32(out->data + begin + 8, (uint32_t)body_bytes);
    WEND_TRY(codec->encode(input, out));
    WEND_REQUIRE(out->length == begin + WENDI_STREAM_HEADER_BYTES + body_bytes);
    WEND_TRY(wendi_buffer_append_zero(out, (8 - body_bytes % 8) % 8));
    if (codec_out != NULL) {
        *codec_out = codec;
    }
cleanup:
    return status;
}

static const char *read_header(wendi_stream *stream, wendi_reader *reader, uint32_t count, bool nested,
                               wendi_reader *body)
{
    uint8_t id = wendi_reader_u8(reader);
    uint8_t zero = wendi_reader_u8(reader);
    uint16_t zeros = wendi_reader_u16(reader);
    uint32_t stored = wendi_reader_u32(reader);
    uint32_t body_bytes = wendi_reader_u32(reader);
    uint32_t last = wendi_reader_u32(reader);
    size_t padding_bytes = (8 - body_bytes % 8) % 8;
    const uint8_t *bytes = wendi_reader_bytes(reader, body_bytes);
    const uint8_t *padding = wendi_reader_bytes(reader, padding_bytes);
    stream->codec = wendi_codec_find(id);
    if (reader->failed) {
        return "stream cut short";
    }
    if (stream->codec == NULL || (nested && !stream->codec->nestable)) {
        return "unknown codec";
    }
    if (stored != count || zero != 0 || zeros != 0 || last != 0) {
        return "stream header does not fit its page";
    }
    for (size_t i = 0; i < padding_bytes; i++) {
        if (padding[i] != 0) {
            return "padding of a stream is not zero";
        }
    }
    stream->newer = id >= WENDI_CODEC_PATCHED;
    stream->encoded_bytes = WENDI_STREAM_HEADER_BYTES + body_bytes + padding_bytes;
    *body = wendi_reader_of(bytes, body_bytes);
    return NULL;
}

wend_status wendi_stream_open(wendi_stream *stream, wendi_reader *reader, uint32_t count, uint8_t lane_bytes,
                              bool nested, wendi_arena *arena, const char **reason)
{
    wendi_reader body;
    *stream = (wendi_stream){.count = count, .lane_bytes = lane_bytes};
    *reason = read_header(stream, reader, count, nested, &body);
    if (*reason != NULL) {
        return WEND_CORRUPT;
    }
    wend_status status = stream->codec->open(stream, &body, arena, reason);
    if (status == WEND_OK && wendi_reader_left(&body) != 0) {
        *reason = "stream body has bytes left over";
        status = WEND_CORRUPT;
    }
    return status;
}
