/* OpenSSL's PEM, and files that are whole or not there. */
#include "pem_file.h"

#include <openssl/pem.h>

#include "ossl_auto.h"
#include "state_file.h"

static iscep_status write_bio(const char *path, mode_t mode, BIO *bio, iscep_error *err)
{
    char *data = NULL;
    long len = BIO_get_mem_data(bio, &data);
    return iscep_state_file_write(path, mode, iscep_bytes_of(data, (size_t)len), err);
}

iscep_status iscep_pem_write_cert(const char *path, const X509 *cert, iscep_error *err)
{
    OSSL_AUTO(BIO) *pem = BIO_new(BIO_s_mem());
    if (!pem || PEM_write_bio_X509(pem, cert) != 1)
        return iscep_crypto_error(err, ISCEP_SERVICE, "ca", "a certificate cannot be encoded");
    return write_bio(path, 0644, pem, err);
}

iscep_status iscep_pem_write_key(const char *path, const EVP_PKEY *key, iscep_error *err)
{
    OSSL_AUTO(BIO) *pem = BIO_new(BIO_s_secmem());
    if (!pem || PEM_write_bio_PKCS8PrivateKey(pem, key, NULL, NULL, 0, NULL, NULL) != 1)
        return iscep_crypto_error(err, ISCEP_SERVICE, "ca", "a key cannot be encoded");
    return write_bio(path, 0600, pem, err);
}

X509 *iscep_pem_read_cert(const iscep_crypto *crypto, const char *path)
{
    OSSL_AUTO(BIO) *pem = BIO_new_file(path, "r");
    OSSL_AUTO(X509) *cert = X509_new_ex(iscep_crypto_context(crypto), NULL);
    X509 *read = pem && cert ? PEM_read_bio_X509(pem, &cert, NULL, NULL) : NULL;
    if (read)
        cert = NULL;
    return read;
}

EVP_PKEY *iscep_pem_read_key(const iscep_crypto *crypto, const char *path)
{
    OSSL_AUTO(BIO) *pem = BIO_new_file(path, "r");
    return pem ? PEM_read_bio_PrivateKey_ex(pem, NULL, NULL, NULL, iscep_crypto_context(crypto), NULL) : NULL;
}
