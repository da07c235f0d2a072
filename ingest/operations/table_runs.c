/*
 * Threads, limits and the tick of a run over tables. The caller's thread looks at the board ten
 * times a second; only it writes live status, log and service notifications, so that a full disk, a
 * slow mount or a full pipe behind any of these never stops a pipeline.
 */
#include "ingest/operations/table_runs.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "engine/base/alloc.h"
#include "engine/base/clock.h"
#include "engine/base/thread_pool.h"
#include "ingest/memory_share.h"
#include "ingest/operations/live_status.h"
#include "ingest/operations/metrics_server.h"
#include "ingest/operations/service_notify.h"

enum {
    TICK_MS = 100,
    TELL_INTERVAL_MS = 200,  /* how often pipelines tell the board */
    LIVE_INTERVAL_MS = 1000, /* of the live status */
    SERVICE_STATUS_MS = 5000,
    PROGRESS_INTERVAL_MS = 500,
    COMMIT_INTERVAL_MS = 5000,
    PATIENCE_MS = 30000 /* beyond the commit interval: what a slow disk may take */
};
static const size_t table_memory_min = (size_t)64 << 20;
static const size_t queue_bytes_default = (size_t)512 << 20;

typedef struct runs runs;

/* One table's thread and what it is given. */
typedef struct job {
    runs *all;
    uint32_t index;
    const wendi_table_run *run;
    wendi_ingest_options options;
    wendi_kafka_source_options kafka;
    pthread_t thread;
    bool started;
    bool done; /* under all->lock */
    wend_status outcome;
    wend_error error;
    wendi_ingest_stats stats;
    char *folder;     /* of the table, for the live status */
    bool live_failed; /* writing it was refused; told once */
} job;

struct runs {
    const char *store;
    const wendi_operations *operations;
    wendi_run_board *board;
    wendi_run_log *log;
    wendi_metrics_server *metrics;
    wendi_service_notify service;
    job *jobs;
    uint32_t count;
    int64_t patience_us;
    atomic_int own_stop;
    atomic_int *stop; /* the caller's, or own_stop; a table that fails sets it, too */
    bool ready;       /* the service manager was told */
    bool stopping;
    int64_t live_us; /* monotonic: when it was written last; likewise below */
    int64_t service_us;
    int64_t fed_us;
    int64_t progress_us;
    wendi_arena arena; /* of one tick */
    pthread_mutex_t lock;
    pthread_cond_t ended; /* a job has */
};

/* ---- limits -----------------------------------------------------------------------------------
 */

/* Of all tables: as ingest_open.c bounds it for one, when only the memory limit is given. */
static size_t queue_bytes_of(const wendi_kafka_source_options *kafka, size_t memory_limit)
{
    if (kafka->queue_bytes != 0) {
        return kafka->queue_bytes;
    }
    bool small = memory_limit != 0 && memory_limit / 2 < queue_bytes_default;
    return small ? memory_limit / 2 : queue_bytes_default;
}

/* What nobody said is for the pipeline to choose where there is one table: it knows the least and
 * the most. */
static wend_status divide_limits(runs *self, wend_error *error)
{
    const wendi_ingest_options *whole = &self->operations->ingest;
    const uint32_t workers_max = WENDI_INGEST_WORKERS_MAX * self->count;
    size_t memory =
        whole->memory_limit_bytes != 0 ? whole->memory_limit_bytes : wendi_memory_share();
    uint32_t processors = wendi_cpu_count() < workers_max ? wendi_cpu_count() : workers_max;
    uint32_t workers = whole->worker_count != 0 ? whole->worker_count : processors;
    size_t share = memory / self->count;
    if (self->count > 1 && share < table_memory_min) {
        wendi_fail(error, WEND_INVALID,
                   "a memory limit of %zu bytes is too small for %u tables, which need %zu each",
                   memory, self->count, table_memory_min);
        wendi_error_hint(error, "give --memory-limit %zuMiB, or take fewer tables into one run",
                         (self->count * table_memory_min) >> 20);
        return WEND_INVALID;
    }
    for (uint32_t i = 0; i < self->count; i++) {
        job *each = &self->jobs[i];
        uint32_t more = workers % self->count > i; /* what does not divide goes to the first ones */
        each->options = *whole;
        each->options.memory_limit_bytes = self->count > 1 ? share : whole->memory_limit_bytes;
        each->options.worker_count =
            workers / self->count + more > 0 ? workers / self->count + more : 1;
        each->options.stop = self->stop;
        each->options.progress_interval_ms = TELL_INTERVAL_MS;
        if (each->run->kafka != NULL) {
            size_t queue = queue_bytes_of(each->run->kafka, whole->memory_limit_bytes);
            each->kafka = *each->run->kafka;
            each->kafka.queue_bytes = queue / self->count;
        }
    }
    return WEND_OK;
}

