/*
 * What a second worker brings: requests per second by the Unix socket with one worker and with two. Mock and generator run beside
 * the daemon, so that no machine as small as this has two free CPUs for it; therefore each worker's thread gets a share of a CPU
 * of its own, and no more, while everybody else has what is left. The same without shares tells what the machine gives.
 */
#ifndef BENCH_WORKERS_H
#define BENCH_WORKERS_H

#include "doubling.h"
#include "rows.h"

typedef struct bench_workers_plan {
    uint32_t rounds;
    uint32_t requests; /* of one measurement */
} bench_workers_plan;

typedef struct bench_workers {
    bench_workers_plan plan;
    uint32_t share_percent;  /* of a CPU, of each worker */
    bench_speedup unlimited; /* requests a second */
    bench_speedup shared;    /* with is_shared */
    bool is_shared;
    char why_not[BENCH_WHY_NOT_SIZE];
} bench_workers;

/* Shows its progress. */
iscep_status bench_workers_measure(bench_workers *out, const bench_workers_plan *plan,
                                   const bench_world *world, iscep_error *err) ISCEP_CHECKED;

#endif
