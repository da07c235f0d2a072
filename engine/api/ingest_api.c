/*
 * The calls of wend/ingest.h that run: options checked and dealt to tables, numbers and log lines carried back across
 * the library's border. What runs is ingest/operations/table_runs.c.
 */
#include "wend/ingest.h"

#include <string.h>

#include "engine/api/api_internal.h"
#include "engine/api/ingest_numbers.h"
#include "engine/base/alloc.h"
#include "engine/base/clock.h"
#include "ingest/operations/table_runs.h"

/* One table's share of the options. */
typedef struct table_share {
    const char *table;
    const char **topics;
    uint32_t topic_count;
    wendi_kafka_source_options kafka;
    wendi_file_source_options files;
} table_share;

struct wend_ingest {
    const char *store;
    wend_ingest_options options;
    wendi_kafka_properties properties;
    bool kafka;
    wendi_arena arena; /* names, shares */
    table_share *shares;
    uint32_t table_count;
    atomic_int stop;
    void (*progress)(void *context, const wend_ingest_stats *stats);
    void *progress_context;
    wendi_arena shown_arena; /* of what is shown now */
    wend_ingest_stats shown;
    wend_ingest_outcome *outcomes;
};

/* ---- options ---------------------------------------------------------------------------------- */

static wend_status check_source(const wend_ingest_options *options, bool *kafka, wend_error *error)
{
    bool files = options->file_count != 0 || options->standard_input;
    *kafka = options->topic_count != 0 || options->map_count != 0;
    if (files == *kafka) {
        bool cluster = options->brokers != NULL || options->properties_file != NULL || options->property_count != 0;
        wendi_fail(error, WEND_INVALID, files     ? "both files and Kafka topics were named"
                                        : cluster ? "no Kafka topic was named"
                                                  : "nothing to ingest was named");
        wendi_error_hint(error, !files && cluster ? "--topic TOPIC, or --map TOPIC=TABLE instead of TABLE"
                                                  : "name files (--file), standard input (--stdin) or topics (--brokers, --topic)");
        return WEND_INVALID;
    }
    if (options->file_count != 0 && options->standard_input) {
        return wendi_fail(error, WEND_INVALID, "both files and standard input were named");
    }
    if (!*kafka && (options->group != NULL || options->until_us != 0 || options->framing != WEND_FRAMING_NONE)) {
        return wendi_fail(error, WEND_INVALID, "groups, an end by time and framing are for Kafka, not for files");
    }
    return WEND_OK;
}

static wend_status check_tables(const wend_ingest_options *options, const char *table, wend_error *error)
{
    if ((table == NULL) == (options->map_count == 0)) {
        wendi_fail(error, WEND_INVALID, table == NULL ? "no table was named" : "both a table and a map of topics were named");
        wendi_error_hint(error, "name one table and its topics, or map every topic to its table (--map TOPIC=TABLE)");
        return WEND_INVALID;
    }
    if (options->map_count != 0 && options->topic_count != 0) {
        return wendi_fail(error, WEND_INVALID, "both topics and a map of topics were named; map them all");
    }
    for (size_t i = 0; i < options->map_count; i++) {
        const wend_topic_map *map = &options->maps[i];
        if (map->topic == NULL || map->topic[0] == '\0' || map->table == NULL || map->table[0] == '\0') {
            return wendi_fail(error, WEND_INVALID, "a topic is mapped to no table, or a table to no topic");
        }
        for (size_t k = 0; k < i; k++) {
            if (strcmp(options->maps[k].topic, map->topic) == 0 && strcmp(options->maps[k].table, map->table) == 0) {
                return wendi_fail(error, WEND_INVALID, "topic %s is mapped to table %s twice", map->topic, map->table);
            }
        }
    }
    return WEND_OK;
}

static wend_status check_limits(const wend_ingest_options *options, wend_error *error)
{
    const struct {
        const char *name;
        int64_t value;
        int64_t most;
    } limits[] = {{"the number of workers", options->worker_count, 64},
                  {"the rows of a commit", options->commit_rows, 1048576},
                  {"the commit interval", options->commit_interval_ms, UINT32_MAX},
                  {"the memory limit", options->memory_limit_bytes, INT64_MAX},
                  {"the number of messages", options->message_count_max, INT64_MAX},
                  {"the progress interval", options->progress_interval_ms, UINT32_MAX}};
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        if (limits[i].value < 0 || limits[i].value > limits[i].most) {
            return wendi_fail(error, WEND_INVALID, "%s cannot be %lld: it is at least 0 and at most %lld", limits[i].name,
                              (long long)limits[i].value, (long long)limits[i].most);
        }
    }
    return WEND_OK;
}

