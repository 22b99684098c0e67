/* An open loop: requests begin at planned times, however long those before take, and are late from then on. */
#ifndef BENCH_PACE_H
#define BENCH_PACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

typedef struct bench_pace {
    int timer_fd; /* readable when a request may be due, for epoll; -1: none */
    int64_t interval_ns;
    int64_t next_mono_ns; /* when the next one is planned */
} bench_pace;

/* The first is due after one interval. Stop it in both cases. */
iscep_status bench_pace_start(bench_pace *out, int64_t interval_ns, iscep_error *err) ISCEP_CHECKED;
void bench_pace_stop(bench_pace *pace);

/* Is a request due? planned_mono_ns: since when. The next one is then an interval later. */
bool bench_pace_take(bench_pace *pace, int64_t *planned_mono_ns);
/* When the timer was readable, and before asking what is due. */
void bench_pace_rest(const bench_pace *pace);

#endif
