/* One measurement: a row at a concurrency, in a process of its own, with a daemon of its own if it needs one and the world has none. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include "rows.h"

typedef struct bench_measure_plan {
    uint32_t in_flight; /* at most, with a pace */
    uint32_t requests;
    int64_t
        interval_ns; /* from one request's planned time to the next one's; 0: as fast as they are answered */
} bench_measure_plan;

iscep_status bench_measure(bench_sample *out, const bench_row *row, const bench_world *world,
                           const bench_measure_plan *plan, iscep_error *err) ISCEP_CHECKED;

#endif
