/* See port.h. */
#include "journal/port.h"

#include <pthread.h>
#include <stdlib.h>

#include "net/bell.h"

enum { MAX_LANES = 64 };

/* A lane that was asked something. */
typedef struct lane_way {
    iscep_lane *lane;
    bool is_awaited; /* in this turn, by somebody who waits */
} lane_way;

struct iscep_port {
    lane_way ways[MAX_LANES];
    size_t way_count;
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
    for (size_t i = 0; i < port->way_count; i++) {
        if (port->ways[i].is_awaited)
            iscep_lane_hurry(port->ways[i].lane);
        port->ways[i].is_awaited = false;
    }
}

/* NULL: there are too many lanes to keep in mind. */
static lane_way *way_to(iscep_port *port, iscep_lane *lane)
{
    for (size_t i = 0; i < port->way_count; i++)
        if (port->ways[i].lane == lane)
            return &port->ways[i];
    if (port->way_count == MAX_LANES)
        return NULL;
    port->ways[port->way_count] = (lane_way){.lane = lane};
    return &port->ways[port->way_count++];
}

void iscep_port_ask(iscep_port *port, iscep_lane *lane, iscep_job *job)
{
    bool is_waited_for = job->finish != NULL;
    lane_way *way = way_to(port, lane);
    job->port = port;
    port->asked_count++;
    iscep_lane_put(lane, job);
    if (way == NULL) {
        iscep_lane_hurry(lane);
    } else if (is_waited_for) {
        way->is_awaited = true;
        if (!port->is_in_turn)
            iscep_timer_arm(port->turn, 0);
        port->is_in_turn = true;
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
    for (size_t i = 0; i < port->way_count; i++)
        iscep_lane_hurry(port->ways[i].lane);
    pthread_mutex_lock(&port->lock);
    while (port->done_count < port->asked_count)
        pthread_cond_wait(&port->changed, &port->lock);
    STAILQ_CONCAT(&done, &port->done);
    pthread_mutex_unlock(&port->lock);
    return finish_jobs(&done);
}

/* --- beginning and end --- */

iscep_status iscep_port_new(iscep_port **out, iscep_loop *loop, iscep_error *err)
{
    iscep_port *port = calloc(1, sizeof *port);
    if (port == NULL)
        return iscep_error_nomem(err);
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
