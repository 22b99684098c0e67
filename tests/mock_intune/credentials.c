/* See credentials.h. */
#include "credentials.h"

#include <string.h>
#include <strings.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#define PEM_MAX_LEN  (64 * 1024)
#define MIN_RSA_BITS 2048

static const mock_credential blank = {.expires_unix = INT64_MAX};

iscep_status mock_credential_from_secret(mock_credential *out, iscep_bytes secret, iscep_error *err)
{
    *out = blank;
    out->kind = MOCK_SECRET;
    if (secret.len == 0)
        return iscep_error_set(err, ISCEP_USAGE, "secret", "a client secret must not be empty");
    return iscep_secret_new(&out->secret, secret, err);
}

static iscep_status check_key(const EVP_PKEY *key, iscep_error *err)
{
    if (key == NULL || EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA || EVP_PKEY_get_bits(key) < MIN_RSA_BITS)
        return iscep_error_set(err, ISCEP_USAGE, "key", "an RSA key of at least %d bits is wanted",
                               MIN_RSA_BITS);
    return ISCEP_OK;
}

static bool make_thumbprint(char out[MOCK_THUMBPRINT_SIZE], const X509 *cert, const EVP_MD *digest)
{
    ISCEP_AUTO_BUF text;
    uint8_t bytes[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    iscep_buf_init(&text, MOCK_THUMBPRINT_SIZE);
    if (X509_digest(cert, digest, bytes, &len) != 1)
        return false;
    iscep_base64url_encode(&text, iscep_bytes_of(bytes, len));
    iscep_text_copy(out, MOCK_THUMBPRINT_SIZE, iscep_buf_text(&text));
    return !text.is_overflown;
}

static bool read_not_after(int64_t *out, const X509 *cert)
{
    struct tm tm;
    if (ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm) != 1)
        return false;
    *out = timegm(&tm);
    return true;
}

static BIO *open_pem(iscep_bytes pem)
{
    return pem.len > 0 && pem.len <= PEM_MAX_LEN ? BIO_new_mem_buf(pem.data, (int)pem.len) : NULL;
}

iscep_status mock_credential_from_certificate(mock_credential *out, iscep_bytes pem, iscep_error *err)
{
    *out = blank;
    out->kind = MOCK_CERTIFICATE;
    BIO *bio = open_pem(pem);
    X509 *cert = bio != NULL ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    BIO_free(bio);
    bool is_read = cert != NULL && (out->key = X509_get_pubkey(cert)) != NULL &&
                   make_thumbprint(out->x5t, cert, EVP_sha1()) &&
                   make_thumbprint(out->x5t_s256, cert, EVP_sha256()) &&
                   read_not_after(&out->expires_unix, cert);
    X509_free(cert);
    if (!is_read)
        return iscep_error_set(err, ISCEP_USAGE, "certificate", "a certificate in PEM is wanted");
    return check_key(out->key, err);
}

iscep_status mock_credential_from_public_key(mock_credential *out, iscep_bytes pem, iscep_error *err)
{
    *out = blank;
    out->kind = MOCK_FEDERATED;
    BIO *bio = open_pem(pem);
    out->key = bio != NULL ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
    BIO_free(bio);
    return check_key(out->key, err);
}

void mock_credential_clear(mock_credential *credential)
{
    iscep_secret_free(credential->secret);
    EVP_PKEY_free(credential->key);
    *credential = (mock_credential){0};
}

iscep_status mock_credentials_add(mock_credentials *credentials, mock_credential *credential,
                                  const iscep_env *env, iscep_error *err)
{
    if (credentials->count == MOCK_CREDENTIALS_MAX)
        return iscep_error_set(err, ISCEP_USAGE, "too_many", "there are too many credentials already");
    iscep_status status = iscep_guid_new(credential->key_id, env, err);
    if (status == ISCEP_OK)
        credentials->items[credentials->count++] = *credential;
    return status;
}

mock_credential *mock_credentials_next(mock_credentials *credentials, const mock_credential *previous)
{
    size_t at = previous == NULL ? 0 : (size_t)(previous - credentials->items) + 1;
    while (at < credentials->count && credentials->items[at].is_removed)
        at++;
    return at < credentials->count ? &credentials->items[at] : NULL;
}

const mock_credential *mock_credentials_next_of(mock_credentials *credentials,
                                                const mock_credential *previous, mock_credential_kind kind,
                                                const char *client_id)
{
    const mock_credential *next = previous;
    while ((next = mock_credentials_next(credentials, next)) != NULL)
        if (next->kind == kind && strcasecmp(next->client_id, client_id) == 0)
            return next;
    return NULL;
}

mock_credential *mock_credentials_find(mock_credentials *credentials, const char *key_id)
{
    mock_credential *next = NULL;
    while ((next = mock_credentials_next(credentials, next)) != NULL)
        if (strcasecmp(next->key_id, key_id) == 0)
            return next;
    return NULL;
}

static void drop(mock_credentials *credentials, mock_credential *credential)
{
    size_t at = (size_t)(credential - credentials->items);
    mock_credential_clear(credential);
    credentials->count--;
    memmove(credential, credential + 1, (credentials->count - at) * sizeof(*credential));
}

void mock_credentials_remove(mock_credentials *credentials, mock_credential *credential)
{
    if (credential->is_initial)
        credential->is_removed = true;
    else
        drop(credentials, credential);
}

void mock_credentials_seal(mock_credentials *credentials)
{
    for (size_t i = 0; i < credentials->count; i++) {
        credentials->items[i].is_initial = true;
        credentials->items[i].initial_expires_unix = credentials->items[i].expires_unix;
    }
}

void mock_credentials_reset(mock_credentials *credentials)
{
    for (size_t i = credentials->count; i-- > 0;) {
        mock_credential *credential = &credentials->items[i];
        if (!credential->is_initial) {
            drop(credentials, credential);
            continue;
        }
        credential->is_removed = false;
        credential->expires_unix = credential->initial_expires_unix;
    }
}

void mock_credentials_clear(mock_credentials *credentials)
{
    while (credentials->count > 0)
        drop(credentials, &credentials->items[credentials->count - 1]);
}
