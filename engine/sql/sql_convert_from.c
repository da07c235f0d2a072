/* The one item of FROM: a table, a subquery, or a table function. */
#include "engine/sql/reader.h"

static const char *const ONE_TABLE_HINT =
    "a query reads one table; several streams go into one table by --topic a --topic b, or combine "
    "queries by UNION ALL";

wend_status wendi_sql_convert_table_name(wendi_sql_reader *reader, const PgQuery__RangeVar *node,
                                         wendi_string *name, wendi_sql_span *span)
{
    if (node->schemaname[0] != '\0' || node->catalogname[0] != '\0') {
        return wendi_sql_refuse(reader, node->location,
                                "write the table's name alone; the store is chosen by -d DIR",
                                "schemas and databases are not supported");
    }
    if (!node->inh) {
        return wendi_sql_refuse(reader, node->location, "leave ONLY out", "ONLY is not supported");
    }
    if (node->relpersistence[0] != '\0' && node->relpersistence[0] != 'p') {
        return wendi_sql_refuse(reader, node->location, "write CREATE TABLE alone",
                                "temporary and unlogged tables are not supported");
    }
    int32_t token = wendi_sql_token_at(reader, node->location);
    *span = wendi_sql_token_span(reader, token, token);
    return wendi_sql_copy(reader, node->relname, name);
}

/* The alias and its column names stand behind token `last`; widens the span over them. */
static wend_status convert_alias(wendi_sql_reader *reader, const PgQuery__Alias *node,
                                 int32_t first, int32_t last, wendi_sql_from *from)
{
    wendi_string *names = NULL;
    if (node != NULL) {
        WENDI_SQL_PASS(wendi_sql_copy(reader, node->aliasname, &from->alias));
        last += wendi_sql_token_is(reader, last + 1, "as") ? 2 : 1;
        if (node->n_colnames > 0) {
            WENDI_SQL_PASS(wendi_sql_memory(reader, node->n_colnames, sizeof *names, &names));
            last = wendi_sql_token_skip(reader, last + 1) - 1;
        }
        for (size_t i = 0; i < node->n_colnames; i++) {
            WENDI_SQL_PASS(wendi_sql_copy(reader, node->colnames[i]->string->sval, &names[i]));
        }
        from->column_aliases = names;
        from->column_alias_count = (uint32_t)node->n_colnames;
    }
    from->span = wendi_sql_token_span(reader, first, last);
    return WEND_OK;
}

static wend_status convert_function(wendi_sql_reader *reader, const PgQuery__RangeFunction *node,
                                    wendi_sql_from *from)
{
    int32_t location = wendi_sql_first_location(&node->base);
    if (node->is_rowsfrom || node->ordinality || node->lateral || node->n_coldeflist > 0 ||
        node->n_functions != 1) {
        return wendi_sql_refuse(
            reader, location, "write the function alone: FROM funnel(events, …)",
            "ROWS FROM, LATERAL, WITH ORDINALITY and column definitions are not supported");
    }
    /* The library wraps the function in a list with its column definitions. */
    const PgQuery__Node *item = node->functions[0];
    if (item->node_case == PG_QUERY__NODE__NODE_LIST && item->list->n_items > 0) {
        item = item->list->items[0];
    }
    if (item->node_case != PG_QUERY__NODE__NODE_FUNC_CALL) {
        return wendi_sql_refuse(
            reader, location,
            "FROM takes a table, a subquery, or a function such as funnel(events, …)",
            "this is not a table function");
    }
    int32_t first = 0;
    int32_t last = 0;
    from->kind = WENDI_SQL_FROM_CALL;
    WENDI_SQL_PASS(wendi_sql_convert_expr(reader, item, &from->call));
    from->name = from->call->call.name;
    wendi_sql_span_tokens(reader, from->call->span, &first, &last);
    return convert_alias(reader, node->alias, first, last, from);
}

