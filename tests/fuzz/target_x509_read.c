/* base/x509_read: a file that should hold a request or a certificate, in DER or PEM. What comes out parses as its kind. */
#include <openssl/x509.h>

#include "base/x509_read.h"
#include "tests/fuzz/check.h"

enum { MAX_LEN = 256 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ISCEP_AUTO_BUF der;
    iscep_x509_kind kind = ISCEP_X509_REQUEST;
    iscep_buf_init(&der, MAX_LEN);
    iscep_status status = iscep_x509_read(&der, &kind, iscep_bytes_of(data, size), NULL);
    FUZZ_CHECK(status == ISCEP_OK || status == ISCEP_USAGE);
    FUZZ_CHECK(status != ISCEP_OK || der.len <= size);
    FUZZ_CHECK(status == ISCEP_OK || der.len == 0);
    FUZZ_CHECK(kind == ISCEP_X509_REQUEST || kind == ISCEP_X509_CERTIFICATE);
    return 0;
}
