/* Looking after tables: verify, status, rejects. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/bytes.h"
#include "engine/column/value.h"
#include "tools/cli/commands.h"
#include "tools/cli/result_print.h"

static bool reconcile;
static const char *format_name;
static int64_t limit_count = -1;
static bool reasons_only;

const cli_option *cli_status_options(void)
{
    static const cli_option options[] = {
        {"reconcile", 0, CLI_FLAG, &reconcile, NULL,
         "account for every message, per partition or file"},
        {"format", 'f', CLI_TEXT, &format_name, "FORMAT", "text (default) or json"},
        {NULL, 0, CLI_FLAG, NULL, NULL, NULL}};
    return options;
}

const cli_option *cli_rejects_options(void)
{
    static const cli_option options[] = {
        {"format", 'f', CLI_TEXT, &format_name, "FORMAT", "text (default on a terminal) or ndjson"},
        {"limit", 'n', CLI_INTEGER, &limit_count, "N", "show at most N"},
        {"reasons", 0, CLI_FLAG, &reasons_only, NULL, "count by reason instead of listing"},
        {NULL, 0, CLI_FLAG, NULL, NULL, NULL}};
    return options;
}

/* ---- verify ---- */

static void print_finding(void *context, const wend_finding *finding)
{
    (void)context;
    printf("%s: %s\n", finding->path, finding->message);
}

int cli_verify(const cli_command *command, int argc, char **argv)
{
    cli_words words;
    wend_store *store;
    wend_error error;
    int code;
    if (!cli_parse(command, argc, argv, 1, 1, &words, &code)) {
        return code;
    }
    code = cli_open_store(false, &store);
    if (code != EXIT_DONE) {
        return code;
    }
    if (wend_verify_table(store, words.items[0], print_finding, NULL, &error) == WEND_OK) {
        printf("%s: every byte is as it was written\n", words.items[0]);
    } else {
        code = cli_fail(&error, NULL);
        if (code == EXIT_DAMAGED) {
            fprintf(stderr, "hint: put these files back from a copy, or ask with --skip-corrupt; "
                            "docs/OPERATIONS.md says more\n");
        }
    }
    wend_store_close(store);
    return code;
}

/* ---- status ---- */

static void time_text(int64_t us, char *text, size_t capacity)
{
    wendi_buffer buffer = {0};
    wendi_value value = {.type = wendi_type_of(WENDI_TYPE_TIMESTAMPTZ), .i64 = us};
    text[0] = '\0';
    if (wendi_value_format(&value, wendi_timezone_utc(), &buffer) == WEND_OK) {
        snprintf(text, capacity, "%.*s", (int)buffer.length, (const char *)buffer.data);
    }
    wendi_buffer_free(&buffer);
}

typedef struct account {
    bool json;
    bool first;
    bool balanced;
    wend_source_status total;
} account;

static void add_source(void *context, const wend_source_status *source)
{
    account *of = context;
    of->total.taken += source->taken;
    of->total.stored += source->stored;
    of->total.rejected += source->rejected;
    of->total.deduplicated += source->deduplicated;
    of->total.tombstones += source->tombstones;
    of->total.gap += source->gap;
    of->balanced = of->balanced && source->taken == source->stored + source->rejected +
                                                        source->deduplicated + source->tombstones;
}

static void print_source(void *context, const wend_source_status *source)
{
    account *of = context;
    add_source(context, source);
    if (of->json) {
        wendi_buffer name = {0};
        if (cli_json_string(source->shown, strlen(source->shown), &name) == WEND_OK) {
            printf("%s{\"source\":%.*s,\"partition\":%d,\"next\":%lld,\"taken\":%lld,\"stored\":%"
                   "lld,\"rejected\":%lld,\"deduplicated\":%lld,"
                   "\"tombstones\":%lld,\"gap\":%lld}",
                   of->first ? "" : ",", (int)name.length, (const char *)name.data,
                   source->partition, (long long)source->next, (long long)source->taken,
                   (long long)source->stored, (long long)source->rejected,
                   (long long)source->deduplicated, (long long)source->tombstones,
                   (long long)source->gap);
        }
        wendi_buffer_free(&name);
    } else {
        printf("  %-40s next %-12lld %lld taken = %lld stored + %lld rejected + %lld deduplicated "
               "+ %lld tombstones%s",
               source->shown, (long long)source->next, (long long)source->taken,
               (long long)source->stored, (long long)source->rejected,
               (long long)source->deduplicated, (long long)source->tombstones,
               source->gap != 0 ? "" : "\n");
        if (source->gap != 0) {
            printf("; %lld never seen (accepted gap)\n", (long long)source->gap);
        }
    }
    of->first = false;
}

