/*
 * Messages to accepted rows. Invariant: every message of a call is counted in exactly one of stored, rejected,
 * deduplicated and tombstones of its partition's account.
 *
 * A block's messages become rows first..row_count-1 of the builder; then the rules look at them as vectors,
 * then the window of unique keys, and what they refuse is taken out again. `keep` holds why a row stays.
 */
#include "ingest/intake.h"

#include <assert.h>
#include <stdlib.h>

#include "engine/base/alloc.h"
#include "engine/base/clock.h"
#include "engine/column/vector_value.h"
#include "engine/expr/schema_rules.h"
#include "engine/table/table_state.h"
#include "ingest/intake_reasons.h"
#include "ingest/rejects.h"
#include "ingest/typed_row.h"

enum { ROWS_MAX = WENDI_PAGE_ROWS };

struct wendi_intake {
    wendi_table_writer *writer;
    const wendi_schema *schema;
    uint32_t row_capacity;
    wendi_json_decoder *decoder;
    wendi_decoder_counters counters_before; /* of decoders that a schema change ended */
    wendi_schema_rules *rules;
    wendi_evaluator *evaluator;
    wendi_vector *vectors;  /* schema's column_count */
    uint32_t *failed_check; /* ROWS_MAX */
    uint32_t *row_message;  /* ROWS_MAX: which message of the block a row came from */
    uint8_t *keep;          /* ROWS_MAX */
    const char **faults;    /* ROWS_MAX: why a rule could not be computed, or NULL; texts in `texts` */
    wendi_arena texts;
    wendi_reject reject;
    wendi_intake_reasons reasons;
    wendi_ingest_stats totals; /* taken, stored, rejected, deduplicated, tombstones, payload_bytes */
};

/** The rows being judged and where they came from. */
typedef struct intake_call {
    wendi_intake *intake;
    wendi_intake_batch *batch;
    uint32_t first;
    const wendi_message *messages; /* NULL: typed rows */
    const wendi_source_partition *origins;
    int64_t position; /* of the first typed row */
    wend_error *error;
} intake_call;

/* ---- life ------------------------------------------------------------------------------------- */

static void close_parts(wendi_intake *intake)
{
    wendi_json_decoder_close(intake->decoder);
    wendi_evaluator_close(intake->evaluator);
    wendi_schema_rules_close(intake->rules);
    wendi_free(intake->vectors);
    intake->decoder = NULL;
    intake->evaluator = NULL;
    intake->rules = NULL;
    intake->vectors = NULL;
}

static wend_status open_parts(wendi_intake *intake, wend_error *error)
{
    wend_status status = WEND_OK;
    intake->schema = wendi_table_writer_schema(intake->writer);
    WEND_TRY(wendi_json_decoder_open(intake->schema, &intake->decoder, error));
    WEND_TRY(wendi_schema_rules_open(intake->schema, &intake->rules, error));
    WEND_TRY(wendi_evaluator_open(&intake->evaluator, error));
    intake->vectors = wendi_alloc_zero(intake->schema->column_count, sizeof *intake->vectors);
    if (intake->vectors == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "ingest", intake->schema->column_count * sizeof *intake->vectors));
    }
cleanup:
    return status;
}

wend_status wendi_intake_open(wendi_table_writer *writer, uint32_t row_capacity, wendi_intake **intake_out,
                              wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_intake *intake = wendi_alloc_zero(1, sizeof *intake);
    *intake_out = NULL;
    if (intake == NULL) {
        return wendi_fail_nomem(error, "ingest", sizeof *intake);
    }
    intake->writer = writer;
    intake->row_capacity = row_capacity;
    intake->failed_check = wendi_alloc(ROWS_MAX * sizeof *intake->failed_check);
    intake->row_message = wendi_alloc(ROWS_MAX * sizeof *intake->row_message);
    intake->keep = wendi_alloc(ROWS_MAX);
    intake->faults = wendi_alloc(ROWS_MAX * sizeof *intake->faults);
    if (intake->failed_check == NULL || intake->row_message == NULL || intake->keep == NULL || intake->faults == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "ingest", ROWS_MAX * sizeof *intake->failed_check));
    }
    WEND_TRY(open_parts(intake, error));
    *intake_out = intake;
    intake = NULL;
cleanup:
    wendi_intake_close(intake);
    return status;
}

