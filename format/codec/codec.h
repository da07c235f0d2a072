/**
 * Codecs: the encodings of one stream of integers, at most a page of them.
 *
 * Everything a page holds becomes such streams (codes, scaled decimals, bits of doubles, lengths), so
 * a codec is written once. Each stands in a file of its own and in the registry; registering it
 * enrols it in the chooser, the round-trip, fuzz and golden tests, and inspect. docs/FORMAT.md has the bytes.
 *
 * Values are 64-bit two's complement; codes and lengths are read as 32 bits. Encoding takes a
 * wendi_stream_input whose statistics are filled once, and size() gives the exact bytes of encode() from
 * them, so nothing is encoded on trial. open() checks all that decode() relies on; decode() cannot fail.
 */
#ifndef WENDI_FORMAT_CODEC_CODEC_H
#define WENDI_FORMAT_CODEC_CODEC_H

#include "engine/base/arena.h"
#include "engine/base/bytes.h"
#include "engine/column/vector.h"
#include "format/kernel/kernels.h"

enum {
    WENDI_STREAM_VALUES_MAX = WENDI_PAGE_ROWS,
    WENDI_STREAM_VECTORS_MAX = WENDI_PAGE_ROWS / WENDI_VECTOR_ROWS,
    WENDI_STREAM_HEADER_BYTES = 16
};

typedef enum wendi_codec_id { /* stored: never renumber */
    WENDI_CODEC_CONSTANT = 1,
    WENDI_CODEC_FOR = 2,
    WENDI_CODEC_PFOR = 3,
    WENDI_CODEC_DELTA = 4,
    WENDI_CODEC_PDELTA = 5,
    WENDI_CODEC_RLE = 6,
    WENDI_CODEC_SPARSE = 7,
    WENDI_CODEC_PATCHED = 8,
    WENDI_CODEC_PATCHED_DELTA = 9,
    WENDI_CODEC_MASKED = 10,
    WENDI_CODEC_COUNT
} wendi_codec_id;

/* ---- encoding ---- */

/**
 * What is known of one vector of 1024 quotients (value - min) / divisor. Bits are histograms over the widths of
 * the quotient above the vector's least, of the zigzag of the step from the value before, and of that step mod
 * 2^quotient_bits; the first value's step counts as 0.
 */
typedef struct wendi_vector_statistics {
    uint64_t first;
    uint64_t min;
    uint64_t max;
    int64_t step_min; /* of the steps inside the vector; 0 when it has one value */
    int64_t step_max;
    uint32_t count;
    uint16_t offset_bits[65];
    uint16_t step_bits[65];
    uint16_t rise_bits[65];
} wendi_vector_statistics;

/**
 * Statistics of `count` >= 1 values; memory belongs to a wendi_stream_scratch. Where runs are long they are taken from
 * the runs alone, and rows are not written out before a codec asks for them.
 */
typedef struct wendi_stream_input {
    const int64_t *values;     /* NULL until asked for: wendi_stream_values() */
    const uint64_t *quotients; /* the same: wendi_stream_quotients() */
    uint64_t *space;           /* for what is asked for, one at a time */
    uint32_t count;
    uint32_t vector_count;
    bool nested;
    int64_t min;
    int64_t max;
    uint64_t divisor; /* divides all of value - min; at least 1 */
    uint8_t quotient_bits; /* of the greatest quotient */
    bool has_offsets;      /* the vectors' offset_bits are counted; not where they cannot pay */
    bool has_steps;        /* the same of step_bits */
    bool has_rises;        /* and of rise_bits */
    wendi_vector_statistics *vectors;
    /* Not nested only; NULL when runs are too many, or no value is common enough, for it to pay. A constant is one run. */
    uint32_t run_count;
    const struct wendi_stream_input *run_values;
    const struct wendi_stream_input *run_lengths;
    const struct wendi_stream_input *exceptions;
    const uint16_t *exception_positions; /* NULL where they are too many to be listed */
    int64_t common; /* the value that is not among the exceptions */
} wendi_stream_input;

