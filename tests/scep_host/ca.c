/* The host's certification authority: its key on disk, issuing, and the archive of what it issued. */
#include "ca.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "base/x509.h"
#include "ca_register.h"
#include "ossl_auto.h"
#include "profile.h"
#include "state_file.h"

enum { CA_RSA_BITS = 3072, CA_VALIDITY_DAYS = 3650, PATH_MAX_LEN = 4096 };

#define CESSATION_OF_OPERATION 5 /* CRLReason */
#define CA_SUBJECT             "scep-host demo CA"

struct iscep_host_ca {
    const iscep_env *env;
    const iscep_crypto *crypto;
    uint32_t validity_days;
    const char *crl_url;
    iscep_ca_register reg;
    X509 *cert;
    EVP_PKEY *key;
    iscep_buf der;
    char *dir;
    char *cert_path;
    char *key_path;
};

static int64_t now_unix(const iscep_env *env)
{
    return iscep_now_unix_ms(env) / 1000;
}

static iscep_status failed(iscep_error *err, const char *what)
{
    return iscep_crypto_error(err, ISCEP_SERVICE, "ca", what);
}

static iscep_status path_of(iscep_buf *out, const char *dir, const char *name, iscep_error *err)
{
    iscep_buf_init(out, PATH_MAX_LEN);
    iscep_buf_printf(out, "%s/%s", dir, name);
    return iscep_buf_status(out, err);
}

static iscep_status make_dir(const char *dir, const char *name, iscep_error *err)
{
    ISCEP_AUTO_BUF path;
    iscep_status status = path_of(&path, dir, name, err);
    return status == ISCEP_OK ? iscep_state_dir_make(iscep_buf_text(&path), err) : status;
}

static iscep_status write_bio(const char *path, mode_t mode, BIO *bio, iscep_error *err)
{
    char *data = NULL;
    long len = BIO_get_mem_data(bio, &data);
    return iscep_state_file_write(path, mode, iscep_bytes_of(data, (size_t)len), err);
}

static iscep_status write_cert(const char *path, const X509 *cert, iscep_error *err)
{
    OSSL_AUTO(BIO) *pem = BIO_new(BIO_s_mem());
    if (!pem || PEM_write_bio_X509(pem, cert) != 1)
        return failed(err, "a certificate cannot be encoded");
    return write_bio(path, 0644, pem, err);
}

static iscep_status write_key(const char *path, const EVP_PKEY *key, iscep_error *err)
{
    OSSL_AUTO(BIO) *pem = BIO_new(BIO_s_secmem());
    if (!pem || PEM_write_bio_PKCS8PrivateKey(pem, key, NULL, NULL, 0, NULL, NULL) != 1)
        return failed(err, "the CA's key cannot be encoded");
    return write_bio(path, 0600, pem, err);
}

static iscep_status fill_own_cert(iscep_host_ca *ca, iscep_error *err)
{
    iscep_status status = iscep_profile_start(ca->cert, now_unix(ca->env), CA_VALIDITY_DAYS, err);
    if (status != ISCEP_OK)
        return status;
    X509_NAME *name = X509_get_subject_name(ca->cert);
    if (X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)CA_SUBJECT, -1, -1, 0) != 1 ||
        X509_set_issuer_name(ca->cert, name) != 1 || X509_set_pubkey(ca->cert, ca->key) != 1)
        return failed(err, "the CA's name or key cannot be set");
    static const struct {
        int nid;
        const char *value;
    } extensions[] = {
        {NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
        /* SCEP signs and deciphers with the CA's key too, as there is no RA. */
        {NID_key_usage, "critical,digitalSignature,keyEncipherment,keyCertSign,cRLSign"},
        {NID_subject_key_identifier, "hash"},
    };
    for (size_t i = 0; status == ISCEP_OK && i < sizeof(extensions) / sizeof(extensions[0]); i++)
        status = iscep_profile_add_extension(ca->cert, ca->cert, extensions[i].nid, extensions[i].value, err);
    return status;
}

static iscep_status make_key(iscep_host_ca *ca, iscep_error *err)
{
    ca->key = EVP_PKEY_Q_keygen(iscep_crypto_context(ca->crypto), NULL, "RSA", (size_t)CA_RSA_BITS);
    return ca->key ? write_key(ca->key_path, ca->key, err) : failed(err, "the CA's key cannot be made");
}

