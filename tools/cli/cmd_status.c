/*
 * status: what a table holds, its accounts of every message taken, and what a live ingestor does
 * (live_text.c).
 */
#include <string.h>

#include "engine/base/bytes.h"
#include "engine/column/value.h"
#include "tools/cli/commands.h"
#include "tools/cli/live_text.h"
#include "tools/cli/result_print.h"

static bool reconcile;
static bool json;
static const char *format_name;

const cli_option *cli_status_options(void)
{
    static const cli_option options[] = {
        {"reconcile", 0, CLI_FLAG, &reconcile, NULL,
         "account for every message, per partition or file"},
        {"format", 'f', CLI_TEXT, &format_name, "FORMAT", "text (default) or json"},
        {NULL, 0, CLI_FLAG, NULL, NULL, NULL}};
    return options;
}

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

static void print_table_json(const char *table, const wend_table_status *status)
{
    char committed[64];
    time_text(status->commit_us, committed, sizeof committed);
    printf("{\"table\":\"%s\",\"version\":%llu,\"committed\":\"%s\",\"rows\":%llu,\"segments\":"
           "%llu,\"segment_bytes\":%llu,\"rejects\":%llu,"
           "\"rows_without_user\":%llu,\"segments_by_level\":[%llu,%llu,%llu],\"sources\":[",
           table, (unsigned long long)status->version, committed,
           (unsigned long long)status->row_count, (unsigned long long)status->segment_count,
           (unsigned long long)status->segment_bytes, (unsigned long long)status->reject_row_count,
           (unsigned long long)status->null_user_rows,
           (unsigned long long)status->level_segments[0],
           (unsigned long long)status->level_segments[1],
           (unsigned long long)status->level_segments[2]);
}

static void print_table_text(const char *table, const wend_table_status *status)
{
    char committed[64];
    char oldest[64];
    char newest[64];
    time_text(status->commit_us, committed, sizeof committed);
    time_text(status->time_min_us, oldest, sizeof oldest);
    time_text(status->time_max_us, newest, sizeof newest);
    printf("%s: commit %llu of %s\n", table, (unsigned long long)status->version, committed);
    printf("  %llu rows in %llu segments, %.1f MB (%.2f bytes a row), %llu rejected rows kept\n",
           (unsigned long long)status->row_count, (unsigned long long)status->segment_count,
           (double)status->segment_bytes / 1e6,
           status->row_count != 0 ? (double)status->segment_bytes / (double)status->row_count : 0.0,
           (unsigned long long)status->reject_row_count);
    if (status->segment_count != status->level_segments[0]) {
        printf("  of these %llu as ingested (%.1f MB), %llu merged (%.1f MB), %llu finished "
               "(%.1f MB)\n",
               (unsigned long long)status->level_segments[0], (double)status->level_bytes[0] / 1e6,
               (unsigned long long)status->level_segments[1], (double)status->level_bytes[1] / 1e6,
               (unsigned long long)status->level_segments[2], (double)status->level_bytes[2] / 1e6);
    }
    if (status->time_min_us <= status->time_max_us) {
        printf("  times from %s to %s, %llu rows without a user\n", oldest, newest,
               (unsigned long long)status->null_user_rows);
    }
}

static void print_account(const wend_source_status *total, bool good)
{
    if (json) {
        printf("],\"taken\":%lld,\"stored\":%lld,\"rejected\":%lld,\"deduplicated\":%lld,"
               "\"tombstones\":%lld,\"gap\":%lld,\"reconciled\":%s",
               (long long)total->taken, (long long)total->stored, (long long)total->rejected,
               (long long)total->deduplicated, (long long)total->tombstones, (long long)total->gap,
               good ? "true" : "false");
        return;
    }
    printf("  %lld taken = %lld stored + %lld rejected + %lld deduplicated + %lld tombstones%s\n",
           (long long)total->taken, (long long)total->stored, (long long)total->rejected,
           (long long)total->deduplicated, (long long)total->tombstones,
           good ? "" : "   DOES NOT RECONCILE");
    if (total->gap != 0) {
        printf("  %lld messages were deleted by the broker before they could be read (accepted "
               "gaps)\n",
               (long long)total->gap);
    }
}

/* What the ingestor left; that it cannot be read is told, and is no fault of the table's. */
static void print_ingestor(wend_store *store, const char *table)
{
    wend_live *live = NULL;
    wend_error error;
    wend_status status = wend_table_live(store, table, &live, &error);
    if (json) {
        cli_live_json(status == WEND_OK ? live : NULL);
    } else if (status == WEND_OK) {
        cli_live_text(live);
    } else if (status != WEND_NOT_FOUND) {
        printf("ingestor: what it says of itself cannot be read: %s\n", error.message);
    }
    wend_live_free(live);
}

static int print_status(wend_store *store, const char *table)
{
    wend_table_status status;
    wend_error error;
    account of = {.json = json, .first = true, .balanced = true};
    if (wend_table_status_of(store, table, &status, &error) != WEND_OK) {
        return cli_fail(&error, NULL);
    }
    (json ? print_table_json : print_table_text)(table, &status);
    if (reconcile && !json) {
        printf("accounts:\n");
    }
    if (wend_table_sources(store, table, reconcile || json ? print_source : add_source, &of,
                           &error) != WEND_OK) {
        return cli_fail(&error, NULL);
    }
    bool rows_agree = of.total.taken == 0 || of.total.stored == (int64_t)status.row_count;
    bool good = of.balanced && rows_agree;
    print_account(&of.total, good);
    print_ingestor(store, table);
    printf("%s", json ? "}\n" : "");
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
    if (!cli_text_or_json(command, "format", format_name, false, &json)) {
        return EXIT_USED_WRONGLY;
    }
    code = cli_open_store(false, &store);
    if (code == EXIT_DONE) {
        code = print_status(store, words.items[0]);
        wend_store_close(store);
    }
    return code;
}
