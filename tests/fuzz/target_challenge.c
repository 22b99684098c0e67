/*
 * base/challenge: whether a challenge looks like one of Intune's. Yes exactly if, in a second reading, it is canonical
 * base64 of one SEQUENCE that begins with an object identifier below that of PKCS#7; by this a host may be told that the
 * challenge is its own affair.
 */
#include <string.h>

#include "base/challenge.h"
#include "base/x509.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/oracle_der.h"

/* The DER itself as input as well, so that mutation need not find its way through base64. */
static void run(iscep_bytes challenge, iscep_bytes der)
{
    static const uint8_t pkcs7[] = {0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07};
    oracle_der info, type;
    bool is_content_info = oracle_der_take_tag(&der, DER_SEQUENCE, &info) && der.len == 0 &&
                           oracle_der_take_tag(&info.content, DER_OID, &type) &&
                           type.content.len == sizeof pkcs7 + 1 &&
                           memcmp(type.content.data, pkcs7, sizeof pkcs7) == 0;
    FUZZ_CHECK(iscep_challenge_is_like_intune(challenge) == is_content_info);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ISCEP_AUTO_BUF text, der;
    iscep_bytes input = iscep_bytes_of(data, size);
    if (size > ISCEP_CSR_MAX_LEN / 2)
        return 0;
    iscep_buf_init(&text, size * 2 + 4);
    iscep_buf_init(&der, size + 3);
    iscep_base64_encode(&text, input);
    run(iscep_buf_bytes(&text), input);
    if (iscep_base64_decode(&der, input, NULL) == ISCEP_OK)
        run(input, iscep_buf_bytes(&der));
    else
        FUZZ_CHECK(!iscep_challenge_is_like_intune(input));
    return 0;
}
