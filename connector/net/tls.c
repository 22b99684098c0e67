/* TLS contexts: see tls.h. */
#include "net/tls.h"

#include <openssl/err.h>
#include <openssl/pemerr.h>
#include <openssl/ssl.h>
#include <openssl/x509err.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

enum { SESSION_TIMEOUT_S = 300 }; /* TLS 1.3 counts anew with every use of a session */

/* A client that offers protocols is told that it is HTTP/1.1, if that is one of them (RFC 7301). */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                           const unsigned char *in, unsigned int in_len, void *user)
{
    (void)ssl;
    (void)user;
    static const unsigned char known[] = "\x08http/1.1";
    unsigned char *chosen = NULL;
    if (SSL_select_next_proto(&chosen, out_len, known, sizeof known - 1, in, in_len) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_NOACK;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

/* Whose certificate has expired since is asked for another. What the CA vouches for is fixed: its change is a new context. */
static SSL_TICKET_RETURN judge_ticket(SSL *ssl, SSL_SESSION *session, const unsigned char *key_name,
                                      size_t key_name_len, SSL_TICKET_STATUS status, void *user)
{
    (void)ssl;
    (void)key_name;
    (void)key_name_len;
    (void)user;
    if (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW)
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    const X509 *client = SSL_SESSION_get0_peer(session);
    if (client != NULL && X509_cmp_current_time(X509_get0_notAfter(client)) <= 0)
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

/* Sessions are tickets, which the client keeps: connections that come and go leave nothing behind here. */
static void set_defaults(SSL_CTX *tls)
{
    SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION);
    SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS); /* an idle connection costs no record buffers */
    SSL_CTX_set_options(tls, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_timeout(tls, SESSION_TIMEOUT_S);
    SSL_CTX_set_session_ticket_cb(tls, NULL, judge_ticket, NULL);
    SSL_CTX_set_alpn_select_cb(tls, choose_protocol, NULL);
}

/*
 * Clients are asked for a certificate: one for TLS clients, of a CA in the file. The file may hold an intermediate CA
 * alone. Who shows a certificate that cannot be believed is refused, also where he might have come without.
 */
static bool ask_clients(SSL_CTX *tls, const char *ca_file, bool is_required)
{
    static const unsigned char context[] =
        "intune-scepd"; /* without one, OpenSSL resumes no session of such clients */
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(ca_file);
    if (names == NULL || SSL_CTX_load_verify_file(tls, ca_file) != 1) {
        sk_X509_NAME_pop_free(names, X509_NAME_free);
        return false;
    }
    SSL_CTX_set_client_CA_list(tls, names);
    X509_VERIFY_PARAM *param = SSL_CTX_get0_param(tls);
    X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_CLIENT);
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER | (is_required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), NULL);
    return SSL_CTX_set_session_id_context(tls, context, sizeof context - 1) == 1;
}

/* NULL: all files are good. Otherwise the one that is not. */
static const char *load(SSL_CTX *tls, const iscep_tls_options *options)
{
    if (SSL_CTX_use_certificate_chain_file(tls, options->chain_file) != 1)
        return options->chain_file;
    if (SSL_CTX_use_PrivateKey_file(tls, options->key_file, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(tls) != 1)
        return options->key_file;
    if (options->client_ca_file != NULL &&
        !ask_clients(tls, options->client_ca_file, options->is_client_required))
        return options->client_ca_file;
    return NULL;
}

/* In words; borrowed until the thread's next. */
static const char *explain(unsigned long code)
{
    if (ERR_SYSTEM_ERROR(code))
        return strerror(ERR_GET_REASON(code));
    if (ERR_GET_LIB(code) == ERR_LIB_X509 && ERR_GET_REASON(code) == X509_R_KEY_VALUES_MISMATCH)
        return "it is not the key of the certificate";
    if (ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE)
        return "there is nothing in it that begins with -----BEGIN";
    if (ERR_GET_LIB(code) == ERR_LIB_OSSL_DECODER)
        return "it is no private key in PEM that can be read without a password";
    const char *reason = ERR_reason_error_string(code);
    return reason != NULL ? reason : "nobody knows why";
}

iscep_status iscep_tls_server_make(SSL_CTX **out, const iscep_tls_options *options, iscep_error *err)
{
    if (options->is_client_required && options->client_ca_file == NULL)
        return iscep_error_set(err, ISCEP_CONFIG, "tls_files",
                               "client certificates are required, but there is no CA to check them with");
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    if (tls == NULL)
        return iscep_error_nomem(err);
    set_defaults(tls);
    ERR_clear_error();
    const char *wrong = load(tls, options);
    if (wrong != NULL) {
        const unsigned long code = ERR_peek_error(); /* the first is the cause */
        ERR_clear_error();
        SSL_CTX_free(tls);
        return iscep_error_set(err, ISCEP_CONFIG, "tls_files", "cannot use %s for TLS: %s", wrong,
                               explain(code));
    }
    *out = tls;
    return ISCEP_OK;
}

iscep_status iscep_tls_server_new(SSL_CTX **out, const char *chain_file, const char *key_file,
                                  iscep_error *err)
{
    return iscep_tls_server_make(out, &(iscep_tls_options){.chain_file = chain_file, .key_file = key_file},
                                 err);
}

/* --- two contexts --- */

/* NULL: it is a revocation list, which a file may hold, too, and which is not looked at. */
static const X509 *certificate_of(const STACK_OF(X509_OBJECT) * cas, int i)
{
    return X509_OBJECT_get0_X509(sk_X509_OBJECT_value(cas, i));
}

/* The order is OpenSSL's affair, and none is there twice. */
static bool has_certificate(const STACK_OF(X509_OBJECT) * cas, const X509 *wanted)
{
    for (int i = 0; i < sk_X509_OBJECT_num(cas); i++)
        if (certificate_of(cas, i) != NULL && X509_cmp(certificate_of(cas, i), wanted) == 0)
            return true;
    return false;
}

bool iscep_tls_server_believes_same(const SSL_CTX *one, const SSL_CTX *other)
{
    if (one == NULL || other == NULL)
        return one == other;
    const STACK_OF(X509_OBJECT) *cas = X509_STORE_get0_objects(SSL_CTX_get_cert_store(one)),
                                *others = X509_STORE_get0_objects(SSL_CTX_get_cert_store(other));
    bool is_same = SSL_CTX_get_verify_mode(one) == SSL_CTX_get_verify_mode(other) &&
                   sk_X509_OBJECT_num(cas) == sk_X509_OBJECT_num(others);
    for (int i = 0; i < sk_X509_OBJECT_num(cas) && is_same; i++)
        is_same = certificate_of(cas, i) == NULL || has_certificate(others, certificate_of(cas, i));
    return is_same;
}

int64_t iscep_tls_server_expires_unix(const SSL_CTX *tls)
{
    struct tm tm;
    const X509 *certificate = SSL_CTX_get0_certificate(tls);
    if (certificate == NULL || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &tm) != 1)
        return 0;
    return timegm(&tm);
}

void iscep_tls_server_free(SSL_CTX *tls)
{
    SSL_CTX_free(tls);
}

SSL_CTX *iscep_tls_server_share(SSL_CTX *tls)
{
    if (tls != NULL)
        SSL_CTX_up_ref(tls);
    return tls;
}
