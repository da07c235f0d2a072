/*
 * Replaying rejects, file by file, and committing what came of some of them together.
 *
 * Invariants: between files, `batch` holds the rows, the new lines and nothing else of exactly the files in
 * `dropped`; `origins` answers for each of their messages as stored, deduplicated or rejected. What is in a file that turns
 * out unchanged is taken out again, so that its commit does not come.
 * What this file leaves to others: lines (reject_line.c), files (rejects.c), decoding and rules (intake.c), and that
 * a commit is whole (engine/table/writer.c).
 */
#include "ingest/replay.h"

#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/hash.h"
#include "engine/column/value.h"
#include "engine/table/table_state.h"
#include "engine/table/writer.h"
#include "ingest/intake.h"
#include "ingest/rejects.h"
#include "ingest/typed_row.h"

enum {
    COMMIT_ROWS = 1 << 20,      /* a commit is due at so many rows */
    COMMIT_LINE_BYTES = 64 << 20, /* or so many bytes of rejects that stay */
    BATCH_BYTES_MAX = 256 << 20,
    ORIGINS_MIN = 16,
    FRAME_BYTES = 5, /* a schema registry's zero byte and the number of a schema */
    SEGMENTS_MIN = 8
};

/** A source as some rejects name it, and what became of them since the last commit. */
typedef struct replay_origin {
    uint32_t source; /* index in the state's list */
    int64_t stored;
    int64_t deduplicated;
    int64_t rejected;
    int64_t file_stored; /* the same of the file in hand */
    int64_t file_deduplicated;
    int64_t file_rejected;
} replay_origin;

typedef struct replay {
    const wendi_replay_options *options;
    wendi_replay_stats *stats;
    wendi_table *table;
    wendi_table_writer *writer;
    wendi_intake *intake;
    wendi_intake_batch batch;
    wendi_io *io;
    wendi_source_partition *partitions; /* of origins, as the intake wants them */
    replay_origin *origins;
    uint32_t origin_count;
    uint32_t origin_capacity;
    wendi_arena names; /* the partitions' */
    wendi_message *messages; /* WENDI_MESSAGE_BLOCK_MAX: those that wait for the intake */
    uint32_t message_count;
    wendi_arena block; /* their bytes */
    wendi_buffer text; /* the lines of the file in hand */
    wendi_buffer dropped; /* uuids of files */
    wendi_pending_segment **segments;
    uint32_t segment_count;
    uint32_t segment_capacity;
    uint64_t row_count; /* accepted since the last commit */
    wendi_arena commit; /* of one commit */
} replay;

/* ---- origins ---------------------------------------------------------------------------------- */

static wend_status grow_origins(replay *self, wend_error *error)
{
    uint32_t capacity = self->origin_capacity == 0 ? ORIGINS_MIN : 2 * self->origin_capacity;
    wendi_source_partition *partitions = wendi_realloc(self->partitions, capacity * sizeof *partitions);
    self->partitions = partitions != NULL ? partitions : self->partitions;
    replay_origin *origins = wendi_realloc(self->origins, capacity * sizeof *origins);
    self->origins = origins != NULL ? origins : self->origins;
    if (partitions == NULL || origins == NULL) {
        return wendi_fail_nomem(error, "the sources of rejects", capacity * sizeof *origins);
    }
    self->origin_capacity = capacity;
    return WEND_OK;
}

static wend_status add_origin(replay *self, const wendi_reject_row *row, wendi_string shown, uint32_t *index,
                              wend_error *error)
{
    const wendi_table_state *state = wendi_table_writer_state(self->writer);
    const wendi_source_state *known = wendi_state_source(state, row->topic, row->partition);
    wend_status status = WEND_OK;
    if (known == NULL) {
        WEND_TRY(wendi_fail(error, WEND_CORRUPT, "a reject is of source %.*s[%d], which the log does not know",
                            (int)row->topic.length, row->topic.data, (int)row->partition));
    }
    if (self->origin_count == self->origin_capacity) {
        WEND_TRY(grow_origins(self, error));
    }
    shown = shown.length != 0 ? shown : known->shown;
    char *topic = wendi_arena_printf(&self->names, "%.*s", (int)row->topic.length, row->topic.data);
    char *path = wendi_arena_printf(&self->names, "%.*s", (int)shown.length, shown.data);
    if (topic == NULL || path == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "the sources of rejects", shown.length));
    }
    *index = self->origin_count++;
    self->partitions[*index] =
        (wendi_source_partition){.topic = topic, .partition = row->partition, .shown = path, .end = -1, .leader_epoch = -1};
    self->origins[*index] = (replay_origin){.source = (uint32_t)(known - state->sources)};
