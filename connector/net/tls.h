/* TLS contexts for our listeners: TLS 1.2 or newer, OpenSSL's defaults otherwise. */
#ifndef ISCEP_NET_TLS_H
#define ISCEP_NET_TLS_H

#include <openssl/types.h>

#include "base/error.h"

/* Certificate chain and key in PEM files. Free with iscep_tls_server_free. */
iscep_status iscep_tls_server_new(SSL_CTX **out, const char *chain_file, const char *key_file,
                                  iscep_error *err) ISCEP_CHECKED;
void iscep_tls_server_free(SSL_CTX *tls);

#endif
