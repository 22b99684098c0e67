/* A ring of jobs between one lock and one condition. */
#include "workers.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

typedef struct queued {
    iscep_job job;
    void *user;
} queued;

struct iscep_workers {
    pthread_mutex_t lock; /* guards what follows, up to the threads */
    pthread_cond_t has_work;
    queued *ring;
    size_t ring_size;
    size_t first;
    size_t count;
    bool is_ending;
    pthread_t *threads;
    size_t thread_count;
};

/* Waits for a job; false when there is none left and there will be none. */
static bool take(iscep_workers *workers, queued *out)
{
    pthread_mutex_lock(&workers->lock);
    while (workers->count == 0 && !workers->is_ending)
        pthread_cond_wait(&workers->has_work, &workers->lock);
    bool has_job = workers->count > 0;
    if (has_job) {
        *out = workers->ring[workers->first];
        workers->first = (workers->first + 1) % workers->ring_size;
        workers->count--;
    }
    pthread_mutex_unlock(&workers->lock);
    return has_job;
}

static void *work(void *arg)
{
    queued next;
    while (take(arg, &next))
        next.job(next.user);
    return NULL;
}

bool iscep_workers_submit(iscep_workers *workers, iscep_job job, void *user)
{
    pthread_mutex_lock(&workers->lock);
    bool has_room = workers->count < workers->ring_size;
    if (has_room) {
        workers->ring[(workers->first + workers->count) % workers->ring_size] =
            (queued){.job = job, .user = user};
        workers->count++;
        pthread_cond_signal(&workers->has_work);
    }
    pthread_mutex_unlock(&workers->lock);
    return has_room;
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

iscep_status iscep_workers_new(iscep_workers **out, size_t thread_count, size_t max_queued, iscep_error *err)
{
    iscep_workers *workers = calloc(1, sizeof(*workers));
    if (!workers)
        return iscep_error_nomem(err);
    pthread_mutex_init(&workers->lock, NULL);
    pthread_cond_init(&workers->has_work, NULL);
    workers->ring_size = max_queued;
    workers->ring = calloc(max_queued, sizeof(*workers->ring));
    workers->threads = calloc(thread_count, sizeof(*workers->threads));
    iscep_status status = workers->ring && workers->threads ? start_threads(workers, thread_count, err)
                                                            : iscep_error_nomem(err);
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
    pthread_cond_destroy(&workers->has_work);
    pthread_mutex_destroy(&workers->lock);
    free(workers->ring);
    free(workers->threads);
    free(workers);
}
