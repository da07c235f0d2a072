/* CREATE TABLE, ALTER TABLE, DROP TABLE. What the words mean is
 * engine/expr/table_ddl.h's business. */
#include "engine/sql/reader.h"

#include <stdio.h>

/* The tokens of `name value` in OPTIONS, or `name [= value]` in WITH, that begin at `location`. */
static wendi_sql_span option_span(const wendi_sql_reader *reader, int32_t location)
{
    int32_t first = wendi_sql_token_at(reader, location);
    int32_t last = first;
    while (last >= 0 && last + 1 < reader->token_count &&
           !wendi_sql_token_is(reader, last + 1, ",") &&
           !wendi_sql_token_is(reader, last + 1, ")")) {
        last = wendi_sql_token_skip(reader, last + 1) - 1;
    }
    return wendi_sql_token_span(reader, first, last);
}

/* A value that the grammar took for a type, such as `keep`, is the words as written. */
static wend_status option_word(wendi_sql_reader *reader, const PgQuery__TypeName *node,
                               wendi_sql_option *out)
{
    if (node->n_names == 1) {
        return wendi_sql_copy(reader, node->names[0]->string->sval, &out->value);
    }
    return wendi_sql_refuse(reader, node->location, "put the value in single quotes",
                            "this value of an option is not supported");
}

static wend_status convert_option(wendi_sql_reader *reader, const PgQuery__DefElem *node,
                                  wendi_sql_option *out)
{
    char number[32];
    out->span = option_span(reader, node->location);
    if (node->defnamespace[0] != '\0' ||
        node->defaction == PG_QUERY__DEF_ELEM_ACTION__DEFELEM_DROP) {
        return wendi_sql_refuse(reader, node->location, "write the option's name and value",
                                "this form of an option is not supported");
    }
    WENDI_SQL_PASS(wendi_sql_copy(reader, node->defname, &out->name));
    if (node->arg == NULL) {
        return WEND_OK;
    }
    out->has_value = true;
    switch (node->arg->node_case) {
    case PG_QUERY__NODE__NODE_STRING:
        return wendi_sql_copy(reader, node->arg->string->sval, &out->value);
    case PG_QUERY__NODE__NODE_INTEGER:
        snprintf(number, sizeof number, "%d", node->arg->integer->ival);
        return wendi_sql_copy(reader, number, &out->value);
    case PG_QUERY__NODE__NODE_FLOAT:
        return wendi_sql_copy(reader, node->arg->float_->fval, &out->value);
    case PG_QUERY__NODE__NODE_BOOLEAN:
        return wendi_sql_copy(reader, node->arg->boolean->boolval ? "true" : "false", &out->value);
    case PG_QUERY__NODE__NODE_TYPE_NAME:
        return option_word(reader, node->arg->type_name, out);
    default:
        return wendi_sql_refuse(reader, node->location, "put the value in single quotes",
                                "this value of an option is not supported");
    }
}

static wend_status convert_options(wendi_sql_reader *reader, PgQuery__Node *const *nodes,
                                   size_t count, const wendi_sql_option **out)
{
    wendi_sql_option *options = NULL;
    WENDI_SQL_PASS(wendi_sql_memory(reader, count, sizeof *options, &options));
    for (size_t i = 0; i < count; i++) {
        WENDI_SQL_PASS(convert_option(reader, nodes[i]->def_elem, &options[i]));
    }
    *out = options;
    return WEND_OK;
}

