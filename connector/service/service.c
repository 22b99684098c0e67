/* See service.h. */
#include "service/service.h"

#include <stdlib.h>

#include "base/transaction_id.h"
#include "base/x509.h"
#include "service/refusals.h"
#include "service/sharing.h"

const iscep_policy iscep_policy_default = {.csr = ISCEP_CSR_RULES_DEFAULT,
                                           .issued_check = ISCEP_ISSUED_WITHHOLD};

struct iscep_service {
    const iscep_env *env;
    iscep_intune *intune;
    const iscep_policy *policy;
    iscep_sharing *sharing;
};

/* One use case under way: what the log line at its end needs. */
typedef struct pending {
    const iscep_env *env;
    const char *event;
    char transaction_id[ISCEP_TRANSACTION_ID_SIZE];
    const char *has_sid; /* among the CSR's alternative names: "yes", "no", "unread" */
    const char *has_upn;
    int64_t started_mono_ms;
    bool (*is_wanted)(void *user);
    iscep_verdict_fn done;
    void *user;
} pending;

iscep_status iscep_service_new(iscep_service **out, const iscep_env *env, iscep_intune *intune,
                               const iscep_policy *policy, iscep_error *err)
{
    iscep_service *service = calloc(1, sizeof *service);
    if (service == NULL)
        return iscep_error_nomem(err);
    *service = (iscep_service){.env = env, .intune = intune, .policy = policy};
    iscep_status status = iscep_sharing_new(&service->sharing, env, intune, err);
    if (status != ISCEP_OK) {
        free(service);
        return status;
    }
    *out = service;
    return ISCEP_OK;
}

void iscep_service_free(iscep_service *service)
{
    if (service == NULL)
        return;
    iscep_sharing_free(service->sharing);
    free(service);
}

static const char *decision_name(iscep_decision decision)
{
    switch (decision) {
    case ISCEP_ALLOW:
        return "allow";
    case ISCEP_RETRY:
        return "retry";
    case ISCEP_DECLINE:
        return "decline";
    case ISCEP_DENY:
        break;
    }
    return "deny";
}

static void on_verdict(void *user, const iscep_verdict *verdict)
{
    pending *waiting = user;
    bool is_allowed = verdict->decision == ISCEP_ALLOW;
    iscep_log_event(
        waiting->env->log, is_allowed ? ISCEP_LOG_INFO : ISCEP_LOG_WARN, waiting->event,
        ISCEP_LOG_TEXT("transaction_id", waiting->transaction_id),
        ISCEP_LOG_TEXT("verdict", decision_name(verdict->decision)), ISCEP_LOG_TEXT("code", verdict->code),
        ISCEP_LOG_NUM("ms", iscep_now_mono_ms(waiting->env) - waiting->started_mono_ms),
        ISCEP_LOG_TEXT("client_request_id", verdict->request_id), ISCEP_LOG_TEXT("has_sid", waiting->has_sid),
        ISCEP_LOG_TEXT("has_upn", waiting->has_upn), ISCEP_LOG_TEXT("reason", verdict->message));
    waiting->done(waiting->user, verdict);
    free(waiting);
}

static bool is_wanted(void *user)
{
    const pending *waiting = user;
    return waiting->is_wanted == NULL || waiting->is_wanted(waiting->user);
}

/* call NULL: it is answered already. */
static void heed(iscep_call *call)
{
    if (call != NULL)
        iscep_call_heed(call, is_wanted);
}

/* A refusal of our own is a security decision too, and leaves the same kind of line. */
static void log_refusal(const pending *waiting, const iscep_error *err)
{
    iscep_log_event(waiting->env->log, ISCEP_LOG_WARN, waiting->event,
                    ISCEP_LOG_TEXT("transaction_id", waiting->transaction_id), /* empty if it was at fault */
                    ISCEP_LOG_TEXT("verdict", "deny"), ISCEP_LOG_TEXT("code", err->code),
                    ISCEP_LOG_TEXT("reason", err->message));
}

