/* See local_verdict.h. */
#include "daemon/local_verdict.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"

enum { MAX_REPLY_LEN = 8192, DEFAULT_RETRY_AFTER_S = 5 };

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

static void send_reply(iscep_exchange *exchange, int32_t status, const char *word,
                       const iscep_verdict *verdict)
{
    const field fields[] = {{"verdict", word},
                            {"code", verdict->code},
                            {"message", verdict->message},
                            {"requestId", verdict->request_id}};
    const char *accept = iscep_exchange_header(exchange, "Accept");
    bool wants_text = accept != NULL && strcmp(accept, "text/plain") == 0;
    int64_t retry_after_ms = status == 503 ? verdict->retry_after_ms : -1;
    ISCEP_AUTO_BUF body;
    iscep_buf_init(&body, MAX_REPLY_LEN);
    (wants_text ? emit_text : emit_json)(&body, fields, sizeof fields / sizeof *fields, retry_after_ms);

    char retry_after[24];
    snprintf(retry_after, sizeof retry_after, "%lld",
             verdict->retry_after_ms > 0 ? (long long)(verdict->retry_after_ms + 999) / 1000
                                         : DEFAULT_RETRY_AFTER_S);
    const iscep_http_header header = {"Retry-After", retry_after};
    iscep_exchange_reply(exchange,
                         &(iscep_reply){.status = status,
                                        .content_type = wants_text ? "text/plain; charset=utf-8" : NULL,
                                        .body = iscep_buf_bytes(&body),
                                        .headers = &header,
                                        .header_count = status == 503 ? 1 : 0});
}

void iscep_local_verdict_reply(iscep_exchange *exchange, const iscep_verdict *verdict)
{
    switch (verdict->decision) {
    case ISCEP_ALLOW:
        send_reply(exchange, 200, "allow", verdict);
        return;
    case ISCEP_RETRY:
        send_reply(exchange, 503, "retry", verdict);
        return;
    case ISCEP_DECLINE:
        send_reply(exchange, 403, "decline", verdict);
        return;
    case ISCEP_DENY:
        break;
    }
    send_reply(exchange, 403, "deny", verdict);
}

void iscep_local_verdict_reply_error(iscep_exchange *exchange, const iscep_error *err)
{
    iscep_verdict verdict = {.decision = ISCEP_DENY, .retry_after_ms = -1};
    iscep_text_copy(verdict.code, sizeof verdict.code, err->code);
    iscep_text_copy(verdict.message, sizeof verdict.message, err->message);
    if (err->status == ISCEP_NOMEM) {
        send_reply(exchange, 503, "retry", &verdict);
        return;
    }
    send_reply(exchange, err->http_status != 0 ? err->http_status : 400, "deny", &verdict);
}
