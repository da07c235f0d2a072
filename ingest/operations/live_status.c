/*
 * The file of the live status, as text:
 *
 *   wend-live 1
 *   pid 4711
 *   taken 123456                        one line for each of wendi_run_numbers
 *   partition 3 100 90 120 0 clicks     number, next, committed, end, gap, topic; its shown name
 * next shown clicks[3] reason 12 null in column ts, … end
 *
 * Texts stand at the end of their line with control characters and % as %XX. Names that a reader
 * does not know are passed over, so that a newer ingestor may say more; a file without "end" is
 * none.
 */
#include "ingest/operations/live_status.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "ingest/operations/run_numbers.h"

#define HEAD "wend-live 1\n"
enum { PATH_BYTES = 4096, FILE_BYTES_MAX = 64 << 20, STALE_INTERVALS = 5, STALE_LEAST_MS = 5000 };

/* ---- writing ----------------------------------------------------------------------------------
 */

static wend_status put_text(wendi_buffer *out, const char *name, const char *text)
{
    wend_status status = WEND_OK;
    WEND_TRY(wendi_buffer_printf(out, "%s ", name));
    for (const char *at = text; *at != '\0'; at++) {
        unsigned char byte = (unsigned char)*at;
        if (byte < 0x20 || byte == 0x7f || byte == '%') {
            WEND_TRY(wendi_buffer_printf(out, "%%%02X", byte));
        } else {
            WEND_TRY(wendi_buffer_u8(out, byte));
        }
    }
    WEND_TRY(wendi_buffer_u8(out, '\n'));
cleanup:
    return status;
}

static wend_status put_counted(wendi_buffer *out, const char *name, uint64_t count,
                               const char *text)
{
    char begin[64];
    snprintf(begin, sizeof begin, "%s %" PRIu64, name, count);
    return put_text(out, begin, text);
}

/* Reals are written so that they are read back exactly. */
static wend_status put_guess(wendi_buffer *out, const wendi_value_guess *guess)
{
    char begin[320];
    snprintf(begin, sizeof begin,
             "values %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64
             " %" PRIu64 " %" PRId64 " %" PRId64 " %a %a %" PRIu32 " %d %d %d",
             guess->nulls, guess->booleans, guess->integers, guess->fractions, guess->strings,
             guess->objects, guess->arrays, guess->least, guess->greatest, guess->real_least,
             guess->real_greatest, guess->fraction_digits, guess->exponent, guess->huge,
             guess->not_forms);
    return put_text(out, begin, guess->example);
}

static wend_status put_lists(wendi_buffer *out, const wendi_ingest_stats *stats)
{
    wend_status status = WEND_OK;
    char begin[160];
    for (uint32_t i = 0; i < stats->partition_count; i++) {
        const wendi_ingest_partition *partition = &stats->partitions[i];
        snprintf(begin, sizeof begin,
                 "partition %" PRId32 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64,
                 partition->partition, partition->next, partition->committed_next, partition->end,
                 partition->gap);
        WEND_TRY(put_text(out, begin, partition->topic));
        WEND_TRY(put_text(out, "shown", partition->shown));
    }
    for (uint32_t i = 0; i < stats->reason_count; i++) {
        WEND_TRY(put_counted(out, "reason", stats->reasons[i].count, stats->reasons[i].text));
    }
    for (uint32_t i = 0; i < stats->unknown_key_count; i++) {
        const wendi_unknown_key *key = &stats->unknown_keys[i];
        WEND_TRY(put_counted(out, "unknown", key->count, key->path));
        WEND_TRY(put_guess(out, &key->guess));
    }
cleanup:
    return status;
}

