/*
 * The use cases: verify a request, report an issued certificate, report a failure. Daemon and direct plugin
 * are two doors to this room; a rule lives here once. On one loop's thread.
 */
#ifndef ISCEP_SERVICE_SERVICE_H
#define ISCEP_SERVICE_SERVICE_H

#include "intune/intune.h"
#include "journal/journal.h"
#include "service/crowd.h"
#include "service/csr_rules.h"
#include "service/issued_check.h"
#include "service/routing.h"

typedef struct iscep_service iscep_service;

/* What is asked of requests and certificates beyond Intune's word: section [policy]. */
typedef struct iscep_policy {
    iscep_csr_rules csr;
    iscep_issued_mode issued_check;
} iscep_policy;

extern const iscep_policy iscep_policy_default;

/* How what was issued, or was not, is reported: section [journal]. */
typedef struct iscep_reporting_options {
    bool is_deferred; /* deliver as soon as it is on disk; otherwise only when Intune has taken note */
    bool
        is_withheld_revoked; /* strict: what could not be reported in time is given up and revoked at its CA, if one is
                                   configured for it; otherwise it is kept, reported later, and delivered when asked again */
    bool is_unvalidated_refused; /* a report of an enrolment that the journal has not seen validated */
    int64_t dead_after_ms;       /* how long a delivery is tried */
    int64_t max_backoff_ms;      /* the longest pause between two attempts */
    uint32_t max_in_flight;      /* deliveries under way at once, beside those that a caller waits for */
    /* What Intune is given for a report that nobody waits for. A claim outlives an attempt by as much: then it is another's. */
    int64_t attempt_timeout_ms;
} iscep_reporting_options;

extern const iscep_reporting_options iscep_reporting_options_default;

/* "allow", "deny", "retry", "decline" or "deliver": in logs, metrics and the audit trail. */
const char *iscep_decision_name(iscep_decision decision);

/* What somebody was told. Borrowed for the length of the callback. */
typedef struct iscep_answer {
    const char *tenant;
    const char *operation; /* "validate", "issued", "failed" */
    const iscep_verdict *verdict;
    const char *transaction_id;
    const char *subject; /* of the CSR; empty: it was not read */
    double seconds;      /* since the question */
} iscep_answer;

typedef struct iscep_service_options {
    const char *tenant; /* its name in the configuration */
    iscep_policy policy;
    iscep_reporting_options reporting;
    iscep_crowd *crowd; /* the tenant's, shared by its services on all workers; NULL: without limit */
    void (*on_answered)(void *user,
                        const iscep_answer *answer); /* each answer, right before it is given; may be NULL */
    void *answered_user;
} iscep_service_options;

/*
 * Everything given is borrowed and must outlive it. routing may be empty. on_withheld (may be NULL) is called when a
 * revocation of our own was queued.
 */
iscep_status iscep_service_new(iscep_service **out, const iscep_env *env, iscep_intune *intune,
                               iscep_journal *journal, const iscep_routing *routing,
                               const iscep_service_options *options, iscep_error *err) ISCEP_CHECKED;
void iscep_service_on_withheld(iscep_service *service, iscep_callback on_withheld, void *user);
/*
 * After the iscep_intune was freed and before the journal is closed. Who still waits for an answer gets RETRY,
 * "shutting_down".
 */
void iscep_service_free(iscep_service *service);
/*
 * Another service takes over this tenant (a new configuration): what is under way is finished here, and whoever has an
 * answer due gets it; nothing that is owed and waits in the journal is begun any more.
 */
void iscep_service_retire(iscep_service *service);
/* Nobody waits for an answer, and nothing is under way: it can be freed, and nobody notices. */
bool iscep_service_is_idle(const iscep_service *service);
/* Something in the journal became due (a person retried a dead delivery): look now. */
void iscep_service_wake(iscep_service *service);

/*
 * The answer to each question, exactly once, perhaps before the call returns. cert has bytes only with ISCEP_DELIVER from
 * verify: the certificate that was issued for this very request before.
 */
typedef void (*iscep_service_fn)(void *user, const iscep_verdict *verdict, iscep_bytes cert);

/* Who asks, and until when an answer is of use to him. All inputs of the calls below are copied. */
typedef struct iscep_service_request {
    iscep_bytes transaction_id;
    iscep_bytes csr;
    int64_t deadline_mono_ms;
    bool (*is_wanted)(
        void *user); /* with the user of done; false ends the retries; NULL: until the deadline */
    /* The caller cannot deliver what was issued before: verify asks Intune anew, and a report replaces that of before. */
    bool is_replay_unwanted;
    /*
     * The caller delivers what was issued whatever he is told (step-ca): his report is deferred, [journal] or not, and a
     * certificate that is refused can only be revoked.
     */
    bool is_delivered_anyway;
    /* What the caller read as the challenge; must be the CSR's: "csr_challenge_differs". No bytes: he does not say. */
    iscep_bytes challenge;
} iscep_service_request;

/*
 * Each either fails with USAGE (the input is wrong, err->code says how; done is not called), or calls done
 * once, perhaps before it returns. THROTTLED "too_many_requests_of_tenant": the tenant's crowd is full; ask again. Who delivers
 * anyway is not turned away, because he would not report again.
 */
/* A request that breaks a rule of the policy is answered with DENY or DECLINE, and Intune is not asked. */
iscep_status iscep_service_verify(iscep_service *service, const iscep_service_request *request,
                                  iscep_service_fn done, void *user, iscep_error *err) ISCEP_CHECKED;
/*
 * The certificate must carry the CSR's key ("certificate_key_mismatch"). One that is not what was granted is answered
 * with DENY and not reported, or only logged, as issued_check says; one that is delivered anyway is then revoked, if its CA is
 * configured.
 */
iscep_status iscep_service_report_issued(iscep_service *service, const iscep_service_request *request,
                                         iscep_bytes cert, iscep_service_fn done, void *user,
                                         iscep_error *err) ISCEP_CHECKED;
iscep_status iscep_service_report_failed(iscep_service *service, const iscep_service_request *request,
                                         uint32_t error_code, const char *description, iscep_service_fn done,
                                         void *user, iscep_error *err) ISCEP_CHECKED;

#endif
