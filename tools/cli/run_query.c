/* One query from text to printed rows, with notes, timing and cancellation by Ctrl-C. */
#include "tools/cli/run_query.h"

#include <signal.h>
#include <string.h>

#include "engine/base/clock.h"

cli_query_options cli_query;

const char *cli_null_text;

static wend_query *volatile running;
static volatile sig_atomic_t interrupted;
static struct sigaction action_before;

/* The first Ctrl-C cancels the query and ends its printing; a second one ends the program. */
static void cancel(int signal_number)
{
    (void)signal_number;
    interrupted = 1;
    wend_query *query = running;
    if (query != NULL) {
        wend_query_cancel(query);
    }
}

bool cli_query_interrupted(void)
{
    return interrupted != 0;
}

int cli_open_query(wend_store *store, const char *sql, wend_query **query,
                   struct ArrowArrayStream *stream)
{
    wend_error error;
    wend_query_options options;
    wend_query_options_init(&options);
    options.thread_count = (uint32_t)cli_query.threads;
    options.time_zone = cli_query.zone;
    options.memory_bytes = (uint64_t)cli_query.memory_bytes;
    options.skip_corrupt = cli_query.skip_corrupt;
    if (wend_query_open(store, sql, &options, query, &error) != WEND_OK) {
        return cli_fail(&error, sql);
    }
    if (wend_query_stream(*query, stream, &error) != WEND_OK) {
        wend_query_close(*query);
        *query = NULL;
        return cli_fail(&error, sql);
    }
    running = *query;
    interrupted = 0;
    struct sigaction action = {.sa_handler = cancel, .sa_flags = (int)SA_RESETHAND};
    sigaction(SIGINT, &action, &action_before);
    return EXIT_DONE;
}

int cli_close_query(wend_query *query, struct ArrowArrayStream *stream, const char *sql,
                    int exit_code)
{
    const wend_error *error = wend_query_error(query);
    running = NULL;
    sigaction(SIGINT, &action_before, NULL);
    if (error->status != WEND_OK) {
        exit_code = cli_fail(error, sql);
        if (error->status == WEND_CORRUPT && error->hint[0] == '\0') {
            fprintf(stderr, "hint: --skip-corrupt answers without the damaged rows; wend verify "
                            "lists all damage\n");
        }
    } else if (interrupted && exit_code == EXIT_DONE) {
        fprintf(stderr, "wend: stopped in the middle of the result\n");
        exit_code = EXIT_COULD_NOT;
    }
    fflush(stdout);
    for (size_t i = 0; i < wend_query_note_count(query); i++) {
        fprintf(stderr, "note: %s\n", wend_query_note(query, i));
    }
    if (stream->release != NULL) {
        stream->release(stream);
    }
    wend_query_close(query);
    return exit_code;
}

int cli_run_query(wend_store *store, const char *sql, FILE *out)
{
    wend_query *query;
    struct ArrowArrayStream stream;
    wend_error error;
    cli_print_options print = {.out = out, .row_count = true, .null_text = cli_null_text};
    const char *zone = cli_query.zone != NULL ? cli_query.zone : "UTC";
    int64_t begin_us = wendi_clock_monotonic_us();
    if (!cli_format_of(cli_query.format, &print.format)) {
        return EXIT_USED_WRONGLY;
    }
    if (wendi_timezone_find((wendi_string){zone, (uint32_t)strlen(zone)}, &print.zone, &error) !=
        WEND_OK) {
        return cli_fail(&error, NULL);
    }
    int code = cli_open_query(store, sql, &query, &stream);
    if (code != EXIT_DONE) {
        return code;
    }
    code = cli_close_query(query, &stream, sql, cli_print_stream(&stream, &print, NULL));
    if (cli_query.timing && code == EXIT_DONE) {
        fprintf(stderr, "time: %.3f ms\n", (double)(wendi_clock_monotonic_us() - begin_us) / 1e3);
    }
    return code;
}
