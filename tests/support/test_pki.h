/* Keys, PKCS#10 requests and certificates, made with OpenSSL in the test itself; also deliberately wrong ones. */
#ifndef ISCEP_TESTS_TEST_PKI_H
#define ISCEP_TESTS_TEST_PKI_H

#include <openssl/types.h>

#include "base/bytes.h"

#define TEST_PKI_CHALLENGE "challenge-canary-7f3a"

/* Free with EVP_PKEY_free. */
EVP_PKEY *test_pki_new_ec_key(void);
EVP_PKEY *test_pki_new_rsa_key(void);

typedef struct test_csr_options {
    EVP_PKEY *key;             /* NULL: a new EC key */
    const char *common_name;   /* NULL: "device-1" */
    unsigned name_entries;     /* organizational units in the name, besides */
    const char *challenges[2]; /* NULL: no such value */
    int challenge_type;        /* V_ASN1_UTF8STRING…; 0: V_ASN1_PRINTABLESTRING */
    bool is_one_attribute;     /* both values in one attribute; otherwise in two */
    bool has_no_value;         /* a challengePassword attribute with an empty SET */
    bool is_signed_by_other_key;
} test_csr_options;

/* Appends the DER to out. */
void test_pki_emit_csr(iscep_buf *out, const test_csr_options *options);
/* What most tests need: an EC request with TEST_PKI_CHALLENGE. */
void test_pki_emit_good_csr(iscep_buf *out, EVP_PKEY *key);

typedef struct test_cert_options {
    EVP_PKEY *key;           /* the subject's; required */
    EVP_PKEY *issuer_key;    /* NULL: key */
    const char *common_name; /* NULL: "device-1" */
    const char *issuer_name; /* common name; NULL: "Test CA" */
    const char *serial_hex;  /* NULL: "0A1B" */
    int64_t not_after_unix;  /* 0: 2026-11-22T07:20:00Z plus one year */
    const char *dns_name;    /* adds subjectAltName dNSName, and 127.0.0.1 */
} test_cert_options;

void test_pki_emit_cert(iscep_buf *out, const test_cert_options *options);

/* A self-signed TLS server certificate for localhost and 127.0.0.1, with its key, as PEM files. */
void test_pki_write_tls_files(const char *cert_path, const char *key_path);

#endif
