/* See x509_make.h. */
#include "base/x509_make.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

enum { KEY_BITS = 2048 };

static bool fill(X509_REQ *req, EVP_PKEY *key, const char *common_name, const char *challenge)
{
    X509_NAME *name = X509_REQ_get_subject_name(req);
    return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name, -1, -1,
                                      0) == 1 &&
           X509_REQ_set_pubkey(req, key) == 1 &&
           X509_REQ_add1_attr_by_NID(req, NID_pkcs9_challengePassword, V_ASN1_UTF8STRING,
                                     (const unsigned char *)challenge, (int)strlen(challenge)) == 1 &&
           X509_REQ_sign(req, key, EVP_sha256()) > 0;
}

iscep_status iscep_csr_make(iscep_buf *out, const char *common_name, const char *challenge, iscep_error *err)
{
    EVP_PKEY *key = EVP_RSA_gen(KEY_BITS);
    X509_REQ *req = X509_REQ_new();
    unsigned char *der = NULL;
    int len = -1;
    if (key != NULL && req != NULL && fill(req, key, common_name, challenge))
        len = i2d_X509_REQ(req, &der);
    if (len > 0)
        iscep_buf_append(out, der, (size_t)len);
    OPENSSL_free(der);
    X509_REQ_free(req);
    EVP_PKEY_free(key);
    return len > 0 ? iscep_buf_status(out, err) : iscep_error_nomem(err);
}
