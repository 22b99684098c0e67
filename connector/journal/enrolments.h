/*
 * Enrolments in the journal. One is a tenant, a SCEP transaction id, and a CSR: the same transaction id with another
 * CSR is another enrolment. It holds a history of events, at most one certificate that counts, and what is owed.
 */
#ifndef ISCEP_JOURNAL_ENROLMENTS_H
#define ISCEP_JOURNAL_ENROLMENTS_H

#include "base/digest.h"
#include "journal/journal.h"

typedef struct iscep_enrolment_key {
    const char *tenant;         /* its name in the configuration */
    const char *transaction_id; /* as iscep_transaction_id_parse leaves it */
    uint8_t csr_sha256[32];
} iscep_enrolment_key;

/* What can happen to an enrolment or to its certificate. Stored as its name; order and number are free to change. */
typedef enum iscep_journal_kind {
    ISCEP_EVENT_VALIDATED = 1,      /* Intune said Success */
    ISCEP_EVENT_REFUSED,            /* Intune or a local rule said no */
    ISCEP_EVENT_UNANSWERED,         /* nobody could say: retry */
    ISCEP_EVENT_REPLAYED,           /* asked again, and answered with the certificate there is */
    ISCEP_EVENT_NEVER_VALIDATED,    /* a report of an enrolment that the journal has not seen validated */
    ISCEP_EVENT_ISSUED,             /* the SCEP server reported a certificate: it is on disk */
    ISCEP_EVENT_REPORT_REFUSED,     /* Intune refused the report */
    ISCEP_EVENT_REPORT_POSTPONED,   /* it could not be delivered; it will be tried again */
    ISCEP_EVENT_HELD,               /* strict: the SCEP server was told not to deliver yet */
    ISCEP_EVENT_REPORTED,           /* Intune has taken note */
    ISCEP_EVENT_REPORTED_LATE,      /* the same, after the certificate had been given up */
    ISCEP_EVENT_WITHHELD,           /* decided: this certificate is never delivered */
    ISCEP_EVENT_FAILED,             /* the SCEP server reported that it could not issue */
    ISCEP_EVENT_FAILURE_REPORTED,   /* Intune has taken note of that */
    ISCEP_EVENT_DEAD,               /* given up after the last attempt: a person must look */
    ISCEP_EVENT_RETRIED,            /* a person had a dead one tried again */
    ISCEP_EVENT_PURGED,             /* a person had it forgotten */
    ISCEP_EVENT_REVOCATION_ASKED,   /* Intune, or we for a withheld certificate, want it revoked */
    ISCEP_EVENT_REVOCATION_HELD,    /* by the storm guard */
    ISCEP_EVENT_REVOKED,            /* the CA did it, or had done it before */
    ISCEP_EVENT_REVOCATION_FAILED,  /* the CA could not */
    ISCEP_EVENT_REVOCATION_ANSWERED /* Intune has the result */
} iscep_journal_kind;
const char *iscep_journal_kind_name(iscep_journal_kind kind); /* "validated"… Static storage. */

typedef struct iscep_journal_event {
    iscep_journal_kind kind;
    const char *code; /* texts may be NULL */
    const char *message;
    const char *request_id; /* client-request-id */
    const char *subject;    /* of the CSR: remembered with the enrolment, for a person's search */
} iscep_journal_event;

/*
 * Something happened that nothing is owed for. Not waited for: a crash within the next moments may lose it (journal.h). An event
 * that is like the enrolment's last one raises that one's count instead of becoming another.
 */
void iscep_journal_note(iscep_journal *journal, const iscep_enrolment_key *key,
                        const iscep_journal_event *event);

/* A certificate as the journal knows it. Borrowed for the length of a callback. */
typedef struct iscep_journal_cert {
    iscep_bytes der;
    const char *serial;     /* upper-case hex, two digits a byte */
    const char *thumbprint; /* SHA-1, upper-case hex */
    const char *issuer;     /* RFC 2253 text */
    const char *subject;
    int64_t not_after_unix; /* seconds */
    bool is_revoked;
} iscep_journal_cert;

/*
 * Is there surely no certificate for this request? Answers at once, from memory; true is certain, false means: look it
 * up.
 */
