/*
 * A certificate request as the mock reads it, with OpenSSL alone. Not base/x509 on purpose: the stand-in is the judge
 * of the connector, and a judge must not share the mistakes of the judged.
 */
#ifndef MOCK_CSR_H
#define MOCK_CSR_H

#include <openssl/x509v3.h>

#include "base/bytes.h"
#include "textset.h"

#define MOCK_CSR_MAX_LEN (128u * 1024u)

/* Intune's words on an extension: is it there, and can it be read? */
typedef enum mock_presence { MOCK_ABSENT, MOCK_PRESENT, MOCK_UNREADABLE } mock_presence;

typedef struct mock_csr {
    X509_REQ *req;
    STACK_OF(X509_EXTENSION) * extensions; /* what it asks the certificate to have; NULL: nothing */
    iscep_buf challenge;                   /* the challengePassword, never empty */
    uint8_t sha256[32];                    /* of the DER: two requests are the same if these are */
} mock_csr;

/* Returns the code of the refusal, MOCK_SUCCESS if there is none. Clear it in both cases. */
const char *mock_csr_parse(mock_csr *out, iscep_bytes base64);
void mock_csr_clear(mock_csr *csr);

int mock_csr_key_bits(const mock_csr *csr);
mock_presence mock_csr_key_usage(const mock_csr *csr, uint32_t *bits); /* KU_… of OpenSSL */
mock_presence mock_csr_ext_key_usage(const mock_csr *csr, mock_textset *oids);
/* Each name as mock_san_text (san.h) writes it; UNREADABLE also for kinds of names that no profile can demand. */
mock_presence mock_csr_sans(const mock_csr *csr, mock_textset *sans);

#endif
