/* Queries: SELECT, VALUES, set operations and the clauses that any of them may end with. */
#include "engine/sql/reader.h"

wend_status wendi_sql_convert_order(wendi_sql_reader *reader, PgQuery__Node *const *nodes,
                                    size_t count, const wendi_sql_order **out)
{
    wendi_sql_order *items = NULL;
    *out = NULL;
    if (count == 0) {
        return WEND_OK;
    }
    WENDI_SQL_PASS(wendi_sql_memory(reader, count, sizeof *items, &items));
    for (size_t i = 0; i < count; i++) {
        const PgQuery__SortBy *node = nodes[i]->sort_by;
        wendi_sql_order *item = &items[i];
        int32_t first = 0;
        int32_t last = 0;
        WENDI_SQL_PASS(wendi_sql_convert_expr(reader, node->node, &item->expr));
        if (node->sortby_dir == PG_QUERY__SORT_BY_DIR__SORTBY_USING) {
            return wendi_sql_refuse(reader, node->location, "write ASC or DESC",
                                    "ORDER BY … USING is not supported");
        }
        item->descending = node->sortby_dir == PG_QUERY__SORT_BY_DIR__SORTBY_DESC;
        item->nulls_first = node->sortby_nulls == PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_DEFAULT
                                ? item->descending
                                : node->sortby_nulls == PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_FIRST;
        wendi_sql_span_tokens(reader, item->expr->span, &first, &last);
        while (wendi_sql_token_is(reader, last + 1, "asc") ||
               wendi_sql_token_is(reader, last + 1, "desc") ||
               wendi_sql_token_is(reader, last + 1, "nulls") ||
               wendi_sql_token_is(reader, last + 1, "first") ||
               wendi_sql_token_is(reader, last + 1, "last")) {
            last++;
        }
        item->span = wendi_sql_token_span(reader, first, last);
    }
    *out = items;
    return WEND_OK;
}

static wend_status convert_targets(wendi_sql_reader *reader, const PgQuery__SelectStmt *node,
                                   wendi_sql_select *select)
{
    wendi_sql_target *targets = NULL;
    WENDI_SQL_PASS(wendi_sql_memory(reader, node->n_target_list, sizeof *targets, &targets));
    for (size_t i = 0; i < node->n_target_list; i++) {
        const PgQuery__ResTarget *item = node->target_list[i]->res_target;
        wendi_sql_target *target = &targets[i];
        int32_t first = 0;
        int32_t last = 0;
        WENDI_SQL_PASS(wendi_sql_convert_expr(reader, item->val, &target->expr));
        target->span = target->expr->span;
        if (item->name != NULL && item->name[0] != '\0') {
            WENDI_SQL_PASS(wendi_sql_copy(reader, item->name, &target->alias));
            wendi_sql_span_tokens(reader, target->span, &first, &last);
            while (wendi_sql_token_is(reader, last + 1, ")")) {
                last++; /* brackets around the whole */
            }
            target->span = wendi_sql_token_span(
                reader, first, last + (wendi_sql_token_is(reader, last + 1, "as") ? 2 : 1));
        }
        if (target->expr->kind != WENDI_SQL_STAR) {
            target->name =
                target->alias.length > 0 ? target->alias : wendi_sql_column_name(target->expr);
        }
    }
    select->targets = targets;
    select->target_count = (uint32_t)node->n_target_list;
    return WEND_OK;
}

static wend_status convert_group_items(wendi_sql_reader *reader, PgQuery__Node *const *nodes,
                                       size_t count, const wendi_sql_group **out);