cleanup:
    return status;
}

/* Rejects come in runs of one source: the last one found is asked first. */
static wend_status find_origin(replay *self, const wendi_reject_row *row, uint32_t *index, wend_error *error)
{
    for (uint32_t i = self->origin_count; i > 0; i--) {
        const wendi_source_partition *partition = &self->partitions[i - 1];
        if (partition->partition == row->partition && wendi_string_equal(wendi_string_of(partition->topic), row->topic) &&
            (row->path.length == 0 || wendi_string_equal(wendi_string_of(partition->shown), row->path))) {
            *index = i - 1;
            return WEND_OK;
        }
    }
    return add_origin(self, row, row->path, index, error);
}

/* Move what the intake counted under `account` to the origin that it is about. */
static void harvest(replay *self, uint32_t account, uint32_t origin)
{
    wendi_intake_account *from = &self->batch.accounts[account];
    replay_origin *to = &self->origins[origin];
    to->file_stored += from->stored;
    to->file_deduplicated += from->deduplicated;
    to->file_rejected += from->rejected;
    self->row_count += (uint64_t)from->stored;
    *from = (wendi_intake_account){0};
}

/* ---- rows ------------------------------------------------------------------------------------- */

static wend_status flush(replay *self, wend_error *error)
{
    wendi_row_builder *builder = &self->batch.builder;
    wend_status status = WEND_OK;
    if (builder->row_count == 0) {
        return WEND_OK;
    }
    if (self->segment_count == self->segment_capacity) {
        uint32_t capacity = self->segment_capacity == 0 ? SEGMENTS_MIN : 2 * self->segment_capacity;
        wendi_pending_segment **more = wendi_realloc(self->segments, capacity * sizeof *more);
        if (more == NULL) {
            return wendi_fail_nomem(error, "a list of segments", capacity * sizeof *more);
        }
        self->segments = more;
        self->segment_capacity = capacity;
    }
    WEND_TRY(wendi_table_writer_flush(self->writer, builder, &self->segments[self->segment_count], error));
    self->segment_count++;
    wendi_row_builder_reset(builder);
cleanup:
    return status;
}

static wend_status make_room(replay *self, uint32_t count, wend_error *error)
{
    const wendi_row_builder *builder = &self->batch.builder;
    bool large = wendi_row_builder_bytes(builder) >= BATCH_BYTES_MAX;
    return large || builder->row_capacity - builder->row_count < count ? flush(self, error) : WEND_OK;
}

static wend_status take_block(replay *self, wend_error *error)
{
    wend_status status = WEND_OK;
    if (self->message_count != 0) {
        WEND_TRY(make_room(self, self->message_count, error));
        WEND_TRY(wendi_intake_messages(self->intake, &self->batch, self->messages, self->message_count, self->partitions,
                                       self->origin_count, error));
        for (uint32_t i = 0; i < self->origin_count; i++) {
            harvest(self, i, i);
        }
    }
    self->message_count = 0;
cleanup:
    return status;
}

/* A line that stays as it is. */
static wend_status keep_line(replay *self, wendi_string line, wend_error *error)
{
    wendi_buffer *out = &self->batch.rejects;
    if (wendi_buffer_append(out, line.data, line.length) != WEND_OK || wendi_buffer_u8(out, '\n') != WEND_OK) {
        return wendi_fail_nomem(error, "rejects", line.length);
    }
    self->batch.reject_count++;
    return WEND_OK;
}

static wend_status take_typed(replay *self, const wendi_reject_row *row, uint32_t origin, wend_error *error)
{
    wendi_row_builder *builder = &self->batch.builder;
    wend_status status = WEND_OK;
    WEND_TRY(take_block(self, error)); /* rows arrive in the order in which they were refused */
    WEND_TRY(make_room(self, 1, error));
    uint32_t first = builder->row_count;
    status = wendi_typed_row_read(row->raw, builder, &self->block, error);
    if (status == WEND_INVALID) { /* a value that the column does not take any more */
        self->origins[origin].file_rejected++;
        return keep_line(self, row->line, error);
    }
    WEND_TRY(status);
    builder->partitions[builder->row_count++] = origin;
    WEND_TRY(wendi_intake_rows(self->intake, &self->batch, first, row->offset, &self->partitions[origin], error));
    harvest(self, 0, origin);
cleanup:
    return status;
}

