/*
 * `wend produce`: lines of the generator to standard output or to Kafka, as fast as they go, at a
 * rate, or no faster than a table takes them.
 *
 * Stopping (SIGINT, SIGTERM): no new line is begun; what was handed over is written or
 * acknowledged, the counts are told, and the exit code is that of a run that was shorter. A second
 * signal ends the program as usual.
 */
#include "tools/cli/cmd_produce.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/clickgen/clickgen.h"
#include "ingest/kafka/kafka_producer.h"

enum { OUT_BYTES = 1 << 18, FLUSH_TIMEOUT_MS = 60000, PROGRESS_LINES = 1024 };

static int64_t event_count = -1, seed, rate, duration_us, partition_count = 4;
static const char *brokers, *properties_path, *paced_by, *summary_path;
static cli_list topics_asked, settings;
static bool shop, clean, live, ddl_only;

static const cli_option *produce_options(void)
{
    static const cli_option options[] = {
        {"events", 'n', CLI_INTEGER, &event_count, "N",
         "how many lines (default 10000, or --rate times --duration)"},
        {"seed", 's', CLI_INTEGER, &seed, "S",
         "names the stream: the same seed and options give the same bytes (default 0)"},
        {"brokers", 'b', CLI_TEXT, &brokers, "HOST:PORT,…",
         "send to Kafka instead of standard output"},
        {"topic", 't', CLI_LIST, &topics_asked, "T",
         "the topic to send to; with --shop and no --brokers: the one to print"},
        {"partitions", 0, CLI_INTEGER, &partition_count, "N",
         "of topics that are missing and so created; 0: do not create (default 4)"},
        {"rate", 'r', CLI_INTEGER, &rate, "R", "lines a second (default: as fast as they go)"},
        {"duration", 0, CLI_DURATION, &duration_us, "TIME", "stop after so long"},
        {"live", 0, CLI_FLAG, &live, NULL,
         "events happen now (needs --rate); without, they fill the week from 2026-03-02"},
        {"shop", 0, CLI_FLAG, &shop, NULL,
         "three topics: clickstream_raw, user_events, transactions"},
        {"clean", 0, CLI_FLAG, &clean, NULL,
         "no truncated, repeated or late lines, no null users, no new keys"},
        {"paced-by", 0, CLI_TEXT, &paced_by, "TABLE",
         "stay at most 4 MiB a partition ahead of what TABLE of the store has committed"},
        {"summary", 0, CLI_TEXT, &summary_path, "FILE",
         "write what was produced, by kind, as JSON"},
        {"ddl", 0, CLI_FLAG, &ddl_only, NULL,
         "print the CREATE TABLE statement that fits (of --shop three, or that of --topic), and no more"},
        {"property", 'X', CLI_LIST, &settings, "KEY=VALUE",
         "a librdkafka setting; ${NAME} is taken from the environment"},
        {"properties", 'F', CLI_TEXT, &properties_path, "FILE",
         "librdkafka settings, one KEY=VALUE a line"},
        {NULL, 0, CLI_FLAG, NULL, NULL, NULL}};
    return options;
}

/* What a run carries. */
typedef struct production {
    wendi_clickgen *generator;
    wendi_kafka_producer *producer; /* NULL: standard output */
    wendi_kafka_properties properties;
    wend_store *store; /* of the table that paces; NULL: none */
    char *out;         /* text not yet written */
    size_t out_length;
    bool out_closed; /* nobody reads standard output any more */
    int only_topic;  /* print this topic alone; -1: all */
    struct timespec begun;
    uint64_t line_count, byte_count; /* lines of the topics that go out */
    uint64_t truncated, repeated, null_user, late, disorder, new_keys;
    uint64_t by_topic[WENDI_CLICKGEN_TOPIC_COUNT];
} production;

static double seconds_since(const struct timespec *from)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - from->tv_sec) + (double)(now.tv_nsec - from->tv_nsec) * 1e-9;
}

