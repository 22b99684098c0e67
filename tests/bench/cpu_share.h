/*
 * A share of a CPU for each of some threads or processes, and no more: Linux control groups of our own, with a quota. Takes the right to
 * make them (root, as a rule). With version 1 of control groups the controller cpu, with version 2 threaded groups.
 */
#ifndef BENCH_CPU_SHARE_H
#define BENCH_CPU_SHARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

enum { BENCH_MAX_SHARES = 16, BENCH_GROUP_PATH_SIZE = 512 };

typedef struct bench_cpu_shares {
    char groups[BENCH_MAX_SHARES][BENCH_GROUP_PATH_SIZE]; /* directories */
    size_t count;
    char passed_on
        [BENCH_GROUP_PATH_SIZE]; /* version 2: the group whose controller we passed on to those; empty: none */
} bench_cpu_shares;

typedef enum bench_cpu_sharer { BENCH_THREAD, BENCH_PROCESS } bench_cpu_sharer; /* with all its threads */

/* percent: of one CPU, for each of count sharers. CONFIG: this machine or user has no such groups. Close it in both cases, when
 * they have ended. */
iscep_status bench_cpu_shares_open(bench_cpu_shares *out, bench_cpu_sharer kind, const pid_t *sharers,
                                   size_t count, uint32_t percent, iscep_error *err) ISCEP_CHECKED;
void bench_cpu_shares_close(bench_cpu_shares *shares);

#endif