static iscep_status make_cert(iscep_host_ca *ca, iscep_error *err)
{
    ca->cert = X509_new_ex(iscep_crypto_context(ca->crypto), NULL);
    if (!ca->cert)
        return iscep_error_nomem(err);
    iscep_status status = fill_own_cert(ca, err);
    if (status != ISCEP_OK)
        return status;
    if (X509_sign(ca->cert, ca->key, EVP_sha256()) == 0)
        return failed(err, "the CA's certificate cannot be signed");
    return write_cert(ca->cert_path, ca->cert, err);
}

static iscep_status check_key_mode(const char *path, iscep_error *err)
{
    struct stat info;
    if (stat(path, &info) != 0)
        return iscep_error_set(err, ISCEP_CONFIG, NULL, "%s: %s", path, strerror(errno));
    if ((info.st_mode & 077) != 0)
        return iscep_error_set(err, ISCEP_CONFIG, NULL, "%s can be read by others: chmod 600 it", path);
    return ISCEP_OK;
}

static iscep_status load_key(iscep_host_ca *ca, iscep_error *err)
{
    iscep_status status = check_key_mode(ca->key_path, err);
    if (status != ISCEP_OK)
        return status;
    OSSL_AUTO(BIO) *pem = BIO_new_file(ca->key_path, "r");
    if (pem)
        ca->key = PEM_read_bio_PrivateKey_ex(pem, NULL, NULL, NULL, iscep_crypto_context(ca->crypto), NULL);
    if (!ca->key)
        return iscep_crypto_error(err, ISCEP_CONFIG, "ca", "ca.key cannot be read");
    return iscep_crypto_allows_key(ca->key)
               ? ISCEP_OK
               : iscep_error_set(err, ISCEP_CONFIG, "ca", "ca.key is not RSA of 2048 to 8192 bits");
}

static iscep_status load_cert(iscep_host_ca *ca, iscep_error *err)
{
    OSSL_AUTO(BIO) *pem = BIO_new_file(ca->cert_path, "r");
    ca->cert = X509_new_ex(iscep_crypto_context(ca->crypto), NULL);
    if (!pem || !ca->cert || !PEM_read_bio_X509(pem, &ca->cert, NULL, NULL))
        return iscep_crypto_error(err, ISCEP_CONFIG, "ca", "ca.pem cannot be read");
    if (X509_check_private_key(ca->cert, ca->key) != 1)
        return iscep_crypto_error(err, ISCEP_CONFIG, "ca", "ca.key is not the key of ca.pem");
    return ISCEP_OK;
}

/* The key is there before the certificate is: a certificate whose key is gone is not ours to replace. */
static iscep_status load_or_make(iscep_host_ca *ca, iscep_error *err)
{
    bool has_cert = iscep_state_file_exists(ca->cert_path);
    bool has_key = iscep_state_file_exists(ca->key_path);
    if (has_cert && !has_key)
        return iscep_error_set(err, ISCEP_CONFIG, NULL,
                               "%s is there and %s is not: restore it, or remove both", ca->cert_path,
                               ca->key_path);
    iscep_status status = has_key ? load_key(ca, err) : make_key(ca, err);
    if (status != ISCEP_OK)
        return status;
    return has_cert ? load_cert(ca, err) : make_cert(ca, err);
}

static iscep_status open_state(iscep_host_ca *ca, const char *dir, iscep_error *err)
{
    if (asprintf(&ca->cert_path, "%s/ca.pem", dir) < 0)
        ca->cert_path = NULL;
    if (asprintf(&ca->key_path, "%s/ca.key", dir) < 0)
        ca->key_path = NULL;
    ca->dir = strdup(dir);
    if (!ca->cert_path || !ca->key_path || !ca->dir)
        return iscep_error_nomem(err);
    iscep_status status = iscep_state_dir_make(dir, err);
    static const char *const shelves[] = {"unreported", "issued", "withheld"};
    for (size_t i = 0; status == ISCEP_OK && i < sizeof(shelves) / sizeof(shelves[0]); i++)
        status = make_dir(dir, shelves[i], err);
    return status;
}

static iscep_status open_register(iscep_host_ca *ca, iscep_error *err)
{
    ca->reg = (iscep_ca_register){
        .env = ca->env, .crypto = ca->crypto, .dir = ca->dir, .ca_cert = ca->cert, .ca_key = ca->key};
    return iscep_ca_register_open(&ca->reg, err);
}

