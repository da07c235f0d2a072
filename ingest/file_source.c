/*
 * Files and standard input, line by line. One file is read at a time; with `follow` they take turns.
 *
 * Invariants: a partition's `next` and `fingerprint` belong together at the end of every next(); bytes behind
 * `next` that were read already wait in the file's `carry`; no byte is given twice.
 */
#include "ingest/file_source.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/clock.h"
#include "ingest/file_identity.h"
#include "ingest/json_decoder.h"

enum { READ_BYTES_DEFAULT = 512 << 10, READ_BYTES_MIN = 1 << 16, NO_PARTITION = -1, LINE_BYTES_GUESS = 512, FOLLOW_WAIT_MS = 50, SPACE_STEP = 1 << 18 };

typedef struct source_file {
    const char *path;
    wendi_file_stream *stream;
    int partition;           /* index, or NO_PARTITION until it is recognised */
    bool finished;
    bool carry_has_lines;    /* whole lines, that a full block had no room for */
    bool too_long;           /* the line under way is beyond the limit: only its beginning is kept, in carry */
    uint64_t too_long_bytes; /* of it passed over so far */
    int64_t skip_left;       /* standard input: bytes still to be passed over */
    uint64_t skip_fingerprint;
    wendi_buffer carry;      /* bytes read behind `next` */
    wendi_file_tail tail;    /* before `next` */
    wendi_file_tail ahead;   /* before the end of what was passed over of a line too long */
    wendi_file_report report;
} source_file;

typedef struct known_file {
    char *topic;
    int64_t next;
    uint64_t fingerprint;
} known_file;

typedef struct file_source {
    wendi_source base; /* first: the source is cast from it */
    source_file *files;
    uint32_t file_count;
    uint32_t turn; /* file to go on with */
    wendi_source_partition *partitions;
    uint32_t partition_count;
    uint32_t partition_capacity;
    wendi_file_report *reports;
    known_file *known; /* what the table knows */
    uint32_t known_count;
    size_t read_bytes;
    uint32_t line_bytes; /* mean so far: how much to read for a block of lines */
    bool follow;
    bool reload;
    bool is_stdin;
} file_source;

/* ---- partitions ------------------------------------------------------------------------------- */

static wend_status add_partition(file_source *source, const char *topic, const char *shown, int64_t next,
                                 uint64_t fingerprint, int *index, wend_error *error)
{
    if (source->partition_count == source->partition_capacity) {
        uint32_t capacity = 2 * source->partition_capacity + 4;
        wendi_source_partition *partitions = wendi_realloc(source->partitions, capacity * sizeof *partitions);
        if (partitions == NULL) {
            return wendi_fail_nomem(error, "a list of files", capacity * sizeof *partitions);
        }
        source->partitions = partitions;
        source->partition_capacity = capacity;
    }
    char *topic_copy = wendi_strdup(topic);
    char *shown_copy = wendi_strdup(shown);
    if (topic_copy == NULL || shown_copy == NULL) {
        wendi_free(topic_copy);
        wendi_free(shown_copy);
        return wendi_fail_nomem(error, "a file's name", strlen(shown));
    }
    *index = (int)source->partition_count++;
    source->partitions[*index] = (wendi_source_partition){.topic = topic_copy,
                                                          .shown = shown_copy,
                                                          .next = next,
                                                          .end = -1,
                                                          .leader_epoch = -1,
                                                          .fingerprint = fingerprint};
    return WEND_OK;
}

static int find_partition(const file_source *source, const char *topic)
{
    for (uint32_t i = 0; i < source->partition_count; i++) {
        if (strcmp(source->partitions[i].topic, topic) == 0) {
            return (int)i;
        }
    }
    return NO_PARTITION;
}

static bool topic_taken(const file_source *source, const char *topic)
{
    for (uint32_t i = 0; i < source->known_count; i++) {
        if (strcmp(source->known[i].topic, topic) == 0) {
            return true;
        }
    }
    return find_partition(source, topic) != NO_PARTITION;
}