/* The use case ends before it began: no verdict is given. */
static void abandon(pending *waiting, const iscep_error *err)
{
    log_refusal(waiting, err);
    free(waiting);
}

static iscep_status read_facts(iscep_x509_facts *facts, pending *waiting, const iscep_csr *csr,
                               iscep_error *err)
{
    iscep_status status = iscep_x509_facts_of_request(facts, iscep_csr_der(csr), err);
    if (status != ISCEP_OK)
        return status;
    waiting->has_sid = iscep_has_san_type(facts, ISCEP_SAN_SID) ? "yes" : "no";
    waiting->has_upn = iscep_has_san_type(facts, ISCEP_SAN_UPN) ? "yes" : "no";
    return ISCEP_OK;
}

/* What all three use cases begin with. */
static iscep_status begin(pending **out, iscep_csr **csr, const iscep_service *service, const char *event,
                          const iscep_service_request *request, iscep_verdict_fn done, void *user,
                          iscep_error *err)
{
    pending *waiting = calloc(1, sizeof *waiting);
    if (waiting == NULL)
        return iscep_error_nomem(err);
    *waiting = (pending){.env = service->env,
                         .event = event,
                         .has_sid = "unread",
                         .has_upn = "unread",
                         .started_mono_ms = iscep_now_mono_ms(service->env),
                         .is_wanted = request->is_wanted,
                         .done = done,
                         .user = user};
    iscep_status status = iscep_transaction_id_parse(waiting->transaction_id, request->transaction_id, err);
    if (status == ISCEP_OK)
        status = iscep_csr_rules_check_len(&service->policy->csr, request->csr.len, err);
    if (status == ISCEP_OK)
        status = iscep_csr_parse(csr, request->csr, err);
    if (status != ISCEP_OK) {
        abandon(waiting, err);
        return status;
    }
    *out = waiting;
    return ISCEP_OK;
}

iscep_status iscep_service_verify(iscep_service *service, const iscep_service_request *request,
                                  iscep_verdict_fn done, void *user, iscep_error *err)
{
    pending *waiting = NULL;
    iscep_csr *csr = NULL;
    iscep_x509_facts facts = {0};
    iscep_verdict refusal;
    iscep_status status = begin(&waiting, &csr, service, "request_verified", request, done, user, err);
    if (status != ISCEP_OK)
        return status;
    status = read_facts(&facts, waiting, csr, err);
    if (status != ISCEP_OK)
        abandon(waiting, err);
    else if (!iscep_csr_rules_pass(&service->policy->csr, &facts, iscep_csr_challenge(csr), &refusal))
        on_verdict(waiting, &refusal);
    else
        iscep_sharing_validate(service->sharing, waiting->transaction_id, iscep_csr_der(csr),
                               &(iscep_asker){.deadline_mono_ms = request->deadline_mono_ms,
                                              .is_wanted = is_wanted,
                                              .done = on_verdict,
                                              .user = waiting});
    iscep_x509_facts_clear(&facts);
    iscep_csr_free(csr);
    return status;
}

/* Is the certificate what was granted? Otherwise finding says what it is not. */
static iscep_status compare(bool *is_granted, iscep_verdict *finding, const iscep_service *service,
                            pending *waiting, const iscep_csr *csr, iscep_bytes der, iscep_error *err)
{
    iscep_x509_facts asked = {0}, given = {0};
    iscep_status status = read_facts(&asked, waiting, csr, err);
    if (status == ISCEP_OK)
        status = iscep_x509_facts_of_cert(&given, der, err);
    *is_granted = status == ISCEP_OK &&
                  iscep_issued_check_pass(&asked, &given, iscep_now_unix_ms(service->env) / 1000, finding);
    if (status == ISCEP_USAGE) { /* it cannot be read: a finding, too */
        iscep_refusal_emit(finding, ISCEP_DENY, err->code, err->message);
        status = ISCEP_OK;
    }
    iscep_x509_facts_clear(&asked);
    iscep_x509_facts_clear(&given);
    return status;
}