void wendi_intake_close(wendi_intake *intake)
{
    if (intake == NULL) {
        return;
    }
    close_parts(intake);
    wendi_arena_free(&intake->texts);
    wendi_free(intake->failed_check);
    wendi_free(intake->row_message);
    wendi_free(intake->keep);
    wendi_free(intake->faults);
    wendi_free(intake);
}

static wendi_decoder_counters counters_now(const wendi_intake *intake)
{
    wendi_decoder_counters sum = intake->counters_before;
    wendi_decoder_counters now = intake->decoder != NULL ? wendi_json_decoder_counters(intake->decoder)
                                                         : (wendi_decoder_counters){0};
    sum.coerced += now.coerced;
    sum.nulled += now.nulled;
    sum.time_cut += now.time_cut;
    sum.unknown_values += now.unknown_values;
    return sum;
}

wend_status wendi_intake_reopen(wendi_intake *intake, wend_error *error)
{
    intake->counters_before = counters_now(intake);
    close_parts(intake);
    return open_parts(intake, error);
}

/* ---- batches ---------------------------------------------------------------------------------- */

wend_status wendi_intake_batch_ready(wendi_intake *intake, wendi_intake_batch *batch, wend_error *error)
{
    if (batch->builder.columns != NULL) {
        assert(batch->builder.schema == intake->schema);
        return WEND_OK;
    }
    return wendi_row_builder_init(&batch->builder, intake->schema, intake->row_capacity, error);
}

void wendi_intake_batch_reset(wendi_intake_batch *batch)
{
    if (batch->builder.columns != NULL) {
        wendi_row_builder_reset(&batch->builder);
    }
    batch->rejects.length = 0;
    batch->reject_count = 0;
    for (uint32_t i = 0; i < batch->account_count; i++) {
        batch->accounts[i] = (wendi_intake_account){0};
    }
    batch->partition_count = 0;
    batch->moved = false;
}

void wendi_intake_batch_free(wendi_intake_batch *batch)
{
    if (batch->builder.columns != NULL) {
        wendi_row_builder_free(&batch->builder);
    }
    wendi_buffer_free(&batch->rejects);
    wendi_free(batch->accounts);
    wendi_free(batch->partitions);
    *batch = (wendi_intake_batch){0};
}

wend_status wendi_intake_batch_stand(wendi_intake_batch *batch, const wendi_source_partition *partitions, uint32_t count,
                                     wend_error *error)
{
    if (count > batch->partition_capacity) {
        wendi_source_partition *more = wendi_realloc(batch->partitions, count * sizeof *more);
        if (more == NULL) {
            return wendi_fail_nomem(error, "positions", count * sizeof *more);
        }
        batch->partitions = more;
        batch->partition_capacity = count;
    }
    if (count != 0) {
        memcpy(batch->partitions, partitions, count * sizeof *partitions);
    }
    batch->partition_count = count;
    return WEND_OK;
}

size_t wendi_intake_batch_bytes(const wendi_intake_batch *batch)
{
    return batch->rejects.length + (batch->builder.columns != NULL ? wendi_row_builder_bytes(&batch->builder) : 0);
}

static wend_status need_accounts(wendi_intake_batch *batch, uint32_t count, wend_error *error)
{
    if (count <= batch->account_count) {
        return WEND_OK;
    }
    wendi_intake_account *accounts = wendi_realloc(batch->accounts, count * sizeof *accounts);
    if (accounts == NULL) {
        return wendi_fail_nomem(error, "accounts", count * sizeof *accounts);
    }
    memset(accounts + batch->account_count, 0, (count - batch->account_count) * sizeof *accounts);
    batch->accounts = accounts;
    batch->account_count = count;
    return WEND_OK;
}

/* ---- rejects ---------------------------------------------------------------------------------- */

static wend_status reject_message(const intake_call *call, const wendi_message *message, const wendi_reject *reject,
                                  wendi_string rule)
{
    wendi_intake *intake = call->intake;
    wendi_intake_batch *batch = call->batch;
    const wendi_source_partition *origin = call->origins == NULL ? NULL : &call->origins[message->partition];
    wend_status rendered = call->messages == NULL
                               ? wendi_reject_render_typed(message, origin, reject->reason, &batch->rejects)
                               : wendi_reject_render(message, origin, reject->reason, &batch->rejects);
    if (rendered != WEND_OK) {
        return wendi_fail_nomem(call->error, "a rejected row", message->length);
    }
    batch->reject_count++;
    batch->accounts[message->partition].rejected++;
    intake->totals.rejected++;
    wendi_intake_reasons_add(&intake->reasons, reject, rule);
    return WEND_OK;
}

