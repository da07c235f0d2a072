/*
 * From CREATE TABLE and ALTER TABLE … ADD COLUMN to schemas. A schema is always made anew from a
 * whole statement: an added column is put behind the columns of the table's own DDL and all is
 * built again, so there is one way to make a schema and one place that checks it.
 */
#include "engine/expr/table_ddl_internal.h"

#include <stdarg.h>

#include "engine/base/alloc.h"

enum {
    COLUMNS_MAX = 1600
}; /* PostgreSQL's limit; a wider event has subtrees that belong in jsonb */

wend_status wendi_ddl_copy(wendi_ddl *ddl, wendi_string text, wendi_string *out)
{
    char *copy = wendi_arena_copy(&ddl->schema->arena, text.data, text.length);
    *out = (wendi_string){copy, text.length};
    return copy == NULL ? wendi_fail_nomem(ddl->error, "a schema", text.length) : WEND_OK;
}

wend_status wendi_ddl_memory(wendi_ddl *ddl, size_t count, size_t bytes_each, void *out)
{
    void *memory = wendi_arena_alloc_zero(&ddl->schema->arena, count * bytes_each);
    memcpy(out, &memory, sizeof memory);
    return memory == NULL ? wendi_fail_nomem(ddl->error, "a schema", count * bytes_each) : WEND_OK;
}

