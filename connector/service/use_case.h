/*
 * For the files of service/: one use case under way, from the question to its answer. The answer comes exactly once; the
 * use case itself may live longer, because the journal still has to call back.
 */
#ifndef ISCEP_SERVICE_USE_CASE_H
#define ISCEP_SERVICE_USE_CASE_H

#include <sys/queue.h>

#include "base/transaction_id.h"
#include "base/x509.h"
#include "base/x509_facts.h"
#include "service/outbox.h"
#include "service/service.h"
#include "service/sharing.h"

typedef enum iscep_use { ISCEP_USE_VERIFY = 1, ISCEP_USE_ISSUED, ISCEP_USE_FAILED } iscep_use;

typedef struct iscep_use_case {
    TAILQ_ENTRY(iscep_use_case) link;
    LIST_ENTRY(iscep_use_case) waiting_link; /* reporting.c: while it waits for a delivery */
    iscep_service *service;                  /* NULL: it was freed; only the journal still knows this */
    iscep_use use;
    iscep_enrolment_key key;
    char *subject;
    iscep_csr *csr;      /* NULL as soon as nobody needs it any more */
    iscep_cert *cert;    /* ISCEP_USE_ISSUED */
    const char *has_sid; /* among the CSR's alternative names: "yes", "no", "unread" */
    const char *has_upn;
    int64_t started_mono_us;
    int64_t deadline_mono_ms;
    bool (*is_wanted)(void *user);
    iscep_service_fn done;
    void *user;
    bool is_answered;
    bool is_in_crowd;
    unsigned in_journal; /* calls back of the journal that are due */
    iscep_timer *timer;  /* NULL until it is needed */
    /* A report: what is known of its delivery. */
    uint32_t error_code; /* ISCEP_USE_FAILED */
    char *description;
    bool is_deferred;
    bool is_replay_unwanted;
    bool is_delivered_anyway;
    iscep_verdict *finding; /* what is delivered anyway is not what was granted: NULL otherwise */
    bool is_unvalidated;    /* and therefore given up */
    int64_t delivery_id;
    int64_t fence; /* which that delivery had when it was recorded (deliveries.h) */
    bool is_waiting;
    iscep_timer *lookout; /* NULL: nobody else tries the delivery */
    int64_t lookout_ms;
    int64_t next_mono_ms; /* the next attempt; 0: nobody knows */
    char *last_code;      /* of the last attempt; NULL: none has ended */
    char *last_request_id;
    char transaction_id
        []; /* empty if it is none; as long as it is: thousands of these wait for a slow Intune */
} iscep_use_case;
TAILQ_HEAD(iscep_use_case_list, iscep_use_case);
LIST_HEAD(iscep_waiting_list, iscep_use_case);

enum { ISCEP_WAITING_BUCKETS = 1024 };

struct iscep_service {
    const iscep_env *env;
    iscep_intune *intune;
    iscep_journal *journal;
    const iscep_routing *routing;
    const iscep_service_options *options;
    iscep_sharing *sharing;
    iscep_outbox *outbox;
    iscep_callback on_withheld;
    void *on_withheld_user;
    struct iscep_use_case_list use_cases;
    struct iscep_waiting_list waiting[ISCEP_WAITING_BUCKETS]; /* by delivery */
};

/*
 * What all use cases begin with: transaction id and CSR are read and checked. If they are wrong, that is logged, and there
 * is no use case.
 */
iscep_status iscep_use_case_begin(iscep_use_case **out, iscep_service *service, iscep_use use,
                                  const iscep_service_request *request, iscep_service_fn done, void *user,
                                  iscep_error *err) ISCEP_CHECKED;
/* The question was wrong: logs it, and frees the use case without an answer. */
void iscep_use_case_reject(iscep_use_case *it, const iscep_error *err);
/* Logs and gives the answer. The use case may be gone afterwards. Does nothing if there was an answer already. */
void iscep_use_case_answer(iscep_use_case *it, const iscep_verdict *verdict, iscep_bytes cert);
/* RETRY with the error's code. */
void iscep_use_case_answer_error(iscep_use_case *it, const iscep_error *err);
/* DELIVER: the only place where that arises. cert: with ISCEP_USE_VERIFY the certificate, otherwise nothing. */
void iscep_use_case_answer_deliver(iscep_use_case *it, const char *code, const char *message,
                                   iscep_bytes cert);

/* From now on the use case gives up when its deadline has come. False: it cannot, and the answer was given. */
bool iscep_use_case_watch_deadline(iscep_use_case *it);
/* The journal has called back. False: the service is gone, and now the use case, too, unless the journal calls back again. */
bool iscep_use_case_leave_journal(iscep_use_case *it);
/* It was answered: it is gone now, unless the journal calls back again. */
void iscep_use_case_end(iscep_use_case *it);

/* An event of its enrolment. request_id may be NULL. */
void iscep_use_case_note(const iscep_use_case *it, iscep_journal_kind kind, const char *code,
                         const char *message, const char *request_id);
bool iscep_use_case_is_wanted(void *it);
/* Can what is decided now be written down? Otherwise the answer was given: RETRY. */
bool iscep_use_case_has_journal(iscep_use_case *it);

/* The CSR's facts, with what the log wants to know of them. Clear them. */
iscep_status iscep_use_case_read_facts(iscep_use_case *it, iscep_x509_facts *facts,
                                       iscep_error *err) ISCEP_CHECKED;
void iscep_use_case_free(iscep_use_case *it);

#endif
