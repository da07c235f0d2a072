/**
 * `wend produce` (the seeded generator, to Kafka or as NDJSON) and the hidden `wend mock-broker`
 * (librdkafka's mock cluster in a process of its own, for the demo and tests).
 *
 * Both records go into cli_commands; the functions are the same commands for callers that dispatch
 * by themselves (argv[0] is the command's name).
 */
#ifndef WEND_CLI_CMD_PRODUCE_H
#define WEND_CLI_CMD_PRODUCE_H

#include "tools/cli/command.h"

extern const cli_command cli_produce_command;
extern const cli_command cli_mock_broker_command;

int wend_cmd_produce(int argc, char **argv);
int wend_cmd_mock_broker(int argc, char **argv);

#endif
