/*
 * A SCEP client for tests of the host: it builds messages, wrong ones on request, and reads the replies. What
 * fails in here fails the test.
 */
#ifndef TEST_DEVICE_H
#define TEST_DEVICE_H

#include <openssl/cms.h>
#include <openssl/x509v3.h>

#include "base/bytes.h"
#include "base/transaction_id.h"
#include "rfc8894.h"

typedef struct scep_device {
    EVP_PKEY *key;
    X509 *cert; /* self-signed, as for a first enrolment; test_device_adopt replaces it */
} scep_device;

/* RSA, 2048 bits: another one with every call, of a few that the build has made, as making them takes long.
 */
EVP_PKEY *test_device_key(void);
void test_device_init(scep_device *device, const char *name);
void test_device_clear(scep_device *device);
/* From now on it signs as the owner of this certificate: a renewal. */
void test_device_adopt(scep_device *device, X509 *cert);

/* An extension of a CSR in the words of x509v3_config(5), by short name: {"keyUsage", "digitalSignature"}. */
typedef struct csr_extension {
    const char *name;
    const char *value;
} csr_extension;

#define TEST_CHALLENGE "a-challenge-that-must-never-be-logged"

/* CN=name; "" for an empty subject. Signed by the key, with TEST_CHALLENGE. */
void test_csr(iscep_buf *out, EVP_PKEY *key, const char *name, const csr_extension *extensions, size_t count);

/* A pkiMessage, right by default: TEST_MESSAGE(device, ca, content). A NULL or 0 member is left out or made
 * wrong. */
typedef struct message_options {
    const scep_device *device;
    const EVP_PKEY *signer_key; /* NULL: the device's own */
    X509 *recipient;
    iscep_bytes content;
    const char *message_type;
    const char *transaction_id; /* NULL: no attribute */
    int transaction_id_type;
    int nonce_len;            /* 0: no attribute */
    const EVP_CIPHER *cipher; /* NULL: the content is not enciphered */
    const EVP_MD *digest;
    int64_t signing_time_offset; /* seconds from now */
    const scep_device *second_signer;
} message_options;

#define TEST_TRANSACTION "3F2A77"
#define TEST_MESSAGE(a_device, a_recipient, a_content)                                                       \
    {                                                                                                        \
        .device = (a_device), .recipient = (a_recipient), .content = (a_content), .message_type = "19",      \
        .transaction_id = TEST_TRANSACTION, .transaction_id_type = V_ASN1_PRINTABLESTRING,                   \
        .nonce_len = ISCEP_NONCE_LEN, .cipher = EVP_aes_128_cbc(), .digest = EVP_sha256(),                   \
    }

void test_message(iscep_buf *out, const message_options *options);
/* The senderNonce of every message. */
extern const uint8_t TEST_NONCE[32];

void test_issuer_and_subject(iscep_buf *out, const X509_NAME *issuer, const char *subject);

/* A CertRep whose signature by the CA was checked. */
typedef struct cert_rep {
    char message_type[8];
    char pki_status[8];
    char fail_info[8]; /* "" when there is none */
    char fail_text[1024];
    char transaction_id[ISCEP_TRANSACTION_ID_SIZE];
    iscep_buf sender_nonce;
    iscep_buf recipient_nonce;
    int content_len; /* of the eContent; -1: absent */
    int cipher;      /* NID, with SUCCESS */
    X509 *cert;      /* with SUCCESS, one of the two */
    X509_CRL *crl;
} cert_rep;

void test_cert_rep_read(cert_rep *out, iscep_bytes der, X509 *ca, const scep_device *device);
void test_cert_rep_clear(cert_rep *reply);

#endif
