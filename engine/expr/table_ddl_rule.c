/* Constraints of columns and of the table: NOT NULL, UNIQUE, DEFAULT, CHECK and GENERATED. */
#include "engine/expr/table_ddl_internal.h"

#include "engine/expr/binder.h"

/* Names that an expression may use: columns 0 .. visible-1, and generated ones only if they stand
 * before. */
typedef struct rule_scope {
    wendi_ddl *ddl;
    uint32_t visible_generated; /* generated columns from here on are not yet computed */
    bool generates;             /* what is used becomes part of a stored value */
    const char *rule;           /* "CHECK", "GENERATED" */
} rule_scope;

static wend_status resolve_column(void *context, wendi_string qualifier, wendi_string name,
                                  int32_t position, uint32_t *slot, wendi_type *type,
                                  wend_error *error)
{
    rule_scope *scope = context;
    wendi_schema *schema = scope->ddl->schema;
    if (qualifier.length > 0 && !wendi_string_equal(qualifier, schema->table_name)) {
        return wendi_fail_at(error, WEND_NOT_FOUND, position, "there is no table %.*s here",
                             WENDI_DDL_TEXT(qualifier));
    }
    wend_status status = wendi_ddl_find(scope->ddl, name, position, scope->rule, slot);
    if (status != WEND_OK) {
        return status;
    }
    if (schema->columns[*slot].origin == WENDI_ORIGIN_GENERATED &&
        *slot >= scope->visible_generated) {
        wendi_fail_at(error, WEND_INVALID, position,
                      "%.*s is generated, and not before this column", WENDI_DDL_TEXT(name));
        wendi_error_hint(error, "a generated column uses columns from the events, and generated "
                                "columns that stand before it");
        return WEND_INVALID;
    }
    *type = schema->columns[*slot].type;
    scope->ddl->generated_from[*slot] |= scope->generates;
    return WEND_OK;
}

static wend_status bind_rule(wendi_ddl *ddl, const wendi_sql_expr *node, rule_scope *scope,
                             const wendi_type *assign, const wendi_expr **bound)
{
    wend_status status = WEND_OK;
    wendi_session *session = wendi_arena_alloc_zero(&ddl->scratch, sizeof *session);
    if (session == NULL) {
        return wendi_fail_nomem(ddl->error, "a rule", sizeof *session);
    }
    session->zone = wendi_timezone_utc();
    wendi_scope binding = {
        .context = scope, .column = scope != NULL ? resolve_column : NULL, .session = session};
    if (assign == NULL) {
        WEND_TRY(wendi_bind_condition(node, &binding, "CHECK", &ddl->scratch, bound, ddl->error));
    } else {
        WEND_TRY(wendi_bind(node, &binding, &ddl->scratch, bound, ddl->error));
        WEND_TRY(wendi_bind_cast(*bound, *assign, WENDI_CAST_ASSIGNMENT, session, &ddl->scratch,
                                 bound, ddl->error));
    }
    if (((*bound)->flags & WENDI_EXPR_NOW) != 0) {
        return wendi_ddl_refuse(
            ddl, node->position,
            "a rule may use only the row's own values; Kafka's time of a message is the path "
            "$timestamp",
            "now() and its kin cannot stand here: the answer would change with the time of asking");
    }
cleanup:
    if (status != WEND_OK && ddl->error != NULL && ddl->error->position < 0) {
        ddl->error->position = node->position;
    }
    return status;
}

/* As written, when that is one line and means the same alone. */
static bool keeps_meaning(wendi_ddl *ddl, const wendi_sql_expr *node, const char *written)
{
    const wendi_sql_expr *again = NULL;
    return strchr(written, '\n') == NULL &&
           wendi_sql_parse_expression(written, strlen(written), &ddl->scratch, &again, NULL) ==
               WEND_OK &&
           wendi_sql_expr_equal(node, again);
}

