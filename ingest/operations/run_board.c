/*
 * The board: one locked entry a table. Invariant: an entry's strings and partitions are in its own
 * arena, never the pipeline's, so that a reader may come when the source is long closed.
 */
#include "ingest/operations/run_board.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/clock.h"

enum { SAMPLE_COUNT = 10, SAMPLE_INTERVAL_US = 1000000, NOTICE_COUNT = 16 };

/* Where the counts stood once a second, for the rates. */
typedef struct rate_sample {
    int64_t at_us; /* monotonic */
    uint64_t taken;
    uint64_t bytes;
} rate_sample;

typedef struct board_entry {
    pthread_mutex_t lock;
    wendi_run_view view;
    wendi_arena arena; /* the partitions of view.stats */
    rate_sample samples[SAMPLE_COUNT];
    uint32_t sample_count; /* ever taken */
    char message[WEND_ERROR_MESSAGE_BYTES + WEND_ERROR_HINT_BYTES + 2];
    char notices[NOTICE_COUNT][WENDI_RUN_NOTICE_BYTES]; /* a ring */
    uint32_t notice_count;                              /* ever left */
    uint32_t notice_taken;                              /* ever taken, or overwritten */
} board_entry;

struct wendi_run_board {
    uint32_t count;
    wendi_arena names;
    board_entry entries[];
};

const char *wendi_run_phase_name(wendi_run_phase phase)
{
    static const char *const names[] = {"opening", "reading", "draining", "done", "failed"};
    return names[phase];
}

wend_status wendi_run_board_open(const char *const *tables, uint32_t table_count,
                                 wendi_run_board **board_out, wend_error *error)
{
    size_t bytes = sizeof(wendi_run_board) + table_count * sizeof(board_entry);
    wendi_run_board *board = wendi_alloc_zero(1, bytes);
    *board_out = NULL;
    if (board == NULL) {
        return wendi_fail_nomem(error, "the numbers of a run", bytes);
    }
    for (uint32_t i = 0; i < table_count; i++) {
        board_entry *entry = &board->entries[i];
        pthread_mutex_init(&entry->lock, NULL);
        board->count = i + 1;
        entry->view.table = wendi_arena_copy(&board->names, tables[i], strlen(tables[i]));
        entry->view.started_us = wendi_clock_wall_us();
        entry->view.moved_us = wendi_clock_monotonic_us();
        entry->view.stats.lag = -1;
        if (entry->view.table == NULL) {
            wendi_run_board_close(board);
            return wendi_fail_nomem(error, "a table's name", strlen(tables[i]));
        }
    }
    *board_out = board;
    return WEND_OK;
}

void wendi_run_board_close(wendi_run_board *board)
{
    if (board == NULL) {
        return;
    }
    for (uint32_t i = 0; i < board->count; i++) {
        pthread_mutex_destroy(&board->entries[i].lock);
        wendi_arena_free(&board->entries[i].arena);
    }
    wendi_arena_free(&board->names);
    wendi_free(board);
}

uint32_t wendi_run_board_count(const wendi_run_board *board)
{
    return board->count;
}

int64_t wendi_run_partition_lag(const wendi_ingest_partition *partition)
{
    if (partition->end < 0) {
        return -1;
    }
    return partition->end > partition->next ? partition->end - partition->next : 0;
}

/* The partitions with their strings, in `arena`. False: memory was refused, and there are none. */
static bool copy_partitions(wendi_ingest_stats *stats, wendi_arena *arena)
{
    size_t bytes = stats->partition_count * sizeof *stats->partitions;
    wendi_ingest_partition *copies = wendi_arena_alloc(arena, bytes);
    uint32_t count = copies != NULL ? stats->partition_count : 0;
    for (uint32_t i = 0; i < count; i++) {
        const wendi_ingest_partition *from = &stats->partitions[i];
        const char *shown = from->shown != NULL ? from->shown : from->topic;
        copies[i] = *from;
        copies[i].topic = wendi_arena_copy(arena, from->topic, strlen(from->topic));
        copies[i].shown = wendi_arena_copy(arena, shown, strlen(shown));
        if (copies[i].topic == NULL || copies[i].shown == NULL) {
            count = 0;
        }
    }
    bool whole = count == stats->partition_count;
    stats->partitions = copies;
    stats->partition_count = count;
    return whole;
}

/* Something was counted or committed, or nothing that was read is left to be. */
static bool has_moved(const wendi_ingest_stats *before, const wendi_ingest_stats *now)
{
    bool counted = now->taken != before->taken || now->commit_count != before->commit_count ||
                   now->taken_committed != before->taken_committed ||
                   now->schema_changes != before->schema_changes;
    bool idle = now->taken == now->taken_committed && now->memory.blocks == 0;
    return counted || idle;
}

static void sample_rates(board_entry *entry, int64_t now_us)
{
    const wendi_ingest_stats *stats = &entry->view.stats;
    uint32_t count = entry->sample_count;
    const rate_sample *newest = &entry->samples[(count + SAMPLE_COUNT - 1) % SAMPLE_COUNT];
    if (count == 0 || now_us - newest->at_us >= SAMPLE_INTERVAL_US) {
        entry->samples[count % SAMPLE_COUNT] =
            (rate_sample){now_us, stats->taken, stats->payload_bytes};
        entry->sample_count = ++count;
    }
    const rate_sample *oldest = &entry->samples[count < SAMPLE_COUNT ? 0 : count % SAMPLE_COUNT];
    double seconds = (double)(now_us - oldest->at_us) / 1e6;
    if (seconds > 0) {
        entry->view.events_per_s = (double)(stats->taken - oldest->taken) / seconds;
        entry->view.bytes_per_s = (double)(stats->payload_bytes - oldest->bytes) / seconds;
    }
}

