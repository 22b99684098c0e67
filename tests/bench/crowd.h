/* Several daemons that share a database, and enrolments at all their doors at once. */
#ifndef BENCH_CROWD_H
#define BENCH_CROWD_H

#include "enrolments.h"
#include "stage.h"

enum { BENCH_CROWD_MAX = 8 };

typedef struct bench_crowd {
    uint32_t count;
    bench_daemon daemons[BENCH_CROWD_MAX];
} bench_crowd;

/* Nodes n1, n2 and so on. Returns when all are ready; stop them in any case. */
iscep_status bench_crowd_start(bench_crowd *out, uint32_t count, const char *conninfo,
                               const bench_stage *stage, iscep_error *err) ISCEP_CHECKED;
void bench_crowd_stop(bench_crowd *crowd);

typedef struct bench_crowd_plan {
    uint32_t enrolments;
    uint32_t in_flight;  /* at each door */
    uint32_t per_second; /* enrolments, of all together; 0: as fast as they are answered */
    uint8_t course;      /* enrolments.h */
    void (*on_begin)(
        void *
            user); /* each connection has made an enrolment, and the time begins; NULL: nobody wants to know */
    void *user;
} bench_crowd_plan;

/* An answer that is not a yes is an error. */
iscep_status bench_crowd_enrol(int64_t *elapsed_ns, const bench_crowd *crowd, const bench_crowd_plan *plan,
                               const bench_stage *stage, iscep_error *err) ISCEP_CHECKED;

#endif
