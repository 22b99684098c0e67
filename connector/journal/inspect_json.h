/* How the journal's rows look in JSON: what the answers of inspect.h are made of. */
#ifndef ISCEP_JOURNAL_INSPECT_JSON_H
#define ISCEP_JOURNAL_INSPECT_JSON_H

#include "journal/deliveries.h"
#include "journal/engine.h"
#include "journal/inspect.h"
#include "journal/schema.h"

enum { ISCEP_INSPECT_TIMEOUT_MS = 30000 /* where a person has all rows read */ };

/* A reading job that answers with a document. The job's own run fills json. */
typedef struct iscep_inspect_job {
    iscep_job job;
    const char *tenant; /* NULL: everybody's */
    iscep_trace_by by;
    const char *what;
    int64_t id;
    bool is_narrow; /* dead only, open only */
    size_t limit;
    bool is_healthy;
    iscep_error reason; /* why it is not */
    iscep_json *json;
    iscep_journal_json_fn done;
    void *user;
} iscep_inspect_job;

/* NULL: no memory, and done has been called. */
iscep_inspect_job *iscep_inspect_job_new(iscep_journal *journal, const char *tenant, iscep_job_run run,
                                         iscep_journal_json_fn done, void *user);

void iscep_inspect_add_time(iscep_json *json, const char *name, int64_t unix_ms); /* 0: null */
void iscep_inspect_add_column(iscep_json *json, const char *name, iscep_rows *rows, int column);
const char *iscep_delivery_state_name(iscep_delivery_state state);
const char *iscep_delivery_kind_name(int64_t kind);
/* One number; NULL is 0. status: of the query that gave rows. */
iscep_status iscep_inspect_number(int64_t *out, iscep_rows *rows, iscep_status status,
                                  iscep_error *err) ISCEP_CHECKED;

#endif
