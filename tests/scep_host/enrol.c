/* The state machine of enrol.h. */
#include "enrol.h"

#include <stdio.h>
#include <string.h>

#include "base/x509.h"
#include "cert_rep.h"
#include "issuer_and_subject.h"
#include "ossl_auto.h"

#define HRESULT_NTE_FAIL                                                                                     \
    0x80090020u /* "An internal error occurred": what the plugin is told when the CA fails */

/* One message on its way through the machine. */
typedef struct passage {
    const iscep_enrol *enrol;
    const iscep_pki_message *message;
    uint8_t signer_key[ISCEP_SHA256_LEN];
    iscep_outcome *outcome; /* a FAILURE until something better is known */
} passage;

static void fail(const passage *at, iscep_fail_info fail_info, const char *text)
{
    at->outcome->status = ISCEP_PKI_FAILURE;
    at->outcome->fail_info = fail_info;
    iscep_text_copy(at->outcome->text, sizeof(at->outcome->text), text);
}

static void fail_as_plugin_says(const passage *at, const iscep_plugin_answer *answer)
{
    bool has_both = answer->code[0] != '\0' && answer->message[0] != '\0';
    char text[sizeof(at->outcome->text)];
    snprintf(text, sizeof(text), "%s%s%s", answer->code, has_both ? ": " : "", answer->message);
    fail(at, ISCEP_BAD_REQUEST, text);
}

/* A refusal by the host itself, before the plugin was asked. */
static void refuse(const passage *at, iscep_fail_info fail_info, const char *text)
{
    iscep_log_event(at->enrol->env->log, ISCEP_LOG_WARN, "message_refused",
                    ISCEP_LOG_TEXT("transaction", at->message->transaction_id),
                    ISCEP_LOG_TEXT("fail_info", iscep_fail_info_name(fail_info)),
                    ISCEP_LOG_TEXT("reason", text));
    fail(at, fail_info, text);
}

static iscep_status succeed(const passage *at, iscep_bytes cert_der, iscep_error *err)
{
    OSSL_AUTO(X509) *cert = X509_new_ex(iscep_crypto_context(at->enrol->crypto), NULL);
    const uint8_t *der = cert_der.data;
    if (!cert || !d2i_X509(&cert, &der, (long)cert_der.len))
        return iscep_crypto_error(err, ISCEP_NOMEM, NULL, "an issued certificate cannot be read");
    at->outcome->status = ISCEP_PKI_SUCCESS;
    at->outcome->cert = cert;
    cert = NULL;
    return ISCEP_OK;
}

static void log_answer(const passage *at, iscep_log_level level, const char *event,
                       const iscep_enrolment *enrolment, const iscep_plugin_answer *answer)
{
    iscep_log_event(at->enrol->env->log, level, event,
                    ISCEP_LOG_TEXT("transaction", enrolment->transaction_id),
                    ISCEP_LOG_TEXT("code", answer->code), ISCEP_LOG_TEXT("message", answer->message),
                    ISCEP_LOG_TEXT("request", answer->request_id));
}

static void log_cert(const passage *at, iscep_log_level level, const char *event,
                     const iscep_enrolment *enrolment, const X509 *cert)
{
    char serial[ISCEP_HOST_SERIAL_SIZE];
    iscep_host_serial(serial, cert);
    iscep_log_event(at->enrol->env->log, level, event,
                    ISCEP_LOG_TEXT("transaction", enrolment->transaction_id),
                    ISCEP_LOG_TEXT("serial", serial));
}

/* The certificate exists and must not reach the device. */
static void withhold(const passage *at, iscep_transaction *transaction, const X509 *cert,
                     const iscep_plugin_answer *answer)
{
    const iscep_enrolment *enrolment = iscep_transaction_enrolment(transaction);
    iscep_error err = ISCEP_ERROR_INIT;
    log_cert(at, ISCEP_LOG_WARN, "certificate_withheld", enrolment, cert);
    log_answer(at, ISCEP_LOG_WARN, "report_not_accepted", enrolment, answer);
    if (iscep_host_ca_withhold(at->enrol->ca, cert, &err) != ISCEP_OK)
        iscep_log_event(at->enrol->env->log, ISCEP_LOG_ERROR, "archive_failed",
                        ISCEP_LOG_TEXT("error", err.message));
    fail_as_plugin_says(at, answer);
    iscep_transactions_forget(at->enrol->transactions, transaction);
}

