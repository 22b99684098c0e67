/* See meter.h. */
#include "meter.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "process.h"
#include "stats.h"

int64_t bench_now_mono_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

iscep_status bench_meter_init(bench_meter *meter, size_t max_requests, pid_t daemon, pid_t intune,
                              iscep_error *err)
{
    *meter = (bench_meter){.daemon = daemon, .intune = intune, .capacity = max_requests};
    meter->latencies_us = calloc(max_requests, sizeof *meter->latencies_us);
    return meter->latencies_us != NULL ? ISCEP_OK : iscep_error_nomem(err);
}

void bench_meter_clear(bench_meter *meter)
{
    free(meter->latencies_us);
    meter->latencies_us = NULL;
}

static bench_reading take_reading(const bench_meter *meter)
{
    return (bench_reading){.mono_ns = bench_now_mono_ns(),
                           .caller_cpu_ns = bench_process_cpu_ns(0),
                           .daemon_cpu_ns = meter->daemon == 0 ? 0 : bench_process_cpu_ns(meter->daemon),
                           .intune_cpu_ns = bench_process_cpu_ns(meter->intune)};
}

void bench_meter_begin(bench_meter *meter)
{
    atomic_store(&meter->count, 0);
    meter->begin = take_reading(meter);
}

void bench_meter_record(bench_meter *meter, int64_t started_mono_ns)
{
    size_t at = atomic_fetch_add(&meter->count, 1);
    if (at < meter->capacity)
        meter->latencies_us[at] = (bench_now_mono_ns() - started_mono_ns) / 1000;
}

void bench_meter_end(bench_meter *meter, bench_sample *out)
{
    bench_reading end = take_reading(meter);
    int64_t count = (int64_t)atomic_load(&meter->count);
    bool has_daemon = meter->daemon != 0;
    bench_sort(meter->latencies_us, (size_t)count);
    int64_t *values = out->values;
    values[BENCH_REQUESTS_PER_SECOND] = count * 1000000000 / (end.mono_ns - meter->begin.mono_ns);
    values[BENCH_P50_US] = bench_percentile(meter->latencies_us, (size_t)count, 50);
    values[BENCH_P99_US] = bench_percentile(meter->latencies_us, (size_t)count, 99);
    values[BENCH_CALLER_CPU_NS] = (end.caller_cpu_ns - meter->begin.caller_cpu_ns) / count;
    values[BENCH_INTUNE_CPU_NS] = (end.intune_cpu_ns - meter->begin.intune_cpu_ns) / count;
    values[BENCH_DAEMON_CPU_NS] =
        has_daemon ? (end.daemon_cpu_ns - meter->begin.daemon_cpu_ns) / count : BENCH_ABSENT;
    values[BENCH_CALLER_PEAK_KIB] = bench_process_memory_kib(getpid(), "VmHWM");
    values[BENCH_DAEMON_PEAK_KIB] =
        has_daemon ? bench_process_memory_kib(meter->daemon, "VmHWM") : BENCH_ABSENT;
}
