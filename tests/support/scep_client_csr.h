/* The PKCS#10 request of a device, with the names and usages that its profile demands. */
#ifndef TESTS_SCEP_CLIENT_CSR_H
#define TESTS_SCEP_CLIENT_CSR_H

#include <openssl/evp.h>

#include "base/bytes.h"

typedef struct scep_client_name {
    const char
        *kind; /* of the subject: "CN", "O", "E", or a dotted OID; of a SAN: "dns", "rfc822", "upn", "uri" */
    const char *value;
} scep_client_name;

typedef struct scep_client_csr {
    const scep_client_name *subject;
    size_t subject_count;
    const scep_client_name *sans;
    size_t san_count;
    uint32_t key_usage;            /* 1 digitalSignature, 4 keyEncipherment…; 0: no extension */
    const char *const *ext_usages; /* dotted OIDs */
    size_t ext_usage_count;
    const char *challenge; /* of PrintableString's characters */
} scep_client_csr;

/* Appends the DER, signed by the key with SHA-256. USAGE: a kind, an OID or a value that cannot be in a CSR. */
iscep_status scep_client_csr_emit(iscep_buf *out, EVP_PKEY *key, const scep_client_csr *csr,
                                  iscep_error *err) ISCEP_CHECKED;

#endif
