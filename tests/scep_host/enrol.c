/* The state machine of enrol.h. */
#include "enrol.h"

#include <stdio.h>
#include <string.h>

#include "base/x509.h"
#include "cert_rep.h"
#include "issuer_and_subject.h"
#include "ossl_auto.h"
#include "query.h"

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
                    ISCEP_LOG_TEXT("transaction_id", at->message->transaction_id),
                    ISCEP_LOG_TEXT("fail_info", iscep_fail_info_name(fail_info)),
                    ISCEP_LOG_TEXT("reason", text));
    fail(at, fail_info, text);
}

static iscep_status read_cert(X509 **out, const iscep_enrol *enrol, iscep_bytes der, iscep_error *err)
{
    OSSL_AUTO(X509) *cert = X509_new_ex(iscep_crypto_context(enrol->crypto), NULL);
    const uint8_t *at = der.data;
    if (!cert || !d2i_X509(&cert, &at, (long)der.len) || at != der.data + der.len)
        return iscep_crypto_error(err, ISCEP_PROTOCOL, NULL, "the certificate cannot be read");
    *out = cert;
    cert = NULL;
    return ISCEP_OK;
}

/* Takes the certificate. */
static void succeed(const passage *at, X509 *cert)
{
    at->outcome->status = ISCEP_PKI_SUCCESS;
    at->outcome->cert = cert;
}

