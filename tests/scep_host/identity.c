/* Making the host's own certificates, and finding them again. */
#include "identity.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/x509v3.h>

#include "base/x509.h"
#include "pem_file.h"
#include "profile.h"
#include "state_file.h"

enum { VALIDITY_DAYS = 3650 };

static iscep_status failed(iscep_error *err, const char *what)
{
    return iscep_crypto_error(err, ISCEP_SERVICE, "ca", what);
}

typedef struct extension {
    int nid;
    const char *value;
} extension;

static iscep_status add_extensions(X509 *cert, X509 *issuer, const extension *extensions, size_t count,
                                   iscep_error *err)
{
    iscep_status status = ISCEP_OK;
    for (size_t i = 0; status == ISCEP_OK && i < count; i++)
        status = iscep_profile_add_extension(cert, issuer, extensions[i].nid, extensions[i].value, err);
    return status;
}

static iscep_status extend_ca(X509 *cert, iscep_error *err)
{
    /* SCEP signs and deciphers with the CA's key too, when there is no RA. */
    static const extension extensions[] = {
        {NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
        {NID_key_usage, "critical,digitalSignature,keyEncipherment,keyCertSign,cRLSign"},
        {NID_subject_key_identifier, "hash"},
    };
    return add_extensions(cert, cert, extensions, sizeof(extensions) / sizeof(extensions[0]), err);
}

static iscep_status extend_ra(X509 *cert, X509 *issuer, iscep_error *err)
{
    static const extension extensions[] = {
        {NID_basic_constraints, "critical,CA:FALSE"},
        {NID_key_usage, "critical,digitalSignature,keyEncipherment"},
        {NID_subject_key_identifier, "hash"},
        {NID_authority_key_identifier, "keyid:always"},
    };
    return add_extensions(cert, issuer, extensions, sizeof(extensions) / sizeof(extensions[0]), err);
}

static iscep_status fill(X509 *cert, const iscep_identity_plan *plan, EVP_PKEY *key, iscep_error *err)
{
    iscep_status status = iscep_profile_start(cert, iscep_now_unix_ms(plan->env) / 1000, VALIDITY_DAYS, err);
    if (status != ISCEP_OK)
        return status;
    X509 *issuer = plan->issuer ? plan->issuer->cert : cert;
    X509_NAME *name = X509_get_subject_name(cert);
    if (X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)plan->subject, -1, -1, 0) !=
            1 ||
        X509_set_issuer_name(cert, X509_get_subject_name(issuer)) != 1 || X509_set_pubkey(cert, key) != 1 ||
        !iscep_profile_end_with_issuer(cert, issuer))
        return failed(err, "the name or key of a certificate cannot be set");
    return plan->is_ca ? extend_ca(cert, err) : extend_ra(cert, issuer, err);
}

static iscep_status make_cert(iscep_identity *out, const iscep_identity_plan *plan, iscep_error *err)
{
    out->cert = X509_new_ex(iscep_crypto_context(plan->crypto), NULL);
    if (!out->cert)
        return iscep_error_nomem(err);
    iscep_status status = fill(out->cert, plan, out->key.pkey, err);
    if (status != ISCEP_OK)
        return status;
    const iscep_key *signer = plan->issuer ? &plan->issuer->key : &out->key;
    if (!iscep_key_sign_cert(signer, out->cert))
        return failed(err, "a certificate cannot be signed");
    out->is_new = true;
    return iscep_pem_write_cert(out->cert_path, out->cert, err);
}

/* What another host would certify: the key, under that name. */
static iscep_status make_request(iscep_cert_request *out, const iscep_identity_plan *plan, EVP_PKEY *key,
                                 iscep_error *err)
{
    X509_REQ *csr = out->csr = X509_REQ_new_ex(iscep_crypto_context(plan->crypto), NULL);
    if (!csr || X509_REQ_set_version(csr, X509_REQ_VERSION_1) != 1 ||
        X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(csr), "CN", MBSTRING_ASC,
                                   (const uint8_t *)plan->subject, -1, -1, 0) != 1 ||
        X509_REQ_set_pubkey(csr, key) != 1 || X509_REQ_sign(csr, key, EVP_sha256()) <= 0)
        return failed(err, "a certificate request cannot be made");
    return ISCEP_OK;
}

