/*
 * demo: everything in a minute. The parts are the program's own commands, each in a process of its
 * own, so what is shown is what a user would type: a broker, a producer that is paced by the table,
 * an ingestor that is killed half-way, and reports.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/clickgen/clickgen.h"
#include "ingest/kafka/mock_broker.h"
#include "tools/cli/commands.h"
#include "tools/cli/run_query.h"

enum {
    DEMO_EVENTS = 300000,
    DEMO_PARTITIONS = 4,
    WORDS_MAX = 24,
    DEMO_WAIT_S = 300,
    DEMO_PRODUCE_S = 4
};

static int64_t event_count = DEMO_EVENTS;
static int64_t demo_seed = 1;
static bool keep;

const cli_option *cli_demo_options(void)
{
    static const cli_option options[] = {
        {"events", 'n', CLI_INTEGER, &event_count, "N", "events to produce (default: 300,000)"},
        {"seed", 's', CLI_INTEGER, &demo_seed, "S", "seed of the stream (default: 1)"},
        {"keep", 0, CLI_FLAG, &keep, NULL, "keep the store and say where it is (always with -d)"},
        {NULL, 0, CLI_FLAG, NULL, NULL, NULL}};
    return options;
}

typedef struct demo {
    char folder[4096]; /* of the store */
    wend_store *store;
    wendi_mock_broker_process broker;
    pid_t producer;
    pid_t ingestor;
} demo;

static void say(const char *text)
{
    printf("\n== %s\n", text);
    fflush(stdout);
}

/* ---- processes ---- */

/* Run this program with the words; output goes to FOLDER.log/NAME. */
static pid_t start(const demo *of, const char *name, const char *const *words)
{
    char *arguments[WORDS_MAX + 2];
    char log[4200];
    size_t count = 0;
    static char program[] = "wend";
    arguments[count++] = program;
    while (*words != NULL && count < WORDS_MAX) {
        arguments[count++] = (char *)(uintptr_t)*words++;
    }
    arguments[count] = NULL;
    snprintf(log, sizeof log, "%s.%s.log", of->folder, name);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        int to = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
        if (to >= 0) {
            dup2(to, STDOUT_FILENO);
            dup2(to, STDERR_FILENO);
        }
        execv("/proc/self/exe", arguments);
        _exit(127);
    }
    return child;
}

/* Wait at most `seconds`; the exit code, or -1 when it still runs, or 128 + signal. */
static int ended(pid_t child, int seconds)
{
    for (int tick = 0; tick <= seconds * 50; tick++) {
        int state;
        pid_t got = waitpid(child, &state, WNOHANG);
        if (got == child) {
            return WIFEXITED(state) ? WEXITSTATUS(state) : 128 + WTERMSIG(state);
        }
        struct timespec pause = {0, 20000000};
        nanosleep(&pause, NULL);
    }
    return -1;
}

static void show_log(const demo *of, const char *name)
{
    char path[4200];
    char line[1024];
    snprintf(path, sizeof path, "%s.%s.log", of->folder, name);
    FILE *file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        fprintf(stderr, "%s: %s", name, line);
    }
    if (file != NULL) {
        fclose(file);
    }
}

static pid_t start_ingestor(const demo *of)
{
    const char *words[] = {"-d",        of->folder,          "ingest",  "events",
                           "--brokers", of->broker.servers,  "--topic", "clicks",
                           "-q",        "--commit-interval", "500ms",   NULL};
    return start(of, "ingest", words);
}

static pid_t start_producer(const demo *of)
{
    static char events[32];
    static char seed[32];
    static char rate[32];
    /* Slow enough that there is a half-way to be killed at. */
    snprintf(rate, sizeof rate, "%lld", (long long)(event_count / DEMO_PRODUCE_S + 1));
    snprintf(events, sizeof events, "%lld", (long long)event_count);
    snprintf(seed, sizeof seed, "%lld", (long long)demo_seed);
    const char *words[] = {"-d",     of->folder,   "produce",   "--events",         events,
                           "--seed", seed,         "--brokers", of->broker.servers, "--topic",
                           "clicks", "--paced-by", "events",    "--rate",           rate,
                           NULL};
    return start(of, "produce", words);
}

/* ---- acts ---- */

static void add_taken(void *context, const wend_source_status *source)
{
    *(int64_t *)context += source->taken;
}

/* Messages that commits account for so far; -1 on failure. */
static int64_t taken(const demo *of)
{
    int64_t sum = 0;
    wend_error error;
    if (wend_table_sources(of->store, "events", add_taken, &sum, &error) != WEND_OK) {
        (void)cli_fail(&error, NULL);
        return -1;
    }
    return sum;
}

static bool wait_taken(demo *of, int64_t wanted)
{
    for (int tick = 0; tick < DEMO_WAIT_S * 20 && !cli_stopped(); tick++) {
        int64_t now = taken(of);
        if (now >= wanted || now < 0) {
            return now >= wanted;
        }
        int code = ended(of->ingestor, 0);
        if (code >= 0) {
            fprintf(stderr, "wend demo: the ingestor ended with %d\n", code);
            show_log(of, "ingest");
            return false;
        }
        struct timespec pause = {0, 50000000};
        nanosleep(&pause, NULL);
    }
    fprintf(stderr, "wend demo: %s\n", cli_stopped() ? "stopped" : "the ingestor did not get on");
    return false;
}

