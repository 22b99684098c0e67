/* See idle.h. */
#include "idle.h"

#include <poll.h>

#include "meter.h"
#include "progress.h"

enum { LOOK_EVERY_MS = 100 };

static iscep_status wait_s(const bench_daemon *daemon, uint32_t seconds, iscep_error *err)
{
    int64_t end_mono_ns = bench_now_mono_ns() + (int64_t)seconds * 1000000000;
    iscep_status status = ISCEP_OK;
    while (status == ISCEP_OK && bench_now_mono_ns() < end_mono_ns) {
        poll(NULL, 0, LOOK_EVERY_MS);
        status = bench_progress_check(err);
        if (status == ISCEP_OK && !bench_process_is_running(&daemon->process))
            status = iscep_error_set(err, ISCEP_SERVICE, "idle", "the daemon ended while nobody asked it");
    }
    return status;
}

iscep_status bench_idle_measure(bench_idle *out, uint32_t seconds, const bench_stack *stack,
                                const bench_intune *intune, iscep_error *err)
{
    static const bench_daemon_settings defaults = {0};
    bench_daemon daemon;
    *out = (bench_idle){.seconds = seconds};
    bench_progress_show("idle: %u s", seconds);
    iscep_status status = bench_daemon_start(&daemon, stack, intune, &defaults, err);
    if (status == ISCEP_OK)
        status = wait_s(&daemon, seconds, err);
    if (status == ISCEP_OK) {
        out->rss_kib = bench_process_memory_kib(daemon.process.pid, "VmRSS");
        out->anonymous_kib = bench_process_memory_kib(daemon.process.pid, "RssAnon");
        out->file_kib = bench_process_memory_kib(daemon.process.pid, "RssFile");
    }
    bench_daemon_stop(&daemon);
    if (status == ISCEP_OK && out->rss_kib < 0)
        status = iscep_error_set(err, ISCEP_SERVICE, "idle", "the daemon's memory cannot be read");
    return status;
}
