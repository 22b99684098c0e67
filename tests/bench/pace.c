/* See pace.h. */
#include "pace.h"

#include <errno.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "meter.h"

static struct timespec to_timespec(int64_t ns)
{
    return (struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
}

iscep_status bench_pace_start(bench_pace *out, int64_t interval_ns, iscep_error *err)
{
    *out = (bench_pace){.timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC),
                        .interval_ns = interval_ns,
                        .next_mono_ns = bench_now_mono_ns() + interval_ns};
    const struct itimerspec times = {.it_value = to_timespec(out->next_mono_ns),
                                     .it_interval = to_timespec(interval_ns)};
    if (out->timer_fd >= 0 && timerfd_settime(out->timer_fd, TFD_TIMER_ABSTIME, &times, NULL) == 0)
        return ISCEP_OK;
    return iscep_error_set(err, ISCEP_NOMEM, "timer", "cannot make a timer: %s", strerror(errno));
}

void bench_pace_stop(bench_pace *pace)
{
    if (pace->timer_fd >= 0)
        close(pace->timer_fd);
    pace->timer_fd = -1;
}

bool bench_pace_take(bench_pace *pace, int64_t *planned_mono_ns)
{
    if (bench_now_mono_ns() < pace->next_mono_ns)
        return false;
    *planned_mono_ns = pace->next_mono_ns;
    pace->next_mono_ns += pace->interval_ns;
    return true;
}

void bench_pace_rest(const bench_pace *pace)
{
    uint64_t expirations;
    ssize_t got = read(pace->timer_fd, &expirations, sizeof expirations);
    (void)got; /* nothing was due after all */
}