wend_status wendi_live_status_encode(const wendi_live_status *live, wendi_buffer *out)
{
    const wendi_run_view *view = &live->view;
    wend_status status = WEND_OK;
    WEND_TRY(wendi_buffer_printf(
        out, HEAD "pid %" PRId64 "\nwritten_us %" PRId64 "\ninterval_ms %" PRId64 "\n", live->pid,
        live->written_us, live->interval_ms));
    WEND_TRY(put_text(out, "host", live->host));
    WEND_TRY(put_text(out, "pid_space", live->pid_space));
    WEND_TRY(put_text(out, "version", live->version));
    WEND_TRY(put_text(out, "metrics", live->metrics));
    WEND_TRY(put_text(out, "table", view->table));
    WEND_TRY(put_text(out, "io", view->stats.io_backend != NULL ? view->stats.io_backend : ""));
    WEND_TRY(put_text(out, "message", view->message));
    WEND_TRY(wendi_buffer_printf(out, "stuck %d\nkafka %d\nphase %d\n", live->stuck,
                                 view->kafka_known, (int)view->phase));
    WEND_TRY(put_text(out, "kafka_fault", view->kafka.last_error));
    for (uint32_t i = 0; i < wendi_run_number_count; i++) {
        char number[32];
        wendi_run_number_print(&wendi_run_numbers[i], view, number);
        WEND_TRY(wendi_buffer_printf(out, "%s %s\n", wendi_run_numbers[i].name, number));
    }
    WEND_TRY(put_lists(out, &view->stats));
    WEND_TRY(wendi_buffer_append(out, "end\n", 4));
cleanup:
    return status;
}

wend_status wendi_live_status_self(wendi_arena *arena, wendi_live_status *live)
{
    char name[256] = "";
    live->pid = getpid();
    live->version = WEND_VERSION;
    if (gethostname(name, sizeof name - 1) != 0) {
        name[0] = '\0';
    }
    live->host = wendi_arena_copy(arena, name, strlen(name));
    ssize_t length = readlink("/proc/self/ns/pid", name, sizeof name - 1);
    live->pid_space = wendi_arena_copy(arena, name, length > 0 ? (size_t)length : 0);
    return live->host != NULL && live->pid_space != NULL ? WEND_OK : WEND_NOMEM;
}

/* ---- reading ----------------------------------------------------------------------------------
 */

typedef struct decoder {
    wendi_arena *arena;
    wendi_live_status *live;
    wendi_ingest_partition *partitions;
    uint32_t partition_capacity;
    bool refused; /* memory */
} decoder;

static int hex_of(char digit)
{
    return digit >= '0' && digit <= '9'   ? digit - '0'
           : digit >= 'A' && digit <= 'F' ? digit - 'A' + 10
                                          : -1;
}

/* A text as put_text() wrote it; NULL: it is none, or memory was refused. */
static const char *take_text(decoder *self, const char *from)
{
    size_t length = strlen(from);
    char *text = wendi_arena_alloc(self->arena, length + 1);
    size_t at = 0;
    self->refused |= text == NULL;
    for (size_t i = 0; text != NULL && i < length; i++) {
        if (from[i] != '%') {
            text[at++] = from[i];
            continue;
        }
        int high = i + 2 < length ? hex_of(from[i + 1]) : -1;
        int low = high >= 0 ? hex_of(from[i + 2]) : -1;
        if (low < 0) {
            return NULL;
        }
        text[at++] = (char)(high << 4 | low);
        i += 2;
    }
    if (text != NULL) {
        text[at] = '\0';
    }
    return text;
}

static bool take_partition(decoder *self, const char *value)
{
    wendi_ingest_stats *stats = &self->live->view.stats;
    wendi_ingest_partition partition = {0};
    int length = 0;
    if (sscanf(value, "%" SCNd32 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 "%n",
               &partition.partition, &partition.next, &partition.committed_next, &partition.end,
               &partition.gap, &length) != 5 ||
        value[length] != ' ') {
        return false;
    }
    partition.topic = take_text(self, value + length + 1);
    partition.shown = partition.topic;
    if (stats->partition_count == self->partition_capacity) {
        uint32_t capacity = self->partition_capacity * 2 + 16;
        wendi_ingest_partition *larger = wendi_arena_alloc(self->arena, capacity * sizeof *larger);
        if (larger == NULL) {
            self->refused = true;
            return false;
        }
        if (stats->partition_count != 0) {
            memcpy(larger, self->partitions, stats->partition_count * sizeof *larger);
        }
        self->partitions = larger;
        self->partition_capacity = capacity;
        stats->partitions = larger;
    }
    self->partitions[stats->partition_count++] = partition;
    return partition.topic != NULL;
}

