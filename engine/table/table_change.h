/** Changing a table from a command, whether a writer lives or not. */
#ifndef WENDI_TABLE_TABLE_CHANGE_H
#define WENDI_TABLE_TABLE_CHANGE_H

#include "engine/table/table.h"

/**
 * Run `ALTER TABLE … ADD COLUMN …` on the table: by the live writer, through its requests folder,
 * else here under the lock. With `wait` false and a live writer it returns at once after leaving
 * the request, whose name is copied to `request_name` (64 bytes; else empty). A writer that ends
 * without answering is noticed.
 */
wend_status wendi_table_alter(wendi_table *table, const char *sql, bool wait, char request_name[64],
                              wend_error *error);

#endif
