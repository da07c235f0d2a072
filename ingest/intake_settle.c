/*
 * Rows that rules let through become the batch's, or repeats. Invariant: every message of a block is counted in
 * exactly one of stored, rejected, deduplicated and tombstones of its partition's account.
 */
#include <assert.h>

#include "engine/base/alloc.h"
#include "engine/table/table_state.h"
#include "ingest/intake.h"

/* ---- settling --------------------------------------------------------------------------------- */

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

static void add_account(wendi_intake_account *sum, const wendi_intake_account *more)
{
    sum->taken += more->taken;
    sum->stored += more->stored;
    sum->rejected += more->rejected;
    sum->deduplicated += more->deduplicated;
    sum->tombstones += more->tombstones;
}

/* Each row that passed the rules (passed[i]) goes into its partition's account as stored (kept) or as a repeat. */
static void count_rows(wendi_intake_block *block, const wendi_row_builder *builder, const uint8_t *passed)
{
    const uint32_t *partitions = builder->partitions + block->first;
    for (uint32_t i = 0; i < block->row_count; i++) {
        wendi_intake_account *account = &block->accounts.each[block->typed ? 0 : partitions[i]];
        account->stored += block->keep[i];
        account->deduplicated += passed[i] & (block->keep[i] ^ 1);
    }
}

/* The rows that stay are strips of the builder, without being moved. */
static wend_status add_strips(const wendi_intake_block *block, wendi_row_builder *builder, uint32_t lane, wend_error *error)
{
    wend_status status = WEND_OK;
    for (uint32_t begin = 0; begin < block->row_count && status == WEND_OK;) {
        uint32_t end = begin;
        while (end < block->row_count && block->keep[end]) {
            end++;
        }
        status = wendi_row_builder_strip(builder, (wendi_row_strip){block->first + begin, end - begin, lane}, error);
        begin = end + 1;
    }
    return status;
}

static wend_status settle_rows(wendi_table_writer *writer, wendi_intake_block *block, wendi_row_builder *builder,
                               uint32_t lane, wend_error *error)
{
    uint8_t passed[WENDI_PAGE_ROWS];
    uint32_t duplicates = 0;
    wend_status status = WEND_OK;
    assert(block->row_count <= WENDI_PAGE_ROWS);
    memcpy(passed, block->keep, block->row_count);
    WEND_TRY(wendi_table_writer_unique(writer, builder, block->keys, block->row_count, block->keep, &duplicates, error));
    count_rows(block, builder, passed);
    if (builder->strips != NULL) {
        WEND_TRY(add_strips(block, builder, lane, error));
    } else {
        wendi_row_builder_keep(builder, block->first, block->keep);
    }
cleanup:
    return status;
}

wend_status wendi_intake_settle(wendi_table_writer *writer, wendi_intake_block *block, wendi_intake_batch *batch,
                                wendi_row_builder *builder, uint32_t lane, wendi_intake_totals *totals, wend_error *error)
{
    wend_status status = WEND_OK;
    WEND_TRY(need_accounts(batch, block->accounts.count, error));
    if (block->rejects.length != 0 &&
        wendi_buffer_append(&batch->rejects, block->rejects.data, block->rejects.length) != WEND_OK) {
        WEND_TRY(wendi_fail_nomem(error, "rejected rows", block->rejects.length));
    }
    if (block->row_count != 0) {
        WEND_TRY(settle_rows(writer, block, builder, lane, error));
    }
    for (uint32_t i = 0; i < block->accounts.count; i++) {
        const wendi_intake_account *account = &block->accounts.each[i];
        batch->reject_count += (uint64_t)account->rejected;
        add_account(&batch->accounts[i], account);
        add_account(&totals->sum, account);
    }
    totals->payload_bytes += block->payload_bytes;
    wendi_intake_reasons_merge(&totals->reasons, &block->reasons);
cleanup:
    return status;
}

/* ---- batches ---------------------------------------------------------------------------------- */

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

/* ---- positions -------------------------------------------------------------------------------- */

static void add_to_source(wendi_source_state *state, const wendi_intake_account *account)
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
        add_to_source(source, &account);
    }
    return WEND_OK;
}