/* The plugin must know of the certificate before the device has it. */
static iscep_status report_and_deliver(const passage *at, iscep_transaction *transaction, const X509 *cert,
                                       iscep_error *err)
{
    const iscep_enrolment *enrolment = iscep_transaction_enrolment(transaction);
    ISCEP_AUTO_BUF der;
    iscep_buf_init(&der, ISCEP_CERT_MAX_LEN);
    iscep_plugin_answer answer = {.decision = ISCEP_PLUGIN_REFUSED, .code = "ca_failed"};
    iscep_status status = iscep_crypto_cert_der(&der, cert, err);
    if (status == ISCEP_OK)
        iscep_plugin_host_issued(at->enrol->plugin, enrolment, iscep_buf_bytes(&der), &answer);
    if (answer.decision != ISCEP_PLUGIN_ALLOWED) {
        withhold(at, transaction, cert, &answer);
        return status;
    }
    log_cert(at, ISCEP_LOG_INFO, "certificate_delivered", enrolment, cert);
    status = succeed(at, iscep_buf_bytes(&der), err);
    iscep_transactions_deliver(at->enrol->transactions, transaction, iscep_buf_bytes(&der));
    return status;
}

/* The CA failed after the plugin had allowed: the plugin is told, the device is refused. */
static void report_failure(const passage *at, iscep_transaction *transaction, const iscep_error *why)
{
    const iscep_enrolment *enrolment = iscep_transaction_enrolment(transaction);
    iscep_log_event(at->enrol->env->log, ISCEP_LOG_ERROR, "ca_failed",
                    ISCEP_LOG_TEXT("transaction", enrolment->transaction_id),
                    ISCEP_LOG_TEXT("error", why->message));
    iscep_plugin_answer answer;
    iscep_plugin_host_failed(at->enrol->plugin, enrolment, HRESULT_NTE_FAIL, why->message, &answer);
    if (answer.decision != ISCEP_PLUGIN_ALLOWED)
        log_answer(at, ISCEP_LOG_WARN, "failure_not_recorded", enrolment, &answer);
    fail(at, ISCEP_BAD_REQUEST, "the certification authority failed");
    iscep_transactions_forget(at->enrol->transactions, transaction);
}

static iscep_status issue(X509 **cert, const passage *at, const iscep_enrolment *enrolment, iscep_error *err)
{
    iscep_cert_request request;
    iscep_fail_info unused;
    iscep_status status = iscep_cert_request_parse(&request, at->enrol->crypto, enrolment->csr, &unused, err);
    if (status == ISCEP_OK)
        status = iscep_host_ca_issue(cert, at->enrol->ca, &request, err);
    iscep_cert_request_clear(&request);
    return status;
}

static iscep_status grant(const passage *at, iscep_transaction *transaction, iscep_error *err)
{
    OSSL_AUTO(X509) *cert = NULL;
    iscep_error why = ISCEP_ERROR_INIT;
    if (issue(&cert, at, iscep_transaction_enrolment(transaction), &why) != ISCEP_OK) {
        report_failure(at, transaction, &why);
        return ISCEP_OK;
    }
    return report_and_deliver(at, transaction, cert, err);
}

static void park(const passage *at, iscep_transaction *transaction, const iscep_plugin_answer *answer)
{
    log_answer(at, ISCEP_LOG_INFO, "enrolment_pending", iscep_transaction_enrolment(transaction), answer);
    int64_t wait_ms = answer->retry_after_ms > 0 ? answer->retry_after_ms : at->enrol->pending_retry_ms;
    at->outcome->status = ISCEP_PKI_PENDING;
    iscep_transactions_park(at->enrol->transactions, transaction, wait_ms);
}

/* The question that all this is about, for a transaction that is ours to settle. */
static iscep_status ask(const passage *at, iscep_transaction *transaction, iscep_error *err)
{
    const iscep_enrolment *enrolment = iscep_transaction_enrolment(transaction);
    iscep_plugin_answer answer;
    iscep_plugin_host_verify(at->enrol->plugin, enrolment, &answer);
    switch (answer.decision) {
    case ISCEP_PLUGIN_ALLOWED:
        return grant(at, transaction, err);
    case ISCEP_PLUGIN_RETRY:
        park(at, transaction, &answer);
        return ISCEP_OK;
    case ISCEP_PLUGIN_DECLINED: /* this host has no other rule by which it could issue */
    case ISCEP_PLUGIN_REFUSED:
        break;
    }
    log_answer(at, ISCEP_LOG_WARN, "enrolment_refused", enrolment, &answer);
    fail_as_plugin_says(at, &answer);
    iscep_transactions_forget(at->enrol->transactions, transaction);
    return ISCEP_OK;
}

