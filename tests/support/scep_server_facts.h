/* What a SCEP server says of itself before a device sends a message (RFC 8894 3.5, 4.2). */
#ifndef TESTS_SCEP_SERVER_FACTS_H
#define TESTS_SCEP_SERVER_FACTS_H

#include <openssl/x509.h>

#include "base/bytes.h"

typedef struct scep_server_facts {
    bool has_aes;
    bool has_post;
    bool has_renewal;
    X509 *ca;        /* who issues */
    X509 *recipient; /* whom messages are enciphered for: the RA, or the CA again */
} scep_server_facts;

/* GetCACaps: a word a line, in any case; unknown words mean nothing. */
void scep_server_facts_read_caps(scep_server_facts *out, iscep_bytes text);
/* GetCACert: one certificate, or a PKCS#7 without signer of the CA's and its RA's. PROTOCOL: neither. */
iscep_status scep_server_facts_read_certs(scep_server_facts *out, iscep_bytes body,
                                          iscep_error *err) ISCEP_CHECKED;
void scep_server_facts_clear(scep_server_facts *facts);

#endif
