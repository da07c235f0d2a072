/*
 * ingest: from files, standard input or Kafka, with a progress line on a terminal and one JSON
 * object of numbers at the end otherwise. SIGINT and SIGTERM drain and commit.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "engine/base/bytes.h"
#include "engine/base/timezone.h"
#include "engine/column/value.h"
#include "tools/cli/commands.h"
#include "tools/cli/result_print.h"

static struct {
    cli_list files, topics, properties;
    const char *brokers, *properties_file, *partitions, *from, *source, *stats_format;
    bool standard_input, follow, reload, until_caught_up, accept_gap, quiet, stats_json;
    int64_t commit_rows, commit_interval_us, memory_limit, max_messages;
} given;

const cli_option *cli_ingest_options(void)
{
    static const cli_option options[] = {
        {"file", 0, CLI_LIST, &given.files, "FILE",
         "a file of JSON lines, plain, .zst or .gz; further FILEs may follow as words"},
        {"stdin", 0, CLI_FLAG, &given.standard_input, NULL, "read standard input"},
        {"source", 0, CLI_TEXT, &given.source, "NAME",
         "name of standard input, so that a later run can go on; without it each run is new"},
        {"follow", 0, CLI_FLAG, &given.follow, NULL, "wait for more at the files' ends"},
        {"reload", 0, CLI_FLAG, &given.reload, NULL, "load files again that were loaded before"},
        {"brokers", 'b', CLI_TEXT, &given.brokers, "HOST:PORT,…", "Kafka brokers"},
        {"topic", 0, CLI_LIST, &given.topics, "TOPIC", "a topic; may be given several times"},
        {"partitions", 0, CLI_TEXT, &given.partitions, "0,1,…",
         "only these partitions of each topic"},
        {"from", 0, CLI_TEXT, &given.from, "WHERE",
         "earliest (default), latest or a time, for partitions the table never read"},
        {"until-caught-up", 0, CLI_FLAG, &given.until_caught_up, NULL,
         "stop at what the topics hold now"},
        {"accept-gap", 0, CLI_FLAG, &given.accept_gap, NULL,
         "go on behind messages that the broker deleted, and record how many"},
        {"properties-file", 'F', CLI_TEXT, &given.properties_file, "FILE",
         "librdkafka settings, one key=value a line; ${NAME} is the environment's"},
        {"property", 'X', CLI_LIST, &given.properties, "KEY=VALUE", "one librdkafka setting"},
        {"commit-rows", 0, CLI_INTEGER, &given.commit_rows, "N",
         "commit after so many rows (default: 1,048,576)"},
        {"commit-interval", 0, CLI_DURATION, &given.commit_interval_us, "TIME",
         "and at the latest after this time (default: 5s)"},
        {"memory-limit", 0, CLI_INTEGER, &given.memory_limit, "BYTES",
         "memory for blocks, builders and deduplication (default: 1GiB)"},
        {"max-messages", 0, CLI_INTEGER, &given.max_messages, "N",
         "stop after about so many messages"},
        {"stats", 0, CLI_TEXT, &given.stats_format, "text|json",
         "how to tell the numbers at the end (default: text on a terminal, else json)"},
        {"quiet", 'q', CLI_FLAG, &given.quiet, NULL, "no progress line"},
        {NULL, 0, CLI_FLAG, NULL, NULL, NULL}};
    return options;
}

/* ---- progress ---- */

static void print_rate(char *text, size_t capacity, double rate)
{
    if (rate >= 1e6) {
        snprintf(text, capacity, "%.2f M", rate / 1e6);
    } else if (rate >= 1e3) {
        snprintf(text, capacity, "%.1f k", rate / 1e3);
    } else {
        snprintf(text, capacity, "%.0f ", rate);
    }
}

/* A line that wraps could not be written over: it is cut at the terminal's edge. */
static int line_columns(void)
{
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col - 1 : 79;
}

static void show_progress(void *context, const wend_ingest_stats *stats)
{
    char rate[32];
    char lag[48] = "";
    char line[320];
    (void)context;
    print_rate(rate, sizeof rate, stats->events_per_s);
    if (stats->lag >= 0) {
        snprintf(lag, sizeof lag, given.topics.count != 0 ? ", %lld behind" : ", %lld bytes left",
                 (long long)stats->lag);
    }
    snprintf(line, sizeof line,
             "%llu events, %sevents/s, %.1f MB/s%s, %llu rejected, %llu repeated, %llu commits",
             (unsigned long long)stats->taken, rate, stats->bytes_per_s / 1e6, lag,
             (unsigned long long)stats->rejected, (unsigned long long)stats->deduplicated,
             (unsigned long long)stats->commit_count);
    fprintf(stderr, "\r\033[K%.*s", line_columns(), line);
    fflush(stderr);
}

static void print_counts(const char *title, const wend_ingest_count *counts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        printf("%s%12llu  %s\n", i == 0 ? title : "", (unsigned long long)counts[i].count,
               counts[i].text);
    }
}

