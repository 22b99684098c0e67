/* How a delivery ends, by Intune's word, by a decision of ours, or by a person's: see deliveries.h. */
#include <string.h>

#include "journal/history.h"
#include "journal/revocations.h"

typedef struct settle_job {
    iscep_job job;
    iscep_delivery_outcome outcome;
    bool is_revoked_too;
    iscep_report report;
    iscep_report_fn done;
    void *user;
} settle_job;

static void finish_settle(iscep_job *job)
{
    const settle_job *settle = (settle_job *)job;
    settle->done(settle->user, job->status, job->status == ISCEP_OK ? &settle->report : NULL, &job->err);
}

static void each_id(iscep_job *job, iscep_id_fn fn, void *user)
{
    fn(user, &((settle_job *)job)->report.delivery_id);
}

static iscep_status load_row(iscep_delivery_row *row, settle_job *settle, iscep_db *db, iscep_error *err)
{
    iscep_status status = iscep_store_lock(db->store, ISCEP_LOCK_DELIVERY, settle->job.id, err);
    *row = (iscep_delivery_row){0};
    return status == ISCEP_OK
               ? iscep_delivery_find(row, db, settle->job.id, settle->outcome.fence, &settle->job.arena, err)
               : status;
}

static iscep_status add_event(iscep_db *db, const iscep_delivery_row *row, iscep_journal_kind kind,
                              iscep_error *err)
{
    const iscep_journal_event event = {
        .kind = kind, .code = row->code, .message = row->message, .request_id = row->request_id};
    return iscep_event_add(db, row->enrolment_id, &event, err);
}

static iscep_status forget_csr(iscep_db *db, int64_t id, iscep_error *err)
{
    return iscep_store_run(db->store, err, "DELETE FROM owed_csr WHERE id = $1", iscep_number(id));
}

/* The row as it is now. */
static iscep_status store_row(iscep_db *db, const iscep_delivery_row *row, int64_t attempts,
                              int64_t due_unix_ms, iscep_error *err)
{
    return iscep_store_run(
        db->store, err,
        "UPDATE delivery SET state = $2, attempts = attempts + $3, due_unix_ms = $4, leased_until_ms = 0, "
        "code = $5,"
        " message = $6, request_id = $7, is_active = $8, is_revocation_asked = $9 WHERE id = $1",
        iscep_number(row->id), iscep_number(row->state), iscep_number(attempts), iscep_number(due_unix_ms),
        iscep_text(row->code), iscep_text(row->message), iscep_text(row->request_id),
        iscep_number(iscep_delivery_is_active(row)), iscep_number(row->is_revocation_asked));
}

/* --- an attempt has ended --- */

static iscep_delivery_state state_after(const iscep_delivery_row *row, iscep_delivery_end end)
{
    bool is_strict = row->kind == ISCEP_DELIVER_ISSUED && !row->is_deferred;
    switch (end) {
    case ISCEP_DELIVERY_ACCEPTED:
        return ISCEP_DELIVERY_IS_DONE;
    case ISCEP_DELIVERY_POSTPONED:
        return ISCEP_DELIVERY_IS_OWED;
    case ISCEP_DELIVERY_REFUSED:
        return is_strict ? ISCEP_DELIVERY_IS_WITHHELD : ISCEP_DELIVERY_IS_DEAD;
    case ISCEP_DELIVERY_DEAD:
        break;
    }
    return ISCEP_DELIVERY_IS_DEAD;
}

/* It happens once to a delivery. */
static iscep_status append_accepted(iscep_db *db, const iscep_delivery_row *row, iscep_error *err)
{
    bool is_issued = row->kind == ISCEP_DELIVER_ISSUED;
    const iscep_journal_event event = {.kind =
                                           is_issued ? ISCEP_EVENT_REPORTED : ISCEP_EVENT_FAILURE_REPORTED,
                                       .code = row->code,
                                       .message = row->message,
                                       .request_id = row->request_id};
    return iscep_event_append(db, row->enrolment_id, &event, err);
}