iscep_status iscep_host_ca_open(iscep_host_ca **out, const iscep_env *env, const iscep_crypto *crypto,
                                const iscep_host_ca_options *options, iscep_error *err)
{
    iscep_host_ca *ca = calloc(1, sizeof(*ca));
    if (!ca)
        return iscep_error_nomem(err);
    ca->env = env;
    ca->crypto = crypto;
    ca->validity_days = options->validity_days;
    ca->crl_url = options->crl_url;
    iscep_buf_init(&ca->der, ISCEP_CERT_MAX_LEN);
    iscep_status status = open_state(ca, options->state_dir, err);
    if (status == ISCEP_OK)
        status = load_or_make(ca, err);
    if (status == ISCEP_OK)
        status = iscep_crypto_cert_der(&ca->der, ca->cert, err);
    if (status == ISCEP_OK)
        status = open_register(ca, err);
    if (status != ISCEP_OK) {
        iscep_host_ca_free(ca);
        return status;
    }
    *out = ca;
    return ISCEP_OK;
}

void iscep_host_ca_free(iscep_host_ca *ca)
{
    if (!ca)
        return;
    X509_free(ca->cert);
    EVP_PKEY_free(ca->key);
    iscep_buf_clear(&ca->der);
    free(ca->dir);
    free(ca->cert_path);
    free(ca->key_path);
    free(ca);
}

X509 *iscep_host_ca_cert(const iscep_host_ca *ca)
{
    return ca->cert;
}

EVP_PKEY *iscep_host_ca_key(const iscep_host_ca *ca)
{
    return ca->key;
}

iscep_bytes iscep_host_ca_der(const iscep_host_ca *ca)
{
    return iscep_buf_bytes(&ca->der);
}

const char *iscep_host_ca_path(const iscep_host_ca *ca)
{
    return ca->cert_path;
}

static void serial_text(char out[ISCEP_HOST_SERIAL_SIZE], const ASN1_INTEGER *serial)
{
    OSSL_AUTO(BIGNUM) *number = ASN1_INTEGER_to_BN(serial, NULL);
    char *hex = number ? BN_bn2hex(number) : NULL;
    snprintf(out, ISCEP_HOST_SERIAL_SIZE, "%s", hex ? hex : "unknown");
    OPENSSL_free(hex);
}

void iscep_host_serial(char out[ISCEP_HOST_SERIAL_SIZE], const X509 *cert)
{
    serial_text(out, X509_get0_serialNumber(cert));
}

static iscep_status archive_path(iscep_buf *out, const iscep_host_ca *ca, const char *shelf,
                                 const ASN1_INTEGER *serial, iscep_error *err)
{
    char text[ISCEP_HOST_SERIAL_SIZE];
    serial_text(text, serial);
    iscep_buf_init(out, PATH_MAX_LEN);
    iscep_buf_printf(out, "%s/%s/%s.pem", ca->dir, shelf, text);
    return iscep_buf_status(out, err);
}

/* Into the archive first, for what the register has must be there. */
static iscep_status keep(const iscep_host_ca *ca, const X509 *cert, iscep_error *err)
{
    ISCEP_AUTO_BUF path;
    iscep_status status = archive_path(&path, ca, "unreported", X509_get0_serialNumber(cert), err);
    if (status == ISCEP_OK)
        status = write_cert(iscep_buf_text(&path), cert, err);
    if (status != ISCEP_OK)
        return status;
    status = iscep_ca_register_add(&ca->reg, cert, err);
    if (status != ISCEP_OK)
        unlink(iscep_buf_text(&path));
    return status;
}

iscep_status iscep_host_ca_issue(X509 **out, const iscep_host_ca *ca, const iscep_cert_request *request,
                                 iscep_error *err)
{
    const iscep_profile profile = {.crypto = ca->crypto,
                                   .issuer = ca->cert,
                                   .now_unix = now_unix(ca->env),
                                   .validity_days = ca->validity_days,
                                   .crl_url = ca->crl_url};
    OSSL_AUTO(X509) *cert = NULL;
    iscep_status status = iscep_profile_apply(&cert, &profile, request, err);
    if (status != ISCEP_OK)
        return status;
    if (X509_sign(cert, ca->key, EVP_sha256()) == 0)
        return failed(err, "the certificate cannot be signed");
    status = keep(ca, cert, err);
    if (status != ISCEP_OK)
        return status;
    *out = cert;
    cert = NULL;
    return ISCEP_OK;
}