/* "12 text" into a list's next place. */
static bool take_counted(decoder *self, const char *value, uint64_t *count, char *text,
                         size_t capacity)
{
    int length = 0;
    if (sscanf(value, "%" SCNu64 "%n", count, &length) != 1 || value[length] != ' ') {
        return false;
    }
    const char *decoded = take_text(self, value + length + 1);
    if (decoded != NULL) {
        snprintf(text, capacity, "%s", decoded);
    }
    return decoded != NULL;
}

static bool take_guess(decoder *self, const char *value, wendi_value_guess *guess)
{
    int length = 0;
    int exponent;
    int huge;
    int not_forms;
    int count = sscanf(value,
                       "%" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
                       " %" SCNu64 " %" SCNd64 " %" SCNd64 " %la %la %" SCNu32 " %d %d %d%n",
                       &guess->nulls, &guess->booleans, &guess->integers, &guess->fractions,
                       &guess->strings, &guess->objects, &guess->arrays, &guess->least,
                       &guess->greatest, &guess->real_least, &guess->real_greatest,
                       &guess->fraction_digits, &exponent, &huge, &not_forms, &length);
    if (count != 15 || value[length] != ' ') {
        return false;
    }
    guess->exponent = exponent != 0;
    guess->huge = huge != 0;
    guess->not_forms = (uint8_t)not_forms;
    const char *example = take_text(self, value + length + 1);
    if (example != NULL) {
        snprintf(guess->example, sizeof guess->example, "%s", example);
        guess->example_bytes = (uint8_t)strlen(guess->example);
    }
    return example != NULL;
}

static bool take_list_line(decoder *self, const char *name, const char *value, bool *taken)
{
    wendi_ingest_stats *stats = &self->live->view.stats;
    *taken = true;
    if (strcmp(name, "partition") == 0) {
        return take_partition(self, value);
    }
    if (strcmp(name, "shown") == 0) {
        const char *shown = take_text(self, value);
        if (shown == NULL || stats->partition_count == 0) {
            return false;
        }
        self->partitions[stats->partition_count - 1].shown = shown;
        return true;
    }
    if (strcmp(name, "reason") == 0 && stats->reason_count < WENDI_INGEST_REASONS_MAX) {
        wendi_ingest_reason *reason = &stats->reasons[stats->reason_count++];
        return take_counted(self, value, &reason->count, reason->text, sizeof reason->text);
    }
    if (strcmp(name, "unknown") == 0 && stats->unknown_key_count < WENDI_UNKNOWN_KEYS_SHOWN) {
        wendi_unknown_key *key = &stats->unknown_keys[stats->unknown_key_count++];
        return take_counted(self, value, &key->count, key->path, sizeof key->path);
    }
    if (strcmp(name, "values") == 0 && stats->unknown_key_count != 0) {
        return take_guess(self, value, &stats->unknown_keys[stats->unknown_key_count - 1].guess);
    }
    *taken = false;
    return true;
}

static bool take_small(const char *value, int64_t least, int64_t most, int64_t *number)
{
    char *end;
    errno = 0;
    *number = strtoll(value, &end, 10);
    return errno == 0 && end != value && *end == '\0' && *number >= least && *number <= most;
}

