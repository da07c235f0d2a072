/** CHECK and GENERATED: binding them against a schema, and judging batches by them. */
#include "engine/expr/schema_rules.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/expr/binder.h"
#include "engine/sql/sql.h"

enum { NO_GENERATED = 0xffffffffu };

/** What names mean while one rule is bound. */
typedef struct rule_scope {
    const wendi_schema *schema;
    uint32_t generated; /* position of the column being generated, or NO_GENERATED in a CHECK */
} rule_scope;

static wend_status resolve(void *context, wendi_string qualifier, wendi_string name, int32_t position, uint32_t *slot,
                           wendi_type *type, wend_error *error)
{
    const rule_scope *scope = context;
    const wendi_schema *schema = scope->schema;
    uint32_t at = wendi_schema_find(schema, name);

    if (qualifier.length > 0 && !wendi_string_equal(qualifier, schema->table_name)) {
        return wendi_fail_at(error, WEND_NOT_FOUND, position, "missing FROM-clause entry for table \"%.*s\"",
                             (int)qualifier.length, qualifier.data);
    }
    if (at == WENDI_NO_COLUMN) {
        return wendi_fail_at(error, WEND_NOT_FOUND, position, "column \"%.*s\" does not exist", (int)name.length, name.data);
    }
    bool generated = schema->columns[at].origin == WENDI_ORIGIN_GENERATED;
    if (scope->generated != NO_GENERATED && generated && at >= scope->generated) {
        wend_status status = wendi_fail_at(error, WEND_INVALID, position,
                                           "cannot use generated column \"%.*s\" in the expression of \"%.*s\"", (int)name.length,
                                           name.data, (int)schema->columns[scope->generated].name.length,
                                           schema->columns[scope->generated].name.data);
        wendi_error_hint(error, "a generated column may use stored columns and generated columns that stand before it");
        return status;
    }
    *slot = at;
    *type = schema->columns[at].type;
    return WEND_OK;
}

/** Name the rule in the message, and show its text, which the position counts in. */
static wend_status in_rule(wend_status status, const char *what, wendi_string name, wendi_string text, wend_error *error)
{
    if (status != WEND_OK && error != NULL) {
        char hint[WEND_ERROR_HINT_BYTES];
        snprintf(hint, sizeof hint, "%s", error->hint);
        wendi_error_context(error, "%s %.*s", what, (int)name.length, name.data);
        wendi_error_hint(error, "the rule is: %.*s%s%s", (int)(text.length > 200 ? 200 : text.length), text.data,
                         hint[0] == '\0' ? "" : "; ", hint);
    }
    return status;
}

static wend_status refuse_now(const wendi_expr *expr, const char *what, wend_error *error)
{
    if ((expr->flags & WENDI_EXPR_NOW) == 0) {
        return WEND_OK;
    }
    wend_status status = wendi_fail_at(error, WEND_INVALID, expr->position, "%s expression is not immutable", what);
    wendi_error_hint(error, "now() and its kin would give another answer later; use the row's own columns");
    return status;
}

static wend_status bind_check(wendi_schema_rules *rules, wendi_string text, const wendi_scope *scope,
                              const wendi_expr **expr_out, wend_error *error)
{
    const wendi_sql_expr *tree;
    wend_status status = WEND_OK;

    WEND_TRY(wendi_sql_parse_expression(text.data, text.length, &rules->arena, &tree, error));
    WEND_TRY(wendi_bind_condition(tree, scope, "CHECK", &rules->arena, expr_out, error));
    WEND_TRY(refuse_now(*expr_out, "CHECK", error));
cleanup:
    return status;
}

static wend_status bind_generated(wendi_schema_rules *rules, const wendi_column *column, const wendi_scope *scope,
                                  const wendi_expr **expr_out, wend_error *error)
{
    const wendi_sql_expr *tree;
    const wendi_expr *bound;
    wend_status status = WEND_OK;

    WEND_TRY(wendi_sql_parse_expression(column->generated.data, column->generated.length, &rules->arena, &tree, error));
    WEND_TRY(wendi_bind(tree, scope, &rules->arena, &bound, error));
    WEND_TRY(refuse_now(bound, "generation", error));
    WEND_TRY(wendi_bind_cast(bound, column->type, WENDI_CAST_ASSIGNMENT, &rules->session, &rules->arena, expr_out, error));
cleanup:
    return status;
}

