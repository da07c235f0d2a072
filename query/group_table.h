/**
 * From key values to dense group numbers 0, 1, 2, … in order of first appearance.
 *
 * Every key is brought to 64-bit words: integers and doubles as they are (-0 as 0, one NaN),
 * sixteen bytes as two words, strings as codes of the table's own interner; a batch in dictionary
 * form looks each of its codes up once. Nulls are equal to each other, as GROUP BY and DISTINCT
 * want it. One thread at a time; workers have a table each and are merged at the end.
 */
#ifndef WENDI_QUERY_GROUP_TABLE_H
#define WENDI_QUERY_GROUP_TABLE_H

#include "engine/column/vector.h"
#include "query/context.h"
#include "query/rows.h"

typedef struct wendi_group_table wendi_group_table;

wend_status wendi_group_table_open(wendi_query_context *context, const wendi_type *key_types,
                                   uint32_t key_count, wendi_group_table **table_out,
                                   wend_error *error);
void wendi_group_table_close(wendi_group_table *table); /* accepts NULL */
uint32_t wendi_group_table_count(const wendi_group_table *table);

/** groups[row] = the group of each selected row of `keys` (key_count vectors); other places are
 * left alone. */
wend_status wendi_group_table_assign(wendi_group_table *table, const wendi_vector *keys,
                                     const wendi_selection *selection, uint32_t *groups,
                                     wend_error *error);
/**
 * For one dictionary-form key: the group of a code, made when new. Lets callers count codes first
 * and look groups up once a code.
 */
wend_status wendi_group_table_code(wendi_group_table *table, const wendi_vector *key, uint32_t code,
                                   uint32_t *group, wend_error *error);
/** Add the groups of `other` (same key types); map[group of other] = group here. */
wend_status wendi_group_table_merge(wendi_group_table *table, const wendi_group_table *other,
                                    uint32_t *map, wend_error *error);
/** Write the keys of all groups into columns first_column… of `rows`, whose row_capacity suffices.
 */
wend_status wendi_group_table_keys(const wendi_group_table *table, wendi_rows *rows,
                                   uint32_t first_column, wend_error *error);

#endif