static iscep_status add_end_events(iscep_db *db, const iscep_delivery_row *row, iscep_delivery_end end,
                                   iscep_error *err)
{
    if (end == ISCEP_DELIVERY_ACCEPTED)
        return append_accepted(db, row, err);
    if (end == ISCEP_DELIVERY_POSTPONED)
        return add_event(db, row, ISCEP_EVENT_REPORT_POSTPONED, err);
    iscep_status status =
        end == ISCEP_DELIVERY_REFUSED ? add_event(db, row, ISCEP_EVENT_REPORT_REFUSED, err) : ISCEP_OK;
    if (status != ISCEP_OK)
        return status;
    return add_event(db, row,
                     row->state == ISCEP_DELIVERY_IS_WITHHELD ? ISCEP_EVENT_WITHHELD : ISCEP_EVENT_DEAD, err);
}

static void take_texts(iscep_delivery_row *row, const iscep_delivery_outcome *outcome)
{
    row->code = outcome->code;
    row->message = outcome->message;
    row->request_id = outcome->request_id;
}

static iscep_status ask_revocation(iscep_db *db, iscep_delivery_row *row, iscep_error *err)
{
    if (row->is_revocation_asked || row->is_revoked)
        return ISCEP_OK;
    row->is_revocation_asked = true;
    iscep_status status = iscep_store_run(
        db->store, err,
        "INSERT INTO revocation (tenant, context, serial_text, serial, issuer, configuration, ca, state, "
        "attempts,"
        " stored_unix_ms, due_unix_ms, leased_until_ms, ended_unix_ms, delivery_id)"
        " SELECT d.tenant, NULL, c.serial, c.serial, c.issuer, '', c.ca, 1, 0, $2, $2, 0, 0, d.id"
        " FROM delivery d JOIN certificate c ON c.id = d.id WHERE d.id = $1",
        iscep_number(row->id), iscep_number(db->now_unix_ms));
    if (status == ISCEP_OK)
        status = iscep_store_run(db->store, err, "UPDATE delivery SET is_revocation_asked = 1 WHERE id = $1",
                                 iscep_number(row->id));
    return status == ISCEP_OK ? add_event(db, row, ISCEP_EVENT_REVOCATION_ASKED, err) : status;
}

static iscep_status end_owed(settle_job *settle, iscep_db *db, iscep_delivery_row *row, iscep_error *err)
{
    const iscep_delivery_outcome *outcome = &settle->outcome;
    row->state = state_after(row, outcome->end);
    take_texts(row, outcome);
    int64_t due = outcome->end == ISCEP_DELIVERY_POSTPONED ? outcome->due_unix_ms : db->now_unix_ms;
    iscep_status status = store_row(db, row, 1, due, err);
    bool is_over = row->state == ISCEP_DELIVERY_IS_DONE || row->state == ISCEP_DELIVERY_IS_WITHHELD;
    if (status == ISCEP_OK && is_over)
        status = forget_csr(db, row->id, err);
    if (status == ISCEP_OK)
        status = add_end_events(db, row, outcome->end, err);
    bool is_to_be_revoked = outcome->is_revoked_too && row->state == ISCEP_DELIVERY_IS_WITHHELD;
    return status == ISCEP_OK && is_to_be_revoked ? ask_revocation(db, row, err) : status;
}

/* Somebody else has the claim by now: what a node has to say that was away for so long is out of date, but for Intune's yes. */
static bool is_stale(const settle_job *settle, const iscep_delivery_row *row)
{
    return settle->outcome.end != ISCEP_DELIVERY_ACCEPTED && settle->outcome.fence != row->fence;
}

/*
 * It had ended already when the attempt did. That Intune has taken note is the truth about one that was given up because
 * nobody answered; one that was withheld or purged stays so.
 */
