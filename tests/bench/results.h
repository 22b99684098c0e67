/* Everything that a run has found, and the targets of the project that it is held against. */
#ifndef BENCH_RESULTS_H
#define BENCH_RESULTS_H

#include "memory.h"
#include "options.h"
#include "row_journal.h"
#include "rows.h"
#include "stats.h"

enum {
    BENCH_FAILURE_SIZE = 512,
    BENCH_MAX_CELLS = BENCH_ROW_COUNT * BENCH_MAX_LEVELS,
    BENCH_TARGET_COUNT = 7
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

typedef struct bench_memory_result {
    bench_outcome outcome;
    bench_memory memory;             /* with DONE */
    char reason[BENCH_FAILURE_SIZE]; /* with FAILED, and with NOT_RUN if it was meant to run */
} bench_memory_result;

typedef struct bench_results {
    const bench_options *options;
    bench_cell cells[BENCH_MAX_CELLS];
    size_t cell_count;
    bench_memory_result memory[BENCH_PROTOCOL_COUNT];
    bench_outcome journal_outcome;
    bench_journal_result journal;            /* with DONE */
    char journal_reason[BENCH_FAILURE_SIZE]; /* with FAILED */
} bench_results;

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

/* in_flight must have been measured; NULL otherwise. */
const bench_cell *bench_results_find(const bench_results *results, const bench_row *row, uint32_t in_flight);
/* Over the rounds; false if there is no value. */
bool bench_cell_spread(bench_spread *out, const bench_cell *cell, bench_metric metric);

void bench_targets_judge(bench_target out[BENCH_TARGET_COUNT], const bench_results *results);

bool bench_results_have_failure(const bench_results *results);

#endif