static wend_status convert_grouping_set(wendi_sql_reader *reader, const PgQuery__GroupingSet *node,
                                        wendi_sql_group *out)
{
    int32_t first = wendi_sql_token_at(reader, node->location);
    int32_t open = first;
    switch (node->kind) {
    case PG_QUERY__GROUPING_SET_KIND__GROUPING_SET_EMPTY:
        out->kind = WENDI_SQL_GROUP_EMPTY;
        break;
    case PG_QUERY__GROUPING_SET_KIND__GROUPING_SET_ROLLUP:
        out->kind = WENDI_SQL_GROUP_ROLLUP;
        open = first + 1;
        break;
    case PG_QUERY__GROUPING_SET_KIND__GROUPING_SET_CUBE:
        out->kind = WENDI_SQL_GROUP_CUBE;
        open = first + 1;
        break;
    case PG_QUERY__GROUPING_SET_KIND__GROUPING_SET_SETS:
        out->kind = WENDI_SQL_GROUP_SETS;
        open = first + 2;
        break;
    default:
        return wendi_sql_refuse(reader, node->location, NULL,
                                "this form of GROUP BY is not supported");
    }
    out->span = wendi_sql_token_span(reader, first, wendi_sql_token_skip(reader, open) - 1);
    out->item_count = (uint32_t)node->n_content;
    return convert_group_items(reader, node->content, node->n_content, &out->items);
}

static wend_status convert_group_item(wendi_sql_reader *reader, const PgQuery__Node *node,
                                      wendi_sql_group *out)
{
    if (node->node_case == PG_QUERY__NODE__NODE_GROUPING_SET) {
        return convert_grouping_set(reader, node->grouping_set, out);
    }
    if (node->node_case == PG_QUERY__NODE__NODE_ROW_EXPR) {
        const PgQuery__RowExpr *row = node->row_expr;
        int32_t open = wendi_sql_token_at(reader, row->location);
        out->kind = WENDI_SQL_GROUP_LIST;
        open += wendi_sql_token_is(reader, open, "row") ? 1 : 0;
        out->span = wendi_sql_token_span(reader, open, wendi_sql_token_skip(reader, open) - 1);
        out->item_count = (uint32_t)row->n_args;
        return convert_group_items(reader, row->args, row->n_args, &out->items);
    }
    out->kind = WENDI_SQL_GROUP_EXPR;
    WENDI_SQL_PASS(wendi_sql_convert_expr(reader, node, &out->expr));
    out->span = out->expr->span;
    return WEND_OK;
}

static wend_status convert_group_items(wendi_sql_reader *reader, PgQuery__Node *const *nodes,
                                       size_t count, const wendi_sql_group **out)
{
    wendi_sql_group *items = NULL;
    WENDI_SQL_PASS(wendi_sql_memory(reader, count, sizeof *items, &items));
    WENDI_SQL_PASS(
        wendi_sql_descend(reader, count > 0 ? wendi_sql_first_location(&nodes[0]->base) : -1));
    for (size_t i = 0; i < count; i++) {
        WENDI_SQL_PASS(convert_group_item(reader, nodes[i], &items[i]));
    }
    wendi_sql_ascend(reader);
    *out = items;
    return WEND_OK;
}

static wend_status convert_values(wendi_sql_reader *reader, const PgQuery__SelectStmt *node,
                                  wendi_sql_select *select)
{
    size_t columns = node->values_lists[0]->list->n_items;
    select->kind = WENDI_SQL_SELECT_VALUES;
    select->value_rows = (uint32_t)node->n_values_lists;
    select->value_columns = (uint32_t)columns;
    WENDI_SQL_PASS(wendi_sql_memory(reader, node->n_values_lists * columns, sizeof *select->values,
                                    &select->values));
    for (size_t row = 0; row < node->n_values_lists; row++) {
        const PgQuery__List *list = node->values_lists[row]->list;
        if (list->n_items != columns) {
            wendi_fail_at(
                reader->error, WEND_INVALID,
                wendi_sql_place(reader, wendi_sql_first_location(&node->values_lists[row]->base)),
                "all rows of VALUES must have as many values as the first, which has %zu", columns);
            return WEND_INVALID;
        }
        for (size_t i = 0; i < columns; i++) {
            WENDI_SQL_PASS(
                wendi_sql_convert_expr(reader, list->items[i], &select->values[row * columns + i]));
        }
    }
    return WEND_OK;
}

