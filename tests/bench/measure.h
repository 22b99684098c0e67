/* One measurement: a row at a concurrency, in a process of its own, with a daemon of its own if it needs one. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include "rows.h"

iscep_status bench_measure(bench_sample *out, const bench_row *row, const bench_world *world,
                           uint32_t in_flight, uint32_t requests, iscep_error *err) ISCEP_CHECKED;

#endif