static iscep_status proceed(const passage *at, iscep_claim claim, iscep_transaction *transaction,
                            iscep_bytes delivered_cert, iscep_error *err)
{
    switch (claim) {
    case ISCEP_CLAIM_MINE:
        return ask(at, transaction, err);
    case ISCEP_CLAIM_LATER:
        at->outcome->status = ISCEP_PKI_PENDING;
        return ISCEP_OK;
    case ISCEP_CLAIM_DELIVERED:
        return succeed(at, delivered_cert, err);
    case ISCEP_CLAIM_OTHER_CSR:
        refuse(at, ISCEP_BAD_REQUEST, "the transaction is under way for another request");
        return ISCEP_OK;
    case ISCEP_CLAIM_OTHER_KEY:
        refuse(at, ISCEP_BAD_MESSAGE_CHECK, "the transaction was begun with another key");
        return ISCEP_OK;
    case ISCEP_CLAIM_UNKNOWN:
        refuse(at, ISCEP_BAD_CERT_ID, "no such transaction is pending");
        return ISCEP_OK;
    case ISCEP_CLAIM_FULL:
        break;
    }
    return iscep_error_set(err, ISCEP_THROTTLED, "transactions_full", "too many transactions are pending");
}

/* PKCSReq: whoever signs must hold the key that is to be certified. RenewalReq: must hold a certificate of
 * ours. */
static bool is_signer_entitled(const passage *at, const iscep_cert_request *request)
{
    X509 *signer = at->message->signer;
    if (at->message->message_type == SCEP_MESSAGE_RENEWAL_REQ)
        return iscep_host_ca_vouches_for(at->enrol->ca, signer);
    return EVP_PKEY_eq(X509_get0_pubkey(signer), X509_REQ_get0_pubkey(request->csr)) == 1;
}

static bool is_request_sound(const passage *at)
{
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_fail_info fail_info = ISCEP_BAD_REQUEST;
    iscep_cert_request request;
    iscep_status status = iscep_cert_request_parse(&request, at->enrol->crypto,
                                                   iscep_buf_bytes(&at->message->content), &fail_info, &err);
    bool is_sound = false;
    if (status != ISCEP_OK)
        refuse(at, fail_info, err.message);
    else if (!is_signer_entitled(at, &request))
        refuse(at, ISCEP_BAD_MESSAGE_CHECK, "the message is not signed by the key or certificate it needs");
    else
        is_sound = true;
    iscep_cert_request_clear(&request);
    return is_sound;
}

static iscep_status handle_request(const passage *at, iscep_error *err)
{
    if (!is_request_sound(at))
        return ISCEP_OK;
    ISCEP_AUTO_BUF signer_cert;
    ISCEP_AUTO_BUF delivered;
    iscep_buf_init(&signer_cert, ISCEP_CERT_MAX_LEN);
    iscep_buf_init(&delivered, ISCEP_CERT_MAX_LEN);
    iscep_status status = iscep_crypto_cert_der(&signer_cert, at->message->signer, err);
    if (status != ISCEP_OK)
        return status;
    const iscep_enrolment enrolment = {.transaction_id = at->message->transaction_id,
                                       .message_type = at->message->message_type,
                                       .csr = iscep_buf_bytes(&at->message->content),
                                       .signer_cert = iscep_buf_bytes(&signer_cert)};
    iscep_transaction *transaction = NULL;
    iscep_claim claim = iscep_transactions_claim(at->enrol->transactions, &enrolment, at->signer_key,
                                                 &transaction, &delivered);
    return proceed(at, claim, transaction, iscep_buf_bytes(&delivered), err);
}

