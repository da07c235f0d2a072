/*
 * SELECT: targets, WHERE, GROUP BY, HAVING, DISTINCT, ORDER BY and LIMIT, in the order SQL gives
 * them their meaning. Every tie of an ORDER BY is broken by the remaining output columns, so that
 * the answer does not depend on how rows lie in segments.
 */
#include <string.h>

#include "engine/sql/sql.h"
#include "query/plan_internal.h"

/** One output column: an expression as written, or a column that * stands for. */
typedef struct select_target {
    const wendi_sql_expr *ast; /* NULL: column `slot` of FROM */
    uint32_t slot;
    wendi_string name;
    const wendi_expr *expr;
} select_target;

/** A SELECT while it is bound. */
typedef struct select_binding {
    wendi_planner *planner;
    const wendi_sql_select *select;
    const wendi_plan_cte *ctes;
    const wendi_plan *from;
    wendi_plan_scope input;
    wendi_plan_scope output; /* behind GROUP BY; the same as input when nothing is aggregated */
    wendi_plan_groups groups;
    bool aggregated;
    select_target *targets;
    uint32_t target_count;
    const wendi_expr **extras; /* sort expressions that are no output columns */
    uint32_t extra_count;
    wendi_sort_key *sort_keys;
    uint32_t sort_key_count;
} select_binding;

static wend_status nomem(wend_error *error)
{
    return wendi_fail_nomem(error, "a plan", sizeof(wendi_plan));
}

/* ---- targets ---- */

static wend_status expand_star(select_binding *binding, const wendi_sql_expr *star,
                               wend_error *error)
{
    if (star->qualifier.length > 0 &&
        !wendi_string_equal(star->qualifier, binding->input.qualifier)) {
        return wendi_fail_at(error, WEND_NOT_FOUND, star->position,
                             "missing FROM-clause entry for table \"%.*s\"",
                             (int)star->qualifier.length, star->qualifier.data);
    }
    if (binding->select->from == NULL) {
        return wendi_fail_at(error, WEND_INVALID, star->position,
                             "SELECT * with no tables specified is not valid");
    }
    for (uint32_t i = 0; i < binding->from->column_count; i++) {
        if (binding->from->columns[i].hidden) {
            continue;
        }
        binding->targets[binding->target_count++] =
            (select_target){.slot = i, .name = binding->from->columns[i].name};
    }
    return WEND_OK;
}

static wend_status list_targets(select_binding *binding, wend_error *error)
{
    wend_status status = WEND_OK;
    const wendi_sql_select *select = binding->select;
    size_t room = 1;

    for (uint32_t i = 0; i < select->target_count; i++) {
        room += select->targets[i].expr->kind == WENDI_SQL_STAR ? binding->from->column_count : 1;
    }
    binding->targets =
        wendi_arena_alloc_zero(binding->planner->arena, room * sizeof *binding->targets);
    if (binding->targets == NULL) {
        return nomem(error);
    }
    for (uint32_t i = 0; i < select->target_count; i++) {
        const wendi_sql_target *target = &select->targets[i];
        if (target->expr->kind == WENDI_SQL_STAR) {
            WEND_TRY(expand_star(binding, target->expr, error));
        } else {
            binding->targets[binding->target_count++] =
                (select_target){.ast = target->expr, .name = target->name};
        }
    }
cleanup:
    return status;
}

/* ---- GROUP BY ---- */

static wend_status ordinal_target(const select_binding *binding, const wendi_sql_expr *expr,
                                  const char *clause, uint32_t *index, wend_error *error)
{
    if (expr->integer < 1 || expr->integer > binding->target_count) {
        return wendi_fail_at(error, WEND_INVALID, expr->position,
                             "%s position %lld is not in select list", clause,
                             (long long)expr->integer);
    }
    *index = (uint32_t)expr->integer - 1;
    return WEND_OK;
}