/* Whether another open file goes on with this partition. */
static bool partition_in_use(const file_source *source, const source_file *file, int partition)
{
    for (uint32_t i = 0; i < source->file_count; i++) {
        const source_file *other = &source->files[i];
        if (other != file && other->partition == partition && !other->finished) {
            return true;
        }
    }
    return false;
}

/* ---- recognising ------------------------------------------------------------------------------ */

static void close_file(source_file *file)
{
    wendi_file_stream_close(file->stream);
    file->stream = NULL;
    file->finished = true;
}

static wend_status begin_new(file_source *source, source_file *file, const uint8_t *head, size_t head_length, bool reloaded,
                             wend_error *error)
{
    char topic[WENDI_FILE_TOPIC_BYTES];
    uint32_t nth = 1;
    do {
        wendi_file_topic_make(head, head_length, nth++, topic);
    } while (topic_taken(source, topic));
    file->report.recognised = reloaded ? WENDI_FILE_RELOADED : WENDI_FILE_NEW;
    file->report.start = 0;
    return add_partition(source, topic, file->path, 0, wendi_file_tail_hash(&file->tail), &file->partition, error);
}

/* Go on with a file that was recognised at `next`; `stream` stands there. */
static wend_status resume(file_source *source, source_file *file, const char *topic, int64_t next, uint64_t fingerprint,
                          wendi_file_stream *stream, wend_error *error)
{
    int64_t size = wendi_file_stream_size(stream);
    wendi_file_stream_close(file->stream);
    file->stream = stream;
    file->carry.length = 0;
    file->report.recognised = size == next ? WENDI_FILE_REPEATED : WENDI_FILE_RESUMED;
    file->report.start = next;
    file->report.next = next;
    file->partition = find_partition(source, topic);
    if (file->partition == NO_PARTITION) {
        return add_partition(source, topic, file->path, next, fingerprint, &file->partition, error);
    }
    if (partition_in_use(source, file, file->partition)) { /* a second name of a file that is being read */
        file->report.recognised = WENDI_FILE_REPEATED;
        file->partition = NO_PARTITION;
        close_file(file);
    }
    return WEND_OK;
}

static wend_status fail_short(const source_file *file, int64_t next, wend_error *error)
{
    wendi_fail(error, WEND_CONFLICT, "%s begins like a file of which %lld bytes are loaded, but ends before that", file->path,
               (long long)next);
    wendi_error_hint(error, "it may be a cut copy of what is loaded; --reload takes it from its beginning as a new file");
    return WEND_CONFLICT;
}

/* Hold one known position against the file. *settled: it is the one, and the file stands there. */
static wend_status try_known(file_source *source, source_file *file, const char *topic, int64_t next, uint64_t fingerprint,
                             int64_t *short_of, bool *settled, wend_error *error)
{
    wendi_file_match match;
    wendi_file_stream *stream = NULL;
    wendi_file_tail tail = {.length = 0};
    wend_status status = wendi_file_match_at(file->path, next, fingerprint, &match, &stream, &tail, error);
    if (status != WEND_OK) {
        return status;
    }
    if (match == WENDI_FILE_TOO_SHORT) {
        *short_of = next;
        return WEND_OK;
    }
    if (match == WENDI_FILE_DIFFERS) {
        return WEND_OK;
    }
    *settled = true;
    if (source->reload) {
        wendi_file_stream_close(stream);
        return WEND_OK;
    }
    file->tail = tail;
    return resume(source, file, topic, next, fingerprint, stream, error);
}

