/* tests/scep_host/pki_message: a PKIOperation's body from a stranger, before and behind the check of its signature. */
#include "base/x509.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/pki_checks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ISCEP_AUTO_BUF content;
    iscep_buf_init(&content, ISCEP_CSR_MAX_LEN);
    pki_outcome outcome = pki_checks_run(iscep_bytes_of(data, size), &content);
    FUZZ_CHECK(outcome == PKI_REFUSED || size <= ISCEP_PKI_MESSAGE_MAX_LEN);
    return 0;
}
