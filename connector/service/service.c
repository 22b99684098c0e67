/* See service.h. */
#include "service/service.h"

#include <stdlib.h>

#include "base/transaction_id.h"
#include "base/x509.h"

struct iscep_service {
    const iscep_env *env;
    iscep_intune *intune;
};

/* One use case under way: what the log line at its end needs. */
typedef struct pending {
    const iscep_env *env;
    const char *event;
    char transaction_id[ISCEP_TRANSACTION_ID_SIZE];
    int64_t started_mono_ms;
    iscep_verdict_fn done;
    void *user;
} pending;

iscep_status iscep_service_new(iscep_service **out, const iscep_env *env, iscep_intune *intune,
                               iscep_error *err)
{
    iscep_service *service = calloc(1, sizeof *service);
    if (service == NULL)
        return iscep_error_nomem(err);
    *service = (iscep_service){.env = env, .intune = intune};
    *out = service;
    return ISCEP_OK;
}

void iscep_service_free(iscep_service *service)
{
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
        ISCEP_LOG_TEXT("client_request_id", verdict->request_id), ISCEP_LOG_TEXT("reason", verdict->message));
    waiting->done(waiting->user, verdict);
    free(waiting);
}

/* A refusal of our own is a security decision too, and leaves the same kind of line. */
static void log_refusal(const iscep_service *service, const char *event, const iscep_error *err)
{
    iscep_log_event(service->env->log, ISCEP_LOG_WARN, event, ISCEP_LOG_TEXT("verdict", "deny"),
                    ISCEP_LOG_TEXT("code", err->code), ISCEP_LOG_TEXT("reason", err->message));
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
                         .started_mono_ms = iscep_now_mono_ms(service->env),
                         .done = done,
                         .user = user};
    iscep_status status = iscep_transaction_id_parse(waiting->transaction_id, request->transaction_id, err);
    if (status == ISCEP_OK)
        status = iscep_csr_parse(csr, request->csr, err);
    if (status != ISCEP_OK) {
        free(waiting);
        log_refusal(service, event, err);
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
    iscep_status status = begin(&waiting, &csr, service, "request_verified", request, done, user, err);
    if (status != ISCEP_OK)
        return status;
    iscep_intune_validate(service->intune, waiting->transaction_id, iscep_csr_der(csr),
                          request->deadline_mono_ms, on_verdict, waiting);
    iscep_csr_free(csr);
    return ISCEP_OK;
}

/* The facts that Intune is told of a certificate that belongs to the request. */
static iscep_status report(const iscep_service *service, pending *waiting, const iscep_csr *csr,
                           iscep_bytes der, int64_t deadline_mono_ms, iscep_error *err)
{
    iscep_cert *cert = NULL;
    iscep_status status = iscep_cert_parse(&cert, der, err);
    if (status == ISCEP_OK && !iscep_cert_has_key_of(cert, csr))
        status = iscep_error_set(
            err, ISCEP_USAGE, "certificate_key_mismatch",
            "the certificate does not carry the CSR's key: it was issued for another request");
    if (status == ISCEP_OK) {
        iscep_issued_facts facts = {.transaction_id = waiting->transaction_id,
                                    .csr = iscep_csr_der(csr),
                                    .thumbprint = iscep_cert_thumbprint(cert),
                                    .serial = iscep_cert_serial(cert),
                                    .not_after_unix = iscep_cert_not_after_unix(cert),
                                    .issuer = iscep_cert_issuer(cert)};
        iscep_intune_notify_issued(service->intune, &facts, deadline_mono_ms, on_verdict, waiting);
    } else {
        log_refusal(service, waiting->event, err);
        free(waiting);
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
    iscep_intune_notify_failed(service->intune, &facts, request->deadline_mono_ms, on_verdict, waiting);
    iscep_csr_free(csr);
    return ISCEP_OK;
}