/* The target with this alias or column name, or target_count; two different ones are refused. */
static wend_status named_target(const select_binding *binding, const wendi_sql_expr *expr,
                                const char *clause, uint32_t *index, wend_error *error)
{
    *index = binding->target_count;
    if (expr->kind != WENDI_SQL_COLUMN || expr->qualifier.length > 0) {
        return WEND_OK;
    }
    for (uint32_t i = 0; i < binding->target_count; i++) {
        const select_target *target = &binding->targets[i];
        if (!wendi_string_equal(target->name, expr->text)) {
            continue;
        }
        if (*index != binding->target_count) {
            const select_target *first = &binding->targets[*index];
            bool same = first->ast != NULL && target->ast != NULL
                            ? wendi_sql_expr_equal(first->ast, target->ast)
                            : first->ast == target->ast && first->slot == target->slot;
            if (!same) {
                return wendi_fail_at(error, WEND_INVALID, expr->position,
                                     "%s \"%.*s\" is ambiguous", clause, (int)expr->text.length,
                                     expr->text.data);
            }
            continue;
        }
        *index = i;
    }
    return WEND_OK;
}

/* The expression a GROUP BY item means: itself, or that of an ordinal or alias. */
static wend_status group_ast(const select_binding *binding, const wendi_sql_expr *item,
                             const wendi_sql_expr **ast, uint32_t *slot, wend_error *error)
{
    wend_status status = WEND_OK;
    uint32_t index = binding->target_count;

    *ast = item;
    if (item->kind == WENDI_SQL_INTEGER) {
        WEND_TRY(ordinal_target(binding, item, "GROUP BY", &index, error));
    } else if (item->kind == WENDI_SQL_COLUMN && item->qualifier.length == 0 &&
               !wendi_plan_has_column(binding->from, item->text)) {
        WEND_TRY(named_target(binding, item, "GROUP BY", &index, error));
    }
    if (index < binding->target_count) {
        *ast = binding->targets[index].ast;
        *slot = binding->targets[index].slot;
    }
cleanup:
    return status;
}

static wend_status bind_group_key(select_binding *binding, const wendi_sql_group *group,
                                  wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_plan_groups *groups = &binding->groups;
    wendi_arena *arena = binding->planner->arena;
    const wendi_sql_expr *ast = NULL;
    const wendi_expr *key = NULL;
    uint32_t slot = 0;

    if (group->kind == WENDI_SQL_GROUP_EMPTY) {
        return WEND_OK;
    }
    if (group->kind != WENDI_SQL_GROUP_EXPR) {
        wendi_fail_at(error, WEND_UNSUPPORTED, group->span.start,
                      "wend has no ROLLUP, CUBE or GROUPING SETS");
        wendi_error_hint(error, "Write one SELECT a grouping and put UNION ALL between them.");
        return WEND_UNSUPPORTED;
    }
    WEND_TRY(group_ast(binding, group->expr, &ast, &slot, error));
    if (ast == NULL) { /* an ordinal that * made */
        key = wendi_plan_column(arena, binding->from, slot);
        wendi_sql_expr *column = wendi_arena_alloc_zero(arena, sizeof *column);
        if (key == NULL || column == NULL) {
            return nomem(error);
        }
        column->kind = WENDI_SQL_COLUMN;
        column->text = binding->from->columns[slot].name;
        ast = column;
    } else {
        WEND_TRY(wendi_bind(ast, &binding->input.scope, arena, &key, error));
    }
    if (key->type.kind == WENDI_TYPE_NULL) {
        WEND_TRY(wendi_bind_cast(key, wendi_type_of(WENDI_TYPE_TEXT), WENDI_CAST_EXPLICIT,
                                 binding->input.scope.session, arena, &key, error));
    }
    groups->key_asts[groups->key_count] = ast;
    groups->keys[groups->key_count++] = key;
cleanup:
    return status;
}

static bool any_aggregate(const select_binding *binding)
{
    const wendi_sql_select *select = binding->select;
    bool any = select->group_count > 0 || select->having != NULL;

    for (uint32_t i = 0; i < select->target_count && !any; i++) {
        any = wendi_plan_has_aggregate(select->targets[i].expr);
    }
    for (uint32_t i = 0; i < select->order_count && !any; i++) {
        any = wendi_plan_has_aggregate(select->order_by[i].expr);
    }
    return any;
}

