/* The state machine of enrol.h, up to ALLOW. */
#include "enrol.h"

#include <stdlib.h>
#include <string.h>

#include "admission.h"
#include "base/x509.h"
#include "ossl_auto.h"
#include "passage.h"
#include "query.h"

/* Before issuing: the question that all this is about, for a transaction that is ours to settle. */

static iscep_status ask(iscep_passage *at, iscep_error *err);

/* The plugin knows of a certificate that was issued for this request and reported: its answer was lost on the way to the
 * device, or this host has forgotten it. It is believed only as far as this CA's own register bears it out. */
static iscep_status deliver_again(iscep_passage *at, iscep_error *err)
{
    iscep_bytes der = iscep_question_delivery(&at->question);
    iscep_vouching vouching = ISCEP_VOUCH_NO;
    if (iscep_passage_read_cert(&at->cert, at->enrol, der, NULL) == ISCEP_OK)
        vouching = iscep_admit_delivery(at->enrol->ca, at->enrol->crypto, iscep_passage_enrolment(at)->csr,
                                        at->cert);
    if (vouching == ISCEP_VOUCH_LATER) {
        iscep_passage_park(at, &ISCEP_PASSAGE_CA_AWAY);
        return ISCEP_OK;
    }
    if (vouching == ISCEP_VOUCH_YES) {
        iscep_buf_append(&at->cert_der, der.data, der.len);
        if (iscep_buf_status(&at->cert_der, err) != ISCEP_OK)
            return ISCEP_NOMEM;
        iscep_passage_deliver(at);
        return ISCEP_OK;
    }
    iscep_passage_refuse(at, ISCEP_BAD_REQUEST,
                         "the certificate that was issued for this request before cannot be delivered");
    iscep_passage_forget(at);
    return ISCEP_OK;
}

static iscep_status on_verdict(iscep_passage *at, iscep_error *err)
{
    const iscep_plugin_answer *answer = iscep_question_answer(&at->question);
    switch (answer->decision) {
    case ISCEP_PLUGIN_ALLOWED:
        return iscep_passage_grant(at, err);
    case ISCEP_PLUGIN_DELIVERS:
        return deliver_again(at, err);
    case ISCEP_PLUGIN_RETRY:
        iscep_passage_park(at, answer);
        return ISCEP_OK;
    case ISCEP_PLUGIN_DECLINED:
        iscep_passage_log_answer(at->enrol, ISCEP_LOG_INFO, "enrolment_declined", iscep_passage_enrolment(at),
                                 answer);
        iscep_transaction_pass_turn(at->transaction);
        return ask(at, err);
    case ISCEP_PLUGIN_REFUSED:
        break;
    }
    iscep_passage_log_answer(at->enrol, ISCEP_LOG_WARN, "enrolment_refused", iscep_passage_enrolment(at),
                             answer);
    iscep_passage_fail_as_plugin_says(at, answer);
    iscep_passage_forget(at);
    return ISCEP_OK;
}

static bool has_static_challenge(const iscep_passage *at)
{
    iscep_csr *csr = NULL;
    if (!at->enrol->static_challenge ||
        iscep_csr_parse(&csr, iscep_passage_enrolment(at)->csr, NULL) != ISCEP_OK)
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
        return iscep_passage_grant(at, err);
    const iscep_plugin_answer *answer = at->enrol->static_challenge ? &wrong : &declined;
    iscep_passage_log_answer(at->enrol, ISCEP_LOG_WARN, "enrolment_refused", iscep_passage_enrolment(at),
                             answer);
    iscep_passage_fail_as_plugin_says(at, answer);
    iscep_passage_forget(at);
    return ISCEP_OK;
}

static iscep_status ask(iscep_passage *at, iscep_error *err)
{
    iscep_plugin_host *plugin = iscep_passage_plugin(at);
    if (!plugin)
        return apply_own_rule(at, err);
    at->next = on_verdict;
    iscep_question_verify(&at->question, plugin, iscep_passage_enrolment(at),
                          at->peer[0] != '\0' ? at->peer : NULL);
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
        status = iscep_passage_read_cert(&at->cert, at->enrol, der, err);
    if (status == ISCEP_OK)
        iscep_passage_report(at);
    return status;
}

