/* See inspect_json.h. */
#include "journal/inspect_json.h"

static void finish_inspect(iscep_job *job)
{
    iscep_inspect_job *inspect = (iscep_inspect_job *)job;
    inspect->done(inspect->user, job->status, job->status == ISCEP_OK ? inspect->json : NULL, &job->err);
    iscep_json_free(inspect->json);
}

iscep_inspect_job *iscep_inspect_job_new(iscep_journal *journal, const char *tenant, iscep_job_run run,
                                         iscep_journal_json_fn done, void *user)
{
    iscep_inspect_job *inspect = iscep_job_new(journal, sizeof *inspect, run, finish_inspect);
    if (inspect == NULL) {
        iscep_error err;
        done(user, iscep_error_nomem(&err), NULL, &err);
        return NULL;
    }
    inspect->tenant = iscep_arena_text(&inspect->job.arena, tenant);
    inspect->done = done;
    inspect->user = user;
    return inspect;
}

void iscep_inspect_add_time(iscep_json *json, const char *name, int64_t unix_ms)
{
    char text[ISCEP_ISO8601_SIZE];
    iscep_iso8601_emit(text, unix_ms);
    iscep_json_add_text(json, name, unix_ms == 0 ? NULL : text);
}

void iscep_inspect_add_column(iscep_json *json, const char *name, iscep_rows *rows, int column)
{
    iscep_json_add_text(json, name, iscep_rows_text(rows, column));
}

const char *iscep_delivery_state_name(iscep_delivery_state state)
{
    switch (state) {
    case ISCEP_DELIVERY_IS_OWED:
        return "owed";
    case ISCEP_DELIVERY_IS_DONE:
        return "reported";
    case ISCEP_DELIVERY_IS_WITHHELD:
        return "withheld";
    case ISCEP_DELIVERY_IS_DEAD:
        return "dead";
    case ISCEP_DELIVERY_IS_PURGED:
        return "purged";
    }
    return "unknown";
}

const char *iscep_delivery_kind_name(int64_t kind)
{
    return kind == ISCEP_DELIVER_ISSUED ? "issued" : "failed";
}

iscep_status iscep_inspect_number(int64_t *out, iscep_rows *rows, iscep_status status, iscep_error *err)
{
    *out = iscep_rows_step(rows, &status, err) ? iscep_rows_number(rows, 0) : 0;
    return status;
}
