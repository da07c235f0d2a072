/* Arguments of behavioural functions: finding, binding and refusing them. */
#include "query/behaviour/behaviour_call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/sql/sql.h"

static const wendi_sql_call *call_of(const wendi_behaviour_call *base)
{
    return base->call->call;
}

static bool arg_is(const wendi_sql_call *call, uint32_t arg, const char *name)
{
    return call->arg_names != NULL &&
           wendi_string_equal(call->arg_names[arg], wendi_string_of(name));
}

const wendi_sql_expr *wendi_behaviour_option(wendi_behaviour_call *base, const char *name)
{
    const wendi_sql_call *call = call_of(base);
    for (uint32_t i = 1; i < call->arg_count; i++) {
        if (arg_is(call, i, name)) {
            base->asked[i] = 1;
            return call->args[i];
        }
    }
    return NULL;
}

const wendi_sql_expr *wendi_behaviour_numbered(wendi_behaviour_call *base, const char *prefix,
                                               uint32_t *number)
{
    const wendi_sql_call *call = call_of(base);
    size_t length = strlen(prefix);
    for (uint32_t i = 1; call->arg_names != NULL && i < call->arg_count; i++) {
        wendi_string name = call->arg_names[i];
        if (base->asked[i] || name.length <= length || name.length > length + 4 ||
            memcmp(name.data, prefix, length) != 0) {
            continue;
        }
        uint32_t value = 0;
        bool digits = true;
        for (uint32_t at = (uint32_t)length; at < name.length; at++) {
            digits = digits && name.data[at] >= '0' && name.data[at] <= '9';
            value = value * 10 + (uint32_t)(name.data[at] - '0');
        }
        if (digits) {
            base->asked[i] = 1;
            *number = value;
            return call->args[i];
        }
    }
    return NULL;
}

wend_status wendi_behaviour_end(wendi_behaviour_call *base, const char *usage, wend_error *error)
{
    const wendi_sql_call *call = call_of(base);
    for (uint32_t i = 1; i < call->arg_count; i++) {
        if (base->asked[i]) {
            continue;
        }
        bool named = call->arg_names != NULL && call->arg_names[i].length != 0;
        if (named) {
            wendi_fail_at(error, WEND_INVALID, call->args[i]->position,
                          "%.*s has no option \"%.*s\"", (int)call->name.length, call->name.data,
                          (int)call->arg_names[i].length, call->arg_names[i].data);
        } else {
            wendi_fail_at(error, WEND_INVALID, call->args[i]->position,
                          "%.*s takes no argument here", (int)call->name.length, call->name.data);
        }
        wendi_error_hint(error, "%s", usage);
        return WEND_INVALID;
    }
    return WEND_OK;
}

/* ---- constants ---- */

static wend_status constant_value(wendi_behaviour_call *base, const wendi_sql_expr *node,
                                  wendi_type type, const char *name, wendi_value *value,
                                  wend_error *error)
{
    wendi_scope no_columns = {.session = &base->session};
    const wendi_expr *expr;
    wend_status status = WEND_OK;
    WEND_TRY(wendi_bind(node, &no_columns, base->call->arena, &expr, error));
    const wendi_value *text = wendi_expr_value(expr);
    WEND_TRY(wendi_bind_cast(expr, type, WENDI_CAST_EXPLICIT, &base->session, base->call->arena,
                             &expr, error));
    const wendi_value *found = wendi_expr_value(expr);
    if (found == NULL && text != NULL && !text->null && text->type.kind == WENDI_TYPE_TEXT) {
        WEND_TRY(
            wendi_fail_at(error, WEND_INVALID, node->position, "%s cannot be \"%.*s\"", name,
                          (int)text->string.length,
                          text->string.data)); /* a constant, but none that its type can read */
    }
    if (found == NULL || found->null) {
        WEND_TRY(wendi_fail_at(error, WEND_INVALID, node->position, "%s must be a constant", name));
    }
    *value = *found;
cleanup:
    return status;
}

static wend_status time_option(wendi_behaviour_call *base, const char *name, bool *given,
                               int64_t *us, wend_error *error)
{
    const wendi_sql_expr *node = wendi_behaviour_option(base, name);
    wendi_value value;
    *given = node != NULL;
    if (node == NULL) {
        return WEND_OK;
    }
    wend_status status =
        constant_value(base, node, wendi_type_of(WENDI_TYPE_TIMESTAMPTZ), name, &value, error);
    *us = status == WEND_OK ? value.i64 : 0;
    return status;
}

