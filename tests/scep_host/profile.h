/*
 * The certificate profile: what goes into a certificate, whoever asks for what. Subject, names and usages are
 * the device's wish, within limits; power over other people's certificates is nobody's.
 */
#ifndef ISCEP_HOST_PROFILE_H
#define ISCEP_HOST_PROFILE_H

#include "cert_request.h"

typedef struct iscep_profile {
    const iscep_crypto *crypto;
    X509 *issuer;
    int64_t now_unix; /* seconds */
    uint32_t validity_days;
    const char *crl_url; /* NULL: no CRL distribution point */
} iscep_profile;

/* A certificate that lacks nothing but its signature. Free with X509_free. */
iscep_status iscep_profile_apply(X509 **out, const iscep_profile *profile, const iscep_cert_request *request,
                                 iscep_error *err) ISCEP_CHECKED;

/* What the CA's certificate and those that it issues have in common: version 3, a random serial number, a
 * time. */
iscep_status iscep_profile_start(X509 *cert, int64_t now_unix, uint32_t validity_days,
                                 iscep_error *err) ISCEP_CHECKED;
/* No certificate outlives the one that vouches for it. */
bool iscep_profile_end_with_issuer(X509 *cert, const X509 *issuer);
/* An extension in the words of OpenSSL's x509v3_config(5). */
iscep_status iscep_profile_add_extension(X509 *cert, X509 *issuer, int nid, const char *value,
                                         iscep_error *err) ISCEP_CHECKED;

#endif
