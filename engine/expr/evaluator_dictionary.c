/**
 * Expressions over one dictionary column: computed for entries instead of rows, and remembered.
 *
 * A memo holds what one expression gives for the entries of one dictionary. Small dictionaries are
 * done as a whole when that raises no error; otherwise entries are computed when a selected row
 * first has them, so an entry that no row uses cannot fail. Comparisons with an ordered dictionary
 * need no entries at all: they are an interval of codes.
 *
 * Of an evaluator set to be transient, and of a dictionary without references, nothing is remembered
 * beyond the reset: such a dictionary is a view of an interner that may grow or start anew in place.
 */
#include <assert.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/expr/evaluator_internal.h"

enum { ENTRY_CHUNK = 8192, PENDING = 4, WHOLE_ENTRIES = 1024, WHOLE_PER_ROW = 4 };

static bool forgets(const wendi_frame *frame, const wendi_dictionary *dictionary)
{
    return frame->evaluator->transient || dictionary->references == 0;
}

bool wendi_by_dictionary(const wendi_frame *frame, const wendi_expr *expr, const wendi_selection *rows)
{
    if (expr->single_slot >= WENDI_EXPR_SEVERAL_SLOTS || expr->kind == WENDI_EXPR_COLUMN ||
        (expr->kind == WENDI_EXPR_IS_NULL && expr->args[0]->kind == WENDI_EXPR_COLUMN)) {
        return false;
    }
    const wendi_vector *column = &frame->batch->columns[expr->single_slot];
    if (column->form != WENDI_FORM_DICTIONARY) {
        return false;
    }
    /* What is forgotten after this batch does not pay for entries that the batch does not have. */
    return !forgets(frame, column->dictionary) || column->dictionary->entry_count <= rows->count;
}

void wendi_memo_free(wendi_memo *memo)
{
    if (memo == NULL) {
        return;
    }
    if (memo->owns_reference) {
        wendi_dictionary_release(memo->dictionary);
    }
    wendi_dictionary_release(memo->mapped);
    wendi_free(memo->state);
    wendi_free(memo->values);
    wendi_free(memo->codes);
    wendi_arena_free(&memo->strings);
    wendi_free(memo);
}

static wend_status retire(const wendi_frame *frame, uint32_t index)
{
    wendi_evaluator *evaluator = frame->evaluator;

    if (evaluator->retired_count == evaluator->retired_capacity) {
        uint32_t capacity = evaluator->retired_capacity == 0 ? 16 : evaluator->retired_capacity * 2;
        wendi_memo **more = wendi_realloc(evaluator->retired, capacity * sizeof *more);
        if (more == NULL) {
            return wendi_fail_nomem(frame->error, "retired answers", capacity * sizeof *more);
        }
        evaluator->retired = more;
        evaluator->retired_capacity = capacity;
    }
    evaluator->retired[evaluator->retired_count++] = evaluator->memos[index];
    evaluator->memos[index] = evaluator->memos[--evaluator->memo_count];
    return WEND_OK;
}

/** Retire the longest unused memos until one more of `bytes` has room. */
static wend_status make_room(const wendi_frame *frame, size_t bytes)
{
    wendi_evaluator *evaluator = frame->evaluator;

    for (;;) {
        size_t total = bytes;
        uint32_t oldest = 0;
        for (uint32_t i = 0; i < evaluator->memo_count; i++) {
            total += evaluator->memos[i]->bytes;
            if (evaluator->memos[i]->used_at < evaluator->memos[oldest]->used_at) {
                oldest = i;
            }
        }
        if (evaluator->memo_count == 0 ||
            (evaluator->memo_count < WENDI_MEMO_MAX && total <= WENDI_MEMO_BYTES_MAX)) {
            return WEND_OK;
        }
        wend_status status = retire(frame, oldest);
        if (status != WEND_OK) {
            return status;
        }
    }
}