/* ---- one table --------------------------------------------------------------------------------
 */

static void tell_board(void *context, const wendi_ingest_stats *stats)
{
    job *self = context;
    wendi_run_board_tell(self->all->board, self->index, stats);
}

static void tell_board_kafka(void *context, const wendi_kafka_source_state *state)
{
    job *self = context;
    wendi_run_board_tell_kafka(self->all->board, self->index, state);
}

static void tell_board_notice(void *context, const char *text)
{
    job *self = context;
    wendi_run_board_notice(self->all->board, self->index, text);
}

static void *run_job(void *context)
{
    job *self = context;
    runs *all = self->all;
    self->options.progress = tell_board;
    self->options.progress_context = self;
    if (self->run->kafka != NULL) {
        self->kafka.observe = tell_board_kafka;
        self->kafka.observe_context = self;
        self->kafka.notice = tell_board_notice;
        self->kafka.notice_context = self;
        self->outcome = wendi_ingest_kafka(all->store, self->run->table, &self->kafka,
                                           &self->options, &self->stats, &self->error);
    } else {
        self->outcome = wendi_ingest_files(all->store, self->run->table, self->run->files,
                                           &self->options, &self->stats, &self->error);
    }
    wendi_run_board_end(all->board, self->index, self->outcome, &self->error, &self->stats);
    if (self->outcome != WEND_OK) { /* at once, however long the next look at the board takes */
        atomic_store(all->stop, 1);
    }
    pthread_mutex_lock(&all->lock);
    self->done = true;
    pthread_cond_signal(&all->ended);
    pthread_mutex_unlock(&all->lock);
    return NULL;
}

/* ---- the tick ---------------------------------------------------------------------------------
 */

static bool is_due(int64_t *last_us, int64_t now_us, int64_t interval_ms)
{
    bool due = *last_us == 0 || now_us - *last_us >= interval_ms * 1000;
    *last_us = due ? now_us : *last_us;
    return due;
}

/* Only who has told numbers holds the table's lock, and may speak for it. */
static void leave_live_status(runs *self, const wendi_run_view *views, int64_t now_us)
{
    for (uint32_t i = 0; i < self->count; i++) {
        job *each = &self->jobs[i];
        wend_error error;
        bool holds = views[i].updated_us != 0 && views[i].phase < WENDI_RUN_DONE;
        wendi_live_status live = {
            .interval_ms = LIVE_INTERVAL_MS,
            .written_us = wendi_clock_wall_us(),
            .metrics = self->metrics != NULL ? wendi_metrics_server_url(self->metrics) : "",
            .stuck = !wendi_run_view_gets_on(&views[i], now_us, self->patience_us),
            .view = views[i]};
        if (!holds || wendi_live_status_self(&self->arena, &live) != WEND_OK) {
            continue;
        }
        wend_status status = wendi_live_status_write(each->folder, &live, &error);
        if (status != WEND_OK && !each->live_failed) {
            wendi_run_log_say(self->log, WENDI_LOG_WARNING, views[i].table, "status",
                              error.message);
        }
        each->live_failed = status != WEND_OK;
    }
}

