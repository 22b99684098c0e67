/* See csr_checks.h. */
#include "tests/fuzz/csr_checks.h"

#include <openssl/x509.h>
#include <string.h>

#include "base/x509.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/oracle_der.h"
#include "tests/fuzz/oracle_text.h"

/* The header's promise: whatever is wrong with a request is the caller's fault, and has one of these names. */
static void check_refusal(iscep_status status, const iscep_error *err)
{
    static const char *const codes[] = {"csr_too_large",           "csr_malformed",
                                        "csr_signature_invalid",   "csr_challenge_missing",
                                        "csr_challenge_duplicate", "name_too_long"};
    bool is_known = false;
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        is_known |= strcmp(err->code, codes[i]) == 0;
    FUZZ_CHECK(status == ISCEP_USAGE && err->status == ISCEP_USAGE && is_known);
}

/* base/pkcs10 reads requests by itself: OpenSSL's own reader must agree that the key's holder has signed. */
static bool is_signed(iscep_bytes der)
{
    const uint8_t *at = der.data;
    X509_REQ *request = d2i_X509_REQ(NULL, &at, (long)der.len);
    EVP_PKEY *key = request == NULL ? NULL : X509_REQ_get0_pubkey(request);
    bool is_right = key != NULL && at == der.data + der.len && X509_REQ_verify(request, key) == 1;
    X509_REQ_free(request);
    return is_right;
}

bool csr_checks_parse(iscep_bytes der)
{
    iscep_csr *csr = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_bytes challenge = {0};
    iscep_status status = iscep_csr_parse(&csr, der, &err);
    if (status != ISCEP_OK) {
        FUZZ_CHECK(csr == NULL);
        check_refusal(status, &err);
        return false;
    }
    FUZZ_CHECK(der.len <= ISCEP_CSR_MAX_LEN && iscep_der_element_len(der.data, der.len) == der.len);
    FUZZ_CHECK(oracle_der_challenge(der, &challenge));
    FUZZ_CHECK(iscep_bytes_equal(iscep_csr_challenge(csr), challenge));
    FUZZ_CHECK(iscep_bytes_equal(iscep_csr_der(csr), der));
    FUZZ_CHECK(oracle_is_line(iscep_csr_subject(csr)));
    FUZZ_CHECK(is_signed(der));
    iscep_csr_free(csr);
    return true;
}