/* is_withheld: the verdict was given, and Intune is not told. */
static iscep_status check_issued(bool *is_withheld, const iscep_service *service, pending *waiting,
                                 const iscep_csr *csr, iscep_bytes der, iscep_error *err)
{
    bool is_granted = true;
    iscep_verdict finding;
    *is_withheld = false;
    if (service->policy->issued_check == ISCEP_ISSUED_OFF)
        return ISCEP_OK;
    iscep_status status = compare(&is_granted, &finding, service, waiting, csr, der, err);
    if (status != ISCEP_OK || is_granted)
        return status;
    *is_withheld = service->policy->issued_check == ISCEP_ISSUED_WITHHOLD;
    if (*is_withheld)
        on_verdict(waiting, &finding);
    else
        iscep_log_event(service->env->log, ISCEP_LOG_WARN, "issued_check",
                        ISCEP_LOG_TEXT("transaction_id", waiting->transaction_id),
                        ISCEP_LOG_TEXT("code", finding.code), ISCEP_LOG_TEXT("reason", finding.message));
    return ISCEP_OK;
}

/* The facts that Intune is told of a certificate that belongs to the request. */
static iscep_status report(const iscep_service *service, pending *waiting, const iscep_csr *csr,
                           iscep_bytes der, int64_t deadline_mono_ms, iscep_error *err)
{
    iscep_cert *cert = NULL;
    bool is_withheld = false;
    iscep_status status = iscep_cert_parse(&cert, der, err);
    if (status == ISCEP_OK && !iscep_cert_has_key_of(cert, csr))
        status = iscep_error_set(
            err, ISCEP_USAGE, "certificate_key_mismatch",
            "the certificate does not carry the CSR's key: it was issued for another request");
    if (status == ISCEP_OK)
        status = check_issued(&is_withheld, service, waiting, csr, der, err);
    if (status != ISCEP_OK) {
        abandon(waiting, err);
    } else if (!is_withheld) {
        iscep_issued_facts facts = {.transaction_id = waiting->transaction_id,
                                    .csr = iscep_csr_der(csr),
                                    .thumbprint = iscep_cert_thumbprint(cert),
                                    .serial = iscep_cert_serial(cert),
                                    .not_after_unix = iscep_cert_not_after_unix(cert),
                                    .issuer = iscep_cert_issuer(cert)};
        heed(iscep_intune_notify_issued(service->intune, &facts, deadline_mono_ms, on_verdict, waiting));
    }
    iscep_cert_free(cert);
    return status;
}

iscep_status iscep_service_report_issued(iscep_service *service, const iscep_service_request *request,
                                         iscep_bytes cert, iscep_verdict_fn done, void *user,
                                         iscep_error *err)
{
    pending *waiting = NULL;
    iscep_csr *csr = NULL;
    iscep_status status = begin(&waiting, &csr, service, "issued_reported", request, done, user, err);
    if (status != ISCEP_OK)
        return status;
    status = report(service, waiting, csr, cert, request->deadline_mono_ms, err);
    iscep_csr_free(csr);
    return status;
}

iscep_status iscep_service_report_failed(iscep_service *service, const iscep_service_request *request,
                                         uint32_t error_code, const char *description, iscep_verdict_fn done,
                                         void *user, iscep_error *err)
{
    pending *waiting = NULL;
    iscep_csr *csr = NULL;
    iscep_status status = begin(&waiting, &csr, service, "failure_reported", request, done, user, err);
    if (status != ISCEP_OK)
        return status;
    iscep_failed_facts facts = {.transaction_id = waiting->transaction_id,
                                .csr = iscep_csr_der(csr),
                                .error_code = error_code,
                                .description = description};
    heed(iscep_intune_notify_failed(service->intune, &facts, request->deadline_mono_ms, on_verdict, waiting));
    iscep_csr_free(csr);
    return ISCEP_OK;
}