static wendi_string column_name(const wendi_intake *intake, uint32_t column)
{
    return column == WENDI_NO_COLUMN ? (wendi_string){"", 0} : intake->schema->columns[column].name;
}

/* Refuse row `index` of the call by intake->reject. */
static wend_status refuse_row(const intake_call *call, uint32_t index, wendi_string rule)
{
    wendi_intake *intake = call->intake;
    wendi_buffer text = {0};
    wend_status status = WEND_OK;
    intake->keep[index] = 0;
    if (call->messages != NULL) {
        return reject_message(call, &call->messages[intake->row_message[index]], &intake->reject, rule);
    }
    status = wendi_typed_row_write(&call->batch->builder, call->first + index, &text);
    if (status != WEND_OK) {
        WEND_TRY(wendi_fail_nomem(call->error, "a rejected row", text.length));
    }
    wendi_message message = {.payload = (const char *)text.data,
                             .length = (uint32_t)text.length,
                             .position = call->position + index,
                             .timestamp_us = INT64_MIN};
    WEND_TRY(reject_message(call, &message, &intake->reject, rule));
cleanup:
    wendi_buffer_free(&text);
    return status;
}

/* ---- rules ------------------------------------------------------------------------------------ */

static void note_fault(void *context, uint32_t row, const char *reason)
{
    wendi_intake *intake = context;
    const char *copy = wendi_arena_copy(&intake->texts, reason, strlen(reason));
    intake->faults[row] = copy != NULL ? copy : "no memory to say why";
}

static wend_status refuse_by_check(const intake_call *call, uint32_t index, uint32_t failed)
{
    wendi_intake *intake = call->intake;
    const wendi_schema *schema = intake->schema;
    const char *why = intake->faults[index];
    bool check = failed < schema->check_count;
    wendi_string rule = check ? schema->checks[failed].name : column_name(intake, failed - schema->check_count);
    if (why != NULL) {
        wendi_reject_set(&intake->reject, WENDI_REJECT_GENERATED, check ? WENDI_NO_COLUMN : failed - schema->check_count, 0,
                         "%s %.*s cannot be computed: %s", check ? "CHECK" : "column", (int)rule.length, rule.data, why);
    } else {
        const wendi_string text = schema->checks[failed].expression;
        wendi_reject_set(&intake->reject, WENDI_REJECT_CHECK, WENDI_NO_COLUMN, 0, "CHECK %.*s is false: %.*s",
                         (int)rule.length, rule.data, (int)text.length, text.data);
    }
    return refuse_row(call, index, rule);
}

static wend_status refuse_null(const intake_call *call, uint32_t index, uint32_t column)
{
    wendi_intake *intake = call->intake;
    wendi_string name = column_name(intake, column);
    wendi_reject_set(&intake->reject, WENDI_REJECT_NOT_NULL, column, 0, "null in column %.*s, which is NOT NULL",
                     (int)name.length, name.data);
    return refuse_row(call, index, name);
}

/* Put a computed column where the rows are. */
static wend_status store_generated(const intake_call *call, uint32_t column, const wendi_vector *vector, uint32_t count)
{
    wendi_row_builder *builder = &call->batch->builder;
    uint32_t end = builder->row_count;
    wend_status status = WEND_OK;
    for (uint32_t i = 0; i < count && status == WEND_OK; i++) {
        wendi_value value = wendi_vector_value(vector, i);
        builder->row_count = call->first + i;
        status = wendi_row_builder_set(builder, column, &value);
    }
    builder->row_count = end;
    return status == WEND_OK ? status : wendi_fail_nomem(call->error, "generated values", count);
}

