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
#include "format/kernel/kernels.h"
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

/** How a conjunct is decided in the row group being read. */
typedef struct scan_filter {
    enum {
        SCAN_FILTER_ROWS, /* by evaluating it for the rows that are left */
        SCAN_FILTER_CODES, /* the others by bitmaps, on pages as they are encoded: in `set` */
        SCAN_FILTER_RANGE, /* in low..high */
        SCAN_FILTER_NULL   /* null, or not */
    } kind;
    uint32_t slot;
    wendi_code_set set;
    uint64_t *words; /* of `set`; room for SCAN_FILTER_CODES_MAX codes; NULL until used */
    int64_t low;
    int64_t high;
    bool null;
    bool predicted; /* the column's pages have to be decoded */
    double share;   /* of the values that may occur: a guess, to have the most selective first */
} scan_filter;

enum { SCAN_FILTER_CODES_MAX = 16384, SCAN_CONSTANT_BYTES = 128 };

/** Memory for the one value of a column that the segment lacks; readable beyond its end as vectors
 * must be. */
typedef struct reader_constant {
    _Alignas(64) uint8_t value[SCAN_CONSTANT_BYTES];
    _Alignas(64) uint8_t null[64];
} reader_constant;

struct wendi_scan_reader {
    wendi_scan *scan;
    wendi_evaluator *evaluator;
    wendi_segment *segment; /* of the open chunks; NULL: none */
    uint32_t segment_index;
    uint32_t row_group;
    wendi_chunk **chunks;       /* by internal slot; NULL: absent, or not opened yet */
    uint32_t *segment_columns;  /* by internal slot; WENDI_NO_COLUMN: absent */
    reader_constant *constants; /* by internal slot */
    wendi_vector *vectors;      /* by internal slot, of the batch */
    uint8_t *loaded;            /* by internal slot */
    wendi_string **strings;     /* by internal slot; of few rows; NULL until used */
    uint8_t **string_nulls;
    scan_filter *filters;          /* by conjunct; of this row group when `filters_planned` */
    uint32_t *filter_order;        /* conjuncts decided by bitmaps, the cheapest and most selective first */
    uint32_t filter_count;
    bool filters_planned;
    uint32_t *entry_codes;         /* 0, 1, 2, …: a dictionary's entries as rows; NULL until used */
    uint64_t *bitmap;              /* rows that are left; of a page at most */
    reader_constant *equal_values; /* by conjunct that has one */
    const reader_constant **only;  /* by internal slot: the value of all rows that are still selected, or NULL */
    uint32_t row;                  /* next row to look at */
    uint32_t row_end;
    uint32_t *indices; /* WENDI_BATCH_ROWS */
};

/** Open the column's chunk unless it is open. The segment has the column. */
wend_status wendi_scan_reader_chunk(wendi_scan_reader *reader, uint32_t slot, wend_error *error);
/** Which vectors of the rows may have a row that passes, by the bounds within their pages: a flag each. */
wend_status wendi_scan_live_vectors(wendi_scan_reader *reader, uint32_t first, uint32_t count,
                                    uint8_t *live, wend_error *error);
/** Decide how each conjunct is evaluated in this row group, once. scan_filter.c. */
wend_status wendi_scan_plan_filters(wendi_scan_reader *reader, wend_error *error);
/** The bitmap of rows reader->row … first + count - 1 that lie in live vectors; how many they are. */
uint32_t wendi_scan_begin_bitmap(wendi_scan_reader *reader, uint32_t first, uint32_t count,
                                 const uint8_t *live);
/** Take the rows out of the bitmap that fail a conjunct decided by bitmaps; how many are left. */
wend_status wendi_scan_filter_bitmap(wendi_scan_reader *reader, uint32_t first, uint32_t count,
                                     uint32_t *left, wend_error *error);
void wendi_scan_free_filters(wendi_scan_reader *reader);

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