/* ---- files ------------------------------------------------------------------------------------ */

static bool holds(wendi_string text, wendi_string wanted)
{
    return wanted.length == 0 || memmem(text.data, text.length, wanted.data, wanted.length) != NULL;
}

static bool is_chosen(const replay *self, const wendi_reject_row *row, uint32_t origin)
{
    const wendi_replay_options *options = self->options;
    wendi_string shown = wendi_string_of(self->partitions[origin].shown);
    bool source = options->source.length == 0 || wendi_string_equal(row->topic, options->source) ||
                  wendi_string_equal(shown, options->source);
    return source && holds(row->reason, options->reason);
}

/*
 * A message that was refused for its framing was kept with it. Without the option it stays refused for that reason,
 * rather than for what its first bytes are as JSON.
 */
static void look_at_framing(const replay *self, wendi_string reason, wendi_message *message)
{
    if (!holds(reason, wendi_string_of("schema-registry framing")) || message->payload == NULL || message->length < FRAME_BYTES || message->payload[0] != 0) {
        return;
    }
    if (self->options->unframe) {
        message->payload += FRAME_BYTES;
        message->length -= FRAME_BYTES;
    } else {
        message->refused = "looks like schema-registry framing (a zero byte and the four of a schema's id): "
                           "--framing confluent-json takes it off";
    }
}

static wend_status take_line(replay *self, wendi_string line, wend_error *error)
{
    wendi_reject_row row;
    uint32_t origin = 0;
    wend_status status = WEND_OK;
    if (self->message_count == WENDI_MESSAGE_BLOCK_MAX) {
        WEND_TRY(take_block(self, error));
    }
    if (self->message_count == 0) { /* no message that waits lies in it */
        wendi_arena_reset(&self->block);
    }
    WEND_TRY(wendi_reject_parse(line, &self->block, &row, error));
    WEND_TRY(find_origin(self, &row, &origin, error));
    if (!is_chosen(self, &row, origin)) {
        self->stats->not_chosen++;
        WEND_TRY(keep_line(self, line, error));
    } else if (row.typed) {
        WEND_TRY(take_typed(self, &row, origin, error));
    } else {
        row.message.partition = origin;
        look_at_framing(self, row.reason, &row.message);
        self->messages[self->message_count++] = row.message;
    }
cleanup:
    return status;
}

/* The same lines have the same sum, in whatever order. */
static uint64_t sum_of_lines(const uint8_t *at, const uint8_t *end)
{
    uint64_t sum = 0;
    while (at < end) {
        const uint8_t *stop = memchr(at, '\n', (size_t)(end - at));
        sum += wendi_hash64(at, (size_t)(stop - at));
        at = stop + 1;
    }
    return sum;
}

/* Add the file's accounts to the commit's, or forget them. */
static void settle_file(replay *self, bool changed)
{
    for (uint32_t i = 0; i < self->origin_count; i++) {
        replay_origin *origin = &self->origins[i];
        self->stats->rejected += (uint64_t)origin->file_rejected;
        if (changed) {
            origin->stored += origin->file_stored;
            origin->deduplicated += origin->file_deduplicated;
            origin->rejected += origin->file_rejected;
        }
        origin->file_stored = 0;
        origin->file_deduplicated = 0;
        origin->file_rejected = 0;
    }
}

static wend_status take_file(replay *self, const wendi_reject_entry *entry, wend_error *error)
{
    size_t lines_before = self->batch.rejects.length;
    uint64_t count_before = self->batch.reject_count;
    uint64_t rejects_there;
    wend_status status = WEND_OK;
    WEND_TRY(wendi_rejects_load(self->io, wendi_table_folder(self->table), entry, &self->text, error));
    const char *at = (const char *)self->text.data;
    const char *end = at + self->text.length;
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        WEND_TRY(take_line(self, (wendi_string){at, (uint32_t)(stop - at)}, error));
        at = stop + 1;
    }
    WEND_TRY(take_block(self, error));
    rejects_there = self->batch.reject_count - count_before;
    const uint8_t *lines = self->batch.rejects.data;
    bool changed = rejects_there != entry->row_count ||
                   sum_of_lines(self->text.data, self->text.data + self->text.length) !=
                       sum_of_lines(lines + lines_before, lines + self->batch.rejects.length);
    if (changed && wendi_buffer_append(&self->dropped, entry->uuid, sizeof entry->uuid) != WEND_OK) {
        WEND_TRY(wendi_fail_nomem(error, "a list of reject files", self->dropped.length));
    }
    if (!changed) {
        self->batch.rejects.length = lines_before;
        self->batch.reject_count = count_before;
    }
    settle_file(self, changed);
