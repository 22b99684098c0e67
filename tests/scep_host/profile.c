/* Building certificates. Extensions are made anew from what was understood, never copied as bytes. */
#include "profile.h"

#include <openssl/rand.h>
#include <string.h>
#include <time.h>

#include "ossl_auto.h"

enum { SERIAL_LEN = 16, MAX_URL_LEN = 2048 };

/* A device's clock may be behind ours when it gets the certificate. */
#define BACKDATING_SECONDS 300
#define SECONDS_PER_DAY    (24 * 60 * 60)

static iscep_status failed(iscep_error *err, const char *what)
{
    return iscep_crypto_error(err, ISCEP_SERVICE, "ca", what);
}

/* 127 random bits: RFC 5280 4.1.2.2 wants at most 20 bytes and a positive number. */
static bool set_serial(X509 *cert)
{
    uint8_t serial[SERIAL_LEN];
    if (RAND_bytes(serial, sizeof(serial)) != 1)
        return false;
    serial[0] = (uint8_t)((serial[0] & 0x7f) | 0x40); /* a constant length, and no sign */
    OSSL_AUTO(BIGNUM) *number = BN_bin2bn(serial, sizeof(serial), NULL);
    return number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert));
}

iscep_status iscep_profile_start(X509 *cert, int64_t now_unix, uint32_t validity_days, iscep_error *err)
{
    time_t now = (time_t)now_unix;
    if (X509_set_version(cert, X509_VERSION_3) != 1 || !set_serial(cert) ||
        !X509_time_adj_ex(X509_getm_notBefore(cert), 0, -BACKDATING_SECONDS, &now) ||
        !X509_time_adj_ex(X509_getm_notAfter(cert), (int)validity_days, 0, &now))
        return failed(err, "serial number or validity cannot be set");
    return ISCEP_OK;
}

bool iscep_profile_end_with_issuer(X509 *cert, const X509 *issuer)
{
    const ASN1_TIME *end = X509_get0_notAfter(issuer);
    return ASN1_TIME_compare(X509_get0_notAfter(cert), end) <= 0 || X509_set1_notAfter(cert, end) == 1;
}

iscep_status iscep_profile_add_extension(X509 *cert, X509 *issuer, int nid, const char *value,
                                         iscep_error *err)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    int is_added = extension && X509_add_ext(cert, extension, -1);
    X509_EXTENSION_free(extension);
    return is_added ? ISCEP_OK : failed(err, "an extension cannot be added");
}

/* keyUsage bits (RFC 5280 4.2.1.3) of an end entity. keyCertSign (5) and cRLSign (6) are the CA's own. */
static const int PERMITTED_USAGES[] = {0 /* digitalSignature */, 1 /* nonRepudiation */,
                                       2 /* keyEncipherment */, 3 /* dataEncipherment */,
                                       4 /* keyAgreement */};

static iscep_status add_key_usage(X509 *cert, const iscep_cert_request *request, iscep_error *err)
{
    OSSL_AUTO(ASN1_BIT_STRING) *granted = ASN1_BIT_STRING_new();
    if (!granted)
        return iscep_error_nomem(err);
    bool is_any = false;
    for (size_t i = 0; i < sizeof(PERMITTED_USAGES) / sizeof(PERMITTED_USAGES[0]); i++) {
        if (!request->key_usage || ASN1_BIT_STRING_get_bit(request->key_usage, PERMITTED_USAGES[i]) != 1)
            continue;
        is_any = true;
        if (ASN1_BIT_STRING_set_bit(granted, PERMITTED_USAGES[i], 1) != 1)
            return iscep_error_nomem(err);
    }
    if (!is_any)
        return iscep_profile_add_extension(cert, NULL, NID_key_usage,
                                           "critical,digitalSignature,keyEncipherment", err);
    if (X509_add1_ext_i2d(cert, NID_key_usage, granted, 1, X509V3_ADD_DEFAULT) != 1)
        return failed(err, "keyUsage cannot be added");
    return ISCEP_OK;
}

/* Usages that would let a device act for the CA, or for other devices. */
static const char *const FORBIDDEN_PURPOSES[] = {
    "2.5.29.37.0",             /* anyExtendedKeyUsage */
    "1.3.6.1.5.5.7.3.8",       /* timeStamping */
    "1.3.6.1.5.5.7.3.9",       /* OCSPSigning: says whether others are revoked */
    "1.3.6.1.5.5.7.3.27",      /* cmcCA (RFC 6402) */
    "1.3.6.1.5.5.7.3.28",      /* cmcRA: by which EST's clients, for one, know an RA */
    "1.3.6.1.4.1.311.10.3.1",  /* Microsoft: signs certificate trust lists */
    "1.3.6.1.4.1.311.10.3.10", /* Microsoft: qualified subordination */
    "1.3.6.1.4.1.311.20.2.1",  /* Microsoft: enrolment agent, requests in the name of others */
    "1.3.6.1.4.1.311.21.5",    /* Microsoft: CA exchange */
    "1.3.6.1.4.1.311.21.6",    /* Microsoft: key recovery agent */
};