static int misuse(const char *message)
{
    fprintf(stderr, "wend produce: %s; see wend produce --help\n", message);
    return EXIT_USED_WRONGLY;
}

/* ---- pacing by a table ----------------------------------------------------------------------- */

typedef struct settled_question {
    const char *topic;
    int32_t partition;
    int64_t next;
} settled_question;

static void compare_source(void *context, const wend_source_status *source)
{
    settled_question *question = context;
    if (source->partition == question->partition && strcmp(source->topic, question->topic) == 0) {
        question->next = source->next;
    }
}

static int64_t ask_table(void *context, const char *topic, int32_t partition)
{
    production *run = context;
    settled_question question = {topic, partition, 0};
    wend_error error;
    wend_status status =
        wend_table_sources(run->store, paced_by, compare_source, &question, &error);

    if (status != WEND_OK &&
        status != WEND_NOT_FOUND) { /* A table may come later than its producer. */
        cli_fail(&error, NULL);
        return -1;
    }
    return cli_stopped() ? -1 : question.next;
}

/* ---- where lines go -------------------------------------------------------------------------- */

static wend_status flush_out(production *run, wend_error *error)
{
    size_t done = 0;
    while (done < run->out_length) {
        ssize_t written = write(STDOUT_FILENO, run->out + done, run->out_length - done);
        if (written < 0 && errno == EPIPE) {
            run->out_closed = true;
            return wendi_fail(error, WEND_CANCELLED, "nobody reads standard output any more");
        }
        if (written < 0 && errno != EINTR) {
            return wendi_fail(error, WEND_IO, "cannot write to standard output: %s",
                              strerror(errno));
        }
        done += written > 0 ? (size_t)written : 0;
    }
    run->out_length = 0;
    return WEND_OK;
}

static wend_status send_line(production *run, const char *text, const wendi_clickgen_line *line,
                             wend_error *error)
{
    wendi_kafka_outgoing message = {.payload = text,
                                    .length = line->length,
                                    .key = line->key,
                                    .key_length = line->key_length,
                                    .partition = -1};
    return wendi_kafka_producer_send(run->producer, shop ? (uint32_t)line->topic : 0, &message,
                                     error);
}

static void count_line(production *run, const wendi_clickgen_line *line)
{
    run->line_count++;
    run->byte_count += line->length + 1;
    run->by_topic[line->topic]++;
    run->truncated += (line->flags & WENDI_CLICKGEN_TRUNCATED) != 0;
    run->repeated += (line->flags & WENDI_CLICKGEN_DUPLICATE) != 0;
    run->null_user += (line->flags & WENDI_CLICKGEN_NULL_USER) != 0;
    run->late += (line->flags & WENDI_CLICKGEN_LATE) != 0;
    run->disorder += (line->flags & WENDI_CLICKGEN_DISORDER) != 0;
    run->new_keys += (line->flags & WENDI_CLICKGEN_NEW_KEYS) != 0;
}

/* Make one line and let it go. WEND_END when there are no more. */
static wend_status produce_line(production *run, wend_error *error)
{
    wendi_clickgen_line line;
    wend_status status = WEND_OK;

    if (run->out_length + WENDI_CLICKGEN_LINE_MAX > OUT_BYTES) {
        WEND_TRY(flush_out(run, error));
    }
    char *text = run->out + run->out_length;
    WEND_TRY(wendi_clickgen_next(run->generator, text, &line, error));
    if (run->only_topic >= 0 && run->only_topic != (int)line.topic) {
        return WEND_OK;
    }
    if (run->producer != NULL) {
        WEND_TRY(send_line(run, text, &line, error));
    } else {
        run->out_length += line.length + 1;
    }
    count_line(run, &line);
cleanup:
    return status;
}

/* Below this a pause costs more than it mends: at high rates lines go in small bunches. */
static const double pause_from_s = 0.001;

