/*
 * What a host asks. Two kinds of wrong: a struct that cannot be read is the host's mistake (USAGE); contents
 * that no authority could accept are the device's, and are refused here (DENY), so that they never reach a
 * wire format.
 */
#include "plugin/abi/question.h"

#include "plugin/abi/answer.h"

static bool is_readable(scep_bytes bytes)
{
    return bytes.data != NULL || bytes.len == 0;
}

static int32_t readable_or_usage(const iscep_question *question)
{
    return is_readable(question->transaction_id) && is_readable(question->csr_der) &&
                   is_readable(question->cert_der) && is_readable(question->reason)
               ? SCEP_OK
               : SCEP_ERR_USAGE;
}

int32_t iscep_question_from_request(iscep_question *question, const scep_request *request)
{
    if (request == NULL || request->size < SCEP_REQUEST_SIZE_1_0) {
        return SCEP_ERR_USAGE;
    }
    *question = (iscep_question){.kind = ISCEP_ASK_VALIDATE,
                                 .timeout_ms = request->timeout_ms,
                                 .message_type = request->message_type,
                                 .transaction_id = request->transaction_id,
                                 .csr_der = request->csr_der};
    return readable_or_usage(question);
}

int32_t iscep_question_from_issued(iscep_question *question, const scep_issued *issued)
{
    if (issued == NULL || issued->size < SCEP_ISSUED_SIZE_1_0) {
        return SCEP_ERR_USAGE;
    }
    *question = (iscep_question){.kind = ISCEP_ASK_ISSUED,
                                 .timeout_ms = issued->timeout_ms,
                                 .transaction_id = issued->transaction_id,
                                 .csr_der = issued->csr_der,
                                 .cert_der = issued->cert_der};
    return readable_or_usage(question);
}

int32_t iscep_question_from_failed(iscep_question *question, const scep_failed *failed)
{
    if (failed == NULL || failed->size < SCEP_FAILED_SIZE_1_0) {
        return SCEP_ERR_USAGE;
    }
    *question = (iscep_question){.kind = ISCEP_ASK_FAILED,
                                 .timeout_ms = failed->timeout_ms,
                                 .error_code = failed->error_code,
                                 .transaction_id = failed->transaction_id,
                                 .csr_der = failed->csr_der,
                                 .reason = failed->reason};
    if (question->reason.len > ISCEP_QUESTION_REASON_MAX) {
        question->reason.len = ISCEP_QUESTION_REASON_MAX;
    }
    return readable_or_usage(question);
}

/*
 * Printable ASCII. No space at either end, although PrintableString has the space: HTTP strips it from a
 * header value (RFC 9110 5.5), and the authority would be asked about another transaction than the host's.
 */
static bool is_transaction_id(scep_bytes id)
{
    if (id.len == 0 || id.len > ISCEP_QUESTION_ID_MAX || id.data[0] == ' ' || id.data[id.len - 1] == ' ') {
        return false;
    }
    for (size_t i = 0; i < id.len; i++) {
        if (id.data[i] < 0x20 || id.data[i] > 0x7E) {
            return false;
        }
    }
    return true;
}

static bool is_der_present(scep_bytes der, const char *what, const char *missing, const char *too_large,
                           scep_answer *refusal)
{
    if (der.len == 0) {
        iscep_answer_set(refusal, SCEP_VERDICT_DENY, missing, "The request has no %s.", what);
        return false;
    }
    if (der.len > ISCEP_QUESTION_DER_MAX) {
        iscep_answer_set(refusal, SCEP_VERDICT_DENY, too_large, "The %s has %zu bytes; at most %u are taken.",
                         what, der.len, ISCEP_QUESTION_DER_MAX);
        return false;
    }
    return true;
}

bool iscep_question_check(const iscep_question *question, scep_answer *refusal)
{
    if (question->kind == ISCEP_ASK_VALIDATE && question->message_type != SCEP_MESSAGE_PKCS_REQ &&
        question->message_type != SCEP_MESSAGE_RENEWAL_REQ) {
        iscep_answer_set(
            refusal, SCEP_VERDICT_DENY, "message_type_invalid",
            "The SCEP messageType %u asks for no certificate; PKCSReq (19) and RenewalReq (17) do.",
            question->message_type);
        return false;
    }
    if (!is_transaction_id(question->transaction_id)) {
        iscep_answer_set(
            refusal, SCEP_VERDICT_DENY, "transaction_id_invalid",
            "The SCEP transactionID must be 1 to %u printable ASCII characters, with no space at "
            "either end; this one has %zu bytes.",
            ISCEP_QUESTION_ID_MAX, question->transaction_id.len);
        return false;
    }
    if (!is_der_present(question->csr_der, "certificate request", "csr_missing", "csr_too_large", refusal)) {
        return false;
    }
    return question->kind != ISCEP_ASK_ISSUED ||
           is_der_present(question->cert_der, "issued certificate", "certificate_missing",
                          "certificate_too_large", refusal);
}
