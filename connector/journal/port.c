/* See port.h. */
#include "journal/port.h"

#include <pthread.h>
#include <stdlib.h>

#include "net/bell.h"

struct iscep_port {
    iscep_lane *lane;
    iscep_timer *turn; /* without delay: the end of the turn in which something was asked */
    bool is_in_turn;
    uint64_t asked_count;
    iscep_bell *finished;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    uint64_t done_count;
    iscep_job_list done; /* without those that nobody waits for */
};

/* --- there --- */

static void on_turn_end(void *user)
{
    iscep_port *port = user;
    port->is_in_turn = false;
    iscep_lane_hurry(port->lane);
}

void iscep_port_ask(iscep_port *port, iscep_job *job)
{
    bool is_waited_for = job->finish != NULL;
    job->port = port;
    port->asked_count++;
    iscep_lane_put(port->lane, job);
    if (is_waited_for && !port->is_in_turn) {
        port->is_in_turn = true;
        iscep_timer_arm(port->turn, 0);
    }
}

/* --- and back --- */

/* The lock is the last that this thread touches of the port: whoever drains it may free it then. */
void iscep_port_give_back(iscep_port *port, iscep_job_list *jobs)
{
    iscep_job_list waited_for = STAILQ_HEAD_INITIALIZER(waited_for);
    uint64_t count = 0;
    for (; !STAILQ_EMPTY(jobs); count++) {
        iscep_job *job = STAILQ_FIRST(jobs);
        STAILQ_REMOVE_HEAD(jobs, link);
        if (job->finish != NULL)
            STAILQ_INSERT_TAIL(&waited_for, job, link);
        else
            iscep_job_free(job);
    }
    pthread_mutex_lock(&port->lock);
    port->done_count += count;
    if (!STAILQ_EMPTY(&waited_for))
        iscep_bell_ring(port->finished);
    STAILQ_CONCAT(&port->done, &waited_for);
    pthread_cond_signal(&port->changed);
    pthread_mutex_unlock(&port->lock);
}

static bool finish_jobs(iscep_job_list *done)
{
    bool had_any = !STAILQ_EMPTY(done);
    while (!STAILQ_EMPTY(done)) {
        iscep_job *job = STAILQ_FIRST(done);
        STAILQ_REMOVE_HEAD(done, link);
        job->finish(job);
        iscep_job_free(job);
    }
    return had_any;
}

static void on_finished(void *user)
{
    iscep_port *port = user;
    iscep_job_list done = STAILQ_HEAD_INITIALIZER(done);
    pthread_mutex_lock(&port->lock);
    STAILQ_CONCAT(&done, &port->done);
    pthread_mutex_unlock(&port->lock);
    finish_jobs(&done);
}

bool iscep_port_drain(iscep_port *port)
{
    iscep_job_list done = STAILQ_HEAD_INITIALIZER(done);
    iscep_lane_hurry(port->lane);
    pthread_mutex_lock(&port->lock);
    while (port->done_count < port->asked_count)
        pthread_cond_wait(&port->changed, &port->lock);
    STAILQ_CONCAT(&done, &port->done);
    pthread_mutex_unlock(&port->lock);
    return finish_jobs(&done);
}

/* --- beginning and end --- */

iscep_status iscep_port_new(iscep_port **out, iscep_loop *loop, iscep_lane *lane, iscep_error *err)
{
    iscep_port *port = calloc(1, sizeof *port);
    if (port == NULL)
        return iscep_error_nomem(err);
    port->lane = lane;
    STAILQ_INIT(&port->done);
    pthread_mutex_init(&port->lock, NULL);
    pthread_cond_init(&port->changed, NULL);
    iscep_status status = iscep_timer_new(&port->turn, loop, on_turn_end, port, err);
    if (status == ISCEP_OK)
        status = iscep_bell_new(&port->finished, loop, on_finished, port, err);
    if (status != ISCEP_OK) {
        iscep_port_free(port);
        return status;
    }
    *out = port;
    return ISCEP_OK;
}

void iscep_port_free(iscep_port *port)
{
    if (port == NULL)
        return;
    iscep_timer_free(port->turn);
    iscep_bell_free(port->finished);
    pthread_cond_destroy(&port->changed);
    pthread_mutex_destroy(&port->lock);
    free(port);
}
