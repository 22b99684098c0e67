/*
 * What a second one of something (a worker, a node) brings: one and two are measured in turns, round by round; with as much CPU as the
 * machine gives, and once more with a share of a CPU for each and no more (cpu_share.h), where this machine lets us.
 */
#ifndef BENCH_DOUBLING_H
#define BENCH_DOUBLING_H

#include <stdbool.h>

#include "options.h"
#include "stats.h"

enum { BENCH_WHY_NOT_SIZE = 256 };

typedef struct bench_doubling_plan {
    const char *name; /* for the progress */
    uint32_t rounds;
    /* Measures count of them, 1 or 2, and keeps what it finds as this round's. CONFIG, if is_shared: there are no shares here. */
    iscep_status (*measure)(void *user, uint32_t round, uint32_t count, bool is_shared, iscep_error *err);
    void *user;
} bench_doubling_plan;

/* is_shared: there were shares in all rounds; otherwise why_not. Shows its progress. */
iscep_status bench_doubling_measure(bool *is_shared, char why_not[BENCH_WHY_NOT_SIZE],
                                    const bench_doubling_plan *plan, iscep_error *err) ISCEP_CHECKED;

typedef struct bench_speedup {
    bench_spread one; /* a second */
    bench_spread two;
    int64_t percent; /* median of the rounds' own ratios */
} bench_speedup;

/* Of so many rounds; sorts them. */
bench_speedup bench_speedup_of(int64_t *one, int64_t *two, uint32_t rounds);

#endif
