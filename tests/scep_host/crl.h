/* The certificate revocation list (RFC 5280 5) that a CA signs over its index. */
#ifndef ISCEP_HOST_CRL_H
#define ISCEP_HOST_CRL_H

#include <openssl/types.h>

#include "identity.h"

/* Who signs it, and when. All borrowed. */
typedef struct iscep_crl_signer {
    const iscep_crypto *crypto;
    const iscep_identity *ca;
    int64_t now_unix; /* seconds */
} iscep_crl_signer;

/* Every revoked certificate of the index (cert_index.h). Free with X509_CRL_free. */
iscep_status iscep_crl_make(X509_CRL **out, const iscep_crl_signer *signer, iscep_bytes index,
                            const BIGNUM *number, iscep_error *err) ISCEP_CHECKED;

/* Is it the signer's, will it be good for another day, and does it have just what the index has? */
bool iscep_crl_is_current(X509_CRL *crl, const iscep_crl_signer *signer, iscep_bytes index);

/* crlNumber; NULL if it has none. Free with BN_free. */
BIGNUM *iscep_crl_number(const X509_CRL *crl);

#endif
