/* Calls, queries and statements written back as SQL, one line each. */
#include "engine/sql/reader.h"

static bool is_string(wendi_string text, const char *word)
{
    return wendi_string_equal(text, wendi_string_of(word));
}

static wend_status text(wendi_buffer *out, const char *words)
{
    return wendi_buffer_append(out, words, strlen(words));
}

static wend_status print_order(const wendi_sql_order *items, uint32_t count, wendi_buffer *out)
{
    wend_status status = WEND_OK;
    for (uint32_t i = 0; i < count; i++) {
        WEND_TRY(text(out, i > 0 ? ", " : "order by "));
        WEND_TRY(wendi_sql_print_expression(items[i].expr, out));
        WEND_TRY(text(out, items[i].descending ? " desc" : ""));
        if (items[i].nulls_first != items[i].descending) {
            WEND_TRY(text(out, items[i].nulls_first ? " nulls first" : " nulls last"));
        }
    }
cleanup:
    return status;
}

static bool is_any_of(wendi_string name, const char *const *words)
{
    for (size_t i = 0; words[i] != NULL; i++) {
        if (is_string(name, words[i])) {
            return true;
        }
    }
    return false;
}

/* Calls whose words the grammar knows only in a form of their own. True when it was printed. */
static bool print_special(const wendi_sql_call *call, wendi_buffer *out, wend_status *status_out)
{
    static const char *const bare[] = {"current_date", "current_timestamp", "localtimestamp", NULL};
    wend_status status = WEND_OK;
    bool plain = call->arg_names == NULL && !call->star && !call->distinct &&
                 call->order_count == 0 && call->filter == NULL;
    bool extract = plain && call->arg_count == 2 && is_string(call->name, "extract") &&
                   call->args[0]->kind == WENDI_SQL_STRING;
    bool position = plain && call->arg_count == 2 && is_string(call->name, "position");
    bool value = plain && call->arg_count == 0 && is_any_of(call->name, bare);
    if (value) {
        status = wendi_buffer_append(out, call->name.data, call->name.length);
    } else if (extract || position) {
        WEND_TRY(text(out, extract ? "extract(" : "position("));
        WEND_TRY(wendi_sql_print_operand(call->args[extract ? 0 : 1], out));
        WEND_TRY(text(out, extract ? " from " : " in "));
        WEND_TRY(wendi_sql_print_operand(call->args[extract ? 1 : 0], out));
        WEND_TRY(text(out, ")"));
    }
cleanup:
    *status_out = status;
    return value || extract || position;
}

static wend_status print_call_name(const wendi_sql_call *call, wendi_buffer *out)
{
    static const char *const words[] = {"coalesce", "greatest",  "least",   "nullif",
                                        "grouping", "substring", "overlay", NULL};
    bool plain = call->arg_names == NULL && call->arg_count > 0 && !call->distinct && !call->star &&
                 call->order_count == 0 && call->filter == NULL;
    if (plain && is_any_of(call->name, words) &&
        (!is_string(call->name, "nullif") || call->arg_count == 2)) {
        return wendi_buffer_append(out, call->name.data, call->name.length);
    }
    return wendi_sql_print_function_name(call->name, out);
}

wend_status wendi_sql_print_call(const wendi_sql_call *call, wendi_buffer *out)
{
    wend_status status = WEND_OK;
    if (print_special(call, out, &status)) {
        return status;
    }
    WEND_TRY(print_call_name(call, out));
    WEND_TRY(text(out, call->star ? "(*" : call->distinct ? "(distinct " : "("));
    for (uint32_t i = 0; i < call->arg_count; i++) {
        WEND_TRY(text(out, i > 0 ? ", " : ""));
        if (call->arg_names != NULL && call->arg_names[i].length > 0) {
            WEND_TRY(wendi_sql_print_function_name(call->arg_names[i], out));
            WEND_TRY(text(out, " => "));
        }
        WEND_TRY(wendi_sql_print_expression(call->args[i], out));
    }
    if (call->order_count > 0 && !call->within_group) {
        WEND_TRY(text(out, " "));
        WEND_TRY(print_order(call->order_by, call->order_count, out));
    }
    WEND_TRY(text(out, ")"));
    if (call->within_group) {
        WEND_TRY(text(out, " within group ("));
        WEND_TRY(print_order(call->order_by, call->order_count, out));
        WEND_TRY(text(out, ")"));
    }
    if (call->filter != NULL) {
        WEND_TRY(text(out, " filter (where "));
        WEND_TRY(wendi_sql_print_expression(call->filter, out));
        WEND_TRY(text(out, ")"));
    }
cleanup:
    return status;
}

