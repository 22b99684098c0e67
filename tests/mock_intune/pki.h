/*
 * The mock's keys and certificates, kept in its state directory: made at the first start, used again at the next.
 *
 *     ca.pem, ca.key                  what a client of the mock has to trust
 *     server.pem, server.key          the listener: localhost, 127.0.0.1, ::1, *.mock.localhost
 *     token.key                       RSA: signs access tokens
 *     challenge-sign.pem, .key        P-256: signs challenges
 *     challenge-encrypt.pem, .key     P-256: challenges are encrypted to it
 */
#ifndef MOCK_PKI_H
#define MOCK_PKI_H

#include <openssl/types.h>

#include "base/bytes.h"

#define MOCK_PATH_SIZE 1024

typedef struct mock_pki {
    char ca_file[MOCK_PATH_SIZE];
    char server_file[MOCK_PATH_SIZE];
    char server_key_file[MOCK_PATH_SIZE];
    EVP_PKEY *token_key;
    char token_key_id[44]; /* base64url of the SHA-256 of its public key */
    X509 *sign_cert;
    EVP_PKEY *sign_key;
    X509 *encrypt_cert;
    EVP_PKEY *encrypt_key;
} mock_pki;

/* Makes state_dir if need be. STORAGE when a file cannot be read or written. Clear it in both cases. */
iscep_status mock_pki_open(mock_pki *out, const char *state_dir, iscep_error *err) ISCEP_CHECKED;
void mock_pki_clear(mock_pki *pki);

#endif
