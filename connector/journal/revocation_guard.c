/* Revocations counted, passed and held: see revocation_guard.h. */
#include "journal/revocation_guard.h"

#include "journal/history.h"
#include "journal/leaders.h"

/* --- counts --- */

typedef struct count_job {
    iscep_job job;
    const char *tenant;
    int64_t since_unix_ms;
    iscep_revocation_counts counts;
    iscep_counts_fn done;
    void *user;
} count_job;

static iscep_status count_asked(count_job *count, iscep_db *db, iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    iscep_status status = iscep_store_query(
        &rows, db->store, err,
        "SELECT COUNT(*), COALESCE(MAX(stored_unix_ms), 0) FROM revocation WHERE tenant = $1"
        " AND stored_unix_ms >= $2 AND context IS NOT NULL",
        iscep_text(count->tenant), iscep_number(count->since_unix_ms));
    if (!iscep_rows_step(rows, &status, err))
        return status;
    count->counts.asked_since = iscep_rows_number(rows, 0);
    count->counts.newest_unix_ms = iscep_rows_number(rows, 1);
    return ISCEP_OK;
}

static iscep_status count_active(count_job *count, iscep_db *db, iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    iscep_status status = iscep_store_query(
        &rows, db->store, err,
        "SELECT COUNT(*) FROM delivery WHERE tenant = $1 AND is_active = 1 AND not_after_unix > $2",
        iscep_text(count->tenant), iscep_number(db->now_unix_ms / 1000));
    if (iscep_rows_step(rows, &status, err))
        count->counts.active_certificates = iscep_rows_number(rows, 0);
    return status;
}

static void take_count(iscep_revocation_counts *counts, iscep_revocation_state state, int64_t number)
{
    switch (state) {
    case ISCEP_REVOCATION_UNJUDGED:
        counts->unjudged = number;
        return;
    case ISCEP_REVOCATION_WAITING:
        counts->waiting = number;
        return;
    case ISCEP_REVOCATION_HELD:
        counts->held = number;
        return;
    case ISCEP_REVOCATION_ANSWERABLE:
        counts->answerable = number;
        return;
    case ISCEP_REVOCATION_ENDED:
        return;
    }
}

static iscep_status count_states(count_job *count, iscep_db *db, iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    iscep_status status =
        iscep_store_query(&rows, db->store, err,
                          "SELECT state, COUNT(*) FROM revocation WHERE tenant = $1 AND state <> 4"
                          " AND context IS NOT NULL GROUP BY state",
                          iscep_text(count->tenant));
    while (iscep_rows_step(rows, &status, err))
        take_count(&count->counts, (iscep_revocation_state)iscep_rows_number(rows, 0),
                   iscep_rows_number(rows, 1));
    return status;
}

static iscep_status run_count(iscep_job *job, iscep_db *db, iscep_error *err)
{
    count_job *count = (count_job *)job;
    count->counts = (iscep_revocation_counts){0};
    iscep_status status = count_asked(count, db, err);
    if (status == ISCEP_OK)
        status = count_states(count, db, err);
    return status == ISCEP_OK ? count_active(count, db, err) : status;
}

static void finish_count(iscep_job *job)
{
    const count_job *count = (count_job *)job;
    count->done(count->user, job->status, job->status == ISCEP_OK ? &count->counts : NULL, &job->err);
}

void iscep_journal_count_revocations(iscep_journal *journal, const char *tenant, int64_t since_unix_ms,
                                     iscep_counts_fn done, void *user)
{
    count_job *count = iscep_job_new(journal, sizeof *count, run_count, finish_count);
    if (count == NULL) {
        iscep_error err;
        done(user, iscep_error_nomem(&err), NULL, &err);
        return;
    }
    count->tenant = iscep_arena_word(&count->job.arena, tenant);
    count->since_unix_ms = since_unix_ms;
    count->done = done;
    count->user = user;
    iscep_journal_read(journal, &count->job);
}

/* --- passed and held --- */

typedef struct guard_job {
    iscep_job job;
    const char *tenant;
    iscep_guard_step step;
    int64_t count;
    iscep_journal_count_fn done;
    void *user;
} guard_job;

/* Whoever comes second finds the first one's word. A person's counts whatever stands. */
static iscep_status set_word(iscep_db *db, const guard_job *guard, iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    bool is_set = false;
    iscep_status status = iscep_store_query(
        &rows, db->store, err,
        "INSERT INTO fact (tenant, name, value) VALUES ($1, $2, $3)"
        " ON CONFLICT (tenant, name) DO UPDATE SET value = excluded.value"
        " WHERE $4 = 1 OR fact.value = $5 RETURNING 1",
        iscep_text(guard->tenant), iscep_text(ISCEP_STORM_GUARD_FACT), iscep_text(guard->step.word),
        iscep_number(guard->step.is_persons), iscep_text(guard->step.seen));
    if (status == ISCEP_OK)
        status = iscep_rows_next(rows, &is_set, err);
    if (status == ISCEP_OK && !is_set)
        return iscep_error_set(err, ISCEP_USAGE, "guard_changed",
                               "somebody else has spoken about what the storm guard holds");
    return status;
}

