/*
 * tests/scep_host/pki_message, behind the check of the signature, where a mutated message never gets: the input is the
 * signed content, which should be an envelope, and the target signs it. What is opened goes on to the CSR's parser,
 * as in the host.
 */
#include "base/x509.h"
#include "cert_request.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/oracle_der.h"
#include "tests/fuzz/pki_checks.h"
#include "tests/fuzz/scep_message.h"

static void check_request(iscep_bytes content)
{
    static iscep_crypto *crypto;
    iscep_cert_request request;
    iscep_fail_info fail_info = ISCEP_BAD_REQUEST;
    if (crypto == NULL)
        FUZZ_CHECK(iscep_crypto_new(&crypto, false, NULL) == ISCEP_OK);
    iscep_status status = iscep_cert_request_parse(&request, crypto, content, &fail_info, NULL);
    FUZZ_CHECK(status == ISCEP_USAGE || (status == ISCEP_OK && request.csr != NULL));
    iscep_cert_request_clear(&request);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ISCEP_AUTO_BUF message, content;
    oracle_der envelope;
    iscep_bytes rest = iscep_bytes_of(data, size);
    iscep_buf_init(&message, ISCEP_PKI_MESSAGE_MAX_LEN);
    iscep_buf_init(&content, ISCEP_CSR_MAX_LEN);
    scep_message_sign(&message, rest);
    if (message.is_overflown)
        return 0;
    pki_outcome outcome = pki_checks_run(iscep_buf_bytes(&message), &content);
    FUZZ_CHECK(outcome != PKI_REFUSED); /* it is signed, and says what a CertRep needs */
    if (outcome != PKI_OPENED)
        return 0;
    FUZZ_CHECK(oracle_der_take_tag(&rest, DER_SEQUENCE, &envelope) && rest.len == 0);
    check_request(iscep_buf_bytes(&content));
    return 0;
}
