/*
 * What it costs a database that nodes share it: 2, 4 and 8 daemons with their usual intervals, when nobody asks them and when each
 * serves so many enrolments a second; after little history and after much. What they ask is counted on the way (relay.h).
 */
#ifndef BENCH_NODES_ROW_H
#define BENCH_NODES_ROW_H

#include "coordination.h"
#include "options.h"
#include "stage.h"
#include "stats.h"

enum { BENCH_NODE_LEVELS = 3, BENCH_MAX_NODES = 8 };
typedef enum bench_history { BENCH_HISTORY_SMALL, BENCH_HISTORY_LARGE, BENCH_HISTORY_COUNT } bench_history;
typedef enum bench_activity { BENCH_IDLE, BENCH_BUSY, BENCH_ACTIVITY_COUNT } bench_activity;

typedef struct bench_nodes_plan {
    uint32_t levels; /* 2 nodes, 4, 8 */
    uint32_t history[BENCH_HISTORY_COUNT];
    uint32_t settling_ms; /* from the last one's start */
    uint32_t idle_ms;
    uint32_t busy_ms;
    uint32_t per_second; /* enrolments, of each node, when it is busy */
    uint32_t operations; /* of each kind, timed */
} bench_nodes_plan;

typedef struct bench_node_level {
    uint32_t nodes;
    int64_t statements; /* a thousand seconds */
    int64_t round_trips;
    bench_coordination times;
} bench_node_level;

typedef struct bench_nodes {
    bench_nodes_plan plan;
    bench_node_level levels[BENCH_HISTORY_COUNT][BENCH_ACTIVITY_COUNT][BENCH_NODE_LEVELS];
    int64_t per_node[BENCH_HISTORY_COUNT]
                    [BENCH_ACTIVITY_COUNT]; /* statements a node in a thousand seconds, by least squares */
    int64_t per_node_error[BENCH_HISTORY_COUNT][BENCH_ACTIVITY_COUNT];
    int64_t
        linear_percent; /* a node's statements with the most nodes, of those with two: the worse of idle and busy */
    /* The operations' p50 together after much history, of that after little; over the levels. */
    bench_spread history_percent;
} bench_nodes;

/* The schema "large" as in database.h. Shows its progress. */
iscep_status bench_nodes_measure(bench_nodes *out, const bench_nodes_plan *plan, bench_stage *stage,
                                 iscep_error *err) ISCEP_CHECKED;

#endif