/* Sleep until line `number` is due, or nearly. Pauses let out what is written so far. */
static wend_status keep_rate(production *run, uint64_t number, wend_error *error)
{
    double ahead = (double)number / (double)rate - seconds_since(&run->begun);
    while (ahead > pause_from_s && !cli_stopped()) {
        struct timespec pause = {0, (long)((ahead < 0.05 ? ahead : 0.05) * 1e9)};
        wend_status status = flush_out(run, error);
        if (status != WEND_OK) {
            return status;
        }
        if (run->producer != NULL) {
            wendi_kafka_producer_serve(run->producer, 0);
        }
        nanosleep(&pause, NULL);
        ahead = (double)number / (double)rate - seconds_since(&run->begun);
    }
    return WEND_OK;
}

static void show_progress(const production *run, double *shown_at)
{
    double seconds = seconds_since(&run->begun);
    if (seconds - *shown_at >= 0.5) {
        *shown_at = seconds;
        fprintf(stderr, "\r%" PRIu64 " events, %.0f a second\033[K", run->line_count,
                (double)run->line_count / seconds);
    }
}

static wend_status produce_all(production *run, wend_error *error)
{
    bool progress = isatty(STDERR_FILENO) && (run->producer != NULL || !isatty(STDOUT_FILENO));
    double limit = duration_us > 0 ? (double)duration_us * 1e-6 : 1e18, shown_at = 0.5;
    wend_status status = WEND_OK;

    for (uint64_t number = 0; status == WEND_OK && !cli_stopped(); number++) {
        if (rate > 0) {
            WEND_TRY(keep_rate(run, number, error));
        }
        if (number % PROGRESS_LINES == 0 || rate > 0) {
            if (seconds_since(&run->begun) >= limit) {
                break;
            }
            if (progress) {
                show_progress(run, &shown_at);
            }
        }
        status = produce_line(run, error);
    }
cleanup:
    if (progress && shown_at > 0.5) {
        fputs("\r\033[K", stderr);
    }
    return status;
}

/* ---- setting up ------------------------------------------------------------------------------ */

static int check_usage(void)
{
    if (rate < 0 || duration_us < 0 || event_count == 0 || event_count < -1 ||
        partition_count < 0 || partition_count > 10000) {
        return misuse("numbers must be above zero");
    }
    if (event_count < 0 && duration_us > 0 && rate == 0) {
        return misuse("--duration needs --rate or --events, which say how much happens in it");
    }
    if (live && rate == 0) {
        return misuse("--live needs --rate");
    }
    if (brokers == NULL && properties_path == NULL && settings.count == 0) {
        if (paced_by != NULL) {
            return misuse("--paced-by needs --brokers");
        }
        if (topics_asked.count > 1 || (topics_asked.count == 1 && !shop)) {
            return misuse("--topic needs --brokers (or --shop, and then it is given once)");
        }
        return EXIT_DONE;
    }
    if (shop ? topics_asked.count != 0 : topics_asked.count != 1) {
        return misuse(shop ? "--shop sends to topics of its own names"
                           : "to Kafka goes one --topic");
    }
    return EXIT_DONE;
}

static uint64_t lines_wanted(void)
{
    if (event_count > 0) {
        return (uint64_t)event_count;
    }
    double lines =
        rate > 0 && duration_us > 0 ? (double)rate * ((double)duration_us * 1e-6) : 10000;
    return lines < 1 ? 1 : (uint64_t)lines;
}

static wend_status open_generator(production *run, wend_error *error)
{
    wendi_clickgen_options options = {
        .seed = (uint64_t)seed, .event_count = lines_wanted(), .shop = shop, .clean = clean};
    if (live) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        options.start_us = ((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000) * 1000;
        options.span_us = (int64_t)((double)options.event_count / (double)rate * 1e6) + 1000;
        options.warm = true;
    }
    return wendi_clickgen_open(&options, &run->generator, error);
}

