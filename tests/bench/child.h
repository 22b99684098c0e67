/* A function run in a process of its own, so that its CPU time and its memory are nobody else's. */
#ifndef BENCH_CHILD_H
#define BENCH_CHILD_H

#include <stddef.h>

#include "base/error.h"

/* Fills *result, which the parent then finds in its own. */
typedef iscep_status (*bench_child_fn)(const void *task, void *result, iscep_error *err);

/* Waits for it. result_len is at most BENCH_CHILD_RESULT_MAX. A signal that interrupts the caller ends the child. */
#define BENCH_CHILD_RESULT_MAX 2048
iscep_status bench_child_run(bench_child_fn run, const void *task, void *result, size_t result_len,
                             iscep_error *err) ISCEP_CHECKED;

#endif