/* NOT NULL of columns that the decoder has not looked at. */
static wend_status check_not_null(const intake_call *call, uint32_t count)
{
    wendi_intake *intake = call->intake;
    wend_status status = WEND_OK;
    for (uint32_t c = 0; c < intake->schema->column_count; c++) {
        const wendi_column *column = &intake->schema->columns[c];
        bool seen = call->messages != NULL && column->origin != WENDI_ORIGIN_GENERATED;
        const wendi_column_builder *values = &call->batch->builder.columns[c];
        for (uint32_t i = 0; column->not_null && !seen && i < count; i++) {
            uint32_t row = call->first + i;
            if (wendi_column_builder_is_null(values, row) && intake->keep[i]) {
                WEND_TRY(refuse_null(call, i, c));
            }
        }
    }
cleanup:
    return status;
}

static wend_status apply_rules(const intake_call *call, uint32_t count)
{
    wendi_intake *intake = call->intake;
    const wendi_schema *schema = intake->schema;
    wend_status status = WEND_OK;
    if (schema->check_count != 0 || intake->rules->generated_count != 0) {
        wendi_batch batch = {.row_count = count, .column_count = schema->column_count, .columns = intake->vectors};
        memset(intake->faults, 0, count * sizeof *intake->faults);
        wendi_arena_reset(&intake->texts);
        wendi_row_builder_vectors(&call->batch->builder, call->first, count, intake->vectors);
        wendi_evaluator_reset(intake->evaluator);
        WEND_TRY(wendi_schema_rules_apply(intake->rules, intake->evaluator, &batch, intake->failed_check, note_fault, intake,
                                          call->error));
        for (uint32_t i = 0; i < schema->column_count; i++) {
            if (intake->rules->generated[i] != NULL) {
                WEND_TRY(store_generated(call, i, &intake->vectors[i], count));
            }
        }
        for (uint32_t i = 0; i < count; i++) {
            if (intake->failed_check[i] != WENDI_CHECK_PASSED && intake->keep[i]) {
                WEND_TRY(refuse_by_check(call, i, intake->failed_check[i]));
            }
        }
    }
    WEND_TRY(check_not_null(call, count));
cleanup:
    return status;
}

/* ---- the end of a row's way ------------------------------------------------------------------- */

static uint32_t row_partition(const intake_call *call, uint32_t index)
{
    return call->messages != NULL ? call->messages[call->intake->row_message[index]].partition : 0;
}

/* Rules, unique keys, accounts for the rows from call->first on; only what is stored is left of them. */
static wend_status settle_rows(const intake_call *call)
{
    wendi_intake *intake = call->intake;
    wendi_row_builder *builder = &call->batch->builder;
    uint32_t count = builder->row_count - call->first;
    uint32_t duplicates = 0;
    wend_status status = WEND_OK;
    if (count == 0) {
        return WEND_OK;
    }
    memset(intake->keep, 1, count);
    WEND_TRY(apply_rules(call, count));
    for (uint32_t i = 0; i < count; i++) { /* the rows' own word on whether rules let them through */
        intake->failed_check[i] = intake->keep[i];
    }
    WEND_TRY(wendi_table_writer_unique(intake->writer, builder, call->first, intake->keep, &duplicates, call->error));
    for (uint32_t i = 0; i < count; i++) {
        wendi_intake_account *account = &call->batch->accounts[row_partition(call, i)];
        account->stored += intake->keep[i] != 0;
        account->deduplicated += intake->failed_check[i] != 0 && intake->keep[i] == 0;
        intake->totals.stored += intake->keep[i] != 0;
    }
    intake->totals.deduplicated += duplicates;
    wendi_row_builder_keep(builder, call->first, intake->keep);
cleanup:
    return status;
}

wend_status wendi_intake_messages(wendi_intake *intake, wendi_intake_batch *batch, const wendi_message *messages,
                                  uint32_t count, const wendi_source_partition *origins, uint32_t origin_count,
                                  wend_error *error)
{
    intake_call call = {.intake = intake, .batch = batch, .messages = messages, .origins = origins, .error = error};
    wendi_row_builder *builder = &batch->builder;
    wend_status status = WEND_OK;
    call.first = builder->row_count;
    assert(count <= ROWS_MAX && builder->row_capacity - builder->row_count >= count);
    WEND_TRY(need_accounts(batch, origin_count, error));
    wendi_json_decoder_set_now(intake->decoder, wendi_clock_wall_us());
    for (uint32_t i = 0; i < count; i++) {
        const wendi_message *message = &messages[i];
        wendi_decode_outcome outcome;
        assert(message->partition < origin_count);
        intake->row_message[builder->row_count - call.first] = i;
        WEND_TRY(wendi_json_decode(intake->decoder, message, &origins[message->partition], builder, &outcome, error));
        wendi_intake_account *account = &batch->accounts[message->partition];
        account->taken++;
        intake->totals.taken++;
        intake->totals.payload_bytes += message->payload != NULL ? message->length : 0;
        if (outcome == WENDI_DECODE_TOMBSTONE) {
            account->tombstones++;
            intake->totals.tombstones++;
        } else if (outcome == WENDI_DECODE_REJECTED) {
            const wendi_reject *reject = wendi_json_decoder_reject(intake->decoder);
            WEND_TRY(reject_message(&call, message, reject, column_name(intake, reject->column)));
        }
    }
    batch->moved |= count != 0;
    WEND_TRY(settle_rows(&call));
cleanup:
    return status;
}

