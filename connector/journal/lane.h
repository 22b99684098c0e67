/*
 * A thread that does jobs, in the order in which they are asked, whichever loop asks. A loop asks through a port of its own
 * (port.h), where a job that somebody waits for comes back.
 */
#ifndef ISCEP_JOURNAL_LANE_H
#define ISCEP_JOURNAL_LANE_H

#include <sys/queue.h>

#include "journal/arena.h"

struct iscep_db;   /* engine.h */
struct iscep_port; /* port.h */

typedef struct iscep_job {
    STAILQ_ENTRY(iscep_job) link;
    struct iscep_port *port; /* through which it was asked */
    /* On the lane's thread; again from the beginning if the transaction had to be rolled back. With USAGE it has written nothing. */
    iscep_status (*run)(struct iscep_job *job, struct iscep_db *db, iscep_error *err);
    /* On the thread of the port's loop; the job is freed afterwards. NULL: nobody waits. */
    void (*finish)(struct iscep_job *job);
    iscep_arena arena;   /* input and output */
    int64_t now_unix_ms; /* when it was asked */
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
    size_t max_jobs;                              /* of one run */
    int64_t gather_ms; /* how long a job that nobody waits for may wait for others to share its run with */
    void *user;
} iscep_lane_work;

iscep_status iscep_lane_new(iscep_lane **out, const iscep_lane_work *work, iscep_error *err) ISCEP_CHECKED;
/* When nothing is asked any more and every port was drained. NULL is allowed. */
void iscep_lane_free(iscep_lane *lane);

/*
 * From any thread. Takes the job, behind all that were put before. If somebody waits for it iscep_lane_hurry has to follow:
 * once for all that come together.
 */
void iscep_lane_put(iscep_lane *lane, iscep_job *job);
/* From any thread: what was put is begun as soon as the thread is free, without waiting for more. */
void iscep_lane_hurry(iscep_lane *lane);
/* From any thread: has everything been done that was put so far? */
bool iscep_lane_is_idle(iscep_lane *lane);

void iscep_job_free(iscep_job *job);

#endif