/** `column op constant` in either order on an ordered dictionary: the codes for which it is true. */
static bool code_interval(wendi_memo *memo)
{
    const wendi_expr *expr = memo->expr;
    uint32_t entries = memo->dictionary->entry_count;

    if (!memo->dictionary->ordered || expr->kind != WENDI_EXPR_CALL || expr->function->select == NULL) {
        return false;
    }
    bool swapped = expr->args[0]->kind == WENDI_EXPR_CONSTANT;
    const wendi_expr *column = expr->args[swapped];
    const wendi_expr *constant = expr->args[!swapped];
    if (column->kind != WENDI_EXPR_COLUMN || constant->kind != WENDI_EXPR_CONSTANT || constant->constant.null) {
        return false;
    }
    const char *name = expr->function->name;
    bool less = (name[0] == '<') != swapped; /* column below constant; meaningless for = and <> */
    uint32_t lower = wendi_dictionary_lower_bound(memo->dictionary, constant->constant.string);
    uint32_t found = lower < entries && wendi_string_equal(wendi_dictionary_at(memo->dictionary, lower),
                                                           constant->constant.string);
    bool equality = strcmp(name, "=") == 0;
    if (equality || strcmp(name, "<>") == 0) {
        memo->first = lower;
        memo->span = found;
        memo->negated = !equality;
    } else {
        bool with_equal = name[1] == '=';
        uint32_t border = lower + (less == with_equal ? found : 0);
        memo->first = less ? 1 : border;
        memo->span = less ? border - 1 : entries - border;
    }
    memo->interval = true;
    return true;
}

/** A plain IN on an ordered dictionary: search the list's strings instead of comparing every entry. */
static bool code_list(wendi_memo *memo)
{
    const wendi_expr *expr = memo->expr;

    if (!memo->dictionary->ordered || expr->kind != WENDI_EXPR_IN || expr->args[0]->kind != WENDI_EXPR_COLUMN) {
        return false;
    }
    int absent = expr->list_null ? WENDI_MEMO_NULL : expr->negated ? WENDI_MEMO_TRUE : WENDI_MEMO_FALSE;
    memset(memo->state, absent, memo->dictionary->entry_count);
    memo->state[0] = WENDI_MEMO_NULL;
    for (uint32_t i = 0; i < expr->list_count; i++) {
        uint32_t code = wendi_dictionary_find(memo->dictionary, expr->list[i].string);
        if (code != 0) {
            memo->state[code] = expr->negated ? WENDI_MEMO_FALSE : WENDI_MEMO_TRUE;
        }
    }
    memo->complete = true;
    return true;
}

static void keep_value(wendi_memo *memo, const wendi_vector *from, uint32_t row, uint32_t code, wend_status *status)
{
    uint32_t index = wendi_vector_index(from, row);

    if (wendi_vector_is_null(from, row)) {
        memo->state[code] = WENDI_MEMO_NULL;
        if (memo->values != NULL) {
            memset((char *)memo->values + code * wendi_physical_bytes(from->type), 0, wendi_physical_bytes(from->type));
        }
        return;
    }
    memo->state[code] = WENDI_MEMO_VALUE;
    if (memo->values == NULL) {
        memo->state[code] = from->i64[index] != 0 ? WENDI_MEMO_TRUE : WENDI_MEMO_FALSE;
        return;
    }
    if (wendi_type_physical(from->type) != WENDI_PHYSICAL_STRING) {
        size_t width = wendi_physical_bytes(from->type);
        memcpy((char *)memo->values + code * width, (const char *)from->data + index * width, width);
        return;
    }
    wendi_string text = wendi_vector_string(from, row);
    char *copy = wendi_arena_copy(&memo->strings, text.data == NULL ? "" : text.data, text.length);
    if (copy == NULL) {
        memo->state[code] = WENDI_MEMO_UNKNOWN;
        *status = WEND_NOMEM;
        return;
    }
    ((wendi_string *)memo->values)[code] = (wendi_string){copy, text.length};
}

/** Compute the entries of `codes` and keep what they give. */
static wend_status compute_entries(const wendi_frame *frame, wendi_memo *memo, const uint32_t *codes, uint32_t count)
{
    wendi_evaluator *evaluator = frame->evaluator;
    uint32_t slot = memo->expr->single_slot;
    wend_status status = WEND_OK;
    wendi_operand entries;
    wendi_operand result;
    uint8_t *nulls = NULL;
    void *data;

    if (slot >= evaluator->stand_in_capacity) {
        wendi_vector *more = wendi_realloc(evaluator->stand_ins, (slot + 16) * sizeof *more);
        if (more == NULL) {
            return wendi_fail_nomem(frame->error, "columns", (slot + 16) * sizeof *more);
        }
        evaluator->stand_ins = more;
        evaluator->stand_in_capacity = slot + 16;
    }
    memset(evaluator->stand_ins, 0, (slot + 1) * sizeof *evaluator->stand_ins);
    WEND_TRY(wendi_operand_new(frame, frame->batch->columns[slot].type, count, &entries, &data));
    wendi_string *strings = data;
    for (uint32_t i = 0; i < count; i++) {
        strings[i] = wendi_dictionary_at(memo->dictionary, codes[i]);
        if (codes[i] == 0) {
            if (nulls == NULL) {
                WEND_TRY(wendi_operand_add_nulls(frame, &entries, &nulls));
            }
            nulls[i] = 1;
        }
    }
    evaluator->stand_ins[slot] = entries.vector;
    wendi_batch batch = {.row_count = count, .column_count = slot + 1, .columns = evaluator->stand_ins};
    wendi_frame inner = {evaluator, &batch, frame->error};
    wendi_selection all = {NULL, count};
    WEND_TRY(wendi_compute(&inner, memo->expr, &all, &result));
    for (uint32_t i = 0; i < count; i++) {
        keep_value(memo, &result.vector, i, codes[i], &status);
    }
    wendi_operand_release(evaluator, &result);
    wendi_operand_release(evaluator, &entries);
    if (status != WEND_OK) {
        return wendi_fail_nomem(frame->error, "remembered strings", 0);
    }
cleanup:
    return status;
}