typedef struct wendi_stream_scratch wendi_stream_scratch;
wend_status wendi_stream_scratch_new(wendi_stream_scratch **scratch_out);
void wendi_stream_scratch_free(wendi_stream_scratch *scratch); /* accepts NULL */
/** Take the statistics of `values` (borrowed); the result lives in the scratch until the next call. */
const wendi_stream_input *wendi_stream_analyse(wendi_stream_scratch *scratch, const int64_t *values, uint32_t count);
/** The same statistics of codes. */
const wendi_stream_input *wendi_stream_analyse_codes(wendi_stream_scratch *scratch, const uint32_t *codes,
                                                     uint32_t count);
/** Every row's value; valid until the next call of this or wendi_stream_quotients(). */
const int64_t *wendi_stream_values(const wendi_stream_input *input);
/** Every row's (value - min) / divisor. */
const uint64_t *wendi_stream_quotients(const wendi_stream_input *input);

/* ---- decoding ---- */

/** An opened stream: checked, with what decode() needs to reach any vector. Borrows the page's bytes. */
typedef struct wendi_stream {
    const struct wendi_codec *codec;
    uint32_t count;
    uint8_t lane_bytes; /* 8, or 4: values of 32 bits, computed mod 2^32 */
    bool newer;         /* it, or a stream inside, is of a codec from WENDI_CODEC_PATCHED on */
    size_t encoded_bytes; /* header, body and padding to 8 */
    /* CONSTANT, SPARSE and MASKED: the value. Packed codecs: the least value. */
    uint64_t reference;
    union {
        struct {
            uint64_t divisor;
            uint64_t step_reference;
            const uint8_t *widths;
            const uint8_t *bases;
            const uint8_t *steps;
            const uint8_t *positions; /* u16 */
            const uint8_t *exceptions;
            const uint8_t *packed;
            uint32_t *packed_at;    /* vector_count + 1 byte offsets into packed */
            uint32_t *exception_at; /* vector_count + 1 */
            uint8_t base_bytes;
            uint8_t step_bytes;
            uint8_t exception_bytes;
        } pack;
        struct {
            uint64_t divisor;
            uint64_t quotient_mask; /* the low M bits */
            const uint8_t *widths;
            const uint8_t *upper_bits;
            const uint8_t *upper_counts; /* u16 */
            const uint8_t *bases;
            const uint8_t *uppers;
            const uint8_t *packed;
            const uint8_t *end;  /* of the body: nothing is read from there on */
            uint32_t *upper_at;  /* byte offset of each vector's into uppers */
            uint32_t *packed_at; /* and into packed */
            uint8_t base_bytes;
        } patch;
        struct {
            uint32_t run_count;
            const uint32_t *ends;
            const void *values; /* lane_bytes each */
        } runs;
        struct {
            uint32_t count;
            const uint8_t *positions; /* u16, rising */
            const void *values;
        } sparse;
        struct {
            const uint64_t *bitmap;
            const uint32_t *exception_at; /* exceptions before each vector */
            const void *values;
        } masked;
    };
} wendi_stream;

/** Rows of a vector: all vectors but the last are full. */
static inline uint32_t wendi_stream_vector_rows(const wendi_stream *stream, uint32_t vector)
{
    uint32_t left = stream->count - vector * WENDI_VECTOR_ROWS;
    return left < WENDI_VECTOR_ROWS ? left : WENDI_VECTOR_ROWS;
}

/** Whether a stream of these lanes can have `number` as a value or parameter. */
static inline bool wendi_stream_holds(const wendi_stream *stream, uint64_t number)
{
    return stream->lane_bytes == 8 || number <= UINT32_MAX;
}