cleanup:
    if (status != WEND_OK) {
        char uuid[WENDI_UUID_TEXT_BYTES];
        wendi_error_context(error, "rejects/%s.ndjson.zst", wendi_uuid_text(entry->uuid, uuid));
    }
    return status;
}

/* ---- commits ---------------------------------------------------------------------------------- */

/* Rows that the flush found in segments older than the window of keys were no rows to store. */
static void move_repeats(replay *self)
{
    for (uint32_t s = 0; s < self->segment_count; s++) {
        uint32_t count;
        const wendi_segment_repeats *repeats = wendi_pending_segment_repeats(self->segments[s], &count);
        for (uint32_t i = 0; i < count; i++) {
            replay_origin *origin = &self->origins[repeats[i].partition];
            origin->stored -= repeats[i].row_count;
            origin->deduplicated += repeats[i].row_count;
        }
    }
}

/* The states that the commit gives to the sources it touches: what was a reject is one no more. */
static wend_status make_sources(replay *self, wendi_source_state **sources_out, uint32_t *count_out, wend_error *error)
{
    const wendi_table_state *state = wendi_table_writer_state(self->writer);
    size_t bytes = (state->source_count + 1) * sizeof(wendi_source_state);
    wendi_source_state *sources = wendi_arena_alloc(&self->commit, bytes);
    uint8_t *touched = wendi_arena_alloc_zero(&self->commit, state->source_count + 1);
    uint32_t count = 0;
    if (sources == NULL || touched == NULL) {
        return wendi_fail_nomem(error, "the accounts of rejects", bytes);
    }
    memcpy(sources, state->sources, state->source_count * sizeof *sources);
    for (uint32_t i = 0; i < self->origin_count; i++) {
        const replay_origin *origin = &self->origins[i];
        wendi_source_state *source = &sources[origin->source];
        source->stored += origin->stored;
        source->deduplicated += origin->deduplicated;
        source->rejected -= origin->stored + origin->deduplicated;
        touched[origin->source] |= origin->stored + origin->deduplicated != 0;
        if (source->rejected < 0) {
            return wendi_fail(error, WEND_CORRUPT, "%.*s has more reject lines than the log counts", (int)source->shown.length,
                              source->shown.data);
        }
    }
    for (uint32_t i = 0; i < state->source_count; i++) {
        if (touched[i]) {
            sources[count++] = sources[i];
        }
    }
    *sources_out = sources;
    *count_out = count;
    return WEND_OK;
}

static void count_commit(replay *self)
{
    for (uint32_t i = 0; i < self->origin_count; i++) {
        replay_origin *origin = &self->origins[i];
        self->stats->stored += (uint64_t)origin->stored;
        self->stats->deduplicated += (uint64_t)origin->deduplicated;
        *origin = (replay_origin){.source = origin->source};
    }
    self->stats->commit_count += !self->options->dry_run;
    self->row_count = 0;
}

static wend_status commit(replay *self, wend_error *error)
{
    wendi_source_state *sources = NULL;
    uint32_t source_count = 0;
    wend_status status = WEND_OK;
    uint32_t dropped_count = (uint32_t)(self->dropped.length / WENDI_UUID_BYTES);
    if (dropped_count == 0) {
        return WEND_OK;
    }
    wendi_arena_reset(&self->commit);
    WEND_TRY(flush(self, error));
    move_repeats(self);
    WEND_TRY(make_sources(self, &sources, &source_count, error));
    wendi_reject_block lines = {self->batch.rejects.data, self->batch.rejects.length, self->batch.reject_count};
    wendi_commit_request request = {.segments = self->segments,
                                    .segment_count = self->segment_count,
                                    .sources = sources,
                                    .source_count = source_count,
                                    .rejects = lines.row_count != 0 ? &lines : NULL,
                                    .dropped_rejects = (const uint8_t(*)[WENDI_UUID_BYTES])(void *)self->dropped.data,
                                    .dropped_reject_count = dropped_count};
    if (!self->options->dry_run) {
        self->segment_count = 0; /* taken over, also on failure */
        WEND_TRY(wendi_table_writer_commit(self->writer, &request, error));
    }
    count_commit(self);
    self->dropped.length = 0;
    self->segment_count = 0; /* of a dry run: they go when the writer is closed */
    wendi_intake_batch_reset(&self->batch);
cleanup:
    return status;
}