/* From the constraint's first word (or CONSTRAINT name) to its last token. */
static wendi_sql_span constraint_span(const wendi_sql_reader *reader,
                                      const PgQuery__Constraint *node, const wendi_sql_expr *expr)
{
    int32_t first = wendi_sql_token_at(reader, node->location);
    int32_t last = first + (wendi_sql_token_is(reader, first, "constraint") ? 2 : 0);
    int32_t expr_first = 0;
    int32_t expr_last = WENDI_SQL_NO_TOKEN;
    if (expr != NULL) {
        wendi_sql_span_tokens(reader, expr->span, &expr_first, &expr_last);
    }
    switch (node->contype) {
    case PG_QUERY__CONSTR_TYPE__CONSTR_NOTNULL:
        last += 1;
        break;
    case PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY:
        last += 1;
        last = wendi_sql_token_is(reader, last + 1, "(")
                   ? wendi_sql_token_skip(reader, last + 1) - 1
                   : last;
        break;
    case PG_QUERY__CONSTR_TYPE__CONSTR_UNIQUE:
    case PG_QUERY__CONSTR_TYPE__CONSTR_CHECK:
        last = wendi_sql_token_is(reader, last + 1, "(")
                   ? wendi_sql_token_skip(reader, last + 1) - 1
                   : last;
        break;
    case PG_QUERY__CONSTR_TYPE__CONSTR_DEFAULT:
        last = expr_last > last ? expr_last : last;
        break;
    case PG_QUERY__CONSTR_TYPE__CONSTR_GENERATED:
        last = expr_last > last ? expr_last : last;
        while (wendi_sql_token_is(reader, last + 1, ")") ||
               wendi_sql_token_is(reader, last + 1, "stored")) {
            last++;
            if (wendi_sql_token_is(reader, last, "stored")) {
                break;
            }
        }
        break;
    default:
        break;
    }
    return wendi_sql_token_span(reader, first, last);
}

static wend_status convert_keys(wendi_sql_reader *reader, const PgQuery__Constraint *node,
                                wendi_sql_constraint *out)
{
    wendi_string *names = NULL;
    wendi_sql_span *spans = NULL;
    WENDI_SQL_PASS(wendi_sql_memory(reader, node->n_keys, sizeof *names, &names));
    WENDI_SQL_PASS(wendi_sql_memory(reader, node->n_keys, sizeof *spans, &spans));
    int32_t token = wendi_sql_token_at(reader, node->location);
    while (node->n_keys > 0 && token < reader->token_count &&
           !wendi_sql_token_is(reader, token, "(")) {
        token++;
    }
    for (size_t i = 0; i < node->n_keys; i++) {
        WENDI_SQL_PASS(wendi_sql_copy(reader, node->keys[i]->string->sval, &names[i]));
        spans[i] =
            wendi_sql_token_span(reader, token + 1 + 2 * (int32_t)i, token + 1 + 2 * (int32_t)i);
    }
    out->columns = names;
    out->column_spans = spans;
    out->column_count = (uint32_t)node->n_keys;
    return WEND_OK;
}

static wend_status refuse_constraint(wendi_sql_reader *reader, const PgQuery__Constraint *node)
{
    switch (node->contype) {
    case PG_QUERY__CONSTR_TYPE__CONSTR_IDENTITY:
        return wendi_sql_refuse(reader, node->location,
                                "take the number from the events; $offset numbers Kafka's messages",
                                "identity columns are not supported");
    case PG_QUERY__CONSTR_TYPE__CONSTR_FOREIGN:
        return wendi_sql_refuse(reader, node->location, "leave it out",
                                "foreign keys are not supported");
    case PG_QUERY__CONSTR_TYPE__CONSTR_EXCLUSION:
        return wendi_sql_refuse(reader, node->location, "write UNIQUE", "EXCLUDE is not supported");
    default:
        return wendi_sql_refuse(reader, node->location, "leave it out",
                                "DEFERRABLE and its kin are not supported");
    }
}

static wend_status refuse_attributes(wendi_sql_reader *reader, const PgQuery__Constraint *node)
{
    if (node->n_options > 0 || node->n_including > 0 || node->indexname[0] != '\0' ||
        node->indexspace[0] != '\0' || node->nulls_not_distinct) {
        return wendi_sql_refuse(reader, node->location, "write UNIQUE (columns) alone",
                                "options of the index behind a constraint are not supported");
    }
    if (node->is_no_inherit || node->skip_validation || node->deferrable || node->initdeferred) {
        return wendi_sql_refuse(reader, node->location, "leave them out",
                                "NO INHERIT, NOT VALID and DEFERRABLE are not supported");
    }
    return WEND_OK;
}