static wend_status bind_groups(select_binding *binding, wend_error *error)
{
    wend_status status = WEND_OK;
    const wendi_sql_select *select = binding->select;
    wendi_arena *arena = binding->planner->arena;

    wendi_plan_scope_init(&binding->output, binding->planner, binding->ctes, binding->from,
                          binding->input.qualifier, "the select list");
    binding->aggregated = any_aggregate(binding);
    if (!binding->aggregated) {
        return WEND_OK;
    }
    binding->groups.input = &binding->input;
    binding->groups.key_asts =
        wendi_arena_alloc(arena, (select->group_count + 1) * sizeof(const wendi_sql_expr *));
    binding->groups.keys =
        wendi_arena_alloc(arena, (select->group_count + 1) * sizeof(const wendi_expr *));
    if (binding->groups.key_asts == NULL || binding->groups.keys == NULL) {
        return nomem(error);
    }
    binding->input.clause = "GROUP BY";
    for (uint32_t i = 0; i < select->group_count; i++) {
        WEND_TRY(bind_group_key(binding, &select->group_by[i], error));
    }
    if (binding->groups.key_count > 64) {
        WEND_TRY(wendi_fail_at(error, WEND_UNSUPPORTED, select->group_by[64].span.start,
                               "more than 64 GROUP BY expressions"));
    }
    binding->output.groups = &binding->groups;
cleanup:
    return status;
}

/* ---- targets and ORDER BY ---- */

static wend_status bind_star_target(select_binding *binding, select_target *target,
                                    wend_error *error)
{
    const wendi_output_column *column = &binding->from->columns[target->slot];
    wendi_arena *arena = binding->planner->arena;

    if (!binding->aggregated) {
        target->expr = wendi_plan_column(arena, binding->from, target->slot);
        return target->expr == NULL ? nomem(error) : WEND_OK;
    }
    wendi_sql_expr *ast = wendi_arena_alloc_zero(arena, sizeof *ast);
    if (ast == NULL) {
        return nomem(error);
    }
    ast->kind = WENDI_SQL_COLUMN;
    ast->text = column->name;
    ast->position = -1;
    return wendi_bind(ast, &binding->output.scope, arena, &target->expr, error);
}

static wend_status bind_targets(select_binding *binding, wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_arena *arena = binding->planner->arena;

    for (uint32_t i = 0; i < binding->target_count; i++) {
        select_target *target = &binding->targets[i];
        if (target->ast == NULL) {
            WEND_TRY(bind_star_target(binding, target, error));
        } else {
            WEND_TRY(wendi_bind(target->ast, &binding->output.scope, arena, &target->expr, error));
        }
        /* A bare NULL is text, unless a set operation may still give it another type. */
        if (target->expr->type.kind == WENDI_TYPE_NULL &&
            (!binding->planner->in_set || binding->select->distinct ||
             binding->select->order_count > 0)) {
            WEND_TRY(wendi_bind_cast(target->expr, wendi_type_of(WENDI_TYPE_TEXT),
                                     WENDI_CAST_EXPLICIT, binding->input.scope.session, arena,
                                     &target->expr, error));
        }
    }
cleanup:
    return status;
}

/* An expression that is no output column: computed beside them, and dropped behind the sort. */
static wend_status sort_expression(select_binding *binding, const wendi_sql_expr *ast,
                                   uint32_t *column, wend_error *error)
{
    wend_status status = WEND_OK;
    const wendi_expr *expr = NULL;

    WEND_TRY(wendi_bind(ast, &binding->output.scope, binding->planner->arena, &expr, error));
    for (uint32_t i = 0; i < binding->target_count; i++) {
        if (wendi_expr_equal(binding->targets[i].expr, expr)) {
            *column = i;
            return WEND_OK;
        }
    }
    if (binding->select->distinct) {
        return wendi_fail_at(
            error, WEND_INVALID, ast->position,
            "for SELECT DISTINCT, ORDER BY expressions must appear in select list");
    }
    *column = binding->target_count + binding->extra_count;
    binding->extras[binding->extra_count++] = expr;
cleanup:
    return status;
}

