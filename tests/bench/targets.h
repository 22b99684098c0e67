/* The targets of the project, and how a run comes off against them. */
#ifndef BENCH_TARGETS_H
#define BENCH_TARGETS_H

#include "results.h"

enum { BENCH_TARGET_COUNT = 21 };

typedef struct bench_target {
    const char *id;   /* for machines */
    const char *text; /* for people */
    const char *unit; /* of limit and measured */
    bool is_at_least; /* otherwise at most */
    int64_t limit;
    int64_t measured;
    bool is_measured;
    bool is_met; /* false unless measured */
} bench_target;

void bench_targets_judge(bench_target out[BENCH_TARGET_COUNT], const bench_results *results);
const char *bench_target_verdict(const bench_target *target);

#endif