static int print_status(wend_store *store, const char *table)
{
    wend_table_status status;
    wend_error error;
    account of = {.json = format_name != NULL && strcmp(format_name, "json") == 0,
                  .first = true,
                  .balanced = true};
    char committed[64];
    char oldest[64];
    char newest[64];
    if (wend_table_status_of(store, table, &status, &error) != WEND_OK) {
        return cli_fail(&error, NULL);
    }
    time_text(status.commit_us, committed, sizeof committed);
    time_text(status.time_min_us, oldest, sizeof oldest);
    time_text(status.time_max_us, newest, sizeof newest);
    if (of.json) {
        printf("{\"table\":\"%s\",\"version\":%llu,\"committed\":\"%s\",\"rows\":%llu,\"segments\":"
               "%llu,\"segment_bytes\":%llu,\"rejects\":%llu,"
               "\"rows_without_user\":%llu,\"segments_by_level\":[%llu,%llu,%llu],\"sources\":[",
               table, (unsigned long long)status.version, committed,
               (unsigned long long)status.row_count, (unsigned long long)status.segment_count,
               (unsigned long long)status.segment_bytes,
               (unsigned long long)status.reject_row_count,
               (unsigned long long)status.null_user_rows,
               (unsigned long long)status.level_segments[0],
               (unsigned long long)status.level_segments[1],
               (unsigned long long)status.level_segments[2]);
    } else {
        printf("%s: commit %llu of %s\n", table, (unsigned long long)status.version, committed);
        printf(
            "  %llu rows in %llu segments, %.1f MB (%.2f bytes a row), %llu rejected rows kept\n",
            (unsigned long long)status.row_count, (unsigned long long)status.segment_count,
            (double)status.segment_bytes / 1e6,
            status.row_count != 0 ? (double)status.segment_bytes / (double)status.row_count : 0.0,
            (unsigned long long)status.reject_row_count);
        if (status.segment_count != status.level_segments[0]) {
            printf("  of these %llu as ingested (%.1f MB), %llu merged (%.1f MB), %llu finished "
                   "(%.1f MB)\n",
                   (unsigned long long)status.level_segments[0], (double)status.level_bytes[0] / 1e6,
                   (unsigned long long)status.level_segments[1], (double)status.level_bytes[1] / 1e6,
                   (unsigned long long)status.level_segments[2],
                   (double)status.level_bytes[2] / 1e6);
        }
        if (status.time_min_us <= status.time_max_us) {
            printf("  times from %s to %s, %llu rows without a user\n", oldest, newest,
                   (unsigned long long)status.null_user_rows);
        }
        if (reconcile) {
            printf("accounts:\n");
        }
    }
    wend_status got = wend_table_sources(
        store, table, reconcile || of.json ? print_source : add_source, &of, &error);
    if (got != WEND_OK) {
        return cli_fail(&error, NULL);
    }
    const wend_source_status *total = &of.total;
    bool rows_agree = total->taken == 0 || total->stored == (int64_t)status.row_count;
    bool good = of.balanced && rows_agree;
    if (of.json) {
        printf("],\"taken\":%lld,\"stored\":%lld,\"rejected\":%lld,\"deduplicated\":%lld,"
               "\"tombstones\":%lld,\"gap\":%lld,\"reconciled\":%s}\n",
               (long long)total->taken, (long long)total->stored, (long long)total->rejected,
               (long long)total->deduplicated, (long long)total->tombstones, (long long)total->gap,
               good ? "true" : "false");
    } else {
        printf(
            "  %lld taken = %lld stored + %lld rejected + %lld deduplicated + %lld tombstones%s\n",
            (long long)total->taken, (long long)total->stored, (long long)total->rejected,
            (long long)total->deduplicated, (long long)total->tombstones,
            good ? "" : "   DOES NOT RECONCILE");
        if (total->gap != 0) {
            printf("  %lld messages were deleted by the broker before they could be read (accepted "
                   "gaps)\n",
                   (long long)total->gap);
        }
    }
    return good ? EXIT_DONE : EXIT_DAMAGED;
}

int cli_status(const cli_command *command, int argc, char **argv)
{
    cli_words words;
    wend_store *store;
    int code;
    if (!cli_parse(command, argc, argv, 1, 1, &words, &code)) {
        return code;
    }
    if (format_name != NULL && strcmp(format_name, "json") != 0 &&
        strcmp(format_name, "text") != 0) {
        fprintf(stderr, "wend status: --format is text or json\n");
        return EXIT_USED_WRONGLY;
    }
    code = cli_open_store(false, &store);
    if (code == EXIT_DONE) {
        code = print_status(store, words.items[0]);
        wend_store_close(store);
    }
    return code;
}

/* ---- rejects ---- */

enum { REASONS_MAX = 1000 };

typedef struct reject_list {
    bool ndjson;
    int64_t left; /* -1: all */
    wend_store *store;
    const char *table;
    wendi_buffer shown; /* reused */
    char *reasons[REASONS_MAX];
    uint64_t counts[REASONS_MAX];
    size_t reason_count;
} reject_list;

