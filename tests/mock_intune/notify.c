/*
 * ScepActions/successNotification and failureNotification: what became of a transaction.
 *
 * A field that is malformed is 400. A notification that makes no sense is HTTP 200 with a code, in Intune's words as far as
 * there are any: Unknown (the transaction was never validated with Success), CertificateRequestDecodingFailed (not base64
 * of a PKCS#10), BadCertificateRequestIdInChallenge (not the request that was validated). The same notification may
 * come again: deliveries are retried.
 */
#include "handlers.h"

#include <ctype.h>
#include <string.h>

#include "codes.h"
#include "examine.h"
#include "intune_call.h"
#include "replies.h"
#include "scep_action.h"

#define FIELDS_MAX_LEN        (256 * 1024)
#define THUMBPRINT_LEN        40
#define SERIAL_MAX_LEN        64
#define DESCRIPTION_MAX_UTF16 255
#define HRESULT_MIN           (-2147483647LL - 1)
#define HRESULT_MAX           4294967295LL

static const mock_json_rule success_rules[] = {
    {"transactionId", MOCK_JSON_TEXT, true},
    {"certificateRequest", MOCK_JSON_TEXT, true},
    {"certificateThumbprint", MOCK_JSON_TEXT, true},
    {"certificateSerialNumber", MOCK_JSON_TEXT, true},
    {"certificateExpirationDateUtc", MOCK_JSON_TEXT, true},
    {"issuingCertificateAuthority", MOCK_JSON_TEXT, true},
    {"callerInfo", MOCK_JSON_TEXT, true},
    {"caConfiguration", MOCK_JSON_TEXT, true},
    {"certificateAuthority", MOCK_JSON_TEXT, true},
};
static const mock_json_rule failure_rules[] = {
    {"transactionId", MOCK_JSON_TEXT, true}, {"certificateRequest", MOCK_JSON_TEXT, true},
    {"hResult", MOCK_JSON_INT, true},        {"errorDescription", MOCK_JSON_TEXT, true},
    {"callerInfo", MOCK_JSON_TEXT, true},
};
static const mock_scep_action success_action = {"notification", success_rules,
                                                sizeof(success_rules) / sizeof(success_rules[0])};
static const mock_scep_action failure_action = {"notification", failure_rules,
                                                sizeof(failure_rules) / sizeof(failure_rules[0])};

static bool is_upper_hex(const char *text, size_t min_len, size_t max_len)
{
    size_t len = strspn(text, "0123456789ABCDEF");
    return text[len] == '\0' && len >= min_len && len <= max_len;
}

static bool is_hex(const char *text, size_t min_len, size_t max_len)
{
    size_t len = strspn(text, "0123456789abcdefABCDEF");
    return text[len] == '\0' && len >= min_len && len <= max_len;
}

/* "2026-11-22T07:20:00.000Z", and a date that exists. */
static bool is_utc_ms(const char *text)
{
    static const char shape[] = "dddd-dd-ddTdd:dd:dd.dddZ";
    if (strlen(text) != sizeof(shape) - 1)
        return false;
    for (size_t i = 0; shape[i] != '\0'; i++)
        if (shape[i] == 'd' ? !isdigit((unsigned char)text[i]) : text[i] != shape[i])
            return false;
    int month = (text[5] - '0') * 10 + text[6] - '0', day = (text[8] - '0') * 10 + text[9] - '0';
    return month >= 1 && month <= 12 && day >= 1 && day <= 31 && memcmp(text + 11, "23", 2) <= 0 &&
           text[14] <= '5' && text[17] <= '5';
}

/* As .NET counts a string: a character beyond the Basic Multilingual Plane is two. text is UTF-8. */
static size_t utf16_len(const char *text)
{
    size_t len = 0;
    for (; *text != '\0'; text++) {
        uint8_t c = (uint8_t)*text;
        if ((c & 0xc0) != 0x80)
            len += c >= 0xf0 ? 2 : 1;
    }
    return len;
}

static const char *find_success_fault(const iscep_json *fields)
{
    static const char *const authorities[] = {"issuingCertificateAuthority", "caConfiguration",
                                              "certificateAuthority"};
    if (!is_upper_hex(iscep_json_text(fields, "certificateThumbprint"), THUMBPRINT_LEN, THUMBPRINT_LEN))
        return "certificateThumbprint must be 40 upper-case hexadecimal digits";
    if (!is_hex(iscep_json_text(fields, "certificateSerialNumber"), 1, SERIAL_MAX_LEN))
        return "certificateSerialNumber must be hexadecimal";
    if (!is_utc_ms(iscep_json_text(fields, "certificateExpirationDateUtc")))
        return "certificateExpirationDateUtc must be ISO 8601 in UTC with milliseconds";
    for (size_t i = 0; i < sizeof(authorities) / sizeof(authorities[0]); i++)
        if (iscep_json_text(fields, authorities[i])[0] == '\0')
            return "issuingCertificateAuthority, caConfiguration and certificateAuthority must not be empty";
    return NULL;
}

