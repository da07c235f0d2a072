/**
 * A thread that turns one full batch at a time into a pending segment while the next one fills.
 */
#ifndef WENDI_INGEST_FLUSH_WORKER_H
#define WENDI_INGEST_FLUSH_WORKER_H

#include <pthread.h>

#include "engine/table/writer.h"

typedef struct wendi_flush_worker {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    wendi_table_writer *writer;
    wendi_row_builder *builder; /* being flushed; NULL: idle */
    bool done;                  /* the builder's flush has ended; its outcome stands below */
    bool stop;
    wend_status status;
    wend_error error;
    wendi_pending_segment *segment;
} wendi_flush_worker;

wend_status wendi_flush_worker_start(wendi_flush_worker *worker, wendi_table_writer *writer, wend_error *error);
/** Begin; nothing may be under way. The builder belongs to the worker until wait() has returned. */
void wendi_flush_worker_begin(wendi_flush_worker *worker, wendi_row_builder *builder);
/** Whether the flush that was begun has ended, so that wait() will not wait. */
bool wendi_flush_worker_is_done(wendi_flush_worker *worker);
/** The outcome of the flush that was begun. *segment NULL when the builder was empty. */
wend_status wendi_flush_worker_wait(wendi_flush_worker *worker, wendi_pending_segment **segment, wend_error *error);
/** Waits for what is under way; its segment stays pending with the writer. */
void wendi_flush_worker_stop(wendi_flush_worker *worker);

#endif