static void tell_service(runs *self, const wendi_run_view *views, bool all_get_on, int64_t now_us)
{
    char text[512];
    uint64_t taken = 0, committed = 0;
    int64_t lag = 0;
    double rate = 0;
    bool opened = true;
    for (uint32_t i = 0; i < self->count; i++) {
        taken += views[i].stats.taken;
        committed += views[i].stats.taken_committed;
        rate += views[i].events_per_s;
        lag = lag < 0 || views[i].stats.lag < 0 ? -1 : lag + views[i].stats.lag;
        opened = opened && views[i].updated_us != 0;
    }
    if (opened && !self->ready) {
        self->ready = true;
        wendi_service_notify_send(&self->service, "READY=1");
    }
    if (self->service.watchdog_us != 0 && all_get_on &&
        is_due(&self->fed_us, now_us, self->service.watchdog_us / 4000)) {
        wendi_service_notify_send(&self->service, "WATCHDOG=1");
    }
    if (is_due(&self->service_us, now_us, SERVICE_STATUS_MS)) {
        int length = snprintf(text, sizeof text, "STATUS=%llu events taken, %llu committed, %.0f/s",
                              (unsigned long long)taken, (unsigned long long)committed, rate);
        if (lag >= 0) {
            length += snprintf(text + length, sizeof text - (size_t)length, ", %lld behind",
                               (long long)lag);
        }
        snprintf(text + length, sizeof text - (size_t)length, "%s",
                 !all_get_on ? "; stuck"
                 : opened    ? ""
                             : "; opening");
        wendi_service_notify_send(&self->service, text);
    }
}

static void begin_stop(runs *self)
{
    if (!self->stopping) {
        self->stopping = true;
        wendi_run_board_drain(self->board);
        wendi_service_notify_send(&self->service, "STOPPING=1");
    }
}

/* Somebody asked, or a table has failed and others are there to be drained. */
static void tell_stop(runs *self)
{
    wendi_run_view view;
    bool failed = false;
    bool running = false;
    for (uint32_t i = 0; i < self->count; i++) {
        if (wendi_run_board_read(self->board, i, &self->arena, &view) == WEND_OK) {
            failed = failed || view.phase == WENDI_RUN_FAILED;
            running = running || view.phase < WENDI_RUN_DONE;
        }
    }
    if (running || !failed) {
        wendi_run_log_say(self->log, WENDI_LOG_INFO, NULL, "drain",
                          failed
                              ? "a table has failed; the others read no further, and commit what "
                                "they have read"
                              : "asked to stop: reading no further, committing what was read");
    }
}

/* Look at the board once; a look for which memory is refused is left out. */
static void tick(runs *self)
{
    int64_t now_us = wendi_clock_monotonic_us();
    const wendi_operations *operations = self->operations;
    bool all_get_on = true;
    wendi_arena_reset(&self->arena);
    if (!self->stopping && atomic_load(self->stop) != 0) {
        tell_stop(self);
        begin_stop(self);
    }
    wendi_run_view *views = wendi_arena_alloc(&self->arena, self->count * sizeof *views);
    for (uint32_t i = 0; i < self->count; i++) {
        if (views == NULL ||
            wendi_run_board_read(self->board, i, &self->arena, &views[i]) != WEND_OK) {
            return;
        }
        bool gets_on = wendi_run_view_gets_on(&views[i], now_us, self->patience_us);
        char notice[WENDI_RUN_NOTICE_BYTES];
        while (wendi_run_board_take_notice(self->board, i, notice)) {
            wendi_run_log_say(self->log, WENDI_LOG_WARNING, views[i].table, "kafka", notice);
        }
        all_get_on = all_get_on && gets_on;
        wendi_run_log_look(self->log, i, &views[i], gets_on);
    }
    if (!operations->no_live_status && is_due(&self->live_us, now_us, LIVE_INTERVAL_MS)) {
        leave_live_status(self, views, now_us);
    }
    tell_service(self, views, all_get_on, now_us);
    int64_t interval_ms = operations->ingest.progress_interval_ms != 0
                              ? operations->ingest.progress_interval_ms
                              : PROGRESS_INTERVAL_MS;
    if (operations->progress != NULL && is_due(&self->progress_us, now_us, interval_ms)) {
        operations->progress(operations->progress_context, self->board);
    }
}

static bool all_done(const runs *self)
{
    bool done = true;
    for (uint32_t i = 0; i < self->count; i++) {
        done = done && (self->jobs[i].done || !self->jobs[i].started);
    }
    return done;
}

static void watch(runs *self)
{
    struct timespec until;
    pthread_mutex_lock(&self->lock);
    while (!all_done(self)) {
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += TICK_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        pthread_cond_timedwait(&self->ended, &self->lock, &until);
        pthread_mutex_unlock(&self->lock);
        tick(self);
        pthread_mutex_lock(&self->lock);
    }
    pthread_mutex_unlock(&self->lock);
}

/* ---- setting up -------------------------------------------------------------------------------
 */

