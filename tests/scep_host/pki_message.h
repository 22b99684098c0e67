/*
 * A pkiMessage from a device (RFC 8894 3): signed by the device's key around an envelope for the CA's key.
 * Taking it apart has two steps, because an answer must name what it answers: parse reads what a CertRep
 * repeats and believes none of it; open verifies, deciphers and refuses with a failInfo.
 */
#ifndef ISCEP_HOST_PKI_MESSAGE_H
#define ISCEP_HOST_PKI_MESSAGE_H

#include <openssl/cms.h>

#include "base/transaction_id.h"
#include "identity.h"
#include "rfc8894.h"

#define ISCEP_PKI_MESSAGE_MAX_LEN (256u * 1024u)

typedef struct iscep_pki_message {
    uint32_t message_type; /* 0: not a number */
    char transaction_id[ISCEP_TRANSACTION_ID_SIZE];
    uint8_t sender_nonce[ISCEP_NONCE_LEN];
    CMS_ContentInfo *signed_data; /* NULL once it is open: an opened message may have to wait for long */

    /* Known once it is open. */
    X509 *
        signer; /* the key has signed the message; who vouches for the certificate is for the caller to ask */
    int cipher; /* NID of the cipher that the device used */
    iscep_buf content; /* what was enciphered: a PKCS#10, or an IssuerAndSubject */
} iscep_pki_message;

/* USAGE when it is no pkiMessage that could be answered with a CertRep. Clear in either case. */
iscep_status iscep_pki_message_parse(iscep_pki_message *out, const iscep_crypto *crypto, iscep_bytes der,
                                     iscep_error *err) ISCEP_CHECKED;
void iscep_pki_message_clear(iscep_pki_message *message);

/* What opens a message: the CA's or RA's key, and the time against which signingTime is held. */
typedef struct iscep_pki_opener {
    const iscep_crypto *crypto;
    const iscep_identity *recipient;
    int64_t now_unix; /* seconds */
} iscep_pki_opener;

/* USAGE is the device's fault, which fail_info then names. */
iscep_status iscep_pki_message_open(iscep_pki_message *message, const iscep_pki_opener *opener,
                                    iscep_fail_info *fail_info, iscep_error *err) ISCEP_CHECKED;

#endif
