/*
 * A thread that does jobs for the loop, and the way there and back. What is asked during one turn of the loop goes over
 * together, and what is done together comes back together, in order.
 */
#ifndef ISCEP_JOURNAL_LANE_H
#define ISCEP_JOURNAL_LANE_H

#include <sys/queue.h>

#include "journal/arena.h"
#include "net/loop.h"

struct iscep_db; /* engine.h */

typedef struct iscep_job {
    STAILQ_ENTRY(iscep_job) link;
    /* On the lane's thread; again from the beginning if the transaction had to be rolled back. With USAGE it has written nothing. */
    iscep_status (*run)(struct iscep_job *job, struct iscep_db *db, iscep_error *err);
    void (*finish)(
        struct iscep_job *job); /* on the loop's thread; the job is freed afterwards. NULL: nobody waits */
    iscep_arena arena;          /* input and output */
    int64_t now_unix_ms;        /* when it was asked */
    int64_t now_mono_ms;
    iscep_status status;
    iscep_error err;
} iscep_job;
STAILQ_HEAD(iscep_job_list, iscep_job);
typedef struct iscep_job_list iscep_job_list;

typedef struct iscep_lane iscep_lane;

typedef struct iscep_lane_work {
    void (*run)(void *user, iscep_job_list *jobs); /* sets each one's status and err */
    /*
     * After each run, and when there is nothing to run: one slice of what else there is to do. In how many ms it wants
     * to be called again if nothing comes; negative: not before.
     */
    int64_t (*between)(void *user, bool is_idle); /* is_idle: nothing ran since the last call. May be NULL */
    void (*finished)(void *user); /* on the loop's thread, before the jobs' finish; may be NULL */
    size_t max_jobs;              /* of one run */
    void *user;
} iscep_lane_work;

iscep_status iscep_lane_new(iscep_lane **out, iscep_loop *loop, const iscep_lane_work *work,
                            iscep_error *err) ISCEP_CHECKED;
/* On the loop's thread. Takes the job. */
void iscep_lane_ask(iscep_lane *lane, iscep_job *job);
/* From the lane's thread: work->finished is called soon, though nothing was finished. */
void iscep_lane_ring(iscep_lane *lane);
/* On the loop's thread: waits until everything asked is done, and finishes it; true if there was anything. */
bool iscep_lane_drain(iscep_lane *lane);
void iscep_lane_free(iscep_lane *lane); /* after a drain; NULL is allowed */

void iscep_job_free(iscep_job *job);

#endif
