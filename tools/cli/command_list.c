/*
 * All commands with their texts: what --help, the manual pages and completion are made of. Lines
 * that begin with two spaces are examples or lists and are shown as they stand; examples name a
 * store `store` with a table `events`, and a test runs each of them.
 */
#include <string.h>

#include "tools/cli/cmd_produce.h"
#include "tools/cli/commands.h"

static const cli_command demo_command = {
    "demo",
    "see all of it in a minute, without set-up",
    "demo [--events N] [--seed S] [--keep]",
    "Starts a broker of its own, produces a seeded clickstream with real dirt in it\n"
    "(repeats, truncated lines, rows without a user, late events), ingests it, kills\n"
    "the ingestor half-way and starts it again, shows that nothing was lost or\n"
    "repeated, and prints reports. With -d the store is kept there.\n\n"
    "  wend demo --events 20000",
    cli_demo_options,
    cli_demo,
    false};

static const cli_command infer_command = {
    "infer",
    "guess a CREATE TABLE statement from JSON lines",
    "infer FILE [--table NAME]",
    "Reads a sample and prints a statement to edit: types, nested keys as columns\n"
    "(\"geo.country\"), which columns hold the user, the time and the kind of event;\n"
    "what was guessed stands beside it as comments. FILE is plain, .gz or .zst, or -\n"
    "for standard input.\n\n"
    "  wend infer clicks.ndjson --table events > events.sql",
    cli_infer_options,
    cli_infer,
    false};

static const cli_command create_command = {
    "create",
    "make a table from a CREATE TABLE statement",
    "create -f FILE | create \"CREATE TABLE …\"",
    "The store's folder is made when it is missing. NOT NULL and CHECK say what is\n"
    "rejected, UNIQUE what is deduplicated, GENERATED what is derived; WITH names\n"
    "user_column, time_column and event_column. docs/SQL.md has the whole statement.\n\n"
    "  wend -d store create -f events.sql --if-not-exists\n"
    "  wend -d store create \"create table logins (who text, at timestamptz not null)\"",
    cli_create_options,
    cli_create,
    false};

static const cli_command ingest_command = {
    "ingest",
    "load events, exactly once",
    "ingest TABLE --file FILE … | TABLE --stdin | TABLE --brokers B --topic T … | --brokers B --map "
    "T=TABLE …",
    "May be killed at any moment: rows and the position behind them are committed in\n"
    "one step, and the next run goes on there. SIGTERM and Ctrl-C read no further,\n"
    "commit what was read and end with 0; a second one ends at once, which loses\n"
    "nothing that was committed.\n\n"
    "A file is known by its content: a renamed, repeated or compressed copy is not\n"
    "loaded twice, and of a grown file only the new lines are. Standard input is a new\n"
    "source each time unless --source names it.\n\n"
    "What the parser, a type, NOT NULL or CHECK refuses is kept with its reason: see\n"
    "wend rejects. At the end the numbers are printed, as one JSON object when\n"
    "standard output is no terminal. Meanwhile wend status tells how it goes on.\n\n"
    "Several tables in one run share memory and workers, nothing else. When one fails,\n"
    "the others commit what they have read, and the run ends with its error.\n\n"
    "  wend -d store ingest events --file clicks.ndjson\n"
    "  zcat old.ndjson.gz | wend -d store ingest events --stdin --source old\n"
    "  wend -d store ingest events --brokers localhost:9092 --topic clicks --until-caught-up\n"
    "  wend -d store ingest --brokers localhost:9092 --map clicks=events --map orders=orders",
    cli_ingest_options,
    cli_ingest,
    false};

static const cli_command sql_command = {
    "sql",
    "ask in SQL",
    "sql [SELECT …] [--format FORMAT]",
    "Runs one statement; without one it reads standard input, and on a terminal it is\n"
    "a prompt with history (\\? there tells more). The SQL is PostgreSQL's over one\n"
    "table, and the table functions sessions, funnel, funnel_users, paths, top_paths\n"
    "and retention. In CSV a null is nothing and an empty text is \"\"; tables write\n"
    "null. docs/SQL.md has all of it.\n\n"
    "  wend -d store sql \"select event_type, count(*) from events group by 1 order by 2 desc\"\n"
    "  wend -d store sql --format ndjson \"select * from sessions(events) limit 3\"\n"
    "  echo \"select max(ts) from events\" | wend -d store sql",
    cli_sql_options,
    cli_sql,
    false};