static wend_status bind_order(select_binding *binding, wend_error *error)
{
    wend_status status = WEND_OK;
    const wendi_sql_select *select = binding->select;
    wendi_arena *arena = binding->planner->arena;

    binding->extras =
        wendi_arena_alloc(arena, (select->order_count + 1) * sizeof(const wendi_expr *));
    binding->sort_keys = wendi_arena_alloc(
        arena, (select->order_count + binding->target_count + 1) * sizeof *binding->sort_keys);
    if (binding->extras == NULL || binding->sort_keys == NULL) {
        return nomem(error);
    }
    for (uint32_t i = 0; i < select->order_count; i++) {
        const wendi_sql_order *order = &select->order_by[i];
        uint32_t column = 0;
        if (order->expr->kind == WENDI_SQL_INTEGER) {
            WEND_TRY(ordinal_target(binding, order->expr, "ORDER BY", &column, error));
        } else {
            WEND_TRY(named_target(binding, order->expr, "ORDER BY", &column, error));
            if (column == binding->target_count) {
                WEND_TRY(sort_expression(binding, order->expr, &column, error));
            }
        }
        binding->sort_keys[binding->sort_key_count++] =
            (wendi_sort_key){column, order->descending, order->nulls_first};
    }
cleanup:
    return status;
}

/* ---- nodes ---- */

static wend_status add_filter(wendi_planner *planner, const wendi_expr *predicate,
                              const wendi_plan **plan, wend_error *error)
{
    wendi_plan *filter =
        wendi_plan_new(planner->arena, WENDI_PLAN_FILTER, *plan, (*plan)->column_count);

    if (filter == NULL) {
        return nomem(error);
    }
    filter->predicate = predicate;
    *plan = filter;
    return WEND_OK;
}

static wend_status add_aggregate(const select_binding *binding, const wendi_plan **plan,
                                 wend_error *error)
{
    const wendi_plan_groups *groups = &binding->groups;
    uint32_t columns = groups->key_count + groups->aggregate_count;
    wendi_plan *aggregate =
        wendi_plan_new(binding->planner->arena, WENDI_PLAN_AGGREGATE, *plan, columns);

    if (aggregate == NULL) {
        return nomem(error);
    }
    aggregate->keys = groups->keys;
    aggregate->key_count = groups->key_count;
    aggregate->aggregates = groups->aggregates;
    aggregate->aggregate_count = groups->aggregate_count;
    for (uint32_t i = 0; i < columns; i++) {
        aggregate->columns[i].name = wendi_string_of("");
        aggregate->columns[i].type = i < groups->key_count
                                         ? groups->keys[i]->type
                                         : groups->aggregates[i - groups->key_count].type;
    }
    *plan = aggregate;
    return WEND_OK;
}

static wend_status add_project(const select_binding *binding, const wendi_plan **plan,
                               wend_error *error)
{
    uint32_t count = binding->target_count + binding->extra_count;
    wendi_arena *arena = binding->planner->arena;
    wendi_plan *project = wendi_plan_new(arena, WENDI_PLAN_PROJECT, *plan, count);
    const wendi_expr **exprs = wendi_arena_alloc(arena, (count + 1) * sizeof(const wendi_expr *));

    if (project == NULL || exprs == NULL) {
        return nomem(error);
    }
    for (uint32_t i = 0; i < count; i++) {
        bool extra = i >= binding->target_count;
        exprs[i] = extra ? binding->extras[i - binding->target_count] : binding->targets[i].expr;
        project->columns[i].name = extra ? wendi_string_of("") : binding->targets[i].name;
        project->columns[i].type = exprs[i]->type;
    }
    project->exprs = exprs;
    *plan = project;
    return WEND_OK;
}

wend_status wendi_plan_distinct(wendi_planner *planner, const wendi_plan *input,
                                const wendi_plan **plan_out, wend_error *error)
{
    wendi_plan *distinct =
        wendi_plan_new(planner->arena, WENDI_PLAN_AGGREGATE, input, input->column_count);
    const wendi_expr **keys =
        wendi_arena_alloc(planner->arena, (input->column_count + 1) * sizeof(const wendi_expr *));

    if (distinct == NULL || keys == NULL) {
        return nomem(error);
    }
    if (input->column_count > 64) {
        return wendi_fail(error, WEND_UNSUPPORTED,
                          "DISTINCT and set operations take at most 64 columns");
    }
    memcpy(distinct->columns, input->columns, input->column_count * sizeof *distinct->columns);
    for (uint32_t i = 0; i < input->column_count; i++) {
        keys[i] = wendi_plan_column(planner->arena, input, i);
        if (keys[i] == NULL) {
            return nomem(error);
        }
    }
    distinct->keys = keys;
    distinct->key_count = input->column_count;
    *plan_out = distinct;
    return WEND_OK;
}