size_t iscep_host_ca_count_unreported(const iscep_host_ca *ca)
{
    ISCEP_AUTO_BUF path;
    iscep_buf_init(&path, PATH_MAX_LEN);
    iscep_buf_printf(&path, "%s/unreported", ca->dir);
    return iscep_state_dir_count(iscep_buf_text(&path), ".pem");
}

/* From unreported/; what is on the other shelf already stays there. */
static iscep_status move_to(const iscep_host_ca *ca, const char *shelf, const X509 *cert, iscep_error *err)
{
    ISCEP_AUTO_BUF from;
    ISCEP_AUTO_BUF to;
    iscep_status status = archive_path(&from, ca, "unreported", X509_get0_serialNumber(cert), err);
    iscep_status other = archive_path(&to, ca, shelf, X509_get0_serialNumber(cert), err);
    if (status != ISCEP_OK || other != ISCEP_OK)
        return status != ISCEP_OK ? status : other;
    if (iscep_state_file_exists(iscep_buf_text(&to)))
        return ISCEP_OK;
    return iscep_state_file_move(iscep_buf_text(&from), iscep_buf_text(&to), err);
}

iscep_status iscep_host_ca_deliver(const iscep_host_ca *ca, const X509 *cert, iscep_error *err)
{
    return move_to(ca, "issued", cert, err);
}

iscep_status iscep_host_ca_withhold(const iscep_host_ca *ca, const X509 *cert, iscep_error *err)
{
    char serial[ISCEP_HOST_SERIAL_SIZE];
    iscep_cert_state before;
    iscep_host_serial(serial, cert);
    iscep_status status = iscep_host_ca_revoke(ca, serial, CESSATION_OF_OPERATION, &before, err);
    return status == ISCEP_OK ? move_to(ca, "withheld", cert, err) : status;
}

iscep_status iscep_host_ca_revoke(const iscep_host_ca *ca, const char *serial, uint32_t reason,
                                  iscep_cert_state *before, iscep_error *err)
{
    return iscep_ca_register_revoke(&ca->reg, iscep_bytes_of_text(serial), reason, before, err);
}

iscep_status iscep_host_ca_crl(const iscep_host_ca *ca, X509_CRL **out, iscep_error *err)
{
    return iscep_ca_register_crl(&ca->reg, out, err);
}

X509 *iscep_host_ca_find_issued(const iscep_host_ca *ca, const ASN1_INTEGER *serial)
{
    ISCEP_AUTO_BUF path;
    if (archive_path(&path, ca, "issued", serial, NULL) != ISCEP_OK)
        return NULL;
    OSSL_AUTO(BIO) *pem = BIO_new_file(iscep_buf_text(&path), "r");
    OSSL_AUTO(X509) *cert = X509_new_ex(iscep_crypto_context(ca->crypto), NULL);
    X509 *found = pem && cert ? PEM_read_bio_X509(pem, &cert, NULL, NULL) : NULL;
    ERR_clear_error();
    if (found)
        cert = NULL;
    return found;
}

static bool is_registered(const iscep_host_ca *ca, const X509 *cert)
{
    char serial[ISCEP_HOST_SERIAL_SIZE];
    iscep_cert_state state;
    iscep_host_serial(serial, cert);
    return iscep_ca_register_find(&ca->reg, iscep_bytes_of_text(serial), &state, NULL) == ISCEP_OK &&
           state == ISCEP_CERT_VALID;
}

static bool is_valid_under(X509_STORE *store, X509_STORE_CTX *context, X509 *cert, int64_t now)
{
    if (X509_STORE_CTX_init(context, store, cert, NULL) != 1)
        return false;
    X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(context), (time_t)now);
    return X509_verify_cert(context) == 1;
}

bool iscep_host_ca_vouches_for(const iscep_host_ca *ca, X509 *cert)
{
    OSSL_AUTO(X509_STORE) *store = X509_STORE_new();
    OSSL_AUTO(X509_STORE_CTX) *context = X509_STORE_CTX_new_ex(iscep_crypto_context(ca->crypto), NULL);
    return store && context && X509_STORE_add_cert(store, ca->cert) == 1 && X509_check_ca(cert) == 0 &&
           is_valid_under(store, context, cert, now_unix(ca->env)) && is_registered(ca, cert);
}