static bool take_own_line(decoder *self, const char *name, const char *value)
{
    wendi_live_status *live = self->live;
    wendi_run_view *view = &live->view;
    int64_t number = 0;
    const struct {
        const char *name;
        const char **text;
    } texts[] = {{"host", &live->host},       {"pid_space", &live->pid_space},
                 {"version", &live->version}, {"metrics", &live->metrics},
                 {"table", &view->table},     {"io", &view->stats.io_backend},
                 {"message", &view->message}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (strcmp(name, texts[i].name) == 0) {
            *texts[i].text = take_text(self, value);
            return *texts[i].text != NULL;
        }
    }
    if (strcmp(name, "kafka_fault") == 0) {
        const char *fault = take_text(self, value);
        if (fault != NULL) {
            snprintf(view->kafka.last_error, sizeof view->kafka.last_error, "%s", fault);
        }
        return fault != NULL;
    }
    if (strcmp(name, "pid") == 0) {
        return take_small(value, 1, INT32_MAX, &live->pid);
    }
    if (strcmp(name, "written_us") == 0) {
        return take_small(value, INT64_MIN, INT64_MAX, &live->written_us);
    }
    if (strcmp(name, "interval_ms") == 0) {
        return take_small(value, 1, INT32_MAX, &live->interval_ms);
    }
    if (strcmp(name, "stuck") == 0 || strcmp(name, "kafka") == 0) {
        bool good = take_small(value, 0, 1, &number);
        *(name[0] == 's' ? &live->stuck : &view->kafka_known) = number == 1;
        return good;
    }
    if (strcmp(name, "phase") == 0) {
        bool good = take_small(value, WENDI_RUN_OPENING, WENDI_RUN_FAILED, &number);
        view->phase = good ? (wendi_run_phase)number : WENDI_RUN_OPENING;
        return good;
    }
    return true; /* a newer ingestor says more */
}

static bool take_line(decoder *self, const char *name, const char *value)
{
    bool taken;
    bool good = take_list_line(self, name, value, &taken);
    if (taken) {
        return good;
    }
    for (uint32_t i = 0; i < wendi_run_number_count; i++) {
        if (strcmp(name, wendi_run_numbers[i].name) == 0) {
            return wendi_run_number_parse(&wendi_run_numbers[i], value, &self->live->view);
        }
    }
    return take_own_line(self, name, value);
}

static wend_status damaged(wend_error *error, const char *what)
{
    return wendi_fail(error, WEND_CORRUPT, "the live status is damaged: %s", what);
}

wend_status wendi_live_status_decode(const char *text, size_t length, wendi_arena *arena,
                                     wendi_live_status *live, wend_error *error)
{
    decoder self = {.arena = arena, .live = live};
    *live = (wendi_live_status){.host = "",
                                .pid_space = "",
                                .version = "",
                                .metrics = "",
                                .view = {.table = "", .message = ""}};
    live->view.stats.io_backend = "";
    if (length < sizeof HEAD - 1 || memcmp(text, HEAD, sizeof HEAD - 1) != 0) {
        return damaged(error, "it does not begin as one");
    }
    char *copy = wendi_arena_copy(arena, text, length);
    if (copy == NULL) {
        return wendi_fail_nomem(error, "the live status", length);
    }
    for (char *line = copy + sizeof HEAD - 1; line < copy + length;) {
        char *end = memchr(line, '\n', (size_t)(copy + length - line));
        if (end == NULL) {
            break;
        }
        *end = '\0';
        if (strcmp(line, "end") == 0) {
            return end + 1 == copy + length ? WEND_OK : damaged(error, "it goes on behind its end");
        }
        char *space = strchr(line, ' ');
        if (space == NULL) {
            return damaged(error, "a line has no value");
        }
        *space = '\0';
        bool good = take_line(&self, line, space + 1);
        if (self.refused) {
            return wendi_fail_nomem(error, "the live status", length);
        }
        if (!good) {
            return damaged(error, "a value is none");
        }
        line = end + 1;
    }
    return damaged(error, "it is cut short");
}

/* ---- the file ---------------------------------------------------------------------------------
 */

static bool path_of(char path[PATH_BYTES], const char *folder, const char *suffix)
{
    return snprintf(path, PATH_BYTES, "%s/" WENDI_LIVE_STATUS_NAME "%s", folder, suffix) <
           PATH_BYTES;
}

static wend_status io_fault(wend_error *error, const char *verb, const char *path)
{
    return wendi_fail(error, errno == ENOENT ? WEND_NOT_FOUND : WEND_IO, "cannot %s %s: %s", verb,
                      path, strerror(errno));
}

static bool write_all(int file, const uint8_t *data, size_t length)
{
    size_t done = 0;
    while (done < length) {
        ssize_t written = write(file, data + done, length - done);
        if (written < 0 && errno != EINTR) {
            return false;
        }
        done += written > 0 ? (size_t)written : 0;
    }
    return true;
}

