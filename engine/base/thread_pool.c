/*
 * The pool: workers sleep between runs; within one they draw task numbers from a shared counter.
 *
 * A run is announced by raising `generation` under the lock. The caller works too and then waits until no
 * worker is inside the run, so `job` may live on the caller's stack. Runs of several
 * callers follow one another.
 */
#include "engine/base/thread_pool.h"

#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/alloc.h"

enum { WORKERS_MAX = 1024 };

typedef struct job {
    wendi_task work;
    void *context;
    uint32_t task_count;
    _Atomic uint32_t next_task;
    _Atomic bool failed;
    pthread_mutex_t failure_lock;
    wend_status status; /* of the lowest failing task seen; under failure_lock, as the next two */
    uint32_t failed_task;
    wend_error *error; /* the caller's; may be NULL */
} job;

typedef struct worker {
    wendi_thread_pool *pool;
    uint32_t number;
    pthread_t thread;
} worker;

struct wendi_thread_pool {
    uint32_t worker_count; /* the caller included */
    uint32_t thread_count; /* threads that were started: workers[1..thread_count] */
    pthread_mutex_t run_lock;
    pthread_mutex_t lock; /* over everything below */
    pthread_cond_t wake;
    pthread_cond_t idle;
    uint64_t generation;
    uint32_t busy_count; /* workers that have not finished the current generation */
    bool closing;
    job *current;
    worker workers[];
};

static void record_failure(job *run, uint32_t task, wend_status status, const wend_error *error)
{
    pthread_mutex_lock(&run->failure_lock);
    if (run->status == WEND_OK || task < run->failed_task) {
        run->status = status;
        run->failed_task = task;
        if (run->error != NULL) {
            *run->error = *error;
        }
    }
    pthread_mutex_unlock(&run->failure_lock);
    atomic_store(&run->failed, true);
}

static void work_through(job *run, uint32_t number)
{
    wend_error error;
    wendi_fail(&error, WEND_OK, "a task failed and did not say why");
    while (!atomic_load_explicit(&run->failed, memory_order_relaxed)) {
        uint32_t task = atomic_fetch_add(&run->next_task, 1);
        if (task >= run->task_count) {
            /* Step back, so that many idle workers can never wrap the counter round. */
            atomic_fetch_sub(&run->next_task, 1);
            return;
        }
        wend_status status = run->work(run->context, number, task, &error);
        if (status != WEND_OK) {
            record_failure(run, task, status, &error);
        }
    }
}

static void *worker_main(void *argument)
{
    worker *self = argument;
    wendi_thread_pool *pool = self->pool;
    uint64_t seen = 0;

    pthread_mutex_lock(&pool->lock);
    for (;;) {
        while (!pool->closing && pool->generation == seen) {
            pthread_cond_wait(&pool->wake, &pool->lock);
        }
        if (pool->closing) {
            break;
        }
        seen = pool->generation;
        job *run = pool->current;
        pthread_mutex_unlock(&pool->lock);
        work_through(run, self->number);
        pthread_mutex_lock(&pool->lock);
        if (--pool->busy_count == 0) {
            pthread_cond_signal(&pool->idle);
        }
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

wend_status wendi_thread_pool_open(uint32_t worker_count, wendi_thread_pool **pool_out, wend_error *error)
{
    wend_status status = WEND_OK;

    *pool_out = NULL;
    if (worker_count == 0 || worker_count > WORKERS_MAX) {
        return wendi_fail(error, WEND_INVALID, "%u threads were asked for; between 1 and %d can be had", worker_count,
                          WORKERS_MAX);
    }
    size_t bytes = sizeof(wendi_thread_pool) + worker_count * sizeof(worker);
    wendi_thread_pool *pool = wendi_alloc_zero(1, bytes);
    if (pool == NULL) {
        return wendi_fail_nomem(error, "a thread pool", bytes);
    }
    pool->worker_count = worker_count;
    pthread_mutex_init(&pool->run_lock, NULL);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pthread_cond_init(&pool->idle, NULL);
    for (uint32_t i = 1; i < worker_count; i++) {
        pool->workers[i].pool = pool;
        pool->workers[i].number = i;
        int refused = pthread_create(&pool->workers[i].thread, NULL, worker_main, &pool->workers[i]);
        if (refused != 0) {
            status = wendi_fail(error, WEND_NOMEM, "cannot start thread %u of %u: %s", i, worker_count - 1,
                                strerror(refused));
            wendi_error_hint(error, "use fewer threads, or raise the limit of processes (ulimit -u)");
            break;
        }
        pool->thread_count++;
    }
    if (status != WEND_OK) {
        wendi_thread_pool_close(pool);
        return status;
    }
    *pool_out = pool;
    return WEND_OK;
}

uint32_t wendi_thread_pool_workers(const wendi_thread_pool *pool)
{
    return pool == NULL ? 1 : pool->worker_count;
}

wend_status wendi_thread_pool_run(wendi_thread_pool *pool, uint32_t task_count, wendi_task work, void *context,
                                  wend_error *error)
{
    job run = {.work = work, .context = context, .task_count = task_count, .error = error, .status = WEND_OK};
    pthread_mutex_init(&run.failure_lock, NULL);

    if (pool == NULL || pool->thread_count == 0 || task_count <= 1) {
        work_through(&run, 0);
    } else {
        pthread_mutex_lock(&pool->run_lock);
        pthread_mutex_lock(&pool->lock);
        assert(pool->busy_count == 0);
        pool->current = &run;
        pool->busy_count = pool->thread_count;
        pool->generation++;
        pthread_cond_broadcast(&pool->wake);
        pthread_mutex_unlock(&pool->lock);

        work_through(&run, 0);

        pthread_mutex_lock(&pool->lock);
        while (pool->busy_count != 0) {
            pthread_cond_wait(&pool->idle, &pool->lock);
        }
        pool->current = NULL;
        pthread_mutex_unlock(&pool->lock);
        pthread_mutex_unlock(&pool->run_lock);
    }
    pthread_mutex_destroy(&run.failure_lock);
    return run.status;
}

void wendi_thread_pool_close(wendi_thread_pool *pool)
{
    if (pool == NULL) {
        return;
    }
    pthread_mutex_lock(&pool->lock);
    pool->closing = true;
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
    for (uint32_t i = 1; i <= pool->thread_count; i++) {
        pthread_join(pool->workers[i].thread, NULL);
    }
    pthread_cond_destroy(&pool->idle);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->lock);
    pthread_mutex_destroy(&pool->run_lock);
    wendi_free(pool);
}

/* A container may be given less time than it sees processors: cgroup v2 writes "quota period" or "max period". */
static uint32_t quota_count(void)
{
    long long quota = 0;
    long long period = 0;
    FILE *file = fopen("/sys/fs/cgroup/cpu.max", "re");
    if (file == NULL) {
        return UINT32_MAX;
    }
    int fields = fscanf(file, "%lld %lld", &quota, &period);
    fclose(file);
    if (fields != 2 || quota <= 0 || period <= 0) {
        return UINT32_MAX;
    }
    long long whole = (quota + period - 1) / period;
    return whole < UINT32_MAX ? (uint32_t)whole : UINT32_MAX;
}

uint32_t wendi_cpu_count(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    uint32_t count = 1;
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0) {
        count = (uint32_t)CPU_COUNT(&set);
    }
    uint32_t quota = quota_count();
    return count < quota ? count : quota;
}
