/* The shared operator, its row writer, and the session options that several functions take. */
#include "query/behaviour/behaviour_operator.h"

#include <stdio.h>
#include <string.h>

#include "engine/base/alloc.h"

wend_status wendi_behaviour_operator_open(const wendi_operator_class *class_of,
                                          wendi_behaviour_call *call, void *plan,
                                          wend_status (*compute)(wendi_behaviour_operator *self,
                                                                 wend_error *error),
                                          const wendi_result_column *columns, uint32_t column_count,
                                          wendi_operator **operator_out, wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_arena *arena = call->call->arena;
    wendi_behaviour_operator *self = wendi_alloc_zero(1, sizeof *self);
    wendi_output_column *outputs = wendi_arena_alloc_zero(arena, column_count * sizeof *outputs);
    wendi_type *types = wendi_arena_alloc_zero(arena, column_count * sizeof *types);
    if (self == NULL || outputs == NULL || types == NULL) {
        wendi_free(self);
        return wendi_fail_nomem(error, "a table function", sizeof *self);
    }
    for (uint32_t i = 0; i < column_count; i++) {
        const char *name = wendi_arena_copy(arena, columns[i].name, strlen(columns[i].name));
        if (name == NULL) {
            WEND_TRY(wendi_fail_nomem(error, "a table function", strlen(columns[i].name)));
        }
        outputs[i] = (wendi_output_column){.name = wendi_string_of(name), .type = columns[i].type};
        types[i] = columns[i].type;
    }
    self->head = (wendi_operator){.class_of = class_of,
                                  .context = call->call->context,
                                  .columns = outputs,
                                  .column_count = column_count};
    self->call = call;
    self->plan = plan;
    self->compute = compute;
    WEND_TRY(wendi_rows_init(&self->rows, call->call->context, "a table function's result", types,
                             column_count, error));
    *operator_out = &self->head;
    self = NULL;
cleanup:
    wendi_free(self);
    return status;
}

wend_status wendi_behaviour_user_column(const wendi_behaviour_call *base,
                                        wendi_result_column *column, wend_error *error)
{
    if (base->schema->user_column == WENDI_NO_COLUMN) {
        wendi_fail_at(error, WEND_INVALID, base->call->position, "the table has no user column");
        wendi_error_hint(error, "create it with WITH (user_column = '…')");
        return WEND_INVALID;
    }
    const wendi_column *user = &base->schema->columns[base->schema->user_column];
    column->type = user->type;
    column->name = wendi_arena_copy(base->call->arena, user->name.data, user->name.length);
    return column->name == NULL ? wendi_fail_nomem(error, "a column's name", user->name.length)
                                : WEND_OK;
}

wend_status wendi_behaviour_next(wendi_operator *head, wendi_batch *batch, wend_error *error)
{
    wendi_behaviour_operator *self = (wendi_behaviour_operator *)head;
    if (!self->computed) {
        wend_status status = self->compute(self, error);
        if (status != WEND_OK) {
            return status;
        }
        self->computed = true;
    }
    uint32_t left = self->rows.row_count - self->given;
    if (left == 0) {
        return WEND_END;
    }
    batch->row_count = left < WENDI_PAGE_ROWS ? left : WENDI_PAGE_ROWS;
    batch->column_count = head->column_count;
    wendi_rows_view(&self->rows, self->given, batch->row_count, batch->columns, head->column_count);
    self->given += batch->row_count;
    return WEND_OK;
}

void wendi_behaviour_close(wendi_operator *head)
{
    wendi_behaviour_operator *self = (wendi_behaviour_operator *)head;
    wendi_rows_free(&self->rows);
    wendi_free(self);
}

/* ---- writing rows ---- */

wendi_row_writer wendi_begin_row(wendi_rows *rows, wend_error *error)
{
    return (wendi_row_writer){
        .rows = rows, .status = wendi_rows_reserve(rows, 1, error), .error = error};
}

