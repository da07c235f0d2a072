/*
 * The top of a pipe that is pulled: dense batches of its outputs. Text columns that a table keeps
 * in dictionaries stay codes, so that exports need not touch the strings.
 */
#include <assert.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "query/operators.h"

/** Room for one output column of a gathered batch. */
typedef struct project_buffer {
    uint8_t *nulls;
    void *data;
    wendi_dictionary *kept; /* of a constant: found once a row group */
    uint32_t kept_code;
} project_buffer;

typedef struct project_operator {
    wendi_operator head;
    wendi_pipe *pipe;
    project_buffer *buffers;
} project_operator;

static void project_close(wendi_operator *self)
{
    project_operator *project = (project_operator *)self;

    for (uint32_t i = 0; project->buffers != NULL && i < self->column_count; i++) {
        wendi_free(project->buffers[i].nulls);
        wendi_free(project->buffers[i].data);
    }
    wendi_free(project->buffers);
    wendi_pipe_close(project->pipe);
    wendi_free(project);
}

static wend_status buffer_room(project_buffer *buffer, wend_error *error)
{
    if (buffer->data == NULL) {
        buffer->data = wendi_alloc_aligned(64, WENDI_PAGE_ROWS * sizeof(wendi_b16) + 64);
        buffer->nulls = wendi_alloc_aligned(64, WENDI_PAGE_ROWS + 64);
    }
    return buffer->data == NULL || buffer->nulls == NULL
               ? wendi_fail_nomem(error, "a batch", WENDI_PAGE_ROWS * sizeof(wendi_b16))
               : WEND_OK;
}

/* Move the selected rows of a vector together. */
static wend_status gather(project_buffer *buffer, const wendi_vector *from,
                          const wendi_selection *selection, wendi_vector *to, wend_error *error)
{
    wend_status status = WEND_OK;
    uint32_t count = selection->count;
    const uint32_t *indices = selection->indices;

    *to = *from;
    to->row_count = count;
    if (from->form == WENDI_FORM_CONSTANT) {
        return WEND_OK;
    }
    WEND_TRY(buffer_room(buffer, error));
    to->data = buffer->data;
    if (from->form == WENDI_FORM_DICTIONARY) {
        uint32_t *codes = buffer->data;
        for (uint32_t i = 0; i < count; i++) {
            codes[i] = from->codes[indices[i]];
        }
        return WEND_OK;
    }
    wendi_physical physical = wendi_type_physical(from->type);
    if (physical == WENDI_PHYSICAL_I64 || physical == WENDI_PHYSICAL_F64) {
        int64_t *values = buffer->data;
        for (uint32_t i = 0; i < count; i++) {
            values[i] = from->i64[indices[i]];
        }
    } else if (physical == WENDI_PHYSICAL_B16) {
        wendi_b16 *values = buffer->data;
        for (uint32_t i = 0; i < count; i++) {
            values[i] = from->b16[indices[i]];
        }
    } else {
        wendi_string *values = buffer->data;
        for (uint32_t i = 0; i < count; i++) {
            values[i] = from->strings[indices[i]];
        }
    }
    if (from->nulls != NULL) {
        for (uint32_t i = 0; i < count; i++) {
            buffer->nulls[i] = from->nulls[indices[i]];
        }
        to->nulls = buffer->nulls;
    }
cleanup:
    return status;
}

