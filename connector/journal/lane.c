/* See lane.h. A job goes from collected (the loop's own) to waiting, to the thread, to done, and back to the loop. */
#include "journal/lane.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "net/bell.h"

struct iscep_lane {
    iscep_lane_work work;
    iscep_bell *asked;    /* the loop rings for itself: at the end of this turn, hand over */
    iscep_bell *finished; /* the thread rings */
    iscep_job_list collected;
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    iscep_job_list waiting;
    iscep_job_list done;
    bool is_busy;
    bool is_stopping;
};

void iscep_job_free(iscep_job *job)
{
    iscep_arena_clear(&job->arena);
    free(job);
}

/* --- the thread --- */

static void wait_for_change(iscep_lane *lane, int64_t timeout_ms)
{
    if (timeout_ms < 0) {
        pthread_cond_wait(&lane->changed, &lane->lock);
        return;
    }
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(timeout_ms / 1000);
    until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_cond_timedwait(&lane->changed, &lane->lock, &until);
}

/* Moves up to max jobs. */
static void move_jobs(iscep_job_list *to, iscep_job_list *from, size_t max)
{
    for (; max > 0 && !STAILQ_EMPTY(from); max--) {
        iscep_job *job = STAILQ_FIRST(from);
        STAILQ_REMOVE_HEAD(from, link);
        STAILQ_INSERT_TAIL(to, job, link);
    }
}

static bool take_jobs(iscep_lane *lane, iscep_job_list *out, int64_t timeout_ms)
{
    pthread_mutex_lock(&lane->lock);
    if (STAILQ_EMPTY(&lane->waiting) && !lane->is_stopping && timeout_ms != 0)
        wait_for_change(lane, timeout_ms);
    move_jobs(out, &lane->waiting, lane->work.max_jobs);
    lane->is_busy = !STAILQ_EMPTY(out);
    bool is_going_on = lane->is_busy || !lane->is_stopping;
    pthread_mutex_unlock(&lane->lock);
    return is_going_on;
}

static void hand_back(iscep_lane *lane, iscep_job_list *jobs)
{
    pthread_mutex_lock(&lane->lock);
    STAILQ_CONCAT(&lane->done, jobs);
    lane->is_busy = false;
    pthread_cond_broadcast(&lane->changed);
    pthread_mutex_unlock(&lane->lock);
    iscep_bell_ring(lane->finished);
}

static void *work_on(void *user)
{
    iscep_lane *lane = user;
    iscep_job_list jobs = STAILQ_HEAD_INITIALIZER(jobs);
    int64_t timeout_ms = -1;
    while (take_jobs(lane, &jobs, timeout_ms)) {
        bool is_idle = STAILQ_EMPTY(&jobs);
        if (!is_idle) {
            lane->work.run(lane->work.user, &jobs);
            hand_back(lane, &jobs);
        }
        timeout_ms = lane->work.between != NULL ? lane->work.between(lane->work.user, is_idle) : -1;
    }
    return NULL;
}

/* Signals are the main thread's. */
static bool start_thread(iscep_lane *lane)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    lane->has_thread = pthread_create(&lane->thread, NULL, work_on, lane) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return lane->has_thread;
}

/* --- the loop's side --- */

static void hand_over(void *user)
{
    iscep_lane *lane = user;
    pthread_mutex_lock(&lane->lock);
    STAILQ_CONCAT(&lane->waiting, &lane->collected);
    pthread_cond_broadcast(&lane->changed);
    pthread_mutex_unlock(&lane->lock);
}

void iscep_lane_ask(iscep_lane *lane, iscep_job *job)
{
    bool is_first = STAILQ_EMPTY(&lane->collected);
    STAILQ_INSERT_TAIL(&lane->collected, job, link);
    if (is_first)
        iscep_bell_ring(lane->asked);
}

static bool finish_jobs(iscep_lane *lane)
{
    iscep_job_list done = STAILQ_HEAD_INITIALIZER(done);
    pthread_mutex_lock(&lane->lock);
    STAILQ_CONCAT(&done, &lane->done);
    pthread_mutex_unlock(&lane->lock);
    if (lane->work.finished != NULL)
        lane->work.finished(lane->work.user);
    bool had_any = !STAILQ_EMPTY(&done);
    while (!STAILQ_EMPTY(&done)) {
        iscep_job *job = STAILQ_FIRST(&done);
        STAILQ_REMOVE_HEAD(&done, link);
        if (job->finish != NULL)
            job->finish(job);
        iscep_job_free(job);
    }
    return had_any;
}

static void on_finished(void *user)
{
    finish_jobs(user);
}

void iscep_lane_ring(iscep_lane *lane)
{
    iscep_bell_ring(lane->finished);
}

bool iscep_lane_drain(iscep_lane *lane)
{
    hand_over(lane);
    pthread_mutex_lock(&lane->lock);
    while (lane->is_busy || !STAILQ_EMPTY(&lane->waiting))
        pthread_cond_wait(&lane->changed, &lane->lock);
    pthread_mutex_unlock(&lane->lock);
    return finish_jobs(lane);
}

static void init_lock(iscep_lane *lane)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&lane->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&lane->lock, NULL);
}

iscep_status iscep_lane_new(iscep_lane **out, iscep_loop *loop, const iscep_lane_work *work, iscep_error *err)
{
    iscep_lane *lane = calloc(1, sizeof *lane);
    if (lane == NULL)
        return iscep_error_nomem(err);
    lane->work = *work;
    STAILQ_INIT(&lane->collected);
    STAILQ_INIT(&lane->waiting);
    STAILQ_INIT(&lane->done);
    init_lock(lane);
    iscep_status status = iscep_bell_new(&lane->asked, loop, hand_over, lane, err);
    if (status == ISCEP_OK)
        status = iscep_bell_new(&lane->finished, loop, on_finished, lane, err);
    if (status == ISCEP_OK && !start_thread(lane))
        status = iscep_error_set(err, ISCEP_NOMEM, "thread", "cannot start a thread");
    if (status != ISCEP_OK) {
        iscep_lane_free(lane);
        return status;
    }
    *out = lane;
    return ISCEP_OK;
}

void iscep_lane_free(iscep_lane *lane)
{
    if (lane == NULL)
        return;
    pthread_mutex_lock(&lane->lock);
    lane->is_stopping = true;
    pthread_cond_broadcast(&lane->changed);
    pthread_mutex_unlock(&lane->lock);
    if (lane->has_thread)
        pthread_join(lane->thread, NULL);
    iscep_bell_free(lane->asked);
    iscep_bell_free(lane->finished);
    pthread_cond_destroy(&lane->changed);
    pthread_mutex_destroy(&lane->lock);
    free(lane);
}
