/* The head of a request to intune-scepd. Its parts are bounded by iscep_call_check and below, so that it
 * always fits. */
#include "local_request.h"

#include <stdio.h>

#include "text.h"

#define MARGIN_MAX_MS 250

_Static_assert(ISCEP_LOCAL_REASON_MAX * 3 + ISCEP_CALL_TRANSACTION_ID_MAX + 512 <
                   ISCEP_LOCAL_REQUEST_HEAD_MAX,
               "a percent-encoded reason, the transaction id and the fixed fields fit");

static const char *const paths[] = {
    [ISCEP_CALL_VALIDATE] = "/v1/validate",
    [ISCEP_CALL_ISSUED] = "/v1/issued",
    [ISCEP_CALL_FAILED] = "/v1/failed",
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

/* The reason is never empty for the daemon, because it is not for Intune; invalid UTF-8 is mended here. */
static size_t emit_failure(char *out, size_t room, const iscep_call *call)
{
    char reason[ISCEP_LOCAL_REASON_MAX + 1];
    char encoded[ISCEP_LOCAL_REASON_MAX * 3];
    const scep_bytes given = call->reason.len > 0 ? call->reason : iscep_plugin_bytes_of("no reason given");
    iscep_plugin_text_copy(reason, sizeof reason, given);
    const size_t encoded_len = percent_encode(encoded, iscep_plugin_bytes_of(reason));
    const int len = snprintf(out, room, "X-Scep-Error-Code: %u\r\nX-Scep-Error-Description: %.*s\r\n",
                             call->error_code, (int)encoded_len, encoded);
    return (size_t)len;
}

size_t iscep_local_request_head(char out[ISCEP_LOCAL_REQUEST_HEAD_MAX], const iscep_call *call, int left_ms)
{
    const int fixed_len =
        snprintf(out, ISCEP_LOCAL_REQUEST_HEAD_MAX,
                 "POST %s HTTP/1.1\r\n"
                 "Host: connector\r\n"
                 "Accept: text/plain\r\n"
                 "Content-Type: application/pkcs10\r\n"
                 "Content-Length: %zu\r\n"
                 "X-Scep-Timeout-Ms: %d\r\n"
                 "X-Scep-Transaction-Id: %.*s\r\n",
                 paths[call->kind], call->csr_der.len + call->cert_der.len, daemon_timeout_ms(left_ms),
                 (int)call->transaction_id.len, (const char *)call->transaction_id.data);
    size_t len = (size_t)fixed_len;
    if (call->kind == ISCEP_CALL_FAILED) {
        len += emit_failure(out + len, ISCEP_LOCAL_REQUEST_HEAD_MAX - len, call);
    }
    out[len++] = '\r';
    out[len++] = '\n';
    return len;
}
