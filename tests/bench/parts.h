/* The parts of a run: the rows, and what is measured beside them. */
#ifndef BENCH_PARTS_H
#define BENCH_PARTS_H

#include "results.h"

/* Those that options->only wants, one after the other; what fails is in the results. An error: nothing could be measured. */
iscep_status bench_parts_run(bench_results *results, iscep_error *err) ISCEP_CHECKED;

#endif