/* `head` is the file's beginning: is it known, and where does it stand? */
static wend_status recognise(file_source *source, source_file *file, const uint8_t *head, size_t head_length,
                             wend_error *error)
{
    int64_t short_of = -1;
    bool settled = false;
    wend_status status = WEND_OK;
    for (uint32_t i = 0; i < source->partition_count && !settled; i++) { /* this run knows better than the table */
        const wendi_source_partition *partition = &source->partitions[i];
        if (wendi_file_topic_fits(partition->topic, head, head_length)) {
            WEND_TRY(try_known(source, file, partition->topic, partition->next, partition->fingerprint, &short_of, &settled,
                               error));
        }
    }
    for (uint32_t i = 0; i < source->known_count && !settled; i++) {
        const known_file *known = &source->known[i];
        if (find_partition(source, known->topic) == NO_PARTITION && wendi_file_topic_fits(known->topic, head, head_length)) {
            WEND_TRY(try_known(source, file, known->topic, known->next, known->fingerprint, &short_of, &settled, error));
        }
    }
    if (!settled && short_of >= 0 && !source->reload) {
        WEND_TRY(fail_short(file, short_of, error));
    }
    if (!settled || source->reload) {
        WEND_TRY(begin_new(source, file, head, head_length, settled || short_of >= 0, error));
    }
cleanup:
    return status;
}

/* Read the head into carry and recognise the file by it. It stays unrecognised while it has no whole line and may grow. */
static wend_status reach(file_source *source, source_file *file, wend_error *error)
{
    bool ended = false;
    wend_status status = WEND_OK;
    if (file->stream == NULL) {
        WEND_TRY(wendi_file_stream_open(file->path, -1, &file->stream, error));
    }
    WEND_TRY(wendi_buffer_reserve(&file->carry, WENDI_FILE_HEAD_BYTES));
    while (file->carry.length < WENDI_FILE_HEAD_BYTES && !ended) {
        size_t length;
        WEND_TRY(wendi_file_stream_read(file->stream, file->carry.data + file->carry.length,
                                        WENDI_FILE_HEAD_BYTES - file->carry.length, 0, &length, &ended, error));
        file->carry.length += length;
        if (length == 0 && !ended) { /* a named pipe without anything to read */
            return WEND_OK;
        }
    }
    size_t head_length = file->carry.length;
    if (source->follow && head_length < WENDI_FILE_HEAD_BYTES) { /* only whole lines are sure to stay */
        while (head_length > 0 && file->carry.data[head_length - 1] != '\n') {
            head_length--;
        }
    }
    if (head_length != 0) {
        WEND_TRY(recognise(source, file, file->carry.data, head_length, error));
    } else if (!source->follow) {
        file->report.recognised = WENDI_FILE_REPEATED; /* nothing in it */
        close_file(file);
    }
cleanup:
    return status;
}

/* ---- lines ------------------------------------------------------------------------------------ */

static bool is_blank(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\r')) {
        at++;
    }
    return at == end;
}

static void add_message(wendi_message_block *block, const source_file *file, const char *begin, const char *end,
                        int64_t position, int64_t next)
{
    if (end > begin && end[-1] == '\r') {
        end--;
    }
    if (is_blank(begin, end)) {
        return;
    }
    if (end - begin > WENDI_MESSAGE_BYTES_MAX) {
        end = begin + WENDI_MESSAGE_BYTES_MAX + 1; /* enough to be seen as too long */
    }
    block->messages[block->count++] = (wendi_message){.payload = begin,
                                                      .length = (uint32_t)(end - begin),
                                                      .partition = (uint32_t)file->partition,
                                                      .position = position,
                                                      .next = next,
                                                      .timestamp_us = INT64_MIN};
    block->payload_bytes += (size_t)(end - begin);
}

/* Everything up to `length` of `bytes` is settled. */
static void advance(file_source *source, source_file *file, const void *bytes, size_t length)
{
    wendi_source_partition *partition = &source->partitions[file->partition];
    wendi_file_tail_add(&file->tail, bytes, length);
    partition->next += (int64_t)length;
    file->report.next = partition->next;
}