static wend_status print_names(const wendi_string *names, uint32_t count, wendi_buffer *out)
{
    wend_status status = WEND_OK;
    for (uint32_t i = 0; i < count; i++) {
        WEND_TRY(text(out, i > 0 ? ", " : "("));
        WEND_TRY(wendi_sql_print_name(names[i], out));
    }
    WEND_TRY(text(out, count > 0 ? ")" : ""));
cleanup:
    return status;
}

static wend_status print_from(const wendi_sql_from *from, wendi_buffer *out)
{
    wend_status status = WEND_OK;
    WEND_TRY(text(out, " from "));
    if (from->kind == WENDI_SQL_FROM_TABLE) {
        WEND_TRY(wendi_sql_print_name(from->name, out));
    } else if (from->kind == WENDI_SQL_FROM_CALL) {
        WEND_TRY(wendi_sql_print_expression(from->call, out));
    } else {
        WEND_TRY(text(out, "("));
        WEND_TRY(wendi_sql_print_select(from->select, out));
        WEND_TRY(text(out, ")"));
    }
    if (from->alias.length > 0) {
        WEND_TRY(text(out, " as "));
        WEND_TRY(wendi_sql_print_name(from->alias, out));
        WEND_TRY(print_names(from->column_aliases, from->column_alias_count, out));
    }
cleanup:
    return status;
}

static wend_status print_groups(const wendi_sql_group *items, uint32_t count, wendi_buffer *out);

static wend_status print_group(const wendi_sql_group *item, wendi_buffer *out)
{
    static const char *const words[] = {[WENDI_SQL_GROUP_EMPTY] = "(",
                                        [WENDI_SQL_GROUP_LIST] = "(",
                                        [WENDI_SQL_GROUP_ROLLUP] = "rollup (",
                                        [WENDI_SQL_GROUP_CUBE] = "cube (",
                                        [WENDI_SQL_GROUP_SETS] = "grouping sets ("};
    wend_status status = WEND_OK;
    if (item->kind == WENDI_SQL_GROUP_EXPR) {
        return wendi_sql_print_expression(item->expr, out);
    }
    WEND_TRY(text(out, words[item->kind]));
    WEND_TRY(print_groups(item->items, item->item_count, out));
    WEND_TRY(text(out, ")"));
cleanup:
    return status;
}

static wend_status print_groups(const wendi_sql_group *items, uint32_t count, wendi_buffer *out)
{
    wend_status status = WEND_OK;
    for (uint32_t i = 0; i < count; i++) {
        WEND_TRY(text(out, i > 0 ? ", " : ""));
        WEND_TRY(print_group(&items[i], out));
    }
cleanup:
    return status;
}

static wend_status print_targets(const wendi_sql_select *select, wendi_buffer *out)
{
    wend_status status = WEND_OK;
    WEND_TRY(text(out, select->distinct ? "select distinct" : "select"));
    for (uint32_t i = 0; i < select->target_count; i++) {
        WEND_TRY(text(out, i > 0 ? ", " : " "));
        WEND_TRY(wendi_sql_print_expression(select->targets[i].expr, out));
        if (select->targets[i].alias.length > 0) {
            WEND_TRY(text(out, " as "));
            WEND_TRY(wendi_sql_print_name(select->targets[i].alias, out));
        }
    }
cleanup:
    return status;
}

