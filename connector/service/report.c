/*
 * What became of a granted request: a certificate, or none. Here it is checked that the report can be true; what happens
 * to it then is reporting.c's.
 */
#include "service/refusals.h"
#include "service/reporting.h"

#include <stdlib.h>
#include <string.h>

/* Is the certificate what was granted? Otherwise finding says what it is not. */
static iscep_status compare(bool *is_granted, iscep_verdict *finding, iscep_use_case *it, iscep_bytes der,
                            iscep_error *err)
{
    iscep_x509_facts asked = {0}, given = {0};
    int64_t now_unix = iscep_now_unix_ms(it->service->env) / 1000;
    iscep_status status = iscep_use_case_read_facts(it, &asked, err);
    if (status == ISCEP_OK)
        status = iscep_x509_facts_of_cert(&given, der, err);
    *is_granted = status == ISCEP_OK && iscep_issued_check_pass(&asked, &given, now_unix, finding);
    if (status == ISCEP_USAGE) { /* it cannot be read: a finding, too */
        iscep_refusal_emit(finding, ISCEP_DENY, err->code, err->message);
        status = ISCEP_OK;
    }
    iscep_x509_facts_clear(&asked);
    iscep_x509_facts_clear(&given);
    return status;
}

/* is_refused: finding is the answer, and Intune is not told. */
static iscep_status check_issued(bool *is_refused, iscep_verdict *finding, iscep_use_case *it,
                                 iscep_bytes der, iscep_error *err)
{
    bool is_granted = true;
    iscep_issued_mode mode = it->service->options->policy.issued_check;
    *is_refused = false;
    if (mode == ISCEP_ISSUED_OFF)
        return ISCEP_OK;
    iscep_status status = compare(&is_granted, finding, it, der, err);
    if (status != ISCEP_OK || is_granted)
        return status;
    *is_refused = mode == ISCEP_ISSUED_WITHHOLD;
    if (!*is_refused)
        iscep_log_event(it->service->env->log, ISCEP_LOG_WARN, "issued_check",
                        ISCEP_LOG_TEXT("transaction_id", it->transaction_id),
                        ISCEP_LOG_TEXT("code", finding->code), ISCEP_LOG_TEXT("reason", finding->message),
                        ISCEP_LOG_TEXT("tenant", it->service->options->tenant));
    return ISCEP_OK;
}

/* Nobody can withhold it: it is put on record as withheld all the same, which has it revoked. */
static iscep_status keep_finding(iscep_use_case *it, const iscep_verdict *finding, iscep_error *err)
{
    it->finding = malloc(sizeof *it->finding);
    if (it->finding == NULL)
        return iscep_error_nomem(err);
    *it->finding = *finding;
    return ISCEP_OK;
}

static iscep_status read_certificate(iscep_use_case *it, iscep_bytes der, iscep_error *err)
{
    iscep_status status = iscep_cert_parse(&it->cert, der, err);
    if (status == ISCEP_OK && !iscep_cert_has_key_of(it->cert, it->csr))
        status = iscep_error_set(
            err, ISCEP_USAGE, "certificate_key_mismatch",
            "the certificate does not carry the CSR's key: it was issued for another request");
    return status;
}

iscep_status iscep_service_report_issued(iscep_service *service, const iscep_service_request *request,
                                         iscep_bytes cert, iscep_service_fn done, void *user,
                                         iscep_error *err)
{
    iscep_use_case *it = NULL;
    iscep_verdict finding;
    bool is_refused = false;
    iscep_status status = iscep_use_case_begin(&it, service, ISCEP_USE_ISSUED, request, done, user, err);
    if (status != ISCEP_OK)
        return status;
    status = read_certificate(it, cert, err);
    if (status == ISCEP_OK)
        status = check_issued(&is_refused, &finding, it, cert, err);
    if (status == ISCEP_OK && is_refused && it->is_delivered_anyway)
        status = keep_finding(it, &finding, err);
    if (status != ISCEP_OK) {
        iscep_use_case_reject(it, err);
    } else if (is_refused && !it->is_delivered_anyway) {
        iscep_use_case_note(it, ISCEP_EVENT_WITHHELD, finding.code, finding.message, NULL);
        iscep_use_case_answer(it, &finding, (iscep_bytes){0});
    } else if (iscep_use_case_has_journal(it)) {
        iscep_reporting_begin(it, cert);
    }
    return status;
}

iscep_status iscep_service_report_failed(iscep_service *service, const iscep_service_request *request,
                                         uint32_t error_code, const char *description, iscep_service_fn done,
                                         void *user, iscep_error *err)
{
    iscep_use_case *it = NULL;
    iscep_status status = iscep_use_case_begin(&it, service, ISCEP_USE_FAILED, request, done, user, err);
    if (status != ISCEP_OK)
        return status;
    it->error_code = error_code;
    it->description = strdup(description != NULL ? description : "");
    if (it->description == NULL) {
        status = iscep_error_nomem(err);
        iscep_use_case_reject(it, err);
    } else if (iscep_use_case_has_journal(it)) {
        iscep_reporting_begin(it, (iscep_bytes){0});
    }
    return status;
}
