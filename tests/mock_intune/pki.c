/* See pki.h. */
#include "pki.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#define CA_DAYS     3650
#define SERVER_DAYS 820 /* some clients distrust server certificates that live longer than 825 days */

typedef struct extension {
    int nid;
    const char *value;
} extension;

static const extension ca_extensions[] = {
    {NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
    {NID_key_usage, "critical,keyCertSign,cRLSign"},
    {NID_subject_key_identifier, "hash"},
};
static const extension server_extensions[] = {
    {NID_basic_constraints, "critical,CA:FALSE"},
    {NID_key_usage, "critical,digitalSignature"},
    {NID_ext_key_usage, "serverAuth"},
    {NID_subject_alt_name, "DNS:localhost,DNS:*.mock.localhost,IP:127.0.0.1,IP:::1"},
    {NID_subject_key_identifier, "hash"},
    {NID_authority_key_identifier, "keyid"},
};
static const extension sign_extensions[] = {
    {NID_key_usage, "critical,digitalSignature"},
    {NID_subject_key_identifier, "hash"},
};
static const extension encrypt_extensions[] = {
    {NID_key_usage, "critical,keyAgreement"},
    {NID_subject_key_identifier, "hash"},
};

/* One certificate to be made. */
typedef struct cert_spec {
    const char *common_name;
    long days;
    const extension *extensions;
    size_t extension_count;
} cert_spec;

#define EXTENSIONS(array) (array), sizeof(array) / sizeof((array)[0])

static const cert_spec ca_spec = {"intune-mock CA", CA_DAYS, EXTENSIONS(ca_extensions)};
static const cert_spec server_spec = {"localhost", SERVER_DAYS, EXTENSIONS(server_extensions)};
static const cert_spec sign_spec = {"intune-mock challenge signing", CA_DAYS, EXTENSIONS(sign_extensions)};
static const cert_spec encrypt_spec = {"intune-mock challenge encryption", CA_DAYS,
                                       EXTENSIONS(encrypt_extensions)};

static iscep_status path_in(char out[MOCK_PATH_SIZE], const char *dir, const char *name, iscep_error *err)
{
    int len = snprintf(out, MOCK_PATH_SIZE, "%s/%s", dir, name);
    if (len < 0 || len >= MOCK_PATH_SIZE)
        return iscep_error_set(err, ISCEP_USAGE, "path", "%s: the path of the state directory is too long",
                               dir);
    return ISCEP_OK;
}

static iscep_status file_failed(const char *path, const char *what, iscep_error *err)
{
    return iscep_error_set(err, ISCEP_STORAGE, "state_file", "%s: %s: %s", path, what, strerror(errno));
}

/* Opens for reading; *out stays NULL if there is no such file. */
static iscep_status open_if_there(FILE **out, const char *path, iscep_error *err)
{
    *out = fopen(path, "re");
    return *out != NULL || errno == ENOENT ? ISCEP_OK : file_failed(path, "cannot be read", err);
}

static iscep_status write_file(const char *path, BIO *content, mode_t mode, iscep_error *err)
{
    char *data = NULL;
    long len = BIO_get_mem_data(content, &data);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0)
        return file_failed(path, "cannot be made", err);
    ssize_t written = write(fd, data, (size_t)len);
    if (close(fd) != 0 || written != len)
        return file_failed(path, "cannot be written", err);
    return ISCEP_OK;
}

static iscep_status save_key(EVP_PKEY *key, const char *path, iscep_error *err)
{
    BIO *pem = BIO_new(BIO_s_mem());
    iscep_status status = ISCEP_NOMEM;
    if (pem != NULL && PEM_write_bio_PrivateKey(pem, key, NULL, NULL, 0, NULL, NULL) == 1)
        status = write_file(path, pem, 0600, err);
    else
        iscep_error_nomem(err);
    BIO_free(pem);
    return status;
}

