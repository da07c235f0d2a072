/* rejects: what a table could not store, as it came, or how many of each kind; and trying again. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/bytes.h"
#include "tools/cli/commands.h"
#include "tools/cli/result_print.h"

static const char *format_name;
static int64_t limit_count = -1;
static bool reasons_only;
static const char *framing;
static bool replay;
static bool dry_run;
static const char *reason_text;
static const char *source_wanted;

const cli_option *cli_rejects_options(void)
{
    static const cli_option options[] = {
        {"format", 'f', CLI_TEXT, &format_name, "FORMAT",
         "text (default on a terminal) or ndjson; of a replay json"},
        {"limit", 'n', CLI_INTEGER, &limit_count, "N", "show at most N"},
        {"reasons", 0, CLI_FLAG, &reasons_only, NULL, "count by reason instead of listing"},
        {"reason", 0, CLI_TEXT, &reason_text, "TEXT", "only those whose reason holds this text"},
        {"source", 0, CLI_TEXT, &source_wanted, "NAME", "only those of this topic or file"},
        {"replay", 0, CLI_FLAG, &replay, NULL, "store what today's schema and rules accept"},
        {"framing", 0, CLI_TEXT, &framing, "none|confluent-json",
         "of a replay: what stands before the JSON, as of ingest"},
        {"dry-run", 0, CLI_FLAG, &dry_run, NULL, "say what a replay would do, and change nothing"},
        {NULL, 0, CLI_FLAG, NULL, NULL, NULL}};
    return options;
}

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
    if (source->partition == wanted->reject->partition && strlen(source->topic) == wanted->reject->topic_length &&
        memcmp(source->topic, wanted->reject->topic, wanted->reject->topic_length) == 0) {
        snprintf(wanted->name, sizeof wanted->name, "%s", source->shown);
    }
}

/* A file by the name that it had when it was read last, a topic's partition as topic[partition]. */
static const char *name_of_source(reject_list *list, const wend_reject *reject)
{
    static source_name last; /* rejects come in runs of one source */
    static char last_topic[64];
    static int32_t last_partition;
    wend_error ignored;
    if (reject->topic_length >= sizeof last_topic || strlen(last_topic) != reject->topic_length ||
        memcmp(last_topic, reject->topic, reject->topic_length) != 0 ||
        last_partition != reject->partition) {
        snprintf(last_topic, sizeof last_topic, "%.*s", (int)reject->topic_length, reject->topic);
        last_partition = reject->partition;
        snprintf(last.name, sizeof last.name, "%.*s[%d]", (int)reject->topic_length, reject->topic,
                 reject->partition);
        last.reject = reject;
        /* A name that cannot be found leaves the topic's own. */
        (void)!wend_table_sources(list->store, list->table, take_name, &last, &ignored);
    }
    return last.name;
}

static bool is_wanted(reject_list *list, const wend_reject *reject)
{
    bool reason = reason_text == NULL || memmem(reject->reason, reject->reason_length, reason_text,
                                                strlen(reason_text)) != NULL;
    return reason &&
           (source_wanted == NULL ||
            (strlen(source_wanted) == reject->topic_length &&
             memcmp(source_wanted, reject->topic, reject->topic_length) == 0) ||
            strcmp(source_wanted, name_of_source(list, reject)) == 0);
}

enum { RAW_SHOWN = 400 };

/* For people: of the message what a screen takes. */
static void print_reject(reject_list *list, const wend_reject *reject)
{
    size_t length = reject->raw_length < RAW_SHOWN ? reject->raw_length : RAW_SHOWN;
    while (length > 0 && length < reject->raw_length &&
           ((unsigned char)reject->raw[length] & 0xc0) == 0x80) {
        length--;
    }
    list->shown.length = 0;
    if (cli_append_shown((wendi_string){reject->raw, (uint32_t)length}, &list->shown) != WEND_OK) {
        return;
    }
    printf("%s at %lld: %.*s\n    %.*s", name_of_source(list, reject), (long long)reject->offset,
           (int)reject->reason_length, reject->reason, (int)list->shown.length,
           (const char *)list->shown.data);
    if (length < reject->raw_length) {
        printf("… (%zu bytes in all)", reject->raw_length);
    }
    putchar('\n');
}