/* Give the whole lines of text[0..length); the bytes behind the last of them are left. */
static size_t give_lines(file_source *source, source_file *file, wendi_message_block *block, const char *text, size_t length)
{
    int64_t position = source->partitions[file->partition].next;
    const char *at = text;
    const char *end = text + length;
    while (at < end && block->count < WENDI_MESSAGE_BLOCK_MAX) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (stop == NULL) {
            break;
        }
        int64_t from = position + (at - text);
        add_message(block, file, at, stop, from, position + (stop + 1 - text));
        at = stop + 1;
    }
    size_t given = (size_t)(at - text);
    if (block->count != 0) {
        source->line_bytes = (uint32_t)(given / block->count) + 1;
    }
    advance(source, file, text, given);
    return given;
}

/* A line of the carry alone, copied to the block: the last one without '\n', or one that is too long. */
static wend_status give_carry(file_source *source, source_file *file, wendi_message_block *block, uint64_t line_bytes,
                              wend_error *error)
{
    int64_t position = source->partitions[file->partition].next;
    char *text = wendi_message_block_space(block, file->carry.length);
    if (text == NULL) {
        return wendi_fail_nomem(error, "a line", file->carry.length);
    }
    memcpy(text, file->carry.data, file->carry.length);
    add_message(block, file, text, text + file->carry.length, position, position + (int64_t)line_bytes);
    file->carry.length = 0;
    return WEND_OK;
}

/* Pass over the rest of a line that is too long; what is behind its '\n' becomes the carry. */
static wend_status pass_long_line(file_source *source, source_file *file, wendi_message_block *block, const char *text,
                                  size_t length, bool ended, wend_error *error)
{
    const char *stop = length == 0 ? NULL : memchr(text, '\n', length);
    size_t passed = stop == NULL ? length : (size_t)(stop + 1 - text);
    wend_status status = WEND_OK;
    wendi_file_tail_add(&file->ahead, text, passed);
    file->too_long_bytes += passed;
    if (stop == NULL && !ended) {
        return WEND_OK;
    }
    WEND_TRY(give_carry(source, file, block, file->too_long_bytes, error));
    wendi_source_partition *partition = &source->partitions[file->partition];
    partition->next += (int64_t)file->too_long_bytes;
    file->report.next = partition->next;
    file->tail = file->ahead;
    file->too_long = false;
    WEND_TRY(wendi_buffer_append(&file->carry, text + passed, length - passed));
cleanup:
    return status;
}

/* The carry holds the beginning of a line longer than may be: keep as much as shows it. */
static void begin_long_line(source_file *file)
{
    file->too_long = true;
    file->too_long_bytes = file->carry.length;
    file->ahead = file->tail;
    wendi_file_tail_add(&file->ahead, file->carry.data, file->carry.length);
    file->carry.length = (size_t)WENDI_MESSAGE_BYTES_MAX + 1;
}

/* ---- reading ---------------------------------------------------------------------------------- */

/* Standard input that is resumed: what the table has already goes by unseen but for its fingerprint. */
static wend_status pass_known(file_source *source, source_file *file, const char **text, size_t *length, bool ended,
                              wend_error *error)
{
    size_t passed = (uint64_t)file->skip_left < *length ? (size_t)file->skip_left : *length;
    wendi_file_tail_add(&file->tail, *text, passed);
    file->skip_left -= (int64_t)passed;
    *text += passed;
    *length -= passed;
    const wendi_source_partition *partition = &source->partitions[file->partition];
    if (file->skip_left == 0 ? wendi_file_tail_hash(&file->tail) != file->skip_fingerprint : ended) {
        wendi_fail(error, WEND_CONFLICT, "%s does not begin with the %lld bytes that are loaded of it", partition->shown,
                   (long long)partition->next);
        wendi_error_hint(error, "resuming standard input needs the same stream from its beginning; give a new stream another --source");
        return WEND_CONFLICT;
    }
    return WEND_OK;
}

