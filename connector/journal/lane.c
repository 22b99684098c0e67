/* See lane.h. A job goes from waiting to the thread, and from there to its port, or, if nobody waits for it, is freed. */
#include "journal/lane.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/thread.h"
#include "journal/port.h"

enum { NS_PER_MS = 1000000, NEVER = -1 };
#define NS_PER_S INT64_C(1000000000)

struct iscep_lane {
    iscep_lane_work work;
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    iscep_job_list waiting;
    size_t waiting_count;
    int64_t gather_until_ns; /* of the first that nobody waits for; NEVER: there is none */
    bool is_hurried;
    bool is_knocked;
    bool is_busy;
    bool is_stopping;
};

void iscep_job_free(iscep_job *job)
{
    iscep_arena_clear(&job->arena);
    free(job);
}

/* --- waiting --- */

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static int64_t sooner_of(int64_t a_ns, int64_t b_ns)
{
    if (a_ns == NEVER || b_ns == NEVER)
        return a_ns == NEVER ? b_ns : a_ns;
    return a_ns < b_ns ? a_ns : b_ns;
}

/* False when the time is over. */
static bool wait_for_change_locked(iscep_lane *lane, int64_t until_ns)
{
    if (until_ns == NEVER) {
        pthread_cond_wait(&lane->changed, &lane->lock);
        return true;
    }
    const struct timespec until = {.tv_sec = (time_t)(until_ns / NS_PER_S),
                                   .tv_nsec = (long)(until_ns % NS_PER_S)};
    return pthread_cond_timedwait(&lane->changed, &lane->lock, &until) != ETIMEDOUT;
}

/* Until somebody waits, there are many, or those that nobody waits for have gathered; at most timeout_ms if that is not negative. */
static void await_jobs_locked(iscep_lane *lane, int64_t timeout_ms)
{
    if (timeout_ms == 0)
        return;
    int64_t idle_until_ns = timeout_ms < 0 ? NEVER : now_ns() + timeout_ms * NS_PER_MS;
    bool is_time_left = true;
    while (is_time_left && !lane->is_hurried && !lane->is_knocked && !lane->is_stopping)
        is_time_left = wait_for_change_locked(lane, sooner_of(lane->gather_until_ns, idle_until_ns));
}

/* --- the thread --- */

static void move_first(iscep_job_list *to, iscep_job_list *from)
{
    iscep_job *job = STAILQ_FIRST(from);
    STAILQ_REMOVE_HEAD(from, link);
    STAILQ_INSERT_TAIL(to, job, link);
}

/* What is left has waited long enough. A knock takes nothing away from those that are gathering. */
static void move_waiting_locked(iscep_lane *lane, iscep_job_list *out)
{
    bool is_gathering = lane->gather_until_ns != NEVER && now_ns() < lane->gather_until_ns;
    if (lane->is_knocked && !lane->is_hurried && !lane->is_stopping && is_gathering)
        return;
    for (size_t i = 0; i < lane->work.max_jobs && !STAILQ_EMPTY(&lane->waiting); i++) {
        move_first(out, &lane->waiting);
        lane->waiting_count--;
    }
    lane->is_hurried = lane->waiting_count > 0;
    lane->gather_until_ns = NEVER;
}

static bool take_jobs(iscep_lane *lane, iscep_job_list *out, int64_t timeout_ms)
{
    pthread_mutex_lock(&lane->lock);
    await_jobs_locked(lane, timeout_ms);
    move_waiting_locked(lane, out);
    lane->is_knocked = false;
    lane->is_busy = !STAILQ_EMPTY(out);
    bool is_going_on = lane->is_busy || !lane->is_stopping;
    pthread_mutex_unlock(&lane->lock);
    return is_going_on;
}

static void take_those_of(const iscep_port *port, iscep_job_list *out, iscep_job_list *jobs)
{
    iscep_job_list others = STAILQ_HEAD_INITIALIZER(others);
    while (!STAILQ_EMPTY(jobs))
        move_first(STAILQ_FIRST(jobs)->port == port ? out : &others, jobs);
    STAILQ_CONCAT(jobs, &others);
}

