/*
 * `wend mock-broker`, hidden: a broker without Kafka in a process of its own
 * (ingest/kafka/mock_broker.h). Prints its servers and a newline, then lives until standard input
 * ends or SIGTERM comes.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ingest/kafka/mock_broker.h"
#include "tools/cli/cmd_produce.h"

static cli_list topics_asked;

static const cli_option *mock_broker_options(void)
{
    static const cli_option options[] = {
        {"topic", 't', CLI_LIST, &topics_asked, "NAME:PARTITIONS", "create this topic"},
        {NULL, 0, CLI_FLAG, NULL, NULL, NULL}};
    return options;
}

/* "clicks:4"; the text is cut at the colon. */
static bool read_topic(char *text, wendi_mock_broker_topic *topic)
{
    char *colon = strrchr(text, ':'), *end = NULL;
    long count = colon == NULL ? 0 : strtol(colon + 1, &end, 10);
    if (colon == NULL || colon == text || *end != 0 || count < 1 || count > 10000) {
        fprintf(stderr, "wend mock-broker: --topic %s: wanted is NAME:PARTITIONS\n", text);
        return false;
    }
    *colon = 0;
    *topic = (wendi_mock_broker_topic){text, (int32_t)count};
    return true;
}

static int run_mock_broker(const cli_command *command, int argc, char **argv)
{
    wendi_mock_broker_topic topics[CLI_LIST_MAX];
    char *texts[CLI_LIST_MAX] = {NULL};
    wend_error error;
    cli_words words;
    int exit_code = EXIT_DONE;

    if (!cli_parse(command, argc, argv, 0, 0, &words, &exit_code)) {
        return exit_code;
    }
    exit_code = EXIT_DONE;
    for (size_t k = 0; k < topics_asked.count && exit_code == EXIT_DONE; k++) {
        texts[k] = strdup(topics_asked.items[k]);
        exit_code = texts[k] == NULL                   ? EXIT_COULD_NOT
                    : read_topic(texts[k], &topics[k]) ? EXIT_DONE
                                                       : EXIT_USED_WRONGLY;
    }
    if (exit_code == EXIT_DONE &&
        wendi_mock_broker_serve(topics, (uint32_t)topics_asked.count, STDOUT_FILENO, STDIN_FILENO,
                                &error) != WEND_OK) {
        exit_code = cli_fail(&error, NULL);
    }
    for (size_t k = 0; k < topics_asked.count; k++) {
        free(texts[k]);
    }
    return exit_code;
}

const cli_command cli_mock_broker_command = {
    .name = "mock-broker",
    .summary = "run a broker without Kafka on loopback, for demonstrations and tests",
    .usage = "mock-broker --topic NAME:PARTITIONS …",
    .text = "Keeps at most 5 MiB a partition and forgets all when it ends, which it does when its "
            "standard input ends.\n"
            "It makes any topic that is asked for, also a misspelt one, and knows no offsets by time:\n"
            "--from TIME begins at the end.",
    .options = mock_broker_options,
    .run = run_mock_broker,
    .hidden = true,
};

int wend_cmd_mock_broker(int argc, char **argv)
{
    return run_mock_broker(&cli_mock_broker_command, argc, argv);
}
