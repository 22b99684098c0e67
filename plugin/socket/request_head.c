/* The heads of the requests to intune-scepd. Their parts are bounded by iscep_question_check, by the callers and below,
 * so that they always fit. */
#include "plugin/socket/request_head.h"

#include <stdio.h>

#include "plugin/abi/text.h"

#define MARGIN_MAX_MS 250

_Static_assert(ISCEP_QUESTION_REASON_MAX >= 2 * ISCEP_REASON_MAX, "no more of a reason is asked for");

_Static_assert(ISCEP_REASON_MAX * 3 + ISCEP_QUESTION_ID_MAX + ISCEP_TENANT_MAX + 512 < ISCEP_REQUEST_HEAD_MAX,
               "a percent-encoded reason, the transaction id, the tenant and the fixed fields fit");

static const char *const paths[] = {
    [ISCEP_ASK_VALIDATE] = "/v1/validate",
    [ISCEP_ASK_ISSUED] = "/v1/issued",
    [ISCEP_ASK_FAILED] = "/v1/failed",
};

/* A little less than the host waits: the daemon's own "retry", with its reason, shall arrive before we give
 * up. */
static int daemon_timeout_ms(int left_ms)
{
    const int tenth_ms = left_ms / 10;
    const int shortened_ms = left_ms - (tenth_ms < MARGIN_MAX_MS ? tenth_ms : MARGIN_MAX_MS);
    return shortened_ms > 0 ? shortened_ms : 1;
}

/* RFC 3986 2.1: all but unreserved letters and digits becomes %XX. Returns the length written. */
static size_t percent_encode(char *out, scep_bytes text)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        const uint8_t byte = text.data[i];
        const uint8_t letter = byte | 0x20;
        if ((byte >= '0' && byte <= '9') || (letter >= 'a' && letter <= 'z')) {
            out[len++] = (char)byte;
        } else {
            out[len++] = '%';
            out[len++] = digits[byte >> 4];
            out[len++] = digits[byte & 0x0F];
        }
    }
    return len;
}

/* "X-Scep-Error-Description: …"; invalid UTF-8 is mended here. */
static size_t emit_description(char *out, size_t room, scep_bytes text)
{
    char reason[ISCEP_REASON_MAX + 1];
    char encoded[ISCEP_REASON_MAX * 3];
    iscep_plugin_text_copy(reason, sizeof reason, text);
    const size_t encoded_len = percent_encode(encoded, iscep_plugin_bytes_of(reason));
    return (size_t)snprintf(out, room, "X-Scep-Error-Description: %.*s\r\n", (int)encoded_len, encoded);
}

/* The reason is never empty for the daemon, because it is not for Intune. */
static size_t emit_failure(char *out, size_t room, const iscep_question *question)
{
    const scep_bytes given =
        question->reason.len > 0 ? question->reason : iscep_plugin_bytes_of("no reason given");
    const size_t len = (size_t)snprintf(out, room, "X-Scep-Error-Code: %u\r\n", question->error_code);
    return len + emit_description(out + len, room - len, given);
}

/* Nothing if there is no tenant: the daemon has only one, or its socket says which. */
static size_t emit_tenant(char *out, size_t room, const char *tenant)
{
    if (tenant == NULL || tenant[0] == '\0') {
        return 0;
    }
    return (size_t)snprintf(out, room, "X-Scep-Tenant: %s\r\n", tenant);
}

static size_t end_head(char *out, size_t len)
{
    out[len++] = '\r';
    out[len++] = '\n';
    return len;
}

static size_t emit_readiness(char *out, const char *tenant)
{
    const size_t len = (size_t)snprintf(out, ISCEP_REQUEST_HEAD_MAX,
                                        "GET /readyz HTTP/1.1\r\n"
                                        "Host: connector\r\n"
                                        "Accept: text/plain\r\n");
    return end_head(out, len + emit_tenant(out + len, ISCEP_REQUEST_HEAD_MAX - len, tenant));
}

size_t iscep_request_head(char out[ISCEP_REQUEST_HEAD_MAX], const iscep_question *question, int left_ms)
{
    if (question->kind == ISCEP_ASK_READINESS) {
        return emit_readiness(out, question->tenant);
    }
    const int fixed_len = snprintf(out, ISCEP_REQUEST_HEAD_MAX,
                                   "POST %s HTTP/1.1\r\n"
                                   "Host: connector\r\n"
                                   "Accept: text/plain\r\n"
                                   "Content-Type: application/pkcs10\r\n"
                                   "Content-Length: %zu\r\n"
                                   "X-Scep-Timeout-Ms: %d\r\n"
                                   "X-Scep-Transaction-Id: %.*s\r\n",
                                   paths[question->kind], question->csr_der.len + question->cert_der.len,
                                   daemon_timeout_ms(left_ms), (int)question->transaction_id.len,
                                   (const char *)question->transaction_id.data);
    size_t len = (size_t)fixed_len;
    len += emit_tenant(out + len, ISCEP_REQUEST_HEAD_MAX - len, question->tenant);
    if (question->kind != ISCEP_ASK_FAILED && !question->has_room) {
        len += (size_t)snprintf(out + len, ISCEP_REQUEST_HEAD_MAX - len, "X-Scep-Replay: no\r\n");
    }
    if (question->kind == ISCEP_ASK_FAILED) {
        len += emit_failure(out + len, ISCEP_REQUEST_HEAD_MAX - len, question);
    }
    return end_head(out, len);
}

static size_t begin_empty(char *out, const char *path, const char *tenant)
{
    const size_t len = (size_t)snprintf(out, ISCEP_REQUEST_HEAD_MAX,
                                        "POST /v1/revocations/%s HTTP/1.1\r\n"
                                        "Host: connector\r\n"
                                        "Accept: text/plain\r\n"
                                        "Content-Length: 0\r\n",
                                        path);
    return len + emit_tenant(out + len, ISCEP_REQUEST_HEAD_MAX - len, tenant);
}

size_t iscep_request_head_next(char out[ISCEP_REQUEST_HEAD_MAX], const char *tenant, const char *ca,
                               uint32_t wait_ms)
{
    size_t len = begin_empty(out, "next", tenant);
    len += (size_t)snprintf(out + len, ISCEP_REQUEST_HEAD_MAX - len, "X-Scep-Wait-Ms: %u\r\n", wait_ms);
    if (ca[0] != '\0') {
        len += (size_t)snprintf(out + len, ISCEP_REQUEST_HEAD_MAX - len, "X-Scep-Ca: %s\r\n", ca);
    }
    return end_head(out, len);
}

size_t iscep_request_head_result(char out[ISCEP_REQUEST_HEAD_MAX], const char *tenant, scep_bytes id,
                                 const char *outcome, const char *more)
{
    size_t len = begin_empty(out, "result", tenant);
    len += (size_t)snprintf(out + len, ISCEP_REQUEST_HEAD_MAX - len,
                            "X-Scep-Revocation-Id: %.*s\r\nX-Scep-Revocation-Outcome: %s\r\n", (int)id.len,
                            (const char *)id.data, outcome);
    if (more[0] != '\0') {
        len += emit_description(out + len, ISCEP_REQUEST_HEAD_MAX - len, iscep_plugin_bytes_of(more));
    }
    return end_head(out, len);
}