static wend_status read_properties(const wend_ingest_options *options, wendi_kafka_properties *properties, wend_error *error)
{
    wend_status status = WEND_OK;
    if (options->properties_file != NULL) {
        WEND_TRY(wendi_kafka_properties_read(properties, options->properties_file, error));
    }
    for (size_t i = 0; i < options->property_count; i++) {
        WEND_TRY(wendi_kafka_properties_add(properties, options->properties[i], error));
    }
cleanup:
    return status;
}

/* The share of the table, made when it is named first. */
static table_share *share_of(wend_ingest *ingest, const char *table)
{
    for (uint32_t i = 0; i < ingest->table_count; i++) {
        if (strcmp(ingest->shares[i].table, table) == 0) {
            return &ingest->shares[i];
        }
    }
    table_share *share = &ingest->shares[ingest->table_count];
    size_t topics_max = ingest->options.topic_count + ingest->options.map_count;
    *share = (table_share){.table = wendi_arena_copy(&ingest->arena, table, strlen(table)),
                           .topics = wendi_arena_alloc(&ingest->arena, (topics_max + 1) * sizeof(char *))};
    ingest->table_count += share->table != NULL && share->topics != NULL;
    return share->table != NULL && share->topics != NULL ? share : NULL;
}

static wend_status deal_topics(wend_ingest *ingest, const char *table, wend_error *error)
{
    const wend_ingest_options *given = &ingest->options;
    size_t shares_max = given->map_count + 1;
    ingest->shares = wendi_arena_alloc_zero(&ingest->arena, shares_max * sizeof *ingest->shares);
    table_share *share = ingest->shares != NULL && table != NULL ? share_of(ingest, table) : NULL;
    bool refused = ingest->shares == NULL || (table != NULL && share == NULL);
    for (size_t i = 0; !refused && i < given->topic_count; i++) {
        share->topics[share->topic_count++] = given->topics[i];
    }
    for (size_t i = 0; !refused && i < given->map_count; i++) {
        share = share_of(ingest, given->maps[i].table);
        refused = share == NULL;
        if (!refused) {
            share->topics[share->topic_count++] = given->maps[i].topic;
        }
    }
    return refused ? wendi_fail_nomem(error, "the tables of a run", shares_max * sizeof *ingest->shares) : WEND_OK;
}

static void fill_share(const wend_ingest *ingest, table_share *share)
{
    const wend_ingest_options *given = &ingest->options;
    share->files = (wendi_file_source_options){.paths = given->files,
                                               .path_count = (uint32_t)given->file_count,
                                               .use_stdin = given->standard_input,
                                               .source_name = given->source_name,
                                               .follow = given->follow,
                                               .reload = given->reload};
    share->kafka = (wendi_kafka_source_options){.brokers = given->brokers,
                                                .topics = share->topics,
                                                .topic_count = share->topic_count,
                                                .partitions = given->partitions,
                                                .partition_count = (uint32_t)given->partition_count,
                                                .properties = &ingest->properties,
                                                .group = given->group,
                                                .framing = (wendi_kafka_framing)given->framing,
                                                .from = (wendi_kafka_from)given->from,
                                                .from_us = given->from_us,
                                                .until_caught_up = given->until_caught_up,
                                                .until_us = given->until_us,
                                                .accept_gap = given->accept_gap,
                                                .follow_growth = given->partitions == NULL};
}

wend_status wend_ingest_open(wend_store *store, const char *table, const wend_ingest_options *options, wend_ingest **ingest_out,
                             wend_error *error)
{
    wend_status status = WEND_OK;
    wend_ingest *ingest = NULL;
    WEND_TRY(wendi_api_argument(ingest_out, "ingest_out", error));
    *ingest_out = NULL;
    WEND_TRY(wendi_api_argument(store, "store", error));
    WEND_TRY(wendi_api_argument(options, "options", error));
    ingest = wendi_alloc_zero(1, sizeof *ingest);
    if (ingest == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "an ingest", sizeof *ingest));
    }
    ingest->store = store->path;
    ingest->options = *options;
    ingest->shown.lag = -1;
    ingest->shown.io_backend = "";
    WEND_TRY(check_source(options, &ingest->kafka, error));
    WEND_TRY(check_tables(options, table, error));
    WEND_TRY(check_limits(options, error));
    WEND_TRY(read_properties(options, &ingest->properties, error));
    WEND_TRY(deal_topics(ingest, table, error));
    for (uint32_t i = 0; i < ingest->table_count; i++) {
        fill_share(ingest, &ingest->shares[i]);
        if (ingest->kafka) {
            WEND_TRY(wendi_ingest_kafka_check(&ingest->shares[i].kafka, error));
        }
    }
    *ingest_out = ingest;
    ingest = NULL;
