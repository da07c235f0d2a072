/*
 * ThreadSanitizer beside librdkafka, in builds with it only; nothing otherwise.
 *
 * librdkafka uses C11's threads.h, which gcc's and clang's ThreadSanitizer do not know: the first
 * allocation in such a thread crashes, and its locks order nothing. Here these calls go by way of
 * POSIX threads, which it knows (glibc's C11 types hold the POSIX ones). What librdkafka does by
 * itself with atomics is left out of the reports; what our callbacks do in its threads is not.
 */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <threads.h>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WENDI_THREAD_SANITIZER 1
#endif
#elif defined(__SANITIZE_THREAD__)
#define WENDI_THREAD_SANITIZER 1
#endif

#ifdef WENDI_THREAD_SANITIZER

#define EXPORTED __attribute__((visibility("default")))

typedef struct beginning {
    thrd_start_t run;
    void *argument;
} beginning;

static void *begin(void *context)
{
    beginning mine = *(beginning *)context;
    free(context);
    return (void *)(intptr_t)mine.run(mine.argument);
}

EXPORTED int thrd_create(thrd_t *thread, thrd_start_t run, void *argument)
{
    beginning *context = malloc(sizeof *context);
    if (context == NULL) {
        return thrd_nomem;
    }
    *context = (beginning){run, argument};
    if (pthread_create(thread, NULL, begin, context) != 0) {
        free(context);
        return thrd_error;
    }
    return thrd_success;
}

EXPORTED int thrd_join(thrd_t thread, int *result)
{
    void *value = NULL;
    if (pthread_join(thread, &value) != 0) {
        return thrd_error;
    }
    if (result != NULL) {
        *result = (int)(intptr_t)value;
    }
    return thrd_success;
}

EXPORTED int thrd_detach(thrd_t thread)
{
    return pthread_detach(thread) == 0 ? thrd_success : thrd_error;
}

static pthread_mutex_t *mutex_of(mtx_t *mutex)
{
    return (pthread_mutex_t *)mutex;
}

static pthread_cond_t *condition_of(cnd_t *condition)
{
    return (pthread_cond_t *)condition;
}

static int answer(int error)
{
    return error == 0           ? thrd_success
           : error == EBUSY     ? thrd_busy
           : error == ETIMEDOUT ? thrd_timedout
                                : thrd_error;
}

EXPORTED int mtx_init(mtx_t *mutex, int type)
{
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, (type & mtx_recursive) != 0 ? PTHREAD_MUTEX_RECURSIVE
                                                                       : PTHREAD_MUTEX_NORMAL);
    int error = pthread_mutex_init(mutex_of(mutex), &attributes);
    pthread_mutexattr_destroy(&attributes);
    return answer(error);
}

EXPORTED int mtx_lock(mtx_t *mutex)
{
    return answer(pthread_mutex_lock(mutex_of(mutex)));
}

EXPORTED int mtx_trylock(mtx_t *mutex)
{
    return answer(pthread_mutex_trylock(mutex_of(mutex)));
}

EXPORTED int mtx_unlock(mtx_t *mutex)
{
    return answer(pthread_mutex_unlock(mutex_of(mutex)));
}

EXPORTED void mtx_destroy(mtx_t *mutex)
{
    pthread_mutex_destroy(mutex_of(mutex));
}

/* Two clients opened at once order by it what all clients share. */
EXPORTED void call_once(once_flag *flag, void (*run)(void))
{
    _Static_assert(sizeof(once_flag) == sizeof(pthread_once_t), "glibc's flags are alike");
    pthread_once((pthread_once_t *)(void *)flag, run);
}

EXPORTED int cnd_init(cnd_t *condition)
{
    return answer(pthread_cond_init(condition_of(condition), NULL));
}

EXPORTED int cnd_signal(cnd_t *condition)
{
    return answer(pthread_cond_signal(condition_of(condition)));
}

EXPORTED int cnd_broadcast(cnd_t *condition)
{
    return answer(pthread_cond_broadcast(condition_of(condition)));
}

EXPORTED int cnd_wait(cnd_t *condition, mtx_t *mutex)
{
    return answer(pthread_cond_wait(condition_of(condition), mutex_of(mutex)));
}

EXPORTED int cnd_timedwait(cnd_t *condition, mtx_t *mutex, const struct timespec *until)
{
    return answer(pthread_cond_timedwait(condition_of(condition), mutex_of(mutex), until));
}

EXPORTED void cnd_destroy(cnd_t *condition)
{
    pthread_cond_destroy(condition_of(condition));
}

const char *__tsan_default_suppressions(void);
EXPORTED const char *__tsan_default_suppressions(void)
{
    return "called_from_lib:librdkafka.so\n";
}

#endif
