/**
 * What the files of the scan share: how each column comes about in each segment.
 *
 * Internal slots 0..column_count-1 are the caller's; behind them stand columns that nobody asked
 * for but that generated columns of older segments are computed from.
 */
#ifndef WENDI_QUERY_SCAN_INTERNAL_H
#define WENDI_QUERY_SCAN_INTERNAL_H

#include "engine/expr/prune.h"
#include "engine/expr/schema_rules.h"
#include "format/segment_reader.h"
#include "query/scan.h"

/** A column of the schema as the scan reads it. */
typedef struct scan_slot {
    uint32_t position; /* in the schema */
    wendi_type type;
    const wendi_expr
        *generated;     /* over internal slots, for segments that lack the column; or NULL */
    uint8_t *inputs;    /* internal columns that `generated` reads, one flag each */
    wendi_value absent; /* what such segments read as otherwise: the default or null */
    wendi_dictionary *dictionary; /* text: holds `absent` alone */
} scan_slot;

/** One AND-ed part of the filter, with what it says about single columns. */
typedef struct scan_conjunct {
    const wendi_expr *expr;
    wendi_range range;
    bool has_range;
    const wendi_value *equal; /* the conjunct says exactly that its column is this text; or NULL */
    uint8_t *slots;           /* internal_count flags: columns that it reads */
} scan_conjunct;

struct wendi_scan {
    wendi_query_context *context;
    wendi_snapshot *snapshot;
    const wendi_schema *schema;
    wendi_arena arena;
    scan_slot *slots;
    uint32_t column_count;
    uint32_t internal_count;
    scan_conjunct *conjuncts; /* cheapest first */
    uint32_t conjunct_count;
    bool never; /* the filter is false for every row */
    bool whole_row_groups;
    bool
        few_rows; /* strings of dictionaries are looked up one by one: no column has a dictionary */
    uint32_t user_conjunct;    /* that every row of the units satisfies, being one user's;
                                  WENDI_EXPR_NO_SLOT: none */
    wendi_schema_rules *rules; /* when some segment lacks a generated column */
    wendi_segment **segments;  /* by index; NULL: skipped. Borrowed from the snapshot */
    wendi_scan_unit *units;
    uint32_t unit_count;
    uint32_t unit_capacity;
    uint64_t row_count;
    wendi_query_counters counters;
};

/** Find what can be skipped and list the rest as units. scan_prune.c. */
wend_status wendi_scan_plan_units(wendi_scan *scan, wend_error *error);
/** May rows of this zone pass all conjuncts? Looks at the conjuncts over column `slot` only. */
bool wendi_scan_zone_passes(const wendi_scan *scan, uint32_t slot, const wendi_zone *zone);
/** May the user column's equalities be met by users whose hash lies in min..max? */
bool wendi_scan_hash_passes(const wendi_scan *scan, uint64_t hash_min, uint64_t hash_max);
/** With skip_corrupt: count `rows` as left out, note why and turn WEND_CORRUPT into WEND_OK; else
 * return `status`. */
wend_status wendi_scan_skip_corrupt(wendi_scan *scan, wend_status status, uint64_t rows,
                                    wend_error *error);

#endif
