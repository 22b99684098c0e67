/* A TLS client of the tests, and the certificates it shows: a CA, and who it vouches for. */
#ifndef ISCEP_TESTS_TLS_CLIENT_H
#define ISCEP_TESTS_TLS_CLIENT_H

#include <openssl/ssl.h>

#include "base/bytes.h"

typedef struct test_identity {
    X509 *certificate;
    EVP_PKEY *key;
} test_identity;

typedef struct test_identity_options {
    const test_identity *issuer; /* NULL: self-signed */
    const char *common_name;     /* NULL: none */
    const char *alternative;     /* as in openssl.cnf: "DNS:a.example,IP:192.0.2.1"; NULL: none */
    const char *usage;           /* extendedKeyUsage: "clientAuth"; NULL: none */
    bool is_ca;
    bool is_expired;
    int expires_in_s; /* 0: in an hour */
} test_identity_options;

test_identity test_identity_new(const test_identity_options *options);
void test_identity_free(test_identity *identity);
void test_identity_write(const test_identity *identity, const char *cert_path, const char *key_path);

typedef struct tls_client {
    SSL_CTX *context;
    SSL *ssl;
    int fd;
} tls_client;

typedef struct tls_client_options {
    uint16_t port;
    const test_identity *identity; /* NULL: none is shown */
    SSL_SESSION *session;          /* to be resumed; NULL: a new one */
    iscep_bytes alpn;              /* as on the wire; none: nothing is offered */
    int max_version;               /* 0: the newest */
} tls_client_options;

/* false: the handshake failed. A server of TLS 1.3 may refuse later, when the client believes to be in. */
bool tls_client_open(tls_client *client, const tls_client_options *options);
/* GET path; the status of the reply, its body into body. 0: there was none. */
int tls_client_get(tls_client *client, const char *path, char *body, size_t body_size);
void tls_client_close(tls_client *client);

#endif
