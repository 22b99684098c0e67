/* See question.h. */
#include "plugin/check/question.h"

#include <string.h>

#include "plugin/check/sample.h"

const question_type question_types[QUESTION_KINDS] = {
    [ASK_VERIFY] = {"verify_request",
                    "begin_verify_request",
                    sizeof(scep_request),
                    offsetof(scep_request, timeout_ms),
                    5,
                    {{"transaction_id", offsetof(scep_request, transaction_id)},
                     {"csr_der", offsetof(scep_request, csr_der)},
                     {"signer_cert_der", offsetof(scep_request, signer_cert_der)},
                     {"endpoint", offsetof(scep_request, endpoint)},
                     {"peer", offsetof(scep_request, peer)}}},
    [ASK_ISSUED] = {"notify_issued",
                    "begin_notify_issued",
                    sizeof(scep_issued),
                    offsetof(scep_issued, timeout_ms),
                    3,
                    {{"transaction_id", offsetof(scep_issued, transaction_id)},
                     {"csr_der", offsetof(scep_issued, csr_der)},
                     {"cert_der", offsetof(scep_issued, cert_der)}}},
    [ASK_FAILED] = {"notify_failed",
                    "begin_notify_failed",
                    sizeof(scep_failed),
                    offsetof(scep_failed, timeout_ms),
                    3,
                    {{"transaction_id", offsetof(scep_failed, transaction_id)},
                     {"csr_der", offsetof(scep_failed, csr_der)},
                     {"reason", offsetof(scep_failed, reason)}}},
};

static scep_bytes text(const char *text)
{
    return (scep_bytes){(const uint8_t *)text, strlen(text)};
}

static const char sample_id[] = "scep-plugin-check";

check_question question_of(question_kind kind, scep_bytes csr, uint32_t timeout_ms)
{
    check_question out;
    memset(&out, 0, sizeof out);
    switch (kind) {
    case ASK_VERIFY:
        out.request = (scep_request){.message_type = SCEP_MESSAGE_PKCS_REQ,
                                     .timeout_ms = timeout_ms,
                                     .transaction_id = text(sample_id),
                                     .csr_der = csr,
                                     .signer_cert_der = sample_cert,
                                     .endpoint = text("check"),
                                     .peer = text("192.0.2.1")};
        break;
    case ASK_ISSUED:
        out.issued = (scep_issued){.timeout_ms = timeout_ms,
                                   .transaction_id = text(sample_id),
                                   .csr_der = csr,
                                   .cert_der = sample_cert};
        break;
    case ASK_FAILED:
    case QUESTION_KINDS:
        out.failed = (scep_failed){.timeout_ms = timeout_ms,
                                   .error_code = 0x80004005,
                                   .transaction_id = text(sample_id),
                                   .csr_der = csr,
                                   .reason = text("scep-plugin-check tries the plugin")};
        break;
    }
    out.size = question_types[kind].size;
    return out;
}

scep_bytes *question_field(check_question *question, question_kind kind, size_t field)
{
    return (scep_bytes *)((char *)question + question_types[kind].fields[field].offset);
}

uint32_t question_timeout_ms(const check_question *question, question_kind kind)
{
    uint32_t timeout_ms;
    memcpy(&timeout_ms, (const char *)question + question_types[kind].timeout_offset, sizeof timeout_ms);
    return timeout_ms;
}