wend_status wendi_live_status_write(const char *folder, const wendi_live_status *live,
                                    wend_error *error)
{
    char path[PATH_BYTES];
    char fresh[PATH_BYTES];
    wendi_buffer text = {0};
    int file = -1;
    wend_status status = WEND_OK;
    if (!path_of(path, folder, "") || !path_of(fresh, folder, ".new")) {
        return wendi_fail(error, WEND_INVALID, "the table's path is too long");
    }
    if (wendi_live_status_encode(live, &text) != WEND_OK) {
        WEND_TRY(wendi_fail_nomem(error, "the live status", text.length));
    }
    file = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (file < 0 || !write_all(file, text.data, text.length)) {
        WEND_TRY(io_fault(error, "write", fresh));
    }
    int closed = close(file);
    file = -1;
    if (closed != 0) {
        WEND_TRY(io_fault(error, "write", fresh));
    }
    if (rename(fresh, path) != 0 && (unlink(path) != 0 || rename(fresh, path) != 0)) {
        WEND_TRY(io_fault(error, "replace", path)); /* some mounts do not rename over a file */
    }
cleanup:
    if (file >= 0) {
        close(file);
    }
    wendi_buffer_free(&text);
    return status;
}

wend_status wendi_live_status_read(const char *folder, wendi_arena *arena, wendi_live_status *live,
                                   wend_error *error)
{
    char path[PATH_BYTES];
    struct stat info;
    char *text = NULL;
    size_t length = 0;
    wend_status status = WEND_OK;
    if (!path_of(path, folder, "")) {
        return wendi_fail(error, WEND_INVALID, "the table's path is too long");
    }
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstat(file, &info) != 0) {
        WEND_TRY(io_fault(error, "read", path));
    }
    if (info.st_size > FILE_BYTES_MAX) {
        WEND_TRY(damaged(error, "it is too long"));
    }
    text = wendi_arena_alloc(arena, (size_t)info.st_size + 1);
    if (text == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "the live status", (size_t)info.st_size));
    }
    while (length < (size_t)info.st_size) {
        ssize_t count = read(file, text + length, (size_t)info.st_size - length);
        if (count < 0 && errno != EINTR) {
            WEND_TRY(io_fault(error, "read", path));
        }
        if (count == 0) {
            break;
        }
        length += count > 0 ? (size_t)count : 0;
    }
    WEND_TRY(wendi_live_status_decode(text, length, arena, live, error));
cleanup:
    if (file >= 0) {
        close(file);
    }
    return status;
}

void wendi_live_status_remove(const char *folder)
{
    char path[PATH_BYTES];
    wendi_arena arena = {0};
    wendi_live_status live;
    wendi_live_status self;
    if (wendi_live_status_read(folder, &arena, &live, NULL) == WEND_OK &&
        wendi_live_status_self(&arena, &self) == WEND_OK && live.pid == self.pid &&
        strcmp(live.host, self.host) == 0 && strcmp(live.pid_space, self.pid_space) == 0 &&
        path_of(path, folder, "")) {
        unlink(path);
    }
    wendi_arena_free(&arena);
}

bool wendi_live_status_stale(const wendi_live_status *live, int64_t wall_us)
{
    wendi_arena arena = {0};
    wendi_live_status self;
    int64_t patience_ms = live->interval_ms * STALE_INTERVALS;
    int64_t age_ms = (wall_us - live->written_us) / 1000;
    patience_ms = patience_ms > STALE_LEAST_MS ? patience_ms : STALE_LEAST_MS;
    bool stale = age_ms > patience_ms || age_ms < -patience_ms;
    if (!stale && wendi_live_status_self(&arena, &self) == WEND_OK &&
        strcmp(self.host, live->host) == 0 && strcmp(self.pid_space, live->pid_space) == 0) {
        stale = kill((pid_t)live->pid, 0) != 0 && errno == ESRCH;
    }
    wendi_arena_free(&arena);
    return stale;
}