static bool make_store(demo *of)
{
    wend_error error;
    if (cli_store_path != NULL) {
        snprintf(of->folder, sizeof of->folder, "%s", cli_store_path);
    } else {
        const char *tmp = getenv("TMPDIR");
        snprintf(of->folder, sizeof of->folder, "%s/wend-demo-XXXXXX", tmp != NULL ? tmp : "/tmp");
        if (mkdtemp(of->folder) == NULL) {
            fprintf(stderr, "wend demo: cannot make a folder %s: %s\n", of->folder,
                    strerror(errno));
            return false;
        }
    }
    if (wend_store_open(of->folder, true, &of->store, &error) != WEND_OK ||
        wend_create_table(of->store, wendi_clickgen_ddl(false, WENDI_CLICKGEN_CLICKSTREAM), false,
                          &error) != WEND_OK) {
        (void)cli_fail(&error, NULL);
        return false;
    }
    return true;
}

static bool ingest_with_a_kill(demo *of)
{
    wendi_mock_broker_topic topic = {"clicks", DEMO_PARTITIONS};
    wend_error error;
    if (wendi_mock_broker_spawn(NULL, &topic, 1, &of->broker, &error) != WEND_OK) {
        (void)cli_fail(&error, NULL);
        return false;
    }
    say("a broker, a producer and an ingestor");
    printf("broker %s, topic clicks with %d partitions; %lld events, seed %lld\n",
           of->broker.servers, DEMO_PARTITIONS, (long long)event_count, (long long)demo_seed);
    fflush(stdout);
    of->ingestor = start_ingestor(of);
    of->producer = start_producer(of);
    if (!wait_taken(of, event_count / 2)) {
        return false;
    }
    kill(of->ingestor, SIGKILL);
    (void)ended(of->ingestor, 10);
    printf("killed the ingestor (SIGKILL) at %lld committed events; starting it again\n",
           (long long)taken(of));
    fflush(stdout);
    of->ingestor = start_ingestor(of);
    if (!wait_taken(of, event_count)) {
        return false;
    }
    int produced = ended(of->producer, 60);
    of->producer = 0;
    kill(of->ingestor, SIGTERM);
    int drained = ended(of->ingestor, 60);
    of->ingestor = 0;
    /* All is committed here: an ingestor that was only starting may end by the signal itself. */
    drained = drained == 128 + SIGTERM ? 0 : drained;
    if (produced != 0 || drained != 0) {
        show_log(of, produced != 0 ? "produce" : "ingest");
        fprintf(stderr, "wend demo: the producer ended with %d, the ingestor with %d\n", produced,
                drained);
        return false;
    }
    return true;
}

static int command(const char *const *words)
{
    char *arguments[WORDS_MAX];
    int count = 0;
    while (*words != NULL && count < WORDS_MAX - 1) {
        arguments[count++] = (char *)(uintptr_t)*words++;
    }
    arguments[count] = NULL;
    const cli_command *found = cli_find(arguments[0]);
    return found == NULL ? EXIT_USED_WRONGLY : found->run(found, count, arguments);
}

static bool reconciled(const demo *of)
{
    static const char *const status[] = {"status", "events", "--reconcile", NULL};
    static const char *const reasons[] = {"rejects", "events", "--reasons", NULL};
    static const char *const verify[] = {"verify", "events", NULL};
    int64_t seen = taken(of);
    say("nothing lost, nothing twice");
    bool good = command(status) == EXIT_DONE && seen == event_count;
    printf("%lld produced %s %lld accounted for\n", (long long)event_count,
           seen == event_count ? "=" : "IS NOT", (long long)seen);
    say("what was refused, and why");
    good = command(reasons) == EXIT_DONE && good;
    say("every byte on disk");
    return command(verify) == EXIT_DONE && good;
}

typedef struct report {
    const char *title;
    const char *sql;
} report;

