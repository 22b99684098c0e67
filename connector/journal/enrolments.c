/* See enrolments.h: what is noted, and the certificate that a request already has. Reports are in reports.c. */
#include "journal/enrolments.h"

#include "journal/history.h"

/* --- notes --- */

typedef struct note_job {
    iscep_job job;
    iscep_enrolment_key key;
    iscep_journal_event event;
} note_job;

static iscep_status run_note(iscep_job *job, iscep_db *db, iscep_error *err)
{
    const note_job *note = (note_job *)job;
    iscep_enrolment enrolment;
    iscep_status status = iscep_enrolment_have(&enrolment, db, &note->key, note->event.subject, err);
    if (status == ISCEP_OK && note->event.kind == ISCEP_EVENT_VALIDATED && !enrolment.is_validated)
        status = iscep_store_run(db->store, err, "UPDATE enrolment SET is_validated = 1 WHERE id = $1",
                                 iscep_number(enrolment.id));
    if (status != ISCEP_OK)
        return status;
    return enrolment.is_new ? iscep_event_append(db, enrolment.id, &note->event, err)
                            : iscep_event_add(db, enrolment.id, &note->event, err);
}

void iscep_journal_note(iscep_journal *journal, const iscep_enrolment_key *key,
                        const iscep_journal_event *event)
{
    note_job *note = iscep_job_new(journal, sizeof *note, run_note, NULL);
    if (note == NULL)
        return;
    iscep_arena *arena = &note->job.arena;
    note->key = iscep_enrolment_key_copy(arena, key);
    note->event = (iscep_journal_event){.kind = event->kind,
                                        .code = iscep_arena_text(arena, event->code),
                                        .message = iscep_arena_text(arena, event->message),
                                        .request_id = iscep_arena_text(arena, event->request_id),
                                        .subject = iscep_arena_text(arena, event->subject)};
    iscep_job_set_enrolment(&note->job, key);
    iscep_journal_write(journal, &note->job);
}

/* --- the certificate there is --- */

typedef struct find_job {
    iscep_job job;
    iscep_enrolment_key key;
    iscep_journal_cert_fn done;
    void *user;
    iscep_cert_standing standing;
    iscep_journal_cert cert;
} find_job;

/* From state and is_deferred. */
static iscep_cert_standing standing_in(iscep_rows *rows)
{
    int64_t state = iscep_rows_number(rows, 0);
    bool is_deferred = iscep_rows_number(rows, 1) != 0;
    if (state == ISCEP_DELIVERY_IS_OWED && !is_deferred)
        return ISCEP_CERT_OWED;
    return state == ISCEP_DELIVERY_IS_OWED || state == ISCEP_DELIVERY_IS_DONE ? ISCEP_CERT_DELIVERABLE
                                                                              : ISCEP_CERT_WITHHELD;
}

/* Borrowed from the row. */
static iscep_journal_cert cert_in(iscep_rows *rows)
{
    return (iscep_journal_cert){.not_after_unix = iscep_rows_number(rows, 2),
                                .der = iscep_rows_bytes(rows, 3),
                                .serial = iscep_rows_text(rows, 4),
                                .thumbprint = iscep_rows_text(rows, 5),
                                .issuer = iscep_rows_text(rows, 6),
                                .subject = iscep_rows_text(rows, 7)};
}

static iscep_status run_find(iscep_job *job, iscep_db *db, iscep_error *err)
{
    find_job *find = (find_job *)job;
    ISCEP_AUTO_ROWS *rows = NULL;
    iscep_enrolment enrolment;
    bool has_cert = false;
    find->standing = ISCEP_CERT_NONE;
    iscep_status status = iscep_enrolment_find(&enrolment, db, &find->key, err);
    if (status != ISCEP_OK || enrolment.id == 0)
        return status;
    status = iscep_store_query(
        &rows, db->store, err,
        "SELECT d.state, d.is_deferred, d.not_after_unix, c.der, c.serial, c.thumbprint, c.issuer, c.subject"
        " FROM delivery d JOIN certificate c ON c.id = d.id"
        " WHERE d.enrolment_id = $1"
        " AND (d.state = 3 AND COALESCE(d.code, '') <> '" ISCEP_OTHER_CODE
        "' OR d.state IN (1, 2) AND d.is_revoked = 0 AND d.not_after_unix * 1000 > $2)"
        " ORDER BY d.id DESC LIMIT 1",
        iscep_number(enrolment.id), iscep_number(db->now_unix_ms));
    if (status == ISCEP_OK)
        status = iscep_rows_next(rows, &has_cert, err);
    if (status == ISCEP_OK && has_cert) {
        const iscep_journal_cert found = cert_in(rows);
        find->cert = iscep_journal_cert_copy(&job->arena, &found);
        find->standing = standing_in(rows);
    }
    return status;
}

static void finish_find(iscep_job *job)
{
    find_job *find = (find_job *)job;
    iscep_cert_standing standing = job->status == ISCEP_OK ? find->standing : ISCEP_CERT_NONE;
    bool has_cert = standing == ISCEP_CERT_DELIVERABLE || standing == ISCEP_CERT_OWED;
    find->done(find->user, job->status, standing, has_cert ? &find->cert : NULL, &job->err);
}

void iscep_journal_find_cert(iscep_journal *journal, const iscep_enrolment_key *key,
                             iscep_journal_cert_fn done, void *user)
{
    find_job *find = iscep_job_new(journal, sizeof *find, run_find, finish_find);
    if (find == NULL) {
        iscep_error err;
        done(user, iscep_error_nomem(&err), ISCEP_CERT_NONE, NULL, &err);
        return;
    }
    find->key = iscep_enrolment_key_copy(&find->job.arena, key);
    find->done = done;
    find->user = user;
    iscep_job_set_enrolment(&find->job, key);
    iscep_journal_read(journal, &find->job);
}
