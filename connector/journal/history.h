/* Rows that several operations read and write: enrolments, their events, and deliveries. Within a transaction. */
#ifndef ISCEP_JOURNAL_HISTORY_H
#define ISCEP_JOURNAL_HISTORY_H

#include "journal/deliveries.h"
#include "journal/engine.h"
#include "journal/schema.h"

typedef struct iscep_enrolment {
    int64_t id; /* 0: there is none */
    bool is_validated;
    bool has_subject;
    bool is_new; /* just made */
} iscep_enrolment;

iscep_status iscep_enrolment_find(iscep_enrolment *out, iscep_db *db, const iscep_enrolment_key *key,
                                  iscep_error *err) ISCEP_CHECKED;
/* Finds or makes it, and locks it (store.h): for whoever writes about it. subject may be NULL: not known. */
iscep_status iscep_enrolment_have(iscep_enrolment *out, iscep_db *db, const iscep_enrolment_key *key,
                                  const char *subject, iscep_error *err) ISCEP_CHECKED;

/* Raises the last event's count if that one is like it. */
iscep_status iscep_event_add(iscep_db *db, int64_t enrolment_id, const iscep_journal_event *event,
                             iscep_error *err) ISCEP_CHECKED;
/* Surely another event than the last: saves the look. */
iscep_status iscep_event_append(iscep_db *db, int64_t enrolment_id, const iscep_journal_event *event,
                                iscep_error *err) ISCEP_CHECKED;

/* A delivery without its large parts. Texts are the arena's, never NULL. */
typedef struct iscep_delivery_row {
    int64_t id; /* 0: there is none */
    int64_t enrolment_id;
    int64_t fence; /* of the last claim */
    iscep_delivery_kind kind;
    iscep_delivery_state state;
    bool is_deferred;
    bool is_revoked;
    bool is_revocation_asked;
    int64_t not_after_unix;
    const char *code;
    const char *message;
    const char *request_id;
} iscep_delivery_row;
/* What a SELECT names first, of a delivery called d, for iscep_delivery_row_in; what it names behind them begins at the number. */
#define ISCEP_DELIVERY_COLUMNS                                                                               \
    "d.id, d.enrolment_id, d.kind, d.state, d.is_deferred, d.is_revoked, d.is_revocation_asked,"             \
    " d.not_after_unix, d.code, d.message, d.request_id, d.fence"
enum { ISCEP_DELIVERY_COLUMN_COUNT = 12 };
/* Texts are borrowed from the row, and may be NULL. */
iscep_delivery_row iscep_delivery_row_in(iscep_rows *rows);

iscep_status iscep_delivery_load(iscep_delivery_row *out, iscep_db *db, int64_t id, iscep_arena *arena,
                                 iscep_error *err) ISCEP_CHECKED;
/* The one with that id that has such fences (deliveries.h); otherwise USAGE "delivery_unknown". */
iscep_status iscep_delivery_find(iscep_delivery_row *out, iscep_db *db, int64_t id, int64_t fence,
                                 iscep_arena *arena, iscep_error *err) ISCEP_CHECKED;
/*
 * Withheld because another certificate stands for the same request, with a revocation queued. It says nothing of how the request
 * stands: the other one does.
 */
#define ISCEP_OTHER_CODE "already_issued_other"
iscep_status iscep_delivery_withhold_other(iscep_db *db, int64_t id, iscep_arena *arena,
                                           iscep_error *err) ISCEP_CHECKED;
/* Does a certificate with such a row count for the storm guard? */
bool iscep_delivery_is_active(const iscep_delivery_row *row);
/* What others see of it; was_validated and is_first are the caller's. */
void iscep_report_fill(iscep_report *out, const iscep_delivery_row *row);

/* The certificate of the delivery with that id. */
iscep_status iscep_cert_add(iscep_db *db, int64_t id, const iscep_journal_cert *cert, const char *ca,
                            iscep_error *err) ISCEP_CHECKED;
/* The certificates that a tenant has with this serial number: ids of their deliveries. */
iscep_status iscep_certs_of_serial(iscep_row_ids *out, iscep_db *db, const char *tenant, const char *serial,
                                   iscep_error *err) ISCEP_CHECKED;

/* The job is about this enrolment: those that are, are done one after the other. */
void iscep_job_set_enrolment(iscep_job *job, const iscep_enrolment_key *key);
/* enrolment's key, as copied into a job. */
iscep_enrolment_key iscep_enrolment_key_copy(iscep_arena *arena, const iscep_enrolment_key *key);
iscep_journal_cert iscep_journal_cert_copy(iscep_arena *arena, const iscep_journal_cert *cert);

#endif
