/*
 * ingest: options and signals. From files, standard input or Kafka, into one table or several; what
 * it says is in ingest_report.c. SIGINT and SIGTERM drain and commit.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/timezone.h"
#include "engine/column/value.h"
#include "tools/cli/commands.h"
#include "tools/cli/ingest_report.h"

static struct {
    cli_list files, topics, maps, properties;
    const char *brokers, *properties_file, *partitions, *group, *framing, *from, *until, *source;
    const char *stats_format, *metrics, *log_format;
    bool standard_input, follow, reload, until_caught_up, accept_gap, quiet, stats_json;
    bool no_live_status;
    int64_t commit_rows, commit_interval_us, memory_limit, workers, max_messages;
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
        {"map", 0, CLI_LIST, &given.maps, "TOPIC=TABLE",
         "instead of TABLE and --topic: several tables at once, each with its own positions; "
         "several topics may go to one table"},
        {"partitions", 0, CLI_TEXT, &given.partitions, "0,1,…",
         "only these partitions of each topic"},
        {"group", 0, CLI_TEXT, &given.group, "NAME",
         "share the topics with other ingestors, each with a table of its own, by this consumer "
         "group"},
        {"framing", 0, CLI_TEXT, &given.framing, "none|confluent-json",
         "what stands before the JSON: nothing (default), or a schema registry's five bytes"},
        {"from", 0, CLI_TEXT, &given.from, "WHERE",
         "earliest (default), latest or a time, for partitions the table never read"},
        {"until-caught-up", 0, CLI_FLAG, &given.until_caught_up, NULL,
         "stop at what the topics hold now"},
        {"until", 0, CLI_TEXT, &given.until, "TIME",
         "stop before the first message of this time or later, in each partition"},
        {"accept-gap", 0, CLI_FLAG, &given.accept_gap, NULL,
         "go on behind messages that the broker deleted, and record how many"},
        {"properties-file", 'F', CLI_TEXT, &given.properties_file, "FILE",
         "librdkafka settings, one key=value a line; ${NAME} is the environment's"},
        {"property", 'X', CLI_LIST, &given.properties, "KEY=VALUE", "one librdkafka setting"},
        {"commit-rows", 0, CLI_INTEGER, &given.commit_rows, "N",
         "commit after so many rows (default: 262,144)"},
        {"commit-interval", 0, CLI_DURATION, &given.commit_interval_us, "TIME",
         "and at the latest after this time (default: 5s)"},
        {"memory-limit", 0, CLI_INTEGER, &given.memory_limit, "BYTES",
         "memory for blocks, batches and deduplication, of all tables together (default: a quarter "
         "of the machine's, at most 4GiB)"},
        {"workers", 0, CLI_INTEGER, &given.workers, "N",
         "threads that decode and encode, of all tables together (default: one a processor)"},
        {"max-messages", 0, CLI_INTEGER, &given.max_messages, "N",
         "stop after about so many messages"},
        {"metrics", 0, CLI_TEXT, &given.metrics, "[HOST:]PORT",
         "serve Prometheus metrics at /metrics and health at /healthz (HOST: 127.0.0.1)"},
        {"no-live-status", 0, CLI_FLAG, &given.no_live_status, NULL,
         "leave nothing in the table's folder for wend status"},
        {"log", 0, CLI_TEXT, &given.log_format, "text|json|none",
         "log lines on standard error (default: text, but none on a terminal and of runs with an end)"},
        {"stats", 0, CLI_TEXT, &given.stats_format, "text|json",
         "how to tell the numbers at the end (default: text on a terminal, else json)"},
        {"quiet", 'q', CLI_FLAG, &given.quiet, NULL, "no progress line, and no log unless --log"},
        {NULL, 0, CLI_FLAG, NULL, NULL, NULL}};
    return options;
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

static bool parse_time(const char *option, const char *text, const char *wanted, int64_t *us)
{
    const char *reason;
    if (wendi_parse_timestamp(wendi_string_of(text), wendi_timezone_utc(), us, &reason) !=
        WEND_OK) {
        fprintf(stderr, "wend ingest: --%s %s: %s; write %sa time such as 2026-01-31T10:00:00Z\n",
                option, text, reason, wanted);
        return false;
    }
    return true;
}

static bool parse_bounds(wend_ingest_options *options)
{
    options->from = WEND_FROM_EARLIEST;
    if (given.from != NULL && strcmp(given.from, "latest") == 0) {
        options->from = WEND_FROM_LATEST;
    } else if (given.from != NULL && strcmp(given.from, "earliest") != 0) {
        options->from = WEND_FROM_TIME;
        if (!parse_time("from", given.from, "earliest, latest or ", &options->from_us)) {
            return false;
        }
    }
    return given.until == NULL || parse_time("until", given.until, "", &options->until_us);
}

/* "clicks=events"; a topic's name has no '='. The texts are cut in copies that last as long as the
 * process. */
static bool parse_maps(wend_topic_map *maps, size_t *count)
{
    for (size_t i = 0; i < given.maps.count; i++) {
        char *topic = strdup(given.maps.items[i]);
        char *equals = topic != NULL ? strchr(topic, '=') : NULL;
        if (equals == NULL || equals == topic || equals[1] == '\0') {
            fprintf(stderr, "wend ingest: --map %s: wanted is TOPIC=TABLE\n", given.maps.items[i]);
            free(topic);
            return false;
        }
        *equals = '\0';
        maps[i] = (wend_topic_map){topic, equals + 1};
    }
    *count = given.maps.count;
    return true;
}

