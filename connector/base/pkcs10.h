/*
 * A PKCS#10 request (RFC 2986) in its parts, and the check of its signature. It does what OpenSSL's X509_REQ does, but
 * for the public key: OpenSSL 3.0 assembles its decoders anew for every key that it meets, which costs more than all
 * the rest of a validation. Here an RSA key is read directly; other kinds take OpenSSL's way.
 *
 * For base/x509.c and base/x509_facts.c. Threads: a parsed object may be read by any thread.
 */
#ifndef ISCEP_BASE_PKCS10_H
#define ISCEP_BASE_PKCS10_H

#include <openssl/x509.h>

#include "base/bytes.h"

typedef struct iscep_pkcs10 iscep_pkcs10;

/*
 * USAGE "csr_malformed" unless der is one request of version 0 and nothing behind it; what ASN.1 allows beyond DER is the
 * caller's to refuse. NOMEM says nothing about the request. Begins with iscep_openssl_forget.
 */
iscep_status iscep_pkcs10_parse(iscep_pkcs10 **out, iscep_bytes der, iscep_error *err) ISCEP_CHECKED;
void iscep_pkcs10_free(iscep_pkcs10 *request);

/* Did the holder of the request's key sign the request? Also false when there is no memory (base/openssl_error.h). */
bool iscep_pkcs10_is_signed(const iscep_pkcs10 *request);

/* All borrowed from request. */
const X509_ALGOR *iscep_pkcs10_signature(const iscep_pkcs10 *request); /* the algorithm */
const X509_NAME *iscep_pkcs10_subject(const iscep_pkcs10 *request);
EVP_PKEY *iscep_pkcs10_key(const iscep_pkcs10 *request); /* NULL: it cannot be read */
const STACK_OF(X509_ATTRIBUTE) *
    iscep_pkcs10_attributes(const iscep_pkcs10 *request); /* NULL: there are none */

#endif
