/*
 * ctl/handed_over: a request as a script hands it over. What begins as DER comes out as it went in, whatever stands inside;
 * PEM and base64 come out shorter, as a SEQUENCE, or not at all.
 */
#include <string.h>

#include "ctl/handed_over.h"
#include "tests/fuzz/check.h"

enum { SEQUENCE = 0x30 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ISCEP_AUTO_BUF der;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_buf_init(&der, ISCEP_CSR_MAX_LEN);
    iscep_status status = ctl_read_handed_over(&der, ISCEP_X509_REQUEST, iscep_bytes_of(data, size), &err);
    FUZZ_CHECK(status == ISCEP_OK || status == ISCEP_USAGE);
    if (size > 0 && data[0] == SEQUENCE) {
        FUZZ_CHECK((status == ISCEP_OK) == (size <= ISCEP_CSR_MAX_LEN));
        FUZZ_CHECK(status != ISCEP_OK || (der.len == size && memcmp(der.data, data, size) == 0));
    } else if (status == ISCEP_OK) {
        FUZZ_CHECK(der.len > 0 && der.len < size);
    }
    return 0;
}
