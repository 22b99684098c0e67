/* See csr.h. */
#include "csr.h"

#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

static bool fill(X509_REQ *req, EVP_PKEY *key, const char *challenge)
{
    static const char name[] = BENCH_CSR_COMMON_NAME;
    return X509_NAME_add_entry_by_NID(X509_REQ_get_subject_name(req), NID_commonName, MBSTRING_UTF8,
                                      (const uint8_t *)name, -1, -1, 0) == 1 &&
           X509_REQ_add1_attr_by_NID(req, NID_pkcs9_challengePassword, MBSTRING_ASC, (const uint8_t *)challenge,
                                     (int)strlen(challenge)) == 1 &&
           X509_REQ_set_pubkey(req, key) == 1 && X509_REQ_sign(req, key, EVP_sha256()) > 0;
}

iscep_status bench_csr_make(iscep_buf *out, const char *challenge, iscep_error *err)
{
    uint8_t *der = NULL;
    EVP_PKEY *key = EVP_RSA_gen(2048);
    X509_REQ *req = X509_REQ_new();
    bool is_made = key != NULL && req != NULL && fill(req, key, challenge);
    int len = is_made ? i2d_X509_REQ(req, &der) : 0;
    if (len > 0)
        iscep_buf_append(out, der, (size_t)len);
    OPENSSL_free(der);
    X509_REQ_free(req);
    EVP_PKEY_free(key);
    if (len <= 0)
        return iscep_error_set(err, ISCEP_NOMEM, "csr", "OpenSSL could not make the certificate request");
    return iscep_buf_status(out, err);
}