static const char *find_failure_fault(const iscep_json *fields)
{
    int64_t hresult = 0;
    size_t len = utf16_len(iscep_json_text(fields, "errorDescription"));
    if (!iscep_json_int(fields, "hResult", &hresult) || hresult < HRESULT_MIN || hresult > HRESULT_MAX)
        return "hResult must be a 32-bit number";
    if (len < 1 || len > DESCRIPTION_MAX_UTF16)
        return "errorDescription must have 1 to 255 characters";
    return NULL;
}

/* Is it about a request that was let pass? The code, and the transaction if the code is Success. */
static const char *find_transaction(mock_transaction **out, mock_state *mock, const mock_tenant *tenant,
                                    const iscep_json *fields)
{
    mock_examination found;
    mock_examine(&found, mock, iscep_json_text(fields, "certificateRequest"));
    *out = mock_record_find(mock->record, tenant->id, iscep_json_text(fields, "transactionId"));
    if (strcmp(found.read_code, MOCK_CSR_DECODING_FAILED) == 0)
        return MOCK_CSR_DECODING_FAILED;
    if (*out == NULL || !mock_transaction_has_success(*out))
        return MOCK_UNKNOWN;
    return mock_transaction_has_success_for(*out, found.csr_sha256) ? MOCK_SUCCESS : MOCK_BAD_REQUEST_ID;
}

/* {"name":value,…} of all that was told, but for the request itself, which is long and holds the challenge. */
static iscep_status emit_fields(iscep_buf *out, const iscep_json *fields, iscep_error *err)
{
    iscep_status status = ISCEP_OK;
    iscep_buf_append_text(out, "{");
    for (const iscep_json *f = iscep_json_first(fields); f != NULL && status == ISCEP_OK;
         f = iscep_json_next(f)) {
        if (strcmp(iscep_json_name(f), "certificateRequest") == 0)
            continue;
        iscep_buf_printf(out, "%s\"%s\":", out->len > 1 ? "," : "", iscep_json_name(f));
        status = iscep_json_emit(out, f, err);
    }
    iscep_buf_append_text(out, "}");
    return status == ISCEP_OK ? iscep_buf_status(out, err) : status;
}

static void accept(mock_state *mock, const mock_request *request, mock_reply *reply, mock_notice *notice,
                   const iscep_json *fields)
{
    ISCEP_AUTO_BUF text;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_buf_init(&text, FIELDS_MAX_LEN);
    iscep_status status = emit_fields(&text, fields, &err);
    if (status == ISCEP_OK)
        status = mock_notice_add(notice, iscep_now_unix_ms(&mock->env), &text, &err);
    if (status != ISCEP_OK) {
        mock_reply_intune_error(reply, mock, request, 503, "ServiceUnavailable", err.message);
        return;
    }
    mock_reply_code(reply, MOCK_SUCCESS, "");
}

static void handle(mock_state *mock, const mock_request *request, mock_reply *reply,
                   const mock_scep_action *action, const char *(*find_fault)(const iscep_json *fields),
                   bool is_success)
{
    mock_transaction *transaction = NULL;
    const mock_tenant *tenant = NULL;
    ISCEP_AUTO_JSON *json = mock_scep_action_read(&tenant, mock, request, reply, action);
    if (json == NULL)
        return;
    const iscep_json *fields = iscep_json_member(json, action->frame);
    const char *fault = find_fault(fields);
    if (fault != NULL) {
        mock_intune_call_refuse(mock, request, reply, fault);
        return;
    }
    const char *code = find_transaction(&transaction, mock, tenant, fields);
    if (mock_code_is_success(code))
        accept(mock, request, reply, is_success ? &transaction->success : &transaction->failure, fields);
    else
        mock_reply_code(reply, code, "The notification was refused by intune-mock.");
}

void mock_handle_success(mock_state *mock, const mock_request *request, mock_reply *reply)
{
    handle(mock, request, reply, &success_action, find_success_fault, true);
}

void mock_handle_failure(mock_state *mock, const mock_request *request, mock_reply *reply)
{
    handle(mock, request, reply, &failure_action, find_failure_fault, false);
}