/* Of a CA its own certificate, and otherwise one that it issues. */
static iscep_status fetch_cert(iscep_identity *out, const iscep_identity_plan *plan, iscep_error *err)
{
    iscep_cert_request request = {0};
    iscep_status status = ISCEP_OK;
    if (plan->is_ca) {
        status = plan->authority->fetch_ca(plan->authority, &out->cert, err);
    } else {
        status = make_request(&request, plan, out->key.pkey, err);
        if (status == ISCEP_OK)
            status = plan->authority->sign(plan->authority, &out->cert, &request, err);
        iscep_cert_request_clear(&request);
    }
    if (status == ISCEP_OK && plan->issuer &&
        X509_verify(out->cert, X509_get0_pubkey(plan->issuer->cert)) != 1)
        status = failed(err, "the certificate that came is not of this CA");
    out->is_new = status == ISCEP_OK;
    return status == ISCEP_OK ? iscep_pem_write_cert(out->cert_path, out->cert, err) : status;
}

static iscep_status load_cert(iscep_identity *out, const iscep_identity_plan *plan, iscep_error *err)
{
    out->cert = iscep_pem_read_cert(plan->crypto, out->cert_path);
    if (!out->cert)
        return iscep_crypto_error(err, ISCEP_CONFIG, "ca", "the certificate cannot be read");
    if (out->key.pkey && X509_check_private_key(out->cert, out->key.pkey) != 1)
        return iscep_crypto_error(err, ISCEP_CONFIG, "ca", "the key is not this certificate's");
    X509 *issuer = plan->issuer ? plan->issuer->cert : out->cert;
    if (X509_verify(out->cert, X509_get0_pubkey(issuer)) != 1)
        return iscep_crypto_error(err, ISCEP_CONFIG, "ca", "the certificate is not of this CA");
    return ISCEP_OK;
}

static iscep_status load_or_make_key(iscep_identity *out, const iscep_identity_plan *plan, bool has_cert,
                                     iscep_error *err)
{
    ISCEP_AUTO_BUF path;
    iscep_buf_init(&path, 4096);
    iscep_buf_printf(&path, "%s/%s.key", plan->dir, plan->name);
    iscep_status status = iscep_buf_status(&path, err);
    if (status != ISCEP_OK)
        return status;
    if (plan->key_uri)
        return iscep_key_open(&out->key, plan->key_uri, plan->key_provider, err);
    if (iscep_state_file_exists(iscep_buf_text(&path)))
        return iscep_key_load(&out->key, plan->crypto, iscep_buf_text(&path), err);
    if (has_cert) /* whose key is gone: not ours to replace */
        return iscep_error_set(err, ISCEP_CONFIG, NULL,
                               "%s is there and %s is not: restore it, or remove both", out->cert_path,
                               iscep_buf_text(&path));
    return iscep_key_make(&out->key, plan->crypto, iscep_buf_text(&path), err);
}

iscep_status iscep_identity_open(iscep_identity *out, const iscep_identity_plan *plan, iscep_error *err)
{
    *out = (iscep_identity){0};
    iscep_buf_init(&out->der, ISCEP_CERT_MAX_LEN);
    if (asprintf(&out->cert_path, "%s/%s.pem", plan->dir, plan->name) < 0) {
        out->cert_path = NULL;
        return iscep_error_nomem(err);
    }
    bool has_cert = iscep_state_file_exists(out->cert_path);
    bool has_key = !(plan->authority && plan->is_ca);
    iscep_status status = has_key ? load_or_make_key(out, plan, has_cert, err) : ISCEP_OK;
    if (status != ISCEP_OK)
        return status;
    status = has_cert          ? load_cert(out, plan, err)
             : plan->authority ? fetch_cert(out, plan, err)
                               : make_cert(out, plan, err);
    if (status != ISCEP_OK) {
        iscep_error_prefix(err, out->cert_path);
        return status;
    }
    return iscep_crypto_cert_der(&out->der, out->cert, err);
}

void iscep_identity_clear(iscep_identity *identity)
{
    X509_free(identity->cert);
    iscep_key_clear(&identity->key);
    iscep_buf_clear(&identity->der);
    free(identity->cert_path);
    *identity = (iscep_identity){0};
}