static bool constraint_kind(PgQuery__ConstrType type, uint8_t *kind)
{
    static const struct {
        PgQuery__ConstrType from;
        uint8_t to;
    } kinds[] = {
        {PG_QUERY__CONSTR_TYPE__CONSTR_NULL, WENDI_SQL_NULLABLE},
        {PG_QUERY__CONSTR_TYPE__CONSTR_NOTNULL, WENDI_SQL_NOT_NULL},
        {PG_QUERY__CONSTR_TYPE__CONSTR_DEFAULT, WENDI_SQL_DEFAULT},
        {PG_QUERY__CONSTR_TYPE__CONSTR_GENERATED, WENDI_SQL_GENERATED},
        {PG_QUERY__CONSTR_TYPE__CONSTR_CHECK, WENDI_SQL_CHECK},
        {PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY, WENDI_SQL_PRIMARY_KEY},
        {PG_QUERY__CONSTR_TYPE__CONSTR_UNIQUE, WENDI_SQL_UNIQUE},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (kinds[i].from == type) {
            *kind = kinds[i].to;
            return true;
        }
    }
    return false;
}

static wend_status convert_constraint(wendi_sql_reader *reader, const PgQuery__Constraint *node,
                                      wendi_sql_constraint *out)
{
    if (!constraint_kind(node->contype, &out->kind)) {
        return refuse_constraint(reader, node);
    }
    WENDI_SQL_PASS(refuse_attributes(reader, node));
    WENDI_SQL_PASS(wendi_sql_copy(reader, node->conname, &out->name));
    if (node->raw_expr != NULL) {
        WENDI_SQL_PASS(wendi_sql_convert_expr(reader, node->raw_expr, &out->expr));
    }
    WENDI_SQL_PASS(convert_keys(reader, node, out));
    out->span = constraint_span(reader, node, out->expr);
    return WEND_OK;
}

static wend_status convert_column(wendi_sql_reader *reader, const PgQuery__ColumnDef *node,
                                  wendi_sql_column_def *out)
{
    wendi_sql_constraint *constraints = NULL;
    int32_t token = wendi_sql_token_at(reader, node->location);
    if (node->coll_clause != NULL) {
        return wendi_sql_refuse(reader, node->coll_clause->location,
                                "leave it out: text compares by its bytes",
                                "COLLATE is not supported");
    }
    if (node->compression[0] != '\0' || node->storage[0] != '\0') {
        return wendi_sql_refuse(reader, node->location,
                                "leave it out: encodings are chosen page by page",
                                "COMPRESSION and STORAGE are not supported");
    }
    WENDI_SQL_PASS(wendi_sql_copy(reader, node->colname, &out->name));
    out->span = wendi_sql_token_span(reader, token, token);
    if (node->type_name == NULL) {
        return wendi_sql_refuse(reader, node->location, "write the type behind the name",
                                "a column without a type is not supported");
    }
    WENDI_SQL_PASS(wendi_sql_convert_type(reader, node->type_name, &out->type));
    WENDI_SQL_PASS(convert_options(reader, node->fdwoptions, node->n_fdwoptions, &out->options));
    out->option_count = (uint32_t)node->n_fdwoptions;
    WENDI_SQL_PASS(
        wendi_sql_memory(reader, node->n_constraints, sizeof *constraints, &constraints));
    for (size_t i = 0; i < node->n_constraints; i++) {
        WENDI_SQL_PASS(
            convert_constraint(reader, node->constraints[i]->constraint, &constraints[i]));
    }
    out->constraints = constraints;
    out->constraint_count = (uint32_t)node->n_constraints;
    return WEND_OK;
}

static wend_status refuse_table(wendi_sql_reader *reader, const PgQuery__CreateStmt *node)
{
    int32_t location = node->relation->location;
    if (node->n_inh_relations > 0) {
        return wendi_sql_refuse(reader, location, "write all columns in the table itself",
                                "INHERITS and PARTITION OF are not supported");
    }
    if (node->partspec != NULL) {
        return wendi_sql_refuse(reader, node->partspec->location,
                                "leave it out: segments are cut by time and user by themselves",
                                "PARTITION BY is not supported");
    }
    if (node->of_typename != NULL || node->tablespacename[0] != '\0' ||
        node->access_method[0] != '\0' ||
        (node->oncommit != PG_QUERY__ON_COMMIT_ACTION__ONCOMMIT_NOOP &&
         node->oncommit != PG_QUERY__ON_COMMIT_ACTION__ON_COMMIT_ACTION_UNDEFINED)) {
        return wendi_sql_refuse(reader, location,
                                "write CREATE TABLE name (columns) WITH (options)",
                                "OF, TABLESPACE, USING and ON COMMIT are not supported");
    }
    return WEND_OK;
}