/* In their order. The other lane is told of each, because those that nobody waits for are late already. */
static void pass_on(iscep_job_list *jobs)
{
    iscep_job_list done = STAILQ_HEAD_INITIALIZER(done);
    while (!STAILQ_EMPTY(jobs)) {
        iscep_job *job = STAILQ_FIRST(jobs);
        iscep_lane *to = job->pass_to;
        if (to == NULL) {
            move_first(&done, jobs);
            continue;
        }
        STAILQ_REMOVE_HEAD(jobs, link);
        job->pass_to = NULL;
        iscep_lane_put(to, job);
        iscep_lane_hurry(to);
    }
    STAILQ_CONCAT(jobs, &done);
}

/* Idle first: whoever gets his answer may look at once whether there is anything left. */
static void hand_back(iscep_lane *lane, iscep_job_list *jobs)
{
    pass_on(jobs);
    pthread_mutex_lock(&lane->lock);
    lane->is_busy = false;
    pthread_mutex_unlock(&lane->lock);
    while (!STAILQ_EMPTY(jobs)) {
        iscep_job_list of_one = STAILQ_HEAD_INITIALIZER(of_one);
        iscep_port *port = STAILQ_FIRST(jobs)->port;
        take_those_of(port, &of_one, jobs);
        iscep_port_give_back(port, &of_one);
    }
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

/* --- those who ask --- */

void iscep_lane_put(iscep_lane *lane, iscep_job *job)
{
    pthread_mutex_lock(&lane->lock);
    STAILQ_INSERT_TAIL(&lane->waiting, job, link);
    bool is_full = ++lane->waiting_count == lane->work.max_jobs;
    bool is_first_to_gather = job->finish == NULL && lane->gather_until_ns == NEVER;
    if (is_full)
        lane->is_hurried = true;
    if (is_first_to_gather)
        lane->gather_until_ns = now_ns() + lane->work.gather_ms * NS_PER_MS;
    if (is_full || is_first_to_gather)
        pthread_cond_signal(&lane->changed);
    pthread_mutex_unlock(&lane->lock);
}

void iscep_lane_hurry(iscep_lane *lane)
{
    pthread_mutex_lock(&lane->lock);
    lane->is_hurried = lane->waiting_count > 0;
    if (lane->is_hurried)
        pthread_cond_signal(&lane->changed);
    pthread_mutex_unlock(&lane->lock);
}

void iscep_lane_knock(iscep_lane *lane)
{
    pthread_mutex_lock(&lane->lock);
    lane->is_knocked = true;
    pthread_cond_signal(&lane->changed);
    pthread_mutex_unlock(&lane->lock);
}

bool iscep_lane_is_idle(iscep_lane *lane)
{
    pthread_mutex_lock(&lane->lock);
    bool is_idle = !lane->is_busy && lane->waiting_count == 0;
    pthread_mutex_unlock(&lane->lock);
    return is_idle;
}

/* --- beginning and end --- */

static void init_lock(iscep_lane *lane)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&lane->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&lane->lock, NULL);
}

iscep_status iscep_lane_new(iscep_lane **out, const iscep_lane_work *work, iscep_error *err)
{
    iscep_lane *lane = calloc(1, sizeof *lane);
    if (lane == NULL)
        return iscep_error_nomem(err);
    lane->work = *work;
    lane->gather_until_ns = NEVER;
    STAILQ_INIT(&lane->waiting);
    init_lock(lane);
    lane->has_thread = iscep_thread_start(&lane->thread, work_on, lane);
    if (!lane->has_thread) {
        iscep_lane_free(lane);
        return iscep_error_set(err, ISCEP_NOMEM, "thread", "cannot start a thread");
    }
    *out = lane;
    return ISCEP_OK;
}

void iscep_lane_stop(iscep_lane *lane)
{
    if (lane == NULL || !lane->has_thread)
        return;
    pthread_mutex_lock(&lane->lock);
    lane->is_stopping = true;
    pthread_cond_signal(&lane->changed);
    pthread_mutex_unlock(&lane->lock);
    pthread_join(lane->thread, NULL);
    lane->has_thread = false;
}

void iscep_lane_free(iscep_lane *lane)
{
    if (lane == NULL)
        return;
    iscep_lane_stop(lane);
    pthread_cond_destroy(&lane->changed);
    pthread_mutex_destroy(&lane->lock);
    free(lane);
}