static void print_text(const wend_ingest_stats *stats)
{
    double seconds = (double)stats->elapsed_us / 1e6;
    printf("%llu taken = %llu stored + %llu rejected + %llu deduplicated + %llu tombstones\n",
           (unsigned long long)stats->taken, (unsigned long long)stats->stored,
           (unsigned long long)stats->rejected, (unsigned long long)stats->deduplicated,
           (unsigned long long)stats->tombstones);
    printf("%.1f MB in %.2f s: %.0f events/s, %.1f MB/s; %llu commits, %llu segments, through %s\n",
           (double)stats->payload_bytes / 1e6, seconds, stats->events_per_s,
           stats->bytes_per_s / 1e6, (unsigned long long)stats->commit_count,
           (unsigned long long)stats->segment_count, stats->io_backend);
    if (stats->taken_committed < stats->taken) {
        printf("only the first %llu of them were committed; the next run takes the others again\n",
               (unsigned long long)stats->taken_committed);
    }
    print_counts("rejected because:\n", stats->reasons, stats->reason_count);
    print_counts("keys without a column:\n", stats->unknown_keys, stats->unknown_key_count);
}

static wend_status append_counts(wendi_buffer *out, const char *name,
                                 const wend_ingest_count *counts, size_t count)
{
    wend_status status = wendi_buffer_printf(out, ",\"%s\":{", name);
    for (size_t i = 0; status == WEND_OK && i < count; i++) {
        status = wendi_buffer_append(out, ",", i > 0);
        status = status == WEND_OK ? cli_json_string(counts[i].text, strlen(counts[i].text), out)
                                   : status;
        status = status == WEND_OK
                     ? wendi_buffer_printf(out, ":%llu", (unsigned long long)counts[i].count)
                     : status;
    }
    return status == WEND_OK ? wendi_buffer_u8(out, '}') : status;
}

static void print_json(const wend_ingest_stats *stats)
{
    wendi_buffer out = {0};
    wend_status status = wendi_buffer_printf(
        &out,
        "{\"taken\":%llu,\"taken_committed\":%llu,\"stored\":%llu,\"rejected\":%llu,"
        "\"deduplicated\":%llu,\"tombstones\":%"
        "llu,\"bytes\":%llu,\"commits\":%llu,"
        "\"segments\":%llu,\"elapsed_s\":%.6f,\"events_per_s\":%.1f,\"bytes_per_s\":%.1f,\"memory_"
        "bytes\":%llu,\"unique_keys\":%llu,"
        "\"coerced\":%llu,\"nulled\":%llu,\"time_cut\":%llu,\"unknown_values\":%llu,\"io\":\"%s\"",
        (unsigned long long)stats->taken, (unsigned long long)stats->taken_committed,
        (unsigned long long)stats->stored, (unsigned long long)stats->rejected,
        (unsigned long long)stats->deduplicated, (unsigned long long)stats->tombstones,
        (unsigned long long)stats->payload_bytes, (unsigned long long)stats->commit_count,
        (unsigned long long)stats->segment_count, (double)stats->elapsed_us / 1e6,
        stats->events_per_s, stats->bytes_per_s, (unsigned long long)stats->memory_bytes,
        (unsigned long long)stats->unique_keys, (unsigned long long)stats->coerced,
        (unsigned long long)stats->nulled, (unsigned long long)stats->time_cut,
        (unsigned long long)stats->unknown_values, stats->io_backend);
    status = status == WEND_OK ? append_counts(&out, "reasons", stats->reasons, stats->reason_count)
                               : status;
    status = status == WEND_OK ? append_counts(&out, "unknown_keys", stats->unknown_keys,
                                               stats->unknown_key_count)
                               : status;
    if (status == WEND_OK) {
        printf("%.*s}\n", (int)out.length, (const char *)out.data);
    }
    wendi_buffer_free(&out);
}

/* ---- options to the library's ---- */

static bool parse_partitions(int32_t *partitions, size_t capacity, size_t *count)
{
    const char *at = given.partitions;
    *count = 0;
    while (at != NULL && *at != '\0') {
        char *end;
        long number = strtol(at, &end, 10);
        if (end == at || number < 0 || number > INT32_MAX || (*end != ',' && *end != '\0') ||
            *count == capacity) {
            fprintf(stderr,
                    "wend ingest: --partitions %s: write numbers with commas between them\n",
                    given.partitions);
            return false;
        }
        partitions[(*count)++] = (int32_t)number;
        at = *end == ',' ? end + 1 : end;
    }
    return true;
}

static bool parse_from(wend_ingest_options *options)
{
    const char *reason;
    if (given.from == NULL || strcmp(given.from, "earliest") == 0) {
        options->from = WEND_FROM_EARLIEST;
    } else if (strcmp(given.from, "latest") == 0) {
        options->from = WEND_FROM_LATEST;
    } else {
        options->from = WEND_FROM_TIME;
        if (wendi_parse_timestamp(wendi_string_of(given.from), wendi_timezone_utc(),
                                  &options->from_us, &reason) != WEND_OK) {
            fprintf(stderr,
                    "wend ingest: --from %s: %s; write earliest, latest or a time such as "
                    "2026-01-31T10:00:00Z\n",
                    given.from, reason);
            return false;
        }
    }
    return true;
}