bool iscep_journal_is_new(const iscep_journal *journal, const iscep_enrolment_key *key);
/* How the newest certificate of a request stands. */
typedef enum iscep_cert_standing {
    ISCEP_CERT_NONE = 0,    /* none, or one that was given up, is revoked or has expired */
    ISCEP_CERT_DELIVERABLE, /* reported (or, deferred, recorded): it may be delivered again */
    ISCEP_CERT_OWED,        /* strict, and Intune has not taken note yet: not to be delivered yet */
    ISCEP_CERT_WITHHELD,    /* never to be delivered; Intune may all the same have taken note of it */
} iscep_cert_standing;

/* cert is NULL with NONE and WITHHELD. */
typedef void (*iscep_journal_cert_fn)(void *user, iscep_status status, iscep_cert_standing standing,
                                      const iscep_journal_cert *cert, const iscep_error *err);
void iscep_journal_find_cert(iscep_journal *journal, const iscep_enrolment_key *key,
                             iscep_journal_cert_fn done, void *user);

/* Where the report of a certificate, or of a failure, stands. */
typedef enum iscep_report_state {
    ISCEP_REPORT_OWED = 1, /* on disk; Intune has not taken note yet */
    ISCEP_REPORT_DONE,     /* Intune has taken note */
    ISCEP_REPORT_WITHHELD, /* this certificate is never delivered; code and message say why */
    ISCEP_REPORT_DEAD,     /* given up; code and message say why */
    ISCEP_REPORT_OTHER, /* another certificate stands for this request already: this one must not be delivered */
} iscep_report_state;

typedef struct iscep_report {
    iscep_report_state state;
    bool is_first;       /* this call has put it there; otherwise it is a repetition */
    bool is_deferred;    /* as it was recorded first */
    bool was_validated;  /* the journal has seen the enrolment validated */
    bool is_revoked;     /* the certificate, meanwhile: never to be delivered, whatever the state */
    int64_t delivery_id; /* with OWED: deliveries.h */
    /*
     * With OWED: the caller has the claim now, for his lease_ms, and makes an attempt. A repetition gets it too, even before
     * the delivery is due, if nobody else has it. Nobody gets it while an earlier report of the enrolment is owed, which goes
     * first, or with a lease_ms of 0: then a new delivery is due at once for whoever claims it.
     */
    bool is_claimed;
    int64_t fence; /* of the last claim, yours or not: says with the id which delivery it is (deliveries.h) */
    const char *code; /* of the last attempt, or of the decision; never NULL */
    const char *message;
    const char *request_id;
} iscep_report;
typedef void (*iscep_report_fn)(void *user, iscep_status status, const iscep_report *report,
                                const iscep_error *err);

/*
 * A certificate was issued. The same certificate again is the same report. A new delivery is claimed for lease_ms by
 * whoever records it: he makes the first attempt (is_claimed). Another certificate for the same request is recorded only if the
 * one before was withheld, given up, revoked, or has expired.
 */
typedef struct iscep_issued_record {
    iscep_enrolment_key key;
    iscep_bytes csr; /* kept until Intune has taken note: the notification needs it */
    iscep_journal_cert cert;
    const char *ca; /* the [ca/NAME] that can revoke it, or NULL */
    bool is_deferred;
    bool
        is_replacement; /* whoever issued it could not deliver the one before: record it, unless that one is still owed */
    bool
        is_other_revoked; /* if another stands, this one is recorded as withheld, and its revocation is queued */
    int64_t lease_ms;
} iscep_issued_record;
void iscep_journal_record_issued(iscep_journal *journal, const iscep_issued_record *record,
                                 iscep_report_fn done, void *user);

/* Issuing failed. The same code and description again, while the first is owed, are the same report. */
typedef struct iscep_failed_record {
    iscep_enrolment_key key;
    iscep_bytes csr;
    uint32_t error_code;
    const char *description;
    int64_t lease_ms;
} iscep_failed_record;
void iscep_journal_record_failed(iscep_journal *journal, const iscep_failed_record *record,
                                 iscep_report_fn done, void *user);

#endif