static iscep_status save_cert(X509 *cert, const char *path, iscep_error *err)
{
    BIO *pem = BIO_new(BIO_s_mem());
    iscep_status status = ISCEP_NOMEM;
    if (pem != NULL && PEM_write_bio_X509(pem, cert) == 1)
        status = write_file(path, pem, 0644, err);
    else
        iscep_error_nomem(err);
    BIO_free(pem);
    return status;
}

/* The key in dir/name, made if it is not there. rsa_bits 0: P-256. */
static iscep_status open_key(EVP_PKEY **out, const char *dir, const char *name, unsigned rsa_bits,
                             iscep_error *err)
{
    char path[MOCK_PATH_SIZE];
    FILE *file = NULL;
    iscep_status status = path_in(path, dir, name, err);
    if (status == ISCEP_OK)
        status = open_if_there(&file, path, err);
    if (status != ISCEP_OK)
        return status;
    if (file != NULL) {
        *out = PEM_read_PrivateKey(file, NULL, NULL, NULL);
        fclose(file);
        return *out != NULL ? ISCEP_OK
                            : iscep_error_set(err, ISCEP_STORAGE, "state_file", "%s: no private key", path);
    }
    *out = rsa_bits > 0 ? EVP_RSA_gen(rsa_bits) : EVP_EC_gen("P-256");
    return *out != NULL ? save_key(*out, path, err) : iscep_error_nomem(err);
}

static bool add_extensions(X509 *cert, X509 *issuer, const cert_spec *spec)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    for (size_t i = 0; i < spec->extension_count; i++) {
        X509_EXTENSION *made =
            X509V3_EXT_conf_nid(NULL, &ctx, spec->extensions[i].nid, spec->extensions[i].value);
        bool is_added = made != NULL && X509_add_ext(cert, made, -1) == 1;
        X509_EXTENSION_free(made);
        if (!is_added)
            return false;
    }
    return true;
}

static bool set_random_serial(X509 *cert)
{
    uint8_t bytes[16];
    if (RAND_bytes(bytes, sizeof(bytes)) != 1)
        return false;
    bytes[0] = (uint8_t)((bytes[0] & 0x7f) | 0x40); /* positive, and always 16 bytes */
    BIGNUM *number = BN_bin2bn(bytes, sizeof(bytes), NULL);
    bool is_set = number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert)) != NULL;
    BN_free(number);
    return is_set;
}

/* issuer NULL: self-signed with issuer_key. */
static X509 *make_cert(const cert_spec *spec, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key)
{
    X509 *cert = X509_new();
    if (cert == NULL)
        return NULL;
    X509_NAME *subject = X509_get_subject_name(cert);
    bool is_made = X509_set_version(cert, X509_VERSION_3) == 1 && set_random_serial(cert) &&
                   X509_gmtime_adj(X509_getm_notBefore(cert), -3600) != NULL && /* clocks differ */
                   X509_time_adj_ex(X509_getm_notAfter(cert), (int)spec->days, 0, NULL) != NULL &&
                   X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8,
                                              (const uint8_t *)spec->common_name, -1, -1, 0) == 1 &&
                   X509_set_issuer_name(cert, X509_get_subject_name(issuer != NULL ? issuer : cert)) == 1 &&
                   X509_set_pubkey(cert, key) == 1 &&
                   add_extensions(cert, issuer != NULL ? issuer : cert, spec) &&
                   X509_sign(cert, issuer_key, EVP_sha256()) > 0;
    if (is_made)
        return cert;
    X509_free(cert);
    return NULL;
}

/* The certificate in dir/name, made if it is not there. */
static iscep_status open_cert(X509 **out, const char *dir, const char *name, const cert_spec *spec,
                              EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key, iscep_error *err)
{
    char path[MOCK_PATH_SIZE];
    FILE *file = NULL;
    iscep_status status = path_in(path, dir, name, err);
    if (status == ISCEP_OK)
        status = open_if_there(&file, path, err);
    if (status != ISCEP_OK)
        return status;
    if (file != NULL) {
        *out = PEM_read_X509(file, NULL, NULL, NULL);
        fclose(file);
        return *out != NULL ? ISCEP_OK
                            : iscep_error_set(err, ISCEP_STORAGE, "state_file", "%s: no certificate", path);
    }
    *out = make_cert(spec, key, issuer, issuer_key);
    return *out != NULL ? save_cert(*out, path, err) : iscep_error_nomem(err);
}