static wend_status zone_option(wendi_behaviour_call *base, wend_error *error)
{
    const wendi_sql_expr *node = wendi_behaviour_option(base, "tz");
    wendi_value value;
    if (node == NULL) {
        return WEND_OK;
    }
    wend_status status =
        constant_value(base, node, wendi_type_of(WENDI_TYPE_TEXT), "tz", &value, error);
    if (status == WEND_OK) {
        status = wendi_timezone_find(value.string, &base->session.zone, error);
        if (status != WEND_OK && error != NULL) {
            error->position = node->position;
        }
    }
    return status;
}

wend_status wendi_behaviour_word(wendi_behaviour_call *base, const char *name,
                                 const char *const *words, uint32_t *index, wend_error *error)
{
    const wendi_sql_expr *node = wendi_behaviour_option(base, name);
    wendi_value value;
    wendi_buffer list = {0};
    if (node == NULL) {
        return WEND_OK;
    }
    wend_status status =
        constant_value(base, node, wendi_type_of(WENDI_TYPE_TEXT), name, &value, error);
    if (status != WEND_OK) {
        return status;
    }
    for (uint32_t i = 0; words[i] != NULL; i++) {
        if (wendi_string_equal(value.string, wendi_string_of(words[i]))) {
            *index = i;
            wendi_buffer_free(&list);
            return WEND_OK;
        }
        (void)wendi_buffer_printf(&list, "%s'%s'", i == 0 ? "" : ", ", words[i]);
    }
    wendi_fail_at(error, WEND_INVALID, node->position, "%s cannot be '%.*s'", name,
                  (int)value.string.length, value.string.data);
    wendi_error_hint(error, "it is one of %.*s", (int)list.length, (const char *)list.data);
    wendi_buffer_free(&list);
    return WEND_INVALID;
}

wend_status wendi_behaviour_boolean(wendi_behaviour_call *base, const char *name, bool *out,
                                    wend_error *error)
{
    const wendi_sql_expr *node = wendi_behaviour_option(base, name);
    wendi_value value;
    if (node == NULL) {
        return WEND_OK;
    }
    wend_status status =
        constant_value(base, node, wendi_type_of(WENDI_TYPE_BOOLEAN), name, &value, error);
    *out = status == WEND_OK ? value.i64 != 0 : *out;
    return status;
}

wend_status wendi_behaviour_integer(wendi_behaviour_call *base, const char *name, int64_t min,
                                    int64_t max, int64_t *out, wend_error *error)
{
    const wendi_sql_expr *node = wendi_behaviour_option(base, name);
    wendi_value value;
    if (node == NULL) {
        return WEND_OK;
    }
    wend_status status =
        constant_value(base, node, wendi_type_of(WENDI_TYPE_BIGINT), name, &value, error);
    if (status == WEND_OK && (value.i64 < min || value.i64 > max)) {
        status =
            wendi_fail_at(error, WEND_INVALID, node->position, "%s must lie between %lld and %lld",
                          name, (long long)min, (long long)max);
    }
    *out = status == WEND_OK ? value.i64 : *out;
    return status;
}

wend_status wendi_behaviour_interval(wendi_behaviour_call *base, const char *name, int64_t *out,
                                     bool *given, wend_error *error)
{
    const wendi_sql_expr *node = wendi_behaviour_option(base, name);
    wendi_value value;
    *given = node != NULL;
    if (node == NULL) {
        return WEND_OK;
    }
    wend_status status =
        constant_value(base, node, wendi_type_of(WENDI_TYPE_INTERVAL), name, &value, error);
    if (status != WEND_OK) {
        return status;
    }
    wendi_int128 us = wendi_interval_us(value.interval);
    if (value.interval.months != 0 || us < 0 || us > INT64_MAX) {
        wendi_fail_at(error, WEND_INVALID, node->position,
                      "%s must be a length of time that is not negative and has no months", name);
        wendi_error_hint(error, "write interval '30 days' instead of interval '1 month'");
        return WEND_INVALID;
    }
    *out = (int64_t)us;
    return WEND_OK;
}

/* ---- expressions ---- */

wend_status wendi_behaviour_flag(wendi_behaviour_call *base, const wendi_sql_expr *node,
                                 const char *clause, uint32_t *flag, wend_error *error)
{
    if (base->flag_count == WENDI_BEHAVIOUR_EXPRESSIONS_MAX) {
        return wendi_fail_at(error, WEND_INVALID, node->position, "more than %d predicates",
                             WENDI_BEHAVIOUR_EXPRESSIONS_MAX);
    }
    wend_status status = wendi_bind_condition(node, &base->scope.scope, clause, base->call->arena,
                                              &base->flags[base->flag_count], error);
    *flag = base->flag_count;
    base->flag_count += status == WEND_OK;
    return status;
}

