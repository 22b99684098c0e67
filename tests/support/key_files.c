/* See key_files.h. */
#include "tests/support/key_files.h"

#include <criterion/criterion.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <stdio.h>

#include "tests/support/test_pki.h"

static FILE *open_file(const char *path)
{
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    return file;
}

static X509 *new_certificate(EVP_PKEY *key, int64_t expires_unix)
{
    ISCEP_AUTO_BUF der;
    iscep_buf_init(&der, 64 * 1024);
    test_pki_emit_cert(&der, &(test_cert_options){.key = key, .not_after_unix = expires_unix});
    const unsigned char *at = der.data;
    X509 *certificate = d2i_X509(NULL, &at, (long)der.len);
    cr_assert_not_null(certificate);
    return certificate;
}

void key_files_write_key(const char *path, EVP_PKEY *key, const char *password)
{
    FILE *file = open_file(path);
    const EVP_CIPHER *cipher = password != NULL ? EVP_aes_256_cbc() : NULL;
    cr_assert_eq(PEM_write_PKCS8PrivateKey(file, key, cipher, NULL, 0, NULL, (void *)(uintptr_t)password), 1);
    fclose(file);
}

void key_files_write_certificate(const char *path, EVP_PKEY *key, int64_t expires_unix)
{
    FILE *file = open_file(path);
    X509 *certificate = new_certificate(key, expires_unix);
    cr_assert_eq(PEM_write_X509(file, certificate), 1);
    X509_free(certificate);
    fclose(file);
}

void key_files_write_pkcs12(const char *path, EVP_PKEY *key, const char *password)
{
    FILE *file = open_file(path);
    EVP_PKEY *ca_key = test_pki_new_rsa_key();
    X509 *certificate = new_certificate(key, KEY_FILES_EXPIRES);
    STACK_OF(X509) *others = sk_X509_new_null();
    cr_assert_gt(sk_X509_push(others, new_certificate(ca_key, KEY_FILES_EXPIRES)), 0);
    PKCS12 *p12 = PKCS12_create(password, "connector", key, certificate, others, 0, 0, 0, 0, 0);
    cr_assert_not_null(p12);
    cr_assert_eq(i2d_PKCS12_fp(file, p12), 1);
    PKCS12_free(p12);
    sk_X509_pop_free(others, X509_free);
    X509_free(certificate);
    EVP_PKEY_free(ca_key);
    fclose(file);
}