wend_status wendi_ddl_refuse(wendi_ddl *ddl, int32_t position, const char *hint, const char *format,
                             ...)
{
    char message[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    wendi_fail_at(ddl->error, WEND_INVALID, position, "%s", message);
    if (hint[0] != '\0') {
        wendi_error_hint(ddl->error, "%s", hint);
    }
    return WEND_INVALID;
}

wend_status wendi_ddl_find(wendi_ddl *ddl, wendi_string name, int32_t position, const char *what,
                           uint32_t *column)
{
    const char *names[COLUMNS_MAX + 1];
    *column = wendi_schema_find(ddl->schema, name);
    if (*column != WENDI_NO_COLUMN) {
        return WEND_OK;
    }
    for (uint32_t i = 0; i < ddl->schema->column_count; i++) {
        names[i] = ddl->schema->columns[i].name.data;
    }
    names[ddl->schema->column_count] = NULL;
    wendi_ddl_refuse(ddl, position, "", "%s names the column %.*s, which is not in the table", what,
                     WENDI_DDL_TEXT(name));
    const char *near = wendi_ddl_suggest(name, names);
    if (near != NULL) {
        wendi_error_hint(ddl->error, "do you mean %s?", near);
    }
    return WEND_INVALID;
}

static wend_status add_column(wendi_ddl *ddl, uint32_t index)
{
    wend_status status = WEND_OK;
    wendi_schema *schema = ddl->schema;
    const wendi_sql_column_def *node = &ddl->statement->columns[index];
    wendi_column *column = &schema->columns[index];
    if (wendi_schema_find(schema, node->name) != WENDI_NO_COLUMN) {
        return wendi_ddl_refuse(
            ddl, node->span.start,
            "columns have different names; several may read the same path by OPTIONS (path '…')",
            "the column %.*s stands here twice", WENDI_DDL_TEXT(node->name));
    }
    WEND_TRY(wendi_ddl_copy(ddl, node->name, &column->name));
    column->id = index + 1;
    schema->column_count = index + 1;
    WEND_TRY(wendi_type_from_sql(&node->type, true, &column->type, ddl->error));
    WEND_TRY(wendi_ddl_column_options(ddl, node, column));
    WEND_TRY(wendi_ddl_column_rules(ddl, index));
cleanup:
    return status;
}

static wend_status add_columns(wendi_ddl *ddl)
{
    wend_status status = WEND_OK;
    const wendi_sql_statement *statement = ddl->statement;
    bool any_stored = false;
    if (statement->column_count > COLUMNS_MAX) {
        return wendi_ddl_refuse(ddl, statement->columns[COLUMNS_MAX].span.start,
                                "keep rarely used subtrees as one jsonb column each",
                                "a table has at most %d columns", COLUMNS_MAX);
    }
    WEND_TRY(wendi_ddl_memory(ddl, statement->column_count + (size_t)1,
                              sizeof *ddl->schema->columns, &ddl->schema->columns));
    for (uint32_t i = 0; i < statement->column_count; i++) {
        WEND_TRY(add_column(ddl, i));
        any_stored = any_stored || ddl->schema->columns[i].origin != WENDI_ORIGIN_GENERATED;
    }
    if (!any_stored) {
        return wendi_ddl_refuse(
            ddl, statement->table_span.start,
            "name the columns that the events bring: CREATE TABLE t (ts timestamptz "
            "NOT NULL, …)",
            "a table needs at least one column that is not generated");
    }
cleanup:
    return status;
}

/* The column of what is left over. No DDL lists it: the option does. */
static wend_status add_rest_column(wendi_ddl *ddl)
{
    wend_status status = WEND_OK;
    wendi_schema *schema = ddl->schema;
    uint32_t taken = wendi_schema_find(schema, wendi_string_of(WENDI_REST_NAME));
    WEND_TRY(wendi_ddl_rest_option(ddl));
    if (schema->rest_policy != WENDI_REST_KEEP) {
        return WEND_OK;
    }
    if (taken != WENDI_NO_COLUMN) {
        return wendi_ddl_refuse(ddl, ddl->statement->columns[taken].span.start,
                                "name it otherwise, or do without what no column takes: "
                                "WITH (rest = 'drop')",
                                "%s is the column of what no other column takes", WENDI_REST_NAME);
    }
    schema->rest_column = schema->column_count++;
    schema->columns[schema->rest_column] =
        (wendi_column){.id = schema->column_count,
                       .name = wendi_string_of(WENDI_REST_NAME),
                       .type = wendi_type_of(WENDI_TYPE_JSONB),
                       .origin = WENDI_ORIGIN_REST};
cleanup:
    return status;
}

static wend_status fill(wendi_ddl *ddl)
{
    wend_status status = WEND_OK;
    wendi_schema *schema = ddl->schema;
    wendi_buffer text = {0};
    WEND_TRY(wendi_ddl_copy(ddl, ddl->statement->table, &schema->table_name));
    WEND_TRY(add_columns(ddl));
    WEND_TRY(add_rest_column(ddl));
    ddl->generated_from = wendi_arena_alloc_zero(&ddl->scratch, schema->column_count);
    if (ddl->generated_from == NULL) {
        WEND_TRY(wendi_fail_nomem(ddl->error, "a schema", schema->column_count));
    }
    WEND_TRY(wendi_ddl_rules(ddl));
    WEND_TRY(wendi_ddl_table_options(ddl));
    schema->next_column_id = schema->column_count + 1;
    WEND_TRY(wendi_schema_write_ddl(schema, &text));
    WEND_TRY(wendi_ddl_copy(ddl, (wendi_string){(const char *)text.data, (uint32_t)text.length},
                            &schema->ddl));
    WEND_TRY(wendi_schema_make_reading(schema, ddl->error));
cleanup:
    wendi_buffer_free(&text);
    return status;
}

/* Columns of `statement` from `added_from` on are written in `added_text`. */
static wend_status make_schema(const wendi_sql_statement *statement, uint32_t added_from,
                               const char *added_text, wendi_rest_policy rest,
                               wendi_schema **schema_out, wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_ddl ddl = {.statement = statement,
                     .added_from = added_from,
                     .added_text = added_text,
                     .rest = rest,
                     .error = error};
    *schema_out = NULL;
    ddl.schema = wendi_alloc_zero(1, sizeof *ddl.schema);
    if (ddl.schema == NULL) {
        return wendi_fail_nomem(error, "a schema", sizeof *ddl.schema);
    }
    ddl.schema->user_column = WENDI_NO_COLUMN;
    ddl.schema->time_column = WENDI_NO_COLUMN;
    ddl.schema->event_column = WENDI_NO_COLUMN;
    ddl.schema->order_column = WENDI_NO_COLUMN;
    ddl.schema->rest_column = WENDI_NO_COLUMN;
    ddl.schema->id_column = WENDI_NO_COLUMN;
    ddl.schema->max_future_us = WENDI_US_PER_DAY;
    WEND_TRY(fill(&ddl));
    *schema_out = ddl.schema;
    ddl.schema = NULL;
cleanup:
    wendi_schema_free(ddl.schema);
    wendi_arena_free(&ddl.scratch);
    return status;
}

static wend_status from_statement(const wendi_sql_statement *statement, wendi_rest_policy rest,
                                  wendi_schema **schema_out, wend_error *error)
{
    *schema_out = NULL;
    if (statement->kind != WENDI_SQL_STATEMENT_CREATE_TABLE) {
        wendi_fail_at(error, WEND_INVALID, statement->span.start, "CREATE TABLE is expected here");
        wendi_error_hint(error, "write CREATE TABLE name (column type …) WITH (…)");
        return WEND_INVALID;
    }
    return make_schema(statement, statement->column_count, NULL, rest, schema_out, error);
}

wend_status wendi_schema_from_statement(const wendi_sql_statement *statement,
                                        wendi_schema **schema_out, wend_error *error)
{
    return from_statement(statement, WENDI_REST_KEEP, schema_out, error);
}

static wend_status parse(const char *ddl, wendi_rest_policy rest, wendi_schema **schema_out,
                         wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_arena arena = {0};
    const wendi_sql_statement *statement = NULL;
    *schema_out = NULL;
    WEND_TRY(wendi_sql_parse_one(ddl, strlen(ddl), &arena, &statement, error));
    WEND_TRY(from_statement(statement, rest, schema_out, error));
cleanup:
    wendi_arena_free(&arena);
    return status;
}

wend_status wendi_schema_parse(const char *ddl, wendi_schema **schema_out, wend_error *error)
{
    return parse(ddl, WENDI_REST_UNSAID, schema_out, error);
}

static bool ids_fit(const wendi_schema *schema, const uint32_t *ids, uint32_t id_count,
                    uint32_t next_column_id)
{
    if (id_count != schema->column_count) {
        return false;
    }
    for (uint32_t i = 0; i < id_count; i++) {
        if (ids[i] == 0 || ids[i] >= next_column_id) {
            return false;
        }
        for (uint32_t k = 0; k < i; k++) {
            if (ids[k] == ids[i]) {
                return false;
            }
        }
    }
    return true;
}

static wend_status set_ids(wendi_schema *schema, const uint32_t *ids, uint32_t next_column_id,
                           wend_error *error)
{
    for (uint32_t i = 0; i < schema->column_count; i++) {
        schema->columns[i].id = ids[i];
    }
    schema->next_column_id = next_column_id;
    return wendi_schema_make_reading(schema, error);
}

wend_status wendi_schema_parse_with_ids(const char *ddl, const uint32_t *ids, uint32_t id_count,
                                        uint32_t next_column_id, wendi_schema **schema_out,
                                        wend_error *error)
{
    wendi_schema *schema = NULL;
    *schema_out = NULL;
    wend_status status = parse(ddl, WENDI_REST_DROP, &schema, error); /* what a stored one means */
    if (status == WEND_NOMEM) {
        return status;
    }
    if (status != WEND_OK) {
        if (error != NULL) {
            error->status = WEND_CORRUPT;
        }
        wendi_error_context(error, "the stored schema is damaged");
        return WEND_CORRUPT;
    }
    if (!ids_fit(schema, ids, id_count, next_column_id)) {
        wendi_schema_free(schema);
        return wendi_fail(error, WEND_CORRUPT,
                          "the stored schema is damaged: %u column ids do not fit its columns",
                          id_count);
    }
    status = set_ids(schema, ids, next_column_id, error);
    if (status != WEND_OK) {
        wendi_schema_free(schema);
        return status;
    }
    *schema_out = schema;
    return WEND_OK;
}

static wend_status refuse_at(wend_error *error, wend_status status, int32_t position,
                             const char *message, const char *hint)
{
    wendi_fail_at(error, status, position, "%s", message);
    wendi_error_hint(error, "%s", hint);
    return status;
}

/* Rows stored before have no value for the column, and were never compared for being unique. */
static wend_status check_added(const wendi_schema *schema, const wendi_sql_column_def *node,
                               wend_error *error)
{
    bool not_null = false;
    bool filled = false;
    if (wendi_schema_find(schema, node->name) != WENDI_NO_COLUMN) {
        return refuse_at(error, WEND_EXISTS, node->span.start,
                         "the table has a column of this name",
                         "choose another name, or write ADD "
                         "COLUMN IF NOT EXISTS");
    }
    for (uint32_t i = 0; i < node->constraint_count; i++) {
        const wendi_sql_constraint *constraint = &node->constraints[i];
        if (constraint->kind == WENDI_SQL_UNIQUE || constraint->kind == WENDI_SQL_PRIMARY_KEY) {
            return refuse_at(
                error, WEND_UNSUPPORTED, constraint->span.start,
                "a column that is added cannot be UNIQUE",
                "stored rows were never compared by it: create a new table and load it again");
        }
        not_null = not_null || constraint->kind == WENDI_SQL_NOT_NULL;
        filled =
            filled || constraint->kind == WENDI_SQL_GENERATED ||
            (constraint->kind == WENDI_SQL_DEFAULT && constraint->expr->kind != WENDI_SQL_NULL);
    }
    if (not_null && !filled) {
        return refuse_at(error, WEND_INVALID, node->span.start,
                         "a column that is added as NOT NULL needs a DEFAULT",
                         "rows stored before have no value: add DEFAULT …, or drop NOT NULL");
    }
    return WEND_OK;
}

/* The columns of the table's own statement, then those of the ALTER that are new. */
static wend_status join_columns(const wendi_schema *schema, const wendi_sql_statement *base,
                                const wendi_sql_statement *alter, wendi_arena *arena,
                                wendi_sql_statement *joined, wend_error *error)
{
    uint32_t count = base->column_count;
    wendi_sql_column_def *columns = wendi_arena_alloc(
        arena, ((size_t)base->column_count + alter->column_count) * sizeof *columns);
    if (columns == NULL) {
        return wendi_fail_nomem(error, "a schema", sizeof *columns);
    }
    memcpy(columns, base->columns, base->column_count * sizeof *columns);
    for (uint32_t i = 0; i < alter->column_count; i++) {
        const wendi_sql_column_def *node = &alter->columns[i];
        if (alter->if_exists && wendi_schema_find(schema, node->name) != WENDI_NO_COLUMN) {
            continue;
        }
        wend_status status = check_added(schema, node, error);
        if (status != WEND_OK) {
            return status;
        }
        columns[count++] = *node;
    }
    *joined = *base;
    joined->columns = columns;
    joined->column_count = count;
    return WEND_OK;
}

/* Old columns keep theirs; new ones stand behind them, but _rest stays the last. */
static wend_status keep_ids(const wendi_schema *schema, wendi_schema *joined, wend_error *error)
{
    uint32_t rest = schema->rest_column != WENDI_NO_COLUMN;
    uint32_t old = schema->column_count - rest;
    for (uint32_t i = 0; i < joined->column_count - rest; i++) {
        joined->columns[i].id =
            i < old ? schema->columns[i].id : schema->next_column_id + (i - old);
    }
    if (rest) {
        joined->columns[joined->rest_column].id = schema->columns[schema->rest_column].id;
    }
    joined->next_column_id = schema->next_column_id + (joined->column_count - schema->column_count);
    return wendi_schema_make_reading(joined, error);
}

/* ---- changing rules ---- */

/* Options that say how a value is read or how long an event is kept. All others are about what segments hold. */
static bool may_change(const wendi_sql_change *change, const wendi_sql_option *option)
{
    static const char *const of_table[] = {"max_future", "retention", "duplicate_keys", "unique_window", NULL};
    static const char *const of_column[] = {"path", "format", "timezone", "on_error", "round", NULL};
    const char *const *names = change->kind == WENDI_SQL_TABLE_OPTIONS ? of_table : of_column;
    while (*names != NULL && !wendi_string_equal(option->name, wendi_string_of(*names))) {
        names++;
    }
    return *names != NULL;
}

/* `options` with those of the change in place of, or behind, the old ones. */
static wend_status change_options(const wendi_sql_statement *alter, const wendi_sql_change *change,
                                  const wendi_sql_option **options, uint32_t *count, wendi_arena *arena,
                                  wend_error *error)
{
    wendi_sql_option *changed =
        wendi_arena_alloc(arena, ((size_t)*count + change->option_count + 1) * sizeof *changed);
    if (changed == NULL) {
        return wendi_fail_nomem(error, "a schema", sizeof *changed);
    }
    if (*count != 0) {
        memcpy(changed, *options, *count * sizeof *changed);
    }
    for (uint32_t i = 0; i < change->option_count; i++) {
        const wendi_sql_option *option = &change->options[i];
        uint32_t at = 0;
        if (!may_change(change, option)) {
            wendi_fail_at(error, WEND_UNSUPPORTED, option->span.start, "%.*s cannot be changed",
                          WENDI_DDL_TEXT(option->name));
            wendi_error_hint(error, "%s", change->kind == WENDI_SQL_TABLE_OPTIONS
                                              ? "max_future, retention, duplicate_keys and unique_window can"
                                              : "path, format, timezone, on_error and round can");
            return WEND_UNSUPPORTED;
        }
        while (at < *count && !wendi_string_equal(changed[at].name, option->name)) {
            at++;
        }
        *count += at == *count;
        changed[at] = *option;
        changed[at].span = alter->table_span;
    }
    *options = changed;
    return WEND_OK;
}

static wend_status drop_constraint(const wendi_schema *schema, const wendi_sql_statement *alter,
                                   const wendi_sql_change *change, wendi_sql_statement *joined, wendi_arena *arena,
                                   wend_error *error)
{
    wendi_sql_constraint *kept = wendi_arena_alloc(arena, (joined->constraint_count + 1) * sizeof *kept);
    uint32_t count = 0;
    bool check = false;
    if (kept == NULL) {
        return wendi_fail_nomem(error, "a schema", sizeof *kept);
    }
    for (uint32_t i = 0; i < schema->check_count; i++) {
        check = check || wendi_string_equal(schema->checks[i].name, change->name);
    }
    for (uint32_t i = 0; i < joined->constraint_count; i++) {
        const wendi_sql_constraint *constraint = &joined->constraints[i];
        if (constraint->kind != WENDI_SQL_CHECK || !wendi_string_equal(constraint->name, change->name)) {
            kept[count++] = *constraint;
        }
    }
    if (!check && !change->if_exists) {
        wendi_fail_at(error, WEND_NOT_FOUND, alter->table_span.start, "the table has no CHECK named %.*s",
                      WENDI_DDL_TEXT(change->name));
        wendi_error_hint(error, "wend describe shows the names; of constraints only a CHECK can be dropped");
        return WEND_NOT_FOUND;
    }
    joined->constraints = kept;
    joined->constraint_count = count;
    return WEND_OK;
}

static void drop_not_null(wendi_sql_column_def *column, wendi_sql_constraint *kept)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < column->constraint_count; i++) {
        if (column->constraints[i].kind != WENDI_SQL_NOT_NULL) {
            kept[count++] = column->constraints[i];
        }
    }
    column->constraints = kept;
    column->constraint_count = count;
}

