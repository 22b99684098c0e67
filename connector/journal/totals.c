/* What is open for a tenant, in numbers: see inspect.h. By indexes that hold only what is open, however long the history. */
#include "journal/inspect.h"

#include "journal/inspect_json.h"
#include "journal/revocations.h"

/* One that is leased is owed. */
static iscep_status add_owed(iscep_json *json, iscep_db *db, const char *tenant, iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    iscep_status status =
        iscep_store_query(&rows, db->store, err,
                          "SELECT COUNT(*), MIN(recorded_unix_ms) FROM (SELECT recorded_unix_ms FROM delivery"
                          " WHERE tenant = $1 AND state = 1 AND leased_until_ms = 0 UNION ALL"
                          " SELECT recorded_unix_ms FROM delivery"
                          " WHERE tenant = $1 AND leased_until_ms > 0) AS owed",
                          iscep_text(tenant));
    if (!iscep_rows_step(rows, &status, err))
        return status;
    iscep_json_add_int(json, "owed", iscep_rows_number(rows, 0));
    iscep_inspect_add_time(json, "oldestOwedAt", iscep_rows_number(rows, 1));
    return ISCEP_OK;
}

static iscep_status add_dead(iscep_json *json, iscep_db *db, const char *tenant, iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    int64_t count = 0;
    iscep_status status = iscep_store_query(&rows, db->store, err,
                                            "SELECT COUNT(*) FROM delivery WHERE state = 4 AND tenant = $1",
                                            iscep_text(tenant));
    status = iscep_inspect_number(&count, rows, status, err);
    iscep_json_add_int(json, "dead", count);
    return status;
}

/* "state <> 4" is what lets SQLite take the index of the open ones. */
static iscep_status add_revocations(iscep_json *json, iscep_db *db, const char *tenant, iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    int64_t counts[ISCEP_REVOCATION_UNJUDGED + 1] = {0};
    iscep_status status = iscep_store_query(&rows, db->store, err,
                                            "SELECT state, COUNT(*) FROM revocation"
                                            " WHERE state <> 4 AND tenant = $1 GROUP BY state",
                                            iscep_text(tenant));
    while (iscep_rows_step(rows, &status, err)) {
        int64_t state = iscep_rows_number(rows, 0);
        if (state >= 0 && state <= ISCEP_REVOCATION_UNJUDGED)
            counts[state] = iscep_rows_number(rows, 1);
    }
    iscep_json_add_int(json, "unjudged", counts[ISCEP_REVOCATION_UNJUDGED]);
    iscep_json_add_int(json, "waiting", counts[ISCEP_REVOCATION_WAITING]);
    iscep_json_add_int(json, "held", counts[ISCEP_REVOCATION_HELD]);
    iscep_json_add_int(json, "answerable", counts[ISCEP_REVOCATION_ANSWERABLE]);
    return status;
}

static iscep_status run_totals(iscep_job *job, iscep_db *db, iscep_error *err)
{
    iscep_inspect_job *totals = (iscep_inspect_job *)job;
    int64_t bytes = 0;
    totals->json = iscep_json_new_object();
    iscep_status status = add_owed(totals->json, db, totals->tenant, err);
    if (status == ISCEP_OK)
        status = add_dead(totals->json, db, totals->tenant, err);
    if (status == ISCEP_OK)
        status = add_revocations(totals->json, db, totals->tenant, err);
    if (status == ISCEP_OK)
        status = iscep_store_used_bytes(db->store, &bytes, err);
    iscep_json_add_int(totals->json, "sizeBytes", bytes);
    return status;
}

void iscep_journal_totals(iscep_journal *journal, const char *tenant, iscep_journal_json_fn done, void *user)
{
    iscep_inspect_job *totals = iscep_inspect_job_new(journal, tenant, run_totals, done, user);
    if (totals != NULL)
        iscep_journal_read(journal, &totals->job);
}
