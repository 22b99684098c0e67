/*
 * How long a node waits for what it does to share a database with others: the journal's own operations, one at a time, by a node that is
 * beside those that are measured and has nothing to do.
 */
#ifndef BENCH_COORDINATION_H
#define BENCH_COORDINATION_H

#include "base/env.h"

typedef enum bench_operation {
    BENCH_BEAT,              /* a node's sign of life */
    BENCH_NODES,             /* those of the others */
    BENCH_LEAD,              /* who leads? */
    BENCH_CLAIM_DELIVERIES,  /* is a report due, or left by a dead node? */
    BENCH_CLAIM_REVOCATIONS, /* the same of revocations */
    BENCH_OPERATION_COUNT
} bench_operation;

const char *bench_operation_name(bench_operation operation);

typedef struct bench_coordination {
    int64_t p50_us[BENCH_OPERATION_COUNT];
    int64_t p99_us[BENCH_OPERATION_COUNT];
} bench_coordination;

typedef struct bench_coordination_plan {
    const char *conninfo;
    const char *spool_path;
    const char *tenant; /* in which somebody leads */
    uint32_t times;     /* of each operation, by turns */
} bench_coordination_plan;

iscep_status bench_coordination_measure(bench_coordination *out, const iscep_env *env,
                                        const bench_coordination_plan *plan, iscep_error *err) ISCEP_CHECKED;

#endif