cleanup:
    wend_ingest_close(ingest);
    return status;
}

/* ---- telling ---------------------------------------------------------------------------------- */

/* Copy the board's entries into the arena of what is shown; NULL: memory was refused. */
static wendi_run_view *read_board(wend_ingest *ingest, wendi_run_board *board)
{
    uint32_t count = ingest->table_count;
    wendi_arena_reset(&ingest->shown_arena);
    ingest->shown = (wend_ingest_stats){.lag = -1, .io_backend = ""};
    wendi_run_view *views = wendi_arena_alloc(&ingest->shown_arena, count * sizeof *views);
    for (uint32_t i = 0; views != NULL && i < count; i++) {
        if (wendi_run_board_read(board, i, &ingest->shown_arena, &views[i]) != WEND_OK) {
            views = NULL;
        }
    }
    return views;
}

static wend_status show(wend_ingest *ingest, const wendi_run_view *views)
{
    return ingest->table_count == 1 ? wendi_numbers_show(views, &ingest->shown_arena, &ingest->shown)
                                    : wendi_numbers_sum(views, ingest->table_count, &ingest->shown_arena, &ingest->shown);
}

static void forward_progress(void *context, wendi_run_board *board)
{
    wend_ingest *ingest = context;
    const wendi_run_view *views = read_board(ingest, board);
    if (views != NULL && show(ingest, views) == WEND_OK) {
        ingest->progress(ingest->progress_context, &ingest->shown);
    }
}

static void forward_log(void *context, const wendi_log_line *line)
{
    const wend_ingest *ingest = context;
    wend_log_field fields[WENDI_LOG_FIELDS_MAX];
    for (uint32_t i = 0; i < line->field_count; i++) {
        fields[i] = (wend_log_field){line->fields[i].name, line->fields[i].text, line->fields[i].number};
    }
    wend_log_line out = {.time_us = line->time_us,
                         .level = (wend_log_level)line->level,
                         .table = line->table,
                         .what = line->what,
                         .text = line->text,
                         .fields = fields,
                         .field_count = line->field_count};
    ingest->options.log(ingest->options.log_context, &out);
}

/* The options that matter to who reads the log; properties may hold secrets and are left out. */
static void log_start(wend_ingest *ingest, const table_share *share)
{
    const wend_ingest_options *given = &ingest->options;
    wendi_arena arena = {0};
    const char *from = given->standard_input ? "standard input" : "";
    uint32_t count = ingest->kafka ? share->topic_count : (uint32_t)given->file_count;
    for (uint32_t i = 0; i < count && from != NULL; i++) {
        const char *name = ingest->kafka ? share->topics[i] : given->files[i];
        from = wendi_arena_printf(&arena, "%s%s%s", from, i == 0 ? "" : ", ", name);
    }
    const char *text = from == NULL ? NULL
                                    : wendi_arena_printf(&arena, "ingest from %s%s%s%s",
                                                         ingest->kafka ? "Kafka: " : "", from,
                                                         given->group != NULL ? ", as a member of group " : "",
                                                         given->group != NULL ? given->group : "");
    wendi_log_line line = {.time_us = wendi_clock_wall_us(),
                           .table = share->table,
                           .what = "start",
                           .text = text,
                           .field_count = 7,
                           .fields = {{.name = "from", .text = from},
                                      {.name = "brokers", .text = given->brokers != NULL ? given->brokers : ""},
                                      {.name = "group", .text = given->group != NULL ? given->group : ""},
                                      {.name = "commit_rows", .number = given->commit_rows},
                                      {.name = "commit_interval_ms", .number = given->commit_interval_ms},
                                      {.name = "memory_limit", .number = given->memory_limit_bytes},
                                      {.name = "workers", .number = given->worker_count}}};
    if (text != NULL && given->log != NULL) {
        forward_log(ingest, &line);
    }
    wendi_arena_free(&arena);
}

/* ---- running ---------------------------------------------------------------------------------- */