/* Where in its message a fault was found is not part of its kind: " (byte 544)" is left out. */
static size_t kind_length(const wend_reject *reject)
{
    static const char place[] = " (byte ";
    size_t length = reject->reason_length;
    while (length > 0 && reject->reason[length - 1] != '(') {
        length--;
    }
    bool placed = length >= 2 && length - 2 + sizeof place - 1 <= reject->reason_length &&
                  memcmp(reject->reason + length - 2, place, sizeof place - 1) == 0;
    return placed ? length - 2 : reject->reason_length;
}

static void count_reason(reject_list *list, const wend_reject *reject)
{
    size_t length = kind_length(reject);
    for (size_t i = 0; i < list->reason_count; i++) {
        if (strlen(list->reasons[i]) == length &&
            memcmp(list->reasons[i], reject->reason, length) == 0) {
            list->counts[i]++;
            return;
        }
    }
    size_t at = list->reason_count < REASONS_MAX - 1 ? list->reason_count : REASONS_MAX - 1;
    if (at == list->reason_count) {
        list->reasons[at] =
            at == REASONS_MAX - 1 ? strdup("(further reasons)") : strndup(reject->reason, length);
        list->reason_count += list->reasons[at] != NULL;
    }
    list->counts[at]++;
}

typedef struct source_name {
    const wend_reject *reject;
    char name[256];
} source_name;

static void take_name(void *context, const wend_source_status *source)
{
    source_name *wanted = context;
    if (strlen(source->topic) == wanted->reject->topic_length &&
        memcmp(source->topic, wanted->reject->topic, wanted->reject->topic_length) == 0) {
        snprintf(wanted->name, sizeof wanted->name, "%s", source->shown);
    }
}

enum { RAW_SHOWN = 400 };

/* For people: a file by the name it had, and of the message what a screen takes. */
static void print_reject(reject_list *list, const wend_reject *reject)
{
    static source_name last; /* rejects come in runs of one source */
    static char last_topic[64];
    wend_error ignored;
    if (reject->topic_length >= sizeof last_topic || strlen(last_topic) != reject->topic_length ||
        memcmp(last_topic, reject->topic, reject->topic_length) != 0) {
        snprintf(last_topic, sizeof last_topic, "%.*s", (int)reject->topic_length, reject->topic);
        snprintf(last.name, sizeof last.name, "%.*s", (int)reject->topic_length, reject->topic);
        last.reject = reject;
        /* A name that cannot be found leaves the topic's own. */
        (void)!wend_table_sources(list->store, list->table, take_name, &last, &ignored);
    }
    size_t length = reject->raw_length < RAW_SHOWN ? reject->raw_length : RAW_SHOWN;
    while (length > 0 && length < reject->raw_length &&
           ((unsigned char)reject->raw[length] & 0xc0) == 0x80) {
        length--;
    }
    list->shown.length = 0;
    if (cli_append_shown((wendi_string){reject->raw, (uint32_t)length}, &list->shown) != WEND_OK) {
        return;
    }
    printf("%s[%d] at %lld: %.*s\n    %.*s", last.name, reject->partition,
           (long long)reject->offset, (int)reject->reason_length, reject->reason,
           (int)list->shown.length, (const char *)list->shown.data);
    if (length < reject->raw_length) {
        printf("… (%zu bytes in all)", reject->raw_length);
    }
    putchar('\n');
}

static bool show_reject(void *context, const wend_reject *reject)
{
    reject_list *list = context;
    if (reasons_only) {
        count_reason(list, reject);
        return true;
    }
    if (list->left == 0) {
        return false;
    }
    list->left -= list->left > 0;
    if (list->ndjson) {
        printf("%.*s\n", (int)reject->line_length, reject->line);
    } else {
        print_reject(list, reject);
    }
    return true;
}

int cli_rejects(const cli_command *command, int argc, char **argv)
{
    static reject_list list;
    cli_words words;
    wend_store *store;
    wend_error error;
    int code;
    if (!cli_parse(command, argc, argv, 1, 1, &words, &code)) {
        return code;
    }
    bool named = format_name != NULL;
    if (named && strcmp(format_name, "ndjson") != 0 && strcmp(format_name, "text") != 0) {
        fprintf(stderr, "wend rejects: --format is text or ndjson\n");
        return EXIT_USED_WRONGLY;
    }
    list.ndjson = named ? strcmp(format_name, "ndjson") == 0 : !isatty(STDOUT_FILENO);
    list.left = limit_count;
    code = cli_open_store(false, &store);
    if (code != EXIT_DONE) {
        return code;
    }
    list.store = store;
    list.table = words.items[0];
    if (wend_table_rejects(store, words.items[0], show_reject, &list, &error) != WEND_OK) {
        code = cli_fail(&error, NULL);
    }
    for (size_t i = 0; i < list.reason_count; i++) {
        printf("%10llu  %s\n", (unsigned long long)list.counts[i], list.reasons[i]);
        free(list.reasons[i]);
    }
    wendi_buffer_free(&list.shown);
    wend_store_close(store);
    return code;
}