static bool refuse(bool given_wrongly, const char *option, const char *source)
{
    if (given_wrongly) {
        fprintf(stderr, "wend ingest: %s is for %s; leave it out\n", option, source);
    }
    return given_wrongly;
}

/* An option that says nothing about the source that was chosen is a mistake, not to be passed over.
 */
static bool fits_source(void)
{
    bool kafka = given.topics.count != 0 || given.brokers != NULL;
    bool local = given.files.count != 0 || given.standard_input;
    if (kafka == local) { /* none or both: the library says so */
        return true;
    }
    if (kafka) {
        return !refuse(given.follow, "--follow",
                       "files; Kafka is followed unless --until-caught-up") &&
               !refuse(given.reload, "--reload", "files") &&
               !refuse(given.source != NULL, "--source", "standard input");
    }
    return !refuse(given.partitions != NULL, "--partitions", "Kafka") &&
           !refuse(given.from != NULL, "--from", "Kafka") &&
           !refuse(given.until_caught_up, "--until-caught-up", "Kafka; a file ends by itself") &&
           !refuse(given.accept_gap, "--accept-gap", "Kafka") &&
           !refuse(given.properties_file != NULL, "-F", "Kafka") &&
           !refuse(given.properties.count != 0, "-X", "Kafka");
}

static wend_ingest *volatile running;
static volatile sig_atomic_t stop_asked;

static void stop_running(int signal_number)
{
    wend_ingest *ingest = running;
    (void)signal_number;
    stop_asked = 1;
    if (ingest != NULL) {
        wend_ingest_stop(ingest);
    }
}

/* The first signal asks to drain, even one that comes before there is anything to drain; a second
 * one ends the program, which loses nothing committed. */
static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = stop_running, .sa_flags = (int)SA_RESETHAND};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static int run(const char *table, const wend_ingest_options *options)
{
    wend_store *store;
    wend_ingest *ingest;
    wend_error error;
    catch_signals();
    int code = cli_open_store(false, &store);
    if (code != EXIT_DONE) {
        return code;
    }
    if (wend_ingest_open(store, table, options, &ingest, &error) != WEND_OK) {
        wend_store_close(store);
        return cli_fail(&error, NULL);
    }
    running = ingest;
    if (stop_asked) {
        wend_ingest_stop(ingest);
    }
    bool line = isatty(STDERR_FILENO) && !given.quiet;
    wend_status status = wend_ingest_run(ingest, line ? show_progress : NULL, NULL, &error);
    if (line) {
        fprintf(stderr, "\r\033[K");
    }
    const wend_ingest_stats *stats = wend_ingest_result(ingest);
    if (status == WEND_OK || stats->taken != 0) { /* what failed before it began has no numbers */
        (given.stats_json ? print_json : print_text)(stats);
    }
    code = status == WEND_OK ? EXIT_DONE : cli_fail(&error, NULL);
    running = NULL;
    wend_ingest_close(ingest);
    wend_store_close(store);
    return code;
}

int cli_ingest(const cli_command *command, int argc, char **argv)
{
    cli_words words;
    int32_t partitions[1024];
    size_t partition_count;
    wend_ingest_options options = {0};
    int code;
    if (!cli_parse(command, argc, argv, 1, CLI_LIST_MAX, &words, &code)) {
        return code;
    }
    for (size_t i = 1; i < words.count;
         i++) { /* --file a b c: the words behind the table are files too */
        if (given.files.count == 0 || given.files.count == CLI_LIST_MAX) {
            fprintf(stderr,
                    "wend ingest: \"%s\" is one argument too many; files are named by --file\n",
                    words.items[i]);
            return EXIT_USED_WRONGLY;
        }
        given.files.items[given.files.count++] = words.items[i];
    }
    if (!cli_text_or_json(command, "stats", given.stats_format, !isatty(STDOUT_FILENO),
                          &given.stats_json) ||
        !parse_partitions(partitions, 1024, &partition_count) || !parse_from(&options)) {
        return EXIT_USED_WRONGLY;
    }
    if (!fits_source()) {
        return EXIT_USED_WRONGLY;
    }
    options.files = given.files.items;
    options.file_count = given.files.count;
    options.standard_input = given.standard_input;
    options.source_name = given.source;
    options.follow = given.follow;
    options.reload = given.reload;
    options.brokers = given.brokers;
    options.topics = given.topics.items;
    options.topic_count = given.topics.count;
    options.partitions = partition_count != 0 ? partitions : NULL;
    options.partition_count = partition_count;
    options.properties = given.properties.items;
    options.property_count = given.properties.count;
    options.properties_file = given.properties_file;
    options.until_caught_up = given.until_caught_up;
    options.accept_gap = given.accept_gap;
    options.commit_rows = given.commit_rows;
    options.commit_interval_ms = given.commit_interval_us / 1000;
    options.memory_limit_bytes = given.memory_limit;
    options.message_count_max = given.max_messages;
    return run(words.items[0], &options);
}