static wend_status print_plain(const wendi_sql_select *select, wendi_buffer *out)
{
    wend_status status = WEND_OK;
    WEND_TRY(print_targets(select, out));
    if (select->from != NULL) {
        WEND_TRY(print_from(select->from, out));
    }
    if (select->where != NULL) {
        WEND_TRY(text(out, " where "));
        WEND_TRY(wendi_sql_print_expression(select->where, out));
    }
    if (select->group_count > 0) {
        WEND_TRY(text(out, " group by "));
        WEND_TRY(print_groups(select->group_by, select->group_count, out));
    }
    if (select->having != NULL) {
        WEND_TRY(text(out, " having "));
        WEND_TRY(wendi_sql_print_expression(select->having, out));
    }
cleanup:
    return status;
}

static wend_status print_values(const wendi_sql_select *select, wendi_buffer *out)
{
    wend_status status = WEND_OK;
    for (uint32_t row = 0; row < select->value_rows; row++) {
        WEND_TRY(text(out, row > 0 ? ", (" : "values ("));
        for (uint32_t i = 0; i < select->value_columns; i++) {
            WEND_TRY(text(out, i > 0 ? ", " : ""));
            WEND_TRY(
                wendi_sql_print_expression(select->values[row * select->value_columns + i], out));
        }
        WEND_TRY(text(out, ")"));
    }
cleanup:
    return status;
}

/* An arm with clauses of its own, or another set operation, needs brackets. */
static wend_status print_arm(const wendi_sql_select *arm, wendi_buffer *out)
{
    wend_status status = WEND_OK;
    bool bracket = arm->left != NULL || arm->with_count > 0 || arm->order_count > 0 ||
                   arm->limit != NULL || arm->offset != NULL;
    WEND_TRY(text(out, bracket ? "(" : ""));
    WEND_TRY(wendi_sql_print_select(arm, out));
    WEND_TRY(text(out, bracket ? ")" : ""));
cleanup:
    return status;
}

static wend_status print_set_operation(const wendi_sql_select *select, wendi_buffer *out)
{
    wend_status status = WEND_OK;
    WEND_TRY(print_arm(select->left, out));
    WEND_TRY(text(out, select->kind == WENDI_SQL_SELECT_UNION       ? " union "
                       : select->kind == WENDI_SQL_SELECT_INTERSECT ? " intersect "
                                                                    : " except "));
    WEND_TRY(text(out, select->all ? "all " : ""));
    WEND_TRY(print_arm(select->right, out));
cleanup:
    return status;
}

static wend_status print_with(const wendi_sql_select *select, wendi_buffer *out)
{
    wend_status status = WEND_OK;
    for (uint32_t i = 0; i < select->with_count; i++) {
        WEND_TRY(text(out, i > 0 ? ", " : "with "));
        WEND_TRY(wendi_sql_print_name(select->with[i].name, out));
        WEND_TRY(print_names(select->with[i].column_names, select->with[i].column_name_count, out));
        WEND_TRY(text(out, " as ("));
        WEND_TRY(wendi_sql_print_select(select->with[i].select, out));
        WEND_TRY(text(out, i + 1 < select->with_count ? ")" : ") "));
    }
cleanup:
    return status;
}

wend_status wendi_sql_print_select(const wendi_sql_select *select, wendi_buffer *out)
{
    wend_status status = WEND_OK;
    WEND_TRY(print_with(select, out));
    if (select->kind == WENDI_SQL_SELECT_PLAIN) {
        WEND_TRY(print_plain(select, out));
    } else if (select->kind == WENDI_SQL_SELECT_VALUES) {
        WEND_TRY(print_values(select, out));
    } else {
        WEND_TRY(print_set_operation(select, out));
    }
    if (select->order_count > 0) {
        WEND_TRY(text(out, " "));
        WEND_TRY(print_order(select->order_by, select->order_count, out));
    }
    if (select->limit != NULL) {
        WEND_TRY(text(out, " limit "));
        WEND_TRY(wendi_sql_print_operand(select->limit, out));
    }
    if (select->offset != NULL) {
        WEND_TRY(text(out, " offset "));
        WEND_TRY(wendi_sql_print_operand(select->offset, out));
    }
cleanup:
    return status;
}