static wend_status open_producer(production *run, wend_error *error)
{
    wend_status status = WEND_OK;
    const char *names[WENDI_CLICKGEN_TOPIC_COUNT] = {topics_asked.items[0]};

    if (properties_path != NULL) {
        WEND_TRY(wendi_kafka_properties_read(&run->properties, properties_path, error));
    }
    for (size_t k = 0; k < settings.count; k++) {
        WEND_TRY(wendi_kafka_properties_add(&run->properties, settings.items[k], error));
    }
    for (int topic = 0; shop && topic < WENDI_CLICKGEN_TOPIC_COUNT; topic++) {
        names[topic] = wendi_clickgen_topic_name((wendi_clickgen_topic)topic);
    }
    wendi_kafka_producer_options options = {.brokers = brokers,
                                            .topics = names,
                                            .topic_count = shop ? WENDI_CLICKGEN_TOPIC_COUNT : 1,
                                            .properties = &run->properties,
                                            .create_partition_count = (int32_t)partition_count,
                                            .settled = paced_by != NULL ? ask_table : NULL,
                                            .settled_context = run};
    WEND_TRY(wendi_kafka_producer_open(&options, &run->producer, error));
cleanup:
    return status;
}

static int choose_topic(production *run)
{
    run->only_topic = -1;
    if (shop && topics_asked.count == 1) {
        for (int topic = 0; topic < WENDI_CLICKGEN_TOPIC_COUNT; topic++) {
            if (strcmp(topics_asked.items[0],
                       wendi_clickgen_topic_name((wendi_clickgen_topic)topic)) == 0) {
                run->only_topic = topic;
            }
        }
        if (run->only_topic < 0) {
            return misuse("a shop's topics are clickstream_raw, user_events and transactions");
        }
    }
    return EXIT_DONE;
}

/* ---- telling --------------------------------------------------------------------------------- */

static wend_status write_summary(const production *run, wend_error *error)
{
    FILE *file = summary_path == NULL ? NULL : fopen(summary_path, "we");
    if (summary_path == NULL) {
        return WEND_OK;
    }
    if (file == NULL) {
        return wendi_fail(error, WEND_IO, "cannot write %s: %s", summary_path, strerror(errno));
    }
    fprintf(file,
            "{\"lines\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"whole\":%" PRIu64
            ",\"truncated\":%" PRIu64 ",\"duplicates\":%" PRIu64 ",\"null_users\":%" PRIu64
            ",\"late\":%" PRIu64 ",\"out_of_order\":%" PRIu64 ",\"new_keys\":%" PRIu64
            ",\"topics\":{",
            run->line_count, run->byte_count, run->line_count - run->truncated - run->repeated,
            run->truncated, run->repeated, run->null_user, run->late, run->disorder, run->new_keys);
    const char *separator = "";
    for (int topic = 0; topic < WENDI_CLICKGEN_TOPIC_COUNT; topic++) {
        if (run->by_topic[topic] > 0) {
            const char *name = shop || topics_asked.count == 0
                                   ? wendi_clickgen_topic_name((wendi_clickgen_topic)topic)
                                   : topics_asked.items[0];
            fprintf(file, "%s\"%s\":%" PRIu64, separator, name, run->by_topic[topic]);
            separator = ",";
        }
    }
    fprintf(file, "}}\n");
    bool failed = ferror(file) != 0;
    return fclose(file) != 0 || failed
               ? wendi_fail(error, WEND_IO, "cannot write %s: %s", summary_path, strerror(errno))
               : WEND_OK;
}

static void tell(const production *run)
{
    double seconds = seconds_since(&run->begun);
    if (run->producer == NULL && !cli_stopped()) {
        return;
    }
    fprintf(stderr,
            "%s%" PRIu64 " events (%" PRIu64 " cut short, %" PRIu64 " repeats) in %.1f s%s\n",
            cli_stopped() ? "stopped after " : "", run->line_count, run->truncated, run->repeated,
            seconds, run->producer != NULL ? ", all acknowledged" : "");
}