static void log_answer(const iscep_enrol *enrol, iscep_log_level level, const char *event,
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

/* The certificate exists and must not reach the device, now or ever. */
static void withhold(const iscep_enrol *enrol, iscep_transaction *transaction, const X509 *cert,
                     const iscep_plugin_answer *answer)
{
    const iscep_enrolment *enrolment = iscep_transaction_enrolment(transaction);
    iscep_error err = ISCEP_ERROR_INIT;
    log_cert(enrol, ISCEP_LOG_WARN, "certificate_withheld", enrolment, cert);
    log_answer(enrol, ISCEP_LOG_WARN, "report_not_accepted", enrolment, answer);
    if (iscep_host_ca_withhold(enrol->ca, cert, &err) != ISCEP_OK)
        log_archive_failure(enrol, &err);
    iscep_transactions_forget(enrol->transactions, transaction);
}

/* Takes the certificate. That the archive is behind does not keep it from the device. */
static void deliver(const passage *at, iscep_transaction *transaction, X509 *cert, iscep_bytes der)
{
    iscep_error err = ISCEP_ERROR_INIT;
    log_cert(at->enrol, ISCEP_LOG_INFO, "certificate_delivered", iscep_transaction_enrolment(transaction),
             cert);
    if (iscep_host_ca_deliver(at->enrol->ca, cert, &err) != ISCEP_OK)
        log_archive_failure(at->enrol, &err);
    succeed(at, cert);
    iscep_transactions_deliver(at->enrol->transactions, transaction, der);
}

static int64_t wait_ms_of(const passage *at, const iscep_plugin_answer *answer)
{
    return answer->retry_after_ms > 0 ? answer->retry_after_ms : at->enrol->pending_retry_ms;
}

/* True: the device has to come again, and the certificate waits for it. */
static bool park_issued(const passage *at, iscep_transaction *transaction, iscep_bytes der,
                        const iscep_plugin_answer *answer)
{
    const iscep_enrolment *enrolment = iscep_transaction_enrolment(transaction);
    log_answer(at->enrol, ISCEP_LOG_INFO, "report_pending", enrolment, answer);
    at->outcome->status = ISCEP_PKI_PENDING;
    return iscep_transactions_park_issued(at->enrol->transactions, transaction, der, wait_ms_of(at, answer));
}

/* What had to wait may have been revoked meanwhile. */
static void check_parked(const passage *at, const iscep_transaction *transaction, X509 *cert,
                         iscep_plugin_answer *answer)
{
    bool is_parked = iscep_transaction_cert(transaction).len > 0;
    if (answer->decision == ISCEP_PLUGIN_ALLOWED && is_parked &&
        !iscep_host_ca_vouches_for(at->enrol->ca, cert))
        *answer =
            (iscep_plugin_answer){.decision = ISCEP_PLUGIN_REFUSED,
                                  .code = "no_longer_valid",
                                  .message = "it was revoked, or expired, before it could be delivered"};
}

/* The plugin must know of the certificate before the device has it. Takes the certificate. */
static void report_and_deliver(const passage *at, iscep_transaction *transaction, X509 *cert, iscep_bytes der)
{
    iscep_plugin_answer answer;
    iscep_plugin_host_issued(at->enrol->plugin, iscep_transaction_enrolment(transaction), der, &answer);
    check_parked(at, transaction, cert, &answer);
    if (answer.decision == ISCEP_PLUGIN_ALLOWED) {
        deliver(at, transaction, cert, der);
        return;
    }
    if (answer.decision != ISCEP_PLUGIN_RETRY || !park_issued(at, transaction, der, &answer)) {
        withhold(at->enrol, transaction, cert, &answer);
        fail_as_plugin_says(at, &answer);
    }
    X509_free(cert);
}

/* The CA failed after the plugin had allowed: the plugin is told, the device is refused. */
static void report_failure(const passage *at, iscep_transaction *transaction, const iscep_error *why)
{
    const iscep_enrolment *enrolment = iscep_transaction_enrolment(transaction);
    iscep_log_event(at->enrol->env->log, ISCEP_LOG_ERROR, "ca_failed",
                    ISCEP_LOG_TEXT("transaction_id", enrolment->transaction_id),
                    ISCEP_LOG_TEXT("error", why->message));
    iscep_plugin_answer answer;
    iscep_plugin_host_failed(at->enrol->plugin, enrolment, HRESULT_NTE_FAIL, why->message, &answer);
    if (answer.decision != ISCEP_PLUGIN_ALLOWED)
        log_answer(at->enrol, ISCEP_LOG_WARN, "failure_not_recorded", enrolment, &answer);
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
    ISCEP_AUTO_BUF der;
    iscep_buf_init(&der, ISCEP_CERT_MAX_LEN);
    iscep_error why = ISCEP_ERROR_INIT;
    if (issue(&cert, at, iscep_transaction_enrolment(transaction), &why) != ISCEP_OK) {
        report_failure(at, transaction, &why);
        return ISCEP_OK;
    }
    iscep_status status = iscep_crypto_cert_der(&der, cert, err);
    if (status != ISCEP_OK) {
        const iscep_plugin_answer unreported = {.code = "ca_failed"};
        withhold(at->enrol, transaction, cert, &unreported);
        return status;
    }
    report_and_deliver(at, transaction, cert, iscep_buf_bytes(&der));
    cert = NULL;
    return ISCEP_OK;
}

static void park(const passage *at, iscep_transaction *transaction, const iscep_plugin_answer *answer)
{
    log_answer(at->enrol, ISCEP_LOG_INFO, "enrolment_pending", iscep_transaction_enrolment(transaction),
               answer);
    at->outcome->status = ISCEP_PKI_PENDING;
    iscep_transactions_park(at->enrol->transactions, transaction, wait_ms_of(at, answer));
}

/* A certificate of ours, valid and unrevoked, for the key of this very request? */
static bool is_delivery_sound(const passage *at, const iscep_enrolment *enrolment, X509 *cert)
{
    iscep_cert_request request;
    iscep_fail_info unused;
    iscep_status status =
        iscep_cert_request_parse(&request, at->enrol->crypto, enrolment->csr, &unused, NULL);
    bool is_sound = status == ISCEP_OK &&
                    EVP_PKEY_eq(X509_get0_pubkey(cert), X509_REQ_get0_pubkey(request.csr)) == 1 &&
                    iscep_host_ca_vouches_for(at->enrol->ca, cert);
    iscep_cert_request_clear(&request);
    return is_sound;
}

/* The plugin knows of a certificate that was issued for this request and reported: its answer was lost on the way to the
 * device, or this host has forgotten it. It is believed only as far as this CA's own register bears it out. */
static void deliver_again(const passage *at, iscep_transaction *transaction, iscep_bytes der)
{
    const iscep_enrolment *enrolment = iscep_transaction_enrolment(transaction);
    OSSL_AUTO(X509) *cert = NULL;
    if (read_cert(&cert, at->enrol, der, NULL) == ISCEP_OK && is_delivery_sound(at, enrolment, cert)) {
        deliver(at, transaction, cert, der);
        cert = NULL;
        return;
    }
    refuse(at, ISCEP_BAD_REQUEST,
           "the certificate that was issued for this request before cannot be delivered");
    iscep_transactions_forget(at->enrol->transactions, transaction);
}

/* The question that all this is about, for a transaction that is ours to settle. */
static iscep_status ask(const passage *at, iscep_transaction *transaction, iscep_error *err)
{
    const iscep_enrolment *enrolment = iscep_transaction_enrolment(transaction);
    ISCEP_AUTO_BUF delivery;
    iscep_buf_init(&delivery, ISCEP_CERT_MAX_LEN);
    iscep_plugin_answer answer;
    iscep_plugin_host_verify(at->enrol->plugin, enrolment, &answer, &delivery);
    switch (answer.decision) {
    case ISCEP_PLUGIN_ALLOWED:
        return grant(at, transaction, err);
    case ISCEP_PLUGIN_DELIVERS:
        deliver_again(at, transaction, iscep_buf_bytes(&delivery));
        return ISCEP_OK;
    case ISCEP_PLUGIN_RETRY:
        park(at, transaction, &answer);
        return ISCEP_OK;
    case ISCEP_PLUGIN_DECLINED: /* this host has no other rule by which it could issue */
    case ISCEP_PLUGIN_REFUSED:
        break;
    }
    log_answer(at->enrol, ISCEP_LOG_WARN, "enrolment_refused", enrolment, &answer);
    fail_as_plugin_says(at, &answer);
    iscep_transactions_forget(at->enrol->transactions, transaction);
    return ISCEP_OK;
}

/* Where it was parked: before it was issued, or after. */
static iscep_status go_on(const passage *at, iscep_transaction *transaction, iscep_error *err)
{
    X509 *cert = NULL;
    iscep_bytes der = iscep_transaction_cert(transaction);
    if (der.len == 0)
        return ask(at, transaction, err);
    iscep_status status = read_cert(&cert, at->enrol, der, err);
    if (status == ISCEP_OK)
        report_and_deliver(at, transaction, cert, der);
    else
        iscep_transactions_park(at->enrol->transactions, transaction, at->enrol->pending_retry_ms);
    return status;
}

/* Unless it has been revoked, or is over, since it was delivered. */
static iscep_status repeat_delivery(const passage *at, iscep_bytes der, iscep_error *err)
{
    X509 *cert = NULL;
    iscep_status status = read_cert(&cert, at->enrol, der, err);
    if (status != ISCEP_OK)
        return status;
    if (iscep_host_ca_vouches_for(at->enrol->ca, cert)) {
        succeed(at, cert);
    } else {
        refuse(at, ISCEP_BAD_REQUEST,
               "the certificate that was issued for this request is revoked, or no longer valid");
        X509_free(cert);
    }
    return ISCEP_OK;
}

static iscep_status proceed(const passage *at, iscep_claim claim, iscep_transaction *transaction,
                            iscep_bytes delivered_cert, iscep_error *err)
{
    switch (claim) {
    case ISCEP_CLAIM_MINE:
        return go_on(at, transaction, err);
    case ISCEP_CLAIM_LATER:
        at->outcome->status = ISCEP_PKI_PENDING;
        return ISCEP_OK;
    case ISCEP_CLAIM_DELIVERED:
        return repeat_delivery(at, delivered_cert, err);
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

static iscep_status handle_query(const passage *at, iscep_error *err)
{
    iscep_fail_info fail_info = ISCEP_BAD_REQUEST;
    iscep_status status = iscep_query_answer(at->outcome, at->enrol->ca, at->message->message_type,
                                             iscep_buf_bytes(&at->message->content), &fail_info, err);
    if (status != ISCEP_USAGE)
        return status;
    refuse(at, fail_info, err->message);
    return ISCEP_OK;
}

static iscep_status dispatch(const passage *at, iscep_error *err)
{
    switch (at->message->message_type) {
    case SCEP_MESSAGE_PKCS_REQ:
    case SCEP_MESSAGE_RENEWAL_REQ:
        return handle_request(at, err);
    case ISCEP_MESSAGE_CERT_POLL:
        return handle_poll(at, err);
    case ISCEP_MESSAGE_GET_CERT:
    case ISCEP_MESSAGE_GET_CRL:
        return handle_query(at, err);
    default:
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

/* False: out of memory; next time. */
static bool withhold_expired(const iscep_enrol *enrol, iscep_transaction *transaction)
{
    static const iscep_plugin_answer too_late = {.code = "report_too_late",
                                                 .message = "it could not be reported within an hour"};
    OSSL_AUTO(X509) *cert = NULL;
    if (read_cert(&cert, enrol, iscep_transaction_cert(transaction), NULL) != ISCEP_OK) {
        iscep_transactions_park(enrol->transactions, transaction, 0);
        return false;
    }
    withhold(enrol, transaction, cert, &too_late);
    return true;
}

void iscep_enrol_sweep(const iscep_enrol *enrol)
{
    iscep_transaction *transaction;
    do
        transaction = iscep_transactions_take_expired(enrol->transactions);
    while (transaction && withhold_expired(enrol, transaction));
}

iscep_status iscep_enrol_answer(const iscep_enrol *enrol, iscep_bytes der, iscep_buf *reply, iscep_error *err)
{
    iscep_pki_message message;
    iscep_enrol_sweep(enrol);
    iscep_status status = iscep_pki_message_parse(&message, enrol->crypto, der, err);
    if (status == ISCEP_OK)
        status = answer_message(enrol, &message, reply, err);
    iscep_pki_message_clear(&message);
    return status;
}
