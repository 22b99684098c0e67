/* The host's OpenSSL context and its list of permitted algorithms. */
#include "crypto.h"

#include <stdlib.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/provider.h>

#include "ossl_auto.h"

enum { MIN_RSA_BITS = 2048, MAX_RSA_BITS = 8192 };

struct iscep_crypto {
    OSSL_LIB_CTX *context;
    OSSL_PROVIDER *default_provider;
    OSSL_PROVIDER *legacy_provider; /* NULL: single DES and SHA-1 are refused */
};

static iscep_status load_providers(iscep_crypto *crypto, bool is_legacy_allowed, iscep_error *err)
{
    crypto->context = OSSL_LIB_CTX_new();
    if (!crypto->context)
        return iscep_error_nomem(err);
    crypto->default_provider = OSSL_PROVIDER_load(crypto->context, "default");
    if (!crypto->default_provider)
        return iscep_crypto_error(err, ISCEP_CONFIG, "openssl", "OpenSSL's default provider does not load");
    if (!is_legacy_allowed)
        return ISCEP_OK;
    crypto->legacy_provider = OSSL_PROVIDER_load(crypto->context, "legacy");
    if (!crypto->legacy_provider)
        return iscep_crypto_error(err, ISCEP_CONFIG, "openssl", "OpenSSL's legacy provider does not load");
    return ISCEP_OK;
}

iscep_status iscep_crypto_new(iscep_crypto **out, bool is_legacy_allowed, iscep_error *err)
{
    iscep_crypto *crypto = calloc(1, sizeof(*crypto));
    if (!crypto)
        return iscep_error_nomem(err);
    iscep_status status = load_providers(crypto, is_legacy_allowed, err);
    if (status != ISCEP_OK) {
        iscep_crypto_free(crypto);
        return status;
    }
    *out = crypto;
    return ISCEP_OK;
}

void iscep_crypto_free(iscep_crypto *crypto)
{
    if (!crypto)
        return;
    if (crypto->legacy_provider)
        OSSL_PROVIDER_unload(crypto->legacy_provider);
    if (crypto->default_provider)
        OSSL_PROVIDER_unload(crypto->default_provider);
    OSSL_LIB_CTX_free(crypto->context);
    free(crypto);
}

OSSL_LIB_CTX *iscep_crypto_context(const iscep_crypto *crypto)
{
    return crypto->context;
}

bool iscep_crypto_allows_digest(const iscep_crypto *crypto, int nid)
{
    switch (nid) {
    case NID_sha256:
    case NID_sha384:
    case NID_sha512:
        return true;
    case NID_sha1:
        return crypto->legacy_provider != NULL;
    default:
        return false;
    }
}

bool iscep_crypto_allows_cipher(const iscep_crypto *crypto, int nid)
{
    switch (nid) {
    case NID_aes_128_cbc:
    case NID_aes_192_cbc:
    case NID_aes_256_cbc:
    case NID_des_ede3_cbc:
        return true;
    case NID_des_cbc:
        return crypto->legacy_provider != NULL;
    default:
        return false;
    }
}

bool iscep_crypto_allows_key(const EVP_PKEY *key)
{
    if (!key || EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA)
        return false;
    int bits = EVP_PKEY_get_bits(key);
    return bits >= MIN_RSA_BITS && bits <= MAX_RSA_BITS;
}

iscep_status iscep_crypto_error(iscep_error *err, iscep_status status, const char *code, const char *what)
{
    const char *reason = ERR_reason_error_string(ERR_peek_error());
    ERR_clear_error();
    return iscep_error_set(err, status, code, "%s%s%s", what, reason ? ": " : "", reason ? reason : "");
}

iscep_status iscep_crypto_key_digest(uint8_t out[ISCEP_SHA256_LEN], const X509 *cert, iscep_error *err)
{
    uint8_t *der = NULL;
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
    if (len <= 0)
        return iscep_crypto_error(err, ISCEP_NOMEM, NULL, "the public key cannot be encoded");
    int done = EVP_Digest(der, (size_t)len, out, NULL, EVP_sha256(), NULL);
    OPENSSL_free(der);
    if (done != 1)
        return iscep_crypto_error(err, ISCEP_NOMEM, NULL, "SHA-256 failed");
    return ISCEP_OK;
}

iscep_status iscep_crypto_cert_der(iscep_buf *out, const X509 *cert, iscep_error *err)
{
    uint8_t *der = NULL;
    int len = i2d_X509(cert, &der);
    if (len <= 0)
        return iscep_crypto_error(err, ISCEP_NOMEM, NULL, "the certificate cannot be encoded");
    iscep_buf_append(out, der, (size_t)len);
    OPENSSL_free(der);
    return iscep_buf_status(out, err);
}