static wend_status open_parts(runs *self, wend_error *error)
{
    const wendi_operations *operations = self->operations;
    pthread_condattr_t monotonic;
    wend_status status = WEND_OK;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&self->ended, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&self->lock, NULL);
    self->service.socket = -1;
    WEND_TRY(wendi_run_log_open(self->count, operations->log, operations->log_context, &self->log,
                                error));
    WEND_TRY(divide_limits(self, error));
    if (operations->metrics_address != NULL) {
        WEND_TRY(wendi_metrics_server_open(operations->metrics_address, self->board,
                                           self->patience_us, &self->metrics, error));
        wendi_run_log_say(self->log, WENDI_LOG_INFO, NULL, "metrics",
                          wendi_metrics_server_url(self->metrics));
    }
    if (operations->notify_service) {
        wendi_service_notify_open(&self->service);
    }
    for (uint32_t i = 0; i < self->count; i++) {
        size_t bytes = strlen(self->store) + strlen(self->jobs[i].run->table) + 2;
        self->jobs[i].folder = wendi_alloc(bytes);
        if (self->jobs[i].folder == NULL) {
            WEND_TRY(wendi_fail_nomem(error, "a path", bytes));
        }
        snprintf(self->jobs[i].folder, bytes, "%s/%s", self->store, self->jobs[i].run->table);
    }
cleanup:
    return status;
}

static void start_jobs(runs *self)
{
    for (uint32_t i = 0; i < self->count; i++) {
        job *each = &self->jobs[i];
        each->started = pthread_create(&each->thread, NULL, run_job, each) == 0;
        if (!each->started) {
            each->stats.lag = -1;
            each->outcome = wendi_fail(&each->error, WEND_NOMEM, "cannot start a thread");
            wendi_run_board_end(self->board, i, each->outcome, &each->error, &each->stats);
            atomic_store(self->stop, 1); /* as when it fails later */
        }
    }
}

/* The first failure in time is not known; that of the table named first is told. */
static wend_status outcome_of(const runs *self, wend_error *error)
{
    for (uint32_t i = 0; i < self->count; i++) {
        const job *each = &self->jobs[i];
        if (each->outcome != WEND_OK) {
            if (error != NULL) {
                *error = each->error;
                if (self->count > 1) {
                    wendi_error_context(error, "table %s", each->run->table);
                }
            }
            return each->outcome;
        }
    }
    return WEND_OK;
}

static void close_parts(runs *self)
{
    wendi_metrics_server_close(self->metrics);
    wendi_service_notify_close(&self->service);
    for (uint32_t i = 0; i < self->count; i++) {
        if (self->jobs[i].folder != NULL && !self->operations->no_live_status) {
            wendi_live_status_remove(self->jobs[i].folder);
        }
        wendi_free(self->jobs[i].folder);
    }
    wendi_run_log_close(self->log);
    wendi_arena_free(&self->arena);
    pthread_cond_destroy(&self->ended);
    pthread_mutex_destroy(&self->lock);
}

wend_status wendi_table_runs(const char *store, const wendi_table_run *given, uint32_t run_count,
                             const wendi_operations *operations, wendi_run_board *board,
                             wend_error *error)
{
    uint32_t interval_ms = operations->ingest.commit_interval_ms != 0
                               ? operations->ingest.commit_interval_ms
                               : COMMIT_INTERVAL_MS;
    runs self = {.store = store,
                 .operations = operations,
                 .board = board,
                 .count = run_count,
                 .patience_us = ((int64_t)interval_ms + PATIENCE_MS) * 1000};
    wend_status status = WEND_OK;
    self.stop = operations->ingest.stop != NULL ? operations->ingest.stop : &self.own_stop;
    self.jobs = wendi_alloc_zero(run_count, sizeof *self.jobs);
    if (self.jobs == NULL) {
        return wendi_fail_nomem(error, "the tables of a run", run_count * sizeof *self.jobs);
    }
    for (uint32_t i = 0; i < run_count; i++) {
        self.jobs[i] = (job){.all = &self, .index = i, .run = &given[i]};
    }
    WEND_TRY(open_parts(&self, error));
    start_jobs(&self);
    watch(&self);
    for (uint32_t i = 0; i < run_count; i++) {
        if (self.jobs[i].started) {
            pthread_join(self.jobs[i].thread, NULL);
        }
    }
    tick(&self); /* the ends */
    begin_stop(&self);
    status = outcome_of(&self, error);
cleanup:
    close_parts(&self);
    wendi_free(self.jobs);
    return status;
}
