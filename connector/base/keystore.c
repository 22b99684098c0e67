/* Keys and certificates by OpenSSL's OSSL_STORE: see keystore.h. */
#include "base/keystore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/store.h>
#include <openssl/ui.h>
#include <openssl/x509.h>

enum { MAX_CERTIFICATES = 16, MAX_THUMBPRINT_LEN = 64 };

#define PROVIDER_NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"

struct iscep_keystore {
    OSSL_LIB_CTX *library; /* NULL: OpenSSL's default one */
    OSSL_PROVIDER *provider;
    char properties
        [128]; /* "?provider=NAME": it is preferred, and what it cannot do is done by OpenSSL's own */
    OSSL_PROVIDER *fallback; /* OpenSSL's own algorithms: digests, and reading certificates */
    EVP_PKEY *key;
    X509 *certificate;
    char x5t[MAX_THUMBPRINT_LEN];
    char x5t_s256[MAX_THUMBPRINT_LEN];
    int64_t expires_unix;
};

/* What one URI holds. */
typedef struct store_content {
    EVP_PKEY *key; /* the first private one */
    X509 *certificates[MAX_CERTIFICATES];
    size_t certificate_count;
} store_content;

static void clear_content(store_content *content)
{
    EVP_PKEY_free(content->key);
    for (size_t i = 0; i < content->certificate_count; i++)
        X509_free(content->certificates[i]);
    *content = (store_content){0};
}

/* what: "cannot read" or the like. OpenSSL's reason, which never holds key or password, is added. */
static iscep_status fail(iscep_error *err, const char *code, const char *what, const char *which)
{
    unsigned long error = ERR_peek_last_error();
    const char *reason =
        ERR_SYSTEM_ERROR(error) ? strerror(ERR_GET_REASON(error)) : ERR_reason_error_string(error);
    ERR_clear_error();
    return iscep_error_set(err, ISCEP_CONFIG, code, "%s %s%s%s", what, which, reason != NULL ? ": " : "",
                           reason != NULL ? reason : "");
}

static iscep_status load_provider(iscep_keystore *keystore, const char *name, iscep_error *err)
{
    keystore->library = OSSL_LIB_CTX_new();
    if (keystore->library == NULL)
        return iscep_error_nomem(err);
    if (snprintf(keystore->properties, sizeof keystore->properties, "?provider=%s", name) >=
            (int)sizeof keystore->properties ||
        name[strspn(name, PROVIDER_NAME_CHARACTERS)] != '\0')
        return iscep_error_set(err, ISCEP_CONFIG, "provider", "%s is no name of an OpenSSL provider", name);
    keystore->provider = OSSL_PROVIDER_load(keystore->library, name);
    if (keystore->provider == NULL)
        return fail(err, "provider", "cannot load the OpenSSL provider", name);
    keystore->fallback = OSSL_PROVIDER_load(keystore->library, "default");
    return keystore->fallback != NULL ? ISCEP_OK
                                      : fail(err, "provider", "cannot load the OpenSSL provider", "default");
}

/* OpenSSL asks; without a password the answer is a failure, never a prompt on the terminal. */
static int tell_password(char *out, int size, int is_writing, void *user)
{
    (void)is_writing;
    const iscep_secret *password = *(const iscep_secret *const *)user;
    iscep_bytes value = password != NULL ? iscep_secret_reveal(password) : iscep_bytes_of(NULL, 0);
    if (password == NULL || size < 0 || value.len > (size_t)size)
        return -1;
    memcpy(out, value.data, value.len);
    return (int)value.len;
}

static void take(store_content *content, OSSL_STORE_INFO *info)
{
    int type = OSSL_STORE_INFO_get_type(info);
    if (type == OSSL_STORE_INFO_PKEY && content->key == NULL)
        content->key = OSSL_STORE_INFO_get1_PKEY(info);
    if (type == OSSL_STORE_INFO_CERT && content->certificate_count < MAX_CERTIFICATES)
        content->certificates[content->certificate_count++] = OSSL_STORE_INFO_get1_CERT(info);
}

static iscep_status read_store(store_content *out, const iscep_keystore *keystore, const char *uri,
                               const iscep_secret *password, iscep_error *err)
{
    UI_METHOD *ui = UI_UTIL_wrap_read_pem_callback(tell_password, 0);
    if (ui == NULL)
        return iscep_error_nomem(err);
    ERR_clear_error();
    OSSL_STORE_CTX *store = OSSL_STORE_open_ex(uri, keystore->library, NULL, ui, &password, NULL, NULL, NULL);
    bool is_read = store != NULL;
    while (is_read && !OSSL_STORE_eof(store)) {
        OSSL_STORE_INFO *info = OSSL_STORE_load(store);
        if (info != NULL)
            take(out, info);
        else if (!OSSL_STORE_eof(store)) /* at the end there is no more, which is no failure */
            is_read = false;
        OSSL_STORE_INFO_free(info);
    }
    iscep_status status = is_read ? ISCEP_OK : fail(err, "keystore_unreadable", "cannot read", uri);
    OSSL_STORE_close(store);
    UI_destroy_method(ui);
    ERR_clear_error();
    return status;
}

