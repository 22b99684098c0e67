/*
 * What the connector adds to the time that Intune takes, at a rate that leaves everybody idle most of the time: by turns libcurl
 * alone and the daemon ask the same mock, each request at its planned time.
 */
#ifndef BENCH_PACED_H
#define BENCH_PACED_H

#include "options.h"
#include "rows.h"
#include "stats.h"

typedef struct bench_paced_plan {
    uint32_t per_second;
    uint32_t requests; /* of one row in one round */
    uint32_t rounds;
} bench_paced_plan;

/* Microseconds from the planned time to the answer. */
typedef struct bench_paced {
    bench_paced_plan plan;
    bench_spread curl_p50;
    bench_spread curl_p99;
    bench_spread daemon_p50;
    bench_spread daemon_p99;
    bench_spread added_p50; /* the daemon's less curl's of the same round */
    bench_spread added_p99;
} bench_paced;

/* Shows its progress. */
iscep_status bench_paced_measure(bench_paced *out, const bench_paced_plan *plan, const bench_world *world,
                                 iscep_error *err) ISCEP_CHECKED;

#endif