/* The keys as written, then every output column that is not among them. */
static wend_status add_sort(wendi_planner *planner, wendi_sort_key *keys, uint32_t key_count,
                            uint32_t output_count, const wendi_plan **plan, wend_error *error)
{
    wendi_plan *sort = wendi_plan_new(planner->arena, WENDI_PLAN_SORT, *plan, output_count);

    if (sort == NULL) {
        return nomem(error);
    }
    for (uint32_t column = 0; column < output_count; column++) {
        bool named = false;
        for (uint32_t i = 0; i < key_count; i++) {
            named = named || keys[i].column == column;
        }
        if (!named) {
            keys[key_count++] = (wendi_sort_key){column, false, false};
        }
    }
    sort->sort_keys = keys;
    sort->sort_key_count = key_count;
    *plan = sort;
    return WEND_OK;
}

/* ---- LIMIT ---- */

static wend_status bind_count(wendi_planner *planner, const wendi_sql_expr *expr,
                              const char *clause, uint64_t *count, wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_plan_scope scope;
    const wendi_expr *bound = NULL;

    wendi_plan_scope_init(&scope, planner, NULL, NULL, (wendi_string){"", 0}, clause);
    WEND_TRY(wendi_bind(expr, &scope.scope, planner->arena, &bound, error));
    WEND_TRY(wendi_bind_cast(bound, wendi_type_of(WENDI_TYPE_BIGINT), WENDI_CAST_EXPLICIT,
                             scope.scope.session, planner->arena, &bound, error));
    const wendi_value *value = wendi_expr_value(bound);
    if (value == NULL) {
        WEND_TRY(
            wendi_fail_at(error, WEND_INVALID, expr->position, "%s must be a constant", clause));
        return status;
    }
    if (value->null) {
        return WEND_OK;
    }
    if (value->i64 < 0) {
        return wendi_fail_at(error, WEND_INVALID, expr->position, "%s must not be negative",
                             clause);
    }
    *count = (uint64_t)value->i64;
cleanup:
    return status;
}

static wend_status add_limit(wendi_planner *planner, const wendi_sql_select *select,
                             const wendi_plan **plan, wend_error *error)
{
    wend_status status = WEND_OK;

    if (select->limit == NULL && select->offset == NULL) {
        return WEND_OK;
    }
    wendi_plan *limit =
        wendi_plan_new(planner->arena, WENDI_PLAN_LIMIT, *plan, (*plan)->column_count);
    if (limit == NULL) {
        return nomem(error);
    }
    limit->limit = UINT64_MAX;
    if (select->limit != NULL) {
        WEND_TRY(bind_count(planner, select->limit, "LIMIT", &limit->limit, error));
    }
    if (select->offset != NULL) {
        WEND_TRY(bind_count(planner, select->offset, "OFFSET", &limit->offset, error));
    }
    *plan = limit;
cleanup:
    return status;
}

/* ---- the whole ---- */

static wend_status select_plain(wendi_planner *planner, const wendi_sql_select *select,
                                const wendi_plan_cte *ctes, const wendi_plan **plan_out,
                                wend_error *error)
{
    wend_status status = WEND_OK;
    select_binding binding = {.planner = planner, .select = select, .ctes = ctes};
    wendi_string qualifier;
    const wendi_expr *condition = NULL;
    bool in_set = planner->in_set;

    planner->in_set = false; /* What stands in FROM is complete in itself. */
    WEND_TRY(wendi_plan_from(planner, select->from, ctes, &binding.from, &qualifier, error));
    planner->in_set = in_set;
    wendi_plan_scope_init(&binding.input, planner, ctes, binding.from, qualifier, "WHERE");
    const wendi_plan *plan = binding.from;
    if (select->where != NULL) {
        WEND_TRY(wendi_bind_condition(select->where, &binding.input.scope, "WHERE", planner->arena,
                                      &condition, error));
        WEND_TRY(add_filter(planner, condition, &plan, error));
    }
    WEND_TRY(list_targets(&binding, error));
    WEND_TRY(bind_groups(&binding, error));
    WEND_TRY(bind_targets(&binding, error));
    condition = NULL;
    if (select->having != NULL) {
        WEND_TRY(wendi_bind_condition(select->having, &binding.output.scope, "HAVING",
                                      planner->arena, &condition, error));
    }
    WEND_TRY(bind_order(&binding, error));
    if (binding.aggregated) {
        WEND_TRY(add_aggregate(&binding, &plan, error));
    }
    if (condition != NULL) {
        WEND_TRY(add_filter(planner, condition, &plan, error));
    }
    WEND_TRY(add_project(&binding, &plan, error));
    if (select->distinct) {
        WEND_TRY(wendi_plan_distinct(planner, plan, &plan, error));
    }
    if (binding.sort_key_count > 0) {
        WEND_TRY(add_sort(planner, binding.sort_keys, binding.sort_key_count, binding.target_count,
                          &plan, error));
    }
    *plan_out = plan;
cleanup:
    return status;
}