/** From the strings of all entries to a dictionary of the distinct ones. */
static wend_status map_strings(const wendi_frame *frame, wendi_memo *memo)
{
    const wendi_string *values = memo->values;
    uint32_t entry_count = memo->dictionary->entry_count;
    wendi_interner interner = {.entry_count = 0};
    wend_status status = WEND_OK;
    uint32_t *offsets = NULL;
    char *bytes = NULL;

    memo->codes = wendi_alloc_zero(entry_count, sizeof(uint32_t));
    if (memo->codes == NULL) {
        status = WEND_NOMEM;
    }
    for (uint32_t code = 0; status == WEND_OK && code < entry_count; code++) {
        if (memo->state[code] == WENDI_MEMO_VALUE) {
            status = wendi_interner_code(&interner, values[code], &memo->codes[code]);
        }
    }
    if (status == WEND_OK) {
        uint32_t distinct = interner.entry_count == 0 ? 1 : interner.entry_count;
        offsets = wendi_alloc_zero(distinct + 1, sizeof *offsets);
        bytes = wendi_alloc_zero(1, interner.bytes.length + 64);
        status = offsets == NULL || bytes == NULL ? WEND_NOMEM : WEND_OK;
        if (status == WEND_OK && interner.entry_count > 0) {
            memcpy(offsets, interner.offsets, (distinct + 1) * sizeof *offsets);
            memcpy(bytes, interner.bytes.data, interner.bytes.length);
        }
        if (status == WEND_OK) {
            memo->mapped = wendi_dictionary_new(distinct, offsets, bytes, false);
            offsets = NULL;
            bytes = NULL;
            status = memo->mapped == NULL ? WEND_NOMEM : WEND_OK;
        }
    }
    wendi_free(offsets);
    wendi_free(bytes);
    wendi_interner_free(&interner);
    return status == WEND_OK ? WEND_OK : wendi_fail_nomem(frame->error, "a mapped dictionary", entry_count);
}

/** Scratch references as they were, after a computation that failed on the way. */
static wend_status try_all_entries(const wendi_frame *frame, wendi_memo *memo)
{
    wendi_evaluator *evaluator = frame->evaluator;
    wendi_frame silent = {evaluator, frame->batch, NULL};
    uint32_t before_count = evaluator->buffer_count;
    uint32_t *before = wendi_arena_alloc(&evaluator->strings, (before_count + 1) * sizeof *before);
    uint32_t codes[256];
    wend_status status = WEND_OK;

    if (before == NULL) {
        return wendi_fail_nomem(frame->error, "buffer marks", before_count * sizeof *before);
    }
    for (uint32_t i = 0; i < before_count; i++) {
        before[i] = evaluator->buffers[i].references;
    }
    for (uint32_t from = 0; status == WEND_OK && from < memo->dictionary->entry_count; from += 256) {
        uint32_t count = memo->dictionary->entry_count - from < 256 ? memo->dictionary->entry_count - from : 256;
        for (uint32_t i = 0; i < count; i++) {
            codes[i] = from + i;
        }
        status = compute_entries(&silent, memo, codes, count);
    }
    if (status == WEND_OK) {
        memo->complete = true;
        return memo->expr->type.kind == WENDI_TYPE_TEXT ? map_strings(frame, memo) : WEND_OK;
    }
    for (uint32_t i = 0; i < evaluator->buffer_count; i++) {
        evaluator->buffers[i].references = i < before_count ? before[i] : 0;
    }
    /* Some entry cannot be computed, perhaps one that no row has: go by the rows from here on. */
    return status == WEND_NOMEM ? wendi_fail_nomem(frame->error, "dictionary entries", 0) : WEND_OK;
}

