/*
 * Facts of a PKCS#10 request (RFC 2986) and of an X.509 certificate (RFC 5280), as far as SCEP and Intune ask
 * for them.
 *
 * Parsing is strict: DER, the whole input, within a size limit. Threads: a parsed object may be read by any
 * thread.
 */
#ifndef ISCEP_BASE_X509_H
#define ISCEP_BASE_X509_H

#include "base/bytes.h"

#define ISCEP_CSR_MAX_LEN  (64u * 1024u)
#define ISCEP_CERT_MAX_LEN (64u * 1024u)

typedef struct iscep_csr iscep_csr;
typedef struct iscep_cert iscep_cert;

/*
 * Parses the request and checks proof of possession (its own signature). The error's code tells what is
 * wrong: csr_too_large, csr_malformed, csr_signature_invalid, csr_challenge_missing, csr_challenge_duplicate
 * (also two values in one attribute), name_too_long. All with status USAGE; NOMEM says nothing about the request.
 */
iscep_status iscep_csr_parse(iscep_csr **out, iscep_bytes der, iscep_error *err) ISCEP_CHECKED;
void iscep_csr_free(iscep_csr *csr);
iscep_bytes iscep_csr_der(const iscep_csr *csr);
/*
 * The challengePassword (PKCS#9, 1.2.840.113549.1.9.7): exactly one, never empty. A secret: borrowed, not for
 * logs.
 */
iscep_bytes iscep_csr_challenge(const iscep_csr *csr);
/* RFC 2253 text, "CN=…,O=…"; borrowed, lives as long as csr. */
const char *iscep_csr_subject(const iscep_csr *csr);

iscep_status iscep_cert_parse(iscep_cert **out, iscep_bytes der, iscep_error *err) ISCEP_CHECKED;
void iscep_cert_free(iscep_cert *cert);
const char *iscep_cert_thumbprint(const iscep_cert *cert); /* SHA-1 of the DER, 40 upper-case hex digits */
const char *iscep_cert_serial(const iscep_cert *cert);     /* upper-case hex, two digits a byte, no sign */
const char *iscep_cert_issuer(const iscep_cert *cert);     /* RFC 2253 text */
const char *iscep_cert_subject(const iscep_cert *cert);    /* RFC 2253 text */
int64_t iscep_cert_not_after_unix(const iscep_cert *cert); /* seconds */
bool iscep_cert_has_key_of(const iscep_cert *cert, const iscep_csr *csr);

/* Is it one element of DER, and nothing behind it: every length definite, minimal, and whole within its parent? */
bool iscep_der_is_one(const uint8_t *data, size_t len);

/* Length of the one DER element that starts at data, header included; 0 if it is not whole within len. */
size_t iscep_der_element_len(const uint8_t *data, size_t len);

#endif
