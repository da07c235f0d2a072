/** What the program's commands are called by: one run function and one option table each. */
#ifndef WEND_CLI_COMMANDS_H
#define WEND_CLI_COMMANDS_H

#include "tools/cli/cmd_produce.h"
#include "tools/cli/result_print.h"
#include "wend/ingest.h"

int cli_sql(const cli_command *command, int argc, char **argv);
int cli_funnel(const cli_command *command, int argc, char **argv);
int cli_sessions(const cli_command *command, int argc, char **argv);
int cli_paths(const cli_command *command, int argc, char **argv);
int cli_top_paths(const cli_command *command, int argc, char **argv);
int cli_retention(const cli_command *command, int argc, char **argv);
int cli_create(const cli_command *command, int argc, char **argv);
int cli_infer(const cli_command *command, int argc, char **argv);
int cli_tables(const cli_command *command, int argc, char **argv);
int cli_describe(const cli_command *command, int argc, char **argv);
int cli_drop(const cli_command *command, int argc, char **argv);
int cli_alter(const cli_command *command, int argc, char **argv);
int cli_ingest(const cli_command *command, int argc, char **argv);
int cli_verify(const cli_command *command, int argc, char **argv);
int cli_status(const cli_command *command, int argc, char **argv);
int cli_rejects(const cli_command *command, int argc, char **argv);
int cli_candidates(const cli_command *command, int argc, char **argv);
int cli_export(const cli_command *command, int argc, char **argv);
int cli_compact(const cli_command *command, int argc, char **argv);
int cli_inspect(const cli_command *command, int argc, char **argv);
int cli_help_run(const cli_command *command, int argc, char **argv);
int cli_demo(const cli_command *command, int argc, char **argv);

const cli_option *cli_sql_options(void);
const cli_option *cli_funnel_options(void);
const cli_option *cli_sessions_options(void);
const cli_option *cli_paths_options(void);
const cli_option *cli_retention_options(void);
const cli_option *cli_create_options(void);
const cli_option *cli_infer_options(void);
const cli_option *cli_drop_options(void);
const cli_option *cli_alter_options(void);
const cli_option *cli_ingest_options(void);
const cli_option *cli_status_options(void);
const cli_option *cli_rejects_options(void);
const cli_option *cli_candidates_options(void);
const cli_option *cli_export_options(void);
const cli_option *cli_demo_options(void);
const cli_option *cli_help_options(void);
const cli_option *cli_inspect_options(void);
const cli_option *cli_compact_options(void);

#endif
