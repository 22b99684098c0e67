/*
 * Forgetting: what ended longer ago than the retention, or, when the file is too large, the oldest that ended. Never what
 * is owed, dead (a person must look) or waiting, and a certificate only after it has expired. In slices, each a
 * transaction of its own, between two groups of jobs. On the writer's thread.
 */
#ifndef ISCEP_JOURNAL_SWEEP_H
#define ISCEP_JOURNAL_SWEEP_H

#include "journal/engine.h"

typedef struct iscep_sweep {
    int64_t retention_ms;
    int64_t max_bytes;
    bool is_under_way;
    bool is_for_size;
    int64_t now_unix_ms;
    int64_t next_age_unix_ms; /* when to look for what is too old again */
    int64_t behind_id;        /* enrolments up to here have been looked at */
} iscep_sweep;

void iscep_sweep_init(iscep_sweep *sweep, const iscep_journal_options *options);
/* A pass begins, unless one is under way or there is nothing to do yet. */
iscep_status iscep_sweep_begin(iscep_sweep *sweep, iscep_db *db, iscep_error *err) ISCEP_CHECKED;
/* An enrolment, with all that belongs to it but its revocations. Within a transaction. */
iscep_status iscep_sweep_forget(iscep_db *db, int64_t enrolment_id, iscep_error *err) ISCEP_CHECKED;
iscep_status iscep_sweep_slice(iscep_sweep *sweep, iscep_db *db, iscep_error *err) ISCEP_CHECKED;

#endif
