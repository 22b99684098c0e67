/*
 * The device's side of SCEP (RFC 8894), with OpenSSL's CMS. Other than tests/unit/scep_host/device.h it needs no test
 * framework: what cannot be read is an answer like any other, and it runs in many threads, and under ThreadSanitizer.
 */
#ifndef CHAOS_SCEP_CLIENT_H
#define CHAOS_SCEP_CLIENT_H

#include <openssl/x509.h>

#include "base/bytes.h"

/* An RSA key, and the certificate that it signed for itself. Many devices may share one; any thread may read it. */
typedef struct chaos_identity {
    EVP_PKEY *key;
    X509 *cert;
} chaos_identity;

iscep_status chaos_identity_make(chaos_identity *out, iscep_error *err) ISCEP_CHECKED;
void chaos_identity_clear(chaos_identity *identity);

/* Appends a PKCS#10 request for CN=name. */
iscep_status chaos_csr_emit(iscep_buf *out, const chaos_identity *identity, const char *name,
                            const char *challenge, iscep_error *err) ISCEP_CHECKED;

/* What a device asks: a PKCSReq with its CSR, or a CertPoll after PENDING. */
typedef struct chaos_question {
    const chaos_identity *identity;
    X509 *ca;
    const char *transaction_id;
    const char *name;
    iscep_bytes csr;
    bool is_poll;
} chaos_question;

/* Appends the pkiMessage. */
iscep_status chaos_question_emit(iscep_buf *out, const chaos_question *question,
                                 iscep_error *err) ISCEP_CHECKED;

typedef enum chaos_answer_kind {
    CHAOS_ANSWER_ISSUED = 1,
    CHAOS_ANSWER_PENDING,
    CHAOS_ANSWER_REFUSED
} chaos_answer_kind;

typedef struct chaos_answer {
    chaos_answer_kind kind;
    char reason[512]; /* refused: failInfo and failInfoText */
    X509 *cert;       /* issued: for the identity's key, whatever the server says */
} chaos_answer;

/* PROTOCOL: it is no CertRep of that CA for that question. */
iscep_status chaos_answer_parse(chaos_answer *out, iscep_bytes der, const chaos_question *question,
                                iscep_error *err) ISCEP_CHECKED;
void chaos_answer_clear(chaos_answer *answer);

#endif
