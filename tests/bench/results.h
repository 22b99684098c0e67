/* Everything that a run has found. */
#ifndef BENCH_RESULTS_H
#define BENCH_RESULTS_H

#include "database.h"
#include "hop.h"
#include "idle.h"
#include "memory.h"
#include "nodes.h"
#include "options.h"
#include "paced.h"
#include "row_journal.h"
#include "rows.h"
#include "scaling.h"
#include "stats.h"
#include "steady.h"
#include "workers.h"

enum {
    BENCH_FAILURE_SIZE = 512,
    BENCH_MAX_CELLS = BENCH_ROW_COUNT * BENCH_MAX_LEVELS + BENCH_DOOR_ROW_COUNT
};

/* A row at a concurrency. */
typedef struct bench_cell {
    const bench_row *row;
    uint32_t in_flight;
    bench_sample samples[BENCH_MAX_ROUNDS];
    size_t sample_count;
    char failure[BENCH_FAILURE_SIZE]; /* empty: none */
} bench_cell;

typedef enum bench_outcome { BENCH_NOT_RUN, BENCH_DONE, BENCH_FAILED } bench_outcome;

/* What became of a part that is no row. */
typedef struct bench_fate {
    bench_outcome outcome;
    char reason[BENCH_FAILURE_SIZE]; /* with FAILED, and with NOT_RUN if it was meant to run */
} bench_fate;

typedef struct bench_results {
    const bench_options *options;
    bench_cell cells[BENCH_MAX_CELLS];
    size_t cell_count;
    bench_fate memory_fate[BENCH_PROTOCOL_COUNT];
    bench_memory memory[BENCH_PROTOCOL_COUNT]; /* with DONE, as all that follows */
    bench_fate journal_fate;
    bench_journal_result journal;
    bench_fate workers_fate;
    bench_workers workers;
    bench_fate paced_fate;
    bench_paced paced;
    bench_fate hop_fate;
    bench_hop hop;
    bench_fate idle_fate;
    bench_idle idle;
    bench_fate steady_fate;
    bench_steady steady;
    bench_fate database_fate;
    bench_database database;
    bench_fate nodes_fate;
    bench_nodes nodes;
    bench_fate scaling_fate;
    bench_scaling scaling;
} bench_results;

/* in_flight must have been measured; NULL otherwise. */
const bench_cell *bench_results_find(const bench_results *results, const bench_row *row, uint32_t in_flight);
/* Over the rounds; false if there is no value. */
bool bench_cell_spread(bench_spread *out, const bench_cell *cell, bench_metric metric);

bool bench_results_have_failure(const bench_results *results);

#endif