static wend_status bind_all(wendi_schema_rules *rules, wend_error *error)
{
    const wendi_schema *schema = rules->schema;
    rule_scope context = {schema, NO_GENERATED};
    wendi_scope scope = {.context = &context, .column = resolve, .session = &rules->session};

    for (uint32_t i = 0; i < schema->column_count; i++) {
        const wendi_column *column = &schema->columns[i];
        if (column->origin != WENDI_ORIGIN_GENERATED) {
            continue;
        }
        context.generated = i;
        wend_status status = bind_generated(rules, column, &scope, &rules->generated[i], error);
        if (status != WEND_OK) {
            return in_rule(status, "generated column", column->name, column->generated, error);
        }
        rules->generated_count++;
    }
    context.generated = NO_GENERATED;
    for (uint32_t i = 0; i < schema->check_count; i++) {
        const wendi_check *check = &schema->checks[i];
        wend_status status = bind_check(rules, check->expression, &scope, &rules->checks[i], error);
        if (status != WEND_OK) {
            return in_rule(status, "check", check->name, check->expression, error);
        }
    }
    return WEND_OK;
}

wend_status wendi_schema_rules_open(const wendi_schema *schema, wendi_schema_rules **rules_out, wend_error *error)
{
    wendi_schema_rules *rules = wendi_alloc_zero(1, sizeof *rules);
    wend_status status = WEND_OK;

    *rules_out = NULL;
    if (rules == NULL) {
        return wendi_fail_nomem(error, "schema rules", sizeof *rules);
    }
    wendi_arena_init(&rules->arena, 4096);
    rules->schema = schema;
    rules->session = (wendi_session){wendi_timezone_utc(), 0};
    rules->checks = wendi_arena_alloc_zero(&rules->arena, (schema->check_count + 1) * sizeof(*rules->checks));
    rules->generated = wendi_arena_alloc_zero(&rules->arena, (schema->column_count + 1) * sizeof(*rules->generated));
    if (rules->checks == NULL || rules->generated == NULL) {
        status = wendi_fail_nomem(error, "schema rules", schema->column_count * sizeof(*rules->generated));
        goto cleanup;
    }
    WEND_TRY(bind_all(rules, error));
    *rules_out = rules;
    rules = NULL;
cleanup:
    wendi_schema_rules_close(rules);
    return status;
}

void wendi_schema_rules_close(wendi_schema_rules *rules)
{
    if (rules != NULL) {
        wendi_arena_free(&rules->arena);
        wendi_free(rules);
    }
}

/** One application: what all its steps share. */
typedef struct application {
    const wendi_schema_rules *rules;
    wendi_evaluator *evaluator;
    wendi_batch *batch;
    uint32_t *failed_check;
    void (*row_errors)(void *context, uint32_t row, const char *reason);
    void *context;
    wend_error *error;
} application;

static void row_failed(const application *at, uint32_t row, uint32_t rule, const char *reason)
{
    at->failed_check[row] = rule;
    if (at->row_errors != NULL) {
        at->row_errors(at->context, row, reason);
    }
}

/** Rows of `indices` without a failure so far, in place; their number. */
static uint32_t keep_passing(const application *at, uint32_t *indices, uint32_t count)
{
    uint32_t kept = 0;

    for (uint32_t k = 0; k < count; k++) {
        uint32_t row = indices[k];
        indices[kept] = row;
        kept += at->failed_check[row] == WENDI_CHECK_PASSED;
    }
    return kept;
}

/** Is it the row's fault, and not memory's? */
static bool row_fault(wend_status status)
{
    return status == WEND_INVALID || status == WEND_UNSUPPORTED || status == WEND_NOT_FOUND;
}

/** Mark the rows that cannot be computed: a range that fails is halved until one row is left. */
static wend_status find_failing(const application *at, const wendi_expr *expr, const uint32_t *indices, uint32_t count,
                                uint32_t rule)
{
    wendi_selection rows = {indices, count};
    wendi_vector ignored;
    wend_error reason;

    if (count == 0) {
        return WEND_OK;
    }
    wend_status status = wendi_evaluate(at->evaluator, expr, at->batch, &rows, &ignored, &reason);
    if (status == WEND_OK) {
        return WEND_OK;
    }
    if (!row_fault(status)) {
        return wendi_fail(at->error, status, "%s", reason.message);
    }
    if (count == 1) {
        row_failed(at, indices[0], rule, reason.message);
        return WEND_OK;
    }
    status = find_failing(at, expr, indices, count / 2, rule);
    return status != WEND_OK ? status : find_failing(at, expr, indices + count / 2, count - count / 2, rule);
}