static bool show_reject(void *context, const wend_reject *reject)
{
    reject_list *list = context;
    if (!is_wanted(list, reject)) {
        return true;
    }
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

/* ---- replay ---- */

static void print_replay_json(const wend_replay *done)
{
    wendi_buffer out = {0};
    const char *before = "";
    wend_status status = wendi_buffer_printf(
        &out,
        "{\"dry_run\":%s,\"rejects\":%llu,\"not_chosen\":%llu,\"stored\":%llu,"
        "\"deduplicated\":%llu,\"rejected\":%llu,\"commits\":%llu,\"reasons\":[",
        dry_run ? "true" : "false", (unsigned long long)done->rejects,
        (unsigned long long)done->not_chosen, (unsigned long long)done->stored,
        (unsigned long long)done->deduplicated, (unsigned long long)done->rejected,
        (unsigned long long)done->commit_count);
    for (size_t i = 0; i < done->reason_count && status == WEND_OK; i++) {
        const wend_ingest_count *reason = &done->reasons[i];
        status = wendi_buffer_printf(&out, "%s{\"count\":%llu,\"reason\":", before,
                                     (unsigned long long)reason->count);
        before = ",";
        status = status == WEND_OK ? cli_json_string(reason->text, strlen(reason->text), &out)
                                   : status;
        status = status == WEND_OK ? wendi_buffer_u8(&out, '}') : status;
    }
    if (status == WEND_OK) {
        printf("%.*s]}\n", (int)out.length, (const char *)out.data);
    }
    wendi_buffer_free(&out);
}

static void print_replay_text(const wend_replay *done)
{
    printf(dry_run ? "of %llu rejects %llu would be stored and %llu are repeats; %llu would be "
                     "refused again, %llu were not asked for\n"
                   : "of %llu rejects %llu are stored now and %llu were repeats; %llu were refused "
                     "again, %llu were not asked for\n",
           (unsigned long long)done->rejects, (unsigned long long)done->stored,
           (unsigned long long)done->deduplicated, (unsigned long long)done->rejected,
           (unsigned long long)done->not_chosen);
    for (size_t i = 0; i < done->reason_count; i++) {
        printf("%10llu  %s\n", (unsigned long long)done->reasons[i].count, done->reasons[i].text);
    }
}

static int replay_rejects(const char *table)
{
    bool framed = framing != NULL && strcmp(framing, "confluent-json") == 0;
    wend_replay_options options = {reason_text, source_wanted, dry_run,
                                   framed ? WEND_FRAMING_CONFLUENT_JSON : WEND_FRAMING_NONE};
    bool json = format_name != NULL && strcmp(format_name, "json") == 0;
    wend_store *store;
    wend_replay *done;
    wend_error error;
    if (reasons_only || limit_count >= 0) {
        fprintf(stderr,
                "wend rejects: --replay goes with --reason, --source, --framing and --dry-run only\n");
        return EXIT_USED_WRONGLY;
    }
    if (framing != NULL && !framed && strcmp(framing, "none") != 0) {
        fprintf(stderr, "wend rejects: --framing is none or confluent-json\n");
        return EXIT_USED_WRONGLY;
    }
    if (format_name != NULL && !json && strcmp(format_name, "text") != 0) {
        fprintf(stderr, "wend rejects: --format of a replay is text or json\n");
        return EXIT_USED_WRONGLY;
    }
    int code = cli_open_store(false, &store);
    if (code != EXIT_DONE) {
        return code;
    }
    if (wend_replay_rejects(store, table, &options, &done, &error) != WEND_OK) {
        code = cli_fail(&error, NULL);
    } else if (json) {
        print_replay_json(done);
    } else {
        print_replay_text(done);
    }
    wend_replay_free(done);
    wend_store_close(store);
    return code;
}

static int list_rejects(const char *table)
{
    static reject_list list;
    wend_store *store;
    wend_error error;
    bool named = format_name != NULL;
    if (named && strcmp(format_name, "ndjson") != 0 && strcmp(format_name, "text") != 0) {
        fprintf(stderr, "wend rejects: --format is text or ndjson\n");
        return EXIT_USED_WRONGLY;
    }
    list.ndjson = named ? strcmp(format_name, "ndjson") == 0 : !isatty(STDOUT_FILENO);
    list.left = limit_count;
    int code = cli_open_store(false, &store);
    if (code != EXIT_DONE) {
        return code;
    }
    list.store = store;
    list.table = table;
    if (wend_table_rejects(store, table, show_reject, &list, &error) != WEND_OK) {
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

int cli_rejects(const cli_command *command, int argc, char **argv)
{
    cli_words words;
    int code;
    if (!cli_parse(command, argc, argv, 1, 1, &words, &code)) {
        return code;
    }
    if (framing != NULL && !replay && !dry_run) {
        fprintf(stderr, "wend rejects: --framing goes with --replay only\n");
        return EXIT_USED_WRONGLY;
    }
    return replay || dry_run ? replay_rejects(words.items[0]) : list_rejects(words.items[0]);
}
