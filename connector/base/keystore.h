/*
 * A private key and its certificate: from PEM, DER or PKCS#12 files, or from any URI that an OpenSSL provider
 * understands, so that the key may live in a TPM or an HSM and never be in this process.
 *
 * A provider is loaded into a library context that belongs to this keystore alone: nothing else in the process,
 * TLS first of all, is ever served by it. Nobody is ever asked for a password on a terminal.
 */
#ifndef ISCEP_BASE_KEYSTORE_H
#define ISCEP_BASE_KEYSTORE_H

#include "base/jose.h"
#include "base/secret.h"

typedef struct iscep_keystore iscep_keystore;

/* Borrowed by open only. */
typedef struct iscep_keystore_source {
    const char *key;              /* a file, or a URI such as handle:0x81000001 or pkcs11:object=connector */
    const char *certificate;      /* a file or URI; NULL: it comes with the key */
    const char *provider;         /* OpenSSL provider, such as tpm2; NULL: OpenSSL's own */
    bool is_key_alone;            /* no certificate is looked for */
    const iscep_secret *password; /* of an encrypted file, or the PIN that a provider asks for; may be NULL */
} iscep_keystore_source;

/*
 * CONFIG if there is no such key, no certificate that belongs to it, or no such provider. Free with
 * iscep_keystore_close.
 */
iscep_status iscep_keystore_open(iscep_keystore **out, const iscep_keystore_source *source,
                                 iscep_error *err) ISCEP_CHECKED;
void iscep_keystore_close(iscep_keystore *keystore);

/* Borrowed. Where there is a provider it signs, nobody else can. */
iscep_jwt_key iscep_keystore_key(const iscep_keystore *keystore);
/* What follows is of the certificate; where the key is alone there is none. */
/* How the certificate is named in a token's header (RFC 7515, 4.1.7 and 4.1.8): base64url of SHA-1, of SHA-256. */
const char *iscep_keystore_x5t(const iscep_keystore *keystore);
const char *iscep_keystore_x5t_s256(const iscep_keystore *keystore);
int64_t iscep_keystore_expires_unix(const iscep_keystore *keystore);
X509 *iscep_keystore_certificate(const iscep_keystore *keystore); /* borrowed */

#endif
