/* successNotification and failureNotification: what became of a request that was granted. */
#include "base/json.h"
#include "intune/call.h"
#include "intune/description.h"

#include <string.h>

static const iscep_action success_notification = {"successNotification", ISCEP_ENDPOINT_NOTIFY, NULL};
static const iscep_action failure_notification = {"failureNotification", ISCEP_ENDPOINT_NOTIFY, NULL};

/* The members that both notifications begin with. NULL when there is no memory. */
static iscep_json *begin_notification(iscep_json *root, const char *transaction_id, iscep_bytes csr)
{
    ISCEP_AUTO_BUF csr_base64;
    iscep_buf_init(&csr_base64, ISCEP_MAX_BODY_LEN);
    iscep_base64_encode(&csr_base64, csr);
    iscep_json *notification = csr_base64.is_overflown ? NULL : iscep_json_add_object(root, "notification");
    iscep_json_add_text(notification, "transactionId", transaction_id);
    iscep_json_add_text(notification, "certificateRequest", iscep_buf_text(&csr_base64));
    return notification;
}

/* is_complete: there was memory for all of root. */
static iscep_call *send_notification(iscep_intune *intune, iscep_question *question, const iscep_json *root,
                                     bool is_complete, int64_t deadline_mono_ms, iscep_verdict_fn done,
                                     void *user)
{
    iscep_buf_init(&question->body, ISCEP_MAX_BODY_LEN);
    question->body.is_overflown = !is_complete || iscep_json_emit(&question->body, root, NULL) != ISCEP_OK;
    return iscep_call_start(intune, question, deadline_mono_ms, done, user);
}

/*
 * The three names of the CA are hardly documented. One and the same issuer name in all of them is what works
 * in the field, and is what Intune gives back with a revocation.
 */
iscep_call *iscep_intune_notify_issued(iscep_intune *intune, const iscep_issued_facts *facts,
                                       int64_t deadline_mono_ms, iscep_verdict_fn done, void *user)
{
    const iscep_tenant *tenant = intune->tenant;
    iscep_question question = {.action = &success_notification, .transaction_id = facts->transaction_id};
    const char *issuer = tenant->issuer_name != NULL ? tenant->issuer_name : facts->issuer;
    char expires[ISCEP_ISO8601_SIZE];
    iscep_iso8601_emit(expires, facts->not_after_unix * 1000);
    ISCEP_AUTO_JSON *root = iscep_json_new_object();
    iscep_json *notification = begin_notification(root, facts->transaction_id, facts->csr);
    iscep_json_add_text(notification, "certificateThumbprint", facts->thumbprint);
    iscep_json_add_text(notification, "certificateSerialNumber", facts->serial);
    iscep_json_add_text(notification, "certificateExpirationDateUtc", expires);
    iscep_json_add_text(notification, "issuingCertificateAuthority", issuer);
    iscep_json_add_text(notification, "callerInfo", tenant->caller_info);
    iscep_json_add_text(notification, "caConfiguration", issuer);
    iscep_json_add_text(notification, "certificateAuthority", issuer);
    return send_notification(intune, &question, root, notification != NULL, deadline_mono_ms, done, user);
}

/* hResult is a signed 32 bit number in Microsoft's client; the same bits are sent here. */
iscep_call *iscep_intune_notify_failed(iscep_intune *intune, const iscep_failed_facts *facts,
                                       int64_t deadline_mono_ms, iscep_verdict_fn done, void *user)
{
    iscep_question question = {.action = &failure_notification, .transaction_id = facts->transaction_id};
    char description[ISCEP_DESCRIPTION_SIZE];
    iscep_description_cut(description, facts->description, "The SCEP server gave no reason.");
    int32_t hresult;
    memcpy(&hresult, &facts->error_code, sizeof hresult);
    ISCEP_AUTO_JSON *root = iscep_json_new_object();
    iscep_json *notification = begin_notification(root, facts->transaction_id, facts->csr);
    iscep_json_add_int(notification, "hResult", hresult);
    iscep_json_add_text(notification, "errorDescription", description);
    iscep_json_add_text(notification, "callerInfo", intune->tenant->caller_info);
    return send_notification(intune, &question, root, notification != NULL, deadline_mono_ms, done, user);
}