static iscep_status end_late(settle_job *settle, iscep_db *db, iscep_delivery_row *row, iscep_error *err)
{
    iscep_status status = ISCEP_OK;
    if (settle->outcome.end != ISCEP_DELIVERY_ACCEPTED || row->state == ISCEP_DELIVERY_IS_DONE)
        return ISCEP_OK;
    iscep_delivery_row late = *row;
    take_texts(&late, &settle->outcome);
    if (row->state == ISCEP_DELIVERY_IS_DEAD) {
        late.state = ISCEP_DELIVERY_IS_DONE;
        *row = late;
        status = store_row(db, row, 1, db->now_unix_ms, err);
        if (status == ISCEP_OK)
            status = forget_csr(db, row->id, err);
    }
    return status == ISCEP_OK ? add_event(db, &late, ISCEP_EVENT_REPORTED_LATE, err) : status;
}

static iscep_status run_settle(iscep_job *job, iscep_db *db, iscep_error *err)
{
    settle_job *settle = (settle_job *)job;
    iscep_delivery_row row;
    iscep_status status = load_row(&row, settle, db, err);
    if (settle->outcome.end == ISCEP_DELIVERY_DEAD && !db->is_clock_right)
        settle->outcome.end = ISCEP_DELIVERY_POSTPONED; /* too old by a clock that is wrong */
    if (status == ISCEP_OK && !is_stale(settle, &row))
        status = row.state == ISCEP_DELIVERY_IS_OWED ? end_owed(settle, db, &row, err)
                                                     : end_late(settle, db, &row, err);
    settle->report = (iscep_report){0};
    iscep_report_fill(&settle->report, &row);
    return status;
}

static settle_job *new_settle(iscep_journal *journal, iscep_job_run run, int64_t id, const char *code,
                              const char *message, const char *request_id, iscep_report_fn done, void *user)
{
    settle_job *settle = iscep_job_new(journal, sizeof *settle, run, finish_settle);
    if (settle == NULL) {
        iscep_error err;
        done(user, iscep_error_nomem(&err), NULL, &err);
        return NULL;
    }
    iscep_arena *arena = &settle->job.arena;
    settle->job.id = id;
    settle->outcome.code = iscep_arena_word(arena, code);
    settle->outcome.message = iscep_arena_word(arena, message);
    settle->outcome.request_id = iscep_arena_word(arena, request_id);
    settle->done = done;
    settle->user = user;
    settle->job.place = ISCEP_PLACE_DELIVERY;
    settle->job.order = id;
    settle->job.each_id = each_id;
    return settle;
}

void iscep_journal_settle_delivery(iscep_journal *journal, int64_t id, const iscep_delivery_outcome *outcome,
                                   iscep_report_fn done, void *user)
{
    settle_job *settle =
        new_settle(journal, run_settle, id, outcome->code, outcome->message, outcome->request_id, done, user);
    if (settle == NULL)
        return;
    settle->outcome.end = outcome->end;
    settle->outcome.fence = outcome->fence;
    settle->outcome.due_unix_ms = outcome->due_unix_ms;
    settle->outcome.is_revoked_too = outcome->is_revoked_too;
    iscep_journal_write(journal, &settle->job);
}

/* --- withheld --- */

static iscep_status decide_withheld(iscep_db *db, iscep_delivery_row *row, const char *code,
                                    const char *message, iscep_error *err)
{
    row->state = ISCEP_DELIVERY_IS_WITHHELD;
    row->code = code;
    row->message = message;
    iscep_status status = store_row(db, row, 0, db->now_unix_ms, err);
    if (status == ISCEP_OK)
        status = forget_csr(db, row->id, err);
    return status == ISCEP_OK ? add_event(db, row, ISCEP_EVENT_WITHHELD, err) : status;
}

iscep_status iscep_delivery_withhold_other(iscep_db *db, int64_t id, iscep_arena *arena, iscep_error *err)
{
    iscep_delivery_row row;
    iscep_status status = iscep_delivery_load(&row, db, id, arena, err);
    if (status == ISCEP_OK)
        status = decide_withheld(db, &row, ISCEP_OTHER_CODE,
                                 "another certificate was issued and reported for this very request", err);
    return status == ISCEP_OK ? ask_revocation(db, &row, err) : status;
}

