/* See worker.h: two queues, and an eventfd by which the thread calls the loop. */
#include "net/worker.h"

#include <event2/event.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>

#include "base/thread.h"

typedef struct job {
    STAILQ_ENTRY(job) link;
    iscep_callback work;
    iscep_callback done;
    void *user;
} job;
STAILQ_HEAD(job_queue, job);

struct iscep_worker {
    pthread_t thread;
    bool is_running; /* there is a thread to join */
    int finished_fd;
    struct event *on_finished;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t asked;
    struct job_queue waiting;
    struct job_queue finished;
    bool is_stopping;
};

/* NULL: stop. */
static job *await_job(iscep_worker *worker)
{
    pthread_mutex_lock(&worker->lock);
    while (!worker->is_stopping && STAILQ_EMPTY(&worker->waiting))
        pthread_cond_wait(&worker->asked, &worker->lock);
    job *next = worker->is_stopping ? NULL : STAILQ_FIRST(&worker->waiting);
    if (next != NULL)
        STAILQ_REMOVE_HEAD(&worker->waiting, link);
    pthread_mutex_unlock(&worker->lock);
    return next;
}

static void *work_on(void *user)
{
    iscep_worker *worker = user;
    job *next;
    while ((next = await_job(worker)) != NULL) {
        next->work(next->user);
        pthread_mutex_lock(&worker->lock);
        STAILQ_INSERT_TAIL(&worker->finished, next, link);
        pthread_mutex_unlock(&worker->lock);
        eventfd_write(worker->finished_fd, 1);
    }
    return NULL;
}

static job *take_finished(iscep_worker *worker)
{
    pthread_mutex_lock(&worker->lock);
    job *first = STAILQ_FIRST(&worker->finished);
    if (first != NULL)
        STAILQ_REMOVE_HEAD(&worker->finished, link);
    pthread_mutex_unlock(&worker->lock);
    return first;
}

static void on_finished(evutil_socket_t fd, short what, void *user)
{
    (void)what;
    iscep_worker *worker = user;
    eventfd_t count;
    eventfd_read(fd, &count);
    job *next;
    while ((next = take_finished(worker)) != NULL) {
        iscep_callback done = next->done;
        void *asker = next->user;
        free(next);
        done(asker);
    }
}

static bool start_thread(iscep_worker *worker)
{
    worker->is_running = iscep_thread_start(&worker->thread, work_on, worker);
    return worker->is_running;
}

iscep_status iscep_worker_new(iscep_worker **out, iscep_loop *loop, iscep_error *err)
{
    iscep_worker *worker = calloc(1, sizeof *worker);
    if (worker == NULL)
        return iscep_error_nomem(err);
    pthread_mutex_init(&worker->lock, NULL);
    pthread_cond_init(&worker->asked, NULL);
    STAILQ_INIT(&worker->waiting);
    STAILQ_INIT(&worker->finished);
    worker->finished_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (worker->finished_fd >= 0)
        worker->on_finished =
            event_new(iscep_loop_base(loop), worker->finished_fd, EV_READ | EV_PERSIST, on_finished, worker);
    if (worker->on_finished == NULL || event_add(worker->on_finished, NULL) != 0 || !start_thread(worker)) {
        iscep_worker_free(worker);
        return iscep_error_set(err, ISCEP_NOMEM, "worker", "cannot start a thread (descriptors or memory)");
    }
    *out = worker;
    return ISCEP_OK;
}

iscep_status iscep_worker_run(iscep_worker *worker, iscep_callback work, iscep_callback done, void *user,
                              iscep_error *err)
{
    job *asked = malloc(sizeof *asked);
    if (asked == NULL)
        return iscep_error_nomem(err);
    *asked = (job){.work = work, .done = done, .user = user};
    pthread_mutex_lock(&worker->lock);
    STAILQ_INSERT_TAIL(&worker->waiting, asked, link);
    pthread_cond_signal(&worker->asked);
    pthread_mutex_unlock(&worker->lock);
    return ISCEP_OK;
}

static void drop_jobs(struct job_queue *queue)
{
    while (!STAILQ_EMPTY(queue)) {
        job *first = STAILQ_FIRST(queue);
        STAILQ_REMOVE_HEAD(queue, link);
        free(first);
    }
}

void iscep_worker_free(iscep_worker *worker)
{
    if (worker == NULL)
        return;
    pthread_mutex_lock(&worker->lock);
    worker->is_stopping = true;
    pthread_cond_signal(&worker->asked);
    pthread_mutex_unlock(&worker->lock);
    if (worker->is_running)
        pthread_join(worker->thread, NULL);
    drop_jobs(&worker->waiting);
    drop_jobs(&worker->finished);
    if (worker->on_finished != NULL)
        event_free(worker->on_finished);
    if (worker->finished_fd >= 0)
        close(worker->finished_fd);
    pthread_cond_destroy(&worker->asked);
    pthread_mutex_destroy(&worker->lock);
    free(worker);
}
