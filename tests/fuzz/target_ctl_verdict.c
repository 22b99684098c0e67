/*
 * ctl/verdict: who answers on the socket may be anybody. The input is v or r (a request, or a report), three digits of an
 * HTTP status, and the body. Never a yes without HTTP 200; a printed certificate is PEM.
 */
#include <string.h>

#include "ctl/verdict.h"
#include "tests/fuzz/check.h"

enum { HEAD_LEN = 4, MAX_PEM_LEN = 256 * 1024 };

static void check_certificate(const ctl_verdict *verdict)
{
    ISCEP_AUTO_BUF pem;
    iscep_buf_init(&pem, MAX_PEM_LEN);
    const iscep_status status = ctl_verdict_emit_certificate(&pem, verdict, NULL);
    FUZZ_CHECK(status == ISCEP_OK || pem.len == 0);
    FUZZ_CHECK(status != ISCEP_OK ||
               strncmp(iscep_buf_text(&pem), "-----BEGIN CERTIFICATE-----\nM", 29) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ctl_verdict verdict;
    if (size < HEAD_LEN)
        return 0;
    const ctl_asked asked = data[0] == 'r' ? CTL_ASKED_REPORT : CTL_ASKED_VALIDATE;
    const int32_t status = (data[1] - '0') * 100 + (data[2] - '0') * 10 + (data[3] - '0');
    ctl_verdict_read(&verdict, asked, status, iscep_bytes_of(data + HEAD_LEN, size - HEAD_LEN));
    FUZZ_CHECK(verdict.code != NULL && verdict.message != NULL);
    FUZZ_CHECK(verdict.kind != CTL_VERDICT_ALLOW || status == 200);
    FUZZ_CHECK(verdict.kind != CTL_VERDICT_DELIVER || status == (asked == CTL_ASKED_REPORT ? 200 : 409));
    FUZZ_CHECK(verdict.kind != CTL_VERDICT_DENY || (status >= 400 && status < 500));
    if (verdict.kind == CTL_VERDICT_DELIVER)
        check_certificate(&verdict);
    ctl_verdict_clear(&verdict);
    return 0;
}
