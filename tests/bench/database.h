/*
 * What a journal in PostgreSQL costs a report, against one in SQLite on the same disk: a certificate recorded, and Intune's yes to it,
 * both durable. One at a time, at a rate that both hold, and as fast as they go; after little history and after much.
 */
#ifndef BENCH_DATABASE_H
#define BENCH_DATABASE_H

#include "options.h"
#include "postgres.h"
#include "stats.h"

typedef enum bench_side { BENCH_SQLITE, BENCH_SMALL, BENCH_LARGE, BENCH_SIDE_COUNT } bench_side;
typedef enum bench_load_kind { BENCH_ALONE, BENCH_PACED, BENCH_LOAD_KIND_COUNT } bench_load_kind;

typedef struct bench_database_plan {
    uint32_t rounds;
    uint32_t alone;      /* reports of a round, one at a time */
    uint32_t paced;      /* the same, at a constant rate */
    uint32_t per_second; /* that rate */
    uint32_t at_once;    /* as fast as they go, 64 in flight */
    uint32_t small_history;
    uint32_t large_history;
} bench_database_plan;

typedef struct bench_database {
    bench_database_plan plan;
    bench_spread p50_ns[BENCH_SIDE_COUNT][BENCH_LOAD_KIND_COUNT];
    bench_spread p99_ns[BENCH_SIDE_COUNT][BENCH_LOAD_KIND_COUNT];
    bench_spread per_second[BENCH_SIDE_COUNT];
    bench_spread added_p50_ns[BENCH_LOAD_KIND_COUNT]; /* small history, less SQLite's of the round */
    bench_spread added_p99_ns[BENCH_LOAD_KIND_COUNT];
    bench_spread history_percent; /* p50 one at a time, the large history's of the small's */
    int64_t round_trips_per_100;  /* reports, one at a time */
    int64_t statements_per_100;
} bench_database;

/* The schema "large" is used if it is there, with as much history, and made otherwise. Shows its progress. */
iscep_status bench_database_measure(bench_database *out, const bench_database_plan *plan,
                                    const bench_stack *stack, bench_postgres *postgres,
                                    iscep_error *err) ISCEP_CHECKED;

#endif
