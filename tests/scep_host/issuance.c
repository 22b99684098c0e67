/* From ALLOW to the certificate in the device's hands, or nobody's. */
#include "base/x509.h"
#include "ossl_auto.h"
#include "passage.h"

#define HRESULT_NTE_FAIL                                                                                     \
    0x80090020u /* "An internal error occurred": what the plugin is told when the CA fails */

/* After issuing: the plugin must know of the certificate before the device has it. */

static const iscep_plugin_answer REVOKED_MEANWHILE = {
    .code = "no_longer_valid", .message = "it was revoked, or expired, before it could be delivered"};

/* What had to wait may have been revoked meanwhile. */
static iscep_vouching is_still_deliverable(const iscep_passage *at)
{
    bool was_parked = iscep_transaction_cert(at->transaction).len > 0;
    return was_parked ? iscep_host_ca_vouch(at->enrol->ca, at->cert) : ISCEP_VOUCH_YES;
}

static iscep_status on_report(iscep_passage *at, iscep_error *err)
{
    (void)err;
    const iscep_plugin_answer *answer = iscep_question_answer(&at->question);
    if (answer->decision == ISCEP_PLUGIN_ALLOWED) {
        iscep_vouching vouching = is_still_deliverable(at);
        if (vouching == ISCEP_VOUCH_YES) {
            iscep_passage_deliver(at);
            return ISCEP_OK;
        }
        answer = vouching == ISCEP_VOUCH_LATER ? &ISCEP_PASSAGE_CA_AWAY : &REVOKED_MEANWHILE;
    }
    if (answer->decision == ISCEP_PLUGIN_RETRY && iscep_passage_park_issued(at, answer))
        return ISCEP_OK;
    iscep_passage_withhold(at->enrol, at->transaction, at->cert, answer);
    at->transaction = NULL;
    iscep_passage_fail_as_plugin_says(at, answer);
    return ISCEP_OK;
}

void iscep_passage_report(iscep_passage *at)
{
    iscep_plugin_host *plugin = iscep_passage_plugin(at);
    if (!plugin) { /* the endpoint's own rule has decided */
        iscep_passage_deliver(at);
        return;
    }
    at->next = on_report;
    iscep_question_issued(&at->question, plugin, iscep_passage_enrolment(at), iscep_buf_bytes(&at->cert_der));
}

static iscep_status on_failure_recorded(iscep_passage *at, iscep_error *err)
{
    (void)err;
    const iscep_plugin_answer *answer = iscep_question_answer(&at->question);
    if (answer->decision != ISCEP_PLUGIN_ALLOWED)
        iscep_passage_log_answer(at->enrol, ISCEP_LOG_WARN, "failure_not_recorded",
                                 iscep_passage_enrolment(at), answer);
    iscep_passage_forget(at);
    return ISCEP_OK;
}

/* The CA failed after the plugin had allowed: the plugin is told, the device is refused. */
static void report_failure(iscep_passage *at, const iscep_error *why)
{
    iscep_plugin_host *plugin = iscep_passage_plugin(at);
    iscep_log_event(at->enrol->env->log, ISCEP_LOG_ERROR, "ca_failed",
                    ISCEP_LOG_TEXT("transaction_id", iscep_passage_enrolment(at)->transaction_id),
                    ISCEP_LOG_TEXT("error", why->message));
    iscep_passage_fail(at, ISCEP_BAD_REQUEST, "the certification authority failed");
    if (!plugin) {
        iscep_passage_forget(at);
        return;
    }
    at->next = on_failure_recorded;
    iscep_question_failed(&at->question, plugin, iscep_passage_enrolment(at), HRESULT_NTE_FAIL, why->message);
}

static iscep_status issue(iscep_passage *at, iscep_error *err)
{
    iscep_cert_request request;
    iscep_fail_info unused;
    iscep_status status =
        iscep_cert_request_parse(&request, at->enrol->crypto, iscep_passage_enrolment(at)->csr, &unused, err);
    if (status == ISCEP_OK)
        status = iscep_host_ca_issue(&at->cert, at->enrol->ca, &request, err);
    iscep_cert_request_clear(&request);
    return status;
}

/* Nobody can be asked for a certificate now: the device comes again, but not for ever. The plugin is then asked anew, for its
 * word of now may not hold. */
static void wait_for_ca(iscep_passage *at, const iscep_error *why)
{
    int64_t now = iscep_now_mono_ms(at->enrol->env);
    if (now - iscep_transaction_wait_for_ca(at->transaction, now) >= at->enrol->ca_patience_ms) {
        report_failure(at, why);
        return;
    }
    iscep_log_event(at->enrol->env->log, ISCEP_LOG_WARN, "ca_away",
                    ISCEP_LOG_TEXT("transaction_id", iscep_passage_enrolment(at)->transaction_id),
                    ISCEP_LOG_TEXT("error", why->message));
    iscep_passage_park(at, &ISCEP_PASSAGE_CA_AWAY);
}

iscep_status iscep_passage_give_up(iscep_passage *at, iscep_error *err)
{
    (void)err;
    iscep_error why = ISCEP_ERROR_INIT;
    iscep_error_fill(&why, ISCEP_NETWORK, "ca_away", "the CA could not be asked");
    report_failure(at, &why);
    return ISCEP_OK;
}

iscep_status iscep_passage_grant(iscep_passage *at, iscep_error *err)
{
    iscep_error why = ISCEP_ERROR_INIT;
    iscep_status status = issue(at, &why);
    if (status == ISCEP_NETWORK) {
        wait_for_ca(at, &why);
        return ISCEP_OK;
    }
    if (status != ISCEP_OK) {
        report_failure(at, &why);
        return ISCEP_OK;
    }
    status = iscep_crypto_cert_der(&at->cert_der, at->cert, err);
    if (status != ISCEP_OK) {
        const iscep_plugin_answer unreported = {.code = "ca_failed"};
        iscep_passage_withhold(at->enrol, at->transaction, at->cert, &unreported);
        at->transaction = NULL;
        return status;
    }
    iscep_passage_report(at);
    return ISCEP_OK;
}

/* False: out of memory; next time. */
static bool withhold_expired(const iscep_enrol *enrol, iscep_transaction *transaction)
{
    static const iscep_plugin_answer too_late = {.code = "report_too_late",
                                                 .message = "it could not be reported within an hour"};
    OSSL_AUTO(X509) *cert = NULL;
    if (iscep_passage_read_cert(&cert, enrol, iscep_transaction_cert(transaction), NULL) != ISCEP_OK) {
        iscep_transactions_park(enrol->transactions, transaction, 0);
        return false;
    }
    iscep_passage_withhold(enrol, transaction, cert, &too_late);
    return true;
}

void iscep_enrol_sweep(const iscep_enrol *enrol)
{
    iscep_transaction *transaction;
    do
        transaction = iscep_transactions_take_expired(enrol->transactions);
    while (transaction && withhold_expired(enrol, transaction));
}