static wend_status rule_text(wendi_ddl *ddl, const wendi_sql_expr *node, const char *source,
                             wendi_string *out)
{
    const char *written = wendi_sql_expression_text(node, source, &ddl->scratch);
    if (written != NULL && !keeps_meaning(ddl, node, written)) {
        written = wendi_sql_expression_text(node, NULL, &ddl->scratch);
    }
    if (written == NULL) {
        return wendi_fail_nomem(ddl->error, "a rule", 0);
    }
    return wendi_ddl_copy(ddl, wendi_string_of(written), out);
}

static bool check_name_taken(const wendi_schema *schema, wendi_string name)
{
    for (uint32_t i = 0; i < schema->check_count; i++) {
        if (wendi_string_equal(schema->checks[i].name, name)) {
            return true;
        }
    }
    return false;
}

/* table_column_check, and numbers behind it while the name is taken, as PostgreSQL makes names up.
 */
static wend_status make_check_name(wendi_ddl *ddl, wendi_string column, wendi_string *out)
{
    wendi_schema *schema = ddl->schema;
    for (uint32_t i = 0;; i++) {
        char number[16] = "";
        if (i > 0) {
            snprintf(number, sizeof number, "%u", i);
        }
        char *name = wendi_arena_printf(
            &schema->arena, "%.*s%s%.*s_check%s",
            (int)(schema->table_name.length < 24 ? schema->table_name.length : 24),
            schema->table_name.data, column.length > 0 ? "_" : "",
            (int)(column.length < 24 ? column.length : 24), column.data, number);
        if (name == NULL) {
            return wendi_fail_nomem(ddl->error, "a rule", 64);
        }
        *out = wendi_string_of(name);
        if (!check_name_taken(schema, *out)) {
            return WEND_OK;
        }
    }
}

static wend_status add_check(wendi_ddl *ddl, const wendi_sql_constraint *node, const char *source,
                             wendi_string column)
{
    wend_status status = WEND_OK;
    const wendi_expr *bound = NULL;
    wendi_schema *schema = ddl->schema;
    wendi_check *check = &schema->checks[schema->check_count];
    rule_scope scope = {ddl, schema->column_count, false, "CHECK"};
    WEND_TRY(bind_rule(ddl, node->expr, &scope, NULL, &bound));
    WEND_TRY(rule_text(ddl, node->expr, source, &check->expression));
    if (node->name.length == 0) {
        WEND_TRY(make_check_name(ddl, column, &check->name));
    } else if (check_name_taken(schema, node->name)) {
        return wendi_ddl_refuse(ddl, node->span.start, "name them differently",
                                "there are two constraints named %.*s", WENDI_DDL_TEXT(node->name));
    } else {
        WEND_TRY(wendi_ddl_copy(ddl, node->name, &check->name));
    }
    schema->check_count++;
cleanup:
    return status;
}

/* A quoted default is whatever the column's type makes of it; so is 1e300, which no numeric holds.
 */
static wend_status parse_literal(wendi_ddl *ddl, const wendi_sql_expr *node,
                                 const wendi_column *column, wendi_value *value)
{
    char type[40];
    const char *reason = "not a value of its type";
    if (wendi_value_parse(column->type, node->text, wendi_timezone_utc(), value, &reason) !=
        WEND_OK) {
        return wendi_ddl_refuse(ddl, node->position, "", "the default of type %s: %s",
                                wendi_type_name(column->type, type), reason);
    }
    return WEND_OK;
}

/* A default is a constant; it is kept as text that reads the same in every session's time zone. */
static wend_status set_default(wendi_ddl *ddl, const wendi_sql_constraint *node,
                               wendi_column *column)
{
    wend_status status = WEND_OK;
    const wendi_expr *bound = NULL;
    const wendi_value *value = NULL;
    wendi_value literal = {0};
    wendi_buffer text = {0};
    bool real = column->type.kind == WENDI_TYPE_DOUBLE || column->type.kind == WENDI_TYPE_REAL;
    if (node->expr->kind == WENDI_SQL_STRING || (real && node->expr->kind == WENDI_SQL_NUMBER)) {
        WEND_TRY(parse_literal(ddl, node->expr, column, &literal));
        value = &literal;
    } else {
        WEND_TRY(bind_rule(ddl, node->expr, NULL, &column->type, &bound));
        value = wendi_expr_value(bound);
    }
    if (value == NULL) {
        status =
            wendi_ddl_refuse(ddl, node->expr->position,
                             "write the value itself, or derive it: GENERATED ALWAYS AS (…) STORED",
                             "a default must be a constant");
        goto cleanup;
    }
    if (!value->null) {
        WEND_TRY(wendi_value_format(value, wendi_timezone_utc(), &text));
        WEND_TRY(wendi_ddl_copy(ddl, (wendi_string){(const char *)text.data, (uint32_t)text.length},
                                &column->default_value));
        column->has_default = true;
    }
cleanup:
    wendi_buffer_free(&text);
    return status;
}