/* How much to read so that a block's messages are filled and little is carried on. */
static size_t wanted_bytes(const file_source *source, const source_file *file)
{
    size_t wanted = (size_t)WENDI_MESSAGE_BLOCK_MAX * (source->line_bytes + 1);
    wanted = wanted > file->carry.length ? wanted - file->carry.length : 0;
    wanted = wanted < READ_BYTES_MIN ? READ_BYTES_MIN : wanted;
    wanted = wanted < source->read_bytes ? wanted : source->read_bytes;
    /* A long line is carried on whole each time: read twice as much then, to copy it a few times only. */
    return file->carry_has_lines || wanted > file->carry.length ? wanted : file->carry.length;
}

static wend_status keep(source_file *file, const char *text, size_t length, wend_error *error)
{
    file->carry.length = 0;
    wend_status status = wendi_buffer_append(&file->carry, text, length);
    return status == WEND_OK ? status : wendi_fail_nomem(error, "an unfinished line", length);
}

/* At the file's end: what waits is its last line. */
static wend_status finish(file_source *source, source_file *file, wendi_message_block *block, wend_error *error)
{
    wend_status status = WEND_OK;
    if (file->carry.length != 0) {
        wendi_file_tail tail = file->tail;
        size_t length = file->carry.length;
        wendi_file_tail_add(&tail, file->carry.data, length);
        WEND_TRY(give_carry(source, file, block, length, error));
        source->partitions[file->partition].next += (int64_t)length;
        file->report.next = source->partitions[file->partition].next;
        file->tail = tail;
    }
cleanup:
    return status;
}

/* The carry and freshly read bytes side by side in the block's own memory: lines are parsed there. */
static wend_status read_text(file_source *source, source_file *file, wendi_message_block *block, int timeout_ms,
                             const char **text, size_t *length, bool *ended, wend_error *error)
{
    size_t carried = file->too_long ? 0 : file->carry.length;
    size_t wanted = wanted_bytes(source, file);
    size_t bytes = carried + wanted + WENDI_MESSAGE_PADDING;
    bytes += SPACE_STEP - 1 - (bytes - 1) % SPACE_STEP; /* so that the block's memory mostly does next time, too */
    char *space = wendi_arena_alloc(&block->arena, bytes);
    if (space == NULL) {
        return wendi_fail_nomem(error, "reading a file", carried + wanted);
    }
    if (carried != 0) {
        memcpy(space, file->carry.data, carried);
    }
    wend_status status = wendi_file_stream_read(file->stream, space + carried, wanted, timeout_ms, length, ended, error);
    *length += carried;
    memset(space + *length, 0, WENDI_MESSAGE_PADDING);
    *text = space;
    return status;
}

/* One portion of one file into the block. *moved: something was read. */
static wend_status read_file(file_source *source, source_file *file, wendi_message_block *block, int timeout_ms, bool *moved,
                             bool *ended, wend_error *error)
{
    const char *text = "";
    size_t length = 0;
    size_t carried = file->carry.length;
    wend_status status = WEND_OK;
    WEND_TRY(read_text(source, file, block, timeout_ms, &text, &length, ended, error));
    *moved = file->too_long ? length != 0 : length != carried;
    if (file->skip_left > 0 && (length != 0 || *ended)) {
        WEND_TRY(pass_known(source, file, &text, &length, *ended, error));
        carried = 0;
    }
    if (file->too_long) {
        WEND_TRY(pass_long_line(source, file, block, text, length, *ended && !source->follow, error));
        *ended = *ended && file->too_long; /* the carry may hold lines */
        return status;
    }
    size_t given = give_lines(source, file, block, text, length);
    WEND_TRY(keep(file, text + given, length - given, error));
    *moved |= given != 0;
    file->carry_has_lines = block->count == WENDI_MESSAGE_BLOCK_MAX;
    if (file->carry_has_lines) {
        *ended = false; /* there may be more whole lines in the carry */
    } else if (file->carry.length > WENDI_MESSAGE_BYTES_MAX) {
        begin_long_line(file);
    }
cleanup:
    return status;
}