/* A subquery has no location of its own: it is the bracket around its first word that stands behind
 * FROM. */
static int32_t bracket_behind_from(const wendi_sql_reader *reader, int32_t token)
{
    while (token > 0 && !(wendi_sql_token_is(reader, token, "(") &&
                          wendi_sql_token_is(reader, token - 1, "from"))) {
        token = reader->tokens[token].parent;
    }
    return token > 0 ? token : WENDI_SQL_NO_TOKEN;
}

static wend_status convert_subselect(wendi_sql_reader *reader, const PgQuery__RangeSubselect *node,
                                     wendi_sql_from *from)
{
    int32_t location = wendi_sql_first_location(&node->subquery->base);
    int32_t inside = wendi_sql_token_at(reader, location);
    int32_t open = inside < 0 ? WENDI_SQL_NO_TOKEN
                              : bracket_behind_from(reader, reader->tokens[inside].parent);
    if (node->lateral) {
        return wendi_sql_refuse(reader, location, ONE_TABLE_HINT, "LATERAL is not supported");
    }
    int32_t close = open < 0 ? WENDI_SQL_NO_TOKEN : reader->tokens[open].match;
    from->kind = WENDI_SQL_FROM_SELECT;
    WENDI_SQL_PASS(wendi_sql_convert_select(
        reader, node->subquery->select_stmt,
        wendi_sql_token_span(reader, open < 0 ? open : open + 1, close - 1), &from->select));
    return convert_alias(reader, node->alias, open, close, from);
}

static wend_status convert_table(wendi_sql_reader *reader, const PgQuery__RangeVar *node,
                                 wendi_sql_from *from)
{
    int32_t token = wendi_sql_token_at(reader, node->location);
    from->kind = WENDI_SQL_FROM_TABLE;
    WENDI_SQL_PASS(wendi_sql_convert_table_name(reader, node, &from->name, &from->span));
    return convert_alias(reader, node->alias, token, token, from);
}

/* Where the second table of a join stands. */
static int32_t join_location(const PgQuery__Node *node)
{
    int32_t location = wendi_sql_first_location(&node->base);
    if (node->node_case == PG_QUERY__NODE__NODE_JOIN_EXPR && node->join_expr->rarg != NULL) {
        int32_t right = wendi_sql_first_location(&node->join_expr->rarg->base);
        return right >= 0 ? right : location;
    }
    return location;
}

wend_status wendi_sql_convert_from(wendi_sql_reader *reader, PgQuery__Node *const *nodes,
                                   size_t count, const wendi_sql_from **out)
{
    wendi_sql_from *from = NULL;
    if (count != 1 || nodes[0]->node_case == PG_QUERY__NODE__NODE_JOIN_EXPR) {
        return wendi_sql_refuse(reader, join_location(nodes[count - 1]), ONE_TABLE_HINT,
                                "joins are not supported");
    }
    WENDI_SQL_PASS(wendi_sql_memory(reader, 1, sizeof *from, &from));
    *out = from;
    switch (nodes[0]->node_case) {
    case PG_QUERY__NODE__NODE_RANGE_VAR:
        return convert_table(reader, nodes[0]->range_var, from);
    case PG_QUERY__NODE__NODE_RANGE_SUBSELECT:
        return convert_subselect(reader, nodes[0]->range_subselect, from);
    case PG_QUERY__NODE__NODE_RANGE_FUNCTION:
        return convert_function(reader, nodes[0]->range_function, from);
    case PG_QUERY__NODE__NODE_RANGE_TABLE_SAMPLE:
        return wendi_sql_refuse(reader, wendi_sql_first_location(&nodes[0]->base),
                                "filter by a column instead", "TABLESAMPLE is not supported");
    default:
        return wendi_sql_refuse(
            reader, wendi_sql_first_location(&nodes[0]->base),
            "FROM takes a table, a subquery, or a function such as funnel(events, …)",
            "this item of FROM is not supported");
    }
}