static bool is_forbidden(const ASN1_OBJECT *purpose)
{
    for (size_t i = 0; i < sizeof(FORBIDDEN_PURPOSES) / sizeof(FORBIDDEN_PURPOSES[0]); i++) {
        OSSL_AUTO(ASN1_OBJECT) *forbidden = OBJ_txt2obj(FORBIDDEN_PURPOSES[i], 1);
        if (!forbidden || OBJ_cmp(purpose, forbidden) == 0)
            return true;
    }
    return false;
}

/* A certificate without extendedKeyUsage would serve every purpose, so there always is one. */
static iscep_status add_extended_key_usage(X509 *cert, const iscep_cert_request *request, iscep_error *err)
{
    EXTENDED_KEY_USAGE *granted = sk_ASN1_OBJECT_new_null(); /* borrows the request's objects */
    for (int i = 0; granted && i < sk_ASN1_OBJECT_num(request->extended_key_usage); i++) {
        ASN1_OBJECT *purpose = sk_ASN1_OBJECT_value(request->extended_key_usage, i);
        if (!is_forbidden(purpose) && sk_ASN1_OBJECT_push(granted, purpose) < 1)
            break;
    }
    int count = sk_ASN1_OBJECT_num(granted);
    bool is_added =
        count > 0 && X509_add1_ext_i2d(cert, NID_ext_key_usage, granted, 0, X509V3_ADD_DEFAULT) == 1;
    sk_ASN1_OBJECT_free(granted);
    if (count == 0)
        return iscep_profile_add_extension(cert, NULL, NID_ext_key_usage, "clientAuth", err);
    return is_added ? ISCEP_OK : failed(err, "extendedKeyUsage cannot be added");
}

/* Names are copied in full, the strong mapping of KB5014754 (a URI with the device's SID) among them. */
static iscep_status add_names(X509 *cert, const iscep_cert_request *request, iscep_error *err)
{
    const X509_NAME *subject = X509_REQ_get_subject_name(request->csr);
    if (X509_set_subject_name(cert, subject) != 1)
        return failed(err, "the subject cannot be copied");
    if (!request->alternative_names)
        return ISCEP_OK;
    int is_critical = X509_NAME_entry_count(subject) == 0; /* RFC 5280 4.1.2.6 */
    if (X509_add1_ext_i2d(cert, NID_subject_alt_name, request->alternative_names, is_critical,
                          X509V3_ADD_DEFAULT) != 1)
        return failed(err, "subjectAltName cannot be copied");
    return ISCEP_OK;
}

/* cRLDistributionPoints (RFC 5280 4.2.1.13). The URL has no comma: options.c saw to it. */
static iscep_status add_crl_url(X509 *cert, const char *crl_url, iscep_error *err)
{
    ISCEP_AUTO_BUF value;
    iscep_buf_init(&value, MAX_URL_LEN);
    if (!crl_url)
        return ISCEP_OK;
    iscep_buf_printf(&value, "URI:%s", crl_url);
    iscep_status status = iscep_buf_status(&value, err);
    return status == ISCEP_OK ? iscep_profile_add_extension(cert, NULL, NID_crl_distribution_points,
                                                            iscep_buf_text(&value), err)
                              : status;
}

static iscep_status add_fixed_extensions(X509 *cert, X509 *issuer, iscep_error *err)
{
    iscep_status status =
        iscep_profile_add_extension(cert, issuer, NID_basic_constraints, "critical,CA:FALSE", err);
    if (status == ISCEP_OK)
        status = iscep_profile_add_extension(cert, issuer, NID_subject_key_identifier, "hash", err);
    if (status == ISCEP_OK)
        status = iscep_profile_add_extension(cert, issuer, NID_authority_key_identifier, "keyid:always", err);
    return status;
}

static iscep_status fill(X509 *cert, const iscep_profile *profile, const iscep_cert_request *request,
                         iscep_error *err)
{
    iscep_status status = iscep_profile_start(cert, profile->now_unix, profile->validity_days, err);
    if (status != ISCEP_OK)
        return status;
    if (!iscep_profile_end_with_issuer(cert, profile->issuer) ||
        X509_set_issuer_name(cert, X509_get_subject_name(profile->issuer)) != 1 ||
        X509_set_pubkey(cert, X509_REQ_get0_pubkey(request->csr)) != 1)
        return failed(err, "issuer or key cannot be set");
    status = add_names(cert, request, err);
    if (status == ISCEP_OK)
        status = add_crl_url(cert, profile->crl_url, err);
    if (status == ISCEP_OK)
        status = add_fixed_extensions(cert, profile->issuer, err);
    if (status == ISCEP_OK)
        status = add_key_usage(cert, request, err);
    if (status == ISCEP_OK)
        status = add_extended_key_usage(cert, request, err);
    return status;
}

iscep_status iscep_profile_apply(X509 **out, const iscep_profile *profile, const iscep_cert_request *request,
                                 iscep_error *err)
{
    OSSL_AUTO(X509) *cert = X509_new_ex(iscep_crypto_context(profile->crypto), NULL);
    if (!cert)
        return iscep_error_nomem(err);
    iscep_status status = fill(cert, profile, request, err);
    if (status != ISCEP_OK)
        return status;
    *out = cert;
    cert = NULL;
    return ISCEP_OK;
}
