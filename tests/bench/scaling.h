/*
 * What a second node brings: enrolments a second, validation and report, by one daemon and by two that share a database. No machine as
 * small as this has a free CPU for each, so each daemon, with all its threads, gets a share of one and no more, while the database,
 * the mock and the generator have what is left. The same without shares tells what the machine gives.
 */
#ifndef BENCH_SCALING_H
#define BENCH_SCALING_H

#include "doubling.h"
#include "stage.h"

typedef struct bench_scaling_plan {
    uint32_t rounds;
    uint32_t enrolments; /* of one measurement */
    uint32_t in_flight;  /* at each node */
} bench_scaling_plan;

/* CPU time of an enrolment. */
typedef struct bench_scaling_cpu {
    bench_spread daemons_us;
    bench_spread database_us;
} bench_scaling_cpu;

typedef struct bench_scaling {
    bench_scaling_plan plan;
    uint32_t share_percent;  /* of a CPU, of each daemon */
    bench_speedup unlimited; /* enrolments a second */
    bench_speedup shared;    /* with is_shared */
    bench_scaling_cpu one;   /* with shares, or without if there are none */
    bench_scaling_cpu two;
    bool is_shared;
    char why_not[BENCH_WHY_NOT_SIZE];
} bench_scaling;

/* Shows its progress. */
iscep_status bench_scaling_measure(bench_scaling *out, const bench_scaling_plan *plan, bench_stage *stage,
                                   iscep_error *err) ISCEP_CHECKED;

#endif