/* Following: at its end a file may have been rotated away under its name. */
static wend_status follow_end(file_source *source, source_file *file, wendi_message_block *block, wend_error *error)
{
    wendi_source_partition *partition = &source->partitions[file->partition];
    wend_status status = WEND_OK;
    if (!wendi_file_stream_is_plain(file->stream)) {
        close_file(file); /* compressed files do not grow */
        return WEND_OK;
    }
    if (wendi_file_stream_replaced(file->stream, partition->next)) {
        WEND_TRY(file->too_long ? pass_long_line(source, file, block, "", 0, true, error)
                                : finish(source, file, block, error));
        partition->finished = true;
        wendi_file_stream_close(file->stream);
        file->stream = NULL;
        file->partition = NO_PARTITION;
        file->tail.length = 0;
        file->too_long = false;
    }
cleanup:
    return status;
}

static void report_partition(file_source *source, source_file *file)
{
    if (file->partition == NO_PARTITION) {
        return;
    }
    wendi_source_partition *partition = &source->partitions[file->partition];
    partition->fingerprint = file->skip_left > 0 ? file->skip_fingerprint : wendi_file_tail_hash(&file->tail);
    partition->end = file->finished || file->stream == NULL ? partition->next : wendi_file_stream_size(file->stream);
    partition->finished = file->finished;
}

static wend_status serve(file_source *source, source_file *file, wendi_message_block *block, int timeout_ms, bool *moved,
                         wend_error *error)
{
    bool ended = false;
    wend_status status = WEND_OK;
    *moved = false;
    if (file->partition == NO_PARTITION) {
        WEND_TRY(reach(source, file, error));
        if (file->partition == NO_PARTITION) {
            *moved = file->finished;
            return status;
        }
    }
    WEND_TRY(read_file(source, file, block, timeout_ms, moved, &ended, error));
    if (ended && source->follow && !*moved) {
        WEND_TRY(follow_end(source, file, block, error));
    } else if (ended && !source->follow) {
        WEND_TRY(finish(source, file, block, error));
        close_file(file);
        bool nothing = file->report.recognised == WENDI_FILE_RESUMED && file->report.next == file->report.start;
        file->report.recognised = nothing ? WENDI_FILE_REPEATED : file->report.recognised;
        *moved = true;
    }
    report_partition(source, file);
cleanup:
    return status;
}

/* ---- the source ------------------------------------------------------------------------------- */

static wend_status next_block(wendi_source *self, wendi_message_block *block, int timeout_ms, wend_error *error)
{
    file_source *source = (file_source *)(void *)self;
    int64_t deadline = wendi_clock_monotonic_us() + (int64_t)timeout_ms * 1000;
    wendi_message_block_reset(block);
    for (uint32_t idle = 0;;) {
        uint32_t open_files = 0;
        for (uint32_t i = 0; i < source->file_count; i++) {
            open_files += !source->files[i].finished;
        }
        if (open_files == 0) {
            return WEND_END;
        }
        source_file *file = &source->files[source->turn];
        bool moved = false;
        wendi_message_block_reset(block); /* what only held blank lines */
        if (!file->finished) {
            wend_status status = serve(source, file, block, timeout_ms, &moved, error);
            if (status != WEND_OK || block->count != 0) {
                return status;
            }
        }
        if (file->finished || source->follow) {
            source->turn = (source->turn + 1) % source->file_count;
        }
        idle = moved || file->finished ? 0 : idle + 1;
        int64_t left_us = deadline - wendi_clock_monotonic_us();
        if (left_us <= 0) {
            return WEND_OK;
        }
        if (idle >= open_files && !source->is_stdin) {
            poll(NULL, 0, left_us / 1000 < FOLLOW_WAIT_MS ? (int)(left_us / 1000) : FOLLOW_WAIT_MS);
            idle = 0;
        }
    }
}