static wend_status fill_new(const wendi_frame *frame, wendi_memo *memo, const wendi_selection *rows)
{
    size_t entries = memo->dictionary->entry_count;
    bool boolean = memo->expr->type.kind == WENDI_TYPE_BOOLEAN;

    if (code_interval(memo)) {
        return WEND_OK;
    }
    memo->state = wendi_alloc(entries);
    memo->values = boolean ? NULL : wendi_alloc(entries * wendi_physical_bytes(memo->expr->type));
    if (memo->state == NULL || (!boolean && memo->values == NULL)) {
        return wendi_fail_nomem(frame->error, "remembered answers", entries);
    }
    if (code_list(memo)) {
        return WEND_OK;
    }
    memset(memo->state, WENDI_MEMO_UNKNOWN, entries);
    if (entries <= WHOLE_ENTRIES || entries / WHOLE_PER_ROW <= rows->count) {
        return try_all_entries(frame, memo);
    }
    return WEND_OK;
}

static wend_status memo_of(const wendi_frame *frame, const wendi_expr *expr, const wendi_selection *rows,
                           wendi_memo **memo_out)
{
    wendi_evaluator *evaluator = frame->evaluator;
    wendi_dictionary *dictionary = frame->batch->columns[expr->single_slot].dictionary;
    size_t width = expr->type.kind == WENDI_TYPE_BOOLEAN ? 1 : 1 + wendi_physical_bytes(expr->type);

    for (uint32_t i = 0; i < evaluator->memo_count; i++) {
        wendi_memo *memo = evaluator->memos[i];
        if (memo->expr == expr && memo->dictionary == dictionary) {
            memo->used_at = ++evaluator->clock;
            *memo_out = memo;
            return WEND_OK;
        }
    }
    size_t bytes = sizeof(wendi_memo) + width * dictionary->entry_count;
    wend_status status = make_room(frame, bytes);
    if (status != WEND_OK) {
        return status;
    }
    wendi_memo *memo = wendi_alloc_zero(1, sizeof *memo);
    if (memo == NULL) {
        return wendi_fail_nomem(frame->error, "remembered answers", sizeof *memo);
    }
    memo->expr = expr;
    memo->dictionary = dictionary;
    memo->owns_reference = !forgets(frame, dictionary);
    if (memo->owns_reference) {
        wendi_dictionary_acquire(dictionary);
    }
    memo->used_at = ++evaluator->clock;
    memo->bytes = bytes;
    status = fill_new(frame, memo, rows);
    memo->bytes += memo->strings.used_bytes;
    if (status != WEND_OK) {
        wendi_memo_free(memo);
        return status;
    }
    evaluator->memos[evaluator->memo_count++] = memo;
    *memo_out = memo;
    return WEND_OK;
}

/** Have every entry that a selected row uses. */
static wend_status need_entries(const wendi_frame *frame, wendi_memo *memo, const uint32_t *codes,
                                const wendi_selection *rows)
{
    wend_status status = WEND_OK;
    int32_t buffer = WENDI_NO_BUFFER;
    uint32_t count = 0;
    void *data;

    if (memo->complete || memo->interval) {
        return WEND_OK;
    }
    WEND_TRY(wendi_scratch_acquire(frame, rows->count * sizeof(uint32_t), &buffer, &data));
    uint32_t *pending = data;
    for (uint32_t k = 0; k < rows->count; k++) {
        uint32_t code = codes[wendi_row_at(rows, k)];
        if (memo->state[code] == WENDI_MEMO_UNKNOWN) {
            memo->state[code] = PENDING;
            pending[count++] = code;
        }
    }
    size_t bytes_before = memo->strings.used_bytes;
    for (uint32_t done = 0; status == WEND_OK && done < count; done += ENTRY_CHUNK) {
        uint32_t chunk = count - done < ENTRY_CHUNK ? count - done : ENTRY_CHUNK;
        status = compute_entries(frame, memo, pending + done, chunk);
    }
    for (uint32_t i = 0; status != WEND_OK && i < count; i++) {
        if (memo->state[pending[i]] == PENDING) {
            memo->state[pending[i]] = WENDI_MEMO_UNKNOWN;
        }
    }
    memo->bytes += memo->strings.used_bytes - bytes_before;
cleanup:
    wendi_scratch_release(frame->evaluator, buffer);
    return status;
}

