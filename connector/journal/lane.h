/*
 * A thread that does jobs, in the order in which they are asked, whichever loop asks. A loop asks through a port of its own
 * (port.h), where a job that somebody waits for comes back. A job that cannot be done on this lane may be passed on to another.
 */
#ifndef ISCEP_JOURNAL_LANE_H
#define ISCEP_JOURNAL_LANE_H

#include <sys/queue.h>

#include "journal/arena.h"

struct iscep_db;   /* engine.h */
struct iscep_port; /* port.h */

typedef struct iscep_lane iscep_lane;

/* Where a job can be done (route.h). */
typedef enum iscep_place {
    ISCEP_PLACE_DATABASE = 0, /* where all nodes see it: revocations, facts, what people look at and change */
    ISCEP_PLACE_ENROLMENT, /* about one enrolment, whose key's hash is its order: on the spool if need be */
    ISCEP_PLACE_DELIVERY,  /* about the delivery `id`: wherever that is */
    ISCEP_PLACE_CLAIM,     /* about whatever is owed: where that is being recorded at the moment */
} iscep_place;

/* Something done to the number of a delivery. */
typedef void (*iscep_id_fn)(void *user, int64_t *id);

typedef struct iscep_job {
    STAILQ_ENTRY(iscep_job) link;
    struct iscep_port *port; /* through which it was asked */
    iscep_place place;
    int64_t
        order; /* those with the same are done one after the other; those with another may be done at the same time */
    int64_t id; /* DELIVERY: as asked; while it runs, as the database that it runs on has it */
    /* The numbers of deliveries in what it answers; NULL: there are none. */
    void (*each_id)(struct iscep_job *job, iscep_id_fn fn, void *user);
    /* On the lane's thread; again from the beginning if the transaction had to be rolled back. With USAGE it has written nothing. */
    iscep_status (*run)(struct iscep_job *job, struct iscep_db *db, iscep_error *err);
    /* On the thread of the port's loop; the job is freed afterwards. NULL: nobody waits. */
    void (*finish)(struct iscep_job *job);
    iscep_arena arena;   /* input and output */
    int64_t now_unix_ms; /* when it was asked */
    int64_t now_mono_ms;
    iscep_status status;
    iscep_error err;
    /* The router's. */
    bool is_reading;
    bool is_spools;      /* its id is one of the spool's */
    bool is_asking;      /* on the spool only if what it is about is there */
    int turns;           /* it has waited for that to be moved */
    int64_t asked_id;    /* its id, as it was asked, without the mark of the spool's */
    iscep_lane *pass_to; /* another lane is to do it; NULL: it is done */
} iscep_job;
STAILQ_HEAD(iscep_job_list, iscep_job);
typedef struct iscep_job_list iscep_job_list;

typedef struct iscep_lane_work {
    void (*run)(void *user,
                iscep_job_list *jobs); /* sets each one's status and err, or where it is to be done */
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
/* When nothing is asked any more and every port was drained: its thread ends. It may still be knocked at. NULL is allowed. */
void iscep_lane_stop(iscep_lane *lane);
void iscep_lane_free(iscep_lane *lane);

/*
 * From any thread. Takes the job, behind all that were put before. If somebody waits for it iscep_lane_hurry has to follow:
 * once for all that come together.
 */
void iscep_lane_put(iscep_lane *lane, iscep_job *job);
/* From any thread: what was put is begun as soon as the thread is free, without waiting for more. */
void iscep_lane_hurry(iscep_lane *lane);
/* From any thread: there is something for `between` to do. */
void iscep_lane_knock(iscep_lane *lane);
/* From any thread: has everything been done that was put so far? */
bool iscep_lane_is_idle(iscep_lane *lane);

void iscep_job_free(iscep_job *job);

#endif
