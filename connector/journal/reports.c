/* What the SCEP server reports, a certificate or a failure, as it is recorded: see enrolments.h. */
#include <string.h>

#include "journal/history.h"

/* Not so many that counting claims could make a fence negative. */
#define MAX_FENCE_NUMBER ((INT64_MAX >> ISCEP_FENCE_CLAIM_BITS) - 2)

typedef struct report_job {
    iscep_job job;
    int64_t fence; /* if it becomes a new delivery; the same however often, and wherever, the job is run */
    iscep_issued_record issued;
    iscep_failed_record failed;
    iscep_report report;
    iscep_report_fn done;
    void *user;
} report_job;

static void finish_report(iscep_job *job)
{
    const report_job *report = (report_job *)job;
    report->done(report->user, job->status, job->status == ISCEP_OK ? &report->report : NULL, &job->err);
}

static void each_id(iscep_job *job, iscep_id_fn fn, void *user)
{
    fn(user, &((report_job *)job)->report.delivery_id);
}

/* Never that of a delivery whose fences began at 0 (deliveries.h). */
static iscep_status draw_fence(int64_t *out, const iscep_journal *journal, iscep_error *err)
{
    int64_t number = 0;
    iscep_status status = iscep_random_up_to(&number, iscep_journal_env(journal), MAX_FENCE_NUMBER, err);
    *out = (number + 1) << ISCEP_FENCE_CLAIM_BITS;
    return status;
}

/* NULL: done has been told. */
static report_job *new_report(iscep_journal *journal, const iscep_enrolment_key *key, iscep_job_run run,
                              iscep_report_fn done, void *user)
{
    iscep_error err = ISCEP_ERROR_INIT;
    int64_t fence = 0;
    report_job *report = NULL;
    iscep_status status = draw_fence(&fence, journal, &err);
    if (status == ISCEP_OK) {
        report = iscep_job_new(journal, sizeof *report, run, finish_report);
        status = report == NULL ? iscep_error_nomem(&err) : ISCEP_OK;
    }
    if (report == NULL) {
        done(user, status, NULL, &err);
        return NULL;
    }
    report->fence = fence;
    report->done = done;
    report->user = user;
    report->job.each_id = each_id;
    iscep_job_set_enrolment(&report->job, key);
    return report;
}

static iscep_status add_report_event(iscep_db *db, const iscep_enrolment *enrolment, iscep_journal_kind kind,
                                     const char *message, iscep_error *err)
{
    const iscep_journal_event event = {.kind = kind, .message = message};
    return iscep_event_append(db, enrolment->id, &event, err);
}

/* Is something of this enrolment still owed? Then that goes out first. */
static iscep_status look_for_earlier(bool *out, iscep_db *db, const iscep_enrolment *enrolment,
                                     iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    *out = false;
    if (enrolment->is_new)
        return ISCEP_OK;
    iscep_status status = iscep_store_query(
        &rows, db->store, err, "SELECT 1 FROM delivery WHERE enrolment_id = $1 AND state = 1 LIMIT 1",
        iscep_number(enrolment->id));
    return status == ISCEP_OK ? iscep_rows_next(rows, out, err) : status;
}

/* What both kinds of report are made of. */
typedef struct new_delivery {
    const iscep_enrolment_key *key;
    int64_t fence;
    iscep_delivery_kind kind;
    bool is_deferred;
    int64_t lease_ms;
    int64_t not_after_unix;
    int64_t error_code;
    const char *description;
    iscep_bytes csr;
    bool has_earlier; /* something of the enrolment is still owed, and goes out first */
} new_delivery;

static iscep_status insert_delivery(iscep_report *report, iscep_db *db, const iscep_enrolment *enrolment,
                                    const new_delivery *delivery, iscep_error *err)
{
    iscep_status status = iscep_store_run(
        db->store, err,
        "INSERT INTO delivery (enrolment_id, tenant, kind, state, is_deferred, error_code, description, "
        "attempts,"
        " recorded_unix_ms, due_unix_ms, leased_until_ms, not_after_unix, is_active, is_revoked,"
        " is_revocation_asked, fence) VALUES ($1, $2, $3, 1, $4, $5, $6, 0, $7, $7, $8, $9, $10, 0, 0, "
        "$11)",
        iscep_number(enrolment->id), iscep_text(delivery->key->tenant), iscep_number(delivery->kind),
        iscep_number(delivery->is_deferred), iscep_number(delivery->error_code),
        iscep_text(delivery->description), iscep_number(db->now_unix_ms),
        iscep_number(delivery->has_earlier ? 0 : iscep_lease_end(db, delivery->lease_ms)),
        iscep_number(delivery->not_after_unix),
        iscep_number(delivery->kind == ISCEP_DELIVER_ISSUED && delivery->is_deferred),
        iscep_number(delivery->fence));
    *report = (iscep_report){.state = ISCEP_REPORT_OWED,
                             .is_first = true,
                             .is_claimed = !delivery->has_earlier && delivery->lease_ms > 0,
                             .fence = delivery->fence,
                             .is_deferred = delivery->is_deferred,
                             .was_validated = enrolment->is_validated,
                             .delivery_id = iscep_store_inserted_id(db->store),
                             .code = "",
                             .message = "",
                             .request_id = ""};
    if (status == ISCEP_OK)
        status = iscep_store_run(db->store, err, "INSERT INTO owed_csr (id, der) VALUES ($1, $2)",
                                 iscep_number(report->delivery_id), iscep_blob(delivery->csr));
    return status;
}