static const cli_command funnel_command = {
    "funnel",
    "who took the steps, and where they gave up",
    "funnel TABLE --step PREDICATE … --within TIME",
    "Counts the users whose best chain of rows reaches each step within the time.\n"
    "docs/SEMANTICS.md says exactly what a chain is.\n\n"
    "  wend -d store funnel events --step \"event_type = 'page_view'\" --step \"event_type = "
    "'purchase'\" --within 1h --by country",
    cli_funnel_options,
    cli_funnel,
    false};

static const cli_command sessions_command = {
    "sessions",
    "how people visit",
    "sessions TABLE [--gap 30m] [--list]",
    "Cuts each user's rows into sessions at every pause longer than the gap, and sums\n"
    "them up; --list prints one line a session.\n\n"
    "  wend -d store sessions events --gap 30m --by country\n"
    "  wend -d store sessions events --list --limit 10",
    cli_sessions_options,
    cli_sessions,
    false};

static const cli_command paths_command = {
    "paths",
    "how people walk from node to node, edge by edge",
    "paths TABLE [--node EXPRESSION] [--steps K]",
    "For every step of a session the edges from node to node, with the sessions and\n"
    "users that took them: what a Sankey diagram is drawn from.\n\n"
    "  wend -d store paths events --node page --steps 5",
    cli_paths_options,
    cli_paths,
    false};

static const cli_command top_paths_command = {
    "top-paths",
    "the most taken whole paths",
    "top-paths TABLE [--node EXPRESSION] [--steps K]",
    "Whole paths from a session's first node, most taken first.\n\n"
    "  wend -d store top-paths events --node event_type --steps 4 --limit 10",
    cli_paths_options,
    cli_top_paths,
    false};

static const cli_command retention_command = {
    "retention",
    "who comes back",
    "retention TABLE [--birth PREDICATE] [--return-on PREDICATE] [--period day] [--periods 7]",
    "Cohorts by the period of each user's first matching row, and how many of them\n"
    "came back in each later period. On a terminal, without --format, a matrix in\n"
    "percent in which periods that are not over yet stay empty; else one line a cohort\n"
    "and period.\n\n"
    "  wend -d store retention events --birth \"event_type = 'page_view'\" --return-on \"true\" "
    "--period day --periods 7",
    cli_retention_options,
    cli_retention,
    false};

static const cli_command export_command = {
    "export",
    "write Parquet files",
    "export TABLE -o FILE|DIR/ [--where …] [--partition-by …] | export --sql SELECT -o …",
    "The target appears, or is replaced, as a whole at the end; an export that fails or\n"
    "is stopped leaves what was there. docs/EXPORT.md says how types map.\n\n"
    "  wend -d store export events -o events.parquet --where \"country = 'DE'\"\n"
    "  wend -d store export events -o by_country/ --partition-by country\n"
    "  wend -d store export --sql \"select * from sessions(events)\" -o sessions.parquet",
    cli_export_options,
    cli_export,
    false};

static const cli_command status_command = {
    "status",
    "where a table stands",
    "status TABLE [--reconcile] [--format json]",
    "Rows, bytes, times, and the sum of all accounts. With --reconcile one line a\n"
    "partition or file: taken = stored + rejected + deduplicated + tombstones. Ends\n"
    "with 3 when an account does not add up.\n\n"
    "While an ingestor is at work, what it does: rates, what waits in each partition,\n"
    "rejects by reason, memory by use, how far back repeats are known, Kafka's faults.\n"
    "It leaves that once a second; what is older is said to be.\n\n"
    "  wend -d store status events --reconcile\n"
    "  wend -d store status events --format json",
    cli_status_options,
    cli_status,
    false};

static const cli_command rejects_command = {
    "rejects",
    "what was refused, and why",
    "rejects TABLE [--reasons] [--limit N] | rejects TABLE --replay [--dry-run]",
    "Every refused message is kept as it came, with its place and the reason. As\n"
    "ndjson the keys are topic, partition, offset, reason and raw, and key, headers and\n"
    "timestamp where the message had them.\n\n"
    "--replay puts them through the decoder and the rules that the table has now: after\n"
    "ALTER TABLE, or with a newer program. What is accepted is stored, once, and is no\n"
    "reject any more; the accounts of wend status --reconcile move with it. What is\n"
    "refused again stays, with the reason of today. No ingest may be running.\n\n"
    "  wend -d store rejects events --reasons\n"
    "  wend -d store rejects events --limit 5 --format text\n"
    "  wend -d store rejects events --replay --reason \"wrong type for column price\" --dry-run",
    cli_rejects_options,
    cli_rejects,
    false};