static iscep_status open_server(const char *dir, iscep_error *err)
{
    EVP_PKEY *ca_key = NULL, *key = NULL;
    X509 *ca = NULL, *cert = NULL;
    iscep_status status = open_key(&ca_key, dir, "ca.key", 0, err);
    if (status == ISCEP_OK)
        status = open_cert(&ca, dir, "ca.pem", &ca_spec, ca_key, NULL, ca_key, err);
    if (status == ISCEP_OK)
        status = open_key(&key, dir, "server.key", 0, err);
    if (status == ISCEP_OK)
        status = open_cert(&cert, dir, "server.pem", &server_spec, key, ca, ca_key, err);
    X509_free(cert);
    X509_free(ca);
    EVP_PKEY_free(key);
    EVP_PKEY_free(ca_key);
    return status;
}

static iscep_status open_challenge_pair(mock_pki *out, const char *dir, iscep_error *err)
{
    iscep_status status = open_key(&out->sign_key, dir, "challenge-sign.key", 0, err);
    if (status == ISCEP_OK)
        status = open_cert(&out->sign_cert, dir, "challenge-sign.pem", &sign_spec, out->sign_key, NULL,
                           out->sign_key, err);
    if (status == ISCEP_OK)
        status = open_key(&out->encrypt_key, dir, "challenge-encrypt.key", 0, err);
    if (status == ISCEP_OK)
        status = open_cert(&out->encrypt_cert, dir, "challenge-encrypt.pem", &encrypt_spec, out->encrypt_key,
                           NULL, out->encrypt_key, err);
    return status;
}

static iscep_status name_token_key(mock_pki *pki, iscep_error *err)
{
    ISCEP_AUTO_BUF id;
    uint8_t digest[32];
    uint8_t *der = NULL;
    iscep_buf_init(&id, sizeof(pki->token_key_id));
    int len = i2d_PUBKEY(pki->token_key, &der);
    bool is_hashed = len > 0 && EVP_Digest(der, (size_t)len, digest, NULL, EVP_sha256(), NULL) == 1;
    OPENSSL_free(der);
    if (!is_hashed)
        return iscep_error_nomem(err);
    iscep_base64url_encode(&id, iscep_bytes_of(digest, sizeof(digest)));
    iscep_text_copy(pki->token_key_id, sizeof(pki->token_key_id), iscep_buf_text(&id));
    return iscep_buf_status(&id, err);
}

iscep_status mock_pki_open(mock_pki *out, const char *state_dir, iscep_error *err)
{
    *out = (mock_pki){0};
    if (mkdir(state_dir, 0700) != 0 && errno != EEXIST)
        return file_failed(state_dir, "cannot be made", err);
    iscep_status status = path_in(out->ca_file, state_dir, "ca.pem", err);
    if (status == ISCEP_OK)
        status = path_in(out->server_file, state_dir, "server.pem", err);
    if (status == ISCEP_OK)
        status = path_in(out->server_key_file, state_dir, "server.key", err);
    if (status == ISCEP_OK)
        status = open_server(state_dir, err);
    if (status == ISCEP_OK)
        status = open_challenge_pair(out, state_dir, err);
    if (status == ISCEP_OK)
        status = open_key(&out->token_key, state_dir, "token.key", 2048, err);
    return status == ISCEP_OK ? name_token_key(out, err) : status;
}

void mock_pki_clear(mock_pki *pki)
{
    EVP_PKEY_free(pki->token_key);
    X509_free(pki->sign_cert);
    EVP_PKEY_free(pki->sign_key);
    X509_free(pki->encrypt_cert);
    EVP_PKEY_free(pki->encrypt_key);
    *pki = (mock_pki){0};
}
