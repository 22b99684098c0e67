/* What is being done, on standard error; and whether the user has had enough. */
#ifndef BENCH_PROGRESS_H
#define BENCH_PROGRESS_H

#include "base/error.h"

/* A line of its own, or, on a terminal, in the place of the one before. */
void bench_progress_show(const char *format, ...) ISCEP_PRINTF(1, 2);
void bench_progress_end(void);

/* From now on SIGINT and SIGTERM wake whoever waits, and end nothing by themselves. */
void bench_progress_catch_signals(void);
/* ISCEP_OK, or that one of them has come. */
iscep_status bench_progress_check(iscep_error *err) ISCEP_CHECKED;

#endif
