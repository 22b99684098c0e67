/* See verdict.h. */
#include "ctl/verdict.h"

#include <string.h>

#include "base/x509_read.h"

enum { TO_VALIDATE = 1, TO_REPORT = 2, TO_BOTH = 3, PEM_LINE_LEN = 64 };

static const struct {
    const char *word;
    int32_t least_status;
    int32_t greatest_status;
    unsigned to;
    ctl_verdict_kind kind;
} meanings[] = {
    {"allow", 200, 200, TO_BOTH, CTL_VERDICT_ALLOW},
    {"deliver", 409, 409, TO_VALIDATE, CTL_VERDICT_DELIVER},
    {"deliver", 200, 200, TO_REPORT, CTL_VERDICT_DELIVER},
    {"deny", 400, 499, TO_BOTH, CTL_VERDICT_DENY},
    {"decline", 403, 403, TO_VALIDATE, CTL_VERDICT_DECLINE},
};

ctl_verdict_kind ctl_verdict_judge(ctl_asked asked, int32_t http_status, const char *word)
{
    const unsigned to = asked == CTL_ASKED_REPORT ? TO_REPORT : TO_VALIDATE;
    for (size_t i = 0; word != NULL && i < sizeof meanings / sizeof *meanings; i++)
        if ((meanings[i].to & to) != 0 && strcmp(meanings[i].word, word) == 0 &&
            http_status >= meanings[i].least_status && http_status <= meanings[i].greatest_status)
            return meanings[i].kind;
    return CTL_VERDICT_RETRY;
}

void ctl_verdict_read(ctl_verdict *out, ctl_asked asked, int32_t http_status, iscep_bytes body)
{
    *out = (ctl_verdict){.kind = CTL_VERDICT_RETRY,
                         .code = "connector_reply",
                         .message = "whoever answers on the socket is not the connector"};
    if (iscep_json_parse(&out->answer, body, NULL) != ISCEP_OK)
        return;
    const iscep_json *error = iscep_json_member(out->answer, "error"); /* turned away before a verdict */
    const iscep_json *said = error != NULL ? error : out->answer;
    if (iscep_json_text(said, "code") == NULL || iscep_json_text(said, "message") == NULL)
        return;
    out->code = iscep_json_text(said, "code");
    out->message = iscep_json_text(said, "message");
    out->kind = ctl_verdict_judge(asked, http_status, iscep_json_text(out->answer, "verdict"));
}

void ctl_verdict_clear(ctl_verdict *verdict)
{
    iscep_json_free(verdict->answer);
    *verdict = (ctl_verdict){0};
}

/* What goes to a file must be what the connector's base64 says it is. */
static bool is_certificate(const char *base64)
{
    ISCEP_AUTO_BUF der, copy;
    iscep_x509_kind kind;
    iscep_buf_init(&der, ISCEP_CERT_MAX_LEN);
    iscep_buf_init(&copy, ISCEP_CERT_MAX_LEN);
    return iscep_base64_decode(&der, iscep_bytes_of_text(base64), NULL) == ISCEP_OK &&
           iscep_x509_read(&copy, &kind, iscep_buf_bytes(&der), NULL) == ISCEP_OK &&
           kind == ISCEP_X509_CERTIFICATE;
}

iscep_status ctl_verdict_emit_certificate(iscep_buf *pem, const ctl_verdict *verdict, iscep_error *err)
{
    const char *base64 = iscep_json_text(verdict->answer, "certificate");
    if (base64 == NULL || !is_certificate(base64))
        return iscep_error_set(err, ISCEP_PROTOCOL, "connector_reply",
                               "the connector has a certificate for this request, but has sent none");
    iscep_buf_append_text(pem, "-----BEGIN CERTIFICATE-----\n");
    for (size_t left = strlen(base64); left > 0;) {
        const size_t len = left < PEM_LINE_LEN ? left : PEM_LINE_LEN;
        iscep_buf_append(pem, base64, len);
        iscep_buf_append_text(pem, "\n");
        base64 += len;
        left -= len;
    }
    iscep_buf_append_text(pem, "-----END CERTIFICATE-----\n");
    return iscep_buf_status(pem, err);
}