static bool commit_is_due(const replay *self)
{
    return self->row_count >= COMMIT_ROWS || self->batch.rejects.length >= COMMIT_LINE_BYTES;
}

/* ---- the run ---------------------------------------------------------------------------------- */

/* The files that are there now: those that this run writes are not replayed by it. */
static wend_status replay_files(replay *self, wend_error *error)
{
    const wendi_table_state *state = wendi_table_writer_state(self->writer);
    uint32_t count = state->reject_count;
    wend_status status = WEND_OK;
    wendi_reject_entry *entries = wendi_arena_alloc(&self->names, (count + 1) * sizeof *entries);
    if (entries == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "a list of reject files", count * sizeof *entries));
    }
    for (uint32_t i = 0; i < count; i++) {
        entries[i] = state->rejects[i];
        self->stats->rejects += entries[i].row_count;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (self->options->stop != NULL && atomic_load(self->options->stop) != 0) {
            break;
        }
        WEND_TRY(take_file(self, &entries[i], error));
        if (commit_is_due(self)) {
            WEND_TRY(commit(self, error));
        }
    }
    WEND_TRY(commit(self, error));
cleanup:
    return status;
}

static wend_status open_replay(replay *self, wend_error *error)
{
    wendi_writer_options writer_options = {.unique_window_bytes = self->options->unique_window_bytes};
    wend_status status = WEND_OK;
    self->messages = wendi_alloc_zero(WENDI_MESSAGE_BLOCK_MAX, sizeof *self->messages);
    if (self->messages == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "a block of messages", WENDI_MESSAGE_BLOCK_MAX * sizeof *self->messages));
    }
    WEND_TRY(wendi_io_open(NULL, &self->io, error));
    status = wendi_table_writer_open(self->table, &writer_options, &self->writer, error);
    if (status == WEND_BUSY) {
        wendi_error_hint(error, "rejects are replayed while nobody else writes: stop the ingest, replay, and start it again");
    }
    WEND_TRY(status);
    WEND_TRY(wendi_intake_open(self->writer, WENDI_ROW_GROUP_ROWS_MAX, &self->intake, error));
    WEND_TRY(wendi_intake_batch_ready(self->intake, &self->batch, error));
cleanup:
    return status;
}

static void close_replay(replay *self)
{
    wendi_intake_batch_free(&self->batch);
    wendi_intake_close(self->intake);
    wendi_table_writer_close(self->writer);
    wendi_io_close(self->io);
    wendi_free(self->partitions);
    wendi_free(self->origins);
    wendi_free(self->messages);
    wendi_free(self->segments);
    wendi_buffer_free(&self->text);
    wendi_buffer_free(&self->dropped);
    wendi_arena_free(&self->names);
    wendi_arena_free(&self->block);
    wendi_arena_free(&self->commit);
}

/* Why messages were refused again, as the intake counted it. */
static wend_status take_reasons(replay *self, wend_error *error)
{
    wendi_ingest_stats *numbers = wendi_alloc_zero(1, sizeof *numbers);
    if (numbers == NULL) {
        return wendi_fail_nomem(error, "the reasons of rejects", sizeof *numbers);
    }
    wendi_intake_stats(self->intake, numbers);
    self->stats->reason_count = numbers->reason_count;
    memcpy(self->stats->reasons, numbers->reasons, sizeof numbers->reasons);
    wendi_free(numbers);
    return WEND_OK;
}

wend_status wendi_replay_run(wendi_table *table, const wendi_replay_options *options, wendi_replay_stats *stats,
                             wend_error *error)
{
    replay self = {.options = options, .stats = stats, .table = table};
    wend_status status = WEND_OK;
    *stats = (wendi_replay_stats){0};
    WEND_TRY(open_replay(&self, error));
    status = replay_files(&self, error);
    if (status == WEND_OK) {
        status = take_reasons(&self, error);
    }
cleanup:
    close_replay(&self);
    return status;
}