static const cli_command candidates_command = {
    "candidates",
    "keys that could be columns",
    "candidates TABLE [--format sql]",
    "Keys of the events that no column takes, from what _rest keeps: how many rows have\n"
    "them, the type that fits their values, an example. As sql the statements that make\n"
    "them columns, for wend alter. Events that come then are read into the column; to\n"
    "have the past as well, make it GENERATED from _rest (docs/SQL.md).\n\n"
    "  wend -d store candidates events\n"
    "  wend -d store candidates events --format sql --limit 5",
    cli_candidates_options,
    cli_candidates,
    false};

static const cli_command verify_command = {
    "verify",
    "check every byte of a table",
    "verify TABLE",
    "Reads the log, every segment and every reject file, and names file and place of\n"
    "each fault. Ends with 3 when there is one.\n\n"
    "  wend -d store verify events",
    NULL,
    cli_verify,
    false};

static const cli_command inspect_command = {
    "inspect",
    "the map of a table's segments",
    "inspect TABLE | inspect FILE.wseg …",
    "What the bytes are spent on: row groups, columns, encodings, dictionaries, predictions,\n"
    "padding; and what the zone maps say. Of several segments the sum comes last.\n\n"
    "  wend -d store inspect events --row-groups\n"
    "  wend -d store inspect events --total --why\n"
    "  wend -d store inspect events --html events.html",
    cli_inspect_options,
    cli_inspect,
    false};

static const cli_command compact_command = {
    "compact",
    "merge a table's segments into few, and denser",
    "compact TABLE [--target-size 1GiB] [--dry-run]",
    "Merges what ingest wrote into one file a window of time: the largest of month, week\n"
    "and day whose rows fit the target size; a day that does not is cut by ranges of\n"
    "users. No answer changes. Each line printed is one commit; killed or out of space,\n"
    "the table is what the last of them made it. Readers need not stop; what they\n"
    "may still read goes 15 minutes later, with the next writer. Refused while an\n"
    "ingestor writes the table.\n\n"
    "  wend -d store compact events\n"
    "  wend -d store compact events --dry-run\n"
    "  wend -d store compact events --target-size 256MiB --level 19",
    cli_compact_options,
    cli_compact,
    false};

static const cli_command tables_command = {"tables", "list the store's tables",
                                           "tables", "One name a line.\n\n  wend -d store tables",
                                           NULL,     cli_tables,
                                           false};

static const cli_command describe_command = {
    "describe",
    "print a table's CREATE TABLE statement",
    "describe TABLE",
    "The statement makes exactly this table.\n\n  wend -d store describe events",
    NULL,
    cli_describe,
    false};

static const cli_command alter_command = {
    "alter",
    "add columns to a table, loosen its rules",
    "alter TABLE add column NAME TYPE … | alter \"ALTER TABLE …\"",
    "A live ingestor carries it out at its next commit, and the command waits for\n"
    "that. Rows that are stored already have null there, or the column's DEFAULT.\n\n"
    "  wend -d store alter events add column if not exists campaign text",
    cli_alter_options,
    cli_alter,
    false};

static const cli_command drop_command = {
    "drop",
    "remove a table and its files",
    "drop TABLE [--yes]",
    "Asks first on a terminal; elsewhere --yes is needed. Refused while an ingestor\n"
    "writes the table.\n\n"
    "  wend -d store drop logins --yes",
    cli_drop_options,
    cli_drop,
    false};

static const cli_command help_command = {
    "help",
    "explain a command",
    "help [COMMAND]",
    "Without a command: the list of all.\n\n  wend help ingest",
    cli_help_options,
    cli_help_run,
    false};

const cli_command *const cli_commands[] = {&demo_command,
                                           &infer_command,
                                           &create_command,
                                           &ingest_command,
                                           &sql_command,
                                           &funnel_command,
                                           &sessions_command,
                                           &paths_command,
                                           &top_paths_command,
                                           &retention_command,
                                           &export_command,
                                           &status_command,
                                           &rejects_command,
                                           &candidates_command,
                                           &verify_command,
                                           &inspect_command,
                                           &compact_command,
                                           &tables_command,
                                           &describe_command,
                                           &alter_command,
                                           &drop_command,
                                           &cli_produce_command,
                                           &cli_mock_broker_command,
                                           &help_command,
                                           NULL};

const cli_command *cli_find(const char *name)
{
    for (size_t i = 0; cli_commands[i] != NULL; i++) {
        if (strcmp(cli_commands[i]->name, name) == 0) {
            return cli_commands[i];
        }
    }
    return NULL;
}
