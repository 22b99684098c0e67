/* The host's certification authority: its certificates, issuing, and the archive of what it issued. */
#include "ca.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/x509.h>

#include "base/x509.h"
#include "issuer_local.h"
#include "ossl_auto.h"
#include "pem_file.h"
#include "state_file.h"

enum { PATH_MAX_LEN = 4096 };

#define CESSATION_OF_OPERATION 5 /* CRLReason */
#define CA_SUBJECT             "scep-host demo CA"
#define RA_SUBJECT             "scep-host demo RA"

struct iscep_host_ca {
    const iscep_env *env;
    const iscep_crypto *crypto;
    char *dir;
    iscep_identity identity; /* of a CA on another host: without key */
    iscep_issuer *issuer;
    iscep_identity ra;   /* without certificate: there is none */
    iscep_identity next; /* likewise */
};

static int64_t now_unix(const iscep_env *env)
{
    return iscep_now_unix_ms(env) / 1000;
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
                                      .authority = options->remote,
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
static iscep_status open_ra(iscep_host_ca *ca, const iscep_host_ca_options *options, iscep_error *err)
{
    const iscep_identity_plan plan = {.env = ca->env,
                                      .crypto = ca->crypto,
                                      .dir = ca->dir,
                                      .name = "ra",
                                      .subject = RA_SUBJECT,
                                      .issuer = &ca->identity,
                                      .authority = options->remote};
    iscep_status status = iscep_identity_open(&ca->ra, &plan, err);
    return status == ISCEP_OK && ca->ra.is_new ? ca->issuer->enter(ca->issuer, ca->ra.cert, err) : status;
}

static iscep_status open_issuer(iscep_host_ca *ca, const iscep_host_ca_options *options, iscep_error *err)
{
    if (ca->issuer)
        return ISCEP_OK;
    const iscep_issuer_local_options local = {.env = ca->env,
                                              .crypto = ca->crypto,
                                              .dir = ca->dir,
                                              .ca = &ca->identity,
                                              .validity_days = options->validity_days,
                                              .crl_url = options->crl_url};
    return iscep_issuer_local_open(&ca->issuer, &local, err);
}

static iscep_status open_state(iscep_host_ca *ca, const char *dir, iscep_error *err)
{
    ca->dir = strdup(dir);
    if (!ca->dir)
        return iscep_error_nomem(err);
    iscep_status status = iscep_state_dir_make(dir, err);
    static const char *const shelves[] = {"unreported", "issued", "revoking", "withheld"};
    for (size_t i = 0; status == ISCEP_OK && i < sizeof(shelves) / sizeof(shelves[0]); i++)
        status = make_dir(dir, shelves[i], err);
    return status;
}

iscep_status iscep_host_ca_open(iscep_host_ca **out, const iscep_env *env, const iscep_crypto *crypto,
                                const iscep_host_ca_options *options, iscep_error *err)
{
    iscep_host_ca *ca = calloc(1, sizeof(*ca));
    if (!ca) {
        if (options->remote)
            options->remote->free(options->remote);
        return iscep_error_nomem(err);
    }
    ca->env = env;
    ca->crypto = crypto;
    ca->issuer = options->remote;
    iscep_status status = open_state(ca, options->state_dir, err);
    if (status == ISCEP_OK)
        status = open_ca(ca, options, err);
    if (status == ISCEP_OK)
        status = open_issuer(ca, options, err);
    if (status == ISCEP_OK && (options->has_ra || options->remote))
        status = open_ra(ca, options, err);
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
    if (ca->issuer)
        ca->issuer->free(ca->issuer);
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
    status = ca->issuer->enter(ca->issuer, cert, err);
    if (status != ISCEP_OK)
        unlink(iscep_buf_text(&path));
    return status;
}

iscep_status iscep_host_ca_issue(X509 **out, const iscep_host_ca *ca, const iscep_cert_request *request,
                                 iscep_error *err)
{
    OSSL_AUTO(X509) *cert = NULL;
    iscep_status status = ca->issuer->sign(ca->issuer, &cert, request, err);
    if (status == ISCEP_OK && X509_verify(cert, X509_get0_pubkey(ca->identity.cert)) != 1)
        status = iscep_crypto_error(err, ISCEP_SERVICE, "ca", "the certificate is not of this CA");
    if (status != ISCEP_OK)
        return status;
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

/* What is on the other shelf already stays there. */
static iscep_status move_between(const iscep_host_ca *ca, const char *from_shelf, const char *shelf,
                                 const X509 *cert, iscep_error *err)
{
    ISCEP_AUTO_BUF from;
    ISCEP_AUTO_BUF to;
    iscep_status status = archive_path(&from, ca, from_shelf, X509_get0_serialNumber(cert), err);
    iscep_status other = archive_path(&to, ca, shelf, X509_get0_serialNumber(cert), err);
    if (status != ISCEP_OK || other != ISCEP_OK)
        return status != ISCEP_OK ? status : other;
    if (iscep_state_file_exists(iscep_buf_text(&to)))
        return ISCEP_OK;
    if (!iscep_state_file_exists(iscep_buf_text(&from))) /* another host of the same CA had it */
        return iscep_pem_write_cert(iscep_buf_text(&to), cert, err);
    return iscep_state_file_move(iscep_buf_text(&from), iscep_buf_text(&to), err);
}

iscep_status iscep_host_ca_deliver(const iscep_host_ca *ca, const X509 *cert, iscep_error *err)
{
    return move_between(ca, "unreported", "issued", cert, err);
}

static iscep_status revoke_cert(const iscep_host_ca *ca, const X509 *cert, iscep_error *err)
{
    char serial[ISCEP_HOST_SERIAL_SIZE];
    iscep_cert_state before;
    iscep_host_serial(serial, cert);
    return iscep_host_ca_revoke(ca, serial, CESSATION_OF_OPERATION, &before, err);
}

iscep_status iscep_host_ca_withhold(const iscep_host_ca *ca, const X509 *cert, iscep_error *err)
{
    iscep_status status = revoke_cert(ca, cert, err);
    if (status == ISCEP_OK)
        return move_between(ca, "unreported", "withheld", cert, err);
    if (status == ISCEP_NETWORK && move_between(ca, "unreported", "revoking", cert, NULL) != ISCEP_OK)
        iscep_error_prefix(err, "it stays in unreported/");
    return status;
}

static iscep_status revoke_one_withheld(void *user, const char *path, iscep_error *err)
{
    const iscep_host_ca *ca = user;
    OSSL_AUTO(X509) *cert = iscep_pem_read_cert(ca->crypto, path);
    if (!cert)
        return iscep_crypto_error(err, ISCEP_STORAGE, NULL, path);
    iscep_status status = revoke_cert(ca, cert, err);
    return status == ISCEP_OK ? move_between(ca, "revoking", "withheld", cert, err) : status;
}

iscep_status iscep_host_ca_revoke_withheld(const iscep_host_ca *ca, iscep_error *err)
{
    ISCEP_AUTO_BUF path;
    iscep_status status = path_of(&path, ca->dir, "revoking", err);
    return status == ISCEP_OK
               ? iscep_state_dir_each(iscep_buf_text(&path), ".pem", revoke_one_withheld, (void *)ca, err)
               : status;
}

iscep_status iscep_host_ca_revoke(const iscep_host_ca *ca, const char *serial, uint32_t reason,
                                  iscep_cert_state *before, iscep_error *err)
{
    return ca->issuer->revoke(ca->issuer, serial, reason, before, err);
}

iscep_status iscep_host_ca_crl(const iscep_host_ca *ca, X509_CRL **out, iscep_error *err)
{
    return ca->issuer->crl(ca->issuer, out, err);
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

static iscep_vouching look_up(const iscep_host_ca *ca, const X509 *cert)
{
    char serial[ISCEP_HOST_SERIAL_SIZE];
    iscep_cert_state state;
    iscep_host_serial(serial, cert);
    iscep_status status = ca->issuer->find(ca->issuer, serial, &state, NULL);
    if (status == ISCEP_NETWORK)
        return ISCEP_VOUCH_LATER;
    return status == ISCEP_OK && state == ISCEP_CERT_VALID ? ISCEP_VOUCH_YES : ISCEP_VOUCH_NO;
}

static bool is_valid_under(X509_STORE *store, X509_STORE_CTX *context, X509 *cert, int64_t now)
{
    if (X509_STORE_CTX_init(context, store, cert, NULL) != 1)
        return false;
    X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(context), (time_t)now);
    return X509_verify_cert(context) == 1;
}

iscep_vouching iscep_host_ca_vouch(const iscep_host_ca *ca, X509 *cert)
{
    OSSL_AUTO(X509_STORE) *store = X509_STORE_new();
    OSSL_AUTO(X509_STORE_CTX) *context = X509_STORE_CTX_new_ex(iscep_crypto_context(ca->crypto), NULL);
    bool is_sound = store && context && X509_STORE_add_cert(store, ca->identity.cert) == 1 &&
                    X509_check_ca(cert) == 0 && is_valid_under(store, context, cert, now_unix(ca->env));
    return is_sound ? look_up(ca, cert) : ISCEP_VOUCH_NO;
}

bool iscep_host_ca_vouches_for(const iscep_host_ca *ca, X509 *cert)
{
    return iscep_host_ca_vouch(ca, cert) == ISCEP_VOUCH_YES;
}
