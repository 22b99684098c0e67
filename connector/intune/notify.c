/* successNotification and failureNotification: what became of a request that was granted. */
#include "base/json.h"
#include "intune/call.h"

#include <string.h>

enum { MAX_DESCRIPTION_CHARS = 255 };

static const char no_description[] = "The SCEP server gave no reason.";

static const iscep_action success_notification = {"successNotification", ISCEP_ENDPOINT_NOTIFY};
static const iscep_action failure_notification = {"failureNotification", ISCEP_ENDPOINT_NOTIFY};

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

static iscep_call *send_notification(iscep_intune *intune, const iscep_action *action, const iscep_json *root,
                                     bool is_complete, int64_t deadline_mono_ms, iscep_verdict_fn done,
                                     void *user)
{
    iscep_buf body;
    iscep_buf_init(&body, ISCEP_MAX_BODY_LEN);
    body.is_overflown = !is_complete || iscep_json_emit(&body, root, NULL) != ISCEP_OK;
    return iscep_call_start(intune, action, &body, deadline_mono_ms, done, user);
}

/*
 * The three names of the CA are hardly documented. One and the same issuer name in all of them is what works
 * in the field, and is what Intune gives back with a revocation.
 */
iscep_call *iscep_intune_notify_issued(iscep_intune *intune, const iscep_issued_facts *facts,
                                       int64_t deadline_mono_ms, iscep_verdict_fn done, void *user)
{
    const iscep_tenant *tenant = intune->tenant;
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
    return send_notification(intune, &success_notification, root, notification != NULL, deadline_mono_ms,
                             done, user);
}

/*
 * The first 255 characters, counted as UTF-16 units as Microsoft's side counts them; out holds 4 bytes for
 * each.
 */
static void cut_description(char out[MAX_DESCRIPTION_CHARS * 4 + 1], const char *text)
{
    size_t len = 0;
    for (unsigned units = 0; text[len] != '\0';) {
        size_t sequence_len = 1;
        while (((unsigned char)text[len + sequence_len] & 0xC0) == 0x80 && sequence_len < 4)
            sequence_len++;
        units += sequence_len == 4 ? 2 : 1;
        if (units > MAX_DESCRIPTION_CHARS)
            break;
        len += sequence_len;
    }
    char cut[MAX_DESCRIPTION_CHARS * 4 + 1];
    memcpy(cut, text, len);
    cut[len] = '\0';
    iscep_text_copy(out, MAX_DESCRIPTION_CHARS * 4 + 1, cut);
}

/* hResult is a signed 32 bit number in Microsoft's client; the same bits are sent here. */
iscep_call *iscep_intune_notify_failed(iscep_intune *intune, const iscep_failed_facts *facts,
                                       int64_t deadline_mono_ms, iscep_verdict_fn done, void *user)
{
    char description[MAX_DESCRIPTION_CHARS * 4 + 1];
    bool has_text = facts->description != NULL && facts->description[0] != '\0';
    cut_description(description, has_text ? facts->description : no_description);
    int32_t hresult;
    memcpy(&hresult, &facts->error_code, sizeof hresult);
    ISCEP_AUTO_JSON *root = iscep_json_new_object();
    iscep_json *notification = begin_notification(root, facts->transaction_id, facts->csr);
    iscep_json_add_int(notification, "hResult", hresult);
    iscep_json_add_text(notification, "errorDescription", description);
    iscep_json_add_text(notification, "callerInfo", intune->tenant->caller_info);
    return send_notification(intune, &failure_notification, root, notification != NULL, deadline_mono_ms,
                             done, user);
}
