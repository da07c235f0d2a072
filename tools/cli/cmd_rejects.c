/* rejects: what a table could not store, as it came, or how many of each kind. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/bytes.h"
#include "tools/cli/commands.h"
#include "tools/cli/result_print.h"

static const char *format_name;
static int64_t limit_count = -1;
static bool reasons_only;

const cli_option *cli_rejects_options(void)
{
    static const cli_option options[] = {
        {"format", 'f', CLI_TEXT, &format_name, "FORMAT", "text (default on a terminal) or ndjson"},
        {"limit", 'n', CLI_INTEGER, &limit_count, "N", "show at most N"},
        {"reasons", 0, CLI_FLAG, &reasons_only, NULL, "count by reason instead of listing"},
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