/* A constant of a dictionary column becomes codes: its readers were promised that form. */
static wend_status constant_codes(project_operator *project, uint32_t index, wendi_vector *vector,
                                  wend_error *error)
{
    wend_status status = WEND_OK;
    project_buffer *buffer = &project->buffers[index];
    wendi_dictionary *dictionary = NULL;
    uint32_t code = 0;

    WEND_TRY(buffer_room(buffer, error));
    WEND_TRY(wendi_pipe_dictionary(project->pipe, index, &dictionary, error));
    if (!wendi_vector_is_null(vector, 0)) {
        wendi_string text = wendi_vector_string(vector, 0);
        bool again = buffer->kept == dictionary && buffer->kept_code < dictionary->entry_count &&
                     wendi_string_equal(wendi_dictionary_at(dictionary, buffer->kept_code), text);
        code = again ? buffer->kept_code : wendi_dictionary_find(dictionary, text);
        if (code == 0) {
            WEND_TRY(wendi_fail(error, WEND_CORRUPT,
                                "a page of column \"%.*s\" holds a value its dictionary lacks",
                                (int)project->head.columns[index].name.length,
                                project->head.columns[index].name.data));
        }
        buffer->kept = dictionary;
        buffer->kept_code = code;
    }
    uint32_t *codes = buffer->data;
    for (uint32_t i = 0; i < vector->row_count; i++) {
        codes[i] = code;
    }
    vector->form = WENDI_FORM_DICTIONARY;
    vector->nulls = NULL;
    vector->codes = codes;
    vector->dictionary = dictionary;
cleanup:
    return status;
}

static wend_status project_next(wendi_operator *self, wendi_batch *batch, wend_error *error)
{
    wend_status status = WEND_OK;
    project_operator *project = (project_operator *)self;
    wendi_batch outputs = {0};
    wendi_selection selection;

    WEND_TRY(wendi_pipe_next(project->pipe, &outputs, &selection, error));
    for (uint32_t i = 0; i < outputs.column_count; i++) {
        wendi_vector *to = &batch->columns[i];
        if (selection.indices == NULL) {
            *to = outputs.columns[i];
        } else {
            WEND_TRY(gather(&project->buffers[i], &outputs.columns[i], &selection, to, error));
        }
        to->row_count = selection.count;
        if (self->columns[i].dictionary && to->form == WENDI_FORM_CONSTANT) {
            WEND_TRY(constant_codes(project, i, to, error));
        }
    }
    batch->row_count = selection.count;
    batch->column_count = outputs.column_count;
cleanup:
    return status;
}

static const wendi_operator_class project_class = {"Project", project_next, NULL, project_close};

wend_status wendi_project_operator_open(wendi_query_context *context, wendi_arena *arena,
                                        const wendi_plan *plan, wendi_operator **operator_out,
                                        wend_error *error)
{
    wend_status status = WEND_OK;
    uint32_t count = plan->column_count;
    const wendi_expr **identity =
        wendi_arena_alloc(arena, (count + 1) * sizeof(const wendi_expr *));
    wendi_output_column *columns = wendi_arena_alloc(arena, (count + 1) * sizeof *columns);
    project_operator *project = wendi_alloc_zero(1, sizeof *project);

    *operator_out = NULL;
    if (project == NULL || identity == NULL || columns == NULL) {
        wendi_free(project);
        return wendi_fail_nomem(error, "a projection", sizeof *project);
    }
    project->head =
        (wendi_operator){.class_of = &project_class, .context = context, .column_count = count};
    project->buffers = wendi_alloc_zero(count + 1, sizeof *project->buffers);
    if (project->buffers == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "a projection", count * sizeof *project->buffers));
    }
    for (uint32_t i = 0; i < count; i++) {
        identity[i] = wendi_expr_column(arena, i, plan->columns[i].type);
        if (identity[i] == NULL) {
            WEND_TRY(wendi_fail_nomem(error, "a projection", sizeof(wendi_expr)));
        }
    }
    WEND_TRY(wendi_pipe_open(context, arena, plan, identity, count, false, &project->pipe, error));
    memcpy(columns, plan->columns, count * sizeof *columns);
    for (uint32_t i = 0; i < count; i++) {
        columns[i].dictionary = wendi_pipe_has_dictionary(project->pipe, i);
    }
    project->head.columns = columns;
    project->head.inputs[0] = wendi_pipe_source(project->pipe);
    project->head.input_count = 1;
    *operator_out = &project->head;
    project = NULL;
cleanup:
    wendi_operator_close(project == NULL ? NULL : &project->head);
    return status;
}
