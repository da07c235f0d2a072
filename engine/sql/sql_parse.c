/* The way from text to statements: check the bytes, cut tokens, let the library parse, convert. */
#include "engine/sql/reader.h"

/* Length of the well-formed UTF-8 sequence at `at`, 0 when there is none (Unicode 15, table 3-7).
 */
static size_t sequence_bytes(const unsigned char *at, size_t left)
{
    unsigned char lead = at[0];
    size_t bytes = lead < 0x80   ? 1
                   : lead < 0xc2 ? 0
                   : lead < 0xe0 ? 2
                   : lead < 0xf0 ? 3
                   : lead < 0xf5 ? 4
                                 : 0;
    if (bytes == 0 || bytes > left) {
        return 0;
    }
    for (size_t i = 1; i < bytes; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    bool bad = (lead == 0xe0 && at[1] < 0xa0) || (lead == 0xed && at[1] > 0x9f) ||
               (lead == 0xf0 && at[1] < 0x90) || (lead == 0xf4 && at[1] > 0x8f);
    return bad ? 0 : bytes;
}

static wend_status check_text(const char *text, size_t length, wend_error *error)
{
    if (length > WENDI_SQL_TEXT_BYTES_MAX) {
        return wendi_fail(error, WEND_INVALID, "the SQL text has %zu bytes: at most %d are read",
                          length, WENDI_SQL_TEXT_BYTES_MAX);
    }
    for (size_t i = 0; i < length;) {
        size_t bytes = sequence_bytes((const unsigned char *)text + i, length - i);
        if (bytes == 0 || text[i] == '\0') {
            return wendi_fail_at(error, WEND_INVALID, (int32_t)i,
                                 bytes == 0 ? "the SQL text is not valid UTF-8 here"
                                            : "the SQL text holds a zero byte here");
        }
        i += bytes;
    }
    return WEND_OK;
}

static wendi_sql_span statement_span(const wendi_sql_reader *reader, const PgQuery__RawStmt *raw)
{
    int32_t end = raw->stmt_len > 0 ? raw->stmt_location + raw->stmt_len : reader->length;
    int32_t first = wendi_sql_token_at(reader, raw->stmt_location);
    int32_t last = wendi_sql_token_at(reader, end);
    last = last == WENDI_SQL_NO_TOKEN ? reader->token_count - 1 : last - 1;
    while (last > first && wendi_sql_token_is(reader, last, ";")) {
        last--;
    }
    return wendi_sql_token_span(reader, first, last);
}

static wend_status convert_explain(wendi_sql_reader *reader, const PgQuery__ExplainStmt *node,
                                   wendi_sql_statement *statement)
{
    statement->kind = WENDI_SQL_STATEMENT_EXPLAIN;
    for (size_t i = 0; i < node->n_options; i++) {
        const PgQuery__DefElem *option = node->options[i]->def_elem;
        if (strcmp(option->defname, "analyze") != 0 || option->arg != NULL) {
            return wendi_sql_refuse(reader, option->location, "write EXPLAIN or EXPLAIN ANALYZE",
                                    "EXPLAIN (%s) is not supported", option->defname);
        }
        statement->analyze = true;
    }
    if (node->query->node_case != PG_QUERY__NODE__NODE_SELECT_STMT) {
        return wendi_sql_refuse_statement(reader, node->query,
                                          statement->span.start + reader->shift);
    }
    /* The query begins where EXPLAIN's own words end. */
    int32_t first = 0;
    int32_t last = 0;
    wendi_sql_span_tokens(reader, statement->span, &first, &last);
    while (first < last && !wendi_sql_token_is(reader, first, "select") &&
           !wendi_sql_token_is(reader, first, "with") &&
           !wendi_sql_token_is(reader, first, "values") &&
           !wendi_sql_token_is(reader, first, "table")) {
        bool options = wendi_sql_token_is(reader, first, "explain") &&
                       wendi_sql_token_is(reader, first + 1, "(") &&
                       wendi_sql_token_is(reader, first + 2, "analyze");
        first = options ? wendi_sql_token_skip(reader, first + 1) : first + 1;
    }
    return wendi_sql_convert_select(reader, node->query->select_stmt,
                                    wendi_sql_token_span(reader, first, last), &statement->select);
}

static wend_status convert_statement(wendi_sql_reader *reader, const PgQuery__RawStmt *raw,
                                     wendi_sql_statement *statement)
{
    const PgQuery__Node *node = raw->stmt;
    statement->text = reader->text + reader->shift;
    statement->span = statement_span(reader, raw);
    statement->table_span = (wendi_sql_span){-1, -1};
    switch (node->node_case) {
    case PG_QUERY__NODE__NODE_SELECT_STMT:
        statement->kind = WENDI_SQL_STATEMENT_SELECT;
        return wendi_sql_convert_select(reader, node->select_stmt, statement->span,
                                        &statement->select);
    case PG_QUERY__NODE__NODE_EXPLAIN_STMT:
        return convert_explain(reader, node->explain_stmt, statement);
    case PG_QUERY__NODE__NODE_CREATE_STMT:
        return wendi_sql_convert_create(reader, node->create_stmt, statement);
    case PG_QUERY__NODE__NODE_ALTER_TABLE_STMT:
        return wendi_sql_convert_alter(reader, node->alter_table_stmt, statement);
    case PG_QUERY__NODE__NODE_DROP_STMT:
        return wendi_sql_convert_drop(reader, node->drop_stmt, statement);
    default:
        return wendi_sql_refuse_statement(
            reader, node, statement->span.start < 0 ? -1 : statement->span.start + reader->shift);
    }
}

static wend_status convert_statements(wendi_sql_reader *reader, const PgQuery__ParseResult *tree,
                                      const wendi_sql_statement **statements_out,
                                      uint32_t *count_out)
{
    wendi_sql_statement *statements = NULL;
    WENDI_SQL_PASS(wendi_sql_memory(reader, tree->n_stmts, sizeof *statements, &statements));
    for (size_t i = 0; i < tree->n_stmts; i++) {
        WENDI_SQL_PASS(convert_statement(reader, tree->stmts[i], &statements[i]));
    }
    *statements_out = statements;
    *count_out = (uint32_t)tree->n_stmts;
    return WEND_OK;
}

/* Parse reader->text, cut into tokens before; the library's tree lives only in here. */
static wend_status parse_tokens(wendi_sql_reader *reader,
                                const wendi_sql_statement **statements_out, uint32_t *count_out)
{
    ProtobufCAllocator allocator = wendi_sql_allocator();
    wend_status status = WEND_OK;
    PgQuery__ParseResult *tree = NULL;
    PgQueryProtobufParseResult result = {0};

    result = pg_query_parse_protobuf(reader->text);
    if (result.error != NULL) {
        status = wendi_sql_syntax_error(reader, result.error);
        goto cleanup;
    }
    tree = pg_query__parse_result__unpack(&allocator, result.parse_tree.len,
                                          (const uint8_t *)result.parse_tree.data);
    if (tree == NULL) {
        status = wendi_fail_nomem(reader->error, "a syntax tree", result.parse_tree.len);
        goto cleanup;
    }
    status = convert_statements(reader, tree, statements_out, count_out);
cleanup:
    if (tree != NULL) {
        pg_query__parse_result__free_unpacked(tree, &allocator);
    }
    pg_query_free_protobuf_parse_result(result);
    return status;
}

/* A reader over before + text + after; positions come out as those of `text`. */
static wend_status open_reader(wendi_sql_reader *reader, const char *before, const char *text,
                               size_t length, const char *after, wendi_arena *arena,
                               wend_error *error)
{
    size_t before_bytes = strlen(before);
    size_t after_bytes = strlen(after);
    WENDI_SQL_PASS(check_text(text, length, error));
    char *copy = wendi_arena_alloc(arena, before_bytes + length + after_bytes + 1);
    if (copy == NULL) {
        return wendi_fail_nomem(error, "an SQL text", length);
    }
    memcpy(copy, before, before_bytes);
    if (length > 0) {
        memcpy(copy + before_bytes, text, length);
    }
    memcpy(copy + before_bytes + length, after, after_bytes + 1);
    *reader = (wendi_sql_reader){
        .text = copy,
        .length = (int32_t)(before_bytes + length + after_bytes),
        .shift = (int32_t)before_bytes,
        .tail = (int32_t)after_bytes,
        .arena = arena,
        .error = error,
    };
    return WEND_OK;
}

wend_status wendi_sql_parse(const char *text, size_t length, wendi_arena *arena,
                            const wendi_sql_statement **statements_out, uint32_t *count_out,
                            wend_error *error)
{
    wendi_sql_reader reader;
    *statements_out = NULL;
    *count_out = 0;
    WENDI_SQL_PASS(open_reader(&reader, "", text, length, "", arena, error));
    WENDI_SQL_PASS(wendi_sql_tokenize(&reader));
    return parse_tokens(&reader, statements_out, count_out);
}

wend_status wendi_sql_parse_one(const char *text, size_t length, wendi_arena *arena,
                                const wendi_sql_statement **statement_out, wend_error *error)
{
    const wendi_sql_statement *statements = NULL;
    uint32_t count = 0;
    *statement_out = NULL;
    WENDI_SQL_PASS(wendi_sql_parse(text, length, arena, &statements, &count, error));
    if (count == 0) {
        return wendi_fail_at(error, WEND_INVALID, 0, "the SQL text holds no statement");
    }
    if (count > 1) {
        return wendi_fail_at(error, WEND_INVALID, statements[1].span.start,
                             "one statement is expected here, not %u", count);
    }
    *statement_out = statements;
    return WEND_OK;
}

wend_status wendi_sql_parse_expression(const char *text, size_t length, wendi_arena *arena,
                                       const wendi_sql_expr **expr_out, wend_error *error)
{
    wendi_sql_reader reader;
    const wendi_sql_statement *statements = NULL;
    uint32_t count = 0;
    *expr_out = NULL;
    WENDI_SQL_PASS(open_reader(&reader, "select (", text, length, "\n)", arena,
                               error)); /* the text may end in a comment */
    WENDI_SQL_PASS(wendi_sql_tokenize(&reader));
    int32_t close = reader.tokens[1].match;
    if (close != WENDI_SQL_NO_TOKEN && close != reader.token_count - 1) {
        /* It closes our bracket and goes on: what is behind is no part of one expression. */
        return wendi_fail_at(error, WEND_INVALID,
                             wendi_sql_place(&reader, reader.tokens[close].start),
                             "this bracket closes none that was opened");
    }
    WENDI_SQL_PASS(parse_tokens(&reader, &statements, &count));
    WEND_REQUIRE(count == 1 && statements->select != NULL && statements->select->target_count == 1);
    const wendi_sql_expr *expr = statements->select->targets[0].expr;
    /* Of a bare SELECT in our brackets, or a UNION of such, no bracket of the text is around it
     * all. */
    bool bare =
        expr->kind == WENDI_SQL_SUBQUERY && reader.tokens[2].match != reader.token_count - 2;
    if (expr->kind == WENDI_SQL_STAR || expr->span.start < 0 || bare) {
        return wendi_fail_at(error, WEND_INVALID, 0, "one expression is expected here");
    }
    *expr_out = expr;
    return WEND_OK;
}