wend_status wendi_sql_convert_create(wendi_sql_reader *reader, const PgQuery__CreateStmt *node,
                                     wendi_sql_statement *statement)
{
    wendi_sql_column_def *columns = NULL;
    wendi_sql_constraint *constraints = NULL;
    statement->kind = WENDI_SQL_STATEMENT_CREATE_TABLE;
    statement->if_exists = node->if_not_exists;
    WENDI_SQL_PASS(refuse_table(reader, node));
    WENDI_SQL_PASS(wendi_sql_convert_table_name(reader, node->relation, &statement->table,
                                                &statement->table_span));
    WENDI_SQL_PASS(wendi_sql_memory(reader, node->n_table_elts, sizeof *columns, &columns));
    WENDI_SQL_PASS(wendi_sql_memory(reader, node->n_table_elts, sizeof *constraints, &constraints));
    for (size_t i = 0; i < node->n_table_elts; i++) {
        const PgQuery__Node *item = node->table_elts[i];
        if (item->node_case == PG_QUERY__NODE__NODE_COLUMN_DEF) {
            WENDI_SQL_PASS(
                convert_column(reader, item->column_def, &columns[statement->column_count++]));
        } else if (item->node_case == PG_QUERY__NODE__NODE_CONSTRAINT) {
            WENDI_SQL_PASS(convert_constraint(reader, item->constraint,
                                              &constraints[statement->constraint_count++]));
        } else {
            return wendi_sql_refuse(reader, wendi_sql_first_location(&item->base),
                                    "write the columns out; wend describe prints them",
                                    "LIKE is not supported");
        }
    }
    statement->columns = columns;
    statement->constraints = constraints;
    statement->option_count = (uint32_t)node->n_options;
    return convert_options(reader, node->options, node->n_options, &statement->options);
}

static wend_status refuse_alter(wendi_sql_reader *reader, const PgQuery__AlterTableStmt *node)
{
    return wendi_sql_refuse(
        reader, node->relation->location,
        "of ALTER TABLE wend has ADD COLUMN [IF NOT EXISTS] column type …, DROP CONSTRAINT name, "
        "ALTER COLUMN name DROP NOT NULL, ALTER COLUMN name OPTIONS (SET option value), SET (option = value)",
        "this form of ALTER is not supported");
}

/* One of the forms that change rules; `*known` false: none of them. */
static wend_status convert_change(wendi_sql_reader *reader, const PgQuery__AlterTableCmd *command,
                                  wendi_sql_change *out, bool *known)
{
    const PgQuery__Node *list = command->def;
    *known = command->behavior != PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE;
    switch (command->subtype) {
    case PG_QUERY__ALTER_TABLE_TYPE__AT_DropConstraint:
        out->kind = WENDI_SQL_DROP_CONSTRAINT;
        break;
    case PG_QUERY__ALTER_TABLE_TYPE__AT_DropNotNull:
        out->kind = WENDI_SQL_DROP_NOT_NULL;
        break;
    case PG_QUERY__ALTER_TABLE_TYPE__AT_AlterColumnGenericOptions:
        out->kind = WENDI_SQL_COLUMN_OPTIONS;
        break;
    case PG_QUERY__ALTER_TABLE_TYPE__AT_SetRelOptions:
        out->kind = WENDI_SQL_TABLE_OPTIONS;
        break;
    default:
        *known = false;
        return WEND_OK;
    }
    out->if_exists = command->missing_ok;
    if (list != NULL && list->node_case == PG_QUERY__NODE__NODE_LIST) {
        out->option_count = (uint32_t)list->list->n_items;
        WENDI_SQL_PASS(
            convert_options(reader, list->list->items, list->list->n_items, &out->options));
    }
    return wendi_sql_copy(reader, command->name, &out->name);
}