/* Does the poll name the certificate that its transaction is about? */
static bool is_poll_for(const passage *at, iscep_bytes csr)
{
    iscep_cert_request request;
    iscep_fail_info unused;
    iscep_status status = iscep_cert_request_parse(&request, at->enrol->crypto, csr, &unused, NULL);
    bool is_same = status == ISCEP_OK &&
                   iscep_issuer_and_subject_match(iscep_buf_bytes(&at->message->content),
                                                  X509_get_subject_name(iscep_host_ca_cert(at->enrol->ca)),
                                                  X509_REQ_get_subject_name(request.csr));
    iscep_cert_request_clear(&request);
    return is_same;
}

static bool is_poll_sound(const passage *at)
{
    iscep_buf csr;
    iscep_buf_init(&csr, ISCEP_CSR_MAX_LEN);
    bool is_known = iscep_transactions_find(at->enrol->transactions, at->message->transaction_id, &csr);
    bool is_sound = !is_known || is_poll_for(at, iscep_buf_bytes(&csr));
    iscep_buf_wipe(&csr);
    return is_sound;
}

static iscep_status handle_poll(const passage *at, iscep_error *err)
{
    if (!is_poll_sound(at)) {
        refuse(at, ISCEP_BAD_CERT_ID, "the poll names another certificate than the request did");
        return ISCEP_OK;
    }
    ISCEP_AUTO_BUF delivered;
    iscep_buf_init(&delivered, ISCEP_CERT_MAX_LEN);
    iscep_transaction *transaction = NULL;
    iscep_claim claim = iscep_transactions_poll(at->enrol->transactions, at->message->transaction_id,
                                                at->signer_key, &transaction, &delivered);
    return proceed(at, claim, transaction, iscep_buf_bytes(&delivered), err);
}

static iscep_status dispatch(const passage *at, iscep_error *err)
{
    switch (at->message->message_type) {
    case SCEP_MESSAGE_PKCS_REQ:
    case SCEP_MESSAGE_RENEWAL_REQ:
        return handle_request(at, err);
    case ISCEP_MESSAGE_CERT_POLL:
        return handle_poll(at, err);
    default: /* GetCert and GetCRL are optional (RFC 8894 2.9) */
        refuse(at, ISCEP_BAD_REQUEST, "this server does not know that message type");
        return ISCEP_OK;
    }
}

static iscep_status open_and_dispatch(const iscep_enrol *enrol, iscep_pki_message *message,
                                      iscep_outcome *outcome, iscep_error *err)
{
    const iscep_pki_opener opener = {.crypto = enrol->crypto,
                                     .cert = iscep_host_ca_cert(enrol->ca),
                                     .key = iscep_host_ca_key(enrol->ca),
                                     .now_unix = iscep_now_unix_ms(enrol->env) / 1000};
    passage at = {.enrol = enrol, .message = message, .outcome = outcome};
    iscep_fail_info fail_info = ISCEP_BAD_MESSAGE_CHECK;
    iscep_status status = iscep_pki_message_open(message, &opener, &fail_info, err);
    if (status == ISCEP_USAGE) {
        refuse(&at, fail_info, err->message);
        return ISCEP_OK;
    }
    if (status == ISCEP_OK)
        status = iscep_crypto_key_digest(at.signer_key, message->signer, err);
    return status == ISCEP_OK ? dispatch(&at, err) : status;
}

static iscep_status answer_message(const iscep_enrol *enrol, iscep_pki_message *message, iscep_buf *reply,
                                   iscep_error *err)
{
    iscep_outcome outcome = ISCEP_OUTCOME_INIT;
    const iscep_cert_rep_signer signer = {.env = enrol->env,
                                          .crypto = enrol->crypto,
                                          .cert = iscep_host_ca_cert(enrol->ca),
                                          .key = iscep_host_ca_key(enrol->ca)};
    iscep_status status = open_and_dispatch(enrol, message, &outcome, err);
    if (status == ISCEP_OK)
        status = iscep_cert_rep_build(reply, &signer, message, &outcome, err);
    iscep_outcome_clear(&outcome);
    return status;
}

iscep_status iscep_enrol_answer(const iscep_enrol *enrol, iscep_bytes der, iscep_buf *reply, iscep_error *err)
{
    iscep_pki_message message;
    iscep_status status = iscep_pki_message_parse(&message, enrol->crypto, der, err);
    if (status == ISCEP_OK)
        status = answer_message(enrol, &message, reply, err);
    iscep_pki_message_clear(&message);
    return status;
}
