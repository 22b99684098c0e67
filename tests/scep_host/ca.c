/* The host's certification authority: its certificates, issuing, and the archive of what it issued. */
#include "ca.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/x509.h>

#include "base/x509.h"
#include "ca_register.h"
#include "ossl_auto.h"
#include "pem_file.h"
#include "profile.h"
#include "state_file.h"

enum { PATH_MAX_LEN = 4096 };

#define CESSATION_OF_OPERATION 5 /* CRLReason */
#define CA_SUBJECT             "scep-host demo CA"
#define RA_SUBJECT             "scep-host demo RA"

struct iscep_host_ca {
    const iscep_env *env;
    const iscep_crypto *crypto;
    uint32_t validity_days;
    const char *crl_url;
    char *dir;
    iscep_identity identity;
    iscep_ca_register reg;
    iscep_identity ra;   /* without certificate: there is none */
    iscep_identity next; /* likewise */
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

static iscep_status open_ca(iscep_host_ca *ca, const iscep_host_ca_options *options, iscep_error *err)
{
    const iscep_identity_plan plan = {.env = ca->env,
                                      .crypto = ca->crypto,
                                      .dir = ca->dir,
                                      .name = "ca",
                                      .subject = CA_SUBJECT,
                                      .is_ca = true,
                                      .key_uri = options->key_uri,
                                      .key_provider = options->key_provider};
    return iscep_identity_open(&ca->identity, &plan, err);
}

static iscep_status open_next_ca(iscep_host_ca *ca, iscep_error *err)
{
    const iscep_identity_plan plan = {.env = ca->env,
                                      .crypto = ca->crypto,
                                      .dir = ca->dir,
                                      .name = "next-ca",
                                      .subject = CA_SUBJECT,
                                      .is_ca = true};
    return iscep_identity_open(&ca->next, &plan, err);
}

/* What the CA has issued is in its register: the RA's certificate, too. */
static iscep_status open_ra(iscep_host_ca *ca, iscep_error *err)
{
    const iscep_identity_plan plan = {.env = ca->env,
                                      .crypto = ca->crypto,
                                      .dir = ca->dir,
                                      .name = "ra",
                                      .subject = RA_SUBJECT,
                                      .issuer = &ca->identity};
    iscep_status status = iscep_identity_open(&ca->ra, &plan, err);
    return status == ISCEP_OK && ca->ra.is_new ? iscep_ca_register_add(&ca->reg, ca->ra.cert, err) : status;
}

static iscep_status open_register(iscep_host_ca *ca, iscep_error *err)
{
    ca->reg = (iscep_ca_register){.env = ca->env, .crypto = ca->crypto, .dir = ca->dir, .ca = &ca->identity};
    return iscep_ca_register_open(&ca->reg, err);
}

static iscep_status open_state(iscep_host_ca *ca, const char *dir, iscep_error *err)
{
    ca->dir = strdup(dir);
    if (!ca->dir)
        return iscep_error_nomem(err);
    iscep_status status = iscep_state_dir_make(dir, err);
    static const char *const shelves[] = {"unreported", "issued", "withheld"};
    for (size_t i = 0; status == ISCEP_OK && i < sizeof(shelves) / sizeof(shelves[0]); i++)
        status = make_dir(dir, shelves[i], err);
    return status;
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
    iscep_status status = open_state(ca, options->state_dir, err);
    if (status == ISCEP_OK)
        status = open_ca(ca, options, err);
    if (status == ISCEP_OK)
        status = open_register(ca, err);
    if (status == ISCEP_OK && options->has_ra)
        status = open_ra(ca, err);
    if (status == ISCEP_OK && options->has_next)
        status = open_next_ca(ca, err);
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
    iscep_identity_clear(&ca->next);
    iscep_identity_clear(&ca->ra);
    iscep_identity_clear(&ca->identity);
    free(ca->dir);
    free(ca);
}

X509 *iscep_host_ca_cert(const iscep_host_ca *ca)
{
    return ca->identity.cert;
}

const iscep_identity *iscep_host_ca_identity(const iscep_host_ca *ca)
{
    return &ca->identity;
}

const iscep_identity *iscep_host_ca_ra(const iscep_host_ca *ca)
{
    return ca->ra.cert ? &ca->ra : NULL;
}

const iscep_identity *iscep_host_ca_next(const iscep_host_ca *ca)
{
    return ca->next.cert ? &ca->next : NULL;
}

const iscep_identity *iscep_host_ca_scep(const iscep_host_ca *ca)
{
    return ca->ra.cert ? &ca->ra : &ca->identity;
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
        status = iscep_pem_write_cert(iscep_buf_text(&path), cert, err);
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
                                   .issuer = ca->identity.cert,
                                   .now_unix = now_unix(ca->env),
                                   .validity_days = ca->validity_days,
                                   .crl_url = ca->crl_url};
    OSSL_AUTO(X509) *cert = NULL;
    iscep_status status = iscep_profile_apply(&cert, &profile, request, err);
    if (status != ISCEP_OK)
        return status;
    if (!iscep_key_sign_cert(&ca->identity.key, cert))
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
    X509 *found = iscep_pem_read_cert(ca->crypto, iscep_buf_text(&path));
    ERR_clear_error();
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
    return store && context && X509_STORE_add_cert(store, ca->identity.cert) == 1 &&
           X509_check_ca(cert) == 0 && is_valid_under(store, context, cert, now_unix(ca->env)) &&
           is_registered(ca, cert);
}