/* ORDER BY behind a set operation or VALUES: names and ordinals of output columns only, as in
 * PostgreSQL. */
static wend_status order_outputs(wendi_planner *planner, const wendi_sql_select *select,
                                 const wendi_plan **plan, wend_error *error)
{
    wend_status status = WEND_OK;
    uint32_t columns = (*plan)->column_count;
    wendi_sort_key *keys =
        wendi_arena_alloc(planner->arena, (select->order_count + columns + 1) * sizeof *keys);

    if (keys == NULL) {
        return nomem(error);
    }
    for (uint32_t i = 0; i < select->order_count; i++) {
        const wendi_sql_order *order = &select->order_by[i];
        uint32_t column = columns;
        if (order->expr->kind == WENDI_SQL_INTEGER && order->expr->integer >= 1 &&
            order->expr->integer <= columns) {
            column = (uint32_t)order->expr->integer - 1;
        }
        for (uint32_t c = 0; c < columns && order->expr->kind == WENDI_SQL_COLUMN; c++) {
            column = wendi_string_equal((*plan)->columns[c].name, order->expr->text) ? c : column;
        }
        if (column == columns) {
            wendi_fail_at(
                error, WEND_INVALID, order->expr->position,
                "ORDER BY behind UNION, INTERSECT, EXCEPT or VALUES takes output columns only");
            wendi_error_hint(error, "Put the query in a subquery: SELECT * FROM (…) t ORDER BY ….");
            WEND_TRY(WEND_INVALID);
        }
        keys[i] = (wendi_sort_key){column, order->descending, order->nulls_first};
    }
    if (select->order_count > 0) {
        WEND_TRY(add_sort(planner, keys, select->order_count, columns, plan, error));
    }
cleanup:
    return status;
}

wend_status wendi_plan_select(wendi_planner *planner, const wendi_sql_select *select,
                              const wendi_plan_cte *ctes, const wendi_plan **plan_out,
                              wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_plan_cte *links =
        wendi_arena_alloc(planner->arena, (select->with_count + 1) * sizeof *links);

    if (links == NULL) {
        return nomem(error);
    }
    if (++planner->depth > WENDI_QUERY_DEPTH_MAX) {
        return wendi_fail_at(error, WEND_UNSUPPORTED, select->span.start,
                             "queries are nested more than %d deep", WENDI_QUERY_DEPTH_MAX);
    }
    for (uint32_t i = 0; i < select->with_count; i++) {
        links[i] = (wendi_plan_cte){ctes, &select->with[i]};
        ctes = &links[i];
    }
    if (select->kind == WENDI_SQL_SELECT_PLAIN) {
        WEND_TRY(select_plain(planner, select, ctes, plan_out, error));
    } else {
        WEND_TRY(select->kind == WENDI_SQL_SELECT_VALUES
                     ? wendi_plan_values(planner, select, ctes, plan_out, error)
                     : wendi_plan_set(planner, select, ctes, plan_out, error));
        WEND_TRY(order_outputs(planner, select, plan_out, error));
    }
    WEND_TRY(add_limit(planner, select, plan_out, error));
    planner->depth--;
cleanup:
    return status;
}

void wendi_planner_free(wendi_planner *planner)
{
    for (wendi_function_cell *cell = planner->functions; cell != NULL; cell = cell->next) {
        wendi_operator_close(cell->operator_of);
        cell->operator_of = NULL;
    }
}