static wend_status convert_with(wendi_sql_reader *reader, const PgQuery__WithClause *clause,
                                wendi_sql_select *select)
{
    wendi_sql_with *items = NULL;
    if (clause->recursive) {
        return wendi_sql_refuse(reader, clause->location,
                                "paths() and sessions() follow users' rows in order",
                                "WITH RECURSIVE is not supported");
    }
    WENDI_SQL_PASS(wendi_sql_memory(reader, clause->n_ctes, sizeof *items, &items));
    for (size_t i = 0; i < clause->n_ctes; i++) {
        const PgQuery__CommonTableExpr *node = clause->ctes[i]->common_table_expr;
        wendi_sql_with *item = &items[i];
        wendi_string *names = NULL;
        if (node->ctequery->node_case != PG_QUERY__NODE__NODE_SELECT_STMT) {
            return wendi_sql_refuse(reader, node->location, "write a SELECT there",
                                    "WITH over anything but a SELECT is not supported");
        }
        WENDI_SQL_PASS(wendi_sql_copy(reader, node->ctename, &item->name));
        WENDI_SQL_PASS(wendi_sql_memory(reader, node->n_aliascolnames, sizeof *names, &names));
        for (size_t k = 0; k < node->n_aliascolnames; k++) {
            WENDI_SQL_PASS(wendi_sql_copy(reader, node->aliascolnames[k]->string->sval, &names[k]));
        }
        item->column_names = names;
        item->column_name_count = (uint32_t)node->n_aliascolnames;
        int32_t first = wendi_sql_token_at(reader, node->location);
        int32_t open = first + 1;
        if (wendi_sql_token_is(reader, open, "(")) {
            open = wendi_sql_token_skip(reader, open);
        }
        while (open < reader->token_count && !wendi_sql_token_is(reader, open, "(")) {
            open++; /* AS, NOT, MATERIALIZED */
        }
        int32_t close = wendi_sql_token_skip(reader, open) - 1;
        item->span = wendi_sql_token_span(reader, first, close);
        WENDI_SQL_PASS(wendi_sql_convert_select(reader, node->ctequery->select_stmt,
                                                wendi_sql_token_span(reader, open + 1, close - 1),
                                                &item->select));
    }
    select->with = items;
    select->with_count = (uint32_t)clause->n_ctes;
    return WEND_OK;
}

static wend_status refuse_clauses(wendi_sql_reader *reader, const PgQuery__SelectStmt *node)
{
    if (node->into_clause != NULL) {
        return wendi_sql_refuse(reader, wendi_sql_first_location(&node->into_clause->base),
                                "write rows out with wend export --sql",
                                "SELECT INTO is not supported");
    }
    if (node->n_window_clause > 0) {
        return wendi_sql_refuse(reader, wendi_sql_first_location(&node->window_clause[0]->base),
                                "see sessions() and paths()",
                                "window functions (WINDOW) are not supported");
    }
    if (node->n_locking_clause > 0) {
        return wendi_sql_refuse(reader, -1, "leave it out: readers never wait",
                                "FOR UPDATE and FOR SHARE are not supported");
    }
    if (node->limit_option == PG_QUERY__LIMIT_OPTION__LIMIT_OPTION_WITH_TIES) {
        return wendi_sql_refuse(reader, wendi_sql_first_location(&node->limit_count->base),
                                "write LIMIT n", "WITH TIES is not supported");
    }
    if (node->group_distinct) {
        return wendi_sql_refuse(reader, wendi_sql_first_location(&node->group_clause[0]->base),
                                "write GROUP BY alone", "GROUP BY DISTINCT is not supported");
    }
    if (node->n_distinct_clause > 0 &&
        node->distinct_clause[0]->node_case != PG_QUERY__NODE__NODE__NOT_SET) {
        return wendi_sql_refuse(reader, wendi_sql_first_location(&node->distinct_clause[0]->base),
                                "group by these columns and take min(…) or max(…) of the others",
                                "DISTINCT ON is not supported");
    }
    return WEND_OK;
}

static bool is_null_constant(const PgQuery__Node *node)
{
    return node->node_case == PG_QUERY__NODE__NODE_A_CONST && node->a_const->isnull;
}