static uint8_t state_of(const wendi_memo *memo, uint32_t code)
{
    if (!memo->interval) {
        return memo->state[code];
    }
    if (code == 0) {
        return WENDI_MEMO_NULL;
    }
    return (code - memo->first < memo->span) != memo->negated ? WENDI_MEMO_TRUE : WENDI_MEMO_FALSE;
}

static wend_status give_codes(const wendi_frame *frame, const wendi_memo *memo, const uint32_t *codes,
                              const wendi_selection *rows, wendi_operand *out)
{
    void *data;
    wend_status status =
        wendi_scratch_acquire(frame, frame->batch->row_count * sizeof(uint32_t), &out->data_buffer, &data);
    uint32_t *mapped = data;

    for (uint32_t k = 0; status == WEND_OK && k < rows->count; k++) {
        uint32_t row = wendi_row_at(rows, k);
        mapped[row] = memo->codes[codes[row]];
    }
    out->vector = (wendi_vector){.type = memo->expr->type,
                                 .form = WENDI_FORM_DICTIONARY,
                                 .row_count = frame->batch->row_count,
                                 .codes = mapped,
                                 .dictionary = memo->mapped};
    return status;
}

static wend_status give_values(const wendi_frame *frame, const wendi_memo *memo, const uint32_t *codes,
                               const wendi_selection *rows, wendi_operand *out)
{
    size_t width = wendi_physical_bytes(memo->expr->type);
    wend_status status = WEND_OK;
    uint8_t *nulls;
    void *data;

    WEND_TRY(wendi_operand_new(frame, memo->expr->type, frame->batch->row_count, out, &data));
    WEND_TRY(wendi_operand_add_nulls(frame, out, &nulls));
    for (uint32_t k = 0; k < rows->count; k++) {
        uint32_t row = wendi_row_at(rows, k);
        uint8_t state = state_of(memo, codes[row]);
        nulls[row] = state == WENDI_MEMO_NULL;
        if (memo->values == NULL) {
            ((int64_t *)data)[row] = state == WENDI_MEMO_TRUE;
        } else if (width == sizeof(int64_t)) {
            ((int64_t *)data)[row] = ((const int64_t *)memo->values)[codes[row]];
        } else {
            memcpy((char *)data + row * width, (const char *)memo->values + codes[row] * width, width);
        }
    }
cleanup:
    return status;
}

wend_status wendi_compute_by_dictionary(const wendi_frame *frame, const wendi_expr *expr, const wendi_selection *rows,
                                        wendi_operand *out)
{
    const uint32_t *codes = frame->batch->columns[expr->single_slot].codes;
    wendi_memo *memo;
    wend_status status = memo_of(frame, expr, rows, &memo);

    if (status == WEND_OK) {
        status = need_entries(frame, memo, codes, rows);
    }
    if (status != WEND_OK) {
        return status;
    }
    return memo->mapped != NULL ? give_codes(frame, memo, codes, rows, out)
                                : give_values(frame, memo, codes, rows, out);
}

wend_status wendi_filter_by_dictionary(const wendi_frame *frame, const wendi_expr *expr, const wendi_selection *rows,
                                       uint32_t *indices_out, uint32_t *count_out)
{
    const uint32_t *codes = frame->batch->columns[expr->single_slot].codes;
    uint32_t count = 0;
    wendi_memo *memo;
    wend_status status = memo_of(frame, expr, rows, &memo);

    *count_out = 0;
    if (status == WEND_OK) {
        status = need_entries(frame, memo, codes, rows);
    }
    if (status != WEND_OK) {
        return status;
    }
    const uint32_t first = memo->first;
    const uint32_t span = memo->span;
    const bool negated = memo->negated;
    const uint8_t *state = memo->state;
    const bool dense = rows->indices == NULL;
    for (uint32_t row = 0; dense && memo->interval && row < rows->count; row++) {
        indices_out[count] = row;
        count += ((codes[row] - first < span) != negated) & (codes[row] != 0);
    }
    for (uint32_t k = 0; !dense && memo->interval && k < rows->count; k++) {
        uint32_t row = rows->indices[k];
        indices_out[count] = row;
        count += ((codes[row] - first < span) != negated) & (codes[row] != 0);
    }
    for (uint32_t k = 0; !memo->interval && k < rows->count; k++) {
        uint32_t row = wendi_row_at(rows, k);
        indices_out[count] = row;
        count += state[codes[row]] == WENDI_MEMO_TRUE;
    }
    *count_out = count;
    return WEND_OK;
}