static wend_status set_generated(wendi_ddl *ddl, const wendi_sql_constraint *node,
                                 const wendi_sql_column_def *definition, const char *source,
                                 uint32_t index)
{
    wendi_column *column = &ddl->schema->columns[index];
    if (definition->option_count > 0) {
        return wendi_ddl_refuse(ddl, definition->options[0].span.start, "keep one of both",
                                "a generated column takes no OPTIONS: its "
                                "values do not come from the events");
    }
    column->origin = WENDI_ORIGIN_GENERATED;
    column->path_count = 0;
    return rule_text(ddl, node->expr, source, &column->generated);
}

/* Which constraints a column has, those that stand alone; expressions wait until all columns are
 * known. */
static wend_status apply_simple(wendi_ddl *ddl, const wendi_sql_column_def *definition,
                                const wendi_sql_constraint *node, const char *source,
                                uint32_t index)
{
    wendi_column *column = &ddl->schema->columns[index];
    switch (node->kind) {
    case WENDI_SQL_NOT_NULL:
    case WENDI_SQL_PRIMARY_KEY:
        column->not_null = true;
        return WEND_OK;
    case WENDI_SQL_DEFAULT:
        return set_default(ddl, node, column);
    case WENDI_SQL_GENERATED:
        return set_generated(ddl, node, definition, source, index);
    default:
        return WEND_OK;
    }
}

static const wendi_sql_constraint *find_constraint(const wendi_sql_column_def *node,
                                                   wendi_sql_constraint_kind kind)
{
    for (uint32_t i = 0; i < node->constraint_count; i++) {
        if (node->constraints[i].kind == kind) {
            return &node->constraints[i];
        }
    }
    return NULL;
}

static wend_status refuse_pair(wendi_ddl *ddl, const wendi_sql_column_def *node,
                               wendi_sql_constraint_kind a, wendi_sql_constraint_kind b,
                               const char *message)
{
    const wendi_sql_constraint *first = find_constraint(node, a);
    const wendi_sql_constraint *second = find_constraint(node, b);
    if (first == NULL || second == NULL) {
        return WEND_OK;
    }
    int32_t position =
        first->span.start > second->span.start ? first->span.start : second->span.start;
    return wendi_ddl_refuse(ddl, position, "keep one of both", "%s", message);
}

static wend_status check_pairs(wendi_ddl *ddl, const wendi_sql_column_def *node,
                               const wendi_column *column)
{
    wend_status status = WEND_OK;
    WEND_TRY(refuse_pair(ddl, node, WENDI_SQL_NULLABLE, WENDI_SQL_NOT_NULL,
                         "a column cannot be both NULL and NOT NULL"));
    WEND_TRY(refuse_pair(ddl, node, WENDI_SQL_NULLABLE, WENDI_SQL_PRIMARY_KEY,
                         "a PRIMARY KEY is NOT NULL"));
    WEND_TRY(refuse_pair(ddl, node, WENDI_SQL_DEFAULT, WENDI_SQL_GENERATED,
                         "a generated column has no DEFAULT"));
    for (uint32_t i = 0; i < node->constraint_count; i++) {
        wendi_sql_constraint_kind kind = (wendi_sql_constraint_kind)node->constraints[i].kind;
        bool once = kind == WENDI_SQL_DEFAULT || kind == WENDI_SQL_GENERATED ||
                    kind == WENDI_SQL_PRIMARY_KEY;
        if (once && find_constraint(node, kind) != &node->constraints[i]) {
            return wendi_ddl_refuse(ddl, node->constraints[i].span.start, "keep one of them",
                                    "this stands twice in one column");
        }
    }
    if (column->not_null && column->on_error == WENDI_ON_ERROR_NULL) {
        return wendi_ddl_refuse(
            ddl, node->options[0].span.start,
            "drop NOT NULL, or let wrong values reject the row: on_error 'reject'",
            "on_error 'null' and NOT NULL contradict each other");
    }
cleanup:
    return status;
}