typedef struct wendi_codec {
    uint8_t id;
    bool nestable;          /* may encode the streams inside another codec */
    uint8_t penalty_percent; /* what slower decoding costs in the choice, in hundredths of the size */
    uint8_t penalty_rows;    /* and besides a byte for so many rows; 0: nothing */
    const char *name;
    /** Exact bytes of the body that encode() appends; SIZE_MAX when it does not apply. */
    size_t (*size)(const wendi_stream_input *input);
    wend_status (*encode)(const wendi_stream_input *input, wendi_buffer *out);
    /** Parse and check the body. WEND_CORRUPT sets *reason (constant text); WEND_NOMEM. */
    wend_status (*open)(wendi_stream *stream, wendi_reader *body, wendi_arena *arena, const char **reason);
    /**
     * Values first..first+count-1 into `values`, which has room for count rounded up to a multiple of 1024.
     * `first` is a multiple of 1024.
     */
    void (*decode)(const wendi_stream *stream, uint32_t first, uint32_t count, void *values);
    /** Bounds of the values of vector `vector`; false when they do not come for free. */
    bool (*bounds)(const wendi_stream *stream, uint32_t vector, int64_t *min, int64_t *max);
} wendi_codec;

/** The codec of a stored id, or NULL. */
const wendi_codec *wendi_codec_find(unsigned id);

/** What the choice among codecs is told besides the statistics. */
typedef struct wendi_codec_wish {
    uint8_t forced;   /* test hook: that codec where it applies; 0: none */
    uint8_t previous; /* of the same stream in the chunk's page before: it stays while little is lost; 0: none */
    bool dense;       /* size counts for more, speed of decoding for a quarter of what it does else */
} wendi_codec_wish;

/** A codec as the choice saw it. */
typedef struct wendi_codec_candidate {
    uint8_t id;
    bool applies; /* bytes and cost are 0 when it does not */
    bool chosen;  /* exactly one is */
    const char *name;
    size_t bytes; /* exact, of the body; the stream's header and padding are the same for all */
    size_t cost;  /* bytes and what slower decoding is rated at; the previous codec's is rated a little lower */
} wendi_codec_candidate;

/** The cheapest codec; *body_bytes gets what its encode() will write. */
const wendi_codec *wendi_codec_choose(const wendi_stream_input *input, wendi_codec_wish wish, size_t *body_bytes);
/**
 * All codecs, by id, into `candidates` (room for WENDI_CODEC_COUNT); returns their number. The one chosen is what
 * wendi_codec_choose() gives for the same wish.
 */
uint32_t wendi_codec_candidates(const wendi_stream_input *input, wendi_codec_wish wish,
                                wendi_codec_candidate *candidates);
/** Append header, body and padding to a multiple of 8. *codec_out may be NULL. */
wend_status wendi_stream_encode(const wendi_stream_input *input, wendi_codec_wish wish, wendi_buffer *out,
                                const wendi_codec **codec_out);
/**
 * Open the stream at the reader, which must hold exactly `count` values (more than 0), and move past it.
 * Memory that open() needs is in `arena`.
 */
wend_status wendi_stream_open(wendi_stream *stream, wendi_reader *reader, uint32_t count, uint8_t lane_bytes,
                              bool nested, wendi_arena *arena, const char **reason);
static inline void wendi_stream_decode(const wendi_stream *stream, uint32_t first, uint32_t count, void *values)
{
    stream->codec->decode(stream, first, count, values);
}

extern const wendi_codec wendi_codec_constant;
extern const wendi_codec wendi_codec_for;
extern const wendi_codec wendi_codec_pfor;
extern const wendi_codec wendi_codec_delta;
extern const wendi_codec wendi_codec_pdelta;
extern const wendi_codec wendi_codec_rle;
extern const wendi_codec wendi_codec_sparse;
extern const wendi_codec wendi_codec_patched;
extern const wendi_codec wendi_codec_patched_delta;
extern const wendi_codec wendi_codec_masked;

#endif
