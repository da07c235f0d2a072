/**
 * A fixed pool of worker threads for morsel-wise parallel work.
 *
 * run() calls `work(context, worker, task)` once for each task in 0..task_count-1, on the calling thread
 * (worker 0) and the pool's others (1..worker_count-1), and returns when all are done or, after the
 * first failure, when those under way have ended. The first failing task's status and error win.
 * Nested run() is not allowed; run() of several threads on one pool take turns. With one worker, or one task,
 * everything happens on the caller.
 */
#ifndef WENDI_BASE_THREAD_POOL_H
#define WENDI_BASE_THREAD_POOL_H

#include "engine/base/status.h"

typedef struct wendi_thread_pool wendi_thread_pool;
typedef wend_status (*wendi_task)(void *context, uint32_t worker, uint32_t task, wend_error *error);

wend_status wendi_thread_pool_open(uint32_t worker_count, wendi_thread_pool **pool_out, wend_error *error);
uint32_t wendi_thread_pool_workers(const wendi_thread_pool *pool); /* NULL: 1 */
/** `pool` may be NULL: one worker. */
wend_status wendi_thread_pool_run(wendi_thread_pool *pool, uint32_t task_count, wendi_task work, void *context,
                                  wend_error *error);
void wendi_thread_pool_close(wendi_thread_pool *pool);
/** Processors this process may use: its affinity, and its cgroup's quota rounded up. */
uint32_t wendi_cpu_count(void);

#endif