static const char *source_of(const wendi_ddl *ddl, uint32_t index)
{
    return index >= ddl->added_from ? ddl->added_text : ddl->statement->text;
}

wend_status wendi_ddl_column_rules(wendi_ddl *ddl, uint32_t index)
{
    wend_status status = WEND_OK;
    const wendi_sql_column_def *node = &ddl->statement->columns[index];
    for (uint32_t i = 0; i < node->constraint_count; i++) {
        WEND_TRY(apply_simple(ddl, node, &node->constraints[i], source_of(ddl, index), index));
    }
    WEND_TRY(check_pairs(ddl, node, &ddl->schema->columns[index]));
cleanup:
    return status;
}

static bool same_columns(const wendi_unique *a, const wendi_unique *b)
{
    for (uint32_t i = 0; i < a->column_count; i++) {
        bool found = false;
        for (uint32_t k = 0; k < b->column_count; k++) {
            found = found || a->columns[i] == b->columns[k];
        }
        if (!found) {
            return false;
        }
    }
    return a->column_count == b->column_count;
}

/* Adds a rule unless an equal one is there. */
static wend_status add_unique(wendi_ddl *ddl, const uint32_t *columns, uint32_t count,
                              int32_t position)
{
    wendi_schema *schema = ddl->schema;
    wendi_unique unique = {.column_count = count};
    wend_status status = WEND_OK;
    for (uint32_t i = 0; i < count; i++) {
        if (schema->columns[columns[i]].type.kind == WENDI_TYPE_JSONB) {
            return wendi_ddl_refuse(
                ddl, position, "take the member that is unique into a column of its own",
                "a jsonb column cannot be UNIQUE: equal documents may be written differently");
        }
    }
    WEND_TRY(wendi_ddl_memory(ddl, count, sizeof *unique.columns, &unique.columns));
    memcpy(unique.columns, columns, count * sizeof *columns);
    for (uint32_t i = 0; i < schema->unique_count; i++) {
        if (same_columns(&schema->uniques[i], &unique)) {
            return WEND_OK;
        }
    }
    schema->uniques[schema->unique_count++] = unique;
cleanup:
    return status;
}

/* UNIQUE (a, b) or PRIMARY KEY (a, b) of the table, as positions. */
static wend_status table_key(wendi_ddl *ddl, const wendi_sql_constraint *node, uint32_t *columns)
{
    for (uint32_t i = 0; i < node->column_count; i++) {
        wend_status status = wendi_ddl_find(ddl, node->columns[i], node->column_spans[i].start,
                                            "UNIQUE", &columns[i]);
        if (status != WEND_OK) {
            return status;
        }
        for (uint32_t k = 0; k < i; k++) {
            if (columns[k] == columns[i]) {
                return wendi_ddl_refuse(ddl, node->column_spans[i].start, "name it once",
                                        "%.*s stands twice in UNIQUE",
                                        WENDI_DDL_TEXT(node->columns[i]));
            }
        }
        ddl->schema->columns[columns[i]].not_null |= node->kind == WENDI_SQL_PRIMARY_KEY;
    }
    return WEND_OK;
}

static bool is_key(const wendi_sql_constraint *node)
{
    return node->kind == WENDI_SQL_UNIQUE || node->kind == WENDI_SQL_PRIMARY_KEY;
}

static wend_status refuse_second_key(wendi_ddl *ddl, const wendi_sql_constraint *node,
                                     uint32_t *primary_count)
{
    *primary_count += node->kind == WENDI_SQL_PRIMARY_KEY;
    if (*primary_count > 1) {
        return wendi_ddl_refuse(ddl, node->span.start, "write UNIQUE for the others",
                                "a table has one PRIMARY KEY");
    }
    return WEND_OK;
}

