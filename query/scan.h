/**
 * Reading a table's rows: pruning, filtering and decoding, for plain scans and for behavioural
 * operators.
 *
 * A scan is prepared once (columns, filter, what can be skipped) and then read by any number of
 * readers at once, one a thread. A row group is read over any range of its rows, so an operator
 * that works on hash ranges gives each reader the rows of its slice.
 *
 * Conditions on single columns are decided on pages as they are encoded where that can be, the others on decoded
 * columns, one after the other; the other columns are decoded only where a vector of 1024 rows has a row that passed. Columns that a segment does not have read as their default, as null,
 * or, when generated, are computed from their inputs. Text columns come in DICTIONARY form whenever
 * the segment has a dictionary for them.
 */
#ifndef WENDI_QUERY_SCAN_H
#define WENDI_QUERY_SCAN_H

#include "engine/column/vector.h"
#include "engine/expr/evaluator.h"
#include "format/segment_reader.h"
#include "query/context.h"

typedef struct wendi_scan wendi_scan;
typedef struct wendi_scan_reader wendi_scan_reader;

/** A run of rows of one row group that may hold rows wanted: a morsel. */
typedef struct wendi_scan_unit {
    uint32_t segment; /* index into the snapshot's segments */
    uint32_t row_group;
    uint32_t row_begin; /* within the row group; any row */
    uint32_t row_end;
} wendi_scan_unit;

typedef struct wendi_scan_options {
    const uint32_t
        *columns; /* schema positions to read; slot i of expressions and batches is columns[i] */
    uint32_t column_count;
    const wendi_expr *filter; /* boolean over the slots, or NULL; borrowed for the scan's life */
    bool whole_row_groups; /* units are whole row groups (prunes by segment and row group only) */
} wendi_scan_options;

/**
 * Prepare a scan of `snapshot` (borrowed for the scan's life). Opens the segments that cannot be
 * pruned by the table's state alone.
 */
wend_status wendi_scan_open(wendi_query_context *context, wendi_snapshot *snapshot,
                            const wendi_scan_options *options, wendi_scan **scan_out,
                            wend_error *error);
void wendi_scan_close(wendi_scan *scan); /* accepts NULL; readers must be closed before */

/** What is left after pruning, in (segment, row group, row) order. Borrowed from the scan. */
const wendi_scan_unit *wendi_scan_units(const wendi_scan *scan, uint32_t *count);
/** Rows of the units. */
uint64_t wendi_scan_row_count(const wendi_scan *scan);
/** The opened segment of a unit. */
wendi_segment *wendi_scan_segment(const wendi_scan *scan, uint32_t segment);
/** What was considered and skipped so far; wendi_scan_close() adds it to the context's counters. */
const wendi_query_counters *wendi_scan_counters(const wendi_scan *scan);
/**
 * The least and greatest value of the column at `slot` over all units, from row groups' statistics
 * alone;
 * `*any` is false when every value is null. Returns false when statistics do not say it exactly:
 * for text, for absent columns, where one is missing, or when units are only parts of row groups.
 */
bool wendi_scan_min_max(const wendi_scan *scan, uint32_t slot, wendi_value *least,
                        wendi_value *greatest, bool *any);
/** Whether the column at `slot` has a dictionary in every row group that is left (or one value
 * there). */
bool wendi_scan_has_dictionary(wendi_scan *scan, uint32_t slot);

wend_status wendi_scan_reader_open(wendi_scan *scan, wendi_scan_reader **reader_out,
                                   wend_error *error);
void wendi_scan_reader_close(wendi_scan_reader *reader); /* accepts NULL */
/** The reader's evaluator, for expressions over its batches; it is reset by every
 * wendi_scan_reader_next(). */
wendi_evaluator *wendi_scan_reader_evaluator(wendi_scan_reader *reader);

/** Begin with rows row_begin..row_end-1 of a row group; what was left of an earlier range is
 * dropped. */
wend_status wendi_scan_reader_start(wendi_scan_reader *reader, const wendi_scan_unit *unit,
                                    wend_error *error);
/**
 * The next batch: rows *first_row .. *first_row + batch->row_count - 1 of the row group, at most
 * WENDI_BATCH_ROWS and never across a multiple of it. `selection` says which of them passed the
 * filter (indices NULL: all); batches in which none did are skipped. Values of rows that did not
 * pass are undefined.
 *
 * Ownership: `batch->columns` is set to the reader's own vectors; valid until the next call.
 * Returns:   WEND_END when the range is finished; WEND_CORRUPT with file and place, unless the
 *            context skips: then the damaged page's rows are left out, counted and noted.
 */
wend_status wendi_scan_reader_next(wendi_scan_reader *reader, wendi_batch *batch,
                                   wendi_selection *selection, uint32_t *first_row,
                                   wend_error *error);
/** How many rows passed, and of each code of one column. */
typedef struct wendi_scan_counts {
    uint64_t row_count;
    wendi_dictionary *dictionary; /* of the column; borrowed from the segment; NULL: no column was asked for */
    uint32_t codes[WENDI_COUNT_CODES_MAX];
} wendi_scan_counts;
/**
 * Count what is left of the range instead of reading it, on pages as they are encoded: no values, no lists of rows.
 * `slot`: the text column whose codes are counted, or WENDI_EXPR_NO_SLOT. `*done` is false, and
 * nothing was consumed, where that cannot be: the column has no dictionary or a large one, a conjunct needs values, or a
 * page is damaged and the context skips those. Then read batches.
 */
wend_status wendi_scan_reader_count(wendi_scan_reader *reader, uint32_t slot,
                                    wendi_scan_counts *counts, bool *done, wend_error *error);
/**
 * The dictionary of the column at `slot` in the row group being read, borrowed from the scan; NULL
 * when there is none. A column that the segment lacks has a dictionary of its default alone.
 */
wend_status wendi_scan_reader_dictionary(wendi_scan_reader *reader, uint32_t slot,
                                         wendi_dictionary **dictionary_out, wend_error *error);

#endif
