/* What the parts of an enrolment share: the outcome, the log, and settling. */
#include "passage.h"

#include <stdio.h>
#include <string.h>

#include "base/x509.h"
#include "ossl_auto.h"

const iscep_plugin_answer ISCEP_PASSAGE_CA_AWAY = {
    .decision = ISCEP_PLUGIN_RETRY, .code = "ca_away", .message = "the CA cannot be asked now"};

void iscep_passage_fail(iscep_passage *at, iscep_fail_info fail_info, const char *text)
{
    at->outcome.status = ISCEP_PKI_FAILURE;
    at->outcome.fail_info = fail_info;
    iscep_text_copy(at->outcome.text, sizeof(at->outcome.text), text);
}

void iscep_passage_fail_as_plugin_says(iscep_passage *at, const iscep_plugin_answer *answer)
{
    bool has_both = answer->code[0] != '\0' && answer->message[0] != '\0';
    char text[sizeof(at->outcome.text)];
    snprintf(text, sizeof(text), "%s%s%s", answer->code, has_both ? ": " : "", answer->message);
    iscep_passage_fail(at, ISCEP_BAD_REQUEST, text);
}

void iscep_passage_refuse(iscep_passage *at, iscep_fail_info fail_info, const char *text)
{
    iscep_log_event(at->enrol->env->log, ISCEP_LOG_WARN, "message_refused",
                    ISCEP_LOG_TEXT("transaction_id", at->message.transaction_id),
                    ISCEP_LOG_TEXT("fail_info", iscep_fail_info_name(fail_info)),
                    ISCEP_LOG_TEXT("reason", text));
    iscep_passage_fail(at, fail_info, text);
}

iscep_status iscep_passage_read_cert(X509 **out, const iscep_enrol *enrol, iscep_bytes der, iscep_error *err)
{
    OSSL_AUTO(X509) *cert = X509_new_ex(iscep_crypto_context(enrol->crypto), NULL);
    const uint8_t *at = der.data;
    if (!cert || !d2i_X509(&cert, &at, (long)der.len) || at != der.data + der.len)
        return iscep_crypto_error(err, ISCEP_PROTOCOL, NULL, "the certificate cannot be read");
    *out = cert;
    cert = NULL;
    return ISCEP_OK;
}

void iscep_passage_succeed(iscep_passage *at)
{
    at->outcome.status = ISCEP_PKI_SUCCESS;
    at->outcome.cert = at->cert;
    at->cert = NULL;
}

void iscep_passage_log_answer(const iscep_enrol *enrol, iscep_log_level level, const char *event,
                              const iscep_enrolment *enrolment, const iscep_plugin_answer *answer)
{
    iscep_log_event(enrol->env->log, level, event,
                    ISCEP_LOG_TEXT("transaction_id", enrolment->transaction_id),
                    ISCEP_LOG_TEXT("code", answer->code), ISCEP_LOG_TEXT("message", answer->message),
                    ISCEP_LOG_TEXT("client_request_id", answer->request_id));
}

static void log_cert(const iscep_enrol *enrol, iscep_log_level level, const char *event,
                     const iscep_enrolment *enrolment, const X509 *cert)
{
    char serial[ISCEP_HOST_SERIAL_SIZE];
    iscep_host_serial(serial, cert);
    iscep_log_event(enrol->env->log, level, event,
                    ISCEP_LOG_TEXT("transaction_id", enrolment->transaction_id),
                    ISCEP_LOG_TEXT("serial", serial));
}

static void log_archive_failure(const iscep_enrol *enrol, const iscep_error *why)
{
    iscep_log_event(enrol->env->log, ISCEP_LOG_ERROR, "archive_failed",
                    ISCEP_LOG_TEXT("error", why->message));
}

void iscep_passage_forget(iscep_passage *at)
{
    iscep_transactions_forget(at->enrol->transactions, at->transaction);
    at->transaction = NULL;
}

int64_t iscep_passage_wait_ms(const iscep_passage *at, const iscep_plugin_answer *answer)
{
    return answer->retry_after_ms > 0 ? answer->retry_after_ms : at->enrol->pending_retry_ms;
}

void iscep_passage_park(iscep_passage *at, const iscep_plugin_answer *answer)
{
    iscep_passage_log_answer(at->enrol, ISCEP_LOG_INFO, "enrolment_pending", iscep_passage_enrolment(at),
                             answer);
    at->outcome.status = ISCEP_PKI_PENDING;
    iscep_transactions_park(at->enrol->transactions, at->transaction, iscep_passage_wait_ms(at, answer));
    at->transaction = NULL;
}

bool iscep_passage_park_issued(iscep_passage *at, const iscep_plugin_answer *answer)
{
    iscep_passage_log_answer(at->enrol, ISCEP_LOG_INFO, "report_pending", iscep_passage_enrolment(at),
                             answer);
    at->outcome.status = ISCEP_PKI_PENDING;
    if (!iscep_transactions_park_issued(at->enrol->transactions, at->transaction,
                                        iscep_buf_bytes(&at->cert_der), iscep_passage_wait_ms(at, answer)))
        return false;
    at->transaction = NULL;
    return true;
}

void iscep_passage_withhold(const iscep_enrol *enrol, iscep_transaction *transaction, const X509 *cert,
                            const iscep_plugin_answer *answer)
{
    const iscep_enrolment *enrolment = iscep_transaction_enrolment(transaction);
    iscep_error err = ISCEP_ERROR_INIT;
    log_cert(enrol, ISCEP_LOG_WARN, "certificate_withheld", enrolment, cert);
    iscep_passage_log_answer(enrol, ISCEP_LOG_WARN, "report_not_accepted", enrolment, answer);
    if (iscep_host_ca_withhold(enrol->ca, cert, &err) != ISCEP_OK)
        log_archive_failure(enrol, &err);
    iscep_transactions_forget(enrol->transactions, transaction);
}

void iscep_passage_deliver(iscep_passage *at)
{
    iscep_error err = ISCEP_ERROR_INIT;
    log_cert(at->enrol, ISCEP_LOG_INFO, "certificate_delivered", iscep_passage_enrolment(at), at->cert);
    if (iscep_host_ca_deliver(at->enrol->ca, at->cert, &err) != ISCEP_OK)
        log_archive_failure(at->enrol, &err);
    iscep_transactions_deliver(at->enrol->transactions, at->transaction, iscep_buf_bytes(&at->cert_der));
    at->transaction = NULL;
    iscep_passage_succeed(at);
}