/*
 * Keys of one column come first, by the column's place, then keys of several as written: the order
 * in which canonical DDL has them, so that a rule keeps its number through every alter.
 */
static wend_status add_uniques(wendi_ddl *ddl)
{
    wend_status status = WEND_OK;
    const wendi_sql_statement *statement = ddl->statement;
    uint32_t *columns = NULL;
    uint32_t primary_count = 0;
    for (uint32_t i = 0; i < statement->column_count; i++) {
        for (uint32_t k = 0; k < statement->columns[i].constraint_count; k++) {
            const wendi_sql_constraint *node = &statement->columns[i].constraints[k];
            if (is_key(node)) {
                WEND_TRY(refuse_second_key(ddl, node, &primary_count));
                WEND_TRY(add_unique(ddl, &i, 1, node->span.start));
            }
        }
        for (uint32_t k = 0; k < statement->constraint_count; k++) {
            const wendi_sql_constraint *node = &statement->constraints[k];
            if (is_key(node) && node->column_count == 1 &&
                wendi_string_equal(node->columns[0], statement->columns[i].name)) {
                WEND_TRY(add_unique(ddl, &i, 1, node->span.start));
            }
        }
    }
    for (uint32_t k = 0; k < statement->constraint_count; k++) {
        const wendi_sql_constraint *node = &statement->constraints[k];
        if (!is_key(node)) {
            continue;
        }
        WEND_TRY(refuse_second_key(ddl, node, &primary_count));
        WEND_TRY(wendi_ddl_memory(ddl, node->column_count, sizeof *columns, &columns));
        WEND_TRY(table_key(ddl, node, columns));
        WEND_TRY(add_unique(ddl, columns, node->column_count, node->span.start));
    }
cleanup:
    return status;
}

static wend_status add_checks(wendi_ddl *ddl)
{
    wend_status status = WEND_OK;
    const wendi_sql_statement *statement = ddl->statement;
    for (uint32_t i = 0; i < statement->constraint_count; i++) {
        if (statement->constraints[i].kind == WENDI_SQL_CHECK) {
            WEND_TRY(
                add_check(ddl, &statement->constraints[i], statement->text, wendi_string_of("")));
        }
    }
    for (uint32_t i = 0; i < statement->column_count; i++) {
        for (uint32_t k = 0; k < statement->columns[i].constraint_count; k++) {
            if (statement->columns[i].constraints[k].kind == WENDI_SQL_CHECK) {
                WEND_TRY(add_check(ddl, &statement->columns[i].constraints[k], source_of(ddl, i),
                                   statement->columns[i].name));
            }
        }
    }
cleanup:
    return status;
}

static wend_status bind_generated(wendi_ddl *ddl)
{
    wend_status status = WEND_OK;
    const wendi_sql_statement *statement = ddl->statement;
    for (uint32_t i = 0; i < statement->column_count; i++) {
        const wendi_sql_constraint *node =
            find_constraint(&statement->columns[i], WENDI_SQL_GENERATED);
        if (node != NULL) {
            const wendi_expr *bound = NULL;
            rule_scope scope = {ddl, i, true, "GENERATED"};
            WEND_TRY(bind_rule(ddl, node->expr, &scope, &ddl->schema->columns[i].type, &bound));
        }
    }
cleanup:
    return status;
}

wend_status wendi_ddl_rules(wendi_ddl *ddl)
{
    wend_status status = WEND_OK;
    const wendi_sql_statement *statement = ddl->statement;
    size_t most = statement->constraint_count;
    for (uint32_t i = 0; i < statement->column_count; i++) {
        most += statement->columns[i].constraint_count;
    }
    WEND_TRY(wendi_ddl_memory(ddl, most, sizeof *ddl->schema->checks, &ddl->schema->checks));
    WEND_TRY(wendi_ddl_memory(ddl, most, sizeof *ddl->schema->uniques, &ddl->schema->uniques));
    WEND_TRY(add_uniques(ddl));
    WEND_TRY(bind_generated(ddl));
    WEND_TRY(add_checks(ddl));
cleanup:
    return status;
}
