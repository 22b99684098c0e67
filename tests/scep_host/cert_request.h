/*
 * What a device asks for: its PKCS#10 request (RFC 2986), checked, and the parts of it that may enter a
 * certificate.
 */
#ifndef ISCEP_HOST_CERT_REQUEST_H
#define ISCEP_HOST_CERT_REQUEST_H

#include <openssl/x509v3.h>

#include "crypto.h"
#include "rfc8894.h"

typedef struct iscep_cert_request {
    X509_REQ *csr;
    ASN1_BIT_STRING *key_usage; /* NULL: not asked for, as the next two */
    EXTENDED_KEY_USAGE *extended_key_usage;
    GENERAL_NAMES *alternative_names;
} iscep_cert_request;

/*
 * Whole DER, a signature by its own key, a permitted key, and extensions that can be read. USAGE is the
 * device's fault, which fail_info then names. Clear in either case.
 */
iscep_status iscep_cert_request_parse(iscep_cert_request *out, const iscep_crypto *crypto, iscep_bytes der,
                                      iscep_fail_info *fail_info, iscep_error *err) ISCEP_CHECKED;
void iscep_cert_request_clear(iscep_cert_request *request);

#endif