static wend_status change_column(const wendi_sql_statement *alter, const wendi_sql_change *change,
                                 wendi_sql_column_def *columns, uint32_t count, wendi_arena *arena, wend_error *error)
{
    for (uint32_t i = 0; i < count; i++) {
        wendi_sql_column_def *column = &columns[i];
        if (!wendi_string_equal(column->name, change->name)) {
            continue;
        }
        if (change->kind == WENDI_SQL_COLUMN_OPTIONS) {
            return change_options(alter, change, &column->options, &column->option_count, arena, error);
        }
        wendi_sql_constraint *kept = wendi_arena_alloc(arena, (column->constraint_count + 1) * sizeof *kept);
        if (kept == NULL) {
            return wendi_fail_nomem(error, "a schema", sizeof *kept);
        }
        drop_not_null(column, kept);
        return WEND_OK;
    }
    return wendi_fail_at(error, WEND_NOT_FOUND, alter->table_span.start, "the table has no column %.*s",
                         WENDI_DDL_TEXT(change->name));
}

/* The table's own statement with the changes made. It is a stored one, so its constraints stand behind the columns. */
static wend_status change_rules(const wendi_schema *schema, const wendi_sql_statement *base,
                                const wendi_sql_statement *alter, wendi_arena *arena, wendi_sql_statement *joined,
                                wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_sql_column_def *columns = wendi_arena_alloc(arena, (base->column_count + 1) * sizeof *columns);
    if (columns == NULL) {
        return wendi_fail_nomem(error, "a schema", sizeof *columns);
    }
    memcpy(columns, base->columns, base->column_count * sizeof *columns);
    *joined = *base;
    joined->columns = columns;
    for (uint32_t i = 0; i < alter->change_count && status == WEND_OK; i++) {
        const wendi_sql_change *change = &alter->changes[i];
        switch ((wendi_sql_change_kind)change->kind) {
        case WENDI_SQL_DROP_CONSTRAINT:
            status = drop_constraint(schema, alter, change, joined, arena, error);
            break;
        case WENDI_SQL_TABLE_OPTIONS:
            status = change_options(alter, change, &joined->options, &joined->option_count, arena, error);
            break;
        case WENDI_SQL_DROP_NOT_NULL:
        case WENDI_SQL_COLUMN_OPTIONS:
            status = change_column(alter, change, columns, base->column_count, arena, error);
            break;
        }
    }
    return status;
}