static bool parse_framing(wend_framing *framing)
{
    *framing = WEND_FRAMING_NONE;
    if (given.framing == NULL || strcmp(given.framing, "none") == 0) {
        return true;
    }
    *framing = WEND_FRAMING_CONFLUENT_JSON;
    if (strcmp(given.framing, "confluent-json") != 0) {
        fprintf(stderr, "wend ingest: --framing is none or confluent-json\n");
        return false;
    }
    return true;
}

/* Does the run go on until it is told to stop? */
static bool runs_on(void)
{
    bool kafka = given.topics.count + given.maps.count != 0;
    bool bounded = given.until_caught_up || given.until != NULL || given.max_messages != 0;
    return given.follow || (kafka && !bounded);
}

/* Who runs the program in a terminal watches a line. Elsewhere a run that goes on for days is known
 * by its log; one that has an end tells its numbers there, and scripts like it quiet before. */
static bool parse_log(cli_log_format *format)
{
    static const char *const names[] = {"none", "text", "json"};
    bool quiet = given.quiet || isatty(STDERR_FILENO) || !runs_on();
    *format = quiet ? CLI_LOG_NONE : CLI_LOG_TEXT;
    for (int i = 0; given.log_format != NULL && i <= CLI_LOG_JSON; i++) {
        if (strcmp(given.log_format, names[i]) == 0) {
            *format = (cli_log_format)i;
            return true;
        }
    }
    if (given.log_format != NULL) {
        fprintf(stderr, "wend ingest: --log is text, json or none\n");
    }
    return given.log_format == NULL;
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
    bool kafka = given.topics.count != 0 || given.maps.count != 0 || given.brokers != NULL;
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
           !refuse(given.group != NULL, "--group", "Kafka") &&
           !refuse(given.framing != NULL, "--framing", "Kafka") &&
           !refuse(given.from != NULL, "--from", "Kafka") &&
           !refuse(given.until != NULL, "--until", "Kafka; a file ends by itself") &&
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

static int run(const char *table, const wend_ingest_options *options, bool line)
{
    wend_store *store;
    wend_ingest *ingest;
    wend_error error;
    bool messages = options->topic_count + options->map_count != 0;
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
    wend_status status =
        wend_ingest_run(ingest, line ? cli_ingest_progress : NULL, &messages, &error);
    if (line) {
        fprintf(stderr, "\r\033[K");
    }
    if (status == WEND_OK || wend_ingest_result(ingest)->taken != 0) {
        cli_ingest_numbers(ingest, given.stats_json); /* what failed before it began has none */
    }
    code = status == WEND_OK ? EXIT_DONE : cli_fail(&error, NULL);
    running = NULL;
    wend_ingest_close(ingest);
    wend_store_close(store);
    return code;
}

/* --file a b c: the words behind the table are files too. */
static bool take_words(const cli_command *command, const cli_words *words)
{
    if (words->count == 0 && given.maps.count == 0) {
        fprintf(stderr, "usage: wend [-d DIR] %s\n       wend ingest --help says more\n",
                command->usage);
        return false;
    }
    for (size_t i = given.maps.count == 0; i < words->count; i++) {
        if (given.files.count == 0 || given.files.count == CLI_LIST_MAX) {
            fprintf(stderr, "wend ingest: \"%s\" is one argument too many; %s\n", words->items[i],
                    given.maps.count != 0 ? "--map names the tables" : "files are named by --file");
            return false;
        }
        given.files.items[given.files.count++] = words->items[i];
    }
    return true;
}

static void fill_options(wend_ingest_options *options)
{
    options->files = given.files.items;
    options->file_count = given.files.count;
    options->standard_input = given.standard_input;
    options->source_name = given.source;
    options->follow = given.follow;
    options->reload = given.reload;
    options->brokers = given.brokers;
    options->topics = given.topics.items;
    options->topic_count = given.topics.count;
    options->group = given.group;
    options->properties = given.properties.items;
    options->property_count = given.properties.count;
    options->properties_file = given.properties_file;
    options->until_caught_up = given.until_caught_up;
    options->accept_gap = given.accept_gap;
    options->commit_rows = given.commit_rows;
    options->commit_interval_ms = given.commit_interval_us / 1000;
    options->memory_limit_bytes = given.memory_limit;
    options->worker_count = given.workers;
    options->message_count_max = given.max_messages;
    options->metrics_address = given.metrics;
    options->no_live_status = given.no_live_status;
    options->notify_service = true; /* which does nothing unless a service manager asks for it */
}

int cli_ingest(const cli_command *command, int argc, char **argv)
{
    static int32_t partitions[1024];
    static wend_topic_map maps[CLI_LIST_MAX];
    static cli_log_format log_format;
    cli_words words;
    wend_ingest_options options = {0};
    int code;
    if (!cli_parse(command, argc, argv, 0, CLI_LIST_MAX, &words, &code)) {
        return code;
    }
    if (!take_words(command, &words) ||
        !cli_text_or_json(command, "stats", given.stats_format, !isatty(STDOUT_FILENO),
                          &given.stats_json) ||
        !parse_partitions(partitions, 1024, &options.partition_count) ||
        !parse_maps(maps, &options.map_count) || !parse_framing(&options.framing) ||
        !parse_log(&log_format) || !parse_bounds(&options) || !fits_source()) {
        return EXIT_USED_WRONGLY;
    }
    fill_options(&options);
    options.maps = maps;
    options.partitions = options.partition_count != 0 ? partitions : NULL;
    if (log_format != CLI_LOG_NONE) {
        options.log = cli_ingest_log;
        options.log_context = &log_format;
    }
    bool line = isatty(STDERR_FILENO) && !given.quiet && log_format == CLI_LOG_NONE;
    return run(words.count != 0 && given.maps.count == 0 ? words.items[0] : NULL, &options, line);
}