/* The one that belongs to the key: PKCS#12 files hold the CA's, too. */
static bool choose_certificate(iscep_keystore *keystore, const store_content *content)
{
    for (size_t i = 0; i < content->certificate_count && keystore->certificate == NULL; i++)
        if (X509_check_private_key(content->certificates[i], keystore->key) == 1 &&
            X509_up_ref(content->certificates[i]) == 1)
            keystore->certificate = content->certificates[i];
    ERR_clear_error();
    return keystore->certificate != NULL;
}

static iscep_status read_key(iscep_keystore *keystore, store_content *content,
                             const iscep_keystore_source *source, iscep_error *err)
{
    iscep_status status = read_store(content, keystore, source->key, source->password, err);
    if (status != ISCEP_OK)
        return status;
    if (content->key == NULL)
        return fail(err, "keystore_key", "there is no private key in", source->key);
    keystore->key = content->key;
    content->key = NULL;
    return ISCEP_OK;
}

static iscep_status read_certificate(iscep_keystore *keystore, store_content *content,
                                     const iscep_keystore_source *source, iscep_error *err)
{
    if (source->certificate != NULL) {
        clear_content(content);
        iscep_status status = read_store(content, keystore, source->certificate, source->password, err);
        if (status != ISCEP_OK)
            return status;
    }
    if (!choose_certificate(keystore, content))
        return fail(err, "keystore_certificate", "no certificate belongs to the key: looked into",
                    source->certificate != NULL ? source->certificate : source->key);
    return ISCEP_OK;
}

static bool emit_thumbprint(char out[MAX_THUMBPRINT_LEN], const X509 *certificate, const EVP_MD *digest)
{
    uint8_t value[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    ISCEP_AUTO_BUF text;
    iscep_buf_init(&text, MAX_THUMBPRINT_LEN - 1);
    if (X509_digest(certificate, digest, value, &len) != 1)
        return false;
    iscep_base64url_encode(&text, iscep_bytes_of(value, len));
    iscep_text_copy(out, MAX_THUMBPRINT_LEN, iscep_buf_text(&text));
    return !text.is_overflown;
}

static iscep_status note_facts(iscep_keystore *keystore, iscep_error *err)
{
    struct tm expires;
    if (!emit_thumbprint(keystore->x5t, keystore->certificate, EVP_sha1()) ||
        !emit_thumbprint(keystore->x5t_s256, keystore->certificate, EVP_sha256()) ||
        ASN1_TIME_to_tm(X509_get0_notAfter(keystore->certificate), &expires) != 1)
        return fail(err, "keystore_certificate", "cannot read", "the certificate");
    keystore->expires_unix = (int64_t)timegm(&expires);
    return ISCEP_OK;
}

iscep_status iscep_keystore_open(iscep_keystore **out, const iscep_keystore_source *source, iscep_error *err)
{
    iscep_keystore *keystore = calloc(1, sizeof *keystore);
    if (keystore == NULL)
        return iscep_error_nomem(err);
    store_content content = {0};
    iscep_status status = ISCEP_OK;
    if (source->provider != NULL)
        status = load_provider(keystore, source->provider, err);
    if (status == ISCEP_OK)
        status = read_key(keystore, &content, source, err);
    if (status == ISCEP_OK && !source->is_key_alone)
        status = read_certificate(keystore, &content, source, err);
    if (status == ISCEP_OK && !source->is_key_alone)
        status = note_facts(keystore, err);
    clear_content(&content); /* before the context that its objects live in */
    if (status != ISCEP_OK) {
        iscep_keystore_close(keystore);
        return status;
    }
    *out = keystore;
    return ISCEP_OK;
}

void iscep_keystore_close(iscep_keystore *keystore)
{
    if (keystore == NULL)
        return;
    EVP_PKEY_free(keystore->key);
    X509_free(keystore->certificate);
    if (keystore->provider != NULL)
        OSSL_PROVIDER_unload(keystore->provider);
    if (keystore->fallback != NULL)
        OSSL_PROVIDER_unload(keystore->fallback);
    OSSL_LIB_CTX_free(keystore->library);
    free(keystore);
}

iscep_jwt_key iscep_keystore_key(const iscep_keystore *keystore)
{
    return (iscep_jwt_key){.key = keystore->key,
                           .library = keystore->library,
                           .properties = keystore->provider != NULL ? keystore->properties : NULL};
}

const char *iscep_keystore_x5t(const iscep_keystore *keystore)
{
    return keystore->x5t;
}

const char *iscep_keystore_x5t_s256(const iscep_keystore *keystore)
{
    return keystore->x5t_s256;
}

int64_t iscep_keystore_expires_unix(const iscep_keystore *keystore)
{
    return keystore->expires_unix;
}

X509 *iscep_keystore_certificate(const iscep_keystore *keystore)
{
    return keystore->certificate;
}
