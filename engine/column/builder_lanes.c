/*
 * Lanes and strips: several threads fill one builder without copying between them.
 *
 * Invariants: a slot belongs to one lane at most; strips rise and hold only slots whose rows are whole; after
 * unify() every strip's lane is UNIFIED and its codes are those of the builder's own interners.
 */
#include <assert.h>

#include "engine/base/alloc.h"
#include "engine/column/builder.h"

enum { STRIPS_MIN = 64 };
static const uint32_t UNIFIED = UINT32_MAX;

wend_status wendi_row_builder_lane(wendi_row_builder *builder, wendi_row_builder *lane, wend_error *error)
{
    wend_status status = WEND_OK;

    assert(!builder->is_lane);
    *lane = (wendi_row_builder){.schema = builder->schema, .partitions = builder->partitions, .is_lane = true};
    lane->columns = wendi_alloc_zero(builder->column_count, sizeof *lane->columns);
    if (lane->columns == NULL) {
        WEND_TRY(WEND_NOMEM);
    }
    lane->column_count = builder->column_count;
    for (uint32_t i = 0; i < builder->column_count; i++) {
        const wendi_column_builder *column = &builder->columns[i];
        lane->columns[i] = (wendi_column_builder){
            .type = column->type, .physical = column->physical, .nulls = column->nulls, .data = column->data};
        if (column->physical == WENDI_PHYSICAL_STRING) {
            WEND_TRY(wendi_interner_reserve(&lane->columns[i].interner, 0));
        }
    }
    if (builder->strips == NULL) {
        builder->strips = wendi_alloc(STRIPS_MIN * sizeof *builder->strips);
        builder->strip_capacity = builder->strips != NULL ? STRIPS_MIN : 0;
        WEND_TRY(builder->strips != NULL ? WEND_OK : WEND_NOMEM);
    }
cleanup:
    if (status != WEND_OK) {
        wendi_row_builder_free(lane);
        wendi_fail_nomem(error, "a batch of rows", builder->column_count * sizeof *lane->columns);
    }
    return status;
}

void wendi_row_lane_begin(wendi_row_builder *lane, uint32_t first, uint32_t count)
{
    assert(lane->is_lane);
    lane->row_count = first;
    lane->row_capacity = first + count;
}

/* Whether a strip goes on where the last one ends. */
static bool continues(const wendi_row_strip *last, const wendi_row_strip *strip)
{
    return last->lane == strip->lane && last->first + last->count == strip->first;
}

wend_status wendi_row_builder_strip(wendi_row_builder *builder, wendi_row_strip strip, wend_error *error)
{
    wendi_row_strip *last = builder->strip_count != 0 ? &builder->strips[builder->strip_count - 1] : NULL;

    assert(builder->strips != NULL && strip.first + strip.count <= builder->row_capacity);
    assert(last == NULL || last->first + last->count <= strip.first);
    if (strip.count == 0) {
        return WEND_OK;
    }
    if (last != NULL && continues(last, &strip)) {
        last->count += strip.count;
    } else {
        if (builder->strip_count == builder->strip_capacity) {
            size_t capacity = 2 * (size_t)builder->strip_capacity;
            wendi_row_strip *more = wendi_realloc(builder->strips, capacity * sizeof *more);
            if (more == NULL) {
                return wendi_fail_nomem(error, "a batch's strips", capacity * sizeof *more);
            }
            builder->strips = more;
            builder->strip_capacity = (uint32_t)capacity;
        }
        builder->strips[builder->strip_count++] = strip;
    }
    builder->row_count += strip.count;
    return WEND_OK;
}

/* The lane whose interners cost most to take over. */
static uint32_t richest(const wendi_row_builder *lanes, uint32_t lane_count)
{
    uint32_t best = 0;
    uint64_t most = 0;
    for (uint32_t lane = 0; lane < lane_count; lane++) {
        uint64_t entries = 0;
        for (uint32_t i = 0; i < lanes[lane].column_count; i++) {
            entries += lanes[lane].columns[i].interner.entry_count;
        }
        best = entries > most ? lane : best;
        most = entries > most ? entries : most;
    }
    return best;
}

