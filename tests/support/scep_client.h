/*
 * The device's side of SCEP (RFC 8894), with OpenSSL's CMS: for programs that play devices. Other than
 * tests/unit/scep_host/device.h it needs no test framework: what cannot be read is an answer like any other, and it runs in
 * many threads, and under ThreadSanitizer.
 */
#ifndef TESTS_SCEP_CLIENT_H
#define TESTS_SCEP_CLIENT_H

#include <openssl/x509.h>

#include "base/bytes.h"

/*
 * A key and a certificate of it: one that it has signed for itself, or, for a renewal, the one that it was issued.
 * Many devices may share one; any thread may read it.
 */
typedef struct scep_client_identity {
    EVP_PKEY *key;
    X509 *cert;
} scep_client_identity;

/* With a new RSA key of 2048 bits. */
iscep_status scep_client_identity_make(scep_client_identity *out, iscep_error *err) ISCEP_CHECKED;
void scep_client_identity_clear(scep_client_identity *identity);

/* The values are RFC 8894's (3.2.1.2). */
typedef enum scep_client_message {
    SCEP_CLIENT_RENEWAL_REQ = 17,
    SCEP_CLIENT_PKCS_REQ = 19,
    SCEP_CLIENT_CERT_POLL = 20,
} scep_client_message;

/* What a device asks. All is borrowed. */
typedef struct scep_client_question {
    scep_client_message message;
    const scep_client_identity *signer; /* who signs, and can open the answer */
    EVP_PKEY *key;                      /* to be certified, or that the certificate polled for has */
    X509 *ca;                           /* who issues */
    X509 *recipient;                    /* whom messages are enciphered for: the CA or its RA */
    const char *transaction_id;
    iscep_bytes csr;
    bool has_only_des3; /* the server does not know AES */
} scep_client_question;

/* Appends the pkiMessage. */
iscep_status scep_client_question_emit(iscep_buf *out, const scep_client_question *question,
                                       iscep_error *err) ISCEP_CHECKED;

typedef enum scep_client_answer_kind {
    SCEP_CLIENT_ISSUED = 1,
    SCEP_CLIENT_PENDING,
    SCEP_CLIENT_REFUSED
} scep_client_answer_kind;

typedef struct scep_client_answer {
    scep_client_answer_kind kind;
    const char *fail_info; /* refused: "badRequest"… */
    char reason[512];      /* refused: failInfoText, or failInfo as it came */
    X509 *cert;            /* issued: for the question's key, whatever the server says */
} scep_client_answer;

/* PROTOCOL: it is no CertRep of that CA or RA for that question. */
iscep_status scep_client_answer_parse(scep_client_answer *out, iscep_bytes der,
                                      const scep_client_question *question, iscep_error *err) ISCEP_CHECKED;
void scep_client_answer_clear(scep_client_answer *answer);

#endif
