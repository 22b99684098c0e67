/* The state machine of enrol.h. */
#include "enrol.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admission.h"
#include "base/x509.h"
#include "cert_rep.h"
#include "ossl_auto.h"
#include "query.h"
#include "question.h"

#define HRESULT_NTE_FAIL                                                                                     \
    0x80090020u /* "An internal error occurred": what the plugin is told when the CA fails */

enum { PEER_SIZE = 48 };

/* What is done next: at once, or when the plugin has answered. Without a plugin to wait for and without a next step the
 * passage is at its end. */
typedef iscep_status (*step)(iscep_passage *at, iscep_error *err);

struct iscep_passage {
    const iscep_enrol *enrol;
    char peer[PEER_SIZE];
    iscep_pki_message message;
    uint8_t signer_key[ISCEP_SHA256_LEN];
    iscep_outcome outcome;          /* a FAILURE until something better is known */
    iscep_transaction *transaction; /* claimed and not settled; NULL: none */
    X509 *cert;                     /* issued, or about to be delivered; NULL: none */
    iscep_buf cert_der;
    step next;
    iscep_question question;
};

static const iscep_enrolment *enrolment_of(const iscep_passage *at)
{
    return iscep_transaction_enrolment(at->transaction);
}

/* Whose turn it is, or who has decided; NULL: the endpoint's own rule. */
static iscep_plugin_host *plugin_of(const iscep_passage *at)
{
    size_t turn = iscep_transaction_turn(at->transaction);
    return turn < at->enrol->plugin_count ? at->enrol->plugins[turn] : NULL;
}

static void fail(iscep_passage *at, iscep_fail_info fail_info, const char *text)
{
    at->outcome.status = ISCEP_PKI_FAILURE;
    at->outcome.fail_info = fail_info;
    iscep_text_copy(at->outcome.text, sizeof(at->outcome.text), text);
}

static void fail_as_plugin_says(iscep_passage *at, const iscep_plugin_answer *answer)
{
    bool has_both = answer->code[0] != '\0' && answer->message[0] != '\0';
    char text[sizeof(at->outcome.text)];
    snprintf(text, sizeof(text), "%s%s%s", answer->code, has_both ? ": " : "", answer->message);
    fail(at, ISCEP_BAD_REQUEST, text);
}