wend_status wendi_behaviour_optional_flag(wendi_behaviour_call *base, const char *name,
                                          uint32_t *flag, wend_error *error)
{
    const wendi_sql_expr *node = wendi_behaviour_option(base, name);
    *flag = 0xffffffffu;
    return node == NULL ? WEND_OK : wendi_behaviour_flag(base, node, name, flag, error);
}

wend_status wendi_behaviour_flag_of(wendi_behaviour_call *base, const wendi_expr *predicate,
                                    uint32_t *flag, wend_error *error)
{
    if (base->flag_count == WENDI_BEHAVIOUR_EXPRESSIONS_MAX) {
        return wendi_fail(error, WEND_INVALID, "more than %d predicates",
                          WENDI_BEHAVIOUR_EXPRESSIONS_MAX);
    }
    *flag = base->flag_count;
    base->flags[base->flag_count++] = predicate;
    return WEND_OK;
}

wend_status wendi_behaviour_node(wendi_behaviour_call *base, uint32_t *cell, wend_error *error)
{
    const wendi_sql_expr *node = wendi_behaviour_option(base, "node");
    *cell = 0xffffffffu;
    if (node != NULL) {
        return wendi_behaviour_cell(base, node, cell, error);
    }
    if (base->schema->event_column == WENDI_NO_COLUMN) {
        return WEND_OK;
    }
    uint32_t slot = wendi_table_scope_slot(&base->scope, base->schema->event_column);
    const wendi_expr *column = wendi_expr_column(
        base->call->arena, slot, base->schema->columns[base->schema->event_column].type);
    return column == NULL ? wendi_fail_nomem(error, "a node", 0)
                          : wendi_behaviour_cell_of(base, column, cell, error);
}

wend_status wendi_behaviour_no_positional(const wendi_behaviour_call *base, const char *usage,
                                          wend_error *error)
{
    if (base->positional_count == 0) {
        return WEND_OK;
    }
    wendi_fail_at(error, WEND_INVALID, base->positional[0]->position,
                  "%.*s takes no argument without a name behind the table",
                  (int)call_of(base)->name.length, call_of(base)->name.data);
    wendi_error_hint(error, "%s", usage);
    return WEND_INVALID;
}

wend_status wendi_behaviour_cell_of(wendi_behaviour_call *base, const wendi_expr *expr,
                                    uint32_t *cell, wend_error *error)
{
    for (uint32_t i = 0; i < base->cell_count; i++) {
        if (wendi_expr_equal(base->cells[i], expr)) {
            *cell = i;
            return WEND_OK;
        }
    }
    if (base->cell_count == WENDI_BEHAVIOUR_EXPRESSIONS_MAX) {
        return wendi_fail(error, WEND_INVALID, "more than %d expressions",
                          WENDI_BEHAVIOUR_EXPRESSIONS_MAX);
    }
    *cell = base->cell_count;
    base->cells[base->cell_count++] = expr;
    return WEND_OK;
}

wend_status wendi_behaviour_cell(wendi_behaviour_call *base, const wendi_sql_expr *node,
                                 uint32_t *cell, wend_error *error)
{
    const wendi_expr *expr;
    wend_status status = wendi_bind(node, &base->scope.scope, base->call->arena, &expr, error);
    return status == WEND_OK ? wendi_behaviour_cell_of(base, expr, cell, error) : status;
}

/* ---- begin ---- */

static wend_status find_table(wendi_behaviour_call *base, wend_error *error)
{
    const wendi_sql_call *call = call_of(base);
    const wendi_sql_expr *table = call->arg_count > 0 ? call->args[0] : NULL;
    bool named = call->arg_names != NULL && call->arg_count > 0 && call->arg_names[0].length != 0;
    if (table == NULL || named || table->kind != WENDI_SQL_COLUMN || table->qualifier.length != 0) {
        wendi_fail_at(error, WEND_INVALID, table != NULL ? table->position : base->call->position,
                      "%.*s wants the name of a table as its first argument",
                      (int)call->name.length, call->name.data);
        wendi_error_hint(error, "for example: select * from %.*s(events, …)",
                         (int)call->name.length, call->name.data);
        return WEND_INVALID;
    }
    wend_status status =
        wendi_query_snapshot(base->call->context, table->text, &base->snapshot, error);
    if (status != WEND_OK) {
        if (error != NULL) {
            error->position = table->position;
        }
        return status;
    }
    base->schema = wendi_snapshot_schema(base->snapshot);
    return wendi_table_scope_init(&base->scope, base->call->context, base->schema, table->text,
                                  base->call->arena, error);
}