static iscep_status begin_step(iscep_db *db, const guard_job *guard, iscep_error *err)
{
    iscep_status status =
        guard->step.is_persons
            ? ISCEP_OK
            : iscep_leader_check(db, guard->tenant, ISCEP_TASK_REVOCATIONS, guard->step.fence, err);
    return status == ISCEP_OK ? set_word(db, guard, err) : status;
}

static iscep_status run_pass(iscep_job *job, iscep_db *db, iscep_error *err)
{
    guard_job *guard = (guard_job *)job;
    iscep_status status = begin_step(db, guard, err);
    if (status == ISCEP_OK)
        status = iscep_store_run(
            db->store, err,
            "UPDATE revocation SET state = 1, due_unix_ms = $2 WHERE tenant = $1"
            " AND state IN (2, $3) AND state <> 4",
            iscep_text(guard->tenant), iscep_number(db->now_unix_ms),
            iscep_number(guard->step.is_persons ? ISCEP_REVOCATION_HELD : ISCEP_REVOCATION_UNJUDGED));
    guard->count = status == ISCEP_OK ? iscep_store_changed(db->store) : 0;
    return status;
}

/* The certificates that are meant, as far as they are known: 0 otherwise. */
static iscep_status hold_states(iscep_row_ids *certs, iscep_db *db, const char *tenant, iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    iscep_status status = iscep_store_query(
        &rows, db->store, err,
        "UPDATE revocation SET state = 2 WHERE tenant = $1 AND state IN (1, 5) AND state <> 4"
        " AND context IS NOT NULL AND leased_until_ms = 0 RETURNING COALESCE(delivery_id, 0)",
        iscep_text(tenant));
    return status == ISCEP_OK ? iscep_row_ids_add(certs, rows, err) : status;
}

static iscep_status note_held(iscep_db *db, int64_t delivery_id, iscep_arena *arena, iscep_error *err)
{
    const iscep_journal_event event = {.kind = ISCEP_EVENT_REVOCATION_HELD};
    iscep_delivery_row row = {0};
    iscep_status status = iscep_delivery_load(&row, db, delivery_id, arena, err);
    return status == ISCEP_OK && row.id != 0 ? iscep_event_add(db, row.enrolment_id, &event, err) : status;
}

static iscep_status run_hold(iscep_job *job, iscep_db *db, iscep_error *err)
{
    guard_job *guard = (guard_job *)job;
    ISCEP_AUTO_ROW_IDS certs = {0};
    iscep_status status = begin_step(db, guard, err);
    if (status == ISCEP_OK)
        status = hold_states(&certs, db, guard->tenant, err);
    guard->count = (int64_t)certs.count;
    for (size_t i = 0; i < certs.count && status == ISCEP_OK; i++)
        if (certs.ids[i] != 0)
            status = note_held(db, certs.ids[i], &job->arena, err);
    return status;
}

static void finish_guard(iscep_job *job)
{
    const guard_job *guard = (guard_job *)job;
    guard->done(guard->user, job->status, job->status == ISCEP_OK ? guard->count : 0, &job->err);
}

static void ask_guard_job(iscep_journal *journal, iscep_job_run run, const char *tenant,
                          const iscep_guard_step *step, iscep_journal_count_fn done, void *user)
{
    guard_job *guard = iscep_job_new(journal, sizeof *guard, run, finish_guard);
    if (guard == NULL) {
        iscep_error err;
        done(user, iscep_error_nomem(&err), 0, &err);
        return;
    }
    guard->tenant = iscep_arena_word(&guard->job.arena, tenant);
    guard->step = *step;
    guard->step.seen = iscep_arena_word(&guard->job.arena, step->seen);
    guard->step.word = iscep_arena_word(&guard->job.arena, step->word);
    guard->done = done;
    guard->user = user;
    iscep_journal_write(journal, &guard->job);
}

void iscep_journal_pass_revocations(iscep_journal *journal, const char *tenant, const iscep_guard_step *step,
                                    iscep_journal_count_fn done, void *user)
{
    ask_guard_job(journal, run_pass, tenant, step, done, user);
}

void iscep_journal_hold_revocations(iscep_journal *journal, const char *tenant, const iscep_guard_step *step,
                                    iscep_journal_count_fn done, void *user)
{
    ask_guard_job(journal, run_hold, tenant, step, done, user);
}