/* A refusal by the host itself, before the plugin was asked. */
static void refuse(iscep_passage *at, iscep_fail_info fail_info, const char *text)
{
    iscep_log_event(at->enrol->env->log, ISCEP_LOG_WARN, "message_refused",
                    ISCEP_LOG_TEXT("transaction_id", at->message.transaction_id),
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

/* With the certificate that the passage has come to. */
static void succeed(iscep_passage *at)
{
    at->outcome.status = ISCEP_PKI_SUCCESS;
    at->outcome.cert = at->cert;
    at->cert = NULL;
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

/* Settling: each gives the transaction back. */

static void forget(iscep_passage *at)
{
    iscep_transactions_forget(at->enrol->transactions, at->transaction);
    at->transaction = NULL;
}

static int64_t wait_ms_of(const iscep_passage *at, const iscep_plugin_answer *answer)
{
    return answer->retry_after_ms > 0 ? answer->retry_after_ms : at->enrol->pending_retry_ms;
}

static void park(iscep_passage *at, const iscep_plugin_answer *answer)
{
    log_answer(at->enrol, ISCEP_LOG_INFO, "enrolment_pending", enrolment_of(at), answer);
    at->outcome.status = ISCEP_PKI_PENDING;
    iscep_transactions_park(at->enrol->transactions, at->transaction, wait_ms_of(at, answer));
    at->transaction = NULL;
}

/* True: the device has to come again, and the certificate waits for it. */
static bool park_issued(iscep_passage *at, const iscep_plugin_answer *answer)
{
    log_answer(at->enrol, ISCEP_LOG_INFO, "report_pending", enrolment_of(at), answer);
    at->outcome.status = ISCEP_PKI_PENDING;
    if (!iscep_transactions_park_issued(at->enrol->transactions, at->transaction,
                                        iscep_buf_bytes(&at->cert_der), wait_ms_of(at, answer)))
        return false;
    at->transaction = NULL;
    return true;
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

/* That the archive is behind does not keep the certificate from the device. */
static void deliver(iscep_passage *at)
{
    iscep_error err = ISCEP_ERROR_INIT;
    log_cert(at->enrol, ISCEP_LOG_INFO, "certificate_delivered", enrolment_of(at), at->cert);
    if (iscep_host_ca_deliver(at->enrol->ca, at->cert, &err) != ISCEP_OK)
        log_archive_failure(at->enrol, &err);
    iscep_transactions_deliver(at->enrol->transactions, at->transaction, iscep_buf_bytes(&at->cert_der));
    at->transaction = NULL;
    succeed(at);
}

/* After issuing: the plugin must know of the certificate before the device has it. */

static const iscep_plugin_answer REVOKED_MEANWHILE = {
    .code = "no_longer_valid", .message = "it was revoked, or expired, before it could be delivered"};

/* What had to wait may have been revoked meanwhile. */
static bool is_still_deliverable(const iscep_passage *at)
{
    bool was_parked = iscep_transaction_cert(at->transaction).len > 0;
    return !was_parked || iscep_host_ca_vouches_for(at->enrol->ca, at->cert);
}

static iscep_status on_report(iscep_passage *at, iscep_error *err)
{
    (void)err;
    const iscep_plugin_answer *answer = iscep_question_answer(&at->question);
    if (answer->decision == ISCEP_PLUGIN_ALLOWED && is_still_deliverable(at)) {
        deliver(at);
        return ISCEP_OK;
    }
    if (answer->decision == ISCEP_PLUGIN_RETRY && park_issued(at, answer))
        return ISCEP_OK;
    if (answer->decision == ISCEP_PLUGIN_ALLOWED)
        answer = &REVOKED_MEANWHILE;
    withhold(at->enrol, at->transaction, at->cert, answer);
    at->transaction = NULL;
    fail_as_plugin_says(at, answer);
    return ISCEP_OK;
}

static void report(iscep_passage *at)
{
    iscep_plugin_host *plugin = plugin_of(at);
    if (!plugin) { /* the endpoint's own rule has decided */
        deliver(at);
        return;
    }
    at->next = on_report;
    iscep_question_issued(&at->question, plugin, enrolment_of(at), iscep_buf_bytes(&at->cert_der));
}

static iscep_status on_failure_recorded(iscep_passage *at, iscep_error *err)
{
    (void)err;
    const iscep_plugin_answer *answer = iscep_question_answer(&at->question);
    if (answer->decision != ISCEP_PLUGIN_ALLOWED)
        log_answer(at->enrol, ISCEP_LOG_WARN, "failure_not_recorded", enrolment_of(at), answer);
    forget(at);
    return ISCEP_OK;
}

/* The CA failed after the plugin had allowed: the plugin is told, the device is refused. */
static void report_failure(iscep_passage *at, const iscep_error *why)
{
    iscep_plugin_host *plugin = plugin_of(at);
    iscep_log_event(at->enrol->env->log, ISCEP_LOG_ERROR, "ca_failed",
                    ISCEP_LOG_TEXT("transaction_id", enrolment_of(at)->transaction_id),
                    ISCEP_LOG_TEXT("error", why->message));
    fail(at, ISCEP_BAD_REQUEST, "the certification authority failed");
    if (!plugin) {
        forget(at);
        return;
    }
    at->next = on_failure_recorded;
    iscep_question_failed(&at->question, plugin, enrolment_of(at), HRESULT_NTE_FAIL, why->message);
}

static iscep_status issue(iscep_passage *at, iscep_error *err)
{
    iscep_cert_request request;
    iscep_fail_info unused;
    iscep_status status =
        iscep_cert_request_parse(&request, at->enrol->crypto, enrolment_of(at)->csr, &unused, err);
    if (status == ISCEP_OK)
        status = iscep_host_ca_issue(&at->cert, at->enrol->ca, &request, err);
    iscep_cert_request_clear(&request);
    return status;
}

static iscep_status grant(iscep_passage *at, iscep_error *err)
{
    iscep_error why = ISCEP_ERROR_INIT;
    if (issue(at, &why) != ISCEP_OK) {
        report_failure(at, &why);
        return ISCEP_OK;
    }
    iscep_status status = iscep_crypto_cert_der(&at->cert_der, at->cert, err);
    if (status != ISCEP_OK) {
        const iscep_plugin_answer unreported = {.code = "ca_failed"};
        withhold(at->enrol, at->transaction, at->cert, &unreported);
        at->transaction = NULL;
        return status;
    }
    report(at);
    return ISCEP_OK;
}

/* Before issuing: the question that all this is about, for a transaction that is ours to settle. */

static iscep_status ask(iscep_passage *at, iscep_error *err);

/* The plugin knows of a certificate that was issued for this request and reported: its answer was lost on the way to the
 * device, or this host has forgotten it. It is believed only as far as this CA's own register bears it out. */
static iscep_status deliver_again(iscep_passage *at, iscep_error *err)
{
    iscep_bytes der = iscep_question_delivery(&at->question);
    if (read_cert(&at->cert, at->enrol, der, NULL) == ISCEP_OK &&
        iscep_admit_delivery(at->enrol->ca, at->enrol->crypto, enrolment_of(at)->csr, at->cert)) {
        iscep_buf_append(&at->cert_der, der.data, der.len);
        if (iscep_buf_status(&at->cert_der, err) != ISCEP_OK)
            return ISCEP_NOMEM;
        deliver(at);
        return ISCEP_OK;
    }
    refuse(at, ISCEP_BAD_REQUEST,
           "the certificate that was issued for this request before cannot be delivered");
    forget(at);
    return ISCEP_OK;
}

static iscep_status on_verdict(iscep_passage *at, iscep_error *err)
{
    const iscep_plugin_answer *answer = iscep_question_answer(&at->question);
    switch (answer->decision) {
    case ISCEP_PLUGIN_ALLOWED:
        return grant(at, err);
    case ISCEP_PLUGIN_DELIVERS:
        return deliver_again(at, err);
    case ISCEP_PLUGIN_RETRY:
        park(at, answer);
        return ISCEP_OK;
    case ISCEP_PLUGIN_DECLINED:
        log_answer(at->enrol, ISCEP_LOG_INFO, "enrolment_declined", enrolment_of(at), answer);
        iscep_transaction_pass_turn(at->transaction);
        return ask(at, err);
    case ISCEP_PLUGIN_REFUSED:
        break;
    }
    log_answer(at->enrol, ISCEP_LOG_WARN, "enrolment_refused", enrolment_of(at), answer);
    fail_as_plugin_says(at, answer);
    forget(at);
    return ISCEP_OK;
}

static bool has_static_challenge(const iscep_passage *at)
{
    iscep_csr *csr = NULL;
    if (!at->enrol->static_challenge || iscep_csr_parse(&csr, enrolment_of(at)->csr, NULL) != ISCEP_OK)
        return false;
    bool is_right = iscep_secret_equals(at->enrol->static_challenge, iscep_csr_challenge(csr));
    iscep_csr_free(csr);
    return is_right;
}

/* The endpoint's own rule. A renewal needs the challenge too. */
static iscep_status apply_own_rule(iscep_passage *at, iscep_error *err)
{
    static const iscep_plugin_answer wrong = {.code = "challenge_wrong",
                                              .message = "the challenge is not the one of this endpoint"};
    static const iscep_plugin_answer declined = {.code = "declined",
                                                 .message = "no plugin of this endpoint decides on it"};
    if (has_static_challenge(at))
        return grant(at, err);
    const iscep_plugin_answer *answer = at->enrol->static_challenge ? &wrong : &declined;
    log_answer(at->enrol, ISCEP_LOG_WARN, "enrolment_refused", enrolment_of(at), answer);
    fail_as_plugin_says(at, answer);
    forget(at);
    return ISCEP_OK;
}

static iscep_status ask(iscep_passage *at, iscep_error *err)
{
    iscep_plugin_host *plugin = plugin_of(at);
    if (!plugin)
        return apply_own_rule(at, err);
    at->next = on_verdict;
    iscep_question_verify(&at->question, plugin, enrolment_of(at), at->peer[0] != '\0' ? at->peer : NULL);
    return ISCEP_OK;
}

/* Where it was parked: before it was issued, or after. */
static iscep_status resume(iscep_passage *at, iscep_error *err)
{
    iscep_bytes der = iscep_transaction_cert(at->transaction);
    if (der.len == 0)
        return ask(at, err);
    iscep_buf_append(&at->cert_der, der.data, der.len);
    iscep_status status = iscep_buf_status(&at->cert_der, err);
    if (status == ISCEP_OK)
        status = read_cert(&at->cert, at->enrol, der, err);
    if (status == ISCEP_OK)
        report(at);
    return status;
}

/* Unless it has been revoked, or is over, since it was delivered. */
static iscep_status repeat_delivery(iscep_passage *at, iscep_error *err)
{
    iscep_status status = read_cert(&at->cert, at->enrol, iscep_buf_bytes(&at->cert_der), err);
    if (status != ISCEP_OK)
        return status;
    if (iscep_host_ca_vouches_for(at->enrol->ca, at->cert))
        succeed(at);
    else
        refuse(at, ISCEP_BAD_REQUEST,
               "the certificate that was issued for this request is revoked, or no longer valid");
    return ISCEP_OK;
}

static iscep_status proceed(iscep_passage *at, iscep_claim claim, iscep_error *err)
{
    switch (claim) {
    case ISCEP_CLAIM_MINE:
        return resume(at, err);
    case ISCEP_CLAIM_LATER:
        at->outcome.status = ISCEP_PKI_PENDING;
        return ISCEP_OK;
    case ISCEP_CLAIM_DELIVERED:
        return repeat_delivery(at, err);
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

/* The device's fault is answered; what is the host's is not. */
static iscep_status settle_refusal(iscep_passage *at, iscep_status status, iscep_fail_info fail_info,
                                   const iscep_error *err)
{
    if (status != ISCEP_USAGE)
        return status;
    refuse(at, fail_info, err->message);
    return ISCEP_OK;
}

static iscep_status handle_request(iscep_passage *at, iscep_error *err)
{
    iscep_fail_info fail_info = ISCEP_BAD_REQUEST;
    iscep_status status =
        iscep_admit_request(at->enrol->ca, at->enrol->crypto, &at->message, &fail_info, err);
    if (status != ISCEP_OK)
        return settle_refusal(at, status, fail_info, err);
    ISCEP_AUTO_BUF signer_cert;
    iscep_buf_init(&signer_cert, ISCEP_CERT_MAX_LEN);
    status = iscep_crypto_cert_der(&signer_cert, at->message.signer, err);
    if (status != ISCEP_OK)
        return status;
    const iscep_enrolment enrolment = {.transaction_id = at->message.transaction_id,
                                       .message_type = at->message.message_type,
                                       .csr = iscep_buf_bytes(&at->message.content),
                                       .signer_cert = iscep_buf_bytes(&signer_cert)};
    iscep_claim claim = iscep_transactions_claim(at->enrol->transactions, &enrolment, at->signer_key,
                                                 &at->transaction, &at->cert_der);
    /* The transaction has its own, which counts against the table's limit. */
    iscep_buf_wipe(&at->message.content);
    return proceed(at, claim, err);
}

static iscep_status handle_poll(iscep_passage *at, iscep_error *err)
{
    iscep_fail_info fail_info = ISCEP_BAD_REQUEST;
    iscep_status status = iscep_admit_poll(at->enrol->ca, at->enrol->crypto, at->enrol->transactions,
                                           &at->message, &fail_info, err);
    if (status != ISCEP_OK)
        return settle_refusal(at, status, fail_info, err);
    iscep_claim claim = iscep_transactions_poll(at->enrol->transactions, at->message.transaction_id,
                                                at->signer_key, &at->transaction, &at->cert_der);
    return proceed(at, claim, err);
}

static iscep_status handle_query(iscep_passage *at, iscep_error *err)
{
    iscep_fail_info fail_info = ISCEP_BAD_REQUEST;
    iscep_status status = iscep_query_answer(&at->outcome, at->enrol->ca, at->message.message_type,
                                             iscep_buf_bytes(&at->message.content), &fail_info, err);
    return settle_refusal(at, status, fail_info, err);
}

static iscep_status dispatch(iscep_passage *at, iscep_error *err)
{
    switch (at->message.message_type) {
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

/* The first step of every passage. */
static iscep_status open_and_dispatch(iscep_passage *at, iscep_error *err)
{
    const iscep_pki_opener opener = {.crypto = at->enrol->crypto,
                                     .recipient = iscep_host_ca_scep(at->enrol->ca),
                                     .now_unix = iscep_now_unix_ms(at->enrol->env) / 1000};
    iscep_fail_info fail_info = ISCEP_BAD_MESSAGE_CHECK;
    iscep_enrol_sweep(at->enrol);
    iscep_status status = iscep_pki_message_open(&at->message, &opener, &fail_info, err);
    if (status != ISCEP_OK)
        return settle_refusal(at, status, fail_info, err);
    status = iscep_crypto_key_digest(at->signer_key, at->message.signer, err);
    return status == ISCEP_OK ? dispatch(at, err) : status;
}

iscep_status iscep_passage_new(iscep_passage **out, const iscep_enrol *enrol, iscep_bytes message,
                               const char *peer, iscep_error *err)
{
    iscep_passage *at = calloc(1, sizeof(*at));
    if (!at)
        return iscep_error_nomem(err);
    at->enrol = enrol;
    at->outcome = (iscep_outcome)ISCEP_OUTCOME_INIT;
    at->next = open_and_dispatch;
    iscep_buf_init(&at->cert_der, ISCEP_CERT_MAX_LEN);
    iscep_text_copy(at->peer, sizeof(at->peer), peer ? peer : "");
    iscep_status status = iscep_pki_message_parse(&at->message, enrol->crypto, message, err);
    if (status != ISCEP_OK) {
        iscep_passage_free(at);
        return status;
    }
    *out = at;
    return ISCEP_OK;
}

static iscep_status build_reply(const iscep_passage *at, iscep_buf *reply, iscep_error *err)
{
    const iscep_cert_rep_signer signer = {
        .env = at->enrol->env, .crypto = at->enrol->crypto, .identity = iscep_host_ca_scep(at->enrol->ca)};
    return iscep_cert_rep_build(reply, &signer, &at->message, &at->outcome, err);
}

iscep_status iscep_passage_go_on(iscep_passage *at, iscep_buf *reply, iscep_error *err)
{
    iscep_status status = ISCEP_OK;
    if (!iscep_question_is_answered(&at->question))
        return ISCEP_OK;
    while (status == ISCEP_OK && at->next) {
        step next = at->next;
        at->next = NULL;
        status = next(at, err);
        if (iscep_question_is_under_way(&at->question))
            return status;
    }
    return status == ISCEP_OK ? build_reply(at, reply, err) : status;
}

bool iscep_passage_waits(const iscep_passage *at, int *descriptor, int64_t *until_mono_ms)
{
    if (!at->next)
        return false;
    *descriptor = at->question.descriptor;
    *until_mono_ms = at->question.overdue_mono_ms;
    return true;
}

/* What could not be settled can be tried again. */
static void give_back(const iscep_passage *at)
{
    if (!at->transaction)
        return;
    const iscep_plugin_answer nobody = {.decision = ISCEP_PLUGIN_RETRY};
    bool is_kept = at->cert_der.len > 0 &&
                   iscep_transactions_park_issued(at->enrol->transactions, at->transaction,
                                                  iscep_buf_bytes(&at->cert_der), wait_ms_of(at, &nobody));
    if (!is_kept)
        iscep_transactions_park(at->enrol->transactions, at->transaction, wait_ms_of(at, &nobody));
}

void iscep_passage_free(iscep_passage *at)
{
    if (!at)
        return;
    iscep_question_clear(&at->question);
    give_back(at);
    iscep_pki_message_clear(&at->message);
    iscep_outcome_clear(&at->outcome);
    X509_free(at->cert);
    iscep_buf_clear(&at->cert_der);
    free(at);
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