static wend_status print_options(const wendi_sql_option *options, uint32_t count,
                                 const char *between, wendi_buffer *out)
{
    wend_status status = WEND_OK;
    for (uint32_t i = 0; i < count; i++) {
        WEND_TRY(text(out, i > 0 ? ", " : "("));
        WEND_TRY(wendi_sql_print_name(options[i].name, out));
        if (options[i].has_value) {
            WEND_TRY(text(out, between));
            WEND_TRY(wendi_sql_print_string(options[i].value, out));
        }
    }
    WEND_TRY(text(out, count > 0 ? ")" : ""));
cleanup:
    return status;
}

static wend_status print_constraint(const wendi_sql_constraint *constraint, wendi_buffer *out)
{
    static const char *const words[] = {
        [WENDI_SQL_NOT_NULL] = "not null",
        [WENDI_SQL_NULLABLE] = "null",
        [WENDI_SQL_CHECK] = "check (",
        [WENDI_SQL_UNIQUE] = "unique",
        [WENDI_SQL_PRIMARY_KEY] = "primary key",
        [WENDI_SQL_DEFAULT] = "default ",
        [WENDI_SQL_GENERATED] = "generated always as (",
    };
    wend_status status = WEND_OK;
    if (constraint->name.length > 0) {
        WEND_TRY(text(out, "constraint "));
        WEND_TRY(wendi_sql_print_name(constraint->name, out));
        WEND_TRY(text(out, " "));
    }
    WEND_TRY(text(out, words[constraint->kind]));
    if (constraint->kind == WENDI_SQL_DEFAULT) {
        WEND_TRY(wendi_sql_print_operand(constraint->expr, out));
    } else if (constraint->expr != NULL) {
        WEND_TRY(wendi_sql_print_expression(constraint->expr, out));
        WEND_TRY(text(out, constraint->kind == WENDI_SQL_GENERATED ? ") stored" : ")"));
    }
    WEND_TRY(text(out, constraint->column_count > 0 ? " " : ""));
    WEND_TRY(print_names(constraint->columns, constraint->column_count, out));
cleanup:
    return status;
}

static wend_status print_column(const wendi_sql_column_def *column, wendi_buffer *out)
{
    wend_status status = WEND_OK;
    WEND_TRY(wendi_sql_print_name(column->name, out));
    WEND_TRY(text(out, " "));
    WEND_TRY(wendi_sql_print_type(&column->type, out));
    if (column->option_count > 0) {
        WEND_TRY(text(out, " options "));
        WEND_TRY(print_options(column->options, column->option_count, " ", out));
    }
    for (uint32_t i = 0; i < column->constraint_count; i++) {
        WEND_TRY(text(out, " "));
        WEND_TRY(print_constraint(&column->constraints[i], out));
    }
cleanup:
    return status;
}

static wend_status print_create(const wendi_sql_statement *statement, wendi_buffer *out)
{
    wend_status status = WEND_OK;
    uint32_t items = 0;
    WEND_TRY(text(out, statement->if_exists ? "create table if not exists " : "create table "));
    WEND_TRY(wendi_sql_print_name(statement->table, out));
    WEND_TRY(text(out, " ("));
    for (uint32_t i = 0; i < statement->column_count; i++) {
        WEND_TRY(text(out, items++ > 0 ? ", " : ""));
        WEND_TRY(print_column(&statement->columns[i], out));
    }
    for (uint32_t i = 0; i < statement->constraint_count; i++) {
        WEND_TRY(text(out, items++ > 0 ? ", " : ""));
        WEND_TRY(print_constraint(&statement->constraints[i], out));
    }
    WEND_TRY(text(out, ")"));
    if (statement->option_count > 0) {
        WEND_TRY(text(out, " with "));
        WEND_TRY(print_options(statement->options, statement->option_count, " = ", out));
    }
cleanup:
    return status;
}

