/*
 * Lanes of words: each column has as many bits as its greatest code, the first word with room for them. A word that
 * only one column went into is none: that column is gathered as it is.
 */
#include "engine/table/flush_gather.h"

#include "format/kernel/kernels.h"

enum { WORD_BITS = 64, BLOCK_ROWS = 1024 };

/* Give each lane its place, first fit; returns how many words there are. */
static uint32_t place_lanes(wendi_code_lane *lanes, uint32_t lane_count)
{
    uint32_t word_count = 0;
    for (uint32_t i = 0; i < lane_count; i++) {
        lanes[i].width = lanes[i].code_count > 1 ? WORD_BITS / 2 - (unsigned)__builtin_clz(lanes[i].code_count - 1) : 1;
        lanes[i].word = UINT32_MAX;
    }
    for (uint32_t placed = 0; placed < lane_count; word_count++) {
        unsigned used = 0;
        for (uint32_t i = 0; i < lane_count; i++) {
            if (lanes[i].word == UINT32_MAX && used + lanes[i].width <= WORD_BITS) {
                lanes[i].word = word_count;
                lanes[i].shift = used;
                used += lanes[i].width;
                placed++;
            }
        }
    }
    return word_count;
}

/* The lanes of one word, in the order of their bits. */
typedef struct word_lanes {
    const wendi_code_lane *lanes[WORD_BITS];
    uint32_t count;
} word_lanes;

static void find_lanes(const wendi_code_lane *lanes, uint32_t lane_count, uint32_t word, word_lanes *of)
{
    of->count = 0;
    for (uint32_t i = 0; i < lane_count; i++) {
        if (lanes[i].word == word) {
            of->lanes[of->count++] = &lanes[i];
        }
    }
}

static uint32_t block_rows(uint32_t at, uint32_t end)
{
    return end - at < BLOCK_ROWS ? end - at : BLOCK_ROWS;
}

/* Words of the slots that live. */
static void pack_words(const wendi_row_builder *builder, const word_lanes *of, uint64_t *words)
{
    const wendi_kernels *kernels = wendi_kernels_get();
    wendi_row_strip whole;
    uint32_t strip_count;
    const wendi_row_strip *strips = wendi_row_builder_strips(builder, &whole, &strip_count);
    for (uint32_t s = 0; s < strip_count; s++) {
        const uint32_t end = strips[s].first + strips[s].count;
        for (uint32_t at = strips[s].first; at < end; at += BLOCK_ROWS) {
            const uint32_t rows = block_rows(at, end);
            kernels->widen_u32(of->lanes[0]->codes + at, rows, words + at);
            for (uint32_t i = 1; i < of->count; i++) {
                kernels->add_lane_u32(of->lanes[i]->codes + at, rows, of->lanes[i]->shift, words + at);
            }
        }
    }
}

/* A block of words at a time, which stays near until all lanes have been taken from it. */
static void take_lanes(const wendi_row_order *order, const word_lanes *of, const uint64_t *words)
{
    const wendi_kernels *kernels = wendi_kernels_get();
    _Alignas(64) uint64_t block[BLOCK_ROWS];
    for (uint32_t at = 0; at < order->row_count; at += BLOCK_ROWS) {
        const uint32_t rows = block_rows(at, order->row_count);
        WENDI_GATHER(block, words, order->rows + at, rows);
        for (uint32_t i = 0; i < of->count; i++) {
            const wendi_code_lane *lane = of->lanes[i];
            kernels->take_lane_u32(block, rows, lane->shift, lane->width, lane->ordered + at);
        }
    }
}

void wendi_gather_codes(const wendi_row_builder *builder, const wendi_row_order *order, wendi_code_lane *lanes,
                        uint32_t lane_count, uint64_t *words)
{
    const uint32_t word_count = place_lanes(lanes, lane_count);
    for (uint32_t word = 0; word < word_count; word++) {
        word_lanes of;
        find_lanes(lanes, lane_count, word, &of);
        if (of.count == 1) {
            WENDI_GATHER(of.lanes[0]->ordered, of.lanes[0]->codes, order->rows, order->row_count);
            continue;
        }
        pack_words(builder, &of, words);
        take_lanes(order, &of, words);
    }
}