static void list_positional(wendi_behaviour_call *base)
{
    const wendi_sql_call *call = call_of(base);
    for (uint32_t i = 1; i < call->arg_count; i++) {
        if (call->arg_names == NULL || call->arg_names[i].length == 0) {
            base->asked[i] = 1;
            base->positional[base->positional_count++] = call->args[i];
        }
    }
}

wend_status wendi_behaviour_begin(const wendi_table_call *call, wendi_behaviour_call **base_out,
                                  wend_error *error)
{
    uint32_t args = call->call->arg_count;
    wend_status status = WEND_OK;
    wendi_behaviour_call *base = wendi_arena_alloc_zero(call->arena, sizeof *base);
    if (base == NULL || (base->asked = wendi_arena_alloc_zero(call->arena, args + 1u)) == NULL ||
        (base->positional =
             wendi_arena_alloc_zero(call->arena, (args + 1u) * sizeof *base->positional)) == NULL) {
        return wendi_fail_nomem(error, "a table function", sizeof *base);
    }
    wendi_table_call *kept = wendi_arena_alloc(call->arena, sizeof *kept);
    if (kept == NULL) {
        return wendi_fail_nomem(error, "a table function", sizeof *kept);
    }
    *kept = *call;
    base->call = kept;
    base->session = call->context->session;
    WEND_TRY(find_table(base, error));
    WEND_TRY(zone_option(base, error));
    base->scope.scope.session = &base->session;
    list_positional(base);
    WEND_TRY(time_option(base, "since", &base->has_since, &base->since_us, error));
    WEND_TRY(time_option(base, "until", &base->has_until, &base->until_us, error));
    WEND_TRY(time_option(base, "as_of", &base->has_as_of, &base->as_of_us, error));
    const wendi_sql_expr *filter = wendi_behaviour_option(base, "filter");
    if (filter != NULL) {
        WEND_TRY(wendi_bind_condition(filter, &base->scope.scope, "filter", call->arena,
                                      &base->filter, error));
    }
    const wendi_sql_expr *by = wendi_behaviour_option(base, "by");
    if (by != NULL) {
        WEND_TRY(wendi_bind(by, &base->scope.scope, call->arena, &base->by, error));
    }
    *base_out = base;
cleanup:
    return status;
}

/* ---- the stream ---- */

wend_status wendi_behaviour_stream(wendi_behaviour_call *base, wendi_user_stream **stream_out,
                                   wend_error *error)
{
    wendi_user_stream_options options = {.snapshot = base->snapshot,
                                         .scope = &base->scope,
                                         .filter = base->filter,
                                         .flags = base->flags,
                                         .flag_count = base->flag_count,
                                         .cells = base->cells,
                                         .cell_count = base->cell_count};
    return wendi_user_stream_open(base->call->context, &options, stream_out, error);
}

int64_t wendi_behaviour_as_of(const wendi_behaviour_call *base, const wendi_user_stream *stream)
{
    int64_t committed = wendi_snapshot_state(base->snapshot)->commit_us;
    int64_t newest = wendi_user_stream_newest(stream);
    return base->has_as_of ? base->as_of_us : newest < committed ? newest : committed;
}

wend_status wendi_behaviour_notes(const wendi_behaviour_call *base, const wendi_user_stream *stream,
                                  wend_error *error)
{
    const wendi_schema *schema = base->schema;
    uint64_t users = wendi_user_stream_null_users(stream);
    uint64_t times = wendi_user_stream_null_times(stream);
    wend_status status = WEND_OK;
    if (users != 0) {
        wendi_string name = schema->columns[schema->user_column].name;
        WEND_TRY(wendi_query_note(base->call->context, error, "%llu row%s without %.*s left out",
                                  (unsigned long long)users, users == 1 ? "" : "s",
                                  (int)name.length, name.data));
    }
    if (times != 0) {
        wendi_string name = schema->columns[schema->time_column].name;
        WEND_TRY(wendi_query_note(base->call->context, error, "%llu row%s without %.*s left out",
                                  (unsigned long long)times, times == 1 ? "" : "s",
                                  (int)name.length, name.data));
    }
cleanup:
    return status;
}
