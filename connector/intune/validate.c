/* validateRequest: may this CSR, with the challenge inside it, be granted? */
#include "base/json.h"
#include "intune/call.h"

enum { FRAME_LEN = 256 }; /* all but the CSR: usual names fit, with others the buffer grows once more */

/* Written straight into out: a tree would copy the CSR, by far the longest part, three times more. */
static void emit_request(iscep_buf *out, const iscep_tenant *tenant, const char *transaction_id,
                         iscep_bytes csr)
{
    iscep_buf_reserve(out, csr.len / 3 * 4 + FRAME_LEN);
    iscep_buf_append_text(out, "{\"request\":{\"transactionId\":");
    iscep_json_append_quoted(out, transaction_id);
    iscep_buf_append_text(out, ",\"certificateRequest\":\"");
    iscep_base64_encode(out, csr);
    iscep_buf_append_text(out, "\",\"callerInfo\":");
    iscep_json_append_quoted(out, tenant->caller_info);
    iscep_buf_append_text(out, "}}");
}

static const iscep_action validate_request = {"validateRequest", ISCEP_ENDPOINT_VALIDATE, NULL};

iscep_call *iscep_intune_validate(iscep_intune *intune, const char *transaction_id, iscep_bytes csr,
                                  int64_t deadline_mono_ms, iscep_verdict_fn done, void *user)
{
    iscep_question question = {.action = &validate_request, .transaction_id = transaction_id};
    iscep_buf_init(&question.body, ISCEP_MAX_BODY_LEN);
    emit_request(&question.body, intune->tenant, transaction_id, csr);
    return iscep_call_start(intune, &question, deadline_mono_ms, done, user);
}