/* remap[code of `from`] = code of `into`, which gets what it has not. */
static wend_status take_over(wendi_interner *into, const wendi_interner *from, uint32_t *remap)
{
    wend_status status = WEND_OK;
    remap[0] = 0;
    for (uint32_t code = 1; code < from->entry_count && status == WEND_OK; code++) {
        status = wendi_interner_code(into, wendi_interner_at(from, code), &remap[code]);
    }
    return status;
}

static void recode(const wendi_row_builder *builder, uint32_t lane, uint32_t *codes, const uint32_t *remap)
{
    for (uint32_t i = 0; i < builder->strip_count; i++) {
        const wendi_row_strip *strip = &builder->strips[i];
        uint32_t end = strip->lane == lane ? strip->first + strip->count : strip->first;
        for (uint32_t row = strip->first; row < end; row++) {
            codes[row] = remap[codes[row]];
        }
    }
}

static wend_status unify_lane(wendi_row_builder *builder, const wendi_row_builder *from, uint32_t lane)
{
    wend_status status = WEND_OK;
    uint32_t *remap = NULL;
    uint32_t capacity = 0;
    for (uint32_t i = 0; i < builder->column_count && status == WEND_OK; i++) {
        wendi_column_builder *column = &builder->columns[i];
        const wendi_interner *interner = &from->columns[i].interner;
        if (column->physical != WENDI_PHYSICAL_STRING || interner->entry_count <= 1) {
            continue; /* nulls have the same code everywhere */
        }
        if (interner->entry_count > capacity) {
            wendi_free(remap);
            capacity = interner->entry_count;
            remap = wendi_alloc(capacity * sizeof *remap);
            WEND_TRY(remap != NULL ? WEND_OK : WEND_NOMEM);
        }
        WEND_TRY(take_over(&column->interner, interner, remap));
        recode(builder, lane, column->codes, remap);
    }
cleanup:
    wendi_free(remap);
    return status;
}

/* Strips of one row after the other are one strip, now that lanes tell them apart no more. */
static void join_strips(wendi_row_builder *builder)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < builder->strip_count; i++) {
        wendi_row_strip strip = builder->strips[i];
        strip.lane = UNIFIED;
        if (kept != 0 && continues(&builder->strips[kept - 1], &strip)) {
            builder->strips[kept - 1].count += strip.count;
        } else {
            builder->strips[kept++] = strip;
        }
    }
    builder->strip_count = kept;
}

wend_status wendi_row_builder_unify(wendi_row_builder *builder, wendi_row_builder *lanes, uint32_t lane_count,
                                    wend_error *error)
{
    wend_status status = WEND_OK;
    uint32_t base = richest(lanes, lane_count);

    for (uint32_t i = 0; i < builder->column_count; i++) { /* the builder's own are empty: they serve the lane next */
        wendi_interner own = builder->columns[i].interner;
        builder->columns[i].interner = lanes[base].columns[i].interner;
        lanes[base].columns[i].interner = own;
    }
    for (uint32_t lane = 0; lane < lane_count; lane++) {
        if (lane != base) {
            WEND_TRY(unify_lane(builder, &lanes[lane], lane));
        }
    }
    join_strips(builder);
cleanup:
    for (uint32_t lane = 0; lane < lane_count; lane++) {
        wendi_row_builder_reset(&lanes[lane]);
    }
    return status == WEND_OK ? status : wendi_fail_nomem(error, "the strings of a batch", builder->row_count * sizeof(uint32_t));
}

const wendi_row_strip *wendi_row_builder_strips(const wendi_row_builder *builder, wendi_row_strip *whole, uint32_t *count)
{
    if (builder->strips != NULL) {
        *count = builder->strip_count;
        return builder->strips;
    }
    *whole = (wendi_row_strip){.first = 0, .count = builder->row_count, .lane = UNIFIED};
    *count = builder->row_count != 0;
    return whole;
}
