/* See pki_checks.h. */
#include "tests/fuzz/pki_checks.h"

#include <openssl/objects.h>
#include <string.h>

#include "base/x509.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/keys.h"
#include "tests/fuzz/scep_message.h"

static const iscep_crypto *crypto(void)
{
    static iscep_crypto *made;
    if (made == NULL)
        FUZZ_CHECK(iscep_crypto_new(&made, false, NULL) == ISCEP_OK);
    return made;
}

/* A CertRep repeats the id, as a PrintableString: it stands in the message as one. */
static void check_parsed(const iscep_pki_message *message, iscep_bytes der)
{
    size_t len = strlen(message->transaction_id);
    uint8_t element[2 + ISCEP_TRANSACTION_ID_MAX_LEN] = {V_ASN1_PRINTABLESTRING, (uint8_t)len};
    FUZZ_CHECK(len >= 1 && len <= ISCEP_TRANSACTION_ID_MAX_LEN && message->message_type <= 999);
    memcpy(element + 2, message->transaction_id, len);
    if (len < 0x80)
        FUZZ_CHECK(memmem(der.data, der.len, element, 2 + len) != NULL);
    FUZZ_CHECK(memmem(der.data, der.len, message->sender_nonce, ISCEP_NONCE_LEN) != NULL);
}

static void check_opened(const iscep_pki_message *message)
{
    FUZZ_CHECK(message->signer != NULL && message->content.len >= 1 &&
               message->content.len <= ISCEP_CSR_MAX_LEN);
    FUZZ_CHECK(message->cipher == NID_aes_128_cbc || message->cipher == NID_aes_192_cbc ||
               message->cipher == NID_aes_256_cbc || message->cipher == NID_des_ede3_cbc);
}

pki_outcome pki_checks_run(iscep_bytes der, iscep_buf *content)
{
    const iscep_identity ca = {.cert = fuzz_cert_ca(),
                               .key = {.pkey = fuzz_key_ca(), .context = iscep_crypto_context(crypto())}};
    const iscep_pki_opener opener = {
        .crypto = crypto(), .recipient = &ca, .now_unix = SCEP_MESSAGE_TIME_UNIX};
    iscep_pki_message message;
    iscep_fail_info fail_info = ISCEP_BAD_REQUEST;
    pki_outcome outcome = PKI_REFUSED;
    iscep_status status = iscep_pki_message_parse(&message, crypto(), der, NULL);
    FUZZ_CHECK(status == ISCEP_OK || status == ISCEP_USAGE);
    if (status == ISCEP_OK) {
        check_parsed(&message, der);
        status = iscep_pki_message_open(&message, &opener, &fail_info, NULL);
        FUZZ_CHECK(status == ISCEP_OK || status == ISCEP_USAGE);
        outcome = status == ISCEP_OK ? PKI_OPENED : PKI_PARSED;
    }
    if (outcome == PKI_OPENED) {
        check_opened(&message);
        iscep_buf_append(content, message.content.data, message.content.len);
    }
    iscep_pki_message_clear(&message);
    return outcome;
}
