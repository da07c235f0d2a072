/* Random trees written as SQL and read again are the same trees: precedence, quoting and special
 * forms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/sql/sql.h"

/* ---- random trees
 * -------------------------------------------------------------------------------- */

static uint64_t random_state;

static uint32_t random_below(uint32_t limit)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(random_state >> 33) % limit;
}

static wendi_sql_expr *node(wendi_arena *arena, wendi_sql_expr_kind kind, uint32_t args)
{
    wendi_sql_expr *expr = wendi_arena_alloc_zero(arena, sizeof *expr);
    expr->kind = (uint8_t)kind;
    expr->span = (wendi_sql_span){-1, -1};
    expr->arg_count = args;
    expr->args = wendi_arena_alloc_zero(arena, (args + 1) * sizeof *expr->args);
    return expr;
}

static const wendi_sql_expr *random_leaf(wendi_arena *arena)
{
    static const char *const names[] = {"a", "Mixed", "order", "x y", "time", "case", "b\"q"};
    static const char *const strings[] = {"", "it's", "x%", "2024-01-01"};
    static const char *const numbers[] = {"1.5", "-0.25", "1e3", "99999999999999999999"};
    wendi_sql_expr *expr = node(arena, WENDI_SQL_NULL, 0);
    switch (random_below(6)) {
    case 0:
        expr->kind = WENDI_SQL_COLUMN;
        expr->text = wendi_string_of(names[random_below(7)]);
        expr->qualifier = wendi_string_of(random_below(4) == 0 ? "t" : "");
        break;
    case 1:
        expr->kind = WENDI_SQL_STRING;
        expr->text = wendi_string_of(strings[random_below(4)]);
        break;
    case 2:
        expr->kind = WENDI_SQL_INTEGER;
        expr->integer = (int64_t)random_below(200) - 100;
        break;
    case 3:
        expr->kind = WENDI_SQL_NUMBER;
        expr->text = wendi_string_of(numbers[random_below(4)]);
        break;
    case 4:
        expr->kind = WENDI_SQL_BOOLEAN;
        expr->boolean = random_below(2) == 0;
        break;
    default:
        break;
    }
    return expr;
}

static const wendi_sql_expr *random_tree(wendi_arena *arena, uint32_t depth);

static void fill_args(wendi_arena *arena, wendi_sql_expr *expr, uint32_t depth)
{
    for (uint32_t i = 0; i < expr->arg_count; i++) {
        expr->args[i] = random_tree(arena, depth - 1);
    }
}

static const wendi_sql_expr *random_call(wendi_arena *arena, uint32_t depth)
{
    static const char *const names[] = {"f",    "coalesce", "greatest", "position", "substring",
                                        "left", "timezone", "Odd Name", "extract"};
    wendi_sql_expr *expr = node(arena, WENDI_SQL_CALL, 2);
    fill_args(arena, expr, depth);
    expr->call.name = wendi_string_of(names[random_below(9)]);
    expr->call.args = expr->args;
    expr->call.arg_count = 2;
    expr->call.distinct = random_below(4) == 0 && expr->call.name.length == 1;
    if (random_below(4) == 0) {
        expr->call.filter = random_tree(arena, depth - 1);
    }
    return expr;
}

static const wendi_sql_expr *random_case(wendi_arena *arena, uint32_t depth)
{
    wendi_sql_expr *expr = node(arena, WENDI_SQL_CASE, 0);
    expr->case_of.when_count = 1 + random_below(2);
    expr->case_of.conditions = wendi_arena_alloc(arena, 2 * sizeof *expr->case_of.conditions);
    expr->case_of.results = wendi_arena_alloc(arena, 2 * sizeof *expr->case_of.results);
    for (uint32_t i = 0; i < expr->case_of.when_count; i++) {
        expr->case_of.conditions[i] = random_tree(arena, depth - 1);
        expr->case_of.results[i] = random_tree(arena, depth - 1);
    }
    expr->case_of.operand = random_below(2) == 0 ? random_tree(arena, depth - 1) : NULL;
    expr->case_of.otherwise = random_below(2) == 0 ? random_tree(arena, depth - 1) : NULL;
    return expr;
}

