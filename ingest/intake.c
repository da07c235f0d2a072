/*
 * Messages to rows that rules let through. Invariant: every message of a block is counted as taken, and either has
 * a row, or is counted as rejected or as a tombstone.
 *
 * A block's messages become rows first..first+row_count-1 of the builder; then the rules look at them as vectors.
 * What becomes of the rows that stay is intake_settle.c's business.
 */
#include "ingest/intake.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "engine/base/alloc.h"
#include "engine/base/clock.h"
#include "engine/column/vector_value.h"
#include "engine/expr/schema_rules.h"
#include "engine/table/row_key.h"
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
    const char **faults;    /* ROWS_MAX: why a rule could not be computed, or NULL; texts in `texts` */
    wendi_arena texts;
    wendi_reject reject;
    pthread_mutex_t busy;       /* held while the decoder works, so that others may ask it for its counters */
    wendi_intake_block block;   /* of those who do both halves at once, and what came of it */
    wendi_intake_totals totals;
};

/** The rows being judged and where they came from. */
typedef struct intake_call {
    wendi_intake *intake;
    wendi_row_builder *builder;
    wendi_intake_block *block;
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
    pthread_mutex_init(&intake->busy, NULL);
    intake->writer = writer;
    intake->row_capacity = row_capacity;
    intake->failed_check = wendi_alloc(ROWS_MAX * sizeof *intake->failed_check);
    intake->row_message = wendi_alloc(ROWS_MAX * sizeof *intake->row_message);
    intake->faults = wendi_alloc(ROWS_MAX * sizeof *intake->faults);
    if (intake->failed_check == NULL || intake->row_message == NULL || intake->faults == NULL) {
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
    wendi_free(intake->faults);
    wendi_intake_block_free(&intake->block);
    pthread_mutex_destroy(&intake->busy);
    wendi_free(intake);
}

static void add_counters(wendi_decoder_counters *sum, wendi_decoder_counters more)
{
    sum->coerced += more.coerced;
    sum->nulled += more.nulled;
    sum->time_cut += more.time_cut;
    sum->unknown_values += more.unknown_values;
}

static wendi_decoder_counters counters_now(const wendi_intake *intake)
{
    wendi_decoder_counters sum = intake->counters_before;
    if (intake->decoder != NULL) {
        add_counters(&sum, wendi_json_decoder_counters(intake->decoder));
    }
    return sum;
}

wend_status wendi_intake_reopen(wendi_intake *intake, wend_error *error)
{
    intake->counters_before = counters_now(intake);
    close_parts(intake);
    return open_parts(intake, error);
}

wend_status wendi_intake_batch_ready(wendi_intake *intake, wendi_intake_batch *batch, wend_error *error)
{
    if (batch->builder.columns != NULL) {
        assert(batch->builder.schema == intake->schema);
        return WEND_OK;
    }
    return wendi_row_builder_init(&batch->builder, intake->schema, intake->row_capacity, error);
}

/* ---- rejects ---------------------------------------------------------------------------------- */

static wend_status reject_message(const intake_call *call, const wendi_message *message, const wendi_reject *reject,
                                  wendi_string rule)
{
    wendi_intake_block *block = call->block;
    const wendi_source_partition *origin = call->origins == NULL ? NULL : &call->origins[message->partition];
    wend_status rendered = call->messages == NULL
                               ? wendi_reject_render_typed(message, origin, reject->reason, &block->rejects)
                               : wendi_reject_render(message, origin, reject->reason, &block->rejects);
    if (rendered != WEND_OK) {
        return wendi_fail_nomem(call->error, "a rejected row", message->length);
    }
    block->accounts.each[message->partition].rejected++;
    wendi_intake_reasons_add(&block->reasons, reject, rule);
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
    call->block->keep[index] = 0;
    if (call->messages != NULL) {
        return reject_message(call, &call->messages[intake->row_message[index]], &intake->reject, rule);
    }
    status = wendi_typed_row_write(call->builder, call->first + index, &text);
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
    wendi_row_builder *builder = call->builder;
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
        const wendi_column_builder *values = &call->builder->columns[c];
        for (uint32_t i = 0; column->not_null && !seen && i < count; i++) {
            uint32_t row = call->first + i;
            if (wendi_column_builder_is_null(values, row) && call->block->keep[i]) {
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
        wendi_row_builder_vectors(call->builder, call->first, count, intake->vectors);
        wendi_evaluator_reset(intake->evaluator);
        WEND_TRY(wendi_schema_rules_apply(intake->rules, intake->evaluator, &batch, intake->failed_check, note_fault, intake,
                                          call->error));
        for (uint32_t i = 0; i < schema->column_count; i++) {
            if (intake->rules->generated[i] != NULL) {
                WEND_TRY(store_generated(call, i, &intake->vectors[i], count));
            }
        }
        for (uint32_t i = 0; i < count; i++) {
            if (intake->failed_check[i] != WENDI_CHECK_PASSED && call->block->keep[i]) {
                WEND_TRY(refuse_by_check(call, i, intake->failed_check[i]));
            }
        }
    }
    WEND_TRY(check_not_null(call, count));
cleanup:
    return status;
}

/* ---- blocks ----------------------------------------------------------------------------------- */

void wendi_intake_block_free(wendi_intake_block *block)
{
    wendi_free(block->keep);
    wendi_free(block->keys);
    wendi_free(block->accounts.each);
    wendi_buffer_free(&block->rejects);
    *block = (wendi_intake_block){0};
}

/* An empty block with accounts of `origin_count` partitions and room for the flags of all rows. */
static wend_status begin_block(wendi_intake_block *block, uint32_t first, uint32_t origin_count, wend_error *error)
{
    wendi_intake_accounts *accounts = &block->accounts;
    if (block->keep == NULL) {
        block->keep = wendi_alloc(ROWS_MAX);
    }
    if (origin_count > accounts->capacity) {
        wendi_free(accounts->each);
        accounts->each = wendi_alloc(origin_count * sizeof *accounts->each);
        accounts->capacity = accounts->each != NULL ? origin_count : 0;
    }
    accounts->count = origin_count < accounts->capacity ? origin_count : accounts->capacity;
    if (block->keep == NULL || accounts->count < origin_count) {
        return wendi_fail_nomem(error, "accounts", origin_count * sizeof *accounts->each);
    }
    if (origin_count != 0) { /* a source may have no partitions yet */
        memset(accounts->each, 0, origin_count * sizeof *accounts->each);
    }
    block->first = first;
    block->row_count = 0;
    block->typed = false;
    block->rejects.length = 0;
    block->payload_bytes = 0;
    wendi_intake_reasons_reset(&block->reasons);
    return WEND_OK;
}

/* Rules and keys for the rows from call->first on. */
static wend_status judge_rows(const intake_call *call)
{
    wendi_intake_block *block = call->block;
    uint32_t count = call->builder->row_count - call->first;
    wend_status status = WEND_OK;
    block->row_count = count;
    if (count == 0) {
        return WEND_OK;
    }
    memset(block->keep, 1, count);
    WEND_TRY(apply_rules(call, count));
    size_t key_count = (size_t)wendi_row_key_rules(call->intake->schema) * count;
    if (key_count > block->key_capacity) {
        wendi_free(block->keys);
        block->keys = wendi_alloc(key_count * sizeof *block->keys);
        block->key_capacity = block->keys != NULL ? key_count : 0;
        if (block->keys == NULL) {
            WEND_TRY(wendi_fail_nomem(call->error, "keys", key_count * sizeof *block->keys));
        }
    }
    WEND_TRY(wendi_row_builder_keys(call->builder, call->first, count, block->keys, call->error));
cleanup:
    return status;
}

static wend_status decode_messages(const intake_call *call, uint32_t count)
{
    wendi_intake *intake = call->intake;
    wendi_intake_block *block = call->block;
    wendi_row_builder *builder = call->builder;
    wend_status status = WEND_OK;
    wendi_json_decoder_set_now(intake->decoder, wendi_clock_wall_us());
    for (uint32_t i = 0; i < count; i++) {
        const wendi_message *message = &call->messages[i];
        wendi_decode_outcome outcome;
        assert(message->partition < block->accounts.count);
        intake->row_message[builder->row_count - call->first] = i;
        WEND_TRY(wendi_json_decode(intake->decoder, message, &call->origins[message->partition], builder, &outcome,
                                   call->error));
        wendi_intake_account *account = &block->accounts.each[message->partition];
        account->taken++;
        block->payload_bytes += message->payload != NULL ? message->length : 0;
        if (outcome == WENDI_DECODE_TOMBSTONE) {
            account->tombstones++;
        } else if (outcome == WENDI_DECODE_REJECTED) {
            const wendi_reject *reject = wendi_json_decoder_reject(intake->decoder);
            WEND_TRY(reject_message(call, message, reject, column_name(intake, reject->column)));
        }
    }
cleanup:
    return status;
}

wend_status wendi_intake_decode(wendi_intake *intake, wendi_row_builder *builder, const wendi_message *messages,
                                uint32_t count, const wendi_source_partition *origins, uint32_t origin_count,
                                wendi_intake_block *block, wend_error *error)
{
    intake_call call = {.intake = intake,
                        .builder = builder,
                        .block = block,
                        .first = builder->row_count,
                        .messages = messages,
                        .origins = origins,
                        .error = error};
    wend_status status = WEND_OK;
    assert(count <= ROWS_MAX && builder->row_capacity - builder->row_count >= count);
    pthread_mutex_lock(&intake->busy);
    WEND_TRY(begin_block(block, call.first, origin_count, error));
    WEND_TRY(decode_messages(&call, count));
    WEND_TRY(judge_rows(&call));
cleanup:
    pthread_mutex_unlock(&intake->busy);
    return status;
}

/* ---- both halves at once ---------------------------------------------------------------------- */

wend_status wendi_intake_messages(wendi_intake *intake, wendi_intake_batch *batch, const wendi_message *messages,
                                  uint32_t count, const wendi_source_partition *origins, uint32_t origin_count,
                                  wend_error *error)
{
    wend_status status = WEND_OK;
    WEND_TRY(wendi_intake_decode(intake, &batch->builder, messages, count, origins, origin_count, &intake->block, error));
    WEND_TRY(wendi_intake_settle(intake->writer, &intake->block, batch, &batch->builder, 0, &intake->totals, error));
cleanup:
    return status;
}

wend_status wendi_intake_rows(wendi_intake *intake, wendi_intake_batch *batch, uint32_t first, int64_t position,
                              const wendi_source_partition *origin, wend_error *error)
{
    intake_call call = {.intake = intake,
                        .builder = &batch->builder,
                        .block = &intake->block,
                        .first = first,
                        .origins = origin,
                        .position = position,
                        .error = error};
    wend_status status = WEND_OK;
    assert(batch->builder.row_count - first <= ROWS_MAX);
    WEND_TRY(begin_block(call.block, first, 1, error));
    call.block->typed = true;
    call.block->accounts.each[0].taken = batch->builder.row_count - first;
    WEND_TRY(judge_rows(&call));
    WEND_TRY(wendi_intake_settle(intake->writer, call.block, batch, &batch->builder, 0, &intake->totals, error));
cleanup:
    return status;
}

/* ---- numbers ---------------------------------------------------------------------------------- */

/* Keys that several decoders met are one key. `keys` has room for WENDI_UNKNOWN_KEYS_SHOWN. */
static void merge_unknown_keys(wendi_intake *intake, wendi_unknown_key *keys, uint32_t *count)
{
    wendi_unknown_key *more = wendi_alloc(WENDI_UNKNOWN_KEYS_SHOWN * sizeof *more);
    uint32_t more_count = more == NULL || intake->decoder == NULL
                              ? 0
                              : wendi_json_decoder_unknown_keys(intake->decoder, more, WENDI_UNKNOWN_KEYS_SHOWN);
    for (uint32_t i = 0; i < more_count; i++) {
        uint32_t at = 0;
        while (at < *count && (keys[at].cut != more[i].cut || strcmp(keys[at].path, more[i].path) != 0)) {
            at++;
        }
        if (at < *count) {
            keys[at].count += more[i].count;
            wendi_value_guess_merge(&keys[at].guess, &more[i].guess);
        } else if (*count < WENDI_UNKNOWN_KEYS_SHOWN) {
            keys[(*count)++] = more[i];
        }
    }
    wendi_free(more);
}

static int by_count(const void *left, const void *right)
{
    const wendi_unknown_key *a = left;
    const wendi_unknown_key *b = right;
    return a->count != b->count ? (a->count < b->count ? 1 : -1) : strcmp(a->path, b->path);
}

void wendi_intake_stats_of(const wendi_intake_totals *totals, wendi_intake *const *intakes, uint32_t intake_count,
                           wendi_ingest_stats *stats)
{
    wendi_decoder_counters counters = {0};
    stats->unknown_key_count = 0;
    for (uint32_t i = 0; i < intake_count; i++) {
        pthread_mutex_lock(&intakes[i]->busy);
        add_counters(&counters, counters_now(intakes[i]));
        merge_unknown_keys(intakes[i], stats->unknown_keys, &stats->unknown_key_count);
        pthread_mutex_unlock(&intakes[i]->busy);
    }
    qsort(stats->unknown_keys, stats->unknown_key_count, sizeof *stats->unknown_keys, by_count);
    stats->taken = (uint64_t)totals->sum.taken;
    stats->stored = (uint64_t)totals->sum.stored;
    stats->rejected = (uint64_t)totals->sum.rejected;
    stats->deduplicated = (uint64_t)totals->sum.deduplicated;
    stats->tombstones = (uint64_t)totals->sum.tombstones;
    stats->payload_bytes = totals->payload_bytes;
    stats->coerced = counters.coerced;
    stats->nulled = counters.nulled;
    stats->time_cut = counters.time_cut;
    stats->unknown_values = counters.unknown_values;
    stats->reason_count = wendi_intake_reasons_list(&totals->reasons, stats->reasons);
}

void wendi_intake_stats(wendi_intake *intake, wendi_ingest_stats *stats)
{
    wendi_intake_stats_of(&intake->totals, &intake, 1, stats);
}
