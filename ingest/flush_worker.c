/* One slot, one thread, one condition. */
#include "ingest/flush_worker.h"

#include <string.h>

static void *serve(void *context)
{
    wendi_flush_worker *worker = context;
    pthread_mutex_lock(&worker->lock);
    for (;;) {
        while (!worker->stop && (worker->builder == NULL || worker->done)) {
            pthread_cond_wait(&worker->changed, &worker->lock);
        }
        if (worker->builder == NULL || worker->done) {
            break;
        }
        wendi_row_builder *builder = worker->builder;
        pthread_mutex_unlock(&worker->lock);
        wend_error error;
        wendi_pending_segment *segment = NULL;
        memset(&error, 0, sizeof error);
        wend_status status = wendi_table_writer_flush(worker->writer, builder, &segment, &error);
        pthread_mutex_lock(&worker->lock);
        worker->status = status;
        worker->error = error;
        worker->segment = segment;
        worker->done = true;
        pthread_cond_broadcast(&worker->changed);
    }
    pthread_mutex_unlock(&worker->lock);
    return NULL;
}

wend_status wendi_flush_worker_start(wendi_flush_worker *worker, wendi_table_writer *writer, wend_error *error)
{
    memset(worker, 0, sizeof *worker);
    worker->writer = writer;
    pthread_mutex_init(&worker->lock, NULL);
    pthread_cond_init(&worker->changed, NULL);
    int code = pthread_create(&worker->thread, NULL, serve, worker);
    if (code != 0) {
        pthread_cond_destroy(&worker->changed);
        pthread_mutex_destroy(&worker->lock);
        return wendi_fail(error, WEND_IO, "cannot start a thread: %s", strerror(code));
    }
    return WEND_OK;
}

void wendi_flush_worker_begin(wendi_flush_worker *worker, wendi_row_builder *builder)
{
    pthread_mutex_lock(&worker->lock);
    WEND_REQUIRE(worker->builder == NULL);
    worker->builder = builder;
    worker->done = false;
    pthread_cond_broadcast(&worker->changed);
    pthread_mutex_unlock(&worker->lock);
}

bool wendi_flush_worker_is_done(wendi_flush_worker *worker)
{
    pthread_mutex_lock(&worker->lock);
    bool done = worker->builder != NULL && worker->done;
    pthread_mutex_unlock(&worker->lock);
    return done;
}

wend_status wendi_flush_worker_wait(wendi_flush_worker *worker, wendi_pending_segment **segment, wend_error *error)
{
    pthread_mutex_lock(&worker->lock);
    WEND_REQUIRE(worker->builder != NULL);
    while (!worker->done) {
        pthread_cond_wait(&worker->changed, &worker->lock);
    }
    wend_status status = worker->status;
    *segment = worker->segment;
    if (status != WEND_OK && error != NULL) {
        *error = worker->error;
    }
    worker->builder = NULL;
    worker->segment = NULL;
    pthread_mutex_unlock(&worker->lock);
    return status;
}

void wendi_flush_worker_stop(wendi_flush_worker *worker)
{
    pthread_mutex_lock(&worker->lock);
    worker->stop = true;
    pthread_cond_broadcast(&worker->changed);
    pthread_mutex_unlock(&worker->lock);
    pthread_join(worker->thread, NULL);
    pthread_cond_destroy(&worker->changed);
    pthread_mutex_destroy(&worker->lock);
}
