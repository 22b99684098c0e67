/* See local_verdict.h. */
#include "daemon/local_verdict.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/x509.h"

enum { MAX_REPLY_LEN = 8192 + (ISCEP_CERT_MAX_LEN + 2) / 3 * 4, DEFAULT_RETRY_AFTER_S = 5 };

/* A field of the reply. NULL text: it is left out. */
typedef struct field {
    const char *name;
    const char *text;
} field;

static void emit_json(iscep_buf *out, const field *fields, size_t count, int64_t retry_after_ms)
{
    for (size_t i = 0; i < count; i++) {
        iscep_buf_printf(out, "%s\"%s\":", i == 0 ? "{" : ",", fields[i].name);
        iscep_json_append_quoted(out, fields[i].text);
    }
    if (retry_after_ms >= 0)
        iscep_buf_printf(out, ",\"retryAfterMs\":%lld", (long long)retry_after_ms);
    iscep_buf_append_text(out, "}\n");
}

static void emit_text(iscep_buf *out, const field *fields, size_t count, int64_t retry_after_ms)
{
    for (size_t i = 0; i < count; i++)
        iscep_buf_printf(out, "%s: %s\n", fields[i].name, fields[i].text);
    if (retry_after_ms >= 0)
        iscep_buf_printf(out, "retryAfterMs: %lld\n", (long long)retry_after_ms);
}

/* An answer to be sent. Without a certificate its text is NULL. */
typedef struct answer {
    int32_t status;
    const char *word;
    const iscep_verdict *verdict;
    const char *cert_base64;
} answer;

static void emit_answer(iscep_buf *out, const answer *it, bool wants_text)
{
    const field fields[] = {{"verdict", it->word},
                            {"code", it->verdict->code},
                            {"message", it->verdict->message},
                            {"requestId", it->verdict->request_id},
                            {"certificate", it->cert_base64}};
    size_t count = sizeof fields / sizeof *fields - (it->cert_base64 == NULL ? 1 : 0);
    int64_t retry_after_ms = it->status == 503 ? it->verdict->retry_after_ms : -1;
    (wants_text ? emit_text : emit_json)(out, fields, count, retry_after_ms);
}

bool iscep_local_verdict_wants_text(const iscep_exchange *exchange)
{
    const char *accept = iscep_exchange_header(exchange, "Accept");
    return accept != NULL && strcmp(accept, "text/plain") == 0;
}

static void send_answer(iscep_exchange *exchange, const answer *it)
{
    bool wants_text = iscep_local_verdict_wants_text(exchange);
    int64_t retry_after_ms = it->verdict->retry_after_ms;
    ISCEP_AUTO_BUF body;
    iscep_buf_init(&body, MAX_REPLY_LEN);
    emit_answer(&body, it, wants_text);

    char retry_after[24];
    snprintf(retry_after, sizeof retry_after, "%lld",
             retry_after_ms > 0 ? (long long)(retry_after_ms + 999) / 1000 : DEFAULT_RETRY_AFTER_S);
    const iscep_http_header header = {"Retry-After", retry_after};
    iscep_exchange_reply(exchange,
                         &(iscep_reply){.status = it->status,
                                        .content_type = wants_text ? "text/plain; charset=utf-8" : NULL,
                                        .body = iscep_buf_bytes(&body),
                                        .headers = &header,
                                        .header_count = it->status == 503 ? 1 : 0});
}

static void send_verdict(iscep_exchange *exchange, int32_t status, const char *word,
                         const iscep_verdict *verdict)
{
    send_answer(exchange, &(answer){.status = status, .word = word, .verdict = verdict});
}

static void send_certificate(iscep_exchange *exchange, const iscep_verdict *verdict, iscep_bytes cert)
{
    ISCEP_AUTO_BUF base64;
    iscep_buf_init(&base64, MAX_REPLY_LEN);
    iscep_base64_encode(&base64, cert);
    iscep_error err;
    if (iscep_buf_status(&base64, &err) != ISCEP_OK)
        iscep_local_verdict_reply_error(exchange, &err);
    else
        send_answer(exchange, &(answer){.status = 409,
                                        .word = "deliver",
                                        .verdict = verdict,
                                        .cert_base64 = iscep_buf_text(&base64)});
}

/* What means the same to all requests. */
static void reply(iscep_exchange *exchange, const iscep_verdict *verdict)
{
    switch (verdict->decision) {
    case ISCEP_ALLOW:
        send_verdict(exchange, 200, "allow", verdict);
        return;
    case ISCEP_RETRY:
        send_verdict(exchange, 503, "retry", verdict);
        return;
    case ISCEP_DECLINE:
        send_verdict(exchange, 403, "decline", verdict);
        return;
    case ISCEP_DELIVER:
    case ISCEP_DENY:
        break;
    }
    send_verdict(exchange, 403, "deny", verdict);
}

void iscep_local_verdict_reply_verified(iscep_exchange *exchange, const iscep_verdict *verdict,
                                        iscep_bytes cert)
{
    if (verdict->decision == ISCEP_DELIVER && cert.len > 0)
        send_certificate(exchange, verdict, cert);
    else
        reply(exchange, verdict);
}

void iscep_local_verdict_reply_reported(iscep_exchange *exchange, const iscep_verdict *verdict)
{
    if (verdict->decision == ISCEP_DELIVER)
        send_verdict(exchange, 200, "deliver", verdict);
    else
        reply(exchange, verdict);
}

void iscep_local_verdict_reply_error(iscep_exchange *exchange, const iscep_error *err)
{
    iscep_verdict verdict = {.decision = ISCEP_DENY, .retry_after_ms = err->retry_after_ms};
    iscep_text_copy(verdict.code, sizeof verdict.code, err->code);
    iscep_text_copy(verdict.message, sizeof verdict.message, err->message);
    if (err->status !=
        ISCEP_USAGE) { /* not the caller's fault: a refusal would have the certificate revoked */
        send_verdict(exchange, 503, "retry", &verdict);
        return;
    }
    send_verdict(exchange, err->http_status != 0 ? err->http_status : 400, "deny", &verdict);
}
