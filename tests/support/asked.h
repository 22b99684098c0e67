/* Requests that ask for something in particular, and certificates that give it: keys, digests and extensions at will. */
#ifndef ISCEP_TESTS_ASKED_H
#define ISCEP_TESTS_ASKED_H

#include <openssl/types.h>

#include "base/bytes.h"

enum { ASKED_MAX_EXTENSIONS = 6 };

/* As in openssl.cnf: {"subjectAltName", "DNS:a.example"}, {"subjectAltName", "@names"}, {"1.2.3.4", "DER:0500"}. */
typedef struct asked_extension {
    const char *name;
    const char *value;
} asked_extension;

typedef struct asked {
    EVP_PKEY *key;          /* required */
    const EVP_MD *digest;   /* NULL: SHA-256; for EdDSA, none */
    const char *challenge;  /* requests: required */
    int64_t not_after_unix; /* certificates; 0: the year 2100 */
    asked_extension extensions[ASKED_MAX_EXTENSIONS];
    const char *sections; /* what @names in their values refers to, as in openssl.cnf; NULL: nothing */
} asked;

/* Each appends the DER to out. */
void asked_emit_csr(iscep_buf *out, const asked *wish);
void asked_emit_cert(iscep_buf *out, const asked *wish);

/* The extension 1.3.6.1.4.1.311.25.2 with this SID, as a value for an asked_extension; static storage. */
const char *asked_sid_extension(const char *sid);

#endif
