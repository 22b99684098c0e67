/* A queue of jobs between one lock and two conditions. */
#include "workers.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

STAILQ_HEAD(job_queue, iscep_job);

struct iscep_workers {
    pthread_mutex_t lock; /* guards what follows, up to the threads */
    pthread_cond_t has_work;
    pthread_cond_t is_idle;
    struct job_queue queue;
    size_t count;   /* queued */
    size_t running; /* taken, and not done yet */
    size_t max_queued;
    bool is_ending;
    pthread_t *threads;
    size_t thread_count;
};

/* Waits for a job; NULL when there is none left and there will be none. */
static iscep_job *take_locked(iscep_workers *workers)
{
    while (workers->count == 0 && !workers->is_ending)
        pthread_cond_wait(&workers->has_work, &workers->lock);
    iscep_job *job = STAILQ_FIRST(&workers->queue);
    if (!job)
        return NULL;
    STAILQ_REMOVE_HEAD(&workers->queue, link);
    workers->count--;
    workers->running++;
    return job;
}

static void *work(void *arg)
{
    iscep_workers *workers = arg;
    pthread_mutex_lock(&workers->lock);
    for (iscep_job *job; (job = take_locked(workers)) != NULL;) {
        pthread_mutex_unlock(&workers->lock);
        job->run(job->user);
        pthread_mutex_lock(&workers->lock);
        workers->running--;
        if (workers->running == 0 && workers->count == 0)
            pthread_cond_broadcast(&workers->is_idle);
    }
    pthread_mutex_unlock(&workers->lock);
    return NULL;
}

static bool queue_up(iscep_workers *workers, iscep_job *job, bool is_turned_away_when_full)
{
    pthread_mutex_lock(&workers->lock);
    bool is_taken = !is_turned_away_when_full || workers->count < workers->max_queued;
    if (is_taken) {
        STAILQ_INSERT_TAIL(&workers->queue, job, link);
        workers->count++;
        pthread_cond_signal(&workers->has_work);
    }
    pthread_mutex_unlock(&workers->lock);
    return is_taken;
}

bool iscep_workers_submit(iscep_workers *workers, iscep_job *job)
{
    return queue_up(workers, job, true);
}

void iscep_workers_resume(iscep_workers *workers, iscep_job *job)
{
    queue_up(workers, job, false);
}

static struct timespec deadline_in(int64_t timeout_ms)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += (time_t)(timeout_ms / 1000);
    at.tv_nsec += (long)(timeout_ms % 1000 * 1000000);
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

bool iscep_workers_await_idle(iscep_workers *workers, int64_t timeout_ms)
{
    const struct timespec deadline = deadline_in(timeout_ms);
    int result = 0;
    pthread_mutex_lock(&workers->lock);
    while (result == 0 && workers->count + workers->running > 0)
        result = pthread_cond_timedwait(&workers->is_idle, &workers->lock, &deadline);
    bool is_idle = workers->count + workers->running == 0;
    pthread_mutex_unlock(&workers->lock);
    return is_idle;
}

/* Signals are the main thread's: the workers block them all. */
static iscep_status start_threads(iscep_workers *workers, size_t thread_count, iscep_error *err)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    int result = 0;
    while (result == 0 && workers->thread_count < thread_count) {
        result = pthread_create(&workers->threads[workers->thread_count], NULL, work, workers);
        if (result == 0)
            workers->thread_count++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return result == 0 ? ISCEP_OK : iscep_error_set(err, ISCEP_NOMEM, NULL, "a thread cannot be started");
}

static void init_conditions(iscep_workers *workers)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&workers->is_idle, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_cond_init(&workers->has_work, NULL);
}

iscep_status iscep_workers_new(iscep_workers **out, size_t thread_count, size_t max_queued, iscep_error *err)
{
    iscep_workers *workers = calloc(1, sizeof(*workers));
    if (!workers)
        return iscep_error_nomem(err);
    pthread_mutex_init(&workers->lock, NULL);
    init_conditions(workers);
    STAILQ_INIT(&workers->queue);
    workers->max_queued = max_queued;
    workers->threads = calloc(thread_count, sizeof(*workers->threads));
    iscep_status status =
        workers->threads ? start_threads(workers, thread_count, err) : iscep_error_nomem(err);
    if (status != ISCEP_OK) {
        iscep_workers_free(workers);
        return status;
    }
    *out = workers;
    return ISCEP_OK;
}

void iscep_workers_free(iscep_workers *workers)
{
    if (!workers)
        return;
    pthread_mutex_lock(&workers->lock);
    workers->is_ending = true;
    pthread_cond_broadcast(&workers->has_work);
    pthread_mutex_unlock(&workers->lock);
    for (size_t i = 0; i < workers->thread_count; i++)
        pthread_join(workers->threads[i], NULL);
    pthread_cond_destroy(&workers->is_idle);
    pthread_cond_destroy(&workers->has_work);
    pthread_mutex_destroy(&workers->lock);
    free(workers->threads);
    free(workers);
}
