/* base/x509: a PKCS#10 request as it comes from a device. */
#include "tests/fuzz/check.h"
#include "tests/fuzz/csr_checks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    (void)csr_checks_parse(iscep_bytes_of(data, size));
    return 0;
}
