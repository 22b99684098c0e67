/* validateRequest: may this CSR, with the challenge inside it, be granted? */
#include "base/json.h"
#include "intune/call.h"

static iscep_status emit_request(iscep_buf *out, const iscep_tenant *tenant, const char *transaction_id,
                                 iscep_bytes csr, iscep_error *err)
{
    ISCEP_AUTO_BUF csr_base64;
    iscep_buf_init(&csr_base64, ISCEP_MAX_BODY_LEN);
    iscep_base64_encode(&csr_base64, csr);
    ISCEP_AUTO_JSON *root = iscep_json_new_object();
    iscep_json *request = iscep_json_add_object(root, "request");
    iscep_json_add_text(request, "transactionId", transaction_id);
    iscep_json_add_text(request, "certificateRequest", iscep_buf_text(&csr_base64));
    iscep_json_add_text(request, "callerInfo", tenant->caller_info);
    iscep_status status = iscep_buf_status(&csr_base64, err);
    return status != ISCEP_OK ? status : iscep_json_emit(out, root, err);
}

void iscep_intune_validate(iscep_intune *intune, const char *transaction_id, iscep_bytes csr,
                           int64_t deadline_mono_ms, iscep_verdict_fn done, void *user)
{
    iscep_buf body;
    iscep_buf_init(&body, ISCEP_MAX_BODY_LEN);
    body.is_overflown = emit_request(&body, intune->tenant, transaction_id, csr, NULL) != ISCEP_OK;
    iscep_call_start(intune, "ScepActions/validateRequest", &body, deadline_mono_ms, done, user);
}