static wend_status keep_outcomes(wend_ingest *ingest, wendi_run_board *board, wend_status overall, const wend_error *why)
{
    const wendi_run_view *views = read_board(ingest, board);
    wend_ingest_outcome *outcomes = wendi_arena_alloc_zero(&ingest->shown_arena, ingest->table_count * sizeof *outcomes);
    wend_status status = views != NULL && outcomes != NULL ? WEND_OK : WEND_NOMEM;
    for (uint32_t i = 0; status == WEND_OK && i < ingest->table_count; i++) {
        bool began = views[i].phase >= WENDI_RUN_DONE;
        outcomes[i].table = ingest->shares[i].table;
        outcomes[i].status = began ? views[i].outcome : overall;
        outcomes[i].message = began || why == NULL ? views[i].message
                                                   : wendi_arena_copy(&ingest->shown_arena, why->message, strlen(why->message));
        status = outcomes[i].message == NULL ? WEND_NOMEM : wendi_numbers_show(&views[i], &ingest->shown_arena, &outcomes[i].stats);
    }
    if (status == WEND_OK) {
        status = show(ingest, views);
    }
    if (ingest->table_count > 1 && ingest->shown.elapsed_us > 0) { /* tables that ended earlier have rates of their own */
        double seconds = (double)ingest->shown.elapsed_us / 1e6;
        ingest->shown.events_per_s = (double)ingest->shown.taken / seconds;
        ingest->shown.bytes_per_s = (double)ingest->shown.payload_bytes / seconds;
    }
    ingest->outcomes = status == WEND_OK ? outcomes : NULL;
    return status;
}

static void describe(wend_ingest *ingest, wendi_operations *operations)
{
    const wend_ingest_options *given = &ingest->options;
    *operations = (wendi_operations){.ingest = {.commit_rows = (uint32_t)given->commit_rows,
                                                .commit_interval_ms = (uint32_t)given->commit_interval_ms,
                                                .memory_limit_bytes = (size_t)given->memory_limit_bytes,
                                                .worker_count = (uint32_t)given->worker_count,
                                                .message_count_max = (uint64_t)given->message_count_max,
                                                .stop = &ingest->stop,
                                                .progress_interval_ms = (uint32_t)given->progress_interval_ms},
                                     .metrics_address = given->metrics_address,
                                     .no_live_status = given->no_live_status,
                                     .notify_service = given->notify_service,
                                     .log = given->log != NULL ? forward_log : NULL,
                                     .log_context = ingest,
                                     .progress = ingest->progress != NULL ? forward_progress : NULL,
                                     .progress_context = ingest};
}

wend_status wend_ingest_run(wend_ingest *ingest, void (*progress)(void *context, const wend_ingest_stats *stats), void *context,
                            wend_error *error)
{
    wend_error own;
    wend_error *why = error != NULL ? error : &own;
    wendi_operations operations;
    wendi_run_board *board = NULL;
    wend_status status = WEND_OK;
    uint32_t count = ingest->table_count;
    wendi_table_run *runs = wendi_alloc(count * sizeof *runs);
    const char **names = wendi_alloc(count * sizeof *names);
    ingest->progress = progress;
    ingest->progress_context = context;
    if (runs == NULL || names == NULL) {
        WEND_TRY(wendi_fail_nomem(error, "the tables of a run", count * sizeof *runs));
    }
    for (uint32_t i = 0; i < count; i++) {
        table_share *share = &ingest->shares[i];
        names[i] = share->table;
        runs[i] = (wendi_table_run){.table = share->table};
        if (ingest->kafka) {
            runs[i].kafka = &share->kafka;
        } else {
            runs[i].files = &share->files;
        }
        log_start(ingest, share);
    }
    WEND_TRY(wendi_run_board_open(names, count, &board, error));
    describe(ingest, &operations);
    status = wendi_table_runs(ingest->store, runs, count, &operations, board, why);
    if (keep_outcomes(ingest, board, status, status != WEND_OK ? why : NULL) != WEND_OK && status == WEND_OK) {
        status = wendi_fail_nomem(error, "the numbers of a run", count * sizeof(wend_ingest_outcome));
    }
cleanup:
    wendi_run_board_close(board);
    wendi_free(names);
    wendi_free(runs);
    return status;
}

void wend_ingest_stop(wend_ingest *ingest)
{
    atomic_store(&ingest->stop, 1);
}

const wend_ingest_stats *wend_ingest_result(const wend_ingest *ingest)
{
    return &ingest->shown;
}

const wend_ingest_outcome *wend_ingest_outcomes(const wend_ingest *ingest, size_t *count)
{
    *count = ingest->outcomes != NULL ? ingest->table_count : 0;
    return ingest->outcomes;
}

void wend_ingest_close(wend_ingest *ingest)
{
    if (ingest != NULL) {
        wendi_kafka_properties_free(&ingest->properties);
        wendi_arena_free(&ingest->shown_arena);
        wendi_arena_free(&ingest->arena);
        wendi_free(ingest);
    }
}
