/* Making, finding and using private keys. */
#include "key.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "pem_file.h"

enum { RSA_BITS = 3072 };

static iscep_status check_kind(const iscep_key *key, const char *where, iscep_error *err)
{
    return iscep_crypto_allows_key(key->pkey)
               ? ISCEP_OK
               : iscep_error_set(err, ISCEP_CONFIG, "ca", "%s is not RSA of 2048 to 8192 bits", where);
}

iscep_status iscep_key_make(iscep_key *out, const iscep_crypto *crypto, const char *path, iscep_error *err)
{
    *out = (iscep_key){.context = iscep_crypto_context(crypto)};
    out->pkey = EVP_PKEY_Q_keygen(out->context, NULL, "RSA", (size_t)RSA_BITS);
    return out->pkey ? iscep_pem_write_key(path, out->pkey, err)
                     : iscep_crypto_error(err, ISCEP_SERVICE, "ca", "a key cannot be made");
}

static iscep_status check_mode(const char *path, iscep_error *err)
{
    struct stat info;
    if (stat(path, &info) != 0)
        return iscep_error_set(err, ISCEP_CONFIG, NULL, "%s: %s", path, strerror(errno));
    if ((info.st_mode & 077) != 0)
        return iscep_error_set(err, ISCEP_CONFIG, NULL, "%s can be read by others: chmod 600 it", path);
    return ISCEP_OK;
}

iscep_status iscep_key_load(iscep_key *out, const iscep_crypto *crypto, const char *path, iscep_error *err)
{
    *out = (iscep_key){.context = iscep_crypto_context(crypto)};
    iscep_status status = check_mode(path, err);
    if (status != ISCEP_OK)
        return status;
    out->pkey = iscep_pem_read_key(crypto, path);
    if (!out->pkey) {
        status = iscep_crypto_error(err, ISCEP_CONFIG, "ca", "the key cannot be read");
        iscep_error_prefix(err, path);
        return status;
    }
    return check_kind(out, path, err);
}

iscep_status iscep_key_open(iscep_key *out, const char *uri, const char *provider, iscep_error *err)
{
    *out = (iscep_key){0};
    const iscep_keystore_source source = {.key = uri, .provider = provider, .is_key_alone = true};
    iscep_status status = iscep_keystore_open(&out->keystore, &source, err);
    if (status != ISCEP_OK)
        return status;
    out->turn = malloc(sizeof(*out->turn));
    if (!out->turn)
        return iscep_error_nomem(err);
    pthread_mutex_init(out->turn, NULL);
    iscep_jwt_key borrowed = iscep_keystore_key(out->keystore);
    out->pkey = borrowed.key;
    out->context = borrowed.library;
    out->properties = borrowed.properties;
    return check_kind(out, uri, err);
}

void iscep_key_clear(iscep_key *key)
{
    if (!key->keystore)
        EVP_PKEY_free(key->pkey);
    iscep_keystore_close(key->keystore);
    if (key->turn)
        pthread_mutex_destroy(key->turn);
    free(key->turn);
    *key = (iscep_key){0};
}

const iscep_key *iscep_key_hold(const iscep_key *key)
{
    if (key->turn)
        pthread_mutex_lock(key->turn);
    return key;
}

void iscep_key_release(const iscep_key **held)
{
    if ((*held)->turn)
        pthread_mutex_unlock((*held)->turn);
}

/* NULL: it cannot sign. The digest's context is the key's: OpenSSL would look for the private half in any other. */
static EVP_MD_CTX *begin_signature(const iscep_key *key)
{
    EVP_MD_CTX *signature = EVP_MD_CTX_new();
    if (signature &&
        EVP_DigestSignInit_ex(signature, NULL, "SHA256", key->context, key->properties, key->pkey, NULL) == 1)
        return signature;
    EVP_MD_CTX_free(signature);
    return NULL;
}

bool iscep_key_sign_cert(const iscep_key *key, X509 *cert)
{
    ISCEP_KEY_HELD *held = iscep_key_hold(key);
    EVP_MD_CTX *signature = begin_signature(held);
    bool is_signed = signature && X509_sign_ctx(cert, signature) > 0;
    EVP_MD_CTX_free(signature);
    return is_signed;
}

bool iscep_key_sign_crl(const iscep_key *key, X509_CRL *crl)
{
    ISCEP_KEY_HELD *held = iscep_key_hold(key);
    EVP_MD_CTX *signature = begin_signature(held);
    bool is_signed = signature && X509_CRL_sign_ctx(crl, signature) > 0;
    EVP_MD_CTX_free(signature);
    return is_signed;
}