static const wendi_source_partition *partitions(wendi_source *self, uint32_t *count)
{
    const file_source *source = (const file_source *)(const void *)self;
    *count = source->partition_count;
    return source->partitions;
}

static void free_string(const char *text)
{
    union {
        const char *kept;
        void *freed;
    } both = {.kept = text};
    wendi_free(both.freed);
}

static void close_source(wendi_source *self)
{
    file_source *source = (file_source *)(void *)self;
    for (uint32_t i = 0; i < source->file_count && source->files != NULL; i++) {
        wendi_file_stream_close(source->files[i].stream);
        wendi_buffer_free(&source->files[i].carry);
        free_string(source->files[i].path);
    }
    for (uint32_t i = 0; i < source->partition_count; i++) {
        free_string(source->partitions[i].topic);
        free_string(source->partitions[i].shown);
    }
    for (uint32_t i = 0; i < source->known_count && source->known != NULL; i++) {
        wendi_free(source->known[i].topic);
    }
    wendi_free(source->files);
    wendi_free(source->partitions);
    wendi_free(source->reports);
    wendi_free(source->known);
    wendi_free(source);
}

const wendi_file_report *wendi_file_source_reports(const wendi_source *self, uint32_t *count)
{
    const file_source *source = (const file_source *)(const void *)self;
    for (uint32_t i = 0; i < source->file_count; i++) {
        source->reports[i] = source->files[i].report;
    }
    *count = source->file_count;
    return source->reports;
}

/* ---- opening ---------------------------------------------------------------------------------- */

static wend_status copy_known(file_source *source, const wendi_file_source_options *options, wend_error *error)
{
    source->known = wendi_alloc_zero(options->start_count, sizeof *source->known);
    if (source->known == NULL) {
        return wendi_fail_nomem(error, "the known files", options->start_count * sizeof *source->known);
    }
    for (uint32_t i = 0; i < options->start_count; i++) {
        const wendi_file_start *start = &options->starts[i];
        char *topic = wendi_strdup(start->topic);
        if (topic == NULL) {
            return wendi_fail_nomem(error, "a known file", strlen(start->topic));
        }
        source->known[source->known_count++] = (known_file){topic, start->next, start->fingerprint};
    }
    return WEND_OK;
}

static wend_status open_stdin(file_source *source, const wendi_file_source_options *options, wend_error *error)
{
    source_file *file = &source->files[0];
    char topic[256];
    if (options->source_name != NULL) {
        if (strlen(options->source_name) + 8 > sizeof topic) {
            return wendi_fail(error, WEND_INVALID, "a source's name may have at most %zu bytes", sizeof topic - 8);
        }
        snprintf(topic, sizeof topic, "stdin:%s", options->source_name);
    } else {
        snprintf(topic, sizeof topic, "stdin:run-%llx-%x", (unsigned long long)wendi_clock_wall_us(), (unsigned)getpid());
    }
    file->report.recognised = WENDI_FILE_NEW;
    wend_status status = wendi_file_stream_open(file->path, options->stdin_fd, &file->stream, error);
    if (status != WEND_OK) {
        return status;
    }
    int64_t next = 0;
    uint64_t fingerprint = wendi_file_tail_hash(&file->tail);
    for (uint32_t i = 0; i < source->known_count; i++) {
        if (strcmp(source->known[i].topic, topic) == 0 && !source->reload) {
            next = source->known[i].next;
            fingerprint = source->known[i].fingerprint;
            file->report.recognised = WENDI_FILE_RESUMED;
        }
    }
    if (source->reload && options->source_name != NULL && topic_taken(source, topic)) {
        return wendi_fail(error, WEND_INVALID, "standard input cannot be reloaded under the name %s: give it a new --source",
                          options->source_name);
    }
    file->skip_left = next;
    file->skip_fingerprint = fingerprint;
    file->report.start = next;
    file->report.next = next;
    return add_partition(source, topic, file->path, next, fingerprint, &file->partition, error);
}

