/*
 * base/x509: a certificate that a host says it has issued. The serial number and the thumbprint are what Intune will
 * ask to revoke by, so both are computed here once more.
 */
#include <openssl/evp.h>
#include <string.h>

#include "base/x509.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/oracle_der.h"
#include "tests/fuzz/oracle_text.h"

static void check_thumbprint(const iscep_cert *cert, iscep_bytes der)
{
    uint8_t digest[20];
    char hex[2 * sizeof digest + 1];
    FUZZ_CHECK(EVP_Digest(der.data, der.len, digest, NULL, EVP_sha1(), NULL) == 1);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(hex + 2 * i, 3, "%02X", digest[i]);
    FUZZ_CHECK(strcmp(iscep_cert_thumbprint(cert), hex) == 0);
}

/* A negative number's hex is its magnitude's, which is not what stands in the DER. */
static void check_serial(const iscep_cert *cert, iscep_bytes der)
{
    iscep_bytes serial = {0};
    const char *hex = iscep_cert_serial(cert);
    size_t len = strlen(hex);
    FUZZ_CHECK(oracle_der_serial(der, &serial) && serial.len > 0);
    FUZZ_CHECK(len >= 2 && len % 2 == 0 && strspn(hex, "0123456789ABCDEF") == len);
    if (serial.data[0] >= 0x80)
        return;
    if (serial.data[0] == 0 && serial.len > 1)
        serial = iscep_bytes_of(serial.data + 1, serial.len - 1);
    FUZZ_CHECK(len == 2 * serial.len);
    for (size_t i = 0; i < serial.len; i++) {
        char pair[3];
        snprintf(pair, sizeof pair, "%02X", serial.data[i]);
        FUZZ_CHECK(memcmp(hex + 2 * i, pair, 2) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    iscep_cert *cert = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_bytes der = iscep_bytes_of(data, size);
    iscep_status status = iscep_cert_parse(&cert, der, &err);
    if (status != ISCEP_OK) {
        FUZZ_CHECK(cert == NULL && status == ISCEP_USAGE && err.code[0] != '\0');
        return 0;
    }
    FUZZ_CHECK(size <= ISCEP_CERT_MAX_LEN && iscep_der_element_len(data, size) == size);
    check_thumbprint(cert, der);
    check_serial(cert, der);
    FUZZ_CHECK(oracle_is_line(iscep_cert_issuer(cert)) && oracle_is_line(iscep_cert_subject(cert)));
    iscep_cert_free(cert);
    return 0;
}
