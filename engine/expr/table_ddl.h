/**
 * Schemas from DDL and DDL from schemas. docs/SQL.md has the grammar for people.
 *
 * A schema's `ddl` is canonical: one CREATE TABLE that gives exactly this schema when parsed,
 * alters folded in, one column a line. Column ids stand beside it (schema.h), so DDL text holds
 * none. CHECK and GENERATED expressions are bound here once, so that what is stored can be
 * computed.
 */
#ifndef WENDI_EXPR_TABLE_DDL_H
#define WENDI_EXPR_TABLE_DDL_H

#include "engine/column/schema.h"
#include "engine/sql/ast.h"

/**
 * Make a schema from one CREATE TABLE statement; columns get ids 1, 2, … in order, the column
 * `_rest` the last one if the statement says rest = 'keep'. Without a word on it there is none.
 *
 * Ownership: the caller frees `*schema_out` with wendi_schema_free(). `ddl` is NUL-terminated,
 * copied. Returns:   WEND_INVALID or WEND_UNSUPPORTED with the position in `ddl` and most with a
 * hint what to write instead; WEND_NOMEM.
 */
wend_status wendi_schema_parse(const char *ddl, wendi_schema **schema_out, wend_error *error);

/**
 * The same for DDL that was stored: the n-th column has ids[n]. WEND_CORRUPT when the ids do not
 * fit the DDL (count, repeats, 0, or not below `next_column_id`) or the DDL itself is refused.
 */
wend_status wendi_schema_parse_with_ids(const char *ddl, const uint32_t *ids, uint32_t id_count,
                                        uint32_t next_column_id, wendi_schema **schema_out,
                                        wend_error *error);

/**
 * As wendi_schema_parse() for a CREATE TABLE already parsed, positions count in statement->text;
 * but as a new table gets it: what no column takes is kept in `_rest` unless the statement says
 * rest = 'drop'.
 */
wend_status wendi_schema_from_statement(const wendi_sql_statement *statement,
                                        wendi_schema **schema_out, wend_error *error);

/**
 * A new schema: `schema` with what ALTER TABLE says.
 *
 * ADD COLUMN (one or several): the columns stand behind those of `schema`; old columns keep their
 * ids, new ones take schema->next_column_id on. Rows stored before read the new column's DEFAULT,
 * null, or its GENERATED value; so NOT NULL needs one of them, and UNIQUE is refused.
 * DROP CONSTRAINT, DROP NOT NULL, OPTIONS, SET: other events are taken from now on, or read in another way. Nothing
 * that is stored changes, so only such options can be changed as say nothing of it.
 *
 * Returns:   WEND_NOT_FOUND the statement names another table; WEND_EXISTS the column is there
 * (with IF NOT EXISTS: WEND_OK and an equal schema); else as wendi_schema_parse(), positions in
 * `alter`.
 */
wend_status wendi_schema_alter(const wendi_schema *schema, const char *alter, wendi_schema **schema_out,
                               wend_error *error);


/** Append the canonical DDL of `schema`, ended by ";\n". */
wend_status wendi_schema_write_ddl(const wendi_schema *schema, wendi_buffer *out);

/** Append one path as it is written in OPTIONS (path '…'), such as $.geo.country or $."a.b". */
wend_status wendi_path_write(const wendi_path *path, wendi_buffer *out);

/**
 * What a type's name means. `stored`: as a column's type, so only those that tables keep; else
 * those of expressions too (timestamp, interval, numeric up to 38 digits, plain numeric as (38,s)
 * is not resolved here: precision 0 means "as the value has it").
 * Returns:   WEND_INVALID or WEND_UNSUPPORTED at the type's position, with what to write instead.
 */
wend_status wendi_type_from_sql(const wendi_sql_type *type, bool stored, wendi_type *type_out,
                                wend_error *error);

#endif