static wend_status print_alter(const wendi_sql_statement *statement, wendi_buffer *out)
{
    wend_status status = WEND_OK;
    WEND_TRY(text(out, "alter table "));
    WEND_TRY(wendi_sql_print_name(statement->table, out));
    for (uint32_t i = 0; i < statement->column_count; i++) {
        WEND_TRY(text(out, i > 0 ? ", add column " : " add column "));
        WEND_TRY(text(out, statement->if_exists ? "if not exists " : ""));
        WEND_TRY(print_column(&statement->columns[i], out));
    }
cleanup:
    return status;
}

static wend_status print_change(const wendi_sql_change *change, wendi_buffer *out)
{
    wend_status status = WEND_OK;
    switch ((wendi_sql_change_kind)change->kind) {
    case WENDI_SQL_DROP_CONSTRAINT:
        WEND_TRY(text(out, change->if_exists ? "drop constraint if exists " : "drop constraint "));
        WEND_TRY(wendi_sql_print_name(change->name, out));
        break;
    case WENDI_SQL_DROP_NOT_NULL:
        WEND_TRY(text(out, "alter column "));
        WEND_TRY(wendi_sql_print_name(change->name, out));
        WEND_TRY(text(out, " drop not null"));
        break;
    case WENDI_SQL_COLUMN_OPTIONS:
        WEND_TRY(text(out, "alter column "));
        WEND_TRY(wendi_sql_print_name(change->name, out));
        WEND_TRY(text(out, " options "));
        WEND_TRY(print_options(change->options, change->option_count, " ", out));
        break;
    case WENDI_SQL_TABLE_OPTIONS:
        WEND_TRY(text(out, "set "));
        WEND_TRY(print_options(change->options, change->option_count, " = ", out));
        break;
    }
cleanup:
    return status;
}

static wend_status print_changes(const wendi_sql_statement *statement, wendi_buffer *out)
{
    wend_status status = WEND_OK;
    WEND_TRY(text(out, "alter table "));
    WEND_TRY(wendi_sql_print_name(statement->table, out));
    for (uint32_t i = 0; i < statement->change_count; i++) {
        WEND_TRY(text(out, i > 0 ? ", " : " "));
        WEND_TRY(print_change(&statement->changes[i], out));
    }
cleanup:
    return status;
}

wend_status wendi_sql_print_statement(const wendi_sql_statement *statement, wendi_buffer *out)
{
    wend_status status = WEND_OK;
    switch ((wendi_sql_statement_kind)statement->kind) {
    case WENDI_SQL_STATEMENT_EXPLAIN:
        WEND_TRY(text(out, statement->analyze ? "explain analyze " : "explain "));
        WEND_TRY(wendi_sql_print_select(statement->select, out));
        break;
    case WENDI_SQL_STATEMENT_SELECT:
        WEND_TRY(wendi_sql_print_select(statement->select, out));
        break;
    case WENDI_SQL_STATEMENT_CREATE_TABLE:
        WEND_TRY(print_create(statement, out));
        break;
    case WENDI_SQL_STATEMENT_ADD_COLUMN:
        WEND_TRY(print_alter(statement, out));
        break;
    case WENDI_SQL_STATEMENT_ALTER_RULES:
        WEND_TRY(print_changes(statement, out));
        break;
    case WENDI_SQL_STATEMENT_DROP_TABLE:
        WEND_TRY(text(out, statement->if_exists ? "drop table if exists " : "drop table "));
        WEND_TRY(wendi_sql_print_name(statement->table, out));
        break;
    }
cleanup:
    return status;
}
