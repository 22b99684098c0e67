/* TLS contexts for our listeners: TLS 1.2 or newer, OpenSSL's defaults otherwise. */
#ifndef ISCEP_NET_TLS_H
#define ISCEP_NET_TLS_H

#include <openssl/types.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

typedef struct iscep_tls_options {
    const char *chain_file; /* PEM */
    const char *key_file;
    const char
        *client_ca_file;     /* PEM; whose clients are believed. NULL: no client certificate is asked for */
    bool is_client_required; /* otherwise a client may come without */
} iscep_tls_options;

/* CONFIG: a file cannot be used, or the key is not the certificate's. Free with iscep_tls_server_free. */
iscep_status iscep_tls_server_make(SSL_CTX **out, const iscep_tls_options *options,
                                   iscep_error *err) ISCEP_CHECKED;
/* Do both believe the same clients? NULL is a listener without TLS, which knows none. */
bool iscep_tls_server_believes_same(const SSL_CTX *one, const SSL_CTX *other);
/* When its certificate ends. */
int64_t iscep_tls_server_expires_unix(const SSL_CTX *tls);
/* Certificate chain and key in PEM files. Free with iscep_tls_server_free. */
iscep_status iscep_tls_server_new(SSL_CTX **out, const char *chain_file, const char *key_file,
                                  iscep_error *err) ISCEP_CHECKED;
/* Another reference, to be freed, too. NULL is allowed. */
SSL_CTX *iscep_tls_server_share(SSL_CTX *tls);
void iscep_tls_server_free(SSL_CTX *tls);

#endif