static wend_status convert_trailing(wendi_sql_reader *reader, const PgQuery__SelectStmt *node,
                                    wendi_sql_select *select)
{
    WENDI_SQL_PASS(
        wendi_sql_convert_order(reader, node->sort_clause, node->n_sort_clause, &select->order_by));
    select->order_count = (uint32_t)node->n_sort_clause;
    if (node->limit_count != NULL && !is_null_constant(node->limit_count)) {
        WENDI_SQL_PASS(wendi_sql_convert_expr(reader, node->limit_count, &select->limit));
    }
    if (node->limit_offset != NULL && !is_null_constant(node->limit_offset)) {
        WENDI_SQL_PASS(wendi_sql_convert_expr(reader, node->limit_offset, &select->offset));
    }
    return WEND_OK;
}

static wend_status convert_plain(wendi_sql_reader *reader, const PgQuery__SelectStmt *node,
                                 wendi_sql_select *select)
{
    select->distinct = node->n_distinct_clause > 0;
    WENDI_SQL_PASS(convert_targets(reader, node, select));
    if (node->n_from_clause > 0) {
        WENDI_SQL_PASS(
            wendi_sql_convert_from(reader, node->from_clause, node->n_from_clause, &select->from));
    }
    if (node->where_clause != NULL) {
        WENDI_SQL_PASS(wendi_sql_convert_expr(reader, node->where_clause, &select->where));
    }
    WENDI_SQL_PASS(
        convert_group_items(reader, node->group_clause, node->n_group_clause, &select->group_by));
    select->group_count = (uint32_t)node->n_group_clause;
    if (node->having_clause != NULL) {
        WENDI_SQL_PASS(wendi_sql_convert_expr(reader, node->having_clause, &select->having));
    }
    return WEND_OK;
}

/* Of an arm of a set operation the tree knows only the first word: from there the arm's end is not
 * told apart. */
static wendi_sql_span arm_span(const wendi_sql_reader *reader, const PgQuery__SelectStmt *node)
{
    int32_t token = wendi_sql_token_at(reader, wendi_sql_first_location(&node->base));
    while (token > 0 && !wendi_sql_token_is(reader, token, "select") &&
           !wendi_sql_token_is(reader, token, "values")) {
        token--;
    }
    return wendi_sql_token_span(reader, token, token);
}

static wend_status convert_set_operation(wendi_sql_reader *reader, const PgQuery__SelectStmt *node,
                                         wendi_sql_select *select)
{
    select->kind = node->op == PG_QUERY__SET_OPERATION__SETOP_UNION ? WENDI_SQL_SELECT_UNION
                   : node->op == PG_QUERY__SET_OPERATION__SETOP_INTERSECT
                       ? WENDI_SQL_SELECT_INTERSECT
                       : WENDI_SQL_SELECT_EXCEPT;
    select->all = node->all;
    WENDI_SQL_PASS(
        wendi_sql_convert_select(reader, node->larg, arm_span(reader, node->larg), &select->left));
    return wendi_sql_convert_select(reader, node->rarg, arm_span(reader, node->rarg),
                                    &select->right);
}

wend_status wendi_sql_convert_select(wendi_sql_reader *reader, const PgQuery__SelectStmt *node,
                                     wendi_sql_span span, const wendi_sql_select **out)
{
    wendi_sql_select *select = NULL;
    WENDI_SQL_PASS(wendi_sql_descend(reader, span.start < 0 ? -1 : span.start + reader->shift));
    WENDI_SQL_PASS(refuse_clauses(reader, node));
    WENDI_SQL_PASS(wendi_sql_memory(reader, 1, sizeof *select, &select));
    select->span = span;
    if (node->with_clause != NULL) {
        WENDI_SQL_PASS(convert_with(reader, node->with_clause, select));
    }
    if (node->op == PG_QUERY__SET_OPERATION__SETOP_UNION ||
        node->op == PG_QUERY__SET_OPERATION__SETOP_INTERSECT ||
        node->op == PG_QUERY__SET_OPERATION__SETOP_EXCEPT) {
        WENDI_SQL_PASS(convert_set_operation(reader, node, select));
    } else if (node->n_values_lists > 0) {
        WENDI_SQL_PASS(convert_values(reader, node, select));
    } else {
        WENDI_SQL_PASS(convert_plain(reader, node, select));
    }
    WENDI_SQL_PASS(convert_trailing(reader, node, select));
    wendi_sql_ascend(reader);
    *out = select;
    return WEND_OK;
}