wend_status wendi_intake_rows(wendi_intake *intake, wendi_intake_batch *batch, uint32_t first, int64_t position,
                              const wendi_source_partition *origin, wend_error *error)
{
    intake_call call = {.intake = intake, .batch = batch, .first = first, .origins = origin, .position = position, .error = error};
    uint32_t count = batch->builder.row_count - first;
    assert(count <= ROWS_MAX);
    wend_status status = need_accounts(batch, 1, error);
    if (status != WEND_OK) {
        return status;
    }
    batch->accounts[0].taken += count;
    intake->totals.taken += count;
    batch->moved |= count != 0;
    return settle_rows(&call);
}

/* ---- numbers ---------------------------------------------------------------------------------- */

void wendi_intake_stats(const wendi_intake *intake, wendi_ingest_stats *stats)
{
    wendi_decoder_counters counters = counters_now(intake);
    stats->taken = intake->totals.taken;
    stats->stored = intake->totals.stored;
    stats->rejected = intake->totals.rejected;
    stats->deduplicated = intake->totals.deduplicated;
    stats->tombstones = intake->totals.tombstones;
    stats->payload_bytes = intake->totals.payload_bytes;
    stats->coerced = counters.coerced;
    stats->nulled = counters.nulled;
    stats->time_cut = counters.time_cut;
    stats->unknown_values = counters.unknown_values;
    stats->reason_count = wendi_intake_reasons_list(&intake->reasons, stats->reasons);
    if (intake->decoder != NULL) {
        stats->unknown_key_count =
            wendi_json_decoder_unknown_keys(intake->decoder, stats->unknown_keys, WENDI_UNKNOWN_KEYS_SHOWN);
    }
}

static void add_account(wendi_source_state *state, const wendi_intake_account *account)
{
    state->taken += account->taken;
    state->stored += account->stored;
    state->rejected += account->rejected;
    state->deduplicated += account->deduplicated;
    state->tombstones += account->tombstones;
}

wend_status wendi_intake_sources(const wendi_table_state *state, const wendi_intake_batch *batch, wendi_arena *arena,
                                 wendi_source_state **sources, uint32_t *count, wend_error *error)
{
    *count = 0;
    *sources = wendi_arena_alloc_zero(arena, (batch->partition_count + 1) * sizeof **sources);
    if (*sources == NULL) {
        return wendi_fail_nomem(error, "positions", batch->partition_count * sizeof **sources);
    }
    for (uint32_t i = 0; i < batch->partition_count; i++) {
        const wendi_source_partition *partition = &batch->partitions[i];
        wendi_intake_account account = i < batch->account_count ? batch->accounts[i] : (wendi_intake_account){0};
        wendi_string topic = wendi_string_of(partition->topic);
        const wendi_source_state *known = wendi_state_source(state, topic, partition->partition);
        if (known != NULL ? known->next == partition->next && known->gap == partition->gap && account.taken == 0
                          : account.taken == 0 && partition->gap == 0 && partition->next == 0) {
            continue;
        }
        wendi_source_state *source = &(*sources)[(*count)++];
        *source = known != NULL ? *known : (wendi_source_state){.partition = partition->partition};
        source->topic = topic;
        source->shown = wendi_string_of(partition->shown);
        source->next = partition->next;
        source->fingerprint = partition->fingerprint;
        source->leader_epoch = partition->leader_epoch;
        source->gap = partition->gap;
        add_account(source, &account);
    }
    return WEND_OK;
}