/* What cannot be read is told at once, not when its turn comes. Recognising a file needs to read it twice. */
static wend_status check_file(const source_file *file, wend_error *error)
{
    struct stat info;
    if (stat(file->path, &info) != 0 || access(file->path, R_OK) != 0) {
        return wendi_fail(error, errno == ENOENT ? WEND_NOT_FOUND : WEND_IO, "cannot open %s: %s", file->path, strerror(errno));
    }
    if (!S_ISREG(info.st_mode)) {
        wendi_fail(error, WEND_INVALID, "%s is no regular file", file->path);
        wendi_error_hint(error, "pipes and devices can be read as standard input: --stdin < %s", file->path);
        return WEND_INVALID;
    }
    return WEND_OK;
}

static wend_status check_options(const wendi_file_source_options *options, wend_error *error)
{
    if (options->use_stdin == (options->path_count != 0)) {
        return wendi_fail(error, WEND_INVALID, "%s", options->use_stdin ? "files or standard input, not both"
                                                                        : "no files to read");
    }
    if (options->use_stdin && options->follow) {
        wendi_fail(error, WEND_INVALID, "standard input ends when its writer closes it; there is nothing to follow behind that");
        wendi_error_hint(error, "leave --follow out");
        return WEND_INVALID;
    }
    if (!options->use_stdin && options->source_name != NULL) {
        wendi_fail(error, WEND_INVALID, "--source names standard input; files are known by their content");
        wendi_error_hint(error, "leave --source out");
        return WEND_INVALID;
    }
    return WEND_OK;
}

static wend_status open_files(file_source *source, const wendi_file_source_options *options, wend_error *error)
{
    for (uint32_t i = 0; i < source->file_count; i++) {
        source_file *file = &source->files[i];
        file->partition = NO_PARTITION;
        file->path = wendi_strdup(options->use_stdin ? options->source_name != NULL ? options->source_name : "standard input"
                                                     : options->paths[i]);
        if (file->path == NULL) {
            return wendi_fail_nomem(error, "a file's name", 1);
        }
        file->report.path = file->path;
        wend_status status = options->use_stdin ? open_stdin(source, options, error) : check_file(file, error);
        if (status != WEND_OK) {
            return status;
        }
    }
    return WEND_OK;
}

wend_status wendi_file_source_open(const wendi_file_source_options *options, wendi_source **source_out, wend_error *error)
{
    uint32_t count = options->use_stdin ? 1 : options->path_count;
    wend_status status = WEND_OK;
    file_source *source = NULL;
    *source_out = NULL;
    WEND_TRY(check_options(options, error));
    source = wendi_alloc_zero(1, sizeof *source);
    if (source == NULL) {
        return wendi_fail_nomem(error, "a source of files", sizeof *source);
    }
    source->base = (wendi_source){.next = next_block, .partitions = partitions, .close = close_source};
    source->follow = options->follow;
    source->reload = options->reload;
    source->is_stdin = options->use_stdin;
    source->read_bytes = options->read_bytes != 0 ? options->read_bytes : READ_BYTES_DEFAULT;
    source->line_bytes = LINE_BYTES_GUESS;
    source->files = wendi_alloc_zero(count, sizeof *source->files);
    source->reports = wendi_alloc_zero(count, sizeof *source->reports);
    source->file_count = count;
    if (source->files == NULL || source->reports == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "a source of files", count * sizeof *source->files));
    }
    WEND_TRY(copy_known(source, options, error));
    WEND_TRY(open_files(source, options, error));
    *source_out = &source->base;
    source = NULL;
cleanup:
    if (source != NULL) {
        close_source(&source->base);
    }
    return status;
}