/* The grammar folds a minus into a number, so no tree has one before a number. */
static const wendi_sql_expr *random_unary(wendi_arena *arena, uint32_t depth)
{
    static const char *const ops[] = {"-", "+", "~"};
    wendi_sql_expr *expr = node(arena, WENDI_SQL_UNARY, 1);
    fill_args(arena, expr, depth);
    expr->op = wendi_string_of(ops[random_below(3)]);
    if (expr->args[0]->kind == WENDI_SQL_INTEGER || expr->args[0]->kind == WENDI_SQL_NUMBER) {
        expr->op = wendi_string_of("~");
    }
    return expr;
}

static const wendi_sql_expr *random_cast(wendi_arena *arena, uint32_t depth)
{
    static const char *const types[] = {"integer",     "double precision", "interval", "date",
                                        "timestamptz", "odd type",         "numeric"};
    wendi_sql_expr *expr = node(arena, WENDI_SQL_CAST, 1);
    fill_args(arena, expr, depth);
    expr->type.name = wendi_string_of(types[random_below(7)]);
    if (expr->type.name.data[0] == 'n') {
        expr->type.modifiers[0] = 12;
        expr->type.modifiers[1] = 2;
        expr->type.modifier_count = 2;
    }
    return expr;
}

/* AND and OR never hold their own kind: the parser splices. */
static const wendi_sql_expr *random_junction(wendi_arena *arena, uint32_t depth)
{
    wendi_sql_expr *expr =
        node(arena, random_below(2) == 0 ? WENDI_SQL_AND : WENDI_SQL_OR, 2 + random_below(2));
    for (uint32_t i = 0; i < expr->arg_count; i++) {
        do {
            expr->args[i] = random_tree(arena, depth - 1);
        } while (expr->args[i]->kind == expr->kind);
    }
    return expr;
}

static const wendi_sql_expr *random_tree(wendi_arena *arena, uint32_t depth)
{
    static const char *const ops[] = {"+", "-",  "*", "/",   "%",  "^",   "||", "=", "<>",
                                      "<", ">=", "~", "!~*", "->", "->>", "&",  "#"};
    static const struct {
        wendi_sql_expr_kind kind;
        uint32_t args;
    } plain[] = {{WENDI_SQL_NOT, 1}, {WENDI_SQL_IS, 1},      {WENDI_SQL_DISTINCT, 2},
                 {WENDI_SQL_IN, 3},  {WENDI_SQL_BETWEEN, 3}, {WENDI_SQL_LIKE, 2},
                 {WENDI_SQL_LIKE, 3}};
    if (depth == 0 || random_below(6) == 0) {
        return random_leaf(arena);
    }
    uint32_t choice = random_below(16);
    if (choice < 5) {
        wendi_sql_expr *expr = node(arena, WENDI_SQL_BINARY, 2);
        expr->op = wendi_string_of(ops[random_below(17)]);
        fill_args(arena, expr, depth);
        return expr;
    }
    switch (choice) {
    case 5:
        return random_call(arena, depth);
    case 6:
        return random_case(arena, depth);
    case 7:
        return random_unary(arena, depth);
    case 8:
        return random_cast(arena, depth);
    case 9:
    case 10:
        return random_junction(arena, depth);
    default:
        break;
    }
    uint32_t which = random_below(7);
    wendi_sql_expr *expr = node(arena, plain[which].kind, plain[which].args);
    fill_args(arena, expr, depth);
    expr->negated = expr->kind != WENDI_SQL_NOT && random_below(2) == 0;
    expr->flag =
        (expr->kind == WENDI_SQL_BETWEEN || expr->kind == WENDI_SQL_LIKE) && random_below(2) == 0;
    expr->is = expr->kind == WENDI_SQL_IS ? (uint8_t)random_below(4) : 0;
    return expr;
}

static void random_trees_survive_printing(void **state)
{
    (void)state;
    for (uint32_t seed = 0; seed < 20000; seed++) {
        wendi_arena arena = {0};
        wendi_buffer out = {0};
        wend_error error = {.message = ""};
        const wendi_sql_expr *again = NULL;
        random_state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
        const wendi_sql_expr *tree = random_tree(&arena, 1 + seed % 5);
        assert_int_equal(wendi_sql_print_expression(tree, &out), WEND_OK);
        wend_status status =
            wendi_sql_parse_expression((const char *)out.data, out.length, &arena, &again, &error);
        if (status != WEND_OK || !wendi_sql_expr_equal(tree, again)) {
            fail_msg("seed %u: %.*s: %s", seed, (int)out.length, (const char *)out.data,
                     error.message);
        }
        wendi_buffer_free(&out);
        wendi_arena_free(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_trees_survive_printing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