/* Unless it has been revoked, or is over, since it was delivered. */
static iscep_status repeat_delivery(iscep_passage *at, iscep_error *err)
{
    iscep_status status = iscep_passage_read_cert(&at->cert, at->enrol, iscep_buf_bytes(&at->cert_der), err);
    if (status != ISCEP_OK)
        return status;
    switch (iscep_host_ca_vouch(at->enrol->ca, at->cert)) {
    case ISCEP_VOUCH_YES:
        iscep_passage_succeed(at);
        return ISCEP_OK;
    case ISCEP_VOUCH_LATER:
        at->outcome.status = ISCEP_PKI_PENDING;
        return ISCEP_OK;
    case ISCEP_VOUCH_NO:
        break;
    }
    iscep_passage_refuse(at, ISCEP_BAD_REQUEST,
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
        iscep_passage_refuse(at, ISCEP_BAD_REQUEST, "the transaction is under way for another request");
        return ISCEP_OK;
    case ISCEP_CLAIM_OTHER_KEY:
        iscep_passage_refuse(at, ISCEP_BAD_MESSAGE_CHECK, "the transaction was begun with another key");
        return ISCEP_OK;
    case ISCEP_CLAIM_UNKNOWN:
        iscep_passage_refuse(at, ISCEP_BAD_CERT_ID, "no such transaction is pending");
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
    iscep_passage_refuse(at, fail_info, err->message);
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
        iscep_passage_refuse(at, ISCEP_BAD_REQUEST, "this server does not know that message type");
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

static iscep_passage *new_passage(const iscep_enrol *enrol)
{
    iscep_passage *at = calloc(1, sizeof(*at));
    if (!at)
        return NULL;
    at->enrol = enrol;
    at->outcome = (iscep_outcome)ISCEP_OUTCOME_INIT;
    iscep_buf_init(&at->cert_der, ISCEP_CERT_MAX_LEN);
    return at;
}

iscep_status iscep_passage_new(iscep_passage **out, const iscep_enrol *enrol, iscep_bytes message,
                               const char *peer, iscep_error *err)
{
    iscep_passage *at = new_passage(enrol);
    if (!at)
        return iscep_error_nomem(err);
    at->has_message = true;
    at->next = open_and_dispatch;
    iscep_text_copy(at->peer, sizeof(at->peer), peer ? peer : "");
    iscep_status status = iscep_pki_message_parse(&at->message, enrol->crypto, message, err);
    if (status != ISCEP_OK) {
        iscep_passage_free(at);
        return status;
    }
    *out = at;
    return ISCEP_OK;
}

iscep_status iscep_passage_new_abandoned(iscep_passage **out, const iscep_enrol *enrol, iscep_error *err)
{
    *out = NULL;
    iscep_transaction *transaction =
        iscep_transactions_take_abandoned(enrol->transactions, enrol->ca_patience_ms);
    if (!transaction)
        return ISCEP_OK;
    iscep_passage *at = new_passage(enrol);
    if (!at) {
        iscep_transactions_park(enrol->transactions, transaction, 0);
        return iscep_error_nomem(err);
    }
    at->transaction = transaction;
    at->next = iscep_passage_give_up;
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
        iscep_passage_step next = at->next;
        at->next = NULL;
        status = next(at, err);
        if (iscep_question_is_under_way(&at->question))
            return status;
    }
    return status == ISCEP_OK && at->has_message ? build_reply(at, reply, err) : status;
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
    bool is_kept =
        at->cert_der.len > 0 &&
        iscep_transactions_park_issued(at->enrol->transactions, at->transaction,
                                       iscep_buf_bytes(&at->cert_der), iscep_passage_wait_ms(at, &nobody));
    if (!is_kept)
        iscep_transactions_park(at->enrol->transactions, at->transaction, iscep_passage_wait_ms(at, &nobody));
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