static iscep_status run_withhold(iscep_job *job, iscep_db *db, iscep_error *err)
{
    settle_job *settle = (settle_job *)job;
    iscep_delivery_row row;
    iscep_status status = load_row(&row, settle, db, err);
    if (status == ISCEP_OK && row.kind != ISCEP_DELIVER_ISSUED)
        status = iscep_error_set(err, ISCEP_USAGE, "delivery_kind", "delivery %lld is no certificate's",
                                 (long long)settle->job.id);
    if (status != ISCEP_OK)
        return status;
    if (row.state == ISCEP_DELIVERY_IS_OWED || row.state == ISCEP_DELIVERY_IS_DEAD)
        status = decide_withheld(db, &row, settle->outcome.code, settle->outcome.message, err);
    if (status == ISCEP_OK && settle->is_revoked_too && row.state == ISCEP_DELIVERY_IS_WITHHELD)
        status = ask_revocation(db, &row, err);
    settle->report = (iscep_report){0};
    iscep_report_fill(&settle->report, &row);
    return status;
}

void iscep_journal_withhold(iscep_journal *journal, int64_t delivery_id, int64_t fence, const char *code,
                            const char *message, bool is_revoked_too, iscep_report_fn done, void *user)
{
    settle_job *settle = new_settle(journal, run_withhold, delivery_id, code, message, NULL, done, user);
    if (settle == NULL)
        return;
    settle->outcome.fence = fence;
    settle->is_revoked_too = is_revoked_too;
    iscep_journal_write(journal, &settle->job);
}

/* --- what a person does --- */

typedef struct person_job {
    iscep_job job;
    const char *tenant; /* NULL: everybody's */
    const int64_t *ids;
    size_t id_count;
    bool is_all;
    bool is_purge;
    int64_t count;
    iscep_journal_count_fn done;
    void *user;
} person_job;

static iscep_status purge_one(iscep_db *db, iscep_delivery_row *row, iscep_error *err)
{
    row->state = ISCEP_DELIVERY_IS_PURGED;
    iscep_status status = store_row(db, row, 0, db->now_unix_ms, err);
    if (status == ISCEP_OK)
        status = forget_csr(db, row->id, err);
    return status == ISCEP_OK ? add_event(db, row, ISCEP_EVENT_PURGED, err) : status;
}

/* One that is owed keeps the claim that somebody has on it: it is being tried. */
static iscep_status retry_one(iscep_db *db, iscep_delivery_row *row, iscep_error *err)
{
    row->state = ISCEP_DELIVERY_IS_OWED;
    iscep_status status =
        iscep_store_run(db->store, err,
                        "UPDATE delivery SET state = 1, attempts = 0, recorded_unix_ms = $2,"
                        " due_unix_ms = $2 WHERE id = $1",
                        iscep_number(row->id), iscep_number(db->now_unix_ms));
    return status == ISCEP_OK ? add_event(db, row, ISCEP_EVENT_RETRIED, err) : status;
}

/* May it be told, or would Intune hear of two certificates for one request? */
static iscep_status look_for_successor(bool *out, iscep_db *db, const iscep_delivery_row *row,
                                       iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    *out = false;
    if (row->kind != ISCEP_DELIVER_ISSUED)
        return ISCEP_OK;
    iscep_status status = iscep_store_query(
        &rows, db->store, err,
        "SELECT 1 FROM delivery WHERE enrolment_id = $1 AND id > $2 AND kind = 1 AND state IN (1, 2)"
        " AND is_revoked = 0 AND not_after_unix * 1000 > $3 LIMIT 1",
        iscep_number(row->enrolment_id), iscep_number(row->id), iscep_number(db->now_unix_ms));
    return status == ISCEP_OK ? iscep_rows_next(rows, out, err) : status;
}

static iscep_status list_dead(iscep_row_ids *out, iscep_db *db, const char *tenant, iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    iscep_status status = iscep_store_query(
        &rows, db->store, err,
        "SELECT id FROM delivery WHERE state = 4 AND ($1 IS NULL OR tenant = $1) ORDER BY id",
        iscep_text(tenant));
    return status == ISCEP_OK ? iscep_row_ids_add(out, rows, err) : status;
}