void wendi_put(wendi_row_writer *writer, const wendi_value *value)
{
    if (writer->status == WEND_OK) {
        wendi_value typed = *value;
        typed.type = writer->rows->columns[writer->column].type;
        writer->status = wendi_rows_set(writer->rows, writer->rows->row_count, writer->column,
                                        &typed, writer->error);
    }
    writer->column++;
}

void wendi_put_bigint(wendi_row_writer *writer, int64_t number)
{
    wendi_value value = {.i64 = number};
    wendi_put(writer, &value);
}

void wendi_put_double(wendi_row_writer *writer, double number)
{
    wendi_value value = {.f64 = number};
    wendi_put(writer, &value);
}

void wendi_put_null(wendi_row_writer *writer)
{
    wendi_value value = {.null = true};
    wendi_put(writer, &value);
}

void wendi_put_text(wendi_row_writer *writer, wendi_string text)
{
    wendi_value value = {.string = text};
    wendi_put(writer, &value);
}

wend_status wendi_end_row(wendi_row_writer *writer)
{
    if (writer->status == WEND_OK) {
        WEND_REQUIRE(writer->column == writer->rows->column_count);
        writer->rows->row_count++;
    }
    return writer->status;
}

/* ---- session options ---- */

wend_status wendi_behaviour_sessions(wendi_behaviour_call *base, const char *prefix,
                                     wendi_session_rule *rule, wend_error *error)
{
    static const char *const splits[] = {"none", "day", NULL};
    bool own = prefix[0] == '\0'; /* sessions() calls them gap, session_key, split, split_on */
    bool given;
    uint32_t split = 0;
    wend_status status = WEND_OK;
    *rule = (wendi_session_rule){
        .gap_us = WENDI_SESSION_GAP_US, .key_cell = WENDI_NO_CELL, .value_cell = WENDI_NO_CELL};
    WEND_TRY(
        wendi_behaviour_interval(base, own ? "gap" : "session_gap", &rule->gap_us, &given, error));
    const wendi_sql_expr *key = wendi_behaviour_option(base, "session_key");
    if (key != NULL) {
        WEND_TRY(wendi_behaviour_cell(base, key, &rule->key_cell, error));
    }
    rule->use_gap = given || key == NULL;
    const wendi_sql_expr *on = wendi_behaviour_option(base, "split_on");
    if (on != NULL) {
        WEND_TRY(wendi_behaviour_cell(base, on, &rule->value_cell, error));
    }
    WEND_TRY(wendi_behaviour_word(base, "split", splits, &split, error));
    rule->day_zone = split == 1 ? base->session.zone : NULL;
cleanup:
    return status;
}

/* ---- keys ---- */

enum { KEY_PARTS_MAX = 8 };

wend_status wendi_keys_number(wendi_keys *keys, const uint64_t *parts, uint32_t part_count,
                              uint32_t *number, wend_error *error)
{
    uint8_t bytes[KEY_PARTS_MAX * 8];
    uint32_t code;
    for (uint32_t i = 0; i < part_count; i++) {
        wendi_store_u64(bytes + (size_t)i * 8, parts[i]);
    }
    wend_status status = wendi_interner_code(
        &keys->interner, (wendi_string){(const char *)bytes, part_count * 8}, &code);
    *number = code - 1;
    return status == WEND_OK
               ? WEND_OK
               : wendi_fail_nomem(error, "groups of a table function", keys->interner.bytes.length);
}

uint32_t wendi_keys_count(const wendi_keys *keys)
{
    return keys->interner.entry_count == 0 ? 0 : keys->interner.entry_count - 1;
}

uint64_t wendi_keys_part(const wendi_keys *keys, uint32_t number, uint32_t part)
{
    return wendi_load_u64(wendi_interner_at(&keys->interner, number + 1).data + (size_t)part * 8);
}

void wendi_keys_free(wendi_keys *keys)
{
    wendi_interner_free(&keys->interner);
}