/* Who repeats it makes the next attempt, even before it is due, unless somebody else has it or something goes first. */
static iscep_status claim_repeated(iscep_report *report, iscep_db *db, int64_t lease_ms, iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    if (report->state != ISCEP_REPORT_OWED || lease_ms <= 0)
        return ISCEP_OK;
    iscep_status status = iscep_store_query(
        &rows, db->store, err,
        "UPDATE delivery SET leased_until_ms = $2, fence = fence + 1 WHERE id = $1 AND leased_until_ms <= $3"
        " AND NOT EXISTS (SELECT 1 FROM delivery e WHERE e.enrolment_id = delivery.enrolment_id"
        " AND e.id < delivery.id AND e.state = 1) RETURNING fence",
        iscep_number(report->delivery_id), iscep_number(iscep_lease_end(db, lease_ms)),
        iscep_number(db->now_lease_ms));
    report->is_claimed = iscep_rows_step(rows, &status, err);
    if (report->is_claimed)
        report->fence = iscep_rows_number(rows, 0);
    return status;
}

/* The same report again: how it stands now. */
static iscep_status repeat_report(iscep_report *report, iscep_db *db, const iscep_enrolment *enrolment,
                                  int64_t delivery_id, int64_t lease_ms, iscep_arena *arena, iscep_error *err)
{
    iscep_delivery_row row;
    iscep_status status = iscep_delivery_load(&row, db, delivery_id, arena, err);
    if (status != ISCEP_OK)
        return status;
    *report = (iscep_report){.was_validated = enrolment->is_validated};
    iscep_report_fill(report, &row);
    return claim_repeated(report, db, lease_ms, err);
}

/* --- issued --- */

/* What the enrolment has already. */
typedef struct known_deliveries {
    int64_t same;     /* this certificate's; 0: none */
    bool has_other;   /* another certificate stands */
    bool has_earlier; /* something is owed */
} known_deliveries;

static iscep_status look_for_known(known_deliveries *out, iscep_db *db, const iscep_enrolment *enrolment,
                                   const iscep_issued_record *record, iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    iscep_status status = iscep_store_query(
        &rows, db->store, err,
        "SELECT d.id, c.der, d.kind = 1 AND d.state IN (1, 2) AND d.is_revoked = 0"
        " AND d.not_after_unix * 1000 > $2 AND ($3 = 0 OR d.state = 1 AND d.is_deferred = 0), d.state = 1"
        " FROM delivery d LEFT JOIN certificate c ON c.id = d.id WHERE d.enrolment_id = $1 ORDER BY d.id",
        iscep_number(enrolment->id), iscep_number(db->now_unix_ms), iscep_number(record->is_replacement));
    while (iscep_rows_step(rows, &status, err)) {
        if (iscep_bytes_equal(iscep_rows_bytes(rows, 1), record->cert.der))
            out->same = iscep_rows_number(rows, 0);
        else if (iscep_rows_number(rows, 2) != 0)
            out->has_other = true;
        if (iscep_rows_number(rows, 3) != 0)
            out->has_earlier = true;
    }
    return status;
}

static iscep_status insert_issued(iscep_report *report, iscep_db *db, const iscep_enrolment *enrolment,
                                  const report_job *job, bool has_earlier, iscep_error *err)
{
    const iscep_issued_record *record = &job->issued;
    const new_delivery delivery = {.key = &record->key,
                                   .fence = job->fence,
                                   .kind = ISCEP_DELIVER_ISSUED,
                                   .has_earlier = has_earlier,
                                   .is_deferred = record->is_deferred,
                                   .lease_ms = record->lease_ms,
                                   .not_after_unix = record->cert.not_after_unix,
                                   .csr = record->csr};
    iscep_status status = insert_delivery(report, db, enrolment, &delivery, err);
    if (status == ISCEP_OK)
        status = iscep_cert_add(db, report->delivery_id, &record->cert, record->ca, err);
    if (status == ISCEP_OK)
        status = add_report_event(db, enrolment, ISCEP_EVENT_ISSUED, record->cert.serial, err);
    return status;
}