/** Compute a rule for the rows that pass so far; those that cannot be computed fail and drop out. */
static wend_status compute_rule(const application *at, const wendi_expr *expr, uint32_t rule, uint32_t *indices,
                                uint32_t *count, wendi_vector *out)
{
    wendi_selection rows = {indices, *count};
    bool all = *count == at->batch->row_count;
    wend_status status = wendi_evaluate(at->evaluator, expr, at->batch, all ? NULL : &rows, out, NULL);

    if (!row_fault(status)) {
        return status == WEND_OK ? WEND_OK : wendi_fail_nomem(at->error, "schema rules", 0);
    }
    status = find_failing(at, expr, indices, *count, rule);
    if (status != WEND_OK) {
        return status;
    }
    *count = keep_passing(at, indices, *count);
    rows.count = *count;
    return wendi_evaluate(at->evaluator, expr, at->batch, &rows, out, at->error);
}

/** CASE WHEN the row passes THEN value END: a vector that is defined, and null, at failing rows too. */
static wend_status complete_vector(const application *at, uint32_t count, wendi_vector *vector)
{
    uint32_t row_count = at->batch->row_count;

    if (count == row_count || vector->form == WENDI_FORM_CONSTANT) {
        return WEND_OK;
    }
    wend_status status = wendi_evaluator_widen(at->evaluator, vector, at->failed_check, row_count, at->error);
    return status;
}

static wend_status apply_generated(const application *at, uint32_t *indices, uint32_t *count)
{
    const wendi_schema *schema = at->rules->schema;
    wend_status status = WEND_OK;

    for (uint32_t i = 0; i < schema->column_count; i++) {
        const wendi_expr *expr = at->rules->generated[i];
        wendi_vector computed;
        if (expr == NULL) {
            continue;
        }
        WEND_TRY(compute_rule(at, expr, schema->check_count + i, indices, count, &computed));
        WEND_TRY(complete_vector(at, *count, &computed));
        computed.type = schema->columns[i].type;
        at->batch->columns[i] = computed;
    }
cleanup:
    return status;
}

/* Whether any of the batch's rows fails: nearly always none does, and then no row has to be looked at by itself. */
static bool any_fails(const wendi_vector *passed, uint32_t row_count)
{
    uint32_t failing = 0;
    if (passed->form != WENDI_FORM_FLAT) {
        return true; /* to be looked at */
    }
    if (passed->nulls == NULL) {
        for (uint32_t row = 0; row < row_count; row++) {
            failing += passed->i64[row] == 0;
        }
    } else {
        for (uint32_t row = 0; row < row_count; row++) {
            failing += (passed->i64[row] == 0) & (passed->nulls[row] == 0);
        }
    }
    return failing != 0;
}

static wend_status apply_checks(const application *at, uint32_t *indices, uint32_t *count)
{
    const wendi_schema_rules *rules = at->rules;
    wend_status status = WEND_OK;

    for (uint32_t i = 0; i < rules->schema->check_count && *count > 0; i++) {
        wendi_vector passed;
        WEND_TRY(compute_rule(at, rules->checks[i], i, indices, count, &passed));
        if (*count == at->batch->row_count && !any_fails(&passed, *count)) {
            continue;
        }
        for (uint32_t k = 0; k < *count; k++) {
            uint32_t row = indices[k];
            bool no = !wendi_vector_is_null(&passed, row) && passed.i64[wendi_vector_index(&passed, row)] == 0;
            if (no) {
                at->failed_check[row] = i;
            }
        }
        *count = keep_passing(at, indices, *count);
    }
cleanup:
    return status;
}

wend_status wendi_schema_rules_apply(const wendi_schema_rules *rules, wendi_evaluator *evaluator, wendi_batch *batch,
                                     uint32_t *failed_check,
                                     void (*row_errors)(void *context, uint32_t row, const char *reason),
                                     void *context, wend_error *error)
{
    application at = {rules, evaluator, batch, failed_check, row_errors, context, error};
    wend_status status = WEND_OK;
    uint32_t count = batch->row_count;
    uint32_t *indices = wendi_alloc(count * sizeof *indices);

    assert(batch->column_count == rules->schema->column_count);
    if (indices == NULL) {
        return wendi_fail_nomem(error, "rows", count * sizeof *indices);
    }
    for (uint32_t row = 0; row < count; row++) {
        failed_check[row] = WENDI_CHECK_PASSED;
        indices[row] = row;
    }
    /* Batches come from builders whose dictionaries change in place: nothing may be remembered of them. */
    wendi_evaluator_forget(evaluator);
    bool before = wendi_evaluator_set_transient(evaluator, true);
    status = apply_generated(&at, indices, &count);
    if (status == WEND_OK) {
        status = apply_checks(&at, indices, &count);
    }
    wendi_evaluator_set_transient(evaluator, before);
    wendi_free(indices);
    return status;
}