/* One of another tenant is as if it were not there. */
static iscep_status load_of_tenant(iscep_delivery_row *row, iscep_db *db, const person_job *person,
                                   int64_t id, iscep_arena *arena, iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    bool is_theirs = false;
    iscep_status status = iscep_store_lock(db->store, ISCEP_LOCK_DELIVERY, id, err);
    if (status == ISCEP_OK)
        status = iscep_store_query(&rows, db->store, err,
                                   "SELECT 1 FROM delivery WHERE id = $1 AND ($2 IS NULL OR tenant = $2)",
                                   iscep_number(id), iscep_text(person->tenant));
    if (status == ISCEP_OK)
        status = iscep_rows_next(rows, &is_theirs, err);
    return status == ISCEP_OK ? iscep_delivery_load(row, db, is_theirs ? id : 0, arena, err) : status;
}

static iscep_status act_on(person_job *person, iscep_db *db, iscep_delivery_row *row, iscep_error *err)
{
    bool is_dead = row->id != 0 && row->state == ISCEP_DELIVERY_IS_DEAD, has_successor = false;
    bool is_owed = row->id != 0 && row->state == ISCEP_DELIVERY_IS_OWED;
    if (!is_dead && (!is_owed || person->is_purge))
        return ISCEP_OK;
    iscep_status status = person->is_purge ? ISCEP_OK : look_for_successor(&has_successor, db, row, err);
    if (status != ISCEP_OK || has_successor)
        return status;
    person->count++;
    return person->is_purge ? purge_one(db, row, err) : retry_one(db, row, err);
}

static iscep_status run_person(iscep_job *job, iscep_db *db, iscep_error *err)
{
    person_job *person = (person_job *)job;
    ISCEP_AUTO_ROW_IDS dead = {0};
    iscep_status status = person->is_all ? list_dead(&dead, db, person->tenant, err) : ISCEP_OK;
    const int64_t *ids = person->is_all ? dead.ids : person->ids;
    size_t count = person->is_all ? dead.count : person->id_count;
    person->count = 0;
    for (size_t i = 0; i < count && status == ISCEP_OK; i++) {
        iscep_delivery_row row;
        status = load_of_tenant(&row, db, person, ids[i], &job->arena, err);
        if (status == ISCEP_OK)
            status = act_on(person, db, &row, err);
    }
    return status;
}

static void finish_person(iscep_job *job)
{
    const person_job *person = (person_job *)job;
    person->done(person->user, job->status, job->status == ISCEP_OK ? person->count : 0, &job->err);
}

static void ask_person_job(iscep_journal *journal, bool is_purge, const char *tenant, const int64_t *ids,
                           size_t id_count, iscep_journal_count_fn done, void *user)
{
    person_job *person = iscep_job_new(journal, sizeof *person, run_person, finish_person);
    if (person == NULL) {
        iscep_error err;
        done(user, iscep_error_nomem(&err), 0, &err);
        return;
    }
    iscep_bytes copy =
        iscep_arena_bytes(&person->job.arena, iscep_bytes_of(ids, ids == NULL ? 0 : id_count * sizeof *ids));
    person->ids = (const int64_t *)(const void *)copy.data; /* the arena's memory is aligned for it */
    person->id_count = id_count;
    person->tenant = iscep_arena_text(&person->job.arena, tenant);
    person->is_all = ids == NULL;
    person->is_purge = is_purge;
    person->done = done;
    person->user = user;
    iscep_journal_write(journal, &person->job);
}

void iscep_journal_retry_deliveries(iscep_journal *journal, const char *tenant, const int64_t *ids,
                                    size_t id_count, iscep_journal_count_fn done, void *user)
{
    ask_person_job(journal, false, tenant, ids, id_count, done, user);
}

void iscep_journal_purge_deliveries(iscep_journal *journal, const char *tenant, const int64_t *ids,
                                    size_t id_count, iscep_journal_count_fn done, void *user)
{
    ask_person_job(journal, true, tenant, ids, id_count, done, user);
}