/* Issued by another CA for the same request, as when a device has failed over in between: nobody is to have it. */
static iscep_status insert_other(report_job *job, iscep_db *db, const iscep_enrolment *enrolment,
                                 bool has_earlier, iscep_error *err)
{
    iscep_report inserted;
    iscep_status status = insert_issued(&inserted, db, enrolment, job, has_earlier, err);
    return status == ISCEP_OK ? iscep_delivery_withhold_other(db, inserted.delivery_id, &job->job.arena, err)
                              : status;
}

static iscep_status run_issued(iscep_job *job, iscep_db *db, iscep_error *err)
{
    report_job *report = (report_job *)job;
    const iscep_issued_record *record = &report->issued;
    iscep_enrolment enrolment;
    known_deliveries known = {0};
    iscep_status status = iscep_enrolment_have(&enrolment, db, &record->key, record->cert.subject, err);
    if (status == ISCEP_OK && !enrolment.is_new)
        status = look_for_known(&known, db, &enrolment, record, err);
    if (status != ISCEP_OK)
        return status;
    if (known.same != 0)
        return repeat_report(&report->report, db, &enrolment, known.same, record->lease_ms, &job->arena, err);
    if (!known.has_other)
        return insert_issued(&report->report, db, &enrolment, report, known.has_earlier, err);
    status =
        record->is_other_revoked ? insert_other(report, db, &enrolment, known.has_earlier, err) : ISCEP_OK;
    report->report = (iscep_report){.state = ISCEP_REPORT_OTHER,
                                    .was_validated = enrolment.is_validated,
                                    .code = "",
                                    .message = "",
                                    .request_id = ""};
    return status;
}

void iscep_journal_record_issued(iscep_journal *journal, const iscep_issued_record *record,
                                 iscep_report_fn done, void *user)
{
    report_job *report = new_report(journal, &record->key, run_issued, done, user);
    if (report == NULL)
        return;
    iscep_arena *arena = &report->job.arena;
    report->issued = (iscep_issued_record){.key = iscep_enrolment_key_copy(arena, &record->key),
                                           .csr = iscep_arena_bytes(arena, record->csr),
                                           .cert = iscep_journal_cert_copy(arena, &record->cert),
                                           .ca = iscep_arena_text(arena, record->ca),
                                           .is_deferred = record->is_deferred,
                                           .is_replacement = record->is_replacement,
                                           .is_other_revoked = record->is_other_revoked,
                                           .lease_ms = record->lease_ms};
    iscep_journal_write(journal, &report->job);
}

/* --- failed --- */

static iscep_status look_for_failure(int64_t *same, iscep_db *db, const iscep_enrolment *enrolment,
                                     const iscep_failed_record *record, iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    iscep_status status = iscep_store_query(
        &rows, db->store, err,
        "SELECT id FROM delivery WHERE enrolment_id = $1 AND kind = 2 AND state = 1"
        " AND error_code = $2 AND description = $3 ORDER BY id LIMIT 1",
        iscep_number(enrolment->id), iscep_number(record->error_code), iscep_text(record->description));
    if (iscep_rows_step(rows, &status, err))
        *same = iscep_rows_number(rows, 0);
    return status;
}

static iscep_status run_failed(iscep_job *job, iscep_db *db, iscep_error *err)
{
    report_job *report = (report_job *)job;
    const iscep_failed_record *record = &report->failed;
    new_delivery delivery = {.key = &record->key,
                             .fence = report->fence,
                             .kind = ISCEP_DELIVER_FAILED,
                             .lease_ms = record->lease_ms,
                             .error_code = record->error_code,
                             .description = record->description,
                             .csr = record->csr};
    iscep_enrolment enrolment;
    int64_t same = 0;
    iscep_status status = iscep_enrolment_have(&enrolment, db, &record->key, NULL, err);
    if (status == ISCEP_OK && !enrolment.is_new)
        status = look_for_failure(&same, db, &enrolment, record, err);
    if (status != ISCEP_OK)
        return status;
    if (same != 0)
        return repeat_report(&report->report, db, &enrolment, same, record->lease_ms, &job->arena, err);
    status = look_for_earlier(&delivery.has_earlier, db, &enrolment, err);
    if (status == ISCEP_OK)
        status = insert_delivery(&report->report, db, &enrolment, &delivery, err);
    if (status == ISCEP_OK)
        status = add_report_event(db, &enrolment, ISCEP_EVENT_FAILED, record->description, err);
    return status;
}

void iscep_journal_record_failed(iscep_journal *journal, const iscep_failed_record *record,
                                 iscep_report_fn done, void *user)
{
    report_job *report = new_report(journal, &record->key, run_failed, done, user);
    if (report == NULL)
        return;
    iscep_arena *arena = &report->job.arena;
    report->failed = (iscep_failed_record){.key = iscep_enrolment_key_copy(arena, &record->key),
                                           .csr = iscep_arena_bytes(arena, record->csr),
                                           .error_code = record->error_code,
                                           .description = iscep_arena_word(arena, record->description),
                                           .lease_ms = record->lease_ms};
    iscep_journal_write(journal, &report->job);
}