static wend_status convert_changes(wendi_sql_reader *reader, const PgQuery__AlterTableStmt *node,
                                   wendi_sql_statement *statement)
{
    wendi_sql_change *changes = NULL;
    statement->kind = WENDI_SQL_STATEMENT_ALTER_RULES;
    WENDI_SQL_PASS(wendi_sql_memory(reader, node->n_cmds, sizeof *changes, &changes));
    for (size_t i = 0; i < node->n_cmds; i++) {
        bool known;
        WENDI_SQL_PASS(convert_change(reader, node->cmds[i]->alter_table_cmd, &changes[i], &known));
        if (!known) {
            return refuse_alter(reader, node);
        }
    }
    statement->changes = changes;
    statement->change_count = (uint32_t)node->n_cmds;
    return WEND_OK;
}

wend_status wendi_sql_convert_alter(wendi_sql_reader *reader, const PgQuery__AlterTableStmt *node,
                                    wendi_sql_statement *statement)
{
    wendi_sql_column_def *columns = NULL;
    statement->kind = WENDI_SQL_STATEMENT_ADD_COLUMN;
    WENDI_SQL_PASS(wendi_sql_convert_table_name(reader, node->relation, &statement->table,
                                                &statement->table_span));
    if (node->objtype != PG_QUERY__OBJECT_TYPE__OBJECT_TABLE || node->missing_ok) {
        return refuse_alter(reader, node);
    }
    if (node->cmds[0]->alter_table_cmd->subtype != PG_QUERY__ALTER_TABLE_TYPE__AT_AddColumn) {
        return convert_changes(reader, node, statement);
    }
    WENDI_SQL_PASS(wendi_sql_memory(reader, node->n_cmds, sizeof *columns, &columns));
    for (size_t i = 0; i < node->n_cmds; i++) {
        const PgQuery__AlterTableCmd *command = node->cmds[i]->alter_table_cmd;
        if (command->subtype != PG_QUERY__ALTER_TABLE_TYPE__AT_AddColumn) {
            return refuse_alter(reader, node);
        }
        if (i > 0 && command->missing_ok != statement->if_exists) {
            return wendi_sql_refuse(reader, wendi_sql_first_location(&command->def->base),
                                    "write IF NOT EXISTS with all columns or with none",
                                    "mixed IF NOT EXISTS is not supported");
        }
        statement->if_exists = command->missing_ok;
        WENDI_SQL_PASS(
            convert_column(reader, command->def->column_def, &columns[statement->column_count++]));
    }
    statement->columns = columns;
    return WEND_OK;
}

wend_status wendi_sql_convert_drop(wendi_sql_reader *reader, const PgQuery__DropStmt *node,
                                   wendi_sql_statement *statement)
{
    statement->kind = WENDI_SQL_STATEMENT_DROP_TABLE;
    statement->if_exists = node->missing_ok;
    int32_t token = wendi_sql_token_at(reader, statement->span.start + reader->shift);
    int32_t location = token < 0 ? -1 : reader->tokens[token].start;
    if (node->remove_type != PG_QUERY__OBJECT_TYPE__OBJECT_TABLE) {
        return wendi_sql_refuse(reader, location, "of DROP wend has DROP TABLE",
                                "this form of DROP is not supported");
    }
    if (node->behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE) {
        return wendi_sql_refuse(reader, location, "leave CASCADE out: nothing hangs on a table",
                                "CASCADE is not supported");
    }
    token += node->missing_ok ? 4 : 2; /* DROP TABLE [IF EXISTS] */
    const PgQuery__Node *object = node->objects[0];
    if (node->n_objects != 1 || object->node_case != PG_QUERY__NODE__NODE_LIST ||
        object->list->n_items != 1) {
        return wendi_sql_refuse(
            reader, token < reader->token_count ? reader->tokens[token].start : location,
            "drop them one by one, without a schema", "DROP TABLE takes one table");
    }
    statement->table_span = wendi_sql_token_span(reader, token, token);
    return wendi_sql_copy(reader, object->list->items[0]->string->sval, &statement->table);
}
