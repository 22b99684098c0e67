/* What a daemon that nobody asks keeps in memory: fresh, ready, and some seconds old. */
#ifndef BENCH_IDLE_H
#define BENCH_IDLE_H

#include "daemon.h"

typedef struct bench_idle {
    int64_t seconds; /* how old it was */
    int64_t rss_kib; /* all that is resident; of it, by the kernel's account: */
    int64_t anonymous_kib;
    int64_t file_kib; /* mostly libraries, shared with whoever else uses them */
} bench_idle;

/* seconds: of waiting. */
iscep_status bench_idle_measure(bench_idle *out, uint32_t seconds, const bench_stack *stack,
                                const bench_intune *intune, iscep_error *err) ISCEP_CHECKED;

#endif
