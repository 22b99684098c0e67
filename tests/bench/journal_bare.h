/* The yardstick for the journal: SQLite alone writing the rows of a report, so many to a transaction; and a history of
 * many of them, made in bulk. */
#ifndef BENCH_JOURNAL_BARE_H
#define BENCH_JOURNAL_BARE_H

#include "journal_rows.h"

/* path: a file with the journal's tables (bench_bare_make). elapsed_ns: of writing count reports. */
iscep_status bench_bare_write(int64_t *elapsed_ns, const char *path, bench_journal_rows *rows, uint32_t count,
                              uint32_t group, iscep_error *err) ISCEP_CHECKED;

/*
 * A new file whose history has count enrolments, each with a certificate that was reported. The journal will begin to
 * merge its recent keys (decisions/0007) after about merge_after more reports.
 */
iscep_status bench_bare_make(const char *path, uint32_t count, uint32_t merge_after,
                             iscep_error *err) ISCEP_CHECKED;

#endif
