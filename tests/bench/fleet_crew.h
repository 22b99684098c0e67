/*
 * A few threads that take many jobs forward, each when its time has come. Who is under way goes before who has not begun, so
 * that a large fleet begins as fast as it is served.
 */
#ifndef BENCH_FLEET_CREW_H
#define BENCH_FLEET_CREW_H

#include "base/env.h"

typedef struct fleet_crew fleet_crew;

typedef struct fleet_crew_options {
    const iscep_env *env;
    uint32_t threads;
    uint32_t begin_per_second; /* 0: as fast as threads are free */
    size_t count;              /* of jobs */
    /* Takes job at forward: returns when (monotonic ms) to be called again, INT64_MAX: never. One thread at a time for a job. */
    int64_t (*go_on)(void *user, size_t at);
    void *user;
} fleet_crew_options;

iscep_status fleet_crew_start(fleet_crew **out, const fleet_crew_options *options,
                              iscep_error *err) ISCEP_CHECKED;
/* True: every job has ended. False: not within that time. */
bool fleet_crew_wait(fleet_crew *crew, int64_t timeout_ms);

typedef struct fleet_crew_state {
    size_t fresh;   /* not begun */
    size_t busy;    /* on a thread */
    size_t waiting; /* for their time */
} fleet_crew_state;
fleet_crew_state fleet_crew_look(fleet_crew *crew);

/* Calls go_on no more, waits for the calls under way, and frees. */
void fleet_crew_stop(fleet_crew *crew);

#endif