static void take_numbers(board_entry *entry, const wendi_ingest_stats *stats)
{
    int64_t now_us = wendi_clock_monotonic_us();
    if (has_moved(&entry->view.stats, stats)) {
        entry->view.moved_us = now_us;
    }
    entry->view.stats = *stats;
    entry->view.updated_us = wendi_clock_wall_us();
    wendi_arena_reset(&entry->arena);
    (void)copy_partitions(&entry->view.stats, &entry->arena); /* without them is better than old */
    sample_rates(entry, now_us);
}

void wendi_run_board_tell(wendi_run_board *board, uint32_t table, const wendi_ingest_stats *stats)
{
    board_entry *entry = &board->entries[table];
    pthread_mutex_lock(&entry->lock);
    take_numbers(entry, stats);
    if (entry->view.phase == WENDI_RUN_OPENING) {
        entry->view.phase = WENDI_RUN_READING;
    }
    pthread_mutex_unlock(&entry->lock);
}

void wendi_run_board_tell_kafka(wendi_run_board *board, uint32_t table,
                                const wendi_kafka_source_state *state)
{
    board_entry *entry = &board->entries[table];
    pthread_mutex_lock(&entry->lock);
    entry->view.kafka = *state;
    entry->view.kafka_known = true;
    pthread_mutex_unlock(&entry->lock);
}

void wendi_run_board_notice(wendi_run_board *board, uint32_t table, const char *text)
{
    board_entry *entry = &board->entries[table];
    pthread_mutex_lock(&entry->lock);
    snprintf(entry->notices[entry->notice_count++ % NOTICE_COUNT], WENDI_RUN_NOTICE_BYTES, "%s",
             text);
    if (entry->notice_count - entry->notice_taken > NOTICE_COUNT) {
        entry->notice_taken = entry->notice_count - NOTICE_COUNT;
    }
    pthread_mutex_unlock(&entry->lock);
}

bool wendi_run_board_take_notice(wendi_run_board *board, uint32_t table,
                                 char text[WENDI_RUN_NOTICE_BYTES])
{
    board_entry *entry = &board->entries[table];
    pthread_mutex_lock(&entry->lock);
    bool any = entry->notice_taken != entry->notice_count;
    if (any) {
        memcpy(text, entry->notices[entry->notice_taken++ % NOTICE_COUNT], WENDI_RUN_NOTICE_BYTES);
    }
    pthread_mutex_unlock(&entry->lock);
    return any;
}

void wendi_run_board_drain(wendi_run_board *board)
{
    for (uint32_t i = 0; i < board->count; i++) {
        board_entry *entry = &board->entries[i];
        pthread_mutex_lock(&entry->lock);
        if (entry->view.phase < WENDI_RUN_DRAINING) {
            entry->view.phase = WENDI_RUN_DRAINING;
        }
        pthread_mutex_unlock(&entry->lock);
    }
}

void wendi_run_board_end(wendi_run_board *board, uint32_t table, wend_status outcome,
                         const wend_error *error, const wendi_ingest_stats *stats)
{
    board_entry *entry = &board->entries[table];
    pthread_mutex_lock(&entry->lock);
    const wendi_ingest_partition *partitions = entry->view.stats.partitions;
    uint32_t partition_count = entry->view.stats.partition_count;
    entry->view.stats = *stats;
    entry->view.stats.partitions = partitions; /* the source is closed: those told last stay */
    entry->view.stats.partition_count = partition_count;
    entry->view.updated_us = wendi_clock_wall_us();
    entry->view.events_per_s = stats->events_per_s; /* over all of the run, now that it is over */
    entry->view.bytes_per_s = stats->bytes_per_s;
    entry->view.phase = outcome == WEND_OK ? WENDI_RUN_DONE : WENDI_RUN_FAILED;
    entry->view.outcome = outcome;
    if (outcome != WEND_OK) {
        snprintf(entry->message, sizeof entry->message, "%s%s%s", error->message,
                 error->hint[0] != '\0' ? "; " : "", error->hint);
    }
    pthread_mutex_unlock(&entry->lock);
}

wend_status wendi_run_board_read(wendi_run_board *board, uint32_t table, wendi_arena *arena,
                                 wendi_run_view *view)
{
    board_entry *entry = &board->entries[table];
    pthread_mutex_lock(&entry->lock);
    *view = entry->view;
    bool whole = copy_partitions(&view->stats, arena);
    view->message = wendi_arena_copy(arena, entry->message, strlen(entry->message));
    pthread_mutex_unlock(&entry->lock);
    view->table = wendi_arena_copy(arena, view->table, strlen(view->table));
    return whole && view->message != NULL && view->table != NULL ? WEND_OK : WEND_NOMEM;
}

bool wendi_run_view_gets_on(const wendi_run_view *view, int64_t monotonic_us, int64_t patience_us)
{
    bool at_work = view->phase == WENDI_RUN_READING || view->phase == WENDI_RUN_DRAINING;
    return !at_work || view->updated_us == 0 || monotonic_us - view->moved_us <= patience_us;
}
