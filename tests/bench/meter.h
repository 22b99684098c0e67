/*
 * What one measurement finds: the clock, the CPU time of everyone involved, and each request's latency. It belongs to
 * the process that makes the requests.
 */
#ifndef BENCH_METER_H
#define BENCH_METER_H

#include <stdatomic.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"

/* Whole numbers in small units, so that a JSON document carries them without rounding. */
typedef enum bench_metric {
    BENCH_REQUESTS_PER_SECOND,
    BENCH_P50_US,
    BENCH_P99_US,
    BENCH_CALLER_CPU_NS, /* per request, of the process that asks */
    BENCH_DAEMON_CPU_NS, /* per request, of intune-scepd */
    BENCH_INTUNE_CPU_NS, /* per request, of intune-mock: tells who kept whom waiting */
    BENCH_CALLER_PEAK_KIB,
    BENCH_DAEMON_PEAK_KIB,
    BENCH_METRIC_COUNT
} bench_metric;

#define BENCH_ABSENT (-1) /* the row has no daemon */

typedef struct bench_sample {
    int64_t values[BENCH_METRIC_COUNT];
} bench_sample;

typedef struct bench_reading {
    int64_t mono_ns;
    int64_t caller_cpu_ns;
    int64_t daemon_cpu_ns;
    int64_t intune_cpu_ns;
} bench_reading;

typedef struct bench_meter {
    pid_t daemon; /* 0: the row has none */
    pid_t intune;
    int64_t *latencies_us;
    size_t capacity;
    atomic_size_t count;
    bench_reading begin;
} bench_meter;

/* Room for max_requests. Clear it in both cases. */
iscep_status bench_meter_init(bench_meter *meter, size_t max_requests, pid_t daemon, pid_t intune,
                              iscep_error *err) ISCEP_CHECKED;
void bench_meter_clear(bench_meter *meter);

/* Forgets what was recorded (the warm-up), and starts the clocks. */
void bench_meter_begin(bench_meter *meter);
/* A request that began then has been answered, rightly. Any thread. */
void bench_meter_record(bench_meter *meter, int64_t started_mono_ns);
/* Stops the clocks; at least one request was recorded. */
void bench_meter_end(bench_meter *meter, bench_sample *out);

int64_t bench_now_mono_ns(void);

#endif