static const report reports[] = {
    {"events and active users per hour (the six busiest hours)",
     "select date_trunc('hour', ts) as hour, count(*) as events, count(distinct user_id) as "
     "active_users from events "
     "group by 1 order by 2 desc, 1 limit 6"},
    {"top pages", "select page, count(*) as views, count(distinct user_id) as users from events "
                  "where event_type = 'page_view' "
                  "group by page order by views desc, page limit 8"},
    {"sessions and bounces by device",
     "select device, count(*) as sessions, round(avg(events), 2) as events_per_session, "
     "round(avg(duration_s)::numeric, 1) as mean_duration_s, round(100 * avg(case when bounce then "
     "1.0 else 0.0 end), 1) as bounce_percent "
     "from (select \"by\" as device, * from sessions(events, gap => interval '30 minutes', by => "
     "device)) s group by device order by 2 desc"},
    {"a funnel, and where people give up",
     "select step, name, users, round(100 * of_first::numeric, 1) as percent, dropped, "
     "round(median_s::numeric, 1) as median_s from "
     "funnel(events, event_type = 'product_view', event_type = 'add_to_cart', event_type = "
     "'checkout', event_type = 'purchase', "
     "within => interval '1 hour')"},
    {"top paths", "select path, sessions, round(100 * share::numeric, 1) as percent from "
                  "top_paths(events, node => event_type, steps => 4, top => 8) limit 8"},
    {"retention: users by day of first visit who come back (percent, day 0 to 6)",
     "select cohort, max(size) as users, "
     "round((100 * max(rate) filter (where period = 1 and complete))::numeric, 1) as day_1, "
     "round((100 * max(rate) filter (where period = 2 and complete))::numeric, 1) as day_2, "
     "round((100 * max(rate) filter (where period = 3 and complete))::numeric, 1) as day_3, "
     "round((100 * max(rate) filter (where period = 4 and complete))::numeric, 1) as day_4, "
     "round((100 * max(rate) filter (where period = 5 and complete))::numeric, 1) as day_5, "
     "round((100 * max(rate) filter (where period = 6 and complete))::numeric, 1) as day_6 "
     "from retention(events, period => 'day', periods => 6) group by cohort order by cohort"},
};

static bool print_reports(const demo *of)
{
    cli_query.format = "table";
    cli_null_text = "";
    for (size_t i = 0; i < sizeof reports / sizeof reports[0]; i++) {
        say(reports[i].title);
        if (cli_run_query(of->store, reports[i].sql, stdout) != EXIT_DONE) {
            return false;
        }
    }
    return true;
}

/* The stream is a function of its seed: its bytes are made once more to be counted. */
static bool print_sizes(const demo *of)
{
    wendi_clickgen_options options = {.seed = (uint64_t)demo_seed,
                                      .event_count = (uint64_t)event_count};
    wendi_clickgen *generator;
    wendi_clickgen_line line;
    char space[WENDI_CLICKGEN_LINE_MAX];
    wend_table_status status;
    wend_error error;
    uint64_t json_bytes = 0;
    if (wendi_clickgen_open(&options, &generator, &error) != WEND_OK) {
        return false;
    }
    while (wendi_clickgen_next(generator, space, &line, &error) == WEND_OK) {
        json_bytes += line.length + 1;
    }
    wendi_clickgen_close(generator);
    if (wend_table_status_of(of->store, "events", &status, &error) != WEND_OK) {
        (void)cli_fail(&error, NULL);
        return false;
    }
    say("bytes");
    printf("%.1f MB of JSON lie in %.1f MB on disk: %.1f bytes an event instead of %.1f, %.0f "
           "times smaller\n",
           (double)json_bytes / 1e6, (double)status.segment_bytes / 1e6,
           (double)status.segment_bytes / (double)status.row_count,
           (double)json_bytes / (double)event_count,
           (double)json_bytes / (double)status.segment_bytes);
    return true;
}

/* ---- the end ---- */

static void end_processes(demo *of)
{
    pid_t children[] = {of->ingestor, of->producer};
    for (size_t i = 0; i < 2; i++) {
        if (children[i] > 0 && ended(children[i], 0) < 0) {
            kill(children[i], SIGKILL);
            (void)ended(children[i], 10);
        }
    }
    if (of->broker.pid > 0) {
        wendi_mock_broker_process_end(&of->broker);
    }
}

static void remove_store(const demo *of)
{
    static const char *const logs[] = {"ingest", "produce"};
    wend_error error;
    char path[4200];
    if (keep || cli_store_path != of->folder) {
        printf("\nThe store is %s; ask it more: wend -d %s sql\n", of->folder, of->folder);
        return;
    }
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s.%s.log", of->folder, logs[i]);
        unlink(path);
    }
    if (wend_drop_table(of->store, "events", &error) == WEND_OK) {
        rmdir(of->folder);
    }
}

int cli_demo(const cli_command *this_command, int argc, char **argv)
{
    static demo of;
    cli_words words;
    int code;
    if (!cli_parse(this_command, argc, argv, 0, 0, &words, &code)) {
        return code;
    }
    if (event_count < 1000) {
        fprintf(stderr, "wend demo: --events is at least 1000, for the reports to say something\n");
        return EXIT_USED_WRONGLY;
    }
    cli_catch_signals();
    if (!make_store(&of)) {
        return EXIT_COULD_NOT;
    }
    cli_store_path = cli_store_path != NULL ? cli_store_path : of.folder;
    bool good =
        ingest_with_a_kill(&of) && reconciled(&of) && print_reports(&of) && print_sizes(&of);
    end_processes(&of);
    if (good) {
        remove_store(&of);
    } else {
        fprintf(stderr, "wend demo: it did not work out; the store and logs are at %s*\n",
                of.folder);
    }
    wend_store_close(of.store);
    return good ? EXIT_DONE : EXIT_COULD_NOT;
}