static wend_status join(const wendi_schema *schema, const wendi_sql_statement *base, const wendi_sql_statement *alter,
                        wendi_arena *arena, wendi_schema **schema_out, wend_error *error)
{
    wendi_sql_statement joined;
    wend_status status = WEND_OK;
    bool rules = alter->kind == WENDI_SQL_STATEMENT_ALTER_RULES;
    WEND_TRY(rules ? change_rules(schema, base, alter, arena, &joined, error)
                   : join_columns(schema, base, alter, arena, &joined, error));
    status = make_schema(&joined, base->column_count, alter->text, (wendi_rest_policy)schema->rest_policy, schema_out, error);
    if (status != WEND_OK && rules && error != NULL) {
        error->position = -1; /* it is about the table's whole statement, which nobody sees here */
        wendi_error_context(error, "with this change");
    }
cleanup:
    return status;
}

wend_status wendi_schema_alter(const wendi_schema *schema, const char *alter, wendi_schema **schema_out,
                               wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_arena arena = {0};
    const wendi_sql_statement *base = NULL;
    const wendi_sql_statement *added = NULL;
    *schema_out = NULL;
    WEND_TRY(wendi_sql_parse_one(alter, strlen(alter), &arena, &added, error));
    if (added->kind != WENDI_SQL_STATEMENT_ADD_COLUMN && added->kind != WENDI_SQL_STATEMENT_ALTER_RULES) {
        status = refuse_at(error, WEND_INVALID, added->span.start, "ALTER TABLE is expected here",
                           "write ALTER TABLE name ADD COLUMN column type …");
        goto cleanup;
    }
    if (!wendi_string_equal(added->table, schema->table_name)) {
        status = wendi_fail_at(error, WEND_NOT_FOUND, added->table_span.start,
                               "this alters %.*s, and the table here is %.*s",
                               WENDI_DDL_TEXT(added->table), WENDI_DDL_TEXT(schema->table_name));
        goto cleanup;
    }
    WEND_TRY(wendi_sql_parse_one(schema->ddl.data, schema->ddl.length, &arena, &base, error));
    WEND_TRY(join(schema, base, added, &arena, schema_out, error));
    status = keep_ids(schema, *schema_out, error);
    if (status != WEND_OK) {
        wendi_schema_free(*schema_out);
        *schema_out = NULL;
    }
cleanup:
    wendi_arena_free(&arena);
    return status;
}
