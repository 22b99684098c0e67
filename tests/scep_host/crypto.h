/*
 * OpenSSL as the host uses it: a library context of its own, so that what is loaded for an old SCEP client
 * (the legacy provider, for single DES) is seen by nothing else in the process, such as a plugin that brings
 * OpenSSL along. Also the list of algorithms that a message may use.
 */
#ifndef ISCEP_HOST_CRYPTO_H
#define ISCEP_HOST_CRYPTO_H

#include <openssl/types.h>

#include "base/bytes.h"

typedef struct iscep_crypto iscep_crypto;

/*
 * is_legacy_allowed also permits what micromdm's scepclient uses: single DES and SHA-1. CONFIG when it is
 * wanted and OpenSSL's legacy provider is not installed.
 */
iscep_status iscep_crypto_new(iscep_crypto **out, bool is_legacy_allowed, iscep_error *err) ISCEP_CHECKED;
void iscep_crypto_free(iscep_crypto *crypto);
OSSL_LIB_CTX *iscep_crypto_context(const iscep_crypto *crypto);

/* By OpenSSL's NID. */
bool iscep_crypto_allows_digest(const iscep_crypto *crypto, int nid);
bool iscep_crypto_allows_cipher(const iscep_crypto *crypto, int nid);

/* RSA, 2048 to 8192 bits: what SCEP can encipher for, and what does not cost a server its day. */
bool iscep_crypto_allows_key(const EVP_PKEY *key);

/* "what: OpenSSL's own reason"; empties OpenSSL's error queue of this thread. */
iscep_status iscep_crypto_error(iscep_error *err, iscep_status status, const char *code, const char *what);

#define ISCEP_SHA256_LEN 32
/* The digest of a public key (SubjectPublicKeyInfo): tells whether two messages come from the same key. */
iscep_status iscep_crypto_key_digest(uint8_t out[ISCEP_SHA256_LEN], const X509 *cert,
                                     iscep_error *err) ISCEP_CHECKED;

/* Appends the DER of a certificate. */
iscep_status iscep_crypto_cert_der(iscep_buf *out, const X509 *cert, iscep_error *err) ISCEP_CHECKED;

#endif
