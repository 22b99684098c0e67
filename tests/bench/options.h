/* The command line of iscep-bench. */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/error.h"

#define BENCH_MAX_ROUNDS 100
#define BENCH_MAX_LEVELS 8

#define BENCH_PACE_PER_SECOND   1000
#define BENCH_STEADY_PER_SECOND 200

typedef enum bench_command { BENCH_RUN, BENCH_SHOW_HELP, BENCH_SHOW_VERSION } bench_command;

typedef struct bench_options {
    bench_command command;
    uint32_t rounds;
    uint32_t requests;                    /* of one measurement */
    uint32_t in_flight[BENCH_MAX_LEVELS]; /* requests at a time */
    size_t level_count;
    uint32_t memory_in_flight;  /* requests waiting for a slow Intune */
    uint32_t memory_latency_ms; /* how slow it is */
    bool is_quick;
    uint32_t paced_seconds; /* of each row in each round */
    uint32_t idle_seconds;
    uint32_t steady_seconds;
    uint32_t steady_warm_up; /* requests */
    const char *only;        /* the name of a row or of a part beside the rows; NULL: everything. From argv */
    char bin_dir[PATH_MAX];  /* where intune-mock and intune-scepd are; ../lib has the plugin */
    bool is_json;
    bool is_strict;
} bench_options;

/* USAGE with what is wrong. */
iscep_status bench_options_parse(bench_options *out, int argc, char **argv, iscep_error *err) ISCEP_CHECKED;
void bench_options_print_help(FILE *to);

#endif
