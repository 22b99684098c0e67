/* OpenSSL objects that are freed at the end of their scope: OSSL_AUTO(X509) *cert = NULL; */
#ifndef ISCEP_HOST_OSSL_AUTO_H
#define ISCEP_HOST_OSSL_AUTO_H

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/cms.h>
#include <openssl/evp.h>
#include <openssl/pkcs7.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#define OSSL_AUTO(type) __attribute__((cleanup(iscep_auto_##type))) type

#define OSSL_AUTO_DEFINE(type, free_function)                                                                \
    static inline void iscep_auto_##type(type **object)                                                      \
    {                                                                                                        \
        free_function(*object);                                                                              \
    }

typedef STACK_OF(X509) X509_STACK; /* borrows its certificates */
typedef STACK_OF(X509_EXTENSION) X509_EXTENSION_STACK;

static inline void iscep_free_extension_stack(X509_EXTENSION_STACK *extensions)
{
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
}

OSSL_AUTO_DEFINE(ASN1_BIT_STRING, ASN1_BIT_STRING_free)
OSSL_AUTO_DEFINE(ASN1_OBJECT, ASN1_OBJECT_free)
OSSL_AUTO_DEFINE(BIGNUM, BN_free)
OSSL_AUTO_DEFINE(BIO, BIO_free_all)
OSSL_AUTO_DEFINE(CMS_ContentInfo, CMS_ContentInfo_free)
OSSL_AUTO_DEFINE(EVP_PKEY, EVP_PKEY_free)
OSSL_AUTO_DEFINE(PKCS7, PKCS7_free)
OSSL_AUTO_DEFINE(X509, X509_free)
OSSL_AUTO_DEFINE(X509_CRL, X509_CRL_free)
OSSL_AUTO_DEFINE(X509_EXTENSION_STACK, iscep_free_extension_stack)
OSSL_AUTO_DEFINE(X509_NAME, X509_NAME_free)
OSSL_AUTO_DEFINE(X509_REQ, X509_REQ_free)
OSSL_AUTO_DEFINE(X509_STACK, sk_X509_free)
OSSL_AUTO_DEFINE(X509_STORE, X509_STORE_free)
OSSL_AUTO_DEFINE(X509_STORE_CTX, X509_STORE_CTX_free)

#endif
