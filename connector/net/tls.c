/* TLS contexts: see tls.h. */
#include "net/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdbool.h>

iscep_status iscep_tls_server_new(SSL_CTX **out, const char *chain_file, const char *key_file,
                                  iscep_error *err)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    if (tls == NULL)
        return iscep_error_nomem(err);
    SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION);
    SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS); /* an idle connection costs no record buffers */
    SSL_CTX_set_options(tls, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    const char *file = chain_file;
    bool is_usable = SSL_CTX_use_certificate_chain_file(tls, chain_file) == 1;
    if (is_usable) {
        file = key_file;
        is_usable = SSL_CTX_use_PrivateKey_file(tls, key_file, SSL_FILETYPE_PEM) == 1 &&
                    SSL_CTX_check_private_key(tls) == 1;
    }
    if (!is_usable) {
        char reason[256];
        ERR_error_string_n(ERR_peek_last_error(), reason, sizeof reason);
        ERR_clear_error();
        SSL_CTX_free(tls);
        return iscep_error_set(err, ISCEP_CONFIG, "tls_files", "cannot use %s for TLS: %s", file, reason);
    }
    *out = tls;
    return ISCEP_OK;
}

void iscep_tls_server_free(SSL_CTX *tls)
{
    SSL_CTX_free(tls);
}
