/*
 * Reports of issued certificates by a journal of our own, as the daemon makes them in strict mode: an enrolment that was validated,
 * the certificate recorded, and when Intune (nobody, here) has taken note, that recorded too. Both are on disk before they count.
 */
#ifndef BENCH_REPORTER_H
#define BENCH_REPORTER_H

#include "journal_rows.h"
#include "net/loop.h"

typedef struct bench_reporter bench_reporter;

/* database NULL: the file at path alone; otherwise its conninfo. env is borrowed. */
iscep_status bench_reporter_open(bench_reporter **out, const iscep_env *env, const char *path,
                                 const char *database, iscep_error *err) ISCEP_CHECKED;
void bench_reporter_close(bench_reporter *reporter); /* NULL is allowed */

typedef struct bench_reporter_plan {
    uint32_t reports;
    uint32_t in_flight; /* at a time */
    uint32_t
        interval_ms; /* from one beginning to the next, however many are in flight then; 0: as fast as they end */
} bench_reporter_plan;

typedef struct bench_reporter_times {
    int64_t p50_ns; /* from the first call to the last callback */
    int64_t p99_ns;
    int64_t elapsed_ns;
} bench_reporter_times;

/* Tells the journal of the next reports' validations, which nobody waits for, and waits until they are there. */
iscep_status bench_reporter_validate(bench_reporter *reporter, const bench_journal_rows *rows, uint32_t count,
                                     iscep_error *err) ISCEP_CHECKED;
/* Of the rows that follow. */
iscep_status bench_reporter_run(bench_reporter_times *out, bench_reporter *reporter, bench_journal_rows *rows,
                                const bench_reporter_plan *plan, iscep_error *err) ISCEP_CHECKED;

#endif
