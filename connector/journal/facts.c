/* Small facts by name: see journal.h. */
#include "journal/engine.h"

typedef struct fact_job {
    iscep_job job;
    const char *tenant;
    const char *name;
    const char *value; /* NULL: not there */
    iscep_journal_text_fn got;
    iscep_journal_fn set;
    void *user;
} fact_job;

static iscep_status run_get(iscep_job *job, iscep_db *db, iscep_error *err)
{
    fact_job *fact = (fact_job *)job;
    ISCEP_AUTO_ROWS *rows = NULL;
    iscep_status status =
        iscep_store_query(&rows, db->store, err, "SELECT value FROM fact WHERE tenant = $1 AND name = $2",
                          iscep_text(fact->tenant), iscep_text(fact->name));
    if (iscep_rows_step(rows, &status, err))
        fact->value = iscep_arena_text(&job->arena, iscep_rows_text(rows, 0));
    return status;
}

static iscep_status run_set(iscep_job *job, iscep_db *db, iscep_error *err)
{
    const fact_job *fact = (fact_job *)job;
    return iscep_store_run(db->store, err,
                           "INSERT INTO fact (tenant, name, value) VALUES ($1, $2, $3)"
                           " ON CONFLICT (tenant, name) DO UPDATE SET value = excluded.value",
                           iscep_text(fact->tenant), iscep_text(fact->name), iscep_text(fact->value));
}

static void finish_get(iscep_job *job)
{
    const fact_job *fact = (fact_job *)job;
    fact->got(fact->user, job->status, job->status == ISCEP_OK ? fact->value : NULL, &job->err);
}

static void finish_set(iscep_job *job)
{
    const fact_job *fact = (fact_job *)job;
    fact->set(fact->user, job->status, &job->err);
}

static fact_job *new_fact(iscep_journal *journal, iscep_job_run run, void (*finish)(iscep_job *job),
                          const char *tenant, const char *name, void *user)
{
    fact_job *fact = iscep_job_new(journal, sizeof *fact, run, finish);
    if (fact == NULL)
        return NULL;
    fact->tenant = iscep_arena_word(&fact->job.arena, tenant);
    fact->name = iscep_arena_word(&fact->job.arena, name);
    fact->user = user;
    return fact;
}

void iscep_journal_get_fact(iscep_journal *journal, const char *tenant, const char *name,
                            iscep_journal_text_fn done, void *user)
{
    fact_job *fact = new_fact(journal, run_get, finish_get, tenant, name, user);
    if (fact == NULL) {
        iscep_error err;
        done(user, iscep_error_nomem(&err), NULL, &err);
        return;
    }
    fact->got = done;
    iscep_journal_read(journal, &fact->job);
}

void iscep_journal_set_fact(iscep_journal *journal, const char *tenant, const char *name, const char *value,
                            iscep_journal_fn done, void *user)
{
    fact_job *fact = new_fact(journal, run_set, done == NULL ? NULL : finish_set, tenant, name, user);
    if (fact == NULL) {
        iscep_error err;
        iscep_status status = iscep_error_nomem(&err);
        if (done != NULL)
            done(user, status, &err);
        return;
    }
    fact->value = iscep_arena_word(&fact->job.arena, value);
    fact->set = done;
    iscep_journal_write(journal, &fact->job);
}
