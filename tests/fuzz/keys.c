/* See keys.h. FUZZ_KEYS is the directory, by the build. */
#include "tests/fuzz/keys.h"

#include <openssl/pem.h>

#include "tests/fuzz/check.h"

static EVP_PKEY *load_key(const char *path)
{
    FILE *file = fopen(path, "r");
    EVP_PKEY *key = file == NULL ? NULL : PEM_read_PrivateKey(file, NULL, NULL, NULL);
    FUZZ_CHECK(key != NULL);
    fclose(file);
    return key;
}

static X509 *load_cert(const char *path)
{
    FILE *file = fopen(path, "r");
    X509 *cert = file == NULL ? NULL : PEM_read_X509(file, NULL, NULL, NULL);
    FUZZ_CHECK(cert != NULL);
    fclose(file);
    return cert;
}

EVP_PKEY *fuzz_key_ca(void)
{
    static EVP_PKEY *key;
    return key != NULL ? key : (key = load_key(FUZZ_KEYS "/ca.key"));
}

X509 *fuzz_cert_ca(void)
{
    static X509 *cert;
    return cert != NULL ? cert : (cert = load_cert(FUZZ_KEYS "/ca.pem"));
}

EVP_PKEY *fuzz_key_device(void)
{
    static EVP_PKEY *key;
    return key != NULL ? key : (key = load_key(FUZZ_KEYS "/device.key"));
}

X509 *fuzz_cert_device(void)
{
    static X509 *cert;
    return cert != NULL ? cert : (cert = load_cert(FUZZ_KEYS "/device.pem"));
}