static void print_ddl(int only_topic)
{
    for (int topic = 0; topic < (shop ? WENDI_CLICKGEN_TOPIC_COUNT : 1); topic++) {
        if (only_topic < 0 || topic == only_topic) {
            fputs(wendi_clickgen_ddl(shop, (wendi_clickgen_topic)topic), stdout);
        }
    }
}

/* ---- the command ----------------------------------------------------------------------------- */

static void end(production *run)
{
    wendi_kafka_producer_close(run->producer);
    wendi_kafka_properties_free(&run->properties);
    wendi_clickgen_close(run->generator);
    wend_store_close(run->store);
    free(run->out);
}

static wend_status run_all(production *run, wend_error *error)
{
    wend_status status = WEND_OK;

    run->out = malloc(OUT_BYTES);
    if (run->out == NULL) {
        return wendi_fail_nomem(error, "text", OUT_BYTES);
    }
    WEND_TRY(open_generator(run, error));
    if (brokers != NULL || properties_path != NULL || settings.count > 0) {
        WEND_TRY(open_producer(run, error));
    }
    clock_gettime(CLOCK_MONOTONIC, &run->begun);
    status = produce_all(run, error);
    if (status == WEND_END || (status == WEND_CANCELLED && cli_stopped())) {
        status = WEND_OK;
    }
    WEND_TRY(status);
    WEND_TRY(flush_out(run, error));
    if (run->producer != NULL) {
        WEND_TRY(wendi_kafka_producer_flush(run->producer, FLUSH_TIMEOUT_MS, error));
    }
    WEND_TRY(write_summary(run, error));
    tell(run);
cleanup:
    return status;
}

static int run_produce(const cli_command *command, int argc, char **argv)
{
    production run = {.only_topic = -1};
    wend_error error = {.position = -1};
    cli_words words;
    int exit_code = EXIT_DONE;

    if (!cli_parse(command, argc, argv, 0, 0, &words, &exit_code)) {
        return exit_code;
    }
    exit_code = ddl_only ? EXIT_DONE : check_usage();
    if (exit_code == EXIT_DONE) {
        exit_code = choose_topic(&run);
    }
    if (exit_code == EXIT_DONE && ddl_only) {
        print_ddl(run.only_topic);
        return fflush(stdout) == 0 ? EXIT_DONE : EXIT_COULD_NOT;
    }
    if (exit_code == EXIT_DONE && paced_by != NULL) {
        exit_code = cli_open_store(false, &run.store);
    }
    if (exit_code == EXIT_DONE) {
        cli_catch_signals();
        signal(SIGPIPE, SIG_IGN);
        wend_status status = run_all(&run, &error);
        if (status != WEND_OK) {
            exit_code = run.out_closed ? EXIT_COULD_NOT : cli_fail(&error, NULL);
        }
    }
    end(&run);
    return exit_code;
}

const cli_command cli_produce_command = {
    .name = "produce",
    .summary = "make a seeded clickstream, as NDJSON or to Kafka",
    .usage = "produce [--events N] [--seed S] [--brokers B --topic T] [--rate R] [--duration TIME] "
             "[--shop] [--ddl]",
    .text =
        "Writes the clickstream of a made-up web shop: sessions of people who land, search,\n"
        "look at products, fill a cart and buy or leave, with the dirt of real streams: of\n"
        "the lines 0.1 % are cut short, 0.5 % come twice, 0.2 % have a null user, some come\n"
        "late or out of order, and half-way new keys appear. The same seed and options give\n"
        "the same bytes. Without --brokers the lines go to standard output.\n"
        "\n"
        "  wend produce --ddl > events.sql\n"
        "  wend produce --events 20k --seed 7 > clicks.ndjson\n"
        "  wend produce --brokers localhost:9092 --topic clicks --rate 5k --duration 10s --live",
    .options = produce_options,
    .run = run_produce,
};

int wend_cmd_produce(int argc, char **argv)
{
    return run_produce(&cli_produce_command, argc, argv);
}
